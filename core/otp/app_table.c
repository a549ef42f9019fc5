/* The applications a node knows, and their environments. */
#include "core/otp/app_internal.h"

const char *weft_app_name(const struct weft_application *application) {
    WEFT_ASSERT(application != NULL);
    const char *name = application->name != NULL ? application->name : application->ident;
    return name != NULL ? name : "";
}

bool weft_otp__app_name_valid(const char *name) {
    WEFT_ASSERT(name != NULL);
    size_t length = 0;
    while (length < WEFT_APP_NAME_MAX && name[length] != '\0') length++;
    return length > 0 && length < WEFT_APP_NAME_MAX;
}

static struct weft_link *first(const struct weft_sched *sched) { return sched->apps->apps.next; }

struct app *weft_otp__app_find(const struct weft_sched *sched, const char *name) {
    if (sched->apps == NULL) return NULL;
    for (struct weft_link *at = first(sched); at != &sched->apps->apps; at = at->next) {
        struct app *app = WEFT_CONTAINER(at, struct app, link);
        if (strcmp(weft_app_name(app->spec), name) == 0) return app;
    }
    return NULL;
}

struct app *weft_otp__app_by_id(const struct weft_sched *sched, uint16_t id) {
    if (sched->apps == NULL || id == 0) return NULL;
    for (struct weft_link *at = first(sched); at != &sched->apps->apps; at = at->next) {
        struct app *app = WEFT_CONTAINER(at, struct app, link);
        if (app->id == id) return app;
    }
    return NULL;
}

/* --- environment --- */

static struct app_var *var_find(const struct app *app, const char *key) {
    for (struct weft_link *at = app->vars.next; at != &app->vars; at = at->next) {
        struct app_var *var = WEFT_CONTAINER(at, struct app_var, link);
        if (strcmp(var->text, key) == 0) return var;
    }
    return NULL;
}

static void var_free(struct weft_sched *sched, struct app *app, struct app_var *var) {
    WEFT_ASSERT(app->vars_count > 0);
    app->vars_count--;
    weft_list_remove(&var->link);
    weft_mem_free(sched->env->mem, var, sizeof *var + var->key_size + var->value_size);
}

int weft_otp__app_set(struct weft_sched *sched, struct app *app, const struct weft_app_env *env) {
    struct app_var *old = var_find(app, env->key);
    if (env->value == NULL) {
        if (old != NULL) var_free(sched, app, old);
        return WEFT_OK;
    }
    size_t key_size = strlen(env->key) + 1, value_size = strlen(env->value) + 1;
    if (key_size == 1) return WEFT_ERR_INVAL;
    if (key_size > WEFT_NAME_MAX || value_size > WEFT_APP_VALUE_MAX) return WEFT_ERR_TOO_BIG;
    if (old == NULL && app->vars_count >= WEFT_APP_KEYS_MAX) return WEFT_ERR_FULL;
    struct app_var *var = weft_mem_alloc(sched->env->mem, sizeof *var + key_size + value_size);
    if (var == NULL) return WEFT_ERR_NOMEM;
    var->key_size = (uint32_t)key_size;
    var->value_size = (uint32_t)value_size;
    memcpy(var->text, env->key, key_size);
    memcpy(var->text + key_size, env->value, value_size);
    weft_list_init(&var->link);
    if (old != NULL) var_free(sched, app, old);
    weft_list_push_back(&app->vars, &var->link);
    app->vars_count++;
    return WEFT_OK;
}

/* --- loading --- */

/* One path through the dependencies, from the one that is being loaded. */
struct walk {
    const struct weft_sched *sched;
    const struct weft_application *start;
    const struct weft_application *path[WEFT_APPS_MAX + 1];
    uint64_t seen; /* by place in the order of loading */
    size_t depth;
};

_Static_assert(WEFT_APPS_MAX <= 64, "applications fit the mask");

static uint64_t bit_of(const struct weft_sched *sched, const struct app *app) {
    unsigned index = 0;
    for (struct weft_link *at = first(sched); at != &app->link; at = at->next) index++;
    return UINT64_C(1) << index;
}

/* Whether a way leads back to the start. The path then stands in `walk`. */
static bool leads_back(struct walk *walk, const struct weft_application *at) {
    WEFT_ASSERT(walk->depth <= WEFT_APPS_MAX);
    walk->path[walk->depth++] = at;
    for (size_t i = 0; i < WEFT_APP_DEPENDENCIES_MAX && at->dependencies[i] != NULL; i++) {
        if (strcmp(at->dependencies[i], weft_app_name(walk->start)) == 0) return true;
        const struct app *next = weft_otp__app_find(walk->sched, at->dependencies[i]);
        if (next == NULL) continue;
        uint64_t bit = bit_of(walk->sched, next);
        if (walk->seen & bit) continue;
        walk->seen |= bit;
        if (leads_back(walk, next->spec)) return true;
    }
    walk->depth--;
    return false;
}

