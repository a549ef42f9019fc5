/* What an upgrade costs: so many processes with state and blocks, messages coming all the time; how
 * long each run of the scheduler takes while they go over to another version and back, beside the
 * same without an upgrade. In one process, without sockets.
 *
 *     bench_upgrade [PROCESSES [MESSAGES_A_SECOND]] */
#define _GNU_SOURCE
#include "core/base/assert.h"
#include "core/otp/code.h"
#include "core/posix/guard.h"
#include "core/posix/posix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 5

struct state_1 {
    uint64_t count;
    void *block;
};

struct state_2 {
    uint64_t more[8];
    void *block;
    uint64_t count;
};

static uint64_t handled;

/* Of the clock, or what this thread has used of a processor: that does not count the others. */
static uint64_t read_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t now_ns(void) { return read_ns(CLOCK_MONOTONIC); }

static int init_1(weft_self *self, struct weft_bytes arg) {
    struct state_1 *state = weft_state(self);
    (void)arg;
    state->block = weft_alloc(self, 256);
    return WEFT_OK;
}

static int init_2(weft_self *self, struct weft_bytes arg) {
    struct state_2 *state = weft_state(self);
    (void)arg;
    state->block = weft_alloc(self, 256);
    return WEFT_OK;
}

static void handle_1(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    ((struct state_1 *)weft_state(self))->count++;
    handled++;
}

static void handle_2(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    ((struct state_2 *)weft_state(self))->count++;
    handled++;
}

static int change(weft_self *self, const struct weft_code_change *told) {
    (void)self;
    if (told->direction == WEFT_CODE_UP) {
        const struct state_1 *from = told->old_state;
        struct state_2 *to = told->new_state;
        to->count = from->count;
        to->block = from->block;
    } else {
        const struct state_2 *from = told->old_state;
        struct state_1 *to = told->new_state;
        to->count = from->count;
        to->block = from->block;
    }
    return WEFT_OK;
}

static WEFT_PROCESS(conn_1, .name = "conn", .version = 1, .state_size = sizeof(struct state_1),
                    .init = init_1, .handle = handle_1);
static WEFT_PROCESS(conn_2, .name = "conn", .version = 2, .state_size = sizeof(struct state_2),
                    .init = init_2, .handle = handle_2, .code_change = change);
static const struct weft_behaviour *const behaviours_1[] = {&conn_1};
static const struct weft_behaviour *const behaviours_2[] = {&conn_2};
static const struct weft_module_info infos[] = {
    {.abi = WEFT_ABI, .name = "m", .version = 1, WEFT_BEHAVIOURS(behaviours_1)},
    {.abi = WEFT_ABI, .name = "m", .version = 2, WEFT_BEHAVIOURS(behaviours_2)}};

struct weft_module {
    const struct weft_module_info *info;
};

static struct weft_module handles[2] = {{&infos[0]}, {&infos[1]}};

static int load(struct weft_env *env, const char *path, struct weft_module **out, char *why,
                size_t size) {
    (void)env;
    (void)why;
    (void)size;
    *out = &handles[path[0] - '1'];
    return WEFT_OK;
}

static const void *symbol(struct weft_env *env, struct weft_module *module, const char *name) {
    (void)env;
    (void)name;
    return module->info;
}

static void unload(struct weft_env *env, struct weft_module *module) {
    (void)env;
    (void)module;
}

static const struct weft_loader_ops loader = {load, symbol, unload};

static uint32_t count;
static weft_pid *pids;

static int root_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    for (uint32_t i = 0; i < count; i++) {
        struct weft_spawn spawn = {.behaviour = &conn_1};
        int rv = weft_spawn(self, &spawn, &pids[i]);
        WEFT_ASSERT(rv == WEFT_OK);
    }
    return WEFT_OK;
}

static WEFT_PROCESS(root_process, .name = "root", .version = 1, .init = root_init,
                    .handle = handle_1);

struct phase {
    uint64_t worst, worst_run, took, sent;
};

/* Messages at `rate` to random processes until all have moved, and for a tenth of a second at
 * least. The worst time from the due time of a message to the end of the run that handled it. */
