/* The supervisor's state, shared by its files. */
#ifndef WEFT_OTP_SUP_INTERNAL_H
#define WEFT_OTP_SUP_INTERNAL_H

#include "core/otp/internal.h"
#include "core/otp/supervisor.h"

#define CHILD_INDEX_NONE UINT32_MAX

/* id, name and arg follow the struct.
 * I1  `due` is in sup->deaths (it ended while the supervisor was stopping others), in
 *     sup->retries (`restarting`), or in none. */
struct child {
    struct weft_link order; /* by start */
    struct weft_link due;
    struct map_node node; /* by id, unless "" */
    uint32_t index;       /* in sup->index; the tag of its EXIT */
    weft_pid pid;
    const struct weft_behaviour *behaviour;
    const char *id, *name; /* name may be NULL */
    struct weft_bytes arg;
    weft_duration shutdown;
    size_t memory_max;
    uint32_t mailbox_max;
    uint8_t restart; /* enum weft_restart */
    bool restarting;
    bool died; /* in sup->deaths, for the reason below */
    uint8_t died_kind;
    int32_t died_code;
};

struct child_slot {
    struct child *child; /* NULL: free */
    uint32_t next;       /* free list */
};

/* A request that waits for the operation to end. */
struct request {
    struct weft_link link;
    struct weft_call call;
    uint32_t tag;
    size_t size;
    _Alignas(16) unsigned char data[];
};

enum sup_op {
    OP_NONE,
    OP_TERMINATE, /* one child, asked for by `asker` */
    OP_GROUP,     /* stop those that go down with `origin`, then start them all */
    OP_END        /* stop all, then end with `end_why` */
};

/* I1  stopping != NULL only while op != OP_NONE.
 * I2  with op == OP_NONE, deaths and requests are empty between two messages. */
struct sup {
    enum weft_strategy strategy;
    uint32_t intensity;
    weft_duration period;

    struct weft_link children; /* by start */
    struct weft_link deaths, retries, requests;
    uint32_t retries_due; /* SUP_RETRY messages that came during an operation */
    struct child_slot *index;
    uint32_t index_count, index_room, index_free;
    struct map ids;
    struct weft_hash_key key;
    struct weft_child_counts counts;

    weft_time *restarts; /* ring of the last `restarts_count` ones */
    uint32_t restarts_room, restarts_head, restarts_count;

    enum sup_op op;
    struct weft_link *cursor; /* the next to stop, going backwards */
    struct child *origin, *stopping;
    weft_ref stop_monitor, stop_timer;
    struct weft_call asker;
    struct weft_reason end_why;
};

enum sup_tag {
    SUP_RETRY = 0x73757000, /* to itself: try the first of `retries` again */
    SUP_START,
    SUP_TERMINATE,
    SUP_TERMINATE_PID,
    SUP_RESTART,
    SUP_DELETE,
    SUP_WHICH,
    SUP_COUNT
};

/* sup_child.c */
void weft_otp__sup_children_init(weft_self *self, struct sup *sup);
/* Adds it at the end, not running. WEFT_ERR_NOMEM */
int weft_otp__child_new(weft_self *self, const struct weft_child_spec *spec, struct child **out);
void weft_otp__child_free(weft_self *self, struct child *child);
struct child *weft_otp__child_by_id(const struct sup *sup, const char *id);
/* The running child `pid`, or NULL. */
struct child *weft_otp__child_by_tag(const struct sup *sup, uint32_t tag, weft_pid pid);
struct child *weft_otp__child_by_pid(weft_self *self, weft_pid pid);
/* WEFT_OK also when init chose IGNORE; `holder` is set on WEFT_ERR_EXISTS. */
int weft_otp__child_start(weft_self *self, struct child *child, bool again, weft_pid *holder);
bool weft_otp__child_is_supervisor(const struct child *child);
/* It is down: trace, pid gone. */
void weft_otp__child_down(weft_self *self, struct child *child, const struct weft_reason *why,
                          bool will_restart);
/* Its spec goes: trace, then free. */
void weft_otp__child_remove(weft_self *self, struct child *child);

/* supervisor.c */
bool weft_otp__sup_spec_valid(const struct weft_child_spec *spec);

/* sup_restart.c */
void weft_otp__sup_death(weft_self *self, struct child *child, const struct weft_reason *why);
/* The children that go down with sup->origin are stopped: start all of them. */
void weft_otp__sup_start_group(weft_self *self);
/* The SUP_RETRY message. */
void weft_otp__sup_retry(weft_self *self);

/* sup_stop.c */
void weft_otp__sup_begin_group(weft_self *self, struct child *origin);
void weft_otp__sup_begin_end(weft_self *self, const struct weft_reason *why);
void weft_otp__sup_begin_terminate(weft_self *self, struct child *child, struct weft_call asker);
/* The child being stopped has ended. */
void weft_otp__sup_stopped(weft_self *self, const struct weft_reason *why);
void weft_otp__sup_stop_late(weft_self *self);
/* What came during an operation that is over. */
void weft_otp__sup_catch_up(weft_self *self);

/* sup_request.c */
void weft_otp__sup_request(weft_self *self, const struct request *request);
void weft_otp__sup_request_later(weft_self *self, const struct weft_msg *call);

#endif
