/* Presence: who else of my group is there? Each node announces itself in the DHT under the group's
 * name, asks the DHT for the others, says hello to them, and counts those it has heard from.
 *
 *     cc -DVERSION=1 presence.c $(pkg-config --cflags --libs weft-module) -o presence_v1.so
 *
 * VERSION 2 also remembers how many it saw at most, and takes over what version 1 knew.
 * Environment: `port`, where it listens for hellos (UDP), and `group`. */
#include <core/dht/service.h>
#include <core/otp/application.h>
#include <core/otp/gen_server.h>
#include <core/otp/module.h>
#include <stdio.h>
#include <stdlib.h>

#define OTHERS_MAX 256
#define ASK_FIRST WEFT_S(1)
#define ASK_EVERY WEFT_S(5)
#define ANNOUNCE_EVERY WEFT_MIN(10)
#define GONE_AFTER WEFT_S(15)

enum { ASK = 1 };

struct other {
    struct weft_addr addr;
    weft_time heard_at;
};

struct presence {
    weft_socket socket;
    uint16_t port;
    weft_id group;               /* the key in the DHT */
    weft_ref search, announce;   /* calls to the DHT */
    weft_time announce_at;       /* when it is due again */
    uint64_t nonce;              /* what we say hello with, to know ourselves again */
    uint32_t others_count, told; /* told: in the log */
    struct other others[OTHERS_MAX];
#if VERSION >= 2
    uint32_t most; /* new fields at the end: what is before stays where it was */
#endif
};

/* --- others --- */

static void forget_the_gone(struct presence *presence, weft_time now) {
    for (uint32_t i = presence->others_count; i > 0; i--) {
        struct other *other = &presence->others[i - 1];
        if (now - other->heard_at > GONE_AFTER) *other = presence->others[--presence->others_count];
    }
}

static void hear(struct presence *presence, const struct weft_event *event, weft_time now) {
    if (event->size != sizeof presence->nonce) return;
    if (memcmp(event->data, &presence->nonce, sizeof presence->nonce) == 0) return;
    for (uint32_t i = 0; i < presence->others_count; i++) {
        if (!weft_addr_equal(&presence->others[i].addr, &event->from)) continue;
        presence->others[i].heard_at = now;
        return;
    }
    if (presence->others_count == OTHERS_MAX) return;
    presence->others[presence->others_count++] = (struct other){event->from, now};
#if VERSION >= 2
    if (presence->others_count > presence->most) presence->most = presence->others_count;
#endif
}

static void tell(weft_self *self) {
    struct presence *presence = weft_state(self);
    if (presence->told == presence->others_count) return;
    presence->told = presence->others_count;
    weft_log(weft_self_env(self), WEFT_LOG_INFO, "presence: %u others", presence->others_count);
}

/* --- the DHT --- */

/* Exactly one REPLY with *ref comes, also when there is no DHT. If there is no memory for it none
 * does; the next ASK tries again. */
static void call_dht(weft_self *self, uint32_t request, weft_ref *ref) {
    struct presence *presence = weft_state(self);
    struct weft_dht_ask ask;
    memset(&ask, 0, sizeof ask);
    ask.target = presence->group;
    ask.port = presence->port;
    (void)weft_call(self, weft_whereis(self, "dht"), request, weft_bytes(&ask, sizeof ask),
                    WEFT_S(30), ref);
}

static void ask(weft_self *self) {
    struct presence *presence = weft_state(self);
    if (weft_now(self) >= presence->announce_at) {
        presence->announce_at = weft_now(self) + WEFT_S(1); /* unless it succeeds */
        call_dht(self, WEFT_DHT_REQ_ANNOUNCE, &presence->announce);
    }
    call_dht(self, WEFT_DHT_REQ_GET_PEERS, &presence->search);
}

/* Without its timer it would fall silent: better to end, so that its supervisor starts it anew. */
static void ask_again(weft_self *self) {
    int rv = weft_timer_start(self, ASK_EVERY, ASK, weft_bytes(NULL, 0), NULL);
    struct weft_reason reason = weft_reason(WEFT_REASON_ERROR, rv);
    if (rv != WEFT_OK) weft_stop(self, &reason);
}

static void announced(weft_self *self, const struct weft_msg *reply) {
    struct presence *presence = weft_state(self);
    struct weft_dht_answer_view view;
    if (reply->status != WEFT_OK || weft_dht_answer_read(reply->data, &view) != WEFT_OK) return;
    if (view.head.stored > 0) presence->announce_at = weft_now(self) + ANNOUNCE_EVERY;
}

