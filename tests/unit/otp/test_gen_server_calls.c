/* What gen_server has beside its callbacks: hibernation, calls to many, stop, deadlines; and
 * aliases' neighbours: monitors by name, registered names. */
#include "tests/unit/otp/fake_env.h"

#include "core/base/assert.h"
#include "core/otp/sys.h"

#include <stdio.h>

#define TABLE_SIZE 4096

/* A table of which mostly one entry is used. */
struct table {
    uint32_t used;
    unsigned char bytes[TABLE_SIZE];
};

enum { TAG_ADD = 1, TAG_SLEEP, TAG_PASS, TAG_HOLD, TAG_DIE };

static weft_pid server, other, client;
static weft_ref ref;
static int unpack_error;
static bool unpack_faults;

static int table_init(weft_self *self, struct weft_bytes arg) {
    struct table *table = weft_state(self);
    CHECK_EQ_UINT(table->used, 0);
    weft_trap_exit(self, arg.size > 0);
    return WEFT_OK;
}

static void table_call(weft_self *self, const struct weft_msg *call) {
    struct table *table = weft_state(self);
    char text[16];
    if (call->tag == TAG_HOLD) return;
    if (call->tag == TAG_DIE) {
        stop_boom(self);
        return;
    }
    int size = snprintf(text, sizeof text, "%u:%u", table->used, table->bytes[table->used]);
    weft_reply_now(self, call, text, (size_t)size);
}

static void table_cast(weft_self *self, const struct weft_msg *cast) {
    struct table *table = weft_state(self);
    note("cast %u", cast->tag);
    if (cast->tag == TAG_ADD) table->bytes[++table->used] = 7;
    if (cast->tag == TAG_SLEEP) weft_gen_server_hibernate(self);
    if (cast->tag == TAG_DIE) stop_boom(self);
}

static void table_terminate(weft_self *self, const struct weft_reason *why) {
    const struct table *table = weft_state(self);
    note("terminate %s with %u", why_text(why), table->used);
}

static size_t table_pack(weft_self *self, void *room, size_t size) {
    const struct table *table = weft_state(self);
    size_t needed = sizeof table->used + table->used + 1;
    if (room == NULL) return needed;
    CHECK_EQ_UINT(size, needed);
    memcpy(room, table, needed);
    return needed;
}

static int table_unpack(weft_self *self, struct weft_bytes packed) {
    struct table *table = weft_state(self);
    CHECK_EQ_UINT(table->used, 0);
    if (unpack_faults) fault_assert(self);
    memcpy(table, packed.data, packed.size);
    return unpack_error;
}

static WEFT_GEN_SERVER(tables, .name = "table", .state_size = sizeof(struct table),
                       .init = table_init, .handle_call = table_call, .handle_cast = table_cast,
                       .terminate = table_terminate, .pack = table_pack, .unpack = table_unpack);

static size_t traps;
static const char *server_name;
static void spawn_server(weft_self *self) {
    struct weft_spawn spawn = {
        .behaviour = &tables, .arg = weft_bytes("x", traps), .name = server_name};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &server), WEFT_OK);
}

static void open_server(size_t trap) {
    world_open();
    client = probe("client", PROBE_TRAP);
    traps = trap;
    server_name = "table";
    unpack_error = WEFT_OK;
    unpack_faults = false;
    in(client, spawn_server);
    name_pid(server, "server");
}

