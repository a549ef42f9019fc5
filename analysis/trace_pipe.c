/* Blocks on their way to a file, on a thread of its own: to compress and to write takes longer than
 * to fill them. The thread calls nothing that a confined program traps (core/posix/confine.h); it
 * is started when the trace is created, before the program is confined. */
#define _GNU_SOURCE
#include "analysis/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define SLOTS 4u /* filled blocks that may wait */

struct ana__pipe {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t filled, emptied;
    struct ana__out *out; /* the thread's, but while nothing waits */
    struct ana__block slots[SLOTS];
    unsigned first, count; /* blocks that wait, from slot `first` on */
    bool ends;
    int error; /* the first of `out` */
};

/* The block stays in its slot, and counts, until it is written. */
static void *run(void *context) {
    struct ana__pipe *pipe = context;
    pthread_mutex_lock(&pipe->mutex);
    for (;;) {
        while (pipe->count == 0 && !pipe->ends) pthread_cond_wait(&pipe->filled, &pipe->mutex);
        if (pipe->count == 0) break;
        struct ana__block *block = &pipe->slots[pipe->first];
        pthread_mutex_unlock(&pipe->mutex);
        ana__out_block(pipe->out, block);
        ana__block_clear(block);
        pthread_mutex_lock(&pipe->mutex);
        pipe->error = pipe->out->error;
        pipe->first = (pipe->first + 1) % SLOTS;
        pipe->count--;
        pthread_cond_signal(&pipe->emptied);
    }
    pthread_mutex_unlock(&pipe->mutex);
    return NULL;
}

static void free_pipe(struct ana__pipe *pipe) {
    for (unsigned i = 0; i < SLOTS; i++) ana__block_deinit(&pipe->slots[i]);
    free(pipe);
}

/* No signal is for this thread. */
static int start(struct ana__pipe *pipe) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rv = pthread_create(&pipe->thread, NULL, run, pipe);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv == 0 ? WEFT_OK : WEFT_ERR_NOMEM;
}

int ana__pipe_open(struct ana__out *out, struct ana__pipe **pipe_out) {
    struct ana__pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL) return WEFT_ERR_NOMEM;
    pipe->out = out;
    int rv = WEFT_OK;
    for (unsigned i = 0; i < SLOTS && rv == WEFT_OK; i++)
        rv = ana__block_init(&pipe->slots[i], ANA_BLOCK_SIZE);
    if (rv == WEFT_OK) {
        pthread_mutex_init(&pipe->mutex, NULL);
        pthread_cond_init(&pipe->filled, NULL);
        pthread_cond_init(&pipe->emptied, NULL);
        rv = start(pipe);
    }
    if (rv != WEFT_OK) {
        free_pipe(pipe);
        return rv;
    }
    *pipe_out = pipe;
    return WEFT_OK;
}

int ana__pipe_take(struct ana__pipe *pipe, struct ana__block *block) {
    pthread_mutex_lock(&pipe->mutex);
    while (pipe->count == SLOTS) pthread_cond_wait(&pipe->emptied, &pipe->mutex);
    struct ana__block *slot = &pipe->slots[(pipe->first + pipe->count) % SLOTS];
    struct ana__block empty = *slot;
    WEFT_ASSERT(empty.events == 0);
    *slot = *block;
    *block = empty;
    pipe->count++;
    int error = pipe->error;
    pthread_cond_signal(&pipe->filled);
    pthread_mutex_unlock(&pipe->mutex);
    return error;
}

int ana__pipe_drain(struct ana__pipe *pipe) {
    pthread_mutex_lock(&pipe->mutex);
    while (pipe->count > 0) pthread_cond_wait(&pipe->emptied, &pipe->mutex);
    int error = pipe->error;
    pthread_mutex_unlock(&pipe->mutex);
    return error;
}

void ana__pipe_close(struct ana__pipe *pipe) {
    if (pipe == NULL) return;
    pthread_mutex_lock(&pipe->mutex);
    pipe->ends = true;
    pthread_cond_signal(&pipe->filled);
    pthread_mutex_unlock(&pipe->mutex);
    pthread_join(pipe->thread, NULL);
    pthread_mutex_destroy(&pipe->mutex);
    pthread_cond_destroy(&pipe->filled);
    pthread_cond_destroy(&pipe->emptied);
    free_pipe(pipe);
}
