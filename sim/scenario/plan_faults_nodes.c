/* Faults of nodes: crash, kill, stop, pause, restart, churn, clock. */
#include "sim/scenario/plan_faults.h"

#include "sim/world/clock.h"

static void read_exit(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    struct sim_plan__fault *draft = into;
    const char *const words[] = {"crash", "kill", "stop"};
    int exit = sim_plan__choose_word(reader, value, words, 3);
    if (exit >= 0) draft->spec.exit = (enum sim_churn_exit)exit;
}

static void check_spread(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                         const struct sim_plan__fault *fault) {
    const struct weft_yaml_node *spread = weft_yaml_get(node, "spread");
    if (spread == NULL || fault->spec.lasts > 0) return;
    sim_plan__mistake(reader, spread, "'spread' without 'for', expected both");
}

static void check_churn(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                        const struct sim_plan__fault *fault) {
    const struct weft_yaml_node *unsynced = weft_yaml_get(node, "unsynced");
    if (unsynced == NULL || fault->spec.exit == SIM_CHURN_CRASH) return;
    sim_plan__mistake(reader, unsynced, "'unsynced' is of a loss of power, expected 'exit: crash'");
}

static void check_clock(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                        const struct sim_plan__fault *fault) {
    (void)fault;
    if (weft_yaml_get(node, "jump") != NULL || weft_yaml_get(node, "drift") != NULL) return;
    sim_plan__mistake(reader, node, "clock changes nothing, expected jump or drift");
}

static const struct sim_plan__key down_keys[] = {KEY_AT,          KEY_FOR,     KEYS_AGAIN,
                                                 KEY_NODES(true), KEY_ROLLING, KEY_SPREAD};
static const struct sim_plan__key pause_keys[] = {KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(true),
                                                  KEY_ROLLING};
static const struct sim_plan__key crash_keys[] = {
    KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(true), KEY_ROLLING, KEY_SPREAD, KEY_UNSYNCED};
static const struct sim_plan__key restart_keys[] = {KEY_AT, KEYS_AGAIN, KEY_NODES(false)};
static const struct sim_plan__key churn_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEY_NODES(false),
    {"session", true, sim_plan__read_delay, AT(session), WEFT_MS(1), SIM_PLAN__NO_REGIONS},
    {"downtime", true, sim_plan__read_delay, AT(downtime), WEFT_MS(1), SIM_PLAN__NO_REGIONS},
    {"exit", false, read_exit, 0, 0, 0},
    KEY_UNSYNCED};
static const struct sim_plan__key clock_keys[] = {
    KEY_AT,
    KEY_FOR,
    KEYS_AGAIN,
    KEY_NODES(true),
    KEY_ROLLING,
    {"jump", false, sim_plan__read_jump, AT(jump), 0, 0},
    {"drift", false, sim_plan__read_drift, AT(drift_ppm), -SIM_DRIFT_MAX, SIM_DRIFT_MAX}};

const struct sim_plan__fault_kind sim_plan__crash = {SECTION("crash", crash_keys), false,
                                                     check_spread};
const struct sim_plan__fault_kind sim_plan__kill = {SECTION("kill", down_keys), false,
                                                    check_spread};
const struct sim_plan__fault_kind sim_plan__stop = {SECTION("stop", down_keys), false,
                                                    check_spread};
const struct sim_plan__fault_kind sim_plan__pause = {SECTION("pause", pause_keys), true, NULL};
const struct sim_plan__fault_kind sim_plan__restart = {SECTION("restart", restart_keys), false,
                                                       NULL};
const struct sim_plan__fault_kind sim_plan__churn = {SECTION("churn", churn_keys), false,
                                                     check_churn};
const struct sim_plan__fault_kind sim_plan__clock = {SECTION("clock", clock_keys), true,
                                                     check_clock};
