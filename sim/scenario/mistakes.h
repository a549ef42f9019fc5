/* Mistakes: collected while a scenario is read, told in the order of their places. */
#ifndef SIM_SCENARIO_MISTAKES_H
#define SIM_SCENARIO_MISTAKES_H

#include "core/config/yaml_tree.h"
#include "sim/scenario/plan.h"

#define SIM_MISTAKES_MAX 50u
#define SIM_MISTAKE_TEXT_MAX 560u
#define SIM_MISTAKE_FILE_MAX 200u

struct sim_mistake {
    char file[SIM_MISTAKE_FILE_MAX]; /* of the place; for a --set the option */
    uint32_t line, column;           /* 0: the file alone */
    bool is_set;
    char text[SIM_MISTAKE_TEXT_MAX];
};

struct sim_mistakes {
    const char *file;     /* the scenario's; borrowed */
    const uint64_t *seed; /* told with each, as what drew it; NULL: none did */
    uint32_t count;       /* of all, kept or not */
    struct sim_mistake list[SIM_MISTAKES_MAX];
};

/* A mistake in `file`, NULL: in the scenario. At `place`, NULL: nowhere in particular. */
void sim_mistakes_add(struct sim_mistakes *mistakes, const char *file,
                      const struct weft_yaml_place *place, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

/* Tell each, by place: the options first, then files in order of lines; and how many more. */
void sim_mistakes_tell(struct sim_mistakes *mistakes, const struct sim_plan_report *report);

#endif
