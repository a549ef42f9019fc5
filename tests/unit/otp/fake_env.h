/* A world for tests of processes: an env with a clock that is set, counted memory, sockets that
 * are numbers, and processes ("probes") that write down what they get and do what they are told.
 *
 *     static weft_pid a, b;
 *     static void link_b(weft_self *self) { weft_link(self, b); }
 *
 *     world_open();
 *     a = probe("a", PROBE_TRAP), b = probe("b", 0);
 *     in(a, link_b);
 *     in(b, stop_boom);
 *     CHECK_LOG("a exit b error/7");
 *     world_close();
 */
#ifndef WEFT_TESTS_OTP_FAKE_ENV_H
#define WEFT_TESTS_OTP_FAKE_ENV_H

#include "core/otp/gen_server.h"
#include "core/otp/sched.h"
#include "core/otp/supervisor.h"
#include "tests/harness/harness.h"

#define WORLD_LOG_SIZE 65536
#define WORLD_SOCKETS 4096
#define WORLD_TRACES 4096
#define WORLD_SCHEDS 2

struct fake_socket {
    uint64_t owner;
    bool open;
};

struct fake_trace {
    enum weft_trace_kind kind;
    uint64_t number[WEFT_TRACE_NUMBERS];
    char text[WEFT_LOG_TEXT_MAX + 1];
};

struct world {
    struct weft_env env;
    struct weft_mem_heap heap;
    struct weft_mem mem;         /* in front of the heap; fails when told */
    uint64_t allocs, alloc_fail; /* the alloc_fail-th allocation fails; 0: none */
    weft_time now;
    uint64_t entropy;
    struct fake_socket sockets[WORLD_SOCKETS];
    size_t sockets_count;
    int open_error; /* what opening a socket returns */
    struct fake_trace traces[WORLD_TRACES];
    size_t traces_count;
    char log[WORLD_LOG_SIZE];
    size_t log_size;
    bool log_net;
    struct weft_sched *sched; /* the first one */
    weft_pid root;
    /* with world_far only */
    struct weft_hub *hub;
    struct weft_sched *scheds[WORLD_SCHEDS];
    weft_pid roots[WORLD_SCHEDS];
    unsigned probes;
};

extern struct world world;

/* Set before world_open: the node has WORLD_SCHEDS schedulers, and those whom probe() starts are in
 * turn on the last, the one before, ... so that no two that follow each other share one. */
extern bool world_far;

/* Schedulers keep free records, as programs' do; without it each record is an allocation that the
 * world counts and fails. */
extern bool world_pooled;

/* How long handlers may run in the schedulers to come; 0 at first. */
extern weft_duration world_handler_max;

/* Who has the next turn; NULL at first: first in, first out. */
extern const struct weft_order_ops *world_order;

/* A scheduler whose root is the probe "root", which traps exits. */
void world_open(void);
/* Ends everything and checks that nothing is left. */
void world_close(void);
/* Without a root: for what starts one itself. */
void world_open_bare(void);

/* Run until nothing is runnable; let time pass, stopping wherever a timer is due. */
void settle(void);
void pass(weft_duration duration);

/* Add to the log as weft's formats do; entries are joined with ", ". */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define CHECK_LOG(text) (CHECK_EQ_TEXT(world.log, text), (void)world_log_clear())
int world_log_clear(void);

/* How many events of `kind` were traced, and the last of them (NULL: none). */
size_t traced(enum weft_trace_kind kind);
const struct fake_trace *traced_last(enum weft_trace_kind kind);

#define PROBE_TRAP 1
#define PROBE_LINK 2 /* to its parent */
#define PROBE_NAME 4 /* registered under its name */
#define PROBE_SLOW 8 /* traps its parent's exit too, and then does not end */

struct probe_arg {
    const char *name;
    uintptr_t options; /* no padding: supervisors compare bytes */
    int (*init)(weft_self *self);
};

extern const struct weft_behaviour probe_v1;

/* A probe started by the root, or by `parent`. */
weft_pid probe(const char *name, unsigned options);
weft_pid probe_of(weft_pid parent, const char *name, unsigned options);

/* Let `pid` run `fn` as its handler, then settle. */
void in(weft_pid pid, void (*fn)(weft_self *self));
/* The same without running: the message waits in the mailbox. */
void in_later(weft_pid pid, void (*fn)(weft_self *self));

/* The name a probe was started with; "-" for none, "?" for others. */
const char *name_of(weft_pid pid);
void name_pid(weft_pid pid, const char *name);

/* "error/7" */
const char *why_text(const struct weft_reason *why);

bool alive(weft_pid pid);
struct weft_sched_stats stats(void);

/* Common orders. */
void stop_normal(weft_self *self);
void stop_boom(weft_self *self); /* error/7 */
void stop_kill(weft_self *self); /* KILL from within */
void fault_assert(weft_self *self);

/* Write what probes write. */
void probe_note(weft_self *self, const char *name, const struct weft_msg *msg);

#endif
