/* The section swarm: what is drawn, put into the tree. */
#include "sim/scenario/swarm.h"

#include "core/base/assert.h"
#include "core/base/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_DEFAULT WEFT_S(60) /* of a file that does not say; it is told for that */
#define FROM_PART 5             /* faults begin when so small a part of the run is over ... */
#define UNTIL_PERCENT 60        /* ... and the last begins here, so that there is calm at the end */

struct section {
    uint32_t chance_ppm; /* 0: drawn */
    struct sim_swarm__window window;
    const struct weft_yaml_node *faults; /* NULL: none */
    bool except[SIM_FAULT_KIND_COUNT];
};

/* --- its keys --- */

static void read_faults(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct section *section = into;
    bool all = value->node->kind == WEFT_YAML_SCALAR && strcmp(value->node->text, "all") == 0;
    if (all || sim_plan__is_list(reader, value, SIM_FAULTS_MAX, "a list of faults, or all"))
        section->faults = value->node;
}

static enum sim_fault_kind kind_named(const char *name) {
    for (int kind = 1; kind < SIM_FAULT_KIND_COUNT; kind++) {
        if (strcmp(name, sim_fault_name((enum sim_fault_kind)kind)) == 0)
            return (enum sim_fault_kind)kind;
    }
    return SIM_FAULT_NONE;
}

static void read_except(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct section *section = into;
    const char *names[SIM_FAULT_KIND_COUNT];
    if (!sim_plan__is_list(reader, value, SIM_FAULT_KIND_COUNT, "a list of kinds of faults"))
        return;
    for (int kind = 1; kind < SIM_FAULT_KIND_COUNT; kind++)
        names[kind - 1] = sim_fault_name((enum sim_fault_kind)kind);
    for (uint32_t i = 0; i < value->node->count; i++) {
        struct sim_plan__value entry = {value->node->items[i], value->key};
        if (!sim_plan__is(reader, &entry, WEFT_YAML_SCALAR, "kinds of faults")) continue;
        enum sim_fault_kind kind = kind_named(entry.node->text);
        section->except[kind] = true;
        if (kind != SIM_FAULT_NONE) continue;
        sim_plan__mistake(reader, entry.node, "unknown fault '%s', %s",
                          sim_plan__show(entry.node->text).text,
                          sim_plan__hint(entry.node->text, names, SIM_FAULT_KIND_COUNT - 1).text);
    }
}

#define AT(field) offsetof(struct section, field)

static const struct sim_plan__key keys[] = {
    {"chance", false, sim_plan__read_percent, AT(chance_ppm), 1, WEFT_PPM_ALL},
    {"from", false, sim_plan__read_duration, AT(window.from), 0, 0},
    {"until", false, sim_plan__read_duration, AT(window.until), WEFT_MS(1), 0},
    {"faults", false, read_faults, 0, 0, 0},
    {"except", false, read_except, 0, 0, 0},
};
#define KEYS_COUNT (sizeof keys / sizeof keys[0])
const struct sim_plan__section sim_plan__swarm_section = {"swarm", keys, KEYS_COUNT};

static const struct sim_plan__key *own_key(const char *name) {
    for (size_t i = 0; i < KEYS_COUNT; i++) {
        if (strcmp(keys[i].name, name) == 0) return &keys[i];
    }
    return NULL;
}

bool sim_swarm__is_own(const char *key) { return own_key(key) != NULL; }

/* It is taken out of the file before that is read. */
void sim_plan__read_swarm(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into) {
    WEFT_ASSERT(into == reader->plan);
    sim_plan__unfit(reader, value, "one swarm");
}

/* --- what was drawn, for people --- */

static void record(struct sim_plan__reader *reader, const char *name, char *value, bool is_fault) {
    struct sim_plan *plan = reader->plan;
    char *copy = sim_plan__copy(reader, name);
    if (copy == NULL || value == NULL || plan->draws_count == SIM_DRAWS_MAX) {
        reader->no_memory = reader->no_memory || value == NULL;
        free(copy);
        free(value);
        return;
    }
    plan->draws[plan->draws_count++] = (struct sim_draw){copy, value, is_fault};
}

/* --- paths --- */

/* Keys that a seed may not draw: they say what the scenario is. */
static bool is_fixed(const char *name) {
    return strcmp(name, "name") == 0 || strcmp(name, "seed") == 0 || strcmp(name, "swarm") == 0;
}

