/* A line that says how far a run is. */
#define _POSIX_C_SOURCE 200809L
#include "core/posix/confine.h"
#include "sim/cli/cli.h"

#include <unistd.h>

#define SHOW_EVERY_NS 100000000u

char *cli_thousands(uint64_t number, char text[32]) {
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *at = text;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return text;
}

void cli_progress_init(struct cli_progress *progress) {
    *progress =
        (struct cli_progress){.on = isatty(STDERR_FILENO) == 1, .started_ns = weft_posix_wall_ns()};
    progress->shown_ns = progress->started_ns;
}

void cli_progress_show(struct cli_progress *progress, weft_time now, weft_time stop,
                       uint64_t events) {
    if (!progress->on) return;
    uint64_t wall = weft_posix_wall_ns();
    if (wall - progress->shown_ns < SHOW_EVERY_NS) return;
    progress->shown_ns = wall;
    char count[32], rate[32];
    uint64_t taken_ms = (wall - progress->started_ns) / 1000000u;
    int percent = stop > 0 && now < stop ? (int)(now / (stop / 100 + 1)) : 100;
    fprintf(stderr, "\r\033[K%3d%%  %lld.%lld s of %lld s  %s events  %s/s", percent,
            (long long)(now / WEFT_S(1)), (long long)(now % WEFT_S(1) / WEFT_MS(100)),
            (long long)(stop / WEFT_S(1)), cli_thousands(events, count),
            cli_thousands(events * 1000u / (taken_ms > 0 ? taken_ms : 1), rate));
    fflush(stderr);
}

void cli_progress_clear(struct cli_progress *progress) {
    if (progress->on) fputs("\r\033[K", stderr);
}
