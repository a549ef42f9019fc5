/* Applications that run on every scheduler, on a simulated node with three. */
#include "core/base/assert.h"
#include "core/otp/gen_server.h"
#include "core/otp/remote.h"
#include "core/posix/guard.h"
#include "sim/world/world.h"
#include "tests/harness/harness.h"

#include <stdio.h>

#define SCHEDULERS 3
#define PORT 80
#define NOTES_MAX 64

static char notes[NOTES_MAX][40];
static size_t notes_count;
static uint32_t broken; /* the part of this scheduler does not start; 0: all do */
static uint64_t accepted[SCHEDULERS];
static weft_pid part_of[SCHEDULERS], driver;

static void note(const weft_self *self, const char *what) {
    WEFT_ASSERT(notes_count < NOTES_MAX);
    snprintf(notes[notes_count++], sizeof notes[0], "%s %u", what,
             weft_pid_sched(weft_self_pid(self)));
}

/* Where it stands; notes_count: nowhere. */
static size_t at(const char *what) {
    size_t i = 0;
    while (i < notes_count && strcmp(notes[i], what) != 0) i++;
    return i;
}

static bool said(const char *what) { return at(what) < notes_count; }

/* --- "front": a listener on each scheduler --- */

static int front_init(weft_self *self, struct weft_bytes arg) {
    struct weft_addr local = weft_addr_v4(0, 0, 0, 0, PORT);
    weft_socket socket;
    uint32_t here = weft_self_scheduler(self);
    (void)arg;
    part_of[here] = weft_self_pid(self);
    weft_trap_exit(self, true);
    if (broken != 0 && broken == here) return WEFT_ERR_REFUSED;
    note(self, "up");
    return weft_stream_listen(self, &local, 64, &socket);
}

static void front_info(weft_self *self, const struct weft_msg *msg) {
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 7);
    if (msg->kind == WEFT_MSG_EVENT && msg->event->kind == WEFT_EVENT_ACCEPTED)
        accepted[weft_self_scheduler(self)]++;
    if (msg->kind == WEFT_MSG_EXIT) weft_stop(self, &why);
}

static void front_cast(weft_self *self, const struct weft_msg *msg) {
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 7);
    (void)msg;
    weft_stop(self, &why);
}

static WEFT_GEN_SERVER(front_server, .name = "front", .version = 1, .init = front_init,
                       .handle_info = front_info, .handle_cast = front_cast);

static int on_phase(weft_self *self, const char *phase) {
    note(self, phase);
    return WEFT_OK;
}
static void front_stop(weft_self *self) { note(self, "stop"); }
static void store_start_note(weft_self *self) { note(self, "store stops"); }

static int quiet_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    note(self, "store up");
    return WEFT_OK;
}
static WEFT_GEN_SERVER(quiet_server, .name = "quiet", .version = 1, .init = quiet_init);

static WEFT_APPLICATION(store, .stop = store_start_note,
                        .children = {{.id = "q", .behaviour = &quiet_server}});
static WEFT_APPLICATION(front, .each = true, .dependencies = {"store"}, .phases = {"warm", "go"},
                        .start_phase = on_phase, .stop = front_stop,
                        .children = {{.id = "front", .behaviour = &front_server}});

/* --- "driver": asks for applications --- */

enum { START = 1, ENSURE, STOP };

static int answers[8], answers_count;
static char answer_text[64];

static void driver_cast(weft_self *self, const struct weft_msg *msg) {
    weft_ref ref;
    int rv = WEFT_OK;
    if (msg->tag == START) rv = weft_app_start(self, "front", WEFT_TEMPORARY, &ref);
    if (msg->tag == ENSURE) rv = weft_app_ensure_all_started(self, "front", WEFT_PERMANENT, &ref);
    if (msg->tag == STOP) rv = weft_app_stop(self, "front", &ref);
    CHECK_EQ_INT(rv, WEFT_OK);
}

static void driver_info(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    if (msg->kind != WEFT_MSG_REPLY || answers_count == 8) return;
    answers[answers_count++] = msg->status;
    snprintf(answer_text, sizeof answer_text, "%.*s", (int)msg->data.size,
             msg->data.size > 0 ? (const char *)msg->data.data : "");
}

static int driver_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    driver = weft_self_pid(self);
    return WEFT_OK;
}
static WEFT_GEN_SERVER(driver_server, .name = "driver", .version = 1, .init = driver_init,
                       .handle_cast = driver_cast, .handle_info = driver_info);
static WEFT_APPLICATION(driving, .children = {{.id = "d", .behaviour = &driver_server}});

/* --- "clients" of another node --- */

#define CLIENTS 60

