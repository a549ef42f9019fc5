/* DHT: Kademlia as a pure step machine speaking BitTorrent KRPC.
 *
 * An event goes in with the time; what is to be done comes out through a sink, as data. It opens
 * no socket, sets no timer, reads no clock. Around it stands a process (core/dht/service.h).
 *
 * Sources: Maymounkov and Mazieres, "Kademlia" (2002): buckets, lookup, replacement cache; BEP 5:
 * methods, tokens, bucket refresh; BEP 32: a second table for IPv6; BEP 43: read-only nodes; BEP
 * 44: immutable items; Jimenez et al., "Sub-second lookups on a large-scale Kademlia-based overlay"
 * (2011): only responsive nodes in the table.
 *
 * Rules beyond the BEPs, each because a deployed implementation lacks it and suffers:
 *   R1  a contact is handed out only after it answered a query of ours
 *   R2  a reply that matches no pending query by transaction id and address changes nothing
 *   R3  a new contact is asked within `verify_after`; one that stops answering is forgotten within
 *       `forget_after`; the replacement cache may keep it, tells nobody of it, and asks it before
 * it is a contact again R4  queries are limited per source address and in all; above either, they
 * are dropped silently R5  a malformed packet changes no table; a malformed query may be answered
 * with error 203 R6  an unknown method is answered with error 204 R7  replies fit
 * WEFT_KRPC_SIZE_MAX bytes and carry `ip`, the address we saw R8  read-only senders (ro = 1) are
 * answered and never enter a table */
#ifndef WEFT_DHT_DHT_H
#define WEFT_DHT_DHT_H

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/time.h"
#include "core/dht/book.h"
#include "core/env/trace.h"

#include <stdbool.h>
#include <stdint.h>

/* Every 0 means the default in brackets. */
struct weft_dht_config {
    uint32_t k;                    /* bucket size, replicas, closest returned [8], <= K_MAX */
    uint32_t alpha;                /* parallel queries of a lookup [3], <= ALPHA_MAX */
    bool read_only;                /* BEP 43: ask, do not serve */
    bool v4, v6;                   /* families served; both false means v4 */
    weft_duration query_timeout;   /* [2 s] give up a query */
    weft_duration query_slow;      /* [1 s] a lookup stops counting it among alpha, and goes on */
    weft_duration verify_after;    /* [1 s] R3 */
    weft_duration stale_after;     /* [25 s] a silent contact is asked; with 2 failures it goes */
    weft_duration forget_after;    /* [60 s] R3: the promise; stale_after plus retries fit in it */
    weft_duration refresh_after;   /* [15 min] a bucket without a lookup is refreshed (BEP 5) */
    weft_duration peer_lifetime;   /* [30 min] announced peers */
    weft_duration item_lifetime;   /* [2 h] items (BEP 44) */
    weft_duration republish_after; /* [25 min] own announces and puts; keep below the lifetimes */
    weft_duration token_rotation;  /* [5 min] a token is good for one to two of these (BEP 5) */
    uint32_t keys_max;             /* [KEYS_MAX] stored info-hashes and items */
    uint32_t peers_max;            /* [PEERS_MAX] of an info-hash */
    uint32_t pending_max;          /* [PENDING_MAX] */
    uint32_t source_rate;          /* [50/s] queries answered of one address */
    uint32_t source_burst;         /* [200] */
    uint32_t global_rate;          /* [0: no limit] queries answered in all, a second */
    uint32_t global_burst;         /* [2 * global_rate] */
    uint32_t sources_max;          /* [SOURCES_MAX] addresses watched */
    bool refuse_martians;          /* drop loopback, multicast, port 0 and unspecified senders;
                                      off by default: a test network may live on loopback */
    unsigned char version[4];      /* `v`; all zero: "WF" 0 1 */
    struct weft_dht_book *book;    /* shared with other machines, outlives them all; NULL: none */
    bool shared; /* it is filled in (below) and outlives the machine: not copied */
};

/* Every 0 becomes its default, what is too much its maximum. */
void weft_dht_config_fill(struct weft_dht_config *config);

/* How an operation ended. `op` is the caller's number. */
struct weft_dht_result {
    uint64_t op;
    enum weft_lookup_kind kind; /* what was looked up */
    bool stores;                /* it was an announce or a put */
    int status;                 /* WEFT_OK; WEFT_ERR_NOT_FOUND (no value; for NODES: nobody
                                   answered); WEFT_ERR_FULL (LOOKUPS_MAX);
                                   WEFT_ERR_TIMEOUT (a store nobody accepted) */
    weft_id target;
    const struct weft_contact *closest; /* up to k of each family that answered, closest first */
    size_t closest_count;
    const struct weft_addr *peers; /* PEERS: distinct peers */
    size_t peers_count;
    struct weft_bytes value;          /* VALUE: the bencoded item, checked against the key */
    uint32_t stored;                  /* nodes that accepted an announce or a put */
    uint32_t queries, replies, depth; /* asked, answered; hops from the own table to the closest */
    weft_duration took;
};

