/* SimGrid behind sim/net/flow.h: its models of shared bandwidth, in its own time.
 *
 * SimGrid wants to own the program: simgrid_run() returns when the simulation is over. So it runs
 * on a stack of its own. One actor of it, the clock, switches back to ours whenever it has done
 * what was asked: it waits in SimGrid's time until a time or a completion, whichever is first. The
 * flows are other actors, each of which sends from host to host, then waits for the next to send.
 * There are as many as flows were ever under way at once.
 *
 * All of this is one thread. SimGrid's time is a double of seconds; what crosses the door is whole
 * nanoseconds, rounded, and never before what was told already. */
#define _GNU_SOURCE
#include "sim/net/flow.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <math.h>
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NS_OF_S 1e9
#define STACK_SIZE ((size_t)8 * 1024 * 1024) /* of what SimGrid takes for the program */
#define OPTION_MAX 128

/* A flow, in one of the two lists. */
struct flow {
    struct flow *next;
    uint64_t id, bytes;
    uint32_t from, to;
    double done_at;
};

struct flow_list {
    struct flow *first, **last;
};

static struct {
    bool open;
    ucontext_t ours, theirs;
    void *stack;
    sg_host_t *hosts;
    uint32_t hosts_count;
    sg_sem_t to_send, told;         /* a flow is to be sent; one was completed */
    struct flow_list waiting, done; /* not yet sent; completed, and not told yet */
    struct flow *unused;
    uint32_t fresh;       /* of `waiting`: no sender was called for it yet */
    uint32_t free;        /* senders that wait for a flow and were not called */
    double until;         /* how far the clock may go */
    bool stops_when_done; /* and whether a completion stops it */
    weft_time now;        /* what the other side knows */
} grid;

/* --- lists --- */

static void list_init(struct flow_list *list) {
    list->first = NULL;
    list->last = &list->first;
}

static void list_push(struct flow_list *list, struct flow *flow) {
    flow->next = NULL;
    *list->last = flow;
    list->last = &flow->next;
}

static struct flow *list_pop(struct flow_list *list) {
    struct flow *flow = list->first;
    WEFT_ASSERT(flow != NULL);
    list->first = flow->next;
    if (list->first == NULL) list->last = &list->first;
    return flow;
}

/* --- in SimGrid: on stacks of its own --- */

static void sender(int argc, char **argv) {
    (void)argc;
    (void)argv;
    for (;;) {
        struct flow *flow = list_pop(&grid.waiting);
        sg_host_sendto(grid.hosts[flow->from], grid.hosts[flow->to], (double)flow->bytes);
        flow->done_at = simgrid_get_clock();
        list_push(&grid.done, flow);
        sg_sem_release(grid.told);
        grid.free++;
        sg_sem_acquire(grid.to_send);
    }
}

/* One for each fresh flow: called, or made. */
static void call_senders(void) {
    for (; grid.fresh > 0; grid.fresh--) {
        if (grid.free > 0) {
            grid.free--;
            sg_sem_release(grid.to_send);
        } else {
            sg_actor_create("sender", grid.hosts[0], sender, 0, NULL);
        }
    }
}

/* Wait until a time or a completion. */
static void clock_turn(void) {
    call_senders();
    for (;;) {
        double left = grid.until - simgrid_get_clock();
        if (left <= 0 || (grid.stops_when_done && grid.done.first != NULL)) return;
        if (sg_sem_acquire_timeout(grid.told, left) != 0) return; /* time is up */
    }
}

/* Leaves not by SimGrid's ways: all of it stands still until we are back. */
static void clock_actor(int argc, char **argv) {
    (void)argc;
    (void)argv;
    for (;;) {
        int rv = swapcontext(&grid.theirs, &grid.ours);
        WEFT_ASSERT(rv == 0);
        clock_turn();
    }
}

static void run(void) {
    simgrid_run();
    WEFT_UNREACHABLE("SimGrid has nothing more to do, which must not be");
}

/* --- the door: on our stack --- */

static void enter(void) {
    int rv = swapcontext(&grid.ours, &grid.theirs);
    WEFT_ASSERT(rv == 0);
}

