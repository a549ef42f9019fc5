/* Whose id it is: a table by the id's first bytes, which are drawn at random. */
#include "analysis/report_internal.h"

#include <stdlib.h>
#include <string.h>

#define ID_SIZE 20

struct ana__id_slot {
    unsigned char id[ID_SIZE];
    uint32_t node; /* + 1; 0: free */
};

static uint32_t slot_of(const struct ana__ids *ids, const unsigned char *id) {
    uint32_t at;
    memcpy(&at, id, sizeof at);
    at &= ids->capacity - 1;
    while (ids->slots[at].node != 0 && memcmp(ids->slots[at].id, id, ID_SIZE) != 0) {
        at = (at + 1) & (ids->capacity - 1);
    }
    return at;
}

static bool grow(struct ana__ids *ids) {
    struct ana__ids larger = {.capacity = ids->capacity > 0 ? ids->capacity * 2 : 1024,
                              .count = ids->count};
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL) return false;
    for (uint32_t i = 0; i < ids->capacity; i++) {
        if (ids->slots[i].node == 0) continue;
        larger.slots[slot_of(&larger, ids->slots[i].id)] = ids->slots[i];
    }
    free(ids->slots);
    *ids = larger;
    return true;
}

void ana__ids_set(struct ana__ids *ids, struct weft_bytes id, uint32_t node) {
    if (id.size != ID_SIZE || ids->failed || node == WEFT_TRACE_NODE_NONE) return;
    if (ids->count * 2 >= ids->capacity && !grow(ids)) {
        ids->failed = true;
        return;
    }
    struct ana__id_slot *slot = &ids->slots[slot_of(ids, id.data)];
    if (slot->node == 0) ids->count++;
    memcpy(slot->id, id.data, ID_SIZE);
    slot->node = node + 1;
}

uint32_t ana__ids_get(const struct ana__ids *ids, struct weft_bytes id) {
    if (id.size != ID_SIZE || ids->capacity == 0) return WEFT_TRACE_NODE_NONE;
    return ids->slots[slot_of(ids, id.data)].node - 1;
}

void ana__ids_free(struct ana__ids *ids) {
    free(ids->slots);
    ids->slots = NULL;
}
