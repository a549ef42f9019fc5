/* Chains: what each element does to a packet. */
#include "core/base/assert.h"
#include "core/base/rand.h"
#include "sim/net/internal.h"

#define CERTAIN SIM_NET__CERTAIN_PPM

/* A stream's lost bytes are sent again after 200 ms, then after twice as long each time; what is
 * lost this many times arrives with the last. */
#define RETRY_FIRST WEFT_MS(200)
#define RETRIES_MAX 8

/* Counter of a draw: the packet's number below, in the upper 16 bits which element of the chain and
 * which copy or attempt. */
#define COUNTER_BITS 48
#define COPY_BITS 8

#define DAMAGE_COUNT (SIM_CORRUPT_BITS_MAX - 1) /* mask: how many bits of a damage, less one */

/* Flows of holds, apart from those of queues. */
#define HOLD_ID(owner) (UINT32_C(1) << 31 | (owner))

uint64_t sim_net__draw(const struct sim_net__walk *walk, enum sim_purpose purpose, uint32_t copy) {
    uint64_t place = (uint64_t)walk->element << COPY_BITS | copy;
    uint64_t counter = walk->packet->number ^ place << COUNTER_BITS;
    if (purpose == SIM_DRAW_DELAY && walk->seed == walk->net->seed)
        return weft_draw_from(walk->net->delay_base, walk->entity, counter);
    return weft_draw(walk->seed, (uint64_t)purpose, walk->entity, counter);
}

static void delay_by(struct sim_net__walk *walk, uint32_t copy, weft_duration more) {
    if (more == 0) return;
    walk->fate->delay[copy] = weft_time_add(walk->fate->delay[copy], more);
    walk->changed = true;
}

static uint64_t draw_of_pair(const struct sim_net__walk *walk, const struct sim_delay *delay) {
    uint64_t a = walk->packet->from, b = walk->packet->to;
    return weft_draw(walk->seed, SIM_DRAW_PAIR, a < b ? a << 32 | b : b << 32 | a, delay->pair);
}

static uint64_t draw_delay(const struct sim_net__walk *walk, const struct sim_delay *delay,
                           uint32_t copy) {
    if (delay->kind == SIM_DELAY_CONSTANT) return 0;
    if (delay->pair > 0) return draw_of_pair(walk, delay);
    return sim_net__draw(walk, SIM_DRAW_DELAY, copy);
}

static void delay_copy(struct sim_net__walk *walk, const struct sim_delay *delay, uint32_t copy) {
    uint64_t raw = draw_delay(walk, delay, copy);
    delay_by(walk, copy, sim_delay_sample(delay, raw, walk->from_region, walk->to_region));
}

static void run_delay(struct sim_net__walk *walk, const struct sim_element *element) {
    for (uint32_t i = 0; i < walk->fate->copies; i++) delay_copy(walk, &element->delay, i);
}

/* --- loss --- */

static void lose_all(struct sim_net__walk *walk) {
    walk->fate->copies = 0;
    walk->changed = true;
}

static bool is_lost(struct sim_net__walk *walk, const struct sim_element *element, uint32_t copy) {
    bool corrupts = element->kind == SIM_ELEMENT_CORRUPT;
    uint64_t raw = sim_net__draw(walk, corrupts ? SIM_DRAW_CORRUPT : SIM_DRAW_LOSS, copy);
    if (!weft_chance_ppm(raw, element->ppm)) return false;
    if (element->kind != SIM_ELEMENT_BURST) return true;
    weft_time sent =
        weft_time_add(walk->packet->now, walk->packet->stream ? walk->fate->delay[0] : 0);
    return sim_net__is_bad(walk, element, sent);
}

/* Sent again until it arrives. The only copy of a stream's packet is the first. */
static void run_stream_loss(struct sim_net__walk *walk, const struct sim_element *element) {
    for (uint32_t i = 0; i < RETRIES_MAX && is_lost(walk, element, i); i++) {
        delay_by(walk, 0, RETRY_FIRST << i);
    }
}

