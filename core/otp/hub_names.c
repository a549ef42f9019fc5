/* Names of a node with several schedulers, and the other nodes by name and by index. */
#include "core/otp/hub_internal.h"

static uint64_t hash_of(const struct weft_hub *hub, const char *text) {
    return weft_siphash(&hub->key, text, strlen(text));
}

static struct hub_name *find(const struct weft_hub *hub, const char *text) {
    struct map_node *node = weft_otp__map_first(&hub->names, hash_of(hub, text));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct hub_name *name = WEFT_CONTAINER(node, struct hub_name, node);
        if (strcmp(name->text, text) == 0) return name;
    }
    return NULL;
}

static int add(struct weft_hub *hub, const char *text, weft_pid pid) {
    size_t size = strlen(text) + 1;
    WEFT_ASSERT(size <= WEFT_NAME_MAX);
    struct hub_name *name = weft_mem_alloc(hub->mem, sizeof *name + size);
    if (name == NULL) return WEFT_ERR_NOMEM;
    name->pid = pid;
    name->size = (uint32_t)size;
    memcpy(name->text, text, size);
    int rv = weft_otp__map_insert(&hub->names, &name->node, hash_of(hub, text));
    if (rv != WEFT_OK) weft_mem_free(hub->mem, name, sizeof *name + size);
    return rv;
}

int weft_otp__hub_name_set(struct weft_hub *hub, const char *text, weft_pid *pid) {
    WEFT_ASSERT(!weft_pid_is_none(*pid));
    weft_otp__hub_lock(hub);
    const struct hub_name *name = find(hub, text);
    int rv = name != NULL ? WEFT_ERR_EXISTS : add(hub, text, *pid);
    if (name != NULL) *pid = name->pid;
    weft_otp__hub_unlock(hub);
    return rv;
}

void weft_otp__hub_name_clear(struct weft_hub *hub, const char *text, weft_pid pid) {
    weft_otp__hub_lock(hub);
    struct hub_name *name = find(hub, text);
    WEFT_ASSERT(name != NULL);
    WEFT_ASSERT(weft_pid_equal(name->pid, pid));
    weft_otp__map_remove(&hub->names, &name->node);
    weft_mem_free(hub->mem, name, sizeof *name + name->size);
    weft_otp__hub_unlock(hub);
}

weft_pid weft_otp__hub_name_get(struct weft_hub *hub, const char *text) {
    weft_otp__hub_lock(hub);
    const struct hub_name *name = find(hub, text);
    weft_pid pid = name != NULL ? name->pid : WEFT_PID_NONE;
    weft_otp__hub_unlock(hub);
    return pid;
}

/* --- other nodes --- */

const struct node_entry *weft_otp__hub_entry(struct weft_hub *hub, uint32_t index) {
    if (index == 0) return NULL;
    if (index > atomic_load_explicit(&hub->entries_count, memory_order_acquire)) return NULL;
    return &hub->pages[index / ENTRY_PAGE][index % ENTRY_PAGE];
}

/* Under the lock. */
static int entry_new(struct weft_hub *hub, struct node_entry entry, uint16_t *out) {
    uint32_t index = atomic_load(&hub->entries_count) + 1;
    if (index > WEFT_NODES_MAX) return WEFT_ERR_FULL;
    struct node_entry *page = hub->pages[index / ENTRY_PAGE];
    if (page == NULL) {
        page = weft_mem_zalloc(hub->mem, ENTRY_PAGE * sizeof *page);
        if (page == NULL) return WEFT_ERR_NOMEM;
        hub->pages[index / ENTRY_PAGE] = page;
    }
    page[index % ENTRY_PAGE] = entry;
    atomic_store_explicit(&hub->entries_count, index, memory_order_release);
    *out = (uint16_t)index;
    return WEFT_OK;
}

static struct peer *peer_find(const struct weft_hub *hub, const char *name) {
    struct map_node *node = weft_otp__map_first(&hub->peers, hash_of(hub, name));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct peer *peer = WEFT_CONTAINER(node, struct peer, node);
        if (strcmp(peer->name, name) == 0) return peer;
    }
    return NULL;
}

static int peer_new(struct weft_hub *hub, const char *name, struct peer **out) {
    size_t size = strlen(name) + 1;
    struct peer *peer = weft_mem_zalloc(hub->mem, sizeof *peer + size);
    if (peer == NULL) return WEFT_ERR_NOMEM;
    peer->name_size = (uint32_t)size;
    memcpy(peer->name, name, size);
    int rv = weft_otp__map_insert(&hub->peers, &peer->node, hash_of(hub, name));
    if (rv != WEFT_OK) goto err_after_alloc;
    rv = entry_new(hub, (struct node_entry){.peer = peer}, &peer->generic);
    if (rv != WEFT_OK) goto err_after_insert;
    peer->next = hub->peers_first;
    hub->peers_first = peer;
    *out = peer;
    return WEFT_OK;

err_after_insert:
    weft_otp__map_remove(&hub->peers, &peer->node);
err_after_alloc:
    weft_mem_free(hub->mem, peer, sizeof *peer + size);
    return rv;
}

int weft_otp__hub_peer(struct weft_hub *hub, const char *name, bool make, struct peer **out) {
    struct weft_addr addr;
    weft_otp__hub_lock(hub);
    *out = peer_find(hub, name);
    weft_otp__hub_unlock(hub);
    if (*out != NULL) return WEFT_OK;
    if (weft_node_name_addr(name, &addr) != WEFT_OK) return WEFT_ERR_INVAL;
    if (!make) return WEFT_ERR_NOT_FOUND;
    weft_otp__hub_lock(hub);
    *out = peer_find(hub, name); /* another scheduler may have been here meanwhile */
    int rv = *out == NULL ? peer_new(hub, name, out) : WEFT_OK;
    weft_otp__hub_unlock(hub);
    return rv;
}

struct peer *weft_otp__hub_peers(struct weft_hub *hub) {
    weft_otp__hub_lock(hub);
    struct peer *first = hub->peers_first;
    weft_otp__hub_unlock(hub);
    return first;
}

/* Under the lock. */
static uint16_t life_find(const struct weft_hub *hub, const struct peer *peer, uint32_t creation) {
    for (uint16_t index = peer->newest; index != 0;) {
        const struct node_entry *entry = &hub->pages[index / ENTRY_PAGE][index % ENTRY_PAGE];
        if (entry->creation == creation) return index;
        index = entry->older;
    }
    return 0;
}

int weft_otp__hub_life(struct weft_hub *hub, struct peer *peer, uint32_t creation,
                       uint16_t *index) {
    int rv = WEFT_OK;
    WEFT_ASSERT(creation > 0);
    weft_otp__hub_lock(hub);
    *index = life_find(hub, peer, creation);
    if (*index == 0) {
        struct node_entry entry = {.peer = peer, .creation = creation, .older = peer->newest};
        rv = entry_new(hub, entry, index);
        if (rv == WEFT_OK) peer->newest = *index;
    }
    weft_otp__hub_unlock(hub);
    return rv;
}

uint16_t weft_otp__hub_newest(struct weft_hub *hub, const struct peer *peer) {
    weft_otp__hub_lock(hub);
    uint16_t newest = peer->newest;
    weft_otp__hub_unlock(hub);
    return newest;
}

bool weft_otp__hub_over(const struct node_entry *entry) {
    if (entry->creation == 0) return false;
    uint32_t creation = atomic_load(&entry->peer->creation);
    return creation != 0 && creation != entry->creation;
}
