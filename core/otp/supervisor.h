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
 *     its children, and with a text that names the child and the cause; a restart that fails to
 *     start counts, and is tried again
 *   - stopping a child: exit(SHUTDOWN), wait `shutdown`, then KILL
 *   - the exit signal of its parent stops the children in reverse order, then the supervisor; so
 *     does weft_sched_exit for the root
 *   - a significant child that ends by itself and is not restarted ends the supervisor as
 *     `auto_shutdown` says
 *   - simple_one_for_one: `children` is one template; weft_sup_start_simple starts a child of it;
 *     at the end all are stopped at once, under one timer
 *
 * Beyond OTP: a pause between restarts that grows (`backoff_first`). Memory: a child without id
 * and name costs 48 bytes beside its process; equal specs are kept once.
 *
 * Differences from OTP: child ids are texts, not terms, and may be empty: such a child is looked
 * up by pid, under any strategy, and forgotten when it ends and is not restarted. A shutdown waits
 * without blocking the supervisor's mailbox, so requests that arrive meanwhile are answered after
 * it, in order (WEFT_ERR_NO_PROC when it was the supervisor's own, WEFT_ERR_FULL when
 * WEFT_SUP_REQUESTS_MAX wait). A start that fails in init cannot wait for those to be stopped:
 * children that trap exits end in the turns that follow, and are killed when their `shutdown` is
 * over. The period is exact to the nanosecond and inclusive, where OTP counts whole seconds. */
#ifndef WEFT_OTP_SUPERVISOR_H
#define WEFT_OTP_SUPERVISOR_H

#include "core/otp/process.h"

enum weft_restart { WEFT_PERMANENT = 0, WEFT_TRANSIENT, WEFT_TEMPORARY };

enum weft_strategy {
    WEFT_ONE_FOR_ONE = 0,
    WEFT_ONE_FOR_ALL,
    WEFT_REST_FOR_ONE,
    WEFT_SIMPLE_ONE_FOR_ONE
};

/* By default a child is a supervisor when its behaviour is weft_supervisor. */
enum weft_child_type { WEFT_TYPE_DEFAULT = 0, WEFT_TYPE_WORKER, WEFT_TYPE_SUPERVISOR };

/* What the end of a significant child does: nothing; ends the supervisor; ends it when no other
 * significant child runs or waits to be restarted. */
enum weft_auto_shutdown {
    WEFT_AUTO_NEVER = 0,
    WEFT_AUTO_ANY_SIGNIFICANT,
    WEFT_AUTO_ALL_SIGNIFICANT
};

/* `shutdown` values beside a duration > 0. 0 means the default: WEFT_S(5) for a worker, no limit
 * for a supervisor. */
#define WEFT_BRUTAL_KILL ((weft_duration)-1)
#define WEFT_INFINITY ((weft_duration)-2)

/* Whoever adds a field: same_spec in sup_spec.c decides which specs are kept once. */
struct weft_child_spec {
    const char *id;   /* unique among the children unless ""; copied */
    const char *name; /* to register, NULL: none; copied */
    const struct weft_behaviour *behaviour;
    struct weft_bytes arg; /* to init, at every start; copied (shallowly: what it points at must
                              outlive the supervisor); for a temporary child started at run time
                              not kept, since it is never started again. Without an id, children
                              of the same bytes share a spec: a struct has no padding, or it is
                              cleared */
    enum weft_restart restart;
    weft_duration shutdown;
    enum weft_child_type type;
    bool significant;            /* not with WEFT_PERMANENT, nor under WEFT_AUTO_NEVER */
    enum weft_priority priority; /* this and the following as in struct weft_spawn */
    uint32_t mailbox_max;
    size_t memory_max;
    enum weft_overflow overflow;
    enum weft_quota quota;
};

struct weft_sup_config {
    enum weft_strategy strategy;
    uint32_t intensity;   /* restarts ... */
    weft_duration period; /* ... within this; both 0: OTP's defaults, 1 in 5 s */
    bool intensity_zero;  /* intensity really is 0: the first restart is one too many */
    enum weft_auto_shutdown auto_shutdown;
    /* Wait before a restart: the n-th failure in a row waits first * 2^(n-1), at most `max`, plus
     * a random part of up to `jitter` percent of that. A child that ran for `reset` before it died
     * starts with n = 1 again. `first` 0: restart at once, as OTP. `max` 0: 64 * first. `reset` 0:
     * max. A restart counts when its wait begins. The others of a group are stopped before the
     * wait and started after it; requests are answered meanwhile. */
    weft_duration backoff_first, backoff_max, backoff_reset;
    uint32_t backoff_jitter;
    const struct weft_child_spec *children; /* simple_one_for_one: the template, without name */
    size_t children_count;
};

/* The behaviour; `arg` is a struct weft_sup_config. Its init fails with WEFT_ERR_INVAL when
 * weft_sup_check says so, and with the child's error when one does not start. The reason is
 * START with a text that names the child. */
extern const struct weft_behaviour weft_supervisor;

/* OTP's check_childspecs, and the flags: two children share an id, a spec without behaviour, a
 * value out of range, or OTP's bad_combination. Compares each id with each. WEFT_ERR_INVAL, *why
 * (may be NULL) says what; WEFT_ERR_FULL (WEFT_CHILDREN_MAX). */
