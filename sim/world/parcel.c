/* Parcels: their memory, and their way through the network. */
#include "core/base/assert.h"
#include "sim/world/flows.h"

#include <stdlib.h>
#include <string.h>

#define POOLED_MAX 4096u /* free parcels kept, of each class */

/* What malloc adds to the first makes it one cache line. */
static const uint32_t class_size[SIM_POOL_CLASSES] = {SIM_PARCEL_SMALL, 104, 296, 1536};

#define UNPOOLED SIM_POOLS /* made to measure */

/* The smallest class that fits. */
static uint32_t class_of(uint32_t size, bool has_ends) {
    uint32_t class = 0;
    while (class < SIM_POOL_CLASSES && class_size[class] < size) class ++;
    if (class == SIM_POOL_CLASSES) return UNPOOLED;
    return has_ends ? class + SIM_POOL_CLASSES : class;
}

static struct sim_parcel *allocate(uint32_t size, bool has_ends) {
    struct sim_parcel *parcel;
    if (!has_ends) return malloc(sizeof *parcel + size);
    struct sim_ends *ends = malloc(sizeof *ends + sizeof *parcel + size);
    return ends != NULL ? (struct sim_parcel *)(ends + 1) : NULL;
}

static void release(struct sim_parcel *parcel) {
    free(parcel->has_ends ? (void *)sim_parcel_ends(parcel) : parcel);
}

static struct sim_parcel *pool_take(struct sim_fabric *fabric, uint32_t class) {
    struct sim_parcel *parcel = fabric->pool[class];
    if (parcel == NULL) return NULL;
    WEFT_ASSERT(fabric->pool_count[class] > 0);
    fabric->pool[class] = parcel->next_free;
    fabric->pool_count[class]--;
    return parcel;
}

struct sim_parcel *sim_parcel_new_rest(struct sim_fabric *fabric, uint32_t size, bool has_ends) {
    WEFT_ASSERT(size <= WEFT_DATAGRAM_MAX);
    uint32_t class = class_of(size, has_ends);
    bool pooled = class != UNPOOLED;
    struct sim_parcel *parcel = pooled ? pool_take(fabric, class) : NULL;
    if (parcel == NULL)
        parcel = allocate(pooled ? class_size[class % SIM_POOL_CLASSES] : size, has_ends);
    if (parcel == NULL) return NULL;
    *parcel = (struct sim_parcel){
        .refs = 1, .size = size, .class = (uint8_t) class, .has_ends = has_ends};
    if (has_ends) *sim_parcel_ends(parcel) = (struct sim_ends){.seq = 0};
    return parcel;
}

void sim_parcel_free(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    uint32_t class = parcel->class;
    if (class == UNPOOLED || fabric->pool_count[class] == POOLED_MAX) {
        release(parcel);
        return;
    }
    parcel->next_free = fabric->pool[class];
    fabric->pool[class] = parcel;
    fabric->pool_count[class]++;
}

void sim_parcel_pool_free(struct sim_fabric *fabric) {
    for (uint32_t class = 0; class < SIM_POOLS; class ++) {
        while (fabric->pool_count[class] > 0) release(pool_take(fabric, class));
    }
}

/* --- where from, where to --- */

struct weft_addr sim_parcel_source_rest(const struct sim_parcel *parcel) {
    if (parcel->has_ends) return sim_parcel_ends(parcel)->source;
    return sim_world_addr(parcel->from, (enum weft_family)parcel->family, parcel->source_port);
}

static struct weft_addr target_of(const struct sim_parcel *parcel) {
    if (parcel->has_ends) return sim_parcel_ends(parcel)->target;
    return sim_world_addr(parcel->to, (enum weft_family)parcel->family, parcel->target_port);
}

void sim_fabric_drop(const struct sim_event *event) {
    if (event->kind != SIM_EVENT_PARCEL && event->kind != SIM_EVENT_PARCEL_THROUGH) return;
    struct sim_parcel *parcel = event->data;
    WEFT_ASSERT(parcel->refs > 0);
    if (--parcel->refs == 0) release(parcel);
}

void sim_parcel_lost(struct sim_fabric *fabric, const struct sim_parcel *parcel,
                     enum sim_loss cause) {
    fabric->stats.packets_lost++;
    sim_engine_fold_bytes(fabric->config.engine, parcel->bytes, parcel->size);
    sim_fabric__trace_packet(fabric, parcel->from, WEFT_TRACE_PACKET_LOST,
                             (uint64_t[4]){parcel->to, parcel->size, parcel->number, cause});
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
                              .source = sim_parcel_source_rest(parcel),
                              .target = target_of(parcel)};
}

/* Where a packet was on its way to a machine that is up, at an address it has no more. */
static void note_missed(struct sim_fabric *fabric, const struct sim_route *route) {
    if (route->missed == UINT32_MAX) return;
    const struct sim_machine *machine = fabric->berths[route->missed].machine;
    if (machine != NULL && machine->up) sim_places_missed(fabric->places, route->missed);
}

