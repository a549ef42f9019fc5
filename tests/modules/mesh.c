/* "mesh", an application in two versions, for scenarios: on every scheduler of every node a process
 * that calls, monitors, links and sends to its likes on all others, and checks what it is promised:
 *
 *   - each call is answered once, in time, by the process that was asked or by its loss
 *   - messages of one process come in order, and none is missing unless its node was lost meanwhile
 *   - when a node is lost, calls to it, monitors and links of it have been told
 *
 * Version 2 keeps and sends more; the two talk to each other. */
#include "core/base/assert.h"
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"
#include "core/otp/remote.h"

#include <stdio.h>
#include <string.h>

#define EVERY WEFT_MS(90)
#define SAME WEFT_MS(10) /* a process may hear of a loss so much later than it was */
#define ANSWER_MAX WEFT_S(2)
#define LATE WEFT_MS(500)
#define PEERS_MAX 16
#define ASKED_MAX 512
#define SENDERS_MAX 32
#define WORKERS_MAX 8

enum { TICK = 1, ASK, NOTE, WORKER };

struct question {
    uint64_t number;
    uint64_t version; /* from version 2 on */
};
#define QUESTION_1 sizeof(uint64_t)

/* Whoever is registered as `name` at `node`; "": this node. */
struct peer {
    char node[WEFT_NODE_NAME_MAX], name[WEFT_NAME_MAX];
    bool up;
    weft_ref monitor;           /* 0: none */
    weft_pid pid, linked;       /* NONE: not known, not linked */
    weft_time kept_at, down_at; /* when it was last asked something, and lost */
    uint64_t sent;
};

struct asked {
    weft_ref ref; /* 0: free */
    uint32_t peer;
    uint64_t number;
    weft_time at;
};

/* One that sends notes here. */
struct sender {
    weft_pid pid;
    uint64_t last;
    bool lost; /* its node was, since */
};

struct worker {
    weft_ref starting;
    weft_pid pid;
};

struct mesh_1 {
    uint32_t index, peers_count, senders_count;
    uint64_t number, answered, lost, notes;
    weft_time tick_at;
    struct peer peers[PEERS_MAX];
    struct asked asked[ASKED_MAX];
    struct sender senders[SENDERS_MAX];
    struct worker workers[WORKERS_MAX]; /* of the one on scheduler 0; [0] is itself */
};

#if MESH_VERSION == 1
typedef struct mesh_1 mesh_state;
#else
typedef struct {
    struct mesh_1 base;
    uint64_t newer; /* answers of a process of version 2 */
} mesh_state;
#endif

static struct mesh_1 *state_of(weft_self *self) { return weft_state(self); }

static void name_of(uint32_t index, char name[WEFT_NAME_MAX]) {
    if (index == 0)
        memcpy(name, "mesh", sizeof "mesh");
    else
        snprintf(name, WEFT_NAME_MAX, "mesh%u", index);
}

static const char *node_of(const struct peer *peer) {
    return peer->node[0] != '\0' ? peer->node : NULL;
}

static uint32_t workers(weft_self *self) {
    uint32_t count = weft_self_schedulers(self);
    return count < WORKERS_MAX ? count : WORKERS_MAX;
}

static struct peer *peer_at(struct mesh_1 *mesh, const char *node, size_t size) {
    for (uint32_t i = 0; i < mesh->peers_count; i++) {
        struct peer *peer = &mesh->peers[i];
        if (strlen(peer->node) == size && memcmp(peer->node, node, size) == 0) return peer;
    }
    return NULL;
}

static struct peer *add_peer(struct mesh_1 *mesh, struct weft_bytes node, uint32_t index) {
    WEFT_ASSERT(mesh->peers_count < PEERS_MAX);
    WEFT_ASSERT(node.size < WEFT_NODE_NAME_MAX);
    struct peer *peer = &mesh->peers[mesh->peers_count++];
    if (node.size > 0) memcpy(peer->node, node.data, node.size);
    name_of(index, peer->name);
    return peer;
}

