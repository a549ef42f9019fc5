/* The process of a scope. */
#include "core/otp/pg_internal.h"

static struct weft_bytes no_bytes(void) { return weft_bytes(NULL, 0); }

static bool is_of_here(const weft_self *self, weft_pid pid) {
    return pid.raw >> PG_PID_LOCAL_BITS == weft_self_pid(self).raw >> PG_PID_LOCAL_BITS;
}

/* --- watchers --- */

struct told {
    uint64_t watch;
    weft_pid pid;
    uint32_t count;
    bool joined, gap;
    char group[WEFT_PG_GROUP_MAX];
};

static void tell(weft_self *self, struct pg_watch *watch, const struct pg_change *change) {
    struct told told;
    memset(&told, 0, sizeof told);
    told.watch = watch->id;
    told.pid = change->pid;
    told.count = change->count;
    told.joined = change->joined;
    told.gap = watch->gap;
    memcpy(told.group, change->group->name, change->group->size);
    watch->gap = weft_send(self, watch->pid, WEFT_PG_EVENT, weft_bytes(&told, sizeof told)) != 0;
}

void weft_otp__pg_changed(weft_self *self, struct pg_scope *scope, const struct pg_change *change) {
    WEFT_ASSERT(change->count > 0);
    for (struct weft_link *at = scope->watches.next; at != &scope->watches; at = at->next) {
        struct pg_watch *watch = WEFT_CONTAINER(at, struct pg_watch, order);
        if (watch->group[0] == '\0' || strcmp(watch->group, change->group->name) == 0)
            tell(self, watch, change);
    }
}

bool weft_pg_event_read(const struct weft_msg *msg, struct weft_pg_event *event) {
    struct told told;
    if (msg->kind != WEFT_MSG_CAST || msg->tag != WEFT_PG_EVENT) return false;
    if (msg->data.size != sizeof told) return false;
    memcpy(&told, msg->data.data, sizeof told);
    *event = (struct weft_pg_event){.watch = told.watch,
                                    .joined = told.joined,
                                    .gap = told.gap,
                                    .pid = told.pid,
                                    .count = told.count};
    memcpy(event->group, told.group, sizeof event->group);
    return true;
}

static int watch_new(weft_self *self, struct pg_scope *scope, const struct weft_msg *msg,
                     struct pg_watch **out) {
    size_t size = msg->data.size;
    if (size >= WEFT_PG_GROUP_MAX) return WEFT_ERR_INVAL;
    if (size > 0 && memchr(msg->data.data, '\0', size) != NULL) return WEFT_ERR_INVAL;
    if (scope->watches_count >= WEFT_PG_WATCHES_MAX) return WEFT_ERR_FULL;
    struct pg_watch *watch = weft_alloc(self, sizeof *watch + size + 1);
    if (watch == NULL) return WEFT_ERR_NOMEM;
    int rv = weft_monitor(self, msg->from, &watch->monitor);
    if (rv != WEFT_OK) {
        weft_free(self, watch);
        return rv;
    }
    watch->id = ++scope->watch_id;
    watch->pid = msg->from;
    if (size > 0) memcpy(watch->group, msg->data.data, size);
    weft_list_push_back(&scope->watches, &watch->order);
    scope->watches_count++;
    *out = watch;
    return WEFT_OK;
}

static void watch_free(weft_self *self, struct pg_scope *scope, struct pg_watch *watch) {
    WEFT_ASSERT(scope->watches_count > 0);
    weft_demonitor(self, watch->monitor);
    weft_list_remove(&watch->order);
    scope->watches_count--;
    weft_free(self, watch);
}

static struct pg_watch *watch_of(struct pg_scope *scope, uint64_t id, weft_ref monitor) {
    for (struct weft_link *at = scope->watches.next; at != &scope->watches; at = at->next) {
        struct pg_watch *watch = WEFT_CONTAINER(at, struct pg_watch, order);
        if (id != 0 ? watch->id == id : watch->monitor == monitor) return watch;
    }
    return NULL;
}

/* --- sending to peers --- */

static void fall_behind(weft_self *self, struct pg_scope *scope, struct pg_peer *peer) {
    peer->behind = true;
    if (scope->resync != 0) return;
    int rv = weft_timer_start(self, PG_RESYNC_DELAY, 0, no_bytes(), &scope->resync);
    if (rv == WEFT_OK) return;
    /* Without it this scope would never agree with that peer. */
    struct weft_reason why = weft_reason_text(WEFT_REASON_LIMIT, rv, "pg: timer");
    weft_stop(self, &why);
}

