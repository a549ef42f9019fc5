/* Entropy: unpredictable bytes for ids, tokens' secrets and transaction ids. */
#ifndef WEFT_ENV_ENTROPY_H
#define WEFT_ENV_ENTROPY_H

#include <stddef.h>

struct weft_env;

struct weft_entropy_ops {
    /* Fill `out`. Cannot fail and does not block: posix asks the kernel's generator, a simulated
     * node draws from the run's seed, keyed by its number and by its life. */
    void (*fill)(struct weft_env *env, void *out, size_t size);
};

#endif
