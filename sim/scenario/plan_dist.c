/* Schedulers of a node, and nodes that talk to each other. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <string.h>

#define CONNECT_MAX 256 /* nodes that each is connected to from the start */

static void read_cookie(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct sim_dist *dist = into;
    const char *expected = "a text of 1 to 63 bytes";
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, expected)) return;
    size_t size = strlen(value->node->text);
    if (size == 0 || size >= sizeof dist->cookie) {
        sim_plan__unfit(reader, value, expected);
        return;
    }
    memcpy(dist->cookie, value->node->text, size + 1);
}

static void read_connect(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    struct sim_dist *dist = into;
    const char *expected = "all, none or to how many of the first nodes, up to 256";
    uint64_t count;
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, expected)) return;
    if (strcmp(value->node->text, "all") == 0) {
        dist->connect = UINT32_MAX;
    } else if (strcmp(value->node->text, "none") == 0) {
        dist->connect = 0;
    } else if (weft_value_count(value->node->text, &count) && count >= 1 && count <= CONNECT_MAX) {
        dist->connect = (uint32_t)count;
    } else {
        sim_plan__unfit(reader, value, expected);
    }
}

static const struct sim_plan__key dist_keys[] = {
    {"cookie", false, read_cookie, 0, 0, 0},
    {"connect", false, read_connect, 0, 0, 0},
    {"tick", false, sim_plan__read_duration, offsetof(struct sim_dist, tick), WEFT_MS(100), 0},
};
const struct sim_plan__section sim_plan__dist_section = {"dist", dist_keys,
                                                         sizeof dist_keys / sizeof dist_keys[0]};

void sim_plan__read_dist_config(struct sim_plan__reader *reader,
                                const struct sim_plan__value *value, struct sim_dist *dist) {
    const struct weft_yaml_node *node = value->node;
    WEFT_ASSERT(dist->cookie[0] != '\0');
    if (node->kind == WEFT_YAML_SCALAR) {
        bool on = strcmp(node->text, "on") == 0;
        if (!on && strcmp(node->text, "off") != 0)
            sim_plan__unfit(reader, value, "on, off or a mapping such as {connect: all}");
        dist->on = on;
    } else if (sim_plan__is(reader, value, WEFT_YAML_MAPPING,
                            "on, off or a mapping such as {connect: all}")) {
        dist->on = true;
        sim_plan__read_section(reader, node, &sim_plan__dist_section, dist);
    }
}

void sim_plan__read_dist(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    struct sim_plan *plan = into;
    sim_plan__read_dist_config(reader, value, &plan->dist_of[0]);
}

static uint32_t talkers(const struct sim_plan *plan, bool *all) {
    uint32_t count = 0;
    *all = false;
    for (uint32_t i = 0; i < plan->groups_count; i++) {
        if (plan->groups[i].count == 0 || !plan->dist_of[i].on) continue;
        count += plan->groups[i].count;
        *all = *all || plan->dist_of[i].connect == UINT32_MAX;
    }
    return count;
}

void sim_plan__check_dist(struct sim_plan__reader *reader) {
    const struct sim_plan *plan = reader->plan;
    const struct weft_yaml_node *place = weft_yaml_get(reader->root, "dist");
    bool all;
    uint32_t count = talkers(plan, &all);
    if (place == NULL) place = weft_yaml_get(reader->root, "groups");
    if (place == NULL || !all || count <= CONNECT_MAX) return;
    sim_plan__mistake(reader, place,
                      "%u nodes connect to all others, expected at most %d, or 'connect' to a "
                      "number of them",
                      count, CONNECT_MAX);
}
