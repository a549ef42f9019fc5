/* The two ways a packet is read: weft_krpc_decode tries the first, then the second. */
#ifndef WEFT_WIRE_KRPC_INTERNAL_H
#define WEFT_WIRE_KRPC_INTERNAL_H

#include "core/wire/krpc.h"

/* A packet of the usual shape. False: it is not; *out means nothing. */
bool weft_krpc__decode_usual(struct weft_bytes packet, struct weft_krpc *out);
/* Any packet, as weft_krpc_decode. */
int weft_krpc__decode_any(struct weft_bytes packet, struct weft_krpc *out);

#endif
