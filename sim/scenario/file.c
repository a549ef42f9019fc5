/* Files a scenario is made of. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int read_open(FILE *file, size_t most, struct weft_bytes *out) {
    unsigned char *data = NULL;
    size_t size = 0, room = 0;
    int rv = WEFT_OK;
    while (rv == WEFT_OK) {
        room = room == 0 ? 16384 : 2 * room;
        unsigned char *more = realloc(data, room);
        if (more == NULL) {
            rv = WEFT_ERR_NOMEM;
            break;
        }
        data = more;
        size += fread(data + size, 1, room - size, file);
        if (ferror(file) != 0)
            rv = WEFT_ERR_IO;
        else if (size > most)
            rv = WEFT_ERR_TOO_BIG;
        else if (size < room)
            break;
    }
    if (rv == WEFT_OK)
        *out = weft_bytes(data, size);
    else
        free(data);
    return rv;
}

int sim_plan__read_file(const char *path, size_t most, struct weft_bytes *out) {
    WEFT_ASSERT(path != NULL);
    WEFT_ASSERT(out != NULL);
    struct stat info;
    if (stat(path, &info) != 0) return WEFT_ERR_NOT_FOUND;
    if (!S_ISREG(info.st_mode)) return WEFT_ERR_IO; /* a pipe would wait, a folder has no bytes */
    FILE *file = fopen(path, "rb");
    if (file == NULL) return WEFT_ERR_IO;
    int rv = read_open(file, most, out);
    fclose(file);
    return rv;
}

char *sim_plan__copy(struct sim_plan__reader *reader, const char *text) {
    WEFT_ASSERT(text != NULL);
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy == NULL)
        reader->no_memory = true;
    else
        memcpy(copy, text, size);
    return copy;
}

bool sim_plan__beside(const char *scenario, const char *name, char path[SIM_PLAN__FILE_SIZE]) {
    const char *slash = name[0] == '/' ? NULL : strrchr(scenario, '/');
    int folder = slash != NULL ? (int)(slash - scenario) + 1 : 0;
    int size = snprintf(path, SIM_PLAN__FILE_SIZE, "%.*s%s", folder, scenario, name);
    return size > 0 && size < SIM_PLAN__FILE_SIZE;
}
