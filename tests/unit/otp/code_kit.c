#include "tests/unit/otp/code_kit.h"

#include "core/otp/internal.h"

#include <stdio.h>
#include <stdlib.h>

enum kit_change kit_change;
weft_pid kit_change_of;
int kit_init_fault;
uint32_t kit_disorder, kit_loaded;
struct weft_code_change kit_told;
char kit_extra[32];
struct weft_code_text why;

static uint32_t sent[KIT_SENDERS][WORLD_SOCKETS];

/* --- kv --- */

struct item {
    struct weft_link link;
    uint32_t value;
};

struct kv1 {
    uint32_t count;
    struct weft_link items;
    uint32_t next[KIT_SENDERS];
};

struct kv2 {
    uint64_t generation;
    struct weft_link items;
    uint32_t next[KIT_SENDERS];
    uint32_t count;
    unsigned char more[64];
};

struct kv_view {
    struct weft_link *items;
    uint32_t *next, *count;
};

static struct kv_view view_of(weft_self *self) {
    if (weft_self_behaviour(self)->version == 1) {
        struct kv1 *state = weft_state(self);
        return (struct kv_view){&state->items, state->next, &state->count};
    }
    struct kv2 *state = weft_state(self);
    return (struct kv_view){&state->items, state->next, &state->count};
}

static int kv_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    WEFT_ASSERT(kit_init_fault != (int)weft_self_behaviour(self)->version);
    weft_list_init(view_of(self).items);
    return WEFT_OK;
}

static void kv_take(weft_self *self, const struct weft_msg *msg) {
    struct kv_view view = view_of(self);
    struct kv_add add;
    memcpy(&add, msg->data.data, sizeof add);
    if (view.next[add.sender] != add.seq) kit_disorder++;
    view.next[add.sender] = add.seq + 1;
    struct item *item = weft_alloc(self, sizeof *item);
    if (item == NULL) return;
    item->value = add.seq;
    weft_list_push_back(view.items, &item->link);
    (*view.count)++;
}

static void kv_handle(weft_self *self, const struct weft_msg *msg) {
    bool cast = msg->kind == WEFT_MSG_CAST;
    uint32_t version = weft_self_behaviour(self)->version;
    if (cast && msg->tag == KV_ADD) {
        kv_take(self, msg);
    } else if (cast && msg->tag == KV_FAULT) {
        fault_assert(self);
    } else if (cast && msg->tag == KV_BOOM) {
        if (version == 4) fault_assert(self);
    } else if (cast && msg->tag == KV_TIMER) {
        weft_ref ref;
        CHECK_EQ_INT(weft_timer_start(self, WEFT_S(1), 5, weft_bytes(NULL, 0), &ref), WEFT_OK);
    } else {
        char name[16];
        snprintf(name, sizeof name, "kv%u", version);
        probe_note(self, name, msg);
    }
}

static void kv_terminate(weft_self *self, const struct weft_reason *reason) {
    note("kv%u terminate %s", weft_self_behaviour(self)->version, why_text(reason));
}

static void spoil(weft_self *self, const struct weft_code_change *change) {
    struct weft_link *items = view_of(self).items;
    void *mine = weft_alloc(self, 100);
    memset(mine, 0xee, 100);
    weft_free(self, mine);
    mine = weft_alloc(self, 50);
    struct weft_mem *mem = weft_self_mem(self);
    mine = weft_mem_resize(mem, mine, 50, 500);
    struct weft_link *first = items->next;
    if (first != items) {
        memset((char *)first + sizeof *first, 0xdd, sizeof(uint32_t));
        weft_list_remove(first);
        weft_free(self, first);
    }
    memset(weft_state(self), 0xcc, change->old_size);
    memset(change->new_state, 0xcc, change->new_size);
    fault_assert(self);
}

static int change_as_told(weft_self *self, const struct weft_code_change *change) {
    if (!weft_pid_is_none(kit_change_of) && !weft_pid_equal(kit_change_of, weft_self_pid(self)))
        return WEFT_OK;
    if (kit_change == CHANGE_REFUSE) return WEFT_ERR_UNSUPPORTED;
    if (kit_change == CHANGE_FAULT) fault_assert(self);
    if (kit_change == CHANGE_SPOIL) spoil(self, change);
    if (kit_change == CHANGE_STOP) stop_normal(self);
    return WEFT_OK;
}

