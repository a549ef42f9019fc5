/* Counter: the smallest application there is. It counts seconds, version 2 by two. */
#include <core/otp/application.h>
#include <core/otp/gen_server.h>
#include <core/otp/module.h>
#include <stdio.h>

static int start(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_gen_server_timeout(self, WEFT_S(1));
    return WEFT_OK;
}

static void tick(weft_self *self) {
    uint32_t *count = weft_state(self);
    *count += VERSION;
    weft_gen_server_timeout(self, WEFT_S(1));
}

static size_t show(weft_self *self, char *text, size_t size) {
    const uint32_t *count = weft_state(self);
    return (size_t)snprintf(text, size, "counted to %u", *count);
}

static WEFT_GEN_SERVER(server, .name = "counter", .version = VERSION,
                       .state_size = sizeof(uint32_t), .init = start, .handle_timeout = tick,
                       .format_status = show);
static const struct weft_behaviour *const behaviours[] = {&server};
static WEFT_APPLICATION(counter, .version = "1",
                        .children = {{.id = "server", .name = "counter", .behaviour = &server}});
WEFT_MODULE(.name = "counter", .version = VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &counter);
