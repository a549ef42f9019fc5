/* Faults: when they come, whom they hit, and that a dead one shows as dead. Links take 10 ms. */
#include "sim/fault/fault.h"

#include "tests/unit/sim/small.h"

#include <stdlib.h>
#include <string.h>

#define NONE WEFT_TRACE_NODE_NONE

static const struct sim_group groups[] = {{"a", 0, 3}, {"b", 3, 2}, {"rest", 5, SMALL_NODES - 5}};

/* Everybody pings its successor every 100 ms, unless `quiet`. */
static struct small *open_world(bool quiet) {
    struct small *small = small_open(3);
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        enum small_act act = quiet ? SMALL_NOTHING : SMALL_PING;
        small->arg[i] = (struct small_arg){act, WEFT_MS(100), (i + 1) % SMALL_NODES, false};
    }
    small_boot_all(small);
    return small;
}

static struct sim_faults *plan(struct small *small, const struct sim_fault_spec *spec) {
    return sim_faults_new(small->world, spec, 1, groups);
}

static struct sim_fault_spec spec_of(enum sim_fault_kind kind, weft_time at, weft_duration lasts) {
    return (struct sim_fault_spec){
        .kind = kind, .at = at, .until = WEFT_TIME_NEVER, .lasts = lasts};
}

static struct sim_set nodes_of(uint32_t first, uint32_t last) {
    return (struct sim_set){.kind = SIM_SET_RANGES, .ranges = {{first, last}}, .ranges_count = 1};
}

static void check_count(const struct sim_faults *faults, uint64_t injected, uint64_t bit) {
    struct sim_fault_count count = sim_faults_count(faults, 0);
    CHECK_EQ_UINT(count.injected, injected);
    CHECK_EQ_UINT(count.bit, bit);
}

static void check_at(const struct small *small, enum weft_trace_kind kind, size_t index,
                     weft_time at) {
    const struct small_event *event = small_find(small, NONE, kind, index);
    REQUIRE(event != NULL);
    CHECK_EQ_INT(event->at, at);
    CHECK_EQ_UINT(event->number[0], 0);
    CHECK_EQ_UINT(event->number[2], index);
}

static void end_world(struct small *small, struct sim_faults *faults) {
    sim_faults_free(faults);
    small_close(small);
}

/* --- layers --- */

static struct sim_fault_spec halves(weft_time at, weft_duration lasts) {
    struct sim_fault_spec spec = spec_of(SIM_FAULT_PARTITION, at, lasts);
    spec.sides_count = 2;
    spec.sides[0].ppm = spec.sides[1].ppm = 500000;
    return spec;
}

static void a_partition_by_shares_cuts_exact_halves_and_bites(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = halves(WEFT_S(1), WEFT_S(2));
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    check_count(faults, 1, 1); /* still on, and counted */
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 1);
    check_at(small, WEFT_TRACE_FAULT_ON, 0, WEFT_S(1));
    check_at(small, WEFT_TRACE_FAULT_BIT, 0, WEFT_S(3));
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(3));
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "partition 4|4");
    CHECK_EQ_UINT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->number[1], SIM_FAULT_PARTITION);
    end_world(small, faults);
}

static void a_partition_nobody_talks_through_is_dead(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = halves(WEFT_S(1), WEFT_S(2));
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 0);
    CHECK_EQ_UINT(small_count(small, NONE, WEFT_TRACE_FAULT_BIT), 0);
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(3));
    end_world(small, faults);
}

/* How often node `from` heard from its successor between two times. */
static size_t pongs(const struct small *small, uint32_t from, weft_time after, weft_time before) {
    size_t count = 0;
    const struct small_event *event;
    for (size_t i = 0; (event = small_log(small, from, "pong", i)) != NULL; i++) {
        if (event->at > after && event->at <= before) count++;
    }
    return count;
}

static void a_partition_of_groups_leaves_the_others_alone(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_PARTITION, WEFT_S(1), WEFT_S(2));
    spec.sides_count = 2;
    spec.sides[0].is_group = spec.sides[1].is_group = true;
    spec.sides[1].group = 1;
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "partition 3|2");
    CHECK_EQ_UINT(pongs(small, 2, WEFT_MS(1050), WEFT_S(3)), 0);  /* a to b */
    CHECK_EQ_UINT(pongs(small, 1, WEFT_MS(1050), WEFT_S(3)), 19); /* within a */
    CHECK_EQ_UINT(pongs(small, 4, WEFT_MS(1050), WEFT_S(3)), 19); /* b to rest */
    CHECK_EQ_UINT(pongs(small, 7, WEFT_MS(1050), WEFT_S(3)), 19); /* rest to a */
    CHECK_EQ_UINT(pongs(small, 2, WEFT_MS(3050), WEFT_MS(4050)), 10);
    end_world(small, faults);
}

