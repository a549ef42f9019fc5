/* An application that runs on every scheduler: each part listens on the same port, and tells who
 * comes which scheduler it came to. With "keep" the stream stays. */
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"
#include "core/otp/remote.h"

#include <stdio.h>
#include <stdlib.h>

struct front {
    weft_socket listener;
    uint64_t served;
};

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct front *front = weft_state(self);
    const char *port = weft_app_get_env(self, NULL, "port");
    const char *broken = weft_app_get_env(self, NULL, "broken");
    struct weft_addr local =
        weft_addr_v4(0, 0, 0, 0, (uint16_t)(port != NULL ? strtoul(port, NULL, 10) : 0));
    (void)arg;
    if (broken != NULL && strtoul(broken, NULL, 10) == weft_self_scheduler(self))
        return WEFT_ERR_REFUSED;
    return weft_stream_listen(self, &local, 1024, &front->listener);
}

static void serve(weft_self *self, weft_socket socket) {
    struct front *front = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    char text[32];
    int size =
        snprintf(text, sizeof text, "scheduler %u v%u\n", weft_self_scheduler(self), FRONT_VERSION);
    (void)env->net->stream_write(env, socket, text, (size_t)size);
    if (weft_app_get_env(self, NULL, "keep") == NULL) weft_socket_close(self, socket);
    front->served++;
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    if (info->kind != WEFT_MSG_EVENT) return;
    if (info->event->kind == WEFT_EVENT_ACCEPTED) serve(self, info->event->accepted);
}

#if FRONT_VERSION == 3
/* The part of one scheduler cannot change. */
static int on_change(weft_self *self, const struct weft_code_change *change) {
    (void)change;
    return weft_self_scheduler(self) == 1 ? WEFT_ERR_UNSUPPORTED : WEFT_OK;
}
#else
static int on_change(weft_self *self, const struct weft_code_change *change) {
    (void)self;
    (void)change;
    return WEFT_OK;
}
#endif

static WEFT_GEN_SERVER(front_server, .name = "front", .version = FRONT_VERSION,
                       .state_size = sizeof(struct front), .init = on_init, .handle_info = on_info,
                       .code_change = on_change);
static const struct weft_behaviour *const behaviours[] = {&front_server};

static void on_stop(weft_self *self) {
    weft_log(weft_self_env(self), WEFT_LOG_INFO, "front stops on %u", weft_self_scheduler(self));
}

static WEFT_APPLICATION(front, .version = "1", .each = true, .env = {{"port", "0"}},
                        .stop = on_stop, .children = {{.id = "front", .behaviour = &front_server}});

WEFT_MODULE(.name = "front", .version = FRONT_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &front);
