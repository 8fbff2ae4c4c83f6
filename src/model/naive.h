/* SPDX-License-Identifier: MIT */
/* Naive Bayes over counts and categories: for each class a constant and what each column adds. */
#ifndef WEIR_MODEL_NAIVE_H
#define WEIR_MODEL_NAIVE_H

#include "model/builder.h"
#include "model/posterior.h"

struct weir_model_naive_opts {
    struct weir_str name; /* for faults */
    uint32_t n_in;
    uint32_t n_classes;
    const double *constants; /* n_classes */
    const double
        *weights;   /* n_classes × n_in: a column adds its value times the weight; NULL: tables
                     */
    bool binarizes; /* values become 1 above the threshold, else 0 */
    double threshold;
    /* Tables: column j, a whole number below n_categories[j], adds tables[j][class ×
     * n_categories[j] + number]. Others are a fault of the row. */
    const double *const *tables;
    const uint32_t *n_categories;
    bool keeps_columns;
    const struct weir_labels *targets; /* one, in the builder's arena */
};

/* Makes a node; arrays are copied. Refuses NaN and infinities at run time. WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_naive_new(struct weir_model_builder *b,
                                                    const struct weir_model_naive_opts *opts,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err);

#endif
