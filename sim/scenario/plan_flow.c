/* A model of shared bandwidth, as the network section asks for it. */
#include "core/base/hash.h"
#include "sim/scenario/internal.h"

#include <stdlib.h>
#include <string.h>

#define PLATFORM_SIZE_MAX ((size_t)16 * 1024 * 1024)

static const char *const models[] = {"LV08", "CM02", "SMPI", "IB"};

static struct sim_plan__flow *flow_at(const struct sim_plan__value *value, void *into) {
    return (struct sim_plan__flow *)(void *)((char *)into + value->key->offset);
}

void sim_plan__read_engine(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    const char *const engines[] = {"links", "simgrid"};
    flow_at(value, into)->simgrid = sim_plan__choose_word(reader, value, engines, 2) == 1;
}

/* What is in it is SimGrid's to read; but the bytes are part of what the run is. */
static bool fold_platform(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          const char *path) {
    struct weft_bytes text = {NULL, 0};
    int rv = sim_plan__read_file(path, PLATFORM_SIZE_MAX, &text);
    if (rv == WEFT_ERR_NOMEM) reader->no_memory = true;
    if (rv != WEFT_OK) {
        sim_plan__mistake(reader, value->node,
                          "'%s' cannot be read (%s), expected a platform of SimGrid's beside the "
                          "scenario",
                          sim_plan__show(value->node->text).text, weft_error_text(rv));
        return false;
    }
    reader->plan->digest = weft_fold_bytes(reader->plan->digest, text.data, text.size);
    free((void *)(uintptr_t)text.data);
    return true;
}

void sim_plan__read_platform(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into) {
    char path[SIM_PLAN__FILE_SIZE];
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "the path of a platform")) return;
    if (!sim_plan__beside(reader->plan->file, value->node->text, path)) {
        sim_plan__unfit(reader, value, "a shorter path");
        return;
    }
    if (!fold_platform(reader, value, path)) return;
    flow_at(value, into)->platform = sim_plan__keep(reader, path);
}

void sim_plan__read_model(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into) {
    int model = sim_plan__choose_word(reader, value, models, sizeof models / sizeof models[0]);
    if (model >= 0) flow_at(value, into)->model = models[model];
}

void sim_plan__take_flow(struct sim_plan__reader *reader, const struct weft_yaml_node *network,
                         const struct sim_plan__flow *flow) {
    const char *const needy[] = {"platform", "model", "flows_from"};
    for (size_t i = 0; i < 3 && !flow->simgrid; i++) {
        const struct weft_yaml_node *given = weft_yaml_get(network, needy[i]);
        if (given == NULL) continue;
        sim_plan__mistake(reader, given, "'%s' without 'engine: simgrid', expected both", needy[i]);
    }
    if (!flow->simgrid) return;
    if (weft_yaml_get(network, "platform") == NULL) {
        sim_plan__mistake(reader, weft_yaml_get(network, "engine"),
                          "'engine: simgrid' without 'platform', expected a file of SimGrid's");
    }
    reader->plan->flow =
        (struct sim_flow_plan){.setup = {.platform = flow->platform,
                                         .model = flow->model != NULL ? flow->model : models[0]},
                               .least = flow->least};
}
