/* Parcels: their memory, and their way through the network. */
#include "core/base/assert.h"
#include "sim/world/flows.h"

#include <stdlib.h>
#include <string.h>

#define POOLED_MAX 4096u /* free parcels kept, of each class */

static const uint32_t class_size[SIM_POOL_CLASSES] = {0, 32, 256, 1536};

/* The smallest class that fits; SIM_POOL_CLASSES: none does, it is made to measure. */
static uint32_t class_of(uint32_t size) {
    if (size <= class_size[1]) return size > 0;
    uint32_t class = 2;
    while (class < SIM_POOL_CLASSES && class_size[class] < size) class ++;
    return class;
}

static struct sim_parcel *pool_take(struct sim_fabric *fabric, uint32_t class) {
    struct sim_parcel *parcel = fabric->pool[class];
    if (parcel == NULL) return malloc(sizeof *parcel + class_size[class]);
    WEFT_ASSERT(fabric->pool_count[class] > 0);
    fabric->pool[class] = parcel->next_free;
    fabric->pool_count[class]--;
    return parcel;
}

struct sim_parcel *sim_parcel_new(struct sim_fabric *fabric, uint32_t size) {
    WEFT_ASSERT(size <= WEFT_DATAGRAM_MAX);
    uint32_t class = class_of(size);
    struct sim_parcel *parcel =
        class < SIM_POOL_CLASSES ? pool_take(fabric, class) : malloc(sizeof *parcel + size);
    if (parcel != NULL)
        *parcel = (struct sim_parcel){.refs = 1, .size = size, .class = (uint8_t) class};
    return parcel;
}

void sim_parcel_unref(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    WEFT_ASSERT(parcel->refs > 0);
    if (--parcel->refs > 0) return;
    uint32_t class = parcel->class;
    if (class == SIM_POOL_CLASSES || fabric->pool_count[class] == POOLED_MAX) {
        free(parcel);
        return;
    }
    parcel->next_free = fabric->pool[class];
    fabric->pool[class] = parcel;
    fabric->pool_count[class]++;
}

void sim_parcel_pool_free(struct sim_fabric *fabric) {
    for (uint32_t class = 0; class < SIM_POOL_CLASSES; class ++) {
        while (fabric->pool_count[class] > 0) free(pool_take(fabric, class));
    }
}

void sim_fabric_drop(const struct sim_event *event) {
    if (event->kind != SIM_EVENT_PARCEL && event->kind != SIM_EVENT_PARCEL_THROUGH) return;
    struct sim_parcel *parcel = event->data;
    WEFT_ASSERT(parcel->refs > 0);
    if (--parcel->refs == 0) free(parcel);
}

void sim_parcel_lost(struct sim_fabric *fabric, const struct sim_parcel *parcel,
                     enum sim_loss cause) {
    fabric->stats.packets_lost++;
    sim_fabric__trace_packet(fabric, parcel->from, WEFT_TRACE_PACKET_LOST,
                             (uint64_t[4]){parcel->to, parcel->size, parcel->number, cause});
}

void sim_parcel_received(struct sim_fabric *fabric, const struct sim_parcel *parcel) {
    fabric->stats.packets_received++;
    sim_engine_fold_bytes(fabric->config.engine, parcel->bytes, parcel->size);
    sim_fabric__trace_packet(fabric, parcel->to, WEFT_TRACE_PACKET_RECEIVED,
                             (uint64_t[4]){parcel->from, parcel->size, parcel->number});
}

/* As the network knows it, now. */
static struct sim_packet packet_of(const struct sim_fabric *fabric,
                                   const struct sim_parcel *parcel) {
    return (struct sim_packet){.from = parcel->from,
                               .to = parcel->to,
                               .size = parcel->size,
                               .number = parcel->number,
                               .now = sim_engine_now(fabric->config.engine),
                               .stream = parcel->kind != SIM_PARCEL_DATAGRAM};
}

static struct sim_route route_of(const struct sim_fabric *fabric, const struct sim_parcel *parcel) {
    return (struct sim_route){.now = sim_engine_now(fabric->config.engine),
                              .stream = parcel->kind != SIM_PARCEL_DATAGRAM,
                              .from = parcel->from,
                              .to = parcel->to,
                              .source = parcel->source,
                              .target = parcel->target};
}

