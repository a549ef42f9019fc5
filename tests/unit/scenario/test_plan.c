/* What a scenario says is what the plan holds, to the nanosecond and to the millionth. */
#include "core/base/error.h"
#include "core/base/limits.h"
#include "sim/scenario/plan.h"
#include "sim/world/packet_kind.h"
#include "tests/harness/harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD "name: test\npopulation: 1000\nstop: 120s\n"
#define TAIL "checks: [no_leak]\n"

static void on_mistake(void *ctx, const char *line) {
    ++*(int *)ctx;
    fprintf(stderr, "%s\n", line);
}

static struct sim_plan *parse_with(const char *text, const struct sim_plan_sets *sets) {
    int mistakes = 0;
    struct sim_plan_report report = {.mistake = on_mistake, .ctx = &mistakes};
    struct sim_plan *plan = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s/scenarios/x.yaml", test_source_folder());
    CHECK_EQ_INT(sim_plan_parse(path, weft_bytes_text(text), sets, &report, &plan), WEFT_OK);
    CHECK_EQ_INT(mistakes, 0);
    return plan;
}

static struct sim_plan *parse(const char *text) { return parse_with(text, NULL); }

/* --- the whole --- */

static void what_is_not_said_has_its_default(void) {
    struct sim_plan *plan = parse(HEAD TAIL);
    REQUIRE(plan != NULL);
    CHECK_EQ_TEXT(plan->name, "test");
    CHECK(plan->about == NULL);
    CHECK_EQ_UINT(plan->seed, 1);
    CHECK_EQ_UINT(plan->population, 1000);
    CHECK_EQ_INT(plan->stop, WEFT_S(120));
    CHECK(plan->dht_on);
    CHECK(!plan->v6);
    CHECK(!plan->save_table);
    CHECK_EQ_UINT(plan->groups_count, 1);
    CHECK_EQ_TEXT(plan->groups[0].name, "rest");
    CHECK_EQ_UINT(plan->groups[0].first, 0);
    CHECK_EQ_UINT(plan->groups[0].count, 1000);
    CHECK_EQ_INT(plan->join_of[0].from, SIM_JOIN_SEEDS);
    CHECK_EQ_INT(plan->join_of[0].over, WEFT_S(10));
    CHECK_EQ_INT(plan->join_of[0].at, 0);
    CHECK_EQ_UINT(plan->join_of[0].seeds, 3);
    CHECK_EQ_UINT(plan->join_of[0].contacts, 3);
    CHECK_EQ_UINT(plan->dht_of[0].k, 8);
    CHECK_EQ_UINT(plan->dht_of[0].alpha, 3);
    CHECK(plan->dht_of[0].v4);
    CHECK(!plan->dht_of[0].v6);
    CHECK_EQ_UINT(plan->net.rules_count, 1);
    CHECK_EQ_UINT(plan->net.rules[0].from_group, SIM_GROUP_ANY);
    CHECK_EQ_UINT(plan->net.rules[0].chain.count, 1);
    CHECK_EQ_INT(plan->net.rules[0].chain.elements[0].kind, SIM_ELEMENT_DELAY);
    CHECK_EQ_INT(plan->net.rules[0].chain.elements[0].delay.kind, SIM_DELAY_CONSTANT);
    CHECK_EQ_INT(plan->net.rules[0].chain.elements[0].delay.a, WEFT_MS(20));
    CHECK(plan->net.regions == NULL);
    CHECK_EQ_UINT(plan->works_count, 0);
    CHECK_EQ_UINT(plan->faults_count, 0);
    CHECK_EQ_UINT(plan->checks_count, 1);
    sim_plan_free(plan);
}

static void the_head_of_a_file_is_read(void) {
    struct sim_plan *plan = parse("name: a-1\nabout: Two words.\nseed: 18446744073709551615\n"
                                  "population: 2\nstop: 1.5h\nipv6: true\njoin: {over: 0s}\n" TAIL);
    REQUIRE(plan != NULL);
    CHECK_EQ_TEXT(plan->name, "a-1");
    CHECK_EQ_TEXT(plan->about, "Two words.");
    CHECK_EQ_UINT(plan->seed, UINT64_MAX);
    CHECK_EQ_INT(plan->stop, WEFT_MIN(90));
    CHECK(plan->v6);
    CHECK(plan->dht_of[0].v6);
    CHECK(!plan->dht_of[0].v4);
    CHECK_EQ_UINT(plan->join_of[0].seeds, 2);
    CHECK_EQ_UINT(plan->join_of[0].contacts, 2);
    CHECK_EQ_INT(plan->join_of[0].over, 0);
    sim_plan_free(plan);
}

static void a_quota_of_memory_is_read_and_a_group_has_its_own(void) {
    struct sim_plan *plan = parse(
        HEAD "memory: 2MB\ngroups: {some: {count: 5, memory: 64KB}, more: {count: 1}}\n" TAIL);
    REQUIRE(plan != NULL);
    CHECK_EQ_UINT(plan->memory_of[0], 64000);
    CHECK_EQ_UINT(plan->memory_of[1], 2000000);
    CHECK_EQ_UINT(plan->memory_of[2], 2000000);
    sim_plan_free(plan);
    plan = parse(HEAD TAIL);
    REQUIRE(plan != NULL);
    CHECK_EQ_UINT(plan->memory_of[0], 0);
    sim_plan_free(plan);
}

