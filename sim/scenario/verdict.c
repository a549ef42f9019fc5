/* The verdict: what held, what failed, and what was never put to the test. */
#include "sim/scenario/run_parts.h"

#include "core/base/assert.h"
#include "sim/world/points.h"

#include <stdarg.h>
#include <stdio.h>

void sim_run__reason(struct sim_run_report *report, const char *format, ...) {
    report->verdict = SIM_FAILS;
    if (report->reasons_count == SIM_REASONS_MAX) return;
    va_list args;
    va_start(args, format);
    vsnprintf(report->reasons[report->reasons_count++], SIM_REASON_TEXT_MAX, format, args);
    va_end(args);
}

uint64_t sim_run_evaluated(const struct sim_run_report *report, uint32_t check) {
    uint64_t evaluated = report->checks[check].result.evaluated;
    WEFT_ASSERT(check < report->checks_count);
    for (uint32_t i = 0; i < report->liveness.checks_count; i++) {
        const struct sim_check_report *of_core = &report->liveness.checks[i];
        if (of_core->kind == report->checks[check].kind) evaluated += of_core->result.evaluated;
    }
    return evaluated;
}

static void judge_check(const char *file, const struct sim_check_report *check, bool is_dead,
                        struct sim_run_report *report) {
    const struct sim_check_result *result = &check->result;
    if (result->holds || (result->evaluated == 0 && !is_dead)) return;
    if (result->evaluated == 0) {
        sim_run__reason(report, "%s:%u: dead check: %s was never evaluated", file, check->line,
                        sim_check_name(check->kind));
        return;
    }
    sim_run__reason(report, "%s:%u: check %s failed %llu of %llu times; first at %lld.%03d s, %s",
                    file, check->line, sim_check_name(check->kind),
                    (unsigned long long)result->failed, (unsigned long long)result->evaluated,
                    (long long)(result->first_failed_at / WEFT_S(1)),
                    (int)(result->first_failed_at % WEFT_S(1) / WEFT_MS(1)), result->why);
}

static void judge_fault(const char *file, const struct sim_fault_report *fault,
                        struct sim_run_report *report) {
    if (fault->count.bit > 0) return;
    if (fault->count.injected == 0) {
        sim_run__reason(report, "%s:%u: dead fault: %s was never injected", file, fault->line,
                        sim_fault_name(fault->kind));
        return;
    }
    sim_run__reason(report, "%s:%u: dead fault: %s was injected %llu times and never bit", file,
                    fault->line, sim_fault_name(fault->kind),
                    (unsigned long long)fault->count.injected);
}

/* What each kind of claim did not do. */
static const char *never_of(enum sim_claim_kind kind) {
    static const char *const texts[] = {[SIM_CLAIM_LINK] = "never changed a packet",
                                        [SIM_CLAIM_UNSYNCED] =
                                            "never found anything that was not synced",
                                        [SIM_CLAIM_OFFSET] = "was never read from a wall clock",
                                        [SIM_CLAIM_DRIFT] = "never moved a timer",
                                        [SIM_CLAIM_NAT] = "was never given a packet"};
    return texts[kind];
}

/* A fault that did not bite at all is told as one. */
static void judge_claim(const char *file, const struct sim_plan *plan, uint32_t index,
                        struct sim_run_report *report) {
    const struct sim_claim *claim = &plan->claims[index];
    const char *never = never_of(claim->kind);
    if (report->claims[index] > 0) return;
    if (claim->fault == 0) {
        sim_run__reason(report, "%s:%u: dead condition: %s %s", file, claim->line, claim->name,
                        never);
        return;
    }
    const struct sim_fault_report *fault = &report->faults[claim->fault - 1];
    if (fault->count.bit == 0) return;
    sim_run__reason(report, "%s:%u: dead fault: %s of %s %s", file, claim->line, claim->name,
                    sim_fault_name(fault->kind), never);
}

