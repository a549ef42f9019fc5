/* https://www.erlang.org/doc/man/gen_statem.html; the sequences are those OTP 25 was seen to
 * make of the same scripts. */
#include "core/otp/gen_statem.h"

#include "core/base/assert.h"
#include "core/otp/internal.h"
#include "tests/unit/otp/fake_env.h"

/* The machine writes down each call as "type tag state" and does what is written at (tag, state).
 * States are a, b, c; events are casts unless a test says otherwise. */
enum { A, B, C, STATES };

typedef void action(weft_self *self);

static struct {
    uint32_t tag, state;
    action *act;
} script[32];
static size_t script_count;
static action *on_enter[STATES], *on_start;
static weft_pid machine, client;
static weft_ref ref;
static const struct weft_statem *starting;
static const struct weft_statem_event *current;

struct data {
    uint32_t one;
};

static const char *const types[] = {"?",     "call",  "cast",     "info", "timeout",
                                    "state", "named", "internal", "enter"};

static void at(uint32_t tag, uint32_t state, action *act) {
    script[script_count].tag = tag;
    script[script_count].state = state;
    script[script_count++].act = act;
}

static void on_event(weft_self *self, const struct weft_statem_event *event) {
    uint32_t state = weft_statem_state(self);
    const char *name = weft_statem_state_name(self);
    current = event;
    if (event->type == WEFT_STATEM_ENTER) {
        note("enter %c %s", (char)('a' + (char)event->tag), name);
        if (on_enter[state] != NULL) on_enter[state](self);
        return;
    }
    if (event->data.size > 0)
        note("%s %u %s %.*s", types[event->type], event->tag, name, (int)event->data.size,
             (const char *)event->data.data);
    else
        note("%s %u %s", types[event->type], event->tag, name);
    for (size_t i = 0; i < script_count; i++) {
        if (script[i].tag != event->tag || script[i].state != state) continue;
        script[i].act(self);
        return;
    }
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    CHECK_EQ_UINT(((struct data *)weft_statem_data(self))->one, 0);
    if (arg.size == 1) weft_trap_exit(self, true);
    if (arg.size == 2) return WEFT_ERR_RATE;
    if (on_start != NULL) on_start(self);
    return WEFT_OK;
}

static void on_terminate(weft_self *self, const struct weft_reason *why) {
    note("terminate %s %s", why_text(why), weft_statem_state_name(self));
}

static void on_second(weft_self *self, const struct weft_statem_event *event) {
    (void)self;
    note("second %s %u", types[event->type], event->tag);
    if (event->tag == 9) weft_statem_pop_module(self);
    if (event->tag == 10) weft_statem_change_module(self, 2);
}

static void on_third(weft_self *self, const struct weft_statem_event *event) {
    (void)self;
    note("third %s %u", types[event->type], event->tag);
    if (event->tag == 9) weft_statem_pop_module(self);
}

static void on_second_end(weft_self *self, const struct weft_reason *why) {
    (void)self;
    note("second terminate %s", why_text(why));
}

static const struct weft_statem_state names[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
static const struct weft_statem_state second[] = {
    {"a2", on_second}, {"b2", on_second}, {"c2", on_second}};
static const struct weft_statem_state third[] = {
    {"a3", on_third}, {"b3", on_third}, {"c3", on_third}};
static const struct weft_statem_callbacks modules[] = {
    {.states = second, .states_count = STATES, .state_enter = true, .terminate = on_second_end},
    {.states = third, .states_count = STATES}};

static WEFT_STATEM(machine_v1, "machine", 1, .init = on_init, .data_size = sizeof(struct data),
                   .callbacks = {.states = names,
                                 .states_count = STATES,
                                 .handle_event = on_event,
                                 .state_enter = true,
                                 .terminate = on_terminate},
                   .modules = modules, .modules_count = 2);

static size_t variant;
static void spawn_machine(weft_self *self) {
    struct weft_spawn spawn = {
        .behaviour = &starting->behaviour, .arg = weft_bytes("xxx", variant), .link = true};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &machine), WEFT_OK);
    name_pid(machine, "machine");
}

static void prepare(void) {
    world_open();
    script_count = 0;
    memset(on_enter, 0, sizeof on_enter);
    on_start = NULL;
    variant = 0;
    starting = &machine_v1;
    client = probe("client", PROBE_TRAP);
}

static void cast_data(uint32_t tag, const char *data) {
    CHECK_EQ_INT(weft_sched_send(world.sched, machine, tag, weft_bytes_text(data)), WEFT_OK);
}
static void cast(uint32_t tag) { cast_data(tag, ""); }

/* Start, and let these come in a row: no event after the first is there before the others. */
static void play(const char *tags) {
    in(client, spawn_machine);
    for (; *tags != '\0'; tags++) cast((uint32_t)(*tags - '0'));
    settle();
}

static void done(void) { world_close(); }

/* --- what is done --- */

