/* Mailboxes: records come in at the back and are handled from the front. */
#include "core/otp/remote_internal.h"

#define PAGE 4096

__attribute__((noinline)) void weft_otp__probe_stack(struct weft_sched *sched) {
    volatile unsigned char room[STACK_NEEDED];
    for (size_t at = sizeof room; at >= PAGE; at -= PAGE) room[at - PAGE] = 0;
    sched->stack_probed = (uintptr_t)room;
}

static inline void touch(struct weft_bytes bytes) {
    if (bytes.size == 0) return;
    WEFT_ASSERT(bytes.data != NULL);
    const volatile unsigned char *data = bytes.data;
    for (size_t at = 0; at < bytes.size; at += PAGE) (void)data[at];
    (void)data[bytes.size - 1];
}

void weft_otp__touch(struct weft_bytes bytes) { touch(bytes); }

void *weft_otp__mail_new(struct weft_sched *sched, const struct record *record) {
    WEFT_ASSERT(record->size >= record->clear);
    WEFT_ASSERT(record->clear >= sizeof(struct mail));
    struct mail *mail = weft_otp__alloc(sched, record->size);
    if (mail == NULL) return NULL;
    memset(mail, 0, record->clear);
    mail->kind = (uint8_t)record->kind;
    return mail;
}

void *weft_otp__awaited_new(struct weft_process *owner, const struct record *record) {
    WEFT_ASSERT(record->clear >= sizeof(struct awaited));
    struct awaited *awaited = weft_otp__mail_new(owner->sched, record);
    if (awaited == NULL) return NULL;
    awaited->owner = owner;
    if (weft_otp__ref_new(owner->sched, awaited) == WEFT_OK) return awaited;
    weft_otp__free(owner->sched, awaited, record->size);
    return NULL;
}

static size_t free_call(struct weft_sched *sched, struct call *call) {
    if (call->data != NULL && call->data != call->room)
        weft_otp__free(sched, call->data, call->data_size);
    weft_otp__ref_drop(sched, &call->awaited);
    return sizeof *call;
}

/* What a record holds beside itself goes; its size is told. */
static size_t release(struct weft_sched *sched, struct mail *mail) {
    switch ((enum weft_msg_kind)mail->kind) {
    case WEFT_MSG_CAST:
    case WEFT_MSG_CALL:
        return sizeof(struct letter) + ((struct letter *)mail)->data_size;
    case WEFT_MSG_REPLY:
        return free_call(sched, (struct call *)mail);
    case WEFT_MSG_EXIT:
        weft_otp__cause_drop(sched, &((struct notice *)mail)->cause);
        if (mail->bits & MAIL_FAR) return sizeof(struct far_link);
        return mail->bits & MAIL_OF_LINK ? sizeof(struct peer_link) : sizeof(struct notice);
    case WEFT_MSG_DOWN:
        WEFT_ASSERT(mail->place == MAIL_NOWHERE);
        weft_otp__cause_drop(sched, &((struct monitor *)mail)->cause);
        weft_otp__ref_drop(sched, (struct awaited *)mail);
        return sizeof(struct monitor) + ((struct monitor *)mail)->name_size;
    case WEFT_MSG_TIMER:
        weft_otp__ref_drop(sched, (struct awaited *)mail);
        return sizeof(struct timer) + ((struct timer *)mail)->data_size;
    case WEFT_MSG_EVENT:
        return sizeof(struct event_mail) + ((struct event_mail *)mail)->event.size;
    }
    WEFT_UNREACHABLE("every record is of a kind");
}

void weft_otp__mail_free(struct weft_sched *sched, struct mail *mail) {
    WEFT_ASSERT(mail->place == MAIL_NOWHERE);
    size_t size = release(sched, mail);
    if (mail->bits & MAIL_SPARE)
        mail->bits = 0;
    else
        weft_otp__free(sched, mail, size);
}

void weft_otp__runnable(struct weft_process *proc) {
    if (proc->flags & (PROC_QUEUED | PROC_RUNNING | PROC_DOOMED)) return;
    if ((proc->flags & PROC_SUSPENDED) && !(proc->flags & PROC_STOPPING)) return;
    weft_otp__queue_push(proc);
}

static inline void push(struct weft_process *owner, struct mail *mail) {
    WEFT_ASSERT(owner->mailbox_count < UINT32_MAX);
    mail->place = MAIL_QUEUED;
    ring_push(&owner->mailbox, &mail->link);
    owner->mailbox_count++;
    if (owner->flags & (PROC_QUEUED | PROC_RUNNING)) return;
    weft_otp__runnable(owner);
}

