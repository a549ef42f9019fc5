/* The machines: power, sleep, and who gets which event. */
#include "sim/world/fabric.h"

#include "core/base/assert.h"
#include "core/base/fetch.h"
#include "sim/world/flows.h"

#include <stdlib.h>
#include <string.h>

/* What a datagram of 64 bytes takes. */
#define PARCEL_NEAR 128

/* What it needs of a machine: the tables of its env, and its memory. */
#define MACHINE_NEAR 320

static bool need_places(struct sim_fabric *fabric) {
    const struct sim_fabric_config *config = &fabric->config;
    if (fabric->places == NULL) {
        fabric->places = sim_places_new(config->nodes, sim_engine_seed(config->engine),
                                        config->nats, config->nats_count);
    }
    return fabric->places != NULL;
}

/* The parcel and the berth, which tells where the machine is; then that, and what runs on it. */
static void on_near(void *ctx, const struct sim_event *const near[SIM_NEAR]) {
    const struct sim_fabric *fabric = ctx;
    uint32_t nodes = fabric->config.nodes;
    if (near[0] != NULL && near[0]->entity < nodes) {
        if (near[0]->kind == SIM_EVENT_PARCEL) weft_fetch(near[0]->data, PARCEL_NEAR);
        weft_fetch(&fabric->berths[near[0]->entity], 1);
    }
    if (near[1] != NULL && near[1]->entity < nodes) {
        const struct sim_machine *machine = fabric->berths[near[1]->entity].machine;
        if (machine != NULL) weft_fetch(machine, MACHINE_NEAR);
    }
    if (fabric->config.fetch == NULL) return;
    for (unsigned i = 0; i < SIM_NEAR; i++)
        if (near[i] != NULL && near[i]->entity < nodes)
            fabric->config.fetch(fabric->config.ctx, near[i]->entity, i);
}

static void look_ahead(struct sim_fabric *fabric) {
    unsigned places = fabric->config.fetch != NULL ? SIM_NEAR : 2;
    sim_engine_on_near(fabric->config.engine, on_near, places, fabric);
}

struct sim_fabric *sim_fabric_new(const struct sim_fabric_config *config) {
    WEFT_ASSERT(config->engine != NULL && config->net != NULL);
    WEFT_ASSERT(config->nodes > 0 && config->nodes <= SIM_WORLD_NODES_MAX);
    WEFT_ASSERT(config->deliver != NULL);
    struct sim_fabric *fabric = calloc(1, sizeof *fabric);
    if (fabric == NULL) return NULL;
    fabric->berths = calloc(config->nodes, sizeof *fabric->berths);
    fabric->config = *config;
    bool whole = fabric->berths != NULL && (config->nats_count == 0 || need_places(fabric));
    if (whole && config->flow != NULL) fabric->flows = sim_flows_new(config);
    whole = whole && (config->flow == NULL || fabric->flows != NULL);
    if (whole) {
        look_ahead(fabric);
        return fabric;
    }
    sim_places_free(fabric->places);
    free(fabric->berths);
    free(fabric);
    return NULL;
}

struct sim_fabric *sim_fabric_beside(struct sim_fabric *first, struct sim_engine *lane, void *ctx) {
    WEFT_ASSERT(first->places == NULL);
    uint32_t nodes = first->config.nodes;
    if (first->clocks == NULL) first->clocks = calloc(nodes, sizeof(struct sim_clock *));
    struct sim_fabric *fabric = first->clocks != NULL ? calloc(1, sizeof *fabric) : NULL;
    if (fabric == NULL) return NULL;
    fabric->config = first->config;
    fabric->config.engine = lane;
    fabric->config.ctx = ctx;
    fabric->berths = first->berths;
    fabric->clocks = first->clocks;
    fabric->is_beside = true;
    look_ahead(fabric);
    return fabric;
}

/* --- room for machines --- */

#define ROOM_MACHINES ((size_t)64)

