/* The wait before a restart: twice as long with each failure in a row, with a random part so that
 * those that failed together do not come back together. */
#include "core/otp/sup_internal.h"

#include "core/base/rand.h"

#define FACTOR_DEFAULT 64

void weft_otp__backoff_configure(struct sup *sup, const struct weft_sup_config *config) {
    weft_duration first = config->backoff_first;
    WEFT_ASSERT(first >= 0);
    sup->backoff_first = first;
    sup->backoff_max = config->backoff_max;
    if (sup->backoff_max == 0)
        sup->backoff_max =
            first <= WEFT_TIME_NEVER / FACTOR_DEFAULT ? first * FACTOR_DEFAULT : first;
    sup->backoff_reset = config->backoff_reset != 0 ? config->backoff_reset : sup->backoff_max;
    sup->backoff_jitter = config->backoff_jitter;
}

static weft_duration delay_of(weft_self *self, const struct sup *sup, uint32_t failures) {
    weft_duration delay = sup->backoff_first, max = sup->backoff_max;
    WEFT_ASSERT(failures > 0);
    for (uint32_t i = 1; i < failures && delay < max; i++)
        delay = delay > max / 2 ? max : delay * 2;
    if (delay > max) delay = max;
    if (sup->backoff_jitter == 0) return delay;
    struct weft_env *env = weft_self_env(self);
    uint64_t raw;
    env->entropy->fill(env, &raw, sizeof raw);
    uint64_t part = (uint64_t)delay / 100 * sup->backoff_jitter;
    return weft_time_add(delay, (weft_duration)weft_scale(raw, part + 1));
}

bool weft_otp__backoff_begin(weft_self *self, struct child *child) {
    struct sup *sup = weft_state(self);
    weft_ref timer;
    if (sup->backoff_first == 0) return false;
    WEFT_ASSERT(!weft_otp__child_is_up(child));
    if (child->failures < UINT8_MAX) child->failures++;
    weft_duration delay = delay_of(self, sup, child->failures);
    if (weft_timer_start(self, delay, SUP_WAITED, weft_bytes(&child->index, sizeof child->index),
                         &timer) != WEFT_OK)
        return false;
    weft_otp__child_set_state(self, child, CHILD_WAITING);
    child->timer = timer;
    return true;
}

void weft_otp__backoff_note_end(weft_self *self, struct child *child) {
    const struct sup *sup = weft_state(self);
    uint32_t ran = (uint32_t)(weft_now(self) / WEFT_MS(1)) - child->started;
    if (sup->backoff_first > 0 && ran >= sup->backoff_reset / WEFT_MS(1)) child->failures = 0;
}
