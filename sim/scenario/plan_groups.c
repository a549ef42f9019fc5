/* Population, groups, and how nodes join. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <string.h>

/* --- join --- */

static const char *const from_names[] = {"seeds", "random", "chain"};

static void read_from(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                      void *into) {
    struct sim_join *join = into;
    const char *expected = "seeds, random or chain";
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, expected)) return;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(value->node->text, from_names[i]) != 0) continue;
        join->from = (enum sim_join_from)i;
        return;
    }
    sim_plan__mistake(reader, value->node, "unknown way to join '%s', %s",
                      sim_plan__show(value->node->text).text,
                      sim_plan__hint(value->node->text, from_names, 3).text);
}

static const struct sim_plan__key join_keys[] = {
    {"from", false, read_from, 0, 0, 0},
    {"over", false, sim_plan__read_duration, offsetof(struct sim_join, over), 0, 0},
    {"at", false, sim_plan__read_duration, offsetof(struct sim_join, at), 0, 0},
    {"seeds", false, sim_plan__read_count, offsetof(struct sim_join, seeds), 1,
     WEFT_DHT_BOOTSTRAP_MAX},
    {"contacts", false, sim_plan__read_count, offsetof(struct sim_join, contacts), 1,
     WEFT_DHT_BOOTSTRAP_MAX},
};
const struct sim_plan__section sim_plan__join_section = {"join", join_keys,
                                                         sizeof join_keys / sizeof join_keys[0]};

/* A key that the way of joining has no use for. */
static void refuse_idle(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                        const char *key, const char *expected) {
    const struct weft_yaml_node *idle = weft_yaml_get(node, key);
    if (idle == NULL) return;
    sim_plan__mistake(reader, idle, "'%s' means nothing here, expected it with %s", key, expected);
}

static void check_contacts(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                           struct sim_join *join) {
    if (join->from != SIM_JOIN_SEEDS) refuse_idle(reader, node, "seeds", "'from: seeds'");
    if (join->from == SIM_JOIN_CHAIN) {
        refuse_idle(reader, node, "contacts", "'from: seeds' or 'from: random'");
    }
    const struct weft_yaml_node *seeds = weft_yaml_get(node, "seeds");
    if (seeds != NULL && join->seeds > reader->plan->population) {
        sim_plan__mistake(reader, seeds, "'seeds' is %u, expected at most the population, %u",
                          join->seeds, reader->plan->population);
    }
    if (join->from != SIM_JOIN_SEEDS || join->contacts <= join->seeds) return;
    const struct weft_yaml_node *contacts = weft_yaml_get(node, "contacts");
    if (contacts != NULL) {
        sim_plan__mistake(reader, contacts, "'contacts' is %u, expected at most the seeds, %u",
                          join->contacts, join->seeds);
    }
    join->contacts = join->seeds;
}

static void check_time(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct sim_join *join) {
    weft_time last = weft_time_add(join->at, join->over), stop = reader->plan->stop;
    if (last < stop) return;
    char a[WEFT_VALUE_TEXT_MAX], b[WEFT_VALUE_TEXT_MAX];
    sim_plan__mistake(reader, node, "nodes join until %s, expected before the run stops at %s",
                      weft_value_show_duration(last, a), weft_value_show_duration(stop, b));
}

void sim_plan__read_join_config(struct sim_plan__reader *reader,
                                const struct sim_plan__value *value, struct sim_join *join) {
    WEFT_ASSERT(join != NULL);
    const struct weft_yaml_node *node = value->node;
    if (node->kind == WEFT_YAML_SCALAR) {
        read_from(reader, value, join);
    } else if (sim_plan__is(reader, value, WEFT_YAML_MAPPING,
                            "seeds, random, chain or a mapping such as {over: 10s}")) {
        sim_plan__read_section(reader, node, &sim_plan__join_section, join);
        check_contacts(reader, node, join);
        check_time(reader, node, join);
    }
}

void sim_plan__read_join(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    struct sim_plan *plan = into;
    sim_plan__read_join_config(reader, value, &plan->join_of[0]);
}

weft_time sim_plan__joined_at(const struct sim_plan *plan) {
    weft_time last = 0;
    for (uint32_t i = 0; i < plan->groups_count; i++) {
        if (plan->groups[i].count == 0) continue;
        last = weft_time_max(last, weft_time_add(plan->join_of[i].at, plan->join_of[i].over));
    }
    return last;
}

