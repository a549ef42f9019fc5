/* Links between processes that do not share a scheduler.
 *
 * Two that link and unlink at once must agree in the end. Whoever unlinks counts it until the other
 * side has acknowledged; a LINK or an EXIT that comes before that was sent without knowing and does
 * not count (erl_dist_protocol, "new link protocol"). */
#include "core/otp/remote_internal.h"

static uint64_t hash_of(uint64_t local, uint64_t far) {
    return weft_fold(weft_fold(1, local), far);
}

struct far_link *weft_otp__far_link_find(const struct remote *remote, weft_pid local,
                                         uint64_t far) {
    struct map_node *node = weft_otp__map_first(&remote->links, hash_of(local.raw, far));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct far_link *link = WEFT_CONTAINER(node, struct far_link, node);
        if (link->far == far && weft_pid_equal(link->link.end[0]->pid, local)) return link;
    }
    return NULL;
}

struct far_link *weft_otp__far_link_new(struct remote *remote, struct weft_process *local,
                                        uint64_t far, uint32_t tag) {
    WEFT_ASSERT(far != local->pid.raw);
    struct route *route = weft_otp__route(remote, far);
    if (route == NULL) return NULL;
    struct far_link *link = weft_otp__alloc(remote->sched, sizeof *link);
    if (link == NULL) return NULL;
    memset(link, 0, sizeof *link);
    if (weft_otp__map_insert(&remote->links, &link->node, hash_of(local->pid.raw, far)) !=
        WEFT_OK) {
        weft_otp__free(remote->sched, link, sizeof *link);
        return NULL;
    }
    link->link.tie[0].tag = tag;
    link->link.end[0] = local;
    link->far = far;
    link->linked = true;
    weft_otp__tie_add(local, &link->link.tie[0], TIE_FAR_LINK);
    weft_otp__route_tie(route, &link->link.tie[1], TIE_ROUTE_LINK);
    return link;
}

/* Out of every table; the record stands. */
static void detach(struct remote *remote, struct far_link *link) {
    weft_otp__map_remove(&remote->links, &link->node);
    weft_otp__tie_remove(link->link.end[0], &link->link.tie[0]);
    weft_otp__tie_drop(remote->sched, &link->link.tie[1]);
}

void weft_otp__far_link_free(struct remote *remote, struct far_link *link) {
    detach(remote, link);
    weft_otp__free(remote->sched, link, sizeof *link);
}

static void send_exit(struct remote *remote, uint64_t from, uint64_t to,
                      const struct cause *cause) {
    struct weft_signal exit = {.kind = WEFT_SIGNAL_EXIT_LINK, .from = from, .to = to};
    weft_otp__signal_reason(&exit, cause);
    (void)weft_otp__remote_put(remote, &exit, true);
}

void weft_otp__far_link_down(struct remote *remote, struct far_link *link,
                             const struct cause *cause) {
    uint64_t from = link->link.end[0]->pid.raw, to = link->far;
    bool linked = link->linked;
    weft_otp__far_link_free(remote, link);
    if (linked) send_exit(remote, from, to, cause);
}

void weft_otp__far_link_exit(struct remote *remote, struct far_link *link, struct cause cause) {
    struct weft_process *local = link->link.end[0];
    uint64_t far = link->far;
    detach(remote, link);
    struct signal signal = {.from = {far}, .cause = cause, .link = &link->link};
    weft_otp__signal(local, &signal);
}

void weft_otp__far_link_lost(struct remote *remote, struct far_link *link, struct cause cause) {
    if (link->linked) {
        weft_otp__far_link_exit(remote, link, cause);
    } else {
        weft_otp__far_link_free(remote, link);
    }
}

static void refuse(struct remote *remote, const struct weft_signal *signal,
                   enum weft_reason_kind why) {
    struct cause cause = weft_otp__cause_plain(why, 0);
    send_exit(remote, signal->to, signal->from, &cause);
}

void weft_otp__act_link(struct remote *remote, const struct weft_signal *signal) {
    struct weft_process *local = weft_otp__find(remote->sched, (weft_pid){signal->to});
    if (local == NULL) {
        refuse(remote, signal, WEFT_REASON_NOPROC);
        return;
    }
    struct far_link *link = weft_otp__far_link_find(remote, local->pid, signal->from);
    if (link != NULL) return; /* linked already, or I2 */
    link = weft_otp__far_link_new(remote, local, signal->from, signal->tag);
    if (link == NULL) refuse(remote, signal, WEFT_REASON_LIMIT);
}

void weft_otp__act_unlink(struct remote *remote, const struct weft_signal *signal) {
    struct weft_signal ack = {
        .kind = WEFT_SIGNAL_UNLINK_ACK, .from = signal->to, .to = signal->from};
    struct far_link *link = weft_otp__far_link_find(remote, (weft_pid){signal->to}, signal->from);
    if (link != NULL) {
        link->linked = false;
        if (link->unlinks == 0) weft_otp__far_link_free(remote, link);
    }
    (void)weft_otp__remote_put(remote, &ack, true);
}

void weft_otp__act_unlink_ack(struct remote *remote, const struct weft_signal *signal) {
    struct far_link *link = weft_otp__far_link_find(remote, (weft_pid){signal->to}, signal->from);
    if (link == NULL || link->unlinks == 0) return;
    link->unlinks--;
    if (!link->linked && link->unlinks == 0) weft_otp__far_link_free(remote, link);
}

void weft_otp__act_exit_link(struct remote *remote, const struct weft_signal *signal) {
    struct far_link *link = weft_otp__far_link_find(remote, (weft_pid){signal->to}, signal->from);
    if (link == NULL || !link->linked || link->unlinks > 0) return; /* I2 */
    struct cause cause = weft_otp__signal_cause(remote->sched, signal);
    weft_otp__far_link_exit(remote, link, cause);
    weft_otp__cause_drop(remote->sched, &cause);
}

/* --- what processes ask for --- */

int weft_otp__link_far(weft_self *self, weft_pid to) {
    struct remote *remote = self->sched->remote;
    struct far_link *link = weft_otp__far_link_find(remote, self->pid, to.raw);
    if (link != NULL && link->linked) return WEFT_OK;
    if (link == NULL) link = weft_otp__far_link_new(remote, self, to.raw, 0);
    if (link == NULL) return WEFT_ERR_NOMEM;
    link->linked = true;
    struct weft_signal signal = {.kind = WEFT_SIGNAL_LINK,
                                 .tag = weft_pid_equal(to, self->parent) ? self->tag : 0,
                                 .from = self->pid.raw,
                                 .to = to.raw};
    (void)weft_otp__remote_put(remote, &signal, true);
    return WEFT_OK;
}

void weft_otp__unlink_far(weft_self *self, weft_pid to) {
    struct remote *remote = self->sched->remote;
    struct far_link *link = weft_otp__far_link_find(remote, self->pid, to.raw);
    if (link == NULL || !link->linked) return;
    link->linked = false;
    link->unlinks++;
    struct weft_signal signal = {.kind = WEFT_SIGNAL_UNLINK, .from = self->pid.raw, .to = to.raw};
    (void)weft_otp__remote_put(remote, &signal, true);
}
