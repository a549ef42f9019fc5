/* What may be loaded, and what is unloaded when. */
#include "tests/unit/otp/code_kit.h"

#include "core/otp/internal.h"

#include <stdio.h>

static weft_pid a;

static void done(void) {
    world_close();
    CHECK_EQ_UINT(kit_loaded, 0);
}

/* --- what is refused --- */

static void on_message(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    (void)msg;
}

static WEFT_PROCESS(good, .name = "good", .handle = on_message);
static WEFT_PROCESS(unnamed, .handle = on_message);
static WEFT_PROCESS(mute, .name = "mute");
static WEFT_PROCESS(long_name, .handle = on_message,
                    .name = "0123456789012345678901234567890123456789012345678901234567890123");

static int load_with(const struct weft_module_info *info) {
    kit_put("it", info);
    return load("it");
}

static int load_of(const struct weft_behaviour *one, const struct weft_behaviour *two) {
    const struct weft_behaviour *const both[] = {one, two};
    struct weft_module_info info = {
        .abi = WEFT_ABI, .name = "it", .version = 1, .behaviours = both, .behaviours_count = 2};
    return load_with(&info);
}

static void what_is_no_module_is_refused(void) {
    code_open();
    CHECK_EQ_INT(load("nothing"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(why.text, "nothing: no such file");
    CHECK_EQ_INT(load_with(NULL), WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(why.text, "it: exports no weft_module; see WEFT_MODULE");
    CHECK_EQ_INT(weft_code_load(world.sched, "it", NULL, NULL), WEFT_ERR_MALFORMED);
    CHECK_EQ_UINT(kit_loaded, 1);
    done();
}

static void another_abi_is_refused_before_anything_else_is_read(void) {
    struct weft_module_info info = {.abi = WEFT_ABI + 1, .behaviours_count = 9};
    code_open();
    CHECK_EQ_INT(load_with(&info), WEFT_ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "it: built for abi 1.") == why.text);
    CHECK(strstr(why.text, "build it against this version's headers") != NULL);
    done();
}

static void what_a_module_says_of_itself_must_be_whole(void) {
    struct weft_module_info info = {.abi = WEFT_ABI, .name = "it"};
    code_open();
    CHECK_EQ_INT(load_with(&info), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "it: the module's version is 0");
    info = (struct weft_module_info){.abi = WEFT_ABI, .name = "", .version = 1};
    CHECK_EQ_INT(load_with(&info), WEFT_ERR_INVAL);
    info = (struct weft_module_info){
        .abi = WEFT_ABI, .name = "it", .version = 1, .behaviours_count = 1};
    CHECK_EQ_INT(load_with(&info), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "it: the behaviours are missing");
    info.behaviours_count = WEFT_BEHAVIOURS_MAX + 1;
    CHECK_EQ_INT(load_with(&info), WEFT_ERR_INVAL);
    CHECK_EQ_INT(load_of(&good, NULL), WEFT_ERR_INVAL);
    CHECK_EQ_INT(load_of(&good, &unnamed), WEFT_ERR_INVAL);
    CHECK_EQ_INT(load_of(&mute, &good), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "it: a behaviour has no handle");
    CHECK_EQ_INT(load_of(&long_name, &good), WEFT_ERR_INVAL);
    CHECK_EQ_INT(load_of(&good, &good), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "it: two behaviours have the same name");
    CHECK_EQ_UINT(kit_loaded, 1);
    done();
}

static void a_version_is_loaded_once(void) {
    code_open();
    CHECK_EQ_INT(load("kv1"), WEFT_ERR_EXISTS);
    CHECK_EQ_TEXT(why.text, "kv1: version 1 of module 'kv' is loaded already");
    struct weft_module_info other = *kit_module("kv1");
    other.version = 7;
    CHECK_EQ_INT(load_with(&other), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "it: a behaviour of it is one of another version");
    done();
}

static void there_is_room_for_so_many_modules(void) {
    static char names[WEFT_MODULES_MAX + 1][8];
    static struct weft_module_info infos[WEFT_MODULES_MAX + 1];
    code_open();
    for (int i = 0; i <= WEFT_MODULES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "m%d", i);
        infos[i] = (struct weft_module_info){.abi = WEFT_ABI, .name = names[i], .version = 1};
        /* one is there: kv */
        CHECK_EQ_INT(load_with(&infos[i]), i < WEFT_MODULES_MAX - 1 ? WEFT_OK : WEFT_ERR_FULL);
    }
    done();
}

static void every_allocation_that_fails_loads_nothing(void) {
    code_open();
    for (uint64_t fail = 1;; fail++) {
        size_t bytes = world.heap.bytes;
        world.alloc_fail = world.allocs + fail;
        int rv = load("log1");
        world.alloc_fail = 0;
        if (rv == WEFT_OK) {
            CHECK(fail > 2);
            break;
        }
        CHECK_EQ_INT(rv, WEFT_ERR_NOMEM);
        CHECK_EQ_UINT(kit_loaded, 1);
        CHECK_EQ_UINT(world.heap.bytes, bytes);
        CHECK(weft_code_current(world.sched, "log") == NULL);
    }
    done();
}

/* --- what is there --- */

static void list(void *ctx, const struct weft_code_info *info) {
    (void)ctx;
    note("%s %u%s %u procs %s", info->module, info->version, info->current ? " current" : "",
         info->procs, info->path);
}

static void what_is_loaded_is_listed_in_order(void) {
    code_open();
    CHECK_EQ_INT(load("log1"), WEFT_OK);
    CHECK_EQ_INT(load("kv2"), WEFT_OK);
    a = kv();
    weft_code_each(world.sched, list, NULL);
    CHECK_LOG("kv 1 current 1 procs kv1, kv 2 0 procs kv2, log 1 current 0 procs log1");
    struct weft_code_which which;
    CHECK_EQ_INT(weft_code_which(world.sched, a, &which), WEFT_OK);
    CHECK_EQ_TEXT(which.module, "kv");
    CHECK_EQ_TEXT(which.behaviour, "kv");
    CHECK_EQ_INT(weft_code_which(world.sched, world.root, &which), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(weft_code_which(world.sched, WEFT_PID_NONE, &which), WEFT_ERR_NO_PROC);
    CHECK_EQ_UINT(weft_code_current(world.sched, "kv")->version, 1);
    CHECK(weft_code_current(world.sched, "none") == NULL);
    CHECK_EQ_UINT(traced(WEFT_TRACE_CODE_LOADED), 3);
    done();
}

static void a_world_without_modules_lists_none(void) {
    world_open();
    weft_code_each(world.sched, list, NULL);
    CHECK_LOG("");
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_ERR_NOT_FOUND);
    world_close();
}

/* --- purge --- */

static void upgraded(enum weft_code_mode mode) {
    code_open();
    a = kv();
    CHECK_EQ_INT(load("kv2"), WEFT_OK);
    struct weft_code_upgrade spec = {.module = "kv", .version = 2, .mode = mode};
    CHECK_EQ_INT(weft_code_upgrade(world.sched, &spec, &why), WEFT_OK);
}

static void a_version_is_purged_when_nobody_runs_it(void) {
    upgraded(WEFT_CODE_LAZY);
    settle();
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_ERR_IN_USE);
    CHECK_EQ_TEXT(why.text, "version 1 of 'kv': 1 processes");
    CHECK_EQ_INT(status_of("kv").state, WEFT_CODE_OPEN); /* it can still go back */
    settle();                                            /* the refusal sent the idle on */
    CHECK_EQ_UINT(version_of(a), 2);
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_OK);
    CHECK_EQ_UINT(kit_loaded, 1);
    CHECK_EQ_UINT(procs_of("kv", 1), UINT32_MAX);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_CODE_PURGED)->number[0], 1);
    CHECK_EQ_INT(weft_code_rollback(world.sched, "kv", &why), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(load("kv1"), WEFT_OK);
    done();
}

