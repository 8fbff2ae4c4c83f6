/* SPDX-License-Identifier: MIT */
/* Transformers that look at a whole row: its norm, the products of its columns. */
#ifndef WEIR_MODEL_ROWS_H
#define WEIR_MODEL_ROWS_H

#include "model/builder.h"

enum weir_model_rows_norm {
    WEIR_MODEL_ROWS_L1,  /* Σ|x| */
    WEIR_MODEL_ROWS_L2,  /* √Σx² */
    WEIR_MODEL_ROWS_MAX, /* max |x| */
};

struct weir_model_rows_norm_opts {
    struct weir_str name; /* for faults: "Normalizer" */
    uint32_t n_columns;   /* at least 1 */
    enum weir_model_rows_norm norm;
    bool keeps_zero_only; /* only a norm of 0 counts as 1; else all below 10 ε */
    bool keeps_columns;   /* its columns are the model's features */
};

/* Makes a node that gives `transform`: each row divided by its norm, a norm below 10 ε of the rows'
 * type counting as 1. Refuses NaN and infinities. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status
weir_model_rows_norm_new(struct weir_model_builder *b, const struct weir_model_rows_norm_opts *opts,
                         const struct weir_model_node **out, struct weir_error *err);

struct weir_model_rows_products_opts {
    struct weir_str name;  /* for faults: "PolynomialFeatures" */
    uint32_t n_columns;    /* at least 1 */
    uint32_t degree_min;   /* products of fewer columns are left out, but for the 1 */
    uint32_t degree_max;   /* at most WEIR_MODEL_ROWS_DEGREE_MAX */
    bool interaction_only; /* no column twice in a product */
    bool has_one;          /* the first column is 1 */
    bool keeps_columns;    /* its columns are the model's features */
};

enum { WEIR_MODEL_ROWS_DEGREE_MAX = 64 };

/* Makes a node that gives `transform`: products of the columns by degree, then in lexicographic
 * order; a product is that of its columns but the first, times the first. Refuses NaN and
 * infinities. WEIR_ERR_NO_MEMORY; WEIR_ERR_LIMIT: too wide; WEIR_ERR_INVALID: no column is given.
 */
WEIR_MUST_USE enum weir_status
weir_model_rows_products_new(struct weir_model_builder *b,
                             const struct weir_model_rows_products_opts *opts,
                             const struct weir_model_node **out, struct weir_error *err);

#endif
