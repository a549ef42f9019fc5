/* A simulated node with three schedulers: processes on each, what crosses between them, and the
 * node's life. */
#include "core/base/assert.h"
#include "core/otp/gen_server.h"
#include "core/otp/remote.h"
#include "core/posix/guard.h"
#include "sim/world/world.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

#define SCHEDULERS 3
#define NOTES WEFT_LIMIT(1000, 4)
#define EVENTS_MAX 512

enum { GO = 1, NOTE, ASK };

struct record {
    weft_time at;
    uint32_t node;
    enum weft_trace_kind kind;
    uint64_t number[WEFT_TRACE_NUMBERS];
};

static struct record records[EVENTS_MAX];
static size_t records_count;
static uint64_t got[SCHEDULERS], late, answers, terminated;
static uint64_t order; /* folded: who got what, in which order */
static bool faulty;

/* --- on schedulers 1 and 2: counts notes in order; answers --- */

static void on_note(weft_self *self, const struct weft_msg *cast) {
    uint32_t here = weft_self_scheduler(self);
    uint64_t sent[2];
    memcpy(sent, cast->data.data, sizeof sent);
    CHECK_EQ_UINT(sent[0], got[here]);
    got[here]++;
    late += (uint64_t)weft_now(self) > sent[1];
    order = order * 31 + here;
}

static void on_ask(weft_self *self, const struct weft_msg *call) {
    weft_reply_now(self, call, NULL, 0);
}

static int far_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_trap_exit(self, true);
    return WEFT_OK;
}

static void far_terminate(weft_self *self, const struct weft_reason *reason) {
    (void)self;
    (void)reason;
    terminated++;
}

static WEFT_GEN_SERVER(far_server, .name = "far", .version = 1, .init = far_init,
                       .handle_call = on_ask, .handle_cast = on_note, .terminate = far_terminate);

static const struct weft_behaviour *const offers[] = {&far_server};

/* --- on scheduler 0 --- */

static void send_notes(weft_self *self, weft_pid to) {
    weft_ref ref;
    for (uint64_t i = 0; i < NOTES; i++) {
        uint64_t note[2] = {i, (uint64_t)weft_now(self)};
        CHECK_EQ_INT(weft_send(self, to, NOTE, weft_bytes(note, sizeof note)), WEFT_OK);
    }
    CHECK_EQ_INT(weft_call(self, to, ASK, weft_bytes(NULL, 0), WEFT_S(1), &ref), WEFT_OK);
}

static void near_info(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_TIMER) {
        for (uint32_t i = 1; i < SCHEDULERS; i++) {
            struct weft_spawn_at spawn = {
                .scheduler = i, .behaviour = "far", .link = true, .timeout = WEFT_S(1)};
            weft_ref ref;
            CHECK_EQ_INT(weft_spawn_at(self, &spawn, &ref), WEFT_OK);
        }
    } else if (msg->kind == WEFT_MSG_REPLY) {
        weft_pid pid = weft_spawned_pid(msg);
        CHECK_EQ_INT(msg->status, WEFT_OK);
        if (msg->data.size == 0) answers++;
        if (!weft_pid_is_none(pid)) send_notes(self, pid);
    }
}

static int near_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    return weft_timer_start(self, WEFT_MS(10), GO, weft_bytes(NULL, 0), NULL);
}

static WEFT_GEN_SERVER(near_server, .name = "near", .version = 1, .init = near_init,
                       .handle_info = near_info);
static WEFT_APPLICATION(near_app, .name = "near",
                        .children = {{.id = "near", .name = "near", .behaviour = &near_server}});
static const struct weft_app_spec apps[] = {{.application = &near_app}};

/* --- on each --- */

static int each_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    if (!faulty || weft_self_scheduler(self) != 2) return WEFT_OK;
    return weft_timer_start(self, WEFT_MS(1), GO, weft_bytes(NULL, 0), NULL);
}

static void each_info(weft_self *self, const struct weft_msg *msg) {
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 1);
    if (msg->kind == WEFT_MSG_TIMER) weft_stop(self, &why);
}

