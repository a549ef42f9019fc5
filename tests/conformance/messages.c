/* Sending, names, order, timers. */
#include "tests/conformance/stage.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weft_pid one, two;
static weft_ref ref;

static void text(weft_self *self, weft_pid to, const char *words) {
    int rv = weft_send(self, to, 1, weft_bytes_text(words));
    WEFT_ASSERT(rv == WEFT_OK);
}

/* --- sending to nobody --- */

static void send_two(weft_self *self) {
    int rv = weft_send(self, two, 1, weft_bytes_text("x"));
    say(rv == WEFT_OK ? "ok" : rv == WEFT_ERR_NO_PROC ? "noproc, may be ignored" : "error");
}

static void play_send_dead(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    two = actor(0);
    in(two, stop_normal);
    in(one, send_two);
    if (!alive(one)) say("sender died");
}

static void send_nosuch(weft_self *self) {
    int rv = weft_send_name(self, "nosuchname", 1, weft_bytes_text("x"));
    say(rv == WEFT_ERR_NOT_FOUND ? "refused" : "ok");
}

static void play_send_name(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    in(one, send_nosuch);
}

/* A cast to a name is a send to a name. */
static void cast_nosuch(weft_self *self) {
    int rv = weft_send_name(self, "nosuchname", 1, weft_bytes_text("x"));
    say(rv == WEFT_OK ? "ok" : rv == WEFT_ERR_NOT_FOUND ? "not found, may be ignored" : "error");
}

static void play_cast_dead(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    in(one, cast_nosuch);
}

/* --- names --- */

static void name_two(weft_self *self) {
    say(weft_register(self, "name", two) == WEFT_OK ? "registered" : "refused");
}

static void name_two_again(weft_self *self) {
    say(weft_register(self, "another", two) == WEFT_OK ? "registered" : "refused");
}

static void play_register(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    two = actor(0);
    in(one, name_two);
    in(one, scene->a == 0 ? name_two : name_two_again);
}

static void where(weft_self *self) {
    say(weft_pid_is_none(weft_whereis(self, "name")) ? "nobody" : "somebody");
}

static void play_register_dies(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    two = actor(0);
    in(one, name_two);
    send_exit(two, weft_reason(WEFT_REASON_KILL, 0));
    in(one, where);
}

static void play_register_dead(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    two = actor(0);
    in(two, stop_normal);
    in(one, name_two);
}

/* --- order --- */

#define MANY 1000

static void send_many(weft_self *self) {
    for (uint32_t i = 0; i < MANY; i++) {
        int rv = weft_send(self, one, i, weft_bytes(NULL, 0));
        WEFT_ASSERT(rv == WEFT_OK);
    }
}

static void counter_handle(weft_self *self, const struct weft_msg *msg) {
    uint32_t *next = weft_state(self);
    if (msg->tag != *next) say("out of order");
    *next += 1;
    if (*next == MANY) say("in order");
}

static WEFT_PROCESS(counter_v1, .name = "counter", .state_size = 4, .handle = counter_handle);

static void start_counter(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &counter_v1};
    int rv = weft_spawn(self, &spawn, &one);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_fifo(const struct scene *scene) {
    (void)scene;
    in(judge, start_counter);
    two = actor(0);
    in(two, send_many);
}

static void send_abc(weft_self *self) {
    text(self, one, "a");
    text(self, one, "b");
    text(self, one, "c");
}

static void play_selective(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    two = actor(0);
    in(two, send_abc);
}

/* "receive ... after 0": what happens when nothing has come. */
static int impatient_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_gen_server_timeout(self, 0);
    return WEFT_OK;
}

static void impatient_timeout(weft_self *self) {
    (void)self;
    say("empty");
}

static WEFT_GEN_SERVER(impatient_v1, .name = "impatient", .init = impatient_init,
                       .handle_timeout = impatient_timeout);

static void start_impatient(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &impatient_v1};
    int rv = weft_spawn(self, &spawn, &one);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_after_0(const struct scene *scene) {
    (void)scene;
    in(judge, start_impatient);
    pass(WEFT_MS(1));
}

/* --- timers --- */

static void start_timer(weft_self *self, weft_duration delay, const char *words) {
    int rv = weft_timer_start(self, delay, 1, weft_bytes_text(words), &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void start_1000(weft_self *self) { start_timer(self, WEFT_MS(1000), "x"); }
static void start_1(weft_self *self) { start_timer(self, WEFT_MS(1), "pay"); }

static void cancel(weft_self *self) {
    weft_duration left = weft_timer_cancel(self, ref);
    if (left == WEFT_ERR_NOT_FOUND) {
        say("not found");
    } else {
        say(left > WEFT_MS(900) ? "over 900 ms left" : "less left");
    }
}

static void play_cancel(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    in(one, start_1000);
    in(one, cancel);
}

/* The timer goes off while the actor has mail to handle before, so that its message waits. */
static void play_cancel_fired(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    in(one, start_1);
    oversleep(WEFT_MS(20));
    in(one, cancel);
}

static void play_start_timer(const struct scene *scene) {
    (void)scene;
    one = actor(0);
    in(one, start_1);
    pass(WEFT_MS(20));
}

static void play_timer_dead(const struct scene *scene) {
    (void)scene;
    struct weft_sched_stats stats;
    one = actor(0);
    in(one, start_1000);
    in(one, stop_normal);
    weft_sched_stats(stage_sched(), &stats);
    say(stats.timers == 0 ? "gone" : "there");
}

static const struct scene scenes[] = {
    {"send.dead_pid", play_send_dead, 0, 0},
    {"send.unregistered_name", play_send_name, 0, 0},
    {"gs.cast_dead", play_cast_dead, 0, 0},
    {"register.twice", play_register, 0, 0},
    {"register.other_name_same_pid", play_register, 1, 0},
    {"register.auto_unregister", play_register_dies, 0, 0},
    {"register.dead", play_register_dead, 0, 0},
    {"order.pairwise_fifo", play_fifo, 0, 0},
    {"receive.selective", play_selective, 0, 0},
    {"receive.after0", play_after_0, 0, 0},
    {"timer.cancel_pending", play_cancel, 0, 0},
    {"timer.cancel_fired", play_cancel_fired, 0, 0},
    {"timer.start_timer_msg", play_start_timer, 0, 0},
    {"timer.to_dead_pid_auto_cancel", play_timer_dead, 0, 0},
};

const struct scenes message_scenes = {scenes, sizeof scenes / sizeof scenes[0]};