static void schedulers_and_dist_are_read_and_a_group_changes_what_it_names(void) {
    struct sim_plan *plan = parse(HEAD "dht: off\nschedulers: 4\n"
                                       "dist: {cookie: secret, connect: 3, tick: 8s}\n"
                                       "groups: {odd: {count: 5, schedulers: 64, dist: {connect: "
                                       "none}}, alone: {count: 1, dist: off}}\n" TAIL);
    REQUIRE(plan != NULL);
    REQUIRE(plan->groups_count == 3);
    CHECK_EQ_UINT(plan->schedulers_of[0], 64);
    CHECK_EQ_UINT(plan->schedulers_of[1], 4);
    CHECK_EQ_UINT(plan->schedulers_of[2], 4);
    for (int g = 0; g < 3; g++) {
        CHECK_EQ_INT(plan->dist_of[g].on, g != 1);
        CHECK_EQ_TEXT(plan->dist_of[g].cookie, "secret");
        CHECK_EQ_INT(plan->dist_of[g].tick, WEFT_S(8));
    }
    CHECK_EQ_UINT(plan->dist_of[0].connect, 0);
    CHECK_EQ_UINT(plan->dist_of[2].connect, 3);
    sim_plan_free(plan);
}

static void nodes_have_one_scheduler_and_are_alone_unless_said_otherwise(void) {
    struct sim_plan *plan = parse(HEAD TAIL);
    REQUIRE(plan != NULL);
    CHECK_EQ_UINT(plan->schedulers_of[0], 1);
    CHECK(!plan->dist_of[0].on);
    sim_plan_free(plan);
    plan = parse(HEAD "groups: {some: {count: 256, dist: on}}\n" TAIL);
    REQUIRE(plan != NULL);
    CHECK(plan->dist_of[0].on);
    CHECK(!plan->dist_of[1].on);
    CHECK_EQ_UINT(plan->dist_of[0].connect, UINT32_MAX);
    CHECK_EQ_TEXT(plan->dist_of[0].cookie, "weft");
    sim_plan_free(plan);
}

static void a_dht_can_be_switched_off(void) {
    struct sim_plan *plan = parse(HEAD "dht: off\n" TAIL);
    REQUIRE(plan != NULL);
    CHECK(!plan->dht_on);
    sim_plan_free(plan);
}

static void every_key_of_the_dht_is_read(void) {
    struct sim_plan *plan =
        parse(HEAD "dht: {k: 16, alpha: 4, query_timeout: 3s, query_slow: 1500ms,"
                   " verify_after: 2s, stale_after: 20s, forget_after: 50s, refresh_after: 10min,"
                   " peer_lifetime: 20min, item_lifetime: 1h, republish_after: 15min,"
                   " token_rotation: 4min, keys_max: 2, peers_max: 1, pending_max: 3,"
                   " source_rate: 10, source_burst: 20, global_rate: 30, global_burst: 40,"
                   " sources_max: 2, save_table: true}\n" TAIL);
    REQUIRE(plan != NULL);
    const struct weft_dht_config *dht = &plan->dht_of[0];
    CHECK_EQ_UINT(dht->k, 16);
    CHECK_EQ_UINT(dht->alpha, 4);
    CHECK_EQ_INT(dht->query_timeout, WEFT_S(3));
    CHECK_EQ_INT(dht->query_slow, WEFT_MS(1500));
    CHECK_EQ_INT(dht->verify_after, WEFT_S(2));
    CHECK_EQ_INT(dht->stale_after, WEFT_S(20));
    CHECK_EQ_INT(dht->forget_after, WEFT_S(50));
    CHECK_EQ_INT(dht->refresh_after, WEFT_MIN(10));
    CHECK_EQ_INT(dht->peer_lifetime, WEFT_MIN(20));
    CHECK_EQ_INT(dht->item_lifetime, WEFT_HOUR(1));
    CHECK_EQ_INT(dht->republish_after, WEFT_MIN(15));
    CHECK_EQ_INT(dht->token_rotation, WEFT_MIN(4));
    CHECK_EQ_UINT(dht->keys_max, 2);
    CHECK_EQ_UINT(dht->peers_max, 1);
    CHECK_EQ_UINT(dht->pending_max, 3);
    CHECK_EQ_UINT(dht->sources_max, 2);
    CHECK_EQ_UINT(dht->source_rate, 10);
    CHECK_EQ_UINT(dht->source_burst, 20);
    CHECK_EQ_UINT(dht->global_rate, 30);
    CHECK_EQ_UINT(dht->global_burst, 40);
    CHECK(!dht->read_only);
    CHECK(plan->save_table);
    sim_plan_free(plan);
}

/* --- groups --- */

static void nats_are_those_of_the_groups_that_say_so(void) {
    struct sim_plan *plan =
        parse(HEAD "groups:\n  open: {count: 100}\n  cone: {count: 7, nat: full_cone}\n"
                   "  more: {count: 3}\n  home: {count: 20, nat: {type: symmetric, nodes: 4, "
                   "lifetime: 30s, stream_lifetime: 5min, hairpin: true, bindings: 9}}\n" TAIL);
    REQUIRE(plan != NULL && plan->nats_count == 2);
    const struct sim_nat_range *cone = &plan->nats[0], *home = &plan->nats[1];
    CHECK_EQ_INT(cone->spec.type, SIM_NAT_FULL_CONE);
    CHECK_EQ_UINT(cone->first, 100);
    CHECK_EQ_UINT(cone->count, 7);
    CHECK_EQ_UINT(cone->nodes, 1);
    CHECK_EQ_INT(cone->spec.lifetime, WEFT_MIN(2));
    CHECK_EQ_INT(cone->spec.stream_lifetime, WEFT_MIN(124));
    CHECK_EQ_UINT(cone->spec.bindings_max, 4096);
    CHECK(!cone->spec.hairpin);
    CHECK_EQ_INT(home->spec.type, SIM_NAT_SYMMETRIC);
    CHECK_EQ_UINT(home->first, 110);
    CHECK_EQ_UINT(home->count, 20);
    CHECK_EQ_UINT(home->nodes, 4);
    CHECK_EQ_INT(home->spec.lifetime, WEFT_S(30));
    CHECK_EQ_INT(home->spec.stream_lifetime, WEFT_MIN(5));
    CHECK_EQ_UINT(home->spec.bindings_max, 9);
    CHECK(home->spec.hairpin);
    sim_plan_free(plan);
}

