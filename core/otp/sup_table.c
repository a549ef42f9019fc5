/* The slots of a supervisor's children: in segments that do not move, so that growth costs the
 * same however many there are. */
#include "core/otp/sup_internal.h"

/* Segments double from the first to the largest, and go on with that. Both are powers of 2. */
#define SEGMENT_FIRST 2U
#define SEGMENT_FIRST_LOG 1U
#define SEGMENT_MAX 1024U
#define DOUBLING 9U /* segments before the first of SEGMENT_MAX */

_Static_assert(SEGMENT_FIRST == 1U << SEGMENT_FIRST_LOG, "its logarithm");
_Static_assert(SEGMENT_FIRST << DOUBLING == SEGMENT_MAX, "they double up to the largest");

static uint32_t segment_size(uint32_t segment) {
    return segment < DOUBLING ? SEGMENT_FIRST << segment : SEGMENT_MAX;
}

void weft_otp__sup_table_init(struct sup *sup) {
    const struct index_list none = {CHILD_NONE, CHILD_NONE, false};
    WEFT_ASSERT(sup->segments == NULL);
    sup->slots_free = CHILD_NONE;
    sup->children = sup->deaths = sup->waited = sup->retries = none;
    sup->deaths.due = sup->waited.due = sup->retries.due = true;
    sup->cursor = sup->last_of = CHILD_NONE;
}

struct child *weft_otp__child_at(const struct sup *sup, uint32_t index) {
    if (index == CHILD_NONE) return NULL;
    WEFT_ASSERT(index < sup->slots_used);
    uint32_t place = index + SEGMENT_FIRST;
    if (place >= SEGMENT_MAX)
        return &sup->segments[DOUBLING + place / SEGMENT_MAX - 1][place % SEGMENT_MAX];
    uint32_t log = 31U - (uint32_t)__builtin_clz(place);
    return &sup->segments[log - SEGMENT_FIRST_LOG][place - (1U << log)];
}

static int segment_add(weft_self *self, struct sup *sup) {
    if (sup->segments_count == sup->segments_room) {
        void *table = sup->segments;
        int rv =
            weft_otp__grow(weft_self_mem(self), &table, &sup->segments_room, sizeof *sup->segments);
        if (rv != WEFT_OK) return rv;
        sup->segments = table;
    }
    uint32_t size = segment_size(sup->segments_count);
    struct child *segment = weft_alloc(self, size * sizeof *segment);
    if (segment == NULL) return WEFT_ERR_NOMEM;
    sup->segments[sup->segments_count++] = segment;
    sup->slots_room += size;
    return WEFT_OK;
}

static struct hook *hook_of(const struct index_list *list, struct child *child) {
    return list->due ? &child->due : &child->order;
}

void weft_otp__list_push(struct sup *sup, struct index_list *list, struct child *child) {
    struct child *last = weft_otp__child_at(sup, list->last);
    *hook_of(list, child) = (struct hook){.next = CHILD_NONE, .prev = list->last};
    if (last == NULL) {
        list->first = child->index;
    } else {
        hook_of(list, last)->next = child->index;
    }
    list->last = child->index;
}

void weft_otp__list_remove(struct sup *sup, struct index_list *list, struct child *child) {
    struct hook hook = *hook_of(list, child);
    struct child *next = weft_otp__child_at(sup, hook.next);
    struct child *prev = weft_otp__child_at(sup, hook.prev);
    WEFT_ASSERT((prev == NULL) == (list->first == child->index));
    WEFT_ASSERT((next == NULL) == (list->last == child->index));
    if (next == NULL) {
        list->last = hook.prev;
    } else {
        hook_of(list, next)->prev = hook.prev;
    }
    if (prev == NULL) {
        list->first = hook.next;
    } else {
        hook_of(list, prev)->next = hook.next;
    }
}

int weft_otp__slot_get(weft_self *self, struct child **out) {
    struct sup *sup = weft_state(self);
    if (sup->children_count >= WEFT_CHILDREN_MAX) return WEFT_ERR_FULL;
    struct child *child = weft_otp__child_at(sup, sup->slots_free);
    if (child != NULL) {
        WEFT_ASSERT(child->state == CHILD_FREE);
        sup->slots_free = child->order.next;
    } else {
        if (sup->slots_used == sup->slots_room) {
            int rv = segment_add(self, sup);
            if (rv != WEFT_OK) return rv;
        }
        uint32_t index = sup->slots_used++;
        child = weft_otp__child_at(sup, index);
        child->index = index;
    }
    *child = (struct child){.index = child->index, .state = CHILD_DOWN};
    weft_otp__list_push(sup, &sup->children, child);
    sup->children_count++;
    *out = child;
    return WEFT_OK;
}

/* Nothing but the first segment stays when the last child has gone. */
static void shrink(weft_self *self, struct sup *sup) {
    WEFT_ASSERT(sup->children.first == CHILD_NONE);
    while (sup->segments_count > 1) {
        uint32_t last = --sup->segments_count;
        sup->slots_room -= segment_size(last);
        weft_free(self, sup->segments[last]);
    }
    sup->slots_used = 0;
    sup->slots_free = CHILD_NONE;
}

void weft_otp__slot_put(weft_self *self, struct child *child) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(child->state == CHILD_DOWN);
    WEFT_ASSERT(sup->children_count > 0);
    weft_otp__list_remove(sup, &sup->children, child);
    child->state = CHILD_FREE;
    child->pid = WEFT_PID_NONE;
    child->order.next = sup->slots_free;
    sup->slots_free = child->index;
    sup->children_count--;
    if (sup->children_count == 0) shrink(self, sup);
}