static void cast(uint32_t tag) {
    CHECK_EQ_INT(weft_sched_send(world.sched, server, tag, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
}

static uint32_t tag;
static weft_duration timeout;
static void call_it(weft_self *self) {
    CHECK_EQ_INT(weft_call(self, server, tag, weft_bytes(NULL, 0), timeout, &ref), WEFT_OK);
}
static void call(uint32_t with) {
    tag = with;
    timeout = WEFT_CALL_TIMEOUT;
    in(client, call_it);
}

static void seek(void *ctx, const struct weft_proc_info *info) {
    if (weft_pid_equal(info->pid, server)) *(struct weft_proc_info *)ctx = *info;
}
static bool hibernates(void) {
    struct weft_proc_info info = {.hibernates = false};
    weft_sched_each(world.sched, seek, &info);
    return info.hibernates;
}

/* --- hibernation --- */

static void a_state_is_packed_until_the_next_message(void) {
    open_server(0);
    cast(TAG_ADD);
    size_t awake = world.heap.bytes;
    cast(TAG_SLEEP);
    CHECK(hibernates());
    CHECK(world.heap.bytes + TABLE_SIZE - 256 < awake);
    call(TAG_PASS);
    CHECK(!hibernates());
    CHECK(world.heap.bytes + 64 > awake);
    CHECK_LOG("cast 1, cast 2, client reply server OK 1:7");
    world_close();
}

static void with_mail_waiting_it_stays_awake(void) {
    open_server(0);
    CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_SLEEP, weft_bytes(NULL, 0)), WEFT_OK);
    cast(TAG_ADD);
    CHECK(!hibernates());
    CHECK_LOG("cast 2, cast 1");
    world_close();
}

static void fill(weft_self *self) { (void)self; }
static int fill_table(void *ctx, void *state, size_t size) {
    struct table *table = state;
    (void)ctx;
    CHECK_EQ_UINT(size, sizeof *table);
    table->used = TABLE_SIZE - 1;
    return WEFT_OK;
}

static void a_pack_that_saves_nothing_is_not_kept(void) {
    open_server(0);
    in(client, fill);
    CHECK_EQ_INT(weft_sched_sys_replace_state(world.sched, server, fill_table, NULL), WEFT_OK);
    cast(TAG_SLEEP);
    CHECK(!hibernates());
    world_log_clear();
    world_close();
}

static void without_memory_for_the_pack_it_stays_awake(void) {
    open_server(0);
    CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_SLEEP, weft_bytes(NULL, 0)), WEFT_OK);
    world.alloc_fail = world.allocs + 1;
    settle();
    CHECK(!hibernates());
    call(TAG_PASS);
    CHECK_LOG("cast 2, client reply server OK 0:0");
    world_close();
}

static void watch_server(weft_self *self) { CHECK_EQ_INT(weft_monitor(self, server, &ref), 0); }

static void one_that_cannot_wake_up_ends(void) {
    for (int how = 0; how < 3; how++) {
        open_server(0);
        in(client, watch_server);
        cast(TAG_SLEEP);
        if (how == 0) unpack_error = WEFT_ERR_CORRUPT;
        if (how == 1) unpack_faults = true;
        CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_ADD, weft_bytes(NULL, 0)), WEFT_OK);
        if (how == 2) world.alloc_fail = world.allocs + 1;
        settle();
        static const char *const ends[] = {"cast 2, client down server error/-23",
                                           "cast 2, client down server fault/1",
                                           "cast 2, client down server limit/-1"};
        CHECK_LOG(ends[how]);
        world_close();
    }
}

static void end_server(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, server, &why);
}

static void the_end_finds_the_state_whole_and_a_kill_leaves_nothing(void) {
    open_server(1);
    cast(TAG_ADD);
    cast(TAG_SLEEP);
    in(client, end_server); /* its parent */
    CHECK_LOG("cast 1, cast 2, terminate shutdown/0 with 1");
    world_close();
    open_server(0);
    cast(TAG_SLEEP);
    in(client, end_server);
    CHECK(!alive(server));
    CHECK_LOG("cast 2");
    world_close();
}

static void sys_sees_the_state_of_one_that_hibernates(void) {
    struct table table;
    size_t size = sizeof table;
    open_server(0);
    cast(TAG_ADD);
    cast(TAG_SLEEP);
    CHECK_EQ_INT(weft_sched_sys_get_state(world.sched, server, &table, &size), WEFT_OK);
    CHECK_EQ_UINT(table.used, 1);
    world_log_clear();
    world_close();
}