static struct weft_bytes no_bytes(void) { return weft_bytes(NULL, 0); }

static void postpone(weft_self *self) { weft_statem_postpone(self); }
static void to_a(weft_self *self) { weft_statem_next_state(self, A); }
static void to_b(weft_self *self) { weft_statem_next_state(self, B); }
static void to_c(weft_self *self) { weft_statem_next_state(self, C); }
static void repeat(weft_self *self) { weft_statem_repeat_state(self); }
static void postpone_to_b(weft_self *self) {
    weft_statem_postpone(self);
    weft_statem_next_state(self, B);
}
static void insert(weft_self *self) { weft_statem_next_event(self, 21, no_bytes()); }
static void insert_two(weft_self *self) {
    weft_statem_next_event(self, 21, no_bytes());
    weft_statem_next_event(self, 22, no_bytes());
}
static void insert_two_to_b(weft_self *self) {
    insert_two(self);
    to_b(self);
}
static void insert_third(weft_self *self) { weft_statem_next_event(self, 23, no_bytes()); }
static void state_now(weft_self *self) { weft_statem_state_timeout(self, 0, 31, no_bytes()); }
static void state_10(weft_self *self) {
    weft_statem_state_timeout(self, WEFT_MS(10), 31, no_bytes());
}
static void named_now(weft_self *self) { weft_statem_timeout(self, 41, 0, no_bytes()); }
static void event_now(weft_self *self) { weft_statem_event_timeout(self, 0, 51, no_bytes()); }
static void event_10(weft_self *self) {
    weft_statem_event_timeout(self, WEFT_MS(10), 51, no_bytes());
}
static void state_update(weft_self *self) {
    weft_statem_state_timeout_update(self, 32, no_bytes());
}
static void state_cancel(weft_self *self) { weft_statem_state_timeout_cancel(self); }

/* --- postponed events --- */

static void postponed_events_are_retried_in_order_before_new_ones(void) {
    prepare();
    at(1, A, postpone), at(2, A, postpone), at(3, A, to_b);
    play("1234");
    CHECK_LOG("enter a a, cast 1 a, cast 2 a, cast 3 a, enter a b, cast 1 b, cast 2 b, cast 4 b");
    done();
}

static void inserted_events_come_before_postponed_ones(void) {
    prepare();
    at(1, A, postpone), at(3, A, insert_two_to_b);
    play("134");
    CHECK_LOG("enter a a, cast 1 a, cast 3 a, enter a b, internal 21 b, internal 22 b, cast 1 b, "
              "cast 4 b");
    done();
}

static void neither_the_same_state_nor_repeating_it_retries(void) {
    prepare();
    at(1, A, postpone), at(2, A, to_a), at(4, A, repeat);
    play("12345");
    CHECK_LOG("enter a a, cast 1 a, cast 2 a, cast 3 a, cast 4 a, enter a a, cast 5 a");
    done();
}

static void an_event_postponed_again_keeps_its_place(void) {
    prepare();
    at(1, A, postpone), at(1, B, postpone), at(2, A, postpone), at(2, B, to_c);
    at(3, A, postpone), at(4, A, to_b);
    play("1234");
    CHECK_LOG("enter a a, cast 1 a, cast 2 a, cast 3 a, cast 4 a, enter a b, cast 1 b, cast 2 b, "
              "enter b c, cast 1 c, cast 3 c");
    done();
}

static void an_event_may_be_postponed_and_change_the_state(void) {
    prepare();
    at(1, A, postpone_to_b);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, enter a b, cast 1 b, cast 2 b");
    done();
}

static void a_retried_event_that_changes_the_state_starts_the_retry_anew(void) {
    prepare();
    at(1, A, postpone), at(1, B, to_c), at(2, A, postpone), at(2, B, postpone), at(3, A, to_b);
    play("123");
    CHECK_LOG("enter a a, cast 1 a, cast 2 a, cast 3 a, enter a b, cast 1 b, enter b c, cast 2 c");
    done();
}

static void an_internal_event_can_be_postponed(void) {
    prepare();
    at(1, A, insert), at(21, A, postpone), at(2, A, to_b);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, internal 21 a, cast 2 a, enter a b, internal 21 b");
    done();
}

static void a_timeout_can_be_postponed(void) {
    prepare();
    at(1, A, state_now), at(31, A, postpone), at(2, A, to_b);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, state 31 a, cast 2 a, enter a b, state 31 b");
    done();
}

static void a_postponed_event_keeps_its_data(void) {
    prepare();
    at(1, A, postpone), at(3, A, to_b);
    in(client, spawn_machine);
    cast_data(1, "some bytes");
    settle();
    cast(3);
    settle();
    CHECK_LOG("enter a a, cast 1 a some bytes, cast 3 a, enter a b, cast 1 b some bytes");
    done();
}

