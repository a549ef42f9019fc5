/* Claims about tracing. */
#include "tests/contract/contract.h"

#include <stdio.h>

/* Events of `kind` at `node`, the last of them in *out. */
static size_t traced(int node, enum weft_trace_kind kind, const struct contract_traced **out) {
    size_t count = 0;
    for (size_t i = 0; i < contract.traced_count; i++) {
        const struct contract_traced *one = &contract.traced[i];
        if (one->node != node || one->event.kind != kind) continue;
        *out = one;
        count++;
    }
    return count;
}

void a_wanted_event_reaches_the_sink(void) {
    static const char text[] = "some bytes";
    const struct contract_traced *got = NULL;
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_B);
    env->trace_mask |= WEFT_TRACE_BIT(WEFT_TRACE_WORK_ASKED);
    contract_pass(WEFT_MS(1));
    weft_time before = weft_env_now(env);
    weft_trace(env, WEFT_TRACE_WORK_ASKED, weft_bytes(text, 10), 1, UINT64_MAX, 3);
    REQUIRE(traced(CONTRACT_B, WEFT_TRACE_WORK_ASKED, &got) == 1);
    CHECK(got->event.at >= before && got->event.at <= weft_env_now(env));
    CHECK_EQ_UINT(got->event.node, env->node);
    CHECK(env->node != contract_env(CONTRACT_A)->node);
    CHECK_EQ_UINT(got->event.number[0], 1);
    CHECK_EQ_UINT(got->event.number[1], UINT64_MAX);
    CHECK_EQ_UINT(got->event.number[2], 3);
    CHECK_EQ_UINT(got->event.number[3], 0);
    CHECK_EQ_UINT(got->event.bytes.size, 10);
    CHECK_EQ_BYTES(got->text, text, 10);
    contract_end();
}

static uint64_t evaluated(int *count) {
    ++*count;
    return 1;
}

void an_unwanted_event_is_not_built(void) {
    const struct contract_traced *got = NULL;
    int count = 0;
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    env->trace_mask &= ~WEFT_TRACE_BIT(WEFT_TRACE_WORK_ASKED);
    weft_trace(env, WEFT_TRACE_WORK_ASKED, weft_bytes(NULL, 0), evaluated(&count));
    CHECK_EQ_INT(count, 0);
    CHECK_EQ_UINT(traced(CONTRACT_A, WEFT_TRACE_WORK_ASKED, &got), 0);
    env->trace_mask |= WEFT_TRACE_BIT(WEFT_TRACE_WORK_ASKED);
    weft_trace(env, WEFT_TRACE_WORK_ASKED, weft_bytes(NULL, 0), evaluated(&count));
    CHECK_EQ_INT(count, 1);
    CHECK_EQ_UINT(traced(CONTRACT_A, WEFT_TRACE_WORK_ASKED, &got), 1);
    contract_end();
}

void a_log_is_cut_at_its_limit(void) {
    const struct contract_traced *got = NULL;
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    env->trace_mask |= WEFT_TRACE_BIT(WEFT_TRACE_LOG);
    weft_log(env, WEFT_LOG_ERROR, "%d and %s", 7, "eight");
    REQUIRE(traced(CONTRACT_A, WEFT_TRACE_LOG, &got) == 1);
    CHECK_EQ_UINT(got->event.number[0], WEFT_LOG_ERROR);
    CHECK_EQ_UINT(got->event.bytes.size, 11);
    CHECK_EQ_BYTES(got->text, "7 and eight", 11);
    weft_log(env, WEFT_LOG_ERROR, "%0500d", 1);
    REQUIRE(traced(CONTRACT_A, WEFT_TRACE_LOG, &got) == 2);
    CHECK_EQ_UINT(got->event.bytes.size, WEFT_LOG_TEXT_MAX);
    CHECK_EQ_INT(got->text[WEFT_LOG_TEXT_MAX - 1], '0');
    contract_end();
}
