/* The nearest word. */
#include "core/config/suggest.h"

#include "core/base/assert.h"

#include <stdbool.h>
#include <string.h>

#define DISTANCE_MAX 2u
#define FAR 1000u

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

unsigned weft_suggest_distance(const char *a, const char *b) {
    WEFT_ASSERT(a != NULL);
    WEFT_ASSERT(b != NULL);
    unsigned row[WEFT_SUGGEST_SIZE_MAX + 1][WEFT_SUGGEST_SIZE_MAX + 1];
    size_t m = strlen(a), n = strlen(b);
    if (m > WEFT_SUGGEST_SIZE_MAX || n > WEFT_SUGGEST_SIZE_MAX) return FAR;
    for (size_t i = 0; i <= m; i++) row[i][0] = (unsigned)i;
    for (size_t j = 0; j <= n; j++) row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        for (size_t j = 1; j <= n; j++) {
            unsigned changed = row[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            unsigned moved = least(row[i - 1][j], row[i][j - 1]) + 1;
            row[i][j] = least(changed, moved);
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[i][j] = least(row[i][j], row[i - 2][j - 2] + 1);
        }
    }
    return row[m][n];
}

const char *weft_suggest(const char *word, const char *const *words, size_t count) {
    WEFT_ASSERT(word != NULL);
    const char *best = NULL;
    unsigned best_distance = DISTANCE_MAX + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = weft_suggest_distance(word, words[i]);
        if (distance >= best_distance || distance >= strlen(words[i])) continue;
        best = words[i];
        best_distance = distance;
    }
    return best;
}
