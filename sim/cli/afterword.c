/* A process that waits for the end of a run, and then makes its page. */
#define _GNU_SOURCE
#include "sim/cli/afterword.h"

#include "sim/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool refuse(const struct cli_afterword *afterword, int error) {
    fprintf(stderr, "weft: --report: %s cannot be written: %s\n", afterword->out, strerror(error));
    return false;
}

/* --- the process --- */

/* True: the page is wanted. False: the run's process has ended without a word, or cancelled. */
static bool wait_for_word(int fd) {
    char word;
    ssize_t got;
    do {
        got = read(fd, &word, 1);
    } while (got < 0 && errno == EINTR);
    return got == 1;
}

/* Beside the page there is room for it, if anywhere. */
static bool make_own(struct cli_afterword *afterword) {
    int size = snprintf(afterword->own, sizeof afterword->own, "%s.trace-XXXXXX", afterword->out);
    int fd = -1;
    errno = ENAMETOOLONG;
    if (size > 0 && (size_t)size < sizeof afterword->own) fd = mkostemp(afterword->own, O_CLOEXEC);
    if (fd < 0) {
        afterword->own[0] = '\0';
        return refuse(afterword, errno);
    }
    close(fd);
    afterword->trace = afterword->own;
    return true;
}

/* Whoever removes the trace makes it, so that it does not stay, whenever the run ends. False: it
 * cannot be made, which has been told. */
static bool make_ready(struct cli_afterword *afterword, int told) {
    if (afterword->trace == NULL && !make_own(afterword)) return false;
    ssize_t size = write(told, afterword->own, sizeof afterword->own);
    (void)size; /* the run has ended already: there will be no word either */
    close(told);
    return true;
}

/* Ctrl-C is for the run; this ends with it. */
static int run_child(struct cli_afterword *afterword, int fd, int told) {
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN); /* the run may have ended */
    if (!make_ready(afterword, told)) return CLI_BAD_INPUT;
    int status = CLI_HOLDS;
    if (wait_for_word(fd)) status = cli_report_file(afterword->trace, afterword->out, false);
    if (afterword->own[0] != '\0') (void)unlink(afterword->own);
    fflush(NULL);
    return status;
}

/* --- the run's side --- */

/* What the process has made ready. False: it could not. */
static bool hear_ready(struct cli_afterword *afterword, int told) {
    size_t have = 0;
    ssize_t got = 1;
    while (have < sizeof afterword->own && (got > 0 || errno == EINTR)) {
        got = read(told, afterword->own + have, sizeof afterword->own - have);
        if (got == 0) return false;
        if (got > 0) have += (size_t)got;
    }
    if (have < sizeof afterword->own) return false;
    if (afterword->own[0] != '\0') afterword->trace = afterword->own;
    return true;
}

static bool start_child(struct cli_afterword *afterword) {
    int words[2], told[2];
    bool is_ready = false;
    if (pipe2(words, O_CLOEXEC) != 0) return false;
    if (pipe2(told, O_CLOEXEC) != 0) {
        close(words[0]), close(words[1]);
        return false;
    }
    fflush(NULL);
    afterword->child = fork();
    if (afterword->child == 0) {
        close(words[1]), close(told[0]);
        _exit(run_child(afterword, words[0], told[1]));
    }
    close(words[0]), close(told[1]);
    afterword->fd = words[1];
    if (afterword->child > 0) is_ready = hear_ready(afterword, told[0]);
    close(told[0]);
    if (is_ready) return true;
    close(words[1]);
    return false;
}

/* Whether it will be possible to write there when the run is over. */
static bool prove(const struct cli_afterword *afterword) {
    struct stat about;
    int fd = open(afterword->out, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return refuse(afterword, errno);
    bool is_file = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    close(fd);
    return !is_file || unlink(afterword->out) == 0 || refuse(afterword, errno);
}

bool cli_afterword_start(struct cli_afterword *afterword, const char *trace) {
    afterword->trace = trace;
    afterword->fd = -1;
    if (!prove(afterword)) return false;
    signal(SIGPIPE, SIG_IGN); /* the process may have been ended */
    if (start_child(afterword)) return true;
    int status = 0;
    bool has_said = afterword->child > 0 && waitpid(afterword->child, &status, 0) > 0 &&
                    WIFEXITED(status) && WEXITSTATUS(status) == CLI_BAD_INPUT;
    if (!has_said) fputs("weft: --report: no process to write it\n", stderr);
    return false;
}

static void say(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written; /* nobody is left to be told */
}

static int end(struct cli_afterword *afterword) {
    int status = 0;
    close(afterword->fd);
    while (waitpid(afterword->child, &status, 0) < 0 && errno == EINTR) continue;
    afterword->fd = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_INTERNAL;
}

int cli_afterword_write(struct cli_afterword *afterword) {
    ssize_t told = write(afterword->fd, "w", 1);
    int status = end(afterword);
    if (told != 1 || status != CLI_HOLDS) {
        say("weft: there is no report\n");
        return status == CLI_HOLDS ? CLI_INTERNAL : status;
    }
    say("weft: the report is ");
    say(afterword->out);
    say("\n");
    return CLI_HOLDS;
}

void cli_afterword_cancel(struct cli_afterword *afterword) { (void)end(afterword); }
