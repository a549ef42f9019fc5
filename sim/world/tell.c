/* What sockets tell their node: at once, or in order when it is resumed. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

#include <stdlib.h>

static void deliver(struct sim_machine *machine, const struct weft_event *event) {
    if (event->kind == WEFT_EVENT_ACCEPTED) sim_stream_accepted(machine, event->accepted);
    sim_fabric__deliver(machine, event);
}

static void wait(struct sim_machine *machine, const struct weft_event *event,
                 struct sim_parcel *parcel) {
    struct sim_waiting *waiting = malloc(sizeof *waiting);
    WEFT_ASSERT(waiting != NULL); /* a stream's event cannot be lost without a word */
    waiting->event = *event;
    waiting->parcel = parcel;
    if (parcel != NULL) parcel->refs++;
    weft_list_push_back(&sim_fabric__rest(machine)->waiting, &waiting->link);
    sim_fabric__hold(machine);
}

void sim_fabric__tell(struct sim_machine *machine, const struct weft_event *event,
                      struct sim_parcel *parcel) {
    WEFT_ASSERT(machine->up);
    WEFT_ASSERT((event->data != NULL) == (parcel != NULL));
    if (sim_fabric__deaf(machine))
        wait(machine, event, parcel);
    else
        deliver(machine, event);
}

/* One at a time, looking the stream up again: whoever hears of it may close it. */
void sim_fabric__tell_stream(struct sim_machine *machine, weft_socket id) {
    static const enum weft_event_kind kind_of[] = {WEFT_EVENT_CONNECTED, WEFT_EVENT_READABLE,
                                                   WEFT_EVENT_WRITABLE, WEFT_EVENT_FAILED};
    for (unsigned i = 0; i < sizeof kind_of / sizeof kind_of[0]; i++) {
        struct sim_stream *stream = sim_socket_stream(machine, id);
        if (stream == NULL || stream->orphan) return;
        if (!(stream->due & 1u << i)) continue;
        stream->due = (uint8_t)(stream->due & ~(1u << i));
        struct weft_event event = {.kind = kind_of[i],
                                   .owner = stream->socket.owner,
                                   .socket = id,
                                   .error = kind_of[i] == WEFT_EVENT_FAILED ? stream->error : 0};
        sim_fabric__tell(machine, &event, NULL);
    }
}

static void tell_one(struct sim_machine *machine, struct sim_waiting *waiting) {
    struct sim_socket *socket = sim_socket_find(machine, waiting->event.socket);
    if (socket == NULL) return;
    struct sim_stream *stream = sim_socket_stream(machine, socket->id);
    if (stream != NULL && stream->orphan) return;
    waiting->event.owner = socket->owner;
    if (socket->kind == SIM_SOCKET_DATAGRAM) {
        uint32_t held = (uint32_t)waiting->event.size + SIM_DATAGRAM_OVERHEAD;
        WEFT_ASSERT(socket->waiting >= held);
        socket->waiting -= held;
    }
    deliver(machine, &waiting->event);
}

static struct sim_waiting *take_first(struct sim_machine *machine) {
    struct sim_machine_rest *rest = machine->rest;
    struct weft_link *link = rest != NULL ? weft_list_pop_front(&rest->waiting) : NULL;
    return link != NULL ? WEFT_CONTAINER(link, struct sim_waiting, link) : NULL;
}

static void free_waiting(struct sim_machine *machine, struct sim_waiting *waiting) {
    if (waiting->parcel != NULL) sim_parcel_unref(machine->fabric, waiting->parcel);
    free(waiting);
}

void sim_fabric__tell_waiting(struct sim_machine *machine) {
    WEFT_ASSERT(!sim_fabric__deaf(machine));
    for (struct sim_waiting *waiting; (waiting = take_first(machine)) != NULL;) {
        tell_one(machine, waiting);
        free_waiting(machine, waiting);
    }
}

void sim_fabric__forget_waiting(struct sim_machine *machine) {
    for (struct sim_waiting *waiting; (waiting = take_first(machine)) != NULL;) {
        free_waiting(machine, waiting);
    }
}
