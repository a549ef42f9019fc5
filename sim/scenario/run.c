/* Run: one plan, one seed, one verdict. */
#include "sim/scenario/run.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/scenario/book.h"
#include "sim/scenario/run_parts.h"
#include "sim/world/clock.h"
#include "sim/world/points.h"

#include <stdlib.h>

/* The run is looked at this often (progress, memory): every 1/200 of it, or after so many events.
 */
#define SLICES 200
#define SLICE_LEAST WEFT_MS(1)
#define SLICE_EVENTS 100000

#define AGAIN WEFT_S(1)

/* What nodes may take to end in order. */
#define END_MAX WEFT_S(120)
#define END_SLICE WEFT_MS(100)

#define WORKS_MASK                                                                                 \
    (WEFT_TRACE_BIT(WEFT_TRACE_DHT_UP) | WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN) |                    \
     WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_DONE) | WEFT_TRACE_BIT(WEFT_TRACE_STORE_DONE))

_Static_assert((int)SIM_CHECK_CUT_PARTITION == (int)SIM_FAULT_PARTITION, "as the trace says");
_Static_assert((int)SIM_CHECK_CUT_ISOLATE == (int)SIM_FAULT_ISOLATE, "as the trace says");
_Static_assert((int)SIM_CHECK_CUT_PAUSE == (int)SIM_FAULT_PAUSE, "as the trace says");
_Static_assert((int)SIM_CHECK_CUT_DEGRADE == (int)SIM_FAULT_DEGRADE, "as the trace says");
_Static_assert((int)SIM_CHECK_CUT_REBIND == (int)SIM_FAULT_REBIND, "as the trace says");
_Static_assert((int)SIM_CHECK_CUT_MOVE == (int)SIM_FAULT_MOVE, "as the trace says");
_Static_assert((int)SIM_CHECK_CUT_SLOW == (int)SIM_FAULT_SLOW, "as the trace says");
_Static_assert((int)SIM_CHECK_CUT_OUTAGE == (int)SIM_FAULT_OUTAGE, "as the trace says");
_Static_assert((int)SIM_CHECK_CUT_OVERFLOW == (int)SIM_FAULT_OVERFLOW, "as the trace says");
_Static_assert((int)SIM_CHECK_CUT_MEMORY == (int)SIM_FAULT_MEMORY, "as the trace says");
_Static_assert((int)SIM_CHECK_LIE_FIRST == (int)SIM_FAULT_WIPE, "as the trace says");
_Static_assert((int)SIM_CHECK_LIE_LAST == (int)SIM_FAULT_LATENT_ERROR, "as the trace says");
_Static_assert((int)SIM_CHECK_PERMANENT == (int)WEFT_PERMANENT, "as the trace says");

struct run {
    const struct sim_plan *plan;
    const struct sim_run_options *options;
    struct sim_run_report *report;
    struct sim_run__boot boot;
    struct sim_checks *checks;
    struct sim_run__liveness live;
    struct sim_run__teller teller;
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_works *works;
    weft_time stop;
    uint64_t checks_mask;
    bool over;      /* nodes are being stopped: nobody comes up any more */
    int boot_error; /* of the first node that would not boot */
};

static const struct weft_node_config *config_of(void *ctx, uint32_t node, uint32_t life) {
    struct run *run = ctx;
    (void)life;
    const struct weft_node_config *config = sim_run__boot_config(&run->boot, node);
    WEFT_ASSERT(config != NULL);
    return config;
}

static uint32_t schedulers_of(void *ctx, uint32_t node) {
    const struct run *run = ctx;
    return run->plan->schedulers_of[run->boot.group_of[node]];
}

static size_t memory_of(void *ctx, uint32_t node) {
    const struct run *run = ctx;
    return run->plan->memory_of[run->boot.group_of[node]];
}

/* Whoever judges by events, or goes on by them. */
static void judge(struct run *run, const struct weft_trace_event *event) {
    uint64_t bit = WEFT_TRACE_BIT(event->kind);
    if (run->checks_mask & bit) {
        sim_checks_trace(run->checks, event);
        if (run->live.checks != NULL) sim_checks_trace(run->live.checks, event);
    }
    if (run->works != NULL && (WORKS_MASK & bit)) sim_works_trace(run->works, event);
}

