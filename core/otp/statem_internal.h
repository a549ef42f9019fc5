/* What the files of gen_statem share. */
#ifndef WEFT_OTP_STATEM_INTERNAL_H
#define WEFT_OTP_STATEM_INTERNAL_H

#include "core/otp/gen_statem.h"
#include "core/otp/internal.h"

#define STATEM_LAYOUT 0x73746d02u /* of struct machine; counts up in the last byte */

/* An event that is kept: `event` points into this record. */
struct held {
    struct weft_link link;
    struct weft_statem_event event;
    struct weft_msg msg;
    struct weft_event net;
    struct weft_reason reason;
    _Alignas(16) unsigned char data[];
};

enum order { ORDER_SET = 1, ORDER_UPDATE, ORDER_CANCEL };

/* An order to a timeout, and then the timeout. Known by its type and, if NAMED, its tag. */
struct timeout {
    struct weft_link link;
    weft_duration after;
    weft_ref ref; /* of the timer that runs; 0: none */
    uint8_t type; /* enum weft_statem_type */
    uint8_t order;
    uint32_t tag, data_size;
    _Alignas(16) unsigned char data[];
};

/* I1  `queue` and `due` are empty while a message is handled: continue comes first
 * I2  events_count is the number of `postponed`, `queue` and `inserted`
 * I3  a timeout is in one of `running` (ref set) and `due`, or an order in `orders` */
struct machine {
    uint32_t layout;
    uint32_t state;
    void *data, *old_data; /* old_data: of before a code change, until the next event */
    uint32_t data_size;
    uint32_t events_count, postponed_count, timeouts_count;
    struct weft_link queue, postponed; /* struct held */
    struct weft_link running, due;     /* struct timeout */
    uint8_t modules[WEFT_STATEM_MODULES_MAX + 1];
    uint8_t modules_top; /* modules[modules_top] is in force */
    bool started;        /* the first enter call is made */

    /* What the running handler asked for. */
    struct weft_link inserted; /* struct held */
    struct weft_link orders;   /* struct timeout */
    uint32_t next_state;
    bool handling, entering, repeat, postpone;
    void *seen; /* a copy that sys changes, until it is taken; NULL: none */
};

/* The machine of `self`, in a handler of it or outside. */
struct machine *weft_otp__machine(const weft_self *self);
const struct weft_statem *weft_otp__statem_of(const weft_self *self);
const struct weft_statem_callbacks *weft_otp__statem_callbacks(const weft_self *self);

/* The machine ran into a bound: it ends. */
void weft_otp__statem_limit(weft_self *self, int error, const char *what);

/* Copy `event`; NULL when a bound ended the machine. */
struct held *weft_otp__statem_hold(weft_self *self, struct machine *machine,
                                   const struct weft_statem_event *event);
void weft_otp__statem_held_free(weft_self *self, struct machine *machine, struct held *held);

/* Move all of `from` to the front of `to`, in order. */
void weft_otp__statem_splice(struct weft_link *to, struct weft_link *from);

/* statem_sys.c: what weft_sys_get_state and weft_sys_replace_state do. */
size_t weft_otp__statem_seen_size(const weft_self *self);
void weft_otp__statem_see(const weft_self *self, void *out);
int weft_otp__statem_replace(weft_self *self, int (*change)(void *ctx, void *state, size_t size),
                             void *ctx);

/* Carry out the orders. */
void weft_otp__statem_orders(weft_self *self, struct machine *machine);
void weft_otp__statem_orders_drop(weft_self *self, struct machine *machine);
void weft_otp__statem_timeout_end(weft_self *self, struct machine *machine,
                                  enum weft_statem_type type);
/* Take out the one whose timer `ref` is; NULL: none. */
struct timeout *weft_otp__statem_timeout_take(struct machine *machine, weft_ref ref);

#endif
