/* Faults of links: partition, isolate, degrade, clog, filter. */
#include "sim/scenario/plan_faults.h"
#include "sim/world/packet_kind.h"

#include <stdio.h>
#include <string.h>

/* --- partition: its shape --- */

static const char *const shapes[] = {"sides", "halves", "bridge", "partial", "ring"};

static void set_shares(struct sim_fault_spec *spec, uint32_t ppm) {
    spec->sides_count = 2;
    spec->sides[0].ppm = spec->sides[1].ppm = ppm;
}

/* Comes before `sides`, which it may stand for. */
static void read_shape(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    struct sim_plan__fault *draft = into;
    int shape = sim_plan__choose_word(reader, value, shapes, sizeof shapes / sizeof shapes[0]);
    if (shape < 0) return;
    draft->spec.shape = (enum sim_partition_shape)shape;
    draft->spec.reach = 1;
    draft->spec.through = (struct sim_set){.kind = SIM_SET_ALL, .count = 1};
    if (draft->spec.shape == SIM_SHAPE_PARTIAL) set_shares(&draft->spec, WEFT_PPM_ALL / 3);
    if (draft->spec.shape == SIM_SHAPE_HALVES || draft->spec.shape == SIM_SHAPE_BRIDGE) {
        set_shares(&draft->spec, WEFT_PPM_ALL / 2);
    }
}

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
    if (spec->shape == SIM_SHAPE_PARTIAL) {
        if (sum <= WEFT_PPM_ALL) return;
        sim_plan__mistake(reader, node, "'sides' add up to %s, expected at most 100%%",
                          weft_value_show_percent(sum, text));
        return;
    }
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
    draft->spec.sides_count = 0;
    for (uint32_t i = 0; i < value->node->count; i++) {
        struct sim_plan__value side = {value->node->items[i], value->key};
        read_side(reader, &side, &draft->spec);
    }
    check_sum(reader, value->node, &draft->spec);
}

/* Keys that only some shapes have. */
static const struct {
    const char *key;
    uint32_t shapes; /* a bit for each */
} keys_of_shapes[] = {
    {"sides", 1u << SIM_SHAPE_SIDES | 1u << SIM_SHAPE_PARTIAL},
    {"one_way", (1u << SIM_SHAPE_RING) - 1},
    {"nodes", 1u << SIM_SHAPE_RING},
    {"reach", 1u << SIM_SHAPE_RING},
    {"through", 1u << SIM_SHAPE_BRIDGE},
};

static void check_partition(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                            const struct sim_plan__fault *fault) {
    const struct sim_fault_spec *spec = &fault->spec;
    const struct weft_yaml_node *sides = weft_yaml_get(node, "sides");
    for (size_t i = 0; i < sizeof keys_of_shapes / sizeof keys_of_shapes[0]; i++) {
        const struct weft_yaml_node *given = weft_yaml_get(node, keys_of_shapes[i].key);
        if (given == NULL || (keys_of_shapes[i].shapes >> spec->shape & 1) != 0) continue;
        sim_plan__mistake(reader, given, "'%s' in a partition of shape '%s', expected none",
                          keys_of_shapes[i].key, shapes[spec->shape]);
    }
    if (spec->shape == SIM_SHAPE_SIDES && sides == NULL) {
        sim_plan__mistake(reader, node, "a partition without 'sides', expected them or a 'shape'");
    }
    if (spec->shape == SIM_SHAPE_PARTIAL && sides != NULL && spec->sides_count > 2) {
        sim_plan__mistake(reader, sides, "'sides' has %u entries, expected the two that are cut",
                          spec->sides_count);
    }
    if (!spec->one_way || spec->sides_count <= 2) return;
    sim_plan__mistake(reader, weft_yaml_get(node, "one_way"),
                      "'one_way' with %u sides, expected two", spec->sides_count);
}

/* --- flapping --- */

static const struct sim_plan__key flap_keys[] = {
    {"on", true, sim_plan__read_delay, AT(flap_on), WEFT_MS(1), SIM_PLAN__NO_REGIONS},
    {"off", true, sim_plan__read_delay, AT(flap_off), WEFT_MS(1), SIM_PLAN__NO_REGIONS},
};
const struct sim_plan__section sim_plan__flap_section = {"flap", flap_keys, 2};

