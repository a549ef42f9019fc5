/* NATs: what each type keeps and lets in (RFC 4787, sections 4 and 5), ports, lifetimes, bounds. */
#include "sim/net/nat.h"
#include "tests/harness/harness.h"

#define LIFETIME WEFT_S(30)
#define STREAM_LIFETIME WEFT_S(100)
#define PORT 6881

static struct weft_addr inside(unsigned char host, uint16_t port) {
    return weft_addr_v4(192, 168, 0, host, port);
}

static struct weft_addr outside(unsigned char host, uint16_t port) {
    return weft_addr_v4(10, 0, 0, host, port);
}

static struct sim_nat_spec spec_of(enum sim_nat_type type) {
    return (struct sim_nat_spec){.type = type,
                                 .lifetime = LIFETIME,
                                 .stream_lifetime = STREAM_LIFETIME,
                                 .bindings_max = 100};
}

static struct sim_nat *nat_of(enum sim_nat_type type) {
    struct sim_nat_spec spec = spec_of(type);
    return sim_nat_new(&spec, 7, 0);
}

/* The port outside; 0: dropped. */
static uint16_t send_at(struct sim_nat *nat, weft_time now, struct weft_addr inner,
                        struct weft_addr remote) {
    struct sim_nat_packet packet = {.now = now, .inner = inner, .remote = remote};
    return sim_nat_out(nat, &packet) == SIM_LOSS_NONE ? packet.port : 0;
}

static uint16_t send(struct sim_nat *nat, struct weft_addr inner, struct weft_addr remote) {
    return send_at(nat, 0, inner, remote);
}

static enum sim_loss come_at(struct sim_nat *nat, weft_time now, uint16_t port,
                             struct weft_addr remote) {
    struct sim_nat_packet packet = {.now = now, .port = port, .remote = remote};
    return sim_nat_in(nat, &packet);
}

static enum sim_loss come(struct sim_nat *nat, uint16_t port, struct weft_addr remote) {
    return come_at(nat, 0, port, remote);
}

/* --- the tables of RFC 4787 --- */

/* Section 4.1: one inner endpoint writes to an endpoint, to another port of the same address, and
 * to another address. */
static void a_port_is_kept_as_the_type_says(void) {
    static const struct {
        enum sim_nat_type type;
        bool same;
    } rows[] = {{SIM_NAT_FULL_CONE, true},
                {SIM_NAT_RESTRICTED, true},
                {SIM_NAT_PORT_RESTRICTED, true},
                {SIM_NAT_SYMMETRIC, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sim_nat *nat = nat_of(rows[i].type);
        uint16_t port = send(nat, inside(2, PORT), outside(1, 80));
        CHECK(port != 0);
        CHECK_EQ_UINT(send(nat, inside(2, PORT), outside(1, 80)), port);
        CHECK_EQ_INT(send(nat, inside(2, PORT), outside(1, 81)) == port, rows[i].same);
        CHECK_EQ_INT(send(nat, inside(2, PORT), outside(9, 80)) == port, rows[i].same);
        CHECK(send(nat, inside(2, 6882), outside(1, 80)) != port); /* another one is another's */
        CHECK(send(nat, inside(3, PORT), outside(1, 80)) != port);
        sim_nat_free(nat);
    }
}

/* Section 5: having written to 1:80, what comes from there, from another port of that address, and
 * from another address. */
static void packets_are_let_in_as_the_type_says(void) {
    static const struct {
        enum sim_nat_type type;
        enum sim_loss same, port, address;
    } rows[] = {
        {SIM_NAT_FULL_CONE, SIM_LOSS_NONE, SIM_LOSS_NONE, SIM_LOSS_NONE},
        {SIM_NAT_RESTRICTED, SIM_LOSS_NONE, SIM_LOSS_NONE, SIM_LOSS_NAT_FILTER},
        {SIM_NAT_PORT_RESTRICTED, SIM_LOSS_NONE, SIM_LOSS_NAT_FILTER, SIM_LOSS_NAT_FILTER},
        {SIM_NAT_SYMMETRIC, SIM_LOSS_NONE, SIM_LOSS_NAT_FILTER, SIM_LOSS_NAT_FILTER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sim_nat *nat = nat_of(rows[i].type);
        uint16_t port = send(nat, inside(2, PORT), outside(1, 80));
        CHECK_EQ_INT(come(nat, port, outside(1, 80)), rows[i].same);
        CHECK_EQ_INT(come(nat, port, outside(1, 81)), rows[i].port);
        CHECK_EQ_INT(come(nat, port, outside(9, 80)), rows[i].address);
        CHECK_EQ_INT(come(nat, (uint16_t)(port + 1), outside(1, 80)), SIM_LOSS_NAT);
        sim_nat_free(nat);
    }
}

static void what_comes_in_goes_to_who_has_the_port(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_FULL_CONE);
    struct sim_nat_packet packet = {.remote = outside(1, 80)};
    packet.port = send(nat, inside(3, 999), outside(1, 80));
    CHECK_EQ_INT(sim_nat_in(nat, &packet), SIM_LOSS_NONE);
    struct weft_addr wanted = inside(3, 999), whose;
    CHECK(weft_addr_equal(&packet.inner, &wanted));
    CHECK(sim_nat_whose(nat, &packet, &whose));
    CHECK(weft_addr_equal(&whose, &wanted));
    packet.port++;
    CHECK(!sim_nat_whose(nat, &packet, &whose));
    sim_nat_free(nat);
}

static void a_permit_of_one_binding_is_none_of_another(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_PORT_RESTRICTED);
    uint16_t a = send(nat, inside(2, PORT), outside(1, 80));
    uint16_t b = send(nat, inside(3, PORT), outside(9, 80));
    CHECK_EQ_INT(come(nat, a, outside(9, 80)), SIM_LOSS_NAT_FILTER);
    CHECK_EQ_INT(come(nat, b, outside(1, 80)), SIM_LOSS_NAT_FILTER);
    sim_nat_free(nat);
}

