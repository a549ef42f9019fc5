/* What a link does, part by part: for the network, for links between groups and for faults. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <string.h>

static struct sim_plan__link *link_at(const struct sim_plan__value *value, void *into) {
    return (struct sim_plan__link *)(void *)((char *)into + value->key->offset);
}

static void set_part(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                     void *into, enum sim_plan__part part, struct sim_element element) {
    struct sim_plan__link *link = link_at(value, into);
    element.claim = sim_plan__claim_part(reader, value, part, &element);
    link->parts[part] = element;
    link->has[part] = true;
}

/* A percentage at the key's name. */
static uint32_t read_share(struct sim_plan__reader *reader, const struct sim_plan__value *value) {
    uint32_t ppm = 0;
    struct sim_plan__key key = {.name = value->key->name, .most = WEFT_PPM_ALL};
    struct sim_plan__value share = {value->node, &key};
    sim_plan__read_percent(reader, &share, &ppm);
    return ppm;
}

/* A delay where the key stands, with regions where the key allows them. */
static struct sim_delay read_plain_delay(struct sim_plan__reader *reader,
                                         const struct sim_plan__value *value) {
    struct sim_delay delay = {.kind = SIM_DELAY_CONSTANT};
    struct sim_plan__key key = *value->key;
    key.offset = 0;
    struct sim_plan__value plain = {value->node, &key};
    sim_plan__read_delay(reader, &plain, &delay);
    return delay;
}

void sim_plan__read_link_delay(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                               void *into) {
    struct sim_delay delay = read_plain_delay(reader, value);
    set_part(reader, value, into, SIM_PLAN__PART_DELAY,
             (struct sim_element){.kind = SIM_ELEMENT_DELAY, .delay = delay});
}

/* "5ms" is up to 5 ms. */
void sim_plan__read_link_jitter(struct sim_plan__reader *reader,
                                const struct sim_plan__value *value, void *into) {
    struct sim_delay delay = read_plain_delay(reader, value);
    if (delay.kind == SIM_DELAY_CONSTANT) {
        delay = (struct sim_delay){.kind = SIM_DELAY_UNIFORM, .b = delay.a};
    }
    set_part(reader, value, into, SIM_PLAN__PART_JITTER,
             (struct sim_element){.kind = SIM_ELEMENT_DELAY, .delay = delay});
}

void sim_plan__read_link_loss(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                              void *into) {
    set_part(reader, value, into, SIM_PLAN__PART_LOSS,
             (struct sim_element){.kind = SIM_ELEMENT_LOSS, .ppm = read_share(reader, value)});
}

/* --- burst --- */

static const struct sim_plan__key burst_keys[] = {
    {"good", true, sim_plan__read_duration, offsetof(struct sim_element, burst.good), WEFT_MS(1),
     0},
    {"bad", true, sim_plan__read_duration, offsetof(struct sim_element, burst.bad), WEFT_MS(1), 0},
    {"loss", false, sim_plan__read_percent, offsetof(struct sim_element, ppm), 0, WEFT_PPM_ALL},
};
const struct sim_plan__section sim_plan__burst_section = {"burst", burst_keys, 3};

void sim_plan__read_link_burst(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                               void *into) {
    struct sim_element element = {
        .kind = SIM_ELEMENT_BURST, .ppm = WEFT_PPM_ALL, .burst = {WEFT_S(1), WEFT_S(1)}};
    sim_plan__read_section(reader, value->node, &sim_plan__burst_section, &element);
    set_part(reader, value, into, SIM_PLAN__PART_BURST, element);
}

/* --- duplicate, reorder, corrupt: a share alone, or a mapping with `share` and more --- */

#define KEY_SHARE                                                                                  \
    { "share", true, sim_plan__read_percent, offsetof(struct sim_element, ppm), 0, WEFT_PPM_ALL }

static const struct sim_plan__key duplicate_keys[] = {
    KEY_SHARE,
    {"after", false, sim_plan__read_delay, offsetof(struct sim_element, delay), 0,
     SIM_PLAN__NO_REGIONS},
};
const struct sim_plan__section sim_plan__duplicate_section = {"duplicate", duplicate_keys, 2};

