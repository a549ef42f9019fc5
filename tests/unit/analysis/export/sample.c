#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/analysis/export/sample.h"

#include "core/base/addr.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ERR(name) (uint64_t)(int64_t) WEFT_ERR_##name
#define NONE WEFT_TRACE_NODE_NONE
#define ADDR_SIZE sizeof(struct weft_addr)

struct place sample_place(void) {
    struct place place = {"/tmp/weft-export-XXXXXX"};
    int fd = mkstemp(place.path);
    CHECK(fd >= 0);
    close(fd);
    return place;
}

static struct weft_addr addr_of(uint32_t node) {
    if (node == 3) {
        unsigned char ip[16] = {0x20, 0x01, 0x0d, 0xb8};
        ip[15] = 4;
        return weft_addr_v6(ip, 6881);
    }
    return weft_addr_v4(10, 0, 0, (unsigned char)(node + 1), 6881);
}

struct story {
    struct ana_trace_writer *writer;
    weft_time at;
};

static void tell(struct story *story, struct weft_trace_event event) {
    event.at = story->at;
    ana_trace_write(story->writer, &event);
}

static void tell_text(struct story *story, struct weft_trace_event event, const char *text) {
    event.bytes = weft_bytes_text(text);
    tell(story, event);
}

static void id_of(uint32_t node, unsigned char id[20]) {
    for (int i = 0; i < 20; i++) id[i] = (unsigned char)(node * 16 + (uint32_t)i);
}

static void tell_id(struct story *story, struct weft_trace_event event, uint32_t of) {
    unsigned char id[20];
    id_of(of, id);
    event.bytes = weft_bytes(id, sizeof id);
    tell(story, event);
}

static void tell_addr(struct story *story, struct weft_trace_event event, uint32_t of) {
    struct weft_addr addr = addr_of(of);
    event.bytes = weft_bytes(&addr, sizeof addr);
    tell(story, event);
}

/* packet.sent and packet.data of a KRPC message. */
static void send(struct story *story, uint32_t from, uint32_t to, uint64_t packet,
                 const char *payload) {
    unsigned char data[512];
    size_t size = strlen(payload);
    struct weft_addr ends[2] = {addr_of(from), addr_of(to)};
    memcpy(data, ends, sizeof ends);
    memcpy(data + sizeof ends, payload, size);
    tell(story, (struct weft_trace_event){
                    .node = from, .kind = WEFT_TRACE_PACKET_SENT, .number = {to, size, packet}});
    tell(story, (struct weft_trace_event){.node = from,
                                          .kind = WEFT_TRACE_PACKET_DATA,
                                          .number = {packet, to},
                                          .bytes = weft_bytes(data, sizeof ends + size)});
}

