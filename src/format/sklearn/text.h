/* SPDX-License-Identifier: MIT */
/* Lists of stop words. */
#ifndef WEIR_FORMAT_SKLEARN_TEXT_H
#define WEIR_FORMAT_SKLEARN_TEXT_H

#include "format/sklearn/build.h"

/* Gives the words of stop_words="english", which a file does not hold: scikit-learn has had the
 * same 318 since 0.19. Borrowed from the arena; NULL: no memory. */
const struct weir_str *weir_format_sklearn_text_english(struct weir_arena *a, size_t *n);

/* Sorts words and moves each of them to the front once; returns how many there are. */
size_t weir_format_sklearn_text_unique(struct weir_str *words, size_t n);

#endif
