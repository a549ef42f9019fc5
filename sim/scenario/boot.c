/* Who comes up when, and whom it knows. */
#include "sim/scenario/run_parts.h"

#include "core/base/assert.h"
#include "sim/scenario/book.h"

#include <stdlib.h>

#define CONTACTS_DEFAULT 3
#define SEEDS_DEFAULT 3
#define TABLE_PATH "dht.table"

struct sim_run__own {
    struct weft_node_config node;
    struct weft_dht_service_config dht;
    size_t count;
    struct weft_addr known[];
};

static uint32_t limit(uint32_t wanted, uint32_t normal, uint32_t most) {
    uint32_t value = wanted > 0 ? wanted : normal;
    value = value < WEFT_DHT_BOOTSTRAP_MAX ? value : WEFT_DHT_BOOTSTRAP_MAX;
    return value < most ? value : most;
}

static struct weft_addr addr_of(const struct sim_run__boot *boot, uint32_t node) {
    return sim_world_addr(node, boot->plan->v6 ? WEFT_FAMILY_V6 : WEFT_FAMILY_V4, SIM_RUN_DHT_PORT);
}

static void fill_groups(struct sim_run__boot *boot) {
    const struct sim_plan *plan = boot->plan;
    for (uint32_t g = 0; g < plan->groups_count; g++) {
        const struct sim_group *group = &plan->groups[g];
        for (uint32_t i = 0; i < group->count; i++) boot->group_of[group->first + i] = g;
        if (plan->join_of[g].from != SIM_JOIN_SEEDS) continue;
        uint32_t seeds = limit(plan->join_of[g].seeds, SEEDS_DEFAULT, plan->population);
        if (group->count > 0 && seeds > boot->seeds) boot->seeds = seeds;
    }
    for (uint32_t i = 0; i < boot->seeds; i++) boot->seed_addr[i] = addr_of(boot, i);
}

static uint32_t talkers(const struct sim_plan *plan) {
    uint32_t count = 0;
    for (uint32_t g = 0; g < plan->groups_count; g++)
        if (plan->dist_of[g].on) count += plan->groups[g].count;
    return count;
}

static int fill_names(struct sim_run__boot *boot) {
    const struct sim_plan *plan = boot->plan;
    uint32_t count = talkers(plan), at = 0;
    if (count == 0) return WEFT_OK;
    boot->names = calloc(count, sizeof *boot->names);
    boot->names_of = calloc(count, sizeof *boot->names_of);
    if (boot->names == NULL || boot->names_of == NULL) return WEFT_ERR_NOMEM;
    for (uint32_t node = 0; node < plan->population; node++) {
        if (!plan->dist_of[boot->group_of[node]].on) continue;
        sim_world_node_name(node, boot->names[at]);
        boot->names_of[at] = boot->names[at];
        at++;
    }
    WEFT_ASSERT(at == count);
    return WEFT_OK;
}

static void fill_dist(struct sim_run__boot *boot, uint32_t group) {
    const struct sim_dist *plan = &boot->plan->dist_of[group];
    uint32_t count = talkers(boot->plan);
    if (!plan->on) return;
    boot->dist[group] =
        (struct weft_dist_config){.cookie = plan->cookie,
                                  .tick = plan->tick,
                                  .connect = boot->names_of,
                                  .connect_count = plan->connect < count ? plan->connect : count};
    boot->node[group].dist = &boot->dist[group];
}

static void fill_config(struct sim_run__boot *boot, uint32_t group) {
    const struct sim_plan *plan = boot->plan;
    struct weft_dht_service_config *dht = &boot->dht[group];
    dht->dht = plan->dht_of[group];
    dht->dht.v4 = !plan->v6;
    dht->dht.v6 = plan->v6;
    dht->dht.book = boot->book;
    weft_dht_config_fill(&dht->dht);
    dht->dht.shared = true;
    if (plan->v6) {
        dht->bind6 = (struct weft_addr){.family = WEFT_FAMILY_V6, .port = SIM_RUN_DHT_PORT};
    } else {
        dht->bind4 = weft_addr_v4(0, 0, 0, 0, SIM_RUN_DHT_PORT);
    }
    dht->bootstrap = boot->seed_addr;
    dht->bootstrap_count = limit(plan->join_of[group].seeds, SEEDS_DEFAULT, plan->population);
    dht->path = plan->save_table ? TABLE_PATH : NULL;
    boot->node[group].plain_memory = true;
    boot->node[group].modules = plan->apps_of[group].modules;
    boot->node[group].modules_count = plan->apps_of[group].count;
    boot->node[group].dht = plan->dht_on ? dht : NULL;
    fill_dist(boot, group);
}

int sim_run__boot_init(struct sim_run__boot *boot, const struct sim_plan *plan, uint64_t seed) {
    WEFT_ASSERT(plan->population > 0);
    WEFT_ASSERT(plan->groups_count <= SIM_GROUPS_MAX);
    *boot = (struct sim_run__boot){.plan = plan, .seed = seed};
    boot->group_of = calloc(plan->population, sizeof *boot->group_of);
    boot->own = calloc(plan->population, sizeof *boot->own);
    boot->book = sim_run__book_new();
    if (boot->group_of == NULL || boot->own == NULL || boot->book == NULL) return WEFT_ERR_NOMEM;
    fill_groups(boot);
    if (fill_names(boot) != WEFT_OK) return WEFT_ERR_NOMEM;
    for (uint32_t g = 0; g < plan->groups_count; g++) fill_config(boot, g);
    return WEFT_OK;
}

void sim_run__boot_plainly(struct sim_run__boot *boot) {
    for (uint32_t g = 0; g < boot->plan->groups_count; g++) {
        boot->node[g].plain_memory = true;
        boot->dht[g].dht.book = NULL;
        boot->dht[g].dht.shared = false;
    }
}

