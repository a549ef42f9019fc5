/* "stray", an application that makes the one call that simulated code must not which `call` of its
 * environment names: "sys/NAME", the system call itself, or "libc/NAME", by the C library. */
#define _GNU_SOURCE
#include "core/base/assert.h"
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"
#include "core/posix/strays.h"

#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* Room for whatever a call wants to be told or to tell. */
static union {
    unsigned char bytes[512];
    struct timespec time;
    struct timeval seconds;
    struct timex timex;
    struct tms tms;
    struct itimerval interval;
    struct epoll_event event;
    struct sockaddr address;
    struct msghdr message;
    struct mmsghdr messages[2];
    struct pollfd poll;
    fd_set files;
    timer_t timer;
    pthread_t thread;
    thrd_t other;
    pid_t pid;
    struct addrinfo *found;
    int pair[2];
} it;

static socklen_t size = sizeof(struct sockaddr);
static char none[] = "/nonexistent";
static char *const words[] = {none, NULL};

static void *nothing(void *arg) { return arg; }
static int none_to(void *arg) { return arg != NULL; }

/* X(name, what it is about, the call). Each is expected to be stopped. */
#define LIBC(X)                                                                                    \
    X(clock_gettime, CLOCK, clock_gettime(CLOCK_REALTIME, &it.time))                               \
    X(clock_gettime_monotonic, CLOCK, clock_gettime(CLOCK_MONOTONIC, &it.time))                    \
    X(clock_gettime_of_process, CLOCK, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &it.time))          \
    X(clock_gettime_of_thread, CLOCK, clock_gettime(CLOCK_THREAD_CPUTIME_ID, &it.time))            \
    X(clock, CLOCK, clock())                                                                       \
    X(gettimeofday, CLOCK, gettimeofday(&it.seconds, NULL))                                        \
    X(time, CLOCK, time(NULL))                                                                     \
    X(timespec_get, CLOCK, timespec_get(&it.time, TIME_UTC))                                       \
    X(times, CLOCK, times(&it.tms))                                                                \
    X(adjtimex, CLOCK, adjtimex(&it.timex))                                                        \
    X(clock_adjtime, CLOCK, clock_adjtime(CLOCK_REALTIME, &it.timex))                              \
    X(ntp_adjtime, CLOCK, ntp_adjtime(&it.timex))                                                  \
    X(ntp_gettime, CLOCK, ntp_gettime((struct ntptimeval *)&it))                                   \
    X(rdtsc, CLOCK, __builtin_ia32_rdtsc())                                                        \
    X(sleep, TIMER, sleep(1))                                                                      \
    X(usleep, TIMER, usleep(1))                                                                    \
    X(nanosleep, TIMER, nanosleep(&it.time, NULL))                                                 \
    X(clock_nanosleep, TIMER, clock_nanosleep(CLOCK_MONOTONIC, 0, &it.time, NULL))                 \
    X(thrd_sleep, TIMER, thrd_sleep(&it.time, NULL))                                               \
    X(ualarm, TIMER, ualarm(1, 0))                                                                 \
    X(setitimer, TIMER, setitimer(ITIMER_REAL, &it.interval, NULL))                                \
    X(timer_create, TIMER, timer_create(CLOCK_MONOTONIC, NULL, &it.timer))                         \
    X(timerfd_create, TIMER, timerfd_create(CLOCK_MONOTONIC, 0))                                   \
    X(poll, TIMER, poll(&it.poll, 0, 1))                                                           \
    X(ppoll, TIMER, ppoll(&it.poll, 0, &it.time, NULL))                                            \
    X(select, TIMER, select(0, &it.files, NULL, NULL, NULL))                                       \
    X(pselect, TIMER, pselect(0, &it.files, NULL, NULL, NULL, NULL))                               \
    X(epoll_create, TIMER, epoll_create(1))                                                        \
    X(epoll_create1, TIMER, epoll_create1(0))                                                      \
    X(epoll_wait, TIMER, epoll_wait(0, &it.event, 1, 1))                                           \
    X(epoll_pwait, TIMER, epoll_pwait(0, &it.event, 1, 1, NULL))                                   \
    X(getrandom, ENTROPY, getrandom(it.bytes, 8, 0))                                               \
    X(getentropy, ENTROPY, getentropy(it.bytes, 8))                                                \
    X(arc4random, ENTROPY, arc4random())                                                           \
    X(arc4random_buf, ENTROPY, (arc4random_buf(it.bytes, 8), 0))                                   \
    X(pthread_create, THREAD, pthread_create(&it.thread, NULL, nothing, NULL))                     \
    X(thrd_create, THREAD, thrd_create(&it.other, none_to, NULL))                                  \
    X(clone, THREAD, clone(none_to, it.bytes + sizeof it.bytes, 0, NULL))                          \
    X(fork, THREAD, fork())                                                                        \
    X(vfork, THREAD, vfork())                                                                      \
    X(system, THREAD, system("true"))                                                              \
    X(popen, THREAD, popen("true", "r") != NULL)                                                   \
    X(posix_spawn, THREAD, posix_spawn(&it.pid, none, NULL, NULL, words, words))                   \
    X(execv, THREAD, execv(none, words))                                                           \
    X(execve, THREAD, execve(none, words, words))                                                  \
    X(execvp, THREAD, execvp(none, words))                                                         \
    X(fexecve, THREAD, fexecve(0, words, words))                                                   \
    X(socket, SOCKET, socket(AF_INET, SOCK_STREAM, 0))                                             \
    X(socketpair, SOCKET, socketpair(AF_UNIX, SOCK_STREAM, 0, it.pair))                            \
    X(connect, SOCKET, connect(0, &it.address, size))                                              \
    X(accept, SOCKET, accept(0, &it.address, &size))                                               \
    X(accept4, SOCKET, accept4(0, &it.address, &size, 0))                                          \
    X(bind, SOCKET, bind(0, &it.address, size))                                                    \
    X(listen, SOCKET, listen(0, 1))                                                                \
    X(send, SOCKET, send(0, it.bytes, 1, 0))                                                       \
    X(sendto, SOCKET, sendto(0, it.bytes, 1, 0, &it.address, size))                                \
    X(sendmsg, SOCKET, sendmsg(0, &it.message, 0))                                                 \
    X(sendmmsg, SOCKET, sendmmsg(0, it.messages, 1, 0))                                            \
    X(recv, SOCKET, recv(0, it.bytes, 1, 0))                                                       \
    X(recvfrom, SOCKET, recvfrom(0, it.bytes, 1, 0, &it.address, &size))                           \
    X(recvmsg, SOCKET, recvmsg(0, &it.message, 0))                                                 \
    X(recvmmsg, SOCKET, recvmmsg(0, it.messages, 1, 0, NULL))                                      \
    X(getaddrinfo, SOCKET, getaddrinfo("weft.invalid", "80", NULL, &it.found))

