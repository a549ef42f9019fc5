/* Threads that work together. */
#define _GNU_SOURCE
#include "core/posix/team.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/posix/guard_internal.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Looks at what is waited for before a thread sleeps: some tens of microseconds. */
#define SPINS 4000
/* Looks at what a thread waits for before the processor is offered to another: about a microsecond.
 */
#define RESTS 16

struct member {
    pthread_t thread;
    struct weft_posix_team *team;
    uint32_t index;
};

struct weft_posix_team {
    uint32_t count, started; /* with the caller's; threads there are */
    void (*fn)(void *arg, uint32_t index);
    void *arg;
    void (*print)(void *ctx, int fd);
    void *print_ctx;
    bool over;
    _Atomic uint32_t work; /* number of the work to be done */
    _Atomic uint32_t busy; /* members that have not done it; at first: that are not ready */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct member members[];
};

static void rest(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Wait until *value is (or is not) `what`. Whoever changes it takes the lock between that and the
 * signal, so that nobody sleeps through it. */
static void wait_for(struct weft_posix_team *team, _Atomic uint32_t *value, uint32_t what,
                     bool equal) {
    for (uint32_t i = 0; i < SPINS; i++) {
        if ((atomic_load_explicit(value, memory_order_acquire) == what) == equal) return;
        rest();
    }
    pthread_mutex_lock(&team->lock);
    while ((atomic_load_explicit(value, memory_order_acquire) == what) != equal) {
        pthread_cond_wait(&team->changed, &team->lock);
    }
    pthread_mutex_unlock(&team->lock);
}

static void tell(struct weft_posix_team *team) {
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->lock);
}

static void done(struct weft_posix_team *team) {
    if (atomic_fetch_sub_explicit(&team->busy, 1, memory_order_acq_rel) == 1) tell(team);
}

static void *member_main(void *ctx) {
    const struct member *member = ctx;
    struct weft_posix_team *team = member->team;
    bool confined = false;
    weft_posix_guard_install();
    for (uint32_t seen = 0;; seen++) {
        done(team);
        wait_for(team, &team->work, seen, false);
        if (team->over) break;
        if (!confined) confined = weft_posix__confine_thread();
        weft_posix_panic_context(team->print, team->print_ctx);
        team->fn(team->arg, member->index);
    }
    weft_posix_guard_remove();
    return NULL;
}

int weft_posix_team_new(uint32_t count, struct weft_posix_team **out) {
    WEFT_ASSERT(count >= 2);
    struct weft_posix_team *team = calloc(1, sizeof *team + count * sizeof(struct member));
    if (team == NULL) return WEFT_ERR_NOMEM;
    team->count = count;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->changed, NULL);
    atomic_store(&team->busy, count - 1);
    for (uint32_t i = 1; i < count; i++) {
        team->members[i] = (struct member){.team = team, .index = i};
        struct member *member = &team->members[i];
        int rv = weft_posix__start(&member->thread, member_main, member);
        if (rv != WEFT_OK) {
            atomic_fetch_sub(&team->busy, count - i);
            weft_posix_team_free(team);
            return rv;
        }
        team->started++;
    }
    wait_for(team, &team->busy, 0, true);
    *out = team;
    return WEFT_OK;
}

void weft_posix_team_free(struct weft_posix_team *team) {
    wait_for(team, &team->busy, 0, true);
    team->over = true;
    atomic_fetch_add_explicit(&team->work, 1, memory_order_release);
    tell(team);
    for (uint32_t i = 1; i <= team->started; i++) pthread_join(team->members[i].thread, NULL);
    pthread_cond_destroy(&team->changed);
    pthread_mutex_destroy(&team->lock);
    free(team);
}

void weft_posix_team_run(struct weft_posix_team *team, void (*fn)(void *arg, uint32_t index),
                         void *arg) {
    WEFT_ASSERT(atomic_load(&team->busy) == 0 && fn != NULL);
    team->fn = fn;
    team->arg = arg;
    atomic_store_explicit(&team->busy, team->count - 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&team->work, 1, memory_order_release);
    tell(team);
    fn(arg, 0);
    wait_for(team, &team->busy, 0, true);
}

void weft_posix_team_rest(void) {
    for (int i = 0; i < RESTS; i++) rest();
    sched_yield();
}

void weft_posix_team_panic_context(struct weft_posix_team *team, void (*print)(void *ctx, int fd),
                                   void *ctx) {
    team->print = print;
    team->print_ctx = ctx;
}