/* Its first key is one of the file. False: told. */
static bool is_of_file(struct sim_plan__reader *reader, const struct weft_yaml_node *key,
                       const char *first) {
    const struct sim_plan__section *file = sim_plan__section(0);
    const char *names[SIM_PLAN__WORDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < KEYS_COUNT; i++) names[count++] = keys[i].name;
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->keys[i].name;
        if (strcmp(name, first) == 0 && !is_fixed(name)) return true;
        bool twice = own_key(name) != NULL;
        if (!is_fixed(name) && !twice) names[count++] = name;
    }
    if (is_fixed(first)) {
        sim_plan__mistake(reader, key, "'%s' is what no seed draws, expected another key", first);
    } else {
        sim_plan__mistake(reader, key, "unknown key '%s', %s", sim_plan__show(first).text,
                          sim_plan__hint(first, names, count).text);
    }
    return false;
}

static bool is_set(const struct sim_plan_sets *sets, const char *path) {
    size_t size = strlen(path);
    for (uint32_t i = 0; sets != NULL && i < sets->count; i++) {
        if (strncmp(sets->sets[i], path, size) == 0 && sets->sets[i][size] == '=') return true;
    }
    return false;
}

/* The entry's value goes to where its key says. */
static void draw_path(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                      const struct weft_yaml_node *key, struct weft_yaml_node **value) {
    struct weft_yaml_place place = {key->line, key->column, key->set};
    struct sim_plan__path path;
    if (!sim_plan__path(key->text, strlen(key->text), &path)) {
        sim_plan__mistake(reader, key, "'%s' is no path, expected keys with a dot between",
                          sim_plan__show(key->text).text);
        return;
    }
    if (!is_of_file(reader, key, path.parts[0])) return;
    struct weft_yaml_node **at = sim_plan__slot(reader, &root, &path, &place);
    if (at == NULL) return;
    weft_yaml_free(*at);
    *at = *value;
    *value = NULL;
    sim_swarm__expand(reader, &reader->draw, at, key->text);
    record(reader, key->text, weft_yaml_line(*at), false);
}

/* --- faults --- */

static uint32_t chance_of(const struct sim_plan__reader *reader, const struct section *section) {
    static const uint32_t chances[] = {250000, 500000, 750000, WEFT_PPM_ALL};
    if (reader->draw.mode != SIM_SWARM_BY_SEED) return WEFT_PPM_ALL;
    if (section->chance_ppm > 0) return section->chance_ppm;
    return chances[weft_scale(sim_swarm__raw(&reader->draw, "chance", 0), 4)];
}

static enum sim_fault_kind kind_of(const struct weft_yaml_node *entry) {
    if (entry->kind != WEFT_YAML_MAPPING || entry->count == 0) return SIM_FAULT_NONE;
    return kind_named(entry->keys[0]->text);
}

/* "faults.crash.1": by how many of the kind are before it, so that others change nothing. */
static void path_of(const struct sim_plan *plan, enum sim_fault_kind kind, char path[64]) {
    unsigned before = 0;
    for (uint32_t i = 0; i < plan->swarm_count; i++) before += plan->swarm[i].kind == kind;
    snprintf(path, 64, "faults.%s.%u", sim_fault_name(kind), before);
}

static struct weft_yaml_node *list_of(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                                      const struct weft_yaml_place *place) {
    struct weft_yaml_node *list = weft_yaml_get(root, "faults");
    if (list != NULL) return list->kind == WEFT_YAML_SEQUENCE ? list : NULL;
    list = weft_yaml_new(NULL, place);
    if (list == NULL || !weft_yaml_add(root, "faults", list)) {
        weft_yaml_free(list);
        reader->no_memory = true;
        return NULL;
    }
    list->kind = WEFT_YAML_SEQUENCE;
    return list;
}

/* Put it among the faults of the file, and expand it there. */
static void put_on(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                   struct weft_yaml_node **entry, const char *path) {
    struct weft_yaml_place place = {(*entry)->line, (*entry)->column, (*entry)->set};
    struct weft_yaml_node *list = list_of(reader, root, &place);
    struct weft_yaml_node *fault = *entry;
    if (list == NULL || !weft_yaml_add(list, NULL, fault)) return;
    *entry = NULL;
    if (reader->swarm_on == 0) reader->swarm_first = list->count - 1;
    if (reader->swarm_on < SIM_FAULTS_MAX)
        reader->swarm_of[reader->swarm_on++] = reader->plan->swarm_count;
    enum sim_fault_kind kind = kind_of(fault);
    if (kind == SIM_FAULT_NONE || fault->count != 1) return; /* told when it is read */
    sim_swarm__expand(reader, &reader->draw, &fault->items[0], path);
    record(reader, sim_fault_name(kind), weft_yaml_line(fault->items[0]), true);
}

