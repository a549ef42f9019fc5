/* Spans of code: collected from the tree of debug information, sorted, looked up by halves. */
#include "core/posix/spans.h"

#include "core/base/assert.h"

#include <dwarf.h>
#include <stdlib.h>

#define SPANS_MAX (UINT32_C(1) << 20)
#define NESTING_MAX                                                                                \
    64 /* of blocks and inlined functions: what is deeper counts as what is around */

const char *weft_posix__scope_name(Dwarf_Die *scope) {
    Dwarf_Attribute attribute;
    int tag = dwarf_tag(scope);
    if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine) return NULL;
    return dwarf_formstring(dwarf_attr_integrate(scope, DW_AT_name, &attribute));
}

static bool add(struct weft_posix__spans *spans, const struct weft_posix__span *span) {
    if (spans->count == spans->room) {
        uint32_t room = spans->room == 0 ? 256 : spans->room * 2;
        if (room > SPANS_MAX) return false;
        struct weft_posix__span *grown = realloc(spans->span, room * sizeof *grown);
        if (grown == NULL) return false;
        spans->span = grown;
        spans->room = room;
    }
    spans->span[spans->count++] = *span;
    return true;
}

static bool add_scope(struct weft_posix__spans *spans, Dwarf_Die *scope) {
    struct weft_posix__span span = {.name = weft_posix__scope_name(scope), .outer = spans->count};
    Dwarf_Addr base;
    ptrdiff_t at = 0;
    if (span.name == NULL) return true;
    while ((at = dwarf_ranges(scope, at, &base, &span.start, &span.end)) > 0)
        if (span.start < span.end && !add(spans, &span)) return false;
    return true;
}

static bool add_children(struct weft_posix__spans *spans, Dwarf_Die *parent, int depth) {
    Dwarf_Die child;
    if (depth == NESTING_MAX || dwarf_child(parent, &child) != 0) return true;
    do {
        int tag = dwarf_tag(&child);
        bool is_scope = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
        if (!is_scope && tag != DW_TAG_lexical_block) continue;
        if (is_scope && !add_scope(spans, &child)) return false;
        if (!add_children(spans, &child, depth + 1)) return false;
    } while (dwarf_siblingof(&child, &child) == 0);
    return true;
}

void weft_posix__spans_add(struct weft_posix__spans *spans, Dwarf_Die *unit, size_t index) {
    WEFT_ASSERT(unit != NULL);
    if (spans->sorted || spans->units != index) return;
    if (add_children(spans, unit, 0)) spans->units++;
}

/* Of two that are the same stretch the outer one has come first. */
static int order(const void *a, const void *b) {
    const struct weft_posix__span *left = a, *right = b;
    if (left->start != right->start) return left->start < right->start ? -1 : 1;
    if (left->end != right->end) return left->end > right->end ? -1 : 1;
    return left->outer < right->outer ? -1 : left->outer > right->outer;
}

void weft_posix__spans_sort(struct weft_posix__spans *spans, size_t units) {
    if (spans->sorted || spans->units != units) return;
    if (spans->count > 0) qsort(spans->span, spans->count, sizeof *spans->span, order);
    uint32_t around = WEFT_POSIX_SPAN_NONE;
    for (uint32_t i = 0; i < spans->count; i++) {
        while (around != WEFT_POSIX_SPAN_NONE && spans->span[around].end <= spans->span[i].start)
            around = spans->span[around].outer;
        spans->span[i].outer = around;
        around = i;
    }
    spans->sorted = true;
}

const char *weft_posix__spans_find(const struct weft_posix__spans *spans, Dwarf_Addr code) {
    WEFT_ASSERT(spans->sorted);
    uint32_t low = 0, high = spans->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (spans->span[middle].start <= code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint32_t at = low == 0 ? WEFT_POSIX_SPAN_NONE : low - 1;
    while (at != WEFT_POSIX_SPAN_NONE && spans->span[at].end <= code) at = spans->span[at].outer;
    return at == WEFT_POSIX_SPAN_NONE ? NULL : spans->span[at].name;
}

void weft_posix__spans_free(struct weft_posix__spans *spans) {
    free(spans->span);
    *spans = (struct weft_posix__spans){.span = NULL};
}
