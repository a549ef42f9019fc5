/* Faults of processes and code: poison, hang, upgrade, slow, overflow, memory. */
#include "sim/scenario/plan_faults.h"

#include <string.h>

#define BYTES_MAX (UINT64_C(1) << 40)

static bool has_apps(const struct sim_plan *plan) {
    for (uint32_t g = 0; g < plan->groups_count; g++) {
        if (plan->apps_of[g].count > 0) return true;
    }
    return false;
}

static bool keep_process(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         struct sim_fault_spec *spec) {
    size_t size = strlen(value->node->text);
    if (size == 0 || size >= sizeof spec->process) {
        sim_plan__unfit(reader, value, "a name of 1 to 63 bytes");
        return false;
    }
    memcpy(spec->process, value->node->text, size + 1);
    return true;
}

/* A name that an application may have registered is known only when it runs; without one there are
 * but the node's own. */
static void read_process(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    struct sim_plan__fault *draft = into;
    const char *const words[] = {"dht", "control"};
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the name of a process, or any")) return;
    bool is_any = strcmp(value->node->text, "any") == 0, apps = has_apps(reader->plan);
    if (is_any && !apps) {
        sim_plan__mistake(reader, value->node,
                          "'any' is any process of an application, expected 'apps'");
        return;
    }
    draft->spec.process_by = is_any ? SIM_PROCESS_ANY : SIM_PROCESS_NAMED;
    if (!apps && sim_plan__choose_word(reader, value, words, 2) < 0) return;
    if (!keep_process(reader, value, &draft->spec)) return;
    if (strcmp(draft->spec.process, "dht") == 0 && !reader->plan->dht_on) {
        sim_plan__mistake(reader, value->node, "no process 'dht' with 'dht: off', expected a DHT");
    }
}

static void read_behaviour(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    struct sim_plan__fault *draft = into;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the name of a behaviour")) return;
    if (!has_apps(reader->plan)) {
        sim_plan__mistake(reader, value->node,
                          "'behaviour' is of a process of an application, expected 'apps'");
        return;
    }
    draft->spec.process_by = SIM_PROCESS_BEHAVES;
    (void)keep_process(reader, value, &draft->spec);
}

static void read_fault_module(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                              void *into) {
    struct sim_plan__fault *draft = into;
    draft->spec.module = sim_plan__module_path(reader, value);
}

static void read_expect(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct sim_plan__fault *draft = into;
    const char *const words[] = {"upgraded", "rollback"};
    draft->spec.expect_rollback = sim_plan__choose_word(reader, value, words, 2) == 1;
}

static void read_fault_kind(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    struct sim_plan__fault *draft = into;
    const char *const words[] = {"assert", "segv", "fpe", "stack", "kill"};
    static const enum weft_fault_kind kinds[] = {WEFT_FAULT_ASSERT, WEFT_FAULT_SEGV, WEFT_FAULT_FPE,
                                                 WEFT_FAULT_STACK};
    int kind = sim_plan__choose_word(reader, value, words, 5);
    draft->spec.by_signal = kind == 4;
    if (kind >= 0 && kind < 4) draft->spec.fault = kinds[kind];
}

static void read_bytes(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       struct sim_fault_spec *spec) {
    uint64_t bytes;
    bool fits = value->node->kind == WEFT_YAML_SCALAR &&
                weft_value_count(value->node->text, &bytes) && bytes <= BYTES_MAX;
    if (fits)
        spec->bytes = (size_t)bytes;
    else
        sim_plan__unfit(reader, value, "a number of bytes such as 65536");
}

static void read_most(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    read_bytes(reader, value, &((struct sim_plan__fault *)into)->spec);
}

static void read_room(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    struct sim_plan__fault *draft = into;
    read_bytes(reader, value, &draft->spec);
    draft->spec.is_room = true;
}

static void check_process(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                          const struct sim_plan__fault *fault) {
    (void)fault;
    const struct weft_yaml_node *behaviour = weft_yaml_get(node, "behaviour");
    bool named = weft_yaml_get(node, "process") != NULL;
    if (named != (behaviour != NULL)) return;
    sim_plan__mistake(reader, named ? behaviour : node, "%s, expected one of them",
                      named ? "both 'process' and 'behaviour'"
                            : "neither 'process' nor 'behaviour'");
}

/* No process at all is all of the node. */
static void check_process_or_node(struct sim_plan__reader *reader,
                                  const struct weft_yaml_node *node,
                                  const struct sim_plan__fault *fault) {
    bool any = weft_yaml_get(node, "process") != NULL || weft_yaml_get(node, "behaviour") != NULL;
    if (any) check_process(reader, node, fault);
}

static void check_memory(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                         const struct sim_plan__fault *fault) {
    const struct weft_yaml_node *room = weft_yaml_get(node, "room");
    check_process_or_node(reader, node, fault);
    if ((weft_yaml_get(node, "most") != NULL) != (room != NULL)) return;
    sim_plan__mistake(reader, room != NULL ? room : node, "%s, expected one of them",
                      room != NULL ? "both 'most' and 'room'" : "neither 'most' nor 'room'");
}

#define KEYS_PROCESS                                                                               \
    {"process", false, read_process, 0, 0, 0}, { "behaviour", false, read_behaviour, 0, 0, 0 }

static const struct sim_plan__key poison_keys[] = {
    KEY_AT,      KEYS_AGAIN,   KEY_NODES(true),
    KEY_ROLLING, KEYS_PROCESS, {"fault", false, read_fault_kind, 0, 0, 0}};
static const struct sim_plan__key hang_keys[] = {KEY_AT,          KEY_FOR,     KEYS_AGAIN,
                                                 KEY_NODES(true), KEY_ROLLING, KEYS_PROCESS};
static const struct sim_plan__key slow_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEYS_AGAIN,
    KEY_NODES(true),
    KEY_ROLLING,
    KEYS_PROCESS,
    {"cost", true, sim_plan__read_duration, AT(cost), WEFT_US(1), WEFT_HOUR(1)}};
static const struct sim_plan__key overflow_keys[] = {
    KEY_AT,          KEYS_AGAIN,
    KEY_NODES(true), KEY_ROLLING,
    KEYS_PROCESS,    {"cost", true, sim_plan__read_duration, AT(cost), WEFT_US(1), WEFT_HOUR(1)}};
static const struct sim_plan__key memory_keys[] = {KEY_AT,
                                                   KEY_FOR,
                                                   KEYS_AGAIN,
                                                   KEY_NODES(true),
                                                   KEY_ROLLING,
                                                   KEYS_PROCESS,
                                                   {"most", false, read_most, 0, 0, 0},
                                                   {"room", false, read_room, 0, 0, 0}};
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

const struct sim_plan__fault_kind sim_plan__poison = {SECTION("poison", poison_keys), false,
                                                      check_process};
const struct sim_plan__fault_kind sim_plan__hang = {SECTION("hang", hang_keys), false,
                                                    check_process};
const struct sim_plan__fault_kind sim_plan__upgrade = {SECTION("upgrade", upgrade_keys), false,
                                                       NULL};
const struct sim_plan__fault_kind sim_plan__slow = {SECTION("slow", slow_keys), true,
                                                    check_process_or_node};
const struct sim_plan__fault_kind sim_plan__overflow = {SECTION("overflow", overflow_keys), false,
                                                        check_process};
const struct sim_plan__fault_kind sim_plan__memory = {SECTION("memory", memory_keys), true,
                                                      check_memory};
