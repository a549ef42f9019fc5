/* Loading a version, and unloading it. */
#include "core/otp/application.h"
#include "core/otp/code_internal.h"
#include "core/otp/supervisor.h"

#include <stdio.h>

/* --- what a module says of itself --- */

static bool name_valid(const char *name) {
    if (name == NULL || name[0] == '\0') return false;
    return memchr(name, '\0', WEFT_NAME_MAX) != NULL;
}

static const char *behaviour_trouble(const struct weft_module_info *info, size_t index) {
    const struct weft_behaviour *behaviour = info->behaviours[index];
    if (behaviour == NULL) return "a behaviour is NULL";
    if (!name_valid(behaviour->name)) return "a behaviour has no name, or a longer one than 63";
    if (behaviour->handle == NULL) return "a behaviour has no handle";
    for (size_t i = 0; i < index; i++) {
        if (strcmp(info->behaviours[i]->name, behaviour->name) == 0)
            return "two behaviours have the same name";
    }
    return NULL;
}

static const char *info_trouble(const struct weft_module_info *info) {
    if (!name_valid(info->name)) return "the module has no name, or a longer one than 63";
    if (info->version == 0) return "the module's version is 0";
    if (info->behaviours_count > WEFT_BEHAVIOURS_MAX) return "it has too many behaviours";
    if (info->behaviours_count > 0 && info->behaviours == NULL) return "the behaviours are missing";
    for (size_t i = 0; i < info->behaviours_count; i++) {
        const char *trouble = behaviour_trouble(info, i);
        if (trouble != NULL) return trouble;
    }
    return NULL;
}

static int check(const struct weft_module_info *info, const char *path,
                 struct weft_code_text *why) {
    if (info == NULL)
        return weft_otp__code_why(why, WEFT_ERR_MALFORMED,
                                  "%s: exports no " WEFT_MODULE_SYMBOL "; see WEFT_MODULE", path);
    if (info->abi != WEFT_ABI)
        return weft_otp__code_why(why, WEFT_ERR_UNSUPPORTED,
                                  "%s: built for abi %u.%06x, this program has %u.%06x: build it "
                                  "against this version's headers",
                                  path, info->abi >> 24, info->abi & 0xffffff, WEFT_ABI >> 24,
                                  WEFT_ABI & 0xffffff);
    const char *trouble = info_trouble(info);
    if (trouble == NULL) return WEFT_OK;
    return weft_otp__code_why(why, WEFT_ERR_INVAL, "%s: %s", path, trouble);
}

/* --- the tables --- */

static int need_code(struct weft_sched *sched) {
    if (sched->code != NULL) return WEFT_OK;
    struct weft_code *code = weft_mem_zalloc(sched->env->mem, sizeof *code);
    if (code == NULL) return WEFT_ERR_NOMEM;
    weft_list_init(&code->modules);
    weft_list_init(&code->kept);
    weft_otp__map_init(&code->entries, sched->env->mem);
    sched->code = code;
    return WEFT_OK;
}

static void module_drop(struct weft_sched *sched, struct code_module *module) {
    WEFT_ASSERT(module->versions_count == 0);
    WEFT_ASSERT(module->upgrade == NULL);
    weft_list_remove(&module->link);
    sched->code->modules_count--;
    weft_mem_free(sched->env->mem, module, sizeof *module);
}

static int module_get(struct weft_sched *sched, const char *name, struct code_module **out) {
    struct code_module *module = weft_otp__code_module(sched, name);
    *out = module;
    if (module != NULL) return module->versions_count < WEFT_VERSIONS_MAX ? WEFT_OK : WEFT_ERR_FULL;
    if (sched->code->modules_count >= WEFT_MODULES_MAX) return WEFT_ERR_FULL;
    module = weft_mem_zalloc(sched->env->mem, sizeof *module);
    if (module == NULL) return WEFT_ERR_NOMEM;
    memcpy(module->name, name, strlen(name) + 1);
    weft_list_init(&module->versions);
    weft_list_push_back(&sched->code->modules, &module->link);
    sched->code->modules_count++;
    *out = module;
    return WEFT_OK;
}