static void check_seeds(struct sim_plan__reader *reader) {
    const struct sim_plan *plan = reader->plan;
    const struct weft_yaml_node *place = weft_yaml_get(reader->root, "groups");
    if (place == NULL) place = weft_yaml_get(reader->root, "dht");
    if (place == NULL || !plan->dht_on) return;
    bool needed = false;
    uint32_t first = 0;
    while (plan->groups[first].count == 0) first++; /* a population of 0 is refused before */
    for (uint32_t i = 0; i < plan->groups_count; i++) {
        needed = needed || (plan->groups[i].count > 0 && plan->join_of[i].from == SIM_JOIN_SEEDS);
    }
    if (!needed || !plan->dht_of[first].read_only) return;
    sim_plan__mistake(reader, place,
                      "the seeds are the first nodes and in group '%s', which is read-only and "
                      "serves nobody, expected a group that serves before it",
                      plan->groups[first].name);
}

void sim_plan__check_join(struct sim_plan__reader *reader) {
    const struct sim_plan *plan = reader->plan;
    const struct weft_yaml_node *stop = weft_yaml_get(reader->root, "stop");
    check_seeds(reader);
    if (stop == NULL || weft_yaml_get(reader->root, "join") != NULL) return;
    if (plan->join_of[plan->groups_count - 1].over < plan->stop) return;
    sim_plan__mistake(reader, stop,
                      "'stop' is '%s', expected after nodes have joined, which takes "
                      "10s unless 'join' says other",
                      sim_plan__show(stop->text).text);
}

/* --- groups --- */

void sim_plan__set_population(struct sim_plan *plan, uint32_t population) {
    WEFT_ASSERT(population > 0);
    plan->population = population;
    plan->groups_count = 1;
    plan->groups[0] = (struct sim_group){.name = "rest", .count = population};
    struct sim_join *join = &plan->join_of[0];
    join->seeds = population < 3 ? population : 3;
    join->contacts = join->seeds;
}

struct draft {
    struct sim_group group;
    struct sim_join join;
    struct weft_dht_config dht;
    struct sim_apps apps;
    uint32_t schedulers, memory;
    struct sim_dist dist;
    struct sim_nat_range nat; /* nodes 0: none */
};

static void read_count(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       void *into) {
    struct draft *draft = into;
    const char *expected = "a number of nodes such as 20, or a share such as 5%";
    uint64_t count;
    uint32_t ppm;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, expected)) return;
    if (weft_value_percent(value->node->text, &ppm) && ppm > 0) {
        count = (uint64_t)reader->plan->population * ppm / WEFT_PPM_ALL;
        if (count == 0) count = 1;
    } else if (!weft_value_count(value->node->text, &count) || count == 0 || count > UINT32_MAX) {
        sim_plan__unfit(reader, value, expected);
        return;
    }
    draft->group.count = (uint32_t)count;
}

static void read_group_join(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    struct draft *draft = into;
    sim_plan__read_join_config(reader, value, &draft->join);
}

static void read_group_dht(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    struct draft *draft = into;
    if (!reader->plan->dht_on) {
        sim_plan__mistake(reader, value->node, "'dht' of a group, expected none with 'dht: off'");
        return;
    }
    sim_plan__read_dht_config(reader, value, &draft->dht, NULL);
}

static void read_group_apps(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    struct draft *draft = into;
    sim_plan__read_apps_of(reader, value, &draft->apps);
}

static void read_group_dist(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    struct draft *draft = into;
    sim_plan__read_dist_config(reader, value, &draft->dist);
}

static void read_group_nat(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    struct draft *draft = into;
    sim_plan__read_nat(reader, value, &draft->nat);
    (void)sim_plan__claim(reader, value->node, SIM_CLAIM_NAT, "nat");
}

/* Which it is, the network tells: sim_plan__check_regions. */
static void read_group_region(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                              void *into) {
    (void)into;
    sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the name of a region");
}

static const struct sim_plan__key group_keys[] = {
    {"count", true, read_count, 0, 0, 0},
    {"join", false, read_group_join, 0, 0, 0},
    {"dht", false, read_group_dht, 0, 0, 0},
    {"apps", false, read_group_apps, 0, 0, 0},
    {"schedulers", false, sim_plan__read_count, offsetof(struct draft, schedulers), 1,
     WEFT_SCHEDULERS_MAX},
    {"memory", false, sim_plan__read_size, offsetof(struct draft, memory), 1, 0},
    {"dist", false, read_group_dist, 0, 0, 0},
    {"nat", false, read_group_nat, 0, 0, 0},
    {"region", false, read_group_region, 0, 0, 0},
};
const struct sim_plan__section sim_plan__group_section = {"groups", group_keys,
                                                          sizeof group_keys / sizeof group_keys[0]};

