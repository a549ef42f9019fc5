/* A network of machines in memory, for tests: every packet takes a delay drawn from a seed, dead
 * nodes swallow what they are sent, and the test sees all. */
#ifndef WEFT_TESTS_DHT_NETWORK_H
#define WEFT_TESTS_DHT_NETWORK_H

#include "core/base/error.h"
#include "core/base/rand.h"
#include "core/dht/dht.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

enum { NET_PACKET, NET_WAKE };

struct net_event {
    weft_time at;
    uint64_t order;
    uint32_t to;
    int kind;
    struct weft_addr from;
    unsigned char *data;
    size_t size;
};

struct net_node {
    struct weft_dht *dht;
    weft_id id;
    struct weft_addr addr;
    struct weft_mem_heap heap;
    bool alive, joined, ended;
    uint32_t side;                 /* packets between different sides are lost */
    weft_time wake;                /* the earliest wake under way */
    struct weft_dht_result result; /* of the last operation; pointers are to the copies below */
    struct weft_contact closest[64];
    struct weft_addr peers[WEFT_DHT_RESULT_VALUES_MAX];
    unsigned char value[WEFT_ITEM_SIZE_MAX];
};

struct net {
    struct net_node *nodes;
    uint32_t count, current;
    weft_time now;
    struct net_event *heap;
    size_t heap_count, heap_room;
    uint64_t order, packets;
    struct weft_rand rand;
    uint32_t loss_ppm;
    weft_duration delay_min, delay_spread;
};

static bool net_before(const struct net_event *a, const struct net_event *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void net_push(struct net *net, struct net_event event) {
    if (net->heap_count == net->heap_room) {
        net->heap_room = net->heap_room == 0 ? 1024 : 2 * net->heap_room;
        net->heap = realloc(net->heap, net->heap_room * sizeof *net->heap);
        if (net->heap == NULL) abort();
    }
    event.order = net->order++;
    size_t i = net->heap_count++;
    for (; i > 0 && net_before(&event, &net->heap[(i - 1) / 2]); i = (i - 1) / 2) {
        net->heap[i] = net->heap[(i - 1) / 2];
    }
    net->heap[i] = event;
}

static struct net_event net_pop(struct net *net) {
    struct net_event top = net->heap[0], last = net->heap[--net->heap_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= net->heap_count) break;
        if (child + 1 < net->heap_count && net_before(&net->heap[child + 1], &net->heap[child])) {
            child++;
        }
        if (!net_before(&net->heap[child], &last)) break;
        net->heap[i] = net->heap[child];
        i = child;
    }
    net->heap[i] = last;
    return top;
}

static struct weft_addr net_addr(uint32_t index) {
    return weft_addr_v4(10, (unsigned char)(index >> 16), (unsigned char)(index >> 8),
                        (unsigned char)index, 6881);
}

static uint32_t net_index(const struct net *net, const struct weft_addr *addr) {
    uint32_t index = (uint32_t)addr->ip[1] << 16 | (uint32_t)addr->ip[2] << 8 | addr->ip[3];
    return addr->ip[0] == 10 && addr->port == 6881 && index < net->count ? index : UINT32_MAX;
}

static void net_send(void *ctx, const struct weft_addr *to, struct weft_bytes data) {
    struct net *net = ctx;
    uint32_t index = net_index(net, to);
    net->packets++;
    if (index == UINT32_MAX || weft_rand_below(&net->rand, 1000000) < net->loss_ppm) return;
    if (net->nodes[index].side != net->nodes[net->current].side) return;
    unsigned char *copy = malloc(data.size);
    if (copy == NULL) abort();
    memcpy(copy, data.data, data.size);
    weft_duration delay = net->delay_min;
    if (net->delay_spread > 0) {
        delay += (weft_duration)weft_rand_below(&net->rand, (uint64_t)net->delay_spread);
    }
    net_push(net, (struct net_event){.at = net->now + delay,
                                     .to = index,
                                     .kind = NET_PACKET,
                                     .from = net->nodes[net->current].addr,
                                     .data = copy,
                                     .size = data.size});
}

static void net_done(void *ctx, const struct weft_dht_result *result) {
    struct net *net = ctx;
    struct net_node *node = &net->nodes[net->current];
    node->ended = true;
    node->result = *result;
    memcpy(node->closest, result->closest, result->closest_count * sizeof *node->closest);
    if (result->peers_count > 0) {
        memcpy(node->peers, result->peers, result->peers_count * sizeof *node->peers);
    }
    if (result->value.size > 0) memcpy(node->value, result->value.data, result->value.size);
    node->result.closest = node->closest;
    node->result.peers = node->peers;
    node->result.value = weft_bytes(node->value, result->value.size);
}

static void net_fact(void *ctx, enum weft_trace_kind kind, const uint64_t *numbers, size_t count,
                     struct weft_bytes bytes) {
    struct net *net = ctx;
    (void)numbers;
    (void)count;
    (void)bytes;
    if (kind == WEFT_TRACE_DHT_JOINED) net->nodes[net->current].joined = true;
}

