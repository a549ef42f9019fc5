/* Timers: a 4-ary heap whose entries know their alarm and whose alarms know their entry.
 * Alarms due at the same time go off in the order they were set. */
#include "core/otp/internal.h"

#define WAYS 4

static bool before(const struct heap_entry *a, const struct heap_entry *b) {
    if (a->at != b->at) return a->at < b->at;
    return a->alarm->seq < b->alarm->seq;
}

static void place(struct weft_sched *sched, uint32_t index, struct heap_entry entry) {
    WEFT_ASSERT(index < sched->heap_count);
    sched->heap[index] = entry;
    entry.alarm->index = index;
}

static void sift_up(struct weft_sched *sched, uint32_t index, struct heap_entry entry) {
    while (index > 0) {
        uint32_t parent = (index - 1) / WAYS;
        if (!before(&entry, &sched->heap[parent])) break;
        place(sched, index, sched->heap[parent]);
        index = parent;
    }
    place(sched, index, entry);
}

/* The first of the children of `index`, or `index` itself when it has none. */
static uint32_t first_child(const struct weft_sched *sched, uint32_t index) {
    uint64_t child = (uint64_t)index * WAYS + 1;
    uint32_t best = index;
    for (uint64_t i = child; i < child + WAYS && i < sched->heap_count; i++) {
        if (best == index || before(&sched->heap[i], &sched->heap[best])) best = (uint32_t)i;
    }
    return best;
}

static void sift_down(struct weft_sched *sched, uint32_t index, struct heap_entry entry) {
    for (;;) {
        uint32_t child = first_child(sched, index);
        if (child == index || !before(&sched->heap[child], &entry)) break;
        place(sched, index, sched->heap[child]);
        index = child;
    }
    place(sched, index, entry);
}

int weft_otp__alarm_set(struct weft_sched *sched, struct alarm *alarm, weft_time at) {
    WEFT_ASSERT(alarm->index == ALARM_UNSET);
    if (sched->heap_count >= WEFT_TIMERS_MAX) return WEFT_ERR_FULL;
    if (sched->heap_count == sched->heap_room) {
        void *table = sched->heap;
        int rv =
            weft_otp__grow(sched->env->mem, &table, &sched->heap_room, sizeof(struct heap_entry));
        if (rv != WEFT_OK) return rv;
        sched->heap = table;
    }
    alarm->at = at;
    alarm->seq = sched->alarm_seq++;
    uint32_t index = sched->heap_count++;
    sift_up(sched, index, (struct heap_entry){.at = at, .alarm = alarm});
    return WEFT_OK;
}

void weft_otp__alarm_cancel(struct weft_sched *sched, struct alarm *alarm) {
    if (alarm->index == ALARM_UNSET) return;
    uint32_t index = alarm->index;
    WEFT_ASSERT(index < sched->heap_count);
    WEFT_ASSERT(sched->heap[index].alarm == alarm);
    alarm->index = ALARM_UNSET;
    struct heap_entry last = sched->heap[--sched->heap_count];
    if (index == sched->heap_count) return;
    if (index > 0 && before(&last, &sched->heap[(index - 1) / WAYS])) {
        sift_up(sched, index, last);
    } else {
        sift_down(sched, index, last);
    }
}

static void fire_timer(struct timer *timer) {
    WEFT_ASSERT(timer->mail.owner->timers > 0);
    timer->mail.owner->timers--;
    weft_otp__mail_push(&timer->mail);
}

void weft_otp__alarms_fire(struct weft_sched *sched) {
    while (sched->heap_count > 0 && sched->heap[0].at <= sched->now) {
        struct alarm *alarm = sched->heap[0].alarm;
        weft_otp__alarm_cancel(sched, alarm);
        switch ((enum alarm_kind)alarm->kind) {
        case ALARM_TIMER:
            fire_timer(WEFT_CONTAINER(alarm, struct timer, alarm));
            break;
        case ALARM_CALL:
            weft_otp__call_done(WEFT_CONTAINER(alarm, struct call, alarm), WEFT_ERR_TIMEOUT,
                                weft_bytes(NULL, 0));
            break;
        }
    }
}

void weft_otp__timer_drop(struct weft_sched *sched, struct timer *timer) {
    if (!timer->mail.queued) {
        WEFT_ASSERT(timer->mail.owner->timers > 0);
        timer->mail.owner->timers--;
        weft_otp__alarm_cancel(sched, &timer->alarm);
    }
    weft_otp__mail_take(&timer->mail);
    weft_otp__mail_free(sched, &timer->mail);
}

static struct timer *timer_new(weft_self *self, uint32_t tag, struct weft_bytes data) {
    struct timer *timer =
        weft_otp__mail_new(self, WEFT_MSG_TIMER, sizeof *timer + data.size, sizeof *timer);
    if (timer == NULL) return NULL;
    timer->mail.tag = tag;
    timer->alarm.kind = ALARM_TIMER;
    timer->alarm.index = ALARM_UNSET;
    timer->data_size = (uint32_t)data.size;
    if (data.size > 0) memcpy(timer->data, data.data, data.size);
    return timer;
}

static int start(struct weft_sched *sched, struct timer *timer, weft_duration delay) {
    int rv = weft_otp__ref_new(sched, &timer->mail);
    if (rv == WEFT_OK)
        rv = weft_otp__alarm_set(sched, &timer->alarm, weft_time_add(sched->now, delay));
    if (rv != WEFT_OK) {
        weft_otp__mail_free(sched, &timer->mail);
        return rv;
    }
    weft_otp__mail_pending(&timer->mail);
    timer->mail.owner->timers++;
    return WEFT_OK;
}

int weft_timer_start(weft_self *self, weft_duration delay, uint32_t tag, struct weft_bytes data,
                     weft_ref *ref) {
    WEFT_ASSERT(delay >= 0);
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    weft_otp__touch(data);
    struct weft_sched *sched = weft_otp__enter(self);
    struct timer *timer = timer_new(self, tag, data);
    int rv = timer == NULL ? WEFT_ERR_NOMEM : start(sched, timer, delay);
    weft_ref started = rv == WEFT_OK ? timer->mail.ref : 0;
    weft_otp__leave(sched);
    if (ref != NULL) *ref = started;
    return rv;
}

weft_duration weft_timer_cancel(weft_self *self, weft_ref ref) {
    struct weft_sched *sched = weft_otp__enter(self);
    struct mail *mail = weft_otp__ref_get(sched, ref);
    weft_duration left = WEFT_ERR_NOT_FOUND;
    if (mail != NULL && mail->kind == WEFT_MSG_TIMER && mail->owner == self &&
        mail != sched->handling) {
        struct timer *timer = (struct timer *)mail;
        if (!mail->queued) left = weft_time_max(timer->alarm.at - sched->now, 0);
        if (self->idle == ref) self->idle = 0;
        weft_otp__timer_drop(sched, timer);
    }
    weft_otp__leave(sched);
    return left;
}
