/* What the checks share: how a check plugs in, and the view of the world they judge by. The view is
 * built from trace events once, for all checks. */
#ifndef SIM_CHECK_INTERNAL_H
#define SIM_CHECK_INTERNAL_H

#include "core/base/error.h"
#include "core/base/id.h"
#include "sim/check/check.h"

/* Before every event, far enough from the edge that durations can be added to it. */
#define SIM_CHECK_LONG_AGO (INT64_MIN / 2)

/* --- map: 128-bit key to 64-bit value (map.c). Memory that runs out is a panic. --- */

struct sim_check__key {
    uint64_t a, b;
};

struct sim_check__slot {
    struct sim_check__key key;
    uint64_t value;
    bool used;
};

/* I1  capacity is 0 or a power of two, and at most three quarters of it are used. */
struct sim_check__map {
    struct sim_check__slot *slots;
    size_t capacity, count;
};

void sim_check__map_free(struct sim_check__map *map);
/* Where the value is, until the next put or remove; NULL when the key is not in. */
uint64_t *sim_check__map_get(const struct sim_check__map *map, struct sim_check__key key);
/* Add or replace. */
void sim_check__map_put(struct sim_check__map *map, struct sim_check__key key, uint64_t value);
/* Whether it was in. */
bool sim_check__map_remove(struct sim_check__map *map, struct sim_check__key key);

/* A key of the first 128 bits: ids are drawn or hashed, so these tell them apart. */
struct sim_check__key sim_check__key_of_id(const weft_id *id);

/* Make room for one more of `size` bytes in a growing array; a panic when memory runs out. */
void *sim_check__grow(void *array, size_t count, size_t *capacity, size_t size);

/* --- members: the DHT ids alive, and who is closest to what (members.c) --- */

struct sim_check__member {
    weft_id id;
    uint32_t node;
};

/* Sorted when first asked after a change: changes cost O(1), and while nothing changes a question
 * costs O(k log n). */
struct sim_check__members {
    struct sim_check__member *list;
    size_t count, capacity;
    bool sorted;
};

void sim_check__members_free(struct sim_check__members *members);
void sim_check__members_clear(struct sim_check__members *members);
void sim_check__members_add(struct sim_check__members *members, const weft_id *id, uint32_t node);
/* The up to `max` members closest to `target`, closest first. Returns how many. */
size_t sim_check__members_closest(struct sim_check__members *members, const weft_id *target,
                                  const struct sim_check__member **out, size_t max);

/* --- view --- */

/* I1  has_dht implies up; member implies has_dht and not read_only.
 * I2  id means something when id_known; it stays after death, until the next life. */
struct sim_check__node {
    weft_time up_at;     /* of this life */
    weft_time dht_up_at; /* of this life of its DHT */
    weft_id id;
    uint32_t contacts; /* in the routing table, as told last */
    uint32_t k;        /* of its DHT; groups may differ */
    bool up, has_dht, read_only, id_known;
    bool joined; /* its DHT has found the others */
};

/* A lookup of kind NODES, PEERS or VALUE under way, or just ended. */
struct sim_check__op {
    uint32_t node;
    enum weft_lookup_kind kind;
    uint64_t op;
    weft_time start;
    weft_id target;
    bool joined; /* the asker's DHT, when it started */
    bool lost;   /* ended because the asker or its DHT died */
};

struct sim_check__view {
    struct sim_check__node *nodes;
    uint32_t nodes_count;
    const bool *core;    /* NULL: all nodes; else no fault is looked at */
    bool clocks_vary;    /* nodes have clocks that run too fast or too slow */
    uint32_t cuts;       /* faults on that keep nodes from one another */
    uint32_t pauses;     /* those among them that pause nodes */
    uint32_t shortages;  /* those among them that refuse memory */
    weft_time healed_at; /* when `cuts` last became 0 */
    weft_time pause_changed_at, shortage_changed_at;
    weft_time changed_at; /* last change of who is a member, or of `cuts` */
    struct sim_check__members members;
    bool members_stale;
    struct sim_check__op *open;
    size_t open_count, open_capacity;
    struct sim_check__map open_index; /* (node, op) to index in `open` */
    struct sim_check__op *ended;      /* by the event being judged */
    size_t ended_count, ended_capacity;
};

