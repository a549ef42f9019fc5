/* Answers of the control socket about processes, applications and supervisors. */
#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/otp/sys.h"
#include "core/weftd/daemon.h"
#include "core/weftd/request.h"
#include "core/weftd/schedulers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *or_dash(const char *text) {
    return text != NULL && text[0] != '\0' ? text : "-";
}

static const char *yes_no(bool value) { return value ? "yes" : "no"; }

/* --- procs and apps --- */

static void add_proc(void *ctx, const struct weft_proc_info *info) {
    text_add(ctx, "%-10llx %-20s %-20s %-12s mail %u  %zu B  %llu msgs%s%s\n",
             (unsigned long long)info->pid.raw, or_dash(info->name), or_dash(info->behaviour),
             or_dash(info->application), info->mailbox, info->memory,
             (unsigned long long)info->messages, info->suspended ? "  suspended" : "",
             info->watched ? "  watched" : "");
}

void answer_procs(struct daemon *daemon, struct text *out) {
    text_add(out, "ok\n");
    weft_sched_each(weft_node_sched(daemon->node), add_proc, out);
}

static const char *type_name(enum weft_restart type) {
    static const char *const names[] = {"permanent", "transient", "temporary"};
    return names[type];
}

/* --- applications: those of scheduler 0, with their parts on the others --- */

struct apps_request {
    struct scheduler_task task;
    struct daemon *daemon;
    uint64_t op;
    struct apps_on {
        char names[WEFT_APPS_MAX][WEFT_APP_NAME_MAX]; /* of those that run */
        uint32_t count;
    } on[];
};

static void note_app(void *ctx, const struct weft_app_info *info) {
    struct apps_on *on = ctx;
    if (info->state == WEFT_APP_LOADED || on->count == WEFT_APPS_MAX) return;
    snprintf(on->names[on->count++], WEFT_APP_NAME_MAX, "%s", weft_app_name(info->application));
}

static void note_apps(struct scheduler_task *task, uint32_t scheduler, struct weft_sched *sched) {
    struct apps_request *request = WEFT_CONTAINER(task, struct apps_request, task);
    weft_sched_apps(sched, note_app, &request->on[scheduler]);
}

static uint32_t parts_of(const struct apps_request *request, const char *name) {
    uint32_t parts = 0;
    for (uint32_t i = 0; i < schedulers_count(request->daemon->schedulers); i++) {
        for (uint32_t k = 0; k < request->on[i].count; k++)
            parts += strcmp(request->on[i].names[k], name) == 0;
    }
    return parts;
}

struct apps_answer {
    const struct apps_request *request;
    struct text out;
};

static void add_app(void *ctx, const struct weft_app_info *info) {
    static const char *const states[] = {"loaded", "running", "stopping"};
    struct apps_answer *answer = ctx;
    const struct weft_application *app = info->application;
    bool runs = info->state != WEFT_APP_LOADED;
    uint32_t count = schedulers_count(answer->request->daemon->schedulers);
    text_add(&answer->out, "%-20s %-10s %-9s %-10s %s", weft_app_name(app), or_dash(app->version),
             states[info->state], runs ? type_name(info->type) : "-", or_dash(app->description));
    if (app->each && count > 1)
        text_add(&answer->out, "  on %u of %u schedulers",
                 parts_of(answer->request, weft_app_name(app)), count);
    text_add(&answer->out, "\n");
}

static void answer_apps(struct scheduler_task *task, bool all) {
    struct apps_request *request = WEFT_CONTAINER(task, struct apps_request, task);
    struct daemon *daemon = request->daemon;
    struct apps_answer answer = {.request = request};
    text_add(&answer.out, "ok\n");
    if (all) weft_sched_apps(weft_node_sched(daemon->node), add_app, &answer);
    control_socket_answer(daemon->control, request->op, &answer.out);
    free(request);
}

void apps_command(struct daemon *daemon, uint64_t op) {
    uint32_t count = schedulers_count(daemon->schedulers);
    struct apps_request *request = calloc(1, sizeof *request + count * sizeof request->on[0]);
    if (request == NULL) {
        struct text out = {.data = NULL};
        answer_error(WEFT_ERR_NOMEM, NULL, &out);
        control_socket_answer(daemon->control, op, &out);
        return;
    }
    request->daemon = daemon;
    request->op = op;
    request->task.run = note_apps;
    request->task.over = answer_apps;
    schedulers_run(daemon, &request->task);
}

