/* Acting on a signal that came from elsewhere. */
#include "core/otp/code_internal.h"
#include "core/otp/remote_internal.h"

struct cause weft_otp__signal_cause(struct weft_sched *sched, const struct weft_signal *signal) {
    struct weft_reason why;
    size_t size = signal->text.size;
    enum weft_reason_kind kind = signal->tag <= WEFT_REASON_NOCONNECTION
                                     ? (enum weft_reason_kind)signal->tag
                                     : WEFT_REASON_ERROR;
    why = weft_reason(kind, signal->value);
    if (size >= sizeof why.text) size = sizeof why.text - 1;
    if (size > 0) memcpy(why.text, signal->text.data, size);
    return weft_otp__cause_make(sched, &why);
}

void weft_otp__signal_reason(struct weft_signal *signal, const struct cause *cause) {
    signal->tag = (uint32_t)cause->kind;
    signal->value = cause->code;
    if (cause->text == NULL) return;
    WEFT_ASSERT(cause->text->size > 0);
    signal->text = weft_bytes(cause->text->text, cause->text->size - 1);
}

static struct weft_process *local_of(struct remote *remote, uint64_t to) {
    return weft_otp__find(remote->sched, (weft_pid){to});
}

/* A signal to a name becomes one to its holder, here or on another scheduler. */
static bool resolve(struct remote *remote, const struct weft_signal *named, uint64_t *to) {
    char name[WEFT_NAME_MAX];
    if (named->text.size == 0 || named->text.size >= sizeof name) return false;
    memcpy(name, named->text.data, named->text.size);
    name[named->text.size] = '\0';
    weft_pid pid = weft_sched_whereis(remote->sched, name);
    *to = pid.raw;
    return !weft_pid_is_none(pid);
}

static void act_send(struct remote *remote, const struct weft_signal *signal) {
    struct weft_process *to = local_of(remote, signal->to);
    struct post post = {
        .kind = WEFT_MSG_CAST, .from = {signal->from}, .tag = signal->tag, .data = signal->data};
    if (to == NULL) return;
    if (weft_otp__post(to, &post) != WEFT_OK) remote->sched->dropped++;
}

static void answer(struct remote *remote, const struct weft_signal *call, int status) {
    struct weft_signal reply = {.kind = WEFT_SIGNAL_REPLY,
                                .value = status,
                                .from = call->to,
                                .to = call->from,
                                .ref = call->ref};
    (void)weft_otp__remote_put(remote, &reply, true);
}

static uint64_t far_hash(uint64_t far, uint64_t ref) { return weft_fold(weft_fold(0, far), ref); }

static struct far_tie *far_find(const struct remote *remote, uint64_t far, uint64_t ref) {
    struct map_node *node = weft_otp__map_first(&remote->fars, far_hash(far, ref));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct far_tie *tie = WEFT_CONTAINER(node, struct far_tie, node);
        if (tie->far == far && tie->ref == ref) return tie;
    }
    return NULL;
}

static struct far_tie *far_new(struct remote *remote, struct weft_process *local,
                               const struct weft_signal *signal) {
    struct weft_mem *mem = remote->sched->env->mem;
    struct route *route = weft_otp__route(remote, signal->from);
    struct far_tie *tie = route == NULL ? NULL : weft_mem_zalloc(mem, sizeof *tie);
    if (tie == NULL) return NULL;
    uint64_t hash = far_hash(signal->from, signal->ref);
    if (weft_otp__map_insert(&remote->fars, &tie->node, hash) != WEFT_OK) {
        weft_mem_free(mem, tie, sizeof *tie);
        return NULL;
    }
    tie->local = local;
    tie->far = signal->from;
    tie->ref = signal->ref;
    weft_list_init(&tie->link);
    weft_otp__tie_add(local, &tie->tie, TIE_FAR);
    weft_list_push_back(&route->fars, &tie->link);
    return tie;
}

void weft_otp__far_tie_free(struct remote *remote, struct far_tie *tie) {
    weft_otp__map_remove(&remote->fars, &tie->node);
    weft_otp__tie_remove(tie->local, &tie->tie);
    weft_list_remove(&tie->link);
    weft_mem_free(remote->sched->env->mem, tie, sizeof *tie);
}

