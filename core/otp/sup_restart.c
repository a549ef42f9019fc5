/* Whether and how a supervisor restarts its children. */
#include "core/otp/sup_internal.h"

static bool wants_restart(const struct child *child, const struct weft_reason *why) {
    switch (child->spec->the.restart) {
    case WEFT_PERMANENT:
        return true;
    case WEFT_TRANSIENT:
        return !weft_reason_is_clean(why);
    case WEFT_TEMPORARY:
        return false;
    }
    WEFT_UNREACHABLE("three kinds of restart");
}

static weft_time *ring_at(const struct sup *sup, uint32_t i) {
    WEFT_ASSERT(sup->restarts_room > 0);
    return &sup->restarts[(sup->restarts_head + i) % sup->restarts_room];
}

static int ring_grow(weft_self *self, struct sup *sup) {
    uint32_t room = sup->restarts_room == 0 ? 4 : sup->restarts_room * 2;
    if (room > sup->intensity) room = sup->intensity;
    WEFT_ASSERT(room > sup->restarts_count);
    weft_time *ring = weft_alloc(self, room * sizeof *ring);
    if (ring == NULL) return WEFT_ERR_NOMEM;
    for (uint32_t i = 0; i < sup->restarts_count; i++) ring[i] = *ring_at(sup, i);
    weft_free(self, sup->restarts);
    sup->restarts = ring;
    sup->restarts_room = room;
    sup->restarts_head = 0;
    return WEFT_OK;
}

static void tell_restart(weft_self *self, const struct child *child, bool counted) {
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_RESTART, weft_bytes(NULL, 0), self->pid.raw,
               child->index, counted ? 1 : 0);
}

/* Note a restart now; false when it is one too many in the period. Each is dropped once: O(1) a
 * restart. */
static bool may_restart(weft_self *self, const struct child *child) {
    struct sup *sup = weft_state(self);
    weft_time now = weft_now(self);
    while (sup->restarts_count > 0 && now - *ring_at(sup, 0) > sup->period) {
        sup->restarts_head = (sup->restarts_head + 1) % sup->restarts_room;
        sup->restarts_count--;
    }
    if (sup->restarts_count >= sup->intensity) return false;
    if (sup->restarts_count == sup->restarts_room && ring_grow(self, sup) != WEFT_OK) return false;
    sup->restarts_count++;
    *ring_at(sup, sup->restarts_count - 1) = now;
    tell_restart(self, child, true);
    return true;
}

static void give_up(weft_self *self, struct child *child, const struct weft_reason *last) {
    struct sup *sup = weft_state(self);
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_GIVE_UP, weft_bytes(NULL, 0), self->pid.raw,
               sup->restarts_count + 1);
    struct weft_reason why = weft_otp__sup_give_up_reason(sup, child, last);
    weft_log(weft_self_env(self), WEFT_LOG_ERROR, "supervisor %llx gives up: %s",
             (unsigned long long)self->pid.raw, why.text);
    weft_otp__sup_begin_end(self, &why, WEFT_SUP_GAVE_UP);
}

/* Another try as a message, so that others are served in between. */
static void try_later(weft_self *self, struct child *child, const struct weft_reason *why) {
    struct post post = {.kind = WEFT_MSG_CAST, .from = self->pid, .tag = SUP_RETRY, .force = true};
    struct sup *sup = weft_state(self);
    weft_otp__child_set_state(self, child, CHILD_TRYING);
    weft_otp__sup_why_set(self, &sup->last_why, why);
    sup->last_of = child->index;
    if (weft_otp__post(self, &post) != WEFT_OK) give_up(self, child, why);
}

/* A start of it failed. With a backoff the next try is counted now and made after the wait;
 * without, it is counted when it is made. */
static void start_failed(weft_self *self, struct child *child) {
    struct sup *sup = weft_state(self);
    struct weft_reason why = *weft_last_reason(self);
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_CHILD_FAILED, weft_bytes(NULL, 0), self->pid.raw,
               child->index);
    if (sup->backoff_first == 0) {
        try_later(self, child, &why);
    } else if (!may_restart(self, child)) {
        give_up(self, child, &why);
    } else if (!weft_otp__backoff_begin(self, child)) {
        try_later(self, child, &why);
    }
}

