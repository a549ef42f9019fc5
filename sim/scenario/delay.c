/* Delays: a duration, or a distribution of them. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <stdio.h>

struct draft {
    struct sim_delay delay;
    weft_duration least, within;
    uint32_t sigma_milli, pair;
    bool no_regions, no_pair;
};

#define SIGMA_MAX 3000

static bool is_decimal(const struct sim_plan__value *value, uint64_t least, uint64_t most,
                       uint64_t *thousandths) {
    return value->node->kind == WEFT_YAML_SCALAR &&
           weft_value_decimal(value->node->text, 3, thousandths) && *thousandths >= least &&
           *thousandths <= most;
}

static void read_sigma(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    uint64_t sigma;
    if (!is_decimal(value, 0, SIGMA_MAX, &sigma)) {
        sim_plan__unfit(reader, value, "a number from 0 to 3, up to three digits after the point");
        return;
    }
    *(uint32_t *)((char *)into + value->key->offset) = (uint32_t)sigma;
}

static void read_shape(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    uint64_t shape;
    if (!is_decimal(value, SIM_SHAPE_MIN, SIM_SHAPE_MAX, &shape)) {
        sim_plan__unfit(reader, value,
                        "a number from 0.1 to 100, up to three digits after the point");
        return;
    }
    *(uint32_t *)((char *)into + value->key->offset) = (uint32_t)shape;
}

/* --- distributions: a mapping each, read into a struct sim_delay of its kind --- */

#define DELAY_AT(field) offsetof(struct sim_delay, field)

static const struct sim_plan__key lognormal_keys[] = {
    {"median", true, sim_plan__read_duration, DELAY_AT(a), 0, 0},
    {"sigma", true, read_sigma, DELAY_AT(sigma_milli), 0, 0},
};
const struct sim_plan__section sim_plan__lognormal_section = {"lognormal", lognormal_keys, 2};

static const struct sim_plan__key exponential_keys[] = {
    {"mean", true, sim_plan__read_duration, DELAY_AT(a), 0, 0},
    {"least", false, sim_plan__read_duration, DELAY_AT(b), 0, 0},
};
const struct sim_plan__section sim_plan__exponential_section = {"exponential", exponential_keys, 2};

static const struct sim_plan__key pareto_keys[] = {
    {"least", true, sim_plan__read_duration, DELAY_AT(a), 0, 0},
    {"shape", true, read_shape, DELAY_AT(shape_milli), 0, 0},
};
const struct sim_plan__section sim_plan__pareto_section = {"pareto", pareto_keys, 2};

static const struct sim_plan__key weibull_keys[] = {
    {"scale", true, sim_plan__read_duration, DELAY_AT(a), 0, 0},
    {"shape", true, read_shape, DELAY_AT(shape_milli), 0, 0},
};
const struct sim_plan__section sim_plan__weibull_section = {"weibull", weibull_keys, 2};

static void read_shaped(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        struct draft *draft, const struct sim_plan__section *section) {
    struct sim_delay delay = {.shape_milli = SIM_SHAPE_MIN};
    if (sim_plan__read_section(reader, value->node, section, &delay)) draft->delay = delay;
}

static void read_lognormal(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    read_shaped(reader, value, into, &sim_plan__lognormal_section);
    ((struct draft *)into)->delay.kind = SIM_DELAY_LOGNORMAL;
}

/* `mean` is that of the whole: what lies beyond the least has the rest of it. */
static void read_exponential(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into) {
    struct draft *draft = into;
    uint32_t before = reader->mistakes.count;
    read_shaped(reader, value, draft, &sim_plan__exponential_section);
    draft->delay.kind = SIM_DELAY_EXPONENTIAL;
    if (reader->mistakes.count != before) return;
    if (draft->delay.b > draft->delay.a) {
        sim_plan__mistake(reader, value->node, "'mean' is below 'least', expected it above");
        return;
    }
    draft->delay.a -= draft->delay.b;
}

static void read_pareto(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    read_shaped(reader, value, into, &sim_plan__pareto_section);
    ((struct draft *)into)->delay.kind = SIM_DELAY_PARETO;
}

static void read_weibull(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    read_shaped(reader, value, into, &sim_plan__weibull_section);
    ((struct draft *)into)->delay.kind = SIM_DELAY_WEIBULL;
}

static void read_uniform(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    struct draft *draft = into;
    const struct weft_yaml_node *node = value->node;
    const char *expected = "a range such as [10ms, 50ms]";
    if (!sim_plan__is(reader, value, WEFT_YAML_SEQUENCE, expected)) return;
    if (node->count != 2) {
        sim_plan__mistake(reader, node, "'uniform' has %u entries, expected two: [10ms, 50ms]",
                          node->count);
        return;
    }
    struct sim_plan__key key = {.name = "uniform"};
    weft_duration ends[2] = {0, 0};
    for (uint32_t i = 0; i < 2; i++) {
        struct sim_plan__value end = {node->items[i], &key};
        sim_plan__read_duration(reader, &end, &ends[i]);
    }
    if (ends[1] < ends[0]) {
        sim_plan__mistake(reader, node, "'uniform' ends before it starts, expected [least, most]");
        return;
    }
    draft->delay.kind = SIM_DELAY_UNIFORM;
    draft->delay.a = ends[0];
    draft->delay.b = ends[1];
}

static void read_matrix(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct draft *draft = into;
    if (draft->no_regions) {
        sim_plan__mistake(reader, value->node,
                          "'regions' is for the network's delay, expected a distribution");
        return;
    }
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the name of a CSV file")) return;
    sim_plan__read_regions(reader, value);
    draft->delay.kind = SIM_DELAY_REGIONS;
    draft->delay.regions = reader->plan->net.regions;
}

