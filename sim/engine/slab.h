/* Slab: the events that are queued, each in a slot of 48 bytes that never moves.
 *
 * I1  a slot is dead from its cancelling until its key leaves the queue, so a key never names
 *     somebody else's event and the queue need not be searched.
 * I2  a slot's generation is odd while it holds a queued event and even otherwise, and never goes
 *     back, so an old handle matches nothing. */
#ifndef SIM_ENGINE_SLAB_H
#define SIM_ENGINE_SLAB_H

#include "sim/engine/engine.h"

#define SIM_SLAB_PAGE_BITS 14
#define SIM_SLAB_PAGE ((uint32_t)1 << SIM_SLAB_PAGE_BITS)

struct sim_slot {
    struct sim_event event;
    uint64_t number;     /* of its source's events; when free: the next free slot */
    uint32_t generation; /* I2 */
    uint32_t source;
};

_Static_assert(sizeof(struct sim_slot) == 48, "a million pending events are 48 MB");

struct sim_slab {
    struct sim_slot **pages;
    uint32_t pages_count, pages_max;
    uint32_t used;  /* slots ever handed out; those above were never touched */
    uint32_t first; /* head of the free slots, SIM_SLOT_NONE: none */
};

#define SIM_SLOT_NONE UINT32_MAX

void sim_engine__slab_init(struct sim_slab *slab);
void sim_engine__slab_deinit(struct sim_slab *slab);

/* A free slot, its generation odd now; SIM_SLOT_NONE when out of memory. */
uint32_t sim_engine__slab_take(struct sim_slab *slab);

/* Give back a slot whose key has left the queue, live or dead. */
void sim_engine__slab_give(struct sim_slab *slab, uint32_t index);

static inline struct sim_slot *sim_engine__slot(const struct sim_slab *slab, uint32_t index) {
    return &slab->pages[index >> SIM_SLAB_PAGE_BITS][index & (SIM_SLAB_PAGE - 1)];
}

static inline bool sim_engine__slot_live(const struct sim_slot *slot) {
    return (slot->generation & 1) != 0;
}

#endif