static void draw_fault(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                       struct weft_yaml_node **entry, uint32_t chance_ppm) {
    struct sim_plan *plan = reader->plan;
    enum sim_fault_kind kind = kind_of(*entry);
    char path[64], coin[80];
    path_of(plan, kind, path);
    snprintf(coin, sizeof coin, "%s.on", path);
    struct sim_swarm_fault fault = {kind, (*entry)->line};
    bool on = weft_chance_ppm(sim_swarm__raw(&reader->draw, coin, 0), chance_ppm);
    if (on) {
        put_on(reader, root, entry, path);
    } else {
        record(reader, sim_fault_name(kind), sim_plan__copy(reader, "off"), true);
    }
    WEFT_ASSERT(plan->swarm_count < SIM_FAULTS_MAX);
    plan->swarm[plan->swarm_count++] = fault;
}

static void draw_faults(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                        const struct section *section, struct weft_yaml_node *faults) {
    struct weft_yaml_place place = {faults->line, faults->column, faults->set};
    struct weft_yaml_node *all = NULL;
    uint32_t chance_ppm = chance_of(reader, section);
    if (faults->kind == WEFT_YAML_SCALAR) {
        all = sim_swarm__all(reader, root, &section->window, &place);
        reader->no_memory = reader->no_memory || all == NULL;
        faults = all;
    }
    for (uint32_t i = 0; faults != NULL && i < faults->count; i++) {
        enum sim_fault_kind kind = kind_of(faults->items[i]);
        if (kind != SIM_FAULT_NONE && section->except[kind]) continue;
        draw_fault(reader, root, &faults->items[i], chance_ppm);
    }
    weft_yaml_free(all);
}

/* --- all of it --- */

static void read_own(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                     struct section *section) {
    for (size_t i = 0; i < KEYS_COUNT; i++) {
        struct sim_plan__value value = {weft_yaml_get(node, keys[i].name), &keys[i]};
        if (value.node != NULL) keys[i].parse(reader, &value, section);
    }
}

/* What is not said of the window is by `stop`, which may have been drawn. */
static bool find_window(struct sim_plan__reader *reader, const struct weft_yaml_node *root,
                        const struct weft_yaml_node *node, struct sim_swarm__window *window) {
    const struct weft_yaml_node *stop = weft_yaml_get(root, "stop");
    weft_duration end = STOP_DEFAULT;
    if (stop != NULL && stop->kind == WEFT_YAML_SCALAR) (void)weft_value_duration(stop->text, &end);
    if (weft_yaml_get(node, "from") == NULL) window->from = end / FROM_PART;
    if (weft_yaml_get(node, "until") == NULL) window->until = end / 100 * UNTIL_PERCENT;
    if (window->from < window->until) return true;
    const struct weft_yaml_node *at = weft_yaml_get(node, "until");
    if (at == NULL) at = weft_yaml_get(node, "from");
    if (at != NULL) sim_plan__mistake(reader, at, "'until' is not after 'from', expected it to be");
    return false;
}

void sim_swarm__apply(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                      const struct sim_plan_sets *sets) {
    struct section section = {.chance_ppm = 0};
    struct weft_yaml_node *node = weft_yaml_take(root, "swarm");
    if (node == NULL) return;
    struct sim_plan__key self = {.name = "swarm"};
    struct sim_plan__value whole = {node, &self};
    reader->plan->has_swarm = true;
    if (reader->draw.mode == SIM_SWARM_BY_SEED) reader->mistakes.seed = &reader->draw.seed;
    if (sim_plan__is(reader, &whole, WEFT_YAML_MAPPING, "a mapping such as {faults: all}")) {
        read_own(reader, node, &section);
        for (uint32_t i = 0; i < node->count; i++) {
            const struct weft_yaml_node *key = node->keys[i];
            if (own_key(key->text) != NULL || is_set(sets, key->text)) continue;
            draw_path(reader, root, key, &node->items[i]);
        }
        bool timely = find_window(reader, root, node, &section.window);
        struct weft_yaml_node *faults = weft_yaml_get(node, "faults");
        if (timely && section.faults != NULL) draw_faults(reader, root, &section, faults);
    }
    weft_yaml_free(node);
}
