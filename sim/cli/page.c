/* A run as one page for people. */
#include "sim/cli/wishes.h"

#include <string.h>

#define PAGE_WIDTH 100
#define LABEL_WIDTH 14
#define NS_OF_S 1000000000u

static void label(FILE *out, const char *name) { fprintf(out, "  %-*s", LABEL_WIDTH - 2, name); }

/* `text` from `column` on, broken at spaces, further lines under the first. */
static void wrapped(FILE *out, const char *text, int column) {
    size_t width = (size_t)(PAGE_WIDTH - column);
    while (strlen(text) > width) {
        size_t cut = width;
        while (cut > 0 && text[cut] != ' ') cut--;
        if (cut == 0) break; /* one word longer than the line */
        fprintf(out, "%.*s\n%*s", (int)cut, text, column, "");
        text += cut + 1;
    }
    fprintf(out, "%s\n", text);
}

static void memory(FILE *out, uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double size = (double)bytes;
    for (; size >= 1024 && unit < 4; unit++) size /= 1024;
    fprintf(out, "%.*f %s", unit == 0 ? 0 : 1, size, units[unit]);
}

static void what(FILE *out, const struct cli_report *report) {
    const struct sim_plan *plan = report->plan;
    char count[32];
    fprintf(out, "\n%s\n\n", cli_build_id());
    label(out, "scenario");
    fprintf(out, "%s\n", plan->name != NULL ? plan->name : plan->file);
    if (plan->about != NULL && plan->about[0] != '\0') {
        fprintf(out, "%*s", LABEL_WIDTH, "");
        wrapped(out, plan->about, LABEL_WIDTH);
    }
    label(out, "nodes");
    fprintf(out, "%s\n", cli_thousands(report->run->nodes, count));
    label(out, "seed");
    fprintf(out, "%llu\n", (unsigned long long)report->run->seed);
    label(out, "run hash");
    char hash[SIM_HASH_TEXT_SIZE];
    sim_hash_text(report->run->hash, hash);
    fprintf(out, "%s\n", hash);
}

#define SWARM_TEXT_MAX 4096

static bool is_off(const struct sim_draw *draw) {
    return draw->is_fault && strcmp(draw->value, "off") == 0;
}

/* One text: what was drawn for values, or which faults are off. */
static void swarm_words(const struct sim_plan *plan, bool off, char text[SWARM_TEXT_MAX]) {
    size_t size = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < plan->draws_count && size < SWARM_TEXT_MAX; i++) {
        const struct sim_draw *draw = &plan->draws[i];
        const char *between = size > 0 ? ", " : off ? "off: " : "";
        if (off ? !is_off(draw) : draw->is_fault) continue;
        size += (size_t)snprintf(text + size, SWARM_TEXT_MAX - size, "%s%s%s%s", between,
                                 draw->name, off ? "" : "=", off ? "" : draw->value);
    }
}

/* What the seed made of the scenario; a fault that is on has a line. */
static void swarm(FILE *out, const struct sim_plan *plan) {
    char text[SWARM_TEXT_MAX];
    if (!plan->has_swarm) return;
    swarm_words(plan, false, text);
    label(out, "swarm");
    wrapped(out, text[0] != '\0' ? text : "no value is drawn", LABEL_WIDTH);
    for (uint32_t i = 0; i < plan->draws_count; i++) {
        const struct sim_draw *draw = &plan->draws[i];
        if (!draw->is_fault || is_off(draw)) continue;
        snprintf(text, sizeof text, "%s %s", draw->name, draw->value);
        fprintf(out, "%*s", LABEL_WIDTH, "");
        wrapped(out, text, LABEL_WIDTH);
    }
    swarm_words(plan, true, text);
    if (text[0] == '\0') return;
    fprintf(out, "%*s", LABEL_WIDTH, "");
    wrapped(out, text, LABEL_WIDTH);
}

static void cost(FILE *out, const struct cli_report *report) {
    const struct sim_run_report *run = report->run;
    char count[32], rate[32];
    double virtual_s = (double)run->ended_at / NS_OF_S;
    double wall_s = (double)(report->wall_ns > 0 ? report->wall_ns : 1) / NS_OF_S;
    label(out, "time");
    fprintf(out, "%.3f s virtual in %.3f s, %.1f times as fast\n", virtual_s, wall_s,
            virtual_s / wall_s);
    label(out, "events");
    fprintf(out, "%s, %s a second\n", cli_thousands(run->events, count),
            cli_thousands((uint64_t)((double)run->events / wall_s), rate));
    label(out, "packets");
    fprintf(out, "%s sent, %s lost\n", cli_thousands(run->world.packets_sent, count),
            cli_thousands(run->world.packets_lost, rate));
    if (report->plan->flow.setup.platform != NULL) {
        label(out, "flows");
        fprintf(out, "%s, at most %u at once%s\n", cli_thousands(run->world.flows.begun, count),
                run->world.flows.peak,
                run->world.flows.crowded ? ": more than a third of the hosts, which is slow" : "");
    }
    label(out, "memory");
    memory(out, report->peak_rss_bytes);
    fputs(" at most, of it ", out);
    memory(out, run->node_bytes_peak);
    fputs(" in nodes (", out);
    memory(out, run->node_bytes_peak / (run->nodes > 0 ? run->nodes : 1));
    fputs(" each)\n", out);
    if (report->confined) return;
    label(out, "stray calls");
    fputs("not trapped: this machine or build has no such traps\n", out);
}