static bool send_to(weft_self *self, struct pg_scope *scope, struct pg_peer *peer,
                    struct weft_bytes data) {
    int rv = weft_send(self, peer->pid, PG_WIRE, data);
    if (rv == WEFT_OK || rv == WEFT_ERR_NO_PROC) return true;
    fall_behind(self, scope, peer);
    return false;
}

/* What waits for a SYNC gets all by it. */
static void broadcast(weft_self *self, struct pg_scope *scope, const struct pg_writer *writer) {
    for (struct weft_link *at = scope->peers_order.next; at != &scope->peers_order; at = at->next) {
        struct pg_peer *peer = WEFT_CONTAINER(at, struct pg_peer, order);
        if (!peer->behind) (void)send_to(self, scope, peer, weft_bytes(writer->data, writer->size));
    }
}

/* A SYNC being written: sent whenever it is full. */
struct syncing {
    struct pg_scope *scope;
    struct pg_peer *peer;
    struct pg_writer writer;
    unsigned flags;
    bool failed;
};

static void sync_send(weft_self *self, struct syncing *syncing, bool last) {
    struct pg_writer *writer = &syncing->writer;
    writer->data[2] = (unsigned char)(syncing->flags | (last ? PG_LAST : 0));
    if (!syncing->failed)
        syncing->failed =
            !send_to(self, syncing->scope, syncing->peer, weft_bytes(writer->data, writer->size));
    syncing->flags = 0;
    weft_otp__pg_write_head(writer, PG_KIND_SYNC, 0);
}

static void sync_pid(weft_self *self, struct syncing *syncing, const struct pg_seat *seat) {
    uint64_t pid = seat->pid.raw & PG_PID_LOCAL;
    struct pg_writer *writer = &syncing->writer;
    if (writer->record != 0 && weft_otp__pg_write_pid(writer, pid)) return;
    if (writer->record != 0 || !weft_otp__pg_write_record(writer, seat->group->name)) {
        sync_send(self, syncing, false);
        WEFT_ASSERT(weft_otp__pg_write_record(writer, seat->group->name));
    }
    WEFT_ASSERT(weft_otp__pg_write_pid(writer, pid));
}

static void sync_group(weft_self *self, struct syncing *syncing, struct pg_group *group) {
    syncing->writer.record = 0;
    for (struct weft_link *at = group->local_seats.next; at != &group->local_seats; at = at->next) {
        const struct pg_seat *seat = WEFT_CONTAINER(at, struct pg_seat, in_group);
        for (uint32_t i = 0; i < seat->count; i++) sync_pid(self, syncing, seat);
    }
}

_Static_assert(WEFT_PG_MESSAGE_MAX >= PG_HEAD_SIZE + PG_RECORD_HEAD_MAX + 8, "a record fits");

static void send_sync(weft_self *self, struct pg_scope *scope, struct pg_peer *peer) {
    unsigned char *data = weft_alloc(self, WEFT_PG_MESSAGE_MAX);
    if (data == NULL) {
        fall_behind(self, scope, peer);
        return;
    }
    struct syncing syncing = {.scope = scope,
                              .peer = peer,
                              .writer = {.data = data, .max = WEFT_PG_MESSAGE_MAX},
                              .flags = PG_FIRST};
    peer->behind = false;
    weft_otp__pg_write_head(&syncing.writer, PG_KIND_SYNC, PG_FIRST);
    for (struct weft_link *at = scope->groups_order.next; at != &scope->groups_order; at = at->next)
        sync_group(self, &syncing, WEFT_CONTAINER(at, struct pg_group, order));
    sync_send(self, &syncing, true);
    weft_free(self, data);
}

static void send_discover(weft_self *self, struct pg_scope *scope, struct pg_peer *peer) {
    unsigned char data[PG_HEAD_SIZE];
    struct pg_writer writer = {.data = data, .max = sizeof data};
    weft_otp__pg_write_head(&writer, PG_KIND_DISCOVER, 0);
    (void)send_to(self, scope, peer, weft_bytes(data, sizeof data));
}

static void on_resync(weft_self *self, struct pg_scope *scope) {
    scope->resync = 0;
    for (struct weft_link *at = scope->peers_order.next; at != &scope->peers_order; at = at->next) {
        struct pg_peer *peer = WEFT_CONTAINER(at, struct pg_peer, order);
        if (!peer->behind) continue;
        send_sync(self, scope, peer);
        /* A DISCOVER may be what was lost. */
        if (!peer->behind) send_discover(self, scope, peer);
    }
}

/* --- what peers say --- */

