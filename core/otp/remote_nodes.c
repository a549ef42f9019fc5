/* What processes may know of nodes. */
#include "core/otp/remote_internal.h"
#include "core/wire/number.h"

uint32_t weft_self_scheduler(const weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return pid_scheduler(self->pid.raw);
}

uint32_t weft_self_schedulers(const weft_self *self) {
    const struct remote *remote = self->sched->remote;
    return remote == NULL ? 1 : remote->hub->schedulers;
}

const char *weft_self_node(const weft_self *self) {
    const struct remote *remote = self->sched->remote;
    return remote == NULL ? "" : remote->hub->node;
}

const char *weft_node_of(const weft_self *self, weft_pid pid) {
    const struct remote *remote = self->sched->remote;
    if (weft_pid_is_none(pid)) return NULL;
    if (weft_pid_node(pid) == 0) return weft_self_node(self);
    if (remote == NULL) return NULL;
    const struct node_entry *entry = weft_otp__hub_entry(remote->hub, weft_pid_node(pid));
    return entry == NULL ? NULL : entry->peer->name;
}

static int peer_of(const weft_self *self, const char *node, bool make, struct peer **peer) {
    const struct remote *remote = self->sched->remote;
    if (remote == NULL || remote->hub->node[0] == '\0') return WEFT_ERR_NO_CONNECTION;
    return weft_otp__hub_peer(remote->hub, node, make, peer);
}

bool weft_node_connected(const weft_self *self, const char *node) {
    struct peer *peer;
    if (peer_of(self, node, false, &peer) != WEFT_OK) return false;
    return atomic_load(&peer->state) == PEER_UP;
}

void weft_nodes_each(const weft_self *self, void (*fn)(void *ctx, const char *name), void *ctx) {
    const struct remote *remote = self->sched->remote;
    WEFT_ASSERT(fn != NULL);
    if (remote == NULL) return;
    const struct peer *peer = weft_otp__hub_peers(remote->hub);
    for (; peer != NULL; peer = peer->next)
        if (atomic_load(&peer->state) == PEER_UP) fn(ctx, peer->name);
}

weft_pid weft_otp__pid_beside(const weft_self *self, weft_pid other, uint64_t local) {
    const struct remote *remote = self->sched->remote;
    uint32_t node = pid_node(other.raw);
    uint64_t there = pid_place(0, pid_scheduler(other.raw)) | local;
    WEFT_ASSERT(local >> PID_SCHEDULER_SHIFT == 0);
    if (node == 0) return (weft_pid){there};
    const struct node_entry *entry = weft_otp__hub_entry(remote->hub, node);
    WEFT_ASSERT(entry != NULL);
    return (weft_pid){weft_otp__pid_here(entry, node, there)};
}

/* --- watching --- */

static struct node_watch *watch_find(struct weft_process *proc, const struct peer *peer) {
    struct weft_link *at = proc->ties.first;
    for (; at != NULL; at = ring_next(&proc->ties, at)) {
        struct tie *tie = WEFT_CONTAINER(at, struct tie, link);
        if (tie->kind != TIE_WATCH) continue;
        struct node_watch *watch = WEFT_CONTAINER(tie, struct node_watch, tie);
        if (watch->peer == peer) return watch;
    }
    return NULL;
}

static struct weft_bytes name_of(const struct peer *peer) {
    return weft_bytes(peer->name, peer->name_size - 1);
}

static struct letter *kept_of(const struct node_watch *watch, const struct peer *peer) {
    struct weft_bytes name = name_of(peer);
    for (struct weft_link *at = watch->kept.next; at != &watch->kept; at = at->next) {
        struct letter *letter = (struct letter *)WEFT_CONTAINER(at, struct mail, link);
        if (letter->data_size == name.size && memcmp(letter->data, name.data, name.size) == 0)
            return letter;
    }
    return NULL;
}

