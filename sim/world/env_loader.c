/* The loader of a simulated machine: that of the machine it runs on. Code is shared by all nodes.
 */
#include "core/base/assert.h"
#include "sim/world/internal.h"

static struct sim_host *host_of(struct weft_env *env) {
    return &sim_fabric__machine(env)->fabric->config.host;
}

static struct weft_env *env_of(struct weft_env *env) {
    const struct sim_host *host = host_of(env);
    return host->loader_env != NULL ? host->loader_env : env;
}

static int load(struct weft_env *env, const char *path, struct weft_module **out, char *why,
                size_t why_size) {
    const struct weft_loader_ops *loader = host_of(env)->loader;
    if (sim_fabric__refused(sim_fabric__machine(env), SIM_POINT_LOAD, "load", 0)) {
        if (why_size > 0) why[0] = '\0';
        return WEFT_ERR_NOMEM;
    }
    if (loader != NULL) return loader->load(env_of(env), path, out, why, why_size);
    if (why_size > 0) why[0] = '\0';
    return WEFT_ERR_NOT_FOUND;
}

static const void *symbol(struct weft_env *env, struct weft_module *module, const char *name) {
    WEFT_ASSERT(host_of(env)->loader != NULL);
    return host_of(env)->loader->symbol(env_of(env), module, name);
}

static void unload(struct weft_env *env, struct weft_module *module) {
    WEFT_ASSERT(host_of(env)->loader != NULL);
    host_of(env)->loader->unload(env_of(env), module);
}

const struct weft_loader_ops sim_fabric__loader = {
    .load = load, .symbol = symbol, .unload = unload};