/* Into the matrix, which all links have in common: `regions` is read by then. */
static void read_shares(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    const struct draft *draft = into;
    if (draft->delay.kind != SIM_DELAY_REGIONS || draft->delay.regions == NULL) return;
    const char *expected = "a mapping such as {Dallas: 60%, Toronto: 40%}";
    if (!sim_plan__is(reader, value, WEFT_YAML_MAPPING, expected)) return;
    sim_plan__read_region_shares(reader, value->node);
}

static void read_samples(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    struct draft *draft = into;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the name of a CSV file")) return;
    draft->delay.samples = sim_plan__read_samples(reader, value);
    draft->delay.kind = SIM_DELAY_SAMPLES;
    if (draft->delay.samples != NULL) draft->delay.a = draft->delay.samples->sorted[0];
}

static void read_per(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                     void *into) {
    static const char *const words[] = {"packet", "pair"};
    struct draft *draft = into;
    if (draft->no_pair) {
        sim_plan__mistake(reader, value->node,
                          "'per' is for the 'delay' of links, expected a distribution");
        return;
    }
    int per = sim_plan__choose_word(reader, value, words, 2);
    if (per >= 0) draft->pair = (uint32_t)per;
}

#define KINDS 7  /* of the keys, the first so many */
#define EXTRAS 3 /* keys after these, for regions alone */

static const struct sim_plan__key delay_keys[] = {
    {"uniform", false, read_uniform, 0, 0, 0},
    {"lognormal", false, read_lognormal, 0, 0, 0},
    {"exponential", false, read_exponential, 0, 0, 0},
    {"pareto", false, read_pareto, 0, 0, 0},
    {"weibull", false, read_weibull, 0, 0, 0},
    {"samples", false, read_samples, 0, 0, 0},
    {"regions", false, read_matrix, 0, 0, 0},
    {"within", false, sim_plan__read_duration, offsetof(struct draft, within), 0, 0},
    {"sigma", false, read_sigma, offsetof(struct draft, sigma_milli), 0, 0},
    {"shares", false, read_shares, 0, 0, 0},
    {"per", false, read_per, 0, 0, 0},
};
const struct sim_plan__section sim_plan__delay_section = {"delay", delay_keys,
                                                          sizeof delay_keys / sizeof delay_keys[0]};

/* Keys that only make sense together. */
static bool is_one_kind(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                        uint32_t before) {
    uint32_t kinds = 0;
    for (size_t i = 0; i < KINDS; i++) kinds += weft_yaml_get(node, delay_keys[i].name) != NULL;
    if (kinds != 1) {
        if (reader->mistakes.count != before) return false; /* a misspelt kind, told already */
        sim_plan__mistake(reader, node,
                          "%u kinds of delay, expected one of: uniform, lognormal, exponential, "
                          "pareto, weibull, samples, regions",
                          kinds);
        return false;
    }
    bool regions = weft_yaml_get(node, "regions") != NULL;
    for (size_t i = KINDS; i < KINDS + EXTRAS; i++) {
        const struct weft_yaml_node *extra = weft_yaml_get(node, delay_keys[i].name);
        if (extra == NULL || regions) continue;
        sim_plan__mistake(reader, extra, "'%s' here belongs to 'regions', expected it there",
                          delay_keys[i].name);
    }
    return true;
}

/* Regions know each node's own region, at the delay `within`. */
static void finish_regions(struct draft *draft) {
    struct sim_regions *regions = draft->delay.kind == SIM_DELAY_REGIONS
                                      ? (struct sim_regions *)(uintptr_t)draft->delay.regions
                                      : NULL;
    if (regions == NULL) return;
    draft->delay.a = draft->within;
    draft->delay.sigma_milli = draft->sigma_milli;
    for (uint32_t i = 0; i < regions->count; i++) regions->delay[i][i] = draft->within;
}

static void read_distribution(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                              struct draft *draft) {
    uint32_t before = reader->mistakes.count;
    if (!sim_plan__read_section(reader, node, &sim_plan__delay_section, draft)) return;
    draft->delay.pair = draft->pair;
    if (is_one_kind(reader, node, before)) finish_regions(draft);
}

void sim_plan__read_delay(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into) {
    const struct sim_plan__key *key = value->key;
    const struct weft_yaml_node *node = value->node;
    uint32_t before = reader->mistakes.count;
    struct draft draft = {.delay.kind = SIM_DELAY_CONSTANT,
                          .within = WEFT_MS(1),
                          .no_regions = (key->most & SIM_PLAN__REGIONS) == 0,
                          .no_pair = (key->most & SIM_PLAN__PAIRS) == 0};
    if (node->kind == WEFT_YAML_MAPPING) {
        read_distribution(reader, node, &draft);
    } else if (node->kind == WEFT_YAML_SCALAR) {
        struct sim_plan__key plain = {.name = key->name, .offset = offsetof(struct draft, delay.a)};
        struct sim_plan__value scalar = {node, &plain};
        sim_plan__read_duration(reader, &scalar, &draft);
    } else {
        sim_plan__unfit(reader, value, "a duration such as 20ms, or {uniform: [10ms, 50ms]}");
    }
    if (reader->mistakes.count != before) return;
    bool beyond = draft.delay.kind == SIM_DELAY_EXPONENTIAL; /* its mean is the sum */
    if (draft.delay.a + (beyond ? draft.delay.b : 0) < key->least) {
        char text[WEFT_VALUE_TEXT_MAX];
        sim_plan__mistake(reader, node, "'%s' is too short, expected at least %s", key->name,
                          weft_value_show_duration(key->least, text));
        return;
    }
    *(struct sim_delay *)((char *)into + key->offset) = draft.delay;
}