/* The trace is told first: what fails, fails by the event. Most events are for it alone. */
static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct run *run = ctx;
    const struct sim_run_options *options = run->options;
    uint64_t bit = WEFT_TRACE_BIT(event->kind);
    bool told = options->trace != NULL && (options->trace_mask & bit);
    if (options->where != NULL) options->where->node = event->node;
    if ((run->checks_mask | WORKS_MASK) & bit) {
        if (told) options->trace(options->ctx, event);
        judge(run, event);
    } else if (told) {
        options->trace(options->ctx, event);
    }
}

/* Who starts nodes tries again. */
static void boot_again(void *ctx, uint64_t arg) {
    struct run *run = ctx;
    uint32_t node = (uint32_t)arg;
    if (run->over || sim_world_state(run->world, node) != SIM_NODE_DOWN) return;
    int rv = sim_world_boot(run->world, node);
    if (rv != WEFT_OK && run->boot_error == WEFT_OK) run->boot_error = rv;
}

static weft_time now_of(const struct run *run) {
    return sim_engine_now(sim_world_engine(run->world));
}

static bool was_refused(const struct run *run) {
    const struct sim_points *points = run->options->points;
    return points != NULL && points->reached && points->site.at == now_of(run);
}

static void boot_node(void *ctx, uint64_t arg) {
    struct run *run = ctx;
    uint32_t node = (uint32_t)arg;
    if (run->over || sim_world_life(run->world, node) > 0) return; /* a fault came before */
    int rv = sim_world_boot(run->world, node);
    if (rv != WEFT_OK && was_refused(run))
        rv = sim_world_at(run->world, now_of(run) + AGAIN, boot_again, run, node);
    if (rv != WEFT_OK && run->boot_error == WEFT_OK) run->boot_error = rv;
}

static int schedule_boots(struct run *run) {
    for (uint32_t i = 0; i < run->plan->population; i++) {
        int rv = sim_world_at_node(run->world, sim_run__boot_at(&run->boot, i), boot_node, run, i);
        if (rv != WEFT_OK) return rv;
    }
    return WEFT_OK;
}

static int open_world(struct run *run) {
    const struct sim_run_options *options = run->options;
    uint64_t wanted = options->trace != NULL ? options->trace_mask : 0;
    struct sim_world_config config = {
        .seed = options->seed,
        .nodes = run->plan->population,
        .nats = run->plan->nats,
        .nats_count = run->plan->nats_count,
        .flow = run->plan->flow.setup.platform != NULL ? &run->plan->flow : NULL,
        .net = &run->plan->net,
        .group_of = run->boot.group_of,
        .host = options->host,
        .order = &run->plan->order,
        .config_of = config_of,
        .schedulers_of = schedulers_of,
        .memory_of = memory_of,
        .trace = on_trace,
        .ctx = run,
        .trace_mask = run->checks_mask | WORKS_MASK | wanted,
        .points = options->points};
    if (config.points != NULL || sim_plan_alone(run->plan) != NULL) config.host.team = NULL;
    run->world = sim_world_new(&config);
    if (run->world == NULL) return WEFT_ERR_NOMEM;
    sim_engine_watch(sim_world_engine(run->world), options->witness);
    run->teller = (struct sim_run__teller){.options = options, .world = run->world};
    sim_run__tell_init(&run->teller, run->stop);
    if (options->where != NULL) options->where->world = run->world;
    return WEFT_OK;
}

/* In [-most, most]. */
static int64_t draw_either_way(const struct run *run, uint32_t node, uint64_t which, int64_t most) {
    uint64_t raw = weft_draw(run->options->seed, SIM_DRAW_CLOCK, node, which);
    return (int64_t)weft_scale(raw, 2 * (uint64_t)most + 1) - most;
}

static void set_clocks(struct run *run) {
    const struct sim_clocks *clocks = &run->plan->clocks;
    if (clocks->offset == 0 && clocks->drift_ppm == 0) return;
    for (uint32_t i = 0; i < run->plan->population; i++) {
        struct sim_clock_change change = {draw_either_way(run, i, 0, clocks->offset),
                                          draw_either_way(run, i, 1, clocks->drift_ppm)};
        sim_world_clock_change(run->world, i, &change);
    }
}

static void shorten(weft_duration *lifetime, weft_duration other) {
    if (other != 0 && (*lifetime == 0 || other < *lifetime)) *lifetime = other;
}

static void on_failed(void *ctx, uint32_t check, const struct sim_check_failure *failure) {
    const struct run *run = ctx;
    sim_run__tell_failed(&run->teller, check, failure);
}