static void send_down(struct remote *remote, const struct far_tie *tie, const struct cause *cause) {
    struct weft_signal down = {
        .kind = WEFT_SIGNAL_DOWN, .from = tie->local->pid.raw, .to = tie->far, .ref = tie->ref};
    weft_otp__signal_reason(&down, cause);
    (void)weft_otp__remote_put(remote, &down, true);
}

void weft_otp__far_tie_down(struct remote *remote, struct far_tie *tie, const struct cause *cause) {
    if (tie->of_call) {
        struct weft_signal call = {.from = tie->far, .to = tie->local->pid.raw, .ref = tie->ref};
        answer(remote, &call, WEFT_ERR_NO_PROC);
    } else {
        send_down(remote, tie, cause);
    }
    weft_otp__far_tie_free(remote, tie);
}

/* The answer is on its way: the end of the callee tells nothing more. */
void weft_otp__far_tie_answered(struct remote *remote, uint64_t far, uint64_t ref) {
    struct far_tie *tie = far_find(remote, far, ref);
    if (tie != NULL) weft_otp__far_tie_free(remote, tie);
}

static int take_call(struct remote *remote, const struct weft_signal *signal) {
    struct weft_process *to = local_of(remote, signal->to);
    struct post post = {.kind = WEFT_MSG_CALL,
                        .from = {signal->from},
                        .ref = signal->ref,
                        .tag = signal->tag,
                        .data = signal->data};
    if (to == NULL) return WEFT_ERR_NO_PROC;
    struct far_tie *tie = far_new(remote, to, signal);
    if (tie == NULL) return WEFT_ERR_NOMEM;
    tie->of_call = true;
    int rv = weft_otp__post(to, &post);
    if (rv != WEFT_OK) weft_otp__far_tie_free(remote, tie);
    return rv;
}

static void act_call(struct remote *remote, const struct weft_signal *signal) {
    int rv = take_call(remote, signal);
    if (rv != WEFT_OK) answer(remote, signal, rv);
}

static void refuse_monitor(struct remote *remote, const struct weft_signal *signal,
                           enum weft_reason_kind why) {
    struct weft_signal down = {.kind = WEFT_SIGNAL_DOWN,
                               .tag = (uint32_t)why,
                               .from = signal->to,
                               .to = signal->from,
                               .ref = signal->ref};
    (void)weft_otp__remote_put(remote, &down, true);
}

static void act_monitor(struct remote *remote, const struct weft_signal *signal) {
    struct weft_process *to = local_of(remote, signal->to);
    if (to == NULL) {
        refuse_monitor(remote, signal, WEFT_REASON_NOPROC);
    } else if (far_new(remote, to, signal) == NULL) {
        refuse_monitor(remote, signal, WEFT_REASON_LIMIT);
    }
}

void weft_otp__remote_forward(struct remote *remote, const struct weft_signal *signal) {
    bool is_call = signal->kind == WEFT_SIGNAL_CALL || signal->kind == WEFT_SIGNAL_CALL_NAME;
    bool is_send = signal->kind == WEFT_SIGNAL_SEND || signal->kind == WEFT_SIGNAL_SEND_NAME;
    if ((!is_call && !is_send) || !weft_otp__remote_full(remote, signal->to)) {
        (void)weft_otp__remote_put(remote, signal, true);
    } else if (is_call) {
        answer(remote, signal, WEFT_ERR_FULL);
    } else {
        remote->sched->dropped++;
    }
}

/* SEND_NAME, CALL_NAME and MONITOR_NAME stand right after what they become. */
static void act_named(struct remote *remote, const struct weft_signal *signal) {
    struct weft_signal found = *signal;
    if (signal->kind == WEFT_SIGNAL_SEND_NAME) found.kind = WEFT_SIGNAL_SEND;
    if (signal->kind == WEFT_SIGNAL_CALL_NAME) found.kind = WEFT_SIGNAL_CALL;
    if (signal->kind == WEFT_SIGNAL_MONITOR_NAME) found.kind = WEFT_SIGNAL_MONITOR;
    found.text = weft_bytes(NULL, 0);
    if (resolve(remote, signal, &found.to)) {
        weft_otp__remote_forward(remote, &found);
    } else {
        weft_otp__remote_bounce(remote, &found, WEFT_REASON_NOPROC);
    }
}

