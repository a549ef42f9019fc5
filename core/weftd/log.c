/* The log on standard error. */
#include "core/weftd/log.h"

#include "core/base/id.h"
#include "core/otp/types.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static enum weft_log_level level_max = WEFT_LOG_DEBUG;

void log_open(enum weft_log_level level) { level_max = level; }

uint64_t log_mask(enum weft_log_level level) {
    uint64_t mask = WEFT_TRACE_BIT(WEFT_TRACE_LOG) | WEFT_TRACE_BIT(WEFT_TRACE_DHT_UP) |
                    WEFT_TRACE_BIT(WEFT_TRACE_SUP_GIVE_UP) |
                    WEFT_TRACE_BIT(WEFT_TRACE_SYS_MESSAGE); /* only when it is asked for */
    if (level >= WEFT_LOG_INFO) {
        mask |= WEFT_TRACE_BIT(WEFT_TRACE_DIST_UP) | WEFT_TRACE_BIT(WEFT_TRACE_DIST_DOWN) |
                WEFT_TRACE_BIT(WEFT_TRACE_DHT_JOINED) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_DOWN) |
                WEFT_TRACE_BIT(WEFT_TRACE_APP_UP) | WEFT_TRACE_BIT(WEFT_TRACE_APP_DOWN);
    }
    if (level >= WEFT_LOG_DEBUG) {
        mask |= WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_UP) | WEFT_TRACE_BIT(WEFT_TRACE_DHT_TABLE) |
                WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_DONE) | WEFT_TRACE_BIT(WEFT_TRACE_STORE_DONE);
    }
    return mask;
}

/* A line is one line and tells a terminal nothing: some of it is what strangers call themselves. */
static void make_plain(char *text) {
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++)
        if (*at < ' ' || *at == 0x7f) *at = '?';
}

void log_line(enum weft_log_level level, const char *format, ...) {
    static const char *const names[] = {"", "error", "warn", "info", "debug"};
    struct timespec now;
    struct tm utc;
    char stamp[32], text[512];
    if (level > level_max) return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    make_plain(text);
    fprintf(stderr, "%s.%03ldZ %-5s %s\n", stamp, now.tv_nsec / 1000000, names[level], text);
}

static void log_fields(const struct weft_trace_event *event) {
    char text[256];
    size_t size = event->bytes.size < sizeof text - 1 ? event->bytes.size : sizeof text - 1;
    if (size > 0) memcpy(text, event->bytes.data, size);
    text[size] = '\0';
    const uint64_t *n = event->number;
    if (event->kind == WEFT_TRACE_DHT_JOINED) {
        log_line(WEFT_LOG_INFO, "joined the DHT in %llu ms, %llu contacts",
                 (unsigned long long)(n[0] / 1000000), (unsigned long long)n[1]);
    } else if (event->kind == WEFT_TRACE_SUP_CHILD_DOWN) {
        log_line(WEFT_LOG_INFO, "child %s ended (%s), %s", text,
                 weft_reason_name((enum weft_reason_kind)n[3]),
                 n[4] ? "restarting it" : "for good");
    } else if (event->kind == WEFT_TRACE_DIST_UP || event->kind == WEFT_TRACE_DIST_DOWN) {
        log_line(WEFT_LOG_INFO, "node %s is %s", text,
                 event->kind == WEFT_TRACE_DIST_UP ? "connected" : "lost");
    } else if (event->kind == WEFT_TRACE_SUP_GIVE_UP) {
        log_line(WEFT_LOG_ERROR, "a supervisor gave up after %llu restarts",
                 (unsigned long long)n[1]);
    } else if (event->kind == WEFT_TRACE_APP_UP) {
        log_line(WEFT_LOG_INFO, "application %s started", text);
    } else if (event->kind == WEFT_TRACE_APP_DOWN) {
        log_line(WEFT_LOG_INFO, "application %s ended (%s)%s", text,
                 weft_reason_name((enum weft_reason_kind)n[2]), n[4] ? ", as told" : "");
    } else if (event->kind == WEFT_TRACE_SYS_MESSAGE) {
        log_line(WEFT_LOG_WARN, "trace %llx %s %llx: %s tag %llu, %llu bytes",
                 (unsigned long long)n[0], n[2] ? "to" : "from", (unsigned long long)n[1], text,
                 (unsigned long long)n[3], (unsigned long long)n[4]);
    } else {
        log_line(WEFT_LOG_DEBUG, "%s %llu %llu %llu", weft_trace_kind_name(event->kind),
                 (unsigned long long)n[0], (unsigned long long)n[1], (unsigned long long)n[2]);
    }
}

static void log_dht_up(const struct weft_trace_event *event) {
    weft_id id;
    char text[WEFT_ID_TEXT_SIZE];
    if (event->bytes.size != sizeof id) return;
    memcpy(&id, event->bytes.data, sizeof id);
    weft_id_format(&id, text);
    log_line(WEFT_LOG_INFO, "DHT node %s%s", text, event->number[1] ? ", table restored" : "");
}

void log_event(const struct weft_trace_event *event) {
    if (event->kind == WEFT_TRACE_LOG) {
        log_line((enum weft_log_level)event->number[0], "%.*s", (int)event->bytes.size,
                 event->bytes.size > 0 ? (const char *)event->bytes.data : "");
    } else if (event->kind == WEFT_TRACE_DHT_UP) {
        log_dht_up(event);
    } else {
        log_fields(event);
    }
}