/* Checks of a core are numbered after those of all nodes. */
static void on_core_failed(void *ctx, uint32_t check, const struct sim_check_failure *failure) {
    const struct run *run = ctx;
    sim_run__tell_failed(&run->teller, run->plan->checks_count + check, failure);
}

static bool clocks_vary(const struct sim_plan *plan) {
    bool vary = plan->clocks.drift_ppm != 0;
    for (uint32_t i = 0; i < plan->faults_count; i++) vary |= plan->faults[i].drift_ppm != 0;
    return vary;
}

static struct sim_check_setup setup_of(struct run *run) {
    const struct sim_plan *plan = run->plan;
    struct sim_check_setup setup = {.nodes = plan->population,
                                    .clocks_vary = clocks_vary(plan),
                                    .failed = on_failed,
                                    .ctx = run};
    for (uint32_t g = 0; g < plan->groups_count; g++) {
        shorten(&setup.item_lifetime, plan->dht_of[g].item_lifetime);
        shorten(&setup.peer_lifetime, plan->dht_of[g].peer_lifetime);
    }
    return setup;
}

static int open_checks(struct run *run) {
    const struct sim_plan *plan = run->plan;
    struct sim_check_setup setup = setup_of(run);
    run->checks = sim_checks_new(plan->checks, plan->checks_count, &setup);
    if (run->checks == NULL) return WEFT_ERR_NOMEM;
    run->checks_mask = sim_checks_mask(run->checks);
    return WEFT_OK;
}

/* On error close_run takes away what is there. */
static int open_run(struct run *run) {
    const struct sim_plan *plan = run->plan;
    int rv = sim_run__boot_init(&run->boot, plan, run->options->seed);
    if (rv == WEFT_OK && run->options->points != NULL) sim_run__boot_plainly(&run->boot);
    if (rv == WEFT_OK) rv = open_checks(run);
    if (rv == WEFT_OK) rv = open_world(run);
    if (rv == WEFT_OK) rv = schedule_boots(run);
    if (rv != WEFT_OK) return rv;
    set_clocks(run);
    run->faults = sim_faults_new(run->world, plan->faults, plan->faults_count, plan->groups);
    run->works = sim_works_new(run->world, plan->works, plan->works_count, plan->groups);
    if (run->faults == NULL || run->works == NULL) return WEFT_ERR_NOMEM;
    struct sim_check_setup setup = setup_of(run);
    setup.failed = on_core_failed;
    run->live.plan = plan;
    run->live.world = run->world;
    run->live.faults = run->faults;
    run->live.of_all = run->checks;
    return sim_run__liveness_init(&run->live, &setup);
}

static void close_run(struct run *run) {
    if (run->options->where != NULL) run->options->where->world = NULL;
    struct sim_works *works = run->works;
    run->works = NULL; /* nothing is told to it while the world goes */
    run->checks_mask = 0;
    if (run->world != NULL) sim_engine_watch(sim_world_engine(run->world), NULL);
    if (run->faults != NULL) sim_faults_free(run->faults);
    if (run->world != NULL) sim_world_free(run->world);
    sim_works_free(works);
    sim_checks_free(run->checks);
    sim_run__liveness_deinit(&run->live);
    sim_run__boot_deinit(&run->boot);
}

/* At times of the run, not after so many events: threads count these in another order. */
static void weigh(struct run *run) {
    size_t bytes = sim_world_node_bytes(run->world) + sim_run__book_bytes(run->boot.book);
    run->report->node_bytes_last = bytes;
    if (bytes > run->report->node_bytes_peak) run->report->node_bytes_peak = bytes;
}

static void show(struct run *run) {
    struct sim_engine *engine = sim_world_engine(run->world);
    const struct sim_run_options *options = run->options;
    if (options->progress == NULL) return;
    options->progress(options->ctx, sim_engine_now(engine), run->stop, sim_engine_count(engine));
}

static void run_until(struct run *run, weft_time until) {
    while (!sim_world_run(run->world, until, SLICE_EVENTS)) show(run);
}

/* A model of bandwidth may round what it is asked to stop at: there, samples are taken where the
 * run is stopped anyhow, with a trace or without. */
static void run_slice(struct run *run, weft_time until) {
    bool between = run->plan->flow.setup.platform == NULL;
    while (between && sim_run__sample_at(&run->teller) < until) {
        run_until(run, sim_run__sample_at(&run->teller));
        sim_run__sample(&run->teller);
    }
    run_until(run, until);
    sim_run__sample(&run->teller);
    show(run);
    weigh(run);
}

