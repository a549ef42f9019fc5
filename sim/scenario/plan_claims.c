/* Claims: what a run has to show an effect of. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

static bool make_room(struct sim_plan *plan) {
    if (plan->claims_count < plan->claims_max) return true;
    uint32_t max = plan->claims_max == 0 ? 8 : plan->claims_max * 2;
    struct sim_claim *grown = realloc(plan->claims, max * sizeof *grown);
    if (grown == NULL) return false;
    plan->claims = grown;
    plan->claims_max = max;
    return true;
}

uint32_t sim_plan__claim(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                         enum sim_claim_kind kind, const char *key) {
    struct sim_plan *plan = reader->plan;
    WEFT_ASSERT(plan->claims_count < SIM_CLAIMS_MAX);
    if (!make_room(plan)) {
        reader->no_memory = true;
        return 0;
    }
    struct sim_claim *claim = &plan->claims[plan->claims_count++];
    *claim = (struct sim_claim){.kind = kind,
                                .line = node->line > 0 ? node->line : reader->within.line,
                                .fault = reader->within.fault,
                                .nats = plan->nats_count};
    int size = snprintf(claim->name, sizeof claim->name, "%s%s", reader->within.path, key);
    WEFT_ASSERT(size > 0 && (size_t)size < sizeof claim->name);
    plan->net.claims_count = plan->claims_count;
    return plan->claims_count;
}

/* Cannot change a packet, whatever comes. */
static bool is_none(const struct sim_element *element) {
    const struct sim_delay *delay = &element->delay;
    bool plain = delay->kind == SIM_DELAY_CONSTANT || delay->kind == SIM_DELAY_UNIFORM;
    if (element->kind == SIM_ELEMENT_DELAY) return plain && delay->a == 0 && delay->b == 0;
    if (element->kind == SIM_ELEMENT_MTU) return element->mtu == UINT16_MAX;
    return sim_plan__is_idle(element);
}

/* One that takes back what was there before has nothing to do. */
uint32_t sim_plan__claim_part(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                              enum sim_plan__part part, const struct sim_element *element) {
    const struct sim_plan__link *before = reader->within.before;
    bool of_fault = reader->within.fault != 0;
    bool takes_back = before != NULL && before->has[part] && !is_none(&before->parts[part]);
    if (is_none(element) && (takes_back || !of_fault)) return 0;
    if (element->kind == SIM_ELEMENT_DELAY && !of_fault) return 0;
    return sim_plan__claim(reader, value->node, SIM_CLAIM_LINK, value->key->name);
}
