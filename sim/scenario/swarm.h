/* Swarm: what a seed draws of a scenario, before the scenario is read.
 *
 *     swarm:
 *       population: 3..50                 # a path of the file, as for --set, and a range
 *       dht.k: 1..20
 *       join.from: {one_of: [seeds, chain]}
 *       chance: 50%                       # of each fault to be on; drawn when not given
 *       faults:                           # or `all`: what there is, with rates of its own
 *         - crash: {at: 20s, every: 500ms..20s, until: 60s, nodes: 1..3, for: 1s..30s}
 *
 * A range is LOW..HIGH of counts, durations, percentages or decimals: every doubling is as likely,
 * and one draw in eight is an end of the range. A choice is {one_of: [...]}. Both stand for any
 * value in the section. What is drawn is put into the tree, with the place of the range: so a
 * mistake names the line that made it, and the tree that results is a scenario without a swarm.
 * Draws are keyed by path: what is added changes nothing else.
 *
 * Private to sim/scenario. */
#ifndef SIM_SCENARIO_SWARM_H
#define SIM_SCENARIO_SWARM_H

#include "sim/scenario/internal.h"

/* --- ranges (swarm_range.c) --- */

/* In the order in which they are tried: a count may be a decimal, and may have a unit. */
enum sim_swarm_kind {
    SIM_SWARM_DURATION = 1,
    SIM_SWARM_PERCENT,
    SIM_SWARM_COUNT,
    SIM_SWARM_DECIMAL
};

#define SIM_SWARM_UNIT_MAX 8

struct sim_swarm__range {
    enum sim_swarm_kind kind;
    char unit[SIM_SWARM_UNIT_MAX]; /* COUNT: what follows the digits, such as "ppm" */
    uint64_t low, high;            /* ns; ppm; thousandths */
};

/* Whether `text` is meant as a range: a digit first, and ".." in it. */
bool sim_swarm__is_range(const char *text);

/* NULL, or what is wrong with it, as what was expected. */
const char *sim_swarm__read_range(const char *text, struct sim_swarm__range *range);

/* A value of the range, by two raw draws: at its end or not, and where between. */
uint64_t sim_swarm__spread(const struct sim_swarm__range *range, const uint64_t raw[2]);

/* As a scenario writes it, within the range; of durations and percentages three digits. Returns
 * `out`. */
const char *sim_swarm__show(const struct sim_swarm__range *range, uint64_t value,
                            char out[WEFT_VALUE_TEXT_MAX]);

/* --- drawing (swarm_draw.c) --- */

/* Replace ranges and choices in *node and below. `path` is what draws are keyed by. */
void sim_swarm__expand(struct sim_plan__reader *reader, struct sim_swarm__draw *draw,
                       struct weft_yaml_node **node, const char *path);

/* One raw draw for what is at `path`. */
uint64_t sim_swarm__raw(const struct sim_swarm__draw *draw, const char *path, uint64_t which);

/* --- faults of its own (swarm_all.c) --- */

/* When they are. */
struct sim_swarm__window {
    weft_duration from, until;
};

/* A list of every kind of fault that fits the file, with ranges, at `place`. NULL: no memory. */
struct weft_yaml_node *sim_swarm__all(struct sim_plan__reader *reader,
                                      const struct weft_yaml_node *root,
                                      const struct sim_swarm__window *window,
                                      const struct weft_yaml_place *place);

/* The values that `all` gives a kind beside its times; NULL: it is not among all. */
const char *sim_swarm__values(enum sim_fault_kind kind);

/* --- the section (swarm.c) --- */

extern const struct sim_plan__section sim_plan__swarm_section;

/* Whether a key of it is its own, and no path. */
bool sim_swarm__is_own(const char *key);

/* Draw what the section says into `root`, and take the section out of it. Nothing without one.
 * `sets`: a value that one of them gives is not drawn. */
void sim_swarm__apply(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                      const struct sim_plan_sets *sets);

#endif
