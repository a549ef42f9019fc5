/* Huge pages for the heap. */
#define _GNU_SOURCE
#include "sim/cli/memory.h"

#include <stdbool.h>
#include <stdio.h>
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
/* Heaps of threads that are not the first are mappings of this size, which malloc makes one after
 * another, and opens bit by bit: a huge page is only where all of it is open. With as much for
 * M_TOP_PAD each is open as a whole, and none is given back. */
#define THREAD_HEAP (64 * 1024 * 1024)
#define THREAD_PIECE ((size_t)31 * 1024 * 1024) /* two of a heap */

static size_t room_size(void) {
    return (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) / 4 * 3;
}

/* The heap's room, made at once: address space, not memory, since a page costs something only once
 * it is touched. As large as the machine lets it be, up to three quarters of its memory. NULL: the
 * heap stays as it is. */
static void *make_room(size_t *size) {
    for (*size = room_size(); *size >= PIECE_MIN; *size /= 2) {
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

/* Refused: small pages, as before. */
static void ask_for_huge_pages(const void *room, size_t size) {
    uintptr_t start = ((uintptr_t)room + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)room + size) & ~(HUGE_PAGE - 1);
    if (start < end) (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}

void cli_memory_prepare(void) {
    size_t size;
    if (is_filled()) return;
    if (mallopt(M_MMAP_THRESHOLD, MAPPING_MIN) != 1) return;
    if (mallopt(M_TRIM_THRESHOLD, -1) != 1 || mallopt(M_MMAP_MAX, 0) != 1) return;
    void *room = make_room(&size);
    (void)mallopt(M_MMAP_MAX, MAPPINGS_MAX);
    if (room == NULL) return;
    ask_for_huge_pages(room, size);
    free(room); /* the top of the heap from now on */
}

/* A piece that is free begins with the one before it. */
void cli_memory_prepare_thread(uint32_t threads) {
    void *last = NULL;
    if (is_filled() || mallopt(M_TOP_PAD, THREAD_HEAP) != 1) return;
    for (size_t size = 0; size < room_size() / threads; size += THREAD_PIECE) {
        void *piece = malloc(THREAD_PIECE);
        if (piece == NULL) break;
        ask_for_huge_pages(piece, THREAD_PIECE);
        memcpy(piece, &last, sizeof last);
        last = piece;
    }
    while (last != NULL) {
        void *piece = last;
        memcpy(&last, piece, sizeof last);
        free(piece);
    }
}

#else

void cli_memory_prepare(void) {}

void cli_memory_prepare_thread(uint32_t threads) { (void)threads; }

#endif

uint64_t cli_memory_peak(void) {
    unsigned long long kib = 0;
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "VmHWM: %llu", &kib) != 1) {
    }
    fclose(file);
    return kib * 1024;
}
