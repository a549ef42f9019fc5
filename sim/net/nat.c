/* Bindings and permits of a NAT: entries in one table each, found by key, bindings by port as well,
 * and in the order in which they run out. */
#include "sim/net/nat.h"

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/rand.h"
#include "sim/engine/engine.h"

#include <stdlib.h>

#define NONE UINT32_MAX
#define CAPACITY_FIRST 8u
#define PORTS (65536u - SIM_NAT_PORT_FIRST)

/* What an entry is found by; all of it is compared and hashed. */
struct key {
    struct weft_addr inner;  /* binding */
    struct weft_addr remote; /* whom it is for, as exactly as the type says */
    uint32_t binding;        /* permit: of which */
    uint16_t stream;
    uint16_t taken; /* 1: the binding was taken away by a rebind */
};
_Static_assert(sizeof(struct key) == 48, "no padding, so that memcmp compares");

struct entry {
    struct key key;
    weft_time ends;
    uint32_t next, port_next; /* in its chains; `next` when free, too */
    uint32_t older, newer;    /* of its kind and protocol */
    uint16_t port;            /* binding */
    bool replaced;            /* taken away, and another came instead */
};

/* Oldest first: lifetimes of one list are equal, so it is in the order of `ends`. */
struct order {
    uint32_t oldest, newest;
};

struct table {
    struct entry *entries;
    uint32_t *heads, *port_heads; /* `capacity` of each */
    uint32_t capacity, count, max;
    uint32_t free;
    struct order order[2]; /* datagrams, streams */
};

struct sim_nat {
    struct sim_nat_spec spec;
    uint64_t seed, number;
    uint64_t drawn; /* ports so far */
    uint64_t bites, packets;
    struct table bindings, permits;
};

/* --- tables --- */

static void table_init(struct table *table, uint32_t max) {
    *table = (struct table){.max = max, .free = NONE};
    for (int i = 0; i < 2; i++) table->order[i] = (struct order){NONE, NONE};
}

static void table_deinit(struct table *table) {
    free(table->entries);
    free(table->heads);
}

static uint32_t *head_of(const struct table *table, const struct key *key) {
    return &table->heads[weft_hash_place(weft_fold_bytes(0, key, sizeof *key)) &
                         (table->capacity - 1)];
}

static uint32_t *port_head_of(const struct table *table, uint16_t port, bool stream) {
    uint64_t place = weft_hash_place((uint64_t)port * 2 + (stream ? 1 : 0));
    return &table->port_heads[place & (table->capacity - 1)];
}

static void chain(struct table *table, uint32_t index) {
    struct entry *entry = &table->entries[index];
    uint32_t *head = head_of(table, &entry->key);
    entry->next = *head;
    *head = index;
    head = port_head_of(table, entry->port, entry->key.stream != 0);
    entry->port_next = *head;
    *head = index;
}

static void unchain(struct table *table, uint32_t index) {
    struct entry *entry = &table->entries[index];
    uint32_t *at = head_of(table, &entry->key);
    while (*at != index) at = &table->entries[*at].next;
    *at = entry->next;
    at = port_head_of(table, entry->port, entry->key.stream != 0);
    while (*at != index) at = &table->entries[*at].port_next;
    *at = entry->port_next;
}

/* Twice the room. Entries that are in use are all but those of the free list, which is empty. */
static bool table_grow(struct table *table) {
    uint32_t old = table->capacity, capacity = old == 0 ? CAPACITY_FIRST : old * 2;
    WEFT_ASSERT(table->free == NONE);
    struct entry *entries = realloc(table->entries, capacity * sizeof *entries);
    if (entries == NULL) return false;
    table->entries = entries;
    uint32_t *heads = malloc((size_t)capacity * 2 * sizeof *heads);
    if (heads == NULL) return false;
    free(table->heads);
    table->heads = heads;
    table->port_heads = heads + capacity;
    table->capacity = capacity;
    for (uint32_t i = 0; i < 2 * capacity; i++) heads[i] = NONE;
    for (uint32_t i = 0; i < old; i++) chain(table, i);
    for (uint32_t i = capacity; i-- > old;) {
        entries[i].next = table->free;
        table->free = i;
    }
    return true;
}

static uint32_t table_find(const struct table *table, const struct key *key) {
    if (table->count == 0) return NONE;
    uint32_t at = *head_of(table, key);
    while (at != NONE && memcmp(&table->entries[at].key, key, sizeof *key) != 0)
        at = table->entries[at].next;
    return at;
}

static uint32_t table_find_port(const struct table *table, uint16_t port, bool stream) {
    if (table->count == 0) return NONE;
    uint32_t at = *port_head_of(table, port, stream);
    while (at != NONE &&
           (table->entries[at].port != port || (table->entries[at].key.stream != 0) != stream))
        at = table->entries[at].port_next;
    return at;
}

static void order_remove(struct table *table, uint32_t index) {
    const struct entry *entry = &table->entries[index];
    struct order *order = &table->order[entry->key.stream];
    *(entry->older == NONE ? &order->oldest : &table->entries[entry->older].newer) = entry->newer;
    *(entry->newer == NONE ? &order->newest : &table->entries[entry->newer].older) = entry->older;
}

