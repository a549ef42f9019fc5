/* Hold model: pop an event, schedule one a drawn time later, with n pending. The bare queue (keys
 * and slots) and the whole engine (also draws of ties and the hash); beside them, as anybody would
 * write them: a key wheel and a ladder queue, whose events stay in their slots and cannot be taken
 * back, and a binary heap of whole events.
 *
 *     bench_queue [hold|mixed|timers] n ...
 *                            a row for each n; a word goes for those after it; default hold 10000
 *                            1000000 10000000 mixed 1000000 timers 1000000
 *
 * Exit 1 when two of them popped different times. */
#define _POSIX_C_SOURCE 200809L
#include "sim/cli/memory.h"
#include "sim/engine/engine.h"
#include "sim/engine/queue.h"
#include "tests/bench/queue/key_wheel.h"
#include "tests/bench/queue/ladder.h"
#include "tests/bench/queue/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the queue alone --- */

static void bare_push(struct sim_slab *slab, struct sim_queue *queue, weft_time at) {
    uint32_t index = sim_engine__slab_take(slab);
    sim_engine__slot(slab, index)->event.at = at;
    sim_engine__slot(slab, index)->number = (uint64_t)at;
    struct sim_key key = {at, index};
    if (index == SIM_SLOT_NONE || !sim_engine__queue_push(queue, key)) abort();
}

static weft_time bare_pop(struct sim_slab *slab, struct sim_queue *queue) {
    struct sim_key key;
    if (!sim_engine__queue_pop(queue, WEFT_TIME_NEVER, &key)) abort();
    uint32_t index = sim_engine__key_slot(key);
    weft_time at = sim_engine__slot(slab, index)->event.at;
    sim_engine__slab_give(slab, index);
    return at;
}

static double run_bare(struct model *model) {
    struct sim_slab slab;
    struct sim_queue *queue = malloc(sizeof *queue);
    if (queue == NULL) abort();
    sim_engine__slab_init(&slab);
    sim_engine__queue_init(queue, &slab);
    for (size_t i = 0; i < model->pending; i++) bare_push(&slab, queue, next_ahead(model));
    uint64_t start = 0;
    for (size_t i = 0; i < HOLDS + model->pending; i++) {
        if (i == model->pending) start = cpu_ns(); /* warmed up */
        weft_time at = bare_pop(&slab, queue);
        popped(model, at);
        bare_push(&slab, queue, at + next_ahead(model));
    }
    double ns = (double)(cpu_ns() - start) / HOLDS;
    sim_engine__queue_deinit(queue);
    sim_engine__slab_deinit(&slab);
    free(queue);
    return ns;
}

/* --- the engine --- */

static double run_engine(struct model *model) {
    struct sim_engine *engine = sim_engine_new(1, (uint32_t)model->pending);
    struct sim_event event = {0};
    for (size_t i = 0; i < model->pending; i++) {
        event.at = next_ahead(model);
        event.entity = (uint32_t)i;
        if (sim_engine_schedule(engine, &event) == 0) abort();
    }
    uint64_t start = 0;
    for (size_t i = 0; i < HOLDS + model->pending; i++) {
        if (i == model->pending) start = cpu_ns();
        if (!sim_engine_next(engine, WEFT_TIME_NEVER, &event)) abort();
        popped(model, event.at);
        event.at += next_ahead(model);
        if (sim_engine_schedule(engine, &event) == 0) abort();
    }
    double ns = (double)(cpu_ns() - start) / HOLDS;
    sim_engine_free(engine, NULL);
    return ns;
}

/* --- keys by hand, and events of 64 bytes that stay where they are --- */

struct slot {
    weft_time at;
    uint64_t number, more[6];
};

/* Of a queue of keys: inlined into each run of them. */
struct keys_ops {
    void (*push)(void *queue, struct key key);
    struct key (*pop)(void *queue);
    const struct run *run;
};

__attribute__((always_inline)) static inline double run_keys(struct model *model, void *queue,
                                                             struct keys_ops ops) {
    struct slot *slots = calloc(model->pending, sizeof *slots);
    uint64_t number = 0, start = 0;
    if (slots == NULL) abort();
    for (size_t i = 0; i < model->pending; i++) {
        slots[i].at = next_ahead(model);
        ops.push(queue, key_of(slots[i].at, number++, i));
    }
    for (size_t i = 0; i < HOLDS + model->pending; i++) {
        if (i == model->pending) start = cpu_ns(); /* warmed up */
        size_t at = key_slot(ops.pop(queue));
        __builtin_prefetch(&slots[key_slot(run_ahead(ops.run, FETCH_AHEAD))], 1);
        popped(model, slots[at].at);
        slots[at].at += next_ahead(model);
        slots[at].number = number;
        ops.push(queue, key_of(slots[at].at, number++, at));
    }
    double ns = (double)(cpu_ns() - start) / HOLDS;
    free(slots);
    return ns;
}

static inline void wheel_push(void *wheel, struct key key) { key_wheel_push(wheel, key); }

static inline struct key wheel_pop(void *wheel) { return key_wheel_pop(wheel); }

static double run_wheel(struct model *model) {
    static struct key_wheel wheel;
    memset(&wheel, 0, sizeof wheel);
    double ns = run_keys(model, &wheel, (struct keys_ops){wheel_push, wheel_pop, &wheel.run});
    key_wheel_deinit(&wheel);
    return ns;
}

static inline void step_push(void *ladder, struct key key) { ladder_push(ladder, key); }

static inline struct key step_pop(void *ladder) { return ladder_pop(ladder); }

static double run_ladder(struct model *model) {
    struct ladder ladder = {.top = NULL};
    double ns = run_keys(model, &ladder, (struct keys_ops){step_push, step_pop, &ladder.run});
    ladder_deinit(&ladder);
    return ns;
}

