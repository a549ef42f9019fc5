/* Random lives: processes that link, watch, call, wait, spawn, fault and end at random, against a
 * model of what must have been told in the end. The same seed gives the same life. */
#include "tests/unit/otp/fake_env.h"

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/rand.h"

#define PIDS 24
#define PROMISES 20000
#define STEPS 60

enum promise_kind { PROMISE_REPLY = 1, PROMISE_DOWN, PROMISE_TIMER };

/* One message that must come, once, if `owner` lives (and, for DOWN, if `target` does not). */
static struct promise {
    enum promise_kind kind;
    weft_ref ref;
    weft_pid owner, target;
    bool cancelled;
    uint32_t kept;
} promises[PROMISES];
static size_t promises_count;

#define MAY_NOT_COME ((weft_pid){1})

static struct weft_rand dice;
static weft_pid pids[PIDS];
static uint64_t hash;
static uint32_t faults_planted;
static weft_socket last_socket;
static bool quiet; /* nobody starts anything new */

static uint32_t draw(uint32_t bound) { return (uint32_t)weft_rand_below(&dice, bound); }

static weft_pid any(void) { return pids[draw(PIDS)]; }

static void promise(weft_self *self, enum promise_kind kind, weft_ref ref, weft_pid target) {
    WEFT_ASSERT(promises_count < PROMISES);
    promises[promises_count++] =
        (struct promise){.kind = kind, .ref = ref, .owner = weft_self_pid(self), .target = target};
}

static struct promise *promise_of(weft_ref ref) {
    for (size_t i = promises_count; i > 0; i--)
        if (promises[i - 1].ref == ref) return &promises[i - 1];
    return NULL;
}

static void keep(weft_self *self, const struct weft_msg *msg, enum promise_kind kind) {
    struct promise *made = promise_of(msg->ref);
    CHECK(made != NULL);
    if (made == NULL) return;
    CHECK_EQ_INT(made->kind, kind);
    CHECK(!made->cancelled);
    CHECK(weft_pid_equal(made->owner, weft_self_pid(self)));
    made->kept++;
}

static void handle(weft_self *self, const struct weft_msg *msg);
static int init(weft_self *self, struct weft_bytes arg);
static const struct weft_behaviour actor_v1;

static void do_spawn(weft_self *self) {
    weft_ref ref = 0;
    struct weft_spawn spawn = {.behaviour = &actor_v1,
                               .link = draw(2) == 0,
                               .monitor = draw(3) == 0,
                               .ref = &ref,
                               .mailbox_max = 30,
                               .memory_max = 1000,
                               .priority = (enum weft_priority)draw(3)};
    weft_pid pid;
    if (weft_spawn(self, &spawn, &pid) != WEFT_OK) return;
    if (spawn.monitor) promise(self, PROMISE_DOWN, ref, pid);
    pids[draw(PIDS)] = pid;
}

static void do_monitor(weft_self *self) {
    weft_ref ref;
    weft_pid to = any();
    if (weft_monitor(self, to, &ref) == WEFT_OK) promise(self, PROMISE_DOWN, ref, to);
}

static void do_call(weft_self *self) {
    weft_ref ref;
    weft_duration timeout = draw(4) == 0 ? WEFT_TIME_NEVER : draw(50);
    if (weft_call(self, any(), draw(9), weft_bytes("call", draw(5)), timeout, &ref) != WEFT_OK)
        return;
    /* Without a limit an answer may never come. */
    promise(self, PROMISE_REPLY, ref, timeout == WEFT_TIME_NEVER ? MAY_NOT_COME : WEFT_PID_NONE);
}

static void do_timer(weft_self *self) {
    weft_ref ref;
    if (weft_timer_start(self, draw(40), draw(9), weft_bytes("timer", draw(6)), &ref) == WEFT_OK)
        promise(self, PROMISE_TIMER, ref, WEFT_PID_NONE);
}

/* Of one's own only: the others' are not touched by it, which the promises show. */
static void do_cancel(weft_self *self) {
    if (promises_count == 0) return;
    struct promise *made = &promises[draw((uint32_t)promises_count)];
    bool own = weft_pid_equal(made->owner, weft_self_pid(self));
    (void)weft_timer_cancel(self, made->ref);
    weft_demonitor(self, made->ref);
    if (own && made->kept == 0 && made->kind != PROMISE_REPLY) made->cancelled = true;
}

