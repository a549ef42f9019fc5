/* Hold model: pop an event, schedule one a drawn time later, with n pending. The bare queue (keys
 * and slots), the whole engine (also draws of ties and the hash), and a binary heap of whole events
 * as anybody would write it.
 *
 *     bench_queue [n ...]    default 10000 1000000 10000000 */
#define _POSIX_C_SOURCE 200809L
#include "core/base/rand.h"
#include "sim/cli/memory.h"
#include "sim/engine/engine.h"
#include "sim/engine/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOLDS 4000000u

static uint64_t cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* --- how far ahead --- */

/* -ln(u) of mean 2^-bits of a second or so: the leading zeros of a raw draw are geometric; the rest
 * of it interpolates. */
static weft_duration exponential(uint64_t raw, unsigned bits) {
    unsigned zeros = (unsigned)__builtin_clzll(raw | 1);
    uint64_t fraction = (raw << zeros << 1) >> 34; /* 30 bits */
    uint64_t halvings = ((uint64_t)zeros << 30) + ((UINT64_C(1) << 30) - fraction);
    return (weft_duration)(halvings * 693147181 >> 30 >> bits);
}

/* Mean 125 ms. */
static weft_duration hold(uint64_t raw) { return exponential(raw, 3); }

/* 70 % 5 ms and an exponential time, 20 % 1 s, 9 % 30 s, 1 % an hour: what timers are like. */
static weft_duration mixed(uint64_t raw) {
    uint64_t which = raw % 100;
    if (which < 70) return WEFT_MS(5) + exponential(raw, 4);
    if (which < 90) return WEFT_S(1);
    return which < 99 ? WEFT_S(30) : WEFT_HOUR(1);
}

struct model {
    size_t pending;
    weft_duration (*ahead)(uint64_t raw);
    uint64_t draws; /* so far */
    uint64_t check; /* of the times popped: all queues give the same */
};

static weft_duration next_ahead(struct model *model) {
    return model->ahead(weft_draw__mix(++model->draws));
}

static void popped(struct model *model, weft_time at) {
    model->check = (model->check ^ (uint64_t)at) * UINT64_C(0x9fb21c651e98df25);
}

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

static int row(const char *name, weft_duration (*ahead)(uint64_t raw), size_t pending) {
    double (*const runs[])(struct model *) = {run_bare, run_engine, run_heap};
    double ns[3];
    uint64_t check[3];
    for (unsigned i = 0; i < 3; i++) {
        struct model model = {.pending = pending, .ahead = ahead};
        ns[i] = runs[i](&model);
        check[i] = model.check;
    }
    printf("queue %s n=%zu queue_ns=%.1f engine_ns=%.1f heap_ns=%.1f\n", name, pending, ns[0],
           ns[1], ns[2]);
    fflush(stdout);
    if (check[0] == check[1] && check[1] == check[2]) return 0;
    printf("they popped different events\n");
    return 1;
}

int main(int count, char **words) {
    cli_memory_prepare(); /* as `weft run` does */
    static const size_t sizes[] = {10000, 1000000, 10000000};
    int rv = 0;
    for (size_t i = 0; count < 2 && i < sizeof sizes / sizeof sizes[0]; i++) {
        rv |= row("hold", hold, sizes[i]);
    }
    for (int i = 1; i < count; i++) rv |= row("hold", hold, strtoul(words[i], NULL, 10));
    if (count < 2) {
        rv |= row("mixed", mixed, 1000000);
        printf("queue timers n=1000000 engine_ns=%.1f\n", run_timers(1000000));
    }
    return rv;
}
