/* One machine on a bench, for tests: what it sends, ends and tells is written down; peers are made
 * up by the test, at 10.0.0.x:6881 unless it says otherwise. */
#ifndef WEFT_TESTS_DHT_RIG_H
#define WEFT_TESTS_DHT_RIG_H

#include "core/base/error.h"
#include "core/base/rand.h"
#include "core/dht/dht.h"
#include "core/wire/krpc.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

#define RIG_SENT_MAX 2048
#define RIG_FACTS_MAX 512

struct rig_packet {
    weft_time at;
    struct weft_addr to;
    unsigned char data[WEFT_KRPC_RECEIVE_MAX];
    size_t size;
    struct weft_krpc msg; /* points into data */
};

struct rig_fact {
    enum weft_trace_kind kind;
    uint64_t number[WEFT_TRACE_NUMBERS];
    unsigned char bytes[2048];
    size_t size;
};

struct rig {
    struct weft_mem_heap heap;
    struct weft_dht *dht;
    weft_time now;
    struct rig_packet *sent;
    size_t sent_count, read; /* packets sent; those the test has looked at */
    struct rig_fact *facts;
    size_t facts_count;
    size_t done_count;
    struct weft_dht_result result; /* of the last operation that ended */
    struct weft_contact closest[2 * WEFT_DHT_K_MAX];
    struct weft_addr peers[WEFT_DHT_RESULT_VALUES_MAX];
    unsigned char value[WEFT_ITEM_SIZE_MAX];
    bool answering; /* peers answer at once: see rig_answer_all */
};

static struct rig rig;

static inline void rig_on_send(void *ctx, const struct weft_addr *to, struct weft_bytes data) {
    (void)ctx;
    if (rig.sent_count == RIG_SENT_MAX) abort();
    struct rig_packet *packet = &rig.sent[rig.sent_count++];
    packet->at = rig.now;
    packet->to = *to;
    packet->size = data.size;
    memcpy(packet->data, data.data, data.size);
    CHECK_EQ_INT(weft_krpc_decode(weft_bytes(packet->data, packet->size), &packet->msg), WEFT_OK);
    CHECK(data.size <= WEFT_KRPC_SIZE_MAX);
}

static inline void rig_on_done(void *ctx, const struct weft_dht_result *result) {
    (void)ctx;
    rig.done_count++;
    rig.result = *result;
    if (result->closest_count > 0) {
        memcpy(rig.closest, result->closest, result->closest_count * sizeof *rig.closest);
    }
    if (result->peers_count > 0) {
        memcpy(rig.peers, result->peers, result->peers_count * sizeof *rig.peers);
    }
    if (result->value.size > 0) memcpy(rig.value, result->value.data, result->value.size);
    rig.result.closest = rig.closest;
    rig.result.peers = rig.peers;
    rig.result.value = weft_bytes(rig.value, result->value.size);
}

static inline void rig_on_fact(void *ctx, enum weft_trace_kind kind, const uint64_t *numbers,
                               size_t count, struct weft_bytes bytes) {
    (void)ctx;
    if (rig.facts_count == RIG_FACTS_MAX) rig.facts_count = 0;
    struct rig_fact *fact = &rig.facts[rig.facts_count++];
    memset(fact, 0, sizeof *fact);
    fact->kind = kind;
    memcpy(fact->number, numbers, count * sizeof *numbers);
    fact->size = bytes.size;
    if (bytes.size > 0) memcpy(fact->bytes, bytes.data, bytes.size);
}

static const struct weft_dht_sink rig_sink = {NULL, rig_on_send, rig_on_done, rig_on_fact};

/* The own id is all zeros, so that an id's leading zero bits are its bucket. */
static const weft_id rig_own = {{0}};

