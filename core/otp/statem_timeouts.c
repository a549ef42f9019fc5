/* The timeouts of a state machine: orders while a handler runs, timers after it. */
#include "core/otp/statem_internal.h"

static bool same(const struct timeout *a, enum weft_statem_type type, uint32_t tag) {
    return a->type == (uint8_t)type && (type != WEFT_STATEM_NAMED_TIMEOUT || a->tag == tag);
}

static struct timeout *find(struct weft_link *list, enum weft_statem_type type, uint32_t tag) {
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct timeout *timeout = WEFT_CONTAINER(at, struct timeout, link);
        if (same(timeout, type, tag)) return timeout;
    }
    return NULL;
}

static struct timeout *find_set(struct machine *machine, enum weft_statem_type type, uint32_t tag) {
    struct timeout *running = find(&machine->running, type, tag);
    return running != NULL ? running : find(&machine->due, type, tag);
}

static void end(weft_self *self, struct machine *machine, struct timeout *timeout) {
    WEFT_ASSERT(machine->timeouts_count > 0);
    if (timeout->ref != 0) (void)weft_timer_cancel(self, timeout->ref);
    weft_list_remove(&timeout->link);
    machine->timeouts_count--;
    weft_free(self, timeout);
}

void weft_otp__statem_timeout_end(weft_self *self, struct machine *machine,
                                  enum weft_statem_type type) {
    WEFT_ASSERT(type != WEFT_STATEM_NAMED_TIMEOUT);
    if (machine->timeouts_count == 0) return;
    struct timeout *timeout = find_set(machine, type, 0);
    if (timeout != NULL) end(self, machine, timeout);
}

struct timeout *weft_otp__statem_timeout_take(struct machine *machine, weft_ref ref) {
    WEFT_ASSERT(ref != 0);
    for (struct weft_link *at = machine->running.next; at != &machine->running; at = at->next) {
        struct timeout *timeout = WEFT_CONTAINER(at, struct timeout, link);
        if (timeout->ref != ref) continue;
        weft_list_remove(at);
        machine->timeouts_count--;
        return timeout;
    }
    return NULL;
}

/* --- orders carried out --- */

static void set(weft_self *self, struct machine *machine, struct timeout *timeout) {
    struct timeout *old = find_set(machine, timeout->type, timeout->tag);
    if (old != NULL) end(self, machine, old);
    if (timeout->after == WEFT_TIME_NEVER) {
        weft_free(self, timeout);
        return;
    }
    int rv = machine->timeouts_count >= WEFT_STATEM_TIMEOUTS_MAX ? WEFT_ERR_FULL : WEFT_OK;
    if (rv == WEFT_OK && timeout->after > 0)
        rv = weft_timer_start(self, timeout->after, 0, weft_bytes(NULL, 0), &timeout->ref);
    if (rv != WEFT_OK) {
        weft_free(self, timeout);
        weft_otp__statem_limit(self, rv, "timeouts set");
        return;
    }
    machine->timeouts_count++;
    weft_list_push_back(timeout->ref != 0 ? &machine->running : &machine->due, &timeout->link);
}

/* The new record takes the old one's place and timer. */
static void update(weft_self *self, struct machine *machine, struct timeout *timeout) {
    struct timeout *old = find_set(machine, timeout->type, timeout->tag);
    if (old == NULL) {
        set(self, machine, timeout);
        return;
    }
    timeout->ref = old->ref;
    weft_list_insert_before(&old->link, &timeout->link);
    weft_list_remove(&old->link);
    weft_free(self, old);
}

static void cancel(weft_self *self, struct machine *machine, struct timeout *timeout) {
    struct timeout *old = find_set(machine, timeout->type, timeout->tag);
    if (old != NULL) end(self, machine, old);
    weft_free(self, timeout);
}

void weft_otp__statem_orders(weft_self *self, struct machine *machine) {
    struct weft_link *at;
    while ((at = weft_list_pop_front(&machine->orders)) != NULL) {
        struct timeout *timeout = WEFT_CONTAINER(at, struct timeout, link);
        switch ((enum order)timeout->order) {
        case ORDER_SET:
            set(self, machine, timeout);
            break;
        case ORDER_UPDATE:
            update(self, machine, timeout);
            break;
        case ORDER_CANCEL:
            cancel(self, machine, timeout);
            break;
        }
    }
}

void weft_otp__statem_orders_drop(weft_self *self, struct machine *machine) {
    struct weft_link *at;
    while ((at = weft_list_pop_front(&machine->orders)) != NULL)
        weft_free(self, WEFT_CONTAINER(at, struct timeout, link));
}

/* --- orders given --- */

/* Rule 5: the last order to a timeout is the only one. */
static void give(weft_self *self, const struct timeout *what, struct weft_bytes data) {
    struct machine *machine = weft_otp__machine(self);
    WEFT_ASSERT(machine->handling);
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    struct timeout *order = weft_alloc(self, sizeof *order + data.size);
    if (order == NULL) {
        weft_otp__statem_limit(self, WEFT_ERR_NOMEM, "memory for a timeout");
        return;
    }
    *order = *what;
    order->data_size = (uint32_t)data.size;
    if (data.size > 0) memcpy(order->data, data.data, data.size);
    struct timeout *earlier = find(&machine->orders, what->type, what->tag);
    if (earlier != NULL) {
        weft_list_remove(&earlier->link);
        weft_free(self, earlier);
    }
    weft_list_init(&order->link);
    weft_list_push_back(&machine->orders, &order->link);
}

#define TO(t, o, n)                                                                                \
    { .type = (uint8_t)(t), .order = (uint8_t)(o), .tag = (n) }

void weft_statem_state_timeout(weft_self *self, weft_duration after, uint32_t tag,
                               struct weft_bytes data) {
    struct timeout what = TO(WEFT_STATEM_STATE_TIMEOUT, ORDER_SET, tag);
    what.after = after;
    give(self, &what, data);
}

void weft_statem_state_timeout_update(weft_self *self, uint32_t tag, struct weft_bytes data) {
    struct timeout what = TO(WEFT_STATEM_STATE_TIMEOUT, ORDER_UPDATE, tag);
    give(self, &what, data);
}

void weft_statem_state_timeout_cancel(weft_self *self) {
    struct timeout what = TO(WEFT_STATEM_STATE_TIMEOUT, ORDER_CANCEL, 0);
    give(self, &what, weft_bytes(NULL, 0));
}

void weft_statem_event_timeout(weft_self *self, weft_duration after, uint32_t tag,
                               struct weft_bytes data) {
    struct timeout what = TO(WEFT_STATEM_TIMEOUT, ORDER_SET, tag);
    what.after = after;
    give(self, &what, data);
}

void weft_statem_timeout(weft_self *self, uint32_t name, weft_duration after,
                         struct weft_bytes data) {
    struct timeout what = TO(WEFT_STATEM_NAMED_TIMEOUT, ORDER_SET, name);
    what.after = after;
    give(self, &what, data);
}

void weft_statem_timeout_update(weft_self *self, uint32_t name, struct weft_bytes data) {
    struct timeout what = TO(WEFT_STATEM_NAMED_TIMEOUT, ORDER_UPDATE, name);
    give(self, &what, data);
}

void weft_statem_timeout_cancel(weft_self *self, uint32_t name) {
    struct timeout what = TO(WEFT_STATEM_NAMED_TIMEOUT, ORDER_CANCEL, name);
    give(self, &what, weft_bytes(NULL, 0));
}
