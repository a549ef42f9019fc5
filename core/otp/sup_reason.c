/* What a supervisor that gives up says: the child, how often, how long, and why; and when the
 * child was a supervisor that gave up too, what that one said. */
#include "core/otp/sup_internal.h"

#include <stdio.h>

#define MARK " restarts in "
#define PART_SIZE (2 * WEFT_REASON_TEXT_SIZE)

/* "12 restarts in 5 s, ..." that stands last in `text`, or NULL. */
static const char *innermost(const char *text) {
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, MARK)) != NULL; at += sizeof MARK - 1) found = at;
    if (found == NULL) return NULL;
    while (found > text && found[-1] >= '0' && found[-1] <= '9') found--;
    return found;
}

static void write_period(char *to, size_t size, weft_duration period) {
    WEFT_ASSERT(period > 0);
    if (period % WEFT_S(1) == 0) {
        snprintf(to, size, "%lld s", (long long)(period / WEFT_S(1)));
    } else {
        snprintf(to, size, "%lld ms", (long long)(period / WEFT_MS(1)));
    }
}

/* "fault core/x.c:12: count <= k", "error 7", "killed" */
static void write_cause(char *to, size_t size, const struct weft_reason *why) {
    const char *name = weft_reason_name(why->kind), *gap = why->text[0] != '\0' ? " " : "";
    WEFT_ASSERT(size >= sizeof why->text + 40);
    if (why->kind == WEFT_REASON_FAULT || (why->kind == WEFT_REASON_SHUTDOWN && why->code == 0)) {
        snprintf(to, size, "%s%s%s", name, gap, why->text);
    } else if (why->code != 0) {
        snprintf(to, size, "%s %d%s%s", name, why->code, gap, why->text);
    } else {
        snprintf(to, size, "%s%s%s", name, gap, why->text);
    }
}

struct weft_reason weft_otp__sup_give_up_reason(const struct sup *sup, const struct child *child,
                                                const struct weft_reason *why) {
    char period[32], head[PART_SIZE], cause[PART_SIZE];
    write_period(period, sizeof period, sup->period);
    write_cause(cause, sizeof cause, why);
    int length =
        snprintf(head, sizeof head, "%u" MARK "%s, last child '%.40s': ", sup->restarts_count + 1,
                 period, weft_otp__spec_label(child->spec));
    WEFT_ASSERT(length > 0);
    const char *inner = innermost(why->text);
    size_t room = WEFT_REASON_TEXT_SIZE - 1;
    if (inner == NULL || (size_t)length + strlen(cause) <= room)
        return weft_reason_text(WEFT_REASON_SHUTDOWN, 0, "%s%s", head, cause);
    /* What lies between goes; the first cause stays readable. */
    if ((size_t)length + strlen("... ") + strlen(inner) <= room)
        return weft_reason_text(WEFT_REASON_SHUTDOWN, 0, "%s... %s", head, inner);
    return weft_reason_text(WEFT_REASON_SHUTDOWN, 0, "... %s", inner);
}
