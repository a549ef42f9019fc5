/* Memory as an interface: who allocates is counted, bounded and made to fail through it.
 *
 * The size comes back at free, so that counting costs no header. */
#ifndef WEFT_BASE_MEM_H
#define WEFT_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

struct weft_mem;

struct weft_mem_ops {
    /* `size` bytes aligned for any type, not cleared; NULL when there is no more. size > 0. */
    void *(*alloc)(struct weft_mem *mem, size_t size);
    /* As realloc: the first min(old_size, size) bytes are kept; on NULL `ptr` still stands.
     * `ptr` NULL (with old_size 0) allocates. size > 0. */
    void *(*resize)(struct weft_mem *mem, void *ptr, size_t old_size, size_t size);
    /* `size` is what was asked for last. `ptr` NULL is ignored. */
    void (*free)(struct weft_mem *mem, void *ptr, size_t size);
};

/* Embedded where the state of the allocator is. One pointer: a simulated node has one of these. */
struct weft_mem {
    const struct weft_mem_ops *ops;
};

static inline void *weft_mem_alloc(struct weft_mem *mem, size_t size) {
    return mem->ops->alloc(mem, size);
}

static inline void *weft_mem_resize(struct weft_mem *mem, void *ptr, size_t old_size, size_t size) {
    return mem->ops->resize(mem, ptr, old_size, size);
}

static inline void weft_mem_free(struct weft_mem *mem, void *ptr, size_t size) {
    mem->ops->free(mem, ptr, size);
}

/* weft_mem_alloc, cleared to zero. */
void *weft_mem_zalloc(struct weft_mem *mem, size_t size);

/* An allocator over malloc that counts. Several may exist; each is its own account. */
struct weft_mem_heap {
    struct weft_mem base;
    size_t bytes;     /* now in use */
    size_t bytes_max; /* refuse to go above this; 0: no limit */
    uint32_t blocks;  /* now in use */
    uint32_t refused; /* for bytes_max, so far; at most UINT32_MAX */
};

/* An empty account. `bytes_max` 0 means no limit. */
void weft_mem_heap_init(struct weft_mem_heap *heap, size_t bytes_max);

#endif
