/* Applications that come from modules. */
#include "core/node/apps.h"

#include "core/base/assert.h"
#include "core/otp/module.h"

#include <string.h>

#define LINKER_TEXT_SIZE 256

static int tell(struct weft_reason *why, int rv, const char *path, const char *what) {
    const char *name = strrchr(path, '/');
    *why = weft_reason_text(WEFT_REASON_START, rv, "module %.30s: %s",
                            name != NULL ? name + 1 : path, what);
    return rv;
}

/* `abi` is believed before anything else. */
static int check(const struct weft_module_info *info, const char *path, struct weft_reason *why) {
    if (info == NULL) return tell(why, WEFT_ERR_MALFORMED, path, "exports no " WEFT_MODULE_SYMBOL);
    if (info->abi != WEFT_ABI)
        return tell(why, WEFT_ERR_UNSUPPORTED, path, "built against another version of weft");
    if (info->application == NULL) return tell(why, WEFT_ERR_INVAL, path, "has no application");
    return WEFT_OK;
}

static int load(struct weft_env *env, const char *path, struct weft_module **module,
                const struct weft_application **out, struct weft_reason *why) {
    char words[LINKER_TEXT_SIZE] = "";
    int rv = env->loader->load(env, path, module, words, sizeof words);
    if (rv != WEFT_OK) {
        weft_log(env, WEFT_LOG_ERROR, "%s", words);
        return tell(why, rv, path, weft_error_text(rv));
    }
    const struct weft_module_info *info = env->loader->symbol(env, *module, WEFT_MODULE_SYMBOL);
    rv = check(info, path, why);
    if (rv == WEFT_OK) {
        *out = info->application;
        return WEFT_OK;
    }
    env->loader->unload(env, *module);
    *module = NULL;
    return rv;
}

static bool any_module(const struct weft_node_config *config) {
    for (size_t i = 0; i < config->apps_count; i++) {
        if (config->apps[i].module != NULL) return true;
    }
    return false;
}

static int reserve(struct weft_env *env, const struct weft_node_config *config,
                   struct weft_node_apps *apps) {
    apps->copy = weft_mem_alloc(env->mem, apps->count * sizeof *apps->copy);
    apps->modules = weft_mem_zalloc(env->mem, apps->count * sizeof *apps->modules);
    if (apps->copy == NULL || apps->modules == NULL) return WEFT_ERR_NOMEM;
    memcpy(apps->copy, config->apps, apps->count * sizeof *apps->copy);
    apps->specs = apps->copy;
    return WEFT_OK;
}

int weft_node__apps_open(struct weft_env *env, const struct weft_node_config *config,
                         struct weft_node_apps *apps, struct weft_reason *why) {
    WEFT_ASSERT(config != NULL);
    WEFT_ASSERT(why != NULL);
    *apps = (struct weft_node_apps){.specs = config->apps, .count = config->apps_count};
    if (!any_module(config)) return WEFT_OK;
    int rv = reserve(env, config, apps);
    for (size_t i = 0; rv == WEFT_OK && i < apps->count; i++) {
        struct weft_app_spec *spec = &apps->copy[i];
        if (spec->module == NULL) continue;
        rv = load(env, spec->module, &apps->modules[i], &spec->application, why);
    }
    if (rv != WEFT_OK) weft_node__apps_close(env, apps);
    return rv;
}

void weft_node__apps_close(struct weft_env *env, struct weft_node_apps *apps) {
    WEFT_ASSERT(env != NULL);
    for (size_t i = 0; apps->modules != NULL && i < apps->count; i++) {
        if (apps->modules[i] != NULL) env->loader->unload(env, apps->modules[i]);
    }
    weft_mem_free(env->mem, apps->modules, apps->count * sizeof *apps->modules);
    weft_mem_free(env->mem, apps->copy, apps->count * sizeof *apps->copy);
    *apps = (struct weft_node_apps){.count = 0};
}
