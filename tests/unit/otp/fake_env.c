/* The world of the tests of processes. */
#include "tests/unit/otp/fake_env.h"

#include "core/base/assert.h"
#include "core/base/rand.h"
#include "core/posix/guard.h"

#include <stdarg.h>
#include <stdio.h>

struct world world;
bool world_far;
bool world_pooled;

#define NAMES_MAX 8192

static struct {
    weft_pid pid;
    char name[16];
} names[NAMES_MAX];
static size_t names_count;

/* --- env --- */

static weft_time fake_monotonic(struct weft_env *env) {
    (void)env;
    return world.now;
}

static int64_t fake_wall(struct weft_env *env) {
    (void)env;
    return 0;
}

static void fake_fill(struct weft_env *env, void *out, size_t size) {
    unsigned char *bytes = out;
    (void)env;
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)weft_draw(1, 2, 3, world.entropy++);
}

static bool must_fail(void) {
    world.allocs++;
    return world.allocs == world.alloc_fail;
}

static void *fake_alloc(struct weft_mem *mem, size_t size) {
    (void)mem;
    return must_fail() ? NULL : weft_mem_alloc(&world.heap.base, size);
}

static void *fake_resize(struct weft_mem *mem, void *ptr, size_t old_size, size_t size) {
    (void)mem;
    return must_fail() ? NULL : weft_mem_resize(&world.heap.base, ptr, old_size, size);
}

static void fake_free(struct weft_mem *mem, void *ptr, size_t size) {
    (void)mem;
    weft_mem_free(&world.heap.base, ptr, size);
}

static int fake_open(uint64_t owner, weft_socket *out) {
    if (world.open_error != WEFT_OK) return world.open_error;
    WEFT_ASSERT(world.sockets_count < WORLD_SOCKETS - 1);
    *out = ++world.sockets_count;
    world.sockets[*out] = (struct fake_socket){.owner = owner, .open = true};
    return WEFT_OK;
}

static int fake_datagram_open(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                              weft_socket *out) {
    (void)env;
    if (local->port == 0) local->port = 4000;
    return fake_open(owner, out);
}

static int fake_stream_listen(struct weft_env *env, struct weft_addr *local, int backlog,
                              uint64_t owner, weft_socket *out) {
    (void)env;
    (void)backlog;
    if (local->port == 0) local->port = 4001;
    return fake_open(owner, out);
}

static int fake_stream_connect(struct weft_env *env, const struct weft_addr *to, uint64_t owner,
                               weft_socket *out) {
    (void)env;
    (void)to;
    return fake_open(owner, out);
}

static void fake_own(struct weft_env *env, weft_socket socket, uint64_t owner) {
    (void)env;
    WEFT_ASSERT(world.sockets[socket].open);
    world.sockets[socket].owner = owner;
}

static void shut(weft_socket socket, const char *how) {
    WEFT_ASSERT(world.sockets[socket].open);
    world.sockets[socket].open = false;
    if (world.log_net) note("%s %llu", how, (unsigned long long)socket);
}

static void fake_close(struct weft_env *env, weft_socket socket) {
    (void)env;
    shut(socket, "close");
}

static void fake_abort(struct weft_env *env, weft_socket socket) {
    (void)env;
    shut(socket, "abort");
}

static void fake_emit(struct weft_env *env, const struct weft_trace_event *event) {
    (void)env;
    if (world.traces_count == WORLD_TRACES) world.traces_count = 0;
    struct fake_trace *trace = &world.traces[world.traces_count++];
    memset(trace, 0, sizeof *trace);
    trace->kind = event->kind;
    memcpy(trace->number, event->number, sizeof trace->number);
    size_t size = event->bytes.size < sizeof trace->text ? event->bytes.size : 0;
    if (size > 0) memcpy(trace->text, event->bytes.data, size);
}

