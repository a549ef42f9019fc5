/* Sets of nodes: all | 5% | 20 | [3, 5-10] | leaf | {group: leaf, pick: 50%} | {of: [3, 5-10],
 * pick: 2}. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <string.h>

static const char expected_set[] = "all, 5%, 20, a group, [3, 5-10] or {group: NAME, pick: 50%}";

static const char *const no_words[] = {"all"};

bool sim_plan__group_index(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                           uint32_t *index) {
    const struct sim_plan *plan = reader->plan;
    const char *names[SIM_GROUPS_MAX];
    WEFT_ASSERT(node->kind == WEFT_YAML_SCALAR);
    for (uint32_t i = 0; i < plan->groups_count; i++) {
        names[i] = plan->groups[i].name;
        if (strcmp(names[i], node->text) != 0) continue;
        *index = i;
        if (plan->groups[i].count > 0) return true;
        sim_plan__mistake(reader, node, "group '%s' is empty, expected one with nodes", names[i]);
        return false;
    }
    sim_plan__mistake(reader, node, "unknown group '%s', %s", sim_plan__show(node->text).text,
                      sim_plan__hint(node->text, names, plan->groups_count).text);
    return false;
}

/* How many nodes the set may draw from. */
static uint64_t base_size(const struct sim_plan *plan, const struct sim_set *set) {
    uint64_t size = 0;
    switch (set->kind) {
    case SIM_SET_ALL:
        return plan->population;
    case SIM_SET_GROUP:
        return plan->groups[set->group].count;
    case SIM_SET_RANGES:
        for (uint32_t i = 0; i < set->ranges_count; i++) {
            size += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
        }
        return size;
    }
    return 0;
}

/* "20" or "5%" of whatever the set has. False: neither. */
static bool read_amount(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        struct sim_set *set) {
    uint64_t count;
    uint32_t ppm;
    if (weft_value_percent(value->node->text, &ppm)) {
        set->ppm = ppm;
        if (ppm == 0) sim_plan__unfit(reader, value, "more than 0%");
        return true;
    }
    if (!weft_value_count(value->node->text, &count)) return false;
    uint64_t most = base_size(reader->plan, set);
    if (count == 0 || count > most) {
        sim_plan__mistake(reader, value->node, "'%s' is '%s', expected from 1 to %u of them",
                          value->key->name, sim_plan__show(value->node->text).text, (unsigned)most);
    } else {
        set->count = (uint32_t)count;
    }
    return true;
}

static bool overlaps(const struct sim_set *set, struct sim_range range) {
    for (uint32_t i = 0; i < set->ranges_count; i++) {
        if (range.first <= set->ranges[i].last && set->ranges[i].first <= range.last) return true;
    }
    return false;
}

static void read_range(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       struct sim_set *set) {
    struct sim_range range;
    const struct weft_yaml_node *node = value->node;
    if (node->kind != WEFT_YAML_SCALAR ||
        !weft_value_range(node->text, &range.first, &range.last)) {
        sim_plan__unfit(reader, value, "node numbers such as 3 or 5-10");
    } else if (range.last >= reader->plan->population) {
        sim_plan__mistake(reader, node, "node %u, expected from 0 to %u", range.last,
                          reader->plan->population - 1);
    } else if (overlaps(set, range)) {
        sim_plan__mistake(reader, node, "'%s' names a node again, expected each once",
                          sim_plan__show(node->text).text);
    } else {
        set->ranges[set->ranges_count++] = range;
    }
}

static void read_ranges(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct sim_set *set = into;
    if (!sim_plan__is_list(reader, value, SIM_RANGES_MAX, "node numbers such as [3, 5-10]")) return;
    set->kind = SIM_SET_RANGES;
    for (uint32_t i = 0; i < value->node->count; i++) {
        struct sim_plan__value entry = {value->node->items[i], value->key};
        read_range(reader, &entry, set);
    }
}

static void read_group(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    struct sim_set *set = into;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the name of a group")) return;
    if (sim_plan__group_index(reader, value->node, &set->group)) set->kind = SIM_SET_GROUP;
}

static void read_pick(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    bool fits = value->node->kind == WEFT_YAML_SCALAR && read_amount(reader, value, into);
    if (!fits) sim_plan__unfit(reader, value, "a number such as 20 or a percentage such as 5%");
}

static const struct sim_plan__key set_keys[] = {
    {"group", false, read_group, 0, 0, 0},
    {"of", false, read_ranges, 0, 0, 0},
    {"pick", true, read_pick, 0, 0, 0},
};
const struct sim_plan__section sim_plan__nodes_section = {"nodes", set_keys,
                                                          sizeof set_keys / sizeof set_keys[0]};

static void read_mapping(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                         struct sim_set *set) {
    bool group = weft_yaml_get(node, "group") != NULL, of = weft_yaml_get(node, "of") != NULL;
    if (group == of) {
        sim_plan__mistake(reader, node,
                          group ? "both 'group' and 'of', expected one of them"
                                : "neither 'group' nor 'of', expected one of them");
    } else {
        sim_plan__read_section(reader, node, &sim_plan__nodes_section, set);
    }
}

static void read_word(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      struct sim_set *set) {
    const struct weft_yaml_node *node = value->node;
    if (strcmp(node->text, no_words[0]) == 0 || read_amount(reader, value, set)) return;
    if (strchr("0123456789%-", node->text[0]) != NULL) {
        sim_plan__unfit(reader, value, expected_set);
    } else if (sim_plan__group_index(reader, node, &set->group)) {
        set->kind = SIM_SET_GROUP;
    }
}

void sim_plan__read_set(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    const struct weft_yaml_node *node = value->node;
    struct sim_set set = {.kind = SIM_SET_ALL};
    switch (node->kind) {
    case WEFT_YAML_SCALAR:
        read_word(reader, value, &set);
        break;
    case WEFT_YAML_SEQUENCE:
        read_ranges(reader, value, &set);
        break;
    case WEFT_YAML_MAPPING:
        read_mapping(reader, node, &set);
        break;
    case WEFT_YAML_NOTHING:
    case WEFT_YAML_BROKEN:
        sim_plan__unfit(reader, value, expected_set);
        break;
    }
    *(struct sim_set *)((char *)into + value->key->offset) = set;
}