/* --- calls to many --- */

static struct weft_target targets[5];
static size_t targets_count;
static int multi_rv;

static void multi(weft_self *self) {
    struct weft_multi multi = {
        .targets = targets, .count = targets_count, .tag = tag, .timeout = timeout};
    multi_rv = weft_multi_call(self, &multi, &ref);
}

/* The client of these: it reads the one answer. */
static void gather_handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_CAST) {
        multi(self);
        return;
    }
    CHECK_EQ_INT(msg->kind, WEFT_MSG_REPLY);
    CHECK_EQ_UINT(msg->ref, ref);
    note("%s:", weft_error_name(msg->status));
    for (size_t i = 0; msg->status == WEFT_OK && i < targets_count; i++) {
        struct weft_multi_answer answer;
        struct weft_bytes bytes = weft_multi_get(msg->data, i, &answer);
        note("%s %s %.*s", name_of(answer.from), weft_error_name(answer.status), (int)bytes.size,
             bytes.size > 0 ? (const char *)bytes.data : "");
    }
}
static WEFT_PROCESS(gatherer, .name = "gatherer", .handle = gather_handle);
static weft_pid caller;
static void spawn_gatherer(weft_self *self) {
    CHECK_EQ_INT(weft_spawn(self, &(struct weft_spawn){.behaviour = &gatherer}, &caller), WEFT_OK);
}
static void spawn_other(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &tables};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &other), WEFT_OK);
}

