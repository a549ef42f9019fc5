/* Jobs on Linux: threads that take from a queue, each under a guard of its own, and an eventfd that
 * wakes the loop. All is below one lock but the function's run.
 *
 * A job that is given up while it runs is ended as a handler that hangs is. Until it lets go its
 * thread counts as lost, and another takes its place; JOB_LOST_MAX of them at most. */
#define _GNU_SOURCE
#include "core/posix/guard.h"
#include "core/posix/guard_internal.h"
#include "core/posix/internal.h"
#include "core/posix/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define JOB_THREADS_MAX 8
#define JOB_LOST_MAX 8
#define JOB_TEXT_MAX 160
#define JOB_PATIENCE 2 /* seconds that the end of a node waits for its threads */

struct worker;

struct job {
    struct weft_link link; /* queue, done, or alone while it runs */
    struct weft_job_request request;
    struct worker *worker; /* who runs it */
    bool dropped;          /* nobody wants it any more */
    int status;
    struct weft_job_out out;
    char text[JOB_TEXT_MAX];           /* FAULT */
    _Alignas(16) unsigned char data[]; /* the argument, then the result */
};

struct worker {
    struct weft_link link;
    struct weft_posix__jobs *pool;
    pthread_t thread;
    struct job *job; /* NULL: waits */
    struct weft_watch watch;
    volatile int depth;
};

/* Freed by the last who leaves: the node, or a thread that did not let go in time.
 * I1  count is the number of jobs in queue and done, and of those that run and are wanted. */
struct weft_posix__jobs {
    pthread_mutex_t lock;
    pthread_cond_t work, left;
    struct weft_link queue, done, workers;
    uint32_t count;
    uint32_t queued; /* in queue */
    uint32_t threads, threads_max, waiting, lost;
    int event_fd;
    bool closed;
};

static void job_free(struct job *job) { free(job); }

static void pool_free(struct weft_posix__jobs *pool) {
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->left);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void run_job(void *arg) {
    struct job *job = arg;
    job->status = job->request.fn(job->request.arg, &job->out);
    WEFT_ASSERT(job->out.size <= job->out.size_max);
}

/* "bad memory access in checksum (app.c:12)" */
static void tell_fault(struct job *job, const struct weft_fault *fault) {
    struct weft_place place = {.line = 0};
    job->status = WEFT_ERR_FAULT;
    if (fault->file != NULL) {
        snprintf(job->text, sizeof job->text, "%s:%d: %s", fault->file, fault->line, fault->what);
        return;
    }
    for (uint32_t i = 0; i < fault->frames_count && place.line == 0; i++)
        weft_posix__describe(NULL, fault->frames[i], &place);
    const char *what = fault->what != NULL ? fault->what : "it was given up";
    if (place.line == 0)
        snprintf(job->text, sizeof job->text, "%s", what);
    else
        snprintf(job->text, sizeof job->text, "%s in %s (%s:%d)", what, place.function, place.file,
                 place.line);
}

static void wake(struct weft_posix__jobs *pool) {
    uint64_t one = 1;
    ssize_t rv = write(pool->event_fd, &one, sizeof one);
    (void)rv; /* full: it is awake */
}

/* With the lock held; it is free while the function runs. */
static void work(struct weft_posix__jobs *pool, struct worker *worker, struct job *job) {
    struct weft_fault fault;
    job->worker = worker;
    worker->job = job;
    worker->watch.beat = worker->watch.beat + 1;
    pthread_mutex_unlock(&pool->lock);
    bool returned = weft_posix_guard.run(NULL, run_job, job, &worker->depth, &fault);
    worker->depth = 0;
    if (!returned) tell_fault(job, &fault);
    pthread_mutex_lock(&pool->lock);
    worker->job = NULL;
    __atomic_store_n(&worker->watch.limit, 0, __ATOMIC_RELAXED);
    if (job->dropped) {
        WEFT_ASSERT(pool->lost > 0);
        pool->lost--;
        job_free(job);
        return;
    }
    weft_list_push_back(&pool->done, &job->link);
    wake(pool);
}

static uint32_t threads_allowed(const struct weft_posix__jobs *pool) {
    return pool->threads_max + (pool->lost < JOB_LOST_MAX ? pool->lost : JOB_LOST_MAX);
}

static bool is_too_many(const struct weft_posix__jobs *pool) {
    return pool->closed || pool->threads > threads_allowed(pool);
}

static void serve(struct weft_posix__jobs *pool, struct worker *worker) {
    while (!is_too_many(pool)) {
        struct weft_link *link = weft_list_pop_front(&pool->queue);
        if (link != NULL) {
            pool->queued--;
            work(pool, worker, WEFT_CONTAINER(link, struct job, link));
            continue;
        }
        pool->waiting++;
        pthread_cond_wait(&pool->work, &pool->lock);
        pool->waiting--;
    }
}

