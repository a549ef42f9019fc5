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

#define PID_SERIAL_MAX ((UINT32_C(1) << WEFT_PID_SERIAL_BITS) - 1)
#define PID_SERIAL ((uint64_t)PID_SERIAL_MAX << WEFT_PID_SLOT_BITS)

/* No process has serial 0: that is a place, and stays one. */
static uint64_t move_serial(uint64_t raw, uint32_t by) {
    uint32_t serial = weft_pid_serial((weft_pid){raw});
    if (serial == 0) return raw;
    serial = (serial - 1 + by) % PID_SERIAL_MAX + 1;
    return (raw & ~PID_SERIAL) | (uint64_t)serial << WEFT_PID_SLOT_BITS;
}

uint64_t weft_otp__pid_there(const struct node_entry *entry, uint64_t here) {
    uint32_t veil = atomic_load(&entry->veil);
    WEFT_ASSERT(veil < PID_SERIAL_MAX);
    return move_serial(here & ~PID_NODE_MASK, PID_SERIAL_MAX - veil);
}

uint64_t weft_otp__pid_here(const struct node_entry *entry, uint32_t index, uint64_t there) {
    WEFT_ASSERT(pid_node(there) == 0);
    return move_serial(there, atomic_load(&entry->veil)) | pid_place(index, 0);
}

/* Bits from the other end: as far as can be from all that came before, as long as that can be. */
static uint32_t veil_of(uint32_t times) {
    uint32_t veil = 0;
    for (uint32_t i = 0; i < WEFT_PID_SERIAL_BITS; i++)
        veil |= (times >> i & 1) << (WEFT_PID_SERIAL_BITS - 1 - i);
    return veil % PID_SERIAL_MAX;
}

static struct node_entry *entry_at(const struct weft_hub *hub, uint32_t index) {
    return &hub->pages[index / ENTRY_PAGE][index % ENTRY_PAGE];
}

/* Under the lock. */
static int entry_new(struct weft_hub *hub, struct peer *peer, uint32_t creation, uint16_t *out) {
    uint32_t index = atomic_load(&hub->entries_count) + 1;
    if (index > WEFT_NODES_MAX) return WEFT_ERR_FULL;
    struct node_entry *page = hub->pages[index / ENTRY_PAGE];
    if (page == NULL) {
        page = weft_mem_zalloc(hub->mem, ENTRY_PAGE * sizeof *page);
        if (page == NULL) return WEFT_ERR_NOMEM;
        hub->pages[index / ENTRY_PAGE] = page;
    }
    struct node_entry *entry = &page[index % ENTRY_PAGE];
    entry->peer = peer;
    atomic_store(&entry->creation, creation);
    entry->older = creation != 0 ? peer->newest : 0;
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
    rv = entry_new(hub, peer, 0, &peer->generic);
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
        const struct node_entry *entry = entry_at(hub, index);
        if (atomic_load(&entry->creation) == creation) return index;
        index = entry->older;
    }
    return 0;
}

/* Under the lock. */
static int life_new(struct weft_hub *hub, struct peer *peer, uint32_t creation, uint16_t *index) {
    int rv = entry_new(hub, peer, creation, index);
    if (rv != WEFT_OK) return rv;
    entry_at(hub, *index)->born = peer->born++;
    peer->newest = *index;
    peer->lives++;
    return WEFT_OK;
}

/* Under the lock: the index of the life that came first is now that of another. */
static void life_again(struct weft_hub *hub, struct peer *peer, uint32_t creation,
                       uint16_t *index) {
    WEFT_ASSERT(peer->newest != 0);
    struct node_entry *first = NULL;
    for (uint16_t at = peer->newest; at != 0; at = entry_at(hub, at)->older) {
        struct node_entry *entry = entry_at(hub, at);
        if (first != NULL && first->born <= entry->born) continue;
        first = entry;
        *index = at;
    }
    first->born = peer->born++;
    atomic_store(&first->veil, veil_of(++first->times));
    atomic_store(&first->creation, creation);
}

int weft_otp__hub_life(struct weft_hub *hub, struct peer *peer, uint32_t creation,
                       uint16_t *index) {
    int rv = WEFT_OK;
    WEFT_ASSERT(creation > 0);
    WEFT_ASSERT(atomic_load(&peer->state) != PEER_UP);
    weft_otp__hub_lock(hub);
    *index = life_find(hub, peer, creation);
    if (*index == 0) {
        rv = peer->lives < WEFT_LIVES_MAX ? life_new(hub, peer, creation, index) : WEFT_ERR_FULL;
        if (rv != WEFT_OK && peer->lives > 0) {
            life_again(hub, peer, creation, index);
            rv = WEFT_OK;
        }
    }
    weft_otp__hub_unlock(hub);
    return rv;
}

int weft_otp__hub_pid_take(struct weft_hub *hub, struct peer *peer, uint32_t creation,
                           uint64_t *pid) {
    int rv = WEFT_OK;
    WEFT_ASSERT(creation > 0);
    weft_otp__hub_lock(hub);
    uint16_t index = life_find(hub, peer, creation);
    if (index == 0) rv = life_new(hub, peer, creation, &index);
    if (rv == WEFT_OK) *pid = weft_otp__pid_here(entry_at(hub, index), index, *pid);
    weft_otp__hub_unlock(hub);
    return rv;
}

uint32_t weft_otp__hub_pid_give(struct weft_hub *hub, uint64_t *pid) {
    const struct node_entry *entry = weft_otp__hub_entry(hub, pid_node(*pid));
    WEFT_ASSERT(entry != NULL);
    weft_otp__hub_lock(hub); /* the life and its veil, of one moment */
    uint32_t creation = atomic_load(&entry->creation);
    *pid = weft_otp__pid_there(entry, *pid);
    weft_otp__hub_unlock(hub);
    return creation;
}

uint16_t weft_otp__hub_newest(struct weft_hub *hub, const struct peer *peer) {
    weft_otp__hub_lock(hub);
    uint16_t newest = peer->newest;
    weft_otp__hub_unlock(hub);
    return newest;
}

bool weft_otp__hub_over(const struct node_entry *entry) {
    uint32_t meant = atomic_load(&entry->creation);
    uint32_t connected = atomic_load(&entry->peer->creation);
    return meant != 0 && connected != 0 && connected != meant;
}