/* --- ports --- */

static void a_cone_keeps_the_port_from_inside_while_it_is_free(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_RESTRICTED);
    CHECK_EQ_UINT(send(nat, inside(2, PORT), outside(1, 80)), PORT);
    uint16_t other = send(nat, inside(3, PORT), outside(1, 80));
    CHECK(other != PORT && other >= SIM_NAT_PORT_FIRST);
    CHECK(send(nat, inside(2, 53), outside(1, 80)) >= SIM_NAT_PORT_FIRST);
    sim_nat_free(nat);
}

static void a_symmetric_one_draws_every_port_by_seed_and_number(void) {
    struct sim_nat_spec spec = spec_of(SIM_NAT_SYMMETRIC);
    struct sim_nat *nat[] = {sim_nat_new(&spec, 7, 0), sim_nat_new(&spec, 7, 0),
                             sim_nat_new(&spec, 7, 1), sim_nat_new(&spec, 8, 0)};
    uint16_t port[4];
    for (int i = 0; i < 4; i++) port[i] = send(nat[i], inside(2, PORT), outside(1, 80));
    CHECK_EQ_UINT(port[0], port[1]);
    CHECK(port[0] != port[2] && port[0] != port[3] && port[0] != PORT);
    for (int i = 0; i < 4; i++) sim_nat_free(nat[i]);
}

static void streams_and_datagrams_have_ports_of_their_own(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_FULL_CONE);
    struct sim_nat_packet packet = {
        .stream = true, .inner = inside(3, PORT), .remote = outside(1, 80)};
    CHECK_EQ_UINT(send(nat, inside(2, PORT), outside(1, 80)), PORT);
    CHECK_EQ_INT(sim_nat_out(nat, &packet), SIM_LOSS_NONE);
    CHECK_EQ_UINT(packet.port, PORT);
    CHECK_EQ_INT(sim_nat_in(nat, &packet), SIM_LOSS_NONE);
    struct weft_addr wanted = inside(3, PORT);
    CHECK(weft_addr_equal(&packet.inner, &wanted));
    sim_nat_free(nat);
}

static void no_port_is_given_twice(void) {
    static bool taken[65536];
    struct sim_nat_spec spec = spec_of(SIM_NAT_SYMMETRIC);
    spec.bindings_max = SIM_NAT_BINDINGS_MAX;
    struct sim_nat *nat = sim_nat_new(&spec, 7, 0);
    memset(taken, 0, sizeof taken);
    for (uint32_t i = 0; i < 20000; i++) {
        uint16_t port = send(nat, inside(2, (uint16_t)(i + 1)), outside(1, 80));
        if (port == 0 || taken[port]) CHECK_EQ_UINT(port, i);
        taken[port] = true;
    }
    sim_nat_free(nat);
}

/* --- time --- */

