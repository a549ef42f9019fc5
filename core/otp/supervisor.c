/* The supervisor: a process like any other. It traps its parent's exit, because its children have
 * to be stopped first; only its messages to itself are not sent by weft_send, which may refuse. */
#include "core/otp/supervisor.h"

#include "core/otp/sup_internal.h"

/* --- configuration --- */

#define DUPLICATE "duplicate_child_name"

static int say(struct weft_reason *why, const char *id, const char *problem) {
    if (why != NULL)
        *why = weft_reason_text(WEFT_REASON_START, WEFT_ERR_INVAL, "%s%s%s%s",
                                id != NULL ? "child " : "", id != NULL ? id : "",
                                id != NULL ? ": " : "", problem);
    return WEFT_ERR_INVAL;
}

static const char *flags_problem(const struct weft_sup_config *config) {
    if ((unsigned)config->strategy > WEFT_SIMPLE_ONE_FOR_ONE) return "invalid strategy";
    if ((unsigned)config->auto_shutdown > WEFT_AUTO_ALL_SIGNIFICANT) return "invalid auto_shutdown";
    if (config->period < 0) return "invalid period";
    if (config->backoff_first < 0 || config->backoff_max < 0 || config->backoff_reset < 0)
        return "invalid backoff";
    if (config->backoff_max != 0 && config->backoff_max < config->backoff_first)
        return "invalid backoff";
    if (config->backoff_jitter > 100) return "invalid backoff jitter";
    if (config->strategy != WEFT_SIMPLE_ONE_FOR_ONE) return NULL;
    if (config->children_count != 1) return "simple_one_for_one takes one child spec";
    return config->children[0].name != NULL ? "a template cannot have a name" : NULL;
}

static bool same_id(const struct weft_child_spec *a, const struct weft_child_spec *b) {
    return a->id != NULL && b->id != NULL && a->id[0] != '\0' && strcmp(a->id, b->id) == 0;
}

static bool is_duplicate(const struct weft_sup_config *config, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (same_id(&config->children[i], &config->children[index])) return true;
    return false;
}

static const char *id_of(const struct weft_child_spec *spec) {
    return spec->id != NULL ? spec->id : "";
}

/* All but duplicates. */
static int check_each(const struct weft_sup_config *config, struct weft_reason *why) {
    const char *problem = flags_problem(config);
    if (problem != NULL) return say(why, NULL, problem);
    if (config->children_count > WEFT_CHILDREN_MAX) return WEFT_ERR_FULL;
    for (size_t i = 0; i < config->children_count; i++) {
        const struct weft_child_spec *spec = &config->children[i];
        problem = weft_otp__spec_problem(spec, config->auto_shutdown);
        if (problem != NULL) return say(why, id_of(spec), problem);
    }
    return WEFT_OK;
}

int weft_sup_check(const struct weft_sup_config *config, struct weft_reason *why) {
    WEFT_ASSERT(config != NULL);
    int rv = check_each(config, why);
    for (size_t i = 0; rv == WEFT_OK && i < config->children_count; i++)
        if (is_duplicate(config, i)) rv = say(why, id_of(&config->children[i]), DUPLICATE);
    return rv;
}

void weft_otp__sup_configure(weft_self *self, const struct weft_sup_config *config) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(flags_problem(config) == NULL);
    sup->strategy = config->strategy;
    sup->auto_shutdown = config->auto_shutdown;
    sup->intensity = config->intensity;
    if (sup->intensity == 0 && !config->intensity_zero) sup->intensity = 1;
    sup->period = config->period != 0 ? config->period : WEFT_S(5);
    weft_otp__backoff_configure(sup, config);
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_UP, weft_bytes(NULL, 0), self->pid.raw,
               sup->strategy, sup->intensity, (uint64_t)sup->period, sup->auto_shutdown);
}

/* --- init --- */

static void state_init(weft_self *self, struct sup *sup) {
    struct weft_env *env = weft_self_env(self);
    WEFT_ASSERT(sup->children_count == 0);
    weft_otp__sup_table_init(sup);
    weft_list_init(&sup->specs);
    weft_list_init(&sup->requests);
    env->entropy->fill(env, &sup->key, sizeof sup->key);
    weft_otp__map_init(&sup->ids, weft_self_mem(self));
    weft_otp__map_init(&sup->contents, weft_self_mem(self));
}

static int add_all(weft_self *self, struct sup *sup, const struct weft_sup_config *config) {
    struct spec *spec;
    struct child *child;
    if (config->strategy == WEFT_SIMPLE_ONE_FOR_ONE)
        return weft_otp__spec_get(self, &config->children[0], &sup->template);
    for (size_t i = 0; i < config->children_count; i++) {
        const struct weft_child_spec *wanted = &config->children[i];
        if (weft_otp__spec_by_id(sup, id_of(wanted)) != NULL) {
            struct weft_reason why;
            int error = say(&why, id_of(wanted), DUPLICATE);
            weft_stop(self, &why);
            return error;
        }
        int rv = weft_otp__spec_get(self, wanted, &spec);
        if (rv == WEFT_OK) rv = weft_otp__child_new(self, spec, &child);
        if (rv != WEFT_OK) return rv;
    }
    return WEFT_OK;
}

