/* The engine against what its header says, and against a plain list of events as an oracle. */
#include "sim/engine/engine.h"
#include "sim/engine/queue.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

static struct sim_event event_at(weft_time at, uint32_t entity) {
    return (struct sim_event){.at = at, .kind = 1, .entity = entity};
}

static sim_handle add(struct sim_engine *engine, weft_time at, uint32_t entity) {
    struct sim_event event = event_at(at, entity);
    return sim_engine_schedule(engine, &event);
}

/* --- the oracle: events unordered; the next is found by looking at all --- */

#define ORACLE_MAX 4096
#define ENTITIES 100

struct oracle {
    struct {
        struct sim_event event;
        uint32_t source;
        uint64_t tie, number;
        sim_handle handle;
    } items[ORACLE_MAX];
    size_t count;
    uint32_t actor;                 /* the entity of the event that came last */
    uint64_t numbers[ENTITIES + 1]; /* of each, the scenario last */
};

static uint64_t *number_of(struct oracle *oracle, uint32_t entity) {
    return &oracle->numbers[entity == SIM_SCENARIO ? ENTITIES : entity];
}

static void oracle_add(struct oracle *oracle, uint64_t seed, const struct sim_event *event,
                       sim_handle handle) {
    size_t i = oracle->count++;
    oracle->items[i].event = *event;
    oracle->items[i].source = oracle->actor;
    oracle->items[i].number = ++*number_of(oracle, oracle->actor);
    oracle->items[i].tie =
        weft_draw(seed, SIM_DRAW_TIE, oracle->actor, oracle->items[i].number) >> 32;
    oracle->items[i].handle = handle;
}

static bool oracle_before(const struct oracle *oracle, size_t a, size_t b) {
    if (oracle->items[a].event.at != oracle->items[b].event.at) {
        return oracle->items[a].event.at < oracle->items[b].event.at;
    }
    if (oracle->items[a].tie != oracle->items[b].tie) {
        return oracle->items[a].tie < oracle->items[b].tie;
    }
    if (oracle->items[a].source != oracle->items[b].source) {
        return oracle->items[a].source < oracle->items[b].source;
    }
    return oracle->items[a].number < oracle->items[b].number;
}

static bool oracle_next(struct oracle *oracle, weft_time until, struct sim_event *event) {
    size_t best = 0;
    for (size_t i = 1; i < oracle->count; i++) {
        if (oracle_before(oracle, i, best)) best = i;
    }
    if (oracle->count == 0 || oracle->items[best].event.at > until) {
        oracle->actor = SIM_SCENARIO;
        return false;
    }
    *event = oracle->items[best].event;
    oracle->items[best] = oracle->items[--oracle->count];
    oracle->actor = event->entity;
    return true;
}

/* Distances from a nanosecond to years, many of them 0. */
static weft_duration some_distance(struct weft_rand *rand) {
    uint64_t bits = weft_rand_below(rand, 58);
    if (bits < 8) return 0;
    return (weft_duration)weft_rand_below(rand, UINT64_C(1) << bits);
}

static uint32_t some_entity(struct weft_rand *rand) {
    uint32_t entity = (uint32_t)weft_rand_below(rand, ENTITIES + 1);
    return entity == ENTITIES ? SIM_SCENARIO : entity;
}

struct duel {
    struct sim_engine *engine;
    struct oracle *oracle;
    struct weft_rand rand;
    uint64_t seed;
};

static void duel_schedule(struct duel *duel) {
    if (duel->oracle->count == ORACLE_MAX) return;
    weft_time now = sim_engine_now(duel->engine);
    struct sim_event event = {.at = weft_time_add(now, some_distance(&duel->rand)),
                              .kind = (uint32_t)weft_rand_below(&duel->rand, 5),
                              .entity = some_entity(&duel->rand),
                              .arg = weft_rand_u64(&duel->rand)};
    sim_handle handle = sim_engine_schedule(duel->engine, &event);
    CHECK(handle != 0);
    oracle_add(duel->oracle, duel->seed, &event, handle);
}