/* Whom it goes to, and from where as they see it. */
static enum sim_loss find_way(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    if (!parcel->has_ends) return SIM_LOSS_NONE;
    if (fabric->places == NULL) {
        parcel->to = sim_fabric_node_at(fabric, &sim_parcel_ends(parcel)->target);
        return parcel->to != UINT32_MAX ? SIM_LOSS_NONE : SIM_LOSS_NO_NODE;
    }
    struct sim_route route = route_of(fabric, parcel);
    enum sim_loss loss = sim_places_depart(fabric->places, &route);
    parcel->to = route.to;
    sim_parcel_ends(parcel)->source = route.source;
    note_missed(fabric, &route);
    return loss;
}

enum sim_loss sim_parcel_let_in(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    WEFT_ASSERT(fabric->places != NULL);
    struct sim_route route = route_of(fabric, parcel);
    enum sim_loss loss = sim_places_arrive(fabric->places, &route);
    if (parcel->has_ends) sim_parcel_ends(parcel)->target = route.target;
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
    struct sim_parcel *copy = sim_parcel_new(fabric, parcel->size, parcel->has_ends);
    if (copy == NULL) {
        sim_parcel_lost(fabric, parcel, SIM_LOSS_FAULT);
        return;
    }
    uint8_t class = copy->class;
    *copy = *parcel;
    copy->refs = 1;
    copy->class = class;
    if (copy->has_ends) *sim_parcel_ends(copy) = *sim_parcel_ends(parcel);
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
    weft_time at =
        weft_time_max(sim_engine_now(fabric->config.engine), sim_fabric__busy_until(sender));
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
    struct weft_addr target = target_of(parcel);
    memcpy(bytes, source, sizeof *source);
    memcpy(bytes + sizeof *source, &target, sizeof target);
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

/* The way of most packets: there is one copy of it, whose delay is all that is to be found out. It
 * takes the reference along. False: it is to be looked at more closely. */
static inline bool go_plainly(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    weft_duration delay;
    if (fabric->flows != NULL || parcel->from == parcel->to) return false;
    if (!sim_net_just_delays(fabric->config.net, parcel->from, parcel->to, parcel->number, &delay))
        return false;
    struct sim_machine *sender = fabric->berths[parcel->from].machine;
    weft_time at =
        weft_time_max(sim_engine_now(fabric->config.engine), sim_fabric__busy_until(sender));
    at = weft_time_add(depart(sender, at), delay);
    if (schedule(fabric, parcel, at, SIM_EVENT_PARCEL)) return true;
    sim_parcel_lost(fabric, parcel, SIM_LOSS_FAULT);
    sim_parcel_unref(fabric, parcel);
    return true;
}

#define SENT (WEFT_TRACE_BIT(WEFT_TRACE_PACKET_SENT) | WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA))

/* By its fate, which has to be found out. */
static void go(struct sim_fabric *fabric, struct sim_parcel *parcel, weft_time *arrival_last) {
    struct sim_fate fate;
    find_fate(fabric, parcel, &fate);
    WEFT_ASSERT(fate.copies <= SIM_COPIES_MAX);
    if (fate.copies == 0)
        sim_parcel_lost(fabric, parcel, fate.cause);
    else
        queue_copies(fabric, parcel, &fate, arrival_last);
    sim_parcel_unref(fabric, parcel);
}

static inline void leave(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    parcel->number = ++fabric->berths[parcel->from].packets;
    fabric->stats.packets_sent++;
    sim_engine_sends(fabric->config.engine, parcel->bytes, parcel->size);
}

/* One that has ends, or that is traced. */
static void send_take(struct sim_fabric *fabric, struct sim_parcel *parcel,
                      weft_time *arrival_last) {
    struct weft_addr source = sim_parcel_source_rest(parcel); /* find_way changes it */
    leave(fabric, parcel);
    enum sim_loss loss = find_way(fabric, parcel);
    trace_sent(fabric, parcel, &source);
    if (loss != SIM_LOSS_NONE) {
        sim_parcel_lost(fabric, parcel, loss);
        sim_parcel_unref(fabric, parcel);
    } else if (arrival_last != NULL || !go_plainly(fabric, parcel)) {
        go(fabric, parcel, arrival_last);
    }
}

void sim_parcel_send_take(struct sim_fabric *fabric, struct sim_parcel *parcel,
                          weft_time *arrival_last) {
    WEFT_ASSERT(parcel->refs == 1);
    WEFT_ASSERT(parcel->from < fabric->config.nodes);
    if (parcel->has_ends || (fabric->config.trace_mask & SENT) != 0) {
        send_take(fabric, parcel, arrival_last);
        return;
    }
    leave(fabric, parcel);
    if (!go_plainly(fabric, parcel)) go(fabric, parcel, NULL);
}
