/* The event manager: a state machine that hands out what comes to the processes of its handlers. */
#include "core/otp/gen_event.h"

#include "core/otp/event_internal.h"

enum { IDLE, SWAPPING };

/* One handler; in `handlers`, or in `leaving` from its end being ordered to its EXIT. */
struct seat {
    struct weft_link order;
    weft_pid pid, adder;
    enum weft_gen_event_how how; /* leaving */
    bool leaving;
    char id[WEFT_NAME_MAX];
};

struct sync {
    struct weft_call asker;
    uint32_t missing; /* answers */
};

/* A call to a handler, until its REPLY. */
struct pending {
    struct map_node node;
    weft_ref ref;
    enum event_op op; /* SYNC, CALL, DELETE */
    struct weft_call asker;
    struct sync *sync;
};

/* The swap under way. */
struct swap {
    weft_ref ref; /* of the END asked of the old one; 0: none was there */
    weft_pid adder;
    struct weft_call asker; /* none if a handler swaps itself */
    size_t size;
    _Alignas(16) unsigned char request[];
};

struct manager {
    struct weft_link handlers; /* newest first */
    struct weft_link leaving;
    struct map pending;
    uint32_t handlers_count;
    struct swap *swap; /* in SWAPPING */
};

static struct weft_bytes no_bytes(void) { return weft_bytes(NULL, 0); }

static void answer(weft_self *self, const struct weft_call *asker, int status,
                   struct weft_bytes data) {
    if (!weft_pid_is_none(asker->from)) weft_reply(self, asker, status, data);
}

/* --- slots --- */

static struct seat *by_id(struct manager *manager, const char *id) {
    for (struct weft_link *at = manager->handlers.next; at != &manager->handlers; at = at->next) {
        struct seat *seat = WEFT_CONTAINER(at, struct seat, order);
        if (strcmp(seat->id, id) == 0) return seat;
    }
    return NULL;
}

static struct seat *by_pid(struct weft_link *list, weft_pid pid) {
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct seat *seat = WEFT_CONTAINER(at, struct seat, order);
        if (weft_pid_equal(seat->pid, pid)) return seat;
    }
    return NULL;
}

static bool has_adder(const struct weft_link *list, weft_pid adder) {
    for (const struct weft_link *at = list->next; at != list; at = at->next) {
        const struct seat *seat = (const struct seat *)(const void *)at;
        if (weft_pid_equal(seat->adder, adder)) return true;
    }
    return false;
}

_Static_assert(offsetof(struct seat, order) == 0, "a link leads to its seat");

/* Told also when the mailbox is full: it is said once, and nothing else says it. */
static void tell_adder(weft_self *self, const struct seat *seat, enum weft_gen_event_how how,
                       const struct weft_reason *reason) {
    if (weft_pid_is_none(seat->adder)) return;
    struct weft_gen_event_exit told;
    memset(&told, 0, sizeof told);
    memcpy(told.id, seat->id, sizeof told.id);
    told.how = how;
    told.reason = *reason;
    struct post post = {.kind = WEFT_MSG_CAST,
                        .from = weft_self_pid(self),
                        .tag = WEFT_GEN_EVENT_EXIT,
                        .data = weft_bytes(&told, sizeof told),
                        .force = true};
    struct weft_sched *sched = weft_otp__enter(self);
    struct weft_process *adder = weft_otp__find(sched, seat->adder);
    if (adder != NULL) (void)weft_otp__post(adder, &post);
    weft_otp__leave(sched);
}

static void leave(struct manager *manager, struct seat *seat, enum weft_gen_event_how how) {
    WEFT_ASSERT(!seat->leaving);
    WEFT_ASSERT(manager->handlers_count > 0);
    manager->handlers_count--;
    seat->leaving = true;
    seat->how = how;
    weft_list_remove(&seat->order);
    weft_list_push_back(&manager->leaving, &seat->order);
}

/* Its process has ended. */
static void gone(weft_self *self, struct manager *manager, struct seat *seat,
                 const struct weft_reason *reason) {
    if (!seat->leaving) {
        bool clean = weft_reason_is_clean(reason);
        leave(manager, seat, clean ? WEFT_GEN_EVENT_REMOVED : WEFT_GEN_EVENT_FAILED);
    }
    tell_adder(self, seat, seat->how, reason);
    weft_pid adder = seat->adder;
    weft_list_remove(&seat->order);
    weft_free(self, seat);
    if (weft_pid_is_none(adder) || weft_pid_equal(adder, weft_self_parent(self))) return;
    if (has_adder(&manager->handlers, adder) || has_adder(&manager->leaving, adder)) return;
    weft_unlink(self, adder);
}

