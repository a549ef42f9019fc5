/* Afterword: the page of a run, written when the run is over, by a process that was there before
 * the run was confined: gnuplot could not be started after. */
#ifndef SIM_CLI_AFTERWORD_H
#define SIM_CLI_AFTERWORD_H

#include <stdbool.h>
#include <sys/types.h>

#define CLI_AFTERWORD_PATH 4096

/* 0 in all: no page. */
struct cli_afterword {
    const char *out;              /* --report */
    const char *trace;            /* what it is made of */
    char own[CLI_AFTERWORD_PATH]; /* "": the trace is the user's; else it is beside the page, and is
                                     removed once that is written or the run has ended otherwise */
    int fd;
    pid_t child;
};

/* `trace` is where the user wants one, NULL: nowhere. Then one is kept beside the page, and
 * afterword->trace says where. An earlier page of that name is removed: what is there afterwards is
 * of this run. To be called before there are threads. False after telling why not. */
bool cli_afterword_start(struct cli_afterword *afterword, const char *trace);

/* The trace is as whole as it will be: wait for the page, and say on stderr where it is. Returns
 * the exit status; what is wrong has been told. Nothing but system calls that a signal handler may
 * make. */
int cli_afterword_write(struct cli_afterword *afterword);

/* There will be no page. */
void cli_afterword_cancel(struct cli_afterword *afterword);

#endif
