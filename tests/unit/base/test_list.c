/* The intrusive list. */
#include "core/base/list.h"
#include "tests/harness/harness.h"

struct item {
    int value;
    struct weft_link link;
};

/* The values in order, as decimal digits; checks the back links on the way. */
static int digits(const struct weft_link *list) {
    int sum = 0;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        CHECK(at->prev->next == at);
        CHECK(at->next->prev == at);
        sum = sum * 10 + WEFT_CONTAINER(at, struct item, link)->value;
    }
    return sum;
}

static void links_keep_the_order_they_were_given(void) {
    struct weft_link list;
    struct item items[4] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    weft_list_init(&list);
    weft_list_push_back(&list, &items[0].link);
    weft_list_push_back(&list, &items[1].link);
    weft_list_push_front(&list, &items[2].link);
    weft_list_insert_before(&items[1].link, &items[3].link);
    CHECK_EQ_INT(digits(&list), 3142);
}

static void removing_is_harmless_twice(void) {
    struct weft_link list;
    struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    weft_list_init(&list);
    for (int i = 0; i < 3; i++) weft_list_push_back(&list, &items[i].link);
    weft_list_remove(&items[1].link);
    weft_list_remove(&items[1].link);
    CHECK_EQ_INT(digits(&list), 13);
    weft_list_push_back(&list, &items[1].link);
    CHECK_EQ_INT(digits(&list), 132);
}

static void an_initialised_link_is_in_no_list(void) {
    struct weft_link link;
    weft_list_init(&link);
    weft_list_remove(&link);
    CHECK(weft_list_empty(&link));
}

static void pop_takes_from_the_front_until_nothing_is_left(void) {
    struct weft_link list;
    struct item items[2] = {{.value = 1}, {.value = 2}};
    weft_list_init(&list);
    CHECK(weft_list_empty(&list));
    CHECK(weft_list_pop_front(&list) == NULL);
    weft_list_push_back(&list, &items[0].link);
    weft_list_push_back(&list, &items[1].link);
    CHECK(!weft_list_empty(&list));
    CHECK(weft_list_pop_front(&list) == &items[0].link);
    CHECK(weft_list_pop_front(&list) == &items[1].link);
    CHECK(weft_list_pop_front(&list) == NULL);
    CHECK(weft_list_empty(&items[0].link));
}

TEST_MAIN("base/list", TEST(links_keep_the_order_they_were_given), TEST(removing_is_harmless_twice),
          TEST(an_initialised_link_is_in_no_list),
          TEST(pop_takes_from_the_front_until_nothing_is_left))
