/* One contact in its compact form. */
#include "core/dht/internal.h"

#include <string.h>

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