static void do_exit(weft_self *self) {
    static const enum weft_reason_kind kinds[] = {WEFT_REASON_NORMAL, WEFT_REASON_SHUTDOWN,
                                                  WEFT_REASON_KILL, WEFT_REASON_ERROR};
    struct weft_reason why =
        weft_reason_text(kinds[draw(4)], (int32_t)draw(3), "%s", draw(2) == 0 ? "why" : "");
    weft_exit(self, any(), &why);
}

static void do_socket(weft_self *self) {
    struct weft_addr local = {.family = WEFT_FAMILY_V4};
    weft_socket socket;
    if (draw(2) == 0 && world.sockets_count < WORLD_SOCKETS - 2) {
        if (weft_stream_listen(self, &local, 3, &socket) == WEFT_OK) last_socket = socket;
    } else if (last_socket != 0) {
        if (draw(2) == 0)
            (void)weft_socket_give(self, last_socket, any());
        else if (draw(4) == 0)
            weft_socket_close(self, last_socket);
    }
}

static void do_memory(weft_self *self) {
    void *ptr = weft_alloc(self, draw(300) + 1);
    if (ptr != NULL && draw(2) == 0) weft_free(self, ptr);
}

static void do_end(weft_self *self) {
    uint32_t how = draw(40);
    if (how == 0) {
        faults_planted++;
        WEFT_ASSERT(how == 1);
    }
    if (how < 4) stop_boom(self);
    if (how == 5) stop_normal(self);
}

static void act(weft_self *self) {
    switch (draw(16)) {
    case 0:
    case 1:
        do_spawn(self);
        break;
    case 2:
        do_monitor(self);
        break;
    case 3:
        do_call(self);
        break;
    case 4:
        do_timer(self);
        break;
    case 5:
        do_cancel(self);
        break;
    case 6:
        if (draw(3) == 0) do_exit(self);
        break;
    case 7:
        do_socket(self);
        break;
    case 8:
        do_memory(self);
        break;
    case 9:
        do_end(self);
        break;
    case 10:
        (void)weft_link(self, any());
        break;
    case 11:
        weft_unlink(self, any());
        break;
    case 12:
        weft_trap_exit(self, draw(3) != 0);
        break;
    default:
        (void)weft_send(self, any(), draw(100), weft_bytes("message", draw(8)));
    }
}

static void fold_msg(weft_self *self, const struct weft_msg *msg) {
    uint64_t words[] = {
        weft_self_pid(self).raw,        (uint64_t)msg->kind,     msg->tag, msg->from.raw, msg->ref,
        (uint64_t)(int64_t)msg->status, (uint64_t)weft_now(self)};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) hash = weft_fold(hash, words[i]);
    hash = weft_fold_bytes(hash, msg->data.data, msg->data.size);
    if (msg->reason != NULL) hash = weft_fold_bytes(hash, msg->reason, sizeof *msg->reason);
}

static void handle(weft_self *self, const struct weft_msg *msg) {
    fold_msg(self, msg);
    if (msg->kind == WEFT_MSG_REPLY) keep(self, msg, PROMISE_REPLY);
    if (msg->kind == WEFT_MSG_DOWN) keep(self, msg, PROMISE_DOWN);
    if (msg->kind == WEFT_MSG_TIMER) keep(self, msg, PROMISE_TIMER);
    if (msg->kind == WEFT_MSG_CALL && (quiet || draw(4) != 0)) {
        struct weft_call call = weft_call_of(msg);
        weft_reply(self, &call, WEFT_OK, msg->data);
        if (!quiet && draw(4) == 0) weft_reply(self, &call, WEFT_OK, msg->data);
    }
    if (quiet) return;
    for (uint32_t i = draw(4); i > 0; i--) act(self);
}

static int init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_trap_exit(self, draw(2) == 0);
    if (draw(12) == 0) act(self);
    return draw(20) == 0 ? WEFT_ERR_IGNORE : WEFT_OK;
}