static void a_one_way_partition_loses_one_direction(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_PARTITION, WEFT_S(1), WEFT_S(2));
    spec.sides_count = 2;
    spec.one_way = true;
    spec.sides[0].is_group = spec.sides[1].is_group = true;
    spec.sides[1].group = 1;
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(3));
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "partition 3->2");
    for (size_t i = 0; i < small->count; i++) {
        const struct small_event *event = &small->events[i];
        if (event->kind != WEFT_TRACE_PACKET_LOST || event->at <= WEFT_S(1)) continue;
        CHECK_EQ_UINT(event->node, 2);
        CHECK_EQ_UINT(event->number[0], 3);
        CHECK_EQ_UINT(event->number[3], SIM_LOSS_CUT);
    }
    check_count(faults, 1, 1);
    end_world(small, faults);
}

static void an_isolated_node_reaches_nobody(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_ISOLATE, WEFT_S(1), WEFT_S(2));
    spec.nodes = nodes_of(4, 4);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "isolate 4");
    CHECK_EQ_UINT(pongs(small, 4, WEFT_MS(1050), WEFT_S(3)), 0);
    CHECK_EQ_UINT(pongs(small, 3, WEFT_MS(1050), WEFT_S(3)), 0);
    CHECK_EQ_UINT(pongs(small, 5, WEFT_MS(1050), WEFT_S(3)), 19);
    check_count(faults, 1, 1);
    end_world(small, faults);
}

static void a_degraded_link_is_slower_for_a_time(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_DEGRADE, WEFT_S(1), WEFT_S(2));
    spec.nodes = nodes_of(4, 4);
    spec.chain.count = 1;
    spec.chain.elements[0] = (struct sim_element){
        .kind = SIM_ELEMENT_DELAY, .delay = {.kind = SIM_DELAY_CONSTANT, .a = WEFT_MS(7)}};
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 1);
    CHECK(small_log(small, 4, "pong", 0)->at == WEFT_MS(120));
    CHECK(small_log(small, 4, "pong", 10)->at == WEFT_MS(1134));
    CHECK(small_log(small, 5, "pong", 10)->at == WEFT_MS(1120));
    end_world(small, faults);
}

static void a_degradation_that_changes_nothing_is_dead(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_DEGRADE, WEFT_S(1), WEFT_S(2));
    spec.chain.count = 1;
    spec.chain.elements[0] = (struct sim_element){.kind = SIM_ELEMENT_LOSS, .ppm = 0};
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 0);
    end_world(small, faults);
}

/* Successors on the ring of node numbers are neighbours on the drawn one by chance only. */
static void on_a_ring_few_reach_their_successor(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_PARTITION, WEFT_S(1), WEFT_S(2));
    spec.shape = SIM_SHAPE_RING;
    spec.reach = 1;
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text,
                  "partition ring of 8, reach 1");
    uint32_t cut = 0;
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        size_t heard = pongs(small, i, WEFT_MS(1050), WEFT_S(3));
        CHECK(heard == 0 || heard == 19);
        cut += heard == 0;
        CHECK_EQ_UINT(pongs(small, i, WEFT_MS(3050), WEFT_MS(4050)), 10);
    }
    CHECK(cut >= 3 && cut < SMALL_NODES);
    check_count(faults, 1, 1);
    end_world(small, faults);
}

static void a_bridge_reaches_both_halves(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = halves(WEFT_S(1), WEFT_S(2));
    spec.shape = SIM_SHAPE_BRIDGE;
    spec.through = nodes_of(3, 3);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    const char *text = small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text;
    CHECK(strstr(text, ", 1 reach both") != NULL);
    CHECK_EQ_UINT(pongs(small, 3, WEFT_MS(1050), WEFT_S(3)), 19); /* to 4 */
    CHECK_EQ_UINT(pongs(small, 2, WEFT_MS(1050), WEFT_S(3)), 19); /* from 2 */
    check_count(faults, 1, 1);
    end_world(small, faults);
}

static void a_partial_partition_leaves_the_rest_alone(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_PARTITION, WEFT_S(1), WEFT_S(2));
    spec.shape = SIM_SHAPE_PARTIAL;
    spec.sides_count = 2;
    spec.sides[0].ppm = spec.sides[1].ppm = 250000;
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text,
                  "partition 2|2, 4 reach both");
    uint32_t cut = 0;
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        cut += pongs(small, i, WEFT_MS(1050), WEFT_S(3)) == 0;
    }
    CHECK(cut <= 4);
    end_world(small, faults);
}

