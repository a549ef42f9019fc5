/* Links and monitors. */
#include "core/otp/internal.h"

void weft_otp__tie_add(struct weft_process *proc, struct tie *tie, enum tie_kind kind) {
    WEFT_ASSERT(kind != TIE_NONE);
    WEFT_ASSERT(tie->kind == TIE_NONE);
    tie->kind = (uint8_t)kind;
    if (kind == TIE_MONITOR || kind == TIE_CALL) tie->tag = weft_pid_slot(proc->pid);
    ring_push(&proc->ties, &tie->link);
}

void weft_otp__tie_remove(struct weft_process *proc, struct tie *tie) {
    if (tie->kind == TIE_NONE) return;
    WEFT_ASSERT(proc != NULL);
    tie->kind = TIE_NONE;
    ring_remove(&proc->ties, &tie->link);
}

void weft_otp__tie_drop(struct weft_sched *sched, struct tie *tie) {
    if (tie->kind >= TIE_ROUTE_MONITOR) {
        weft_list_remove(&tie->link);
        tie->kind = TIE_NONE;
    } else if (tie->kind != TIE_NONE) {
        WEFT_ASSERT(tie->kind == TIE_MONITOR || tie->kind == TIE_CALL);
        weft_otp__tie_remove(weft_otp__table_at(sched, tie->tag), tie);
    }
}

struct tie *weft_otp__tie_pop(struct weft_process *proc, enum tie_kind *kind) {
    if (ring_empty(&proc->ties)) return NULL;
    struct tie *tie = WEFT_CONTAINER(proc->ties.first, struct tie, link);
    *kind = (enum tie_kind)tie->kind;
    weft_otp__tie_remove(proc, tie);
    return tie;
}

static struct peer_link *record_new(struct weft_sched *sched) {
    struct peer_link *link = weft_otp__alloc(sched, sizeof *link);
    if (link != NULL) memset(link, 0, sizeof *link);
    return link;
}

struct peer_link *weft_otp__link_new(struct weft_process *a, struct weft_process *b, uint32_t tag) {
    WEFT_ASSERT(a != b);
    struct peer_link *link = record_new(a->sched);
    if (link == NULL) return NULL;
    link->tie[0].tag = tag;
    link->end[0] = a;
    link->end[1] = b;
    weft_otp__tie_add(a, &link->tie[0], TIE_LINK_0);
    weft_otp__tie_add(b, &link->tie[1], TIE_LINK_1);
    return link;
}

void weft_otp__link_drop(struct peer_link *link) {
    struct weft_sched *sched = link->end[0]->sched;
    WEFT_ASSERT(link->end[0] != link->end[1]);
    for (int i = 0; i < 2; i++) weft_otp__tie_remove(link->end[i], &link->tie[i]);
    weft_otp__free(sched, link, sizeof *link);
}

/* The link that `tie` is of, if it leads to `other`. */
static struct peer_link *leads_to(struct weft_link *at, const struct weft_process *other) {
    struct tie *tie = WEFT_CONTAINER(at, struct tie, link);
    struct peer_link *link = NULL;
    if (tie->kind == TIE_LINK_0) {
        link = WEFT_CONTAINER(tie, struct peer_link, tie[0]);
        return link->end[1] == other ? link : NULL;
    }
    if (tie->kind == TIE_LINK_1) {
        link = WEFT_CONTAINER(tie, struct peer_link, tie[1]);
        return link->end[0] == other ? link : NULL;
    }
    return NULL;
}

/* Looked for on both sides at once, so that a child of a great supervisor is quick to find; from
 * the end, where a young child's is. */
struct peer_link *weft_otp__link_find(struct weft_process *a, struct weft_process *b) {
    struct weft_link *at = ring_last(&a->ties), *bt = ring_last(&b->ties);
    while (at != NULL && bt != NULL) {
        struct peer_link *link = leads_to(at, b);
        if (link == NULL) link = leads_to(bt, a);
        if (link != NULL) return link;
        at = at == a->ties.first ? NULL : at->prev;
        bt = bt == b->ties.first ? NULL : bt->prev;
    }
    return NULL;
}

