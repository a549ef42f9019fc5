/* Nodes that connect over real sockets, lose each other, and find each other again. */
#include "core/base/assert.h"
#include "core/otp/dist_internal.h"
#include "tests/unit/otp_remote/nodes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static weft_pid far;
static weft_ref ref;
static int rv;

static void two(void) {
    node_start(0, 1, "secret");
    node_start(1, 1, "secret");
}

static void close_all(void) {
    for (unsigned i = 0; i < NODES_MAX; i++) {
        node_end(i);
        nodes[i].name[0] = '\0';
    }
}

static void send_named(weft_self *self) {
    rv = weft_send_at(self, nodes[1].name, "root", 7, weft_bytes("hello", 5));
}

static void a_message_to_a_name_connects(void) {
    two();
    at(0, send_named);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(heard(1, "cast 7 hello,"));
    close_all();
}

static void call_named(weft_self *self) {
    struct weft_call_at call = {.node = nodes[1].name,
                                .name = "root",
                                .tag = 9,
                                .data = weft_bytes("ask", 3),
                                .timeout = WEFT_S(5)};
    rv = weft_call_at(self, &call, &ref);
}

static void a_call_to_a_name_is_answered(void) {
    two();
    at(0, call_named);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(heard(0, "reply OK 3,"));
    close_all();
}

static void call_nobody(weft_self *self) {
    struct weft_call_at call = {.node = nodes[1].name, .name = "nobody", .timeout = WEFT_S(5)};
    rv = weft_call_at(self, &call, &ref);
}

static void a_call_to_a_name_that_is_none_says_no_proc(void) {
    two();
    at(0, call_nobody);
    CHECK(heard(0, "reply NO_PROC"));
    close_all();
}

static void call_where_nobody_listens(weft_self *self) {
    struct weft_call_at call = {.node = "x@127.0.0.1:1", .name = "root", .timeout = WEFT_S(5)};
    rv = weft_call_at(self, &call, &ref);
}

static void a_call_to_a_node_that_is_not_there_says_no_connection(void) {
    two();
    at(0, call_where_nobody_listens);
    CHECK(heard(0, "reply NO_CONNECTION"));
    close_all();
}

static void a_wrong_cookie_is_refused(void) {
    node_start(0, 1, "secret");
    node_start(1, 1, "Secret");
    at(0, call_named);
    CHECK(heard(0, "reply NO_CONNECTION"));
    CHECK_EQ_TEXT(nodes[1].log, "");
    close_all();
}

static bool link_it;
static void spawn_it(weft_self *self) {
    struct weft_spawn_at spawn = {.node = nodes[1].name,
                                  .behaviour = "scribe",
                                  .arg = weft_bytes("x", 1),
                                  .link = link_it,
                                  .tag = 5,
                                  .timeout = WEFT_S(5)};
    rv = weft_spawn_at(self, &spawn, &ref);
}

/* Start one at node 1 for the root of node 0. It is the one made last there: its slot follows that
 * of dist. At node 0, index 1 is the name of node 1 and index 2 its life. */
static weft_pid child(bool linked) {
    link_it = linked;
    at(0, spawn_it);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(heard(0, "reply OK 8,"));
    return (weft_pid){UINT64_C(2) << 50 | (nodes[1].dist.raw + 1)};
}

static void monitor_far(weft_self *self) { rv = weft_monitor(self, far, &ref); }
static void link_far(weft_self *self) { rv = weft_link(self, far); }
static void send_far(weft_self *self) { rv = weft_send(self, far, 3, weft_bytes("pid", 3)); }
static void call_far(weft_self *self) {
    rv = weft_call(self, far, 100, weft_bytes(NULL, 0), WEFT_S(9), &ref);
}
static void kill_far(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 4);
    weft_exit(self, far, &why);
}

static void a_process_started_elsewhere_can_be_sent_to(void) {
    two();
    far = child(false);
    at(0, send_far);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(heard(1, "cast 3 pid,"));
    close_all();
}

static void spawn_unknown(weft_self *self) {
    struct weft_spawn_at spawn = {
        .node = nodes[1].name, .behaviour = "unknown", .timeout = WEFT_S(5)};
    rv = weft_spawn_at(self, &spawn, &ref);
}

