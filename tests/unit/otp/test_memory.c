#include "tests/unit/otp/fake_env.h"

static weft_pid a;
static unsigned char *ptr;

static void alloc_100(weft_self *self) {
    ptr = weft_alloc(self, 100);
    if (ptr == NULL) return;
    for (int i = 0; i < 100; i++) CHECK_EQ_INT(ptr[i], 0);
    CHECK_EQ_UINT((uintptr_t)ptr % 16, 0);
    memset(ptr, 0xff, 100);
}
static void free_ptr(weft_self *self) { weft_free(self, ptr); }
static void free_null(weft_self *self) { weft_free(self, NULL); }

static void memory_is_cleared_aligned_and_counted(void) {
    world_open();
    a = probe("a", 0);
    in(a, alloc_100);
    in(a, alloc_100);
    CHECK_EQ_UINT(stats().process_bytes, 200);
    in(a, free_ptr);
    CHECK_EQ_UINT(stats().process_bytes, 100);
    in(a, free_null);
    CHECK(alive(a));
    world_close();
}

static void ends_free(void (*how)(weft_self *), const char *log) {
    world_open();
    size_t before = world.heap.bytes;
    a = probe("a", 0);
    in(a, alloc_100);
    in(a, alloc_100);
    in(a, how);
    CHECK_EQ_UINT(stats().process_bytes, 0);
    CHECK(world.heap.bytes <= before);
    CHECK_LOG(log);
    world_close();
}

static void kill_self(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, weft_self_pid(self), &why);
}

static void memory_goes_with_its_process_however_it_ends(void) {
    ends_free(stop_normal, "a terminate normal/0");
    ends_free(stop_boom, "a terminate error/7");
    ends_free(kill_self, "");
    ends_free(fault_assert, "");
}

static size_t bound;
static int run_at_bound(weft_self *self) {
    void *first = weft_alloc(self, 60);
    CHECK(first != NULL);
    CHECK(weft_alloc(self, 41) == NULL);
    CHECK(weft_alloc(self, SIZE_MAX) == NULL);
    CHECK(weft_alloc(self, 40) != NULL);
    CHECK(weft_alloc(self, 1) == NULL);
    weft_free(self, first);
    CHECK(weft_alloc(self, 60) != NULL);
    return WEFT_OK;
}

static void spawn_bounded(weft_self *self) {
    struct probe_arg arg = {.name = "m", .init = run_at_bound};
    weft_pid pid;
    CHECK_EQ_INT(weft_spawn(self,
                            &(struct weft_spawn){.behaviour = &probe_v1,
                                                 .arg = weft_bytes(&arg, sizeof arg),
                                                 .memory_max = bound},
                            &pid),
                 WEFT_OK);
}

static void a_process_at_its_bound_gets_no_more_until_it_frees(void) {
    world_open();
    bound = 100;
    in(world.root, spawn_bounded);
    CHECK_EQ_UINT(stats().process_bytes, 100);
    world_close();
}

static void fail_next(weft_self *self) {
    world.alloc_fail = world.allocs + 1;
    CHECK(weft_alloc(self, 10) == NULL);
    CHECK(weft_alloc(self, 10) != NULL);
}

static void a_node_without_memory_gives_none(void) {
    world_open();
    a = probe("a", 0);
    in(a, fail_next);
    CHECK(alive(a));
    CHECK_EQ_UINT(stats().process_bytes, 10);
    world_close();
}

static void use_mem(weft_self *self) {
    struct weft_mem *mem = weft_self_mem(self);
    unsigned char *text = weft_mem_alloc(mem, 3);
    memcpy(text, "abc", 3);
    void *other = weft_mem_alloc(mem, 50);
    text = weft_mem_resize(mem, text, 3, 5000);
    CHECK_EQ_BYTES(text, "abc", 3);
    CHECK_EQ_UINT(stats().process_bytes, 5050);
    text = weft_mem_resize(mem, text, 5000, 2);
    CHECK_EQ_BYTES(text, "ab", 2);
    weft_mem_free(mem, other, 50);
    void *third = weft_mem_resize(mem, NULL, 0, 7);
    CHECK(third != NULL);
    weft_mem_free(mem, NULL, 0);
    world.alloc_fail = world.allocs + 1;
    CHECK(weft_mem_resize(mem, text, 2, 100) == NULL);
    CHECK_EQ_BYTES(text, "ab", 2);
    CHECK_EQ_UINT(stats().process_bytes, 9);
}

static void the_interface_shares_the_account_and_goes_with_a_crash(void) {
    world_open();
    a = probe("a", 0);
    in(a, use_mem);
    CHECK(alive(a));
    CHECK_EQ_UINT(stats().process_bytes, 9);
    in(a, fault_assert);
    CHECK_EQ_UINT(stats().process_bytes, 0);
    world_close();
}

static void free_with_wrong_size(weft_self *self) {
    struct weft_mem *mem = weft_self_mem(self);
    void *block = weft_mem_alloc(mem, 3);
    weft_mem_free(mem, block, 4);
}
static weft_pid other;
static void free_twice(weft_self *self) {
    weft_free(self, ptr);
    weft_free(self, ptr);
}

