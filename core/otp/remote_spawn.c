/* Starting a process elsewhere.
 *
 * The data of a SPAWN: u32 mailbox_max, u64 memory_max, u8 link, u8 size of the name, the name,
 * and the argument. The frame's text is the behaviour, its tag that of the EXIT. */
#include "core/otp/remote_internal.h"
#include "core/wire/number.h"

#define HEAD 14

static const struct weft_behaviour *offered(const struct weft_sched *sched,
                                            struct weft_bytes name) {
    for (size_t i = 0; i < sched->offers_count; i++) {
        const struct weft_behaviour *behaviour = sched->offers[i];
        if (weft_bytes_equal(weft_bytes_text(behaviour->name), name)) return behaviour;
    }
    return NULL;
}

struct order {
    struct weft_spawn spawn;
    char name[WEFT_NAME_MAX];
    bool link;
};

static int read_order(const struct weft_sched *sched, const struct weft_signal *signal,
                      struct order *order) {
    const unsigned char *data = signal->data.data;
    if (signal->data.size < HEAD) return WEFT_ERR_MALFORMED;
    size_t name_size = data[13];
    if (signal->data.size < HEAD + name_size || name_size >= WEFT_NAME_MAX)
        return WEFT_ERR_MALFORMED;
    memset(order, 0, sizeof *order);
    memcpy(order->name, data + HEAD, name_size);
    order->link = data[12] != 0;
    order->spawn = (struct weft_spawn){
        .behaviour = offered(sched, signal->text),
        .arg = weft_bytes(data + HEAD + name_size, signal->data.size - HEAD - name_size),
        .name = name_size > 0 ? order->name : NULL,
        .mailbox_max = weft_number_get32(data),
        .memory_max = (size_t)weft_number_get64(data + 4),
        .tag = signal->tag};
    return order->spawn.behaviour != NULL ? WEFT_OK : WEFT_ERR_NOT_FOUND;
}

static int start(struct remote *remote, const struct weft_signal *signal, weft_pid *pid) {
    struct weft_sched *sched = remote->sched;
    struct order order;
    int rv = read_order(sched, signal, &order);
    if (rv != WEFT_OK) return rv;
    struct weft_process *near = weft_otp__find(sched, (weft_pid){signal->from});
    order.spawn.link = near != NULL && order.link;
    if (near != NULL) return weft_otp__spawn(sched, near, &order.spawn, pid);
    sched->far_parent = (weft_pid){signal->from};
    rv = weft_otp__spawn(sched, NULL, &order.spawn, pid);
    sched->far_parent = WEFT_PID_NONE;
    if (rv != WEFT_OK || !order.link) return rv;
    struct weft_process *child = weft_otp__find(sched, *pid);
    WEFT_ASSERT(child != NULL);
    if (weft_otp__far_link_find(remote, *pid, signal->from) != NULL) return rv;
    if (weft_otp__far_link_new(remote, child, signal->from, 0) != NULL) return rv;
    weft_otp__doom(child, weft_otp__cause_plain(WEFT_REASON_LIMIT, 0));
    return WEFT_ERR_NOMEM;
}

static bool wants_link(const struct weft_signal *signal) {
    return signal->data.size >= HEAD && signal->data.data[12] != 0;
}

void weft_otp__act_spawn(struct remote *remote, const struct weft_signal *signal) {
    weft_pid pid = WEFT_PID_NONE;
    int rv = start(remote, signal, &pid);
    struct weft_signal reply = {.kind = WEFT_SIGNAL_SPAWN_REPLY,
                                .tag = wants_link(signal),
                                .value = rv,
                                .from = rv == WEFT_OK ? pid.raw : signal->to,
                                .to = signal->from,
                                .ref = signal->ref};
    (void)weft_otp__remote_put(remote, &reply, true);
}

/* The one who asked is not there, or does not wait any more. */
static void abandon(struct remote *remote, const struct weft_signal *signal,
                    enum weft_reason_kind why) {
    struct weft_signal exit = {.kind = WEFT_SIGNAL_EXIT_LINK,
                               .tag = (uint32_t)why,
                               .from = signal->to,
                               .to = signal->from};
    if (signal->value == WEFT_OK && signal->tag != 0)
        (void)weft_otp__remote_put(remote, &exit, true);
}

