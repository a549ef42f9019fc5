#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "analysis/internal.h"
#include "analysis/trace_summary.h"
#include "core/base/addr.h"
#include "core/base/error.h"
#include "core/base/rand.h"
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

static void a_missing_file_is_not_found(void) {
    struct ana_trace_reader *reader = NULL;
    const char *why = NULL;
    CHECK_EQ_INT(ana_trace_open("/tmp/weft-no-such-trace", &reader, &why), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(why, "no such file");
    CHECK(reader == NULL);
}

static void a_file_of_something_else_is_refused(void) {
    static const struct {
        const char *text, *why;
    } files[] = {
        {"", "not a trace file: it does not begin with WEFTTRC2"},
        {"name: demo\n", "not a trace file: it does not begin with WEFTTRC2"},
        {"WEFTTRC1scenario=demo\n\n",
         "a trace of the older format WEFTTRC1, and this build reads WEFTTRC2; run the scenario "
         "again with it"},
        {"WEFTTRC3scenario=demo\n\n", "a trace of another format, and this build reads WEFTTRC2"},
        {"WEFTTRC2", "none of its heads is whole, so nothing says what its blocks mean"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *why = NULL;
        CHECK_EQ_INT(open_raw(files[i].text, strlen(files[i].text), &why), WEFT_ERR_MALFORMED);
        CHECK_EQ_TEXT(why, files[i].why);
    }
}

static void what_is_no_file_is_refused(void) {
    struct ana_trace_reader *reader = NULL;
    const char *why = NULL;
    CHECK_EQ_INT(ana_trace_open("/tmp", &reader, &why), WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(why, "is a folder, no trace file");
    int ends[2];
    char path[32];
    REQUIRE(pipe(ends) == 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    CHECK_EQ_INT(ana_trace_open(path, &reader, &why), WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(why, "is a pipe or a device, no file that can be read here and there");
    close(ends[0]);
    close(ends[1]);
}

/* --- files made by hand --- */

struct image {
    unsigned char data[2048];
    size_t size;
    uint64_t seed;
};

/* A chunk of `content` that is stored as it is; what else it says is in `chunk`. */
static void append(struct image *image, struct ana__chunk chunk, struct weft_bytes content) {
    unsigned char *at = image->data + image->size;
    REQUIRE(image->size + ANA__CHUNK_SIZE + content.size <= sizeof image->data);
    if (content.size > 0) memcpy(at + ANA__CHUNK_SIZE, content.data, content.size);
    uint64_t seed = chunk.type == ANA__HEAD ? 0 : image->seed;
    chunk.stored_size = chunk.raw_size = (uint32_t)(content.size - chunk.index_size);
    chunk.checksum = ana__checksum(content.data, content.size, seed);
    ana__chunk_encode(&chunk, seed, at);
    if (chunk.type == ANA__HEAD) image->seed = ana__checksum(content.data, content.size, 0);
    image->size += ANA__CHUNK_SIZE + content.size;
}

static struct image with_head(const char *text) {
    struct image image = {.size = 0};
    append(&image, (struct ana__chunk){.type = ANA__HEAD}, weft_bytes_text(text));
    return image;
}

/* A block of kind 5 whose content is `records`. */
static void append_block(struct image *image, struct ana__chunk chunk, struct weft_bytes records) {
    unsigned char content[256] = {0};
    chunk.type = ANA__EVENTS;
    chunk.kinds = 1u << 5;
    chunk.index_size = ANA__INDEX_ENTRY_SIZE;
    memcpy(content + ANA__INDEX_ENTRY_SIZE, records.data, records.size);
    append(image, chunk, weft_bytes(content, ANA__INDEX_ENTRY_SIZE + records.size));
}

static struct ana_trace_reader *open_image(const struct image *image, const char **why) {
    struct place at = place();
    struct ana_trace_reader *reader = NULL;
    write_raw(at.path, image->data, image->size);
    int rv = ana_trace_open(at.path, &reader, why);
    CHECK_EQ_INT(rv, reader != NULL ? WEFT_OK : WEFT_ERR_MALFORMED);
    unlink(at.path);
    return reader;
}

static void tables_that_make_no_sense_are_refused(void) {
    static const char *const bad[] = {
        "a=b\nx name a:u\n\n",                           /* no empty line behind the head */
        "a=b\n\n5 name a:u\n",                           /* nor behind the table */
        "\nx name a:u\n\n",                              /* no number */
        "\n64 name a:u\n\n",                             /* number too large */
        "\n1 name\n\n",                                  /* no field list */
        "\n1  a:u\n\n",                                  /* no name */
        "\n1 a x:u\n1 b x:u\n\n",                        /* a kind twice */
        "\n1 a a:u b:u c:u d:u e:u f:u g:u h:u i:u\n\n", /* more numbers than there are */
        "\n1 a a:u\n\nmore",                             /* something behind it */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *why = NULL;
        struct image image = with_head(bad[i]);
        CHECK(open_image(&image, &why) == NULL);
        CHECK_EQ_TEXT(why, "none of its heads is whole, so nothing says what its blocks mean");
    }
}

#define OLD_HEAD "\n5 gone.kind a:u b:e\n6 packet.sent to:u size:u\n\n"

static void a_kind_this_build_does_not_know_is_read_by_the_table(void) {
    struct ana_trace_record record;
    const char *why;
    struct image image = with_head(OLD_HEAD);
    append_block(&image, (struct ana__chunk){.events = 1, .first = 7, .last = 8},
                 weft_bytes("\x05\x11\x11\x01\x02\x09\x03", 7));
    struct ana_trace_reader *reader = open_image(&image, &why);
    REQUIRE(reader != NULL);
    CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_OK);
    CHECK_EQ_INT(record.event.kind, WEFT_TRACE_KIND_COUNT);
    CHECK_EQ_TEXT(record.name, "gone.kind");
    CHECK_EQ_INT(record.event.at, 8);
    CHECK_EQ_UINT(record.event.node, 1);
    CHECK_EQ_UINT(record.event.number[0], 9);
    CHECK_EQ_INT((int64_t)record.event.number[1], -2);
    CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_ERR_CLOSED);
    ana_trace_free(reader);
}

/* What their checksums hold for, as no writer would make it. */
static void records_that_make_no_sense_are_counted_as_damage(void) {
    static const struct {
        const char *records;
        size_t size;
    } bad[] = {
        {"\x07\x11\x11\x01\x02\x09\x03", 7},         /* a kind not in the table */
        {"\x45\x11\x11\x01\x02\x09\x03", 7},         /* nor in any */
        {"\x06\x11\x11\x01\x02\x09\x03", 7},         /* not of those the block names */
        {"\x05\x51\x00\x01\xff\xff\xff\xff\x01", 9}, /* node 2^32 and more */
        {"\x05\x19\x11\x01\x02\x09\x03", 7},         /* a value of nine bytes */
        {"\x05\x11\x81\x01\x02\x09\x03", 7},         /* a value beyond the end */
        {"\x05\x11\x11\x01\x02\x09\x03\x00", 8},     /* more than its events */
        {"\x05\x11\x11\x04\x02\x09\x03", 7},         /* later than the block's last */
        {"\x05\x18\x11\xff\xff\xff\xff\xff\xff\xff\xff\x02\x09\x03", 14}, /* beyond all time */
        {"\x05", 1},                                                      /* nothing but a kind */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ana_trace_record record;
        const char *why;
        struct image image = with_head(OLD_HEAD);
        size_t head = image.size;
        append_block(&image, (struct ana__chunk){.events = 1, .first = 7, .last = 10},
                     weft_bytes(bad[i].records, bad[i].size));
        append(&image, (struct ana__chunk){.type = ANA__END, .number = 1}, weft_bytes(NULL, 0));
        struct ana_trace_reader *reader = open_image(&image, &why);
        REQUIRE(reader != NULL);
        CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_ERR_CLOSED);
        struct ana_trace_damage damage = ana_trace_damage(reader);
        CHECK_EQ_UINT(damage.blocks, 1);
        CHECK_EQ_UINT(damage.first, head);
        CHECK_EQ_UINT(damage.bytes, image.size - head - ANA__CHUNK_SIZE);
        CHECK(!damage.cut);
        ana_trace_free(reader);
    }
}

static void chunks_of_unknown_types_are_passed_over(void) {
    struct ana_trace_record record;
    const char *why;
    struct image image = with_head(OLD_HEAD);
    append(&image, (struct ana__chunk){.type = 77}, weft_bytes_text("of a later version"));
    append_block(&image, (struct ana__chunk){.events = 1, .first = 7, .last = 8},
                 weft_bytes("\x05\x11\x11\x01\x02\x09\x03", 7));
    append(&image, (struct ana__chunk){.type = ANA__END, .number = 1}, weft_bytes(NULL, 0));
    struct ana_trace_reader *reader = open_image(&image, &why);
    REQUIRE(reader != NULL);
    CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_OK);
    CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_ERR_CLOSED);
    CHECK_EQ_UINT(ana_trace_damage(reader).bytes, 0);
    ana_trace_free(reader);
}

