/* Faults: each kind read by its table, and what all kinds have in common. */
#include "sim/scenario/plan_faults.h"

#include "core/base/assert.h"

#include <string.h>

#define OVERLAP_MAX 32

static const struct sim_plan__fault_kind *const kinds[SIM_FAULT_KIND_COUNT] = {
    [SIM_FAULT_PARTITION] = &sim_plan__partition,
    [SIM_FAULT_ISOLATE] = &sim_plan__isolate,
    [SIM_FAULT_CRASH] = &sim_plan__crash,
    [SIM_FAULT_KILL] = &sim_plan__kill,
    [SIM_FAULT_STOP] = &sim_plan__stop,
    [SIM_FAULT_RESTART] = &sim_plan__restart,
    [SIM_FAULT_PAUSE] = &sim_plan__pause,
    [SIM_FAULT_CHURN] = &sim_plan__churn,
    [SIM_FAULT_DEGRADE] = &sim_plan__degrade,
    [SIM_FAULT_POISON] = &sim_plan__poison,
    [SIM_FAULT_UPGRADE] = &sim_plan__upgrade,
    [SIM_FAULT_HANG] = &sim_plan__hang,
    [SIM_FAULT_CLOCK] = &sim_plan__clock,
    [SIM_FAULT_REBIND] = &sim_plan__rebind,
    [SIM_FAULT_MOVE] = &sim_plan__move,
    [SIM_FAULT_RESET] = &sim_plan__reset,
    [SIM_FAULT_HALF_OPEN] = &sim_plan__half_open,
    [SIM_FAULT_SLOW] = &sim_plan__slow,
    [SIM_FAULT_OUTAGE] = &sim_plan__outage,
    [SIM_FAULT_CLOG] = &sim_plan__clog,
    [SIM_FAULT_FILTER] = &sim_plan__filter,
    [SIM_FAULT_OVERFLOW] = &sim_plan__overflow,
    [SIM_FAULT_MEMORY] = &sim_plan__memory,
    [SIM_FAULT_WIPE] = &sim_plan__wipe,
    [SIM_FAULT_LOST_FSYNC] = &sim_plan__lost_fsync,
    [SIM_FAULT_MISDIRECT] = &sim_plan__misdirect,
    [SIM_FAULT_BIT_ROT] = &sim_plan__bit_rot,
    [SIM_FAULT_LATENT_ERROR] = &sim_plan__latent_error,
    [SIM_FAULT_IO_ERROR] = &sim_plan__io_error,
    [SIM_FAULT_DISK_FULL] = &sim_plan__disk_full,
    [SIM_FAULT_DISK_SLOW] = &sim_plan__disk_slow,
    [SIM_FAULT_DISK_STUCK] = &sim_plan__disk_stuck};

const struct sim_plan__section *sim_plan__fault_section(enum sim_fault_kind kind) {
    return &kinds[kind]->section;
}

int sim_plan__choose_word(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          const char *const *words, size_t count) {
    if (!sim_plan__is(reader, value, WEFT_YAML_SCALAR, "a word")) return -1;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value->node->text, words[i]) == 0) return (int)i;
    }
    sim_plan__mistake(reader, value->node, "unknown %s '%s', %s", value->key->name,
                      sim_plan__show(value->node->text).text,
                      sim_plan__hint(value->node->text, words, count).text);
    return -1;
}

static const char *const kind_names[] = {
#define SIM_FAULT_NAME(NAME, key) key,
    SIM_FAULTS(SIM_FAULT_NAME)
#undef SIM_FAULT_NAME
};