static int kv_change(weft_self *self, const struct weft_code_change *change) {
    CHECK_EQ_UINT(change->new_size == 0 || *(unsigned char *)change->new_state == 0, 1);
    kit_told = *change;
    memset(kit_extra, 0, sizeof kit_extra);
    if (change->extra.size > 0) memcpy(kit_extra, change->extra.data, change->extra.size);
    int rv = change_as_told(self, change);
    if (rv != WEFT_OK) return rv;
    if (change->old_size == change->new_size) {
        const struct kv2 *from = change->old_state;
        struct kv2 *to = change->new_state;
        *to = *from;
        to->generation++;
        weft_code_move_list(&from->items, &to->items);
    } else if (change->direction == WEFT_CODE_UP) {
        const struct kv1 *from = change->old_state;
        struct kv2 *to = change->new_state;
        to->generation = 1;
        to->count = from->count;
        memcpy(to->next, from->next, sizeof to->next);
        weft_code_move_list(&from->items, &to->items);
    } else {
        const struct kv2 *from = change->old_state;
        struct kv1 *to = change->new_state;
        to->count = from->count;
        memcpy(to->next, from->next, sizeof to->next);
        weft_code_move_list(&from->items, &to->items);
    }
    return WEFT_OK;
}

#define KV(n, size, change)                                                                        \
    static WEFT_PROCESS(kv_##n, .name = "kv", .version = (n), .state_size = (size),                \
                        .init = kv_init, .handle = kv_handle, .terminate = kv_terminate,           \
                        .code_change = (change));                                                  \
    static WEFT_PROCESS(session_##n, .name = "session", .version = (n), .handle = kv_handle);      \
    static const struct weft_behaviour *const kv_behaviours_##n[] = {&kv_##n, &session_##n}

KV(1, sizeof(struct kv1), NULL);
KV(2, sizeof(struct kv2), kv_change);
KV(3, sizeof(struct kv2), NULL);
KV(4, sizeof(struct kv2), kv_change);
KV(5, sizeof(struct kv2), kv_change);

#define LOG(n)                                                                                     \
    static WEFT_PROCESS(log_##n, .name = "log", .version = (n), .state_size = 8,                   \
                        .handle = kv_handle);                                                      \
    static const struct weft_behaviour *const log_behaviours_##n[] = {&log_##n}
LOG(1);
LOG(2);

#define INFO(name_, n, count)                                                                      \
    {                                                                                              \
        .abi = WEFT_ABI, .name = #name_, .version = (n), .behaviours = name_##_behaviours_##n,     \
        .behaviours_count = (count)                                                                \
    }
static const struct weft_module_info infos[] = {INFO(kv, 1, 2), INFO(kv, 2, 2), INFO(kv, 3, 2),
                                                INFO(kv, 4, 2), INFO(kv, 5, 1), INFO(log, 1, 1),
                                                INFO(log, 2, 1)};

/* --- the loader --- */

#define PATHS_MAX 32

static struct {
    char path[32];
    const struct weft_module_info *info;
} paths[PATHS_MAX];
static size_t paths_count;

struct weft_module {
    const struct weft_module_info *info;
};

void kit_put(const char *path, const struct weft_module_info *info) {
    size_t at = 0;
    while (at < paths_count && strcmp(paths[at].path, path) != 0) at++;
    WEFT_ASSERT(at < PATHS_MAX);
    if (at == paths_count) paths_count++;
    snprintf(paths[at].path, sizeof paths[at].path, "%s", path);
    paths[at].info = info;
}

const struct weft_module_info *kit_module(const char *path) {
    for (size_t i = 0; i < paths_count; i++)
        if (strcmp(paths[i].path, path) == 0) return paths[i].info;
    return NULL;
}

static int kit_load(struct weft_env *env, const char *path, struct weft_module **out, char *words,
                    size_t size) {
    (void)env;
    for (size_t i = 0; i < paths_count; i++) {
        if (strcmp(paths[i].path, path) != 0) continue;
        struct weft_module *module = malloc(sizeof *module);
        WEFT_ASSERT(module != NULL);
        module->info = paths[i].info;
        kit_loaded++;
        *out = module;
        return WEFT_OK;
    }
    snprintf(words, size, "%s: no such file", path);
    return WEFT_ERR_NOT_FOUND;
}

static const void *kit_symbol(struct weft_env *env, struct weft_module *module, const char *name) {
    (void)env;
    return strcmp(name, WEFT_MODULE_SYMBOL) == 0 ? module->info : NULL;
}

static void kit_unload(struct weft_env *env, struct weft_module *module) {
    (void)env;
    kit_loaded--;
    free(module);
}

static const struct weft_loader_ops loader_ops = {kit_load, kit_symbol, kit_unload};

/* --- what tests do --- */

int load(const char *path) { return weft_code_load(world.sched, path, NULL, &why); }

int upgrade(uint32_t version) {
    struct weft_code_upgrade spec = {.module = "kv", .version = version};
    return weft_code_upgrade(world.sched, &spec, &why);
}

void code_open(void) {
    kit_change = CHANGE_WELL;
    kit_change_of = WEFT_PID_NONE;
    kit_init_fault = 0;
    kit_disorder = 0;
    paths_count = 0;
    memset(sent, 0, sizeof sent);
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
        char path[32];
        snprintf(path, sizeof path, "%s%u", infos[i].name, infos[i].version);
        kit_put(path, &infos[i]);
    }
    world_open();
    world.env.loader = &loader_ops;
    CHECK_EQ_INT(load("kv1"), WEFT_OK);
}

