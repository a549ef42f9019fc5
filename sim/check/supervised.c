/* supervised: every supervisor against a model of OTP's rules, told by its own events.
 * https://www.erlang.org/doc/man/supervisor.html
 *
 * The model keeps what a supervisor has said of itself: its children in the order of their start,
 * which run, and the restarts of the last period. Each event is then one that the rules allow in
 * that state, or a failure. */
#include "sim/check/internal.h"

#include "core/base/assert.h"

#include <stdlib.h>

#define ID_SHOWN 24
#define NOBODY UINT32_MAX

/* In the supervisor's table at its own place; a list through it runs in the order of start.
 * I1  owed implies !running: the supervisor has said that it starts again. */
struct kid {
    uint64_t pid; /* when running */
    uint64_t restart;
    uint64_t order; /* of its first start */
    uint32_t next, prev;
    bool used, running, significant, owed;
    char id[ID_SHOWN];
};

enum phase {
    PHASE_IDLE,   /* serving */
    PHASE_STOPS,  /* the children that go down with the origin are being stopped */
    PHASE_STARTS, /* ... and started */
    PHASE_ENDS    /* all children are being stopped */
};

/* I2  in PHASE_STOPS and PHASE_ENDS nobody behind `cursor` runs of those who go down. */
struct sup {
    bool reordered; /* its specs have changed, and with them the order */
    uint32_t node;
    uint64_t pid, strategy, intensity, auto_shutdown;
    weft_duration period;
    enum phase phase;
    bool used, over;  /* over: it is to give up, and has not said so yet */
    bool auto_due;    /* likewise for auto_shutdown */
    bool in_midst;    /* PHASE_ENDS: it may have been stopping a child on request before */
    uint64_t origin;  /* order of the child whose restart this is */
    uint64_t started; /* in PHASE_STARTS: order of the child started last */
    uint64_t orders;  /* handed out; the first is 1 */
    uint32_t first, last, cursor;
    struct kid *kids;
    size_t kids_count, kids_room;
    weft_time *restarts; /* what counts: [head, count) */
    size_t head, restarts_count, restarts_room;
};

struct supervised {
    struct sim_check__ctx ctx;
    struct sup *sups;
    size_t sups_count, sups_room;
    struct sim_check__map by_pid;   /* (node, pid) of a supervisor to index in `sups` */
    struct sim_check__map children; /* (node, pid) of a running child to 1, ended to reason + 2 */
    const struct weft_trace_event *event;
};

static struct sim_check__key key_of(uint32_t node, uint64_t pid) {
    return (struct sim_check__key){.a = node, .b = pid};
}

/* A failure names the supervisor and the child. */
static void wrong(struct supervised *check, const struct sup *sup, const struct kid *kid,
                  const char *what) {
    sim_check__failed(&check->ctx, check->event->at, sup->node, "supervisor %llx, child \"%s\": %s",
                      (unsigned long long)sup->pid, kid != NULL ? kid->id : "", what);
}

static struct sup *sup_of(const struct supervised *check) {
    const uint64_t *index =
        sim_check__map_get(&check->by_pid, key_of(check->event->node, check->event->number[0]));
    return index != NULL ? &check->sups[*index] : NULL;
}

static struct kid *kid_of(const struct sup *sup, uint64_t child) {
    if (child >= sup->kids_count || !sup->kids[child].used) return NULL;
    return &sup->kids[child];
}

/* Whether `kid` goes down and up with the origin. */
static bool is_affected(const struct sup *sup, const struct kid *kid) {
    if (sup->strategy == SIM_CHECK_ONE_FOR_ALL) return true;
    if (sup->strategy == SIM_CHECK_REST_FOR_ONE) return kid->order >= sup->origin;
    return kid->order == sup->origin;
}

static bool is_group(const struct sup *sup) {
    return sup->strategy == SIM_CHECK_ONE_FOR_ALL || sup->strategy == SIM_CHECK_REST_FOR_ONE;
}

/* The last that runs, of those who go down; NULL: none does. */
static struct kid *last_running(struct sup *sup) {
    for (; sup->cursor != NOBODY; sup->cursor = sup->kids[sup->cursor].prev) {
        struct kid *kid = &sup->kids[sup->cursor];
        if (sup->phase != PHASE_ENDS && !is_affected(sup, kid)) return NULL;
        if (kid->running) return kid;
    }
    return NULL;
}

