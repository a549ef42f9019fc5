/* An engine split into lanes gives the events, the hash and the order of one that is not. */
#include "sim/engine/lanes.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

#define NODES 37
#define LOOKAHEAD WEFT_MS(3)
#define END WEFT_S(2)
#define TOLD_MAX 200000

/* What was done, in the order in which it is told. */
struct told {
    weft_time at;
    uint32_t entity;
    struct sim_cause cause;
};

struct play {
    struct sim_engine *engine;
    uint64_t seed;
    struct told *told;
    size_t count;
};

static void schedule(struct sim_engine *lane, weft_time at, uint32_t entity) {
    struct sim_event event = {.at = at, .kind = 1, .entity = entity};
    CHECK(sim_engine_schedule(lane, &event) != 0);
}

/* Nodes act at once, soon and on others; many times are equal. The scenario acts on a node and on
 * itself. */
static void act(struct play *play, struct sim_engine *lane, const struct sim_event *event) {
    struct sim_cause cause = sim_engine_cause(lane);
    uint64_t raw = weft_draw(play->seed, 99, cause.source, cause.number);
    uint32_t other = (uint32_t)(raw >> 8) % NODES;
    sim_engine_fold(lane, raw);
    if (event->entity == SIM_SCENARIO) {
        struct sim_engine *home = lane;
        if (sim_engine_lanes(lane) > 0)
            home = sim_engine_lane(lane, sim_engine_lane_of(lane, other));
        CHECK_EQ_INT(sim_engine_now(home), event->at);
        schedule(home, event->at + WEFT_US(raw % 2), other);
        schedule(lane, event->at + WEFT_MS(raw % 3 * 10), SIM_SCENARIO);
        return;
    }
    if (raw % 8 == 0) schedule(lane, event->at, event->entity);
    if (raw % 8 == 1) schedule(lane, event->at + WEFT_US(raw >> 4 & 3), event->entity);
    if (raw % 8 < 5) schedule(lane, event->at + LOOKAHEAD + WEFT_MS(raw >> 20 & 3), other);
}

static void tell(struct play *play, const struct sim_event *event, struct sim_cause cause) {
    if (play->count == TOLD_MAX) return;
    play->told[play->count++] = (struct told){event->at, event->entity, cause};
}

static void open_play(struct play *play, uint64_t seed, uint32_t lanes) {
    *play = (struct play){.engine = sim_engine_new(seed, NODES), .seed = seed};
    play->told = calloc(TOLD_MAX, sizeof *play->told);
    REQUIRE(play->engine != NULL && play->told != NULL);
    if (lanes > 1) CHECK(sim_engine_split(play->engine, lanes));
    for (uint32_t i = 0; i < 3 * NODES; i++) schedule(play->engine, WEFT_MS(i % 5), i % NODES);
    schedule(play->engine, 0, SIM_SCENARIO);
}

static void close_play(struct play *play) {
    sim_engine_free(play->engine, NULL);
    free(play->told);
}

/* --- windows --- */

#define LOG_MAX 4096
struct log {
    struct sim_mark marks[LOG_MAX];
    struct sim_event events[LOG_MAX];
    struct sim_cause causes[LOG_MAX];
    size_t count, next;
};

static void run_lane(struct play *play, struct sim_engine *lane, weft_time last, struct log *log) {
    struct sim_event event;
    log->count = log->next = 0;
    while (sim_engine_next(lane, last, &event)) {
        CHECK(log->count < LOG_MAX);
        log->marks[log->count] = sim_engine_mark(lane);
        log->causes[log->count] = sim_engine_cause(lane);
        log->events[log->count++] = event;
        act(play, lane, &event);
    }
}

static void tell_logs(struct play *play, struct log *logs, uint32_t lanes) {
    for (;;) {
        struct log *best = NULL;
        for (uint32_t i = 0; i < lanes; i++) {
            struct log *log = &logs[i];
            if (log->next == log->count) continue;
            if (best == NULL || sim_mark_before(&log->marks[log->next], &best->marks[best->next]))
                best = log;
        }
        if (best == NULL) return;
        tell(play, &best->events[best->next], best->causes[best->next]);
        best->next++;
    }
}

