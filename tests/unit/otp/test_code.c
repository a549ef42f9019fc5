/* Processes go from one version to another and back. */
#include "tests/unit/otp/code_kit.h"

#include "core/otp/internal.h"

static weft_pid a, b, c;

static void two_versions(void) {
    code_open();
    a = kv();
    b = kv();
    for (uint32_t i = 0; i < 3; i++) kv_add(a, i);
    kv_add(b, 0);
    settle();
    CHECK_EQ_INT(load("kv2"), WEFT_OK);
}

static void done(void) {
    CHECK_EQ_UINT(kit_disorder, 0);
    world_close();
    CHECK_EQ_UINT(kit_loaded, 0);
}

static int upgrade_by(struct weft_code_upgrade spec) {
    spec.module = "kv";
    return weft_code_upgrade(world.sched, &spec, &why);
}

static void a_process_moves_at_its_next_message_with_what_it_has(void) {
    two_versions();
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){.version = 2, .mode = WEFT_CODE_LAZY}),
                 WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 1);
    kv_add(a, 0);
    CHECK_EQ_UINT(version_of(a), 1);
    settle();
    CHECK_EQ_UINT(version_of(a), 2);
    CHECK_EQ_UINT(version_of(b), 1);
    CHECK_EQ_UINT(kv_count(a), 4);
    CHECK_EQ_UINT(kit_told.from_version, 1);
    CHECK_EQ_UINT(kit_told.to_version, 2);
    CHECK_EQ_INT(kit_told.direction, WEFT_CODE_UP);
    CHECK_EQ_UINT(procs_of("kv", 1), 1);
    CHECK_EQ_UINT(procs_of("kv", 2), 1);
    CHECK_EQ_UINT(status_of("kv").behind, 1);
    done();
}

static void idle_processes_are_moved_in_the_background(void) {
    two_versions();
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK(weft_sched_next_at(world.sched) <= world.now);
    settle();
    CHECK_EQ_UINT(version_of(a), 2);
    CHECK_EQ_UINT(version_of(b), 2);
    CHECK_EQ_UINT(kv_count(a), 3);
    CHECK_EQ_INT(weft_sched_next_at(world.sched), WEFT_TIME_NEVER);
    CHECK_EQ_UINT(status_of("kv").behind, 0);
    CHECK_EQ_UINT(status_of("kv").switched, 2);
    done();
}

static void eager_moves_all_before_it_returns(void) {
    two_versions();
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){.version = 2, .mode = WEFT_CODE_EAGER}),
                 WEFT_OK);
    CHECK_EQ_UINT(version_of(a), 2);
    CHECK_EQ_UINT(version_of(b), 2);
    done();
}

static void an_equal_layout_needs_no_code_change_and_keeps_its_place(void) {
    two_versions();
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    settle();
    CHECK_EQ_INT(load("kv3"), WEFT_OK);
    const void *place = weft_state(weft_otp__find(world.sched, a));
    CHECK_EQ_INT(upgrade(3), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 3);
    CHECK(weft_state(weft_otp__find(world.sched, a)) == place);
    CHECK_EQ_UINT(kv_count(a), 3);
    CHECK_EQ_UINT(kv_generation(a), 1);
    done();
}

static void a_rollback_takes_all_back_with_what_came_meanwhile(void) {
    two_versions();
    CHECK_EQ_INT(
        upgrade_by((struct weft_code_upgrade){.version = 2, .extra = weft_bytes_text("how")}),
        WEFT_OK);
    settle();
    CHECK_EQ_TEXT(kit_extra, "how");
    kv_add(a, 1);
    settle();
    CHECK_EQ_INT(weft_code_rollback(world.sched, "kv", &why), WEFT_OK);
    kv_add(a, 1);
    settle();
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK_EQ_UINT(version_of(b), 1);
    CHECK_EQ_UINT(kv_count(a), 5);
    CHECK_EQ_INT(kit_told.direction, WEFT_CODE_DOWN);
    CHECK_EQ_TEXT(kit_extra, "how");
    CHECK_EQ_INT(status_of("kv").state, WEFT_CODE_ROLLED_BACK);
    CHECK_EQ_UINT(traced(WEFT_TRACE_CODE_ROLLED_BACK), 1);
    CHECK_EQ_INT(weft_code_rollback(world.sched, "kv", &why), WEFT_ERR_NOT_FOUND);
    done();
}