static void say_hello(weft_self *self, const struct weft_addr *to) {
    struct presence *presence = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    (void)env->net->datagram_send(env, presence->socket, to, &presence->nonce,
                                  sizeof presence->nonce);
}

/* Those who were heard, too: they know us, even if whoever kept our name for them has gone. */
static void greet_known(weft_self *self) {
    const struct presence *presence = weft_state(self);
    for (uint32_t i = 0; i < presence->others_count; i++)
        say_hello(self, &presence->others[i].addr);
}

static void greet_found(weft_self *self, struct weft_bytes answer) {
    struct weft_dht_answer_view view;
    if (weft_dht_answer_read(answer, &view) != WEFT_OK) return;
    for (uint32_t i = 0; i < view.head.peers_count; i++) {
        struct weft_addr peer;
        memcpy(&peer, view.peers + i * sizeof peer, sizeof peer);
        say_hello(self, &peer);
    }
}

/* --- the server --- */

/* The start fails, and who asked for it is told why. */
static int refuse(weft_self *self, const char *what, const char *value) {
    struct weft_reason why =
        weft_reason_text(WEFT_REASON_START, WEFT_ERR_INVAL, "%s: %s", what, value);
    weft_stop(self, &why);
    return WEFT_ERR_INVAL;
}

static int read_env(weft_self *self) {
    struct presence *presence = weft_state(self);
    const char *port = weft_app_get_env(self, NULL, "port");
    const char *group = weft_app_get_env(self, NULL, "group");
    if (port == NULL || group == NULL || group[0] == '\0') {
        return refuse(self, "env", "port and group are needed");
    }
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    if (*end != '\0' || number == 0 || number > UINT16_MAX) {
        return refuse(self, "env: no port from 1 to 65535", port);
    }
    presence->port = (uint16_t)number;
    snprintf((char *)presence->group.bytes, sizeof presence->group.bytes, "%s", group);
    return WEFT_OK;
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct presence *presence = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    (void)arg;
    int rv = read_env(self);
    if (rv != WEFT_OK) return rv;
    struct weft_addr local = {.family = WEFT_FAMILY_V4, .port = presence->port};
    rv = weft_datagram_open(self, &local, &presence->socket);
    if (rv != WEFT_OK) return refuse(self, "the port for hellos", weft_error_text(rv));
    env->entropy->fill(env, &presence->nonce, sizeof presence->nonce);
    return weft_timer_start(self, ASK_FIRST, ASK, weft_bytes(NULL, 0), NULL);
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    struct presence *presence = weft_state(self);
    if (info->kind == WEFT_MSG_TIMER) {
        forget_the_gone(presence, weft_now(self));
        tell(self);
        greet_known(self);
        ask(self);
        ask_again(self);
    } else if (info->kind == WEFT_MSG_REPLY && info->ref == presence->search) {
        greet_found(self, info->data);
    } else if (info->kind == WEFT_MSG_REPLY && info->ref == presence->announce) {
        announced(self, info);
    } else if (info->kind == WEFT_MSG_EVENT && info->event->kind == WEFT_EVENT_DATAGRAM) {
        hear(presence, info->event, weft_now(self));
    }
}

static size_t on_status(weft_self *self, char *text, size_t size) {
    const struct presence *presence = weft_state(self);
#if VERSION >= 2
    return (size_t)snprintf(text, size, "%u others, %u at most", presence->others_count,
                            presence->most);
#else
    return (size_t)snprintf(text, size, "%u others", presence->others_count);
#endif
}

#if VERSION >= 2
/* Both ways: the newer version knows both. The socket, the calls and the timers stay. */
static int on_code_change(weft_self *self, const struct weft_code_change *change) {
    size_t both = change->old_size < change->new_size ? change->old_size : change->new_size;
    (void)self;
    memcpy(change->new_state, change->old_state, both);
    if (change->direction == WEFT_CODE_UP) {
        struct presence *presence = change->new_state;
        presence->most = presence->others_count;
    }
    return WEFT_OK;
}
#else
#define on_code_change NULL
#endif

static WEFT_GEN_SERVER(server, .name = "presence", .version = VERSION,
                       .state_size = sizeof(struct presence), .init = on_init,
                       .handle_info = on_info, .code_change = on_code_change,
                       .format_status = on_status);
static const struct weft_behaviour *const behaviours[] = {&server};

static WEFT_APPLICATION(presence, .version = "1.0", .description = "counts who else is there",
                        .env = {{"port", "7000"}, {"group", "weft"}},
                        .children = {{.id = "server", .name = "presence", .behaviour = &server}});

WEFT_MODULE(.name = "presence", .version = VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &presence);
