/* Network: the default link, and links between groups. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <string.h>

/* --- links between groups --- */

struct draft {
    uint32_t from, to;
    bool both_ways;
    struct sim_plan__link link;
};

static void read_end(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                     void *into) {
    uint32_t *group = (uint32_t *)(void *)((char *)into + value->key->offset);
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the name of a group, or any")) return;
    if (strcmp(value->node->text, "any") == 0) {
        *group = SIM_GROUP_ANY;
        return;
    }
    sim_plan__group_index(reader, value->node, group);
}

static const struct sim_plan__key link_keys[] = {
    {"from", true, read_end, offsetof(struct draft, from), 0, 0},
    {"to", true, read_end, offsetof(struct draft, to), 0, 0},
    {"both_ways", false, sim_plan__read_flag, offsetof(struct draft, both_ways), 0, 0},
    SIM_PLAN__LINK_KEYS(offsetof(struct draft, link), SIM_PLAN__REGIONS),
};
const struct sim_plan__section sim_plan__links_section = {"links", link_keys,
                                                          sizeof link_keys / sizeof link_keys[0]};

static void add_rule(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                     struct sim_rule rule) {
    struct sim_net_spec *net = &reader->plan->net;
    if (net->rules_count < SIM_RULES_MAX) {
        net->rules[net->rules_count++] = rule;
        return;
    }
    sim_plan__mistake(reader, node, "too many links, expected at most %u directions",
                      SIM_RULES_MAX - 1);
}

struct network {
    struct sim_plan__link link;
    struct sim_plan__flow flow;
};

static void read_link(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                      const struct sim_plan__link *base) {
    reader->within.before = base;
    struct draft draft = {SIM_GROUP_ANY, SIM_GROUP_ANY, false, {.has = {false}}};
    if (!sim_plan__read_section(reader, node, &sim_plan__links_section, &draft)) return;
    if (!sim_plan__link_says(&draft.link)) {
        sim_plan__mistake(reader, node, "a link as any other, expected %s", SIM_PLAN__LINK_WORDS);
    }
    draft.link.parts[SIM_PLAN__PART_RATE].rate.id = reader->plan->net.rules_count; /* its own */
    sim_plan__inherit(&draft.link, base);
    struct sim_rule rule = {.from_group = draft.from, .to_group = draft.to};
    sim_plan__chain_of(&draft.link, &rule.chain);
    add_rule(reader, node, rule);
    if (!draft.both_ways || draft.from == draft.to) return;
    rule.from_group = draft.to;
    rule.to_group = draft.from;
    add_rule(reader, node, rule);
}

/* Comes last in the table: the default link is known by then. */
static void read_links(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    const struct network *network = into;
    if (!sim_plan__is_list(reader, value, SIM_RULES_MAX - 1, "a list of links")) return;
    for (uint32_t i = 0; i < value->node->count; i++) {
        snprintf(reader->within.path, sizeof reader->within.path, "network.links.%u.", i);
        read_link(reader, value->node->items[i], &network->link);
    }
}

static const struct sim_plan__key network_keys[] = {
    SIM_PLAN__LINK_KEYS(offsetof(struct network, link), SIM_PLAN__REGIONS),
    {"engine", false, sim_plan__read_engine, offsetof(struct network, flow), 0, 0},
    {"platform", false, sim_plan__read_platform, offsetof(struct network, flow), 0, 0},
    {"model", false, sim_plan__read_model, offsetof(struct network, flow), 0, 0},
    {"flows_from", false, sim_plan__read_count, offsetof(struct network, flow.least), 1, 1 << 20},
    {"links", false, read_links, 0, 0, 0},
};
const struct sim_plan__section sim_plan__network_section = {
    "network", network_keys, sizeof network_keys / sizeof network_keys[0]};

void sim_plan__read_network(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    struct sim_plan *plan = into;
    struct network network = {.link = {.has = {[SIM_PLAN__PART_DELAY] = true}},
                              .flow = {.least = SIM_FLOWS_FROM}};
    network.link.parts[SIM_PLAN__PART_DELAY] = plan->net.rules[0].chain.elements[0];
    const struct weft_yaml_node *engine = weft_yaml_get(value->node, "engine");
    bool by_links = engine == NULL || engine->text == NULL || strcmp(engine->text, "links") == 0;
    /* The platform has latencies of its own. */
    if (!by_links) network.link.parts[SIM_PLAN__PART_DELAY].delay.a = 0;
    reader->within = (struct sim_plan__within){.line = value->node->line, .path = "network."};
    sim_plan__read_section(reader, value->node, &sim_plan__network_section, &network);
    sim_plan__take_flow(reader, value->node, &network.flow);
    sim_plan__chain_of(&network.link, &plan->net.rules[0].chain);
}
