/* The end of a start that failed. The supervisor is gone when its init returns, so those of its
 * children that trap exits, and take their time, are left to a process of its own. They do not
 * outlive who started the supervisor: in OTP that one would still be waiting for them. */
#include "core/otp/sup_internal.h"

struct left {
    weft_pid pid;
    weft_duration shutdown;
};

struct undo {
    struct left *left;
    weft_ref starter; /* monitored; 0: the supervisor was the root */
    uint32_t count, gone;
};

static void kill_pid(weft_self *self, weft_pid pid) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, pid, &why);
}

static int undo_init(weft_self *self, struct weft_bytes arg) {
    struct undo *undo = weft_state(self);
    weft_ref ref;
    WEFT_ASSERT(arg.size >= 2 * sizeof *undo->left);
    WEFT_ASSERT(arg.size % sizeof *undo->left == 0);
    undo->left = weft_alloc(self, arg.size);
    if (undo->left == NULL) return WEFT_ERR_NOMEM;
    memcpy(undo->left, arg.data, arg.size);
    undo->count = (uint32_t)(arg.size / sizeof *undo->left) - 1;
    weft_pid starter = undo->left[undo->count].pid; /* behind those left */
    if (!weft_pid_is_none(starter) && weft_monitor(self, starter, &undo->starter) != WEFT_OK)
        return WEFT_ERR_NOMEM;
    for (uint32_t i = 0; i < undo->count; i++) {
        const struct left *left = &undo->left[i];
        if (weft_monitor(self, left->pid, &ref) != WEFT_OK) return WEFT_ERR_NOMEM;
        if (left->shutdown == WEFT_INFINITY) continue;
        if (weft_timer_start(self, left->shutdown, i, weft_bytes(NULL, 0), &ref) != WEFT_OK)
            return WEFT_ERR_NOMEM;
    }
    return WEFT_OK;
}

static void undo_handle(weft_self *self, const struct weft_msg *msg) {
    struct undo *undo = weft_state(self);
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    if (msg->kind == WEFT_MSG_TIMER) {
        WEFT_ASSERT(msg->tag < undo->count);
        kill_pid(self, undo->left[msg->tag].pid);
    }
    if (msg->kind == WEFT_MSG_DOWN && msg->ref == undo->starter) {
        for (uint32_t i = 0; i < undo->count; i++) kill_pid(self, undo->left[i].pid);
    } else if (msg->kind == WEFT_MSG_DOWN && ++undo->gone == undo->count)
        weft_stop(self, &why);
}

static WEFT_PROCESS(undo_v1, .name = "supervisor_undo", .version = 1,
                    .state_size = sizeof(struct undo), .init = undo_init, .handle = undo_handle);

/* Without the process there is no time to give. */
static void hand_over(weft_self *self, struct left *left, uint32_t count) {
    weft_pid pid;
    if (count == 0) return;
    left[count] = (struct left){.pid = weft_self_parent(self)};
    struct weft_spawn spawn = {.behaviour = &undo_v1,
                               .arg = weft_bytes(left, (count + 1) * sizeof *left)};
    if (weft_spawn(self, &spawn, &pid) == WEFT_OK) return;
    for (uint32_t i = 0; i < count; i++) kill_pid(self, left[i].pid);
}

/* Whether it has to be waited for. */
static bool undo_child(weft_self *self, struct child *child, struct left *left) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    WEFT_ASSERT(child->state == CHILD_UP);
    *left = (struct left){.pid = child->pid, .shutdown = child->spec->the.shutdown};
    bool gone = weft_otp__stop_at_once(self, child, &why);
    weft_otp__child_down(self, child, &why, false);
    if (gone) return false;
    if (left->shutdown == WEFT_BRUTAL_KILL) {
        kill_pid(self, left->pid);
        return false;
    }
    weft_exit(self, left->pid, &why);
    return true;
}

void weft_otp__sup_undo(weft_self *self) {
    struct sup *sup = weft_state(self);
    uint32_t count = 0, next;
    if (sup->active == 0) return;
    weft_otp__sup_tell_stopping(self, WEFT_SUP_UNSTARTED);
    sup->op = OP_END;
    struct left *left = weft_alloc(self, (sup->active + 1) * sizeof *left), one;
    for (uint32_t at = sup->children.last; at != CHILD_NONE; at = next) {
        struct child *child = weft_otp__child_at(sup, at);
        next = child->order.prev;
        if (child->state != CHILD_UP || !undo_child(self, child, &one)) continue;
        if (left != NULL) {
            left[count++] = one;
        } else {
            kill_pid(self, one.pid);
        }
    }
    if (left != NULL) hand_over(self, left, count);
}
