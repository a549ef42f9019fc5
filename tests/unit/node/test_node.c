/* A node: its tree, its asks and their replies, its end. The env is the real one on a clock of the
 * test's; where the DHT must not answer, an application has taken its name. */
#include "core/base/error.h"
#include "core/node/control.h"
#include "core/otp/gen_server.h"
#include "core/posix/guard.h"
#include "core/posix/posix.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>

#define REPLIES_MAX (WEFT_CONTROL_PENDING_MAX + 64)

static struct {
    struct weft_posix *posix;
    struct weft_env *env;
    const struct weft_mem_heap *heap;
    struct weft_node_config config;
    struct weft_node *node;
    weft_time now;
    struct weft_node_reply replies[REPLIES_MAX];
    size_t count;
    char down[256]; /* children that ended, in order */
    uint64_t alloc_fail, allocs;
    struct weft_mem mem, *real_mem;
} rig;

static weft_time fake_monotonic(struct weft_env *env) {
    (void)env;
    return rig.now;
}

static int64_t fake_wall(struct weft_env *env) {
    (void)env;
    return rig.now;
}

static const struct weft_clock_ops clock_ops = {fake_monotonic, fake_wall};

static void on_reply(void *ctx, const struct weft_node_reply *reply) {
    CHECK(ctx == &rig);
    if (rig.count == REPLIES_MAX) abort();
    rig.replies[rig.count++] = *reply;
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    (void)ctx;
    if (event->kind != WEFT_TRACE_SUP_CHILD_DOWN) return;
    size_t used = strlen(rig.down);
    snprintf(rig.down + used, sizeof rig.down - used, "%.*s ", (int)event->bytes.size,
             (const char *)event->bytes.data);
}

static void open_env(void) {
    const struct weft_posix_config config = {
        .trace_mask = WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_DOWN), .trace = on_trace};
    memset(&rig, 0, sizeof rig);
    weft_posix_guard_install();
    if (weft_posix_new(&config, &rig.posix) != WEFT_OK) abort();
    rig.env = weft_posix_env(rig.posix);
    rig.heap = (const struct weft_mem_heap *)(const void *)rig.env->mem;
    rig.env->clock = &clock_ops;
    rig.now = WEFT_S(100);
    rig.config = (struct weft_node_config){.reply = on_reply, .ctx = &rig};
}

static void run(void) {
    while (weft_node_run(rig.node)) {
    }
}

/* Let time pass, stopping wherever the node wants to run. */
static void pass(weft_duration duration) {
    weft_time end = rig.now + duration;
    for (weft_time at; (at = weft_node_next_at(rig.node)) <= end;) {
        if (at > rig.now) rig.now = at;
        run();
    }
    rig.now = end;
    run();
}

static void open_node(void) {
    struct weft_reason why;
    int rv = weft_node_new(rig.env, &rig.config, &rig.node, &why);
    if (rv != WEFT_OK) {
        fprintf(stderr, "%s: %s\n", weft_error_text(rv), why.text);
        abort();
    }
}

/* Ends everything; nothing may be left. */
static void close_all(void) {
    if (rig.node != NULL) weft_node_free(rig.node);
    CHECK_EQ_UINT(rig.heap->bytes, 0);
    CHECK_EQ_UINT(rig.heap->blocks, 0);
    struct weft_posix_stats stats;
    weft_posix_stats(rig.posix, &stats);
    CHECK_EQ_UINT(stats.sockets, 0);
    weft_posix_free(rig.posix);
}

static int ask(enum weft_node_ask_kind kind, uint64_t op) {
    const struct weft_node_ask ask = {.kind = kind, .op = op};
    return weft_node_ask(rig.node, &ask);
}

/* --- a service that never answers --- */

static int stub_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_trap_exit(self, true);
    return WEFT_OK;
}

static void stub_call(weft_self *self, const struct weft_msg *call) {
    (void)self;
    (void)call;
}

static void stub_terminate(weft_self *self, const struct weft_reason *reason) {
    (void)self;
    (void)reason;
}

static WEFT_GEN_SERVER(silent, .name = "silent", .version = 1, .init = stub_init,
                       .handle_call = stub_call, .terminate = stub_terminate);

static WEFT_APPLICATION(silent_dht,
                        .children = {
                            {.id = "silent", .name = WEFT_DHT_NAME, .behaviour = &silent}});