static inline void rig_open(const struct weft_dht_config *config) {
    memset(&rig, 0, sizeof rig);
    weft_mem_heap_init(&rig.heap, 0);
    rig.sent = calloc(RIG_SENT_MAX, sizeof *rig.sent);
    rig.facts = calloc(RIG_FACTS_MAX, sizeof *rig.facts);
    if (rig.sent == NULL || rig.facts == NULL) abort();
    rig.now = WEFT_S(1000);
    CHECK_EQ_INT(weft_dht_new(config, &rig_own, 42, rig.now, &rig.heap.base, &rig.dht), WEFT_OK);
}

static inline void rig_close(void) {
    weft_dht_free(rig.dht);
    CHECK_EQ_UINT(rig.heap.bytes, 0);
    CHECK_EQ_UINT(rig.heap.blocks, 0);
    free(rig.sent);
    free(rig.facts);
    rig.sent = NULL;
    rig.facts = NULL;
}

static inline int rig_step(struct weft_dht_event event) {
    event.now = rig.now;
    int result = weft_dht_step(rig.dht, &event, &rig_sink);
    CHECK(weft_dht_next_at(rig.dht) > rig.now);
    return result;
}

static inline int rig_receive(const struct weft_addr *from, const void *data, size_t size) {
    return rig_step((struct weft_dht_event){
        .kind = WEFT_DHT_RECEIVE, .addr = *from, .data = weft_bytes(data, size)});
}

static inline int rig_receive_msg(const struct weft_addr *from, const struct weft_krpc *msg,
                                  const struct weft_krpc_peers *peers) {
    unsigned char packet[WEFT_KRPC_RECEIVE_MAX];
    size_t size = 0;
    CHECK_EQ_INT(weft_krpc_encode(msg, peers, packet, sizeof packet, &size), WEFT_OK);
    return rig_receive(from, packet, size);
}

/* An id in bucket `bucket` of the rig's machine (own id 0): that many zero bits, a one, `tail`. */
static inline weft_id rig_id(unsigned bucket, unsigned tail) {
    weft_id id = {{0}};
    id.bytes[bucket / 8] = (unsigned char)(0x80u >> (bucket % 8));
    id.bytes[18] = (unsigned char)(tail >> 8);
    id.bytes[19] = (unsigned char)tail;
    return id;
}

static inline struct weft_addr rig_addr(unsigned host) {
    return weft_addr_v4(10, 0, (unsigned char)(host >> 8), (unsigned char)host, 6881);
}

static inline struct weft_addr rig_addr6(unsigned host) {
    unsigned char ip[16] = {0xfd, 0x77};
    ip[15] = (unsigned char)host;
    return weft_addr_v6(ip, 6881);
}

/* The next packet the machine sent that the test has not seen; NULL: none. */
static inline struct rig_packet *rig_next(void) {
    return rig.read < rig.sent_count ? &rig.sent[rig.read++] : NULL;
}

static inline void rig_skip(void) { rig.read = rig.sent_count; }

/* Answer `query` of the machine as `id`, naming nothing. */
static inline int rig_reply(const struct rig_packet *query, const weft_id *id) {
    const struct weft_krpc reply = {.type = WEFT_KRPC_RESPONSE, .tid = query->msg.tid, .id = id};
    struct weft_addr from = query->to;
    return rig_receive_msg(&from, &reply, NULL);
}

/* The same naming `count` nodes. */
static inline int rig_reply_nodes(const struct rig_packet *query, const weft_id *id,
                                  const struct weft_contact *nodes, size_t count) {
    unsigned char packed[64 * WEFT_COMPACT_NODE4_SIZE];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += weft_compact_node_write(&nodes[i].id, &nodes[i].addr, packed + size);
    }
    const struct weft_krpc reply = {.type = WEFT_KRPC_RESPONSE,
                                    .tid = query->msg.tid,
                                    .id = id,
                                    .token = weft_bytes("tok", 3),
                                    .nodes = weft_bytes(packed, size)};
    struct weft_addr from = query->to;
    return rig_receive_msg(&from, &reply, NULL);
}

