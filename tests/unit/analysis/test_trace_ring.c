#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "analysis/internal.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <stdlib.h>
#include <unistd.h>

#define EVENTS 200000u /* a millisecond apart: two hundred seconds */

struct place {
    char path[64];
};

static struct place place(void) {
    struct place place = {"/tmp/weft-ring-XXXXXX"};
    int fd = mkstemp(place.path);
    CHECK(fd >= 0);
    close(fd);
    return place;
}

static struct ana_trace_writer *ring_of(const struct ana_trace_options *options) {
    struct ana_trace_writer *writer = NULL;
    CHECK_EQ_INT(ana_trace_create_with(NULL, options, &writer), WEFT_OK);
    return writer;
}

/* Packets, and at each thousandth event a fault. */
static void write_events(struct ana_trace_writer *writer, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        struct weft_trace_event event = {.at = WEFT_MS(i),
                                         .node = i % 50,
                                         .kind = i % 1000 == 0 ? WEFT_TRACE_FAULT_BIT
                                                               : WEFT_TRACE_PACKET_SENT,
                                         .number = {i}};
        ana_trace_write(writer, &event);
    }
}

struct seen {
    uint64_t packets, faults, first_packet, last;
};

static struct seen dump(struct ana_trace_writer *writer) {
    struct seen seen = {.first_packet = UINT64_MAX};
    struct place at = place();
    struct ana_trace_reader *reader = NULL;
    struct ana_trace_record record;
    const char *why;
    CHECK_EQ_INT(ana_trace_dump(writer, at.path), WEFT_OK);
    CHECK_EQ_INT(ana_trace_open(at.path, &reader, &why), WEFT_OK);
    while (reader != NULL && ana_trace_next(reader, &record) == WEFT_OK) {
        uint64_t number = record.event.number[0];
        CHECK(number >= seen.last);
        CHECK_EQ_INT(record.event.at, WEFT_MS((weft_time)number));
        seen.last = number;
        if (record.event.kind == WEFT_TRACE_PACKET_SENT) {
            if (seen.packets++ == 0) seen.first_packet = number;
        } else {
            CHECK_EQ_UINT(number % 1000, 0);
            seen.faults++;
        }
    }
    CHECK_EQ_UINT(ana_trace_damage(reader).bytes, 0);
    ana_trace_free(reader);
    unlink(at.path);
    return seen;
}