static WEFT_GEN_SERVER(each_server, .name = "each", .version = 1, .init = each_init,
                       .handle_info = each_info);
static const struct weft_child_spec each[] = {{.id = "each", .behaviour = &each_server}};

/* --- the world --- */

static const struct weft_node_config config = {.apps = apps,
                                               .apps_count = 1,
                                               .each = each,
                                               .each_count = 1,
                                               .offers = offers,
                                               .offers_count = 1};

static const struct weft_node_config *config_of(void *ctx, uint32_t node, uint32_t life) {
    (void)ctx;
    (void)node;
    (void)life;
    return &config;
}

static uint32_t schedulers_of(void *ctx, uint32_t node) {
    (void)ctx;
    return node == 0 ? SCHEDULERS : 1;
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    (void)ctx;
    if (records_count == EVENTS_MAX) return;
    struct record *record = &records[records_count++];
    *record = (struct record){.at = event->at, .node = event->node, .kind = event->kind};
    memcpy(record->number, event->number, sizeof record->number);
}

static const struct record *find(enum weft_trace_kind kind) {
    for (size_t i = 0; i < records_count; i++)
        if (records[i].kind == kind) return &records[i];
    return NULL;
}

static struct sim_net_spec net;

static struct sim_world *open_world(uint64_t seed) {
    weft_posix_guard_install();
    records_count = 0;
    memset(got, 0, sizeof got);
    late = answers = terminated = order = 0;
    net.rules[0] = (struct sim_rule){.from_group = SIM_GROUP_ANY, .to_group = SIM_GROUP_ANY};
    net.rules[0].chain.count = 1;
    net.rules[0].chain.elements[0] = (struct sim_element){
        .kind = SIM_ELEMENT_DELAY, .delay = {.kind = SIM_DELAY_CONSTANT, .a = WEFT_MS(10)}};
    net.rules_count = 1;
    struct sim_world_config made = {.seed = seed,
                                    .nodes = 2,
                                    .net = &net,
                                    .config_of = config_of,
                                    .schedulers_of = schedulers_of,
                                    .trace = on_trace,
                                    .host = {.guard = &weft_posix_guard},
                                    .trace_mask = WEFT_TRACE_BIT(WEFT_TRACE_NODE_LEFT) |
                                                  WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN)};
    struct sim_world *world = sim_world_new(&made);
    WEFT_ASSERT(world != NULL);
    return world;
}

static void what_crosses_comes_in_order_and_later(void) {
    struct sim_world *world = open_world(1);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    CHECK(sim_world_run(world, WEFT_S(1), 0));
    CHECK_EQ_UINT(got[0], 0);
    CHECK_EQ_UINT(got[1], NOTES);
    CHECK_EQ_UINT(got[2], NOTES);
    CHECK_EQ_UINT(answers, SCHEDULERS - 1);
    CHECK(late > NOTES / 2); /* a drawn time below 1 ns is none */
    sim_world_free(world);
}

static uint64_t order_of(uint64_t seed, struct sim_hash *hash) {
    struct sim_world *world = open_world(seed);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    CHECK(sim_world_run(world, WEFT_S(1), 0));
    *hash = sim_engine_hash(sim_world_engine(world));
    sim_world_free(world);
    return order;
}

static void a_seed_is_an_interleaving(void) {
    struct sim_hash hash[2];
    uint64_t seen[8];
    size_t others = 0;
    CHECK_EQ_UINT(order_of(1, &hash[0]), order_of(1, &hash[1]));
    CHECK(sim_hash_equal(hash[0], hash[1]));
    for (uint64_t seed = 0; seed < 8; seed++) seen[seed] = order_of(seed + 1, &hash[0]);
    for (uint64_t seed = 1; seed < 8; seed++) others += seen[seed] != seen[0];
    CHECK(others >= WEFT_LIMIT(5, 1)); /* few notes, few orders */
}