static const struct weft_app_spec silent_apps[] = {{.application = &silent_dht}};

static int refuse_init(weft_self *self, struct weft_bytes arg) {
    (void)self;
    (void)arg;
    return WEFT_ERR_UNSUPPORTED;
}

static WEFT_GEN_SERVER(refuses, .name = "refuses", .version = 1, .init = refuse_init);

static WEFT_APPLICATION(refusing, .children = {{.id = "broken", .behaviour = &refuses}});
static const struct weft_app_spec refusing_app = {.application = &refusing};

static void open_silent(void) {
    open_env();
    rig.config.apps = silent_apps;
    rig.config.apps_count = 1;
    open_node();
    run();
}

static struct weft_dht_service_config loopback(void) {
    return (struct weft_dht_service_config){.bind4 = weft_addr_v4(127, 0, 0, 1, 0)};
}

static weft_pid pid_of(const char *name) {
    return weft_sched_whereis(weft_node_sched(rig.node), name);
}

/* --- asks --- */

static void what_is_asked_at_once_is_answered_when_the_node_runs(void) {
    open_env();
    struct weft_dht_service_config dht = loopback();
    rig.config.dht = &dht;
    open_node();
    CHECK_EQ_INT(ask(WEFT_NODE_DHT_STATS, 7), WEFT_OK);
    CHECK_EQ_INT(ask(WEFT_NODE_DHT_TABLE, 8), WEFT_OK);
    CHECK_EQ_UINT(rig.count, 0);
    run();
    CHECK_EQ_UINT(rig.count, 2);
    CHECK_EQ_UINT(rig.replies[0].op, 7);
    CHECK_EQ_INT(rig.replies[0].kind, WEFT_NODE_DHT_STATS);
    CHECK_EQ_INT(rig.replies[0].status, WEFT_OK);
    CHECK_EQ_UINT(rig.replies[0].data.size, sizeof(struct weft_dht_stats));
    CHECK_EQ_UINT(rig.replies[1].op, 8);
    CHECK_EQ_UINT(rig.replies[1].data.size, 0);
    close_all();
}

static void a_lookup_without_contacts_finds_nothing_at_once(void) {
    open_env();
    struct weft_dht_service_config dht = loopback();
    rig.config.dht = &dht;
    open_node();
    for (uint64_t kind = WEFT_NODE_FIND_NODES; kind <= WEFT_NODE_GET; kind++) {
        CHECK_EQ_INT(ask((enum weft_node_ask_kind)kind, kind), WEFT_OK);
        run();
    }
    CHECK_EQ_UINT(rig.count, 4);
    for (size_t i = 0; i < rig.count; i++) {
        bool stores = rig.replies[i].kind == WEFT_NODE_ANNOUNCE;
        CHECK_EQ_INT(rig.replies[i].status, stores ? WEFT_ERR_TIMEOUT : WEFT_ERR_NOT_FOUND);
    }
    close_all();
}

static void without_a_dht_every_ask_is_not_found(void) {
    open_env();
    open_node();
    for (uint64_t kind = WEFT_NODE_FIND_NODES; kind <= WEFT_NODE_DHT_TABLE; kind++) {
        CHECK_EQ_INT(ask((enum weft_node_ask_kind)kind, kind), WEFT_OK);
        run();
        CHECK_EQ_UINT(rig.count, kind);
        CHECK_EQ_UINT(rig.replies[kind - 1].op, kind);
        CHECK_EQ_INT(rig.replies[kind - 1].kind, kind);
        CHECK_EQ_INT(rig.replies[kind - 1].status, WEFT_ERR_NOT_FOUND);
        CHECK_EQ_UINT(rig.replies[kind - 1].data.size, 0);
    }
    close_all();
}

static void an_answer_that_does_not_come_is_a_timeout(void) {
    open_silent();
    CHECK_EQ_INT(ask(WEFT_NODE_GET, 1), WEFT_OK);
    pass(WEFT_CONTROL_TIMEOUT - 1);
    CHECK_EQ_UINT(rig.count, 0);
    pass(1);
    CHECK_EQ_UINT(rig.count, 1);
    CHECK_EQ_INT(rig.replies[0].status, WEFT_ERR_TIMEOUT);
    close_all();
}