static void duel_cancel(struct duel *duel) {
    if (duel->oracle->count == 0) return;
    size_t i = (size_t)weft_rand_below(&duel->rand, duel->oracle->count);
    struct sim_event event = {0};
    sim_handle handle = duel->oracle->items[i].handle;
    CHECK(sim_engine_cancel(duel->engine, handle, &event));
    CHECK_EQ_UINT(event.arg, duel->oracle->items[i].event.arg);
    CHECK(!sim_engine_cancel(duel->engine, handle, &event));
    duel->oracle->items[i] = duel->oracle->items[--duel->oracle->count];
}

static bool duel_next(struct duel *duel, weft_time until) {
    struct sim_event mine = {0}, theirs = {0};
    bool got = sim_engine_next(duel->engine, until, &mine);
    bool want = oracle_next(duel->oracle, until, &theirs);
    CHECK_EQ_INT(got, want);
    if (!got) {
        CHECK_EQ_INT(sim_engine_now(duel->engine), until);
        return false;
    }
    CHECK_EQ_INT(mine.at, theirs.at);
    CHECK_EQ_UINT(mine.arg, theirs.arg);
    CHECK_EQ_INT(sim_engine_now(duel->engine), mine.at);
    return true;
}

static void duel_step(struct duel *duel, uint64_t mix) {
    uint64_t act = weft_rand_below(&duel->rand, 100);
    if (act < mix) {
        duel_schedule(duel);
    } else if (act < 70) {
        duel_cancel(duel);
    } else if (act < 95) {
        (void)duel_next(duel, WEFT_TIME_NEVER - 1);
    } else {
        weft_time until = sim_engine_now(duel->engine) +
                          (weft_duration)weft_rand_below(&duel->rand, (uint64_t)WEFT_MS(10));
        while (duel_next(duel, until)) continue;
    }
}

static void duel_run(uint64_t seed, size_t steps) {
    struct duel duel = {.engine = sim_engine_new(seed, ENTITIES), .seed = seed};
    duel.oracle = calloc(1, sizeof *duel.oracle);
    REQUIRE(duel.engine != NULL && duel.oracle != NULL);
    duel.oracle->actor = SIM_SCENARIO;
    weft_rand_init(&duel.rand, seed + 1000);
    for (size_t i = 0; i < 200; i++) duel_schedule(&duel);
    for (size_t i = 0; i < steps && sim_engine_now(duel.engine) < WEFT_TIME_NEVER - 1; i++) {
        duel_step(&duel, i / 1000 % 2 == 0 ? 60 : 30);
        CHECK_EQ_UINT(sim_engine_pending(duel.engine), duel.oracle->count);
    }
    while (duel_next(&duel, WEFT_TIME_NEVER)) continue;
    sim_engine_free(duel.engine, NULL);
    free(duel.oracle);
}

static void events_come_as_from_a_sorted_list_whatever_the_schedule(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) duel_run(seed, 4000);
}

/* Dense: thousands at the same few instants, so that runs are long and ties decide. */
static void events_of_one_instant_come_by_tie(void) {
    struct sim_engine *engine = sim_engine_new(3, ENTITIES);
    struct oracle *oracle = calloc(1, sizeof *oracle);
    REQUIRE(engine != NULL && oracle != NULL);
    oracle->actor = SIM_SCENARIO;
    for (uint32_t i = 0; i < 3000; i++) {
        struct sim_event event = event_at(WEFT_S(1) + (i % 3), i % 7);
        event.arg = i;
        oracle_add(oracle, 3, &event, sim_engine_schedule(engine, &event));
    }
    struct sim_event mine = {0}, theirs = {0};
    for (uint32_t i = 0; i < 3000; i++) {
        CHECK(sim_engine_next(engine, WEFT_TIME_NEVER, &mine));
        CHECK(oracle_next(oracle, WEFT_TIME_NEVER, &theirs));
        CHECK_EQ_UINT(mine.arg, theirs.arg);
    }
    CHECK(!sim_engine_next(engine, WEFT_TIME_NEVER, &mine));
    sim_engine_free(engine, NULL);
    free(oracle);
}

