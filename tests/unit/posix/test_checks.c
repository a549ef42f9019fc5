/* Mistakes that the compiler sees are faults all the same, and their place is known. */
#include "core/posix/guard.h"
#include "tests/harness/harness.h"
#include "tests/unit/posix/folded.h"

#include <string.h>

static volatile int depth;

static void faults(const char *name, void (*fn)(void *arg), bool is_access) {
    struct weft_fault fault = {.kind = WEFT_FAULT_NONE};
    int seven = 7;
    if (CHECK(!weft_posix_guard.run(NULL, fn, &seven, &depth, &fault))) {
        CHECK_EQ_INT(fault.kind, is_access ? WEFT_FAULT_SEGV : WEFT_FAULT_FPE);
    }
    struct weft_place place = {.line = 0};
    CHECK(fault.frames_count > 0);
    weft_posix_guard.describe(NULL, fault.frames[0], &place);
    CHECK_EQ_TEXT(place.function, name);
    CHECK(strstr(place.file, "folded.h") != NULL);
#ifndef __clang__ /* it gives line 0 to traps that it made one of several */
    CHECK(place.line > 0);
#endif
}

static void a_mistake_that_the_compiler_sees_is_a_fault(void) {
#ifndef WEFT_UBSAN /* that ends the program by itself */
#define FAULTS(fn, is_access) faults(#fn, fn, is_access);
    FOLDED(FAULTS)
#else
#define KNOWN(fn, is_access) (void)fn;
    FOLDED(KNOWN)
    (void)faults;
    (void)depth;
#endif
}

static const struct test_case cases[] = {TEST(a_mistake_that_the_compiler_sees_is_a_fault)};

int main(int argc, char **argv) {
    weft_posix_guard_install();
    return test_main("posix/checks", cases, sizeof cases / sizeof cases[0],
                     (struct test_args){argc, argv});
}