static void next_tick(weft_self *self) {
    weft_ref ref;
    int rv = weft_timer_start(self, EVERY, TICK, weft_bytes(NULL, 0), &ref);
    WEFT_ASSERT(rv == WEFT_OK);
    state_of(self)->tick_at = weft_now(self) + EVERY;
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct mesh_1 *mesh = state_of(self);
    if (arg.size == sizeof mesh->index) memcpy(&mesh->index, arg.data, sizeof mesh->index);
    weft_trap_exit(self, true);
    uint32_t count = workers(self);
    if (count > 1) add_peer(mesh, weft_bytes(NULL, 0), (mesh->index + 1) % count)->up = true;
    int rv = weft_monitor_node(self, NULL, true);
    WEFT_ASSERT(rv == WEFT_OK || rv == WEFT_ERR_NO_CONNECTION);
    next_tick(self);
    return WEFT_OK;
}

/* --- workers on the other schedulers --- */

static void start_workers(weft_self *self) {
    struct mesh_1 *mesh = state_of(self);
    for (uint32_t i = 1; mesh->index == 0 && i < workers(self); i++) {
        struct worker *worker = &mesh->workers[i];
        char name[WEFT_NAME_MAX];
        if (worker->starting != 0 || !weft_pid_is_none(worker->pid)) continue;
        name_of(i, name);
        struct weft_spawn_at spawn = {.scheduler = i,
                                      .behaviour = "mesh",
                                      .arg = weft_bytes(&i, sizeof i),
                                      .name = name,
                                      .link = true,
                                      .tag = WORKER,
                                      .timeout = WEFT_S(5)};
        int rv = weft_spawn_at(self, &spawn, &worker->starting);
        WEFT_ASSERT(rv == WEFT_OK);
    }
}

static bool started(struct mesh_1 *mesh, const struct weft_msg *reply) {
    for (uint32_t i = 1; i < WORKERS_MAX; i++) {
        struct worker *worker = &mesh->workers[i];
        if (worker->starting != reply->ref) continue;
        WEFT_ASSERT(reply->status == WEFT_OK || reply->status == WEFT_ERR_EXISTS ||
                    reply->status == WEFT_ERR_TIMEOUT);
        worker->starting = 0;
        worker->pid = weft_spawned_pid(reply);
        return true;
    }
    return false;
}

/* --- asking --- */

static void ask(weft_self *self, uint32_t index) {
    struct mesh_1 *mesh = state_of(self);
    struct peer *peer = &mesh->peers[index];
    struct question question = {++mesh->number, MESH_VERSION};
    struct asked *asked = mesh->asked;
    while (asked < mesh->asked + ASKED_MAX && asked->ref != 0) asked++;
    WEFT_ASSERT(asked < mesh->asked + ASKED_MAX);
    size_t size = MESH_VERSION == 1 ? QUESTION_1 : sizeof question;
    struct weft_call_at call = {.node = node_of(peer),
                                .name = peer->name,
                                .tag = ASK,
                                .data = weft_bytes(&question, size),
                                .timeout = ANSWER_MAX};
    if (weft_call_at(self, &call, &asked->ref) != WEFT_OK) {
        asked->ref = 0;
        return;
    }
    asked->peer = index;
    asked->number = question.number;
    asked->at = weft_now(self);
}

static void note(weft_self *self, struct peer *peer) {
    uint64_t number = peer->sent + 1;
    int rv =
        weft_send_at(self, node_of(peer), peer->name, NOTE, weft_bytes(&number, sizeof number));
    if (rv == WEFT_OK) peer->sent = number;
}

/* One of the two makes the link, so that it knows of it. */
static bool makes_link(weft_self *self, const struct peer *peer) {
    return peer->node[0] != '\0' && strcmp(weft_self_node(self), peer->node) < 0;
}

static void keep_up(weft_self *self, uint32_t index) {
    struct peer *peer = &state_of(self)->peers[index];
    peer->kept_at = weft_now(self);
    ask(self, index);
    note(self, peer);
    if (peer->monitor == 0) {
        int rv = weft_monitor_at(self, node_of(peer), peer->name, &peer->monitor);
        WEFT_ASSERT(rv == WEFT_OK);
    }
    if (!makes_link(self, peer) || weft_pid_is_none(peer->pid)) return;
    if (!weft_pid_is_none(peer->linked)) return;
    int rv = weft_link(self, peer->pid);
    WEFT_ASSERT(rv == WEFT_OK);
    peer->linked = peer->pid;
}

