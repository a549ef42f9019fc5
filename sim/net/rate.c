/* Rate: a line of so many bytes a second, and the queue before it. */
#include "core/base/assert.h"
#include "sim/net/internal.h"

#define STREAM_SEGMENT 1460u
#define RULES_ID 1u /* flows of rules; those of a layer are its serial and more */

__extension__ typedef unsigned __int128 wide;

static uint64_t wire_size(const struct sim_packet *packet) {
    if (!packet->stream) return (uint64_t)packet->size + SIM_DATAGRAM_HEADERS;
    uint64_t segments = packet->size / STREAM_SEGMENT + (packet->size % STREAM_SEGMENT != 0);
    return packet->size + SIM_STREAM_HEADERS * (segments > 0 ? segments : 1);
}

static struct sim_net__flow_key key_of(const struct sim_net__walk *walk,
                                       const struct sim_element *rate) {
    WEFT_ASSERT(rate->rate.id < SIM_RULES_MAX);
    uint32_t id = RULES_ID + walk->owner * SIM_RULES_MAX + rate->rate.id;
    struct sim_net__flow_key key = {id, walk->packet->from, walk->packet->to};
    if (rate->rate.of == SIM_RATE_UPLINK) key.to = UINT32_MAX;
    if (rate->rate.of == SIM_RATE_DOWNLINK) key.from = UINT32_MAX;
    return key;
}

bool sim_net__queue_up(struct sim_net__walk *walk, const struct sim_element *rate,
                       weft_duration *wait) {
    WEFT_ASSERT(rate->rate.bytes > 0);
    const struct sim_packet *packet = walk->packet;
    bool down = rate->rate.of == SIM_RATE_DOWNLINK;
    struct sim_net__flows *flows = down ? &walk->net->in : &walk->net->out;
    weft_time *busy_until = sim_net__flow_at(flows, key_of(walk, rate), packet->now);
    weft_time start = weft_time_max(*busy_until, packet->now);
    uint64_t size = wire_size(packet);
    wide waiting = (wide)(uint64_t)(start - packet->now) * rate->rate.bytes / WEFT_S(1);
    if (!packet->stream && waiting > 0 && waiting + size > rate->rate.queue) return false;
    weft_duration service = (weft_duration)(size * (uint64_t)WEFT_S(1) / rate->rate.bytes);
    *busy_until = weft_time_add(start, service);
    *wait = *busy_until - packet->now;
    return true;
}
