/* gen_server: a process that answers calls
 * (https://www.erlang.org/doc/man/gen_server.html).
 *
 *     struct counter { uint64_t n; };
 *
 *     static void on_call(weft_self *self, const struct weft_msg *call) {
 *         struct counter *counter = weft_state(self);
 *         counter->n++;
 *         weft_reply_now(self, call, &counter->n, sizeof counter->n);
 *     }
 *
 *     WEFT_GEN_SERVER(counter_v1, .name = "counter", .version = 1,
 *                     .state_size = sizeof(struct counter), .handle_call = on_call);
 *
 * Callbacks of struct weft_behaviour, each optional:
 *   init             as for any process
 *   handle_call      a CALL: weft_reply now or later (OTP's noreply)
 *   handle_cast      a CAST
 *   handle_info      REPLY, EXIT, DOWN, TIMER and EVENT
 *   handle_timeout   nothing arrived for as long as weft_gen_server_timeout said
 *   handle_continue  asked for by weft_gen_server_continue; runs before any queued message
 *   terminate        as for any process
 *
 * Differences from OTP: results are not returned but done (weft_reply, weft_stop,
 * weft_gen_server_timeout, weft_gen_server_continue), so bad_return_value cannot happen. A message
 * no callback is given for is dropped and logged, where OTP would crash with undef; an EXIT that
 * nobody handles is dropped silently, as gen_server's default handle_info logs it. A server that
 * traps exits and gets its parent's ends with that reason and terminate called, as in OTP; see
 * weft_trap_parent_exit for one that needs time. */
#ifndef WEFT_OTP_GEN_SERVER_H
#define WEFT_OTP_GEN_SERVER_H

#include "core/otp/process.h"

/* Define `ident`, a constant struct weft_behaviour; prefix with `static` if it is private. */
#define WEFT_GEN_SERVER(ident, ...)                                                                \
    const struct weft_behaviour ident = {.handle = weft_gen_server_handle, __VA_ARGS__}

/* The `handle` of every gen_server. */
void weft_gen_server_handle(weft_self *self, const struct weft_msg *msg);

/* Call handle_timeout if no message arrives within `idle` from the end of this handler. Any
 * message disarms it: arm it again. Replaces an earlier one. */
void weft_gen_server_timeout(weft_self *self, weft_duration idle);

/* Call handle_continue when this handler (init included) has returned, before any message. */
void weft_gen_server_continue(weft_self *self);

/* Answer `call` from inside handle_call. */
static inline void weft_reply_now(weft_self *self, const struct weft_msg *call, const void *data,
                                  size_t size) {
    struct weft_call to = weft_call_of(call);
    weft_reply(self, &to, WEFT_OK, weft_bytes(data, size));
}

/* Answer `call` with an error and nothing else. */
static inline void weft_reply_error(weft_self *self, const struct weft_msg *call, int error) {
    struct weft_call to = weft_call_of(call);
    weft_reply(self, &to, error, weft_bytes(NULL, 0));
}

#endif
