/* Watchdog on Linux: a timer signal to the thread itself, so that nothing is shared between threads
 * and the place where the handler stands is at hand. */
#define _GNU_SOURCE
#include "core/posix/watchdog.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/posix/guard_internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#define WATCH_SIGNAL (SIGRTMIN + 5)
#define RETRY WEFT_MS(1)

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

struct dog {
    const struct weft_watch *watch; /* NULL: off */
    timer_t timer;
    weft_duration tick, interval; /* interval: RETRY once something is overdue */
    weft_duration ran;            /* what has been seen of the handler that runs */
    uint64_t beat;                /* of it */
    bool patient;                 /* what cannot be left is waited for, not a panic */
};

static _Thread_local struct dog dog;

static void set_timer(weft_duration interval) {
    struct timespec time = {.tv_sec = interval / WEFT_S(1), .tv_nsec = interval % WEFT_S(1)};
    struct itimerspec spec = {.it_interval = time, .it_value = time};
    dog.interval = interval;
    timer_settime(dog.timer, 0, &spec, NULL);
}

/* Functions of libc that may be left anywhere: they only read and write their arguments. Others
 * with such names do not: strftime takes the lock of the time zone, strcoll allocates. */
static const char *const pure_names[] = {
    "memcpy",    "memmove", "mempcpy",   "memset",  "memcmp",  "memchr",  "memrchr",
    "rawmemchr", "memmem",  "bcmp",      "strlen",  "strnlen", "strcpy",  "strncpy",
    "stpcpy",    "stpncpy", "strcat",    "strncat", "strcmp",  "strncmp", "strcasecmp",
    "strchr",    "strrchr", "strchrnul", "strstr",  "strspn",  "strcspn", "strpbrk",
    "strsep",    "strtok",  "strtok_r",  "strtol",  "strtoul", "strtoll", "strtoull",
    "strtod",    "wcslen",  "wcscpy",    "wcscmp",  "wmemcpy", "wmemset", "strncasecmp"};

#define PURE_COUNT (sizeof pure_names / sizeof pure_names[0])

/* What runs for them has no name: libc chooses it by the processor. Learned when a watchdog starts,
 * for a signal handler must not ask. */
static _Thread_local uintptr_t pure_starts[PURE_COUNT];

static void learn_pure(void) {
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (libc == NULL) return;
    for (size_t i = 0; i < PURE_COUNT; i++) pure_starts[i] = (uintptr_t)dlsym(libc, pure_names[i]);
    dlclose(libc);
}

/* Without a name it may as well be the inside of a function that only jumps there, its locks held:
 * vprintf, setenv. */
static bool is_pure_code(uintptr_t code) {
    uintptr_t start = (uintptr_t)_Unwind_FindEnclosingFunction((char *)code + 1);
    for (size_t i = 0; i < PURE_COUNT; i++)
        if (start != 0 && start == pure_starts[i]) return true;
    return false;
}

static bool is_pure(const char *name) {
    size_t size = strlen(name), checked = sizeof "_chk" - 1;
    if (size > checked && strcmp(name + size - checked, "_chk") == 0) size -= checked;
    for (size_t i = 0; i < PURE_COUNT; i++)
        if (strlen(pure_names[i]) == size && memcmp(pure_names[i], name, size) == 0) return true;
    return false;
}

/* Functions that may be left where they wait: they hold nothing then. */
static bool is_wait(const char *name) {
    static const char *const waits[] = {"sleep",
                                        "usleep",
                                        "nanosleep",
                                        "clock_nanosleep",
                                        "poll",
                                        "ppoll",
                                        "select",
                                        "pselect",
                                        "read",
                                        "write",
                                        "pread",
                                        "pwrite",
                                        "recv",
                                        "recvfrom",
                                        "recvmsg",
                                        "send",
                                        "sendto",
                                        "sendmsg",
                                        "accept",
                                        "accept4",
                                        "connect",
                                        "pause",
                                        "wait",
                                        "waitpid",
                                        "syscall",
                                        "flock",
                                        "fsync",
                                        "fdatasync",
                                        "open",
                                        "openat",
                                        "pread64",
                                        "pwrite64",
                                        "open64",
                                        "openat64",
                                        "epoll_wait",
                                        "epoll_pwait",
                                        "sched_yield",
                                        "sigsuspend",
                                        "sem_wait",
                                        "pthread_mutex_lock",
                                        "pthread_cond_wait",
                                        "pthread_join",
                                        "futimens"};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        if (strcmp(name, waits[i]) == 0) return true;
    return false;
}

/* In a system call: behind the instruction, or at it when the kernel goes on with the call. */
static bool is_in_syscall(uintptr_t code) {
#if defined(__x86_64__)
    const unsigned char *at = (const unsigned char *)code;
    return (at[-2] == 0x0f && at[-1] == 0x05) || (at[0] == 0x0f && at[1] == 0x05);
#elif defined(__aarch64__)
    const uint32_t *at = (const uint32_t *)code;
    return at[-1] == 0xd4000001 || at[0] == 0xd4000001;
#else
    (void)code;
    return false;
#endif
}

static const char *file_name(const Dl_info *info) {
    const char *slash = strrchr(info->dli_fname, '/');
    return slash != NULL ? slash + 1 : info->dli_fname;
}

static bool in_sanitizer(const Dl_info *info) {
    return strncmp(file_name(info), "libasan", 7) == 0;
}

