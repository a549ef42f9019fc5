/* YAML tree: a document as nodes that know where they stand. Over libyaml's events.
 *
 * Only plain YAML is taken: mappings, sequences, scalars. Anchors, aliases, tags, several documents
 * and mappings as keys are mistakes. Bounded in bytes, depth, nodes and entries, so that no input
 * costs more than a moment. */
#ifndef SIM_SCENARIO_YAML_TREE_H
#define SIM_SCENARIO_YAML_TREE_H

#include "core/base/bytes.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define SIM_YAML_SIZE_MAX (1u << 20)
#define SIM_YAML_DEPTH_MAX 12u
#define SIM_YAML_NODES_MAX 20000u
#define SIM_YAML_ENTRIES_MAX 256u /* of one mapping or sequence */

enum sim_yaml_kind {
    SIM_YAML_NOTHING = 1, /* a key without a value */
    SIM_YAML_SCALAR,
    SIM_YAML_SEQUENCE,
    SIM_YAML_MAPPING,
    SIM_YAML_BROKEN /* stands for what was refused: its mistake is told already */
};

struct sim_yaml_node {
    enum sim_yaml_kind kind;
    uint32_t line, column;        /* from 1 */
    const char *set;              /* the --set it comes from, borrowed; NULL: the file */
    char *text;                   /* SCALAR; never NULL */
    struct sim_yaml_node **keys;  /* MAPPING: scalars, all different */
    struct sim_yaml_node **items; /* MAPPING: the values; SEQUENCE */
    uint32_t count;
};

/* Where a mistake is. `set` as in a node; line 0: no place in particular. */
struct sim_yaml_place {
    uint32_t line, column;
    const char *set;
};

struct sim_yaml_report {
    void (*mistake)(void *ctx, const struct sim_yaml_place *place, const char *format, va_list args)
        __attribute__((format(printf, 3, 0)));
    void *ctx;
    const char *set; /* the text is the value of this --set; NULL: a file */
};

/* The tree of `text`. NULL when there is none: mistakes were reported, or (*no_memory) memory ran
 * out. A tree may come with mistakes reported. */
struct sim_yaml_node *sim_yaml_read(struct weft_bytes text, const struct sim_yaml_report *report,
                                    bool *no_memory);

/* NULL is ignored. */
void sim_yaml_free(struct sim_yaml_node *node);

/* The value of `key`; NULL when `node` is no mapping or has no such key. */
struct sim_yaml_node *sim_yaml_get(const struct sim_yaml_node *node, const char *key);

/* A node of its own: a scalar with a copy of `text`, or an empty mapping when `text` is NULL. NULL
 * when out of memory. */
struct sim_yaml_node *sim_yaml_new(const char *text, const struct sim_yaml_place *place);

/* Append `item` (under `key` in a mapping, whose place is `item`'s) and own it. False, and `item`
 * stays the caller's, when out of memory or at SIM_YAML_ENTRIES_MAX. */
bool sim_yaml_add(struct sim_yaml_node *node, const char *key, struct sim_yaml_node *item);

#endif
