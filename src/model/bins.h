/* SPDX-License-Identifier: MIT */
/* Bins: which interval of its column a number is in (KBinsDiscretizer), as a number or as one
 * column for each interval. */
#ifndef WEIR_MODEL_BINS_H
#define WEIR_MODEL_BINS_H

#include "model/builder.h"

/* The edges between the bins of one column. */
struct weir_model_bins_column {
    const double *edges; /* n_edges numbers, not descending; copied */
    uint32_t n_edges;
    uint32_t n_bins; /* the highest bin is n_bins − 1; at least 1 */
};

struct weir_model_bins_opts {
    struct weir_str name; /* for faults */
    uint32_t n_columns;   /* at least 1 */
    const struct weir_model_bins_column *columns;
    bool is_onehot;  /* n_bins columns for each, one of them 1 */
    bool is_widened; /* before 1.1: numbers just below an edge, by 1e-8 + 1e-5 |x|, are taken up */
    bool casts_to_f32; /* rows are rounded to float32 first */
    bool keeps_columns;
};

/* Makes a node that gives `transform`. A number's bin is how many edges are not above it. Refuses
 * NaN and infinities at run time. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_bins_new(struct weir_model_builder *b,
                                                   const struct weir_model_bins_opts *opts,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err);

#endif