void sim_run__boot_deinit(struct sim_run__boot *boot) {
    for (uint32_t i = 0; boot->own != NULL && i < boot->plan->population; i++) free(boot->own[i]);
    free(boot->own);
    sim_run__book_free(boot->book);
    free(boot->group_of);
    free(boot->names);
    free(boot->names_of);
}

/* Who knows nodes with smaller numbers comes up after them: each in a slot of its own, in order.
 * Were the order drawn, a node could meet only others that wait for the rest, and be content with
 * them. */
static weft_time slot_at(const struct sim_join *join, const struct sim_group *group, uint32_t node,
                         uint64_t raw) {
    weft_duration slot = join->over / (weft_duration)group->count;
    weft_duration first = slot * (weft_duration)(node - group->first);
    return weft_time_add(join->at, first + (weft_duration)weft_scale(raw, (uint64_t)slot + 1));
}

weft_time sim_run__boot_at(const struct sim_run__boot *boot, uint32_t node) {
    uint32_t group = boot->group_of[node];
    const struct sim_join *join = &boot->plan->join_of[group];
    if (node < boot->seeds) return 0;
    uint64_t raw = weft_draw(boot->seed, SIM_DRAW_JOIN, node, 0);
    if (join->from != SIM_JOIN_SEEDS) return slot_at(join, &boot->plan->groups[group], node, raw);
    return weft_time_add(join->at, (weft_duration)weft_scale(raw, (uint64_t)join->over + 1));
}

static bool is_known(const struct sim_run__own *own, const struct weft_addr *addr) {
    for (size_t i = 0; i < own->count; i++) {
        if (weft_addr_equal(&own->known[i], addr)) return true;
    }
    return false;
}

/* `count` of the nodes below `bound`, each at most once; count <= bound. */
static void know_drawn(struct sim_run__boot *boot, struct sim_run__own *own, uint32_t node,
                       struct sim_range of, uint32_t count) {
    struct weft_rand rand;
    weft_rand_init(&rand, weft_draw(boot->seed, SIM_DRAW_BOOTSTRAP, node, 0));
    while (own->count < count) {
        uint32_t other =
            of.first + (uint32_t)weft_rand_below(&rand, (uint64_t)of.last - of.first + 1);
        struct weft_addr addr = addr_of(boot, other);
        if (!is_known(own, &addr)) own->known[own->count++] = addr;
    }
}

static void know_seeds(struct sim_run__boot *boot, struct sim_run__own *own, uint32_t node) {
    const struct sim_join *join = &boot->plan->join_of[boot->group_of[node]];
    uint32_t seeds = limit(join->seeds, SEEDS_DEFAULT, boot->plan->population);
    if (node >= boot->seeds) {
        know_drawn(boot, own, node, (struct sim_range){0, seeds - 1},
                   limit(join->contacts, CONTACTS_DEFAULT, seeds));
        return;
    }
    for (uint32_t i = 0; i < boot->seeds; i++) {
        if (i != node) own->known[own->count++] = boot->seed_addr[i];
    }
}

/* `again`: node 0 knows nobody the first time; who comes back knows that there are others. */
static void know(struct sim_run__boot *boot, struct sim_run__own *own, uint32_t node, bool again) {
    const struct sim_join *join = &boot->plan->join_of[boot->group_of[node]];
    if (join->from == SIM_JOIN_SEEDS) {
        know_seeds(boot, own, node);
    } else if (node == 0) {
        if (again && boot->plan->population > 1) own->known[own->count++] = addr_of(boot, 1);
    } else if (join->from == SIM_JOIN_CHAIN) {
        own->known[own->count++] = addr_of(boot, node - 1);
    } else {
        know_drawn(boot, own, node, (struct sim_range){0, node - 1},
                   limit(join->contacts, CONTACTS_DEFAULT, node));
    }
}

static bool is_shared(const struct sim_run__boot *boot, uint32_t node) {
    const struct sim_join *join = &boot->plan->join_of[boot->group_of[node]];
    uint32_t seeds = limit(join->seeds, SEEDS_DEFAULT, boot->plan->population);
    if (!boot->plan->dht_on) return true;
    return join->from == SIM_JOIN_SEEDS && node >= boot->seeds &&
           limit(join->contacts, CONTACTS_DEFAULT, seeds) == seeds;
}

static uint32_t known_max(const struct sim_run__boot *boot, uint32_t node) {
    const struct sim_join *join = &boot->plan->join_of[boot->group_of[node]];
    uint32_t contacts = limit(join->contacts, CONTACTS_DEFAULT, WEFT_DHT_BOOTSTRAP_MAX);
    if (join->from == SIM_JOIN_CHAIN) return 1;
    return contacts > boot->seeds ? contacts : boot->seeds + 1;
}

const struct weft_node_config *sim_run__boot_config(struct sim_run__boot *boot, uint32_t node) {
    WEFT_ASSERT(node < boot->plan->population);
    uint32_t group = boot->group_of[node];
    if (is_shared(boot, node)) return &boot->node[group];
    size_t room = known_max(boot, node);
    struct sim_run__own *own = calloc(1, sizeof *own + room * sizeof own->known[0]);
    if (own == NULL) return NULL;
    know(boot, own, node, boot->own[node] != NULL);
    WEFT_ASSERT(own->count <= room);
    free(boot->own[node]);
    boot->own[node] = own;
    own->dht = boot->dht[group];
    own->dht.bootstrap = own->known;
    own->dht.bootstrap_count = own->count;
    own->node = boot->node[group];
    own->node.dht = &own->dht;
    return &own->node;
}
