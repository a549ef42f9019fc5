/* Ring of bytes, one writer, one reader. */
#include "core/otp/byte_ring.h"

#include "core/base/assert.h"

struct byte_ring *weft_otp__byte_ring_new(struct weft_mem *mem, size_t size) {
    WEFT_ASSERT(size > 0);
    WEFT_ASSERT((size & (size - 1)) == 0);
    struct byte_ring *ring = weft_mem_alloc(mem, sizeof *ring + size);
    if (ring == NULL) return NULL;
    memset(ring, 0, sizeof *ring);
    ring->size = size;
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->head, 0);
    atomic_init(&ring->starved, false);
    return ring;
}

void weft_otp__byte_ring_free(struct weft_mem *mem, struct byte_ring *ring) {
    if (ring != NULL) weft_mem_free(mem, ring, sizeof *ring + ring->size);
}

static void copy_in(struct byte_ring *ring, size_t tail, struct weft_bytes bytes) {
    size_t at = tail & (ring->size - 1), first = ring->size - at;
    if (first > bytes.size) first = bytes.size;
    memcpy(ring->data + at, bytes.data, first);
    memcpy(ring->data, bytes.data + first, bytes.size - first);
}

static size_t room(struct byte_ring *ring, size_t tail) {
    return ring->size - (tail - ring->head_seen);
}

size_t weft_otp__byte_ring_write(struct byte_ring *ring, struct weft_bytes bytes) {
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (room(ring, tail) < bytes.size)
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    if (room(ring, tail) < bytes.size) {
        /* The reader may make room and look at `starved` between our look and this: look again. */
        atomic_store(&ring->starved, true);
        ring->head_seen = atomic_load(&ring->head);
    }
    size_t size = room(ring, tail) < bytes.size ? room(ring, tail) : bytes.size;
    if (size > 0) copy_in(ring, tail, weft_bytes(bytes.data, size));
    atomic_store_explicit(&ring->tail, tail + size, memory_order_release);
    WEFT_ASSERT(tail + size - ring->head_seen <= ring->size); /* I1 */
    return size;
}

struct weft_bytes weft_otp__byte_ring_peek(struct byte_ring *ring) {
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (ring->tail_seen == head)
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    size_t size = ring->tail_seen - head, at = head & (ring->size - 1);
    WEFT_ASSERT(size <= ring->size); /* I1 */
    if (size > ring->size - at) size = ring->size - at;
    return weft_bytes(ring->data + at, size);
}

bool weft_otp__byte_ring_take(struct byte_ring *ring, size_t size) {
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    WEFT_ASSERT(size <= ring->tail_seen - head);
    atomic_store(&ring->head, head + size);
    return atomic_load(&ring->starved) && atomic_exchange(&ring->starved, false);
}