void sim_check__view_init(struct sim_check__view *view, const struct sim_check_setup *setup);
void sim_check__view_free(struct sim_check__view *view);

/* The kinds a view needs for: nodes and their DHTs; cuts; lookups under way. */
#define SIM_CHECK_MASK_NODES                                                                       \
    (WEFT_TRACE_BIT(WEFT_TRACE_NODE_UP) | WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN) |                   \
     WEFT_TRACE_BIT(WEFT_TRACE_DHT_UP) | WEFT_TRACE_BIT(WEFT_TRACE_DHT_DOWN) |                     \
     WEFT_TRACE_BIT(WEFT_TRACE_DHT_JOINED) | WEFT_TRACE_BIT(WEFT_TRACE_DHT_TABLE) |                \
     WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_DOWN))
#define SIM_CHECK_MASK_CUTS                                                                        \
    (WEFT_TRACE_BIT(WEFT_TRACE_FAULT_ON) | WEFT_TRACE_BIT(WEFT_TRACE_FAULT_OFF))
#define SIM_CHECK_MASK_LOOKUPS                                                                     \
    (WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_START) | WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_DONE))

/* Whether the node is one of those that are judged. */
bool sim_check__view_in_core(const struct sim_check__view *view, uint32_t node);

/* Take one event in. `ended` then holds the lookups that it ended. */
void sim_check__view_trace(struct sim_check__view *view, const struct weft_trace_event *event);

/* The scenario is over: every lookup still under way is lost, and in `ended`. */
void sim_check__view_stop(struct sim_check__view *view);

/* Whether no cut was on from `within` before `start` until now. */
bool sim_check__view_healed(const struct sim_check__view *view, weft_time start,
                            weft_duration within);

/* Whether, in addition, no node came, went or joined in that time. */
bool sim_check__view_calm(const struct sim_check__view *view, weft_time start,
                          weft_duration within);

/* The members: nodes of the core up whose DHT has joined and is not read-only. */
struct sim_check__members *sim_check__view_members(struct sim_check__view *view);

/* --- a check --- */

struct sim_check__ctx {
    struct sim_check__view *view;
    struct sim_check_setup setup;
    weft_duration within;
    uint32_t index;       /* in the specs */
    const weft_time *now; /* of the event that is judged, or of the end */
    struct sim_check_result result;
};

void sim_check__held(struct sim_check__ctx *ctx);
/* `why` follows "node N: " in the report. */
void sim_check__failed(struct sim_check__ctx *ctx, weft_time at, uint32_t node, const char *why,
                       ...) __attribute__((format(printf, 4, 5)));

struct sim_check__ops {
    uint64_t mask;
    weft_duration within; /* default */
    bool is_of_core;      /* see sim_check_is_of_core */
    bool judges_stopping; /* goes on while the nodes are stopped at the end */
    size_t state_size;    /* cleared; the state begins with a struct sim_check__ctx */
    /* Deadlines before `at` have passed; the view is as of then. NULL: none. */
    void (*tick)(void *state, weft_time at);
    void (*trace)(void *state, const struct weft_trace_event *event);
    /* A followed lookup ended by `event`; when op->lost, of that only `at` means something. NULL:
     * none. */
    void (*lookup)(void *state, const struct sim_check__op *op,
                   const struct weft_trace_event *event);
    /* What the state holds, not the state itself. NULL: nothing. */
    void (*deinit)(void *state);
};

extern const struct sim_check__ops sim_check__stored_found, sim_check__peers_found,
    sim_check__closest, sim_check__restarted, sim_check__no_leak, sim_check__tables,
    sim_check__dead_forgotten, sim_check__no_surprise, sim_check__supervised, sim_check__no_orphan,
    sim_check__durable;

/* "3fa9c1..." : the first bytes of an id, for people. */
#define SIM_CHECK_SHORT_SIZE 12
const char *sim_check__short(const weft_id *id, char text[SIM_CHECK_SHORT_SIZE]);

/* The id in an event's bytes, at index i; false when it does not reach that far. */
bool sim_check__id_at(struct weft_bytes bytes, size_t index, weft_id *id);

#endif