static void tell_reason(weft_self *self) {
    (void)self;
    note("%s %s", name_of(current->msg->from), why_text(current->msg->reason));
}
static void tell_net(weft_self *self) {
    (void)self;
    const struct weft_event *event = current->msg->event;
    note("%d of %llu %.*s", (int)event->kind, (unsigned long long)event->socket, (int)event->size,
         (const char *)event->data);
}
static void boom_to_machine(weft_self *self) {
    struct weft_reason why = weft_reason_text(WEFT_REASON_ERROR, 5, "a text");
    weft_exit(self, machine, &why);
}

static void a_postponed_exit_keeps_its_reason(void) {
    prepare();
    variant = 1;
    at(0, A, postpone), at(0, B, tell_reason), at(3, A, to_b);
    in(client, spawn_machine);
    weft_pid other = probe("other", 0);
    in(other, boom_to_machine);
    cast(3);
    settle();
    CHECK_LOG("enter a a, info 0 a, cast 3 a, enter a b, info 0 b, other error/5");
    done();
}

static weft_socket opened;
static void open_socket(weft_self *self) {
    struct weft_addr local = {.family = WEFT_FAMILY_V4};
    CHECK_EQ_INT(weft_datagram_open(self, &local, &opened), WEFT_OK);
}

static void a_postponed_datagram_keeps_its_bytes(void) {
    prepare();
    at(1, A, open_socket), at(0, A, postpone), at(0, B, tell_net), at(3, A, to_b);
    play("1");
    char bytes[] = "packet";
    struct weft_event event = {.kind = WEFT_EVENT_DATAGRAM,
                               .owner = world.sockets[opened].owner,
                               .socket = opened,
                               .data = bytes,
                               .size = 6};
    weft_sched_deliver(world.sched, &event);
    settle();
    memset(bytes, 'x', sizeof bytes);
    cast(3);
    settle();
    CHECK_LOG("enter a a, cast 1 a, info 0 a, cast 3 a, enter a b, info 0 b, 1 of 1 packet");
    done();
}

static void reply_ok(weft_self *self) {
    weft_statem_reply(self, current, WEFT_OK, weft_bytes_text("done"));
}
static void ask(weft_self *self) {
    CHECK_EQ_INT(weft_call(self, machine, 1, no_bytes(), WEFT_TIME_NEVER, &ref), WEFT_OK);
}

static void a_postponed_call_is_answered_when_it_comes_again(void) {
    prepare();
    at(1, A, postpone), at(1, B, reply_ok), at(3, A, to_b);
    in(client, spawn_machine);
    in(client, ask);
    CHECK_LOG("enter a a, call 1 a");
    cast(3);
    settle();
    CHECK_LOG("cast 3 a, enter a b, call 1 b, client reply machine OK done");
    done();
}

static void a_postponed_call_of_a_machine_that_ends_is_answered_no_proc(void) {
    prepare();
    at(1, A, postpone), at(3, A, stop_boom);
    in(client, spawn_machine);
    in(client, ask);
    cast(3);
    settle();
    CHECK_LOG("enter a a, call 1 a, cast 3 a, terminate error/7 a, client exit machine error/7, "
              "client reply machine NO_PROC");
    done();
}

/* --- inserted events --- */

static void inserted_events_come_before_those_inserted_earlier(void) {
    prepare();
    at(1, A, insert_two), at(21, A, insert_third);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, internal 21 a, internal 23 a, internal 22 a, cast 2 a");
    done();
}

static void insert_to_b_postponing(weft_self *self) {
    insert(self);
    postpone_to_b(self);
}

static void an_inserted_event_comes_before_the_event_that_is_postponed_with_it(void) {
    prepare();
    at(1, A, insert_to_b_postponing);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, enter a b, internal 21 b, cast 1 b, cast 2 b");
    done();
}

static void insert_cast(weft_self *self) {
    struct weft_statem_event cast_event = {.type = WEFT_STATEM_CAST, .tag = 24};
    struct weft_statem_event info_event = {
        .type = WEFT_STATEM_INFO, .tag = 25, .data = weft_bytes_text("bytes")};
    weft_statem_next_event_as(self, &cast_event);
    weft_statem_next_event_as(self, &info_event);
}

static void events_of_any_type_can_be_inserted(void) {
    prepare();
    at(1, A, insert_cast);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, cast 24 a, info 25 a bytes, cast 2 a");
    done();
}

static void repeat_insert(weft_self *self) {
    repeat(self);
    insert(self);
}

static void inserted_events_come_after_the_enter_call(void) {
    prepare();
    at(1, A, repeat_insert);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, enter a a, internal 21 a, cast 2 a");
    done();
}

static void many_now(weft_self *self) {
    state_now(self);
    insert(self);
    named_now(self);
    event_now(self);
}

/* --- timeouts --- */

static void timeouts_of_no_delay_come_after_inserted_events_and_before_messages(void) {
    prepare();
    at(1, A, many_now);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, internal 21 a, state 31 a, named 41 a, cast 2 a");
    done();
}

static void event_and_state_now(weft_self *self) {
    event_now(self);
    state_now(self);
}