/* The EXIT of a link to one who is dead. */
static int link_dead(weft_self *self, weft_pid to) {
    struct peer_link *link = NULL;
    if (self->flags & PROC_TRAP) {
        link = record_new(self->sched);
        if (link == NULL) return WEFT_ERR_NOMEM;
    }
    struct signal signal = {
        .from = to, .cause = weft_otp__cause_plain(WEFT_REASON_NOPROC, 0), .link = link};
    weft_otp__signal(self, &signal);
    return WEFT_OK;
}

static int link_to(struct weft_sched *sched, weft_self *self, weft_pid to) {
    if (weft_pid_equal(self->pid, to)) return WEFT_OK;
    struct weft_process *peer = weft_otp__find(sched, to);
    if (peer == NULL && weft_otp__is_far(sched, to)) return weft_otp__link_far(self, to);
    if (peer == NULL) return link_dead(self, to);
    if (peer == self) return WEFT_OK; /* by an alias */
    if (weft_otp__link_find(self, peer) != NULL) return WEFT_OK;
    /* A parent knows its child's end by the tag of its start, whoever links them again. */
    bool to_parent = weft_pid_equal(peer->pid, self->parent);
    bool to_child = weft_pid_equal(peer->parent, self->pid);
    struct peer_link *link = to_parent ? weft_otp__link_new(peer, self, self->tag)
                                       : weft_otp__link_new(self, peer, to_child ? peer->tag : 0);
    return link == NULL ? WEFT_ERR_NOMEM : WEFT_OK;
}

int weft_link(weft_self *self, weft_pid to) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = link_to(sched, self, to);
    weft_otp__leave(sched);
    return rv;
}

/* EXITs of a link with `from` that wait in the mailbox. */
static void purge_exits(struct weft_process *proc, weft_pid from) {
    struct weft_link *next;
    for (struct weft_link *at = proc->mailbox.first; at != NULL; at = next) {
        struct mail *mail = WEFT_CONTAINER(at, struct mail, link);
        next = ring_next(&proc->mailbox, at);
        if (mail->kind != WEFT_MSG_EXIT || !(mail->bits & MAIL_OF_LINK)) continue;
        if (!weft_pid_equal(mail->from, from)) continue;
        weft_otp__mail_take(proc, mail);
        weft_otp__mail_free(proc->sched, mail);
    }
}

void weft_unlink(weft_self *self, weft_pid to) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    struct weft_process *peer = weft_otp__find(sched, to);
    if (peer == NULL) {
        if (weft_otp__is_far(sched, to)) weft_otp__unlink_far(self, to);
        purge_exits(self, to);
    } else if (peer != self) {
        struct peer_link *link = weft_otp__link_find(self, peer);
        if (link != NULL) weft_otp__link_drop(link);
    }
    weft_otp__leave(sched);
}

static struct monitor *monitor_make(struct weft_process *watcher, weft_pid to,
                                    struct weft_bytes name) {
    struct record record = {WEFT_MSG_DOWN, sizeof(struct monitor) + name.size,
                            sizeof(struct monitor)};
    struct monitor *monitor = weft_otp__awaited_new(watcher, &record);
    if (monitor == NULL) return NULL;
    monitor->name_size = (uint32_t)name.size;
    if (name.size > 0) memcpy(monitor->name, name.data, name.size);
    monitor->awaited.mail.from = to;
    weft_otp__awaited_pending(&monitor->awaited);
    return monitor;
}

