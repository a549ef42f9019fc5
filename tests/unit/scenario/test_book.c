/* The book of a run: one entry for each contact, whoever asks, and on however many threads. */
#include "sim/scenario/book.h"

#include "tests/harness/harness.h"

#include <pthread.h>
#include <stdlib.h>

#define CONTACTS 20000u
#define THREADS 4u

static struct weft_contact contact_of(uint32_t index) {
    struct weft_contact contact = {.addr = weft_addr_v4(10, 0, 0, 1, 6881)};
    weft_id id = {{0}};
    for (unsigned i = 0; i < 4; i++) id.bytes[i] = (unsigned char)(index >> 8 * i);
    contact.id = id;
    return contact;
}

static uint32_t take(struct weft_dht_book *book, uint32_t index) {
    struct weft_contact contact = contact_of(index);
    return book->take(book, &contact);
}

static void who_is_known_keeps_number_and_place(void) {
    struct weft_dht_book *book = sim_run__book_new();
    uint32_t *numbers = calloc(CONTACTS, sizeof *numbers);
    REQUIRE(book != NULL && numbers != NULL);
    size_t empty = sim_run__book_bytes(book);
    for (uint32_t i = 0; i < CONTACTS; i++) numbers[i] = take(book, i);
    const struct weft_contact *first = weft_dht_book_at(book, numbers[0]);
    for (uint32_t i = 0; i < CONTACTS; i++) {
        struct weft_contact contact = contact_of(i);
        CHECK(numbers[i] != 0);
        CHECK_EQ_UINT(take(book, i), numbers[i]);
        CHECK(weft_id_equal(&weft_dht_book_at(book, numbers[i])->id, &contact.id));
    }
    CHECK(weft_dht_book_at(book, numbers[0]) == first);
    CHECK(sim_run__book_bytes(book) - empty > CONTACTS * sizeof(struct weft_contact));
    free(numbers);
    sim_run__book_free(book);
}

/* An id at two addresses is two contacts, and so is an address with two ids. */
static void what_differs_in_anything_has_numbers_of_its_own(void) {
    struct weft_dht_book *book = sim_run__book_new();
    REQUIRE(book != NULL);
    struct weft_contact contact = contact_of(7);
    uint32_t first = book->take(book, &contact);
    contact.addr.port++;
    uint32_t moved = book->take(book, &contact);
    contact.id.bytes[19] = 1;
    uint32_t other = book->take(book, &contact);
    CHECK(first != moved && moved != other && first != other);
    sim_run__book_free(book);
}

struct reader {
    pthread_t thread;
    struct weft_dht_book *book;
    uint32_t step; /* in which order it asks */
    uint32_t *numbers;
    unsigned wrong;
};

static void *ask_for_all(void *ctx) {
    struct reader *reader = ctx;
    for (uint32_t i = 0; i < CONTACTS; i++) {
        uint32_t index = (uint32_t)((uint64_t)i * reader->step % CONTACTS);
        struct weft_contact contact = contact_of(index);
        uint32_t number = reader->book->take(reader->book, &contact);
        reader->numbers[index] = number;
        const struct weft_contact *entry = weft_dht_book_at(reader->book, number);
        if (number == 0 || !weft_id_equal(&entry->id, &contact.id)) reader->wrong++;
    }
    return NULL;
}

static void threads_agree_on_every_number(void) {
    static const uint32_t steps[THREADS] = {1, 3, CONTACTS - 1, 7}; /* prime to CONTACTS */
    struct reader readers[THREADS];
    struct weft_dht_book *book = sim_run__book_new();
    REQUIRE(book != NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.book = book, .step = steps[i]};
        readers[i].numbers = calloc(CONTACTS, sizeof(uint32_t));
        REQUIRE(readers[i].numbers != NULL);
        REQUIRE(pthread_create(&readers[i].thread, NULL, ask_for_all, &readers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(readers[i].thread, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_EQ_UINT(readers[i].wrong, 0);
        for (uint32_t j = 0; j < CONTACTS; j++)
            if (!CHECK_EQ_UINT(readers[i].numbers[j], readers[0].numbers[j])) break;
    }
    for (unsigned i = 0; i < THREADS; i++) free(readers[i].numbers);
    sim_run__book_free(book);
}

TEST_MAIN("scenario/book", TEST(who_is_known_keeps_number_and_place),
          TEST(what_differs_in_anything_has_numbers_of_its_own),
          TEST(threads_agree_on_every_number))
