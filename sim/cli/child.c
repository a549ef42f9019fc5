/* A run in a process of its own: what it leaves behind in a library ends with it. */
#define _DEFAULT_SOURCE
#include "core/base/error.h"
#include "core/posix/confine.h"
#include "sim/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct answer {
    int rv;
    struct sim_run_report report;
};

static bool write_all(int to, const void *data, size_t size) {
    const unsigned char *at = data;
    while (size > 0) {
        ssize_t written = write(to, at, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static bool read_all(int from, void *data, size_t size) {
    unsigned char *at = data;
    while (size > 0) {
        ssize_t got = read(from, at, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static _Noreturn void run(const struct sim_plan *plan, const struct sim_run_options *options,
                          struct answer *answer, int to) {
    (void)weft_posix_confine();
    answer->rv = sim_run(plan, options, &answer->report);
    _exit(write_all(to, answer, sizeof *answer) ? 0 : 1);
}

int cli_run_in_child(const struct sim_plan *plan, const struct sim_run_options *options,
                     struct sim_run_report *report) {
    int pipes[2], status = 0;
    struct answer *answer = calloc(1, sizeof *answer);
    if (answer == NULL) return WEFT_ERR_NOMEM;
    int rv = pipe(pipes) == 0 ? WEFT_OK : WEFT_ERR_IO;
    pid_t child = -1;
    if (rv == WEFT_OK) {
        fflush(NULL);
        child = fork();
        if (child == 0) run(plan, options, answer, pipes[1]);
        close(pipes[1]);
        rv = child > 0 && read_all(pipes[0], answer, sizeof *answer) ? answer->rv : WEFT_ERR_CLOSED;
        close(pipes[0]);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (rv == WEFT_OK) *report = answer->report;
    free(answer);
    return rv;
}