/* It cannot be given what it has to be given. */
static void overrun(weft_self *self, struct manager *manager, struct seat *seat, int error) {
    struct weft_reason why = weft_reason_text(WEFT_REASON_LIMIT, error, "event handler %s: %s",
                                              seat->id, weft_error_text(error));
    weft_log(weft_self_env(self), WEFT_LOG_WARN, "removed: %s", why.text);
    leave(manager, seat, WEFT_GEN_EVENT_FAILED);
    weft_exit(self, seat->pid, &why);
}

/* Order it to end; its answer is what its terminate gives. */
static int order_end(weft_self *self, struct manager *manager, struct seat *seat,
                     const struct weft_gen_event_end *end, weft_ref *ref) {
    struct event_end order = {.how = (uint32_t)end->how};
    if (end->reason != NULL) order.reason = *end->reason;
    unsigned char *data = weft_alloc(self, sizeof order + end->arg.size);
    int rv = data == NULL ? WEFT_ERR_NOMEM : WEFT_OK;
    if (rv == WEFT_OK) {
        struct weft_bytes bytes = weft_bytes(data, sizeof order + end->arg.size);
        memcpy(data, &order, sizeof order);
        if (end->arg.size > 0) memcpy(data + sizeof order, end->arg.data, end->arg.size);
        rv = weft_call(self, seat->pid, EVENT_END, bytes, WEFT_TIME_NEVER, ref);
        weft_free(self, data);
    }
    if (rv == WEFT_OK) {
        leave(manager, seat, end->how);
    } else {
        overrun(self, manager, seat, rv);
    }
    return rv;
}

/* --- adding --- */

struct adding {
    const struct weft_gen_event_add *add;
    weft_pid adder;
    struct weft_gen_event_init init;
};

static int start(weft_self *self, struct seat *seat, const struct adding *adding) {
    struct weft_spawn spawn = {.behaviour = &adding->add->handler->behaviour,
                               .arg = weft_bytes(&adding->init, sizeof adding->init),
                               .link = true};
    int rv = weft_spawn(self, &spawn, &seat->pid);
    if (rv != WEFT_OK || weft_pid_is_none(adding->adder)) return rv;
    rv = weft_link(self, adding->adder);
    if (rv == WEFT_OK) return rv;
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    weft_unlink(self, seat->pid);
    weft_exit(self, seat->pid, &kill);
    return rv;
}

static int add_handler(weft_self *self, struct manager *manager, const struct adding *adding) {
    if (by_id(manager, adding->add->id) != NULL) return WEFT_ERR_EXISTS;
    if (manager->handlers_count >= WEFT_HANDLERS_MAX) return WEFT_ERR_FULL;
    struct seat *seat = weft_alloc(self, sizeof *seat);
    if (seat == NULL) return WEFT_ERR_NOMEM;
    seat->adder = adding->adder;
    memcpy(seat->id, adding->add->id, strlen(adding->add->id) + 1);
    int rv = start(self, seat, adding);
    if (rv != WEFT_OK) {
        weft_free(self, seat);
        return rv;
    }
    weft_list_push_front(&manager->handlers, &seat->order);
    manager->handlers_count++;
    return WEFT_OK;
}

static int on_add(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    struct event_change_read request;
    if (!weft_otp__event_read(msg->data, &request) || request.add.handler == NULL)
        return WEFT_ERR_MALFORMED;
    struct adding adding = {.add = &request.add,
                            .adder = request.add.supervised ? msg->from : WEFT_PID_NONE,
                            .init = {.arg = request.add.arg}};
    return add_handler(self, manager, &adding);
}

/* --- calls that wait for a handler --- */

static struct pending *pending_of(struct manager *manager, weft_ref ref) {
    struct map_node *node = weft_otp__map_first(&manager->pending, ref);
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct pending *pending = WEFT_CONTAINER(node, struct pending, node);
        if (pending->ref == ref) return pending;
    }
    return NULL;
}

/* Remember `like` until the REPLY of its ref. */
static int pending_add(weft_self *self, struct manager *manager, const struct pending *like) {
    struct pending *pending = weft_alloc(self, sizeof *pending);
    if (pending == NULL) return WEFT_ERR_NOMEM;
    *pending = *like;
    int rv = weft_otp__map_insert(&manager->pending, &pending->node, pending->ref);
    if (rv != WEFT_OK) weft_free(self, pending);
    return rv;
}

