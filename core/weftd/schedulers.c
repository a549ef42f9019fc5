/* Threads of the daemon. A part that ends without being told to takes the node with it. */
#include "core/weftd/schedulers.h"

#include "core/base/assert.h"
#include "core/posix/thread.h"
#include "core/posix/watchdog.h"
#include "core/weftd/log.h"

#include <stdatomic.h>
#include <stdlib.h>

struct part {
    struct schedulers *all;
    struct weft_posix *posix;
    struct weft_node *node;
    struct weft_node_config config;
    struct weft_posix_driver driver;
    struct weft_posix_thread *thread;      /* NULL: not started */
    struct weft_reason why;                /* ended */
    _Atomic(struct scheduler_task *) task; /* to run; NULL: none */
    bool watched, ended;
};

struct schedulers {
    struct daemon *daemon;
    struct weft_mem_heap heap; /* the hub's */
    struct weft_hub *hub;
    struct weft_dist_config dist;
    uint32_t count;                      /* with the daemon's own */
    struct scheduler_task *first, *last; /* tasks; the first is under way */
    atomic_bool stop, failed;
    atomic_uint running;
    atomic_uint gave_up;                    /* the first that did; 0: none */
    struct part parts[WEFT_SCHEDULERS_MAX]; /* 0 is the daemon */
};

static void on_trace(void *ctx, const struct weft_trace_event *event) { daemon_trace(ctx, event); }

static void wake(void *ctx, uint32_t to) {
    struct schedulers *all = ctx;
    struct weft_posix *posix = to == 0 ? all->daemon->posix : all->parts[to].posix;
    if (posix != NULL) weft_posix_wake(posix);
}

/* Another one in each life of the node. */
static uint32_t creation_of(struct daemon *daemon) {
    struct weft_env *env = weft_posix_env(daemon->posix);
    uint32_t creation;
    env->entropy->fill(env, &creation, sizeof creation);
    return creation != 0 ? creation : 1;
}

static int open_hub(struct schedulers *all) {
    struct daemon *daemon = all->daemon;
    const struct weftd_config *config = &daemon->config;
    weft_mem_heap_init(&all->heap, 0);
    struct weft_hub_config hub = {.mem = &all->heap.base,
                                  .schedulers = config->schedulers,
                                  .node = config->node[0] != '\0' ? config->node : NULL,
                                  .creation = creation_of(daemon),
                                  .wake = wake,
                                  .ctx = all};
    int rv = weft_posix_waker(daemon->posix);
    return rv == WEFT_OK ? weft_hub_new(&hub, &all->hub) : rv;
}

static void tell_node(struct schedulers *all) {
    struct daemon *daemon = all->daemon;
    struct weftd_config *config = &daemon->config;
    daemon->node_config.hub = all->hub;
    if (config->node[0] == '\0') return;
    for (size_t i = 0; i < config->connect_count; i++)
        config->connect_names[i] = config->connect[i];
    all->dist = (struct weft_dist_config){.listen = config->dist_listen,
                                          .cookie = config->cookie,
                                          .tick = config->tick,
                                          .connect = config->connect_names,
                                          .connect_count = config->connect_count};
    daemon->node_config.dist = &all->dist;
}

bool schedulers_open(struct daemon *daemon, struct schedulers **out) {
    *out = NULL;
    if (daemon->config.schedulers <= 1 && daemon->config.node[0] == '\0') return true;
    struct schedulers *all = calloc(1, sizeof *all);
    int rv = all == NULL ? WEFT_ERR_NOMEM : WEFT_OK;
    if (rv == WEFT_OK) {
        all->daemon = daemon;
        all->count = daemon->config.schedulers;
        rv = open_hub(all);
    }
    if (rv != WEFT_OK) {
        log_line(WEFT_LOG_ERROR, "cannot start: %s", weft_error_text(rv));
        free(all);
        return false;
    }
    tell_node(all);
    *out = all;
    return true;
}

/* --- a part, in its thread --- */

static void deliver(void *ctx, const struct weft_event *event) {
    weft_node_deliver(((struct part *)ctx)->node, event);
}

/* A watchdog is of the thread that starts it. */
static void watch_handlers(struct part *part) {
    if (part->watched) return;
    part->watched = true;
    daemon_watch(part->all->daemon, part->node);
}

static void run_task(struct part *part) {
    struct scheduler_task *task = atomic_exchange(&part->task, NULL);
    if (task == NULL) return;
    task->run(task, part->config.scheduler, weft_node_sched(part->node));
    atomic_fetch_sub(&task->waiting, 1);
    weft_posix_wake(part->all->daemon->posix);
}

static bool run(void *ctx) {
    struct part *part = ctx;
    watch_handlers(part);
    run_task(part);
    if (atomic_load(&part->all->stop)) weft_node_stop(part->node);
    return weft_node_run(part->node);
}

static weft_time next_at(void *ctx) { return weft_node_next_at(((struct part *)ctx)->node); }

static bool done(void *ctx) {
    struct part *part = ctx;
    if (part->ended || atomic_load(&part->all->failed)) return true;
    if (!weft_node_ended(part->node, &part->why)) return false;
    part->ended = true; /* the loop asks more than once */
    weft_posix_watchdog_stop();
    unsigned nobody = 0, index = part->config.scheduler;
    if (!atomic_load(&part->all->stop))
        atomic_compare_exchange_strong(&part->all->gave_up, &nobody, index);
    return true;
}