static void a_behaviour_that_is_not_offered_is_not_found(void) {
    two();
    at(0, spawn_unknown);
    CHECK(heard(0, "reply NOT_FOUND 0,"));
    close_all();
}

static void links_monitors_and_calls_tell_an_end(void) {
    two();
    far = child(true);
    at(0, monitor_far);
    at(0, call_far);
    at(0, kill_far);
    CHECK(heard(0, "exit error 4,"));
    CHECK(heard(0, "DOWN error 4,"));
    CHECK(heard(0, "reply NO_PROC 0,"));
    forget();
    at(0, monitor_far);
    at(0, link_far);
    CHECK(heard(0, "DOWN noproc 0,"));
    CHECK(heard(0, "exit noproc 0,"));
    close_all();
}

static void watch(weft_self *self) { rv = weft_monitor_node(self, NULL, true); }

static void a_lost_node_tells_those_who_wait(void) {
    two();
    far = child(true);
    at(0, watch);
    at(0, monitor_far);
    at(0, call_far);
    CHECK(heard(1, "call 100"));
    node_end(1);
    CHECK(heard(0, "exit noconnection 0,"));
    CHECK(heard(0, "DOWN noconnection 0,"));
    CHECK(heard(0, "reply NO_CONNECTION 0,"));
    CHECK(heard(0, "down n1,"));
    close_all();
}

static void a_node_that_starts_again_is_reached_and_its_old_pids_are_dead(void) {
    two();
    far = child(false);
    at(0, watch);
    node_end(1);
    CHECK(heard(0, "down n1,"));
    node_start(1, 2, "secret");
    forget();
    at(0, send_named);
    CHECK(heard(1, "cast 7 hello,"));
    CHECK(heard(0, "up n1,"));
    at(0, monitor_far);
    CHECK(heard(0, "DOWN noproc 0,"));
    at(0, send_far);
    CHECK_EQ_INT(rv, WEFT_ERR_NO_PROC);
    close_all();
}

static struct peer *peer_one(void) {
    struct peer *peer = NULL;
    CHECK_EQ_INT(weft_otp__hub_peer(nodes[0].hub, nodes[1].name, false, &peer), WEFT_OK);
    return peer;
}

/* Node 1 again, in another life, with a process that has the number of each one before. */
static weft_pid child_of_life(uint32_t creation) {
    node_end(1);
    CHECK(heard(0, "down n1,"));
    node_start(1, creation, "secret");
    forget();
    at(0, spawn_it);
    CHECK(heard(0, "up n1,"));
    CHECK(heard(0, "reply OK 8,"));
    uint16_t index = peer_one()->current;
    const struct node_entry *entry = weft_otp__hub_entry(nodes[0].hub, index);
    return (weft_pid){weft_otp__pid_here(entry, index, nodes[1].dist.raw + 1)};
}

/* `far` is of the life that is, `dead` of one whose index it has, or of another. */
static void check_reached(weft_pid dead) {
    weft_pid alive = far;
    at(0, send_far);
    CHECK(heard(1, "cast 3 pid,"));
    forget();
    far = dead;
    at(0, monitor_far);
    CHECK(heard(0, "DOWN noproc 0,"));
    at(0, call_far);
    at(0, send_far);
    far = alive;
    if (rv == WEFT_OK) CHECK(heard(0, "reply NO_PROC 0,"));
    CHECK_EQ_TEXT(nodes[1].log, "");
    at(0, monitor_far);
    at(0, kill_far);
    CHECK(heard(0, "DOWN error 4,"));
}

static void an_index_that_lives_use_again_leads_no_old_pid_to_a_new_process(void) {
    weft_pid dead[WEFT_LIVES_MAX + 3];
    two();
    dead[0] = child(false);
    at(0, watch);
    for (uint32_t i = 1; i < WEFT_LIVES_MAX + 3; i++) {
        far = dead[i] = child_of_life(i + 1);
        bool again = i >= WEFT_LIVES_MAX;
        CHECK((weft_pid_node(far) == weft_pid_node(dead[again ? i - WEFT_LIVES_MAX : 0])) == again);
        for (uint32_t j = 0; j < i; j++) CHECK(!weft_pid_equal(far, dead[j]));
        if (i + 1 == WEFT_LIVES_MAX || again) check_reached(dead[again ? i - WEFT_LIVES_MAX : 0]);
        forget();
    }
    close_all();
}

