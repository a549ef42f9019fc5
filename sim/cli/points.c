/* Points as the command line writes them. */
#include "sim/cli/wishes.h"

#include <string.h>

enum sim_point_kind cli_point_kind(const char *name) {
    for (unsigned kind = 1; kind < SIM_POINT_KIND_COUNT; kind++) {
        if (strcmp(sim_point_name((enum sim_point_kind)kind), name) == 0)
            return (enum sim_point_kind)kind;
    }
    return SIM_POINT_NONE;
}

/* The text up to `end` or its own end, without it. False: it does not fit. */
static bool cut(const char **at, char end, char *out, size_t size) {
    const char *found = strchr(*at, end);
    size_t length = found != NULL ? (size_t)(found - *at) : strlen(*at);
    if (length >= size) return false;
    memcpy(out, *at, length);
    out[length] = '\0';
    *at += length + (found != NULL ? 1 : 0);
    return true;
}

bool cli_parse_point(const char *text, struct sim_points *out) {
    char kind[16], number[24];
    uint64_t node = SIM_POINT_ALL_NODES;
    struct sim_points point = {.node = SIM_POINT_ALL_NODES};
    bool of_node = strchr(text, '@') != NULL;
    if (strchr(text, ':') == NULL || !cut(&text, ':', kind, sizeof kind)) return false;
    if (!cut(&text, '@', number, sizeof number)) return false;
    point.kind = cli_point_kind(kind);
    if (point.kind == SIM_POINT_NONE || !cli_parse_u64(number, &point.number)) return false;
    if (of_node && (!cli_parse_u64(text, &node) || node >= SIM_POINT_ALL_NODES)) return false;
    point.node = (uint32_t)node;
    if (point.number == 0) return false;
    *out = point;
    return true;
}

const char *cli_name_point(const struct sim_points *points, char text[64]) {
    int at = snprintf(text, 64, "%s:%llu", sim_point_name(points->kind),
                      (unsigned long long)points->number);
    if (points->node != SIM_POINT_ALL_NODES)
        snprintf(text + at, 64 - (size_t)at, "@%u", points->node);
    return text;
}

const char *cli_show_point(const struct sim_points *points, char text[CLI_POINT_TEXT_MAX]) {
    const struct sim_point_site *site = &points->site;
    char name[64];
    int at = snprintf(text, CLI_POINT_TEXT_MAX, "%s", cli_name_point(points, name));
    size_t room = CLI_POINT_TEXT_MAX - (size_t)at;
    if (!points->reached) {
        snprintf(text + at, room, ", which was never reached");
        return text;
    }
    char size[40] = "";
    if (site->size > 0) snprintf(size, sizeof size, " of %zu bytes", site->size);
    snprintf(text + at, room, ", %s%s by %s on node %u at %lld.%03d s", site->call, size, site->who,
             site->node, (long long)(site->at / WEFT_S(1)),
             (int)(site->at % WEFT_S(1) / WEFT_MS(1)));
    return text;
}