/* 300 ms on, 200 ms off. */
static void a_cut_that_flaps_goes_on_and_off(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_ISOLATE, WEFT_S(1), WEFT_S(2));
    spec.nodes = nodes_of(4, 4);
    spec.flap_on = (struct sim_delay){.kind = SIM_DELAY_CONSTANT, .a = WEFT_MS(300)};
    spec.flap_off = (struct sim_delay){.kind = SIM_DELAY_CONSTANT, .a = WEFT_MS(200)};
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    for (int i = 0; i < 4; i++) {
        weft_time start = WEFT_S(1) + WEFT_MS(500) * i;
        CHECK_EQ_UINT(pongs(small, 4, start + WEFT_MS(50), start + WEFT_MS(300)), 0);
        CHECK(pongs(small, 4, start + WEFT_MS(300), start + WEFT_MS(550)) >= 1);
    }
    CHECK_EQ_UINT(pongs(small, 4, WEFT_MS(3050), WEFT_MS(4050)), 10);
    check_count(faults, 1, 1);
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(3));
    end_world(small, faults);
}

static struct sim_element slow_by(weft_duration delay) {
    return (struct sim_element){.kind = SIM_ELEMENT_DELAY,
                                .delay = {.kind = SIM_DELAY_CONSTANT, .a = delay}};
}

static void a_schedule_changes_what_a_degradation_does(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_DEGRADE, WEFT_MS(950), WEFT_S(2));
    spec.nodes = nodes_of(4, 4);
    spec.steps_count = 2;
    for (int i = 0; i < 2; i++) {
        spec.steps[i].after = WEFT_MS(500) * (i + 1);
        spec.steps[i].chain.count = 1;
        spec.steps[i].chain.elements[0] = slow_by(WEFT_MS(7) * (i + 1));
    }
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    CHECK_EQ_INT(small_log(small, 4, "pong", 9)->at, WEFT_MS(1020));
    CHECK_EQ_INT(small_log(small, 4, "pong", 14)->at, WEFT_MS(1534));
    CHECK_EQ_INT(small_log(small, 4, "pong", 19)->at, WEFT_MS(2048));
    CHECK_EQ_INT(small_log(small, 4, "pong", 29)->at, WEFT_MS(3020));
    check_count(faults, 1, 1);
    end_world(small, faults);
}

/* A ping from 4 is answered by 5: only what 4 sends to 5 is slow. */
static void a_direction_is_degraded_by_itself(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_DEGRADE, WEFT_MS(950), WEFT_S(2));
    spec.nodes = nodes_of(4, 4);
    spec.to = nodes_of(5, 7);
    spec.directed = true;
    spec.chain.count = 1;
    spec.chain.elements[0] = slow_by(WEFT_MS(7));
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "degrade 4 to 3 nodes");
    CHECK_EQ_INT(small_log(small, 4, "pong", 9)->at, WEFT_MS(1027));
    CHECK_EQ_INT(small_log(small, 3, "pong", 9)->at, WEFT_MS(1020)); /* 4 answers 3 */
    CHECK_EQ_INT(small_log(small, 5, "pong", 9)->at, WEFT_MS(1020));
    check_count(faults, 1, 1);
    end_world(small, faults);
}

static void a_clog_holds_back_and_releases_all_at_once(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CLOG, WEFT_MS(950), WEFT_MS(1000));
    spec.nodes = nodes_of(4, 4);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    CHECK_EQ_UINT(pongs(small, 4, WEFT_MS(950), WEFT_MS(1950)), 0);
    CHECK(pongs(small, 4, WEFT_MS(1950), WEFT_MS(1990)) >= 1);
    CHECK_EQ_UINT(pongs(small, 5, WEFT_MS(950), WEFT_MS(1950)), 10);
    CHECK_EQ_UINT(pongs(small, 4, WEFT_MS(3050), WEFT_MS(4050)), 10);
    check_count(faults, 1, 1);
    end_world(small, faults);
}

static void two_faults_at_once_leave_one_another_alone(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec specs[] = {spec_of(SIM_FAULT_ISOLATE, WEFT_S(1), WEFT_S(3)),
                                     spec_of(SIM_FAULT_ISOLATE, WEFT_S(2), WEFT_MS(500))};
    specs[0].nodes = specs[1].nodes = nodes_of(4, 4);
    struct sim_faults *faults = sim_faults_new(small->world, specs, 2, groups);
    small_run(small, WEFT_S(6));
    CHECK_EQ_UINT(pongs(small, 4, WEFT_MS(1050), WEFT_S(4)), 0);
    CHECK_EQ_UINT(pongs(small, 4, WEFT_MS(4050), WEFT_MS(5050)), 10);
    for (uint32_t i = 0; i < 2; i++) CHECK_EQ_UINT(sim_faults_count(faults, i).bit, 1);
    end_world(small, faults);
}

/* --- nodes --- */

static void a_crash_without_end_is_over_at_once(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CRASH, WEFT_S(1), 0);
    spec.nodes = nodes_of(2, 3);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    check_count(faults, 1, 1);
    check_at(small, WEFT_TRACE_FAULT_ON, 0, WEFT_S(1));
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(1));
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "crash 2, 3");
    CHECK_EQ_UINT(small_find(small, 2, WEFT_TRACE_FAULT_BIT, 0)->at, WEFT_S(1));
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_DOWN);
    CHECK_EQ_INT(sim_world_state(small->world, 3), SIM_NODE_DOWN);
    CHECK_EQ_INT(sim_world_state(small->world, 4), SIM_NODE_UP);
    end_world(small, faults);
}

