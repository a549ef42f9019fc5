/* The process that connects this node with others: it listens, calls, shakes hands and ticks. What
 * travels between is the business of core/otp/remote.h. One per node, on scheduler 0, of a node
 * whose hub has a name; best under the root supervisor, so that it is started again.
 *
 * When it ends every connection does. */
#ifndef WEFT_OTP_DIST_H
#define WEFT_OTP_DIST_H

#include "core/otp/process.h"

/* Given to its init as the argument; borrowed until that returns. */
struct weft_dist_config {
    struct weft_addr listen; /* family NONE: where the node's name says */
    const char *cookie;      /* the secret of the cluster, 1 .. 127 bytes */
    weft_duration tick;      /* a node that says nothing for this long is lost, give or take a
                                quarter (net_ticktime); 0: 60 s */
    /* Nodes to connect to, again and again while they are not; names, borrowed as long as the
     * process runs. Others are connected when something is sent to them. */
    const char *const *connect;
    size_t connect_count;
};

/* init fails with
 *   WEFT_ERR_INVAL   the hub has no name, this is not scheduler 0, or the cookie is too long or ""
 *   WEFT_ERR_EXISTS  another one runs already
 *   WEFT_ERR_IN_USE, WEFT_ERR_NOMEM, ... of weft_stream_listen */
extern const struct weft_behaviour weft_dist;

#endif