static bool room_grow(struct sim_machine_room *room) {
    if (room->blocks_count == room->blocks_max) {
        size_t max = room->blocks_max == 0 ? 8 : room->blocks_max * 2;
        void **blocks = realloc(room->blocks, max * sizeof *blocks);
        if (blocks == NULL) return false;
        room->blocks = blocks;
        room->blocks_max = max;
    }
    char *block = aligned_alloc(WEFT_CACHE_LINE, ROOM_MACHINES * SIM_MACHINE_SIZE);
    if (block == NULL) return false;
    room->blocks[room->blocks_count++] = block;
    for (size_t i = ROOM_MACHINES; i-- > 0;) {
        void *at = block + i * SIM_MACHINE_SIZE;
        memcpy(at, &room->free, sizeof room->free);
        room->free = at;
    }
    return true;
}

static struct sim_machine *room_take(struct sim_machine_room *room) {
    if (room->free == NULL && !room_grow(room)) return NULL;
    void *at = room->free;
    memcpy(&room->free, at, sizeof room->free);
    return memset(at, 0, SIM_MACHINE_SIZE);
}

static void room_give(struct sim_machine_room *room, struct sim_machine *machine) {
    memcpy(machine, &room->free, sizeof room->free);
    room->free = machine;
}

static void room_deinit(struct sim_machine_room *room) {
    for (size_t i = 0; i < room->blocks_count; i++) free(room->blocks[i]);
    free(room->blocks);
}

/* --- power --- */

void sim_fabric_flow(struct sim_fabric *fabric, weft_time until) {
    if (fabric->flows != NULL) sim_flows_run(fabric, until);
}

struct sim_flows_stats sim_fabric_flows(const struct sim_fabric *fabric) {
    if (fabric->flows == NULL) return (struct sim_flows_stats){.begun = 0};
    return sim_flows_stats(fabric->flows);
}

static void drop_sockets(struct sim_machine *machine) {
    for (uint32_t i = 0; i < machine->slots_count; i++) {
        struct sim_socket *socket = sim_socket_at(machine, i);
        if (socket == NULL || socket->kind != SIM_SOCKET_STREAM) continue;
        sim_stream_free(machine, WEFT_CONTAINER(socket, struct sim_stream, socket));
    }
    for (uint32_t i = 0; i < machine->slots_count; i++) {
        struct sim_socket *socket = sim_socket_at(machine, i);
        if (socket != NULL) sim_socket_free(machine, socket);
    }
    WEFT_ASSERT(machine->sockets_count == 0 && machine->orphans_count == 0);
}

static void free_machine(struct sim_machine *machine) {
    machine->fabric->berths[machine->node].machine = NULL;
    sim_fabric__forget_waiting(machine);
    sim_fabric__jobs_forget(machine);
    drop_sockets(machine);
    if (machine->slots_count > 1) free(machine->slots);
    if (machine->rest != NULL) free(machine->rest->order);
    free(machine->rest);
    room_give(&machine->fabric->room, machine);
}

void sim_fabric__reap(struct sim_machine *machine) {
    if (!machine->up && machine->sockets_count == 0) free_machine(machine);
}

static void free_machines(struct sim_fabric *fabric) {
    for (uint32_t i = 0; i < fabric->config.nodes; i++) {
        struct sim_berth *berth = &fabric->berths[i];
        if (berth->machine != NULL) free_machine(berth->machine);
        if (berth->disk != NULL) sim_disk_free(berth->disk);
    }
    for (uint32_t i = 0; fabric->clocks != NULL && i < fabric->config.nodes; i++)
        free(fabric->clocks[i]);
    sim_flows_free(fabric, fabric->flows);
    free(fabric->clocks);
    free(fabric->berths);
}

void sim_fabric_free(struct sim_fabric *fabric) {
    if (fabric == NULL) return;
    if (!fabric->is_beside) free_machines(fabric);
    sim_parcel_pool_free(fabric);
    room_deinit(&fabric->room);
    sim_places_free(fabric->places);
    free(fabric);
}

struct sim_machine_rest *sim_fabric__make_rest(struct sim_machine *machine) {
    struct sim_machine_rest *rest = calloc(1, sizeof *rest);
    WEFT_ASSERT(rest != NULL); /* who asks for it has no way to say no */
    rest->machine = machine;
    weft_list_init(&rest->waiting);
    weft_list_init(&rest->jobs);
    machine->rest = rest;
    return rest;
}

