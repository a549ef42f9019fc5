/* "almanac", an application for scenarios: a process that reads the wall clock ten times a second
 * and logs when it did not go on by as much as the monotonic one. */
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"

#define READ_EVERY WEFT_MS(100)

struct almanac {
    weft_duration ahead; /* of the monotonic clock */
};

static weft_duration ahead_of(weft_self *self) {
    struct weft_env *env = weft_self_env(self);
    return env->clock->wall(env) - weft_now(self);
}

static int wait(weft_self *self) {
    return weft_timer_start(self, READ_EVERY, 1, weft_bytes(NULL, 0), NULL);
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct almanac *almanac = weft_state(self);
    (void)arg;
    almanac->ahead = ahead_of(self);
    return wait(self);
}

static void on_info(weft_self *self, const struct weft_msg *msg) {
    struct almanac *almanac = weft_state(self);
    if (msg->kind != WEFT_MSG_TIMER) return;
    weft_duration ahead = ahead_of(self), jump = ahead - almanac->ahead;
    if (jump > WEFT_MS(1) || jump < -WEFT_MS(1))
        weft_log(weft_self_env(self), WEFT_LOG_INFO, "the wall clock jumped by %lld ms",
                 (long long)(jump / WEFT_MS(1)));
    almanac->ahead = ahead;
    int rv = wait(self);
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, rv);
    if (rv != WEFT_OK) weft_stop(self, &why);
}

static WEFT_GEN_SERVER(almanac_server, .name = "almanac", .version = 1,
                       .state_size = sizeof(struct almanac), .init = on_init,
                       .handle_info = on_info);

static const struct weft_behaviour *const behaviours[] = {&almanac_server};

static WEFT_APPLICATION(almanac_app, .name = "almanac", .version = "1",
                        .children = {
                            {.id = "almanac", .name = "almanac", .behaviour = &almanac_server}});

WEFT_MODULE(.name = "almanac", .version = ALMANAC_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &almanac_app);
