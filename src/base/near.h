/* SPDX-License-Identifier: MIT */
/* What a mistyped word was probably meant to be. */
#ifndef WEIR_BASE_NEAR_H
#define WEIR_BASE_NEAR_H

#include "base/str.h"

#include <stddef.h>

/* Returns the edits (insert, delete, replace, swap of neighbours) between two texts, at most 64
 * bytes of each; "-" and "_" are the same. Source: Damerau 1964, as optimal string alignment. */
size_t weir_near_distance(struct weir_str a, struct weir_str b);

/* Returns the nearest of n texts, borrowed; NULL: none is near (a third of the letters and one). */
const char *weir_near_find(struct weir_str typed, const char *const *texts, size_t n);

#endif
