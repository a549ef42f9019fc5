/* Signal frames, alone and through a stream. */
#include "core/base/error.h"
#include "core/base/rand.h"
#include "core/wire/number.h"
#include "core/wire/signal_stream.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

static uint64_t drawn;
static uint64_t draw(uint64_t below) { return weft_draw(11, 12, 13, drawn++) % below; }

static unsigned char bytes[8 * WEFT_SIGNAL_FRAGMENT + 4096];

static struct weft_signal random_signal(size_t data_max) {
    static const char text[WEFT_SIGNAL_TEXT_MAX + 1] = "a name";
    return (struct weft_signal){.kind = (enum weft_signal_kind)(1 + draw(16)),
                                .tag = (uint32_t)draw(UINT32_MAX),
                                .value = (int32_t)draw(1000) - 500,
                                .from = draw(UINT64_MAX),
                                .to = draw(UINT64_MAX),
                                .ref = draw(UINT64_MAX),
                                .text = weft_bytes(text, draw(sizeof text)),
                                .data = weft_bytes(bytes, draw(data_max + 1))};
}

static bool same(const struct weft_signal *a, const struct weft_signal *b) {
    return a->kind == b->kind && a->flags == b->flags && a->tag == b->tag && a->value == b->value &&
           a->from == b->from && a->to == b->to && a->ref == b->ref &&
           weft_bytes_equal(a->text, b->text) && weft_bytes_equal(a->data, b->data);
}

static void what_is_encoded_is_decoded(void) {
    unsigned char frame[2048];
    for (int i = 0; i < 1000; i++) {
        struct weft_signal signal = random_signal(1000), back;
        size_t size = weft_signal_size(&signal), read;
        weft_signal_encode(&signal, frame);
        CHECK_EQ_INT(weft_signal_decode(weft_bytes(frame, size), &back, &read), WEFT_OK);
        CHECK_EQ_UINT(read, size);
        CHECK(same(&signal, &back));
        size_t cut = draw(size);
        CHECK_EQ_INT(weft_signal_decode(weft_bytes(frame, cut), &back, &read), WEFT_ERR_AGAIN);
    }
}

static void what_contradicts_itself_is_malformed(void) {
    unsigned char frame[64];
    struct weft_signal signal = {.kind = WEFT_SIGNAL_SEND, .data = weft_bytes("12345678", 8)};
    size_t size = weft_signal_size(&signal), read;
    struct {
        size_t at;
        unsigned char value;
    } const wrong[] = {{4, 0}, {4, WEFT_SIGNAL_KIND_END}, {5, 2}, {6, 9}, {7, 1}, {0, 35}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        weft_signal_encode(&signal, frame);
        frame[wrong[i].at] = wrong[i].value;
        CHECK_EQ_INT(weft_signal_decode(weft_bytes(frame, size), &signal, &read),
                     WEFT_ERR_MALFORMED);
    }
    weft_number_put32(frame, WEFT_SIGNAL_SIZE_MAX - 3);
    CHECK_EQ_INT(weft_signal_decode(weft_bytes(frame, size), &signal, &read), WEFT_ERR_TOO_BIG);
}

/* --- streams --- */

#define SIGNALS 300

static struct weft_signal put[SIGNALS];
static size_t put_count, read_count;
static size_t next_of[4]; /* by sender: how many of its signals have come */

static int take(void *ctx, const struct weft_signal *signal) {
    (void)ctx;
    size_t index = next_of[signal->from];
    while (index < put_count && put[index].from != signal->from) index++;
    CHECK(index < put_count);
    if (index < put_count) CHECK(same(&put[index], signal));
    next_of[signal->from] = index + 1;
    read_count++;
    return WEFT_OK;
}

static void carry(struct weft_signal_writer *writer, struct weft_signal_reader *reader) {
    struct weft_bytes out;
    CHECK_EQ_INT(weft_signal_writer_peek(writer, &out), WEFT_OK);
    if (out.size == 0) return;
    size_t size = 1 + draw(out.size);
    CHECK_EQ_INT(weft_signal_reader_feed(reader, weft_bytes(out.data, size), take, NULL), WEFT_OK);
    weft_signal_writer_take(writer, size);
}

