#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "analysis/internal.h"
#include "core/base/addr.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <stdlib.h>
#include <unistd.h>

struct place {
    char path[64];
};

static struct place place(void) {
    struct place place = {"/tmp/weft-trace-XXXXXX"};
    int fd = mkstemp(place.path);
    CHECK(fd >= 0);
    close(fd);
    return place;
}

static const struct weft_trace_event events[] = {
    {.at = 0, .node = WEFT_TRACE_NODE_NONE, .kind = WEFT_TRACE_FAULT_ON, .number = {3, 1}},
    {.at = WEFT_S(1) + 500,
     .node = 0,
     .kind = WEFT_TRACE_PROC_EXIT,
     .number = {0x123456789, 6, 7, 1},
     .bytes = {(const unsigned char *)"a\"b\n", 4}},
    {.at = WEFT_S(1) + 500,
     .node = 4294967294u,
     .kind = WEFT_TRACE_STORE_DONE,
     .number = {UINT64_MAX, 2, (uint64_t)(int64_t)WEFT_ERR_TIMEOUT, 0, 1500000},
     .bytes = {(const unsigned char *)"\x3f\xa9klmnopqrstuvwxyz12", 20}},
};

#define EVENTS_COUNT (sizeof events / sizeof events[0])

static void write_events(const char *path) {
    struct ana_trace_writer *writer = NULL;
    CHECK_EQ_INT(ana_trace_create(path, "scenario=demo\nseed=7", &writer), WEFT_OK);
    for (size_t i = 0; i < EVENTS_COUNT; i++) ana_trace_write(writer, &events[i]);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

static long size_of(const char *path) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    return size;
}

static void write_raw(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_EQ_UINT(fwrite(data, 1, size, file), size);
    fclose(file);
}

static int open_raw(const char *text, size_t size, const char **why) {
    struct place at = place();
    struct ana_trace_reader *reader = NULL;
    write_raw(at.path, text, size);
    int rv = ana_trace_open(at.path, &reader, why);
    if (rv == WEFT_OK) ana_trace_free(reader);
    unlink(at.path);
    return rv;
}

static void what_was_written_is_read(void) {
    struct place at = place();
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *why;
    write_events(at.path);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    CHECK_EQ_TEXT(ana_trace_head(reader), "scenario=demo\nseed=7\n");
    for (size_t i = 0; i < EVENTS_COUNT; i++) {
        REQUIRE(ana_trace_next(reader, &record) == WEFT_OK);
        CHECK_EQ_INT(record.event.at, events[i].at);
        CHECK_EQ_UINT(record.event.node, events[i].node);
        CHECK_EQ_INT(record.event.kind, events[i].kind);
        CHECK_EQ_TEXT(record.name, weft_trace_kind_name(events[i].kind));
        CHECK_EQ_TEXT(record.fields, weft_trace_kind_fields(events[i].kind));
        CHECK_EQ_BYTES(record.event.number, events[i].number, sizeof events[i].number);
        CHECK(weft_bytes_equal(record.event.bytes, events[i].bytes));
    }
    CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_ERR_CLOSED);
    ana_trace_free(reader);
    unlink(at.path);
}

static void events_read_well_as_text(void) {
    char line[256];
    struct ana_trace_record record = {.event = events[0],
                                      .name = weft_trace_kind_name(events[0].kind),
                                      .fields = "fault:u kind:u text:text"};
    ana_trace_format(&record, line, sizeof line);
    CHECK_EQ_TEXT(line, "    0.000000 s  -            fault.on          fault=3 kind=1 text=\"\"");
    record = (struct ana_trace_record){.event = events[1],
                                       .name = "proc.exit",
                                       .fields = weft_trace_kind_fields(WEFT_TRACE_PROC_EXIT)};
    ana_trace_format(&record, line, sizeof line);
    CHECK_EQ_TEXT(line, "    1.000000 s  node 0       proc.exit         pid=0x123456789 reason=6 "
                        "code=7 fault=yes text=\"a\\x22b\\x0a\"");
    record = (struct ana_trace_record){.event = events[2],
                                       .name = "store.done",
                                       .fields = weft_trace_kind_fields(WEFT_TRACE_STORE_DONE)};
    ana_trace_format(&record, line, sizeof line);
    CHECK_EQ_TEXT(line, "    1.000000 s  node 4294967294 store.done        op=18446744073709551615 "
                        "kind=2 status=TIMEOUT stored=0 took=1.500ms "
                        "target=3fa96b6c6d6e6f707172737475767778797a3132");
}