static void a_crash_of_nodes_that_are_down_is_dead(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CRASH, WEFT_S(1), WEFT_S(1));
    spec.nodes = nodes_of(2, 3);
    sim_world_crash(small->world, 2);
    sim_world_crash(small->world, 3);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 0);
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "crash nobody");
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_DOWN); /* not its to boot */
    end_world(small, faults);
}

static void a_crash_with_an_end_boots_its_nodes_again(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CRASH, WEFT_S(1), WEFT_S(3));
    spec.nodes = nodes_of(2, 3);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    sim_world_boot(small->world, 3); /* somebody is faster */
    small_run(small, WEFT_S(5));
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(4));
    CHECK_EQ_UINT(small_find(small, 2, WEFT_TRACE_NODE_UP, 1)->at, WEFT_S(4));
    CHECK_EQ_UINT(sim_world_life(small->world, 2), 2);
    CHECK_EQ_UINT(sim_world_life(small->world, 3), 2);
    end_world(small, faults);
}

static void a_rolling_kill_takes_one_after_the_other(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_KILL, WEFT_S(1), WEFT_MS(500));
    spec.nodes = nodes_of(2, 4);
    spec.each_in_turn = true;
    spec.every = WEFT_S(1);
    spec.until = WEFT_S(4);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(10));
    check_count(faults, 4, 4);
    static const char *const texts[] = {"kill 2", "kill 3", "kill 4", "kill 2"};
    for (size_t i = 0; i < 4; i++) {
        check_at(small, WEFT_TRACE_FAULT_ON, i, WEFT_S(1 + (int)i));
        check_at(small, WEFT_TRACE_FAULT_OFF, i, WEFT_MS(1500 + 1000 * (int)i));
        CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, i)->text, texts[i]);
    }
    CHECK_EQ_UINT(small_find(small, 2, WEFT_TRACE_NODE_DOWN, 0)->number[2], WEFT_NODE_KILLED);
    CHECK_EQ_UINT(sim_world_life(small->world, 2), 3);
    end_world(small, faults);
}

static void a_stop_is_in_order_and_comes_back(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_STOP, WEFT_S(1), WEFT_S(1));
    spec.nodes = nodes_of(2, 2);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 1);
    CHECK_EQ_UINT(small_find(small, 2, WEFT_TRACE_NODE_DOWN, 0)->number[1], 1);
    CHECK(small_find(small, 2, WEFT_TRACE_NODE_LEFT, 0) != NULL);
    CHECK_EQ_UINT(sim_world_life(small->world, 2), 2);
    end_world(small, faults);
}

static void a_restart_boots_who_is_down(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_RESTART, WEFT_S(1), 0);
    spec.every = WEFT_S(1);
    spec.until = WEFT_S(2);
    sim_world_crash(small->world, 6);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 2, 1); /* the second found everybody up */
    CHECK_EQ_INT(sim_world_state(small->world, 6), SIM_NODE_UP);
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "restart 6");
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 1)->text, "restart nobody");
    end_world(small, faults);
}

static void a_pause_stops_a_node_for_its_time(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_PAUSE, WEFT_S(1), WEFT_S(2));
    spec.nodes = nodes_of(2, 2);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_PAUSED);
    small_run(small, WEFT_S(4));
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_UP);
    check_count(faults, 1, 1);
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(3));
    CHECK_EQ_UINT(pongs(small, 2, WEFT_MS(1050), WEFT_S(3) - 1), 0);
    end_world(small, faults);
}

static void a_pause_of_a_node_that_is_down_is_dead(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_PAUSE, WEFT_S(1), WEFT_S(2));
    spec.nodes = nodes_of(2, 2);
    sim_world_crash(small->world, 2);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 0);
    end_world(small, faults);
}

/* Pings leave each 100 ms and are answered within 20 ms: between them there is nothing to put off.
 */
static void a_pause_that_puts_nothing_off_is_dead(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_PAUSE, WEFT_MS(1050), WEFT_MS(10));
    spec.nodes = nodes_of(2, 2);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 0);
    CHECK_EQ_UINT(small_count(small, NONE, WEFT_TRACE_FAULT_BIT), 0);
    end_world(small, faults);
}

static void a_pause_bites_when_it_is_over(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_PAUSE, WEFT_MS(1050), WEFT_MS(60));
    spec.nodes = nodes_of(2, 2);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_MS(1105));
    check_count(faults, 1, 0);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 1);
    CHECK_EQ_INT(small_find(small, 2, WEFT_TRACE_FAULT_BIT, 0)->at, WEFT_MS(1110));
    end_world(small, faults);
}

