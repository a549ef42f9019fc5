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
    unsigned handed, waits; /* acted on one node; times a lane waited for another */
};

static void schedule(struct sim_engine *lane, weft_time at, uint32_t entity) {
    struct sim_event event = {.at = at, .kind = 1, .entity = entity};
    CHECK(sim_engine_schedule(lane, &event) != 0);
}

static void schedule_only(struct sim_engine *engine, weft_time at, uint32_t node) {
    struct sim_event event = {.at = at, .kind = 2, .entity = SIM_SCENARIO, .only = node + 1};
    CHECK(sim_engine_schedule(engine, &event) != 0);
}

/* On a node and on itself; and on one node each some times later, at once with others of these. */
static void act_on_all(struct sim_engine *engine, const struct sim_event *event, uint64_t raw) {
    struct sim_engine *home = engine;
    uint32_t other = (uint32_t)(raw >> 8) % NODES;
    if (sim_engine_lanes(engine) > 0)
        home = sim_engine_lane(engine, sim_engine_lane_of(engine, other));
    CHECK_EQ_INT(sim_engine_now(home), event->at);
    schedule(home, event->at + WEFT_US(raw % 2), other);
    for (uint32_t i = 0; raw >> 16 & 1 && i < 20; i++)
        schedule_only(engine, event->at + WEFT_MS(raw >> 24 & 3) * (i / 4), (other + i) % NODES);
    schedule(engine, event->at + WEFT_MS(raw % 3 * 10), SIM_SCENARIO);
}

static void act_on_one(struct sim_engine *lane, const struct sim_event *event, uint64_t raw) {
    schedule(lane, event->at + WEFT_US(raw % 2), event->only - 1);
    if (raw & 4) schedule(lane, event->at, event->only - 1);
    schedule(lane, event->at + LOOKAHEAD + WEFT_MS(raw >> 20 & 3), (uint32_t)(raw >> 8) % NODES);
}