#define PING "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
#define PONG "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"
#define EVENT(node_, KIND, ...)                                                                    \
    ((struct weft_trace_event){.node = (node_), .kind = WEFT_TRACE_##KIND, .number = {__VA_ARGS__}})

static void boot(struct story *story, uint32_t node, uint64_t life) {
    tell_addr(story, EVENT(node, NODE_UP, life), node);
    tell_text(story, EVENT(node, PROC_START, 0x1000000, 0, 1), "root");
    tell(story, EVENT(node, SUP_UP, 0x1000000, 0, 10, (uint64_t)WEFT_S(10), 0));
    tell_text(story, EVENT(node, PROC_START, 0x1000001 + life, 0x1000000, 1), "dht");
    tell_id(story, EVENT(node, DHT_UP, 0, life > 1, 8), node);
}

static void contact(struct story *story, uint32_t node, bool on, uint32_t peer) {
    tell_id(story, EVENT(node, DHT_CONTACT, on), peer);
}

static void everybody_joins(struct story *story) {
    for (uint32_t node = 0; node < 4; node++) boot(story, node, 1);
    story->at = WEFT_MS(100);
    send(story, 0, 1, 1, PING);
    story->at = WEFT_MS(120) + 345;
    tell(story, EVENT(1, PACKET_RECEIVED, 0, strlen(PING), 1));
    contact(story, 1, true, 0);
    send(story, 1, 0, 1, PONG);
    story->at = WEFT_MS(140);
    tell(story, EVENT(0, PACKET_RECEIVED, 1, strlen(PONG), 1));
    contact(story, 0, true, 1);
    contact(story, 0, true, 2);
    contact(story, 2, true, 0);
    contact(story, 2, true, 3);
    contact(story, 2, true, 9); /* nobody that the trace knows */
    for (uint32_t node = 0; node < 3; node++) tell(story, EVENT(node, DHT_JOINED, 140000000, 2));
    tell(story, EVENT(NONE, RUN_SAMPLE, 4, 8, 3, 17, 4096, 99));
    tell(story, EVENT(0, NODE_SAMPLE, 2, 1, 4, 1024));
}

static void users_ask(struct story *story) {
    unsigned char ids[40];
    id_of(7, ids);
    id_of(1, ids + 20);
    story->at = WEFT_S(1);
    tell_id(story, EVENT(0, WORK_ASKED, 0, 2, 5), 7);
    tell_id(story, EVENT(0, LOOKUP_START, 5, WEFT_LOOKUP_VALUE), 7);
    send(story, 0, 1, 2, PING);
    story->at = WEFT_S(1) + WEFT_MS(30);
    tell(story, EVENT(1, PACKET_RECEIVED, 0, strlen(PING), 2));
    story->at = WEFT_S(1) + WEFT_MS(40);
    tell(story, EVENT(1, PACKET_RECEIVED, 0, strlen(PING), 2)); /* a copy */
    story->at = WEFT_S(1) + WEFT_MS(60);
    struct weft_trace_event done =
        EVENT(0, LOOKUP_DONE, 5, WEFT_LOOKUP_VALUE, WEFT_OK, 1, 3, 2, 1, (uint64_t)WEFT_MS(60));
    done.bytes = weft_bytes(ids, sizeof ids);
    tell(story, done);
    tell_id(story, EVENT(0, STORE_DONE, 5, WEFT_STORE_VALUE, WEFT_OK, 2, (uint64_t)WEFT_MS(60)), 7);
    tell_id(story, EVENT(0, WORK_DONE, 0, 2, 5, WEFT_OK, (uint64_t)WEFT_MS(60)), 7);
}

static void a_partition(struct story *story) {
    story->at = WEFT_S(2);
    tell_text(story, EVENT(NONE, FAULT_ON, 3, 1, 0), "partition 50%|50%");
    for (uint32_t node = 0; node < 4; node++) tell(story, EVENT(node, FAULT_SIDE, 3, 0, node / 2));
    send(story, 0, 2, 3, PING);
    story->at = WEFT_S(2) + WEFT_MS(1);
    tell(story, EVENT(0, PACKET_LOST, 2, strlen(PING), 3, 2));
    tell(story, EVENT(0, FAULT_BIT, 3, 1, 0));
    send(story, 3, 2, 1, PONG);
    story->at = WEFT_S(2) + WEFT_MS(2);
    tell(story, EVENT(3, PACKET_LOST, 2, strlen(PONG), 1, 77)); /* a cause of another build */
    story->at = WEFT_S(3);
    tell_text(story, EVENT(NONE, FAULT_ON, 4, 3, 1), "crash \"quoted\" \\back\n\xff end");
    tell_id(story, EVENT(1, LOOKUP_START, 9, WEFT_LOOKUP_NODES), 3);
    tell(story, EVENT(1, NODE_DOWN, 1, 0, WEFT_NODE_CRASHED));
    tell(story, EVENT(NONE, FAULT_OFF, 3, 1, 0));
    story->at = WEFT_S(3) + WEFT_MS(500);
    boot(story, 1, 2);
    tell(story, EVENT(NONE, FAULT_OFF, 4, 3, 1));
}

static void the_end(struct story *story) {
    story->at = WEFT_S(4);
    tell_text(story, EVENT(2, PROC_EXIT, 0x1000002, 6, 0, 1), "assert x > 0 \"y\"\ttab");
    tell(story, EVENT(2, SUP_RESTART, 0x1000000, 0, 1));
    tell_text(story, EVENT(2, PROC_START, 0x1000009, 0x1000000, 1), "dht");
    tell_text(story, EVENT(2, LOG, WEFT_LOG_WARN),
              "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x90 \xc3 {\"a\":1} \x01 \x7f");
    tell_id(story, EVENT(3, WORK_ASKED, 1, 3, 6), 7);
    send(story, 3, 0, 2, PING); /* nobody hears of it again */
    tell_text(story, EVENT(2, CHECK_FAILED, 1), "table holds 1 of 2");
    story->at = WEFT_S(5);
    tell_text(story, EVENT(NONE, RUN_FAULT, 3, 1, 1, 1, 12), "partition");
    tell_text(story, EVENT(NONE, RUN_CHECK, 1, 9, 1, 20), "tables");
    tell_text(story, EVENT(NONE, RUN_END, 0, 123, 0x490398c97aee4784, 0xc167b6d18a646107, 4),
              "weft run sample.yaml --seed 7");
}

void sample_write(const char *path) {
    struct story story = {NULL, 0};
    CHECK_EQ_INT(
        ana_trace_create(path, "scenario=sample\nseed=7\nbuild=test\nnodes=4\n", &story.writer),
        WEFT_OK);
    everybody_joins(&story);
    users_ask(&story);
    a_partition(&story);
    the_end(&story);
    CHECK_EQ_INT(ana_trace_close(story.writer), WEFT_OK);
}

void sample_write_events(const char *path, const struct weft_trace_event *events, size_t count) {
    struct ana_trace_writer *writer = NULL;
    CHECK_EQ_INT(ana_trace_create(path, "scenario=sample\nseed=7\n", &writer), WEFT_OK);
    for (size_t i = 0; i < count; i++) ana_trace_write(writer, &events[i]);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

char *sample_read(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*size + 1);
    CHECK(data != NULL);
    CHECK_EQ_UINT(fread(data, 1, *size, file), *size);
    data[*size] = '\0';
    fclose(file);
    return data;
}

static void write_golden(const char *golden, const char *data, size_t size) {
    FILE *file = fopen(golden, "wb");
    CHECK(file != NULL);
    CHECK_EQ_UINT(fwrite(data, 1, size, file), size);
    fclose(file);
}

bool sample_is_golden(const char *path, const char *name) {
    char golden[512];
    size_t size = 0, golden_size = 0;
    snprintf(golden, sizeof golden, "%s/tests/unit/analysis/export/golden/%s", test_source_folder(),
             name);
    char *data = sample_read(path, &size);
    if (getenv("WEFT_GOLDEN") != NULL) write_golden(golden, data, size);
    char *expected = sample_read(golden, &golden_size);
    bool same = data != NULL && expected != NULL && size == golden_size &&
                memcmp(data, expected, size) == 0;
    if (!same) printf("%s is not %s\n", path, golden);
    free(data);
    free(expected);
    return same;
}