/* Others that are never met take all that are left. */
static void use_up_indices(void) {
    char name[64];
    struct peer *peer;
    int found = WEFT_OK;
    for (unsigned i = 0; found == WEFT_OK && i <= WEFT_NODES_MAX; i++) {
        snprintf(name, sizeof name, "x%u@127.0.0.1:9", i);
        found = weft_otp__hub_peer(nodes[0].hub, name, true, &peer);
    }
    CHECK_EQ_INT(found, WEFT_ERR_FULL);
}

static void a_node_that_is_known_comes_again_when_no_index_is_free(void) {
    two();
    at(0, watch);
    weft_pid dead = child(false);
    use_up_indices();
    for (uint32_t i = 2; i < 5; i++) {
        far = child_of_life(i);
        CHECK_EQ_UINT(weft_pid_node(far), weft_pid_node(dead));
        check_reached(dead);
        dead = far;
        forget();
    }
    close_all();
}

static void cut(weft_self *self) { weft_node_disconnect(self, nodes[1].name); }

static void the_same_life_is_found_again(void) {
    two();
    far = child(false);
    at(0, watch);
    at(0, monitor_far);
    wait_for(WEFT_MS(50));
    forget();
    at(0, cut);
    CHECK(heard(0, "DOWN noconnection 0,"));
    CHECK(heard(0, "down n1,"));
    at(0, send_far);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(heard(1, "cast 3 pid,"));
    CHECK(heard(0, "up n1,"));
    close_all();
}

static void call_back(weft_self *self) {
    rv = weft_send_at(self, nodes[0].name, "root", 8, weft_bytes("back", 4));
}

static void two_that_call_at_once_get_one_connection(void) {
    for (int i = 0; i < 20; i++) {
        two();
        at(0, watch);
        at(1, watch);
        at(0, send_named);
        at(1, call_back);
        CHECK(heard(1, "cast 7 hello,"));
        CHECK(heard(0, "cast 8 back,"));
        wait_for(WEFT_MS(20));
        CHECK(strstr(nodes[0].log, "down") == NULL);
        CHECK(strstr(nodes[1].log, "down") == NULL);
        close_all();
    }
}

static void send_large(weft_self *self) {
    static unsigned char large[3 * 1024 * 1024];
    struct weft_call_at call = {.node = nodes[1].name,
                                .name = "root",
                                .tag = 9,
                                .data = weft_bytes(large, sizeof large),
                                .timeout = WEFT_S(5)};
    rv = weft_call_at(self, &call, &ref);
}

static void a_large_message_arrives_whole(void) {
    two();
    at(0, send_large);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(heard(0, "reply OK 3145728,"));
    close_all();
}

static void silence_is_survived_by_ticks_and_not_without(void) {
    nodes_tick = WEFT_S(1);
    two();
    nodes_tick = NODES_TICK;
    at(0, watch);
    at(0, send_named);
    CHECK(heard(0, "up n1,"));
    wait_for(WEFT_S(3)); /* three tick times */
    CHECK(strstr(nodes[0].log, "down") == NULL);
    nodes[1].up = false; /* not driven: the machine is there, and says nothing */
    CHECK(heard(0, "down n1,"));
    nodes[1].up = true;
    close_all();
}

static unsigned char packed[WEFT_PID_PACKED_MAX];
static size_t packed_size;
static void pack_self(weft_self *self) {
    packed_size = weft_pid_pack(self, weft_self_pid(self), packed);
}
static void unpack(weft_self *self) {
    rv = weft_pid_unpack(self, weft_bytes(packed, packed_size), &far);
}

static void a_packed_pid_is_understood_by_a_third_node(void) {
    two();
    node_start(2, 9, "secret");
    at(2, pack_self);
    at(0, unpack);
    CHECK_EQ_INT(rv, WEFT_OK);
    at(0, send_far); /* never met before */
    CHECK(heard(2, "cast 3 pid,"));
    at(2, unpack);
    CHECK(weft_pid_equal(far, nodes[2].root));
    packed_size--;
    at(0, unpack);
    CHECK_EQ_INT(rv, WEFT_ERR_MALFORMED);
    close_all();
}

static void stop_dist(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, nodes[0].dist, &why);
}