/* A block that went astray: its time or its number has been, or it is of another trace. */
static void a_block_that_cannot_be_of_this_place_is_damage(void) {
    static const struct ana__chunk astray[] = {
        {.number = 0, .events = 1, .first = 9, .last = 9}, /* a number that was */
        {.number = 1, .events = 1, .first = 6, .last = 9}, /* a time that was */
    };
    static const char record_bytes[] = "\x05\x10\x11\x02\x09\x03";
    for (size_t i = 0; i < 3; i++) {
        struct ana_trace_record record;
        const char *why;
        struct image image = with_head(OLD_HEAD);
        append_block(&image, (struct ana__chunk){.events = 1, .first = 7, .last = 7},
                     weft_bytes(record_bytes, 6));
        size_t place = image.size;
        if (i == 2) image.seed++;
        append_block(&image, astray[i % 2], weft_bytes(record_bytes, 6));
        if (i == 2) image.seed--;
        size_t size = image.size - place;
        append_block(&image, (struct ana__chunk){.number = 1, .events = 1, .first = 8, .last = 8},
                     weft_bytes(record_bytes, 6));
        struct ana_trace_reader *reader = open_image(&image, &why);
        REQUIRE(reader != NULL);
        CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_OK);
        CHECK_EQ_INT(record.event.at, 7);
        CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_OK);
        CHECK_EQ_INT(record.event.at, 8);
        CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_ERR_CLOSED);
        struct ana_trace_damage damage = ana_trace_damage(reader);
        CHECK_EQ_UINT(damage.bytes, size);
        CHECK_EQ_UINT(damage.first, place);
        CHECK_EQ_UINT(damage.blocks, 0);
        CHECK(damage.cut);
        ana_trace_free(reader);
    }
}

