/* Large payloads on their way through a model of shared bandwidth. */
#include "sim/world/flows.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

#define CROWD 3 /* more flows than hosts / CROWD at once are slow to compute */

/* A parcel that waits: for the model, or behind a flow of its stream. */
struct flow {
    struct sim_parcel *parcel; /* NULL: free */
    struct sim_fate fate;
    uint64_t serial; /* in order of sending */
    weft_time done;  /* when the model let it go; NEVER: under way */
    weft_time after; /* stream: arrives later than this */
    bool stream;
    bool crashed; /* an end of it lost power meanwhile */
};

struct sim_flows {
    const struct sim_flow_ops *ops;
    uint32_t hosts;
    uint32_t least; /* bytes of a payload that is a flow */
    struct flow *flows;
    uint32_t count, max; /* entries that are or were used */
    uint32_t under_way;
    uint64_t serials;
    struct sim_flows_stats stats;
};

struct sim_flows *sim_flows_new(const struct sim_fabric_config *config) {
    WEFT_ASSERT(config->flow != NULL && config->host.flow != NULL);
    struct sim_flows *flows = calloc(1, sizeof *flows);
    if (flows == NULL) return NULL;
    flows->ops = config->host.flow;
    flows->least = config->flow->least;
    flows->hosts = flows->ops->hosts();
    WEFT_ASSERT(flows->hosts > 0);
    return flows;
}

void sim_flows_free(struct sim_fabric *fabric, struct sim_flows *flows) {
    if (flows == NULL) return;
    for (uint32_t i = 0; i < flows->count; i++) {
        if (flows->flows[i].parcel != NULL) sim_parcel_unref(fabric, flows->flows[i].parcel);
    }
    free(flows->flows);
    free(flows);
}

static uint32_t host_of(const struct sim_flows *flows, uint32_t node) {
    return node % flows->hosts;
}

/* One direction of a stream. */
struct stream {
    uint32_t from;
    uint64_t from_socket;
};

static struct stream stream_of(const struct sim_parcel *parcel) {
    return (struct stream){parcel->from, sim_parcel_ends(parcel)->from_socket};
}

static bool is_of(const struct flow *flow, struct stream stream) {
    if (flow->parcel == NULL || !flow->stream) return false;
    struct stream own = stream_of(flow->parcel);
    return own.from == stream.from && own.from_socket == stream.from_socket;
}

/* Of the stream's parcels that wait, the one sent first; NULL: none waits. */
static struct flow *first_of_stream(const struct sim_flows *flows, struct stream stream) {
    struct flow *first = NULL;
    for (uint32_t i = 0; i < flows->count; i++) {
        struct flow *flow = &flows->flows[i];
        if (is_of(flow, stream) && (first == NULL || flow->serial < first->serial)) {
            first = flow;
        }
    }
    return first;
}

static struct flow *new_flow(struct sim_flows *flows) {
    for (uint32_t i = 0; i < flows->count; i++) {
        if (flows->flows[i].parcel == NULL) return &flows->flows[i];
    }
    if (flows->count == flows->max) {
        uint32_t max = flows->max == 0 ? 64 : flows->max * 2;
        struct flow *grown = realloc(flows->flows, max * sizeof *grown);
        if (grown == NULL) return NULL;
        flows->flows = grown;
        flows->max = max;
    }
    return &flows->flows[flows->count++];
}

static void count_one(struct sim_flows *flows) {
    flows->stats.begun++;
    flows->under_way++;
    if (flows->under_way > flows->stats.peak) flows->stats.peak = flows->under_way;
    if (flows->under_way > flows->hosts / CROWD) flows->stats.crowded = true;
}

/* Small messages take the platform's latency. */
static void add_latency(struct sim_flows *flows, const struct sim_parcel *parcel,
                        struct sim_fate *fate) {
    uint32_t from = host_of(flows, parcel->from), to = host_of(flows, parcel->to);
    weft_duration more = from == to ? 0 : flows->ops->latency(from, to);
    for (uint32_t i = 0; i < fate->copies; i++) {
        fate->delay[i] = weft_time_add(fate->delay[i], more);
    }
}

bool sim_flows_take(struct sim_fabric *fabric, struct sim_parcel *parcel, struct sim_fate *fate,
                    weft_time now, weft_time *arrival_last) {
    struct sim_flows *flows = fabric->flows;
    if (parcel->from == parcel->to) return false;
    uint32_t from = host_of(flows, parcel->from), to = host_of(flows, parcel->to);
    bool flows_itself = parcel->size >= flows->least && from != to;
    bool waits = arrival_last != NULL && first_of_stream(flows, stream_of(parcel)) != NULL;
    if (!flows_itself) add_latency(flows, parcel, fate);
    if (!flows_itself && !waits) return false;
    struct flow *flow = new_flow(flows);
    if (flow == NULL) return false;
    *flow = (struct flow){.parcel = parcel,
                          .fate = *fate,
                          .serial = ++flows->serials,
                          .done = flows_itself ? WEFT_TIME_NEVER : now,
                          .after = arrival_last != NULL ? *arrival_last : 0,
                          .stream = arrival_last != NULL};
    parcel->refs++;
    if (!flows_itself) return true;
    uint32_t index = (uint32_t)(flow - flows->flows);
    int rv = flows->ops->start(now, index, from, to, parcel->size);
    if (rv == WEFT_OK) {
        count_one(flows);
        return true;
    }
    flow->parcel = NULL;
    parcel->refs--;
    return false;
}

