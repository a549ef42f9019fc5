/* Claims about datagrams. */
#include "tests/contract/contract.h"

#include <stdlib.h>

/* A socket of A and one of B, with owners 1 and 2. */
struct two {
    struct weft_env *a, *b;
    struct weft_addr addr_a, addr_b;
    weft_socket socket_a, socket_b;
};

static bool open_two(struct two *two, enum weft_family family) {
    if (!contract_begin()) return false;
    *two = (struct two){.a = contract_env(CONTRACT_A),
                        .b = contract_env(CONTRACT_B),
                        .addr_a = contract_addr(CONTRACT_A, family),
                        .addr_b = contract_addr(CONTRACT_B, family)};
    int rv = two->a->net->datagram_open(two->a, &two->addr_a, 1, &two->socket_a);
    if (!CHECK_EQ_INT(rv, WEFT_OK)) return false;
    rv = two->b->net->datagram_open(two->b, &two->addr_b, 2, &two->socket_b);
    return CHECK_EQ_INT(rv, WEFT_OK);
}

/* A sends `size` bytes of the text from `at` on to B. */
static int send_text(const struct two *two, uint64_t at, size_t size) {
    static unsigned char data[WEFT_DATAGRAM_MAX + 1];
    contract_fill(data, at, size);
    return two->a->net->datagram_send(two->a, two->socket_a, &two->addr_b, data, size);
}

/* The `index`th datagram at B is that. */
static bool got_text(const struct two *two, size_t index, uint64_t at, size_t size) {
    const struct weft_event *event =
        contract_find(CONTRACT_B, two->socket_b, WEFT_EVENT_DATAGRAM, index);
    if (!CHECK(event != NULL) || !CHECK_EQ_UINT(event->size, size)) return false;
    const unsigned char *data = event->data;
    for (size_t i = 0; i < size; i++) {
        if (data[i] != contract_byte(at + i)) return CHECK_EQ_INT(data[i], contract_byte(at + i));
    }
    return true;
}

static bool wait_datagrams(const struct two *two, size_t count) {
    return CHECK(contract_wait(CONTRACT_B, two->socket_b, WEFT_EVENT_DATAGRAM, count));
}

static void one_arrives(enum weft_family family, size_t size) {
    struct two two;
    if (!open_two(&two, family)) return;
    CHECK_EQ_INT(send_text(&two, 0, size), WEFT_OK);
    if (!wait_datagrams(&two, 1)) return;
    got_text(&two, 0, 0, size);
    const struct weft_event *event =
        contract_find(CONTRACT_B, two.socket_b, WEFT_EVENT_DATAGRAM, 0);
    CHECK_EQ_UINT(event->owner, 2);
    CHECK(weft_addr_equal(&event->from, &two.addr_a));
    contract_end();
}

void a_datagram_arrives_whole_with_its_sender(void) { one_arrives(WEFT_FAMILY_V4, 100); }

void a_datagram_arrives_over_ipv6(void) {
    if (contract_world->has_v6) one_arrives(WEFT_FAMILY_V6, 100);
}

void an_empty_datagram_arrives(void) { one_arrives(WEFT_FAMILY_V4, 0); }

void the_largest_datagram_arrives(void) { one_arrives(WEFT_FAMILY_V4, WEFT_DATAGRAM_MAX); }

void a_datagram_above_the_limit_is_too_big(void) {
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    CHECK_EQ_INT(send_text(&two, 0, WEFT_DATAGRAM_MAX + 1), WEFT_ERR_TOO_BIG);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract.count, 0);
    contract_end();
}

void datagrams_of_one_run_arrive_in_order_and_separate(void) {
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    for (uint64_t i = 0; i < 200; i++) CHECK_EQ_INT(send_text(&two, i * 40, 40), WEFT_OK);
    if (!wait_datagrams(&two, 200)) return;
    for (uint64_t i = 0; i < 200; i++) {
        if (!got_text(&two, (size_t)i, i * 40, 40)) return;
    }
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract.count, 200);
    contract_end();
}

void datagrams_of_many_sizes_stay_apart(void) {
    static const size_t sizes[] = {10, 10, 10, 4, 10, 10, 0, 10, 11, 1300, 1300, 9, 60000, 1, 1};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    for (uint64_t i = 0; i < COUNT; i++) {
        CHECK_EQ_INT(send_text(&two, i * 7, sizes[i]), WEFT_OK);
    }
    if (!wait_datagrams(&two, COUNT)) return;
    for (uint64_t i = 0; i < COUNT; i++) got_text(&two, (size_t)i, i * 7, sizes[i]);
    contract_end();
}

void a_datagram_to_a_closed_port_disturbs_nobody(void) {
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    two.b->net->close(two.b, two.socket_b);
    CHECK_EQ_INT(send_text(&two, 0, 10), WEFT_OK);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract.count, 0);
    two.addr_b.port = 0;
    CHECK_EQ_INT(two.b->net->datagram_open(two.b, &two.addr_b, 2, &two.socket_b), WEFT_OK);
    CHECK_EQ_INT(send_text(&two, 5, 10), WEFT_OK);
    if (wait_datagrams(&two, 1)) got_text(&two, 0, 5, 10);
    contract_end();
}

