/* gen_statem: a process that is a state machine (https://www.erlang.org/doc/man/gen_statem.html).
 *
 * The code lock of OTP's Design Principles: buttons are casts, the door opens for ten seconds when
 * the last ones are the code, and those pressed meanwhile count when it is locked again:
 *
 *     enum { LOCKED, OPEN };
 *     enum { BUTTON = 1, LOCK };
 *     struct lock { char code[4], got[4]; size_t got_count; };
 *
 *     static void locked(weft_self *self, const struct weft_statem_event *event) {
 *         struct lock *lock = weft_statem_data(self);
 *         if (event->type == WEFT_STATEM_ENTER) lock->got_count = 0;
 *         if (event->type != WEFT_STATEM_CAST || event->tag != BUTTON) return;
 *         lock->got[lock->got_count++] = (char)event->data.data[0];
 *         if (lock->got_count < 4) return;
 *         if (memcmp(lock->got, lock->code, 4) == 0) weft_statem_next_state(self, OPEN);
 *         lock->got_count = 0;
 *     }
 *
 *     static void open(weft_self *self, const struct weft_statem_event *event) {
 *         if (event->type == WEFT_STATEM_ENTER)
 *             weft_statem_state_timeout(self, WEFT_S(10), LOCK, weft_bytes(NULL, 0));
 *         if (event->type == WEFT_STATEM_STATE_TIMEOUT) weft_statem_next_state(self, LOCKED);
 *         if (event->type == WEFT_STATEM_CAST) weft_statem_postpone(self);
 *     }
 *
 *     static const struct weft_statem_state states[] = {{"locked", locked}, {"open", open}};
 *     static WEFT_STATEM(lock_v1, "lock", 1, .data_size = sizeof(struct lock), .init = init,
 *                        .callbacks = {.states = states, .states_count = 2, .state_enter = true});
 *
 *     struct weft_spawn spawn = {.behaviour = &lock_v1.behaviour, ...};
 *
 * The order of events, observed on OTP 25 and held by test_gen_statem and, against a naive model,
 * by test_gen_statem_random:
 *   1. after each handler: its state change, then the enter call, then the events it inserted in
 *      front of all others, then its timeouts
 *   2. a state change puts what was postponed, oldest first, before what was queued; the inserted
 *      events come before those; repeating a state or going to the same one retries nothing
 *   3. events of 2 come before timeouts of no delay, and these before anything in the mailbox
 *   4. any event cancels the event timeout; a state change cancels the state timeout, also one of
 *      no delay that is due; named timeouts stay
 *   5. of several orders to one timeout in one handler (its enter call included) the last counts
 *
 * Differences from OTP: actions are called, not returned, and take effect when the handler has
 * returned, except replies and stops; of several next states the last counts. What OTP refuses as
 * a bad action (a state change or postponing in an enter call, inserting an event there) is a
 * fault. The first enter call comes after the start has returned, before any message. Timeouts due
 * at one time go off in the order they were set. terminate is not called after a fault (as with
 * gen_server). Events held are bounded: see events_max. Modules are changed to by their place in
 * a list of the machine, since no pointer to code may outlive a message. There is no hibernate: an
 * idle machine holds its state and nothing else. Absolute timeouts are `at - weft_now(self)`. */
#ifndef WEFT_OTP_GEN_STATEM_H
#define WEFT_OTP_GEN_STATEM_H

#include "core/otp/process.h"

enum weft_statem_type {
    WEFT_STATEM_CALL = 1,
    WEFT_STATEM_CAST,
    WEFT_STATEM_INFO, /* REPLY, EXIT, DOWN, EVENT, and TIMER of the machine's own timers */
    WEFT_STATEM_TIMEOUT,
    WEFT_STATEM_STATE_TIMEOUT,
    WEFT_STATEM_NAMED_TIMEOUT, /* OTP's generic timeout {timeout, Name}; the tag is the name */
    WEFT_STATEM_INTERNAL,
    WEFT_STATEM_ENTER /* not an event, but a call: only replies and timeouts may be asked for */
};

