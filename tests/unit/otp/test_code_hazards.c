/* What may still lead into a module when its code changes or goes. The modules of this file are
 * copies that are freed when they are unloaded, so that a use after that is one of freed memory. */
#include "core/otp/application.h"
#include "core/otp/code_internal.h"
#include "core/otp/gen_statem.h"
#include "core/otp/job.h"
#include "core/otp/sys.h"
#include "tests/unit/otp/code_kit.h"

#include <stdlib.h>

static weft_pid a;
static const struct weft_module_info *copies[8]; /* the last copy of each version */

/* --- a loader of copies --- */

struct weft_module {
    struct weft_module_info info;
    struct weft_behaviour *behaviours[4];
    struct weft_application *application;
};

static struct weft_behaviour *copy_behaviour(const struct weft_behaviour *of) {
    size_t size = of->handle == weft_statem_handle ? sizeof(struct weft_statem) : sizeof *of;
    struct weft_behaviour *copy = malloc(size);
    WEFT_ASSERT(copy != NULL);
    memcpy(copy, of, size);
    return copy;
}

static int copy_load(struct weft_env *env, const char *path, struct weft_module **out, char *words,
                     size_t size) {
    const struct weft_module_info *info = kit_module(path);
    (void)env;
    (void)words;
    (void)size;
    struct weft_module *module = calloc(1, sizeof *module);
    WEFT_ASSERT(module != NULL && info != NULL);
    module->info = *info;
    for (size_t i = 0; i < info->behaviours_count; i++)
        module->behaviours[i] = copy_behaviour(info->behaviours[i]);
    module->info.behaviours = (const struct weft_behaviour *const *)module->behaviours;
    if (info->application != NULL) {
        module->application = malloc(sizeof *module->application);
        WEFT_ASSERT(module->application != NULL);
        *module->application = *info->application;
        module->application->children[0].behaviour = module->behaviours[0];
        module->info.application = module->application;
    }
    copies[info->version] = &module->info;
    kit_loaded++;
    *out = module;
    return WEFT_OK;
}

static const void *copy_symbol(struct weft_env *env, struct weft_module *module, const char *name) {
    (void)env;
    (void)name;
    return &module->info;
}

static void copy_unload(struct weft_env *env, struct weft_module *module) {
    (void)env;
    for (size_t i = 0; i < module->info.behaviours_count; i++) free(module->behaviours[i]);
    free(module->application);
    memset(module, 0xdb, sizeof *module);
    free(module);
    kit_loaded--;
}

static const struct weft_loader_ops copy_ops = {copy_load, copy_symbol, copy_unload};

static void done(void) {
    world_close();
    CHECK_EQ_UINT(kit_loaded, 0);
}

/* Versions 1 and 2 of a module "part" are loaded. */
static void open_part(const struct weft_module_info infos[2]) {
    world_open();
    world.env.loader = &copy_ops;
    kit_put("part1", &infos[0]);
    kit_put("part2", &infos[1]);
    CHECK_EQ_INT(load("part1"), WEFT_OK);
    CHECK_EQ_INT(load("part2"), WEFT_OK);
}

static void close_part(void) {
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", true, NULL), WEFT_OK);
    world_close();
}

static int upgrade_part(uint32_t version, enum weft_code_mode mode) {
    return weft_code_upgrade(
        world.sched,
        &(struct weft_code_upgrade){.module = "part", .version = version, .mode = mode}, &why);
}

static void start_part(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = copies[1]->behaviours[0], .name = "part"};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &a), WEFT_OK);
}

/* --- jobs --- */

static struct {
    struct weft_job_request asked;
    bool runs; /* what cancel says */
} jobs;

static int fake_submit(struct weft_env *env, const struct weft_job_request *request) {
    (void)env;
    jobs.asked = *request;
    return WEFT_OK;
}

static bool fake_cancel(struct weft_env *env, uint64_t owner, uint64_t id) {
    (void)env;
    (void)owner;
    (void)id;
    return jobs.runs;
}

static const struct weft_job_ops job_ops = {.submit = fake_submit, .cancel = fake_cancel};

