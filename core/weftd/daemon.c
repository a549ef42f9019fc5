/* The daemon. */
#include "core/weftd/daemon.h"

#include "core/base/assert.h"
#include "core/posix/guard.h"
#include "core/posix/watchdog.h"
#include "core/weftd/control_path.h"
#include "core/weftd/log.h"
#include "core/weftd/permanent.h"
#include "core/weftd/recorder.h"
#include "core/weftd/schedulers.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is counted, whether it is logged or not. */
#define COUNTED (WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_UP) | WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_DONE))

uint64_t daemon_trace_mask(const struct daemon *daemon) {
    return log_mask(daemon->config.log_level) | COUNTED | recorder_mask(daemon->recorder);
}

void daemon_trace(struct daemon *daemon, const struct weft_trace_event *event) {
    if (event->kind == WEFT_TRACE_SUP_CHILD_UP && event->number[3])
        atomic_fetch_add(&daemon->restarts, 1);
    if (event->kind == WEFT_TRACE_LOOKUP_DONE) atomic_fetch_add(&daemon->lookups_done, 1);
    recorder_event(daemon->recorder, event);
    uint64_t logged = log_mask(daemon->config.log_level) | WEFT_TRACE_BIT(WEFT_TRACE_LOG);
    if (logged & WEFT_TRACE_BIT(event->kind)) log_event(event);
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct daemon *daemon = ctx;
    if (event->kind == WEFT_TRACE_DHT_UP && event->bytes.size == WEFT_ID_SIZE) {
        memcpy(daemon->dht_id.bytes, event->bytes.data, WEFT_ID_SIZE);
    }
    daemon_trace(daemon, event);
}

static void on_reply(void *ctx, const struct weft_node_reply *reply) {
    struct daemon *daemon = ctx;
    if (daemon->control != NULL) control_socket_reply(daemon->control, reply);
}

void daemon_stop(struct daemon *daemon) {
    log_line(WEFT_LOG_INFO, "stopping");
    daemon->stopping = true;
    weft_node_stop(daemon->node);
}

static void on_signal(void *ctx, int signo) {
    struct daemon *daemon = ctx;
    if (daemon->stop_signals++ > 0) {
        log_line(WEFT_LOG_WARN, "a second signal: ending at once");
        log_stop();
        _exit(128 + signo);
    }
    daemon_stop(daemon);
}

static void deliver(void *ctx, const struct weft_event *event) {
    weft_node_deliver(((struct daemon *)ctx)->node, event);
}

static void tell_load(struct daemon *daemon) {
    struct weft_env *env = weft_posix_env(daemon->posix);
    const struct weft_mem_heap *heap = (const struct weft_mem_heap *)(const void *)env->mem;
    recorder_run(daemon->recorder, weft_env_now(env), weft_node_sched(daemon->node), heap->bytes);
}

static bool run(void *ctx) {
    struct daemon *daemon = ctx;
    struct weft_reason why;
    if (schedulers_gave_up(daemon->schedulers, &why) && !daemon->stopping) {
        log_line(WEFT_LOG_ERROR, "a scheduler's tree has ended");
        daemon_stop(daemon);
    }
    if (daemon->control != NULL) control_socket_run(daemon->control);
    schedulers_tasks(daemon->schedulers);
    tell_load(daemon);
    bool more = weft_node_run(daemon->node);
    /* core/node/node.h: the others when this one has, which is driven until they have ended. */
    if (weft_node_ended(daemon->node, NULL)) schedulers_stop(daemon->schedulers);
    return more;
}

static weft_time next_at(void *ctx) {
    struct daemon *daemon = ctx;
    weft_time at = weft_node_next_at(daemon->node);
    at = weft_time_min(at, recorder_next_at(daemon->recorder));
    if (daemon->control == NULL) return at;
    return weft_time_min(at, control_socket_next_at(daemon->control));
}

