#include "tests/unit/otp/fake_env.h"

#include "core/base/limits.h"

static weft_pid a, b;
static weft_socket sock;
static int rv;

static void open_datagram(weft_self *self) {
    struct weft_addr local = {.family = WEFT_FAMILY_V4};
    rv = weft_datagram_open(self, &local, &sock);
    CHECK_EQ_UINT(local.port, rv == WEFT_OK ? 4000 : 0);
}
static void open_listener(weft_self *self) {
    struct weft_addr local = {.family = WEFT_FAMILY_V4};
    rv = weft_stream_listen(self, &local, 5, &sock);
    CHECK_EQ_UINT(local.port, 4001);
}
static void open_stream(weft_self *self) {
    struct weft_addr to = {.family = WEFT_FAMILY_V4, .port = 1};
    rv = weft_stream_connect(self, &to, &sock);
}
static void close_sock(weft_self *self) { weft_socket_close(self, sock); }
static void abort_sock(weft_self *self) { weft_socket_abort(self, sock); }
static void give_b(weft_self *self) { rv = weft_socket_give(self, sock, b); }

static void open_ab(void) {
    world_open();
    world.log_net = true;
    a = probe("a", 0), b = probe("b", 0);
}

static void event_of(weft_socket socket, enum weft_event_kind kind, weft_socket accepted) {
    struct weft_event event = {.kind = kind,
                               .owner = world.sockets[socket].owner,
                               .socket = socket,
                               .accepted = accepted,
                               .data = "data",
                               .size = 4};
    weft_sched_deliver(world.sched, &event);
}

/* The env makes the stream, owned by the listener's owner. */
static weft_socket accept_on(weft_socket listener) {
    weft_socket accepted = ++world.sockets_count;
    world.sockets[accepted] =
        (struct fake_socket){.owner = world.sockets[listener].owner, .open = true};
    event_of(listener, WEFT_EVENT_ACCEPTED, accepted);
    return accepted;
}

static void events_go_to_the_owner(void) {
    open_ab();
    in(a, open_datagram);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_EQ_UINT(world.sockets[sock].owner, a.raw);
    event_of(sock, WEFT_EVENT_DATAGRAM, 0);
    settle();
    CHECK_LOG("a event 1 of 1");
    CHECK_EQ_UINT(stats().sockets, 1);
    in(a, close_sock);
    CHECK_LOG("close 1");
    CHECK_EQ_UINT(stats().sockets, 0);
    world_close();
}

static void handle_data(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_EVENT) {
        note("%.*s", (int)msg->event->size, (const char *)msg->event->data);
        CHECK_EQ_UINT(msg->event->from.port, 77);
        return;
    }
    open_datagram(self);
}
static WEFT_PROCESS(reader_v1, .name = "reader", .handle = handle_data);
static void spawn_reader(weft_self *self) {
    weft_spawn(self, &(struct weft_spawn){.behaviour = &reader_v1}, &b);
}

static void a_datagram_is_copied(void) {
    open_ab();
    in(a, spawn_reader);
    weft_sched_send(world.sched, b, 1, weft_bytes(NULL, 0));
    settle();
    char data[] = "hello";
    struct weft_event event = {.kind = WEFT_EVENT_DATAGRAM,
                               .owner = b.raw,
                               .socket = sock,
                               .from = {.family = WEFT_FAMILY_V4, .port = 77},
                               .data = data,
                               .size = 5};
    weft_sched_deliver(world.sched, &event);
    memset(data, 'x', 5);
    settle();
    CHECK_LOG("hello");
    world_close();
}

static void an_opening_that_fails_says_why_and_leaves_nothing(void) {
    open_ab();
    world.open_error = WEFT_ERR_IN_USE;
    in(a, open_datagram);
    CHECK_EQ_INT(rv, WEFT_ERR_IN_USE);
    CHECK_EQ_UINT(sock, WEFT_SOCKET_NONE);
    CHECK_EQ_UINT(stats().sockets, 0);
    world.open_error = WEFT_OK;
    in_later(a, open_stream);
    world.alloc_fail = world.allocs + 1;
    settle();
    CHECK_EQ_INT(rv, WEFT_ERR_NOMEM);
    world_close();
}

