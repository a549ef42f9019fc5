/* Release plans as YAML. */
#include "core/base/assert.h"
#include "core/config/suggest.h"
#include "core/config/value.h"
#include "core/config/yaml_tree.h"
#include "core/weftd/code_command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEEDS_MAX 8

struct reading {
    struct plan_file *plan;
    const char *path;
    struct text *out;
    unsigned mistakes;
    size_t at; /* the step */
};

struct key {
    const char *name;
    void (*read)(struct reading *reading, const struct weft_yaml_node *node);
};

static void add_place(struct reading *reading, uint32_t line, uint32_t column) {
    reading->mistakes++;
    text_add(reading->out, "%s:%u:%u: ", reading->path, line, column);
}

static void mistake(struct reading *reading, const struct weft_yaml_node *node, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

static void mistake(struct reading *reading, const struct weft_yaml_node *node, const char *format,
                    ...) {
    char words[256];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    add_place(reading, node->line, node->column);
    text_add(reading->out, "%s\n", words);
}

__attribute__((format(printf, 3, 0))) static void
yaml_mistake(void *ctx, const struct weft_yaml_place *place, const char *format, va_list args) {
    struct reading *reading = ctx;
    char words[256];
    vsnprintf(words, sizeof words, format, args);
    add_place(reading, place->line, place->column);
    text_add(reading->out, "%s\n", words);
}

/* --- values --- */

static const char *text_of(struct reading *reading, const struct weft_yaml_node *node,
                           const char *expected) {
    if (node->kind == WEFT_YAML_SCALAR && node->text[0] != '\0') return node->text;
    if (node->kind != WEFT_YAML_BROKEN) mistake(reading, node, "expected %s", expected);
    return NULL;
}

static bool number_of(struct reading *reading, const struct weft_yaml_node *node, uint32_t least,
                      uint32_t *out) {
    uint64_t value;
    bool fits = node->kind == WEFT_YAML_SCALAR && weft_value_count(node->text, &value) &&
                value >= least && value <= UINT32_MAX;
    if (fits) {
        *out = (uint32_t)value;
    } else if (node->kind != WEFT_YAML_BROKEN) {
        mistake(reading, node, "expected a number of at least %u", least);
    }
    return fits;
}

static bool flag_of(struct reading *reading, const struct weft_yaml_node *node) {
    bool value = false;
    if (node->kind == WEFT_YAML_SCALAR && weft_value_bool(node->text, &value)) return value;
    if (node->kind != WEFT_YAML_BROKEN) mistake(reading, node, "expected true or false");
    return false;
}

/* --- a step --- */

static struct weft_release_step *step_of(struct reading *reading) {
    WEFT_ASSERT(reading->at < WEFT_RELEASE_STEPS_MAX);
    return &reading->plan->steps[reading->at];
}

static void read_module(struct reading *reading, const struct weft_yaml_node *node) {
    step_of(reading)->module = text_of(reading, node, "the name of a module");
}

static void read_version(struct reading *reading, const struct weft_yaml_node *node) {
    (void)number_of(reading, node, 1, &step_of(reading)->version);
}

static void read_path(struct reading *reading, const struct weft_yaml_node *node) {
    const char *text = text_of(reading, node, "the path of a shared object");
    char *path = reading->plan->paths[reading->at];
    size_t size = sizeof reading->plan->paths[0];
    if (text == NULL) return;
    const char *slash = text[0] == '/' ? NULL : strrchr(reading->path, '/');
    int folder = slash != NULL ? (int)(slash - reading->path) + 1 : 0;
    int length = snprintf(path, size, "%.*s%s", folder, reading->path, text);
    if (length < 0 || (size_t)length >= size) mistake(reading, node, "the path is too long");
    step_of(reading)->path = path;
}

static void read_needs(struct reading *reading, const struct weft_yaml_node *node) {
    struct weft_release_need *needs = reading->plan->needs[reading->at];
    struct weft_release_step *step = step_of(reading);
    if (node->kind != WEFT_YAML_MAPPING || node->count > NEEDS_MAX) {
        if (node->kind != WEFT_YAML_BROKEN)
            mistake(reading, node, "expected up to %d modules with their versions, {log: 2}",
                    NEEDS_MAX);
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        needs[i].module = node->keys[i]->text;
        if (number_of(reading, node->items[i], 1, &needs[i].version)) step->needs_count = i + 1;
    }
    step->needs = needs;
}

static void read_extra(struct reading *reading, const struct weft_yaml_node *node) {
    const char *text = text_of(reading, node, "a text");
    if (text != NULL) step_of(reading)->extra = weft_bytes_text(text);
}

static void read_no_return(struct reading *reading, const struct weft_yaml_node *node) {
    step_of(reading)->point_of_no_return = flag_of(reading, node);
}

static const struct key step_keys[] = {
    {"module", read_module}, {"version", read_version}, {"path", read_path},
    {"needs", read_needs},   {"extra", read_extra},     {"point_of_no_return", read_no_return}};

/* --- mappings --- */

#define KEYS_MAX 8

static void unknown(struct reading *reading, const struct weft_yaml_node *node,
                    const struct key *keys, size_t count) {
    const char *names[KEYS_MAX];
    WEFT_ASSERT(count <= KEYS_MAX);
    for (size_t i = 0; i < count; i++) names[i] = keys[i].name;
    const char *near = weft_suggest(node->text, names, count);
    if (near != NULL) {
        mistake(reading, node, "unknown key '%s', did you mean '%s'?", node->text, near);
    } else {
        mistake(reading, node, "unknown key '%s'; docs/upgrade.md lists them", node->text);
    }
}

static void read_mapping(struct reading *reading, const struct weft_yaml_node *node,
                         const struct key *keys, size_t count) {
    if (node->kind != WEFT_YAML_MAPPING) {
        if (node->kind != WEFT_YAML_BROKEN) mistake(reading, node, "expected keys and values");
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        size_t k = 0;
        while (k < count && strcmp(keys[k].name, node->keys[i]->text) != 0) k++;
        if (k < count) {
            keys[k].read(reading, node->items[i]);
        } else {
            unknown(reading, node->keys[i], keys, count);
        }
    }
}

static void read_step(struct reading *reading, const struct weft_yaml_node *node) {
    unsigned before = reading->mistakes;
    reading->plan->lines[reading->at] = node->line;
    reading->plan->columns[reading->at] = node->column;
    read_mapping(reading, node, step_keys, sizeof step_keys / sizeof step_keys[0]);
    if (reading->mistakes != before) return;
    if (step_of(reading)->module == NULL) mistake(reading, node, "a step needs the key 'module'");
    if (step_of(reading)->version == 0) mistake(reading, node, "a step needs the key 'version'");
}

static void read_steps(struct reading *reading, const struct weft_yaml_node *node) {
    if (node->kind != WEFT_YAML_SEQUENCE || node->count == 0 ||
        node->count > WEFT_RELEASE_STEPS_MAX) {
        if (node->kind != WEFT_YAML_BROKEN)
            mistake(reading, node, "expected a list of 1 to %d steps", WEFT_RELEASE_STEPS_MAX);
        return;
    }
    for (reading->at = 0; reading->at < node->count; reading->at++)
        read_step(reading, node->items[reading->at]);
    reading->plan->release.steps_count = node->count;
}

static void read_watch(struct reading *reading, const struct weft_yaml_node *node) {
    (void)number_of(reading, node, 0, &reading->plan->release.watch);
}

static void read_eager(struct reading *reading, const struct weft_yaml_node *node) {
    reading->plan->release.eager = flag_of(reading, node);
}

static const struct key top_keys[] = {
    {"watch", read_watch}, {"eager", read_eager}, {"steps", read_steps}};

/* NULL: *why says why not. Whoever asks the daemon must not make it wait: a pipe, say, that nobody
 * writes to. */
static FILE *open_file(const char *path, const char **why) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    FILE *file = NULL;
    *why = NULL;
    if (fd >= 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) *why = "no regular file";
    if (fd >= 0 && *why == NULL) file = fdopen(fd, "rb");
    if (file != NULL) return file;
    if (*why == NULL) *why = strerror(errno);
    if (fd >= 0) close(fd);
    return NULL;
}

