/* What may be asked of a supervisor: the answering side. */
#include "core/otp/sup_internal.h"

static void answer(weft_self *self, const struct request *request, int status) {
    weft_reply(self, &request->call, status, weft_bytes(NULL, 0));
}

/* The id asked for, "" when it is no text. */
static const char *id_asked(const struct request *request) {
    const char *text = (const char *)request->data.data;
    size_t size = request->data.size;
    if (size == 0 || memchr(text, '\0', size) != text + size - 1) return "";
    return text;
}

static struct child *child_asked(weft_self *self, const struct request *request) {
    return weft_otp__child_by_id(weft_state(self), id_asked(request));
}

static weft_pid pid_asked(const struct request *request) {
    weft_pid pid = WEFT_PID_NONE;
    if (request->data.size == sizeof pid) memcpy(&pid, request->data.data, sizeof pid);
    return pid;
}

/* A template has no child that an id would name. */
static bool refused(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    if (sup->template == NULL) return false;
    answer(self, request, WEFT_ERR_UNSUPPORTED);
    return true;
}

static void terminate(weft_self *self, const struct request *request, struct child *child) {
    if (weft_otp__child_is_up(child)) {
        weft_otp__sup_begin_terminate(self, child, request->call);
        return;
    }
    if (weft_otp__child_is_restarting(child)) weft_otp__child_given_up(self, child);
    weft_otp__child_leave(self, child);
    answer(self, request, WEFT_OK);
}

static void terminate_child(weft_self *self, const struct request *request) {
    if (refused(self, request)) return;
    struct child *child = child_asked(self, request);
    if (child == NULL) {
        answer(self, request, WEFT_ERR_NOT_FOUND);
    } else {
        terminate(self, request, child);
    }
}

static void terminate_pid(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    weft_pid pid = pid_asked(request);
    struct child *child = weft_otp__child_by_pid(self, pid);
    if (child != NULL) {
        terminate(self, request, child);
        return;
    }
    bool gone = sup->template != NULL && !weft_pid_is_none(pid) && !weft_alive(self, pid);
    answer(self, request, gone ? WEFT_OK : WEFT_ERR_NOT_FOUND);
}

static void restart_child(weft_self *self, const struct request *request) {
    if (refused(self, request)) return;
    struct child *child = child_asked(self, request);
    if (child == NULL || child->state != CHILD_DOWN) {
        answer(self, request, child == NULL ? WEFT_ERR_NOT_FOUND : WEFT_ERR_IN_USE);
        return;
    }
    struct start start = {.arg = child->spec->the.arg, .holder = WEFT_PID_NONE};
    int rv = weft_otp__child_start(self, child, &start);
    weft_pid pid = child->state == CHILD_UP ? child->pid : start.holder;
    weft_reply(self, &request->call, rv, weft_bytes(&pid, sizeof pid));
}

static void delete_child(weft_self *self, const struct request *request) {
    if (refused(self, request)) return;
    struct child *child = child_asked(self, request);
    if (child == NULL || child->state != CHILD_DOWN) {
        answer(self, request, child == NULL ? WEFT_ERR_NOT_FOUND : WEFT_ERR_IN_USE);
        return;
    }
    weft_otp__child_remove(self, child);
    answer(self, request, WEFT_OK);
}

static void get_childspec(weft_self *self, const struct request *request) {
    weft_otp__sup_tell_spec(self, request,
                            weft_otp__spec_by_id(weft_state(self), id_asked(request)));
}

static void get_childspec_pid(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    const struct child *child = weft_otp__child_by_pid(self, pid_asked(request));
    const struct spec *spec = child == NULL ? NULL : child->spec;
    if (child != NULL && sup->template != NULL) spec = sup->template;
    weft_otp__sup_tell_spec(self, request, spec);
}

void weft_otp__sup_request(weft_self *self, const struct request *request) {
    static const struct {
        uint32_t tag;
        void (*run)(weft_self *self, const struct request *request);
    } table[] = {
        {SUP_START, weft_otp__sup_start_child}, {SUP_START_SIMPLE, weft_otp__sup_start_simple},
        {SUP_TERMINATE, terminate_child},       {SUP_TERMINATE_PID, terminate_pid},
        {SUP_RESTART, restart_child},           {SUP_DELETE, delete_child},
        {SUP_WHICH, weft_otp__sup_which},       {SUP_PAGE, weft_otp__sup_page},
        {SUP_COUNT, weft_otp__sup_count},       {SUP_SPEC, get_childspec},
        {SUP_SPEC_PID, get_childspec_pid}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].tag != request->tag) continue;
        table[i].run(self, request);
        return;
    }
    answer(self, request, WEFT_ERR_UNSUPPORTED);
}

void weft_otp__sup_request_later(weft_self *self, const struct request *request) {
    struct sup *sup = weft_state(self);
    size_t size = request->data.size;
    WEFT_ASSERT(sup->op != OP_NONE);
    if (sup->requests_count >= WEFT_SUP_REQUESTS_MAX) {
        answer(self, request, WEFT_ERR_FULL);
        return;
    }
    struct late_request *late = weft_alloc(self, sizeof *late + size);
    if (late == NULL) {
        answer(self, request, WEFT_ERR_NOMEM);
        return;
    }
    late->request = *request;
    if (size > 0) memcpy(late->data, request->data.data, size);
    late->request.data = weft_bytes(size > 0 ? late->data : NULL, size);
    weft_list_init(&late->link);
    weft_list_push_back(&sup->requests, &late->link);
    sup->requests_count++;
}