/* What the machine asks to be done. Called during a step; must not call into the machine. */
struct weft_dht_sink {
    void *ctx;
    /* Send one packet. `data` is borrowed for the call. */
    void (*send)(void *ctx, const struct weft_addr *to, struct weft_bytes data);
    /* An operation ended. `result` is borrowed for the call. */
    void (*done)(void *ctx, const struct weft_dht_result *result);
    /* A fact for the trace: one of the DHT_... and LOOKUP_... kinds, fields as in the table. */
    void (*fact)(void *ctx, enum weft_trace_kind kind, const uint64_t *numbers, size_t count,
                 struct weft_bytes bytes);
};

enum weft_dht_event_kind {
    WEFT_DHT_RECEIVE = 1, /* from, data */
    WEFT_DHT_TIMER,       /* the time next_at named has come */
    WEFT_DHT_ADD,         /* addr: a contact to try (bootstrap); its id is not known yet */
    WEFT_DHT_FIND_NODES,  /* op, target: the k closest nodes */
    WEFT_DHT_GET_PEERS,   /* op, target */
    WEFT_DHT_ANNOUNCE,    /* op, target, port (0: implied port), repeat */
    WEFT_DHT_GET,         /* op, target */
    WEFT_DHT_PUT,         /* op, data: the bencoded value, <= ITEM_SIZE_MAX; repeat; the result's
                             target is its key */
    WEFT_DHT_WITHDRAW     /* target: stop repeating an announce or a put */
};

struct weft_dht_event {
    enum weft_dht_event_kind kind;
    weft_time now;
    uint64_t op;
    struct weft_addr addr;
    struct weft_bytes data;
    weft_id target;
    uint16_t port;
    bool repeat; /* announce or put again every republish_after, until WITHDRAW */
};

struct weft_dht;

/* A machine with an empty table. `seed` feeds its private stream (targets, jitter, transaction ids,
 * token secrets): give it entropy. All memory comes from `mem`, which must outlive it.
 *   WEFT_ERR_INVAL  k or alpha above their maximum
 *   WEFT_ERR_NOMEM */
int weft_dht_new(const struct weft_dht_config *config, const weft_id *id, uint64_t seed,
                 weft_time now, struct weft_mem *mem, struct weft_dht **out);

void weft_dht_free(struct weft_dht *dht);

/* One event. Time never goes back. Operations end through sink->done, each exactly once; those with
 * a bad event end before the call returns. Returns
 *   WEFT_OK
 *   WEFT_ERR_MALFORMED, WEFT_ERR_TOO_BIG, WEFT_ERR_RATE, WEFT_ERR_NOT_FOUND (unsolicited reply),
 *   WEFT_ERR_DENIED (martian)  RECEIVE: the packet was refused and changed no table (DHT_DROPPED)
 *   WEFT_ERR_NOMEM             the machine is as before, or lost only the packet */
int weft_dht_step(struct weft_dht *dht, const struct weft_dht_event *event,
                  const struct weft_dht_sink *sink);

/* When a TIMER is wanted; WEFT_TIME_NEVER if never. */
weft_time weft_dht_next_at(const struct weft_dht *dht);

/* A step comes very soon: bring into the cache what it will read, in steps 0 and 1. */
void weft_dht_fetch(const struct weft_dht *dht, unsigned step);

const weft_id *weft_dht_id(const struct weft_dht *dht);

struct weft_dht_stats {
    uint32_t contacts4, contacts6; /* verified, in buckets */
    uint32_t candidates;           /* not verified yet, or in replacement caches */
    uint32_t buckets;
    uint32_t lookups, pending, keys, values, sources;
    uint64_t received, sent, answered, malformed, unsolicited, rate_limited, timeouts;
};

void weft_dht_stats(const struct weft_dht *dht, struct weft_dht_stats *stats);

/* Of these, what is asked for after each step. */
struct weft_dht_size {
    uint32_t contacts4, contacts6, buckets;
};

struct weft_dht_size weft_dht_size(const struct weft_dht *dht);

/* The up to `max` verified contacts of `family` closest to `target`, closest first. Returns how
 * many. What find_node answers with. */
size_t weft_dht_closest(const struct weft_dht *dht, const weft_id *target, enum weft_family family,
                        struct weft_contact *out, size_t max);

struct weft_contact_info {
    struct weft_contact contact;
    bool verified, in_cache;
    uint32_t failures;
    weft_duration silent; /* since it last answered; 0 if never */
    uint32_t bucket;      /* index of the bucket: shared prefix bits, the deepest holds the rest */
};

/* Every contact, bucket by bucket, and who is being asked whether it may become one. `fn` must not
 * call into the machine. */
void weft_dht_each(const struct weft_dht *dht, weft_time now,
                   void (*fn)(void *ctx, const struct weft_contact_info *info), void *ctx);

/* The verified contacts and the own id as bytes with a version and a checksum, at most `capacity`.
 * Returns the size needed; nothing is written when it exceeds `capacity`. */
size_t weft_dht_save(const struct weft_dht *dht, unsigned char *out, size_t capacity);

/* Read what weft_dht_save wrote: the id in it, and its contacts as candidates to verify first.
 *   WEFT_ERR_CORRUPT    checksum or shape is wrong: nothing was loaded
 *   WEFT_ERR_UNSUPPORTED  a version from the future */
int weft_dht_saved_id(struct weft_bytes saved, weft_id *id);
int weft_dht_load(struct weft_dht *dht, struct weft_bytes saved, weft_time now);

#endif