static void a_binding_ends_a_lifetime_after_the_last_packet_out(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_SYMMETRIC);
    uint16_t port = send_at(nat, 0, inside(2, PORT), outside(1, 80));
    CHECK_EQ_UINT(send_at(nat, WEFT_S(20), inside(2, PORT), outside(1, 80)), port);
    CHECK_EQ_INT(come_at(nat, WEFT_S(50) - 1, port, outside(1, 80)), SIM_LOSS_NONE);
    CHECK_EQ_INT(come_at(nat, WEFT_S(50), port, outside(1, 80)), SIM_LOSS_NAT);
    CHECK(send_at(nat, WEFT_S(50), inside(2, PORT), outside(1, 80)) != port);
    sim_nat_free(nat);
}

static void a_permit_ends_by_itself_while_the_binding_lives(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_RESTRICTED);
    uint16_t port = send_at(nat, 0, inside(2, PORT), outside(1, 80));
    CHECK_EQ_UINT(send_at(nat, WEFT_S(20), inside(2, PORT), outside(9, 80)), port);
    CHECK_EQ_INT(come_at(nat, LIFETIME - 1, port, outside(1, 80)), SIM_LOSS_NONE);
    CHECK_EQ_INT(come_at(nat, LIFETIME, port, outside(1, 80)), SIM_LOSS_NAT_FILTER);
    CHECK_EQ_INT(come_at(nat, LIFETIME, port, outside(9, 80)), SIM_LOSS_NONE);
    sim_nat_free(nat);
}

/* A stranger could keep a datagram's binding open for ever (RFC 4787, REQ-6). */
static void packets_in_renew_a_stream_and_no_datagrams(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_PORT_RESTRICTED);
    struct sim_nat_packet packet = {
        .stream = true, .inner = inside(2, PORT), .remote = outside(1, 80)};
    uint16_t port = send_at(nat, 0, inside(2, PORT), outside(1, 80));
    CHECK_EQ_INT(sim_nat_out(nat, &packet), SIM_LOSS_NONE);
    CHECK_EQ_INT(come_at(nat, WEFT_S(29), port, outside(1, 80)), SIM_LOSS_NONE);
    CHECK_EQ_INT(come_at(nat, WEFT_S(31), port, outside(1, 80)), SIM_LOSS_NAT);
    packet.now = WEFT_S(99);
    CHECK_EQ_INT(sim_nat_in(nat, &packet), SIM_LOSS_NONE);
    packet.now = WEFT_S(198);
    CHECK_EQ_INT(sim_nat_in(nat, &packet), SIM_LOSS_NONE);
    packet.now = WEFT_S(298);
    CHECK_EQ_INT(sim_nat_in(nat, &packet), SIM_LOSS_NAT);
    sim_nat_free(nat);
}

static void what_has_ended_takes_no_room(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_PORT_RESTRICTED);
    struct sim_nat_stats stats;
    for (uint16_t i = 0; i < 1000; i++) {
        CHECK(send_at(nat, i * WEFT_S(1), inside(2, (uint16_t)(2000 + i)), outside(1, 80)) != 0);
    }
    sim_nat_stats(nat, &stats);
    CHECK_EQ_UINT(stats.bindings, 30);
    CHECK_EQ_UINT(stats.permits, 30);
    sim_nat_free(nat);
}

/* --- bounds --- */

static void a_full_table_drops_what_is_new_and_serves_what_is_there(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_SYMMETRIC);
    uint16_t first = 0;
    for (uint16_t i = 0; i < 100; i++) {
        uint16_t port = send(nat, inside(2, PORT), outside(1, (uint16_t)(i + 1)));
        CHECK(port != 0);
        if (i == 0) first = port;
    }
    CHECK_EQ_UINT(send(nat, inside(2, PORT), outside(1, 101)), 0);
    CHECK_EQ_UINT(send(nat, inside(2, PORT), outside(1, 1)), first);
    CHECK_EQ_INT(come(nat, first, outside(1, 1)), SIM_LOSS_NONE);
    CHECK(send_at(nat, LIFETIME, inside(2, PORT), outside(1, 101)) != 0);
    sim_nat_free(nat);
}

static void permits_are_bounded_too(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_PORT_RESTRICTED);
    for (uint16_t i = 0; i < 100; i++)
        CHECK_EQ_UINT(send(nat, inside(2, PORT), outside(1, (uint16_t)(i + 1))), PORT);
    CHECK_EQ_UINT(send(nat, inside(2, PORT), outside(1, 101)), 0);
    sim_nat_free(nat);
}

