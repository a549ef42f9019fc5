/* The order in which a node's processes take turns. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <string.h>

#define AT(field) offsetof(struct sim_order_spec, field)
#define STEPS                                                                                      \
    { "steps", false, sim_plan__read_count, AT(steps), 1, SIM_ORDER_STEPS_MAX }

static const struct sim_plan__key pct_keys[] = {
    {"depth", true, sim_plan__read_count, AT(depth), 1, SIM_ORDER_DEPTH_MAX}, STEPS};
const struct sim_plan__section sim_plan__pct_section = {"pct", pct_keys, 2};

static const struct sim_plan__key bounded_keys[] = {
    {"bound", true, sim_plan__read_count, AT(bound), 1, SIM_ORDER_BOUND_MAX}, STEPS};
const struct sim_plan__section sim_plan__bounded_section = {"delay-bounded", bounded_keys, 2};

static const char *const names[] = {"fifo", "random", "pct", "delay"};

static const struct sim_plan__section *const sections[] = {NULL, NULL, &sim_plan__pct_section,
                                                           &sim_plan__bounded_section};

void sim_plan__read_schedule(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into) {
    struct sim_plan *plan = into;
    const struct sim_plan__choice choice = {"schedule", names, 4, true};
    struct sim_plan__value options;
    WEFT_ASSERT(plan == reader->plan);
    int kind = sim_plan__choose(reader, value->node, &choice, &options);
    if (kind < 0) return;
    plan->order =
        (struct sim_order_spec){.kind = (enum sim_order_kind)kind, .steps = SIM_ORDER_STEPS};
    if (sections[kind] == NULL && options.node != NULL) {
        sim_plan__mistake(reader, options.node, "'%s' has no keys, expected 'schedule: %s'",
                          names[kind], names[kind]);
    } else if (sections[kind] != NULL && options.node == NULL) {
        sim_plan__mistake(reader, value->node, "'%s' without its keys, expected '%s: {%s: 3}'",
                          names[kind], names[kind], sections[kind]->keys[0].name);
    } else if (sections[kind] != NULL) {
        sim_plan__read_section(reader, options.node, sections[kind], &plan->order);
    }
}
