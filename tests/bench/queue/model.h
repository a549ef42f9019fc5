/* The hold model: pop an event, schedule one a drawn time later, with n pending. All queues that
 * are measured go through it, so that they pop the same times. Also for C++ (peers/ns3_queue.cc).
 */
#ifndef BENCH_QUEUE_MODEL_H
#define BENCH_QUEUE_MODEL_H

#include "core/base/rand.h"
#include "core/base/time.h"

#include <time.h>

#define HOLDS 4000000u

/* The processor's time of all threads. */
static inline uint64_t cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* -ln(u) of mean 2^-bits of a second or so: the leading zeros of a raw draw are geometric; the rest
 * of it interpolates. */
static inline weft_duration exponential(uint64_t raw, unsigned bits) {
    unsigned zeros = (unsigned)__builtin_clzll(raw | 1);
    uint64_t fraction = (raw << zeros << 1) >> 34; /* 30 bits */
    uint64_t halvings = ((uint64_t)zeros << 30) + ((UINT64_C(1) << 30) - fraction);
    return (weft_duration)(halvings * 693147181 >> 30 >> bits);
}

/* Mean 125 ms. */
static inline weft_duration hold(uint64_t raw) { return exponential(raw, 3); }

/* 70 % 5 ms and an exponential time, 20 % 1 s, 9 % 30 s, 1 % an hour: what timers are like. */
static inline weft_duration mixed(uint64_t raw) {
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

static inline weft_duration next_ahead(struct model *model) {
    return model->ahead(weft_draw__mix(++model->draws));
}

static inline void popped(struct model *model, weft_time at) {
    model->check = (model->check ^ (uint64_t)at) * UINT64_C(0x9fb21c651e98df25);
}

#endif
