/* Applications when their module's code changes. */
#include "core/otp/app_internal.h"

/* A master keeps what it was born with at the start of its state. */
static void master_rebind(struct weft_sched *sched, const struct app *app,
                          const struct weft_application *to) {
    struct weft_process *master = weft_otp__find(sched, app->master);
    if (master == NULL || master->behaviour != &weft_otp__app_master) return;
    struct app_birth *birth = master->state;
    WEFT_ASSERT(birth->id == app->id);
    birth->spec = to;
}

bool weft_otp__app_rebind(struct weft_sched *sched, const struct weft_application *from,
                          const struct weft_application *to) {
    if (from == NULL) return true;
    struct app *app = weft_otp__app_find(sched, weft_app_name(from));
    if (app == NULL || app->spec != from) return true;
    struct weft_reason why;
    bool same = to != NULL && strcmp(weft_app_name(from), weft_app_name(to)) == 0;
    if (!same) return false;
    if (!weft_otp__app_valid(sched, to, &why)) {
        weft_log(sched->env, WEFT_LOG_ERROR, "code: %s", why.text);
        return false;
    }
    app->spec = to;
    app->changed = true;
    master_rebind(sched, app, to);
    return true;
}