/* Borrowed until the handler returns. */
struct weft_statem_event {
    enum weft_statem_type type;
    uint32_t tag; /* of the message, or as given with the timeout or the inserted event; ENTER: the
                     state left, or the own one at the start and when repeated */
    struct weft_bytes data;
    const struct weft_msg *msg; /* CALL, CAST and INFO that were messages; else NULL */
};

typedef void weft_statem_handler(weft_self *self, const struct weft_statem_event *event);

struct weft_statem_state {
    const char *name;            /* for people */
    weft_statem_handler *handle; /* state_functions; NULL with handle_event */
};

/* OTP's callback module. States are numbered by their place in `states`. */
struct weft_statem_callbacks {
    const struct weft_statem_state *states;
    uint32_t states_count;
    weft_statem_handler *handle_event; /* handle_event_function; NULL: state_functions */
    bool state_enter;                  /* call with ENTER too */
    void (*terminate)(weft_self *self, const struct weft_reason *reason); /* may be NULL;
                                          weft_statem_state is the state it ended in */
};

struct weft_statem {
    struct weft_behaviour behaviour; /* what weft_spawn is given; made by WEFT_STATEM */
    /* As a behaviour's. Sets the first state by weft_statem_next_state (0 if it does not), may
     * insert events and set timeouts. May be NULL. */
    int (*init)(weft_self *self, struct weft_bytes arg);
    struct weft_statem_callbacks callbacks;
    /* More modules to change to, numbered from 1; `callbacks` is module 0. */
    const struct weft_statem_callbacks *modules;
    uint32_t modules_count;
    uint32_t data_size;  /* bytes, cleared before init; may be 0 */
    uint32_t events_max; /* postponed and inserted; 0: WEFT_STATEM_EVENTS_MAX */
};

/* Define `ident`, a constant struct weft_statem; prefix with `static` if it is private. */
#define WEFT_STATEM(ident, name_, version_, ...)                                                   \
    const struct weft_statem ident = {.behaviour = {.name = (name_),                               \
                                                    .version = (version_),                         \
                                                    .state_size = sizeof(void *),                  \
                                                    .init = weft_statem_init,                      \
                                                    .handle = weft_statem_handle,                  \
                                                    .handle_continue = weft_statem_continue,       \
                                                    .terminate = weft_statem_terminate,            \
                                                    .format_status = weft_statem_format_status},   \
                                      __VA_ARGS__}

/* The callbacks of every gen_statem's behaviour. Start fails with WEFT_ERR_NOMEM, or as init.
 * A machine ends with reason LIMIT when an action finds no memory, or more than events_max events
 * are held (code FULL), or more than WEFT_STATEM_TIMEOUTS_MAX timeouts are set. */
int weft_statem_init(weft_self *self, struct weft_bytes arg);
void weft_statem_handle(weft_self *self, const struct weft_msg *msg);
void weft_statem_continue(weft_self *self);
void weft_statem_terminate(weft_self *self, const struct weft_reason *reason);
/* What sys shows of a machine: "state open, 2 postponed". A machine's own: give the macro
 * `.behaviour.format_status = f`, as a code_change is given. */
size_t weft_statem_format_status(weft_self *self, char *text, size_t size);

/* The user's data, data_size bytes. Valid from init on, also in terminate. */
void *weft_statem_data(weft_self *self);

/* Whether `self` is a gen_statem; its state, and that one's name ("?" for one out of range). */
bool weft_statem_is(const weft_self *self);
uint32_t weft_statem_state(const weft_self *self);
const char *weft_statem_state_name(const weft_self *self);

/* Events postponed now. */
uint32_t weft_statem_postponed_count(const weft_self *self);

/* --- results --- */