static struct pg_peer *peer_get(weft_self *self, struct pg_scope *scope, weft_pid pid) {
    struct pg_peer *peer = weft_otp__pg_peer(scope, pid);
    if (peer != NULL || weft_pid_equal(pid, weft_self_pid(self))) return peer;
    int rv = weft_otp__pg_peer_add(self, scope, pid, &peer);
    if (rv == WEFT_OK) return peer;
    weft_log(weft_self_env(self), WEFT_LOG_WARN, "pg: peer %llx not kept: %s",
             (unsigned long long)pid.raw, weft_error_text(rv));
    return NULL;
}

static void on_peer(weft_self *self, struct pg_scope *scope, weft_pid pid) {
    bool known = weft_otp__pg_peer(scope, pid) != NULL;
    struct pg_peer *peer = peer_get(self, scope, pid);
    if (peer != NULL && !known) send_discover(self, scope, peer);
}

static void on_discover(weft_self *self, struct pg_scope *scope, weft_pid from) {
    on_peer(self, scope, from);
    struct pg_peer *peer = weft_otp__pg_peer(scope, from);
    if (peer != NULL) send_sync(self, scope, peer);
}

/* What it says is at its own place, whatever it says. */
static weft_pid pid_at(const weft_self *self, const struct pg_peer *peer, uint64_t told) {
    return weft_otp__pid_beside(self, peer->pid, told & PG_PID_LOCAL);
}

static void say_full(weft_self *self, const struct pg_peer *peer, int error) {
    weft_log(weft_self_env(self), WEFT_LOG_WARN, "pg: not all of peer %llx is kept: %s",
             (unsigned long long)peer->pid.raw, weft_error_text(error));
}

/* One pid of a record. WEFT_ERR_FULL, WEFT_ERR_NOMEM */
static int take_pid(weft_self *self, struct pg_scope *scope, uint8_t kind,
                    const struct pg_place *place) {
    struct pg_seat *seat = weft_otp__pg_seat(self, scope, place);
    if (kind == PG_KIND_LEAVE) {
        if (seat != NULL && seat->count > 0)
            weft_otp__pg_seat_set(self, scope, seat, seat->count - 1);
        return WEFT_OK;
    }
    int rv = weft_otp__pg_seat_get(self, scope, place, &seat);
    if (rv != WEFT_OK) return rv;
    if (kind == PG_KIND_JOIN) {
        if (seat->count < UINT32_MAX) weft_otp__pg_seat_set(self, scope, seat, seat->count + 1);
        return WEFT_OK;
    }
    if (seat->sync != place->peer->sync) seat->synced = 0;
    seat->sync = place->peer->sync;
    if (seat->synced < UINT32_MAX) seat->synced++;
    return WEFT_OK;
}

static void take_records(weft_self *self, struct pg_scope *scope, struct pg_peer *peer,
                         struct pg_reader *reader) {
    struct pg_record record;
    int rv = WEFT_OK;
    while (weft_otp__pg_read_record(reader, &record)) {
        struct pg_place place = {.group = record.group, .peer = peer};
        for (uint32_t i = 0; i < record.pids_count; i++) {
            uint64_t told = weft_otp__pg_read_pid(&record, i);
            if ((told & PG_PID_LOCAL) == 0) continue; /* no process */
            place.pid = pid_at(self, peer, told);
            int one = take_pid(self, scope, reader->kind, &place);
            if (one != WEFT_OK) rv = one;
        }
    }
    if (rv != WEFT_OK) say_full(self, peer, rv);
}

static void sync_end(weft_self *self, struct pg_scope *scope, struct pg_peer *peer) {
    struct weft_link *next;
    peer->syncing = false;
    for (struct weft_link *at = peer->seats.next; at != &peer->seats; at = next) {
        struct pg_seat *seat = WEFT_CONTAINER(at, struct pg_seat, in_holder);
        next = at->next;
        uint32_t count = seat->sync == peer->sync ? seat->synced : 0;
        weft_otp__pg_seat_set(self, scope, seat, count);
    }
}

static void on_sync(weft_self *self, struct pg_scope *scope, weft_pid from,
                    struct pg_reader *reader) {
    struct pg_peer *peer = peer_get(self, scope, from);
    if (peer == NULL) return;
    if (reader->flags & PG_FIRST) {
        peer->sync++;
        peer->syncing = true;
    }
    if (!peer->syncing) return;
    take_records(self, scope, peer, reader);
    if (reader->flags & PG_LAST) sync_end(self, scope, peer);
}

