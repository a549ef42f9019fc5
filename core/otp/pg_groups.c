/* The tables of a scope: groups, who sits in them, and who says so. */
#include "core/otp/pg_internal.h"

static uint64_t hash_bytes(const weft_self *self, const void *data, size_t size) {
    return weft_siphash(&self->sched->key, data, size);
}

static uint64_t hash_pid(weft_pid pid) { return pid.raw ^ pid.raw >> 24; }

static uint64_t hash_seat(const weft_self *self, const struct pg_group *group, weft_pid pid,
                          const struct pg_peer *peer) {
    uint64_t key[] = {group->id, pid.raw, peer != NULL ? peer->pid.raw : 0};
    return hash_bytes(self, key, sizeof key);
}

struct pg_group *weft_otp__pg_group(weft_self *self, const struct pg_scope *scope,
                                    const char *name) {
    struct map_node *node =
        weft_otp__map_first(&scope->groups, hash_bytes(self, name, strlen(name)));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct pg_group *group = WEFT_CONTAINER(node, struct pg_group, node);
        if (strcmp(group->name, name) == 0) return group;
    }
    return NULL;
}

struct pg_member *weft_otp__pg_member(const struct pg_scope *scope, weft_pid pid) {
    struct map_node *node = weft_otp__map_first(&scope->members, hash_pid(pid));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct pg_member *member = WEFT_CONTAINER(node, struct pg_member, node);
        if (weft_pid_equal(member->pid, pid)) return member;
    }
    return NULL;
}

struct pg_peer *weft_otp__pg_peer(const struct pg_scope *scope, weft_pid pid) {
    struct map_node *node = weft_otp__map_first(&scope->peers, hash_pid(pid));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct pg_peer *peer = WEFT_CONTAINER(node, struct pg_peer, node);
        if (weft_pid_equal(peer->pid, pid)) return peer;
    }
    return NULL;
}

static struct pg_seat *seat_in(weft_self *self, const struct pg_scope *scope,
                               const struct pg_group *group, const struct pg_place *place) {
    struct map_node *node =
        weft_otp__map_first(&scope->seats, hash_seat(self, group, place->pid, place->peer));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct pg_seat *seat = WEFT_CONTAINER(node, struct pg_seat, node);
        if (seat->group == group && seat->peer == place->peer &&
            weft_pid_equal(seat->pid, place->pid))
            return seat;
    }
    return NULL;
}

struct pg_seat *weft_otp__pg_seat(weft_self *self, const struct pg_scope *scope,
                                  const struct pg_place *place) {
    const struct pg_group *group = weft_otp__pg_group(self, scope, place->group);
    return group == NULL ? NULL : seat_in(self, scope, group, place);
}

static int group_new(weft_self *self, struct pg_scope *scope, const char *name,
                     struct pg_group **out) {
    size_t size = strlen(name) + 1;
    WEFT_ASSERT(size > 1);
    WEFT_ASSERT(size <= WEFT_PG_GROUP_MAX);
    if (scope->groups.count >= WEFT_PG_GROUPS_MAX) return WEFT_ERR_FULL;
    struct pg_group *group = weft_alloc(self, sizeof *group + size);
    if (group == NULL) return WEFT_ERR_NOMEM;
    group->id = ++scope->group_id;
    group->size = size;
    memcpy(group->name, name, size);
    weft_list_init(&group->local_seats);
    weft_list_init(&group->remote_seats);
    int rv = weft_otp__map_insert(&scope->groups, &group->node, hash_bytes(self, name, size - 1));
    if (rv != WEFT_OK) {
        weft_free(self, group);
        return rv;
    }
    weft_list_push_back(&scope->groups_order, &group->order);
    *out = group;
    return WEFT_OK;
}

static void group_drop(weft_self *self, struct pg_scope *scope, struct pg_group *group) {
    if (!weft_list_empty(&group->local_seats) || !weft_list_empty(&group->remote_seats)) return;
    WEFT_ASSERT(group->local == 0);  /* I1 */
    WEFT_ASSERT(group->remote == 0); /* I1 */
    weft_otp__map_remove(&scope->groups, &group->node);
    weft_list_remove(&group->order);
    weft_free(self, group);
}

static int member_get(weft_self *self, struct pg_scope *scope, weft_pid pid,
                      struct pg_member **out) {
    *out = weft_otp__pg_member(scope, pid);
    if (*out != NULL) return WEFT_OK;
    struct pg_member *member = weft_alloc(self, sizeof *member);
    if (member == NULL) return WEFT_ERR_NOMEM;
    member->pid = pid;
    weft_list_init(&member->seats);
    int rv = weft_monitor(self, pid, &member->monitor);
    if (rv == WEFT_OK) rv = weft_otp__map_insert(&scope->members, &member->node, hash_pid(pid));
    if (rv != WEFT_OK) {
        if (member->monitor != 0) weft_demonitor(self, member->monitor);
        weft_free(self, member);
        return rv;
    }
    *out = member;
    return WEFT_OK;
}

