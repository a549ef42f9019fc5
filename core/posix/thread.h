/* A thread that drives: one more scheduler of a node, with an env of its own. */
#ifndef WEFT_POSIX_THREAD_H
#define WEFT_POSIX_THREAD_H

#include "core/posix/loop.h"

struct weft_posix_thread;

/* Run weft_posix_loop of `posix` in a new thread, under its own guard; signals stay with the thread
 * that asks. A watchdog of it is started by the thread itself, in driver->run, and stopped in
 * driver->done. Until the thread is joined both belong to it, but for weft_posix_wake. The driver
 * is borrowed. `over` (NULL: nobody) is called with driver->ctx and what the loop returned, in the
 * thread, as the last thing it does: also of a loop that failed, of which driver->done never
 * hears. WEFT_ERR_NOMEM, WEFT_ERR_FULL (threads) */
int weft_posix_thread_start(struct weft_posix *posix, const struct weft_posix_driver *driver,
                            void (*over)(void *ctx, int rv), struct weft_posix_thread **out);

/* Wait until driver->done ended its loop, and forget it. What the loop returned. */
int weft_posix_thread_join(struct weft_posix_thread *thread);

#endif