static bool wants_restart(uint64_t restart, uint64_t reason) {
    if (restart == SIM_CHECK_PERMANENT) return true;
    if (restart == SIM_CHECK_TEMPORARY) return false;
    return reason != SIM_CHECK_NORMAL && reason != SIM_CHECK_SHUTDOWN;
}

static void sup_clear(struct supervised *check, struct sup *sup) {
    for (uint32_t at = sup->first; at != NOBODY; at = sup->kids[at].next) {
        sim_check__map_remove(&check->children, key_of(sup->node, sup->kids[at].pid));
    }
    sim_check__map_remove(&check->by_pid, key_of(sup->node, sup->pid));
    free(sup->kids);
    free(sup->restarts);
    *sup = (struct sup){.used = false};
}

/* --- what a supervisor tells --- */

static void on_sup_up(struct supervised *check) {
    const struct weft_trace_event *event = check->event;
    struct sup *sup = sup_of(check);
    size_t index = 0;
    if (sup != NULL) { /* its specs have changed */
        sup->strategy = event->number[1];
        sup->intensity = event->number[2];
        sup->period = (weft_duration)event->number[3];
        sup->auto_shutdown = event->number[4];
        sup->reordered = true;
        return;
    }
    while (index < check->sups_count && check->sups[index].used) index++;
    if (index == check->sups_count) {
        check->sups =
            sim_check__grow(check->sups, check->sups_count, &check->sups_room, sizeof *check->sups);
        check->sups_count++;
    }
    check->sups[index] = (struct sup){.node = event->node,
                                      .pid = event->number[0],
                                      .strategy = event->number[1],
                                      .intensity = event->number[2],
                                      .period = (weft_duration)event->number[3],
                                      .auto_shutdown = event->number[4],
                                      .used = true,
                                      .first = NOBODY,
                                      .last = NOBODY,
                                      .cursor = NOBODY};
    sim_check__map_put(&check->by_pid, key_of(event->node, event->number[0]), index);
}

static void kid_remove(struct sup *sup, struct kid *kid) {
    uint32_t place = (uint32_t)(kid - sup->kids);
    if (sup->cursor == place) sup->cursor = kid->prev;
    if (kid->prev != NOBODY) sup->kids[kid->prev].next = kid->next;
    if (kid->next != NOBODY) sup->kids[kid->next].prev = kid->prev;
    if (sup->first == place) sup->first = kid->next;
    if (sup->last == place) sup->last = kid->prev;
    kid->used = false;
}

static void on_child_added(struct supervised *check) {
    const struct weft_trace_event *event = check->event;
    struct sup *sup = sup_of(check);
    uint32_t place = (uint32_t)event->number[1];
    if (sup == NULL) return;
    while (sup->kids_count <= place) {
        sup->kids = sim_check__grow(sup->kids, sup->kids_count, &sup->kids_room, sizeof *sup->kids);
        sup->kids[sup->kids_count++] = (struct kid){.used = false};
    }
    struct kid *kid = &sup->kids[place];
    if (kid->used && kid->running) wrong(check, sup, kid, "runs, and its place is given away");
    if (kid->used) kid_remove(sup, kid); /* it never started */
    *kid = (struct kid){.restart = event->number[2],
                        .significant = event->number[3] != 0,
                        .order = ++sup->orders,
                        .next = NOBODY,
                        .prev = sup->last,
                        .used = true};
    if (sup->last != NOBODY) sup->kids[sup->last].next = place;
    if (sup->first == NOBODY) sup->first = place;
    sup->last = place;
    size_t size = event->bytes.size < ID_SHOWN ? event->bytes.size : ID_SHOWN - 1;
    if (size > 0) memcpy(kid->id, event->bytes.data, size);
}

/* The first start of a group comes when all that go down with the origin are down; then they start
 * in order. */
static const char *start_in_group(struct sup *sup, const struct kid *kid) {
    if (!is_affected(sup, kid)) return "started with a group it is not of";
    if (sup->phase == PHASE_STOPS) {
        if (last_running(sup) != NULL) return "started before all of its group were stopped";
        sup->phase = PHASE_STARTS;
        sup->started = 0;
    }
    if (kid->order <= sup->started && !sup->reordered) return "started out of order";
    sup->started = kid->order;
    return NULL;
}

static const char *start_again(struct sup *sup, const struct kid *kid) {
    if (kid->running) return "started while it runs";
    if (sup->phase == PHASE_ENDS) return "started while its supervisor ends";
    if (!is_group(sup)) return kid->owed ? NULL : "restarted though it was not owed";
    if (sup->phase == PHASE_IDLE) return "restarted without being counted";
    return start_in_group(sup, kid);
}

