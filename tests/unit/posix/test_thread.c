/* A scheduler in a thread of its own: its watchdog ends a handler that does not return, and the
 * other scheduler goes on meanwhile. */
#include "core/node/node.h"
#include "core/otp/gen_server.h"
#include "core/otp/hub.h"
#include "core/otp/remote.h"
#include "core/posix/guard.h"
#include "core/posix/loop.h"
#include "core/posix/thread.h"
#include "core/posix/watchdog.h"
#include "tests/harness/harness.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#define LIMIT WEFT_MS(200)

static atomic_uint hangs, starts, ticks_meanwhile;
static atomic_bool hanging, over;

/* Hangs once, on scheduler 1; on scheduler 0 it counts. */
static int init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    if (weft_self_scheduler(self) == 1) atomic_fetch_add(&starts, 1);
    return weft_timer_start(self, WEFT_MS(5), 1, weft_bytes(NULL, 0), NULL);
}

static void on_info(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    if (weft_self_scheduler(self) == 0) {
        if (atomic_load(&hanging)) atomic_fetch_add(&ticks_meanwhile, 1);
        (void)weft_timer_start(self, WEFT_MS(5), 1, weft_bytes(NULL, 0), NULL);
    } else if (atomic_load(&starts) == 1) {
        atomic_store(&hanging, true);
        for (volatile bool forever = true; forever;) {
        }
    } else {
        atomic_store(&hanging, false);
        atomic_store(&over, true);
    }
}

static WEFT_GEN_SERVER(worker, .name = "worker", .version = 1, .init = init,
                       .handle_info = on_info);
static const struct weft_child_spec each[] = {{.id = "worker", .behaviour = &worker}};

struct part {
    struct weft_posix *posix;
    struct weft_node_config config;
    struct weft_node *node;
    struct weft_posix_driver driver;
    bool watched;
};

static struct part parts[2];

static void deliver(void *ctx, const struct weft_event *event) {
    weft_node_deliver(((struct part *)ctx)->node, event);
}

static bool run(void *ctx) {
    struct part *part = ctx;
    if (!part->watched) {
        part->watched = true;
        const struct weft_watch *watch = weft_sched_watch(weft_node_sched(part->node));
        if (weft_posix_watchdog_start(watch, LIMIT / 10) != WEFT_OK) atomic_store(&over, true);
    }
    return weft_node_run(part->node);
}

static weft_time next_at(void *ctx) {
    weft_time at = weft_node_next_at(((struct part *)ctx)->node);
    weft_time soon = weft_env_now(weft_posix_env(((struct part *)ctx)->posix)) + WEFT_MS(20);
    return weft_time_min(at, soon); /* to look whether it is over */
}

static bool done(void *ctx) {
    (void)ctx;
    if (!atomic_load(&over)) return false;
    weft_posix_watchdog_stop();
    return true;
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    (void)ctx;
    if (event->kind != WEFT_TRACE_PROC_EXIT) return;
    if (event->number[1] == WEFT_REASON_FAULT && event->number[2] == WEFT_FAULT_HANG)
        atomic_fetch_add(&hangs, 1);
}

static void wake(void *ctx, uint32_t to) {
    (void)ctx;
    if (parts[to].posix != NULL) weft_posix_wake(parts[to].posix);
}

static void open_part(struct weft_hub *hub, uint32_t index) {
    struct part *part = &parts[index];
    struct weft_reason why;
    struct weft_posix_config config = {.trace = on_trace,
                                       .trace_mask = WEFT_TRACE_BIT(WEFT_TRACE_PROC_EXIT)};
    CHECK_EQ_INT(weft_posix_new(&config, &part->posix), WEFT_OK);
    CHECK_EQ_INT(weft_posix_waker(part->posix), WEFT_OK);
    part->config = (struct weft_node_config){
        .hub = hub, .scheduler = index, .each = each, .each_count = 1, .handler_max = LIMIT};
    part->driver = (struct weft_posix_driver){part, deliver, run, next_at, done};
    CHECK_EQ_INT(weft_node_new(weft_posix_env(part->posix), &part->config, &part->node, &why),
                 WEFT_OK);
}

static void a_handler_that_hangs_in_a_scheduler_thread_is_ended(void) {
    struct weft_mem_heap heap;
    struct weft_hub *hub;
    struct weft_posix_thread *thread;
#ifdef __SANITIZE_THREAD__
    return; /* it keeps signals back until the thread waits, and this one never does */
#endif
    weft_posix_guard_install();
    weft_mem_heap_init(&heap, 0);
    struct weft_hub_config config = {.mem = &heap.base, .schedulers = 2, .wake = wake};
    REQUIRE(weft_hub_new(&config, &hub) == WEFT_OK);
    for (uint32_t i = 0; i < 2; i++) open_part(hub, i);
    REQUIRE(weft_posix_thread_start(parts[1].posix, &parts[1].driver, NULL, &thread) == WEFT_OK);
    CHECK_EQ_INT(weft_posix_loop(parts[0].posix, &parts[0].driver), WEFT_OK);
    CHECK_EQ_INT(weft_posix_thread_join(thread), WEFT_OK);
    CHECK_EQ_UINT(atomic_load(&hangs), 1);
    CHECK_EQ_UINT(atomic_load(&starts), 2); /* its supervisor started it again */
    CHECK(atomic_load(&ticks_meanwhile) >= 5);
    for (uint32_t i = 0; i < 2; i++) weft_node_free(parts[i].node);
    weft_hub_free(hub);
    for (uint32_t i = 0; i < 2; i++) weft_posix_free(parts[i].posix);
    CHECK_EQ_UINT(heap.blocks, 0);
}

static bool run_nothing(void *ctx) {
    (void)ctx;
    return false;
}

static weft_time never(void *ctx) {
    (void)ctx;
    return WEFT_TIME_NEVER;
}

static bool not_yet(void *ctx) {
    (void)ctx;
    return false;
}

static atomic_int over_with;

static void on_over(void *ctx, int rv) {
    CHECK(ctx == &parts[0]);
    atomic_store(&over_with, rv);
}

/* Whoever waits for its end hears of it: its driver is not asked any more. */
static void a_loop_that_fails_is_told(void) {
    struct weft_posix_config config = {.folder = NULL};
    struct weft_posix_thread *thread;
    struct part *part = &parts[0];
    CHECK_EQ_INT(weft_posix_new(&config, &part->posix), WEFT_OK);
    part->driver = (struct weft_posix_driver){part, deliver, run, next_at, done};
    int null = open("/dev/null", O_RDONLY);
    CHECK(dup2(null, weft_posix_fd(part->posix)) >= 0); /* there is nothing to wait at */
    close(null);
    part->driver.run = run_nothing;
    part->driver.next_at = never;
    part->driver.done = not_yet;
    REQUIRE(weft_posix_thread_start(part->posix, &part->driver, on_over, &thread) == WEFT_OK);
    int rv = weft_posix_thread_join(thread);
    CHECK(rv != WEFT_OK);
    CHECK_EQ_INT(atomic_load(&over_with), rv);
    weft_posix_free(part->posix);
}

TEST_MAIN("posix/thread", TEST(a_loop_that_fails_is_told),
          TEST(a_handler_that_hangs_in_a_scheduler_thread_is_ended))
