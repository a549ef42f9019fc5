/* An echo gateway as an application of a node: a listener, a supervisor of connections, and a
 * process for each connection, which is a module. bench_gateway PORT V1.so V2.so listens until
 * SIGTERM, then says what crashes cost; SIGUSR1 upgrades the open connections to the second
 * version, SIGUSR2 rolls back. The log goes to standard error, as that of weftd.
 *
 * Frames of 64 bytes, as bench_loadgen.c tells: 'P' is sent back with our version in byte 5; 'X'
 * makes the handler write through a null pointer, as a bug would. */
#include "tests/bench/gateway/gateway.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
    if (argc != 2 + GATEWAY_VERSIONS) {
        fprintf(stderr, "usage: bench_gateway PORT V1.so V2.so\n");
        return 2;
    }
    raise_descriptors();
    signal(SIGPIPE, SIG_IGN);
    return gateway_run((uint16_t)strtoul(argv[1], NULL, 10), argv + 2);
}
