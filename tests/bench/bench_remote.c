/* What a message to elsewhere costs: to another scheduler (threads), and to another node (two
 * threads, each a node, over loopback); beside it what the machine needs for the same without us.
 * Prints one line a measurement; the figures are the best of
 * the runs asked for. bench_remote [messages] [runs] */
#define _GNU_SOURCE
#include "core/base/assert.h"
#include "core/otp/dist.h"
#include "core/otp/remote.h"
#include "core/otp/sched.h"
#include "core/posix/guard.h"
#include "core/posix/thread.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE 64
#define CALLS 20000
#define TAG_NEXT 1
#define TAG_DATA 2
#define TAG_LAST 3

struct side {
    struct weft_posix *posix;
    struct weft_mem_heap heap;
    struct weft_hub *hub;
    struct weft_sched *sched;
    struct weft_posix_driver driver;
    struct weft_posix_thread *thread;
    weft_pid root;
};

static struct side sides[2];
static char names[2][64];
static bool apart; /* two nodes, not two schedulers */
static weft_pid target;
static uint64_t wanted, sent, got;
static weft_time began, ended, asked;
static weft_duration took[CALLS];
static uint32_t calls;
static atomic_bool over;

static int compare(const void *a, const void *b) {
    weft_duration left = *(const weft_duration *)a, right = *(const weft_duration *)b;
    return left < right ? -1 : left > right;
}

static int send_one(weft_self *self, uint32_t tag) {
    static const unsigned char data[SIZE];
    struct weft_bytes bytes = weft_bytes(data, sizeof data);
    return weft_send(self, target, tag, bytes);
}

static void ask(weft_self *self) {
    static const unsigned char data[SIZE];
    struct weft_call_at call = {.node = names[1],
                                .name = "sink",
                                .data = weft_bytes(data, sizeof data),
                                .timeout = WEFT_TIME_NEVER};
    weft_ref ref;
    asked = weft_env_now(weft_self_env(self));
    int rv = apart ? weft_call_at(self, &call, &ref)
                   : weft_call(self, sides[1].root, 0, call.data, WEFT_TIME_NEVER, &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

/* Sends until told that the way is full, then goes on in its next turn. */
static void source(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_CAST && weft_pid_is_none(target)) {
        ask(self); /* who answers is who gets the messages */
        return;
    }
    if (msg->kind == WEFT_MSG_REPLY) {
        if (weft_pid_is_none(target)) {
            target = msg->from;
            began = weft_env_now(weft_self_env(self));
        }
        if (sent == wanted) took[calls++] = weft_env_now(weft_self_env(self)) - asked;
        if (calls == CALLS) {
            atomic_store(&over, true);
            for (int i = 0; i < 2; i++) weft_posix_wake(sides[i].posix);
            return;
        }
        if (sent == wanted) ask(self);
    }
    if (sent == wanted) return;
    for (int i = 0; i < 512 && sent < wanted; i++) {
        if (send_one(self, sent + 1 == wanted ? TAG_LAST : TAG_DATA) != WEFT_OK) break;
        sent++;
    }
    if (sent == wanted) {
        ask(self); /* answered after the last of them */
    } else {
        (void)weft_send(self, weft_self_pid(self), TAG_NEXT, weft_bytes(NULL, 0));
    }
}

static void sink(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_CALL) {
        struct weft_call call = weft_call_of(msg);
        weft_reply(self, &call, WEFT_OK, msg->data);
    } else if (msg->kind == WEFT_MSG_CAST) {
        got++;
        if (msg->tag == TAG_LAST) ended = weft_env_now(weft_self_env(self));
    }
}

static const struct weft_behaviour source_v1 = {.name = "source", .handle = source};
static const struct weft_behaviour sink_v1 = {.name = "sink", .handle = sink};

/* The root: starts dist when there is one, then the others. */
static int start(weft_self *self, struct weft_bytes arg) {
    struct side *side;
    memcpy(&side, arg.data, sizeof side);
    struct weft_dist_config dist = {.cookie = "bench"};
    struct weft_spawn connects = {.behaviour = &weft_dist, .arg = weft_bytes(&dist, sizeof dist)};
    weft_pid pid;
    if (apart && weft_spawn(self, &connects, &pid) != WEFT_OK) abort();
    bool first = side == &sides[0];
    struct weft_spawn spawn = {.behaviour = first ? &source_v1 : &sink_v1,
                               .name = first ? "source" : "sink",
                               .mailbox_max = 100000000};
    if (weft_spawn(self, &spawn, &side->root) != WEFT_OK) abort();
    return WEFT_OK;
}

