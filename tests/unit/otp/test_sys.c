/* https://www.erlang.org/doc/man/sys.html */
#include "core/otp/gen_statem.h"
#include "core/otp/sys.h"

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "tests/unit/otp/fake_env.h"

#include <stdio.h>

struct count {
    uint64_t n;
};

enum { TAG_ADD = 1, TAG_WAIT, TAG_SELF, TAG_SEND };

static weft_pid server, client, peer;
static weft_ref ref;

static int count_init(weft_self *self, struct weft_bytes arg) {
    weft_trap_exit(self, arg.size > 0);
    weft_trap_parent_exit(self, arg.size > 1);
    return WEFT_OK;
}

static void count_call(weft_self *self, const struct weft_msg *call) {
    struct count *count = weft_state(self);
    count->n++;
    weft_reply_now(self, call, "yes", 3);
}

static void count_cast(weft_self *self, const struct weft_msg *cast) {
    struct count *count = weft_state(self);
    note("cast %u", cast->tag);
    count->n += cast->tag == TAG_ADD;
    if (cast->tag == TAG_WAIT) weft_timer_start(self, WEFT_MS(10), 9, weft_bytes(NULL, 0), &ref);
    if (cast->tag == TAG_SELF) CHECK_EQ_INT(weft_sys_suspend(self, weft_self_pid(self)), WEFT_OK);
    if (cast->tag == TAG_SEND) weft_send(self, client, 5, weft_bytes("hello", 5));
}

static void count_info(weft_self *self, const struct weft_msg *info) {
    probe_note(self, "server", info);
    if (info->kind == WEFT_MSG_EXIT) stop_normal(self);
}

static void count_terminate(weft_self *self, const struct weft_reason *why) {
    (void)self;
    note("terminate %s", why_text(why));
}

static size_t count_status(weft_self *self, char *text, size_t size) {
    const struct count *count = weft_state(self);
    WEFT_ASSERT(count->n < 99);
    return (size_t)snprintf(text, size, "n is %d", (int)count->n);
}

static WEFT_GEN_SERVER(counting, .name = "counting", .version = 3,
                       .state_size = sizeof(struct count), .init = count_init,
                       .handle_call = count_call, .handle_cast = count_cast,
                       .handle_info = count_info, .terminate = count_terminate,
                       .format_status = count_status);

static size_t options;
static void spawn_server(weft_self *self) {
    struct weft_spawn spawn = {
        .behaviour = &counting, .arg = weft_bytes("xx", options), .name = "server", .link = true};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &server), WEFT_OK);
}

/* `how`: 0, 1 traps exits, 2 traps its parent's too. */
static void open_sys(size_t how) {
    world_open();
    client = probe("client", PROBE_TRAP);
    options = how;
    in(client, spawn_server);
    name_pid(server, "server");
    peer = probe("peer", 0);
}

static void cast(uint32_t tag) {
    CHECK_EQ_INT(weft_sched_send(world.sched, server, tag, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
}
static void call_server(weft_self *self) {
    CHECK_EQ_INT(weft_call(self, server, 7, weft_bytes("abc", 3), WEFT_S(5), &ref), WEFT_OK);
}
static void end_server(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, server, &why);
}
static void kill_server(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, server, &why);
}
static void suspend(void) {
    CHECK_EQ_INT(weft_sched_sys_suspend(world.sched, server), WEFT_OK);
    settle();
}
static void resume(void) {
    CHECK_EQ_INT(weft_sched_sys_resume(world.sched, server), WEFT_OK);
    settle();
}
static struct weft_sys_status status_of(weft_pid pid) {
    struct weft_sys_status status;
    memset(&status, 0, sizeof status);
    CHECK_EQ_INT(weft_sched_sys_get_status(world.sched, pid, &status), WEFT_OK);
    return status;
}

/* --- holding --- */

