/* Scenario files and region matrices: whatever the bytes, they are read or refused with a line.
 *
 * Lines "#set KEY=VALUE" at the top are options. Bytes that start with "from\to" are a matrix. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/scenario/internal.h"

#include <stdlib.h>
#include <string.h>

#define SETS_MAX 4
#define SET_SIZE 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_mistake(void *ctx, const char *line) {
    for (const char *at = line; *at != '\0'; at++) {
        WEFT_ASSERT((unsigned char)*at >= 0x20); /* a mistake is one line */
    }
    ++*(unsigned *)ctx;
}

static uint32_t take_sets(const uint8_t *data, size_t size, char sets[SETS_MAX][SET_SIZE]) {
    uint32_t count = 0;
    while (count < SETS_MAX && size > 5 && memcmp(data, "#set ", 5) == 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t line = end != NULL ? (size_t)(end - data) : size;
        size_t kept = line - 5 < SET_SIZE - 1 ? line - 5 : SET_SIZE - 1;
        memcpy(sets[count], data + 5, kept);
        sets[count++][kept] = '\0';
        if (end == NULL) break;
        data += line + 1;
        size -= line + 1;
    }
    return count;
}

static void check_plan(const struct sim_plan *plan) {
    uint64_t nodes = 0;
    WEFT_ASSERT(plan->population >= 1 && plan->population <= SIM_POPULATION_MAX);
    WEFT_ASSERT(plan->groups_count >= 1 && plan->groups_count <= SIM_GROUPS_MAX);
    for (uint32_t i = 0; i < plan->groups_count; i++) {
        WEFT_ASSERT(plan->groups[i].first == nodes);
        WEFT_ASSERT(plan->dht_of[i].k >= 1 && plan->dht_of[i].k <= WEFT_DHT_K_MAX);
        WEFT_ASSERT(plan->join_of[i].contacts >= 1);
        nodes += plan->groups[i].count;
    }
    WEFT_ASSERT(nodes == plan->population);
    WEFT_ASSERT(plan->name != NULL);
    WEFT_ASSERT(plan->stop > 0 && plan->stop <= WEFT_DURATION_MAX);
    WEFT_ASSERT(plan->net.rules_count >= 1 && plan->net.rules_count <= SIM_RULES_MAX);
    WEFT_ASSERT(plan->faults_count <= SIM_FAULTS_MAX);
    WEFT_ASSERT(plan->works_count <= SIM_WORKLOADS_MAX);
    WEFT_ASSERT(plan->checks_count >= 1 && plan->checks_count <= SIM_CHECKS_MAX);
    for (uint32_t i = 0; i < plan->faults_count; i++) {
        const struct sim_fault_spec *fault = &plan->faults[i];
        WEFT_ASSERT(fault->at >= 0 && fault->at < plan->stop && fault->until >= fault->at);
        WEFT_ASSERT(fault->nodes.kind != SIM_SET_GROUP || fault->nodes.group < plan->groups_count);
    }
}

static void read_matrix(const uint8_t *data, size_t size) {
    struct sim_plan__reader *reader = calloc(1, sizeof *reader);
    struct sim_regions *regions = calloc(1, sizeof *regions);
    if (reader != NULL && regions != NULL) {
        unsigned mistakes = 0;
        struct sim_plan_report report = {.mistake = on_mistake, .ctx = &mistakes};
        reader->mistakes.file = "fuzz.yaml";
        sim_plan__parse_regions(reader, "fuzz.csv", weft_bytes(data, size), regions);
        sim_mistakes_tell(&reader->mistakes, &report);
        WEFT_ASSERT(regions->count <= SIM_REGIONS_MAX);
    }
    free(reader);
    free(regions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char texts[SETS_MAX][SET_SIZE];
    const char *list[SETS_MAX];
    if (size >= 7 && memcmp(data, "from\\to", 7) == 0) {
        read_matrix(data, size);
        return 0;
    }
    struct sim_plan_sets sets = {.sets = list, .count = take_sets(data, size, texts)};
    for (uint32_t i = 0; i < SETS_MAX; i++) list[i] = texts[i];
    unsigned mistakes = 0;
    struct sim_plan_report report = {.mistake = on_mistake, .ctx = &mistakes};
    struct sim_plan *plan = NULL;
    int rv = sim_plan_parse("fuzz.yaml", weft_bytes(data, size), &sets, &report, &plan);
    WEFT_ASSERT((rv == WEFT_OK) == (plan != NULL));
    WEFT_ASSERT((rv == WEFT_ERR_MALFORMED) == (mistakes > 0));
    if (plan != NULL) check_plan(plan);
    sim_plan_free(plan);
    return 0;
}