static void zigzag_keeps_every_value(void) {
    static const int64_t values[] = {0, 1, -1, 63, -64, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CHECK_EQ_INT(ana__unzigzag(ana__zigzag(values[i])), values[i]);
    }
}

/* --- limits --- */

static void heads_that_no_reader_could_take_apart_are_refused(void) {
    struct ana_trace_writer *writer = NULL;
    struct place at = place();
    CHECK_EQ_INT(ana_trace_create(at.path, "a=b\n\nc=d\n", &writer), WEFT_ERR_INVAL);
    CHECK_EQ_INT(ana_trace_create(at.path, "a=b\nno equals\n", &writer), WEFT_ERR_INVAL);
    char *large = malloc(ANA_TEXT_MAX + 1);
    REQUIRE(large != NULL);
    memset(large, '=', ANA_TEXT_MAX);
    large[ANA_TEXT_MAX] = '\0';
    CHECK_EQ_INT(ana_trace_create(at.path, large, &writer), WEFT_ERR_TOO_BIG);
    large[ANA_TEXT_MAX - 10] = '\0';
    CHECK_EQ_INT(ana_trace_create(at.path, large, &writer), WEFT_ERR_TOO_BIG);
    large[ANA_TEXT_MAX - 16384] = '\0';
    REQUIRE(ana_trace_create(at.path, large, &writer) == WEFT_OK);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    free(large);
    unlink(at.path);
}