uint64_t sim_fabric__serial(struct sim_machine *machine) {
    WEFT_ASSERT(machine->serials < UINT32_MAX);
    machine->serials++;
    return ++machine->fabric->berths[machine->node].serials;
}

static struct sim_machine *new_machine(struct sim_fabric *fabric, uint32_t node) {
    struct sim_machine *machine = room_take(&fabric->room);
    if (machine == NULL) return NULL;
    machine->fabric = fabric;
    machine->node = node;
    machine->slots_free = UINT32_MAX;
    machine->port_next = SIM_PORT_EPHEMERAL;
    machine->departure_last = -1;
    fabric->berths[node].machine = machine;
    return machine;
}

/* False: out of memory. */
static bool begin_order(struct sim_machine *machine, uint32_t life) {
    const struct sim_fabric_config *config = &machine->fabric->config;
    if (config->order == NULL || config->order->kind == SIM_ORDER_FIFO) return true;
    struct sim_machine_rest *rest = sim_fabric__rest(machine);
    if (rest->order == NULL) rest->order = malloc(sizeof *rest->order);
    if (rest->order == NULL) return false;
    *rest->order = (struct sim_order){
        .spec = config->order, .engine = config->engine, .node = machine->node, .life = life};
    return true;
}

static struct weft_env make_env(struct sim_machine *machine) {
    const struct sim_fabric_config *config = &machine->fabric->config;
    bool ordered = machine->rest != NULL && machine->rest->order != NULL;
    return (struct weft_env){.clock = &sim_fabric__clock,
                             .entropy = &sim_fabric__entropy,
                             .net = &sim_fabric__net,
                             .disk = &sim_fabric__disk,
                             .loader = &sim_fabric__loader,
                             .guard = config->host.guard,
                             .job = &sim_fabric__job,
                             .order = ordered ? &sim_fabric__order : NULL,
                             .trace = &sim_fabric__trace,
                             .trace_mask = config->trace_mask,
                             .mem = sim_fabric__memory(machine),
                             .node = machine->node};
}

/* A machine that still finishes streams of its last life goes on with them. */
struct weft_env *sim_fabric_up(struct sim_fabric *fabric, uint32_t node, uint32_t life) {
    WEFT_ASSERT(node < fabric->config.nodes);
    struct sim_machine *machine = fabric->berths[node].machine;
    WEFT_ASSERT(machine == NULL || !machine->up);
    if (machine == NULL) machine = new_machine(fabric, node);
    if (machine == NULL || !begin_order(machine, life)) return NULL;
    machine->up = true;
    machine->paused = false;
    machine->busy = false;
    machine->life = life;
    machine->serials = 0;
    if (machine->rest != NULL) machine->rest->has_rand = false;
    weft_mem_heap_init(&machine->heap, 0);
    machine->env = make_env(machine);
    return &machine->env;
}

static struct sim_machine *machine_up(const struct sim_fabric *fabric, uint32_t node) {
    WEFT_ASSERT(node < fabric->config.nodes);
    struct sim_machine *machine = fabric->berths[node].machine;
    return machine != NULL && machine->up ? machine : NULL;
}

struct weft_env *sim_fabric_env(struct sim_fabric *fabric, uint32_t node) {
    struct sim_machine *machine = machine_up(fabric, node);
    return machine != NULL ? &machine->env : NULL;
}

/* As a kernel does for a process that is gone. Listeners first: they hold streams of their own. */
static void close_sockets(struct sim_machine *machine,
                          void (*end_stream)(struct sim_machine *, struct sim_stream *)) {
    while (machine->bound != NULL) {
        struct sim_socket *socket = machine->bound;
        if (socket->kind == SIM_SOCKET_LISTENER)
            sim_stream_listener_close(machine, WEFT_CONTAINER(socket, struct sim_listener, socket));
        else
            sim_socket_free(machine, socket);
    }
    for (uint32_t i = 0; i < machine->slots_count; i++) {
        struct sim_socket *socket = sim_socket_at(machine, i);
        if (socket == NULL) continue;
        struct sim_stream *stream = WEFT_CONTAINER(socket, struct sim_stream, socket);
        if (!stream->orphan) end_stream(machine, stream);
    }
}