static void a_stream_keeps_the_order_of_each_sender_whatever_the_pieces(void) {
    struct weft_mem_heap heap;
    struct weft_signal_writer writer;
    struct weft_signal_reader reader;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 7 + i / 256);
    for (int run = 0; run < 20; run++) {
        weft_mem_heap_init(&heap, 0);
        weft_signal_writer_init(&writer, &heap.base);
        weft_signal_reader_init(&reader, &heap.base);
        put_count = read_count = 0;
        memset(next_of, 0, sizeof next_of);
        while (put_count < SIGNALS) {
            struct weft_signal signal = random_signal(draw(4) == 0 ? sizeof bytes : 100);
            signal.from = draw(4);
            if (weft_signal_writer_put(&writer, &signal, true) == WEFT_OK)
                put[put_count++] = signal;
            if (draw(3) == 0) carry(&writer, &reader);
        }
        for (int i = 0; writer.pending > 0 && i < 1000000; i++) carry(&writer, &reader);
        CHECK_EQ_UINT(read_count, put_count);
        CHECK_EQ_UINT(writer.pending, 0);
        weft_signal_writer_deinit(&writer);
        weft_signal_reader_deinit(&reader);
        CHECK_EQ_UINT(heap.bytes, 0);
    }
}

static enum weft_signal_kind first_kind;
static int note_first(void *ctx, const struct weft_signal *signal) {
    (void)ctx;
    if (first_kind == 0) first_kind = signal->kind;
    return WEFT_OK;
}

static void a_large_message_does_not_hold_up_others(void) {
    struct weft_mem_heap heap;
    struct weft_signal_writer writer;
    struct weft_signal_reader reader;
    struct weft_bytes out;
    struct weft_signal large = {
        .kind = WEFT_SIGNAL_SEND, .from = 1, .data = weft_bytes(bytes, sizeof bytes)};
    struct weft_signal small = {.kind = WEFT_SIGNAL_EXIT, .from = 2};
    weft_mem_heap_init(&heap, 0);
    weft_signal_writer_init(&writer, &heap.base);
    weft_signal_reader_init(&reader, &heap.base);
    first_kind = 0;
    CHECK_EQ_INT(weft_signal_writer_put(&writer, &large, false), WEFT_OK);
    (void)weft_signal_writer_peek(&writer, &out); /* its first pieces are on the way */
    CHECK_EQ_INT(weft_signal_writer_put(&writer, &small, false), WEFT_OK);
    while (writer.pending > 0) {
        (void)weft_signal_writer_peek(&writer, &out);
        CHECK_EQ_INT(weft_signal_reader_feed(&reader, out, note_first, NULL), WEFT_OK);
        weft_signal_writer_take(&writer, out.size);
    }
    CHECK_EQ_INT(first_kind, WEFT_SIGNAL_EXIT);
    weft_signal_writer_deinit(&writer);
    weft_signal_reader_deinit(&reader);
}

static void large_messages_at_once_are_bounded(void) {
    struct weft_mem_heap heap;
    struct weft_signal_writer writer;
    struct weft_signal large = {.kind = WEFT_SIGNAL_SEND,
                                .data = weft_bytes(bytes, WEFT_SIGNAL_FRAGMENT + 1)};
    weft_mem_heap_init(&heap, 0);
    weft_signal_writer_init(&writer, &heap.base);
    for (large.from = 1; large.from <= WEFT_SIGNAL_LANES_MAX; large.from++)
        CHECK_EQ_INT(weft_signal_writer_put(&writer, &large, false), WEFT_OK);
    CHECK_EQ_INT(weft_signal_writer_put(&writer, &large, false), WEFT_ERR_FULL);
    CHECK_EQ_INT(weft_signal_writer_put(&writer, &large, true), WEFT_OK);
    weft_signal_writer_deinit(&writer);
    CHECK_EQ_UINT(heap.bytes, 0);
}

static void pieces_that_do_not_fit_are_malformed(void) {
    struct weft_mem_heap heap;
    unsigned char frame[256], piece[12] = {100};
    struct weft_signal signals[] = {
        {.kind = WEFT_SIGNAL_FRAGMENT_OF, .data = weft_bytes("x", 1)},
        {.kind = WEFT_SIGNAL_SEND, .flags = WEFT_SIGNAL_MORE, .data = weft_bytes("abc", 3)},
        {.kind = WEFT_SIGNAL_SEND, .flags = WEFT_SIGNAL_MORE, .data = weft_bytes("\1\0\0\0ab", 6)},
    };
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct weft_signal_reader reader;
        weft_mem_heap_init(&heap, 0);
        weft_signal_reader_init(&reader, &heap.base);
        weft_signal_encode(&signals[i], frame);
        struct weft_bytes in = weft_bytes(frame, weft_signal_size(&signals[i]));
        CHECK_EQ_INT(weft_signal_reader_feed(&reader, in, note_first, NULL), WEFT_ERR_MALFORMED);
        weft_signal_reader_deinit(&reader);
        CHECK_EQ_UINT(heap.bytes, 0);
    }
    /* The last piece is of another size than what is missing. */
    struct weft_signal_reader reader;
    struct weft_signal first = {.kind = WEFT_SIGNAL_SEND,
                                .flags = WEFT_SIGNAL_MORE,
                                .data = weft_bytes(piece, sizeof piece)};
    weft_signal_reader_init(&reader, &heap.base);
    weft_signal_encode(&first, frame);
    struct weft_bytes in = weft_bytes(frame, weft_signal_size(&first));
    CHECK_EQ_INT(weft_signal_reader_feed(&reader, in, note_first, NULL), WEFT_OK);
    weft_signal_encode(&signals[0], frame);
    in = weft_bytes(frame, weft_signal_size(&signals[0]));
    CHECK_EQ_INT(weft_signal_reader_feed(&reader, in, note_first, NULL), WEFT_ERR_MALFORMED);
    weft_signal_reader_deinit(&reader);
    CHECK_EQ_UINT(heap.bytes, 0);
}

