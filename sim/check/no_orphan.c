/* no_orphan: who lives, whose child it is, and who holds which name. */
#include "sim/check/internal.h"

#include "core/base/assert.h"
#include "core/base/hash.h"

#include <stdlib.h>

/* I1  a record stays as long as it lives or one of its children does.
 * I2  a supervisor that is `stopping` is no child any more: it ends when its own children have. */
struct person {
    uint64_t pid, parent;
    struct sim_check__key name; /* means something when `named` */
    weft_time ended_at;
    uint32_t node;
    uint32_t children; /* alive, and not stopping */
    bool alive, named, is_sup, stopping, had_children;
};

struct grave {
    struct sim_check__key key;
    weft_time at;
};

/* Graves stand in order of time: [head, count) may be judged yet. */
struct no_orphan {
    struct sim_check__ctx ctx;
    struct person *people;
    size_t people_count, people_room;
    size_t *spare;
    size_t spare_count, spare_room;
    struct sim_check__map by_pid;  /* (node, pid) to index in `people` */
    struct sim_check__map by_name; /* (node, name) to pid */
    struct grave *graves;
    size_t head, graves_count, graves_room;
};

static struct sim_check__key key_of(uint32_t node, uint64_t pid) {
    return (struct sim_check__key){.a = node, .b = pid};
}

static struct sim_check__key name_key(const struct weft_trace_event *event) {
    uint64_t a = weft_fold_bytes(event->node, event->bytes.data, event->bytes.size);
    uint64_t b = weft_fold_bytes(~a, event->bytes.data, event->bytes.size);
    return (struct sim_check__key){.a = a, .b = b};
}

static struct person *find(const struct no_orphan *check, uint32_t node, uint64_t pid) {
    const uint64_t *index = sim_check__map_get(&check->by_pid, key_of(node, pid));
    return index != NULL ? &check->people[*index] : NULL;
}

static struct person *person_new(struct no_orphan *check, const struct person *person) {
    size_t index;
    if (check->spare_count > 0) {
        index = check->spare[--check->spare_count];
    } else {
        check->people = sim_check__grow(check->people, check->people_count, &check->people_room,
                                        sizeof *check->people);
        index = check->people_count++;
    }
    check->people[index] = *person;
    sim_check__map_put(&check->by_pid, key_of(person->node, person->pid), index);
    return &check->people[index];
}

static void person_free(struct no_orphan *check, const struct person *person) {
    WEFT_ASSERT(!person->alive);
    WEFT_ASSERT(person->children == 0);
    check->spare =
        sim_check__grow(check->spare, check->spare_count, &check->spare_room, sizeof *check->spare);
    check->spare[check->spare_count++] = (size_t)(person - check->people);
    sim_check__map_remove(&check->by_pid, key_of(person->node, person->pid));
}

static void take_name(struct no_orphan *check, struct person *person,
                      const struct weft_trace_event *event) {
    struct sim_check__key key = name_key(event);
    const uint64_t *holder = sim_check__map_get(&check->by_name, key);
    if (holder != NULL && *holder != person->pid) {
        sim_check__failed(&check->ctx, event->at, event->node, "\"%.*s\" has two holders",
                          (int)event->bytes.size, (const char *)event->bytes.data);
        return;
    }
    sim_check__held(&check->ctx);
    sim_check__map_put(&check->by_name, key, person->pid);
    person->name = key;
    person->named = true;
}

static void drop_name(struct no_orphan *check, struct person *person) {
    if (person->named) sim_check__map_remove(&check->by_name, person->name);
    person->named = false;
}

static void on_start(struct no_orphan *check, const struct weft_trace_event *event) {
    struct person person = {
        .pid = event->number[0], .parent = event->number[1], .node = event->node, .alive = true};
    if (find(check, event->node, person.pid) != NULL) {
        sim_check__failed(&check->ctx, event->at, event->node, "pid %llx was given twice",
                          (unsigned long long)person.pid);
        return;
    }
    struct person *parent = find(check, event->node, person.parent);
    if (parent != NULL) {
        parent->children++;
        parent->had_children = true;
    }
    struct person *born = person_new(check, &person);
    if (event->number[2] != 0) take_name(check, born, event);
}

static void on_name(struct no_orphan *check, const struct weft_trace_event *event) {
    struct person *person = find(check, event->node, event->number[0]);
    if (person == NULL || !person->alive) return;
    if (event->number[1] != 0) {
        take_name(check, person, event);
    } else {
        drop_name(check, person);
    }
}

