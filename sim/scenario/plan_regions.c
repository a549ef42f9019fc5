/* Which nodes are in which region of the matrix. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <string.h>

bool sim_plan__region_index(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                            uint32_t *index) {
    const struct sim_regions *regions = reader->plan->net.regions;
    const char *names[SIM_REGIONS_MAX];
    WEFT_ASSERT(regions != NULL && regions->count > 0);
    for (uint32_t i = 0; i < regions->count; i++) {
        names[i] = regions->name[i];
        *index = i;
        if (strcmp(names[i], node->text) == 0) return true;
    }
    sim_plan__mistake(reader, node, "unknown region '%s', %s", sim_plan__show(node->text).text,
                      sim_plan__hint(node->text, names, regions->count).text);
    return false;
}

void sim_plan__read_region_shares(struct sim_plan__reader *reader,
                                  const struct weft_yaml_node *shares) {
    struct sim_regions *regions = reader->plan->net.regions;
    uint32_t before = reader->mistakes.count;
    uint64_t all = 0;
    if (regions->count == 0) return; /* told */
    for (uint32_t i = 0; i < regions->count; i++) all += regions->share_ppm[i];
    if (all > 0) {
        sim_plan__mistake(reader, shares, "'shares' a second time, expected them once");
        return;
    }
    for (uint32_t i = 0; i < shares->count; i++) {
        uint32_t region, ppm = 0;
        struct sim_plan__key key = {.name = shares->keys[i]->text, .most = WEFT_PPM_ALL};
        struct sim_plan__value share = {shares->items[i], &key};
        sim_plan__read_percent(reader, &share, &ppm);
        if (sim_plan__region_index(reader, shares->keys[i], &region))
            regions->share_ppm[region] = ppm;
        all += ppm;
    }
    char text[WEFT_VALUE_TEXT_MAX];
    if (all != WEFT_PPM_ALL && reader->mistakes.count == before)
        sim_plan__mistake(reader, shares, "the shares are %s in all, expected 100%%",
                          weft_value_show_percent(all, text));
}

void sim_plan__check_regions(struct sim_plan__reader *reader) {
    struct sim_plan *plan = reader->plan;
    const struct weft_yaml_node *groups = weft_yaml_get(reader->root, "groups");
    memset(plan->region_of, SIM_REGION_DRAWN, sizeof plan->region_of);
    for (uint32_t i = 0; groups != NULL && i < groups->count; i++) {
        const struct weft_yaml_node *region = weft_yaml_get(groups->items[i], "region");
        uint32_t index;
        if (region == NULL) continue;
        if (plan->net.regions == NULL) {
            sim_plan__mistake(reader, region,
                              "'region' here, expected 'regions' in the network's 'delay'");
        } else if (sim_plan__region_index(reader, region, &index)) {
            plan->region_of[i] = (uint8_t)index;
            plan->net.region_of_group = plan->region_of;
        }
    }
}