static void a_frame_over_the_bound_is_refused_before_it_has_come(void) {
    struct weft_mem_heap heap;
    struct weft_signal_reader reader;
    unsigned char frame[4];
    weft_mem_heap_init(&heap, 0);
    weft_signal_reader_init(&reader, &heap.base);
    reader.frame_max = 100;
    weft_number_put32(frame, 97);
    CHECK_EQ_INT(weft_signal_reader_feed(&reader, weft_bytes(frame, 4), note_first, NULL),
                 WEFT_ERR_TOO_BIG);
    weft_signal_reader_deinit(&reader);
}

/* Each sender's goes as one, however many want to. */
static void what_has_begun_is_bounded_and_all_of_it_comes(void) {
    enum { SENDERS = 5 };
    size_t size = WEFT_MESSAGE_MAX * 3 / 4;
    unsigned char *data = calloc(1, size);
    struct weft_mem_heap heap;
    struct weft_signal_writer writer;
    struct weft_signal_reader reader;
    struct weft_bytes out;
    size_t most = 0;
    weft_mem_heap_init(&heap, 0);
    weft_signal_writer_init(&writer, &heap.base);
    weft_signal_reader_init(&reader, &heap.base);
    put_count = read_count = 0;
    memset(next_of, 0, sizeof next_of);
    for (uint64_t i = 0; i < SENDERS; i++) {
        put[put_count] = (struct weft_signal){
            .kind = WEFT_SIGNAL_REPLY, .from = i % 4, .data = weft_bytes(data, size)};
        CHECK_EQ_INT(weft_signal_writer_put(&writer, &put[put_count++], true), WEFT_OK);
    }
    while (writer.pending > 0) {
        (void)weft_signal_writer_peek(&writer, &out);
        CHECK_EQ_INT(weft_signal_reader_feed(&reader, out, take, NULL), WEFT_OK);
        weft_signal_writer_take(&writer, out.size);
        most = reader.begun > most ? reader.begun : most;
    }
    CHECK_EQ_UINT(read_count, SENDERS);
    CHECK_EQ_UINT(most, 2 * size); /* a third would be too much */
    CHECK_EQ_UINT(reader.begun, 0);
    CHECK_EQ_UINT(writer.begun, 0);
    weft_signal_writer_deinit(&writer);
    weft_signal_reader_deinit(&reader);
    free(data);
}

static void who_begins_more_than_that_is_refused(void) {
    struct weft_mem_heap heap;
    struct weft_signal_reader reader;
    unsigned char piece[5], frame[WEFT_SIGNAL_HEAD + sizeof piece];
    weft_mem_heap_init(&heap, 0);
    weft_signal_reader_init(&reader, &heap.base);
    weft_number_put32(piece, WEFT_MESSAGE_MAX);
    for (uint64_t i = 0; i < 3; i++) {
        struct weft_signal first = {.kind = WEFT_SIGNAL_SEND,
                                    .flags = WEFT_SIGNAL_MORE,
                                    .from = i,
                                    .data = weft_bytes(piece, sizeof piece)};
        weft_signal_encode(&first, frame);
        struct weft_bytes in = weft_bytes(frame, weft_signal_size(&first));
        CHECK_EQ_INT(weft_signal_reader_feed(&reader, in, note_first, NULL),
                     i < 2 ? WEFT_OK : WEFT_ERR_TOO_BIG);
    }
    CHECK_EQ_UINT(reader.begun, WEFT_SIGNAL_BEGUN_MAX);
    weft_signal_reader_deinit(&reader);
    CHECK_EQ_UINT(heap.bytes, 0);
}

TEST_MAIN("wire/signal", TEST(what_has_begun_is_bounded_and_all_of_it_comes),
          TEST(who_begins_more_than_that_is_refused), TEST(what_is_encoded_is_decoded),
          TEST(what_contradicts_itself_is_malformed),
          TEST(a_stream_keeps_the_order_of_each_sender_whatever_the_pieces),
          TEST(a_large_message_does_not_hold_up_others), TEST(large_messages_at_once_are_bounded),
          TEST(pieces_that_do_not_fit_are_malformed),
          TEST(a_frame_over_the_bound_is_refused_before_it_has_come))
