/* Reasons: as people and supervisors read them, and as the runtime keeps them. */
#include "core/otp/internal.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const reason_names[] = {
#define REASON_NAME(name, text) text,
    WEFT_REASONS(REASON_NAME)
#undef REASON_NAME
};

#define REASONS_COUNT (sizeof reason_names / sizeof reason_names[0])

struct weft_reason weft_reason(enum weft_reason_kind kind, int32_t code) {
    struct weft_reason reason;
    WEFT_ASSERT((size_t)kind < REASONS_COUNT);
    memset(&reason, 0, sizeof reason);
    reason.kind = kind;
    reason.code = code;
    return reason;
}

struct weft_reason weft_reason_text(enum weft_reason_kind kind, int32_t code, const char *format,
                                    ...) {
    struct weft_reason reason = weft_reason(kind, code);
    WEFT_ASSERT(format != NULL);
    va_list args;
    va_start(args, format);
    int length = vsnprintf(reason.text, sizeof reason.text, format, args);
    va_end(args);
    if (length < 0) reason.text[0] = '\0';
    return reason;
}

const char *weft_reason_name(enum weft_reason_kind kind) {
    return (size_t)kind < REASONS_COUNT ? reason_names[kind] : "?";
}

bool weft_reason_is_clean(const struct weft_reason *reason) {
    WEFT_ASSERT(reason != NULL);
    return reason->kind == WEFT_REASON_NORMAL || reason->kind == WEFT_REASON_SHUTDOWN;
}

static size_t text_length(const struct weft_reason *reason) {
    const void *end = memchr(reason->text, '\0', sizeof reason->text);
    if (end == NULL) return sizeof reason->text - 1;
    return (size_t)((const char *)end - reason->text);
}

static struct cause_text *text_new(struct weft_sched *sched, const char *text, size_t length) {
    WEFT_ASSERT(length > 0);
    WEFT_ASSERT(length < WEFT_REASON_TEXT_SIZE);
    struct cause_text *shared = weft_otp__alloc(sched, sizeof *shared + length + 1);
    if (shared == NULL) return NULL;
    shared->refs = 1;
    shared->size = (uint32_t)length + 1;
    memcpy(shared->text, text, length);
    shared->text[length] = '\0';
    return shared;
}

struct cause weft_otp__cause_plain(enum weft_reason_kind kind, int32_t code) {
    WEFT_ASSERT((size_t)kind < REASONS_COUNT);
    return (struct cause){.kind = kind, .code = code, .text = NULL};
}

struct cause weft_otp__cause_make(struct weft_sched *sched, const struct weft_reason *reason) {
    WEFT_ASSERT(sched != NULL);
    struct cause cause = weft_otp__cause_plain(reason->kind, reason->code);
    size_t length = text_length(reason);
    if (length > 0) cause.text = text_new(sched, reason->text, length);
    return cause;
}

struct cause weft_otp__cause_share(struct cause cause) {
    if (cause.text == NULL) return cause;
    WEFT_ASSERT(cause.text->refs > 0);
    WEFT_ASSERT(cause.text->refs < UINT32_MAX);
    cause.text->refs++;
    return cause;
}

void weft_otp__cause_drop(struct weft_sched *sched, struct cause *cause) {
    struct cause_text *text = cause->text;
    cause->text = NULL;
    if (text == NULL) return;
    WEFT_ASSERT(text->refs > 0);
    if (--text->refs == 0) weft_otp__free(sched, text, sizeof *text + text->size);
}

struct weft_reason weft_otp__cause_reason(const struct cause *cause) {
    struct weft_reason reason = weft_reason(cause->kind, cause->code);
    if (cause->text == NULL) return reason;
    WEFT_ASSERT(cause->text->refs > 0);
    WEFT_ASSERT(cause->text->size <= sizeof reason.text);
    memcpy(reason.text, cause->text->text, cause->text->size);
    return reason;
}
