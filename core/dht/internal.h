/* What the DHT's files share. Nothing outside core/dht includes it.
 *
 *   contact.c  one contact in its compact form        table.c    buckets, closest, insertion
 *   book.c     who is where, of one machine
 *   bucket.c   contacts and cache of one bucket       check.c    stale contacts are asked
 *   newcomer.c contacts to verify                     lost.c     contacts lost, asked again later
 *   query.c    queries under way                      receive.c  packets in
 *   lookup.c   candidates and progress                lookup_end.c  results, stores
 *   operation.c what callers ask for                  repeat.c   announces and puts again
 *   answer.c   parts all answers share                ping.c ... item_put.c  one RPC each
 *   storage.c  peers and items of others              token.c, rate.c, save.c, join.c, refresh.c
 */
#ifndef WEFT_DHT_INTERNAL_H
#define WEFT_DHT_INTERNAL_H

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/rand.h"
#include "core/dht/dht.h"
#include "core/wire/krpc.h"

/* Policy without a setting; docs/dht.md lists the numbers. */
#define DHT_CHECK_EARLY 32          /* a contact may be asked this part of stale_after too early */
#define DHT_RETRY_GAP_MAX WEFT_S(5) /* between the first failure of a contact and the retry */
#define DHT_FAILURES_MAX 2          /* a contact goes at this many */
#define DHT_NEWCOMERS_MAX WEFT_LIMIT(64, 2) /* waiting to be verified, from the network */
#define DHT_LOADED_MAX WEFT_LIMIT(512, 4)   /* the same, from a saved table */
#define DHT_NEWCOMER_RETRY WEFT_S(2)
#define DHT_NEWCOMER_TRIES 2
#define DHT_COOLING WEFT_S(30)         /* a newcomer that did not answer is not asked again */
#define DHT_LOST_MAX WEFT_LIMIT(16, 2) /* addresses of contacts lost, tried again */
#define DHT_LOST_RETRY WEFT_S(10)      /* doubled after each try */
#define DHT_ADDED_RETRY WEFT_S(2)      /* the same for an address the caller gave */
#define DHT_LOST_TRIES 10
#define DHT_REFRESH_SPACING WEFT_S(1) /* between refreshes of a table */
#define DHT_REFRESH_SOON WEFT_S(5)    /* a bucket made by a split, at the earliest */
#define DHT_REFRESH_SPREAD WEFT_S(10) /* and at most this much later */
#define DHT_PASSED_MAX 16             /* nodes lately passed over by lookups, remembered */
#define DHT_FILL_TRIES 16             /* questions to fill a bucket that is not full */
#define DHT_JOIN_RETRY WEFT_S(5)      /* the second self lookup; then doubled */
#define DHT_JOIN_RETRY_MAX WEFT_S(60)
#define DHT_JOIN_FAR 3              /* contacts asked with each self lookup */
#define DHT_JOIN_REFRESHES 8        /* self lookups in each refresh_after, once settled */
#define DHT_REPEAT_RETRY WEFT_S(60) /* an announce or a put that nobody accepted */
#define DHT_CANDIDATES_PER_K 8      /* of a lookup, of each family */
#define DHT_QUERIES_PER_K 32 /* of a lookup: one liar could name ever closer nodes for ever */
#define DHT_TID_SIZE 4
#define DHT_TOKEN_SIZE 8
#define DHT_REPLY_OVERHEAD 200 /* bytes of a reply beside nodes, values and value */
#define DHT_OP_INTERNAL WEFT_TRACE_OP_OWN
#define DHT_NONE UINT16_MAX

/* Milliseconds since the machine started, modulo 2^32. Two ticks are compared by the sign of
 * their difference; those kept are within days of each other (R3 drops the silent). */
typedef uint32_t weft_dht__tick;

/* The longest distance, 12 days: what is added to it still lies ahead. */
#define DHT_TICKS_MAX (INT32_MAX / 2)

/* An array that starts empty. */
struct weft_dht__array {
    void *items;
    uint32_t count, capacity;
};

/* flags of a contact */
enum { DHT_CONTACT_ASKED = 1, DHT_CONTACT_VERIFIED = 2 };

/* Who it is stands in the book; the hints tell most who are not it without a look there.
 * I1  in a bucket: VERIFIED, and failures < DHT_FAILURES_MAX (R1).
 * I2  in a cache: VERIFIED only if it answered at `answered`. */
