/* Scheduler: all processes of a node, driven from outside.
 *
 * It owns no thread and never waits. The driver delivers what happened, runs it at a time, and
 * asks when it next wants to run:
 *
 *     weft_sched_deliver(sched, &event);
 *     while (weft_sched_run(sched, BUDGET)) deliver_more();
 *     sleep_until(weft_sched_next_at(sched)) or until something happens
 *
 * Each priority has a run queue, first in, first out; a process handles up to WEFT_TURN_MAX
 * messages a turn. HIGH goes before all others, but after WEFT_HIGH_TURNS_MAX turns of HIGH while
 * others wait one of these has its turn. Of the others, NORMAL goes before LOW, but after
 * WEFT_NORMAL_TURNS_MAX turns of NORMAL while LOW waits LOW has one (OTP: LOW has one turn in 8).
 * An env with an order (core/env/order.h) chooses among those of a priority instead.
 * Difference from OTP: there HIGH may keep the others from running for ever, and MAX exists. */
#ifndef WEFT_OTP_SCHED_H
#define WEFT_OTP_SCHED_H

#include "core/otp/hub.h"
#include "core/otp/process.h"

struct weft_sched;

struct weft_sched_config {
    uint32_t procs_max;   /* 0: WEFT_PROCS_MAX */
    bool plain_memory;    /* keep no free records: each is an allocation of env->mem of its own. For
                             tests that fail the Nth, and for looking at memory with tools. */
    struct weft_hub *hub; /* shared with the other schedulers of the node; NULL: there is no
                             elsewhere */
    uint32_t index;       /* which of them this is; 0 holds the connections to other nodes */
    /* What may be started here by weft_spawn_at, each by its name. Borrowed. */
    const struct weft_behaviour *const *offers;
    size_t offers_count;
    /* How long a handler may run, when a watchdog looks on and its behaviour does not say
     * otherwise; 0: for ever. One that runs longer ends with FAULT, code WEFT_FAULT_HANG. */
    weft_duration handler_max;
};

/* A scheduler with no process. Uses env->mem for everything; `env` must outlive it.
 *   WEFT_ERR_NOMEM */
int weft_sched_new(struct weft_env *env, const struct weft_sched_config *config,
                   struct weft_sched **out);

/* What a watchdog of the driver's thread looks at: core/posix/watchdog.h. */
const struct weft_watch *weft_sched_watch(const struct weft_sched *sched);

/* End every process (no terminate is called: stop the root first for that), close every socket,
 * free everything. */
void weft_sched_free(struct weft_sched *sched);

/* Start the root process: no parent, no link. When it ends the node is over: see
 * weft_sched_ended. Errors as weft_spawn; *why tells more. */
int weft_sched_start(struct weft_sched *sched, const struct weft_spawn *spawn, weft_pid *out,
                     struct weft_reason *why);

/* Whether the root has ended, and why. */
bool weft_sched_ended(const struct weft_sched *sched, struct weft_reason *why);

/* As weft_halt, from outside; and whether anyone has asked for the node's end. */
void weft_sched_halt(struct weft_sched *sched, const struct weft_reason *reason);
bool weft_sched_halting(const struct weft_sched *sched);

/* Hand an event of the env to the process that owns the socket. Unknown owners are ignored. A full
 * mailbox drops datagrams (as a full socket buffer does) and counts them; stream events are
 * never dropped.  */
void weft_sched_deliver(struct weft_sched *sched, const struct weft_event *event);

/* An event is handed over very soon, most likely for the process that had the last one: bring into
 * the cache what that will read, a step at a time (core/node/node.h). From step
 * WEFT_SCHED_FETCH_STEPS on: the state of that process if it has this behaviour, else NULL. */
#define WEFT_SCHED_FETCH_STEPS 3
const void *weft_sched_fetch(const struct weft_sched *sched, unsigned step,
                             const struct weft_behaviour *behaviour);

