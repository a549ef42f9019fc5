/* Clocks that are off: all of a scenario's from the start, and those that a fault changes. */
#include "sim/scenario/internal.h"
#include "sim/scenario/plan_faults.h"

#include "sim/world/clock.h"

#include <string.h>

#define DIGITS_MAX 8

/* "200ppm" or "-200ppm". */
static bool is_drift(const char *text, int64_t *out) {
    char digits[DIGITS_MAX + 1];
    const char *from = text[0] == '-' ? text + 1 : text;
    size_t count = strspn(from, "0123456789");
    uint64_t value;
    if (count == 0 || count > DIGITS_MAX || strcmp(from + count, "ppm") != 0) return false;
    memcpy(digits, from, count);
    digits[count] = '\0';
    if (!weft_value_count(digits, &value)) return false;
    *out = text[0] == '-' ? -(int64_t)value : (int64_t)value;
    return true;
}

void sim_plan__read_drift(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into) {
    const struct sim_plan__key *key = value->key;
    int64_t drift;
    bool fits = value->node->kind == WEFT_YAML_SCALAR && is_drift(value->node->text, &drift) &&
                drift >= key->least && drift <= key->most;
    if (fits)
        *(int64_t *)(void *)((char *)into + key->offset) = drift;
    else
        sim_plan__unfit(reader, value,
                        key->least < 0 ? "parts per million such as 200ppm or -200ppm, up to "
                                         "500000ppm either way"
                                       : "parts per million such as 200ppm, up to 500000ppm");
}

void sim_plan__read_jump(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    const char *expected = "how far, such as 5min or -30s";
    weft_duration jump;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, expected)) return;
    const char *text = value->node->text;
    bool back = text[0] == '-';
    if (!weft_value_duration(back ? text + 1 : text, &jump) || jump == 0 ||
        jump > WEFT_DURATION_MAX) {
        sim_plan__unfit(reader, value, expected);
        return;
    }
    *(weft_duration *)(void *)((char *)into + value->key->offset) = back ? -jump : jump;
}

static const struct sim_plan__key keys[] = {
    {"offset", false, sim_plan__read_duration, offsetof(struct sim_clocks, offset), 0, 0},
    {"drift", false, sim_plan__read_drift, offsetof(struct sim_clocks, drift_ppm), 0,
     SIM_DRIFT_MAX},
};
const struct sim_plan__section sim_plan__clocks_section = {"clocks", keys,
                                                           sizeof keys / sizeof keys[0]};

void sim_plan__read_clocks(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    struct sim_plan *plan = into;
    const char *expected = "a mapping such as {offset: 50ms, drift: 100ppm}";
    if (!sim_plan__is(reader, value, WEFT_YAML_MAPPING, expected)) return;
    sim_plan__read_section(reader, value->node, &sim_plan__clocks_section, &plan->clocks);
    const struct weft_yaml_node *offset = weft_yaml_get(value->node, "offset");
    const struct weft_yaml_node *drift = weft_yaml_get(value->node, "drift");
    reader->within = (struct sim_plan__within){.line = value->node->line, .path = "clocks."};
    if (offset != NULL && plan->clocks.offset != 0)
        (void)sim_plan__claim(reader, offset, SIM_CLAIM_OFFSET, "offset");
    if (drift != NULL && plan->clocks.drift_ppm != 0)
        (void)sim_plan__claim(reader, drift, SIM_CLAIM_DRIFT, "drift");
}
