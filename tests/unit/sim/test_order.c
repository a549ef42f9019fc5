#include "sim/world/order.h"
#include "tests/harness/harness.h"

#include <string.h>

#define WHOM 4

static struct sim_engine *engine;
static struct sim_order order;

static void open_order(const struct sim_order_spec *spec, uint64_t seed) {
    engine = sim_engine_new(seed, 4);
    CHECK(engine != NULL);
    order = (struct sim_order){.spec = spec, .engine = engine, .node = 3, .life = 1};
}

static void close_order(void) { sim_engine_free(engine, NULL); }

/* Who has each of `turns` turns, always the same waiting, as letters. */
static const char *play(const struct sim_order_spec *spec, uint64_t seed, uint32_t turns) {
    static char text[4096];
    uint64_t line[WHOM] = {'a', 'b', 'c', 'd'};
    CHECK(turns < sizeof text);
    open_order(spec, seed);
    for (uint32_t t = 0; t < turns; t++) {
        uint32_t passed = sim_order_pass(&order, line, WHOM);
        CHECK(passed < WHOM);
        for (passed++; passed > 0; passed--) { /* it, too: its turn ends at the end of the line */
            uint64_t first = line[0];
            memmove(line, line + 1, (WHOM - 1) * sizeof line[0]);
            line[WHOM - 1] = first;
            text[t] = (char)first;
        }
    }
    text[turns] = '\0';
    close_order();
    return text;
}

static uint32_t changes(const char *text) {
    uint32_t count = 0;
    for (; text[0] != '\0' && text[1] != '\0'; text++) count += text[0] != text[1];
    return count;
}

static void the_seed_decides(void) {
    const struct sim_order_spec specs[] = {
        {.kind = SIM_ORDER_RANDOM},
        {.kind = SIM_ORDER_PCT, .depth = 3, .steps = 50},
        {.kind = SIM_ORDER_DELAY, .bound = 4, .steps = 50},
    };
    for (size_t i = 0; i < 3; i++) {
        char first[128];
        strcpy(first, play(&specs[i], 7, 100));
        CHECK_EQ_TEXT(play(&specs[i], 7, 100), first);
        CHECK(strcmp(play(&specs[i], 8, 100), first) != 0);
    }
}

static void random_takes_everyone(void) {
    const struct sim_order_spec spec = {.kind = SIM_ORDER_RANDOM};
    const char *text = play(&spec, 1, 200);
    for (char c = 'a'; c <= 'd'; c++) CHECK(strchr(text, c) != NULL);
}

static void pct_goes_by_rank_and_falls_depth_less_one_times(void) {
    for (uint64_t seed = 1; seed <= 50; seed++) {
        const struct sim_order_spec one = {.kind = SIM_ORDER_PCT, .depth = 1, .steps = 100};
        const struct sim_order_spec four = {.kind = SIM_ORDER_PCT, .depth = 4, .steps = 100};
        CHECK_EQ_UINT(changes(play(&one, seed, 100)), 0);
        CHECK(changes(play(&four, seed, 100)) <= 3);
        CHECK(changes(play(&four, seed, 100)) >= 1);
    }
}

static void who_fell_last_is_the_lowest(void) {
    const struct sim_order_spec spec = {.kind = SIM_ORDER_PCT, .depth = 5, .steps = 1000};
    const char *text = play(&spec, 3, 1000);
    /* Four falls of four: all of them, in order, and then the first that fell again. */
    char shape[8] = {text[0]};
    for (size_t i = 1, used = 1; i < 1000 && used < 7; i++)
        if (text[i] != text[i - 1]) shape[used++] = text[i];
    CHECK_EQ_UINT(strlen(shape), 5);
    CHECK_EQ_INT(shape[4], shape[0]);
}

static void ranks_are_new_after_the_steps(void) {
    const struct sim_order_spec spec = {.kind = SIM_ORDER_PCT, .depth = 1, .steps = 10};
    CHECK(changes(play(&spec, 1, 200)) >= 8);
}

static void delays_are_bounded(void) {
    for (uint64_t seed = 1; seed <= 50; seed++) {
        const struct sim_order_spec spec = {.kind = SIM_ORDER_DELAY, .bound = 2, .steps = 100};
        const char *text = play(&spec, seed, 100);
        uint32_t delays = 0;
        for (size_t i = 1; i < 100; i++)
            delays += ((uint32_t)(text[i] - text[i - 1]) + WHOM) % WHOM != 1;
        CHECK(delays <= 2);
    }
}

TEST_MAIN("sim/order", TEST(the_seed_decides), TEST(random_takes_everyone),
          TEST(pct_goes_by_rank_and_falls_depth_less_one_times), TEST(who_fell_last_is_the_lowest),
          TEST(ranks_are_new_after_the_steps), TEST(delays_are_bounded))