uint32_t sim_fabric_crash(struct sim_fabric *fabric, uint32_t node, enum sim_unsynced unsynced,
                          uint64_t seed) {
    struct sim_machine *machine = machine_up(fabric, node);
    struct sim_disk *disk = fabric->berths[node].disk;
    WEFT_ASSERT(machine != NULL);
    sim_fabric__forget_waiting(machine);
    sim_fabric__jobs_forget(machine);
    drop_sockets(machine);
    if (fabric->flows != NULL) sim_flows_crash(fabric->flows, node);
    return disk != NULL ? sim_disk_crash(disk, unsynced, seed) : 0;
}

uint32_t sim_fabric_halt(struct sim_fabric *fabric, uint32_t node, enum sim_fabric_end how) {
    if (how == SIM_END_CRASHED) return sim_fabric_crash(fabric, node, SIM_UNSYNCED_LOST, 0);
    struct sim_machine *machine = machine_up(fabric, node);
    WEFT_ASSERT(machine != NULL);
    sim_fabric__forget_waiting(machine);
    sim_fabric__jobs_forget(machine);
    machine->busy = false;
    close_sockets(machine, how == SIM_END_KILLED ? sim_stream_abort : sim_stream_close);
    if (fabric->berths[node].disk != NULL) sim_disk_kill(fabric->berths[node].disk);
    return 0;
}

struct sim_disk *sim_fabric_disk(struct sim_fabric *fabric, uint32_t node) {
    WEFT_ASSERT(node < fabric->config.nodes);
    struct sim_berth *berth = &fabric->berths[node];
    if (berth->disk == NULL) berth->disk = sim_disk_new();
    return berth->disk;
}

void sim_fabric_down(struct sim_fabric *fabric, uint32_t node) {
    struct sim_machine *machine = machine_up(fabric, node);
    WEFT_ASSERT(machine != NULL);
    WEFT_ASSERT(machine->sockets_count == machine->orphans_count);
    machine->up = false;
    sim_fabric__reap(machine);
}

/* A scenario that says so has clocks that are off: without them it would be another one. */
static struct sim_clock *own_clock(struct sim_fabric *fabric, uint32_t node) {
    WEFT_ASSERT(node < fabric->config.nodes);
    if (fabric->clocks == NULL)
        fabric->clocks = calloc(fabric->config.nodes, sizeof(struct sim_clock *));
    WEFT_ASSERT(fabric->clocks != NULL);
    if (fabric->clocks[node] != NULL) return fabric->clocks[node];
    struct sim_clock *clock = malloc(sizeof *clock);
    WEFT_ASSERT(clock != NULL);
    sim_clock_init(clock);
    fabric->clocks[node] = clock;
    return clock;
}

void sim_fabric_clock_change(struct sim_fabric *fabric, uint32_t node,
                             const struct sim_clock_change *change) {
    sim_clock_change(own_clock(fabric, node), sim_engine_now(fabric->config.engine), change);
}

const struct sim_clock *sim_fabric_clock(const struct sim_fabric *fabric, uint32_t node) {
    WEFT_ASSERT(node < fabric->config.nodes);
    return sim_fabric__clock_of(fabric, node);
}

weft_time sim_fabric_true_time(struct sim_fabric *fabric, uint32_t node, weft_time shown) {
    struct sim_clock *clock = sim_fabric__clock_of(fabric, node);
    if (clock == NULL) return shown;
    weft_time at = sim_clock_true(clock, shown);
    if (at != shown) clock->timers_moved++;
    return at;
}

void sim_fabric_pause(struct sim_fabric *fabric, uint32_t node) {
    struct sim_machine *machine = machine_up(fabric, node);
    WEFT_ASSERT(machine != NULL);
    machine->paused = true;
}

bool sim_fabric_waited_for(const struct sim_fabric *fabric, uint32_t node) {
    const struct sim_machine *machine = machine_up(fabric, node);
    WEFT_ASSERT(machine != NULL && machine->paused);
    if (machine->rest == NULL || sim_fabric__busy_until(machine) > sim_fabric__now(machine))
        return false;
    return !weft_list_empty(&machine->rest->waiting) || sim_fabric__jobs_due(machine);
}

