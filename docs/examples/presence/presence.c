/* Presence: who else of my group is there? Each node announces itself in the DHT under the group's
 * name, asks the DHT for the others, says hello to them, and counts those it has heard from.
 *
 *     cc -shared -fPIC -DVERSION=1 $(pkg-config --cflags weft) -o presence_v1.so presence.c
 *
 * VERSION 2 also remembers when it saw most others, and takes over what version 1 knew. */
#include <core/dht/service.h>
#include <core/otp/application.h>
#include <core/otp/gen_server.h>
#include <core/otp/module.h>
#include <stdio.h>
#include <stdlib.h>

#define OTHERS_MAX 64
#define ASK_EVERY WEFT_S(5)
#define GONE_AFTER WEFT_S(15)

enum { ASK = 1 };

struct other {
    struct weft_addr addr;
    weft_time heard_at;
};

struct presence {
    weft_socket socket;
    uint16_t port;
    weft_id group;
    weft_ref search;
    uint64_t nonce; /* what we say hello with, to know ourselves again */
    uint32_t others_count, shown;
    struct other others[OTHERS_MAX];
#if VERSION >= 2
    uint32_t most;
#endif
};

static void forget_the_gone(struct presence *presence, weft_time now) {
    for (uint32_t i = presence->others_count; i > 0; i--) {
        struct other *other = &presence->others[i - 1];
        if (now - other->heard_at > GONE_AFTER) *other = presence->others[--presence->others_count];
    }
}

static void hear(struct presence *presence, const struct weft_event *event, weft_time now) {
    const struct weft_addr *from = &event->from;
    if (event->size != sizeof presence->nonce) return;
    if (memcmp(event->data, &presence->nonce, sizeof presence->nonce) == 0) return;
    for (uint32_t i = 0; i < presence->others_count; i++) {
        if (!weft_addr_equal(&presence->others[i].addr, from)) continue;
        presence->others[i].heard_at = now;
        return;
    }
    if (presence->others_count == OTHERS_MAX) return;
    presence->others[presence->others_count++] = (struct other){*from, now};
}

static void show(weft_self *self) {
    struct presence *presence = weft_state(self);
    if (presence->shown == presence->others_count) return;
    presence->shown = presence->others_count;
    weft_log(weft_self_env(self), WEFT_LOG_INFO, "presence: %u others", presence->others_count);
#if VERSION >= 2
    if (presence->others_count > presence->most) presence->most = presence->others_count;
#endif
}

static void ask_dht(weft_self *self, uint32_t request) {
    struct presence *presence = weft_state(self);
    struct weft_dht_ask ask = {.target = presence->group, .port = presence->port, .repeat = true};
    weft_ref *ref = &presence->search, ignored;
    if (request == WEFT_DHT_REQ_ANNOUNCE) ref = &ignored;
    (void)weft_call(self, weft_whereis(self, "dht"), request, weft_bytes(&ask, sizeof ask),
                    WEFT_S(30), ref);
}

static void ask_later(weft_self *self) {
    (void)weft_timer_start(self, ASK_EVERY, ASK, weft_bytes(NULL, 0), NULL);
}

static void greet(weft_self *self, struct weft_bytes answer) {
    struct presence *presence = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    struct weft_dht_answer_view view;
    if (weft_dht_answer_read(answer, &view) != WEFT_OK) return;
    for (uint32_t i = 0; i < view.head.peers_count; i++) {
        struct weft_addr peer;
        memcpy(&peer, view.peers + i * sizeof peer, sizeof peer);
        (void)env->net->datagram_send(env, presence->socket, &peer, &presence->nonce,
                                      sizeof presence->nonce);
    }
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct presence *presence = weft_state(self);
    const char *port = weft_app_get_env(self, NULL, "port");
    const char *group = weft_app_get_env(self, NULL, "group");
    (void)arg;
    presence->port = (uint16_t)strtoul(port, NULL, 10);
    snprintf((char *)presence->group.bytes, sizeof presence->group.bytes, "%s", group);
    weft_self_env(self)->entropy->fill(weft_self_env(self), &presence->nonce,
                                       sizeof presence->nonce);
    struct weft_addr local = {.family = WEFT_FAMILY_V4, .port = presence->port};
    int rv = weft_datagram_open(self, &local, &presence->socket);
    if (rv != WEFT_OK) return rv;
    ask_dht(self, WEFT_DHT_REQ_ANNOUNCE);
    ask_later(self);
    return WEFT_OK;
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    struct presence *presence = weft_state(self);
    if (info->kind == WEFT_MSG_TIMER) {
        ask_dht(self, WEFT_DHT_REQ_GET_PEERS);
        ask_later(self);
    } else if (info->kind == WEFT_MSG_REPLY && info->ref == presence->search) {
        greet(self, info->data);
    } else if (info->kind == WEFT_MSG_EVENT && info->event->kind == WEFT_EVENT_DATAGRAM) {
        hear(presence, info->event, weft_now(self));
    }
    forget_the_gone(presence, weft_now(self));
    show(self);
}

#if VERSION >= 2
/* Version 2 begins like version 1. */
static int on_code_change(weft_self *self, const struct weft_code_change *change) {
    size_t both = change->old_size < change->new_size ? change->old_size : change->new_size;
    (void)self;
    memcpy(change->new_state, change->old_state, both);
    return WEFT_OK;
}
#define UPGRADE .code_change = on_code_change,
#else
#define UPGRADE
#endif

static WEFT_GEN_SERVER(server, .name = "presence", .version = VERSION,
                       .state_size = sizeof(struct presence), .init = on_init,
                       UPGRADE.handle_info = on_info);

static WEFT_APPLICATION(presence, .version = "1.0", .env = {{"port", "7000"}, {"group", "weft"}},
                        .children = {{.id = "server", .name = "presence", .behaviour = &server}});

static const struct weft_behaviour *const behaviours[] = {&server};
WEFT_MODULE(.name = "presence", .version = VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &presence);