static const struct weft_clock_ops clock_ops = {fake_monotonic, fake_wall};
static const struct weft_entropy_ops entropy_ops = {.fill = fake_fill};
static const struct weft_net_ops net_ops = {.datagram_open = fake_datagram_open,
                                            .stream_listen = fake_stream_listen,
                                            .stream_connect = fake_stream_connect,
                                            .own = fake_own,
                                            .close = fake_close,
                                            .abort = fake_abort};
static const struct weft_trace_ops trace_ops = {fake_emit};

/* --- log and trace --- */

void note(const char *format, ...) {
    char *at = world.log + world.log_size;
    size_t room = sizeof world.log - world.log_size;
    if (room < 512) return;
    if (world.log_size > 0) {
        memcpy(at, ", ", 3);
        at += 2;
        room -= 2;
    }
    va_list args;
    va_start(args, format);
    int length = vsnprintf(at, room, format, args);
    va_end(args);
    world.log_size = (size_t)(at - world.log) + (size_t)length;
}

int world_log_clear(void) {
    world.log[0] = '\0';
    world.log_size = 0;
    return 0;
}

size_t traced(enum weft_trace_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < world.traces_count; i++) count += world.traces[i].kind == kind;
    return count;
}

const struct fake_trace *traced_last(enum weft_trace_kind kind) {
    for (size_t i = world.traces_count; i > 0; i--)
        if (world.traces[i - 1].kind == kind) return &world.traces[i - 1];
    return NULL;
}

const char *why_text(const struct weft_reason *why) {
    static char text[64];
    snprintf(text, sizeof text, "%s/%d", weft_reason_name(why->kind), why->code);
    return text;
}

void name_pid(weft_pid pid, const char *name) {
    WEFT_ASSERT(names_count < NAMES_MAX);
    names[names_count].pid = pid;
    snprintf(names[names_count].name, sizeof names[0].name, "%s", name);
    names_count++;
}

const char *name_of(weft_pid pid) {
    if (weft_pid_is_none(pid)) return "-";
    for (size_t i = names_count; i > 0; i--)
        if (weft_pid_equal(names[i - 1].pid, pid)) return names[i - 1].name;
    return "?";
}

/* --- probes --- */

struct probe {
    char name[16];
};

#define TAG_DO 0xd0

struct order {
    void (*fn)(weft_self *self);
};

static int probe_init(weft_self *self, struct weft_bytes arg) {
    struct probe *state = weft_state(self);
    struct probe_arg given;
    memcpy(&given, arg.data, sizeof given);
    snprintf(state->name, sizeof state->name, "%s", given.name);
    name_pid(weft_self_pid(self), given.name);
    weft_trap_exit(self, given.options & (PROBE_TRAP | PROBE_SLOW));
    weft_trap_parent_exit(self, given.options & PROBE_SLOW);
    return given.init != NULL ? given.init(self) : WEFT_OK;
}

void probe_note(weft_self *self, const char *name, const struct weft_msg *msg) {
    (void)self;
    const char *from = name_of(msg->from);
    int size = (int)msg->data.size;
    const char *data = size > 0 ? (const char *)msg->data.data : "";
    const char *gap = size > 0 ? " " : "";
    switch (msg->kind) {
    case WEFT_MSG_CAST:
        note("%s cast %s %u%s%.*s", name, from, msg->tag, gap, size, data);
        break;
    case WEFT_MSG_CALL:
        note("%s call %s %u%s%.*s", name, from, msg->tag, gap, size, data);
        break;
    case WEFT_MSG_REPLY:
        note("%s reply %s %s%s%.*s", name, from, weft_error_name(msg->status), gap, size, data);
        break;
    case WEFT_MSG_EXIT:
        note("%s exit %s %s", name, from, why_text(msg->reason));
        break;
    case WEFT_MSG_DOWN:
        note("%s down %s %s", name, from, why_text(msg->reason));
        break;
    case WEFT_MSG_TIMER:
        note("%s timer %u%s%.*s", name, msg->tag, gap, size, data);
        break;
    case WEFT_MSG_EVENT:
        note("%s event %d of %llu", name, (int)msg->event->kind,
             (unsigned long long)msg->event->socket);
        break;
    }
}

