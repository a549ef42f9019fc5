/* What the suites of the contract share: the world, its records, and waiting. */
#include "tests/contract/contract.h"

#include <stdlib.h>

const struct contract_world *contract_world;
struct contract contract;

static void forget(void) {
    for (size_t i = 0; i < contract.count; i++) {
        uintptr_t copy = (uintptr_t)contract.records[i].event.data;
        free((void *)copy);
    }
    contract.count = contract.traced_count = 0;
}

void contract_end(void) {
    if (contract.world != NULL) contract_world->close(contract.world);
    contract.world = NULL;
    forget();
    free(contract.records);
    free(contract.traced);
    contract = (struct contract){.world = NULL};
}

bool contract_begin(void) {
    contract_end();
    contract.world = contract_world->open();
    return CHECK(contract.world != NULL);
}

static void *grow(void *items, size_t count, size_t *size, size_t each) {
    if (count < *size) return items;
    *size = *size == 0 ? 64 : *size * 2;
    items = realloc(items, *size * each);
    if (items == NULL) abort();
    return items;
}

void contract_event(int node, const struct weft_event *event) {
    contract.records =
        grow(contract.records, contract.count, &contract.size, sizeof *contract.records);
    struct contract_record *record = &contract.records[contract.count++];
    *record = (struct contract_record){.event = *event, .node = node};
    record->event.data = NULL;
    if (event->size == 0) return;
    void *copy = malloc(event->size);
    if (copy == NULL) abort();
    memcpy(copy, event->data, event->size);
    record->event.data = copy;
}

void contract_trace(int node, const struct weft_trace_event *event) {
    contract.traced = grow(contract.traced, contract.traced_count, &contract.traced_size,
                           sizeof *contract.traced);
    struct contract_traced *traced = &contract.traced[contract.traced_count++];
    *traced = (struct contract_traced){.event = *event, .node = node};
    size_t size = event->bytes.size < sizeof traced->text ? event->bytes.size : sizeof traced->text;
    if (size > 0) memcpy(traced->text, event->bytes.data, size);
}

struct weft_env *contract_env(int node) {
    return contract_world->env(contract.world, node);
}

struct weft_addr contract_addr(int node, enum weft_family family) {
    return contract_world->addr(contract.world, node, family);
}

void contract_pass(weft_duration duration) {
    contract_world->pump(contract.world, NULL, NULL, duration);
}

const struct weft_event *contract_find(int node, weft_socket socket, enum weft_event_kind kind,
                                       size_t index) {
    for (size_t i = 0; i < contract.count; i++) {
        const struct contract_record *record = &contract.records[i];
        if (record->node != node || record->event.socket != socket) continue;
        if (record->event.kind != kind) continue;
        if (index-- == 0) return &record->event;
    }
    return NULL;
}

size_t contract_count(int node, weft_socket socket, enum weft_event_kind kind) {
    size_t count = 0;
    while (contract_find(node, socket, kind, count) != NULL) count++;
    return count;
}

struct wanted {
    int node;
    weft_socket socket;
    enum weft_event_kind kind;
    size_t count;
};

static bool has_wanted(void *arg) {
    const struct wanted *wanted = arg;
    return contract_find(wanted->node, wanted->socket, wanted->kind, wanted->count - 1) != NULL;
}

bool contract_wait(int node, weft_socket socket, enum weft_event_kind kind, size_t count) {
    struct wanted wanted = {node, socket, kind, count};
    return contract_world->pump(contract.world, has_wanted, &wanted, CONTRACT_LIMIT);
}

bool contract_wait_for(int node, weft_socket socket, enum weft_event_kind kind,
                       weft_duration limit) {
    struct wanted wanted = {node, socket, kind, 1};
    return contract_world->pump(contract.world, has_wanted, &wanted, limit);
}

static bool has_more(void *arg) { return contract.count > *(size_t *)arg; }

bool contract_wait_any(size_t count) {
    return contract_world->pump(contract.world, has_more, &count, CONTRACT_LIMIT);
}

unsigned char contract_byte(uint64_t index) {
    uint64_t x = (index / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 29;
    return (unsigned char)(x >> (index % 8 * 8));
}

void contract_fill(unsigned char *data, uint64_t from, size_t size) {
    for (size_t i = 0; i < size; i++) data[i] = contract_byte(from + i);
}

bool contract_connect(struct contract_pair *pair, enum weft_family family) {
    struct weft_env *a = contract_env(CONTRACT_A), *b = contract_env(CONTRACT_B);
    struct weft_addr addr = contract_addr(CONTRACT_B, family);
    *pair = (struct contract_pair){0, 0, 0};
    if (!CHECK_EQ_INT(b->net->stream_listen(b, &addr, 8, 20, &pair->listener), WEFT_OK))
        return false;
    if (!CHECK_EQ_INT(a->net->stream_connect(a, &addr, 10, &pair->a), WEFT_OK)) return false;
    if (!CHECK(contract_wait(CONTRACT_A, pair->a, WEFT_EVENT_CONNECTED, 1))) return false;
    if (!CHECK(contract_wait(CONTRACT_B, pair->listener, WEFT_EVENT_ACCEPTED, 1))) return false;
    pair->b = contract_find(CONTRACT_B, pair->listener, WEFT_EVENT_ACCEPTED, 0)->accepted;
    return CHECK(pair->b != WEFT_SOCKET_NONE);
}

int64_t contract_read_next(int node, weft_socket socket, void *data, size_t size) {
    struct weft_env *env = contract_env(node);
    size_t told = contract_count(node, socket, WEFT_EVENT_READABLE);
    int64_t rv = env->net->stream_read(env, socket, data, size);
    while (rv == WEFT_ERR_AGAIN) {
        size_t seen = contract.count;
        if (!contract_wait_any(seen)) return rv;
        if (contract_count(node, socket, WEFT_EVENT_READABLE) == told &&
            contract_count(node, socket, WEFT_EVENT_FAILED) == 0) {
            continue;
        }
        told = contract_count(node, socket, WEFT_EVENT_READABLE);
        rv = env->net->stream_read(env, socket, data, size);
    }
    return rv;
}

bool contract_read_all(int node, weft_socket socket, unsigned char *data, size_t size) {
    for (size_t done = 0; done < size;) {
        int64_t got = contract_read_next(node, socket, data + done, size - done);
        if (!CHECK(got > 0)) return false;
        done += (size_t)got;
    }
    return true;
}

int contract_main(int argc, char **argv) {
    static const struct test_case cases[] = {
#define CONTRACT_CASE(claim) TEST(claim),
        CONTRACT_CLAIMS(CONTRACT_CASE)
#undef CONTRACT_CASE
    };
    int rv = test_main(contract_world->name, cases, sizeof cases / sizeof cases[0],
                       (struct test_args){argc, argv});
    contract_end();
    return rv;
}
