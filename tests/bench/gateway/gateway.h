/* The parts of the gateway. */
#ifndef WEFT_TESTS_BENCH_GATEWAY_GATEWAY_H
#define WEFT_TESTS_BENCH_GATEWAY_GATEWAY_H

#include "core/otp/gen_server.h"
#include "core/otp/supervisor.h"

#include <stdint.h>

#define FRAME_SIZE 64
#define FRAME_OP 4      /* 'P' or 'X' */
#define FRAME_VERSION 5 /* written by the gateway */

#define GATEWAY_VERSIONS 2

/* One connection, of the module in use. Its socket is given to it by the listener. */
const struct weft_behaviour *gateway_connection(void);

/* Listens on the port that is its arg (uint16_t) and starts a child of the supervisor "connections"
 * for each stream. */
extern const struct weft_behaviour gateway_listener;

/* A node with both, until SIGTERM, whose connections are those of the module module[0]. SIGUSR1
 * loads module[1] beside it and upgrades; SIGUSR2 rolls back. 0: all went well. */
int gateway_run(uint16_t port, char *module[GATEWAY_VERSIONS]);

/* Called by a handler: it is about to crash; and by each when it begins, which is how long others
 * waited for what the crash made to do. */
void gateway_crashes(void);
void gateway_handles(void);

#endif