static void *worker_main(void *arg) {
    struct worker *worker = arg;
    struct weft_posix__jobs *pool = worker->pool;
    weft_posix_guard_install();
    bool watched = weft_posix__watchdog_on_call(&worker->watch) == WEFT_OK;
    pthread_mutex_lock(&pool->lock);
    serve(pool, worker);
    weft_list_remove(&worker->link);
    pthread_mutex_unlock(&pool->lock);
    if (watched) weft_posix_watchdog_stop();
    weft_posix_guard_remove();
    free(worker);
    pthread_mutex_lock(&pool->lock);
    pool->threads--;
    bool last = pool->threads == 0 && pool->closed && pool->event_fd < 0;
    pthread_cond_signal(&pool->left);
    pthread_mutex_unlock(&pool->lock);
    if (last) pool_free(pool);
    return NULL;
}

/* With the lock held. */
static int worker_new(struct weft_posix__jobs *pool) {
    pthread_attr_t attr;
    sigset_t all, before;
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) return WEFT_ERR_NOMEM;
    worker->pool = pool;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all); /* the node's signals are the node's; the guard's and the watchdog's stay */
    const int ours[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, weft_posix__watch_signal()};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) sigdelset(&all, ours[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rv = pthread_create(&worker->thread, &attr, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rv != 0) {
        free(worker);
        return WEFT_ERR_UNSUPPORTED;
    }
    weft_list_push_back(&pool->workers, &worker->link);
    pool->threads++;
    return WEFT_OK;
}

/* Results, in the order they came. An event may submit and cancel others. */
static void on_done(void *ctx, int fd, int events) {
    struct weft_posix *posix = ctx;
    struct weft_posix__jobs *pool = posix->jobs;
    uint64_t count;
    (void)events;
    ssize_t rv = read(fd, &count, sizeof count);
    (void)rv;
    for (;;) {
        pthread_mutex_lock(&pool->lock);
        struct weft_link *link = weft_list_pop_front(&pool->done);
        if (link != NULL) pool->count--;
        pthread_mutex_unlock(&pool->lock);
        if (link == NULL) return;
        struct job *job = WEFT_CONTAINER(link, struct job, link);
        bool fault = job->status == WEFT_ERR_FAULT && job->text[0] != '\0';
        struct weft_event event = {.kind = WEFT_EVENT_JOB,
                                   .owner = job->request.owner,
                                   .socket = job->request.id,
                                   .error = job->status,
                                   .data = fault ? (void *)job->text : job->out.data,
                                   .size = fault ? strlen(job->text) : job->out.size};
        weft_posix__deliver(posix, &event);
        job_free(job);
    }
}

static uint32_t threads_wanted(const struct weft_posix *posix) {
    if (posix->job_threads > 0) return posix->job_threads;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors < 1) return 1;
    return processors < JOB_THREADS_MAX ? (uint32_t)processors : JOB_THREADS_MAX;
}

static int pool_new(struct weft_posix *posix) {
    struct weft_posix__jobs *pool = calloc(1, sizeof *pool);
    if (pool == NULL) return WEFT_ERR_NOMEM;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->left, &attr);
    pthread_condattr_destroy(&attr);
    weft_list_init(&pool->queue);
    weft_list_init(&pool->done);
    weft_list_init(&pool->workers);
    pool->threads_max = threads_wanted(posix);
    pool->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rv = pool->event_fd < 0
                 ? weft_posix__error(errno)
                 : weft_posix_watch(posix, pool->event_fd, WEFT_WATCH_READ, on_done, posix);
    if (rv != WEFT_OK) {
        if (pool->event_fd >= 0) close(pool->event_fd);
        pool_free(pool);
        return rv;
    }
    posix->jobs = pool;
    return WEFT_OK;
}

static struct job *job_new(const struct weft_job_request *request) {
    size_t arg_room = (request->arg.size + 15) / 16 * 16;
    struct job *job = malloc(sizeof *job + arg_room + request->result_max);
    if (job == NULL) return NULL;
    memset(job, 0, sizeof *job);
    weft_list_init(&job->link);
    job->request = *request;
    if (request->arg.size > 0) memcpy(job->data, request->arg.data, request->arg.size);
    job->request.arg = weft_bytes(job->data, request->arg.size);
    job->out = (struct weft_job_out){.data = job->data + arg_room, .size_max = request->result_max};
    return job;
}

/* With the lock held. A thread that was told of a job counts as waiting until it runs: so those
 * that wait are compared with all that is queued. */