static void open_many(uint32_t with) {
    open_server(0);
    in(client, spawn_gatherer);
    in(client, spawn_other);
    name_pid(other, "other");
    tag = with;
    timeout = WEFT_S(5);
    targets[0] = (struct weft_target){.name = "table"};
    targets[1] = (struct weft_target){.pid = other};
    targets[2] = (struct weft_target){.name = "nobody"};
    targets[3] = (struct weft_target){.pid = {1234567}};
    targets_count = 4;
}
static void gather(void) {
    CHECK_EQ_INT(weft_sched_send(world.sched, caller, 0, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
}

static void one_reply_tells_all_answers_and_who_failed(void) {
    uint32_t before;
    open_many(TAG_PASS);
    before = stats().procs;
    if (WEFT_MULTI_MAX >= 4) {
        gather();
        CHECK_EQ_INT(multi_rv, WEFT_OK);
        CHECK_LOG("OK:, server OK 0:0, other OK 0:0, - NOT_FOUND , ? NO_PROC ");
        CHECK_EQ_UINT(stats().procs, before);
    }
    world_close();
}

static void who_does_not_answer_in_time_is_a_timeout_and_who_dies_no_proc(void) {
    open_many(TAG_HOLD);
    targets_count = 2;
    gather();
    CHECK_LOG("");
    pass(WEFT_S(5));
    CHECK_LOG("OK:, server TIMEOUT , other TIMEOUT ");
    tag = TAG_DIE;
    gather();
    CHECK_LOG("terminate error/7 with 0, terminate error/7 with 0, OK:, server NO_PROC , "
              "other NO_PROC ");
    world_close();
}

static void calling_nobody_answers_at_once_and_too_many_are_refused(void) {
    static struct weft_target many[WEFT_MULTI_MAX + 1];
    open_many(TAG_PASS);
    targets_count = 0;
    gather();
    CHECK_LOG("OK:");
    (void)many;
    targets_count = WEFT_MULTI_MAX + 1;
    gather();
    CHECK_EQ_INT(multi_rv, WEFT_ERR_TOO_BIG);
    CHECK_LOG("");
    world_close();
}

static void kill_caller(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, caller, &why);
}

static void a_caller_that_dies_leaves_nobody_waiting(void) {
    open_many(TAG_HOLD);
    uint32_t before = stats().procs;
    targets_count = 2;
    gather();
    CHECK_EQ_UINT(stats().procs, before + 1);
    in(client, kill_caller);
    CHECK_EQ_UINT(stats().procs, before - 1);
    world_close();
}

static void a_call_to_many_survives_each_allocation_that_fails(void) {
    multi_rv = WEFT_ERR_NOMEM;
    for (uint64_t n = 1; n < 40; n++) {
        open_many(TAG_PASS);
        uint32_t before = stats().procs;
        CHECK_EQ_INT(weft_sched_send(world.sched, caller, 0, weft_bytes(NULL, 0)), WEFT_OK);
        world.alloc_fail = world.allocs + n;
        settle();
        pass(WEFT_S(10));
        CHECK_EQ_UINT(stats().procs, before);
        bool answered = strstr(world.log, ":") != NULL;
        CHECK_EQ_INT(answered, multi_rv == WEFT_OK);
        world_log_clear();
        world_close();
    }
    CHECK_EQ_INT(multi_rv, WEFT_OK);
}

static void cast_all(weft_self *self) {
    struct weft_msg msg = {.tag = TAG_ADD};
    CHECK_EQ_UINT(weft_abcast(self, targets, targets_count, &msg), 2);
}

static void abcast_reaches_those_who_are_there(void) {
    open_many(TAG_PASS);
    in(client, cast_all);
    CHECK_LOG("cast 1, cast 1");
    world_close();
}

/* --- stop --- */

static struct weft_stop stopping;
static void stop_it(weft_self *self) {
    CHECK_EQ_INT(weft_stop_server(self, server, &stopping, &ref), WEFT_OK);
}
static void stop_self(weft_self *self) {
    CHECK_EQ_INT(weft_stop_server(self, weft_self_pid(self), &stopping, &ref), WEFT_ERR_INVAL);
}
static void stop(enum weft_reason_kind kind, weft_duration within) {
    stopping = (struct weft_stop){.reason = weft_reason(kind, 3), .timeout = within};
    in(client, stop_it);
}

static void a_server_is_stopped_after_what_was_sent_before(void) {
    open_server(0);
    CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_ADD, weft_bytes(NULL, 0)), WEFT_OK);
    uint32_t before = stats().procs;
    stop(WEFT_REASON_ERROR, WEFT_S(1));
    CHECK_LOG("cast 1, terminate error/3 with 1, client reply ? OK");
    CHECK_EQ_UINT(stats().procs, before - 1);
    stop(WEFT_REASON_NORMAL, WEFT_S(1));
    CHECK_LOG("client reply ? NO_PROC");
    in(client, stop_self);
    world_close();
}

static void a_suspended_server_is_stopped_at_once(void) {
    open_server(0);
    CHECK_EQ_INT(weft_sched_sys_suspend(world.sched, server), WEFT_OK);
    stop(WEFT_REASON_NORMAL, WEFT_S(1));
    CHECK_LOG("terminate normal/3 with 0, client reply ? OK");
    world_close();
}

static void a_stop_that_comes_too_late_tells_so(void) {
    open_server(0);
    stopping =
        (struct weft_stop){.reason = weft_reason(WEFT_REASON_NORMAL, 0), .timeout = WEFT_S(1)};
    in_later(client, stop_it);
    /* It lies in the mailbox before the stop does, and ends the server otherwise. */
    CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_DIE, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    CHECK_LOG("cast 5, terminate error/7 with 0, client reply ? CLOSED");
    world_close();
}

