/* The control socket: one request a line, one answer, then the end.
 *
 *     -> dht get 8f3a...
 *     <- ok                      or: error NOT_FOUND not found
 *     <- body, as text
 *
 * A Unix stream socket that only its owner may open (mode 0600). Clients are bounded in number, in
 * the size of a request and in how long they may say or read nothing. When all places are taken,
 * newcomers wait in the kernel's queue, and who keeps silent has to go sooner. */
#ifndef WEFT_WEFTD_CONTROL_SOCKET_H
#define WEFT_WEFTD_CONTROL_SOCKET_H

#include "core/node/node.h"
#include "core/weftd/text.h"

struct daemon;
struct control_socket;

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_REQUEST_MAX 4096 /* bytes, with the newline */

/* How long a client may take to send its request, or to read any of its answer: while there are
 * places left, and while others wait for one. */
#define CONTROL_SILENT_MAX WEFT_S(30)
#define CONTROL_SILENT_FULL_MAX WEFT_S(1)

/* An answer of the node that has not come by then never will: its control process has died. */
#define CONTROL_ANSWER_MAX WEFT_MIN(3)

/* Listen on `path`. A socket left behind by a dead daemon is replaced; nothing else is.
 *   WEFT_ERR_IN_USE    a live daemon listens there
 *   WEFT_ERR_EXISTS    a file that is no socket is there
 *   WEFT_ERR_NOT_FOUND no such folder
 *   WEFT_ERR_INVAL (too long for a socket), WEFT_ERR_DENIED, WEFT_ERR_IO, WEFT_ERR_NOMEM */
int control_socket_open(struct daemon *daemon, const char *path, struct control_socket **out);

/* Close it and every client, and remove the path. NULL is ignored. */
void control_socket_close(struct control_socket *control);

/* Drop who has been silent for too long. When to call it again at the latest. */
void control_socket_run(struct control_socket *control);
weft_time control_socket_next_at(const struct control_socket *control);

/* The answer to question `op` of some client, complete; taken. */
void control_socket_answer(struct control_socket *control, uint64_t op, struct text *answer);

/* The node's answer to a question of some client. */
void control_socket_reply(struct control_socket *control, const struct weft_node_reply *reply);

#endif
