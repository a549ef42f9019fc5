/* Refs: from a number to the call, timer or monitor it names, in O(1).
 *
 * A ref is the serial of a slot's holder and the slot. A slot whose serials are used up is
 * retired, so that no ref ever comes twice. */
#include "core/otp/internal.h"

#define SLOT_BITS 28
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)
#define SLOT_NONE ((uint32_t)SLOT_MASK)
#define SERIAL_MAX (UINT64_MAX >> SLOT_BITS)

static uint32_t slot_get(struct weft_sched *sched) {
    uint32_t index = sched->refs_free;
    if (index != SLOT_NONE) {
        WEFT_ASSERT(sched->refs[index].mail == NULL);
        sched->refs_free = (uint32_t)(sched->refs[index].word & SLOT_MASK);
        return index;
    }
    if (sched->refs_count >= SLOT_NONE) return SLOT_NONE;
    if (sched->refs_count == sched->refs_room) {
        void *table = sched->refs;
        int rv =
            weft_otp__grow(sched->env->mem, &table, &sched->refs_room, sizeof(struct ref_slot));
        if (rv != WEFT_OK) return SLOT_NONE;
        sched->refs = table;
    }
    index = sched->refs_count++;
    sched->refs[index] = (struct ref_slot){.word = 0};
    return index;
}

int weft_otp__ref_new(struct weft_sched *sched, struct mail *mail) {
    WEFT_ASSERT(mail != NULL);
    WEFT_ASSERT(mail->ref == 0);
    uint32_t index = slot_get(sched);
    if (index == SLOT_NONE) return WEFT_ERR_NOMEM;
    struct ref_slot *slot = &sched->refs[index];
    uint64_t serial = (slot->word >> SLOT_BITS) + 1;
    WEFT_ASSERT(serial <= SERIAL_MAX);
    slot->mail = mail;
    slot->word = (serial << SLOT_BITS) | index;
    mail->ref = slot->word;
    return WEFT_OK;
}

struct mail *weft_otp__ref_get(const struct weft_sched *sched, weft_ref ref) {
    uint64_t index = ref & SLOT_MASK;
    if (index >= sched->refs_count) return NULL;
    const struct ref_slot *slot = &sched->refs[index];
    return slot->word == ref ? slot->mail : NULL;
}

void weft_otp__ref_drop(struct weft_sched *sched, struct mail *mail) {
    if (mail->ref == 0) return;
    WEFT_ASSERT(weft_otp__ref_get(sched, mail->ref) == mail);
    uint32_t index = (uint32_t)(mail->ref & SLOT_MASK);
    struct ref_slot *slot = &sched->refs[index];
    slot->mail = NULL;
    mail->ref = 0;
    if (slot->word >> SLOT_BITS == SERIAL_MAX) return;
    slot->word = (slot->word & ~SLOT_MASK) | sched->refs_free;
    sched->refs_free = index;
}
