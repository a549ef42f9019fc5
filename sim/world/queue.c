/* The byte queue of a stream: a ring that grows as it must and holds nothing when empty. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/world/internal.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 512u

void sim_queue_peek(const struct sim_queue *queue, uint32_t offset, void *out, uint32_t size) {
    WEFT_ASSERT(offset <= queue->size);
    WEFT_ASSERT(size <= queue->size - offset);
    if (size == 0) return;
    uint32_t at = (queue->start + offset) % queue->capacity;
    uint32_t head = queue->capacity - at < size ? queue->capacity - at : size;
    memcpy(out, queue->data + at, head);
    memcpy((unsigned char *)out + head, queue->data, size - head);
}

static int grow(struct sim_queue *queue, uint32_t size) {
    uint32_t capacity = queue->capacity > 0 ? queue->capacity : CAPACITY_MIN;
    while (capacity < size) capacity *= 2;
    if (capacity == queue->capacity) return WEFT_OK;
    unsigned char *data = malloc(capacity);
    if (data == NULL) return WEFT_ERR_NOMEM;
    sim_queue_peek(queue, 0, data, queue->size);
    free(queue->data);
    *queue = (struct sim_queue){.data = data, .size = queue->size, .capacity = capacity};
    return WEFT_OK;
}

int sim_queue_push(struct sim_queue *queue, const void *data, uint32_t size) {
    WEFT_ASSERT(size <= SIM_STREAM_BUFFER);
    WEFT_ASSERT(queue->size <= SIM_STREAM_BUFFER - size);
    if (size == 0) return WEFT_OK;
    int rv = grow(queue, queue->size + size);
    if (rv != WEFT_OK) return rv;
    uint32_t at = (queue->start + queue->size) % queue->capacity;
    uint32_t head = queue->capacity - at < size ? queue->capacity - at : size;
    memcpy(queue->data + at, data, head);
    memcpy(queue->data, (const unsigned char *)data + head, size - head);
    queue->size += size;
    return WEFT_OK;
}

void sim_queue_drop(struct sim_queue *queue, uint32_t size) {
    WEFT_ASSERT(size <= queue->size);
    if (size == 0) return;
    queue->start = (queue->start + size) % queue->capacity;
    queue->size -= size;
    if (queue->size == 0) sim_queue_deinit(queue);
}

void sim_queue_deinit(struct sim_queue *queue) {
    free(queue->data);
    *queue = (struct sim_queue){0};
}
