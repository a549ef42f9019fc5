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

struct load_stats {
    uint64_t failed; /* connects that were refused */
    uint64_t sent, echoed, wrong, full;
    uint64_t poisoned, poison_closed, innocent_lost;
    uint64_t given_up; /* messages on connections that closed */
    struct histogram all, near, far;
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
uint64_t load_unanswered(const struct load *load);

#endif