static void net_wake(struct net *net, uint32_t index) {
    struct net_node *node = &net->nodes[index];
    weft_time at = weft_dht_next_at(node->dht);
    if (at >= node->wake) return;
    node->wake = at;
    net_push(net, (struct net_event){.at = at, .to = index, .kind = NET_WAKE});
}

static int net_step(struct net *net, uint32_t index, struct weft_dht_event event) {
    const struct weft_dht_sink sink = {net, net_send, net_done, net_fact};
    event.now = net->now;
    net->current = index;
    int result = weft_dht_step(net->nodes[index].dht, &event, &sink);
    net_wake(net, index);
    return result;
}

static void net_handle(struct net *net, const struct net_event *event) {
    struct net_node *node = &net->nodes[event->to];
    if (!node->alive) return;
    if (event->kind == NET_PACKET) {
        (void)net_step(net, event->to,
                       (struct weft_dht_event){.kind = WEFT_DHT_RECEIVE,
                                               .addr = event->from,
                                               .data = weft_bytes(event->data, event->size)});
        return;
    }
    if (event->at != node->wake) return; /* an earlier one took its place */
    node->wake = WEFT_TIME_NEVER;
    if (weft_dht_next_at(node->dht) <= net->now) {
        (void)net_step(net, event->to, (struct weft_dht_event){.kind = WEFT_DHT_TIMER});
    } else {
        net_wake(net, event->to);
    }
}

/* Run everything up to and including `until`. */
static void net_run(struct net *net, weft_time until) {
    while (net->heap_count > 0 && net->heap[0].at <= until) {
        struct net_event event = net_pop(net);
        net->now = event.at;
        net_handle(net, &event);
        free(event.data);
    }
    net->now = until;
}

static void net_boot(struct net *net, uint32_t index, const struct weft_dht_config *config) {
    struct net_node *node = &net->nodes[index];
    weft_mem_heap_init(&node->heap, 0);
    node->alive = true;
    node->joined = false;
    node->wake = WEFT_TIME_NEVER;
    int error = weft_dht_new(config, &node->id, weft_rand_u64(&net->rand), net->now,
                             &node->heap.base, &node->dht);
    if (error != WEFT_OK) abort();
    net_wake(net, index);
}

static void net_kill(struct net *net, uint32_t index) {
    struct net_node *node = &net->nodes[index];
    node->alive = false;
    weft_dht_free(node->dht);
    node->dht = NULL;
    CHECK_EQ_UINT(node->heap.bytes, 0);
    CHECK_EQ_UINT(node->heap.blocks, 0);
}

static struct net net_new(uint32_t count, uint64_t seed) {
    struct net net = {.count = count, .delay_min = WEFT_MS(20), .delay_spread = WEFT_MS(60)};
    weft_rand_init(&net.rand, seed);
    net.nodes = calloc(count, sizeof *net.nodes);
    if (net.nodes == NULL) abort();
    for (uint32_t i = 0; i < count; i++) {
        weft_rand_bytes(&net.rand, &net.nodes[i].id, sizeof(weft_id));
        net.nodes[i].addr = net_addr(i);
    }
    return net;
}

static void net_free(struct net *net) {
    for (uint32_t i = 0; i < net->count; i++) {
        if (net->nodes[i].alive) net_kill(net, i);
    }
    while (net->heap_count > 0) {
        struct net_event event = net_pop(net);
        free(event.data);
    }
    free(net->heap);
    free(net->nodes);
}

static void net_add(struct net *net, uint32_t index, uint32_t other) {
    (void)net_step(net, index,
                   (struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = net->nodes[other].addr});
}

/* Run an operation to its end; false: it did not end within a minute. */
static bool net_operate(struct net *net, uint32_t index, struct weft_dht_event event) {
    net->nodes[index].ended = false;
    (void)net_step(net, index, event);
    for (int i = 0; i < 600 && !net->nodes[index].ended; i++) net_run(net, net->now + WEFT_MS(100));
    return net->nodes[index].ended;
}

/* How many of the true k closest live nodes to the target, beside the asker, are in its result. */
static uint32_t net_recall(const struct net *net, uint32_t asker, uint32_t k) {
    const struct weft_dht_result *result = &net->nodes[asker].result;
    uint32_t hits = 0;
    for (size_t r = 0; r < result->closest_count; r++) {
        uint32_t closer = 0;
        bool live = false;
        for (uint32_t i = 0; i < net->count; i++) {
            if (!net->nodes[i].alive || i == asker) continue;
            int order = weft_id_closer(&result->target, &net->nodes[i].id, &result->closest[r].id);
            closer += order < 0;
            live = live || order == 0;
        }
        hits += live && closer < k;
    }
    return hits;
}

static uint32_t net_contacts(const struct net *net, uint32_t index) {
    struct weft_dht_stats stats;
    weft_dht_stats(net->nodes[index].dht, &stats);
    return stats.contacts4;
}

#endif
