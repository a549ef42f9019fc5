/* The saved table on disk. */
#include "core/base/assert.h"
#include "core/dht/service_internal.h"

#include <stdio.h>
#include <string.h>

/* A table of this size has more contacts than any has. */
#define SAVED_SIZE_MAX (1u << 20)

static int read_file(weft_self *self, const char *path, struct weft_bytes *out) {
    struct weft_env *env = weft_self_env(self);
    weft_file file;
    int rv = env->disk->open(env, path, WEFT_DISK_READ, &file);
    if (rv != WEFT_OK) return rv;
    int64_t size = env->disk->size(env, file);
    unsigned char *data = NULL;
    if (size > 0 && size <= SAVED_SIZE_MAX) data = weft_alloc(self, (size_t)size);
    int64_t got = data != NULL ? env->disk->read(env, file, 0, data, (size_t)size) : -1;
    env->disk->close(env, file);
    if (got == size && size > 0) {
        *out = weft_bytes(data, (size_t)size);
        return WEFT_OK;
    }
    weft_free(self, data);
    return got < 0 && size > 0 && size <= SAVED_SIZE_MAX ? WEFT_ERR_IO : WEFT_ERR_CORRUPT;
}

struct weft_bytes weft_dht__service_read(weft_self *self) {
    const struct service *service = weft_state(self);
    const char *path = service->config.path;
    struct weft_bytes saved = {0};
    weft_id id;
    if (path == NULL) return saved;
    int rv = read_file(self, path, &saved);
    if (rv == WEFT_OK) rv = weft_dht_saved_id(saved, &id);
    if (rv == WEFT_OK || rv == WEFT_ERR_NOT_FOUND) return saved;
    weft_log(weft_self_env(self), WEFT_LOG_WARN, "saved table %s is not used: %s", path,
             weft_error_text(rv));
    weft_dht__service_read_done(self, saved);
    return (struct weft_bytes){0};
}

void weft_dht__service_read_done(weft_self *self, struct weft_bytes saved) {
    if (saved.size == 0) return;
    void *data;
    memcpy(&data, &saved.data, sizeof data); /* it was ours, and not constant, before */
    weft_free(self, data);
}

static int write_file(struct weft_env *env, const char *path, struct weft_bytes data) {
    weft_file file;
    int rv =
        env->disk->open(env, path, WEFT_DISK_WRITE | WEFT_DISK_CREATE | WEFT_DISK_TRUNCATE, &file);
    if (rv != WEFT_OK) return rv;
    rv = env->disk->write(env, file, 0, data.data, data.size);
    if (rv == WEFT_OK) rv = env->disk->sync(env, file);
    env->disk->close(env, file);
    return rv;
}

/* Write beside it, sync, rename over it, sync the folder. */
static int replace_file(struct weft_env *env, const char *path, struct weft_bytes data) {
    char beside[WEFT_PATH_MAX];
    int length = snprintf(beside, sizeof beside, "%s.new", path);
    WEFT_ASSERT(length > 0);
    if ((size_t)length >= sizeof beside) return WEFT_ERR_INVAL;
    int rv = write_file(env, beside, data);
    if (rv == WEFT_OK) rv = env->disk->rename(env, beside, path);
    if (rv == WEFT_OK) rv = env->disk->sync_folder(env, path);
    return rv;
}

void weft_dht__service_save(weft_self *self) {
    const struct service *service = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    WEFT_ASSERT(service->config.path != NULL);
    size_t size = weft_dht_save(service->dht, NULL, 0);
    unsigned char *data = weft_alloc(self, size);
    if (data == NULL) return;
    size_t written = weft_dht_save(service->dht, data, size);
    WEFT_ASSERT(written == size);
    int rv = replace_file(env, service->config.path, weft_bytes(data, size));
    weft_free(self, data);
    if (rv == WEFT_OK) return;
    weft_log(env, WEFT_LOG_WARN, "cannot save the table to %s: %s", service->config.path,
             weft_error_text(rv));
}
