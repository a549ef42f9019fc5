/* weft stats: what runs were like in numbers, and how groups of them differ. */
#ifndef SIM_CLI_STATS_H
#define SIM_CLI_STATS_H

#include "analysis/run.h"
#include "analysis/stat.h"

#include <stdio.h>

#define CLI_STATS_RUNS_MAX 10000
#define CLI_STATS_GROUPS_MAX 16
#define CLI_STATS_ONLY_MAX 32

/* One run: its metrics, and what it says of itself. */
struct cli_stats_run {
    const char *path;
    uint32_t group;
    char scenario[64], seed[24], hash[40], verdict[16];
    uint64_t damaged;
    struct ana_metric *metrics; /* metrics_count of cli_stats */
};

struct cli_stats_group {
    char name[64];
    uint32_t runs;
};

struct cli_stats {
    struct cli_stats_run *runs;
    uint32_t runs_count, runs_room;
    struct cli_stats_group groups[CLI_STATS_GROUPS_MAX];
    uint32_t groups_count;
    const char *only[CLI_STATS_ONLY_MAX]; /* metrics that are shown: names, or how they begin */
    uint32_t only_count;
    uint32_t metrics_count; /* of each run */
};

/* One metric of one group. */
struct cli_stats_cell {
    uint32_t count; /* of runs that have it */
    double median, min, max;
    struct ana_interval between; /* of the median */
    double *sorted;              /* `count` of them; to be freed */
};

/* Whether --metric lets it be shown. */
bool cli_stats_shows(const struct cli_stats *stats, uint32_t metric);

/* False without memory. */
bool cli_stats_cell(const struct cli_stats *stats, uint32_t metric, uint32_t group,
                    struct cli_stats_cell *out);

/* "12.3 ms", "98.98 %", "1,234": `out` has room for 40 bytes. NAN: "-". Returns out. */
char *cli_stats_show(double value, enum ana_unit unit, char out[40]);

/* One run; all of a group; the first group and each further one. False without memory. */
void cli_stats_page_of_run(FILE *out, const struct cli_stats *stats, const struct ana_run *run);
bool cli_stats_page_of_group(FILE *out, const struct cli_stats *stats);
bool cli_stats_page_of_groups(FILE *out, const struct cli_stats *stats);
bool cli_stats_json(FILE *out, const struct cli_stats *stats);

#endif
