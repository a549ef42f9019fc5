/* Screen: frames of text on a terminal, each in place of the last. */
#ifndef SIM_CLI_SCREEN_H
#define SIM_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_SCREEN_ROWS 24
#define CLI_SCREEN_COLUMNS 80
#define CLI_SCREEN_COLUMNS_MAX 400

/* Lines are added up to `rows`; further ones are left out. */
struct cli_screen {
    unsigned rows, columns, used;
    bool live; /* a terminal that is drawn upon; else lines are printed as they come */
};

/* Take over the terminal: keys come one by one, and are not shown; it is given back at the end,
 * whatever ends the program, but for a signal that cannot be caught. False: there is none. */
bool cli_screen_open(struct cli_screen *screen);
void cli_screen_close(struct cli_screen *screen);

/* For one frame on what is no terminal, or is not taken over. */
void cli_screen_plain(struct cli_screen *screen);

/* Begin a frame, of the size that the terminal has now. */
void cli_screen_begin(struct cli_screen *screen);
/* A line, cut at the right edge; what is no printable character is shown as '?'. */
void cli_screen_line(struct cli_screen *screen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, set off from the others where that can be. */
void cli_screen_title(struct cli_screen *screen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
unsigned cli_screen_left(const struct cli_screen *screen); /* rows */
void cli_screen_end(struct cli_screen *screen);

/* Wait for a key, for something to read at `fd` (-1: nothing), or for so many ms; a change of size
 * ends the wait, too. The key; 0: none; 'q' also for Ctrl-C and for a terminal that is gone. */
int cli_screen_wait(const struct cli_screen *screen, int fd, int ms);

#endif
