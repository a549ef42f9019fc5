/* https://www.erlang.org/doc/man/pg.html. Two scopes of one scheduler stand for two nodes. */
#include "core/otp/pg.h"

#include "core/base/rand.h"
#include "core/otp/pg_internal.h"
#include "tests/unit/otp/fake_env.h"

#include <stdio.h>

static weft_pid one, two, a, b, watcher;
static uint64_t last_watch;
static weft_ref ref;

struct order {
    void (*fn)(weft_self *self);
};

static void watcher_handle(weft_self *self, const struct weft_msg *msg) {
    struct weft_pg_event event;
    struct order order;
    if (weft_pg_event_read(msg, &event)) {
        note("%s %s %s x%u%s", name_of(event.pid), event.joined ? "joins" : "leaves", event.group,
             event.count, event.gap ? " gap" : "");
    } else if (msg->kind == WEFT_MSG_REPLY) {
        note("%s", weft_error_name(msg->status));
        if (msg->data.size == sizeof last_watch) memcpy(&last_watch, msg->data.data, 8);
    } else if (msg->data.size == sizeof order) {
        memcpy(&order, msg->data.data, sizeof order);
        order.fn(self);
    }
}
static WEFT_PROCESS(watcher_v1, .name = "watcher", .handle = watcher_handle);

static void spawn_all(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &weft_pg, .name = "one"};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &one), WEFT_OK);
    spawn.name = "two";
    CHECK_EQ_INT(weft_spawn(self, &spawn, &two), WEFT_OK);
    struct weft_spawn watching = {.behaviour = &watcher_v1};
    CHECK_EQ_INT(weft_spawn(self, &watching, &watcher), WEFT_OK);
}

static void prepare(void) {
    world_open();
    in(world.root, spawn_all);
    a = probe("a", 0), b = probe("b", 0);
    name_pid(watcher, "watcher");
}
static void done(void) { world_close(); }

static struct {
    const char *scope, *group;
    weft_pid pids[4];
    size_t pids_count;
    bool leave;
    int rv;
} now;

static void send_change(weft_self *self) {
    struct weft_pg_change change = {
        .group = now.group, .pids = now.pids, .pids_count = now.pids_count};
    now.rv = now.leave ? weft_pg_leave(self, now.scope, &change, &ref)
                       : weft_pg_join(self, now.scope, &change, &ref);
}
static void do_change(const char *scope, const char *group, bool leave) {
    now.scope = scope;
    now.group = group;
    now.leave = leave;
    in(watcher, send_change);
}
static void join(const char *scope, const char *group, weft_pid pid) {
    now.pids[0] = pid;
    now.pids_count = 1;
    do_change(scope, group, false);
}
static void leave(const char *scope, const char *group, weft_pid pid) {
    now.pids[0] = pid;
    now.pids_count = 1;
    do_change(scope, group, true);
}

static char text[512];
static bool local_only;
static void write_name(void *ctx, const char *group) {
    (void)ctx;
    size_t size = strlen(text);
    snprintf(text + size, sizeof text - size, "%s ", group);
}
static void read_members(weft_self *self) {
    weft_pid pids[64];
    size_t count = local_only ? weft_pg_local_members(self, now.scope, now.group, pids, 64)
                              : weft_pg_members(self, now.scope, now.group, pids, 64);
    for (size_t i = 0; i < count && i < 64; i++) write_name(NULL, name_of(pids[i]));
}
static void read_groups(weft_self *self) {
    if (local_only)
        weft_pg_each_local_group(self, now.scope, write_name, NULL);
    else
        weft_pg_each_group(self, now.scope, write_name, NULL);
}
static const char *look(const char *scope, const char *group, bool local) {
    text[0] = '\0';
    now.scope = scope;
    now.group = group;
    local_only = local;
    in(world.root, group != NULL ? read_members : read_groups);
    return text;
}
static const char *members(const char *scope, const char *group) {
    return look(scope, group, false);
}

static void meet(weft_self *self) { CHECK_EQ_INT(weft_pg_peer_up(self, "one", two), WEFT_OK); }

