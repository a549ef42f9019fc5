#include "analysis/table.h"
#include "tests/harness/harness.h"

#define MANY 1000u

static struct ana__key key(uint64_t a, uint64_t b) { return (struct ana__key){a, b}; }

static void what_was_added_is_found_by_both_numbers(void) {
    struct ana__table *table = ana__table_new(sizeof(uint64_t));
    REQUIRE(table != NULL);
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t *entry = ana__table_add(table, key(i, i * 7));
        REQUIRE(entry != NULL);
        CHECK_EQ_UINT(*entry, 0);
        *entry = i;
    }
    CHECK_EQ_UINT(ana__table_count(table), MANY);
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t *entry = ana__table_find(table, key(i, i * 7));
        REQUIRE(entry != NULL);
        CHECK_EQ_UINT(*entry, i);
        CHECK_EQ_UINT(ana__table_key(entry).b, i * 7);
        CHECK(ana__table_get(table, key(i, i * 7)) == entry);
        CHECK(ana__table_find(table, key(i, i * 7 + 1)) == NULL);
    }
    ana__table_free(table);
}

static void entries_come_in_the_order_of_adding(void) {
    struct ana__table *table = ana__table_new(sizeof(uint64_t));
    REQUIRE(table != NULL);
    for (uint64_t i = 0; i < MANY; i++) {
        *(uint64_t *)ana__table_add(table, key((i * 7919) % MANY, 0)) = i;
    }
    for (uint64_t i = 0; i < MANY; i += 2) { /* every other one goes */
        ana__table_remove(table, ana__table_find(table, key((i * 7919) % MANY, 0)));
    }
    uint64_t *entry = NULL, expected = 1;
    while ((entry = ana__table_next(table, entry)) != NULL) {
        CHECK_EQ_UINT(*entry, expected);
        expected += 2;
    }
    CHECK_EQ_UINT(expected, MANY + 1);
    CHECK_EQ_UINT(ana__table_count(table), MANY / 2);
    ana__table_free(table);
}

static void an_empty_table_has_nothing(void) {
    struct ana__table *table = ana__table_new(1);
    REQUIRE(table != NULL);
    CHECK(ana__table_next(table, NULL) == NULL);
    CHECK(ana__table_find(table, key(0, 0)) == NULL);
    CHECK_EQ_UINT(ana__table_count(table), 0);
    ana__table_free(table);
    ana__table_free(NULL);
}

TEST_MAIN("analysis/table", TEST(what_was_added_is_found_by_both_numbers),
          TEST(entries_come_in_the_order_of_adding), TEST(an_empty_table_has_nothing))