static bool is_name(const char *text) {
    size_t size = strlen(text);
    return size > 0 && size < SIM_GROUP_NAME_MAX && text[0] >= 'a' && text[0] <= 'z' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size;
}

static bool check_name(struct sim_plan__reader *reader, const struct weft_yaml_node *key) {
    const char *reserved[] = {"all", "any", "rest"};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(key->text, reserved[i]) != 0) continue;
        sim_plan__mistake(reader, key, "'%s' is a word of the language, expected another name",
                          key->text);
        return false;
    }
    if (is_name(key->text)) return true;
    sim_plan__mistake(reader, key,
                      "group name '%s', expected up to 31 of a-z, 0-9, - and _, a letter first",
                      sim_plan__show(key->text).text);
    return false;
}

/* A group that was not understood still has its name, so that its users are not told off too. */
static void add_group(struct sim_plan__reader *reader, const struct draft *draft) {
    struct sim_plan *plan = reader->plan;
    uint32_t i = plan->groups_count++;
    plan->groups[i] = draft->group;
    plan->join_of[i] = draft->join;
    plan->dht_of[i] = draft->dht;
    plan->apps_of[i] = draft->apps;
    plan->schedulers_of[i] = draft->schedulers;
    plan->memory_of[i] = draft->memory;
    plan->dist_of[i] = draft->dist;
    if (draft->nat.nodes == 0) return;
    struct sim_nat_range *nat = &plan->nats[plan->nats_count++];
    *nat = draft->nat;
    nat->first = draft->group.first;
    nat->count = draft->group.count;
}

static void read_group(struct sim_plan__reader *reader, const struct weft_yaml_node *groups,
                       uint32_t index, struct draft draft) {
    const struct sim_plan *plan = reader->plan;
    const struct weft_yaml_node *key = groups->keys[index];
    if (!check_name(reader, key)) return;
    reader->within = (struct sim_plan__within){.line = key->line};
    snprintf(reader->within.path, sizeof reader->within.path, "groups.%s.", key->text);
    memcpy(draft.group.name, key->text, strlen(key->text) + 1);
    uint64_t first = 0;
    for (uint32_t i = 0; i < plan->groups_count; i++) first += plan->groups[i].count;
    draft.group.first = (uint32_t)first;
    draft.group.count = 0;
    sim_plan__read_section(reader, groups->items[index], &sim_plan__group_section, &draft);
    if (first + draft.group.count > plan->population) {
        sim_plan__mistake(
            reader, key, "groups up to '%s' take %llu nodes, expected at most the population, %u",
            key->text, (unsigned long long)(first + draft.group.count), plan->population);
        draft.group.count = plan->population - draft.group.first;
    }
    if (draft.group.count == 0) draft.group.count = 1; /* told above: never in a plan */
    add_group(reader, &draft);
}

void sim_plan__read_groups(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    struct sim_plan *plan = into;
    const struct weft_yaml_node *node = value->node;
    const char *expected = "a mapping such as leaf: {count: 5%}";
    if (!sim_plan__is(reader, value, WEFT_YAML_MAPPING, expected)) return;
    if (node->count == 0 || node->count >= SIM_GROUPS_MAX) {
        sim_plan__mistake(reader, node, "'groups' has %u entries, expected from 1 to %u",
                          node->count, SIM_GROUPS_MAX - 1);
        return;
    }
    struct draft base = {.group = plan->groups[0],
                         .join = plan->join_of[0],
                         .dht = plan->dht_of[0],
                         .apps = plan->apps_of[0],
                         .schedulers = plan->schedulers_of[0],
                         .memory = plan->memory_of[0],
                         .dist = plan->dist_of[0]};
    plan->groups_count = 0;
    for (uint32_t i = 0; i < node->count; i++) read_group(reader, node, i, base);
    uint64_t taken = 0;
    for (uint32_t i = 0; i < plan->groups_count; i++) taken += plan->groups[i].count;
    base.group.first = (uint32_t)(taken < plan->population ? taken : plan->population);
    base.group.count = plan->population - base.group.first;
    add_group(reader, &base);
}
