/* Huge pages for the heap. */
#define _GNU_SOURCE
#include "sim/cli/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>

#define HUGE_PAGE ((uintptr_t)2 * 1024 * 1024)
#define PIECE_MIN ((size_t)512 * 1024 * 1024)
/* From here on malloc makes a mapping of its own: as much as mallopt(3) allows. */
#define MAPPING_MIN (32 * 1024 * 1024)
#define MAPPINGS_MAX 65536 /* malloc's own */

/* The heap's room, made at once: address space, not memory, since a page costs something only once
 * it is touched. As large as the machine lets it be, up to three quarters of its memory. NULL: the
 * heap stays as it is. */
static void *make_room(size_t *size) {
    size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    for (*size = memory / 4 * 3; *size >= PIECE_MIN; *size /= 2) {
        void *room = malloc(*size);
        if (room != NULL) return room;
    }
    return NULL;
}

/* malloc fills what it gives and takes back: the room would be all touched, and gone. */
static bool is_filled(void) {
    const char *tunables = getenv("GLIBC_TUNABLES");
    return getenv("MALLOC_PERTURB_") != NULL ||
           (tunables != NULL && strstr(tunables, "malloc.perturb") != NULL);
}

void cli_memory_prepare(void) {
    size_t size;
    if (is_filled()) return;
    if (mallopt(M_MMAP_THRESHOLD, MAPPING_MIN) != 1) return;
    if (mallopt(M_TRIM_THRESHOLD, -1) != 1 || mallopt(M_MMAP_MAX, 0) != 1) return;
    void *room = make_room(&size);
    (void)mallopt(M_MMAP_MAX, MAPPINGS_MAX);
    if (room == NULL) return;
    uintptr_t start = ((uintptr_t)room + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)room + size) & ~(HUGE_PAGE - 1);
    (void)madvise((void *)start, end - start, MADV_HUGEPAGE); /* refused: small pages, as before */
    free(room);                                               /* the top of the heap from now on */
}

#else

void cli_memory_prepare(void) {}

#endif
