/* Faults: one table of keys for each kind. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <string.h>

#define OVERLAP_MAX 32

struct draft {
    struct sim_fault_spec spec;
    uint32_t times;
    struct sim_plan__link link;
};

#define AT(field) offsetof(struct draft, spec.field)

/* --- values --- */

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
    struct draft *draft = into;
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

static int choose_word(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       const char *const *words, size_t count) {
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "a word")) return -1;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value->node->text, words[i]) == 0) return (int)i;
    }
    sim_plan__mistake(reader, value->node, "unknown %s '%s', %s", value->key->name,
                      sim_plan__show(value->node->text).text,
                      sim_plan__hint(value->node->text, words, count).text);
    return -1;
}

static void read_exit(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    struct draft *draft = into;
    const char *const words[] = {"crash", "kill", "stop"};
    int exit = choose_word(reader, value, words, 3);
    if (exit >= 0) draft->spec.exit = (enum sim_churn_exit)exit;
}

/* The registered processes of a simulated node. */
static bool has_apps(const struct sim_plan *plan) {
    bool some = false;
    for (uint32_t g = 0; g < plan->groups_count; g++) some = some || plan->apps_of[g].count > 0;
    return some;
}

/* With applications only their modules know which names there are: one that never is held is a
 * fault that does not bite. */
static void read_process(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    struct draft *draft = into;
    const char *const words[] = {"dht", "control"};
    const char *text = value->node->kind == WEFT_YAML_SCALAR ? value->node->text : "";
    if (has_apps(reader->plan) && text[0] != '\0' && strlen(text) < sizeof draft->spec.process) {
        memcpy(draft->spec.process, text, strlen(text) + 1);
    } else {
        int process = choose_word(reader, value, words, 2);
        if (process < 0) return;
        strcpy(draft->spec.process, words[process]);
    }
    if (strcmp(draft->spec.process, "dht") == 0 && !reader->plan->dht_on)
        sim_plan__mistake(reader, value->node, "no process 'dht' with 'dht: off', expected a DHT");
}

static void read_fault_module(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                              void *into) {
    struct draft *draft = into;
    draft->spec.module = sim_plan__module_path(reader, value);
}

static void read_expect(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct draft *draft = into;
    const char *const words[] = {"upgraded", "rollback"};
    draft->spec.expect_rollback = choose_word(reader, value, words, 2) == 1;
}

static void read_fault_kind(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    struct draft *draft = into;
    const char *const words[] = {"assert", "segv", "fpe", "stack"};
    static const enum weft_fault_kind kinds[] = {WEFT_FAULT_ASSERT, WEFT_FAULT_SEGV, WEFT_FAULT_FPE,
                                                 WEFT_FAULT_STACK};
    int kind = choose_word(reader, value, words, 4);
    if (kind >= 0) draft->spec.fault = kinds[kind];
}

/* --- tables --- */

#define KEY_AT                                                                                     \
    { "at", true, sim_plan__read_duration, AT(at), 0, 0 }
#define KEY_FOR                                                                                    \
    { "for", false, sim_plan__read_duration, AT(lasts), WEFT_MS(1), 0 }
#define KEYS_AGAIN                                                                                 \
    {"every", false, sim_plan__read_duration, AT(every), WEFT_MS(1), 0},                           \
        {"until", false, sim_plan__read_duration, AT(until), 0, 0},                                \
        {"times", false, sim_plan__read_count, offsetof(struct draft, times), 1, 1000000}, {       \
        "jitter", false, sim_plan__read_duration, AT(jitter), 0, 0                                 \
    }
#define KEY_NODES(required)                                                                        \
    { "nodes", required, sim_plan__read_set, AT(nodes), 0, 0 }
#define KEY_ROLLING                                                                                \
    { "rolling", false, sim_plan__read_flag, AT(each_in_turn), 0, 0 }
#define KEYS_LINK                                                                                  \
    {"delay",                                                                                      \
     false,                                                                                        \
     sim_plan__read_link_delay,                                                                    \
     offsetof(struct draft, link),                                                                 \
     0,                                                                                            \
     SIM_PLAN__NO_REGIONS},                                                                        \
        {"loss", false, sim_plan__read_link_loss, offsetof(struct draft, link), 0, 0},             \
        {"duplicate", false, sim_plan__read_link_duplicate, offsetof(struct draft, link), 0, 0}, { \
        "reorder", false, sim_plan__read_link_reorder, offsetof(struct draft, link), 0, 0          \
    }

