/* Racks, sites and regions: who is where, and that they fail together. */
#include "sim/fault/domains.h"

#include "sim/fault/fault.h"
#include "tests/unit/sim/small.h"

#define NONE WEFT_TRACE_NODE_NONE

static const struct sim_group groups[] = {{"rest", 0, SMALL_NODES}};
static const struct sim_domains four = {.regions = 2, .sites = 1, .racks = 2};

static void check_racks(const struct small *small, const struct sim_domains *domains,
                        const char *racks) {
    uint32_t rack[SMALL_NODES], site[SMALL_NODES], region[SMALL_NODES];
    sim_domains_place(domains, SIM_DOMAIN_RACK, small->world, rack);
    sim_domains_place(domains, SIM_DOMAIN_SITE, small->world, site);
    sim_domains_place(domains, SIM_DOMAIN_REGION, small->world, region);
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        CHECK_EQ_UINT(rack[i], (uint32_t)(racks[i] - '0'));
        CHECK_EQ_UINT(site[i], rack[i] / 2);
        CHECK_EQ_UINT(region[i], rack[i] / 2);
    }
}

static void nodes_fill_one_rack_after_the_other_or_go_round(void) {
    struct small *small = small_open(3);
    struct sim_domains domains = four;
    REQUIRE(SMALL_NODES == 8);
    check_racks(small, &domains, "00112233");
    domains.assign = SIM_ASSIGN_ROUND;
    check_racks(small, &domains, "01230123");
    CHECK_EQ_UINT(sim_domains_count(&domains, SIM_DOMAIN_REGION, small->world), 2);
    CHECK_EQ_UINT(sim_domains_count(&domains, SIM_DOMAIN_RACK, small->world), 4);
    small_close(small);
}

static void drawn_racks_are_those_of_the_seed(void) {
    struct sim_domains domains = four;
    uint32_t first[SMALL_NODES], racks[SMALL_NODES], differ = 0;
    domains.assign = SIM_ASSIGN_DRAWN;
    for (uint64_t seed = 3; seed < 6; seed++) {
        struct small *small = small_open(seed == 4 ? 3 : seed);
        sim_domains_place(&domains, SIM_DOMAIN_RACK, small->world, racks);
        for (uint32_t i = 0; i < SMALL_NODES; i++) {
            uint32_t rack = racks[i];
            CHECK(rack < 4);
            if (seed == 3) first[i] = rack;
            if (seed == 4) CHECK_EQ_UINT(rack, first[i]);
            if (seed == 5) differ += rack != first[i];
        }
        small_close(small);
    }
    CHECK(differ > 0);
}

static const struct weft_node_config *nobody(void *ctx, uint32_t node, uint32_t life) {
    (void)ctx;
    (void)node;
    (void)life;
    return NULL; /* nothing boots */
}

/* Where nodes are in regions already, sites and racks divide each of these, however its nodes lie
 * among all. */
static void racks_divide_the_regions_of_the_network(void) {
    static struct sim_regions regions = {.count = 2, .name = {"Dallas", "Oslo"}};
    static const uint8_t of_group[] = {1, 0};
    static const uint32_t group_of[] = {0, 1, 0, 1, 1, 0, 1, 1}; /* 0, 2, 5 in Oslo */
    struct sim_net_spec net = {.rules_count = 1, .regions = &regions, .region_of_group = of_group};
    struct sim_world_config config = {
        .seed = 3, .nodes = SMALL_NODES, .net = &net, .group_of = group_of, .config_of = nobody};
    struct small small = {.world = sim_world_new(&config)};
    REQUIRE(small.world != NULL);
    struct sim_domains domains = {.sites = 1, .racks = 2};
    check_racks(&small, &domains, "20200311");
    domains.assign = SIM_ASSIGN_ROUND;
    check_racks(&small, &domains, "20310210");
    CHECK_EQ_UINT(sim_domains_count(&domains, SIM_DOMAIN_REGION, small.world), 2);
    CHECK_EQ_UINT(sim_domains_count(&domains, SIM_DOMAIN_SITE, small.world), 2);
    CHECK_EQ_UINT(sim_domains_count(&domains, SIM_DOMAIN_RACK, small.world), 4);
    sim_world_free(small.world);
}

static struct sim_fault_spec outage(enum sim_domain_level level, enum sim_outage_how how) {
    return (struct sim_fault_spec){.kind = SIM_FAULT_OUTAGE,
                                   .at = WEFT_S(1),
                                   .lasts = WEFT_S(2),
                                   .until = WEFT_TIME_NEVER,
                                   .domains = four,
                                   .level = level,
                                   .how = how};
}