static void asks_beyond_the_bound_are_full_and_the_others_stay(void) {
    open_silent();
    for (uint64_t op = 1; op <= WEFT_CONTROL_PENDING_MAX + 3; op++) {
        CHECK_EQ_INT(ask(WEFT_NODE_GET, op), WEFT_OK);
        run();
    }
    CHECK_EQ_UINT(rig.count, 3);
    for (size_t i = 0; i < rig.count; i++) {
        CHECK_EQ_INT(rig.replies[i].status, WEFT_ERR_FULL);
        CHECK_EQ_UINT(rig.replies[i].op, WEFT_CONTROL_PENDING_MAX + 1 + i);
    }
    pass(WEFT_CONTROL_TIMEOUT);
    CHECK_EQ_UINT(rig.count, WEFT_CONTROL_PENDING_MAX + 3);
    CHECK_EQ_INT(ask(WEFT_NODE_GET, 1), WEFT_OK); /* there is room again */
    run();
    CHECK_EQ_UINT(rig.count, WEFT_CONTROL_PENDING_MAX + 3);
    close_all();
}

static void a_death_of_the_dht_answers_what_was_asked_of_it(void) {
    open_silent();
    for (uint64_t op = 1; op <= 3; op++) {
        CHECK_EQ_INT(ask(WEFT_NODE_GET, op), WEFT_OK);
        run();
    }
    weft_pid first = pid_of(WEFT_DHT_NAME);
    CHECK_EQ_INT(weft_sched_poison(weft_node_sched(rig.node), first, "planted"), WEFT_OK);
    CHECK_EQ_UINT(rig.count, 0);
    CHECK_EQ_INT(weft_sched_send(weft_node_sched(rig.node), first, 0, weft_bytes(NULL, 0)),
                 WEFT_OK);
    run();
    CHECK_EQ_UINT(rig.count, 3);
    for (size_t i = 0; i < rig.count; i++) {
        CHECK_EQ_INT(rig.replies[i].status, WEFT_ERR_NO_PROC);
        CHECK_EQ_UINT(rig.replies[i].op, i + 1);
    }
    CHECK(!weft_pid_is_none(pid_of(WEFT_DHT_NAME)));
    CHECK(!weft_pid_equal(pid_of(WEFT_DHT_NAME), first));
    close_all();
}

static void the_real_dht_comes_back_after_a_fault(void) {
    open_env();
    struct weft_dht_service_config dht = loopback();
    rig.config.dht = &dht;
    open_node();
    CHECK_EQ_INT(weft_sched_poison(weft_node_sched(rig.node), pid_of(WEFT_DHT_NAME), "planted"),
                 WEFT_OK);
    CHECK_EQ_INT(ask(WEFT_NODE_DHT_STATS, 1), WEFT_OK);
    run();
    CHECK_EQ_INT(ask(WEFT_NODE_DHT_STATS, 2), WEFT_OK);
    run();
    CHECK_EQ_UINT(rig.count, 2);
    CHECK_EQ_INT(rig.replies[0].status, WEFT_ERR_NO_PROC);
    CHECK_EQ_INT(rig.replies[1].status, WEFT_OK);
    CHECK_EQ_TEXT(rig.down, "dht ");
    close_all();
}

static const struct weft_net_ops *real_net;
static int open_error;

static int failing_datagram_open(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                                 weft_socket *out) {
    return open_error != WEFT_OK ? open_error : real_net->datagram_open(env, local, owner, out);
}

static void a_dht_that_cannot_come_back_ends_the_node(void) {
    open_env();
    struct weft_dht_service_config dht = loopback();
    struct weft_reason why;
    struct weft_net_ops net = *rig.env->net;
    real_net = rig.env->net;
    net.datagram_open = failing_datagram_open;
    rig.env->net = &net;
    open_error = WEFT_OK;
    rig.config.dht = &dht;
    rig.config.intensity = 2;
    open_node();
    open_error = WEFT_ERR_IN_USE;
    CHECK_EQ_INT(weft_sched_poison(weft_node_sched(rig.node), pid_of(WEFT_DHT_NAME), "planted"),
                 WEFT_OK);
    CHECK_EQ_INT(ask(WEFT_NODE_DHT_STATS, 1), WEFT_OK);
    run();
    CHECK_EQ_UINT(rig.count, 1);
    CHECK_EQ_INT(rig.replies[0].status, WEFT_ERR_NO_PROC);
    CHECK(weft_node_ended(rig.node, &why));
    CHECK(!weft_reason_is_clean(&why)); /* it was not told to */
    CHECK_EQ_TEXT(why.text, "3 restarts in 10 s, last child 'dht': error -19");
    close_all();
}

