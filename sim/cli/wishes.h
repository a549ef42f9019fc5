/* Wishes: what commands that run a scenario are told alike, how they repeat it, and what they run
 * it on. */
#ifndef SIM_CLI_WISHES_H
#define SIM_CLI_WISHES_H

#include "sim/cli/cli.h"
#include "sim/world/points.h"

#define CLI_SETS_MAX 64
#define CLI_REPEAT_MAX 4096

/* First member of a command's own wishes: `into` of these options. */
struct cli_wishes {
    const char *file;
    const char *sets[CLI_SETS_MAX];
    uint32_t sets_count;
    const char *seed_text; /* NULL: not given */
    uint64_t seed;
    bool has_seed, json;
    const char *until_text;
    weft_time until;         /* TIME_NEVER: not given; set before parsing */
    const char *fail;        /* the point that fails, as told; NULL: none */
    struct sim_points point; /* the same; node ALL_NODES before parsing */
    struct cli_folders folders;
    uint32_t folders_given;          /* those of --modules, once the plan is read */
    const struct sim_flow_ops *flow; /* what the plan asks for, once it is read */
    const struct sim_flow_setup *flow_setup;
    uint64_t threads; /* 0: not given, one */
};

bool cli_take_seed(void *into, const char *value);
bool cli_take_until(void *into, const char *value);
bool cli_take_json(void *into, const char *value);
bool cli_take_set(void *into, const char *value);
bool cli_take_fail(void *into, const char *value);
bool cli_take_modules(void *into, const char *value);
bool cli_take_threads(void *into, const char *value);
bool cli_take_file(void *into, const char *path);

#define CLI_OPTION_SEED                                                                            \
    { "--seed", "N", "what chance does; the scenario's seed, or 1, when not given", cli_take_seed }
#define CLI_OPTION_UNTIL                                                                           \
    { "--until", "T", "stop at virtual time T instead of the scenario's stop", cli_take_until }
#define CLI_OPTION_MODULES                                                                         \
    { "--modules", "DIR", "look there for modules too; may be repeated", cli_take_modules }
#define CLI_OPTION_SET                                                                             \
    { "--set", "KEY=VALUE", "override a value of the scenario; may be repeated", cli_take_set }

/* The scenario, with the overrides, as the wished seed draws it; its own seed when none was wished.
 * NULL after telling why on stderr: *status is the exit status. */
struct sim_plan *cli_read_plan(struct cli_wishes *wishes, int *status);
/* The same as another seed draws it; nothing else of its swarm is looked at. */
struct sim_plan *cli_draw_plan(const struct cli_wishes *wishes, uint64_t seed, int *status);

/* --- the line that repeats a run --- */

struct cli_words {
    char text[CLI_REPEAT_MAX];
    size_t used;
};

/* One argument, quoted where a shell would read more into it. */
void cli_put_word(struct cli_words *words, const char *word);
void cli_make_repeat(struct cli_words *words, const struct cli_wishes *wishes);

/* --- what a run has below it --- */

/* A machine that loads modules, and what a panic says: where it was, and `repeat`, which stays the
 * caller's. The places of the run are in `where`. */
struct cli_host {
    struct weft_posix *machine;
    struct sim_host host;
    struct sim_run_where where;
    const char *repeat;
    struct sim_team team;
    struct weft_posix_team *threads; /* NULL: one */
};

/* `host` stays where it is until closed. False after telling why. */
bool cli_host_open(struct cli_host *host, const struct cli_wishes *wishes, const char *repeat);
/* Give it the threads that are wished for; where the run is on one alone, say so on stderr. Before
 * the program is confined. False after telling why not. */
bool cli_host_threads(struct cli_host *host, const struct sim_plan *plan,
                      const struct cli_wishes *wishes);
void cli_host_close(struct cli_host *host);

/* --- points (points.c) --- */

/* "memory:12", or "memory:12@3": the twelfth of node 3. False: it is none. */
bool cli_parse_point(const char *text, struct sim_points *out);
/* The kind of that name; NONE: there is none. */
enum sim_point_kind cli_point_kind(const char *name);
/* "memory:12"; `text` has room for 64 bytes. */
const char *cli_name_point(const struct sim_points *points, char text[64]);
/* "memory:12, alloc of 64 bytes by dht on node 3 at 1.250 s"; `text` has room for 256 bytes. */
#define CLI_POINT_TEXT_MAX 256
const char *cli_show_point(const struct sim_points *points, char text[CLI_POINT_TEXT_MAX]);

#endif