static void sockets_are_closed_with_their_process_oldest_first(void) {
    open_ab();
    in(a, open_datagram);
    in(a, open_listener);
    in(a, open_stream);
    in(a, stop_normal);
    CHECK_LOG("a terminate normal/0, close 1, close 2, close 3");
    world_close();
}

static void only_the_owner_closes(void) {
    open_ab();
    in(a, open_stream);
    in(b, close_sock);
    in(b, abort_sock);
    CHECK_LOG("");
    in(a, abort_sock);
    CHECK_LOG("abort 1");
    in(a, abort_sock);
    in(a, close_sock);
    CHECK_LOG("");
    world_close();
}

static void close_drops_the_events_that_wait(void) {
    open_ab();
    in(a, open_stream);
    in_later(a, close_sock);
    event_of(sock, WEFT_EVENT_CONNECTED, 0);
    event_of(sock, WEFT_EVENT_READABLE, 0);
    settle();
    CHECK_LOG("close 1");
    world_close();
}

static void an_accepted_stream_belongs_to_the_listeners_owner(void) {
    open_ab();
    in(a, open_listener);
    weft_socket accepted = accept_on(sock);
    settle();
    CHECK_EQ_UINT(accepted, 2);
    CHECK_EQ_UINT(stats().sockets, 2);
    CHECK_LOG("a event 3 of 1");
    in(a, stop_normal);
    CHECK_LOG("a terminate normal/0, close 1, close 2");
    world_close();
}

static void closing_a_listener_aborts_streams_nobody_heard_of(void) {
    open_ab();
    in(a, open_listener);
    in_later(a, close_sock);
    weft_socket accepted = accept_on(sock);
    event_of(accepted, WEFT_EVENT_READABLE, 0);
    settle();
    CHECK_LOG("close 1, abort 2");
    CHECK_EQ_UINT(stats().sockets, 0);
    world_close();
}

static void give_hands_over_the_socket_and_its_events_in_order(void) {
    open_ab();
    in(a, open_stream);
    in_later(a, give_b);
    event_of(sock, WEFT_EVENT_CONNECTED, 0);
    event_of(sock, WEFT_EVENT_READABLE, 0);
    settle();
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_EQ_UINT(world.sockets[sock].owner, b.raw);
    CHECK_LOG("b event 2 of 1, b event 4 of 1");
    event_of(sock, WEFT_EVENT_FAILED, 0);
    settle();
    CHECK_LOG("b event 6 of 1");
    in(b, stop_normal);
    CHECK_LOG("b terminate normal/0, close 1");
    world_close();
}

static void give_of_a_listener_takes_unheard_streams_along(void) {
    open_ab();
    in(a, open_listener);
    in_later(a, give_b);
    weft_socket accepted = accept_on(sock);
    event_of(accepted, WEFT_EVENT_READABLE, 0);
    settle();
    CHECK_LOG("b event 3 of 1, b event 4 of 2");
    CHECK_EQ_UINT(world.sockets[accepted].owner, b.raw);
    in(a, stop_normal);
    CHECK_LOG("a terminate normal/0");
    in(b, stop_normal);
    CHECK_LOG("b terminate normal/0, close 1, close 2");
    world_close();
}

static void give_refuses_the_dead_and_what_is_not_owned(void) {
    open_ab();
    in(a, open_stream);
    in(b, give_b);
    CHECK_EQ_INT(rv, WEFT_ERR_NOT_FOUND);
    in(b, stop_normal);
    in(a, give_b);
    CHECK_EQ_INT(rv, WEFT_ERR_NO_PROC);
    b = a;
    in(a, give_b);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("b terminate normal/0");
    CHECK_EQ_UINT(stats().sockets, 1);
    world.log_net = false;
    world_close();
}

static void a_full_mailbox_drops_datagrams_and_counts_them_but_no_stream_event(void) {
    open_ab();
    world.log_net = false;
    in(a, open_datagram);
    weft_socket datagrams = sock;
    in(a, open_stream);
    for (uint32_t i = 0; i < WEFT_MAILBOX_MAX; i++) event_of(datagrams, WEFT_EVENT_DATAGRAM, 0);
    CHECK_EQ_UINT(stats().dropped, 0);
    event_of(datagrams, WEFT_EVENT_DATAGRAM, 0);
    event_of(datagrams, WEFT_EVENT_DATAGRAM, 0);
    CHECK_EQ_UINT(stats().dropped, 2);
    event_of(sock, WEFT_EVENT_CONNECTED, 0);
    CHECK_EQ_UINT(stats().dropped, 2);
    while (weft_sched_run(world.sched, 1000)) world_log_clear();
    CHECK(strstr(world.log, "a event 2 of 2") != NULL);
    world_log_clear();
    world_close();
}