static void a_line_is_cut_to_its_room(void) {
    char line[16] = "###############";
    struct ana_trace_record record = {
        .event = events[0], .name = "fault.on", .fields = "fault:u kind:u text:text"};
    ana_trace_format(&record, line, 8);
    CHECK_EQ_TEXT(line, "    0.0");
}

static void addresses_and_lists_of_ids_read_well(void) {
    char line[256];
    struct weft_addr addr = weft_addr_v4(192, 0, 2, 1, 6881);
    struct ana_trace_record record = {
        .event = {.at = WEFT_S(61), .node = 3, .bytes = weft_bytes(&addr, sizeof addr)},
        .name = "x",
        .fields = "a:addr"};
    ana_trace_format(&record, line, sizeof line);
    CHECK_EQ_TEXT(line, "   61.000000 s  node 3       x                 a=192.0.2.1:6881");
    unsigned char ids[40] = {0xaa, 0xbb, 0xcc, 0xdd};
    ids[20] = 0x11;
    record.event.bytes = weft_bytes(ids, sizeof ids);
    record.fields = "took:t i:ids";
    record.event.number[0] = (uint64_t)WEFT_MS(2500);
    ana_trace_format(&record, line, sizeof line);
    CHECK_EQ_TEXT(line,
                  "   61.000000 s  node 3       x                 took=2.500s i=aabbccdd,11000000");
}

/* A file cut anywhere gives the events before the cut, then one error, and never a wrong event. */
static void a_file_cut_anywhere_is_told(void) {
    struct place at = place();
    write_events(at.path);
    long size = size_of(at.path);
    struct ana_trace_record record;
    int clean = 0;
    for (long cut = size - 1; cut >= 0; cut--) {
        struct ana_trace_reader *reader = NULL;
        const char *why = NULL;
        CHECK_EQ_INT(truncate(at.path, cut), 0);
        int rv = ana_trace_open(at.path, &reader, &why);
        if (rv != WEFT_OK) {
            CHECK_EQ_INT(rv, WEFT_ERR_MALFORMED);
            CHECK(why != NULL && why[0] != '\0');
            continue;
        }
        size_t count = 0;
        while ((rv = ana_trace_next(reader, &record)) == WEFT_OK) count++;
        CHECK(count < EVENTS_COUNT);
        CHECK(rv == WEFT_ERR_MALFORMED || rv == WEFT_ERR_CLOSED);
        clean += rv == WEFT_ERR_CLOSED;
        if (rv == WEFT_ERR_MALFORMED) CHECK(record.offset < (uint64_t)cut);
        ana_trace_free(reader);
    }
    CHECK_EQ_INT(clean, EVENTS_COUNT); /* cuts between events look like shorter files */
    unlink(at.path);
}

