/* Daemons as one frame: what each answers to `status` on its control socket. */
#define _GNU_SOURCE
#include "sim/cli/top.h"

#include "core/base/time.h"
#include "sim/cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_SIZE 4096

/* X(NAME, "key"): lines of the answer that are shown. */
#define NUMBERS(X)                                                                                 \
    X(UPTIME, "uptime_s")                                                                          \
    X(PORT, "port")                                                                                \
    X(CONTACTS4, "contacts4")                                                                      \
    X(CONTACTS6, "contacts6")                                                                      \
    X(SENT, "sent")                                                                                \
    X(PROCESSES, "processes")                                                                      \
    X(MAILBOX, "mailbox")                                                                          \
    X(RESTARTS, "restarts")                                                                        \
    X(FAULTS, "faulted")                                                                           \
    X(LOOKUPS, "lookups_done")                                                                     \
    X(MEMORY, "memory_bytes")

enum number {
#define NUMBER_ENUM(NAME, key) NUMBER_##NAME,
    NUMBERS(NUMBER_ENUM)
#undef NUMBER_ENUM
        NUMBER_COUNT
};

struct daemon {
    const char *path;
    bool answered, answered_before;
    const char *trouble; /* when it did not */
    uint64_t number[NUMBER_COUNT], last[NUMBER_COUNT];
    int64_t asked_ms, last_ms;
};

struct cli_top_daemons {
    struct daemon *list;
    uint32_t count;
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct cli_top_daemons *cli_top_daemons_new(const char *const *paths, uint32_t count) {
    struct cli_top_daemons *daemons = calloc(1, sizeof *daemons);
    if (daemons == NULL) return NULL;
    daemons->list = calloc(count, sizeof *daemons->list);
    if (daemons->list == NULL) {
        free(daemons);
        return NULL;
    }
    daemons->count = count;
    for (uint32_t i = 0; i < count; i++) daemons->list[i].path = paths[i];
    return daemons;
}

void cli_top_daemons_free(struct cli_top_daemons *daemons) {
    if (daemons == NULL) return;
    free(daemons->list);
    free(daemons);
}

/* --- one question --- */

/* Connected, or -1 and why not. */
static int connect_to(const char *path, const char **trouble) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    *trouble = "the path is too long";
    if (strlen(path) >= sizeof addr.sun_path) return -1;
    memcpy(addr.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *trouble = "no socket to ask by";
    if (fd < 0) return -1;
    if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0) return fd;
    *trouble = errno == EAGAIN ? "busy" : errno == EACCES ? "not ours" : "not running";
    close(fd);
    return -1;
}

/* All of the answer, as text; false: it did not come, not by then, or is too long. */
static bool read_answer(int fd, char answer[ANSWER_SIZE]) {
    int64_t until = now_ms() + CLI_TOP_ANSWER_MS;
    size_t size = 0;
    for (;;) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        int64_t left = until - now_ms();
        if (left <= 0 || (poll(&polled, 1, (int)left) <= 0 && errno != EINTR)) return false;
        ssize_t got = read(fd, answer + size, ANSWER_SIZE - 1 - size);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (got < 0) return false;
        size += (size_t)got;
        answer[size] = '\0';
        if (got == 0) return strncmp(answer, "ok\n", 3) == 0;
        if (size == ANSWER_SIZE - 1) return false;
    }
}

static void take_line(struct daemon *daemon, const char *line) {
    static const char *const keys[] = {
#define NUMBER_KEY(NAME, key) key,
        NUMBERS(NUMBER_KEY)
#undef NUMBER_KEY
    };
    for (unsigned i = 0; i < NUMBER_COUNT; i++) {
        size_t size = strlen(keys[i]);
        if (strncmp(line, keys[i], size) != 0 || line[size] != ' ') continue;
        daemon->number[i] = strtoull(line + size + 1, NULL, 10);
    }
}