bool weft_otp__watch_keep(struct node_watch *watch, const struct peer *peer) {
    struct weft_bytes name = name_of(peer);
    const struct record record = {WEFT_MSG_CAST, sizeof(struct letter) + name.size,
                                  sizeof(struct letter)};
    if (kept_of(watch, peer) != NULL) return true;
    struct letter *letter = weft_otp__mail_new(watch->proc->sched, &record);
    if (letter == NULL) return false;
    letter->mail.tag = WEFT_TAG_NODE_DOWN;
    letter->data_size = (uint32_t)name.size;
    memcpy(letter->data, name.data, name.size);
    weft_list_push_back(&watch->kept, &letter->mail.link);
    return true;
}

static void end(struct weft_process *proc) {
    weft_otp__doom(proc, weft_otp__cause_plain(WEFT_REASON_LIMIT, 0));
}

/* One that watches a node by name may hear that it is down again; other nodes have to come up. */
static void tell_kept(struct node_watch *watch, const struct peer *peer, struct letter *letter) {
    weft_list_remove(&letter->mail.link);
    watch->proc->bytes += letter->data_size;
    weft_otp__mail_push(watch->proc, &letter->mail);
    if (watch->peer != NULL) (void)weft_otp__watch_keep(watch, peer); /* else when it is needed */
}

void weft_otp__watch_tell(struct node_watch *watch, const struct peer *peer, uint32_t tag) {
    const struct post post = {
        .kind = WEFT_MSG_CAST, .tag = tag, .data = name_of(peer), .force = true};
    struct letter *kept = tag == WEFT_TAG_NODE_DOWN ? kept_of(watch, peer) : NULL;
    if (kept != NULL) {
        tell_kept(watch, peer, kept);
    } else if (weft_otp__post(watch->proc, &post) != WEFT_OK) {
        end(watch->proc);
    } else if (tag == WEFT_TAG_NODE_UP && !weft_otp__watch_keep(watch, peer)) {
        end(watch->proc);
    }
}

void weft_otp__watch_free(struct weft_sched *sched, struct node_watch *watch) {
    while (!weft_list_empty(&watch->kept)) {
        struct mail *mail = WEFT_CONTAINER(watch->kept.next, struct mail, link);
        weft_list_remove(&mail->link);
        weft_otp__mail_free(sched, mail);
    }
    weft_otp__tie_remove(watch->proc, &watch->tie);
    weft_list_remove(&watch->link);
    weft_otp__free(sched, watch, sizeof *watch);
}

/* The node it names, or all that are connected: they may be lost at any time. */
static bool keep_all(struct node_watch *watch, struct weft_hub *hub) {
    const struct peer *peer = weft_otp__hub_peers(hub);
    for (; peer != NULL; peer = peer->next) {
        bool wanted =
            watch->peer != NULL ? watch->peer == peer : atomic_load(&peer->state) == PEER_UP;
        if (wanted && !weft_otp__watch_keep(watch, peer)) return false;
    }
    return true;
}

static int watch_new(struct weft_process *proc, struct peer *peer) {
    struct remote *remote = proc->sched->remote;
    struct node_watch *watch = weft_otp__alloc(proc->sched, sizeof *watch);
    if (watch == NULL) return WEFT_ERR_NOMEM;
    *watch = (struct node_watch){.proc = proc, .peer = peer};
    weft_list_init(&watch->link);
    weft_list_init(&watch->kept);
    weft_otp__tie_add(proc, &watch->tie, TIE_WATCH);
    weft_list_push_back(&remote->watches, &watch->link);
    if (keep_all(watch, remote->hub)) return WEFT_OK;
    weft_otp__watch_free(proc->sched, watch);
    return WEFT_ERR_NOMEM;
}

/* Something to send, so that a connection is tried. */
static void attempt(struct remote *remote, const struct peer *peer) {
    struct weft_signal tick = {.kind = WEFT_SIGNAL_TICK, .to = pid_place(peer->generic, 0)};
    if (atomic_load(&peer->state) == PEER_DOWN) (void)weft_otp__remote_put(remote, &tick, true);
}

static int watch(struct weft_process *proc, struct peer *peer, bool on) {
    struct node_watch *found = watch_find(proc, peer);
    if (on && found != NULL) return WEFT_OK;
    if (!on) {
        if (found != NULL) weft_otp__tie_far(proc, &found->tie, TIE_WATCH, NULL);
        return WEFT_OK;
    }
    int rv = watch_new(proc, peer);
    if (rv == WEFT_OK && peer != NULL) attempt(proc->sched->remote, peer);
    return rv;
}

