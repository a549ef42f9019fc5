/* What processes ask for when the other one is elsewhere. */
#include "core/otp/remote_internal.h"

int weft_otp__send_far(struct weft_sched *sched, weft_pid to, const struct post *post) {
    struct remote *remote = sched->remote;
    if (!weft_otp__is_far(sched, to)) return WEFT_ERR_NO_PROC;
    int rv = weft_otp__remote_check(remote, to.raw);
    if (rv != WEFT_OK) return rv;
    struct weft_signal signal = {.kind = WEFT_SIGNAL_SEND,
                                 .tag = post->tag,
                                 .from = post->from.raw,
                                 .to = to.raw,
                                 .data = post->data};
    return weft_otp__remote_put(remote, &signal, false);
}

void weft_otp__exit_far(struct weft_sched *sched, weft_pid from, weft_pid to,
                        const struct weft_reason *why) {
    if (!weft_otp__is_far(sched, to)) return;
    if (weft_otp__remote_check(sched->remote, to.raw) != WEFT_OK) return;
    size_t size = 0;
    while (size < sizeof why->text && why->text[size] != '\0') size++;
    struct weft_signal signal = {.kind = WEFT_SIGNAL_EXIT,
                                 .tag = (uint32_t)why->kind,
                                 .value = why->code,
                                 .from = from.raw,
                                 .to = to.raw,
                                 .text = weft_bytes(why->text, size)};
    (void)weft_otp__remote_put(sched->remote, &signal, true);
}

void weft_otp__reply_far(weft_self *self, const struct weft_call *call, int status,
                         struct weft_bytes data) {
    struct remote *remote = self->sched->remote;
    weft_otp__far_tie_answered(remote, call->from.raw, call->ref);
    if (weft_otp__remote_check(remote, call->from.raw) != WEFT_OK) return;
    struct weft_signal signal = {.kind = WEFT_SIGNAL_REPLY,
                                 .value = status,
                                 .from = self->pid.raw,
                                 .to = call->from.raw,
                                 .ref = call->ref,
                                 .data = data};
    (void)weft_otp__remote_put(remote, &signal, true);
}

static void fire(struct monitor *monitor, int error) {
    enum weft_reason_kind why =
        error == WEFT_ERR_NO_CONNECTION ? WEFT_REASON_NOCONNECTION : WEFT_REASON_NOPROC;
    weft_otp__monitor_fire(monitor, weft_otp__cause_plain(why, 0));
}

int weft_otp__monitor_far(struct monitor *monitor, const char *name) {
    struct weft_process *self = monitor->awaited.owner;
    struct remote *remote = self->sched->remote;
    uint64_t to = monitor->awaited.mail.from.raw;
    int rv = weft_otp__remote_check(remote, to);
    if (rv != WEFT_OK) {
        fire(monitor, rv);
        return WEFT_OK;
    }
    struct route *route = weft_otp__route(remote, to);
    if (route == NULL) return WEFT_ERR_NOMEM;
    weft_otp__route_tie(route, &monitor->tie, TIE_ROUTE_MONITOR);
    struct weft_signal signal = {
        .kind = WEFT_SIGNAL_MONITOR, .from = self->pid.raw, .to = to, .ref = monitor->awaited.ref};
    if (name != NULL) {
        signal.kind = WEFT_SIGNAL_MONITOR_NAME;
        signal.text = weft_bytes_text(name);
    }
    (void)weft_otp__remote_put(remote, &signal, true);
    return WEFT_OK;
}

static void send_over(const struct awaited *awaited, enum weft_signal_kind kind) {
    struct weft_process *self = awaited->owner;
    struct weft_signal signal = {
        .kind = kind, .from = self->pid.raw, .to = awaited->mail.from.raw, .ref = awaited->ref};
    if (weft_otp__remote_check(self->sched->remote, signal.to) != WEFT_OK) return;
    (void)weft_otp__remote_put(self->sched->remote, &signal, true);
}

void weft_otp__demonitor_far(struct monitor *monitor) {
    send_over(&monitor->awaited, WEFT_SIGNAL_DEMONITOR);
}

void weft_otp__call_over_far(struct call *call) {
    WEFT_ASSERT(call->awaited.mail.bits & MAIL_FAR);
    call->awaited.mail.bits = 0;
    send_over(&call->awaited, WEFT_SIGNAL_CALL_OVER);
}

bool weft_otp__alive_far(const struct weft_sched *sched, weft_pid pid) {
    if (weft_otp__remote_check(sched->remote, pid.raw) != WEFT_OK) return false;
    const struct node_entry *entry = weft_otp__hub_entry(sched->remote->hub, weft_pid_node(pid));
    return entry == NULL || atomic_load(&entry->peer->state) == PEER_UP;
}

void weft_otp__tie_far(struct weft_process *proc, struct tie *tie, enum tie_kind kind,
                       const struct cause *cause) {
    struct remote *remote = proc->sched->remote;
    if (kind == TIE_WATCH) {
        weft_otp__watch_free(proc->sched, WEFT_CONTAINER(tie, struct node_watch, tie));
    } else if (kind == TIE_FAR) {
        struct far_tie *far = WEFT_CONTAINER(tie, struct far_tie, tie);
        if (cause != NULL) {
            weft_otp__far_tie_down(remote, far, cause);
        } else {
            weft_otp__far_tie_free(remote, far);
        }
    } else {
        WEFT_ASSERT(kind == TIE_FAR_LINK);
        struct peer_link *link = WEFT_CONTAINER(tie, struct peer_link, tie[0]);
        struct far_link *far = WEFT_CONTAINER(link, struct far_link, link);
        if (cause != NULL) {
            weft_otp__far_link_down(remote, far, cause);
        } else {
            weft_otp__far_link_free(remote, far);
        }
    }
}

