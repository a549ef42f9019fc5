/* Control: the process that scenarios, the admin socket and tests talk to. Registered as
 * "control". It passes requests on to the service that can answer, and the answer back through the
 * node's reply function. Private to core/node. */
#ifndef WEFT_NODE_CONTROL_H
#define WEFT_NODE_CONTROL_H

#include "core/node/node.h"

#define WEFT_CONTROL_NAME "control"
#define WEFT_DHT_NAME "dht"

/* Requests waiting for an answer; more are refused with WEFT_ERR_FULL as their status. */
#define WEFT_CONTROL_PENDING_MAX WEFT_LIMIT(4096, 3)

/* An answer that has not come by then is WEFT_ERR_TIMEOUT: longer than any lookup takes. */
#define WEFT_CONTROL_TIMEOUT WEFT_MIN(2)

/* Behaviour; `arg` is a pointer to the node's struct weft_node_config. */
extern const struct weft_behaviour weft_node__control;

#endif