static int client_init(weft_self *self, struct weft_bytes arg) {
    struct weft_addr to = sim_world_addr(0, WEFT_FAMILY_V4, PORT);
    weft_socket socket;
    (void)arg;
    for (int i = 0; i < CLIENTS; i++)
        CHECK_EQ_INT(weft_stream_connect(self, &to, &socket), WEFT_OK);
    return WEFT_OK;
}
static WEFT_GEN_SERVER(client_server, .name = "client", .version = 1, .init = client_init);
static WEFT_APPLICATION(clients, .children = {{.id = "c", .behaviour = &client_server}});

/* --- the world --- */

static struct weft_app_spec apps[3];
static struct weft_node_config config;
static const struct weft_app_spec client_apps[] = {{.application = &clients}};
static const struct weft_node_config client_config = {.apps = client_apps, .apps_count = 1};
static struct sim_net_spec net;

static const struct weft_node_config *config_of(void *ctx, uint32_t node, uint32_t life) {
    (void)ctx;
    (void)life;
    return node == 0 ? &config : &client_config;
}

static uint32_t schedulers_of(void *ctx, uint32_t node) {
    (void)ctx;
    return node == 0 ? SCHEDULERS : 1;
}

static struct sim_world *open_world(bool load_only, enum weft_restart type) {
    weft_posix_guard_install();
    notes_count = 0;
    answers_count = 0;
    memset(accepted, 0, sizeof accepted);
    apps[0] = (struct weft_app_spec){.application = &driving};
    apps[1] = (struct weft_app_spec){.application = &store, .load_only = load_only};
    apps[2] = (struct weft_app_spec){.application = &front, .type = type, .load_only = load_only};
    config = (struct weft_node_config){.apps = apps, .apps_count = 3};
    net.rules[0] = (struct sim_rule){.from_group = SIM_GROUP_ANY, .to_group = SIM_GROUP_ANY};
    net.rules[0].chain.count = 1;
    net.rules[0].chain.elements[0] = (struct sim_element){
        .kind = SIM_ELEMENT_DELAY, .delay = {.kind = SIM_DELAY_CONSTANT, .a = WEFT_MS(10)}};
    net.rules_count = 1;
    struct sim_world_config made = {.seed = 1,
                                    .nodes = 2,
                                    .net = &net,
                                    .config_of = config_of,
                                    .schedulers_of = schedulers_of,
                                    .host = {.guard = &weft_posix_guard}};
    struct sim_world *world = sim_world_new(&made);
    WEFT_ASSERT(world != NULL);
    return world;
}

static void run(struct sim_world *world, weft_duration time) {
    weft_time now = sim_engine_now(sim_world_engine(world));
    CHECK(sim_world_run(world, now + time, 0));
}

static void ask(struct sim_world *world, uint32_t what) {
    struct weft_sched *sched = weft_node_sched(sim_world_node(world, 0));
    CHECK_EQ_INT(weft_sched_send(sched, driver, what, weft_bytes(NULL, 0)), WEFT_OK);
    sim_world_pause(world, 0); /* a resume runs it */
    sim_world_resume(world, 0);
    run(world, WEFT_S(1));
}

static void every_scheduler_has_its_part(void) {
    struct sim_world *world = open_world(false, WEFT_PERMANENT);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    run(world, WEFT_S(1));
    CHECK(at("store up 0") < at("up 0"));
    CHECK(!said("store up 1"));
    CHECK(at("up 0") < at("warm 0"));
    CHECK(at("go 0") < at("up 1"));
    CHECK(at("up 1") < at("warm 1"));
    CHECK(at("warm 1") < at("go 1"));
    CHECK(said("go 2"));
    sim_world_free(world);
}

static void streams_spread_over_the_parts(void) {
    struct sim_world *world = open_world(false, WEFT_PERMANENT);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    CHECK_EQ_INT(sim_world_boot(world, 1), WEFT_OK);
    run(world, WEFT_S(1));
    CHECK_EQ_UINT(accepted[0] + accepted[1] + accepted[2], CLIENTS);
    for (int i = 0; i < SCHEDULERS; i++) CHECK(accepted[i] > CLIENTS / 9);
    sim_world_free(world);
}

static void a_stop_of_the_node_ends_the_others_parts_in_the_applications_turn(void) {
    struct sim_world *world = open_world(false, WEFT_PERMANENT);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    run(world, WEFT_S(1));
    sim_world_stop(world, 0);
    run(world, WEFT_S(10));
    CHECK_EQ_INT(sim_world_state(world, 0), SIM_NODE_DOWN);
    CHECK(said("stop 1"));
    CHECK(said("stop 2"));
    CHECK(at("stop 1") < at("stop 0"));
    CHECK(at("stop 2") < at("stop 0"));
    CHECK(at("stop 0") < at("store stops 0"));
    sim_world_free(world);
}

