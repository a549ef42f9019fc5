/* Other nodes: what the carrier keeps of each, and what everyone is told of them. */
#include "core/otp/remote_internal.h"

/* Bytes held for a node. Replies, exits and their like go whatever waits; a node that asks for them
 * and does not read is dropped here. More than messages alone can come to. */
#define HELD_MAX ((size_t)4 * WEFT_OUTBOX_MAX + (size_t)2 * WEFT_MESSAGE_MAX)

static void release(struct peer *peer, size_t size) {
    size_t before = atomic_fetch_sub(&peer->queued, size);
    WEFT_ASSERT(before >= size);
}

void weft_otp__node_free(struct remote *remote, struct far_node *far) {
    struct peer *peer = far->peer;
    WEFT_ASSERT(peer->far == far);
    release(peer, far->writer.pending);
    weft_signal_writer_deinit(&far->writer);
    weft_signal_reader_deinit(&far->reader);
    weft_list_remove(&far->dirty);
    peer->far = NULL;
    weft_mem_free(remote->sched->env->mem, far, sizeof *far);
}

static struct far_node *node_new(struct remote *remote, struct peer *peer) {
    struct weft_mem *mem = remote->sched->env->mem;
    struct far_node *far = weft_mem_zalloc(mem, sizeof *far);
    if (far == NULL) return NULL;
    far->peer = peer;
    weft_list_init(&far->dirty);
    weft_signal_writer_init(&far->writer, mem);
    weft_signal_reader_init(&far->reader, mem);
    peer->far = far;
    return far;
}

/* Tell the process that connects. */
static int order(struct remote *remote, struct peer *peer, uint32_t tag) {
    struct weft_process *dist = weft_otp__find(remote->sched, remote->dist);
    struct post post = {
        .kind = WEFT_MSG_CAST, .tag = tag, .data = weft_bytes(&peer, sizeof peer), .force = true};
    return dist == NULL ? WEFT_ERR_NO_CONNECTION : weft_otp__post(dist, &post);
}

/* To every scheduler, this one included; signals of each about this node that are older than its
 * acknowledgement are stale. */
static void broadcast(struct remote *remote, const struct weft_signal *what) {
    struct weft_signal signal = *what;
    for (uint32_t i = 0; i < remote->hub->schedulers; i++) {
        signal.from = pid_place(0, remote->index);
        signal.to = pid_place(0, i);
        (void)weft_otp__remote_put(remote, &signal, true);
    }
}

static void tell_down(struct remote *remote, struct peer *peer, bool was_up) {
    uint64_t others = ((remote->hub->schedulers == WEFT_SCHEDULERS_MAX
                            ? UINT64_MAX
                            : (UINT64_C(1) << remote->hub->schedulers) - 1)) &
                      ~(UINT64_C(1) << CARRIER);
    atomic_fetch_or(&peer->stale, others);
    struct weft_signal signal = {
        .kind = WEFT_SIGNAL_NODE_DOWN, .tag = ++peer->downs, .value = was_up, .ref = peer->generic};
    broadcast(remote, &signal);
}

static void node_down(struct remote *remote, struct peer *peer) {
    bool was_up = atomic_load(&peer->state) == PEER_UP;
    if (was_up)
        weft_trace(remote->sched->env, WEFT_TRACE_DIST_DOWN, weft_bytes_text(peer->name),
                   atomic_load(&peer->creation));
    atomic_store(&peer->state, PEER_DOWN);
    atomic_store(&peer->creation, 0);
    if (peer->far != NULL) weft_otp__node_free(remote, peer->far);
    tell_down(remote, peer, was_up);
}

/* Start to connect. False: that is not possible, and everyone has been told. */
static bool connect_node(struct remote *remote, struct peer *peer) {
    WEFT_ASSERT(peer->far == NULL);
    atomic_store(&peer->state, PEER_CONNECTING);
    if (node_new(remote, peer) != NULL && order(remote, peer, DIST_CONNECT) == WEFT_OK) return true;
    node_down(remote, peer);
    return false;
}