/* Ties of 32 bits collide among 2^17 events of one instant about twice; here they are made to. */
static void equal_ties_fall_to_source_then_number(void) {
    struct sim_slab slab;
    sim_engine__slab_init(&slab);
    struct sim_key keys[40];
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t index = sim_engine__slab_take(&slab);
        CHECK_EQ_UINT(index, i);
        sim_engine__slot(&slab, index)->source = 3 - i / 10;
        sim_engine__slot(&slab, index)->number = i < 10 ? 100 - i : 10 - i % 10;
        keys[i] = (struct sim_key){WEFT_S(1), UINT64_C(9) << 32 | index};
    }
    sim_engine__keys_sort(&slab, keys, 40);
    for (uint32_t i = 0; i < 40; i++) CHECK_EQ_UINT(sim_engine__key_slot(keys[i]), 39 - i);
    sim_engine__slab_deinit(&slab);
}

/* Shape 4 is Musser's: each partition around the median of three takes two keys off. */
static size_t shaped(unsigned shape, size_t i, size_t count) {
    switch (shape) {
    case 0:
        return i;
    case 1:
        return count - i;
    case 2:
        return i < count / 2 ? i : count - i;
    case 3:
        return i % 2 * count + i;
    default:
        if (i >= count / 2) return (i - count / 2 + 1) * 2;
        return i % 2 == 0 ? i + 1 : i + count / 2;
    }
}

static void any_arrangement_is_sorted(void) {
    enum { COUNT = 5000 };
    static struct sim_key keys[COUNT];
    for (unsigned shape = 0; shape <= 4; shape++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < COUNT; i++) {
            keys[i] = (struct sim_key){(weft_time)shaped(shape, i, COUNT), (uint64_t)i << 32};
            sum += i;
        }
        sim_engine__keys_sort(NULL, keys, COUNT);
        for (size_t i = 0; i < COUNT; i++) sum -= keys[i].word >> 32;
        for (size_t i = 1; i < COUNT; i++) {
            CHECK(sim_engine__key_before(NULL, keys[i - 1], keys[i]));
        }
        CHECK_EQ_UINT(sum, 0);
    }
}

/* Else what is scheduled meanwhile would all go through the heap. */
static void a_queue_asked_for_nothing_due_opens_nothing(void) {
    struct sim_slab slab;
    struct sim_queue *queue = malloc(sizeof *queue);
    REQUIRE(queue != NULL);
    sim_engine__slab_init(&slab);
    sim_engine__queue_init(queue, &slab);
    struct sim_key key = {WEFT_HOUR(5), sim_engine__slab_take(&slab)};
    CHECK(sim_engine__queue_push(queue, key));
    CHECK(!sim_engine__queue_pop(queue, WEFT_HOUR(1), &key));
    CHECK(queue->tick <= (uint64_t)WEFT_HOUR(1) >> SIM_TICK_BITS);
    key = (struct sim_key){WEFT_HOUR(2), sim_engine__slab_take(&slab)};
    CHECK(sim_engine__queue_push(queue, key));
    CHECK_EQ_UINT(queue->heap.count, 0);
    sim_engine__queue_deinit(queue);
    sim_engine__slab_deinit(&slab);
    free(queue);
}

/* Many keys, near and far, with some at one instant: beside a heap of them. */
struct crowd {
    struct sim_slab slab;
    struct sim_queue *queue;
    struct sim_key_heap heap;
    struct weft_rand rand;
};

