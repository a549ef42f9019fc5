/* What stands in a HEAD: what the run says of itself, and the table of kinds. */
#include "analysis/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

/* "key=value" lines, as a reader takes them apart again. */
static bool head_is_well(const char *head) {
    while (*head != '\0') {
        size_t size = strcspn(head, "\n");
        if (memchr(head, '=', size) == NULL) return false;
        head += size + (head[size] == '\n');
    }
    return true;
}

static size_t put_table(char *out, size_t room) {
    size_t used = 0;
    for (unsigned kind = 0; kind < WEFT_TRACE_KIND_COUNT && used < room; kind++) {
        int size = snprintf(out + used, room - used, "%u %s %s\n", kind, weft_trace_kind_name(kind),
                            weft_trace_kind_fields(kind));
        WEFT_ASSERT(size > 0);
        used += (size_t)size;
    }
    return used;
}

int ana__schema_text(const char *head, char **text, size_t *size) {
    size_t head_size = strlen(head);
    if (!head_is_well(head)) return WEFT_ERR_INVAL;
    if (head_size + 2 >= ANA_TEXT_MAX) return WEFT_ERR_TOO_BIG;
    char *out = malloc(ANA_TEXT_MAX);
    if (out == NULL) return WEFT_ERR_NOMEM;
    memcpy(out, head, head_size);
    if (head_size > 0 && head[head_size - 1] != '\n') out[head_size++] = '\n';
    out[head_size++] = '\n';
    size_t table = put_table(out + head_size, ANA_TEXT_MAX - head_size);
    if (head_size + table + 1 >= ANA_TEXT_MAX) {
        free(out);
        return WEFT_ERR_TOO_BIG;
    }
    out[head_size + table] = '\n';
    *text = out;
    *size = head_size + table + 1;
    return WEFT_OK;
}

static enum weft_trace_kind kind_like(const char *name, const char *fields) {
    for (unsigned kind = 0; kind < WEFT_TRACE_KIND_COUNT; kind++) {
        if (strcmp(weft_trace_kind_name(kind), name) == 0 &&
            strcmp(weft_trace_kind_fields(kind), fields) == 0)
            return (enum weft_trace_kind)kind;
    }
    return WEFT_TRACE_KIND_COUNT;
}

/* "number name fields", cut into its parts where it stands. */
static bool parse_kind(struct ana__schema *schema, char *line) {
    char *end;
    unsigned long number = strtoul(line, &end, 10);
    if (end == line || *end != ' ' || number >= ANA_KINDS_MAX) return false;
    char *name = end + 1, *space = strchr(name, ' ');
    if (space == NULL || space == name || schema->kinds[number].name != NULL) return false;
    *space = '\0';
    struct ana__kind *kind = &schema->kinds[number];
    kind->name = name;
    kind->fields = space + 1;
    kind->kind = kind_like(name, kind->fields);
    kind->shape = ana__shape_of(kind->fields);
    return kind->shape.numbers <= WEFT_TRACE_NUMBERS;
}

static bool parse_table(struct ana__schema *schema, char *table) {
    while (*table != '\0' && *table != '\n') {
        char *end = strchr(table, '\n');
        if (end == NULL) return false;
        *end = '\0';
        if (!parse_kind(schema, table)) return false;
        table = end + 1;
    }
    return table[0] == '\n' && table[1] == '\0';
}

/* Where the table begins: behind the head's empty line. NULL: there is none. */
static char *split(char *text) {
    char *end = text[0] == '\n' ? text : strstr(text, "\n\n");
    if (end == NULL) return NULL;
    if (end != text) *++end = '\0';
    *end = '\0';
    return end + 1;
}

int ana__schema_parse(struct ana__schema *schema, const char *text, size_t size) {
    memset(schema, 0, sizeof *schema);
    if (size > ANA_TEXT_MAX || memchr(text, '\0', size) != NULL) return WEFT_ERR_MALFORMED;
    schema->head = malloc(size + 1);
    if (schema->head == NULL) return WEFT_ERR_NOMEM;
    memcpy(schema->head, text, size);
    schema->head[size] = '\0';
    char *table = split(schema->head);
    if (table != NULL && parse_table(schema, table)) return WEFT_OK;
    ana__schema_free(schema);
    return WEFT_ERR_MALFORMED;
}

void ana__schema_free(struct ana__schema *schema) {
    free(schema->head);
    memset(schema, 0, sizeof *schema);
}

uint64_t ana__schema_mask(const struct ana__schema *schema, uint64_t kinds) {
    uint64_t mask = 0;
    if (kinds == WEFT_TRACE_ALL) return UINT64_MAX;
    for (unsigned i = 0; i < ANA_KINDS_MAX; i++) {
        const struct ana__kind *kind = &schema->kinds[i];
        if (kind->name == NULL || kind->kind == WEFT_TRACE_KIND_COUNT) continue;
        if (kinds & WEFT_TRACE_BIT(kind->kind)) mask |= UINT64_C(1) << i;
    }
    return mask;
}
