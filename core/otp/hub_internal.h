/* Inside the hub. Nothing outside core/otp includes it. */
#ifndef WEFT_OTP_HUB_INTERNAL_H
#define WEFT_OTP_HUB_INTERNAL_H

#include "core/otp/byte_ring.h"
#include "core/otp/hub.h"
#include "core/otp/internal.h"

/* Whose scheduler holds the connections to other nodes. */
#define CARRIER 0

/* --- pids: which scheduler of which node --- */

#define PID_SCHEDULER_SHIFT 44
#define PID_NODE_SHIFT 50
#define PID_NODE_MASK (UINT64_MAX << PID_NODE_SHIFT)

static inline uint32_t pid_node(uint64_t raw) { return (uint32_t)(raw >> PID_NODE_SHIFT); }
static inline uint32_t pid_scheduler(uint64_t raw) {
    return (uint32_t)(raw >> PID_SCHEDULER_SHIFT) & (WEFT_SCHEDULERS_MAX - 1);
}
/* A pid of no process, for signals to a place. */
static inline uint64_t pid_place(uint32_t node, uint32_t scheduler) {
    return (uint64_t)node << PID_NODE_SHIFT | (uint64_t)scheduler << PID_SCHEDULER_SHIFT;
}

/* --- other nodes --- */

enum peer_state { PEER_DOWN, PEER_CONNECTING, PEER_UP };

/* Another node, by its name; kept for the hub's life. Fields that are not atomic are the
 * carrier's, but for name and generic, which never change. */
struct peer {
    struct map_node node;
    struct peer *next;          /* all of them, newest first */
    uint32_t name_size;         /* with the NUL */
    uint16_t generic;           /* index for signals by name, whatever life the node is in */
    uint16_t newest;            /* under the lock: of its lives, the index made last; 0: none */
    uint16_t current;           /* the carrier's: index of the life connected to */
    atomic_uint state;          /* enum peer_state */
    atomic_uint creation;       /* of the life connected to; 0: of none */
    atomic_size_t queued;       /* bytes on their way to it, from every scheduler */
    atomic_uint_fast64_t stale; /* bit k: what scheduler k sent before it heard of the last
                                   NODE_DOWN may still come, and is dropped */
    struct far_node *far;       /* carrier: its connection */
    char name[];
};

/* What an index in the upper bits of a pid means. Never changes. */
struct node_entry {
    struct peer *peer;
    uint32_t creation; /* 0: peer->generic, any life */
    uint16_t older;    /* index of another life of the peer; 0: none */
};

#define ENTRY_PAGE 64
#define ENTRY_PAGES ((WEFT_NODES_MAX + ENTRY_PAGE) / ENTRY_PAGE)

struct hub_name {
    struct map_node node;
    weft_pid pid;
    uint32_t size;
    char text[];
};

struct weft_hub {
    struct weft_mem *mem; /* under the lock */
    uint32_t schedulers, creation;
    void (*wake)(void *ctx, uint32_t to);
    void *ctx;
    char node[WEFT_NODE_NAME_MAX]; /* "": alone */
    struct weft_hash_key key;

    atomic_flag lock;
    struct map names, peers; /* under the lock */
    struct peer *peers_first;
    atomic_uint entries_count; /* indices 1 .. count are in use */
    struct node_entry *_Atomic pages[ENTRY_PAGES];
    struct byte_ring *_Atomic rings[WEFT_SCHEDULERS_MAX][WEFT_SCHEDULERS_MAX]; /* [from][to] */
    atomic_uint_fast64_t inbox[WEFT_SCHEDULERS_MAX]; /* bit i: look at what came from i */
    atomic_bool asleep[WEFT_SCHEDULERS_MAX];
};

void weft_otp__hub_lock(struct weft_hub *hub);
void weft_otp__hub_unlock(struct weft_hub *hub);

/* The ring between two schedulers, made when first asked for. NULL: no memory. */
struct byte_ring *weft_otp__hub_ring(struct weft_hub *hub, uint32_t from, uint32_t to);

/* Something lies in the ring from `from` to `to`, or has left the other one. */
void weft_otp__hub_ready(struct weft_hub *hub, uint32_t from, uint32_t to);

/* Names. EXISTS (*pid is the holder), NOMEM */
int weft_otp__hub_name_set(struct weft_hub *hub, const char *text, weft_pid *pid);
void weft_otp__hub_name_clear(struct weft_hub *hub, const char *text, weft_pid pid);
weft_pid weft_otp__hub_name_get(struct weft_hub *hub, const char *text);

/* Nodes. The peer of that name, made when `make` is set. INVAL, FULL, NOMEM, NOT_FOUND */
int weft_otp__hub_peer(struct weft_hub *hub, const char *name, bool make, struct peer **out);
/* What an index means; NULL: nothing. */
const struct node_entry *weft_otp__hub_entry(struct weft_hub *hub, uint32_t index);
/* The index of a life of `peer`, the one it has or a new one. FULL, NOMEM */
int weft_otp__hub_life(struct weft_hub *hub, struct peer *peer, uint32_t creation, uint16_t *index);
/* peer->newest. */
uint16_t weft_otp__hub_newest(struct weft_hub *hub, const struct peer *peer);
/* Whether `entry` is a life that is known to be over: its node is connected, in another one. */
bool weft_otp__hub_over(const struct node_entry *entry);

#endif
