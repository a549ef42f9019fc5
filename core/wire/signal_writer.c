/* What waits to be written: one queue of bytes, and a lane for each sender of a large message. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/wire/number.h"
#include "core/wire/signal_stream.h"

#define ROOM_MIN 4096

/* One signal in a lane. The bytes are those of its frame, were it in one piece. */
struct parcel {
    struct weft_link link;
    size_t size; /* of the frame */
    size_t sent; /* of its data */
    unsigned char frame[];
};

struct lane {
    struct weft_link link;
    struct weft_link parcels;
    uint64_t from;
};

void weft_signal_writer_init(struct weft_signal_writer *writer, struct weft_mem *mem) {
    WEFT_ASSERT(mem != NULL);
    *writer = (struct weft_signal_writer){.mem = mem};
    weft_list_init(&writer->lanes);
}

static void parcel_free(struct weft_signal_writer *writer, struct parcel *parcel) {
    weft_list_remove(&parcel->link);
    weft_mem_free(writer->mem, parcel, sizeof *parcel + parcel->size);
}

static void lane_free(struct weft_signal_writer *writer, struct lane *lane) {
    WEFT_ASSERT(writer->lanes_count > 0);
    while (!weft_list_empty(&lane->parcels))
        parcel_free(writer, WEFT_CONTAINER(lane->parcels.next, struct parcel, link));
    weft_list_remove(&lane->link);
    writer->lanes_count--;
    weft_mem_free(writer->mem, lane, sizeof *lane);
}

void weft_signal_writer_deinit(struct weft_signal_writer *writer) {
    while (!weft_list_empty(&writer->lanes))
        lane_free(writer, WEFT_CONTAINER(writer->lanes.next, struct lane, link));
    weft_mem_free(writer->mem, writer->data, writer->room);
    writer->data = NULL;
    writer->head = writer->size = writer->room = writer->pending = writer->begun = 0;
}

static struct lane *lane_find(const struct weft_signal_writer *writer, uint64_t from) {
    for (struct weft_link *at = writer->lanes.next; at != &writer->lanes; at = at->next) {
        struct lane *lane = WEFT_CONTAINER(at, struct lane, link);
        if (lane->from == from) return lane;
    }
    return NULL;
}

/* What was taken at the queue's front is used again. */
int weft_signal_writer_reserve(struct weft_signal_writer *writer, size_t size) {
    if (writer->room - writer->size >= size) return WEFT_OK;
    size_t left = writer->size - writer->head;
    if (writer->head > 0 && writer->room - left >= size && left <= writer->room / 2) {
        memmove(writer->data, writer->data + writer->head, left);
        writer->head = 0;
        writer->size = left;
        return WEFT_OK;
    }
    size_t room = writer->room < ROOM_MIN ? ROOM_MIN : writer->room * 2;
    while (room < writer->size + size) room *= 2;
    unsigned char *data = weft_mem_resize(writer->mem, writer->data, writer->room, room);
    if (data == NULL) { /* little memory: no more than is needed */
        room = writer->size + size;
        data = weft_mem_resize(writer->mem, writer->data, writer->room, room);
    }
    if (data == NULL) return WEFT_ERR_NOMEM;
    writer->data = data;
    writer->room = room;
    return WEFT_OK;
}

static int append(struct weft_signal_writer *writer, const struct weft_signal *signal) {
    size_t size = weft_signal_size(signal);
    int rv = weft_signal_writer_reserve(writer, size);
    if (rv != WEFT_OK) return rv;
    weft_signal_encode(signal, writer->data + writer->size);
    writer->size += size;
    return WEFT_OK;
}

static int lane_put(struct weft_signal_writer *writer, struct lane *lane,
                    const struct weft_signal *signal) {
    size_t size = weft_signal_size(signal);
    struct parcel *parcel = weft_mem_alloc(writer->mem, sizeof *parcel + size);
    if (parcel == NULL) return WEFT_ERR_NOMEM;
    parcel->size = size;
    parcel->sent = 0;
    weft_list_init(&parcel->link);
    weft_signal_encode(signal, parcel->frame);
    weft_list_push_back(&lane->parcels, &parcel->link);
    return WEFT_OK;
}