static void an_event_timeout_of_no_delay_fires_when_nothing_comes_before_it(void) {
    prepare();
    at(1, A, event_and_state_now);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, timeout 51 a, state 31 a, cast 2 a");
    done();
}

static void event_now_to_b(weft_self *self) {
    event_now(self);
    to_b(self);
}

static void a_retried_event_cancels_the_event_timeout(void) {
    prepare();
    at(1, A, postpone), at(3, A, event_now_to_b);
    play("134");
    CHECK_LOG("enter a a, cast 1 a, cast 3 a, enter a b, cast 1 b, cast 4 b");
    done();
}

static void any_event_cancels_the_event_timeout(void) {
    prepare();
    at(1, A, event_10);
    play("1");
    pass(WEFT_MS(9));
    cast(2);
    pass(WEFT_MS(100));
    CHECK_LOG("enter a a, cast 1 a, cast 2 a");
    CHECK_EQ_UINT(stats().timers, 0);
    cast(1);
    pass(WEFT_MS(10));
    CHECK_LOG("cast 1 a, timeout 51 a");
    done();
}

static void event_10_insert(weft_self *self) {
    event_10(self);
    insert(self);
}

static void an_inserted_event_cancels_the_event_timeout(void) {
    prepare();
    at(1, A, event_10_insert);
    play("1");
    pass(WEFT_MS(100));
    CHECK_LOG("enter a a, cast 1 a, internal 21 a");
    done();
}

static void a_message_that_lies_before_the_event_timeout_cancels_it(void) {
    prepare();
    at(1, A, event_10);
    play("1");
    world.now += WEFT_MS(10);
    cast(2);
    settle();
    CHECK_LOG("enter a a, cast 1 a, cast 2 a");
    done();
}

static void state_and_named_10(weft_self *self) {
    state_10(self);
    weft_statem_timeout(self, 41, WEFT_MS(10), weft_bytes_text("data"));
}

static void a_state_change_cancels_the_state_timeout_and_no_other(void) {
    prepare();
    at(1, A, state_and_named_10), at(2, A, to_b);
    play("12");
    CHECK_EQ_UINT(stats().timers, 1);
    pass(WEFT_MS(10));
    CHECK_LOG("enter a a, cast 1 a, cast 2 a, enter a b, named 41 b data");
    done();
}

static void state_10_to_b(weft_self *self) {
    state_10(self);
    to_b(self);
}

static void a_state_timeout_set_with_the_state_change_is_of_the_new_state(void) {
    prepare();
    at(1, A, state_10_to_b);
    play("12");
    pass(WEFT_MS(10));
    CHECK_LOG("enter a a, cast 1 a, enter a b, cast 2 b, state 31 b");
    done();
}

static void repeating_a_state_keeps_the_state_timeout(void) {
    prepare();
    at(1, A, state_10), at(2, A, repeat);
    play("12");
    pass(WEFT_MS(10));
    CHECK_LOG("enter a a, cast 1 a, cast 2 a, enter a a, state 31 a");
    done();
}

static void now_and_insert(weft_self *self) {
    state_now(self);
    named_now(self);
    insert(self);
}

static void a_state_change_cancels_a_state_timeout_that_is_due(void) {
    prepare();
    at(1, A, now_and_insert), at(21, A, to_b);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, internal 21 a, enter a b, named 41 b, cast 2 b");
    done();
}

static void an_event_inserted_by_a_timeout_comes_before_the_next_timeout(void) {
    prepare();
    at(1, A, now_and_insert), at(31, A, insert_third);
    play("12");
    CHECK_LOG(
        "enter a a, cast 1 a, internal 21 a, state 31 a, internal 23 a, named 41 a, cast 2 a");
    done();
}

static void a_timeout_updated_that_is_not_set_is_due_at_once(void) {
    prepare();
    at(1, A, state_update);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, state 32 a, cast 2 a");
    done();
}

static void an_update_changes_the_event_and_not_the_time(void) {
    prepare();
    at(1, A, state_10), at(2, A, state_update);
    play("1");
    pass(WEFT_MS(6));
    cast(2);
    pass(WEFT_MS(3));
    CHECK_LOG("enter a a, cast 1 a, cast 2 a");
    pass(WEFT_MS(1));
    CHECK_LOG("state 32 a");
    done();
}

static void an_update_of_a_due_timeout_keeps_its_turn(void) {
    prepare();
    at(1, A, now_and_insert), at(21, A, state_update);
    play("1");
    CHECK_LOG("enter a a, cast 1 a, internal 21 a, state 32 a, named 41 a");
    done();
}

static void a_due_timeout_set_again_goes_to_the_end(void) {
    prepare();
    at(1, A, now_and_insert), at(21, A, state_now);
    play("1");
    CHECK_LOG("enter a a, cast 1 a, internal 21 a, named 41 a, state 31 a");
    done();
}

