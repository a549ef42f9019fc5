/* no_leak: a node that ended in order leaves nothing behind. */
#include "sim/check/internal.h"

struct no_leak {
    struct sim_check__ctx ctx;
};

static void trace(void *state, const struct weft_trace_event *event) {
    struct no_leak *check = state;
    const uint64_t *left = event->number;
    if (left[0] == 0 && left[1] == 0 && left[2] == 0 && left[3] == 0) {
        sim_check__held(&check->ctx);
        return;
    }
    sim_check__failed(&check->ctx, event->at, event->node,
                      "left %llu processes, %llu timers, %llu sockets, %llu bytes",
                      (unsigned long long)left[0], (unsigned long long)left[1],
                      (unsigned long long)left[2], (unsigned long long)left[3]);
}

const struct sim_check__ops sim_check__no_leak = {
    .mask = WEFT_TRACE_BIT(WEFT_TRACE_NODE_LEFT),
    .judges_stopping = true,
    .state_size = sizeof(struct no_leak),
    .trace = trace,
};