static bool done(void *ctx) {
    struct daemon *daemon = ctx;
    if (schedulers_failed(daemon->schedulers)) return true;
    return weft_node_ended(daemon->node, NULL) && schedulers_ended(daemon->schedulers);
}

static const char *control_trouble(int error) {
    switch (error) {
    case WEFT_ERR_IN_USE:
        return "another weftd answers there";
    case WEFT_ERR_EXISTS:
        return "a file that is no socket is there";
    case WEFT_ERR_NOT_FOUND:
        return "no such folder";
    case WEFT_ERR_INVAL:
        return "the path is too long for a socket";
    default:
        return weft_error_text(error);
    }
}

/* A default place that is taken only costs the socket; a place that was asked for is an error. */
static int open_control(struct daemon *daemon) {
    const struct weftd_config *config = &daemon->config;
    char path[WEFTD_PATH_MAX];
    if (config->control_off) return WEFT_OK;
    if (config->control[0] != '\0') {
        memcpy(path, config->control, sizeof path);
    } else {
        control_default_path(path, sizeof path, config->port);
    }
    int rv = control_socket_open(daemon, path, &daemon->control);
    if (rv == WEFT_OK) return WEFT_OK;
    const char *why = control_trouble(rv);
    if (config->control[0] == '\0') {
        log_line(WEFT_LOG_WARN, "no control socket at %s: %s (--control names another place)", path,
                 why);
        return WEFT_OK;
    }
    log_line(WEFT_LOG_ERROR, "--control %s: %s", path, why);
    return rv;
}

static int open_env(struct daemon *daemon) {
    const char *data = daemon->config.data;
    if (daemon->config.schedulers > 1) daemon->ports = weft_posix_ports_new();
    struct weft_posix_config config = {.folder = data[0] != '\0' ? data : NULL,
                                       .trace_mask = daemon_trace_mask(daemon),
                                       .log_level = daemon->config.log_level,
                                       .trace = on_trace,
                                       .trace_ctx = daemon,
                                       .share_ports = daemon->config.share_ports,
                                       .ports = daemon->ports};
    int rv = weft_posix_new(&config, &daemon->posix);
    if (rv == WEFT_OK) return WEFT_OK;
    log_line(WEFT_LOG_ERROR, "%s%s: %s", data[0] != '\0' ? "--data " : "cannot start", data,
             weft_error_text(rv));
    return rv;
}

/* Before the node starts, so that a signal that comes early ends it in order as well. */
static int watch_signals(struct daemon *daemon) {
    signal(SIGPIPE, SIG_IGN); /* whoever reads the log may go away */
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk, no more */
    int rv = weft_posix_on_signal(daemon->posix, SIGTERM, on_signal, daemon);
    if (rv == WEFT_OK) rv = weft_posix_on_signal(daemon->posix, SIGINT, on_signal, daemon);
    if (rv != WEFT_OK) log_line(WEFT_LOG_ERROR, "no signals: %s", weft_error_text(rv));
    return rv;
}

static void fill_apps(struct daemon *daemon) {
    for (size_t i = 0; i < daemon->config.apps_count; i++) {
        const struct weftd_app *app = &daemon->config.apps[i];
        bool changed = daemon->committed[i][0] != '\0';
        for (size_t k = 0; k < app->keys_count; k++)
            daemon->keys[i][k] = (struct weft_app_env){app->keys[k].key, app->keys[k].value};
        daemon->apps[i] =
            (struct weft_node_module){.path = changed ? daemon->committed[i] : app->module,
                                      .type = app->type,
                                      .load_only = app->load_only,
                                      .env = daemon->keys[i],
                                      .env_count = app->keys_count};
    }
}

/* Whatever the node's processes do, the others go on. A kernel without timers left is no reason
 * not to serve. */
