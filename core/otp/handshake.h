/* Handshake of two nodes: each proves that it knows the cookie, without telling it. A pure machine;
 * nothing outside core/otp and its tests includes it.
 *
 *     caller                             listener
 *     HELLO  name, creation, nonce -->
 *                                   <--  CHALLENGE  name, creation, nonce
 *     PROOF  code                   -->
 *                                   <--  WELCOME    code         (or REFUSED, at any time)
 *
 * A code is HMAC-SHA256 under the cookie of who speaks, both nonces, both names and both creations,
 * so that none fits another connection or the other side. The caller proves first: a stranger who
 * calls learns nothing to guess the cookie with. What follows is not encrypted: see docs/otp.md. */
#ifndef WEFT_OTP_HANDSHAKE_H
#define WEFT_OTP_HANDSHAKE_H

#include "core/base/hmac.h"
#include "core/wire/signal.h"

#define HANDSHAKE_NONCE 16
#define HANDSHAKE_COOKIE_MAX 128 /* bytes, with the NUL */
/* Bytes of the largest frame of a handshake. */
#define HANDSHAKE_FRAME_MAX (WEFT_SIGNAL_HEAD + WEFT_SIGNAL_TEXT_MAX + WEFT_HMAC_SIZE)

enum handshake_state {
    HANDSHAKE_CALLING = 1, /* caller: HELLO is sent */
    HANDSHAKE_LISTENING,   /* listener: nothing has come */
    HANDSHAKE_PROVING,     /* caller: PROOF is sent */
    HANDSHAKE_CHECKING,    /* listener: CHALLENGE is sent */
    HANDSHAKE_DONE,
    HANDSHAKE_FAILED
};

struct handshake_side {
    char name[WEFT_NODE_NAME_MAX];
    uint32_t creation;
    unsigned char nonce[HANDSHAKE_NONCE];
};

struct handshake {
    enum handshake_state state;
    bool caller;
    struct handshake_side own, peer; /* peer: of a caller the name it wants; else what HELLO said,
                                        not proven before DONE */
    char cookie[HANDSHAKE_COOKIE_MAX];
    unsigned char code[WEFT_HMAC_SIZE]; /* sent */
};

/* Caller: *out is the HELLO. Its text and data point into `handshake`, here and below. */
void weft_otp__handshake_call(struct handshake *handshake, struct weft_signal *out);

/* Listener: wait. */
void weft_otp__handshake_listen(struct handshake *handshake);

/* A frame came. out->kind 0: nothing to send.
 *   WEFT_OK               go on; DONE or not
 *   WEFT_ERR_MALFORMED    not what comes now, or not well formed
 *   WEFT_ERR_UNSUPPORTED  another version
 *   WEFT_ERR_DENIED       a wrong code: another cookie
 *   WEFT_ERR_INVAL        another node answers there than was called, or it is ourselves
 *   other                 what REFUSED said
 * After an error the state is FAILED and *out may be a REFUSED to send. */
int weft_otp__handshake_step(struct handshake *handshake, const struct weft_signal *in,
                             struct weft_signal *out);

#endif
