/* The nodes: found by their numbers, in chunks, so that an odd number does not cost much. */
#include "analysis/series_parts.h"

#include <stdlib.h>
#include <string.h>

static bool reach(struct ana__nodes *nodes, uint32_t chunk) {
    if (chunk < nodes->chunks_room) return true;
    uint32_t room = chunk + chunk / 2 + 16;
    struct ana__node **chunks = realloc(nodes->chunks, room * sizeof(struct ana__node *));
    if (chunks == NULL) return false;
    for (uint32_t i = nodes->chunks_room; i < room; i++) chunks[i] = NULL;
    nodes->chunks = chunks;
    nodes->chunks_room = room;
    return true;
}

struct ana__node *ana__nodes_get(struct ana__nodes *nodes, uint32_t number) {
    uint32_t chunk = number / ANA__CHUNK;
    if (!reach(nodes, chunk)) return NULL;
    if (nodes->chunks[chunk] == NULL)
        nodes->chunks[chunk] = calloc(ANA__CHUNK, sizeof(struct ana__node));
    if (nodes->chunks[chunk] == NULL) return NULL;
    struct ana__node *node = &nodes->chunks[chunk][number % ANA__CHUNK];
    if (node->seen) return node;
    node->seen = true;
    node->peer = ANA__PEER_NONE;
    node->sum.node = number;
    node->sum.joined_at = WEFT_TIME_NEVER;
    nodes->count++;
    return node;
}

void ana__nodes_deinit(struct ana__nodes *nodes) {
    for (uint32_t i = 0; i < nodes->chunks_room; i++) free(nodes->chunks[i]);
    free(nodes->chunks);
}
