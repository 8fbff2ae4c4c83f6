/* SPDX-License-Identifier: MIT */
/* TreeEnsembleClassifier and TreeEnsembleRegressor (ai.onnx.ml 1 and 3) as our forest. */
#ifndef WEIR_FORMAT_ONNX_TREES_H
#define WEIR_FORMAT_ONNX_TREES_H

#include "format/onnx/graph.h"
#include "model/builder.h"

/* The scores of an ensemble. */
struct weir_format_onnx_trees {
    const struct weir_model_node *scores; /* its predict: n_scores numbers; NULL: not recognised */
    uint32_t n_scores;
    bool has_all_scores; /* every row gets every score from some tree */
    bool has_bases;      /* numbers are added to the scores */
    bool is_positive;    /* no leaf is below 0 */
    bool is_one_class;   /* all leaves are of one class; n_scores is 1 then */
    int64_t the_class;   /* that class */
};

/* Makes the forest of a node that takes float rows of n_features columns. kind: "class" or
 * "target"; n_classes: how many there are. What ONNX Runtime would compute in another way than the
 * forest (weights in double, an aggregation other than a sum or an average, trees that are not
 * listed one after the other) is not recognised. WEIR_ERR_CORRUPT: the attributes contradict each
 * other; WEIR_ERR_LIMIT, WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_format_onnx_trees_read(struct weir_model_builder *b, struct weir_arena *temp,
                            const struct weir_format_onnx_node *node, uint32_t n_features,
                            const char *kind, uint32_t n_classes,
                            struct weir_format_onnx_trees *out, struct weir_error *err);

#endif
