/* Slab: the events that are queued, each in a slot of one cache line that never moves.
 *
 * I1  a slot is dead from its cancelling until its key leaves the queue, so a key never names
 *     somebody else's event and the queue need not be searched.
 * I2  a slot's generation is odd while it holds a queued event and even otherwise, and never goes
 *     back, so an old handle matches nothing.
 * I3  slots that may be taken again are listed apart, and so is who is dead: to look for the dead
 *     among many keys, and to give their slots back, touches no slot. */
#ifndef SIM_ENGINE_SLAB_H
#define SIM_ENGINE_SLAB_H

#include "core/base/assert.h"
#include "sim/engine/engine.h"

#define SIM_SLAB_PAGE_BITS 10
#define SIM_SLAB_PAGE ((uint32_t)1 << SIM_SLAB_PAGE_BITS)

struct sim_slot {
    _Alignas(64) struct sim_event event;
    uint64_t number;     /* of its source's events */
    uint32_t generation; /* I2 */
    uint32_t source;
};

_Static_assert(sizeof(struct sim_slot) == 64, "a slot is one cache line");

struct sim_slab {
    struct sim_slot **pages;
    uint32_t *free; /* slots to be taken again, the last first; room for all there are */
    uint64_t *dead; /* a bit a slot, I1 */
    uint32_t pages_count, pages_max;
    uint32_t used; /* slots ever handed out; those above were never touched */
    uint32_t free_count;
};

#define SIM_SLOT_NONE UINT32_MAX

void sim_engine__slab_init(struct sim_slab *slab);
void sim_engine__slab_deinit(struct sim_slab *slab);

static inline struct sim_slot *sim_engine__slot(const struct sim_slab *slab, uint32_t index) {
    return &slab->pages[index >> SIM_SLAB_PAGE_BITS][index & (SIM_SLAB_PAGE - 1)];
}

static inline bool sim_engine__slot_live(const struct sim_slot *slot) {
    return (slot->generation & 1) != 0;
}

/* One that was never used. SIM_SLOT_NONE when out of memory. */
uint32_t sim_engine__slab_take_new(struct sim_slab *slab);

/* A free slot, its generation odd now; SIM_SLOT_NONE when out of memory. */
static inline uint32_t sim_engine__slab_take(struct sim_slab *slab) {
    if (slab->free_count == 0) return sim_engine__slab_take_new(slab);
    uint32_t index = slab->free[--slab->free_count];
    struct sim_slot *slot = sim_engine__slot(slab, index);
    WEFT_ASSERT(!sim_engine__slot_live(slot)); /* I2 */
    slot->generation++;
    return index;
}

/* Give back a slot that is live and whose key has left the queue. */
static inline void sim_engine__slab_give_slot(struct sim_slab *slab, uint32_t index,
                                              struct sim_slot *slot) {
    slot->generation++;
    slab->free[slab->free_count++] = index;
}

static inline void sim_engine__slab_give(struct sim_slab *slab, uint32_t index) {
    sim_engine__slab_give_slot(slab, index, sim_engine__slot(slab, index));
}

/* A live slot is dead from now on, and given back when its key has left the queue. */
static inline void sim_engine__slab_kill(struct sim_slab *slab, uint32_t index) {
    sim_engine__slot(slab, index)->generation++;
    slab->dead[index / 64] |= UINT64_C(1) << index % 64;
}

static inline bool sim_engine__slab_is_dead(const struct sim_slab *slab, uint32_t index) {
    return (slab->dead[index / 64] >> index % 64 & 1) != 0;
}

static inline void sim_engine__slab_give_dead(struct sim_slab *slab, uint32_t index) {
    WEFT_ASSERT(sim_engine__slab_is_dead(slab, index));
    slab->dead[index / 64] &= ~(UINT64_C(1) << index % 64);
    slab->free[slab->free_count++] = index;
}

#endif