/* --- names of a node with several schedulers --- */

static bool shares_names(const struct weft_sched *sched) {
    return sched->remote != NULL && sched->remote->hub->schedulers > 1;
}

int weft_otp__name_claim(struct weft_process *proc, const char *text) {
    weft_pid pid = proc->pid;
    if (!shares_names(proc->sched)) return WEFT_OK;
    return weft_otp__hub_name_set(proc->sched->remote->hub, text, &pid);
}

void weft_otp__name_disclaim(struct weft_process *proc, const char *text) {
    if (shares_names(proc->sched))
        weft_otp__hub_name_clear(proc->sched->remote->hub, text, proc->pid);
}

weft_pid weft_otp__name_far(const struct weft_sched *sched, const char *text) {
    if (!shares_names(sched)) return WEFT_PID_NONE;
    return weft_otp__hub_name_get(sched->remote->hub, text);
}

/* --- places --- */

static bool is_own(const struct weft_sched *sched, const char *node) {
    if (node == NULL) return true;
    return sched->remote != NULL && strcmp(node, sched->remote->hub->node) == 0;
}

static int peer_of(const struct weft_sched *sched, const char *node, bool make,
                   struct peer **peer) {
    if (sched->remote == NULL || sched->remote->hub->node[0] == '\0') return WEFT_ERR_NO_CONNECTION;
    return weft_otp__hub_peer(sched->remote->hub, node, make, peer);
}

int weft_otp__far_place(weft_self *self, const char *node, uint32_t scheduler, uint64_t *to) {
    struct weft_sched *sched = self->sched;
    struct peer *peer;
    if (is_own(sched, node)) {
        *to = pid_place(0, scheduler);
        if (sched->remote == NULL) return WEFT_ERR_NO_CONNECTION;
        return scheduler < sched->remote->hub->schedulers ? WEFT_OK : WEFT_ERR_INVAL;
    }
    int rv = peer_of(sched, node, true, &peer);
    if (rv == WEFT_OK) *to = pid_place(peer->generic, scheduler);
    return rv;
}

static int named(weft_self *self, const char *node, const char *name, uint64_t *to) {
    if (!weft_otp__name_valid(name)) return WEFT_ERR_INVAL;
    return weft_otp__far_place(self, node, 0, to);
}

int weft_send_at(weft_self *self, const char *node, const char *name, uint32_t tag,
                 struct weft_bytes data) {
    WEFT_ASSERT(name != NULL);
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    if (is_own(self->sched, node)) return weft_send_name(self, name, tag, data);
    weft_otp__touch(data);
    struct weft_sched *sched = weft_otp__enter(self);
    struct weft_signal signal = {.kind = WEFT_SIGNAL_SEND_NAME,
                                 .tag = tag,
                                 .from = self->pid.raw,
                                 .text = weft_bytes_text(name),
                                 .data = data};
    int rv = named(self, node, name, &signal.to);
    if (rv == WEFT_OK) rv = weft_otp__remote_put(sched->remote, &signal, false);
    weft_otp__leave(sched);
    return rv;
}

static int call_own(weft_self *self, const struct weft_call_at *call, weft_ref *ref) {
    weft_pid to = weft_whereis(self, call->name);
    if (weft_pid_is_none(to)) return WEFT_ERR_NOT_FOUND;
    return weft_call(self, to, call->tag, call->data, call->timeout, ref);
}

int weft_call_at(weft_self *self, const struct weft_call_at *asked, weft_ref *ref) {
    struct weft_call_at call = *asked;
    WEFT_ASSERT(call.name != NULL);
    WEFT_ASSERT(call.timeout >= 0);
    WEFT_ASSERT(call.data.size <= WEFT_MESSAGE_MAX);
    *ref = 0;
    if (is_own(self->sched, call.node)) return call_own(self, &call, ref);
    weft_otp__touch(call.data);
    struct weft_sched *sched = weft_otp__enter(self);
    weft_ref made = 0;
    struct weft_signal signal = {.kind = WEFT_SIGNAL_CALL_NAME,
                                 .tag = call.tag,
                                 .text = weft_bytes_text(call.name),
                                 .data = call.data};
    int rv = named(self, call.node, call.name, &signal.to);
    if (rv == WEFT_OK) rv = weft_otp__far_ask(self, &signal, call.timeout, &made);
    weft_otp__leave(sched);
    *ref = made;
    return rv;
}

static int monitor_named(weft_self *self, const char *node, const char *name, weft_ref *ref) {
    uint64_t to;
    int rv = named(self, node, name, &to);
    if (rv != WEFT_OK) return rv;
    struct monitor *monitor = weft_otp__monitor_at(self, (weft_pid){to}, name);
    if (monitor == NULL) return WEFT_ERR_NOMEM;
    *ref = monitor->awaited.ref;
    return WEFT_OK;
}

int weft_monitor_at(weft_self *self, const char *node, const char *name, weft_ref *ref) {
    WEFT_ASSERT(name != NULL);
    WEFT_ASSERT(ref != NULL);
    *ref = 0;
    if (is_own(self->sched, node)) return weft_monitor(self, weft_whereis(self, name), ref);
    weft_ref made = 0;
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = monitor_named(self, node, name, &made);
    weft_otp__leave(sched);
    *ref = made;
    return rv;
}
