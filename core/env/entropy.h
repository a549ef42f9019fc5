/* Entropy: unpredictable bytes for ids, tokens' secrets and transaction ids; and what goes wrong
 * because a sweep says so. */
#ifndef WEFT_ENV_ENTROPY_H
#define WEFT_ENV_ENTROPY_H

#include <stdbool.h>
#include <stddef.h>

struct weft_env;

struct weft_entropy_ops {
    /* Fill `out`. Cannot fail and does not block: posix asks the kernel's generator, a simulated
     * node draws from the run's seed, keyed by its number and by its life. */
    void (*fill)(struct weft_env *env, void *out, size_t size);
    /* Whether the application's fault point `name` fails now; NULL: none ever does. */
    bool (*fault_point)(struct weft_env *env, const char *name);
};

#endif
