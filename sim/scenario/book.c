#include "sim/scenario/book.h"

#include "core/base/assert.h"
#include "core/base/fetch.h"
#include "core/base/hash.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SHARD_BITS 6
#define SHARDS (1u << SHARD_BITS)
#define PAGE_BITS 12
#define PAGES (1u << 16) /* 268 million contacts */
#define SLOTS_FIRST 16u

/* Contacts of a hash: a table with open addressing, at most half full, of entries' numbers. 0: a
 * free slot. */
struct table {
    struct table *before; /* the smaller one that it took the place of: somebody may look there */
    uint32_t slots_count;
    _Atomic uint32_t slots[];
};

/* Entry `n` of shard `s` has the number n << SHARD_BITS | s; n starts at 1. Nearly all that is
 * looked for is there, so looking takes no lock and writes nothing: whoever does not find it looks
 * again as the one who may add. Shards are a line apart. */
struct shard {
    _Atomic(struct table *) table; /* NULL: no entry yet */
    uint32_t count;                /* entries */
    atomic_flag busy;              /* somebody adds */
    char apart[WEFT_CACHE_LINE - sizeof(_Atomic(struct table *)) - sizeof(uint32_t) -
               sizeof(atomic_flag)];
};

struct shared_book {
    struct weft_dht_book base;
    atomic_size_t pages_count;
    struct shard shards[SHARDS];
    struct weft_contact *pages[PAGES]; /* base.pages; set once */
};

/* A contact that is looked for. */
struct wanted {
    const struct weft_contact *contact; /* NULL: none, a free slot */
    uint64_t hash;
};

static struct wanted wanted(const struct weft_contact *contact) {
    return (struct wanted){contact, weft_fold_bytes(0, contact, sizeof *contact)};
}

static bool is_entry(const struct shared_book *book, uint32_t number,
                     const struct weft_contact *contact) {
    const struct weft_contact *known = weft_dht_book_at(&book->base, number);
    return weft_id_equal(&known->id, &contact->id) && weft_addr_equal(&known->addr, &contact->addr);
}

/* Its number; or 0, and the slot that is free for it. */
static uint32_t find(const struct shared_book *book, struct table *table, struct wanted wanted,
                     _Atomic uint32_t **slot) {
    uint32_t mask = table->slots_count - 1;
    for (uint32_t at = (uint32_t)(wanted.hash >> SHARD_BITS) & mask;; at = (at + 1) & mask) {
        *slot = &table->slots[at];
        uint32_t number = atomic_load_explicit(*slot, memory_order_acquire);
        if (number == 0) return 0;
        if (wanted.contact != NULL && is_entry(book, number, wanted.contact)) return number;
    }
}

/* Twice as large, with what is there. NULL: no memory. */
static struct table *grown(const struct shared_book *book, struct table *old) {
    uint32_t count = old == NULL ? SLOTS_FIRST : 2 * old->slots_count;
    struct table *table = calloc(1, sizeof *table + count * sizeof table->slots[0]);
    if (table == NULL) return NULL;
    table->before = old;
    table->slots_count = count;
    for (uint32_t i = 0; old != NULL && i < old->slots_count; i++) {
        uint32_t number = atomic_load_explicit(&old->slots[i], memory_order_relaxed);
        _Atomic uint32_t *slot;
        if (number == 0) continue;
        uint64_t hash = wanted(weft_dht_book_at(&book->base, number)).hash;
        (void)find(book, table, (struct wanted){NULL, hash}, &slot);
        atomic_store_explicit(slot, number, memory_order_relaxed);
    }
    return table;
}

/* The page is made by whoever comes first, of all shards. */
static bool page_there(struct shared_book *book, uint32_t number) {
    struct weft_contact **place = &book->pages[number >> PAGE_BITS];
    if (__atomic_load_n(place, __ATOMIC_ACQUIRE) != NULL) return true;
    struct weft_contact *none = NULL, *page = malloc(sizeof *page << PAGE_BITS);
    if (page == NULL) return false;
    if (__atomic_compare_exchange_n(place, &none, page, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        atomic_fetch_add(&book->pages_count, 1);
    } else {
        free(page);
    }
    return true;
}

/* What `contact` has meanwhile, or gets. The shard is ours. */
static uint32_t add(struct shared_book *book, struct shard *shard, struct wanted wanted) {
    struct table *table = atomic_load_explicit(&shard->table, memory_order_relaxed);
    _Atomic uint32_t *slot;
    if (table == NULL || 2 * shard->count >= table->slots_count) {
        table = grown(book, table);
        if (table == NULL) return 0;
        atomic_store_explicit(&shard->table, table, memory_order_release);
    }
    uint32_t known = find(book, table, wanted, &slot);
    if (known != 0) return known;
    uint64_t number = (uint64_t)(shard->count + 1) << SHARD_BITS | (uint64_t)(shard - book->shards);
    if (number >> PAGE_BITS >= PAGES || !page_there(book, (uint32_t)number)) return 0;
    shard->count++;
    book->base.pages[number >> PAGE_BITS][number & ((1u << PAGE_BITS) - 1)] = *wanted.contact;
    atomic_store_explicit(slot, (uint32_t)number, memory_order_release);
    return (uint32_t)number;
}

static uint32_t take(struct weft_dht_book *base, const struct weft_contact *contact) {
    struct shared_book *book = (struct shared_book *)base;
    struct wanted it = wanted(contact);
    struct shard *shard = &book->shards[it.hash & (SHARDS - 1)];
    struct table *table = atomic_load_explicit(&shard->table, memory_order_acquire);
    _Atomic uint32_t *slot;
    uint32_t number = table != NULL ? find(book, table, it, &slot) : 0;
    if (number != 0) return number;
    while (atomic_flag_test_and_set_explicit(&shard->busy, memory_order_acquire)) {
    }
    number = add(book, shard, it);
    atomic_flag_clear_explicit(&shard->busy, memory_order_release);
    return number;
}

static void drop(struct weft_dht_book *book, uint32_t number) {
    WEFT_ASSERT(book != NULL);
    WEFT_ASSERT(number > 0);
}

struct weft_dht_book *sim_run__book_new(void) {
    struct shared_book *book = calloc(1, sizeof *book);
    if (book == NULL) return NULL;
    book->base = (struct weft_dht_book){
        .pages = book->pages, .page_bits = PAGE_BITS, .take = take, .drop = drop};
    for (uint32_t i = 0; i < SHARDS; i++) atomic_flag_clear(&book->shards[i].busy);
    return &book->base;
}

void sim_run__book_free(struct weft_dht_book *base) {
    struct shared_book *book = (struct shared_book *)base;
    if (book == NULL) return;
    for (uint32_t i = 0; i < SHARDS; i++) {
        for (struct table *table = book->shards[i].table, *before; table != NULL; table = before) {
            before = table->before;
            free(table);
        }
    }
    for (uint32_t i = 0; i < PAGES && book->pages[i] != NULL; i++) free(book->pages[i]);
    free(book);
}

size_t sim_run__book_bytes(const struct weft_dht_book *base) {
    const struct shared_book *book = (const struct shared_book *)base;
    if (book == NULL) return 0;
    size_t pages = atomic_load(&book->pages_count);
    size_t bytes = pages * (sizeof(struct weft_contact) << PAGE_BITS);
    for (uint32_t i = 0; i < SHARDS; i++) {
        for (const struct table *table = book->shards[i].table; table != NULL;
             table = table->before)
            bytes += sizeof *table + table->slots_count * sizeof table->slots[0];
    }
    return bytes;
}
