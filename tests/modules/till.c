/* "till", an application with a planted bug that needs two orderings: a clerk reads the amount and
 * writes one more, and meanwhile a payment must not arrive. A payment starts at the same time, but
 * comes through four hands. First in, first out, the clerk is always sooner. */
#include "core/base/assert.h"
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"

#include <string.h>

#define ROUND_EVERY WEFT_MS(100)

enum tag { TAG_START = 1, TAG_READ, TAG_AMOUNT, TAG_WRITE, TAG_PAY };

static void send_amount(weft_self *self, const char *to, enum tag tag, uint64_t amount) {
    (void)weft_send_name(self, to, (uint32_t)tag, weft_bytes(&amount, sizeof amount));
}

static uint64_t amount_of(const struct weft_msg *msg) {
    uint64_t amount = 0;
    WEFT_ASSERT(msg->data.size == sizeof amount);
    memcpy(&amount, msg->data.data, sizeof amount);
    return amount;
}

/* --- till --- */

static void till_handle(weft_self *self, const struct weft_msg *msg) {
    uint64_t *amount = weft_state(self);
    if (msg->tag == TAG_READ) {
        send_amount(self, "clerk", TAG_AMOUNT, *amount);
    } else if (msg->tag == TAG_PAY) {
        *amount += amount_of(msg);
    } else if (msg->tag == TAG_WRITE) {
        uint64_t written = amount_of(msg), nothing_was_lost = *amount + 1;
        WEFT_ASSERT(written == nothing_was_lost);
        *amount = written;
    }
}

static WEFT_GEN_SERVER(till_server, .name = "till", .version = 1, .state_size = sizeof(uint64_t),
                       .handle_cast = till_handle);

/* --- clerk --- */

static void clerk_handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->tag == TAG_START) (void)weft_send_name(self, "till", TAG_READ, weft_bytes(NULL, 0));
    if (msg->tag == TAG_AMOUNT) send_amount(self, "till", TAG_WRITE, amount_of(msg) + 1);
}

static WEFT_GEN_SERVER(clerk_server, .name = "clerk", .version = 1, .handle_cast = clerk_handle);

/* --- hands --- */

static int hand_init(weft_self *self, struct weft_bytes arg) {
    char *next = weft_state(self);
    WEFT_ASSERT(arg.size < 16);
    memcpy(next, arg.data, arg.size);
    return WEFT_OK;
}

static void hand_handle(weft_self *self, const struct weft_msg *msg) {
    send_amount(self, weft_state(self), TAG_PAY, amount_of(msg));
}

static WEFT_GEN_SERVER(hand_server, .name = "hand", .version = 1, .state_size = 16,
                       .init = hand_init, .handle_cast = hand_handle);

/* --- bell --- */

static int bell_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    return weft_timer_start(self, ROUND_EVERY, 1, weft_bytes(NULL, 0), NULL);
}

static void bell_handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind != WEFT_MSG_TIMER) return;
    (void)weft_send_name(self, "clerk", TAG_START, weft_bytes(NULL, 0));
    send_amount(self, "hand1", TAG_PAY, 10);
    (void)weft_timer_start(self, ROUND_EVERY, 1, weft_bytes(NULL, 0), NULL);
}

static WEFT_GEN_SERVER(bell_server, .name = "bell", .version = 1, .init = bell_init,
                       .handle_info = bell_handle);

static const struct weft_behaviour *const behaviours[] = {&till_server, &clerk_server, &hand_server,
                                                          &bell_server};

#define HAND(self, next)                                                                           \
    {                                                                                              \
        .id = self, .name = self, .behaviour = &hand_server, .arg = {(const void *)next, 6 }       \
    }

static WEFT_APPLICATION(till_app, .name = "till", .version = "1",
                        .children = {{.id = "till", .name = "till", .behaviour = &till_server},
                                     {.id = "clerk", .name = "clerk", .behaviour = &clerk_server},
                                     HAND("hand1", "hand2"),
                                     HAND("hand2", "hand3"),
                                     HAND("hand3", "hand4"),
                                     HAND("hand4", "till\0"),
                                     {.id = "bell", .name = "bell", .behaviour = &bell_server}});

WEFT_MODULE(.name = "till", .version = TILL_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &till_app);
