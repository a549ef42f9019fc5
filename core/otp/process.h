/* Processes: isolated, light, and mortal.
 *
 * A process is a behaviour (a table of functions) and a state of fixed size. It has no stack of
 * its own: a handler runs to completion, on the stack of whoever drives the scheduler, and never
 * waits. What it allocates, the timers it starts and the sockets it opens belong to it and go
 * with it, however it ends. A fault in a handler ends the process with reason FAULT; links,
 * monitors and supervisors do the rest.
 *
 * Semantics follow https://www.erlang.org/doc/reference_manual/processes.html; each difference is
 * named where it stands.
 *
 * No code pointer outlives a message: state holds data only, so that a process can be moved to
 * new code between two messages. */
#ifndef WEFT_OTP_PROCESS_H
#define WEFT_OTP_PROCESS_H

#include "core/env/env.h"
#include "core/otp/types.h"

/* The running process, as its own handlers see it. Valid only inside a handler. */
typedef struct weft_process weft_self;

struct weft_code_change; /* core/otp/module.h */

/* A kind of process: its name, the size of its state, and its callbacks. Static and constant.
 * Define one with WEFT_PROCESS, WEFT_GEN_SERVER (core/otp/gen_server.h) or use weft_supervisor. */
struct weft_behaviour {
    const char *name;
    uint32_t version;
    uint32_t state_size; /* bytes, cleared before init; may be 0; at most WEFT_STATE_MAX */

    /* Runs inside weft_spawn. weft_self_pid is valid already.
     *   WEFT_OK          started
     *   WEFT_ERR_IGNORE  do not run, and that is no failure (OTP's `ignore`); the name is free
     * again any other        the start failed, and weft_spawn returns it `arg` is borrowed for the
     * call. May be NULL. */
    int (*init)(weft_self *self, struct weft_bytes arg);

    /* One message, whatever its kind. Never NULL. */
    void (*handle)(weft_self *self, const struct weft_msg *msg);

    /* The process ends: by weft_stop; or, when it traps exits, by the exit signal of its parent.
     * Not called after a fault or a kill (as gen_server's terminate/2). May be NULL. */
    void (*terminate)(weft_self *self, const struct weft_reason *reason);

    /* What weft_gen_server_handle calls, described in gen_server.h. Each may be NULL. */
    void (*handle_call)(weft_self *self, const struct weft_msg *call);
    void (*handle_cast)(weft_self *self, const struct weft_msg *cast);
    void (*handle_info)(weft_self *self, const struct weft_msg *info);
    void (*handle_timeout)(weft_self *self);
    void (*handle_continue)(weft_self *self);

    /* The state of another version becomes that of this one, or the reverse: module.h. May be NULL:
     * the state is kept, which needs an equal state_size. */
    int (*code_change)(weft_self *self, const struct weft_code_change *change);

    /* Write what a person wants to know of the state: at most `size` bytes of text. Returns how
     * many. For sys (core/otp/sys.h) and crash reports; it must change nothing. May be NULL. */
    size_t (*format_status)(weft_self *self, char *text, size_t size);

    /* For weft_gen_server_hibernate; both or none. pack writes into `room` what is needed to make
     * the state again, and frees nothing that unpack does not make anew; with `room` NULL it only
     * tells how many bytes that is. unpack makes the state, which is cleared, again from them; an
     * error ends the process with it. */
    size_t (*pack)(weft_self *self, void *room, size_t size);
    int (*unpack)(weft_self *self, struct weft_bytes packed);
    /* How long one of its handlers may run, init included: 0: as the scheduler's config says;
     * WEFT_TIME_NEVER: for ever. */
    weft_duration handler_max;
};

/* A process with a handler for everything:
 * WEFT_PROCESS(echo, .name = "echo", .version = 1, .handle = on_message); */
#define WEFT_PROCESS(ident, ...) const struct weft_behaviour ident = {__VA_ARGS__}

/* Who runs first among those that have something to do: see core/otp/sched.h for the rule. */
enum weft_priority { WEFT_PRIORITY_NORMAL = 0, WEFT_PRIORITY_HIGH, WEFT_PRIORITY_LOW };

/* What weft_alloc does at memory_max, beside returning NULL. */
enum weft_quota {
    WEFT_QUOTA_REFUSE = 0,
    WEFT_QUOTA_KILL /* the process ends with LIMIT when its handler returns, trapping or not */
};