static void run_window(struct play *play, weft_time last, struct log *logs) {
    uint32_t lanes = sim_engine_lanes(play->engine);
    for (uint32_t i = lanes; i-- > 0;)
        run_lane(play, sim_engine_lane(play->engine, i), last, &logs[i]);
    for (uint32_t i = 0; i < lanes; i++) sim_engine_collect(sim_engine_lane(play->engine, i));
    sim_engine_window_end(play->engine);
    tell_logs(play, logs, lanes);
}

static unsigned run_split(struct play *play) {
    struct log *logs = calloc(SIM_LANES_MAX, sizeof *logs);
    struct sim_turn turn;
    unsigned windows = 0;
    if (!CHECK(logs != NULL)) return 0;
    while ((turn = sim_engine_turn(play->engine, END, LOOKAHEAD)).kind != SIM_TURN_OVER) {
        struct sim_event event;
        if (turn.kind == SIM_TURN_WINDOW) {
            run_window(play, turn.last, logs);
            windows++;
        } else if (CHECK(sim_engine_next(turn.lane, turn.last, &event))) {
            tell(play, &event, sim_engine_cause(turn.lane));
            act(play, turn.lane, &event);
        }
    }
    free(logs);
    return windows;
}

static void run_whole(struct play *play) {
    struct sim_event event;
    while (sim_engine_next(play->engine, END, &event)) {
        tell(play, &event, sim_engine_cause(play->engine));
        act(play, play->engine, &event);
    }
}

static void check_equal(const struct play *a, const struct play *b) {
    CHECK(sim_hash_equal(sim_engine_hash(a->engine), sim_engine_hash(b->engine)));
    CHECK_EQ_UINT(sim_engine_count(a->engine), sim_engine_count(b->engine));
    CHECK_EQ_UINT(sim_engine_pending(a->engine), sim_engine_pending(b->engine));
    CHECK_EQ_UINT(a->count, b->count);
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        const struct told *x = &a->told[i], *y = &b->told[i];
        if (x->at == y->at && x->entity == y->entity && x->cause.source == y->cause.source &&
            x->cause.number == y->cause.number)
            continue;
        CHECK_EQ_UINT(i, SIZE_MAX); /* the first that differs */
        return;
    }
}

static void any_number_of_lanes_gives_the_same_run_in_the_same_order(void) {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct play whole;
        open_play(&whole, seed, 1);
        run_whole(&whole);
        CHECK(whole.count > 1000);
        for (uint32_t lanes = 2; lanes <= 7; lanes++) {
            struct play split;
            open_play(&split, seed, lanes);
            CHECK(run_split(&split) > 50);
            check_equal(&whole, &split);
            CHECK_EQ_INT(sim_engine_now(sim_engine_lane(split.engine, 1)), END);
            close_play(&split);
        }
        close_play(&whole);
    }
}

static void nodes_are_shared_out(void) {
    struct sim_engine *engine = sim_engine_new(1, 10);
    unsigned count[3] = {0};
    CHECK_EQ_UINT(sim_engine_lanes(engine), 0);
    CHECK(sim_engine_split(engine, 3));
    CHECK_EQ_UINT(sim_engine_lanes(engine), 3);
    for (uint32_t i = 0; i < 10; i++) count[sim_engine_lane_of(engine, i)]++;
    for (unsigned i = 0; i < 3; i++) CHECK(count[i] > 0);
    sim_engine_free(engine, NULL);
}

/* An event for another lane has a handle that cancels nothing. */
static void what_is_elsewhere_cannot_be_cancelled(void) {
    struct sim_engine *engine = sim_engine_new(1, 4);
    struct sim_event event = {.at = 5, .entity = 0};
    CHECK(sim_engine_split(engine, 2));
    sim_handle handle = sim_engine_schedule(engine, &event);
    CHECK(handle != 0);
    CHECK(!sim_engine_cancel(engine, handle, &event));
    CHECK_EQ_UINT(sim_engine_pending(engine), 1);
    sim_engine_free(engine, NULL);
}

TEST_MAIN("sim/lanes", TEST(any_number_of_lanes_gives_the_same_run_in_the_same_order),
          TEST(nodes_are_shared_out), TEST(what_is_elsewhere_cannot_be_cancelled))
