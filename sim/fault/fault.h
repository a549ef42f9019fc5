/* Faults: what a scenario does to nodes and links, when, to whom; and whether it bit.
 *
 * `injected` counts occurrences; `bit` counts those that changed at least one thing: a delivery, a
 * file, a timer, a process. A fault that was injected and never bit fails the run (dead fault). */
#ifndef SIM_FAULT_FAULT_H
#define SIM_FAULT_FAULT_H

#include "core/env/guard.h"
#include "sim/world/set.h"
#include "sim/world/world.h"

/* X(NAME, "key in a scenario") */
#define SIM_FAULTS(X)                                                                              \
    X(PARTITION, "partition") /* groups of nodes cannot reach one another, for a time */           \
    X(ISOLATE, "isolate")     /* nodes cannot reach anyone, for a time */                          \
    X(CRASH, "crash")         /* loss of power; with `for`, restarted after it */                  \
    X(KILL, "kill")           /* the process is killed; with `for`, restarted after it */          \
    X(STOP, "stop")           /* ordered shutdown; with `for`, restarted after it */               \
    X(RESTART, "restart")     /* boot nodes that are down */                                       \
    X(PAUSE, "pause")         /* as SIGSTOP, for a time */                                         \
    X(CHURN, "churn")         /* nodes come and go: sessions and downtimes are drawn */            \
    X(DEGRADE, "degrade")     /* more loss, delay, duplicates, reorder on links, for a time */     \
    X(POISON, "poison")       /* one process inside the nodes faults */                            \
    X(UPGRADE, "upgrade")     /* processes go over to another version of a module */               \
    X(HANG, "hang")           /* one process does not return, until a watchdog ends it */          \
    X(CLOCK, "clock")         /* clocks are set, or drift, for a time */                           \
    X(REBIND, "rebind")       /* NATs forget: everybody behind them gets other ports */            \
    X(MOVE, "move")           /* nodes get another address */                                      \
    X(RESET, "reset")         /* streams of nodes are reset at both ends */                        \
    X(HALF_OPEN, "half_open") /* nodes give streams up, and the other end does not hear it */      \
    X(SLOW, "slow")           /* handlers take time, for a time */

enum sim_fault_kind {
    SIM_FAULT_NONE = 0,
#define SIM_FAULT_ENUM(NAME, key) SIM_FAULT_##NAME,
    SIM_FAULTS(SIM_FAULT_ENUM)
#undef SIM_FAULT_ENUM
        SIM_FAULT_KIND_COUNT
};

const char *sim_fault_name(enum sim_fault_kind kind);

#define SIM_PARTITION_SIDES_MAX 8
#define SIM_PROCESS_NAME_MAX 64

/* Which process of a node. With the last two, one is drawn at each occurrence among those of
 * applications, but for masters and top supervisors, whose end is that of the application. */
enum sim_process_by {
    SIM_PROCESS_NAMED = 0, /* registered as `process` */
    SIM_PROCESS_BEHAVES,   /* of an application; its behaviour's name is `process` */
    SIM_PROCESS_ANY        /* of an application */
};

enum sim_churn_exit { SIM_CHURN_CRASH = 0, SIM_CHURN_KILL, SIM_CHURN_STOP };

struct sim_fault_spec {
    enum sim_fault_kind kind;
    uint32_t line;        /* in the scenario, for messages */
    weft_time at;         /* first occurrence */
    weft_duration every;  /* 0: once */
    weft_time until;      /* no occurrence after it; TIME_NEVER: the run's end */
    weft_duration lasts;  /* `for`; 0: until the run ends (or at once, where that is meant) */
    weft_duration jitter; /* each occurrence is later by a draw in [0, jitter] */
    struct sim_set nodes; /* targets */

    /* PARTITION: each side is a share of the population drawn at random (ppm, sum 1,000,000) or a
     * group; `one_way`: side 0 cannot reach side 1, the other direction works (two sides only) */
    uint32_t sides_count;
    struct {
        bool is_group;
        uint32_t group;
        uint32_t ppm;
    } sides[SIM_PARTITION_SIDES_MAX];
    bool one_way;

    struct sim_delay session, downtime; /* CHURN */
    enum sim_churn_exit exit;           /* CHURN */
    struct sim_chain chain;             /* DEGRADE */
    const char *module;                 /* UPGRADE: path, as long as the plan */
    uint32_t canary_ppm, watch;         /* UPGRADE: as in struct weft_code_upgrade; 0: all; none */
    bool expect_rollback;               /* UPGRADE: it is to go back by itself */
    bool each_in_turn; /* CRASH, KILL, STOP, PAUSE, POISON, UPGRADE: `rolling`: occurrence i
                          takes the next of `nodes` in order, not a draw */
    enum sim_process_by process_by;     /* POISON, HANG */
    char process[SIM_PROCESS_NAME_MAX]; /* POISON, HANG: a name */
    enum weft_fault_kind fault;         /* POISON: ASSERT, SEGV, FPE or STACK; 0: ASSERT */
    bool by_signal;                     /* POISON: killed by an exit signal, no fault */
    weft_duration jump;                 /* CLOCK: the wall clock is set ahead by it, or back */
    int64_t drift_ppm;                  /* CLOCK */
    weft_duration cost;                 /* SLOW, OVERFLOW: of a message */
};

struct sim_faults;

/* FAULT_ON and FAULT_OFF come in pairs, one for each (fault, occurrence). OFF says that the world
 * is as before: layers are off, what was paused runs, what `for` brings back is up again, poisoned
 * processes have ended, nodes that churn are back. A fault without `for` that does its work at once
 * is over at once; one that lasts is over with the scenario. FAULT_BIT comes at most once for an
 * occurrence (node: the first it hit), but for churn at each leave.
 *
 * bit counts: partition, isolate, degrade: a packet was lost, delayed or doubled by it; crash,
 * kill, stop, pause: a node was up and is so no more; restart: a node came up; churn: a node left
 * (each leave counts as injected, too); clock: see sim/fault/clock.c; rebind,
 * move: sim/fault/place.c; reset, half_open: a node had an open stream; slow: a message took
 * longer; poison, hang: the process ended by it; upgrade: all its nodes did what is expected of
 * them. A hang lasts as long as the node's watchdog would wait, or as `for` says. */

/* Schedule all faults of the plan in `world`. Specs and groups are borrowed. NULL: out of memory.
 */
struct sim_faults *sim_faults_new(struct sim_world *world, const struct sim_fault_spec *specs,
                                  uint32_t count, const struct sim_group *groups);
void sim_faults_free(struct sim_faults *faults);

/* The scenario is over: every occurrence still on ends (layers off, paused nodes resumed), and
 * nothing scheduled happens any more. Counts stay. */
void sim_faults_heal(struct sim_faults *faults);

/* Per spec. Layers still on are counted up to now. */
struct sim_fault_count {
    uint64_t injected, bit;
};

struct sim_fault_count sim_faults_count(const struct sim_faults *faults, uint32_t spec);

#endif
