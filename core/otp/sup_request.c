/* What may be asked of a supervisor: the asking and the answering side. */
#include "core/otp/sup_internal.h"

/* SUP_START on the way: this, then id, name (each with its NUL) and arg. */
struct start_request {
    const struct weft_behaviour *behaviour;
    weft_duration shutdown;
    uint64_t memory_max;
    uint32_t mailbox_max, restart;
    uint32_t id_size, name_size, arg_size; /* name_size 0: no name */
    uint32_t zero;
};

static struct weft_bytes no_bytes(void) { return weft_bytes(NULL, 0); }

/* --- asking --- */

static int ask(weft_self *self, weft_pid sup, enum sup_tag tag, struct weft_bytes data,
               weft_ref *ref) {
    WEFT_ASSERT(ref != NULL);
    return weft_call(self, sup, (uint32_t)tag, data, WEFT_TIME_NEVER, ref);
}

static size_t put(unsigned char *to, size_t at, const void *data, size_t size) {
    if (size > 0) memcpy(to + at, data, size);
    return at + size;
}

int weft_sup_start_child(weft_self *self, weft_pid sup, const struct weft_child_spec *spec,
                         weft_ref *ref) {
    WEFT_ASSERT(spec != NULL);
    const char *id = spec->id != NULL ? spec->id : "";
    struct start_request request = {.behaviour = spec->behaviour,
                                    .shutdown = spec->shutdown,
                                    .memory_max = spec->memory_max,
                                    .mailbox_max = spec->mailbox_max,
                                    .restart = (uint32_t)spec->restart};
    size_t id_size = strlen(id) + 1, name_size = spec->name != NULL ? strlen(spec->name) + 1 : 0;
    size_t size = sizeof request + id_size + name_size + spec->arg.size;
    if (size < spec->arg.size || size > WEFT_MESSAGE_MAX) return WEFT_ERR_TOO_BIG;
    request.id_size = (uint32_t)id_size;
    request.name_size = (uint32_t)name_size;
    request.arg_size = (uint32_t)spec->arg.size;
    unsigned char *data = weft_alloc(self, size);
    if (data == NULL) return WEFT_ERR_NOMEM;
    size_t at = put(data, 0, &request, sizeof request);
    at = put(data, at, id, id_size);
    at = put(data, at, spec->name, name_size);
    at = put(data, at, spec->arg.data, spec->arg.size);
    int rv = ask(self, sup, SUP_START, weft_bytes(data, at), ref);
    weft_free(self, data);
    return rv;
}

static int ask_id(weft_self *self, weft_pid sup, enum sup_tag tag, const char *id, weft_ref *ref) {
    WEFT_ASSERT(id != NULL);
    return ask(self, sup, tag, weft_bytes(id, strlen(id) + 1), ref);
}

int weft_sup_terminate_child(weft_self *self, weft_pid sup, const char *id, weft_ref *ref) {
    return ask_id(self, sup, SUP_TERMINATE, id, ref);
}

int weft_sup_terminate_pid(weft_self *self, weft_pid sup, weft_pid child, weft_ref *ref) {
    return ask(self, sup, SUP_TERMINATE_PID, weft_bytes(&child, sizeof child), ref);
}

int weft_sup_restart_child(weft_self *self, weft_pid sup, const char *id, weft_ref *ref) {
    return ask_id(self, sup, SUP_RESTART, id, ref);
}

int weft_sup_delete_child(weft_self *self, weft_pid sup, const char *id, weft_ref *ref) {
    return ask_id(self, sup, SUP_DELETE, id, ref);
}

int weft_sup_which_children(weft_self *self, weft_pid sup, weft_ref *ref) {
    return ask(self, sup, SUP_WHICH, no_bytes(), ref);
}

int weft_sup_count_children(weft_self *self, weft_pid sup, weft_ref *ref) {
    return ask(self, sup, SUP_COUNT, no_bytes(), ref);
}

/* --- answering --- */

