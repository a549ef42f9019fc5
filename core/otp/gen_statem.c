/* gen_statem: one event at a time, and what follows from it. */
#include "core/otp/gen_statem.h"

#include "core/otp/gen_server.h"
#include "core/otp/statem_internal.h"

#include <stdio.h>

_Static_assert(offsetof(struct weft_statem, behaviour) == 0, "a behaviour leads to its machine");

const struct weft_statem *weft_otp__statem_of(const weft_self *self) {
    const struct weft_behaviour *behaviour = weft_self_behaviour(self);
    WEFT_ASSERT(behaviour->handle == weft_statem_handle);
    return (const struct weft_statem *)(const void *)behaviour;
}

/* The state of the process is the pointer. Read here, since weft_state is for the process itself,
 * and those who look from outside have it as const. */
struct machine *weft_otp__machine(const weft_self *self) {
    WEFT_ASSERT(weft_statem_is(self));
    struct machine *machine;
    memcpy(&machine, self->state, sizeof machine);
    WEFT_ASSERT(machine != NULL);
    WEFT_ASSERT(machine->layout == STATEM_LAYOUT);
    return machine;
}

const struct weft_statem_callbacks *weft_otp__statem_callbacks(const weft_self *self) {
    const struct weft_statem *statem = weft_otp__statem_of(self);
    const struct machine *machine = weft_otp__machine(self);
    uint32_t module = machine->modules[machine->modules_top];
    /* Newer code may have fewer modules. */
    WEFT_ASSERT(module <= statem->modules_count);
    return module == 0 ? &statem->callbacks : &statem->modules[module - 1];
}

void weft_otp__statem_limit(weft_self *self, int error, const char *what) {
    WEFT_ASSERT(error != WEFT_OK);
    struct weft_reason why = weft_reason_text(WEFT_REASON_LIMIT, error, "gen_statem: %s: %s", what,
                                              weft_error_text(error));
    weft_stop(self, &why);
}

static bool is_ending(const weft_self *self) {
    return (self->flags & (PROC_DOOMED | PROC_STOPPING)) != 0;
}

/* --- one handler --- */

static void call_handler(weft_self *self, struct machine *machine,
                         const struct weft_statem_event *event) {
    const struct weft_statem_callbacks *callbacks = weft_otp__statem_callbacks(self);
    weft_statem_handler *handle = callbacks->handle_event;
    WEFT_ASSERT(machine->state < callbacks->states_count);
    if (handle == NULL) handle = callbacks->states[machine->state].handle;
    WEFT_ASSERT(handle != NULL);
    machine->handling = true;
    machine->repeat = machine->postpone = false;
    machine->next_state = machine->state;
    handle(self, event);
    machine->handling = false;
}

static void enter(weft_self *self, struct machine *machine, uint32_t old_state) {
    const struct weft_statem_callbacks *callbacks = weft_otp__statem_callbacks(self);
    if (!callbacks->state_enter) return;
    struct weft_statem_event event = {.type = WEFT_STATEM_ENTER, .tag = old_state};
    machine->entering = true;
    do {
        call_handler(self, machine, &event);
        event.tag = machine->state;
    } while (machine->repeat && !is_ending(self));
    machine->entering = false;
}

/* Rule 2. */
static void change_state(weft_self *self, struct machine *machine) {
    machine->state = machine->next_state;
    machine->postponed_count = 0;
    weft_otp__statem_splice(&machine->queue, &machine->postponed);
    weft_otp__statem_timeout_end(self, machine, WEFT_STATEM_STATE_TIMEOUT);
}

/* What is left when the handler, and its enter call, have returned. */
static void settle(weft_self *self, struct machine *machine) {
    weft_otp__statem_splice(&machine->queue, &machine->inserted);
    weft_otp__statem_orders(self, machine);
    if (!weft_list_empty(&machine->queue) || !weft_list_empty(&machine->due))
        weft_gen_server_continue(self);
}

static void transit(weft_self *self, struct machine *machine) {
    uint32_t old_state = machine->state;
    bool changes = machine->next_state != old_state;
    bool enters = changes || machine->repeat;
    if (changes) change_state(self, machine);
    if (enters) enter(self, machine, old_state);
    settle(self, machine);
}

