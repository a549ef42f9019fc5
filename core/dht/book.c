/* The book of one machine that shares none: entries in pages, free ones linked. */
#include "core/dht/internal.h"

#define PAGE_BITS 4
#define PAGE_SIZE (1u << PAGE_BITS)
#define PAGES_STEP 4 /* the list of pages grows by as many */

/* I1  a free entry begins with the number of the next; 0 ends the list. Entry 0 is never given. */
struct own_book {
    struct weft_dht_book base;
    struct weft_mem *mem;
    uint32_t pages_count, pages_room, free;
};

static struct own_book *own(struct weft_dht_book *book) { return (struct own_book *)book; }

static struct weft_contact *entry_at(const struct own_book *book, uint32_t number) {
    WEFT_ASSERT(number >> PAGE_BITS < book->pages_count);
    return &book->base.pages[number >> PAGE_BITS][number & (PAGE_SIZE - 1)];
}

static bool grow_list(struct own_book *book) {
    if (book->pages_count < book->pages_room) return true;
    size_t each = sizeof book->base.pages[0], room = book->pages_room + PAGES_STEP;
    void *pages =
        weft_mem_resize(book->mem, book->base.pages, book->pages_room * each, room * each);
    if (pages == NULL) return false;
    book->base.pages = pages;
    book->pages_room = (uint32_t)room;
    return true;
}

static bool grow(struct own_book *book) {
    WEFT_ASSERT(book->free == 0);
    if (!grow_list(book)) return false;
    struct weft_contact *page = weft_mem_alloc(book->mem, PAGE_SIZE * sizeof *page);
    if (page == NULL) return false;
    uint32_t first = book->pages_count << PAGE_BITS;
    book->base.pages[book->pages_count++] = page;
    for (uint32_t i = PAGE_SIZE; i-- > 0 && first + i > 0;) {
        memcpy(&page[i], &book->free, sizeof book->free);
        book->free = first + i;
    }
    return true;
}

static uint32_t take(struct weft_dht_book *base, const struct weft_contact *contact) {
    struct own_book *book = own(base);
    if (book->free == 0 && !grow(book)) return 0;
    uint32_t number = book->free;
    struct weft_contact *entry = entry_at(book, number);
    memcpy(&book->free, entry, sizeof book->free);
    *entry = *contact;
    return number;
}

static void drop(struct weft_dht_book *base, uint32_t number) {
    struct own_book *book = own(base);
    WEFT_ASSERT(number > 0);
    memcpy(entry_at(book, number), &book->free, sizeof book->free);
    book->free = number;
}

struct weft_dht_book *weft_dht__book_new(struct weft_mem *mem) {
    struct own_book *book = weft_mem_zalloc(mem, sizeof *book);
    if (book == NULL) return NULL;
    book->base = (struct weft_dht_book){.page_bits = PAGE_BITS, .take = take, .drop = drop};
    book->mem = mem;
    return &book->base;
}

void weft_dht__book_free(struct weft_dht_book *base) {
    struct own_book *book = own(base);
    if (book == NULL) return;
    for (uint32_t i = 0; i < book->pages_count; i++) {
        weft_mem_free(book->mem, book->base.pages[i], PAGE_SIZE * sizeof(struct weft_contact));
    }
    weft_mem_free(book->mem, book->base.pages, book->pages_room * sizeof book->base.pages[0]);
    weft_mem_free(book->mem, book, sizeof *book);
}
