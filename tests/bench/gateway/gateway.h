/* The parts of the gateway. */
#ifndef WEFT_TESTS_BENCH_GATEWAY_GATEWAY_H
#define WEFT_TESTS_BENCH_GATEWAY_GATEWAY_H

#include "core/otp/gen_server.h"
#include "core/otp/supervisor.h"

#include <stdint.h>

#define FRAME_SIZE 64
#define FRAME_OP 4      /* 'P' or 'X' */
#define FRAME_VERSION 5 /* written by the gateway */

/* One connection. Its socket is given to it by the listener. */
extern const struct weft_behaviour gateway_connection;

/* Listens on the port that is its arg (uint16_t) and starts a child of the supervisor "connections"
 * for each stream. */
extern const struct weft_behaviour gateway_listener;

/* A node with both, until SIGTERM. 0: all went well. */
int gateway_run(uint16_t port);

/* A handler is about to crash: the run of the node it is in counts as one with a crash. */
void gateway_crashes(void);

#endif
