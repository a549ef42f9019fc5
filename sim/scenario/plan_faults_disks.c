/* Faults of disks: wipe, lost_fsync, misdirect, bit_rot, latent_error, io_error, disk_full,
 * disk_slow, disk_stuck. */
#include "sim/scenario/plan_faults.h"

#include <string.h>

void sim_plan__read_unsynced(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into) {
    struct sim_plan__fault *draft = into;
    const char *const words[] = {"lost", "kept", "torn", "drawn"};
    static const enum sim_unsynced meant[] = {SIM_UNSYNCED_LOST, SIM_UNSYNCED_KEPT,
                                              SIM_UNSYNCED_TORN, SIM_UNSYNCED_LOST};
    int word = sim_plan__choose_word(reader, value, words, 4);
    if (word < 0) return;
    draft->spec.unsynced = meant[word];
    draft->spec.unsynced_given = word != 3;
    if (draft->spec.unsynced_given)
        (void)sim_plan__claim(reader, value->node, SIM_CLAIM_UNSYNCED, "unsynced");
}

/* --- which operations --- */

static void read_op(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                    struct sim_fault_spec *spec) {
    const char *const words[] = {"open", "read", "write", "sync", "name"};
    static const enum sim_disk_op ops[] = {SIM_DISK_OPEN, SIM_DISK_READ, SIM_DISK_WRITE,
                                           SIM_DISK_SYNC, SIM_DISK_NAME};
    /* The key's `most` says how many of the words the fault knows, from `least` on. */
    size_t first = (size_t)value->key->least, count = (size_t)value->key->most;
    int word = sim_plan__choose_word(reader, value, &words[first], count);
    if (word >= 0) spec->disk_ops |= ops[first + (size_t)word];
}

static void read_on(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                    void *into) {
    struct sim_plan__fault *draft = into;
    if (value->node->kind == WEFT_YAML_SCALAR) {
        read_op(reader, value, &draft->spec);
        return;
    }
    if (!sim_plan__is_list(reader, value, 5, "an operation such as read, or a list of them"))
        return;
    for (uint32_t i = 0; i < value->node->count; i++) {
        struct sim_plan__value one = {value->node->items[i], value->key};
        read_op(reader, &one, &draft->spec);
    }
}

static void read_file(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    struct sim_plan__fault *draft = into;
    const char *expected = "the path of a file on the nodes' disks, of 1 to 127 bytes";
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, expected)) return;
    size_t size = strlen(value->node->text);
    if (size == 0 || size >= sizeof draft->spec.file || value->node->text[0] == '/') {
        sim_plan__unfit(reader, value, expected);
        return;
    }
    memcpy(draft->spec.file, value->node->text, size + 1);
}

static void read_keep(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    struct sim_plan__fault *draft = into;
    const char *const words[] = {"quorum"};
    draft->spec.keeps_quorum = sim_plan__choose_word(reader, value, words, 1) == 0;
}

static void check_rate(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct sim_plan__fault *fault) {
    (void)fault;
    const struct weft_yaml_node *nth = weft_yaml_get(node, "nth");
    if (nth == NULL || weft_yaml_get(node, "rate") == NULL) return;
    sim_plan__mistake(reader, nth, "'nth' and 'rate', expected one of them");
}

#define KEY_FILE                                                                                   \
    { "file", false, read_file, 0, 0, 0 }
#define KEY_KEEP                                                                                   \
    { "keep", false, read_keep, 0, 0, 0 }
#define KEYS_RATE                                                                                  \
    {"rate", false, sim_plan__read_percent, AT(rate_ppm), 1, WEFT_PPM_ALL}, {                      \
        "nth", false, sim_plan__read_count, AT(nth), 1, UINT32_MAX                                 \
    }
#define KEY_ON(first, count)                                                                       \
    { "on", false, read_on, 0, first, count }
#define KEYS_LASTING KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(true), KEY_ROLLING
#define KEYS_AT_ONCE KEY_AT, KEYS_AGAIN, KEY_NODES(true), KEY_ROLLING
#define KEY_SECTORS                                                                                \
    { "sectors", false, sim_plan__read_count, AT(sectors), 1, 1000000 }

static const struct sim_plan__key wipe_keys[] = {KEY_AT, KEY_FOR, KEYS_AGAIN, KEY_NODES(true),
                                                 KEY_ROLLING};
static const struct sim_plan__key lost_fsync_keys[] = {KEYS_LASTING, KEYS_RATE, KEY_FILE, KEY_KEEP};
static const struct sim_plan__key misdirect_keys[] = {KEYS_LASTING, KEYS_RATE, KEY_ON(1, 2),
                                                      KEY_FILE, KEY_KEEP};
static const struct sim_plan__key damage_keys[] = {KEYS_AT_ONCE, KEY_SECTORS, KEY_FILE, KEY_KEEP};
static const struct sim_plan__key io_error_keys[] = {KEYS_LASTING, KEYS_RATE, KEY_ON(0, 5),
                                                     KEY_FILE};
static const struct sim_plan__key full_keys[] = {KEYS_LASTING, KEY_FILE};
static const struct sim_plan__key slow_keys[] = {
    KEYS_LASTING,
    KEYS_RATE,
    KEY_ON(0, 5),
    KEY_FILE,
    {"delay", true, sim_plan__read_delay, AT(takes), WEFT_US(1), SIM_PLAN__NO_REGIONS}};
static const struct sim_plan__key stuck_keys[] = {
    KEY_AT,
    {"for", true, sim_plan__read_duration, AT(lasts), WEFT_MS(1), 0},
    KEYS_AGAIN,
    KEY_NODES(true),
    KEY_ROLLING};

const struct sim_plan__fault_kind sim_plan__wipe = {SECTION("wipe", wipe_keys), false, NULL};
const struct sim_plan__fault_kind sim_plan__lost_fsync = {SECTION("lost_fsync", lost_fsync_keys),
                                                          true, check_rate};
const struct sim_plan__fault_kind sim_plan__misdirect = {SECTION("misdirect", misdirect_keys), true,
                                                         check_rate};
const struct sim_plan__fault_kind sim_plan__bit_rot = {SECTION("bit_rot", damage_keys), false,
                                                       NULL};
const struct sim_plan__fault_kind sim_plan__latent_error = {SECTION("latent_error", damage_keys),
                                                            false, NULL};
const struct sim_plan__fault_kind sim_plan__io_error = {SECTION("io_error", io_error_keys), true,
                                                        check_rate};
const struct sim_plan__fault_kind sim_plan__disk_full = {SECTION("disk_full", full_keys), true,
                                                         NULL};
const struct sim_plan__fault_kind sim_plan__disk_slow = {SECTION("disk_slow", slow_keys), true,
                                                         check_rate};
const struct sim_plan__fault_kind sim_plan__disk_stuck = {SECTION("disk_stuck", stuck_keys), true,
                                                          NULL};