static void a_pause_that_somebody_else_ends_has_bitten_when_something_waited(void) {
    bool (*const ends[])(struct sim_world * world, uint32_t node) = {sim_world_crash,
                                                                     sim_world_kill};
    for (int i = 0; i < 4; i++) {
        weft_time at = i < 2 ? WEFT_MS(1060) : WEFT_MS(1200);
        struct small *small = open_world(false);
        struct sim_fault_spec spec = spec_of(SIM_FAULT_PAUSE, WEFT_MS(1050), WEFT_S(2));
        spec.nodes = nodes_of(2, 2);
        struct sim_faults *faults = plan(small, &spec);
        small_run(small, at);
        CHECK(ends[i % 2](small->world, 2));
        small_run(small, WEFT_S(5));
        check_count(faults, 1, i < 2 ? 0 : 1);
        end_world(small, faults);
    }
}

/* --- churn --- */

static struct sim_fault_spec churn(weft_duration lasts, enum sim_churn_exit exit) {
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CHURN, WEFT_S(1), lasts);
    spec.nodes = nodes_of(2, 5);
    spec.session = (struct sim_delay){.kind = SIM_DELAY_UNIFORM, .a = WEFT_S(1), .b = WEFT_S(3)};
    spec.downtime = (struct sim_delay){.kind = SIM_DELAY_CONSTANT, .a = WEFT_S(1)};
    spec.exit = exit;
    return spec;
}

static void churn_counts_each_leave_and_ends_with_everybody_back(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = churn(WEFT_S(20), SIM_CHURN_CRASH);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(40));
    struct sim_fault_count count = sim_faults_count(faults, 0);
    uint64_t downs = 0;
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        downs += small_count(small, i, WEFT_TRACE_NODE_DOWN);
        CHECK_EQ_INT(sim_world_state(small->world, i), SIM_NODE_UP);
        if (i < 2 || i > 5) CHECK_EQ_UINT(sim_world_life(small->world, i), 1);
    }
    CHECK(downs > 20);
    CHECK_EQ_UINT(count.injected, downs);
    CHECK_EQ_UINT(count.bit, downs);
    const struct small_event *off = small_find(small, NONE, WEFT_TRACE_FAULT_OFF, 0);
    REQUIRE(off != NULL);
    CHECK(off->at >= WEFT_S(21) && off->at <= WEFT_S(22) + WEFT_MS(100));
    end_world(small, faults);
}

static void downtimes_are_as_drawn(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = churn(WEFT_S(20), SIM_CHURN_KILL);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(40));
    for (size_t i = 0; i < small_count(small, 3, WEFT_TRACE_NODE_DOWN); i++) {
        weft_time down = small_find(small, 3, WEFT_TRACE_NODE_DOWN, i)->at;
        weft_time up = small_find(small, 3, WEFT_TRACE_NODE_UP, i + 1)->at;
        weft_time before = small_find(small, 3, WEFT_TRACE_NODE_UP, i)->at;
        CHECK_EQ_INT(up - down, WEFT_S(1));
        if (i > 0) CHECK(down - before >= WEFT_S(1) && down - before <= WEFT_S(3));
    }
    end_world(small, faults);
}

static void churn_by_stopping_leaves_in_order(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = churn(WEFT_S(20), SIM_CHURN_STOP);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(40));
    CHECK(small_count(small, 2, WEFT_TRACE_NODE_LEFT) > 2);
    CHECK_EQ_UINT(small_count(small, 2, WEFT_TRACE_NODE_LEFT),
                  small_count(small, 2, WEFT_TRACE_NODE_DOWN));
    end_world(small, faults);
}

static void churn_of_nodes_that_never_come_up_injects_nothing(void) {
    struct small *small = small_open(3);
    struct sim_fault_spec spec = churn(WEFT_S(20), SIM_CHURN_CRASH);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(40));
    check_count(faults, 0, 0);
    end_world(small, faults);
}

/* --- poison --- */

static struct sim_fault_spec poison(const char *process) {
    struct sim_fault_spec spec = spec_of(SIM_FAULT_POISON, WEFT_S(1), 0);
    spec.nodes = nodes_of(2, 2);
    memcpy(spec.process, process, strlen(process) + 1);
    return spec;
}

static void poison_bites_when_the_process_ends_by_it(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = poison("echo");
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    check_count(faults, 1, 1);
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "poison echo in 2");
    CHECK_EQ_INT(small_find(small, 2, WEFT_TRACE_FAULT_BIT, 0)->at, WEFT_S(1));
    CHECK_EQ_INT(small_find(small, NONE, WEFT_TRACE_FAULT_OFF, 0)->at, WEFT_MS(1100));
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_UP);
    end_world(small, faults);
}

static void a_process_can_be_killed_by_a_signal(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = poison("echo");
    spec.by_signal = true;
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    check_count(faults, 1, 1);
    const struct small_event *exit = small_find(small, 2, WEFT_TRACE_PROC_EXIT, 0);
    REQUIRE(exit != NULL);
    CHECK_EQ_UINT(exit->number[1], WEFT_REASON_KILLED);
    CHECK_EQ_UINT(exit->number[3], 0);
    end_world(small, faults);
}

