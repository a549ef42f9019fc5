/* Machines behind a NAT, and machines that move. Machine 0 is in the open; 1 and 2 are behind one
 * NAT where a test says so. Links take 10 ms. */
#include "sim/world/places.h"
#include "tests/unit/sim/bare.h"

#include <stdlib.h>

#define PORT 5000

/* What machine i sends and gets by. */
struct scene {
    struct bare *bare;
    weft_socket socket[BARE_NODES];
};

static void open_sockets(struct scene *scene) {
    for (uint32_t i = 0; i < BARE_NODES; i++) {
        struct weft_env *env = bare_env(scene->bare, i);
        struct weft_addr any = weft_addr_v4(0, 0, 0, 0, PORT);
        CHECK_EQ_INT(env->net->datagram_open(env, &any, i, &scene->socket[i]), WEFT_OK);
    }
}

static struct scene open_behind(enum sim_nat_type type, bool hairpin) {
    struct scene scene = {.bare = malloc(sizeof *scene.bare)};
    bare_open_behind(scene.bare, type, hairpin);
    open_sockets(&scene);
    return scene;
}

static struct scene open_plain(void) {
    struct scene scene = {.bare = malloc(sizeof *scene.bare)};
    bare_open(scene.bare);
    open_sockets(&scene);
    return scene;
}

static void close_scene(struct scene *scene) {
    bare_close(scene->bare);
    free(scene->bare);
}

static void send(struct scene *scene, uint32_t from, struct weft_addr to) {
    struct weft_env *env = bare_env(scene->bare, from);
    CHECK_EQ_INT(env->net->datagram_send(env, scene->socket[from], &to, "hello", 5), WEFT_OK);
}

static void pass(struct scene *scene) { bare_run(scene->bare, bare_now(scene->bare) + WEFT_S(1)); }

static void send_and_pass(struct scene *scene, uint32_t from, struct weft_addr to) {
    send(scene, from, to);
    pass(scene);
}

/* From where the `index`th datagram came to `node`; family NONE: there is none. */
static struct weft_addr got(const struct scene *scene, uint32_t node, size_t index) {
    const struct bare_event *event = bare_find(scene->bare, node, WEFT_EVENT_DATAGRAM, index);
    return event != NULL ? event->from : (struct weft_addr){0};
}

static void check_addr(struct weft_addr addr, const char *wanted) {
    char text[WEFT_ADDR_TEXT_SIZE];
    CHECK_EQ_TEXT(weft_addr_format(&addr, text), wanted);
}

static size_t lost(const struct scene *scene) {
    struct sim_fabric_stats stats;
    sim_fabric_stats(scene->bare->fabric, &stats);
    return stats.packets_lost;
}

/* --- behind a NAT --- */

static void the_trace_has_a_packet_as_its_sender_knows_it(void) {
    struct scene scene = open_behind(SIM_NAT_PORT_RESTRICTED, false);
    send_and_pass(&scene, 2, sim_world_addr(0, WEFT_FAMILY_V4, PORT));
    send_and_pass(&scene, 0, got(&scene, 0, 0));
    REQUIRE(scene.bare->packets_count == 2);
    const struct bare_packet *there = &scene.bare->packets[0], *back = &scene.bare->packets[1];
    CHECK_EQ_UINT(there->node, 2);
    CHECK_EQ_UINT(there->to, 0);
    CHECK_EQ_UINT(there->number, 1);
    check_addr(there->source, "192.168.0.3:5000"); /* the NAT has made another of it */
    check_addr(there->target, "10.0.0.1:5000");
    CHECK_EQ_UINT(there->size, 5);
    CHECK_EQ_BYTES(there->data, "hello", 5);
    CHECK_EQ_UINT(back->node, 0);
    check_addr(back->source, "10.0.0.1:5000");
    check_addr(back->target, "10.0.0.2:5000"); /* it knows of no inside */
    close_scene(&scene);
}