void weft_otp__mail_push(struct weft_process *owner, struct mail *mail) {
    WEFT_ASSERT(mail->place != MAIL_QUEUED);
    if (mail->place == MAIL_PENDING) ring_remove(&owner->pending, &mail->link);
    if (mail->kind == WEFT_MSG_EVENT) owner->extra->events_count++;
    push(owner, mail);
}

void weft_otp__large_gone(struct weft_process *owner, struct mail *mail) {
    uint32_t size = ((struct letter *)mail)->data_size;
    WEFT_ASSERT(owner->extra->large_bytes >= size);
    owner->extra->large_bytes -= size;
    mail->bits &= (uint8_t)~MAIL_LARGE;
}

void weft_otp__mail_take(struct weft_process *owner, struct mail *mail) {
    if (mail->place == MAIL_PENDING) ring_remove(&owner->pending, &mail->link);
    if (mail->place == MAIL_QUEUED) {
        WEFT_ASSERT(owner->mailbox_count > 0);
        ring_remove(&owner->mailbox, &mail->link);
        owner->mailbox_count--;
        if (mail->bits & MAIL_LARGE) weft_otp__large_gone(owner, mail);
        if (mail->kind == WEFT_MSG_EVENT) owner->extra->events_count--;
    }
    mail->place = MAIL_NOWHERE;
}

void weft_otp__awaited_pending(struct awaited *awaited) {
    WEFT_ASSERT(awaited->mail.place == MAIL_NOWHERE);
    awaited->mail.place = MAIL_PENDING;
    ring_push(&awaited->owner->pending, &awaited->mail.link);
}

/* Most messages are a number: eight bytes without a call. */
static inline void copy_data(struct letter *letter, struct weft_bytes data) {
    letter->data_size = (uint32_t)data.size;
    if (data.size == 8) {
        memcpy(letter->data, data.data, 8);
    } else if (data.size > 0) {
        memcpy(letter->data, data.data, data.size);
    }
}

static inline __attribute__((always_inline)) int post_to(struct weft_process *to,
                                                         const struct post *post) {
    WEFT_ASSERT(post->data.size <= WEFT_MESSAGE_MAX);
    if (!post->force && to->mailbox_count >= weft_otp__mailbox_max(to) &&
        weft_otp__mailbox_full(to, post) != WEFT_OK)
        return WEFT_ERR_FULL;
    bool large = post->data.size > WEFT_MAIL_LARGE;
    int rv = large ? weft_otp__large_room(to, post) : WEFT_OK;
    if (rv != WEFT_OK) return rv;
    struct letter *letter = weft_otp__alloc(to->sched, sizeof *letter + post->data.size);
    if (letter == NULL) return WEFT_ERR_NOMEM;
    if (large) to->extra->large_bytes += post->data.size;
    letter->mail.from = post->from;
    letter->mail.tag = post->tag;
    letter->mail.kind = (uint8_t)post->kind;
    letter->mail.place = MAIL_NOWHERE;
    letter->mail.bits = large ? MAIL_LARGE : 0;
    letter->ref = post->ref;
    copy_data(letter, post->data);
    to->bytes += post->data.size;
    push(to, &letter->mail);
    return WEFT_OK;
}

int weft_otp__post(struct weft_process *to, const struct post *post) { return post_to(to, post); }

/* Somebody looks on, or it is for elsewhere. */
static __attribute__((noinline)) int send_slow(struct weft_process *self, weft_pid to, uint32_t tag,
                                               struct weft_bytes data) {
    struct weft_sched *sched = self->sched;
    struct post post = {.kind = WEFT_MSG_CAST, .from = self->pid, .tag = tag, .data = data};
    if (self->flags & PROC_WATCHED) weft_otp__watched_post(self, to, &post);
    struct weft_process *target = weft_otp__find(sched, to);
    return target != NULL ? weft_otp__post(target, &post) : weft_otp__send_far(sched, to, &post);
}

int weft_send(weft_self *self, weft_pid to, uint32_t tag, struct weft_bytes data) {
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    touch(data);
    struct weft_sched *sched = weft_otp__enter(self);
    struct weft_process *target = weft_otp__find(sched, to);
    int rv;
    if (target == NULL || (self->flags & PROC_WATCHED)) {
        rv = send_slow(self, to, tag, data);
    } else {
        struct post post = {.kind = WEFT_MSG_CAST, .from = self->pid, .tag = tag, .data = data};
        rv = post_to(target, &post);
    }
    weft_otp__leave(sched);
    return rv;
}

int weft_send_name(weft_self *self, const char *name, uint32_t tag, struct weft_bytes data) {
    WEFT_ASSERT(name != NULL);
    weft_pid to = weft_whereis(self, name);
    return weft_pid_is_none(to) ? WEFT_ERR_NOT_FOUND : weft_send(self, to, tag, data);
}