struct weft_dht__contact {
    uint32_t entry;          /* in the book: taken */
    weft_dht__tick answered; /* its last answer to us */
    weft_dht__tick due;      /* when to ask it */
    uint16_t addr_hint;      /* weft_dht__addr_hint */
    uint8_t id_hint;         /* the last byte of the id */
    uint8_t failures : 4;    /* in a row */
    uint8_t flags : 4;
};

_Static_assert(sizeof(struct weft_dht__contact) == 16, "a million nodes know 200 million");

/* I3  from table->block[first] on it has room for `capacity`: `count` contacts, then
 *     `cached` ones of the replacement cache, newest last.
 * I4  count <= k; cached <= max(1, k / 4); count + cached <= capacity. */
struct weft_dht__bucket {
    weft_dht__tick due;     /* no contact is due before; meaningless when count is 0 */
    weft_dht__tick refresh; /* when a lookup in it is wanted */
    uint16_t first;
    uint8_t count, cached, capacity;
    uint8_t tries; /* to fill it, left; `refresh` is then the time of the next */
};

_Static_assert(WEFT_ID_BITS *(WEFT_DHT_K_MAX + WEFT_DHT_K_MAX / 4 + 2) <= UINT16_MAX, "of first");

/* I5  bucket i < bucket_count - 1 holds ids sharing exactly i bits with the own id; the last all
 *     that share more. It alone is split.
 * I6  contacts and cached are the sums over the buckets.
 * I7  the buckets' rooms follow one another in `block`; block_used is their sum. Whatever makes
 *     room, or takes it, moves contacts. */
struct weft_dht__table {
    struct weft_dht__bucket *buckets;
    struct weft_dht__contact *block;
    weft_time due;         /* no contact is due before */
    weft_time refresh_due; /* no refresh is due before */
    uint32_t bucket_count, contacts, cached;
    uint16_t block_used, block_capacity;
    uint8_t bucket_capacity;
    uint8_t family; /* NONE: not served */
};

enum weft_dht__newcomer_state { DHT_NEWCOMER_WAITS = 1, DHT_NEWCOMER_ASKED, DHT_NEWCOMER_COOLS };

struct weft_dht__newcomer {
    weft_id id;
    struct weft_addr addr;
    weft_dht__tick due;
    uint8_t state, tries;
};

struct weft_dht__lost {
    struct weft_addr addr;
    weft_dht__tick due;
    uint8_t tries;
    bool added; /* given by the caller, and never answered */
};

enum weft_dht__purpose {
    DHT_ASK_CHECK = 1, /* a contact: is it there? */
    DHT_ASK_VERIFY,    /* a newcomer */
    DHT_ASK_ADD,       /* an address without an id */
    DHT_ASK_FILL,      /* a contact: whom else does it know in its bucket? */
    DHT_ASK_BESIDE,    /* a contact: whom does it know beside itself? */
    DHT_ASK_AROUND,    /* one of those: whom does it know around us? */
    DHT_ASK_LOOKUP,
    DHT_ASK_STORE
};

/* A query under way. I7: linked by `next` in the order sent. */
struct weft_dht__query {
    weft_id id; /* who we believe is there; unless ADD */
    struct weft_addr to;
    weft_time sent;
    uint32_t serial; /* of the lookup */
    uint16_t lookup; /* its slot; DHT_NONE */
    uint16_t nonce, prev, next;
    uint8_t purpose; /* enum weft_dht__purpose; 0: a free slot */
};

struct weft_dht__pending {
    struct weft_dht__query *slots;
    uint16_t capacity, count, head, tail, free;
    uint16_t slow; /* the first that may become slow; DHT_NONE */
};

enum weft_dht__candidate_state {
    DHT_FRESH = 1,
    DHT_ASKED,
    DHT_SLOW, /* asked, no longer counted among alpha */
    DHT_ANSWERED,
    DHT_FAILED,
    DHT_STORING,
    DHT_STORED
};

struct weft_dht__candidate {
    unsigned char *token;
    weft_id id;
    struct weft_addr addr;
    uint8_t state, depth, token_size;
};

/* I8  each list is sorted by distance to the target and holds an id once.
 * I9  active <= outstanding: queries counted among alpha, queries under way. */
