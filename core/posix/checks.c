/* What a failed check of the compiler calls (-fsanitize=integer-divide-by-zero and its kin, without
 * the sanitizer's runtime): the fault it is, with the file and the line that the compiler knows.
 * The names and the layout are those of UBSan's runtime interface. */
#include "core/posix/guard_internal.h"

#include <stddef.h>

#ifndef WEFT_UBSAN

struct location {
    const char *file;
    uint32_t line, column;
};

void __ubsan_handle_divrem_overflow_abort(const struct location *at, uintptr_t left,
                                          uintptr_t right);
void __ubsan_handle_builtin_unreachable(const struct location *at);

void __ubsan_handle_divrem_overflow_abort(const struct location *at, uintptr_t left,
                                          uintptr_t right) {
    struct weft_fault fault = {.kind = WEFT_FAULT_FPE,
                               .line = (int)at->line,
                               .file = at->file,
                               .what = right == 0 ? "division by zero" : "division overflows"};
    (void)left;
    weft_posix__raise(&fault, NULL, (uintptr_t)__builtin_frame_address(0));
}

void __ubsan_handle_builtin_unreachable(const struct location *at) {
    struct weft_fault fault = {.kind = WEFT_FAULT_ASSERT,
                               .line = (int)at->line,
                               .file = at->file,
                               .what = "unreachable code was reached"};
    weft_posix__raise(&fault, NULL, (uintptr_t)__builtin_frame_address(0));
}

#endif
