/* What the files of gen_event share. */
#ifndef WEFT_OTP_EVENT_INTERNAL_H
#define WEFT_OTP_EVENT_INTERNAL_H

#include "core/otp/gen_event.h"
#include "core/otp/internal.h"

/* Tags of calls to the manager, and of what it asks of handlers. */
enum event_op {
    EVENT_ADD = 1,
    EVENT_DELETE,
    EVENT_SWAP,
    EVENT_SYNC, /* also to a handler: struct event_ask, data */
    EVENT_CALL, /* also to a handler: struct event_ask, id, data */
    EVENT_WHICH,
    EVENT_STOP,
    EVENT_END /* to a handler: struct event_end, arg */
};

#define EVENT_SWAP_SELF (WEFT_GEN_EVENT_TAGS + 2)

struct event_ask {
    uint32_t tag, id_size; /* with the NUL */
};

struct event_end {
    uint32_t how;
    struct weft_reason reason;
};

/* ADD, DELETE, SWAP: this, then id, arg, old_id, old_arg. Ids with their NULs. */
struct event_change {
    const struct weft_gen_event_handler *handler;
    uint32_t id_size, arg_size, old_id_size, old_arg_size;
    uint32_t supervised;
    uint32_t zero;
};

struct event_change_read {
    struct weft_gen_event_add add;
    struct weft_gen_event_old old;
};

/* False when it is not well formed. */
bool weft_otp__event_read(struct weft_bytes data, struct event_change_read *out);

#endif