static void ignore(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    (void)msg;
}
static const struct weft_behaviour root_v1 = {.name = "root", .init = start, .handle = ignore};

static void deliver(void *ctx, const struct weft_event *event) {
    weft_sched_deliver(((struct side *)ctx)->sched, event);
}
static bool run(void *ctx) { return weft_sched_run(((struct side *)ctx)->sched, 1024); }
static weft_time next_at(void *ctx) { return weft_sched_next_at(((struct side *)ctx)->sched); }
static bool done(void *ctx) {
    (void)ctx;
    return atomic_load(&over);
}
static void wake_other(void *ctx, uint32_t to) {
    (void)ctx;
    weft_posix_wake(sides[to].posix);
}

static void open_side(uint32_t i) {
    struct side *side = &sides[i], *first = side;
    struct weft_posix_config config = {.node = i};
    if (weft_posix_new(&config, &side->posix) != WEFT_OK) abort();
    if (weft_posix_waker(side->posix) != WEFT_OK) abort();
    if (apart || i == 0) {
        struct weft_hub_config hub = {.mem = &side->heap.base,
                                      .schedulers = apart ? 1 : 2,
                                      .node = apart ? names[i] : NULL,
                                      .creation = 1,
                                      .wake = apart ? NULL : wake_other};
        weft_mem_heap_init(&side->heap, 0);
        if (weft_hub_new(&hub, &side->hub) != WEFT_OK) abort();
    }
    struct weft_sched_config sched = {.hub = apart ? side->hub : sides[0].hub,
                                      .index = apart ? 0 : i};
    if (weft_sched_new(weft_posix_env(side->posix), &sched, &side->sched) != WEFT_OK) abort();
    struct weft_spawn root = {.behaviour = &root_v1, .arg = weft_bytes(&first, sizeof first)};
    weft_pid pid;
    if (weft_sched_start(side->sched, &root, &pid, NULL) != WEFT_OK) abort();
    side->driver = (struct weft_posix_driver){side, deliver, run, next_at, done};
}

static double measure(weft_duration *p50, weft_duration *p99) {
    sent = got = 0;
    target = WEFT_PID_NONE;
    calls = 0;
    atomic_store(&over, false);
    for (uint32_t i = 0; i < 2; i++) open_side(i);
    weft_sched_send(sides[0].sched, sides[0].root, TAG_NEXT, weft_bytes(NULL, 0));
    for (int i = 0; i < 2; i++)
        if (weft_posix_thread_start(sides[i].posix, &sides[i].driver, NULL, &sides[i].thread) !=
            WEFT_OK)
            abort();
    for (int i = 0; i < 2; i++) weft_posix_thread_join(sides[i].thread);
    for (int i = 0; i < 2; i++) weft_sched_free(sides[i].sched);
    for (int i = 0; i < 2; i++)
        if (apart || i == 0) weft_hub_free(sides[i].hub);
    for (int i = 0; i < 2; i++) weft_posix_free(sides[i].posix);
    WEFT_ASSERT(got == wanted);
    qsort(took, CALLS, sizeof took[0], compare);
    *p50 = took[CALLS / 2];
    *p99 = took[CALLS / 100 * 99];
    return (double)wanted * 1e9 / (double)(ended - began);
}

/* --- bare: what the machine needs for the same call with no runtime: two threads, each waiting in
 * epoll, 64 bytes there and back. `over_tcp`: by a connection on loopback, as two nodes; else by a
 * word in memory and an eventfd, as two schedulers. --- */

struct bare {
    int epoll, in, out; /* descriptors: readable when the other one wrote */
    bool over_tcp;
};

static void bare_wait(const struct bare *bare, unsigned char *data) {
    struct epoll_event event;
    while (epoll_wait(bare->epoll, &event, 1, -1) != 1) {
    }
    ssize_t count = read(bare->in, data, bare->over_tcp ? SIZE : sizeof(uint64_t));
    if (count != (bare->over_tcp ? SIZE : (ssize_t)sizeof(uint64_t))) abort();
}

