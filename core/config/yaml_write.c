/* A YAML tree as text. */
#include "core/base/assert.h"
#include "core/config/yaml_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *data;
    size_t size, room;
    bool no_memory;
};

static void put_bytes(struct text *text, const char *data, size_t size) {
    if (text->no_memory) return;
    if (text->room - text->size <= size) {
        size_t room = 2 * (text->room + size + 1);
        char *more = realloc(text->data, room);
        text->no_memory = more == NULL;
        if (more == NULL) return;
        text->data = more;
        text->room = room;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

static void put(struct text *text, const char *words) { put_bytes(text, words, strlen(words)); }

/* Nothing YAML would read more into, quoted or not. */
static bool is_plain(const char *scalar) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./%+-";
    bool indicator = scalar[0] == '-' || scalar[0] == '%';
    return scalar[0] != '\0' && !indicator && scalar[strspn(scalar, plain)] == '\0';
}

static void put_quoted(struct text *text, const char *scalar) {
    put(text, "\"");
    for (; *scalar != '\0'; scalar++) {
        unsigned char c = (unsigned char)*scalar;
        char escaped[8];
        if (c == '"' || c == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            snprintf(escaped, sizeof escaped, "\\x%02x", c);
        } else {
            snprintf(escaped, sizeof escaped, "%c", c);
        }
        put(text, escaped);
    }
    put(text, "\"");
}

static void put_scalar(struct text *text, const char *scalar) {
    WEFT_ASSERT(scalar != NULL);
    if (is_plain(scalar))
        put(text, scalar);
    else
        put_quoted(text, scalar);
}

/* Deep only as weft_yaml_read allows. */
static void put_line(struct text *text, const struct weft_yaml_node *node) {
    bool mapping = node->kind == WEFT_YAML_MAPPING;
    if (node->kind == WEFT_YAML_SCALAR) put_scalar(text, node->text);
    if (!mapping && node->kind != WEFT_YAML_SEQUENCE) return;
    put(text, mapping ? "{" : "[");
    for (uint32_t i = 0; i < node->count; i++) {
        if (i > 0) put(text, ", ");
        if (mapping) {
            put_scalar(text, node->keys[i]->text);
            put(text, ": ");
        }
        put_line(text, node->items[i]);
    }
    put(text, mapping ? "}" : "]");
}

static void put_entries(struct text *text, const struct weft_yaml_node *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        const struct weft_yaml_node *entry = list->items[i];
        put(text, "\n  - ");
        if (entry->kind == WEFT_YAML_MAPPING && entry->count == 1) { /* - crash: {...} */
            put_scalar(text, entry->keys[0]->text);
            put(text, ": ");
            entry = entry->items[0];
        }
        put_line(text, entry);
    }
}

char *weft_yaml_line(const struct weft_yaml_node *node) {
    WEFT_ASSERT(node != NULL);
    struct text text = {.data = NULL};
    put(&text, "");
    put_line(&text, node);
    if (!text.no_memory) return text.data;
    free(text.data);
    return NULL;
}

char *weft_yaml_document(const struct weft_yaml_node *node) {
    WEFT_ASSERT(node != NULL);
    WEFT_ASSERT(node->kind == WEFT_YAML_MAPPING);
    struct text text = {.data = NULL};
    put(&text, "");
    for (uint32_t i = 0; i < node->count; i++) {
        const struct weft_yaml_node *item = node->items[i];
        put_scalar(&text, node->keys[i]->text);
        put(&text, ":");
        if (item->kind == WEFT_YAML_SEQUENCE && item->count > 0) {
            put_entries(&text, item);
        } else {
            put(&text, " ");
            put_line(&text, item);
        }
        put(&text, "\n");
    }
    if (!text.no_memory) return text.data;
    free(text.data);
    return NULL;
}