static void crowd_push(struct crowd *crowd, weft_time now) {
    static const weft_duration ahead[] = {WEFT_US(300), WEFT_MS(50), WEFT_MS(400), WEFT_S(70)};
    uint64_t raw = weft_rand_u64(&crowd->rand);
    uint32_t index = sim_engine__slab_take(&crowd->slab);
    uint64_t more = weft_rand_below(&crowd->rand, (uint64_t)ahead[raw % 4]);
    if (raw % 64 < 4) more = (uint64_t)WEFT_MS(100) - (uint64_t)now % (uint64_t)WEFT_MS(100);
    struct sim_key key = {now + (weft_time)more, (raw & ~(uint64_t)UINT32_MAX) | index};
    CHECK(sim_engine__queue_push(crowd->queue, key));
    CHECK(sim_engine__heap_push(&crowd->heap, &crowd->slab, key));
}

static weft_time crowd_pop(struct crowd *crowd) {
    struct sim_key key = {0}, want = sim_engine__heap_pop(&crowd->heap, &crowd->slab);
    CHECK(sim_engine__queue_least(crowd->queue) <= want.at);
    CHECK(!sim_engine__queue_pop(crowd->queue, want.at - 1, &key));
    CHECK(sim_engine__queue_pop(crowd->queue, WEFT_TIME_NEVER, &key));
    CHECK_EQ_UINT(key.word, want.word);
    sim_engine__slab_give(&crowd->slab, sim_engine__key_slot(key));
    return key.at;
}

static void a_crowd_comes_as_from_a_heap(void) {
    struct crowd crowd = {.queue = malloc(sizeof *crowd.queue)};
    REQUIRE(crowd.queue != NULL);
    sim_engine__slab_init(&crowd.slab);
    sim_engine__queue_init(crowd.queue, &crowd.slab);
    weft_rand_init(&crowd.rand, 11);
    for (unsigned i = 0; i < 30000; i++) crowd_push(&crowd, 0);
    for (unsigned i = 0; i < 200000; i++) crowd_push(&crowd, crowd_pop(&crowd));
    while (crowd.heap.count > 0) (void)crowd_pop(&crowd);
    CHECK_EQ_UINT(crowd.queue->count, 0);
    sim_engine__queue_deinit(crowd.queue);
    sim_engine__heap_deinit(&crowd.heap);
    sim_engine__slab_deinit(&crowd.slab);
    free(crowd.queue);
}

static uint32_t first_of_two(uint64_t seed) {
    struct sim_engine *engine = sim_engine_new(seed, 3);
    add(engine, WEFT_MS(5), 1);
    add(engine, WEFT_MS(5), 2);
    struct sim_event event = {0};
    CHECK(sim_engine_next(engine, WEFT_S(1), &event));
    sim_engine_free(engine, NULL);
    return event.entity;
}

static void seeds_explore_the_order_of_simultaneous_events(void) {
    unsigned first = 0;
    for (uint64_t seed = 0; seed < 200; seed++) first += first_of_two(seed) == 1;
    CHECK(first > 70 && first < 130);
    CHECK_EQ_UINT(first_of_two(5), first_of_two(5));
}

static void the_clock_stops_at_until_when_nothing_is_due(void) {
    struct sim_engine *engine = sim_engine_new(1, 2000);
    add(engine, WEFT_S(2), 7);
    struct sim_event event = {0};
    CHECK(!sim_engine_next(engine, WEFT_S(2) - 1, &event));
    CHECK_EQ_INT(sim_engine_now(engine), WEFT_S(2) - 1);
    CHECK_EQ_UINT(sim_engine_pending(engine), 1);
    CHECK(sim_engine_next(engine, WEFT_S(2), &event)); /* `until` itself is included */
    CHECK_EQ_INT(sim_engine_now(engine), WEFT_S(2));
    CHECK_EQ_UINT(event.entity, 7);
    CHECK_EQ_UINT(sim_engine_count(engine), 1);
    CHECK(!sim_engine_next(engine, WEFT_TIME_NEVER, &event));
    CHECK_EQ_INT(sim_engine_now(engine), WEFT_TIME_NEVER);
    sim_engine_free(engine, NULL);
}