static struct {
    const struct weft_behaviour *behaviour;
    weft_pid pid;
} starting;

static void start_it(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = starting.behaviour};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &starting.pid), WEFT_OK);
}

static weft_pid start_as(const struct weft_behaviour *behaviour) {
    starting.behaviour = behaviour;
    in(world.root, start_it);
    return starting.pid;
}

weft_pid kv(void) { return start_as(&kv_1); }
weft_pid logger(void) { return start_as(&log_1); }

uint32_t version_of(weft_pid pid) {
    struct weft_code_which which;
    return weft_code_which(world.sched, pid, &which) == WEFT_OK ? which.version : 0;
}

uint32_t kv_count(weft_pid pid) {
    struct weft_process *proc = weft_otp__find(world.sched, pid);
    WEFT_ASSERT(proc != NULL);
    struct kv_view view = view_of(proc);
    uint32_t count = 0;
    for (struct weft_link *at = view.items->next; at != view.items; at = at->next) {
        CHECK(at->next->prev == at);
        count++;
    }
    CHECK_EQ_UINT(count, *view.count);
    return count;
}

uint32_t kv_generation(weft_pid pid) {
    struct weft_process *proc = weft_otp__find(world.sched, pid);
    WEFT_ASSERT(proc != NULL);
    if (weft_self_behaviour(proc)->version == 1) return 0;
    return (uint32_t)((struct kv2 *)weft_state(proc))->generation;
}

void kv_add(weft_pid pid, uint32_t sender) {
    uint32_t slot = (uint32_t)(pid.raw & 0xffffff) % WORLD_SOCKETS;
    struct kv_add add = {sender, sent[sender][slot]++};
    CHECK_EQ_INT(weft_sched_send(world.sched, pid, KV_ADD, weft_bytes(&add, sizeof add)), WEFT_OK);
}

void cast(weft_pid pid, uint32_t tag) {
    CHECK_EQ_INT(weft_sched_send(world.sched, pid, tag, weft_bytes(NULL, 0)), WEFT_OK);
}

struct counting {
    const char *module;
    uint32_t version, procs;
};

static void count(void *ctx, const struct weft_code_info *info) {
    struct counting *counting = ctx;
    if (strcmp(info->module, counting->module) == 0 && info->version == counting->version)
        counting->procs = info->procs;
}

uint32_t procs_of(const char *module, uint32_t version) {
    struct counting counting = {.module = module, .version = version, .procs = UINT32_MAX};
    weft_code_each(world.sched, count, &counting);
    return counting.procs;
}

struct weft_code_status status_of(const char *module) {
    struct weft_code_status status = {.state = WEFT_CODE_NONE};
    CHECK_EQ_INT(weft_code_status(world.sched, module, &status), WEFT_OK);
    return status;
}
