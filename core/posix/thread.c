/* Threads that drive. */
#define _GNU_SOURCE
#include "core/posix/thread.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/posix/guard_internal.h"

#include <pthread.h>
#include <stdlib.h>

struct weft_posix_thread {
    pthread_t thread;
    struct weft_posix *posix;
    const struct weft_posix_driver *driver;
    void (*over)(void *ctx, int rv);
    int rv;
};

static void *drive(void *arg) {
    struct weft_posix_thread *thread = arg;
    weft_posix_guard_install();
    thread->rv = weft_posix_loop(thread->posix, thread->driver);
    weft_posix_guard_remove();
    if (thread->over != NULL) thread->over(thread->driver->ctx, thread->rv);
    return NULL;
}

int weft_posix_thread_start(struct weft_posix *posix, const struct weft_posix_driver *driver,
                            void (*over)(void *ctx, int rv), struct weft_posix_thread **out) {
    WEFT_ASSERT(posix != NULL);
    WEFT_ASSERT(driver != NULL);
    struct weft_posix_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) return WEFT_ERR_NOMEM;
    thread->posix = posix;
    thread->driver = driver;
    thread->over = over;
    int rv = weft_posix__start(&thread->thread, drive, thread);
    if (rv != WEFT_OK) {
        free(thread);
        return rv;
    }
    *out = thread;
    return WEFT_OK;
}

int weft_posix_thread_join(struct weft_posix_thread *thread) {
    WEFT_ASSERT(thread != NULL);
    int error = pthread_join(thread->thread, NULL);
    WEFT_ASSERT(error == 0);
    int rv = thread->rv;
    free(thread);
    return rv;
}