static int enqueue(struct weft_posix__jobs *pool, struct job *job) {
    int rv = WEFT_OK;
    if (pool->count >= WEFT_JOBS_MAX) return WEFT_ERR_FULL;
    bool short_of = pool->waiting <= pool->queued;
    if (short_of && pool->threads < threads_allowed(pool)) rv = worker_new(pool);
    if (rv != WEFT_OK && pool->threads == 0) return rv;
    weft_list_push_back(&pool->queue, &job->link);
    pool->queued++;
    pool->count++;
    pthread_cond_signal(&pool->work);
    return WEFT_OK;
}

static int submit(struct weft_env *env, const struct weft_job_request *request) {
    struct weft_posix *posix = weft_posix__of(env);
    int rv = posix->jobs == NULL ? pool_new(posix) : WEFT_OK;
    if (rv != WEFT_OK) return rv;
    struct job *job = job_new(request);
    if (job == NULL) return WEFT_ERR_NOMEM;
    pthread_mutex_lock(&posix->jobs->lock);
    rv = enqueue(posix->jobs, job);
    pthread_mutex_unlock(&posix->jobs->lock);
    if (rv != WEFT_OK) job_free(job);
    return rv;
}

static struct job *find(struct weft_link *list, uint64_t owner, uint64_t id) {
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct job *job = WEFT_CONTAINER(at, struct job, link);
        if (job->request.owner == owner && job->request.id == id) return job;
    }
    return NULL;
}

/* With the lock held. The thread is asked to let go, and is not waited for. */
static void give_up(struct weft_posix__jobs *pool, struct worker *worker) {
    WEFT_ASSERT(worker->job != NULL && !worker->job->dropped);
    worker->job->dropped = true;
    __atomic_store_n(&worker->watch.limit, 1, __ATOMIC_RELAXED);
    pool->count--;
    pool->lost++;
    weft_posix__watchdog_call(worker->thread);
    bool wanted = !weft_list_empty(&pool->queue) && !pool->closed;
    if (wanted && pool->threads < threads_allowed(pool)) (void)worker_new(pool);
}

static struct worker *runner(struct weft_posix__jobs *pool, uint64_t owner, uint64_t id) {
    for (struct weft_link *at = pool->workers.next; at != &pool->workers; at = at->next) {
        struct worker *worker = WEFT_CONTAINER(at, struct worker, link);
        const struct job *job = worker->job;
        if (job == NULL || job->dropped) continue;
        if (job->request.owner == owner && job->request.id == id) return worker;
    }
    return NULL;
}

static bool cancel(struct weft_env *env, uint64_t owner, uint64_t id) {
    struct weft_posix__jobs *pool = weft_posix__of(env)->jobs;
    if (pool == NULL) return false;
    pthread_mutex_lock(&pool->lock);
    struct job *job = find(&pool->queue, owner, id);
    if (job != NULL) pool->queued--;
    if (job == NULL) job = find(&pool->done, owner, id);
    struct worker *worker = job == NULL ? runner(pool, owner, id) : NULL;
    if (job != NULL) {
        weft_list_remove(&job->link);
        pool->count--;
        job_free(job);
    }
    if (worker != NULL) give_up(pool, worker);
    pthread_mutex_unlock(&pool->lock);
    return worker != NULL;
}

const struct weft_job_ops weft_posix__job = {.submit = submit, .cancel = cancel};

static void drop_all(struct weft_link *list) {
    for (struct weft_link *link; (link = weft_list_pop_front(list)) != NULL;)
        job_free(WEFT_CONTAINER(link, struct job, link));
}

static void close_pool(struct weft_posix__jobs *pool) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += JOB_PATIENCE;
    pool->closed = true;
    for (struct weft_link *at = pool->workers.next; at != &pool->workers; at = at->next) {
        struct worker *worker = WEFT_CONTAINER(at, struct worker, link);
        if (worker->job != NULL && !worker->job->dropped) give_up(pool, worker);
    }
    pthread_cond_broadcast(&pool->work);
    while (pool->threads > 0)
        if (pthread_cond_timedwait(&pool->left, &pool->lock, &until) == ETIMEDOUT) break;
}

void weft_posix__jobs_deinit(struct weft_posix *posix) {
    struct weft_posix__jobs *pool = posix->jobs;
    if (pool == NULL) return;
    weft_posix_unwatch(posix, pool->event_fd);
    pthread_mutex_lock(&pool->lock);
    drop_all(&pool->queue);
    pool->queued = 0;
    close_pool(pool);
    drop_all(&pool->done);
    close(pool->event_fd);
    pool->event_fd = -1;
    bool alone = pool->threads == 0;
    pthread_mutex_unlock(&pool->lock);
    if (alone) pool_free(pool);
    posix->jobs = NULL;
}