static bool ask(struct daemon *daemon) {
    static const char question[] = "status\n";
    char answer[ANSWER_SIZE];
    daemon->answered_before = daemon->answered;
    memcpy(daemon->last, daemon->number, sizeof daemon->last);
    daemon->last_ms = daemon->asked_ms;
    daemon->answered = false;
    int fd = connect_to(daemon->path, &daemon->trouble);
    if (fd < 0) return false;
    ssize_t sent = send(fd, question, sizeof question - 1, MSG_NOSIGNAL);
    bool whole = sent == (ssize_t)sizeof question - 1 && read_answer(fd, answer);
    close(fd);
    daemon->trouble = "no answer";
    if (!whole) return false;
    daemon->asked_ms = now_ms();
    daemon->answered = true;
    memset(daemon->number, 0, sizeof daemon->number);
    for (const char *line = answer; (line = strchr(line, '\n')) != NULL; line++)
        take_line(daemon, line + 1);
    return true;
}

uint32_t cli_top_daemons_ask(struct cli_top_daemons *daemons) {
    uint32_t answered = 0;
    for (uint32_t i = 0; i < daemons->count; i++) answered += ask(&daemons->list[i]);
    return answered;
}

/* --- the frame --- */

/* A second since it was asked before; a daemon that began anew counts from 0. */
static double rate_of(const struct daemon *daemon, enum number number) {
    uint64_t now = daemon->number[number], last = daemon->last[number];
    int64_t took = daemon->asked_ms - daemon->last_ms;
    if (!daemon->answered_before || now < last || took <= 0) return 0;
    return (double)(now - last) * 1000.0 / (double)took;
}

static void draw_one(const struct daemon *daemon, struct cli_screen *screen) {
    const uint64_t *n = daemon->number;
    if (!daemon->answered) {
        cli_screen_line(screen, "%s  %s", daemon->path, daemon->trouble);
        return;
    }
    const char *slash = strrchr(daemon->path, '/');
    char uptime[32];
    snprintf(uptime, sizeof uptime, "%lluh%02llum%02llus",
             (unsigned long long)(n[NUMBER_UPTIME] / 3600),
             (unsigned long long)(n[NUMBER_UPTIME] / 60 % 60),
             (unsigned long long)(n[NUMBER_UPTIME] % 60));
    cli_screen_line(screen, "%-13.13s %9s %5llu %7llu %8llu %6llu %6.1f %6.1f %5llu %6llu",
                    slash != NULL ? slash + 1 : daemon->path, uptime,
                    (unsigned long long)n[NUMBER_PROCESSES], (unsigned long long)n[NUMBER_MAILBOX],
                    (unsigned long long)n[NUMBER_RESTARTS], (unsigned long long)n[NUMBER_FAULTS],
                    rate_of(daemon, NUMBER_LOOKUPS), rate_of(daemon, NUMBER_SENT),
                    (unsigned long long)(n[NUMBER_CONTACTS4] + n[NUMBER_CONTACTS6]),
                    (unsigned long long)(n[NUMBER_MEMORY] / 1024));
}

void cli_top_daemons_draw(const struct cli_top_daemons *daemons, struct cli_screen *screen) {
    uint32_t up = 0;
    uint64_t procs = 0, mailbox = 0, restarts = 0, faults = 0;
    double lookups = 0;
    for (uint32_t i = 0; i < daemons->count; i++) {
        const struct daemon *daemon = &daemons->list[i];
        if (!daemon->answered) continue;
        up++;
        procs += daemon->number[NUMBER_PROCESSES];
        mailbox += daemon->number[NUMBER_MAILBOX];
        restarts += daemon->number[NUMBER_RESTARTS];
        faults += daemon->number[NUMBER_FAULTS];
        lookups += rate_of(daemon, NUMBER_LOOKUPS);
    }
    cli_screen_begin(screen);
    cli_screen_title(screen, "weftd: %u up of %u", up, daemons->count);
    cli_screen_line(
        screen,
        "processes %llu, %llu faulted, %llu restarts   mailboxes %llu messages   lookups "
        "%.1f/s",
        (unsigned long long)procs, (unsigned long long)faults, (unsigned long long)restarts,
        (unsigned long long)mailbox, lookups);
    cli_screen_line(screen, "%s", "");
    cli_screen_title(screen, "%-13s %9s %5s %7s %8s %6s %6s %6s %5s %6s", "daemon", "up for",
                     "procs", "mailbox", "restarts", "faults", "look/s", "sent/s", "known", "KiB");
    for (uint32_t i = 0; i < daemons->count; i++) draw_one(&daemons->list[i], screen);
    cli_screen_end(screen);
}
