/* What the files of pg share: the tables of a scope, and the bytes between scopes.
 *
 * A message, integers big-endian:
 *     version:u8 (1)  kind:u8  flags:u8  zero:u8  record...
 *     record: group_size:u16 (1-255)  group (no NUL)  pids_count:u32  pid:u64 ...
 * A pid is told by its slot and serial alone: the receiver knows where the sender is, and a scope
 * speaks only of its own scheduler's processes. A SYNC may come in several messages: FIRST, ...,
 * LAST (both in one when it is one), and counts when LAST has come. */
#ifndef WEFT_OTP_PG_INTERNAL_H
#define WEFT_OTP_PG_INTERNAL_H

#include "core/otp/internal.h"
#include "core/otp/pg.h"

#define PG_WIRE_VERSION 1
#define PG_PID_LOCAL_BITS (WEFT_PID_SLOT_BITS + WEFT_PID_SERIAL_BITS)
#define PG_PID_LOCAL ((UINT64_C(1) << PG_PID_LOCAL_BITS) - 1)
#define PG_RESYNC_DELAY WEFT_S(1)

/* Tags of messages to a scope. */
#define PG_WIRE UINT32_C(0xfffffe02)      /* from another scope */
#define PG_PEER UINT32_C(0xfffffe03)      /* a peer: its pid */
#define PG_JOIN UINT32_C(0xfffffe04)      /* one record, whole pids */
#define PG_LEAVE UINT32_C(0xfffffe05)     /* one record, whole pids */
#define PG_MONITOR UINT32_C(0xfffffe06)   /* a group's name, or nothing */
#define PG_DEMONITOR UINT32_C(0xfffffe07) /* the watch */

enum pg_kind { PG_KIND_DISCOVER = 1, PG_KIND_SYNC, PG_KIND_JOIN, PG_KIND_LEAVE };
enum pg_flag { PG_FIRST = 1, PG_LAST = 2 };

#define PG_HEAD_SIZE 4
#define PG_RECORD_HEAD_MAX (2 + WEFT_PG_GROUP_MAX + 4)

/* --- bytes: pg_wire.c --- */

/* Writes into `data`; `record` is where the open record's count stands, 0: none is open. */
struct pg_writer {
    unsigned char *data;
    size_t size, max;
    size_t record;
    uint32_t pids_count;
};

void weft_otp__pg_write_head(struct pg_writer *writer, enum pg_kind kind, unsigned flags);
/* False when it does not fit; nothing is written then. */
bool weft_otp__pg_write_record(struct pg_writer *writer, const char *group);
bool weft_otp__pg_write_pid(struct pg_writer *writer, uint64_t pid);

struct pg_reader {
    struct weft_bytes rest;
    uint8_t kind, flags;
};

struct pg_record {
    char group[WEFT_PG_GROUP_MAX];
    uint32_t pids_count;
    const unsigned char *pids;
};

bool weft_otp__pg_read_head(struct weft_bytes data, struct pg_reader *reader);
/* False at the end, and when what follows is not a record: `rest` is not empty then. */
bool weft_otp__pg_read_record(struct pg_reader *reader, struct pg_record *record);
uint64_t weft_otp__pg_read_pid(const struct pg_record *record, uint32_t index);
/* Whether all of `data` is head and records. */
bool weft_otp__pg_valid(struct weft_bytes data);

/* --- tables: pg_groups.c --- */

/* I1  `local` and `remote` are the memberships, the sums of the counts of the seats
 * I2  a group is there while it has a seat */
struct pg_group {
    struct map_node node;
    struct weft_link order;
    struct weft_link local_seats, remote_seats;
    uint64_t id; /* never again */
    uint64_t local, remote;
    size_t size; /* of name, with the NUL */
    char name[];
};

/* A process of this scheduler that is in a group. */
struct pg_member {
    struct map_node node;
    weft_pid pid;
    weft_ref monitor;
    struct weft_link seats;
};

struct pg_peer {
    struct map_node node;
    struct weft_link order;
    weft_pid pid;
    weft_ref monitor;
    struct weft_link seats;
    uint32_t sync; /* counts up with each SYNC */
    bool syncing;  /* FIRST has come, LAST not */
    bool behind;   /* could not be sent something */
};

/* A process in a group, `count` times. Of a member (peer NULL) or a peer (member NULL). */
struct pg_seat {
    struct map_node node;
    struct weft_link in_group, in_holder;
    struct pg_group *group;
    struct pg_member *member;
    struct pg_peer *peer;
    weft_pid pid;
    uint32_t count;
    uint32_t sync, synced; /* of a peer: count as SYNC number `sync` has it */
};

struct pg_watch {
    struct weft_link order;
    uint64_t id;
    weft_pid pid;
    weft_ref monitor;
    bool gap;
    char group[]; /* "": the scope */
};

struct pg_scope {
    struct map groups, members, seats, peers;
    struct weft_link groups_order, peers_order, watches;
    uint32_t watches_count;
    uint64_t group_id, watch_id;
    weft_ref resync; /* timer, or 0 */
};

/* Called for each change, before a group that became empty goes. */
struct pg_change {
    struct pg_group *group;
    weft_pid pid;
    uint32_t count;
    bool joined;
};
void weft_otp__pg_changed(weft_self *self, struct pg_scope *scope, const struct pg_change *change);

struct pg_group *weft_otp__pg_group(weft_self *self, const struct pg_scope *scope,
                                    const char *name);
struct pg_member *weft_otp__pg_member(const struct pg_scope *scope, weft_pid pid);
struct pg_peer *weft_otp__pg_peer(const struct pg_scope *scope, weft_pid pid);

/* Where a process sits: of `peer`, or of this scheduler (NULL). */
struct pg_place {
    const char *group;
    weft_pid pid;
    struct pg_peer *peer;
};
struct pg_seat *weft_otp__pg_seat(weft_self *self, const struct pg_scope *scope,
                                  const struct pg_place *place);
/* The seat, made with count 0 if need be. WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_otp__pg_seat_get(weft_self *self, struct pg_scope *scope, const struct pg_place *place,
                          struct pg_seat **out);
/* Set its count and tell; a seat of count 0 goes, with what only it held. */
void weft_otp__pg_seat_set(weft_self *self, struct pg_scope *scope, struct pg_seat *seat,
                           uint32_t count);
/* WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_otp__pg_peer_add(weft_self *self, struct pg_scope *scope, weft_pid pid,
                          struct pg_peer **out);
void weft_otp__pg_seats_clear(weft_self *self, struct pg_scope *scope, struct weft_link *seats);

#endif