static void mail_of_a_suspended_process_waits_and_is_handled_in_order(void) {
    open_sys(0);
    suspend();
    cast(TAG_ADD);
    in(client, call_server);
    cast(TAG_SEND);
    CHECK_LOG("");
    CHECK_EQ_UINT(status_of(server).info.mailbox, 3);
    CHECK(status_of(server).info.suspended);
    CHECK_EQ_UINT(stats().runnable, 0);
    resume();
    /* The client may run between two of them. */
    const char *add = strstr(world.log, "cast 1"), *send = strstr(world.log, "cast 4");
    const char *reply = strstr(world.log, "client reply server OK yes");
    CHECK(add == world.log && add < send);
    CHECK(reply != NULL && reply < strstr(world.log, "client cast server 5 hello"));
    world_log_clear();
    CHECK(!status_of(server).info.suspended);
    world_close();
}

static void a_call_to_a_suspended_process_times_out(void) {
    open_sys(0);
    suspend();
    in(client, call_server);
    pass(WEFT_S(5));
    CHECK_LOG("client reply server TIMEOUT");
    resume();
    CHECK_LOG("");
    world_close();
}

static void timers_go_on_and_wait_in_the_mailbox(void) {
    open_sys(0);
    cast(TAG_WAIT);
    suspend();
    pass(WEFT_MS(20));
    CHECK_LOG("cast 2");
    CHECK_EQ_UINT(status_of(server).info.timers, 0);
    CHECK_EQ_UINT(status_of(server).info.mailbox, 1);
    resume();
    CHECK_LOG("server timer 9");
    world_close();
}

static void a_process_that_was_to_run_does_not_once_it_is_suspended(void) {
    open_sys(0);
    CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_ADD, weft_bytes(NULL, 0)), WEFT_OK);
    CHECK_EQ_UINT(stats().runnable, 1);
    suspend();
    CHECK_EQ_UINT(stats().runnable, 0);
    CHECK_LOG("");
    resume();
    CHECK_LOG("cast 1");
    world_close();
}

static void one_that_suspends_itself_ends_its_handler_first(void) {
    open_sys(0);
    CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_SELF, weft_bytes(NULL, 0)), WEFT_OK);
    CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_ADD, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    CHECK_LOG("cast 3");
    resume();
    CHECK_LOG("cast 1");
    world_close();
}

static void suspending_twice_is_suspending_once(void) {
    open_sys(0);
    suspend();
    suspend();
    cast(TAG_ADD);
    resume();
    CHECK_LOG("cast 1");
    resume();
    CHECK_LOG("");
    world_close();
}

static void a_kill_and_an_untrapped_exit_end_a_suspended_process(void) {
    open_sys(1);
    suspend();
    in(peer, kill_server);
    CHECK(!alive(server));
    CHECK_LOG("client exit server killed/0");
    world_close();
    open_sys(0);
    suspend();
    in(peer, end_server);
    CHECK(!alive(server));
    CHECK_LOG("client exit server shutdown/0");
    world_close();
}

static void a_trapped_exit_of_another_waits(void) {
    open_sys(1);
    suspend();
    in(peer, end_server);
    CHECK(alive(server));
    CHECK_LOG("");
    resume();
    CHECK_LOG("server exit peer shutdown/0, terminate normal/0, client exit server normal/0");
    world_close();
}

/* Seen on OTP 25: exit(P, shutdown) by the parent of a suspended gen_server that traps exits
 * runs terminate(shutdown, _) at once. */
static void the_parent_s_exit_ends_a_suspended_process_with_its_mail_unread(void) {
    open_sys(1);
    suspend();
    cast(TAG_ADD);
    in(client, end_server);
    CHECK(!alive(server));
    CHECK_LOG("terminate shutdown/0, client exit server shutdown/0");
    world_close();
}

static void the_parent_s_exit_that_came_before_the_suspension_ends_it_too(void) {
    open_sys(1);
    struct weft_sys_status status = status_of(server);
    CHECK_EQ_UINT(status.info.mailbox, 0);
    CHECK_EQ_INT(weft_sched_send(world.sched, server, TAG_SELF, weft_bytes(NULL, 0)), WEFT_OK);
    in_later(client, end_server);
    /* The server runs first and suspends itself; then the exit comes. */
    settle();
    CHECK_LOG("cast 3, terminate shutdown/0, client exit server shutdown/0");
    world_close();
}

