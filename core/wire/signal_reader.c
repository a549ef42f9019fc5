/* Bytes to signals: frames that come in parts, and messages that come in pieces. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/wire/number.h"
#include "core/wire/signal_stream.h"

#define ROOM_MIN 256

/* A message of which `filled` of `size` data bytes have come. */
struct part {
    struct weft_link link;
    struct weft_signal signal; /* its text and data point into bytes */
    size_t room;               /* of bytes */
    size_t filled;
    unsigned char bytes[];
};

struct feed {
    struct weft_signal_reader *reader;
    int (*fn)(void *ctx, const struct weft_signal *signal);
    void *ctx;
};

void weft_signal_reader_init(struct weft_signal_reader *reader, struct weft_mem *mem) {
    WEFT_ASSERT(mem != NULL);
    *reader = (struct weft_signal_reader){.mem = mem, .frame_max = WEFT_SIGNAL_SIZE_MAX};
    weft_list_init(&reader->parts);
}

static void part_free(struct weft_signal_reader *reader, struct part *part) {
    weft_list_remove(&part->link);
    WEFT_ASSERT(reader->begun >= part->signal.data.size);
    reader->begun -= part->signal.data.size;
    weft_mem_free(reader->mem, part, sizeof *part + part->room);
}

void weft_signal_reader_deinit(struct weft_signal_reader *reader) {
    while (!weft_list_empty(&reader->parts))
        part_free(reader, WEFT_CONTAINER(reader->parts.next, struct part, link));
    weft_mem_free(reader->mem, reader->held, reader->held_room);
    reader->held = NULL;
    reader->held_size = reader->held_room = 0;
}

static struct part *part_find(const struct weft_signal_reader *reader, uint64_t from) {
    for (struct weft_link *at = reader->parts.next; at != &reader->parts; at = at->next) {
        struct part *part = WEFT_CONTAINER(at, struct part, link);
        if (part->signal.from == from) return part;
    }
    return NULL;
}

static int part_begin(struct weft_signal_reader *reader, const struct weft_signal *first) {
    if (first->data.size < 4) return WEFT_ERR_MALFORMED;
    size_t size = weft_number_get32(first->data.data), came = first->data.size - 4;
    if (size > WEFT_MESSAGE_MAX) return WEFT_ERR_TOO_BIG;
    if (came >= size || part_find(reader, first->from) != NULL) return WEFT_ERR_MALFORMED;
    if (size > WEFT_SIGNAL_BEGUN_MAX - reader->begun) return WEFT_ERR_TOO_BIG;
    size_t room = first->text.size + size;
    struct part *part = weft_mem_alloc(reader->mem, sizeof *part + room);
    if (part == NULL) return WEFT_ERR_NOMEM;
    part->signal = *first;
    part->signal.flags = 0;
    part->room = room;
    part->filled = came;
    weft_list_init(&part->link);
    if (first->text.size > 0) memcpy(part->bytes, first->text.data, first->text.size);
    memcpy(part->bytes + first->text.size, first->data.data + 4, came);
    part->signal.text = weft_bytes(part->bytes, first->text.size);
    part->signal.data = weft_bytes(part->bytes + first->text.size, size);
    weft_list_push_back(&reader->parts, &part->link);
    reader->begun += size;
    return WEFT_OK;
}

static int part_add(const struct feed *feed, const struct weft_signal *piece) {
    struct part *part = part_find(feed->reader, piece->from);
    bool more = piece->flags & WEFT_SIGNAL_MORE;
    if (part == NULL || piece->data.size == 0) return WEFT_ERR_MALFORMED;
    size_t left = part->signal.data.size - part->filled;
    if (more ? piece->data.size >= left : piece->data.size != left) return WEFT_ERR_MALFORMED;
    memcpy(part->bytes + part->signal.text.size + part->filled, piece->data.data, piece->data.size);
    part->filled += piece->data.size;
    if (more) return WEFT_OK;
    int rv = feed->fn(feed->ctx, &part->signal);
    part_free(feed->reader, part);
    return rv;
}