static bool has_room(const struct manager *manager, uint32_t count) {
    return manager->pending.count + count <= WEFT_EVENT_REQUESTS_MAX;
}

static void sync_answer(weft_self *self, struct sync *sync) {
    WEFT_ASSERT(sync->missing > 0);
    if (--sync->missing > 0) return;
    answer(self, &sync->asker, WEFT_OK, no_bytes());
    weft_free(self, sync);
}

static void sync_one(weft_self *self, struct manager *manager, struct seat *seat,
                     const struct weft_msg *msg, struct sync *sync) {
    struct pending like = {.op = EVENT_SYNC, .sync = sync};
    int rv = weft_call(self, seat->pid, EVENT_SYNC, msg->data, WEFT_TIME_NEVER, &like.ref);
    if (rv == WEFT_OK) rv = pending_add(self, manager, &like);
    if (rv == WEFT_OK) {
        sync->missing++;
    } else {
        overrun(self, manager, seat, rv);
    }
}

static int on_sync(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    if (!has_room(manager, manager->handlers_count)) return WEFT_ERR_FULL;
    struct sync *sync = weft_alloc(self, sizeof *sync);
    if (sync == NULL) return WEFT_ERR_NOMEM;
    struct weft_link *next;
    sync->asker = weft_call_of(msg);
    sync->missing = 1; /* its own, so that it is answered with no handler too */
    for (struct weft_link *at = manager->handlers.next; at != &manager->handlers; at = next) {
        next = at->next;
        sync_one(self, manager, WEFT_CONTAINER(at, struct seat, order), msg, sync);
    }
    sync_answer(self, sync);
    return WEFT_ERR_AGAIN;
}

/* As long as the asker waits: afterwards nobody wants the answer. */
static weft_duration patience(const weft_self *self, const struct weft_call *asker) {
    weft_duration remaining = weft_call_remaining(self, asker);
    return remaining < WEFT_GEN_EVENT_ANSWER_MAX ? remaining : WEFT_GEN_EVENT_ANSWER_MAX;
}

static int on_call(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    struct event_ask ask;
    if (msg->data.size < sizeof ask) return WEFT_ERR_MALFORMED;
    memcpy(&ask, msg->data.data, sizeof ask);
    const unsigned char *id = msg->data.data + sizeof ask;
    if (ask.id_size == 0 || ask.id_size > msg->data.size - sizeof ask) return WEFT_ERR_MALFORMED;
    if (id[ask.id_size - 1] != '\0') return WEFT_ERR_MALFORMED;
    const struct seat *seat = by_id(manager, (const char *)id);
    if (seat == NULL) return WEFT_ERR_NOT_FOUND;
    if (!has_room(manager, 1)) return WEFT_ERR_FULL;
    struct pending like = {.op = EVENT_CALL, .asker = weft_call_of(msg)};
    weft_duration timeout = patience(self, &like.asker);
    int rv = weft_call(self, seat->pid, EVENT_CALL, msg->data, timeout, &like.ref);
    if (rv == WEFT_OK) rv = pending_add(self, manager, &like);
    return rv == WEFT_OK ? WEFT_ERR_AGAIN : rv;
}

static int on_delete(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    struct event_change_read request;
    if (!weft_otp__event_read(msg->data, &request)) return WEFT_ERR_MALFORMED;
    struct seat *seat = by_id(manager, request.old.id);
    if (seat == NULL) return WEFT_ERR_NOT_FOUND;
    if (!has_room(manager, 1)) return WEFT_ERR_FULL;
    struct pending like = {.op = EVENT_DELETE, .asker = weft_call_of(msg)};
    struct weft_gen_event_end end = {.how = WEFT_GEN_EVENT_DELETED, .arg = request.old.arg};
    int rv = order_end(self, manager, seat, &end, &like.ref);
    if (rv == WEFT_OK) rv = pending_add(self, manager, &like);
    return rv == WEFT_OK ? WEFT_ERR_AGAIN : rv;
}

/* --- swapping --- */