static void an_event_may_be_scheduled_for_now_and_for_the_end_of_time(void) {
    struct sim_engine *engine = sim_engine_new(1, 2000);
    struct sim_event event = {0};
    CHECK(add(engine, 0, 1) != 0);
    CHECK(add(engine, WEFT_TIME_NEVER, 2) != 0);
    CHECK(sim_engine_next(engine, 0, &event));
    CHECK_EQ_UINT(event.entity, 1);
    CHECK(add(engine, 0, 3) != 0);
    CHECK(sim_engine_next(engine, 0, &event));
    CHECK_EQ_UINT(event.entity, 3);
    CHECK(!sim_engine_next(engine, WEFT_TIME_NEVER - 1, &event));
    CHECK(sim_engine_next(engine, WEFT_TIME_NEVER, &event));
    CHECK_EQ_UINT(event.entity, 2);
    sim_engine_free(engine, NULL);
}

/* What is due before a far event that was looked at still comes first. */
static void looking_ahead_does_not_open_the_future(void) {
    struct sim_engine *engine = sim_engine_new(1, 2000);
    struct sim_event event = {0};
    add(engine, WEFT_HOUR(5), 1);
    CHECK(!sim_engine_next(engine, WEFT_HOUR(1), &event));
    for (uint32_t i = 0; i < 100; i++) add(engine, WEFT_HOUR(1) + WEFT_S(100 - i), 100 - i);
    for (uint32_t i = 1; i <= 100; i++) {
        CHECK(sim_engine_next(engine, WEFT_HOUR(2), &event));
        CHECK_EQ_UINT(event.entity, i);
    }
    CHECK(!sim_engine_next(engine, WEFT_HOUR(2), &event));
    CHECK(sim_engine_next(engine, WEFT_HOUR(6), &event));
    CHECK_EQ_UINT(event.entity, 1);
    sim_engine_free(engine, NULL);
}

/* Of what it was told: how far ahead each place looks, once it looked at something. */
struct near_seen {
    uint64_t popped;
    uint64_t ahead[SIM_NEAR];
    weft_time until;
    bool consistent;
};

static void see_near(void *ctx, const struct sim_event *const near[SIM_NEAR]) {
    struct near_seen *seen = ctx;
    for (unsigned i = 0; i < SIM_NEAR; i++) {
        if (near[i] == NULL) continue;
        uint64_t ahead = near[i]->arg - seen->popped;
        if (seen->ahead[i] == 0) seen->ahead[i] = ahead;
        seen->consistent = seen->consistent && ahead == seen->ahead[i];
        seen->consistent = seen->consistent && near[i]->at <= seen->until;
    }
}

static void what_is_near_is_popped_so_many_events_later(void) {
    struct sim_engine *engine = sim_engine_new(1, 2000);
    const weft_time start = WEFT_US(2100); /* all in a tick that is not open yet */
    struct near_seen seen = {.until = start + WEFT_US(60), .consistent = true};
    struct sim_event event = {0};
    sim_engine_on_near(engine, see_near, SIM_NEAR, &seen);
    for (uint64_t i = 1; i <= 100; i++) {
        struct sim_event each = {.at = start + WEFT_US((weft_time)i), .kind = 1, .arg = i};
        sim_engine_schedule(engine, &each);
    }
    /* It is told while the next is popped. */
    for (seen.popped = 1; sim_engine_next(engine, seen.until, &event); seen.popped++)
        CHECK_EQ_UINT(event.arg, seen.popped);
    CHECK_EQ_UINT(seen.popped, 61);
    seen.until = WEFT_S(1);
    for (; sim_engine_next(engine, seen.until, &event); seen.popped++) continue;
    CHECK_EQ_UINT(seen.popped, 101);
    CHECK(seen.consistent);
    for (unsigned i = 1; i < SIM_NEAR; i++) CHECK(seen.ahead[i] < seen.ahead[i - 1]);
    CHECK(seen.ahead[SIM_NEAR - 1] > 0);
    sim_engine_free(engine, NULL);
}