struct weft_dht__lookup {
    uint64_t op;
    weft_id target;
    weft_time started;
    struct weft_dht__array lists[2]; /* candidates, v4 and v6 */
    struct weft_dht__array peers;    /* struct weft_addr, sorted by bytes */
    unsigned char *value;            /* found, or to be stored */
    uint32_t value_size, serial, queries, replies, stored;
    uint16_t slot, active, outstanding, port;
    uint8_t kind;  /* enum weft_lookup_kind */
    uint8_t store; /* enum weft_store_kind, 0: none */
    bool storing;  /* the search is over and was told */
    bool gave[2];  /* a contact to the bucket of the target, of each family */
    bool internal; /* nobody waits for `done` */
};

/* A key with what is stored under it. */
struct weft_dht__stored {
    weft_id key;
    uint8_t kind;                 /* enum weft_store_kind */
    weft_dht__tick expires;       /* items */
    struct weft_dht__array peers; /* struct weft_dht__peer, earliest expiry first */
    unsigned char *value;
    uint32_t value_size;
};

struct weft_dht__peer {
    struct weft_addr addr;
    weft_dht__tick expires;
};

struct weft_dht__repeat {
    weft_id key;
    weft_time due;
    unsigned char *value; /* a put */
    uint32_t value_size;
    uint16_t port;
    uint8_t store;
};

/* A source whose bucket of allowance is not full. */
struct weft_dht__source {
    uint64_t hash;      /* of the host; 0: free */
    uint32_t allowance; /* thousandths of a query */
    weft_dht__tick at;
};

struct weft_dht__rate {
    struct weft_dht__source *sources;
    uint64_t global; /* thousandths of a query */
    weft_dht__tick global_at;
    uint32_t capacity, count;
};

/* When something is to be done, but for queries and tables; WEFT_TIME_NEVER: nothing. */
struct weft_dht__due {
    weft_time newcomers, lost, stored, repeats;
    weft_time join; /* the next self lookup */
};

struct weft_dht__join {
    weft_time through;   /* not before: a look around from one answer */
    weft_duration delay; /* before the self lookup after the next */
    uint64_t seen;       /* hash of the closest found last */
    bool running, joined, settled;
};

/* What each packet asks for stands first and together: in a simulation the node is in no cache. */
struct weft_dht {
    const struct weft_dht_sink *sink;     /* during a step */
    const struct weft_dht_config *config; /* every default filled in */
    weft_time start, now;
    weft_time next; /* weft_dht_next_at; right between steps */
    weft_id id;
    uint32_t lookups_count;
    weft_dht__tick tick;        /* of `now` */
    struct weft_dht_book *book; /* its own, unless the configuration has one */
    struct weft_dht__pending pending;
    struct weft_dht__table tables[2]; /* v4, v6 */
    struct weft_dht__due due;
    struct weft_dht__array newcomers; /* struct weft_dht__newcomer */
    struct weft_dht__array lost;      /* struct weft_dht__lost */
    uint64_t received, sent, answered;
    struct weft_rand rand;
    struct weft_hash_key secret; /* tokens, sources */
    struct weft_dht__rate rate;
    struct weft_dht__array lookups; /* struct weft_dht__lookup *, by slot, NULL when free */
    uint32_t lookup_serial;
    bool stalled;                    /* a lookup waits for room among the pending */
    uint32_t passed[DHT_PASSED_MAX]; /* hashes of addresses: see weft_dht__passed_over */
    uint32_t passed_next;
    uint32_t values;                /* peers and items stored */
    struct weft_dht__array stored;  /* struct weft_dht__stored *, sorted by key, then kind */
    struct weft_dht__array repeats; /* struct weft_dht__repeat */
    struct weft_dht__join join;
    struct weft_mem *mem;
    struct weft_dht_config *own_config; /* NULL: it is shared */
    uint64_t op_internal;
    uint64_t malformed, unsolicited, rate_limited, timeouts;
};

/* --- dht.c --- */

/* Outside of a step something was set to be done. */
void weft_dht__next_set(struct weft_dht *dht);

/* Room for `count` items in all. False when there is no memory; nothing changed. */
bool weft_dht__reserve(struct weft_dht *dht, struct weft_dht__array *array, uint32_t count,
                       size_t item_size);
void weft_dht__array_free(struct weft_dht *dht, struct weft_dht__array *array, size_t item_size);

void weft_dht__now_set(struct weft_dht *dht, weft_time now); /* not before `start` */
static inline weft_dht__tick weft_dht__tick_now(const struct weft_dht *dht) { return dht->tick; }
weft_dht__tick weft_dht__ticks(weft_duration duration); /* rounded up, <= DHT_TICKS_MAX */
weft_time weft_dht__tick_time(const struct weft_dht *dht, weft_dht__tick tick);
static inline bool weft_dht__tick_reached(weft_dht__tick due, weft_dht__tick now) {
    return (int32_t)(due - now) <= 0;
}