/* --- other nodes --- */

static void add_node(void *ctx, const struct weft_hub_node *node) {
    static const char *const states[] = {[WEFT_NODE_AWAY] = "away",
                                         [WEFT_NODE_CONNECTING] = "connecting",
                                         [WEFT_NODE_CONNECTED] = "connected"};
    text_add(ctx, "%-40s %-10s %zu bytes wait\n", node->name, states[node->state], node->queued);
}

void answer_nodes(struct daemon *daemon, struct text *out) {
    struct weft_hub *hub = daemon->node_config.hub;
    if (hub == NULL || weft_hub_node_name(hub)[0] == '\0') {
        answer_error(WEFT_ERR_NO_CONNECTION,
                     "this node has no name (--node), and talks to no other", out);
        return;
    }
    text_add(out, "ok\n%-40s this node\n", weft_hub_node_name(hub));
    weft_hub_nodes(hub, add_node, out);
}

/* --- supervisors --- */

void answer_which(struct weft_bytes data, struct text *out) {
    struct weft_child_info child;
    WEFT_ASSERT(data.size % sizeof child == 0);
    text_add(out, "ok\n");
    for (size_t at = 0; at < data.size; at += sizeof child) {
        memcpy(&child, data.data + at, sizeof child);
        text_add(out, "%-20s %-10llx %-9s %-10s %s\n", or_dash(child.id),
                 (unsigned long long)child.pid.raw, type_name(child.restart),
                 child.is_supervisor ? "supervisor" : "worker",
                 child.restarting ? "restarting" : "");
    }
}

void answer_count(struct weft_bytes data, struct text *out) {
    struct weft_child_counts counts;
    WEFT_ASSERT(data.size == sizeof counts);
    memcpy(&counts, data.data, sizeof counts);
    text_add(out, "ok\nspecs %u\nactive %u\nsupervisors %u\nworkers %u\n", counts.specs,
             counts.active, counts.supervisors, counts.workers);
}

/* --- one process --- */

/* By name, else by pid. */
static weft_pid find(const struct daemon *daemon, const char *who) {
    char *end = NULL;
    weft_pid pid = weft_sched_whereis(weft_node_sched(daemon->node), who);
    if (!weft_pid_is_none(pid)) return pid;
    unsigned long long raw = strtoull(who, &end, 16);
    return *end == '\0' && who[0] != '-' ? (weft_pid){raw} : WEFT_PID_NONE;
}

static int show_status(struct weft_sched *sched, weft_pid pid, struct text *out) {
    struct weft_sys_status status;
    int rv = weft_sched_sys_get_status(sched, pid, &status);
    if (rv != WEFT_OK) return rv;
    const struct weft_proc_info *info = &status.info;
    text_add(out, "ok\npid %llx\nparent %llx\nname %s\nbehaviour %s\nversion %u\n",
             (unsigned long long)info->pid.raw, (unsigned long long)info->parent.raw,
             or_dash(info->name), or_dash(info->behaviour), info->version);
    text_add(out, "application %s\nsuspended %s\nwatched %s\ntraps_exits %s\n",
             or_dash(info->application), yes_no(info->suspended), yes_no(info->watched),
             yes_no(info->trap_exit));
    text_add(out, "mail %u\nlinks %u\nmonitors %u\ntimers %u\nsockets %u\n", info->mailbox,
             info->links, info->monitors, info->timers, info->sockets);
    text_add(out, "messages %llu\nmemory_bytes %zu\nstate_bytes %u\nancestors",
             (unsigned long long)info->messages, info->memory, status.state_size);
    for (uint32_t i = 0; i < status.ancestors_count; i++)
        text_add(out, " %llx", (unsigned long long)status.ancestors[i].raw);
    text_add(out, "\nstate %s\n", or_dash(status.text));
    return WEFT_OK;
}

#define STATE_SHOWN_MAX 65536