static void freeing_with_the_wrong_size_or_from_another_process_is_a_fault(void) {
    world_open();
    a = probe("a", 0);
    in(a, free_with_wrong_size);
    CHECK(!alive(a));
    a = probe("a", 0), other = probe("o", 0);
    in(a, alloc_100);
    in(other, free_ptr);
    CHECK(!alive(other));
    CHECK_EQ_UINT(stats().faulted, 2);
    in(a, free_ptr);
    CHECK(alive(a));
    (void)free_twice;
    world_close();
}

/* Every allocation of a small life fails once: what was begun is undone, and nothing is lost. */
static weft_pid made;
static weft_ref refs[3];
static int results[8];

static void spawn_all(weft_self *self) {
    struct probe_arg arg = {.name = "new"};
    results[0] = weft_spawn(self,
                            &(struct weft_spawn){.behaviour = &probe_v1,
                                                 .arg = weft_bytes(&arg, sizeof arg),
                                                 .name = "new",
                                                 .link = true,
                                                 .monitor = true,
                                                 .ref = &refs[0]},
                            &made);
    if (results[0] != WEFT_OK) return;
    results[1] = weft_send(self, made, 1, weft_bytes_text("data"));
    results[2] = weft_call(self, made, 2, weft_bytes_text("data"), WEFT_MS(1), &refs[1]);
    results[3] = weft_monitor(self, made, &refs[2]);
    results[4] = weft_timer_start(self, WEFT_MS(1), 1, weft_bytes_text("data"), NULL);
    results[5] = weft_register(self, "self", weft_self_pid(self));
    struct weft_reason why = weft_reason_text(WEFT_REASON_ERROR, 1, "text");
    weft_exit(self, made, &why);
}

static void every_allocation_may_fail_and_nothing_is_lost(void) {
    uint64_t fail = 1;
    bool failed = true;
    for (; failed && fail < 100; fail++) {
        world_open();
        a = probe("a", PROBE_TRAP);
        in_later(a, spawn_all);
        memset(results, 0, sizeof results);
        uint64_t before = world.allocs;
        world.alloc_fail = before + fail;
        settle();
        failed = world.allocs >= before + fail;
        for (int i = 0; i < 8; i++) CHECK(results[i] == WEFT_OK || results[i] == WEFT_ERR_NOMEM);
        CHECK(alive(a));
        pass(WEFT_MS(1));
        CHECK_EQ_UINT(stats().faulted, 0);
        world_log_clear();
        world_close();
    }
    CHECK(fail > 12);
}

static void a_scheduler_without_memory_is_not_made(void) {
    world_open();
    struct weft_sched *none = NULL;
    world.alloc_fail = world.allocs + 1;
    CHECK_EQ_INT(weft_sched_new(&world.env, NULL, &none), WEFT_ERR_NOMEM);
    world_close();
}

static void exit_a(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 3);
    world.alloc_fail = world.allocs + 1;
    weft_exit(self, a, &why);
}

static void a_trapping_process_that_cannot_be_told_of_an_exit_ends(void) {
    world_open();
    a = probe("a", PROBE_TRAP), other = probe("o", 0);
    in(other, exit_a);
    CHECK(!alive(a));
    CHECK_EQ_INT((int64_t)traced_last(WEFT_TRACE_PROC_EXIT)->number[2], 3);
    world_close();
}

static weft_ref asked;
static void call_other(weft_self *self) {
    weft_call(self, other, 1, weft_bytes(NULL, 0), WEFT_S(1), &asked);
}
static void reply_without_memory(weft_self *self) {
    struct weft_call to = {.from = a, .ref = asked};
    world.alloc_fail = world.allocs + 1;
    static const unsigned char data[65]; /* what is longer than 64 bytes needs memory */
    weft_reply(self, &to, WEFT_OK, weft_bytes(data, sizeof data));
}

static void an_answer_there_is_no_memory_for_says_nomem(void) {
    world_open();
    a = probe("a", 0), other = probe("o", 0);
    in(a, call_other);
    in(other, reply_without_memory);
    CHECK_LOG("o call a 1, a reply o NOMEM");
    world_close();
}

TEST_MAIN("otp/memory", TEST(memory_is_cleared_aligned_and_counted),
          TEST(memory_goes_with_its_process_however_it_ends),
          TEST(a_process_at_its_bound_gets_no_more_until_it_frees),
          TEST(a_node_without_memory_gives_none),
          TEST(the_interface_shares_the_account_and_goes_with_a_crash),
          TEST(freeing_with_the_wrong_size_or_from_another_process_is_a_fault),
          TEST(every_allocation_may_fail_and_nothing_is_lost),
          TEST(a_scheduler_without_memory_is_not_made),
          TEST(a_trapping_process_that_cannot_be_told_of_an_exit_ends),
          TEST(an_answer_there_is_no_memory_for_says_nomem))