static void one_that_handles_its_parent_s_exit_is_resumed_by_it(void) {
    open_sys(2);
    suspend();
    cast(TAG_ADD);
    in(client, end_server);
    CHECK_LOG("cast 1, server exit client shutdown/0, terminate normal/0, "
              "client exit server normal/0");
    world_close();
}

/* --- looking --- */

static void the_status_tells_what_there_is(void) {
    open_sys(1);
    cast(TAG_ADD);
    world_log_clear();
    struct weft_sys_status status = status_of(server);
    CHECK_EQ_TEXT(status.info.name, "server");
    CHECK_EQ_TEXT(status.info.behaviour, "counting");
    CHECK_EQ_UINT(status.info.version, 3);
    CHECK_EQ_UINT(status.state_size, sizeof(struct count));
    CHECK(status.info.trap_exit);
    CHECK(status.info.application == NULL);
    CHECK_EQ_TEXT(status.text, "n is 1");
    REQUIRE(status.ancestors_count == 2);
    CHECK_EQ_TEXT(name_of(status.ancestors[0]), "client");
    CHECK_EQ_TEXT(name_of(status.ancestors[1]), "root");
    CHECK_EQ_TEXT(status_of(client).text, "");
    world_close();
}

static int set_to(void *ctx, void *state, size_t size) {
    struct count *count = state;
    CHECK_EQ_UINT(size, sizeof *count);
    count->n = *(uint64_t *)ctx;
    return count->n == 5 ? WEFT_OK : WEFT_ERR_INVAL;
}

static void the_state_is_read_and_replaced(void) {
    struct count count;
    size_t size = sizeof count - 1;
    uint64_t n = 5;
    open_sys(0);
    CHECK_EQ_INT(weft_sched_sys_get_state(world.sched, server, &count, &size), WEFT_ERR_TOO_BIG);
    CHECK_EQ_UINT(size, sizeof count);
    CHECK_EQ_INT(weft_sched_sys_replace_state(world.sched, server, set_to, &n), WEFT_OK);
    CHECK_EQ_INT(weft_sched_sys_get_state(world.sched, server, &count, &size), WEFT_OK);
    CHECK_EQ_UINT(count.n, 5);
    n = 6;
    CHECK_EQ_INT(weft_sched_sys_replace_state(world.sched, server, set_to, &n), WEFT_ERR_INVAL);
    world_close();
}

/* --- a machine's state is its number and its data --- */

struct door {
    uint64_t opened;
};

static void door_handle(weft_self *self, const struct weft_statem_event *event) {
    struct door *door = weft_statem_data(self);
    if (event->type != WEFT_STATEM_CAST) return;
    note("%s %u", weft_statem_state_name(self), (unsigned)door->opened);
}

static const struct weft_statem_state door_states[] = {{"shut", door_handle},
                                                       {"open", door_handle}};
static int door_init(weft_self *self, struct weft_bytes arg) {
    (void)self;
    (void)arg;
    return WEFT_OK;
}
static WEFT_STATEM(door_v1, "door", 1, .data_size = sizeof(struct door), .init = door_init,
                   .callbacks = {.states = door_states, .states_count = 2});

struct seen_door {
    struct weft_sys_statem head;
    struct door door;
};

static int put_door(void *ctx, void *state, size_t size) {
    CHECK_EQ_UINT(size, sizeof(struct seen_door));
    memcpy(state, ctx, sizeof(struct seen_door));
    return WEFT_OK;
}

static int put_nothing(void *ctx, void *state, size_t size) {
    memset(state, 0xff, size);
    (void)ctx;
    return WEFT_ERR_REFUSED;
}

static void spawn_door(weft_self *self) {
    CHECK_EQ_INT(weft_spawn(self, &(struct weft_spawn){.behaviour = &door_v1.behaviour}, &server),
                 WEFT_OK);
}