static void answer(weft_self *self, const struct request *request, int status,
                   struct weft_bytes data) {
    weft_reply(self, &request->call, status, data);
}

static void answer_pid(weft_self *self, const struct request *request, int status, weft_pid pid) {
    answer(self, request, status, weft_bytes(&pid, sizeof pid));
}

static bool is_text(const unsigned char *data, size_t size) {
    return size > 0 && memchr(data, '\0', size) == data + size - 1;
}

static int read_start(const struct request *request, struct weft_child_spec *spec) {
    struct start_request start;
    if (request->size < sizeof start) return WEFT_ERR_MALFORMED;
    memcpy(&start, request->data, sizeof start);
    uint64_t size = (uint64_t)start.id_size + start.name_size + start.arg_size;
    if (size != request->size - sizeof start) return WEFT_ERR_MALFORMED;
    const unsigned char *id = request->data + sizeof start, *name = id + start.id_size;
    if (!is_text(id, start.id_size)) return WEFT_ERR_MALFORMED;
    if (start.name_size > 0 && !is_text(name, start.name_size)) return WEFT_ERR_MALFORMED;
    *spec = (struct weft_child_spec){.id = (const char *)id,
                                     .name = start.name_size > 0 ? (const char *)name : NULL,
                                     .behaviour = start.behaviour,
                                     .arg = weft_bytes(name + start.name_size, start.arg_size),
                                     .restart = (enum weft_restart)start.restart,
                                     .shutdown = start.shutdown,
                                     .mailbox_max = start.mailbox_max,
                                     .memory_max = (size_t)start.memory_max};
    return weft_otp__sup_spec_valid(spec) ? WEFT_OK : WEFT_ERR_INVAL;
}

/* A start that failed leaves no child; a temporary one that chose IGNORE neither. */
static void settle_new(weft_self *self, const struct request *request, struct child *child, int rv,
                       weft_pid holder) {
    weft_pid pid = child->pid;
    bool ignored = rv == WEFT_OK && weft_pid_is_none(pid);
    if (rv != WEFT_OK || (ignored && child->restart == WEFT_TEMPORARY))
        weft_otp__child_free(self, child);
    answer_pid(self, request, rv, rv == WEFT_OK ? pid : holder);
}

static void start_child(weft_self *self, const struct request *request) {
    struct sup *sup = weft_state(self);
    struct weft_child_spec spec;
    int rv = read_start(request, &spec);
    const struct child *holder = rv == WEFT_OK ? weft_otp__child_by_id(sup, spec.id) : NULL;
    if (holder != NULL) {
        answer_pid(self, request, WEFT_ERR_EXISTS, holder->pid);
        return;
    }
    if (rv == WEFT_OK && sup->counts.specs >= WEFT_CHILDREN_MAX) rv = WEFT_ERR_FULL;
    struct child *child = NULL;
    if (rv == WEFT_OK) rv = weft_otp__child_new(self, &spec, &child);
    if (rv != WEFT_OK) {
        answer_pid(self, request, rv, WEFT_PID_NONE);
        return;
    }
    weft_pid name_holder = WEFT_PID_NONE;
    rv = weft_otp__child_start(self, child, false, &name_holder);
    settle_new(self, request, child, rv, name_holder);
}

static struct child *child_asked(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    if (!is_text(request->data, request->size)) return NULL;
    return weft_otp__child_by_id(sup, (const char *)request->data);
}

static void terminate(weft_self *self, const struct request *request, struct child *child) {
    if (child == NULL) {
        answer(self, request, WEFT_ERR_NOT_FOUND, no_bytes());
    } else if (!weft_pid_is_none(child->pid)) {
        weft_otp__sup_begin_terminate(self, child, request->call);
    } else {
        weft_list_remove(&child->due);
        child->restarting = false;
        answer(self, request, WEFT_OK, no_bytes());
    }
}

static void terminate_child(weft_self *self, const struct request *request) {
    terminate(self, request, child_asked(self, request));
}