/* Elsewhere: a pid, or a name at the place `to`. */
struct monitor *weft_otp__monitor_at(struct weft_process *watcher, weft_pid to, const char *name) {
    struct monitor *monitor = monitor_make(watcher, to, weft_bytes(NULL, 0));
    if (monitor == NULL || weft_otp__monitor_far(monitor, name) == WEFT_OK) return monitor;
    monitor->awaited.mail.from = WEFT_PID_NONE; /* nobody there knows of it */
    weft_otp__monitor_drop(monitor);
    return NULL;
}

struct monitor *weft_otp__monitor_new(struct weft_process *watcher, weft_pid to,
                                      struct weft_bytes name) {
    struct weft_sched *sched = watcher->sched;
    if (weft_otp__is_far(sched, to)) return weft_otp__monitor_at(watcher, to, NULL);
    struct monitor *monitor = monitor_make(watcher, to, name);
    if (monitor == NULL) return NULL;
    struct weft_process *watched = weft_otp__find(sched, to);
    if (watched != NULL) {
        weft_otp__tie_add(watched, &monitor->tie, TIE_MONITOR);
    } else {
        weft_otp__monitor_fire(monitor, weft_otp__cause_plain(WEFT_REASON_NOPROC, 0));
    }
    return monitor;
}

void weft_otp__monitor_fire(struct monitor *monitor, struct cause cause) {
    struct mail *mail = &monitor->awaited.mail;
    WEFT_ASSERT(mail->place == MAIL_PENDING);
    WEFT_ASSERT(monitor->tie.kind == TIE_NONE);
    monitor->cause = weft_otp__cause_share(cause);
    weft_otp__mail_push(monitor->awaited.owner, mail);
}

void weft_otp__monitor_drop(struct monitor *monitor) {
    struct mail *mail = &monitor->awaited.mail;
    struct weft_process *owner = monitor->awaited.owner;
    if (mail->place == MAIL_PENDING) {
        weft_otp__tie_drop(owner->sched, &monitor->tie);
        if (weft_otp__is_far(owner->sched, mail->from)) weft_otp__demonitor_far(monitor);
        monitor->cause = weft_otp__cause_plain(WEFT_REASON_NORMAL, 0);
    }
    weft_otp__mail_take(owner, mail);
    weft_otp__mail_free(owner->sched, mail);
}

static int start_monitor(weft_self *self, weft_pid to, struct weft_bytes name, weft_ref *ref) {
    WEFT_ASSERT(ref != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    struct monitor *monitor = weft_otp__monitor_new(self, to, name);
    weft_ref made = monitor == NULL ? 0 : monitor->awaited.ref;
    weft_otp__leave(sched);
    *ref = made;
    return made == 0 ? WEFT_ERR_NOMEM : WEFT_OK;
}

int weft_monitor(weft_self *self, weft_pid to, weft_ref *ref) {
    return start_monitor(self, to, weft_bytes(NULL, 0), ref);
}

int weft_monitor_name(weft_self *self, const char *name, weft_ref *ref) {
    WEFT_ASSERT(name != NULL);
    if (!weft_otp__name_valid(name)) return WEFT_ERR_INVAL;
    return start_monitor(self, weft_whereis(self, name), weft_bytes_text(name), ref);
}

void weft_demonitor(weft_self *self, weft_ref ref) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    struct awaited *awaited = weft_otp__ref_get(sched, ref);
    if (awaited != NULL && awaited->mail.kind == WEFT_MSG_DOWN && awaited->owner == self &&
        &awaited->mail != sched->handling)
        weft_otp__monitor_drop((struct monitor *)awaited);
    weft_otp__leave(sched);
}

void weft_trap_exit(weft_self *self, bool trap) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    self->flags = trap ? self->flags | PROC_TRAP : self->flags & ~(uint32_t)PROC_TRAP;
    weft_otp__leave(sched);
}

void weft_trap_parent_exit(weft_self *self, bool trap) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    uint32_t kept = self->flags & ~(uint32_t)PROC_TRAP_PARENT;
    self->flags = trap ? kept | PROC_TRAP_PARENT : kept;
    weft_otp__leave(sched);
}
