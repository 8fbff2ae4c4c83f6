/* SPDX-License-Identifier: MIT */
/* Codes: categories of some columns as their place in a list, as trees of the boosting libraries
 * take the category columns of a data frame. */
#ifndef WEIR_MODEL_CODES_H
#define WEIR_MODEL_CODES_H

#include "model/builder.h"

/* One column: which value has which code. */
struct weir_model_codes_column {
    const double *categories; /* n_categories cells (tensor/cell.h), each once: numbers that are no
                                 NaN, and texts; copied */
    size_t n_categories;      /* 0: the column holds numbers that pass unchanged */
};

struct weir_model_codes_opts {
    struct weir_str name; /* for faults: "LGBMClassifier" */
    uint32_t n_columns;   /* at least 1 */
    const struct weir_model_codes_column *columns;
    bool faults_unknown; /* an unknown category is a fault; else it becomes NaN */
    bool keeps_columns;  /* its columns are the model's features */
};

/* Makes a node that gives `transform`, as wide as its input: 0, 1, … for known categories, NaN for
 * missing ones. Columns whose categories are all texts take no numbers, those whose categories are
 * all numbers take no texts. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT; WEIR_ERR_INVALID: a category
 * occurs twice. */
WEIR_MUST_USE enum weir_status weir_model_codes_new(struct weir_model_builder *b,
                                                    const struct weir_model_codes_opts *opts,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err);

#endif
