/* The control process. */
#include "core/node/control.h"

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/otp/gen_server.h"
#include "core/otp/sys.h"

#include <string.h>

/* One request on its way. */
struct pending {
    struct weft_link link;
    weft_ref ref; /* of our call to the service */
    enum weft_node_ask_kind kind;
    uint64_t op;
};

struct control {
    const struct weft_node_config *config;
    struct weft_link pending;
    uint32_t pending_count;
};

/* What the service is asked for each kind, and how its data is made. */
static const uint32_t dht_request_of[] = {
    [WEFT_NODE_FIND_NODES] = WEFT_DHT_REQ_FIND_NODES,
    [WEFT_NODE_GET_PEERS] = WEFT_DHT_REQ_GET_PEERS,
    [WEFT_NODE_ANNOUNCE] = WEFT_DHT_REQ_ANNOUNCE,
    [WEFT_NODE_GET] = WEFT_DHT_REQ_GET,
    [WEFT_NODE_PUT] = WEFT_DHT_REQ_PUT,
    [WEFT_NODE_WITHDRAW] = WEFT_DHT_REQ_WITHDRAW,
    [WEFT_NODE_ADD] = WEFT_DHT_REQ_ADD,
    [WEFT_NODE_DHT_STATS] = WEFT_DHT_REQ_STATS,
    [WEFT_NODE_DHT_TABLE] = WEFT_DHT_REQ_TABLE,
};

static void answer(const struct control *control, const struct weft_node_reply *reply) {
    if (control->config->reply != NULL) control->config->reply(control->config->ctx, reply);
}

static void refuse(const struct control *control, const struct weft_node_ask *ask, int status) {
    answer(control, &(struct weft_node_reply){.kind = ask->kind, .op = ask->op, .status = status});
}

/* The bytes the service wants with `ask`. Returns how many stand in `buffer`, which has room for
 * the largest item behind a struct weft_dht_ask. */
static size_t request_data(const struct weft_node_ask *ask, unsigned char *buffer) {
    if (ask->kind == WEFT_NODE_DHT_STATS || ask->kind == WEFT_NODE_DHT_TABLE) return 0;
    if (ask->kind == WEFT_NODE_ADD) {
        memcpy(buffer, &ask->addr, sizeof ask->addr);
        return sizeof ask->addr;
    }
    struct weft_dht_ask head;
    memset(&head, 0, sizeof head); /* padding too: the bytes travel */
    head.target = ask->target;
    head.port = ask->port;
    head.repeat = ask->repeat;
    head.op = ask->op;
    memcpy(buffer, &head, sizeof head);
    if (ask->kind != WEFT_NODE_PUT) return sizeof head;
    WEFT_ASSERT(ask->data.size <= WEFT_ITEM_SIZE_MAX);
    if (ask->data.size > 0) memcpy(buffer + sizeof head, ask->data.data, ask->data.size);
    return sizeof head + ask->data.size;
}

static int ask_app(weft_self *self, const struct weft_node_ask *ask, weft_ref *ref) {
    char name[WEFT_APP_NAME_MAX] = "";
    if (ask->data.size == 0 || ask->data.size >= sizeof name) return WEFT_ERR_NOT_FOUND;
    memcpy(name, ask->data.data, ask->data.size);
    if (ask->kind == WEFT_NODE_APP_STOP) return weft_app_stop(self, name, ref);
    return weft_app_ensure_all_started(self, name, ask->app_type, ref);
}

static weft_pid supervisor_of(weft_self *self, const struct weft_node_ask *ask) {
    char name[WEFT_NAME_MAX] = "";
    if (ask->data.size == 0 || ask->data.size >= sizeof name) return ask->target_pid;
    memcpy(name, ask->data.data, ask->data.size);
    return weft_whereis(self, name);
}

static int ask_sup(weft_self *self, const struct weft_node_ask *ask, weft_ref *ref) {
    struct weft_sys_status status;
    weft_pid sup = supervisor_of(self, ask);
    if (weft_sys_get_status(self, sup, &status) != WEFT_OK) return WEFT_ERR_NOT_FOUND;
    if (!status.info.is_supervisor) return WEFT_ERR_NOT_FOUND;
    return ask->kind == WEFT_NODE_SUP_WHICH ? weft_sup_which_children(self, sup, ref)
                                            : weft_sup_count_children(self, sup, ref);
}

