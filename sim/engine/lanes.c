/* Lanes: whose turn it is, and what passes between them. */
#include "sim/engine/lanes.h"

#include "sim/engine/internal.h"

#include <stdlib.h>

/* Nodes of a block, at most; blocks of each lane, at least, where there are as many nodes. */
#define BLOCK_BITS_MAX 6
#define BLOCKS_LEAST 8

/* A handle that matches no slot. */
#define HANDLE_ELSEWHERE UINT64_MAX

static uint32_t lane_of(const struct sim_lanes *lanes, uint32_t entity) {
    return entity == SIM_SCENARIO ? lanes->count : (entity >> lanes->block_bits) % lanes->count;
}

static uint32_t block_bits_for(uint32_t nodes, uint32_t lanes) {
    uint32_t bits = 0;
    while (bits < BLOCK_BITS_MAX && nodes >> (bits + 1) >= lanes * BLOCKS_LEAST) bits++;
    return bits;
}

/* --- making and freeing --- */

static struct sim_engine *lane_new(const struct sim_engine *engine, uint32_t lanes) {
    struct sim_engine *lane = calloc(1, sizeof *lane);
    struct sim_outbox *outboxes = calloc((size_t)lanes + 1, sizeof *outboxes);
    if (lane == NULL || outboxes == NULL) {
        free(lane);
        free(outboxes);
        return NULL;
    }
    lane->seed = engine->seed;
    lane->tie_base = engine->tie_base;
    lane->nodes = engine->nodes;
    lane->trails = engine->trails;
    lane->outboxes = outboxes;
    sim_engine__act_as(lane, SIM_SCENARIO);
    sim_engine__slab_init(&lane->slab);
    sim_engine__queue_init(&lane->queue, &lane->slab);
    return lane;
}

static void lane_free(struct sim_engine *lane, uint32_t lanes) {
    for (uint32_t i = 0; i <= lanes; i++) free(lane->outboxes[i].mail);
    free(lane->outboxes);
    free(lane);
}

static bool make_lanes(struct sim_engine *engine, struct sim_lanes *lanes, uint32_t count) {
    for (; lanes->count < count; lanes->count++) {
        struct sim_engine *lane = lane_new(engine, count);
        if (lane == NULL) return false;
        lane->lane = lanes->count;
        lane->lanes = lanes;
        lanes->engine[lanes->count] = lane;
    }
    return true;
}

bool sim_engine_split(struct sim_engine *engine, uint32_t count) {
    WEFT_ASSERT(engine->lanes == NULL && sim_engine_pending(engine) == 0 && engine->popped == 0);
    WEFT_ASSERT(count >= 2 && count <= SIM_LANES_MAX);
    struct sim_lanes *lanes = calloc(1, sizeof *lanes);
    if (lanes == NULL) return false;
    lanes->block_bits = block_bits_for(engine->nodes, count);
    if (!make_lanes(engine, lanes, count)) {
        while (lanes->count-- > 0) lane_free(lanes->engine[lanes->count], count);
        free(lanes);
        return false;
    }
    lanes->engine[count] = engine;
    engine->lane = count;
    engine->lanes = lanes;
    return true;
}

void sim_engine__lanes_free(struct sim_engine *engine,
                            void (*drop)(const struct sim_event *event)) {
    struct sim_lanes *lanes = engine->lanes;
    if (lanes == NULL) return;
    for (uint32_t i = 0; i < lanes->count; i++) {
        sim_engine__drop(lanes->engine[i], drop);
        lane_free(lanes->engine[i], lanes->count);
    }
    free(lanes->handed);
    free(lanes);
    engine->lanes = NULL;
}

uint32_t sim_engine_lanes(const struct sim_engine *engine) {
    return engine->lanes != NULL && engine->lane == engine->lanes->count ? engine->lanes->count : 0;
}

uint32_t sim_engine_lane_of(const struct sim_engine *engine, uint32_t node) {
    WEFT_ASSERT(engine->lanes != NULL && node < engine->nodes);
    return lane_of(engine->lanes, node);
}

struct sim_engine *sim_engine_lane(const struct sim_engine *engine, uint32_t lane) {
    WEFT_ASSERT(engine->lanes != NULL && lane < engine->lanes->count);
    return engine->lanes->engine[lane];
}

/* --- between lanes --- */

static bool outbox_add(struct sim_outbox *box, const struct sim_event *event,
                       struct sim_cause cause) {
    if (box->count == box->max) {
        size_t max = box->max == 0 ? 64 : box->max * 2;
        struct sim_mail *grown = realloc(box->mail, max * sizeof *grown);
        if (grown == NULL) return false;
        box->mail = grown;
        box->max = max;
    }
    box->mail[box->count++] = (struct sim_mail){*event, cause};
    return true;
}

