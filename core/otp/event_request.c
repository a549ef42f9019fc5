/* What may be asked of an event manager: the asking side, and how requests are laid out. */
#include "core/otp/event_internal.h"

static bool id_valid(const char *id) { return strlen(id) < WEFT_NAME_MAX; }

static const char *id_of(const struct weft_gen_event_add *add) {
    if (add->id != NULL && add->id[0] != '\0') return add->id;
    return add->handler->behaviour.name != NULL ? add->handler->behaviour.name : "handler";
}

static bool handler_valid(const struct weft_gen_event_add *add) {
    return add->handler != NULL && add->handler->handle_event != NULL && id_valid(id_of(add));
}

static unsigned char *put(unsigned char *to, const void *data, size_t size) {
    if (size > 0) memcpy(to, data, size);
    return to + size;
}

struct laid {
    unsigned char *data;
    size_t size;
};

/* Lay out a change in new memory. WEFT_ERR_INVAL, WEFT_ERR_TOO_BIG, WEFT_ERR_NOMEM */
static int lay_out(weft_self *self, const struct weft_gen_event_add *add,
                   const struct weft_gen_event_old *old, struct laid *out) {
    struct event_change change = {.handler = NULL};
    const char *id = "", *old_id = old != NULL && old->id != NULL ? old->id : "";
    struct weft_bytes arg = weft_bytes(NULL, 0), old_arg = arg;
    if (add != NULL) {
        if (!handler_valid(add)) return WEFT_ERR_INVAL;
        id = id_of(add);
        arg = add->arg;
        change.handler = add->handler;
        change.supervised = add->supervised;
    }
    if (!id_valid(old_id)) return WEFT_ERR_INVAL;
    if (old != NULL) old_arg = old->arg;
    if (arg.size > WEFT_MESSAGE_MAX || old_arg.size > WEFT_MESSAGE_MAX) return WEFT_ERR_TOO_BIG;
    change.id_size = (uint32_t)strlen(id) + 1;
    change.old_id_size = (uint32_t)strlen(old_id) + 1;
    change.arg_size = (uint32_t)arg.size;
    change.old_arg_size = (uint32_t)old_arg.size;
    size_t size = sizeof change + change.id_size + change.old_id_size + arg.size + old_arg.size;
    if (size > WEFT_MESSAGE_MAX) return WEFT_ERR_TOO_BIG;
    unsigned char *data = weft_alloc(self, size), *at = data;
    if (data == NULL) return WEFT_ERR_NOMEM;
    at = put(at, &change, sizeof change);
    at = put(at, id, change.id_size);
    at = put(at, arg.data, arg.size);
    at = put(at, old_id, change.old_id_size);
    (void)put(at, old_arg.data, old_arg.size);
    *out = (struct laid){data, size};
    return WEFT_OK;
}

static bool is_id(const unsigned char *data, size_t size) {
    return size > 0 && size <= WEFT_NAME_MAX && memchr(data, '\0', size) == data + size - 1;
}

bool weft_otp__event_read(struct weft_bytes data, struct event_change_read *out) {
    struct event_change change;
    if (data.size < sizeof change) return false;
    memcpy(&change, data.data, sizeof change);
    uint64_t size = (uint64_t)change.id_size + change.arg_size + change.old_id_size;
    if (size + change.old_arg_size != data.size - sizeof change) return false;
    const unsigned char *id = data.data + sizeof change, *arg = id + change.id_size;
    const unsigned char *old_id = arg + change.arg_size;
    if (!is_id(id, change.id_size) || !is_id(old_id, change.old_id_size)) return false;
    out->add = (struct weft_gen_event_add){.id = (const char *)id,
                                           .handler = change.handler,
                                           .arg = weft_bytes(arg, change.arg_size),
                                           .supervised = change.supervised != 0};
    out->old = (struct weft_gen_event_old){
        .id = (const char *)old_id,
        .arg = weft_bytes(old_id + change.old_id_size, change.old_arg_size)};
    return true;
}

struct change_call {
    enum event_op op;
    const struct weft_gen_event_add *add;
    const struct weft_gen_event_old *old;
};

