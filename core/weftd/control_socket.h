/* The control socket: one request a line, one answer, then the end.
 *
 *     -> dht get 8f3a...
 *     <- ok                      or: error NOT_FOUND not found
 *     <- body, as text
 *
 * A Unix stream socket that only its owner may open (mode 0600). Clients are bounded in number and
 * in the size of a request. */
#ifndef WEFT_WEFTD_CONTROL_SOCKET_H
#define WEFT_WEFTD_CONTROL_SOCKET_H

#include "core/node/node.h"

struct daemon;
struct control_socket;

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_REQUEST_MAX 4096

/* Listen on `path`. A socket left behind by a dead daemon is replaced.
 *   WEFT_ERR_IN_USE  a live daemon answers there
 *   WEFT_ERR_INVAL (too long for a socket), WEFT_ERR_DENIED, WEFT_ERR_IO, WEFT_ERR_NOMEM */
int control_socket_open(struct daemon *daemon, const char *path, struct control_socket **out);

/* Close it and every client, and remove the path. NULL is ignored. */
void control_socket_close(struct control_socket *control);

/* The node's answer to a question of some client. */
void control_socket_reply(struct control_socket *control, const struct weft_node_reply *reply);

#endif
