/* Slots of queued events, in pages. */
#include "sim/engine/slab.h"

#include <stdlib.h>
#include <string.h>

/* So that the index of a slot is never SIM_SLOT_NONE. */
#define PAGES_MAX (((uint32_t)1 << (32 - SIM_SLAB_PAGE_BITS)) - 1)

#define PAGES_MIN 8
#define PAGE_WORDS (SIM_SLAB_PAGE / 64)

/* What was got stays when another cannot be. */
static bool lists_grow(struct sim_slab *slab) {
    uint32_t max = slab->pages_max == 0 ? PAGES_MIN : slab->pages_max * 2;
    struct sim_slot **pages = realloc(slab->pages, max * sizeof(struct sim_slot *));
    if (pages != NULL) slab->pages = pages;
    uint32_t *list = realloc(slab->free, (size_t)max * SIM_SLAB_PAGE * sizeof *list);
    if (list != NULL) slab->free = list;
    uint64_t *dead = realloc(slab->dead, (size_t)max * PAGE_WORDS * sizeof *dead);
    if (dead != NULL) slab->dead = dead;
    if (pages == NULL || list == NULL || dead == NULL) return false;
    slab->pages_max = max;
    return true;
}

static bool page_add(struct sim_slab *slab) {
    if (slab->pages_count == PAGES_MAX) return false;
    if (slab->pages_count == slab->pages_max && !lists_grow(slab)) return false;
    struct sim_slot *page =
        aligned_alloc(_Alignof(struct sim_slot), SIM_SLAB_PAGE * sizeof(struct sim_slot));
    if (page == NULL) return false;
    memset(slab->dead + (size_t)slab->pages_count * PAGE_WORDS, 0, PAGE_WORDS * sizeof(uint64_t));
    slab->pages[slab->pages_count++] = page;
    return true;
}

void sim_engine__slab_init(struct sim_slab *slab) { *slab = (struct sim_slab){0}; }

void sim_engine__slab_deinit(struct sim_slab *slab) {
    for (uint32_t i = 0; i < slab->pages_count; i++) free(slab->pages[i]);
    free(slab->pages);
    free(slab->free);
    free(slab->dead);
    sim_engine__slab_init(slab);
}

uint32_t sim_engine__slab_take_new(struct sim_slab *slab) {
    if (slab->used >> SIM_SLAB_PAGE_BITS == slab->pages_count && !page_add(slab)) {
        return SIM_SLOT_NONE;
    }
    uint32_t index = slab->used++;
    *sim_engine__slot(slab, index) = (struct sim_slot){.generation = 1};
    return index;
}
