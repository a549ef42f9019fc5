/* The same transfers as `alone` through the door of sim/net/flow.h: the part as weft loads it.
 * usage: through PART PLATFORM MODEL */
#define _GNU_SOURCE
#include "core/base/error.h"
#include "sim/net/flow.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct transfer {
    double at;
    unsigned from, to;
    double bytes;
};

static struct transfer transfers[100000];

static int by_start(const void *a, const void *b) {
    const struct transfer *one = a, *other = b;
    return one->at < other->at ? -1 : one->at > other->at;
}

static weft_time start_of(const struct transfer *transfer) {
    return (weft_time)(transfer->at * 1e9 + 0.5);
}

static unsigned drain(const struct sim_flow_ops *flow, weft_time until, unsigned open) {
    uint64_t id;
    weft_time at;
    while (open > 0 && flow->next(until, &id, &at)) {
        printf("%llu %lld.%09lld\n", (unsigned long long)id, (long long)(at / 1000000000),
               (long long)(at % 1000000000));
        open--;
    }
    return open;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    void *part = dlopen(argv[1], RTLD_NOW);
    if (part == NULL) fprintf(stderr, "%s\n", dlerror());
    const struct sim_flow_ops *flow = part != NULL ? dlsym(part, SIM_FLOW_SYMBOL) : NULL;
    if (flow == NULL) return 1;
    const struct sim_flow_setup setup = {.platform = argv[2], .model = argv[3]};
    int rv = flow->open(&setup);
    if (rv != WEFT_OK) return rv == WEFT_ERR_INVAL ? 3 : 1;
    if (flow->open(&setup) != WEFT_ERR_IN_USE) return 4;
    unsigned count = 0, open = 0;
    struct transfer *at = transfers;
    while (scanf("%lf %u %u %lf", &at->at, &at->from, &at->to, &at->bytes) == 4) at++, count++;
    qsort(transfers, count, sizeof *transfers, by_start);
    for (unsigned i = 0; i < count; i++) {
        weft_time now = start_of(&transfers[i]);
        open = drain(flow, now, open);
        if (flow->start(now, i, transfers[i].from, transfers[i].to, (uint64_t)transfers[i].bytes) !=
            WEFT_OK)
            return 1;
        open++;
    }
    return drain(flow, WEFT_S(100000), open) == 0 ? 0 : 5;
}