static void others_see_the_outside_and_answer_through_it(void) {
    struct scene scene = open_behind(SIM_NAT_PORT_RESTRICTED, false);
    send_and_pass(&scene, 2, sim_world_addr(0, WEFT_FAMILY_V4, PORT));
    check_addr(got(&scene, 0, 0), "10.0.0.2:5000");
    send_and_pass(&scene, 0, got(&scene, 0, 0));
    check_addr(got(&scene, 2, 0), "10.0.0.1:5000");
    CHECK_EQ_UINT(bare_count(scene.bare, 1, WEFT_EVENT_DATAGRAM), 0);
    CHECK_EQ_UINT(lost(&scene), 0);
    close_scene(&scene);
}

static void nobody_comes_in_unasked(void) {
    struct scene scene = open_behind(SIM_NAT_PORT_RESTRICTED, false);
    send_and_pass(&scene, 0, sim_world_addr(1, WEFT_FAMILY_V4, PORT));
    send_and_pass(&scene, 0, sim_world_addr(2, WEFT_FAMILY_V4, PORT));
    send_and_pass(&scene, 0, weft_addr_v4(192, 168, 0, 2, PORT));
    CHECK_EQ_UINT(scene.bare->count, 0);
    CHECK_EQ_UINT(lost(&scene), 3);
    close_scene(&scene);
}

static void neighbours_meet_without_the_nat(void) {
    struct scene scene = open_behind(SIM_NAT_SYMMETRIC, false);
    send_and_pass(&scene, 2, weft_addr_v4(192, 168, 0, 2, PORT));
    check_addr(got(&scene, 1, 0), "192.168.0.3:5000");
    send_and_pass(&scene, 1, got(&scene, 1, 0));
    check_addr(got(&scene, 2, 0), "192.168.0.2:5000");
    send_and_pass(&scene, 1, weft_addr_v4(192, 168, 0, 4, PORT)); /* nobody */
    CHECK_EQ_UINT(lost(&scene), 1);
    close_scene(&scene);
}

static void a_neighbours_outer_port_works_with_hairpin_alone(void) {
    for (int hairpin = 0; hairpin < 2; hairpin++) {
        struct scene scene = open_behind(SIM_NAT_FULL_CONE, hairpin == 1);
        send_and_pass(&scene, 1, sim_world_addr(0, WEFT_FAMILY_V4, PORT));
        struct weft_addr outer = got(&scene, 0, 0);
        send_and_pass(&scene, 2, outer);
        CHECK_EQ_UINT(bare_count(scene.bare, 1, WEFT_EVENT_DATAGRAM), hairpin);
        CHECK_EQ_UINT(lost(&scene), 1 - hairpin);
        if (hairpin == 1) CHECK_EQ_UINT(got(&scene, 1, 0).ip[0], 10); /* RFC 4787, REQ-9 */
        close_scene(&scene);
    }
}

static void the_filter_looks_when_the_packet_arrives(void) {
    struct scene scene = open_behind(SIM_NAT_PORT_RESTRICTED, false);
    struct weft_env *env = bare_env(scene.bare, 0);
    struct weft_addr other = weft_addr_v4(0, 0, 0, 0, 77);
    weft_socket socket;
    CHECK_EQ_INT(env->net->datagram_open(env, &other, 5, &socket), WEFT_OK);
    send_and_pass(&scene, 1, sim_world_addr(0, WEFT_FAMILY_V4, PORT));
    struct weft_addr outer = got(&scene, 0, 0);
    CHECK_EQ_INT(env->net->datagram_send(env, socket, &outer, "x", 1), WEFT_OK);
    bare_run(scene.bare, bare_now(scene.bare) + WEFT_MS(5));
    send_and_pass(&scene, 1, sim_world_addr(0, WEFT_FAMILY_V4, 77)); /* a hole, in time */
    CHECK_EQ_UINT(bare_count(scene.bare, 1, WEFT_EVENT_DATAGRAM), 1);
    close_scene(&scene);
}

static void ipv6_is_not_translated(void) {
    struct scene scene = open_behind(SIM_NAT_SYMMETRIC, false);
    struct weft_env *env = bare_env(scene.bare, 1);
    struct weft_addr any = {.family = WEFT_FAMILY_V6, .port = 7};
    struct weft_addr to = sim_world_addr(1, WEFT_FAMILY_V6, 7);
    weft_socket socket, other;
    CHECK_EQ_INT(env->net->datagram_open(env, &any, 1, &socket), WEFT_OK);
    env = bare_env(scene.bare, 0);
    CHECK_EQ_INT(env->net->datagram_open(env, &any, 1, &other), WEFT_OK);
    CHECK_EQ_INT(env->net->datagram_send(env, other, &to, "x", 1), WEFT_OK);
    pass(&scene);
    check_addr(got(&scene, 1, 0), "[fd00::1]:7");
    close_scene(&scene);
}

