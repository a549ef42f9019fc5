/* Reading mappings by their tables, and saying what is wrong with them. */
#include "core/config/suggest.h"
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- telling --- */

void sim_plan__yaml_mistake(void *ctx, const struct weft_yaml_place *place, const char *format,
                            va_list args) {
    struct sim_plan__reader *reader = ctx;
    sim_mistakes_add(&reader->mistakes, NULL, place, format, args);
}

void sim_plan__mistake(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const char *format, ...) {
    WEFT_ASSERT(node != NULL);
    struct weft_yaml_place place = {node->line, node->column, node->set};
    va_list args;
    va_start(args, format);
    sim_mistakes_add(&reader->mistakes, NULL, &place, format, args);
    va_end(args);
}

void sim_plan__mistake_in(struct sim_plan__reader *reader, const char *file,
                          const struct weft_yaml_place *place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    sim_mistakes_add(&reader->mistakes, file, place, format, args);
    va_end(args);
}

struct sim_plan__shown sim_plan__show(const char *text) {
    struct sim_plan__shown shown = {{0}};
    size_t size = strlen(text), room = sizeof shown.text - sizeof "...";
    if (size <= room) {
        memcpy(shown.text, text, size);
        return shown;
    }
    while (room > 0 && ((unsigned char)text[room] & 0xc0) == 0x80) room--; /* whole characters */
    memcpy(shown.text, text, room);
    memcpy(shown.text + room, "...", 3);
    return shown;
}

struct sim_plan__hint sim_plan__hint(const char *word, const char *const *words, size_t count) {
    struct sim_plan__hint hint = {{0}};
    const char *near = weft_suggest(word, words, count);
    if (near != NULL) {
        snprintf(hint.text, sizeof hint.text, "did you mean '%s'?", near);
        return hint;
    }
    size_t used = (size_t)snprintf(hint.text, sizeof hint.text,
                                   count == 1 ? "expected %s" : "expected one of: %s",
                                   count > 0 ? words[0] : "nothing");
    for (size_t i = 1; i < count && used < sizeof hint.text; i++) {
        used += (size_t)snprintf(hint.text + used, sizeof hint.text - used, ", %s", words[i]);
    }
    return hint;
}

static const char *kind_name(enum weft_yaml_kind kind) {
    switch (kind) {
    case WEFT_YAML_NOTHING:
        return "empty";
    case WEFT_YAML_SEQUENCE:
        return "a list";
    case WEFT_YAML_MAPPING:
        return "a mapping";
    case WEFT_YAML_SCALAR:
    case WEFT_YAML_BROKEN:
        break;
    }
    return "a single value";
}

void sim_plan__unfit(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                     const char *expected) {
    WEFT_ASSERT(value->node != NULL);
    WEFT_ASSERT(value->key != NULL);
    const struct weft_yaml_node *node = value->node;
    if (node->kind == WEFT_YAML_BROKEN) return;
    if (node->kind == WEFT_YAML_SCALAR) {
        sim_plan__mistake(reader, node, "'%s' is '%s', expected %s", value->key->name,
                          sim_plan__show(node->text).text, expected);
    } else {
        sim_plan__mistake(reader, node, "'%s' is %s, expected %s", value->key->name,
                          kind_name(node->kind), expected);
    }
}

bool sim_plan__is(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                  enum weft_yaml_kind kind, const char *expected) {
    if (value->node->kind == kind) return true;
    sim_plan__unfit(reader, value, expected);
    return false;
}

bool sim_plan__is_list(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       uint32_t most, const char *expected) {
    if (!sim_plan__is(reader, value, WEFT_YAML_SEQUENCE, expected)) return false;
    if (value->node->count == 0) {
        sim_plan__mistake(reader, value->node, "'%s' is an empty list, expected %s",
                          value->key->name, expected);
        return false;
    }
    if (value->node->count <= most) return true;
    sim_plan__mistake(reader, value->node, "'%s' has %u entries, expected at most %u",
                      value->key->name, value->node->count, most);
    return false;
}