static void forget_entries(struct weft_sched *sched, struct code_version *version) {
    for (size_t i = 0; i < version->count; i++)
        weft_otp__map_remove(&sched->code->entries, &version->entries[i].node);
    version->count = 0;
}

static void version_free(struct weft_sched *sched, struct code_version *version) {
    struct weft_mem *mem = sched->env->mem;
    forget_entries(sched, version);
    weft_mem_free(mem, version->path, version->path_size);
    weft_mem_free(mem, version->extra, version->extra_size);
    weft_mem_free(mem, version,
                  sizeof *version + version->info->behaviours_count * sizeof version->entries[0]);
}

static int add_entries(struct weft_sched *sched, struct code_version *version) {
    for (size_t i = 0; i < version->info->behaviours_count; i++) {
        struct code_entry *entry = &version->entries[i];
        entry->behaviour = version->info->behaviours[i];
        entry->version = version;
        if (weft_otp__code_entry(sched, entry->behaviour) != NULL) return WEFT_ERR_INVAL;
        uint64_t hash = weft_fold(0, (uint64_t)(uintptr_t)entry->behaviour);
        int rv = weft_otp__map_insert(&sched->code->entries, &entry->node, hash);
        if (rv != WEFT_OK) return rv;
        version->count++;
    }
    return WEFT_OK;
}

static int version_new(struct weft_sched *sched, const struct weft_module_info *info,
                       const char *path, struct code_version **out) {
    struct weft_mem *mem = sched->env->mem;
    size_t size = info->behaviours_count * sizeof(*out)->entries[0];
    struct code_version *version = weft_mem_zalloc(mem, sizeof *version + size);
    if (version == NULL) return WEFT_ERR_NOMEM;
    int rv = WEFT_ERR_NOMEM;
    version->info = info;
    version->version = info->version;
    version->path_size = strlen(path) + 1;
    version->path = weft_mem_alloc(mem, version->path_size);
    if (version->path != NULL) rv = add_entries(sched, version);
    if (rv != WEFT_OK) {
        version_free(sched, version);
        return rv;
    }
    memcpy(version->path, path, version->path_size);
    *out = version;
    return WEFT_OK;
}

static void unload(struct weft_sched *sched, struct code_version *version) {
    struct weft_env *env = sched->env;
    struct weft_module *handle = version->handle;
    version_free(sched, version);
    env->loader->unload(env, handle); /* last: the infos are in it */
}

/* The loader may give again, at its old place, what a purged version is kept in. */
static struct code_version *kept_in(const struct weft_sched *sched,
                                    const struct weft_module_info *info) {
    const struct weft_link *kept = &sched->code->kept;
    for (struct weft_link *at = kept->next; at != kept; at = at->next) {
        struct code_version *version = WEFT_CONTAINER(at, struct code_version, link);
        if (version->info == info && version->procs == 0) return version;
    }
    return NULL;
}

/* It takes the place of one that is kept in the same memory. */
static int version_make(struct weft_sched *sched, const struct weft_module_info *info,
                        const char *path, struct code_version **out) {
    struct code_version *kept = kept_in(sched, info);
    if (kept == NULL) return version_new(sched, info, path, out);
    forget_entries(sched, kept);
    int rv = version_new(sched, info, path, out);
    if (rv != WEFT_OK) {
        int back = add_entries(sched, kept); /* where they were there is room */
        WEFT_ASSERT(back == WEFT_OK);
        return rv;
    }
    (*out)->keep = true;
    weft_list_remove(&kept->link);
    unload(sched, kept);
    return WEFT_OK;
}

static int add(struct weft_sched *sched, const struct weft_module_info *info, const char *path,
               struct code_version **out) {
    struct code_module *module;
    int rv = module_get(sched, info->name, &module);
    if (rv != WEFT_OK) return rv;
    *out = weft_otp__code_version(module, info->version);
    rv = *out != NULL ? WEFT_ERR_EXISTS : WEFT_OK;
    if (rv == WEFT_OK) rv = version_make(sched, info, path, out);
    if (rv != WEFT_OK) {
        if (module->versions_count == 0) module_drop(sched, module);
        return rv;
    }
    (*out)->module = module;
    weft_list_push_back(&module->versions, &(*out)->link);
    module->versions_count++;
    if (module->current == NULL) weft_otp__code_lead(*out);
    return WEFT_OK;
}

