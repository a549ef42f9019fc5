/* The machine's clocks and the kernel's entropy. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_clock(clockid_t id) {
    struct timespec now;
    int rv = clock_gettime(id, &now);
    WEFT_ASSERT(rv == 0);
    WEFT_ASSERT(now.tv_sec < INT64_MAX / WEFT_S(1));
    return WEFT_S(now.tv_sec) + WEFT_NS(now.tv_nsec);
}

static weft_time clock_monotonic(struct weft_env *env) {
    (void)env;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t clock_wall(struct weft_env *env) {
    (void)env;
    return read_clock(CLOCK_REALTIME);
}

const struct weft_clock_ops weft_posix__clock = {.monotonic = clock_monotonic, .wall = clock_wall};

static void from_kernel(unsigned char *out, size_t size) {
    while (size > 0) {
        ssize_t got = getrandom(out, size, 0);
        if (got < 0 && errno == EINTR) continue;
        WEFT_ASSERT(got > 0);
        out += got;
        size -= (size_t)got;
    }
}

/* Small requests come from a buffer, and what was handed out is forgotten. */
static void entropy_fill(struct weft_env *env, void *out, size_t size) {
    struct weft_posix *posix = weft_posix__of(env);
    WEFT_ASSERT(out != NULL || size == 0);
    if (size > sizeof posix->entropy) {
        from_kernel(out, size);
        return;
    }
    if (size > posix->entropy_left) {
        from_kernel(posix->entropy, sizeof posix->entropy);
        posix->entropy_left = sizeof posix->entropy;
    }
    posix->entropy_left -= size;
    if (size == 0) return;
    memcpy(out, posix->entropy + posix->entropy_left, size);
    explicit_bzero(posix->entropy + posix->entropy_left, size);
}

const struct weft_entropy_ops weft_posix__entropy = {.fill = entropy_fill};
