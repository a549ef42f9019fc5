/* Hub: what the schedulers of one node share. The names, the rings between them, and the other
 * nodes that are known. It belongs to the driver, which makes it before the schedulers and frees
 * it after them; each scheduler may run in a thread of its own.
 *
 * A node with one scheduler and no other node to talk to needs none. */
#ifndef WEFT_OTP_HUB_H
#define WEFT_OTP_HUB_H

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/otp/types.h"

struct weft_hub;

struct weft_hub_config {
    struct weft_mem *mem; /* used by any scheduler, one at a time: of the hub alone */
    uint32_t schedulers;  /* 1 .. WEFT_SCHEDULERS_MAX */
    /* "name@address:port", where other nodes reach this one; NULL: it is alone. Copied. Not longer
     * than WEFT_NODE_NAME_MAX with the NUL. */
    const char *node;
    uint32_t
        creation; /* > 0, another one in each life of the node: pids of earlier ones are dead */
    /* Scheduler `to` sleeps (see weft_hub_sleep) and has something to do. Called in the thread of
     * another one. NULL: whoever drives them asks weft_sched_next_at of each. */
    void (*wake)(void *ctx, uint32_t to);
    /* Bytes of scheduler `from` lie ready for `to`, or it made room for some. True: `to` does not
     * see it before the driver says weft_hub_arrive. One thread that runs all schedulers lets
     * crossings take time so: each run would receive all that was sent before it. NULL: it is
     * seen at once. */
    bool (*hold)(void *ctx, uint32_t from, uint32_t to);
    void *ctx;
};

/*   WEFT_ERR_INVAL  schedulers or creation out of range; a node name that is none
 *   WEFT_ERR_NOMEM */
int weft_hub_new(const struct weft_hub_config *config, struct weft_hub **out);

/* After its schedulers. */
void weft_hub_free(struct weft_hub *hub);

uint32_t weft_hub_schedulers(const struct weft_hub *hub);

/* Scheduler `index` is about to wait: true when nothing came from others, and `wake` will be called
 * when something does. False: run it again. */
bool weft_hub_sleep(struct weft_hub *hub, uint32_t index);

/* What was held from `from` to `to` is seen from now on; so is what was sent since. */
void weft_hub_arrive(struct weft_hub *hub, uint32_t from, uint32_t to);

/* This node's name; "" when it has none. */
const char *weft_hub_node_name(const struct weft_hub *hub);

enum weft_hub_node_state { WEFT_NODE_AWAY, WEFT_NODE_CONNECTING, WEFT_NODE_CONNECTED };

/* Another node, as tools see it. */
struct weft_hub_node {
    const char *name; /* lives as long as the hub */
    enum weft_hub_node_state state;
    size_t queued; /* bytes on their way to it, from every scheduler */
};

/* Call `fn` for every node this one has heard of, the one it heard of last first. From any thread.
 */
void weft_hub_nodes(struct weft_hub *hub, void (*fn)(void *ctx, const struct weft_hub_node *node),
                    void *ctx);

/* The address and port in "name@address:port". WEFT_ERR_INVAL: not such a name. */
int weft_node_name_addr(const char *name, struct weft_addr *addr);

#endif
