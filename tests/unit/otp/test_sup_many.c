/* Supervisors of many: what a child costs, pages of children, stopping in steps, and bounds. */
#include "tests/unit/otp/sup_kit.h"

#include "core/base/limits.h"

#include <stdlib.h>

#define MANY WEFT_LIMIT(50000, 10)

static weft_pid *pids;
static uint32_t pids_count;

static int small_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    pids[pids_count++] = weft_self_pid(self);
    return WEFT_OK;
}
static void small_handle(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    (void)msg;
}
static WEFT_PROCESS(small_v1, .name = "small", .init = small_init, .handle = small_handle);

static void start_one(weft_self *self) {
    struct weft_child_spec spec = {.behaviour = &small_v1};
    weft_ref ref;
    CHECK_EQ_INT(weft_sup_start_child(self, sup, &spec, &ref), WEFT_OK);
}

static void open_many(uint32_t count) {
    struct weft_sup_config config = {.intensity = 1000000};
    pids = calloc(2 * (size_t)MANY + 16, sizeof *pids);
    pids_count = 0;
    sup_open(&config);
    for (uint32_t i = 0; i < count; i++) in(parent, start_one);
    CHECK_EQ_UINT(pids_count, count);
    CHECK_EQ_UINT(stats().procs, 2 + count);
}

static void close_many(void) {
    world_log_clear();
    world_close();
    free(pids);
    pids = NULL;
}

static void a_dynamic_child_costs_its_supervisor_less_than_64_bytes(void) {
    open_many(0);
    size_t before = stats().process_bytes;
    for (uint32_t i = 0; i < MANY; i++) in(parent, start_one);
    size_t each = (stats().process_bytes - before) / MANY;
    if (MANY >= 1000) CHECK(each < 64);
    close_many();
}

static void when_the_last_has_gone_so_has_the_memory(void) {
    open_many(0);
    in(parent, start_one);
    CHECK_EQ_INT(ask_terminate_pid(pids[0]), WEFT_OK);
    size_t before = stats().process_bytes;
    for (uint32_t i = 0; i < MANY; i++) in(parent, start_one);
    for (uint32_t i = 1; i <= MANY; i++) CHECK_EQ_INT(ask_terminate_pid(pids[i]), WEFT_OK);
    CHECK_EQ_UINT(stats().procs, 2);
    CHECK(stats().process_bytes - before < 8 * (size_t)MANY / 100 + 1024);
    close_many();
}

struct tally {
    uint32_t children, pages, running;
};

static struct tally count_pages(void) {
    struct tally tally = {0};
    for (uint32_t cursor = 0; cursor != WEFT_CHILDREN_END;) {
        CHECK_EQ_INT(ask_page(cursor), WEFT_OK);
        const struct weft_children_page *page = ANSWER_PAGE;
        CHECK(page->count <= WEFT_CHILDREN_PAGE_MAX);
        CHECK(page->next > cursor);
        CHECK_EQ_UINT(answer.size, sizeof *page + page->count * sizeof page->infos[0]);
        for (uint32_t i = 0; i < page->count; i++)
            tally.running += !weft_pid_is_none(page->infos[i].pid);
        tally.children += page->count;
        tally.pages++;
        cursor = page->next;
    }
    return tally;
}

static void pages_hold_every_child_once(void) {
    open_many(MANY);
    struct tally tally = count_pages();
    CHECK_EQ_UINT(tally.children, MANY);
    CHECK_EQ_UINT(tally.running, MANY);
    CHECK_EQ_UINT(tally.pages, (MANY + WEFT_CHILDREN_PAGE_MAX - 1) / WEFT_CHILDREN_PAGE_MAX);
    close_many();
}

static void pages_pass_over_those_that_have_gone(void) {
    open_many(MANY);
    uint32_t gone = 0;
    for (uint32_t i = 1; i < MANY - 1; i++, gone++)
        CHECK_EQ_INT(ask_terminate_pid(pids[i]), WEFT_OK);
    struct tally tally = count_pages();
    CHECK_EQ_UINT(tally.children, 2);
    CHECK_EQ_UINT(tally.running, 2);
    close_many();
}

