/* A supervisor taken to new code: its specs change, its children run on
 * (supervisor.erl: code_change, update_childspec). */
#include "core/otp/sup_internal.h"

static struct sup *state_of(struct weft_process *proc) {
    if (proc == NULL || proc->behaviour->handle != weft_supervisor.handle) return NULL;
    /* Its own init comes first. */
    return proc->flags & PROC_STARTING ? NULL : weft_state(proc);
}

uint32_t weft_otp__sup_rebind(struct weft_process *proc, const struct weft_behaviour *from,
                              const struct weft_behaviour *to) {
    struct sup *sup = state_of(proc);
    uint32_t changed = 0;
    WEFT_ASSERT(from != NULL);
    WEFT_ASSERT(to != NULL);
    if (sup == NULL || from == to) return 0;
    for (struct weft_link *at = sup->specs.next; at != &sup->specs; at = at->next) {
        struct spec *spec = WEFT_CONTAINER(at, struct spec, link);
        if (spec->the.behaviour != from) continue;
        spec->the.behaviour = to;
        changed++;
    }
    return changed;
}

uint32_t weft_otp__sup_uses(struct weft_process *proc, const struct weft_behaviour *behaviour) {
    const struct sup *sup = state_of(proc);
    uint32_t count = 0;
    WEFT_ASSERT(behaviour != NULL);
    if (sup == NULL) return 0;
    for (const struct weft_link *at = sup->specs.next; at != &sup->specs; at = at->next)
        count += ((const struct spec *)at)->the.behaviour == behaviour;
    return count;
}

bool weft_otp__sup_is_asked(struct weft_process *proc) {
    const struct sup *sup = state_of(proc);
    return sup != NULL && !weft_list_empty(&sup->requests);
}

/* What is made before anything is changed, so that nothing has changed when it fails. */
struct change {
    struct weft_process *proc;
    struct sup *sup;
    const struct weft_sup_config *config;
    struct child **children; /* of each of the config: the one that is there, or a new one */
    struct spec **specs;     /* their new ones */
    uint32_t count;
};

static bool has_id(const struct weft_child_spec *spec) {
    return spec->id != NULL && spec->id[0] != '\0';
}

/* A spec like the one asked for. While the old one with its id is there, the new is not looked
 * up: it comes into the map when it takes the other's place. */
static int change_one(struct change *change, uint32_t i) {
    const struct weft_child_spec *wanted = &change->config->children[i];
    WEFT_ASSERT(has_id(wanted));
    struct child *old = weft_otp__child_by_id(change->sup, wanted->id);
    int rv = weft_otp__spec_get(change->proc, wanted, &change->specs[i]);
    if (rv != WEFT_OK) return rv;
    change->children[i] = old;
    if (old != NULL) return WEFT_OK;
    rv = weft_otp__child_new(change->proc, change->specs[i], &change->children[i]);
    if (rv != WEFT_OK) change->specs[i] = NULL;
    return rv;
}

static void take_back(struct change *change, uint32_t done) {
    for (uint32_t i = done; i-- > 0;) {
        struct child *child = change->children[i];
        WEFT_ASSERT(child != NULL);
        if (child->spec == change->specs[i]) {
            weft_otp__child_free(change->proc, child);
        } else {
            weft_otp__spec_put(change->proc, change->specs[i]);
        }
    }
}

/* In the order of the config, then those that it does not name. */
static void reorder(struct sup *sup, const struct change *change) {
    uint32_t first = change->count > 0 ? change->children[0]->index : CHILD_NONE;
    for (uint32_t i = 0; i < change->count; i++) {
        weft_otp__list_remove(sup, &sup->children, change->children[i]);
        weft_otp__list_push(sup, &sup->children, change->children[i]);
    }
    while (first != CHILD_NONE && sup->children.first != first) {
        struct child *kept = weft_otp__child_at(sup, sup->children.first);
        weft_otp__list_remove(sup, &sup->children, kept);
        weft_otp__list_push(sup, &sup->children, kept);
    }
}

static int change_all(struct change *change) {
    for (uint32_t i = 0; i < change->count; i++) {
        int rv = change_one(change, i);
        if (rv == WEFT_OK) continue;
        take_back(change, i);
        return rv;
    }
    for (uint32_t i = 0; i < change->count; i++)
        if (change->children[i]->spec != change->specs[i])
            weft_otp__child_respec(change->proc, change->children[i], change->specs[i]);
    reorder(change->sup, change);
    return WEFT_OK;
}

static int change_children(struct change *change) {
    size_t count = change->count;
    WEFT_ASSERT(change->sup->template == NULL);
    if (count == 0) return WEFT_OK;
    change->children = weft_alloc(change->proc, count * sizeof *change->children);
    change->specs = weft_alloc(change->proc, count * sizeof *change->specs);
    int rv = WEFT_ERR_NOMEM;
    if (change->children != NULL && change->specs != NULL) rv = change_all(change);
    weft_free(change->proc, change->children);
    weft_free(change->proc, change->specs);
    return rv;
}

static int change_template(struct change *change) {
    struct spec *old = change->sup->template, *made;
    WEFT_ASSERT(old != NULL);
    int rv = weft_otp__spec_get(change->proc, &change->config->children[0], &made);
    if (rv != WEFT_OK) return rv;
    change->sup->template = made;
    weft_otp__spec_put(change->proc, old);
    return WEFT_OK;
}

int weft_sup_change_config(weft_self *self, weft_pid sup_pid,
                           const struct weft_sup_config *config) {
    struct weft_process *proc = weft_otp__find(self->sched, sup_pid);
    struct sup *sup = state_of(proc);
    if (sup == NULL) return WEFT_ERR_NO_PROC;
    int rv = weft_sup_check(config, NULL);
    if (rv != WEFT_OK) return rv;
    bool simple = config->strategy == WEFT_SIMPLE_ONE_FOR_ONE;
    if (simple != (sup->template != NULL)) return WEFT_ERR_INVAL;
    if (sup->op != OP_NONE) return WEFT_ERR_IN_USE;
    for (size_t i = 0; i < config->children_count; i++) {
        if (!simple && !has_id(&config->children[i])) return WEFT_ERR_INVAL;
        weft_otp__touch(config->children[i].arg);
    }
    struct change change = {
        .proc = proc, .sup = sup, .config = config, .count = (uint32_t)config->children_count};
    rv = simple ? change_template(&change) : change_children(&change);
    if (rv == WEFT_OK) weft_otp__sup_configure(proc, config);
    return rv;
}
