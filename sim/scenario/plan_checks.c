/* Checks: which promises are judged, and whether the scenario can put them to the test. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#define AT(field) offsetof(struct sim_check_spec, field)

#define KEY_WITHIN                                                                                 \
    { "within", false, sim_plan__read_duration, AT(within), WEFT_MS(1), 0 }
#define KEY_AT_LEAST                                                                               \
    { "at_least", false, sim_plan__read_percent, AT(at_least_ppm), 1, WEFT_PPM_ALL }

static const struct sim_plan__key timed_keys[] = {KEY_WITHIN, KEY_AT_LEAST};

/* By enum sim_check_kind - 1. A check without keys is a word alone. */
const struct sim_plan__section sim_plan__check_sections[] = {{"stored_found", timed_keys, 2},
                                                             {"peers_found", timed_keys, 2},
                                                             {"closest", timed_keys, 2},
                                                             {"restarted", timed_keys, 2},
                                                             {"no_leak", NULL, 0},
                                                             {"tables", timed_keys, 2},
                                                             {"dead_forgotten", timed_keys, 2},
                                                             {"no_surprise", NULL, 0},
                                                             {"supervised", NULL, 0},
                                                             {"no_orphan", timed_keys, 2},
                                                             {"durable", NULL, 0}};

_Static_assert(sizeof sim_plan__check_sections / sizeof sim_plan__check_sections[0] ==
                   SIM_CHECK_KIND_COUNT - 1,
               "a section for each check");

static const char *const kind_names[] = {
#define SIM_CHECK_NAME(NAME, key, promise) key,
    SIM_CHECKS(SIM_CHECK_NAME)
#undef SIM_CHECK_NAME
};

/* --- would it ever be evaluated? --- */

static bool has_fault(const struct sim_plan *plan, enum sim_fault_kind kind) {
    for (uint32_t i = 0; i < plan->faults_count; i++) {
        if (plan->faults[i].kind == kind) return true;
    }
    for (uint32_t i = 0; i < plan->swarm_count; i++) { /* off in this seed, on in another */
        if (plan->swarm[i].kind == kind) return true;
    }
    return false;
}

static bool kills_nodes(const struct sim_plan *plan) {
    return has_fault(plan, SIM_FAULT_CRASH) || has_fault(plan, SIM_FAULT_KILL) ||
           has_fault(plan, SIM_FAULT_STOP) || has_fault(plan, SIM_FAULT_CHURN) ||
           has_fault(plan, SIM_FAULT_OUTAGE);
}

static bool has_apps(const struct sim_plan *plan) {
    for (uint32_t g = 0; g < plan->groups_count; g++) {
        if (plan->apps_of[g].count > 0) return true;
    }
    return false;
}

/* What the check lacks; NULL: nothing. */
static const char *lacks(const struct sim_plan *plan, enum sim_check_kind kind) {
    switch (kind) {
    case SIM_CHECK_STORED_FOUND:
        return sim_plan__has_work(plan, SIM_WORK_GET) ? NULL
                                                      : "there is no 'put' and 'get' workload";
    case SIM_CHECK_PEERS_FOUND:
        return sim_plan__has_work(plan, SIM_WORK_PEERS)
                   ? NULL
                   : "there is no 'announce' and 'peers' workload";
    case SIM_CHECK_CLOSEST:
        return sim_plan__has_work(plan, SIM_WORK_LOOKUP) ? NULL : "there is no 'lookup' workload";
    case SIM_CHECK_RESTARTED:
        return has_fault(plan, SIM_FAULT_POISON) || has_fault(plan, SIM_FAULT_HANG)
                   ? NULL
                   : "there is no 'poison' or 'hang' fault";
    case SIM_CHECK_TABLES:
        return plan->dht_on ? NULL : "there is no DHT";
    case SIM_CHECK_DEAD_FORGOTTEN:
        return kills_nodes(plan) ? NULL : "no fault takes nodes down";
    case SIM_CHECK_DURABLE:
        return has_apps(plan) ? NULL : "there are no 'apps'";
    case SIM_CHECK_NONE:
    case SIM_CHECK_NO_LEAK:
    case SIM_CHECK_NO_SURPRISE:
    case SIM_CHECK_SUPERVISED:
    case SIM_CHECK_NO_ORPHAN:
    case SIM_CHECK_KIND_COUNT:
        break;
    }
    return NULL;
}

/* --- reading --- */

static bool is_listed(const struct sim_plan *plan, enum sim_check_kind kind) {
    for (uint32_t i = 0; i < plan->checks_count; i++) {
        if (plan->checks[i].kind == kind) return true;
    }
    return false;
}

static void read_keys(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                      const struct sim_plan__section *section, struct sim_check_spec *spec) {
    if (node == NULL) return;
    if (section->count > 0) {
        sim_plan__read_section(reader, node, section, spec);
    } else {
        sim_plan__mistake(reader, node, "check '%s' has no keys, expected '- %s' alone",
                          section->title, section->title);
    }
}

static void read_check(struct sim_plan__reader *reader, const struct weft_yaml_node *entry) {
    struct sim_plan *plan = reader->plan;
    const struct sim_plan__choice choice = {"check", kind_names, SIM_CHECK_KIND_COUNT - 1, true};
    struct sim_plan__value options;
    int kind = sim_plan__choose(reader, entry, &choice, &options);
    if (kind < 0) return;
    struct sim_check_spec spec = {.kind = (enum sim_check_kind)(kind + 1), .line = entry->line};
    read_keys(reader, options.node, &sim_plan__check_sections[kind], &spec);
    if (is_listed(plan, spec.kind)) {
        sim_plan__mistake(reader, entry, "check '%s' a second time, expected it once",
                          kind_names[kind]);
        return;
    }
    WEFT_ASSERT(plan->checks_count < SIM_CHECKS_MAX);
    plan->checks[plan->checks_count++] = spec;
}

/* Only of a file whose workload and faults are understood: else it would blame the innocent. */
static void check_lacks(struct sim_plan__reader *reader, const struct weft_yaml_node *node) {
    const struct sim_plan *plan = reader->plan;
    for (uint32_t i = 0; i < plan->checks_count; i++) {
        const char *what = lacks(plan, plan->checks[i].kind);
        if (what == NULL) continue;
        sim_plan__mistake(reader, node->items[i],
                          "check '%s' would never be evaluated: %s, expected what it judges",
                          kind_names[plan->checks[i].kind - 1], what);
    }
}

void sim_plan__read_checks(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    (void)into;
    const struct weft_yaml_node *node = value->node;
    if (!sim_plan__is_list(reader, value, SIM_CHECKS_MAX, "a list of checks")) return;
    for (uint32_t i = 0; i < node->count; i++) read_check(reader, node->items[i]);
    if (reader->mistakes.count == 0) check_lacks(reader, node);
}
