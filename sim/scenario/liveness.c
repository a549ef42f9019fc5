/* Liveness: a core of nodes is healed, and has to converge.
 *
 * Who is in the core is drawn by the seed and nothing else. The checks of the scenario that say
 * what comes true in the end are judged a second time, of the core alone. */
#include "sim/scenario/run_parts.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>

/* Faults draw with smaller ones. */
#define CORE_ENTITY (UINT64_C(3) << 32)

#define STATES_ALL                                                                                 \
    (1u << SIM_NODE_DOWN | 1u << SIM_NODE_UP | 1u << SIM_NODE_PAUSED | 1u << SIM_NODE_STOPPING)

static weft_time deadline_of(const struct sim_plan *plan) {
    return weft_time_add(plan->liveness.at, plan->liveness.within);
}

static int draw_core(struct sim_run__liveness *live) {
    const struct sim_plan *plan = live->plan;
    const struct sim_set_key key = {.state_mask = STATES_ALL, .entity = CORE_ENTITY};
    uint32_t *drawn = calloc(plan->population, sizeof *drawn);
    live->core = calloc(plan->population, sizeof *live->core);
    if (drawn == NULL || live->core == NULL) {
        free(drawn);
        return WEFT_ERR_NOMEM;
    }
    live->count = sim_set_draw(&plan->liveness.core, live->world, plan->groups, key, drawn);
    for (uint32_t i = 0; i < live->count; i++) live->core[drawn[i]] = true;
    free(drawn);
    return WEFT_OK;
}

static int open_checks(struct sim_run__liveness *live, const struct sim_check_setup *setup) {
    const struct sim_plan *plan = live->plan;
    struct sim_check_setup of_core = *setup;
    of_core.core = live->core;
    of_core.core_at = plan->liveness.at;
    of_core.core_within = plan->liveness.within;
    for (uint32_t i = 0; i < plan->checks_count; i++) {
        if (sim_check_is_of_core(plan->checks[i].kind))
            live->specs[live->specs_count++] = plan->checks[i];
    }
    live->checks = sim_checks_new(live->specs, live->specs_count, &of_core);
    return live->checks != NULL ? WEFT_OK : WEFT_ERR_NOMEM;
}

static void on_begin(void *ctx, uint64_t arg) {
    struct sim_run__liveness *live = ctx;
    (void)arg;
    if (live->over) return;
    sim_checks_yield(live->of_all, live->plan->liveness.at);
    sim_faults_heal_core(live->faults, live->core);
}

static void note_down(struct sim_run__liveness *live) {
    live->noted = true;
    for (uint32_t i = live->plan->population; i-- > 0;) {
        if (!live->core[i] || sim_world_state(live->world, i) == SIM_NODE_UP) continue;
        live->down++;
        live->first_down = i;
    }
}

static void on_deadline(void *ctx, uint64_t arg) {
    struct sim_run__liveness *live = ctx;
    (void)arg;
    if (!live->over && !live->noted) note_down(live);
}

int sim_run__liveness_init(struct sim_run__liveness *live, const struct sim_check_setup *setup) {
    const struct sim_plan *plan = live->plan;
    if (!plan->liveness.on) return WEFT_OK;
    WEFT_ASSERT(live->world != NULL && live->faults != NULL);
    int rv = draw_core(live);
    if (rv == WEFT_OK) rv = open_checks(live, setup);
    if (rv == WEFT_OK) rv = sim_world_at(live->world, plan->liveness.at, on_begin, live, 0);
    if (rv == WEFT_OK) rv = sim_world_at(live->world, deadline_of(plan), on_deadline, live, 0);
    return rv;
}

void sim_run__liveness_deinit(struct sim_run__liveness *live) {
    sim_checks_free(live->checks);
    free(live->core);
    live->checks = NULL;
    live->core = NULL;
}

void sim_run__liveness_stopping(struct sim_run__liveness *live, weft_time now) {
    live->over = true;
    if (live->checks == NULL) return;
    if (!live->noted && now >= deadline_of(live->plan)) note_down(live);
    sim_checks_stopping(live->checks, now);
}

void sim_run__liveness_report(const struct sim_run__liveness *live,
                              struct sim_liveness_report *report) {
    if (!live->noted) return;
    *report = (struct sim_liveness_report){.judged = true,
                                           .core = live->count,
                                           .down = live->down,
                                           .first_down = live->first_down,
                                           .checks_count = live->specs_count};
    for (uint32_t i = 0; i < live->specs_count; i++) {
        report->checks[i].kind = live->specs[i].kind;
        report->checks[i].line = live->specs[i].line;
        sim_checks_result(live->checks, i, &report->checks[i].result);
    }
}
