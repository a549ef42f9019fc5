/* Messages between SimGrid's hosts that do nothing, from C: an actor a host waits at a mailbox of
 * its own; when it gets a message of 16 bytes it sends one, detached, to a random other. The hosts
 * have places and no links, so that a message takes its latency and shares nothing: the cheapest of
 * SimGrid's networks.
 *
 *     simgrid_message nodes messages seconds */
#define _GNU_SOURCE
#include "tests/bench/peers/message_run.h"

#include <simgrid/actor.h>
#include <simgrid/comm.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/mailbox.h>
#include <stdint.h>
#include <sys/mman.h>

static struct run run;
static sg_mailbox_t *mailboxes;
static char message[16];

static double drawn(double most) { return (double)(run_draw(&run) >> 11) / 0x1p53 * most; }

static void send(void) {
    sg_mailbox_t to = mailboxes[run_draw(&run) % run.nodes];
    sg_comm_detach(sg_mailbox_put_init(to, message, sizeof message), NULL);
}

static void node(int count, char **words) {
    (void)count;
    (void)words;
    uintptr_t index = (uintptr_t)sg_actor_self_get_data();
    sg_actor_sleep_for(drawn(0.09));
    send();
    while (true) {
        sg_mailbox_get(mailboxes[index]);
        run_message(&run);
        send();
    }
}

/* SimGrid reads platforms from files alone. Places in milliseconds: some 50 between two. */
static void load_platform(void) {
    int fd = memfd_create("platform.xml", 0);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    char path[64];
    if (file == NULL) abort();
    fputs("<?xml version='1.0'?>\n"
          "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
          "<platform version=\"4.1\">\n<zone id=\"all\" routing=\"Vivaldi\">\n",
          file);
    for (uint32_t i = 0; i < run.nodes; i++)
        fprintf(file, "<host id=\"h%u\" speed=\"1Gf\" coordinates=\"%.3f %.3f %.3f\"/>\n", i,
                drawn(60), drawn(60), 2 + drawn(10));
    fputs("</zone>\n</platform>\n", file);
    fflush(file);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    simgrid_load_platform(path);
    fclose(file);
}

static void start_actors(void) {
    char name[32];
    mailboxes = calloc(run.nodes, sizeof *mailboxes);
    if (mailboxes == NULL) abort();
    for (uint32_t i = 0; i < run.nodes; i++) {
        snprintf(name, sizeof name, "m%u", i);
        mailboxes[i] = sg_mailbox_by_name(name);
    }
    for (uint32_t i = 0; i < run.nodes; i++) {
        snprintf(name, sizeof name, "h%u", i);
        sg_actor_t actor = sg_actor_init("node", sg_host_by_name(name));
        sg_actor_set_data(actor, (void *)(uintptr_t)i);
        sg_actor_start(actor, node, 0, NULL);
    }
}

int main(int count, char **words) {
    char *options[] = {words[0],
                       "--cfg=network/model:CM02",
                       "--cfg=network/crosstraffic:0",
                       "--cfg=contexts/stack-size:16",
                       "--cfg=contexts/guard-size:0",
                       "--log=root.thres:critical",
                       NULL};
    int options_count = sizeof options / sizeof options[0] - 1;
    if (count != 4) return 2;
    run_init(&run, words + 1);
    simgrid_init(&options_count, options);
    load_platform();
    start_actors();
    run_built(&run);
    simgrid_run();
    return 1; /* it ran out of messages */
}