static weft_time to_ns(double s) {
    double ns = s * NS_OF_S;
    WEFT_ASSERT(ns >= 0 && ns < (double)WEFT_TIME_NEVER);
    return (weft_time)llround(ns);
}

static bool is_model(const char *name) {
    static const char *const models[] = {"LV08", "CM02", "SMPI", "IB"};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (strcmp(models[i], name) == 0) return true;
    }
    return false;
}

static void init(const struct sim_flow_setup *setup) {
    char model[OPTION_MAX];
    (void)snprintf(model, sizeof model, "--cfg=network/model:%s", setup->model);
    char program[] = "weft", guards[] = "--cfg=contexts/guard-size:0",
         quiet[] = "--log=root.thres:critical", stacks[] = "--cfg=contexts/stack-size:64";
    char *argv[] = {program, model, guards, stacks, quiet, NULL};
    int argc = 5;
    simgrid_init(&argc, argv);
}

static int open_(const struct sim_flow_setup *setup) {
    if (grid.open) return WEFT_ERR_IN_USE;
    if (!is_model(setup->model)) return WEFT_ERR_INVAL;
    grid.stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (grid.stack == MAP_FAILED) return WEFT_ERR_NOMEM;
    grid.open = true;
    init(setup);
    simgrid_load_platform(setup->platform);
    grid.hosts = sg_host_list();
    grid.hosts_count = (uint32_t)sg_host_count();
    if (grid.hosts_count == 0) return WEFT_ERR_INVAL;
    list_init(&grid.waiting);
    list_init(&grid.done);
    grid.to_send = sg_sem_init(0);
    grid.told = sg_sem_init(0);
    sg_actor_create("clock", grid.hosts[0], clock_actor, 0, NULL);
    int rv = getcontext(&grid.theirs);
    WEFT_ASSERT(rv == 0);
    grid.theirs.uc_stack.ss_sp = grid.stack;
    grid.theirs.uc_stack.ss_size = STACK_SIZE;
    makecontext(&grid.theirs, run, 0);
    enter(); /* to where the clock waits for orders */
    return WEFT_OK;
}

static uint32_t hosts(void) { return grid.hosts_count; }

static weft_duration latency(uint32_t from, uint32_t to) {
    WEFT_ASSERT(from < grid.hosts_count && to < grid.hosts_count);
    return to_ns(sg_host_get_route_latency(grid.hosts[from], grid.hosts[to]));
}

static void go_to(weft_time until, bool stops_when_done) {
    grid.until = (double)until / NS_OF_S;
    grid.stops_when_done = stops_when_done;
    enter();
}

static int start(weft_time now, uint64_t id, uint32_t from, uint32_t to, uint64_t bytes) {
    WEFT_ASSERT(now >= grid.now && from != to);
    WEFT_ASSERT(from < grid.hosts_count && to < grid.hosts_count);
    struct flow *flow = grid.unused;
    if (flow != NULL)
        grid.unused = flow->next;
    else
        flow = malloc(sizeof *flow);
    if (flow == NULL) return WEFT_ERR_NOMEM;
    *flow = (struct flow){.id = id, .bytes = bytes, .from = from, .to = to};
    go_to(now, false);
    list_push(&grid.waiting, flow);
    grid.fresh++;
    grid.now = now;
    return WEFT_OK;
}

static bool next(weft_time until, uint64_t *id, weft_time *at) {
    WEFT_ASSERT(until >= grid.now);
    if (grid.done.first == NULL) go_to(until, true);
    if (grid.done.first == NULL) {
        grid.now = until;
        return false;
    }
    struct flow *flow = list_pop(&grid.done);
    *id = flow->id;
    *at = weft_time_min(weft_time_max(to_ns(flow->done_at), grid.now), until);
    grid.now = *at;
    flow->next = grid.unused;
    grid.unused = flow;
    return true;
}

extern const struct sim_flow_ops sim_flow_part;
const struct sim_flow_ops sim_flow_part = {
    .open = open_, .hosts = hosts, .latency = latency, .start = start, .next = next};