static void swap_done(weft_self *self, struct manager *manager, int status,
                      struct weft_bytes result) {
    struct swap *swap = manager->swap;
    struct event_change_read request;
    WEFT_ASSERT(swap != NULL);
    WEFT_ASSERT(weft_otp__event_read(weft_bytes(swap->request, swap->size), &request));
    struct adding adding = {.add = &request.add,
                            .adder = swap->adder,
                            .init = {.arg = request.add.arg,
                                     .swapped = true,
                                     .status = status,
                                     .result = status == WEFT_OK ? result : no_bytes()}};
    int rv = add_handler(self, manager, &adding);
    answer(self, &swap->asker, rv, no_bytes());
    manager->swap = NULL;
    weft_free(self, swap);
    weft_statem_next_state(self, IDLE);
}

static int swap_begin(weft_self *self, struct manager *manager, const struct weft_msg *msg,
                      struct seat *old, const struct event_change_read *request) {
    struct swap *swap = weft_alloc(self, sizeof *swap + msg->data.size);
    if (swap == NULL) return WEFT_ERR_NOMEM;
    swap->size = msg->data.size;
    memcpy(swap->request, msg->data.data, msg->data.size);
    if (msg->kind == WEFT_MSG_CALL) swap->asker = weft_call_of(msg);
    bool supervised = msg->kind == WEFT_MSG_CALL && request->add.supervised;
    swap->adder = supervised ? msg->from : old != NULL ? old->adder : WEFT_PID_NONE;
    manager->swap = swap;
    struct weft_gen_event_end end = {.how = WEFT_GEN_EVENT_SWAPPED, .arg = request->old.arg};
    int rv = old == NULL ? WEFT_ERR_NOT_FOUND : order_end(self, manager, old, &end, &swap->ref);
    if (rv == WEFT_OK) {
        weft_statem_next_state(self, SWAPPING);
    } else {
        swap_done(self, manager, rv, no_bytes());
    }
    return WEFT_ERR_AGAIN;
}

static int on_swap(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    struct event_change_read request;
    if (!weft_otp__event_read(msg->data, &request) || request.add.handler == NULL)
        return WEFT_ERR_MALFORMED;
    struct seat *old = by_id(manager, request.old.id);
    /* Refused before the old one is ended for nothing. */
    struct seat *holder = by_id(manager, request.add.id);
    if (holder != NULL && holder != old) return WEFT_ERR_EXISTS;
    return swap_begin(self, manager, msg, old, &request);
}

static void on_swap_self(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    struct event_change_read request;
    struct seat *old = by_pid(&manager->handlers, msg->from);
    if (old == NULL || !weft_otp__event_read(msg->data, &request)) return;
    const struct seat *holder = by_id(manager, request.add.id);
    if (request.add.handler == NULL || (holder != NULL && holder != old)) return;
    (void)swap_begin(self, manager, msg, old, &request);
}

/* --- what else comes --- */

static void on_notify(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    struct weft_link *next;
    for (struct weft_link *at = manager->handlers.next; at != &manager->handlers; at = next) {
        struct seat *seat = WEFT_CONTAINER(at, struct seat, order);
        next = at->next;
        int rv = weft_send(self, seat->pid, msg->tag, msg->data);
        if (rv != WEFT_OK && rv != WEFT_ERR_NO_PROC) overrun(self, manager, seat, rv);
    }
}

static int on_which(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    size_t count = 0, size = manager->handlers_count * sizeof(struct weft_gen_event_info);
    struct weft_gen_event_info *infos = weft_alloc(self, size + 1);
    if (infos == NULL) return WEFT_ERR_NOMEM;
    for (struct weft_link *at = manager->handlers.next; at != &manager->handlers; at = at->next) {
        const struct seat *seat = WEFT_CONTAINER(at, struct seat, order);
        if (!weft_alive(self, seat->pid)) continue;
        struct weft_gen_event_info *info = &infos[count++];
        memcpy(info->id, seat->id, sizeof info->id);
        info->pid = seat->pid;
        info->adder = seat->adder;
    }
    struct weft_call asker = weft_call_of(msg);
    answer(self, &asker, WEFT_OK, weft_bytes(infos, count * sizeof *infos));
    weft_free(self, infos);
    return WEFT_ERR_AGAIN;
}

static int on_stop(weft_self *self, const struct weft_msg *msg) {
    struct weft_reason why;
    if (msg->data.size != sizeof why) return WEFT_ERR_MALFORMED;
    memcpy(&why, msg->data.data, sizeof why);
    weft_stop(self, &why);
    return WEFT_OK;
}

