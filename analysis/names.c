/* Names of the numbers that events carry. */
#include "analysis/names.h"

#include "core/env/trace.h"

#include <stdio.h>

#define NAME(names, number) ((number) < sizeof(names) / sizeof(names)[0] ? (names)[number] : NULL)

const char *ana_lookup_name(uint64_t kind) {
    static const char *const names[] = {[WEFT_LOOKUP_NODES] = "nodes",
                                        [WEFT_LOOKUP_PEERS] = "peers",
                                        [WEFT_LOOKUP_VALUE] = "value",
                                        [WEFT_LOOKUP_JOIN] = "join",
                                        [WEFT_LOOKUP_REFRESH] = "refresh"};
    return NAME(names, kind);
}

const char *ana_store_name(uint64_t kind) {
    static const char *const names[] = {[WEFT_STORE_PEER] = "peer", [WEFT_STORE_VALUE] = "value"};
    return NAME(names, kind);
}

const char *ana_down_name(uint64_t cause) {
    static const char *const names[] = {[WEFT_NODE_ENDED] = "ended",
                                        [WEFT_NODE_STOPPED] = "stopped",
                                        [WEFT_NODE_CRASHED] = "crashed",
                                        [WEFT_NODE_KILLED] = "killed",
                                        [WEFT_NODE_UNSTARTED] = "unstarted"};
    return NAME(names, cause);
}

/* The simulator's reasons, in the order of enum sim_loss. */
const char *ana_loss_name(uint64_t cause) {
    static const char *const names[] = {NULL,         "link",     "cut",    "no node",
                                        "no socket",  "fault",    "moved",  "nat",
                                        "nat filter", "nat full", "hairpin"};
    return NAME(names, cause);
}

/* In the order of enum sim_work_kind. */
const char *ana_work_name(uint64_t kind) {
    static const char *const names[] = {NULL, "lookup", "put", "get", "announce", "peers"};
    return NAME(names, kind);
}

const char *ana_log_name(uint64_t level) {
    static const char *const names[] = {[WEFT_LOG_ERROR] = "error",
                                        [WEFT_LOG_WARN] = "warn",
                                        [WEFT_LOG_INFO] = "info",
                                        [WEFT_LOG_DEBUG] = "debug"};
    return NAME(names, level);
}

const char *ana_name_or_number(const char *name, uint64_t number, char text[ANA_NAME_SIZE]) {
    if (name != NULL) return name;
    snprintf(text, ANA_NAME_SIZE, "%llu", (unsigned long long)number);
    return text;
}