static void on_wire(weft_self *self, struct pg_scope *scope, const struct weft_msg *msg) {
    struct pg_reader reader;
    if (!weft_otp__pg_valid(msg->data) || !weft_otp__pg_read_head(msg->data, &reader)) {
        weft_log(weft_self_env(self), WEFT_LOG_WARN, "pg: malformed message from %llx dropped",
                 (unsigned long long)msg->from.raw);
        return;
    }
    struct pg_peer *peer = weft_otp__pg_peer(scope, msg->from);
    if (reader.kind == PG_KIND_DISCOVER) {
        on_discover(self, scope, msg->from);
    } else if (reader.kind == PG_KIND_SYNC) {
        on_sync(self, scope, msg->from, &reader);
    } else if (peer != NULL) {
        take_records(self, scope, peer, &reader);
    }
}

/* --- what local processes ask --- */

static int join_one(weft_self *self, struct pg_scope *scope, const struct pg_place *place) {
    struct pg_seat *seat;
    if (!is_of_here(self, place->pid)) return WEFT_ERR_INVAL;
    if (!weft_alive(self, place->pid)) return WEFT_ERR_NO_PROC;
    int rv = weft_otp__pg_seat_get(self, scope, place, &seat);
    if (rv != WEFT_OK) return rv;
    if (seat->count == UINT32_MAX) return WEFT_ERR_FULL;
    weft_otp__pg_seat_set(self, scope, seat, seat->count + 1);
    return WEFT_OK;
}

static int leave_one(weft_self *self, struct pg_scope *scope, const struct pg_place *place) {
    if (!is_of_here(self, place->pid)) return WEFT_ERR_INVAL;
    struct pg_seat *seat = weft_otp__pg_seat(self, scope, place);
    if (seat == NULL) return WEFT_ERR_NOT_FOUND;
    weft_otp__pg_seat_set(self, scope, seat, seat->count - 1);
    return WEFT_OK;
}

/* Each pid, and tell the peers of those that did. */
static int change_all(weft_self *self, struct pg_scope *scope, const struct pg_record *record,
                      struct pg_writer *writer) {
    bool join = writer->data[1] == PG_KIND_JOIN;
    int rv = join ? WEFT_OK : WEFT_ERR_NOT_FOUND;
    WEFT_ASSERT(weft_otp__pg_write_record(writer, record->group));
    for (uint32_t i = 0; i < record->pids_count; i++) {
        struct pg_place place = {.group = record->group, .pid = {weft_otp__pg_read_pid(record, i)}};
        int one = join ? join_one(self, scope, &place) : leave_one(self, scope, &place);
        if (one == WEFT_OK)
            WEFT_ASSERT(weft_otp__pg_write_pid(writer, place.pid.raw & PG_PID_LOCAL));
        /* join: the first trouble; leave: fine if one was there */
        if (join ? rv == WEFT_OK : one == WEFT_OK || one == WEFT_ERR_INVAL) rv = one;
    }
    if (writer->pids_count > 0) broadcast(self, scope, writer);
    return record->pids_count == 0 ? WEFT_OK : rv;
}

static int on_change(weft_self *self, struct pg_scope *scope, const struct weft_msg *msg) {
    struct pg_reader reader;
    struct pg_record record;
    if (!weft_otp__pg_valid(msg->data) || !weft_otp__pg_read_head(msg->data, &reader))
        return WEFT_ERR_MALFORMED;
    if (msg->data.size > WEFT_PG_MESSAGE_MAX || !weft_otp__pg_read_record(&reader, &record))
        return WEFT_ERR_MALFORMED;
    struct pg_writer writer = {.max = msg->data.size + 8};
    writer.data = weft_alloc(self, writer.max);
    if (writer.data == NULL) return WEFT_ERR_NOMEM;
    weft_otp__pg_write_head(&writer, msg->tag == PG_JOIN ? PG_KIND_JOIN : PG_KIND_LEAVE, 0);
    int rv = change_all(self, scope, &record, &writer);
    weft_free(self, writer.data);
    return rv;
}

static int on_demonitor(weft_self *self, struct pg_scope *scope, const struct weft_msg *msg) {
    uint64_t id;
    if (msg->data.size != sizeof id) return WEFT_ERR_MALFORMED;
    memcpy(&id, msg->data.data, sizeof id);
    struct pg_watch *watch = id != 0 ? watch_of(scope, id, 0) : NULL;
    if (watch == NULL || !weft_pid_equal(watch->pid, msg->from)) return WEFT_ERR_NOT_FOUND;
    watch_free(self, scope, watch);
    return WEFT_OK;
}