/* The only process of an application here is "echo", beside its master and its supervisor. */
static void a_process_of_an_application_is_drawn(void) {
    static const struct {
        enum sim_process_by by;
        const char *name;
        uint64_t bit;
    } rows[] = {{SIM_PROCESS_ANY, "any", 1},
                {SIM_PROCESS_BEHAVES, "echo", 1},
                {SIM_PROCESS_BEHAVES, "app_master", 0},
                {SIM_PROCESS_BEHAVES, "supervisor", 0},
                {SIM_PROCESS_BEHAVES, "control", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct small *small = open_world(true);
        struct sim_fault_spec spec = poison(rows[i].name);
        spec.process_by = rows[i].by;
        struct sim_faults *faults = plan(small, &spec);
        small_run(small, WEFT_S(2));
        check_count(faults, 1, rows[i].bit);
        CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_UP);
        end_world(small, faults);
    }
}

static void poison_for_nobody_is_dead(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = poison("nobody");
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    check_count(faults, 1, 0);
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(1));
    end_world(small, faults);
}

static void every_kind_of_poison_ends_the_process_by_a_real_fault(void) {
    static const enum weft_fault_kind kinds[] = {WEFT_FAULT_ASSERT, WEFT_FAULT_SEGV, WEFT_FAULT_FPE,
                                                 WEFT_FAULT_STACK};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct small *small = open_world(true);
        struct sim_fault_spec spec = poison("echo");
        spec.fault = kinds[i];
        struct sim_faults *faults = plan(small, &spec);
        small_run(small, WEFT_S(2));
        check_count(faults, 1, 1);
        const struct small_event *exit = small_find(small, 2, WEFT_TRACE_PROC_EXIT, 0);
        if (CHECK(exit != NULL)) {
            CHECK_EQ_UINT(exit->number[2], kinds[i]);
            CHECK(strncmp(exit->text, "planted", 7) == 0);
        }
        CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_UP);
        end_world(small, faults);
    }
}

static void a_hang_ends_the_process_when_the_watchdog_would(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = poison("echo");
    spec.kind = SIM_FAULT_HANG;
    spec.lasts = WEFT_MS(700);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(3));
    check_count(faults, 1, 1);
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "hang echo in 2");
    CHECK_EQ_INT(small_find(small, 2, WEFT_TRACE_FAULT_BIT, 0)->at, WEFT_MS(1700));
    const struct small_event *exit = small_find(small, 2, WEFT_TRACE_PROC_EXIT, 0);
    if (CHECK(exit != NULL)) CHECK_EQ_TEXT(exit->text, "planted: handler ran for 0.7 s");
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_UP);
    end_world(small, faults);
}

/* --- the timeline --- */

static void occurrences_come_until_and_not_after(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = halves(WEFT_S(1), WEFT_MS(100));
    spec.every = WEFT_S(1);
    spec.until = WEFT_S(3);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(10));
    check_count(faults, 3, 3);
    for (int i = 0; i < 3; i++) {
        check_at(small, WEFT_TRACE_FAULT_ON, (size_t)i, WEFT_S(1 + i));
        check_at(small, WEFT_TRACE_FAULT_OFF, (size_t)i, WEFT_S(1 + i) + WEFT_MS(100));
    }
    end_world(small, faults);
}

static void jitter_makes_each_later_by_its_own_draw(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = halves(WEFT_S(1), WEFT_MS(1));
    spec.every = WEFT_S(1);
    spec.until = WEFT_S(20);
    spec.jitter = WEFT_MS(500);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(30));
    check_count(faults, 20, 0);
    uint32_t moved = 0;
    for (int i = 0; i < 20; i++) {
        weft_time at = small_find(small, NONE, WEFT_TRACE_FAULT_ON, (size_t)i)->at;
        CHECK(at >= WEFT_S(1 + i) && at <= WEFT_S(1 + i) + WEFT_MS(500));
        if (at > WEFT_S(1 + i)) moved++;
    }
    CHECK(moved >= 19);
    end_world(small, faults);
}

static void healing_lifts_layers_resumes_and_stops_the_timeline(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec specs[] = {halves(WEFT_S(1), 0), spec_of(SIM_FAULT_PAUSE, WEFT_S(1), 0),
                                     spec_of(SIM_FAULT_CRASH, WEFT_S(5), 0)};
    specs[1].nodes = nodes_of(2, 2);
    struct sim_faults *faults = sim_faults_new(small->world, specs, 3, groups);
    small_run(small, WEFT_S(3));
    CHECK_EQ_UINT(small_count(small, NONE, WEFT_TRACE_FAULT_OFF), 0);
    sim_faults_heal(faults);
    CHECK_EQ_UINT(small_count(small, NONE, WEFT_TRACE_FAULT_OFF), 2);
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_UP);
    small_run(small, WEFT_S(8));
    CHECK_EQ_UINT(sim_faults_count(faults, 0).bit, 1);
    CHECK_EQ_UINT(sim_faults_count(faults, 1).bit, 1);
    CHECK_EQ_UINT(sim_faults_count(faults, 2).injected, 0);
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        CHECK_EQ_UINT(pongs(small, i, WEFT_S(4), WEFT_S(5)), 10);
    }
    end_world(small, faults);
}