static const struct sim_plan__key partition_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEYS_AGAIN,
    {"sides", true, read_sides, 0, 0, 0},
    {"one_way", false, sim_plan__read_flag, AT(one_way), 0, 0}};
static const struct sim_plan__key isolate_keys[] = {KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(true)};
static const struct sim_plan__key down_keys[] = {KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(true),
                                                 KEY_ROLLING};
static const struct sim_plan__key restart_keys[] = {KEY_AT, KEYS_AGAIN, KEY_NODES(false)};
static const struct sim_plan__key churn_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEY_NODES(false),
    {"session", true, sim_plan__read_delay, AT(session), WEFT_MS(1), SIM_PLAN__NO_REGIONS},
    {"downtime", true, sim_plan__read_delay, AT(downtime), WEFT_MS(1), SIM_PLAN__NO_REGIONS},
    {"exit", false, read_exit, 0, 0, 0}};
static const struct sim_plan__key degrade_keys[] = {KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(false),
                                                    KEYS_LINK};
static const struct sim_plan__key poison_keys[] = {KEY_AT,
                                                   KEYS_AGAIN,
                                                   KEY_NODES(true),
                                                   KEY_ROLLING,
                                                   {"process", true, read_process, 0, 0, 0},
                                                   {"fault", false, read_fault_kind, 0, 0, 0}};
static const struct sim_plan__key hang_keys[] = {
    KEY_AT,          KEY_FOR,     KEYS_AGAIN,
    KEY_NODES(true), KEY_ROLLING, {"process", true, read_process, 0, 0, 0}};

static const struct sim_plan__key upgrade_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEYS_AGAIN,
    KEY_NODES(true),
    KEY_ROLLING,
    {"module", true, read_fault_module, 0, 0, 0},
    {"canary", false, sim_plan__read_percent, AT(canary_ppm), 1, WEFT_PPM_ALL},
    {"watch", false, sim_plan__read_count, AT(watch), 0, UINT32_MAX},
    {"expect", false, read_expect, 0, 0, 0}};

#define SECTION(title, keys)                                                                       \
    { title, keys, sizeof keys / sizeof keys[0] }

/* By enum sim_fault_kind - 1. */
const struct sim_plan__section sim_plan__fault_sections[] = {
    SECTION("partition", partition_keys), SECTION("isolate", isolate_keys),
    SECTION("crash", down_keys),          SECTION("kill", down_keys),
    SECTION("stop", down_keys),           SECTION("restart", restart_keys),
    SECTION("pause", down_keys),          SECTION("churn", churn_keys),
    SECTION("degrade", degrade_keys),     SECTION("poison", poison_keys),
    SECTION("upgrade", upgrade_keys),     SECTION("hang", hang_keys)};

_Static_assert(sizeof sim_plan__fault_sections / sizeof sim_plan__fault_sections[0] ==
                   SIM_FAULT_KIND_COUNT - 1,
               "a section for each kind of fault");

static const char *const kind_names[] = {
#define SIM_FAULT_NAME(NAME, key) key,
    SIM_FAULTS(SIM_FAULT_NAME)
#undef SIM_FAULT_NAME
};

/* --- what one key alone does not show --- */

static void check_again(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                        struct draft *draft) {
    struct sim_fault_spec *spec = &draft->spec;
    const struct weft_yaml_node *until = weft_yaml_get(node, "until");
    const struct weft_yaml_node *times = weft_yaml_get(node, "times");
    const char *const needy[] = {"until", "times", "rolling"};
    bool again = weft_yaml_get(node, "every") != NULL;
    for (size_t i = 0; i < 3 && !again; i++) {
        const struct weft_yaml_node *given = weft_yaml_get(node, needy[i]);
        if (given == NULL) continue;
        sim_plan__mistake(reader, given, "'%s' without 'every', expected both%s", needy[i],
                          i == 0 ? "; how long a fault lasts is 'for'" : "");
    }
    if (until != NULL && times != NULL) {
        sim_plan__mistake(reader, times, "'times' and 'until', expected one of them");
    }
    if (again && until != NULL && spec->until < spec->at) {
        sim_plan__mistake(reader, until, "'until' is before 'at', expected it after");
    }
    if (draft->times == 0 || spec->every == 0) return;
    weft_duration room = WEFT_TIME_NEVER - spec->at;
    uint32_t gaps = draft->times - 1;
    bool endless = gaps > 0 && spec->every > room / (weft_duration)gaps;
    spec->until = endless ? WEFT_TIME_NEVER : spec->at + spec->every * (weft_duration)gaps;
}