/* Everyone who waited for something of a lost node has been told. What was begun when it was lost,
 * but nobody had heard, tries to connect once more. */
static void check_lost(const struct mesh_1 *mesh, uint32_t index) {
    const struct peer *peer = &mesh->peers[index];
    if (peer->kept_at + SAME >= peer->down_at) return;
    WEFT_ASSERT(peer->monitor == 0);
    WEFT_ASSERT(weft_pid_is_none(peer->linked));
    for (uint32_t i = 0; i < ASKED_MAX; i++)
        WEFT_ASSERT(mesh->asked[i].ref == 0 || mesh->asked[i].peer != index);
}

static void check_answers(const struct mesh_1 *mesh, weft_time now) {
    for (uint32_t i = 0; i < ASKED_MAX; i++)
        WEFT_ASSERT(mesh->asked[i].ref == 0 || now - mesh->asked[i].at <= ANSWER_MAX + LATE);
}

static void on_tick(weft_self *self) {
    struct mesh_1 *mesh = state_of(self);
    bool late = weft_now(self) > mesh->tick_at + LATE; /* this node stood still: so did answers */
    if (!late) check_answers(mesh, weft_now(self));
    for (uint32_t i = 0; i < mesh->peers_count; i++) {
        if (mesh->peers[i].up)
            keep_up(self, i);
        else if (!late)
            check_lost(mesh, i);
    }
    start_workers(self);
    next_tick(self);
}

/* --- what comes --- */

static void on_call(weft_self *self, const struct weft_msg *call) {
    struct question question = {0};
    WEFT_ASSERT(call->tag == ASK);
    WEFT_ASSERT(call->data.size >= QUESTION_1);
    memcpy(&question, call->data.data, QUESTION_1);
    question.version = MESH_VERSION;
    weft_reply_now(self, call, &question, MESH_VERSION == 1 ? QUESTION_1 : sizeof question);
}

static void answered(weft_self *self, const struct weft_msg *reply) {
    struct question question;
    WEFT_ASSERT(reply->data.size >= QUESTION_1);
    memset(&question, 0, sizeof question);
    memcpy(&question, reply->data.data,
           reply->data.size < sizeof question ? reply->data.size : sizeof question);
#if MESH_VERSION > 1
    if (question.version > 1) ((mesh_state *)weft_state(self))->newer++;
#endif
    state_of(self)->answered++;
}

static void on_reply(weft_self *self, const struct weft_msg *reply) {
    struct mesh_1 *mesh = state_of(self);
    uint32_t at = 0;
    if (started(mesh, reply)) return;
    while (at < ASKED_MAX && mesh->asked[at].ref != reply->ref) at++;
    WEFT_ASSERT(at < ASKED_MAX); /* one answer each */
    uint64_t number = mesh->asked[at].number, same = number;
    mesh->asked[at].ref = 0;
    if (reply->status != WEFT_OK) {
        mesh->lost++;
        WEFT_ASSERT(reply->status == WEFT_ERR_NO_CONNECTION || reply->status == WEFT_ERR_NO_PROC ||
                    reply->status == WEFT_ERR_TIMEOUT);
        return;
    }
    answered(self, reply);
    memcpy(&same, reply->data.data, sizeof same);
    WEFT_ASSERT(same == number);
}

static void on_down(struct mesh_1 *mesh, const struct weft_msg *down) {
    uint32_t at = 0;
    while (at < mesh->peers_count && mesh->peers[at].monitor != down->ref) at++;
    WEFT_ASSERT(at < mesh->peers_count);
    mesh->peers[at].monitor = 0;
}

static void on_exit_of(weft_self *self, const struct weft_msg *exit) {
    struct mesh_1 *mesh = state_of(self);
    for (uint32_t i = 1; i < WORKERS_MAX; i++) {
        if (!weft_pid_equal(mesh->workers[i].pid, exit->from)) continue;
        mesh->workers[i].pid = WEFT_PID_NONE;
        return;
    }
    for (uint32_t i = 0; i < mesh->peers_count; i++) {
        if (!weft_pid_equal(mesh->peers[i].linked, exit->from)) continue;
        mesh->peers[i].linked = mesh->peers[i].pid = WEFT_PID_NONE;
        return;
    }
    const char *node = weft_node_of(self, exit->from);
    WEFT_ASSERT(node != NULL);
    WEFT_ASSERT(strcmp(node, weft_self_node(self)) <= 0); /* it made that link */
}