/* --- a binary heap --- */

struct heap {
    struct item {
        struct sim_event event;
        uint64_t number, more[3];
    } * items;
    size_t count;
    uint64_t number;
};

static bool before(const struct item *a, const struct item *b) {
    return a->event.at != b->event.at ? a->event.at < b->event.at : a->number < b->number;
}

static void heap_push(struct heap *heap, weft_time at) {
    struct item item = {.event = {.at = at}, .number = heap->number++};
    size_t i = heap->count++;
    for (; i > 0 && before(&item, &heap->items[(i - 1) / 2]); i = (i - 1) / 2) {
        heap->items[i] = heap->items[(i - 1) / 2];
    }
    heap->items[i] = item;
}

static weft_time heap_pop(struct heap *heap) {
    weft_time first = heap->items[0].event.at;
    struct item last = heap->items[--heap->count];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < heap->count; at = child) {
        struct item *both = &heap->items[child];
        if (child + 1 < heap->count && before(&both[1], &both[0])) child++;
        if (!before(&heap->items[child], &last)) break;
        heap->items[at] = heap->items[child];
    }
    heap->items[at] = last;
    return first;
}

static double run_heap(struct model *model) {
    struct heap heap = {.items = malloc((model->pending + 1) * sizeof(struct item))};
    if (heap.items == NULL) abort();
    for (size_t i = 0; i < model->pending; i++) heap_push(&heap, next_ahead(model));
    uint64_t start = 0;
    for (size_t i = 0; i < HOLDS + model->pending; i++) {
        if (i == model->pending) start = cpu_ns();
        weft_time at = heap_pop(&heap);
        popped(model, at);
        heap_push(&heap, at + next_ahead(model));
    }
    double ns = (double)(cpu_ns() - start) / HOLDS;
    free(heap.items);
    return ns;
}

/* --- timers that are set again before they go off: nine in ten --- */

/* Each of `pending` timers is set for 30 s; one after another is set again 27 s later, but for
 * every tenth, which goes off. What a timer costs: setting it, and taking it back or its going off.
 */
static double run_timers(size_t pending) {
    struct sim_engine *engine = sim_engine_new(1, (uint32_t)pending);
    sim_handle *timers = calloc(pending, sizeof *timers);
    if (engine == NULL || timers == NULL) abort();
    weft_duration step = WEFT_S(27) / (weft_duration)pending;
    struct sim_event event = {.kind = 1};
    uint64_t start = 0, set = 0, off = 0;
    weft_time now = 0;
    for (size_t i = 0; set < HOLDS + 2 * pending; i = (i + 1) % pending, now += step) {
        if (set == 2 * pending) start = cpu_ns(); /* warmed up */
        while (sim_engine_next(engine, now, &event)) {
            timers[event.entity] = 0;
            off++;
        }
        if (weft_draw__mix(set) % 10 == 0 && timers[i] != 0) {
            set++; /* left alone: it goes off */
            continue;
        }
        if (timers[i] != 0 && !sim_engine_cancel(engine, timers[i], &event)) abort();
        event = (struct sim_event){.at = now + WEFT_S(30), .kind = 1, .entity = (uint32_t)i};
        timers[i] = sim_engine_schedule(engine, &event);
        if (timers[i] == 0) abort();
        set++;
    }
    double ns = (double)(cpu_ns() - start) / HOLDS;
    if (off == 0) abort();
    free(timers);
    sim_engine_free(engine, NULL);
    return ns;
}

#define RUNS 5u

static int row(const char *name, weft_duration (*ahead)(uint64_t raw), size_t pending) {
    static double (*const runs[RUNS])(struct model *) = {run_bare, run_engine, run_wheel,
                                                         run_ladder, run_heap};
    double ns[RUNS];
    uint64_t check[RUNS];
    bool alike = true;
    for (unsigned i = 0; i < RUNS; i++) {
        struct model model = {.pending = pending, .ahead = ahead};
        ns[i] = runs[i](&model);
        check[i] = model.check;
        alike = alike && check[i] == check[0];
    }
    printf("queue %s n=%zu queue_ns=%.1f engine_ns=%.1f key_wheel_ns=%.1f ladder_ns=%.1f "
           "heap_ns=%.1f key_wheel/queue=%.2f ladder/queue=%.2f heap/queue=%.2f check=%016llx\n",
           name, pending, ns[0], ns[1], ns[2], ns[3], ns[4], ns[2] / ns[0], ns[3] / ns[0],
           ns[4] / ns[0], (unsigned long long)check[0]);
    if (!alike) printf("queue %s n=%zu: they popped different times\n", name, pending);
    fflush(stdout);
    return alike ? 0 : 1;
}

int main(int count, char **words) {
    static const char *const all[] = {"hold",  "10000",   "1000000", "10000000",
                                      "mixed", "1000000", "timers",  "1000000"};
    const char *const *asked = count > 1 ? (const char *const *)(words + 1) : all;
    size_t asked_count = count > 1 ? (size_t)count - 1 : sizeof all / sizeof all[0];
    const char *what = "hold";
    int rv = 0;
    cli_memory_prepare(); /* as `weft run` does */
    for (size_t i = 0; i < asked_count; i++) {
        size_t n = strtoul(asked[i], NULL, 10);
        if (n == 0) {
            what = asked[i];
            if (strcmp(what, "hold") == 0 || strcmp(what, "mixed") == 0) continue;
            if (strcmp(what, "timers") != 0) return 2;
        } else if (strcmp(what, "timers") == 0) {
            printf("queue timers n=%zu engine_ns=%.1f\n", n, run_timers(n));
        } else {
            rv |= row(what, strcmp(what, "mixed") == 0 ? mixed : hold, n);
        }
    }
    return rv;
}
