/* "kv", an application in several versions, for tests of upgrades: a listener and a process for
 * each connection, which answers each line "N\n" with "N SUM VERSION\n". What each has summed up is
 * its state; version 2 keeps more, 3 cannot change the state, 4 faults at the number 13, 5 is built
 * for another abi. Versions are chosen by KV_VERSION. */
#include "core/base/assert.h"
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"

#include <string.h>

#define LINE_MAX_ 64

struct line {
    struct weft_link link;
    uint32_t number;
};

#if KV_VERSION == 1
struct conn {
    weft_socket socket;
    uint64_t sum;
    struct weft_link lines; /* blocks: the last few numbers */
    uint32_t lines_count, size;
    char text[LINE_MAX_];
};
#else
struct conn {
    uint64_t sum, changes;
    struct weft_link lines;
    weft_socket socket;
    uint32_t lines_count, size;
    char text[LINE_MAX_];
    unsigned char more[128];
};

struct conn_1 {
    weft_socket socket;
    uint64_t sum;
    struct weft_link lines;
    uint32_t lines_count, size;
    char text[LINE_MAX_];
};
#endif

/* --- a connection --- */

static uint32_t number_of(const char *text, uint32_t size) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; i++)
        value = value * 10 + (uint32_t)(text[i] - '0');
    return value;
}

static size_t print(char *at, uint64_t value) {
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < count; i++) at[i] = digits[count - 1 - i];
    return count;
}

static void remember(weft_self *self, struct conn *conn, uint32_t number) {
    struct line *line = weft_alloc(self, sizeof *line);
    if (line == NULL) return;
    line->number = number;
    weft_list_push_back(&conn->lines, &line->link);
    if (++conn->lines_count <= 4) return;
    struct weft_link *oldest = weft_list_pop_front(&conn->lines);
    conn->lines_count--;
    weft_free(self, WEFT_CONTAINER(oldest, struct line, link));
}

static void answer(weft_self *self, struct conn *conn) {
    char text[LINE_MAX_];
    uint32_t number = number_of(conn->text, conn->size);
    WEFT_ASSERT(KV_VERSION != 4 || number != 13);
    conn->sum += number;
    remember(self, conn, number);
    size_t size = print(text, number);
    text[size++] = ' ';
    size += print(text + size, conn->sum);
    text[size++] = ' ';
    size += print(text + size, KV_VERSION);
    text[size++] = '\n';
    struct weft_env *env = weft_self_env(self);
    (void)env->net->stream_write(env, conn->socket, text, size);
    conn->size = 0;
}

static void take(weft_self *self, struct conn *conn, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            answer(self, conn);
        } else if (conn->size < LINE_MAX_) {
            conn->text[conn->size++] = bytes[i];
        }
    }
}

static void stop(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    weft_stop(self, &why);
}

static void read_all(weft_self *self, struct conn *conn) {
    char bytes[256];
    struct weft_env *env = weft_self_env(self);
    for (;;) {
        int64_t size = env->net->stream_read(env, conn->socket, bytes, sizeof bytes);
        if (size == WEFT_ERR_AGAIN) return;
        if (size <= 0) {
            stop(self);
            return;
        }
        take(self, conn, bytes, (size_t)size);
    }
}

static int conn_init(weft_self *self, struct weft_bytes arg) {
    struct conn *conn = weft_state(self);
    memcpy(&conn->socket, arg.data, sizeof conn->socket);
    weft_list_init(&conn->lines);
    return WEFT_OK;
}

static void conn_info(weft_self *self, const struct weft_msg *msg) {
    struct conn *conn = weft_state(self);
    if (msg->kind != WEFT_MSG_EVENT) return;
    if (msg->event->kind == WEFT_EVENT_READABLE) read_all(self, conn);
    if (msg->event->kind == WEFT_EVENT_FAILED) stop(self);
}

