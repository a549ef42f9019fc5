/* A scenario: read, overridden, validated. */
#include "sim/scenario/plan.h"

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "sim/scenario/internal.h"
#include "sim/scenario/swarm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_SIZE 64
#define ABOUT_MAX_SIZE 400

/* --- the keys of the file --- */

static void read_text(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    char **text = (char **)(void *)((char *)into + value->key->offset);
    const struct weft_yaml_node *node = value->node;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "a text")) return;
    if (strlen(node->text) > (size_t)value->key->most) {
        sim_plan__mistake(reader, node, "'%s' has %zu bytes, expected at most %d", value->key->name,
                          strlen(node->text), (int)value->key->most);
        return;
    }
    *text = sim_plan__copy(reader, node->text);
}

static void read_name(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    if (value->node->kind == WEFT_YAML_SCALAR) {
        const char *text = value->node->text;
        size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
        if (size == 0 || text[size] != '\0') {
            sim_plan__unfit(reader, value, "a name of a-z, 0-9 and -");
            return;
        }
    }
    read_text(reader, value, into);
}

static void read_seed(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    struct sim_plan *plan = into;
    bool fits =
        value->node->kind == WEFT_YAML_SCALAR && weft_value_count(value->node->text, &plan->seed);
    if (!fits) sim_plan__unfit(reader, value, "a whole number of up to 64 bits");
}

static void read_population(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    struct sim_plan *plan = into;
    sim_plan__read_count(reader, value, plan);
    sim_plan__set_population(plan, plan->population);
}

#define AT(field) offsetof(struct sim_plan, field)

/* In the order in which one needs another. */
static const struct sim_plan__key keys[] = {
    {"name", true, read_name, AT(name), 0, NAME_MAX_SIZE},
    {"about", false, read_text, AT(about), 0, ABOUT_MAX_SIZE},
    {"seed", false, read_seed, 0, 0, 0},
    {"population", true, read_population, AT(population), 1, SIM_POPULATION_MAX},
    {"stop", true, sim_plan__read_duration, AT(stop), WEFT_MS(1), 0},
    {"ipv6", false, sim_plan__read_flag, AT(v6), 0, 0},
    {"dht", false, sim_plan__read_dht, 0, 0, 0},
    {"join", false, sim_plan__read_join, 0, 0, 0},
    {"apps", false, sim_plan__read_apps, 0, 0, 0},
    {"schedulers", false, sim_plan__read_count, AT(schedulers_of[0]), 1, WEFT_SCHEDULERS_MAX},
    {"memory", false, sim_plan__read_size, AT(memory_of[0]), 1, 0},
    {"schedule", false, sim_plan__read_schedule, 0, 0, 0},
    {"dist", false, sim_plan__read_dist, 0, 0, 0},
    {"clocks", false, sim_plan__read_clocks, 0, 0, 0},
    {"groups", false, sim_plan__read_groups, 0, 0, 0},
    {"network", false, sim_plan__read_network, 0, 0, 0},
    {"domains", false, sim_plan__read_domains, 0, 0, 0},
    {"workload", false, sim_plan__read_workload, 0, 0, 0},
    {"faults", false, sim_plan__read_faults, 0, 0, 0},
    {"swarm", false, sim_plan__read_swarm, 0, 0, 0},
    {"checks", true, sim_plan__read_checks, 0, 0, 0},
    {"liveness", false, sim_plan__read_liveness, 0, 0, 0},
};
static const struct sim_plan__section scenario_section = {"scenario", keys,
                                                          sizeof keys / sizeof keys[0]};