static void a_server_that_does_not_end_in_time_is_a_timeout_and_ends_later(void) {
    open_server(0);
    stopping =
        (struct weft_stop){.reason = weft_reason(WEFT_REASON_NORMAL, 0), .timeout = WEFT_S(1)};
    in_later(client, stop_it);
    for (int i = 0; i < 8; i++)
        CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_ADD, weft_bytes(NULL, 0)), WEFT_OK);
    (void)weft_sched_run(world.sched, 1);
    world.now += WEFT_S(1); /* one message at a time: the stop is the ninth */
    for (int i = 0; i < 4; i++) (void)weft_sched_run(world.sched, 1);
    CHECK(strstr(world.log, "terminate") == NULL);
    settle();
    CHECK(strstr(world.log, "client reply ? TIMEOUT") != NULL);
    CHECK(strstr(world.log, "terminate normal/0 with 8") != NULL);
    CHECK(!alive(server));
    world_log_clear();
    world_close();
}

/* --- deadlines --- */

static weft_pid front, back;
static int hop_depth;

/* front calls back with what remains, and back tells how much that is. */
static void hop_call(weft_self *self, const struct weft_msg *msg) {
    struct weft_call call = weft_call_of(msg);
    note("%s has %d ms", name_of(weft_self_pid(self)),
         (int)(weft_call_remaining(self, &call) / WEFT_MS(1)));
    if (weft_pid_equal(weft_self_pid(self), front)) {
        weft_ref inner;
        CHECK_EQ_INT(weft_call(self, back, 1, weft_bytes(NULL, 0), WEFT_INHERIT, &inner), WEFT_OK);
    }
    hop_depth++;
}
static void hop_info(weft_self *self, const struct weft_msg *msg) {
    probe_note(self, name_of(weft_self_pid(self)), msg);
}
static WEFT_GEN_SERVER(hop, .name = "hop", .handle_call = hop_call, .handle_info = hop_info);
static void spawn_hops(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &hop};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &front), WEFT_OK);
    CHECK_EQ_INT(weft_spawn(self, &spawn, &back), WEFT_OK);
}
static void call_front(weft_self *self) {
    CHECK_EQ_INT(weft_call(self, front, 1, weft_bytes(NULL, 0), timeout, &ref), WEFT_OK);
}
static void open_hops(weft_duration within) {
    world_open();
    client = probe("client", 0);
    in(client, spawn_hops);
    name_pid(front, "front");
    name_pid(back, "back");
    timeout = within;
}

static void what_remains_is_inherited_by_the_next_call(void) {
    open_hops(WEFT_MS(300));
    CHECK_EQ_INT(weft_sched_sys_suspend(world.sched, front), WEFT_OK);
    in(client, call_front);
    pass(WEFT_MS(100));
    CHECK_EQ_INT(weft_sched_sys_resume(world.sched, front), WEFT_OK);
    settle();
    CHECK_LOG("front has 200 ms, back has 200 ms");
    pass(WEFT_MS(199));
    CHECK_LOG("");
    pass(WEFT_MS(1));
    CHECK_LOG("client reply front TIMEOUT, front reply back TIMEOUT");
    world_close();
}

static void without_a_deadline_there_is_none_to_inherit(void) {
    open_hops(WEFT_TIME_NEVER);
    in(client, call_front);
    pass(WEFT_HOUR(1));
    CHECK(strstr(world.log, "TIMEOUT") == NULL);
    world_log_clear();
    world_close();
}

static void outside_of_a_call_inherit_is_the_default(void) {
    open_hops(WEFT_INHERIT);
    in(client, call_front);
    CHECK_LOG("front has 5000 ms, back has 5000 ms");
    world_close();
}

static void a_call_whose_time_is_over_is_not_handled_but_counted(void) {
    open_hops(WEFT_MS(10));
    CHECK_EQ_INT(weft_sched_sys_suspend(world.sched, front), WEFT_OK);
    in(client, call_front);
    pass(WEFT_MS(10));
    CHECK_LOG("client reply front TIMEOUT");
    CHECK_EQ_INT(weft_sched_sys_resume(world.sched, front), WEFT_OK);
    settle();
    CHECK_LOG("");
    CHECK_EQ_UINT(stats().expired, 1);
    world_close();
}

