/* The listener: accepts, asks the supervisor for a process, hands the socket over.
 *
 * The supervisor answers in the order of asking, so the sockets that wait for their process are a
 * queue. */
#include "tests/bench/gateway/gateway.h"

#include "core/base/assert.h"

#include <string.h>

#define WAITING_MAX 8192 /* a power of two; the backlog is less */
#define BACKLOG 4096

struct listener {
    weft_socket socket;
    uint32_t first, count;
    weft_socket waiting[WAITING_MAX];
};

static int listener_init(weft_self *self, struct weft_bytes arg) {
    struct listener *listener = weft_state(self);
    uint16_t port;
    WEFT_ASSERT(arg.size == sizeof port);
    memcpy(&port, arg.data, sizeof port);
    struct weft_addr local = weft_addr_v4(127, 0, 0, 1, port);
    return weft_stream_listen(self, &local, BACKLOG, &listener->socket);
}

static void accepted(weft_self *self, weft_socket socket) {
    struct listener *listener = weft_state(self);
    struct weft_child_spec spec = {.id = "",
                                   .behaviour = gateway_connection(),
                                   .restart = WEFT_TEMPORARY,
                                   .shutdown = WEFT_BRUTAL_KILL};
    weft_ref ref;
    weft_pid sup = weft_whereis(self, "connections");
    if (listener->count == WAITING_MAX || weft_sup_start_child(self, sup, &spec, &ref) != WEFT_OK) {
        weft_socket_abort(self, socket);
        return;
    }
    listener->waiting[(listener->first + listener->count) % WAITING_MAX] = socket;
    listener->count++;
}

static void started(weft_self *self, const struct weft_msg *reply) {
    struct listener *listener = weft_state(self);
    WEFT_ASSERT(listener->count > 0);
    weft_socket socket = listener->waiting[listener->first];
    listener->first = (listener->first + 1) % WAITING_MAX;
    listener->count--;
    weft_pid pid = WEFT_PID_NONE;
    if (reply->status == WEFT_OK) memcpy(&pid, reply->data.data, sizeof pid);
    /* Gone already when the peer was faster than we. */
    if (reply->status != WEFT_OK || weft_socket_give(self, socket, pid) != WEFT_OK)
        weft_socket_abort(self, socket);
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    if (info->kind == WEFT_MSG_REPLY) started(self, info);
    if (info->kind == WEFT_MSG_EVENT && info->event->kind == WEFT_EVENT_ACCEPTED)
        accepted(self, info->event->accepted);
}

WEFT_GEN_SERVER(gateway_listener, .name = "listener", .version = 1,
                .state_size = sizeof(struct listener), .init = listener_init,
                .handle_info = on_info);
