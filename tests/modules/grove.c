/* Grove: an application that plants supervision trees at random and breaks them at random: deaths
 * of every kind, failing and refusing starts, slow ends, requests at the wrong moment. All of it
 * is drawn from the node's entropy, so a seed gives one grove. What supervisors then do is judged
 * by the checks `supervised`, `no_orphan` and `no_leak`, which know nothing of this file.
 *
 * Supervisors are not killed here but by a scenario's faults: the children of one that was killed
 * take their time to end, and a scenario must leave it to them before its nodes stop.
 *
 *     grove (one_for_one)
 *     |-- beds      (one_for_one) the trees
 *     `-- gardener  plants in the beds, pulls out, kills
 *
 * Built several times: GROVE_VERSION 1; 2 has a larger leaf and migrates it; 3 is 2 with a leaf
 * that faults at its first message. */
#include "core/base/assert.h"
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"

#ifdef WEFT_UBSAN /* its checks would end the program first */
#define REAL_FAULT __attribute__((noinline, no_sanitize("undefined", "address")))
#else
#define REAL_FAULT
#endif

#define LEAVES_KNOWN 64
#define SUPS_KNOWN 32

enum tag { TAG_DIE = 1, TAG_SLOW_END, TAG_WAKE, TAG_CHAT };

static uint32_t draw(weft_self *self, uint32_t bound) {
    struct weft_env *env = weft_self_env(self);
    uint32_t value;
    env->entropy->fill(env, &value, sizeof value);
    return value % bound;
}

/* --- leaf: a worker that ends one day --- */

struct leaf {
    uint64_t heard;
    bool slow, stuck;
#if GROVE_VERSION >= 2
    uint64_t since_upgrade;
    unsigned char rings[40];
#endif
};

static const char *const names[] = {"oak", "elm", "ash", "fir", "yew", "fig", "bay", "box"};
#define NAMES (sizeof names / sizeof names[0])

static uint32_t overflow(volatile uint32_t depth) {
    volatile unsigned char room[4096];
    room[depth % sizeof room] = (unsigned char)depth;
    if (depth == UINT32_MAX) return 0;
    return overflow(depth + 1) + room[0];
}

static void stop(weft_self *self, enum weft_reason_kind kind, int32_t code) {
    struct weft_reason why = weft_reason(kind, code);
    weft_stop(self, &why);
}

static void kill_self(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, weft_self_pid(self), &why);
}

static void fault_assert(weft_self *self) { WEFT_ASSERT(self == NULL); }

REAL_FAULT static void fault_memory(weft_self *self) {
    volatile uint32_t *volatile nowhere = (volatile uint32_t *)(uintptr_t)(draw(self, 1) * 8);
    *nowhere = 1;
}

static void fault_stack(weft_self *self) { (void)overflow(draw(self, 2)); }

static void end_in_some_way(weft_self *self) {
    switch (draw(self, 12)) {
    case 0:
    case 1:
        stop(self, WEFT_REASON_NORMAL, 0);
        break;
    case 2:
        stop(self, WEFT_REASON_SHUTDOWN, (int32_t)draw(self, 2));
        break;
    case 3:
    case 4:
    case 5:
        stop(self, WEFT_REASON_ERROR, 7);
        break;
    case 6:
    case 7:
        kill_self(self);
        break;
    case 8:
        fault_memory(self);
        break;
    case 9:
        if (draw(self, 8) == 0) fault_stack(self);
        fault_assert(self);
        break;
    default:
        fault_assert(self);
    }
}

/* 10 ms to 40 s, short lives as often as long ones. */
static weft_duration lifetime(weft_self *self) {
    return WEFT_MS(10) * (INT64_C(1) << draw(self, 13)) + WEFT_US(draw(self, 10000));
}

