/* SPDX-License-Identifier: MIT */
#include "base/near.h"

#include "base/macros.h"

enum { DISTANCE_BYTES_MAX = 64 };

static char fold(char c)
{
    return c == '-' ? '_' : c;
}

size_t weir_near_distance(struct weir_str a, struct weir_str b)
{
    /* Optimal string alignment (Damerau 1964): three rows of the table are enough. */
    size_t rows[3][DISTANCE_BYTES_MAX + 1];
    a.n = weir_min_size(a.n, DISTANCE_BYTES_MAX);
    b.n = weir_min_size(b.n, DISTANCE_BYTES_MAX);
    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            char x = fold(a.at[i - 1]);
            char y = fold(b.at[j - 1]);
            size_t best = above[j - 1] + (x == y ? 0 : 1);
            best = weir_min_size(best, above[j] + 1);
            best = weir_min_size(best, row[j - 1] + 1);
            if (i > 1 && j > 1 && x == fold(b.at[j - 2]) && fold(a.at[i - 2]) == y)
                best = weir_min_size(best, rows[(i - 2) % 3][j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[a.n % 3][b.n];
}

const char *weir_near_find(struct weir_str typed, const char *const *texts, size_t n)
{
    const char *best = NULL;
    size_t best_at = typed.n / 3 + 2; /* Further away is no help. */
    for (size_t i = 0; i < n; i++) {
        size_t at = weir_near_distance(typed, weir_str_c(texts[i]));
        if (at < best_at) {
            best_at = at;
            best = texts[i];
        }
    }
    return best;
}
