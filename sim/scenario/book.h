/* Book: who is where, for all DHT nodes of a run (core/dht/book.h).
 *
 * A contact stands in it once, however many nodes know it, and stays until the run ends: there are
 * about as many as nodes ever came up. Nodes on several threads may use it at the same time. */
#ifndef SIM_SCENARIO_BOOK_H
#define SIM_SCENARIO_BOOK_H

#include "core/dht/book.h"

#include <stddef.h>

/* NULL: no memory. */
struct weft_dht_book *sim_run__book_new(void);
/* NULL is ignored. */
void sim_run__book_free(struct weft_dht_book *book);
/* Bytes it takes, all in all. */
size_t sim_run__book_bytes(const struct weft_dht_book *book);

#endif
