/* One contact in its compact form. */
#include "core/dht/internal.h"

bool weft_dht__contact_init(struct weft_dht *dht, struct weft_dht__contact *contact,
                            const struct weft_dht__seen *seen, weft_dht__tick due) {
    const struct weft_contact who = {*seen->id, *seen->addr};
    WEFT_ASSERT(contact != NULL);
    WEFT_ASSERT(who.addr.port != 0);
    *contact = (struct weft_dht__contact){.entry = dht->book->take(dht->book, &who),
                                          .answered = seen->answered,
                                          .due = due,
                                          .addr_hint = weft_dht__addr_hint(&who.addr),
                                          .id_hint = weft_dht__id_hint(&who.id),
                                          .flags = seen->verified ? DHT_CONTACT_VERIFIED : 0};
    return contact->entry != 0;
}
