/* The DHT's service process: gives the machine a mailbox, timers, sockets and a disk.
 *
 * A gen_server registered as "dht". It opens the sockets, restores the saved table, bootstraps,
 * saves the table from time to time and when it is stopped, and answers calls. When it crashes it
 * is restarted like any child, and comes back with its saved table and the same id. */
#ifndef WEFT_DHT_SERVICE_H
#define WEFT_DHT_SERVICE_H

#include "core/dht/dht.h"
#include "core/otp/process.h"

struct weft_dht_service_config {
    struct weft_dht_config dht;
    struct weft_addr bind4; /* family NONE: no IPv4 */
    struct weft_addr bind6; /* family NONE: no IPv6 */
    const struct weft_addr *bootstrap;
    size_t bootstrap_count;        /* <= WEFT_DHT_BOOTSTRAP_MAX */
    weft_duration bootstrap_retry; /* [10 s] while the table is empty, with jitter */
    weft_duration save_after;      /* [5 min] between saves; jittered. */
    const char *path; /* file of the saved table on the env's disk; NULL: do not save */
    bool has_id;      /* else: the saved one, else drawn from entropy */
    weft_id id;
};

/* Behaviour; `arg` is a pointer to a const struct weft_dht_service_config, which is borrowed, with
 * all it points at, for as long as the process may restart: many nodes can share one. init fails
 * with the socket's error, and with WEFT_ERR_INVAL. `dht.v4` and `dht.v6` are what is bound; a
 * `dht` that is `shared` says so itself. */
extern const struct weft_behaviour weft_dht_service;

/* Requests, as CALLs with the tag and data below; the answer's data in brackets. */
enum weft_dht_request {
    WEFT_DHT_REQ_FIND_NODES = 1, /* struct weft_dht_ask [struct weft_dht_answer] */
    WEFT_DHT_REQ_GET_PEERS,
    WEFT_DHT_REQ_ANNOUNCE,
    WEFT_DHT_REQ_GET,
    WEFT_DHT_REQ_PUT,      /* the value's bencoded bytes follow the struct */
    WEFT_DHT_REQ_WITHDRAW, /* [nothing] */
    WEFT_DHT_REQ_ADD,      /* struct weft_addr: try this contact [nothing] */
    WEFT_DHT_REQ_STATS,    /* nothing [struct weft_dht_stats] */
    WEFT_DHT_REQ_TABLE     /* nothing [array of struct weft_contact_info] */
};

struct weft_dht_ask {
    weft_id target; /* the key; not read by PUT */
    uint16_t port;
    bool repeat;
    uint64_t op; /* shows in the trace; 0: the service chooses. The caller keeps it unique; numbers
                    the service chooses have the top bit set */
};

/* The reply's status is the result's. After this head follow, packed: closest_count struct
 * weft_contact, peers_count struct weft_addr, value_size bytes. Read with weft_dht_answer_read. */
struct weft_dht_answer {
    weft_id target;
    uint32_t closest_count, peers_count, value_size;
    uint32_t stored, queries, replies, depth;
    weft_duration took;
};

/* Point into a reply's data, unaligned parts copied by the caller as needed.
 *   WEFT_ERR_MALFORMED  the sizes do not fit */
struct weft_dht_answer_view {
    struct weft_dht_answer head;
    const unsigned char *closest, *peers, *value;
};

int weft_dht_answer_read(struct weft_bytes data, struct weft_dht_answer_view *view);

/* Of the state of such a process: bring into the cache what an event will read, in two steps. */
void weft_dht_service_fetch(const void *state, unsigned step);

#endif
