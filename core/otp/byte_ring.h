/* Ring: bytes from one thread to one other, without a lock. Nothing outside core/otp includes it.
 *
 * The ring of Lamport (1983) with each side's counter on a cache line of its own and a copy of the
 * other's counter beside it, looked at again only when it says full or empty. */
#ifndef WEFT_OTP_BYTE_RING_H
#define WEFT_OTP_BYTE_RING_H

#include "core/base/bytes.h"
#include "core/base/mem.h"

#include <stdatomic.h>

#define RING_LINE 64

/* I1  head <= tail <= head + size; bytes head .. tail are written and not read
 * I2  the writer alone changes tail, the reader alone changes head; both only grow */
struct byte_ring {
    size_t size; /* a power of two */
    unsigned char apart0[RING_LINE];
    atomic_size_t tail;
    size_t head_seen; /* by the writer */
    unsigned char apart1[RING_LINE];
    atomic_size_t head;
    size_t tail_seen; /* by the reader */
    unsigned char apart2[RING_LINE];
    atomic_bool starved; /* the writer has more than there was room for */
    unsigned char apart3[RING_LINE];
    unsigned char data[];
};

/* NULL: no memory. */
struct byte_ring *weft_otp__byte_ring_new(struct weft_mem *mem, size_t size);
void weft_otp__byte_ring_free(struct weft_mem *mem, struct byte_ring *ring);

/* Writer. How many bytes were taken; fewer than asked: `starved` is set, and the reader that makes
 * room next is told so. */
size_t weft_otp__byte_ring_write(struct byte_ring *ring, struct weft_bytes bytes);

/* Reader. The bytes that lie in one piece; empty when there are none. */
struct weft_bytes weft_otp__byte_ring_peek(struct byte_ring *ring);
/* `size` of them were read. True: the writer waits for this. */
bool weft_otp__byte_ring_take(struct byte_ring *ring, size_t size);

#endif
