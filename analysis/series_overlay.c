/* Who knows whom: degrees are counted as they change; components are kept as a forest, which only
 * grows until an edge or a node that held it together goes. Then it is made anew, at most as often
 * as the number of events pays for. */
#include "analysis/series_parts.h"

#include "core/base/assert.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define CREDIT_OF_CONTACT 64 /* edges looked at, for each that changes */
#define CREDIT_FIRST (1 << 22)

void ana__overlay_init(struct ana__overlay *overlay) {
    memset(overlay, 0, sizeof *overlay);
    overlay->credit = CREDIT_FIRST;
}

void ana__overlay_deinit(struct ana__overlay *overlay) {
    ana__map_free(&overlay->ids);
    ana__map_free(&overlay->edges);
    free(overlay->holders);
    free(overlay->parents);
    free(overlay->sizes);
}

static bool grow_one(uint32_t **list, uint32_t room) {
    uint32_t *grown = realloc(*list, room * sizeof **list);
    if (grown == NULL) return false;
    *list = grown;
    return true;
}

/* The number of an id, new when it was never met; ANA__PEER_NONE without memory. */
static uint32_t number_of(struct ana__overlay *overlay, const weft_id *id) {
    uint64_t key = weft_fold_bytes(0, id->bytes, WEFT_ID_SIZE) >> 1; /* never ANA__MAP_FREE */
    const uint64_t *known = ana__map_get(&overlay->ids, key);
    if (known != NULL) return (uint32_t)*known;
    uint32_t number = overlay->peers_count;
    if (number == overlay->peers_room) {
        uint32_t room = number == 0 ? 64 : number * 2;
        if (!grow_one(&overlay->holders, room) || !grow_one(&overlay->parents, room) ||
            !grow_one(&overlay->sizes, room))
            return ANA__PEER_NONE;
        overlay->peers_room = room;
    }
    if (!ana__map_put(&overlay->ids, key, number)) return ANA__PEER_NONE;
    overlay->holders[number] = ANA__PEER_NONE;
    overlay->parents[number] = number;
    overlay->sizes[number] = 1;
    return overlay->peers_count++;
}

static uint32_t root_of(struct ana__overlay *overlay, uint32_t peer) {
    uint32_t *parents = overlay->parents;
    while (parents[peer] != peer) peer = parents[peer] = parents[parents[peer]];
    return peer;
}

/* True: they were apart. */
static bool join(struct ana__overlay *overlay, uint32_t a, uint32_t b) {
    a = root_of(overlay, a);
    b = root_of(overlay, b);
    if (a == b) return false;
    if (overlay->sizes[a] < overlay->sizes[b]) {
        uint32_t smaller = a;
        a = b;
        b = smaller;
    }
    overlay->parents[b] = a;
    overlay->sizes[a] += overlay->sizes[b];
    if (overlay->sizes[a] > overlay->largest) overlay->largest = overlay->sizes[a];
    overlay->components--;
    return true;
}

/* --- degrees --- */

static void count_degree(struct ana__overlay *overlay, const struct ana__node *node, bool in) {
    uint32_t degree = node->sum.contacts;
    if (!node->dht_up) return;
    if (degree > ANA__DEGREE_MAX) degree = ANA__DEGREE_MAX;
    if (degree > overlay->degree_most) overlay->degree_most = degree;
    overlay->counts[degree] += in ? 1 : UINT32_MAX;
    overlay->contacts += in ? node->sum.contacts : -(uint64_t)node->sum.contacts;
}

uint32_t ana__overlay_degree(const struct ana__overlay *overlay, bool most) {
    uint32_t degree = most ? overlay->degree_most : 0;
    while (overlay->counts[degree] == 0 && degree != (most ? 0 : overlay->degree_most))
        degree += most ? UINT32_MAX : 1;
    return degree;
}

/* --- what happens --- */

bool ana__overlay_up(struct ana__overlay *overlay, struct ana__node *node, const weft_id *id) {
    uint32_t known = overlay->peers_count, peer = number_of(overlay, id);
    if (peer == ANA__PEER_NONE) return false;
    if (node->dht_up) ana__overlay_down(overlay, node);
    node->dht_up = true;
    node->peer = peer;
    count_degree(overlay, node, true);
    overlay->up++;
    overlay->holders[peer] = node->sum.node;
    if (peer >= known && node->sum.contacts == 0) {
        overlay->components++; /* nobody knows it, and it knows nobody */
        if (overlay->largest == 0) overlay->largest = 1;
    } else {
        overlay->dirty = true;
    }
    return true;
}

