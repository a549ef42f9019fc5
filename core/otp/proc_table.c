/* The table of processes: a pid's slot leads to its holder, which knows the whole pid.
 *
 * A word is a process, or, with ALIAS set, an alias, or, with FREE set, the serial of the slot's
 * slot's next holder and the next free slot. Free slots are used again first in, first out. A slot
 * whose serials are used up is retired, so that no pid ever comes twice; that costs a word per
 * million processes. */
#include "core/otp/internal.h"

#define SLOT_BITS WEFT_PID_SLOT_BITS
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)
#define NEXT_BITS (SLOT_BITS + 1)
#define SLOT_NONE ((UINT32_C(1) << NEXT_BITS) - 1)
#define SERIAL_MAX ((UINT32_C(1) << WEFT_PID_SERIAL_BITS) - 1)

#define TABLE_MIN 8

_Static_assert(WEFT_PROCS_MAX <= SLOT_MASK + 1, "a slot for each process");
_Static_assert(sizeof(uintptr_t) <= sizeof(uint64_t), "a word holds a pointer");

int weft_otp__grow(struct weft_mem *mem, void **table, uint32_t *room, size_t size) {
    WEFT_ASSERT(size > 0);
    WEFT_ASSERT(*room <= UINT32_MAX / 2);
    uint32_t wanted = *room == 0 ? TABLE_MIN : *room * 2;
    void *moved = weft_mem_resize(mem, *table, *room * size, wanted * size);
    if (moved == NULL) return WEFT_ERR_NOMEM;
    *table = moved;
    *room = wanted;
    return WEFT_OK;
}

static uint64_t free_word(uint32_t serial, uint32_t next) {
    return (uint64_t)serial << (NEXT_BITS + 1) | (uint64_t)next << 1 | SLOT_FREE;
}

static uint32_t serial_of(uint64_t word) { return (uint32_t)(word >> (NEXT_BITS + 1)); }

static uint32_t next_of(uint64_t word) { return (uint32_t)(word >> 1) & SLOT_NONE; }

struct weft_process *weft_otp__table_at(const struct weft_sched *sched, uint32_t index) {
    WEFT_ASSERT(index < sched->slots.count);
    uint64_t word = *segments_at(&sched->slots, index);
    return word & (SLOT_FREE | SLOT_ALIAS) ? NULL : (struct weft_process *)(uintptr_t)word;
}

struct weft_process *weft_otp__find_alias(uint64_t word, weft_pid pid) {
    if (word & SLOT_FREE) return NULL;
    const struct alias *alias = (const struct alias *)(uintptr_t)(word & ~SLOT_ALIAS);
    return weft_pid_equal(alias->pid, pid) ? alias->proc : NULL;
}

/* A slot from the free list, else a new one; SLOT_NONE when there is no memory or no number. */
static uint32_t slot_get(struct weft_sched *sched, uint32_t *serial) {
    uint32_t index = sched->free_head;
    if (index != SLOT_NONE) {
        uint64_t word = *segments_at(&sched->slots, index);
        WEFT_ASSERT(word & SLOT_FREE);
        *serial = serial_of(word);
        sched->free_head = next_of(word);
        if (sched->free_head == SLOT_NONE) sched->free_tail = SLOT_NONE;
        return index;
    }
    index = sched->slots.count;
    if (index > SLOT_MASK) return SLOT_NONE;
    *serial = 1;
    return weft_otp__segments_add(&sched->slots, sched->env->mem) ? index : SLOT_NONE;
}

void weft_otp__table_init(struct weft_sched *sched) {
    WEFT_ASSERT(sched->slots.count == 0);
    sched->free_head = sched->free_tail = SLOT_NONE;
}

/* `word`: what the slot is to hold. */
static int slot_take(struct weft_sched *sched, uint64_t word, weft_pid *out) {
    WEFT_ASSERT((word & SLOT_FREE) == 0);
    if (sched->procs_count + sched->aliases_count >= sched->procs_max) return WEFT_ERR_FULL;
    uint32_t serial;
    uint32_t index = slot_get(sched, &serial);
    if (index == SLOT_NONE) return WEFT_ERR_NOMEM;
    WEFT_ASSERT(serial <= SERIAL_MAX);
    *segments_at(&sched->slots, index) = word;
    *out = (weft_pid){sched->place | (uint64_t)serial << SLOT_BITS | index};
    return WEFT_OK;
}

static void slot_give(struct weft_sched *sched, weft_pid pid) {
    uint32_t index = weft_pid_slot(pid), serial = weft_pid_serial(pid);
    *segments_at(&sched->slots, index) = free_word(serial + 1, SLOT_NONE);
    if (serial == SERIAL_MAX) return;
    if (sched->free_tail == SLOT_NONE) {
        sched->free_head = index;
    } else {
        uint64_t *tail = segments_at(&sched->slots, sched->free_tail);
        *tail = free_word(serial_of(*tail), index);
    }
    sched->free_tail = index;
}

int weft_otp__table_add(struct weft_sched *sched, struct weft_process *proc) {
    WEFT_ASSERT(weft_pid_is_none(proc->pid));
    int rv = slot_take(sched, (uintptr_t)proc, &proc->pid);
    if (rv == WEFT_OK) sched->procs_count++;
    return rv;
}

void weft_otp__table_remove(struct weft_sched *sched, struct weft_process *proc) {
    WEFT_ASSERT(weft_otp__table_at(sched, weft_pid_slot(proc->pid)) == proc);
    slot_give(sched, proc->pid);
    sched->procs_count--;
}

int weft_otp__table_add_alias(struct weft_sched *sched, struct alias *alias) {
    WEFT_ASSERT(alias->proc != NULL);
    int rv = slot_take(sched, (uintptr_t)alias | SLOT_ALIAS, &alias->pid);
    if (rv == WEFT_OK) sched->aliases_count++;
    return rv;
}

void weft_otp__table_remove_alias(struct weft_sched *sched, const struct alias *alias) {
    WEFT_ASSERT(weft_otp__find(sched, alias->pid) == alias->proc);
    WEFT_ASSERT(sched->aliases_count > 0);
    slot_give(sched, alias->pid);
    sched->aliases_count--;
}
