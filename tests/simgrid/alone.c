/* SimGrid by itself: reads "START FROM TO BYTES" lines, prints when each transfer is over. What the
 * numbers of `through` are compared with. usage: alone PLATFORM MODEL */
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <stdio.h>
#include <stdlib.h>

struct transfer {
    double at;
    unsigned from, to;
    double bytes;
};

static sg_host_t *hosts;
static struct transfer transfers[100000];

static void send(int argc, char **argv) {
    (void)argc;
    const struct transfer *transfer = &transfers[atoi(argv[1])];
    sg_actor_sleep_until(transfer->at);
    sg_host_sendto(hosts[transfer->from], hosts[transfer->to], transfer->bytes);
    printf("%s %.9f\n", argv[1], simgrid_get_clock());
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    char model[128], program[] = "alone", quiet[] = "--log=root.thres:critical";
    snprintf(model, sizeof model, "--cfg=network/model:%s", argv[2]);
    char *options[] = {program, model, quiet, NULL};
    int count = 3;
    simgrid_init(&count, options);
    simgrid_load_platform(argv[1]);
    hosts = sg_host_list();
    struct transfer *at = transfers;
    for (int i = 0; scanf("%lf %u %u %lf", &at->at, &at->from, &at->to, &at->bytes) == 4; at++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i++);
        char name[] = "send", *const args[] = {name, number};
        sg_actor_create(number, hosts[0], send, 2, args);
    }
    simgrid_run();
    return 0;
}
