/* Claims about the bytes of streams: order, back-pressure, and what is told about them. */
#include "tests/contract/contract.h"

enum { MEGABYTE = 1 << 20, WRITTEN_MAX = 256 << 20 };

/* Bytes of the text on their way from one end to the other. */
struct flow {
    int from, to;
    weft_socket source, sink;
    uint64_t written, read, least; /* write at least so much, and until there was an AGAIN */
    unsigned agains;
    uint64_t start; /* in the text */
    bool wrong;
};

/* Sizes that divide nothing. */
static size_t odd_size(uint64_t n) {
    static const size_t sizes[] = {1, 7, 333, 4093, 16385, 65521, 2, 1449};
    return sizes[n % 8];
}

static bool writes_all(const struct flow *flow) {
    return flow->written >= flow->least && (flow->agains > 0 || flow->least == 0);
}

/* Write until AGAIN or done. True: something moved. */
static bool push(struct flow *flow) {
    static unsigned char data[65536];
    struct weft_env *env = contract_env(flow->from);
    uint64_t before = flow->written, agains = flow->agains;
    while (flow->agains == agains && !writes_all(flow) && flow->written < WRITTEN_MAX) {
        size_t size = odd_size(flow->written);
        contract_fill(data, flow->start + flow->written, size);
        int64_t put = env->net->stream_write(env, flow->source, data, size);
        if (put == WEFT_ERR_AGAIN) flow->agains++;
        if (put != WEFT_ERR_AGAIN && (put <= 0 || put > (int64_t)size)) flow->wrong = true;
        if (flow->wrong) return false;
        if (put > 0) flow->written += (uint64_t)put;
    }
    return flow->written > before;
}

/* Read until AGAIN. True: something moved. */
static bool pull(struct flow *flow) {
    static unsigned char data[65536];
    struct weft_env *env = contract_env(flow->to);
    uint64_t before = flow->read;
    for (;;) {
        int64_t got = env->net->stream_read(env, flow->sink, data, odd_size(flow->read / 3 + 1));
        if (got == WEFT_ERR_AGAIN) return flow->read > before;
        if (got <= 0) flow->wrong = true;
        for (int64_t i = 0; i < got; i++) {
            uint64_t at = flow->start + flow->read + (uint64_t)i;
            if (data[i] != contract_byte(at)) flow->wrong = true;
        }
        if (flow->wrong) return false;
        flow->read += (uint64_t)got;
    }
}

static bool arrived(const struct flow *flow) {
    return writes_all(flow) && flow->read == flow->written;
}

/* Both at once, until both arrived. */
static bool flow_both(struct flow *one, struct flow *two) {
    while (!arrived(one) || !arrived(two)) {
        size_t seen = contract.count;
        bool moved = push(one);
        moved = push(two) || moved;
        moved = pull(one) || moved;
        moved = pull(two) || moved;
        if (!CHECK(!one->wrong) || !CHECK(!two->wrong)) return false;
        if (moved || (arrived(one) && arrived(two))) continue;
        if (!CHECK(contract_wait_any(seen))) return false;
    }
    return true;
}

static bool begin_connected(struct contract_pair *pair) {
    return contract_begin() && contract_connect(pair, WEFT_FAMILY_V4);
}

static struct flow flow_of(const struct contract_pair *pair, int from, uint64_t least) {
    struct flow flow = {.from = from, .to = from == CONTRACT_A ? CONTRACT_B : CONTRACT_A};
    flow.source = from == CONTRACT_A ? pair->a : pair->b;
    flow.sink = from == CONTRACT_A ? pair->b : pair->a;
    flow.start = from == CONTRACT_A ? 0 : 1000000007;
    flow.least = least;
    return flow;
}

void a_megabyte_passes_through_back_pressure_unchanged(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    struct flow flow = flow_of(&pair, CONTRACT_A, MEGABYTE);
    struct flow none = flow_of(&pair, CONTRACT_B, 0);
    if (flow_both(&flow, &none)) {
        CHECK(flow.agains > 0);
        CHECK(flow.read >= MEGABYTE);
        CHECK_EQ_UINT(flow.read, flow.written);
    }
    contract_end();
}

void both_directions_carry_bytes_at_once(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    struct flow there = flow_of(&pair, CONTRACT_A, MEGABYTE);
    struct flow back = flow_of(&pair, CONTRACT_B, MEGABYTE);
    if (flow_both(&there, &back)) {
        CHECK_EQ_UINT(there.read, there.written);
        CHECK_EQ_UINT(back.read, back.written);
    }
    contract_end();
}