/* A duration in [0, bound), 0 for bound 0. */
weft_duration weft_dht__jitter(struct weft_dht *dht, weft_duration bound);

void weft_dht__fact(struct weft_dht *dht, enum weft_trace_kind kind, const uint64_t *numbers,
                    size_t count, struct weft_bytes bytes);

/* The table of `family`, NULL when it is not served. */
static inline struct weft_dht__table *weft_dht__table_of(struct weft_dht *dht, unsigned family) {
    if (family == WEFT_FAMILY_NONE) return NULL;
    struct weft_dht__table *table = &dht->tables[family == WEFT_FAMILY_V6];
    return table->family == family ? table : NULL;
}

/* May a contact live there: a served family, a port, a unicast host. */
bool weft_dht__addr_usable(const struct weft_dht *dht, const struct weft_addr *addr);
bool weft_dht__addr_martian(const struct weft_addr *addr);

/* --- book.c --- */
/* NULL: no memory. */
struct weft_dht_book *weft_dht__book_new(struct weft_mem *mem);
void weft_dht__book_free(struct weft_dht_book *book);

/* --- contact.c --- */
static inline const struct weft_contact *weft_dht__who(const struct weft_dht *dht,
                                                       const struct weft_dht__contact *contact) {
    WEFT_ASSERT(contact->entry > 0);
    return weft_dht_book_at(dht->book, contact->entry);
}

static inline uint16_t weft_dht__addr_hint(const struct weft_addr *addr) {
    uint64_t halves[2];
    memcpy(halves, addr->ip, sizeof halves);
    uint64_t mixed = (halves[0] ^ halves[1] ^ addr->port) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint16_t)(mixed >> 48);
}

static inline uint8_t weft_dht__id_hint(const weft_id *id) { return id->bytes[WEFT_ID_SIZE - 1]; }

static inline bool weft_dht__contact_is(const struct weft_dht *dht,
                                        const struct weft_dht__contact *contact,
                                        const weft_id *id) {
    return contact->id_hint == weft_dht__id_hint(id) &&
           weft_id_equal(&weft_dht__who(dht, contact)->id, id);
}

static inline bool weft_dht__contact_at(const struct weft_dht *dht,
                                        const struct weft_dht__contact *contact,
                                        const struct weft_addr *addr) {
    return contact->addr_hint == weft_dht__addr_hint(addr) &&
           weft_addr_equal(&weft_dht__who(dht, contact)->addr, addr);
}

/* Its compact form (BEP 5, BEP 32); returns the end of it. */
static inline unsigned char *weft_dht__contact_write(const struct weft_contact *who,
                                                     unsigned char *out) {
    size_t ip_size = who->addr.family == WEFT_FAMILY_V4 ? 4 : 16;
    memcpy(out, who->id.bytes, WEFT_ID_SIZE);
    memcpy(out + WEFT_ID_SIZE, who->addr.ip, ip_size);
    out += WEFT_ID_SIZE + ip_size;
    out[0] = (unsigned char)(who->addr.port >> 8);
    out[1] = (unsigned char)who->addr.port;
    return out + 2;
}

/* What is known of a contact that is to be placed. */
struct weft_dht__seen {
    const weft_id *id;
    const struct weft_addr *addr;
    bool verified;
    weft_dht__tick answered;
};

/* Its entry is taken. False: no memory; nothing was. */
bool weft_dht__contact_init(struct weft_dht *dht, struct weft_dht__contact *contact,
                            const struct weft_dht__seen *seen, weft_dht__tick due);

/* --- bucket.c --- */
static inline struct weft_dht__contact *weft_dht__bucket_at(const struct weft_dht__table *table,
                                                            const struct weft_dht__bucket *bucket,
                                                            uint32_t index) {
    WEFT_ASSERT(index < bucket->capacity);
    return &table->block[bucket->first + index];
}
/* The first of them, for a walk over its contacts; NULL: it has no room. */
static inline struct weft_dht__contact *
weft_dht__bucket_begin(const struct weft_dht__table *table, const struct weft_dht__bucket *bucket) {
    WEFT_ASSERT(bucket->count <= bucket->capacity); /* I4 */
    return bucket->capacity > 0 ? table->block + bucket->first : NULL;
}
/* Index of `id` among contacts and cache, -1 when absent. */
int weft_dht__bucket_find(const struct weft_dht *dht, const struct weft_dht__table *table,
                          const struct weft_dht__bucket *bucket, const weft_id *id);
