/* Suggest: the word somebody probably meant. */
#ifndef WEFT_CONFIG_SUGGEST_H
#define WEFT_CONFIG_SUGGEST_H

#include <stddef.h>

/* Words longer than this are like nothing. */
#define WEFT_SUGGEST_SIZE_MAX 32

/* How many letters must be put in, left out, changed or swapped with their neighbour to make `a`
 * into `b` (Damerau 1964, each place touched once). Large when either is longer than
 * WEFT_SUGGEST_SIZE_MAX. */
unsigned weft_suggest_distance(const char *a, const char *b);

/* The nearest of `words` at distance 2 or less, and less than its own length; the first of equals;
 * NULL when none is near. */
const char *weft_suggest(const char *word, const char *const *words, size_t count);

#endif
