/* The YAML tree: libyaml's events become nodes. */
#include "core/config/yaml_tree.h"

#include "core/base/assert.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct build {
    yaml_parser_t parser;
    struct weft_bytes text;
    const struct weft_yaml_report *report;
    uint32_t nodes_count;
    bool no_memory, stopped; /* stopped: nothing after this can be trusted */
};

void weft_yaml_free(struct weft_yaml_node *node) {
    if (node == NULL) return;
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->keys != NULL) weft_yaml_free(node->keys[i]);
        weft_yaml_free(node->items[i]);
    }
    free(node->keys);
    free(node->items);
    free(node->text);
    free(node);
}

struct weft_yaml_node *weft_yaml_get(const struct weft_yaml_node *node, const char *key) {
    WEFT_ASSERT(key != NULL);
    if (node == NULL || node->kind != WEFT_YAML_MAPPING) return NULL;
    for (uint32_t i = 0; i < node->count; i++) {
        if (strcmp(node->keys[i]->text, key) == 0) return node->items[i];
    }
    return NULL;
}

static char *text_copy(const char *text, size_t size) {
    char *copy = malloc(size + 1);
    if (copy == NULL) return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

struct weft_yaml_node *weft_yaml_new(const char *text, const struct weft_yaml_place *place) {
    WEFT_ASSERT(place != NULL);
    struct weft_yaml_node *node = calloc(1, sizeof *node);
    if (node == NULL) return NULL;
    *node = (struct weft_yaml_node){.kind = text != NULL ? WEFT_YAML_SCALAR : WEFT_YAML_MAPPING,
                                    .line = place->line,
                                    .column = place->column,
                                    .set = place->set};
    if (text == NULL) return node;
    node->text = text_copy(text, strlen(text));
    if (node->text != NULL) return node;
    free(node);
    return NULL;
}

/* Room for one more entry; doubles at each power of two. */
static bool grow(struct weft_yaml_node ***list, uint32_t count) {
    if (count != 0 && (count & (count - 1)) != 0) return true;
    size_t room = count == 0 ? 1 : 2 * (size_t)count;
    struct weft_yaml_node **more = realloc(*list, room * sizeof(struct weft_yaml_node *));
    if (more == NULL) return false;
    *list = more;
    return true;
}

static bool append(struct weft_yaml_node *node, struct weft_yaml_node *key,
                   struct weft_yaml_node *item) {
    WEFT_ASSERT((key != NULL) == (node->kind == WEFT_YAML_MAPPING));
    WEFT_ASSERT(node->count < WEFT_YAML_ENTRIES_MAX);
    if (!grow(&node->items, node->count)) return false;
    if (key != NULL) {
        if (!grow(&node->keys, node->count)) return false;
        node->keys[node->count] = key;
    }
    node->items[node->count++] = item;
    return true;
}

bool weft_yaml_add(struct weft_yaml_node *node, const char *key, struct weft_yaml_node *item) {
    WEFT_ASSERT(item != NULL);
    if (node->count >= WEFT_YAML_ENTRIES_MAX) return false;
    if (key == NULL) return append(node, NULL, item);
    struct weft_yaml_place place = {item->line, item->column, item->set};
    struct weft_yaml_node *name = weft_yaml_new(key, &place);
    if (name == NULL) return false;
    if (append(node, name, item)) return true;
    weft_yaml_free(name);
    return false;
}

struct weft_yaml_node *weft_yaml_take(struct weft_yaml_node *node, const char *key) {
    struct weft_yaml_node *item = weft_yaml_get(node, key);
    if (item == NULL) return NULL;
    uint32_t at = 0;
    while (node->items[at] != item) at++;
    weft_yaml_free(node->keys[at]);
    node->count--;
    for (; at < node->count; at++) {
        node->keys[at] = node->keys[at + 1];
        node->items[at] = node->items[at + 1];
    }
    return item;
}

/* --- mistakes --- */

__attribute__((format(printf, 3, 4))) static void
tell(struct build *build, struct weft_yaml_place place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    place.set = build->report->set;
    build->report->mistake(build->report->ctx, &place, format, args);
    va_end(args);
}

static struct weft_yaml_place place_of(yaml_mark_t mark) {
    return (struct weft_yaml_place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1, NULL};
}

static struct weft_yaml_place place_at(struct weft_bytes text, size_t offset) {
    struct weft_yaml_place place = {1, 1, NULL};
    for (size_t i = 0; i < offset && i < text.size; i++) {
        unsigned char c = text.data[i];
        if (c == '\n') {
            place.line++;
            place.column = 1;
        } else if ((c & 0xc0) != 0x80) { /* bytes that continue a character are no column */
            place.column++;
        }
    }
    return place;
}

static unsigned char byte_at(const struct build *build, size_t offset) {
    return offset < build->text.size ? build->text.data[offset] : '\n';
}

/* libyaml counts characters, so look for the tab by line and column. */
static bool is_tab(const struct build *build, yaml_mark_t mark) {
    size_t offset = 0;
    for (size_t line = 0; line < mark.line && offset < build->text.size; offset++) {
        if (build->text.data[offset] == '\n') line++;
    }
    for (size_t column = 0; column < mark.column; column++) {
        if (byte_at(build, offset) >= 0x80) return false;
        offset++;
    }
    return byte_at(build, offset) == '\t';
}

static void tell_reader(struct build *build) {
    const yaml_parser_t *parser = &build->parser;
    size_t offset = parser->problem_offset;
    for (size_t back = 1; back <= 3 && back <= offset; back++) {
        if (byte_at(build, offset - back) < 0x80) break;
        if (byte_at(build, offset - back) < 0xc0) continue;
        offset -= back; /* where the broken character starts */
        break;
    }
    struct weft_yaml_place place = place_at(build->text, offset);
    if (parser->problem_value >= 0 && parser->problem != NULL &&
        strcmp(parser->problem, "control characters are not allowed") == 0) {
        tell(build, place, "control character 0x%02x, expected text",
             (unsigned)parser->problem_value);
        return;
    }
    tell(build, place, "not UTF-8, expected text");
}

static void tell_syntax(struct build *build) {
    const yaml_parser_t *parser = &build->parser;
    build->stopped = true;
    if (parser->error == YAML_MEMORY_ERROR) {
        build->no_memory = true;
    } else if (parser->error == YAML_READER_ERROR) {
        tell_reader(build);
    } else if (is_tab(build, parser->problem_mark)) {
        tell(build, place_of(parser->problem_mark), "tab, expected spaces to indent with");
    } else {
        const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
        const char *context = parser->context != NULL ? parser->context : "reading it";
        tell(build, place_of(parser->problem_mark), "not YAML: %s (%s)", problem, context);
    }
}

/* --- nodes --- */

static bool next_event(struct build *build, yaml_event_t *event) {
    if (yaml_parser_parse(&build->parser, event)) return true;
    tell_syntax(build);
    return false;
}

static struct weft_yaml_node *node_new(struct build *build, enum weft_yaml_kind kind,
                                       const yaml_event_t *event) {
    struct weft_yaml_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        build->no_memory = build->stopped = true;
        return NULL;
    }
    struct weft_yaml_place place = place_of(event->start_mark);
    node->kind = kind;
    node->line = place.line;
    node->column = place.column;
    node->set = build->report->set;
    return node;
}