static void overlapping_occurrences_end_each_on_its_own(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = halves(WEFT_S(1), WEFT_MS(1500));
    spec.every = WEFT_S(1);
    spec.until = WEFT_S(3);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(10));
    check_count(faults, 3, 3);
    for (int i = 0; i < 3; i++) {
        check_at(small, WEFT_TRACE_FAULT_OFF, (size_t)i, WEFT_MS(2500 + 1000 * i));
    }
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        CHECK_EQ_UINT(pongs(small, i, WEFT_S(5), WEFT_S(6)), 10);
    }
    end_world(small, faults);
}

static struct sim_hash hash_with(const struct sim_fault_spec *spec) {
    struct small *small = open_world(false);
    struct sim_faults *faults = plan(small, spec);
    small_run(small, WEFT_S(10));
    struct sim_hash hash = sim_engine_hash(sim_world_engine(small->world));
    end_world(small, faults);
    return hash;
}

static void the_same_faults_give_the_same_hash(void) {
    struct sim_fault_spec spec = churn(WEFT_S(5), SIM_CHURN_CRASH);
    struct sim_hash hash = hash_with(&spec);
    CHECK(sim_hash_equal(hash_with(&spec), hash));
    spec.session.b = WEFT_S(4);
    CHECK(!sim_hash_equal(hash_with(&spec), hash));
}

static void every_kind_has_the_name_of_the_scenario(void) {
    CHECK_EQ_TEXT(sim_fault_name(SIM_FAULT_PARTITION), "partition");
    CHECK_EQ_TEXT(sim_fault_name(SIM_FAULT_POISON), "poison");
}

/* --- addresses and streams --- */

static void a_move_is_over_when_it_bites(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_MOVE, WEFT_S(1), 0);
    spec.nodes = nodes_of(2, 2);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 1);
    check_at(small, WEFT_TRACE_FAULT_ON, 0, WEFT_S(1));
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_MS(1100));
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text, "move 2");
    end_world(small, faults);
}

static void a_move_nobody_notices_is_dead_after_a_minute(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_MOVE, WEFT_S(1), 0);
    spec.nodes = nodes_of(2, 2);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(100));
    check_count(faults, 1, 0);
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(61));
    end_world(small, faults);
}

static void a_rebind_of_nodes_in_the_open_is_dead(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_REBIND, WEFT_S(1), 0);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(5));
    check_count(faults, 1, 0);
    sim_faults_heal(faults);
    check_count(faults, 1, 0);
    end_world(small, faults);
}

static void breaking_streams_where_there_are_none_is_dead(void) {
    static const enum sim_fault_kind kinds[] = {SIM_FAULT_RESET, SIM_FAULT_HALF_OPEN};
    for (size_t i = 0; i < 2; i++) {
        struct small *small = open_world(false);
        struct sim_fault_spec spec = spec_of(kinds[i], WEFT_S(1), 0);
        struct sim_faults *faults = plan(small, &spec);
        small_run(small, WEFT_S(5));
        check_count(faults, 1, 0);
        check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(1));
        end_world(small, faults);
    }
}

/* --- a core --- */

static const bool the_core[SMALL_NODES] = {true, true, true, true};

static void of_a_core_links_and_nodes_are_well_and_the_rest_stays(void) {
    struct small *small = open_world(false);
    struct sim_fault_spec specs[] = {spec_of(SIM_FAULT_ISOLATE, WEFT_S(1), WEFT_S(4)),
                                     spec_of(SIM_FAULT_PAUSE, WEFT_S(1), WEFT_S(4)),
                                     spec_of(SIM_FAULT_CRASH, WEFT_S(1), WEFT_S(4)),
                                     spec_of(SIM_FAULT_KILL, WEFT_S(4), WEFT_S(1))};
    specs[0].nodes = nodes_of(0, 2);
    specs[1].nodes = nodes_of(2, 5);
    specs[2].nodes =
        (struct sim_set){.kind = SIM_SET_RANGES, .ranges = {{1, 1}, {6, 6}}, .ranges_count = 2};
    struct sim_faults *faults = sim_faults_new(small->world, specs, 4, groups);
    small_run(small, WEFT_S(2));
    sim_faults_heal_core(faults, the_core);
    small_run(small, WEFT_S(20));
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ_INT(sim_world_state(small->world, i), SIM_NODE_UP);
    CHECK_EQ_INT(sim_world_state(small->world, 4), SIM_NODE_PAUSED);
    CHECK_EQ_INT(sim_world_state(small->world, 6), SIM_NODE_DOWN);
    CHECK(pongs(small, 0, WEFT_S(3), WEFT_S(20)) > 0); /* node 1 answers, both isolated */
    CHECK_EQ_UINT(sim_faults_count(faults, 3).injected, 0);
    CHECK(sim_net_cut(sim_world_net(small->world), 0, 7));
    CHECK(!sim_net_cut(sim_world_net(small->world), 0, 3));
    sim_faults_heal(faults);
    CHECK_EQ_INT(sim_world_state(small->world, 4), SIM_NODE_UP);
    CHECK_EQ_UINT(small_count(small, NONE, WEFT_TRACE_FAULT_ON), 3);
    CHECK_EQ_UINT(small_count(small, NONE, WEFT_TRACE_FAULT_OFF), 3);
    end_world(small, faults);
}

