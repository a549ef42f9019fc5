/* Hold model: pop an event, schedule one an exponential time later, with n pending. The engine
 * beside a plain binary heap of whole events that does the same draws and the same folds. */
#define _POSIX_C_SOURCE 200809L
#include "core/base/hash.h"
#include "sim/engine/engine.h"
#include "sim/net/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct plain {
    struct sim_event event;
    uint64_t tie, number;
};

struct heap {
    struct plain *items;
    size_t count;
    uint64_t number, hash;
};

static uint64_t cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* -ln(u) of mean 1 s: the leading zeros of a raw draw are geometric; the rest of it interpolates.
 */
static weft_duration exponential(uint64_t raw) {
    int zeros = __builtin_clzll(raw | 1);
    uint64_t fraction = (raw << zeros << 1) >> 34; /* 30 bits */
    uint64_t halvings = ((uint64_t)zeros << 30) + ((UINT64_C(1) << 30) - fraction);
    return (weft_duration)(halvings * 693147181 >> 30);
}

static bool before(const struct plain *a, const struct plain *b) {
    if (a->event.at != b->event.at) return a->event.at < b->event.at;
    if (a->tie != b->tie) return a->tie < b->tie;
    return a->number < b->number;
}

static void heap_push(struct heap *heap, const struct sim_event *event) {
    struct plain item = {*event, weft_draw(1, SIM_DRAW_TIE, event->entity, heap->number), 0};
    item.number = heap->number++;
    size_t at = heap->count++;
    while (at > 0 && before(&item, &heap->items[(at - 1) / 2])) {
        heap->items[at] = heap->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->items[at] = item;
}

static struct sim_event heap_pop(struct heap *heap) {
    struct sim_event first = heap->items[0].event;
    struct plain last = heap->items[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count && before(&heap->items[child + 1], &heap->items[child]))
            child++;
        if (!before(&heap->items[child], &last)) break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = last;
    heap->hash = weft_fold(heap->hash, (uint64_t)first.at);
    heap->hash = weft_fold(heap->hash, (uint64_t)first.kind << 32 | first.entity);
    heap->hash = weft_fold(heap->hash, first.arg);
    return first;
}

static double run_engine(size_t pending, size_t holds, uint64_t *hash) {
    struct sim_engine *engine = sim_engine_new(1);
    struct weft_rand rand;
    weft_rand_init(&rand, 7);
    struct sim_event event = {0};
    for (size_t i = 0; i < pending; i++) {
        event.at = exponential(weft_rand_u64(&rand));
        event.entity = (uint32_t)i;
        if (sim_engine_schedule(engine, &event) == 0) abort();
    }
    uint64_t start = 0;
    for (size_t i = 0; i < holds + pending; i++) {
        if (i == pending) start = cpu_ns(); /* warmed up */
        if (!sim_engine_next(engine, WEFT_TIME_NEVER, &event)) abort();
        event.at += exponential(weft_rand_u64(&rand));
        if (sim_engine_schedule(engine, &event) == 0) abort();
    }
    double ns = (double)(cpu_ns() - start) / (double)holds;
    *hash = sim_engine_hash(engine);
    sim_engine_free(engine, NULL);
    return ns;
}

static double run_heap(size_t pending, size_t holds, uint64_t *hash) {
    struct heap heap = {malloc((pending + 1) * sizeof(struct plain)), 0, 0, 1};
    if (heap.items == NULL) abort();
    struct weft_rand rand;
    weft_rand_init(&rand, 7);
    struct sim_event event = {0};
    for (size_t i = 0; i < pending; i++) {
        event.at = exponential(weft_rand_u64(&rand));
        event.entity = (uint32_t)i;
        heap_push(&heap, &event);
    }
    uint64_t start = 0;
    for (size_t i = 0; i < holds + pending; i++) {
        if (i == pending) start = cpu_ns();
        event = heap_pop(&heap);
        event.at += exponential(weft_rand_u64(&rand));
        heap_push(&heap, &event);
    }
    double ns = (double)(cpu_ns() - start) / (double)holds;
    *hash = heap.hash;
    free(heap.items);
    return ns;
}

int main(void) {
    static const size_t sizes[] = {10000, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t engine_hash, heap_hash;
        double engine = run_engine(sizes[i], 2000000, &engine_hash);
        double heap = run_heap(sizes[i], 2000000, &heap_hash);
        printf("queue hold n=%zu ns/event=%.1f heap=%.1f ratio=%.2f\n", sizes[i], engine, heap,
               heap / engine);
        if (engine_hash != heap_hash) {
            printf("the engine and the heap popped different events\n");
            return 1;
        }
    }
    return 0;
}
