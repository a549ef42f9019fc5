/* A list whose head is one pointer: the links of its elements make a circle. */
#ifndef WEFT_OTP_RING_H
#define WEFT_OTP_RING_H

#include "core/base/list.h"

/* NULL: empty. Cleared memory is an empty ring. */
struct ring {
    struct weft_link *first;
};

static inline bool ring_empty(const struct ring *ring) { return ring->first == NULL; }

static inline void ring_push(struct ring *ring, struct weft_link *link) {
    if (ring->first == NULL) {
        weft_list_init(link);
        ring->first = link;
    } else {
        weft_list_insert_before(ring->first, link);
    }
}

/* `link` is in `ring`. */
static inline void ring_remove(struct ring *ring, struct weft_link *link) {
    if (link->next == link) {
        ring->first = NULL;
        return;
    }
    if (ring->first == link) ring->first = link->next;
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

/* What comes after `link`, or NULL when it is the last. */
static inline struct weft_link *ring_next(const struct ring *ring, const struct weft_link *link) {
    return link->next == ring->first ? NULL : link->next;
}

static inline struct weft_link *ring_last(const struct ring *ring) {
    return ring->first == NULL ? NULL : ring->first->prev;
}

#endif