/* Nodes act at once, soon and on others; many times are equal. */
static void act(struct play *play, struct sim_engine *lane, const struct sim_event *event) {
    struct sim_cause cause = sim_engine_cause(lane);
    uint64_t raw = weft_draw(play->seed, 99, cause.source, cause.number);
    uint32_t other = (uint32_t)(raw >> 8) % NODES;
    sim_engine_fold(lane, raw);
    if (event->only != 0) {
        play->handed++;
        act_on_one(lane, event, raw);
        return;
    }
    if (event->entity == SIM_SCENARIO) {
        act_on_all(lane, event, raw);
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

/* Until it is done, or has to wait. */
static enum sim_lane_step run_lane(struct play *play, struct sim_engine *lane, struct log *log) {
    struct sim_event event;
    enum sim_lane_step step;
    while ((step = sim_engine_lane_next(lane, &event)) == SIM_LANE_EVENT) {
        CHECK(log->count < LOG_MAX);
        log->marks[log->count] = sim_engine_mark(lane);
        log->causes[log->count] = sim_engine_cause(lane);
        log->events[log->count++] = event;
        act(play, lane, &event);
    }
    play->waits += step == SIM_LANE_WAITS;
    return step;
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

static void run_window(struct play *play, struct log *logs) {
    uint32_t lanes = sim_engine_lanes(play->engine), waiting = 1;
    for (uint32_t i = 0; i < lanes; i++) logs[i].count = logs[i].next = 0;
    for (unsigned rounds = 0; waiting > 0; rounds++) {
        waiting = 0;
        for (uint32_t i = lanes; i-- > 0;)
            waiting += run_lane(play, sim_engine_lane(play->engine, i), &logs[i]) != SIM_LANE_DONE;
        if (!CHECK(rounds < 1000)) return;
    }
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
            run_window(play, logs);
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
            CHECK(split.handed > 100 && split.waits > 20);
            CHECK_EQ_UINT(split.handed, whole.handed);
            check_equal(&whole, &split);
            CHECK_EQ_INT(sim_engine_now(sim_engine_lane(split.engine, 1)), END);
            close_play(&split);
        }
        close_play(&whole);
    }
}

static void nodes_are_shared_out(void) {
    struct sim_engine *engine = sim_engine_new(1, 10);
    unsigned count[3] = {0}, turns = 0;
    CHECK_EQ_UINT(sim_engine_lanes(engine), 0);
    CHECK(sim_engine_split(engine, 3));
    CHECK_EQ_UINT(sim_engine_lanes(engine), 3);
    for (uint32_t i = 0; i < 10; i++) count[sim_engine_lane_of(engine, i)]++;
    for (unsigned i = 0; i < 3; i++) CHECK(count[i] > 0);
    sim_engine_free(engine, NULL);
    engine = sim_engine_new(1, 10000);
    CHECK(sim_engine_split(engine, 2));
    for (uint32_t i = 0; i + 1 < 10000; i++)
        turns += sim_engine_lane_of(engine, i) != sim_engine_lane_of(engine, i + 1);
    CHECK(turns > 100 && turns < 500); /* neither neighbours apart, nor halves */
    sim_engine_free(engine, NULL);
}

/* Nobody waits for what comes later: the lane whose turn it is goes first, whoever is asked. */
static void what_the_scenario_does_to_one_node_is_done_in_turn(void) {
    struct sim_engine *engine = sim_engine_new(1, 2);
    struct sim_event event;
    CHECK(sim_engine_split(engine, 2));
    for (uint32_t i = 0; i < 4; i++) schedule_only(engine, WEFT_US(1 + i), i / 2);
    schedule(engine, WEFT_US(4), SIM_SCENARIO);
    struct sim_engine *first = sim_engine_lane(engine, 0), *second = sim_engine_lane(engine, 1);
    CHECK_EQ_INT(sim_engine_turn(engine, END, LOOKAHEAD).kind, SIM_TURN_WINDOW);
    CHECK_EQ_INT(sim_engine_lane_next(second, &event), SIM_LANE_WAITS);
    CHECK_EQ_INT(sim_engine_lane_next(first, &event), SIM_LANE_EVENT);
    CHECK_EQ_UINT(event.only, 1);
    CHECK_EQ_INT(sim_engine_lane_next(second, &event), SIM_LANE_WAITS);
    CHECK_EQ_INT(sim_engine_lane_next(first, &event), SIM_LANE_EVENT);
    CHECK_EQ_INT(sim_engine_lane_next(second, &event), SIM_LANE_WAITS); /* the first is at it */
    CHECK_EQ_INT(sim_engine_lane_next(first, &event), SIM_LANE_DONE);
    CHECK_EQ_INT(sim_engine_lane_next(second, &event), SIM_LANE_EVENT);
    CHECK_EQ_INT(event.at, WEFT_US(3));
    CHECK_EQ_INT(sim_engine_lane_next(second, &event), SIM_LANE_DONE); /* 4 us: with all */
    sim_engine_window_end(engine);
    struct sim_turn turn;
    unsigned ones = 0, rest = 0;
    while ((turn = sim_engine_turn(engine, END, LOOKAHEAD)).kind != SIM_TURN_OVER) {
        if (turn.kind == SIM_TURN_ONE) {
            ones += sim_engine_next(turn.lane, turn.last, &event) && event.at == WEFT_US(4);
            continue;
        }
        while (sim_engine_lane_next(first, &event) == SIM_LANE_EVENT) rest++;
        while (sim_engine_lane_next(second, &event) == SIM_LANE_EVENT) rest++;
        sim_engine_window_end(engine);
    }
    CHECK(ones > 0);
    CHECK_EQ_UINT(ones + rest, 2);
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
          TEST(nodes_are_shared_out), TEST(what_the_scenario_does_to_one_node_is_done_in_turn),
          TEST(what_is_elsewhere_cannot_be_cancelled))