static void a_fault_of_control_is_survived(void) {
    open_silent();
    CHECK_EQ_INT(ask(WEFT_NODE_GET, 1), WEFT_OK);
    run();
    weft_pid first = pid_of(WEFT_CONTROL_NAME);
    CHECK_EQ_INT(weft_sched_poison(weft_node_sched(rig.node), first, "planted"), WEFT_OK);
    CHECK_EQ_INT(ask(WEFT_NODE_GET, 2), WEFT_OK);
    run();
    CHECK_EQ_UINT(rig.count, 0); /* those asks are lost with it */
    CHECK(!weft_pid_equal(pid_of(WEFT_CONTROL_NAME), first));
    CHECK_EQ_INT(ask(WEFT_NODE_GET, 3), WEFT_OK);
    pass(WEFT_CONTROL_TIMEOUT);
    CHECK_EQ_UINT(rig.count, 1);
    CHECK_EQ_UINT(rig.replies[0].op, 3);
    close_all();
}

static void what_other_processes_send_to_control_is_no_ask(void) {
    open_silent();
    weft_pid control = pid_of(WEFT_CONTROL_NAME);
    struct weft_sched_stats stats;
    CHECK_EQ_INT(weft_sched_send(weft_node_sched(rig.node), control, 99, weft_bytes("x", 1)),
                 WEFT_OK);
    run();
    weft_sched_stats(weft_node_sched(rig.node), &stats);
    CHECK_EQ_UINT(stats.faulted, 0);
    CHECK_EQ_UINT(rig.count, 0);
    close_all();
}

static void a_value_larger_than_an_item_is_refused_and_one_as_large_is_not(void) {
    static const unsigned char bytes[WEFT_ITEM_SIZE_MAX + 1];
    struct weft_node_ask put = {.kind = WEFT_NODE_PUT, .op = 1};
    open_silent();
    put.data = weft_bytes(bytes, WEFT_ITEM_SIZE_MAX + 1);
    CHECK_EQ_INT(weft_node_ask(rig.node, &put), WEFT_ERR_TOO_BIG);
    put.data = weft_bytes(bytes, WEFT_ITEM_SIZE_MAX);
    CHECK_EQ_INT(weft_node_ask(rig.node, &put), WEFT_OK);
    run();
    CHECK_EQ_UINT(rig.count, 0);
    close_all();
}

static void a_mailbox_that_is_full_is_told_at_once(void) {
    open_silent();
    uint64_t op = 0;
    int rv = WEFT_OK;
    while (rv == WEFT_OK) rv = ask(WEFT_NODE_DHT_STATS, ++op);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_EQ_UINT(op, WEFT_MAILBOX_MAX + 1);
    close_all();
}

/* --- applications --- */

static int ask_named(enum weft_node_ask_kind kind, const char *name) {
    const struct weft_node_ask ask = {
        .kind = kind, .op = 1, .data = weft_bytes_text(name), .app_type = WEFT_TEMPORARY};
    rig.count = 0;
    int rv = weft_node_ask(rig.node, &ask);
    pass(WEFT_S(1));
    if (rv != WEFT_OK) return rv;
    CHECK_EQ_UINT(rig.count, 1);
    return rig.replies[0].status;
}