sim_handle sim_engine__post(struct sim_engine *engine, const struct sim_event *event,
                            struct sim_cause cause) {
    struct sim_lanes *lanes = engine->lanes;
    uint32_t target = lane_of(lanes, event->entity);
    if (target == engine->lane) return sim_engine__insert(engine, event, cause);
    if (!lanes->window) {
        sim_handle queued = sim_engine__insert(lanes->engine[target], event, cause);
        return queued != 0 ? HANDLE_ELSEWHERE : 0;
    }
    WEFT_ASSERT(event->at > lanes->last); /* else the lookahead was not the least */
    return outbox_add(&engine->outboxes[target], event, cause) ? HANDLE_ELSEWHERE : 0;
}

void sim_engine_collect(struct sim_engine *lane) {
    for (uint32_t i = 0; i < lane->lanes->count; i++) {
        struct sim_outbox *box = &lane->lanes->engine[i]->outboxes[lane->lane];
        for (size_t j = 0; j < box->count; j++) {
            const struct sim_mail *mail = &box->mail[j];
            sim_handle queued = sim_engine__insert(lane, &mail->event, mail->cause);
            WEFT_ASSERT(queued != 0); /* lost without a word, it would be another run */
        }
        box->count = 0;
    }
}

void sim_engine_window_end(struct sim_engine *engine) {
    struct sim_lanes *lanes = engine->lanes;
    WEFT_ASSERT(lanes->window);
    lanes->window = false;
    if (lanes->handed_done == lanes->handed_count) lanes->handed_done = lanes->handed_count = 0;
    sim_engine_collect(engine);
}

/* --- what the scenario does in lanes --- */

static void note_handed(struct sim_lanes *lanes, uint32_t lane) {
    if (lanes->handed_count == lanes->handed_max) {
        size_t max = lanes->handed_max == 0 ? 64 : lanes->handed_max * 2;
        uint32_t *grown = realloc(lanes->handed, max * sizeof *grown);
        WEFT_ASSERT(grown != NULL);
        lanes->handed = grown;
        lanes->handed_max = max;
    }
    lanes->handed[lanes->handed_count++] = lane;
    lanes->engine[lane]->handed_left++;
}

/* What the scenario does up to `last`, as far as each acts on one node only. The time up to which
 * that is all it does. */
static weft_time hand_out(struct sim_engine *engine, weft_time last) {
    struct sim_lanes *lanes = engine->lanes;
    struct sim_key key;
    while (sim_engine__peek(engine, last, &key)) {
        uint32_t only = sim_engine__slot(&engine->slab, sim_engine__key_slot(key))->event.only;
        if (only == 0) return key.at - 1;
        struct sim_mail mail = sim_engine__take(engine, key);
        uint32_t lane = lane_of(lanes, only - 1);
        sim_handle queued = sim_engine__insert(lanes->engine[lane], &mail.event, mail.cause);
        WEFT_ASSERT(queued != 0); /* without it, it would be another run */
        note_handed(lanes, lane);
    }
    return last;
}

/* The lane may act on what it was handed, or has. */
static bool is_its_turn(const struct sim_engine *lane) {
    const struct sim_lanes *lanes = lane->lanes;
    size_t done = atomic_load_explicit(&lanes->handed_done, memory_order_acquire);
    WEFT_ASSERT(done < lanes->handed_count); /* I1 */
    return lanes->handed[done] == lane->lane;
}

static void begin_handed(struct sim_engine *lane) {
    WEFT_ASSERT(lane->handed_left > 0 && is_its_turn(lane));
    lane->handed_left--;
    lane->for_scenario = true;
}

static void end_handed(struct sim_engine *lane) {
    lane->for_scenario = false;
    atomic_fetch_add_explicit(&lane->lanes->handed_done, 1, memory_order_release);
}

static const struct sim_event *event_of(const struct sim_engine *engine, struct sim_key key) {
    return &sim_engine__slot(&engine->slab, sim_engine__key_slot(key))->event;
}

static bool has_to_wait(struct sim_engine *lane, weft_time last) {
    struct sim_key key;
    return sim_engine__peek(lane, last, &key) && event_of(lane, key)->entity == SIM_SCENARIO &&
           !is_its_turn(lane);
}

enum sim_lane_step sim_engine_lane_next(struct sim_engine *lane, struct sim_event *event) {
    weft_time last = lane->lanes->last;
    if (lane->for_scenario) end_handed(lane);
    if (lane->handed_left > 0 && has_to_wait(lane, last)) return SIM_LANE_WAITS;
    if (!sim_engine_next(lane, last, event)) return SIM_LANE_DONE;
    if (event->entity == SIM_SCENARIO) begin_handed(lane);
    return SIM_LANE_EVENT;
}

