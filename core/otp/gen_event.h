/* gen_event: a manager process and handlers that come and go
 * (https://www.erlang.org/doc/man/gen_event.html).
 *
 *     static void on_event(weft_self *self, const struct weft_msg *event) {
 *         struct counts *counts = weft_state(self);
 *         counts->n[event->tag % KINDS]++;
 *     }
 *     static WEFT_GEN_EVENT_HANDLER(counts_v1, "counts", 1, sizeof(struct counts),
 *                                   .handle_event = on_event);
 *
 *     weft_spawn(self, &(struct weft_spawn){.behaviour = &weft_gen_event.behaviour, ...}, &pid);
 *     struct weft_gen_event_add add = {.handler = &counts_v1};
 *     weft_gen_event_add_handler(self, pid, &add, &ref);
 *     weft_gen_event_notify(self, pid, TAG, data);
 *
 * Each handler is a process of its own, linked to the manager, where OTP's is a value inside the
 * manager. What that changes:
 *   - a handler that faults, leaks or runs into its quota goes alone, with all it had; in OTP the
 *     manager catches the error, and what a handler started stays
 *   - each handler sees the events, calls and its end in the order the manager took them up, as in
 *     OTP; but of two handlers one may be ahead of the other. Newest first is the order in which
 *     they are given an event, not a promise of the order in which they have handled it
 *   - messages to a handler's own pid, and its timers and sockets, are its own handle_info; in OTP
 *     they go to all handlers
 *   - weft_stop in a handler ends the handler (OTP: catches exit too)
 *   - when the manager ends, the handlers end after it; their terminate is called all the same
 *
 * Other differences: an id is a text, the name of the handler's behaviour by default, and is taken
 * once (OTP adds it twice); terminate is not called after a fault; a handler that cannot take an
 * event (its mailbox full, no memory) is removed with reason LIMIT, where OTP has no bound; a
 * handler that swaps itself is still given the events the manager had taken up before; exits of
 * strangers are not passed on to the handlers.
 *
 * Answers come as REPLYs, as with weft_call. Pointers to handlers travel in the requests: manager
 * and asker are in one program. */
#ifndef WEFT_OTP_GEN_EVENT_H
#define WEFT_OTP_GEN_EVENT_H

#include "core/base/limits.h"
#include "core/otp/gen_statem.h"

/* The manager's behaviour is weft_gen_event.behaviour; `arg` is ignored. A state machine, which
 * postpones all requests while it swaps a handler. */
extern const struct weft_statem weft_gen_event;

/* How long the manager waits for a handler's answer to a call at most. */
#define WEFT_GEN_EVENT_ANSWER_MAX WEFT_MIN(10)

/* Tags from here on are the manager's own: a fault to notify with. */
#define WEFT_GEN_EVENT_TAGS UINT32_C(0xffffff00)

/* Why a handler goes. */
enum weft_gen_event_how {
    WEFT_GEN_EVENT_DELETED = 1, /* delete_handler: its arg */
    WEFT_GEN_EVENT_SWAPPED,     /* swap_handler: its arg */
    WEFT_GEN_EVENT_REMOVED,     /* weft_gen_event_remove (OTP: remove_handler) */
    WEFT_GEN_EVENT_FAILED, /* it stopped itself, or was stopped, with a reason that is not clean */
    WEFT_GEN_EVENT_ADDER_DOWN, /* the process that added it under supervision ended: its reason */
    WEFT_GEN_EVENT_STOPPED     /* the manager ended: its reason */
};

struct weft_gen_event_init {
    struct weft_bytes arg;
    bool swapped;             /* it takes another's place: */
    int status;               /* WEFT_OK: `result` is what the other's terminate gave;
                                 WEFT_ERR_NOT_FOUND: there was none; WEFT_ERR_NO_PROC: it died */
    struct weft_bytes result; /* "" if status is not WEFT_OK */
};

struct weft_gen_event_end {
    enum weft_gen_event_how how;
    struct weft_bytes arg;            /* DELETED, SWAPPED */
    const struct weft_reason *reason; /* FAILED, ADDER_DOWN, STOPPED; else NULL */
};

/* A kind of handler. Callbacks run in the handler's process: weft_state(self) is its own. */
struct weft_gen_event_handler {
    struct weft_behaviour behaviour; /* made by WEFT_GEN_EVENT_HANDLER */
    /* WEFT_OK, or an error: it is not added, and the error is the answer. May be NULL. */
    int (*init)(weft_self *self, const struct weft_gen_event_init *init);
    /* An event: tag and data as notified; `from` is the manager. Never NULL. */
    void (*handle_event)(weft_self *self, const struct weft_msg *event);
    /* A call: weft_reply now or later. NULL: answered WEFT_ERR_UNSUPPORTED. */
    void (*handle_call)(weft_self *self, const struct weft_msg *call);
    /* What else comes to this process. NULL: dropped. */
    void (*handle_info)(weft_self *self, const struct weft_msg *info);
    /* The result is the answer of delete_handler, and what the next handler's init is given when
     * swapped: bytes that live until the process is gone (static, in its state, or allocated).
     * May be NULL. */
    struct weft_bytes (*terminate)(weft_self *self, const struct weft_gen_event_end *end);
};