/* `held` is the record that `event` is of; NULL: it is borrowed. */
static void keep_postponed(weft_self *self, struct machine *machine,
                           const struct weft_statem_event *event, struct held *held) {
    if (held == NULL) held = weft_otp__statem_hold(self, machine, event);
    if (held == NULL) return;
    weft_list_push_back(&machine->postponed, &held->link);
    machine->postponed_count++;
}

static void handle_event(weft_self *self, struct machine *machine,
                         const struct weft_statem_event *event, struct held *held) {
    weft_otp__statem_timeout_end(self, machine, WEFT_STATEM_TIMEOUT);
    weft_free(self, machine->old_data);
    machine->old_data = NULL;
    call_handler(self, machine, event);
    if (is_ending(self)) return;
    if (machine->postpone) {
        keep_postponed(self, machine, event, held);
    } else if (held != NULL) {
        weft_otp__statem_held_free(self, machine, held);
    }
    if (!is_ending(self)) transit(self, machine);
}

static void handle_timeout(weft_self *self, struct machine *machine, struct timeout *timeout) {
    struct weft_statem_event event = {.type = (enum weft_statem_type)timeout->type,
                                      .tag = timeout->tag,
                                      .data = weft_bytes(timeout->data, timeout->data_size)};
    handle_event(self, machine, &event, NULL);
    weft_free(self, timeout);
}

/* --- the behaviour --- */

static struct machine *machine_new(weft_self *self, uint32_t data_size) {
    struct machine *machine = weft_alloc(self, sizeof *machine);
    if (machine == NULL) return NULL;
    machine->layout = STATEM_LAYOUT;
    machine->data_size = data_size;
    weft_list_init(&machine->queue);
    weft_list_init(&machine->postponed);
    weft_list_init(&machine->running);
    weft_list_init(&machine->due);
    weft_list_init(&machine->inserted);
    weft_list_init(&machine->orders);
    if (data_size > 0 && (machine->data = weft_alloc(self, data_size)) == NULL) return NULL;
    return machine;
}

int weft_statem_init(weft_self *self, struct weft_bytes arg) {
    const struct weft_statem *statem = weft_otp__statem_of(self);
    WEFT_ASSERT(statem->modules_count <= UINT8_MAX);
    struct machine *machine = machine_new(self, statem->data_size);
    if (machine == NULL) return WEFT_ERR_NOMEM;
    memcpy(weft_state(self), &machine, sizeof machine);
    machine->handling = true;
    int rv = statem->init != NULL ? statem->init(self, arg) : WEFT_OK;
    machine->handling = false;
    machine->state = machine->next_state;
    if (rv == WEFT_OK) weft_gen_server_continue(self);
    return rv;
}

void weft_statem_continue(weft_self *self) {
    struct machine *machine = weft_otp__machine(self);
    struct weft_link *at;
    if (!machine->started) {
        machine->started = true;
        enter(self, machine, machine->state);
        if (!is_ending(self)) settle(self, machine);
    } else if ((at = weft_list_pop_front(&machine->queue)) != NULL) {
        struct held *held = WEFT_CONTAINER(at, struct held, link);
        handle_event(self, machine, &held->event, held);
    } else if ((at = weft_list_pop_front(&machine->due)) != NULL) {
        machine->timeouts_count--;
        handle_timeout(self, machine, WEFT_CONTAINER(at, struct timeout, link));
    }
}

static enum weft_statem_type type_of(enum weft_msg_kind kind) {
    if (kind == WEFT_MSG_CALL) return WEFT_STATEM_CALL;
    return kind == WEFT_MSG_CAST ? WEFT_STATEM_CAST : WEFT_STATEM_INFO;
}

void weft_statem_handle(weft_self *self, const struct weft_msg *msg) {
    struct machine *machine = weft_otp__machine(self);
    WEFT_ASSERT(weft_list_empty(&machine->queue)); /* I1 */
    WEFT_ASSERT(weft_list_empty(&machine->due));   /* I1 */
    struct timeout *timeout =
        msg->kind == WEFT_MSG_TIMER ? weft_otp__statem_timeout_take(machine, msg->ref) : NULL;
    if (timeout != NULL) {
        handle_timeout(self, machine, timeout);
        return;
    }
    struct weft_statem_event event = {
        .type = type_of(msg->kind), .tag = msg->tag, .data = msg->data, .msg = msg};
    handle_event(self, machine, &event, NULL);
}

