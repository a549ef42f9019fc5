/* Faults of links: partition, isolate, degrade. */
#include "sim/scenario/plan_faults.h"

static uint32_t named_before(const struct sim_fault_spec *spec, uint32_t group) {
    for (uint32_t i = 0; i < spec->sides_count; i++) {
        if (spec->sides[i].is_group && spec->sides[i].group == group) return i + 1;
    }
    return 0;
}

static void read_side(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      struct sim_fault_spec *spec) {
    const struct weft_yaml_node *node = value->node;
    uint32_t ppm = 0, group = 0;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "percentages or groups")) return;
    bool is_share = weft_value_percent(node->text, &ppm);
    if (is_share && ppm == 0) {
        sim_plan__mistake(reader, node, "a side of 0%%, expected more");
        return;
    }
    if (!is_share && !sim_plan__group_index(reader, node, &group)) return;
    if (!is_share && named_before(spec, group) != 0) {
        sim_plan__mistake(reader, node, "group '%s' on two sides, expected on one", node->text);
    }
    if (spec->sides_count > 0 && spec->sides[0].is_group == is_share) {
        sim_plan__mistake(reader, node,
                          "'%s' among other sides, expected all percentages or all groups",
                          sim_plan__show(node->text).text);
    }
    spec->sides[spec->sides_count].is_group = !is_share;
    spec->sides[spec->sides_count].group = group;
    spec->sides[spec->sides_count++].ppm = ppm;
}

static void check_sum(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                      const struct sim_fault_spec *spec) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < spec->sides_count; i++) {
        if (spec->sides[i].is_group) return;
        sum += spec->sides[i].ppm;
    }
    char text[WEFT_VALUE_TEXT_MAX];
    if (sum == WEFT_PPM_ALL || spec->sides_count != node->count) return;
    sim_plan__mistake(reader, node, "'sides' add up to %s, expected 100%%",
                      weft_value_show_percent(sum, text));
}

static void read_sides(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    struct sim_plan__fault *draft = into;
    const char *expected = "two or more sides such as [50%, 50%] or [leaf, rest]";
    if (!sim_plan__is_list(reader, value, SIM_PARTITION_SIDES_MAX, expected)) return;
    if (value->node->count < 2) {
        sim_plan__mistake(reader, value->node, "'sides' has one entry, expected %s", expected);
        return;
    }
    for (uint32_t i = 0; i < value->node->count; i++) {
        struct sim_plan__value side = {value->node->items[i], value->key};
        read_side(reader, &side, &draft->spec);
    }
    check_sum(reader, value->node, &draft->spec);
}

static void check_partition(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                            const struct sim_plan__fault *fault) {
    if (!fault->spec.one_way || fault->spec.sides_count <= 2) return;
    sim_plan__mistake(reader, weft_yaml_get(node, "one_way"),
                      "'one_way' with %u sides, expected two", fault->spec.sides_count);
}

static void check_degrade(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                          const struct sim_plan__fault *fault) {
    const struct sim_plan__link *link = &fault->link;
    if (link->has_delay || link->has_loss || link->has_duplicate || link->has_reorder) return;
    sim_plan__mistake(reader, node,
                      "degrade changes nothing, expected delay, loss, duplicate or reorder");
}

static const struct sim_plan__key partition_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEYS_AGAIN,
    {"sides", true, read_sides, 0, 0, 0},
    {"one_way", false, sim_plan__read_flag, AT(one_way), 0, 0}};
static const struct sim_plan__key isolate_keys[] = {KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(true)};
static const struct sim_plan__key degrade_keys[] = {KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(false),
                                                    KEYS_LINK};

const struct sim_plan__fault_kind sim_plan__partition = {SECTION("partition", partition_keys), true,
                                                         check_partition};
const struct sim_plan__fault_kind sim_plan__isolate = {SECTION("isolate", isolate_keys), true,
                                                       NULL};
const struct sim_plan__fault_kind sim_plan__degrade = {SECTION("degrade", degrade_keys), true,
                                                       check_degrade};