static void watch_scope_two(weft_self *self) {
    CHECK_EQ_INT(weft_pg_monitor(self, "two", NULL, &ref), WEFT_OK);
}
static void watch_g_one(weft_self *self) {
    CHECK_EQ_INT(weft_pg_monitor(self, "one", "g", &ref), WEFT_OK);
}
static void unwatch(weft_self *self) {
    CHECK_EQ_INT(weft_pg_demonitor(self, "one", last_watch, &ref), WEFT_OK);
}

/* --- one scope --- */

static void a_group_is_there_while_it_has_a_member(void) {
    prepare();
    CHECK_EQ_TEXT(members("one", "g"), "");
    join("one", "g", a), join("one", "h", b);
    CHECK_EQ_TEXT(members("one", "g"), "a ");
    CHECK_EQ_TEXT(look("one", NULL, false), "g h ");
    leave("one", "g", a);
    CHECK_EQ_TEXT(look("one", NULL, false), "h ");
    CHECK_LOG("OK, OK, OK");
    done();
}

static void a_process_is_in_a_group_as_often_as_it_joined(void) {
    prepare();
    join("one", "g", a), join("one", "g", b), join("one", "g", a);
    CHECK_EQ_TEXT(members("one", "g"), "a a b ");
    leave("one", "g", a);
    CHECK_EQ_TEXT(members("one", "g"), "a b ");
    leave("one", "g", a), leave("one", "g", a);
    CHECK_EQ_TEXT(members("one", "g"), "b ");
    CHECK_LOG("OK, OK, OK, OK, OK, NOT_FOUND");
    done();
}

static void several_join_and_leave_at_once(void) {
    prepare();
    now.pids[0] = a, now.pids[1] = b, now.pids[2] = a;
    now.pids_count = 3;
    do_change("one", "g", false);
    CHECK_EQ_TEXT(members("one", "g"), "a a b ");
    now.pids[2] = watcher; /* never joined */
    do_change("one", "g", true);
    CHECK_EQ_TEXT(members("one", "g"), "a ");
    CHECK_LOG("OK, OK");
    done();
}

static void a_member_that_ends_leaves_all_its_groups(void) {
    prepare();
    join("one", "g", a), join("one", "h", a), join("one", "h", a), join("one", "h", b);
    in(a, stop_normal);
    CHECK_EQ_TEXT(look("one", NULL, false), "h ");
    CHECK_EQ_TEXT(members("one", "h"), "b ");
    (void)world_log_clear();
    done();
}

static void the_dead_and_those_of_elsewhere_do_not_join(void) {
    prepare();
    in(a, stop_normal);
    (void)world_log_clear();
    join("one", "g", a);
    CHECK_LOG("NO_PROC");
    join("one", "g", (weft_pid){b.raw | UINT64_C(1) << 60});
    CHECK_LOG("INVAL");
    CHECK_EQ_TEXT(look("one", NULL, false), "");
    done();
}

static void what_is_asked_wrongly_is_refused(void) {
    prepare();
    char name[WEFT_PG_GROUP_MAX + 1];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    join("none", "g", a);
    CHECK_EQ_INT(now.rv, WEFT_ERR_NOT_FOUND);
    join("one", "", a);
    CHECK_EQ_INT(now.rv, WEFT_ERR_INVAL);
    join("one", name, a);
    CHECK_EQ_INT(now.rv, WEFT_ERR_INVAL);
    join("one", name + 1, a);
    CHECK_EQ_INT(now.rv, WEFT_OK);
    CHECK_EQ_TEXT(members("one", name + 1), "a ");
    CHECK_LOG("OK");
    done();
}

static void scopes_know_nothing_of_each_other_unless_told(void) {
    prepare();
    join("one", "g", a);
    CHECK_EQ_TEXT(members("two", "g"), "");
    CHECK_EQ_TEXT(members("none", "g"), "");
    (void)world_log_clear();
    done();
}

/* --- watching --- */

