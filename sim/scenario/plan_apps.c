/* Applications: modules that nodes run, by their paths beside the scenario. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 1024

/* Texts live as long as the plan. */
static const char *keep(struct sim_plan__reader *reader, const char *text) {
    struct sim_plan *plan = reader->plan;
    if (plan->texts_count == SIM_TEXTS_MAX) return NULL;
    char *copy = sim_plan__copy(reader, text);
    if (copy != NULL) plan->texts[plan->texts_count++] = copy;
    return copy;
}

static bool beside(const char *scenario, const char *name, char path[PATH_SIZE]) {
    const char *slash = name[0] == '/' ? NULL : strrchr(scenario, '/');
    int folder = slash != NULL ? (int)(slash - scenario) + 1 : 0;
    int size = snprintf(path, PATH_SIZE, "%.*s%s", folder, scenario, name);
    return size > 0 && size < PATH_SIZE;
}

const char *sim_plan__module_path(struct sim_plan__reader *reader,
                                  const struct sim_plan__value *value) {
    const struct weft_yaml_node *node = value->node;
    char path[PATH_SIZE];
    struct stat info;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the path of a module")) return NULL;
    bool found = beside(reader->plan->file, node->text, path) && stat(path, &info) == 0 &&
                 S_ISREG(info.st_mode);
    if (!found) {
        sim_plan__mistake(reader, node,
                          "there is no file '%s' beside the scenario, expected a "
                          "module",
                          sim_plan__show(node->text).text);
        return NULL;
    }
    const char *kept = keep(reader, path);
    if (kept == NULL && !reader->no_memory)
        sim_plan__mistake(reader, node, "more than %d modules, expected fewer", SIM_TEXTS_MAX);
    return kept;
}

static void read_module(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct weft_node_module *module = into;
    module->path = sim_plan__module_path(reader, value);
}

static void read_type(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    static const char *const types[] = {"permanent", "transient", "temporary"};
    struct weft_node_module *module = into;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "permanent, transient or temporary")) return;
    for (size_t i = 0; i < 3; i++) {
        module->type = (enum weft_restart)i;
        if (strcmp(value->node->text, types[i]) == 0) return;
    }
    sim_plan__mistake(reader, value->node, "unknown type '%s', %s",
                      sim_plan__show(value->node->text).text,
                      sim_plan__hint(value->node->text, types, 3).text);
}

static const struct sim_plan__key app_keys[] = {
    {"module", true, read_module, 0, 0, 0},
    {"type", false, read_type, 0, 0, 0},
};
const struct sim_plan__section sim_plan__app_section = {"apps", app_keys,
                                                        sizeof app_keys / sizeof app_keys[0]};

void sim_plan__read_apps_of(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            struct sim_apps *apps) {
    apps->count = 0;
    if (!sim_plan__is_list(reader, value, SIM_APPS_MAX, "a list such as [{module: kv.so}]")) return;
    for (uint32_t i = 0; i < value->node->count; i++) {
        struct weft_node_module module = {.path = NULL, .type = WEFT_PERMANENT};
        const struct weft_yaml_node *item = value->node->items[i];
        struct sim_plan__value entry = {item, value->key};
        if (item->kind == WEFT_YAML_SCALAR) {
            read_module(reader, &entry, &module);
        } else {
            sim_plan__read_section(reader, item, &sim_plan__app_section, &module);
        }
        if (module.path != NULL) apps->modules[apps->count++] = module;
    }
}

void sim_plan__read_apps(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    struct sim_plan *plan = into;
    WEFT_ASSERT(plan == reader->plan);
    sim_plan__read_apps_of(reader, value, &plan->apps_of[0]);
}