/* Where a packet was on its way to a machine that is up, at an address it has no more. */
static void note_missed(struct sim_fabric *fabric, const struct sim_route *route) {
    if (route->missed == UINT32_MAX) return;
    const struct sim_machine *machine = fabric->berths[route->missed].machine;
    if (machine != NULL && machine->up) sim_places_missed(fabric->places, route->missed);
}

/* Whom it goes to, and from where as they see it. */
static enum sim_loss find_way(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    if (fabric->places == NULL) {
        parcel->to = sim_fabric_node_at(fabric, &parcel->target);
        return parcel->to != UINT32_MAX ? SIM_LOSS_NONE : SIM_LOSS_NO_NODE;
    }
    struct sim_route route = route_of(fabric, parcel);
    enum sim_loss loss = sim_places_depart(fabric->places, &route);
    parcel->to = route.to;
    parcel->source = route.source;
    note_missed(fabric, &route);
    return loss;
}

enum sim_loss sim_parcel_let_in(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    WEFT_ASSERT(fabric->places != NULL);
    struct sim_route route = route_of(fabric, parcel);
    enum sim_loss loss = sim_places_arrive(fabric->places, &route);
    parcel->target = route.target;
    note_missed(fabric, &route);
    return loss;
}

static void find_fate(struct sim_fabric *fabric, const struct sim_parcel *parcel,
                      struct sim_fate *fate) {
    if (parcel->from == parcel->to) {
        sim_fate_init(fate);
        fate->delay[0] = SIM_LOOPBACK_DELAY;
        return;
    }
    struct sim_packet packet = packet_of(fabric, parcel);
    if (fabric->config.kind_of != NULL && sim_net_asks_kind(fabric->config.net)) {
        packet.kind = fabric->config.kind_of(parcel->bytes, parcel->size, packet.stream);
    }
    sim_net_fate(fabric->config.net, &packet, fate);
}

static bool schedule(struct sim_fabric *fabric, struct sim_parcel *parcel, weft_time at,
                     enum sim_fabric_kind kind) {
    struct sim_event event = {.at = at,
                              .kind = kind,
                              .entity = parcel->to,
                              .arg = (uint64_t)parcel->from << 32 ^ parcel->number,
                              .data = parcel};
    return sim_engine_schedule(fabric->config.engine, &event) != 0;
}

static void queue_copy(struct sim_fabric *fabric, struct sim_parcel *parcel, weft_time at) {
    parcel->refs++;
    if (schedule(fabric, parcel, at, SIM_EVENT_PARCEL)) return;
    parcel->refs--;
    sim_parcel_lost(fabric, parcel, SIM_LOSS_FAULT);
}

/* A parcel is never changed once sent, so what a link damages is a copy of its own. */
static void queue_damaged(struct sim_fabric *fabric, struct sim_parcel *parcel, weft_time at,
                          uint64_t damage) {
    struct sim_parcel *copy = sim_parcel_new(fabric, parcel->size);
    if (copy == NULL) {
        sim_parcel_lost(fabric, parcel, SIM_LOSS_FAULT);
        return;
    }
    uint8_t class = copy->class;
    *copy = *parcel;
    copy->refs = 1;
    copy->class = class;
    memcpy(copy->bytes, parcel->bytes, parcel->size);
    sim_net_damage(damage, copy->bytes, copy->size);
    queue_copy(fabric, copy, at);
    sim_parcel_unref(fabric, copy);
}

bool sim_parcel_arrives(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    struct sim_packet packet = packet_of(fabric, parcel);
    weft_duration wait;
    enum sim_loss loss = sim_net_arrive(fabric->config.net, &packet, &wait);
    if (loss == SIM_LOSS_NONE && wait == 0) return true;
    if (loss == SIM_LOSS_NONE &&
        schedule(fabric, parcel, weft_time_add(packet.now, wait), SIM_EVENT_PARCEL_THROUGH)) {
        return false;
    }
    sim_parcel_lost(fabric, parcel, loss == SIM_LOSS_NONE ? SIM_LOSS_FAULT : loss);
    sim_parcel_unref(fabric, parcel);
    return false;
}

/* A stream's parcel arrives once and in order: what a link does twice or overtaking, TCP undoes. */
static void queue_in_order(struct sim_fabric *fabric, struct sim_parcel *parcel, weft_time at,
                           weft_time *arrival_last) {
    at = weft_time_max(at, *arrival_last + 1);
    *arrival_last = at;
    queue_copy(fabric, parcel, at);
}

