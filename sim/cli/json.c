/* A run as one JSON object. */
#include "sim/cli/sweep.h"

#include <string.h>

/* Writes commas where they belong. */
struct json {
    FILE *out;
    bool first;
};

void cli_json_text(FILE *out, const char *value) {
    fputc('"', out);
    for (const char *at = value; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", c);
        } else if (c < 32) {
            fprintf(out, "\\u%04x", c);
        } else {
            fputc(c, out);
        }
    }
    fputc('"', out);
}

static void text(struct json *json, const char *value) { cli_json_text(json->out, value); }

static void comma(struct json *json) {
    if (!json->first) fputc(',', json->out);
    json->first = false;
}

static void key(struct json *json, const char *name) {
    comma(json);
    text(json, name);
    fputc(':', json->out);
}

static void open(struct json *json, char bracket) {
    fputc(bracket, json->out);
    json->first = true;
}

static void close(struct json *json, char bracket) {
    fputc(bracket, json->out);
    json->first = false;
}

static void key_text(struct json *json, const char *name, const char *value) {
    key(json, name);
    text(json, value);
}

static void key_number(struct json *json, const char *name, uint64_t value) {
    key(json, name);
    fprintf(json->out, "%llu", (unsigned long long)value);
}

static void key_seconds(struct json *json, const char *name, uint64_t ns) {
    key(json, name);
    fprintf(json->out, "%llu.%06llu", (unsigned long long)(ns / 1000000000u),
            (unsigned long long)(ns % 1000000000u / 1000u));
}

/* Those that are parts of the fault; 0: of none. */
static void claims(struct json *json, const struct cli_report *report, uint32_t fault) {
    const struct sim_run_report *run = report->run;
    key(json, fault > 0 ? "parts" : "conditions");
    open(json, '[');
    for (uint32_t i = 0; i < run->claims_count; i++) {
        const struct sim_claim *claim = &report->plan->claims[i];
        if (claim->fault != fault) continue;
        comma(json);
        open(json, '{');
        key_text(json, "name", claim->name);
        key_number(json, "line", claim->line);
        key_number(json, "bit", run->claims[i]);
        close(json, '}');
    }
    close(json, ']');
}

static void faults(struct json *json, const struct cli_report *report) {
    const struct sim_run_report *run = report->run;
    key(json, "faults");
    open(json, '[');
    for (uint32_t i = 0; i < run->faults_count; i++) {
        comma(json);
        open(json, '{');
        key_text(json, "kind", sim_fault_name(run->faults[i].kind));
        key_number(json, "line", run->faults[i].line);
        key_number(json, "injected", run->faults[i].count.injected);
        key_number(json, "bit", run->faults[i].count.bit);
        claims(json, report, i + 1);
        close(json, '}');
    }
    close(json, ']');
}

static void checks(struct json *json, const struct sim_check_report *list, uint32_t count) {
    key(json, "checks");
    open(json, '[');
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_check_report *check = &list[i];
        comma(json);
        open(json, '{');
        key_text(json, "name", sim_check_name(check->kind));
        key_number(json, "line", check->line);
        key_number(json, "evaluated", check->result.evaluated);
        key_number(json, "failed", check->result.failed);
        key(json, "holds");
        fputs(check->result.holds ? "true" : "false", json->out);
        if (check->result.failed > 0) key_text(json, "why", check->result.why);
        close(json, '}');
    }
    close(json, ']');
}

static void liveness(struct json *json, const struct sim_plan *plan,
                     const struct sim_liveness_report *live) {
    if (!live->judged) return;
    key(json, "liveness");
    open(json, '{');
    key_seconds(json, "at_s", (uint64_t)plan->liveness.at);
    key_seconds(json, "within_s", (uint64_t)plan->liveness.within);
    key_number(json, "core", live->core);
    key_number(json, "down", live->down);
    checks(json, live->checks, live->checks_count);
    close(json, '}');
}

