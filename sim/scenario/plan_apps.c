/* Applications: modules that nodes run, by their paths beside the scenario or in folders of
 * modules. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *sim_plan__keep(struct sim_plan__reader *reader, const char *text) {
    struct sim_plan *plan = reader->plan;
    if (plan->texts_count == SIM_TEXTS_MAX) return NULL;
    char *copy = sim_plan__copy(reader, text);
    if (copy != NULL) plan->texts[plan->texts_count++] = copy;
    return copy;
}

static bool is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static bool find_module(const struct sim_plan__reader *reader, const char *name,
                        char path[SIM_PLAN__FILE_SIZE]) {
    const struct sim_plan_report *report = reader->report;
    if (sim_plan__beside(reader->plan->file, name, path) && is_file(path)) return true;
    for (uint32_t i = 0; report != NULL && name[0] != '/' && i < report->folders_count; i++) {
        int size = snprintf(path, SIM_PLAN__FILE_SIZE, "%s/%s", report->folders[i], name);
        if (size > 0 && size < SIM_PLAN__FILE_SIZE && is_file(path)) return true;
    }
    return false;
}

/* Beside the scenario, and in which folders. */
static void tell_missing(struct sim_plan__reader *reader, const struct weft_yaml_node *node) {
    const struct sim_plan_report *report = reader->report;
    char places[SIM_MISTAKE_TEXT_MAX / 2] = "beside the scenario";
    size_t used = strlen(places);
    for (uint32_t i = 0; report != NULL && i < report->folders_count; i++) {
        int size = snprintf(places + used, sizeof places - used, "%s%s",
                            i == 0 ? ", nor in " : ", ", report->folders[i]);
        if (size < 0 || (size_t)size >= sizeof places - used) break;
        used += (size_t)size;
    }
    sim_plan__mistake(reader, node, "there is no file '%s' %s, expected a module",
                      sim_plan__show(node->text).text, places);
}

const char *sim_plan__module_path(struct sim_plan__reader *reader,
                                  const struct sim_plan__value *value) {
    const struct weft_yaml_node *node = value->node;
    char path[SIM_PLAN__FILE_SIZE];
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the path of a module")) return NULL;
    if (!find_module(reader, node->text, path)) {
        tell_missing(reader, node);
        return NULL;
    }
    const char *kept = sim_plan__keep(reader, path);
    if (kept == NULL && !reader->no_memory)
        sim_plan__mistake(reader, node, "more than %d modules and texts, expected fewer",
                          SIM_TEXTS_MAX);
    return kept;
}

/* The array lives as long as the plan, as its texts do. */
static struct weft_app_env *env_new(struct sim_plan__reader *reader) {
    struct sim_plan *plan = reader->plan;
    struct weft_app_env *env = calloc(SIM_ENV_MAX, sizeof *env);
    if (env == NULL) reader->no_memory = true;
    if (env != NULL && plan->texts_count == SIM_TEXTS_MAX) {
        free(env);
        return NULL;
    }
    if (env != NULL) plan->texts[plan->texts_count++] = (void *)env;
    return env;
}

static bool fits(struct sim_plan__reader *reader, const struct weft_yaml_node *key,
                 const struct weft_yaml_node *value) {
    const char *wrong = NULL;
    if (value->kind != WEFT_YAML_SCALAR)
        wrong = "expected a text";
    else if (strlen(value->text) >= WEFT_APP_VALUE_MAX)
        wrong = "the value is too long";
    else if (key->text[0] == '\0' || strlen(key->text) >= WEFT_NAME_MAX)
        wrong = "expected a key of 1 to 63 bytes";
    if (wrong != NULL && value->kind != WEFT_YAML_BROKEN)
        sim_plan__mistake(reader, wrong[0] == 't' || value->kind != WEFT_YAML_SCALAR ? value : key,
                          "'%s': %s", sim_plan__show(key->text).text, wrong);
    return wrong == NULL;
}

static void read_env(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                     void *into) {
    struct weft_node_module *module = into;
    const struct weft_yaml_node *node = value->node;
    if (!sim_plan__is(reader, value, WEFT_YAML_MAPPING, "keys and texts, such as {port: 80}"))
        return;
    if (node->count > SIM_ENV_MAX) {
        sim_plan__mistake(reader, node, "'env' has %u keys, expected at most %d", node->count,
                          SIM_ENV_MAX);
        return;
    }
    struct weft_app_env *env = node->count > 0 ? env_new(reader) : NULL;
    module->env = env;
    module->env_count = 0;
    for (uint32_t i = 0; env != NULL && i < node->count; i++) {
        if (!fits(reader, node->keys[i], node->items[i])) continue;
        struct weft_app_env one = {sim_plan__keep(reader, node->keys[i]->text),
                                   sim_plan__keep(reader, node->items[i]->text)};
        if (one.key != NULL && one.value != NULL)
            env[module->env_count++] = one;
        else if (!reader->no_memory)
            sim_plan__mistake(reader, node, "more than %d modules and texts, expected fewer",
                              SIM_TEXTS_MAX);
    }
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
    {"env", false, read_env, 0, 0, 0},
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