/* --- migrations that fail --- */

static void fails_with(enum kit_change how, enum weft_code_mode mode, const char *reason) {
    two_versions();
    size_t bytes = stats().process_bytes;
    unsigned char before[64];
    struct weft_process *proc = weft_otp__find(world.sched, b);
    uint32_t size = weft_self_behaviour(proc)->state_size;
    REQUIRE(size <= sizeof before);
    memcpy(before, weft_state(proc), size);
    kit_change = how;
    kit_change_of = b;
    int rv = upgrade_by((struct weft_code_upgrade){.version = 2, .mode = mode});
    CHECK_EQ_INT(rv, mode == WEFT_CODE_EAGER ? WEFT_ERR_FAULT : WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK_EQ_UINT(version_of(b), 1);
    CHECK_EQ_UINT(kv_count(a), 3);
    CHECK_EQ_UINT(kv_count(b), 1);
    CHECK_EQ_BYTES(weft_state(proc), before, size);
    CHECK_EQ_UINT(stats().process_bytes, bytes);
    CHECK_EQ_INT(status_of("kv").state, WEFT_CODE_ROLLED_BACK);
    CHECK(strstr(status_of("kv").why.text, reason) != NULL);
    CHECK_EQ_UINT(status_of("kv").failed, 1);
    kv_add(b, 0);
    settle();
    CHECK_EQ_UINT(kv_count(b), 2);
    done();
}

static void a_code_change_that_refuses_takes_all_back(void) {
    fails_with(CHANGE_REFUSE, WEFT_CODE_SWEEP, "not supported");
    fails_with(CHANGE_REFUSE, WEFT_CODE_EAGER, "not supported");
}

static void a_code_change_that_faults_leaves_everything_as_it_was(void) {
    fails_with(CHANGE_FAULT, WEFT_CODE_SWEEP, "one == 2");
    fails_with(CHANGE_SPOIL, WEFT_CODE_SWEEP, "one == 2");
    fails_with(CHANGE_SPOIL, WEFT_CODE_EAGER, "one == 2");
}

static void a_process_that_cannot_go_back_keeps_the_code_it_has(void) {
    two_versions();
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    settle();
    kit_change = CHANGE_SPOIL;
    kit_change_of = a;
    CHECK_EQ_INT(weft_code_rollback(world.sched, "kv", &why), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 2);
    CHECK_EQ_UINT(version_of(b), 1);
    CHECK_EQ_UINT(kv_count(a), 3);
    kv_add(a, 0);
    settle();
    CHECK_EQ_UINT(kv_count(a), 4);
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_ERR_IN_USE);
    done();
}

static void a_code_change_may_end_its_process(void) {
    two_versions();
    kit_change = CHANGE_STOP;
    kit_change_of = b;
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    settle();
    CHECK(!alive(b));
    CHECK_EQ_UINT(version_of(a), 2);
    CHECK_LOG("kv2 terminate normal/0");
    done();
}

static void every_allocation_that_fails_leaves_the_old_version(void) {
    for (uint64_t fail = 1;; fail++) {
        two_versions();
        world.alloc_fail = world.allocs + fail;
        int rv = upgrade_by((struct weft_code_upgrade){.version = 2, .mode = WEFT_CODE_EAGER});
        bool ran = world.allocs < world.alloc_fail;
        world.alloc_fail = 0;
        settle();
        CHECK_EQ_UINT(version_of(a), rv == WEFT_OK ? 2 : 1);
        CHECK_EQ_UINT(version_of(b), rv == WEFT_OK ? 2 : 1);
        CHECK_EQ_UINT(kv_count(a), 3);
        CHECK_EQ_UINT(kv_count(b), 1);
        CHECK_EQ_INT(rv == WEFT_OK, ran);
        done();
        if (ran) {
            CHECK(fail > 4);
            return;
        }
    }
}

/* --- the watch --- */

static void bad_version(uint32_t watch) {
    two_versions();
    CHECK_EQ_INT(load("kv4"), WEFT_OK);
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){.version = 4, .watch = watch}), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 4);
}