static void run_scenario(struct run *run) {
    weft_duration slice = weft_time_max(run->stop / SLICES, SLICE_LEAST);
    weft_time now = 0;
    while (now < run->stop && run->boot_error == WEFT_OK) {
        now = weft_time_min(weft_time_add(now, slice), run->stop);
        run_slice(run, now);
    }
}

static bool all_down(const struct run *run) {
    struct sim_world_stats stats;
    sim_world_stats(run->world, &stats);
    return stats.down == run->plan->population;
}

/* Heal everything, stop every node, and let them end. */
static void end_scenario(struct run *run) {
    weft_time now = sim_engine_now(sim_world_engine(run->world));
    run->over = true;
    sim_checks_stopping(run->checks, now);
    sim_run__liveness_stopping(&run->live, now);
    sim_works_end(run->works);
    sim_faults_heal(run->faults);
    for (uint32_t i = 0; i < run->plan->population; i++) {
        enum sim_node_state state = sim_world_state(run->world, i);
        if (state == SIM_NODE_UP || state == SIM_NODE_PAUSED) sim_world_stop(run->world, i);
    }
    weft_time limit = weft_time_add(now, END_MAX);
    for (; now < limit && !all_down(run); now += END_SLICE) run_slice(run, now + END_SLICE);
    if (!all_down(run)) {
        sim_run__reason(run->report, "nodes still run %lld s after they were told to stop",
                        (long long)(END_MAX / WEFT_S(1)));
    }
    sim_checks_finish(run->checks, sim_engine_now(sim_world_engine(run->world)));
}

static void fill_counts(struct run *run) {
    const struct sim_plan *plan = run->plan;
    struct sim_run_report *report = run->report;
    report->faults_count = plan->faults_count;
    for (uint32_t i = 0; i < plan->faults_count; i++) {
        report->faults[i] = (struct sim_fault_report){
            plan->faults[i].kind, sim_faults_count(run->faults, i), plan->faults[i].line};
    }
    report->claims_count = plan->claims_count;
    for (uint32_t i = 0; i < plan->claims_count; i++)
        report->claims[i] = sim_run__claim_bites(plan, i, run->world, run->faults);
    report->works_count = plan->works_count;
    for (uint32_t i = 0; i < plan->works_count; i++) {
        report->works[i] = (struct sim_work_report){
            plan->works[i].kind, sim_works_count(run->works, i), plan->works[i].line};
    }
    report->checks_count = plan->checks_count;
    for (uint32_t i = 0; i < plan->checks_count; i++) {
        report->checks[i].kind = plan->checks[i].kind;
        report->checks[i].line = plan->checks[i].line;
        sim_checks_result(run->checks, i, &report->checks[i].result);
    }
}

static void fill_report(struct run *run) {
    struct sim_run_report *report = run->report;
    struct sim_engine *engine = sim_world_engine(run->world);
    report->seed = run->options->seed;
    report->hash = sim_engine_hash(engine);
    report->events = sim_engine_count(engine);
    report->ended_at = sim_engine_now(engine);
    report->nodes = run->plan->population;
    report->points = run->options->points;
    sim_world_stats(run->world, &report->world);
    fill_counts(run);
    sim_run__liveness_report(&run->live, &report->liveness);
    sim_run__judge(run->plan, run->stop, report);
}

static weft_time stop_of(const struct sim_plan *plan, weft_time until) {
    return until == WEFT_TIME_NEVER ? plan->stop : until;
}

struct sim_run_samples sim_run_samples(const struct sim_plan *plan, weft_time until) {
    weft_time stop = stop_of(plan, until);
    return (struct sim_run_samples){sim_run__sample_every(stop, plan->population),
                                    sim_run__node_sample_every(stop, plan->population)};
}

int sim_run(const struct sim_plan *plan, const struct sim_run_options *options,
            struct sim_run_report *report) {
    struct run run = {.plan = plan, .options = options, .report = report};
    WEFT_ASSERT(options->until >= 0);
    *report = (struct sim_run_report){.verdict = SIM_HOLDS};
    run.stop = stop_of(plan, options->until);
    if (options->where != NULL) options->where->node = WEFT_TRACE_NODE_NONE;
    int rv = open_run(&run);
    if (rv == WEFT_OK) {
        run_scenario(&run);
        rv = run.boot_error;
    }
    if (rv == WEFT_OK) {
        end_scenario(&run);
        fill_report(&run);
        sim_run__tell_page(&run.teller, plan, report);
    }
    close_run(&run);
    return rv;
}
