/* Signals: what a stream of bytes holds is read the same however it is cut, and what is read can
 * be written and read again. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/wire/signal_stream.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t hash, count;
};

static int note(void *ctx, const struct weft_signal *signal) {
    struct seen *seen = ctx;
    seen->count++;
    seen->hash = weft_fold(seen->hash, signal->from ^ signal->to ^ signal->ref);
    seen->hash = weft_fold(seen->hash, (uint64_t)signal->kind << 32 | signal->tag);
    seen->hash = weft_fold_bytes(seen->hash, signal->data.data, signal->data.size);
    WEFT_ASSERT(signal->flags == 0);
    WEFT_ASSERT(signal->data.size <= WEFT_MESSAGE_MAX);
    size_t room = weft_signal_size(signal), read;
    unsigned char *frame = malloc(room);
    struct weft_signal back;
    if (frame == NULL || room > 1 << 20) {
        free(frame);
        return WEFT_OK;
    }
    weft_signal_encode(signal, frame);
    WEFT_ASSERT(weft_signal_decode(weft_bytes(frame, room), &back, &read) == WEFT_OK);
    WEFT_ASSERT(read == room);
    WEFT_ASSERT(weft_bytes_equal(back.data, signal->data));
    WEFT_ASSERT(weft_bytes_equal(back.text, signal->text));
    free(frame);
    return WEFT_OK;
}

static int read_all(const uint8_t *data, size_t size, size_t step, struct seen *seen) {
    struct weft_mem_heap heap;
    struct weft_signal_reader reader;
    int rv = WEFT_OK;
    weft_mem_heap_init(&heap, 0);
    weft_signal_reader_init(&reader, &heap.base);
    *seen = (struct seen){0, 0};
    for (size_t at = 0; at < size && rv == WEFT_OK; at += step) {
        size_t some = size - at < step ? size - at : step;
        rv = weft_signal_reader_feed(&reader, weft_bytes(data + at, some), note, seen);
    }
    weft_signal_reader_deinit(&reader);
    WEFT_ASSERT(heap.bytes == 0);
    return rv;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen whole, cut;
    if (size == 0) return 0;
    int rv = read_all(data, size, size, &whole);
    int again = read_all(data, size, 1 + data[0] % 61, &cut);
    WEFT_ASSERT(rv == again);
    WEFT_ASSERT(whole.count == cut.count);
    WEFT_ASSERT(whole.hash == cut.hash);
    return 0;
}