static void a_machine_is_put_only_where_it_can_be(void) {
    open_sys(0);
    in(client, spawn_door);
    struct seen_door seen;
    size_t size = sizeof seen;
    CHECK_EQ_INT(weft_sched_sys_get_state(world.sched, server, &seen, &size), WEFT_OK);
    CHECK_EQ_UINT(size, sizeof seen);
    CHECK_EQ_UINT(seen.head.state, 0);
    CHECK_EQ_UINT(seen.head.data_size, sizeof(struct door));
    struct seen_door wanted = {.head = seen.head, .door = {7}};
    wanted.head.state = 2; /* it has two */
    CHECK_EQ_INT(weft_sched_sys_replace_state(world.sched, server, put_door, &wanted),
                 WEFT_ERR_INVAL);
    wanted.head.state = 1;
    wanted.head.data_size--;
    CHECK_EQ_INT(weft_sched_sys_replace_state(world.sched, server, put_door, &wanted),
                 WEFT_ERR_INVAL);
    CHECK_EQ_INT(weft_sched_sys_replace_state(world.sched, server, put_nothing, NULL),
                 WEFT_ERR_REFUSED);
    cast(TAG_ADD);
    CHECK_LOG("shut 0");
    wanted.head.data_size++;
    CHECK_EQ_INT(weft_sched_sys_replace_state(world.sched, server, put_door, &wanted), WEFT_OK);
    cast(TAG_ADD);
    CHECK_LOG("open 7");
    world_close();
}

static void a_format_status_that_faults_is_survived(void) {
    uint64_t n = 99;
    open_sys(0);
    (void)weft_sched_sys_replace_state(world.sched, server, set_to, &n);
    struct weft_sys_status status = status_of(server);
    CHECK(strstr(status.text, "count->n < 99") != NULL);
    CHECK(alive(server));
    cast(TAG_ADD);
    CHECK_LOG("cast 1");
    world_close();
}

/* It does all that it must not. */
static size_t wild_status(weft_self *self, char *text, size_t size) {
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    WEFT_ASSERT(size > 4);
    (void)weft_send(self, weft_self_pid(self), TAG_ADD, weft_bytes(NULL, 0));
    weft_stop(self, &kill);
    weft_exit(self, weft_self_pid(self), &kill);
    memcpy(text, "wild", 4);
    return 4;
}
static void wild_handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->tag == 77) fault_assert(self);
    note("wild %u", msg->tag);
}
static WEFT_PROCESS(wild, .name = "wild", .handle = wild_handle, .format_status = wild_status);
static void spawn_wild(weft_self *self) {
    CHECK_EQ_INT(weft_spawn(self, &(struct weft_spawn){.behaviour = &wild}, &server), WEFT_OK);
}

static void a_format_status_ends_nobody(void) {
    world_open();
    in(world.root, spawn_wild);
    struct weft_sys_status status = status_of(server);
    CHECK_EQ_TEXT(status.text, "wild");
    settle();
    CHECK(alive(server));
    CHECK_LOG("wild 1");
    cast(77);
    CHECK(!alive(server));
    CHECK_LOG("");
    world_close();
}

static size_t doze(weft_self *self, void *room, size_t size) {
    WEFT_ASSERT(room == NULL || size == 1);
    (void)self;
    return 1;
}
static int die_on_waking(weft_self *self, struct weft_bytes packed) {
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    (void)packed;
    weft_exit(self, weft_self_pid(self), &kill);
    return WEFT_OK;
}
static void go_to_sleep(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    weft_gen_server_hibernate(self);
}
static WEFT_GEN_SERVER(sleeper, .name = "sleeper", .state_size = 1000, .handle_cast = go_to_sleep,
                       .pack = doze, .unpack = die_on_waking);
static void spawn_sleeper(weft_self *self) {
    CHECK_EQ_INT(weft_spawn(self, &(struct weft_spawn){.behaviour = &sleeper}, &server), WEFT_OK);
}

static void one_that_ends_as_it_is_woken_to_be_read_is_gone(void) {
    size_t size = 0;
    world_open();
    in(world.root, spawn_sleeper);
    cast(TAG_ADD);
    CHECK_EQ_INT(weft_sched_sys_get_state(world.sched, server, NULL, &size), WEFT_ERR_NO_PROC);
    CHECK(!alive(server));
    world_close();
}

