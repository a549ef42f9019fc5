/* Loads weft-simgrid.so, and tries platforms. */
#define _GNU_SOURCE
#include "sim/cli/flow.h"

#include "core/base/error.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PART "weft-simgrid.so"
#define PATH_SIZE 4096
#define TOLD_SIZE 4096

/* Beside the program, as built, or as installed. */
static const char *const places[] = {"/" PART, "/../lib/weft/" PART, "/../lib64/weft/" PART,
                                     "/../lib/x86_64-linux-gnu/weft/" PART};

static bool own_folder(char path[PATH_SIZE]) {
    ssize_t size = readlink("/proc/self/exe", path, PATH_SIZE - 1);
    if (size <= 0) return false;
    path[size] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL) return false;
    *slash = '\0';
    return true;
}

static const struct sim_flow_ops *load(void) {
    char folder[PATH_SIZE], path[2 * PATH_SIZE], why[TOLD_SIZE] = "the program's folder is unknown";
    bool is_known = own_folder(folder);
    for (size_t i = 0; is_known && i < sizeof places / sizeof places[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", folder, places[i]);
        void *part = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (part != NULL) return dlsym(part, SIM_FLOW_SYMBOL);
        if (i == 0 || access(path, F_OK) == 0) (void)snprintf(why, sizeof why, "%s", dlerror());
    }
    fprintf(stderr,
            "weft: no SimGrid for 'engine: simgrid': %s\n"
            "weft: install libsimgrid-dev and build again, or say 'engine: links'\n",
            why);
    return NULL;
}

/* Line 1 of what a child said when it ended badly, without SimGrid's own prefix. */
static void tell_refusal(const char *platform, char *told) {
    char *line = told;
    for (char *at; (at = strstr(line, "] ")) != NULL && at < line + strcspn(line, "\n");)
        line = at + 2;
    line[strcspn(line, "\n")] = '\0';
    fprintf(stderr, "%s:1:1: SimGrid refuses this platform: %s\n", platform,
            line[0] != '\0' ? line : "it does not say why");
}

static _Noreturn void try_in_child(const struct sim_flow_ops *flow,
                                   const struct sim_flow_setup *setup, int out) {
    (void)dup2(out, STDERR_FILENO);
    (void)dup2(out, STDOUT_FILENO);
    int rv = flow->open(setup);
    if (rv == WEFT_OK) _exit(flow->hosts() > 0 ? 0 : 1);
    fprintf(stderr, "%s\n", rv == WEFT_ERR_INVAL ? "it has no host" : weft_error_text(rv));
    fflush(stderr);
    _exit(1);
}

static bool is_platform(const struct sim_flow_ops *flow, const struct sim_flow_setup *setup) {
    int pipes[2], status = 0;
    char told[TOLD_SIZE];
    size_t used = 0;
    if (pipe(pipes) != 0) return true; /* not tried; the run will tell */
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) try_in_child(flow, setup, pipes[1]);
    close(pipes[1]);
    for (ssize_t size; child > 0 && used + 1 < sizeof told; used += (size_t)size) {
        size = read(pipes[0], told + used, sizeof told - used - 1);
        if (size <= 0) break;
    }
    told[used] = '\0';
    close(pipes[0]);
    if (child < 0 || waitpid(child, &status, 0) != child) return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    tell_refusal(setup->platform, told);
    return false;
}

bool cli_flow_load(const struct sim_plan *plan, const struct sim_flow_ops **out) {
    *out = NULL;
    if (plan->flow.setup.platform == NULL) return true;
    const struct sim_flow_ops *flow = load();
    if (flow == NULL || !is_platform(flow, &plan->flow.setup)) return false;
    *out = flow;
    return true;
}
