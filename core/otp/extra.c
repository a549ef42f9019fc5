/* What few processes have: a name, aliases, sockets, memory of their own, bounds, an idle timer. */
#include "core/otp/internal.h"

struct extra *weft_otp__extra(struct weft_process *proc) {
    if (proc->extra != NULL) return proc->extra;
    struct extra *extra = weft_otp__alloc(proc->sched, sizeof *extra);
    if (extra == NULL) return NULL;
    *extra = (struct extra){
        .proc = proc, .mailbox_max = WEFT_MAILBOX_MAX, .large_max = WEFT_MAILBOX_BYTES_MAX};
    weft_otp__memory_init(extra);
    proc->extra = extra;
    return extra;
}

void weft_otp__extra_free(struct weft_process *proc) {
    struct extra *extra = proc->extra;
    if (extra == NULL) return;
    WEFT_ASSERT(extra->proc == proc);
    WEFT_ASSERT(extra->name == NULL);
    weft_otp__sockets_close(extra);
    weft_otp__aliases_free(extra);
    weft_otp__memory_free(extra);
    weft_otp__free(proc->sched, extra, sizeof *extra);
    proc->extra = NULL;
}