static int nothing(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    (void)out;
    return WEFT_OK;
}

static void part_handle(weft_self *self, const struct weft_msg *msg) {
    weft_ref ref;
    if (msg->kind == WEFT_MSG_CAST)
        CHECK_EQ_INT(weft_job(self, &(struct weft_job){.fn = nothing, .result_max = 8}, &ref),
                     WEFT_OK);
    if (msg->kind == WEFT_MSG_REPLY) note("answer");
}

static WEFT_PROCESS(part_1, .name = "part", .version = 1, .handle = part_handle);
static WEFT_PROCESS(part_2, .name = "part", .version = 2, .handle = part_handle);
static const struct weft_behaviour *const parts_1[] = {&part_1};
static const struct weft_behaviour *const parts_2[] = {&part_2};
#define PART(n, list, app)                                                                         \
    { .abi = WEFT_ABI, .name = "part", .version = (n), WEFT_BEHAVIOURS(list), .application = (app) }
static const struct weft_module_info plain_parts[] = {PART(1, parts_1, NULL),
                                                      PART(2, parts_2, NULL)};

static void open_with_a_job(void) {
    open_part(plain_parts);
    memset(&jobs, 0, sizeof jobs);
    world.env.job = &job_ops;
    in(world.root, start_part);
    cast(a, 1);
    settle();
    CHECK_EQ_UINT(jobs.asked.owner, a.raw);
    CHECK_EQ_INT(upgrade_part(2, WEFT_CODE_EAGER), WEFT_OK);
    CHECK_EQ_UINT(version_of(a), 2);
}

static void a_job_keeps_the_code_that_it_runs(void) {
    open_with_a_job();
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", true, &why), WEFT_ERR_IN_USE);
    CHECK_EQ_TEXT(why.text, "version 1 of 'part': 0 processes, jobs");
    struct weft_event event = {
        .kind = WEFT_EVENT_JOB, .owner = jobs.asked.owner, .socket = jobs.asked.id};
    weft_sched_deliver(world.sched, &event);
    settle();
    CHECK_LOG("answer");
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", false, &why), WEFT_OK);
    CHECK_EQ_UINT(kit_loaded, 1);
    done();
}

static void a_job_that_waits_leaves_its_code_with_its_owner(void) {
    open_with_a_job();
    weft_sched_exit(world.sched, a, &(struct weft_reason){.kind = WEFT_REASON_KILL});
    settle();
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", false, &why), WEFT_OK);
    CHECK_EQ_UINT(kit_loaded, 1);
    done();
}

static void a_job_that_runs_on_keeps_the_memory_of_its_code(void) {
    open_with_a_job();
    jobs.runs = true;
    weft_sched_exit(world.sched, a, &(struct weft_reason){.kind = WEFT_REASON_KILL});
    settle();
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", false, &why), WEFT_OK);
    CHECK_EQ_UINT(kit_loaded, 2);
    done();
}

/* --- a state machine with much memory --- */

static void ready(weft_self *self, const struct weft_statem_event *event) {
    (void)event;
    note("%s", (const char *)weft_statem_data(self));
}
static const struct weft_statem_state machine_states[] = {{"ready", ready}};

static int machine_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    memcpy(weft_statem_data(self), "data", 5);
    return weft_alloc(self, WEFT_CODE_SNAPSHOT_MAX) != NULL ? WEFT_OK : WEFT_ERR_NOMEM;
}

static int machine_change(weft_self *self, const struct weft_code_change *change) {
    struct weft_statem_change to = {.data_size = 64};
    CHECK_EQ_INT(weft_statem_change(self, change->old_state, change->new_state, &to), WEFT_OK);
    return WEFT_ERR_UNSUPPORTED;
}

#define MACHINE(n, size)                                                                           \
    static WEFT_STATEM(machine_##n, "machine", n, .behaviour.code_change = machine_change,         \
                       .init = machine_init, .data_size = (size),                                  \
                       .callbacks = {.states = machine_states, .states_count = 1});                \
    static const struct weft_behaviour *const machines_##n[] = {&machine_##n.behaviour}
