/* A folder that is there whole or not at all. */
#define _XOPEN_SOURCE 700
#include "analysis/csv_files.h"

#include "core/base/error.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void tell(char why[ANA_WHY_SIZE], const char *path, const char *what) {
    snprintf(why, ANA_WHY_SIZE, "%.400s: %s", path, what);
}

static const char *reason(int error) {
    if (error == EACCES || error == EPERM || error == EROFS) return "no permission to write there";
    if (error == ENOENT || error == ENOTDIR) return "there is no such folder to write it in";
    if (error == ENOSPC || error == EDQUOT) return "no space left";
    if (error == ENAMETOOLONG) return "the name is too long";
    return "cannot be written";
}

static bool is_dot(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

/* Not there at all, or a folder with nothing in it. */
static bool is_free(const char *path, char why[ANA_WHY_SIZE]) {
    bool empty = true;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        if (errno == ENOENT) return true;
        tell(why, path, errno == ENOTDIR ? "is there, and no folder" : reason(errno));
        return false;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        empty = empty && is_dot(entry->d_name);
    closedir(dir);
    if (!empty) tell(why, path, "is there and not empty");
    return empty;
}

int ana__folder_create(struct ana__folder *folder, const char *wanted, char why[ANA_WHY_SIZE]) {
    size_t size = strlen(wanted);
    folder->path[0] = '\0';
    while (size > 1 && wanted[size - 1] == '/') size--;
    if (size == 0 || size + 16 > sizeof folder->wanted) {
        tell(why, wanted, size == 0 ? "a folder must have a name" : "the name is too long");
        return WEFT_ERR_IO;
    }
    memcpy(folder->wanted, wanted, size);
    folder->wanted[size] = '\0';
    if (!is_free(folder->wanted, why)) return WEFT_ERR_IO;
    memcpy(folder->path, folder->wanted, size);
    memcpy(folder->path + size, ".part-XXXXXX", sizeof ".part-XXXXXX");
    if (mkdtemp(folder->path) == NULL) {
        tell(why, folder->wanted, reason(errno));
        folder->path[0] = '\0';
        return WEFT_ERR_IO;
    }
    return WEFT_OK;
}

/* mkdtemp made it for us alone; what it becomes is as any other folder. */
int ana__folder_commit(struct ana__folder *folder, char why[ANA_WHY_SIZE]) {
    mode_t mask = umask(022);
    umask(mask);
    if (chmod(folder->path, 0777 & ~mask) != 0 || rename(folder->path, folder->wanted) != 0) {
        tell(why, folder->wanted, reason(errno));
        return WEFT_ERR_IO;
    }
    folder->path[0] = '\0';
    return WEFT_OK;
}

/* Of paths as long as these, none is cut. */
static bool join(char out[ANA__PATH_SIZE], const char *folder, const char *name) {
    int size = snprintf(out, ANA__PATH_SIZE, "%s/%s", folder, name);
    return size > 0 && size < ANA__PATH_SIZE;
}

static void remove_files(const char *path, bool folders) {
    DIR *dir = opendir(path);
    if (dir == NULL) return;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char inside[ANA__PATH_SIZE];
        if (is_dot(entry->d_name) || !join(inside, path, entry->d_name)) continue;
        if (unlink(inside) == 0 || !folders) continue;
        remove_files(inside, false);
        rmdir(inside);
    }
    closedir(dir);
}

void ana__folder_remove(struct ana__folder *folder) {
    if (folder->path[0] == '\0') return;
    remove_files(folder->path, true);
    rmdir(folder->path);
    folder->path[0] = '\0';
}

FILE *ana__folder_file(const struct ana__folder *folder, const char *name, char why[ANA_WHY_SIZE]) {
    char path[ANA__PATH_SIZE];
    const char *slash = strchr(name, '/');
    bool fits = join(path, folder->path, name);
    if (fits && slash != NULL) {
        char *end = path + strlen(path) - strlen(slash);
        *end = '\0';
        fits = mkdir(path, 0777) == 0 || errno == EEXIST;
        *end = '/';
    }
    FILE *file = fits ? fopen(path, "wb") : NULL;
    if (file == NULL) {
        snprintf(why, ANA_WHY_SIZE, "%.300s/%.100s: %s", folder->wanted, name, reason(errno));
    }
    return file;
}