static struct lane *lane_new(struct weft_signal_writer *writer, uint64_t from) {
    struct lane *lane = weft_mem_alloc(writer->mem, sizeof *lane);
    if (lane == NULL) return NULL;
    lane->from = from;
    weft_list_init(&lane->link);
    weft_list_init(&lane->parcels);
    weft_list_push_back(&writer->lanes, &lane->link);
    writer->lanes_count++;
    return lane;
}

static int put_large(struct weft_signal_writer *writer, const struct weft_signal *signal,
                     bool must) {
    if (writer->lanes_count >= WEFT_SIGNAL_LANES_MAX && !must) return WEFT_ERR_FULL;
    struct lane *lane = lane_new(writer, signal->from);
    if (lane == NULL) return WEFT_ERR_NOMEM;
    int rv = lane_put(writer, lane, signal);
    if (rv != WEFT_OK) lane_free(writer, lane);
    return rv;
}

int weft_signal_writer_put(struct weft_signal_writer *writer, const struct weft_signal *signal,
                           bool must) {
    WEFT_ASSERT(signal->flags == 0);
    WEFT_ASSERT(signal->data.size <= WEFT_MESSAGE_MAX);
    struct lane *lane = writer->lanes_count > 0 ? lane_find(writer, signal->from) : NULL;
    int rv;
    if (lane != NULL) {
        rv = lane_put(writer, lane, signal);
    } else if (signal->data.size > WEFT_SIGNAL_FRAGMENT) {
        rv = put_large(writer, signal, must);
    } else {
        rv = append(writer, signal);
    }
    if (rv == WEFT_OK) writer->pending += weft_signal_size(signal);
    return rv;
}

static void read_parcel(const struct parcel *parcel, struct weft_signal *signal) {
    size_t size;
    int rv = weft_signal_decode(weft_bytes(parcel->frame, parcel->size), signal, &size);
    WEFT_ASSERT(rv == WEFT_OK);
    WEFT_ASSERT(size == parcel->size);
}

/* The first piece carries the size of the whole. */
static int put_first(struct weft_signal_writer *writer, const struct weft_signal *whole) {
    unsigned char piece[4 + WEFT_SIGNAL_FRAGMENT];
    struct weft_signal signal = *whole;
    weft_number_put32(piece, (uint32_t)whole->data.size);
    memcpy(piece + 4, whole->data.data, WEFT_SIGNAL_FRAGMENT);
    signal.flags = WEFT_SIGNAL_MORE;
    signal.data = weft_bytes(piece, sizeof piece);
    return append(writer, &signal);
}

static int put_next(struct weft_signal_writer *writer, const struct weft_signal *whole,
                    size_t offset) {
    size_t left = whole->data.size - offset;
    bool more = left > WEFT_SIGNAL_FRAGMENT;
    struct weft_signal signal = {
        .kind = WEFT_SIGNAL_FRAGMENT_OF,
        .flags = more ? WEFT_SIGNAL_MORE : 0,
        .from = whole->from,
        .to = whole->to,
        .data = weft_bytes(whole->data.data + offset, more ? WEFT_SIGNAL_FRAGMENT : left)};
    return append(writer, &signal);
}

/* One piece of the first parcel goes into the queue. */
static int advance(struct weft_signal_writer *writer, struct lane *lane) {
    struct parcel *parcel = WEFT_CONTAINER(lane->parcels.next, struct parcel, link);
    struct weft_signal whole;
    read_parcel(parcel, &whole);
    int rv;
    size_t before = writer->size - writer->head;
    if (whole.data.size <= WEFT_SIGNAL_FRAGMENT) {
        rv = append(writer, &whole);
        parcel->sent = whole.data.size;
    } else if (parcel->sent == 0) {
        rv = put_first(writer, &whole);
    } else {
        rv = put_next(writer, &whole, parcel->sent);
    }
    if (rv != WEFT_OK) return rv;
    writer->pending += writer->size - writer->head - before;
    if (whole.data.size > WEFT_SIGNAL_FRAGMENT && parcel->sent == 0)
        writer->begun += whole.data.size;
    if (whole.data.size > WEFT_SIGNAL_FRAGMENT) parcel->sent += WEFT_SIGNAL_FRAGMENT;
    if (parcel->sent < whole.data.size) return WEFT_OK;
    if (whole.data.size > WEFT_SIGNAL_FRAGMENT) writer->begun -= whole.data.size;
    WEFT_ASSERT(writer->pending >= parcel->size);
    writer->pending -= parcel->size;
    parcel_free(writer, parcel);
    return WEFT_OK;
}

