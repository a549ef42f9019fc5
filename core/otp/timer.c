/* Timers. An alarm goes at the end of a run if none of it is due later: those of one delay, and
 * all that are set in order, are set and cancelled in O(1). The others go into a forest as of
 * binomial heaps: set in O(1) over time, cancelled and gone off in O(log n) at worst. It needs no
 * memory of its own, so setting an alarm cannot fail for want of it.
 *
 * A rank only says how large a tree may be: cancelling takes nodes out of its middle.
 * Alarms due at the same time go off in the order they were set. */
#include "core/otp/internal.h"

#define IN_RUN 128 /* of the low byte of seq: the others are ranks */

_Static_assert(ALARM_RANKS < IN_RUN && ALARM_RANKS <= 32, "ranks fit");

static uint32_t place_of(const struct alarm *alarm) { return (uint32_t)(alarm->seq & 255); }

static void set_place(struct alarm *alarm, uint32_t place) {
    alarm->seq = (alarm->seq & ~UINT64_C(255)) | place;
}

/* The low byte does not matter: no two are the same above it. */
static bool before(const struct alarm *a, const struct alarm *b) {
    if (a->at != b->at) return a->at < b->at;
    return a->seq < b->seq;
}

/* --- runs: the circle of a ring, by `next` and `prev` --- */

static struct alarm *run_first(const struct alarms *alarms, uint32_t run) {
    return alarms->run[run];
}

static void run_push(struct alarms *alarms, uint32_t run, struct alarm *alarm) {
    struct alarm *first = alarms->run[run];
    set_place(alarm, IN_RUN + run);
    alarms->run_end[run] = alarm->at;
    if (first == NULL) {
        alarms->run[run] = alarm->next = alarm->prev = alarm;
        return;
    }
    alarm->next = first;
    alarm->prev = first->prev;
    first->prev->next = alarm;
    first->prev = alarm;
}

static void run_remove(struct alarms *alarms, uint32_t run, struct alarm *alarm) {
    if (alarm->next == alarm) {
        alarms->run[run] = NULL;
        return;
    }
    alarm->prev->next = alarm->next;
    alarm->next->prev = alarm->prev;
    if (alarms->run[run] == alarm) alarms->run[run] = alarm->next;
    alarms->run_end[run] = alarms->run[run]->prev->at;
}

/* The run that is left the shortest gap, an empty one if there is no other; ALARM_RUNS: none. */
static uint32_t run_for(const struct alarms *alarms, weft_time at) {
    uint32_t best = ALARM_RUNS, empty = ALARM_RUNS;
    for (uint32_t run = 0; run < ALARM_RUNS; run++) {
        if (alarms->run[run] == NULL) {
            empty = run;
        } else if (alarms->run_end[run] <= at &&
                   (best == ALARM_RUNS || alarms->run_end[run] > alarms->run_end[best])) {
            best = run;
        }
    }
    return best != ALARM_RUNS ? best : empty;
}

/* --- the forest: `child` is the first child; `prev` its elder sibling, or its parent --- */

/* The one due later becomes a child of the other, whose rank is one more. */
static struct alarm *join(struct alarm *a, struct alarm *b) {
    struct alarm *top = before(a, b) ? a : b, *under = top == a ? b : a;
    under->next = top->child;
    under->prev = top;
    if (top->child != NULL) top->child->prev = under;
    top->child = under;
    return top;
}

static void tree_add(struct alarms *alarms, struct alarm *tree) {
    uint32_t rank = place_of(tree);
    WEFT_ASSERT(rank < ALARM_RANKS);
    tree->next = tree->prev = NULL;
    while (alarms->trees >> rank & 1) {
        tree = join(tree, alarms->tree[rank]);
        alarms->trees &= ~(UINT32_C(1) << rank);
        if (rank < ALARM_RANKS - 1) rank++;
        set_place(tree, rank);
        tree->next = tree->prev = NULL;
    }
    alarms->tree[rank] = tree;
    alarms->trees |= UINT32_C(1) << rank;
}