void a_datagram_to_the_wrong_family_is_invalid(void) {
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    two.addr_b.family = WEFT_FAMILY_V6;
    CHECK_EQ_INT(send_text(&two, 0, 10), WEFT_ERR_INVAL);
    two.addr_b.family = WEFT_FAMILY_NONE;
    CHECK_EQ_INT(send_text(&two, 0, 10), WEFT_ERR_INVAL);
    contract_end();
}

void a_datagram_to_port_0_is_invalid(void) {
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    two.addr_b.port = 0;
    CHECK_EQ_INT(send_text(&two, 0, 10), WEFT_ERR_INVAL);
    contract_end();
}

void a_datagram_on_a_closed_socket_is_invalid(void) {
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    two.a->net->close(two.a, two.socket_a);
    CHECK_EQ_INT(send_text(&two, 0, 10), WEFT_ERR_INVAL);
    contract_end();
}

void a_bound_port_is_in_use(void) {
    struct two two;
    weft_socket other = WEFT_SOCKET_NONE;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    CHECK_EQ_INT(two.b->net->datagram_open(two.b, &two.addr_b, 3, &other), WEFT_ERR_IN_USE);
    CHECK_EQ_UINT(other, WEFT_SOCKET_NONE);
    contract_end();
}

void port_0_gives_a_port_and_names_tells_it(void) {
    struct two two;
    struct weft_addr local, remote;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    CHECK(two.addr_a.port != 0);
    two.a->net->names(two.a, two.socket_a, &local, &remote);
    CHECK(weft_addr_equal(&local, &two.addr_a));
    CHECK_EQ_INT(remote.family, WEFT_FAMILY_NONE);
    contract_end();
}

void a_foreign_address_cannot_be_bound(void) {
    struct weft_addr foreign = weft_addr_v4(192, 0, 2, 77, 0);
    weft_socket socket = WEFT_SOCKET_NONE;
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    CHECK_EQ_INT(env->net->datagram_open(env, &foreign, 1, &socket), WEFT_ERR_INVAL);
    foreign.family = WEFT_FAMILY_NONE;
    CHECK_EQ_INT(env->net->datagram_open(env, &foreign, 1, &socket), WEFT_ERR_INVAL);
    CHECK_EQ_UINT(socket, WEFT_SOCKET_NONE);
    contract_end();
}

void both_families_share_a_port_number(void) {
    struct two two;
    weft_socket socket;
    if (!contract_world->has_v6 || !open_two(&two, WEFT_FAMILY_V6)) return;
    struct weft_addr v4 = contract_addr(CONTRACT_B, WEFT_FAMILY_V4);
    v4.port = two.addr_b.port;
    CHECK_EQ_INT(two.b->net->datagram_open(two.b, &v4, 3, &socket), WEFT_OK);
    contract_end();
}

void a_closed_datagram_socket_gets_no_event(void) {
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    for (uint64_t i = 0; i < 10; i++) send_text(&two, i, 10);
    if (!wait_datagrams(&two, 1)) return;
    two.b->net->close(two.b, two.socket_b);
    size_t before = contract.count;
    for (uint64_t i = 0; i < 10; i++) send_text(&two, i, 10);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract.count, before);
    contract_end();
}

void a_new_owner_is_in_later_datagrams(void) {
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    CHECK_EQ_INT(send_text(&two, 0, 10), WEFT_OK);
    if (!wait_datagrams(&two, 1)) return;
    two.b->net->own(two.b, two.socket_b, 77);
    CHECK_EQ_INT(send_text(&two, 0, 10), WEFT_OK);
    if (!wait_datagrams(&two, 2)) return;
    CHECK_EQ_UINT(contract_find(CONTRACT_B, two.socket_b, WEFT_EVENT_DATAGRAM, 0)->owner, 2);
    CHECK_EQ_UINT(contract_find(CONTRACT_B, two.socket_b, WEFT_EVENT_DATAGRAM, 1)->owner, 77);
    contract_end();
}

void a_closed_port_can_be_bound_again(void) {
    struct two two;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    uint16_t port = two.addr_b.port;
    two.b->net->close(two.b, two.socket_b);
    CHECK_EQ_INT(two.b->net->datagram_open(two.b, &two.addr_b, 4, &two.socket_b), WEFT_OK);
    CHECK_EQ_INT(two.addr_b.port, port);
    CHECK_EQ_INT(send_text(&two, 0, 10), WEFT_OK);
    if (wait_datagrams(&two, 1)) got_text(&two, 0, 0, 10);
    contract_end();
}

void socket_numbers_are_not_reused(void) {
    struct two two;
    weft_socket seen[50];
    bool fresh = true;
    if (!open_two(&two, WEFT_FAMILY_V4)) return;
    for (size_t i = 0; i < 50; i++) {
        struct weft_addr addr = contract_addr(CONTRACT_A, WEFT_FAMILY_V4);
        CHECK_EQ_INT(two.a->net->datagram_open(two.a, &addr, 1, &seen[i]), WEFT_OK);
        two.a->net->close(two.a, seen[i]);
        for (size_t k = 0; k < i; k++) fresh = fresh && seen[i] != seen[k];
        fresh = fresh && seen[i] != two.socket_a && seen[i] != WEFT_SOCKET_NONE;
    }
    CHECK(fresh);
    contract_end();
}