static void workload(struct json *json, const struct sim_run_report *run) {
    key(json, "workload");
    open(json, '[');
    for (uint32_t i = 0; i < run->works_count; i++) {
        const struct sim_work_report *work = &run->works[i];
        comma(json);
        open(json, '{');
        key_text(json, "kind", sim_work_name(work->kind));
        key_number(json, "line", work->line);
        key_number(json, "asked", work->count.asked);
        key_number(json, "done", work->count.done);
        key_number(json, "failed", work->count.failed);
        key_number(json, "lost", work->count.lost);
        close(json, '}');
    }
    close(json, ']');
}

static void swarm(struct json *json, const struct sim_plan *plan) {
    if (!plan->has_swarm) return;
    key(json, "swarm");
    open(json, '[');
    for (uint32_t i = 0; i < plan->draws_count; i++) {
        comma(json);
        open(json, '{');
        key_text(json, "name", plan->draws[i].name);
        key_text(json, "value", plan->draws[i].value);
        close(json, '}');
    }
    close(json, ']');
}

static void reasons(struct json *json, const struct sim_run_report *run) {
    key(json, "reasons");
    open(json, '[');
    for (uint32_t i = 0; i < run->reasons_count; i++) {
        comma(json);
        text(json, run->reasons[i]);
    }
    close(json, ']');
}

static void point(struct json *json, const struct sim_run_report *run) {
    char shown[CLI_POINT_TEXT_MAX];
    if (run->points == NULL) return;
    key_text(json, "fail", cli_show_point(run->points, shown));
}

void cli_json(FILE *out, const struct cli_report *report) {
    const struct sim_run_report *run = report->run;
    struct json json = {.out = out, .first = true};
    char hash[SIM_HASH_TEXT_SIZE];
    sim_hash_text(run->hash, hash);
    open(&json, '{');
    key_text(&json, "scenario", report->plan->name != NULL ? report->plan->name : "");
    key_number(&json, "seed", run->seed);
    key_text(&json, "build", cli_build_id());
    key_text(&json, "hash", hash);
    key_number(&json, "events", run->events);
    key_seconds(&json, "virtual_s", (uint64_t)run->ended_at);
    key_seconds(&json, "wall_s", report->wall_ns);
    key_number(&json, "peak_rss_bytes", report->peak_rss_bytes);
    key_number(&json, "node_bytes_peak", run->node_bytes_peak);
    if (report->plan->flow.setup.platform != NULL) {
        key(&json, "flows");
        open(&json, '{');
        key_number(&json, "begun", run->world.flows.begun);
        key_number(&json, "peak", run->world.flows.peak);
        close(&json, '}');
    }
    key(&json, "confined");
    fputs(report->confined ? "true" : "false", out);
    key_number(&json, "nodes", run->nodes);
    swarm(&json, report->plan);
    faults(&json, report);
    claims(&json, report, 0);
    checks(&json, run->checks, run->checks_count);
    liveness(&json, report->plan, &run->liveness);
    workload(&json, run);
    point(&json, run);
    key_text(&json, "verdict", run->verdict == SIM_HOLDS ? "holds" : "fails");
    reasons(&json, run);
    key_text(&json, "repeat", report->repeat);
    close(&json, '}');
    fputc('\n', out);
}

/* --- many seeds --- */

void cli_json_seeds_begin(FILE *out, const struct cli_seeds *seeds) {
    struct json json = {.out = out, .first = true};
    open(&json, '{');
    key_text(&json, "scenario", seeds->plan->name);
    key_number(&json, "first", seeds->options.seed);
    key(&json, "failures");
    open(&json, '[');
}

void cli_json_seed(FILE *out, const struct sim_run_report *report, const char *repeat, bool first) {
    struct json json = {.out = out, .first = first};
    comma(&json);
    open(&json, '{');
    key_number(&json, "seed", report->seed);
    reasons(&json, report);
    key_text(&json, "repeat", repeat);
    close(&json, '}');
}

