/* Faults of machines: clocks that are off, CPUs that are slow. Links take 10 ms. */
#include "sim/fault/fault.h"
#include "sim/world/fabric.h"
#include "tests/unit/sim/small.h"

#include "core/base/error.h"
#include "core/base/limits.h"

#include <stdio.h>

#define NONE WEFT_TRACE_NODE_NONE

static const struct sim_group groups[] = {{"rest", 0, SMALL_NODES}};

/* Node 1 does `act` every `after`; the others do nothing. */
static struct small *open_world(enum small_act act, weft_duration after) {
    struct small *small = small_open(3);
    small->arg[1] = (struct small_arg){act, after, 2, false};
    small_boot_all(small);
    return small;
}

static struct sim_fault_spec spec_of(enum sim_fault_kind kind, weft_time at, weft_duration lasts,
                                     uint32_t node) {
    return (struct sim_fault_spec){
        .kind = kind,
        .at = at,
        .until = WEFT_TIME_NEVER,
        .lasts = lasts,
        .nodes = {.kind = SIM_SET_RANGES, .ranges = {{node, node}}, .ranges_count = 1}};
}

static struct sim_faults *plan(struct small *small, const struct sim_fault_spec *spec) {
    return sim_faults_new(small->world, spec, 1, groups);
}

static void check_count(const struct sim_faults *faults, uint64_t injected, uint64_t bit) {
    struct sim_fault_count count = sim_faults_count(faults, 0);
    CHECK_EQ_UINT(count.injected, injected);
    CHECK_EQ_UINT(count.bit, bit);
}

static void end_world(struct small *small, struct sim_faults *faults) {
    sim_faults_free(faults);
    small_close(small);
}

/* How often node 1 heard an answer after one time and up to another. */
static size_t pongs(const struct small *small, weft_time after, weft_time until) {
    size_t count = 0;
    const struct small_event *event;
    for (size_t i = 0; (event = small_log(small, 1, "pong", i)) != NULL; i++)
        count += event->at > after && event->at <= until;
    return count;
}

/* --- clocks --- */

static void a_fast_clock_makes_timers_early_and_a_slow_one_late(void) {
    for (int64_t ppm = -500000; ppm <= 500000; ppm += 1000000) {
        struct small *small = open_world(SMALL_PING, WEFT_MS(100));
        struct sim_fault_spec spec = spec_of(SIM_FAULT_CLOCK, WEFT_S(10), WEFT_S(30), 1);
        spec.drift_ppm = ppm;
        struct sim_faults *faults = plan(small, &spec);
        small_run(small, WEFT_S(60));
        CHECK_EQ_UINT(pongs(small, WEFT_S(1), WEFT_S(2)), 10);
        CHECK_EQ_UINT(pongs(small, WEFT_S(20), WEFT_S(30)), ppm > 0 ? 150 : 50);
        CHECK_EQ_UINT(pongs(small, WEFT_S(50), WEFT_S(60)), 100);
        check_count(faults, 1, 1);
        end_world(small, faults);
    }
}

/* A timer of 20 s, set at 0, by a clock that runs half as fast again from 10 s on. */
static void a_timer_that_is_set_already_moves_with_its_clock(void) {
    struct small *small = open_world(SMALL_TIMER, WEFT_S(20));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CLOCK, WEFT_S(10), 0, 1);
    spec.drift_ppm = 500000;
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(30));
    const struct small_event *event = small_log(small, 1, "timer", 0);
    REQUIRE(event != NULL);
    CHECK_EQ_INT(event->at, WEFT_S(10) + (WEFT_S(10) * 2 + 2) / 3); /* in true time */
    end_world(small, faults);
}

static void a_clock_outlives_its_node(void) {
    struct small *small = open_world(SMALL_PING, WEFT_MS(100));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CLOCK, WEFT_S(1), 0, 1);
    spec.drift_ppm = 500000;
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    sim_world_crash(small->world, 1);
    CHECK_EQ_INT(sim_world_boot(small->world, 1), WEFT_OK);
    small_run(small, WEFT_S(20));
    CHECK_EQ_UINT(pongs(small, WEFT_S(5), WEFT_S(15)), 150);
    end_world(small, faults);
}