static void a_missing_file_is_not_found(void) {
    struct ana_trace_reader *reader = NULL;
    const char *why = NULL;
    CHECK_EQ_INT(ana_trace_open("/tmp/weft-no-such-trace", &reader, &why), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(why, "no such file");
    CHECK(reader == NULL);
}

static void a_file_of_something_else_is_refused(void) {
    const char *why = NULL;
    CHECK_EQ_INT(open_raw("name: demo\n", 11, &why), WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(why, "not a trace file: it does not begin with WEFTTRC1");
}

static void damaged_tables_are_refused(void) {
    static const char *const bad[] = {
        "WEFTTRC1\nx name a:u\n\n",                              /* no number */
        "WEFTTRC1\n256 name a:u\n\n",                            /* number too large */
        "WEFTTRC1\n1 name\n\n",                                  /* no field list */
        "WEFTTRC1\n1  a:u\n\n",                                  /* no name */
        "WEFTTRC1\n1 a x:u\n1 b x:u\n\n",                        /* a kind twice */
        "WEFTTRC1\n1 a a:u b:u c:u d:u e:u f:u g:u h:u i:u\n\n", /* more numbers than there are */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *why = NULL;
        CHECK_EQ_INT(open_raw(bad[i], strlen(bad[i]), &why), WEFT_ERR_MALFORMED);
        CHECK_EQ_TEXT(why, "its table of kinds is damaged");
    }
}

static int next_of(const char *data, size_t size, struct ana_trace_record *record) {
    struct place at = place();
    struct ana_trace_reader *reader = NULL;
    const char *why;
    write_raw(at.path, data, size);
    int rv = ana_trace_open(at.path, &reader, &why);
    CHECK_EQ_INT(rv, WEFT_OK);
    if (rv == WEFT_OK) rv = ana_trace_next(reader, record);
    ana_trace_free(reader);
    unlink(at.path);
    return rv;
}

#define OLD_HEAD "WEFTTRC1\n5 gone.kind a:u b:e\n\n"

static void a_kind_this_build_does_not_know_is_read_by_the_table(void) {
    static const char data[] = OLD_HEAD "\x05\x07\x02\x09\x03\x00";
    struct ana_trace_record record;
    CHECK_EQ_INT(next_of(data, sizeof data - 1, &record), WEFT_OK);
    CHECK_EQ_INT(record.event.kind, WEFT_TRACE_KIND_COUNT);
    CHECK_EQ_INT(record.event.at, 7);
    CHECK_EQ_UINT(record.event.node, 1);
    CHECK_EQ_UINT(record.event.number[0], 9);
    CHECK_EQ_INT((int64_t)record.event.number[1], -2);
}

static void damaged_records_are_refused(void) {
    static const struct {
        const char *data;
        size_t size;
    } bad[] = {
        {OLD_HEAD "\x06\x00\x01\x00\x00\x00", sizeof OLD_HEAD + 5}, /* a kind not in the table */
        {OLD_HEAD "\x05\x00\xff\xff\xff\xff\x7f\x00\x00\x00", sizeof OLD_HEAD + 9}, /* node 2^32+ */
        {OLD_HEAD "\x05\x00\x01\x00\x00\xff\xff\xff\xff\x0f", sizeof OLD_HEAD + 9}, /* huge bytes */
        {OLD_HEAD "\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x00\x00\x00",
         sizeof OLD_HEAD + 14}, /* a varint of more than 64 bits */
        {OLD_HEAD "\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x00\x00\x00",
         sizeof OLD_HEAD + 14}, /* beyond the end of time */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ana_trace_record record;
        CHECK_EQ_INT(next_of(bad[i].data, bad[i].size, &record), WEFT_ERR_MALFORMED);
        CHECK_EQ_UINT(record.offset, sizeof OLD_HEAD - 1);
    }
}

static void varints_and_zigzag_keep_every_value(void) {
    static const int64_t values[] = {0, 1, -1, 63, -64, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CHECK_EQ_INT(ana__unzigzag(ana__zigzag(values[i])), values[i]);
    }
    unsigned char out[ANA_VARINT_MAX];
    CHECK_EQ_UINT(ana__varint_write(out, 127), 1);
    CHECK_EQ_UINT(ana__varint_write(out, 128), 2);
    CHECK_EQ_UINT(ana__varint_write(out, UINT64_MAX), ANA_VARINT_MAX);
}

static void a_place_that_cannot_be_written_is_an_error(void) {
    struct ana_trace_writer *writer = NULL;
    CHECK_EQ_INT(ana_trace_create("/tmp/weft-no-such-folder/x", "", &writer), WEFT_ERR_IO);
}

static void a_full_disk_is_told_at_close(void) {
    struct ana_trace_writer *writer = NULL;
    REQUIRE(ana_trace_create("/dev/full", "", &writer) == WEFT_OK);
    ana_trace_write(writer, &events[0]);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_ERR_IO);
}

TEST_MAIN("analysis/trace_file", TEST(what_was_written_is_read), TEST(events_read_well_as_text),
          TEST(a_line_is_cut_to_its_room), TEST(addresses_and_lists_of_ids_read_well),
          TEST(a_file_cut_anywhere_is_told), TEST(a_missing_file_is_not_found),
          TEST(a_file_of_something_else_is_refused), TEST(damaged_tables_are_refused),
          TEST(a_kind_this_build_does_not_know_is_read_by_the_table),
          TEST(damaged_records_are_refused), TEST(varints_and_zigzag_keep_every_value),
          TEST(a_place_that_cannot_be_written_is_an_error), TEST(a_full_disk_is_told_at_close))
