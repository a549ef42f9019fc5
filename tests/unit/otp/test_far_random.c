/* Random lives on two schedulers, with every interleaving of their runs drawn from a seed. What
 * must hold whatever happens: a call gets one REPLY, a monitor of the dead one DOWN and none after
 * demonitor, links are symmetric when nothing is on its way, messages of a pair come in order, and
 * nothing is left in the end. */
#include "core/base/rand.h"
#include "core/otp/remote_internal.h"
#include "tests/unit/otp/fake_env.h"

#define PLAYERS 3
#define STEPS 2000
#define SEEDS 60
#define REFS_MAX 1024

struct asked {
    weft_ref ref;
    weft_pid by, of;
    uint32_t by_player;
    bool call, told, dropped;
};

static weft_pid players[PLAYERS];
static struct asked asked[REFS_MAX];
static size_t asked_count;
static uint64_t seed, drawn, number;
static uint64_t seen[PLAYERS][PLAYERS];

static uint64_t draw(uint64_t below) { return weft_draw(seed, 21, 22, drawn++) % below; }

static uint32_t player_of(weft_pid pid) {
    for (uint32_t i = 0; i < PLAYERS; i++)
        if (weft_pid_equal(players[i], pid)) return i;
    return PLAYERS;
}

static void remember(weft_self *self, weft_ref ref, weft_pid of, bool call) {
    if (asked_count == REFS_MAX || ref == 0) return;
    asked[asked_count++] = (struct asked){.ref = ref,
                                          .by = weft_self_pid(self),
                                          .of = of,
                                          .by_player = player_of(weft_self_pid(self)),
                                          .call = call};
}

static void told(weft_self *self, const struct weft_msg *msg) {
    for (size_t i = 0; i < asked_count; i++) {
        if (asked[i].ref != msg->ref || !weft_pid_equal(asked[i].by, weft_self_pid(self))) continue;
        CHECK(!asked[i].told);
        CHECK(!asked[i].dropped);
        CHECK_EQ_INT(asked[i].call, msg->kind == WEFT_MSG_REPLY);
        asked[i].told = true;
        return;
    }
    CHECK(asked_count == REFS_MAX);
}

static void drop_one(weft_self *self) {
    for (size_t i = 0; i < asked_count; i++) {
        struct asked *one = &asked[i];
        if (one->call || one->dropped || one->told) continue;
        if (!weft_pid_equal(one->by, weft_self_pid(self))) continue;
        weft_demonitor(self, one->ref);
        one->dropped = true;
        return;
    }
}

static void act(weft_self *self) {
    weft_pid other = players[draw(PLAYERS)];
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 5);
    weft_ref ref = 0;
    uint64_t what = draw(24);
    if (weft_pid_equal(other, weft_self_pid(self))) return;
    if (what >= 20) what -= 16; /* as often again: links */
    if (what < 4) {
        CHECK_EQ_INT(weft_link(self, other), WEFT_OK);
    } else if (what < 8) {
        weft_unlink(self, other);
    } else if (what < 11) {
        CHECK_EQ_INT(weft_monitor(self, other, &ref), WEFT_OK);
        remember(self, ref, other, false);
    } else if (what < 12) {
        drop_one(self);
    } else if (what < 15) {
        weft_duration timeout = draw(2) == 0 ? WEFT_TIME_NEVER : WEFT_MS(3);
        if (weft_call(self, other, 1, weft_bytes("x", 1), timeout, &ref) == WEFT_OK)
            remember(self, ref, other, true);
    } else if (what < 18) {
        number++;
        (void)weft_send(self, other, 2, weft_bytes(&number, sizeof number));
    } else if (what == 18) {
        weft_exit(self, other, &why);
    } else if (draw(4) == 0) {
        weft_stop(self, &why);
    }
}

static void in_order(weft_self *self, const struct weft_msg *msg) {
    uint32_t from = player_of(msg->from), to = player_of(weft_self_pid(self));
    uint64_t value;
    if (from == PLAYERS || to == PLAYERS) return;
    memcpy(&value, msg->data.data, sizeof value);
    CHECK(value > seen[from][to]);
    seen[from][to] = value;
}