static void run_chances(struct sim_net__walk *walk, const struct sim_element *element) {
    struct sim_fate *fate = walk->fate;
    uint32_t kept = 0;
    if (walk->packet->stream) {
        run_stream_loss(walk, element);
        return;
    }
    for (uint32_t i = 0; i < fate->copies; i++) {
        if (is_lost(walk, element, i)) continue;
        fate->damage[kept] = fate->damage[i];
        fate->delay[kept++] = fate->delay[i];
    }
    if (kept < fate->copies) walk->changed = true;
    fate->copies = kept;
}

static void run_loss(struct sim_net__walk *walk, const struct sim_element *element) {
    bool concerned = element->kinds == 0 || (element->kinds >> walk->packet->kind & 1) != 0;
    if (!concerned) return;
    if (element->ppm == CERTAIN)
        lose_all(walk);
    else
        run_chances(walk, element);
}

static void run_mtu(struct sim_net__walk *walk, const struct sim_element *element) {
    const struct sim_packet *packet = walk->packet;
    if (!packet->stream && packet->size + SIM_DATAGRAM_HEADERS > element->mtu) lose_all(walk);
}

/* --- what arrives otherwise than it was sent --- */

static void run_duplicate(struct sim_net__walk *walk, const struct sim_element *element) {
    struct sim_fate *fate = walk->fate;
    if (walk->packet->stream || fate->copies == SIM_COPIES_MAX) return;
    if (!weft_chance_ppm(sim_net__draw(walk, SIM_DRAW_DUPLICATE, 0), element->ppm)) return;
    uint32_t copy = fate->copies++;
    fate->delay[copy] = fate->delay[0];
    fate->damage[copy] = fate->damage[0];
    delay_copy(walk, &element->delay, copy);
    walk->changed = true;
}

static void run_reorder(struct sim_net__walk *walk, const struct sim_element *element) {
    for (uint32_t i = 0; i < walk->fate->copies; i++) {
        if (!weft_chance_ppm(sim_net__draw(walk, SIM_DRAW_REORDER, i), element->ppm)) continue;
        delay_copy(walk, &element->delay, i);
    }
}

/* A damage is a draw whose lowest bits are how many bits to flip, less one. Never 0. */
static uint64_t draw_damage(const struct sim_net__walk *walk, const struct sim_element *element,
                            uint32_t copy) {
    WEFT_ASSERT(element->bits >= 1 && element->bits <= SIM_CORRUPT_BITS_MAX);
    uint64_t raw = sim_net__draw(walk, SIM_DRAW_CORRUPT, SIM_COPIES_MAX + copy);
    uint64_t count = weft_scale(raw, element->bits);
    return (raw & ~(uint64_t)DAMAGE_COUNT) | (DAMAGE_COUNT + 1) | count;
}

static void run_corrupt(struct sim_net__walk *walk, const struct sim_element *element) {
    if (walk->packet->stream) {
        run_stream_loss(walk, element);
        return;
    }
    for (uint32_t i = 0; i < walk->fate->copies && walk->packet->size > 0; i++) {
        if (!is_lost(walk, element, i)) continue;
        walk->fate->damage[i] = draw_damage(walk, element, i);
        walk->changed = true;
    }
}

/* Bits that differ from one another, as far as there are so many. */
void sim_net_damage(uint64_t damage, unsigned char *bytes, size_t size) {
    struct weft_rand rand;
    uint64_t places[SIM_CORRUPT_BITS_MAX], count = (damage & DAMAGE_COUNT) + 1;
    WEFT_ASSERT(damage != 0 && size > 0);
    weft_rand_init(&rand, damage);
    for (uint64_t i = 0; i < count && i < size * 8; i++) {
        bool again = true;
        while (again) {
            places[i] = weft_rand_below(&rand, size * 8);
            again = false;
            for (uint64_t j = 0; j < i; j++) again = again || places[j] == places[i];
        }
        bytes[places[i] / 8] ^= (unsigned char)(1u << places[i] % 8);
    }
}

/* --- what it has to wait for --- */

static void run_rate(struct sim_net__walk *walk, const struct sim_element *element) {
    weft_duration wait = 0;
    if (element->rate.of == SIM_RATE_DOWNLINK) return;
    if (!sim_net__queue_up(walk, element, &wait)) {
        lose_all(walk);
        return;
    }
    for (uint32_t i = 0; i < walk->fate->copies; i++) delay_by(walk, i, wait);
}