/* --- sections --- */

static const struct sim_plan__key *find_key(const struct sim_plan__section *section,
                                            const char *name) {
    for (size_t i = 0; i < section->count; i++) {
        if (strcmp(section->keys[i].name, name) == 0) return &section->keys[i];
    }
    return NULL;
}

static size_t names_of(const struct sim_plan__section *section, const char **names) {
    WEFT_ASSERT(section->count <= SIM_PLAN__WORDS_MAX);
    for (size_t i = 0; i < section->count; i++) names[i] = section->keys[i].name;
    return section->count;
}

static void tell_unknown(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                         const struct sim_plan__section *section) {
    const char *names[SIM_PLAN__WORDS_MAX];
    size_t count = names_of(section, names);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct weft_yaml_node *key = node->keys[i];
        if (find_key(section, key->text) != NULL) continue;
        sim_plan__mistake(reader, key, "unknown key '%s', %s", sim_plan__show(key->text).text,
                          sim_plan__hint(key->text, names, count).text);
    }
}

/* An unknown key that looks like `name` is told off for it: once is enough. */
static bool is_misspelt(const struct weft_yaml_node *node, const struct sim_plan__section *section,
                        const char *name) {
    const char *names[SIM_PLAN__WORDS_MAX];
    size_t count = names_of(section, names);
    for (uint32_t i = 0; i < node->count; i++) {
        const char *word = node->keys[i]->text;
        if (find_key(section, word) == NULL && weft_suggest(word, names, count) == name)
            return true;
    }
    return false;
}

bool sim_plan__read_section(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                            const struct sim_plan__section *section, void *into) {
    WEFT_ASSERT(node != NULL);
    WEFT_ASSERT(section != NULL);
    struct sim_plan__key self = {.name = section->title};
    struct sim_plan__value whole = {node, &self};
    if (!sim_plan__is(reader, &whole, WEFT_YAML_MAPPING, "a mapping of keys")) return false;
    for (size_t i = 0; i < section->count; i++) {
        const struct sim_plan__key *key = &section->keys[i];
        struct sim_plan__value value = {weft_yaml_get(node, key->name), key};
        if (value.node != NULL) {
            key->parse(reader, &value, into);
        } else if (key->required && !is_misspelt(node, section, key->name)) {
            sim_plan__mistake(reader, node, "missing key '%s', expected it in '%s'", key->name,
                              section->title);
        }
    }
    tell_unknown(reader, node, section);
    return true;
}

static void word_alone(struct sim_plan__reader *reader, const struct weft_yaml_node *entry,
                       const struct sim_plan__choice *choice, const char *name) {
    sim_plan__mistake(reader, entry, "%s '%s' without its keys, expected '%s: {...}'", choice->what,
                      name, name);
}

int sim_plan__choose(struct sim_plan__reader *reader, const struct weft_yaml_node *entry,
                     const struct sim_plan__choice *choice, struct sim_plan__value *options) {
    const struct weft_yaml_node *word = entry;
    options->node = NULL;
    if (entry->kind == WEFT_YAML_BROKEN) return -1;
    if (entry->kind == WEFT_YAML_MAPPING && entry->count == 1) {
        word = entry->keys[0];
        options->node = entry->items[0];
    } else if (entry->kind == WEFT_YAML_MAPPING && entry->count > 1) {
        sim_plan__mistake(reader, entry->keys[1], "second key '%s' in one entry, expected one %s",
                          sim_plan__show(entry->keys[1]->text).text, choice->what);
        return -1;
    } else if (entry->kind != WEFT_YAML_SCALAR) {
        sim_plan__mistake(reader, entry, "this entry is %s, expected one %s",
                          entry->kind == WEFT_YAML_MAPPING ? "empty" : kind_name(entry->kind),
                          choice->what);
        return -1;
    }
    for (size_t i = 0; i < choice->count; i++) {
        if (strcmp(choice->names[i], word->text) != 0) continue;
        if (options->node == NULL && !choice->word_alone) {
            word_alone(reader, entry, choice, choice->names[i]);
            return -1;
        }
        return (int)i;
    }
    sim_plan__mistake(reader, word, "unknown %s '%s', %s", choice->what,
                      sim_plan__show(word->text).text,
                      sim_plan__hint(word->text, choice->names, choice->count).text);
    return -1;
}