static void a_cancelled_event_comes_back_whole_and_never_pops(void) {
    struct sim_engine *engine = sim_engine_new(1, 2000);
    int thing = 0;
    struct sim_event event = {WEFT_MS(3), 4, 5, 6, &thing, 0}, out = {0};
    sim_handle handle = sim_engine_schedule(engine, &event);
    CHECK(sim_engine_cancel(engine, handle, &out));
    CHECK_EQ_INT(out.at, WEFT_MS(3));
    CHECK_EQ_UINT(out.kind, 4);
    CHECK_EQ_UINT(out.entity, 5);
    CHECK_EQ_UINT(out.arg, 6);
    CHECK(out.data == &thing);
    CHECK_EQ_UINT(sim_engine_pending(engine), 0);
    struct sim_hash hash = sim_engine_hash(engine);
    CHECK(!sim_engine_next(engine, WEFT_S(1), &out));
    CHECK(sim_hash_equal(sim_engine_hash(engine), hash));
    CHECK_EQ_UINT(sim_engine_count(engine), 0);
    sim_engine_free(engine, NULL);
}

static void an_old_handle_is_not_somebody_elses_event(void) {
    struct sim_engine *engine = sim_engine_new(1, 2000);
    struct sim_event event = {0};
    sim_handle old = add(engine, 1, 1);
    CHECK(sim_engine_next(engine, 1, &event));
    CHECK(!sim_engine_cancel(engine, old, &event));
    sim_handle other = add(engine, 2, 2); /* in the slot of the first */
    CHECK(other != old);
    CHECK(!sim_engine_cancel(engine, old, &event));
    CHECK(!sim_engine_cancel(engine, 0, &event));
    CHECK(!sim_engine_cancel(engine, UINT64_MAX, &event));
    CHECK_EQ_UINT(sim_engine_pending(engine), 1);
    CHECK(sim_engine_cancel(engine, other, &event));
    CHECK_EQ_UINT(event.entity, 2);
    sim_engine_free(engine, NULL);
}

/* A node that restarts one timeout for ever must not fill memory with dead events. The slots used
 * show in the handles: their lower half is the slot. */
static void cancelled_events_are_swept_before_they_are_many(void) {
    struct sim_engine *engine = sim_engine_new(1, 2000);
    struct sim_event event = {0};
    for (uint32_t i = 0; i < 500; i++) add(engine, WEFT_S(i), i);
    uint32_t highest = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        sim_handle handle = add(engine, WEFT_HOUR(1) + i, 1);
        if ((uint32_t)handle > highest) highest = (uint32_t)handle;
        CHECK(sim_engine_cancel(engine, handle, &event));
    }
    CHECK_EQ_UINT(highest, 500 + 500 + 1024);
    for (uint32_t i = 0; i < 500; i++) {
        CHECK(sim_engine_next(engine, WEFT_HOUR(2), &event));
        CHECK_EQ_UINT(event.entity, i);
    }
    CHECK(!sim_engine_next(engine, WEFT_HOUR(2), &event));
    sim_engine_free(engine, NULL);
}

static unsigned dropped;
static void count_drop(const struct sim_event *event) { dropped += event->entity; }

static void freeing_drops_what_is_queued_and_only_that(void) {
    struct sim_engine *engine = sim_engine_new(1, 2000);
    struct sim_event event = {0};
    add(engine, 1, 1);
    add(engine, WEFT_S(1), 10);
    sim_handle handle = add(engine, WEFT_S(1), 100);
    add(engine, WEFT_HOUR(9), 1000);
    CHECK(sim_engine_next(engine, 1, &event));
    CHECK(sim_engine_cancel(engine, handle, &event));
    dropped = 0;
    sim_engine_free(engine, count_drop);
    CHECK_EQ_UINT(dropped, 1010);
    sim_engine_free(NULL, count_drop);
    CHECK_EQ_UINT(dropped, 1010);
}

