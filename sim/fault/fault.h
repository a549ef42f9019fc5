/* Faults: what a scenario does to nodes and links, when, to whom; and whether it bit.
 *
 * `injected` counts occurrences; `bit` counts those that changed at least one thing: a delivery, a
 * file, a timer, a process. A fault that was injected and never bit fails the run (dead fault). */
#ifndef SIM_FAULT_FAULT_H
#define SIM_FAULT_FAULT_H

#include "core/env/guard.h"
#include "sim/fault/domains.h"
#include "sim/world/set.h"
#include "sim/world/world.h"

/* X(NAME, "key in a scenario") */
#define SIM_FAULTS(X)                                                                              \
    X(PARTITION, "partition")   /* groups of nodes cannot reach one another, for a time */         \
    X(ISOLATE, "isolate")       /* nodes cannot reach anyone, for a time */                        \
    X(CRASH, "crash")           /* loss of power; with `for`, restarted after it */                \
    X(KILL, "kill")             /* the process is killed; with `for`, restarted after it */        \
    X(STOP, "stop")             /* ordered shutdown; with `for`, restarted after it */             \
    X(RESTART, "restart")       /* boot nodes that are down */                                     \
    X(PAUSE, "pause")           /* as SIGSTOP, for a time */                                       \
    X(CHURN, "churn")           /* nodes come and go: sessions and downtimes are drawn */          \
    X(DEGRADE, "degrade")       /* more loss, delay, duplicates, reorder on links, for a time */   \
    X(POISON, "poison")         /* one process inside the nodes faults */                          \
    X(UPGRADE, "upgrade")       /* processes go over to another version of a module */             \
    X(HANG, "hang")             /* one process does not return, until a watchdog ends it */        \
    X(CLOCK, "clock")           /* clocks are set, or drift, for a time */                         \
    X(REBIND, "rebind")         /* NATs forget: everybody behind them gets other ports */          \
    X(MOVE, "move")             /* nodes get another address */                                    \
    X(RESET, "reset")           /* streams of nodes are reset at both ends */                      \
    X(HALF_OPEN, "half_open")   /* nodes give streams up, and the other end does not hear it */    \
    X(SLOW, "slow")             /* handlers take time, for a time */                               \
    X(OUTAGE, "outage")         /* racks, sites or regions fail, with all that is in them */       \
    X(CLOG, "clog")             /* packets are held back, and released all at once */              \
    X(FILTER, "filter")         /* packets of some kinds are lost */                               \
    X(OVERFLOW, "overflow")     /* mailboxes are filled */                                         \
    X(MEMORY, "memory")         /* nodes or processes have no more than this, for a time */        \
    X(WIPE, "wipe")             /* another, empty disk; with `for`, restarted after it */          \
    X(LOST_FSYNC, "lost_fsync") /* a sync says OK, and a crash shows that it lied */               \
    X(MISDIRECT, "misdirect")   /* reads and writes are of another place */                        \
    X(BIT_ROT, "bit_rot")       /* bits flip at rest */                                            \
    X(LATENT_ERROR, "latent_error") /* sectors cannot be read until they are written */            \
    X(IO_ERROR, "io_error")         /* operations fail */                                          \
    X(DISK_FULL, "disk_full")       /* no file grows */                                            \
    X(DISK_SLOW, "disk_slow")       /* operations take long */                                     \
    X(DISK_STUCK, "disk_stuck")     /* operations do not return, for a time */

enum sim_fault_kind {
    SIM_FAULT_NONE = 0,
#define SIM_FAULT_ENUM(NAME, key) SIM_FAULT_##NAME,
    SIM_FAULTS(SIM_FAULT_ENUM)
#undef SIM_FAULT_ENUM
        SIM_FAULT_KIND_COUNT
};

const char *sim_fault_name(enum sim_fault_kind kind);

#define SIM_PARTITION_SIDES_MAX 8
#define SIM_STEPS_MAX 8
#define SIM_PROCESS_NAME_MAX 64
#define SIM_FILE_NAME_MAX 128

/* Which process of a node. With the last two, one is drawn at each occurrence among those of
 * applications, but for masters and top supervisors, whose end is that of the application. */
enum sim_process_by {
    SIM_PROCESS_NAMED = 0, /* registered as `process` */
    SIM_PROCESS_BEHAVES,   /* of an application; its behaviour's name is `process` */
    SIM_PROCESS_ANY        /* of an application */
};

/* Who cannot reach whom. */
enum sim_partition_shape {
    SIM_SHAPE_SIDES = 0, /* `sides`, one another */
    SIM_SHAPE_HALVES,    /* as two sides of a half each */
    SIM_SHAPE_BRIDGE,    /* likewise, but for those in `through`, who reach all and are reached */
    SIM_SHAPE_PARTIAL,   /* two sides, which need not be all: the others reach both */
    SIM_SHAPE_RING       /* `nodes`, in drawn order, all but `reach` neighbours on either side */
};

enum sim_churn_exit { SIM_CHURN_CRASH = 0, SIM_CHURN_KILL, SIM_CHURN_STOP };

enum sim_outage_how {
    SIM_OUTAGE_CRASH = 0,
    SIM_OUTAGE_KILL,
    SIM_OUTAGE_STOP,
    SIM_OUTAGE_ISOLATE,
    SIM_OUTAGE_PAUSE
};

struct sim_fault_spec {
    enum sim_fault_kind kind;
    uint32_t line;        /* in the scenario, for messages */
    uint32_t swarm;       /* 0: of the file; else drawn: 1 + which of the plan's swarm */
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
    enum sim_partition_shape shape;
    uint32_t reach;         /* RING */
    struct sim_set through; /* BRIDGE */

