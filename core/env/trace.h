/* Trace: everything anyone may know about a run, as typed events.
 *
 * The kinds and their fields are one table. Checks, reports, plots and viewers read events and
 * nothing else, so the same check judges the simulator, a testbed and production.
 *
 * An event has up to WEFT_TRACE_NUMBERS numbers and one run of bytes. Their names and types stand
 * in the table: "name:type ...", where the last may be of a type that lives in the bytes.
 *
 *   numbers  u (count), t (duration, ns), b (0 or 1), e (enum weft_error, as its negative value),
 *            p (pid), x (hexadecimal)
 *   bytes    id (one 20-byte id), ids (20 bytes each), addr (struct weft_addr, 20 bytes),
 *            text (UTF-8, no NUL), packet (struct weft_addr of the sender, struct weft_addr of the
 *            receiver, payload)
 */
#ifndef WEFT_ENV_TRACE_H
#define WEFT_ENV_TRACE_H

#include "core/base/bytes.h"
#include "core/base/time.h"

#include <stdint.h>

struct weft_env;

#define WEFT_TRACE_NUMBERS 8

/* X(NAME, "name", "field:type ...")
 *
 * Lookups, puts and announces carry `op`, unique within one life of a node. A trace consumer
 * joins START and DONE by (node, op). What a node does by itself (joining, refreshing, storing
 * again) has WEFT_TRACE_OP_OWN set in its `op`. */
#define WEFT_TRACE_OP_OWN (UINT64_C(1) << 62)
#define WEFT_TRACE_KINDS(X)                                                                        \
    /* a node's life: told by the driver of the node */                                            \
    X(NODE_UP, "node.up", "life:u addr:addr")                                                      \
    X(NODE_DOWN, "node.down", "life:u clean:b cause:u")                                            \
    X(NODE_LEFT, "node.left", "procs:u timers:u sockets:u bytes:u")                                \
    /* processes */                                                                                \
    X(PROC_START, "proc.start", "pid:p parent:p named:b name:text")                                \
    X(PROC_EXIT, "proc.exit", "pid:p reason:u code:u fault:b text:text")                           \
    X(PROC_NAME, "proc.name", "pid:p on:b name:text")                                              \
    X(SUP_UP, "sup.up", "sup:p strategy:u intensity:u period:t auto_shutdown:u")                   \
    X(SUP_CHILD_ADDED, "sup.child_added", "sup:p child:u restart:u significant:b id:text")         \
    X(SUP_CHILD_DOWN, "sup.child_down",                                                            \
      "sup:p pid:p restart:u reason:u will_restart:b asked:b child:u id:text")                     \
    X(SUP_CHILD_UP, "sup.child_up", "sup:p pid:p restart:u again:b child:u id:text")               \
    X(SUP_CHILD_FAILED, "sup.child_failed", "sup:p child:u")                                       \
    X(SUP_CHILD_REMOVED, "sup.child_removed", "sup:p restart:u child:u id:text")                   \
    X(SUP_RESTART, "sup.restart", "sup:p child:u counted:b")                                       \
    X(SUP_GIVE_UP, "sup.give_up", "sup:p restarts:u")                                              \
    X(SUP_STOPPING, "sup.stopping", "sup:p cause:u")                                               \
    /* code: the text is the module's name */                                                      \
    X(CODE_LOADED, "code.loaded", "version:u behaviours:u module:text")                            \
    X(CODE_SWITCHED, "code.switched", "pid:p from:u to:u module:text")                             \
    X(CODE_ROLLED_BACK, "code.rolled_back", "from:u to:u asked:b module:text")                     \
    X(CODE_PURGED, "code.purged", "version:u killed:u module:text")                                \
    X(DIST_UP, "dist.up", "creation:u name:text")                                                  \
    X(DIST_DOWN, "dist.down", "creation:u name:text")                                              \
    /* DHT */                                                                                      \
    X(DHT_UP, "dht.up", "read_only:b restored:u k:u id:id")                                        \
    X(DHT_DOWN, "dht.down", "id:id")                                                               \
    X(DHT_TABLE, "dht.table", "contacts4:u contacts6:u buckets:u")                                 \
    X(DHT_JOINED, "dht.joined", "took:t contacts:u")                                               \
    X(LOOKUP_START, "lookup.start", "op:u kind:u target:id")                                       \
    X(LOOKUP_DONE, "lookup.done",                                                                  \
      "op:u kind:u status:e values:u queries:u replies:u depth:u took:t ids:ids")                  \
    X(STORE_DONE, "store.done", "op:u kind:u status:e stored:u took:t target:id")                  \
    X(DHT_STORED, "dht.stored", "kind:u key:id")                                                   \
    X(DHT_CONTACT, "dht.contact", "on:b peer:id")                                                  \
    X(DHT_DROPPED, "dht.dropped", "cause:u from:addr")                                             \
    /* network: told by the env */                                                                 \
    X(PACKET_SENT, "packet.sent", "to:u size:u packet:u")                                          \
    X(PACKET_LOST, "packet.lost", "to:u size:u packet:u cause:u")                                  \
    X(PACKET_RECEIVED, "packet.received", "from:u size:u packet:u")                                \
    X(PACKET_DATA, "packet.data", "packet:u to:u data:packet")                                     \
    /* the scenario: told by the simulator or the testbed, node is the target or NONE */           \
    X(FAULT_ON, "fault.on", "fault:u kind:u occurrence:u text:text")                               \
    X(FAULT_OFF, "fault.off", "fault:u kind:u occurrence:u")                                       \
    X(FAULT_BIT, "fault.bit", "fault:u kind:u occurrence:u")                                       \
    X(FAULT_SIDE, "fault.side", "fault:u occurrence:u side:u")                                     \
    X(WORK_ASKED, "work.asked", "work:u kind:u op:u key:id")                                       \
    X(WORK_DONE, "work.done", "work:u kind:u op:u status:e took:t key:id")                         \
    X(LOG, "log", "level:u text:text")                                                             \
    /* applications; asked: it was told to stop */                                                 \
    X(APP_UP, "app.up", "pid:p type:u name:text")                                                  \
    X(APP_DOWN, "app.down", "pid:p type:u reason:u code:u asked:b name:text")                      \
    /* what an application promises of its data; value 0: none */                                  \
    X(APP_CLAIM, "app.claim", "claim:u value:x key:text")                                          \
    /* of processes that are traced by sys */                                                      \
    X(SYS_MESSAGE, "sys.message", "pid:p peer:p out:b tag:u size:u kind:text")                     \
    /* the run, told by who drives it: as it goes, then what came of it */                         \
    X(RUN_SAMPLE, "run.sample", "nodes:u procs:u mailbox:u pending:u bytes:u events:u")            \
    X(NODE_SAMPLE, "node.sample", "procs:u mailbox:u timers:u bytes:u")                            \
    X(CHECK_FAILED, "check.failed", "check:u text:text")                                           \
    X(RUN_FAULT, "run.fault", "fault:u kind:u injected:u bit:u line:u name:text")                  \
    X(RUN_CHECK, "run.check", "check:u evaluated:u failed:u line:u name:text")                     \
    X(RUN_WORK, "run.work", "work:u kind:u asked:u done:u line:u name:text")                       \
    X(RUN_PART, "run.part", "part:u fault:u bit:u line:u name:text")                               \
    X(RUN_REASON, "run.reason", "reason:text")                                                     \
    X(RUN_END, "run.end", "held:b events:u hash_high:x hash_low:x nodes:u repeat:text")