static void tree_remove(struct alarms *alarms, struct alarm *alarm) {
    uint32_t rank = place_of(alarm);
    if (alarm->prev == NULL) {
        WEFT_ASSERT(alarms->tree[rank] == alarm);
        alarms->trees &= ~(UINT32_C(1) << rank);
    } else {
        if (alarm->prev->child == alarm) {
            alarm->prev->child = alarm->next;
        } else {
            alarm->prev->next = alarm->next;
        }
        if (alarm->next != NULL) alarm->next->prev = alarm->prev;
    }
    for (struct alarm *child = alarm->child, *next; child != NULL; child = next) {
        next = child->next;
        tree_add(alarms, child);
    }
    alarm->child = NULL;
}

/* --- both --- */

static struct alarm *first_of(const struct alarms *alarms) {
    struct alarm *first = NULL;
    for (uint32_t run = 0; run < ALARM_RUNS; run++) {
        struct alarm *alarm = run_first(alarms, run);
        if (alarm != NULL && (first == NULL || before(alarm, first))) first = alarm;
    }
    for (uint32_t trees = alarms->trees; trees != 0; trees &= trees - 1) {
        struct alarm *alarm = alarms->tree[__builtin_ctz(trees)];
        if (first == NULL || before(alarm, first)) first = alarm;
    }
    return first;
}

void weft_otp__alarms_init(struct alarms *alarms) {
    WEFT_ASSERT(alarms->count == 0);
    alarms->first_at = WEFT_TIME_NEVER;
}

int weft_otp__alarm_set(struct weft_sched *sched, struct alarm *alarm, weft_time at) {
    struct alarms *alarms = &sched->alarms;
    WEFT_ASSERT(alarm->seq == 0);
    WEFT_ASSERT(alarm->child == NULL);
    if (alarms->count >= WEFT_TIMERS_MAX) return WEFT_ERR_FULL;
    alarm->at = at;
    alarm->seq = ++alarms->seq << 8;
    alarms->count++;
    alarms->first_at = weft_time_min(alarms->first_at, at);
    uint32_t run = run_for(alarms, at);
    if (run < ALARM_RUNS) {
        run_push(alarms, run, alarm);
    } else {
        tree_add(alarms, alarm);
    }
    return WEFT_OK;
}

void weft_otp__alarm_cancel(struct weft_sched *sched, struct alarm *alarm) {
    struct alarms *alarms = &sched->alarms;
    if (alarm->seq == 0) return;
    uint32_t place = place_of(alarm);
    WEFT_ASSERT(alarms->count > 0);
    if (place >= IN_RUN) {
        run_remove(alarms, place - IN_RUN, alarm);
    } else {
        tree_remove(alarms, alarm);
    }
    alarm->seq = 0;
    alarms->count--;
    if (alarm->at > alarms->first_at) return;
    struct alarm *first = first_of(alarms);
    alarms->first_at = first == NULL ? WEFT_TIME_NEVER : first->at;
}

/* Whom an alarm is of: they lie in the same place in struct timer and struct call. */
static struct awaited *awaited_of(struct alarm *alarm) {
    return &WEFT_CONTAINER(alarm, struct timer, alarm)->awaited;
}

static void go_off(struct awaited *awaited) {
    if (awaited->mail.kind == WEFT_MSG_TIMER) {
        weft_otp__mail_push(awaited->owner, &awaited->mail);
    } else {
        WEFT_ASSERT(awaited->mail.kind == WEFT_MSG_REPLY);
        weft_otp__call_done((struct call *)awaited, WEFT_ERR_TIMEOUT, weft_bytes(NULL, 0));
    }
}

/* Who is slow makes who only wants to look at the time wait for all of them: so, when handlers are
 * slow, some of those a timer wakes are put before the others, in the order they were woken.
 * Not more, so that the others have most of a run. */
