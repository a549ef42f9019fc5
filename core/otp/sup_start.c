/* start_child. */
#include "core/otp/sup_internal.h"

static void answer_pid(weft_self *self, const struct request *request, int status, weft_pid pid) {
    weft_reply(self, &request->call, status, weft_bytes(&pid, sizeof pid));
}

static void refuse(weft_self *self, const struct request *request, int status) {
    WEFT_ASSERT(status != WEFT_OK);
    weft_reply(self, &request->call, status, weft_bytes(NULL, 0));
}

/* The text of `size` bytes with its NUL at `at`. */
static bool is_text(const unsigned char *at, size_t size) {
    return size > 0 && memchr(at, '\0', size) == at + size - 1;
}

/* The spec of a request, pointing into it. WEFT_ERR_MALFORMED */
static int decode(struct weft_bytes data, struct weft_child_spec *spec) {
    struct start_head head;
    if (data.size < sizeof head) return WEFT_ERR_MALFORMED;
    memcpy(&head, data.data, sizeof head);
    const unsigned char *at = (const unsigned char *)data.data + sizeof head;
    size_t left = data.size - sizeof head, arg_size = head.spec.arg.size;
    if (arg_size > left || left - arg_size != (size_t)head.id_size + head.name_size)
        return WEFT_ERR_MALFORMED;
    if (!is_text(at + arg_size, head.id_size)) return WEFT_ERR_MALFORMED;
    const unsigned char *name = at + arg_size + head.id_size;
    if (head.name_size > 0 && !is_text(name, head.name_size)) return WEFT_ERR_MALFORMED;
    *spec = head.spec;
    spec->arg = weft_bytes(arg_size > 0 ? at : NULL, arg_size);
    spec->id = (const char *)(at + arg_size);
    spec->name = head.name_size > 0 ? (const char *)name : NULL;
    return WEFT_OK;
}

/* Never started again, a temporary child needs no arg (supervisor.erl: save_child). */
static int add(weft_self *self, const struct weft_child_spec *given, struct child **out) {
    struct weft_child_spec kept = *given;
    struct spec *spec;
    if (kept.restart == WEFT_TEMPORARY) kept.arg = weft_bytes(NULL, 0);
    int rv = weft_otp__spec_get(self, &kept, &spec);
    return rv == WEFT_OK ? weft_otp__child_new(self, spec, out) : rv;
}

static void start_new(weft_self *self, const struct request *request,
                      const struct weft_child_spec *spec) {
    struct start start = {.arg = spec->arg, .holder = WEFT_PID_NONE};
    struct child *child;
    int rv = add(self, spec, &child);
    if (rv == WEFT_OK) {
        rv = weft_otp__child_start(self, child, &start);
        if (child->state == CHILD_UP) start.holder = child->pid;
        bool kept = rv == WEFT_OK && spec->restart != WEFT_TEMPORARY && spec->id[0] != '\0';
        if (child->state == CHILD_DOWN && !kept) weft_otp__child_free(self, child);
    }
    answer_pid(self, request, rv, start.holder);
}

void weft_otp__sup_start_child(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    struct weft_child_spec spec;
    int rv = decode(request->data, &spec);
    if (rv == WEFT_OK && sup->template != NULL) rv = WEFT_ERR_UNSUPPORTED;
    if (rv != WEFT_OK) {
        refuse(self, request, rv);
        return;
    }
    const char *problem = weft_otp__spec_problem(&spec, sup->auto_shutdown);
    if (problem != NULL) {
        weft_reply(self, &request->call, WEFT_ERR_INVAL, weft_bytes_text(problem));
        return;
    }
    const struct child *old = weft_otp__child_by_id(sup, spec.id);
    if (old == NULL) {
        start_new(self, request, &spec);
    } else {
        answer_pid(self, request, WEFT_ERR_EXISTS,
                   weft_otp__child_is_up(old) ? old->pid : WEFT_PID_NONE);
    }
}

void weft_otp__sup_start_simple(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    if (sup->template == NULL) {
        refuse(self, request, WEFT_ERR_UNSUPPORTED);
        return;
    }
    struct weft_child_spec spec = sup->template->the;
    struct weft_bytes first = spec.arg, extra = request->data;
    unsigned char *both = NULL;
    spec.id = "";
    spec.arg = first.size > 0 ? first : extra;
    if (first.size > 0 && extra.size > 0) {
        both = weft_alloc(self, first.size + extra.size);
        if (both == NULL) {
            refuse(self, request, WEFT_ERR_NOMEM);
            return;
        }
        memcpy(both, first.data, first.size);
        memcpy(both + first.size, extra.data, extra.size);
        spec.arg = weft_bytes(both, first.size + extra.size);
    }
    start_new(self, request, &spec);
    weft_free(self, both);
}