static const struct sim_plan__key reorder_keys[] = {
    KEY_SHARE,
    {"by", false, sim_plan__read_delay, offsetof(struct sim_element, delay), 0,
     SIM_PLAN__NO_REGIONS},
};
const struct sim_plan__section sim_plan__reorder_section = {"reorder", reorder_keys, 2};

static const struct sim_plan__key corrupt_keys[] = {
    KEY_SHARE,
    {"bits", false, sim_plan__read_count, offsetof(struct sim_element, bits), 1,
     SIM_CORRUPT_BITS_MAX},
};
const struct sim_plan__section sim_plan__corrupt_section = {"corrupt", corrupt_keys, 2};

static struct sim_element read_shared(struct sim_plan__reader *reader,
                                      const struct sim_plan__value *value,
                                      const struct sim_plan__section *section,
                                      struct sim_element element) {
    if (value->node->kind == WEFT_YAML_MAPPING)
        sim_plan__read_section(reader, value->node, section, &element);
    else
        element.ppm = read_share(reader, value);
    return element;
}

#define A_WHILE                                                                                    \
    { .kind = SIM_DELAY_UNIFORM, .a = WEFT_MS(1), .b = WEFT_MS(20) }

void sim_plan__read_link_duplicate(struct sim_plan__reader *reader,
                                   const struct sim_plan__value *value, void *into) {
    struct sim_element element = {.kind = SIM_ELEMENT_DUPLICATE, .delay = A_WHILE};
    set_part(reader, value, into, SIM_PLAN__PART_DUPLICATE,
             read_shared(reader, value, &sim_plan__duplicate_section, element));
}

void sim_plan__read_link_reorder(struct sim_plan__reader *reader,
                                 const struct sim_plan__value *value, void *into) {
    struct sim_element element = {.kind = SIM_ELEMENT_REORDER, .delay = A_WHILE};
    set_part(reader, value, into, SIM_PLAN__PART_REORDER,
             read_shared(reader, value, &sim_plan__reorder_section, element));
}

void sim_plan__read_link_corrupt(struct sim_plan__reader *reader,
                                 const struct sim_plan__value *value, void *into) {
    struct sim_element element = {.kind = SIM_ELEMENT_CORRUPT, .bits = 1};
    set_part(reader, value, into, SIM_PLAN__PART_CORRUPT,
             read_shared(reader, value, &sim_plan__corrupt_section, element));
}

/* --- rate and MTU --- */

struct unit {
    const char *name;
    uint64_t numerator, denominator; /* bytes are number * numerator / denominator */
};

/* "10Mbit": a number with up to three digits after the point, and one of the units. At least one
 * byte. */
static bool read_amount(const char *text, const struct unit *units, size_t count, uint64_t *bytes) {
    char number[24];
    uint64_t thousandths;
    size_t digits = strspn(text, "0123456789.");
    if (digits == 0 || digits >= 16) return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (!weft_value_decimal(number, 3, &thousandths)) return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text + digits, units[i].name) != 0) continue;
        if (thousandths > UINT64_MAX / units[i].numerator) return false;
        *bytes = thousandths * units[i].numerator / (units[i].denominator * 1000);
        return *bytes > 0;
    }
    return false;
}

#define SPEED_MAX UINT64_C(1000000000000)

static void read_speed(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    static const struct unit units[] = {
        {"bit", 1, 8}, {"kbit", 1000, 8}, {"Mbit", 1000000, 8}, {"Gbit", 1000000000, 8},
        {"B", 1, 1},   {"KB", 1000, 1},   {"MB", 1000000, 1},   {"GB", 1000000000, 1}};
    uint64_t bytes;
    if (value->node->kind != WEFT_YAML_SCALAR ||
        !read_amount(value->node->text, units, sizeof units / sizeof units[0], &bytes) ||
        bytes > SPEED_MAX) {
        sim_plan__unfit(reader, value,
                        "a speed such as 10Mbit or 500KB: a second, up to 1000GB, in bit, kbit, "
                        "Mbit, Gbit, B, KB, MB or GB");
        return;
    }
    *(uint64_t *)(void *)((char *)into + value->key->offset) = bytes;
}