static void a_crash_report_tells_the_state(void) {
    open_sys(0);
    CHECK_EQ_INT(weft_sched_poison(world.sched, server, "planted"), WEFT_OK);
    cast(TAG_ADD);
    const struct fake_trace *log = traced_last(WEFT_TRACE_LOG);
    REQUIRE(log != NULL);
    CHECK(strstr(log->text, "crash: state of process") != NULL);
    CHECK(strstr(log->text, "n is 0") != NULL);
    world_log_clear();
    world_close();
}

/* --- watching --- */

static char seen[512], empty[] = "", mark[] = "c";
static void see(void *ctx, const struct weft_sys_event *event) {
    size_t used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "%s%s %s %s %u/%u %.*s; ", (const char *)ctx,
             event->out ? ">" : "<", name_of(event->peer), weft_msg_kind_name(event->kind),
             event->tag, event->size, (int)event->data.size,
             event->data.size > 0 ? (const char *)event->data.data : "");
}

static void an_installed_function_sees_what_comes_and_goes(void) {
    open_sys(0);
    seen[0] = '\0';
    CHECK_EQ_INT(weft_sched_sys_install(world.sched, server, see, empty), WEFT_OK);
    CHECK_EQ_INT(weft_sched_sys_install(world.sched, server, see, empty), WEFT_ERR_EXISTS);
    CHECK(status_of(server).info.watched);
    in(client, call_server);
    cast(TAG_SEND);
    CHECK_EQ_TEXT(seen, "< client call 7/3 abc; > client reply 0/3 yes; < - cast 4/0 ; "
                        "> client cast 5/5 hello; ");
    CHECK_EQ_INT(weft_sched_sys_remove(world.sched, server, see, empty), WEFT_OK);
    CHECK_EQ_INT(weft_sched_sys_remove(world.sched, server, see, empty), WEFT_ERR_NOT_FOUND);
    CHECK(!status_of(server).info.watched);
    seen[0] = '\0';
    cast(TAG_ADD);
    CHECK_EQ_TEXT(seen, "");
    world_log_clear();
    world_close();
}

static void a_caller_s_calls_go_out_and_replies_come_in(void) {
    open_sys(0);
    seen[0] = '\0';
    CHECK_EQ_INT(weft_sched_sys_install(world.sched, client, see, mark), WEFT_OK);
    in(client, call_server);
    CHECK(strstr(seen, "c> server call 7/3 abc; c< server reply 7/3 yes; ") != NULL);
    world_log_clear();
    world_close();
}

static void the_log_keeps_the_last_messages(void) {
    open_sys(0);
    CHECK_EQ_INT(weft_sched_sys_log(world.sched, server, WEFT_SYS_LOG_MAX + 1), WEFT_ERR_TOO_BIG);
    CHECK_EQ_INT(weft_sched_sys_log(world.sched, server, 3), WEFT_OK);
    cast(TAG_ADD);
    cast(TAG_SEND);
    in(client, call_server);
    seen[0] = '\0';
    CHECK_EQ_INT(weft_sched_sys_get_log(world.sched, server, see, empty), WEFT_OK);
    CHECK_EQ_TEXT(seen, "> client cast 5/5 hello; < client call 7/3 abc; > client reply 0/3 yes; ");
    CHECK_EQ_INT(weft_sched_sys_log(world.sched, server, 0), WEFT_OK);
    seen[0] = '\0';
    CHECK_EQ_INT(weft_sched_sys_get_log(world.sched, server, see, empty), WEFT_OK);
    CHECK_EQ_TEXT(seen, "");
    CHECK(!status_of(server).info.watched);
    world_log_clear();
    world_close();
}

