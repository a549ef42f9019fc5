/* The system calls that a confined program may not make, on x86-64 Linux (core/posix/confine.h). */
#ifndef WEFT_POSIX_STRAYS_H
#define WEFT_POSIX_STRAYS_H

/* X(name, what it is about). The last is stopped only where it maps a thread's stack:
 * pthread_create blocks signals before it clones, and a trap that cannot be delivered would end the
 * program without a word. */
#define WEFT_POSIX_STRAYS(X)                                                                       \
    X(clock_gettime, CLOCK)                                                                        \
    X(gettimeofday, CLOCK)                                                                         \
    X(time, CLOCK)                                                                                 \
    X(times, CLOCK)                                                                                \
    X(adjtimex, CLOCK)                                                                             \
    X(clock_adjtime, CLOCK)                                                                        \
    X(timerfd_create, TIMER)                                                                       \
    X(timer_create, TIMER)                                                                         \
    X(setitimer, TIMER)                                                                            \
    X(nanosleep, TIMER)                                                                            \
    X(clock_nanosleep, TIMER)                                                                      \
    X(poll, TIMER)                                                                                 \
    X(ppoll, TIMER)                                                                                \
    X(select, TIMER)                                                                               \
    X(pselect6, TIMER)                                                                             \
    X(epoll_create, TIMER)                                                                         \
    X(epoll_create1, TIMER)                                                                        \
    X(epoll_wait, TIMER)                                                                           \
    X(epoll_pwait, TIMER)                                                                          \
    X(getrandom, ENTROPY)                                                                          \
    X(clone, THREAD)                                                                               \
    X(clone3, THREAD)                                                                              \
    X(fork, THREAD)                                                                                \
    X(vfork, THREAD)                                                                               \
    X(execve, THREAD)                                                                              \
    X(execveat, THREAD)                                                                            \
    X(socket, SOCKET)                                                                              \
    X(socketpair, SOCKET)                                                                          \
    X(connect, SOCKET)                                                                             \
    X(accept, SOCKET)                                                                              \
    X(accept4, SOCKET)                                                                             \
    X(bind, SOCKET)                                                                                \
    X(listen, SOCKET)                                                                              \
    X(sendto, SOCKET)                                                                              \
    X(recvfrom, SOCKET)                                                                            \
    X(sendmsg, SOCKET)                                                                             \
    X(recvmsg, SOCKET)                                                                             \
    X(sendmmsg, SOCKET)                                                                            \
    X(recvmmsg, SOCKET)                                                                            \
    X(io_uring_setup, SOCKET)                                                                      \
    X(mmap, THREAD)

#endif
