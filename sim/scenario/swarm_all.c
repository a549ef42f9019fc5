/* Swarm: the faults of `faults: all`. */
#include "sim/scenario/plan_faults.h"
#include "sim/scenario/swarm.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <string.h>

#define ENTRY_MAX 512

/* What a kind needs of a scenario. */
enum needs {
    NEEDS_NOTHING = 0,
    NEEDS_DHT = 1,
    NEEDS_APPS = 2,
    NEEDS_STREAMS = 4, /* `dist` or `apps` */
    NEEDS_NAT = 8,
    NEEDS_DOMAINS = 16,
    NEEDS_SAVED = 32, /* `save_table`: something is on the disks */
    NEEDS_SPAN = 64,  /* faults have a second or more: parts of it are apart */
    NEEDS_REGIONS = 128
};

struct values {
    enum sim_fault_kind kind;
    unsigned needs, without; /* it has all of the first and none of the second */
    const char *text;
};

#define SOME "nodes: 1%..30%"

/* Beside at, every, until and for, which all get that have them; what names one here has its own.
 * $8 is an eighth of the time that faults have. Not among them, since nobody can guess it: which
 * module an upgrade has; and what an application does on a disk that lies, which is its own
 * affair. */
static const struct values all[] = {
    {SIM_FAULT_PARTITION, NEEDS_NOTHING, 0,
     "sides: {one_of: [[50%, 50%], [10%, 90%], [34%, 33%, 33%]]}"},
    {SIM_FAULT_PARTITION, NEEDS_NOTHING, 0, "shape: {one_of: [halves, bridge, partial, ring]}"},
    {SIM_FAULT_PARTITION, NEEDS_NOTHING, 0,
     "sides: {one_of: [[50%, 50%], [10%, 90%], [90%, 10%]]}, one_way: true"},
    {SIM_FAULT_PARTITION, NEEDS_NOTHING, 0,
     "sides: [50%, 50%], one_way: {one_of: [true, false]}, "
     "flap: {on: $256..$32, off: {exponential: {mean: $256..$32, least: 1ms}}}"},
    {SIM_FAULT_ISOLATE, NEEDS_NOTHING, 0, SOME},
    {SIM_FAULT_CRASH, NEEDS_NOTHING, 0, SOME},
    {SIM_FAULT_KILL, NEEDS_NOTHING, 0, SOME},
    {SIM_FAULT_STOP, NEEDS_NOTHING, 0, SOME},
    {SIM_FAULT_RESTART, NEEDS_NOTHING, 0, "nodes: 1%..100%"},
    {SIM_FAULT_PAUSE, NEEDS_NOTHING, 0, SOME},
    {SIM_FAULT_CHURN, NEEDS_NOTHING, 0,
     SOME ", session: $16..$1, downtime: $64..$8, exit: {one_of: [crash, kill, stop]}"},
    {SIM_FAULT_DEGRADE, NEEDS_DHT, 0,
     "nodes: 10%..100%, loss: 0%..60%, delay: 1ms..1s, duplicate: 0%..20%, reorder: 0%..30%, "
     "corrupt: 0%..5%"},
    {SIM_FAULT_DEGRADE, NEEDS_NOTHING, NEEDS_DHT, /* a stream's packet is never doubled */
     "nodes: 10%..100%, loss: 0%..60%, delay: 1ms..1s, reorder: 0%..30%, corrupt: 0%..5%"},
    {SIM_FAULT_DEGRADE, NEEDS_NOTHING, 0,
     "nodes: 10%..100%, rate: {one_of: [2KB, 16KB, 256KB]}, delay_jitter: 0ms..500ms"},
    {SIM_FAULT_DEGRADE, NEEDS_NOTHING, 0,
     "from: 10%..100%, to: 10%..100%, loss: 0%..60%, delay: 1ms..1s"},
    {SIM_FAULT_DEGRADE, NEEDS_NOTHING, 0,
     "nodes: 10%..100%, burst: {good: $128..$8, bad: $512..$32, loss: 50%..100%}"},
    {SIM_FAULT_DEGRADE, NEEDS_DHT, 0, "nodes: 10%..100%, mtu: 68..1500"}, /* of datagrams */
    {SIM_FAULT_DEGRADE, NEEDS_SPAN, 0,
     "nodes: 10%..100%, for: $16..$4, loss: 0%..30%, schedule: [{after: $256..$128, loss: "
     "0%..60%}, "
     "{after: $64..$32, delay: 1ms..1s, loss: 0%..10%}]"},
    {SIM_FAULT_POISON, NEEDS_DHT | NEEDS_APPS, 0, SOME ", process: {one_of: [dht, any]}"},
    {SIM_FAULT_POISON, NEEDS_APPS, NEEDS_DHT, SOME ", process: any"},
    {SIM_FAULT_POISON, NEEDS_DHT, NEEDS_APPS, SOME ", process: dht"},
    {SIM_FAULT_HANG, NEEDS_DHT | NEEDS_APPS, 0, SOME ", process: {one_of: [dht, any]}"},
    {SIM_FAULT_HANG, NEEDS_APPS, NEEDS_DHT, SOME ", process: any"},
    {SIM_FAULT_HANG, NEEDS_DHT, NEEDS_APPS, SOME ", process: dht"},
    {SIM_FAULT_CLOCK, NEEDS_NOTHING, 0,
     SOME ", jump: {one_of: [1s, -1s, 1h, -1h]}, drift: 1ppm..50000ppm"},
    {SIM_FAULT_REBIND, NEEDS_NAT, 0, "nodes: all"},
    {SIM_FAULT_MOVE, NEEDS_NOTHING, 0, SOME},
    {SIM_FAULT_RESET, NEEDS_STREAMS, 0, SOME},
    {SIM_FAULT_HALF_OPEN, NEEDS_STREAMS, 0, SOME},
    {SIM_FAULT_OUTAGE, NEEDS_DOMAINS, 0,
     "domain: {one_of: [rack, site]}, how: {one_of: [crash, kill, stop, isolate, pause]}, "
     "spread: 0s..$16"},
    {SIM_FAULT_OUTAGE, NEEDS_REGIONS, NEEDS_DOMAINS,
     "domain: region, how: {one_of: [crash, kill, stop, isolate, pause]}, spread: 0s..$16"},
    {SIM_FAULT_CLOG, NEEDS_NOTHING, 0, "nodes: 1%..50%"},
    {SIM_FAULT_FILTER, NEEDS_DHT, 0,
     "nodes: 10%..100%, loss: 10%..100%, "
     "kinds: {one_of: [[query], [reply], [find_node], [get, put], [other]]}"},
    {SIM_FAULT_FILTER, NEEDS_STREAMS, 0, "nodes: 10%..100%, loss: 10%..100%, kinds: [stream]"},
    {SIM_FAULT_SLOW, NEEDS_NOTHING, 0, SOME ", cost: 100us..50ms"},
    {SIM_FAULT_SLOW, NEEDS_APPS, 0, SOME ", process: any, cost: 100us..50ms"},
    {SIM_FAULT_OVERFLOW, NEEDS_DHT, 0, SOME ", process: dht, cost: 1us..1ms"},
    {SIM_FAULT_OVERFLOW, NEEDS_APPS, 0, SOME ", process: any, cost: 1us..1ms"},
    {SIM_FAULT_MEMORY, NEEDS_NOTHING, 0, SOME ", room: 1024..262144"},
    {SIM_FAULT_MEMORY, NEEDS_DHT, 0, SOME ", process: dht, room: 0..16384"},
    {SIM_FAULT_MEMORY, NEEDS_APPS, 0, SOME ", process: any, room: 0..16384"},
    {SIM_FAULT_WIPE, NEEDS_SAVED, 0, SOME},
    {SIM_FAULT_LOST_FSYNC, NEEDS_SAVED, 0, "nodes: 30%..100%, rate: 50%..100%"},
    {SIM_FAULT_MISDIRECT, NEEDS_SAVED, 0, "nodes: 30%..100%, rate: 1%..50%"},
    {SIM_FAULT_BIT_ROT, NEEDS_SAVED, 0, SOME},
    {SIM_FAULT_LATENT_ERROR, NEEDS_SAVED, 0, SOME},
    {SIM_FAULT_IO_ERROR, NEEDS_SAVED, 0, SOME ", rate: 1%..100%"},
    {SIM_FAULT_DISK_FULL, NEEDS_SAVED, 0, SOME},
    {SIM_FAULT_DISK_SLOW, NEEDS_SAVED, 0, SOME ", delay: 1ms..3s, rate: 1%..100%"},
    {SIM_FAULT_DISK_STUCK, NEEDS_SAVED, 0, SOME},
};

