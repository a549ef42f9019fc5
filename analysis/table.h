/* Table: entries of one size found by two numbers, such as packets by sender and number. */
#ifndef ANALYSIS_TABLE_H
#define ANALYSIS_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct ana__key {
    uint64_t a, b;
};

struct ana__table;

/* NULL: out of memory. */
struct ana__table *ana__table_new(size_t entry_size);
/* NULL is allowed. */
void ana__table_free(struct ana__table *table);
/* NULL: none. An entry stays where it is until it is removed. */
void *ana__table_find(const struct ana__table *table, struct ana__key key);
/* A new entry, all zeroes; none of this key is there yet. NULL: out of memory. */
void *ana__table_add(struct ana__table *table, struct ana__key key);
/* The entry of `key`, made when there is none. NULL: out of memory. */
void *ana__table_get(struct ana__table *table, struct ana__key key);
void ana__table_remove(struct ana__table *table, void *entry);
struct ana__key ana__table_key(const void *entry);
/* Entries in the order they were added: the first after NULL, NULL after the last. */
void *ana__table_next(const struct ana__table *table, const void *entry);
size_t ana__table_count(const struct ana__table *table);

#endif