/* AGAIN: answered, or answered later. */
static void on_request(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    int rv = WEFT_ERR_UNSUPPORTED;
    switch (msg->tag) {
    case EVENT_ADD:
        rv = on_add(self, manager, msg);
        break;
    case EVENT_DELETE:
        rv = on_delete(self, manager, msg);
        break;
    case EVENT_SWAP:
        rv = on_swap(self, manager, msg);
        break;
    case EVENT_SYNC:
        rv = on_sync(self, manager, msg);
        break;
    case EVENT_CALL:
        rv = on_call(self, manager, msg);
        break;
    case EVENT_WHICH:
        rv = on_which(self, manager, msg);
        break;
    case EVENT_STOP:
        rv = on_stop(self, msg);
        break;
    default:
        break;
    }
    struct weft_call asker = weft_call_of(msg);
    if (rv != WEFT_ERR_AGAIN) answer(self, &asker, rv, no_bytes());
}

static void on_reply(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    if (manager->swap != NULL && manager->swap->ref == msg->ref) {
        swap_done(self, manager, msg->status, msg->data);
        return;
    }
    struct pending *pending = pending_of(manager, msg->ref);
    if (pending == NULL) return;
    weft_otp__map_remove(&manager->pending, &pending->node);
    if (pending->op == EVENT_SYNC) {
        sync_answer(self, pending->sync);
    } else {
        answer(self, &pending->asker, msg->status, msg->data);
    }
    weft_free(self, pending);
}

static void adder_down(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    struct weft_gen_event_end end = {.how = WEFT_GEN_EVENT_ADDER_DOWN, .reason = msg->reason};
    struct weft_link *next;
    for (struct weft_link *at = manager->handlers.next; at != &manager->handlers; at = next) {
        struct seat *seat = WEFT_CONTAINER(at, struct seat, order);
        weft_ref ref;
        next = at->next;
        if (weft_pid_equal(seat->adder, msg->from))
            (void)order_end(self, manager, seat, &end, &ref);
    }
}

static void on_exit(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    struct seat *seat = by_pid(&manager->handlers, msg->from);
    if (seat == NULL) seat = by_pid(&manager->leaving, msg->from);
    if (seat == NULL) {
        adder_down(self, manager, msg);
    } else if (!weft_alive(self, seat->pid)) {
        gone(self, manager, seat, msg->reason);
    }
}

static void on_info(weft_self *self, struct manager *manager, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_REPLY) on_reply(self, manager, msg);
    if (msg->kind == WEFT_MSG_EXIT) on_exit(self, manager, msg);
}

/* --- the machine --- */

static void idle(weft_self *self, const struct weft_statem_event *event) {
    struct manager *manager = weft_statem_data(self);
    const struct weft_msg *msg = event->msg;
    WEFT_ASSERT(msg != NULL);
    if (event->type == WEFT_STATEM_INFO) {
        on_info(self, manager, msg);
    } else if (event->type == WEFT_STATEM_CALL) {
        on_request(self, manager, msg);
    } else if (msg->tag < WEFT_GEN_EVENT_TAGS) {
        on_notify(self, manager, msg);
    } else if (msg->tag == EVENT_SWAP_SELF) {
        on_swap_self(self, manager, msg);
    }
}

/* The next handler has to see all that came after the swap was asked for. */
static void swapping(weft_self *self, const struct weft_statem_event *event) {
    WEFT_ASSERT(event->msg != NULL);
    if (event->type == WEFT_STATEM_INFO) {
        on_info(self, weft_statem_data(self), event->msg);
    } else {
        weft_statem_postpone(self);
    }
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct manager *manager = weft_statem_data(self);
    (void)arg;
    weft_list_init(&manager->handlers);
    weft_list_init(&manager->leaving);
    weft_otp__map_init(&manager->pending, weft_self_mem(self));
    weft_trap_exit(self, true);
    return WEFT_OK;
}

static void tell_all(weft_self *self, const struct weft_link *list) {
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    for (struct weft_link *at = list->next; at != list; at = at->next)
        tell_adder(self, WEFT_CONTAINER(at, struct seat, order), WEFT_GEN_EVENT_STOPPED, &shutdown);
}

static void on_terminate(weft_self *self, const struct weft_reason *reason) {
    struct manager *manager = weft_statem_data(self);
    WEFT_ASSERT(reason != NULL);
    tell_all(self, &manager->handlers);
    tell_all(self, &manager->leaving);
}

static const struct weft_statem_state states[] = {{"idle", idle}, {"swapping", swapping}};

WEFT_STATEM(weft_gen_event, "gen_event", 1, .init = on_init, .data_size = sizeof(struct manager),
            .callbacks = {.states = states, .states_count = 2, .terminate = on_terminate});