#define ALL_COUNT (sizeof all / sizeof all[0])

const char *sim_swarm__values(enum sim_fault_kind kind) {
    for (size_t i = 0; i < ALL_COUNT; i++) {
        if (all[i].kind == kind) return all[i].text;
    }
    return NULL;
}

/* The key is there, and not "off". */
static bool is_on(const struct weft_yaml_node *node, const char *key) {
    const struct weft_yaml_node *value = weft_yaml_get(node, key);
    if (value == NULL) return false;
    return value->kind != WEFT_YAML_SCALAR || strcmp(value->text, "off") != 0;
}

static bool is_true(const struct weft_yaml_node *node, const char *key) {
    const struct weft_yaml_node *value = weft_yaml_get(node, key);
    return value != NULL && value->kind == WEFT_YAML_SCALAR && strcmp(value->text, "true") == 0;
}

static bool has_regions(const struct weft_yaml_node *link) {
    const struct weft_yaml_node *delay = link == NULL ? NULL : weft_yaml_get(link, "delay");
    return delay != NULL && weft_yaml_get(delay, "regions") != NULL;
}

/* The links' matrix is the network's. */
static bool network_has_regions(const struct weft_yaml_node *network) {
    const struct weft_yaml_node *links = network == NULL ? NULL : weft_yaml_get(network, "links");
    bool has = has_regions(network);
    for (uint32_t i = 0; links != NULL && i < links->count; i++)
        has = has || has_regions(links->items[i]);
    return has;
}

