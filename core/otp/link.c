/* Links and monitors. */
#include "core/otp/internal.h"

static void tie_add(struct weft_process *proc, struct tie *tie, enum tie_kind kind) {
    tie->kind = (uint8_t)kind;
    weft_list_push_back(&proc->ties, &tie->link);
}

struct peer_link *weft_otp__link_new(struct weft_process *a, struct weft_process *b, uint32_t tag) {
    WEFT_ASSERT(a != b);
    struct peer_link *link = weft_otp__mail_new(a, WEFT_MSG_EXIT, sizeof *link, sizeof *link);
    if (link == NULL) return NULL;
    link->notice.mail.of_link = true;
    link->tag = tag;
    link->end[0] = a;
    link->end[1] = b;
    tie_add(a, &link->tie[0], TIE_LINK_0);
    tie_add(b, &link->tie[1], TIE_LINK_1);
    a->links++;
    b->links++;
    return link;
}

void weft_otp__link_drop(struct peer_link *link) {
    WEFT_ASSERT(!link->notice.mail.queued);
    WEFT_ASSERT(link->end[0]->links > 0);
    WEFT_ASSERT(link->end[1]->links > 0);
    for (int i = 0; i < 2; i++) {
        weft_list_remove(&link->tie[i].link);
        link->end[i]->links--;
    }
    weft_otp__mail_free(link->end[0]->sched, &link->notice.mail);
}

/* Looked for on the side that has fewer, so that a child of a great supervisor is quick to find. */
struct peer_link *weft_otp__link_find(struct weft_process *a, struct weft_process *b) {
    struct weft_process *side = a->links <= b->links ? a : b, *other = side == a ? b : a;
    for (struct weft_link *at = side->ties.next; at != &side->ties; at = at->next) {
        struct tie *tie = WEFT_CONTAINER(at, struct tie, link);
        if (tie->kind == TIE_LINK_0) {
            struct peer_link *link = WEFT_CONTAINER(tie, struct peer_link, tie[0]);
            if (link->end[1] == other) return link;
        } else if (tie->kind == TIE_LINK_1) {
            struct peer_link *link = WEFT_CONTAINER(tie, struct peer_link, tie[1]);
            if (link->end[0] == other) return link;
        }
    }
    return NULL;
}

/* The EXIT of a link to one who is dead. */
static int link_dead(weft_self *self, weft_pid to) {
    struct peer_link *link = NULL;
    if (self->flags & PROC_TRAP) {
        link = weft_otp__mail_new(self, WEFT_MSG_EXIT, sizeof *link, sizeof *link);
        if (link == NULL) return WEFT_ERR_NOMEM;
        link->notice.mail.of_link = true;
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
    for (struct weft_link *at = proc->mailbox.next; at != &proc->mailbox; at = next) {
        struct mail *mail = WEFT_CONTAINER(at, struct mail, link);
        next = at->next;
        if (mail->kind != WEFT_MSG_EXIT || !mail->of_link) continue;
        if (!weft_pid_equal(mail->from, from)) continue;
        weft_otp__mail_take(mail);
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
    struct weft_sched *sched = watcher->sched;
    struct monitor *monitor =
        weft_otp__mail_new(watcher, WEFT_MSG_DOWN, sizeof *monitor + name.size, sizeof *monitor);
    if (monitor == NULL) return NULL;
    monitor->name_size = (uint32_t)name.size;
    if (name.size > 0) memcpy(monitor->name, name.data, name.size);
    weft_list_init(&monitor->tie.link);
    monitor->notice.mail.from = to;
    if (weft_otp__ref_new(sched, &monitor->notice.mail) != WEFT_OK) {
        weft_otp__mail_free(sched, &monitor->notice.mail);
        return NULL;
    }
    weft_otp__mail_pending(&monitor->notice.mail);
    watcher->monitors++;
    return monitor;
}

/* Elsewhere: a pid, or a name at the place `to`. */
struct monitor *weft_otp__monitor_at(struct weft_process *watcher, weft_pid to, const char *name) {
    struct monitor *monitor = monitor_make(watcher, to, weft_bytes(NULL, 0));
    if (monitor == NULL || weft_otp__monitor_far(monitor, name) == WEFT_OK) return monitor;
    monitor->notice.mail.from = WEFT_PID_NONE; /* nobody there knows of it */
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
        tie_add(watched, &monitor->tie, TIE_MONITOR);
    } else {
        weft_otp__monitor_fire(monitor, weft_otp__cause_plain(WEFT_REASON_NOPROC, 0));
    }
    return monitor;
}

void weft_otp__monitor_fire(struct monitor *monitor, struct cause cause) {
    struct mail *mail = &monitor->notice.mail;
    WEFT_ASSERT(!mail->queued);
    WEFT_ASSERT(mail->owner->monitors > 0);
    weft_list_remove(&monitor->tie.link);
    mail->owner->monitors--;
    monitor->notice.cause = weft_otp__cause_share(cause);
    weft_otp__mail_push(mail);
}

void weft_otp__monitor_drop(struct monitor *monitor) {
    struct mail *mail = &monitor->notice.mail;
    struct weft_process *owner = mail->owner;
    if (!mail->queued) {
        WEFT_ASSERT(owner->monitors > 0);
        owner->monitors--;
        if (weft_otp__is_far(owner->sched, mail->from)) weft_otp__demonitor_far(monitor);
    }
    weft_list_remove(&monitor->tie.link);
    weft_otp__mail_take(mail);
    weft_otp__mail_free(owner->sched, mail);
}

static int start_monitor(weft_self *self, weft_pid to, struct weft_bytes name, weft_ref *ref) {
    WEFT_ASSERT(ref != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    struct monitor *monitor = weft_otp__monitor_new(self, to, name);
    weft_ref made = monitor == NULL ? 0 : monitor->notice.mail.ref;
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
    struct mail *mail = weft_otp__ref_get(sched, ref);
    if (mail != NULL && mail->kind == WEFT_MSG_DOWN && mail->owner == self &&
        mail != sched->handling)
        weft_otp__monitor_drop((struct monitor *)mail);
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
