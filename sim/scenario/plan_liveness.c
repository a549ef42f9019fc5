/* The section liveness: when faults stop, whom they leave alone, and how soon these converge. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#define AT(field) offsetof(struct sim_liveness, field)

static const struct sim_plan__key keys[] = {
    {"at", true, sim_plan__read_duration, AT(at), WEFT_MS(1), 0},
    {"core", true, sim_plan__read_set, AT(core), 0, 0},
    {"within", true, sim_plan__read_duration, AT(within), WEFT_MS(1), 0},
};
const struct sim_plan__section sim_plan__liveness_section = {"liveness", keys,
                                                             sizeof keys / sizeof keys[0]};

void sim_plan__read_liveness(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into) {
    struct sim_plan *plan = into;
    const char *expected = "a mapping such as {at: 60s, core: 60%, within: 30s}";
    WEFT_ASSERT(plan == reader->plan);
    if (!sim_plan__is(reader, value, WEFT_YAML_MAPPING, expected)) return;
    plan->liveness.line = value->node->line;
    plan->liveness.on = true;
    sim_plan__read_section(reader, value->node, &sim_plan__liveness_section, &plan->liveness);
}

static void check_times(struct sim_plan__reader *reader, const struct weft_yaml_node *node) {
    const struct sim_plan *plan = reader->plan;
    const struct weft_yaml_node *at = weft_yaml_get(node, "at");
    const struct weft_yaml_node *within = weft_yaml_get(node, "within");
    if (plan->liveness.at < sim_plan__joined_at(plan)) {
        sim_plan__mistake(
            reader, at, "'at' is '%s', expected after all nodes have come up, which takes %llds",
            sim_plan__show(at->text).text, (long long)(sim_plan__joined_at(plan) / WEFT_S(1)));
    }
    if (weft_time_add(plan->liveness.at, plan->liveness.within) > plan->stop) {
        sim_plan__mistake(reader, within,
                          "'within' is '%s' after 'at', expected to be over before 'stop'",
                          sim_plan__show(within->text).text);
    }
}

/* Of the file: what a swarm draws may come too late in one seed. */
static void check_faults(struct sim_plan__reader *reader) {
    const struct sim_plan *plan = reader->plan;
    const struct weft_yaml_node *faults = weft_yaml_get(reader->root, "faults");
    for (uint32_t i = 0; i < plan->faults_count; i++) {
        if (plan->faults[i].swarm != 0 || plan->faults[i].at < plan->liveness.at) continue;
        sim_plan__mistake(
            reader, faults->items[i],
            "'%s' begins when faults have stopped, expected before 'at' of 'liveness'",
            sim_fault_name(plan->faults[i].kind));
    }
}

void sim_plan__check_liveness(struct sim_plan__reader *reader) {
    const struct sim_plan *plan = reader->plan;
    const struct weft_yaml_node *node = weft_yaml_get(reader->root, "liveness");
    if (!plan->liveness.on) return;
    WEFT_ASSERT(node != NULL);
    check_times(reader, node);
    check_faults(reader);
    for (uint32_t i = 0; i < plan->checks_count; i++) {
        if (sim_check_is_of_core(plan->checks[i].kind)) return;
    }
    sim_plan__mistake(reader, node,
                      "'liveness' would judge nothing, expected a check such as 'tables' that says "
                      "what its core converges to");
}
