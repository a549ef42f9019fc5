/* lost_fsync, misdirect, bit_rot, latent_error, io_error, disk_full, disk_slow, disk_stuck: what is
 * wrong with disks.
 *
 * It bit when an operation of a node had another result than on a sound disk, or took longer; what
 * was told to be synced and was not, or was damaged at rest, when a crash or a read showed it. That
 * may be after the fault is over, so what an occurrence did is kept until the end of the run. */
#include "core/base/assert.h"
#include "core/base/hash.h"
#include "sim/fault/internal.h"

#include <stdlib.h>
#include <string.h>

struct sim_disk_case {
    struct weft_link link; /* in faults->cases */
    struct sim_faults *faults;
    uint32_t fault, number;
    bool has_bitten;
    weft_time until; /* DISK_STUCK: nothing returns before */
    uint32_t count;
    struct sim_trouble troubles[]; /* by target */
};

static const struct sim_fault_spec *spec_of(const struct sim_disk_case *disk_case) {
    return &disk_case->faults->specs[disk_case->fault];
}

static void on_bit(struct sim_trouble *trouble) {
    struct sim_disk_case *disk_case = trouble->ctx;
    if (disk_case->has_bitten) return;
    disk_case->has_bitten = true;
    sim_fault__bite_late(disk_case->faults, disk_case->fault, disk_case->number, trouble->node);
}

static weft_duration on_takes(const struct sim_trouble *trouble, uint64_t raw) {
    const struct sim_disk_case *disk_case = trouble->ctx;
    const struct sim_fault_spec *spec = spec_of(disk_case);
    if (spec->kind == SIM_FAULT_DISK_SLOW) return sim_delay_sample(&spec->takes, raw, 0, 0);
    weft_time now = sim_engine_now(sim_world_engine(disk_case->faults->world));
    return now < disk_case->until ? disk_case->until - now : 0;
}

/* --- the atlas: of each file, no more than a minority of a group's copies is ever damaged --- */

static struct sim_group group_of(const struct sim_faults *faults, uint32_t node) {
    struct sim_group all = {.count = sim_world_nodes(faults->world)};
    if (faults->groups == NULL) return all;
    for (uint32_t i = 0;; i++) {
        const struct sim_group *group = &faults->groups[i];
        WEFT_ASSERT(i < SIM_GROUPS_MAX);
        if (node >= group->first && node - group->first < group->count) return *group;
    }
}

/* The members of the group stand in an order drawn for the file; the first of them may lose it. The
 * order depends on nothing else, so it is the same for every fault that asks. */
static bool is_of_minority(const struct sim_trouble *trouble, const char *path) {
    const struct sim_disk_case *disk_case = trouble->ctx;
    const struct sim_engine *engine = sim_world_engine(disk_case->faults->world);
    struct sim_group group = group_of(disk_case->faults, trouble->node);
    uint64_t item = weft_fold_bytes(0, path, strlen(path));
    uint64_t own = sim_engine_draw(engine, SIM_DRAW_ATLAS, trouble->node, item);
    uint32_t before = 0;
    for (uint32_t i = 0; i < group.count; i++) {
        uint64_t draw = sim_engine_draw(engine, SIM_DRAW_ATLAS, group.first + i, item);
        before += draw < own || (draw == own && group.first + i < trouble->node);
    }
    return before < (group.count - 1) / 2;
}

/* --- on and off --- */

static enum sim_trouble_kind trouble_of(enum sim_fault_kind kind) {
    static const enum sim_trouble_kind of[SIM_FAULT_KIND_COUNT] = {
        [SIM_FAULT_LOST_FSYNC] = SIM_TROUBLE_LOST_FSYNC,
        [SIM_FAULT_MISDIRECT] = SIM_TROUBLE_MISDIRECTED,
        [SIM_FAULT_BIT_ROT] = SIM_TROUBLE_DAMAGE,
        [SIM_FAULT_LATENT_ERROR] = SIM_TROUBLE_DAMAGE,
        [SIM_FAULT_IO_ERROR] = SIM_TROUBLE_IO_ERROR,
        [SIM_FAULT_DISK_FULL] = SIM_TROUBLE_FULL,
        [SIM_FAULT_DISK_SLOW] = SIM_TROUBLE_SLOW,
        [SIM_FAULT_DISK_STUCK] = SIM_TROUBLE_SLOW};
    WEFT_ASSERT(of[kind] != 0);
    return of[kind];
}

