/* Random packets, operations and time against one machine. The input is a script: a byte says what
 * happens, the bytes after it with what. Whatever it says, invariants hold and nothing leaks. */
#include "core/base/error.h"
#include "core/base/rand.h"
#include "core/dht/internal.h"

#include <stdlib.h>
#include <string.h>

#define QUERIES_MAX 64

struct script {
    const uint8_t *at;
    size_t left;
};

struct bench {
    struct weft_mem_heap heap;
    struct weft_dht *dht;
    weft_time now;
    size_t started, ended;
    /* The last queries the machine sent, to be answered well or badly. */
    struct weft_addr to[QUERIES_MAX];
    unsigned char tid[QUERIES_MAX][DHT_TID_SIZE];
    size_t queries;
};

static void require(bool held) {
    if (!held) abort();
}

static uint8_t take(struct script *script) {
    if (script->left == 0) return 0;
    script->left--;
    return *script->at++;
}

static struct weft_addr addr_of(uint8_t number) {
    static const unsigned char six[16] = {0xfd, 1};
    if (number < 200) return weft_addr_v4(10, 0, 0, number, 6881);
    return number < 250 ? weft_addr_v6(six, number) : weft_addr_v4(127, 0, 0, 1, 0);
}

static weft_id id_of(uint8_t number) {
    weft_id id = {{0}};
    id.bytes[(number >> 4) & 3] = (unsigned char)(0x80u >> (number & 7));
    id.bytes[19] = number;
    return id;
}

static void on_send(void *ctx, const struct weft_addr *to, struct weft_bytes data) {
    struct bench *bench = ctx;
    struct weft_krpc msg;
    require(data.size <= WEFT_KRPC_SIZE_MAX);
    require(weft_krpc_decode(data, &msg) == WEFT_OK); /* we send nothing we would refuse */
    if (msg.type != WEFT_KRPC_QUERY) return;
    size_t slot = bench->queries++ % QUERIES_MAX;
    bench->to[slot] = *to;
    memcpy(bench->tid[slot], msg.tid.data, DHT_TID_SIZE);
}

static void on_done(void *ctx, const struct weft_dht_result *result) {
    struct bench *bench = ctx;
    bench->ended++;
    require(result->closest_count <= 2 * WEFT_DHT_K_MAX);
    require(result->peers_count <= WEFT_DHT_RESULT_VALUES_MAX);
}

static void on_fact(void *ctx, enum weft_trace_kind kind, const uint64_t *numbers, size_t count,
                    struct weft_bytes bytes) {
    (void)ctx;
    (void)numbers;
    require(kind < WEFT_TRACE_KIND_COUNT);
    require(count <= WEFT_TRACE_NUMBERS);
    require(bytes.size <= 4096);
}

static void check(const struct bench *bench) {
    struct weft_dht_stats stats;
    const struct weft_dht_config *config = bench->dht->config;
    weft_dht_stats(bench->dht, &stats);
    require(weft_dht_next_at(bench->dht) > bench->now);
    require(stats.pending <= config->pending_max);
    require(stats.lookups <= WEFT_DHT_LOOKUPS_MAX);
    require(stats.keys <= config->keys_max);
    require(stats.sources <= config->sources_max);
    uint32_t contacts = 0, cached = 0;
    for (size_t t = 0; t < 2; t++) {
        const struct weft_dht__table *table = &bench->dht->tables[t];
        for (uint32_t b = 0; b < table->bucket_count; b++) {
            require(table->buckets[b].count <= config->k);
            require(table->buckets[b].cached <= weft_dht__cache_max(bench->dht));
            contacts += table->buckets[b].count;
            cached += table->buckets[b].cached;
        }
    }
    require(contacts == stats.contacts4 + stats.contacts6);
    require(cached <= stats.candidates);
}

static int step(struct bench *bench, struct weft_dht_event event) {
    const struct weft_dht_sink sink = {bench, on_send, on_done, on_fact};
    event.now = bench->now;
    int result = weft_dht_step(bench->dht, &event, &sink);
    check(bench);
    return result;
}

static void receive(struct bench *bench, const struct weft_addr *from, struct weft_bytes data) {
    (void)step(bench,
               (struct weft_dht_event){.kind = WEFT_DHT_RECEIVE, .addr = *from, .data = data});
}

/* Raw bytes of the script, as a packet. */
static void do_raw(struct bench *bench, struct script *script) {
    struct weft_addr from = addr_of(take(script));
    size_t size = take(script) * 4u;
    if (size > script->left) size = script->left;
    receive(bench, &from, weft_bytes(script->at, size));
    script->at += size;
    script->left -= size;
}

static void do_query(struct bench *bench, struct script *script) {
    unsigned char packet[WEFT_KRPC_RECEIVE_MAX], token[DHT_TOKEN_SIZE];
    size_t size = 0;
    struct weft_addr from = addr_of(take(script));
    weft_id id = id_of(take(script)), target = id_of(take(script));
    uint8_t options = take(script);
    if (weft_addr_ip_size(&from) > 0) weft_dht__token_make(bench->dht, &from, token);
    if (options & 0x40) token[0] ^= 1;
    struct weft_krpc msg = {.type = WEFT_KRPC_QUERY,
                            .method = (enum weft_krpc_method)(1 + options % 6),
                            .tid = weft_bytes("aa", 2),
                            .id = &id,
                            .target = &target,
                            .token = weft_bytes(token, sizeof token),
                            .port = 1,
                            .implied_port = (options & 0x20) != 0,
                            .read_only = (options & 0x80) != 0,
                            .want = options % 4u};
    const char *values[] = {"1:a", "i7e", "l1:be", "d1:ai1ee"};
    if (msg.method == WEFT_KRPC_PUT) msg.value = weft_bytes_text(values[target.bytes[19] % 4]);
    require(weft_krpc_encode(&msg, NULL, packet, sizeof packet, &size) == WEFT_OK);
    receive(bench, &from, weft_bytes(packet, size));
}

