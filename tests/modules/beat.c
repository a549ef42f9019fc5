/* "beat", an application in several versions, for scenarios: a process that counts, by a timer.
 * Version 2 keeps more, 3 refuses to change the state, 4 faults at its third beat. */
#include "core/base/assert.h"
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"

#define BEAT_EVERY WEFT_MS(100)

struct beat_1 {
    uint64_t count;
};

#if BEAT_VERSION == 1 || BEAT_VERSION == 3
typedef struct beat_1 beat;
#else
typedef struct {
    uint64_t since, more[8];
    uint64_t count;
} beat;
#endif

static void start(weft_self *self) {
    weft_ref ref;
    int rv = weft_timer_start(self, BEAT_EVERY, 1, weft_bytes(NULL, 0), &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    start(self);
    return WEFT_OK;
}

static void on_info(weft_self *self, const struct weft_msg *msg) {
    beat *state = weft_state(self);
    if (msg->kind != WEFT_MSG_TIMER) return;
    state->count++;
#if BEAT_VERSION == 4
    bool planted_fault = ++state->since == 3;
    WEFT_ASSERT(!planted_fault);
#endif
    start(self);
}

#if BEAT_VERSION == 2 || BEAT_VERSION == 4
static int on_change(weft_self *self, const struct weft_code_change *change) {
    (void)self;
    if (change->old_size == change->new_size) {
        *(beat *)change->new_state = *(const beat *)change->old_state;
    } else if (change->direction == WEFT_CODE_UP) {
        ((beat *)change->new_state)->count = ((const struct beat_1 *)change->old_state)->count;
    } else {
        ((struct beat_1 *)change->new_state)->count = ((const beat *)change->old_state)->count;
    }
    return WEFT_OK;
}
#elif BEAT_VERSION == 3
static int on_change(weft_self *self, const struct weft_code_change *change) {
    (void)self;
    (void)change;
    return WEFT_ERR_UNSUPPORTED;
}
#else
#define on_change NULL
#endif

static WEFT_GEN_SERVER(beat_server, .name = "beat", .version = BEAT_VERSION,
                       .state_size = sizeof(beat), .init = on_init, .handle_info = on_info,
                       .code_change = on_change);

static const struct weft_behaviour *const behaviours[] = {&beat_server};

static WEFT_APPLICATION(beat_app, .name = "beat", .version = "1",
                        .children = {{.id = "beat", .name = "beat", .behaviour = &beat_server}});

WEFT_MODULE(.name = "beat", .version = BEAT_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &beat_app);
