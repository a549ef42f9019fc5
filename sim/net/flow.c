/* Flows: a hash table of the links that are active now. */
#include "core/base/assert.h"
#include "core/base/hash.h"
#include "sim/net/internal.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 64u

static bool is_same(const struct sim_net__flow_key *a, const struct sim_net__flow_key *b) {
    return a->id == b->id && a->from == b->from && a->to == b->to;
}

/* The flow's slot, or the free one it would be in. */
static struct sim_net__flow *slot_of(const struct sim_net__flows *flows,
                                     const struct sim_net__flow_key *key) {
    uint64_t hash = weft_fold(key->id, (uint64_t)key->from << 32 | key->to);
    uint32_t mask = flows->size - 1, at = (uint32_t)(hash >> 32) & mask;
    while (flows->slots[at].key.id != 0 && !is_same(&flows->slots[at].key, key)) {
        at = (at + 1) & mask;
    }
    return &flows->slots[at];
}

static uint32_t busy_count(const struct sim_net__flows *flows, weft_time now) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < flows->size; i++) {
        const struct sim_net__flow *flow = &flows->slots[i];
        if (flow->key.id != 0 && flow->busy_until > now) count++;
    }
    return count;
}

/* Into a table that is a quarter full at most, without those that are idle. */
static void rebuild(struct sim_net__flows *flows, weft_time now) {
    uint32_t busy = busy_count(flows, now), size = SIZE_MIN;
    while (size / 4 <= busy) size *= 2;
    struct sim_net__flows next = {calloc(size, sizeof *next.slots), size, busy};
    WEFT_ASSERT(next.slots != NULL); /* a queue that is forgotten would be another run */
    for (uint32_t i = 0; i < flows->size; i++) {
        const struct sim_net__flow *flow = &flows->slots[i];
        if (flow->key.id != 0 && flow->busy_until > now) *slot_of(&next, &flow->key) = *flow;
    }
    free(flows->slots);
    *flows = next;
}

weft_time *sim_net__flow_at(struct sim_net__flows *flows, struct sim_net__flow_key key,
                            weft_time now) {
    WEFT_ASSERT(key.id > 0);
    if (flows->used >= flows->size / 2) rebuild(flows, now);
    struct sim_net__flow *flow = slot_of(flows, &key);
    if (flow->key.id == 0) {
        *flow = (struct sim_net__flow){.key = key};
        flows->used++;
    }
    return &flow->busy_until;
}

void sim_net__flows_free(struct sim_net__flows *flows) {
    free(flows->slots);
    *flows = (struct sim_net__flows){NULL, 0, 0};
}