static int ask_dht(weft_self *self, const struct weft_node_ask *ask, weft_ref *ref) {
    weft_pid dht = weft_whereis(self, WEFT_DHT_NAME);
    const struct control *control = weft_state(self);
    if (weft_pid_is_none(dht)) {
        return control->config->dht != NULL ? WEFT_ERR_NO_PROC : WEFT_ERR_NOT_FOUND;
    }
    unsigned char buffer[sizeof(struct weft_dht_ask) + WEFT_ITEM_SIZE_MAX];
    size_t size = request_data(ask, buffer);
    return weft_call(self, dht, dht_request_of[ask->kind], weft_bytes(buffer, size),
                     WEFT_CONTROL_TIMEOUT, ref);
}

static int pass_on(weft_self *self, const struct weft_node_ask *ask, weft_ref *ref) {
    switch (ask->kind) {
    case WEFT_NODE_APP_START:
    case WEFT_NODE_APP_STOP:
        return ask_app(self, ask, ref);
    case WEFT_NODE_SUP_WHICH:
    case WEFT_NODE_SUP_COUNT:
        return ask_sup(self, ask, ref);
    case WEFT_NODE_FIND_NODES:
    case WEFT_NODE_GET_PEERS:
    case WEFT_NODE_ANNOUNCE:
    case WEFT_NODE_GET:
    case WEFT_NODE_PUT:
    case WEFT_NODE_WITHDRAW:
    case WEFT_NODE_ADD:
    case WEFT_NODE_DHT_STATS:
    case WEFT_NODE_DHT_TABLE:
        return ask_dht(self, ask, ref);
    }
    WEFT_UNREACHABLE("every kind is in the list");
}

static void on_ask(weft_self *self, const struct weft_node_ask *ask) {
    struct control *control = weft_state(self);
    WEFT_ASSERT(ask->kind >= WEFT_NODE_FIND_NODES);
    WEFT_ASSERT(ask->kind <= WEFT_NODE_SUP_COUNT);
    if (control->pending_count >= WEFT_CONTROL_PENDING_MAX) {
        refuse(control, ask, WEFT_ERR_FULL);
        return;
    }
    struct pending *pending = weft_alloc(self, sizeof *pending);
    if (pending == NULL) {
        refuse(control, ask, WEFT_ERR_NOMEM);
        return;
    }
    int rv = pass_on(self, ask, &pending->ref);
    if (rv != WEFT_OK) {
        weft_free(self, pending);
        refuse(control, ask, rv);
        return;
    }
    pending->kind = ask->kind;
    pending->op = ask->op;
    weft_list_push_back(&control->pending, &pending->link);
    control->pending_count++;
}

/* Any process of the node can send here; only what comes from outside it is an ask. */
static void on_cast(weft_self *self, const struct weft_msg *cast) {
    struct weft_node_ask ask;
    if (!weft_pid_is_none(cast->from) || cast->data.size < sizeof ask) return;
    memcpy(&ask, cast->data.data, sizeof ask);
    ask.data = weft_bytes(cast->data.data + sizeof ask, cast->data.size - sizeof ask);
    on_ask(self, &ask);
}

static struct pending *find_pending(const struct control *control, weft_ref ref) {
    for (struct weft_link *at = control->pending.next; at != &control->pending; at = at->next) {
        struct pending *pending = WEFT_CONTAINER(at, struct pending, link);
        if (pending->ref == ref) return pending;
    }
    return NULL;
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    struct control *control = weft_state(self);
    if (info->kind != WEFT_MSG_REPLY) return;
    struct pending *pending = find_pending(control, info->ref);
    WEFT_ASSERT(pending != NULL);
    WEFT_ASSERT(control->pending_count > 0);
    struct weft_node_reply reply = {
        .kind = pending->kind, .op = pending->op, .status = info->status, .data = info->data};
    weft_list_remove(&pending->link);
    control->pending_count--;
    weft_free(self, pending);
    answer(control, &reply);
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct control *control = weft_state(self);
    WEFT_ASSERT(arg.size == sizeof control->config);
    memcpy(&control->config, arg.data, sizeof control->config);
    weft_list_init(&control->pending);
    weft_trap_exit(self, true); /* so that terminate is called at a shutdown */
    return WEFT_OK;
}

static void on_terminate(weft_self *self, const struct weft_reason *reason) {
    struct control *control = weft_state(self);
    WEFT_ASSERT(reason != NULL);
    for (struct weft_link *at = control->pending.next; at != &control->pending; at = at->next) {
        const struct pending *pending = WEFT_CONTAINER(at, struct pending, link);
        answer(control, &(struct weft_node_reply){
                            .kind = pending->kind, .op = pending->op, .status = WEFT_ERR_CLOSED});
    }
}

WEFT_GEN_SERVER(weft_node__control, .name = "control", .version = 1,
                .state_size = sizeof(struct control), .init = on_init, .terminate = on_terminate,
                .handle_cast = on_cast, .handle_info = on_info);
