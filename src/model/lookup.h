/* SPDX-License-Identifier: MIT */
/* Lookups: which of a list of known values a cell is: numbers, texts, None, NaN. Numbers are found
 * by binary search, texts by hashing. */
#ifndef WEIR_MODEL_LOOKUP_H
#define WEIR_MODEL_LOOKUP_H

#include "model/builder.h"

/* A table of n known values; immutable after it is made. */
struct weir_model_lookup {
    size_t n;
    const double *numbers; /* n_numbers, rising */
    const uint32_t *number_index;
    size_t n_numbers;
    const struct weir_str *texts; /* n, those that are texts */
    const uint32_t *slots;        /* mask + 1 of 1 + index, 0: free */
    uint64_t mask;
    uint32_t none; /* index of None, of NaN; WEIR_MODEL_LOOKUP_NOT: not known */
    uint32_t nan;
};

#define WEIR_MODEL_LOOKUP_NOT UINT32_MAX

/* Makes a table of cells (tensor/cell.h); texts are copied into the builder's arena.
 * WEIR_ERR_INVALID: a value occurs twice; WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_lookup_init(struct weir_model_lookup *out,
                                                      struct weir_model_builder *b,
                                                      const double *cells, size_t n,
                                                      struct weir_error *err);

/* Returns the index of a cell, or WEIR_MODEL_LOOKUP_NOT. Numbers are equal as numbers (0 and −0,
 * too); NaN is NaN. */
uint32_t weir_model_lookup_find(const struct weir_model_lookup *l, double cell);

/* Returns the index of a text, or WEIR_MODEL_LOOKUP_NOT. */
uint32_t weir_model_lookup_find_text(const struct weir_model_lookup *l, struct weir_str text);

/* Makes a cell of a text in the builder's arena; false: no memory. */
bool weir_model_lookup_text(struct weir_model_builder *b, struct weir_str text, double *out);

#endif