static void set_then_update(weft_self *self) {
    state_10(self);
    state_update(self);
}

static void of_several_orders_to_one_timeout_the_last_counts(void) {
    prepare();
    at(1, A, set_then_update);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, state 32 a, cast 2 a");
    CHECK_EQ_UINT(stats().timers, 0);
    done();
}

static void a_cancelled_timeout_does_not_come(void) {
    prepare();
    at(1, A, state_10), at(2, A, state_cancel);
    play("12");
    CHECK_EQ_UINT(stats().timers, 0);
    pass(WEFT_MS(20));
    CHECK_LOG("enter a a, cast 1 a, cast 2 a");
    done();
}

static void state_never(weft_self *self) {
    weft_statem_state_timeout(self, WEFT_TIME_NEVER, 31, no_bytes());
}

static void a_timeout_set_to_never_is_cancelled(void) {
    prepare();
    at(1, A, state_10), at(2, A, state_never);
    play("12");
    pass(WEFT_MS(20));
    CHECK_LOG("enter a a, cast 1 a, cast 2 a");
    done();
}

static void two_named(weft_self *self) {
    weft_statem_timeout(self, 41, WEFT_MS(5), weft_bytes_text("x"));
    weft_statem_timeout(self, 42, WEFT_MS(6), weft_bytes_text("y"));
}
static void change_named(weft_self *self) {
    weft_statem_timeout_update(self, 41, weft_bytes_text("z"));
    weft_statem_timeout_cancel(self, 42);
}

static void a_named_timeout_is_updated_and_cancelled_by_name(void) {
    prepare();
    at(1, A, two_named), at(2, A, change_named);
    play("12");
    pass(WEFT_MS(20));
    CHECK_LOG("enter a a, cast 1 a, cast 2 a, named 41 a z");
    done();
}

static void a_timeout_set_again_replaces_the_earlier_one(void) {
    prepare();
    at(1, A, state_10);
    play("1");
    pass(WEFT_MS(5));
    cast(1);
    pass(WEFT_MS(9));
    CHECK_LOG("enter a a, cast 1 a, cast 1 a");
    pass(WEFT_MS(1));
    CHECK_LOG("state 31 a");
    done();
}

static void own_timer(weft_self *self) {
    CHECK_EQ_INT(weft_timer_start(self, WEFT_MS(1), 61, weft_bytes_text("own"), &ref), WEFT_OK);
}

static void the_machines_own_timer_is_an_info(void) {
    prepare();
    at(1, A, own_timer);
    play("1");
    pass(WEFT_MS(1));
    CHECK_LOG("enter a a, cast 1 a, info 61 a own");
    done();
}

/* --- start and enter calls --- */

static void start_in_b(weft_self *self) {
    weft_statem_next_state(self, B);
    insert(self);
    state_now(self);
}

static void what_init_asks_for_comes_after_the_first_enter_call(void) {
    prepare();
    on_start = start_in_b;
    play("2");
    CHECK_LOG("enter b b, internal 21 b, state 31 b, cast 2 b");
    done();
}

static void again_once(weft_self *self) {
    struct data *data = weft_statem_data(self);
    if (data->one++ < 2) repeat(self);
}

static void an_enter_call_may_be_repeated(void) {
    prepare();
    on_enter[B] = again_once;
    at(1, A, to_b);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, enter a b, enter b b, enter b b, cast 2 b");
    done();
}

static void an_enter_call_may_set_timeouts(void) {
    prepare();
    on_enter[B] = state_10;
    at(1, A, to_b);
    play("1");
    pass(WEFT_MS(10));
    CHECK_LOG("enter a a, cast 1 a, enter a b, state 31 b");
    done();
}

static void enter_fault(action *act) {
    prepare();
    on_enter[B] = act;
    at(1, A, to_b);
    play("1");
    CHECK(!alive(machine));
    CHECK_LOG("enter a a, cast 1 a, enter a b, client exit machine fault/1");
    done();
}

static void changing_the_state_in_an_enter_call_is_a_fault(void) { enter_fault(to_c); }
static void postponing_in_an_enter_call_is_a_fault(void) { enter_fault(postpone); }
static void inserting_in_an_enter_call_is_a_fault(void) { enter_fault(insert); }

static void to_nowhere(weft_self *self) { weft_statem_next_state(self, 7); }
static void a_state_out_of_range_is_a_fault(void) {
    prepare();
    at(1, A, to_nowhere);
    play("1");
    CHECK_LOG("enter a a, cast 1 a, client exit machine fault/1");
    done();
}

static void start_refused(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &machine_v1.behaviour, .arg = weft_bytes("xx", 2)};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &machine), WEFT_ERR_RATE);
}

static void an_error_of_init_fails_the_start(void) {
    prepare();
    in(client, start_refused);
    done();
}

/* --- ends --- */

static void stop_with_more(weft_self *self) {
    insert(self);
    to_b(self);
    postpone(self);
    stop_boom(self);
}

