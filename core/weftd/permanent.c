/* What was committed, one line "CONFIGURED<tab>COMMITTED" a module. */
#include "core/weftd/permanent.h"

#include "core/base/assert.h"
#include "core/otp/code.h"
#include "core/weftd/daemon.h"
#include "core/weftd/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PLACE_SIZE (WEFTD_PATH_MAX + 32)

static bool place_of(const struct daemon *daemon, const char *name, char place[PLACE_SIZE]) {
    if (daemon->config.data[0] == '\0') return false;
    int size = snprintf(place, PLACE_SIZE, "%s/%s", daemon->config.data, name);
    return size > 0 && size < PLACE_SIZE;
}

static void take_line(struct daemon *daemon, char *line) {
    struct weftd_config *config = &daemon->config;
    char *tab = strchr(line, '\t');
    if (tab == NULL) return;
    *tab++ = '\0';
    tab[strcspn(tab, "\n")] = '\0';
    for (size_t i = 0; i < config->apps_count; i++) {
        if (strcmp(config->apps[i].module, line) != 0) continue;
        if (strlen(tab) >= WEFTD_PATH_MAX || access(tab, R_OK) != 0) {
            log_line(WEFT_LOG_WARN, "%s was committed and cannot be read: %s runs instead", tab,
                     line);
            continue;
        }
        memcpy(daemon->committed[i], tab, strlen(tab) + 1);
    }
}

void permanent_read(struct daemon *daemon) {
    char place[PLACE_SIZE], line[2 * WEFTD_PATH_MAX + 2];
    WEFT_ASSERT(daemon->config.apps_count <= WEFTD_APPS_MAX);
    FILE *file = place_of(daemon, "permanent", place) ? fopen(place, "r") : NULL;
    if (file == NULL) return;
    while (fgets(line, sizeof line, file) != NULL) take_line(daemon, line);
    fclose(file);
}

static void learn_one(void *ctx, const struct weft_code_info *info) {
    struct daemon *daemon = ctx;
    for (size_t i = 0; i < daemon->config.apps_count; i++) {
        if (strcmp(daemon->apps[i].path, info->path) == 0)
            snprintf(daemon->modules[i], sizeof daemon->modules[i], "%s", info->module);
    }
}

void permanent_learn(struct daemon *daemon) {
    WEFT_ASSERT(daemon->node != NULL);
    weft_code_each(weft_node_sched(daemon->node), learn_one, daemon);
}

struct writing {
    struct daemon *daemon;
    FILE *file;
};

/* The version that no rollback would leave: an upgrade that is open may yet go back. */
static bool is_committed(const struct daemon *daemon, const struct weft_code_info *info) {
    struct weft_code_status status;
    if (weft_code_status(weft_node_sched(daemon->node), info->module, &status) != WEFT_OK)
        return info->current;
    return status.state == WEFT_CODE_OPEN ? info->version == status.from : info->current;
}

static void write_one(void *ctx, const struct weft_code_info *info) {
    struct writing *writing = ctx;
    const struct daemon *daemon = writing->daemon;
    bool committed = is_committed(daemon, info);
    for (size_t i = 0; committed && i < daemon->config.apps_count; i++) {
        if (strcmp(daemon->modules[i], info->module) == 0)
            fprintf(writing->file, "%s\t%s\n", daemon->config.apps[i].module, info->path);
    }
}

/* Written aside and moved in: a crash leaves the old one or the new one. */
int permanent_write(struct daemon *daemon) {
    char place[PLACE_SIZE], aside[PLACE_SIZE];
    if (!place_of(daemon, "permanent", place) || !place_of(daemon, "permanent.new", aside))
        return WEFT_OK;
    struct writing writing = {.daemon = daemon, .file = fopen(aside, "w")};
    if (writing.file == NULL) return WEFT_ERR_IO;
    weft_code_each(weft_node_sched(daemon->node), write_one, &writing);
    bool failed = fflush(writing.file) != 0 || fsync(fileno(writing.file)) != 0;
    failed = fclose(writing.file) != 0 || failed;
    return !failed && rename(aside, place) == 0 ? WEFT_OK : WEFT_ERR_IO;
}
