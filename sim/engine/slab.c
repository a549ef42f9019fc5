/* Slots of queued events, in pages. */
#include "sim/engine/slab.h"

#include "core/base/assert.h"

#include <stdlib.h>

/* So that the index of a slot is never SIM_SLOT_NONE. */
#define PAGES_MAX (((uint32_t)1 << (32 - SIM_SLAB_PAGE_BITS)) - 1)

static bool page_add(struct sim_slab *slab) {
    if (slab->pages_count == PAGES_MAX) return false;
    if (slab->pages_count == slab->pages_max) {
        uint32_t max = slab->pages_max == 0 ? 8 : slab->pages_max * 2;
        struct sim_slot **pages = realloc(slab->pages, max * sizeof(struct sim_slot *));
        if (pages == NULL) return false;
        slab->pages = pages;
        slab->pages_max = max;
    }
    struct sim_slot *page = malloc(SIM_SLAB_PAGE * sizeof *page);
    if (page == NULL) return false;
    slab->pages[slab->pages_count++] = page;
    return true;
}

void sim_engine__slab_init(struct sim_slab *slab) {
    *slab = (struct sim_slab){.first = SIM_SLOT_NONE};
}

void sim_engine__slab_deinit(struct sim_slab *slab) {
    for (uint32_t i = 0; i < slab->pages_count; i++) free(slab->pages[i]);
    free(slab->pages);
    sim_engine__slab_init(slab);
}

uint32_t sim_engine__slab_take(struct sim_slab *slab) {
    uint32_t index = slab->first;
    if (index != SIM_SLOT_NONE) {
        struct sim_slot *slot = sim_engine__slot(slab, index);
        WEFT_ASSERT(!sim_engine__slot_live(slot)); /* I2 */
        slab->first = (uint32_t)slot->number;
        slot->generation++;
        return index;
    }
    if (slab->used >> SIM_SLAB_PAGE_BITS == slab->pages_count && !page_add(slab)) {
        return SIM_SLOT_NONE;
    }
    index = slab->used++;
    *sim_engine__slot(slab, index) = (struct sim_slot){.generation = 1};
    return index;
}

void sim_engine__slab_give(struct sim_slab *slab, uint32_t index) {
    WEFT_ASSERT(index < slab->used);
    struct sim_slot *slot = sim_engine__slot(slab, index);
    if (sim_engine__slot_live(slot)) slot->generation++;
    slot->number = slab->first;
    slab->first = index;
}
