/* Faults of a scenario: what the files that read them share. Room-private.
 *
 * Each kind of fault has its keys in a table, and a function for what one key alone does not show.
 * Kinds stand in files by what they hit: plan_faults_links.c, plan_faults_nodes.c,
 * plan_faults_disks.c, plan_faults_processes.c. plan_faults.c puts them together. */
#ifndef SIM_SCENARIO_PLAN_FAULTS_H
#define SIM_SCENARIO_PLAN_FAULTS_H

#include "sim/scenario/internal.h"

/* A fault while it is read: what the keys of its section read into. */
struct sim_plan__fault {
    struct sim_fault_spec spec;
    uint32_t times;
    struct sim_plan__link link;
};

struct sim_plan__fault_kind {
    struct sim_plan__section section;
    bool piles; /* a layer or a state: several at once add up */
    /* The keys together; NULL: nothing to say. */
    void (*check)(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                  const struct sim_plan__fault *fault);
};

extern const struct sim_plan__fault_kind sim_plan__partition, sim_plan__isolate, sim_plan__degrade,
    sim_plan__crash, sim_plan__kill, sim_plan__stop, sim_plan__pause, sim_plan__restart,
    sim_plan__churn, sim_plan__poison, sim_plan__hang, sim_plan__upgrade, sim_plan__clock,
    sim_plan__slow, sim_plan__outage, sim_plan__rebind, sim_plan__move, sim_plan__reset,
    sim_plan__half_open, sim_plan__clog, sim_plan__filter, sim_plan__overflow, sim_plan__memory,
    sim_plan__wipe, sim_plan__lost_fsync, sim_plan__misdirect, sim_plan__bit_rot,
    sim_plan__latent_error, sim_plan__io_error, sim_plan__disk_full, sim_plan__disk_slow,
    sim_plan__disk_stuck;

/* plan_clocks.c: "200ppm", between the key's least and most; a duration with a sign. */
void sim_plan__read_drift(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into);
void sim_plan__read_jump(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into);

/* --- keys that several kinds have --- */

#define AT(field) offsetof(struct sim_plan__fault, spec.field)
#define LINK_AT offsetof(struct sim_plan__fault, link)

#define KEY_AT                                                                                     \
    { "at", true, sim_plan__read_duration, AT(at), 0, 0 }
#define KEY_FOR                                                                                    \
    { "for", false, sim_plan__read_duration, AT(lasts), WEFT_MS(1), 0 }
#define KEY_EVERY                                                                                  \
    { "every", false, sim_plan__read_duration, AT(every), WEFT_MS(1), 0 }
#define KEY_UNTIL                                                                                  \
    { "until", false, sim_plan__read_duration, AT(until), 0, 0 }
#define KEY_TIMES                                                                                  \
    { "times", false, sim_plan__read_count, offsetof(struct sim_plan__fault, times), 1, 1000000 }
#define KEY_JITTER                                                                                 \
    { "jitter", false, sim_plan__read_duration, AT(jitter), 0, 0 }
#define KEYS_AGAIN KEY_EVERY, KEY_UNTIL, KEY_TIMES, KEY_JITTER

#define KEY_NODES(required)                                                                        \
    { "nodes", required, sim_plan__read_set, AT(nodes), 0, 0 }
#define KEY_SPREAD                                                                                 \
    { "spread", false, sim_plan__read_duration, AT(spread), 0, 0 }
#define KEY_ROLLING                                                                                \
    { "rolling", false, sim_plan__read_flag, AT(each_in_turn), 0, 0 }

#define KEY_UNSYNCED                                                                               \
    { "unsynced", false, sim_plan__read_unsynced, 0, 0, 0 }

#define SECTION(title, keys)                                                                       \
    { title, keys, sizeof keys / sizeof keys[0] }

/* plan_faults_disks.c: what a loss of power leaves, of crash and churn. */
void sim_plan__read_unsynced(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into);

#endif
