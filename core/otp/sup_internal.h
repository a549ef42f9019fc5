/* The supervisor's state, shared by its files. */
#ifndef WEFT_OTP_SUP_INTERNAL_H
#define WEFT_OTP_SUP_INTERNAL_H

#include "core/otp/internal.h"
#include "core/otp/supervisor.h"

#define CHILD_NONE UINT32_MAX

/* What children are started from; id, name and arg follow the struct.
 * I1  without id and name it is shared: in `contents`, one of each kind; else it has one child,
 *     and is in `ids` if it has an id.
 * I2  `refs` counts its children, and the supervisor's own for a template. */
struct spec {
    struct weft_link link; /* sup->specs */
    struct map_node node;
    uint32_t refs;
    uint32_t owner; /* the child, unless shared */
    struct weft_child_spec the;
};

enum child_state {
    CHILD_FREE = 0, /* a slot without child */
    CHILD_DOWN,
    CHILD_UP,
    CHILD_DIED,    /* while the supervisor was stopping others: in sup->deaths, its turn comes */
    CHILD_TRYING,  /* in sup->retries: a SUP_RETRY is on its way */
    CHILD_WAITING, /* for `timer`, to be restarted */
    CHILD_WAITED   /* it went off while the supervisor was stopping others: in sup->waited */
};

struct hook {
    uint32_t next, prev;
};

/* A child is a slot of the supervisor's table; slots do not move.
 * I3  pid is its process in UP and DIED, the one that was in TRYING, WAITING and WAITED. */
struct child {
    weft_pid pid;
    struct spec *spec;
    union {
        struct hook due;
        weft_ref timer;
    };
    struct hook order; /* by start; FREE: next is the next free slot */
    uint32_t index;    /* of its slot; the tag of its EXIT */
    uint32_t started;  /* in ms, wraps after 49 days */
    int32_t died_code;
    uint8_t state; /* enum child_state */
    uint8_t died_kind;
    uint8_t failures; /* in a row, for the backoff */
};

/* With a million children each byte is a megabyte. */
_Static_assert(sizeof(struct child) <= 48, "a child is small");

struct index_list {
    uint32_t first, last;
    bool due; /* by which hook */
};

struct request {
    struct weft_call call;
    uint32_t tag;
    struct weft_bytes data;
};

/* One that waits for the operation to end. */
struct late_request {
    struct weft_link link;
    struct request request;
    _Alignas(16) unsigned char data[];
};

enum sup_op {
    OP_NONE,
    OP_TERMINATE, /* one child, asked for by `asker` */
    OP_GROUP,     /* stop those that go down with `origin`, then start them all */
    OP_END        /* stop all, then end with `end_why` */
};

/* A reason, small. */
struct sup_why {
    enum weft_reason_kind kind;
    int32_t code;
    char *text; /* NULL: none, or there was no memory for it */
};

/* I4  stopping != NULL only while op != OP_NONE.
 * I5  with op == OP_NONE, deaths and requests are empty between two messages.
 * I6  segments hold slots_room slots, of which those below slots_used were ever used. */
struct sup {
    enum weft_strategy strategy;
    enum weft_auto_shutdown auto_shutdown;
    uint32_t intensity;
    uint32_t backoff_jitter;
    weft_duration period, backoff_first, backoff_max, backoff_reset;

    struct child **segments;
    uint32_t segments_count, segments_room;
    uint32_t slots_used, slots_room, slots_free;
    struct index_list children, deaths, waited, retries;
    struct weft_link specs;
    struct map ids, contents;
    struct weft_hash_key key;
    struct spec *template; /* simple_one_for_one; else NULL */

    uint32_t children_count, supervisors;
    uint32_t active;      /* UP, DIED */
    uint32_t restarting;  /* TRYING, WAITING, WAITED */
    uint32_t significant; /* and neither FREE nor DOWN */

    struct weft_link requests;
    uint32_t requests_count;
    uint32_t retries_due; /* SUP_RETRY messages that came during an operation */

    /* Why the child `last_of` ended or did not start; one text is kept, the newest. */
    struct sup_why last_why;
    uint32_t last_of;

    weft_time *restarts; /* ring of the last `restarts_count` ones */
    uint32_t restarts_room, restarts_head, restarts_count;

    enum sup_op op;
    bool paused;     /* a SUP_GO_ON is on its way */
    bool waits;      /* OP_GROUP: the backoff comes before the start */
    bool starting;   /* OP_GROUP: they are stopped; `cursor` is the next to start */
    uint32_t cursor; /* the next to stop, going backwards; or to start, going forwards */
    struct child *origin, *stopping;
    weft_ref stop_monitor, stop_timer;
    struct weft_call asker;
    struct sup_why end_why;
};