/* What waited is told, unless it has to wait longer. */
static void catch_up(struct sim_machine *machine) {
    if (sim_fabric__deaf(machine)) {
        sim_fabric__hold(machine);
        return;
    }
    sim_fabric__tell_waiting(machine);
    sim_fabric__jobs_resume(machine);
}

void sim_fabric_resume(struct sim_fabric *fabric, uint32_t node) {
    struct sim_machine *machine = machine_up(fabric, node);
    WEFT_ASSERT(machine != NULL);
    machine->paused = false;
    catch_up(machine);
}

void sim_fabric__hold(struct sim_machine *machine) {
    weft_time until = sim_fabric__busy_until(machine);
    if (machine->busy_told || until <= sim_fabric__now(machine)) return;
    struct sim_event event = {.at = until, .kind = SIM_EVENT_BUSY_NO_MORE, .entity = machine->node};
    sim_handle queued = sim_engine_schedule(machine->fabric->config.engine, &event);
    WEFT_ASSERT(queued != 0); /* without it the machine would be deaf for ever */
    machine->busy_told = true;
}

static void be_busy(struct sim_machine *machine, weft_time until) {
    sim_fabric__rest(machine)->busy_until = until;
    machine->busy = true;
}

void sim_fabric__busy(struct sim_machine *machine, weft_duration took) {
    WEFT_ASSERT(took > 0);
    weft_time start = weft_time_max(sim_fabric__busy_until(machine), sim_fabric__now(machine));
    be_busy(machine, weft_time_add(start, took));
}

weft_time sim_fabric_busy(const struct sim_fabric *fabric, uint32_t node) {
    const struct sim_machine *machine = machine_up(fabric, node);
    return machine != NULL ? sim_fabric__busy_until(machine) : 0;
}

void sim_fabric_take_time(struct sim_fabric *fabric, uint32_t node, weft_duration cost) {
    struct sim_machine *machine = machine_up(fabric, node);
    WEFT_ASSERT(machine != NULL);
    if (cost > 0) sim_fabric__busy(machine, cost);
}

void sim_fabric_give_back_time(struct sim_fabric *fabric, uint32_t node, weft_time until) {
    struct sim_machine *machine = machine_up(fabric, node);
    WEFT_ASSERT(machine != NULL && until <= sim_fabric__busy_until(machine));
    be_busy(machine, until);
}

void sim_fabric_set_busy(struct sim_fabric *fabric, uint32_t node, weft_time until) {
    struct sim_machine *machine = machine_up(fabric, node);
    WEFT_ASSERT(machine != NULL);
    be_busy(machine, until);
    catch_up(machine);
}

static void busy_no_more(struct sim_machine *machine) {
    machine->busy_told = false;
    if (machine->up && !machine->paused) catch_up(machine);
}

static inline void receive(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    struct sim_machine *machine = fabric->berths[parcel->to].machine;
    bool datagram = parcel->kind == SIM_PARCEL_DATAGRAM;
    if (machine == NULL || (datagram && !machine->up)) {
        sim_parcel_lost(fabric, parcel, SIM_LOSS_NO_NODE);
    } else if (datagram) {
        sim_datagram_receive(machine, parcel);
    } else {
        sim_stream_receive(machine, parcel);
        sim_fabric__reap(machine);
    }
}

/* What a NAT makes of the target is for this copy: another one arrives on its own. */
static void arrive_at_place(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    struct weft_addr target = {.port = 0};
    if (parcel->has_ends) target = sim_parcel_ends(parcel)->target;
    enum sim_loss loss = sim_parcel_let_in(fabric, parcel);
    if (loss != SIM_LOSS_NONE)
        sim_parcel_lost(fabric, parcel, loss);
    else
        receive(fabric, parcel);
    if (parcel->has_ends) sim_parcel_ends(parcel)->target = target;
}

static inline void arrive(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    if (fabric->places != NULL)
        arrive_at_place(fabric, parcel);
    else
        receive(fabric, parcel);
    sim_parcel_unref(fabric, parcel);
}

static bool has_to_queue(const struct sim_fabric *fabric, const struct sim_parcel *parcel) {
    return sim_net_has_downlinks(fabric->config.net) && parcel->from != parcel->to;
}