static void tie_to_another(weft_self *self) {
    weft_pid other = weft_whereis(self, names[draw(self, NAMES)]);
    weft_ref ref;
    if (weft_pid_is_none(other)) return;
    if (draw(self, 3) == 0) (void)weft_link(self, other);
    if (draw(self, 2) == 0) (void)weft_monitor(self, other, &ref);
    if (draw(self, 2) == 0)
        (void)weft_call(self, other, TAG_CHAT, weft_bytes("?", 1), WEFT_MS(200), &ref);
}

static int leaf_init(weft_self *self, struct weft_bytes arg) {
    struct leaf *leaf = weft_state(self);
    (void)arg;
    switch (draw(self, 64)) {
    case 0:
        return WEFT_ERR_IGNORE;
    case 1:
    case 2:
        return WEFT_ERR_IO;
    case 3:
        fault_assert(self);
        break;
    default:
        break;
    }
    weft_trap_exit(self, draw(self, 3) == 0);
    leaf->slow = draw(self, 6) == 0;
    if (leaf->slow) {
        weft_trap_exit(self, true);
        weft_trap_parent_exit(self, true);
    }
    if (draw(self, 4) == 0)
        (void)weft_register(self, names[draw(self, NAMES)], weft_self_pid(self));
    if (draw(self, 4) == 0) tie_to_another(self);
    return weft_timer_start(self, lifetime(self), TAG_DIE, weft_bytes(NULL, 0), NULL);
}

static void leaf_info(weft_self *self, const struct weft_msg *info) {
    struct leaf *leaf = weft_state(self);
    leaf->heard++;
    if (info->kind == WEFT_MSG_TIMER && info->tag == TAG_DIE && !leaf->stuck) end_in_some_way(self);
    if (info->kind == WEFT_MSG_TIMER && info->tag == TAG_SLOW_END)
        stop(self, WEFT_REASON_SHUTDOWN, 0);
    bool from_parent = weft_pid_equal(info->from, weft_self_parent(self));
    if (info->kind != WEFT_MSG_EXIT || !leaf->slow || !from_parent) return;
    leaf->stuck = draw(self, 8) == 0 && weft_alive(self, info->from); /* until it is killed */
    if (!leaf->stuck)
        (void)weft_timer_start(self, WEFT_MS(draw(self, 7000)), TAG_SLOW_END, weft_bytes(NULL, 0),
                               NULL);
}

static void leaf_call(weft_self *self, const struct weft_msg *call) {
    struct leaf *leaf = weft_state(self);
#if GROVE_VERSION >= 2
    leaf->since_upgrade++;
#endif
#if GROVE_VERSION == 3
    fault_assert(self);
#endif
    leaf->heard++;
    if (draw(self, 4) != 0) weft_reply_now(self, call, &leaf->heard, sizeof leaf->heard);
}

#if GROVE_VERSION >= 2
struct leaf_1 {
    uint64_t heard;
    bool slow, stuck;
};

static int leaf_code_change(weft_self *self, const struct weft_code_change *change) {
    (void)self;
    if (change->direction == WEFT_CODE_UP) {
        const struct leaf_1 *old = change->old_state;
        struct leaf *leaf = change->new_state;
        leaf->heard = old->heard;
        leaf->slow = old->slow;
        leaf->stuck = old->stuck;
    } else {
        const struct leaf *old = change->old_state;
        struct leaf_1 *leaf = change->new_state;
        leaf->heard = old->heard;
        leaf->slow = old->slow;
        leaf->stuck = old->stuck;
    }
    return WEFT_OK;
}
#define LEAF_CODE_CHANGE .code_change = leaf_code_change,
#else
#define LEAF_CODE_CHANGE
#endif

static WEFT_GEN_SERVER(leaf_behaviour, .name = "leaf", .version = GROVE_VERSION,
                       LEAF_CODE_CHANGE.state_size = sizeof(struct leaf), .init = leaf_init,
                       .handle_info = leaf_info, .handle_call = leaf_call);

/* --- trees --- */