static void values_of_the_head_are_found_by_their_keys(void) {
    struct place at = place();
    struct ana_trace_reader *reader;
    const char *why;
    char value[8];
    write_events(at.path);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    CHECK(ana_trace_head_value(reader, "seed", value, sizeof value));
    CHECK_EQ_TEXT(value, "7");
    CHECK(ana_trace_head_value(reader, "scenario", value, 4));
    CHECK_EQ_TEXT(value, "dem");
    CHECK(!ana_trace_head_value(reader, "see", value, sizeof value));
    CHECK(!ana_trace_head_value(reader, "nodes", value, sizeof value));
    ana_trace_free(reader);
    unlink(at.path);
}

/* Larger than a block, than the block that grew for it, and than any may be. */
static void events_of_any_size_are_kept_up_to_the_limit(void) {
    static const size_t sizes[] = {
        0, 1, ANA_BLOCK_SIZE - 1, ANA_BLOCK_SIZE, ANA_BLOCK_SIZE + 1, ANA_BYTES_MAX, 5};
    struct place at = place();
    struct ana_trace_writer *writer;
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *why;
    unsigned char *bytes = malloc(ANA_BYTES_MAX + 1);
    REQUIRE(bytes != NULL);
    uint64_t noise = 1;
    for (size_t i = 0; i < ANA_BYTES_MAX + 1; i++) {
        noise = noise * UINT64_C(6364136223846793005) + 1442695040888963407u;
        bytes[i] = (unsigned char)(noise >> 56); /* zstd makes it no smaller */
    }
    REQUIRE(ana_trace_create(at.path, "", &writer) == WEFT_OK);
    struct weft_trace_event event = {.kind = WEFT_TRACE_LOG};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        event.bytes = weft_bytes(bytes, sizes[i]);
        ana_trace_write(writer, &event);
    }
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        REQUIRE(ana_trace_next(reader, &record) == WEFT_OK);
        CHECK(weft_bytes_equal(record.event.bytes, weft_bytes(bytes, sizes[i])));
    }
    CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_ERR_CLOSED);
    ana_trace_free(reader);
    REQUIRE(ana_trace_create(at.path, "", &writer) == WEFT_OK);
    event.bytes = weft_bytes(bytes, ANA_BYTES_MAX + 1);
    ana_trace_write(writer, &event);
    event.bytes.size = 1;
    ana_trace_write(writer, &event); /* after an error: not written */
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_ERR_TOO_BIG);
    free(bytes);
    unlink(at.path);
}

/* Every length that a value can have, in every field. */
static void numbers_of_all_lengths_are_kept(void) {
    struct place at = place();
    struct ana_trace_writer *writer;
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *why;
    REQUIRE(ana_trace_create(at.path, "", &writer) == WEFT_OK);
    for (unsigned bit = 0; bit <= 64; bit++) {
        uint64_t number = bit == 64 ? UINT64_MAX : UINT64_C(1) << bit;
        struct weft_trace_event event = {.at = (weft_time)(UINT64_C(1) << bit / 2),
                                         .node = (uint32_t)(number - 1),
                                         .kind = WEFT_TRACE_LOOKUP_DONE};
        for (unsigned i = 0; i < WEFT_TRACE_NUMBERS; i++) event.number[i] = number - i;
        ana_trace_write(writer, &event);
    }
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    for (unsigned bit = 0; bit <= 64; bit++) {
        uint64_t number = bit == 64 ? UINT64_MAX : UINT64_C(1) << bit;
        REQUIRE(ana_trace_next(reader, &record) == WEFT_OK);
        CHECK_EQ_INT(record.event.at, UINT64_C(1) << bit / 2);
        CHECK_EQ_UINT(record.event.node, (uint32_t)(number - 1));
        for (unsigned i = 0; i < WEFT_TRACE_NUMBERS; i++) {
            CHECK_EQ_UINT(record.event.number[i], number - i);
        }
    }
    ana_trace_free(reader);
    unlink(at.path);
}

static void kinds_outside_the_mask_are_not_written(void) {
    struct place at = place();
    struct ana_trace_writer *writer;
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *why;
    struct ana_trace_options options = {.head = "a=b",
                                        .kinds = WEFT_TRACE_BIT(WEFT_TRACE_PROC_EXIT)};
    REQUIRE(ana_trace_create_with(at.path, &options, &writer) == WEFT_OK);
    for (size_t i = 0; i < EVENTS_COUNT; i++) ana_trace_write(writer, &events[i]);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_OK);
    CHECK_EQ_INT(record.event.kind, WEFT_TRACE_PROC_EXIT);
    CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_ERR_CLOSED);
    ana_trace_free(reader);
    unlink(at.path);
}