static void order_add(struct table *table, uint32_t index) {
    struct entry *entry = &table->entries[index];
    struct order *order = &table->order[entry->key.stream];
    entry->older = order->newest;
    entry->newer = NONE;
    *(order->newest == NONE ? &order->oldest : &table->entries[order->newest].newer) = index;
    order->newest = index;
}

static uint32_t table_add(struct table *table, const struct key *key, uint16_t port) {
    if (table->count == table->max) return NONE;
    if (table->free == NONE && !table_grow(table)) return NONE;
    uint32_t index = table->free;
    struct entry *entry = &table->entries[index];
    table->free = entry->next;
    *entry = (struct entry){.key = *key, .port = port};
    chain(table, index);
    order_add(table, index);
    table->count++;
    return index;
}

static void table_remove(struct table *table, uint32_t index) {
    WEFT_ASSERT(table->count > 0);
    unchain(table, index);
    order_remove(table, index);
    table->entries[index].next = table->free;
    table->free = index;
    table->count--;
}

static void table_expire(struct table *table, weft_time now) {
    for (int i = 0; i < 2; i++) {
        uint32_t oldest;
        while ((oldest = table->order[i].oldest) != NONE && table->entries[oldest].ends <= now)
            table_remove(table, oldest);
    }
}

static void table_renew(struct table *table, uint32_t index, weft_time ends) {
    WEFT_ASSERT(ends >= table->entries[index].ends);
    table->entries[index].ends = ends;
    order_remove(table, index);
    order_add(table, index);
}

/* --- the NAT --- */

struct sim_nat *sim_nat_new(const struct sim_nat_spec *spec, uint64_t seed, uint64_t number) {
    WEFT_ASSERT(spec->type >= SIM_NAT_FULL_CONE && spec->type <= SIM_NAT_SYMMETRIC);
    WEFT_ASSERT(spec->lifetime > 0 && spec->stream_lifetime > 0);
    WEFT_ASSERT(spec->bindings_max > 0 && spec->bindings_max <= SIM_NAT_BINDINGS_MAX);
    struct sim_nat *nat = calloc(1, sizeof *nat);
    if (nat == NULL) return NULL;
    nat->spec = *spec;
    nat->seed = seed;
    nat->number = number;
    table_init(&nat->bindings, spec->bindings_max);
    table_init(&nat->permits, spec->bindings_max);
    return nat;
}

void sim_nat_free(struct sim_nat *nat) {
    if (nat == NULL) return;
    table_deinit(&nat->bindings);
    table_deinit(&nat->permits);
    free(nat);
}

/* Permits first: one never outlives its binding, whose place might be another's by then. */
static void expire(struct sim_nat *nat, weft_time now) {
    table_expire(&nat->permits, now);
    table_expire(&nat->bindings, now);
}

static weft_time ends_of(const struct sim_nat *nat, const struct sim_nat_packet *packet) {
    weft_duration lasts = packet->stream ? nat->spec.stream_lifetime : nat->spec.lifetime;
    return weft_time_add(packet->now, lasts);
}

static struct key binding_key(const struct sim_nat *nat, const struct sim_nat_packet *packet) {
    struct key key = {.inner = packet->inner, .stream = packet->stream};
    if (nat->spec.type == SIM_NAT_SYMMETRIC) key.remote = packet->remote;
    return key;
}

static struct key permit_key(const struct sim_nat *nat, const struct sim_nat_packet *packet,
                             uint32_t binding) {
    struct key key = {.remote = packet->remote, .binding = binding, .stream = packet->stream};
    if (nat->spec.type == SIM_NAT_RESTRICTED) key.remote.port = 0;
    return key;
}

static bool has_permits(const struct sim_nat *nat) {
    return nat->spec.type == SIM_NAT_RESTRICTED || nat->spec.type == SIM_NAT_PORT_RESTRICTED;
}

static bool is_free(const struct sim_nat *nat, uint32_t port, bool stream) {
    return table_find_port(&nat->bindings, (uint16_t)port, stream) == NONE;
}

/* A drawn one, or the next free after it; 0: none. */
static uint16_t choose_port(struct sim_nat *nat, const struct sim_nat_packet *packet) {
    uint16_t inner = packet->inner.port;
    bool keeps = nat->spec.type != SIM_NAT_SYMMETRIC && inner >= SIM_NAT_PORT_FIRST;
    if (keeps && is_free(nat, inner, packet->stream)) return inner;
    uint64_t raw = weft_draw(nat->seed, SIM_DRAW_NAT, nat->number, nat->drawn++);
    uint32_t first = (uint32_t)weft_scale(raw, PORTS);
    for (uint32_t i = 0; i < PORTS; i++) {
        uint32_t port = SIM_NAT_PORT_FIRST + (first + i) % PORTS;
        if (is_free(nat, port, packet->stream)) return (uint16_t)port;
    }
    return 0;
}

