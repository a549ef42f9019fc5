/* Claims about jobs: functions that run beside the node, and answer with an event. */
#include "core/base/assert.h"
#include "core/base/limits.h"
#include "tests/contract/contract.h"

#include <string.h>

#define OWNER 77

static volatile int gate; /* a job that waits for it, in this process */
static int *volatile nowhere;

static int doubles(struct weft_bytes arg, struct weft_job_out *out) {
    for (size_t i = 0; i < arg.size; i++) out->data[i] = (unsigned char)(2 * arg.data[i]);
    out->size = arg.size;
    return WEFT_OK;
}

static int refuses(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    (void)out;
    return WEFT_ERR_CORRUPT;
}

__attribute__((no_sanitize("undefined"))) static int faults(struct weft_bytes arg,
                                                            struct weft_job_out *out) {
    (void)arg;
    (void)out;
    return *nowhere;
}

static int claims_too_much(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    out->size = out->size_max + 1;
    return WEFT_OK;
}

static int counts(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    (void)out;
    __atomic_fetch_add(&gate, 1, __ATOMIC_SEQ_CST);
    return WEFT_OK;
}

static struct weft_job_request request(uint64_t id, weft_job_fn fn) {
    static const unsigned char text[] = {1, 2, 3};
    return (struct weft_job_request){
        .owner = OWNER, .id = id, .fn = fn, .arg = weft_bytes(text, 3), .result_max = 8};
}

static int submit(uint64_t id, weft_job_fn fn) {
    struct weft_env *env = contract_env(CONTRACT_A);
    struct weft_job_request wanted = request(id, fn);
    return env->job->submit(env, &wanted);
}

static const struct weft_event *answer(uint64_t id) {
    if (!CHECK(contract_wait(CONTRACT_A, id, WEFT_EVENT_JOB, 1))) return NULL;
    return contract_find(CONTRACT_A, id, WEFT_EVENT_JOB, 0);
}

void a_job_answers_with_its_result(void) {
    if (!contract_begin()) return;
    CHECK_EQ_INT(submit(1, doubles), WEFT_OK);
    CHECK_EQ_UINT(contract_count(CONTRACT_A, 1, WEFT_EVENT_JOB), 0); /* not before it returns */
    const struct weft_event *event = answer(1);
    if (event != NULL) {
        CHECK_EQ_UINT(event->owner, OWNER);
        CHECK_EQ_INT(event->error, WEFT_OK);
        CHECK(event->size == 3 && memcmp(event->data, "\2\4\6", 3) == 0);
    }
    contract_end();
}

void a_job_answers_with_its_error(void) {
    if (!contract_begin()) return;
    CHECK_EQ_INT(submit(1, refuses), WEFT_OK);
    const struct weft_event *event = answer(1);
    if (event != NULL) CHECK_EQ_INT(event->error, WEFT_ERR_CORRUPT);
    contract_end();
}

void a_job_that_faults_says_how(void) {
    if (!contract_begin()) return;
    CHECK_EQ_INT(submit(1, faults), WEFT_OK);
    CHECK_EQ_INT(submit(2, claims_too_much), WEFT_OK);
    CHECK_EQ_INT(submit(3, doubles), WEFT_OK);
    const struct weft_event *event = answer(1);
    if (event != NULL) {
        CHECK_EQ_INT(event->error, WEFT_ERR_FAULT);
        CHECK(event->size >= 17 && memcmp(event->data, "bad memory access", 17) == 0);
    }
    event = answer(2);
    if (event != NULL) CHECK_EQ_INT(event->error, WEFT_ERR_FAULT);
    event = answer(3);
    if (event != NULL) CHECK_EQ_INT(event->error, WEFT_OK);
    contract_end();
}

void a_cancelled_job_is_not_told(void) {
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    CHECK_EQ_INT(submit(1, doubles), WEFT_OK);
    CHECK_EQ_INT(submit(2, doubles), WEFT_OK);
    env->job->cancel(env, OWNER, 1);
    env->job->cancel(env, OWNER + 1, 2); /* not its owner */
    env->job->cancel(env, OWNER, 99);
    CHECK(answer(2) != NULL);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract_count(CONTRACT_A, 1, WEFT_EVENT_JOB), 0);
    contract_end();
}

void jobs_are_bounded_and_each_answers_once(void) {
    if (!contract_begin()) return;
    gate = 0;
    uint64_t taken = 0;
    while (submit(taken + 1, counts) == WEFT_OK) taken++;
    CHECK_EQ_UINT(taken, WEFT_JOBS_MAX);
    CHECK_EQ_INT(submit(9999, counts), WEFT_ERR_FULL);
    for (uint64_t id = 1; id <= taken; id++) {
        if (answer(id) == NULL) break;
    }
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract.count, taken);
    CHECK_EQ_INT(__atomic_load_n(&gate, __ATOMIC_SEQ_CST), (int)taken);
    CHECK_EQ_INT(submit(9999, counts), WEFT_OK);
    contract_end();
}

void jobs_left_at_the_end_are_forgotten(void) {
    if (!contract_begin()) return;
    for (uint64_t id = 1; id <= 3; id++) CHECK_EQ_INT(submit(id, doubles), WEFT_OK);
    contract_end();
}