/* What a message does that comes to a full mailbox. EXIT, DOWN, REPLY, TIMER and stream events
 * come whatever the bound; datagrams are dropped whatever the policy. */
enum weft_overflow {
    WEFT_OVERFLOW_REFUSE = 0, /* the sender gets WEFT_ERR_FULL */
    WEFT_OVERFLOW_KILL,       /* the sender too, and the owner ends with LIMIT, trapping or not */
    WEFT_OVERFLOW_DROP_OLDEST /* the oldest CAST or CALL goes, if there is one among the first 64
                                 mails; who asked gets a REPLY with WEFT_ERR_FULL */
};

struct weft_spawn {
    const struct weft_behaviour *behaviour;
    struct weft_bytes arg; /* copied nowhere: init reads it */
    const char *name;      /* registered before init; NULL: none. Copied. */
    bool link;             /* to the caller, atomically with the start */
    bool monitor;          /* by the caller; the ref is written to *ref */
    weft_ref *ref;
    uint32_t mailbox_max; /* messages; 0: WEFT_MAILBOX_MAX */
    /* Bytes of those over WEFT_MAIL_LARGE, together; 0: WEFT_MAILBOX_BYTES_MAX. One alone always
     * fits. What comes beyond is treated as `overflow` says, as beyond mailbox_max. */
    size_t mailbox_bytes;
    size_t memory_max; /* bytes by weft_alloc; 0: no limit of its own */
    enum weft_overflow overflow;
    enum weft_quota quota;
    uint32_t tag; /* of the EXIT message that tells a linked caller of its end, also when the
                     link was made later */
    enum weft_priority priority;
};

/* Start a process; its init has returned when this does.
 *   WEFT_ERR_EXISTS  the name is taken: *out is the holder (OTP's already_started)
 *   WEFT_ERR_FULL    WEFT_PROCS_MAX processes exist
 *   WEFT_ERR_NOMEM
 *   WEFT_ERR_FAULT   init faulted; weft_last_reason tells how
 *   other            what init returned
 * Difference from OTP: there is no start without waiting for init, since init cannot wait. A
 * linked caller is not sent an exit signal when the start fails: the error is the answer. An init
 * that an exit signal ends fails with WEFT_ERR_NO_PROC; one that calls weft_stop and returns
 * WEFT_OK has started, and ends at once; one that calls weft_stop and returns an error has the
 * reason given there. Inits may start processes whose inits start processes, up to
 * WEFT_SPAWN_DEPTH_MAX deep (WEFT_ERR_FULL). */
int weft_spawn(weft_self *self, const struct weft_spawn *spawn, weft_pid *out);

/* Why the last weft_spawn of this handler failed. Borrowed until the next weft_spawn. */
const struct weft_reason *weft_last_reason(weft_self *self);

weft_pid weft_self_pid(const weft_self *self);

/* The state, `state_size` bytes. Lives as long as the process; at another place after its
 * code_change has run, so that no pointer to it is kept from one message to the next. */
void *weft_state(weft_self *self);

/* Time as of when this handler was called; all handlers of one run see the same. */
weft_time weft_now(const weft_self *self);

struct weft_env *weft_self_env(weft_self *self);

/* A named place where something of the application's own may go wrong: true when it does, and the
 * caller goes on as it would then. Only `weft sweep` and `weft run --fail app:N` make it so, each
 * such call once (docs/scenarios.md); elsewhere it is false, and costs a look at a pointer. The
 * name is told in reports, its first 31 bytes. */
bool weft_fault_point(weft_self *self, const char *name);

const struct weft_behaviour *weft_self_behaviour(const weft_self *self);

/* Who started this process; WEFT_PID_NONE for the root. Its exit signal ends this process even
 * when it traps exits, with terminate called (gen_server: parent exit). */
weft_pid weft_self_parent(const weft_self *self);

/* --- messages --- */

/* Send `data` (copied) with `tag`. Pairwise order is kept, also with exit signals.
 *   WEFT_ERR_NO_PROC  not alive; callers may ignore it (OTP: silently dropped)
 *   WEFT_ERR_FULL     the mailbox is at its bound; nothing was sent
 *   WEFT_ERR_NOMEM */
int weft_send(weft_self *self, weft_pid to, uint32_t tag, struct weft_bytes data);

/* weft_send to whoever holds `name` now. WEFT_ERR_NOT_FOUND when nobody (OTP: badarg). */
int weft_send_name(weft_self *self, const char *name, uint32_t tag, struct weft_bytes data);

