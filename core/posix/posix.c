/* Env on Linux: putting it together. */
#define _GNU_SOURCE
#include "core/posix/posix.h"

#include "core/posix/guard.h"
#include "core/posix/internal.h"

#include <stdlib.h>

#define RECEIVE_BUFFER (4 * 1024 * 1024)

static void trace_emit(struct weft_env *env, const struct weft_trace_event *event) {
    struct weft_posix *posix = weft_posix__of(env);
    WEFT_ASSERT(event->kind < WEFT_TRACE_KIND_COUNT);
    if (event->kind == WEFT_TRACE_LOG && event->number[0] > posix->log_level) return;
    posix->trace(posix->trace_ctx, event);
}

static const struct weft_trace_ops trace_ops = {.emit = trace_emit};

static uint64_t wanted(const struct weft_posix_config *config) {
    if (config->trace == NULL) return 0;
    uint64_t log = WEFT_TRACE_BIT(WEFT_TRACE_LOG);
    uint64_t mask = config->trace_mask & ~log & WEFT_TRACE_ALL;
    return config->log_level > 0 ? mask | log : mask;
}

static void fill(struct weft_posix *posix, const struct weft_posix_config *config) {
    weft_mem_heap_init(&posix->mem, config->memory_max);
    weft_mem_heap_init(&posix->own, 0);
    posix->env = (struct weft_env){.clock = &weft_posix__clock,
                                   .entropy = &weft_posix__entropy,
                                   .net = &weft_posix__net,
                                   .disk = &weft_posix__disk,
                                   .loader = &weft_posix__loader,
                                   .guard = &weft_posix_guard,
                                   .job = &weft_posix__job,
                                   .trace = &trace_ops,
                                   .trace_mask = wanted(config),
                                   .mem = &posix->mem.base,
                                   .node = config->node,
                                   .reasons_name_places = true};
    posix->log_level = config->log_level;
    posix->trace = config->trace;
    posix->trace_ctx = config->trace_ctx;
    posix->packets = config->packets_from;
    posix->receive_buffer = config->receive_buffer > 0 ? config->receive_buffer : RECEIVE_BUFFER;
    posix->share_ports = config->share_ports;
    posix->connect_max = config->connect_max != 0 ? config->connect_max : WEFT_STREAM_CONNECT_MAX;
    posix->ports = config->share_ports ? NULL : config->ports;
    posix->job_threads = config->job_threads;
    posix->sockets_max = config->sockets_max;
    if (posix->sockets_max == 0 || posix->sockets_max > POSIX_SOCKETS_MAX) {
        posix->sockets_max = POSIX_SOCKETS_MAX;
    }
    weft_list_init(&posix->modules);
}

int weft_posix_new(const struct weft_posix_config *config, struct weft_posix **out) {
    WEFT_ASSERT(config != NULL);
    WEFT_ASSERT(out != NULL);
    struct weft_posix *posix = calloc(1, sizeof *posix);
    if (posix == NULL) return WEFT_ERR_NOMEM;
    fill(posix, config);
    int rv = weft_posix__disk_init(posix, config->folder);
    if (rv != WEFT_OK) goto err_after_alloc;
    rv = weft_posix__loop_init(posix);
    if (rv != WEFT_OK) goto err_after_disk;
    rv = weft_posix__net_init(posix);
    if (rv != WEFT_OK) goto err_after_loop;
    *out = posix;
    return WEFT_OK;

err_after_loop:
    weft_posix__loop_deinit(posix);
err_after_disk:
    weft_posix__disk_deinit(posix);
err_after_alloc:
    free(posix);
    return rv;
}

void weft_posix_free(struct weft_posix *posix) {
    if (posix == NULL) return;
    WEFT_ASSERT(posix->driver == NULL);
    weft_posix__jobs_deinit(posix);
    weft_posix__net_deinit(posix);
    weft_posix__loader_deinit(posix);
    weft_posix__disk_deinit(posix);
    weft_posix__loop_deinit(posix);
    WEFT_ASSERT(posix->own.blocks == 0);
    free(posix);
}

struct weft_env *weft_posix_env(struct weft_posix *posix) {
    WEFT_ASSERT(posix != NULL);
    return &posix->env;
}

void weft_posix_stats(const struct weft_posix *posix, struct weft_posix_stats *stats) {
    WEFT_ASSERT(posix != NULL);
    *stats = posix->stats;
}
