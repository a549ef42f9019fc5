/* Which operations a trouble hits. */
#include "sim/disk/trouble.h"

#include "core/base/assert.h"
#include "core/base/rand.h"

#include <string.h>

enum { DRAW_CHANCE = 1, DRAW_TIME, DRAW_WHICH };

void sim_trouble__bit(struct sim_trouble *trouble) {
    if (trouble != NULL && trouble->bit != NULL) trouble->bit(trouble);
}

static bool concerns(const struct sim_trouble *trouble, enum sim_disk_op op, const char *path) {
    if ((trouble->ops & op) == 0) return false;
    if (trouble->file != NULL && strcmp(trouble->file, path) != 0) return false;
    return trouble->may == NULL || trouble->may(trouble, path);
}

static bool hits(struct sim_trouble *trouble) {
    trouble->met++;
    if (trouble->nth > 0) return trouble->met == trouble->nth;
    return weft_chance_ppm(weft_draw(trouble->seed, DRAW_CHANCE, trouble->met, 0), trouble->ppm);
}

struct sim_trouble *sim_trouble__hit(struct sim_trouble *list, enum sim_trouble_kind kind,
                                     enum sim_disk_op op, const char *path) {
    struct sim_trouble *first = NULL;
    WEFT_ASSERT(path != NULL);
    for (struct sim_trouble *trouble = list; trouble != NULL; trouble = trouble->next) {
        if (trouble->kind != kind || !concerns(trouble, op, path)) continue;
        if (hits(trouble) && first == NULL) first = trouble;
    }
    return first;
}

weft_duration sim_trouble__takes(struct sim_trouble *list, enum sim_disk_op op, const char *path) {
    weft_duration sum = 0;
    for (struct sim_trouble *trouble = list; trouble != NULL; trouble = trouble->next) {
        if (trouble->kind != SIM_TROUBLE_SLOW || !concerns(trouble, op, path)) continue;
        if (!hits(trouble)) continue;
        uint64_t raw = weft_draw(trouble->seed, DRAW_TIME, trouble->met, 0);
        weft_duration takes = trouble->takes(trouble, raw);
        WEFT_ASSERT(takes >= 0);
        if (takes > 0) sim_trouble__bit(trouble);
        sum = weft_time_add(sum, takes);
    }
    return sum;
}

uint64_t sim_trouble__below(const struct sim_trouble *trouble, uint64_t which, uint64_t bound) {
    WEFT_ASSERT(bound > 0);
    return weft_scale(weft_draw(trouble->seed, DRAW_WHICH, trouble->met, which), bound);
}