void sim_plan__read_size(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    static const struct unit units[] = {{"B", 1, 1}, {"KB", 1000, 1}, {"MB", 1000000, 1}};
    uint64_t bytes;
    if (value->node->kind != WEFT_YAML_SCALAR ||
        !read_amount(value->node->text, units, sizeof units / sizeof units[0], &bytes) ||
        bytes > INT32_MAX || (int64_t)bytes < value->key->least) {
        sim_plan__unfit(reader, value, "a size such as 64KB, in B, KB or MB, up to 2147MB");
        return;
    }
    *(uint32_t *)(void *)((char *)into + value->key->offset) = (uint32_t)bytes;
}

static void read_of(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                    void *into) {
    static const char *const words[] = {"link", "uplink", "downlink"};
    struct sim_element *element = into;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "link, uplink or downlink")) return;
    for (uint32_t i = 0; i < 3; i++) {
        if (strcmp(value->node->text, words[i]) != 0) continue;
        element->rate.of = (enum sim_rate_of)i;
        return;
    }
    sim_plan__mistake(reader, value->node, "unknown 'of' '%s', %s",
                      sim_plan__show(value->node->text).text,
                      sim_plan__hint(value->node->text, words, 3).text);
}

static const struct sim_plan__key rate_keys[] = {
    {"speed", true, read_speed, offsetof(struct sim_element, rate.bytes), 0, 0},
    {"queue", false, sim_plan__read_size, offsetof(struct sim_element, rate.queue), 0, 0},
    {"of", false, read_of, 0, 0, 0},
};
const struct sim_plan__section sim_plan__rate_section = {"rate", rate_keys, 3};

void sim_plan__read_link_rate(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                              void *into) {
    struct sim_element element = {.kind = SIM_ELEMENT_RATE, .rate = {1, 128000, 0, SIM_RATE_LINK}};
    if (value->node->kind == WEFT_YAML_MAPPING) {
        sim_plan__read_section(reader, value->node, &sim_plan__rate_section, &element);
    } else {
        struct sim_plan__key key = {.name = value->key->name,
                                    .offset = offsetof(struct sim_element, rate.bytes)};
        struct sim_plan__value speed = {value->node, &key};
        read_speed(reader, &speed, &element);
    }
    set_part(reader, value, into, SIM_PLAN__PART_RATE, element);
}

#define MTU_MIN 68 /* RFC 791 */

void sim_plan__read_link_mtu(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into) {
    struct sim_element element = {.kind = SIM_ELEMENT_MTU, .mtu = MTU_MIN};
    struct sim_plan__key key = {.name = value->key->name,
                                .offset = offsetof(struct sim_element, mtu),
                                .least = MTU_MIN,
                                .most = UINT16_MAX};
    struct sim_plan__value mtu = {value->node, &key};
    sim_plan__read_count(reader, &mtu, &element);
    set_part(reader, value, into, SIM_PLAN__PART_MTU, element);
}

/* --- chains --- */

bool sim_plan__link_says(const struct sim_plan__link *link) {
    for (uint32_t i = 0; i < SIM_PLAN__PARTS; i++) {
        if (link->has[i]) return true;
    }
    return false;
}

void sim_plan__inherit(struct sim_plan__link *link, const struct sim_plan__link *base) {
    for (uint32_t i = 0; i < SIM_PLAN__PARTS; i++) {
        if (link->has[i]) continue;
        link->has[i] = base->has[i];
        link->parts[i] = base->parts[i];
    }
}

/* A chance of nothing. */
bool sim_plan__is_idle(const struct sim_element *element) {
    switch (element->kind) {
    case SIM_ELEMENT_LOSS:
    case SIM_ELEMENT_DUPLICATE:
    case SIM_ELEMENT_REORDER:
    case SIM_ELEMENT_BURST:
    case SIM_ELEMENT_CORRUPT:
        return element->ppm == 0;
    case SIM_ELEMENT_DELAY:
    case SIM_ELEMENT_RATE:
    case SIM_ELEMENT_MTU:
    case SIM_ELEMENT_HOLD:
        break;
    }
    return false;
}

_Static_assert((int)SIM_PLAN__PARTS <= SIM_ELEMENTS_MAX, "a chain holds every part");

void sim_plan__chain_of(const struct sim_plan__link *link, struct sim_chain *chain) {
    *chain = (struct sim_chain){.count = 0};
    for (uint32_t i = 0; i < SIM_PLAN__PARTS; i++) {
        if (!link->has[i] || sim_plan__is_idle(&link->parts[i])) continue;
        chain->elements[chain->count++] = link->parts[i];
    }
}