/* Too much is on its way in pieces for the next of this lane to begin. Then another lane has
 * something that has begun. */
static bool must_wait(const struct weft_signal_writer *writer, const struct lane *lane) {
    const struct parcel *parcel = WEFT_CONTAINER(lane->parcels.next, struct parcel, link);
    if (parcel->sent > 0 || writer->begun == 0) return false;
    return parcel->size > WEFT_SIGNAL_BEGUN_MAX - writer->begun;
}

/* Lanes take turns; each adds a piece when little else waits. */
static int refill(struct weft_signal_writer *writer) {
    while (writer->lanes_count > 0 && writer->size - writer->head < WEFT_SIGNAL_FRAGMENT) {
        struct lane *lane = WEFT_CONTAINER(writer->lanes.next, struct lane, link);
        int rv = must_wait(writer, lane) ? WEFT_OK : advance(writer, lane);
        if (rv != WEFT_OK) return rv;
        if (weft_list_empty(&lane->parcels)) {
            lane_free(writer, lane);
        } else {
            weft_list_remove(&lane->link);
            weft_list_push_back(&writer->lanes, &lane->link);
        }
    }
    return WEFT_OK;
}

int weft_signal_writer_peek(struct weft_signal_writer *writer, struct weft_bytes *out) {
    WEFT_ASSERT(writer->head <= writer->size);
    int rv = writer->lanes_count > 0 ? refill(writer) : WEFT_OK;
    *out = weft_bytes(NULL, 0);
    if (writer->size > writer->head)
        *out = weft_bytes(writer->data + writer->head, writer->size - writer->head);
    return out->size > 0 ? WEFT_OK : rv;
}

void weft_signal_writer_take(struct weft_signal_writer *writer, size_t size) {
    WEFT_ASSERT(size <= writer->size - writer->head);
    WEFT_ASSERT(size <= writer->pending);
    writer->head += size;
    writer->pending -= size;
    if (writer->head == writer->size) writer->head = writer->size = 0;
}

static void drain_queue(struct weft_signal_writer *writer,
                        void (*fn)(void *ctx, const struct weft_signal *signal), void *ctx) {
    for (size_t at = 0; at < writer->size;) {
        struct weft_signal signal;
        size_t size;
        int rv =
            weft_signal_decode(weft_bytes(writer->data + at, writer->size - at), &signal, &size);
        WEFT_ASSERT(rv == WEFT_OK);
        WEFT_ASSERT(signal.flags == 0);
        at += size;
        fn(ctx, &signal);
    }
}

static void drain_lanes(struct weft_signal_writer *writer,
                        void (*fn)(void *ctx, const struct weft_signal *signal), void *ctx) {
    for (struct weft_link *at = writer->lanes.next; at != &writer->lanes; at = at->next) {
        struct lane *lane = WEFT_CONTAINER(at, struct lane, link);
        for (struct weft_link *in = lane->parcels.next; in != &lane->parcels; in = in->next) {
            struct weft_signal signal;
            read_parcel(WEFT_CONTAINER(in, struct parcel, link), &signal);
            fn(ctx, &signal);
        }
    }
}

void weft_signal_writer_drain(struct weft_signal_writer *writer,
                              void (*fn)(void *ctx, const struct weft_signal *signal), void *ctx) {
    WEFT_ASSERT(fn != NULL);
    WEFT_ASSERT(writer->head == 0);
    drain_queue(writer, fn, ctx);
    drain_lanes(writer, fn, ctx);
    struct weft_mem *mem = writer->mem;
    weft_signal_writer_deinit(writer);
    weft_signal_writer_init(writer, mem);
}