static void probe_handle(weft_self *self, const struct weft_msg *msg) {
    struct probe *state = weft_state(self);
    if (msg->kind == WEFT_MSG_CAST && msg->tag == TAG_DO) {
        struct order order;
        memcpy(&order, msg->data.data, sizeof order);
        order.fn(self);
        return;
    }
    probe_note(self, state->name, msg);
}

static void probe_terminate(weft_self *self, const struct weft_reason *why) {
    struct probe *state = weft_state(self);
    note("%s terminate %s", state->name, why_text(why));
}

WEFT_PROCESS(probe_v1, .name = "probe", .version = 1, .state_size = sizeof(struct probe),
             .init = probe_init, .handle = probe_handle, .terminate = probe_terminate);

static struct {
    const char *name;
    unsigned options;
    weft_pid pid;
    int rv;
} starting;

static void start_probe(weft_self *self) {
    struct probe_arg arg = {.name = starting.name, .options = starting.options};
    struct weft_spawn spawn = {.behaviour = &probe_v1,
                               .arg = weft_bytes(&arg, sizeof arg),
                               .name = starting.options & PROBE_NAME ? starting.name : NULL,
                               .link = (starting.options & PROBE_LINK) != 0};
    starting.rv = weft_spawn(self, &spawn, &starting.pid);
}

weft_pid probe_of(weft_pid parent, const char *name, unsigned options) {
    starting.name = name;
    starting.options = options;
    starting.rv = WEFT_ERR_NO_PROC;
    in(parent, start_probe);
    CHECK_EQ_INT(starting.rv, WEFT_OK);
    return starting.pid;
}

weft_pid probe(const char *name, unsigned options) {
    if (!world_far) return probe_of(world.root, name, options);
    return probe_of(world.roots[++world.probes % WORLD_SCHEDS], name, options);
}

static struct weft_sched *sched_of(weft_pid pid) {
    return world_far ? world.scheds[weft_pid_sched(pid)] : world.sched;
}

void in_later(weft_pid pid, void (*fn)(weft_self *self)) {
    struct order order = {fn};
    uint64_t allocs = world.allocs; /* the order itself does not count and does not fail */
    world.allocs = UINT64_MAX / 2;
    CHECK_EQ_INT(weft_sched_send(sched_of(pid), pid, TAG_DO, weft_bytes(&order, sizeof order)),
                 WEFT_OK);
    world.allocs = allocs;
}

void in(weft_pid pid, void (*fn)(weft_self *self)) {
    in_later(pid, fn);
    settle();
}

/* --- world --- */

static uint32_t scheds_count(void) { return world_far ? WORLD_SCHEDS : 1; }
weft_duration world_handler_max;
const struct weft_order_ops *world_order;

void world_open_bare(void) {
    static const struct weft_mem_ops mem_ops = {fake_alloc, fake_resize, fake_free};
    weft_posix_guard_install();
    memset(&world, 0, sizeof world);
    names_count = 0;
    weft_mem_heap_init(&world.heap, 0);
    world.mem = (struct weft_mem){&mem_ops};
    world.now = WEFT_S(1000);
    world.env = (struct weft_env){.clock = &clock_ops,
                                  .entropy = &entropy_ops,
                                  .net = &net_ops,
                                  .guard = &weft_posix_guard,
                                  .order = world_order,
                                  .trace = &trace_ops,
                                  .trace_mask = WEFT_TRACE_ALL,
                                  .mem = &world.mem,
                                  .node = 1};
    struct weft_sched_config config = {.plain_memory = !world_pooled,
                                       .handler_max = world_handler_max};
    if (world_far) {
        struct weft_hub_config hub = {.mem = &world.mem, .schedulers = WORLD_SCHEDS};
        CHECK_EQ_INT(weft_hub_new(&hub, &world.hub), WEFT_OK);
        config.hub = world.hub;
    }
    for (uint32_t i = 0; i < scheds_count(); i++) {
        config.index = i;
        CHECK_EQ_INT(weft_sched_new(&world.env, &config, &world.scheds[i]), WEFT_OK);
    }
    world.sched = world.scheds[0];
}

