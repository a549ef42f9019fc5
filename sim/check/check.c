/* The checks of a run: one view for all, each judged by its own file. */
#include "sim/check/internal.h"

#include "core/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {"none",
#define CHECK_NAME(NAME, key, promise) key,
                                    SIM_CHECKS(CHECK_NAME)
#undef CHECK_NAME
};

static const char *const promises[] = {"",
#define CHECK_PROMISE(NAME, key, promise) promise,
                                       SIM_CHECKS(CHECK_PROMISE)
#undef CHECK_PROMISE
};

static const struct sim_check__ops *const ops_of[SIM_CHECK_KIND_COUNT] = {
    [SIM_CHECK_STORED_FOUND] = &sim_check__stored_found,
    [SIM_CHECK_PEERS_FOUND] = &sim_check__peers_found,
    [SIM_CHECK_CLOSEST] = &sim_check__closest,
    [SIM_CHECK_RESTARTED] = &sim_check__restarted,
    [SIM_CHECK_NO_LEAK] = &sim_check__no_leak,
    [SIM_CHECK_TABLES] = &sim_check__tables,
    [SIM_CHECK_DEAD_FORGOTTEN] = &sim_check__dead_forgotten,
    [SIM_CHECK_NO_SURPRISE] = &sim_check__no_surprise,
    [SIM_CHECK_SUPERVISED] = &sim_check__supervised,
    [SIM_CHECK_NO_ORPHAN] = &sim_check__no_orphan,
    [SIM_CHECK_DURABLE] = &sim_check__durable,
};

struct one_check {
    const struct sim_check__ops *ops;
    struct sim_check__ctx *state;
    uint32_t at_least_ppm;
};

struct sim_checks {
    struct sim_check__view view;
    struct one_check *list;
    uint32_t count;
    weft_time now;
    bool stopping, yielded;
};

const char *sim_check_name(enum sim_check_kind kind) {
    return (unsigned)kind < SIM_CHECK_KIND_COUNT ? names[kind] : names[0];
}

const char *sim_check_promise(enum sim_check_kind kind) {
    return (unsigned)kind < SIM_CHECK_KIND_COUNT ? promises[kind] : promises[0];
}

bool sim_check_is_of_core(enum sim_check_kind kind) {
    WEFT_ASSERT(kind > SIM_CHECK_NONE && kind < SIM_CHECK_KIND_COUNT);
    return ops_of[kind]->is_of_core;
}

static void check_init(struct sim_checks *checks, struct one_check *check,
                       const struct sim_check_spec *spec, const struct sim_check_setup *setup) {
    WEFT_ASSERT(spec->kind > SIM_CHECK_NONE && spec->kind < SIM_CHECK_KIND_COUNT);
    check->ops = ops_of[spec->kind];
    check->at_least_ppm = spec->at_least_ppm > 0 ? spec->at_least_ppm : 1000000;
    check->state = calloc(1, check->ops->state_size);
    WEFT_ASSERT(check->state != NULL);
    check->state->view = &checks->view;
    check->state->setup = *setup;
    check->state->index = (uint32_t)(check - checks->list);
    check->state->now = &checks->now;
    check->state->within = spec->within > 0 ? spec->within : check->ops->within;
    if (setup->core != NULL) check->state->within = setup->core_within;
}

struct sim_checks *sim_checks_new(const struct sim_check_spec *specs, uint32_t count,
                                  const struct sim_check_setup *setup) {
    struct sim_checks *checks = calloc(1, sizeof *checks);
    if (checks == NULL) return NULL;
    checks->list = calloc(count > 0 ? count : 1, sizeof *checks->list);
    if (checks->list == NULL) {
        free(checks);
        return NULL;
    }
    sim_check__view_init(&checks->view, setup);
    checks->count = count;
    for (uint32_t i = 0; i < count; i++) check_init(checks, &checks->list[i], &specs[i], setup);
    return checks;
}

void sim_checks_free(struct sim_checks *checks) {
    if (checks == NULL) return;
    for (uint32_t i = 0; i < checks->count; i++) {
        struct one_check *check = &checks->list[i];
        if (check->ops->deinit != NULL) check->ops->deinit(check->state);
        free(check->state);
    }
    sim_check__view_free(&checks->view);
    free(checks->list);
    free(checks);
}

static bool is_over(const struct sim_checks *checks, const struct one_check *check) {
    if (checks->yielded && check->ops->is_of_core) return true;
    return checks->stopping && !check->ops->judges_stopping;
}

