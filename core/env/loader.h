/* Loader: code from shared objects, several versions side by side. */
#ifndef WEFT_ENV_LOADER_H
#define WEFT_ENV_LOADER_H

#include <stddef.h>

struct weft_env;

/* A loaded shared object. Opaque. */
struct weft_module;

struct weft_loader_ops {
    /* Load the object at `path` as it is now: loading a path again after the file changed gives
     * the new code beside the old. On error `why` (of `why_size` bytes) tells the linker's words.
     *   WEFT_ERR_NOT_FOUND, WEFT_ERR_MALFORMED (not an object for this machine, or a symbol it
     *   needs is missing), WEFT_ERR_NOMEM */
    int (*load)(struct weft_env *env, const char *path, struct weft_module **out, char *why,
                size_t why_size);

    /* Address of an exported object, or NULL. Valid until unload. */
    const void *(*symbol)(struct weft_env *env, struct weft_module *module, const char *name);

    /* The caller answers for nobody using its code or data any more. */
    void (*unload)(struct weft_env *env, struct weft_module *module);
};

#endif