MACHINE(1, 32);
MACHINE(2, 64);
static const struct weft_module_info machines[] = {PART(1, machines_1, NULL),
                                                   PART(2, machines_2, NULL)};

static void a_failed_change_leaves_a_large_state_machine_whole(void) {
    open_part(machines);
    in(world.root, start_part);
    CHECK_EQ_INT(upgrade_part(2, WEFT_CODE_EAGER), WEFT_ERR_FAULT);
    CHECK_EQ_UINT(version_of(a), 1);
    cast(a, 1);
    settle();
    CHECK(alive(a));
    CHECK_LOG("data");
    close_part();
}

/* --- applications --- */

static const struct weft_application app_a1 = {.name = "alpha",
                                               .children = {{.id = "x", .behaviour = &part_1}}};
static const struct weft_application app_a2 = {
    .name = "alpha", .dependencies = {"beta"}, .children = {{.id = "x", .behaviour = &part_2}}};
static const struct weft_application app_b = {.name = "beta", .dependencies = {"alpha"}};
static const struct weft_module_info apps[] = {PART(1, parts_1, &app_a1),
                                               PART(2, parts_2, &app_a2)};

static void a_version_that_would_close_a_circle_is_no_heir(void) {
    struct weft_reason reason;
    open_part(apps);
    CHECK_EQ_INT(weft_sched_app_load(world.sched, copies[1]->application, &reason), WEFT_OK);
    CHECK_EQ_INT(weft_sched_app_load(world.sched, &app_b, &reason), WEFT_OK);
    CHECK_EQ_INT(upgrade_part(2, WEFT_CODE_EAGER), WEFT_OK);
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", false, &why), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(weft_sched_app_unload(world.sched, "beta"), WEFT_OK);
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", false, &why), WEFT_OK);
    CHECK_EQ_UINT(kit_loaded, 1);
    done();
}

/* An application with a supervisor below its own, whose specs lie in the module. */
static struct weft_child_spec leaf = {.id = "leaf", .name = "leaf"};
static const struct weft_sup_config branch = {.children = &leaf, .children_count = 1};
static const struct weft_child_spec tree_children[] = {
    {.id = "branch",
     .name = "branch",
     .behaviour = &weft_supervisor,
     .arg = {(const unsigned char *)&branch, sizeof branch}}};
static const struct weft_sup_config tree = {.children = tree_children, .children_count = 1};
static const struct weft_application app_tree = {.name = "tree", .tree = &tree};
static const struct weft_module_info trees[] = {PART(1, parts_1, &app_tree),
                                                PART(2, parts_2, &app_tree)};

static void start_tree(weft_self *self) {
    weft_pid pid;
    leaf.behaviour = copies[1]->behaviours[0];
    struct weft_spawn spawn = {.behaviour = &weft_supervisor,
                               .arg = weft_bytes(&tree, sizeof tree)};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &pid), WEFT_OK);
}

static void a_supervisor_below_starts_the_code_of_today(void) {
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    open_part(trees);
    in(world.root, start_tree);
    CHECK_EQ_UINT(version_of(weft_sched_whereis(world.sched, "leaf")), 1);
    CHECK_EQ_INT(upgrade_part(2, WEFT_CODE_EAGER), WEFT_OK);
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", false, &why), WEFT_OK);
    weft_sched_exit(world.sched, weft_sched_whereis(world.sched, "branch"), &kill);
    settle();
    CHECK_EQ_UINT(version_of(weft_sched_whereis(world.sched, "leaf")), 2);
    done();
}

static weft_pid sup;
static void start_sup(weft_self *self) {
    struct weft_sup_config config = {.strategy = WEFT_ONE_FOR_ONE};
    struct weft_spawn spawn = {.behaviour = &weft_supervisor,
                               .arg = weft_bytes(&config, sizeof config)};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &sup), WEFT_OK);
    struct weft_child_spec child = {
        .id = "c", .name = "child", .behaviour = copies[1]->behaviours[0]};
    weft_ref ref;
    CHECK_EQ_INT(weft_sched_sys_suspend(world.sched, sup), WEFT_OK);
    CHECK_EQ_INT(weft_sup_start_child(self, sup, &child, &ref), WEFT_OK);
}