static void groups_follow_one_another_and_the_rest_comes_last(void) {
    struct sim_plan *plan = parse(
        HEAD "dht: {k: 4}\njoin: {over: 20s, seeds: 5}\n"
             "groups:\n  core: {count: 100}\n"
             "  leaf: {count: 0.55%, join: chain, dht: {read_only: true, alpha: 1}}\n"
             "  late: {count: 10, join: {from: random, contacts: 7, at: 30s, over: 5s}}\n" TAIL);
    REQUIRE(plan != NULL);
    REQUIRE(plan->groups_count == 4);
    const uint32_t first[] = {0, 100, 105, 115}, count[] = {100, 5, 10, 885};
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ_UINT(plan->groups[i].first, first[i]);
        CHECK_EQ_UINT(plan->groups[i].count, count[i]);
        CHECK_EQ_UINT(plan->dht_of[i].k, 4);
    }
    CHECK_EQ_TEXT(plan->groups[1].name, "leaf");
    CHECK_EQ_TEXT(plan->groups[3].name, "rest");
    CHECK_EQ_INT(plan->join_of[0].from, SIM_JOIN_SEEDS);
    CHECK_EQ_UINT(plan->join_of[0].seeds, 5);
    CHECK_EQ_UINT(plan->join_of[0].contacts, 3);
    CHECK_EQ_INT(plan->join_of[1].from, SIM_JOIN_CHAIN);
    CHECK_EQ_INT(plan->join_of[1].over, WEFT_S(20));
    CHECK_EQ_INT(plan->join_of[2].from, SIM_JOIN_RANDOM);
    CHECK_EQ_UINT(plan->join_of[2].contacts, 7);
    CHECK_EQ_INT(plan->join_of[2].at, WEFT_S(30));
    CHECK_EQ_INT(plan->join_of[2].over, WEFT_S(5));
    CHECK_EQ_INT(plan->join_of[3].over, WEFT_S(20));
    CHECK(plan->dht_of[1].read_only);
    CHECK_EQ_UINT(plan->dht_of[1].alpha, 1);
    CHECK(!plan->dht_of[3].read_only);
    CHECK_EQ_UINT(plan->dht_of[3].alpha, 3);
    sim_plan_free(plan);
}

static void a_share_of_a_small_population_is_at_least_one_node(void) {
    const char *set = "population=10";
    struct sim_plan_sets sets = {.sets = &set, .count = 1};
    struct sim_plan *plan = parse_with(HEAD "groups: {leaf: {count: 5%}}\n" TAIL, &sets);
    REQUIRE(plan != NULL);
    CHECK_EQ_UINT(plan->population, 10);
    CHECK_EQ_UINT(plan->groups[0].count, 1);
    CHECK_EQ_UINT(plan->groups[1].count, 9);
    sim_plan_free(plan);
}

/* --- network --- */

static void a_chain_is_delay_loss_duplicate_reorder(void) {
    struct sim_plan *plan = parse(
        HEAD "network:\n  delay: {lognormal: {median: 40ms, sigma: 0.5}}\n  loss: 0.1%\n"
             "  duplicate: 2.5%\n  reorder: {share: 0.0001%, by: {uniform: [5ms, 9ms]}}\n" TAIL);
    REQUIRE(plan != NULL);
    const struct sim_chain *chain = &plan->net.rules[0].chain;
    REQUIRE(chain->count == 4);
    CHECK_EQ_INT(chain->elements[0].kind, SIM_ELEMENT_DELAY);
    CHECK_EQ_INT(chain->elements[0].delay.kind, SIM_DELAY_LOGNORMAL);
    CHECK_EQ_INT(chain->elements[0].delay.a, WEFT_MS(40));
    CHECK_EQ_UINT(chain->elements[0].delay.sigma_milli, 500);
    CHECK_EQ_INT(chain->elements[1].kind, SIM_ELEMENT_LOSS);
    CHECK_EQ_UINT(chain->elements[1].ppm, 1000);
    CHECK_EQ_INT(chain->elements[2].kind, SIM_ELEMENT_DUPLICATE);
    CHECK_EQ_UINT(chain->elements[2].ppm, 25000);
    CHECK_EQ_INT(chain->elements[2].delay.kind, SIM_DELAY_UNIFORM);
    CHECK_EQ_INT(chain->elements[2].delay.a, WEFT_MS(1));
    CHECK_EQ_INT(chain->elements[2].delay.b, WEFT_MS(20));
    CHECK_EQ_INT(chain->elements[3].kind, SIM_ELEMENT_REORDER);
    CHECK_EQ_UINT(chain->elements[3].ppm, 1);
    CHECK_EQ_INT(chain->elements[3].delay.a, WEFT_MS(5));
    CHECK_EQ_INT(chain->elements[3].delay.b, WEFT_MS(9));
    sim_plan_free(plan);
}

static void a_link_has_from_the_default_what_it_does_not_say(void) {
    struct sim_plan *plan =
        parse(HEAD "groups: {core: {count: 10}, leaf: {count: 20}}\n"
                   "network:\n  delay: 30ms\n  loss: 1%\n  links:\n"
                   "    - {from: leaf, to: any, delay: 200ms}\n"
                   "    - {from: leaf, to: core, loss: 0%, both_ways: true}\n"
                   "    - {from: core, to: core, both_ways: true, reorder: 1%}\n" TAIL);
    REQUIRE(plan != NULL);
    REQUIRE(plan->net.rules_count == 5);
    const struct sim_rule *rules = plan->net.rules;
    const uint32_t from[] = {SIM_GROUP_ANY, 1, 1, 0, 0},
                   to[] = {SIM_GROUP_ANY, SIM_GROUP_ANY, 0, 1, 0};
    const weft_duration delay[] = {WEFT_MS(30), WEFT_MS(200), WEFT_MS(30), WEFT_MS(30),
                                   WEFT_MS(30)};
    const uint32_t elements[] = {2, 2, 1, 1, 3};
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ_UINT(rules[i].from_group, from[i]);
        CHECK_EQ_UINT(rules[i].to_group, to[i]);
        CHECK_EQ_INT(rules[i].chain.elements[0].delay.a, delay[i]);
        CHECK_EQ_UINT(rules[i].chain.count, elements[i]);
    }
    CHECK_EQ_UINT(rules[1].chain.elements[1].ppm, 10000);
    sim_plan_free(plan);
}