/* --- streams behind a NAT --- */

struct ends {
    weft_socket client, server;
};

/* From machine 1, behind the NAT, to machine 0. */
static struct ends connect_out(struct scene *scene) {
    struct ends ends = {0};
    bare_listen(scene->bare, 0, 4);
    ends.client = bare_dial(scene->bare, 1, 0);
    pass(scene);
    const struct bare_event *accepted = bare_find(scene->bare, 0, WEFT_EVENT_ACCEPTED, 0);
    if (!CHECK(accepted != NULL)) return ends;
    CHECK_EQ_UINT(accepted->from.ip[0], 10);
    CHECK_EQ_UINT(bare_count(scene->bare, 1, WEFT_EVENT_CONNECTED), 1);
    ends.server = accepted->accepted;
    return ends;
}

static void a_stream_goes_out_and_carries_both_ways(void) {
    struct scene scene = open_behind(SIM_NAT_SYMMETRIC, false);
    char data[8];
    struct ends ends = connect_out(&scene);
    CHECK_EQ_INT(bare_write(scene.bare, 1, ends.client, "there", 5), 5);
    CHECK_EQ_INT(bare_write(scene.bare, 0, ends.server, "back", 4), 4);
    pass(&scene);
    CHECK_EQ_INT(bare_read(scene.bare, 0, ends.server, data, 8), 5);
    CHECK_EQ_INT(bare_read(scene.bare, 1, ends.client, data, 8), 4);
    struct weft_addr local, remote;
    struct weft_env *env = bare_env(scene.bare, 1);
    env->net->names(env, ends.client, &local, &remote);
    CHECK_EQ_UINT(local.ip[0], 192);
    check_addr(remote, "10.0.0.1:80");
    close_scene(&scene);
}

static void a_listener_inside_is_a_black_hole(void) {
    struct scene scene = open_behind(SIM_NAT_FULL_CONE, false);
    struct weft_env *env = bare_env(scene.bare, 1);
    struct weft_addr any = weft_addr_v4(0, 0, 0, 0, 80);
    weft_socket socket;
    CHECK_EQ_INT(env->net->stream_listen(env, &any, 4, 1, &socket), WEFT_OK);
    bare_dial(scene.bare, 0, 1);
    bare_run(scene.bare, WEFT_S(100));
    REQUIRE(scene.bare->count == 1);
    CHECK_EQ_INT(scene.bare->events[0].error, WEFT_ERR_TIMEOUT);
    CHECK_EQ_INT(scene.bare->events[0].at, WEFT_S(63));
    close_scene(&scene);
}

static void rebind(struct scene *scene) {
    struct sim_places *places = sim_fabric_places(scene->bare->fabric);
    uint32_t nat = sim_places_nat(places, 1);
    CHECK_EQ_UINT(nat, 0);
    CHECK_EQ_UINT(sim_places_nat(places, 0), UINT32_MAX);
    sim_places_rebind(places, nat, bare_now(scene->bare));
}

/* What comes from another port belongs to no stream: the server says so. */
static void a_rebind_is_seen_by_a_stream_that_is_used(void) {
    struct scene scene = open_behind(SIM_NAT_PORT_RESTRICTED, false);
    struct ends ends = connect_out(&scene);
    rebind(&scene);
    CHECK_EQ_INT(bare_write(scene.bare, 1, ends.client, "x", 1), 1);
    pass(&scene);
    const struct bare_event *failed = bare_find(scene.bare, 1, WEFT_EVENT_FAILED, 0);
    REQUIRE(failed != NULL);
    CHECK_EQ_INT(failed->error, WEFT_ERR_RESET);
    CHECK_EQ_UINT(bare_count(scene.bare, 0, WEFT_EVENT_FAILED), 0); /* half-open */
    CHECK_EQ_INT(bare_write(scene.bare, 0, ends.server, "y", 1), 1);
    bare_run(scene.bare, bare_now(scene.bare) + WEFT_S(130));
    failed = bare_find(scene.bare, 0, WEFT_EVENT_FAILED, 0);
    REQUIRE(failed != NULL);
    CHECK_EQ_INT(failed->error, WEFT_ERR_TIMEOUT);
    close_scene(&scene);
}