void weft_statem_terminate(weft_self *self, const struct weft_reason *reason) {
    const struct weft_statem_callbacks *callbacks = weft_otp__statem_callbacks(self);
    WEFT_ASSERT(reason != NULL);
    if (callbacks->terminate != NULL) callbacks->terminate(self, reason);
}

size_t weft_statem_format_status(weft_self *self, char *text, size_t size) {
    WEFT_ASSERT(size > 0);
    int length = snprintf(text, size, "state %s, %u postponed", weft_statem_state_name(self),
                          weft_statem_postponed_count(self));
    WEFT_ASSERT(length > 0);
    return (size_t)length < size ? (size_t)length : size - 1;
}

/* --- looking --- */

void *weft_statem_data(weft_self *self) { return weft_otp__machine(self)->data; }

bool weft_statem_is(const weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return weft_self_behaviour(self)->handle == weft_statem_handle;
}

uint32_t weft_statem_state(const weft_self *self) { return weft_otp__machine(self)->state; }

const char *weft_statem_state_name(const weft_self *self) {
    const struct weft_statem_callbacks *callbacks = weft_otp__statem_callbacks(self);
    uint32_t state = weft_statem_state(self);
    if (state >= callbacks->states_count || callbacks->states[state].name == NULL) return "?";
    return callbacks->states[state].name;
}

uint32_t weft_statem_postponed_count(const weft_self *self) {
    return weft_otp__machine(self)->postponed_count;
}

/* --- results and actions --- */

static struct machine *acting(weft_self *self) {
    struct machine *machine = weft_otp__machine(self);
    WEFT_ASSERT(machine->handling);
    return machine;
}

void weft_statem_next_state(weft_self *self, uint32_t state) {
    struct machine *machine = acting(self);
    WEFT_ASSERT(!machine->entering || state == machine->state);
    machine->next_state = state;
    machine->repeat = false;
}

void weft_statem_repeat_state(weft_self *self) {
    struct machine *machine = acting(self);
    WEFT_ASSERT(machine->started);
    machine->next_state = machine->state;
    machine->repeat = true;
}

void weft_statem_postpone(weft_self *self) {
    struct machine *machine = acting(self);
    WEFT_ASSERT(machine->started);
    WEFT_ASSERT(!machine->entering);
    machine->postpone = true;
}

void weft_statem_next_event_as(weft_self *self, const struct weft_statem_event *event) {
    struct machine *machine = acting(self);
    WEFT_ASSERT(!machine->entering);
    struct held *held = weft_otp__statem_hold(self, machine, event);
    if (held != NULL) weft_list_push_back(&machine->inserted, &held->link);
}

void weft_statem_next_event(weft_self *self, uint32_t tag, struct weft_bytes data) {
    struct weft_statem_event event = {.type = WEFT_STATEM_INTERNAL, .tag = tag, .data = data};
    weft_statem_next_event_as(self, &event);
}

/* --- callback modules --- */

void weft_statem_change_module(weft_self *self, uint32_t module) {
    struct machine *machine = acting(self);
    WEFT_ASSERT(module <= weft_otp__statem_of(self)->modules_count);
    machine->modules[machine->modules_top] = (uint8_t)module;
}

void weft_statem_push_module(weft_self *self, uint32_t module) {
    struct machine *machine = acting(self);
    WEFT_ASSERT(machine->modules_top < WEFT_STATEM_MODULES_MAX);
    machine->modules_top++;
    weft_statem_change_module(self, module);
}

void weft_statem_pop_module(weft_self *self) {
    struct machine *machine = acting(self);
    WEFT_ASSERT(machine->modules_top > 0);
    machine->modules_top--;
}

/* --- code change --- */

int weft_statem_change(weft_self *self, const void *old_state, void *new_state,
                       struct weft_statem_change *change) {
    struct machine *machine;
    memcpy(&machine, old_state, sizeof machine);
    WEFT_ASSERT(machine->layout == STATEM_LAYOUT);
    WEFT_ASSERT(!machine->handling);
    void *data = change->data_size > 0 ? weft_alloc(self, change->data_size) : NULL;
    if (data == NULL && change->data_size > 0) return WEFT_ERR_NOMEM;
    change->old = machine->data;
    change->old_size = machine->data_size;
    change->data = data;
    change->state = &machine->state;
    weft_free(self, machine->old_data);
    machine->old_data = machine->data;
    machine->data = data;
    machine->data_size = change->data_size;
    memcpy(new_state, &machine, sizeof machine);
    return WEFT_OK;
}
