/* Book: who is where. A table of contacts holds numbers of entries in one, not ids and addresses.
 *
 * A machine that is given none keeps a book of its own. Machines in one program may share one: then
 * somebody whom ten thousand of them know stands there once. Nothing that a machine does depends on
 * which numbers it got, so they may be given out in any order. */
#ifndef WEFT_DHT_BOOK_H
#define WEFT_DHT_BOOK_H

#include "core/base/addr.h"
#include "core/base/id.h"

struct weft_contact {
    weft_id id;
    struct weft_addr addr;
};

/* I1  an entry neither moves nor changes while somebody has taken it.
 * I2  pages[number >> page_bits] is there for each number taken. */
struct weft_dht_book {
    struct weft_contact **pages;
    uint32_t page_bits; /* entries of a page, as a power of 2 */
    /* The number of an entry that equals `contact`; the book may give the same to several who ask.
     * 0: there is no memory for it. Called by the threads of all machines that share the book. */
    uint32_t (*take)(struct weft_dht_book *book, const struct weft_contact *contact);
    /* Who took `number` needs it no more. A book may keep it: a machine whose process was killed
     * never tells. */
    void (*drop)(struct weft_dht_book *book, uint32_t number);
};

static inline const struct weft_contact *weft_dht_book_at(const struct weft_dht_book *book,
                                                          uint32_t number) {
    uint32_t mask = (UINT32_C(1) << book->page_bits) - 1;
    return &book->pages[number >> book->page_bits][number & mask];
}

#endif
