/* What may be asked of a supervisor: the asking side. */
#include "core/otp/sup_internal.h"

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
    struct start_head head = {.spec = *spec};
    head.spec.id = head.spec.name = NULL;
    head.spec.arg = weft_bytes(NULL, spec->arg.size);
    size_t id_size = strlen(id) + 1, name_size = spec->name != NULL ? strlen(spec->name) + 1 : 0;
    size_t size = sizeof head + id_size + name_size + spec->arg.size;
    if (size < spec->arg.size || size > WEFT_MESSAGE_MAX) return WEFT_ERR_TOO_BIG;
    head.id_size = (uint32_t)id_size;
    head.name_size = (uint32_t)name_size;
    unsigned char *data = weft_alloc(self, size);
    if (data == NULL) return WEFT_ERR_NOMEM;
    size_t at = put(data, 0, &head, sizeof head);
    at = put(data, at, spec->arg.data, spec->arg.size);
    at = put(data, at, id, id_size);
    at = put(data, at, spec->name, name_size);
    int rv = ask(self, sup, SUP_START, weft_bytes(data, at), ref);
    weft_free(self, data);
    return rv;
}

int weft_sup_start_simple(weft_self *self, weft_pid sup, struct weft_bytes extra, weft_ref *ref) {
    if (extra.size > WEFT_MESSAGE_MAX) return WEFT_ERR_TOO_BIG;
    return ask(self, sup, SUP_START_SIMPLE, extra, ref);
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
    return ask(self, sup, SUP_WHICH, weft_bytes(NULL, 0), ref);
}

int weft_sup_children_page(weft_self *self, weft_pid sup, uint32_t cursor, weft_ref *ref) {
    return ask(self, sup, SUP_PAGE, weft_bytes(&cursor, sizeof cursor), ref);
}

int weft_sup_count_children(weft_self *self, weft_pid sup, weft_ref *ref) {
    return ask(self, sup, SUP_COUNT, weft_bytes(NULL, 0), ref);
}

int weft_sup_get_childspec(weft_self *self, weft_pid sup, const char *id, weft_ref *ref) {
    return ask_id(self, sup, SUP_SPEC, id, ref);
}

int weft_sup_get_childspec_pid(weft_self *self, weft_pid sup, weft_pid child, weft_ref *ref) {
    return ask(self, sup, SUP_SPEC_PID, weft_bytes(&child, sizeof child), ref);
}
