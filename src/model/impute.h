/* SPDX-License-Identifier: MIT */
/* Filling in what is missing: with one value for each column, or with the mean of the nearest rows
 * of the training set; and columns that say what was missing. */
#ifndef WEIR_MODEL_IMPUTE_H
#define WEIR_MODEL_IMPUTE_H

#include "model/builder.h"

/* Returns whether a cell is missing: NaN for a NaN marker, else what equals the marker (a number, a
 * text, None). */
bool weir_model_impute_is_missing(double cell, double marker);

struct weir_model_impute_opts {
    struct weir_str name; /* for faults: "SimpleImputer" */
    uint32_t n_columns;   /* at least 1 */
    double missing;       /* the marker: a cell (tensor/cell.h) */
    const double *fill;   /* n_columns cells that take the place of missing ones; copied, texts in
                             them must be in the builder's arena. NULL: nothing is filled in and only
                             the indicators are given */
    const bool *is_kept;  /* n_columns: the column is given; NULL: all are */
    const uint8_t *kinds; /* n_columns of enum weir_column_kind; NULL: all numbers; copied */
    const uint32_t *indicated; /* n_indicated columns for which 1 (missing) or 0 is given, behind
                                  the others; copied */
    uint32_t n_indicated;
    bool faults_new;    /* a missing cell in a column that is not indicated is a fault */
    bool is_f32;        /* with float32 rows the values are float32, also those filled in */
    bool keeps_columns; /* its columns are the model's features */
};

/* Makes a node that gives `transform`. It refuses infinities, and NaN where that is not the marker,
 * in columns of numbers. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT; WEIR_ERR_INVALID: no column is given.
 */
WEIR_MUST_USE enum weir_status weir_model_impute_new(struct weir_model_builder *b,
                                                     const struct weir_model_impute_opts *opts,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err);

struct weir_model_impute_knn_opts {
    struct weir_str name;
    uint32_t n_columns;   /* at least 1 */
    double missing;       /* the marker, a number or NaN */
    const double *rows;   /* n_rows × n_columns of the training set, NaN: missing; copied */
    size_t n_rows;        /* at least 1 */
    uint32_t n_neighbors; /* at least 1 */
    bool is_weighted;     /* by 1 ÷ distance */
    bool takes_strangers; /* before 1.6: rows that share no column count among the nearest where
                             there are not enough others */
    bool keeps_empty;     /* columns that are missing in every row of the training set are given,
                             as 0; else left out */
    const uint32_t *indicated; /* as above */
    uint32_t n_indicated;
    bool keeps_columns;
};

/* Makes a node that gives `transform`: missing cells become the mean of the n_neighbors nearest
 * rows that have the column, by the Euclidean distance over the columns both have, scaled up by all
 * columns ÷ those; or the column's mean when no row shares a column. Rows at equal distance: those
 * that come first. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT; WEIR_ERR_INVALID: no column is given. */
WEIR_MUST_USE enum weir_status
weir_model_impute_knn_new(struct weir_model_builder *b,
                          const struct weir_model_impute_knn_opts *opts,
                          const struct weir_model_node **out, struct weir_error *err);

#endif
