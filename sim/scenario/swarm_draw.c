/* Drawing: ranges and choices become values. */
#include "sim/scenario/swarm.h"

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "sim/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICE "one_of"

/* Draws at one path. */
enum which { DRAW_END = 0, DRAW_BETWEEN, DRAW_OPTION };

uint64_t sim_swarm__raw(const struct sim_swarm__draw *draw, const char *path, uint64_t which) {
    uint64_t entity = weft_fold_bytes(0, path, strlen(path));
    return weft_draw(draw->seed, SIM_DRAW_SWARM, entity, which);
}

static uint64_t value_of(const struct sim_swarm__draw *draw, const struct sim_swarm__range *range,
                         const char *path) {
    if (draw->mode == SIM_SWARM_HIGHS) return range->high;
    if (draw->mode != SIM_SWARM_BY_SEED) return range->low;
    uint64_t raw[2] = {sim_swarm__raw(draw, path, DRAW_END),
                       sim_swarm__raw(draw, path, DRAW_BETWEEN)};
    return sim_swarm__spread(range, raw);
}

static void expand_scalar(struct sim_plan__reader *reader, struct sim_swarm__draw *draw,
                          struct weft_yaml_node *node, const char *path) {
    char text[WEFT_VALUE_TEXT_MAX];
    struct sim_swarm__range range;
    if (!sim_swarm__is_range(node->text)) return;
    const char *wrong = sim_swarm__read_range(node->text, &range);
    if (wrong != NULL) {
        sim_plan__mistake(reader, node, "'%s' is no range, expected %s",
                          sim_plan__show(node->text).text, wrong);
        node->kind = WEFT_YAML_BROKEN;
        return;
    }
    char *copy =
        sim_plan__copy(reader, sim_swarm__show(&range, value_of(draw, &range, path), text));
    if (copy == NULL) return;
    free(node->text);
    node->text = copy;
}

static uint32_t option_of(const struct sim_swarm__draw *draw, uint32_t count, const char *path) {
    switch (draw->mode) {
    case SIM_SWARM_LOWS:
        return 0;
    case SIM_SWARM_HIGHS:
        return count - 1;
    case SIM_SWARM_OPTION:
        return (uint32_t)(draw->seed % count);
    case SIM_SWARM_BY_SEED:
    case SIM_SWARM_BY_FILE:
        break;
    }
    return (uint32_t)weft_scale(sim_swarm__raw(draw, path, DRAW_OPTION), count);
}

/* The mapping {one_of: [...]} becomes one of the list. */
static void choose(struct sim_plan__reader *reader, struct sim_swarm__draw *draw,
                   struct weft_yaml_node **node, const char *path) {
    struct weft_yaml_node *list = (*node)->items[0];
    if (list->kind != WEFT_YAML_SEQUENCE || list->count == 0) {
        if (list->kind != WEFT_YAML_BROKEN)
            sim_plan__mistake(reader, list,
                              "'" CHOICE "' without choices, expected a list of them");
        (*node)->kind = WEFT_YAML_BROKEN;
        return;
    }
    if (list->count > draw->options_max) draw->options_max = list->count;
    uint32_t at = option_of(draw, list->count, path);
    struct weft_yaml_node *chosen = list->items[at], *last = list->items[list->count - 1];
    list->items[at] = last;
    list->count--;
    weft_yaml_free(*node);
    *node = chosen;
}

static bool is_choice(const struct weft_yaml_node *node) {
    return node->kind == WEFT_YAML_MAPPING && node->count == 1 &&
           strcmp(node->keys[0]->text, CHOICE) == 0;
}

/* Deep only as weft_yaml_read allows. */
void sim_swarm__expand(struct sim_plan__reader *reader, struct sim_swarm__draw *draw,
                       struct weft_yaml_node **node, const char *path) {
    WEFT_ASSERT(node != NULL && *node != NULL);
    char inner[SIM_PLAN__PATH_SIZE];
    if (is_choice(*node)) {
        choose(reader, draw, node, path);
        snprintf(inner, sizeof inner, "%s." CHOICE, path);
        if ((*node)->kind != WEFT_YAML_BROKEN) sim_swarm__expand(reader, draw, node, inner);
        return;
    }
    if ((*node)->kind == WEFT_YAML_SCALAR) expand_scalar(reader, draw, *node, path);
    bool mapping = (*node)->kind == WEFT_YAML_MAPPING;
    if (!mapping && (*node)->kind != WEFT_YAML_SEQUENCE) return;
    for (uint32_t i = 0; i < (*node)->count; i++) {
        if (mapping)
            snprintf(inner, sizeof inner, "%s.%s", path, (*node)->keys[i]->text);
        else
            snprintf(inner, sizeof inner, "%s.%u", path, i);
        sim_swarm__expand(reader, draw, &(*node)->items[i], inner);
    }
}