    /* DEGRADE, CLOG, FILTER: packets from `nodes` to these only, when `directed`; else packets with
     * either end in `nodes` */
    bool directed;
    struct sim_set to;
    struct sim_delay flap_on, flap_off; /* PARTITION, ISOLATE, DEGRADE, FILTER: it holds and rests
                                           by turns; kind 0: it holds */

    struct sim_delay session, downtime; /* CHURN */
    enum sim_churn_exit exit;           /* CHURN */
    struct sim_chain chain;             /* DEGRADE, FILTER */
    uint32_t steps_count;               /* DEGRADE: another chain after so long, ascending */
    struct {
        weft_duration after;
        struct sim_chain chain;
    } steps[SIM_STEPS_MAX];
    const char *module;         /* UPGRADE: path, as long as the plan */
    uint32_t canary_ppm, watch; /* UPGRADE: as in struct weft_code_upgrade; 0: all; none */
    bool expect_rollback;       /* UPGRADE: it is to go back by itself */
    bool each_in_turn; /* CRASH, KILL, STOP, PAUSE, POISON, UPGRADE: `rolling`: occurrence i
                          takes the next of `nodes` in order, not a draw */
    enum sim_process_by process_by;     /* POISON, HANG */
    char process[SIM_PROCESS_NAME_MAX]; /* POISON, HANG: a name */
    enum weft_fault_kind fault;         /* POISON: ASSERT, SEGV, FPE or STACK; 0: ASSERT */
    bool by_signal;                     /* POISON: killed by an exit signal, no fault */
    weft_duration jump;                 /* CLOCK: the wall clock is set ahead by it, or back */
    int64_t drift_ppm;                  /* CLOCK */
    weft_duration spread;       /* CRASH, KILL, STOP, OUTAGE: each boots later by a draw up to it */
    struct sim_domains domains; /* OUTAGE */
    enum sim_domain_level level;
    uint32_t domains_count; /* so many are drawn; 0: one */
    bool is_number;         /* this one fails, no draw: */
    bool is_named;          /* a region of the network, by its name */
    uint32_t domain;
    enum sim_outage_how how;
    size_t bytes;       /* MEMORY: at most so many */
    bool is_room;       /* MEMORY: beside what is held when it begins */
    weft_duration cost; /* SLOW, OVERFLOW: of a message */

    /* CRASH, CHURN: what is left of what was not synced; not given: one of three, drawn anew each
     * time */
    enum sim_unsynced unsynced;
    bool unsynced_given;
    /* The faults of disks: which operations (mask of enum sim_disk_op; 0: all), how many of them or
     * which one (0: by rate), on which file ("": any), and whether of each file no more than a
     * minority of a group's copies is ever touched. */
    uint32_t disk_ops, rate_ppm; /* 0: all */
    bool keeps_quorum;
    uint32_t nth;
    char file[SIM_FILE_NAME_MAX];
    uint32_t sectors;       /* BIT_ROT, LATENT_ERROR: how many a node; 0: one */
    struct sim_delay takes; /* DISK_SLOW */
};

struct sim_faults;

/* FAULT_ON and FAULT_OFF come in pairs, one for each (fault, occurrence). OFF says that the world
 * is as before: layers are off, what was paused runs, what `for` brings back is up again, poisoned
 * processes have ended, nodes that churn are back. A fault without `for` that does its work at once
 * is over at once; one that lasts is over with the scenario. FAULT_BIT comes at most once for an
 * occurrence (node: the first it hit), but for churn at each leave.
 *
 * bit counts: partition, isolate, degrade, clog, filter: a packet was lost, delayed, doubled or
 * damaged by it; crash, kill, stop: a node was up and is so no more; pause: when it is over,
 * something had to wait for the node, see sim_world_pauses_felt; restart: a node came up; churn: a
 * node left (each leave counts as injected, too); outage: as the fault that its `how` names; wipe:
 * as crash, or files were lost; faults of disks: see sim/fault/disk.c, where one may bite when it
 * is over; clock: see sim/fault/clock.c; rebind, move: sim/fault/place.c; reset, half_open: a node
 * had an open stream; slow: a message took longer; poison, hang: the process ended by it; upgrade:
 * all its nodes did what is expected of them; overflow, memory: sim/fault/overflow.c, memory.c.
 * What a degrade and `unsynced` claim in particular is counted beside that: struct sim_claim of
 * sim/scenario/plan.h. A hang lasts as long as the node's watchdog would wait, or as `for` says. */

/* Schedule all faults of the plan in `world`. Specs and groups are borrowed. NULL: out of memory.
 */
struct sim_faults *sim_faults_new(struct sim_world *world, const struct sim_fault_spec *specs,
                                  uint32_t count, const struct sim_group *groups);
void sim_faults_free(struct sim_faults *faults);

/* The scenario is over: every occurrence still on ends (layers off, paused nodes resumed), and
 * nothing scheduled happens any more. Counts stay. */
void sim_faults_heal(struct sim_faults *faults);

/* Liveness. From now on no fault occurs, and none that is on changes: whoever is down, cut off,
 * paused or faulty stays it, but for the nodes of `core` (by node, borrowed until the faults are
 * freed). These are brought up, as soon as they can be; what is on ends for them, and on links
 * between two of them. What was done at once stays: data that was lost or damaged, an address, a
 * process that was poisoned or hangs. */
void sim_faults_heal_core(struct sim_faults *faults, const bool *core);

/* Per spec. Layers still on are counted up to now. */
struct sim_fault_count {
    uint64_t injected, bit;
    uint64_t unsynced; /* losses of power for which `unsynced` is given, that found a write or a
                          name that was not synced */
};

struct sim_fault_count sim_faults_count(const struct sim_faults *faults, uint32_t spec);

#endif