static void it_is_started_and_stopped_everywhere_while_the_node_runs(void) {
    struct sim_world *world = open_world(true, WEFT_TEMPORARY);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    run(world, WEFT_S(1));
    CHECK(!said("up 1"));
    ask(world, ENSURE);
    CHECK_EQ_INT(answers[0], WEFT_OK);
    CHECK_EQ_TEXT(answer_text, "store front");
    CHECK(at("go 0") < at("up 1"));
    CHECK(said("go 1"));
    CHECK(said("go 2"));
    ask(world, START);
    CHECK_EQ_INT(answers[1], WEFT_ERR_EXISTS);
    ask(world, STOP);
    CHECK_EQ_INT(answers[2], WEFT_OK);
    CHECK(at("stop 1") < at("stop 0"));
    CHECK(at("stop 2") < at("stop 0"));
    ask(world, STOP);
    CHECK_EQ_INT(answers[3], WEFT_ERR_NOT_STARTED);
    notes_count = 0;
    ask(world, START);
    CHECK_EQ_INT(answers[4], WEFT_OK);
    CHECK(said("go 2"));
    sim_world_free(world);
}

static void when_one_part_does_not_start_none_runs(void) {
    struct sim_world *world = open_world(true, WEFT_TEMPORARY);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    run(world, WEFT_S(1));
    broken = 2;
    ask(world, ENSURE);
    broken = 0;
    CHECK_EQ_INT(answers[0], WEFT_ERR_REFUSED);
    CHECK(strncmp(answer_text, "scheduler 2: front", 18) == 0);
    CHECK(said("stop 0"));
    CHECK(said("stop 1"));
    CHECK(said("store stops 0"));
    ask(world, ENSURE);
    CHECK_EQ_INT(answers[1], WEFT_OK);
    sim_world_free(world);
}

static void requests_wait_for_a_start_that_is_on_its_way(void) {
    struct sim_world *world = open_world(true, WEFT_TEMPORARY);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    run(world, WEFT_S(1));
    struct weft_sched *sched = weft_node_sched(sim_world_node(world, 0));
    CHECK_EQ_INT(weft_sched_send(sched, driver, ENSURE, weft_bytes(NULL, 0)), WEFT_OK);
    CHECK_EQ_INT(weft_sched_send(sched, driver, STOP, weft_bytes(NULL, 0)), WEFT_OK);
    ask(world, START);
    CHECK_EQ_INT(answers_count, 3);
    CHECK_EQ_INT(answers[0], WEFT_OK);
    CHECK_EQ_INT(answers[1], WEFT_ERR_IN_USE); /* the second start: it was being stopped */
    CHECK_EQ_INT(answers[2], WEFT_OK);
    CHECK(said("stop 2"));
    sim_world_free(world);
}

static void a_boot_fails_with_a_part(void) {
    struct sim_world *world = open_world(false, WEFT_PERMANENT);
    broken = 2;
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_ERR_REFUSED);
    broken = 0;
    CHECK_EQ_INT(sim_world_state(world, 0), SIM_NODE_DOWN);
    sim_world_free(world);
}

/* More often than its supervisor restarts it. */
static void end_part(struct sim_world *world, uint32_t scheduler) {
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(sim_world_kill_process(world, 0, part_of[scheduler]), WEFT_OK);
        run(world, WEFT_S(1));
    }
}

static void a_part_that_ends_does_what_its_type_says(void) {
    struct sim_world *world = open_world(false, WEFT_TEMPORARY);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    run(world, WEFT_S(1));
    end_part(world, 1);
    CHECK_EQ_INT(sim_world_state(world, 0), SIM_NODE_UP);
    CHECK(said("stop 1"));
    CHECK(!said("stop 0"));
    end_part(world, 0);
    CHECK(said("stop 0"));
    CHECK(!said("stop 2"));
    ask(world, STOP); /* the one that is left */
    CHECK_EQ_INT(answers[0], WEFT_OK);
    CHECK(said("stop 2"));
    sim_world_free(world);
    world = open_world(false, WEFT_PERMANENT);
    CHECK_EQ_INT(sim_world_boot(world, 0), WEFT_OK);
    run(world, WEFT_S(1));
    end_part(world, 1);
    run(world, WEFT_S(10));
    CHECK_EQ_INT(sim_world_state(world, 0), SIM_NODE_DOWN);
    CHECK(at("stop 2") < at("store stops 0")); /* in order all the same */
    sim_world_free(world);
}

TEST_MAIN("sim/each", TEST(every_scheduler_has_its_part), TEST(streams_spread_over_the_parts),
          TEST(a_stop_of_the_node_ends_the_others_parts_in_the_applications_turn),
          TEST(it_is_started_and_stopped_everywhere_while_the_node_runs),
          TEST(when_one_part_does_not_start_none_runs),
          TEST(requests_wait_for_a_start_that_is_on_its_way), TEST(a_boot_fails_with_a_part),
          TEST(a_part_that_ends_does_what_its_type_says))
