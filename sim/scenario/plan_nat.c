/* NATs in front of groups, and the faults of streams and addresses. */
#include "sim/scenario/plan_faults.h"

#include "core/base/assert.h"

#include <string.h>

/* --- a group's NATs --- */

static const char *const type_names[] = {"full_cone", "restricted", "port_restricted", "symmetric"};
#define TYPES (sizeof type_names / sizeof type_names[0])
_Static_assert((int)SIM_NAT_FULL_CONE == 1 && (int)SIM_NAT_SYMMETRIC == TYPES, "in this order");

static void read_type(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    struct sim_nat_range *range = into;
    int type = sim_plan__choose_word(reader, value, type_names, TYPES);
    if (type >= 0) range->spec.type = (enum sim_nat_type)(type + 1);
}

#define NAT_AT(field) offsetof(struct sim_nat_range, field)

static const struct sim_plan__key nat_keys[] = {
    {"type", true, read_type, 0, 0, 0},
    {"nodes", false, sim_plan__read_count, NAT_AT(nodes), 1, SIM_NAT_NODES_MAX},
    {"lifetime", false, sim_plan__read_duration, NAT_AT(spec.lifetime), WEFT_MS(1), 0},
    {"stream_lifetime", false, sim_plan__read_duration, NAT_AT(spec.stream_lifetime), WEFT_MS(1),
     0},
    {"hairpin", false, sim_plan__read_flag, NAT_AT(spec.hairpin), 0, 0},
    {"bindings", false, sim_plan__read_count, NAT_AT(spec.bindings_max), 1, SIM_NAT_BINDINGS_MAX},
};
const struct sim_plan__section sim_plan__nat_section = {"nat", nat_keys,
                                                        sizeof nat_keys / sizeof nat_keys[0]};

void sim_plan__read_nat(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        struct sim_nat_range *range) {
    *range = (struct sim_nat_range){
        .nodes = 1,
        .spec = {.type = SIM_NAT_PORT_RESTRICTED, /* for a reading that goes on after a mistake */
                 .lifetime = SIM_NAT_LIFETIME,
                 .stream_lifetime = SIM_NAT_STREAM_LIFETIME,
                 .bindings_max = SIM_NAT_BINDINGS}};
    if (value->node->kind == WEFT_YAML_SCALAR)
        read_type(reader, value, range);
    else if (sim_plan__is(reader, value, WEFT_YAML_MAPPING,
                          "a type or a mapping such as {type: symmetric, nodes: 4}"))
        sim_plan__read_section(reader, value->node, &sim_plan__nat_section, range);
}

/* --- what only the whole shows --- */

/* Where the scenario says so; groups have names that are known. */
static const struct weft_yaml_node *place_of(const struct sim_plan__reader *reader, uint32_t group,
                                             const char *key) {
    const struct weft_yaml_node *groups = weft_yaml_get(reader->root, "groups");
    const struct weft_yaml_node *node =
        groups != NULL ? weft_yaml_get(groups, reader->plan->groups[group].name) : NULL;
    const struct weft_yaml_node *place = node != NULL ? weft_yaml_get(node, key) : NULL;
    return place != NULL ? place : weft_yaml_get(reader->root, key);
}

static uint32_t group_at(const struct sim_plan *plan, uint32_t first) {
    uint32_t i = 0;
    while (plan->groups[i].first != first || plan->groups[i].count == 0) i++;
    WEFT_ASSERT(i < plan->groups_count);
    return i;
}