/* Fire due timers and run processes until none is runnable, `messages_max` messages were handled,
 * or WEFT_RUN_TIME has passed. True when some are still runnable. All handlers see the time at
 * which it began.
 *
 * The clock is read again every WEFT_CLOCK_MESSAGES messages, and more often when handlers are
 * slow: then a turn is as many messages as take WEFT_TURN_TIME, at least one, and of NORMAL
 * processes up to WEFT_TIMERS_FIRST_MAX that timers wake in a run go before the others. On a clock
 * that stands still during a run, as the simulator's, none of this changes anything. */
bool weft_sched_run(struct weft_sched *sched, uint32_t messages_max);

/* When to run next: the clock's now if something is runnable, else the earliest timer, else
 * WEFT_TIME_NEVER. */
weft_time weft_sched_next_at(const struct weft_sched *sched);

/* From outside any process: as weft_send, weft_send_name, weft_exit and weft_whereis. */
int weft_sched_send(struct weft_sched *sched, weft_pid to, uint32_t tag, struct weft_bytes data);
void weft_sched_exit(struct weft_sched *sched, weft_pid to, const struct weft_reason *reason);
weft_pid weft_sched_whereis(const struct weft_sched *sched, const char *name);

/* A fault in a process as the simulator and tests plant it: the next message `pid` handles ends
 * it as if its handler had failed an assert with `text` (static). WEFT_ERR_NO_PROC */
int weft_sched_poison(struct weft_sched *sched, weft_pid pid, const char *text);

/* The same with a fault of any kind but BUS and ILL: a real one, under the guard of the env, with
 * a text that begins with "planted". HANG stands still instead: nobody of this scheduler runs for
 * `lasts`, messages and events pile up, then the process ends. WEFT_ERR_NO_PROC, WEFT_ERR_NOMEM */
struct weft_planted {
    enum weft_fault_kind kind;
    const char *text;    /* ASSERT; static; NULL: one of its own */
    weft_duration lasts; /* HANG; 0: what its handlers may take, 10 s without a limit */
};

int weft_sched_plant(struct weft_sched *sched, weft_pid pid, const struct weft_planted *planted);

struct weft_sched_stats {
    uint32_t procs, timers, sockets, runnable;
    uint64_t spawned, exited, faulted, messages, dropped;
    uint64_t expired;     /* calls not handled: their callers had their TIMEOUT already */
    uint64_t refused;     /* allocations, by memory_max of their process */
    size_t process_bytes; /* by weft_alloc, over all processes */
};

void weft_sched_stats(const struct weft_sched *sched, struct weft_sched_stats *stats);

/* Messages that wait in mailboxes. Looks at every process. */
uint64_t weft_sched_waiting(const struct weft_sched *sched);

/* One process as tools see it. Texts borrowed. */
struct weft_proc_info {
    weft_pid pid, parent;
    const char *name; /* NULL: none */
    const char *behaviour;
    uint32_t version, mailbox, links, monitors, timers, sockets;
    size_t memory, memory_max; /* by weft_alloc; 0: no limit */
    uint64_t messages;         /* handled */
    uint64_t reductions;       /* those, and calls of this API */
    uint64_t bytes;            /* of data in the messages and answers it was sent */
    bool is_supervisor, trap_exit;
    enum weft_priority priority;
    bool hibernates;
    bool suspended, watched; /* by core/otp/sys.h */
    const char *application; /* NULL: none */
};

/* Set memory_max of a process; 0: none. What it holds above it stays.
 *   WEFT_ERR_NO_PROC, WEFT_ERR_NOMEM */
int weft_sched_limit_memory(struct weft_sched *sched, weft_pid pid, size_t memory_max);

/* One process. False: it is not alive here. */
bool weft_sched_info(const struct weft_sched *sched, weft_pid pid, struct weft_proc_info *info);

/* The process whose handler runs now, for whoever looks from within a call of the env. False: none
 * does, the scheduler itself works. */
bool weft_sched_running(const struct weft_sched *sched, struct weft_proc_info *info);

/* Call `fn` for every process, by ascending slot. `fn` must not change processes. Counts links,
 * monitors and timers by walking them. */
void weft_sched_each(const struct weft_sched *sched,
                     void (*fn)(void *ctx, const struct weft_proc_info *info), void *ctx);

#endif
