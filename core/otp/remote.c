/* Signals on their way: which place they go to, and the rings between schedulers. */
#include "core/otp/remote_internal.h"

/* Bytes for one scheduler that are sent before the run ends. */
#define FLUSH_AT 16384

/* Bytes that there is always room for towards each, unless they are full of what waits. */
#define RESERVED 4096

/* So that the first EXIT, DOWN or REPLY to another scheduler needs no memory. */
static int reserve_all(struct remote *remote) {
    int rv = WEFT_OK;
    for (uint32_t i = 0; i < remote->hub->schedulers && rv == WEFT_OK; i++) {
        if (i == remote->index) continue;
        rv = weft_signal_writer_reserve(&remote->siblings[i].writer, RESERVED);
    }
    return rv;
}

int weft_otp__remote_new(struct weft_sched *sched, struct weft_hub *hub, uint32_t index) {
    WEFT_ASSERT(index < hub->schedulers);
    struct weft_mem *mem = sched->env->mem;
    size_t size = sizeof(struct remote) + hub->schedulers * sizeof(struct sibling);
    struct remote *remote = weft_mem_zalloc(mem, size);
    if (remote == NULL) return WEFT_ERR_NOMEM;
    remote->sched = sched;
    remote->hub = hub;
    remote->index = index;
    weft_otp__map_init(&remote->routes, mem);
    weft_otp__map_init(&remote->fars, mem);
    weft_otp__map_init(&remote->links, mem);
    weft_list_init(&remote->routes_all);
    weft_list_init(&remote->watches);
    weft_list_init(&remote->dirty_nodes);
    for (uint32_t i = 0; i < hub->schedulers; i++) {
        weft_signal_writer_init(&remote->siblings[i].writer, mem);
        weft_signal_reader_init(&remote->siblings[i].reader, mem);
    }
    sched->remote = remote;
    int rv = reserve_all(remote);
    if (rv != WEFT_OK) weft_otp__remote_free(sched);
    return rv;
}

static void free_routes(struct remote *remote) {
    while (!weft_list_empty(&remote->routes_all)) {
        struct route *route = WEFT_CONTAINER(remote->routes_all.next, struct route, all);
        WEFT_ASSERT(weft_list_empty(&route->ties));
        WEFT_ASSERT(weft_list_empty(&route->fars));
        weft_list_remove(&route->all);
        weft_otp__map_remove(&remote->routes, &route->node);
        weft_mem_free(remote->sched->env->mem, route, sizeof *route);
    }
}

static void free_nodes(struct remote *remote) {
    for (struct peer *peer = remote->hub->peers_first; peer != NULL; peer = peer->next)
        if (peer->far != NULL) weft_otp__node_free(remote, peer->far);
}

void weft_otp__remote_free(struct weft_sched *sched) {
    struct remote *remote = sched->remote;
    if (remote == NULL) return;
    uint32_t count = remote->hub->schedulers;
    for (uint32_t i = 0; i < count; i++) {
        weft_signal_writer_deinit(&remote->siblings[i].writer);
        weft_signal_reader_deinit(&remote->siblings[i].reader);
    }
    if (remote->index == CARRIER) free_nodes(remote);
    free_routes(remote);
    WEFT_ASSERT(weft_list_empty(&remote->watches));
    weft_otp__map_deinit(&remote->routes);
    weft_otp__map_deinit(&remote->fars);
    weft_otp__map_deinit(&remote->links);
    weft_mem_free(sched->env->mem, remote, sizeof *remote + count * sizeof(struct sibling));
    sched->remote = NULL;
}

static uint32_t place_of(uint64_t far) {
    uint32_t node = pid_node(far);
    return node == 0 ? pid_scheduler(far) : node * WEFT_SCHEDULERS_MAX;
}

static struct route *route_find(const struct remote *remote, uint32_t place) {
    struct map_node *node = weft_otp__map_first(&remote->routes, weft_fold(0, place));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct route *route = WEFT_CONTAINER(node, struct route, node);
        if (route->place == place) return route;
    }
    return NULL;
}

static struct route *route_new(struct remote *remote, uint32_t place) {
    struct weft_mem *mem = remote->sched->env->mem;
    struct route *route = weft_mem_alloc(mem, sizeof *route);
    if (route == NULL) return NULL;
    if (weft_otp__map_insert(&remote->routes, &route->node, weft_fold(0, place)) != WEFT_OK) {
        weft_mem_free(mem, route, sizeof *route);
        return NULL;
    }
    route->place = place;
    weft_list_init(&route->ties);
    weft_list_init(&route->fars);
    weft_list_init(&route->all);
    weft_list_push_back(&remote->routes_all, &route->all);
    return route;
}

