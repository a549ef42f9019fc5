/* YAML tree: a document as nodes that know where they stand. Over libyaml's events.
 *
 * Only plain YAML is taken: mappings, sequences, scalars. Anchors, aliases, tags, several documents
 * and mappings as keys are mistakes. Bounded in bytes, depth, nodes and entries, so that no input
 * costs more than a moment. */
#ifndef WEFT_CONFIG_YAML_TREE_H
#define WEFT_CONFIG_YAML_TREE_H

#include "core/base/bytes.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define WEFT_YAML_SIZE_MAX (1u << 20)
#define WEFT_YAML_DEPTH_MAX 12u
#define WEFT_YAML_NODES_MAX 20000u
#define WEFT_YAML_ENTRIES_MAX 256u /* of one mapping or sequence */

enum weft_yaml_kind {
    WEFT_YAML_NOTHING = 1, /* a key without a value */
    WEFT_YAML_SCALAR,
    WEFT_YAML_SEQUENCE,
    WEFT_YAML_MAPPING,
    WEFT_YAML_BROKEN /* stands for what was refused: its mistake is told already */
};

struct weft_yaml_node {
    enum weft_yaml_kind kind;
    uint32_t line, column;         /* from 1 */
    const char *set;               /* the --set it comes from, borrowed; NULL: the file */
    char *text;                    /* SCALAR; never NULL */
    struct weft_yaml_node **keys;  /* MAPPING: scalars, all different */
    struct weft_yaml_node **items; /* MAPPING: the values; SEQUENCE */
    uint32_t count;
};

/* Where a mistake is. `set` as in a node; line 0: no place in particular. */
struct weft_yaml_place {
    uint32_t line, column;
    const char *set;
};

struct weft_yaml_report {
    void (*mistake)(void *ctx, const struct weft_yaml_place *place, const char *format,
                    va_list args) __attribute__((format(printf, 3, 0)));
    void *ctx;
    const char *set;      /* the text is the value of this --set; NULL: a file */
    const char *expected; /* what the text should be, with its article */
};

/* The tree of `text`. NULL when there is none: mistakes were reported, or (*no_memory) memory ran
 * out. A tree may come with mistakes reported. */
struct weft_yaml_node *weft_yaml_read(struct weft_bytes text, const struct weft_yaml_report *report,
                                      bool *no_memory);

/* NULL is ignored. */
void weft_yaml_free(struct weft_yaml_node *node);

/* The value of `key`; NULL when `node` is no mapping or has no such key. */
struct weft_yaml_node *weft_yaml_get(const struct weft_yaml_node *node, const char *key);

/* A node of its own: a scalar with a copy of `text`, or an empty mapping when `text` is NULL. NULL
 * when out of memory. */
struct weft_yaml_node *weft_yaml_new(const char *text, const struct weft_yaml_place *place);

/* Append `item` (under `key` in a mapping, whose place is `item`'s) and own it. False, and `item`
 * stays the caller's, when out of memory or at WEFT_YAML_ENTRIES_MAX. */
bool weft_yaml_add(struct weft_yaml_node *node, const char *key, struct weft_yaml_node *item);

/* The value of `key`, out of the mapping `node` and now the caller's; NULL when it has no such key.
 */
struct weft_yaml_node *weft_yaml_take(struct weft_yaml_node *node, const char *key);

/* The tree as text that reads as the same tree, to free(). NULL when out of memory.
 *   document: a mapping, a key a line, the entries of a list a line each, the rest in braces
 *   line: all of it in braces, without a newline */
char *weft_yaml_document(const struct weft_yaml_node *node);
char *weft_yaml_line(const struct weft_yaml_node *node);

#endif