/* Those that are held come one nanosecond after another, and nobody before them. */
static void run_hold(struct sim_net__walk *walk, const struct sim_element *element) {
    const struct sim_packet *packet = walk->packet;
    struct sim_net__flow_key key = {HOLD_ID(walk->owner), packet->from, packet->to};
    if (packet->now >= element->until) return;
    weft_time *last = sim_net__flow_at(&walk->net->out, key, packet->now);
    for (uint32_t i = 0; i < walk->fate->copies; i++) {
        weft_time at = weft_time_add(packet->now, walk->fate->delay[i]);
        *last = weft_time_max(weft_time_max(at, element->until), weft_time_add(*last, 1));
        delay_by(walk, i, *last - at);
    }
}

static void run_element(struct sim_net__walk *walk, const struct sim_element *element) {
    switch (element->kind) {
    case SIM_ELEMENT_DELAY:
        run_delay(walk, element);
        break;
    case SIM_ELEMENT_LOSS:
        run_loss(walk, element);
        break;
    case SIM_ELEMENT_DUPLICATE:
        run_duplicate(walk, element);
        break;
    case SIM_ELEMENT_REORDER:
        run_reorder(walk, element);
        break;
    case SIM_ELEMENT_BURST:
        run_chances(walk, element);
        break;
    case SIM_ELEMENT_CORRUPT:
        run_corrupt(walk, element);
        break;
    case SIM_ELEMENT_RATE:
        run_rate(walk, element);
        break;
    case SIM_ELEMENT_MTU:
        run_mtu(walk, element);
        break;
    case SIM_ELEMENT_HOLD:
        run_hold(walk, element);
        break;
    }
}

/* As layers do, threads that share a network count together. */
void sim_net__claim(struct sim_net *net, const struct sim_element *element) {
    if (element->claim == 0) return;
    WEFT_ASSERT(element->claim <= net->spec->claims_count);
    __atomic_fetch_add(&net->claims[element->claim - 1], 1, __ATOMIC_RELAXED);
}

bool sim_net__run_chain(struct sim_net__walk *walk, const struct sim_chain *chain) {
    bool changed = false;
    WEFT_ASSERT(chain->count <= SIM_ELEMENTS_MAX);
    for (uint32_t i = 0; i < chain->count && walk->fate->copies > 0; i++) {
        walk->element = i;
        walk->changed = false;
        run_element(walk, &chain->elements[i]);
        if (!walk->changed) continue;
        sim_net__claim(walk->net, &chain->elements[i]);
        changed = true;
    }
    return changed;
}

static bool is_downlink(const struct sim_element *element) {
    return element->kind == SIM_ELEMENT_RATE && element->rate.of == SIM_RATE_DOWNLINK;
}

bool sim_net__run_downlinks(struct sim_net__walk *walk, const struct sim_chain *chain,
                            weft_duration *wait) {
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct sim_element *element = &chain->elements[i];
        weft_duration more = 0;
        if (!is_downlink(element)) continue;
        bool passes = sim_net__queue_up(walk, element, &more);
        if (!passes || more > 0) sim_net__claim(walk->net, element);
        if (!passes) return false;
        if (more > *wait) *wait = more;
    }
    return true;
}

/* --- what a chain is like --- */

bool sim_net__chain_asks_kind(const struct sim_chain *chain) {
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct sim_element *element = &chain->elements[i];
        if (element->kind == SIM_ELEMENT_LOSS && element->kinds != 0) return true;
    }
    return false;
}

bool sim_net__chain_has_downlinks(const struct sim_chain *chain) {
    for (uint32_t i = 0; i < chain->count; i++) {
        if (is_downlink(&chain->elements[i])) return true;
    }
    return false;
}

const struct sim_element *sim_net__chain_all_lost(const struct sim_chain *chain) {
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct sim_element *element = &chain->elements[i];
        if (element->kind != SIM_ELEMENT_LOSS || element->kinds != 0) continue;
        if (element->ppm == CERTAIN) return element;
    }
    return NULL;
}

weft_duration sim_chain_least(const struct sim_chain *chain) {
    weft_duration least = 0;
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct sim_element *element = &chain->elements[i];
        if (element->kind != SIM_ELEMENT_DELAY) continue;
        least = weft_time_add(least, sim_delay_least(&element->delay));
    }
    return least;
}
