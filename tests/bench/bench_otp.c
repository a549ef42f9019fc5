/* What the runtime costs: bench_otp CASE [NUMBERS]; one case a run. tests/bench/otp_rates.py runs
 * them beside Erlang's and Go's and makes the table. */
#include "tests/bench/otp/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *numbers;
    void (*run)(const struct bench_args *args);
} cases[] = {{"spawn_init", "PROCESSES", bench_spawn_init},
             {"spawn_turn", "PROCESSES", bench_spawn_turn},
             {"memory", "PROCESSES", bench_memory},
             {"call", "CALLS", bench_call},
             {"pingpong", "ROUNDS", bench_pingpong},
             {"fan_in", "SENDERS MESSAGES MAILBOX", bench_fan_in},
             {"fan_out", "RECEIVERS ROUNDS", bench_fan_out},
             {"timers", "TIMERS", bench_timers},
             {"restarts", "CHILDREN KILLS PAUSE_MS", bench_restarts},
             {"intensity", "RESTARTS", bench_intensity},
             {"shutdown", "CHILDREN", bench_shutdown},
             {"cascade", "PROCESSES", bench_cascade},
             {"tick", "BUSY TICKS", bench_tick},
             {"tick_high", "BUSY TICKS", bench_tick_high},
             {"tick_bare", "- TICKS", bench_tick_bare}};

#define CASES (sizeof cases / sizeof cases[0])

static int usage(void) {
    fprintf(stderr, "usage: bench_otp CASE [NUMBERS]\n");
    for (size_t i = 0; i < CASES; i++)
        fprintf(stderr, "    %-11s %s\n", cases[i].name, cases[i].numbers);
    return 2;
}

int main(int argc, char **argv) {
    struct bench_args args = {{0}};
    if (argc < 2 || argc > 2 + BENCH_ARGS) return usage();
    for (int i = 2; i < argc; i++) args.n[i - 2] = strtoull(argv[i], NULL, 10);
    for (size_t i = 0; i < CASES; i++) {
        if (strcmp(argv[1], cases[i].name) != 0) continue;
        cases[i].run(&args);
        return 0;
    }
    return usage();
}