static void a_stop_leaves_the_rest_undone(void) {
    prepare();
    at(1, A, stop_with_more);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, terminate error/7 a, client exit machine error/7");
    done();
}

static void a_stop_in_an_enter_call_ends_in_the_new_state(void) {
    prepare();
    on_enter[B] = stop_boom;
    at(1, A, to_b);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, enter a b, terminate error/7 b, client exit machine error/7");
    done();
}

static void reply_and_stop(weft_self *self) {
    reply_ok(self);
    stop_normal(self);
}

static void a_machine_may_answer_and_stop(void) {
    prepare();
    at(1, A, reply_and_stop);
    in(client, spawn_machine);
    in(client, ask);
    CHECK_LOG("enter a a, call 1 a, terminate normal/0 a, client reply machine OK done, "
              "client exit machine normal/0");
    done();
}

static void the_parents_exit_ends_a_trapping_machine_with_terminate(void) {
    prepare();
    variant = 1;
    play("");
    in(client, boom_to_machine);
    CHECK_LOG("enter a a, terminate error/5 a, client exit machine error/5");
    done();
}

/* --- modules --- */

static void push_1(weft_self *self) { weft_statem_push_module(self, 1); }
static void push_1_to_b(weft_self *self) {
    push_1(self);
    to_b(self);
}
static void pop(weft_self *self) { weft_statem_pop_module(self); }

static void a_pushed_module_has_the_events_until_it_is_popped(void) {
    prepare();
    at(1, A, push_1);
    play("1292");
    CHECK_LOG("enter a a, cast 1 a, second cast 2, second cast 9, cast 2 a");
    done();
}

static void a_module_pushed_with_a_state_change_has_the_enter_call(void) {
    prepare();
    at(1, A, push_1_to_b);
    play("12");
    CHECK_LOG("enter a a, cast 1 a, second enter 0, second cast 2");
    done();
}

static void a_changed_module_takes_the_place_on_the_stack(void) {
    prepare();
    at(1, A, push_1);
    play("1:292");
    CHECK_LOG("enter a a, cast 1 a, second cast 10, third cast 2, third cast 9, cast 2 a");
    done();
}

static void the_module_in_force_terminates(void) {
    prepare();
    variant = 1;
    at(1, A, push_1);
    play("1");
    in(client, boom_to_machine);
    CHECK_LOG("enter a a, cast 1 a, second terminate error/5, client exit machine error/5");
    done();
}

static void popping_an_empty_stack_is_a_fault(void) {
    prepare();
    at(1, A, pop);
    play("1");
    CHECK_LOG("enter a a, cast 1 a, client exit machine fault/1");
    done();
}

static void push_all(weft_self *self) {
    for (int i = 0; i < WEFT_STATEM_MODULES_MAX; i++) weft_statem_push_module(self, 0);
}

static void the_stack_of_modules_is_bounded(void) {
    prepare();
    at(1, A, push_all), at(2, A, push_1);
    play("1");
    CHECK(alive(machine));
    cast(2);
    settle();
    CHECK_LOG("enter a a, cast 1 a, cast 2 a, client exit machine fault/1");
    done();
}

/* --- limits --- */

static WEFT_STATEM(small_v1, "small", 1, .init = on_init, .data_size = sizeof(struct data),
                   .callbacks = {.states = names,
                                 .states_count = STATES,
                                 .handle_event = on_event,
                                 .terminate = on_terminate},
                   .events_max = 2);

static void more_events_than_events_max_end_the_machine_with_limit(void) {
    prepare();
    starting = &small_v1;
    at(1, A, postpone);
    play("11");
    CHECK(alive(machine));
    cast(1);
    settle();
    CHECK_LOG("cast 1 a, cast 1 a, cast 1 a, terminate limit/-3 a, client exit machine limit/-3");
    done();
}

static void inserted_events_count_too(void) {
    prepare();
    starting = &small_v1;
    at(1, A, postpone), at(2, A, insert_two);
    play("12");
    CHECK_LOG("cast 1 a, cast 2 a, terminate limit/-3 a, client exit machine limit/-3");
    done();
}

static void all_timeouts(weft_self *self) {
    for (uint32_t i = 0; i < WEFT_STATEM_TIMEOUTS_MAX; i++)
        weft_statem_timeout(self, i, WEFT_S(1), no_bytes());
}
static void one_timeout_more(weft_self *self) {
    weft_statem_timeout(self, WEFT_STATEM_TIMEOUTS_MAX, WEFT_S(1), no_bytes());
}

static void more_timeouts_than_the_limit_end_the_machine_with_limit(void) {
    prepare();
    at(1, A, all_timeouts), at(2, A, one_timeout_more);
    play("11");
    CHECK(alive(machine));
    CHECK_EQ_UINT(stats().timers, WEFT_STATEM_TIMEOUTS_MAX);
    cast(2);
    settle();
    CHECK_LOG("enter a a, cast 1 a, cast 1 a, cast 2 a, terminate limit/-3 a, "
              "client exit machine limit/-3");
    done();
}