const struct sim_plan__section *sim_plan__section(size_t index) {
    static const struct sim_plan__section *const fixed[] = {
        &scenario_section,           &sim_plan__dht_section,         &sim_plan__join_section,
        &sim_plan__group_section,    &sim_plan__app_section,         &sim_plan__dist_section,
        &sim_plan__nodes_section,    &sim_plan__network_section,     &sim_plan__links_section,
        &sim_plan__delay_section,    &sim_plan__lognormal_section,   &sim_plan__duplicate_section,
        &sim_plan__reorder_section,  &sim_plan__exponential_section, &sim_plan__pareto_section,
        &sim_plan__weibull_section,  &sim_plan__clocks_section,      &sim_plan__domains_section,
        &sim_plan__pct_section,      &sim_plan__bounded_section,     &sim_plan__nat_section,
        &sim_plan__burst_section,    &sim_plan__corrupt_section,     &sim_plan__rate_section,
        &sim_plan__step_section,     &sim_plan__flap_section,        &sim_plan__swarm_section,
        &sim_plan__liveness_section,
    };
    size_t fixed_count = sizeof fixed / sizeof fixed[0];
    if (index < fixed_count) return fixed[index];
    index -= fixed_count;
    if (index < SIM_WORK_KIND_COUNT - 1) return &sim_plan__work_sections[index];
    index -= SIM_WORK_KIND_COUNT - 1;
    if (index < SIM_FAULT_KIND_COUNT - 1)
        return sim_plan__fault_section((enum sim_fault_kind)(index + 1));
    index -= SIM_FAULT_KIND_COUNT - 1;
    return index < SIM_CHECK_KIND_COUNT - 1 ? &sim_plan__check_sections[index] : NULL;
}

/* --- reading --- */

static void set_defaults(struct sim_plan *plan) {
    plan->dht_on = true;
    plan->seed = 1;
    plan->stop = WEFT_TIME_NEVER;
    plan->join_of[0] = (struct sim_join){.over = WEFT_S(10), .from = SIM_JOIN_SEEDS};
    plan->schedulers_of[0] = 1;
    plan->dist_of[0] = (struct sim_dist){.cookie = "weft", .connect = UINT32_MAX};
    sim_plan__set_population(plan, SIM_POPULATION_MAX);
    plan->net.rules[0] = (struct sim_rule){.from_group = SIM_GROUP_ANY, .to_group = SIM_GROUP_ANY};
    plan->net.rules[0].chain.count = 1;
    plan->net.rules[0].chain.elements[0] = (struct sim_element){
        .kind = SIM_ELEMENT_DELAY, .delay = {.kind = SIM_DELAY_CONSTANT, .a = WEFT_MS(20)}};
    plan->net.rules_count = 1;
}

static void finish(struct sim_plan *plan) {
    for (uint32_t i = 0; i < plan->groups_count; i++) {
        struct weft_dht_config *dht = &plan->dht_of[i];
        dht->v4 = !plan->v6;
        dht->v6 = plan->v6;
        if (dht->k == 0) dht->k = 8;
        if (dht->alpha == 0) dht->alpha = 3;
        if (dht->peer_lifetime == 0) dht->peer_lifetime = WEFT_MIN(30);
        if (dht->item_lifetime == 0) dht->item_lifetime = WEFT_HOUR(2);
    }
}

/* Options of the section swarm go before what it draws, others after it: these are not drawn. */
static void override(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                     const struct sim_plan_sets *sets, bool of_swarm) {
    for (uint32_t i = 0; sets != NULL && i < sets->count; i++) {
        const char *set = sets->sets[i];
        bool is_swarm = strncmp(set, "swarm.", 6) == 0 || strncmp(set, "swarm=", 6) == 0;
        if (is_swarm == of_swarm) sim_plan__override(reader, root, set);
    }
}

/* The seed of the file, when nobody names another. */
static void find_seed(struct sim_plan__reader *reader, const struct weft_yaml_node *root) {
    const struct weft_yaml_node *seed = weft_yaml_get(root, "seed");
    if (reader->draw.mode != SIM_SWARM_BY_FILE) return;
    reader->draw.mode = SIM_SWARM_BY_SEED;
    reader->draw.seed = reader->plan->seed;
    if (seed != NULL && seed->kind == WEFT_YAML_SCALAR)
        (void)weft_value_count(seed->text, &reader->draw.seed);
}

