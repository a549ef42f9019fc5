/* The hub: rings, and sleep. */
#include "core/otp/hub_internal.h"

int weft_node_name_addr(const char *name, struct weft_addr *addr) {
    WEFT_ASSERT(name != NULL);
    size_t size = 0;
    while (size < WEFT_NODE_NAME_MAX && name[size] != '\0') size++;
    if (size == 0 || size == WEFT_NODE_NAME_MAX) return WEFT_ERR_INVAL;
    const char *at = strchr(name, '@');
    if (at == NULL || at == name) return WEFT_ERR_INVAL;
    struct weft_addr found;
    if (weft_addr_parse(&found, at + 1) != WEFT_OK) return WEFT_ERR_INVAL;
    if (found.family == WEFT_FAMILY_NONE || found.port == 0) return WEFT_ERR_INVAL;
    *addr = found;
    return WEFT_OK;
}

static int check(const struct weft_hub_config *config) {
    struct weft_addr addr;
    if (config->schedulers < 1 || config->schedulers > WEFT_SCHEDULERS_MAX) return WEFT_ERR_INVAL;
    if (config->node == NULL) return WEFT_OK;
    if (config->creation == 0) return WEFT_ERR_INVAL;
    return weft_node_name_addr(config->node, &addr);
}

int weft_hub_new(const struct weft_hub_config *config, struct weft_hub **out) {
    WEFT_ASSERT(config != NULL);
    WEFT_ASSERT(config->mem != NULL);
    int rv = check(config);
    if (rv != WEFT_OK) return rv;
    struct weft_hub *hub = weft_mem_zalloc(config->mem, sizeof *hub);
    if (hub == NULL) return WEFT_ERR_NOMEM;
    hub->mem = config->mem;
    hub->schedulers = config->schedulers;
    hub->creation = config->creation;
    hub->wake = config->wake;
    hub->ctx = config->ctx;
    if (config->node != NULL) memcpy(hub->node, config->node, strlen(config->node) + 1);
    hub->key = (struct weft_hash_key){config->creation, UINT64_C(0x77656674)};
    atomic_flag_clear(&hub->lock);
    weft_otp__map_init(&hub->names, hub->mem);
    weft_otp__map_init(&hub->peers, hub->mem);
    *out = hub;
    return WEFT_OK;
}

static void free_peers(struct weft_hub *hub) {
    while (hub->peers_first != NULL) {
        struct peer *peer = hub->peers_first;
        WEFT_ASSERT(peer->far == NULL);
        hub->peers_first = peer->next;
        weft_otp__map_remove(&hub->peers, &peer->node);
        weft_mem_free(hub->mem, peer, sizeof *peer + peer->name_size);
    }
    for (uint32_t i = 0; i < ENTRY_PAGES; i++)
        weft_mem_free(hub->mem, hub->pages[i], ENTRY_PAGE * sizeof(struct node_entry));
}

void weft_hub_free(struct weft_hub *hub) {
    WEFT_ASSERT(hub != NULL);
    free_peers(hub);
    weft_otp__map_deinit(&hub->names);
    weft_otp__map_deinit(&hub->peers);
    for (uint32_t i = 0; i < hub->schedulers; i++)
        for (uint32_t j = 0; j < hub->schedulers; j++)
            weft_otp__byte_ring_free(hub->mem, hub->rings[i][j]);
    weft_mem_free(hub->mem, hub, sizeof *hub);
}

uint32_t weft_hub_schedulers(const struct weft_hub *hub) {
    WEFT_ASSERT(hub != NULL);
    return hub->schedulers;
}

/* Held for a few instructions, never while anything waits. */
void weft_otp__hub_lock(struct weft_hub *hub) {
    while (atomic_flag_test_and_set_explicit(&hub->lock, memory_order_acquire)) {
    }
}

void weft_otp__hub_unlock(struct weft_hub *hub) {
    atomic_flag_clear_explicit(&hub->lock, memory_order_release);
}

struct byte_ring *weft_otp__hub_ring(struct weft_hub *hub, uint32_t from, uint32_t to) {
    WEFT_ASSERT(from != to);
    WEFT_ASSERT(to < hub->schedulers);
    struct byte_ring *ring = atomic_load_explicit(&hub->rings[from][to], memory_order_acquire);
    if (ring != NULL) return ring;
    weft_otp__hub_lock(hub);
    ring = weft_otp__byte_ring_new(hub->mem, WEFT_RING_SIZE);
    weft_otp__hub_unlock(hub);
    if (ring != NULL) atomic_store_explicit(&hub->rings[from][to], ring, memory_order_release);
    return ring;
}

void weft_otp__hub_ready(struct weft_hub *hub, uint32_t from, uint32_t to) {
    WEFT_ASSERT(from < hub->schedulers);
    WEFT_ASSERT(to < hub->schedulers);
    atomic_fetch_or(&hub->inbox[to], UINT64_C(1) << from);
    if (!atomic_exchange(&hub->asleep[to], false)) return;
    if (hub->wake != NULL) hub->wake(hub->ctx, to);
}

bool weft_hub_sleep(struct weft_hub *hub, uint32_t index) {
    WEFT_ASSERT(index < hub->schedulers);
    atomic_store(&hub->asleep[index], true);
    if (atomic_load(&hub->inbox[index]) == 0) return true;
    atomic_store(&hub->asleep[index], false);
    return false;
}
