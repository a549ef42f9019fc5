/* Nodes for tests of distribution: each with a hub, a scheduler and real sockets on loopback. Its
 * root writes down what it gets and does what it is told. */
#ifndef WEFT_TESTS_OTP_REMOTE_NODES_H
#define WEFT_TESTS_OTP_REMOTE_NODES_H

#include "core/otp/dist.h"
#include "core/otp/remote.h"
#include "core/otp/sched.h"
#include "core/posix/guard.h"
#include "core/posix/loop.h"
#include "tests/harness/harness.h"

#define NODES_MAX 3
#define NODE_LOG 4096

struct node {
    struct weft_posix *posix;
    struct weft_env *env;
    struct weft_mem_heap heap; /* the hub's */
    struct weft_hub *hub;
    struct weft_sched *sched;
    weft_pid root, dist;
    char name[64];
    char log[NODE_LOG];
    const char *cookie;
    bool up;
};

extern struct node nodes[NODES_MAX];

/* Of each node started from now on; only the first is driven. 1 unless told otherwise. */
extern uint32_t nodes_schedulers;

/* Of nodes that are started. A quarter of it is what a handshake may take, so it is long: the
 * machine may be slow. */
#define NODES_TICK WEFT_S(20)
extern weft_duration nodes_tick;

/* Start node `i` as its `creation`, its name being "n<i>@127.0.0.1:<port>". */
void node_start(unsigned i, uint32_t creation, const char *cookie);
/* End it as if its machine lost power: sockets close. */
void node_end(unsigned i);

/* Let the root of node `i` run `fn`. */
void at(unsigned i, void (*fn)(weft_self *self));

/* Drive all until `what` stands in the log of node `i`. False after two seconds. */
bool heard(unsigned i, const char *what);
/* Drive all for a while. */
void wait_for(weft_duration duration);
void forget(void);

/* A process that writes to its node's log as the root does. */
extern const struct weft_behaviour scribe;

#endif