/* `contact`, of no bucket, copied behind the contacts. False: no memory. count < k. */
bool weft_dht__bucket_add(struct weft_dht *dht, struct weft_dht__table *table,
                          struct weft_dht__bucket *bucket, const struct weft_dht__contact *contact);
/* Take out contact or cache entry `index`, which somebody else has now. */
void weft_dht__bucket_give(struct weft_dht__table *table, struct weft_dht__bucket *bucket,
                           uint32_t index);
/* Take out contact or cache entry `index`: its entry in the book is dropped. */
void weft_dht__bucket_remove(struct weft_dht *dht, struct weft_dht__table *table,
                             struct weft_dht__bucket *bucket, uint32_t index);
/* Remember a contact there is no room for: the newest replaces the oldest, but one never verified
 * replaces none that was. */
void weft_dht__bucket_cache(struct weft_dht *dht, struct weft_dht__table *table,
                            struct weft_dht__bucket *bucket, const struct weft_dht__seen *seen);
uint32_t weft_dht__cache_max(const struct weft_dht *dht);

/* --- table.c --- */
int weft_dht__table_init(struct weft_dht *dht, struct weft_dht__table *table, uint8_t family);
void weft_dht__table_free(struct weft_dht *dht, struct weft_dht__table *table);
/* The bucket of those who share `prefix` bits with the own id. */
static inline struct weft_dht__bucket *weft_dht__table_at(const struct weft_dht__table *table,
                                                          uint32_t prefix) {
    WEFT_ASSERT(table->bucket_count > 0);
    uint32_t last = table->bucket_count - 1;
    return &table->buckets[prefix < last ? prefix : last]; /* I5 */
}
static inline struct weft_dht__bucket *weft_dht__table_bucket(const struct weft_dht *dht,
                                                              const struct weft_dht__table *table,
                                                              const weft_id *id) {
    return weft_dht__table_at(table, (uint32_t)weft_id_prefix(&dht->id, id));
}
/* The verified contact with `id`, or NULL. */
struct weft_dht__contact *weft_dht__table_find(const struct weft_dht *dht,
                                               const struct weft_dht__table *table,
                                               const weft_id *id);
/* The same in its bucket. */
struct weft_dht__contact *weft_dht__bucket_contact(const struct weft_dht *dht,
                                                   const struct weft_dht__table *table,
                                                   const struct weft_dht__bucket *bucket,
                                                   const weft_id *id);
/* Is there a place for `id`, perhaps after a split? */
bool weft_dht__table_has_room(const struct weft_dht *dht, const struct weft_dht__table *table,
                              const weft_id *id);
/* Is it another bucket than the last? Then what lookups find in it is not taken freely: the nodes
 * around a target are a cluster, and a bucket of clusters makes lookups longer than one of nodes
 * drawn at random (docs/dht.md). */
bool weft_dht__table_is_far(const struct weft_dht__table *table,
                            const struct weft_dht__bucket *bucket);
/* Nodes that answered a lookup and were not taken, for they are a cluster, ask us back at once to
 * verify us: they are not taken for that either. */
void weft_dht__pass_over(struct weft_dht *dht, const struct weft_addr *addr);
bool weft_dht__passed_over(const struct weft_dht *dht, const struct weft_addr *addr);
/* Up to `max` (<= K_MAX) contacts closest to `target`, closest first, without `except` (or NULL).*/
size_t weft_dht__table_closest(const struct weft_dht *dht, const struct weft_dht__table *table,
                               const weft_id *target, const weft_id *except,
                               const struct weft_contact **out, size_t max);
/* Somebody answered a query of ours. */
struct weft_dht__answerer {
    const weft_id *id;
    const struct weft_addr *addr;
    const weft_id *expected; /* who we believed to be there, or NULL */
    bool may_enter;          /* become a contact, if it is none */
};

void weft_dht__table_answered(struct weft_dht *dht, const struct weft_dht__answerer *answerer);
/* A contact asked us something: it lives (BEP 5), and is asked later itself; but never so late
 * that, should it hear us no more, it could not be forgotten within forget_after of its last
 * answer. */
