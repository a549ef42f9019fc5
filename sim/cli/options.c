/* Options of the command line. */
#include "sim/cli/cli.h"

#include "core/config/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_SIZE 48

static void tell_unknown(const struct cli_option *options, const char *name) {
    const char *names[32];
    size_t count = 0;
    for (; options[count].name != NULL && count < 32; count++) names[count] = options[count].name;
    const char *nearest = weft_suggest(name, names, count);
    fprintf(stderr, "weft: unknown option \"%s\"", name);
    if (nearest != NULL) fprintf(stderr, ", did you mean \"%s\"?", nearest);
    fputc('\n', stderr);
}

static const struct cli_option *find(const struct cli_option *options, const char *name) {
    for (; options->name != NULL; options++) {
        if (strcmp(options->name, name) == 0) return options;
    }
    return NULL;
}

/* One option with its value, "--name value" or "--name=value". *index moves past the value. */
static bool take_option(const struct cli_option *options, struct cli_args args, int *index,
                        void *into) {
    char name[NAME_MAX_SIZE + 1];
    const char *arg = args.list[*index], *equals = strchr(arg, '=');
    size_t size = equals != NULL ? (size_t)(equals - arg) : strlen(arg);
    snprintf(name, sizeof name, "%.*s", (int)(size < NAME_MAX_SIZE ? size : NAME_MAX_SIZE), arg);
    const struct cli_option *option = find(options, name);
    if (option == NULL) {
        tell_unknown(options, name);
        return false;
    }
    if (option->value == NULL) {
        if (equals == NULL) return option->take(into, NULL);
        fprintf(stderr, "weft: option \"%s\" takes no value\n", name);
        return false;
    }
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (option->value[0] == '[') return option->take(into, value);
    if (value == NULL && *index + 1 < args.count) value = args.list[++*index];
    if (value != NULL) return option->take(into, value);
    fprintf(stderr, "weft: option \"%s\" needs a value: %s %s\n", name, name, option->value);
    return false;
}

bool cli_parse(const struct cli_option *options, struct cli_args args,
               bool (*file)(void *into, const char *path), void *into) {
    bool only_files = false;
    for (int i = 0; i < args.count; i++) {
        const char *arg = args.list[i];
        bool is_option = !only_files && arg[0] == '-' && arg[1] != '\0';
        if (is_option && strcmp(arg, "--") == 0) {
            only_files = true;
        } else if (is_option) {
            if (!take_option(options, args, &i, into)) return false;
        } else if (!file(into, arg)) {
            return false;
        }
    }
    return true;
}

bool cli_take_trace(const char **file, const char *path) {
    if (*file == NULL) {
        *file = path;
        return true;
    }
    fprintf(stderr, "weft: one trace at a time: \"%s\" after \"%s\"\n", path, *file);
    return false;
}

void cli_print_options(FILE *out, const struct cli_option *options) {
    for (; options->name != NULL; options++) {
        char left[NAME_MAX_SIZE];
        const char *value = options->value != NULL ? options->value : "";
        snprintf(left, sizeof left, "%s%s%s", options->name, value[0] == '[' ? "" : " ", value);
        fprintf(out, "  %-18s %s\n", left, options->about);
    }
}

bool cli_parse_u64(const char *text, uint64_t *out) {
    char *end;
    if (!isdigit((unsigned char)text[0])) return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0') return false;
    *out = value;
    return true;
}

static weft_duration unit_of(const char *text) {
    static const struct {
        const char *name;
        weft_duration size;
    } units[] = {{"ns", WEFT_NS(1)}, {"us", WEFT_US(1)}, {"ms", WEFT_MS(1)},   {"s", WEFT_S(1)},
                 {"", WEFT_S(1)},    {"m", WEFT_MIN(1)}, {"min", WEFT_MIN(1)}, {"h", WEFT_HOUR(1)}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].name, text) == 0) return units[i].size;
    }
    return 0;
}

bool cli_parse_duration(const char *text, weft_duration *out) {
    char *end;
    if (!isdigit((unsigned char)text[0])) return false;
    errno = 0;
    unsigned long long whole = strtoull(text, &end, 10);
    const char *fraction = *end == '.' ? end + 1 : end;
    const char *unit_text = fraction + (*end == '.' ? strspn(fraction, "0123456789") : 0);
    weft_duration unit = unit_of(unit_text);
    if (errno != 0 || unit == 0 || whole > (unsigned long long)(INT64_MAX / 2 / unit)) return false;
    if (*end == '.' && unit_text == fraction) return false;
    weft_duration value = (weft_duration)whole * unit;
    for (; fraction < unit_text; fraction++) {
        unit /= 10;
        value += (weft_duration)(*fraction - '0') * unit;
    }
    *out = value;
    return true;
}