/* What the file or one of its groups has. */
static unsigned has_at(const struct weft_yaml_node *node) {
    unsigned has = 0;
    if (is_on(node, "apps")) has |= NEEDS_APPS | NEEDS_STREAMS;
    if (is_on(node, "dist")) has |= NEEDS_STREAMS;
    if (is_on(node, "nat")) has |= NEEDS_NAT;
    return has;
}

static unsigned has_of(const struct weft_yaml_node *root, const struct sim_swarm__window *window) {
    const struct weft_yaml_node *groups = weft_yaml_get(root, "groups");
    const struct weft_yaml_node *dht = weft_yaml_get(root, "dht");
    unsigned has = has_at(root);
    if (dht == NULL || is_on(root, "dht")) has |= NEEDS_DHT;
    if (dht != NULL && dht->kind == WEFT_YAML_MAPPING && is_true(dht, "save_table"))
        has |= NEEDS_SAVED;
    if (is_on(root, "domains")) has |= NEEDS_DOMAINS;
    if (network_has_regions(weft_yaml_get(root, "network"))) has |= NEEDS_REGIONS;
    if (window->until - window->from >= WEFT_S(1)) has |= NEEDS_SPAN;
    for (uint32_t i = 0; groups != NULL && i < groups->count; i++) has |= has_at(groups->items[i]);
    return has;
}

/* --- an entry as text --- */

