/* Child specs: checked, and kept once for all children that are alike. */
#include "core/otp/sup_internal.h"

const char *weft_otp__spec_problem(const struct weft_child_spec *spec,
                                   enum weft_auto_shutdown auto_shutdown) {
    if (spec->behaviour == NULL || spec->behaviour->handle == NULL) return "no behaviour";
    if ((unsigned)spec->restart > WEFT_TEMPORARY) return "invalid restart";
    if ((unsigned)spec->type > WEFT_TYPE_SUPERVISOR) return "invalid type";
    if (spec->shutdown < WEFT_INFINITY) return "invalid shutdown";
    if ((unsigned)spec->priority > WEFT_PRIORITY_LOW) return "invalid priority";
    if (!spec->significant) return NULL;
    if (spec->restart == WEFT_PERMANENT) return "bad_combination: significant and permanent";
    if (auto_shutdown == WEFT_AUTO_NEVER)
        return "bad_combination: significant and auto_shutdown never";
    return NULL;
}

bool weft_otp__spec_is_shared(const struct weft_child_spec *spec) {
    return (spec->id == NULL || spec->id[0] == '\0') && spec->name == NULL;
}

const char *weft_otp__spec_label(const struct spec *spec) {
    if (spec->the.id[0] != '\0') return spec->the.id;
    return spec->the.behaviour->name != NULL ? spec->the.behaviour->name : "";
}

static struct weft_child_spec with_defaults(const struct weft_child_spec *spec) {
    struct weft_child_spec full = *spec;
    if (full.id == NULL) full.id = "";
    if (full.type == WEFT_TYPE_DEFAULT)
        full.type = full.behaviour->handle == weft_supervisor.handle ? WEFT_TYPE_SUPERVISOR
                                                                     : WEFT_TYPE_WORKER;
    if (full.shutdown == 0)
        full.shutdown = full.type == WEFT_TYPE_SUPERVISOR ? WEFT_INFINITY : WEFT_S(5);
    return full;
}

/* Of what tells shared specs apart; not of addresses, which differ from run to run. */
static uint64_t content_hash(const struct sup *sup, const struct weft_child_spec *spec) {
    return weft_siphash(&sup->key, spec->arg.data, spec->arg.size) + (uint64_t)spec->restart;
}

static uint64_t id_hash(const struct sup *sup, const char *id) {
    return weft_siphash(&sup->key, id, strlen(id));
}

static bool same_spec(const struct weft_child_spec *a, const struct weft_child_spec *b) {
    WEFT_ASSERT(weft_otp__spec_is_shared(a));
    WEFT_ASSERT(weft_otp__spec_is_shared(b));
    if (a->behaviour != b->behaviour || a->restart != b->restart) return false;
    if (a->shutdown != b->shutdown || a->type != b->type) return false;
    if (a->significant != b->significant || a->priority != b->priority) return false;
    if (a->mailbox_max != b->mailbox_max || a->memory_max != b->memory_max) return false;
    if (a->overflow != b->overflow || a->quota != b->quota) return false;
    return a->arg.size == b->arg.size &&
           (a->arg.size == 0 || memcmp(a->arg.data, b->arg.data, a->arg.size) == 0);
}

static struct spec *find_alike(const struct sup *sup, const struct weft_child_spec *spec) {
    struct map_node *node = weft_otp__map_first(&sup->contents, content_hash(sup, spec));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct spec *found = WEFT_CONTAINER(node, struct spec, node);
        if (same_spec(&found->the, spec)) return found;
    }
    return NULL;
}

struct spec *weft_otp__spec_by_id(const struct sup *sup, const char *id) {
    WEFT_ASSERT(id != NULL);
    if (id[0] == '\0') return NULL;
    struct map_node *node = weft_otp__map_first(&sup->ids, id_hash(sup, id));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct spec *found = WEFT_CONTAINER(node, struct spec, node);
        if (strcmp(found->the.id, id) == 0) return found;
    }
    return NULL;
}

/* One block: the struct, then arg (aligned), id and name. */
static struct spec *spec_copy(weft_self *self, const struct weft_child_spec *spec) {
    size_t id_size = strlen(spec->id) + 1;
    size_t name_size = spec->name != NULL ? strlen(spec->name) + 1 : 0;
    size_t head = (sizeof(struct spec) + 15) / 16 * 16;
    struct spec *copy = weft_alloc(self, head + spec->arg.size + id_size + name_size);
    if (copy == NULL) return NULL;
    char *arg = (char *)copy + head, *id = arg + spec->arg.size, *name = id + id_size;
    copy->the = *spec;
    copy->owner = CHILD_NONE;
    copy->refs = 1;
    if (spec->arg.size > 0) memcpy(arg, spec->arg.data, spec->arg.size);
    copy->the.arg = weft_bytes(spec->arg.size > 0 ? arg : NULL, spec->arg.size);
    memcpy(id, spec->id, id_size);
    copy->the.id = id;
    if (name_size > 0) copy->the.name = memcpy(name, spec->name, name_size);
    return copy;
}

/* NULL: it has a name and no id, and is looked for by neither. */
static struct map *map_of(struct sup *sup, const struct spec *spec) {
    if (spec->the.id[0] != '\0') return &sup->ids;
    return weft_otp__spec_is_shared(&spec->the) ? &sup->contents : NULL;
}

static uint64_t hash_of(const struct sup *sup, const struct spec *spec) {
    return spec->the.id[0] != '\0' ? id_hash(sup, spec->the.id) : content_hash(sup, &spec->the);
}

int weft_otp__spec_get(weft_self *sup_self, const struct weft_child_spec *spec, struct spec **out) {
    struct sup *sup = weft_state(sup_self);
    struct weft_child_spec full = with_defaults(spec);
    struct spec *found = weft_otp__spec_is_shared(&full) ? find_alike(sup, &full) : NULL;
    if (found != NULL) {
        WEFT_ASSERT(found->refs < UINT32_MAX);
        found->refs++;
        *out = found;
        return WEFT_OK;
    }
    struct spec *made = spec_copy(sup_self, &full);
    if (made == NULL) return WEFT_ERR_NOMEM;
    struct map *map = map_of(sup, made);
    if (map != NULL && weft_otp__map_insert(map, &made->node, hash_of(sup, made)) != WEFT_OK) {
        weft_free(sup_self, made);
        return WEFT_ERR_NOMEM;
    }
    weft_list_init(&made->link);
    weft_list_push_back(&sup->specs, &made->link);
    *out = made;
    return WEFT_OK;
}

void weft_otp__spec_put(weft_self *sup_self, struct spec *spec) {
    struct sup *sup = weft_state(sup_self);
    WEFT_ASSERT(spec->refs > 0);
    if (--spec->refs > 0) return;
    struct map *map = map_of(sup, spec);
    if (map != NULL) weft_otp__map_remove(map, &spec->node);
    weft_list_remove(&spec->link);
    weft_free(sup_self, spec);
}