static void one_of_the_first_messages_that_faults_takes_all_back(void) {
    bad_version(3);
    kv_add(a, 0);
    kv_add(a, 0);
    cast(a, KV_BOOM);
    settle();
    CHECK(!alive(a));
    CHECK_EQ_UINT(version_of(b), 1);
    CHECK_EQ_UINT(kv_count(b), 1);
    CHECK_EQ_UINT(version_of(kv()), 1);
    CHECK(strstr(status_of("kv").why.text, "faulted after 3 messages") != NULL);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_CODE_ROLLED_BACK)->number[2], 0);
    done();
}

static void a_later_fault_rolls_nothing_back(void) {
    bad_version(2);
    kv_add(a, 0);
    kv_add(a, 0);
    cast(a, KV_BOOM);
    settle();
    CHECK(!alive(a));
    CHECK_EQ_UINT(version_of(b), 4);
    done();
    bad_version(0);
    cast(a, KV_BOOM);
    settle();
    CHECK_EQ_UINT(version_of(b), 4);
    CHECK_EQ_INT(status_of("kv").state, WEFT_CODE_OPEN);
    done();
}

static int start_rv;
static void start_kv(weft_self *self) {
    weft_pid pid;
    struct weft_spawn spawn = {.behaviour = kit_module("kv1")->behaviours[0]};
    start_rv = weft_spawn(self, &spawn, &pid);
}

static void an_init_that_faults_takes_all_back(void) {
    bad_version(1);
    kit_init_fault = 4;
    in(world.root, start_kv);
    CHECK_EQ_INT(start_rv, WEFT_ERR_FAULT);
    settle();
    CHECK_EQ_UINT(version_of(a), 1);
    in(world.root, start_kv);
    CHECK_EQ_INT(start_rv, WEFT_OK);
    done();
}

static void a_supervisor_starts_the_old_code_again_after_a_fault(void) {
    code_open();
    CHECK_EQ_INT(load("kv4"), WEFT_OK);
    struct weft_child_spec child = {
        .id = "kv", .name = "kv", .behaviour = kit_module("kv1")->behaviours[0]};
    struct weft_sup_config config = {.children = &child, .children_count = 1};
    struct weft_spawn spawn = {.behaviour = &weft_supervisor,
                               .arg = weft_bytes(&config, sizeof config)};
    weft_pid sup;
    struct weft_process *root = weft_otp__find(world.sched, world.root);
    CHECK_EQ_INT(weft_spawn(root, &spawn, &sup), WEFT_OK);
    a = weft_sched_whereis(world.sched, "kv");
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){.version = 4, .watch = 5}), WEFT_OK);
    cast(a, KV_BOOM);
    settle();
    b = weft_sched_whereis(world.sched, "kv");
    CHECK(!weft_pid_is_none(b));
    CHECK(!weft_pid_equal(a, b));
    CHECK_EQ_UINT(version_of(b), 1);
    done();
}