static void without_the_process_that_connects_nothing_does(void) {
    two();
    far = child(false);
    at(0, watch);
    at(0, monitor_far);
    at(0, stop_dist);
    CHECK(heard(0, "DOWN noconnection 0,"));
    CHECK(heard(0, "down n1,"));
    forget();
    at(0, call_named);
    CHECK(heard(0, "reply NO_CONNECTION 0,"));
    close_all();
}

/* --- peers that are not what they say: bytes by hand --- */

static struct sockaddr_in loopback(unsigned port) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return addr;
}

static int raw_connect(unsigned i) {
    unsigned port = (unsigned)atoi(strrchr(nodes[i].name, ':') + 1);
    struct sockaddr_in addr = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ_INT(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void raw_say(int fd, const struct weft_signal *signal) {
    unsigned char frame[65536];
    size_t size = weft_signal_size(signal);
    WEFT_ASSERT(size <= sizeof frame);
    weft_signal_encode(signal, frame);
    CHECK_EQ_INT(send(fd, frame, size, MSG_NOSIGNAL), (long)size);
}

static void raw_hello(int fd, const char *name) {
    static const unsigned char nonce[HANDSHAKE_NONCE];
    struct weft_signal hello = {.kind = WEFT_SIGNAL_HELLO,
                                .value = WEFT_SIGNAL_VERSION,
                                .ref = 1,
                                .text = weft_bytes_text(name),
                                .data = weft_bytes(nonce, sizeof nonce)};
    raw_say(fd, &hello);
}

/* Whether the other side has closed; what came is thrown away. */
static bool raw_closed(int fd) {
    char bytes[4096];
    ssize_t size;
    while ((size = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) continue;
    return size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static char called[64];
static void call_called(weft_self *self) {
    struct weft_call_at call = {.node = called, .name = "root", .timeout = WEFT_S(9)};
    rv = weft_call_at(self, &call, &ref);
}

static void a_stranger_does_not_end_a_call_by_taking_the_name_called(void) {
    struct sockaddr_in addr = loopback(0);
    socklen_t size = sizeof addr;
    node_start(0, 1, "secret");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ_INT(bind(listener, (struct sockaddr *)&addr, size), 0);
    CHECK_EQ_INT(listen(listener, 4), 0);
    CHECK_EQ_INT(getsockname(listener, (struct sockaddr *)&addr, &size), 0);
    snprintf(called, sizeof called, "z@127.0.0.1:%u", ntohs(addr.sin_port));
    at(0, call_called);
    wait_for(WEFT_MS(20));
    int callee = accept(listener, NULL, NULL);
    int stranger = raw_connect(0);
    raw_hello(stranger, called);
    wait_for(WEFT_MS(50));
    CHECK(!raw_closed(callee));
    CHECK_EQ_TEXT(nodes[0].log, "");
    close(stranger), close(callee), close(listener);
    close_all();
}

static void call_back_named(weft_self *self) {
    struct weft_call_at call = {.node = nodes[0].name, .name = "root", .timeout = WEFT_S(60)};
    rv = weft_call_at(self, &call, &ref);
}

static void strangers_who_say_nothing_do_not_keep_others_out(void) {
    int strangers[DIST_STRANGERS_MAX + 1];
    two();
    for (unsigned i = 0; i <= DIST_STRANGERS_MAX; i++) {
        strangers[i] = raw_connect(0);
        if (i % 16 == 0) wait_for(WEFT_MS(1));
    }
    at(1, call_back_named);
    wait_for(WEFT_MS(100)); /* less than a quarter, when they would be dropped */
    CHECK_EQ_TEXT(nodes[1].log, "reply OK 0,");
    CHECK(raw_closed(strangers[0]));
    CHECK(!raw_closed(strangers[DIST_STRANGERS_MAX]));
    for (unsigned i = 0; i <= DIST_STRANGERS_MAX; i++) close(strangers[i]);
    close_all();
}

/* Whether a whole frame has come. */
static bool raw_hear(int fd, unsigned char *frame, size_t size_max, struct weft_signal *in) {
    size_t have = 0, size;
    for (int i = 0; i < 1000; i++) {
        wait_for(WEFT_MS(1));
        ssize_t got = recv(fd, frame + have, have < 4 ? 4 - have : 1, MSG_DONTWAIT);
        while (got > 0) {
            have += (size_t)got;
            if (weft_signal_decode(weft_bytes(frame, have), in, &size) == WEFT_OK) return true;
            if (have == size_max) return false;
            got = recv(fd, frame + have, 1, MSG_DONTWAIT);
        }
    }
    return false;
}

/* A peer that knows the cookie; what it says then is the test's. */
static int raw_peer(unsigned i, const char *name, uint32_t creation) {
    struct handshake handshake = {.own = {.creation = creation}};
    struct weft_signal in, out;
    unsigned char frame[HANDSHAKE_FRAME_MAX];
    int fd = raw_connect(i);
    snprintf(handshake.own.name, sizeof handshake.own.name, "%s", name);
    snprintf(handshake.peer.name, sizeof handshake.peer.name, "%s", nodes[i].name);
    snprintf(handshake.cookie, sizeof handshake.cookie, "secret");
    weft_otp__handshake_call(&handshake, &out);
    raw_say(fd, &out);
    while (handshake.state != HANDSHAKE_DONE) {
        bool came = raw_hear(fd, frame, sizeof frame, &in);
        if (!CHECK(came)) return -1;
        if (!CHECK_EQ_INT(weft_otp__handshake_step(&handshake, &in, &out), WEFT_OK)) return -1;
        if (out.kind != 0) raw_say(fd, &out);
    }
    wait_for(WEFT_MS(2));
    return fd;
}

/* Frames with large data for `to`, until `most` were sent or the other side has gone. How many. */
static unsigned raw_flood(int fd, struct weft_signal signal, unsigned most) {
    static const unsigned char data[16000];
    static unsigned char frame[sizeof data + 4096];
    signal.data = weft_bytes(data, sizeof data);
    size_t size = weft_signal_size(&signal), sent = 0;
    weft_signal_encode(&signal, frame);
    for (unsigned i = 0; i < most;) {
        ssize_t did = send(fd, frame + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (did < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return i;
        if (did > 0)
            sent += (size_t)did;
        else
            wait_for(WEFT_US(100));
        if (sent < size) continue;
        sent = 0;
        i++;
    }
    return most;
}

static void a_peer_that_asks_and_does_not_read_is_dropped(void) {
#ifdef __SANITIZE_THREAD__
    return; /* too slow to answer so much */
#endif
    two();
    at(0, watch);
    int fd = raw_peer(0, "x@127.0.0.1:9", 5);
    struct weft_signal ask = {
        .kind = WEFT_SIGNAL_CALL, .from = 9, .to = nodes[0].root.raw, .ref = 1, .tag = 9};
    unsigned most = 10000; /* 160 MB */
    bool gone = raw_flood(fd, ask, most) < most;
    /* What it has may still lie in the mailbox. */
    for (int i = 0; !gone && i < 1000; i++) {
        wait_for(WEFT_MS(2));
        gone = raw_flood(fd, ask, 1) < 1;
    }
    /* A mailbox that refuses most of it has little to answer. */
    CHECK(gone || WEFT_MAILBOX_MAX < most);
    close(fd);
    wait_for(WEFT_MS(5));
    at(1, call_back_named);
    CHECK(heard(1, "reply OK 0,"));
    close_all();
}

static void a_scheduler_that_stands_still_does_not_fill_the_memory(void) {
    struct weft_sched_stats stats;
    nodes_schedulers = 2;
    two();
    nodes_schedulers = 1;
    int fd = raw_peer(0, "x@127.0.0.1:9", 5);
    struct weft_signal message = {.kind = WEFT_SIGNAL_SEND, .from = 9, .to = pid_place(0, 1) | 7};
    CHECK_EQ_UINT(raw_flood(fd, message, 1000), 1000);
    const struct sibling *sibling = &nodes[0].sched->remote->siblings[1];
    for (int i = 0; i < 1000 && sibling->writer.pending < WEFT_OUTBOX_MAX; i++)
        wait_for(WEFT_MS(5));
    wait_for(WEFT_MS(50));
    CHECK(sibling->writer.pending >= WEFT_OUTBOX_MAX);
    CHECK(sibling->writer.pending <= WEFT_OUTBOX_MAX + 20000);
    weft_sched_stats(nodes[0].sched, &stats);
    CHECK(stats.dropped > 0);
    close(fd);
    close_all();
}

static void without_any_memory_a_peer_is_lost_and_who_watches_is_told(void) {
    node_start(0, 1, "secret");
    at(0, watch);
    int fd = raw_peer(0, "x@127.0.0.1:9", 5);
    struct weft_mem_heap *heap = (struct weft_mem_heap *)nodes[0].env->mem;
    struct weft_signal ask = {.kind = WEFT_SIGNAL_CALL, .from = 9, .to = 7, .ref = 1};
    for (int i = 0; i < 200; i++) raw_say(fd, &ask);
    at(0, watch);        /* and dist is told that they came */
    heap->bytes_max = 1; /* nothing at all, whatever the peer leaves */
    wait_for(WEFT_MS(3));
    heap->bytes_max = 0;
    CHECK(heard(0, "down x@,"));
    CHECK(raw_closed(fd));
    close(fd);
    close_all();
}

static uint64_t stale_after_ack(uint32_t tag) {
    struct remote *remote = nodes[0].sched->remote;
    struct peer *peer = weft_otp__hub_peers(nodes[0].hub);
    struct weft_signal ack = {
        .kind = WEFT_SIGNAL_NODE_ACK, .tag = tag, .from = pid_place(0, 1), .ref = peer->generic};
    weft_otp__remote_act(remote, &ack);
    return atomic_load(&peer->stale);
}

/* The other scheduler has seen one of two losses: what it sent between them is of no life that is
 * connected, and those who wait for it there are told. */
static void the_first_of_two_losses_acknowledged_is_not_the_second(void) {
    nodes_schedulers = 2;
    two();
    nodes_schedulers = 1;
    at(0, watch);
    for (int i = 0; i < 2; i++) {
        forget();
        at(0, send_named);
        CHECK(heard(0, "up n1,"));
        at(0, cut);
        CHECK(heard(0, "down n1,"));
    }
    CHECK_EQ_UINT(stale_after_ack(1), 2);
    CHECK_EQ_UINT(stale_after_ack(2), 0);
    close_all();
}

#define DRAWS WEFT_LIMIT(60, 10)

static uint64_t draw_state;
static uint64_t draw(uint64_t most) {
    draw_state = draw_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (draw_state >> 33) % most;
}

static weft_ref known_refs[8];
static weft_pid near_child;
static void make_refs(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &scribe, .arg = weft_bytes("x", 1)};
    if (weft_pid_is_none(near_child)) CHECK_EQ_INT(weft_spawn(self, &spawn, &near_child), WEFT_OK);
    (void)weft_call(self, near_child, 200, weft_bytes(NULL, 0), WEFT_S(1), &known_refs[draw(8)]);
    (void)weft_monitor(self, near_child, &known_refs[draw(8)]);
    (void)weft_call(self, far, 200, weft_bytes(NULL, 0), WEFT_S(1), &known_refs[draw(8)]);
    (void)weft_monitor(self, far, &known_refs[draw(8)]);
    if (draw(2) != 0)
        (void)weft_link(self, far);
    else
        weft_unlink(self, far);
}

static uint64_t any_pid(void) {
    uint64_t pids[] = {nodes[0].root.raw,
                       nodes[0].dist.raw,
                       near_child.raw,
                       nodes[0].root.raw + 1,
                       0,
                       draw(8),
                       UINT64_C(1) << 44,
                       UINT64_C(63) << 44,
                       draw(1000) == 0 ? UINT64_C(1) << 50 : 7,
                       far.raw & ~PID_NODE_MASK};
    return pids[draw(sizeof pids / sizeof pids[0])];
}

/* A piece of nothing ends the connection: now and then. */
static enum weft_signal_kind any_kind(void) {
    if (draw(100) == 0) return WEFT_SIGNAL_FRAGMENT_OF;
    return (enum weft_signal_kind)(1 + draw(WEFT_SIGNAL_SPAWN_REPLY));
}

static struct weft_signal any_signal(void) {
    static const unsigned char data[20000] = {[0] = 10, [13] = 3, [14] = 'a', [15] = 'b'};
    static const char *const texts[] = {"", "root", "scribe", "nobody", "\n\n\n", "a\0b", "dist"};
    const char *text = texts[draw(7)];
    return (struct weft_signal){
        .kind = any_kind(),
        .flags = draw(200) == 0 ? WEFT_SIGNAL_MORE : 0,
        .tag = (uint32_t)draw(15),
        .value = (int32_t)draw(200) - 100,
        .from = any_pid(),
        .to = any_pid(),
        .ref = draw(3) == 0 ? draw(100) : known_refs[draw(8)],
        .text = weft_bytes(text, draw(2) != 0 ? strlen(text) : 3 * (text[0] != '\0')),
        .data = weft_bytes(data, draw(2) != 0 ? draw(40) : draw(sizeof data))};
}

/* A member of the cluster may end anybody: here not those that the test needs. */
static bool is_fair(const struct weft_signal *signal) {
    bool kills = signal->kind == WEFT_SIGNAL_EXIT || signal->kind == WEFT_SIGNAL_EXIT_LINK;
    return !kills || (signal->to != nodes[0].root.raw && signal->to != nodes[0].dist.raw);
}

static void a_peer_that_links_to_the_process_that_connects_does_not_end_it(void) {
    two();
    int fd = raw_peer(0, "x@127.0.0.1:9", 5);
    struct weft_signal link = {.kind = WEFT_SIGNAL_LINK, .from = 9, .to = nodes[0].dist.raw};
    raw_say(fd, &link);
    wait_for(WEFT_MS(2));
    close(fd); /* and its end is one with NOCONNECTION */
    wait_for(WEFT_MS(20));
    at(1, call_back_named);
    CHECK(heard(1, "reply OK 0,"));
    close_all();
}

static void whatever_a_peer_sends_the_node_goes_on(void) {
    two();
    near_child = WEFT_PID_NONE;
    for (unsigned i = 0; i < DRAWS; i++) {
        draw_state = i;
        far = (weft_pid){UINT64_C(2) << 50 | 9};
        int fd = raw_peer(0, "x@127.0.0.1:9", 5);
        if (fd < 0) break;
        for (unsigned j = 0; j < 400 && !raw_closed(fd); j++) {
            struct weft_signal signal = any_signal();
            if (is_fair(&signal)) raw_say(fd, &signal);
            if (j % 4 == 0) at(0, make_refs);
            nodes[0].log[0] = '\0';
        }
        wait_for(WEFT_MS(2));
        close(fd);
        if (!weft_sched_ended(nodes[0].sched, NULL)) continue;
        CHECK(false);
        break;
    }
    forget();
    at(0, watch);
    at(1, call_back_named);
    CHECK(heard(1, "reply"));
    close_all();
}

TEST_MAIN("otp/dist", TEST(a_message_to_a_name_connects), TEST(a_call_to_a_name_is_answered),
          TEST(a_call_to_a_name_that_is_none_says_no_proc),
          TEST(a_call_to_a_node_that_is_not_there_says_no_connection),
          TEST(a_wrong_cookie_is_refused), TEST(a_process_started_elsewhere_can_be_sent_to),
          TEST(a_behaviour_that_is_not_offered_is_not_found),
          TEST(links_monitors_and_calls_tell_an_end), TEST(a_lost_node_tells_those_who_wait),
          TEST(a_node_that_starts_again_is_reached_and_its_old_pids_are_dead),
          TEST(an_index_that_lives_use_again_leads_no_old_pid_to_a_new_process),
          TEST(a_node_that_is_known_comes_again_when_no_index_is_free),
          TEST(the_same_life_is_found_again), TEST(two_that_call_at_once_get_one_connection),
          TEST(a_large_message_arrives_whole), TEST(silence_is_survived_by_ticks_and_not_without),
          TEST(a_packed_pid_is_understood_by_a_third_node),
          TEST(without_the_process_that_connects_nothing_does),
          TEST(a_stranger_does_not_end_a_call_by_taking_the_name_called),
          TEST(strangers_who_say_nothing_do_not_keep_others_out),
          TEST(a_peer_that_asks_and_does_not_read_is_dropped),
          TEST(a_scheduler_that_stands_still_does_not_fill_the_memory),
          TEST(without_any_memory_a_peer_is_lost_and_who_watches_is_told),
          TEST(the_first_of_two_losses_acknowledged_is_not_the_second),
          TEST(a_peer_that_links_to_the_process_that_connects_does_not_end_it),
          TEST(whatever_a_peer_sends_the_node_goes_on))
