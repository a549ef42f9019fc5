/* What all exports do: a file that is whole or not there, and a pass over a trace. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/export_internal.h"

#include "core/base/addr.h"
#include "core/base/assert.h"
#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE (1 << 18)
#define NAMES_TRIED 100
#define HEAD_VALUE_SIZE 512

int ana__fail(struct ana_export *export, int rv, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(export->why, sizeof export->why, format, args);
    va_end(args);
    return rv;
}

static int fail_to_write(struct ana_export *export, int error) {
    return ana__fail(export, WEFT_ERR_IO, "%s: cannot be written: %s", export->out,
                     strerror(error));
}

/* --- the file --- */

/* "OUT.partial-N", the first that is free. */
static int open_temporary(struct ana__file *out, struct ana_export *export) {
    size_t size = strlen(export->out) + sizeof ".partial-00";
    int fd = -1;
    out->temporary = malloc(size);
    if (out->temporary == NULL) return ana__fail(export, WEFT_ERR_NOMEM, "out of memory");
    for (int i = 0; i < NAMES_TRIED; i++) {
        snprintf(out->temporary, size, "%s.partial-%02d", export->out, i);
        fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) break;
    }
    int error = errno;
    out->file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (out->file != NULL) return WEFT_OK;
    if (fd >= 0) close(fd);
    free(out->temporary);
    return fail_to_write(export, error);
}

int ana__file_open(struct ana__file *out, struct ana_export *export) {
    struct stat there;
    *out = (struct ana__file){.file = NULL};
    if (strcmp(export->out, "-") == 0) {
        out->file = stdout;
    } else if (stat(export->out, &there) == 0 && !S_ISREG(there.st_mode)) {
        out->file = fopen(export->out, "wb");
        if (out->file == NULL) return fail_to_write(export, errno);
    } else {
        int rv = open_temporary(out, export);
        if (rv != WEFT_OK) return rv;
    }
    if (out->file != stdout) out->buffer = malloc(BUFFER_SIZE); /* without one, slower */
    if (out->buffer != NULL) setvbuf(out->file, out->buffer, _IOFBF, BUFFER_SIZE);
    return WEFT_OK;
}

bool ana__file_failed(struct ana__file *out) {
    if (out->error == 0 && ferror(out->file)) out->error = errno != 0 ? errno : EIO;
    return out->error != 0;
}

int ana__file_close(struct ana__file *out, struct ana_export *export, int rv) {
    bool failed = ana__file_failed(out);
    errno = 0;
    failed = (out->file == stdout ? fflush(stdout) : fclose(out->file)) != 0 || failed;
    if (out->error == 0) out->error = errno != 0 ? errno : EIO;
    free(out->buffer);
    if (rv == WEFT_OK && failed) rv = fail_to_write(export, out->error);
    if (out->temporary != NULL) {
        if (rv == WEFT_OK && rename(out->temporary, export->out) != 0)
            rv = fail_to_write(export, errno);
        if (rv != WEFT_OK) unlink(out->temporary);
        free(out->temporary);
    }
    return rv;
}

/* --- a pass --- */

static void want(struct ana_export *export, struct ana_trace_reader *reader,
                 const struct ana__visitor *visitor) {
    if (visitor->kinds != 0) ana_trace_want(reader, visitor->kinds, INT64_MIN, WEFT_TIME_NEVER);
    if (visitor->only_wanted) ana_filter_apply(export->filter, reader);
}

static int fail_to_read(struct ana_export *export, int rv) {
    if (rv == WEFT_ERR_NOMEM) return rv;
    return ana__fail(export, rv, "%s: cannot be read: %s", export->trace, weft_error_text(rv));
}

static int visit_all(struct ana_export *export, struct ana_trace_reader *reader,
                     const struct ana__visitor *visitor) {
    struct ana_trace_record record;
    int rv = WEFT_OK;
    want(export, reader, visitor);
    if (visitor->head != NULL) visitor->head(visitor->ctx, reader);
    while (rv == WEFT_OK) {
        int read = ana_trace_next(reader, &record);
        if (read == WEFT_ERR_CLOSED) break;
        if (read != WEFT_OK) return fail_to_read(export, read);
        bool wanted = ana_filter_lets(export->filter, &record);
        export->events += wanted;
        rv = visitor->event(visitor->ctx, &record, wanted);
    }
    return rv == ANA__ENOUGH ? WEFT_OK : rv;
}

static uint64_t damage_of(const struct ana_trace_reader *reader) {
    struct ana_trace_damage damage = ana_trace_damage(reader);
    if (damage.blocks > 0) return damage.blocks;
    return damage.bytes > 0 || damage.cut;
}

int ana__pass(struct ana_export *export, const struct ana__visitor *visitor) {
    struct ana_trace_reader *reader;
    const char *why;
    export->events = export->damaged = 0;
    int rv = ana_trace_open(export->trace, &reader, &why);
    if (rv != WEFT_OK) return ana__fail(export, rv, "%s: %s", export->trace, why);
    rv = visit_all(export, reader, visitor);
    export->damaged = damage_of(reader);
    ana_trace_free(reader);
    if (rv == WEFT_ERR_NOMEM) return ana__fail(export, rv, "out of memory");
    return rv;
}

void ana__head_value(const struct ana_trace_reader *reader, const char *key, char *out,
                     size_t size) {
    char value[HEAD_VALUE_SIZE] = "";
    ana_trace_head_value(reader, key, value, sizeof value);
    ana__plain_text(out, size, weft_bytes_text(value));
}

bool ana__packet_of(struct weft_bytes bytes, struct ana__packet *out) {
    size_t head = sizeof(struct weft_addr);
    if (bytes.size < 2 * head) return false;
    out->from = weft_bytes(bytes.data, head);
    out->to = weft_bytes(bytes.data + head, head);
    out->payload = weft_bytes(bytes.data + 2 * head, bytes.size - 2 * head);
    return true;
}