static void after_a_commit_nothing_goes_back(void) {
    bad_version(100);
    CHECK_EQ_INT(weft_code_commit(world.sched, "kv", &why), WEFT_OK);
    cast(a, KV_BOOM);
    settle();
    CHECK_EQ_UINT(version_of(b), 4);
    CHECK_EQ_INT(weft_code_rollback(world.sched, "kv", &why), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(status_of("kv").state, WEFT_CODE_COMMITTED);
    done();
}

/* --- what a process has --- */

static void link_b(weft_self *self) { CHECK_EQ_INT(weft_link(self, b), WEFT_OK); }
static void name_b(weft_self *self) { CHECK_EQ_INT(weft_register(self, "it", b), WEFT_OK); }
static void watch_b(weft_self *self) {
    weft_ref ref;
    CHECK_EQ_INT(weft_monitor(self, b, &ref), WEFT_OK);
}
static void call_b(weft_self *self) {
    weft_ref ref;
    CHECK_EQ_INT(weft_call(self, b, 7, weft_bytes(NULL, 0), WEFT_TIME_NEVER, &ref), WEFT_OK);
}

static void links_names_timers_and_mail_live_through_it(void) {
    two_versions();
    c = probe("c", PROBE_TRAP);
    in(c, link_b);
    in(c, watch_b);
    in(c, name_b);
    cast(b, KV_TIMER);
    settle();
    in_later(c, call_b);
    name_pid(b, "b");
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    pass(WEFT_S(2));
    CHECK_EQ_UINT(version_of(b), 2);
    CHECK(weft_pid_equal(weft_sched_whereis(world.sched, "it"), b));
    CHECK_LOG("kv2 call c 7, kv2 timer 5");
    cast(b, KV_FAULT);
    settle();
    CHECK_LOG("c exit b fault/1, c down b fault/1, c reply b NO_PROC");
    done();
}

static void spawning_any_version_starts_the_current_one(void) {
    two_versions();
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    c = kv();
    CHECK_EQ_UINT(version_of(c), 2);
    CHECK_EQ_INT(weft_code_rollback(world.sched, "kv", &why), WEFT_OK);
    CHECK_EQ_UINT(version_of(kv()), 1);
    settle();
    CHECK_EQ_UINT(version_of(c), 1);
    CHECK_EQ_UINT(procs_of("kv", 1), 4);
    CHECK_EQ_UINT(procs_of("kv", 2), 0);
    done();
}

static void any_number_of_versions_live_side_by_side(void) {
    static const uint32_t versions[] = {1, 2, 4, 5};
    weft_pid pids[4];
    code_open();
    for (uint32_t i = 0; i < 4; i++) {
        char path[8] = {'k', 'v', (char)('0' + versions[i]), '\0'};
        struct weft_code_upgrade spec = {.version = versions[i], .mode = WEFT_CODE_LAZY};
        if (i > 0) {
            CHECK_EQ_INT(load(path), WEFT_OK);
            CHECK_EQ_INT(upgrade_by(spec), WEFT_OK);
        }
        pids[i] = kv();
    }
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ_UINT(version_of(pids[i]), versions[i]);
    CHECK_EQ_UINT(status_of("kv").behind, 3);
    for (uint32_t i = 0; i < 4; i++) kv_add(pids[i], 0);
    settle();
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ_UINT(version_of(pids[i]), 5);
    done();
}

/* --- canaries --- */

static void a_canary_moves_those_it_names(void) {
    two_versions();
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){.version = 2, .pids = &b, .pids_count = 1}),
                 WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK_EQ_UINT(version_of(b), 2);
    CHECK_EQ_UINT(version_of(kv()), 1);
    CHECK(status_of("kv").canary);
    CHECK_EQ_INT(weft_code_commit(world.sched, "kv", &why), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_OK);
    CHECK_EQ_INT(load("kv3"), WEFT_OK);
    CHECK_EQ_INT(upgrade(3), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 2);
    CHECK_EQ_INT(weft_code_rollback(world.sched, "kv", &why), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK_EQ_UINT(version_of(b), 1);
    done();
}

#define CROWD WEFT_LIMIT(1000, 50)

static void a_canary_of_a_percentage_is_widened_to_all(void) {
    static weft_pid crowd[CROWD];
    code_open();
    CHECK_EQ_INT(load("kv2"), WEFT_OK);
    for (uint32_t i = 0; i < CROWD; i++) crowd[i] = kv();
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){.version = 2, .ppm = 200000}), WEFT_OK);
    settle();
    uint32_t few = procs_of("kv", 2);
    CHECK(few > CROWD / 10 && few < CROWD * 3 / 10);
    uint32_t first = CROWD;
    for (uint32_t i = 0; i < CROWD && first == CROWD; i++)
        if (version_of(crowd[i]) == 2) first = i;
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){.version = 2, .ppm = 600000}), WEFT_OK);
    settle();
    CHECK(procs_of("kv", 2) > few);
    CHECK(procs_of("kv", 1) > 0);
    CHECK_EQ_UINT(version_of(crowd[first]), 2);
    CHECK_EQ_UINT(kv_generation(crowd[first]), 1);
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    settle();
    CHECK_EQ_UINT(procs_of("kv", 2), CROWD);
    CHECK_EQ_UINT(procs_of("kv", 1), 0);
    done();
}

static void a_canary_that_faults_takes_only_itself_back(void) {
    two_versions();
    CHECK_EQ_INT(load("kv4"), WEFT_OK);
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){
                     .version = 4, .pids = &b, .pids_count = 1, .watch = 10}),
                 WEFT_OK);
    settle();
    cast(a, KV_FAULT); /* not one of it */
    settle();
    CHECK_EQ_UINT(version_of(b), 4);
    cast(b, KV_BOOM);
    settle();
    CHECK(!alive(b));
    CHECK_EQ_INT(status_of("kv").state, WEFT_CODE_ROLLED_BACK);
    CHECK_EQ_UINT(procs_of("kv", 4), 0);
    done();
}