static void a_rebind_gives_datagrams_another_port(void) {
    struct scene scene = open_behind(SIM_NAT_FULL_CONE, false);
    send_and_pass(&scene, 1, sim_world_addr(0, WEFT_FAMILY_V4, PORT));
    rebind(&scene);
    send_and_pass(&scene, 0, got(&scene, 0, 0));
    CHECK_EQ_UINT(lost(&scene), 1);
    send_and_pass(&scene, 1, sim_world_addr(0, WEFT_FAMILY_V4, PORT));
    CHECK(got(&scene, 0, 1).port != got(&scene, 0, 0).port);
    CHECK_EQ_UINT(sim_places_nat_bites(sim_fabric_places(scene.bare->fabric), 0), 2);
    close_scene(&scene);
}

/* A stream that says nothing outlives its binding only when it is kept alive. */
static void keep_alive_keeps_the_nat_from_forgetting(void) {
    for (int kept = 0; kept < 2; kept++) {
        struct scene scene = open_behind(SIM_NAT_SYMMETRIC, false);
        scene.bare->nat.spec.stream_lifetime = WEFT_S(30);
        struct ends ends = connect_out(&scene);
        struct weft_env *env = bare_env(scene.bare, 1);
        if (kept == 1) env->net->stream_keep_alive(env, ends.client, WEFT_S(20));
        bare_run(scene.bare, WEFT_S(200));
        CHECK_EQ_INT(bare_write(scene.bare, 0, ends.server, "x", 1), 1);
        pass(&scene);
        CHECK_EQ_UINT(bare_count(scene.bare, 1, WEFT_EVENT_READABLE), kept);
        close_scene(&scene);
    }
}

/* --- moving --- */

static void move(struct scene *scene, uint32_t node) {
    CHECK(sim_fabric_move(scene->bare->fabric, node));
}

static uint64_t bites(const struct scene *scene, uint32_t node) {
    return sim_places_move_bites(sim_fabric_places(scene->bare->fabric), node);
}

static void datagrams_go_on_from_the_new_address(void) {
    struct scene scene = open_plain();
    struct weft_addr old = sim_world_addr(1, WEFT_FAMILY_V4, PORT);
    send(&scene, 0, old);
    move(&scene, 1);
    CHECK_EQ_UINT(bites(&scene, 1), 0);
    pass(&scene); /* what was on its way finds nobody */
    CHECK_EQ_UINT(bare_count(scene.bare, 1, WEFT_EVENT_DATAGRAM), 0);
    CHECK_EQ_UINT(bites(&scene, 1), 1);
    send_and_pass(&scene, 0, old);
    CHECK_EQ_UINT(lost(&scene), 2);
    CHECK_EQ_UINT(bites(&scene, 1), 2);
    send_and_pass(&scene, 1, sim_world_addr(0, WEFT_FAMILY_V4, PORT));
    check_addr(got(&scene, 0, 0), "11.0.0.2:5000");
    send_and_pass(&scene, 0, got(&scene, 0, 0));
    check_addr(got(&scene, 1, 0), "10.0.0.1:5000");
    struct weft_addr now = weft_addr_v4(11, 0, 0, 2, 1);
    CHECK_EQ_UINT(sim_fabric_node_at(scene.bare->fabric, &now), 1);
    CHECK_EQ_UINT(sim_fabric_node_at(scene.bare->fabric, &old), UINT32_MAX);
    close_scene(&scene);
}