static void check_claim(const struct sim_plan *plan, uint32_t index, const char *name,
                        uint32_t fault) {
    REQUIRE(index < plan->claims_count);
    CHECK_EQ_TEXT(plan->claims[index].name, name);
    CHECK_EQ_UINT(plan->claims[index].fault, fault);
}

/* What a link has from the default counts for the default, both ways for the link. */
static void what_a_network_says_has_to_show(void) {
    struct sim_plan *plan = parse(
        HEAD
        "groups: {core: {count: 10}, leaf: {count: 20, nat: full_cone}}\n"
        "clocks: {drift: 5ppm, offset: 0s}\n"
        "network:\n  delay: 30ms\n  loss: 1%\n  corrupt: 0%\n  mtu: 65535\n  links:\n"
        "    - {from: leaf, to: core, loss: 0%, both_ways: true, delay: 9ms, mtu: 900}\n" TAIL);
    REQUIRE(plan != NULL);
    REQUIRE(plan->claims_count == 4 && plan->net.claims_count == 4);
    check_claim(plan, 0, "clocks.drift", 0);
    check_claim(plan, 1, "groups.leaf.nat", 0);
    check_claim(plan, 2, "network.loss", 0);
    check_claim(plan, 3, "network.links.0.mtu", 0);
    CHECK_EQ_INT(plan->claims[0].kind, SIM_CLAIM_DRIFT);
    const struct sim_rule *rules = plan->net.rules;
    REQUIRE(plan->net.rules_count == 3 && rules[0].chain.count == 3);
    CHECK_EQ_UINT(rules[0].chain.elements[0].claim, 0); /* no datagram is larger */
    CHECK_EQ_UINT(rules[0].chain.elements[1].claim, 0); /* plain delay */
    CHECK_EQ_UINT(rules[0].chain.elements[2].claim, 3);
    for (uint32_t i = 1; i < 3; i++) CHECK_EQ_UINT(rules[i].chain.elements[0].claim, 4);
    sim_plan_free(plan);
}

static void each_part_of_a_degrade_and_of_its_steps_has_to_show(void) {
    struct sim_plan *plan =
        parse(HEAD "faults:\n"
                   "  - crash: {at: 1s, nodes: 1, unsynced: torn}\n"
                   "  - crash: {at: 1s, nodes: 1, unsynced: drawn}\n"
                   "  - degrade: {at: 2s, corrupt: 0%, loss: 1%, delay: 5ms, schedule: [\n"
                   "      {after: 1s, loss: 2%, mtu: 300},\n"
                   "      {after: 2s, loss: 0%, delay: 0ms, mtu: 65535, burst: {good: 1s, bad: 1s,"
                   " loss: 0%}}]}\n" TAIL);
    const char *const names[] = {"unsynced",        "delay",           "loss",
                                 "corrupt",         "schedule.0.loss", "schedule.0.mtu",
                                 "schedule.1.burst"};
    REQUIRE(plan != NULL);
    CHECK_EQ_UINT(plan->claims_count, 7);
    for (uint32_t i = 0; i < 7; i++) check_claim(plan, i, names[i], i == 0 ? 1 : 3);
    CHECK_EQ_UINT(plan->claims[4].line, plan->claims[1].line + 1);
    const struct sim_fault_spec *spec = &plan->faults[2];
    CHECK_EQ_UINT(spec->chain.elements[0].claim, 2);
    CHECK_EQ_UINT(spec->steps[0].chain.elements[1].claim, 2); /* the delay goes on */
    sim_plan_free(plan);
}

static void a_region_matrix_is_halved_to_one_way(void) {
    struct sim_plan *plan = parse(HEAD "network: {delay: {regions: regions/ibm-cloud-2024.csv,"
                                       " within: 3ms, sigma: 0.125}}\n" TAIL);
    REQUIRE(plan != NULL);
    const struct sim_regions *regions = plan->net.regions;
    REQUIRE(regions != NULL);
    const struct sim_delay *delay = &plan->net.rules[0].chain.elements[0].delay;
    CHECK_EQ_INT(delay->kind, SIM_DELAY_REGIONS);
    CHECK(delay->regions == regions);
    CHECK_EQ_INT(delay->a, WEFT_MS(3));
    CHECK_EQ_UINT(delay->sigma_milli, 125);
    REQUIRE(regions->count == 10);
    CHECK_EQ_TEXT(regions->name[0], "Dallas");
    CHECK_EQ_TEXT(regions->name[9], "SaoPaulo");
    CHECK_EQ_INT(regions->delay[0][1], WEFT_MS(17));
    CHECK_EQ_INT(regions->delay[0][2], WEFT_US(15500));
    CHECK_EQ_INT(regions->delay[6][1], WEFT_US(85500)); /* not the same as the other way */
    CHECK_EQ_INT(regions->delay[1][6], WEFT_US(84500));
    CHECK_EQ_INT(regions->delay[9][8], WEFT_US(143500));
    for (uint32_t i = 0; i < 10; i++) CHECK_EQ_INT(regions->delay[i][i], WEFT_MS(3));
    sim_plan_free(plan);
}