/* --- reading by parts --- */

#define MANY 100000u

/* Of two kinds in turn, a millisecond apart; the last tenth on node 9, the others on node 1. */
static void write_many(const char *path) {
    struct ana_trace_writer *writer;
    REQUIRE(ana_trace_create(path, "", &writer) == WEFT_OK);
    for (unsigned i = 0; i < MANY; i++) {
        struct weft_trace_event event = {.at = WEFT_MS(i),
                                         .node = i < MANY / 10 * 9 ? 1 : 9,
                                         .kind = i % 2 == 0 ? WEFT_TRACE_PACKET_SENT
                                                            : WEFT_TRACE_PACKET_LOST,
                                         .number = {i, i * UINT64_C(977)}};
        ana_trace_write(writer, &event);
    }
    REQUIRE(ana_trace_close(writer) == WEFT_OK);
}

static uint64_t count_wanted(const char *path, uint64_t kinds, weft_time from, weft_time to) {
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *why;
    uint64_t count = 0;
    CHECK_EQ_INT(ana_trace_open(path, &reader, &why), WEFT_OK);
    ana_trace_want(reader, kinds, from, to);
    while (ana_trace_next(reader, &record) == WEFT_OK) {
        CHECK(record.event.at >= from && record.event.at <= to);
        CHECK(kinds & WEFT_TRACE_BIT(record.event.kind));
        count++;
    }
    CHECK_EQ_UINT(ana_trace_damage(reader).bytes, 0);
    ana_trace_free(reader);
    return count;
}

static void only_what_is_wanted_is_given(void) {
    struct place at = place();
    write_many(at.path);
    uint64_t sent = WEFT_TRACE_BIT(WEFT_TRACE_PACKET_SENT);
    CHECK_EQ_UINT(count_wanted(at.path, WEFT_TRACE_ALL, 0, WEFT_TIME_NEVER), MANY);
    CHECK_EQ_UINT(count_wanted(at.path, sent, 0, WEFT_TIME_NEVER), MANY / 2);
    CHECK_EQ_UINT(count_wanted(at.path, WEFT_TRACE_ALL, WEFT_MS(500), WEFT_MS(600)), 101);
    CHECK_EQ_UINT(count_wanted(at.path, sent, WEFT_MS(99999), WEFT_TIME_NEVER), 0);
    CHECK_EQ_UINT(count_wanted(at.path, WEFT_TRACE_BIT(WEFT_TRACE_LOG), 0, WEFT_TIME_NEVER), 0);
    unlink(at.path);
}

/* Blocks that are passed over are not read: damage in them is not seen. */
static void blocks_without_what_is_wanted_are_not_read(void) {
    struct place at = place();
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *why;
    write_many(at.path);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    REQUIRE(ana_trace_next(reader, &record) == WEFT_OK);
    FILE *file = fopen(at.path, "r+b");
    REQUIRE(file != NULL);
    fseek(file, (long)record.offset + ANA__CHUNK_SIZE + 100, SEEK_SET);
    fwrite("damaged", 1, 7, file);
    fclose(file);
    ana_trace_free(reader);
    CHECK_EQ_UINT(count_wanted(at.path, WEFT_TRACE_ALL, WEFT_MS(90000), WEFT_TIME_NEVER), 10000);
    unlink(at.path);
}

/* So many events like packets, each with `size` bytes that repeat. */
static void write_packets(const char *path, unsigned count, size_t size) {
    unsigned char data[512];
    struct ana_trace_writer *writer;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)weft_draw__mix(i);
    REQUIRE(ana_trace_create(path, "", &writer) == WEFT_OK);
    for (unsigned i = 0; i < count; i++) {
        uint64_t raw = weft_draw__mix(i);
        struct weft_trace_event event = {.at = (weft_time)(i * UINT64_C(50000) + raw % 40000),
                                         .node = (uint32_t)(raw >> 40) % 1000,
                                         .kind = size > 0 ? WEFT_TRACE_PACKET_DATA
                                                          : WEFT_TRACE_PACKET_SENT,
                                         .number = {raw >> 20 & 1023, 103, i / 1000},
                                         .bytes = weft_bytes(data, size)};
        ana_trace_write(writer, &event);
    }
    REQUIRE(ana_trace_close(writer) == WEFT_OK);
}