static void put_rows(struct json *json, const struct cli_sum_table *table, bool judged) {
    key(json, table->key);
    open(json, '[');
    for (uint32_t i = 0; i < table->count; i++) {
        const struct cli_sum_row *row = &table->rows[i];
        comma(json);
        open(json, '{');
        key_text(json, "name", row->name);
        key_number(json, "line", row->line);
        key_number(json, "seeds", row->seeds);
        if (table->tried != NULL) key_number(json, table->tried, row->tried);
        key_number(json, table->did, row->did);
        if (judged && table->never(row) != NULL) key_text(json, "dead", table->never(row));
        close(json, '}');
    }
    close(json, ']');
}

void cli_json_seeds_end(FILE *out, const struct cli_seeds_sum *sum) {
    struct json json = {.out = out};
    char hash[SIM_HASH_TEXT_SIZE];
    struct cli_sum_table tables[CLI_SUM_TABLES];
    cli_sum_tables(sum, tables);
    close(&json, ']');
    for (int i = 0; i < CLI_SUM_TABLES; i++) put_rows(&json, &tables[i], sum->judged);
    key_number(&json, "dead", sum->dead);
    key_number(&json, "seeds", sum->run);
    key_number(&json, "held", sum->held);
    key_number(&json, "events", sum->events);
    sim_hash_text(sum->hash, hash);
    key_text(&json, "hash", hash);
    sim_hash_text(sum->last, hash);
    key_text(&json, "last_hash", hash);
    key_seconds(&json, "wall_s", sum->wall_ns);
    close(&json, '}');
    fputc('\n', out);
}

/* --- a sweep --- */

static void sweep_sums(struct json *json, const struct sweep *sweep) {
    key(json, "points");
    open(json, '[');
    for (unsigned kind = 1; kind < SIM_POINT_KIND_COUNT; kind++) {
        const struct sweep_sum *sum = &sweep->sums[kind];
        if (!sweep->wanted[kind]) continue;
        comma(json);
        open(json, '{');
        key_text(json, "kind", sim_point_name((enum sim_point_kind)kind));
        key_number(json, "count", sum->count);
        key_number(json, "refused", sum->tried);
        key_number(json, "survived", sum->held);
        close(json, '}');
    }
    close(json, ']');
}

static void sweep_finding(struct json *json, const struct sweep *sweep,
                          const struct sweep_finding *finding) {
    static const char *const ends[] = {"holds", "fails", "panics", "hangs", "broken"};
    char shown[CLI_POINT_TEXT_MAX], fail[64];
    struct cli_words repeat = {.used = 0};
    struct cli_wishes wishes = sweep->wishes;
    wishes.fail = cli_name_point(&finding->first.points, fail);
    cli_make_repeat(&repeat, &wishes);
    comma(json);
    open(json, '{');
    key_text(json, "fail", fail);
    key_text(json, "site", cli_show_point(&finding->first.points, shown));
    key_text(json, "end", ends[finding->first.end]);
    key_text(json, "reason", finding->first.reason);
    key_number(json, "count", finding->count);
    key_text(json, "repeat", repeat.text);
    close(json, '}');
}

void sweep_json(FILE *out, const struct sweep *sweep) {
    struct json json = {.out = out, .first = true};
    open(&json, '{');
    key_text(&json, "scenario", sweep->plan->name);
    key_number(&json, "seed", sweep->wishes.seed);
    sweep_sums(&json, sweep);
    key_number(&json, "found", sweep->found);
    key(&json, "findings");
    open(&json, '[');
    for (uint32_t i = 0; i < sweep->findings_count; i++)
        sweep_finding(&json, sweep, &sweep->findings[i]);
    close(&json, ']');
    key_seconds(&json, "wall_s", sweep->wall_ns);
    close(&json, '}');
    fputc('\n', out);
}