static void applications_are_started_and_stopped_by_asks(void) {
    open_env();
    rig.config.apps_later = true;
    open_node();
    CHECK_EQ_INT(ask_named(WEFT_NODE_APP_START, "silent_dht"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(weft_sched_app_load(weft_node_sched(rig.node), &silent_dht, NULL), WEFT_OK);
    CHECK_EQ_INT(ask_named(WEFT_NODE_APP_STOP, "silent_dht"), WEFT_ERR_NOT_STARTED);
    CHECK_EQ_INT(ask_named(WEFT_NODE_APP_START, "silent_dht"), WEFT_OK);
    CHECK(!weft_pid_is_none(pid_of(WEFT_DHT_NAME)));
    CHECK_EQ_INT(ask_named(WEFT_NODE_APP_STOP, "silent_dht"), WEFT_OK);
    CHECK(weft_pid_is_none(pid_of(WEFT_DHT_NAME)));
    CHECK_EQ_INT(ask_named(WEFT_NODE_APP_STOP, ""), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(ask_named(WEFT_NODE_APP_STOP, "0123456789012345678901234567890_"),
                 WEFT_ERR_NOT_FOUND);
    close_all();
}

static void without_a_controller_an_application_cannot_be_started(void) {
    open_env();
    open_node();
    CHECK_EQ_INT(ask_named(WEFT_NODE_APP_START, "kv"), WEFT_ERR_NO_PROC);
    close_all();
}

static void supervisors_are_asked_and_nobody_else(void) {
    open_silent();
    CHECK_EQ_INT(ask_named(WEFT_NODE_SUP_WHICH, "root"), WEFT_OK);
    CHECK_EQ_UINT(rig.replies[0].data.size, 2 * sizeof(struct weft_child_info));
    CHECK_EQ_INT(ask_named(WEFT_NODE_SUP_COUNT, "root"), WEFT_OK);
    CHECK_EQ_UINT(rig.replies[0].data.size, sizeof(struct weft_child_counts));
    CHECK_EQ_INT(ask_named(WEFT_NODE_SUP_WHICH, WEFT_CONTROL_NAME), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(ask_named(WEFT_NODE_SUP_WHICH, "nobody"), WEFT_ERR_NOT_FOUND);
    close_all();
}

static void an_application_that_ends_is_the_reason_of_the_node(void) {
    open_silent();
    struct weft_reason why;
    for (int i = 0; i < 2; i++) { /* its supervisor allows one restart in 5 s */
        weft_pid pid = pid_of(WEFT_DHT_NAME);
        CHECK_EQ_INT(weft_sched_poison(weft_node_sched(rig.node), pid, "planted"), WEFT_OK);
        CHECK_EQ_INT(ask(WEFT_NODE_GET, 1), WEFT_OK);
        pass(WEFT_S(1));
    }
    REQUIRE(weft_node_ended(rig.node, &why));
    CHECK_EQ_INT(why.kind, WEFT_REASON_ERROR);
    CHECK(strstr(why.text, "application silent_dht ended: shutdown") == why.text);
    close_all();
}

static void a_node_that_is_halted_for_a_clean_reason_has_ended_cleanly(void) {
    open_silent();
    struct weft_reason why, done = weft_reason(WEFT_REASON_NORMAL, 4);
    weft_sched_halt(weft_node_sched(rig.node), &done);
    pass(WEFT_S(10));
    REQUIRE(weft_node_ended(rig.node, &why));
    CHECK_EQ_INT(why.kind, WEFT_REASON_NORMAL);
    CHECK_EQ_INT(why.code, 4);
    close_all();
}

static void a_module_that_is_not_there_is_named(void) {
    open_env();
    struct weft_reason why;
    const struct weft_app_spec apps[] = {{.application = &silent_dht, .load_only = true}};
    const struct weft_node_module modules[] = {{.path = "some/where/none.so"}};
    rig.config.apps = apps;
    rig.config.apps_count = 1;
    rig.config.modules = modules;
    rig.config.modules_count = 1;
    CHECK_EQ_INT(weft_node_new(rig.env, &rig.config, &rig.node, &why), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(why.text, "some/where/none.so: No such file or directory");
    close_all();
}

/* --- its end --- */

static void a_stop_ends_the_children_in_reverse_and_answers_who_waits(void) {
    open_env();
    struct weft_dht_service_config dht = loopback();
    static WEFT_APPLICATION(kv, .children = {{.id = "app", .behaviour = &silent}});
    static const struct weft_app_spec app = {.application = &kv};
    struct weft_reason why = weft_reason(WEFT_REASON_KILLED, 1);
    rig.config.dht = &dht;
    rig.config.apps = &app;
    rig.config.apps_count = 1;
    open_node();
    run();
    CHECK(!weft_node_ended(rig.node, &why));
    weft_node_stop(rig.node);
    weft_node_stop(rig.node);
    pass(WEFT_S(10));
    CHECK(weft_node_ended(rig.node, &why));
    CHECK_EQ_INT(why.kind, WEFT_REASON_SHUTDOWN);
    CHECK_EQ_TEXT(rig.down, "app application control dht ");
    CHECK_EQ_INT(ask(WEFT_NODE_GET, 1), WEFT_ERR_NO_PROC);
    weft_node_stop(rig.node);
    CHECK(weft_node_next_at(rig.node) == WEFT_TIME_NEVER);
    close_all();
}

static void a_stop_closes_the_asks_under_way(void) {
    open_silent();
    for (uint64_t op = 1; op <= 2; op++) CHECK_EQ_INT(ask(WEFT_NODE_GET, op), WEFT_OK);
    run();
    CHECK_EQ_UINT(rig.count, 0);
    /* Its applications, and with them the silent service, end first: NO_PROC is an answer too. */
    weft_node_stop(rig.node);
    pass(WEFT_S(10));
    CHECK_EQ_UINT(rig.count, 2);
    CHECK(weft_node_ended(rig.node, NULL));
    close_all();
}

static void an_ask_that_comes_with_the_stop_is_answered_or_refused(void) {
    open_env();
    struct weft_dht_service_config dht = loopback();
    rig.config.dht = &dht;
    open_node();
    weft_node_stop(rig.node);
    int rv = ask(WEFT_NODE_GET, 1);
    pass(WEFT_S(10));
    CHECK_EQ_UINT(rig.count, rv == WEFT_OK ? 1 : 0);
    CHECK(weft_node_ended(rig.node, NULL));
    close_all();
}

static void a_root_that_gives_up_says_so(void) {
    open_silent();
    struct weft_reason why;
    for (int i = 0; i < 20 && !weft_node_ended(rig.node, &why); i++) {
        weft_pid pid = pid_of(WEFT_CONTROL_NAME);
        CHECK_EQ_INT(weft_sched_poison(weft_node_sched(rig.node), pid, "planted"), WEFT_OK);
        CHECK_EQ_INT(ask(WEFT_NODE_GET, 1), WEFT_OK);
        run();
        CHECK_EQ_INT(weft_node_ended(rig.node, &why), i >= 10); /* intensity 10 */
    }
    CHECK(weft_node_ended(rig.node, &why));
    CHECK_EQ_INT(why.kind, WEFT_REASON_LIMIT);
    CHECK_EQ_TEXT(why.text, "11 restarts in 10 s, last child 'control': fault planted");
    CHECK_EQ_INT(ask(WEFT_NODE_GET, 1), WEFT_ERR_NO_PROC);
    close_all();
}

/* --- its start --- */

static void a_port_in_use_names_the_child(void) {
    open_env();
    struct weft_dht_service_config dht = loopback();
    struct weft_reason why;
    weft_socket taken;
    struct weft_addr local, remote;
    CHECK_EQ_INT(rig.env->net->datagram_open(rig.env, &dht.bind4, 1, &taken), WEFT_OK);
    rig.env->net->names(rig.env, taken, &local, &remote);
    dht.bind4 = local;
    rig.config.dht = &dht;
    CHECK_EQ_INT(weft_node_new(rig.env, &rig.config, &rig.node, &why), WEFT_ERR_IN_USE);
    CHECK(strstr(why.text, "child dht") != NULL);
    CHECK_EQ_INT(why.code, WEFT_ERR_IN_USE);
    CHECK(rig.node == NULL);
    rig.env->net->close(rig.env, taken);
    close_all();
}

static void an_application_that_does_not_start_is_named(void) {
    open_env();
    struct weft_dht_service_config dht = loopback();
    struct weft_reason why;
    rig.config.dht = &dht;
    rig.config.apps = &refusing_app;
    rig.config.apps_count = 1;
    CHECK_EQ_INT(weft_node_new(rig.env, &rig.config, &rig.node, &why), WEFT_ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "refusing: child broken") != NULL);
    CHECK(strstr(why.text, "child broken") != NULL);
    close_all();
}

static void a_dht_without_an_address_is_invalid(void) {
    open_env();
    struct weft_dht_service_config dht = {.path = NULL};
    struct weft_reason why;
    rig.config.dht = &dht;
    CHECK_EQ_INT(weft_node_new(rig.env, &rig.config, &rig.node, &why), WEFT_ERR_INVAL);
    CHECK(strstr(why.text, "child dht") != NULL);
    close_all();
}

/* Memory that runs out at the alloc_fail-th allocation. */
static void *failing_alloc(struct weft_mem *mem, size_t size) {
    (void)mem;
    if (++rig.allocs == rig.alloc_fail) return NULL;
    return weft_mem_alloc(rig.real_mem, size);
}

static void *failing_resize(struct weft_mem *mem, void *ptr, size_t old_size, size_t size) {
    (void)mem;
    if (++rig.allocs == rig.alloc_fail) return NULL;
    return weft_mem_resize(rig.real_mem, ptr, old_size, size);
}

static void failing_free(struct weft_mem *mem, void *ptr, size_t size) {
    (void)mem;
    weft_mem_free(rig.real_mem, ptr, size);
}

static void open_failing(void) {
    static const struct weft_mem_ops ops = {failing_alloc, failing_resize, failing_free};
    open_env();
    rig.real_mem = rig.env->mem;
    rig.mem = (struct weft_mem){&ops};
    rig.env->mem = &rig.mem;
}

static void a_start_survives_each_allocation_that_fails(void) {
    open_failing();
    struct weft_dht_service_config dht = loopback();
    struct weft_reason why;
    rig.config.dht = &dht;
    int rv = WEFT_ERR_NOMEM;
    uint64_t failed = 0;
    for (uint64_t nth = 1; nth < 10000 && rv != WEFT_OK; nth++) {
        rig.allocs = 0;
        rig.alloc_fail = nth;
        rv = weft_node_new(rig.env, &rig.config, &rig.node, &why);
        if (rv == WEFT_OK && rig.allocs >= nth) { /* what failed was not needed for a start */
            weft_node_free(rig.node);
            rig.node = NULL;
            rv = WEFT_ERR_NOMEM;
        }
        failed += rv != WEFT_OK;
        if (rv != WEFT_OK) CHECK_EQ_UINT(rig.heap->bytes, 0);
    }
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(failed > 10);
    close_all();
}

static void an_ask_survives_each_allocation_that_fails(void) {
    open_failing();
    struct weft_dht_service_config dht = loopback();
    rig.config.dht = &dht;
    open_node();
    run();
    uint64_t nth = 1;
    bool done = false;
    for (; nth < 1000 && !done; nth++) {
        rig.allocs = 0;
        rig.alloc_fail = nth;
        size_t before = rig.count = 0;
        int rv = ask(WEFT_NODE_PUT, nth);
        run();
        done = rig.allocs < nth;
        CHECK(rv == WEFT_OK || rv == WEFT_ERR_NOMEM);
        CHECK_EQ_UINT(rig.count, before + (rv == WEFT_OK));
        pass(WEFT_S(1));
    }
    CHECK(done);
    CHECK(nth > 4);
    close_all();
}

TEST_MAIN("node/node", TEST(what_is_asked_at_once_is_answered_when_the_node_runs),
          TEST(a_lookup_without_contacts_finds_nothing_at_once),
          TEST(without_a_dht_every_ask_is_not_found),
          TEST(an_answer_that_does_not_come_is_a_timeout),
          TEST(asks_beyond_the_bound_are_full_and_the_others_stay),
          TEST(a_death_of_the_dht_answers_what_was_asked_of_it),
          TEST(the_real_dht_comes_back_after_a_fault),
          TEST(a_dht_that_cannot_come_back_ends_the_node), TEST(a_fault_of_control_is_survived),
          TEST(what_other_processes_send_to_control_is_no_ask),
          TEST(a_value_larger_than_an_item_is_refused_and_one_as_large_is_not),
          TEST(a_mailbox_that_is_full_is_told_at_once),
          TEST(applications_are_started_and_stopped_by_asks),
          TEST(without_a_controller_an_application_cannot_be_started),
          TEST(supervisors_are_asked_and_nobody_else),
          TEST(an_application_that_ends_is_the_reason_of_the_node),
          TEST(a_node_that_is_halted_for_a_clean_reason_has_ended_cleanly),
          TEST(a_module_that_is_not_there_is_named),
          TEST(a_stop_ends_the_children_in_reverse_and_answers_who_waits),
          TEST(a_stop_closes_the_asks_under_way),
          TEST(an_ask_that_comes_with_the_stop_is_answered_or_refused),
          TEST(a_root_that_gives_up_says_so), TEST(a_port_in_use_names_the_child),
          TEST(an_application_that_does_not_start_is_named),
          TEST(a_dht_without_an_address_is_invalid),
          TEST(a_start_survives_each_allocation_that_fails),
          TEST(an_ask_survives_each_allocation_that_fails))
