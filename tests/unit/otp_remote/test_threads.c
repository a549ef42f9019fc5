/* Schedulers in threads of their own: every call is answered, every end is told, names are one's
 * own; run under TSan as well. */
#define _GNU_SOURCE
#include "core/base/assert.h"
#include "core/base/rand.h"
#include "core/otp/remote.h"
#include "core/otp/sched.h"
#include "core/posix/guard.h"
#include "core/posix/thread.h"
#include "core/posix/watchdog.h"
#include "tests/harness/harness.h"

#include <stdatomic.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS WEFT_LIMIT(4000, 40)
#define TAG_GO 1
#define TAG_ASK 2
#define TAG_DIE 3
#define TAG_COUNT 4

struct part {
    struct weft_posix *posix;
    struct weft_sched *sched;
    weft_pid root;
    struct weft_posix_thread *thread;
    uint64_t replies, exits, downs, casts, disorder;
};

static struct part parts[THREADS];
static struct weft_hub *hub;
static atomic_uint finished;

struct player {
    uint32_t index, round, open;
    uint64_t draw, sent;
    uint64_t seen[THREADS]; /* the number last counted, by the sender's scheduler */
};

static struct part *part_of(const weft_self *self) { return &parts[weft_self_scheduler(self)]; }

/* --- one who lives until it is told --- */

static void short_lived(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind != WEFT_MSG_CAST) return;
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 3);
    weft_stop(self, &why);
}
static const struct weft_behaviour mayfly = {.name = "mayfly", .handle = short_lived};
static const struct weft_behaviour *const offers[] = {&mayfly};

/* --- the players --- */

static uint32_t other(struct player *player) {
    uint32_t step = (uint32_t)(weft_draw(7, player->index, 1, player->draw++) % (THREADS - 1));
    return (player->index + 1 + step) % THREADS;
}

static void ask(weft_self *self, struct player *player) {
    weft_ref ref;
    int rv = weft_call(self, parts[other(player)].root, TAG_ASK, weft_bytes("ask", 3),
                       WEFT_TIME_NEVER, &ref);
    if (rv == WEFT_OK) player->open++;
}

static void count(weft_self *self, struct player *player) {
    uint64_t number = ++player->sent;
    for (uint32_t i = 0; i < THREADS; i++) {
        if (i == player->index) continue;
        struct weft_bytes data = weft_bytes(&number, sizeof number);
        (void)weft_send(self, parts[i].root, TAG_COUNT, data);
    }
}

static void spawn(weft_self *self, struct player *player) {
    weft_ref ref;
    struct weft_spawn_at at = {.scheduler = other(player),
                               .behaviour = "mayfly",
                               .link = true,
                               .tag = 99,
                               .timeout = WEFT_TIME_NEVER};
    if (weft_spawn_at(self, &at, &ref) == WEFT_OK) player->open++;
}

static void round_of(weft_self *self, struct player *player) {
    if (player->round++ < ROUNDS) {
        ask(self, player);
        count(self, player);
        spawn(self, player);
    }
    if (player->round == ROUNDS + 1 && player->open > 0) player->round--;
    if (player->open > 0 || player->round <= ROUNDS) return;
    if (player->round == ROUNDS + 1 && atomic_fetch_add(&finished, 1) + 1 == THREADS)
        for (uint32_t i = 0; i < THREADS; i++) weft_posix_wake(parts[i].posix);
}

static void on_reply(weft_self *self, struct player *player, const struct weft_msg *msg) {
    weft_pid child = weft_spawned_pid(msg);
    player->open--;
    part_of(self)->replies++;
    if (!weft_pid_is_none(child)) {
        weft_ref ref;
        CHECK_EQ_INT(weft_monitor(self, child, &ref), WEFT_OK);
        player->open += 2; /* its DOWN, its EXIT */
        /* FULL only when very many wait; then it is killed, which always goes. */
        if (weft_send(self, child, TAG_DIE, weft_bytes(NULL, 0)) != WEFT_OK) {
            struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 3);
            weft_exit(self, child, &why);
        }
    }
}

static void on_count(weft_self *self, struct player *player, const struct weft_msg *msg) {
    uint64_t number;
    memcpy(&number, msg->data.data, sizeof number);
    uint64_t *seen = &player->seen[weft_pid_sched(msg->from)];
    if (number <= *seen) part_of(self)->disorder++;
    *seen = number;
    part_of(self)->casts++;
}

