/* The stage, the judge and the actors. */
#include "tests/conformance/stage.h"

#include "core/base/assert.h"
#include "core/posix/guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SAID_SIZE 4096
#define TAG_ORDER 0x0de5

weft_pid judge;
struct answer answer;

static struct {
    struct weft_env env;
    struct weft_mem_heap heap;
    weft_time now;
    uint64_t entropy;
    struct weft_sched *sched;
    weft_pid stranger;
    const struct weft_module_info *module;
    char said[SAID_SIZE];
    size_t said_size;
} stage;

/* --- env: time that is set, and nothing else --- */

static weft_time stage_monotonic(struct weft_env *env) {
    (void)env;
    return stage.now;
}

static int64_t stage_wall(struct weft_env *env) {
    (void)env;
    return 0;
}

static void stage_fill(struct weft_env *env, void *out, size_t size) {
    unsigned char *bytes = out;
    (void)env;
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(stage.entropy++ * 151);
}

static const struct weft_clock_ops clock_ops = {stage_monotonic, stage_wall};
static const struct weft_entropy_ops entropy_ops = {.fill = stage_fill};

/* Code is already here: a module is what it exports. */
struct weft_module {
    const struct weft_module_info *info;
};

static int stage_load(struct weft_env *env, const char *path, struct weft_module **out, char *why,
                      size_t why_size) {
    (void)path;
    (void)why;
    (void)why_size;
    *out = weft_mem_alloc(env->mem, sizeof **out);
    if (*out == NULL) return WEFT_ERR_NOMEM;
    (*out)->info = stage.module;
    return WEFT_OK;
}

static const void *stage_symbol(struct weft_env *env, struct weft_module *module,
                                const char *name) {
    (void)env;
    return strcmp(name, WEFT_MODULE_SYMBOL) == 0 ? module->info : NULL;
}

static void stage_unload(struct weft_env *env, struct weft_module *module) {
    weft_mem_free(env->mem, module, sizeof *module);
}

static const struct weft_loader_ops loader_ops = {stage_load, stage_symbol, stage_unload};

void stage_module(const struct weft_module_info *info) { stage.module = info; }

/* --- words --- */

void say(const char *format, ...) {
    size_t room = sizeof stage.said - stage.said_size;
    WEFT_ASSERT(room > 256);
    if (stage.said_size > 0) {
        memcpy(stage.said + stage.said_size, ", ", 3);
        stage.said_size += 2;
    }
    va_list args;
    va_start(args, format);
    int length = vsnprintf(stage.said + stage.said_size, room - 2, format, args);
    va_end(args);
    WEFT_ASSERT(length >= 0 && (size_t)length < room - 2);
    stage.said_size += (size_t)length;
}

const char *said(void) { return stage.said_size > 0 ? stage.said : "nothing"; }

void hush(void) {
    stage.said[0] = '\0';
    stage.said_size = 0;
}

struct weft_reason boom(void) {
    return weft_reason(WEFT_REASON_ERROR, WHY_BOOM);
}

const char *why_text(const struct weft_reason *why) {
    if (why->kind == WEFT_REASON_ERROR && why->code == WHY_BOOM) return "boom";
    if (why->kind == WEFT_REASON_ERROR && why->code == WHY_STOP) return "why_stop";
    if (why->kind == WEFT_REASON_SHUTDOWN && why->code != 0) return "shutdown(x)";
    if (why->kind == WEFT_REASON_FAULT) return "crash";
    return weft_reason_name(why->kind);
}

static const char *status_text(int status) {
    switch (status) {
    case WEFT_OK:
        return "ok";
    case WEFT_ERR_NO_PROC:
        return "noproc";
    case WEFT_ERR_TIMEOUT:
        return "timeout";
    default:
        return weft_error_name(status);
    }
}

void tell(const struct weft_msg *msg) {
    int size = (int)msg->data.size;
    const char *text = size > 0 ? (const char *)msg->data.data : "";
    switch (msg->kind) {
    case WEFT_MSG_CAST:
        say("%.*s", size, text);
        break;
    case WEFT_MSG_CALL:
        say("call %.*s", size, text);
        break;
    case WEFT_MSG_REPLY:
        if (size > 0) say("reply %.*s", size, text);
        if (size == 0) say("reply %s", status_text(msg->status));
        break;
    case WEFT_MSG_EXIT:
        say("exit %s", why_text(msg->reason));
        break;
    case WEFT_MSG_DOWN:
        say("down %s", why_text(msg->reason));
        break;
    case WEFT_MSG_TIMER:
        say("timer %.*s", size, text);
        break;
    case WEFT_MSG_EVENT:
        say("event");
        break;
    }
}

/* --- actors --- */

struct actor {
    unsigned options;
};

struct order {
    void (*fn)(weft_self *self);
};

bool obey(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind != WEFT_MSG_CAST || msg->tag != TAG_ORDER) return false;
    struct order order;
    memcpy(&order, msg->data.data, sizeof order);
    order.fn(self);
    return true;
}

static int actor_init(weft_self *self, struct weft_bytes arg) {
    struct actor *actor = weft_state(self);
    memcpy(&actor->options, arg.data, sizeof actor->options);
    weft_trap_exit(self, (actor->options & TRAP) != 0);
    return WEFT_OK;
}

static void actor_handle(weft_self *self, const struct weft_msg *msg) {
    const struct actor *actor = weft_state(self);
    if (obey(self, msg) || (actor->options & SILENT)) return;
    tell(msg);
}

