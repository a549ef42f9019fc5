/* A small world for tests: a few nodes with two little applications, and a record of the trace.
 *
 * "echo" answers datagrams on port 7000 and streams on port 7001 with what it got. "caller" does
 * what its arg says, once, and logs what it hears. */
#ifndef WEFT_TESTS_SIM_SMALL_H
#define WEFT_TESTS_SIM_SMALL_H

#include "sim/world/world.h"
#include "tests/harness/harness.h"

#define SMALL_NODES 8
#define SMALL_EVENTS_MAX 20000
#define SMALL_DELAY WEFT_MS(10) /* of every link, one way */

enum small_act {
    SMALL_NOTHING = 0,
    SMALL_PING,         /* a datagram every `after` */
    SMALL_STREAM,       /* connect, write, log what comes back, close */
    SMALL_TIMER,        /* log "timer" */
    SMALL_BUSY,         /* never be idle again */
    SMALL_WRITE,        /* put a file on the disk, synced or not */
    SMALL_LISTEN_TWICE, /* init fails: the port is taken */
    SMALL_WALL          /* log "wall N" every `after`: seconds that the wall clock is ahead */
};

struct small_arg {
    enum small_act act;
    weft_duration after;
    uint32_t to;
    bool sync;
};

struct small_event {
    weft_time at;
    uint32_t node;
    enum weft_trace_kind kind;
    uint64_t number[WEFT_TRACE_NUMBERS];
    char text[96];
};

struct small {
    struct sim_net_spec spec;
    struct sim_world *world;
    struct small_arg arg[SMALL_NODES]; /* of each node's caller: set before boot */
    size_t memory[SMALL_NODES];        /* that each may hold: set before boot; 0: no limit */
    struct weft_application app[SMALL_NODES];
    struct weft_app_spec apps[SMALL_NODES];
    struct weft_node_config config[SMALL_NODES];
    struct small_event events[SMALL_EVENTS_MAX];
    size_t count;
};

/* All nodes are down. Heap: struct small is big. */
struct small *small_open(uint64_t seed);
struct small *small_open_quiet(uint64_t seed); /* nothing is traced */
void small_close(struct small *small);

void small_boot_all(struct small *small);
void small_run(struct small *small, weft_time until);
weft_time small_now(const struct small *small);

/* The `index`th event of `kind` of `node` (or of NONE); NULL: there is none. For LOG, `text` says
 * which (NULL: any). */
const struct small_event *small_find(const struct small *small, uint32_t node,
                                     enum weft_trace_kind kind, size_t index);
const struct small_event *small_log(const struct small *small, uint32_t node, const char *text,
                                    size_t index);
size_t small_count(const struct small *small, uint32_t node, enum weft_trace_kind kind);
size_t small_log_count(const struct small *small, uint32_t node, const char *text);

#endif
