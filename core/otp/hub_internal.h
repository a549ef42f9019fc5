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
    uint32_t lives;             /* under the lock: its indices but for generic */
    uint32_t born;              /* under the lock: lives that had one of them, ever */
    uint16_t current;           /* the carrier's: index of the life connected to */
    uint32_t downs;             /* the carrier's: NODE_DOWNs told, ever */
    atomic_uint state;          /* enum peer_state */
    atomic_uint creation;       /* of the life connected to; 0: of none */
    atomic_size_t queued;       /* bytes on their way to it, from every scheduler */
    atomic_uint_fast64_t stale; /* bit k: what scheduler k sent before it heard of the last
                                   NODE_DOWN may still come, and is dropped */
    struct far_node *far;       /* carrier: its connection */
    char name[];
};

/* What an index in the upper bits of a pid means. It is of one peer for ever. When that has had
 * WEFT_LIVES_MAX lives, or all indices are in use, its next life takes the index of the one that
 * came first, and the carrier changes what is atomic.
 *
 * I1  nobody is tied to a life that is not connected, but for what waits to be sent to it: whoever
 *     was has been told when the node was lost
 * I2  a pid that was known before the index had another life leads to no process of that one:
 *     serials of pids are shown moved on by `veil`, which is far from those it had before */
struct node_entry {
    struct peer *peer;    /* never changes */
    atomic_uint creation; /* 0: peer->generic, any life */
    atomic_uint veil;     /* < PID_SERIAL_MAX; 0 for the first life */
    uint32_t times;       /* under the lock: how often it was used again */
    uint32_t born;        /* under the lock: how many lives the peer had before */
    uint16_t older;       /* index of another life of the peer; 0: none. Never changes */
};

/* A pid as its own node knows it, from how it is known here, and back. The index of the node is
 * not in the first. */
uint64_t weft_otp__pid_there(const struct node_entry *entry, uint64_t here);
uint64_t weft_otp__pid_here(const struct node_entry *entry, uint32_t index, uint64_t there);

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
    bool (*hold)(void *ctx, uint32_t from, uint32_t to);
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
/* All of them, by peer->next; others may be made in front meanwhile. NULL: none. */
struct peer *weft_otp__hub_peers(struct weft_hub *hub);
/* What an index means; NULL: nothing. */
const struct node_entry *weft_otp__hub_entry(struct weft_hub *hub, uint32_t index);
/* The carrier's, of a peer that is not UP: the index of a life of it, the one it has or another.
 * FULL, NOMEM */
int weft_otp__hub_life(struct weft_hub *hub, struct peer *peer, uint32_t creation, uint16_t *index);
/* A pid that a life of `peer` gave, as it is known here: *pid is that, and becomes this. FULL,
 * NOMEM: the life is not known, nor can it be. */
int weft_otp__hub_pid_take(struct weft_hub *hub, struct peer *peer, uint32_t creation,
                           uint64_t *pid);
/* The opposite: the life's creation. */
uint32_t weft_otp__hub_pid_give(struct weft_hub *hub, uint64_t *pid);
/* peer->newest. */
uint16_t weft_otp__hub_newest(struct weft_hub *hub, const struct peer *peer);
/* Whether `entry` is a life that is known to be over: its node is connected, in another one. */
bool weft_otp__hub_over(const struct node_entry *entry);

#endif