static void a_brutal_purge_kills_who_runs_it(void) {
    upgraded(WEFT_CODE_LAZY);
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", true, &why), WEFT_OK);
    CHECK(!alive(a));
    CHECK_EQ_UINT(kit_loaded, 1);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_CODE_PURGED)->number[1], 1);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_PROC_EXIT)->number[1], WEFT_REASON_KILLED);
    done();
}

static void what_is_rolled_back_is_purged_too(void) {
    upgraded(WEFT_CODE_SWEEP);
    settle();
    CHECK_EQ_INT(weft_code_rollback(world.sched, "kv", &why), WEFT_OK);
    settle();
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_OK);
    CHECK_EQ_UINT(kit_loaded, 1);
    CHECK_EQ_UINT(version_of(a), 1);
    done();
}

static void held_code_stays(void) {
    upgraded(WEFT_CODE_EAGER);
    struct code_version *held = weft_otp__code_hold(world.sched, kit_module("kv1")->behaviours[0]);
    CHECK(held != NULL);
    CHECK(weft_otp__code_hold(world.sched, &good) == NULL);
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", true, &why), WEFT_ERR_IN_USE);
    CHECK_EQ_UINT(version_of(a), 2);
    weft_otp__code_release(held, false);
    weft_otp__code_release(NULL, false);
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_OK);
    done();
}