static const struct weft_child_spec mixed[] = {
    {.id = "p", .behaviour = &leaf_behaviour, .shutdown = WEFT_S(1)},
    {.id = "t", .behaviour = &leaf_behaviour, .restart = WEFT_TRANSIENT, .shutdown = WEFT_MS(200)},
    {.id = "o", .behaviour = &leaf_behaviour, .restart = WEFT_TEMPORARY},
    {.id = "k", .behaviour = &leaf_behaviour, .shutdown = WEFT_BRUTAL_KILL},
};

static const struct weft_child_spec significant[] = {
    {.id = "s", .behaviour = &leaf_behaviour, .restart = WEFT_TRANSIENT, .significant = true},
    {.id = "u", .behaviour = &leaf_behaviour, .restart = WEFT_TEMPORARY, .significant = true},
    {.id = "p", .behaviour = &leaf_behaviour},
};

static const struct weft_child_spec template[] = {
    {.id = "l", .behaviour = &leaf_behaviour, .restart = WEFT_TRANSIENT, .shutdown = WEFT_S(2)},
};

static struct weft_sup_config any_config(weft_self *self) {
    struct weft_sup_config config = {.strategy = (enum weft_strategy)draw(self, 3),
                                     .intensity = draw(self, 6),
                                     .period = WEFT_S(1 + draw(self, 10))};
    config.intensity_zero = config.intensity == 0;
    switch (draw(self, 5)) {
    case 0:
        config.children = mixed;
        config.children_count = sizeof mixed / sizeof mixed[0];
        break;
    case 1:
        config.children = significant;
        config.children_count = sizeof significant / sizeof significant[0];
        config.auto_shutdown =
            draw(self, 2) ? WEFT_AUTO_ANY_SIGNIFICANT : WEFT_AUTO_ALL_SIGNIFICANT;
        break;
    case 2:
        config.strategy = WEFT_SIMPLE_ONE_FOR_ONE;
        config.children = template;
        config.children_count = 1;
        break;
    default:
        break;
    }
    if (draw(self, 4) == 0) {
        config.backoff_first = WEFT_MS(1 + draw(self, 500));
        config.backoff_jitter = draw(self, 50);
    }
    return config;
}

/* --- gardener --- */

struct gardener {
    weft_pid sups[SUPS_KNOWN];
    weft_pid leaves[LEAVES_KNOWN];
};

static weft_pid some_sup(weft_self *self) {
    struct gardener *gardener = weft_state(self);
    weft_pid sup = gardener->sups[draw(self, SUPS_KNOWN)];
    return weft_pid_is_none(sup) || draw(self, 4) == 0 ? weft_whereis(self, "beds") : sup;
}

static weft_pid some_leaf(weft_self *self) {
    const struct gardener *gardener = weft_state(self);
    return gardener->leaves[draw(self, LEAVES_KNOWN)];
}

static const char *const ids[] = {"a", "b", "c", "d", "p", "t", "s", ""};
#define IDS (sizeof ids / sizeof ids[0])

static void plant(weft_self *self) {
    weft_ref ref;
    struct weft_sup_config config = any_config(self);
    struct weft_child_spec spec = {.id = ids[draw(self, IDS)],
                                   .restart = (enum weft_restart)draw(self, 3),
                                   .behaviour = &leaf_behaviour};
    if (draw(self, 3) == 0) {
        spec.behaviour = &weft_supervisor;
        spec.arg = weft_bytes(&config, sizeof config);
    } else if (draw(self, 2) == 0) {
        spec.shutdown = draw(self, 2) ? WEFT_BRUTAL_KILL : WEFT_MS(50 + draw(self, 2000));
    }
    if (spec.restart != WEFT_PERMANENT) spec.significant = draw(self, 8) == 0;
    (void)weft_sup_start_child(self, some_sup(self), &spec, &ref);
}

static void send_exit(weft_self *self, weft_pid to, bool may_kill) {
    static const enum weft_reason_kind kinds[] = {WEFT_REASON_SHUTDOWN, WEFT_REASON_ERROR,
                                                  WEFT_REASON_NORMAL, WEFT_REASON_KILL};
    struct weft_reason why = weft_reason(kinds[draw(self, may_kill ? 4 : 3)], 0);
    if (!weft_pid_is_none(to)) weft_exit(self, to, &why);
}

