/* supervisor: starts children, restarts those that die, stops them in reverse order
 * (https://www.erlang.org/doc/man/supervisor.html).
 *
 *     const struct weft_child_spec children[] = {
 *         {.id = "store", .behaviour = &store_v1},
 *         {.id = "dht", .behaviour = &dht_v1, .name = "dht", .arg = ..., .shutdown = WEFT_S(2)},
 *     };
 *     const struct weft_sup_config config = {.strategy = WEFT_ONE_FOR_ONE,
 *                                            .children = children, .children_count = 2};
 *     weft_spawn(self, &(struct weft_spawn){.behaviour = &weft_supervisor,
 *                .arg = weft_bytes(&config, sizeof config), .link = true}, &pid);
 *
 * Rules, all in virtual time:
 *   - children start in order; the start fails if one does, after stopping those started
 *   - one_for_one restarts the one that died; one_for_all stops the rest in reverse order and
 *     starts all in order; rest_for_one does so with those after it
 *   - permanent children restart always; transient ones unless they ended NORMAL or SHUTDOWN;
 *     temporary ones never, and their spec goes with them
 *   - more than `intensity` restarts in the last `period` end the supervisor with SHUTDOWN, after
 *     its children; a restart that fails to start counts, and is tried again
 *   - stopping a child: exit(SHUTDOWN), wait `shutdown`, then KILL
 *   - the exit signal of its parent stops the children in reverse order, then the supervisor; so
 *     does weft_sched_exit for the root
 *
 * Differences from OTP: child ids are texts, not terms; there is no simple_one_for_one: a dynamic
 * supervisor is a one_for_one supervisor given children by weft_sup_start_child, whose ids may be
 * empty and whose lookup is by pid; a shutdown waits without blocking the supervisor's mailbox,
 * so requests that arrive meanwhile are answered after it, in order (WEFT_ERR_NO_PROC when it was
 * the supervisor's own). A start that fails in init cannot wait for those to be stopped: children
 * that trap exits end in the turns that follow. The period is exact to the nanosecond and
 * inclusive, where OTP counts whole seconds. */
#ifndef WEFT_OTP_SUPERVISOR_H
#define WEFT_OTP_SUPERVISOR_H

#include "core/otp/process.h"

enum weft_restart { WEFT_PERMANENT = 0, WEFT_TRANSIENT, WEFT_TEMPORARY };

enum weft_strategy { WEFT_ONE_FOR_ONE = 0, WEFT_ONE_FOR_ALL, WEFT_REST_FOR_ONE };

/* `shutdown` values beside a duration > 0. 0 means the default: WEFT_S(5) for a worker, no limit
 * for a supervisor. */
#define WEFT_BRUTAL_KILL ((weft_duration)-1)
#define WEFT_INFINITY ((weft_duration)-2)

struct weft_child_spec {
    const char *id;   /* unique among the children unless ""; copied */
    const char *name; /* to register, NULL: none; copied */
    const struct weft_behaviour *behaviour;
    struct weft_bytes arg; /* to init, at every start; copied (shallowly: what it points at must
                              outlive the supervisor) */
    enum weft_restart restart;
    weft_duration shutdown;
    uint32_t mailbox_max; /* as in struct weft_spawn */
    size_t memory_max;
};

struct weft_sup_config {
    enum weft_strategy strategy;
    uint32_t intensity;   /* restarts ... */
    weft_duration period; /* ... within this; both 0: OTP's defaults, 1 in 5 s */
    bool intensity_zero;  /* intensity really is 0: the first restart is one too many */
    const struct weft_child_spec *children;
    size_t children_count;
};

/* The behaviour; `arg` is a struct weft_sup_config. Its init fails with WEFT_ERR_INVAL when two
 * children share an id or a spec has no behaviour, and with the child's error when one does not
 * start. */
extern const struct weft_behaviour weft_supervisor;

/* What a caller gets back: the answer of each request below is a REPLY with these statuses.
 *
 * start_child: data is the weft_pid of the child (WEFT_PID_NONE if its init chose IGNORE).
 *   WEFT_ERR_EXISTS (the id is taken: data is its pid), WEFT_ERR_FULL (WEFT_CHILDREN_MAX), or what
 *   the start returned (WEFT_ERR_EXISTS also when its name is taken): the child is then forgotten;
 *   WEFT_ERR_INVAL when the spec is not valid
 * terminate_child: WEFT_OK when it has ended (spec kept, forgotten if temporary);
 *   WEFT_ERR_NOT_FOUND
 * restart_child: data as start_child; WEFT_ERR_IN_USE (it runs, or waits for another try),
 *   WEFT_ERR_NOT_FOUND
 * delete_child: WEFT_ERR_IN_USE (it runs), WEFT_ERR_NOT_FOUND
 * which_children: data is an array of struct weft_child_info, in start order (OTP: the reverse);
 *   WEFT_ERR_TOO_BIG when it is over WEFT_MESSAGE_MAX
 * count_children: data is a struct weft_child_counts */
int weft_sup_start_child(weft_self *self, weft_pid sup, const struct weft_child_spec *spec,
                         weft_ref *ref);
int weft_sup_terminate_child(weft_self *self, weft_pid sup, const char *id, weft_ref *ref);
int weft_sup_terminate_pid(weft_self *self, weft_pid sup, weft_pid child, weft_ref *ref);
int weft_sup_restart_child(weft_self *self, weft_pid sup, const char *id, weft_ref *ref);
int weft_sup_delete_child(weft_self *self, weft_pid sup, const char *id, weft_ref *ref);
int weft_sup_which_children(weft_self *self, weft_pid sup, weft_ref *ref);
int weft_sup_count_children(weft_self *self, weft_pid sup, weft_ref *ref);

#define WEFT_CHILD_ID_SIZE 32

struct weft_child_info {
    char id[WEFT_CHILD_ID_SIZE]; /* cut to fit */
    weft_pid pid;                /* WEFT_PID_NONE when not running */
    enum weft_restart restart;
    bool restarting; /* waits for another try */
    bool is_supervisor;
};

struct weft_child_counts {
    uint32_t specs, active, supervisors, workers;
};

#endif
