/* The supervisor: a process like any other. It traps its parent's exit, because its children have
 * to be stopped first; only its messages to itself are not sent by weft_send, which may refuse. */
#include "core/otp/supervisor.h"

#include "core/otp/sup_internal.h"

bool weft_otp__sup_spec_valid(const struct weft_child_spec *spec) {
    if (spec->behaviour == NULL || spec->behaviour->handle == NULL) return false;
    if ((unsigned)spec->restart > WEFT_TEMPORARY) return false;
    return spec->shutdown >= WEFT_INFINITY;
}

static int configure(struct sup *sup, const struct weft_sup_config *config) {
    if ((unsigned)config->strategy > WEFT_REST_FOR_ONE) return WEFT_ERR_INVAL;
    if (config->period < 0) return WEFT_ERR_INVAL;
    if (config->children_count > WEFT_CHILDREN_MAX) return WEFT_ERR_FULL;
    sup->strategy = config->strategy;
    sup->intensity = config->intensity;
    if (sup->intensity == 0 && !config->intensity_zero) sup->intensity = 1;
    sup->period = config->period != 0 ? config->period : WEFT_S(5);
    return WEFT_OK;
}

static int add(weft_self *self, const struct weft_child_spec *spec) {
    struct sup *sup = weft_state(self);
    struct child *child;
    if (!weft_otp__sup_spec_valid(spec)) return WEFT_ERR_INVAL;
    if (spec->id != NULL && weft_otp__child_by_id(sup, spec->id) != NULL) return WEFT_ERR_INVAL;
    return weft_otp__child_new(self, spec, &child);
}

/* Those started already, in reverse. init cannot wait for them: those that trap exits end, with
 * terminate called, in the turns that follow. */
static void undo(weft_self *self, struct sup *sup) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    for (struct weft_link *at = sup->children.prev; at != &sup->children; at = at->prev) {
        struct child *child = WEFT_CONTAINER(at, struct child, order);
        if (weft_pid_is_none(child->pid)) continue;
        weft_pid pid = child->pid;
        weft_otp__child_down(self, child, &why, false);
        weft_exit(self, pid, &why);
    }
}

static void fail(weft_self *self, const char *id, int error) {
    const struct weft_reason *cause = weft_last_reason(self);
    struct weft_reason why =
        weft_reason_text(WEFT_REASON_START, error, "child %s: %s %d: %s", id != NULL ? id : "",
                         weft_reason_name(cause->kind), cause->code, cause->text);
    weft_stop(self, &why);
}

static int start_all(weft_self *self, struct sup *sup) {
    struct weft_link *next;
    for (struct weft_link *at = sup->children.next; at != &sup->children; at = next) {
        struct child *child = WEFT_CONTAINER(at, struct child, order);
        next = at->next;
        int rv = weft_otp__child_start(self, child, false, NULL);
        if (rv != WEFT_OK) {
            fail(self, child->id, rv);
            undo(self, sup);
            return rv;
        }
        bool ignored = weft_pid_is_none(child->pid);
        if (ignored && child->restart == WEFT_TEMPORARY) weft_otp__child_free(self, child);
    }
    return WEFT_OK;
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct sup *sup = weft_state(self);
    struct weft_sup_config config;
    if (arg.size != sizeof config) return WEFT_ERR_INVAL;
    memcpy(&config, arg.data, sizeof config);
    weft_trap_exit(self, true);
    weft_trap_parent_exit(self, true);
    weft_otp__sup_children_init(self, sup);
    int rv = configure(sup, &config);
    for (size_t i = 0; rv == WEFT_OK && i < config.children_count; i++)
        rv = add(self, &config.children[i]);
    return rv == WEFT_OK ? start_all(self, sup) : rv;
}

/* Its turn comes when the operation under way is over. */
static void note_death(struct sup *sup, struct child *child, const struct weft_reason *why) {
    WEFT_ASSERT(!child->died);
    child->died = true;
    child->died_kind = (uint8_t)why->kind;
    child->died_code = why->code;
    weft_list_push_back(&sup->deaths, &child->due);
}

static void on_exit(weft_self *self, const struct weft_msg *msg) {
    struct sup *sup = weft_state(self);
    if (weft_pid_equal(msg->from, weft_self_parent(self))) {
        weft_otp__sup_begin_end(self, msg->reason);
        return;
    }
    struct child *child = weft_otp__child_by_tag(sup, msg->tag, msg->from);
    /* An EXIT that a living child sent is not its end. */
    if (child == NULL || weft_alive(self, child->pid)) return;
    if (child == sup->stopping) {
        weft_otp__sup_stopped(self, msg->reason);
    } else if (sup->op != OP_NONE) {
        note_death(sup, child, msg->reason);
    } else {
        weft_otp__sup_death(self, child, msg->reason);
    }
}

static void on_call(weft_self *self, const struct weft_msg *msg) {
    weft_otp__sup_request_later(self, msg);
}

static void on_cast(weft_self *self, const struct weft_msg *msg) {
    struct sup *sup = weft_state(self);
    if (msg->tag == SUP_RETRY && weft_pid_equal(msg->from, self->pid)) sup->retries_due++;
}

static void on_message(weft_self *self, const struct weft_msg *msg) {
    struct sup *sup = weft_state(self);
    switch (msg->kind) {
    case WEFT_MSG_CALL:
        on_call(self, msg);
        break;
    case WEFT_MSG_CAST:
        on_cast(self, msg);
        break;
    case WEFT_MSG_EXIT:
        on_exit(self, msg);
        break;
    case WEFT_MSG_DOWN:
        if (sup->stopping != NULL && msg->ref == sup->stop_monitor) {
            sup->stop_monitor = 0;
            weft_otp__sup_stopped(self, msg->reason);
        }
        break;
    case WEFT_MSG_TIMER:
        if (sup->stopping != NULL && msg->ref == sup->stop_timer) weft_otp__sup_stop_late(self);
        break;
    case WEFT_MSG_REPLY:
    case WEFT_MSG_EVENT:
        break;
    }
    weft_otp__sup_catch_up(self);
}

const struct weft_behaviour weft_supervisor = {.name = "supervisor",
                                               .version = 1,
                                               .state_size = sizeof(struct sup),
                                               .init = on_init,
                                               .handle = on_message};
