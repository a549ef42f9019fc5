/* sys: watching a process. A record beside it while something is switched on; the process itself
 * has one flag. */
#include "core/otp/sys.h"

#include "core/otp/internal.h"

struct debug_fn {
    struct weft_link link;
    weft_sys_fn *fn;
    void *ctx;
};

struct debug_entry {
    struct weft_sys_event event; /* its data is in `data` */
    unsigned char data[WEFT_SYS_LOG_DATA];
};

/* I1  log: a ring of log_count entries, the oldest at log_head */
struct debug {
    struct weft_link link; /* in sched->debugs */
    struct weft_process *proc;
    bool trace, counts;
    struct weft_sys_statistics statistics;
    uint64_t messages_at; /* of the process, when counting began */
    struct debug_entry *log;
    uint32_t log_room, log_head, log_count;
    struct weft_link fns;
};

static struct debug *find(const struct weft_process *proc) {
    if (!(proc->flags & PROC_WATCHED)) return NULL;
    const struct weft_link *list = &proc->sched->debugs;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct debug *debug = WEFT_CONTAINER(at, struct debug, link);
        if (debug->proc == proc) return debug;
    }
    WEFT_UNREACHABLE("a watched process has a record");
}

static struct debug *make(struct weft_process *proc) {
    struct debug *debug = find(proc);
    if (debug != NULL) return debug;
    debug = weft_mem_zalloc(proc->sched->env->mem, sizeof *debug);
    if (debug == NULL) return NULL;
    debug->proc = proc;
    weft_list_init(&debug->fns);
    weft_list_push_back(&proc->sched->debugs, &debug->link);
    proc->flags |= PROC_WATCHED;
    return debug;
}

static void log_free(struct weft_sched *sched, struct debug *debug) {
    weft_mem_free(sched->env->mem, debug->log, debug->log_room * sizeof *debug->log);
    debug->log = NULL;
    debug->log_room = debug->log_head = debug->log_count = 0;
}

static void fn_free(struct weft_sched *sched, struct debug_fn *fn) {
    weft_list_remove(&fn->link);
    weft_mem_free(sched->env->mem, fn, sizeof *fn);
}

void weft_otp__debug_free(struct weft_process *proc) {
    struct debug *debug = find(proc);
    struct weft_sched *sched = proc->sched;
    if (debug == NULL) return;
    log_free(sched, debug);
    while (!weft_list_empty(&debug->fns))
        fn_free(sched, WEFT_CONTAINER(debug->fns.next, struct debug_fn, link));
    weft_list_remove(&debug->link);
    proc->flags &= ~(uint32_t)PROC_WATCHED;
    weft_mem_free(sched->env->mem, debug, sizeof *debug);
}

/* Nothing is switched on any more. */
static void drop_idle(struct debug *debug) {
    bool used = debug->trace || debug->counts || debug->log_room > 0;
    if (!used && weft_list_empty(&debug->fns)) weft_otp__debug_free(debug->proc);
}

/* --- what happens --- */

static void log_add(struct debug *debug, const struct weft_sys_event *event) {
    if (debug->log_room == 0) return;
    uint32_t at = (debug->log_head + debug->log_count) % debug->log_room;
    if (debug->log_count < debug->log_room) {
        debug->log_count++;
    } else {
        debug->log_head = (debug->log_head + 1) % debug->log_room;
    }
    struct debug_entry *entry = &debug->log[at];
    size_t kept = event->data.size < sizeof entry->data ? event->data.size : sizeof entry->data;
    entry->event = *event;
    if (kept > 0) memcpy(entry->data, event->data.data, kept);
    entry->event.data = weft_bytes(NULL, kept);
}

static void count(struct debug *debug, const struct weft_sys_event *event) {
    struct weft_sys_statistics *statistics = &debug->statistics;
    if (event->out) {
        statistics->messages_out++;
        statistics->bytes_out += event->size;
    } else {
        statistics->messages_in++;
        statistics->bytes_in += event->size;
    }
}

