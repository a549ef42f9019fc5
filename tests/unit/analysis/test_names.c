/* The names are those that the simulator has for these numbers. */
#include "analysis/names.h"
#include "core/env/trace.h"
#include "sim/net/net.h"
#include "sim/workload/workload.h"
#include "tests/harness/harness.h"

static void works_are_named_as_in_scenarios(void) {
    for (unsigned kind = 1; kind < SIM_WORK_KIND_COUNT; kind++) {
        CHECK_EQ_TEXT(ana_work_name(kind), sim_work_name((enum sim_work_kind)kind));
    }
    CHECK(ana_work_name(0) == NULL);
    CHECK(ana_work_name(SIM_WORK_KIND_COUNT) == NULL);
}

static void losses_are_named(void) {
    CHECK(ana_loss_name(SIM_LOSS_NONE) == NULL);
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_LINK), "link");
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_CUT), "cut");
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_NO_NODE), "no node");
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_NO_SOCKET), "no socket");
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_FAULT), "fault");
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_MOVED), "moved");
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_NAT), "nat");
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_NAT_FILTER), "nat filter");
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_NAT_FULL), "nat full");
    CHECK_EQ_TEXT(ana_loss_name(SIM_LOSS_HAIRPIN), "hairpin");
    CHECK(ana_loss_name(SIM_LOSS_HAIRPIN + 1) == NULL);
}

static void what_is_not_known_is_its_number(void) {
    char text[ANA_NAME_SIZE];
    CHECK_EQ_TEXT(ana_name_or_number(ana_lookup_name(WEFT_LOOKUP_REFRESH), 5, text), "refresh");
    CHECK_EQ_TEXT(ana_name_or_number(ana_lookup_name(6), 6, text), "6");
    CHECK_EQ_TEXT(ana_name_or_number(ana_lookup_name(0), 0, text), "0");
    CHECK_EQ_TEXT(ana_name_or_number(ana_store_name(WEFT_STORE_PEER), 1, text), "peer");
    CHECK_EQ_TEXT(ana_name_or_number(ana_down_name(WEFT_NODE_UNSTARTED), 4, text), "unstarted");
    CHECK_EQ_TEXT(ana_name_or_number(ana_log_name(WEFT_LOG_DEBUG), 4, text), "debug");
    CHECK_EQ_TEXT(ana_name_or_number(ana_log_name(UINT64_MAX), UINT64_MAX, text),
                  "18446744073709551615");
}

TEST_MAIN("analysis/names", TEST(works_are_named_as_in_scenarios), TEST(losses_are_named),
          TEST(what_is_not_known_is_its_number))