static void play(weft_self *self, const struct weft_msg *msg) {
    struct player *player = weft_state(self);
    struct part *part = part_of(self);
    if (msg->kind == WEFT_MSG_CALL) {
        struct weft_call call = weft_call_of(msg);
        weft_reply(self, &call, WEFT_OK, msg->data);
        return;
    }
    if (msg->kind == WEFT_MSG_CAST && msg->tag == TAG_COUNT) {
        on_count(self, player, msg);
        return;
    }
    if (msg->kind == WEFT_MSG_REPLY) on_reply(self, player, msg);
    if (msg->kind == WEFT_MSG_EXIT) part->exits += msg->tag == 99 && msg->reason->code == 3;
    if (msg->kind == WEFT_MSG_DOWN) part->downs++;
    if (msg->kind == WEFT_MSG_EXIT || msg->kind == WEFT_MSG_DOWN) player->open--;
    round_of(self, player);
}

static int start(weft_self *self, struct weft_bytes arg) {
    struct player *player = weft_state(self);
    memcpy(&player->index, arg.data, sizeof player->index);
    weft_trap_exit(self, true);
    return WEFT_OK;
}

static const struct weft_behaviour player_v1 = {
    .name = "player", .state_size = sizeof(struct player), .init = start, .handle = play};

/* --- drivers --- */

static void deliver(void *ctx, const struct weft_event *event) {
    weft_sched_deliver(((struct part *)ctx)->sched, event);
}
static bool run(void *ctx) { return weft_sched_run(((struct part *)ctx)->sched, 1000); }
static weft_time next_at(void *ctx) { return weft_sched_next_at(((struct part *)ctx)->sched); }
static bool done(void *ctx) {
    (void)ctx;
    return atomic_load(&finished) == THREADS;
}
static void wake(void *ctx, uint32_t to) {
    (void)ctx;
    weft_posix_wake(parts[to].posix);
}

static void open_part(uint32_t i) {
    struct part *part = &parts[i];
    struct weft_posix_config config = {.node = i};
    CHECK_EQ_INT(weft_posix_new(&config, &part->posix), WEFT_OK);
    CHECK_EQ_INT(weft_posix_waker(part->posix), WEFT_OK);
    struct weft_sched_config sched = {.hub = hub, .index = i, .offers = offers, .offers_count = 1};
    CHECK_EQ_INT(weft_sched_new(weft_posix_env(part->posix), &sched, &part->sched), WEFT_OK);
    struct weft_spawn root = {.behaviour = &player_v1, .arg = weft_bytes(&i, sizeof i)};
    CHECK_EQ_INT(weft_sched_start(part->sched, &root, &part->root, NULL), WEFT_OK);
}

