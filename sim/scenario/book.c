#include "sim/scenario/book.h"

#include "core/base/assert.h"
#include "core/base/hash.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SHARD_BITS 6
#define SHARDS (1u << SHARD_BITS)
#define PAGE_BITS 12
#define PAGES (1u << 16) /* 268 million contacts */
#define SLOTS_FIRST 16u

/* Contacts of a hash: a table with open addressing, at most half full, of entries' numbers. 0: a
 * free slot. Entry `n` of shard `s` has the number n << SHARD_BITS | s; n starts at 1. */
struct shard {
    atomic_flag busy;
    uint32_t count, slots_count;
    uint32_t *slots;
};

struct shared_book {
    struct weft_dht_book base;
    atomic_size_t pages_count;
    struct shard shards[SHARDS];
    struct weft_contact *pages[PAGES]; /* base.pages; set once */
};

static uint64_t hash_of(const struct weft_contact *contact) {
    return weft_fold_bytes(0, contact, sizeof *contact);
}

static uint32_t *slot_of(const struct shared_book *book, const struct shard *shard,
                         const struct weft_contact *contact, uint64_t hash) {
    uint32_t mask = shard->slots_count - 1;
    for (uint32_t at = (uint32_t)(hash >> SHARD_BITS) & mask;; at = (at + 1) & mask) {
        uint32_t *slot = &shard->slots[at];
        if (*slot == 0 || contact == NULL) {
            if (*slot == 0) return slot;
            continue;
        }
        const struct weft_contact *known = weft_dht_book_at(&book->base, *slot);
        if (weft_id_equal(&known->id, &contact->id) &&
            weft_addr_equal(&known->addr, &contact->addr))
            return slot;
    }
}

static bool grow(struct shared_book *book, struct shard *shard) {
    struct shard old = {.slots = shard->slots, .slots_count = shard->slots_count};
    uint32_t count = old.slots_count == 0 ? SLOTS_FIRST : 2 * old.slots_count;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL) return false;
    shard->slots = slots;
    shard->slots_count = count;
    for (uint32_t i = 0; i < old.slots_count; i++) {
        if (old.slots[i] == 0) continue;
        const struct weft_contact *known = weft_dht_book_at(&book->base, old.slots[i]);
        *slot_of(book, shard, NULL, hash_of(known)) = old.slots[i];
    }
    free(old.slots);
    return true;
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

/* What `contact` has, or gets. The shard is ours. */
static uint32_t number_in(struct shared_book *book, struct shard *shard,
                          const struct weft_contact *contact, uint64_t hash) {
    if (2 * shard->count >= shard->slots_count && !grow(book, shard)) return 0;
    uint32_t *slot = slot_of(book, shard, contact, hash);
    if (*slot != 0) return *slot;
    uint64_t number = (uint64_t)(shard->count + 1) << SHARD_BITS | (uint64_t)(shard - book->shards);
    if (number >> PAGE_BITS >= PAGES || !page_there(book, (uint32_t)number)) return 0;
    shard->count++;
    *slot = (uint32_t)number;
    book->base.pages[number >> PAGE_BITS][number & ((1u << PAGE_BITS) - 1)] = *contact;
    return *slot;
}

static uint32_t take(struct weft_dht_book *base, const struct weft_contact *contact) {
    struct shared_book *book = (struct shared_book *)base;
    uint64_t hash = hash_of(contact);
    struct shard *shard = &book->shards[hash & (SHARDS - 1)];
    while (atomic_flag_test_and_set_explicit(&shard->busy, memory_order_acquire)) {
    }
    uint32_t number = number_in(book, shard, contact, hash);
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
    for (uint32_t i = 0; i < SHARDS; i++) free(book->shards[i].slots);
    for (uint32_t i = 0; i < PAGES && book->pages[i] != NULL; i++) free(book->pages[i]);
    free(book);
}

size_t sim_run__book_bytes(const struct weft_dht_book *base) {
    const struct shared_book *book = (const struct shared_book *)base;
    if (book == NULL) return 0;
    size_t pages = atomic_load(&book->pages_count);
    size_t bytes = pages * (sizeof(struct weft_contact) << PAGE_BITS);
    for (uint32_t i = 0; i < SHARDS; i++)
        bytes += book->shards[i].slots_count * sizeof *book->shards[i].slots;
    return bytes;
}