static void judge_work(const char *file, const struct sim_work_report *work,
                       struct sim_run_report *report) {
    if (work->count.done > 0) return;
    if (work->count.asked == 0) {
        sim_run__reason(report, "%s:%u: hollow workload: %s asked nothing", file, work->line,
                        sim_work_name(work->kind));
        return;
    }
    sim_run__reason(report, "%s:%u: hollow workload: %s asked %llu times and completed none", file,
                    work->line, sim_work_name(work->kind), (unsigned long long)work->count.asked);
}

static void judge_point(const struct sim_points *points, struct sim_run_report *report) {
    if (points->reached) return;
    const char *name = sim_point_name(points->kind);
    sim_run__reason(report, "dead fault: %s:%llu was never reached, there are %llu", name,
                    (unsigned long long)points->number,
                    (unsigned long long)points->count[points->kind]);
}

static const char *within_of(const struct sim_plan *plan, char text[32]) {
    long long seconds = (long long)(plan->liveness.within / WEFT_S(1));
    int rest = (int)(plan->liveness.within % WEFT_S(1) / WEFT_MS(1));
    int at = snprintf(text, 32, "%lld", seconds);
    if (rest > 0) at += snprintf(text + at, 32 - (size_t)at, ".%03d", rest);
    snprintf(text + at, 32 - (size_t)at, " s");
    return text;
}

static void judge_core_check(const struct sim_plan *plan, const struct sim_check_report *check,
                             struct sim_run_report *report) {
    const struct sim_check_result *result = &check->result;
    char within[32];
    if (result->holds || result->evaluated == 0) return;
    sim_run__reason(report, "%s:%u: no convergence within %s: %s failed %llu of %llu times; %s",
                    plan->file != NULL ? plan->file : "scenario", plan->liveness.line,
                    within_of(plan, within), sim_check_name(check->kind),
                    (unsigned long long)result->failed, (unsigned long long)result->evaluated,
                    result->why);
}

/* That nodes are up proves little: without a check that looked at them it is hollow. */
static void judge_liveness(const struct sim_plan *plan, struct sim_run_report *report) {
    const struct sim_liveness_report *live = &report->liveness;
    const char *file = plan->file != NULL ? plan->file : "scenario";
    char within[32];
    uint64_t evaluated = 0;
    if (!live->judged) return;
    if (live->down > 0) {
        sim_run__reason(
            report, "%s:%u: no convergence within %s: %u of %u nodes are not up; node %u", file,
            plan->liveness.line, within_of(plan, within), live->down, live->core, live->first_down);
    }
    for (uint32_t i = 0; i < live->checks_count; i++) {
        evaluated += live->checks[i].result.evaluated;
        judge_core_check(plan, &live->checks[i], report);
    }
    if (evaluated > 0) return;
    sim_run__reason(report,
                    "%s:%u: hollow liveness: no check was evaluated on the core of %u nodes", file,
                    plan->liveness.line, live->core);
}

/* What a swarm draws may leave a fault without a bite, a check without a case, a workload without
 * anybody to ask: many seeds together show whether they ever did (sim/cli/sum.c). So may a refused
 * call. */
void sim_run__judge(const struct sim_plan *plan, weft_time end, struct sim_run_report *report) {
    const char *file = plan->file != NULL ? plan->file : "scenario";
    bool refused = report->points != NULL && report->points->kind != SIM_POINT_NONE;
    bool whole = !refused && !plan->has_swarm;
    if (refused) judge_point(report->points, report);
    judge_liveness(plan, report);
    for (uint32_t i = 0; i < report->checks_count; i++) {
        bool is_dead = whole && sim_run_evaluated(report, i) == 0;
        judge_check(file, &report->checks[i], is_dead, report);
    }
    for (uint32_t i = 0; i < report->faults_count && whole; i++) {
        if (plan->faults[i].at <= end) judge_fault(file, &report->faults[i], report);
    }
    /* One that holds all along may show in what was left out. */
    for (uint32_t i = 0; i < report->claims_count && whole && end >= plan->stop; i++) {
        judge_claim(file, plan, i, report);
    }
    for (uint32_t i = 0; i < report->works_count && whole; i++) {
        if (plan->works[i].at <= end) judge_work(file, &report->works[i], report);
    }
}