static int ask_change(weft_self *self, weft_pid manager, const struct change_call *call,
                      weft_ref *ref) {
    struct laid laid;
    WEFT_ASSERT(ref != NULL);
    int rv = lay_out(self, call->add, call->old, &laid);
    if (rv != WEFT_OK) return rv;
    rv = weft_call(self, manager, (uint32_t)call->op, weft_bytes(laid.data, laid.size),
                   WEFT_TIME_NEVER, ref);
    weft_free(self, laid.data);
    return rv;
}

int weft_gen_event_add_handler(weft_self *self, weft_pid manager,
                               const struct weft_gen_event_add *add, weft_ref *ref) {
    WEFT_ASSERT(add != NULL);
    struct change_call call = {.op = EVENT_ADD, .add = add};
    return ask_change(self, manager, &call, ref);
}

int weft_gen_event_delete_handler(weft_self *self, weft_pid manager,
                                  const struct weft_gen_event_old *old, weft_ref *ref) {
    WEFT_ASSERT(old != NULL);
    struct change_call call = {.op = EVENT_DELETE, .old = old};
    return ask_change(self, manager, &call, ref);
}

int weft_gen_event_swap_handler(weft_self *self, weft_pid manager,
                                const struct weft_gen_event_swap *swap, weft_ref *ref) {
    WEFT_ASSERT(swap != NULL);
    struct change_call call = {.op = EVENT_SWAP, .add = &swap->add, .old = &swap->old};
    return ask_change(self, manager, &call, ref);
}

int weft_gen_event_swap_self(weft_self *self, struct weft_bytes arg,
                             const struct weft_gen_event_add *add) {
    WEFT_ASSERT(add != NULL);
    struct weft_gen_event_old old = {.arg = arg};
    struct laid laid;
    int rv = lay_out(self, add, &old, &laid);
    if (rv != WEFT_OK) return rv;
    rv = weft_send(self, weft_self_parent(self), EVENT_SWAP_SELF, weft_bytes(laid.data, laid.size));
    weft_free(self, laid.data);
    return rv;
}

int weft_gen_event_notify(weft_self *self, weft_pid manager, uint32_t tag, struct weft_bytes data) {
    WEFT_ASSERT(tag < WEFT_GEN_EVENT_TAGS);
    return weft_send(self, manager, tag, data);
}

static int ask(weft_self *self, weft_pid manager, enum event_op op,
               const struct weft_gen_event_request *request, weft_ref *ref) {
    const char *id = request->id != NULL ? request->id : "";
    if (!id_valid(id)) return WEFT_ERR_INVAL;
    struct event_ask ask = {.tag = request->tag, .id_size = (uint32_t)strlen(id) + 1};
    if (request->data.size > WEFT_MESSAGE_MAX - sizeof ask - ask.id_size) return WEFT_ERR_TOO_BIG;
    size_t size = sizeof ask + ask.id_size + request->data.size;
    unsigned char *data = weft_alloc(self, size);
    if (data == NULL) return WEFT_ERR_NOMEM;
    unsigned char *at = put(data, &ask, sizeof ask);
    at = put(at, id, ask.id_size);
    (void)put(at, request->data.data, request->data.size);
    weft_duration timeout = request->timeout != 0 ? request->timeout : WEFT_TIME_NEVER;
    int rv = weft_call(self, manager, (uint32_t)op, weft_bytes(data, size), timeout, ref);
    weft_free(self, data);
    return rv;
}

int weft_gen_event_sync_notify(weft_self *self, weft_pid manager,
                               const struct weft_gen_event_request *request, weft_ref *ref) {
    WEFT_ASSERT(request->tag < WEFT_GEN_EVENT_TAGS);
    return ask(self, manager, EVENT_SYNC, request, ref);
}

int weft_gen_event_call(weft_self *self, weft_pid manager,
                        const struct weft_gen_event_request *request, weft_ref *ref) {
    WEFT_ASSERT(request != NULL);
    return ask(self, manager, EVENT_CALL, request, ref);
}

int weft_gen_event_which_handlers(weft_self *self, weft_pid manager, weft_ref *ref) {
    return weft_call(self, manager, EVENT_WHICH, weft_bytes(NULL, 0), WEFT_TIME_NEVER, ref);
}

int weft_gen_event_stop(weft_self *self, weft_pid manager, const struct weft_reason *reason,
                        weft_ref *ref) {
    WEFT_ASSERT(reason != NULL);
    struct weft_bytes data = weft_bytes(reason, sizeof *reason);
    return weft_call(self, manager, EVENT_STOP, data, WEFT_TIME_NEVER, ref);
}
