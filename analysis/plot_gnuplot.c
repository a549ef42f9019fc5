/* The program that draws. Files rather than pipes hold what it reads and writes: nobody waits for
 * anybody, however much it is. */
#define _GNU_SOURCE
#include "analysis/plot_internal.h"

#include "core/base/error.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_SIZE 4096

static int tell(struct ana_plot_task *task, int error, const char *what, const char *detail) {
    snprintf(task->why, sizeof task->why, "%s%s%s", what, detail != NULL ? ": " : "",
             detail != NULL ? detail : "");
    return error;
}

/* The last line that says something: gnuplot repeats the command before it. */
static const char *last_line(char *text) {
    char *end = text + strlen(text);
    while (end > text && strchr(" \t\r\n", end[-1]) != NULL) end--;
    *end = '\0';
    while (end > text && end[-1] != '\n') end--;
    return end + strspn(end, " \t");
}

/* What it said when it did not do as it was told. */
static int tell_failure(struct ana_plot_task *task, FILE *said, int status) {
    char text[SAID_SIZE], plain[ANA__TEXT_SIZE], how[64];
    rewind(said);
    text[fread(text, 1, sizeof text - 1, said)] = '\0';
    ana__plain(last_line(text), ANA__TEXT_SIZE - 1, plain);
    if (WIFSIGNALED(status)) {
        snprintf(how, sizeof how, "gnuplot was ended by signal %d", WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        snprintf(how, sizeof how, "gnuplot failed with status %d", WEXITSTATUS(status));
    } else {
        snprintf(how, sizeof how, "gnuplot drew nothing");
    }
    return tell(task, WEFT_ERR_IO, how, plain[0] != '\0' ? plain : NULL);
}

/* All of the file, to be freed. */
static int take(FILE *file, struct ana_plot_task *task) {
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    rewind(file);
    if (size < 0) return tell(task, WEFT_ERR_IO, "what gnuplot drew", strerror(errno));
    char *data = malloc((size_t)size + 1);
    if (data == NULL) return tell(task, WEFT_ERR_NOMEM, "out of memory", NULL);
    if (fread(data, 1, (size_t)size, file) != (size_t)size) {
        free(data);
        return tell(task, WEFT_ERR_IO, "what gnuplot drew", strerror(errno));
    }
    data[size] = '\0';
    task->data = data;
    task->size = (size_t)size;
    return WEFT_OK;
}

/* -d: without the settings of whoever is at the keyboard. */
static int start(FILE *const files[3], pid_t *pid) {
    char name[] = "gnuplot", option[] = "-d";
    char *const argv[] = {name, option, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions) != 0) return ENOMEM;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int error = 0;
    for (int i = 0; i < 3 && error == 0; i++) {
        error = posix_spawn_file_actions_adddup2(&actions, fileno(files[i]), i);
    }
    if (error == 0) error = posix_spawnp(pid, name, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int run(struct ana_plot_task *task, FILE *const files[3]) {
    pid_t pid;
    int status, error = start(files, &pid);
    if (error == ENOENT)
        return tell(task, WEFT_ERR_UNSUPPORTED,
                    "plots are drawn by gnuplot, which is not installed (Debian: gnuplot-nox)",
                    NULL);
    if (error != 0) return tell(task, WEFT_ERR_IO, "gnuplot cannot be run", strerror(error));
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return tell(task, WEFT_ERR_IO, "gnuplot", strerror(errno));
    }
    if (status != 0) return tell_failure(task, files[2], status);
    int rv = take(files[1], task);
    if (rv != WEFT_OK || task->size > 0) return rv;
    free(task->data);
    task->data = NULL;
    return tell_failure(task, files[2], status);
}

int ana__gnuplot(FILE *script, struct ana_plot_task *task) {
    FILE *drawn = tmpfile(), *said = tmpfile();
    int rv;
    if (drawn == NULL || said == NULL || fflush(script) != 0 || ferror(script)) {
        rv = tell(task, WEFT_ERR_IO, "a temporary file", strerror(errno));
    } else {
        rewind(script);
        lseek(fileno(script), 0, SEEK_SET);
        rv = run(task, (FILE *const[3]){script, drawn, said});
    }
    if (drawn != NULL) fclose(drawn);
    if (said != NULL) fclose(said);
    return rv;
}