void weft_otp__watched(struct weft_process *proc, const struct weft_msg *msg, bool out) {
    struct debug *debug = find(proc);
    struct weft_env *env = proc->sched->env;
    WEFT_ASSERT(debug != NULL);
    struct weft_sys_event event = {.at = proc->sched->now,
                                   .pid = proc->pid,
                                   .peer = msg->from,
                                   .out = out,
                                   .kind = msg->kind,
                                   .tag = msg->tag,
                                   .size = (uint32_t)msg->data.size,
                                   .data = msg->data};
    if (debug->trace)
        weft_trace(env, WEFT_TRACE_SYS_MESSAGE, weft_bytes_text(weft_msg_kind_name(msg->kind)),
                   event.pid.raw, event.peer.raw, out ? 1 : 0, event.tag, event.size);
    if (debug->counts) count(debug, &event);
    log_add(debug, &event);
    for (struct weft_link *at = debug->fns.next; at != &debug->fns; at = at->next) {
        const struct debug_fn *fn = WEFT_CONTAINER(at, struct debug_fn, link);
        fn->fn(fn->ctx, &event);
    }
}

void weft_otp__watched_post(struct weft_process *proc, weft_pid to, const struct post *post) {
    struct weft_msg msg = {.kind = post->kind, .tag = post->tag, .from = to, .data = post->data};
    weft_otp__watched(proc, &msg, true);
}

/* --- switching on and off --- */

static int set_trace(struct weft_sched *sched, weft_pid pid, bool on) {
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    struct debug *debug = on ? make(proc) : find(proc);
    if (debug == NULL) return on ? WEFT_ERR_NOMEM : WEFT_OK;
    debug->trace = on;
    drop_idle(debug);
    return WEFT_OK;
}

static int set_statistics(struct weft_sched *sched, weft_pid pid, bool on) {
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    struct debug *debug = on ? make(proc) : find(proc);
    if (debug == NULL) return on ? WEFT_ERR_NOMEM : WEFT_OK;
    debug->counts = on;
    debug->statistics = (struct weft_sys_statistics){.since = sched->now};
    debug->messages_at = proc->messages;
    drop_idle(debug);
    return WEFT_OK;
}

static int set_log(struct weft_sched *sched, weft_pid pid, uint32_t room) {
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    if (room > WEFT_SYS_LOG_MAX) return WEFT_ERR_TOO_BIG;
    struct debug_entry *log = NULL;
    struct debug *debug = room > 0 ? make(proc) : find(proc);
    if (debug == NULL) return room > 0 ? WEFT_ERR_NOMEM : WEFT_OK;
    if (room > 0) log = weft_mem_alloc(sched->env->mem, room * sizeof *log);
    int rv = room > 0 && log == NULL ? WEFT_ERR_NOMEM : WEFT_OK;
    if (rv == WEFT_OK) {
        log_free(sched, debug);
        debug->log = log;
        debug->log_room = room;
    }
    drop_idle(debug);
    return rv;
}

static struct debug_fn *fn_find(const struct debug *debug, weft_sys_fn *fn, const void *ctx) {
    for (struct weft_link *at = debug->fns.next; at != &debug->fns; at = at->next) {
        struct debug_fn *found = WEFT_CONTAINER(at, struct debug_fn, link);
        if (found->fn == fn && found->ctx == ctx) return found;
    }
    return NULL;
}

int weft_sched_sys_install(struct weft_sched *sched, weft_pid pid, weft_sys_fn *fn, void *ctx) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(fn != NULL);
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    struct debug *debug = make(proc);
    if (debug == NULL) return WEFT_ERR_NOMEM;
    if (fn_find(debug, fn, ctx) != NULL) return WEFT_ERR_EXISTS;
    struct debug_fn *added = weft_mem_alloc(sched->env->mem, sizeof *added);
    if (added != NULL) {
        *added = (struct debug_fn){.fn = fn, .ctx = ctx};
        weft_list_push_back(&debug->fns, &added->link);
    }
    drop_idle(debug);
    return added != NULL ? WEFT_OK : WEFT_ERR_NOMEM;
}

