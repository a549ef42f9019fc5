/* The scheduler as its driver sees it. */
#include "core/otp/sched.h"

#include "core/otp/application.h"
#include "core/otp/remote_internal.h"
#include "core/otp/supervisor.h"

static struct weft_sched_config defaults(const struct weft_sched_config *config) {
    struct weft_sched_config chosen = {.procs_max = 0};
    if (config != NULL) chosen = *config;
    if (chosen.procs_max == 0) chosen.procs_max = WEFT_PROCS_MAX;
    return chosen;
}

static int join_hub(struct weft_sched *sched, const struct weft_sched_config *config) {
    if (config == NULL) return WEFT_OK;
    sched->offers = config->offers;
    sched->offers_count = config->offers_count;
    if (config->hub == NULL) return WEFT_OK;
    sched->place = pid_place(0, config->index);
    return weft_otp__remote_new(sched, config->hub, config->index);
}

int weft_sched_new(struct weft_env *env, const struct weft_sched_config *config,
                   struct weft_sched **out) {
    WEFT_ASSERT(env != NULL);
    WEFT_ASSERT(out != NULL);
    bool plain = config != NULL && config->plain_memory;
    struct weft_sched *sched = weft_mem_zalloc(env->mem, weft_otp__sched_size(plain));
    if (sched == NULL) return WEFT_ERR_NOMEM;
    sched->env = env;
    sched->procs_max = defaults(config).procs_max;
    sched->handler_max = defaults(config).handler_max;
    sched->stack_probed = UINTPTR_MAX;
    weft_otp__table_init(sched);
    weft_otp__refs_init(sched);
    weft_otp__alarms_init(&sched->alarms);
    weft_otp__no_memory_init(&sched->no_memory);
    sched->now = weft_env_now(env);
    weft_otp__pool_init(&sched->pool, plain);
    weft_otp__queues_init(&sched->queues);
    sched->queues.order = env->order;
    weft_list_init(&sched->dying);
    weft_list_init(&sched->poisons);
    weft_list_init(&sched->debugs);
    env->entropy->fill(env, &sched->key, sizeof sched->key);
    weft_otp__map_init(&sched->names, env->mem);
    int rv = join_hub(sched, config);
    if (rv != WEFT_OK) {
        weft_mem_free(env->mem, sched, weft_otp__sched_size(plain));
        return rv;
    }
    *out = sched;
    return WEFT_OK;
}

const struct weft_watch *weft_sched_watch(const struct weft_sched *sched) {
    WEFT_ASSERT(sched != NULL);
    return &sched->watch;
}

/* Ties go first: nobody is told. */
static void untie(struct weft_process *proc) {
    enum tie_kind kind = TIE_NONE;
    struct tie *tie;
    while ((tie = weft_otp__tie_pop(proc, &kind)) != NULL) {
        switch (kind) {
        case TIE_LINK_0:
            weft_otp__link_drop(WEFT_CONTAINER(tie, struct peer_link, tie[0]));
            break;
        case TIE_LINK_1:
            weft_otp__link_drop(WEFT_CONTAINER(tie, struct peer_link, tie[1]));
            break;
        case TIE_MONITOR:
        case TIE_CALL:
            break;
        case TIE_FAR:
        case TIE_FAR_LINK:
        case TIE_WATCH:
            weft_otp__tie_far(proc, tie, kind, NULL);
            break;
        case TIE_NONE:
        case TIE_ROUTE_MONITOR:
        case TIE_ROUTE_CALL:
        case TIE_ROUTE_LINK:
            WEFT_UNREACHABLE("a process has no such tie");
        }
    }
}

static void discard_all(struct weft_sched *sched) {
    for (uint32_t i = 0; i < sched->slots.count; i++) {
        struct weft_process *proc = weft_otp__table_at(sched, i);
        if (proc == NULL) continue;
        untie(proc);
        weft_otp__discard(proc);
    }
    WEFT_ASSERT(sched->procs_count == 0);
    WEFT_ASSERT(sched->alarms.count == 0);
    WEFT_ASSERT(sched->sockets_count == 0);
    WEFT_ASSERT(sched->process_bytes == 0);
}

void weft_sched_free(struct weft_sched *sched) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(sched->runtime_depth == 0);
    struct weft_mem *mem = sched->env->mem;
    discard_all(sched);
    weft_otp__apps_free(sched);
    weft_otp__code_free(sched);
    weft_otp__remote_free(sched);
    weft_otp__map_deinit(&sched->names);
    weft_otp__segments_free(&sched->slots, mem);
    weft_otp__segments_free(&sched->refs, mem);
    weft_otp__cause_drop(sched, &sched->ended_why);
    weft_mem_free(mem, sched->last_reason, sizeof *sched->last_reason);
    weft_otp__pool_deinit(sched);
    weft_mem_free(mem, sched, weft_otp__sched_size(sched->pool.classes == 0));
}

bool weft_sched_ended(const struct weft_sched *sched, struct weft_reason *why) {
    WEFT_ASSERT(sched != NULL);
    if (sched->ended && why != NULL) *why = weft_otp__cause_reason(&sched->ended_why);
    return sched->ended;
}