static struct sim_hash hash_of_run(uint64_t seed, uint64_t arg) {
    struct sim_engine *engine = sim_engine_new(seed, 1000);
    struct sim_event event = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        event = (struct sim_event){.at = WEFT_MS(i % 10), .kind = i % 3, .entity = i, .arg = arg};
        sim_engine_schedule(engine, &event);
    }
    while (sim_engine_next(engine, WEFT_S(1), &event)) sim_engine_fold(engine, event.entity);
    sim_engine_fold_bytes(engine, "of a scenario, a packet", 23);
    struct sim_hash hash = sim_engine_hash(engine);
    sim_engine_free(engine, NULL);
    return hash;
}

static void the_hash_is_the_same_on_every_machine(void) {
    char text[SIM_HASH_TEXT_SIZE];
    sim_hash_text(hash_of_run(1, 0), text);
    CHECK_EQ_TEXT(text, "4537b48aeb467779b29f391540f489e9");
    sim_hash_text(hash_of_run(2, 0), text);
    CHECK_EQ_TEXT(text, "5216adb9a391e32d54473c9711dc3d81");
    CHECK(!sim_hash_equal(hash_of_run(1, 0), hash_of_run(1, 1)));
}

/* Two nodes that each have two things to do; `swap`: in the other order. Nothing passes between
 * them. */
static struct sim_engine *two_nodes(bool swap) {
    struct sim_engine *engine = sim_engine_new(5, 2);
    struct sim_event event = {0};
    for (uint32_t i = 0; i < 2; i++) {
        event = (struct sim_event){.at = WEFT_MS(i == (uint32_t)swap ? 1 : 2), .entity = i};
        sim_engine_schedule(engine, &event);
    }
    while (sim_engine_next(engine, WEFT_S(1), &event)) sim_engine_fold(engine, event.entity + 7);
    return engine;
}

static void a_chain_is_of_one_entity_and_the_hash_of_all(void) {
    struct sim_engine *one = two_nodes(false), *other = two_nodes(true);
    CHECK(!sim_hash_equal(sim_engine_hash(one), sim_engine_hash(other))); /* times differ */
    struct sim_hash before = sim_engine_hash(one);
    struct sim_trail node = *sim_engine_trail(one, 1);
    struct sim_event event = {.at = WEFT_S(2)};
    CHECK_EQ_UINT(node.popped, 1);
    CHECK_EQ_UINT(sim_engine_trail(one, SIM_SCENARIO)->scheduled, 2);
    sim_engine_schedule(one, &event);
    CHECK(sim_engine_next(one, WEFT_S(3), &event));
    CHECK_EQ_UINT(sim_engine_cause(one).source, SIM_SCENARIO);
    CHECK_EQ_UINT(sim_engine_cause(one).number, 3);
    CHECK(sim_hash_equal(sim_engine_trail(one, 1)->chain, node.chain));
    CHECK(!sim_hash_equal(sim_engine_hash(one), before));
    sim_engine_free(one, NULL);
    sim_engine_free(other, NULL);
}