static void act_over(struct remote *remote, const struct weft_signal *signal) {
    struct far_tie *tie = far_find(remote, signal->from, signal->ref);
    if (tie != NULL) weft_otp__far_tie_free(remote, tie);
}

static struct monitor *monitor_of(struct remote *remote, const struct weft_signal *signal) {
    struct awaited *awaited = weft_otp__ref_get(remote->sched, signal->ref);
    if (awaited == NULL || awaited->mail.kind != WEFT_MSG_DOWN) return NULL;
    if (awaited->mail.place != MAIL_PENDING) return NULL;
    return awaited->owner->pid.raw == signal->to ? (struct monitor *)awaited : NULL;
}

static void act_reply(struct remote *remote, const struct weft_signal *signal) {
    struct weft_call asked = {.from = {signal->to}, .ref = signal->ref};
    struct call *call = weft_otp__call_waiting(remote->sched, &asked);
    if (call == NULL) return;
    struct mail *mail = &call->awaited.mail;
    /* Answered by another scheduler than the callee's: that one has to be told. */
    bool same = signal->from >> PID_SCHEDULER_SHIFT == mail->from.raw >> PID_SCHEDULER_SHIFT;
    bool named = (mail->from.raw << (64 - PID_SCHEDULER_SHIFT)) == 0;
    if (same || named) mail->bits = 0;
    if (named) mail->from = (weft_pid){signal->from};
    weft_otp__call_done(call, signal->value, signal->data);
}

static void act_down(struct remote *remote, const struct weft_signal *signal) {
    struct monitor *monitor = monitor_of(remote, signal);
    if (monitor == NULL) return;
    bool nobody = (signal->from << (64 - PID_SCHEDULER_SHIFT)) == 0;
    monitor->awaited.mail.from = nobody ? WEFT_PID_NONE : (weft_pid){signal->from};
    struct cause cause = weft_otp__signal_cause(remote->sched, signal);
    weft_otp__tie_drop(remote->sched, &monitor->tie);
    weft_otp__monitor_fire(monitor, cause);
    weft_otp__cause_drop(remote->sched, &cause);
}

static void act_exit(struct remote *remote, const struct weft_signal *signal) {
    struct weft_process *to = local_of(remote, signal->to);
    if (to == NULL) return;
    struct signal exit = {.from = {signal->from},
                          .cause = weft_otp__signal_cause(remote->sched, signal)};
    weft_otp__signal(to, &exit);
    weft_otp__cause_drop(remote->sched, &exit.cause);
}

static void notify(struct remote *remote, const struct weft_signal *signal, uint32_t tag) {
    const struct node_entry *entry = weft_otp__hub_entry(remote->hub, (uint32_t)signal->ref);
    if (entry == NULL) return;
    bool named_only = signal->value == 0;
    weft_otp__remote_watchers(remote, entry->peer, tag, named_only);
}

static void act_node_up(struct remote *remote, const struct weft_signal *signal) {
    notify(remote, signal, WEFT_TAG_NODE_UP);
}

static void act_node_down(struct remote *remote, const struct weft_signal *signal) {
    struct weft_signal ack = {.kind = WEFT_SIGNAL_NODE_ACK,
                              .from = pid_place(0, remote->index),
                              .to = pid_place(0, CARRIER),
                              .tag = signal->tag,
                              .ref = signal->ref};
    const struct node_entry *entry = weft_otp__hub_entry(remote->hub, (uint32_t)signal->ref);
    WEFT_ASSERT(entry != NULL);
    weft_otp__remote_lost(remote, (uint32_t)signal->ref);
    for (uint32_t index = weft_otp__hub_newest(remote->hub, entry->peer); index != 0;) {
        weft_otp__remote_lost(remote, index);
        index = weft_otp__hub_entry(remote->hub, index)->older;
    }
    notify(remote, signal, WEFT_TAG_NODE_DOWN);
    if (remote->index != CARRIER) (void)weft_otp__remote_put(remote, &ack, true);
}

