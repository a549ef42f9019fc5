/* sys: look into a process, hold it and watch it, while it knows nothing
 * (https://www.erlang.org/doc/man/sys.html).
 *
 * Everything here acts at once, between two messages of the process: there are no system messages
 * to send and no answer to wait for, and so no behaviour has to take part. (Differences from OTP:
 * that; and any process can be looked into, not only special ones. What is asked of a process
 * whose handler is running, oneself included, acts on the state as it is then; a suspension begins
 * when that handler returns.)
 *
 * Each function stands twice: weft_sys_... for handlers, weft_sched_sys_... for whoever drives the
 * scheduler. All return
 *   WEFT_ERR_NO_PROC  `pid` is no live process of this scheduler
 * and what else is named. */
#ifndef WEFT_OTP_SYS_H
#define WEFT_OTP_SYS_H

#include "core/base/limits.h"
#include "core/otp/sched.h"

/* --- holding --- */

/* No message is handled until resume: mail queues up to the mailbox's bound, timers go off into
 * it, calls to it run into their timeouts. What acts without being handled still does: kills,
 * exit signals that are not trapped, ends of linked processes. The exit signal of its parent ends
 * it at once, with terminate called and its mail left unread, as OTP's suspend loop does; one that
 * wants its parent's exit as a message (weft_trap_parent_exit) is resumed by it instead.
 * Suspending twice is suspending once. */
int weft_sys_suspend(weft_self *self, weft_pid pid);
int weft_sys_resume(weft_self *self, weft_pid pid);
int weft_sched_sys_suspend(struct weft_sched *sched, weft_pid pid);
int weft_sched_sys_resume(struct weft_sched *sched, weft_pid pid);

/* --- looking --- */

#define WEFT_SYS_TEXT_SIZE 1024
#define WEFT_ANCESTORS_MAX 8

struct weft_sys_status {
    struct weft_proc_info info;
    weft_pid ancestors[WEFT_ANCESTORS_MAX]; /* its parent first, as far as they live */
    uint32_t ancestors_count;
    uint32_t state_size;           /* bytes */
    char text[WEFT_SYS_TEXT_SIZE]; /* what its behaviour's format_status wrote; else "" */
};

/* Texts in `info` are borrowed until anything runs. format_status runs guarded: if it faults, the
 * text says so and the process goes on. */
int weft_sys_get_status(weft_self *self, weft_pid pid, struct weft_sys_status *status);
int weft_sched_sys_get_status(struct weft_sched *sched, weft_pid pid,
                              struct weft_sys_status *status);

/* The bytes of its state: *size is the room on entry, and how many were copied afterwards. Of a
 * gen_statem it is a struct weft_sys_statem, and its data behind that (OTP: {State, Data}).
 *   WEFT_ERR_TOO_BIG  the room is less than the state; *size is what it needs */
int weft_sys_get_state(weft_self *self, weft_pid pid, void *room, size_t *size);
int weft_sched_sys_get_state(struct weft_sched *sched, weft_pid pid, void *room, size_t *size);

struct weft_sys_statem {
    uint32_t state;
    uint32_t data_size;
    uint64_t zero; /* so that the data is aligned */
};

/* Let `change` alter the state in place. What it returns is returned. A fault in it is the
 * caller's. Of a gen_statem it alters a copy, as weft_sys_get_state has it, which is taken when it
 * returns WEFT_OK; no enter call is made and no timeout stopped, as in OTP.
 *   WEFT_ERR_INVAL   a gen_statem: a state that it has not, or another data_size; it is as it was
 *   WEFT_ERR_IN_USE  a gen_statem: in its own handler
 *   WEFT_ERR_NOMEM */
int weft_sys_replace_state(weft_self *self, weft_pid pid,
                           int (*change)(void *ctx, void *state, size_t size), void *ctx);
int weft_sched_sys_replace_state(struct weft_sched *sched, weft_pid pid,
                                 int (*change)(void *ctx, void *state, size_t size), void *ctx);

/* --- watching --- */

/* A message that comes in (is about to be handled) or goes out (was sent, or asked, or answered,
 * whether or not it arrived). Borrowed for the call. */
struct weft_sys_event {
    weft_time at;
    weft_pid pid;  /* who is watched */
    weft_pid peer; /* from whom it comes, or to whom it goes */
    bool out;
    enum weft_msg_kind kind;
    uint32_t tag;
    uint32_t size;          /* bytes of data */
    struct weft_bytes data; /* in a log only the first WEFT_SYS_LOG_DATA of them */
};

#define WEFT_SYS_LOG_MAX WEFT_LIMIT(1024, 4) /* messages kept of a process */
#define WEFT_SYS_LOG_DATA 32

/* Tell each message to the trace, as `sys.message`. WEFT_ERR_NOMEM */
int weft_sys_trace(weft_self *self, weft_pid pid, bool on);
int weft_sched_sys_trace(struct weft_sched *sched, weft_pid pid, bool on);

/* Keep the last `count` messages; 0: no more, and forget them.
 *   WEFT_ERR_TOO_BIG  over WEFT_SYS_LOG_MAX
 *   WEFT_ERR_NOMEM    the log is as it was */
int weft_sys_log(weft_self *self, weft_pid pid, uint32_t count);
int weft_sched_sys_log(struct weft_sched *sched, weft_pid pid, uint32_t count);

/* Call `fn` for each message kept, the oldest first. */
typedef void weft_sys_fn(void *ctx, const struct weft_sys_event *event);
int weft_sys_get_log(weft_self *self, weft_pid pid, weft_sys_fn *fn, void *ctx);
int weft_sched_sys_get_log(struct weft_sched *sched, weft_pid pid, weft_sys_fn *fn, void *ctx);

/* Since it was switched on: OTP's statistics. Reductions are messages handled. */
struct weft_sys_statistics {
    weft_time since;
    uint64_t messages_in, messages_out, bytes_in, bytes_out, reductions;
};

/* Count from now on, from 0; or stop. WEFT_ERR_NOMEM */
int weft_sys_statistics(weft_self *self, weft_pid pid, bool on);
int weft_sched_sys_statistics(struct weft_sched *sched, weft_pid pid, bool on);

/*   WEFT_ERR_NOT_FOUND  it is not counted (OTP: no_statistics) */
int weft_sys_get_statistics(weft_self *self, weft_pid pid, struct weft_sys_statistics *out);
int weft_sched_sys_get_statistics(struct weft_sched *sched, weft_pid pid,
                                  struct weft_sys_statistics *out);

/* Call `fn` with each message, from inside the runtime: it must change nothing there. Those
 * installed are called in order. For tools and tests, whose code outlives the process.
 *   WEFT_ERR_EXISTS (the same fn and ctx), WEFT_ERR_NOMEM; remove: WEFT_ERR_NOT_FOUND */
int weft_sched_sys_install(struct weft_sched *sched, weft_pid pid, weft_sys_fn *fn, void *ctx);
int weft_sched_sys_remove(struct weft_sched *sched, weft_pid pid, weft_sys_fn *fn, void *ctx);

/* All of the watching at once (OTP: no_debug). */
int weft_sys_no_debug(weft_self *self, weft_pid pid);
int weft_sched_sys_no_debug(struct weft_sched *sched, weft_pid pid);

/* Who started this process, who started that one, and so on, as far as they live (OTP:
 * $ancestors). How many were written, at most `max`. */
uint32_t weft_self_ancestors(const weft_self *self, weft_pid *out, uint32_t max);

/* "cast", "call", ... */
const char *weft_msg_kind_name(enum weft_msg_kind kind);

#endif