static void check_seeds(struct sim_plan__reader *reader) {
    const struct sim_plan *plan = reader->plan;
    const struct sim_nat_range *range = &plan->nats[0];
    uint32_t behind = group_at(plan, range->first), seeds = 0;
    for (uint32_t i = 0; i < plan->groups_count; i++) {
        const struct sim_join *join = &plan->join_of[i];
        bool counts = plan->groups[i].count > 0 && join->from == SIM_JOIN_SEEDS;
        if (counts && join->seeds > seeds) seeds = join->seeds;
    }
    if (range->first >= seeds || !plan->dht_on) return;
    sim_plan__mistake(reader, place_of(reader, behind, "nat"),
                      "seed %u is in group '%s', behind a NAT where nobody reaches it, expected "
                      "the %u seeds in groups before it",
                      range->first, plan->groups[behind].name, seeds);
}

/* A contact behind a NAT is none. */
static void check_contacts(struct sim_plan__reader *reader, uint32_t group) {
    static const char *const words[] = {"seeds", "random", "chain"};
    const struct sim_plan *plan = reader->plan;
    const struct sim_group *joins = &plan->groups[group];
    uint32_t behind = group_at(plan, plan->nats[0].first);
    bool knows = joins->count > 0 && plan->join_of[group].from != SIM_JOIN_SEEDS &&
                 joins->first + joins->count - 1 > plan->nats[0].first;
    const struct weft_yaml_node *place = place_of(reader, group, "join");
    if (!knows || place == NULL || !plan->dht_on) return;
    sim_plan__mistake(reader, place,
                      "'%s' may name nodes of group '%s', behind a NAT where nobody reaches them, "
                      "expected 'from: seeds'",
                      words[plan->join_of[group].from], plan->groups[behind].name);
}

static void check_dist(struct sim_plan__reader *reader, uint32_t group) {
    if (!reader->plan->dist_of[group].on) return;
    sim_plan__mistake(reader, place_of(reader, group, "nat"),
                      "'nat' and 'dist' in group '%s', expected one of them: a name is an address, "
                      "where others are to reach the node",
                      reader->plan->groups[group].name);
}

void sim_plan__check_nats(struct sim_plan__reader *reader) {
    const struct sim_plan *plan = reader->plan;
    if (plan->nats_count == 0) return;
    for (uint32_t i = 0; i < plan->nats_count; i++) {
        uint32_t group = group_at(plan, plan->nats[i].first);
        check_dist(reader, group);
        if (!plan->v6) continue;
        sim_plan__mistake(reader, place_of(reader, group, "nat"),
                          "'nat' with 'ipv6', expected one of them: IPv6 is not translated");
    }
    check_seeds(reader);
    for (uint32_t i = 0; i < plan->groups_count; i++) check_contacts(reader, i);
}

/* --- rebind, move, reset, half_open --- */

static void check_rebind(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                         const struct sim_plan__fault *fault) {
    (void)fault;
    if (reader->plan->nats_count > 0) return;
    sim_plan__mistake(reader, node, "rebind without a NAT, expected a group with 'nat'");
}

static void check_streams(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                          const struct sim_plan__fault *fault) {
    const struct sim_plan *plan = reader->plan;
    for (uint32_t i = 0; i < plan->groups_count; i++) {
        if (plan->dist_of[i].on || plan->apps_of[i].count > 0) return;
    }
    sim_plan__mistake(reader, node, "%s without streams, expected 'dist' or 'apps'",
                      sim_fault_name(fault->spec.kind));
}

static const struct sim_plan__key rebind_keys[] = {KEY_AT, KEYS_AGAIN, KEY_NODES(false),
                                                   KEY_ROLLING};
static const struct sim_plan__key place_keys[] = {KEY_AT, KEYS_AGAIN, KEY_NODES(true), KEY_ROLLING};

const struct sim_plan__fault_kind sim_plan__rebind = {SECTION("rebind", rebind_keys), false,
                                                      check_rebind};
const struct sim_plan__fault_kind sim_plan__move = {SECTION("move", place_keys), false, NULL};
const struct sim_plan__fault_kind sim_plan__reset = {SECTION("reset", place_keys), false,
                                                     check_streams};
const struct sim_plan__fault_kind sim_plan__half_open = {SECTION("half_open", place_keys), false,
                                                         check_streams};