/* Not freed here: its bytes may be what is being read. When the process that connects cannot be
 * told it has to end, and with it the connection. */
static void fail(struct remote *remote, struct far_node *far) {
    struct weft_process *dist = weft_otp__find(remote->sched, remote->dist);
    if (far->failed) return;
    far->failed = true;
    if (order(remote, far->peer, DIST_DISCONNECT) == WEFT_OK || dist == NULL) return;
    weft_otp__doom(dist, weft_otp__cause_plain(WEFT_REASON_LIMIT, 0));
}

static void dirty(struct remote *remote, struct far_node *far) {
    if (atomic_load(&far->peer->state) != PEER_UP || far->blocked || far->failed) return;
    if (weft_list_empty(&far->dirty)) weft_list_push_back(&remote->dirty_nodes, &far->dirty);
}

void weft_otp__remote_to_node(struct remote *remote, const struct weft_signal *signal, bool must) {
    const struct node_entry *entry = weft_otp__hub_entry(remote->hub, pid_node(signal->to));
    WEFT_ASSERT(entry != NULL);
    WEFT_ASSERT(remote->index == CARRIER);
    struct peer *peer = entry->peer;
    size_t size = weft_signal_size(signal);
    (void)must; /* messages are bounded by peer->queued */
    if (weft_otp__hub_over(entry)) {
        release(peer, size);
        weft_otp__remote_bounce(remote, signal, WEFT_REASON_NOPROC);
        return;
    }
    /* Those who wait for something of it are told by the loss of the node. */
    bool down = atomic_load(&peer->state) == PEER_DOWN;
    if ((down && !connect_node(remote, peer)) || peer->far->failed) {
        release(peer, size);
        return;
    }
    /* Until it is connected the life that is meant stands in `to`. */
    struct weft_signal out = *signal;
    if (atomic_load(&peer->state) == PEER_UP) out.to = weft_otp__pid_there(entry, out.to);
    if (weft_signal_writer_put(&peer->far->writer, &out, true) != WEFT_OK) {
        release(peer, size);
        fail(remote, peer->far);
        return;
    }
    if (peer->far->writer.pending <= HELD_MAX) {
        dirty(remote, peer->far);
    } else {
        fail(remote, peer->far);
    }
}

static void flush_node(struct remote *remote, struct far_node *far) {
    struct weft_env *env = remote->sched->env;
    struct weft_signal_writer *writer = &far->writer;
    size_t before = writer->pending;
    struct weft_bytes bytes;
    int rv = weft_signal_writer_peek(writer, &bytes);
    while (bytes.size > 0) {
        int64_t wrote = env->net->stream_write(env, far->socket, bytes.data, bytes.size);
        if (wrote <= 0) {
            far->blocked = wrote == WEFT_ERR_AGAIN;
            if (!far->blocked) rv = WEFT_ERR_CLOSED;
            break;
        }
        far->written += (uint64_t)wrote;
        weft_signal_writer_take(writer, (size_t)wrote);
        rv = weft_signal_writer_peek(writer, &bytes);
    }
    /* Pieces have heads of their own, which were not counted when the whole was. */
    if (writer->pending < before) release(far->peer, before - writer->pending);
    if (writer->pending > before) atomic_fetch_add(&far->peer->queued, writer->pending - before);
    if (rv != WEFT_OK) fail(remote, far);
}

void weft_otp__remote_flush_nodes(struct remote *remote) {
    struct weft_link *at;
    while ((at = weft_list_pop_front(&remote->dirty_nodes)) != NULL)
        flush_node(remote, WEFT_CONTAINER(at, struct far_node, dirty));
}

/* --- a node is lost --- */

static void lose_tie(struct remote *remote, struct tie *tie, struct cause cause) {
    if (tie->kind == TIE_ROUTE_MONITOR) {
        weft_otp__tie_drop(remote->sched, tie);
        weft_otp__monitor_fire(WEFT_CONTAINER(tie, struct monitor, tie), cause);
    } else if (tie->kind == TIE_ROUTE_CALL) {
        struct call *call = WEFT_CONTAINER(tie, struct call, tie);
        call->awaited.mail.bits = 0;
        weft_otp__call_done(call, WEFT_ERR_NO_CONNECTION, weft_bytes(NULL, 0));
    } else {
        WEFT_ASSERT(tie->kind == TIE_ROUTE_LINK);
        struct peer_link *link = WEFT_CONTAINER(tie, struct peer_link, tie[1]);
        weft_otp__far_link_lost(remote, WEFT_CONTAINER(link, struct far_link, link), cause);
    }
}

