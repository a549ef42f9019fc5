/* What many seeds did, in sum; and what none of them did. */
#include "core/base/assert.h"
#include "sim/cli/cli.h"

#include <inttypes.h>
#include <string.h>

#define NAME_MAX 31

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

static struct cli_sum_row key_of(const char *name, uint32_t line) {
    struct cli_sum_row key = {.line = line};
    snprintf(key.name, sizeof key.name, "%s", name);
    return key;
}

static struct cli_sum_row *fault_row(struct cli_seeds_sum *sum, enum sim_fault_kind kind,
                                     uint32_t line) {
    struct cli_sum_row key = key_of(sim_fault_name(kind), line);
    return row_of(sum->faults, &sum->faults_count, CLI_SUM_FAULTS, key);
}

/* What holds all along, or a part of a fault; one that did not bite at all has no parts to tell of.
 */
static void add_claim(struct cli_seeds_sum *sum, const struct sim_claim *claim,
                      const struct sim_run_report *run, uint64_t bit) {
    struct cli_sum_row key = key_of(claim->name, claim->line);
    if (claim->fault == 0) {
        add(sum, row_of(sum->conditions, &sum->conditions_count, CLI_SUM_CLAIMS, key), 0, bit);
        return;
    }
    const struct sim_fault_report *fault = &run->faults[claim->fault - 1];
    if (fault->count.bit == 0) return;
    snprintf(key.name, sizeof key.name, "%s.%s", sim_fault_name(fault->kind), claim->name);
    add(sum, row_of(sum->parts, &sum->parts_count, CLI_SUM_CLAIMS, key), 0, bit);
}

static void add_faults(struct cli_seeds_sum *sum, const struct sim_plan *plan,
                       const struct sim_run_report *run) {
    for (uint32_t i = 0; i < plan->swarm_count; i++)
        (void)fault_row(sum, plan->swarm[i].kind, plan->swarm[i].line);
    for (uint32_t i = 0; i < run->faults_count; i++) {
        const struct sim_fault_report *fault = &run->faults[i];
        add(sum, fault_row(sum, fault->kind, fault->line), fault->count.injected, fault->count.bit);
    }
    for (uint32_t i = 0; i < run->claims_count; i++)
        add_claim(sum, &plan->claims[i], run, run->claims[i]);
}

void cli_sum_add(struct cli_seeds_sum *sum, const struct sim_plan *plan,
                 const struct sim_run_report *run) {
    WEFT_ASSERT(sum->run > 0);
    sum->swarm = sum->swarm || plan->has_swarm;
    sum->cut = sum->cut || run->ended_at < plan->stop;
    add_faults(sum, plan, run);
    for (uint32_t i = 0; i < run->checks_count; i++) {
        const struct sim_check_report *check = &run->checks[i];
        struct cli_sum_row key = key_of(sim_check_name(check->kind), check->line);
        add(sum, row_of(sum->checks, &sum->checks_count, SIM_CHECKS_MAX, key),
            sim_run_evaluated(run, i), check->result.failed);
    }
    for (uint32_t i = 0; i < run->works_count; i++) {
        const struct sim_work_report *work = &run->works[i];
        struct cli_sum_row key = key_of(sim_work_name(work->kind), work->line);
        add(sum, row_of(sum->works, &sum->works_count, SIM_WORKLOADS_MAX, key), work->count.asked,
            work->count.done);
    }
}

static const char *dead_fault(const struct cli_sum_row *row) {
    if (row->did > 0) return NULL;
    if (row->seeds == 0) return "was on";
    return row->tried > 0 ? "was injected and bit" : "was injected";
}

static const char *dead_claim(const struct cli_sum_row *row) {
    return row->did > 0 ? NULL : "changed anything";
}

/* What was left out might have shown it. */
static const char *not_judged(const struct cli_sum_row *row) {
    (void)row;
    return NULL;
}

static const char *dead_check(const struct cli_sum_row *row) {
    return row->tried > 0 ? NULL : "was evaluated";
}

static const char *hollow_work(const struct cli_sum_row *row) {
    if (row->did > 0) return NULL;
    return row->tried > 0 ? "asked and completed something" : "asked something";
}

void cli_sum_tables(const struct cli_seeds_sum *sum, struct cli_sum_table tables[CLI_SUM_TABLES]) {
    const struct cli_sum_table all[CLI_SUM_TABLES] = {
        {"faults", "faults", "injected", "bit", "dead fault", sum->faults, sum->faults_count,
         dead_fault},
        {"parts", "parts of faults", NULL, "bit", "dead fault", sum->parts, sum->parts_count,
         sum->cut ? not_judged : dead_claim},
        {"conditions", "conditions", NULL, "bit", "dead condition", sum->conditions,
         sum->conditions_count, sum->cut ? not_judged : dead_claim},
        {"workload", "workload", "asked", "done", "hollow workload", sum->works, sum->works_count,
         hollow_work},
        {"checks", "checks", "evaluated", "failed", "dead check", sum->checks, sum->checks_count,
         dead_check}};
    memcpy(tables, all, sizeof all);
}

void cli_sum_judge(struct cli_seeds_sum *sum) {
    struct cli_sum_table tables[CLI_SUM_TABLES];
    sum->judged = true;
    cli_sum_tables(sum, tables);
    for (int t = 0; t < CLI_SUM_TABLES; t++) {
        for (uint32_t i = 0; i < tables[t].count; i++)
            sum->dead += tables[t].never(&tables[t].rows[i]) != NULL;
    }
}

static void print_rows(FILE *out, const struct cli_sum_table *table) {
    char seeds[32], tried[32], did[32];
    if (table->count == 0) return;
    fprintf(out, "  %-*s %8s %14s %14s\n", NAME_MAX, table->title, "seeds",
            table->tried != NULL ? table->tried : "", table->did);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct cli_sum_row *row = &table->rows[i];
        char name[CLI_SUM_NAME_MAX + 12];
        snprintf(name, sizeof name, "%s:%u", row->name, row->line);
        fprintf(out, "  %-*s %8s %14s %14s\n", NAME_MAX, name, cli_thousands(row->seeds, seeds),
                table->tried != NULL ? cli_thousands(row->tried, tried) : "",
                cli_thousands(row->did, did));
    }
}

static void print_dead(FILE *out, const struct cli_seeds_sum *sum,
                       const struct cli_sum_table *table, const char *file) {
    for (uint32_t i = 0; i < table->count; i++) {
        const struct cli_sum_row *row = &table->rows[i];
        const char *why = table->never(row);
        if (why == NULL) continue;
        fprintf(out, "%s:%u: %s: %s %s in none of %" PRIu64 " seeds\n", file, row->line,
                table->dead, row->name, why, sum->run);
    }
}

void cli_sum_print(FILE *out, const struct cli_seeds_sum *sum, const char *file) {
    struct cli_sum_table tables[CLI_SUM_TABLES];
    cli_sum_tables(sum, tables);
    for (int i = 0; i < CLI_SUM_TABLES; i++) print_rows(out, &tables[i]);
    for (int i = 0; i < CLI_SUM_TABLES && sum->judged; i++) print_dead(out, sum, &tables[i], file);
}
