#include "tests/unit/otp/fake_env.h"

#include "core/base/limits.h"
#include "core/otp/internal.h"

/* Records of each class: straight through the room's own functions. */
static void *records[4096];

static void open_pooled(void) {
    world_pooled = true;
    world_open();
    world_pooled = false;
}

static bool keeps(void) { return world.sched->pool.classes > 0; } /* not with a sanitizer */

static void a_freed_record_is_given_out_again(void) {
    open_pooled();
    void *one = weft_otp__alloc(world.sched, 100);
    weft_otp__free(world.sched, one, 100);
    uint64_t allocs = world.allocs;
    void *two = weft_otp__alloc(world.sched, 97); /* 97 to 112 are one class */
    if (keeps()) {
        CHECK(one == two);
        CHECK_EQ_UINT(world.allocs, allocs);
    }
    weft_otp__free(world.sched, two, 97);
    world_close();
}

static void records_are_aligned_and_apart(void) {
    open_pooled();
    for (size_t i = 0; i < 4096; i++) {
        size_t size = i % 600 + 1;
        records[i] = weft_otp__alloc(world.sched, size);
        REQUIRE(records[i] != NULL);
        CHECK_EQ_UINT((uintptr_t)records[i] % 16, 0);
        memset(records[i], (int)(i & 0xff), size);
    }
    for (size_t i = 0; i < 4096; i++) {
        size_t size = i % 600 + 1;
        const unsigned char *bytes = records[i];
        for (size_t at = 0; at < size; at++) CHECK_EQ_UINT(bytes[at], i & 0xff);
        weft_otp__free(world.sched, records[i], size);
    }
    world_close();
}

static void slabs_grow_with_what_there_is(void) {
    open_pooled();
    if (!keeps()) {
        world_close();
        return;
    }
    size_t before = world.heap.bytes;
    records[0] = weft_otp__alloc(world.sched, 400);
    CHECK_EQ_UINT(world.heap.bytes - before, 400 + 16);
    for (size_t i = 1; i < 4096; i++) records[i] = weft_otp__alloc(world.sched, 400);
    size_t used = world.heap.bytes - before;
    CHECK(used >= (size_t)4096 * 400);
    CHECK(used < (size_t)4096 * 400 * 13 / 10);
    uint64_t allocs = world.allocs;
    for (size_t i = 0; i < 4096; i++) weft_otp__free(world.sched, records[i], 400);
    for (size_t i = 0; i < 4096; i++) records[i] = weft_otp__alloc(world.sched, 400);
    CHECK_EQ_UINT(world.allocs, allocs);
    for (size_t i = 0; i < 4096; i++) weft_otp__free(world.sched, records[i], 400);
    world_close();
}

static void without_memory_there_is_no_record_and_what_there_is_stays(void) {
    open_pooled();
    void *one = weft_otp__alloc(world.sched, 300);
    memset(one, 7, 300);
    world.alloc_fail = world.allocs + 1;
    CHECK(weft_otp__alloc(world.sched, 300) == NULL);
    world.alloc_fail = world.allocs + 1;
    CHECK(weft_otp__resize(world.sched, one, 300, 3000) == NULL);
    unsigned char *moved = weft_otp__resize(world.sched, one, 300, 3000);
    REQUIRE(moved != NULL);
    for (int i = 0; i < 300; i++) CHECK_EQ_UINT(moved[i], 7);
    moved = weft_otp__resize(world.sched, moved, 3000, 6000);
    moved = weft_otp__resize(world.sched, moved, 6000, 10);
    unsigned char *before = moved;
    moved = weft_otp__resize(world.sched, moved, 10, 16);
    CHECK(moved == before || !keeps());
    for (int i = 0; i < 10; i++) CHECK_EQ_UINT(moved[i], 7);
    weft_otp__free(world.sched, moved, 16);
    weft_otp__free(world.sched, NULL, 16);
    world_close();
}

TEST_MAIN("otp/pool", TEST(a_freed_record_is_given_out_again), TEST(records_are_aligned_and_apart),
          TEST(slabs_grow_with_what_there_is),
          TEST(without_memory_there_is_no_record_and_what_there_is_stays))