static struct weft_reason invalid(const struct weft_application *spec, const char *what) {
    return weft_reason_text(WEFT_REASON_ERROR, WEFT_ERR_INVAL, "application %.31s: %s",
                            weft_app_name(spec), what);
}

static struct weft_reason circle(const struct walk *walk) {
    char text[WEFT_REASON_TEXT_SIZE] = "";
    size_t used = 0;
    for (size_t i = 0; i <= walk->depth; i++) {
        const char *name = weft_app_name(walk->path[i < walk->depth ? i : 0]);
        size_t length = strlen(name);
        if (used + length + 5 > sizeof text) break;
        if (i > 0) memcpy(text + used, " -> ", 4);
        if (i > 0) used += 4;
        memcpy(text + used, name, length + 1);
        used += length;
    }
    return weft_reason_text(WEFT_REASON_ERROR, WEFT_ERR_INVAL, "circle: %s", text);
}

static size_t children_count(const struct weft_application *spec) {
    size_t count = 0;
    while (count < WEFT_APP_CHILDREN_MAX && spec->children[count].behaviour != NULL) count++;
    return count;
}

/* A child that is given but cannot run: a gap in the list, or no behaviour. */
static bool children_valid(const struct weft_application *spec) {
    for (size_t i = children_count(spec); i < WEFT_APP_CHILDREN_MAX; i++) {
        if (spec->children[i].behaviour != NULL || spec->children[i].id != NULL) return false;
    }
    return true;
}

bool weft_otp__app_valid(const struct weft_sched *sched, const struct weft_application *spec,
                         struct weft_reason *why) {
    struct walk walk = {.sched = sched, .start = spec};
    if (!weft_otp__app_name_valid(weft_app_name(spec))) {
        *why = invalid(spec, "its name is empty or too long");
    } else if (!children_valid(spec)) {
        *why = invalid(spec, "a child has no behaviour");
    } else if (leads_back(&walk, spec)) {
        *why = circle(&walk);
    } else {
        return true;
    }
    return false;
}

static int table_make(struct weft_sched *sched) {
    if (sched->apps != NULL) return WEFT_OK;
    sched->apps = weft_mem_zalloc(sched->env->mem, sizeof *sched->apps);
    if (sched->apps == NULL) return WEFT_ERR_NOMEM;
    weft_list_init(&sched->apps->apps);
    return WEFT_OK;
}

static void app_free(struct weft_sched *sched, struct app *app) {
    while (!weft_list_empty(&app->vars))
        var_free(sched, app, WEFT_CONTAINER(app->vars.next, struct app_var, link));
    weft_list_remove(&app->link);
    sched->apps->count--;
    weft_mem_free(sched->env->mem, app, sizeof *app);
}

static int app_add(struct weft_sched *sched, const struct weft_application *spec) {
    struct app_table *table = sched->apps;
    if (table->count >= WEFT_APPS_MAX || table->last_id == UINT16_MAX) return WEFT_ERR_FULL;
    struct app *app = weft_mem_zalloc(sched->env->mem, sizeof *app);
    if (app == NULL) return WEFT_ERR_NOMEM;
    app->spec = spec;
    app->id = ++table->last_id;
    weft_list_init(&app->vars);
    weft_list_push_back(&table->apps, &app->link);
    table->count++;
    int rv = WEFT_OK;
    for (size_t i = 0; rv == WEFT_OK && i < WEFT_APP_DEFAULTS_MAX; i++) {
        if (spec->env[i].key == NULL) break;
        rv = weft_otp__app_set(sched, app, &spec->env[i]);
    }
    if (rv != WEFT_OK) app_free(sched, app);
    return rv;
}

int weft_otp__app_load(struct weft_sched *sched, const struct weft_application *spec,
                       struct weft_reason *why) {
    WEFT_ASSERT(spec != NULL);
    int rv = table_make(sched);
    if (rv == WEFT_OK && !weft_otp__app_valid(sched, spec, why)) return WEFT_ERR_INVAL;
    if (rv == WEFT_OK && weft_otp__app_find(sched, weft_app_name(spec)) != NULL)
        rv = WEFT_ERR_EXISTS;
    if (rv == WEFT_OK) rv = app_add(sched, spec);
    if (rv != WEFT_OK)
        *why = weft_reason_text(WEFT_REASON_ERROR, rv, "application %.31s: %s", weft_app_name(spec),
                                weft_error_text(rv));
    return rv;
}

static int unload(struct weft_sched *sched, const char *name) {
    struct app *app = weft_otp__app_find(sched, name);
    if (app == NULL) return WEFT_ERR_NOT_FOUND;
    if (app->state != WEFT_APP_LOADED || app->held) return WEFT_ERR_IN_USE;
    app_free(sched, app);
    return WEFT_OK;
}