static void want_all(weft_self *self) {
    weft_statem_postpone(self);
    weft_statem_next_event(self, 70, weft_bytes_text("x"));
    weft_statem_state_timeout(self, WEFT_MS(1), 71, weft_bytes_text("y"));
    weft_statem_timeout_cancel(self, 72);
}

/* Whichever allocation fails, the machine ends with LIMIT or goes on as if none had. */
static void without_memory_the_machine_ends_with_limit(void) {
    uint32_t limits = 0;
    for (uint64_t fail = 1;; fail++) {
        prepare();
        at(1, A, want_all);
        play("");
        cast(1);
        (void)world_log_clear();
        world.allocs = 0;
        world.alloc_fail = fail;
        settle();
        bool out = world.allocs < fail;
        world.alloc_fail = 0;
        bool ended = strstr(world.log, "exit machine limit/-1") != NULL;
        CHECK(ended || strcmp(world.log, "cast 1 a, internal 70 a x") == 0);
        CHECK_EQ_INT(alive(machine), !ended);
        limits += ended;
        (void)world_log_clear();
        done();
        if (out) break;
    }
    CHECK(limits >= 5);
}

static void start_fails(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &machine_v1.behaviour};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &machine), WEFT_ERR_NOMEM);
}

static void a_start_without_memory_fails(void) {
    for (uint64_t fail = 1; fail <= 3; fail++) {
        prepare();
        world.allocs = 0;
        world.alloc_fail = fail;
        in(client, start_fails);
        world.alloc_fail = 0;
        done();
    }
}

/* --- state functions, data, code change --- */

static void locked(weft_self *self, const struct weft_statem_event *event) {
    if (event->type == WEFT_STATEM_ENTER) return;
    note("locked gets %u", event->tag);
    if (event->tag == 2) weft_statem_next_state(self, 1);
}
static void open_state(weft_self *self, const struct weft_statem_event *event) {
    if (event->type == WEFT_STATEM_ENTER) {
        weft_statem_state_timeout(self, WEFT_S(10), 0, no_bytes());
    } else if (event->type == WEFT_STATEM_STATE_TIMEOUT) {
        note("locks");
        weft_statem_next_state(self, 0);
    } else {
        weft_statem_postpone(self);
    }
}
static const struct weft_statem_state lock_states[] = {{"locked", locked}, {"open", open_state}};
static WEFT_STATEM(lock_v1, "lock", 1,
                   .callbacks = {.states = lock_states, .states_count = 2, .state_enter = true});

static void buttons_pressed_while_a_lock_is_open_count_when_it_is_locked(void) {
    prepare();
    starting = &lock_v1;
    play("1234");
    CHECK_LOG("locked gets 1, locked gets 2");
    pass(WEFT_S(10));
    CHECK_LOG("locks, locked gets 3, locked gets 4");
    done();
}

struct big_data {
    uint32_t two;
    char more[100];
};

static void set_one(weft_self *self) { ((struct data *)weft_statem_data(self))->one = 7; }
static void grow(weft_self *self) {
    struct weft_statem_change change = {.data_size = sizeof(struct big_data)};
    char moved[sizeof(void *)];
    /* As a code_change between two messages has it: no handler of the machine runs. */
    CHECK_EQ_INT(weft_statem_change(self, weft_state(self), moved, &change), WEFT_OK);
    CHECK_EQ_UINT(change.old_size, sizeof(struct data));
    struct big_data *data = change.data;
    CHECK_EQ_UINT(data->two, 0);
    data->two = ((const struct data *)change.old)->one + 1;
    *change.state = C;
    memcpy(weft_state(self), moved, sizeof moved);
}
static void tell_two(weft_self *self) {
    note("two %u", ((struct big_data *)weft_statem_data(self))->two);
}

/* As the code switch does it: between two messages of the machine. */
static void grow_machine(weft_self *self) {
    (void)self;
    grow(weft_otp__find(world.sched, machine));
}

static void the_data_changes_its_size_and_the_rest_stays(void) {
    prepare();
    at(1, A, set_one), at(2, A, postpone), at(3, A, state_10), at(8, C, tell_two), at(4, C, to_b);
    play("123");
    in(client, grow_machine);
    cast(8);
    cast(4);
    settle();
    CHECK_LOG("enter a a, cast 1 a, cast 2 a, cast 3 a, cast 8 c, two 8, cast 4 c, enter c b, "
              "cast 2 b");
    done();
}

static void look(weft_self *self) {
    const weft_self *proc = weft_otp__find(world.sched, machine);
    CHECK(weft_statem_is(proc));
    CHECK(!weft_statem_is(self));
    CHECK_EQ_TEXT(weft_statem_state_name(proc), "b");
    CHECK_EQ_UINT(weft_statem_state(proc), B);
    CHECK_EQ_UINT(weft_statem_postponed_count(proc), 2);
    char text[32];
    CHECK_EQ_UINT(weft_statem_format_status(weft_otp__find(world.sched, machine), text, 32), 20);
    CHECK_EQ_TEXT(text, "state b, 2 postponed");
    CHECK_EQ_UINT(weft_statem_format_status(weft_otp__find(world.sched, machine), text, 8), 7);
    CHECK_EQ_TEXT(text, "state b");
}