/* --- scalars --- */

static void *field(const struct sim_plan__value *value, void *into) {
    return (char *)into + value->key->offset;
}

void sim_plan__read_count(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into) {
    const struct sim_plan__key *key = value->key;
    WEFT_ASSERT(key->least <= key->most);
    WEFT_ASSERT(key->most <= (int64_t)UINT32_MAX);
    char expected[80];
    snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, key->least,
             key->most);
    uint64_t count;
    bool fits =
        value->node->kind == WEFT_YAML_SCALAR && weft_value_count(value->node->text, &count);
    if (!fits || count < (uint64_t)key->least || count > (uint64_t)key->most) {
        sim_plan__unfit(reader, value, expected);
        return;
    }
    *(uint32_t *)field(value, into) = (uint32_t)count;
}

/* Why `text` is no duration, where that can be said more plainly. */
static const char *duration_expected(const struct weft_yaml_node *node) {
    uint64_t number;
    if (node->kind == WEFT_YAML_SCALAR && weft_value_decimal(node->text, 9, &number)) {
        return "a unit after it: ns, us, ms, s, min or h";
    }
    size_t digits = node->kind == WEFT_YAML_SCALAR ? strspn(node->text, "0123456789.") : 0;
    if (digits > 0 && strcmp(node->text + digits, "m") == 0) return "ms or min instead of m";
    return "a duration such as 500ms, 2s, 5min or 1h";
}

void sim_plan__read_duration(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into) {
    const struct sim_plan__key *key = value->key;
    weft_duration duration, most = key->most == 0 ? WEFT_DURATION_MAX : key->most;
    if (value->node->kind != WEFT_YAML_SCALAR ||
        !weft_value_duration(value->node->text, &duration)) {
        sim_plan__unfit(reader, value, duration_expected(value->node));
        return;
    }
    if (duration >= key->least && duration <= most) {
        *(weft_duration *)field(value, into) = duration;
        return;
    }
    char expected[128], low[WEFT_VALUE_TEXT_MAX], high[WEFT_VALUE_TEXT_MAX];
    snprintf(expected, sizeof expected, "a duration from %s to %s",
             weft_value_show_duration(key->least, low), weft_value_show_duration(most, high));
    sim_plan__unfit(reader, value, expected);
}

void sim_plan__read_percent(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into) {
    const struct sim_plan__key *key = value->key;
    uint32_t ppm;
    if (value->node->kind != WEFT_YAML_SCALAR || !weft_value_percent(value->node->text, &ppm)) {
        sim_plan__unfit(reader, value, "a percentage such as 5% or 0.1%, up to 100%");
    } else if (ppm < key->least || ppm > key->most) {
        char expected[96], low[WEFT_VALUE_TEXT_MAX], high[WEFT_VALUE_TEXT_MAX];
        snprintf(expected, sizeof expected, "a percentage from %s to %s",
                 weft_value_show_percent((uint64_t)key->least, low),
                 weft_value_show_percent((uint64_t)key->most, high));
        sim_plan__unfit(reader, value, expected);
    } else {
        *(uint32_t *)field(value, into) = ppm;
    }
}

void sim_plan__read_flag(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into) {
    bool flag;
    if (value->node->kind != WEFT_YAML_SCALAR || !weft_value_bool(value->node->text, &flag)) {
        sim_plan__unfit(reader, value, "true or false");
        return;
    }
    *(bool *)field(value, into) = flag;
}