/* Define `ident`, a constant struct weft_gen_event_handler; `static` in front if it is private. */
#define WEFT_GEN_EVENT_HANDLER(ident, name_, version_, state_size_, ...)                           \
    const struct weft_gen_event_handler ident = {                                                  \
        .behaviour = {.name = (name_),                                                             \
                      .version = (version_),                                                       \
                      .state_size = (state_size_),                                                 \
                      .init = weft_gen_event_handler_init,                                         \
                      .handle = weft_gen_event_handler_handle,                                     \
                      .terminate = weft_gen_event_handler_terminate},                              \
        __VA_ARGS__}

/* The callbacks of every handler's behaviour. */
int weft_gen_event_handler_init(weft_self *self, struct weft_bytes arg);
void weft_gen_event_handler_handle(weft_self *self, const struct weft_msg *msg);
void weft_gen_event_handler_terminate(weft_self *self, const struct weft_reason *reason);

struct weft_gen_event_add {
    const char *id; /* NULL or "": the name of the handler's behaviour. Below WEFT_NAME_MAX. */
    const struct weft_gen_event_handler *handler;
    struct weft_bytes arg; /* copied */
    /* Supervised: the handler goes when the caller ends, and the caller gets a CAST with tag
     * WEFT_GEN_EVENT_EXIT and struct weft_gen_event_exit from the manager when it goes. Manager and
     * caller are linked meanwhile. (OTP: add_sup_handler, swap_sup_handler) */
    bool supervised;
};

#define WEFT_GEN_EVENT_EXIT (WEFT_GEN_EVENT_TAGS + 1)

/* OTP's {gen_event_EXIT, Handler, Reason}. It comes also to a full mailbox. */
struct weft_gen_event_exit {
    char id[WEFT_NAME_MAX];
    enum weft_gen_event_how how; /* SWAPPED: reason NORMAL */
    struct weft_reason reason;
};

/* Give all handlers an event. Errors as weft_send. */
int weft_gen_event_notify(weft_self *self, weft_pid manager, uint32_t tag, struct weft_bytes data);

/* Each returns as weft_call, or WEFT_ERR_TOO_BIG; WEFT_ERR_INVAL when an id is too long or a
 * handler has no handle_event. The REPLYs:
 *
 * sync_notify: WEFT_OK when all handlers that were there have handled it, or have ended
 * call: the handler's answer; WEFT_ERR_NOT_FOUND (OTP: bad_module), WEFT_ERR_NO_PROC (it ended
 *   before it answered), WEFT_ERR_TIMEOUT: also when one who waits for ever, or from elsewhere, has
 *   waited WEFT_GEN_EVENT_ANSWER_MAX, so that a handler that never answers does not fill the
 *   manager with calls nobody waits for
 * add_handler: WEFT_OK; WEFT_ERR_EXISTS (the id is taken), WEFT_ERR_FULL (WEFT_HANDLERS_MAX),
 *   WEFT_ERR_NOMEM, WEFT_ERR_FAULT, or what init returned
 * delete_handler: WEFT_OK and what terminate returned; WEFT_ERR_NOT_FOUND (module_not_found),
 *   WEFT_ERR_NO_PROC (it died of it)
 * swap_handler: as add_handler: `old` is ended with `arg`, and the new one started, as the
 *   newest, with what its terminate returned; also when there is no `old`. A supervised one's
 * supervision goes on to the new one which_handlers: an array of struct weft_gen_event_info, newest
 * first stop: WEFT_OK, and the manager ends with `reason` WEFT_ERR_FULL is also the answer when
 * WEFT_EVENT_REQUESTS_MAX are under way. */
struct weft_gen_event_request {
    const char *id; /* of the handler; sync_notify ignores it */
    uint32_t tag;
    struct weft_bytes data;
    weft_duration timeout; /* 0: WEFT_TIME_NEVER */
};
int weft_gen_event_sync_notify(weft_self *self, weft_pid manager,
                               const struct weft_gen_event_request *request, weft_ref *ref);
int weft_gen_event_call(weft_self *self, weft_pid manager,
                        const struct weft_gen_event_request *request, weft_ref *ref);
int weft_gen_event_add_handler(weft_self *self, weft_pid manager,
                               const struct weft_gen_event_add *add, weft_ref *ref);

struct weft_gen_event_old {
    const char *id;
    struct weft_bytes arg; /* for its terminate */
};
int weft_gen_event_delete_handler(weft_self *self, weft_pid manager,
                                  const struct weft_gen_event_old *old, weft_ref *ref);

struct weft_gen_event_swap {
    struct weft_gen_event_old old;
    struct weft_gen_event_add add;
};
int weft_gen_event_swap_handler(weft_self *self, weft_pid manager,
                                const struct weft_gen_event_swap *swap, weft_ref *ref);

struct weft_gen_event_info {
    char id[WEFT_NAME_MAX];
    weft_pid pid;
    weft_pid adder; /* WEFT_PID_NONE: not supervised */
};
int weft_gen_event_which_handlers(weft_self *self, weft_pid manager, weft_ref *ref);
int weft_gen_event_stop(weft_self *self, weft_pid manager, const struct weft_reason *reason,
                        weft_ref *ref);

/* --- for handlers, about themselves --- */

/* Go when this callback has returned: terminate is called with REMOVED. */
void weft_gen_event_remove(weft_self *self);

/* Be swapped: as swap_handler (`add.supervised` is ignored: it stays as it is), when the manager
 * comes to it. Errors as weft_send, WEFT_ERR_INVAL, WEFT_ERR_TOO_BIG. */
int weft_gen_event_swap_self(weft_self *self, struct weft_bytes arg,
                             const struct weft_gen_event_add *add);

#endif
