/* Intrusive doubly linked list with a sentinel. The link lives in the element; the list owns
 * nothing. An initialised link that is in no list points at itself. */
#ifndef WEFT_BASE_LIST_H
#define WEFT_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct weft_link {
    struct weft_link *next, *prev;
};

#define WEFT_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void weft_list_init(struct weft_link *list) { list->next = list->prev = list; }

static inline bool weft_list_empty(const struct weft_link *list) { return list->next == list; }

static inline void weft_list_insert_before(struct weft_link *at, struct weft_link *link) {
    link->next = at;
    link->prev = at->prev;
    at->prev->next = link;
    at->prev = link;
}

static inline void weft_list_push_back(struct weft_link *list, struct weft_link *link) {
    weft_list_insert_before(list, link);
}

static inline void weft_list_push_front(struct weft_link *list, struct weft_link *link) {
    weft_list_insert_before(list->next, link);
}

/* Take `link` out of its list; it is then in no list. Harmless when it is in none. */
static inline void weft_list_remove(struct weft_link *link) {
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = link->prev = link;
}

/* The first link, taken out, or NULL when the list is empty. */
static inline struct weft_link *weft_list_pop_front(struct weft_link *list) {
    struct weft_link *first = list->next;
    if (first == list) return NULL;
    weft_list_remove(first);
    return first;
}

#endif
