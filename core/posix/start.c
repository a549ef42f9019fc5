/* How a thread of ours is started. */
#define _GNU_SOURCE
#include "core/base/error.h"
#include "core/posix/guard_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

int weft_posix__start(pthread_t *thread, void *(*fn)(void *arg), void *arg) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) sigdelset(&all, own[i]);
    sigdelset(&all, weft_posix__watch_signal());
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) return WEFT_OK;
    return error == ENOMEM ? WEFT_ERR_NOMEM : WEFT_ERR_FULL;
}