static void a_supervisor_without_children_has_one_empty_page(void) {
    open_many(0);
    CHECK_EQ_INT(ask_page(0), WEFT_OK);
    CHECK_EQ_UINT(ANSWER_PAGE->next, WEFT_CHILDREN_END);
    CHECK_EQ_UINT(ANSWER_PAGE->count, 0);
    CHECK_EQ_INT(ask_page(12345), WEFT_OK);
    CHECK_EQ_UINT(ANSWER_PAGE->next, WEFT_CHILDREN_END);
    close_many();
}

static void each_death_restarts_its_own_child(void) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    open_many(MANY);
    for (uint32_t i = 0; i < MANY; i += 7) {
        uint32_t before = pids_count;
        weft_sched_exit(world.sched, pids[i], &why);
        settle();
        CHECK_EQ_UINT(pids_count, before + 1);
    }
    CHECK_EQ_UINT(stats().procs, 2 + MANY);
    close_many();
}

static void end_sup(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, sup, &why);
}

static void stopping_many_lets_others_run_in_between(void) {
    open_many(MANY);
    in_later(parent, end_sup);
    CHECK(weft_sched_run(world.sched, 2));
    uint32_t left = stats().procs - 2;
    CHECK_EQ_UINT(left, MANY - WEFT_SUP_STEP_MAX);
    CHECK_EQ_INT(ask_count(), WEFT_ERR_NO_PROC);
    settle();
    CHECK_EQ_UINT(stats().procs, 1);
    close_many();
}

static void they_are_stopped_from_the_last_to_the_first(void) {
    struct weft_child_spec specs[] = {
        kid("a", WEFT_PERMANENT, PROBE_TRAP), kid("b", WEFT_PERMANENT, 0),
        kid("c", WEFT_PERMANENT, PROBE_TRAP), kid("d", WEFT_PERMANENT, 0),
        kid("e", WEFT_PERMANENT, PROBE_TRAP), kid("f", WEFT_PERMANENT, 0)};
    struct weft_sup_config config = {.children = specs, .children_count = 6};
    sup_open(&config);
    in(parent, end_sup);
    CHECK_LOG("e terminate shutdown/0, c terminate shutdown/0, a terminate shutdown/0, "
              "parent exit sup shutdown/0");
    world_close();
}

static void end_sup_twice(weft_self *self) {
    end_sup(self);
    end_sup(self);
}

static void an_end_that_is_asked_for_twice_is_one(void) {
    open_many(MANY);
    in(parent, end_sup_twice);
    CHECK_LOG("parent exit sup shutdown/0");
    CHECK_EQ_UINT(stats().procs, 1);
    close_many();
}

/* --- a group --- */

#define GROUP (2 * WEFT_SUP_STEP_MAX + 3)

static void open_group(void) {
    static struct weft_child_spec specs[GROUP];
    for (uint32_t i = 0; i < GROUP; i++)
        specs[i] = (struct weft_child_spec){.behaviour = &small_v1};
    struct weft_sup_config config = {
        .strategy = WEFT_ONE_FOR_ALL, .intensity = 5, .children = specs, .children_count = GROUP};
    pids = calloc(8 * (size_t)GROUP, sizeof *pids);
    pids_count = 0;
    sup_open(&config);
    CHECK_EQ_UINT(pids_count, GROUP);
}

/* Until so many were started in all. */
static void run_until_started(uint32_t count) {
    while (pids_count < count) CHECK(weft_sched_run(world.sched, 1));
}

static void a_group_of_many_is_started_in_steps(void) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    open_group();
    weft_sched_exit(world.sched, pids[3], &why);
    run_until_started(GROUP + 1);
    CHECK_EQ_UINT(pids_count, GROUP + WEFT_SUP_STEP_MAX);
    CHECK_EQ_UINT(stats().procs, 2 + WEFT_SUP_STEP_MAX);
    settle();
    CHECK_EQ_UINT(pids_count, 2 * GROUP);
    CHECK_EQ_UINT(stats().procs, 2 + GROUP);
    close_many();
}

static void a_death_while_a_group_is_started_restarts_it_after_that(void) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    open_group();
    weft_sched_exit(world.sched, pids[3], &why);
    run_until_started(GROUP + 1);
    weft_sched_exit(world.sched, pids[GROUP], &why);
    settle();
    CHECK_EQ_UINT(pids_count, 3 * GROUP);
    CHECK_EQ_UINT(stats().procs, 2 + GROUP);
    close_many();
}