static void a_jump_of_the_wall_clock_bites_who_reads_it(void) {
    struct small *small = open_world(SMALL_WALL, WEFT_MS(100));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CLOCK, WEFT_MS(1050), WEFT_S(1), 1);
    spec.jump = -WEFT_S(30);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(4));
    CHECK_EQ_UINT(small_log_count(small, 1, "wall 0"), 30);
    CHECK_EQ_UINT(small_log_count(small, 1, "wall -30"), 10);
    check_count(faults, 1, 1);
    end_world(small, faults);
}

static void a_jump_that_nobody_reads_is_dead(void) {
    struct small *small = open_world(SMALL_PING, WEFT_MS(100));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CLOCK, WEFT_S(1), WEFT_S(1), 1);
    spec.jump = WEFT_HOUR(1);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(4));
    check_count(faults, 1, 0);
    CHECK_EQ_UINT(small_count(small, NONE, WEFT_TRACE_FAULT_BIT), 0);
    end_world(small, faults);
}

static void healing_sets_the_clock_right(void) {
    struct small *small = open_world(SMALL_WALL, WEFT_MS(100));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CLOCK, WEFT_MS(1050), 0, 1);
    spec.jump = WEFT_S(30);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    sim_faults_heal(faults);
    check_count(faults, 1, 1);
    small_run(small, WEFT_S(3));
    CHECK_EQ_UINT(small_log_count(small, 1, "wall 30"), 10);
    CHECK_EQ_UINT(small_log_count(small, 1, "wall 0"), 20);
    end_world(small, faults);
}

/* --- slow CPUs --- */

/* Milliseconds from the last tenth of a second to the answer that came first after `after`. */
static int64_t first_pong(const struct small *small, weft_time after) {
    const struct small_event *event;
    for (size_t i = 0; (event = small_log(small, 1, "pong", i)) != NULL; i++)
        if (event->at > after) return event->at % WEFT_MS(100) / WEFT_MS(1);
    return -1;
}

/* The timer's message takes 30 ms, then the datagram leaves. */
static void what_a_slow_node_sends_leaves_after_its_cost(void) {
    struct small *small = open_world(SMALL_PING, WEFT_MS(100));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_SLOW, WEFT_MS(1050), WEFT_S(2), 1);
    spec.cost = WEFT_MS(30);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    CHECK_EQ_INT(first_pong(small, WEFT_MS(900)), 20);
    CHECK_EQ_INT(first_pong(small, WEFT_MS(2000)), 50);
    CHECK_EQ_INT(first_pong(small, WEFT_S(4)), 20);
    CHECK_EQ_UINT(pongs(small, WEFT_S(2), WEFT_S(3)), 10);
    check_count(faults, 1, 1);
    end_world(small, faults);
}

/* Node 2 answers after 30 ms of work on what it heard. */
static void a_slow_node_answers_late(void) {
    struct small *small = open_world(SMALL_PING, WEFT_MS(100));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_SLOW, WEFT_MS(1050), WEFT_S(2), 2);
    spec.cost = WEFT_MS(30);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    CHECK_EQ_INT(first_pong(small, WEFT_MS(2000)), 50);
    end_world(small, faults);
}

/* A ping every 10 ms, and 25 ms for each timer and each answer. */
static void a_slow_node_falls_behind_and_catches_up(void) {
    struct small *small = open_world(SMALL_PING, WEFT_MS(10));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_SLOW, WEFT_S(1), WEFT_S(1), 1);
    spec.cost = WEFT_MS(25);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(4));
    size_t slow = pongs(small, WEFT_MS(1100), WEFT_MS(1900));
    CHECK(slow >= 10 && slow <= 20); /* of 80 */
    CHECK_EQ_UINT(pongs(small, WEFT_S(3), WEFT_S(4)), 100);
    end_world(small, faults);
}

static void costs_of_two_faults_add_up(void) {
    struct small *small = open_world(SMALL_PING, WEFT_MS(100));
    struct sim_fault_spec specs[2] = {spec_of(SIM_FAULT_SLOW, WEFT_MS(1050), WEFT_S(2), 1),
                                      spec_of(SIM_FAULT_SLOW, WEFT_MS(1050), WEFT_S(3), 1)};
    specs[0].cost = WEFT_MS(30);
    specs[1].cost = WEFT_MS(10);
    struct sim_faults *faults = sim_faults_new(small->world, specs, 2, groups);
    small_run(small, WEFT_S(5));
    CHECK_EQ_INT(first_pong(small, WEFT_MS(2000)), 60);
    CHECK_EQ_INT(first_pong(small, WEFT_MS(3500)), 30);
    end_world(small, faults);
}

