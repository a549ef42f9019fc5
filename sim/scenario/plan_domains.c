/* Failure domains, and the outage of some. */
#include "sim/scenario/plan_faults.h"

#define DOMAINS_AT(field) offsetof(struct sim_domains, field)

static void read_assign(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    const char *const words[] = {"in_order", "round", "drawn"};
    int assign = sim_plan__choose_word(reader, value, words, 3);
    if (assign >= 0) ((struct sim_domains *)into)->assign = (enum sim_domain_assign)assign;
}

static const struct sim_plan__key domains_keys[] = {
    {"regions", false, sim_plan__read_count, DOMAINS_AT(regions), 1, SIM_DOMAINS_MAX},
    {"sites", false, sim_plan__read_count, DOMAINS_AT(sites), 1, SIM_DOMAINS_MAX},
    {"racks", false, sim_plan__read_count, DOMAINS_AT(racks), 1, SIM_DOMAINS_MAX},
    {"assign", false, read_assign, 0, 0, 0},
};
const struct sim_plan__section sim_plan__domains_section = {
    "domains", domains_keys, sizeof domains_keys / sizeof domains_keys[0]};

void sim_plan__read_domains(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    struct sim_plan *plan = into;
    const struct sim_regions *of_network = plan->net.regions;
    struct sim_domains domains = {.regions = of_network == NULL ? 1 : 0, .sites = 1, .racks = 1};
    const char *expected = "a mapping such as {regions: 2, sites: 3, racks: 4}";
    if (!sim_plan__is(reader, value, WEFT_YAML_MAPPING, expected)) return;
    sim_plan__read_section(reader, value->node, &sim_plan__domains_section, &domains);
    if (of_network != NULL && domains.regions > 0)
        sim_plan__mistake(reader, weft_yaml_get(value->node, "regions"),
                          "'regions' of the domains and of the network, expected one of them");
    uint64_t racks = (uint64_t)domains.sites * domains.racks *
                     (of_network == NULL ? domains.regions : of_network->count);
    if (racks > SIM_DOMAINS_MAX)
        sim_plan__mistake(reader, value->node, "%llu racks in all, expected at most %u",
                          (unsigned long long)racks, SIM_DOMAINS_MAX);
    else
        plan->domains = domains;
}

/* --- outage --- */

static void read_level(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    struct sim_plan__fault *draft = into;
    const char *const words[] = {"region", "site", "rack"};
    int level = sim_plan__choose_word(reader, value, words, 3);
    if (level >= 0) draft->spec.level = (enum sim_domain_level)level;
}

static void read_how(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                     void *into) {
    struct sim_plan__fault *draft = into;
    const char *const words[] = {"crash", "kill", "stop", "isolate", "pause"};
    int how = sim_plan__choose_word(reader, value, words, 5);
    if (how >= 0) draft->spec.how = (enum sim_outage_how)how;
}

static void read_number(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct sim_plan__fault *draft = into;
    sim_plan__read_count(reader, value, into);
    draft->spec.is_number = true;
}

static void read_name(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    struct sim_plan__fault *draft = into;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the name of a region")) return;
    if (reader->plan->net.regions == NULL) {
        sim_plan__mistake(reader, value->node,
                          "'name' here, expected 'regions' in the network's 'delay'");
        return;
    }
    if (reader->plan->net.regions->count == 0) return; /* told */
    draft->spec.is_number = draft->spec.is_named =
        sim_plan__region_index(reader, value->node, &draft->spec.domain);
}

static const struct sim_plan__key outage_keys[] = {
    KEY_AT,
    {"for", true, sim_plan__read_duration, AT(lasts), WEFT_MS(1), 0},
    KEYS_AGAIN,
    {"domain", true, read_level, 0, 0, 0},
    {"count", false, sim_plan__read_count, AT(domains_count), 1, SIM_DOMAINS_MAX},
    {"number", false, read_number, AT(domain), 0, SIM_DOMAINS_MAX - 1},
    {"name", false, read_name, 0, 0, 0},
    {"how", false, read_how, 0, 0, 0},
    KEY_SPREAD};

/* 0: there are none. */
static uint32_t count_of(const struct sim_plan *plan, const struct sim_fault_spec *spec) {
    const struct sim_domains *domains = &plan->domains;
    const struct sim_regions *of_network = plan->net.regions;
    uint32_t count = of_network != NULL ? of_network->count : domains->regions;
    if (spec->level >= SIM_DOMAIN_SITE) count *= domains->sites;
    return spec->level >= SIM_DOMAIN_RACK ? count * domains->racks : count;
}

/* Which of them: one way to say it. */
static void check_which(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                        const struct sim_plan__fault *fault) {
    const struct weft_yaml_node *number = weft_yaml_get(node, "number");
    const struct weft_yaml_node *count = weft_yaml_get(node, "count");
    const struct weft_yaml_node *name = weft_yaml_get(node, "name");
    if (number != NULL && count != NULL)
        sim_plan__mistake(reader, count, "'count' and 'number', expected one of them");
    if (name != NULL && (number != NULL || count != NULL))
        sim_plan__mistake(reader, name, "'name' and '%s', expected one of them",
                          number != NULL ? "number" : "count");
    if (name != NULL && fault->spec.level != SIM_DOMAIN_REGION)
        sim_plan__mistake(reader, name, "'name' is that of a region, expected 'domain: region'");
}

static void check_outage(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                         const struct sim_plan__fault *fault) {
    const struct sim_fault_spec *spec = &fault->spec;
    const struct weft_yaml_node *number = weft_yaml_get(node, "number");
    const struct weft_yaml_node *count = weft_yaml_get(node, "count");
    const struct weft_yaml_node *level = weft_yaml_get(node, "domain");
    uint32_t there = count_of(reader->plan, spec);
    check_which(reader, node, fault);
    if (level == NULL) return;
    if (there == 0) {
        sim_plan__mistake(reader, level, "there are no domains '%s', expected 'domains'",
                          sim_plan__show(level->kind == WEFT_YAML_SCALAR ? level->text : "").text);
    } else if (number != NULL && spec->domain >= there) {
        sim_plan__mistake(reader, number, "'number' is %u, expected from 0 to %u", spec->domain,
                          there - 1);
    } else if (count != NULL && spec->domains_count > there) {
        sim_plan__mistake(reader, count, "'count' is %u, expected at most %u", spec->domains_count,
                          there);
    }
}

const struct sim_plan__fault_kind sim_plan__outage = {SECTION("outage", outage_keys), true,
                                                      check_outage};
