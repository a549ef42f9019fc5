/* The log on standard error. It never stops the node: lines go out by one write(2) each, only when
 * whoever reads them can take one more, and no more than LOG_BURST_MAX a second (logger's overload
 * protection, https://www.erlang.org/doc/apps/kernel/logger_chapter.html#message-queue-length and
 * burst_limit_max_count; 500 there too). What is left out is counted, and the count is logged.
 *
 * Without a lock, as schedulers log from their threads, and a handler that is ended while it logs
 * would keep it. */
#include "core/weftd/log.h"

#include "core/base/id.h"
#include "core/otp/types.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_SIZE 512
#define LINE_SIZE (TEXT_SIZE + 64) /* below PIPE_BUF: whole, and no wait where poll allows it */
#define THREAD_STACK ((size_t)128 * 1024)
#define NAP 1000000 /* ns */

struct line {
    struct timespec at;
    enum weft_log_level level;
    bool is_last; /* that its second may have */
    char text[TEXT_SIZE];
};

static enum weft_log_level level_max = WEFT_LOG_DEBUG;
static _Atomic uint64_t burst; /* the second << 32 | lines in it */
static _Atomic uint64_t dropped;

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

/* How many lines the second `now` has had with this one. */
static uint32_t count_line(time_t now) {
    uint64_t before = atomic_load(&burst), after;
    do {
        bool same = before >> 32 == ((uint64_t)now & UINT32_MAX);
        after = (uint64_t)now << 32 | (same ? (before & UINT32_MAX) + 1 : 1);
    } while (!atomic_compare_exchange_weak(&burst, &before, after));
    return (uint32_t)after;
}

/* A pipe that says so takes PIPE_BUF bytes; files always do. */
static bool takes_a_line(void) {
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT);
}

static bool write_text(const struct timespec *at, enum weft_log_level level, const char *text) {
    static const char *const names[] = {"", "error", "warn", "info", "debug"};
    char stamp[32], line[LINE_SIZE];
    struct tm utc;
    if (!takes_a_line()) return false;
    gmtime_r(&at->tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    int size = snprintf(line, sizeof line, "%s.%03ldZ %-5s %s\n", stamp, at->tv_nsec / 1000000,
                        names[level], text);
    return size > 0 && write(STDERR_FILENO, line, (size_t)size) == size;
}

static void tell_dropped(const struct timespec *at) {
    char text[TEXT_SIZE];
    uint64_t count = atomic_exchange(&dropped, 0);
    if (count == 0) return;
    snprintf(text, sizeof text, "log: %llu lines left out", (unsigned long long)count);
    if (!write_text(at, WEFT_LOG_WARN, text)) atomic_fetch_add(&dropped, count);
}

static void write_line(const struct line *line) {
    tell_dropped(&line->at);
    if (!write_text(&line->at, line->level, line->text)) atomic_fetch_add(&dropped, 1);
    if (line->is_last)
        (void)write_text(&line->at, WEFT_LOG_WARN,
                         "log: what comes in the rest of this second is left out");
}

/* --- lines that wait for the thread that writes them --- */

/* A place belongs to the line of number `turn`, once that is in it to `turn` + 1, once it has been
 * written to that of LOG_LINES_MAX later (D. Vyukov's bounded queue). */
struct place {
    _Atomic uint64_t turn;
    struct line line;
};

static struct {
    struct place place[LOG_LINES_MAX];
    _Atomic uint64_t taken; /* numbers given to lines */
    uint64_t written;       /* the thread's */
    atomic_bool on, over;
    atomic_bool asleep; /* the thread waits for `work` */
    sem_t work;
    pthread_t thread;
} queue;

static struct place *take_place(void) {
    uint64_t number = atomic_load(&queue.taken);
    for (;;) {
        struct place *place = &queue.place[number % LOG_LINES_MAX];
        uint64_t turn = atomic_load(&place->turn);
        if (turn < number) return NULL; /* of a line that waits */
        if (turn > number) {
            number = atomic_load(&queue.taken);
        } else if (atomic_compare_exchange_weak(&queue.taken, &number, number + 1)) {
            return place;
        }
    }
}

/* With no signal between: a handler that is ended here would leave a place that is never filled. */
static void put_line(const struct line *line) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct place *place = take_place();
    if (place != NULL) {
        place->line.at = line->at;
        place->line.level = line->level;
        place->line.is_last = line->is_last;
        memcpy(place->line.text, line->text, strlen(line->text) + 1);
        atomic_fetch_add(&place->turn, 1);
        if (atomic_exchange(&queue.asleep, false)) sem_post(&queue.work);
    } else {
        atomic_fetch_add(&dropped, 1);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool write_next(void) {
    struct place *place = &queue.place[queue.written % LOG_LINES_MAX];
    if (atomic_load(&place->turn) != queue.written + 1) return false;
    write_line(&place->line);
    atomic_store(&place->turn, queue.written + LOG_LINES_MAX);
    queue.written++;
    return true;
}

/* Lines come together: after some it looks again soon, so that only the first has to wake it. */
static void *write_lines(void *arg) {
    (void)arg;
    while (!atomic_load(&queue.over)) {
        bool some = false;
        while (write_next()) some = true;
        if (some) {
            nanosleep(&(struct timespec){.tv_nsec = NAP}, NULL);
            continue;
        }
        atomic_store(&queue.asleep, true);
        if (write_next()) continue; /* it came before we slept */
        while (sem_wait(&queue.work) != 0) {
        }
    }
    while (write_next()) {
    }
    return NULL;
}

void log_start(void) {
    pthread_attr_t attr;
    sigset_t all, before;
    if (atomic_load(&queue.on) || pthread_attr_init(&attr) != 0) return;
    for (uint64_t i = 0; i < LOG_LINES_MAX; i++) atomic_store(&queue.place[i].turn, i);
    atomic_store(&queue.taken, 0);
    queue.written = 0;
    atomic_store(&queue.over, false);
    atomic_store(&queue.asleep, false);
    sem_init(&queue.work, 0, 0);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool on = pthread_create(&queue.thread, &attr, write_lines, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    atomic_store(&queue.on, on);
    if (!on) sem_destroy(&queue.work);
}

void log_stop(void) {
    if (!atomic_exchange(&queue.on, false)) return;
    atomic_store(&queue.over, true);
    sem_post(&queue.work);
    pthread_join(queue.thread, NULL);
    sem_destroy(&queue.work);
}

/* --- lines --- */

void log_line(enum weft_log_level level, const char *format, ...) {
    struct line line;
    if (level > level_max) return;
    clock_gettime(CLOCK_REALTIME, &line.at);
    uint32_t count = count_line(line.at.tv_sec);
    if (count > LOG_BURST_MAX) {
        atomic_fetch_add(&dropped, 1);
        return;
    }
    line.level = level;
    line.is_last = count == LOG_BURST_MAX;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    if (size < 0) line.text[0] = '\0';
    make_plain(line.text);
    if (atomic_load(&queue.on)) {
        put_line(&line);
    } else {
        write_line(&line);
    }
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
