/* pg: asking a scope, and reading its tables in place. */
#include "core/otp/pg.h"

#include "core/otp/pg_internal.h"

/* --- asking --- */

static bool group_valid(const char *group) {
    size_t size = strlen(group);
    return size > 0 && size < WEFT_PG_GROUP_MAX;
}

static int ask(weft_self *self, weft_pid scope, uint32_t tag, struct weft_bytes data,
               weft_ref *ref) {
    if (ref == NULL) return weft_send(self, scope, tag, data);
    return weft_call(self, scope, tag, data, WEFT_TIME_NEVER, ref);
}

static int change(weft_self *self, const char *name, uint32_t tag,
                  const struct weft_pg_change *what, weft_ref *ref) {
    WEFT_ASSERT(what->pids != NULL || what->pids_count == 0);
    weft_pid scope = weft_whereis(self, name);
    if (weft_pid_is_none(scope)) return WEFT_ERR_NOT_FOUND;
    if (!group_valid(what->group)) return WEFT_ERR_INVAL;
    if (what->pids_count > WEFT_PG_MESSAGE_MAX / 8) return WEFT_ERR_TOO_BIG;
    struct pg_writer writer = {.max = PG_HEAD_SIZE + 2 + strlen(what->group) + 4 + 8 +
                                      what->pids_count * 8};
    if (writer.max - 8 > WEFT_PG_MESSAGE_MAX) return WEFT_ERR_TOO_BIG;
    writer.data = weft_alloc(self, writer.max);
    if (writer.data == NULL) return WEFT_ERR_NOMEM;
    weft_otp__pg_write_head(&writer, tag == PG_JOIN ? PG_KIND_JOIN : PG_KIND_LEAVE, 0);
    WEFT_ASSERT(weft_otp__pg_write_record(&writer, what->group));
    for (size_t i = 0; i < what->pids_count; i++)
        WEFT_ASSERT(weft_otp__pg_write_pid(&writer, what->pids[i].raw));
    int rv = ask(self, scope, tag, weft_bytes(writer.data, writer.size), ref);
    weft_free(self, writer.data);
    return rv;
}

int weft_pg_join(weft_self *self, const char *scope, const struct weft_pg_change *what,
                 weft_ref *ref) {
    return change(self, scope, PG_JOIN, what, ref);
}

int weft_pg_leave(weft_self *self, const char *scope, const struct weft_pg_change *what,
                  weft_ref *ref) {
    return change(self, scope, PG_LEAVE, what, ref);
}

int weft_pg_monitor(weft_self *self, const char *scope, const char *group, weft_ref *ref) {
    WEFT_ASSERT(ref != NULL);
    weft_pid pid = weft_whereis(self, scope);
    if (weft_pid_is_none(pid)) return WEFT_ERR_NOT_FOUND;
    if (group != NULL && !group_valid(group)) return WEFT_ERR_INVAL;
    struct weft_bytes data = group != NULL ? weft_bytes_text(group) : weft_bytes(NULL, 0);
    return ask(self, pid, PG_MONITOR, data, ref);
}

int weft_pg_demonitor(weft_self *self, const char *scope, uint64_t watch, weft_ref *ref) {
    weft_pid pid = weft_whereis(self, scope);
    if (weft_pid_is_none(pid)) return WEFT_ERR_NOT_FOUND;
    return ask(self, pid, PG_DEMONITOR, weft_bytes(&watch, sizeof watch), ref);
}

int weft_pg_peer_up(weft_self *self, const char *scope, weft_pid peer) {
    WEFT_ASSERT(!weft_pid_is_none(peer));
    return weft_send_name(self, scope, PG_PEER, weft_bytes(&peer, sizeof peer));
}

/* --- reading --- */

static const struct pg_scope *scope_of(weft_self *self, const char *name) {
    if (!weft_otp__name_valid(name)) return NULL;
    struct weft_sched *sched = weft_otp__enter(self);
    const struct weft_process *proc = weft_otp__name_find(sched, name);
    weft_otp__leave(sched);
    if (proc == NULL || proc->behaviour->handle != weft_pg.handle) return NULL;
    return (const struct pg_scope *)proc->state;
}

struct listing {
    weft_pid *out;
    size_t count, max;
};

static void list_seats(struct listing *listing, const struct weft_link *seats) {
    for (const struct weft_link *at = seats->next; at != seats; at = at->next) {
        const void *place = (const char *)at - offsetof(struct pg_seat, in_group);
        const struct pg_seat *seat = place;
        for (uint32_t i = 0; i < seat->count && listing->count < listing->max; i++)
            listing->out[listing->count++] = seat->pid;
    }
}

static size_t members(weft_self *self, const char *name, const char *group_name,
                      struct listing *listing) {
    const struct pg_scope *scope = scope_of(self, name);
    if (scope == NULL) return 0;
    const struct pg_group *group = weft_otp__pg_group(self, scope, group_name);
    if (group == NULL) return 0;
    list_seats(listing, &group->local_seats);
    return (size_t)group->local;
}

size_t weft_pg_local_members(weft_self *self, const char *scope, const char *group, weft_pid *out,
                             size_t max) {
    WEFT_ASSERT(out != NULL || max == 0);
    struct listing listing = {.out = out, .max = max};
    return members(self, scope, group, &listing);
}

size_t weft_pg_members(weft_self *self, const char *scope, const char *group, weft_pid *out,
                       size_t max) {
    WEFT_ASSERT(out != NULL || max == 0);
    struct listing listing = {.out = out, .max = max};
    size_t local = members(self, scope, group, &listing);
    const struct pg_scope *tables = scope_of(self, scope);
    const struct pg_group *found = tables != NULL ? weft_otp__pg_group(self, tables, group) : NULL;
    if (found == NULL) return 0;
    list_seats(&listing, &found->remote_seats);
    return local + (size_t)found->remote;
}

struct walk {
    void (*fn)(void *ctx, const char *group);
    void *ctx;
    bool local;
};

static void each(weft_self *self, const char *name, const struct walk *walk) {
    const struct pg_scope *scope = scope_of(self, name);
    if (scope == NULL) return;
    const struct weft_link *list = &scope->groups_order;
    for (const struct weft_link *at = list->next; at != list; at = at->next) {
        const void *place = (const char *)at - offsetof(struct pg_group, order);
        const struct pg_group *group = place;
        if (group->local > 0 || (!walk->local && group->remote > 0))
            walk->fn(walk->ctx, group->name);
    }
}

void weft_pg_each_group(weft_self *self, const char *scope,
                        void (*fn)(void *ctx, const char *group), void *ctx) {
    WEFT_ASSERT(fn != NULL);
    struct walk walk = {.fn = fn, .ctx = ctx};
    each(self, scope, &walk);
}

void weft_pg_each_local_group(weft_self *self, const char *scope,
                              void (*fn)(void *ctx, const char *group), void *ctx) {
    WEFT_ASSERT(fn != NULL);
    struct walk walk = {.fn = fn, .ctx = ctx, .local = true};
    each(self, scope, &walk);
}

size_t weft_pg_peers(weft_self *self, const char *scope) {
    const struct pg_scope *tables = scope_of(self, scope);
    return tables != NULL ? tables->peers.count : 0;
}
