/* What the peers of bench_message share: how long it goes, and the line that is printed at the end.
 * Also for C++. */
#ifndef BENCH_PEERS_MESSAGE_RUN_H
#define BENCH_PEERS_MESSAGE_RUN_H

#include "core/base/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct run {
    uint32_t nodes;
    uint64_t wanted, seconds; /* messages to be timed, and processor time for all there is */
    uint64_t draws, count;    /* so far */
    uint64_t first, start;    /* number and time of the message from which on it is timed */
    double before, built;     /* bytes resident */
};

static inline uint64_t run_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static inline double run_resident(void) {
    unsigned long all = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu %lu", &all, &pages) != 2) abort();
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static inline uint64_t run_draw(struct run *run) { return weft_draw__mix(++run->draws); }

/* Of the words "nodes messages seconds". */
static inline void run_init(struct run *run, char **words) {
    run->nodes = (uint32_t)strtoul(words[0], NULL, 10);
    run->wanted = strtoull(words[1], NULL, 10);
    run->seconds = strtoull(words[2], NULL, 10);
    if (run->nodes < 4 || run->wanted == 0 || run->seconds == 0) exit(2);
    run->before = run_resident();
}

/* All nodes are there. */
static inline void run_built(struct run *run) { run->built = run_resident(); }

static inline void run_end(const struct run *run, uint64_t now) {
    double messages = (double)(run->count - run->first);
    printf("ns=%.0f messages=%.0f bytes=%.0f\n", (double)(now - run->start) / messages, messages,
           (run_resident() - run->before) / run->nodes);
    fflush(stdout);
    _exit(0); /* what is under way is not worth taking down */
}

/* One was delivered. It is timed from when each node had one, or a third of the time is over. */
static inline void run_message(struct run *run) {
    uint64_t now, limit = run->seconds * UINT64_C(1000000000);
    run->count++;
    if (run->count % 64 != 0) return; /* to look at the clock is a system call */
    now = run_ns();
    if (run->start == 0 && (run->count >= run->nodes || now > limit / 3)) {
        run->first = run->count;
        run->start = now;
    } else if (run->start != 0 && (run->count - run->first >= run->wanted || now > limit)) {
        run_end(run, now);
    }
}

#endif