static int take_frame(const struct feed *feed, const struct weft_signal *signal) {
    if (signal->kind == WEFT_SIGNAL_FRAGMENT_OF) return part_add(feed, signal);
    if (signal->flags & WEFT_SIGNAL_MORE) return part_begin(feed->reader, signal);
    if (signal->data.size > WEFT_MESSAGE_MAX) return WEFT_ERR_TOO_BIG;
    return feed->fn(feed->ctx, signal);
}

/* Every complete frame of `bytes`; *used: their bytes. */
static int take_frames(const struct feed *feed, struct weft_bytes bytes, size_t *used) {
    *used = 0;
    for (;;) {
        struct weft_signal signal;
        size_t size;
        struct weft_bytes rest = {bytes.data + *used, bytes.size - *used};
        int rv = weft_signal_decode(rest, &signal, &size);
        if (size > feed->reader->frame_max) return WEFT_ERR_TOO_BIG;
        if (rv == WEFT_ERR_AGAIN) return WEFT_OK;
        if (rv != WEFT_OK) return rv;
        *used += size;
        rv = take_frame(feed, &signal);
        if (rv != WEFT_OK) return rv;
    }
}

static int hold(struct weft_signal_reader *reader, struct weft_bytes bytes) {
    size_t size = reader->held_size + bytes.size;
    if (size > reader->held_room) {
        size_t room = size < ROOM_MIN ? ROOM_MIN : size + size / 2;
        unsigned char *held = weft_mem_resize(reader->mem, reader->held, reader->held_room, room);
        if (held == NULL) return WEFT_ERR_NOMEM;
        reader->held = held;
        reader->held_room = room;
    }
    memcpy(reader->held + reader->held_size, bytes.data, bytes.size);
    reader->held_size = size;
    return WEFT_OK;
}

/* How many bytes the frame that is held lacks, as far as its start tells. */
static size_t lacking(const struct weft_signal_reader *reader) {
    if (reader->held_size < 4) return 4 - reader->held_size;
    size_t size = (size_t)weft_number_get32(reader->held) + 4;
    return size > reader->held_size ? size - reader->held_size : 0;
}

/* Complete the frame that is held; *used: bytes taken for it. */
static int complete(const struct feed *feed, struct weft_bytes bytes, size_t *used) {
    struct weft_signal_reader *reader = feed->reader;
    *used = 0;
    while (reader->held_size > 0 && *used < bytes.size) {
        size_t wanted = lacking(reader), left = bytes.size - *used, took;
        if (wanted > left) wanted = left;
        int rv = hold(reader, weft_bytes(bytes.data + *used, wanted));
        if (rv != WEFT_OK) return rv;
        *used += wanted;
        rv = take_frames(feed, weft_bytes(reader->held, reader->held_size), &took);
        if (rv != WEFT_OK) return rv;
        WEFT_ASSERT(took == 0 || took == reader->held_size);
        if (took > 0) reader->held_size = 0;
    }
    return WEFT_OK;
}

int weft_signal_reader_feed(struct weft_signal_reader *reader, struct weft_bytes bytes,
                            int (*fn)(void *ctx, const struct weft_signal *signal), void *ctx) {
    WEFT_ASSERT(reader->frame_max > 0);
    struct feed feed = {.reader = reader, .fn = fn, .ctx = ctx};
    size_t used, direct;
    int rv = complete(&feed, bytes, &used);
    if (rv != WEFT_OK || used == bytes.size) return rv;
    struct weft_bytes rest = {bytes.data + used, bytes.size - used};
    rv = take_frames(&feed, rest, &direct);
    if (rv != WEFT_OK || direct == rest.size) return rv;
    return hold(reader, weft_bytes(rest.data + direct, rest.size - direct));
}
