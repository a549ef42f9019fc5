/* Refs: from a number to the call, timer or monitor it names, in O(1).
 *
 * A ref is the serial of a slot's holder and the slot. A word is a record, which knows its ref, or,
 * with FREE set, the serial of the last holder and the next free slot. A slot whose serials are
 * used up is retired, so that no ref ever comes twice. */
#include "core/otp/internal.h"

#define SLOT_BITS 27
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)
#define SLOT_NONE ((uint32_t)SLOT_MASK)
#define SERIAL_MAX (UINT64_MAX >> (SLOT_BITS + 1))

#define FREE UINT64_C(1)

static uint64_t free_word(uint64_t serial, uint32_t next) {
    return serial << (SLOT_BITS + 1) | (uint64_t)next << 1 | FREE;
}

static uint32_t slot_get(struct weft_sched *sched, uint64_t *serial) {
    uint32_t index = sched->refs_free;
    if (index != SLOT_NONE) {
        uint64_t word = *segments_at(&sched->refs, index);
        WEFT_ASSERT(word & FREE);
        *serial = (word >> (SLOT_BITS + 1)) + 1;
        sched->refs_free = (uint32_t)(word >> 1 & SLOT_MASK);
        return index;
    }
    index = sched->refs.count;
    if (index >= SLOT_NONE) return SLOT_NONE;
    *serial = 1;
    return weft_otp__segments_add(&sched->refs, sched->env->mem) ? index : SLOT_NONE;
}

void weft_otp__refs_init(struct weft_sched *sched) {
    WEFT_ASSERT(sched->refs.count == 0);
    sched->refs_free = SLOT_NONE;
}

int weft_otp__ref_new(struct weft_sched *sched, struct awaited *awaited) {
    WEFT_ASSERT(awaited != NULL);
    WEFT_ASSERT(awaited->ref == 0);
    uint64_t serial;
    uint32_t index = slot_get(sched, &serial);
    if (index == SLOT_NONE) return WEFT_ERR_NOMEM;
    WEFT_ASSERT(serial <= SERIAL_MAX);
    *segments_at(&sched->refs, index) = (uintptr_t)awaited;
    awaited->ref = serial << SLOT_BITS | index;
    return WEFT_OK;
}

struct awaited *weft_otp__ref_get(const struct weft_sched *sched, weft_ref ref) {
    uint32_t index = (uint32_t)(ref & SLOT_MASK);
    if (index >= sched->refs.count) return NULL;
    uint64_t word = *segments_at(&sched->refs, index);
    if (word & FREE) return NULL;
    struct awaited *awaited = (struct awaited *)(uintptr_t)word;
    return awaited->ref == ref ? awaited : NULL;
}

void weft_otp__ref_drop(struct weft_sched *sched, struct awaited *awaited) {
    if (awaited->ref == 0) return;
    WEFT_ASSERT(weft_otp__ref_get(sched, awaited->ref) == awaited);
    uint32_t index = (uint32_t)(awaited->ref & SLOT_MASK);
    uint64_t serial = awaited->ref >> SLOT_BITS;
    *segments_at(&sched->refs, index) = free_word(serial, sched->refs_free);
    awaited->ref = 0;
    if (serial < SERIAL_MAX) sched->refs_free = index;
}