enum weft_trace_kind {
#define WEFT_TRACE_ENUM(NAME, name, fields) WEFT_TRACE_##NAME,
    WEFT_TRACE_KINDS(WEFT_TRACE_ENUM)
#undef WEFT_TRACE_ENUM
        WEFT_TRACE_KIND_COUNT
};

_Static_assert(WEFT_TRACE_KIND_COUNT <= 64, "kinds fit the mask");

/* The node number of an event that belongs to no node. */
#define WEFT_TRACE_NODE_NONE UINT32_MAX
/* Of a packet's number: counted by who received it, not by who sent it. */
#define WEFT_TRACE_PACKET_IN (UINT64_C(1) << 62)

/* DHT_CONTACT: `peer` entered a bucket of the routing table or left it; the edges of the overlay,
 * one for a peer that is known by IPv4 and IPv6. When a DHT goes down its edges go with it, untold.
 * PACKET_DATA: told right after PACKET_SENT of the same `packet`, of datagrams and not of streams;
 * the addresses are as the sender sees them. A machine does not know the nodes at the other end: to
 * whom it sends is NODE_NONE, and what comes in is from NODE_NONE, with a number of the receiver's
 * own that has WEFT_TRACE_PACKET_IN set; PACKET_DATA of it follows, with the addresses as the
 * receiver sees them, and `to` is the receiver. FAULT_SIDE: the event's node is on `side` (from 0)
 * of the occurrence that FAULT_ON told of, and reaches those on its own; a node that no such event
 * names is on no side, and sees all. Of an isolation those on side 1 reach nobody, not even one
 * another; of a ring `side` is the place on it. RUN_SAMPLE and NODE_SAMPLE: at even intervals;
 * `nodes` are up, `mailbox` is messages that wait in mailboxes, `pending` events that wait in the
 * queue, `bytes` heap of the nodes, `events` handled so far. CHECK_FAILED: when it was seen, and
 * the node it is about; of each check the first WEFT_TRACE_FAILURES_MAX. RUN_FAULT to RUN_END are a
 * run's page; RUN_PART: what a fault has to show in particular (`fault` is one more than that of
 * its RUN_FAULT), or what holds all along (0); checks of a core (liveness) come after all others
 * there, and are numbered so. A trace without RUN_END was cut short. */
#define WEFT_TRACE_FAILURES_MAX 100

/* FAULT_BIT with kind 0: one call of the node was refused, and no fault of the scenario did it. */

