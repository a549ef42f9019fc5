/* The words that the page has for numbers are those of the enums: each list of
 * analysis/report_data.js is written here anew, from the enum, and must stand there. */
#include "analysis/names.h"
#include "analysis/report_internal.h"
#include "core/otp/supervisor.h"
#include "core/otp/types.h"
#include "sim/net/net.h"
#include "sim/workload/workload.h"
#include "tests/harness/harness.h"

#include <ctype.h>
#include <stdio.h>

#define SIZE 65536

static void drop_spaces(char *text) {
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (!isspace((unsigned char)*from)) *to++ = *from;
    }
    *to = '\0';
}

static bool read_script(char script[SIZE]) {
    char path[512];
    snprintf(path, sizeof path, "%s/analysis/report_data.js", test_source_folder());
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    size_t size = fread(script, 1, SIZE - 1, file);
    fclose(file);
    script[size] = '\0';
    drop_spaces(script);
    return true;
}

/* "const NAME = ['one', 'two'];" */
static void check_list(const char *name, const char *const *words, size_t count) {
    static char script[SIZE];
    char wanted[1024];
    REQUIRE(read_script(script));
    size_t size = (size_t)snprintf(wanted, sizeof wanted, "const %s = [", name);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(words[i] != NULL); /* one of the enum has no word here */
        size += (size_t)snprintf(wanted + size, sizeof wanted - size, "%s'%s'", i > 0 ? "," : "",
                                 words[i]);
    }
    snprintf(wanted + size, sizeof wanted - size, "];");
    drop_spaces(wanted);
    bool stands_there = strstr(script, wanted) != NULL;
    CHECK(stands_there);
    if (!stands_there) printf("not in report_data.js: %s\n", wanted);
}

#define CHECK_LIST(name, words) check_list(name, words, sizeof(words) / sizeof(words)[0])

static void check_constant(const char *constant) {
    static char script[SIZE];
    char wanted[256];
    REQUIRE(read_script(script));
    snprintf(wanted, sizeof wanted, "%s", constant);
    drop_spaces(wanted);
    CHECK(strstr(script, wanted) != NULL);
}

static void reasons_of_exits(void) {
    const char *words[] = {
#define WORD(NAME, text) [WEFT_REASON_##NAME] = text,
        WEFT_REASONS(WORD)
#undef WORD
    };
    CHECK_EQ_TEXT(words[WEFT_REASON_START], "failed_to_start");
    words[WEFT_REASON_START] = "failed to start";
    CHECK_LIST("REASONS", words);
}

static void supervisors(void) {
    static const char *const strategies[] = {[WEFT_ONE_FOR_ONE] = "one_for_one",
                                             [WEFT_ONE_FOR_ALL] = "one_for_all",
                                             [WEFT_REST_FOR_ONE] = "rest_for_one",
                                             [WEFT_SIMPLE_ONE_FOR_ONE] = "simple_one_for_one"};
    static const char *const restarts[] = {[WEFT_PERMANENT] = "permanent",
                                           [WEFT_TRANSIENT] = "transient",
                                           [WEFT_TEMPORARY] = "temporary"};
    CHECK_LIST("STRATEGIES", strategies);
    CHECK_LIST("RESTARTS", restarts);
}

/* That names.h has all of them, and no more, another test says. */
static void losses_of_packets(void) {
    static const char *const words[] = {[SIM_LOSS_NONE] = "",
                                        [SIM_LOSS_LINK] = "lost by the link",
                                        [SIM_LOSS_CUT] = "cut by a partition",
                                        [SIM_LOSS_NO_NODE] = "no such node",
                                        [SIM_LOSS_NO_SOCKET] = "no such socket",
                                        [SIM_LOSS_FAULT] = "lost by a fault",
                                        [SIM_LOSS_MOVED] = "an address that moved",
                                        [SIM_LOSS_NAT] = "a NAT without that port",
                                        [SIM_LOSS_NAT_FILTER] = "refused by a NAT",
                                        [SIM_LOSS_NAT_FULL] = "a NAT that is full",
                                        [SIM_LOSS_HAIRPIN] = "hairpin at a NAT"};
    CHECK(ana_loss_name(sizeof words / sizeof words[0] - 1) != NULL);
    CHECK(ana_loss_name(sizeof words / sizeof words[0]) == NULL);
    CHECK_LIST("LOSSES", words);
}

static void work_and_levels(void) {
    const char *works[SIM_WORK_KIND_COUNT] = {""};
    for (unsigned i = 1; i < SIM_WORK_KIND_COUNT; i++)
        works[i] = sim_work_name((enum sim_work_kind)i);
    CHECK_LIST("WORKS", works);
    static const char *const levels[] = {
        "", [WEFT_LOG_ERROR] = "error", [WEFT_LOG_WARN] = "warning", [WEFT_LOG_INFO] = "info",
        [WEFT_LOG_DEBUG] = "debug"};
    CHECK(ana_log_name(WEFT_LOG_DEBUG + 1) == NULL);
    CHECK_LIST("LEVELS", levels);
}

static void lives_and_what_changes_of_a_node(void) {
    static const char *const lives[] = {[ANA__UNBORN] = "not started",
                                        [ANA__UP] = "up",
                                        [ANA__JOINED] = "joined",
                                        [ANA__DOWN + WEFT_NODE_ENDED] = "ended by itself",
                                        [ANA__DOWN + WEFT_NODE_STOPPED] = "stopped",
                                        [ANA__DOWN + WEFT_NODE_CRASHED] = "crashed",
                                        [ANA__DOWN + WEFT_NODE_KILLED] = "killed",
                                        [ANA__DOWN + WEFT_NODE_UNSTARTED] = "did not start"};
    static const char *const fields[] = {
        [ANA__LIFE] = "life",       [ANA__SIDE] = "side",   [ANA__RESTARTS] = "restarts",
        [ANA__DEGREE] = "degree",   [ANA__PROCS] = "procs", [ANA__FAULTS] = "faults",
        [ANA__MAILBOX] = "mailbox", [ANA__BYTES] = "bytes"};
    CHECK(ana_down_name(WEFT_NODE_UNSTARTED + 1) == NULL);
    CHECK_EQ_UINT(sizeof fields / sizeof fields[0], ANA__FIELDS);
    CHECK_LIST("LIFE_NAMES", lives);
    CHECK_LIST("FIELDS", fields);
    char text[128];
    snprintf(text, sizeof text, "const LIFE = {UNBORN: %d, UP: %d, JOINED: %d, DOWN: %d};",
             ANA__UNBORN, ANA__UP, ANA__JOINED, ANA__DOWN);
    check_constant(text);
    snprintf(text, sizeof text,
             "const TREE = {START: %d, EXIT: %d, SUP: %d, CHILD: %d, CLEAR: %d};", ANA__TREE_START,
             ANA__TREE_EXIT, ANA__TREE_SUP, ANA__TREE_CHILD, ANA__TREE_CLEAR);
    check_constant(text);
}

TEST_MAIN("analysis/report_names", TEST(reasons_of_exits), TEST(supervisors),
          TEST(losses_of_packets), TEST(work_and_levels), TEST(lives_and_what_changes_of_a_node))
