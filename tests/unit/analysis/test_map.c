#include "analysis/map.h"
#include "tests/harness/harness.h"

#include <string.h>

/* Beside an array that says what must be in it. */
enum { KEYS = 3000 };

static bool is_odd(void *ctx, const struct ana__map_entry *entry) {
    (*(unsigned *)ctx)++;
    return entry->value % 2 == 1;
}

static void check_all(const struct ana__map *map, const uint64_t *expected, uint64_t spread) {
    size_t count = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        const uint64_t *value = ana__map_get(map, key * spread);
        CHECK((value != NULL) == (expected[key] != 0));
        if (value != NULL) CHECK_EQ_UINT(*value, expected[key]);
        count += expected[key] != 0;
    }
    CHECK_EQ_UINT(map->count, count);
}

static void run(uint64_t spread) {
    static uint64_t expected[KEYS];
    struct ana__map map = {NULL, 0, 0, 0};
    uint64_t state = spread;
    memset(expected, 0, sizeof expected);
    for (uint64_t i = 1; i < 20000; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t key = (state >> 33) % KEYS, value = 0;
        if (state >> 63) {
            CHECK(ana__map_put(&map, key * spread, i));
            expected[key] = i;
        } else {
            CHECK(ana__map_take(&map, key * spread, &value) == (expected[key] != 0));
            CHECK_EQ_UINT(value, expected[key]);
            expected[key] = 0;
        }
    }
    check_all(&map, expected, spread);
    unsigned looked = 0;
    ana__map_sweep(&map, is_odd, &looked);
    for (unsigned i = 0; i < KEYS; i++) expected[i] = expected[i] % 2 == 1 ? 0 : expected[i];
    CHECK(looked >= map.count);
    check_all(&map, expected, spread);
    ana__map_free(&map);
}

static void it_holds_what_was_put_and_not_taken(void) { run(1); }
static void keys_far_apart_are_no_worse(void) { run(UINT64_C(1) << 32); }
static void keys_that_collide_are_found(void) { run(UINT64_C(1) << 48); }

static void an_empty_one_has_nothing(void) {
    struct ana__map map = {NULL, 0, 0, 0};
    CHECK(ana__map_get(&map, 1) == NULL);
    CHECK(!ana__map_take(&map, 1, NULL));
    ana__map_free(&map);
}

TEST_MAIN("analysis/map", TEST(an_empty_one_has_nothing), TEST(it_holds_what_was_put_and_not_taken),
          TEST(keys_far_apart_are_no_worse), TEST(keys_that_collide_are_found))