void weft_dht__table_heard(struct weft_dht *dht, struct weft_dht__contact *contact);
/* A query to a contact, sent at `sent`, was not answered. Nothing if it is no contact. */
void weft_dht__table_failed(struct weft_dht *dht, const weft_id *id, const struct weft_addr *addr,
                            weft_time sent);
/* Remember `seen` in the cache of its full bucket, and ask the bucket's least recently answered. */
void weft_dht__table_overflow(struct weft_dht *dht, struct weft_dht__table *table,
                              const struct weft_dht__seen *seen);
/* A place is free: fill it from the cache of the bucket of `id`. */
void weft_dht__table_fill(struct weft_dht *dht, struct weft_dht__table *table, const weft_id *id);

/* --- check.c --- */
void weft_dht__check_run(struct weft_dht *dht, struct weft_dht__table *table);
/* `contact`'s due was set. */
void weft_dht__check_due(struct weft_dht *dht, struct weft_dht__table *table,
                         struct weft_dht__bucket *bucket, weft_dht__tick due);
/* Ask `contact`, unless it answered lately or is being asked. Lately: within the shortest time
 * after which it is asked anyway, so that strangers cannot make us ask more often. */
void weft_dht__check_contact(struct weft_dht *dht, struct weft_dht__contact *contact);
/* The same for the bucket's least recently answered. */
void weft_dht__check_oldest(struct weft_dht *dht, const struct weft_dht__table *table,
                            const struct weft_dht__bucket *bucket);

/* --- newcomer.c --- */
/* A node seen but not verified: wait to be asked, or the cache, or nothing. */
void weft_dht__newcomer_offer(struct weft_dht *dht, const weft_id *id,
                              const struct weft_addr *addr);
/* The same of one who is known to be no contact. */
void weft_dht__newcomer_unknown(struct weft_dht *dht, const weft_id *id,
                                const struct weft_addr *addr);
/* The same for a saved contact: more of them are taken. False: no room or no memory. */
bool weft_dht__newcomer_load(struct weft_dht *dht, const weft_id *id, const struct weft_addr *addr);
void weft_dht__newcomer_answered(struct weft_dht *dht, const struct weft_addr *addr);
void weft_dht__newcomer_failed(struct weft_dht *dht, const struct weft_addr *addr);
void weft_dht__newcomer_run(struct weft_dht *dht);

/* --- lost.c --- */
void weft_dht__lost_add(struct weft_dht *dht, const struct weft_addr *addr, bool added);
/* It answered: true when it was among the lost. */
bool weft_dht__lost_found(struct weft_dht *dht, const struct weft_addr *addr);
void weft_dht__lost_run(struct weft_dht *dht);

/* --- query.c --- */
/* Send `msg` (method and arguments set) and await the answer as `query` says (id, to, purpose,
 * lookup, serial). False when pending_max queries are under way or there is no memory. */
bool weft_dht__query_send(struct weft_dht *dht, const struct weft_dht__query *query,
                          struct weft_krpc *msg);
/* The query that `tid` from `from` answers, taken out; false: none (R2). */
bool weft_dht__query_take(struct weft_dht *dht, struct weft_bytes tid, const struct weft_addr *from,
                          struct weft_dht__query *out);
bool weft_dht__query_to(const struct weft_dht *dht, const struct weft_addr *addr);
void weft_dht__query_run(struct weft_dht *dht);
weft_time weft_dht__query_next_at(const struct weft_dht *dht);
void weft_dht__query_free(struct weft_dht *dht);
/* `query` got an error or nothing at all. */
void weft_dht__query_failed(struct weft_dht *dht, const struct weft_dht__query *query);

/* --- receive.c --- */
struct weft_dht__request {
    const struct weft_addr *from;
    const struct weft_krpc *msg;
};

int weft_dht__receive(struct weft_dht *dht, const struct weft_addr *from, struct weft_bytes data);

/* --- lookup.c --- */
/* What to look up. `value` is copied. */
struct weft_dht__task {
    uint64_t op;
    const weft_id *target;
    enum weft_lookup_kind kind;
    unsigned store; /* enum weft_store_kind or 0 */
    struct weft_bytes value;
    const struct weft_krpc *named; /* start at the nodes in it; NULL: at those of the table */
    uint16_t port;
    bool internal;
};

/*   WEFT_ERR_FULL, WEFT_ERR_NOMEM  nothing was started or told */
int weft_dht__lookup_start(struct weft_dht *dht, const struct weft_dht__task *task);
struct weft_dht__lookup *weft_dht__lookup_of(struct weft_dht *dht,
                                             const struct weft_dht__query *query);
