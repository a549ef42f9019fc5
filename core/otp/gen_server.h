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

#include "core/base/limits.h"
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

/* When this handler has returned and no message waits: pack the state away until the next one
 * (OTP: hibernate). Needs `pack` and `unpack`; the process then holds the packed bytes only. A pack
 * that is no smaller than the state, or for which there is no memory, is not kept. At the next
 * message the state stands again; without memory for that, or when unpack fails, the process
 * ends (LIMIT, ERROR). */
void weft_gen_server_hibernate(weft_self *self);

/* A process by its pid, or by its name when `name` is given. */
struct weft_target {
    weft_pid pid;
    const char *name;
};

#define WEFT_MULTI_MAX WEFT_LIMIT(65536, 4) /* targets of one multi_call */

struct weft_multi {
    const struct weft_target *targets;
    size_t count;
    uint32_t tag;
    struct weft_bytes data;
    weft_duration timeout; /* of each; as weft_call's, WEFT_INHERIT too */
};

/* Call all `targets` at once (OTP: multi_call). ONE REPLY comes when each has answered, failed or
 * run into its timeout: data is `count` struct weft_multi_answer in the order of the targets, then
 * their bytes; weft_multi_get reads it. The servers see the call come from a process that waits
 * in the caller's place, and that ends when the caller does.
 *   WEFT_ERR_TOO_BIG (over WEFT_MULTI_MAX), WEFT_ERR_FULL, WEFT_ERR_NOMEM: no REPLY comes */
int weft_multi_call(weft_self *self, const struct weft_multi *multi, weft_ref *ref);

struct weft_multi_answer {
    weft_pid from;
    int32_t status; /* as of a REPLY; NOT_FOUND: a name nobody holds, FULL: its mailbox is,
                       TOO_BIG: its answer no longer fitted into WEFT_MESSAGE_MAX */
    uint32_t size;
    uint64_t at; /* of its bytes, from the start of the data */
};

/* The i-th answer in `data`, and its bytes, borrowed from `data`. */
static inline struct weft_bytes weft_multi_get(struct weft_bytes data, size_t i,
                                               struct weft_multi_answer *answer) {
    memcpy(answer, data.data + i * sizeof *answer, sizeof *answer);
    return weft_bytes(data.data + answer->at, answer->size);
}

/* Send `tag` and `data` of `cast` to all (OTP: abcast). How many were reached. */
size_t weft_abcast(weft_self *self, const struct weft_target *targets, size_t count,
                   const struct weft_msg *cast);

struct weft_stop {
    struct weft_reason reason;
    weft_duration timeout; /* as weft_call's */
};

/* End `pid`, a server or any process, with `reason` and terminate called, when its turn in the
 * mailbox comes: what was sent before is handled (gen_server:stop/3). It need not trap exits, and
 * is ended at once if it is suspended. One REPLY comes with
 *   WEFT_OK           it ended with that reason
 *   WEFT_ERR_CLOSED   it ended with another
 *   WEFT_ERR_NO_PROC  it was not there
 *   WEFT_ERR_TIMEOUT  it has not ended yet
 * The function fails as weft_spawn and weft_call do; WEFT_ERR_INVAL: stopping oneself. */
int weft_stop_server(weft_self *self, weft_pid pid, const struct weft_stop *stop, weft_ref *ref);

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