static void bury(struct no_orphan *check, const struct person *person, weft_time at) {
    if (check->head == check->graves_count) check->head = check->graves_count = 0;
    check->graves = sim_check__grow(check->graves, check->graves_count, &check->graves_room,
                                    sizeof *check->graves);
    check->graves[check->graves_count++] =
        (struct grave){.key = key_of(person->node, person->pid), .at = at};
}

static void leave_parent(struct no_orphan *check, const struct person *person) {
    struct person *parent = find(check, person->node, person->parent);
    if (parent == NULL) return;
    WEFT_ASSERT(parent->children > 0);
    parent->children--;
    if (!parent->alive && parent->children == 0) person_free(check, parent);
}

static void on_exit_of(struct no_orphan *check, const struct weft_trace_event *event) {
    struct person *person = find(check, event->node, event->number[0]);
    if (person == NULL || !person->alive) {
        sim_check__failed(&check->ctx, event->at, event->node, "pid %llx ended twice",
                          (unsigned long long)event->number[0]);
        return;
    }
    person->alive = false;
    person->ended_at = event->at;
    drop_name(check, person);
    if (!person->stopping) leave_parent(check, person);
    if (person->children == 0) {
        if (person->is_sup && person->had_children) sim_check__held(&check->ctx);
        person_free(check, person);
    } else if (person->is_sup) {
        bury(check, person, event->at);
    }
}

static void on_sup(struct no_orphan *check, const struct weft_trace_event *event) {
    struct person *person = find(check, event->node, event->number[0]);
    if (person != NULL) person->is_sup = true;
}

static void on_stopping(struct no_orphan *check, const struct weft_trace_event *event) {
    struct person *person = find(check, event->node, event->number[0]);
    if (person == NULL || !person->alive || person->stopping) return;
    person->stopping = true;
    leave_parent(check, person);
}

/* All of a node goes when it goes. */
static void on_node_down(struct no_orphan *check, uint32_t node) {
    for (size_t i = 0; i < check->people_count; i++) {
        struct person *person = &check->people[i];
        const uint64_t *index = sim_check__map_get(&check->by_pid, key_of(node, person->pid));
        if (person->node != node || index == NULL || *index != i) continue;
        drop_name(check, person);
        person->alive = false;
        person->children = 0;
        person_free(check, person);
    }
}

static void tick(void *state, weft_time at) {
    struct no_orphan *check = state;
    const struct sim_check__view *view = check->ctx.view;
    for (; check->head < check->graves_count; check->head++) {
        const struct grave *grave = &check->graves[check->head];
        if (grave->at + check->ctx.within >= at) return;
        const uint64_t *index = sim_check__map_get(&check->by_pid, grave->key);
        bool paused = view->pauses > 0 || view->pause_changed_at >= grave->at;
        if (paused) continue;
        const struct person *left = index != NULL ? &check->people[*index] : NULL;
        /* A node's next life gives the same pids again. */
        bool gone = left == NULL || left->alive || left->ended_at != grave->at;
        if (gone || left->children == 0) {
            sim_check__held(&check->ctx);
            continue;
        }
        sim_check__failed(&check->ctx, grave->at + check->ctx.within, (uint32_t)grave->key.a,
                          "%u children outlive supervisor %llx", left->children,
                          (unsigned long long)grave->key.b);
    }
}

static void trace(void *state, const struct weft_trace_event *event) {
    struct no_orphan *check = state;
    if (event->kind == WEFT_TRACE_PROC_START) on_start(check, event);
    if (event->kind == WEFT_TRACE_PROC_NAME) on_name(check, event);
    if (event->kind == WEFT_TRACE_PROC_EXIT) on_exit_of(check, event);
    if (event->kind == WEFT_TRACE_SUP_UP) on_sup(check, event);
    if (event->kind == WEFT_TRACE_SUP_STOPPING) on_stopping(check, event);
    if (event->kind == WEFT_TRACE_NODE_DOWN) on_node_down(check, event->node);
}

static void deinit(void *state) {
    struct no_orphan *check = state;
    free(check->people);
    free(check->spare);
    free(check->graves);
    sim_check__map_free(&check->by_pid);
    sim_check__map_free(&check->by_name);
}

const struct sim_check__ops sim_check__no_orphan = {
    .mask = SIM_CHECK_MASK_CUTS | WEFT_TRACE_BIT(WEFT_TRACE_PROC_START) |
            WEFT_TRACE_BIT(WEFT_TRACE_PROC_NAME) | WEFT_TRACE_BIT(WEFT_TRACE_PROC_EXIT) |
            WEFT_TRACE_BIT(WEFT_TRACE_SUP_UP) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_STOPPING) |
            WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN),
    .within = WEFT_S(10),
    .judges_stopping = true,
    .state_size = sizeof(struct no_orphan),
    .tick = tick,
    .trace = trace,
    .deinit = deinit,
};
