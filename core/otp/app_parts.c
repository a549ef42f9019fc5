/* Applications on every scheduler: what the controller of scheduler 0 asks of the others. */
#include "core/otp/app_internal.h"
#include "core/otp/hub.h"
#include "core/otp/remote_internal.h"

#include <stdio.h>

void weft_app_controller_name(uint32_t scheduler, char name[WEFT_APP_CONTROLLER_MAX]) {
    WEFT_ASSERT(scheduler < WEFT_SCHEDULERS_MAX);
    int size = snprintf(name, WEFT_APP_CONTROLLER_MAX, WEFT_APP_NAME ".%u", scheduler);
    WEFT_ASSERT(size > 0 && size < WEFT_APP_CONTROLLER_MAX);
    if (scheduler == 0) name[sizeof WEFT_APP_NAME - 1] = '\0';
}

uint32_t weft_otp__app_parts_count(const weft_self *self) {
    const struct remote *remote = self->sched->remote;
    if (remote == NULL || remote->index != 0) return 0;
    return weft_hub_schedulers(remote->hub) - 1;
}

bool weft_otp__app_is_mine(const weft_self *self, const struct weft_application *spec) {
    WEFT_ASSERT(spec != NULL);
    return spec->each || weft_pid_sched(self->pid) == 0;
}

bool weft_otp__app_parts_ask(weft_self *self, struct app_parts *parts, uint32_t tag,
                             struct weft_bytes request) {
    bool all = true;
    uint32_t count = weft_otp__app_parts_count(self);
    *parts = (struct app_parts){.waiting = 0};
    for (uint32_t i = 1; i <= count; i++) {
        char name[WEFT_APP_CONTROLLER_MAX];
        weft_app_controller_name(i, name);
        weft_pid controller = weft_whereis(self, name);
        int rv = WEFT_ERR_NO_PROC;
        if (!weft_pid_is_none(controller))
            rv = weft_call(self, controller, tag, request, WEFT_TIME_NEVER, &parts->ref[i]);
        if (rv == WEFT_OK) parts->waiting++;
        if (rv != WEFT_OK) parts->ref[i] = 0;
        all = all && rv == WEFT_OK;
    }
    return all;
}

uint32_t weft_otp__app_parts_take(struct app_parts *parts, weft_ref ref) {
    for (uint32_t i = 1; parts->waiting > 0 && i < WEFT_SCHEDULERS_MAX; i++) {
        if (parts->ref[i] != ref) continue;
        parts->ref[i] = 0;
        parts->waiting--;
        return i;
    }
    return 0;
}
