/* One contact in its compact form. */
#include "core/dht/internal.h"

#include <string.h>

static size_t ip_size(const struct weft_dht__table *table) {
    WEFT_ASSERT(table->family == WEFT_FAMILY_V4 || table->family == WEFT_FAMILY_V6);
    return table->family == WEFT_FAMILY_V4 ? 4 : 16;
}

struct weft_addr weft_dht__contact_addr(const struct weft_dht__table *table,
                                        const struct weft_dht__contact *contact) {
    WEFT_ASSERT(contact != NULL);
    struct weft_addr addr = {.port = contact->port, .family = table->family};
    memcpy(addr.ip, contact->ip, ip_size(table));
    return addr;
}

bool weft_dht__contact_at(const struct weft_dht__table *table,
                          const struct weft_dht__contact *contact, const struct weft_addr *addr) {
    WEFT_ASSERT(addr != NULL);
    if (contact->port != addr->port || table->family != addr->family) return false;
    return memcmp(contact->ip, addr->ip, ip_size(table)) == 0;
}

void weft_dht__contact_init(struct weft_dht__contact *contact, const struct weft_dht__seen *seen,
                            weft_dht__tick due) {
    WEFT_ASSERT(contact != NULL);
    WEFT_ASSERT(seen->addr->port != 0);
    contact->id = *seen->id;
    contact->answered = seen->answered;
    contact->due = due;
    contact->port = seen->addr->port;
    contact->failures = 0;
    contact->flags = seen->verified ? DHT_CONTACT_VERIFIED : 0;
    memcpy(contact->ip, seen->addr->ip, weft_addr_ip_size(seen->addr));
}
