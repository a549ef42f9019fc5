/* A node for the tests of core/posix: it records what it is told. */
#ifndef WEFT_TESTS_UNIT_POSIX_NODE_H
#define WEFT_TESTS_UNIT_POSIX_NODE_H

#include "core/base/error.h"
#include "core/posix/guard.h"
#include "core/posix/loop.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

#define NODE_EVENTS_MAX 4096

struct node {
    struct weft_posix *posix;
    struct weft_env *env;
    struct weft_posix_driver driver;
    struct weft_event events[NODE_EVENTS_MAX];
    size_t count, runs;
    weft_time next_at; /* what it answers */
    bool more;         /* run says there is more, once */
    bool done;
    void (*on_event)(struct node *node, const struct weft_event *event);
};

static void node_deliver(void *ctx, const struct weft_event *event) {
    struct node *node = ctx;
    if (node->count < NODE_EVENTS_MAX) node->events[node->count++] = *event;
    if (node->on_event != NULL) node->on_event(node, event);
}

static bool node_run(void *ctx) {
    struct node *node = ctx;
    bool more = node->more;
    node->runs++;
    node->more = false;
    return more;
}

static weft_time node_next_at(void *ctx) { return ((struct node *)ctx)->next_at; }

static bool node_done(void *ctx) { return ((struct node *)ctx)->done; }

static inline struct node *node_new(const struct weft_posix_config *config) {
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL || weft_posix_new(config, &node->posix) != WEFT_OK) abort();
    node->env = weft_posix_env(node->posix);
    node->next_at = WEFT_TIME_NEVER;
    node->driver =
        (struct weft_posix_driver){node, node_deliver, node_run, node_next_at, node_done};
    return node;
}

static inline void node_free(struct node *node) {
    weft_posix_free(node->posix);
    free(node);
}

static inline int node_turn(struct node *node, weft_duration wait) {
    return weft_posix_turn(node->posix, &node->driver, wait);
}

static inline size_t node_count(const struct node *node, enum weft_event_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < node->count; i++) count += node->events[i].kind == kind;
    return count;
}

/* Turn until there were `count` events of `kind`, for at most five seconds. */
static inline bool node_wait(struct node *node, enum weft_event_kind kind, size_t count) {
    weft_time end = weft_env_now(node->env) + WEFT_S(5);
    while (node_count(node, kind) < count && weft_env_now(node->env) < end) {
        node_turn(node, WEFT_MS(50));
    }
    return node_count(node, kind) >= count;
}

#endif