void weft_otp__remote_lost(struct remote *remote, uint32_t index) {
    struct route *route = weft_otp__route_find(remote, pid_place(index, 0));
    struct cause cause = weft_otp__cause_plain(WEFT_REASON_NOCONNECTION, 0);
    if (route == NULL) return; /* nobody waits */
    while (!weft_list_empty(&route->ties))
        lose_tie(remote, WEFT_CONTAINER(route->ties.next, struct tie, link), cause);
    while (!weft_list_empty(&route->fars))
        weft_otp__far_tie_free(remote, WEFT_CONTAINER(route->fars.next, struct far_tie, link));
}

void weft_otp__remote_watchers(struct remote *remote, struct peer *peer, uint32_t tag,
                               bool named_only) {
    for (struct weft_link *at = remote->watches.next; at != &remote->watches; at = at->next) {
        struct node_watch *watch = WEFT_CONTAINER(at, struct node_watch, link);
        if (watch->peer != NULL ? watch->peer != peer : named_only) continue;
        weft_otp__watch_tell(watch, peer, tag);
    }
}

void weft_otp__act_node_cut(struct remote *remote, const struct weft_signal *signal) {
    const struct node_entry *entry = weft_otp__hub_entry(remote->hub, (uint32_t)signal->ref);
    WEFT_ASSERT(entry != NULL);
    if (entry->peer->far != NULL) fail(remote, entry->peer->far);
}

/* --- what dist.c does --- */

static struct remote *carrier_of(weft_self *self) {
    struct remote *remote = self->sched->remote;
    WEFT_ASSERT(remote != NULL);
    WEFT_ASSERT(remote->index == CARRIER);
    return remote;
}

int weft_otp__dist_begin(weft_self *self) {
    struct remote *remote = carrier_of(self);
    if (!weft_pid_is_none(remote->dist)) return WEFT_ERR_EXISTS;
    remote->dist = self->pid;
    self->flags |= PROC_DIST;
    return WEFT_OK;
}

void weft_otp__dist_ended(struct remote *remote) {
    remote->dist = WEFT_PID_NONE;
    struct peer *peer = weft_otp__hub_peers(remote->hub);
    for (; peer != NULL; peer = peer->next)
        if (peer->far != NULL) node_down(remote, peer);
}

struct far_node *weft_otp__dist_node(weft_self *self, struct peer *peer) {
    (void)carrier_of(self);
    return peer->far;
}

struct sift {
    struct remote *remote;
    struct far_node *to;
    bool failed;
};

/* What is for this life of the node, or for any, is kept. */
static void keep(void *ctx, const struct weft_signal *signal) {
    struct sift *sift = ctx;
    const struct node_entry *entry = weft_otp__hub_entry(sift->remote->hub, pid_node(signal->to));
    size_t size = weft_signal_size(signal);
    struct weft_signal kept = *signal;
    WEFT_ASSERT(entry != NULL);
    kept.to = weft_otp__pid_there(entry, kept.to);
    bool over = weft_otp__hub_over(entry);
    if (!over && weft_signal_writer_put(&sift->to->writer, &kept, true) == WEFT_OK) return;
    release(sift->to->peer, size);
    if (over) weft_otp__remote_bounce(sift->remote, signal, WEFT_REASON_NOPROC);
    if (!over) sift->failed = true;
}

