/* Network: the default link, and links between groups. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <string.h>

static struct sim_plan__link *link_at(const struct sim_plan__value *value, void *into) {
    return (struct sim_plan__link *)(void *)((char *)into + value->key->offset);
}

/* Read with another offset than the key's: `part` is where. */
static struct sim_plan__key part_key(const struct sim_plan__value *value, size_t part) {
    struct sim_plan__key key = *value->key;
    key.offset = part;
    return key;
}

void sim_plan__read_link_delay(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                               void *into) {
    struct sim_plan__link *link = link_at(value, into);
    struct sim_plan__key key = part_key(value, 0);
    struct sim_plan__value delay = {value->node, &key};
    sim_plan__read_delay(reader, &delay, &link->delay);
    link->has_delay = true;
}

void sim_plan__read_link_loss(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                              void *into) {
    struct sim_plan__link *link = link_at(value, into);
    struct sim_plan__key key = {.name = value->key->name, .most = WEFT_PPM_ALL};
    struct sim_plan__value loss = {value->node, &key};
    sim_plan__read_percent(reader, &loss, &link->loss_ppm);
    link->has_loss = true;
}

/* --- duplicate, reorder: a share alone, or {share, after} and {share, by} --- */

struct shared {
    uint32_t ppm;
    struct sim_delay delay;
};

static const struct sim_plan__key duplicate_keys[] = {
    {"share", true, sim_plan__read_percent, offsetof(struct shared, ppm), 0, WEFT_PPM_ALL},
    {"after", false, sim_plan__read_delay, offsetof(struct shared, delay), 0, SIM_PLAN__NO_REGIONS},
};
const struct sim_plan__section sim_plan__duplicate_section = {"duplicate", duplicate_keys, 2};

static const struct sim_plan__key reorder_keys[] = {
    {"share", true, sim_plan__read_percent, offsetof(struct shared, ppm), 0, WEFT_PPM_ALL},
    {"by", false, sim_plan__read_delay, offsetof(struct shared, delay), 0, SIM_PLAN__NO_REGIONS},
};
const struct sim_plan__section sim_plan__reorder_section = {"reorder", reorder_keys, 2};

static struct shared read_shared(struct sim_plan__reader *reader,
                                 const struct sim_plan__value *value,
                                 const struct sim_plan__section *section) {
    struct shared shared = {0, {.kind = SIM_DELAY_UNIFORM, .a = WEFT_MS(1), .b = WEFT_MS(20)}};
    if (value->node->kind == WEFT_YAML_MAPPING) {
        sim_plan__read_section(reader, value->node, section, &shared);
        return shared;
    }
    struct sim_plan__key key = {.name = value->key->name, .most = WEFT_PPM_ALL};
    struct sim_plan__value share = {value->node, &key};
    sim_plan__read_percent(reader, &share, &shared.ppm);
    return shared;
}

void sim_plan__read_link_duplicate(struct sim_plan__reader *reader,
                                   const struct sim_plan__value *value, void *into) {
    struct sim_plan__link *link = link_at(value, into);
    struct shared shared = read_shared(reader, value, &sim_plan__duplicate_section);
    link->duplicate_ppm = shared.ppm;
    link->duplicate_after = shared.delay;
    link->has_duplicate = true;
}

void sim_plan__read_link_reorder(struct sim_plan__reader *reader,
                                 const struct sim_plan__value *value, void *into) {
    struct sim_plan__link *link = link_at(value, into);
    struct shared shared = read_shared(reader, value, &sim_plan__reorder_section);
    link->reorder_ppm = shared.ppm;
    link->reorder_by = shared.delay;
    link->has_reorder = true;
}

/* --- chains --- */

static void add(struct sim_chain *chain, struct sim_element element) {
    WEFT_ASSERT(chain->count < SIM_ELEMENTS_MAX);
    chain->elements[chain->count++] = element;
}

void sim_plan__chain_of(const struct sim_plan__link *link, struct sim_chain *chain) {
    *chain = (struct sim_chain){.count = 0};
    if (link->has_delay)
        add(chain, (struct sim_element){.kind = SIM_ELEMENT_DELAY, .delay = link->delay});
    if (link->loss_ppm > 0) {
        add(chain, (struct sim_element){.kind = SIM_ELEMENT_LOSS, .ppm = link->loss_ppm});
    }
    if (link->duplicate_ppm > 0) {
        add(chain, (struct sim_element){.kind = SIM_ELEMENT_DUPLICATE,
                                        .ppm = link->duplicate_ppm,
                                        .delay = link->duplicate_after});
    }
    if (link->reorder_ppm > 0) {
        add(chain, (struct sim_element){.kind = SIM_ELEMENT_REORDER,
                                        .ppm = link->reorder_ppm,
                                        .delay = link->reorder_by});
    }
}

/* What a link does not say is as in the network's default. */
static void inherit(struct sim_plan__link *link, const struct sim_plan__link *base) {
    if (!link->has_delay) link->delay = base->delay;
    if (!link->has_loss) link->loss_ppm = base->loss_ppm;
    if (!link->has_duplicate) {
        link->duplicate_ppm = base->duplicate_ppm;
        link->duplicate_after = base->duplicate_after;
    }
    if (!link->has_reorder) {
        link->reorder_ppm = base->reorder_ppm;
        link->reorder_by = base->reorder_by;
    }
    link->has_delay = true;
}

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

#define LINK_KEYS(at)                                                                              \
    {"delay", false, sim_plan__read_link_delay, at, 0, SIM_PLAN__REGIONS},                         \
        {"loss", false, sim_plan__read_link_loss, at, 0, 0},                                       \
        {"duplicate", false, sim_plan__read_link_duplicate, at, 0, 0}, {                           \
        "reorder", false, sim_plan__read_link_reorder, at, 0, 0                                    \
    }

static const struct sim_plan__key link_keys[] = {
    {"from", true, read_end, offsetof(struct draft, from), 0, 0},
    {"to", true, read_end, offsetof(struct draft, to), 0, 0},
    {"both_ways", false, sim_plan__read_flag, offsetof(struct draft, both_ways), 0, 0},
    LINK_KEYS(offsetof(struct draft, link)),
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
};

static void read_link(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                      const struct sim_plan__link *base) {
    struct draft draft = {SIM_GROUP_ANY, SIM_GROUP_ANY, false, {.has_delay = false}};
    if (!sim_plan__read_section(reader, node, &sim_plan__links_section, &draft)) return;
    const struct sim_plan__link *link = &draft.link;
    if (!link->has_delay && !link->has_loss && !link->has_duplicate && !link->has_reorder) {
        sim_plan__mistake(reader, node,
                          "a link as any other, expected delay, loss, duplicate or reorder");
    }
    inherit(&draft.link, base);
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
        read_link(reader, value->node->items[i], &network->link);
    }
}

static const struct sim_plan__key network_keys[] = {
    LINK_KEYS(offsetof(struct network, link)),
    {"links", false, read_links, 0, 0, 0},
};
const struct sim_plan__section sim_plan__network_section = {
    "network", network_keys, sizeof network_keys / sizeof network_keys[0]};

void sim_plan__read_network(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    struct sim_plan *plan = into;
    struct network network = {
        {.has_delay = true, .delay = plan->net.rules[0].chain.elements[0].delay}};
    sim_plan__read_section(reader, value->node, &sim_plan__network_section, &network);
    sim_plan__chain_of(&network.link, &plan->net.rules[0].chain);
}