static void ask_something(weft_self *self) {
    weft_ref ref;
    const char *id = ids[draw(self, IDS)];
    switch (draw(self, 6)) {
    case 0:
        (void)weft_sup_terminate_child(self, some_sup(self), id, &ref);
        break;
    case 1:
        (void)weft_sup_restart_child(self, some_sup(self), id, &ref);
        break;
    case 2:
        (void)weft_sup_delete_child(self, some_sup(self), id, &ref);
        break;
    case 3:
        (void)weft_sup_terminate_pid(self, some_sup(self), some_leaf(self), &ref);
        break;
    case 4:
        (void)weft_sup_start_simple(self, some_sup(self), weft_bytes(NULL, 0), &ref);
        break;
    default:
        (void)weft_sup_count_children(self, some_sup(self), &ref);
    }
}

static void act(weft_self *self) {
    weft_ref ref;
    switch (draw(self, 10)) {
    case 0:
    case 1:
    case 2:
        plant(self);
        break;
    case 3:
        send_exit(self, some_leaf(self), true);
        break;
    case 4:
        if (draw(self, 4) == 0) send_exit(self, some_sup(self), false);
        break;
    case 5:
        if (!weft_pid_is_none(some_leaf(self)))
            (void)weft_call(self, some_leaf(self), TAG_CHAT, weft_bytes("?", 1), WEFT_MS(50), &ref);
        break;
    case 6:
        (void)weft_sup_children_page(self, some_sup(self), 0, &ref);
        break;
    case 7:
        if (draw(self, 20) == 0) end_in_some_way(self);
        break;
    default:
        ask_something(self);
    }
}

/* Learn from what a supervisor tells of its children. */
static void learn(weft_self *self, struct weft_bytes data) {
    struct gardener *gardener = weft_state(self);
    struct weft_children_page page;
    if (data.size < sizeof page) return;
    memcpy(&page, data.data, sizeof page);
    for (uint32_t i = 0; i < page.count; i++) {
        struct weft_child_info info;
        if (data.size < sizeof page + (i + 1) * sizeof info) return;
        memcpy(&info, data.data + sizeof page + i * sizeof info, sizeof info);
        if (info.is_supervisor) {
            gardener->sups[draw(self, SUPS_KNOWN)] = info.pid;
        } else {
            gardener->leaves[draw(self, LEAVES_KNOWN)] = info.pid;
        }
    }
}

static void wake_later(weft_self *self) {
    int rv =
        weft_timer_start(self, WEFT_MS(5 + draw(self, 150)), TAG_WAKE, weft_bytes(NULL, 0), NULL);
    WEFT_ASSERT(rv == WEFT_OK);
}

static int gardener_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    wake_later(self);
    return WEFT_OK;
}

static void gardener_info(weft_self *self, const struct weft_msg *info) {
    if (info->kind == WEFT_MSG_TIMER) {
        wake_later(self);
        act(self);
    }
    if (info->kind == WEFT_MSG_REPLY && info->status == WEFT_OK && info->data.size > 64)
        learn(self, info->data);
}

static WEFT_GEN_SERVER(gardener_behaviour, .name = "gardener", .version = GROVE_VERSION,
                       .state_size = sizeof(struct gardener), .init = gardener_init,
                       .handle_info = gardener_info);

static const struct weft_sup_config beds = {.intensity = 4, .period = WEFT_S(5)};

static WEFT_APPLICATION(grove, .version = "1", .intensity = 1000, .period = WEFT_S(1),
                        .children = {{.id = "beds",
                                      .name = "beds",
                                      .behaviour = &weft_supervisor,
                                      .arg = {(const unsigned char *)&beds, sizeof beds}},
                                     {.id = "gardener", .behaviour = &gardener_behaviour}});

static const struct weft_behaviour *const behaviours[] = {&leaf_behaviour, &gardener_behaviour};
WEFT_MODULE(.name = "grove", .version = GROVE_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &grove);
