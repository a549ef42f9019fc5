/* "hardy", an application for weft sweep: a process that does something else at each tick that may
 * fail, here and at other nodes, and takes every error as it comes. Nothing in it faults, whatever
 * single call is refused. */
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/job.h"
#include "core/otp/module.h"
#include "core/otp/remote.h"

#include <stdio.h>
#include <string.h>

#define TICK_EVERY WEFT_MS(50)
#define TWIG_LIFE WEFT_MS(300)
#define ANSWER_MAX WEFT_S(1)

enum { TICK = 1, ASK, NOTE, WORK, TWIG };

struct hardy {
    uint64_t count;
    weft_ref watched; /* 0: nobody */
    char node[WEFT_NODE_NAME_MAX];
};

static void end_if(weft_self *self, int rv) {
    struct weft_reason why = weft_reason_text(WEFT_REASON_ERROR, rv, "cannot go on");
    if (rv != WEFT_OK) weft_stop(self, &why);
}

/* --- twig: lives a while, started on whatever scheduler --- */

static int twig_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    return weft_timer_start(self, TWIG_LIFE, TICK, weft_bytes(NULL, 0), NULL);
}

static void twig_info(weft_self *self, const struct weft_msg *msg) {
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    if (msg->kind == WEFT_MSG_TIMER) weft_stop(self, &why);
}

static WEFT_GEN_SERVER(twig, .name = "twig", .version = 1, .init = twig_init,
                       .handle_info = twig_info);

/* --- echo --- */

static int echo_init(weft_self *self, struct weft_bytes arg) {
    (void)self;
    (void)arg;
    return WEFT_OK;
}

static void echo_call(weft_self *self, const struct weft_msg *msg) {
    struct weft_call call = weft_call_of(msg);
    weft_reply(self, &call, WEFT_OK, msg->data);
}

static void echo_cast(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    (void)msg;
}

static WEFT_GEN_SERVER(echo, .name = "echo", .version = 1, .init = echo_init,
                       .handle_call = echo_call, .handle_cast = echo_cast);

/* --- hardy --- */

static int sum(struct weft_bytes arg, struct weft_job_out *out) {
    uint32_t total = 0;
    for (size_t i = 0; i < arg.size; i++) total += arg.data[i];
    memcpy(out->data, &total, sizeof total);
    out->size = sizeof total;
    return WEFT_OK;
}

static void work(weft_self *self) {
    struct weft_job job = {.fn = sum,
                           .arg = weft_bytes("hardy", 5),
                           .result_max = 4,
                           .timeout = WEFT_S(1),
                           .tag = WORK};
    weft_ref ref;
    (void)weft_job(self, &job, &ref);
}

static void write_down(weft_self *self) {
    struct hardy *hardy = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    weft_file file;
    int rv = env->disk->open(env, "hardy.log", WEFT_DISK_WRITE | WEFT_DISK_CREATE, &file);
    if (rv != WEFT_OK) return;
    if (weft_fault_point(self, "half of it")) {
        (void)env->disk->write(env, file, hardy->count * 8, &hardy->count, 4);
        env->disk->close(env, file);
        return;
    }
    rv = env->disk->write(env, file, hardy->count * 8, &hardy->count, sizeof hardy->count);
    if (rv == WEFT_OK) rv = env->disk->sync(env, file);
    if (rv == WEFT_OK) (void)env->disk->sync_folder(env, "hardy.log");
    env->disk->close(env, file);
}

static void watch(weft_self *self) {
    struct hardy *hardy = weft_state(self);
    if (hardy->watched != 0) (void)weft_demonitor(self, hardy->watched);
    hardy->watched = 0;
    (void)weft_monitor_at(self, hardy->node[0] != '\0' ? hardy->node : NULL, "echo",
                          &hardy->watched);
}

static void plant(weft_self *self) {
    struct weft_spawn_at spawn = {.scheduler = weft_self_schedulers(self) - 1,
                                  .behaviour = "twig",
                                  .link = true,
                                  .tag = TWIG,
                                  .timeout = ANSWER_MAX};
    weft_ref ref;
    (void)weft_spawn_at(self, &spawn, &ref);
}

static void hold(weft_self *self) {
    void *block = weft_alloc(self, 3000);
    struct weft_mem *mem = weft_self_mem(self);
    void *other = weft_mem_alloc(mem, 100);
    void *more = other != NULL ? weft_mem_resize(mem, other, 100, 5000) : NULL;
    weft_mem_free(mem, more != NULL ? more : other, more != NULL ? 5000 : 100);
    weft_free(self, block);
}

static void remember(void *ctx, const char *name) {
    snprintf(((struct hardy *)ctx)->node, WEFT_NODE_NAME_MAX, "%s", name);
}

static void ask(weft_self *self, const char *node) {
    struct weft_call_at call = {.node = node,
                                .name = "echo",
                                .tag = ASK,
                                .data = weft_bytes("?", 1),
                                .timeout = ANSWER_MAX};
    weft_ref ref;
    (void)weft_call_at(self, &call, &ref);
}

static void act(weft_self *self) {
    struct hardy *hardy = weft_state(self);
    weft_nodes_each(self, remember, hardy);
    switch (hardy->count++ % 9) {
    case 0:
        ask(self, NULL);
        break;
    case 1:
        ask(self, hardy->node[0] != '\0' ? hardy->node : NULL);
        break;
    case 2:
        (void)weft_send_at(self, NULL, "echo", NOTE, weft_bytes("here", 4));
        break;
    case 3:
        if (hardy->node[0] != '\0')
            (void)weft_send_at(self, hardy->node, "echo", NOTE, weft_bytes("there", 5));
        break;
    case 4:
        work(self);
        break;
    case 5:
        write_down(self);
        break;
    case 6:
        watch(self);
        break;
    case 7:
        plant(self);
        break;
    default:
        hold(self);
    }
}

static int tick(weft_self *self) {
    return weft_timer_start(self, TICK_EVERY, TICK, weft_bytes(NULL, 0), NULL);
}

static int hardy_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_trap_exit(self, true);
    return tick(self);
}

static void hardy_info(weft_self *self, const struct weft_msg *msg) {
    struct hardy *hardy = weft_state(self);
    if (msg->kind == WEFT_MSG_DOWN && msg->ref == hardy->watched) hardy->watched = 0;
    if (msg->kind != WEFT_MSG_TIMER) return;
    act(self);
    end_if(self, tick(self));
}

static WEFT_GEN_SERVER(hardy, .name = "hardy", .version = HARDY_VERSION,
                       .state_size = sizeof(struct hardy), .init = hardy_init,
                       .handle_info = hardy_info);

static const struct weft_behaviour *const behaviours[] = {&hardy, &echo, &twig};

static WEFT_APPLICATION(hardy_app, .name = "hardy", .version = "1", .intensity = 3,
                        .children = {{.id = "echo", .name = "echo", .behaviour = &echo},
                                     {.id = "hardy", .name = "hardy", .behaviour = &hardy}});

WEFT_MODULE(.name = "hardy", .version = HARDY_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &hardy_app);
