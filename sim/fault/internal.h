/* Inside the faults: occurrences and what each kind does. Private to sim/fault. */
#ifndef SIM_FAULT_INTERNAL_H
#define SIM_FAULT_INTERNAL_H

#include "core/base/list.h"
#include "sim/fault/fault.h"

#define SIM_FAULT_TEXT_MAX 200

/* How soon an end that has to wait (a node is still stopping) is tried again. */
#define SIM_FAULT_RETRY WEFT_MS(100)
/* How long what stays is watched for whether it bit. */
#define SIM_FAULT_WATCH WEFT_S(60)

/* A node that an occurrence acts on. */
struct sim_target {
    uint32_t node;
    uint32_t life;         /* in which it was hit; another one is none of ours */
    weft_pid pid;          /* POISON, HANG */
    uint64_t mark;         /* CLOCK, MOVE, PAUSE, REBIND: a count before it */
    struct sim_slow *slow; /* SLOW, OVERFLOW */
    size_t limit, was;     /* MEMORY: now and before */
    bool open;             /* something is still to be done, or to be waited for */
};

/* One occurrence, from its FAULT_ON to its FAULT_OFF. */
struct sim_occurrence {
    struct weft_link link; /* in faults->on */
    struct sim_faults *faults;
    uint32_t fault;  /* index of the spec */
    uint32_t number; /* of the fault's occurrences, from 0 */
    uint32_t serial; /* among all: how a scheduled call finds it */
    weft_time begun; /* MOVE, REBIND */
    bool has_bitten;
    bool as_expected;                /* UPGRADE: so far */
    const char *module;              /* UPGRADE: its name */
    struct sim_disk_case *disk_case; /* faults of disks: what it did; the faults' */
    bool ending;                     /* CHURN: nobody leaves any more */
    sim_layer layer;                 /* SIM_LAYER_NONE: none */
    struct sim_target *targets;
    uint32_t targets_count;
    uint32_t open_count; /* POISON, CHURN: targets that are open */
    char text[SIM_FAULT_TEXT_MAX];
};

struct sim_fault_state {
    uint64_t injected, bit, unsynced;
};

struct sim_faults {
    struct sim_world *world;
    const struct sim_fault_spec *specs;
    const struct sim_group *groups;
    uint32_t count;
    uint32_t serials;
    bool healed;
    bool frozen;                    /* nothing occurs or changes: the core is healed */
    const bool *core;               /* by node, when frozen */
    struct sim_fault_state *states; /* by spec */
    struct weft_link on;            /* occurrences, oldest first */
    struct weft_link cases;         /* what was done to disks, for as long as it may bite */
    uint32_t *scratch;              /* room for every node */
};

/* What a kind does. `choose` fills in targets and text, before FAULT_ON; `act` does it, after. */
struct sim_fault_ops {
    void (*choose)(struct sim_occurrence *occurrence);
    void (*act)(struct sim_occurrence *occurrence);
    /* Undo it. False: not yet, ask again in SIM_FAULT_RETRY. */
    bool (*end)(struct sim_occurrence *occurrence);
    /* Undo at once what the end of the scenario must not find. NULL: nothing. */
    void (*heal)(struct sim_occurrence *occurrence);
    enum {
        SIM_ENDS_AT_ONCE = 1, /* unless `for` says when */
        SIM_ENDS_WHEN_TOLD    /* after `for`; without it, when the scenario is over */
    } ends;
};

extern const struct sim_fault_ops sim_fault__partition, sim_fault__isolate, sim_fault__degrade,
    sim_fault__crash, sim_fault__kill, sim_fault__stop, sim_fault__restart, sim_fault__pause,
    sim_fault__churn, sim_fault__poison, sim_fault__upgrade, sim_fault__hang, sim_fault__clock,
    sim_fault__slow, sim_fault__outage, sim_fault__rebind, sim_fault__move, sim_fault__reset,
    sim_fault__half_open, sim_fault__clog, sim_fault__filter, sim_fault__overflow,
    sim_fault__memory, sim_fault__wipe, sim_fault__disk, sim_fault__damage;