void ana__overlay_down(struct ana__overlay *overlay, struct ana__node *node) {
    if (node->dht_up) {
        WEFT_ASSERT(overlay->up > 0);
        count_degree(overlay, node, false);
        if (overlay->holders[node->peer] == node->sum.node)
            overlay->holders[node->peer] = ANA__PEER_NONE;
        overlay->up--;
        overlay->dirty = true;
    }
    node->dht_up = false;
    node->life++;
    node->sum.contacts = 0;
}

/* Its value: the life it is of, and whether it holds a tree together. */
static bool add_edge(struct ana__overlay *overlay, const struct ana__node *node, uint32_t peer) {
    uint64_t value = node->life, key = (uint64_t)node->sum.node << 32 | peer;
    bool live = node->dht_up && overlay->holders[peer] != ANA__PEER_NONE;
    if (live && !overlay->dirty && join(overlay, node->peer, peer)) value |= ANA__EDGE_TREE;
    return ana__map_put(&overlay->edges, key, value);
}

bool ana__overlay_contact(struct ana__overlay *overlay, struct ana__node *node, const weft_id *id,
                          bool on) {
    uint32_t peer = number_of(overlay, id);
    if (peer == ANA__PEER_NONE) return false;
    overlay->credit += CREDIT_OF_CONTACT;
    uint64_t key = (uint64_t)node->sum.node << 32 | peer;
    const uint64_t *edge = ana__map_get(&overlay->edges, key);
    bool known = edge != NULL && (uint32_t)*edge == node->life;
    if (on == known && !overlay->lost) return true;
    bool added = true;
    count_degree(overlay, node, false);
    if (on) {
        node->sum.contacts++;
        overlay->lost = overlay->lost || overlay->edges.count >= ANA_SERIES_EDGES_MAX;
        if (!overlay->lost) added = add_edge(overlay, node, peer);
    } else {
        if (node->sum.contacts > 0) node->sum.contacts--;
        if (known && *edge & ANA__EDGE_TREE) overlay->dirty = true;
        ana__map_take(&overlay->edges, key, NULL);
    }
    count_degree(overlay, node, true);
    return added;
}

/* --- components --- */

/* The owner of an edge, if the edge is of its life and it is up. */
static const struct ana__node *live_owner(const struct ana__nodes *nodes,
                                          const struct ana__map_entry *entry) {
    uint32_t number = (uint32_t)(entry->key >> 32);
    const struct ana__node *node = &nodes->chunks[number / ANA__CHUNK][number % ANA__CHUNK];
    return node->dht_up && (uint32_t)entry->value == node->life ? node : NULL;
}

static bool is_stale(void *ctx, const struct ana__map_entry *entry) {
    const struct ana__nodes *nodes = ctx;
    uint32_t number = (uint32_t)(entry->key >> 32);
    const struct ana__node *node = &nodes->chunks[number / ANA__CHUNK][number % ANA__CHUNK];
    return (uint32_t)entry->value != node->life;
}

static void join_edges(struct ana__overlay *overlay, const struct ana__nodes *nodes) {
    for (size_t i = 0; i < overlay->edges.room; i++) {
        struct ana__map_entry *entry = &overlay->edges.entries[i];
        if (entry->key == ANA__MAP_FREE) continue;
        uint32_t peer = (uint32_t)entry->key;
        const struct ana__node *node = live_owner(nodes, entry);
        entry->value &= ~ANA__EDGE_TREE;
        if (node == NULL || overlay->holders[peer] == ANA__PEER_NONE) continue;
        if (join(overlay, node->peer, peer)) entry->value |= ANA__EDGE_TREE;
    }
}

bool ana__overlay_count(struct ana__overlay *overlay, struct ana__nodes *nodes, bool at_any_cost) {
    if (overlay->lost) return false;
    if (!overlay->dirty) return true;
    int64_t cost = (int64_t)overlay->edges.room + overlay->peers_count;
    if (!at_any_cost && overlay->credit < cost) return false;
    overlay->credit -= cost;
    if (overlay->edges.count > 2 * overlay->contacts)
        ana__map_sweep(&overlay->edges, is_stale, nodes); /* edges of lives that are over */
    for (uint32_t i = 0; i < overlay->peers_count; i++) {
        overlay->parents[i] = i;
        overlay->sizes[i] = 1;
    }
    overlay->components = overlay->up;
    overlay->largest = overlay->up > 0;
    join_edges(overlay, nodes);
    overlay->dirty = false;
    return true;
}