static void member_drop(weft_self *self, struct pg_scope *scope, struct pg_member *member) {
    if (!weft_list_empty(&member->seats)) return;
    weft_demonitor(self, member->monitor);
    weft_otp__map_remove(&scope->members, &member->node);
    weft_free(self, member);
}

static int seat_new(weft_self *self, struct pg_scope *scope, struct pg_group *group,
                    const struct pg_place *place, struct pg_seat **out) {
    if (scope->seats.count >= WEFT_PG_SEATS_MAX) return WEFT_ERR_FULL;
    struct pg_seat *seat = weft_alloc(self, sizeof *seat);
    if (seat == NULL) return WEFT_ERR_NOMEM;
    seat->group = group;
    seat->peer = place->peer;
    seat->pid = place->pid;
    int rv = place->peer == NULL ? member_get(self, scope, place->pid, &seat->member) : WEFT_OK;
    if (rv == WEFT_OK)
        rv = weft_otp__map_insert(&scope->seats, &seat->node,
                                  hash_seat(self, group, place->pid, place->peer));
    if (rv != WEFT_OK) {
        if (seat->member != NULL) member_drop(self, scope, seat->member);
        weft_free(self, seat);
        return rv;
    }
    bool local = place->peer == NULL;
    weft_list_push_back(local ? &group->local_seats : &group->remote_seats, &seat->in_group);
    weft_list_push_back(local ? &seat->member->seats : &seat->peer->seats, &seat->in_holder);
    *out = seat;
    return WEFT_OK;
}

int weft_otp__pg_seat_get(weft_self *self, struct pg_scope *scope, const struct pg_place *place,
                          struct pg_seat **out) {
    struct pg_group *group = weft_otp__pg_group(self, scope, place->group);
    *out = group != NULL ? seat_in(self, scope, group, place) : NULL;
    if (*out != NULL) return WEFT_OK;
    int rv = group == NULL ? group_new(self, scope, place->group, &group) : WEFT_OK;
    if (rv != WEFT_OK) return rv;
    rv = seat_new(self, scope, group, place, out);
    if (rv != WEFT_OK) group_drop(self, scope, group);
    return rv;
}

static void seat_drop(weft_self *self, struct pg_scope *scope, struct pg_seat *seat) {
    struct pg_group *group = seat->group;
    struct pg_member *member = seat->member;
    weft_otp__map_remove(&scope->seats, &seat->node);
    weft_list_remove(&seat->in_group);
    weft_list_remove(&seat->in_holder);
    weft_free(self, seat);
    if (member != NULL) member_drop(self, scope, member);
    group_drop(self, scope, group);
}

void weft_otp__pg_seat_set(weft_self *self, struct pg_scope *scope, struct pg_seat *seat,
                           uint32_t count) {
    struct pg_group *group = seat->group;
    uint64_t *sum = seat->peer == NULL ? &group->local : &group->remote;
    struct pg_change change = {.group = group, .pid = seat->pid, .joined = count > seat->count};
    WEFT_ASSERT(*sum >= seat->count);
    change.count = change.joined ? count - seat->count : seat->count - count;
    *sum = *sum - seat->count + count;
    seat->count = count;
    if (change.count > 0) weft_otp__pg_changed(self, scope, &change);
    if (count == 0) seat_drop(self, scope, seat);
}

/* The list's head may go with its last seat. */
void weft_otp__pg_seats_clear(weft_self *self, struct pg_scope *scope, struct weft_link *seats) {
    struct weft_link *next;
    for (struct weft_link *at = seats->next; at != seats; at = next) {
        next = at->next;
        bool last = next == seats;
        weft_otp__pg_seat_set(self, scope, WEFT_CONTAINER(at, struct pg_seat, in_holder), 0);
        if (last) return;
    }
}

int weft_otp__pg_peer_add(weft_self *self, struct pg_scope *scope, weft_pid pid,
                          struct pg_peer **out) {
    WEFT_ASSERT(weft_otp__pg_peer(scope, pid) == NULL);
    if (scope->peers.count >= WEFT_PG_PEERS_MAX) return WEFT_ERR_FULL;
    struct pg_peer *peer = weft_alloc(self, sizeof *peer);
    if (peer == NULL) return WEFT_ERR_NOMEM;
    peer->pid = pid;
    weft_list_init(&peer->seats);
    int rv = weft_monitor(self, pid, &peer->monitor);
    if (rv == WEFT_OK) rv = weft_otp__map_insert(&scope->peers, &peer->node, hash_pid(pid));
    if (rv != WEFT_OK) {
        if (peer->monitor != 0) weft_demonitor(self, peer->monitor);
        weft_free(self, peer);
        return rv;
    }
    weft_list_push_back(&scope->peers_order, &peer->order);
    *out = peer;
    return WEFT_OK;
}
