/* A terminal by ANSI's sequences. */
#define _GNU_SOURCE
#include "sim/cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define LINE_SIZE 1024

/* Another screen, without a cursor; and back. */
#define TAKE_OVER "\033[?1049h\033[?25l\033[2J"
#define GIVE_BACK "\033[?25h\033[?1049l"

static struct termios before; /* of the one terminal there is */
static volatile sig_atomic_t ends;

static void on_resize(int signo) { (void)signo; }

static void on_end(int signo) { ends = signo; }

static void catch (int signo, void (*fn)(int signo)) {
    struct sigaction action = {.sa_handler = fn}; /* no SA_RESTART: a wait ends */
    sigaction(signo, &action, NULL);
}

bool cli_screen_open(struct cli_screen *screen) {
    struct termios raw;
    if (isatty(STDOUT_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before) != 0) return false;
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) return false;
    ends = 0;
    catch (SIGWINCH, on_resize);
    catch (SIGINT, on_end);
    catch (SIGTERM, on_end);
    catch (SIGHUP, on_end);
    *screen = (struct cli_screen){.live = true};
    fputs(TAKE_OVER, stdout);
    fflush(stdout);
    return true;
}

void cli_screen_close(struct cli_screen *screen) {
    if (!screen->live) return;
    fputs(GIVE_BACK, stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    screen->live = false;
}

/* COLUMNS and LINES, as many programs have them. */
static unsigned wished(const char *name, unsigned normal) {
    const char *text = getenv(name);
    unsigned long value = text != NULL ? strtoul(text, NULL, 10) : 0;
    return value > 0 && value <= CLI_SCREEN_COLUMNS_MAX ? (unsigned)value : normal;
}

static void measure(struct cli_screen *screen) {
    struct winsize size;
    screen->rows = wished("LINES", CLI_SCREEN_ROWS);
    screen->columns = wished("COLUMNS", CLI_SCREEN_COLUMNS);
    if (!screen->live || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return;
    if (size.ws_row > 0) screen->rows = size.ws_row;
    if (size.ws_col > 0) screen->columns = size.ws_col;
    if (screen->columns > CLI_SCREEN_COLUMNS_MAX) screen->columns = CLI_SCREEN_COLUMNS_MAX;
}

void cli_screen_plain(struct cli_screen *screen) { *screen = (struct cli_screen){.live = false}; }

void cli_screen_begin(struct cli_screen *screen) {
    measure(screen);
    screen->used = 0;
    if (screen->live) fputs("\033[H", stdout);
}

/* What a trace or a daemon says may hold anything. Bytes of UTF-8 pass; a character that is cut in
 * two at the edge does not. */
static void put_text(const char *text, unsigned columns) {
    char line[LINE_SIZE];
    size_t size = 0;
    unsigned used = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        bool goes_on = (*at & 0xc0) == 0x80;
        if (!goes_on && used == columns) break;
        if (!goes_on) used++;
        if (size + 4 >= sizeof line) break;
        line[size++] = *at < ' ' || *at == 0x7f ? '?' : (char)*at;
    }
    fwrite(line, 1, size, stdout);
}

__attribute__((format(printf, 3, 0))) static void
put_line(struct cli_screen *screen, const char *before_it, const char *format, va_list args) {
    char text[LINE_SIZE];
    if (screen->used == screen->rows) return;
    vsnprintf(text, sizeof text, format, args);
    if (screen->live && screen->used > 0) fputc('\n', stdout);
    if (screen->live) fputs(before_it, stdout);
    put_text(text, screen->columns);
    fputs(screen->live ? "\033[0m\033[K" : "\n", stdout);
    screen->used++;
}

void cli_screen_line(struct cli_screen *screen, const char *format, ...) {
    va_list args;
    va_start(args, format);
    put_line(screen, "", format, args);
    va_end(args);
}

void cli_screen_title(struct cli_screen *screen, const char *format, ...) {
    va_list args;
    va_start(args, format);
    put_line(screen, "\033[1m", format, args);
    va_end(args);
}

unsigned cli_screen_left(const struct cli_screen *screen) { return screen->rows - screen->used; }

void cli_screen_end(struct cli_screen *screen) {
    if (screen->live) fputs("\033[J", stdout);
    fflush(stdout);
}

int cli_screen_wait(const struct cli_screen *screen, int fd, int ms) {
    struct pollfd polled[2] = {{.fd = screen->live ? STDIN_FILENO : -1, .events = POLLIN},
                               {.fd = fd, .events = POLLIN}};
    char key;
    if (ends != 0) return 'q';
    if (poll(polled, 2, ms) < 0) return ends != 0 || errno != EINTR ? 'q' : 0;
    if (polled[0].revents == 0) return 0;
    if (read(STDIN_FILENO, &key, 1) != 1) return 'q';
    return key == 3 ? 'q' : (unsigned char)key;
}