/* NODE_DOWN `cause`: who ended the node. `clean` is set when its tree shut down in order. */
enum weft_node_down_cause {
    WEFT_NODE_ENDED = 0, /* by itself: its root gave up */
    WEFT_NODE_STOPPED,   /* asked to, in order */
    WEFT_NODE_CRASHED,   /* loss of power */
    WEFT_NODE_KILLED,    /* by its system */
    WEFT_NODE_UNSTARTED  /* it told who started it that it cannot */
};

/* What supervisors tell. `child` is the child's place in its supervisor's table: it stays the same
 * from start to start, and is used again once the child is removed or its start failed. UP: also
 * when the flags change. CHILD_ADDED: in the order of the specs. CHILD_DOWN `asked`: the supervisor
 * stopped it, for whatever reason; with pid 0 it did not run, and is not to be
 * restarted any more: taken back on request, or its init chose IGNORE.
 * CHILD_UP `again`: the supervisor starts it again by itself, not on request.
 * CHILD_FAILED: a restart did not succeed, and is tried again. RESTART: told before what it does;
 * `counted` against the intensity, once a restart. GIVE_UP: one restart more would be too many.
 * STOPPING: all children go down, then the supervisor. PROC_START and PROC_NAME: `named` and `on`
 * tell whether `name` is registered (else it is the behaviour's). */
enum weft_sup_stopping_cause {
    WEFT_SUP_TOLD = 0, /* by its parent */
    WEFT_SUP_GAVE_UP,
    WEFT_SUP_AUTO,     /* a significant child ended */
    WEFT_SUP_UNSTARTED /* one of its children did not start with it */
};

/* LOOKUP_START and LOOKUP_DONE `kind`. LOOKUP_DONE's bytes are the target, then the ids of the
 * closest nodes found, closest first. */
enum weft_lookup_kind {
    WEFT_LOOKUP_NODES = 1, /* find_node: the k closest nodes */
    WEFT_LOOKUP_PEERS,     /* get_peers: peers of an info-hash (BEP 5) */
    WEFT_LOOKUP_VALUE,     /* get: an immutable item (BEP 44) */
    WEFT_LOOKUP_JOIN,      /* find_node of the own id when joining */
    WEFT_LOOKUP_REFRESH    /* find_node in a stale bucket */
};

/* APP_CLAIM `claim`: what an application says about the value of a key, so that a check can tell
 * whether it lost or made up anything. Of one key of a node values are tried one after the other,
 * each another one: a number that stands for it, such as a hash. DAMAGED (no key): the application
 * has seen that data it had are gone or wrong. */
enum weft_claim {
    WEFT_CLAIM_TRIED = 1, /* it is about to be written, and may be found from now on */
    WEFT_CLAIM_ACKED,     /* whoever wrote it has been told that it will be found */
    WEFT_CLAIM_FOUND,     /* this is what the key has after a start */
    WEFT_CLAIM_DAMAGED
};

/* STORE_DONE, DHT_STORED `kind` */
enum weft_store_kind { WEFT_STORE_PEER = 1, WEFT_STORE_VALUE };

/* LOG levels, and the only ones a node logs with. */
enum weft_log_level { WEFT_LOG_ERROR = 1, WEFT_LOG_WARN, WEFT_LOG_INFO, WEFT_LOG_DEBUG };

/* Borrowed for the call. Numbers stand in the order of the kind's table. */
struct weft_trace_event {
    weft_time at; /* the driver's time: virtual in the simulator, monotonic on a machine */
    uint32_t node;
    enum weft_trace_kind kind;
    uint64_t number[WEFT_TRACE_NUMBERS];
    struct weft_bytes bytes;
};

struct weft_trace_ops {
    /* Called for kinds in env->trace_mask. Must not call back into the node. The sink fills in
     * nothing: `at` and `node` are set. */
    void (*emit)(struct weft_env *env, const struct weft_trace_event *event);
};

/* "node.up" and so on; NULL when `kind` is out of range. */
const char *weft_trace_kind_name(unsigned kind);

/* The field list of the table; NULL when `kind` is out of range. */
const char *weft_trace_kind_fields(unsigned kind);

#define WEFT_TRACE_BIT(kind) (UINT64_C(1) << (kind))
#define WEFT_TRACE_ALL ((UINT64_C(1) << WEFT_TRACE_KIND_COUNT) - 1)

/* Emit an event if it is wanted: weft_trace(env, WEFT_TRACE_DHT_JOINED, no_bytes, took, count).
 * The numbers are evaluated only when it is. */
#define weft_trace(env, kind_, bytes_, ...)                                                        \
    do {                                                                                           \
        if ((env)->trace_mask & WEFT_TRACE_BIT(kind_)) {                                           \
            struct weft_trace_event event_ = {.at = (env)->clock->monotonic(env),                  \
                                              .node = (env)->node,                                 \
                                              .kind = (kind_),                                     \
                                              .number = {__VA_ARGS__},                             \
                                              .bytes = (bytes_)};                                  \
            (env)->trace->emit((env), &event_);                                                    \
        }                                                                                          \
    } while (0)

/* LOG with printf's formats; cut at WEFT_LOG_TEXT_MAX bytes. */
void weft_log(struct weft_env *env, enum weft_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define WEFT_LOG_TEXT_MAX 240

#endif