static void tick(struct sim_checks *checks, weft_time at) {
    for (uint32_t i = 0; i < checks->count; i++) {
        struct one_check *check = &checks->list[i];
        if (check->ops->tick != NULL && !is_over(checks, check)) check->ops->tick(check->state, at);
    }
}

/* Tell one check what the event ended. */
static void tell_lookups(struct sim_checks *checks, const struct one_check *check,
                         const struct weft_trace_event *event) {
    if (check->ops->lookup == NULL) return;
    for (size_t i = 0; i < checks->view.ended_count; i++) {
        check->ops->lookup(check->state, &checks->view.ended[i], event);
    }
}

void sim_checks_trace(struct sim_checks *checks, const struct weft_trace_event *event) {
    WEFT_ASSERT(event->at >= checks->now);
    weft_time before = checks->now;
    checks->now = event->at;
    if (event->at > before) tick(checks, event->at);
    sim_check__view_trace(&checks->view, event);
    for (uint32_t i = 0; i < checks->count; i++) {
        struct one_check *check = &checks->list[i];
        if (!(check->ops->mask & WEFT_TRACE_BIT(event->kind)) || is_over(checks, check)) continue;
        tell_lookups(checks, check, event);
        if (check->ops->trace != NULL) check->ops->trace(check->state, event);
    }
}

void sim_checks_yield(struct sim_checks *checks, weft_time now) {
    WEFT_ASSERT(now >= checks->now && checks->view.core == NULL);
    checks->now = now;
    tick(checks, now);
    checks->yielded = true;
}

void sim_checks_stopping(struct sim_checks *checks, weft_time now) {
    const struct weft_trace_event event = {.at = now, .node = WEFT_TRACE_NODE_NONE};
    WEFT_ASSERT(now >= checks->now);
    checks->now = now;
    tick(checks, weft_time_add(now, 1));
    sim_check__view_stop(&checks->view);
    for (uint32_t i = 0; i < checks->count; i++) {
        if (!is_over(checks, &checks->list[i])) tell_lookups(checks, &checks->list[i], &event);
    }
    checks->stopping = true;
}

void sim_checks_finish(struct sim_checks *checks, weft_time now) {
    WEFT_ASSERT(now >= checks->now);
    checks->now = now;
    tick(checks, weft_time_add(now, 1));
}

uint64_t sim_checks_mask(const struct sim_checks *checks) {
    uint64_t mask = 0;
    for (uint32_t i = 0; i < checks->count; i++) mask |= checks->list[i].ops->mask;
    return mask;
}

void sim_checks_result(const struct sim_checks *checks, uint32_t spec,
                       struct sim_check_result *result) {
    WEFT_ASSERT(spec < checks->count);
    const struct one_check *check = &checks->list[spec];
    *result = check->state->result;
    uint64_t allowed = 1000000u - check->at_least_ppm;
    result->holds =
        result->evaluated > 0 && result->failed * 1000000u <= result->evaluated * allowed;
}

void sim_check__held(struct sim_check__ctx *ctx) { ctx->result.evaluated++; }

void sim_check__failed(struct sim_check__ctx *ctx, weft_time at, uint32_t node, const char *why,
                       ...) {
    struct sim_check_result *result = &ctx->result;
    bool is_first = result->failed == 0;
    bool is_told = ctx->setup.failed != NULL && result->failed < WEFT_TRACE_FAILURES_MAX;
    result->evaluated++;
    result->failed++;
    if (!is_first && !is_told) return;
    char text[SIM_CHECK_WHY_MAX];
    int used = snprintf(text, sizeof text, "node %u: ", node);
    va_list args;
    va_start(args, why);
    vsnprintf(text + used, sizeof text - (size_t)used, why, args);
    va_end(args);
    if (is_first) {
        result->first_failed_at = at;
        result->first_failed_node = node;
        snprintf(result->why, sizeof result->why, "%s", text);
    }
    const struct sim_check_failure failure = {*ctx->now, node, text};
    if (is_told) ctx->setup.failed(ctx->setup.ctx, ctx->index, &failure);
}

const char *sim_check__short(const weft_id *id, char text[SIM_CHECK_SHORT_SIZE]) {
    snprintf(text, SIM_CHECK_SHORT_SIZE, "%02x%02x%02x%02x...", id->bytes[0], id->bytes[1],
             id->bytes[2], id->bytes[3]);
    return text;
}

bool sim_check__id_at(struct weft_bytes bytes, size_t index, weft_id *id) {
    if (bytes.size < (index + 1) * WEFT_ID_SIZE) return false;
    memcpy(id->bytes, bytes.data + index * WEFT_ID_SIZE, WEFT_ID_SIZE);
    return true;
}