struct route *weft_otp__route(struct remote *remote, uint64_t far) {
    uint32_t place = place_of(far);
    struct sibling *sibling = place < remote->hub->schedulers ? &remote->siblings[place] : NULL;
    if (sibling != NULL && sibling->route != NULL) return sibling->route;
    struct route *route = sibling == NULL ? route_find(remote, place) : NULL;
    if (route == NULL) route = route_new(remote, place);
    if (sibling != NULL) sibling->route = route;
    return route;
}

struct route *weft_otp__route_find(struct remote *remote, uint64_t far) {
    WEFT_ASSERT(pid_node(far) != 0);
    return route_find(remote, place_of(far));
}

void weft_otp__route_tie(struct route *route, struct tie *tie, enum tie_kind kind) {
    WEFT_ASSERT(tie->kind == TIE_NONE);
    WEFT_ASSERT(kind >= TIE_ROUTE_MONITOR);
    tie->kind = (uint8_t)kind;
    weft_list_init(&tie->link);
    weft_list_push_back(&route->ties, &tie->link);
}

/* --- rings --- */

static void flush_sibling(struct remote *remote, uint32_t to) {
    struct weft_signal_writer *writer = &remote->siblings[to].writer;
    struct byte_ring *ring = weft_otp__hub_ring(remote->hub, remote->index, to);
    struct weft_bytes bytes;
    if (ring == NULL) return; /* later */
    size_t written = 0, took = 0;
    do {
        (void)weft_signal_writer_peek(writer, &bytes);
        took = bytes.size > 0 ? weft_otp__byte_ring_write(ring, bytes) : 0;
        weft_signal_writer_take(writer, took);
        written += took;
    } while (took > 0 && took == bytes.size);
    if (written > 0) weft_otp__hub_ready(remote->hub, remote->index, to);
    /* What is left goes when the reader says that it made room. */
    bool waits = bytes.size == 0 && writer->pending > 0; /* no memory for a piece */
    if (!waits) remote->dirty &= ~(UINT64_C(1) << to);
}

void weft_otp__remote_flush(struct weft_sched *sched) {
    struct remote *remote = sched->remote;
    for (uint64_t dirty = remote->dirty; dirty != 0; dirty &= dirty - 1)
        flush_sibling(remote, (uint32_t)__builtin_ctzll(dirty));
    if (remote->index == CARRIER) weft_otp__remote_flush_nodes(remote);
}

bool weft_otp__remote_busy(const struct weft_sched *sched) {
    const struct remote *remote = sched->remote;
    if (remote->dirty != 0 || !weft_list_empty(&remote->dirty_nodes)) return true;
    return !weft_hub_sleep(remote->hub, remote->index);
}

static int to_sibling(struct remote *remote, uint32_t to, const struct weft_signal *signal,
                      bool must) {
    struct weft_signal_writer *writer = &remote->siblings[to].writer;
    WEFT_ASSERT(to != remote->index);
    if (!must && writer->pending >= WEFT_OUTBOX_MAX) return WEFT_ERR_FULL;
    int rv = weft_signal_writer_put(writer, signal, must);
    if (rv == WEFT_ERR_NOMEM && must) { /* what goes now makes room */
        flush_sibling(remote, to);
        rv = weft_signal_writer_put(writer, signal, must);
    }
    if (rv != WEFT_OK && must)
        weft_panic(__FILE__, __LINE__, "no memory for a signal to another scheduler");
    if (rv != WEFT_OK) return rv;
    remote->dirty |= UINT64_C(1) << to;
    if (writer->pending >= FLUSH_AT) flush_sibling(remote, to);
    return WEFT_OK;
}

/* Towards its place. Signals to nodes are counted by whoever sent them first. */
static int move(struct remote *remote, const struct weft_signal *signal, bool must) {
    uint32_t scheduler = pid_scheduler(signal->to);
    if (pid_node(signal->to) != 0) {
        if (remote->index != CARRIER) return to_sibling(remote, CARRIER, signal, must);
        weft_otp__remote_to_node(remote, signal, must);
        return WEFT_OK;
    }
    if (scheduler == remote->index) {
        weft_otp__remote_act(remote, signal);
    } else if (scheduler < remote->hub->schedulers) {
        return to_sibling(remote, scheduler, signal, must);
    } else {
        weft_otp__remote_bounce(remote, signal, WEFT_REASON_NOPROC);
    }
    return WEFT_OK;
}

