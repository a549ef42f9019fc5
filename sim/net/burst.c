/* Burst: links are good for a spell, then bad for a spell (Gilbert 1960, Elliott 1963), in
 * continuous time: both spells are exponential.
 *
 * Nothing is kept of a link. Time is cut into epochs of 32 mean cycles; at the start of each the
 * state is drawn as a link has it in the long run, and from there its spells are drawn one by one,
 * keyed by the pair, the epoch and their number, up to the time asked for. So the share of bad time
 * is exact, spells are exponential but for those an epoch's end cuts (which makes bad ones shorter
 * on average by less than 1 %), and an answer costs some 32 draws. */
#include "core/base/assert.h"
#include "core/base/rand.h"
#include "sim/net/internal.h"

#define EPOCH_CYCLES 32
#define SPELL_BITS 10 /* number of a spell within its epoch; the last lasts to its end */

static uint64_t draw_spell(const struct sim_net__walk *walk, uint64_t epoch, uint32_t spell) {
    uint64_t counter = (uint64_t)walk->element << 56 ^ epoch << SPELL_BITS ^ spell;
    return weft_draw(walk->seed, SIM_DRAW_BURST, walk->entity, counter);
}

static weft_duration spell_length(weft_duration mean, uint64_t raw) {
    struct sim_delay delay = {.kind = SIM_DELAY_EXPONENTIAL, .a = mean, .b = 1};
    return sim_delay_sample(&delay, raw, 0, 0);
}

bool sim_net__is_bad(const struct sim_net__walk *walk, const struct sim_element *burst,
                     weft_time at) {
    weft_duration good = burst->burst.good, bad = burst->burst.bad;
    WEFT_ASSERT(at >= 0);
    WEFT_ASSERT(good > 0 && bad > 0 && good < WEFT_TIME_NEVER - bad);
    weft_duration cycle = good + bad;
    weft_duration epoch_length =
        cycle < WEFT_TIME_NEVER / EPOCH_CYCLES ? cycle * EPOCH_CYCLES : WEFT_TIME_NEVER;
    uint64_t epoch = (uint64_t)(at / epoch_length);
    weft_duration left = at % epoch_length;
    bool is_bad = weft_scale(draw_spell(walk, epoch, 0), (uint64_t)cycle) < (uint64_t)bad;
    for (uint32_t spell = 1; spell < 1u << SPELL_BITS; spell++) {
        left -= spell_length(is_bad ? bad : good, draw_spell(walk, epoch, spell));
        if (left < 0) break;
        is_bad = !is_bad;
    }
    return is_bad;
}