void weft_otp__apps_free(struct weft_sched *sched) {
    if (sched->apps == NULL) return;
    while (!weft_list_empty(&sched->apps->apps))
        app_free(sched, WEFT_CONTAINER(first(sched), struct app, link));
    WEFT_ASSERT(sched->apps->count == 0);
    weft_mem_free(sched->env->mem, sched->apps, sizeof *sched->apps);
    sched->apps = NULL;
}

/* --- what handlers and tools call --- */

int weft_app_load(weft_self *self, const struct weft_application *application,
                  struct weft_reason *why) {
    struct weft_reason reason;
    (void)weft_otp__app_name_valid(weft_app_name(application));
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = weft_otp__app_load(sched, application, &reason);
    weft_otp__leave(sched);
    if (rv != WEFT_OK && why != NULL) *why = reason;
    return rv;
}

int weft_sched_app_load(struct weft_sched *sched, const struct weft_application *application,
                        struct weft_reason *why) {
    WEFT_ASSERT(sched != NULL);
    struct weft_reason reason;
    int rv = weft_otp__app_load(sched, application, &reason);
    if (rv != WEFT_OK && why != NULL) *why = reason;
    return rv;
}

int weft_app_unload(weft_self *self, const char *name) {
    (void)weft_otp__app_name_valid(name);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = unload(sched, name);
    weft_otp__leave(sched);
    return rv;
}

int weft_sched_app_unload(struct weft_sched *sched, const char *name) {
    WEFT_ASSERT(sched != NULL);
    return unload(sched, name);
}

static struct app *named_or_own(const weft_self *self, const char *name) {
    if (name == NULL) return weft_otp__app_by_id(self->sched, self->app);
    return weft_otp__app_find(self->sched, name);
}

const char *weft_app_get_env(weft_self *self, const char *app, const char *key) {
    WEFT_ASSERT(key != NULL);
    weft_otp__touch(weft_bytes_text(key));
    if (app != NULL) (void)weft_otp__app_name_valid(app);
    struct weft_sched *sched = weft_otp__enter(self);
    const struct app *found = named_or_own(self, app);
    const struct app_var *var = found != NULL ? var_find(found, key) : NULL;
    weft_otp__leave(sched);
    return var != NULL ? var->text + var->key_size : NULL;
}

int weft_app_set_env(weft_self *self, const char *app, const char *key, const char *value) {
    WEFT_ASSERT(key != NULL);
    weft_otp__touch(weft_bytes_text(key));
    if (value != NULL) weft_otp__touch(weft_bytes_text(value));
    if (app != NULL) (void)weft_otp__app_name_valid(app);
    struct weft_sched *sched = weft_otp__enter(self);
    struct app *found = named_or_own(self, app);
    int rv = WEFT_ERR_NOT_FOUND;
    if (found != NULL) rv = weft_otp__app_set(sched, found, &(struct weft_app_env){key, value});
    weft_otp__leave(sched);
    return rv;
}

int weft_sched_app_set_env(struct weft_sched *sched, const char *app, const char *key,
                           const char *value) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(key != NULL);
    struct app *found = weft_otp__app_find(sched, app);
    if (found == NULL) return WEFT_ERR_NOT_FOUND;
    return weft_otp__app_set(sched, found, &(struct weft_app_env){key, value});
}

static const char *name_of(const struct weft_sched *sched, uint16_t id) {
    const struct app *app = weft_otp__app_by_id(sched, id);
    return app != NULL ? weft_app_name(app->spec) : NULL;
}

const char *weft_self_application(const weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return name_of(self->sched, self->app);
}

const char *weft_sched_application(const struct weft_sched *sched, weft_pid pid) {
    WEFT_ASSERT(sched != NULL);
    const struct weft_process *proc = weft_otp__find(sched, pid);
    return proc != NULL ? name_of(sched, proc->app) : NULL;
}

void weft_sched_apps(const struct weft_sched *sched,
                     void (*fn)(void *ctx, const struct weft_app_info *info), void *ctx) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(fn != NULL);
    if (sched->apps == NULL) return;
    for (struct weft_link *at = first(sched); at != &sched->apps->apps; at = at->next) {
        const struct app *app = WEFT_CONTAINER(at, struct app, link);
        struct weft_app_info info = {.application = app->spec,
                                     .state = app->state,
                                     .type = app->type,
                                     .master = app->master,
                                     .top = app->top};
        fn(ctx, &info);
    }
}

void weft_self_apps(weft_self *self, void (*fn)(void *ctx, const struct weft_app_info *info),
                    void *ctx) {
    WEFT_ASSERT(self != NULL);
    weft_sched_apps(self->sched, fn, ctx);
}
