/* Events that are kept: postponed, or inserted. */
#include "core/otp/statem_internal.h"

/* Bytes that `event` needs behind the record. What INFO events carry beside them is in it. */
static struct weft_bytes bytes_of(const struct weft_statem_event *event) {
    const struct weft_msg *msg = event->msg;
    if (msg == NULL || msg->event == NULL || msg->event->data == NULL) return event->data;
    return weft_bytes(msg->event->data, msg->event->size);
}

static void keep_message(struct held *held, const struct weft_msg *msg) {
    held->msg = *msg;
    held->event.msg = &held->msg;
    if (msg->reason != NULL) {
        held->reason = *msg->reason;
        held->msg.reason = &held->reason;
    }
    if (msg->event != NULL) {
        held->net = *msg->event;
        if (msg->event->data != NULL) held->net.data = held->data;
        held->msg.event = &held->net;
    } else {
        held->msg.data = held->event.data;
    }
}

static uint32_t events_max(const weft_self *self) {
    const struct weft_statem *statem = weft_otp__statem_of(self);
    return statem->events_max != 0 ? statem->events_max : WEFT_STATEM_EVENTS_MAX;
}

struct held *weft_otp__statem_hold(weft_self *self, struct machine *machine,
                                   const struct weft_statem_event *event) {
    WEFT_ASSERT(event->type >= WEFT_STATEM_CALL);
    WEFT_ASSERT(event->type <= WEFT_STATEM_INTERNAL);
    struct weft_bytes bytes = bytes_of(event);
    WEFT_ASSERT(bytes.size <= WEFT_MESSAGE_MAX);
    if (machine->events_count >= events_max(self)) {
        weft_otp__statem_limit(self, WEFT_ERR_FULL, "events held");
        return NULL;
    }
    struct held *held = weft_alloc(self, sizeof *held + bytes.size);
    if (held == NULL) {
        weft_otp__statem_limit(self, WEFT_ERR_NOMEM, "memory for an event");
        return NULL;
    }
    weft_list_init(&held->link);
    held->event = *event;
    if (bytes.size > 0) memcpy(held->data, bytes.data, bytes.size);
    if (event->data.size > 0) held->event.data = weft_bytes(held->data, event->data.size);
    if (event->msg != NULL) keep_message(held, event->msg);
    machine->events_count++;
    return held;
}

void weft_otp__statem_held_free(weft_self *self, struct machine *machine, struct held *held) {
    WEFT_ASSERT(machine->events_count > 0);
    WEFT_ASSERT(weft_list_empty(&held->link));
    machine->events_count--;
    weft_free(self, held);
}

void weft_otp__statem_splice(struct weft_link *to, struct weft_link *from) {
    WEFT_ASSERT(to != from);
    if (weft_list_empty(from)) return;
    struct weft_link *first = from->next, *last = from->prev;
    last->next = to->next;
    to->next->prev = last;
    to->next = first;
    first->prev = to;
    weft_list_init(from);
}
