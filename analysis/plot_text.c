/* Texts of pictures: what may stand in them, and what gnuplot made of them. */
#define _GNU_SOURCE
#include "analysis/plot_internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- texts that go in --- */

/* The character at `text` and its bytes; 1 and '?' for what is not UTF-8. */
static unsigned decode(const unsigned char *text, uint32_t *out) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned size = text[0] < 0x80             ? 1
                    : (text[0] & 0xe0) == 0xc0 ? 2
                    : (text[0] & 0xf0) == 0xe0 ? 3
                    : (text[0] & 0xf8) == 0xf0 ? 4
                                               : 0;
    uint32_t value = size <= 1 ? text[0] : text[0] & (0x7fu >> size);
    for (unsigned i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            size = 0;
        else
            value = value << 6 | (text[i] & 0x3fu);
    }
    bool good =
        size > 0 && value >= least[size] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    *out = good ? value : '?';
    return good ? size : 1;
}

/* Controls, of the text's direction too, and what is no character. */
static bool is_shown(uint32_t value) {
    if (value < 0x20 || (value >= 0x7f && value < 0xa0)) return false;
    if ((value >= 0x200b && value <= 0x200f) || (value >= 0x2028 && value <= 0x202e)) return false;
    if ((value >= 0x2060 && value <= 0x206f) || value == 0xfeff) return false;
    return (value & 0xfffe) != 0xfffe && (value < 0xfdd0 || value > 0xfdef);
}

/* Unicode's East Asian Width, by blocks. */
static unsigned width_of(uint32_t value) {
    bool wide = (value >= 0x1100 && value <= 0x115f) || (value >= 0x2e80 && value <= 0xa4cf) ||
                (value >= 0xac00 && value <= 0xd7a3) || (value >= 0xf900 && value <= 0xfaff) ||
                (value >= 0xfe30 && value <= 0xfe6f) || (value >= 0xff00 && value <= 0xff60) ||
                (value >= 0x1f300 && value <= 0x1faff) || (value >= 0x20000 && value <= 0x3fffd);
    return wide ? 2 : 1;
}

void ana__plain(const char *text, unsigned cells, char out[ANA__TEXT_SIZE]) {
    const unsigned char *from = (const unsigned char *)text;
    size_t used = 0, kept = 0; /* kept: as much as has room for "..." after it */
    unsigned wide = 0;
    while (*from != '\0') {
        uint32_t value;
        unsigned size = decode(from, &value), width = width_of(value);
        if (wide + width > cells || used + size > ANA__TEXT_SIZE - 4) break;
        if (!is_shown(value) || size == 1) {
            out[used++] = is_shown(value) ? (char)value : ' ';
        } else {
            memcpy(out + used, from, size);
            used += size;
        }
        from += size;
        wide += width;
        if (wide + 3 <= cells) kept = used;
    }
    if (*from == '\0') {
        out[used] = '\0';
    } else {
        snprintf(out + kept, ANA__TEXT_SIZE - kept, "%.*s", cells < 3 ? (int)cells : 3, "...");
    }
}

unsigned ana__cells(const char *text) {
    const unsigned char *from = (const unsigned char *)text;
    unsigned cells = 0;
    while (*from != '\0') {
        uint32_t value;
        from += decode(from, &value);
        cells += width_of(value);
    }
    return cells;
}

/* Between single quotes nothing has a meaning but they themselves. */
void ana__quote(FILE *script, const char *text) {
    fputc('\'', script);
    for (; *text != '\0'; text++) {
        WEFT_ASSERT((unsigned char)*text >= 0x20);
        if (*text == '\'') fputc('\'', script);
        fputc(*text, script);
    }
    fputc('\'', script);
}

/* --- pictures that come out --- */

static void put_xml(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            fputc(*text, out);
    }
}

/* The places within a tag where an id follows. */
static size_t id_follows(const char *at) {
    static const char *const before[] = {" id=\"", " id='", "href=\"#", "href='#", "url(#"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        if (strncmp(at, before[i], strlen(before[i])) == 0) return strlen(before[i]);
    }
    return 0;
}

static void put_tag(FILE *out, const char **at, const char *prefix) {
    while (**at != '\0' && **at != '>') {
        size_t size = id_follows(*at);
        if (strncmp(*at, ":Bold\"", 6) == 0) { /* gnuplot knows no weights in SVG */
            fputs("\" font-weight=\"bold\"", out);
            *at += 6;
        } else if (size > 0) {
            fprintf(out, "%.*s%s", (int)size, *at, prefix);
            *at += size;
        } else {
            fputc(*(*at)++, out);
        }
    }
}

static void put_svg(FILE *out, const struct ana_plot_task *task, const char *title) {
    const char *at = strstr(task->data, "<svg"), *end;
    const char *prefix = task->prefix;
    char own[ANA__TEXT_SIZE];
    if (prefix == NULL) {
        snprintf(own, sizeof own, "%s-", ana_plot_name(task->which));
        prefix = own;
    }
    while (at != NULL && *at != '\0') {
        if (strncmp(at, "<title>", 7) == 0 && (end = strstr(at, "</title>")) != NULL) {
            fputs("<title>", out);
            put_xml(out, title);
            at = end;
        } else if (*at == '<') {
            put_tag(out, &at, prefix);
        } else {
            fputc(*at++, out);
        }
    }
}

int ana__svg_tidy(struct ana_plot_task *task, const char *title) {
    char *data = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&data, &size);
    if (out == NULL) return WEFT_ERR_NOMEM;
    put_svg(out, task, title);
    bool good = !ferror(out);
    if (fclose(out) != 0 || !good) {
        free(data);
        return WEFT_ERR_NOMEM;
    }
    free(task->data);
    task->data = data;
    task->size = size;
    return WEFT_OK;
}

void ana__dumb_tidy(struct ana_plot_task *task) {
    size_t used = 0, line = 0; /* where the line began */
    for (size_t i = 0; i < task->size; i++) {
        char byte = task->data[i];
        if (byte == '\f') continue;
        if (byte == '\n') {
            while (used > line && task->data[used - 1] == ' ') used--;
            if (used == 0) continue; /* no empty line above the title */
            line = used + 1;
        }
        task->data[used++] = byte;
    }
    task->data[used] = '\0';
    task->size = used;
}