/* As a file of its own: the seed is what the run would have. */
static void keep_plain(struct sim_plan__reader *reader, struct weft_yaml_node *root) {
    char text[24];
    struct weft_yaml_place nowhere = {0, 0, NULL};
    snprintf(text, sizeof text, "%" PRIu64, reader->draw.seed);
    struct weft_yaml_node *seed = weft_yaml_new(text, &nowhere);
    weft_yaml_free(weft_yaml_take(root, "seed"));
    if (seed != NULL && weft_yaml_add(root, "seed", seed)) {
        reader->plan->plain = weft_yaml_document(root);
    } else {
        weft_yaml_free(seed);
    }
    reader->no_memory = reader->no_memory || reader->plan->plain == NULL;
}

static void read_tree(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                      const struct sim_plan_sets *sets) {
    if (root->kind == WEFT_YAML_NOTHING) {
        sim_plan__mistake(reader, root, "nothing in it, expected a scenario");
        return;
    }
    if (root->kind != WEFT_YAML_MAPPING) {
        if (root->kind != WEFT_YAML_BROKEN) {
            sim_plan__mistake(reader, root, "no keys, expected a scenario such as 'name: NAME'");
        }
        return;
    }
    override(reader, root, sets, true);
    find_seed(reader, root);
    sim_swarm__apply(reader, root, sets);
    override(reader, root, sets, false);
    reader->root = root;
    sim_plan__read_section(reader, root, &scenario_section, reader->plan);
    if (reader->mistakes.count == 0) sim_plan__check_join(reader);
    if (reader->mistakes.count == 0) sim_plan__check_regions(reader);
    if (reader->mistakes.count == 0) sim_plan__check_dist(reader);
    if (reader->mistakes.count == 0) sim_plan__check_nats(reader);
    if (reader->mistakes.count == 0) sim_plan__check_liveness(reader);
    finish(reader->plan);
    if (sets != NULL && sets->plain && reader->mistakes.count == 0) keep_plain(reader, root);
}

static void fold_identity(struct sim_plan *plan, struct weft_bytes text,
                          const struct sim_plan_sets *sets) {
    plan->digest = weft_fold_bytes(0, text.data, text.size);
    for (uint32_t i = 0; sets != NULL && i < sets->count; i++) {
        plan->digest = weft_fold_bytes(plan->digest, sets->sets[i], strlen(sets->sets[i]));
    }
}

static void read_text_of(struct sim_plan__reader *reader, struct weft_bytes text,
                         const struct sim_plan_sets *sets) {
    struct weft_yaml_report report = {sim_plan__yaml_mistake, reader, NULL, "a scenario"};
    bool no_memory = false;
    struct weft_yaml_node *root = weft_yaml_read(text, &report, &no_memory);
    reader->no_memory = reader->no_memory || no_memory;
    fold_identity(reader->plan, text, sets);
    if (root != NULL) read_tree(reader, root, sets);
    weft_yaml_free(root);
}

static struct sim_plan__reader *reader_new(const char *path) {
    struct sim_plan__reader *reader = calloc(1, sizeof *reader);
    struct sim_plan *plan = calloc(1, sizeof *plan);
    if (reader == NULL || plan == NULL) {
        free(reader);
        free(plan);
        return NULL;
    }
    reader->plan = plan;
    reader->mistakes.file = path;
    set_defaults(plan);
    plan->file = sim_plan__copy(reader, path);
    return reader;
}

/* What is read: where from, with what. */
struct source {
    const char *path;
    struct weft_bytes text;
    const struct sim_plan_sets *sets;
    const struct sim_plan_report *report;
};

/* One reading, with what `draw` draws; *draw then tells of the choices met. WEFT_ERR_MALFORMED,
 * WEFT_ERR_NOMEM */
static int read_once(const struct source *source, struct sim_swarm__draw *draw,
                     struct sim_plan **out) {
    struct sim_plan__reader *reader = reader_new(source->path);
    if (reader == NULL) return WEFT_ERR_NOMEM;
    reader->draw = *draw;
    reader->report = source->report;
    if (!reader->no_memory) read_text_of(reader, source->text, source->sets);
    int rv = WEFT_OK;
    if (reader->no_memory) {
        rv = WEFT_ERR_NOMEM;
    } else if (reader->mistakes.count > 0) {
        sim_mistakes_tell(&reader->mistakes, source->report);
        rv = WEFT_ERR_MALFORMED;
    }
    draw->options_max = reader->draw.options_max;
    *out = rv == WEFT_OK ? reader->plan : NULL;
    if (rv != WEFT_OK) sim_plan_free(reader->plan);
    free(reader);
    return rv;
}

