/* What the files of the DHT's service process share. */
#ifndef WEFT_DHT_SERVICE_INTERNAL_H
#define WEFT_DHT_SERVICE_INTERNAL_H

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/rand.h"
#include "core/dht/service.h"
#include "core/otp/gen_server.h"

#define DHT_FILE_MAX (256 * 1024) /* bytes of a saved table */
#define DHT_SAVE_JOINED WEFT_S(5) /* saved so long after joining, not only after save_after */
#define DHT_OP_SERVICE (UINT64_C(1) << 63)

enum weft_dht__timer { DHT_TIMER_STEP = 1, DHT_TIMER_BOOTSTRAP, DHT_TIMER_SAVE };

/* A call answered when its operation ends. */
struct weft_dht__waiting {
    uint64_t op;
    struct weft_call call;
};

/* A timer of the process; `at` is WEFT_TIME_NEVER when it is not set. */
struct weft_dht__alarm {
    weft_ref ref;
    weft_time at;
};

struct weft_dht__service {
    const struct weft_dht_service_config *config;
    struct weft_dht *dht;
    weft_socket socket4, socket6;
    struct weft_rand rand;
    struct weft_dht__alarm step, bootstrap, save;
    struct weft_dht__waiting *waiting;
    uint32_t waiting_count, waiting_capacity;
    uint32_t contacts4, contacts6; /* as last told by DHT_TABLE */
    uint64_t op_last;
    bool joined; /* during a step: it joined */
    bool restored;
};

/* --- service.c --- */

/* One event through the machine, and what follows from it: timers, DHT_TABLE. */
int weft_dht__service_step(weft_self *self, const struct weft_dht_event *event);

/* --- service_call.c --- */
void weft_dht__service_call(weft_self *self, const struct weft_msg *call);
/* Answer the call that waits for `result`, if one does. */
void weft_dht__service_done(weft_self *self, const struct weft_dht_result *result);

/* --- service_disk.c --- */

/* The file at `path`, in memory of the process: free *size bytes.
 *   WEFT_ERR_NOT_FOUND, WEFT_ERR_TOO_BIG (DHT_FILE_MAX), WEFT_ERR_CORRUPT (empty), WEFT_ERR_NOMEM,
 *   or what the disk says */
int weft_dht__disk_read(weft_self *self, const char *path, unsigned char **out, size_t *size);
/* The same of the one that was there before the last replace. */
int weft_dht__disk_read_last(weft_self *self, const char *path, unsigned char **out, size_t *size);
/* Replace the file at `path`, so that a crash at any moment leaves the old one or the new one, at
 * `path` or beside it: what was there before is kept, in case that the new one gets damaged.
 *   WEFT_ERR_INVAL (path too long), or what the disk says */
#define WEFT_DHT__LAST ".last"
int weft_dht__disk_replace(weft_self *self, const char *path, struct weft_bytes data);
/* Save the table; trouble is logged and no more. Nothing without a path. */
void weft_dht__disk_save(weft_self *self);

#endif