/* A query of `method` from `id` at `from`; NULL target for ping. */
static inline int rig_query(const struct weft_addr *from, const weft_id *id,
                            enum weft_krpc_method method, const weft_id *target) {
    const struct weft_krpc msg = {.type = WEFT_KRPC_QUERY,
                                  .method = method,
                                  .tid = weft_bytes("aa", 2),
                                  .id = id,
                                  .target = target};
    return rig_receive_msg(from, &msg, NULL);
}

/* Let time pass to `until`, with a TIMER exactly whenever one is wanted. */
static inline void rig_until(weft_time until) {
    while (weft_dht_next_at(rig.dht) <= until) {
        rig.now = weft_dht_next_at(rig.dht);
        (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
    }
    rig.now = until;
}

static inline void rig_pass(weft_duration duration) { rig_until(rig.now + duration); }

/* Answer every query the machine has sent to 10.x and is not yet read, as the id that host has;
 * hosts without an entry are silent. */
struct rig_host {
    weft_id id;
    struct weft_addr addr;
};

static inline void rig_answer_all(const struct rig_host *hosts, size_t count) {
    for (struct rig_packet *packet; (packet = rig_next()) != NULL;) {
        if (packet->msg.type != WEFT_KRPC_QUERY) continue;
        for (size_t i = 0; i < count; i++) {
            if (!weft_addr_equal(&hosts[i].addr, &packet->to)) continue;
            (void)rig_reply(packet, &hosts[i].id);
        }
    }
}

/* Time passes, and `hosts` answer within it. */
static inline void rig_live(const struct rig_host *hosts, size_t count, weft_duration duration) {
    weft_time until = rig.now + duration;
    rig_answer_all(hosts, count);
    while (weft_dht_next_at(rig.dht) <= until) {
        rig.now = weft_dht_next_at(rig.dht);
        (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
        rig_answer_all(hosts, count);
    }
    rig.now = until;
}

/* Make `host` a verified contact: it is added, asked, and answers. */
static inline void rig_meet(const struct rig_host *host) {
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = host->addr});
    rig_answer_all(host, 1);
}

static inline struct rig_host rig_host(unsigned bucket, unsigned tail) {
    return (struct rig_host){rig_id(bucket, tail), rig_addr(bucket * 256 + tail)};
}

static inline struct weft_dht_stats rig_stats(void) {
    struct weft_dht_stats stats;
    weft_dht_stats(rig.dht, &stats);
    return stats;
}

struct rig_search {
    const weft_id *id;
    struct weft_contact_info info;
    bool found;
};

static inline void rig_search_one(void *ctx, const struct weft_contact_info *info) {
    struct rig_search *search = ctx;
    if (!weft_id_equal(&info->contact.id, search->id) || search->found) return;
    search->info = *info;
    search->found = true;
}

/* What weft_dht_each says of `id`; false: nothing. */
static inline bool rig_find(const weft_id *id, struct weft_contact_info *info) {
    struct rig_search search = {.id = id};
    weft_dht_each(rig.dht, rig.now, rig_search_one, &search);
    if (info != NULL) *info = search.info;
    return search.found;
}

static inline bool rig_is_contact(const weft_id *id) {
    struct weft_contact_info info;
    return rig_find(id, &info) && info.verified && !info.in_cache;
}

static inline size_t rig_facts(enum weft_trace_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < rig.facts_count; i++) count += rig.facts[i].kind == kind;
    return count;
}

static inline const struct rig_fact *rig_fact(enum weft_trace_kind kind) {
    for (size_t i = rig.facts_count; i-- > 0;) {
        if (rig.facts[i].kind == kind) return &rig.facts[i];
    }
    return NULL;
}

/* The next packet must be a query of `method`, else NULL and a failure. */
static inline struct rig_packet *rig_next_query(enum weft_krpc_method method) {
    struct rig_packet *packet = rig_next();
    CHECK(packet != NULL);
    if (packet == NULL) return NULL;
    CHECK_EQ_INT(packet->msg.type, WEFT_KRPC_QUERY);
    CHECK_EQ_INT(packet->msg.method, method);
    return packet;
}

#endif