static struct sim_trouble trouble_for(struct sim_disk_case *disk_case, uint32_t node) {
    const struct sim_fault_spec *spec = spec_of(disk_case);
    uint64_t entity = (uint64_t)disk_case->fault << 32 | node;
    return (struct sim_trouble){.kind = trouble_of(spec->kind),
                                .ops = spec->disk_ops != 0 ? spec->disk_ops : SIM_DISK_OPS_ALL,
                                .ppm = spec->rate_ppm != 0 ? spec->rate_ppm : 1000000,
                                .nth = spec->nth,
                                .file = spec->file[0] != '\0' ? spec->file : NULL,
                                .seed =
                                    sim_engine_draw(sim_world_engine(disk_case->faults->world),
                                                    SIM_DRAW_TROUBLE, entity, disk_case->number),
                                .may = spec->keeps_quorum ? is_of_minority : NULL,
                                .takes = on_takes,
                                .bit = on_bit,
                                .ctx = disk_case,
                                .node = node};
}

static struct sim_disk_case *new_case(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    struct sim_disk_case *disk_case =
        calloc(1, sizeof *disk_case + occurrence->targets_count * sizeof disk_case->troubles[0]);
    WEFT_ASSERT(disk_case != NULL);
    disk_case->faults = occurrence->faults;
    disk_case->fault = occurrence->fault;
    disk_case->number = occurrence->number;
    disk_case->until = weft_time_add(sim_fault__now(occurrence), spec->lasts);
    disk_case->count = occurrence->targets_count;
    for (uint32_t i = 0; i < disk_case->count; i++) {
        disk_case->troubles[i] = trouble_for(disk_case, occurrence->targets[i].node);
    }
    weft_list_push_back(&occurrence->faults->cases, &disk_case->link);
    occurrence->disk_case = disk_case;
    return disk_case;
}

static struct sim_disk *disk_of(const struct sim_disk_case *disk_case,
                                const struct sim_trouble *trouble) {
    struct sim_disk *disk = sim_world_disk(disk_case->faults->world, trouble->node);
    WEFT_ASSERT(disk != NULL); /* a fault without effect would be another run */
    return disk;
}

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, sim_fault__layer_states(&sim_fault__spec(occurrence)->nodes));
}

static void act(struct sim_occurrence *occurrence) {
    struct sim_disk_case *disk_case = new_case(occurrence);
    for (uint32_t i = 0; i < disk_case->count; i++) {
        struct sim_trouble *trouble = &disk_case->troubles[i];
        sim_disk_trouble_on(disk_of(disk_case, trouble), trouble);
    }
}

/* A call that has not returned does so now, when the disk is well again before it would have. */
static bool end(struct sim_occurrence *occurrence) {
    struct sim_disk_case *disk_case = occurrence->disk_case;
    uint32_t at = 0; /* troubles are in the order of targets, which may have become fewer */
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        while (disk_case->troubles[at].node != occurrence->targets[i].node) at++;
        WEFT_ASSERT(at < disk_case->count);
        struct sim_trouble *trouble = &disk_case->troubles[at];
        sim_disk_trouble_off(disk_of(disk_case, trouble), trouble);
        if (trouble->kind != SIM_TROUBLE_SLOW) continue;
        sim_world_busy(occurrence->faults->world, trouble->node, sim_fault__now(occurrence));
    }
    return true;
}

static void heal(struct sim_occurrence *occurrence) { (void)end(occurrence); }

static void act_damage(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    struct sim_disk_case *disk_case = new_case(occurrence);
    bool rots = spec->kind == SIM_FAULT_BIT_ROT;
    for (uint32_t i = 0; i < disk_case->count; i++) {
        struct sim_trouble *trouble = &disk_case->troubles[i];
        for (uint32_t j = 0; j < (spec->sectors > 0 ? spec->sectors : 1); j++) {
            if (!sim_disk_damage(disk_of(disk_case, trouble), trouble, rots)) break;
        }
    }
}

static bool end_damage(struct sim_occurrence *occurrence) {
    WEFT_ASSERT(occurrence->disk_case != NULL);
    return true;
}

void sim_fault__cases_free(struct sim_faults *faults) {
    for (struct weft_link *link; (link = weft_list_pop_front(&faults->cases)) != NULL;) {
        struct sim_disk_case *disk_case = WEFT_CONTAINER(link, struct sim_disk_case, link);
        for (uint32_t i = 0; i < disk_case->count; i++) {
            struct sim_disk *disk = disk_of(disk_case, &disk_case->troubles[i]);
            sim_disk_trouble_off(disk, &disk_case->troubles[i]);
            sim_disk_forget(disk, &disk_case->troubles[i]);
        }
        free(disk_case);
    }
}

const struct sim_fault_ops sim_fault__disk = {
    .choose = choose, .act = act, .end = end, .heal = heal, .ends = SIM_ENDS_WHEN_TOLD};

const struct sim_fault_ops sim_fault__damage = {
    .choose = choose, .act = act_damage, .end = end_damage, .ends = SIM_ENDS_AT_ONCE};
