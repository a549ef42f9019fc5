/* What a run tells its trace beside the events of the world: samples while it goes on, checks that
 * fail, and its page at the end. Nothing here changes the run. */
#include "core/base/assert.h"
#include "sim/scenario/run_parts.h"

/* A run shorter than so many samples of SAMPLE_EVERY has as many, at shorter intervals. */
#define SAMPLES_LEAST 100
#define SAMPLE_EVERY WEFT_S(1)
#define SAMPLE_EVERY_LEAST WEFT_MS(1)
/* Each sample looks at every node: so many looks in all. */
#define LOOKS_MAX UINT64_C(20000000)
#define NODE_SAMPLES_MAX UINT64_C(1000000)

static bool is_wanted(const struct sim_run__teller *teller, enum weft_trace_kind kind) {
    const struct sim_run_options *options = teller->options;
    return options->trace != NULL && (options->trace_mask & WEFT_TRACE_BIT(kind)) != 0;
}

static weft_time now_of(const struct sim_run__teller *teller) {
    return sim_engine_now(sim_world_engine(teller->world));
}

/* `event` but for its time. */
static void tell(const struct sim_run__teller *teller, const struct weft_trace_event *event) {
    if (!is_wanted(teller, event->kind)) return;
    struct weft_trace_event told = *event;
    told.at = now_of(teller);
    teller->options->trace(teller->options->ctx, &told);
}

/* --- samples --- */

/* 1, 2, 5, 10, 20, 50, ... */
static uint64_t step_after(uint64_t step) {
    uint64_t unit = 1;
    while (unit * 10 <= step) unit *= 10;
    return step / unit == 2 ? unit * 5 : step / unit == 1 ? unit * 2 : unit * 10;
}

/* The least step of those for which `count` things each `every`, up to `stop`, are within `max`. */
static uint64_t step_for(weft_time stop, weft_duration every, uint64_t count, uint64_t max) {
    uint64_t step = 1, samples = (uint64_t)(stop / every);
    while (samples / step > 0 && samples / step > max / count) step = step_after(step);
    return step;
}

weft_duration sim_run__sample_every(weft_time stop, uint32_t nodes) {
    WEFT_ASSERT(nodes > 0);
    weft_duration every = SAMPLE_EVERY_LEAST;
    for (uint64_t step = 1; every < SAMPLE_EVERY; step = step_after(step)) {
        weft_duration next = SAMPLE_EVERY_LEAST * (weft_duration)step;
        if (next > stop / SAMPLES_LEAST) break;
        every = next;
    }
    return every * (weft_duration)step_for(stop, every, nodes, LOOKS_MAX);
}

weft_duration sim_run__node_sample_every(weft_time stop, uint32_t nodes) {
    weft_duration every = sim_run__sample_every(stop, nodes);
    return every * (weft_duration)step_for(stop, every, nodes, NODE_SAMPLES_MAX);
}

void sim_run__tell_init(struct sim_run__teller *teller, weft_time stop) {
    uint32_t nodes = sim_world_nodes(teller->world);
    bool of_run = is_wanted(teller, WEFT_TRACE_RUN_SAMPLE);
    bool of_nodes = is_wanted(teller, WEFT_TRACE_NODE_SAMPLE);
    teller->next = teller->nodes_next = WEFT_TIME_NEVER;
    teller->every = sim_run__sample_every(stop, nodes);
    teller->nodes_every = sim_run__node_sample_every(stop, nodes);
    if (of_run) teller->next = teller->every;
    if (of_nodes) teller->nodes_next = teller->nodes_every;
}

weft_time sim_run__sample_at(const struct sim_run__teller *teller) {
    return weft_time_min(teller->next, teller->nodes_next);
}

static void tell_node(const struct sim_run__teller *teller, uint32_t node,
                      const struct sim_load *load) {
    tell(teller, &(struct weft_trace_event){
                     .node = node,
                     .kind = WEFT_TRACE_NODE_SAMPLE,
                     .number = {load->procs, load->mailbox, load->timers, load->bytes}});
}

static void tell_run(const struct sim_run__teller *teller, const struct sim_load *all,
                     uint64_t nodes) {
    struct sim_engine *engine = sim_world_engine(teller->world);
    tell(teller, &(struct weft_trace_event){.node = WEFT_TRACE_NODE_NONE,
                                            .kind = WEFT_TRACE_RUN_SAMPLE,
                                            .number = {nodes, all->procs, all->mailbox,
                                                       sim_engine_pending(engine), all->bytes,
                                                       sim_engine_count(engine)}});
}

/* The time after `at`, and after now. */
static weft_time after(const struct sim_run__teller *teller, weft_time at, weft_duration every) {
    while (at <= now_of(teller)) at = weft_time_add(at, every);
    return at;
}

