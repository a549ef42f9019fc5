/* "wobble", an application that is not the same twice: after 5 s one of its beats takes as long as,
 * version 1, its own address says; 2, memory that nobody wrote. */
#include "core/base/assert.h"
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"

#include <stdlib.h>

#define BEAT WEFT_MS(100)
#define BEATS_ALIKE 50

typedef struct {
    uint64_t count;
} wobble;

static uint64_t wobble_by(weft_self *self) {
#if WOBBLE_VERSION == 1
    (void)self;
    return (uint64_t)(uintptr_t)&wobble_by >> 12; /* pages: randomised by the system */
#else
    (void)self;
    void *volatile hidden = malloc(4096); /* from the compiler, which would tell */
    WEFT_ASSERT(hidden != NULL);
    const unsigned char *bytes = hidden;
    uint64_t found = bytes[2048];
    free(hidden);
    return found;
#endif
}

static void start(weft_self *self, weft_duration delay) {
    weft_ref ref;
    int rv = weft_timer_start(self, delay, 1, weft_bytes(NULL, 0), &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    start(self, BEAT);
    return WEFT_OK;
}

static void on_info(weft_self *self, const struct weft_msg *msg) {
    wobble *state = weft_state(self);
    if (msg->kind != WEFT_MSG_TIMER) return;
    bool is_late = ++state->count == BEATS_ALIKE;
    start(self, is_late ? BEAT + WEFT_US(wobble_by(self) & 0xffff) : BEAT);
}

static WEFT_GEN_SERVER(wobble_server, .name = "wobble", .version = WOBBLE_VERSION,
                       .state_size = sizeof(wobble), .init = on_init, .handle_info = on_info);

static const struct weft_behaviour *const behaviours[] = {&wobble_server};

static WEFT_APPLICATION(wobble_app, .name = "wobble", .version = "1",
                        .children = {
                            {.id = "wobble", .name = "wobble", .behaviour = &wobble_server}});

WEFT_MODULE(.name = "wobble", .version = WOBBLE_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &wobble_app);