static void on_info(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_TIMER) on_tick(self);
    if (msg->kind == WEFT_MSG_REPLY) on_reply(self, msg);
    if (msg->kind == WEFT_MSG_DOWN) on_down(state_of(self), msg);
    if (msg->kind == WEFT_MSG_EXIT) on_exit_of(self, msg);
}

static bool is_at(weft_self *self, weft_pid pid, struct weft_bytes node) {
    const char *name = weft_node_of(self, pid);
    return name != NULL && weft_bytes_equal(weft_bytes_text(name), node);
}

static void on_node(weft_self *self, struct weft_bytes node, bool up) {
    struct mesh_1 *mesh = state_of(self);
    struct peer *peer = peer_at(mesh, (const char *)node.data, node.size);
    if (peer == NULL) peer = add_peer(mesh, node, mesh->index);
    peer->up = up;
    if (!up) peer->down_at = weft_now(self);
    for (uint32_t i = 0; !up && i < mesh->senders_count; i++)
        if (is_at(self, mesh->senders[i].pid, node)) mesh->senders[i].lost = true;
}

static struct sender *sender_of(struct mesh_1 *mesh, weft_pid pid) {
    for (uint32_t i = 0; i < mesh->senders_count; i++)
        if (weft_pid_equal(mesh->senders[i].pid, pid)) return &mesh->senders[i];
    uint32_t at = mesh->senders_count;
    if (at < SENDERS_MAX)
        mesh->senders_count++;
    else
        at = (uint32_t)(mesh->notes % SENDERS_MAX);
    mesh->senders[at] = (struct sender){.pid = pid, .lost = true};
    return &mesh->senders[at];
}

static void on_note(weft_self *self, const struct weft_msg *cast) {
    struct mesh_1 *mesh = state_of(self);
    struct sender *sender = sender_of(mesh, cast->from);
    uint64_t number;
    WEFT_ASSERT(cast->data.size == sizeof number);
    memcpy(&number, cast->data.data, sizeof number);
    WEFT_ASSERT(number > sender->last);
    WEFT_ASSERT(sender->lost || number == sender->last + 1);
    sender->last = number;
    sender->lost = false;
    mesh->notes++;
    const char *node = weft_node_of(self, cast->from);
    struct peer *peer = node != NULL ? peer_at(mesh, node, strlen(node)) : NULL;
    if (peer != NULL && weft_pid_is_none(peer->linked)) peer->pid = cast->from;
}

static void on_cast(weft_self *self, const struct weft_msg *cast) {
    bool from_runtime = weft_pid_is_none(cast->from);
    if (from_runtime && cast->tag == WEFT_TAG_NODE_UP) on_node(self, cast->data, true);
    if (from_runtime && cast->tag == WEFT_TAG_NODE_DOWN) on_node(self, cast->data, false);
    if (cast->tag == NOTE) on_note(self, cast);
}

#if MESH_VERSION == 1
#define on_change NULL
#else
static int on_change(weft_self *self, const struct weft_code_change *change) {
    (void)self;
    memcpy(change->new_state, change->old_state, sizeof(struct mesh_1));
    return WEFT_OK;
}
#endif

static WEFT_GEN_SERVER(mesh_server, .name = "mesh", .version = MESH_VERSION,
                       .state_size = sizeof(mesh_state), .init = on_init, .handle_call = on_call,
                       .handle_cast = on_cast, .handle_info = on_info, .code_change = on_change);

static const struct weft_behaviour *const behaviours[] = {&mesh_server};

static WEFT_APPLICATION(mesh_app, .name = "mesh", .version = "1",
                        .children = {{.id = "mesh", .name = "mesh", .behaviour = &mesh_server}});

WEFT_MODULE(.name = "mesh", .version = MESH_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &mesh_app);
