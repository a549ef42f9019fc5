/* The table of processes: a pid's slot, and the serial of the slot's holder.
 *
 * Free slots are used again first in, first out. A slot whose serials are used up is retired, so
 * that no pid ever comes twice; that costs sizeof(struct slot) per million processes. */
#include "core/otp/internal.h"

#define SLOT_BITS WEFT_PID_SLOT_BITS
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)
#define SLOT_NONE UINT32_MAX
#define SERIAL_MAX ((UINT32_C(1) << WEFT_PID_SERIAL_BITS) - 1)

#define TABLE_MIN 8

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

static uint64_t serial_of(weft_pid pid) { return pid.raw >> SLOT_BITS; }

struct weft_process *weft_otp__find(const struct weft_sched *sched, weft_pid pid) {
    uint32_t index = weft_pid_slot(pid);
    if (index >= sched->slots_count) return NULL;
    const struct slot *slot = &sched->slots[index];
    /* A pid of elsewhere has bits above the serial and so equals none here. */
    return slot->serial == serial_of(pid) ? slot->proc : NULL;
}

/* A slot from the free list, else a new one; SLOT_NONE when there is no memory or no number. */
static uint32_t slot_get(struct weft_sched *sched) {
    uint32_t index = sched->free_head;
    if (index != SLOT_NONE) {
        WEFT_ASSERT(sched->slots[index].proc == NULL);
        sched->free_head = sched->slots[index].next;
        if (sched->free_head == SLOT_NONE) sched->free_tail = SLOT_NONE;
        return index;
    }
    if (sched->slots_count > SLOT_MASK) return SLOT_NONE;
    if (sched->slots_count == sched->slots_room) {
        void *table = sched->slots;
        int rv = weft_otp__grow(sched->env->mem, &table, &sched->slots_room, sizeof(struct slot));
        if (rv != WEFT_OK) return SLOT_NONE;
        sched->slots = table;
    }
    index = sched->slots_count++;
    sched->slots[index] = (struct slot){.serial = 1, .next = SLOT_NONE};
    return index;
}

int weft_otp__slot_take(struct weft_sched *sched, struct weft_process *proc, weft_pid *out) {
    if (sched->procs_count + sched->aliases_count >= sched->procs_max) return WEFT_ERR_FULL;
    uint32_t index = slot_get(sched);
    if (index == SLOT_NONE) return WEFT_ERR_NOMEM;
    struct slot *slot = &sched->slots[index];
    WEFT_ASSERT(slot->serial <= SERIAL_MAX);
    slot->proc = proc;
    slot->next = 0;
    *out = (weft_pid){((uint64_t)slot->serial << SLOT_BITS) | index};
    return WEFT_OK;
}

void weft_otp__slot_give(struct weft_sched *sched, uint32_t index) {
    WEFT_ASSERT(index < sched->slots_count);
    struct slot *slot = &sched->slots[index];
    WEFT_ASSERT(slot->proc != NULL);
    slot->proc = NULL;
    if (slot->serial++ == SERIAL_MAX) return;
    slot->next = SLOT_NONE;
    if (sched->free_tail == SLOT_NONE) {
        sched->free_head = index;
    } else {
        sched->slots[sched->free_tail].next = index;
    }
    sched->free_tail = index;
}

int weft_otp__table_add(struct weft_sched *sched, struct weft_process *proc) {
    WEFT_ASSERT(weft_pid_is_none(proc->pid));
    int rv = weft_otp__slot_take(sched, proc, &proc->pid);
    if (rv == WEFT_OK) sched->procs_count++;
    return rv;
}

void weft_otp__table_remove(struct weft_sched *sched, struct weft_process *proc) {
    WEFT_ASSERT(weft_otp__find(sched, proc->pid) == proc);
    weft_otp__slot_give(sched, weft_pid_slot(proc->pid));
    sched->procs_count--;
}
