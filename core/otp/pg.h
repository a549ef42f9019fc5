/* pg: named groups of processes, the same on every scheduler and node in the end
 * (https://www.erlang.org/doc/man/pg.html).
 *
 *     weft_spawn(self, &(struct weft_spawn){.behaviour = &weft_pg, .name = "pg", ...}, &pid);
 *     weft_pg_join(self, "pg", &(struct weft_pg_change){.group = "storage", .pids = &me,
 *                                                       .pids_count = 1}, NULL);
 *     n = weft_pg_members(self, "pg", "storage", pids, 16);
 *
 * A scope is a process registered under the scope's name. It holds the groups of its own scheduler
 * and what the scopes of the same name elsewhere (its peers) say of theirs. A process may join a
 * group many times, and is then in it as many times. A group is there while it has a member.
 *
 * Between scopes (all by weft_send, pairwise in order; the bytes are described in pg_internal.h):
 *   - a scope told of a peer (weft_pg_peer_up) sends it DISCOVER
 *   - DISCOVER is answered with SYNC, all local members; a peer not known yet is sent DISCOVER too
 *   - SYNC replaces all that was known of that peer; what changes is told to watchers
 *   - JOIN and LEAVE tell each change to every known peer
 *   - a peer's end (or a lost node: DOWN) takes all its members out
 *   - a peer that could not be sent something is sent a SYNC a second later, until it works
 * So views differ for a while and agree in the end; they are not transitive, as in OTP.
 *
 * Differences from OTP: group names are texts below WEFT_PG_GROUP_MAX bytes; members are listed
 * local ones first, each group's in the order they joined; a join is asked of the scope and not
 * waited for, so that reading right after it may not show it; a watcher's messages that lie in its
 * mailbox are not flushed by demonitor: compare `watch`. All is bounded (core/base/limits.h): what
 * a peer says beyond the bounds is not kept, and said in the log. */
#ifndef WEFT_OTP_PG_H
#define WEFT_OTP_PG_H

#include "core/otp/process.h"

#define WEFT_PG_GROUP_MAX 256 /* bytes of a group's name, with the NUL */

/* The behaviour of a scope; start it with the scope's name. `arg` is ignored. */
extern const struct weft_behaviour weft_pg;

struct weft_pg_change {
    const char *group;
    const weft_pid *pids; /* of this scheduler; the same one may be there several times */
    size_t pids_count;
};

/* Ask `scope` that `pids` join or leave. The REPLY of *ref has
 *   WEFT_OK
 *   WEFT_ERR_NOT_FOUND  leave: none of them was in the group (OTP: not_joined)
 *   WEFT_ERR_NO_PROC    join: one of them is not alive, and did not join (OTP: joins, and leaves)
 *   WEFT_ERR_INVAL      one of them is not of this scheduler
 *   WEFT_ERR_FULL       WEFT_PG_GROUPS_MAX, WEFT_PG_SEATS_MAX; WEFT_ERR_NOMEM: those before it
 * joined `ref` may be NULL: no answer. Returns as weft_call or weft_send; WEFT_ERR_NOT_FOUND when
 * there is no such scope, WEFT_ERR_INVAL when the name is empty or too long, WEFT_ERR_TOO_BIG when
 * the pids do not fit WEFT_PG_MESSAGE_MAX. */
int weft_pg_join(weft_self *self, const char *scope, const struct weft_pg_change *change,
                 weft_ref *ref);
int weft_pg_leave(weft_self *self, const char *scope, const struct weft_pg_change *change,
                  weft_ref *ref);

/* Members now, as often as they joined; up to `max` are written to `out`, and how many there are is
 * returned. 0 for no such scope or group. Read in place, without asking the scope's process. */
size_t weft_pg_members(weft_self *self, const char *scope, const char *group, weft_pid *out,
                       size_t max);
size_t weft_pg_local_members(weft_self *self, const char *scope, const char *group, weft_pid *out,
                             size_t max);

/* Call `fn` for each group of the scope, in the order they came up. `fn` must not call pg. */
void weft_pg_each_group(weft_self *self, const char *scope,
                        void (*fn)(void *ctx, const char *group), void *ctx);
/* Those with members of this scheduler. */
void weft_pg_each_local_group(weft_self *self, const char *scope,
                              void (*fn)(void *ctx, const char *group), void *ctx);

/* --- watching --- */

#define WEFT_PG_EVENT UINT32_C(0xfffffe01) /* tag of the messages that tell */

/* Be told of joins and leaves of `group`, or of the whole scope when it is NULL, by CASTs from the
 * scope with tag WEFT_PG_EVENT, read with weft_pg_event_read. The REPLY has WEFT_OK and the watch,
 * a uint64_t, in data: all that changes after it was made is told. Read the members when it comes.
 * WEFT_ERR_FULL (WEFT_PG_WATCHES_MAX), WEFT_ERR_NOMEM. A watch goes with its process. */
int weft_pg_monitor(weft_self *self, const char *scope, const char *group, weft_ref *ref);
/* REPLY: WEFT_OK or WEFT_ERR_NOT_FOUND. `ref` may be NULL. */
int weft_pg_demonitor(weft_self *self, const char *scope, uint64_t watch, weft_ref *ref);

struct weft_pg_event {
    uint64_t watch;
    bool joined; /* false: left */
    bool gap;    /* an earlier event did not get into the mailbox: read the members anew */
    char group[WEFT_PG_GROUP_MAX];
    weft_pid pid;
    uint32_t count; /* so many times */
};

/* False when `msg` is not such a message. */
bool weft_pg_event_read(const struct weft_msg *msg, struct weft_pg_event *event);

/* --- peers --- */

/* Tell `scope` that `peer` is the process of the same scope elsewhere. WEFT_ERR_NOT_FOUND when
 * there is no such scope here; else as weft_send. Once suffices: an end of `peer` is watched. */
int weft_pg_peer_up(weft_self *self, const char *scope, weft_pid peer);

/* How many peers are known. */
size_t weft_pg_peers(weft_self *self, const char *scope);

#endif