/* Ask: `to` gets a CALL; exactly one REPLY with *ref comes back, whatever happens: the answer,
 * WEFT_ERR_NO_PROC when `to` is or becomes dead, or WEFT_ERR_TIMEOUT. An answer after that is
 * dropped (OTP: process aliases).
 * `timeout` WEFT_TIME_NEVER waits for ever. WEFT_INHERIT, in a handler of a CALL, is what remains
 * of that call's own time, so that one deadline holds across hops; elsewhere WEFT_CALL_TIMEOUT. A
 * call whose time is over when its turn in the mailbox comes is not handled any more, and counted
 * as `expired`: its caller has had the TIMEOUT (OTP's server would do the work for nobody).
 *   WEFT_ERR_INVAL   calling oneself (OTP: calling_self)
 *   WEFT_ERR_FULL, WEFT_ERR_NOMEM  nothing was sent and no REPLY comes
 * Difference from OTP: the caller does not wait here; the answer is a message. */
#define WEFT_CALL_TIMEOUT WEFT_S(5) /* OTP's default */
#define WEFT_INHERIT ((weft_duration)-1)

int weft_call(weft_self *self, weft_pid to, uint32_t tag, struct weft_bytes data,
              weft_duration timeout, weft_ref *ref);

/* Answer a call, now or later, from any process. A second answer is dropped. */
void weft_reply(weft_self *self, const struct weft_call *call, int status, struct weft_bytes data);

/* Until when the caller waits: WEFT_TIME_NEVER when for ever, or when it is no process of this
 * scheduler; now when it waits no longer. And how long that is from now, at least 0. */
weft_time weft_call_deadline(const weft_self *self, const struct weft_call *call);
weft_duration weft_call_remaining(const weft_self *self, const struct weft_call *call);

static inline struct weft_call weft_call_of(const struct weft_msg *msg) {
    return (struct weft_call){.from = msg->from, .ref = msg->ref};
}

/* --- ending --- */

/* End this process when the handler returns, with terminate called. The first reason counts. */
void weft_stop(weft_self *self, const struct weft_reason *reason);

/* Send an exit signal (erlang:exit/2). NORMAL is ignored by a process that does not trap; KILL
 * cannot be trapped and is seen as KILLED. Dead targets are ignored. To oneself it acts when the
 * handler has returned, NORMAL included. */
void weft_exit(weft_self *self, weft_pid to, const struct weft_reason *reason);

/* End the node in order: its root is told to SHUTDOWN, and weft_sched_ended tells `reason` (OTP:
 * init:stop). The first reason counts. */
void weft_halt(weft_self *self, const struct weft_reason *reason);

/* --- links and monitors --- */

/* Idempotent. Linking a dead process: an EXIT with NOPROC comes (OTP raises noproc in a process
 * that does not trap; here it ends it the same way). Linking oneself does nothing.
 *   WEFT_ERR_NOMEM */
int weft_link(weft_self *self, weft_pid to);

/* No EXIT of that link is delivered after this, not even one already in the mailbox. */
void weft_unlink(weft_self *self, weft_pid to);

/* Each call makes a monitor of its own. A dead `to` gives DOWN with NOPROC at once.
 *   WEFT_ERR_NOMEM */
int weft_monitor(weft_self *self, weft_pid to, weft_ref *ref);

/* The same of who holds `name` now; its DOWN has the name as data, also when the process has gone
 * by another since (OTP: {Name, Node}). Nobody: NOPROC at once, `from` WEFT_PID_NONE.
 *   WEFT_ERR_INVAL (empty or too long), WEFT_ERR_NOMEM */
int weft_monitor_name(weft_self *self, const char *name, weft_ref *ref);

/* No DOWN of `ref` is delivered after this (OTP: demonitor with flush). */
void weft_demonitor(weft_self *self, weft_ref ref);

/* Exit signals arrive as EXIT messages, in order with the others, instead of ending this process.
 * The parent's ends it all the same, when its turn in the mailbox comes, with terminate called.
 *
 * An exit signal that is not trapped acts when it is sent: the target has ended when weft_exit
 * returns, and what lay in its mailbox is gone; if a handler of it is running, it ends when that
 * returns. weft_stop in the same handler counts more, except against KILL. Differences from OTP:
 * there the signal travels; and a trapping process for which there is no memory to keep the EXIT
 * ends as if it did not trap. */