static const struct weft_behaviour actor_v1 = {.name = "actor", .init = init, .handle = handle};

static void refill(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &actor_v1, .mailbox_max = 30};
    for (int i = 0; i < PIDS; i++)
        if (!weft_alive(self, pids[i])) (void)weft_spawn(self, &spawn, &pids[i]);
}

static void shake(void) {
    for (int i = 0; i < 6; i++)
        (void)weft_sched_send(world.sched, any(), draw(100), weft_bytes(NULL, 0));
    if (last_socket != 0 && world.sockets[last_socket].open) {
        struct weft_event event = {.kind = WEFT_EVENT_READABLE,
                                   .owner = world.sockets[last_socket].owner,
                                   .socket = last_socket};
        if (draw(2) == 0 && world.sockets_count < WORLD_SOCKETS - 2) {
            event.kind = WEFT_EVENT_ACCEPTED;
            event.accepted = ++world.sockets_count;
            world.sockets[event.accepted] =
                (struct fake_socket){.owner = event.owner, .open = true};
        }
        weft_sched_deliver(world.sched, &event);
    }
    /* A bounded run: who talks to whom may go on for ever. */
    for (int i = 0; i < 3; i++) (void)weft_sched_run(world.sched, draw(40));
    world.now += draw(30);
}

/* What is on its way arrives. */
static void drain(void) {
    quiet = true;
    for (int i = 0; i < 10; i++) {
        settle();
        world.now += 50;
    }
    settle();
}

static void check_promises(void) {
    for (size_t i = 0; i < promises_count; i++) {
        const struct promise *made = &promises[i];
        CHECK(made->kept <= 1);
        if (made->cancelled || !alive(made->owner)) continue;
        bool due = made->kind != PROMISE_DOWN || !alive(made->target);
        if (weft_pid_equal(made->target, MAY_NOT_COME)) due = made->kept == 1;
        CHECK_EQ_UINT(made->kept, due ? 1 : 0);
    }
}

static uint64_t live(uint64_t seed, bool memory_fails) {
    world_open();
    weft_rand_init(&dice, seed);
    memset(pids, 0, sizeof pids);
    promises_count = 0;
    hash = 0;
    faults_planted = 0;
    last_socket = 0;
    quiet = false;
    for (int step = 0; step < STEPS; step++) {
        if (memory_fails) world.alloc_fail = world.allocs + draw(100);
        in_later(world.root, refill);
        shake();
    }
    world.alloc_fail = 0;
    drain();
    check_promises();
    CHECK_EQ_UINT(stats().faulted, faults_planted);
    CHECK_EQ_UINT(stats().spawned - stats().exited, stats().procs);
    CHECK_EQ_UINT(stats().runnable, 0);
    hash = weft_fold(hash, stats().messages);
    world_close();
    return hash;
}

static void everything_promised_comes_once_in_random_lives(void) {
    for (uint64_t seed = 1; seed <= 150; seed++) (void)live(seed, false);
}

static void everything_promised_comes_once_when_memory_fails(void) {
    for (uint64_t seed = 1; seed <= 150; seed++) (void)live(seed, true);
}

/* Where a record lies changes nothing. */
static void a_life_is_the_same_when_free_records_are_kept(void) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t plain = live(seed, false);
        world_pooled = true;
        CHECK_EQ_UINT(live(seed, false), plain);
        world_pooled = false;
    }
}

static void everything_promised_comes_once_when_slabs_fail(void) {
    world_pooled = true;
    for (uint64_t seed = 1; seed <= 60; seed++) (void)live(seed, true);
    world_pooled = false;
}

static void the_same_seed_gives_the_same_life(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t first = live(seed, seed % 2 == 0);
        CHECK_EQ_UINT(live(seed, seed % 2 == 0), first);
        CHECK(live(seed + 1000, false) != first);
    }
}

TEST_MAIN("otp/random", TEST(everything_promised_comes_once_in_random_lives),
          TEST(everything_promised_comes_once_when_memory_fails),
          TEST(a_life_is_the_same_when_free_records_are_kept),
          TEST(everything_promised_comes_once_when_slabs_fail),
          TEST(the_same_seed_gives_the_same_life))
