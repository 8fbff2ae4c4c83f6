/* SPDX-License-Identifier: MIT */
/* Encoders: categories of each column as numbers (OneHotEncoder, OrdinalEncoder, TargetEncoder,
 * LabelBinarizer). A category is a number, a text, None or NaN. */
#ifndef WEIR_MODEL_ENCODE_H
#define WEIR_MODEL_ENCODE_H

#include "model/builder.h"

#define WEIR_MODEL_ENCODE_NOTHING UINT32_MAX

/* One column: what each of its categories becomes. */
struct weir_model_encode_column {
    const double *categories; /* n_categories cells (tensor/cell.h), each once; copied */
    size_t n_categories;
    uint32_t width; /* columns given for it; may be 0 for one-hot */
    /* One-hot (values NULL): which of the width columns is 1, by category, and for unknown ones;
     * WEIR_MODEL_ENCODE_NOTHING: none. Copied. */
    const uint32_t *position;
    uint32_t unknown_position;
    /* Else n_categories × width numbers, and width for unknown ones. Copied. */
    const double *values;
    const double *unknown_values;
    bool faults_unknown; /* an unknown category is a fault */
};

struct weir_model_encode_opts {
    struct weir_str name; /* for faults: "OneHotEncoder" */
    uint32_t n_columns;   /* at least 1 */
    const struct weir_model_encode_column *columns;
    bool refuses_nan;   /* NaN is a fault of its own, whether known or not */
    bool follows_f32;   /* float32 for float32 rows */
    bool keeps_columns; /* its columns are the model's features */
};

/* Makes a node that gives `transform`. Columns whose categories are all numbers take numbers only
 * (infinities are refused); the others take numbers, texts and None. WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_LIMIT; WEIR_ERR_INVALID: a category occurs twice, or no column is given. */
WEIR_MUST_USE enum weir_status weir_model_encode_new(struct weir_model_builder *b,
                                                     const struct weir_model_encode_opts *opts,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err);

#endif