static void judge(struct supervised *check, const struct sup *sup, const struct kid *kid,
                  const char *what) {
    if (what != NULL) {
        wrong(check, sup, kid, what);
    } else {
        sim_check__held(&check->ctx);
    }
}

static const char *start_first(struct sup *sup, const struct kid *kid) {
    if (kid->running) return "started while it runs";
    if (sup->phase == PHASE_ENDS) return "started while its supervisor ends";
    if (kid->owed) return "started on request, and was to be restarted";
    sup->phase = PHASE_IDLE; /* it serves requests */
    return NULL;
}

static void on_child_up(struct supervised *check) {
    const struct weft_trace_event *event = check->event;
    struct sup *sup = sup_of(check);
    if (sup == NULL) return;
    struct kid *kid = kid_of(sup, event->number[4]);
    if (kid == NULL) {
        wrong(check, sup, NULL, "started without having been added");
        return;
    }
    bool again = event->number[3] != 0;
    judge(check, sup, kid, again ? start_again(sup, kid) : start_first(sup, kid));
    kid->running = true;
    kid->owed = false;
    kid->pid = event->number[1];
    sim_check__map_put(&check->children, key_of(event->node, kid->pid), 1);
}

/* Those of its group that come after it are not tried again by themselves; those that wait for a
 * backoff of their own are. */
static void on_child_failed(struct supervised *check) {
    struct sup *sup = sup_of(check);
    struct kid *kid = sup != NULL ? kid_of(sup, check->event->number[1]) : NULL;
    if (kid == NULL) return;
    for (uint32_t at = kid->next; is_group(sup) && at != NOBODY; at = sup->kids[at].next)
        sup->kids[at].owed = false;
    kid->owed = true;
}

/* What counts as of now when `period` is so long. */
static size_t restarts_in(const struct sup *sup, weft_time now, weft_duration period) {
    size_t at = sup->head;
    while (at < sup->restarts_count && now - sup->restarts[at] > period) at++;
    return sup->restarts_count - at;
}

static bool clocks_vary(const struct supervised *check) { return check->ctx.view->clocks_vary; }

/* A node counts by its own clock, which runs at most half as fast again, or half as fast: what
 * counts whichever it is, and what may count. */
static size_t restarts_surely(const struct supervised *check, const struct sup *sup) {
    weft_duration period = clocks_vary(check) ? sup->period / 3 * 2 : sup->period;
    return restarts_in(sup, check->event->at, period);
}

static size_t restarts_maybe(const struct supervised *check, struct sup *sup) {
    weft_duration period = clocks_vary(check) ? 2 * sup->period : sup->period;
    size_t count = restarts_in(sup, check->event->at, period);
    sup->head = sup->restarts_count - count;
    if (count == 0) sup->head = sup->restarts_count = 0;
    return count;
}

static const char *restart_is_due(struct supervised *check, struct sup *sup,
                                  const struct kid *kid) {
    bool counted = check->event->number[2] != 0;
    (void)restarts_maybe(check, sup); /* those before them are forgotten */
    size_t before = restarts_surely(check, sup);
    if (sup->phase == PHASE_ENDS) return "restarts while its supervisor ends";
    if (counted) {
        sup->restarts = sim_check__grow(sup->restarts, sup->restarts_count, &sup->restarts_room,
                                        sizeof *sup->restarts);
        sup->restarts[sup->restarts_count++] = check->event->at;
        if (before >= sup->intensity) return "restarts more often than its intensity allows";
    }
    return kid->owed ? NULL : "restarts though it was not owed";
}

static void on_restart(struct supervised *check) {
    struct sup *sup = sup_of(check);
    struct kid *kid = sup != NULL ? kid_of(sup, check->event->number[1]) : NULL;
    if (kid == NULL) return;
    judge(check, sup, kid, restart_is_due(check, sup, kid));
    if (!is_group(sup) || sup->phase == PHASE_ENDS) return;
    sup->phase = PHASE_STOPS;
    sup->origin = kid->order;
    sup->cursor = sup->last;
    /* Those that waited for a backoff of their own now go with the group. */
    for (uint32_t at = sup->last; at != NOBODY; at = sup->kids[at].prev)
        if (&sup->kids[at] != kid && is_affected(sup, &sup->kids[at])) sup->kids[at].owed = false;
}

/* In the reverse of the order of start; children of a simple_one_for_one all at once. `kid` counts
 * as running yet. */