static int show_state(struct weft_sched *sched, weft_pid pid, struct text *out) {
    size_t size = STATE_SHOWN_MAX;
    unsigned char *state = malloc(size);
    if (state == NULL) return WEFT_ERR_NOMEM;
    int rv = weft_sched_sys_get_state(sched, pid, state, &size);
    if (rv == WEFT_OK) text_add(out, "ok\n");
    for (size_t i = 0; rv == WEFT_OK && i < size; i++)
        text_add(out, "%02x%s", state[i], i % 32 == 31 || i + 1 == size ? "\n" : "");
    free(state);
    return rv;
}

static int show_stats(const struct daemon *daemon, struct weft_sched *sched, weft_pid pid,
                      struct text *out) {
    struct weft_sys_statistics statistics;
    int rv = weft_sched_sys_get_statistics(sched, pid, &statistics);
    if (rv != WEFT_OK) return rv;
    weft_time now = weft_env_now(weft_posix_env(daemon->posix));
    text_add(out, "ok\nsince_ms %lld\nmessages_in %llu\nmessages_out %llu\n",
             (long long)((now - statistics.since) / WEFT_MS(1)),
             (unsigned long long)statistics.messages_in,
             (unsigned long long)statistics.messages_out);
    text_add(out, "bytes_in %llu\nbytes_out %llu\nreductions %llu\n",
             (unsigned long long)statistics.bytes_in, (unsigned long long)statistics.bytes_out,
             (unsigned long long)statistics.reductions);
    return WEFT_OK;
}

struct logging {
    const struct daemon *daemon;
    struct text *out;
};

static void add_event(void *ctx, const struct weft_sys_event *event) {
    const struct logging *logging = ctx;
    text_add(logging->out, "%lld ms %s %llx %s tag %u, %u bytes",
             (long long)((event->at - logging->daemon->started) / WEFT_MS(1)),
             event->out ? "to" : "from", (unsigned long long)event->peer.raw,
             weft_msg_kind_name(event->kind), event->tag, event->size);
    for (size_t i = 0; i < event->data.size; i++)
        text_add(logging->out, "%s%02x", i == 0 ? " " : "", event->data.data[i]);
    text_add(logging->out, "\n");
}

static int show_log(const struct daemon *daemon, weft_pid pid, struct text *out) {
    struct logging logging = {daemon, out};
    struct weft_sys_status status;
    struct weft_sched *sched = weft_node_sched(daemon->node);
    int rv = weft_sched_sys_get_status(sched, pid, &status);
    if (rv != WEFT_OK) return rv;
    text_add(out, "ok\n");
    return weft_sched_sys_get_log(sched, pid, add_event, &logging);
}

/* What changes something; answered by ok alone. */
static int act(struct weft_sched *sched, weft_pid pid, const struct sys_request *sys) {
    bool on = sys->number != 0;
    switch (sys->verb) {
    case SYS_SUSPEND:
        return weft_sched_sys_suspend(sched, pid);
    case SYS_RESUME:
        return weft_sched_sys_resume(sched, pid);
    case SYS_TRACE:
        return weft_sched_sys_trace(sched, pid, on);
    case SYS_STATS:
        return weft_sched_sys_statistics(sched, pid, on);
    case SYS_LOG:
        return weft_sched_sys_log(sched, pid, (uint32_t)sys->number);
    case SYS_STATUS:
    case SYS_STATE:
        break;
    }
    WEFT_UNREACHABLE("these only show");
}

void answer_sys(struct daemon *daemon, const struct sys_request *sys, struct text *out) {
    struct weft_sched *sched = weft_node_sched(daemon->node);
    weft_pid pid = find(daemon, sys->who);
    int rv;
    if (sys->verb == SYS_STATUS) {
        rv = show_status(sched, pid, out);
    } else if (sys->verb == SYS_STATE) {
        rv = show_state(sched, pid, out);
    } else if (sys->verb == SYS_STATS && sys->number < 0) {
        rv = show_stats(daemon, sched, pid, out);
    } else if (sys->verb == SYS_LOG && sys->number < 0) {
        rv = show_log(daemon, pid, out);
    } else {
        rv = act(sched, pid, sys);
        if (rv == WEFT_OK) text_add(out, "ok\n");
    }
    if (rv != WEFT_OK) answer_error(rv, NULL, out);
}