#define SAMPLES 32 /* seeds that are tried before a swarm is believed */

/* Ranges and choices one by one where they end, then together as seeds draw them: up to the first
 * that makes a mistake. *out is a plan of the swarm, when there is none. */
static int try_swarm(const struct source *source, struct sim_plan **out) {
    struct sim_swarm__draw draw = {.mode = SIM_SWARM_LOWS};
    int rv = read_once(source, &draw, out);
    if (rv != WEFT_OK || !(*out)->has_swarm) return rv;
    uint32_t options = draw.options_max, tries = 1 + options + SAMPLES;
    for (uint32_t i = 0; i < tries && rv == WEFT_OK; i++) {
        if (i == 0)
            draw = (struct sim_swarm__draw){.mode = SIM_SWARM_HIGHS};
        else if (i <= options)
            draw = (struct sim_swarm__draw){.mode = SIM_SWARM_OPTION, .seed = i - 1};
        else
            draw = (struct sim_swarm__draw){.mode = SIM_SWARM_BY_SEED, .seed = i - options};
        sim_plan_free(*out);
        rv = read_once(source, &draw, out);
    }
    return rv;
}

int sim_plan_parse(const char *path, struct weft_bytes text, const struct sim_plan_sets *sets,
                   const struct sim_plan_report *report, struct sim_plan **out) {
    WEFT_ASSERT(path != NULL);
    WEFT_ASSERT(out != NULL);
    const struct source source = {path, text, sets, report};
    bool given = sets != NULL && sets->seed != NULL;
    struct sim_swarm__draw draw = {.mode = given ? SIM_SWARM_BY_SEED : SIM_SWARM_BY_FILE,
                                   .seed = given ? *sets->seed : 0};
    *out = NULL;
    if (given) return read_once(&source, &draw, out);
    int rv = try_swarm(&source, out);
    if (rv != WEFT_OK || !(*out)->has_swarm) return rv;
    sim_plan_free(*out);
    return read_once(&source, &draw, out);
}

static const char *why_unread(int error) {
    switch (error) {
    case WEFT_ERR_NOT_FOUND:
        return "there is no such file, expected a scenario";
    case WEFT_ERR_TOO_BIG:
        return "larger than 1 MiB, expected a scenario";
    default:
        return "cannot be read, expected a file";
    }
}

int sim_plan_read(const char *path, const struct sim_plan_sets *sets,
                  const struct sim_plan_report *report, struct sim_plan **out) {
    WEFT_ASSERT(path != NULL);
    WEFT_ASSERT(out != NULL);
    struct weft_bytes text = {NULL, 0};
    *out = NULL;
    int rv = sim_plan__read_file(path, WEFT_YAML_SIZE_MAX, &text);
    if (rv == WEFT_OK) {
        rv = sim_plan_parse(path, text, sets, report, out);
        free((void *)(uintptr_t)text.data);
        return rv;
    }
    if (rv == WEFT_ERR_NOMEM) return rv;
    char line[SIM_MISTAKE_FILE_MAX + 64];
    snprintf(line, sizeof line, "%.*s: %s", (int)SIM_MISTAKE_FILE_MAX, path, why_unread(rv));
    if (report != NULL && report->mistake != NULL) report->mistake(report->ctx, line);
    return rv == WEFT_ERR_TOO_BIG ? WEFT_ERR_MALFORMED : rv;
}

void sim_plan_free(struct sim_plan *plan) {
    if (plan == NULL) return;
    free(plan->name);
    free(plan->about);
    free(plan->file);
    for (uint32_t i = 0; i < plan->texts_count; i++) free(plan->texts[i]);
    for (uint32_t i = 0; i < plan->draws_count; i++) {
        free(plan->draws[i].name);
        free(plan->draws[i].value);
    }
    free(plan->plain);
    free(plan->claims);
    free(plan->net.regions);
    for (uint32_t i = 0; i < plan->samples_count; i++) free(plan->samples[i]);
    free(plan);
}