static void what_is_bound_to_the_old_address_is_deaf_and_dumb(void) {
    struct scene scene = open_plain();
    struct weft_env *env = bare_env(scene.bare, 1);
    struct weft_addr local = sim_world_addr(1, WEFT_FAMILY_V4, 20);
    struct weft_addr to = sim_world_addr(0, WEFT_FAMILY_V4, PORT);
    weft_socket socket;
    CHECK_EQ_INT(env->net->datagram_open(env, &local, 1, &socket), WEFT_OK);
    move(&scene, 1);
    CHECK_EQ_INT(env->net->datagram_send(env, socket, &to, "x", 1), WEFT_OK);
    send(&scene, 0, weft_addr_v4(11, 0, 0, 2, 20));
    pass(&scene);
    CHECK_EQ_UINT(scene.bare->count, 0);
    CHECK_EQ_UINT(lost(&scene), 2);
    local = sim_world_addr(1, WEFT_FAMILY_V4, 21);
    CHECK_EQ_INT(env->net->datagram_open(env, &local, 1, &socket), WEFT_ERR_INVAL);
    close_scene(&scene);
}

static void streams_of_the_old_address_time_out(void) {
    struct scene scene = open_plain();
    struct bare_pair pair = bare_connect(scene.bare);
    weft_time start = bare_now(scene.bare);
    move(&scene, 1);
    CHECK_EQ_INT(bare_write(scene.bare, 0, pair.client, "x", 1), 1);
    CHECK_EQ_INT(bare_write(scene.bare, 1, pair.server, "y", 1), 1);
    bare_run(scene.bare, start + WEFT_S(200));
    for (uint32_t i = 0; i < 2; i++) {
        const struct bare_event *failed = bare_find(scene.bare, i, WEFT_EVENT_FAILED, 0);
        REQUIRE(failed != NULL);
        CHECK_EQ_INT(failed->error, WEFT_ERR_TIMEOUT);
        CHECK_EQ_INT(failed->at, start + SIM_STREAM_ACK_MAX);
    }
    close_scene(&scene);
}

static void a_machine_behind_a_nat_moves_inside(void) {
    struct scene scene = open_behind(SIM_NAT_FULL_CONE, false);
    send_and_pass(&scene, 1, sim_world_addr(0, WEFT_FAMILY_V4, PORT));
    move(&scene, 1);
    send_and_pass(&scene, 0, got(&scene, 0, 0)); /* to the old place inside */
    CHECK_EQ_UINT(lost(&scene), 1);
    send_and_pass(&scene, 1, sim_world_addr(0, WEFT_FAMILY_V4, PORT));
    CHECK(got(&scene, 0, 1).port != got(&scene, 0, 0).port);
    send_and_pass(&scene, 0, got(&scene, 0, 1));
    CHECK_EQ_UINT(bare_count(scene.bare, 1, WEFT_EVENT_DATAGRAM), 1);
    send_and_pass(&scene, 2, weft_addr_v4(192, 168, 1, 2, PORT));
    CHECK_EQ_UINT(bare_count(scene.bare, 1, WEFT_EVENT_DATAGRAM), 2);
    close_scene(&scene);
}

static void a_move_changes_ipv6_too(void) {
    struct scene scene = open_plain();
    struct weft_addr old = sim_world_addr(2, WEFT_FAMILY_V6, 1), now = old;
    now.ip[1] = 1;
    move(&scene, 2);
    CHECK_EQ_UINT(sim_fabric_node_at(scene.bare->fabric, &old), UINT32_MAX);
    CHECK_EQ_UINT(sim_fabric_node_at(scene.bare->fabric, &now), 2);
    close_scene(&scene);
}

TEST_MAIN("sim/places", TEST(the_trace_has_a_packet_as_its_sender_knows_it),
          TEST(others_see_the_outside_and_answer_through_it), TEST(nobody_comes_in_unasked),
          TEST(neighbours_meet_without_the_nat),
          TEST(a_neighbours_outer_port_works_with_hairpin_alone),
          TEST(the_filter_looks_when_the_packet_arrives), TEST(ipv6_is_not_translated),
          TEST(a_stream_goes_out_and_carries_both_ways), TEST(a_listener_inside_is_a_black_hole),
          TEST(a_rebind_is_seen_by_a_stream_that_is_used),
          TEST(a_rebind_gives_datagrams_another_port), TEST(datagrams_go_on_from_the_new_address),
          TEST(what_is_bound_to_the_old_address_is_deaf_and_dumb),
          TEST(streams_of_the_old_address_time_out), TEST(a_machine_behind_a_nat_moves_inside),
          TEST(a_move_changes_ipv6_too), TEST(keep_alive_keeps_the_nat_from_forgetting))