static bool goes_first(const struct weft_process *proc, uint32_t gone_first) {
    if (!weft_otp__is_slow(proc->sched) || gone_first >= WEFT_TIMERS_FIRST_MAX) return false;
    return proc->priority == WEFT_PRIORITY_NORMAL && !(proc->flags & PROC_QUEUED);
}

/* One that is never due stays, although it may be the first. */
void weft_otp__alarms_fire(struct weft_sched *sched) {
    struct alarms *alarms = &sched->alarms;
    struct weft_link *last = &sched->queues.at[WEFT_PRIORITY_NORMAL];
    uint32_t gone_first = 0;
    while (alarms->count > 0 && alarms->first_at <= sched->now) {
        struct alarm *alarm = first_of(alarms);
        WEFT_ASSERT(alarm->at == alarms->first_at);
        weft_otp__alarm_cancel(sched, alarm);
        struct weft_process *owner = awaited_of(alarm)->owner;
        bool first = goes_first(owner, gone_first);
        go_off(awaited_of(alarm));
        if (!first || !(owner->flags & PROC_QUEUED)) continue;
        last = weft_otp__queue_ahead(owner, last);
        gone_first++;
    }
}

void weft_otp__timer_drop(struct weft_sched *sched, struct timer *timer) {
    struct mail *mail = &timer->awaited.mail;
    weft_otp__alarm_cancel(sched, &timer->alarm);
    weft_otp__mail_take(timer->awaited.owner, mail);
    weft_otp__mail_free(sched, mail);
}

static int start(weft_self *self, struct timer *timer, weft_duration delay) {
    struct weft_sched *sched = self->sched;
    int rv = weft_otp__alarm_set(sched, &timer->alarm, weft_time_add(sched->now, delay));
    if (rv != WEFT_OK) {
        weft_otp__mail_free(sched, &timer->awaited.mail);
        return rv;
    }
    weft_otp__awaited_pending(&timer->awaited);
    return WEFT_OK;
}

static struct timer *timer_new(weft_self *self, uint32_t tag, struct weft_bytes data) {
    struct timer *timer;
    struct record record = {WEFT_MSG_TIMER, sizeof *timer + data.size, sizeof *timer};
    timer = weft_otp__awaited_new(self, &record);
    if (timer == NULL) return NULL;
    timer->awaited.mail.tag = tag;
    timer->data_size = (uint32_t)data.size;
    if (data.size > 0) memcpy(timer->data, data.data, data.size);
    return timer;
}

int weft_timer_start(weft_self *self, weft_duration delay, uint32_t tag, struct weft_bytes data,
                     weft_ref *ref) {
    WEFT_ASSERT(delay >= 0);
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    weft_otp__touch(data);
    struct weft_sched *sched = weft_otp__enter(self);
    struct timer *timer = timer_new(self, tag, data);
    int rv = timer == NULL ? WEFT_ERR_NOMEM : start(self, timer, delay);
    weft_ref started = rv == WEFT_OK ? timer->awaited.ref : 0;
    weft_otp__leave(sched);
    if (ref != NULL) *ref = started;
    return rv;
}

weft_duration weft_timer_cancel(weft_self *self, weft_ref ref) {
    struct weft_sched *sched = weft_otp__enter(self);
    struct awaited *awaited = weft_otp__ref_get(sched, ref);
    weft_duration left = WEFT_ERR_NOT_FOUND;
    if (awaited != NULL && awaited->mail.kind == WEFT_MSG_TIMER && awaited->owner == self &&
        &awaited->mail != sched->handling) {
        struct timer *timer = (struct timer *)awaited;
        if (awaited->mail.place == MAIL_PENDING)
            left = weft_time_max(timer->alarm.at - sched->now, 0);
        if (self->extra != NULL && self->extra->idle == ref) self->extra->idle = 0;
        weft_otp__timer_drop(sched, timer);
    }
    weft_otp__leave(sched);
    return left;
}
