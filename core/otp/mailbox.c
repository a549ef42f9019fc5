/* Mailboxes: records come in at the back and are handled from the front. */
#include "core/otp/internal.h"

#define STACK_NEEDED 12288
#define PAGE 4096

__attribute__((noinline)) void weft_otp__probe_stack(void) {
    volatile unsigned char room[STACK_NEEDED];
    for (size_t at = sizeof room; at >= PAGE; at -= PAGE) room[at - PAGE] = 0;
}

void weft_otp__touch(struct weft_bytes bytes) {
    if (bytes.size == 0) return;
    WEFT_ASSERT(bytes.data != NULL);
    const volatile unsigned char *data = bytes.data;
    for (size_t at = 0; at < bytes.size; at += PAGE) (void)data[at];
    (void)data[bytes.size - 1];
}

void *weft_otp__mail_new(struct weft_process *owner, enum weft_msg_kind kind, size_t size,
                         size_t clear) {
    WEFT_ASSERT(size >= clear);
    WEFT_ASSERT(clear >= sizeof(struct mail));
    WEFT_ASSERT(size <= UINT32_MAX);
    struct mail *mail = weft_otp__alloc(owner->sched, size);
    if (mail == NULL) return NULL;
    memset(mail, 0, clear);
    weft_list_init(&mail->link);
    mail->owner = owner;
    mail->size = (uint32_t)size;
    mail->kind = (uint8_t)kind;
    return mail;
}

/* What a record holds beside itself. */
static void mail_release(struct weft_sched *sched, struct mail *mail) {
    switch ((enum weft_msg_kind)mail->kind) {
    case WEFT_MSG_EXIT:
        weft_otp__cause_drop(sched, &((struct notice *)mail)->cause);
        break;
    case WEFT_MSG_DOWN:
        weft_otp__cause_drop(sched, &((struct notice *)mail)->cause);
        weft_otp__ref_drop(sched, mail);
        break;
    case WEFT_MSG_REPLY: {
        struct call *call = (struct call *)mail;
        weft_otp__free(sched, call->data, call->data_size);
        weft_otp__ref_drop(sched, mail);
        break;
    }
    case WEFT_MSG_TIMER:
        weft_otp__ref_drop(sched, mail);
        break;
    case WEFT_MSG_CAST:
    case WEFT_MSG_CALL:
    case WEFT_MSG_EVENT:
        break;
    }
}

void weft_otp__mail_free(struct weft_sched *sched, struct mail *mail) {
    WEFT_ASSERT(!mail->queued);
    WEFT_ASSERT(weft_list_empty(&mail->link));
    mail_release(sched, mail);
    weft_otp__free(sched, mail, mail->size);
}

void weft_otp__runnable(struct weft_process *proc) {
    if (proc->flags & (PROC_QUEUED | PROC_RUNNING | PROC_DOOMED)) return;
    if ((proc->flags & PROC_SUSPENDED) && !(proc->flags & PROC_STOPPING)) return;
    weft_otp__queue_push(proc);
}

void weft_otp__mail_push(struct mail *mail) {
    struct weft_process *owner = mail->owner;
    WEFT_ASSERT(!mail->queued);
    WEFT_ASSERT(owner->mailbox_count < UINT32_MAX);
    mail->queued = true;
    weft_list_remove(&mail->link);
    weft_list_push_back(&owner->mailbox, &mail->link);
    owner->mailbox_count++;
    if (mail->kind == WEFT_MSG_EVENT) owner->events_count++;
    weft_otp__runnable(owner);
}

void weft_otp__mail_take(struct mail *mail) {
    struct weft_process *owner = mail->owner;
    weft_list_remove(&mail->link);
    if (!mail->queued) return;
    WEFT_ASSERT(owner->mailbox_count > 0);
    mail->queued = false;
    owner->mailbox_count--;
    if (mail->kind == WEFT_MSG_EVENT) owner->events_count--;
}

void weft_otp__mail_pending(struct mail *mail) {
    WEFT_ASSERT(!mail->queued);
    WEFT_ASSERT(weft_list_empty(&mail->link));
    weft_list_push_back(&mail->owner->pending, &mail->link);
}

int weft_otp__post(struct weft_process *to, const struct post *post) {
    WEFT_ASSERT(post->data.size <= WEFT_MESSAGE_MAX);
    if (to->mailbox_count >= to->mailbox_max && !post->force &&
        weft_otp__mailbox_full(to, post) != WEFT_OK)
        return WEFT_ERR_FULL;
    struct letter *letter =
        weft_otp__mail_new(to, post->kind, sizeof *letter + post->data.size, sizeof letter->mail);
    if (letter == NULL) return WEFT_ERR_NOMEM;
    letter->mail.from = post->from;
    letter->mail.ref = post->ref;
    letter->mail.tag = post->tag;
    letter->data_size = (uint32_t)post->data.size;
    if (post->data.size > 0) memcpy(letter->data, post->data.data, post->data.size);
    weft_otp__mail_push(&letter->mail);
    return WEFT_OK;
}

int weft_send(weft_self *self, weft_pid to, uint32_t tag, struct weft_bytes data) {
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    weft_otp__touch(data);
    struct weft_sched *sched = weft_otp__enter(self);
    struct post post = {.kind = WEFT_MSG_CAST, .from = self->pid, .tag = tag, .data = data};
    if (self->flags & PROC_WATCHED) weft_otp__watched_post(self, to, &post);
    struct weft_process *target = weft_otp__find(sched, to);
    int rv = target != NULL ? weft_otp__post(target, &post) : weft_otp__send_far(sched, to, &post);
    weft_otp__leave(sched);
    return rv;
}

int weft_send_name(weft_self *self, const char *name, uint32_t tag, struct weft_bytes data) {
    WEFT_ASSERT(name != NULL);
    weft_pid to = weft_whereis(self, name);
    return weft_pid_is_none(to) ? WEFT_ERR_NOT_FOUND : weft_send(self, to, tag, data);
}