void weft_dht__lookup_reply(struct weft_dht *dht, const struct weft_dht__query *query,
                            const struct weft_krpc *msg);
void weft_dht__lookup_failed(struct weft_dht *dht, const struct weft_dht__query *query);
/* Is `id`, found by a lookup of `target`, of a cluster: in the target's far bucket? */
bool weft_dht__lookup_clusters(const struct weft_dht *dht, const struct weft_dht__table *table,
                               const weft_id *target, const weft_id *id);
void weft_dht__lookup_slow(struct weft_dht *dht, const struct weft_dht__query *query);
/* Ask on, store, or end: frees the lookup then. */
void weft_dht__lookup_advance(struct weft_dht *dht, struct weft_dht__lookup *lookup);
/* Room among the pending again. */
void weft_dht__lookup_resume(struct weft_dht *dht);
void weft_dht__lookup_free(struct weft_dht *dht, struct weft_dht__lookup *lookup);

/* --- candidate.c --- */
struct weft_dht__candidate *weft_dht__candidate_at(const struct weft_dht__array *list,
                                                   uint32_t index);
struct weft_dht__array *weft_dht__candidate_list(struct weft_dht__lookup *lookup, unsigned family);
void weft_dht__candidate_add(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                             const struct weft_contact *contact, unsigned depth);
struct weft_dht__candidate *weft_dht__candidate_find(struct weft_dht__lookup *lookup,
                                                     const weft_id *id,
                                                     const struct weft_addr *addr);
/* The closest one to ask, NULL: none. *open: some of the k closest have not answered yet. */
struct weft_dht__candidate *weft_dht__candidate_next(const struct weft_dht *dht,
                                                     struct weft_dht__lookup *lookup, bool *open);

/* --- lookup_end.c --- */
/* The search is over: tell it, then store or tell `done`. Frees the lookup unless it stores. */
void weft_dht__lookup_searched(struct weft_dht *dht, struct weft_dht__lookup *lookup);
/* Store at the next of the k closest, or end. */
void weft_dht__lookup_store(struct weft_dht *dht, struct weft_dht__lookup *lookup);
/* A store was answered, or failed. */
void weft_dht__lookup_stored(struct weft_dht *dht, const struct weft_dht__query *query,
                             bool accepted);

/* --- operation.c --- */
int weft_dht__operation(struct weft_dht *dht, const struct weft_dht_event *event);
int weft_dht__operation_add(struct weft_dht *dht, const struct weft_addr *addr);
uint64_t weft_dht__operation_internal(struct weft_dht *dht);

/* --- repeat.c --- */
/*   WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_dht__repeat_set(struct weft_dht *dht, const struct weft_dht__task *task);
bool weft_dht__repeat_is_set(const struct weft_dht *dht, const struct weft_dht__task *task);
void weft_dht__repeat_drop(struct weft_dht *dht, const weft_id *key);
void weft_dht__repeat_ended(struct weft_dht *dht, const struct weft_dht__lookup *lookup, bool ok);
void weft_dht__repeat_run(struct weft_dht *dht);
void weft_dht__repeat_free(struct weft_dht *dht);

/* --- answer.c and one file per RPC --- */
struct weft_dht__nodes {
    unsigned char v4[WEFT_DHT_K_MAX * WEFT_COMPACT_NODE4_SIZE];
    unsigned char v6[WEFT_DHT_K_MAX * WEFT_COMPACT_NODE6_SIZE];
};

struct weft_krpc weft_dht__answer(const struct weft_dht *dht,
                                  const struct weft_dht__request *request);
/* Fill reply's nodes and nodes6 as wanted, using at most `room` bytes. Returns bytes used. */
size_t weft_dht__answer_nodes(const struct weft_dht *dht, const struct weft_dht__request *request,
                              struct weft_dht__nodes *nodes, struct weft_krpc *reply, size_t room);
void weft_dht__answer_send(struct weft_dht *dht, const struct weft_dht__request *request,
                           struct weft_krpc *reply, const struct weft_krpc_peers *peers);
void weft_dht__answer_error(struct weft_dht *dht, const struct weft_dht__request *request,
                            enum weft_krpc_error code, const char *text);