void weft_trap_exit(weft_self *self, bool trap);

/* Trap the parent's exit too: it arrives as an EXIT message, and this process ends itself with
 * weft_stop when it has finished what it has to. How long that may take is the `shutdown` of its
 * child spec. Needs weft_trap_exit. (OTP: a special process that handles its parent's EXIT.) */
void weft_trap_parent_exit(weft_self *self, bool trap);

/* As the `priority` of its spawn, from its next turn on (process_flag(priority)). */
void weft_set_priority(weft_self *self, enum weft_priority priority);

/* --- names --- */

/* At most WEFT_NAME_MAX bytes with the NUL.
 *   WEFT_ERR_EXISTS  the name is taken, or `pid` has a name already
 *   WEFT_ERR_NO_PROC, WEFT_ERR_INVAL (empty or too long), WEFT_ERR_NOMEM */
int weft_register(weft_self *self, const char *name, weft_pid pid);

/* WEFT_ERR_NOT_FOUND. A name goes by itself when its process ends. */
int weft_unregister(weft_self *self, const char *name);

/* The holder of `name`, or WEFT_PID_NONE. */
weft_pid weft_whereis(weft_self *self, const char *name);

bool weft_alive(weft_self *self, weft_pid pid);

/* Call `fn` for each registered name, by ascending slot of its process (OTP: registered/0). */
void weft_registered(weft_self *self, void (*fn)(void *ctx, const char *name, weft_pid pid),
                     void *ctx);

/* --- aliases --- */

/* Another pid of this process (OTP: alias/0): what is sent to it, or called, comes here until
 * weft_unalias, and nothing after, so that a late answer cannot be taken for another. It is given
 * away like a pid, and leads to the process in every function that takes one; `from` in messages
 * is always the process's own.
 *   WEFT_ERR_FULL (processes and aliases share WEFT_PROCS_MAX), WEFT_ERR_NOMEM */
int weft_alias(weft_self *self, weft_pid *alias);

/* False when it is no alias of this process. Costs as much as it has aliases made since. */
bool weft_unalias(weft_self *self, weft_pid alias);

/* --- timers --- */

/* After `delay` (>= 0) this process gets a TIMER with `tag`, `data` (copied) and *ref.
 *   WEFT_ERR_FULL (WEFT_TIMERS_MAX), WEFT_ERR_NOMEM */
int weft_timer_start(weft_self *self, weft_duration delay, uint32_t tag, struct weft_bytes data,
                     weft_ref *ref);

/* Time that was left, or WEFT_ERR_NOT_FOUND. No TIMER of `ref` is delivered after this, not even
 * one already in the mailbox (stricter than erlang:cancel_timer). */
weft_duration weft_timer_cancel(weft_self *self, weft_ref ref);

/* --- memory: freed with the process --- */

/* Cleared. NULL when the process is at memory_max or the node has no more. */
void *weft_alloc(weft_self *self, size_t size);
void weft_free(weft_self *self, void *ptr);

/* The same memory as an interface, for machines that take one. Valid as long as the process. When
 * there is no memory for the interface itself, one that never gives any. */
struct weft_mem *weft_self_mem(weft_self *self);

/* --- sockets: closed with the process; events come as WEFT_MSG_EVENT --- */

int weft_datagram_open(weft_self *self, struct weft_addr *local, weft_socket *out);
int weft_stream_listen(weft_self *self, struct weft_addr *local, int backlog, weft_socket *out);
int weft_stream_connect(weft_self *self, const struct weft_addr *to, weft_socket *out);

/* Hand a socket this process owns to `to`, which must be alive (gen_tcp:controlling_process).
 * Events already in this mailbox are moved along, in order. What was handled here, but not acted
 * on, is told again: READABLE if bytes or the end are unread, FAILED if it has failed. So `to` may
 * see READABLE twice, and nothing to read at the second.
 *   WEFT_ERR_NO_PROC, WEFT_ERR_NOT_FOUND
 *   WEFT_ERR_NOMEM  nothing was handed over */
int weft_socket_give(weft_self *self, weft_socket socket, weft_pid to);

/* Close a socket this process owns; its events still in the mailbox are dropped. */
void weft_socket_close(weft_self *self, weft_socket socket);
void weft_socket_abort(weft_self *self, weft_socket socket);

/* Sending, reading, writing and keeping alive go straight to the env: weft_self_env(self)->net. */

#endif