static void play(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_REPLY || msg->kind == WEFT_MSG_DOWN) {
        told(self, msg);
    } else if (msg->kind == WEFT_MSG_CALL) {
        struct weft_call call = weft_call_of(msg);
        if (draw(3) != 0) weft_reply(self, &call, WEFT_OK, msg->data); /* or never */
    } else if (msg->kind == WEFT_MSG_CAST && msg->tag == 2) {
        in_order(self, msg);
    } else if (msg->kind == WEFT_MSG_CAST) {
        for (uint64_t times = 1 + draw(4); times > 0; times--) act(self);
    }
}

static int start(weft_self *self, struct weft_bytes arg) {
    weft_trap_exit(self, arg.data[0] != 0);
    return WEFT_OK;
}
static const struct weft_behaviour player_v1 = {.name = "player", .init = start, .handle = play};

static uint32_t starting;
static void start_player(weft_self *self) {
    unsigned char traps = draw(2) == 0;
    struct weft_spawn spawn = {
        .behaviour = &player_v1, .arg = weft_bytes(&traps, 1), .mailbox_max = 100000};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &players[starting]), WEFT_OK);
    for (uint32_t i = 0; i < PLAYERS; i++) seen[starting][i] = seen[i][starting] = 0;
}

/* A run may find nothing of what the other has sent: it is on its way, as between threads. */
static void run_one(uint32_t which) {
    atomic_uint_fast64_t *inbox = &world.hub->inbox[which];
    uint64_t held = draw(2) == 0 ? atomic_exchange(inbox, 0) : 0;
    weft_sched_run(world.scheds[which], (uint32_t)(1 + draw(8)));
    atomic_fetch_or(inbox, held);
}

static void step(void) {
    uint32_t which = (uint32_t)draw(PLAYERS);
    weft_pid pid = players[which];
    if (draw(40) == 0) world.now += WEFT_MS(2);
    if (alive(pid))
        (void)weft_sched_send(world.scheds[weft_pid_sched(pid)], pid, 1, weft_bytes(NULL, 0));
    if (draw(6) == 0) run_one((uint32_t)draw(WORLD_SCHEDS));
}

static void links_are_symmetric(void) {
    for (uint32_t i = 0; i < PLAYERS; i++) {
        for (uint32_t j = 0; j < PLAYERS; j++) {
            if (weft_pid_sched(players[i]) == weft_pid_sched(players[j])) continue;
            const struct weft_sched *here = world.scheds[weft_pid_sched(players[i])];
            const struct weft_sched *there = world.scheds[weft_pid_sched(players[j])];
            struct far_link *a = NULL, *b = NULL;
            if (alive(players[i]))
                a = weft_otp__far_link_find(here->remote, players[i], players[j].raw);
            if (alive(players[j]))
                b = weft_otp__far_link_find(there->remote, players[j], players[i].raw);
            CHECK((a != NULL) == (b != NULL));
            if (a != NULL) CHECK(a->linked && a->unlinks == 0);
        }
    }
}

static void everyone_was_told(void) {
    for (size_t i = 0; i < asked_count; i++) {
        const struct asked *one = &asked[i];
        if (one->told || one->dropped || !alive(one->by)) continue;
        CHECK(alive(one->of)); /* the dead have told, the living may still */
    }
}

static void one_seed(void) {
    world_open();
    drawn = asked_count = number = 0;
    for (starting = 0; starting < PLAYERS; starting++)
        in(world.roots[starting % WORLD_SCHEDS], start_player);
    for (int i = 0; i < STEPS; i++) {
        step();
        if (draw(60) == 0) {
            settle();
            links_are_symmetric();
            everyone_was_told();
            for (starting = 0; starting < PLAYERS; starting++)
                if (!alive(players[starting]))
                    in(world.roots[starting % WORLD_SCHEDS], start_player);
        }
    }
    settle();
    links_are_symmetric();
    everyone_was_told();
    world_log_clear();
    world_close();
}

static void whatever_the_interleaving_the_rules_hold(void) {
    world_far = true;
    for (seed = 1; seed <= SEEDS; seed++) one_seed();
}

TEST_MAIN("otp/far_random", TEST(whatever_the_interleaving_the_rules_hold))
