/* An application as small as they come: a server that counts its calls and its casts. */
#include "core/base/assert.h"
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"

#include <stdio.h>
#include <stdlib.h>

struct counter {
    uint64_t n;
};

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct counter *counter = weft_state(self);
    const char *start = weft_app_get_env(self, NULL, "start");
    (void)arg;
    counter->n = start != NULL ? strtoull(start, NULL, 10) : 0;
    return counter->n > 1000 ? WEFT_ERR_TOO_BIG
                             : weft_timer_start(self, WEFT_MS(50), 1, weft_bytes(NULL, 0), NULL);
}

static void on_timer(weft_self *self, const struct weft_msg *msg) {
    struct counter *counter = weft_state(self);
    if (msg->kind != WEFT_MSG_TIMER) return;
    counter->n++;
    (void)weft_timer_start(self, WEFT_MS(50), 1, weft_bytes(NULL, 0), NULL);
    WEFT_ASSERT(counter->n < 5 || weft_app_get_env(self, NULL, "crash") == NULL);
}

static size_t on_status(weft_self *self, char *text, size_t size) {
    const struct counter *counter = weft_state(self);
    return (size_t)snprintf(text, size, "counted to %llu", (unsigned long long)counter->n);
}

static WEFT_GEN_SERVER(counter_v1, .name = "counter", .version = 1,
                       .state_size = sizeof(struct counter), .init = on_init,
                       .handle_info = on_timer, .format_status = on_status);
static const struct weft_behaviour *const behaviours[] = {&counter_v1};

static WEFT_APPLICATION(counter_app, .version = "0.3", .description = "counts", .intensity = 1,
                        .children = {
                            {.id = "counter", .name = "counter", .behaviour = &counter_v1}});

WEFT_MODULE(.name = "counter", .version = COUNTER_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &counter_app);