static void a_request_that_waits_keeps_what_it_names(void) {
    open_part(plain_parts);
    in(world.root, start_sup);
    CHECK_EQ_INT(upgrade_part(2, WEFT_CODE_EAGER), WEFT_OK);
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", true, &why), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(weft_sched_sys_resume(world.sched, sup), WEFT_OK);
    settle();
    CHECK_EQ_INT(weft_code_purge(world.sched, "part", false, &why), WEFT_OK);
    CHECK_EQ_UINT(version_of(weft_sched_whereis(world.sched, "child")), 2);
    world_log_clear();
    done();
}

/* --- hibernation and the watchdog --- */

static size_t unpacks;

static int sleeper_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_gen_server_hibernate(self);
    return WEFT_OK;
}
static void sleeper_cast(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    weft_gen_server_hibernate(self);
}
static size_t sleeper_pack(weft_self *self, void *room, size_t size) {
    (void)self;
    if (size > 0) memset(room, 1, size);
    return 1;
}
static int sleeper_unpack(weft_self *self, struct weft_bytes packed) {
    (void)self;
    (void)packed;
    unpacks++;
    return WEFT_OK;
}
static WEFT_GEN_SERVER(sleeper, .name = "sleeper", .state_size = 4096, .init = sleeper_init,
                       .handle_cast = sleeper_cast, .pack = sleeper_pack, .unpack = sleeper_unpack);
static void start_sleeper(weft_self *self) {
    CHECK_EQ_INT(weft_spawn(self, &(struct weft_spawn){.behaviour = &sleeper}, &a), WEFT_OK);
}

static void who_hibernates_is_not_woken_by_an_upgrade_of_others(void) {
    open_part(plain_parts);
    unpacks = 0;
    in(world.root, start_sleeper);
    cast(a, 1);
    settle();
    CHECK(weft_otp__find(world.sched, a)->flags & PROC_ASLEEP);
    CHECK_EQ_INT(upgrade_part(2, WEFT_CODE_SWEEP), WEFT_OK);
    settle();
    CHECK_EQ_UINT(unpacks, 0);
    CHECK(weft_otp__find(world.sched, a)->flags & PROC_ASLEEP);
    close_part();
}

static weft_duration limit_seen;
static uint64_t beats[3];
static uint32_t changes;

static int timed_change(weft_self *self, const struct weft_code_change *change) {
    (void)change;
    limit_seen = self->sched->watch.limit;
    beats[changes++] = self->sched->watch.beat;
    return WEFT_OK;
}
static WEFT_PROCESS(timed_2, .name = "part", .version = 2, .handle = part_handle,
                    .handler_max = WEFT_S(7), .code_change = timed_change);
static const struct weft_behaviour *const timed[] = {&timed_2};
static const struct weft_module_info timed_parts[] = {PART(1, parts_1, NULL), PART(2, timed, NULL)};

static void each_code_change_has_its_own_time(void) {
    open_part(timed_parts);
    changes = 0;
    in(world.root, start_part);
    CHECK_EQ_INT(upgrade_part(2, WEFT_CODE_EAGER), WEFT_OK);
    CHECK_EQ_INT(limit_seen, WEFT_S(7));
    CHECK(world.sched->watch.limit != WEFT_S(7));
    CHECK(world.sched->watch.beat != beats[0]);
    close_part();
}

TEST_MAIN("otp code hazards", TEST(a_job_keeps_the_code_that_it_runs),
          TEST(a_job_that_waits_leaves_its_code_with_its_owner),
          TEST(a_job_that_runs_on_keeps_the_memory_of_its_code),
          TEST(a_failed_change_leaves_a_large_state_machine_whole),
          TEST(a_version_that_would_close_a_circle_is_no_heir),
          TEST(a_supervisor_below_starts_the_code_of_today),
          TEST(a_request_that_waits_keeps_what_it_names),
          TEST(who_hibernates_is_not_woken_by_an_upgrade_of_others),
          TEST(each_code_change_has_its_own_time))