static void a_watcher_is_told_of_its_group_only(void) {
    prepare();
    in(watcher, watch_g_one);
    join("one", "g", a), join("one", "h", a);
    in(a, stop_normal);
    CHECK_LOG("OK, a joins g x1, OK, OK, a terminate normal/0, a leaves g x1");
    in(watcher, unwatch);
    join("one", "g", b);
    CHECK_LOG("OK, OK");
    in(watcher, unwatch);
    CHECK_LOG("NOT_FOUND");
    done();
}

static void a_watcher_of_a_scope_is_told_what_a_peer_brings(void) {
    prepare();
    join("one", "g", a), join("one", "g", a), join("one", "h", b);
    in(watcher, watch_scope_two);
    (void)world_log_clear();
    in(world.root, meet);
    CHECK_LOG("a joins g x2, b joins h x1");
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, one, &why);
    settle();
    CHECK_LOG("a leaves g x2, b leaves h x1");
    done();
}

static void a_watch_goes_with_its_process(void) {
    prepare();
    in(watcher, watch_g_one);
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, watcher, &why);
    settle();
    CHECK_EQ_UINT(((struct pg_scope *)weft_otp__find(world.sched, one)->state)->watches_count, 0);
    CHECK_LOG("OK");
    done();
}

static void an_event_lost_is_said_with_the_next(void) {
    prepare();
    in(watcher, watch_g_one);
    weft_otp__extra(weft_otp__find(world.sched, watcher))->mailbox_max = 0;
    in_later(world.root, send_change);
    now.scope = "one", now.group = "g", now.pids[0] = a, now.pids_count = 1, now.leave = false;
    settle();
    weft_otp__extra(weft_otp__find(world.sched, watcher))->mailbox_max = 64;
    (void)world_log_clear();
    join("one", "g", b);
    CHECK_LOG("b joins g x1 gap, OK");
    done();
}

/* --- peers --- */

static void peers_exchange_what_they_have_and_what_changes(void) {
    prepare();
    join("one", "g", a), join("two", "g", b), join("two", "h", b);
    in(world.root, meet);
    CHECK_EQ_TEXT(members("one", "g"), "a b ");
    CHECK_EQ_TEXT(members("two", "g"), "b a ");
    CHECK_EQ_TEXT(look("one", NULL, true), "g ");
    CHECK_EQ_TEXT(look("one", NULL, false), "g h ");
    join("two", "g", b), leave("two", "h", b);
    CHECK_EQ_TEXT(members("one", "g"), "a b b ");
    CHECK_EQ_TEXT(look("one", "g", true), "a ");
    CHECK_EQ_TEXT(members("one", "h"), "");
    in(b, stop_normal);
    CHECK_EQ_TEXT(members("one", "g"), "a ");
    (void)world_log_clear();
    done();
}

static void a_peer_that_ends_takes_its_members_out(void) {
    prepare();
    join("one", "g", a), join("two", "g", b);
    in(world.root, meet);
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, two, &why);
    settle();
    CHECK_EQ_TEXT(members("one", "g"), "a ");
    CHECK(alive(b));
    (void)world_log_clear();
    done();
}

static void a_peer_that_was_full_is_brought_up_to_date_later(void) {
    prepare();
    in(world.root, meet);
    weft_otp__extra(weft_otp__find(world.sched, two))->mailbox_max = 0;
    join("one", "g", a), join("one", "h", b), leave("one", "h", b);
    CHECK_EQ_TEXT(members("two", "g"), "");
    pass(WEFT_S(3));
    CHECK_EQ_TEXT(members("two", "g"), "");
    weft_otp__extra(weft_otp__find(world.sched, two))->mailbox_max = 64;
    pass(WEFT_S(1));
    CHECK_EQ_TEXT(members("two", "g"), "a ");
    CHECK_EQ_TEXT(look("two", NULL, false), "g ");
    pass(WEFT_S(2));
    CHECK_EQ_UINT(stats().timers, 0);
    (void)world_log_clear();
    done();
}