static void actor_terminate(weft_self *self, const struct weft_reason *why) {
    const struct actor *actor = weft_state(self);
    if (actor->options & TERMINATE) say("terminate %s", why_text(why));
}

static WEFT_PROCESS(actor_v1, .name = "actor", .state_size = sizeof(struct actor),
                    .init = actor_init, .handle = actor_handle, .terminate = actor_terminate);

static struct {
    unsigned options;
    weft_pid pid;
    int rv;
} starting;

static void start_actor(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &actor_v1,
                               .arg = weft_bytes(&starting.options, sizeof starting.options),
                               .link = (starting.options & LINKED) != 0};
    starting.rv = weft_spawn(self, &spawn, &starting.pid);
}

weft_pid actor_of(weft_pid parent, unsigned options) {
    starting.options = options;
    starting.rv = WEFT_ERR_NO_PROC;
    in(parent, start_actor);
    WEFT_ASSERT(starting.rv == WEFT_OK);
    return starting.pid;
}

weft_pid actor(unsigned options) { return actor_of(judge, options); }

/* --- the judge --- */

static int judge_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_trap_exit(self, true);
    return WEFT_OK;
}

static void judge_handle(weft_self *self, const struct weft_msg *msg) {
    if (obey(self, msg)) return;
    if (msg->kind == WEFT_MSG_DOWN) {
        say("died %s", why_text(msg->reason));
    } else if (msg->kind == WEFT_MSG_REPLY) {
        answer = (struct answer){.status = msg->status, .size = msg->data.size};
        WEFT_ASSERT(answer.size < sizeof answer.as);
        if (answer.size > 0) memcpy(&answer.as, msg->data.data, answer.size);
    } else {
        tell(msg);
    }
}

static WEFT_PROCESS(judge_v1, .name = "judge", .init = judge_init, .handle = judge_handle);

static weft_pid watched;

static void watch_it(weft_self *self) {
    weft_ref ref;
    int rv = weft_monitor(self, watched, &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

void watch(weft_pid pid) {
    watched = pid;
    in(judge, watch_it);
}

static struct {
    weft_pid pid;
    bool alive;
} asked;

static void is_alive(weft_self *self) { asked.alive = weft_alive(self, asked.pid); }

bool alive(weft_pid pid) {
    asked.pid = pid;
    in(judge, is_alive);
    return asked.alive;
}

/* --- orders --- */

void in_later(weft_pid pid, void (*fn)(weft_self *self)) {
    struct order order = {fn};
    int rv = weft_sched_send(stage.sched, pid, TAG_ORDER, weft_bytes(&order, sizeof order));
    WEFT_ASSERT(rv == WEFT_OK);
}

void in(weft_pid pid, void (*fn)(weft_self *self)) {
    in_later(pid, fn);
    settle();
}

static struct {
    weft_pid to;
    struct weft_reason why;
} exiting;

static void exit_it(weft_self *self) { weft_exit(self, exiting.to, &exiting.why); }

void send_exit(weft_pid pid, struct weft_reason why) {
    exiting.to = pid;
    exiting.why = why;
    in(stage.stranger, exit_it);
}

void parent_exit(weft_pid pid, struct weft_reason why) {
    exiting.to = pid;
    exiting.why = why;
    in(judge, exit_it);
}

static void stop(weft_self *self, enum weft_reason_kind kind, int32_t code) {
    struct weft_reason why = weft_reason(kind, code);
    weft_stop(self, &why);
}

void stop_normal(weft_self *self) { stop(self, WEFT_REASON_NORMAL, 0); }
void stop_boom(weft_self *self) { stop(self, WEFT_REASON_ERROR, WHY_BOOM); }
void stop_kill(weft_self *self) { stop(self, WEFT_REASON_KILL, 0); }

/* What a sanitizer would stop at, the process has to die of. */
__attribute__((no_sanitize("undefined"))) void crash(weft_self *self) {
    int *volatile nowhere = NULL;
    (void)self;
    *nowhere = 1;
}

/* --- the stage --- */

struct weft_sched *stage_sched(void) {
    return stage.sched;
}

void stage_open(void) {
    weft_posix_guard_install();
    memset(&stage, 0, sizeof stage);
    weft_mem_heap_init(&stage.heap, 0);
    stage.now = WEFT_S(1000);
    stage.env = (struct weft_env){.clock = &clock_ops,
                                  .entropy = &entropy_ops,
                                  .loader = &loader_ops,
                                  .guard = &weft_posix_guard,
                                  .mem = &stage.heap.base,
                                  .node = 1};
    int rv = weft_sched_new(&stage.env, NULL, &stage.sched);
    WEFT_ASSERT(rv == WEFT_OK);
    struct weft_spawn spawn = {.behaviour = &judge_v1};
    rv = weft_sched_start(stage.sched, &spawn, &judge, NULL);
    WEFT_ASSERT(rv == WEFT_OK);
    stage.stranger = actor(SILENT);
}

void stage_close(void) {
    weft_sched_free(stage.sched);
    WEFT_ASSERT(stage.heap.blocks == 0);
}

void settle(void) {
    for (int i = 0; weft_sched_run(stage.sched, 1000); i++) WEFT_ASSERT(i < 100000);
}

void pass(weft_duration duration) {
    weft_time end = stage.now + duration;
    settle();
    for (weft_time at; (at = weft_sched_next_at(stage.sched)) <= end;) {
        stage.now = weft_time_max(at, stage.now);
        settle();
    }
    stage.now = end;
}

void oversleep(weft_duration duration) { stage.now += duration; }