void world_open(void) {
    world_open_bare();
    struct probe_arg arg = {.name = "root", .options = PROBE_TRAP};
    struct weft_spawn spawn = {.behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg)};
    for (uint32_t i = 0; i < scheds_count(); i++)
        CHECK_EQ_INT(weft_sched_start(world.scheds[i], &spawn, &world.roots[i], NULL), WEFT_OK);
    world.root = world.roots[0];
}

void world_close(void) {
    world.log_net = false;
    world.alloc_fail = 0;
    for (uint32_t i = 0; i < scheds_count(); i++) weft_sched_free(world.scheds[i]);
    if (world_far) weft_hub_free(world.hub);
    CHECK_EQ_UINT(world.heap.bytes, 0);
    CHECK_EQ_UINT(world.heap.blocks, 0);
    for (size_t i = 1; i <= world.sockets_count; i++) CHECK(!world.sockets[i].open);
    CHECK_LOG("");
}

static bool settle_far(void) {
    bool more = false;
    for (uint32_t i = 0; i < WORLD_SCHEDS; i++) {
        more = weft_sched_run(world.scheds[i], 1000) || more;
        more = weft_sched_next_at(world.scheds[i]) <= world.now || more;
    }
    return more || !weft_hub_sleep(world.hub, 0);
}

void settle(void) {
    if (world_far) {
        for (int i = 0; settle_far(); i++) REQUIRE(i < 100000);
        return;
    }
    for (int i = 0; weft_sched_run(world.sched, 1000); i++) REQUIRE(i < 100000);
}

static weft_time next_at(void) {
    weft_time at = WEFT_TIME_NEVER;
    for (uint32_t i = 0; i < scheds_count(); i++)
        at = weft_time_min(at, weft_sched_next_at(world.scheds[i]));
    return at;
}

void pass(weft_duration duration) {
    weft_time end = world.now + duration;
    settle();
    for (weft_time at; (at = next_at()) <= end;) {
        world.now = weft_time_max(at, world.now);
        settle();
    }
    world.now = end;
}

struct seeking {
    weft_pid pid;
    bool found;
};

static void seek(void *ctx, const struct weft_proc_info *info) {
    struct seeking *seeking = ctx;
    if (weft_pid_equal(info->pid, seeking->pid)) seeking->found = true;
}

bool alive(weft_pid pid) {
    struct seeking seeking = {.pid = pid};
    weft_sched_each(sched_of(pid), seek, &seeking);
    return seeking.found;
}

struct weft_sched_stats stats(void) {
    struct weft_sched_stats now, other;
    weft_sched_stats(world.sched, &now);
    for (uint32_t i = 1; i < scheds_count(); i++) {
        weft_sched_stats(world.scheds[i], &other);
        now.procs += other.procs;
        now.timers += other.timers;
        now.exited += other.exited;
        now.spawned += other.spawned;
    }
    return now;
}

static void stop_with(weft_self *self, enum weft_reason_kind kind, int32_t code) {
    struct weft_reason why = weft_reason(kind, code);
    weft_stop(self, &why);
}

void stop_normal(weft_self *self) { stop_with(self, WEFT_REASON_NORMAL, 0); }
void stop_boom(weft_self *self) { stop_with(self, WEFT_REASON_ERROR, 7); }
void stop_kill(weft_self *self) { stop_with(self, WEFT_REASON_KILL, 0); }

void fault_assert(weft_self *self) {
    int one = weft_self_pid(self).raw != 0;
    WEFT_ASSERT(one == 2);
}
