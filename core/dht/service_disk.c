/* The saved table on the env's disk. */
#include "core/dht/service_internal.h"

#include <string.h>

#define TEMPORARY ".new"

/* `path` with `suffix`. False: too long. */
static bool beside(const char *path, const char *suffix, char out[WEFT_PATH_MAX]) {
    size_t length = strlen(path), more = strlen(suffix) + 1;
    if (length == 0 || length + more > WEFT_PATH_MAX) return false;
    memcpy(out, path, length);
    memcpy(out + length, suffix, more);
    return true;
}

static int read_all(struct weft_env *env, weft_file file, struct weft_mem *mem,
                    struct weft_bytes *out) {
    int64_t size = env->disk->size(env, file);
    if (size < 0) return (int)size;
    if (size == 0) return WEFT_ERR_CORRUPT;
    if (size > DHT_FILE_MAX) return WEFT_ERR_TOO_BIG;
    unsigned char *data = weft_mem_alloc(mem, (size_t)size);
    if (data == NULL) return WEFT_ERR_NOMEM;
    int64_t got = env->disk->read(env, file, 0, data, (size_t)size);
    WEFT_ASSERT(got <= size);
    if (got == size) {
        *out = weft_bytes(data, (size_t)size);
        return WEFT_OK;
    }
    weft_mem_free(mem, data, (size_t)size);
    return got < 0 ? (int)got : WEFT_ERR_CORRUPT;
}

int weft_dht__disk_read(weft_self *self, const char *path, unsigned char **out, size_t *size) {
    struct weft_env *env = weft_self_env(self);
    weft_file file = WEFT_FILE_NONE;
    struct weft_bytes data = {NULL, 0};
    WEFT_ASSERT(path != NULL);
    int error = env->disk->open(env, path, WEFT_DISK_READ, &file);
    if (error != WEFT_OK) return error;
    error = read_all(env, file, weft_self_mem(self), &data);
    env->disk->close(env, file);
    if (error != WEFT_OK) return error;
    *out = (unsigned char *)(uintptr_t)data.data;
    *size = data.size;
    return WEFT_OK;
}

static int write_synced(struct weft_env *env, const char *path, struct weft_bytes data) {
    weft_file file = WEFT_FILE_NONE;
    WEFT_ASSERT(data.size > 0);
    int error =
        env->disk->open(env, path, WEFT_DISK_WRITE | WEFT_DISK_CREATE | WEFT_DISK_TRUNCATE, &file);
    if (error != WEFT_OK) return error;
    error = env->disk->write(env, file, 0, data.data, data.size);
    if (error == WEFT_OK) error = env->disk->sync(env, file);
    env->disk->close(env, file);
    return error;
}

/* The last one stays beside the new one: whoever finds the new one damaged, or missing between the
 * two renames, has it. */
static int put_in_place(struct weft_env *env, const char *temporary, const char *path) {
    char last[WEFT_PATH_MAX];
    WEFT_ASSERT(temporary != NULL);
    if (!beside(path, WEFT_DHT__LAST, last)) return WEFT_ERR_INVAL;
    int error = env->disk->rename(env, path, last);
    if (error != WEFT_OK && error != WEFT_ERR_NOT_FOUND) return error;
    return env->disk->rename(env, temporary, path);
}

int weft_dht__disk_replace(weft_self *self, const char *path, struct weft_bytes data) {
    struct weft_env *env = weft_self_env(self);
    char temporary[WEFT_PATH_MAX];
    WEFT_ASSERT(data.data != NULL);
    if (!beside(path, TEMPORARY, temporary)) return WEFT_ERR_INVAL;
    int error = write_synced(env, temporary, data);
    if (error == WEFT_OK) error = put_in_place(env, temporary, path);
    if (error != WEFT_OK) {
        (void)env->disk->remove(env, temporary);
        return error;
    }
    size_t folder = strlen(path);
    while (folder > 0 && path[folder - 1] != '/') folder--;
    temporary[folder > 0 ? folder - 1 : 0] = '\0';
    return env->disk->sync_folder(env, temporary);
}

int weft_dht__disk_read_last(weft_self *self, const char *path, unsigned char **out, size_t *size) {
    char last[WEFT_PATH_MAX];
    WEFT_ASSERT(out != NULL);
    if (!beside(path, WEFT_DHT__LAST, last)) return WEFT_ERR_NOT_FOUND;
    return weft_dht__disk_read(self, last, out, size);
}

void weft_dht__disk_save(weft_self *self) {
    struct weft_dht__service *service = weft_state(self);
    WEFT_ASSERT(service->dht != NULL);
    if (service->config->path == NULL) return;
    size_t size = weft_dht_save(service->dht, NULL, 0);
    unsigned char *data = weft_alloc(self, size);
    int error = WEFT_ERR_NOMEM;
    if (data != NULL) {
        size_t written = weft_dht_save(service->dht, data, size);
        WEFT_ASSERT(written == size);
        error = weft_dht__disk_replace(self, service->config->path, weft_bytes(data, size));
        weft_free(self, data);
    }
    if (error == WEFT_OK) return;
    weft_log(weft_self_env(self), WEFT_LOG_WARN, "dht: table not saved to %s: %s",
             service->config->path, weft_error_text(error));
}