static void read_flap(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    sim_plan__read_section(reader, value->node, &sim_plan__flap_section, into);
}

/* --- whose links --- */

static void read_direction(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    struct sim_plan__fault *draft = into;
    sim_plan__read_set(reader, value, into);
    draft->spec.directed = true;
}

static void check_direction(struct sim_plan__reader *reader, const struct weft_yaml_node *node) {
    const struct weft_yaml_node *nodes = weft_yaml_get(node, "nodes");
    bool directed = weft_yaml_get(node, "from") != NULL || weft_yaml_get(node, "to") != NULL;
    if (nodes == NULL || !directed) return;
    sim_plan__mistake(reader, nodes,
                      "'nodes' with 'from' or 'to', expected either: 'nodes' is "
                      "both directions");
}

#define KEYS_DIRECTION                                                                             \
    KEY_NODES(false), {"from", false, read_direction, AT(nodes), 0, 0}, {                          \
        "to", false, read_direction, AT(to), 0, 0                                                  \
    }

#define KEY_FLAP                                                                                   \
    { "flap", false, read_flap, 0, 0, 0 }

/* --- degrade, and how it changes --- */

struct step {
    weft_duration after;
    struct sim_plan__link link;
};

static const struct sim_plan__key step_keys[] = {
    {"after", true, sim_plan__read_duration, offsetof(struct step, after), WEFT_MS(1), 0},
    SIM_PLAN__LINK_KEYS(offsetof(struct step, link), SIM_PLAN__NO_REGIONS),
};
const struct sim_plan__section sim_plan__step_section = {"step", step_keys,
                                                         sizeof step_keys / sizeof step_keys[0]};

/* What a step does not say is as in the step before. */
static void read_step(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                      struct sim_fault_spec *spec, struct step *last) {
    struct step step = {.after = 0};
    if (!sim_plan__read_section(reader, node, &sim_plan__step_section, &step)) return;
    if (!sim_plan__link_says(&step.link)) {
        sim_plan__mistake(reader, node, "a step that changes nothing, expected %s",
                          SIM_PLAN__LINK_WORDS);
    }
    if (spec->steps_count > 0 && step.after <= last->after && step.after > 0) {
        sim_plan__mistake(reader, weft_yaml_get(node, "after"),
                          "'after' is not later than in the step before, expected steps in order");
    }
    sim_plan__inherit(&step.link, &last->link);
    *last = step;
    spec->steps[spec->steps_count].after = step.after;
    sim_plan__chain_of(&step.link, &spec->steps[spec->steps_count++].chain);
}

/* Comes last in the table: what the fault begins with is known by then. */
static void read_schedule(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into) {
    struct sim_plan__fault *draft = into;
    struct step last = {.link = draft->link};
    if (!sim_plan__is_list(reader, value, SIM_STEPS_MAX, "a list of steps")) return;
    for (uint32_t i = 0; i < value->node->count; i++) {
        snprintf(reader->within.path, sizeof reader->within.path, "schedule.%u.", i);
        reader->within.before = &last.link;
        read_step(reader, value->node->items[i], &draft->spec, &last);
    }
}

static void check_schedule(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                           const struct sim_fault_spec *spec) {
    if (spec->lasts == 0 || spec->steps_count == 0) return;
    if (spec->steps[spec->steps_count - 1].after < spec->lasts) return;
    sim_plan__mistake(reader, weft_yaml_get(node, "schedule"),
                      "a step after the fault has ended, expected it within 'for'");
}

static void check_degrade(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                          const struct sim_plan__fault *fault) {
    check_direction(reader, node);
    check_schedule(reader, node, &fault->spec);
    if (sim_plan__link_says(&fault->link) || weft_yaml_get(node, "schedule") != NULL) return;
    sim_plan__mistake(reader, node, "degrade changes nothing, expected %s", SIM_PLAN__LINK_WORDS);
}

static void check_clog(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct sim_plan__fault *fault) {
    (void)fault;
    check_direction(reader, node);
}

/* --- filter --- */