#if KV_VERSION == 2 || KV_VERSION == 4
static int conn_change(weft_self *self, const struct weft_code_change *change) {
    (void)self;
    if (change->old_size == change->new_size) {
        const struct conn *from = change->old_state;
        struct conn *to = change->new_state;
        *to = *from;
        weft_code_move_list(&from->lines, &to->lines);
    } else if (change->direction == WEFT_CODE_UP) {
        const struct conn_1 *from = change->old_state;
        struct conn *to = change->new_state;
        to->socket = from->socket;
        to->sum = from->sum;
        to->changes = 1;
        to->lines_count = from->lines_count;
        to->size = from->size;
        memcpy(to->text, from->text, sizeof to->text);
        weft_code_move_list(&from->lines, &to->lines);
    } else {
        const struct conn *from = change->old_state;
        struct conn_1 *to = change->new_state;
        to->socket = from->socket;
        to->sum = from->sum;
        to->lines_count = from->lines_count;
        to->size = from->size;
        memcpy(to->text, from->text, sizeof to->text);
        weft_code_move_list(&from->lines, &to->lines);
    }
    return WEFT_OK;
}
#elif KV_VERSION == 3
/* Only connections that have been used: some would go over before one fails. */
static int conn_change(weft_self *self, const struct weft_code_change *change) {
    const struct conn_1 *from = change->old_state;
    (void)self;
    WEFT_ASSERT(from->sum != 3);
    return WEFT_ERR_UNSUPPORTED;
}
#else
#define conn_change NULL
#endif

static WEFT_GEN_SERVER(conn_server, .name = "conn", .version = KV_VERSION,
                       .state_size = sizeof(struct conn), .init = conn_init,
                       .handle_info = conn_info, .code_change = conn_change);

/* --- the listener --- */

struct listener {
    weft_socket socket;
};

static void accept_one(weft_self *self, weft_socket socket) {
    weft_pid pid;
    struct weft_spawn spawn = {.behaviour = &conn_server,
                               .arg = weft_bytes(&socket, sizeof socket)};
    if (weft_spawn(self, &spawn, &pid) == WEFT_OK) {
        (void)weft_socket_give(self, socket, pid);
    } else {
        weft_socket_abort(self, socket);
    }
}

static int listener_init(weft_self *self, struct weft_bytes arg) {
    struct listener *listener = weft_state(self);
    const char *text = weft_app_get_env(self, NULL, "port");
    uint16_t port = (uint16_t)(text != NULL ? number_of(text, (uint32_t)strlen(text)) : 0);
    struct weft_addr local = weft_addr_v4(127, 0, 0, 1, port);
    (void)arg;
    int rv = weft_stream_listen(self, &local, 1024, &listener->socket);
    if (rv == WEFT_OK)
        weft_log(weft_self_env(self), WEFT_LOG_INFO, "kv listens on port %u", local.port);
    return rv;
}

static void listener_info(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind != WEFT_MSG_EVENT) return;
    if (msg->event->kind == WEFT_EVENT_ACCEPTED) accept_one(self, msg->event->accepted);
}

static WEFT_GEN_SERVER(listener_server, .name = "listener", .version = KV_VERSION,
                       .state_size = sizeof(struct listener), .init = listener_init,
                       .handle_info = listener_info);

static const struct weft_behaviour *const behaviours[] = {&conn_server, &listener_server};

static WEFT_APPLICATION(kv, .version = "1", .env = {{"port", "0"}},
                        .children = {
                            {.id = "listener", .name = "kv", .behaviour = &listener_server}});

#if KV_VERSION == 5
extern const struct weft_module_info weft_module;
const struct weft_module_info weft_module = {
    .abi = 1, .name = "kv", .application = &kv, .version = KV_VERSION, WEFT_BEHAVIOURS(behaviours)};
#else
WEFT_MODULE(.name = "kv", .version = KV_VERSION, WEFT_BEHAVIOURS(behaviours), .application = &kv);
#endif