void daemon_watch(const struct daemon *daemon, struct weft_node *node) {
    weft_duration most = daemon->config.watchdog;
    if (most == WEFT_TIME_NEVER) return;
    const struct weft_watch *watch = weft_sched_watch(weft_node_sched(node));
    int rv = weft_posix_watchdog_start(watch, most / WATCHDOG_TICKS);
    if (rv != WEFT_OK) log_line(WEFT_LOG_WARN, "no watchdog: %s", weft_error_text(rv));
}

static int start_node(struct daemon *daemon) {
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    permanent_read(daemon);
    fill_apps(daemon);
    daemon->node_config = (struct weft_node_config){.dht = &daemon->config.dht,
                                                    .modules = daemon->apps,
                                                    .modules_count = daemon->config.apps_count,
                                                    .apps_later = true,
                                                    .reply = on_reply,
                                                    .ctx = daemon};
    if (daemon->config.watchdog != WEFT_TIME_NEVER)
        daemon->node_config.handler_max = daemon->config.watchdog;
    if (!schedulers_open(daemon, &daemon->schedulers)) return WEFT_ERR_FULL;
    int rv =
        weft_node_new(weft_posix_env(daemon->posix), &daemon->node_config, &daemon->node, &why);
    if (rv == WEFT_OK) {
        permanent_learn(daemon);
        if (daemon->config.apps_count > 0) weft_posix_places_read();
        return WEFT_OK;
    }
    log_line(WEFT_LOG_ERROR, "cannot start the node on port %u: %s%s%s", daemon->config.port,
             weft_error_text(rv), why.text[0] != '\0' ? ": " : "", why.text);
    return rv;
}

/* 0 after an orderly end, 1 when the node gave up. */
static int drive(struct daemon *daemon) {
    struct weft_posix_driver driver = {daemon, deliver, run, next_at, done};
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    int rv = weft_posix_loop(daemon->posix, &driver);
    if (rv != WEFT_OK) {
        log_line(WEFT_LOG_ERROR, "cannot wait for events: %s", weft_error_text(rv));
        return 1;
    }
    if (schedulers_failed(daemon->schedulers)) return 1;
    bool ended = weft_node_ended(daemon->node, &why);
    WEFT_ASSERT(ended);
    if (!schedulers_gave_up(daemon->schedulers, &why) && weft_reason_is_clean(&why)) {
        log_line(WEFT_LOG_INFO, "stopped");
        return 0;
    }
    log_line(WEFT_LOG_ERROR, "the node ended: %s %d%s%s", weft_reason_name(why.kind), why.code,
             why.text[0] != '\0' ? ": " : "", why.text);
    return 1;
}

static int run_node(struct daemon *daemon) {
    int code = 1;
    if (open_env(daemon) != WEFT_OK) return code;
    struct weft_env *env = weft_posix_env(daemon->posix);
    daemon->started = weft_env_now(env);
    recorder_up(daemon->recorder, daemon->started,
                daemon->config.dht.dht.v4 ? &daemon->config.dht.bind4 : &daemon->config.dht.bind6);
    if (watch_signals(daemon) == WEFT_OK && start_node(daemon) == WEFT_OK) {
        daemon_watch(daemon, daemon->node);
        if (schedulers_start(daemon->schedulers) && open_control(daemon) == WEFT_OK)
            code = drive(daemon);
        weft_posix_watchdog_stop();
        control_socket_close(daemon->control);
        daemon->control = NULL;
        schedulers_stop(daemon->schedulers);
        weft_node_free(daemon->node);
    }
    schedulers_close(daemon->schedulers);
    recorder_down(daemon->recorder, weft_env_now(env), code == 0);
    weft_posix_free(daemon->posix);
    weft_posix_ports_free(daemon->ports);
    return code;
}

int daemon_run(struct daemon *daemon) {
    log_open(daemon->config.log_level);
    weft_posix_guard_install();
    log_start();
    int code = recorder_open(&daemon->config, &daemon->recorder) ? run_node(daemon) : 1;
    recorder_close(daemon->recorder);
    log_stop();
    return code;
}
