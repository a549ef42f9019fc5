/* Jobs of processes, with an env that runs them when the test says so. */
#include "core/base/limits.h"
#include "core/otp/job.h"
#include "tests/unit/otp/fake_env.h"

#define ASKED_MAX 8

static struct {
    struct weft_job_request asked[ASKED_MAX];
    uint64_t cancelled[ASKED_MAX];
    size_t asked_count, cancelled_count;
    int refuse; /* what submit returns */
} env;

static weft_pid a, b;
static weft_ref ref;
static int rv;

static int fake_submit(struct weft_env *of, const struct weft_job_request *request) {
    (void)of;
    if (env.refuse != WEFT_OK) return env.refuse;
    env.asked[env.asked_count++] = *request;
    return WEFT_OK;
}

static bool fake_cancel(struct weft_env *of, uint64_t owner, uint64_t id) {
    (void)of;
    (void)owner;
    env.cancelled[env.cancelled_count++] = id;
    return false;
}

static const struct weft_job_ops ops = {.submit = fake_submit, .cancel = fake_cancel};

static void open_with_jobs(void) {
    memset(&env, 0, sizeof env);
    world_open();
    world.env.job = &ops;
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
}

static void answer(size_t index, int status, const char *text) {
    struct weft_event event = {.kind = WEFT_EVENT_JOB,
                               .owner = env.asked[index].owner,
                               .socket = env.asked[index].id,
                               .error = status,
                               .data = text,
                               .size = strlen(text)};
    weft_sched_deliver(world.sched, &event);
    settle();
}

static int nothing(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    (void)out;
    return WEFT_OK;
}

static struct weft_job wanted = {.fn = nothing, .result_max = 16};

static void ask(weft_self *self) { rv = weft_job(self, &wanted, &ref); }

static void a_job_is_answered_once_by_a_reply(void) {
    open_with_jobs();
    in(b, ask);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(ref != 0);
    CHECK_EQ_UINT(env.asked_count, 1);
    CHECK_EQ_UINT(env.asked[0].owner, b.raw);
    CHECK_EQ_UINT(env.asked[0].id, ref);
    CHECK_LOG("");
    answer(0, WEFT_OK, "result");
    CHECK_LOG("b reply b OK result");
    answer(0, WEFT_OK, "again");
    CHECK_LOG("");
    world_close();
}

static void a_crash_is_its_owners_message(void) {
    open_with_jobs();
    in(b, ask);
    answer(0, WEFT_ERR_FAULT, "bad memory access");
    CHECK_LOG("b reply b FAULT bad memory access");
    CHECK(alive(b));
    world_close();
}

static void a_full_pool_refuses_and_nothing_is_left(void) {
    open_with_jobs();
    env.refuse = WEFT_ERR_FULL;
    in(b, ask);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_EQ_UINT(ref, 0);
    wanted.timeout = WEFT_S(1);
    in(b, ask);
    wanted.timeout = 0;
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_EQ_UINT(stats().timers, 0);
    pass(WEFT_S(2));
    CHECK_LOG("");
    world_close();
}

static void an_env_without_jobs_says_so(void) {
    open_with_jobs();
    world.env.job = NULL;
    in(b, ask);
    CHECK_EQ_INT(rv, WEFT_ERR_UNSUPPORTED);
    world_close();
}

static void a_job_that_takes_too_long_times_out_and_is_given_up(void) {
    open_with_jobs();
    wanted.timeout = WEFT_S(1);
    in(b, ask);
    wanted.timeout = 0;
    pass(WEFT_S(1) - 1);
    CHECK_LOG("");
    pass(1);
    CHECK_LOG("b reply b TIMEOUT");
    CHECK_EQ_UINT(env.cancelled_count, 1);
    CHECK_EQ_UINT(env.cancelled[0], env.asked[0].id);
    answer(0, WEFT_OK, "late");
    CHECK_LOG("");
    world_close();
}

static void a_job_ends_with_its_owner(void) {
    open_with_jobs();
    in(b, ask);
    in(b, stop_normal);
    CHECK_EQ_UINT(env.cancelled_count, 1);
    answer(0, WEFT_OK, "to nobody");
    CHECK_EQ_UINT(stats().procs, 2);
    world_log_clear();
    world_close();
}

static void cancel(weft_self *self) { rv = weft_job_cancel(self, ref); }

static void a_cancelled_job_does_not_answer(void) {
    open_with_jobs();
    in(b, ask);
    in(a, cancel); /* not its own */
    CHECK_EQ_INT(rv, WEFT_ERR_NOT_FOUND);
    in(b, cancel);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_EQ_UINT(env.cancelled_count, 1);
    answer(0, WEFT_OK, "late");
    CHECK_LOG("");
    in(b, cancel);
    CHECK_EQ_INT(rv, WEFT_ERR_NOT_FOUND);
    world_close();
}

static void an_answer_in_the_mailbox_can_be_cancelled(void) {
    open_with_jobs();
    in(b, ask);
    in_later(b, cancel);
    answer(0, WEFT_OK, "too late");
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("");
    world_close();
}

static void reply_in_its_place(weft_self *self) {
    struct weft_call call = {.from = b, .ref = ref};
    weft_reply(self, &call, WEFT_OK, weft_bytes_text("forged"));
}

static void nobody_answers_in_the_place_of_a_job(void) {
    open_with_jobs();
    in(b, ask);
    in(a, reply_in_its_place);
    CHECK_LOG("");
    answer(0, WEFT_OK, "real");
    CHECK_LOG("b reply b OK real");
    world_close();
}

static void a_job_without_a_function_is_the_callers_fault(void) {
    open_with_jobs();
    wanted.fn = NULL;
    in(b, ask);
    wanted.fn = nothing;
    CHECK(!alive(b));
    CHECK(alive(a));
    world_close();
}

static void no_memory_for_a_job_leaves_nothing_behind(void) {
    open_with_jobs();
    for (uint64_t nth = 1;; nth++) {
        world.allocs = 0;
        world.alloc_fail = nth;
        in(b, ask);
        if (world.allocs < nth) break;
        world.alloc_fail = 0;
        if (rv == WEFT_OK) continue; /* it was the test's own message */
        CHECK_EQ_INT(rv, WEFT_ERR_NOMEM);
        if (!CHECK(nth < 20)) break;
    }
    world_log_clear();
    world_close();
}

static const struct test_case cases[] = {
    TEST(a_job_is_answered_once_by_a_reply),
    TEST(a_crash_is_its_owners_message),
    TEST(a_full_pool_refuses_and_nothing_is_left),
    TEST(an_env_without_jobs_says_so),
    TEST(a_job_that_takes_too_long_times_out_and_is_given_up),
    TEST(a_job_ends_with_its_owner),
    TEST(a_cancelled_job_does_not_answer),
    TEST(an_answer_in_the_mailbox_can_be_cancelled),
    TEST(nobody_answers_in_the_place_of_a_job),
    TEST(a_job_without_a_function_is_the_callers_fault),
    TEST(no_memory_for_a_job_leaves_nothing_behind),
};

int main(int argc, char **argv) {
    return test_main("otp/isolation_jobs", cases, sizeof cases / sizeof cases[0],
                     (struct test_args){argc, argv});
}
