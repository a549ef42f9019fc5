/* The loop: epoll with a nanosecond timeout, signals through a signalfd, watched descriptors. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define WATCH_SLOT_BITS 8
#define WATCH_SLOT_MASK ((UINT64_C(1) << WATCH_SLOT_BITS) - 1)

_Static_assert(POSIX_WATCHES_MAX <= 1 << WATCH_SLOT_BITS, "slots fit the tag");

static void signal_mask(const struct weft_posix *posix, sigset_t *set) {
    sigemptyset(set);
    for (unsigned i = 0; i < posix->signals_count; i++) sigaddset(set, posix->signals[i].signo);
}

static struct weft_posix__signal *signal_find(struct weft_posix *posix, int signo) {
    for (unsigned i = 0; i < posix->signals_count; i++) {
        if (posix->signals[i].signo == signo) return &posix->signals[i];
    }
    return NULL;
}

static int signal_listen(struct weft_posix *posix) {
    sigset_t set;
    signal_mask(posix, &set);
    int fd = signalfd(posix->signal_fd, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) return WEFT_ERR_IO;
    if (posix->signal_fd < 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = POSIX_TAG_SIGNAL};
        posix->signal_fd = fd;
        if (epoll_ctl(posix->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) return WEFT_ERR_IO;
    }
    WEFT_ASSERT(fd == posix->signal_fd);
    return pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 ? WEFT_OK : WEFT_ERR_IO;
}

int weft_posix_on_signal(struct weft_posix *posix, int signo, void (*fn)(void *ctx, int signo),
                         void *ctx) {
    WEFT_ASSERT(fn != NULL);
    struct weft_posix__signal *found = signal_find(posix, signo);
    sigset_t probe;
    sigemptyset(&probe);
    if (sigaddset(&probe, signo) != 0) return WEFT_ERR_INVAL;
    if (signo == SIGKILL || signo == SIGSTOP) return WEFT_ERR_INVAL;
    if (found == NULL) {
        if (posix->signals_count == POSIX_SIGNALS_MAX) return WEFT_ERR_FULL;
        found = &posix->signals[posix->signals_count++];
    }
    *found = (struct weft_posix__signal){.fn = fn, .ctx = ctx, .signo = signo};
    return signal_listen(posix);
}

static void signals_ready(struct weft_posix *posix) {
    struct signalfd_siginfo info;
    while (read(posix->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        struct weft_posix__signal *found = signal_find(posix, (int)info.ssi_signo);
        WEFT_ASSERT(found != NULL);
        found->fn(found->ctx, found->signo);
    }
}

static struct weft_posix__watched *watch_find(struct weft_posix *posix, int fd) {
    for (size_t i = 0; i < POSIX_WATCHES_MAX; i++) {
        if (posix->watches[i].fn != NULL && posix->watches[i].fd == fd) return &posix->watches[i];
    }
    return NULL;
}

static struct weft_posix__watched *watch_free(struct weft_posix *posix) {
    for (size_t i = 0; i < POSIX_WATCHES_MAX; i++) {
        if (posix->watches[i].fn == NULL) return &posix->watches[i];
    }
    return NULL;
}

int weft_posix_watch(struct weft_posix *posix, int fd, int events,
                     void (*fn)(void *ctx, int fd, int events), void *ctx) {
    WEFT_ASSERT(fn != NULL);
    WEFT_ASSERT((events & ~(WEFT_WATCH_READ | WEFT_WATCH_WRITE)) == 0);
    struct weft_posix__watched *watch = watch_find(posix, fd);
    int op = watch != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (watch == NULL) watch = watch_free(posix);
    if (watch == NULL) return WEFT_ERR_FULL;
    uint64_t slot = (uint64_t)(watch - posix->watches);
    uint64_t serial = ++posix->serial;
    struct epoll_event event = {.data.u64 = POSIX_TAG_WATCH | serial << WATCH_SLOT_BITS | slot};
    if (events & WEFT_WATCH_READ) event.events |= EPOLLIN | EPOLLRDHUP;
    if (events & WEFT_WATCH_WRITE) event.events |= EPOLLOUT;
    if (epoll_ctl(posix->epoll_fd, op, fd, &event) != 0) {
        return errno == EPERM ? WEFT_ERR_INVAL : weft_posix__error(errno);
    }
    *watch = (struct weft_posix__watched){.fn = fn, .ctx = ctx, .fd = fd, .serial = serial};
    return WEFT_OK;
}

void weft_posix_unwatch(struct weft_posix *posix, int fd) {
    struct weft_posix__watched *watch = watch_find(posix, fd);
    if (watch == NULL) return;
    epoll_ctl(posix->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    *watch = (struct weft_posix__watched){.fn = NULL, .fd = -1};
}

static void watch_ready(struct weft_posix *posix, uint64_t tag, uint32_t events) {
    struct weft_posix__watched *watch = &posix->watches[tag & WATCH_SLOT_MASK];
    uint64_t serial = (tag & ~POSIX_TAG_MASK) >> WATCH_SLOT_BITS;
    WEFT_ASSERT((tag & WATCH_SLOT_MASK) < POSIX_WATCHES_MAX);
    if (watch->fn == NULL || watch->serial != serial) return;
    int told = 0;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) told |= WEFT_WATCH_READ;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) told |= WEFT_WATCH_WRITE;
    watch->fn(watch->ctx, watch->fd, told);
}

static void dispatch(struct weft_posix *posix, const struct epoll_event *event) {
    switch (event->data.u64 & POSIX_TAG_MASK) {
    case POSIX_TAG_WATCH:
        watch_ready(posix, event->data.u64, event->events);
        break;
    case POSIX_TAG_SIGNAL:
        signals_ready(posix);
        break;
    default: {
        /* Closed by an earlier event of this batch: not there any more. */
        struct weft_posix__socket *socket = weft_posix__socket_get(posix, event->data.u64);
        if (socket != NULL) weft_posix__dispatch(posix, socket, event->events);
    }
    }
}