static void terminate_pid(weft_self *self, const struct request *request) {
    weft_pid pid = WEFT_PID_NONE;
    if (request->size == sizeof pid) memcpy(&pid, request->data, sizeof pid);
    terminate(self, request, weft_otp__child_by_pid(self, pid));
}

static bool is_busy(const struct child *child) {
    return !weft_pid_is_none(child->pid) || child->restarting;
}

static void restart_child(weft_self *self, const struct request *request) {
    struct child *child = child_asked(self, request);
    weft_pid holder = WEFT_PID_NONE;
    if (child == NULL || is_busy(child)) {
        answer(self, request, child == NULL ? WEFT_ERR_NOT_FOUND : WEFT_ERR_IN_USE, no_bytes());
        return;
    }
    int rv = weft_otp__child_start(self, child, true, &holder);
    answer_pid(self, request, rv, rv == WEFT_OK ? child->pid : holder);
}

static void delete_child(weft_self *self, const struct request *request) {
    struct child *child = child_asked(self, request);
    int rv = WEFT_OK;
    if (child == NULL) {
        rv = WEFT_ERR_NOT_FOUND;
    } else if (is_busy(child)) {
        rv = WEFT_ERR_IN_USE;
    } else {
        weft_otp__child_remove(self, child);
    }
    answer(self, request, rv, no_bytes());
}

static void describe(const struct child *child, struct weft_child_info *info) {
    size_t length = strlen(child->id);
    if (length >= sizeof info->id) length = sizeof info->id - 1;
    memcpy(info->id, child->id, length);
    info->pid = child->pid;
    info->restart = (enum weft_restart)child->restart;
    info->restarting = child->restarting;
    info->is_supervisor = weft_otp__child_is_supervisor(child);
}

static void which_children(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    size_t size = sup->counts.specs * sizeof(struct weft_child_info), at = 0;
    if (size == 0 || size > WEFT_MESSAGE_MAX) {
        answer(self, request, size == 0 ? WEFT_OK : WEFT_ERR_TOO_BIG, no_bytes());
        return;
    }
    struct weft_child_info *infos = weft_alloc(self, size);
    if (infos == NULL) {
        answer(self, request, WEFT_ERR_NOMEM, no_bytes());
        return;
    }
    for (struct weft_link *link = sup->children.next; link != &sup->children; link = link->next)
        describe(WEFT_CONTAINER(link, struct child, order), &infos[at++]);
    WEFT_ASSERT(at == sup->counts.specs);
    answer(self, request, WEFT_OK, weft_bytes(infos, size));
    weft_free(self, infos);
}

static void count_children(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    answer(self, request, WEFT_OK, weft_bytes(&sup->counts, sizeof sup->counts));
}

void weft_otp__sup_request(weft_self *self, const struct request *request) {
    static const struct {
        uint32_t tag;
        void (*run)(weft_self *self, const struct request *request);
    } table[] = {{SUP_START, start_child},           {SUP_TERMINATE, terminate_child},
                 {SUP_TERMINATE_PID, terminate_pid}, {SUP_RESTART, restart_child},
                 {SUP_DELETE, delete_child},         {SUP_WHICH, which_children},
                 {SUP_COUNT, count_children}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].tag != request->tag) continue;
        table[i].run(self, request);
        return;
    }
    answer(self, request, WEFT_ERR_UNSUPPORTED, no_bytes());
}

void weft_otp__sup_request_later(weft_self *self, const struct weft_msg *call) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(call->kind == WEFT_MSG_CALL);
    struct request *request = weft_alloc(self, sizeof *request + call->data.size);
    struct weft_call to = weft_call_of(call);
    if (request == NULL) {
        weft_reply(self, &to, WEFT_ERR_NOMEM, no_bytes());
        return;
    }
    request->call = to;
    request->tag = call->tag;
    request->size = call->data.size;
    if (request->size > 0) memcpy(request->data, call->data.data, request->size);
    weft_list_init(&request->link);
    weft_list_push_back(&sup->requests, &request->link);
}