static bool handle_other(struct sim_fabric *fabric, const struct sim_event *event) {
    struct sim_machine *machine = fabric->berths[event->entity].machine;
    if (event->kind == SIM_EVENT_JOB) {
        if (machine != NULL) sim_fabric__job_due(machine, event->arg);
        return true;
    }
    if (event->kind == SIM_EVENT_TELL) {
        if (machine != NULL) sim_fabric__tell_stream(machine, event->arg);
        return true;
    }
    if (event->kind == SIM_EVENT_BUSY_NO_MORE) {
        if (machine != NULL) busy_no_more(machine);
        return true;
    }
    if (event->kind != SIM_EVENT_STREAM_TIMER) return false;
    if (machine != NULL) {
        sim_stream_timer(machine, event->arg);
        sim_fabric__reap(machine);
    }
    return true;
}

bool sim_fabric_handle(struct sim_fabric *fabric, const struct sim_event *event) {
    WEFT_ASSERT(event->kind != 0);
    if (event->kind == SIM_EVENT_PARCEL || event->kind == SIM_EVENT_PARCEL_THROUGH) {
        bool through = event->kind == SIM_EVENT_PARCEL_THROUGH ||
                       !has_to_queue(fabric, event->data) ||
                       sim_parcel_arrives(fabric, event->data);
        if (through) arrive(fabric, event->data);
        return true;
    }
    return handle_other(fabric, event);
}

bool sim_fabric_move(struct sim_fabric *fabric, uint32_t node) {
    WEFT_ASSERT(node < fabric->config.nodes);
    return need_places(fabric) && sim_places_move(fabric->places, node);
}

struct sim_places *sim_fabric_places(const struct sim_fabric *fabric) {
    return fabric->places;
}

uint32_t sim_fabric_node_at(const struct sim_fabric *fabric, const struct weft_addr *addr) {
    uint32_t moves, nodes = fabric->config.nodes;
    if (fabric->places == NULL) return sim_addr_owner_unmoved(addr, nodes);
    uint32_t node = sim_addr_owner(addr, nodes, &moves);
    bool there = node != UINT32_MAX && sim_places_is_at(fabric->places, node, addr);
    return there ? node : UINT32_MAX;
}

uint32_t sim_fabric_sockets(const struct sim_fabric *fabric, uint32_t node) {
    const struct sim_machine *machine = machine_up(fabric, node);
    return machine != NULL ? machine->sockets_count - machine->orphans_count : 0;
}

size_t sim_fabric_memory(const struct sim_fabric *fabric, uint32_t node) {
    const struct sim_machine *machine = machine_up(fabric, node);
    return machine != NULL ? machine->heap.bytes : 0;
}

size_t sim_fabric_refused(const struct sim_fabric *fabric, uint32_t node) {
    const struct sim_machine *machine = machine_up(fabric, node);
    return machine != NULL ? machine->heap.refused : 0;
}

size_t sim_fabric_memory_limit(const struct sim_fabric *fabric, uint32_t node) {
    const struct sim_machine *machine = machine_up(fabric, node);
    return machine != NULL ? machine->heap.bytes_max : 0;
}

void sim_fabric_limit_memory(struct sim_fabric *fabric, uint32_t node, size_t bytes_max) {
    struct sim_machine *machine = machine_up(fabric, node);
    WEFT_ASSERT(machine != NULL);
    machine->heap.bytes_max = bytes_max;
}

size_t sim_fabric_overhead(const struct sim_fabric *fabric, uint32_t node) {
    const struct sim_machine *machine = machine_up(fabric, node);
    if (machine == NULL) return 0;
    size_t slots = machine->slots_count > 1 ? machine->slots_count : 0; /* in a table */
    size_t sockets = machine->sockets_count - (machine->own_socket_used ? 1 : 0);
    return sizeof *machine + (machine->rest != NULL ? sizeof *machine->rest : 0) +
           slots * sizeof *machine->slots + sockets * sizeof(struct sim_socket);
}

void sim_fabric_stats(const struct sim_fabric *fabric, struct sim_fabric_stats *stats) {
    *stats = fabric->stats;
}
