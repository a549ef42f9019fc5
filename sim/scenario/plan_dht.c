/* The DHT of all nodes or of a group. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"

#include <string.h>

struct draft {
    struct weft_dht_config dht;
    bool save_table;
};

#define AT(field) offsetof(struct draft, dht.field)
#define COUNT(name, most)                                                                          \
    { #name, false, sim_plan__read_count, AT(name), 1, most }
#define TIME(name)                                                                                 \
    { #name, false, sim_plan__read_duration, AT(name), WEFT_MS(1), 0 }

static const struct sim_plan__key keys[] = {
    COUNT(k, WEFT_DHT_K_MAX),
    COUNT(alpha, WEFT_DHT_ALPHA_MAX),
    {"read_only", false, sim_plan__read_flag, AT(read_only), 0, 0},
    TIME(query_timeout),
    TIME(query_slow),
    TIME(verify_after),
    TIME(stale_after),
    TIME(forget_after),
    TIME(refresh_after),
    TIME(peer_lifetime),
    TIME(item_lifetime),
    TIME(republish_after),
    TIME(token_rotation),
    COUNT(keys_max, WEFT_DHT_KEYS_MAX),
    COUNT(peers_max, WEFT_DHT_PEERS_MAX),
    COUNT(pending_max, WEFT_DHT_PENDING_MAX),
    COUNT(sources_max, WEFT_DHT_SOURCES_MAX),
    COUNT(source_rate, 1000000),
    COUNT(source_burst, 1000000),
    COUNT(global_rate, 1000000),
    COUNT(global_burst, 1000000),
    {"save_table", false, sim_plan__read_flag, offsetof(struct draft, save_table), 0, 0},
};

#define KEYS_COUNT (sizeof keys / sizeof keys[0])

const struct sim_plan__section sim_plan__dht_section = {"dht", keys, KEYS_COUNT};
/* save_table is the last of the keys, and not for a group. */
static const struct sim_plan__section group_section = {"dht", keys, KEYS_COUNT - 1};

static weft_duration or_else(weft_duration given, weft_duration otherwise) {
    return given != 0 ? given : otherwise;
}

struct pair {
    const char *less, *more;
    weft_duration less_value, more_value;
};

/* Two times of which one must be the shorter: told at the one the file gives. */
static void check_pair(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const struct pair *pair) {
    const struct weft_yaml_node *less = weft_yaml_get(node, pair->less);
    const struct weft_yaml_node *more = weft_yaml_get(node, pair->more);
    bool wrong = pair->less_value >= pair->more_value;
    if (!wrong || (less == NULL && more == NULL)) return;
    char a[WEFT_VALUE_TEXT_MAX], b[WEFT_VALUE_TEXT_MAX];
    sim_plan__mistake(reader, less != NULL ? less : more,
                      "'%s' (%s) is not below '%s' (%s), expected it to be", pair->less,
                      weft_value_show_duration(pair->less_value, a), pair->more,
                      weft_value_show_duration(pair->more_value, b));
}

static void check_times(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                        const struct weft_dht_config *dht) {
    weft_duration republish = or_else(dht->republish_after, WEFT_MIN(25));
    const struct pair pairs[] = {
        {"query_slow", "query_timeout", or_else(dht->query_slow, WEFT_S(1)),
         or_else(dht->query_timeout, WEFT_S(2))},
        {"stale_after", "forget_after", or_else(dht->stale_after, WEFT_S(25)),
         or_else(dht->forget_after, WEFT_S(60))},
        {"republish_after", "peer_lifetime", republish, or_else(dht->peer_lifetime, WEFT_MIN(30))},
        {"republish_after", "item_lifetime", republish, or_else(dht->item_lifetime, WEFT_HOUR(2))},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        check_pair(reader, node, &pairs[i]);
    }
}

void sim_plan__read_dht_config(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                               struct weft_dht_config *dht, bool *save_table) {
    WEFT_ASSERT(dht != NULL);
    struct draft draft = {.dht = *dht, .save_table = false};
    const struct sim_plan__section *section =
        save_table != NULL ? &sim_plan__dht_section : &group_section;
    if (!sim_plan__read_section(reader, value->node, section, &draft)) return;
    check_times(reader, value->node, &draft.dht);
    *dht = draft.dht;
    if (save_table != NULL) *save_table = draft.save_table;
}

void sim_plan__read_dht(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into) {
    struct sim_plan *plan = into;
    const struct weft_yaml_node *node = value->node;
    if (node->kind == WEFT_YAML_SCALAR && strcmp(node->text, "off") == 0) {
        plan->dht_on = false;
    } else if (sim_plan__is(reader, value, WEFT_YAML_MAPPING, "a mapping such as {k: 8}, or off")) {
        sim_plan__read_dht_config(reader, value, &plan->dht_of[0], &plan->save_table);
    }
}