static inline const struct sim_fault_spec *
sim_fault__spec(const struct sim_occurrence *occurrence) {
    return &occurrence->faults->specs[occurrence->fault];
}

/* --- fault.c --- */

/* It changed something. */
void sim_fault__bite(struct sim_occurrence *occurrence, uint32_t node);
/* An occurrence did, that may be over: for the first time. */
void sim_fault__bite_late(struct sim_faults *faults, uint32_t fault, uint32_t number,
                          uint32_t node);
/* Call fn(faults, occurrence's serial << 32 | low) later; not at all when `at` is never. */
void sim_fault__at(struct sim_occurrence *occurrence, weft_time at,
                   void (*fn)(void *ctx, uint64_t arg), uint32_t low);
/* The occurrence a call is for; NULL: it has ended, or the scenario has, or all is frozen. */
struct sim_occurrence *sim_fault__find(struct sim_faults *faults, uint64_t arg);
/* End it now, or as soon as it can. */
void sim_fault__end(struct sim_occurrence *occurrence);
weft_time sim_fault__now(const struct sim_occurrence *occurrence);
void sim_fault__log(struct sim_faults *faults, uint32_t node, const char *text);

/* --- targets.c --- */

/* Draw (or take in turn) nodes whose state is in the mask, and say so in the text. */
void sim_fault__choose(struct sim_occurrence *occurrence, uint32_t state_mask);
/* The states a layer's nodes may be in: all when they are named, those that run when drawn. */
uint32_t sim_fault__layer_states(const struct sim_set *set);

#define SIM_STATE_BIT(state) (1u << (state))
#define SIM_STATES_RUNNING (SIM_STATE_BIT(SIM_NODE_UP) | SIM_STATE_BIT(SIM_NODE_PAUSED))
#define SIM_STATES_ALL                                                                             \
    (SIM_STATES_RUNNING | SIM_STATE_BIT(SIM_NODE_DOWN) | SIM_STATE_BIT(SIM_NODE_STOPPING))

/* --- layer.c --- */

/* Put on a layer; its end takes it off and counts its bites. A CHAIN is that of `layer`, keyed by
 * the occurrence. It goes through the fault's steps, and flaps as the fault says. */
void sim_fault__layer_on(struct sim_occurrence *occurrence, const struct sim_layer_spec *layer);
/* Whom the spec says, by `nodes` and `to`: choose them, and put `chain` on their packets. */
void sim_fault__links_choose(struct sim_occurrence *occurrence);
void sim_fault__links_on(struct sim_occurrence *occurrence, const struct sim_chain *chain);
bool sim_fault__layer_end(struct sim_occurrence *occurrence);
void sim_fault__layer_heal(struct sim_occurrence *occurrence);

/* --- process.c --- */

/* Whether the fault is of a process, not of all of the node. */
bool sim_fault__names_process(const struct sim_fault_spec *spec);
/* The process of a target that the fault hits; WEFT_PID_NONE: there is none now. */
weft_pid sim_fault__process(const struct sim_occurrence *occurrence, uint32_t node);

/* --- poison.c --- */

/* A process ended, somewhere: `ctx` is the faults. */
void sim_fault__poison_exit(void *ctx, const struct weft_trace_event *event);

/* --- disk.c --- */

void sim_fault__cases_free(struct sim_faults *faults);

/* --- crash.c --- */

/* Loss of power, that leaves of unsynced writes what the spec says. True when it was up. */
bool sim_fault__power_off(const struct sim_occurrence *occurrence, uint32_t node);

/* Boot a node that is down since `life`. True when it did. */
bool sim_fault__boot(struct sim_faults *faults, uint32_t node, uint32_t life);

#endif