static int tell(const struct weft_module_info *info, const char *path, int error,
                struct weft_code_text *why) {
    switch (error) {
    case WEFT_ERR_EXISTS:
        return weft_otp__code_why(why, error, "%s: version %u of module '%s' is loaded already",
                                  path, info->version, info->name);
    case WEFT_ERR_FULL:
        return weft_otp__code_why(why, error, "%s: too many modules, or versions of '%s'", path,
                                  info->name);
    case WEFT_ERR_INVAL:
        return weft_otp__code_why(why, error, "%s: a behaviour of it is one of another version",
                                  path);
    default:
        return weft_otp__code_why(why, error, "%s: %s", path, weft_error_text(error));
    }
}

int weft_otp__code_open(struct weft_sched *sched, const char *path, struct code_version **out,
                        struct weft_code_text *why) {
    struct weft_env *env = sched->env;
    struct weft_module *handle = NULL;
    struct weft_code_text words = {""};
    int rv = env->loader->load(env, path, &handle, words.text, sizeof words.text);
    if (rv != WEFT_OK) {
        const char *text = words.text[0] != '\0' ? words.text : weft_error_text(rv);
        return weft_otp__code_why(why, rv, "%s", text);
    }
    const struct weft_module_info *info = env->loader->symbol(env, handle, WEFT_MODULE_SYMBOL);
    rv = check(info, path, why);
    if (rv == WEFT_OK) {
        rv = need_code(sched);
        if (rv == WEFT_OK) rv = add(sched, info, path, out);
        if (rv != WEFT_OK) tell(info, path, rv, why);
    }
    if (rv != WEFT_OK) {
        env->loader->unload(env, handle);
        return rv;
    }
    (*out)->handle = handle;
    return WEFT_OK;
}

void weft_otp__code_unload_kept(struct weft_sched *sched) {
    struct weft_link *link;
    while ((link = weft_list_pop_front(&sched->code->kept)) != NULL)
        unload(sched, WEFT_CONTAINER(link, struct code_version, link));
}

static bool is_needed(const struct weft_application *application) {
    if (application == NULL) return false;
    if (application->tree != NULL) return true;
    for (size_t i = 0; i < WEFT_APP_CHILDREN_MAX; i++) {
        if (application->children[i].behaviour == &weft_supervisor) return true;
    }
    return false;
}

void weft_otp__code_close(struct weft_sched *sched, struct code_version *version) {
    struct code_module *module = version->module;
    WEFT_ASSERT(version->procs == 0); /* I1 */
    WEFT_ASSERT(version != module->candidate);
    weft_list_remove(&version->link);
    module->versions_count--;
    if (version == module->current && module->versions_count > 0) /* all of them go */
        module->current = WEFT_CONTAINER(module->versions.next, struct code_version, link);
    if (version->keep || (version->led && is_needed(version->info->application))) {
        weft_list_push_back(&sched->code->kept, &version->link);
    } else {
        unload(sched, version);
    }
    if (module->versions_count == 0) module_drop(sched, module);
}

int weft_code_load(struct weft_sched *sched, const char *path, const struct weft_module_info **out,
                   struct weft_code_text *why) {
    struct code_version *version;
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(path != NULL);
    int rv = weft_otp__code_open(sched, path, &version, why);
    if (rv == WEFT_ERR_EXISTS && out != NULL) *out = version->info;
    if (rv != WEFT_OK) return rv;
    weft_trace(sched->env, WEFT_TRACE_CODE_LOADED, weft_bytes_text(version->module->name),
               version->version, version->count);
    if (out != NULL) *out = version->info;
    return WEFT_OK;
}

void weft_code_keep(struct weft_sched *sched, const struct weft_module_info *info) {
    WEFT_ASSERT(info != NULL);
    struct code_module *module = weft_otp__code_module(sched, info->name);
    WEFT_ASSERT(module != NULL);
    struct code_version *version = weft_otp__code_version(module, info->version);
    WEFT_ASSERT(version != NULL);
    version->keep = true;
}
