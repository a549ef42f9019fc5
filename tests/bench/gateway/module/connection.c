/* A connection: echoes frames; what it cannot send at once it keeps, and reads no more until it
 * could. A module in two versions, GATEWAY_VERSION, whose states differ: the second counts bytes
 * and when it was last used as well, and has its fields in another order. */
#include "core/otp/module.h"
#include "tests/bench/gateway/gateway.h"

#include <string.h>

#define READ_SIZE 4096

struct connection_1 {
    uint64_t echoed;
    unsigned char *unsent; /* with weft_alloc; NULL: nothing */
    uint32_t unsent_size, unsent_at;
    uint8_t partial_size;
    unsigned char partial[FRAME_SIZE];
};

struct connection_2 {
    unsigned char partial[FRAME_SIZE];
    uint8_t partial_size;
    uint32_t unsent_size, unsent_at;
    unsigned char *unsent;
    uint64_t echoed, bytes;
    weft_time used;
};

#if GATEWAY_VERSION == 1
#define connection connection_1
#else
#define connection connection_2
#endif

static void end(weft_self *self) {
    struct weft_reason normal = weft_reason(WEFT_REASON_NORMAL, 0);
    weft_stop(self, &normal);
}

/* What could not be sent is kept; the frame before it may have gone in part. */
static void keep(weft_self *self, const unsigned char *data, size_t size) {
    struct connection *connection = weft_state(self);
    connection->unsent = weft_alloc(self, size);
    if (connection->unsent == NULL) {
        end(self);
        return;
    }
    memcpy(connection->unsent, data, size);
    connection->unsent_size = (uint32_t)size;
    connection->unsent_at = 0;
}

static void send_out(weft_self *self, weft_socket socket, const unsigned char *data, size_t size) {
    struct weft_env *env = weft_self_env(self);
    while (size > 0) {
        int64_t sent = env->net->stream_write(env, socket, data, size);
        if (sent == WEFT_ERR_AGAIN) {
            keep(self, data, size);
            return;
        }
        if (sent < 0) {
            end(self);
            return;
        }
        data += sent;
        size -= (size_t)sent;
    }
}

/* Turn a frame into its echo; or die, which a sanitizer must not be faster at. */
__attribute__((no_sanitize("undefined"))) static void handle_frame(struct connection *connection,
                                                                   unsigned char *frame) {
    if (frame[FRAME_OP] == 'X') {
        unsigned char *volatile nowhere = NULL;
        gateway_crashes();
        *nowhere = frame[0];
    }
    frame[FRAME_VERSION] = GATEWAY_VERSION;
    connection->echoed++;
#if GATEWAY_VERSION > 1
    connection->bytes += FRAME_SIZE;
#endif
}

/* Whole frames of `data` are echoed; what is left over waits for its rest. */
static void handle_bytes(weft_self *self, weft_socket socket, unsigned char *data, size_t size) {
    struct connection *connection = weft_state(self);
    size_t whole = size - size % FRAME_SIZE;
    for (size_t at = 0; at < whole; at += FRAME_SIZE) handle_frame(connection, data + at);
    if (whole > 0) send_out(self, socket, data, whole);
    connection->partial_size = (uint8_t)(size - whole);
    if (size > whole) memcpy(connection->partial, data + whole, size - whole);
}

static void read_all(weft_self *self, weft_socket socket) {
    struct connection *connection = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    unsigned char data[FRAME_SIZE + READ_SIZE];
    while (connection->unsent == NULL) {
        size_t kept = connection->partial_size;
        memcpy(data, connection->partial, kept);
        int64_t got = env->net->stream_read(env, socket, data + kept, READ_SIZE);
        if (got == WEFT_ERR_AGAIN) return;
        if (got <= 0) {
            end(self);
            return;
        }
        handle_bytes(self, socket, data, kept + (size_t)got);
    }
}

static void write_rest(weft_self *self, weft_socket socket) {
    struct connection *connection = weft_state(self);
    unsigned char *unsent = connection->unsent;
    if (unsent == NULL) return;
    connection->unsent = NULL;
    send_out(self, socket, unsent + connection->unsent_at,
             connection->unsent_size - connection->unsent_at);
    weft_free(self, unsent);
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    gateway_handles();
    if (info->kind != WEFT_MSG_EVENT) return;
#if GATEWAY_VERSION > 1
    ((struct connection *)weft_state(self))->used = weft_now(self);
#endif
    weft_socket socket = info->event->socket;
    switch (info->event->kind) {
    case WEFT_EVENT_READABLE:
        read_all(self, socket);
        break;
    case WEFT_EVENT_WRITABLE:
        write_rest(self, socket);
        read_all(self, socket);
        break;
    case WEFT_EVENT_FAILED:
        end(self);
        break;
    case WEFT_EVENT_DATAGRAM:
    case WEFT_EVENT_CONNECTED:
    case WEFT_EVENT_ACCEPTED:
    case WEFT_EVENT_JOB:
        break;
    }
}

#if GATEWAY_VERSION > 1
#define COPY(to, from)                                                                             \
    do {                                                                                           \
        (to)->echoed = (from)->echoed;                                                             \
        (to)->unsent = (from)->unsent;                                                             \
        (to)->unsent_size = (from)->unsent_size;                                                   \
        (to)->unsent_at = (from)->unsent_at;                                                       \
        (to)->partial_size = (from)->partial_size;                                                 \
        memcpy((to)->partial, (from)->partial, FRAME_SIZE);                                        \
    } while (0)

static int change(weft_self *self, const struct weft_code_change *told) {
    if (told->direction == WEFT_CODE_UP) {
        const struct connection_1 *from = told->old_state;
        struct connection_2 *to = told->new_state;
        COPY(to, from);
        to->bytes = from->echoed * FRAME_SIZE;
        to->used = weft_now(self);
    } else {
        const struct connection_2 *from = told->old_state;
        struct connection_1 *to = told->new_state;
        COPY(to, from);
    }
    return WEFT_OK;
}
#define CODE_CHANGE .code_change = change,
#else
#define CODE_CHANGE
#endif

static WEFT_GEN_SERVER(connection_server, .name = "connection", .version = GATEWAY_VERSION,
                       CODE_CHANGE.state_size = sizeof(struct connection), .handle_info = on_info);

static const struct weft_behaviour *const behaviours[] = {&connection_server};
WEFT_MODULE(.name = "gateway", .version = GATEWAY_VERSION, WEFT_BEHAVIOURS(behaviours));