/* What their blocks have, in a hundred of their records, is less than `most`. */
static void check_packed(unsigned count, size_t size, uint64_t most) {
    struct place at = place();
    struct ana_trace_reader *reader;
    struct ana_trace_summary summary;
    const char *why;
    write_packets(at.path, count, size);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    REQUIRE(ana_trace_summarise(reader, &summary) == WEFT_OK);
    CHECK_EQ_UINT(summary.events, count);
    CHECK_EQ_UINT(summary.damage.bytes, 0);
    CHECK(summary.stored_size * 100 / summary.raw_size < most);
    ana_trace_free(reader);
    unlink(at.path);
}

static void numbers_and_bytes_are_both_packed(void) {
    check_packed(50000, 0, 85);
    check_packed(5000, 160, 25);
}

static void a_file_that_grows_is_read_on(void) {
    struct place at = place();
    struct ana_trace_writer *writer;
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *why;
    REQUIRE(ana_trace_create(at.path, "a=b", &writer) == WEFT_OK);
    REQUIRE(ana_trace_open(at.path, &reader, &why) == WEFT_OK);
    for (size_t i = 0; i < EVENTS_COUNT; i++) {
        ana_trace_write(writer, &events[i]);
        CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_ERR_CLOSED);
        CHECK(ana_trace_damage(reader).cut);
        ana_trace_flush(writer);
        CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_OK);
        CHECK_EQ_INT(record.event.kind, events[i].kind);
    }
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    CHECK_EQ_INT(ana_trace_next(reader, &record), WEFT_ERR_CLOSED);
    CHECK(!ana_trace_damage(reader).cut);
    CHECK_EQ_UINT(ana_trace_damage(reader).bytes, 0);
    ana_trace_free(reader);
    unlink(at.path);
}

/* --- errors of writing --- */

static void a_place_that_cannot_be_written_is_an_error(void) {
    struct ana_trace_writer *writer = NULL;
    CHECK_EQ_INT(ana_trace_create("/tmp/weft-no-such-folder/x", "", &writer), WEFT_ERR_IO);
}

static void a_full_disk_is_told_at_close(void) {
    struct ana_trace_writer *writer = NULL;
    REQUIRE(ana_trace_create("/dev/full", "", &writer) == WEFT_OK);
    ana_trace_write(writer, &events[0]);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_ERR_NO_SPACE);
}

TEST_MAIN("analysis/trace_file", TEST(what_was_written_is_read), TEST(events_read_well_as_text),
          TEST(a_line_is_cut_to_its_room), TEST(addresses_and_lists_of_ids_read_well),
          TEST(a_missing_file_is_not_found), TEST(a_file_of_something_else_is_refused),
          TEST(what_is_no_file_is_refused), TEST(tables_that_make_no_sense_are_refused),
          TEST(a_kind_this_build_does_not_know_is_read_by_the_table),
          TEST(records_that_make_no_sense_are_counted_as_damage),
          TEST(chunks_of_unknown_types_are_passed_over),
          TEST(a_block_that_cannot_be_of_this_place_is_damage), TEST(zigzag_keeps_every_value),
          TEST(heads_that_no_reader_could_take_apart_are_refused),
          TEST(values_of_the_head_are_found_by_their_keys),
          TEST(events_of_any_size_are_kept_up_to_the_limit), TEST(numbers_of_all_lengths_are_kept),
          TEST(kinds_outside_the_mask_are_not_written), TEST(only_what_is_wanted_is_given),
          TEST(blocks_without_what_is_wanted_are_not_read), TEST(numbers_and_bytes_are_both_packed),
          TEST(a_file_that_grows_is_read_on), TEST(a_place_that_cannot_be_written_is_an_error),
          TEST(a_full_disk_is_told_at_close))