static void statistics_count_from_when_they_were_asked_for(void) {
    struct weft_sys_statistics statistics;
    open_sys(0);
    cast(TAG_ADD);
    CHECK_EQ_INT(weft_sched_sys_get_statistics(world.sched, server, &statistics),
                 WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(weft_sched_sys_statistics(world.sched, server, true), WEFT_OK);
    in(client, call_server);
    cast(TAG_SEND);
    CHECK_EQ_INT(weft_sched_sys_get_statistics(world.sched, server, &statistics), WEFT_OK);
    CHECK_EQ_UINT(statistics.messages_in, 2);
    CHECK_EQ_UINT(statistics.messages_out, 2);
    CHECK_EQ_UINT(statistics.bytes_in, 3);
    CHECK_EQ_UINT(statistics.bytes_out, 8);
    CHECK_EQ_UINT(statistics.reductions, 2);
    CHECK_EQ_INT(weft_sched_sys_statistics(world.sched, server, false), WEFT_OK);
    CHECK_EQ_INT(weft_sched_sys_get_statistics(world.sched, server, &statistics),
                 WEFT_ERR_NOT_FOUND);
    world_log_clear();
    world_close();
}

static void a_traced_process_tells_the_trace(void) {
    open_sys(0);
    CHECK_EQ_INT(weft_sched_sys_trace(world.sched, server, true), WEFT_OK);
    in(client, call_server);
    CHECK_EQ_UINT(traced(WEFT_TRACE_SYS_MESSAGE), 2);
    const struct fake_trace *last = traced_last(WEFT_TRACE_SYS_MESSAGE);
    REQUIRE(last != NULL);
    CHECK_EQ_TEXT(last->text, "reply");
    CHECK_EQ_UINT(last->number[0], server.raw);
    CHECK_EQ_UINT(last->number[1], client.raw);
    CHECK_EQ_UINT(last->number[2], 1);
    CHECK_EQ_INT(weft_sched_sys_trace(world.sched, server, false), WEFT_OK);
    in(client, call_server);
    CHECK_EQ_UINT(traced(WEFT_TRACE_SYS_MESSAGE), 2);
    world_log_clear();
    world_close();
}

static void no_debug_takes_all_of_it_and_so_does_the_end(void) {
    open_sys(0);
    CHECK_EQ_INT(weft_sched_sys_trace(world.sched, server, true), WEFT_OK);
    CHECK_EQ_INT(weft_sched_sys_log(world.sched, server, 4), WEFT_OK);
    CHECK_EQ_INT(weft_sched_sys_install(world.sched, server, see, empty), WEFT_OK);
    CHECK_EQ_INT(weft_sched_sys_no_debug(world.sched, server), WEFT_OK);
    CHECK(!status_of(server).info.watched);
    CHECK_EQ_INT(weft_sched_sys_log(world.sched, server, 4), WEFT_OK);
    CHECK_EQ_INT(weft_sched_sys_install(world.sched, server, see, empty), WEFT_OK);
    in(peer, kill_server);
    world_log_clear();
    world_close();
}

static void every_request_to_the_dead_is_no_proc(void) {
    struct weft_sys_status status;
    struct weft_sys_statistics statistics;
    struct count count;
    size_t size = sizeof count;
    struct weft_sched *sched;
    open_sys(0);
    in(peer, kill_server);
    sched = world.sched;
    CHECK_EQ_INT(weft_sched_sys_suspend(sched, server), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_resume(sched, server), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_get_status(sched, server, &status), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_get_state(sched, server, &count, &size), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_replace_state(sched, server, set_to, NULL), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_trace(sched, server, true), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_log(sched, server, 1), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_get_log(sched, server, see, NULL), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_statistics(sched, server, true), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_get_statistics(sched, server, &statistics), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_install(sched, server, see, NULL), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_remove(sched, server, see, NULL), WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(weft_sched_sys_no_debug(sched, server), WEFT_ERR_NO_PROC);
    world_log_clear();
    world_close();
}

static void look_from_inside(weft_self *self) {
    struct weft_sys_status status;
    struct weft_sys_statistics statistics;
    struct count count;
    size_t size = sizeof count;
    uint64_t n = 5;
    CHECK_EQ_INT(weft_sys_suspend(self, server), WEFT_OK);
    CHECK_EQ_INT(weft_sys_get_status(self, server, &status), WEFT_OK);
    CHECK(status.info.suspended);
    CHECK_EQ_INT(weft_sys_get_state(self, server, &count, &size), WEFT_OK);
    CHECK_EQ_INT(weft_sys_replace_state(self, server, set_to, &n), WEFT_OK);
    CHECK_EQ_INT(weft_sys_trace(self, server, true), WEFT_OK);
    CHECK_EQ_INT(weft_sys_log(self, server, 2), WEFT_OK);
    CHECK_EQ_INT(weft_sys_statistics(self, server, true), WEFT_OK);
    CHECK_EQ_INT(weft_sys_get_statistics(self, server, &statistics), WEFT_OK);
    CHECK_EQ_INT(weft_sys_get_log(self, server, see, NULL), WEFT_OK);
    CHECK_EQ_INT(weft_sys_no_debug(self, server), WEFT_OK);
    CHECK_EQ_INT(weft_sys_resume(self, server), WEFT_OK);
    weft_pid above[WEFT_ANCESTORS_MAX];
    CHECK_EQ_UINT(weft_self_ancestors(self, above, WEFT_ANCESTORS_MAX), 1);
    CHECK_EQ_TEXT(name_of(above[0]), "root");
    CHECK_EQ_UINT(weft_self_ancestors(self, NULL, 0), 0);
}

static void a_process_may_do_all_of_it_to_another(void) {
    open_sys(0);
    in(client, look_from_inside);
    CHECK_EQ_TEXT(status_of(server).text, "n is 5");
    world_close();
}

static void without_memory_nothing_is_switched_on(void) {
    open_sys(0);
    for (uint64_t n = 1; n <= 2; n++) {
        world.alloc_fail = world.allocs + n;
        CHECK_EQ_INT(weft_sched_sys_log(world.sched, server, 2), WEFT_ERR_NOMEM);
        CHECK(!status_of(server).info.watched);
        world.alloc_fail = world.allocs + n;
        CHECK_EQ_INT(weft_sched_sys_install(world.sched, server, see, NULL), WEFT_ERR_NOMEM);
        CHECK(!status_of(server).info.watched);
    }
    world.alloc_fail = world.allocs + 1;
    CHECK_EQ_INT(weft_sched_sys_trace(world.sched, server, true), WEFT_ERR_NOMEM);
    world.alloc_fail = world.allocs + 1;
    CHECK_EQ_INT(weft_sched_sys_statistics(world.sched, server, true), WEFT_ERR_NOMEM);
    CHECK(!status_of(server).info.watched);
    world_close();
}

TEST_MAIN(
    "otp/sys", TEST(a_machine_is_put_only_where_it_can_be),
    TEST(mail_of_a_suspended_process_waits_and_is_handled_in_order),
    TEST(a_call_to_a_suspended_process_times_out), TEST(timers_go_on_and_wait_in_the_mailbox),
    TEST(a_process_that_was_to_run_does_not_once_it_is_suspended),
    TEST(one_that_suspends_itself_ends_its_handler_first),
    TEST(suspending_twice_is_suspending_once),
    TEST(a_kill_and_an_untrapped_exit_end_a_suspended_process),
    TEST(a_trapped_exit_of_another_waits),
    TEST(the_parent_s_exit_ends_a_suspended_process_with_its_mail_unread),
    TEST(the_parent_s_exit_that_came_before_the_suspension_ends_it_too),
    TEST(one_that_handles_its_parent_s_exit_is_resumed_by_it), TEST(the_status_tells_what_there_is),
    TEST(the_state_is_read_and_replaced), TEST(a_format_status_that_faults_is_survived),
    TEST(a_format_status_ends_nobody), TEST(one_that_ends_as_it_is_woken_to_be_read_is_gone),
    TEST(a_crash_report_tells_the_state), TEST(an_installed_function_sees_what_comes_and_goes),
    TEST(a_caller_s_calls_go_out_and_replies_come_in), TEST(the_log_keeps_the_last_messages),
    TEST(statistics_count_from_when_they_were_asked_for), TEST(a_traced_process_tells_the_trace),
    TEST(no_debug_takes_all_of_it_and_so_does_the_end), TEST(every_request_to_the_dead_is_no_proc),
    TEST(a_process_may_do_all_of_it_to_another), TEST(without_memory_nothing_is_switched_on))