static void when_all_ports_are_taken_there_is_none(void) {
    struct sim_nat_spec spec = spec_of(SIM_NAT_FULL_CONE);
    spec.bindings_max = SIM_NAT_BINDINGS_MAX;
    struct sim_nat *nat = sim_nat_new(&spec, 7, 0);
    uint32_t refused = 0;
    for (uint32_t port = 1; port < 65536; port++)
        refused += send(nat, inside(2, (uint16_t)port), outside(1, 80)) == 0;
    CHECK_EQ_UINT(refused, SIM_NAT_PORT_FIRST - 1);
    sim_nat_free(nat);
}

/* --- rebinding --- */

static uint64_t bites_of(const struct sim_nat *nat) {
    struct sim_nat_stats stats;
    sim_nat_stats(nat, &stats);
    return stats.bites;
}

static void after_a_rebind_everybody_has_another_port(void) {
    static const enum sim_nat_type types[] = {SIM_NAT_FULL_CONE, SIM_NAT_RESTRICTED,
                                              SIM_NAT_PORT_RESTRICTED, SIM_NAT_SYMMETRIC};
    for (size_t i = 0; i < 4; i++) {
        struct sim_nat *nat = nat_of(types[i]);
        uint16_t before = send(nat, inside(2, PORT), outside(1, 80));
        sim_nat_rebind(nat, 1);
        CHECK_EQ_UINT(bites_of(nat), 0);
        CHECK_EQ_INT(come_at(nat, 1, before, outside(1, 80)), SIM_LOSS_NAT);
        CHECK_EQ_UINT(bites_of(nat), 1);
        uint16_t after = send_at(nat, 2, inside(2, PORT), outside(1, 80));
        CHECK(after != 0 && after != before);
        CHECK_EQ_UINT(bites_of(nat), 2);
        CHECK_EQ_UINT(send_at(nat, 3, inside(2, PORT), outside(1, 80)), after);
        CHECK_EQ_UINT(bites_of(nat), 2);
        CHECK_EQ_INT(come_at(nat, 3, after, outside(1, 80)), SIM_LOSS_NONE);
        sim_nat_free(nat);
    }
}

static void a_rebind_takes_the_permits_along(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_RESTRICTED);
    send(nat, inside(2, PORT), outside(1, 80));
    sim_nat_rebind(nat, 1);
    uint16_t after = send_at(nat, 2, inside(2, PORT), outside(9, 80));
    CHECK_EQ_INT(come_at(nat, 2, after, outside(1, 80)), SIM_LOSS_NAT_FILTER);
    CHECK_EQ_INT(come_at(nat, 2, after, outside(9, 80)), SIM_LOSS_NONE);
    sim_nat_free(nat);
}

static void a_rebind_of_nothing_and_one_that_nobody_notices_do_not_bite(void) {
    struct sim_nat *nat = nat_of(SIM_NAT_RESTRICTED);
    sim_nat_rebind(nat, 0);
    uint16_t port = send(nat, inside(2, PORT), outside(1, 80));
    sim_nat_rebind(nat, 1);
    CHECK_EQ_INT(come_at(nat, LIFETIME + 1, port, outside(1, 80)), SIM_LOSS_NAT);
    CHECK_EQ_UINT(send_at(nat, LIFETIME + 1, inside(2, PORT), outside(1, 80)), PORT);
    CHECK_EQ_UINT(bites_of(nat), 0);
    sim_nat_free(nat);
}

TEST_MAIN("sim/nat", TEST(a_port_is_kept_as_the_type_says),
          TEST(packets_are_let_in_as_the_type_says), TEST(what_comes_in_goes_to_who_has_the_port),
          TEST(a_permit_of_one_binding_is_none_of_another),
          TEST(a_cone_keeps_the_port_from_inside_while_it_is_free),
          TEST(a_symmetric_one_draws_every_port_by_seed_and_number),
          TEST(streams_and_datagrams_have_ports_of_their_own), TEST(no_port_is_given_twice),
          TEST(a_binding_ends_a_lifetime_after_the_last_packet_out),
          TEST(a_permit_ends_by_itself_while_the_binding_lives),
          TEST(packets_in_renew_a_stream_and_no_datagrams), TEST(what_has_ended_takes_no_room),
          TEST(a_full_table_drops_what_is_new_and_serves_what_is_there),
          TEST(permits_are_bounded_too), TEST(when_all_ports_are_taken_there_is_none),
          TEST(after_a_rebind_everybody_has_another_port), TEST(a_rebind_takes_the_permits_along),
          TEST(a_rebind_of_nothing_and_one_that_nobody_notices_do_not_bite))