static void everything_asked_across_threads_is_told_once(void) {
    struct weft_mem_heap heap;
    struct weft_posix_driver drivers[THREADS];
    weft_posix_guard_install();
    weft_mem_heap_init(&heap, 0);
    struct weft_hub_config config = {.mem = &heap.base, .schedulers = THREADS, .wake = wake};
    CHECK_EQ_INT(weft_hub_new(&config, &hub), WEFT_OK);
    for (uint32_t i = 0; i < THREADS; i++) open_part(i);
    for (uint32_t i = 0; i < THREADS; i++)
        for (int j = 0; j < 8; j++)
            weft_sched_send(parts[i].sched, parts[i].root, TAG_GO, weft_bytes(NULL, 0));
    for (uint32_t i = 0; i < THREADS; i++) {
        drivers[i] = (struct weft_posix_driver){&parts[i], deliver, run, next_at, done};
        CHECK_EQ_INT(weft_posix_thread_start(parts[i].posix, &drivers[i], NULL, &parts[i].thread),
                     WEFT_OK);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        CHECK_EQ_INT(weft_posix_thread_join(parts[i].thread), WEFT_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK(parts[i].replies > 0);
        CHECK_EQ_UINT(parts[i].exits, parts[i].downs);
        CHECK_EQ_UINT(parts[i].disorder, 0);
        CHECK(parts[i].casts > 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) weft_sched_free(parts[i].sched);
    weft_hub_free(hub);
    for (uint32_t i = 0; i < THREADS; i++) weft_posix_free(parts[i].posix);
    CHECK_EQ_UINT(heap.bytes, 0);
}

/* --- faults in a thread --- */

static atomic_bool let_go, gone;
static bool watched;

static void loops(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    (void)msg;
    while (!atomic_load(&let_go)) continue;
}

static void traps(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    (void)msg;
#if defined(__x86_64__)
    __asm__ volatile("int3");
#elif defined(__aarch64__)
    __asm__ volatile("brk #1");
#else
    __builtin_trap();
#endif
}

__attribute__((noinline)) static int deeper(volatile char *above) {
    volatile char frame[4096];
    frame[0] = *above;
    if (frame[0] == 0) return 0;
    return deeper(frame) + frame[0];
}

static void overflows(weft_self *self, const struct weft_msg *msg) {
    char top = 1;
    (void)self;
    (void)msg;
    deeper(&top);
}

static bool run_watched(void *ctx) {
    struct part *part = ctx;
    if (!watched)
        CHECK_EQ_INT(weft_posix_watchdog_start(weft_sched_watch(part->sched), WEFT_MS(10)),
                     WEFT_OK);
    watched = true;
    return run(ctx);
}

static bool has_ended(void *ctx) {
    if (!weft_sched_ended(((struct part *)ctx)->sched, NULL)) return false;
    weft_posix_watchdog_stop();
    atomic_store(&gone, true);
    return true;
}

static enum weft_fault_kind fault_in_a_thread(void (*handle)(weft_self *self,
                                                             const struct weft_msg *msg)) {
    struct weft_behaviour behaviour = {.name = "faulty", .handle = handle};
    struct part *part = &parts[0];
    struct weft_posix_config posix = {.node = 0};
    struct weft_sched_config config = {.handler_max = WEFT_MS(100)};
    struct weft_spawn root = {.behaviour = &behaviour};
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    weft_posix_guard_install();
    watched = false;
    atomic_store(&let_go, false);
    atomic_store(&gone, false);
    CHECK_EQ_INT(weft_posix_new(&posix, &part->posix), WEFT_OK);
    CHECK_EQ_INT(weft_sched_new(weft_posix_env(part->posix), &config, &part->sched), WEFT_OK);
    CHECK_EQ_INT(weft_sched_start(part->sched, &root, &part->root, NULL), WEFT_OK);
    weft_sched_send(part->sched, part->root, 1, weft_bytes(NULL, 0));
    struct weft_posix_driver driver = {part, deliver, run_watched, next_at, has_ended};
    CHECK_EQ_INT(weft_posix_thread_start(part->posix, &driver, NULL, &part->thread), WEFT_OK);
    for (int i = 0; i < 500 && !atomic_load(&gone); i++) usleep(10000);
    CHECK(atomic_load(&gone));
    atomic_store(&let_go, true);
    if (atomic_load(&gone)) CHECK_EQ_INT(weft_posix_thread_join(part->thread), WEFT_OK);
    CHECK(weft_sched_ended(part->sched, &why));
    CHECK_EQ_INT(why.kind, WEFT_REASON_FAULT);
    weft_sched_free(part->sched);
    weft_posix_free(part->posix);
    return (enum weft_fault_kind)why.code;
}

/* ThreadSanitizer keeps signals back until the program calls something: a loop is never left. */
static void a_handler_that_hangs_in_a_thread_is_ended(void) {
#if !defined(__SANITIZE_THREAD__)
    CHECK_EQ_INT(fault_in_a_thread(loops), WEFT_FAULT_HANG);
#else
    (void)loops;
#endif
}

static void a_trap_in_a_thread_ends_its_process(void) {
    CHECK_EQ_INT(fault_in_a_thread(traps), WEFT_FAULT_FPE);
}

static void a_stack_overflow_in_a_thread_ends_its_process(void) {
    CHECK_EQ_INT(fault_in_a_thread(overflows), WEFT_FAULT_STACK);
}

TEST_MAIN("otp/threads", TEST(everything_asked_across_threads_is_told_once),
          TEST(a_handler_that_hangs_in_a_thread_is_ended),
          TEST(a_trap_in_a_thread_ends_its_process),
          TEST(a_stack_overflow_in_a_thread_ends_its_process))
