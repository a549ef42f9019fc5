/* Exit signals, links, monitors. */
#include "tests/conformance/stage.h"

#include "core/base/assert.h"

static weft_pid one, two;
static weft_ref ref;

#define NOT_TRAPPING 0
#define TRAPPING TRAP

static void tell_alive(weft_pid pid) {
    if (alive(pid)) say("alive");
}

/* --- exit signals from another: a: trap, b: reason --- */

static void play_exit(const struct scene *scene) {
    one = actor((unsigned)scene->a);
    watch(one);
    struct weft_reason why =
        scene->b == WEFT_REASON_ERROR ? boom() : weft_reason((enum weft_reason_kind)scene->b, 0);
    send_exit(one, why);
    tell_alive(one);
}

/* --- to oneself --- */

static void exit_self_normal(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    weft_exit(self, weft_self_pid(self), &why);
}

static void exit_self_kill(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, weft_self_pid(self), &why);
}

static void (*const self_orders[])(weft_self *) = {exit_self_normal, exit_self_kill, stop_kill};

static void play_exit_self(const struct scene *scene) {
    one = actor((unsigned)scene->a);
    watch(one);
    in(one, self_orders[scene->b]);
    tell_alive(one);
}

/* --- a linked peer ends: what the observer sees. a: trap, b: how --- */

enum { NORMALLY, BOOM, BY_KILL, KILLED, BY_ERROR, BY_THROW };

static void fail_assert(weft_self *self) {
    int never = weft_pid_is_none(weft_self_pid(self));
    WEFT_ASSERT(never == 1);
}

static void (*const ends[])(weft_self *) = {stop_normal,    stop_boom, stop_kill,
                                            exit_self_kill, crash,     fail_assert};

static void play_peer(const struct scene *scene) {
    one = actor((unsigned)scene->a);
    two = actor_of(one, LINKED);
    watch(one);
    in(two, ends[scene->b]);
    tell_alive(one);
}

/* --- links --- */

