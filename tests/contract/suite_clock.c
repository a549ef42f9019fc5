/* Claims about time. */
#include "tests/contract/contract.h"

void monotonic_time_never_goes_back(void) {
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    weft_time last = weft_env_now(env);
    bool held = true;
    for (int i = 0; i < 1000; i++) {
        if (i % 100 == 0) contract_pass(WEFT_US(10));
        weft_time now = weft_env_now(env);
        if (now < last) held = false;
        last = now;
    }
    CHECK(held);
    contract_end();
}

void a_pump_lets_time_pass(void) {
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    weft_time before = weft_env_now(env);
    contract_pass(WEFT_MS(20));
    weft_duration passed = weft_env_now(env) - before;
    if (contract_world->is_simulated) {
        CHECK_EQ_INT(passed, WEFT_MS(20));
    } else {
        CHECK(passed >= WEFT_MS(20));
    }
    contract_end();
}

void wall_time_runs_along(void) {
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    int64_t before = env->clock->wall(env);
    CHECK(before > 0);
    contract_pass(WEFT_MS(20));
    /* A machine's wall clock may be set meanwhile: only a simulated one is held to it. */
    int64_t passed = env->clock->wall(env) - before;
    if (contract_world->is_simulated) CHECK_EQ_INT(passed, WEFT_MS(20));
    contract_end();
}