static void a_stop_ends_what_runs_on_every_scheduler_and_leaves_nothing(void) {
    struct sim_world *world = open_world(3);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    CHECK(sim_world_run(world, WEFT_S(1), 0));
    sim_world_stop(world, 0);
    CHECK(sim_world_run(world, WEFT_S(2), 0));
    CHECK_EQ_INT(sim_world_state(world, 0), SIM_NODE_DOWN);
    CHECK_EQ_UINT(terminated, SCHEDULERS - 1);
    const struct record *left = find(WEFT_TRACE_NODE_LEFT), *down = find(WEFT_TRACE_NODE_DOWN);
    REQUIRE(left != NULL && down != NULL);
    for (int i = 0; i < 4; i++) CHECK_EQ_UINT(left->number[i], 0);
    CHECK_EQ_UINT(down->number[1], 1);
    CHECK_EQ_UINT(down->number[2], WEFT_NODE_STOPPED);
    sim_world_free(world);
}

static void a_scheduler_whose_tree_gives_up_ends_the_node(void) {
    faulty = true;
    struct sim_world *world = open_world(1);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    CHECK(sim_world_run(world, WEFT_S(1), 0));
    faulty = false;
    CHECK_EQ_INT(sim_world_state(world, 0), SIM_NODE_DOWN);
    const struct record *down = find(WEFT_TRACE_NODE_DOWN);
    REQUIRE(down != NULL);
    CHECK_EQ_UINT(down->number[1], 0);
    CHECK_EQ_UINT(down->number[2], WEFT_NODE_ENDED);
    sim_world_free(world);
}

/* Wherever it is cut short: nothing of the last life arrives in the next. */
static void a_crash_at_any_event_is_survived(void) {
    for (uint64_t events = 1; events < 120; events++) {
        struct sim_world *world = open_world(2);
        CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
        (void)sim_world_run(world, WEFT_S(1), events);
        CHECK(sim_world_crash(world, 0));
        memset(got, 0, sizeof got);
        answers = 0;
        CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
        CHECK(sim_world_run(world, WEFT_S(2), 0));
        CHECK_EQ_UINT(got[1], NOTES);
        CHECK_EQ_UINT(answers, SCHEDULERS - 1);
        sim_world_free(world);
    }
}

static void a_pause_at_any_event_delays_and_loses_nothing(void) {
    for (uint64_t events = 1; events < 120; events++) {
        struct sim_world *world = open_world(4);
        CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
        (void)sim_world_run(world, WEFT_S(1), events);
        CHECK(sim_world_pause(world, 0));
        uint64_t before = got[1] + got[2];
        weft_time now = sim_engine_now(sim_world_engine(world));
        CHECK(sim_world_run(world, now + WEFT_MS(100), 0));
        CHECK_EQ_UINT(got[1] + got[2], before);
        CHECK(sim_world_resume(world, 0));
        CHECK(sim_world_run(world, now + WEFT_S(2), 0));
        CHECK_EQ_UINT(got[1], NOTES);
        CHECK_EQ_UINT(got[2], NOTES);
        CHECK_EQ_UINT(answers, SCHEDULERS - 1);
        sim_world_free(world);
    }
}

static void a_world_is_freed_while_things_are_on_their_way(void) {
    for (uint64_t events = 1; events < 60; events += 3) {
        struct sim_world *world = open_world(5);
        CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
        (void)sim_world_run(world, WEFT_S(1), events);
        sim_world_free(world);
    }
}

static void names_are_made_of_numbers(void) {
    char name[WEFT_NODE_NAME_MAX];
    sim_world_node_name(0, name);
    CHECK_EQ_TEXT(name, "n0@10.0.0.1:4370");
    sim_world_node_name(65535, name);
    CHECK_EQ_TEXT(name, "n65535@10.1.0.0:4370");
}

TEST_MAIN("sim/hub", TEST(what_crosses_comes_in_order_and_later), TEST(a_seed_is_an_interleaving),
          TEST(a_stop_ends_what_runs_on_every_scheduler_and_leaves_nothing),
          TEST(a_scheduler_whose_tree_gives_up_ends_the_node),
          TEST(a_crash_at_any_event_is_survived),
          TEST(a_pause_at_any_event_delays_and_loses_nothing),
          TEST(a_world_is_freed_while_things_are_on_their_way), TEST(names_are_made_of_numbers))
