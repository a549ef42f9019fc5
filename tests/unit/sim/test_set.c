/* Who is in a set, and who is drawn. */
#include "sim/world/set.h"

#include "tests/unit/sim/small.h"

#include <stdlib.h>

#define ALL_STATES 0xfu
#define UP (1u << SIM_NODE_UP)
#define DOWN (1u << SIM_NODE_DOWN)

static const struct sim_group groups[] = {{"a", 0, 3}, {"rest", 3, SMALL_NODES - 3}};

static uint32_t draw(struct small *small, struct sim_set set, uint32_t mask, uint32_t *out) {
    struct sim_set_key key = {.state_mask = mask, .entity = 1, .counter = 0};
    return sim_set_draw(&set, small->world, groups, key, out);
}

static void all_is_everybody_ascending(void) {
    struct small *small = small_open(1);
    uint32_t out[SMALL_NODES];
    CHECK_EQ_UINT(draw(small, (struct sim_set){.kind = SIM_SET_ALL}, ALL_STATES, out), SMALL_NODES);
    for (uint32_t i = 0; i < SMALL_NODES; i++) CHECK_EQ_UINT(out[i], i);
    small_close(small);
}

static void a_group_is_its_nodes(void) {
    struct small *small = small_open(1);
    uint32_t out[SMALL_NODES];
    struct sim_set set = {.kind = SIM_SET_GROUP, .group = 1};
    CHECK_EQ_UINT(draw(small, set, ALL_STATES, out), SMALL_NODES - 3);
    CHECK_EQ_UINT(out[0], 3);
    CHECK_EQ_UINT(out[SMALL_NODES - 4], SMALL_NODES - 1);
    small_close(small);
}

static void ranges_are_their_members(void) {
    struct small *small = small_open(1);
    uint32_t out[SMALL_NODES];
    struct sim_set set = {.kind = SIM_SET_RANGES, .ranges = {{1, 2}, {5, 5}}, .ranges_count = 2};
    REQUIRE(draw(small, set, ALL_STATES, out) == 3);
    CHECK_EQ_UINT(out[0], 1);
    CHECK_EQ_UINT(out[1], 2);
    CHECK_EQ_UINT(out[2], 5);
    CHECK_EQ_UINT(sim_set_size(&set, small->world, groups), 3);
    CHECK_EQ_UINT(sim_set_member(&set, groups, 2), 5);
    small_close(small);
}

static void who_is_in_another_state_is_no_candidate(void) {
    struct small *small = small_open(1);
    uint32_t out[SMALL_NODES];
    struct sim_set set = {.kind = SIM_SET_ALL};
    sim_world_boot(small->world, 4);
    sim_world_boot(small->world, 6);
    REQUIRE(draw(small, set, UP, out) == 2);
    CHECK_EQ_UINT(out[0], 4);
    CHECK_EQ_UINT(out[1], 6);
    CHECK_EQ_UINT(draw(small, set, DOWN, out), SMALL_NODES - 2);
    CHECK_EQ_UINT(draw(small, set, 1u << SIM_NODE_PAUSED, out), 0);
    small_close(small);
}

static void count_and_share_say_how_many(void) {
    struct small *small = small_open(1);
    uint32_t out[SMALL_NODES];
    struct sim_set set = {.kind = SIM_SET_ALL, .count = 3};
    CHECK_EQ_UINT(draw(small, set, ALL_STATES, out), 3);
    set.count = 100;
    CHECK_EQ_UINT(draw(small, set, ALL_STATES, out), SMALL_NODES);
    set = (struct sim_set){.kind = SIM_SET_ALL, .ppm = 500000};
    CHECK_EQ_UINT(draw(small, set, ALL_STATES, out), SMALL_NODES / 2);
    set.ppm = 490000; /* rounded down */
    CHECK_EQ_UINT(draw(small, set, ALL_STATES, out), 3);
    set.ppm = 1; /* at least 1 */
    CHECK_EQ_UINT(draw(small, set, ALL_STATES, out), 1);
    small_close(small);
}

static void a_draw_is_ascending_and_of_members_only(void) {
    struct small *small = small_open(1);
    uint32_t out[SMALL_NODES];
    struct sim_set set = {.kind = SIM_SET_GROUP, .group = 1, .count = 3};
    for (uint64_t i = 0; i < 200; i++) {
        struct sim_set_key key = {.state_mask = ALL_STATES, .entity = 9, .counter = i};
        REQUIRE(sim_set_draw(&set, small->world, groups, key, out) == 3);
        REQUIRE(out[0] >= 3 && out[0] < out[1] && out[1] < out[2] && out[2] < SMALL_NODES);
    }
    small_close(small);
}

static void everybody_is_drawn_about_equally_often(void) {
    struct small *small = small_open(1);
    uint32_t out[SMALL_NODES], times[SMALL_NODES] = {0};
    struct sim_set set = {.kind = SIM_SET_ALL, .count = 2};
    for (uint64_t i = 0; i < 4000; i++) {
        struct sim_set_key key = {.state_mask = ALL_STATES, .entity = 1, .counter = i};
        sim_set_draw(&set, small->world, groups, key, out);
        times[out[0]]++;
        times[out[1]]++;
    }
    for (uint32_t i = 0; i < SMALL_NODES; i++) CHECK(times[i] > 900 && times[i] < 1100);
    small_close(small);
}

static void the_same_key_draws_the_same_and_another_does_not(void) {
    struct small *small = small_open(1);
    uint32_t first[SMALL_NODES], again[SMALL_NODES];
    uint32_t differs = 0;
    struct sim_set set = {.kind = SIM_SET_ALL, .count = 4};
    for (uint64_t i = 0; i < 50; i++) {
        struct sim_set_key key = {.state_mask = ALL_STATES, .entity = 1, .counter = i};
        sim_set_draw(&set, small->world, groups, key, first);
        sim_set_draw(&set, small->world, groups, key, again);
        CHECK_EQ_BYTES(first, again, 4 * sizeof first[0]);
        key.entity = 2;
        sim_set_draw(&set, small->world, groups, key, again);
        if (memcmp(first, again, 4 * sizeof first[0]) != 0) differs++;
    }
    CHECK(differs > 40);
    small_close(small);
}

static void one_candidate_less_changes_at_most_one_choice(void) {
    struct small *small = small_open(1);
    uint32_t with[SMALL_NODES], without[SMALL_NODES];
    struct sim_set set = {.kind = SIM_SET_ALL, .count = 4};
    for (uint64_t i = 0; i < 50; i++) {
        struct sim_set_key key = {.state_mask = DOWN, .entity = 1, .counter = i};
        sim_set_draw(&set, small->world, groups, key, with);
        sim_world_boot(small->world, 2);
        sim_set_draw(&set, small->world, groups, key, without);
        sim_world_crash(small->world, 2);
        uint32_t common = 0;
        for (int a = 0; a < 4; a++) {
            for (int b = 0; b < 4; b++) common += with[a] == without[b];
        }
        CHECK(common >= 3);
    }
    small_close(small);
}

TEST_MAIN("sim/set", TEST(all_is_everybody_ascending), TEST(a_group_is_its_nodes),
          TEST(ranges_are_their_members), TEST(who_is_in_another_state_is_no_candidate),
          TEST(count_and_share_say_how_many), TEST(a_draw_is_ascending_and_of_members_only),
          TEST(everybody_is_drawn_about_equally_often),
          TEST(the_same_key_draws_the_same_and_another_does_not),
          TEST(one_candidate_less_changes_at_most_one_choice))