/* One of an earlier loss does not count: what was sent before the last is still on its way. */
static void act_node_ack(struct remote *remote, const struct weft_signal *signal) {
    const struct node_entry *entry = weft_otp__hub_entry(remote->hub, (uint32_t)signal->ref);
    WEFT_ASSERT(entry != NULL);
    uint64_t bit = UINT64_C(1) << pid_scheduler(signal->from);
    if (signal->tag == entry->peer->downs) atomic_fetch_and(&entry->peer->stale, ~bit);
}

static void act_code_undo(struct remote *remote, const struct weft_signal *signal) {
    WEFT_ASSERT(pid_node(signal->from) == 0);
    weft_otp__code_told(remote->sched, signal->ref, pid_scheduler(signal->from), signal->text);
}

typedef void (*act_fn)(struct remote *remote, const struct weft_signal *signal);

static const act_fn acts[WEFT_SIGNAL_KIND_END] = {
    [WEFT_SIGNAL_SEND] = act_send,
    [WEFT_SIGNAL_SEND_NAME] = act_named,
    [WEFT_SIGNAL_CALL] = act_call,
    [WEFT_SIGNAL_CALL_NAME] = act_named,
    [WEFT_SIGNAL_CALL_OVER] = act_over,
    [WEFT_SIGNAL_REPLY] = act_reply,
    [WEFT_SIGNAL_LINK] = weft_otp__act_link,
    [WEFT_SIGNAL_UNLINK] = weft_otp__act_unlink,
    [WEFT_SIGNAL_UNLINK_ACK] = weft_otp__act_unlink_ack,
    [WEFT_SIGNAL_EXIT_LINK] = weft_otp__act_exit_link,
    [WEFT_SIGNAL_EXIT] = act_exit,
    [WEFT_SIGNAL_MONITOR] = act_monitor,
    [WEFT_SIGNAL_MONITOR_NAME] = act_named,
    [WEFT_SIGNAL_DEMONITOR] = act_over,
    [WEFT_SIGNAL_DOWN] = act_down,
    [WEFT_SIGNAL_SPAWN] = weft_otp__act_spawn,
    [WEFT_SIGNAL_SPAWN_REPLY] = weft_otp__act_spawn_reply,
    [WEFT_SIGNAL_NODE_UP] = act_node_up,
    [WEFT_SIGNAL_NODE_DOWN] = act_node_down,
    [WEFT_SIGNAL_NODE_ACK] = act_node_ack,
    [WEFT_SIGNAL_NODE_CUT] = weft_otp__act_node_cut,
    [WEFT_SIGNAL_CODE_UNDO] = act_code_undo};

void weft_otp__remote_act(struct remote *remote, const struct weft_signal *signal) {
    WEFT_ASSERT(signal->kind > 0 && signal->kind < WEFT_SIGNAL_KIND_END);
    act_fn act = acts[signal->kind];
    if (act != NULL) act(remote, signal);
}

void weft_otp__remote_bounce(struct remote *remote, const struct weft_signal *signal,
                             enum weft_reason_kind why) {
    int status = why == WEFT_REASON_NOCONNECTION ? WEFT_ERR_NO_CONNECTION : WEFT_ERR_NO_PROC;
    struct weft_signal back = {.from = signal->to, .to = signal->from, .ref = signal->ref};
    if (pid_node(signal->from) != 0 && pid_node(signal->to) != 0) return; /* nobody's */
    switch ((int)signal->kind) {
    case WEFT_SIGNAL_CALL:
    case WEFT_SIGNAL_CALL_NAME:
        answer(remote, signal, status);
        return;
    case WEFT_SIGNAL_SPAWN:
        back.kind = WEFT_SIGNAL_SPAWN_REPLY;
        back.value = status;
        break;
    case WEFT_SIGNAL_MONITOR:
    case WEFT_SIGNAL_MONITOR_NAME:
        refuse_monitor(remote, signal, why);
        return;
    case WEFT_SIGNAL_LINK:
        back.kind = WEFT_SIGNAL_EXIT_LINK;
        back.tag = (uint32_t)why;
        break;
    case WEFT_SIGNAL_UNLINK:
        back.kind = WEFT_SIGNAL_UNLINK_ACK;
        break;
    default:
        return;
    }
    (void)weft_otp__remote_put(remote, &back, true);
}
