/* What many seeds did, in sum; and what none of them did. */
#include "core/base/assert.h"
#include "sim/cli/cli.h"

#include <inttypes.h>
#include <string.h>

#define NAME_MAX 24

/* The row of that name and line, there or new. */
static struct cli_sum_row *row_of(struct cli_sum_row *rows, uint32_t *count, uint32_t max,
                                  struct cli_sum_row key) {
    for (uint32_t i = 0; i < *count; i++) {
        if (rows[i].line == key.line && strcmp(rows[i].name, key.name) == 0) return &rows[i];
    }
    if (*count == max) return NULL;
    rows[*count] = key;
    return &rows[(*count)++];
}

static void add(const struct cli_seeds_sum *sum, struct cli_sum_row *row, uint64_t tried,
                uint64_t did) {
    if (row == NULL) return;
    row->seeds += row->last != sum->run;
    row->last = sum->run;
    row->tried += tried;
    row->did += did;
}

static struct cli_sum_row *fault_row(struct cli_seeds_sum *sum, enum sim_fault_kind kind,
                                     uint32_t line) {
    struct cli_sum_row key = {.name = sim_fault_name(kind), .line = line};
    return row_of(sum->faults, &sum->faults_count, CLI_SUM_FAULTS, key);
}

void cli_sum_add(struct cli_seeds_sum *sum, const struct sim_plan *plan,
                 const struct sim_run_report *run) {
    WEFT_ASSERT(sum->run > 0);
    sum->swarm = sum->swarm || plan->has_swarm;
    for (uint32_t i = 0; i < plan->swarm_count; i++)
        (void)fault_row(sum, plan->swarm[i].kind, plan->swarm[i].line);
    for (uint32_t i = 0; i < run->faults_count; i++) {
        const struct sim_fault_report *fault = &run->faults[i];
        add(sum, fault_row(sum, fault->kind, fault->line), fault->count.injected, fault->count.bit);
    }
    for (uint32_t i = 0; i < run->checks_count; i++) {
        const struct sim_check_report *check = &run->checks[i];
        struct cli_sum_row key = {.name = sim_check_name(check->kind), .line = check->line};
        add(sum, row_of(sum->checks, &sum->checks_count, SIM_CHECKS_MAX, key),
            sim_run_evaluated(run, i), check->result.failed);
    }
    for (uint32_t i = 0; i < run->works_count; i++) {
        const struct sim_work_report *work = &run->works[i];
        struct cli_sum_row key = {.name = sim_work_name(work->kind), .line = work->line};
        add(sum, row_of(sum->works, &sum->works_count, SIM_WORKLOADS_MAX, key), work->count.asked,
            work->count.done);
    }
}

const char *cli_sum_dead_fault(const struct cli_sum_row *row) {
    if (row->did > 0) return NULL;
    if (row->seeds == 0) return "was on";
    return row->tried > 0 ? "was injected and bit" : "was injected";
}

const char *cli_sum_dead_check(const struct cli_sum_row *row) {
    return row->tried > 0 ? NULL : "was evaluated";
}

const char *cli_sum_hollow_work(const struct cli_sum_row *row) {
    if (row->did > 0) return NULL;
    return row->tried > 0 ? "asked and completed something" : "asked something";
}

void cli_sum_judge(struct cli_seeds_sum *sum) {
    sum->judged = true;
    for (uint32_t i = 0; i < sum->faults_count; i++)
        sum->dead += cli_sum_dead_fault(&sum->faults[i]) != NULL;
    for (uint32_t i = 0; i < sum->checks_count; i++)
        sum->dead += cli_sum_dead_check(&sum->checks[i]) != NULL;
    for (uint32_t i = 0; i < sum->works_count; i++)
        sum->dead += cli_sum_hollow_work(&sum->works[i]) != NULL;
}

struct table {
    const char *title, *tried, *did, *dead;
    const struct cli_sum_row *rows;
    uint32_t count;
    const char *(*why)(const struct cli_sum_row *row);
};

static void print_rows(FILE *out, const struct table *table) {
    char seeds[32], tried[32], did[32];
    if (table->count == 0) return;
    fprintf(out, "  %-*s %8s %14s %14s\n", NAME_MAX, table->title, "seeds", table->tried,
            table->did);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct cli_sum_row *row = &table->rows[i];
        char name[64];
        snprintf(name, sizeof name, "%s:%u", row->name, row->line);
        fprintf(out, "  %-*s %8s %14s %14s\n", NAME_MAX, name, cli_thousands(row->seeds, seeds),
                cli_thousands(row->tried, tried), cli_thousands(row->did, did));
    }
}

void cli_sum_print(FILE *out, const struct cli_seeds_sum *sum, const char *file) {
    const struct table tables[] = {{"faults", "injected", "bit", "dead fault", sum->faults,
                                    sum->faults_count, cli_sum_dead_fault},
                                   {"workload", "asked", "done", "hollow workload", sum->works,
                                    sum->works_count, cli_sum_hollow_work},
                                   {"checks", "evaluated", "failed", "dead check", sum->checks,
                                    sum->checks_count, cli_sum_dead_check}};
    for (int i = 0; i < 3; i++) print_rows(out, &tables[i]);
    for (int i = 0; i < 3 && sum->judged; i++) {
        for (uint32_t r = 0; r < tables[i].count; r++) {
            const struct cli_sum_row *row = &tables[i].rows[r];
            const char *why = tables[i].why(row);
            if (why == NULL) continue;
            fprintf(out, "%s:%u: %s: %s %s in none of %" PRIu64 " seeds\n", file, row->line,
                    tables[i].dead, row->name, why, sum->run);
        }
    }
}