/* How long a turn may wait. */
static weft_duration wait_time(struct weft_posix *posix, const struct weft_posix_driver *driver,
                               weft_duration wait_max) {
    WEFT_ASSERT(wait_max >= 0);
    weft_time until = driver->next_at(driver->ctx);
    if (!weft_list_empty(&posix->pending)) return 0;
    if (!weft_list_empty(&posix->starved)) until = weft_time_min(until, posix->starved_until);
    if (until == WEFT_TIME_NEVER || wait_max == 0) return wait_max;
    weft_time now = weft_env_now(&posix->env);
    return until <= now ? 0 : weft_time_min(wait_max, until - now);
}

/* A kernel without epoll_pwait2: whole milliseconds, rounded up. */
static int wait_coarse(int epoll_fd, struct epoll_event *events, weft_duration wait) {
    weft_duration ms = wait / WEFT_MS(1) + (wait % WEFT_MS(1) != 0);
    if (wait == WEFT_TIME_NEVER) ms = -1;
    if (ms > INT32_MAX) ms = INT32_MAX;
    return epoll_wait(epoll_fd, events, POSIX_EVENTS_MAX, (int)ms);
}

static int wait_for(int epoll_fd, struct epoll_event *events, weft_duration wait) {
    WEFT_ASSERT(wait >= 0);
    struct timespec time = {.tv_sec = wait / WEFT_S(1), .tv_nsec = wait % WEFT_S(1)};
    const struct timespec *timeout = wait == WEFT_TIME_NEVER ? NULL : &time;
    int count = epoll_pwait2(epoll_fd, events, POSIX_EVENTS_MAX, timeout, NULL);
    if (count >= 0) return count;
    if (errno == ENOSYS) count = wait_coarse(epoll_fd, events, wait);
    if (count < 0 && errno == EINTR) return 0;
    return count < 0 ? WEFT_ERR_IO : count;
}

static void starved_check(struct weft_posix *posix) {
    if (weft_list_empty(&posix->starved)) return;
    if (weft_env_now(&posix->env) >= posix->starved_until) weft_posix__listeners_wake(posix);
}

int weft_posix_turn(struct weft_posix *posix, const struct weft_posix_driver *driver,
                    weft_duration wait_max) {
    struct epoll_event events[POSIX_EVENTS_MAX];
    WEFT_ASSERT(posix->driver == NULL); /* a turn inside a turn */
    posix->driver = driver;
    bool more = driver->run(driver->ctx);
    weft_posix_flush(posix);
    weft_duration wait = more || driver->done(driver->ctx) ? 0 : wait_time(posix, driver, wait_max);
    int count = wait_for(posix->epoll_fd, events, wait);
    posix->turn++;
    starved_check(posix);
    weft_posix__streams_pending(posix);
    for (int i = 0; i < count; i++) dispatch(posix, &events[i]);
    weft_posix_flush(posix);
    posix->driver = NULL;
    return count < 0 ? count : WEFT_OK;
}

int weft_posix_loop(struct weft_posix *posix, const struct weft_posix_driver *driver) {
    int rv = WEFT_OK;
    while (rv == WEFT_OK && !driver->done(driver->ctx)) {
        rv = weft_posix_turn(posix, driver, WEFT_TIME_NEVER);
    }
    return rv;
}

static void woken(void *ctx, int fd, int events) {
    uint64_t count;
    (void)ctx;
    (void)events;
    ssize_t size = read(fd, &count, sizeof count);
    (void)size; /* what there is to do is found by the next run */
}

int weft_posix_waker(struct weft_posix *posix) {
    WEFT_ASSERT(posix->wake_fd < 0);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) return weft_posix__error(errno);
    int rv = weft_posix_watch(posix, fd, WEFT_WATCH_READ, woken, NULL);
    if (rv != WEFT_OK) {
        close(fd);
        return rv;
    }
    posix->wake_fd = fd;
    return WEFT_OK;
}

void weft_posix_wake(struct weft_posix *posix) {
    uint64_t one = 1;
    WEFT_ASSERT(posix->wake_fd >= 0);
    ssize_t size = write(posix->wake_fd, &one, sizeof one);
    (void)size; /* a full counter wakes as well */
}

int weft_posix_fd(const struct weft_posix *posix) { return posix->epoll_fd; }

int weft_posix__loop_init(struct weft_posix *posix) {
    posix->signal_fd = posix->wake_fd = -1;
    posix->turn = 1;
    posix->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return posix->epoll_fd >= 0 ? WEFT_OK : weft_posix__error(errno);
}

void weft_posix__loop_deinit(struct weft_posix *posix) {
    sigset_t set;
    signal_mask(posix, &set);
    if (posix->signal_fd >= 0) {
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        close(posix->signal_fd);
    }
    if (posix->wake_fd >= 0) close(posix->wake_fd);
    close(posix->epoll_fd);
}