/* Faults that are layers or states pile up when they come again before they ended. */
static void check_pile(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct sim_fault_spec *spec) {
    bool piles = spec->kind == SIM_FAULT_PARTITION || spec->kind == SIM_FAULT_ISOLATE ||
                 spec->kind == SIM_FAULT_DEGRADE || spec->kind == SIM_FAULT_PAUSE;
    const struct weft_yaml_node *every = weft_yaml_get(node, "every");
    if (!piles || every == NULL || spec->every == 0) return;
    const struct weft_yaml_node *lasts = weft_yaml_get(node, "for");
    if (lasts == NULL) {
        sim_plan__mistake(reader, every, "'every' without 'for', expected how long each lasts");
    } else if (spec->lasts / spec->every >= OVERLAP_MAX) {
        sim_plan__mistake(reader, lasts, "'for' spans more than %d of 'every', expected fewer",
                          OVERLAP_MAX);
    }
}

static void check_kind(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct draft *draft) {
    const struct sim_fault_spec *spec = &draft->spec;
    const struct sim_plan__link *link = &draft->link;
    if (spec->one_way && spec->sides_count > 2) {
        sim_plan__mistake(reader, weft_yaml_get(node, "one_way"),
                          "'one_way' with %u sides, expected two", spec->sides_count);
    }
    bool degrades = link->has_delay || link->has_loss || link->has_duplicate || link->has_reorder;
    if (spec->kind == SIM_FAULT_DEGRADE && !degrades) {
        sim_plan__mistake(reader, node,
                          "degrade changes nothing, expected delay, loss, duplicate or reorder");
    }
}

static void check_stop(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct sim_fault_spec *spec) {
    const struct weft_yaml_node *at = weft_yaml_get(node, "at");
    weft_time stop = reader->plan->stop;
    char text[WEFT_VALUE_TEXT_MAX];
    if (at == NULL || spec->at < stop) return;
    sim_plan__mistake(reader, at,
                      "'at' is '%s': it would never happen, expected before the run "
                      "stops at %s",
                      sim_plan__show(at->text).text, weft_value_show_duration(stop, text));
}

static void read_fault(struct sim_plan__reader *reader, const struct weft_yaml_node *entry) {
    struct sim_plan *plan = reader->plan;
    const struct sim_plan__choice choice = {"fault", kind_names, SIM_FAULT_KIND_COUNT - 1, false};
    struct sim_plan__value options;
    int kind = sim_plan__choose(reader, entry, &choice, &options);
    if (kind < 0) return;
    struct draft draft = {.spec = {.kind = (enum sim_fault_kind)(kind + 1),
                                   .line = entry->line,
                                   .until = WEFT_TIME_NEVER}};
    const struct weft_yaml_node *node = options.node;
    if (!sim_plan__read_section(reader, node, &sim_plan__fault_sections[kind], &draft)) return;
    check_again(reader, node, &draft);
    check_pile(reader, node, &draft.spec);
    check_kind(reader, node, &draft);
    check_stop(reader, node, &draft.spec);
    sim_plan__chain_of(&draft.link, &draft.spec.chain);
    WEFT_ASSERT(plan->faults_count < SIM_FAULTS_MAX);
    plan->faults[plan->faults_count++] = draft.spec;
}

void sim_plan__read_faults(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    (void)into;
    if (!sim_plan__is_list(reader, value, SIM_FAULTS_MAX, "a list of faults")) return;
    for (uint32_t i = 0; i < value->node->count; i++) read_fault(reader, value->node->items[i]);
}