/* The last thing its thread does. */
static void over(void *ctx, int rv) {
    struct part *part = ctx;
    if (rv != WEFT_OK) {
        log_line(WEFT_LOG_ERROR, "scheduler %u cannot wait for events: %s", part->config.scheduler,
                 weft_error_text(rv));
        weft_posix_watchdog_stop();
        atomic_store(&part->all->failed, true);
    }
    atomic_fetch_sub(&part->all->running, 1);
    weft_posix_wake(part->all->daemon->posix);
}

static int open_part(struct schedulers *all, uint32_t index, struct weft_reason *why) {
    struct part *part = &all->parts[index];
    const struct weftd_config *config = &all->daemon->config;
    struct weft_posix_config posix = {.trace_mask = daemon_trace_mask(all->daemon),
                                      .packets_from = (uint64_t)index << 40,
                                      .log_level = config->log_level,
                                      .trace = on_trace,
                                      .trace_ctx = all->daemon,
                                      .share_ports = config->share_ports,
                                      .ports = all->daemon->ports};
    part->all = all;
    part->config = all->daemon->node_config;
    part->config.scheduler = index;
    part->driver = (struct weft_posix_driver){part, deliver, run, next_at, done};
    int rv = weft_posix_new(&posix, &part->posix);
    if (rv == WEFT_OK) rv = weft_posix_waker(part->posix);
    if (rv != WEFT_OK) return rv;
    return weft_node_new(weft_posix_env(part->posix), &part->config, &part->node, why);
}

static int start_thread(struct schedulers *all, uint32_t index) {
    struct part *part = &all->parts[index];
    atomic_fetch_add(&all->running, 1);
    int rv = weft_posix_thread_start(part->posix, &part->driver, over, &part->thread);
    if (rv != WEFT_OK) atomic_fetch_sub(&all->running, 1);
    return rv;
}

/* All are there before any runs: they look for one another. */
bool schedulers_start(struct schedulers *all) {
    uint32_t count = all != NULL ? all->count : 0;
    struct weft_reason why = {.text = ""};
    int rv = WEFT_OK;
    uint32_t at = 1;
    for (uint32_t i = 1; rv == WEFT_OK && i < count; i++) rv = open_part(all, at = i, &why);
    for (uint32_t i = 1; rv == WEFT_OK && i < count; i++) rv = start_thread(all, at = i);
    if (rv != WEFT_OK) {
        log_line(WEFT_LOG_ERROR, "cannot start scheduler %u: %s%s%s", at, weft_error_text(rv),
                 why.text[0] != '\0' ? ": " : "", why.text);
        return false;
    }
    if (count > 1) log_line(WEFT_LOG_INFO, "%u schedulers", count);
    return true;
}

/* --- tasks --- */

uint32_t schedulers_count(const struct schedulers *all) { return all != NULL ? all->count : 1; }

static void begin_task(struct schedulers *all, struct scheduler_task *task) {
    atomic_store(&task->waiting, all->count - 1);
    task->run(task, 0, weft_node_sched(all->daemon->node));
    for (uint32_t i = 1; i < all->count; i++) {
        atomic_store(&all->parts[i].task, task);
        if (all->parts[i].posix != NULL) weft_posix_wake(all->parts[i].posix);
    }
}

void schedulers_run(struct daemon *daemon, struct scheduler_task *task) {
    struct schedulers *all = daemon->schedulers;
    WEFT_ASSERT(task->run != NULL && task->over != NULL);
    if (schedulers_count(all) == 1) {
        task->run(task, 0, weft_node_sched(daemon->node));
        task->over(task, true);
        return;
    }
    task->next = NULL;
    if (all->first == NULL) {
        all->first = all->last = task;
        begin_task(all, task);
    } else {
        all->last->next = task;
        all->last = task;
    }
}

static struct scheduler_task *pop_task(struct schedulers *all) {
    struct scheduler_task *task = all->first;
    all->first = task->next;
    return task;
}

void schedulers_tasks(struct schedulers *all) {
    while (all != NULL && all->first != NULL && atomic_load(&all->first->waiting) == 0) {
        struct scheduler_task *task = pop_task(all);
        if (all->first != NULL) begin_task(all, all->first);
        task->over(task, true);
    }
}

void schedulers_stop(struct schedulers *all) {
    if (all == NULL || atomic_exchange(&all->stop, true)) return;
    for (uint32_t i = 1; i < all->count; i++)
        if (all->parts[i].thread != NULL) weft_posix_wake(all->parts[i].posix);
}

bool schedulers_ended(const struct schedulers *all) {
    return all == NULL || atomic_load(&all->running) == 0;
}

bool schedulers_gave_up(const struct schedulers *all, struct weft_reason *why) {
    unsigned index = all != NULL ? atomic_load(&all->gave_up) : 0;
    if (index == 0) return false;
    *why = all->parts[index].why;
    return true;
}

bool schedulers_failed(const struct schedulers *all) {
    return all != NULL && atomic_load(&all->failed);
}

void schedulers_close(struct schedulers *all) {
    if (all == NULL) return;
    schedulers_stop(all);
    for (uint32_t i = 1; i < all->count; i++)
        if (all->parts[i].thread != NULL) weft_posix_thread_join(all->parts[i].thread);
    while (all->first != NULL) {
        struct scheduler_task *task = pop_task(all);
        task->over(task, false);
    }
    for (uint32_t i = 1; i < all->count; i++)
        if (all->parts[i].node != NULL) weft_node_free(all->parts[i].node);
    weft_hub_free(all->hub);
    for (uint32_t i = 1; i < all->count; i++) weft_posix_free(all->parts[i].posix);
    WEFT_ASSERT(all->heap.blocks == 0);
    free(all);
}
