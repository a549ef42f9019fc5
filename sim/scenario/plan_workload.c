/* Workload: what the users ask. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#define ITEM_SIZE_MAX (WEFT_ITEM_SIZE_MAX - 8) /* with its head, "992:" */

#define AT(field) offsetof(struct sim_work_spec, field)

#define KEYS                                                                                       \
    {"at", false, sim_plan__read_duration, AT(at), 0, 0},                                          \
        {"from", false, sim_plan__read_duration, AT(at), 0, 0},                                    \
        {"every", false, sim_plan__read_duration, AT(every), WEFT_US(1), 0},                       \
        {"until", false, sim_plan__read_duration, AT(until), 0, 0},                                \
        {"times", false, sim_plan__read_count, AT(times), 1, 1000000000},                          \
        {"burst", false, sim_plan__read_count, AT(burst), 1, 100000},                              \
        {"jitter", false, sim_plan__read_duration, AT(jitter), 0, 0}, {                            \
        "nodes", false, sim_plan__read_set, AT(nodes), 0, 0                                        \
    }

static const struct sim_plan__key ask_keys[] = {KEYS};
static const struct sim_plan__key put_keys[] = {
    KEYS,
    {"size", false, sim_plan__read_count, AT(size), 16, ITEM_SIZE_MAX},
    {"repeat", false, sim_plan__read_flag, AT(repeat), 0, 0}};
static const struct sim_plan__key announce_keys[] = {
    KEYS, {"repeat", false, sim_plan__read_flag, AT(repeat), 0, 0}};

#define SECTION(title, keys)                                                                       \
    { title, keys, sizeof keys / sizeof keys[0] }

/* By enum sim_work_kind - 1. */
const struct sim_plan__section sim_plan__work_sections[] = {
    SECTION("lookup", ask_keys), SECTION("put", put_keys), SECTION("get", ask_keys),
    SECTION("announce", announce_keys), SECTION("peers", ask_keys)};

_Static_assert(sizeof sim_plan__work_sections / sizeof sim_plan__work_sections[0] ==
                   SIM_WORK_KIND_COUNT - 1,
               "a section for each kind of work");

static const char *const kind_names[] = {
#define SIM_WORK_NAME(NAME, key) key,
    SIM_WORKS(SIM_WORK_NAME)
#undef SIM_WORK_NAME
};

static void check_again(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                        const struct sim_work_spec *spec) {
    const char *const needy[] = {"from", "until", "times"};
    const struct weft_yaml_node *at = weft_yaml_get(node, "at");
    const struct weft_yaml_node *until = weft_yaml_get(node, "until");
    bool again = weft_yaml_get(node, "every") != NULL;
    for (size_t i = 0; i < 3 && !again; i++) {
        const struct weft_yaml_node *given = weft_yaml_get(node, needy[i]);
        if (given == NULL) continue;
        sim_plan__mistake(reader, given, "'%s' without 'every', expected both", needy[i]);
    }
    if (again && at != NULL) {
        sim_plan__mistake(reader, at, "'at' with 'every', expected 'from' for what is repeated");
    }
    if (!again && at == NULL) {
        sim_plan__mistake(reader, node, "neither 'at' nor 'every', expected one of them");
    }
    if (again && until != NULL && spec->until < spec->at) {
        sim_plan__mistake(reader, until, "'until' is before 'from', expected it after");
    }
}

static void check_stop(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct sim_work_spec *spec) {
    const struct weft_yaml_node *place = weft_yaml_get(node, "from");
    const char *key = place != NULL ? "from" : "at";
    if (place == NULL) place = weft_yaml_get(node, "at");
    weft_time stop = reader->plan->stop;
    char text[WEFT_VALUE_TEXT_MAX];
    if (place == NULL || spec->at < stop) return;
    sim_plan__mistake(reader, place,
                      "'%s' is '%s': it would never happen, expected before the "
                      "run stops at %s",
                      key, sim_plan__show(place->text).text, weft_value_show_duration(stop, text));
}

static void read_work(struct sim_plan__reader *reader, const struct weft_yaml_node *entry) {
    struct sim_plan *plan = reader->plan;
    const struct sim_plan__choice choice = {"workload", kind_names, SIM_WORK_KIND_COUNT - 1, false};
    struct sim_plan__value options;
    int kind = sim_plan__choose(reader, entry, &choice, &options);
    if (kind < 0) return;
    weft_time joined = sim_plan__joined_at(plan);
    struct sim_work_spec spec = {.kind = (enum sim_work_kind)(kind + 1),
                                 .line = entry->line,
                                 .at = joined,
                                 .until = plan->stop,
                                 .burst = 1,
                                 .size = kind + 1 == SIM_WORK_PUT ? 64 : 0};
    const struct weft_yaml_node *node = options.node;
    if (!sim_plan__read_section(reader, node, &sim_plan__work_sections[kind], &spec)) return;
    check_again(reader, node, &spec);
    check_stop(reader, node, &spec);
    WEFT_ASSERT(plan->works_count < SIM_WORKLOADS_MAX);
    plan->works[plan->works_count++] = spec;
}

bool sim_plan__has_work(const struct sim_plan *plan, enum sim_work_kind kind) {
    for (uint32_t i = 0; i < plan->works_count; i++) {
        if (plan->works[i].kind == kind) return true;
    }
    return false;
}

/* Askers need something to ask for. */
static void check_sources(struct sim_plan__reader *reader, const struct weft_yaml_node *node) {
    const struct sim_plan *plan = reader->plan;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct weft_yaml_node *entry = node->items[i];
        if (weft_yaml_get(entry, "get") != NULL && !sim_plan__has_work(plan, SIM_WORK_PUT)) {
            sim_plan__mistake(reader, entry, "'get' without a 'put', expected one to store keys");
        }
        if (weft_yaml_get(entry, "peers") != NULL && !sim_plan__has_work(plan, SIM_WORK_ANNOUNCE)) {
            sim_plan__mistake(reader, entry,
                              "'peers' without an 'announce', expected one to announce");
        }
    }
}

void sim_plan__read_workload(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into) {
    (void)into;
    const struct weft_yaml_node *node = value->node;
    if (!sim_plan__is_list(reader, value, SIM_WORKLOADS_MAX, "a list of workloads")) return;
    if (!reader->plan->dht_on) {
        sim_plan__mistake(reader, node, "a workload with 'dht: off', expected a DHT to ask");
        return;
    }
    uint32_t before = reader->mistakes.count;
    for (uint32_t i = 0; i < node->count; i++) read_work(reader, node->items[i]);
    if (reader->mistakes.count == before) check_sources(reader, node);
}