/* One byte over the limit is read, so that the reader of the tree says it is too large. */
static char *slurp(const char *path, size_t *size, const char **why) {
    FILE *file = open_file(path, why);
    if (file == NULL) return NULL;
    char *data = malloc(WEFT_YAML_SIZE_MAX + 1);
    if (data != NULL) *size = fread(data, 1, WEFT_YAML_SIZE_MAX + 1, file);
    if (data == NULL || ferror(file)) {
        *why = strerror(errno);
        free(data);
        data = NULL;
    }
    fclose(file);
    return data;
}

bool plan_file_read(struct plan_file *plan, const char *path, struct text *out) {
    struct reading reading = {.plan = plan, .path = path, .out = out};
    struct weft_yaml_report report = {
        .mistake = yaml_mistake, .ctx = &reading, .expected = "a release plan"};
    bool no_memory = false;
    size_t size = 0;
    const char *why;
    char *data = slurp(path, &size, &why);
    if (data == NULL) {
        text_add(out, "%s: %s\n", path, why);
        return false;
    }
    struct weft_yaml_node *root = weft_yaml_read(weft_bytes(data, size), &report, &no_memory);
    free(data);
    plan->tree = root;
    plan->release.steps = plan->steps;
    if (root != NULL) {
        read_mapping(&reading, root, top_keys, sizeof top_keys / sizeof top_keys[0]);
        if (reading.mistakes == 0 && plan->release.steps_count == 0)
            mistake(&reading, root, "a plan needs the key 'steps'");
    }
    if (no_memory) text_add(out, "%s: out of memory\n", path);
    return reading.mistakes == 0 && !no_memory && root != NULL;
}

void plan_file_free(struct plan_file *plan) { weft_yaml_free(plan->tree); }
