/* Folders of modules. */
#define _GNU_SOURCE
#include "sim/cli/cli.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool cli_take_folder(struct cli_folders *folders, const char *path) {
    if (!is_folder(path)) {
        fprintf(stderr, "weft: \"%s\" is no folder: --modules takes one with modules in it\n",
                path);
        return false;
    }
    if (folders->count == CLI_FOLDERS_MAX) {
        fprintf(stderr, "weft: more than %d times --modules\n", CLI_FOLDERS_MAX);
        return false;
    }
    folders->list[folders->count++] = path;
    return true;
}

void cli_own_folders(struct cli_folders *folders) {
    static const char *const places[] = {"modules", "lib/weft/modules"};
    char program[512];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    if (size <= 0) return;
    program[size] = '\0';
    for (int i = 0; i < 2; i++) { /* .../bin/weft */
        char *slash = strrchr(program, '/');
        if (slash == NULL) return;
        *slash = '\0';
    }
    for (int i = 0; i < 2; i++) {
        snprintf(folders->own[i], sizeof folders->own[i], "%s/%s", program, places[i]);
        if (is_folder(folders->own[i])) folders->list[folders->count++] = folders->own[i];
    }
}