/* --- refusals --- */

static void what_cannot_work_is_refused_before_it_begins(void) {
    two_versions();
    CHECK_EQ_INT(upgrade(9), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(why.text, "version 9 of 'kv' is not loaded");
    CHECK_EQ_INT(upgrade(1), WEFT_ERR_EXISTS);
    CHECK_EQ_INT(load("kv3"), WEFT_OK);
    CHECK_EQ_INT(upgrade(3), WEFT_ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "has no code_change for it") != NULL);
    static const unsigned char extra[WEFT_CODE_EXTRA_MAX + 1];
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){.version = 2,
                                                       .extra = weft_bytes(extra, sizeof extra)}),
                 WEFT_ERR_TOO_BIG);
    CHECK_EQ_INT(upgrade_by((struct weft_code_upgrade){
                     .version = 2, .extra = weft_bytes(extra, sizeof extra - 1)}),
                 WEFT_OK);
    struct weft_code_upgrade nobody = {.module = "nobody", .version = 1};
    CHECK_EQ_INT(weft_code_upgrade(world.sched, &nobody, &why), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(why.text, "no module 'nobody' is loaded");
    CHECK_EQ_INT(weft_code_rollback(world.sched, "nobody", NULL), WEFT_ERR_NOT_FOUND);
    done();
}

static weft_pid session;
static void start_session(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = kit_module("kv1")->behaviours[1]};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &session), WEFT_OK);
}

static void a_behaviour_that_is_gone_must_have_no_process(void) {
    two_versions();
    CHECK_EQ_INT(load("kv5"), WEFT_OK);
    in(world.root, start_session);
    CHECK_EQ_INT(upgrade(5), WEFT_ERR_UNSUPPORTED);
    CHECK_EQ_TEXT(why.text, "kv 1 to 5: 1 processes run 'session', which version 5 does not have");
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, session, &kill);
    CHECK_EQ_INT(upgrade(5), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 5);
    done();
}

static void a_large_process_is_changed_without_a_copy_of_its_blocks(void) {
    two_versions();
    struct weft_process *proc = weft_otp__find(world.sched, b);
    unsigned char *block = weft_alloc(proc, WEFT_CODE_SNAPSHOT_MAX);
    REQUIRE(block != NULL);
    memset(block, 7, WEFT_CODE_SNAPSHOT_MAX);
    kit_change = CHANGE_FAULT;
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(b), 1);
    CHECK_EQ_UINT(kv_count(b), 1);
    CHECK_EQ_INT(block[WEFT_CODE_SNAPSHOT_MAX - 1], 7);
    kit_change = CHANGE_WELL;
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(b), 2);
    done();
}

TEST_MAIN("otp code", TEST(a_process_moves_at_its_next_message_with_what_it_has),
          TEST(idle_processes_are_moved_in_the_background), TEST(eager_moves_all_before_it_returns),
          TEST(an_equal_layout_needs_no_code_change_and_keeps_its_place),
          TEST(a_rollback_takes_all_back_with_what_came_meanwhile),
          TEST(a_code_change_that_refuses_takes_all_back),
          TEST(a_code_change_that_faults_leaves_everything_as_it_was),
          TEST(a_process_that_cannot_go_back_keeps_the_code_it_has),
          TEST(a_code_change_may_end_its_process),
          TEST(every_allocation_that_fails_leaves_the_old_version),
          TEST(one_of_the_first_messages_that_faults_takes_all_back),
          TEST(a_later_fault_rolls_nothing_back), TEST(an_init_that_faults_takes_all_back),
          TEST(a_supervisor_starts_the_old_code_again_after_a_fault),
          TEST(after_a_commit_nothing_goes_back), TEST(links_names_timers_and_mail_live_through_it),
          TEST(spawning_any_version_starts_the_current_one),
          TEST(any_number_of_versions_live_side_by_side), TEST(a_canary_moves_those_it_names),
          TEST(a_canary_of_a_percentage_is_widened_to_all),
          TEST(a_canary_that_faults_takes_only_itself_back),
          TEST(what_cannot_work_is_refused_before_it_begins),
          TEST(a_behaviour_that_is_gone_must_have_no_process),
          TEST(a_large_process_is_changed_without_a_copy_of_its_blocks))