struct entry {
    char text[ENTRY_MAX];
    size_t size;
    const struct sim_swarm__window *window;
};

static void put(struct entry *entry, const char *text) {
    size_t size = strlen(text);
    WEFT_ASSERT(entry->size + size < sizeof entry->text);
    memcpy(entry->text + entry->size, text, size + 1);
    entry->size += size;
}

static void put_duration(struct entry *entry, weft_duration duration) {
    char text[WEFT_VALUE_TEXT_MAX];
    put(entry, weft_value_show_duration(duration > WEFT_MS(1) ? duration : WEFT_MS(1), text));
}

/* "$8" is an eighth of the window. */
static void put_values(struct entry *entry, const char *text) {
    weft_duration window = entry->window->until - entry->window->from;
    for (; *text != '\0'; text++) {
        if (*text != '$') {
            put(entry, (char[]){*text, '\0'});
            continue;
        }
        weft_duration part = 0;
        for (; text[1] >= '0' && text[1] <= '9'; text++) part = 10 * part + (text[1] - '0');
        WEFT_ASSERT(part > 0);
        put_duration(entry, window / part / WEFT_MS(1) * WEFT_MS(1));
    }
}

static bool has_key(const struct sim_plan__section *section, const char *name) {
    for (size_t i = 0; i < section->count; i++) {
        if (strcmp(section->keys[i].name, name) == 0) return true;
    }
    return false;
}

static void put_entry(struct entry *entry, const struct values *values) {
    const struct sim_swarm__window *window = entry->window;
    const struct sim_plan__section *section = sim_plan__fault_section(values->kind);
    bool again = has_key(section, "every");
    put(entry, sim_fault_name(values->kind));
    put(entry, ": {at: ");
    put_duration(entry, window->from);
    put(entry, "..");
    put_duration(entry, window->from + (window->until - window->from) / 2);
    if (again) {
        put(entry, ", until: ");
        put_duration(entry, window->until);
    }
    if (again) put_values(entry, ", every: $32..$1");
    bool has_own = strstr(values->text, "for: ") != NULL;
    if (has_key(section, "for") && !has_own)
        put_values(entry, again ? ", for: $64..$4" : ", for: $8..$2");
    put(entry, ", ");
    put_values(entry, values->text);
    put(entry, "}");
}

/* --- as nodes --- */

static void put_at(struct weft_yaml_node *node, const struct weft_yaml_place *place) {
    node->line = place->line;
    node->column = place->column;
    node->set = place->set;
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->keys != NULL) put_at(node->keys[i], place);
        put_at(node->items[i], place);
    }
}

struct weft_yaml_node *sim_swarm__all(struct sim_plan__reader *reader,
                                      const struct weft_yaml_node *root,
                                      const struct sim_swarm__window *window,
                                      const struct weft_yaml_place *place) {
    struct weft_yaml_report report = {sim_plan__yaml_mistake, reader, NULL, "a fault"};
    struct weft_yaml_node *list = weft_yaml_new(NULL, place);
    unsigned has = has_of(root, window);
    WEFT_ASSERT(window->from < window->until);
    if (list != NULL) list->kind = WEFT_YAML_SEQUENCE;
    for (size_t i = 0; list != NULL && i < ALL_COUNT; i++) {
        struct entry entry = {.window = window};
        bool no_memory;
        if ((all[i].needs & ~has) != 0 || (all[i].without & has) != 0) continue;
        put_entry(&entry, &all[i]);
        struct weft_yaml_node *node =
            weft_yaml_read(weft_bytes_text(entry.text), &report, &no_memory);
        WEFT_ASSERT(node != NULL || no_memory);
        if (node != NULL) put_at(node, place);
        if (node != NULL && weft_yaml_add(list, NULL, node)) continue;
        weft_yaml_free(node);
        weft_yaml_free(list);
        list = NULL;
    }
    return list;
}