static void faults(FILE *out, const struct sim_run_report *run) {
    char injected[32], bit[32];
    if (run->faults_count == 0) return;
    fprintf(out, "\n  %-16s %12s %12s\n", "faults", "injected", "bit");
    for (uint32_t i = 0; i < run->faults_count; i++) {
        const struct sim_fault_report *fault = &run->faults[i];
        fprintf(out, "  %-16s %12s %12s\n", sim_fault_name(fault->kind),
                cli_thousands(fault->count.injected, injected),
                cli_thousands(fault->count.bit, bit));
    }
}

/* Parts of faults, by the fault's line, and what holds all along. */
static void claims(FILE *out, const struct cli_report *report, bool of_faults) {
    const struct sim_plan *plan = report->plan;
    char name[SIM_CLAIM_NAME_MAX + 32], bit[32];
    bool titled = false;
    for (uint32_t i = 0; i < report->run->claims_count; i++) {
        const struct sim_claim *claim = &plan->claims[i];
        if ((claim->fault != 0) != of_faults) continue;
        if (!titled)
            fprintf(out, "\n  %-29s %12s\n", of_faults ? "parts of faults" : "conditions", "bit");
        titled = true;
        const char *kind = of_faults ? sim_fault_name(plan->faults[claim->fault - 1].kind) : "";
        snprintf(name, sizeof name, "%s%s%s", kind, of_faults ? "." : "", claim->name);
        fprintf(out, "  %-29s %12s\n", name, cli_thousands(report->run->claims[i], bit));
    }
}

static void workload(FILE *out, const struct sim_run_report *run) {
    char asked[32], done[32], failed[32], lost[32];
    if (run->works_count == 0) return;
    fprintf(out, "\n  %-16s %12s %12s %12s %12s\n", "workload", "asked", "done", "failed", "lost");
    for (uint32_t i = 0; i < run->works_count; i++) {
        const struct sim_work_report *work = &run->works[i];
        fprintf(out, "  %-16s %12s %12s %12s %12s\n", sim_work_name(work->kind),
                cli_thousands(work->count.asked, asked), cli_thousands(work->count.done, done),
                cli_thousands(work->count.failed, failed), cli_thousands(work->count.lost, lost));
    }
}

static void checks(FILE *out, const struct sim_run_report *run) {
    char evaluated[32], failed[32];
    if (run->checks_count == 0) return;
    fprintf(out, "\n  %-16s %12s %12s   %s\n", "checks", "evaluated", "failed", "promise");
    for (uint32_t i = 0; i < run->checks_count; i++) {
        const struct sim_check_report *check = &run->checks[i];
        fprintf(out, "  %-16s %12s %12s   ", sim_check_name(check->kind),
                cli_thousands(check->result.evaluated, evaluated),
                cli_thousands(check->result.failed, failed));
        wrapped(out, sim_check_promise(check->kind), 47);
    }
}

static void liveness(FILE *out, const struct sim_plan *plan, const struct sim_run_report *run) {
    const struct sim_liveness_report *live = &run->liveness;
    char title[64], evaluated[32], failed[32];
    if (!live->judged) return;
    snprintf(title, sizeof title, "core of %u", live->core);
    fprintf(out, "\n  %-16s %12s %12s   healed at %.3f s, %.3f s to converge, %u of it not up\n",
            title, "evaluated", "failed", (double)plan->liveness.at / NS_OF_S,
            (double)plan->liveness.within / NS_OF_S, live->down);
    for (uint32_t i = 0; i < live->checks_count; i++) {
        const struct sim_check_report *check = &live->checks[i];
        fprintf(out, "  %-16s %12s %12s\n", sim_check_name(check->kind),
                cli_thousands(check->result.evaluated, evaluated),
                cli_thousands(check->result.failed, failed));
    }
}

static void point(FILE *out, const struct sim_run_report *run) {
    char text[CLI_POINT_TEXT_MAX];
    if (run->points == NULL) return;
    fputc('\n', out);
    label(out, "failed");
    fprintf(out, "%s\n", cli_show_point(run->points, text));
}

static void verdict(FILE *out, const struct cli_report *report, bool colour) {
    const struct sim_run_report *run = report->run;
    const char *mark = run->verdict == SIM_HOLDS ? "\033[1;32m" : "\033[1;31m";
    fputc('\n', out);
    label(out, "verdict");
    fprintf(out, "%s%s%s\n", colour ? mark : "", run->verdict == SIM_HOLDS ? "holds" : "FAILS",
            colour ? "\033[0m" : "");
    for (uint32_t i = 0; i < run->reasons_count; i++) {
        fprintf(out, "%*s", LABEL_WIDTH, "");
        wrapped(out, run->reasons[i], LABEL_WIDTH + 2);
    }
    label(out, "repeat");
    fprintf(out, "%s\n\n", report->repeat);
}

void cli_page(FILE *out, const struct cli_report *report, bool colour) {
    what(out, report);
    swarm(out, report->plan);
    cost(out, report);
    faults(out, report->run);
    claims(out, report, true);
    claims(out, report, false);
    workload(out, report->run);
    checks(out, report->run);
    liveness(out, report->plan, report->run);
    point(out, report->run);
    verdict(out, report, colour);
}
