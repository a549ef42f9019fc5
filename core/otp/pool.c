/* Records of the runtime by classes of size, each with a list of free ones.
 *
 * A class grows by a slab of a quarter of what it has, at least one record and at most SLAB_MAX
 * bytes: a scheduler with few processes stays small, one with many rarely asks. Slabs go back
 * with the scheduler. What is larger than POOL_MAX goes straight to env->mem, and so does
 * everything under AddressSanitizer, which then sees each use of a freed record. */
#include "core/otp/internal.h"

#define SLAB_MAX 65536

/* The records follow. */
struct slab {
    struct slab *next;
    size_t size;
};

_Static_assert(sizeof(struct slab) % POOL_STEP == 0, "records are aligned for any type");

#if defined(__SANITIZE_ADDRESS__)
#define POOL_BYPASS true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_BYPASS true
#endif
#endif
#ifndef POOL_BYPASS
#define POOL_BYPASS false
#endif

static uint32_t classes_of(bool plain) { return plain || POOL_BYPASS ? 0 : POOL_CLASSES; }

void weft_otp__pool_init(struct pool *pool, bool plain) {
    WEFT_ASSERT(pool->slabs == NULL);
    pool->classes = classes_of(plain);
}

size_t weft_otp__sched_size(bool plain) {
    WEFT_ASSERT(offsetof(struct weft_sched, pool) + sizeof(struct pool) ==
                sizeof(struct weft_sched));
    if (classes_of(plain) > 0) return sizeof(struct weft_sched);
    return offsetof(struct weft_sched, pool) + offsetof(struct pool, free);
}

void weft_otp__pool_deinit(struct weft_sched *sched) {
    struct pool *pool = &sched->pool;
    WEFT_ASSERT(pool->used == 0);
    for (struct slab *slab = pool->slabs, *next; slab != NULL; slab = next) {
        next = slab->next;
        weft_mem_free(sched->env->mem, slab, slab->size);
    }
    pool->slabs = NULL;
}

static uint32_t slab_records(uint32_t made, size_t size) {
    size_t most = (SLAB_MAX - sizeof(struct slab)) / size;
    size_t wanted = made / 4;
    if (wanted > most) wanted = most;
    return wanted == 0 ? 1 : (uint32_t)wanted;
}

/* One of the new records for the caller; the others are free, in the order they lie. */
void *weft_otp__pool_grow(struct weft_sched *sched, uint32_t class) {
    struct pool *pool = &sched->pool;
    WEFT_ASSERT(class < pool->classes);
    WEFT_ASSERT(pool->free[class] == NULL);
    size_t size = ((size_t) class + 1) * POOL_STEP;
    uint32_t count = slab_records(pool->made[class], size);
    struct slab *slab = weft_mem_alloc(sched->env->mem, sizeof *slab + count * size);
    if (slab == NULL) return NULL;
    *slab = (struct slab){.next = pool->slabs, .size = sizeof *slab + count * size};
    pool->slabs = slab;
    pool->made[class] += count;
    char *first = (char *)(slab + 1);
    void *free = NULL;
    for (uint32_t i = count - 1; i > 0; i--) {
        void **record = (void **)(void *)(first + i * size);
        *record = free;
        free = record;
    }
    pool->free[class] = free;
    pool->used++;
    return first;
}

void *weft_otp__resize(struct weft_sched *sched, void *ptr, size_t old_size, size_t size) {
    WEFT_ASSERT(ptr != NULL);
    WEFT_ASSERT(size > 0);
    uint32_t classes = sched->pool.classes;
    if (weft_otp__class(old_size) >= classes && weft_otp__class(size) >= classes)
        return weft_mem_resize(sched->env->mem, ptr, old_size, size);
    if (weft_otp__class(old_size) == weft_otp__class(size)) return ptr;
    void *moved = weft_otp__alloc(sched, size);
    if (moved == NULL) return NULL;
    memcpy(moved, ptr, old_size < size ? old_size : size);
    weft_otp__free(sched, ptr, old_size);
    return moved;
}