static const char *stopped_in_order(struct sup *sup, const struct kid *kid) {
    if (sup->strategy == SIM_CHECK_SIMPLE || sup->reordered) return NULL;
    if (sup->phase == PHASE_STOPS && !is_affected(sup, kid))
        return "stopped with a group it is not of";
    bool in_midst = sup->in_midst;
    sup->in_midst = false;
    if (last_running(sup) == kid || in_midst) return NULL;
    return "stopped before one that started after it";
}

/* Whether it was the last significant child to run, or any will do. */
static bool ends_sup(const struct sup *sup, const struct kid *kid) {
    if (!kid->significant) return false;
    if (sup->auto_shutdown == SIM_CHECK_AUTO_ANY) return true;
    if (sup->auto_shutdown != SIM_CHECK_AUTO_ALL) return false;
    for (uint32_t at = sup->first; at != NOBODY; at = sup->kids[at].next) {
        const struct kid *other = &sup->kids[at];
        if (other != kid && other->significant && (other->running || other->owed)) return false;
    }
    return true;
}

static const char *died(struct supervised *check, struct sup *sup, struct kid *kid) {
    uint64_t reason = check->event->number[3];
    bool will_restart = check->event->number[4] != 0;
    bool wants = wants_restart(kid->restart, reason);
    if (sup->phase == PHASE_ENDS) return NULL;
    sup->phase = PHASE_IDLE;
    if (wants != will_restart) return wants ? "is not restarted" : "is restarted";
    kid->owed = wants;
    sup->over = wants && restarts_surely(check, sup) >= sup->intensity;
    sup->auto_due = !wants && ends_sup(sup, kid);
    return NULL;
}

/* A temporary one that is none of the group is stopped on request while a group waits. */
static const char *stopped(const struct supervised *check, struct sup *sup, const struct kid *kid) {
    bool comes_back = check->event->number[4] != 0;
    bool temporary = kid->restart == SIM_CHECK_TEMPORARY && is_affected(sup, kid);
    if (sup->phase == PHASE_ENDS) return stopped_in_order(sup, kid);
    if (sup->phase == PHASE_STOPS && (comes_back || temporary)) return stopped_in_order(sup, kid);
    sup->phase = PHASE_IDLE; /* terminate_child */
    return comes_back ? "is stopped on request, and to come back" : NULL;
}

/* The end it tells of is one that happened, for the reason it tells. */
static const char *end_is_true(struct supervised *check) {
    struct sim_check__key key = key_of(check->event->node, check->event->number[1]);
    const uint64_t *held = sim_check__map_get(&check->children, key);
    uint64_t end = held != NULL ? *held : 1;
    sim_check__map_remove(&check->children, key);
    if (check->event->number[5] != 0 || end == check->event->number[3] + 2) return NULL;
    return end == 1 ? "is said to have ended, and runs" : "is said to have another reason";
}

static void on_child_down(struct supervised *check) {
    struct sup *sup = sup_of(check);
    if (sup == NULL) return;
    struct kid *kid = kid_of(sup, check->event->number[6]);
    if (kid != NULL && check->event->number[1] == 0) {
        kid->owed = false;
        return;
    }
    if (kid == NULL || !kid->running || kid->pid != check->event->number[1]) {
        wrong(check, sup, kid, "ended without having run");
        return;
    }
    const char *what = end_is_true(check);
    bool asked = check->event->number[5] != 0;
    kid->owed = false;
    const char *more = asked ? stopped(check, sup, kid) : died(check, sup, kid);
    kid->running = false;
    if (what == NULL) what = more;
    judge(check, sup, kid, what);
}

static void on_child_removed(struct supervised *check) {
    struct sup *sup = sup_of(check);
    struct kid *kid = sup != NULL ? kid_of(sup, check->event->number[2]) : NULL;
    if (kid == NULL) return;
    if (kid->running) wrong(check, sup, kid, "was removed while it runs");
    kid_remove(sup, kid);
}

static void on_give_up(struct supervised *check) {
    struct sup *sup = sup_of(check);
    if (sup == NULL) return;
    bool no_memory = check->ctx.view->shortages > 0; /* it could not count, or not try again */
    if (restarts_maybe(check, sup) < sup->intensity && !no_memory) {
        wrong(check, sup, NULL, "gave up within its intensity");
    } else {
        sim_check__held(&check->ctx);
    }
    sup->over = true;
}