static void a_slow_process_is_slow_alone(void) {
    for (int named = 0; named < 2; named++) {
        struct small *small = open_world(SMALL_PING, WEFT_MS(100));
        struct sim_fault_spec spec = spec_of(SIM_FAULT_SLOW, WEFT_MS(1050), WEFT_S(2), 1);
        spec.cost = WEFT_MS(30); /* after each message: the answer waits for the timer's */
        snprintf(spec.process, sizeof spec.process, "%s", named ? "caller" : "control");
        struct sim_faults *faults = plan(small, &spec);
        small_run(small, WEFT_S(5));
        CHECK_EQ_INT(first_pong(small, WEFT_MS(2000)), named ? 30 : 20);
        check_count(faults, 1, named ? 1 : 0);
        end_world(small, faults);
    }
}

static void a_node_that_hears_nothing_is_not_slowed(void) {
    struct small *small = open_world(SMALL_PING, WEFT_MS(100));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_SLOW, WEFT_MS(1050), WEFT_S(2), 5);
    spec.cost = WEFT_MS(30);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 0);
    end_world(small, faults);
}

/* --- memory --- */

static weft_pid caller_of(struct small *small, uint32_t node) {
    return weft_sched_whereis(weft_node_sched(sim_world_node(small->world, node)), "caller");
}

static struct sim_fault_spec no_room(weft_time at, weft_duration lasts) {
    struct sim_fault_spec spec = spec_of(SIM_FAULT_MEMORY, at, lasts, 1);
    spec.is_room = true;
    return spec;
}

static void a_node_without_room_is_refused_and_bites(void) {
    struct small *small = open_world(SMALL_NOTHING, 0);
    struct sim_fault_spec spec = no_room(WEFT_S(1), WEFT_S(2));
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    CHECK_EQ_INT(sim_world_flood(small->world, 1, caller_of(small, 1)), WEFT_ERR_NOMEM);
    CHECK_EQ_INT(sim_world_flood(small->world, 2, caller_of(small, 2)), WEFT_ERR_FULL);
    small_run(small, WEFT_S(4));
    check_count(faults, 1, 1);
    CHECK_EQ_INT(sim_world_flood(small->world, 1, caller_of(small, 1)), WEFT_ERR_FULL);
    end_world(small, faults);
}

static void a_node_that_asks_for_nothing_is_not_bitten(void) {
    struct small *small = open_world(SMALL_NOTHING, 0);
    struct sim_fault_spec spec = no_room(WEFT_S(1), WEFT_S(2));
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(4));
    check_count(faults, 1, 0);
    end_world(small, faults);
}

static void the_least_of_two_limits_counts_until_both_are_over(void) {
    struct small *small = open_world(SMALL_NOTHING, 0);
    struct sim_fault_spec specs[2] = {no_room(WEFT_S(1), WEFT_S(4)), no_room(WEFT_S(2), WEFT_S(1))};
    specs[1].bytes = 1u << 30;
    struct sim_faults *faults = sim_faults_new(small->world, specs, 2, groups);
    weft_pid pid = caller_of(small, 1);
    for (int second = 2; second <= 4; second++) {
        small_run(small, WEFT_S(second) + WEFT_MS(500));
        CHECK_EQ_INT(sim_world_flood(small->world, 1, pid), WEFT_ERR_NOMEM);
    }
    small_run(small, WEFT_S(6));
    CHECK_EQ_INT(sim_world_flood(small->world, 1, pid), WEFT_ERR_FULL);
    end_world(small, faults);
}

static size_t limit_of(struct small *small, uint32_t node) {
    return sim_world_memory(small->world, node).limit;
}

static void a_limit_from_boot_on_outlives_faults_and_lives(void) {
    struct small *small = small_open(1);
    small->memory[1] = 300000;
    small_boot_all(small);
    struct sim_fault_spec spec = no_room(WEFT_S(1), WEFT_S(2));
    struct sim_faults *faults = plan(small, &spec);
    CHECK_EQ_UINT(limit_of(small, 1), 300000);
    CHECK_EQ_UINT(limit_of(small, 2), 0);
    small_run(small, WEFT_S(2));
    CHECK(limit_of(small, 1) < 300000);
    small_run(small, WEFT_S(4));
    CHECK_EQ_UINT(limit_of(small, 1), 300000);
    sim_world_kill(small->world, 1);
    CHECK_EQ_INT(sim_world_boot(small->world, 1), WEFT_OK);
    CHECK_EQ_UINT(limit_of(small, 1), 300000);
    int rv = sim_world_flood(small->world, 1, caller_of(small, 1));
    CHECK_EQ_INT(rv, WEFT_MAILBOX_MAX <= 64 ? WEFT_ERR_FULL : WEFT_ERR_NOMEM); /* room for 64 */
    end_world(small, faults);
}

