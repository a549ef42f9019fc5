/* --set: one value of the tree replaced, or put in, before it is validated.
 *
 * What is put in carries its option as its place, so that every mistake about it names the option.
 */
#include "sim/scenario/swarm.h"

#include "core/base/assert.h"

#include <string.h>

static void tell(struct sim_plan__reader *reader, const char *set, const char *what) {
    struct weft_yaml_place place = {0, 0, set};
    sim_plan__mistake_in(reader, NULL, &place, "%s", what);
}

/* A key of swarm that is a path is one key, dots and all. */
static void join_swarm(struct sim_plan__path *path) {
    if (path->count < 3 || strcmp(path->parts[0], "swarm") != 0) return;
    if (sim_swarm__is_own(path->parts[1])) return;
    for (uint32_t i = 2; i < path->count; i++) path->text[path->parts[i] - path->text - 1] = '.';
    path->count = 2;
}

/* What is before the '='. False: told. */
static bool split(struct sim_plan__reader *reader, const char *set, struct sim_plan__path *path) {
    const char *equals = strchr(set, '=');
    size_t size = equals != NULL ? (size_t)(equals - set) : 0;
    if (size == 0 || size >= sizeof path->text) {
        tell(reader, set, "no key, expected key=value such as population=500");
        return false;
    }
    if (sim_plan__path(set, size, path)) {
        join_swarm(path);
        return true;
    }
    tell(reader, set, "this is no path, expected keys with a dot between");
    return false;
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
    struct sim_plan__path path;
    struct weft_yaml_place place = {0, 0, set};
    if (!split(reader, set, &path)) return;
    struct weft_yaml_node **at = sim_plan__slot(reader, &root, &path, &place);
    struct weft_yaml_node *value = at != NULL ? value_of(reader, set) : NULL;
    if (value == NULL) {
        bool made_for_it = at != NULL && (*at)->set == set && (*at)->count == 0;
        if (made_for_it) (*at)->kind = WEFT_YAML_BROKEN;
        return;
    }
    weft_yaml_free(*at);
    *at = value;
}