int weft_monitor_node(weft_self *self, const char *node, bool on) {
    WEFT_ASSERT(self != NULL);
    struct peer *peer = NULL;
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = sched->remote == NULL ? WEFT_ERR_NO_CONNECTION : WEFT_OK;
    if (rv == WEFT_OK && node != NULL) rv = peer_of(self, node, true, &peer);
    if (rv == WEFT_OK) rv = watch(self, peer, on);
    weft_otp__leave(sched);
    return rv;
}

void weft_node_disconnect(weft_self *self, const char *node) {
    struct peer *peer;
    struct weft_sched *sched = weft_otp__enter(self);
    if (peer_of(self, node, false, &peer) == WEFT_OK) {
        struct weft_signal signal = {.kind = WEFT_SIGNAL_NODE_CUT,
                                     .from = self->pid.raw,
                                     .to = pid_place(0, CARRIER),
                                     .ref = peer->generic};
        (void)weft_otp__remote_put(sched->remote, &signal, true);
    }
    weft_otp__leave(sched);
}

/* --- packed pids: u64 pid without its node, u32 creation, u8 size of the name, the name --- */

#define PACKED_HEAD 13

size_t weft_pid_pack(const weft_self *self, weft_pid pid, unsigned char out[WEFT_PID_PACKED_MAX]) {
    const struct remote *remote = self->sched->remote;
    const char *name = weft_node_of(self, pid);
    if (name == NULL) return 0;
    uint32_t creation = remote == NULL ? 0 : remote->hub->creation;
    if (weft_pid_node(pid) != 0) creation = weft_otp__hub_pid_give(remote->hub, &pid.raw);
    size_t size = strlen(name);
    WEFT_ASSERT(size < WEFT_NODE_NAME_MAX);
    weft_number_put64(out, pid.raw);
    weft_number_put32(out + 8, creation);
    out[12] = (unsigned char)size;
    memcpy(out + PACKED_HEAD, name, size);
    return PACKED_HEAD + size;
}

static int unpack_far(struct remote *remote, const char *name, uint32_t creation, uint64_t *raw) {
    struct peer *peer;
    int rv = weft_otp__hub_peer(remote->hub, name, true, &peer);
    if (rv == WEFT_OK) rv = weft_otp__hub_pid_take(remote->hub, peer, creation, raw);
    return rv == WEFT_ERR_INVAL ? WEFT_ERR_MALFORMED : rv;
}

/* A pid of this node's earlier life is nobody's. */
static int unpack(weft_self *self, const char *name, uint32_t creation, uint64_t *raw) {
    struct remote *remote = self->sched->remote;
    if (strcmp(name, weft_self_node(self)) == 0) {
        if (remote != NULL && remote->hub->creation != creation) *raw = 0;
        return WEFT_OK;
    }
    if (remote == NULL || creation == 0) return WEFT_ERR_MALFORMED;
    return unpack_far(remote, name, creation, raw);
}

int weft_pid_unpack(weft_self *self, struct weft_bytes packed, weft_pid *pid) {
    char name[WEFT_NODE_NAME_MAX];
    weft_otp__touch(packed);
    *pid = WEFT_PID_NONE;
    if (packed.size < PACKED_HEAD) return WEFT_ERR_MALFORMED;
    size_t size = packed.data[12];
    if (size >= sizeof name || packed.size != PACKED_HEAD + size) return WEFT_ERR_MALFORMED;
    memcpy(name, packed.data + PACKED_HEAD, size);
    name[size] = '\0';
    uint64_t raw = weft_number_get64(packed.data);
    if (pid_node(raw) != 0) return WEFT_ERR_MALFORMED;
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = unpack(self, name, weft_number_get32(packed.data + 8), &raw);
    weft_otp__leave(sched);
    if (rv == WEFT_OK) *pid = (weft_pid){raw};
    return rv;
}