/* Answer one of the machine's queries, perhaps from the wrong place. */
static void do_reply(struct bench *bench, struct script *script) {
    unsigned char packet[WEFT_KRPC_RECEIVE_MAX], nodes[16 * WEFT_COMPACT_NODE4_SIZE];
    size_t size = 0, nodes_size = 0;
    if (bench->queries == 0) return;
    size_t slot = take(script) % (bench->queries < QUERIES_MAX ? bench->queries : QUERIES_MAX);
    weft_id id = id_of(take(script));
    uint8_t options = take(script);
    for (unsigned i = 0; i < options % 16u; i++) {
        uint8_t number = take(script);
        weft_id named = id_of(number);
        struct weft_addr addr = weft_addr_v4(10, 0, 0, number, 6881);
        nodes_size += weft_compact_node_write(&named, &addr, nodes + nodes_size);
    }
    const unsigned char peers[12] = {1, 2, 3, 4, 0, options, 5, 6, 7, 8, 1, options};
    const struct weft_krpc_peers packed = {peers, 6, 2};
    struct weft_krpc msg = {.type = options & 0x10 ? WEFT_KRPC_ERROR : WEFT_KRPC_RESPONSE,
                            .tid = weft_bytes(bench->tid[slot], DHT_TID_SIZE),
                            .id = options & 0x10 ? NULL : &id,
                            .token = weft_bytes("token", 5),
                            .nodes = weft_bytes(nodes, nodes_size),
                            .error_code = 201};
    if (options & 0x20) msg.value = weft_bytes_text("1:a");
    require(weft_krpc_encode(&msg, options & 0x40 ? &packed : NULL, packet, sizeof packet, &size) ==
            WEFT_OK);
    struct weft_addr from = options & 0x80 ? addr_of(options) : bench->to[slot];
    receive(bench, &from, weft_bytes(packet, size));
}

static void do_operation(struct bench *bench, struct script *script) {
    uint8_t kind = take(script) % 7;
    struct weft_dht_event event = {.kind = (enum weft_dht_event_kind)(WEFT_DHT_ADD + kind),
                                   .op = bench->started + 1};
    uint8_t number = take(script);
    event.addr = addr_of(number);
    event.target = id_of(number);
    event.port = number;
    event.repeat = (number & 1) != 0;
    event.data = weft_bytes_text(number & 2 ? "1:a" : "not bencode");
    if (event.kind != WEFT_DHT_ADD && event.kind != WEFT_DHT_WITHDRAW) bench->started++;
    (void)step(bench, event);
}

static void do_time(struct bench *bench, struct script *script) {
    static const weft_duration spans[] = {WEFT_MS(1), WEFT_MS(100), WEFT_S(2), WEFT_S(30),
                                          WEFT_MIN(20)};
    weft_time until = bench->now + spans[take(script) % 5];
    for (int i = 0; i < 10000 && weft_dht_next_at(bench->dht) <= until; i++) {
        bench->now = weft_dht_next_at(bench->dht);
        (void)step(bench, (struct weft_dht_event){.kind = WEFT_DHT_TIMER});
    }
    bench->now = weft_time_max(bench->now, until);
}

static void do_save(struct bench *bench) {
    static unsigned char saved[256 * 1024];
    weft_id id;
    size_t size = weft_dht_save(bench->dht, saved, sizeof saved);
    require(size <= sizeof saved);
    require(weft_dht_saved_id(weft_bytes(saved, size), &id) == WEFT_OK);
    require(weft_dht_load(bench->dht, weft_bytes(saved, size), bench->now) == WEFT_OK);
    if (weft_dht_next_at(bench->dht) <= bench->now) {
        (void)step(bench, (struct weft_dht_event){.kind = WEFT_DHT_TIMER});
    }
}

static void do_one(struct bench *bench, struct script *script) {
    switch (take(script) % 8) {
    case 0:
        do_raw(bench, script);
        return;
    case 1:
    case 2:
        do_query(bench, script);
        return;
    case 3:
    case 4:
        do_reply(bench, script);
        return;
    case 5:
        do_operation(bench, script);
        return;
    case 6:
        do_time(bench, script);
        return;
    default:
        do_save(bench);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script script = {data, size};
    struct bench bench = {.now = WEFT_S(1)};
    uint8_t options = take(&script);
    const struct weft_dht_config config = {.k = options % 9u,
                                           .v4 = true,
                                           .v6 = (options & 0x10) != 0,
                                           .read_only = (options & 0x60) == 0x60,
                                           .pending_max = options & 0x80 ? 4 : 0,
                                           .keys_max = 6,
                                           .peers_max = 3,
                                           .sources_max = 8};
    const weft_id own = {{0}};
    weft_mem_heap_init(&bench.heap, (size_t)take(&script) * 128);
    if (weft_dht_new(&config, &own, 7, bench.now, &bench.heap.base, &bench.dht) != WEFT_OK)
        return 0;
    while (script.left > 0) do_one(&bench, &script);
    require(bench.ended <= bench.started);
    const uint8_t two_seconds[] = {2};
    for (int i = 0; i < 200 && bench.ended < bench.started; i++) {
        struct script wait = {two_seconds, 1};
        do_time(&bench, &wait);
    }
    require(bench.ended == bench.started); /* each operation ends, once */
    weft_dht_free(bench.dht);
    require(bench.heap.bytes == 0 && bench.heap.blocks == 0);
    return 0;
}
