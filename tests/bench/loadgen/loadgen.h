/* The parts of the load generator. */
#ifndef WEFT_TESTS_BENCH_LOADGEN_LOADGEN_H
#define WEFT_TESTS_BENCH_LOADGEN_LOADGEN_H

#include <stdbool.h>
#include <stdint.h>

#define LOAD_FRAME 64
/* Echoes due so soon after a poison, or so shortly before, are "near" it, ns. */
#define LOAD_WINDOW 2000000
#define LOAD_LEAD 200000

struct load_options {
    uint32_t port, ports, conns;
    uint32_t rate; /* connects a second */
    uint32_t msgs; /* a second */
    uint32_t secs;
    uint32_t poison; /* connections a second */
    uint32_t holders, holdconns;
    uint32_t swap; /* the gateway's process: SIGUSR1 at a third of the time, SIGUSR2 at two; 0 */
};

/* Counts in buckets of 1/32 of their value. */
#define HISTOGRAM_BUCKETS 2048
struct histogram {
    uint64_t count, max;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t ns);
/* The value that `permille` of all are not above, us; 0 when there is none. */
double histogram_us(const struct histogram *histogram, unsigned permille);

/* The messages that were due in LOAD_SLICE, by the version that answered. The moment of a swap lies
 * LOAD_SLICE_LEAD after the beginning of one, so that all it delays is in that slice. */
#define LOAD_SLICE 500000000
#define LOAD_SLICE_LEAD 50000000
#define LOAD_SLICES 256
struct load_slice {
    uint64_t version[3], max;
};

struct load_stats {
    uint64_t failed; /* connects that were refused */
    uint64_t sent, echoed, wrong, full;
    uint64_t poisoned, poison_closed, innocent_lost;
    uint64_t given_up; /* messages on connections that closed */
    struct histogram all, near, far;
    struct load_slice slice[LOAD_SLICES];
};

enum connection_state { LOAD_CLOSED, LOAD_CONNECTING, LOAD_OPEN, LOAD_POISONED };

struct load_connection {
    int fd;
    enum connection_state state;
    uint32_t pending, place; /* in `open` */
    uint8_t got;
    uint8_t frame[LOAD_FRAME];
};

struct load {
    const struct load_options *options;
    uint32_t conns, source; /* of this process; which source addresses */
    int epoll;
    struct load_connection *connection;
    uint32_t *open, open_count, connecting_count; /* dense: to draw from */
    uint32_t *closed, closed_count;               /* to be opened again */
    bool ending;
    uint64_t random, start; /* start: of the schedule */
    struct load_stats stats;
};

uint64_t load_now(void);
struct load *load_new(const struct load_options *options, uint32_t conns, uint32_t source);
void load_free(struct load *load);
/* Connect all, at `rate`. Gives up when nothing comes of it. */
void load_open_all(struct load *load);
/* Handle what comes within `ns`. */
void load_wait(struct load *load, uint64_t ns);
/* Send for `secs`, then wait for the rest. */
void load_run(struct load *load);

/* What the swaps did: beside the other slices of the same run, in which there was none. */
struct load_swap {
    uint64_t upgrade_max, rollback_max, other_max, other_median_max;
    uint64_t late; /* answered by the version before, though due after the slice of the swap */
};
void load_slice_add(struct load *load, uint64_t due, uint64_t late, unsigned version);
uint64_t load_swap_at(const struct load *load, int swap); /* 0, 1; after load->start */
struct load_swap load_swap(const struct load *load);

uint64_t load_unanswered(const struct load *load);

#endif
