/* Upgrades of processes of other kinds: one that hibernates, and the handlers of a gen_event. */
#include "core/otp/gen_event.h"
#include "core/otp/module.h"
#include "tests/unit/otp/code_kit.h"

#include "core/otp/internal.h"

static weft_pid a, manager;
static weft_ref ref;

static void open_module(const struct weft_module_info infos[2]) {
    code_open();
    kit_put("first", &infos[0]);
    kit_put("second", &infos[1]);
    CHECK_EQ_INT(load("first"), WEFT_OK);
    CHECK_EQ_INT(load("second"), WEFT_OK);
}

static int move_to(const char *module, uint32_t version, enum weft_code_mode mode) {
    struct weft_code_upgrade upgrade = {.module = module, .version = version, .mode = mode};
    return weft_code_upgrade(world.sched, &upgrade, &why);
}

/* --- one that hibernates: version 1 packs a count into a byte, version 2 into four --- */

struct small {
    uint32_t count;
    char rest[2000];
};
struct large {
    char rest[3000];
    uint32_t count, changed;
};

static uint32_t unpacks[3], last_count;

static int small_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_gen_server_hibernate(self);
    return WEFT_OK;
}

static void small_cast(weft_self *self, const struct weft_msg *msg) {
    struct small *small = weft_state(self);
    (void)msg;
    last_count = ++small->count;
    weft_gen_server_hibernate(self);
}

static size_t small_pack(weft_self *self, void *room, size_t size) {
    const struct small *small = weft_state(self);
    if (size > 0) *(unsigned char *)room = (unsigned char)small->count;
    return 1;
}

static int small_unpack(weft_self *self, struct weft_bytes packed) {
    unpacks[1]++;
    CHECK_EQ_UINT(packed.size, 1);
    ((struct small *)weft_state(self))->count = packed.data[0];
    return WEFT_OK;
}

static void large_cast(weft_self *self, const struct weft_msg *msg) {
    struct large *large = weft_state(self);
    (void)msg;
    last_count = ++large->count;
    weft_gen_server_hibernate(self);
}

static size_t large_pack(weft_self *self, void *room, size_t size) {
    const struct large *large = weft_state(self);
    if (size > 0) memcpy(room, &large->count, sizeof large->count);
    return sizeof large->count;
}

static int large_unpack(weft_self *self, struct weft_bytes packed) {
    struct large *large = weft_state(self);
    unpacks[2]++;
    CHECK_EQ_UINT(packed.size, sizeof large->count);
    memcpy(&large->count, packed.data, sizeof large->count);
    return WEFT_OK;
}

static int large_change(weft_self *self, const struct weft_code_change *change) {
    (void)self;
    if (change->direction == WEFT_CODE_UP) {
        const struct small *from = change->old_state;
        *(struct large *)change->new_state = (struct large){.count = from->count, .changed = 1};
    } else {
        const struct large *from = change->old_state;
        ((struct small *)change->new_state)->count = from->count;
    }
    return WEFT_OK;
}

static WEFT_GEN_SERVER(small, .name = "napper", .version = 1, .state_size = sizeof(struct small),
                       .init = small_init, .handle_cast = small_cast, .pack = small_pack,
                       .unpack = small_unpack);
static WEFT_GEN_SERVER(large, .name = "napper", .version = 2, .state_size = sizeof(struct large),
                       .handle_cast = large_cast, .pack = large_pack, .unpack = large_unpack,
                       .code_change = large_change);
static const struct weft_behaviour *const smalls[] = {&small}, *const larges[] = {&large};
static const struct weft_module_info nappers[] = {
    {.abi = WEFT_ABI, .name = "napper", .version = 1, WEFT_BEHAVIOURS(smalls)},
    {.abi = WEFT_ABI, .name = "napper", .version = 2, WEFT_BEHAVIOURS(larges)}};

static void start_napper(weft_self *self) {
    CHECK_EQ_INT(weft_spawn(self, &(struct weft_spawn){.behaviour = &small}, &a), WEFT_OK);
}

static bool sleeps(void) { return weft_otp__find(world.sched, a)->flags & PROC_ASLEEP; }

static void open_asleep(void) {
    open_module(nappers);
    memset(unpacks, 0, sizeof unpacks);
    in(world.root, start_napper);
    cast(a, 1);
    cast(a, 1);
    settle();
    CHECK(sleeps());
    CHECK_EQ_UINT(last_count, 2);
    memset(unpacks, 0, sizeof unpacks);
}

static void close_napper(void) {
    CHECK_EQ_INT(weft_code_purge(world.sched, "napper", true, NULL), WEFT_OK);
    world_close();
}

static void who_hibernates_is_woken_by_the_code_it_went_to_sleep_with(void) {
    open_asleep();
    CHECK_EQ_INT(move_to("napper", 2, WEFT_CODE_LAZY), WEFT_OK);
    CHECK(sleeps());
    cast(a, 1);
    settle();
    CHECK_EQ_UINT(version_of(a), 2);
    CHECK_EQ_UINT(last_count, 3);
    CHECK_EQ_UINT(unpacks[1], 1);
    CHECK_EQ_UINT(unpacks[2], 0);
    CHECK(sleeps()); /* now as version 2 */
    cast(a, 1);
    settle();
    CHECK_EQ_UINT(last_count, 4);
    CHECK_EQ_UINT(unpacks[1], 1);
    CHECK_EQ_UINT(unpacks[2], 1);
    close_napper();
}