static bool refuse_extras(struct build *build, const yaml_event_t *event, const void *anchor,
                          const void *tag) {
    struct weft_yaml_place place = place_of(event->start_mark);
    if (anchor != NULL) tell(build, place, "anchor '&', expected plain YAML without anchors");
    if (tag != NULL) tell(build, place, "tag '!', expected plain YAML without tags");
    return anchor != NULL || tag != NULL;
}

static struct weft_yaml_node *scalar(struct build *build, const yaml_event_t *event) {
    const char *value = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    bool broken = refuse_extras(build, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (memchr(value, '\0', size) != NULL) {
        tell(build, place_of(event->start_mark), "NUL in a text, expected text");
        broken = true;
    }
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct weft_yaml_node *node = node_new(build, WEFT_YAML_SCALAR, event);
    if (node == NULL) return NULL;
    node->text = text_copy(value, size);
    if (node->text == NULL) {
        build->no_memory = build->stopped = true;
        weft_yaml_free(node);
        return NULL;
    }
    if (broken)
        node->kind = WEFT_YAML_BROKEN;
    else if (size == 0 && plain)
        node->kind = WEFT_YAML_NOTHING;
    return node;
}

static bool within_bounds(struct build *build, const yaml_event_t *event, uint32_t depth) {
    struct weft_yaml_place place = place_of(event->start_mark);
    if (depth > WEFT_YAML_DEPTH_MAX) {
        tell(build, place, "nested %u deep, expected at most %u", depth, WEFT_YAML_DEPTH_MAX);
        build->stopped = true;
    } else if (++build->nodes_count > WEFT_YAML_NODES_MAX) {
        tell(build, place, "more than %u values, expected %s", WEFT_YAML_NODES_MAX,
             build->report->expected);
        build->stopped = true;
    }
    return !build->stopped;
}

/* One entry of a collection has been read: keep it, or drop it with its mistake told. */
static void keep(struct build *build, struct weft_yaml_node *node, struct weft_yaml_node *key,
                 struct weft_yaml_node *item) {
    bool kept = false;
    struct weft_yaml_place place = {item->line, item->column, NULL};
    const struct weft_yaml_node *first = key != NULL ? weft_yaml_get(node, key->text) : NULL;
    if (first != NULL) {
        place = (struct weft_yaml_place){key->line, key->column, NULL};
        tell(build, place, "duplicate key '%.40s', expected it once: line %u gives it already",
             key->text, first->line);
    } else if (node->count >= WEFT_YAML_ENTRIES_MAX) {
        tell(build, place, "more than %u entries, expected at most that many",
             WEFT_YAML_ENTRIES_MAX);
        build->stopped = true;
    } else {
        kept = append(node, key, item);
        if (!kept) build->no_memory = build->stopped = true;
    }
    if (kept) return;
    weft_yaml_free(key);
    weft_yaml_free(item);
}

/* A key that is no text stands as NOTHING or a collection: told, and its entry is dropped. */
static bool key_is_text(struct build *build, const struct weft_yaml_node *key) {
    if (key->kind == WEFT_YAML_SCALAR) return true;
    if (key->kind == WEFT_YAML_BROKEN) return false;
    struct weft_yaml_place place = {key->line, key->column, NULL};
    tell(build, place, "a key that is no word, expected 'key: value'");
    return false;
}

/* The next item of `node`: a mapping's items are a key, its value, a key, ... */
static void put(struct build *build, struct weft_yaml_node *node, struct weft_yaml_node **key,
                struct weft_yaml_node *item) {
    if (node->kind == WEFT_YAML_MAPPING && *key == NULL) {
        *key = item;
        return;
    }
    if (*key != NULL && !key_is_text(build, *key)) {
        weft_yaml_free(*key);
        weft_yaml_free(item);
    } else {
        keep(build, node, *key, item);
    }
    *key = NULL;
}

static struct weft_yaml_node *collection_new(struct build *build, const yaml_event_t *event,
                                             bool *broken) {
    bool sequence = event->type == YAML_SEQUENCE_START_EVENT;
    const void *anchor =
        sequence ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
    const void *tag = sequence ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    *broken = refuse_extras(build, event, anchor, tag);
    return node_new(build, sequence ? WEFT_YAML_SEQUENCE : WEFT_YAML_MAPPING, event);
}

static struct weft_yaml_node *leaf(struct build *build, const yaml_event_t *event) {
    if (event->type == YAML_SCALAR_EVENT) return scalar(build, event);
    WEFT_ASSERT(event->type == YAML_ALIAS_EVENT);
    tell(build, place_of(event->start_mark), "alias '*%.40s', expected plain YAML without aliases",
         (const char *)event->data.alias.anchor);
    return node_new(build, WEFT_YAML_BROKEN, event);
}

/* The node that starts with `event`. NULL: stopped. Deep only as within_bounds allows. */
static struct weft_yaml_node *any(struct build *build, const yaml_event_t *event, uint32_t depth) {
    if (!within_bounds(build, event, depth)) return NULL;
    bool starts =
        event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT;
    if (!starts) return leaf(build, event);
    bool broken = false, end = false;
    struct weft_yaml_node *node = collection_new(build, event, &broken), *key = NULL;
    while (node != NULL && !build->stopped && !end) {
        yaml_event_t inner;
        if (!next_event(build, &inner)) break;
        end = inner.type == YAML_SEQUENCE_END_EVENT || inner.type == YAML_MAPPING_END_EVENT;
        struct weft_yaml_node *item = end ? NULL : any(build, &inner, depth + 1);
        yaml_event_delete(&inner);
        if (item != NULL) put(build, node, &key, item);
    }
    weft_yaml_free(key);
    if (node != NULL && broken) node->kind = WEFT_YAML_BROKEN;
    return node;
}

/* --- the document --- */

/* Skip to the root's first event. False: there is none. */
static bool to_root(struct build *build, yaml_event_t *event) {
    while (next_event(build, event)) {
        bool skip =
            event->type == YAML_STREAM_START_EVENT || event->type == YAML_DOCUMENT_START_EVENT;
        bool none = event->type == YAML_STREAM_END_EVENT;
        if (!skip && !none) return true;
        yaml_event_delete(event);
        if (!none) continue;
        tell(build, (struct weft_yaml_place){1, 1, NULL}, "nothing in it, expected %s",
             build->report->expected);
        return false;
    }
    return false;
}

static void refuse_more(struct build *build) {
    bool done = build->stopped;
    while (!done) {
        yaml_event_t event;
        if (!next_event(build, &event)) return;
        if (event.type == YAML_DOCUMENT_START_EVENT) {
            tell(build, place_of(event.start_mark), "a second document, expected one in a file");
        }
        done = event.type == YAML_DOCUMENT_START_EVENT || event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
}

static bool is_text(struct build *build) {
    struct weft_bytes text = build->text;
    if (text.size > WEFT_YAML_SIZE_MAX) {
        tell(build, (struct weft_yaml_place){1, 1, NULL}, "%zu bytes, expected at most %u",
             text.size, WEFT_YAML_SIZE_MAX);
        return false;
    }
    const unsigned char *nul = text.size > 0 ? memchr(text.data, '\0', text.size) : NULL;
    if (nul == NULL) return true;
    tell(build, place_at(text, (size_t)(nul - text.data)), "NUL byte, expected text");
    return false;
}

static struct weft_yaml_node *read_document(struct build *build) {
    yaml_event_t event;
    yaml_parser_set_encoding(&build->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&build->parser, build->text.data, build->text.size);
    if (!to_root(build, &event)) return NULL;
    struct weft_yaml_node *root = any(build, &event, 1);
    yaml_event_delete(&event);
    refuse_more(build);
    return root;
}

struct weft_yaml_node *weft_yaml_read(struct weft_bytes text, const struct weft_yaml_report *report,
                                      bool *no_memory) {
    WEFT_ASSERT(report != NULL);
    WEFT_ASSERT(report->expected != NULL);
    WEFT_ASSERT(no_memory != NULL);
    struct build build = {.text = text, .report = report};
    *no_memory = false;
    if (!is_text(&build)) return NULL;
    if (!yaml_parser_initialize(&build.parser)) {
        *no_memory = true;
        return NULL;
    }
    struct weft_yaml_node *root = read_document(&build);
    yaml_parser_delete(&build.parser);
    *no_memory = build.no_memory;
    if (!build.stopped) return root;
    weft_yaml_free(root);
    return NULL;
}
