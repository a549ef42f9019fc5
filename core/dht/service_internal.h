/* What the service's files share. Nothing outside core/dht includes it. */
#ifndef WEFT_DHT_SERVICE_INTERNAL_H
#define WEFT_DHT_SERVICE_INTERNAL_H

#include "core/base/list.h"
#include "core/base/rand.h"
#include "core/dht/service.h"

/* The state of the process. */
struct service {
    struct weft_dht_service_config config;
    struct weft_dht *dht;
    weft_socket socket4, socket6; /* WEFT_SOCKET_NONE: that family is off */
    struct weft_link asked;       /* calls whose operations are under way */
    uint64_t last_op;
    weft_ref wake; /* timer of the machine; 0: none */
    weft_time wake_at;
    struct weft_rand rand;
    uint32_t told4, told6; /* contacts as DHT_TABLE told last */
    bool bootstrapping;    /* a retry is armed */
};

/* The saved table, in memory of the process; size 0 when there is none. A damaged file is logged
 * and left alone: the next save replaces it. Give it back with read_done. */
struct weft_bytes weft_dht__service_read(weft_self *self);
void weft_dht__service_read_done(weft_self *self, struct weft_bytes saved);

/* Write the table so that a crash at any moment leaves the old one or the new one. Failures are
 * logged; the next save tries again. */
void weft_dht__service_save(weft_self *self);

#endif
