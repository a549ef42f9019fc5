#define _GNU_SOURCE
#include "analysis/pcapng.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"
#include "tests/unit/analysis/export/sample.h"

#include <stdlib.h>
#include <unistd.h>

/* RFC 1071, the plain way: over IP's header, or pseudo header and UDP, it is 0xffff with the
 * checksum in place. */
static uint32_t sum_of(const unsigned char *data, size_t size, uint32_t sum) {
    for (size_t i = 0; i < size; i++) sum += (uint32_t)data[i] << (i % 2 == 0 ? 8 : 0);
    while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff);
    return sum;
}

static void checksums_are_right_for_any_payload(void) {
    struct weft_addr v4 = weft_addr_v4(192, 0, 2, 255, 65535), other = weft_addr_v4(0, 0, 0, 0, 0);
    unsigned char wire[ANA__IP_HEADERS_MAX + 300], payload[300];
    for (size_t size = 0; size < sizeof payload; size++) {
        struct weft_bytes bytes = weft_bytes(payload, size);
        for (size_t i = 0; i < size; i++) payload[i] = (unsigned char)(i * size + 255);
        size_t head = ana__ip_headers(wire, &v4, &other, &bytes);
        CHECK_EQ_UINT(head, 28);
        memcpy(wire + head, payload, size);
        CHECK_EQ_UINT(sum_of(wire, 20, 0), 0xffff);
        CHECK_EQ_UINT(sum_of(wire + 20, 8 + size, sum_of(wire + 12, 8, 17 + 8 + (uint32_t)size)),
                      0xffff);
        CHECK(wire[26] != 0 || wire[27] != 0); /* 0 would say that there is none */
    }
}

static void a_checksum_that_comes_to_zero_is_sent_as_ones(void) {
    struct weft_addr from = weft_addr_v4(0, 0, 0, 0, 0), to = from;
    unsigned char wire[ANA__IP_HEADERS_MAX], payload[2];
    uint32_t rest = 0xffff - (17 + 10 + 10); /* protocol, and the size twice */
    payload[0] = (unsigned char)(rest >> 8);
    payload[1] = (unsigned char)rest;
    struct weft_bytes bytes = weft_bytes(payload, 2);
    ana__ip_headers(wire, &from, &to, &bytes);
    CHECK_EQ_UINT(wire[26], 0xff);
    CHECK_EQ_UINT(wire[27], 0xff);
}

static void a_payload_too_large_for_udp_is_cut(void) {
    static unsigned char payload[70000];
    struct weft_addr addr = weft_addr_v4(10, 0, 0, 1, 1);
    unsigned char wire[ANA__IP_HEADERS_MAX];
    struct weft_bytes bytes = weft_bytes(payload, sizeof payload);
    CHECK_EQ_UINT(ana__ip_headers(wire, &addr, &addr, &bytes), 28);
    CHECK_EQ_UINT(bytes.size, ANA__UDP_PAYLOAD_MAX);
    CHECK_EQ_UINT(wire[2] << 8 | wire[3], 65535);
}

/* --- the export --- */

static struct weft_trace_event data_event(unsigned char *room, uint32_t from, uint64_t to,
                                          uint64_t packet) {
    struct weft_addr ends[2] = {weft_addr_v4(10, 0, 0, 1, 1), weft_addr_v4(10, 0, 0, 2, 1)};
    memcpy(room, ends, sizeof ends);
    return (struct weft_trace_event){.node = from,
                                     .kind = WEFT_TRACE_PACKET_DATA,
                                     .number = {packet, to},
                                     .bytes = weft_bytes(room, sizeof ends)};
}