/* What a node does while it acts is its own: who schedules, whose numbers count, whose chain. */
static void whoever_acts_is_whom_the_event_happened_to(void) {
    struct sim_engine *engine = sim_engine_new(1, 4);
    struct sim_event event = {0};
    add(engine, 1, 3);
    CHECK(sim_engine_next(engine, 1, &event));
    add(engine, 2, 0);
    CHECK_EQ_UINT(sim_engine_trail(engine, 3)->scheduled, 1);
    CHECK(sim_engine_next(engine, 2, &event));
    CHECK_EQ_UINT(sim_engine_cause(engine).source, 3);
    CHECK_EQ_UINT(sim_engine_cause(engine).number, 1);
    struct sim_hash chain = sim_engine_trail(engine, 0)->chain;
    sim_engine_fold(engine, 1);
    CHECK(!sim_hash_equal(sim_engine_trail(engine, 0)->chain, chain));
    CHECK(!sim_engine_next(engine, 3, &event));
    chain = sim_engine_trail(engine, SIM_SCENARIO)->chain;
    sim_engine_fold(engine, 1);
    CHECK(!sim_hash_equal(sim_engine_trail(engine, SIM_SCENARIO)->chain, chain));
    sim_engine_free(engine, NULL);
}

/* Chains start at 0 and fold zeros. */
static void every_fold_counts(void) {
    struct sim_hash hash = {0, 0};
    struct sim_hash once = sim_hash_fold(hash, 0, 0), twice = sim_hash_fold(once, 0, 0);
    CHECK(!sim_hash_equal(hash, once));
    CHECK(!sim_hash_equal(once, twice));
    CHECK(!sim_hash_equal(sim_hash_fold(hash, 1, 0), sim_hash_fold(hash, 0, 1)));
    unsigned char zeros[40] = {0};
    for (size_t a = 0; a < sizeof zeros; a++) {
        for (size_t b = 0; b < a; b++) {
            CHECK(!sim_hash_equal(sim_hash_fold_bytes(hash, zeros, a),
                                  sim_hash_fold_bytes(hash, zeros, b)));
        }
    }
    for (size_t i = 0; i < sizeof zeros; i++) {
        struct sim_hash plain = sim_hash_fold_bytes(hash, zeros, sizeof zeros);
        zeros[i] = 1;
        CHECK(!sim_hash_equal(sim_hash_fold_bytes(hash, zeros, sizeof zeros), plain));
        zeros[i] = 0;
    }
}

static void a_draw_is_keyed_by_seed_purpose_entity_and_counter(void) {
    struct sim_engine *engine = sim_engine_new(77, 1);
    CHECK_EQ_UINT(sim_engine_seed(engine), 77);
    CHECK_EQ_UINT(sim_engine_draw(engine, SIM_DRAW_LOSS, 5, 6), weft_draw(77, SIM_DRAW_LOSS, 5, 6));
    CHECK_EQ_INT(SIM_DRAW_TIE, 1); /* numbers are part of what a seed means */
    CHECK_EQ_INT(SIM_DRAW_DELAY, 4);
    CHECK_EQ_INT(SIM_DRAW_DISK, 17);
    sim_engine_free(engine, NULL);
}

TEST_MAIN("sim/engine", TEST(events_come_as_from_a_sorted_list_whatever_the_schedule),
          TEST(events_of_one_instant_come_by_tie), TEST(equal_ties_fall_to_source_then_number),
          TEST(any_arrangement_is_sorted), TEST(a_queue_asked_for_nothing_due_opens_nothing),
          TEST(a_crowd_comes_as_from_a_heap), TEST(seeds_explore_the_order_of_simultaneous_events),
          TEST(the_clock_stops_at_until_when_nothing_is_due),
          TEST(an_event_may_be_scheduled_for_now_and_for_the_end_of_time),
          TEST(looking_ahead_does_not_open_the_future),
          TEST(what_is_near_is_popped_so_many_events_later),
          TEST(a_cancelled_event_comes_back_whole_and_never_pops),
          TEST(an_old_handle_is_not_somebody_elses_event),
          TEST(cancelled_events_are_swept_before_they_are_many),
          TEST(freeing_drops_what_is_queued_and_only_that),
          TEST(the_hash_is_the_same_on_every_machine), TEST(every_fold_counts),
          TEST(a_chain_is_of_one_entity_and_the_hash_of_all),
          TEST(whoever_acts_is_whom_the_event_happened_to),
          TEST(a_draw_is_keyed_by_seed_purpose_entity_and_counter))