int weft_sched_sys_remove(struct weft_sched *sched, weft_pid pid, weft_sys_fn *fn, void *ctx) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(fn != NULL);
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    struct debug *debug = find(proc);
    struct debug_fn *found = debug != NULL ? fn_find(debug, fn, ctx) : NULL;
    if (found == NULL) return WEFT_ERR_NOT_FOUND;
    fn_free(sched, found);
    drop_idle(debug);
    return WEFT_OK;
}

int weft_sched_sys_no_debug(struct weft_sched *sched, weft_pid pid) {
    WEFT_ASSERT(sched != NULL);
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    weft_otp__debug_free(proc);
    return WEFT_OK;
}

/* --- reading --- */

int weft_sched_sys_get_log(struct weft_sched *sched, weft_pid pid, weft_sys_fn *fn, void *ctx) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(fn != NULL);
    const struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    const struct debug *debug = find(proc);
    for (uint32_t i = 0; debug != NULL && i < debug->log_count; i++) {
        const struct debug_entry *entry = &debug->log[(debug->log_head + i) % debug->log_room];
        struct weft_sys_event event = entry->event;
        event.data = weft_bytes(entry->data, entry->event.data.size);
        fn(ctx, &event);
    }
    return WEFT_OK;
}

int weft_sched_sys_get_statistics(struct weft_sched *sched, weft_pid pid,
                                  struct weft_sys_statistics *out) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(out != NULL);
    const struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    const struct debug *debug = find(proc);
    if (debug == NULL || !debug->counts) return WEFT_ERR_NOT_FOUND;
    *out = debug->statistics;
    out->reductions = proc->messages - debug->messages_at;
    return WEFT_OK;
}

/* --- both worlds --- */

int weft_sched_sys_trace(struct weft_sched *sched, weft_pid pid, bool on) {
    WEFT_ASSERT(sched != NULL);
    return set_trace(sched, pid, on);
}

int weft_sys_trace(weft_self *self, weft_pid pid, bool on) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = set_trace(sched, pid, on);
    weft_otp__leave(sched);
    return rv;
}

int weft_sched_sys_statistics(struct weft_sched *sched, weft_pid pid, bool on) {
    WEFT_ASSERT(sched != NULL);
    return set_statistics(sched, pid, on);
}

int weft_sys_statistics(weft_self *self, weft_pid pid, bool on) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = set_statistics(sched, pid, on);
    weft_otp__leave(sched);
    return rv;
}

int weft_sched_sys_log(struct weft_sched *sched, weft_pid pid, uint32_t room) {
    WEFT_ASSERT(sched != NULL);
    return set_log(sched, pid, room);
}

int weft_sys_log(weft_self *self, weft_pid pid, uint32_t room) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = set_log(sched, pid, room);
    weft_otp__leave(sched);
    return rv;
}

/* `fn` is the caller's, and runs outside the runtime. */
int weft_sys_get_log(weft_self *self, weft_pid pid, weft_sys_fn *fn, void *ctx) {
    WEFT_ASSERT(self != NULL);
    return weft_sched_sys_get_log(self->sched, pid, fn, ctx);
}

int weft_sys_get_statistics(weft_self *self, weft_pid pid, struct weft_sys_statistics *out) {
    WEFT_ASSERT(self != NULL);
    return weft_sched_sys_get_statistics(self->sched, pid, out);
}

int weft_sys_no_debug(weft_self *self, weft_pid pid) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = weft_sched_sys_no_debug(sched, pid);
    weft_otp__leave(sched);
    return rv;
}
