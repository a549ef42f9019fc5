/* otp25-vectors register.*, send.unregistered_name */
#include "tests/unit/otp/fake_env.h"

#include "core/base/limits.h"

#include <stdio.h>

static weft_pid a, b;
static const char *name;
static int rv;

static void register_a(weft_self *self) { rv = weft_register(self, name, a); }
static void register_b(weft_self *self) { rv = weft_register(self, name, b); }
static void unregister(weft_self *self) { rv = weft_unregister(self, name); }
static void send_name(weft_self *self) {
    rv = weft_send_name(self, name, 3, weft_bytes_text("hi"));
}

static int try(void (*fn)(weft_self *)) {
    rv = 12345;
    in(world.root, fn);
    return rv;
}

static void open_ab(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    name = "n";
}

static bool is(weft_pid pid) { return weft_pid_equal(weft_sched_whereis(world.sched, name), pid); }

static void a_name_finds_its_process(void) {
    open_ab();
    CHECK(is(WEFT_PID_NONE));
    CHECK_EQ_INT(try(register_a), WEFT_OK);
    CHECK(is(a));
    CHECK_EQ_INT(try(send_name), WEFT_OK);
    CHECK_LOG("a cast root 3 hi");
    world_close();
}

static void a_name_is_held_once(void) {
    open_ab();
    CHECK_EQ_INT(try(register_a), WEFT_OK);
    CHECK_EQ_INT(try(register_b), WEFT_ERR_EXISTS);
    CHECK(is(a));
    world_close();
}

static void a_process_holds_one_name(void) {
    open_ab();
    CHECK_EQ_INT(try(register_a), WEFT_OK);
    CHECK_EQ_INT(try(register_a), WEFT_ERR_EXISTS);
    name = "m";
    CHECK_EQ_INT(try(register_a), WEFT_ERR_EXISTS);
    CHECK(is(WEFT_PID_NONE));
    world_close();
}

static void a_name_goes_with_its_process(void) {
    open_ab();
    CHECK_EQ_INT(try(register_a), WEFT_OK);
    in(a, stop_normal);
    CHECK(is(WEFT_PID_NONE));
    CHECK_EQ_INT(try(register_b), WEFT_OK);
    CHECK(is(b));
    CHECK_LOG("a terminate normal/0");
    world_close();
}

static void whereis_in_terminate(weft_self *self, const struct weft_reason *why) {
    (void)why;
    note("%d", weft_pid_equal(weft_whereis(self, "t"), weft_self_pid(self)));
}
static void stop_any(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    stop_normal(self);
}
static WEFT_PROCESS(named_v1, .name = "named", .handle = stop_any,
                    .terminate = whereis_in_terminate);
static void spawn_named(weft_self *self) {
    weft_pid pid;
    weft_spawn(self, &(struct weft_spawn){.behaviour = &named_v1, .name = "t"}, &pid);
    weft_send(self, pid, 1, weft_bytes(NULL, 0));
}

static void a_process_still_has_its_name_in_terminate(void) {
    open_ab();
    in(world.root, spawn_named);
    CHECK_LOG("1");
    world_close();
}

static void a_dead_process_cannot_be_registered(void) {
    open_ab();
    in(a, stop_normal);
    CHECK_EQ_INT(try(register_a), WEFT_ERR_NO_PROC);
    CHECK_LOG("a terminate normal/0");
    world_close();
}

static void a_name_that_is_empty_or_too_long_is_refused(void) {
    open_ab();
    char text[WEFT_NAME_MAX + 1];
    memset(text, 'x', sizeof text);
    text[WEFT_NAME_MAX] = '\0';
    name = text;
    CHECK_EQ_INT(try(register_a), WEFT_ERR_INVAL);
    CHECK_EQ_INT(try(unregister), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(try(send_name), WEFT_ERR_NOT_FOUND);
    text[WEFT_NAME_MAX - 1] = '\0';
    CHECK_EQ_INT(try(register_a), WEFT_OK);
    CHECK(is(a));
    name = "";
    CHECK_EQ_INT(try(register_b), WEFT_ERR_INVAL);
    world_close();
}

static void unregister_frees_the_name_and_the_process_for_others(void) {
    open_ab();
    CHECK_EQ_INT(try(unregister), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(try(register_a), WEFT_OK);
    CHECK_EQ_INT(try(unregister), WEFT_OK);
    CHECK(is(WEFT_PID_NONE));
    CHECK_EQ_INT(try(register_b), WEFT_OK);
    name = "m";
    CHECK_EQ_INT(try(register_a), WEFT_OK);
    world_close();
}

static void a_send_to_a_name_nobody_holds_says_not_found(void) {
    open_ab();
    CHECK_EQ_INT(try(send_name), WEFT_ERR_NOT_FOUND);
    world_close();
}

static char many[40][8];
static void spawn_many(weft_self *self) {
    for (int i = 0; i < 40; i++) {
        struct probe_arg arg = {.name = "x"};
        snprintf(many[i], sizeof many[i], "n%d", i);
        weft_pid pid;
        CHECK_EQ_INT(weft_spawn(self,
                                &(struct weft_spawn){.behaviour = &probe_v1,
                                                     .arg = weft_bytes(&arg, sizeof arg),
                                                     .name = many[i]},
                                &pid),
                     WEFT_OK);
        name_pid(pid, many[i]);
    }
}

static void many_names_are_told_apart(void) {
    world_open();
    in(world.root, spawn_many);
    for (int i = 0; i < 40; i++)
        CHECK_EQ_TEXT(name_of(weft_sched_whereis(world.sched, many[i])), many[i]);
    CHECK(weft_pid_is_none(weft_sched_whereis(world.sched, "n40")));
    world_close();
}

TEST_MAIN("otp/names", TEST(a_name_finds_its_process), TEST(a_name_is_held_once),
          TEST(a_process_holds_one_name), TEST(a_name_goes_with_its_process),
          TEST(a_process_still_has_its_name_in_terminate),
          TEST(a_dead_process_cannot_be_registered),
          TEST(a_name_that_is_empty_or_too_long_is_refused),
          TEST(unregister_frees_the_name_and_the_process_for_others),
          TEST(a_send_to_a_name_nobody_holds_says_not_found), TEST(many_names_are_told_apart))
