/* Signals between processes that do not share a scheduler, as bytes and back.
 *
 * A frame is 40 bytes, a text and data; numbers are little-endian:
 *
 *   0 u32 size of what follows    16 u64 from
 *   4 u8  kind                    24 u64 to
 *   5 u8  flags                   32 u64 ref
 *   6 u16 size of the text        40 text, then data to the end
 *   8 u32 tag
 *  12 i32 value
 *
 * The same frames travel between the schedulers of a node (in rings) and between nodes (in
 * streams). Pids in them are as the receiver of the bytes numbers them, but for the node: in a
 * stream the node of `from` is 0 for the sender's and that of `to` is 0 for the receiver's.
 *
 * A message larger than WEFT_SIGNAL_FRAGMENT goes in pieces, so that it does not hold up what
 * others send: the first is of the signal's kind with the flag MORE, and its data starts with the
 * size of all the data (u32); FRAGMENTs with the same `from` follow, the last one without MORE.
 * What one process sends stays in order: nothing of `from` but its fragments comes between them. */
#ifndef WEFT_WIRE_SIGNAL_H
#define WEFT_WIRE_SIGNAL_H

#include "core/base/bytes.h"
#include "core/base/limits.h"

#include <stdint.h>

/* Of the frames and of the handshake; nodes of another version do not connect. */
#define WEFT_SIGNAL_VERSION 1

#define WEFT_SIGNAL_HEAD 40
#define WEFT_SIGNAL_TEXT_MAX 255
#define WEFT_SIGNAL_FRAGMENT WEFT_LIMIT(16384, 64)
/* Bytes of the largest frame. */
#define WEFT_SIGNAL_SIZE_MAX (WEFT_SIGNAL_HEAD + WEFT_SIGNAL_TEXT_MAX + 4 + WEFT_MESSAGE_MAX)

/* What stands in a frame beside from and to. A reason is tag (its kind), value (its code), text. */
enum weft_signal_kind {
    WEFT_SIGNAL_SEND = 1,     /* tag, data */
    WEFT_SIGNAL_SEND_NAME,    /* text: name; tag, data */
    WEFT_SIGNAL_CALL,         /* ref, tag, data */
    WEFT_SIGNAL_CALL_NAME,    /* text: name; ref, tag, data */
    WEFT_SIGNAL_CALL_OVER,    /* ref: the caller waits no more */
    WEFT_SIGNAL_REPLY,        /* ref, value: status, data */
    WEFT_SIGNAL_LINK,         /* */
    WEFT_SIGNAL_UNLINK,       /* */
    WEFT_SIGNAL_UNLINK_ACK,   /* the UNLINK was seen: links after it count */
    WEFT_SIGNAL_EXIT_LINK,    /* reason: a linked process ended */
    WEFT_SIGNAL_EXIT,         /* reason: exit/2 */
    WEFT_SIGNAL_MONITOR,      /* ref */
    WEFT_SIGNAL_MONITOR_NAME, /* text: name; ref */
    WEFT_SIGNAL_DEMONITOR,    /* ref */
    WEFT_SIGNAL_DOWN,         /* ref, reason */
    WEFT_SIGNAL_SPAWN,        /* text: behaviour; ref, tag, data: see core/otp/remote_spawn.c */
    WEFT_SIGNAL_SPAWN_REPLY,  /* ref, value: status, tag: link 1; from: the new process */
    WEFT_SIGNAL_FRAGMENT_OF,  /* data: the next piece */
    WEFT_SIGNAL_TICK,         /* a connection is alive */
    WEFT_SIGNAL_NODE_UP,      /* ref: index of a node; between schedulers only */
    WEFT_SIGNAL_NODE_DOWN,    /* ref: index of a node, tag: which loss; between schedulers only */
    WEFT_SIGNAL_NODE_ACK,     /* ref, tag: the NODE_DOWN was seen; between schedulers only */
    WEFT_SIGNAL_NODE_CUT,     /* ref: index of a node to disconnect; between schedulers only */
    WEFT_SIGNAL_HELLO,        /* handshake, core/otp/handshake.h */
    WEFT_SIGNAL_CHALLENGE,
    WEFT_SIGNAL_PROOF,
    WEFT_SIGNAL_WELCOME,
    WEFT_SIGNAL_REFUSED,   /* value: why (enum weft_error) */
    WEFT_SIGNAL_CODE_UNDO, /* ref: number of an upgrade that is rolled back, text: why; between
                              schedulers only */
    WEFT_SIGNAL_KIND_END
};

#define WEFT_SIGNAL_MORE 1 /* flag: fragments follow */

struct weft_signal {
    enum weft_signal_kind kind;
    uint8_t flags;
    uint32_t tag;
    int32_t value;
    uint64_t from, to, ref;
    struct weft_bytes text, data; /* borrowed */
};

/* Bytes of its frame. */
size_t weft_signal_size(const struct weft_signal *signal);

/* Write its frame, weft_signal_size bytes. The text has at most WEFT_SIGNAL_TEXT_MAX bytes, the
 * data at most WEFT_MESSAGE_MAX + 4. */
void weft_signal_encode(const struct weft_signal *signal, unsigned char *out);

/* The frame at the start of `in`; its text and data point into `in`. *size is the size of the
 * frame when known, else 0.
 *   WEFT_ERR_AGAIN      more bytes are needed
 *   WEFT_ERR_TOO_BIG    larger than WEFT_SIGNAL_SIZE_MAX
 *   WEFT_ERR_MALFORMED  unknown kind or flag, sizes that contradict each other */
int weft_signal_decode(struct weft_bytes in, struct weft_signal *signal, size_t *size);

#endif