static size_t quota_of(struct small *small) {
    struct weft_proc_info info = {0};
    CHECK(weft_sched_info(weft_node_sched(sim_world_node(small->world, 1)), caller_of(small, 1),
                          &info));
    return info.memory_max;
}

static void the_quota_of_a_process_is_set_and_set_back(void) {
    struct small *small = open_world(SMALL_NOTHING, 0);
    struct sim_fault_spec specs[2] = {no_room(WEFT_S(1), WEFT_S(4)), no_room(WEFT_S(2), WEFT_S(1))};
    for (int i = 0; i < 2; i++) {
        specs[i].bytes = i == 0 ? 5000 : 700;
        snprintf(specs[i].process, sizeof specs[i].process, "caller");
    }
    struct sim_faults *faults = sim_faults_new(small->world, specs, 2, groups);
    static const size_t expected[] = {0, 5000, 700, 5000, 5000, 0};
    for (int second = 0; second < 6; second++) {
        small_run(small, WEFT_S(second) + WEFT_MS(500));
        CHECK_EQ_UINT(quota_of(small), expected[second]);
    }
    end_world(small, faults);
}

/* --- mailboxes --- */

static void a_full_mailbox_is_worked_off_and_bites(void) {
    struct small *small = open_world(SMALL_PING, WEFT_MS(100));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_OVERFLOW, WEFT_MS(1050), 0, 1);
    spec.cost = WEFT_US(10);
    snprintf(spec.process, sizeof spec.process, "caller");
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_MS(1100));
    check_count(faults, 1, 1);
    small_run(small, WEFT_S(4));
    weft_duration takes = WEFT_US(10) * WEFT_MAILBOX_MAX;
    const struct small_event *off = small_find(small, NONE, WEFT_TRACE_FAULT_OFF, 0);
    REQUIRE(off != NULL);
    CHECK(off->at >= WEFT_MS(1050) + takes);
    CHECK(off->at <= WEFT_MS(1250) + takes);
    CHECK_EQ_UINT(pongs(small, WEFT_S(3), WEFT_S(4)), 10);
    end_world(small, faults);
}

static void a_mailbox_of_nobody_is_not_filled(void) {
    struct small *small = open_world(SMALL_PING, WEFT_MS(100));
    struct sim_fault_spec spec = spec_of(SIM_FAULT_OVERFLOW, WEFT_S(1), 0, 1);
    spec.cost = WEFT_US(10);
    snprintf(spec.process, sizeof spec.process, "nobody");
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(4));
    check_count(faults, 1, 0);
    end_world(small, faults);
}

TEST_MAIN("sim/node_faults", TEST(a_fast_clock_makes_timers_early_and_a_slow_one_late),
          TEST(a_timer_that_is_set_already_moves_with_its_clock), TEST(a_clock_outlives_its_node),
          TEST(a_jump_of_the_wall_clock_bites_who_reads_it), TEST(a_jump_that_nobody_reads_is_dead),
          TEST(healing_sets_the_clock_right), TEST(what_a_slow_node_sends_leaves_after_its_cost),
          TEST(a_slow_node_answers_late), TEST(a_slow_node_falls_behind_and_catches_up),
          TEST(costs_of_two_faults_add_up), TEST(a_slow_process_is_slow_alone),
          TEST(a_node_that_hears_nothing_is_not_slowed),
          TEST(a_node_without_room_is_refused_and_bites),
          TEST(a_node_that_asks_for_nothing_is_not_bitten),
          TEST(the_least_of_two_limits_counts_until_both_are_over),
          TEST(a_limit_from_boot_on_outlives_faults_and_lives),
          TEST(the_quota_of_a_process_is_set_and_set_back),
          TEST(a_full_mailbox_is_worked_off_and_bites), TEST(a_mailbox_of_nobody_is_not_filled))