/* What was put while nobody knew which life of the node would answer. */
static int sift_queue(struct remote *remote, struct peer *peer) {
    struct weft_signal_writer *writer = &peer->far->writer, old = *writer;
    struct sift sift = {.remote = remote, .to = peer->far};
    struct weft_link *lane;
    weft_list_init(&old.lanes); /* the list's sentinel is in the struct */
    while ((lane = weft_list_pop_front(&writer->lanes)) != NULL)
        weft_list_push_back(&old.lanes, lane);
    weft_signal_writer_init(writer, remote->sched->env->mem);
    weft_signal_writer_drain(&old, keep, &sift);
    weft_signal_writer_deinit(&old);
    return sift.failed ? WEFT_ERR_NOMEM : WEFT_OK;
}

static int bring_up(struct remote *remote, struct peer *peer, uint32_t creation,
                    weft_socket socket) {
    uint16_t index;
    WEFT_ASSERT(atomic_load(&peer->state) != PEER_UP);
    if (peer->far == NULL && node_new(remote, peer) == NULL) return WEFT_ERR_NOMEM;
    int rv = weft_otp__hub_life(remote->hub, peer, creation, &index);
    if (rv != WEFT_OK) return rv;
    atomic_store(&peer->creation, creation);
    rv = sift_queue(remote, peer);
    if (rv != WEFT_OK) return rv;
    peer->current = index;
    peer->far->socket = socket;
    weft_trace(remote->sched->env, WEFT_TRACE_DIST_UP, weft_bytes_text(peer->name), creation);
    atomic_store(&peer->state, PEER_UP);
    struct weft_signal signal = {.kind = WEFT_SIGNAL_NODE_UP, .value = true, .ref = peer->generic};
    broadcast(remote, &signal);
    if (peer->far->writer.pending > 0) dirty(remote, peer->far);
    return WEFT_OK;
}

int weft_otp__dist_up(weft_self *self, struct peer *peer, uint32_t creation, weft_socket socket) {
    struct remote *remote = carrier_of(self);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = bring_up(remote, peer, creation, socket);
    weft_otp__leave(sched);
    return rv;
}

void weft_otp__dist_down(weft_self *self, struct peer *peer) {
    struct remote *remote = carrier_of(self);
    struct weft_sched *sched = weft_otp__enter(self);
    if (peer->far != NULL) node_down(remote, peer);
    weft_otp__reap(sched);
    weft_otp__leave(sched);
}

struct stream {
    struct remote *remote;
    struct peer *peer;
};

static bool may_travel(const struct weft_signal *signal) {
    if (pid_node(signal->to) != 0 || pid_node(signal->from) != 0) return false;
    return signal->kind <= WEFT_SIGNAL_TICK;
}

static int from_node(void *ctx, const struct weft_signal *signal) {
    struct stream *stream = ctx;
    struct weft_signal in = *signal;
    if (!may_travel(signal)) return WEFT_ERR_MALFORMED;
    uint16_t index = stream->peer->current;
    in.from = weft_otp__pid_here(weft_otp__hub_entry(stream->remote->hub, index), index, in.from);
    if (in.kind != WEFT_SIGNAL_TICK) weft_otp__remote_forward(stream->remote, &in);
    return WEFT_OK;
}

int weft_otp__dist_feed(weft_self *self, struct peer *peer, struct weft_bytes bytes) {
    struct stream stream = {.remote = carrier_of(self), .peer = peer};
    struct weft_sched *sched = weft_otp__enter(self);
    WEFT_ASSERT(peer->far != NULL);
    peer->far->read += bytes.size;
    int rv = weft_signal_reader_feed(&peer->far->reader, bytes, from_node, &stream);
    weft_otp__reap(sched);
    weft_otp__leave(sched);
    return rv;
}

void weft_otp__dist_writable(weft_self *self, struct peer *peer) {
    struct remote *remote = carrier_of(self);
    if (peer->far == NULL) return;
    peer->far->blocked = false;
    if (peer->far->writer.pending > 0) dirty(remote, peer->far);
}

void weft_otp__dist_tick(weft_self *self, struct peer *peer) {
    struct weft_signal tick = {.kind = WEFT_SIGNAL_TICK, .to = pid_place(peer->generic, 0)};
    struct weft_sched *sched = weft_otp__enter(self);
    (void)weft_otp__remote_put(carrier_of(self), &tick, true);
    weft_otp__leave(sched);
}