static void a_sweep_moves_who_hibernates(void) {
    open_asleep();
    CHECK_EQ_INT(move_to("napper", 2, WEFT_CODE_SWEEP), WEFT_OK);
    settle();
    CHECK_EQ_UINT(version_of(a), 2);
    CHECK_EQ_UINT(unpacks[1], 1);
    cast(a, 1);
    settle();
    CHECK_EQ_UINT(last_count, 3);
    close_napper();
}

static void who_hibernates_in_new_code_goes_back_with_what_it_has(void) {
    open_asleep();
    CHECK_EQ_INT(move_to("napper", 2, WEFT_CODE_EAGER), WEFT_OK);
    cast(a, 1);
    settle();
    CHECK(sleeps());
    CHECK_EQ_INT(weft_code_rollback(world.sched, "napper", &why), WEFT_OK);
    cast(a, 1);
    settle();
    CHECK_EQ_UINT(version_of(a), 1);
    CHECK_EQ_UINT(last_count, 4);
    CHECK(sleeps());
    close_napper();
}

/* --- the handlers of a gen_event --- */

struct seen {
    uint32_t events;
};

static void count_one(weft_self *self, const struct weft_msg *event) {
    ((struct seen *)weft_state(self))->events++;
    if (event->tag == 9) note("first %u", ((struct seen *)weft_state(self))->events);
}

static void count_two(weft_self *self, const struct weft_msg *event) {
    ((struct seen *)weft_state(self))->events++;
    if (event->tag == 9) note("second %u", ((struct seen *)weft_state(self))->events);
    if (event->tag == 8) fault_assert(self);
}

static struct weft_bytes end_two(weft_self *self, const struct weft_gen_event_end *end) {
    (void)self;
    note("second ends %d", (int)end->how);
    return weft_bytes_text("gone");
}

static WEFT_GEN_EVENT_HANDLER(counter_1, "counter", 1, sizeof(struct seen),
                              .handle_event = count_one);
static WEFT_GEN_EVENT_HANDLER(counter_2, "counter", 2, sizeof(struct seen),
                              .handle_event = count_two, .terminate = end_two);
static const struct weft_behaviour *const counters_1[] = {&counter_1.behaviour},
                                          *const counters_2[] = {&counter_2.behaviour};
static const struct weft_module_info counters[] = {
    {.abi = WEFT_ABI, .name = "counter", .version = 1, WEFT_BEHAVIOURS(counters_1)},
    {.abi = WEFT_ABI, .name = "counter", .version = 2, WEFT_BEHAVIOURS(counters_2)}};

static void start_manager(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &weft_gen_event.behaviour};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &manager), WEFT_OK);
    struct weft_gen_event_add add = {.handler = &counter_1};
    CHECK_EQ_INT(weft_gen_event_add_handler(self, manager, &add, &ref), WEFT_OK);
    add.id = "again";
    CHECK_EQ_INT(weft_gen_event_add_handler(self, manager, &add, &ref), WEFT_OK);
}

static uint32_t tag;
static void notify(weft_self *self) {
    CHECK_EQ_INT(weft_gen_event_notify(self, manager, tag, weft_bytes(NULL, 0)), WEFT_OK);
}
static void tell(uint32_t what) {
    tag = what;
    in(world.root, notify);
    settle();
}

static void drop_again(weft_self *self) {
    struct weft_gen_event_old old = {.id = "again"};
    CHECK_EQ_INT(weft_gen_event_delete_handler(self, manager, &old, &ref), WEFT_OK);
}

static void open_counters(void) {
    open_module(counters);
    in(world.root, start_manager);
    settle();
    world_log_clear();
    tell(1);
    tell(9);
    CHECK_LOG("first 2, first 2");
}

static void close_counters(void) {
    weft_sched_exit(world.sched, manager, &(struct weft_reason){.kind = WEFT_REASON_KILL});
    settle();
    world_log_clear();
    CHECK_EQ_INT(weft_code_purge(world.sched, "counter", true, NULL), WEFT_OK);
    world_close();
}

static void handlers_of_an_event_manager_go_over_with_what_they_counted(void) {
    open_counters();
    CHECK_EQ_INT(move_to("counter", 2, WEFT_CODE_LAZY), WEFT_OK);
    tell(9);
    CHECK_LOG("second 3, second 3");
    CHECK_EQ_UINT(procs_of("counter", 2), 2);
    in(world.root, drop_again); /* the new version's terminate, found by the manager */
    settle();
    world_log_clear();
    tell(9);
    CHECK_LOG("second 4");
    close_counters();
}

static void a_handler_that_faults_in_new_code_takes_the_others_back(void) {
    open_counters();
    struct weft_code_upgrade upgrade = {
        .module = "counter", .version = 2, .mode = WEFT_CODE_EAGER, .watch = 100};
    CHECK_EQ_INT(weft_code_upgrade(world.sched, &upgrade, &why), WEFT_OK);
    tag = 8;
    in(world.root, notify);
    settle();
    world_log_clear();
    CHECK_EQ_UINT(procs_of("counter", 2), 0);
    tell(9); /* one has faulted; the other had the event that did it in the old code */
    CHECK_LOG("first 4");
    close_counters();
}

TEST_MAIN("otp/code_kinds", TEST(who_hibernates_is_woken_by_the_code_it_went_to_sleep_with),
          TEST(a_sweep_moves_who_hibernates),
          TEST(who_hibernates_in_new_code_goes_back_with_what_it_has),
          TEST(handlers_of_an_event_manager_go_over_with_what_they_counted),
          TEST(a_handler_that_faults_in_new_code_takes_the_others_back))
