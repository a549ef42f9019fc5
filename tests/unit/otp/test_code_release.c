/* Releases: several modules, in order, all or nothing. */
#include "tests/unit/otp/code_kit.h"

static weft_pid a, l;
static size_t failed;

static void line(void *ctx, const char *text) {
    (void)ctx;
    note("%s", text);
}

static void open_two(void) {
    code_open();
    CHECK_EQ_INT(load("log1"), WEFT_OK);
    a = kv();
    l = logger();
}

static void done(void) {
    world_close();
    CHECK_EQ_UINT(kit_loaded, 0);
}

static int run(const struct weft_release_step *steps, size_t count, bool dry_run) {
    struct weft_release release = {
        .steps = steps, .steps_count = count, .watch = 10, .dry_run = dry_run, .report = line};
    failed = 99;
    return weft_code_release(world.sched, &release, &failed, &why);
}

#define STEP(name, n)                                                                              \
    { .module = #name, .version = (n), .path = #name #n }

static void a_dry_run_says_what_would_happen_and_does_nothing(void) {
    const struct weft_release_step steps[] = {STEP(log, 2), STEP(kv, 2)};
    open_two();
    CHECK_EQ_INT(run(steps, 2, true), WEFT_OK);
    settle();
    CHECK_LOG("log 1 to 2: 1 processes, 1 behaviours, kv 1 to 2: 1 processes, 2 behaviours");
    CHECK_EQ_UINT(kit_loaded, 2);
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK_EQ_UINT(traced(WEFT_TRACE_CODE_LOADED), 2);
    done();
}

static void the_steps_are_made_in_order(void) {
    const struct weft_release_step steps[] = {STEP(log, 2), STEP(kv, 2)};
    open_two();
    CHECK_EQ_INT(run(steps, 2, false), WEFT_OK);
    CHECK_EQ_UINT(weft_code_current(world.sched, "kv")->version, 1); /* log has not moved yet */
    CHECK_EQ_INT(weft_code_commit(world.sched, "kv", &why), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(weft_code_purge(world.sched, "log", true, &why), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(upgrade(2), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(run(steps, 2, true), WEFT_ERR_IN_USE);
    settle();
    CHECK_EQ_UINT(version_of(l), 2);
    CHECK_EQ_UINT(version_of(a), 2);
    size_t first = 0, second = 0;
    for (size_t i = 0; i < world.traces_count; i++) {
        if (world.traces[i].kind != WEFT_TRACE_CODE_SWITCHED) continue;
        if (world.traces[i].number[0] == l.raw) first = i;
        if (world.traces[i].number[0] == a.raw) second = i;
    }
    CHECK(first > 0 && first < second);
    CHECK_EQ_INT(weft_code_commit(world.sched, "kv", &why), WEFT_OK);
    CHECK_EQ_INT(weft_code_rollback(world.sched, "log", &why), WEFT_ERR_NOT_FOUND);
    (void)world_log_clear();
    done();
}

static void one_rollback_takes_every_module_back(void) {
    const struct weft_release_step steps[] = {STEP(log, 2), STEP(kv, 2)};
    open_two();
    CHECK_EQ_INT(run(steps, 2, false), WEFT_OK);
    settle();
    CHECK_EQ_INT(weft_code_rollback(world.sched, "log", &why), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(l), 1);
    CHECK_EQ_UINT(version_of(a), 1);
    (void)world_log_clear();
    done();
}

static void a_step_that_fails_takes_the_others_back(void) {
    const struct weft_release_step steps[] = {STEP(log, 2), STEP(kv, 2)};
    open_two();
    kit_change = CHANGE_SPOIL;
    CHECK_EQ_INT(run(steps, 2, false), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(l), 1);
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK_EQ_INT(status_of("log").state, WEFT_CODE_ROLLED_BACK);
    CHECK(strstr(status_of("log").why.text, "did not change") != NULL);
    (void)world_log_clear();
    done();
}

static void a_fault_that_is_watched_for_takes_all_back(void) {
    const struct weft_release_step steps[] = {STEP(log, 2), STEP(kv, 4)};
    open_two();
    CHECK_EQ_INT(run(steps, 2, false), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(l), 2);
    cast(a, KV_BOOM);
    settle();
    CHECK_EQ_UINT(version_of(l), 1);
    CHECK_EQ_UINT(weft_code_current(world.sched, "kv")->version, 1);
    (void)world_log_clear();
    done();
}

static void past_the_point_of_no_return_who_cannot_change_ends(void) {
    const struct weft_release_step steps[] = {
        STEP(log, 2), {.module = "kv", .version = 2, .path = "kv2", .point_of_no_return = true}};
    open_two();
    kit_change = CHANGE_REFUSE;
    CHECK_EQ_INT(run(steps, 2, false), WEFT_OK);
    settle();
    CHECK(!alive(a));
    CHECK_EQ_UINT(version_of(l), 2);
    CHECK_EQ_UINT(version_of(kv()), 2);
    CHECK_EQ_INT(weft_code_rollback(world.sched, "kv", &why), WEFT_ERR_UNSUPPORTED);
    (void)world_log_clear();
    done();
    open_two(); /* the same by a message */
    kit_change = CHANGE_REFUSE;
    CHECK_EQ_INT(run(steps, 2, false), WEFT_OK);
    for (int i = 0; i < 3; i++) kv_add(a, 0);
    settle();
    CHECK(!alive(a));
    (void)world_log_clear();
    done();
}

static void refused(const struct weft_release_step *steps, size_t count, int error) {
    open_two();
    CHECK_EQ_INT(run(steps, count, false), error);
    settle();
    CHECK_EQ_UINT(kit_loaded, 2);
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK_EQ_UINT(version_of(l), 1);
    (void)world_log_clear();
    done();
}

static void a_plan_that_cannot_work_is_refused_whole(void) {
    const struct weft_release_step twice[] = {STEP(log, 2), STEP(kv, 2), STEP(kv, 4)};
    refused(twice, 3, WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "kv 4: the module is in two steps");
    CHECK_EQ_UINT(failed, 2);
    const struct weft_release_step missing[] = {STEP(log, 2), STEP(kv, 9)};
    refused(missing, 2, WEFT_ERR_NOT_FOUND);
    CHECK_EQ_UINT(failed, 1);
    const struct weft_release_step other[] = {{.module = "kv", .version = 3, .path = "kv2"}};
    refused(other, 1, WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "kv2: is kv 2, the plan says kv 3");
    const struct weft_release_step nowhere[] = {{.module = "kv", .version = 3}};
    refused(nowhere, 1, WEFT_ERR_INVAL);
    const struct weft_release_step unknown[] = {{.module = "new", .version = 1, .path = "kv2"}};
    refused(unknown, 1, WEFT_ERR_INVAL);
    const struct weft_release_step layout[] = {STEP(log, 2), STEP(kv, 3)};
    refused(layout, 2, WEFT_ERR_UNSUPPORTED);
    CHECK_EQ_UINT(failed, 1);
    const struct weft_release_step current[] = {STEP(kv, 1)};
    refused(current, 1, WEFT_ERR_EXISTS);
    refused(current, 0, WEFT_ERR_INVAL);
}

static void there_is_room_for_so_many_steps(void) {
    static struct weft_release_step steps[WEFT_RELEASE_STEPS_MAX + 1];
    for (size_t i = 0; i <= WEFT_RELEASE_STEPS_MAX; i++)
        steps[i] = (struct weft_release_step)STEP(kv, 2);
    refused(steps, WEFT_RELEASE_STEPS_MAX + 1, WEFT_ERR_FULL);
}

static void a_step_gets_what_it_needs_by_an_earlier_one(void) {
    const struct weft_release_need need = {"log", 2};
    struct weft_release_step steps[] = {STEP(log, 2), STEP(kv, 2)};
    steps[1].needs = &need;
    steps[1].needs_count = 1;
    open_two();
    CHECK_EQ_INT(run(steps, 2, true), WEFT_OK);
    (void)world_log_clear();
    done();
    const struct weft_release_step reversed[] = {steps[1], steps[0]};
    refused(reversed, 2, WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "kv 2: needs log 2, which is at 1 when its step comes");
}

static void every_allocation_that_fails_leaves_all_as_it_was(void) {
    const struct weft_release_step steps[] = {
        {.module = "log", .version = 2, .path = "log2", .extra = {(const unsigned char *)"x", 1}},
        STEP(kv, 2)};
    unsigned refused_runs = 0;
    for (uint64_t fail = 1;; fail++) {
        open_two();
        world.alloc_fail = world.allocs + fail;
        int rv = run(steps, 2, false);
        bool ran = world.allocs < world.alloc_fail;
        bool done_all = rv == WEFT_OK; /* also without: a table that cannot grow goes on */
        world.alloc_fail = 0;
        CHECK(ran ? done_all : done_all || rv == WEFT_ERR_NOMEM);
        refused_runs += !done_all;
        settle();
        CHECK_EQ_UINT(version_of(a), done_all ? 2 : 1);
        CHECK_EQ_UINT(version_of(l), done_all ? 2 : 1);
        (void)world_log_clear();
        done();
        if (ran) {
            CHECK(refused_runs >= 6);
            return;
        }
    }
}

TEST_MAIN("otp release", TEST(a_dry_run_says_what_would_happen_and_does_nothing),
          TEST(the_steps_are_made_in_order), TEST(one_rollback_takes_every_module_back),
          TEST(a_step_that_fails_takes_the_others_back),
          TEST(a_fault_that_is_watched_for_takes_all_back),
          TEST(past_the_point_of_no_return_who_cannot_change_ends),
          TEST(a_plan_that_cannot_work_is_refused_whole), TEST(there_is_room_for_so_many_steps),
          TEST(a_step_gets_what_it_needs_by_an_earlier_one),
          TEST(every_allocation_that_fails_leaves_all_as_it_was))