static struct phase run_phase(struct weft_sched *sched, uint64_t rate, bool upgrading) {
    struct phase phase = {0};
    uint64_t begin = now_ns(), gap = 1000000000u / rate, due = begin;
    struct weft_code_status status = {0};
    static uint64_t random = 88172645463325252u;
    for (;;) {
        uint64_t now = now_ns(), oldest = due;
        for (; due <= now; due += gap) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (void)weft_sched_send(sched, pids[random % count], 1, weft_bytes(NULL, 0));
            phase.sent++;
        }
        uint64_t used = read_ns(CLOCK_THREAD_CPUTIME_ID);
        bool more = weft_sched_run(sched, 1024);
        used = read_ns(CLOCK_THREAD_CPUTIME_ID) - used;
        uint64_t end = now_ns();
        if (used > phase.worst_run) phase.worst_run = used;
        if (oldest <= now && end - oldest > phase.worst) phase.worst = end - oldest;
        if (more) continue;
        if (upgrading && phase.took == 0) {
            (void)weft_code_status(sched, "m", &status);
            if (status.behind == 0) phase.took = end - begin;
        }
        if (end - begin > 100000000u && (!upgrading || phase.took > 0)) return phase;
    }
}

static void print(const char *what, const struct phase *phase) {
    printf("%-10s %8llu messages  worst latency %7.1f us  longest run %6.1f us", what,
           (unsigned long long)phase->sent, (double)phase->worst / 1000,
           (double)phase->worst_run / 1000);
    if (phase->took > 0) printf("  all moved after %7.2f ms", (double)phase->took / 1e6);
    printf("\n");
}

/* All at once: what one costs. */
static double eager_ns(struct weft_sched *sched, uint32_t version) {
    struct weft_code_upgrade spec = {.module = "m", .version = version, .mode = WEFT_CODE_EAGER};
    uint64_t begin = now_ns();
    int rv = weft_code_upgrade(sched, &spec, NULL);
    WEFT_ASSERT(rv == WEFT_OK);
    return (double)(now_ns() - begin) / count;
}

int main(int argc, char **argv) {
    count = argc > 1 ? (uint32_t)atoi(argv[1]) : 10000;
    uint64_t rate = argc > 2 ? (uint64_t)atoi(argv[2]) : 20000, total = 0;
    struct weft_posix *posix;
    struct weft_sched *sched;
    weft_pid root;
    pids = calloc(count, sizeof *pids);
    weft_posix_guard_install();
    WEFT_ASSERT(weft_posix_new(&(struct weft_posix_config){0}, &posix) == WEFT_OK);
    struct weft_env *env = weft_posix_env(posix);
    env->loader = &loader;
    env->trace_mask = 0;
    WEFT_ASSERT(weft_sched_new(env, NULL, &sched) == WEFT_OK);
    WEFT_ASSERT(weft_code_load(sched, "1", NULL, NULL) == WEFT_OK);
    WEFT_ASSERT(weft_code_load(sched, "2", NULL, NULL) == WEFT_OK);
    struct weft_spawn spawn = {.behaviour = &root_process};
    WEFT_ASSERT(weft_sched_start(sched, &spawn, &root, NULL) == WEFT_OK);
    printf("%u processes, %llu messages a second\n", count, (unsigned long long)rate);
    for (int i = 0; i < ROUNDS; i++) {
        struct phase plain = run_phase(sched, rate, false);
        struct weft_code_upgrade up = {.module = "m", .version = 2, .watch = 10};
        WEFT_ASSERT(weft_code_upgrade(sched, &up, NULL) == WEFT_OK);
        struct phase there = run_phase(sched, rate, true);
        WEFT_ASSERT(weft_code_rollback(sched, "m", NULL) == WEFT_OK);
        struct phase back = run_phase(sched, rate, true);
        print("no upgrade", &plain);
        print("upgrade", &there);
        print("rollback", &back);
        total += plain.sent + there.sent + back.sent;
    }
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double there = eager_ns(sched, 2), back = eager_ns(sched, 1);
        best = there < best ? there : best;
        best = back < best ? back : best;
    }
    printf("one process, all at once: %.0f ns\n", best);
    printf("lost %lld\n", (long long)(total - handled));
    weft_sched_free(sched);
    weft_posix_free(posix);
    free(pids);
    return total == handled ? 0 : 1;
}