static void on_request(weft_self *self, struct pg_scope *scope, const struct weft_msg *msg) {
    int rv = WEFT_ERR_UNSUPPORTED;
    struct pg_watch *watch = NULL;
    struct weft_call asker = weft_call_of(msg);
    if (msg->tag == PG_JOIN || msg->tag == PG_LEAVE) rv = on_change(self, scope, msg);
    if (msg->tag == PG_DEMONITOR) rv = on_demonitor(self, scope, msg);
    if (msg->tag == PG_MONITOR && msg->kind == WEFT_MSG_CALL)
        rv = watch_new(self, scope, msg, &watch);
    if (msg->kind != WEFT_MSG_CALL) return;
    weft_reply(self, &asker, rv,
               watch != NULL ? weft_bytes(&watch->id, sizeof watch->id) : no_bytes());
}

/* --- the process --- */

static void peer_down(weft_self *self, struct pg_scope *scope, struct pg_peer *peer) {
    weft_otp__pg_seats_clear(self, scope, &peer->seats);
    weft_otp__map_remove(&scope->peers, &peer->node);
    weft_list_remove(&peer->order);
    weft_free(self, peer);
}

static void member_down(weft_self *self, struct pg_scope *scope, struct pg_member *member) {
    struct weft_link *at = member->seats.next;
    bool last;
    do {
        struct pg_seat *seat = WEFT_CONTAINER(at, struct pg_seat, in_holder);
        unsigned char data[PG_HEAD_SIZE + PG_RECORD_HEAD_MAX + 8];
        struct pg_writer writer = {.data = data, .max = sizeof data};
        at = at->next;
        last = at == &member->seats;
        weft_otp__pg_write_head(&writer, PG_KIND_LEAVE, 0);
        WEFT_ASSERT(weft_otp__pg_write_record(&writer, seat->group->name));
        WEFT_ASSERT(weft_otp__pg_write_pid(&writer, seat->pid.raw & PG_PID_LOCAL));
        for (uint32_t i = 0; i < seat->count; i++) broadcast(self, scope, &writer);
        weft_otp__pg_seat_set(self, scope, seat, 0);
    } while (!last);
}

static void on_down(weft_self *self, struct pg_scope *scope, const struct weft_msg *msg) {
    struct pg_member *member = weft_otp__pg_member(scope, msg->from);
    struct pg_peer *peer = weft_otp__pg_peer(scope, msg->from);
    struct pg_watch *watch = watch_of(scope, 0, msg->ref);
    if (member != NULL && member->monitor == msg->ref) {
        member_down(self, scope, member);
    } else if (peer != NULL && peer->monitor == msg->ref) {
        peer_down(self, scope, peer);
    } else if (watch != NULL) {
        watch_free(self, scope, watch);
    }
}

static void on_cast(weft_self *self, struct pg_scope *scope, const struct weft_msg *msg) {
    weft_pid peer;
    if (msg->tag == PG_WIRE) {
        on_wire(self, scope, msg);
    } else if (msg->tag == PG_PEER && msg->data.size == sizeof peer) {
        memcpy(&peer, msg->data.data, sizeof peer);
        on_peer(self, scope, peer);
    } else {
        on_request(self, scope, msg);
    }
}

static void on_message(weft_self *self, const struct weft_msg *msg) {
    struct pg_scope *scope = weft_state(self);
    switch (msg->kind) {
    case WEFT_MSG_CAST:
        on_cast(self, scope, msg);
        break;
    case WEFT_MSG_CALL:
        on_request(self, scope, msg);
        break;
    case WEFT_MSG_DOWN:
        on_down(self, scope, msg);
        break;
    case WEFT_MSG_TIMER:
        if (msg->ref == scope->resync) on_resync(self, scope);
        break;
    case WEFT_MSG_REPLY:
    case WEFT_MSG_EXIT:
    case WEFT_MSG_EVENT:
        break;
    }
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct pg_scope *scope = weft_state(self);
    (void)arg;
    weft_otp__map_init(&scope->groups, weft_self_mem(self));
    weft_otp__map_init(&scope->members, weft_self_mem(self));
    weft_otp__map_init(&scope->seats, weft_self_mem(self));
    weft_otp__map_init(&scope->peers, weft_self_mem(self));
    weft_list_init(&scope->groups_order);
    weft_list_init(&scope->peers_order);
    weft_list_init(&scope->watches);
    return WEFT_OK;
}

const struct weft_behaviour weft_pg = {.name = "pg",
                                       .version = 1,
                                       .state_size = sizeof(struct pg_scope),
                                       .init = on_init,
                                       .handle = on_message};
