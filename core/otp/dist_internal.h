/* Inside the process that connects. */
#ifndef WEFT_OTP_DIST_INTERNAL_H
#define WEFT_OTP_DIST_INTERNAL_H

#include "core/otp/dist.h"
#include "core/otp/handshake.h"
#include "core/otp/remote_internal.h"
#include "core/wire/number.h"

/* A connection, from the first call on.
 * I1  up: signals travel, and `peer` is set
 * I2  a caller always has `peer`; of who called us it is set when the handshake is done
 * I3  socket NONE: the other side refused our call because its own is on the way */
struct conn {
    struct weft_link link;
    weft_socket socket;
    struct peer *peer;
    bool caller, up;
    unsigned quarters;      /* without a byte, or in the handshake */
    uint64_t written, read; /* as of the last quarter */
    struct handshake handshake;
    size_t size; /* of what has come of a frame of the handshake */
    unsigned char frame[HANDSHAKE_FRAME_MAX];
};

struct dist {
    weft_socket listener;
    struct weft_link conns;
    uint32_t strangers; /* conns that called us and are not up */
    weft_duration quarter;
    unsigned char *buffer; /* DIST_BUFFER bytes */
    const char *const *connect;
    size_t connect_count;
    char cookie[HANDSHAKE_COOKIE_MAX];
};

#define DIST_BUFFER ((size_t)65536)
#define DIST_READS_MAX 4                      /* of a buffer, before others get their turn */
#define DIST_STRANGERS_MAX WEFT_LIMIT(256, 2) /* in a handshake at once */
#define DIST_QUARTERS_MAX 4                   /* silent ones */
#define DIST_READ_ON UINT32_C(0xffffff12)     /* to itself: go on reading; data: the socket */
#define DIST_QUARTER UINT32_C(0xffffff13)     /* timer */
#define DIST_START UINT32_C(0xffffff14)       /* to itself, after init */

/* dist_conn.c */
struct conn *weft_otp__conn_of(struct dist *dist, weft_socket socket);
struct conn *weft_otp__conn_to(struct dist *dist, const struct peer *peer, bool up);
struct conn *weft_otp__conn_new(weft_self *self, weft_socket socket, struct peer *peer);
/* Close it. The node is lost if it was up, or if nothing else is tried (`lost`). */
void weft_otp__conn_end(weft_self *self, struct conn *conn, bool lost);
/* Its socket is connected: shake hands. */
void weft_otp__conn_begin(weft_self *self, struct conn *conn);
/* Bytes of the handshake wait. */
void weft_otp__conn_shake(weft_self *self, struct conn *conn);

#endif
