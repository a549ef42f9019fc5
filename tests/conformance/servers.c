/* gen_server: starting, calling, ending. */
#include "tests/conformance/stage.h"

#include "core/base/assert.h"
#include "core/otp/sys.h"

#include <string.h>

static weft_pid one, server;

/* --- a server that does with a call what its tag says --- */

enum { PING = 1, SLEEP, CRASH, STOP_NOREPLY, STOP_REPLY, CALL_SELF, NOTHING };

struct sleeper {
    struct weft_call call;
};

static void stop_so(weft_self *self, int32_t code) {
    struct weft_reason why =
        code == 0 ? weft_reason(WEFT_REASON_NORMAL, 0) : weft_reason(WEFT_REASON_ERROR, code);
    weft_stop(self, &why);
}

static void call_self(weft_self *self) {
    weft_ref ref;
    int rv = weft_call(self, weft_self_pid(self), PING, weft_bytes(NULL, 0), WEFT_S(5), &ref);
    say(rv == WEFT_ERR_INVAL ? "refused" : "asked");
}

static void sleep_then_reply(weft_self *self, const struct weft_msg *call) {
    struct sleeper *sleeper = weft_state(self);
    weft_ref ref;
    sleeper->call = weft_call_of(call);
    int rv = weft_timer_start(self, WEFT_MS(100), SLEEP, weft_bytes(NULL, 0), &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void on_call(weft_self *self, const struct weft_msg *call) {
    switch (call->tag) {
    case PING:
        weft_reply_now(self, call, "pong", 4);
        break;
    case SLEEP:
        sleep_then_reply(self, call);
        break;
    case CRASH:
        crash(self);
        break;
    case STOP_NOREPLY:
        stop_so(self, WHY_STOP);
        break;
    case STOP_REPLY:
        weft_reply_now(self, call, "bye", 3);
        stop_so(self, 0);
        break;
    case CALL_SELF:
        call_self(self);
        break;
    default:
        break;
    }
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    struct sleeper *sleeper = weft_state(self);
    WEFT_ASSERT(info->kind == WEFT_MSG_TIMER);
    weft_reply(self, &sleeper->call, WEFT_OK, weft_bytes_text("slept"));
}

static WEFT_GEN_SERVER(server_v1, .name = "server", .state_size = sizeof(struct sleeper),
                       .handle_call = on_call, .handle_info = on_info);

static void start_server(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &server_v1};
    int rv = weft_spawn(self, &spawn, &server);
    WEFT_ASSERT(rv == WEFT_OK);
}

/* --- calls: a: what is asked, b: timeout in ms --- */

static const struct scene *playing;

static void ask(weft_self *self) {
    weft_ref ref;
    int rv = weft_call(self, server, (uint32_t)playing->a, weft_bytes(NULL, 0), WEFT_MS(playing->b),
                       &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void monitor_and_ask(weft_self *self) {
    weft_ref ref;
    int rv = weft_monitor(self, server, &ref);
    WEFT_ASSERT(rv == WEFT_OK);
    ask(self);
}

static void play_call(const struct scene *scene) {
    playing = scene;
    one = actor(0);
    in(one, start_server);
    in(one, ask);
    pass(WEFT_MS(300));
}

static void play_call_noproc(const struct scene *scene) {
    playing = scene;
    one = actor(0);
    server = actor(0);
    in(server, stop_normal);
    in(one, ask);
}

static void play_stop_reply(const struct scene *scene) {
    playing = scene;
    one = actor(0);
    in(one, start_server);
    in(one, monitor_and_ask);
}

/* --- ending a server and waiting for it --- */

static int stopper_init(weft_self *self, struct weft_bytes arg) {
    struct weft_stop stop = {.reason = weft_reason(WEFT_REASON_NORMAL, 0), .timeout = WEFT_S(5)};
    weft_ref ref;
    (void)arg;
    return weft_stop_server(self, server, &stop, &ref);
}

static void stopper_info(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    if (msg->kind == WEFT_MSG_REPLY) say("%s", msg->status == WEFT_OK ? "ok" : "failed");
}

static WEFT_GEN_SERVER(stopper, .name = "stopper", .version = 1, .init = stopper_init,
                       .handle_info = stopper_info);

static void start_stopper(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &stopper};
    weft_pid pid;
    int rv = weft_spawn(self, &spawn, &pid);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_stop(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    in(one, start_server);
    in(one, start_stopper);
    if (!alive(server)) say("gone");
}

/* --- starts --- */

enum { INIT_STOP = 1, INIT_IGNORE, INIT_CRASH, INIT_SLOW, INIT_CONTINUE, INIT_TIMEOUT, INIT_OK };

static int slow_part_later(weft_self *self) {
    weft_ref ref;
    return weft_timer_start(self, WEFT_MS(300), 1, weft_bytes_text("slow part"), &ref);
}

static int continue_and_mail(weft_self *self) {
    int rv = weft_send(self, weft_self_pid(self), 1, weft_bytes_text("message"));
    weft_gen_server_continue(self);
    return rv;
}

static int starter_init(weft_self *self, struct weft_bytes arg) {
    struct weft_reason why = boom();
    (void)arg;
    switch (playing->a) {
    case INIT_STOP:
        weft_stop(self, &why);
        return WEFT_ERR_INVAL;
    case INIT_IGNORE:
        return WEFT_ERR_IGNORE;
    case INIT_CRASH:
        crash(self);
        return WEFT_OK;
    case INIT_SLOW:
        return slow_part_later(self);
    case INIT_CONTINUE:
        return continue_and_mail(self);
    case INIT_TIMEOUT:
        weft_gen_server_timeout(self, WEFT_MS(20));
        return WEFT_OK;
    default:
        return WEFT_OK;
    }
}

static void starter_continue(weft_self *self) {
    (void)self;
    say("continue");
}

static void starter_timeout(weft_self *self) {
    (void)self;
    say("timeout");
}

static void starter_cast(weft_self *self, const struct weft_msg *msg) {
    if (!obey(self, msg)) tell(msg);
}

static WEFT_GEN_SERVER(starter_v1, .name = "starter", .init = starter_init,
                       .handle_cast = starter_cast, .handle_timeout = starter_timeout,
                       .handle_continue = starter_continue);

static const char *start_name;

static void start(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &starter_v1, .name = start_name, .link = true};
    int rv = weft_spawn(self, &spawn, &server);
    if (rv == WEFT_OK) {
        say("started");
    } else if (rv == WEFT_ERR_IGNORE) {
        say("ignore");
    } else if (rv == WEFT_ERR_EXISTS) {
        say("already started");
    } else {
        say("error %s", why_text(weft_last_reason(self)));
    }
}

static void play_start(const struct scene *scene) {
    playing = scene;
    start_name = NULL;
    one = actor(TRAP);
    in(one, start);
    pass(WEFT_MS(60));
}

static void play_start_twice(const struct scene *scene) {
    playing = scene;
    start_name = "g1";
    one = actor(TRAP);
    in(one, start);
    in(one, start);
}

/* --- the parent ends. a: trapping --- */

static int child_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_trap_exit(self, playing->a != 0);
    return WEFT_OK;
}

static void child_terminate(weft_self *self, const struct weft_reason *why) {
    (void)self;
    say("terminate %s", why_text(why));
}

static WEFT_GEN_SERVER(child_v1, .name = "child", .init = child_init, .terminate = child_terminate);

static void start_child(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &child_v1, .link = true};
    int rv = weft_spawn(self, &spawn, &server);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_parent_exit(const struct scene *scene) {
    playing = scene;
    one = actor(SILENT);
    in(one, start_child);
    watch(server);
    send_exit(one, weft_reason(WEFT_REASON_SHUTDOWN, 0));
}

/* --- alias: what comes after the call is over --- */

static void say_sent(weft_self *self, const struct weft_msg *info) {
    on_info(self, info);
    say("sent");
}

static WEFT_GEN_SERVER(late_v1, .name = "late", .state_size = sizeof(struct sleeper),
                       .handle_call = on_call, .handle_info = say_sent);

static void start_late(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &late_v1};
    int rv = weft_spawn(self, &spawn, &server);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_alias(const struct scene *scene) {
    playing = scene;
    one = actor(0);
    in(one, start_late);
    in(one, ask);
    pass(WEFT_MS(300));
}

/* --- sys --- */

static void suspend(weft_self *self) {
    int rv = weft_sys_suspend(self, server);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void resume(weft_self *self) {
    int rv = weft_sys_resume(self, server);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_suspend(const struct scene *scene) {
    playing = scene;
    one = actor(0);
    in(one, start_server);
    in(one, suspend);
    in(one, ask);
    pass(WEFT_MS(100));
    in(one, resume);
    in(one, ask);
}

static int holder_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    memcpy(weft_state(self), "old", 4);
    return WEFT_OK;
}

static WEFT_GEN_SERVER(holder_v1, .name = "holder", .state_size = 4, .init = holder_init);

static void start_holder(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &holder_v1};
    int rv = weft_spawn(self, &spawn, &server);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void say_state(weft_self *self) {
    char state[4];
    size_t size = sizeof state;
    int rv = weft_sys_get_state(self, server, state, &size);
    WEFT_ASSERT(rv == WEFT_OK);
    say("%s", state);
}

static int become_new(void *ctx, void *state, size_t size) {
    (void)ctx;
    WEFT_ASSERT(size == 4);
    memcpy(state, "new", 4);
    return WEFT_OK;
}

static void replace(weft_self *self) {
    int rv = weft_sys_replace_state(self, server, become_new, NULL);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_state(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    in(one, start_holder);
    in(one, say_state);
    in(one, replace);
    in(one, say_state);
}

static const struct scene scenes[] = {
    {"gs.call_timeout", play_call, SLEEP, 50},
    {"gs.call_noproc", play_call_noproc, PING, 5000},
    {"gs.call_server_crash", play_call, CRASH, 5000},
    {"gs.call_server_stop_noreply", play_call, STOP_NOREPLY, 5000},
    {"gs.call_stop_with_reply", play_stop_reply, STOP_REPLY, 5000},
    {"gs.call_self", play_call, CALL_SELF, 5000},
    {"gs.init_stop", play_start, INIT_STOP, 0},
    {"gs.init_ignore", play_start, INIT_IGNORE, 0},
    {"gs.init_crash", play_start, INIT_CRASH, 0},
    {"gs.init_timeout", play_start, INIT_SLOW, 0},
    {"gs.already_started", play_start_twice, INIT_OK, 0},
    {"gs.parent_exit_runs_terminate", play_parent_exit, 1, 0},
    {"gs.notrap_parent_exit_no_terminate", play_parent_exit, 0, 0},
    {"gs.continue_before_next_msg", play_start, INIT_CONTINUE, 0},
    {"gs.timeout_return", play_start, INIT_TIMEOUT, 0},
    {"gs.bad_return", play_call, NOTHING, 50},
    {"alias.reply_after_demonitor_dropped", play_alias, SLEEP, 20},
    {"sys.suspend_queues", play_suspend, PING, 50},
    {"sys.get_replace_state", play_state, 0, 0},
    {"gs.stop_api", play_stop, 0, 0},
    {"gs.late_reply_dropped_after_timeout", play_call, SLEEP, 20},
};

const struct scenes server_scenes = {scenes, sizeof scenes / sizeof scenes[0]};