int weft_otp__remote_put(struct remote *remote, const struct weft_signal *signal, bool must) {
    uint32_t node = pid_node(signal->to);
    if (node == 0) return move(remote, signal, must);
    const struct node_entry *entry = weft_otp__hub_entry(remote->hub, node);
    WEFT_ASSERT(entry != NULL);
    size_t size = weft_signal_size(signal);
    if (!must && atomic_load(&entry->peer->queued) >= WEFT_OUTBOX_MAX) return WEFT_ERR_FULL;
    atomic_fetch_add(&entry->peer->queued, size);
    int rv = move(remote, signal, must);
    if (rv != WEFT_OK) atomic_fetch_sub(&entry->peer->queued, size);
    return rv;
}

bool weft_otp__remote_full(const struct remote *remote, uint64_t to) {
    uint32_t scheduler = pid_scheduler(to);
    if (pid_node(to) != 0 || scheduler == remote->index) return false;
    if (scheduler >= remote->hub->schedulers) return false;
    return remote->siblings[scheduler].writer.pending >= WEFT_OUTBOX_MAX;
}

int weft_otp__remote_check(const struct remote *remote, uint64_t far) {
    uint32_t node = pid_node(far);
    if (node == 0) return pid_scheduler(far) < remote->hub->schedulers ? WEFT_OK : WEFT_ERR_NO_PROC;
    if (remote->hub->node[0] == '\0') return WEFT_ERR_NO_CONNECTION;
    const struct node_entry *entry = weft_otp__hub_entry(remote->hub, node);
    if (entry == NULL) return WEFT_ERR_NO_PROC;
    return weft_otp__hub_over(entry) ? WEFT_ERR_NO_PROC : WEFT_OK;
}

/* --- what came --- */

struct arrival {
    struct remote *remote;
    uint32_t from;
};

/* Sent before the scheduler heard that the node was lost: those waiting are told there. */
static bool is_stale(const struct arrival *arrival, const struct weft_signal *signal) {
    const struct node_entry *entry =
        weft_otp__hub_entry(arrival->remote->hub, pid_node(signal->to));
    WEFT_ASSERT(entry != NULL);
    if (!(atomic_load(&entry->peer->stale) >> arrival->from & 1)) return false;
    atomic_fetch_sub(&entry->peer->queued, weft_signal_size(signal));
    return true;
}

static int arrived(void *ctx, const struct weft_signal *signal) {
    struct arrival *arrival = ctx;
    if (pid_node(signal->to) != 0) {
        WEFT_ASSERT(arrival->remote->index == CARRIER);
        if (is_stale(arrival, signal)) return WEFT_OK;
    }
    (void)move(arrival->remote, signal, true);
    return WEFT_OK;
}

static void receive_from(struct remote *remote, uint32_t from) {
    struct arrival arrival = {.remote = remote, .from = from};
    struct byte_ring *ring =
        atomic_load_explicit(&remote->hub->rings[from][remote->index], memory_order_acquire);
    if (ring == NULL) return;
    size_t total = 0;
    bool wanted = false;
    struct weft_bytes bytes = weft_otp__byte_ring_peek(ring);
    while (bytes.size > 0 && total < ring->size) {
        int rv = weft_signal_reader_feed(&remote->siblings[from].reader, bytes, arrived, &arrival);
        if (rv != WEFT_OK)
            weft_panic(__FILE__, __LINE__, "a signal from another scheduler is lost");
        wanted = weft_otp__byte_ring_take(ring, bytes.size) || wanted;
        total += bytes.size;
        bytes = weft_otp__byte_ring_peek(ring);
    }
    if (wanted) weft_otp__hub_ready(remote->hub, remote->index, from);
    if (bytes.size > 0) atomic_fetch_or(&remote->hub->inbox[remote->index], UINT64_C(1) << from);
}

void weft_otp__remote_receive(struct weft_sched *sched) {
    struct remote *remote = sched->remote;
    if (atomic_load_explicit(&remote->hub->inbox[remote->index], memory_order_relaxed) == 0) return;
    uint64_t from = atomic_exchange(&remote->hub->inbox[remote->index], 0);
    for (; from != 0; from &= from - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(from);
        if (remote->siblings[index].writer.pending > 0) remote->dirty |= UINT64_C(1) << index;
        receive_from(remote, index);
    }
    weft_otp__reap(sched);
}