static void the_parents_exit_while_a_group_is_started_ends_it(void) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    open_group();
    weft_sched_exit(world.sched, pids[3], &why);
    run_until_started(GROUP + 1);
    in(parent, end_sup);
    CHECK_EQ_UINT(stats().procs, 1);
    CHECK_LOG("parent exit sup shutdown/0");
    close_many();
}

/* --- requests that wait --- */

static uint32_t replies_full, replies_ok;

static void count_replies(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    if (msg->kind == WEFT_MSG_REPLY && msg->status == WEFT_ERR_FULL) replies_full++;
    if (msg->kind == WEFT_MSG_REPLY && msg->status == WEFT_OK) replies_ok++;
    if (msg->kind != WEFT_MSG_CAST) return;
    weft_ref ref;
    CHECK_EQ_INT(weft_sup_count_children(self, sup, &ref), WEFT_OK);
}
static WEFT_PROCESS(asker_v1, .name = "asker", .handle = count_replies);

static weft_pid asker;
static void spawn_asker(weft_self *self) {
    CHECK_EQ_INT(weft_spawn(self, &(struct weft_spawn){.behaviour = &asker_v1}, &asker), WEFT_OK);
}

static void requests_beyond_those_that_may_wait_are_refused(void) {
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, PROBE_SLOW);
    struct weft_sup_config config = {.children = &spec, .children_count = 1};
    sup_open(&config);
    in(parent, spawn_asker);
    ask_terminate("a");
    replies_full = replies_ok = 0;
    for (uint32_t i = 0; i < WEFT_SUP_REQUESTS_MAX + 5; i++) {
        weft_sched_send(world.sched, asker, 1, weft_bytes(NULL, 0));
        settle();
    }
    CHECK_EQ_UINT(replies_full, 5);
    CHECK_EQ_UINT(replies_ok, 0);
    pass(WEFT_S(5));
    CHECK_EQ_UINT(replies_full, 5);
    CHECK_EQ_UINT(replies_ok, WEFT_SUP_REQUESTS_MAX);
    world_log_clear();
    world_close();
}

/* --- a start that fails --- */

static void a_slow_child_of_a_start_that_failed_is_killed_in_time(void) {
    struct weft_child_spec specs[] = {
        kid("a", WEFT_PERMANENT, PROBE_SLOW), kid("b", WEFT_PERMANENT, PROBE_TRAP),
        kid("c", WEFT_PERMANENT, PROBE_SLOW), kid("x", WEFT_PERMANENT, 0)};
    specs[0].shutdown = WEFT_MS(300);
    specs[2].shutdown = WEFT_BRUTAL_KILL;
    struct weft_sup_config config = {.children = specs, .children_count = 4};
    sup_prepare(&config);
    start_failures = 1;
    CHECK_EQ_INT(sup_start(), WEFT_ERR_IO);
    CHECK(weft_pid_is_none(pid_of("b")));
    CHECK(weft_pid_is_none(pid_of("c")));
    weft_pid a = pid_of("a");
    pass(WEFT_MS(299));
    CHECK(alive(a));
    pass(WEFT_MS(1));
    CHECK(!alive(a));
    CHECK_EQ_UINT(stats().procs, 1);
    CHECK_EQ_UINT(stats().timers, 0);
    world_log_clear();
    world_close();
}

TEST_MAIN("otp/sup_many", TEST(a_dynamic_child_costs_its_supervisor_less_than_64_bytes),
          TEST(when_the_last_has_gone_so_has_the_memory), TEST(pages_hold_every_child_once),
          TEST(pages_pass_over_those_that_have_gone),
          TEST(a_supervisor_without_children_has_one_empty_page),
          TEST(each_death_restarts_its_own_child), TEST(stopping_many_lets_others_run_in_between),
          TEST(they_are_stopped_from_the_last_to_the_first),
          TEST(an_end_that_is_asked_for_twice_is_one), TEST(a_group_of_many_is_started_in_steps),
          TEST(a_death_while_a_group_is_started_restarts_it_after_that),
          TEST(the_parents_exit_while_a_group_is_started_ends_it),
          TEST(requests_beyond_those_that_may_wait_are_refused),
          TEST(a_slow_child_of_a_start_that_failed_is_killed_in_time))