enum sup_tag {
    SUP_RETRY = 0x73757000, /* to itself: try the first of `retries` again */
    SUP_START,
    SUP_TERMINATE,
    SUP_TERMINATE_PID,
    SUP_RESTART,
    SUP_DELETE,
    SUP_WHICH,
    SUP_COUNT,
    SUP_START_SIMPLE,
    SUP_PAGE,
    SUP_SPEC,
    SUP_SPEC_PID,
    SUP_GO_ON, /* to itself: stop some more */
    SUP_WAITED /* a timer's: data is the index of the child */
};

/* What SUP_START carries: this, arg, id and name with their NULs (name_size 0: none). The
 * pointers of `spec` are cleared. */
struct start_head {
    _Alignas(16) struct weft_child_spec spec;
    uint32_t id_size, name_size;
};

/* sup_stop.c */
void weft_otp__sup_why_set(weft_self *self, struct sup_why *kept, const struct weft_reason *why);
struct weft_reason weft_otp__sup_why(const struct sup_why *kept);

/* sup_table.c */
void weft_otp__sup_table_init(struct sup *sup);
struct child *weft_otp__child_at(const struct sup *sup, uint32_t index);
/* A slot in the order's end, DOWN, without spec. WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_otp__slot_get(weft_self *self, struct child **out);
void weft_otp__slot_put(weft_self *self, struct child *child);
void weft_otp__list_push(struct sup *sup, struct index_list *list, struct child *child);
void weft_otp__list_remove(struct sup *sup, struct index_list *list, struct child *child);

static inline struct child *weft_otp__child_next(const struct sup *sup, const struct child *child) {
    return weft_otp__child_at(sup, child->order.next);
}

/* sup_spec.c */
/* What is wrong with it, or NULL. */
const char *weft_otp__spec_problem(const struct weft_child_spec *spec,
                                   enum weft_auto_shutdown auto_shutdown);
bool weft_otp__spec_is_shared(const struct weft_child_spec *spec);
/* One like `spec`, with the defaults filled in, and a reference to it. WEFT_ERR_NOMEM */
int weft_otp__spec_get(weft_self *sup_self, const struct weft_child_spec *spec, struct spec **out);
void weft_otp__spec_put(weft_self *sup_self, struct spec *spec);
struct spec *weft_otp__spec_by_id(const struct sup *sup, const char *id);
const char *weft_otp__spec_label(const struct spec *spec); /* its id, or its behaviour's name */

/* sup_child.c */
/* Adds it at the end, not running, and takes the reference to `spec`. WEFT_ERR_FULL,
 * WEFT_ERR_NOMEM: the reference is dropped. */
int weft_otp__child_new(weft_self *self, struct spec *spec, struct child **out);
void weft_otp__child_free(weft_self *self, struct child *child);
/* Give it `spec` (the reference is taken) instead of its own. */
void weft_otp__child_respec(weft_self *self, struct child *child, struct spec *spec);
struct child *weft_otp__child_by_id(const struct sup *sup, const char *id);
/* The running child `pid`, or NULL. */
struct child *weft_otp__child_by_tag(const struct sup *sup, uint32_t tag, weft_pid pid);
/* Also by the last pid of one that waits to be restarted. */
struct child *weft_otp__child_by_pid(weft_self *self, weft_pid pid);
bool weft_otp__child_is_up(const struct child *child); /* UP or DIED */
bool weft_otp__child_is_restarting(const struct child *child);
/* Out of every list, its timer cancelled. */
void weft_otp__child_set_state(weft_self *self, struct child *child, enum child_state state);
struct start {
    struct weft_bytes arg;
    bool again;      /* by the supervisor itself, not asked to */
    weft_pid holder; /* set on WEFT_ERR_EXISTS */
};
/* WEFT_OK also when init chose IGNORE: it is then DOWN. */
int weft_otp__child_start(weft_self *self, struct child *child, struct start *start);
/* The same with the arg of its spec. */
int weft_otp__child_restart(weft_self *self, struct child *child);
/* It has ended: trace, then DOWN. */
void weft_otp__child_down(weft_self *self, struct child *child, const struct weft_reason *why,
                          bool will_restart);
/* It does not run and is not restarted any more: trace. */
void weft_otp__child_given_up(weft_self *self, const struct child *child);
/* Its spec goes: trace, then free. */
void weft_otp__child_remove(weft_self *self, struct child *child);
/* DOWN for good: forgotten if temporary, or if nothing but its process made it a child (one of
 * a template, or one without id). */
