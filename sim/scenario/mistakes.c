/* Mistakes, collected and told. */
#include "sim/scenario/mistakes.h"

#include "core/base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A message is one line of text, whatever the scenario quotes. */
static void make_one_line(char *text) {
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) *text = '?';
    }
}

void sim_mistakes_add(struct sim_mistakes *mistakes, const char *file,
                      const struct weft_yaml_place *place, const char *format, va_list args) {
    WEFT_ASSERT(mistakes != NULL);
    WEFT_ASSERT(format != NULL);
    if (mistakes->count++ >= SIM_MISTAKES_MAX) return;
    struct sim_mistake *mistake = &mistakes->list[mistakes->count - 1];
    *mistake = (struct sim_mistake){.line = 0};
    mistake->is_set = place != NULL && place->set != NULL;
    if (mistake->is_set) {
        snprintf(mistake->file, sizeof mistake->file, "--set %s", place->set);
    } else {
        snprintf(mistake->file, sizeof mistake->file, "%s", file != NULL ? file : mistakes->file);
        mistake->line = place != NULL ? place->line : 0;
        mistake->column = place != NULL ? place->column : 0;
    }
    int size = vsnprintf(mistake->text, sizeof mistake->text, format, args);
    if (mistakes->seed != NULL && size > 0 && (size_t)size < sizeof mistake->text)
        snprintf(mistake->text + size, sizeof mistake->text - (size_t)size,
                 " (as seed %" PRIu64 " draws it)", *mistakes->seed);
    make_one_line(mistake->file);
    make_one_line(mistake->text);
}

/* Negative: `a` is told first. Equal places keep the order they were found in. */
static int compare(const struct sim_mistake *a, const struct sim_mistake *b) {
    if (a->is_set != b->is_set) return a->is_set ? -1 : 1;
    int files = strcmp(a->file, b->file);
    if (a->is_set || files != 0) return files;
    if (a->line != b->line) return a->line < b->line ? -1 : 1;
    if (a->column != b->column) return a->column < b->column ? -1 : 1;
    return 0;
}

static void sort(struct sim_mistakes *mistakes, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        struct sim_mistake moved = mistakes->list[i];
        uint32_t at = i;
        for (; at > 0 && compare(&mistakes->list[at - 1], &moved) > 0; at--) {
            mistakes->list[at] = mistakes->list[at - 1];
        }
        mistakes->list[at] = moved;
    }
}

static void tell(const struct sim_mistake *mistake, const struct sim_plan_report *report) {
    char line[SIM_MISTAKE_FILE_MAX + SIM_MISTAKE_TEXT_MAX + 32];
    if (mistake->line == 0) {
        snprintf(line, sizeof line, "%s: %s", mistake->file, mistake->text);
    } else {
        snprintf(line, sizeof line, "%s:%u:%u: %s", mistake->file, mistake->line, mistake->column,
                 mistake->text);
    }
    report->mistake(report->ctx, line);
}

void sim_mistakes_tell(struct sim_mistakes *mistakes, const struct sim_plan_report *report) {
    WEFT_ASSERT(mistakes != NULL);
    if (report == NULL || report->mistake == NULL) return;
    uint32_t kept = mistakes->count < SIM_MISTAKES_MAX ? mistakes->count : SIM_MISTAKES_MAX;
    sort(mistakes, kept);
    for (uint32_t i = 0; i < kept; i++) tell(&mistakes->list[i], report);
    if (kept == mistakes->count) return;
    char line[SIM_MISTAKE_FILE_MAX + 64];
    snprintf(line, sizeof line, "%.*s: and %u more mistakes", (int)SIM_MISTAKE_FILE_MAX,
             mistakes->file, mistakes->count - kept);
    report->mistake(report->ctx, line);
}
