/* The counting allocator. */
#include "core/base/mem.h"
#include "tests/harness/harness.h"

static void every_byte_and_block_is_counted(void) {
    struct weft_mem_heap heap;
    weft_mem_heap_init(&heap, 0);
    void *a = weft_mem_alloc(&heap.base, 100), *b = weft_mem_alloc(&heap.base, 28);
    REQUIRE(a != NULL && b != NULL);
    CHECK_EQ_UINT(heap.bytes, 128);
    CHECK_EQ_UINT(heap.blocks, 2);
    weft_mem_free(&heap.base, a, 100);
    CHECK_EQ_UINT(heap.bytes, 28);
    CHECK_EQ_UINT(heap.blocks, 1);
    weft_mem_free(&heap.base, b, 28);
    CHECK_EQ_UINT(heap.bytes, 0);
    CHECK_EQ_UINT(heap.blocks, 0);
}

static void resize_keeps_what_fits_and_counts_the_difference(void) {
    struct weft_mem_heap heap;
    weft_mem_heap_init(&heap, 0);
    unsigned char *block = weft_mem_resize(&heap.base, NULL, 0, 4);
    REQUIRE(block != NULL);
    memcpy(block, "weft", 4);
    block = weft_mem_resize(&heap.base, block, 4, 4000);
    REQUIRE(block != NULL);
    CHECK_EQ_BYTES(block, "weft", 4);
    CHECK_EQ_UINT(heap.bytes, 4000);
    block = weft_mem_resize(&heap.base, block, 4000, 2);
    REQUIRE(block != NULL);
    CHECK_EQ_BYTES(block, "we", 2);
    CHECK_EQ_UINT(heap.bytes, 2);
    CHECK_EQ_UINT(heap.blocks, 1);
    weft_mem_free(&heap.base, block, 2);
    CHECK_EQ_UINT(heap.blocks, 0);
}

static void the_limit_is_reached_and_not_passed(void) {
    struct weft_mem_heap heap;
    weft_mem_heap_init(&heap, 64);
    CHECK(weft_mem_alloc(&heap.base, 65) == NULL);
    unsigned char *block = weft_mem_alloc(&heap.base, 64);
    REQUIRE(block != NULL);
    block[63] = 7;
    CHECK(weft_mem_alloc(&heap.base, 1) == NULL);
    CHECK(weft_mem_resize(&heap.base, block, 64, 65) == NULL);
    CHECK_EQ_UINT(block[63], 7); /* still stands */
    CHECK_EQ_UINT(heap.bytes, 64);
    CHECK_EQ_UINT(heap.blocks, 1);
    weft_mem_free(&heap.base, block, 64);
    CHECK_EQ_UINT(heap.bytes, 0);
}

static void accounts_are_separate(void) {
    struct weft_mem_heap one, two;
    weft_mem_heap_init(&one, 10);
    weft_mem_heap_init(&two, 10);
    void *block = weft_mem_alloc(&one.base, 10), *other = weft_mem_alloc(&two.base, 10);
    CHECK(block != NULL);
    CHECK(other != NULL);
    weft_mem_free(&one.base, block, 10);
    CHECK_EQ_UINT(one.bytes, 0);
    CHECK_EQ_UINT(two.bytes, 10);
    weft_mem_free(&two.base, other, 10);
}

static void zalloc_clears_and_fails_as_alloc_does(void) {
    struct weft_mem_heap heap;
    static const unsigned char zeros[48];
    weft_mem_heap_init(&heap, 48);
    unsigned char *block = weft_mem_zalloc(&heap.base, 48);
    REQUIRE(block != NULL);
    CHECK_EQ_BYTES(block, zeros, 48);
    CHECK(weft_mem_zalloc(&heap.base, 1) == NULL);
    weft_mem_free(&heap.base, block, 48);
}

static void freeing_nothing_is_ignored(void) {
    struct weft_mem_heap heap;
    weft_mem_heap_init(&heap, 0);
    weft_mem_free(&heap.base, NULL, 10);
    CHECK_EQ_UINT(heap.bytes, 0);
    CHECK_EQ_UINT(heap.blocks, 0);
}

static void a_limit_set_below_what_is_in_use_refuses_more_and_lets_go(void) {
    struct weft_mem_heap heap;
    weft_mem_heap_init(&heap, 0);
    void *block = weft_mem_alloc(&heap.base, 100);
    REQUIRE(block != NULL);
    heap.bytes_max = 40;
    CHECK(weft_mem_alloc(&heap.base, 1) == NULL);
    CHECK(weft_mem_resize(&heap.base, block, 100, 101) == NULL);
    CHECK_EQ_UINT(heap.refused, 2);
    block = weft_mem_resize(&heap.base, block, 100, 60);
    REQUIRE(block != NULL);
    block = weft_mem_resize(&heap.base, block, 60, 30);
    REQUIRE(block != NULL);
    void *more = weft_mem_alloc(&heap.base, 10);
    CHECK(more != NULL);
    CHECK_EQ_UINT(heap.refused, 2);
    weft_mem_free(&heap.base, more, 10);
    weft_mem_free(&heap.base, block, 30);
}

TEST_MAIN("base/mem", TEST(every_byte_and_block_is_counted),
          TEST(resize_keeps_what_fits_and_counts_the_difference),
          TEST(the_limit_is_reached_and_not_passed), TEST(accounts_are_separate),
          TEST(zalloc_clears_and_fails_as_alloc_does), TEST(freeing_nothing_is_ignored),
          TEST(a_limit_set_below_what_is_in_use_refuses_more_and_lets_go))