static void others_see_the_state_and_what_is_postponed(void) {
    prepare();
    at(1, A, to_b), at(2, B, postpone);
    play("122");
    in(client, look);
    CHECK_LOG("enter a a, cast 1 a, enter a b, cast 2 b, cast 2 b");
    done();
}

TEST_MAIN(
    "otp/gen_statem", TEST(postponed_events_are_retried_in_order_before_new_ones),
    TEST(inserted_events_come_before_postponed_ones),
    TEST(neither_the_same_state_nor_repeating_it_retries),
    TEST(an_event_postponed_again_keeps_its_place),
    TEST(an_event_may_be_postponed_and_change_the_state),
    TEST(a_retried_event_that_changes_the_state_starts_the_retry_anew),
    TEST(an_internal_event_can_be_postponed), TEST(a_timeout_can_be_postponed),
    TEST(a_postponed_event_keeps_its_data), TEST(a_postponed_exit_keeps_its_reason),
    TEST(a_postponed_datagram_keeps_its_bytes),
    TEST(a_postponed_call_is_answered_when_it_comes_again),
    TEST(a_postponed_call_of_a_machine_that_ends_is_answered_no_proc),
    TEST(inserted_events_come_before_those_inserted_earlier),
    TEST(an_inserted_event_comes_before_the_event_that_is_postponed_with_it),
    TEST(events_of_any_type_can_be_inserted), TEST(inserted_events_come_after_the_enter_call),
    TEST(timeouts_of_no_delay_come_after_inserted_events_and_before_messages),
    TEST(an_event_timeout_of_no_delay_fires_when_nothing_comes_before_it),
    TEST(a_retried_event_cancels_the_event_timeout), TEST(any_event_cancels_the_event_timeout),
    TEST(an_inserted_event_cancels_the_event_timeout),
    TEST(a_message_that_lies_before_the_event_timeout_cancels_it),
    TEST(a_state_change_cancels_the_state_timeout_and_no_other),
    TEST(a_state_timeout_set_with_the_state_change_is_of_the_new_state),
    TEST(repeating_a_state_keeps_the_state_timeout),
    TEST(a_state_change_cancels_a_state_timeout_that_is_due),
    TEST(an_event_inserted_by_a_timeout_comes_before_the_next_timeout),
    TEST(a_timeout_updated_that_is_not_set_is_due_at_once),
    TEST(an_update_changes_the_event_and_not_the_time),
    TEST(an_update_of_a_due_timeout_keeps_its_turn), TEST(a_due_timeout_set_again_goes_to_the_end),
    TEST(of_several_orders_to_one_timeout_the_last_counts), TEST(a_cancelled_timeout_does_not_come),
    TEST(a_timeout_set_to_never_is_cancelled),
    TEST(a_named_timeout_is_updated_and_cancelled_by_name),
    TEST(a_timeout_set_again_replaces_the_earlier_one), TEST(the_machines_own_timer_is_an_info),
    TEST(what_init_asks_for_comes_after_the_first_enter_call), TEST(an_enter_call_may_be_repeated),
    TEST(an_enter_call_may_set_timeouts), TEST(a_state_out_of_range_is_a_fault),
    TEST(an_error_of_init_fails_the_start), TEST(a_stop_leaves_the_rest_undone),
    TEST(a_stop_in_an_enter_call_ends_in_the_new_state), TEST(a_machine_may_answer_and_stop),
    TEST(the_parents_exit_ends_a_trapping_machine_with_terminate),
    TEST(a_pushed_module_has_the_events_until_it_is_popped),
    TEST(a_module_pushed_with_a_state_change_has_the_enter_call),
    TEST(a_changed_module_takes_the_place_on_the_stack), TEST(the_module_in_force_terminates),
    TEST(popping_an_empty_stack_is_a_fault), TEST(the_stack_of_modules_is_bounded),
    TEST(more_events_than_events_max_end_the_machine_with_limit), TEST(inserted_events_count_too),
    TEST(more_timeouts_than_the_limit_end_the_machine_with_limit),
    TEST(without_memory_the_machine_ends_with_limit), TEST(a_start_without_memory_fails),
    TEST(buttons_pressed_while_a_lock_is_open_count_when_it_is_locked),
    TEST(the_data_changes_its_size_and_the_rest_stays),
    TEST(others_see_the_state_and_what_is_postponed),
    TEST(changing_the_state_in_an_enter_call_is_a_fault),
    TEST(postponing_in_an_enter_call_is_a_fault), TEST(inserting_in_an_enter_call_is_a_fault))
