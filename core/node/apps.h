/* The applications of a node's configuration, with those that come from modules loaded. Private to
 * core/node. */
#ifndef WEFT_NODE_APPS_H
#define WEFT_NODE_APPS_H

#include "core/node/node.h"

/* I1  specs is the configuration's own array when `modules` is NULL, else a copy of it */
struct weft_node_apps {
    const struct weft_app_spec *specs;
    struct weft_app_spec *copy;
    struct weft_module **modules; /* by spec; NULL: not from a module */
    size_t count;
};

/* Load what has a `module`. On error nothing stays loaded, and *why names the module.
 *   WEFT_ERR_NOMEM, what the loader returns (WEFT_ERR_NOT_FOUND, WEFT_ERR_MALFORMED),
 *   WEFT_ERR_UNSUPPORTED (another WEFT_ABI), WEFT_ERR_INVAL (it has no application) */
int weft_node__apps_open(struct weft_env *env, const struct weft_node_config *config,
                         struct weft_node_apps *apps, struct weft_reason *why);

/* Unload them: nothing of the node may run any more. */
void weft_node__apps_close(struct weft_env *env, struct weft_node_apps *apps);

#endif
