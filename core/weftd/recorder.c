/* The daemon's trace on disk. */
#define _POSIX_C_SOURCE 200809L
#include "core/weftd/recorder.h"

#include "analysis/trace_file.h"
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/weftd/log.h"
#include "core/weftd/version.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EVERY WEFT_S(1)
#define HEAD_SIZE 1024

struct recorder {
    pthread_mutex_t lock;
    struct ana_trace_writer *writer; /* NULL: there was trouble */
    const struct weftd_config *config;
    weft_time last; /* of an event; those of other threads may be a moment earlier */
    weft_time next;
    unsigned files; /* begun so far */
};

uint64_t recorder_kinds(const char *list) {
    uint64_t all = 0;
    for (;; list++) {
        uint64_t mask = 0;
        size_t size = strcspn(list, ",");
        for (unsigned i = 0; i < WEFT_TRACE_KIND_COUNT; i++) {
            const char *name = weft_trace_kind_name(i);
            bool fits = size > 0 && strncmp(name, list, size) == 0;
            if (fits && (name[size] == '\0' || name[size] == '.')) mask |= WEFT_TRACE_BIT(i);
        }
        if (mask == 0) return 0;
        all |= mask;
        list += size;
        if (*list == '\0') return all;
    }
}

uint64_t recorder_mask(const struct recorder *recorder) {
    if (recorder == NULL) return 0;
    const uint64_t packets = WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA);
    uint64_t only = recorder->config->trace_kinds;
    uint64_t mask = only != 0 ? only : WEFT_TRACE_ALL & ~packets;
    return mask | (recorder->config->trace_packets ? packets : 0);
}

/* The watchdog ends a handler by a signal, wherever it is: not here, with the lock held. */
static void lock(struct recorder *recorder, sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
    pthread_mutex_lock(&recorder->lock);
}

static void unlock(struct recorder *recorder, const sigset_t *before) {
    pthread_mutex_unlock(&recorder->lock);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static bool is_file(const char *path, uint64_t *size) {
    struct stat about;
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) return false;
    *size = (uint64_t)about.st_size;
    return true;
}

/* What is there becomes the one before. */
static int put_away(const char *path) {
    char old[WEFTD_PATH_MAX + 2];
    uint64_t size;
    if (!is_file(path, &size)) return WEFT_OK;
    snprintf(old, sizeof old, "%s.1", path);
    return rename(path, old) == 0 ? WEFT_OK : WEFT_ERR_IO;
}

static int begin_file(struct recorder *recorder) {
    const struct weftd_config *config = recorder->config;
    char head[HEAD_SIZE];
    snprintf(head, sizeof head, "build=weftd %s\nnodes=1\nport=%u\nname=%s\npart=%u\n",
             WEFT_VERSION, (unsigned)config->port, config->node, recorder->files++);
    const struct ana_trace_options options = {.head = head, .kinds = recorder_mask(recorder)};
    int rv = put_away(config->trace);
    return rv != WEFT_OK ? rv : ana_trace_create_with(config->trace, &options, &recorder->writer);
}

bool recorder_open(const struct weftd_config *config, struct recorder **out) {
    *out = NULL;
    if (config->trace[0] == '\0') return true;
    struct recorder *recorder = calloc(1, sizeof *recorder);
    int rv = recorder == NULL ? WEFT_ERR_NOMEM : WEFT_OK;
    if (rv == WEFT_OK) {
        recorder->config = config;
        rv = begin_file(recorder);
    }
    if (rv != WEFT_OK) {
        log_line(WEFT_LOG_ERROR, "--trace %s: %s", config->trace, weft_error_text(rv));
        free(recorder);
        return false;
    }
    pthread_mutex_init(&recorder->lock, NULL);
    *out = recorder;
    return true;
}

/* The order of a file is that in which events come to it. */
static void write_event(struct recorder *recorder, const struct weft_trace_event *event) {
    struct weft_trace_event told = *event;
    told.at = weft_time_max(event->at, recorder->last);
    recorder->last = told.at;
    if (recorder->writer != NULL) ana_trace_write(recorder->writer, &told);
}

void recorder_event(struct recorder *recorder, const struct weft_trace_event *event) {
    if (recorder == NULL || !(recorder_mask(recorder) & WEFT_TRACE_BIT(event->kind))) return;
    sigset_t before;
    lock(recorder, &before);
    write_event(recorder, event);
    unlock(recorder, &before);
}

void recorder_up(struct recorder *recorder, weft_time now, const struct weft_addr *addr) {
    recorder_event(recorder, &(struct weft_trace_event){.at = now,
                                                        .kind = WEFT_TRACE_NODE_UP,
                                                        .number = {1},
                                                        .bytes = weft_bytes(addr, sizeof *addr)});
}

void recorder_down(struct recorder *recorder, weft_time now, bool clean) {
    uint64_t cause = clean ? WEFT_NODE_STOPPED : WEFT_NODE_ENDED;
    recorder_event(recorder, &(struct weft_trace_event){.at = now,
                                                        .kind = WEFT_TRACE_NODE_DOWN,
                                                        .number = {1, clean, cause}});
}

/* --- once a second --- */

static int turn_over(struct recorder *recorder) {
    uint64_t size;
    bool full = is_file(recorder->config->trace, &size) && size >= recorder->config->trace_size;
    if (!full) return WEFT_OK;
    int rv = ana_trace_close(recorder->writer);
    recorder->writer = NULL;
    return rv == WEFT_OK ? begin_file(recorder) : rv;
}

static void show(struct recorder *recorder, const struct weft_trace_event *sample) {
    sigset_t before;
    lock(recorder, &before);
    if (recorder_mask(recorder) & WEFT_TRACE_BIT(sample->kind)) write_event(recorder, sample);
    int rv = WEFT_OK;
    if (recorder->writer != NULL) {
        ana_trace_show(recorder->writer);
        rv = turn_over(recorder);
    }
    unlock(recorder, &before);
    if (rv != WEFT_OK)
        log_line(WEFT_LOG_ERROR, "%s: the trace ends here: %s", recorder->config->trace,
                 weft_error_text(rv));
}

void recorder_run(struct recorder *recorder, weft_time now, struct weft_sched *sched,
                  size_t bytes) {
    if (recorder == NULL || now < recorder->next) return;
    struct weft_sched_stats stats;
    recorder->next = weft_time_add(now, EVERY);
    weft_sched_stats(sched, &stats);
    show(recorder, &(struct weft_trace_event){
                       .at = now,
                       .kind = WEFT_TRACE_NODE_SAMPLE,
                       .number = {stats.procs, weft_sched_waiting(sched), stats.timers, bytes}});
}

weft_time recorder_next_at(const struct recorder *recorder) {
    return recorder != NULL ? recorder->next : WEFT_TIME_NEVER;
}

void recorder_close(struct recorder *recorder) {
    if (recorder == NULL) return;
    int rv = recorder->writer != NULL ? ana_trace_close(recorder->writer) : WEFT_OK;
    if (rv != WEFT_OK)
        log_line(WEFT_LOG_ERROR, "%s: the trace is not complete: %s", recorder->config->trace,
                 weft_error_text(rv));
    pthread_mutex_destroy(&recorder->lock);
    free(recorder);
}