static void a_call_of_one_who_died_is_handled_as_in_otp(void) {
    open_hops(WEFT_MS(10));
    CHECK_EQ_INT(weft_sched_sys_suspend(world.sched, front), WEFT_OK);
    in(client, call_front);
    in(client, stop_normal);
    CHECK_EQ_INT(weft_sched_sys_resume(world.sched, front), WEFT_OK);
    settle();
    CHECK(strstr(world.log, "front has") != NULL);
    CHECK_EQ_UINT(stats().expired, 0);
    world_log_clear();
    world_close();
}

/* --- names --- */

static void watch_name(weft_self *self) {
    CHECK_EQ_INT(weft_monitor_name(self, "table", &ref), WEFT_OK);
    CHECK_EQ_INT(weft_monitor_name(self, "", &ref), WEFT_ERR_INVAL);
}
static void name_handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_CAST) watch_name(self);
    if (msg->kind == WEFT_MSG_DOWN)
        note("down %.*s %s %s", (int)msg->data.size, (const char *)msg->data.data,
             name_of(msg->from), why_text(msg->reason));
}
static WEFT_PROCESS(namer, .name = "namer", .handle = name_handle);
static void spawn_namer(weft_self *self) {
    CHECK_EQ_INT(weft_spawn(self, &(struct weft_spawn){.behaviour = &namer}, &other), WEFT_OK);
}

static void a_monitor_by_name_tells_the_name(void) {
    open_server(0);
    in(client, spawn_namer);
    CHECK_EQ_INT(weft_sched_send(world.sched, other, 0, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    in(client, end_server);
    CHECK_LOG("down table server shutdown/0");
    CHECK_EQ_INT(weft_sched_send(world.sched, other, 0, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    CHECK_LOG("down table - noproc/0");
    world_close();
}

static void list_name(void *ctx, const char *name, weft_pid pid) {
    CHECK(ctx == &server);
    note("%s=%s", name, name_of(pid));
}
static void list(weft_self *self) { weft_registered(self, list_name, &server); }

static void registered_names_are_listed(void) {
    open_server(0);
    (void)probe("named", PROBE_NAME);
    in(client, list);
    CHECK_LOG("table=server, named=named");
    world_close();
}

TEST_MAIN("otp/gen_server_calls", TEST(a_state_is_packed_until_the_next_message),
          TEST(with_mail_waiting_it_stays_awake), TEST(a_pack_that_saves_nothing_is_not_kept),
          TEST(without_memory_for_the_pack_it_stays_awake), TEST(one_that_cannot_wake_up_ends),
          TEST(the_end_finds_the_state_whole_and_a_kill_leaves_nothing),
          TEST(sys_sees_the_state_of_one_that_hibernates),
          TEST(one_reply_tells_all_answers_and_who_failed),
          TEST(who_does_not_answer_in_time_is_a_timeout_and_who_dies_no_proc),
          TEST(calling_nobody_answers_at_once_and_too_many_are_refused),
          TEST(a_caller_that_dies_leaves_nobody_waiting),
          TEST(a_call_to_many_survives_each_allocation_that_fails),
          TEST(abcast_reaches_those_who_are_there),
          TEST(a_server_is_stopped_after_what_was_sent_before),
          TEST(a_suspended_server_is_stopped_at_once), TEST(a_stop_that_comes_too_late_tells_so),
          TEST(a_server_that_does_not_end_in_time_is_a_timeout_and_ends_later),
          TEST(what_remains_is_inherited_by_the_next_call),
          TEST(without_a_deadline_there_is_none_to_inherit),
          TEST(outside_of_a_call_inherit_is_the_default),
          TEST(a_call_whose_time_is_over_is_not_handled_but_counted),
          TEST(a_call_of_one_who_died_is_handled_as_in_otp), TEST(a_monitor_by_name_tells_the_name),
          TEST(registered_names_are_listed))