static void check_again(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                        struct sim_plan__fault *fault) {
    struct sim_fault_spec *spec = &fault->spec;
    const struct weft_yaml_node *until = weft_yaml_get(node, "until");
    const struct weft_yaml_node *times = weft_yaml_get(node, "times");
    const char *const needy[] = {"until", "times", "rolling"};
    bool again = weft_yaml_get(node, "every") != NULL;
    for (size_t i = 0; i < 3 && !again; i++) {
        const struct weft_yaml_node *given = weft_yaml_get(node, needy[i]);
        if (given == NULL) continue;
        sim_plan__mistake(reader, given, "'%s' without 'every', expected both%s", needy[i],
                          i == 0 ? "; how long a fault lasts is 'for'" : "");
    }
    if (until != NULL && times != NULL) {
        sim_plan__mistake(reader, times, "'times' and 'until', expected one of them");
    }
    if (again && until != NULL && spec->until < spec->at) {
        sim_plan__mistake(reader, until, "'until' is before 'at', expected it after");
    }
    if (fault->times == 0 || spec->every == 0) return;
    weft_duration room = WEFT_TIME_NEVER - spec->at;
    uint32_t gaps = fault->times - 1;
    bool endless = gaps > 0 && spec->every > room / (weft_duration)gaps;
    spec->until = endless ? WEFT_TIME_NEVER : spec->at + spec->every * (weft_duration)gaps;
}

/* Faults that are layers or states pile up when they come again before they ended. */
static void check_pile(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct sim_fault_spec *spec) {
    const struct weft_yaml_node *every = weft_yaml_get(node, "every");
    if (!kinds[spec->kind]->piles || every == NULL || spec->every == 0) return;
    const struct weft_yaml_node *lasts = weft_yaml_get(node, "for");
    if (lasts == NULL) {
        sim_plan__mistake(reader, every, "'every' without 'for', expected how long each lasts");
    } else if (spec->lasts / spec->every >= OVERLAP_MAX) {
        sim_plan__mistake(reader, lasts, "'for' spans more than %d of 'every', expected fewer",
                          OVERLAP_MAX);
    }
}

static void check_stop(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct sim_fault_spec *spec) {
    const struct weft_yaml_node *at = weft_yaml_get(node, "at");
    weft_time stop = reader->plan->stop;
    char text[WEFT_VALUE_TEXT_MAX];
    if (at == NULL || spec->at < stop) return;
    sim_plan__mistake(reader, at,
                      "'at' is '%s': it would never happen, expected before the run "
                      "stops at %s",
                      sim_plan__show(at->text).text, weft_value_show_duration(stop, text));
}

/* Which of the plan's swarm the entry is, from 1; 0: none of them. */
static uint32_t swarm_of(const struct sim_plan__reader *reader, uint32_t entry) {
    bool drawn = entry >= reader->swarm_first && entry - reader->swarm_first < reader->swarm_on;
    return drawn ? 1 + reader->swarm_of[entry - reader->swarm_first] : 0;
}

static void read_fault(struct sim_plan__reader *reader, const struct weft_yaml_node *entry,
                       uint32_t swarm) {
    struct sim_plan *plan = reader->plan;
    const struct sim_plan__choice choice = {"fault", kind_names, SIM_FAULT_KIND_COUNT - 1, false};
    struct sim_plan__value options;
    int kind = sim_plan__choose(reader, entry, &choice, &options);
    if (kind < 0) return;
    struct sim_plan__fault fault = {.spec = {.kind = (enum sim_fault_kind)(kind + 1),
                                             .line = entry->line,
                                             .swarm = swarm,
                                             .until = WEFT_TIME_NEVER}};
    const struct weft_yaml_node *node = options.node;
    reader->within =
        (struct sim_plan__within){.fault = plan->faults_count + 1, .line = entry->line};
    if (!sim_plan__read_section(reader, node, &kinds[kind + 1]->section, &fault)) return;
    check_again(reader, node, &fault);
    check_pile(reader, node, &fault.spec);
    if (kinds[kind + 1]->check != NULL) kinds[kind + 1]->check(reader, node, &fault);
    check_stop(reader, node, &fault.spec);
    sim_plan__chain_of(&fault.link, &fault.spec.chain);
    fault.spec.domains = plan->domains;
    WEFT_ASSERT(plan->faults_count < SIM_FAULTS_MAX);
    plan->faults[plan->faults_count++] = fault.spec;
}

void sim_plan__read_faults(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into) {
    (void)into;
    if (!sim_plan__is_list(reader, value, SIM_FAULTS_MAX, "a list of faults")) return;
    for (uint32_t i = 0; i < value->node->count; i++)
        read_fault(reader, value->node->items[i], swarm_of(reader, i));
}
