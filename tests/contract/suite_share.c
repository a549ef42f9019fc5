/* Claims about ports that the schedulers of a node share. */
#include "tests/contract/contract.h"

#define PEERS 96

struct shared {
    struct weft_addr addr;
    weft_socket of_b, of_sibling;
};

static struct weft_env *sibling(void) { return contract_world->sibling(contract.world); }

/* B and its other scheduler listen on one port. */
static bool listen_both(struct shared *shared) {
    if (!contract_begin()) return false;
    struct weft_env *b = contract_env(CONTRACT_B);
    shared->addr = contract_addr(CONTRACT_B, WEFT_FAMILY_V4);
    CHECK_EQ_INT(b->net->stream_listen(b, &shared->addr, PEERS, 20, &shared->of_b), WEFT_OK);
    CHECK(shared->addr.port != 0);
    struct weft_env *other = sibling();
    struct weft_addr addr = shared->addr;
    CHECK_EQ_INT(
        other->net->stream_listen(other, &addr, PEERS, CONTRACT_SIBLING + 21, &shared->of_sibling),
        WEFT_OK);
    CHECK_EQ_UINT(addr.port, shared->addr.port);
    return true;
}

static size_t events_of(uint64_t owner, enum weft_event_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < contract.count; i++) {
        const struct contract_record *record = &contract.records[i];
        if (record->event.kind == kind && record->event.owner == owner) count++;
    }
    return count;
}

static bool all_accepted(void *arg) {
    size_t *count = arg;
    return events_of(20, WEFT_EVENT_ACCEPTED) +
               events_of(CONTRACT_SIBLING + 21, WEFT_EVENT_ACCEPTED) ==
           *count;
}

/* So many more streams from A. */
static void connect_to(const struct shared *shared, size_t count) {
    struct weft_env *a = contract_env(CONTRACT_A);
    size_t wanted = events_of(20, WEFT_EVENT_ACCEPTED) +
                    events_of(CONTRACT_SIBLING + 21, WEFT_EVENT_ACCEPTED) + count;
    for (size_t i = 0; i < count; i++) {
        weft_socket socket;
        CHECK_EQ_INT(a->net->stream_connect(a, &shared->addr, 10, &socket), WEFT_OK);
    }
    CHECK(contract_world->pump(contract.world, all_accepted, &wanted, CONTRACT_LIMIT));
}

void streams_spread_over_the_schedulers_of_a_node(void) {
    struct shared shared;
    if (!listen_both(&shared)) return;
    connect_to(&shared, PEERS);
    size_t mine = events_of(20, WEFT_EVENT_ACCEPTED);
    CHECK(mine > PEERS / 6);
    CHECK(mine < PEERS - PEERS / 6);
    contract_end();
}

void streams_go_to_the_listener_that_is_left(void) {
    struct shared shared;
    if (!listen_both(&shared)) return;
    struct weft_env *b = contract_env(CONTRACT_B);
    b->net->close(b, shared.of_b);
    connect_to(&shared, 12);
    CHECK_EQ_UINT(events_of(20, WEFT_EVENT_ACCEPTED), 0);
    /* and the port is that scheduler's again when it wants it */
    CHECK_EQ_INT(b->net->stream_listen(b, &shared.addr, PEERS, 20, &shared.of_b), WEFT_OK);
    connect_to(&shared, PEERS);
    CHECK(events_of(20, WEFT_EVENT_ACCEPTED) > PEERS / 6);
    contract_end();
}

void a_scheduler_has_a_port_once(void) {
    struct shared shared;
    weft_socket socket;
    if (!listen_both(&shared)) return;
    struct weft_env *b = contract_env(CONTRACT_B), *other = sibling();
    CHECK_EQ_INT(b->net->stream_listen(b, &shared.addr, 1, 22, &socket), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(other->net->stream_listen(other, &shared.addr, 1, CONTRACT_SIBLING + 22, &socket),
                 WEFT_ERR_IN_USE);
    contract_end();
}

static bool all_arrived(void *arg) {
    size_t *count = arg;
    return contract.count >= *count;
}

void datagrams_spread_and_those_of_a_peer_stay_together(void) {
    if (!contract_begin()) return;
    struct weft_env *a = contract_env(CONTRACT_A), *b = contract_env(CONTRACT_B);
    struct weft_env *other = sibling();
    struct weft_addr addr = contract_addr(CONTRACT_B, WEFT_FAMILY_V4);
    weft_socket socket;
    CHECK_EQ_INT(b->net->datagram_open(b, &addr, 20, &socket), WEFT_OK);
    CHECK_EQ_INT(other->net->datagram_open(other, &addr, CONTRACT_SIBLING + 21, &socket), WEFT_OK);
    for (unsigned char i = 0; i < PEERS; i++) {
        struct weft_addr from = contract_addr(CONTRACT_A, WEFT_FAMILY_V4);
        CHECK_EQ_INT(a->net->datagram_open(a, &from, 10, &socket), WEFT_OK);
        for (int k = 0; k < 2; k++)
            CHECK_EQ_INT(a->net->datagram_send(a, socket, &addr, &i, 1), WEFT_OK);
    }
    size_t wanted = 2 * PEERS;
    CHECK(contract_world->pump(contract.world, all_arrived, &wanted, CONTRACT_LIMIT));
    uint64_t owner_of[PEERS] = {0};
    for (size_t i = 0; i < contract.count; i++) {
        const struct weft_event *event = &contract.records[i].event;
        uint64_t *owner = &owner_of[*(const unsigned char *)event->data];
        if (*owner == 0) *owner = event->owner;
        CHECK_EQ_UINT(*owner, event->owner);
    }
    size_t mine = events_of(20, WEFT_EVENT_DATAGRAM) / 2;
    CHECK(mine > PEERS / 6);
    CHECK(mine < PEERS - PEERS / 6);
    contract_end();
}