/* Not calling it is OTP's keep_state. The same state again is that too: no enter call, no retry.
 * `state` must be in range of the callbacks in force when the handler has returned. */
void weft_statem_next_state(weft_self *self, uint32_t state);

/* Keep the state, and call with ENTER again (OTP's repeat_state). Allowed in an enter call too. */
void weft_statem_repeat_state(weft_self *self);

/* End with `reason`, terminate called; nothing else of the handler takes effect (OTP's stop;
 * stop_and_reply is replies before it). Callers without an answer, also of postponed calls, get
 * WEFT_ERR_NO_PROC. */
static inline void weft_statem_stop(weft_self *self, const struct weft_reason *reason) {
    weft_stop(self, reason);
}

/* --- actions --- */

/* Handle this event again after the next state change. It is copied when need be. */
void weft_statem_postpone(weft_self *self);

/* Insert an event, INTERNAL with `tag` and `data` (copied): several keep their order. */
void weft_statem_next_event(weft_self *self, uint32_t tag, struct weft_bytes data);

/* The same of any type but ENTER; data and msg are copied. */
void weft_statem_next_event_as(weft_self *self, const struct weft_statem_event *event);

/* Answer the call `event`, now. Postponed calls are answered the same way when they come again;
 * to answer later keep weft_call_of(event->msg) and use weft_reply. */
static inline void weft_statem_reply(weft_self *self, const struct weft_statem_event *event,
                                     int status, struct weft_bytes data) {
    struct weft_call call = weft_call_of(event->msg);
    weft_reply(self, &call, status, data);
}

/* Timeouts: `after` <= 0 is due at once, by rule 3; WEFT_TIME_NEVER cancels. One that is set is
 * replaced. `data` is copied. `update` gives one that is set another tag and data and leaves its
 * time; one that is not set is due at once (as OTP's update). */
void weft_statem_state_timeout(weft_self *self, weft_duration after, uint32_t tag,
                               struct weft_bytes data);
void weft_statem_state_timeout_update(weft_self *self, uint32_t tag, struct weft_bytes data);
void weft_statem_state_timeout_cancel(weft_self *self);

void weft_statem_event_timeout(weft_self *self, weft_duration after, uint32_t tag,
                               struct weft_bytes data);

void weft_statem_timeout(weft_self *self, uint32_t name, weft_duration after,
                         struct weft_bytes data);
void weft_statem_timeout_update(weft_self *self, uint32_t name, struct weft_bytes data);
void weft_statem_timeout_cancel(weft_self *self, uint32_t name);

/* --- callback modules (OTP's change_, push_ and pop_callback_module) --- */

/* From the enter call of this transition on, or else the next event. At most
 * WEFT_STATEM_MODULES_MAX are pushed; popping an empty stack is a fault. */
void weft_statem_change_module(weft_self *self, uint32_t module);
void weft_statem_push_module(weft_self *self, uint32_t module);
void weft_statem_pop_module(weft_self *self);

/* --- code change --- */

/* The machine's own books are in memory of their own, with a layout of their own: what a
 * behaviour's code_change finds as its state is a pointer to them. For another size or layout of
 * the user's data it calls this, then fills `data` (cleared) from `old` (freed later), and may set
 * `state` to the number that state has in the code changed to:
 *
 *     struct weft_statem_change to = {.data_size = sizeof(struct lock_v2)};
 *     int rv = weft_statem_change(self, change->old_state, change->new_state, &to);
 *     if (rv == WEFT_OK) upgrade(to.old, to.data);
 *
 * WEFT_ERR_NOMEM. Without a code_change the data stays as it is. Postponed events and timeouts
 * stay too. */
struct weft_statem_change {
    uint32_t data_size; /* in */
    const void *old;
    uint32_t old_size;
    void *data;
    uint32_t *state; /* valid until code_change returns */
};
int weft_statem_change(weft_self *self, const void *old_state, void *new_state,
                       struct weft_statem_change *change);

#endif