static struct small *open_world(void) {
    struct small *small = small_open(3);
    for (uint32_t i = 0; i < SMALL_NODES; i++)
        small->arg[i] = (struct small_arg){SMALL_PING, WEFT_MS(100), (i + 1) % SMALL_NODES, false};
    small_boot_all(small);
    return small;
}

static void all_of_a_region_goes_down_and_comes_back(void) {
    struct small *small = open_world();
    struct sim_fault_spec spec = outage(SIM_DOMAIN_REGION, SIM_OUTAGE_CRASH);
    spec.is_number = true;
    spec.domain = 1;
    struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
    small_run(small, WEFT_S(2));
    for (uint32_t i = 0; i < SMALL_NODES; i++)
        CHECK_EQ_INT(sim_world_state(small->world, i), i < 4 ? SIM_NODE_UP : SIM_NODE_DOWN);
    CHECK_EQ_TEXT(small_find(small, NONE, WEFT_TRACE_FAULT_ON, 0)->text,
                  "outage of region 1: 4 nodes");
    small_run(small, WEFT_S(4));
    for (uint32_t i = 4; i < SMALL_NODES; i++)
        CHECK_EQ_INT(small_find(small, i, WEFT_TRACE_NODE_UP, 1)->at, WEFT_S(3));
    CHECK_EQ_UINT(sim_faults_count(faults, 0).bit, 1);
    sim_faults_free(faults);
    small_close(small);
}

static void racks_are_drawn_whole_and_come_back_over_a_time(void) {
    struct small *small = open_world();
    struct sim_fault_spec spec = outage(SIM_DOMAIN_RACK, SIM_OUTAGE_KILL);
    spec.domains_count = 2;
    spec.spread = WEFT_S(1);
    struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
    small_run(small, WEFT_S(2));
    uint32_t down = 0;
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        down += sim_world_state(small->world, i) == SIM_NODE_DOWN;
        CHECK_EQ_INT(sim_world_state(small->world, i), sim_world_state(small->world, i ^ 1u));
    }
    CHECK_EQ_UINT(down, 4);
    small_run(small, WEFT_S(5));
    weft_time least = WEFT_TIME_NEVER, most = 0;
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        CHECK_EQ_INT(sim_world_state(small->world, i), SIM_NODE_UP);
        const struct small_event *up = small_find(small, i, WEFT_TRACE_NODE_UP, 1);
        if (up == NULL) continue;
        least = weft_time_min(least, up->at);
        most = weft_time_max(most, up->at);
    }
    CHECK(least >= WEFT_S(3) && most <= WEFT_S(4) && most > least);
    sim_faults_free(faults);
    small_close(small);
}

static void an_outage_may_cut_off_or_stop_the_time(void) {
    enum sim_outage_how ways[] = {SIM_OUTAGE_ISOLATE, SIM_OUTAGE_PAUSE};
    for (size_t i = 0; i < 2; i++) {
        struct small *small = open_world();
        struct sim_fault_spec spec = outage(SIM_DOMAIN_REGION, ways[i]);
        spec.is_number = true;
        struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
        small_run(small, WEFT_S(2));
        CHECK_EQ_INT(sim_world_state(small->world, 0), i == 0 ? SIM_NODE_UP : SIM_NODE_PAUSED);
        CHECK_EQ_INT(sim_world_state(small->world, 7), SIM_NODE_UP);
        sim_faults_heal(faults);
        CHECK_EQ_INT(sim_world_state(small->world, 0), SIM_NODE_UP);
        CHECK_EQ_UINT(sim_faults_count(faults, 0).bit, 1);
        sim_faults_free(faults);
        small_close(small);
    }
}

static void an_outage_of_what_is_down_is_dead(void) {
    struct small *small = open_world();
    struct sim_fault_spec spec = outage(SIM_DOMAIN_RACK, SIM_OUTAGE_CRASH);
    spec.is_number = true;
    sim_world_crash(small->world, 0);
    sim_world_crash(small->world, 1);
    struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
    small_run(small, WEFT_S(5));
    CHECK_EQ_UINT(sim_faults_count(faults, 0).injected, 1);
    CHECK_EQ_UINT(sim_faults_count(faults, 0).bit, 0);
    sim_faults_free(faults);
    small_close(small);
}

TEST_MAIN("sim/domains", TEST(nodes_fill_one_rack_after_the_other_or_go_round),
          TEST(racks_divide_the_regions_of_the_network), TEST(drawn_racks_are_those_of_the_seed),
          TEST(all_of_a_region_goes_down_and_comes_back),
          TEST(racks_are_drawn_whole_and_come_back_over_a_time),
          TEST(an_outage_may_cut_off_or_stop_the_time), TEST(an_outage_of_what_is_down_is_dead))