void sim_run__sample(struct sim_run__teller *teller) {
    weft_time now = now_of(teller);
    bool of_run = teller->next <= now, of_nodes = teller->nodes_next <= now;
    struct sim_load all = {0}, load;
    uint64_t nodes = 0;
    if (!of_run && !of_nodes) return;
    for (uint32_t i = 0; i < sim_world_nodes(teller->world); i++) {
        if (!sim_world_load(teller->world, i, &load)) continue;
        nodes++;
        all.procs += load.procs;
        all.mailbox += load.mailbox;
        all.bytes += load.bytes;
        if (of_nodes) tell_node(teller, i, &load);
    }
    if (of_run) {
        tell_run(teller, &all, nodes);
        teller->next = after(teller, teller->next, teller->every);
    }
    if (of_nodes) teller->nodes_next = after(teller, teller->nodes_next, teller->nodes_every);
}

/* --- checks --- */

void sim_run__tell_failed(const struct sim_run__teller *teller, uint32_t check,
                          const struct sim_check_failure *failure) {
    WEFT_ASSERT(failure->seen_at <= now_of(teller));
    tell(teller, &(struct weft_trace_event){.node = failure->node,
                                            .kind = WEFT_TRACE_CHECK_FAILED,
                                            .number = {check},
                                            .bytes = weft_bytes_text(failure->why)});
}

/* --- the page --- */

/* One line of a table of the page; `second` and `third` are what its columns say. */
struct row {
    enum weft_trace_kind kind;
    uint32_t index, of, line;
    uint64_t second, third;
    const char *name;
};

static void tell_row(const struct sim_run__teller *teller, const struct row *row) {
    struct weft_trace_event event = {
        .node = WEFT_TRACE_NODE_NONE, .kind = row->kind, .bytes = weft_bytes_text(row->name)};
    if (row->kind == WEFT_TRACE_RUN_CHECK) {
        const uint64_t numbers[] = {row->index, row->second, row->third, row->line};
        memcpy(event.number, numbers, sizeof numbers);
    } else {
        const uint64_t numbers[] = {row->index, row->of, row->second, row->third, row->line};
        memcpy(event.number, numbers, sizeof numbers);
    }
    tell(teller, &event);
}

static void tell_claims(const struct sim_run__teller *teller, const struct sim_plan *plan,
                        const struct sim_run_report *report) {
    for (uint32_t i = 0; i < report->claims_count; i++) {
        const struct sim_claim *claim = &plan->claims[i];
        tell(teller,
             &(struct weft_trace_event){.node = WEFT_TRACE_NODE_NONE,
                                        .kind = WEFT_TRACE_RUN_PART,
                                        .number = {i, claim->fault, report->claims[i], claim->line},
                                        .bytes = weft_bytes_text(claim->name)});
    }
}

static void tell_tables(const struct sim_run__teller *teller, const struct sim_run_report *report) {
    for (uint32_t i = 0; i < report->faults_count; i++) {
        const struct sim_fault_report *fault = &report->faults[i];
        const struct sim_fault_count *count = &fault->count;
        tell_row(teller, &(struct row){WEFT_TRACE_RUN_FAULT, i, fault->kind, fault->line,
                                       count->injected, count->bit, sim_fault_name(fault->kind)});
    }
    for (uint32_t i = 0; i < report->works_count; i++) {
        const struct sim_work_report *work = &report->works[i];
        tell_row(teller,
                 &(struct row){WEFT_TRACE_RUN_WORK, i, work->kind, work->line, work->count.asked,
                               work->count.done, sim_work_name(work->kind)});
    }
}

static void tell_check(const struct sim_run__teller *teller, uint32_t index,
                       const struct sim_check_report *check) {
    tell_row(teller, &(struct row){WEFT_TRACE_RUN_CHECK, index, check->kind, check->line,
                                   check->result.evaluated, check->result.failed,
                                   sim_check_name(check->kind)});
}

/* Those of a core come after all others. */
static void tell_checks(const struct sim_run__teller *teller, const struct sim_run_report *report) {
    const struct sim_liveness_report *live = &report->liveness;
    for (uint32_t i = 0; i < report->checks_count; i++) tell_check(teller, i, &report->checks[i]);
    for (uint32_t i = 0; live->judged && i < live->checks_count; i++)
        tell_check(teller, report->checks_count + i, &live->checks[i]);
}

void sim_run__tell_page(const struct sim_run__teller *teller, const struct sim_plan *plan,
                        const struct sim_run_report *report) {
    const char *repeat = teller->options->repeat;
    tell_tables(teller, report);
    tell_checks(teller, report);
    for (uint32_t i = 0; i < report->reasons_count; i++) {
        tell(teller, &(struct weft_trace_event){.node = WEFT_TRACE_NODE_NONE,
                                                .kind = WEFT_TRACE_RUN_REASON,
                                                .bytes = weft_bytes_text(report->reasons[i])});
    }
    tell_claims(teller, plan, report);
    tell(teller,
         &(struct weft_trace_event){.node = WEFT_TRACE_NODE_NONE,
                                    .kind = WEFT_TRACE_RUN_END,
                                    .number = {report->verdict == SIM_HOLDS, report->events,
                                               report->hash.high, report->hash.low, report->nodes},
                                    .bytes = weft_bytes_text(repeat != NULL ? repeat : "")});
}