static uint32_t u32_at(const char *data) {
    const unsigned char *at = (const unsigned char *)data;
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

struct counts {
    unsigned interfaces, packets;
    bool told; /* the section says that there are fewer interfaces than links */
};

/* Walks the blocks: their lengths meet the end. */
static struct counts count(const char *path) {
    struct counts counts = {0, 0, false};
    size_t size = 0, at = 0;
    char *data = sample_read(path, &size);
    while (data != NULL && at + 12 <= size) {
        uint32_t type = u32_at(data + at), length = u32_at(data + at + 4);
        CHECK(length % 4 == 0 && length >= 12 && at + length <= size);
        if (length < 12 || at + length > size) break;
        CHECK_EQ_UINT(u32_at(data + at + length - 4), length);
        counts.interfaces += type == ANA__PCAPNG_INTERFACE;
        counts.packets += type == ANA__PCAPNG_PACKET;
        at += length;
    }
    CHECK_EQ_UINT(at, size);
    counts.told = data != NULL && memmem(data, 600, "too many", 8) != NULL;
    free(data);
    return counts;
}

/* `senders` times `receivers` links. */
static struct counts export_links(uint32_t senders, uint32_t receivers) {
    struct place trace = sample_place(), out = sample_place();
    struct ana_trace_writer *writer = NULL;
    unsigned char room[40];
    CHECK_EQ_INT(ana_trace_create(trace.path, "seed=1\n", &writer), WEFT_OK);
    for (uint32_t i = 0; i < senders; i++) {
        for (uint32_t k = 0; k < receivers; k++) {
            struct weft_trace_event event = data_event(room, i, k, k);
            ana_trace_write(writer, &event);
        }
    }
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    struct ana_export export = {.trace = trace.path, .out = out.path};
    CHECK_EQ_INT(ana_export_pcapng(&export), WEFT_OK);
    struct counts counts = count(out.path);
    unlink(trace.path);
    unlink(out.path);
    return counts;
}

static void too_many_links_are_an_interface_a_sender(void) {
    struct counts counts = export_links(255, 257);
    CHECK_EQ_UINT(counts.interfaces, 65535);
    CHECK(!counts.told);
    counts = export_links(256, 256);
    CHECK_EQ_UINT(counts.interfaces, 256);
    CHECK_EQ_UINT(counts.packets, 65536);
    CHECK(counts.told);
}

static void too_many_senders_are_one_interface(void) {
    struct counts counts = export_links(65536, 1);
    CHECK_EQ_UINT(counts.interfaces, 1);
    CHECK_EQ_UINT(counts.packets, 65536);
    CHECK(counts.told);
}

static int export_sample(const struct ana_filter *filter, struct counts *counts, char *why) {
    struct place trace = sample_place(), out = sample_place();
    sample_write(trace.path);
    struct ana_export export = {.trace = trace.path, .out = out.path, .filter = filter};
    int rv = ana_export_pcapng(&export);
    if (rv == WEFT_OK) *counts = count(out.path);
    if (why != NULL) snprintf(why, ANA_WHY_SIZE, "%s", export.why + strlen(trace.path));
    unlink(trace.path);
    unlink(out.path);
    return rv;
}

static void the_filter_is_of_senders_and_times(void) {
    struct counts counts = {0, 0, false};
    struct ana_filter filter = {.nodes = {0}, .nodes_count = 1};
    CHECK_EQ_INT(export_sample(&filter, &counts, NULL), WEFT_OK);
    CHECK_EQ_UINT(counts.packets, 3);
    filter = (struct ana_filter){.from = WEFT_S(2), .to = WEFT_S(3)};
    CHECK_EQ_INT(export_sample(&filter, &counts, NULL), WEFT_OK);
    CHECK_EQ_UINT(counts.packets, 2);
}

static void a_filter_without_packets_is_told(void) {
    struct counts counts;
    char why[ANA_WHY_SIZE];
    struct ana_filter filter = {.kinds = {"lookup"}, .kinds_count = 1};
    CHECK_EQ_INT(export_sample(&filter, &counts, why), WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(why, ": the filter lets no packet.data through");
}

static void a_trace_without_packets_is_told(void) {
    struct place trace = sample_place();
    const struct weft_trace_event event = {.node = 1, .kind = WEFT_TRACE_PACKET_SENT};
    sample_write_events(trace.path, &event, 1);
    struct ana_export export = {.trace = trace.path, .out = "/tmp/weft-no-out"};
    CHECK_EQ_INT(ana_export_pcapng(&export), WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(export.why + strlen(trace.path),
                  ": it holds no packet.data; weft run writes it with --trace-packets");
    CHECK(access(export.out, F_OK) != 0);
    unlink(trace.path);
}

TEST_MAIN("analysis/export_pcapng", TEST(checksums_are_right_for_any_payload),
          TEST(a_checksum_that_comes_to_zero_is_sent_as_ones),
          TEST(a_payload_too_large_for_udp_is_cut), TEST(too_many_links_are_an_interface_a_sender),
          TEST(too_many_senders_are_one_interface), TEST(the_filter_is_of_senders_and_times),
          TEST(a_filter_without_packets_is_told), TEST(a_trace_without_packets_is_told))