static void link_two(weft_self *self) {
    int rv = weft_link(self, two);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void unlink_two(weft_self *self) { weft_unlink(self, two); }

static void link_self(weft_self *self) {
    int rv = weft_link(self, weft_self_pid(self));
    WEFT_ASSERT(rv == WEFT_OK);
}

static void dead_two(void) {
    two = actor(0);
    in(two, stop_normal);
}

static void play_link_dead(const struct scene *scene) {
    one = actor((unsigned)scene->a);
    watch(one);
    dead_two();
    in(one, link_two);
    tell_alive(one);
}

static void play_link_self(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    watch(one);
    in(one, link_self);
    tell_alive(one);
}

static void play_link_twice(const struct scene *scene) {
    (void)scene;
    one = actor(TRAP);
    two = actor(0);
    in(one, link_two);
    in(one, link_two);
    send_exit(two, boom());
}

static void play_unlink(const struct scene *scene) {
    (void)scene;
    one = actor(TRAP);
    two = actor(0);
    in(one, link_two);
    in(one, unlink_two);
    send_exit(two, boom());
}

static void play_unlink_stranger(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    watch(one);
    dead_two();
    in(one, unlink_two);
    tell_alive(one);
}

/* --- monitors --- */

static void monitor_two(weft_self *self) {
    int rv = weft_monitor(self, two, &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void demonitor(weft_self *self) { weft_demonitor(self, ref); }

static void play_monitor_dead(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    dead_two();
    in(one, monitor_two);
}

/* a: how many monitors; b: how it ends */
static void play_monitor(const struct scene *scene) {
    one = actor(0);
    two = actor(0);
    for (int i = 0; i < scene->a; i++) in(one, monitor_two);
    in(two, ends[scene->b]);
}

static void monitor_nobody(weft_self *self) {
    int rv = weft_monitor(self, weft_whereis(self, "nosuchname"), &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_monitor_name(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    in(one, monitor_nobody);
}

/* The DOWN lies in the mailbox behind what makes the actor demonitor. */
static void monitor_dead_and_demonitor(weft_self *self) {
    monitor_two(self);
    demonitor(self);
}

static void play_demonitor_down(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    dead_two();
    in(one, monitor_dead_and_demonitor);
}

/* Twice: it has no result, since after it nothing can come. */
static void monitor_and_demonitor_twice(weft_self *self) {
    monitor_two(self);
    demonitor(self);
    demonitor(self);
}

static void play_demonitor_twice(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    two = actor(0);
    in(one, monitor_and_demonitor_twice);
    in(two, stop_boom);
}

/* --- order --- */

static void last_words(weft_self *self) {
    int rv = weft_send(self, one, 1, weft_bytes_text("last words"));
    WEFT_ASSERT(rv == WEFT_OK);
    stop_boom(self);
}

static void play_last_words(const struct scene *scene) {
    (void)scene;
    one = actor(TRAP);
    two = actor_of(one, LINKED);
    in(two, last_words);
}

static const struct scene scenes[] = {
    {"exit.normal.notrap", play_exit, NOT_TRAPPING, WEFT_REASON_NORMAL},
    {"exit.normal.trap", play_exit, TRAPPING, WEFT_REASON_NORMAL},
    {"exit.shutdown.notrap", play_exit, NOT_TRAPPING, WEFT_REASON_SHUTDOWN},
    {"exit.shutdown.trap", play_exit, TRAPPING, WEFT_REASON_SHUTDOWN},
    {"exit.kill.notrap", play_exit, NOT_TRAPPING, WEFT_REASON_KILL},
    {"exit.kill.trap", play_exit, TRAPPING, WEFT_REASON_KILL},
    {"exit.custom.notrap", play_exit, NOT_TRAPPING, WEFT_REASON_ERROR},
    {"exit.custom.trap", play_exit, TRAPPING, WEFT_REASON_ERROR},
    {"exit.self.normal", play_exit_self, NOT_TRAPPING, 0},
    {"exit.self.normal.trap", play_exit_self, TRAPPING, 0},
    {"exit.self.kill.trap", play_exit_self, TRAPPING, 1},
    {"exit.1.kill", play_exit_self, NOT_TRAPPING, 2},
    {"link.peer.normal.notrap", play_peer, NOT_TRAPPING, NORMALLY},
    {"link.peer.normal.trap", play_peer, TRAPPING, NORMALLY},
    {"link.peer.boom.notrap", play_peer, NOT_TRAPPING, BOOM},
    {"link.peer.boom.trap", play_peer, TRAPPING, BOOM},
    {"link.peer.exit1_kill.notrap", play_peer, NOT_TRAPPING, BY_KILL},
    {"link.peer.exit1_kill.trap", play_peer, TRAPPING, BY_KILL},
    {"link.peer.killed.notrap", play_peer, NOT_TRAPPING, KILLED},
    {"link.peer.killed.trap", play_peer, TRAPPING, KILLED},
    {"link.peer.error", play_peer, TRAPPING, BY_ERROR},
    {"link.peer.throw", play_peer, TRAPPING, BY_THROW},
    {"link.dead.notrap", play_link_dead, NOT_TRAPPING, 0},
    {"link.dead.trap", play_link_dead, TRAPPING, 0},
    {"link.self", play_link_self, 0, 0},
    {"link.twice.one_exit_msg", play_link_twice, 0, 0},
    {"unlink.then_exit", play_unlink, 0, 0},
    {"unlink.not_linked", play_unlink_stranger, 0, 0},
    {"monitor.dead", play_monitor_dead, 0, 0},
    {"monitor.twice_two_downs", play_monitor, 2, BOOM},
    {"monitor.name_unregistered", play_monitor_name, 0, 0},
    {"monitor.normal_exit", play_monitor, 1, NORMALLY},
    {"demonitor.plain_after_down", play_demonitor_down, 0, 0},
    {"demonitor.flush_after_down", play_demonitor_down, 0, 0},
    {"demonitor.info_pending", play_demonitor_twice, 0, 0},
    {"order.msg_before_exit_signal", play_last_words, 0, 0},
};

const struct scenes signal_scenes = {scenes, sizeof scenes / sizeof scenes[0]};