/* --- marks --- */

void sim_engine__note_mark(struct sim_engine *engine, struct sim_key key) {
    struct sim_mark mark = {key.at, key.word >> 32, engine->cause};
    if (sim_mark_before(&engine->mark, &mark)) engine->mark = mark;
}

struct sim_mark sim_engine_mark(const struct sim_engine *lane) {
    return lane->mark;
}

bool sim_mark_before(const struct sim_mark *a, const struct sim_mark *b) {
    if (a->at != b->at) return a->at < b->at;
    if (a->tie != b->tie) return a->tie < b->tie;
    if (a->cause.source != b->cause.source) return a->cause.source < b->cause.source;
    return a->cause.number < b->cause.number;
}

/* --- turns --- */

static void set_clocks(struct sim_lanes *lanes, weft_time at) {
    for (uint32_t i = 0; i <= lanes->count; i++) {
        WEFT_ASSERT(lanes->engine[i]->face.now <= at);
        lanes->engine[i]->face.now = at;
        sim_engine__act_as(lanes->engine[i], SIM_SCENARIO);
    }
}

void sim_engine_scenario_at(struct sim_engine *engine, weft_time at) {
    WEFT_ASSERT(engine->lanes != NULL && !engine->lanes->window && at >= engine->face.now);
    engine->face.now = at;
}

static struct sim_mark mark_of(const struct sim_engine *engine, struct sim_key key) {
    const struct sim_slot *slot = sim_engine__slot(&engine->slab, sim_engine__key_slot(key));
    return (struct sim_mark){key.at, key.word >> 32, {slot->source, slot->number}};
}

/* Whose event is the least of all that are not after `at`. NULL: there is none. */
static struct sim_engine *least_of_all(struct sim_lanes *lanes, weft_time at) {
    struct sim_engine *best = NULL;
    struct sim_mark best_mark = {0};
    for (uint32_t i = 0; i <= lanes->count; i++) {
        struct sim_engine *engine = lanes->engine[i];
        struct sim_key key;
        if (!sim_engine__peek(engine, at, &key)) continue;
        struct sim_mark mark = mark_of(engine, key);
        if (best != NULL && !sim_mark_before(&mark, &best_mark)) continue;
        best = engine;
        best_mark = mark;
    }
    return best;
}

/* What a queue says may be too early: before what has been. */
static weft_time least_time(const struct sim_lanes *lanes) {
    weft_time least = WEFT_TIME_NEVER, now = 0;
    for (uint32_t i = 0; i < lanes->count; i++) {
        least = weft_time_min(least, sim_engine__queue_least(&lanes->engine[i]->queue));
        now = weft_time_max(now, lanes->engine[i]->face.now);
    }
    return weft_time_max(least, now);
}

/* All begin level: what was before has been told, and has no say in who goes first. */
static void open_window(struct sim_lanes *lanes, weft_time last) {
    lanes->window = true;
    lanes->last = last;
    for (uint32_t i = 0; i < lanes->count; i++) lanes->engine[i]->mark = (struct sim_mark){0};
}

/* One event of all that are due `at`, the scenario's among them. */
static struct sim_turn one_at(struct sim_engine *engine, weft_time at) {
    struct sim_lanes *lanes = engine->lanes;
    struct sim_engine *lane = least_of_all(lanes, at);
    struct sim_key key;
    WEFT_ASSERT(lane != NULL && sim_engine__peek(lane, at, &key));
    bool handed = lane != engine && event_of(lane, key)->entity == SIM_SCENARIO;
    if (lane == engine || handed) set_clocks(lanes, at);
    if (handed) {
        begin_handed(lane);
        end_handed(lane);
    }
    engine->face.now = at;
    return (struct sim_turn){SIM_TURN_ONE, lane, at};
}

/* What the lanes say may be too early: then nothing is done in the window, and what is due is known
 * better. To look at what the scenario does opens its slots, up to there. */
struct sim_turn sim_engine_turn(struct sim_engine *engine, weft_time until,
                                weft_duration lookahead) {
    struct sim_lanes *lanes = engine->lanes;
    WEFT_ASSERT(lanes != NULL && !lanes->window && lookahead > 0);
    weft_time first = least_time(lanes);
    struct sim_key key;
    if (sim_engine__peek(engine, weft_time_min(first, until), &key)) first = key.at;
    if (first > until || first == WEFT_TIME_NEVER) {
        set_clocks(lanes, until);
        return (struct sim_turn){.kind = SIM_TURN_OVER};
    }
    weft_time last = hand_out(engine, weft_time_min(weft_time_add(first, lookahead - 1), until));
    if (last < first) return one_at(engine, first);
    open_window(lanes, last);
    return (struct sim_turn){.kind = SIM_TURN_WINDOW, .last = last};
}
