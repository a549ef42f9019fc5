/* Which function machine code belongs to, inlined ones included, as a table made beforehand: to ask
 * the debug information itself takes a tenth of a millisecond an address. Private to core/posix. */
#ifndef WEFT_POSIX_SPANS_H
#define WEFT_POSIX_SPANS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of code of one function, or of one that was inlined there.
 * I1  two spans of one table have nothing in common, or one is within the other.
 * I2  sorted by start, the wider first; `outer` is the innermost one around it. */
struct weft_posix__span {
    Dwarf_Addr start, end;
    const char *name; /* the debug information's */
    uint32_t outer;   /* index; WEFT_POSIX_SPAN_NONE. Not sorted yet: how many came before */
};

#define WEFT_POSIX_SPAN_NONE UINT32_MAX

/* Of one object. All bytes 0: empty. I1 and I2 hold once `sorted`. */
struct weft_posix__spans {
    struct weft_posix__span *span;
    uint32_t count, room;
    size_t units; /* that were added */
    bool sorted;
};

/* Add those of the unit that comes at `index`, unless it has been added, or one before it has not.
 * Without memory for it nothing is added from then on. */
void weft_posix__spans_add(struct weft_posix__spans *spans, Dwarf_Die *unit, size_t index);
/* There are `units`: when all of them were added, the table can be asked. */
void weft_posix__spans_sort(struct weft_posix__spans *spans, size_t units);
/* The function at `code`, an address of the debug information; NULL: none known. */
const char *weft_posix__spans_find(const struct weft_posix__spans *spans, Dwarf_Addr code);
void weft_posix__spans_free(struct weft_posix__spans *spans);

/* The name of a function, or of one that was inlined; NULL: `scope` is something else. */
const char *weft_posix__scope_name(Dwarf_Die *scope);

#endif