static weft_pid sup;
static void start_sup_of(const struct weft_behaviour *behaviour) {
    struct weft_child_spec child = {.id = "kv", .name = "kv", .behaviour = behaviour};
    struct weft_sup_config config = {.children = &child, .children_count = 1};
    struct weft_spawn spawn = {.behaviour = &weft_supervisor,
                               .arg = weft_bytes(&config, sizeof config)};
    struct weft_process *root = weft_otp__find(world.sched, world.root);
    CHECK_EQ_INT(weft_spawn(root, &spawn, &sup), WEFT_OK);
}

static void child_specs_follow_the_current_version(void) {
    code_open();
    CHECK_EQ_INT(load("kv2"), WEFT_OK);
    start_sup_of(kit_module("kv1")->behaviours[0]);
    CHECK_EQ_INT(upgrade(2), WEFT_OK);
    settle();
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_OK);
    a = weft_sched_whereis(world.sched, "kv");
    struct weft_reason boom = weft_reason(WEFT_REASON_ERROR, 1);
    weft_sched_exit(world.sched, a, &boom);
    settle();
    a = weft_sched_whereis(world.sched, "kv");
    CHECK_EQ_UINT(version_of(a), 2); /* whose memory is still there */
    done();
}

static void a_child_spec_of_a_behaviour_that_is_gone_is_a_user(void) {
    code_open();
    CHECK_EQ_INT(load("kv5"), WEFT_OK);
    start_sup_of(kit_module("kv1")->behaviours[1]);
    CHECK_EQ_INT(weft_sup_terminate_child(weft_otp__find(world.sched, world.root), sup, "kv",
                                          &(weft_ref){0}),
                 WEFT_OK);
    settle();
    CHECK_EQ_INT(upgrade(5), WEFT_OK);
    settle();
    CHECK_EQ_INT(weft_code_purge(world.sched, "kv", true, &why), WEFT_ERR_IN_USE);
    CHECK_EQ_TEXT(why.text, "version 1 of 'kv': 0 processes, a child spec or application that the "
                            "current version has not");
    CHECK_LOG("root reply ? OK");
    done();
}

static void what_is_kept_is_loaded_again_in_its_place(void) {
    upgraded(WEFT_CODE_EAGER);
    weft_code_keep(world.sched, kit_module("kv1"));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_OK);
        CHECK_EQ_UINT(kit_loaded, 2); /* in memory still */
        world.alloc_fail = world.allocs + 1 + i;
        int rv = load("kv1");
        world.alloc_fail = 0;
        CHECK(rv == WEFT_OK || rv == WEFT_ERR_NOMEM);
        if (rv != WEFT_OK) CHECK_EQ_INT(load("kv1"), WEFT_OK);
        CHECK_EQ_UINT(kit_loaded, 2);
        CHECK_EQ_UINT(version_of(kv()), 2);
    }
    done();
}

static void a_thousand_rounds_leave_nothing(void) {
    size_t bytes = 0;
    code_open();
    a = kv();
    for (uint32_t i = 0; i < 1000; i++) {
        char path[8] = {'k', 'v', i % 2 == 0 ? '2' : '1', '\0'};
        CHECK_EQ_INT(load(path), WEFT_OK);
        CHECK_EQ_INT(upgrade(2 - i % 2), WEFT_OK);
        kv_add(a, 0);
        settle();
        CHECK_EQ_INT(weft_code_purge(world.sched, "kv", false, &why), WEFT_OK);
        CHECK_EQ_UINT(kit_loaded, 1);
        if (i == 99) bytes = world.heap.bytes - stats().process_bytes;
    }
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK_EQ_UINT(kv_count(a), 1000);
    size_t blocks = 900 * sizeof(struct block); /* before what weft_alloc gave */
    CHECK_EQ_UINT(world.heap.bytes - stats().process_bytes - blocks, bytes);
    CHECK_EQ_UINT(kit_disorder, 0);
    done();
}

TEST_MAIN("otp code load", TEST(what_is_no_module_is_refused),
          TEST(another_abi_is_refused_before_anything_else_is_read),
          TEST(what_a_module_says_of_itself_must_be_whole), TEST(a_version_is_loaded_once),
          TEST(there_is_room_for_so_many_modules), TEST(every_allocation_that_fails_loads_nothing),
          TEST(what_is_loaded_is_listed_in_order), TEST(a_world_without_modules_lists_none),
          TEST(a_version_is_purged_when_nobody_runs_it), TEST(a_brutal_purge_kills_who_runs_it),
          TEST(what_is_rolled_back_is_purged_too), TEST(held_code_stays),
          TEST(child_specs_follow_the_current_version),
          TEST(a_child_spec_of_a_behaviour_that_is_gone_is_a_user),
          TEST(what_is_kept_is_loaded_again_in_its_place), TEST(a_thousand_rounds_leave_nothing))