/* More than a message holds. */
static void a_great_sync_comes_in_parts(void) {
    prepare();
    uint32_t count = WEFT_PG_MESSAGE_MAX / 8 + 10;
    for (uint32_t i = 0; i < count; i++) {
        join("one", i % 3 == 0 ? "g" : "another", a);
        (void)world_log_clear();
    }
    in(world.root, meet);
    now.scope = "two";
    struct pg_scope *scope = (struct pg_scope *)weft_otp__find(world.sched, two)->state;
    weft_self *self = weft_otp__find(world.sched, two);
    uint64_t g = weft_otp__pg_group(self, scope, "g")->remote;
    CHECK_EQ_UINT(g, (count + 2) / 3);
    CHECK_EQ_UINT(weft_otp__pg_group(self, scope, "another")->remote, count - g);
    done();
}

static void send_wire(weft_self *self, const char *bytes, size_t size) {
    CHECK_EQ_INT(weft_send(self, two, PG_WIRE, weft_bytes(bytes, size)), WEFT_OK);
}
static void send_bytes(weft_self *self) {
    send_wire(self, "\1\2\3\0\0\1g\0\0\0\1\0\0\0\0\0\0\0\5", 19);
}

static void the_bytes_between_scopes_are_as_written(void) {
    prepare();
    in(b, send_bytes);
    struct pg_scope *scope = (struct pg_scope *)weft_otp__find(world.sched, two)->state;
    const struct pg_group *group = weft_otp__pg_group(weft_otp__find(world.sched, two), scope, "g");
    REQUIRE(group != NULL);
    CHECK_EQ_UINT(group->remote, 1);
    CHECK_EQ_UINT(group->local, 0);
    in(b, stop_normal);
    CHECK_EQ_TEXT(look("two", NULL, false), "");
    (void)world_log_clear();
    done();
}

static void send_cut(weft_self *self) {
    static const char bytes[] = "\1\2\3\0\0\1g\0\0\0\1\0\0\0\0\0\0\0\5";
    for (size_t size = 0; size < 19; size++)
        if (size != PG_HEAD_SIZE) send_wire(self, bytes, size);
    send_wire(self, "\2\2\3\0", 4);
    send_wire(self, "\1\11\3\0", 4);
    send_wire(self, "\1\2\3\0\0\0\0\0\0\0", 10);
    send_wire(self, "\1\2\3\0\0\1\0\0\0\0\0", 11);
}

static void what_is_malformed_is_dropped(void) {
    prepare();
    in(b, send_cut);
    CHECK_EQ_UINT(traced(WEFT_TRACE_LOG), 22);
    CHECK_EQ_TEXT(look("two", NULL, false), "");
    CHECK(alive(two));
    done();
}

static struct weft_rand dice;
static void send_garbage(weft_self *self) {
    char bytes[64];
    size_t size = (size_t)weft_rand_below(&dice, sizeof bytes);
    for (size_t i = 0; i < size; i++) bytes[i] = (char)weft_rand_below(&dice, i < 12 ? 4 : 256);
    if (size > 0) bytes[0] = PG_WIRE_VERSION;
    if (size > 3) bytes[3] = 0;
    send_wire(self, bytes, size);
}

static void garbage_does_no_harm(void) {
    prepare();
    weft_rand_init(&dice, 1);
    for (int i = 0; i < 20000; i++) in(b, send_garbage);
    CHECK(alive(two));
    CHECK_EQ_UINT(stats().faulted, 0);
    in(b, stop_normal);
    CHECK_EQ_TEXT(look("two", NULL, false), "");
    (void)world_log_clear();
    done();
}

/* --- limits --- */

static void groups_and_memberships_are_bounded(void) {
    prepare();
    if (WEFT_PG_GROUPS_MAX > 1000) {
        done();
        return;
    }
    char name[16];
    for (int i = 0; i < WEFT_PG_GROUPS_MAX; i++) {
        snprintf(name, sizeof name, "g%d", i);
        join("one", name, a);
    }
    (void)world_log_clear();
    join("one", "more", a);
    CHECK_LOG("FULL");
    join("one", "g0", b);
    CHECK_LOG("OK");
    done();
}