/* The filter looks at one argument: of mmap, whether it is for a stack. */
static long make(long number) {
    return syscall(number, 0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
}

#define LIBC_CALL(name, about, expression)                                                         \
    static void call_##name(void) { (void)!(expression); }
LIBC(LIBC_CALL)

static void stray(const char *call) {
#define SYS_ROW(name, about)                                                                       \
    if (strcmp(call, "sys/" #name) == 0) (void)make(SYS_##name);
    WEFT_POSIX_STRAYS(SYS_ROW)
#define LIBC_ROW(name, about, expression)                                                          \
    if (strcmp(call, "libc/" #name) == 0) call_##name();
    LIBC(LIBC_ROW)
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    const char *call = weft_app_get_env(self, NULL, "call");
    (void)arg;
    WEFT_ASSERT(call != NULL);
    stray(call);
    return WEFT_OK;
}

static WEFT_GEN_SERVER(stray_server, .name = "stray", .version = 1, .init = on_init);

static const struct weft_behaviour *const behaviours[] = {&stray_server};

static WEFT_APPLICATION(stray_app, .name = "stray", .version = "1",
                        .children = {{.id = "stray", .name = "stray", .behaviour = &stray_server}});

WEFT_MODULE(.name = "stray", .version = 1, WEFT_BEHAVIOURS(behaviours), .application = &stray_app);