static void groups_stand_in_regions_and_shares_spread_the_others(void) {
    struct sim_plan *plan =
        parse(HEAD "groups: {eu: {count: 30%, region: Frankfurt}, any-where: {count: 5}}\n"
                   "network: {delay: {regions: regions/ibm-cloud-2024.csv, sigma: 0.2, per: pair,\n"
                   "  shares: {Dallas: 75%, SaoPaulo: 25%}}, delay_jitter: 2ms}\n"
                   "domains: {racks: 3}\n"
                   "faults:\n"
                   "  - outage: {at: 20s, for: 5s, domain: region, name: SaoPaulo}\n"
                   "  - outage: {at: 30s, for: 5s, domain: rack, number: 29}\n" TAIL);
    REQUIRE(plan != NULL && plan->net.regions != NULL);
    CHECK(plan->net.region_of_group == plan->region_of);
    CHECK_EQ_TEXT(plan->net.regions->name[plan->region_of[0]], "Frankfurt");
    CHECK_EQ_UINT(plan->region_of[1], SIM_REGION_DRAWN);
    CHECK_EQ_UINT(plan->region_of[2], SIM_REGION_DRAWN);
    CHECK_EQ_UINT(plan->net.regions->share_ppm[0], 750000);
    CHECK_EQ_UINT(plan->net.regions->share_ppm[1], 0);
    CHECK_EQ_UINT(plan->net.regions->share_ppm[9], 250000);
    const struct sim_element *elements = plan->net.rules[0].chain.elements;
    CHECK_EQ_UINT(elements[0].delay.pair, 1);
    CHECK_EQ_UINT(elements[1].delay.pair, 0);
    CHECK_EQ_UINT(plan->domains.regions, 0); /* the network's */
    CHECK(plan->faults[0].is_named && plan->faults[0].is_number);
    CHECK_EQ_UINT(plan->faults[0].domain, 9);
    CHECK_EQ_UINT(plan->faults[1].domain, 29);
    sim_plan_free(plan);
}

/* --- workload --- */

static void workloads_are_read(void) {
    struct sim_plan *plan =
        parse(HEAD "workload:\n"
                   "  - put: {every: 200ms, from: 15s, until: 90s, times: 7, burst: 3,\n"
                   "          jitter: 50ms, nodes: 5, size: 992, repeat: true}\n"
                   "  - get: {every: 100ms}\n"
                   "  - lookup: {at: 25s}\n" TAIL);
    REQUIRE(plan != NULL);
    REQUIRE(plan->works_count == 3);
    const struct sim_work_spec *put = &plan->works[0], *get = &plan->works[1];
    CHECK_EQ_INT(put->kind, SIM_WORK_PUT);
    CHECK_EQ_UINT(put->line, 5);
    CHECK_EQ_INT(put->at, WEFT_S(15));
    CHECK_EQ_INT(put->every, WEFT_MS(200));
    CHECK_EQ_INT(put->until, WEFT_S(90));
    CHECK_EQ_UINT(put->times, 7);
    CHECK_EQ_UINT(put->burst, 3);
    CHECK_EQ_INT(put->jitter, WEFT_MS(50));
    CHECK_EQ_UINT(put->nodes.count, 5);
    CHECK_EQ_UINT(put->size, 992);
    CHECK(put->repeat);
    CHECK_EQ_INT(get->kind, SIM_WORK_GET);
    CHECK_EQ_UINT(get->line, 7);
    CHECK_EQ_INT(get->at, WEFT_S(10)); /* when the last node has joined */
    CHECK_EQ_INT(get->until, WEFT_S(120));
    CHECK_EQ_UINT(get->times, 0);
    CHECK_EQ_UINT(get->burst, 1);
    CHECK_EQ_INT(get->nodes.kind, SIM_SET_ALL);
    CHECK_EQ_INT(plan->works[2].kind, SIM_WORK_LOOKUP);
    CHECK_EQ_INT(plan->works[2].at, WEFT_S(25));
    CHECK_EQ_INT(plan->works[2].every, 0);
    sim_plan_free(plan);
}

/* --- faults --- */

static void a_partition_is_read(void) {
    struct sim_plan *plan =
        parse(HEAD "groups: {leaf: {count: 5}}\nfaults:\n"
                   "  - partition: {at: 30s, for: 10s, sides: [12.5%, 37.5%, 50%]}\n"
                   "  - partition: {at: 50s, sides: [rest, leaf], one_way: true}\n" TAIL);
    REQUIRE(plan != NULL);
    REQUIRE(plan->faults_count == 2);
    const struct sim_fault_spec *a = &plan->faults[0], *b = &plan->faults[1];
    CHECK_EQ_INT(a->kind, SIM_FAULT_PARTITION);
    CHECK_EQ_UINT(a->line, 6);
    CHECK_EQ_INT(a->at, WEFT_S(30));
    CHECK_EQ_INT(a->lasts, WEFT_S(10));
    CHECK_EQ_INT(a->until, WEFT_TIME_NEVER);
    CHECK_EQ_UINT(a->sides_count, 3);
    CHECK_EQ_UINT(a->sides[0].ppm, 125000);
    CHECK_EQ_UINT(a->sides[1].ppm, 375000);
    CHECK_EQ_UINT(a->sides[2].ppm, 500000);
    CHECK(!a->one_way);
    CHECK_EQ_INT(b->lasts, 0);
    CHECK_EQ_UINT(b->sides_count, 2);
    CHECK(b->sides[0].is_group);
    CHECK_EQ_UINT(b->sides[0].group, 1);
    CHECK_EQ_UINT(b->sides[1].group, 0);
    CHECK(b->one_way);
    sim_plan_free(plan);
}