bool weft_sched_run(struct weft_sched *sched, uint32_t messages_max) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(sched->runtime_depth == 0);
    sched->now = weft_env_now(sched->env);
    if (weft_otp__stalled(sched)) return false;
    sched->stack_probed = UINTPTR_MAX;
    sched->run = (struct run){.left = messages_max, .began = sched->now, .clocked = sched->now};
    weft_otp__alarms_fire(sched);
    if (sched->code_sweeping) weft_otp__code_sweep(sched);
    if (sched->remote != NULL) weft_otp__remote_receive(sched);
    weft_otp__turns(sched);
    if (sched->remote != NULL) weft_otp__remote_flush(sched);
    return (sched->code_sweeping || sched->queues.count > 0) && sched->stall.until == 0;
}

weft_time weft_sched_next_at(const struct weft_sched *sched) {
    WEFT_ASSERT(sched != NULL);
    bool busy = sched->code_sweeping || sched->queues.count > 0;
    if (sched->stall.until != 0) return sched->stall.until;
    if (sched->remote != NULL) busy = weft_otp__remote_busy(sched) || busy;
    if (busy) return weft_env_now(sched->env);
    return sched->alarms.first_at;
}

int weft_sched_send(struct weft_sched *sched, weft_pid to, uint32_t tag, struct weft_bytes data) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    struct weft_process *target = weft_otp__find(sched, to);
    struct post post = {.kind = WEFT_MSG_CAST, .tag = tag, .data = data};
    return target != NULL ? weft_otp__post(target, &post) : weft_otp__send_far(sched, to, &post);
}

void weft_sched_stats(const struct weft_sched *sched, struct weft_sched_stats *stats) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(stats != NULL);
    *stats = (struct weft_sched_stats){.procs = sched->procs_count,
                                       .timers = sched->alarms.count,
                                       .sockets = sched->sockets_count,
                                       .runnable = sched->queues.count,
                                       .spawned = sched->spawned,
                                       .exited = sched->exited,
                                       .faulted = sched->faulted,
                                       .messages = sched->messages,
                                       .dropped = sched->dropped,
                                       .expired = sched->expired,
                                       .refused = sched->refused,
                                       .process_bytes = sched->process_bytes};
}

uint64_t weft_sched_waiting(const struct weft_sched *sched) {
    uint64_t count = 0;
    WEFT_ASSERT(sched != NULL);
    for (uint32_t i = 0; i < sched->slots.count; i++) {
        const struct weft_process *proc = weft_otp__table_at(sched, i);
        if (proc != NULL) count += proc->mailbox_count;
    }
    return count;
}

static uint32_t links_of(const struct weft_process *proc) {
    uint32_t count = 0;
    struct weft_link *at = proc->ties.first;
    for (; at != NULL; at = ring_next(&proc->ties, at)) {
        uint8_t kind = WEFT_CONTAINER(at, struct tie, link)->kind;
        count += kind == TIE_LINK_0 || kind == TIE_LINK_1;
    }
    return count;
}

static uint32_t pending_of(const struct weft_process *proc, enum weft_msg_kind kind) {
    uint32_t count = 0;
    struct weft_link *at = proc->pending.first;
    for (; at != NULL; at = ring_next(&proc->pending, at))
        count += WEFT_CONTAINER(at, struct mail, link)->kind == kind;
    return count;
}

struct weft_proc_info weft_otp__info(const struct weft_process *proc) {
    return (struct weft_proc_info){.pid = proc->pid,
                                   .parent = proc->parent,
                                   .name = weft_otp__name_text(proc),
                                   .behaviour = proc->behaviour->name,
                                   .version = proc->behaviour->version,
                                   .mailbox = proc->mailbox_count,
                                   .links = links_of(proc),
                                   .monitors = pending_of(proc, WEFT_MSG_DOWN),
                                   .timers = pending_of(proc, WEFT_MSG_TIMER),
                                   .sockets = proc->extra == NULL ? 0 : proc->extra->sockets_count,
                                   .memory = proc->extra == NULL ? 0 : proc->extra->memory,
                                   .memory_max = proc->extra == NULL ? 0 : proc->extra->memory_max,
                                   .messages = proc->messages,
                                   .reductions = proc->reductions,
                                   .bytes = proc->bytes,
                                   .is_supervisor =
                                       proc->behaviour->handle == weft_supervisor.handle,
                                   .trap_exit = (proc->flags & PROC_TRAP) != 0,
                                   .priority = proc->priority,

                                   .suspended = (proc->flags & PROC_SUSPENDED) != 0,
                                   .hibernates = (proc->flags & PROC_ASLEEP) != 0,
                                   .watched = (proc->flags & PROC_WATCHED) != 0,
                                   .application = weft_sched_application(proc->sched, proc->pid)};
}

bool weft_sched_info(const struct weft_sched *sched, weft_pid pid, struct weft_proc_info *info) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(info != NULL);
    const struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc != NULL) *info = weft_otp__info(proc);
    return proc != NULL;
}

bool weft_sched_running(const struct weft_sched *sched, struct weft_proc_info *info) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(info != NULL);
    if (sched->running == NULL) return false;
    *info = weft_otp__info(sched->running);
    return true;
}

void weft_sched_each(const struct weft_sched *sched,
                     void (*fn)(void *ctx, const struct weft_proc_info *info), void *ctx) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(fn != NULL);
    for (uint32_t i = 0; i < sched->slots.count; i++) {
        const struct weft_process *proc = weft_otp__table_at(sched, i);
        if (proc == NULL) continue;
        struct weft_proc_info info = weft_otp__info(proc);
        fn(ctx, &info);
    }
}