static void bare_tell(const struct bare *bare, const unsigned char *data) {
    uint64_t one = 1;
    const void *what = bare->over_tcp ? (const void *)data : &one;
    ssize_t size = bare->over_tcp ? SIZE : (ssize_t)sizeof one;
    if (write(bare->out, what, (size_t)size) != size) abort();
}

static void *bare_echo(void *arg) {
    unsigned char data[SIZE];
    for (uint32_t i = 0; i < CALLS; i++) {
        bare_wait(arg, data);
        bare_tell(arg, data);
    }
    return NULL;
}

static void bare_connect(int ends[2]) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 1) != 0) abort();
    getsockname(listener, (struct sockaddr *)&at, &size);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(ends[0], (struct sockaddr *)&at, size) != 0) abort();
    ends[1] = accept(listener, NULL, NULL);
    for (int i = 0; i < 2; i++) setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    close(listener);
}

static void bare_open(struct bare bare[2], bool over_tcp) {
    int ends[2];
    if (over_tcp) bare_connect(ends);
    if (!over_tcp) ends[0] = eventfd(0, 0), ends[1] = eventfd(0, 0);
    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        bare[i] = (struct bare){epoll_create1(0), ends[i], ends[over_tcp ? i : 1 - i], over_tcp};
        epoll_ctl(bare[i].epoll, EPOLL_CTL_ADD, bare[i].in, &event);
    }
}

static void measure_bare(bool over_tcp, weft_duration *p50, weft_duration *p99) {
    static unsigned char data[SIZE];
    struct bare bare[2];
    struct timespec from, to;
    pthread_t thread;
    bare_open(bare, over_tcp);
    if (pthread_create(&thread, NULL, bare_echo, &bare[1]) != 0) abort();
    for (uint32_t i = 0; i < CALLS; i++) {
        clock_gettime(CLOCK_MONOTONIC, &from);
        bare_tell(&bare[0], data);
        bare_wait(&bare[0], data);
        clock_gettime(CLOCK_MONOTONIC, &to);
        took[i] = WEFT_S(to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec);
    }
    pthread_join(thread, NULL);
    for (int i = 0; i < 2; i++) close(bare[i].epoll), close(bare[i].in);
    qsort(took, CALLS, sizeof took[0], compare);
    *p50 = took[CALLS / 2];
    *p99 = took[CALLS / 100 * 99];
}

static void tell_bare(bool over_tcp, int runs) {
    weft_duration p50 = INT64_MAX, p99 = INT64_MAX, a, b;
    for (int i = 0; i < runs; i++) {
        measure_bare(over_tcp, &a, &b);
        if (a < p50) p50 = a;
        if (b < p99) p99 = b;
    }
    printf("bare, %s: there and back p50 %.1f us, p99 %.1f us\n",
           over_tcp ? "TCP on loopback" : "eventfd", (double)p50 / 1e3, (double)p99 / 1e3);
}

int main(int argc, char **argv) {
    int runs = argc > 2 ? atoi(argv[2]) : 3;
    wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000000;
    weft_posix_guard_install();
    for (int kind = 0; kind < 2; kind++) {
        double best = 0;
        weft_duration p50 = INT64_MAX, p99 = INT64_MAX, a, b;
        apart = kind == 1;
        for (int i = 0; i < runs; i++) {
            snprintf(names[0], sizeof names[0], "a@127.0.0.1:%d", 45100 + 2 * i);
            snprintf(names[1], sizeof names[1], "b@127.0.0.1:%d", 45101 + 2 * i);
            double rate = measure(&a, &b);
            if (rate > best) best = rate;
            if (a < p50) p50 = a;
            if (b < p99) p99 = b;
        }
        printf("%s: %.2f M messages of %d bytes a second, call p50 %.1f us, p99 %.1f us\n",
               apart ? "another node, loopback" : "another scheduler", best / 1e6, SIZE,
               (double)p50 / 1e3, (double)p99 / 1e3);
        tell_bare(apart, runs);
    }
    return 0;
}
