/* The process of one event handler. Its parent is the manager. */
#include "core/otp/event_internal.h"

_Static_assert(offsetof(struct weft_gen_event_handler, behaviour) == 0,
               "a behaviour leads to its handler");

static const struct weft_gen_event_handler *handler_of(const weft_self *self) {
    const struct weft_behaviour *behaviour = weft_self_behaviour(self);
    WEFT_ASSERT(behaviour->handle == weft_gen_event_handler_handle);
    return (const struct weft_gen_event_handler *)(const void *)behaviour;
}

static struct weft_bytes end_by(weft_self *self, const struct weft_gen_event_end *end) {
    const struct weft_gen_event_handler *handler = handler_of(self);
    if (handler->terminate == NULL) return weft_bytes(NULL, 0);
    struct weft_bytes result = handler->terminate(self, end);
    WEFT_ASSERT(result.size <= WEFT_MESSAGE_MAX);
    return result;
}

/* The manager's exit is trapped, so that terminate is called. */
int weft_gen_event_handler_init(weft_self *self, struct weft_bytes arg) {
    const struct weft_gen_event_handler *handler = handler_of(self);
    struct weft_gen_event_init init;
    if (arg.size != sizeof init) return WEFT_ERR_INVAL;
    memcpy(&init, arg.data, sizeof init);
    weft_trap_exit(self, true);
    return handler->init != NULL ? handler->init(self, &init) : WEFT_OK;
}

/* `msg` as its asker made it, without what the manager needed to know. */
static bool unwrap(struct weft_msg *msg) {
    struct event_ask ask;
    if (msg->data.size < sizeof ask) return false;
    memcpy(&ask, msg->data.data, sizeof ask);
    size_t head = sizeof ask + ask.id_size;
    if (head > msg->data.size) return false;
    msg->tag = ask.tag;
    msg->data = weft_bytes(msg->data.data + head, msg->data.size - head);
    return true;
}

static void answer(weft_self *self, const struct weft_msg *call, int status,
                   struct weft_bytes data) {
    struct weft_call to = weft_call_of(call);
    weft_reply(self, &to, status, data);
}

static void on_sync(weft_self *self, const struct weft_msg *msg) {
    struct weft_msg event = *msg;
    WEFT_ASSERT(unwrap(&event));
    event.kind = WEFT_MSG_CAST;
    event.ref = 0;
    handler_of(self)->handle_event(self, &event);
    answer(self, msg, WEFT_OK, weft_bytes(NULL, 0));
}

static void on_call(weft_self *self, const struct weft_msg *msg) {
    const struct weft_gen_event_handler *handler = handler_of(self);
    struct weft_msg call = *msg;
    WEFT_ASSERT(unwrap(&call));
    if (handler->handle_call != NULL) {
        handler->handle_call(self, &call);
    } else {
        answer(self, msg, WEFT_ERR_UNSUPPORTED, weft_bytes(NULL, 0));
    }
}

/* The end as ordered: it ends itself like one that does not trap, since terminate has been. */
static void on_end(weft_self *self, const struct weft_msg *msg) {
    struct event_end order;
    WEFT_ASSERT(msg->data.size >= sizeof order);
    memcpy(&order, msg->data.data, sizeof order);
    struct weft_gen_event_end end = {
        .how = (enum weft_gen_event_how)order.how,
        .arg = weft_bytes(msg->data.data + sizeof order, msg->data.size - sizeof order),
        .reason = order.how == WEFT_GEN_EVENT_ADDER_DOWN ? &order.reason : NULL};
    struct weft_bytes result = end_by(self, &end);
    answer(self, msg, WEFT_OK, result);
    struct weft_reason normal = weft_reason(WEFT_REASON_NORMAL, 0);
    weft_trap_exit(self, false);
    weft_exit(self, weft_self_pid(self), &normal);
}

static void of_manager(weft_self *self, const struct weft_msg *msg) {
    switch (msg->tag) {
    case EVENT_SYNC:
        on_sync(self, msg);
        break;
    case EVENT_CALL:
        on_call(self, msg);
        break;
    case EVENT_END:
        on_end(self, msg);
        break;
    default:
        WEFT_UNREACHABLE("the manager asks nothing else");
    }
}

void weft_gen_event_handler_handle(weft_self *self, const struct weft_msg *msg) {
    const struct weft_gen_event_handler *handler = handler_of(self);
    bool managed = weft_pid_equal(msg->from, weft_self_parent(self));
    if (managed && msg->kind == WEFT_MSG_CAST) {
        handler->handle_event(self, msg);
    } else if (managed && msg->kind == WEFT_MSG_CALL) {
        of_manager(self, msg);
    } else if (handler->handle_info != NULL) {
        handler->handle_info(self, msg);
    }
}

/* By weft_stop of its own, by the manager's exit signal, or because the manager is gone. */
void weft_gen_event_handler_terminate(weft_self *self, const struct weft_reason *reason) {
    struct weft_gen_event_end end = {.how = WEFT_GEN_EVENT_REMOVED};
    if (!weft_alive(self, weft_self_parent(self))) {
        end.how = WEFT_GEN_EVENT_STOPPED;
    } else if (!weft_reason_is_clean(reason)) {
        end.how = WEFT_GEN_EVENT_FAILED;
    }
    if (end.how != WEFT_GEN_EVENT_REMOVED) end.reason = reason;
    (void)end_by(self, &end);
}

void weft_gen_event_remove(weft_self *self) {
    WEFT_ASSERT(handler_of(self) != NULL);
    struct weft_reason normal = weft_reason(WEFT_REASON_NORMAL, 0);
    weft_stop(self, &normal);
}
