/* Huge pages for the heap. */
#define _GNU_SOURCE
#include "sim/cli/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>

/* Address space, not memory: a page costs something only once it is touched. */
#define HEAP_PIECE (512 * 1024 * 1024)
#define HUGE_PAGE ((uintptr_t)2 * 1024 * 1024)
/* Below malloc's threshold for a mapping of its own, so that it comes from the heap. */
#define PROBE_SIZE (100 * 1024)

/* Where the heap ends after it had to grow. */
static uintptr_t grow(void) {
    void *probes[4];
    for (size_t i = 0; i < 4; i++) probes[i] = malloc(PROBE_SIZE);
    uintptr_t end = (uintptr_t)sbrk(0);
    for (size_t i = 0; i < 4; i++) free(probes[i]);
    return end;
}

void cli_memory_prepare(void) {
    uintptr_t before = (uintptr_t)sbrk(0);
    if (mallopt(M_TOP_PAD, HEAP_PIECE) != 1) return;
    uintptr_t start = (before + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1), end = grow();
    if (end <= start) return;
    (void)madvise((void *)start, end - start, MADV_HUGEPAGE); /* refused: small pages, as before */
}

#else

void cli_memory_prepare(void) {}

#endif
