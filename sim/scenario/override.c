/* --set: one value of the tree replaced, or put in, before it is validated.
 *
 * What is put in carries its option as its place, so that every mistake about it names the option.
 */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <stdlib.h>
#include <string.h>

#define PATH_MAX_PARTS 12u
#define OPTION_SIZE_MAX 1024u

struct path {
    char text[OPTION_SIZE_MAX]; /* the keys, NUL between them */
    const char *parts[PATH_MAX_PARTS];
    uint32_t count;
};

static void tell(struct sim_plan__reader *reader, const char *set, const char *what) {
    struct weft_yaml_place place = {0, 0, set};
    sim_plan__mistake_in(reader, NULL, &place, "%s", what);
}

/* "a.b.0" before the '=' into its parts. False: told. */
static bool split(struct sim_plan__reader *reader, const char *set, struct path *path) {
    const char *equals = strchr(set, '=');
    size_t size = equals != NULL ? (size_t)(equals - set) : 0;
    if (size == 0 || size >= sizeof path->text) {
        tell(reader, set, "no key, expected key=value such as population=500");
        return false;
    }
    memcpy(path->text, set, size);
    path->text[size] = '\0';
    path->count = 0;
    char *at = path->text;
    while (at != NULL) {
        char *dot = strchr(at, '.');
        if (dot != NULL) *dot = '\0';
        if (*at == '\0' || path->count == PATH_MAX_PARTS) {
            tell(reader, set, "this is no path, expected keys with a dot between");
            return false;
        }
        path->parts[path->count++] = at;
        at = dot != NULL ? dot + 1 : NULL;
    }
    return true;
}

/* Where `part` is, or would be, in `node`. NULL: told. */
static struct weft_yaml_node **slot(struct sim_plan__reader *reader, struct weft_yaml_node *node,
                                    const char *part, const char *set) {
    struct weft_yaml_place place = {0, 0, set};
    uint64_t index = 0;
    if (node->kind == WEFT_YAML_SEQUENCE) {
        if (weft_value_count(part, &index) && index < node->count) return &node->items[index];
        sim_plan__mistake_in(reader, NULL, &place, "no entry '%s', expected 0 to %u",
                             sim_plan__show(part).text, node->count - 1);
        return NULL;
    }
    if (node->kind != WEFT_YAML_MAPPING) {
        sim_plan__mistake_in(reader, NULL, &place,
                             "no key '%s' there, expected the path of a mapping or a list",
                             sim_plan__show(part).text);
        return NULL;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (strcmp(node->keys[i]->text, part) == 0) return &node->items[i];
    }
    struct weft_yaml_node *item = weft_yaml_new(NULL, &place);
    if (item == NULL || !weft_yaml_add(node, part, item)) {
        weft_yaml_free(item);
        reader->no_memory = true;
        return NULL;
    }
    return &node->items[node->count - 1];
}

/* "5%" as it stands; "[1, 2]" and "{k: 8}" as YAML. NULL: told. */
static struct weft_yaml_node *value_of(struct sim_plan__reader *reader, const char *set) {
    const char *text = strchr(set, '=') + 1;
    struct weft_yaml_place place = {0, 0, set};
    struct weft_yaml_node *node = NULL;
    bool no_memory = false;
    if (*text == '[' || *text == '{') {
        struct weft_yaml_report report = {sim_plan__yaml_mistake, reader, set, "a value"};
        node = weft_yaml_read(weft_bytes_text(text), &report, &no_memory);
    } else {
        node = weft_yaml_new(text, &place);
        no_memory = node == NULL;
        if (node != NULL && *text == '\0') node->kind = WEFT_YAML_NOTHING;
    }
    reader->no_memory = reader->no_memory || no_memory;
    return node;
}

void sim_plan__override(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                        const char *set) {
    WEFT_ASSERT(root != NULL);
    WEFT_ASSERT(set != NULL);
    struct path path;
    if (!split(reader, set, &path)) return;
    struct weft_yaml_node **at = &root;
    for (uint32_t i = 0; i < path.count && at != NULL; i++) {
        at = slot(reader, *at, path.parts[i], set);
    }
    struct weft_yaml_node *value = at != NULL ? value_of(reader, set) : NULL;
    if (value == NULL) {
        bool made_for_it = at != NULL && (*at)->set == set && (*at)->count == 0;
        if (made_for_it) (*at)->kind = WEFT_YAML_BROKEN;
        return;
    }
    weft_yaml_free(*at);
    *at = value;
}
