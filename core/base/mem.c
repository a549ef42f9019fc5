/* The counting allocator. */
#include "core/base/mem.h"

#include "core/base/assert.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct weft_mem_heap *heap_of(struct weft_mem *mem) { return (struct weft_mem_heap *)mem; }

/* `rest` is what stays in use beside it. The limit may have been set below what is in use. */
static bool fits(struct weft_mem_heap *heap, size_t rest, size_t size) {
    size_t max = heap->bytes_max;
    bool fine = max == 0 || (rest <= max && size <= max - rest);
    if (!fine && heap->refused < UINT32_MAX) heap->refused++;
    return fine;
}

static void *heap_alloc(struct weft_mem *mem, size_t size) {
    struct weft_mem_heap *heap = heap_of(mem);
    WEFT_ASSERT(size > 0);
    if (!fits(heap, heap->bytes, size)) return NULL;
    void *ptr = malloc(size);
    if (ptr == NULL) return NULL;
    heap->bytes += size;
    WEFT_ASSERT(heap->blocks < UINT32_MAX);
    heap->blocks++;
    return ptr;
}

static void *heap_resize(struct weft_mem *mem, void *ptr, size_t old_size, size_t size) {
    struct weft_mem_heap *heap = heap_of(mem);
    WEFT_ASSERT(size > 0);
    WEFT_ASSERT((ptr == NULL) == (old_size == 0));
    WEFT_ASSERT(heap->bytes >= old_size);
    if (ptr == NULL) return heap_alloc(mem, size);
    if (size > old_size && !fits(heap, heap->bytes - old_size, size)) return NULL;
    void *moved = realloc(ptr, size);
    if (moved != NULL) heap->bytes = heap->bytes - old_size + size;
    return moved;
}

static void heap_free(struct weft_mem *mem, void *ptr, size_t size) {
    struct weft_mem_heap *heap = heap_of(mem);
    if (ptr == NULL) return;
    WEFT_ASSERT(heap->bytes >= size);
    WEFT_ASSERT(heap->blocks > 0);
    heap->bytes -= size;
    heap->blocks--;
    free(ptr);
}

void *weft_mem_zalloc(struct weft_mem *mem, size_t size) {
    void *ptr = weft_mem_alloc(mem, size);
    if (ptr != NULL) memset(ptr, 0, size);
    return ptr;
}

void weft_mem_heap_init(struct weft_mem_heap *heap, size_t bytes_max) {
    WEFT_ASSERT(heap != NULL);
    static const struct weft_mem_ops ops = {heap_alloc, heap_resize, heap_free};
    *heap = (struct weft_mem_heap){.base = {&ops}, .bytes_max = bytes_max};
}