static void note_replaced(struct sim_nat *nat, const struct key *key) {
    struct key taken = *key;
    taken.taken = 1;
    uint32_t before = table_find(&nat->bindings, &taken);
    if (before == NONE || nat->bindings.entries[before].replaced) return;
    nat->bindings.entries[before].replaced = true;
    nat->bites++;
}

/* NONE: there is no room. */
static uint32_t bind(struct sim_nat *nat, const struct sim_nat_packet *packet) {
    struct key key = binding_key(nat, packet);
    uint32_t index = table_find(&nat->bindings, &key);
    if (index != NONE) return index;
    if (nat->bindings.count == nat->bindings.max) return NONE;
    uint16_t port = choose_port(nat, packet);
    if (port == 0) return NONE;
    index = table_add(&nat->bindings, &key, port);
    if (index != NONE) note_replaced(nat, &key);
    return index;
}

/* False: there is no room. */
static bool permit(struct sim_nat *nat, const struct sim_nat_packet *packet, uint32_t binding) {
    if (!has_permits(nat)) return true;
    struct key key = permit_key(nat, packet, binding);
    uint32_t index = table_find(&nat->permits, &key);
    if (index == NONE) index = table_add(&nat->permits, &key, 0);
    if (index == NONE) return false;
    table_renew(&nat->permits, index, ends_of(nat, packet));
    return true;
}

enum sim_loss sim_nat_out(struct sim_nat *nat, struct sim_nat_packet *packet) {
    WEFT_ASSERT(packet->inner.port != 0);
    nat->packets++;
    expire(nat, packet->now);
    uint32_t index = bind(nat, packet);
    if (index == NONE) return SIM_LOSS_NAT_FULL;
    table_renew(&nat->bindings, index, ends_of(nat, packet));
    if (!permit(nat, packet, index)) return SIM_LOSS_NAT_FULL;
    packet->port = nat->bindings.entries[index].port;
    return SIM_LOSS_NONE;
}

/* The permit that lets the packet in is in *permitted; NONE where the type needs none. */
static bool lets_in(const struct sim_nat *nat, const struct sim_nat_packet *packet,
                    uint32_t binding, uint32_t *permitted) {
    *permitted = NONE;
    if (nat->spec.type == SIM_NAT_FULL_CONE) return true;
    const struct entry *entry = &nat->bindings.entries[binding];
    if (!has_permits(nat)) return weft_addr_equal(&entry->key.remote, &packet->remote);
    struct key key = permit_key(nat, packet, binding);
    *permitted = table_find(&nat->permits, &key);
    return *permitted != NONE;
}

enum sim_loss sim_nat_in(struct sim_nat *nat, struct sim_nat_packet *packet) {
    nat->packets++;
    expire(nat, packet->now);
    uint32_t permitted, index = table_find_port(&nat->bindings, packet->port, packet->stream);
    if (index == NONE) return SIM_LOSS_NAT;
    if (nat->bindings.entries[index].key.taken != 0) {
        nat->bites++;
        return SIM_LOSS_NAT;
    }
    if (!lets_in(nat, packet, index, &permitted)) return SIM_LOSS_NAT_FILTER;
    packet->inner = nat->bindings.entries[index].key.inner;
    if (!packet->stream) return SIM_LOSS_NONE;
    table_renew(&nat->bindings, index, ends_of(nat, packet));
    if (permitted != NONE) table_renew(&nat->permits, permitted, ends_of(nat, packet));
    return SIM_LOSS_NONE;
}

bool sim_nat_whose(struct sim_nat *nat, const struct sim_nat_packet *packet,
                   struct weft_addr *inner) {
    expire(nat, packet->now);
    uint32_t index = table_find_port(&nat->bindings, packet->port, packet->stream);
    if (index == NONE) return false;
    if (nat->bindings.entries[index].key.taken != 0) nat->bites++;
    *inner = nat->bindings.entries[index].key.inner;
    return nat->bindings.entries[index].key.taken == 0;
}

/* The ports stay taken as long as their bindings would have lived, so that nobody has them again
 * and what comes for them is seen. */
void sim_nat_rebind(struct sim_nat *nat, weft_time now) {
    struct table *bindings = &nat->bindings;
    expire(nat, now);
    for (int i = 0; i < 2; i++) {
        while (nat->permits.order[i].oldest != NONE)
            table_remove(&nat->permits, nat->permits.order[i].oldest);
        for (uint32_t at = bindings->order[i].oldest; at != NONE;
             at = bindings->entries[at].newer) {
            unchain(bindings, at);
            bindings->entries[at].replaced = bindings->entries[at].key.taken != 0;
            bindings->entries[at].key.taken = 1;
            chain(bindings, at);
        }
    }
}

void sim_nat_stats(const struct sim_nat *nat, struct sim_nat_stats *stats) {
    *stats = (struct sim_nat_stats){.bindings = nat->bindings.count,
                                    .permits = nat->permits.count,
                                    .bites = nat->bites,
                                    .packets = nat->packets};
}