static void on_stopping(struct supervised *check) {
    struct sup *sup = sup_of(check);
    if (sup == NULL) return;
    const char *what = NULL;
    enum weft_sup_stopping_cause cause = (enum weft_sup_stopping_cause)check->event->number[1];
    if (cause == WEFT_SUP_GAVE_UP && !sup->over) what = "gave up without a restart too many";
    if (cause == WEFT_SUP_AUTO && !sup->auto_due) what = "shut down by itself without cause";
    sup->over = sup->auto_due = false;
    sup->phase = PHASE_ENDS;
    sup->in_midst = cause == WEFT_SUP_TOLD; /* the others come between two operations */
    sup->cursor = sup->last;
    judge(check, sup, NULL, what);
}

/* What the last event obliged it to, any event but that comes too early. */
static void check_obliged(struct supervised *check) {
    struct sup *sup = sup_of(check);
    if (sup == NULL) return;
    bool stops = check->event->kind == WEFT_TRACE_SUP_STOPPING ||
                 check->event->kind == WEFT_TRACE_SUP_GIVE_UP ||
                 check->event->kind == WEFT_TRACE_SUP_CHILD_REMOVED;
    if (stops || (!sup->over && !sup->auto_due)) return;
    wrong(check, sup, NULL,
          sup->over ? "goes on after a restart too many"
                    : "goes on after its significant child ended");
    sup->over = sup->auto_due = false;
}

/* --- what happens to processes --- */

/* Killed or broken, it may leave children; else they are down before it is. */
static void on_sup_exit(struct supervised *check, struct sup *sup) {
    struct kid *left = sup->phase == PHASE_ENDS ? last_running(sup) : NULL;
    bool by_force = check->event->number[1] == SIM_CHECK_KILLED || check->event->number[3] != 0;
    if (left != NULL && !by_force) wrong(check, sup, left, "runs when its supervisor has ended");
    sup_clear(check, sup);
}

static void on_exit_of(struct supervised *check) {
    struct sup *sup = sup_of(check);
    if (sup != NULL) on_sup_exit(check, sup);
    uint64_t *held =
        sim_check__map_get(&check->children, key_of(check->event->node, check->event->number[0]));
    if (held != NULL) *held = check->event->number[1] + 2;
}

static void on_node_down(struct supervised *check) {
    for (size_t i = 0; i < check->sups_count; i++) {
        struct sup *sup = &check->sups[i];
        if (sup->used && sup->node == check->event->node) sup_clear(check, sup);
    }
}

static void trace(void *state, const struct weft_trace_event *event) {
    static void (*const handlers[WEFT_TRACE_KIND_COUNT])(struct supervised * check) = {
        [WEFT_TRACE_SUP_UP] = on_sup_up,
        [WEFT_TRACE_SUP_CHILD_ADDED] = on_child_added,
        [WEFT_TRACE_SUP_CHILD_FAILED] = on_child_failed,
        [WEFT_TRACE_SUP_CHILD_UP] = on_child_up,
        [WEFT_TRACE_SUP_CHILD_DOWN] = on_child_down,
        [WEFT_TRACE_SUP_CHILD_REMOVED] = on_child_removed,
        [WEFT_TRACE_SUP_RESTART] = on_restart,
        [WEFT_TRACE_SUP_GIVE_UP] = on_give_up,
        [WEFT_TRACE_SUP_STOPPING] = on_stopping,
        [WEFT_TRACE_PROC_EXIT] = on_exit_of,
        [WEFT_TRACE_NODE_DOWN] = on_node_down,
    };
    struct supervised *check = state;
    check->event = event;
    WEFT_ASSERT(handlers[event->kind] != NULL);
    if (event->kind != WEFT_TRACE_NODE_DOWN && event->kind != WEFT_TRACE_PROC_EXIT)
        check_obliged(check);
    handlers[event->kind](check);
}

static void deinit(void *state) {
    struct supervised *check = state;
    for (size_t i = 0; i < check->sups_count; i++) {
        free(check->sups[i].kids);
        free(check->sups[i].restarts);
    }
    free(check->sups);
    sim_check__map_free(&check->by_pid);
    sim_check__map_free(&check->children);
}

const struct sim_check__ops sim_check__supervised = {
    .mask = WEFT_TRACE_BIT(WEFT_TRACE_SUP_UP) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_ADDED) |
            WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_FAILED) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_UP) |
            WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_DOWN) |
            WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_REMOVED) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_RESTART) |
            WEFT_TRACE_BIT(WEFT_TRACE_SUP_GIVE_UP) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_STOPPING) |
            WEFT_TRACE_BIT(WEFT_TRACE_PROC_EXIT) | WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN),
    .judges_stopping = true,
    .state_size = sizeof(struct supervised),
    .trace = trace,
    .deinit = deinit,
};
