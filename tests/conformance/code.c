/* code_change: a process goes from one version of its module to the next, between two messages. */
#include "tests/conformance/stage.h"

#include "core/base/assert.h"
#include "core/otp/code.h"
#include "core/otp/sys.h"

#include <string.h>

#define STATE_SIZE 8

static weft_pid holder;

static int holder_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    memcpy(weft_state(self), "old", 4);
    return WEFT_OK;
}

static void holder_handle(weft_self *self, const struct weft_msg *msg) { (void)obey(self, msg); }

static int changed(weft_self *self, const struct weft_code_change *change) {
    (void)self;
    WEFT_ASSERT(memcmp(change->old_state, "old", 4) == 0);
    WEFT_ASSERT(weft_bytes_equal(change->extra, weft_bytes_text("extra")));
    memcpy(change->new_state, "changed", STATE_SIZE);
    return WEFT_OK;
}

static WEFT_PROCESS(holder_1, .name = "holder", .version = 1, .state_size = STATE_SIZE,
                    .init = holder_init, .handle = holder_handle);
static WEFT_PROCESS(holder_2, .name = "holder", .version = 2, .state_size = STATE_SIZE,
                    .init = holder_init, .handle = holder_handle, .code_change = changed);

static const struct weft_behaviour *const behaviours_1[] = {&holder_1};
static const struct weft_behaviour *const behaviours_2[] = {&holder_2};

static const struct weft_module_info modules[] = {
    {.abi = WEFT_ABI, .name = "holder", .version = 1, WEFT_BEHAVIOURS(behaviours_1)},
    {.abi = WEFT_ABI, .name = "holder", .version = 2, WEFT_BEHAVIOURS(behaviours_2)}};

static void start_holder(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &holder_1};
    int rv = weft_spawn(self, &spawn, &holder);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void suspend(weft_self *self) {
    int rv = weft_sys_suspend(self, holder);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void resume(weft_self *self) {
    int rv = weft_sys_resume(self, holder);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void load(int version) {
    struct weft_code_text why;
    stage_module(&modules[version - 1]);
    int rv = weft_code_load(stage_sched(), "holder.so", NULL, &why);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void nothing(weft_self *self) { (void)self; }

static void say_state(weft_self *self) {
    char state[STATE_SIZE];
    size_t size = sizeof state;
    int rv = weft_sys_get_state(self, holder, state, &size);
    WEFT_ASSERT(rv == WEFT_OK);
    say("%s", state);
}

/* a: suspended meanwhile */
static void play_change(const struct scene *scene) {
    struct weft_code_upgrade upgrade = {
        .module = "holder", .version = 2, .extra = weft_bytes_text("extra")};
    struct weft_code_text why;
    load(1);
    in(judge, start_holder);
    load(2);
    if (scene->a != 0) in(judge, suspend);
    int rv = weft_code_upgrade(stage_sched(), &upgrade, &why);
    say(rv == WEFT_OK ? "ok" : "refused");
    if (scene->a != 0) in(judge, resume);
    in(holder, nothing);
    in(judge, say_state);
}

static const struct scene scenes[] = {
    {"sys.change_code", play_change, 1, 0},
    {"sys.change_code_not_suspended", play_change, 0, 0},
};

const struct scenes code_scenes = {scenes, sizeof scenes / sizeof scenes[0]};