static const char *const kind_words[] = {
#define KIND_WORD(NAME, word) word,
    SIM_PACKET_KINDS(KIND_WORD)
#undef KIND_WORD
        "datagram",
    "query"};

#define QUERIES                                                                                    \
    (1u << SIM_PACKET_PING | 1u << SIM_PACKET_FIND_NODE | 1u << SIM_PACKET_GET_PEERS |             \
     1u << SIM_PACKET_ANNOUNCE_PEER | 1u << SIM_PACKET_GET | 1u << SIM_PACKET_PUT)
#define DATAGRAMS (((1u << SIM_PACKET_KIND_COUNT) - 1) & ~(1u << SIM_PACKET_STREAM))

static void read_kinds(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    struct sim_plan__fault *draft = into;
    struct sim_plan__key key = {.name = "kind"};
    uint32_t kinds = 0;
    if (!sim_plan__is_list(reader, value, SIM_PACKET_KIND_COUNT, "a list such as [get, put]")) {
        return;
    }
    for (uint32_t i = 0; i < value->node->count; i++) {
        struct sim_plan__value entry = {value->node->items[i], &key};
        int kind = sim_plan__choose_word(reader, &entry, kind_words, SIM_PACKET_KIND_COUNT + 2);
        if (kind < 0) continue;
        uint32_t bits = kind == SIM_PACKET_KIND_COUNT       ? DATAGRAMS
                        : kind == SIM_PACKET_KIND_COUNT + 1 ? QUERIES
                                                            : 1u << kind;
        if ((kinds & bits) == bits) {
            sim_plan__mistake(reader, entry.node, "kind '%s' twice, expected each once",
                              entry.node->text);
        }
        kinds |= bits;
    }
    draft->link.has[SIM_PLAN__PART_LOSS] = true;
    draft->link.parts[SIM_PLAN__PART_LOSS] =
        (struct sim_element){.kind = SIM_ELEMENT_LOSS, .ppm = WEFT_PPM_ALL, .kinds = kinds};
}

#define FILTER_LOSS_AT (LINK_AT + offsetof(struct sim_plan__link, parts[SIM_PLAN__PART_LOSS].ppm))

static const struct sim_plan__key partition_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEYS_AGAIN,
    {"shape", false, read_shape, 0, 0, 0},
    {"sides", false, read_sides, 0, 0, 0},
    {"one_way", false, sim_plan__read_flag, AT(one_way), 0, 0},
    KEY_NODES(false),
    {"reach", false, sim_plan__read_count, AT(reach), 1, 1000000},
    {"through", false, sim_plan__read_set, AT(through), 0, 0},
    KEY_FLAP};
static const struct sim_plan__key isolate_keys[] = {KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(true),
                                                    KEY_FLAP};
static const struct sim_plan__key degrade_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEYS_AGAIN,
    KEYS_DIRECTION,
    KEY_FLAP,
    SIM_PLAN__LINK_KEYS(LINK_AT, SIM_PLAN__NO_REGIONS),
    {"schedule", false, read_schedule, 0, 0, 0}};
static const struct sim_plan__key clog_keys[] = {
    KEY_AT,
    {"for", true, sim_plan__read_duration, AT(lasts), WEFT_MS(1), 0},
    KEYS_AGAIN,
    KEYS_DIRECTION};
static const struct sim_plan__key filter_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEYS_AGAIN,
    KEYS_DIRECTION,
    KEY_FLAP,
    {"kinds", true, read_kinds, 0, 0, 0},
    {"loss", false, sim_plan__read_percent, FILTER_LOSS_AT, 1, WEFT_PPM_ALL}};

const struct sim_plan__fault_kind sim_plan__partition = {SECTION("partition", partition_keys), true,
                                                         check_partition};
const struct sim_plan__fault_kind sim_plan__isolate = {SECTION("isolate", isolate_keys), true,
                                                       NULL};
const struct sim_plan__fault_kind sim_plan__degrade = {SECTION("degrade", degrade_keys), true,
                                                       check_degrade};
const struct sim_plan__fault_kind sim_plan__clog = {SECTION("clog", clog_keys), true, check_clog};
const struct sim_plan__fault_kind sim_plan__filter = {SECTION("filter", filter_keys), true,
                                                      check_clog};
