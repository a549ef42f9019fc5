/* Signals through a stream of bytes: a writer that keeps what could not be written yet and lets
 * large messages go in pieces, and a reader that puts pieces together again. */
#ifndef WEFT_WIRE_SIGNAL_STREAM_H
#define WEFT_WIRE_SIGNAL_STREAM_H

#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/wire/signal.h"

/* Senders whose large message is on its way, in one writer. */
#define WEFT_SIGNAL_LANES_MAX WEFT_LIMIT(64, 2)

/* Bytes of data that messages on their way in pieces may have together, counted whole, in one
 * stream: a writer begins no more, and a reader that is told of more takes it for nonsense. */
#define WEFT_SIGNAL_BEGUN_MAX ((size_t)2 * WEFT_MESSAGE_MAX)

/* I1  bytes `head` .. `size` of `data` are complete frames but for a part of the first
 * I2  a sender with a lane has nothing in `data` that was put after its lane began
 * I3  `pending` is what is in `data` and, as it was put, in lanes */
struct weft_signal_writer {
    struct weft_mem *mem;
    unsigned char *data;
    size_t head, size, room;
    struct weft_link lanes; /* struct lane: taken from the front, put back at the end */
    uint32_t lanes_count;
    size_t pending;
    size_t begun; /* see above */
};

void weft_signal_writer_init(struct weft_signal_writer *writer, struct weft_mem *mem);
void weft_signal_writer_deinit(struct weft_signal_writer *writer);

/* Make room for so many bytes of signals that are not large, so that they need no memory.
 *   WEFT_ERR_NOMEM */
int weft_signal_writer_reserve(struct weft_signal_writer *writer, size_t size);

/* Add a signal; its bytes are copied.
 *   WEFT_ERR_FULL   it is large and WEFT_SIGNAL_LANES_MAX others are; `must` overrules this
 *   WEFT_ERR_NOMEM */
int weft_signal_writer_put(struct weft_signal_writer *writer, const struct weft_signal *signal,
                           bool must);

/* What to write next; empty when nothing waits. Valid until the next call. WEFT_ERR_NOMEM: lanes
 * wait and there was no memory to continue them; nothing is lost. */
int weft_signal_writer_peek(struct weft_signal_writer *writer, struct weft_bytes *out);

/* The first `size` bytes of the last peek were written. */
void weft_signal_writer_take(struct weft_signal_writer *writer, size_t size);

/* Hand every signal held to `fn`, in the order of its sender, and forget it. Nothing was taken
 * since the writer was empty. */
void weft_signal_writer_drain(struct weft_signal_writer *writer,
                              void (*fn)(void *ctx, const struct weft_signal *signal), void *ctx);

/* I1  held_size bytes of a frame that is not complete are held */
struct weft_signal_reader {
    struct weft_mem *mem;
    unsigned char *held;
    size_t held_size, held_room;
    struct weft_link parts; /* struct part: messages of which pieces have come */
    size_t begun;           /* see above */
    size_t frame_max;       /* bytes of a frame that is accepted */
};

/* frame_max is WEFT_SIGNAL_SIZE_MAX; set it lower for who is not known yet. */
void weft_signal_reader_init(struct weft_signal_reader *reader, struct weft_mem *mem);
void weft_signal_reader_deinit(struct weft_signal_reader *reader);

/* Bytes came. `fn` gets each signal that is complete, never one in pieces; borrowed for the call.
 * When it returns anything but WEFT_OK nothing more is read, and that is returned.
 *   WEFT_ERR_MALFORMED, WEFT_ERR_TOO_BIG  the stream is broken for good; TOO_BIG also for messages
 *                                         that have WEFT_SIGNAL_BEGUN_MAX bytes together
 *   WEFT_ERR_NOMEM                        likewise: bytes were lost */
int weft_signal_reader_feed(struct weft_signal_reader *reader, struct weft_bytes bytes,
                            int (*fn)(void *ctx, const struct weft_signal *signal), void *ctx);

#endif
