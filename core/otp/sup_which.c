/* What a supervisor tells of its children. */
#include "core/otp/sup_internal.h"

static void answer(weft_self *self, const struct request *request, int status,
                   struct weft_bytes data) {
    weft_reply(self, &request->call, status, data);
}

static void cut_text(char *to, size_t size, const char *text) {
    size_t length = strlen(text);
    WEFT_ASSERT(size > 0);
    if (length >= size) length = size - 1;
    memcpy(to, text, length);
}

static void describe(const struct child *child, struct weft_child_info *info) {
    const struct weft_child_spec *spec = &child->spec->the;
    WEFT_ASSERT(child->state != CHILD_FREE);
    cut_text(info->id, sizeof info->id, spec->id);
    info->pid = weft_otp__child_is_up(child) ? child->pid : WEFT_PID_NONE;
    info->restart = spec->restart;
    info->restarting = weft_otp__child_is_restarting(child);
    info->is_supervisor = spec->type == WEFT_TYPE_SUPERVISOR;
}

void weft_otp__sup_which(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    size_t size = sup->children_count * sizeof(struct weft_child_info), at = 0;
    if (size == 0 || size > WEFT_MESSAGE_MAX) {
        answer(self, request, size == 0 ? WEFT_OK : WEFT_ERR_TOO_BIG, weft_bytes(NULL, 0));
        return;
    }
    struct weft_child_info *infos = weft_alloc(self, size);
    if (infos == NULL) {
        answer(self, request, WEFT_ERR_NOMEM, weft_bytes(NULL, 0));
        return;
    }
    const struct child *child = weft_otp__child_at(sup, sup->children.first);
    for (; child != NULL; child = weft_otp__child_next(sup, child)) describe(child, &infos[at++]);
    WEFT_ASSERT(at == sup->children_count);
    answer(self, request, WEFT_OK, weft_bytes(infos, size));
    weft_free(self, infos);
}

/* Free slots in a row are passed over, but not without end. */
#define SLOTS_A_PAGE (16 * WEFT_CHILDREN_PAGE_MAX)

static void fill_page(const struct sup *sup, uint32_t cursor, struct weft_children_page *page) {
    uint32_t seen = 0;
    while (cursor < sup->slots_used && page->count < WEFT_CHILDREN_PAGE_MAX &&
           seen++ < SLOTS_A_PAGE) {
        const struct child *child = weft_otp__child_at(sup, cursor++);
        if (child->state != CHILD_FREE) describe(child, &page->infos[page->count++]);
    }
    page->next = cursor < sup->slots_used ? cursor : WEFT_CHILDREN_END;
}

void weft_otp__sup_page(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    uint32_t cursor;
    struct weft_children_page *page = NULL;
    size_t most = sizeof *page + WEFT_CHILDREN_PAGE_MAX * sizeof page->infos[0];
    if (request->data.size != sizeof cursor) {
        answer(self, request, WEFT_ERR_MALFORMED, weft_bytes(NULL, 0));
        return;
    }
    memcpy(&cursor, request->data.data, sizeof cursor);
    page = weft_alloc(self, most);
    if (page == NULL) {
        answer(self, request, WEFT_ERR_NOMEM, weft_bytes(NULL, 0));
        return;
    }
    fill_page(sup, cursor, page);
    answer(self, request, WEFT_OK,
           weft_bytes(page, sizeof *page + page->count * sizeof page->infos[0]));
    weft_free(self, page);
}

/* A template is one spec, whatever runs of it (supervisor.erl: count_children). */
void weft_otp__sup_count(weft_self *self, const struct request *request) {
    const struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->supervisors <= sup->children_count);
    struct weft_child_counts counts = {.specs = sup->template != NULL ? 1 : sup->children_count,
                                       .active = sup->active,
                                       .supervisors = sup->supervisors,
                                       .workers = sup->children_count - sup->supervisors};
    answer(self, request, WEFT_OK, weft_bytes(&counts, sizeof counts));
}

void weft_otp__sup_tell_spec(weft_self *self, const struct request *request,
                             const struct spec *spec) {
    if (spec == NULL) {
        answer(self, request, WEFT_ERR_NOT_FOUND, weft_bytes(NULL, 0));
        return;
    }
    struct weft_childspec *told = NULL;
    size_t size = sizeof *told + spec->the.arg.size;
    told = size <= WEFT_MESSAGE_MAX ? weft_alloc(self, size) : NULL;
    if (told == NULL) {
        answer(self, request, WEFT_ERR_NOMEM, weft_bytes(NULL, 0));
        return;
    }
    told->spec = spec->the;
    told->spec.id = told->spec.name = NULL;
    told->spec.arg.data = NULL;
    cut_text(told->id, sizeof told->id, spec->the.id);
    if (spec->the.name != NULL) cut_text(told->name, sizeof told->name, spec->the.name);
    if (spec->the.arg.size > 0) memcpy(told->arg, spec->the.arg.data, spec->the.arg.size);
    answer(self, request, WEFT_OK, weft_bytes(told, size));
    weft_free(self, told);
}
