/* Load on an echo gateway over TCP on loopback, and what it did to those who sent it.
 *
 *     bench_loadgen port=9000 conns=18000 msgs=50000 secs=10 poison=180
 *
 * Messages leave on a schedule, whatever has come back (open loop), each on a connection drawn at
 * random; a latency is from when the message was due to when its echo was read, so that a gateway
 * that stops is charged for all that waited. `poison` connections a second get a frame that the
 * gateway's handler dies of; a connection that closes without one is an innocent one lost. Both
 * are opened again. Echoes of messages that were due about when
 * a poison was sent ("near") and the others ("far") are counted apart as well.
 *
 * `swap=PID` tells the gateway to go over to another version of its handler at a third of the time
 * (SIGUSR1), and back at two thirds (SIGUSR2): the worst latency of the half seconds with that, of
 * the others, and their median.
 *
 * Frame, 64 bytes: u32 60, big endian | op 'P' or 'X' | version, filled by the gateway | 2 zero |
 * u64 due, ns | u32 connection | zeros.
 *
 * Descriptors are capped per process: `holders` processes hold `holdconns` idle connections each,
 * and only the first process sends. `ports`: connection i goes to port + i % ports. */
#define _GNU_SOURCE
#include "tests/bench/loadgen/loadgen.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
    volatile uint32_t opened, failed, lost, ready;
};

static struct load_options options = {
    .port = 9000, .ports = 1, .conns = 1000, .rate = 20000, .secs = 5, .holdconns = 16000};

static const struct {
    const char *key;
    uint32_t *value;
} keys[] = {{"port", &options.port},           {"ports", &options.ports},
            {"conns", &options.conns},         {"rate", &options.rate},
            {"msgs", &options.msgs},           {"secs", &options.secs},
            {"poison", &options.poison},       {"holders", &options.holders},
            {"holdconns", &options.holdconns}, {"swap", &options.swap}};

static bool read_option(const char *text) {
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t length = strlen(keys[i].key);
        if (strncmp(text, keys[i].key, length) != 0 || text[length] != '=') continue;
        *keys[i].value = (uint32_t)strtoul(text + length + 1, NULL, 10);
        return true;
    }
    fprintf(stderr, "bench_loadgen: what is '%s'?\n", text);
    return false;
}

/* Holds idle connections until the parent ends, and counts those it loses. */
static void hold(struct shared *shared, uint32_t index) {
    struct load *load = load_new(&options, options.holdconns, index + 1);
    load_open_all(load);
    shared->opened = load->open_count;
    shared->failed = (uint32_t)load->stats.failed;
    shared->ready = 1;
    for (;;) {
        load_wait(load, 200000000);
        shared->lost = (uint32_t)load->stats.innocent_lost;
    }
}

static void start_holders(struct shared *shared, pid_t *pids) {
    for (uint32_t i = 0; i < options.holders; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            hold(&shared[i], i);
        }
    }
    for (uint32_t i = 0; i < options.holders; i++)
        for (int tries = 0; !shared[i].ready && tries < 6000; tries++) usleep(10000);
}

static void print_histogram(const char *name, const struct histogram *histogram) {
    printf(" %s_n=%llu %s_p50_us=%.0f %s_p99_us=%.0f %s_p999_us=%.0f %s_max_us=%.0f", name,
           (unsigned long long)histogram->count, name, histogram_us(histogram, 500), name,
           histogram_us(histogram, 990), name, histogram_us(histogram, 999), name,
           histogram_us(histogram, 1000));
}

static void print_swap(const struct load *load) {
    struct load_swap swap = load_swap(load);
    printf(" swap_up_max_us=%.0f swap_down_max_us=%.0f swap_other_max_us=%.0f "
           "swap_other_median_max_us=%.0f swap_late=%llu",
           (double)swap.upgrade_max / 1e3, (double)swap.rollback_max / 1e3,
           (double)swap.other_max / 1e3, (double)swap.other_median_max / 1e3,
           (unsigned long long)swap.late);
}

static void print(const struct load *load, const struct shared *shared) {
    const struct load_stats *stats = &load->stats;
    uint64_t open = load->open_count, lost = stats->innocent_lost, failed = stats->failed;
    for (uint32_t i = 0; i < options.holders; i++) {
        open += shared[i].opened - shared[i].lost;
        lost += shared[i].lost;
        failed += shared[i].failed;
    }
    printf("load open=%llu failed=%llu sent=%llu echoed=%llu unanswered=%llu wrong=%llu full=%llu "
           "poisoned=%llu poison_closed=%llu innocent_lost=%llu",
           (unsigned long long)open, (unsigned long long)failed, (unsigned long long)stats->sent,
           (unsigned long long)stats->echoed, (unsigned long long)load_unanswered(load),
           (unsigned long long)stats->wrong, (unsigned long long)stats->full,
           (unsigned long long)stats->poisoned, (unsigned long long)stats->poison_closed,
           (unsigned long long)lost);
    print_histogram("all", &stats->all);
    print_histogram("near", &stats->near);
    print_histogram("far", &stats->far);
    if (options.swap != 0) print_swap(load);
    printf("\n");
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (!read_option(argv[i])) return 2;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    size_t room = sizeof(struct shared) * (options.holders + 1);
    struct shared *shared =
        mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t *pids = calloc(options.holders + 1, sizeof *pids);
    if (shared == MAP_FAILED || pids == NULL) return 1;
    start_holders(shared, pids);
    struct load *load = load_new(&options, options.conns, 0);
    load_open_all(load);
    if (options.msgs > 0) load_run(load);
    print(load, shared);
    for (uint32_t i = 0; i < options.holders; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    load_free(load);
    free(pids);
    return 0;
}
