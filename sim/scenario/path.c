/* Paths into the tree of a scenario: keys, and numbers in lists, with a dot between. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <string.h>

bool sim_plan__path(const char *text, size_t size, struct sim_plan__path *path) {
    if (size == 0 || size >= sizeof path->text) return false;
    memcpy(path->text, text, size);
    path->text[size] = '\0';
    path->count = 0;
    for (char *at = path->text; at != NULL;) {
        char *dot = strchr(at, '.');
        if (dot != NULL) *dot = '\0';
        if (*at == '\0' || path->count == SIM_PLAN__PATH_PARTS) return false;
        path->parts[path->count++] = at;
        at = dot != NULL ? dot + 1 : NULL;
    }
    return true;
}

static struct weft_yaml_node **make_key(struct sim_plan__reader *reader,
                                        struct weft_yaml_node *node, const char *part,
                                        const struct weft_yaml_place *place) {
    struct weft_yaml_node *item = weft_yaml_new(NULL, place);
    if (item == NULL || !weft_yaml_add(node, part, item)) {
        weft_yaml_free(item);
        reader->no_memory = true;
        return NULL;
    }
    return &node->items[node->count - 1];
}

/* Where `part` is, or would be, in `node`. NULL: told. */
static struct weft_yaml_node **step(struct sim_plan__reader *reader, struct weft_yaml_node *node,
                                    const char *part, const struct weft_yaml_place *place) {
    uint64_t index = 0;
    if (node->kind == WEFT_YAML_SEQUENCE) {
        if (weft_value_count(part, &index) && index < node->count) return &node->items[index];
        sim_plan__mistake_in(reader, NULL, place, "no entry '%s', expected 0 to %u",
                             sim_plan__show(part).text, node->count - 1);
        return NULL;
    }
    if (node->kind != WEFT_YAML_MAPPING) {
        sim_plan__mistake_in(reader, NULL, place,
                             "no key '%s' there, expected the path of a mapping or a list",
                             sim_plan__show(part).text);
        return NULL;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (strcmp(node->keys[i]->text, part) == 0) return &node->items[i];
    }
    return make_key(reader, node, part, place);
}

struct weft_yaml_node **sim_plan__slot(struct sim_plan__reader *reader,
                                       struct weft_yaml_node **root,
                                       const struct sim_plan__path *path,
                                       const struct weft_yaml_place *place) {
    WEFT_ASSERT(root != NULL);
    WEFT_ASSERT(path->count > 0);
    struct weft_yaml_node **at = root;
    for (uint32_t i = 0; i < path->count && at != NULL; i++) {
        at = step(reader, *at, path->parts[i], place);
    }
    return at;
}