/* Datagrams leave a machine one after another, so that links of equal delay keep their order. */
static weft_time depart(struct sim_machine *machine, weft_time now) {
    machine->departure_last = weft_time_max(now, machine->departure_last + 1);
    return machine->departure_last;
}

void sim_parcel_queue(struct sim_fabric *fabric, struct sim_parcel *parcel,
                      const struct sim_fate *fate, weft_time at, weft_time *arrival_last) {
    if (arrival_last != NULL) {
        queue_in_order(fabric, parcel, weft_time_add(at, fate->delay[0]), arrival_last);
        return;
    }
    for (uint32_t i = 0; i < fate->copies; i++) {
        weft_time arrival = weft_time_add(at, fate->delay[i]);
        if (fate->damage[i] != 0)
            queue_damaged(fabric, parcel, arrival, fate->damage[i]);
        else
            queue_copy(fabric, parcel, arrival);
    }
}

static void queue_copies(struct sim_fabric *fabric, struct sim_parcel *parcel,
                         struct sim_fate *fate, weft_time *arrival_last) {
    struct sim_machine *sender = fabric->berths[parcel->from].machine;
    weft_time at = weft_time_max(sim_engine_now(fabric->config.engine), sender->busy_until);
    if (fabric->flows != NULL && sim_flows_take(fabric, parcel, fate, at, arrival_last)) return;
    if (arrival_last == NULL) at = depart(sender, at);
    sim_parcel_queue(fabric, parcel, fate, at, arrival_last);
}

/* What a datagram is, with the addresses that its sender knows: a NAT has changed `source` since.
 */
static void trace_data(const struct sim_fabric *fabric, const struct sim_parcel *parcel,
                       const struct weft_addr *source) {
    const struct sim_fabric_config *config = &fabric->config;
    size_t head = 2 * sizeof *source, size = head + parcel->size;
    unsigned char *bytes = malloc(size);
    WEFT_ASSERT(bytes != NULL); /* a trace with holes would be another run */
    memcpy(bytes, source, sizeof *source);
    memcpy(bytes + sizeof *source, &parcel->target, sizeof parcel->target);
    memcpy(bytes + head, parcel->bytes, parcel->size);
    struct weft_trace_event event = {.at = sim_engine_now(config->engine),
                                     .node = parcel->from,
                                     .kind = WEFT_TRACE_PACKET_DATA,
                                     .number = {parcel->number, parcel->to},
                                     .bytes = weft_bytes(bytes, size)};
    config->trace(config->ctx, &event);
    free(bytes);
}

static void trace_sent(struct sim_fabric *fabric, const struct sim_parcel *parcel,
                       const struct weft_addr *source) {
    const struct sim_fabric_config *config = &fabric->config;
    sim_fabric__trace_packet(fabric, parcel->from, WEFT_TRACE_PACKET_SENT,
                             (uint64_t[4]){parcel->to, parcel->size, parcel->number});
    if (config->trace == NULL || parcel->kind != SIM_PARCEL_DATAGRAM) return;
    if (config->trace_mask & WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA))
        trace_data(fabric, parcel, source);
}

void sim_parcel_send_take(struct sim_fabric *fabric, struct sim_parcel *parcel,
                          weft_time *arrival_last) {
    WEFT_ASSERT(parcel->refs == 1);
    WEFT_ASSERT(parcel->from < fabric->config.nodes);
    struct weft_addr source = parcel->source; /* find_way changes it */
    parcel->number = ++fabric->berths[parcel->from].packets;
    sim_engine_sends(fabric->config.engine, parcel->bytes, parcel->size);
    enum sim_loss loss = find_way(fabric, parcel);
    fabric->stats.packets_sent++;
    trace_sent(fabric, parcel, &source);
    if (loss != SIM_LOSS_NONE) {
        sim_parcel_lost(fabric, parcel, loss);
    } else {
        struct sim_fate fate;
        find_fate(fabric, parcel, &fate);
        WEFT_ASSERT(fate.copies <= SIM_COPIES_MAX);
        if (fate.copies == 0)
            sim_parcel_lost(fabric, parcel, fate.cause);
        else
            queue_copies(fabric, parcel, &fate, arrival_last);
    }
    sim_parcel_unref(fabric, parcel);
}
