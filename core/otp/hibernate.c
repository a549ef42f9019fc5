/* Hibernation: a state that is packed into fewer bytes until the next message. */
#include "core/otp/gen_server.h"
#include "core/otp/internal.h"

/* A block of the process, so that it counts as its memory and goes with it. */
struct packed {
    size_t size;
    _Alignas(16) unsigned char data[];
};

void weft_gen_server_hibernate(weft_self *self) {
    WEFT_ASSERT(self->behaviour->pack != NULL);
    WEFT_ASSERT(self->behaviour->unpack != NULL);
    self->flags |= PROC_HIBERNATE;
}

/* Outside of the runtime, as any callback. A pack that would save nothing is not kept. */
static struct packed *pack(struct weft_process *proc) {
    const struct weft_behaviour *behaviour = proc->behaviour;
    size_t size = behaviour->pack(proc, NULL, 0);
    if (sizeof(struct packed) + size >= behaviour->state_size) return NULL;
    struct packed *packed = weft_alloc(proc, sizeof *packed + size);
    if (packed == NULL) return NULL;
    packed->size = behaviour->pack(proc, packed->data, size);
    WEFT_ASSERT(packed->size <= size);
    return packed;
}

void weft_otp__hibernate(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    WEFT_ASSERT(proc->flags & PROC_RUNNING);
    proc->flags &= ~(uint32_t)PROC_HIBERNATE;
    sched->runtime_depth = sched->runtime_depth - 1;
    struct packed *packed = pack(proc);
    sched->runtime_depth = sched->runtime_depth + 1;
    if (packed == NULL) return;
    weft_otp__state_free(proc);
    proc->state = packed;
    proc->flags |= PROC_ASLEEP;
}

void weft_otp__state_free(struct weft_process *proc) {
    if (proc->state == proc->body || (proc->flags & PROC_ASLEEP)) return;
    weft_otp__free(proc->sched, proc->state, proc->behaviour->state_size);
    proc->state = proc->body;
}

struct waking {
    struct weft_process *proc;
    struct packed *packed;
    int rv;
};

static void unpack(void *arg) {
    struct waking *waking = arg;
    struct weft_bytes bytes = weft_bytes(waking->packed->data, waking->packed->size);
    waking->rv = waking->proc->behaviour->unpack(waking->proc, bytes);
    weft_free(waking->proc, waking->packed);
}

static bool end(struct weft_process *proc, const struct weft_reason *why, bool fault) {
    struct weft_sched *sched = proc->sched;
    weft_otp__finish(proc, weft_otp__cause_make(sched, why), fault);
    weft_otp__reap(sched);
    return false;
}

static bool run_unpack(struct weft_process *proc, struct packed *packed) {
    struct weft_sched *sched = proc->sched;
    struct weft_fault fault = {.kind = WEFT_FAULT_NONE};
    struct waking waking = {.proc = proc, .packed = packed};
    struct weft_reason why;
    int depth = sched->runtime_depth;
    weft_duration limit = sched->watch.limit;
    proc->flags |= PROC_RUNNING;
    weft_otp__watch(sched, proc->behaviour);
    bool returned =
        sched->env->guard->run(sched->env, unpack, &waking, &sched->runtime_depth, &fault);
    weft_otp__watch_back(sched, limit);
    sched->runtime_depth = depth;
    proc->flags &= ~(uint32_t)PROC_RUNNING;
    if (returned && waking.rv == WEFT_OK) return true;
    if (returned) {
        why = weft_reason_text(WEFT_REASON_ERROR, waking.rv, "unpack: %s",
                               weft_error_text(waking.rv));
    } else {
        why = weft_otp__fault_reason(sched, &fault);
    }
    return end(proc, &why, !returned);
}

bool weft_otp__wake(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    if (!(proc->flags & PROC_ASLEEP)) return true;
    WEFT_ASSERT(!(proc->flags & PROC_RUNNING));
    struct packed *packed = proc->state;
    size_t size = proc->behaviour->state_size;
    proc->flags &= ~(uint32_t)PROC_ASLEEP;
    proc->state = weft_otp__alloc(sched, size);
    if (proc->state == NULL) {
        struct weft_reason why =
            weft_reason_text(WEFT_REASON_LIMIT, WEFT_ERR_NOMEM, "no memory to wake up");
        proc->state = proc->body;
        return end(proc, &why, false);
    }
    memset(proc->state, 0, size);
    return run_unpack(proc, packed);
}