/* In the order in which a packet meets them, whatever that of the file. */
static void every_part_of_a_link_is_read(void) {
    struct sim_plan *plan = parse(
        HEAD
        "network:\n  reorder: 1%\n  corrupt: {share: 2%, bits: 8}\n"
        "  burst: {good: 30s, bad: 500ms, loss: 90%}\n  delay_jitter: 5ms\n"
        "  delay: {exponential: {mean: 20ms, least: 5ms}}\n  mtu: 1400\n"
        "  rate: {speed: 1.5Mbit, queue: 64KB, of: uplink}\n  links:\n"
        "    - {from: any, to: any, rate: 2MB, delay: {pareto: {least: 9ms, shape: 1.5}}}\n" TAIL);
    REQUIRE(plan != NULL);
    const struct sim_element *e = plan->net.rules[0].chain.elements;
    const enum sim_element_kind kinds[] = {
        SIM_ELEMENT_MTU,   SIM_ELEMENT_RATE,    SIM_ELEMENT_DELAY,  SIM_ELEMENT_DELAY,
        SIM_ELEMENT_BURST, SIM_ELEMENT_CORRUPT, SIM_ELEMENT_REORDER};
    REQUIRE(plan->net.rules[0].chain.count == 7);
    for (int i = 0; i < 7; i++) CHECK_EQ_INT(e[i].kind, kinds[i]);
    CHECK_EQ_UINT(e[0].mtu, 1400);
    CHECK_EQ_UINT(e[1].rate.bytes, 187500);
    CHECK_EQ_UINT(e[1].rate.queue, 64000);
    CHECK_EQ_INT(e[1].rate.of, SIM_RATE_UPLINK);
    CHECK_EQ_UINT(e[1].rate.id, 0);
    CHECK_EQ_INT(e[2].delay.kind, SIM_DELAY_EXPONENTIAL);
    CHECK_EQ_INT(e[2].delay.a, WEFT_MS(15));
    CHECK_EQ_INT(e[2].delay.b, WEFT_MS(5));
    CHECK_EQ_INT(e[3].delay.kind, SIM_DELAY_UNIFORM);
    CHECK_EQ_INT(e[3].delay.b, WEFT_MS(5));
    CHECK_EQ_INT(e[4].burst.good, WEFT_S(30));
    CHECK_EQ_INT(e[4].burst.bad, WEFT_MS(500));
    CHECK_EQ_UINT(e[4].ppm, 900000);
    CHECK_EQ_UINT(e[5].ppm, 20000);
    CHECK_EQ_UINT(e[5].bits, 8);
    e = plan->net.rules[1].chain.elements; /* the rest is the network's */
    REQUIRE(plan->net.rules[1].chain.count == 7);
    CHECK_EQ_UINT(e[0].mtu, 1400);
    CHECK_EQ_UINT(e[1].rate.bytes, 2000000);
    CHECK_EQ_UINT(e[1].rate.queue, 128000);
    CHECK_EQ_INT(e[1].rate.of, SIM_RATE_LINK);
    CHECK_EQ_UINT(e[1].rate.id, 1); /* a queue of its own */
    CHECK_EQ_UINT(e[2].delay.shape_milli, 1500);
    CHECK_EQ_INT(sim_net_least(&plan->net), WEFT_MS(5));
    sim_plan_free(plan);
}

static void shapes_clogs_filters_and_schedules_are_read(void) {
    struct sim_plan *plan =
        parse(HEAD "groups: {leaf: {count: 5}}\nfaults:\n"
                   "  - partition: {at: 5s, shape: ring, reach: 2, nodes: leaf}\n"
                   "  - partition: {at: 5s, shape: bridge, through: [7], flap: {on: 1s, off: 2s}}\n"
                   "  - partition: {at: 5s, shape: partial}\n"
                   "  - degrade: {at: 5s, from: leaf, loss: 1%, delay: 9ms,"
                   " schedule: [{after: 1s, loss: 2%}, {after: 2s, delay: 0s}]}\n"
                   "  - clog: {at: 5s, for: 2s, to: leaf}\n"
                   "  - filter: {at: 5s, kinds: [reply, put], loss: 7%, nodes: 3}\n" TAIL);
    REQUIRE(plan != NULL);
    REQUIRE(plan->faults_count == 6);
    const struct sim_fault_spec *f = plan->faults;
    CHECK_EQ_INT(f[0].shape, SIM_SHAPE_RING);
    CHECK_EQ_UINT(f[0].reach, 2);
    CHECK_EQ_INT(f[0].nodes.kind, SIM_SET_GROUP);
    CHECK_EQ_INT(f[1].shape, SIM_SHAPE_BRIDGE);
    CHECK_EQ_UINT(f[1].sides[1].ppm, 500000);
    CHECK_EQ_UINT(f[1].through.ranges[0].first, 7);
    CHECK_EQ_INT(f[1].flap_off.a, WEFT_S(2));
    CHECK_EQ_UINT(f[2].sides[0].ppm, 333333);
    CHECK(f[3].directed);
    CHECK_EQ_INT(f[3].nodes.kind, SIM_SET_GROUP);
    CHECK_EQ_INT(f[3].to.kind, SIM_SET_ALL);
    REQUIRE(f[3].steps_count == 2);
    CHECK_EQ_UINT(f[3].chain.elements[1].ppm, 10000);
    CHECK_EQ_INT(f[3].steps[0].chain.elements[0].delay.a, WEFT_MS(9));
    CHECK_EQ_UINT(f[3].steps[0].chain.elements[1].ppm, 20000);
    CHECK_EQ_INT(f[3].steps[1].after, WEFT_S(2));
    CHECK_EQ_INT(f[3].steps[1].chain.elements[0].delay.a, 0);
    CHECK_EQ_UINT(f[3].steps[1].chain.elements[1].ppm, 20000);
    CHECK(f[4].directed);
    CHECK_EQ_INT(f[4].nodes.kind, SIM_SET_ALL);
    CHECK_EQ_INT(f[4].to.kind, SIM_SET_GROUP);
    CHECK(!f[5].directed);
    CHECK_EQ_UINT(f[5].chain.elements[0].kinds, 1u << SIM_PACKET_REPLY | 1u << SIM_PACKET_PUT);
    CHECK_EQ_UINT(f[5].chain.elements[0].ppm, 70000);
    sim_plan_free(plan);
}

