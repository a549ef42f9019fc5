/* Whether and how a supervisor restarts its children. */
#include "core/otp/sup_internal.h"

static bool wants_restart(const struct child *child, const struct weft_reason *why) {
    switch ((enum weft_restart)child->restart) {
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

/* Note a restart now; false when it is one too many in the period. */
static bool may_restart(weft_self *self, struct sup *sup) {
    weft_time now = weft_now(self);
    while (sup->restarts_count > 0 && now - *ring_at(sup, 0) > sup->period) {
        sup->restarts_head = (sup->restarts_head + 1) % sup->restarts_room;
        sup->restarts_count--;
    }
    if (sup->restarts_count >= sup->intensity) return false;
    if (sup->restarts_count == sup->restarts_room && ring_grow(self, sup) != WEFT_OK) return false;
    sup->restarts_count++;
    *ring_at(sup, sup->restarts_count - 1) = now;
    return true;
}

static void give_up(weft_self *self, struct sup *sup) {
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_GIVE_UP, weft_bytes(NULL, 0), self->pid.raw,
               sup->restarts_count + 1);
    struct weft_reason why =
        weft_reason_text(WEFT_REASON_SHUTDOWN, 0, "more than %u restarts in %lld ms",
                         sup->intensity, (long long)(sup->period / WEFT_MS(1)));
    weft_log(weft_self_env(self), WEFT_LOG_ERROR, "supervisor %llx gives up: %s",
             (unsigned long long)self->pid.raw, why.text);
    weft_otp__sup_begin_end(self, &why);
}

/* Another try as a message, so that others are served in between. */
static void retry_later(weft_self *self, struct sup *sup, struct child *child) {
    struct post post = {.kind = WEFT_MSG_CAST, .from = self->pid, .tag = SUP_RETRY, .force = true};
    child->restarting = true;
    weft_list_push_back(&sup->retries, &child->due);
    if (weft_otp__post(self, &post) != WEFT_OK) give_up(self, sup);
}

static void restart(weft_self *self, struct child *child) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op == OP_NONE);
    if (!may_restart(self, sup)) {
        give_up(self, sup);
    } else if (sup->strategy != WEFT_ONE_FOR_ONE) {
        weft_otp__sup_begin_group(self, child);
    } else if (weft_otp__child_start(self, child, true, NULL) != WEFT_OK) {
        retry_later(self, sup, child);
    }
}

void weft_otp__sup_death(weft_self *self, struct child *child, const struct weft_reason *why) {
    bool again = wants_restart(child, why);
    weft_otp__child_down(self, child, why, again);
    if (again) {
        restart(self, child);
    } else if (child->restart == WEFT_TEMPORARY) {
        weft_otp__child_remove(self, child);
    }
}

void weft_otp__sup_start_group(weft_self *self) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op == OP_NONE);
    struct weft_link *at =
        sup->strategy == WEFT_ONE_FOR_ALL ? sup->children.next : &sup->origin->order;
    for (; at != &sup->children; at = at->next) {
        struct child *child = WEFT_CONTAINER(at, struct child, order);
        if (!weft_pid_is_none(child->pid)) continue;
        if (weft_otp__child_start(self, child, true, NULL) == WEFT_OK) continue;
        retry_later(self, sup, child);
        return;
    }
}

void weft_otp__sup_retry(weft_self *self) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op == OP_NONE);
    struct weft_link *first = weft_list_pop_front(&sup->retries);
    if (first != NULL) restart(self, WEFT_CONTAINER(first, struct child, due));
}