static void a_node_of_the_core_that_stops_comes_up_when_it_has(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_STOP, WEFT_S(1), WEFT_S(60));
    spec.nodes = nodes_of(3, 4);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(1));
    sim_faults_heal_core(faults, the_core);
    small_run(small, WEFT_S(90));
    CHECK_EQ_INT(sim_world_state(small->world, 3), SIM_NODE_UP);
    CHECK_EQ_INT(sim_world_state(small->world, 4), SIM_NODE_DOWN);
    end_world(small, faults);
}

static void a_fault_of_the_core_alone_is_over(void) {
    struct small *small = open_world(true);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_SLOW, WEFT_S(1), WEFT_S(60));
    spec.nodes = nodes_of(1, 2);
    spec.cost = WEFT_MS(1);
    struct sim_faults *faults = plan(small, &spec);
    small_run(small, WEFT_S(2));
    sim_faults_heal_core(faults, the_core);
    check_at(small, WEFT_TRACE_FAULT_OFF, 0, WEFT_S(2));
    end_world(small, faults);
}

TEST_MAIN("sim/faults", TEST(a_partition_by_shares_cuts_exact_halves_and_bites),
          TEST(a_partition_nobody_talks_through_is_dead),
          TEST(a_partition_of_groups_leaves_the_others_alone),
          TEST(a_one_way_partition_loses_one_direction), TEST(an_isolated_node_reaches_nobody),
          TEST(a_degraded_link_is_slower_for_a_time),
          TEST(a_degradation_that_changes_nothing_is_dead),
          TEST(on_a_ring_few_reach_their_successor), TEST(a_bridge_reaches_both_halves),
          TEST(a_partial_partition_leaves_the_rest_alone), TEST(a_cut_that_flaps_goes_on_and_off),
          TEST(a_schedule_changes_what_a_degradation_does), TEST(a_direction_is_degraded_by_itself),
          TEST(a_clog_holds_back_and_releases_all_at_once),
          TEST(two_faults_at_once_leave_one_another_alone),
          TEST(a_crash_without_end_is_over_at_once), TEST(a_crash_of_nodes_that_are_down_is_dead),
          TEST(a_crash_with_an_end_boots_its_nodes_again),
          TEST(a_rolling_kill_takes_one_after_the_other), TEST(a_stop_is_in_order_and_comes_back),
          TEST(a_restart_boots_who_is_down), TEST(a_pause_stops_a_node_for_its_time),
          TEST(a_pause_of_a_node_that_is_down_is_dead), TEST(a_pause_that_puts_nothing_off_is_dead),
          TEST(a_pause_bites_when_it_is_over),
          TEST(a_pause_that_somebody_else_ends_has_bitten_when_something_waited),
          TEST(churn_counts_each_leave_and_ends_with_everybody_back), TEST(downtimes_are_as_drawn),
          TEST(churn_by_stopping_leaves_in_order),
          TEST(churn_of_nodes_that_never_come_up_injects_nothing),
          TEST(poison_bites_when_the_process_ends_by_it), TEST(a_process_can_be_killed_by_a_signal),
          TEST(a_process_of_an_application_is_drawn),
          TEST(every_kind_of_poison_ends_the_process_by_a_real_fault),
          TEST(a_hang_ends_the_process_when_the_watchdog_would), TEST(poison_for_nobody_is_dead),
          TEST(occurrences_come_until_and_not_after), TEST(jitter_makes_each_later_by_its_own_draw),
          TEST(healing_lifts_layers_resumes_and_stops_the_timeline),
          TEST(overlapping_occurrences_end_each_on_its_own),
          TEST(the_same_faults_give_the_same_hash), TEST(every_kind_has_the_name_of_the_scenario),
          TEST(a_move_is_over_when_it_bites), TEST(a_move_nobody_notices_is_dead_after_a_minute),
          TEST(a_rebind_of_nodes_in_the_open_is_dead),
          TEST(breaking_streams_where_there_are_none_is_dead),
          TEST(of_a_core_links_and_nodes_are_well_and_the_rest_stays),
          TEST(a_node_of_the_core_that_stops_comes_up_when_it_has),
          TEST(a_fault_of_the_core_alone_is_over))