static void start_again(weft_self *self, struct child *child) {
    if (weft_otp__child_restart(self, child) != WEFT_OK) start_failed(self, child);
}

static bool is_group(const struct sup *sup) {
    return sup->strategy == WEFT_ONE_FOR_ALL || sup->strategy == WEFT_REST_FOR_ONE;
}

/* It is counted, and what had to be waited for is over. */
static void restart_now(weft_self *self, struct child *child) {
    if (is_group(weft_state(self))) {
        weft_otp__sup_begin_group(self, child, false);
    } else {
        start_again(self, child);
    }
}

static void restart(weft_self *self, struct child *child, const struct weft_reason *why) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op == OP_NONE);
    if (!may_restart(self, child)) {
        give_up(self, child, why);
    } else if (is_group(sup)) {
        weft_otp__sup_begin_group(self, child, true);
    } else if (!weft_otp__backoff_begin(self, child)) {
        start_again(self, child);
    }
}

/* https://www.erlang.org/doc/man/supervisor.html#auto_shutdown: only for one that ended by
 * itself, not for one that the supervisor stopped. */
static void auto_shutdown(weft_self *self, const char *id) {
    const struct sup *sup = weft_state(self);
    if (sup->auto_shutdown == WEFT_AUTO_NEVER) return;
    if (sup->auto_shutdown == WEFT_AUTO_ALL_SIGNIFICANT && sup->significant > 0) return;
    struct weft_reason why = weft_reason_text(WEFT_REASON_SHUTDOWN, 0,
                                              "auto_shutdown: significant child '%s' ended", id);
    weft_otp__sup_begin_end(self, &why, WEFT_SUP_AUTO);
}

void weft_otp__sup_death(weft_self *self, struct child *child, const struct weft_reason *why) {
    bool again = wants_restart(child, why), significant = child->spec->the.significant;
    weft_otp__child_down(self, child, why, again);
    if (again) {
        restart(self, child, why);
        return;
    }
    char id[WEFT_CHILD_ID_SIZE] = "";
    strncpy(id, weft_otp__spec_label(child->spec), sizeof id - 1);
    weft_otp__child_leave(self, child);
    if (significant) auto_shutdown(self, id);
}

void weft_otp__sup_start_more(weft_self *self) {
    struct sup *sup = weft_state(self);
    uint32_t count = 0;
    WEFT_ASSERT(sup->op == OP_GROUP);
    WEFT_ASSERT(sup->starting);
    while (sup->cursor != CHILD_NONE) {
        if (++count > WEFT_SUP_STEP_MAX && weft_otp__sup_pause(self)) return;
        struct child *child = weft_otp__child_at(sup, sup->cursor);
        sup->cursor = child->order.next;
        if (weft_otp__child_is_up(child)) continue;
        if (weft_otp__child_restart(self, child) == WEFT_OK) continue;
        sup->op = OP_NONE;
        start_failed(self, child);
        return;
    }
    sup->op = OP_NONE;
}

void weft_otp__sup_begin_starts(weft_self *self) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op == OP_GROUP);
    WEFT_ASSERT(!weft_otp__child_is_up(sup->origin));
    if (sup->waits && weft_otp__backoff_begin(self, sup->origin)) {
        sup->op = OP_NONE;
        return;
    }
    bool all = sup->strategy == WEFT_ONE_FOR_ALL;
    sup->starting = true;
    sup->cursor = all ? sup->children.first : sup->origin->index;
    weft_otp__sup_start_more(self);
}

void weft_otp__sup_retry(weft_self *self) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op == OP_NONE);
    struct child *child = weft_otp__child_at(sup, sup->retries.first);
    if (child == NULL) return;
    WEFT_ASSERT(child->state == CHILD_TRYING);
    struct weft_reason why = weft_reason(WEFT_REASON_START, 0);
    if (sup->last_of == child->index) why = weft_otp__sup_why(&sup->last_why);
    weft_otp__child_set_state(self, child, CHILD_DOWN);
    if (may_restart(self, child)) {
        restart_now(self, child);
    } else {
        give_up(self, child, &why);
    }
}

void weft_otp__sup_waited(weft_self *self, struct child *child) {
    WEFT_ASSERT(weft_otp__child_is_restarting(child));
    tell_restart(self, child, false);
    weft_otp__child_set_state(self, child, CHILD_DOWN);
    restart_now(self, child);
}
