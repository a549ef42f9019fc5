/* The two ways a packet is read, and written: weft_krpc_decode and weft_krpc_encode try the first,
 * then the second. */
#ifndef WEFT_WIRE_KRPC_INTERNAL_H
#define WEFT_WIRE_KRPC_INTERNAL_H

#include "core/wire/krpc.h"

/* A packet of the usual shape. False: it is not; *out means nothing. */
bool weft_krpc__decode_usual(struct weft_bytes packet, struct weft_krpc *out);
/* Any packet, as weft_krpc_decode. */
int weft_krpc__decode_any(struct weft_bytes packet, struct weft_krpc *out);

/* Bytes that a packet of the usual shape has beside its nodes, or more. */
#define WEFT_KRPC__USUAL_SIZE 160

/* A packet of the usual shape, without peers, into `out`, which has room for it: its size. 0: it is
 * not, or there may be no room; what is in `out` means nothing. */
size_t weft_krpc__encode_usual(const struct weft_krpc *msg, unsigned char *out, size_t capacity);
/* Any packet, as weft_krpc_encode. */
int weft_krpc__encode_any(const struct weft_krpc *msg, const struct weft_krpc_peers *peers,
                          unsigned char *out, size_t capacity, size_t *size);

#endif