static void faults_that_come_again_are_read(void) {
    struct sim_plan *plan = parse(
        HEAD "faults:\n"
             "  - crash: {at: 40s, every: 1s, until: 60s, jitter: 100ms, nodes: 2, for: 10s}\n"
             "  - kill: {at: 10s, every: 2s, times: 4, rolling: true, nodes: [3, 5-10]}\n"
             "  - stop: {at: 5s, nodes: 1%}\n"
             "  - restart: {at: 50s}\n"
             "  - pause: {at: 1s, nodes: all, for: 5s}\n"
             "  - isolate: {at: 1s, nodes: {of: [0-9], pick: 50%}, for: 5s}\n"
             "  - poison: {at: 70s, process: dht, nodes: {group: rest, pick: 3}}\n"
             "  - poison: {at: 70s, process: dht, fault: stack, nodes: 1}\n"
             "  - hang: {at: 70s, process: control, for: 2s, nodes: 1}\n" TAIL);
    REQUIRE(plan != NULL);
    REQUIRE(plan->faults_count == 9);
    const struct sim_fault_spec *faults = plan->faults;
    CHECK_EQ_INT(faults[0].kind, SIM_FAULT_CRASH);
    CHECK_EQ_INT(faults[0].every, WEFT_S(1));
    CHECK_EQ_INT(faults[0].until, WEFT_S(60));
    CHECK_EQ_INT(faults[0].jitter, WEFT_MS(100));
    CHECK_EQ_INT(faults[0].lasts, WEFT_S(10));
    CHECK_EQ_INT(faults[0].nodes.kind, SIM_SET_ALL);
    CHECK_EQ_UINT(faults[0].nodes.count, 2);
    CHECK(!faults[0].each_in_turn);
    CHECK_EQ_INT(faults[1].kind, SIM_FAULT_KILL);
    CHECK_EQ_INT(faults[1].until, WEFT_S(16)); /* the fourth time */
    CHECK(faults[1].each_in_turn);
    CHECK_EQ_INT(faults[1].nodes.kind, SIM_SET_RANGES);
    CHECK_EQ_UINT(faults[1].nodes.ranges_count, 2);
    CHECK_EQ_UINT(faults[1].nodes.ranges[0].first, 3);
    CHECK_EQ_UINT(faults[1].nodes.ranges[0].last, 3);
    CHECK_EQ_UINT(faults[1].nodes.ranges[1].first, 5);
    CHECK_EQ_UINT(faults[1].nodes.ranges[1].last, 10);
    CHECK_EQ_INT(faults[2].kind, SIM_FAULT_STOP);
    CHECK_EQ_UINT(faults[2].nodes.ppm, 10000);
    CHECK_EQ_INT(faults[3].kind, SIM_FAULT_RESTART);
    CHECK_EQ_INT(faults[3].nodes.kind, SIM_SET_ALL);
    CHECK_EQ_INT(faults[4].kind, SIM_FAULT_PAUSE);
    CHECK_EQ_INT(faults[5].kind, SIM_FAULT_ISOLATE);
    CHECK_EQ_INT(faults[5].nodes.kind, SIM_SET_RANGES);
    CHECK_EQ_UINT(faults[5].nodes.ppm, 500000);
    CHECK_EQ_INT(faults[6].kind, SIM_FAULT_POISON);
    CHECK_EQ_TEXT(faults[6].process, "dht");
    CHECK_EQ_INT(faults[6].nodes.kind, SIM_SET_GROUP);
    CHECK_EQ_UINT(faults[6].nodes.group, 0);
    CHECK_EQ_UINT(faults[6].nodes.count, 3);
    CHECK_EQ_INT(faults[7].fault, WEFT_FAULT_STACK);
    CHECK_EQ_INT(faults[8].kind, SIM_FAULT_HANG);
    CHECK_EQ_INT(faults[8].lasts, WEFT_S(2));
    CHECK_EQ_TEXT(faults[8].process, "control");
    sim_plan_free(plan);
}

static void churn_and_degrade_are_read(void) {
    struct sim_plan *plan =
        parse(HEAD "faults:\n  - churn:\n      at: 10s\n      for: 60s\n      nodes: rest\n"
                   "      session: {lognormal: {median: 1min, sigma: 1}}\n"
                   "      downtime: {uniform: [5s, 20s]}\n      exit: stop\n"
                   "  - degrade: {at: 5s, for: 9s, delay: 250ms, loss: 25%, duplicate: 1%}\n" TAIL);
    REQUIRE(plan != NULL);
    REQUIRE(plan->faults_count == 2);
    const struct sim_fault_spec *churn = &plan->faults[0], *degrade = &plan->faults[1];
    CHECK_EQ_INT(churn->kind, SIM_FAULT_CHURN);
    CHECK_EQ_INT(churn->lasts, WEFT_S(60));
    CHECK_EQ_INT(churn->session.kind, SIM_DELAY_LOGNORMAL);
    CHECK_EQ_INT(churn->session.a, WEFT_MIN(1));
    CHECK_EQ_UINT(churn->session.sigma_milli, 1000);
    CHECK_EQ_INT(churn->downtime.kind, SIM_DELAY_UNIFORM);
    CHECK_EQ_INT(churn->downtime.b, WEFT_S(20));
    CHECK_EQ_INT(churn->exit, SIM_CHURN_STOP);
    CHECK_EQ_INT(degrade->kind, SIM_FAULT_DEGRADE);
    CHECK_EQ_INT(degrade->nodes.kind, SIM_SET_ALL);
    CHECK_EQ_UINT(degrade->chain.count, 3);
    CHECK_EQ_INT(degrade->chain.elements[0].delay.a, WEFT_MS(250));
    CHECK_EQ_UINT(degrade->chain.elements[1].ppm, 250000);
    CHECK_EQ_UINT(degrade->chain.elements[2].ppm, 10000);
    sim_plan_free(plan);
}

/* --- checks --- */