static void events_for_unknown_owners_are_ignored_and_their_streams_aborted(void) {
    open_ab();
    in(a, open_listener);
    world.sockets[sock].owner = 12345;
    event_of(sock, WEFT_EVENT_DATAGRAM, 0);
    (void)accept_on(sock);
    CHECK_LOG("abort 2");
    world.log_net = false;
    world_close();
}

static void a_stream_event_there_is_no_memory_for_ends_the_owner_with_limit(void) {
    open_ab();
    in(a, open_stream);
    world.alloc_fail = world.allocs + 1;
    event_of(sock, WEFT_EVENT_CONNECTED, 0);
    CHECK(!alive(a));
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_PROC_EXIT)->number[1], WEFT_REASON_LIMIT);
    CHECK_LOG("close 1");
    world_close();
}

static void a_stream_there_is_no_memory_for_is_refused(void) {
    open_ab();
    in(a, open_listener);
    world.alloc_fail = world.allocs + 1;
    (void)accept_on(sock);
    CHECK_LOG("abort 2");
    CHECK_EQ_UINT(stats().dropped, 1);
    CHECK(alive(a));
    world.log_net = false;
    world_close();
}

static const void *fetched(const struct weft_behaviour *behaviour) {
    const void *state = NULL;
    for (unsigned step = 0; step < WEFT_SCHED_FETCH_STEPS + 2; step++) {
        state = weft_sched_fetch(world.sched, step, behaviour);
        if (step < WEFT_SCHED_FETCH_STEPS) CHECK(state == NULL);
    }
    return state;
}

static const struct weft_behaviour *kind_of_a;
static const void *state_of_a;
static void tell_of_a(weft_self *self) {
    kind_of_a = weft_self_behaviour(self);
    state_of_a = weft_state(self);
}

static void end_normally(weft_self *self) {
    struct weft_reason normal = weft_reason(WEFT_REASON_NORMAL, 0);
    weft_stop(self, &normal);
}

static void what_is_fetched_is_of_the_process_that_had_the_last_event(void) {
    static const struct weft_behaviour other = {.name = "other"};
    open_ab();
    in(a, tell_of_a);
    CHECK(fetched(kind_of_a) == NULL); /* nobody had one */
    in(a, open_datagram);
    event_of(sock, WEFT_EVENT_DATAGRAM, 0);
    CHECK(fetched(kind_of_a) == state_of_a);
    CHECK(fetched(&other) == NULL);
    settle();
    CHECK_LOG("a event 1 of 1");
    in(a, end_normally);
    CHECK_LOG("a terminate normal/0, close 1");
    CHECK(!alive(a));
    CHECK(fetched(kind_of_a) == NULL);
    world_close();
}

TEST_MAIN("otp/sockets", TEST(what_is_fetched_is_of_the_process_that_had_the_last_event),
          TEST(events_go_to_the_owner), TEST(a_datagram_is_copied),
          TEST(an_opening_that_fails_says_why_and_leaves_nothing),
          TEST(sockets_are_closed_with_their_process_oldest_first), TEST(only_the_owner_closes),
          TEST(close_drops_the_events_that_wait),
          TEST(an_accepted_stream_belongs_to_the_listeners_owner),
          TEST(closing_a_listener_aborts_streams_nobody_heard_of),
          TEST(give_hands_over_the_socket_and_its_events_in_order),
          TEST(give_of_a_listener_takes_unheard_streams_along),
          TEST(give_refuses_the_dead_and_what_is_not_owned),
          TEST(a_full_mailbox_drops_datagrams_and_counts_them_but_no_stream_event),
          TEST(events_for_unknown_owners_are_ignored_and_their_streams_aborted),
          TEST(a_stream_event_there_is_no_memory_for_ends_the_owner_with_limit),
          TEST(a_stream_there_is_no_memory_for_is_refused))