void writable_comes_after_again_only(void) {
    struct contract_pair pair;
    unsigned char byte;
    if (!begin_connected(&pair)) return;
    struct weft_env *a = contract_env(CONTRACT_A);
    CHECK_EQ_INT(a->net->stream_write(a, pair.a, "x", 1), 1);
    CHECK(contract_read_all(CONTRACT_B, pair.b, &byte, 1));
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract_count(CONTRACT_A, pair.a, WEFT_EVENT_WRITABLE), 0);

    struct flow flow = flow_of(&pair, CONTRACT_A, 1);
    push(&flow);
    contract_pass(CONTRACT_QUIET); /* what fits in between has moved on: perhaps there is room */
    for (unsigned told = 0; contract_count(CONTRACT_A, pair.a, WEFT_EVENT_WRITABLE) > told;
         told++) {
        flow.agains = 0;
        push(&flow);
        contract_pass(CONTRACT_QUIET);
    }
    size_t told = contract_count(CONTRACT_A, pair.a, WEFT_EVENT_WRITABLE);
    while (flow.read < flow.written) {
        size_t seen = contract.count;
        if (!pull(&flow) && !CHECK(contract_wait_any(seen))) break;
    }
    CHECK(!flow.wrong);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract_count(CONTRACT_A, pair.a, WEFT_EVENT_WRITABLE), told + 1);

    /* Something else happening is no reason to tell it again. */
    struct weft_env *b = contract_env(CONTRACT_B);
    CHECK_EQ_INT(b->net->stream_write(b, pair.b, "x", 1), 1);
    CHECK(contract_wait(CONTRACT_A, pair.a, WEFT_EVENT_READABLE, 1));
    CHECK_EQ_UINT(contract_count(CONTRACT_A, pair.a, WEFT_EVENT_WRITABLE), told + 1);
    contract_end();
}

void reading_nothing_says_again_and_readable_follows(void) {
    struct contract_pair pair;
    char data[16];
    if (!begin_connected(&pair)) return;
    struct weft_env *a = contract_env(CONTRACT_A), *b = contract_env(CONTRACT_B);
    CHECK_EQ_INT(b->net->stream_read(b, pair.b, data, sizeof data), WEFT_ERR_AGAIN);
    for (size_t i = 1; i <= 5; i++) {
        CHECK_EQ_INT(a->net->stream_write(a, pair.a, "hello", 5), 5);
        REQUIRE(contract_wait(CONTRACT_B, pair.b, WEFT_EVENT_READABLE, i));
        CHECK_EQ_INT(b->net->stream_read(b, pair.b, data, sizeof data), 5);
        CHECK_EQ_BYTES(data, "hello", 5);
        CHECK_EQ_INT(b->net->stream_read(b, pair.b, data, sizeof data), WEFT_ERR_AGAIN);
    }
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract_count(CONTRACT_B, pair.b, WEFT_EVENT_READABLE), 5);
    contract_end();
}

void readable_is_told_once(void) {
    struct contract_pair pair;
    unsigned char data[20];
    if (!begin_connected(&pair)) return;
    struct weft_env *a = contract_env(CONTRACT_A);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(a->net->stream_write(a, pair.a, "hello", 5), 5);
        contract_pass(CONTRACT_QUIET);
    }
    CHECK_EQ_UINT(contract_count(CONTRACT_B, pair.b, WEFT_EVENT_READABLE), 1);
    CHECK(contract_read_all(CONTRACT_B, pair.b, data, 20));
    CHECK_EQ_BYTES(data, "hellohellohellohello", 20);
    contract_end();
}

void many_streams_do_not_mix(void) {
    enum { COUNT = 20 };
    struct contract_pair pair[COUNT];
    if (!contract_begin()) return;
    for (size_t i = 0; i < COUNT; i++) {
        if (!contract_connect(&pair[i], WEFT_FAMILY_V4)) return;
    }
    struct weft_env *a = contract_env(CONTRACT_A);
    for (size_t i = 0; i < COUNT; i++) {
        unsigned char data[64];
        contract_fill(data, i * 1000, sizeof data);
        CHECK_EQ_INT(a->net->stream_write(a, pair[i].a, data, sizeof data), 64);
    }
    for (size_t i = COUNT; i-- > 0;) {
        unsigned char data[64], wanted[64];
        contract_fill(wanted, i * 1000, sizeof wanted);
        if (!contract_read_all(CONTRACT_B, pair[i].b, data, sizeof data)) return;
        CHECK_EQ_BYTES(data, wanted, sizeof data);
    }
    contract_end();
}