static void fail(weft_self *self, const char *id, int error) {
    const struct weft_reason *cause = weft_last_reason(self);
    struct weft_reason why =
        weft_reason_text(WEFT_REASON_START, error, "child %s: %s %d: %s", id,
                         weft_reason_name(cause->kind), cause->code, cause->text);
    weft_stop(self, &why);
}

static int start_all(weft_self *self, struct sup *sup) {
    uint32_t next;
    for (uint32_t at = sup->children.first; at != CHILD_NONE; at = next) {
        struct child *child = weft_otp__child_at(sup, at);
        struct start start = {.arg = child->spec->the.arg};
        next = child->order.next;
        int rv = weft_otp__child_start(self, child, &start);
        if (rv != WEFT_OK) {
            fail(self, child->spec->the.id, rv);
            weft_otp__sup_undo(self);
            return rv;
        }
        bool ignored = child->state == CHILD_DOWN;
        if (ignored && child->spec->the.restart == WEFT_TEMPORARY)
            weft_otp__child_free(self, child);
    }
    return WEFT_OK;
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct sup *sup = weft_state(self);
    struct weft_sup_config config;
    struct weft_reason why;
    if (arg.size != sizeof config) return WEFT_ERR_INVAL;
    memcpy(&config, arg.data, sizeof config);
    weft_trap_exit(self, true);
    weft_trap_parent_exit(self, true);
    state_init(self, sup);
    int rv = check_each(&config, &why);
    if (rv == WEFT_ERR_INVAL) weft_stop(self, &why);
    if (rv != WEFT_OK) return rv;
    weft_otp__sup_configure(self, &config);
    rv = add_all(self, sup, &config);
    return rv == WEFT_OK ? start_all(self, sup) : rv;
}

/* --- messages --- */

static void ended(weft_self *self, struct child *child, const struct weft_reason *why) {
    struct sup *sup = weft_state(self);
    if (child == sup->stopping) {
        weft_otp__sup_stopped(self, why);
    } else if (sup->op == OP_END && sup->template != NULL) {
        weft_otp__parallel_ended(self, child, why);
    } else if (sup->op == OP_NONE) {
        weft_otp__sup_death(self, child, why);
    } else if (child->state == CHILD_UP) {
        weft_otp__sup_note_death(self, child, why);
    }
}

static void on_exit(weft_self *self, const struct weft_msg *msg) {
    const struct sup *sup = weft_state(self);
    if (weft_pid_equal(msg->from, weft_self_parent(self))) {
        weft_otp__sup_begin_end(self, msg->reason, WEFT_SUP_TOLD);
        return;
    }
    struct child *child = weft_otp__child_by_tag(sup, msg->tag, msg->from);
    /* An EXIT that a living child sent is not its end. */
    if (child != NULL && !weft_alive(self, child->pid)) ended(self, child, msg->reason);
}

/* Only those being stopped are monitored: one after the other, or with their tag. */
static void on_down(weft_self *self, const struct weft_msg *msg) {
    struct sup *sup = weft_state(self);
    if (sup->stopping != NULL && msg->ref == sup->stop_monitor) {
        sup->stop_monitor = 0;
        weft_otp__sup_stopped(self, msg->reason);
    } else if (sup->op == OP_END && sup->template != NULL) {
        struct child *child = weft_otp__child_by_tag(sup, msg->tag, msg->from);
        if (child != NULL) weft_otp__parallel_ended(self, child, msg->reason);
    }
}

static void on_call(weft_self *self, const struct weft_msg *msg) {
    const struct sup *sup = weft_state(self);
    struct request request = {.call = weft_call_of(msg), .tag = msg->tag, .data = msg->data};
    if (sup->op == OP_NONE) {
        weft_otp__sup_request(self, &request);
    } else {
        weft_otp__sup_request_later(self, &request);
    }
}

static void on_cast(weft_self *self, const struct weft_msg *msg) {
    struct sup *sup = weft_state(self);
    if (!weft_pid_equal(msg->from, self->pid)) return;
    if (msg->tag == SUP_RETRY) sup->retries_due++;
    if (msg->tag == SUP_GO_ON) weft_otp__sup_go_on(self);
}

static void on_waited(weft_self *self, const struct weft_msg *msg) {
    const struct sup *sup = weft_state(self);
    uint32_t index;
    WEFT_ASSERT(msg->data.size == sizeof index);
    memcpy(&index, msg->data.data, sizeof index);
    struct child *child = weft_otp__child_at(sup, index);
    WEFT_ASSERT(child->state == CHILD_WAITING);
    WEFT_ASSERT(child->timer == msg->ref);
    weft_otp__child_set_state(self, child, CHILD_WAITED);
}

static void on_timer(weft_self *self, const struct weft_msg *msg) {
    const struct sup *sup = weft_state(self);
    if (msg->tag == SUP_WAITED) {
        on_waited(self, msg);
    } else if (sup->stop_timer != 0 && msg->ref == sup->stop_timer) {
        weft_otp__sup_stop_late(self);
    }
}

static void on_message(weft_self *self, const struct weft_msg *msg) {
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
        on_down(self, msg);
        break;
    case WEFT_MSG_TIMER:
        on_timer(self, msg);
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