bool weft_dht__ping_ask(struct weft_dht *dht, const struct weft_dht__query *query);
void weft_dht__ping_answer(struct weft_dht *dht, const struct weft_dht__request *request);
bool weft_dht__find_node_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                             const weft_id *target);
void weft_dht__find_node_answer(struct weft_dht *dht, const struct weft_dht__request *request);
bool weft_dht__get_peers_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                             const weft_id *target);
void weft_dht__get_peers_answer(struct weft_dht *dht, const struct weft_dht__request *request);
void weft_dht__get_peers_reply(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                               const struct weft_krpc *msg);
bool weft_dht__announce_peer_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                                 const struct weft_dht__lookup *lookup, struct weft_bytes token);
void weft_dht__announce_peer_answer(struct weft_dht *dht, const struct weft_dht__request *request);
bool weft_dht__item_get_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                            const weft_id *target);
void weft_dht__item_get_answer(struct weft_dht *dht, const struct weft_dht__request *request);
void weft_dht__item_get_reply(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                              const struct weft_krpc *msg);
bool weft_dht__item_put_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                            const struct weft_dht__lookup *lookup, struct weft_bytes token);
void weft_dht__item_put_answer(struct weft_dht *dht, const struct weft_dht__request *request);

/* A peer found by a lookup; kept once, up to RESULT_VALUES_MAX. */
void weft_dht__lookup_peer(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                           const struct weft_addr *peer);
/* A value found, checked against the key. */
void weft_dht__lookup_value(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                            struct weft_bytes value);

/* --- storage.c --- */
struct weft_dht__stored *weft_dht__storage_find(const struct weft_dht *dht, const weft_id *key,
                                                enum weft_store_kind kind);
/*   WEFT_ERR_FULL    keys_max or peers_max: what is stored stays, the new is refused
 *   WEFT_ERR_NOMEM */
int weft_dht__storage_peer(struct weft_dht *dht, const weft_id *key, const struct weft_addr *peer);
int weft_dht__storage_item(struct weft_dht *dht, const weft_id *key, struct weft_bytes value);
/* Up to `max` packed compact peers of `family`, drawn at random when there are more. */
size_t weft_dht__storage_peers(struct weft_dht *dht, const weft_id *key, unsigned family,
                               unsigned char *out, size_t max);
void weft_dht__storage_run(struct weft_dht *dht);
void weft_dht__storage_free(struct weft_dht *dht);

/* --- token.c --- */
void weft_dht__token_make(const struct weft_dht *dht, const struct weft_addr *host,
                          unsigned char out[DHT_TOKEN_SIZE]);
bool weft_dht__token_valid(const struct weft_dht *dht, const struct weft_addr *host,
                           struct weft_bytes token);

/* --- rate.c --- */
/* May a query from there be answered? Takes it from the allowances if so. */
bool weft_dht__rate_allow(struct weft_dht *dht, const struct weft_addr *from);
void weft_dht__rate_init(struct weft_dht *dht);
void weft_dht__rate_free(struct weft_dht *dht);

/* --- join.c, refresh.c --- */
/* A contact entered the table. */
void weft_dht__join_wake(struct weft_dht *dht);
/* A contact came back from among the lost: look around again. */
void weft_dht__join_again(struct weft_dht *dht);
/* `msg` answers an address without an id, and names nodes: a look around from these alone. */
void weft_dht__join_through(struct weft_dht *dht, const struct weft_krpc *msg);
/* `msg` answers DHT_ASK_BESIDE of `query`. */
void weft_dht__join_beside(struct weft_dht *dht, const struct weft_dht__query *query,
                           const struct weft_krpc *msg);
void weft_dht__join_run(struct weft_dht *dht);
void weft_dht__join_ended(struct weft_dht *dht, const struct weft_dht_result *result);
void weft_dht__refresh_run(struct weft_dht *dht, struct weft_dht__table *table);
/* One at random of the nodes that `msg`, the answer to `query`, names and the table does not know.
 * False: there is none. */
bool weft_dht__refresh_draw(struct weft_dht *dht, const struct weft_dht__query *query,
                            const struct weft_krpc *msg, struct weft_contact *out);
/* `msg` answers a question to a contact of a bucket that is not full. */
void weft_dht__refresh_filled(struct weft_dht *dht, const struct weft_dht__query *query,
                              const struct weft_krpc *msg);
/* A lookup of `target` starts: its buckets need none for a while. */
void weft_dht__refresh_touch(struct weft_dht *dht, const weft_id *target);
/* `bucket` is new, or lost a contact: fill it, soon. */
void weft_dht__refresh_soon(struct weft_dht *dht, struct weft_dht__table *table,
                            struct weft_dht__bucket *bucket);

#endif