static int link_child(struct remote *remote, struct call *call, const struct weft_signal *signal) {
    struct weft_process *owner = call->awaited.owner;
    if (!weft_otp__is_far(remote->sched, (weft_pid){signal->from})) return WEFT_OK;
    if (weft_otp__far_link_find(remote, owner->pid, signal->from) != NULL) return WEFT_OK;
    uint32_t tag = call->awaited.mail.tag;
    if (weft_otp__far_link_new(remote, owner, signal->from, tag) != NULL) return WEFT_OK;
    abandon(remote, signal, WEFT_REASON_LIMIT);
    return WEFT_ERR_NOMEM;
}

void weft_otp__act_spawn_reply(struct remote *remote, const struct weft_signal *signal) {
    struct weft_call asked = {.from = {signal->to}, .ref = signal->ref};
    struct call *call = weft_otp__call_waiting(remote->sched, &asked);
    if (call == NULL) {
        abandon(remote, signal, WEFT_REASON_NOPROC);
        return;
    }
    weft_pid pid = {signal->from};
    int status = signal->value;
    call->awaited.mail.bits = 0;
    if (status == WEFT_OK && signal->tag != 0) status = link_child(remote, call, signal);
    struct weft_bytes data = weft_bytes(&pid, status == WEFT_OK ? sizeof pid : 0);
    weft_otp__call_done(call, status, data);
}

weft_pid weft_spawned_pid(const struct weft_msg *reply) {
    weft_pid pid = WEFT_PID_NONE;
    WEFT_ASSERT(reply->kind == WEFT_MSG_REPLY);
    if (reply->status == WEFT_OK && reply->data.size == sizeof pid)
        memcpy(&pid, reply->data.data, sizeof pid);
    return pid;
}

static int check(const struct weft_spawn_at *spawn) {
    size_t text = strlen(spawn->behaviour);
    if (text == 0 || text > WEFT_SIGNAL_TEXT_MAX) return WEFT_ERR_INVAL;
    if (spawn->scheduler >= WEFT_SCHEDULERS_MAX) return WEFT_ERR_INVAL;
    if (spawn->name != NULL && !weft_otp__name_valid(spawn->name)) return WEFT_ERR_INVAL;
    bool fits = spawn->arg.size + HEAD + WEFT_NAME_MAX <= WEFT_MESSAGE_MAX;
    return fits ? WEFT_OK : WEFT_ERR_TOO_BIG;
}

static void write_order(const struct weft_spawn_at *spawn, unsigned char *data) {
    size_t name_size = spawn->name != NULL ? strlen(spawn->name) : 0;
    weft_number_put32(data, spawn->mailbox_max);
    weft_number_put64(data + 4, spawn->memory_max);
    data[12] = spawn->link;
    data[13] = (unsigned char)name_size;
    if (name_size > 0) memcpy(data + HEAD, spawn->name, name_size);
    if (spawn->arg.size > 0) memcpy(data + HEAD + name_size, spawn->arg.data, spawn->arg.size);
}

static int ask(weft_self *self, const struct weft_spawn_at *spawn, uint64_t to, weft_ref *ref) {
    struct weft_mem *mem = self->sched->env->mem;
    size_t name_size = spawn->name != NULL ? strlen(spawn->name) : 0;
    size_t size = HEAD + name_size + spawn->arg.size;
    unsigned char *data = weft_mem_alloc(mem, size);
    if (data == NULL) return WEFT_ERR_NOMEM;
    write_order(spawn, data);
    struct weft_signal signal = {.kind = WEFT_SIGNAL_SPAWN,
                                 .tag = spawn->tag,
                                 .to = to,
                                 .text = weft_bytes_text(spawn->behaviour),
                                 .data = weft_bytes(data, size)};
    int rv = weft_otp__far_ask(self, &signal, spawn->timeout, ref);
    weft_mem_free(mem, data, size);
    return rv;
}

int weft_spawn_at(weft_self *self, const struct weft_spawn_at *spawn, weft_ref *ref) {
    WEFT_ASSERT(spawn->behaviour != NULL);
    WEFT_ASSERT(ref != NULL);
    struct weft_spawn_at wanted = *spawn;
    weft_otp__touch(wanted.arg);
    weft_ref made = 0;
    uint64_t to = 0;
    int rv = check(&wanted);
    struct weft_sched *sched = weft_otp__enter(self);
    if (rv == WEFT_OK) rv = weft_otp__far_place(self, wanted.node, wanted.scheduler, &to);
    if (rv == WEFT_OK) rv = ask(self, &wanted, to, &made);
    weft_otp__leave(sched);
    *ref = made;
    return rv;
}