/* Whichever allocation fails, what was answered is what is so. */
static void without_memory_a_join_fails_whole(void) {
    uint32_t failed = 0;
    for (uint64_t fail = 1; fail < 30; fail++) {
        prepare();
        now.scope = "one", now.group = "g", now.leave = false;
        now.pids[0] = a, now.pids_count = 1;
        in_later(watcher, send_change);
        world.allocs = 0;
        world.alloc_fail = fail;
        settle();
        world.alloc_fail = 0;
        bool joined = strcmp(members("one", "g"), "a ") == 0;
        if (now.rv == WEFT_OK && strcmp(world.log, "NOMEM") == 0) {
            CHECK(!joined);
            failed++;
        }
        if (now.rv != WEFT_OK) CHECK(!joined);
        (void)world_log_clear();
        done();
    }
    CHECK(failed >= 3);
}

/* --- in the end they agree --- */

static uint64_t seed;

static void two_scopes_agree_in_the_end(void) {
    static const char *const names[] = {"g", "h", "i"};
    for (seed = 1; seed <= 300; seed++) {
        prepare();
        weft_rand_init(&dice, seed);
        bool met = false;
        for (int i = 0; i < 40; i++) {
            const char *scope = weft_rand_below(&dice, 2) ? "one" : "two";
            const char *group = names[weft_rand_below(&dice, 3)];
            weft_pid pid = weft_rand_below(&dice, 2) ? a : b;
            if (weft_rand_below(&dice, 3) > 0) {
                join(scope, group, pid);
            } else {
                leave(scope, group, pid);
            }
            if (weft_rand_below(&dice, 15) == 0) met = true, in(world.root, meet);
            if (weft_rand_below(&dice, 20) == 0)
                weft_otp__extra(weft_otp__find(world.sched, two))->mailbox_max =
                    weft_rand_below(&dice, 2) ? 0 : 64;
            if (weft_rand_below(&dice, 60) == 0 && alive(a)) in(a, stop_normal);
        }
        weft_otp__extra(weft_otp__find(world.sched, two))->mailbox_max = 64;
        if (!met) in(world.root, meet);
        in(world.root, meet);
        pass(WEFT_S(3));
        (void)world_log_clear();
        for (int i = 0; i < 3; i++) {
            weft_self *first = weft_otp__find(world.sched, one);
            weft_self *second = weft_otp__find(world.sched, two);
            const struct pg_group *x =
                weft_otp__pg_group(first, (struct pg_scope *)first->state, names[i]);
            const struct pg_group *y =
                weft_otp__pg_group(second, (struct pg_scope *)second->state, names[i]);
            CHECK_EQ_UINT(x != NULL ? x->local : 0, y != NULL ? y->remote : 0);
            CHECK_EQ_UINT(x != NULL ? x->remote : 0, y != NULL ? y->local : 0);
        }
        done();
    }
}

TEST_MAIN("otp/pg", TEST(a_group_is_there_while_it_has_a_member),
          TEST(a_process_is_in_a_group_as_often_as_it_joined), TEST(several_join_and_leave_at_once),
          TEST(a_member_that_ends_leaves_all_its_groups),
          TEST(the_dead_and_those_of_elsewhere_do_not_join), TEST(what_is_asked_wrongly_is_refused),
          TEST(scopes_know_nothing_of_each_other_unless_told),
          TEST(a_watcher_is_told_of_its_group_only),
          TEST(a_watcher_of_a_scope_is_told_what_a_peer_brings),
          TEST(a_watch_goes_with_its_process), TEST(an_event_lost_is_said_with_the_next),
          TEST(peers_exchange_what_they_have_and_what_changes),
          TEST(a_peer_that_ends_takes_its_members_out),
          TEST(a_peer_that_was_full_is_brought_up_to_date_later), TEST(a_great_sync_comes_in_parts),
          TEST(the_bytes_between_scopes_are_as_written), TEST(what_is_malformed_is_dropped),
          TEST(garbage_does_no_harm), TEST(groups_and_memberships_are_bounded),
          TEST(without_memory_a_join_fails_whole), TEST(two_scopes_agree_in_the_end))