static void checks_are_words_or_have_keys(void) {
    struct sim_plan *plan = parse(HEAD "workload:\n  - put: {every: 1s}\n  - get: {every: 1s}\n"
                                       "checks:\n  - stored_found: {within: 20s, at_least: 99.5%}\n"
                                       "  - no_leak\n  - tables\n");
    REQUIRE(plan != NULL);
    REQUIRE(plan->checks_count == 3);
    CHECK_EQ_INT(plan->checks[0].kind, SIM_CHECK_STORED_FOUND);
    CHECK_EQ_UINT(plan->checks[0].line, 8);
    CHECK_EQ_INT(plan->checks[0].within, WEFT_S(20));
    CHECK_EQ_UINT(plan->checks[0].at_least_ppm, 995000);
    CHECK_EQ_INT(plan->checks[1].kind, SIM_CHECK_NO_LEAK);
    CHECK_EQ_INT(plan->checks[2].kind, SIM_CHECK_TABLES);
    CHECK_EQ_INT(plan->checks[2].within, 0);
    CHECK_EQ_UINT(plan->checks[2].at_least_ppm, 0);
    sim_plan_free(plan);
}

/* --- overrides --- */

static void an_option_replaces_puts_in_and_reaches_into_lists(void) {
    const char *options[] = {"population=500",
                             "seed=7",
                             "network.loss=2%",
                             "faults.0.crash.at=5s",
                             "faults.0.crash.nodes=[1, 4-5]",
                             "join={from: random, contacts: 2}",
                             "faults.0.crash.at=6s"};
    struct sim_plan_sets sets = {.sets = options, .count = sizeof options / sizeof options[0]};
    struct sim_plan *plan =
        parse_with(HEAD "faults:\n  - crash: {at: 300s, nodes: 1}\n" TAIL, &sets);
    REQUIRE(plan != NULL);
    CHECK_EQ_UINT(plan->population, 500);
    CHECK_EQ_UINT(plan->seed, 7);
    CHECK_EQ_UINT(plan->net.rules[0].chain.elements[1].ppm, 20000);
    CHECK_EQ_INT(plan->faults[0].at, WEFT_S(6)); /* the last one counts */
    CHECK_EQ_UINT(plan->faults[0].nodes.ranges_count, 2);
    CHECK_EQ_INT(plan->join_of[0].from, SIM_JOIN_RANDOM);
    sim_plan_free(plan);
}

static uint64_t digest(const char *text, const char *set) {
    struct sim_plan_sets sets = {.sets = &set, .count = set != NULL};
    struct sim_plan *plan = parse_with(text, &sets);
    uint64_t digest = plan != NULL ? plan->digest : 0;
    sim_plan_free(plan);
    return digest;
}

static void the_digest_is_of_every_byte_and_option(void) {
    uint64_t plain = digest(HEAD TAIL, NULL);
    CHECK_EQ_UINT(plain, digest(HEAD TAIL, NULL));
    CHECK(plain != digest(HEAD TAIL "# a comment\n", NULL));
    CHECK(plain != digest(HEAD TAIL, "seed=2"));
    CHECK(digest(HEAD TAIL, "seed=2") != digest(HEAD TAIL, "seed=3"));
}

/* --- the scenarios that are shipped --- */

static void check_shipped(const char *folder, const char *name) {
    char path[1024], stem[128];
    int mistakes = 0;
    struct sim_plan_report report = {.mistake = on_mistake, .ctx = &mistakes};
    struct sim_plan *plan = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(stem, sizeof stem, "%.*s", (int)(strlen(name) - 5), name);
    CHECK_EQ_INT(sim_plan_read(path, NULL, &report, &plan), WEFT_OK);
    if (plan == NULL) return;
    CHECK_EQ_TEXT(plan->name, stem);
    CHECK_EQ_TEXT(plan->file, path);
    CHECK(plan->about != NULL);
    sim_plan_free(plan);
    char first[64] = "";
    FILE *file = fopen(path, "rb");
    if (file != NULL && fgets(first, sizeof first, file) == NULL) first[0] = '\0';
    if (file != NULL) fclose(file);
    CHECK(strncmp(first, "# Feared: ", 10) == 0);
}

static void every_shipped_scenario_is_right_and_says_what_is_feared(void) {
    char folder[512];
    int count = 0;
    snprintf(folder, sizeof folder, "%s/scenarios", test_source_folder());
    DIR *dir = opendir(folder);
    REQUIRE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t size = strlen(entry->d_name);
        if (size < 6 || size > 100 || strcmp(entry->d_name + size - 5, ".yaml") != 0) continue;
        check_shipped(folder, entry->d_name);
        count++;
    }
    closedir(dir);
    CHECK(count >= 8);
}

TEST_MAIN("scenario/plan", TEST(what_is_not_said_has_its_default), TEST(the_head_of_a_file_is_read),
          TEST(a_dht_can_be_switched_off), TEST(a_quota_of_memory_is_read_and_a_group_has_its_own),
          TEST(schedulers_and_dist_are_read_and_a_group_changes_what_it_names),
          TEST(nodes_have_one_scheduler_and_are_alone_unless_said_otherwise),
          TEST(every_key_of_the_dht_is_read),
          TEST(groups_follow_one_another_and_the_rest_comes_last),
          TEST(a_share_of_a_small_population_is_at_least_one_node),
          TEST(a_chain_is_delay_loss_duplicate_reorder),
          TEST(a_link_has_from_the_default_what_it_does_not_say),
          TEST(what_a_network_says_has_to_show),
          TEST(each_part_of_a_degrade_and_of_its_steps_has_to_show),
          TEST(a_region_matrix_is_halved_to_one_way),
          TEST(groups_stand_in_regions_and_shares_spread_the_others), TEST(workloads_are_read),
          TEST(a_partition_is_read), TEST(every_part_of_a_link_is_read),
          TEST(shapes_clogs_filters_and_schedules_are_read), TEST(faults_that_come_again_are_read),
          TEST(churn_and_degrade_are_read), TEST(checks_are_words_or_have_keys),
          TEST(an_option_replaces_puts_in_and_reaches_into_lists),
          TEST(the_digest_is_of_every_byte_and_option),
          TEST(every_shipped_scenario_is_right_and_says_what_is_feared),
          TEST(nats_are_those_of_the_groups_that_say_so))