void weft_otp__child_leave(weft_self *self, struct child *child);

/* sup_reason.c */
/* The reason a supervisor ends with for which `child`'s end by `why` was one too many. */
struct weft_reason weft_otp__sup_give_up_reason(const struct sup *sup, const struct child *child,
                                                const struct weft_reason *why);

/* sup_restart.c */
void weft_otp__sup_death(weft_self *self, struct child *child, const struct weft_reason *why);
/* The children that go down with sup->origin are stopped: wait, or start all of them. */
void weft_otp__sup_begin_starts(weft_self *self);
void weft_otp__sup_start_more(weft_self *self);
/* The SUP_RETRY message. */
void weft_otp__sup_retry(weft_self *self);
/* The backoff of `child` is over. */
void weft_otp__sup_waited(weft_self *self, struct child *child);

/* sup_backoff.c */
void weft_otp__backoff_configure(struct sup *sup, const struct weft_sup_config *config);
/* It ended or failed to start: WAITING, unless there is no backoff (false). */
bool weft_otp__backoff_begin(weft_self *self, struct child *child);
/* Of a process that had started: how many failures in a row that makes. */
void weft_otp__backoff_note_end(weft_self *self, struct child *child);

/* sup_stop.c */
void weft_otp__sup_begin_group(weft_self *self, struct child *origin, bool waits);
void weft_otp__sup_begin_end(weft_self *self, const struct weft_reason *why,
                             enum weft_sup_stopping_cause cause);
void weft_otp__sup_tell_stopping(weft_self *self, enum weft_sup_stopping_cause cause);
void weft_otp__sup_begin_terminate(weft_self *self, struct child *child, struct weft_call asker);
/* The child being stopped has ended. */
void weft_otp__sup_stopped(weft_self *self, const struct weft_reason *why);
void weft_otp__sup_stop_late(weft_self *self);
void weft_otp__sup_go_on(weft_self *self);
/* Go on in a turn to come; false when that cannot be had, and now is the time. */
bool weft_otp__sup_pause(weft_self *self);
/* What came during an operation that is over. */
void weft_otp__sup_catch_up(weft_self *self);
/* `child` ended while an operation was under way: its turn comes. */
void weft_otp__sup_note_death(weft_self *self, struct child *child, const struct weft_reason *why);
struct weft_reason weft_otp__sup_died_of(const struct sup *sup, const struct child *child);
/* End `child` now, if exit signals do that: *why is what it ended with. It is then unlinked. */
bool weft_otp__stop_at_once(weft_self *self, struct child *child, struct weft_reason *why);

/* sup_parallel.c */
void weft_otp__parallel_begin(weft_self *self);
void weft_otp__parallel_go_on(weft_self *self);
void weft_otp__parallel_ended(weft_self *self, struct child *child, const struct weft_reason *why);
void weft_otp__parallel_late(weft_self *self);

/* sup_request.c */
void weft_otp__sup_request(weft_self *self, const struct request *request);
void weft_otp__sup_request_later(weft_self *self, const struct request *request);

/* sup_start.c: SUP_START and SUP_START_SIMPLE */
void weft_otp__sup_start_child(weft_self *self, const struct request *request);
void weft_otp__sup_start_simple(weft_self *self, const struct request *request);

/* sup_which.c */
void weft_otp__sup_which(weft_self *self, const struct request *request);
void weft_otp__sup_page(weft_self *self, const struct request *request);
void weft_otp__sup_count(weft_self *self, const struct request *request);
void weft_otp__sup_tell_spec(weft_self *self, const struct request *request,
                             const struct spec *spec);

/* sup_undo.c */
/* Stop those started already, in reverse. init cannot wait for them: a process of its own kills
 * those that are not gone in time. */
void weft_otp__sup_undo(weft_self *self);

/* supervisor.c */
void weft_otp__sup_configure(weft_self *self, const struct weft_sup_config *config);

/* sup_change.c: for hot code upgrade. Replace `from` by `to` in every spec of the supervisor
 * `sup`; how many changed (0 also when it is not a supervisor). */
uint32_t weft_otp__sup_rebind(struct weft_process *sup, const struct weft_behaviour *from,
                              const struct weft_behaviour *to);
/* How many of its specs name `behaviour`. */
uint32_t weft_otp__sup_uses(struct weft_process *sup, const struct weft_behaviour *behaviour);
/* Whether requests wait in it for what it is at. */
bool weft_otp__sup_is_asked(struct weft_process *sup);

#endif
