/* The loop that drives one node: wait, deliver what happened, run the node, send what it sent. */
#ifndef WEFT_POSIX_LOOP_H
#define WEFT_POSIX_LOOP_H

#include "core/posix/posix.h"

/* The node as the loop sees it. */
struct weft_posix_driver {
    void *ctx;
    /* One event; borrowed for the call. */
    void (*deliver)(void *ctx, const struct weft_event *event);
    /* Work, a bounded piece of it. True: there is more to run at once. */
    bool (*run)(void *ctx);
    /* When it next wants to run; WEFT_TIME_NEVER: only when something happens. */
    weft_time (*next_at)(void *ctx);
    /* True ends weft_posix_loop. */
    bool (*done)(void *ctx);
};

/* Turns until driver->done. Datagrams queued then have been sent.
 *   WEFT_ERR_IO  the kernel refused to wait: nothing sensible can follow */
int weft_posix_loop(struct weft_posix *posix, const struct weft_posix_driver *driver);

/* One turn: run, send, wait at most `wait_max` (WEFT_TIME_NEVER: without limit; 0: not at all)
 * and not past next_at, deliver a bounded number of events. It never wakes before next_at for
 * the sake of next_at. For programs that drive several nodes in one thread. */
int weft_posix_turn(struct weft_posix *posix, const struct weft_posix_driver *driver,
                    weft_duration wait_max);

/* A descriptor that polls readable when a turn would find something to deliver; for an outer
 * epoll. Says nothing about next_at. */
int weft_posix_fd(const struct weft_posix *posix);

/* Hand queued datagrams to the kernel now. A turn does it by itself. */
void weft_posix_flush(struct weft_posix *posix);

/* Call fn(ctx, signo) from a turn when `signo` comes. The signal is blocked in the calling thread
 * from now on, and so must be called before other threads are started. A second call for a
 * signal replaces the first.
 *   WEFT_ERR_FULL (8 signals), WEFT_ERR_INVAL (no such signal), WEFT_ERR_IO */
int weft_posix_on_signal(struct weft_posix *posix, int signo, void (*fn)(void *ctx, int signo),
                         void *ctx);

enum weft_posix_watch { WEFT_WATCH_READ = 1, WEFT_WATCH_WRITE = 2 };

/* Call fn(ctx, fd, events) from a turn while `fd` is ready for any of `events` (level-triggered;
 * a hang-up or an error counts as both). Watching an fd again changes what is watched. The caller
 * keeps the fd, and unwatches it before closing it.
 *   WEFT_ERR_FULL (64 watches), WEFT_ERR_INVAL (not an fd that can be waited for) */
int weft_posix_watch(struct weft_posix *posix, int fd, int events,
                     void (*fn)(void *ctx, int fd, int events), void *ctx);

/* fn is not called for `fd` after this, even if it was found ready already. Unknown: ignored. */
void weft_posix_unwatch(struct weft_posix *posix, int fd);

/* Let other threads wake `posix`: called by its own, before they may.
 *   WEFT_ERR_FULL (descriptors, watches), WEFT_ERR_NOMEM */
int weft_posix_waker(struct weft_posix *posix);

/* End the wait of its turn; when it does not wait now, the next wait ends at once. From any thread,
 * between weft_posix_waker and weft_posix_free. */
void weft_posix_wake(struct weft_posix *posix);

#endif