/* The library's, and not a place in this program or in a module of it. */
static bool in_library(uintptr_t code, Dl_info *info) {
    if (dladdr((const void *)code, info) == 0 || info->dli_fname == NULL) return false;
    const char *name = file_name(info);
    return strncmp(name, "libc.", 5) == 0 || strncmp(name, "libc-", 5) == 0 ||
           strncmp(name, "ld-", 3) == 0 || strncmp(name, "ld.", 3) == 0 ||
           strncmp(name, "libpthread", 10) == 0 || in_sanitizer(info);
}

static const char *plain(const char *name) {
    while (name[0] == '_') name++;
    if (strncmp(name, "interceptor_", 12) == 0) return name + 12; /* a sanitizer's */
    return strncmp(name, "libc_", 5) == 0 ? name + 5 : name;
}

/* What counts is the function the program called, and whether it waits. */
static bool may_leave(const ucontext_t *context) {
    uintptr_t code = weft_posix__context_code(context);
    Dl_info info, outer;
    if (!in_library(code, &info)) return true;
    const uintptr_t *frames;
    uint32_t count = weft_posix__capture(context, &frames), depth = 1, sanitizers = 0;
    while (depth < count && in_library(frames[depth], &outer)) {
        if (outer.dli_sname != NULL) info = outer; /* a sanitizer's own may have no name */
        if (in_sanitizer(&outer)) sanitizers++;
        depth++;
    }
    /* The program's own call, or the one that a sanitizer put before it; not its allocator's. */
    bool is_direct = depth == 1 || (depth == 2 && sanitizers == 1);
    if (info.dli_sname == NULL) return is_direct && is_pure_code(code);
    const char *name = plain(info.dli_sname);
    return is_pure(name) || (is_in_syscall(code) && is_wait(name));
}

/* A job's is set by another thread. */
static weft_duration watched_limit(void) {
    return __atomic_load_n(&dog.watch->limit, __ATOMIC_RELAXED);
}

static weft_duration limit_of(enum weft_posix__where where) {
    weft_duration limit = watched_limit();
    return where == WEFT_POSIX_UNGUARDED || limit <= 0 ? WEFT_TIME_NEVER : limit;
}

/* Called for a job whose guard is not entered yet, or just left: the next look finds which. */
static bool is_called(enum weft_posix__where where) {
    return dog.patient && where == WEFT_POSIX_UNGUARDED && watched_limit() > 0;
}

static void look(const ucontext_t *context) {
    enum weft_posix__where where = weft_posix__where();
    weft_duration limit = limit_of(where);
    uint64_t beat = dog.watch->beat;
    if (beat == dog.beat && is_called(where)) return;
    if (beat != dog.beat || limit == WEFT_TIME_NEVER) {
        dog.beat = beat;
        dog.ran = 0;
        if (dog.interval != dog.tick) set_timer(dog.tick);
        return;
    }
    dog.ran += dog.interval;
    if (dog.ran < limit) return;
    struct weft_fault fault = {
        .kind = WEFT_FAULT_HANG, .code = weft_posix__context_code(context), .ran = dog.ran};
    bool free_to_go = where == WEFT_POSIX_IN_HANDLER && may_leave(context);
    weft_duration most = weft_time_add(weft_time_add(limit, limit), WEFT_S(1));
    if (!free_to_go && (dog.patient || dog.ran < most)) {
        if (dog.interval != RETRY) set_timer(RETRY);
        return;
    }
    dog.ran = 0;
    if (dog.interval != dog.tick) set_timer(dog.tick);
    if (free_to_go) weft_posix__leave(&fault, context);
    fault.what = "a handler does not return, and cannot be left where it is";
    weft_posix__panic(&fault, context);
}

static void on_tick(int signo, siginfo_t *info, void *context) {
    (void)signo;
    if (dog.watch == NULL) return;
    if (info->si_code == SI_TIMER) look(context);
    if (info->si_code == SI_TKILL && dog.patient && watched_limit() > 0) {
        dog.beat = dog.watch->beat;
        dog.ran = 0;
        set_timer(RETRY);
    }
}

/* Whoever made the thread may have kept all signals from it. */
static void let_through(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, WATCH_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int start(const struct weft_watch *watch, weft_duration tick, bool patient) {
    WEFT_ASSERT(watch != NULL && tick >= 0);
    WEFT_ASSERT(dog.watch == NULL);
    struct sigaction action = {.sa_sigaction = on_tick,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = WATCH_SIGNAL};
    event.sigev_notify_thread_id = gettid();
    sigaction(WATCH_SIGNAL, &action, NULL);
    learn_pure();
    if (timer_create(CLOCK_MONOTONIC, &event, &dog.timer) != 0) return WEFT_ERR_FULL;
    dog.beat = watch->beat;
    dog.ran = 0;
    dog.tick = tick;
    dog.patient = patient;
    dog.watch = watch;
    let_through();
    set_timer(tick);
    return WEFT_OK;
}

int weft_posix_watchdog_start(const struct weft_watch *watch, weft_duration tick) {
    WEFT_ASSERT(tick > 0);
    return start(watch, tick, false);
}

int weft_posix__watchdog_on_call(const struct weft_watch *watch) { return start(watch, 0, true); }

int weft_posix__watch_signal(void) { return WATCH_SIGNAL; }

void weft_posix__watchdog_call(pthread_t thread) { pthread_kill(thread, WATCH_SIGNAL); }

void weft_posix_watchdog_stop(void) {
    if (dog.watch == NULL) return;
    dog.watch = NULL;
    timer_delete(dog.timer);
}