static void a_ring_has_the_last_seconds(void) {
    struct ana_trace_options options = {.head = "a=b", .last = WEFT_S(10)};
    struct ana_trace_writer *writer = ring_of(&options);
    write_events(writer, 0, EVENTS);
    struct seen seen = dump(writer);
    CHECK_EQ_UINT(seen.last, EVENTS - 1);
    CHECK(seen.first_packet <= EVENTS - 10000);
    CHECK(seen.first_packet > EVENTS - 60000); /* what is beyond is less than a few blocks */
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

static void what_is_to_be_kept_is_never_forgotten(void) {
    struct ana_trace_options options = {
        .head = "a=b", .last = WEFT_S(10), .keep = WEFT_TRACE_BIT(WEFT_TRACE_FAULT_BIT)};
    struct ana_trace_writer *writer = ring_of(&options);
    write_events(writer, 0, EVENTS);
    struct seen seen = dump(writer);
    CHECK_EQ_UINT(seen.faults, EVENTS / 1000);
    CHECK(seen.first_packet > EVENTS - 60000);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

static void a_ring_goes_on_after_a_dump(void) {
    struct ana_trace_options options = {.head = "a=b\n", .last = WEFT_S(1000)};
    struct ana_trace_writer *writer = ring_of(&options);
    CHECK_EQ_UINT(dump(writer).packets, 0);
    write_events(writer, 0, 500);
    CHECK_EQ_UINT(dump(writer).last, 499);
    CHECK_EQ_UINT(dump(writer).packets, 499);
    write_events(writer, 500, EVENTS);
    struct seen seen = dump(writer);
    CHECK_EQ_UINT(seen.packets + seen.faults, EVENTS);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

/* However long it is to reach, and however much there is to keep. */
static void a_ring_stays_within_its_memory(void) {
    struct ana_trace_options options = {.head = "a=b",
                                        .last = WEFT_S(1000),
                                        .memory_max = 512 * 1024,
                                        .keep = WEFT_TRACE_BIT(WEFT_TRACE_PACKET_SENT)};
    struct ana_trace_writer *writer = ring_of(&options);
    write_events(writer, 0, EVENTS);
    struct seen seen = dump(writer);
    CHECK(seen.packets < 512 * 1024 / 8);
    CHECK(seen.packets > 512 * 1024 / 24);
    CHECK_EQ_UINT(seen.last, EVENTS - 1);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

static void events_larger_than_a_block_are_kept_by_a_ring(void) {
    struct ana_trace_options options = {
        .head = "", .last = WEFT_S(1), .keep = WEFT_TRACE_BIT(WEFT_TRACE_LOG)};
    struct ana_trace_writer *writer = ring_of(&options);
    struct place at = place();
    struct ana_trace_reader *reader = NULL;
    struct ana_trace_record record;
    const char *why;
    unsigned char *bytes = calloc(1, 3 * ANA_BLOCK_SIZE);
    REQUIRE(bytes != NULL);
    for (unsigned i = 0; i < 30; i++) {
        struct weft_trace_event event = {.at = WEFT_S(i),
                                         .kind = WEFT_TRACE_LOG,
                                         .number = {i},
                                         .bytes = weft_bytes(bytes, i * 20011)};
        ana_trace_write(writer, &event);
    }
    CHECK_EQ_INT(ana_trace_dump(writer, at.path), WEFT_OK);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    for (unsigned i = 0; i < 30; i++) {
        REQUIRE(ana_trace_next(reader, &record) == WEFT_OK);
        CHECK_EQ_UINT(record.event.number[0], i);
        CHECK_EQ_UINT(record.event.bytes.size, i * 20011);
    }
    free(bytes);
    ana_trace_free(reader);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    unlink(at.path);
}

static void a_dump_says_how_far_back_it_goes(void) {
    struct ana_trace_options options = {.head = "a=b", .last = WEFT_S(10)};
    struct ana_trace_writer *writer = ring_of(&options);
    struct place at = place();
    struct ana_trace_reader *reader = NULL;
    const char *why;
    CHECK_EQ_INT(ana_trace_dump(writer, at.path), WEFT_OK);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    CHECK_EQ_TEXT(ana_trace_head(reader), "a=b\nring_ns=10000000000\n");
    ana_trace_free(reader);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    unlink(at.path);
}

static void a_dump_that_fails_tells(void) {
    struct ana_trace_options options = {.head = "a=b", .last = WEFT_S(10)};
    struct ana_trace_writer *writer = ring_of(&options);
    write_events(writer, 0, 10);
    CHECK_EQ_INT(ana_trace_dump(writer, "/tmp/weft-no-such-folder/x"), WEFT_ERR_IO);
    CHECK_EQ_INT(ana_trace_dump(writer, "/dev/full"), WEFT_ERR_NO_SPACE);
    CHECK_EQ_UINT(dump(writer).last, 9);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

static void a_file_is_no_ring(void) {
    struct place at = place();
    struct ana_trace_writer *writer;
    REQUIRE(ana_trace_create(at.path, "", &writer) == WEFT_OK);
    CHECK_EQ_INT(ana_trace_dump(writer, "/tmp/weft-never-written"), WEFT_ERR_INVAL);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    unlink(at.path);
}

TEST_MAIN("analysis/trace_ring", TEST(a_ring_has_the_last_seconds),
          TEST(what_is_to_be_kept_is_never_forgotten), TEST(a_ring_goes_on_after_a_dump),
          TEST(a_ring_stays_within_its_memory), TEST(events_larger_than_a_block_are_kept_by_a_ring),
          TEST(a_dump_says_how_far_back_it_goes), TEST(a_dump_that_fails_tells),
          TEST(a_file_is_no_ring))