/* The stream's next parcel, or the stream itself, must not be before `at`. */
static void pass_on(struct sim_fabric *fabric, const struct sim_parcel *parcel, weft_time at) {
    struct flow *next = first_of_stream(fabric->flows, stream_of(parcel));
    if (next != NULL) {
        next->after = at;
        return;
    }
    const struct sim_machine *machine = fabric->berths[parcel->from].machine;
    if (machine == NULL) return;
    struct sim_stream *stream = sim_socket_stream(machine, sim_parcel_ends(parcel)->from_socket);
    if (stream != NULL) stream->arrival_last = at;
}

/* What became of the way while it was under way. A stream's bytes are then sent again, as all that
 * is lost. */
static enum sim_loss loss_of(struct sim_fabric *fabric, const struct flow *flow) {
    if (flow->crashed) return SIM_LOSS_NO_NODE;
    return sim_net_through(fabric->config.net, flow->parcel->from, flow->parcel->to);
}

/* At `at`, which the engine's clock has not come to: nothing is due before. */
static void tell_lost(struct sim_fabric *fabric, const struct sim_parcel *parcel,
                      enum sim_loss cause, weft_time at) {
    const struct sim_fabric_config *config = &fabric->config;
    struct weft_trace_event event = {.at = at,
                                     .node = parcel->from,
                                     .kind = WEFT_TRACE_PACKET_LOST,
                                     .number = {parcel->to, parcel->size, parcel->number, cause}};
    WEFT_ASSERT(at >= sim_engine_now(config->engine));
    fabric->stats.packets_lost++;
    sim_engine_fold_bytes(config->engine, parcel->bytes, parcel->size);
    if (config->trace != NULL && (config->trace_mask & WEFT_TRACE_BIT(event.kind)) != 0)
        config->trace(config->ctx, &event);
}

static void let_go(struct sim_fabric *fabric, struct flow *flow) {
    struct sim_parcel *parcel = flow->parcel;
    enum sim_loss loss = loss_of(fabric, flow);
    struct sim_fate fate = flow->fate;
    weft_time done = flow->done, after = flow->after;
    bool stream = flow->stream;
    flow->parcel = NULL;
    if (loss == SIM_LOSS_NONE)
        sim_parcel_queue(fabric, parcel, &fate, done, stream ? &after : NULL);
    else
        tell_lost(fabric, parcel, loss, done);
    if (stream) pass_on(fabric, parcel, after);
    sim_parcel_unref(fabric, parcel);
}

static void completed(struct sim_fabric *fabric, uint32_t index, weft_time at) {
    struct sim_flows *flows = fabric->flows;
    WEFT_ASSERT(index < flows->count && flows->under_way > 0);
    struct flow *flow = &flows->flows[index];
    WEFT_ASSERT(flow->parcel != NULL && flow->done == WEFT_TIME_NEVER);
    flows->under_way--;
    flow->done = at;
    if (!flow->stream) {
        let_go(fabric, flow);
        return;
    }
    struct stream stream = stream_of(flow->parcel);
    for (flow = first_of_stream(flows, stream); flow != NULL && flow->done != WEFT_TIME_NEVER;
         flow = first_of_stream(flows, stream)) {
        flow->done = weft_time_max(flow->done, at);
        let_go(fabric, flow);
    }
}

void sim_flows_run(struct sim_fabric *fabric, weft_time until) {
    struct sim_flows *flows = fabric->flows;
    while (flows->under_way > 0) {
        uint64_t index;
        weft_time first, at;
        if (!sim_engine_first(fabric->config.engine, until, &first)) first = until;
        if (!flows->ops->next(first, &index, &at)) return;
        completed(fabric, (uint32_t)index, at);
    }
}

void sim_flows_crash(struct sim_flows *flows, uint32_t node) {
    for (uint32_t i = 0; i < flows->count; i++) {
        struct flow *flow = &flows->flows[i];
        if (flow->parcel == NULL) continue;
        if (flow->parcel->from == node || flow->parcel->to == node) flow->crashed = true;
    }
}

struct sim_flows_stats sim_flows_stats(const struct sim_flows *flows) {
    return flows->stats;
}
