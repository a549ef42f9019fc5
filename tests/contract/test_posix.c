/* The contract on sockets, files and the machine's clock: two nodes in this process. */
#define _GNU_SOURCE
#include "core/posix/guard.h"
#include "core/posix/internal.h"
#include "core/posix/loop.h"
#include "tests/contract/contract.h"

#include <ftw.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

struct posix_world;

struct posix_node {
    struct posix_world *world;
    struct weft_posix *posix;
    int number;
    char folder[64];
};

#define ENVS (CONTRACT_NODES + 1) /* the last is B's other scheduler */

struct posix_world {
    struct posix_node node[ENVS];
    struct weft_posix_ports *ports; /* of B */
    weft_time until;
};

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    contract_trace(((struct posix_node *)ctx)->number, event);
}

static bool node_open(struct posix_node *node, struct weft_posix_ports *ports) {
    snprintf(node->folder, sizeof node->folder, "/tmp/weft-contract-XXXXXX");
    if (mkdtemp(node->folder) == NULL) return false;
    struct weft_posix_config config = {.folder = node->folder,
                                       .node = (uint32_t)node->number,
                                       .log_level = WEFT_LOG_DEBUG,
                                       .connect_max = WEFT_S(2),
                                       .trace = on_trace,
                                       .trace_ctx = node,
                                       .ports = ports};
    return weft_posix_new(&config, &node->posix) == WEFT_OK;
}

static void *world_open(void) {
    struct posix_world *world = calloc(1, sizeof *world);
    if (world == NULL) return NULL;
    weft_posix_guard_install();
    world->ports = weft_posix_ports_new();
    if (world->ports == NULL) abort();
    for (int i = 0; i < ENVS; i++) {
        world->node[i].world = world;
        world->node[i].number = i < CONTRACT_NODES ? i : CONTRACT_B;
        if (!node_open(&world->node[i], i == CONTRACT_A ? NULL : world->ports)) abort();
    }
    return world;
}

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *ftw) {
    (void)stat;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void world_close(void *arg) {
    struct posix_world *world = arg;
    for (int i = 0; i < ENVS; i++) {
        weft_posix_free(world->node[i].posix);
        nftw(world->node[i].folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    weft_posix_ports_free(world->ports);
    free(world);
}

static struct weft_env *world_env(void *arg, int node) {
    return weft_posix_env(((struct posix_world *)arg)->node[node].posix);
}

static struct weft_env *world_sibling(void *arg) { return world_env(arg, CONTRACT_NODES); }

static struct weft_addr world_addr(void *world, int node, enum weft_family family) {
    struct weft_addr addr = weft_addr_v4(127, 0, 0, 1, 0);
    (void)world;
    (void)node;
    if (family == WEFT_FAMILY_V4) return addr;
    addr = (struct weft_addr){.family = WEFT_FAMILY_V6};
    addr.ip[15] = 1;
    return addr;
}

static void deliver(void *ctx, const struct weft_event *event) {
    contract_event(((struct posix_node *)ctx)->number, event);
}

static bool run(void *ctx) {
    (void)ctx;
    return false;
}

static weft_time next_at(void *ctx) {
    (void)ctx;
    return WEFT_TIME_NEVER;
}

static bool done(void *ctx) {
    (void)ctx;
    return false;
}

/* What all have found, and then a wait for any. */
static void step(struct posix_world *world, weft_duration wait) {
    struct pollfd ready[ENVS];
    for (int i = 0; i < ENVS; i++) {
        struct posix_node *node = &world->node[i];
        const struct weft_posix_driver driver = {node, deliver, run, next_at, done};
        if (weft_posix_turn(node->posix, &driver, 0) != WEFT_OK) abort();
        ready[i] = (struct pollfd){.fd = weft_posix_fd(node->posix), .events = POLLIN};
    }
    struct timespec time = {.tv_nsec = wait < WEFT_MS(5) ? wait : WEFT_MS(5)};
    if (wait > 0) ppoll(ready, ENVS, &time, NULL);
}

static bool world_pump(void *arg, bool (*until)(void *arg), void *until_arg, weft_duration limit) {
    struct posix_world *world = arg;
    struct weft_env *env = world_env(world, CONTRACT_A);
    weft_time end = weft_time_add(weft_env_now(env), limit);
    for (;;) {
        if (until != NULL && until(until_arg)) return true;
        weft_time now = weft_env_now(env);
        if (now >= end) return false;
        size_t seen = contract.count;
        step(world, 0);
        if (contract.count == seen) step(world, end - now);
    }
}

static int fd_of(void *world, int node, weft_socket socket) {
    struct weft_posix *posix = ((struct posix_world *)world)->node[node].posix;
    return weft_posix__socket_get(posix, socket)->fd;
}

/* A filter that takes nothing: packets are dropped before the protocol sees them. */
static void world_deafen(void *world, int node, weft_socket socket) {
    struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &none};
    int fd = fd_of(world, node, socket);
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) abort();
}

/* A socket under repair goes without a word; only root may repair. */
static bool world_vanish(void *world, int node, weft_socket socket) {
    struct weft_env *env = world_env(world, node);
    int on = 1, fd = fd_of(world, node, socket);
    if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) != 0) return false;
    env->net->close(env, socket);
    return true;
}

static const struct contract_world posix_world = {.name = "contract/posix",
                                                  .has_v6 = true,
                                                  .open = world_open,
                                                  .close = world_close,
                                                  .env = world_env,
                                                  .sibling = world_sibling,
                                                  .addr = world_addr,
                                                  .pump = world_pump,
                                                  .deafen = world_deafen,
                                                  .vanish = world_vanish};

int main(int argc, char **argv) {
    contract_world = &posix_world;
    return contract_main(argc, argv);
}