int weft_sup_check(const struct weft_sup_config *config, struct weft_reason *why);

/* What a caller gets back: the answer of each request below is a REPLY with these statuses.
 * WEFT_ERR_FULL: too many requests wait already. With simple_one_for_one, those that take an id
 * answer WEFT_ERR_UNSUPPORTED (OTP: simple_one_for_one), except get_childspec.
 *
 * start_child: data is the weft_pid of the child (WEFT_PID_NONE if its init chose IGNORE).
 *   WEFT_ERR_EXISTS (the id is taken: data is its pid, WEFT_PID_NONE when it does not run),
 *   WEFT_ERR_FULL (WEFT_CHILDREN_MAX), or what the start returned (WEFT_ERR_EXISTS also when its
 *   name is taken): the child is then forgotten; WEFT_ERR_INVAL when the spec is not valid, data
 *   is a text that says why
 * start_simple: as start_child; the child's arg is the template's followed by `extra`.
 *   WEFT_ERR_UNSUPPORTED under the other strategies
 * terminate_child: WEFT_OK when it has ended (spec kept, forgotten if temporary);
 *   WEFT_ERR_NOT_FOUND
 * terminate_pid: the same by pid, also by the last pid of a child that waits to be restarted.
 *   With simple_one_for_one WEFT_OK also for a pid that is dead (OTP)
 * restart_child: data as start_child; WEFT_ERR_IN_USE (it runs, or waits to be restarted),
 *   WEFT_ERR_NOT_FOUND
 * delete_child: WEFT_ERR_IN_USE (it runs, or waits to be restarted), WEFT_ERR_NOT_FOUND
 * which_children: data is an array of struct weft_child_info, in start order (OTP: the reverse);
 *   WEFT_ERR_TOO_BIG when it is over WEFT_MESSAGE_MAX: use children_page then
 * children_page: data is a struct weft_children_page. Begin with cursor 0 and go on with `next`
 *   until it is WEFT_CHILDREN_END. The order is that of the supervisor's table; a child that is
 *   there from the first page to the last is in exactly one of them. A page may be empty
 * count_children: data is a struct weft_child_counts
 * get_childspec: data is a struct weft_childspec; WEFT_ERR_NOT_FOUND */
int weft_sup_start_child(weft_self *self, weft_pid sup, const struct weft_child_spec *spec,
                         weft_ref *ref);
int weft_sup_start_simple(weft_self *self, weft_pid sup, struct weft_bytes extra, weft_ref *ref);
int weft_sup_terminate_child(weft_self *self, weft_pid sup, const char *id, weft_ref *ref);
int weft_sup_terminate_pid(weft_self *self, weft_pid sup, weft_pid child, weft_ref *ref);
int weft_sup_restart_child(weft_self *self, weft_pid sup, const char *id, weft_ref *ref);
int weft_sup_delete_child(weft_self *self, weft_pid sup, const char *id, weft_ref *ref);
int weft_sup_which_children(weft_self *self, weft_pid sup, weft_ref *ref);
int weft_sup_children_page(weft_self *self, weft_pid sup, uint32_t cursor, weft_ref *ref);
int weft_sup_count_children(weft_self *self, weft_pid sup, weft_ref *ref);
int weft_sup_get_childspec(weft_self *self, weft_pid sup, const char *id, weft_ref *ref);
int weft_sup_get_childspec_pid(weft_self *self, weft_pid sup, weft_pid child, weft_ref *ref);

#define WEFT_CHILD_ID_SIZE 32

struct weft_child_info {
    char id[WEFT_CHILD_ID_SIZE]; /* cut to fit */
    weft_pid pid;                /* WEFT_PID_NONE when not running */
    enum weft_restart restart;
    bool restarting; /* waits for another try */
    bool is_supervisor;
};

#define WEFT_CHILDREN_END UINT32_MAX

struct weft_children_page {
    uint32_t next, count;
    struct weft_child_info infos[]; /* count */
};

struct weft_child_counts {
    uint32_t specs, active, supervisors, workers;
};

struct weft_childspec {
    struct weft_child_spec spec; /* defaults filled in; id, name and arg.data are NULL, see below */
    char id[WEFT_CHILD_ID_SIZE]; /* cut to fit */
    char name[WEFT_CHILD_ID_SIZE * 2];
    _Alignas(16) unsigned char arg[]; /* spec.arg.size */
};

/* OTP's code_change of a supervisor: take what a new `config` says, at once, without starting or
 * stopping a child. Flags are replaced; a child with an id of the new config gets that spec and
 * keeps its process; new ones are added, not running; others are kept, after those of the config.
 * With simple_one_for_one the template is replaced, for children started from now on. Children
 * without id are left alone. For the code that moves a node to a new version.
 *   WEFT_ERR_NO_PROC  `sup` is not a living supervisor
 *   WEFT_ERR_INVAL    the config is not valid, has a child without id to find it by, or changes
 *                     from or to simple_one_for_one
 *   WEFT_ERR_IN_USE   it is stopping children: ask again
 *   WEFT_ERR_FULL, WEFT_ERR_NOMEM
 * On an error nothing has changed. */
int weft_sup_change_config(weft_self *self, weft_pid sup, const struct weft_sup_config *config);

#endif
