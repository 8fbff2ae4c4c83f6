/* SPDX-License-Identifier: MIT */
/* An evaluation as a JSON document, "schema": "eval/1".
 *
 *     {"schema":"eval/1","model":{…},"data":{…},"task":"binary","classes":[…],"positive":"1",
 *      "score_space":"predict_proba","metrics":{"roc_auc":{"value":…,"se":…,"ci":[…],…},…},
 *      "threshold":{…},"confusion":{…},"per_class":[…],"curves":{"roc":{…},"pr":{…},"det":{…},"gain":{…},"ks":{…},
 *      "calibration":{…}},"slices":[{"name":"country=CN","column":"country","part":"CN","rows":…,
 *      "metrics":{…}},…]}
 *
 * Of a holdout with folds, "metrics" are the means over the folds ({"value","sd","folds"}), "folds"
 * lists each fold's own, and "pooled" are those of all rows together.
 *
 * What is undefined is null with a "why" beside it; the first threshold of the ROC curve, which is
 * infinite, is null. Members that do not apply are left out. */
#ifndef WEIR_GATE_DOCUMENT_H
#define WEIR_GATE_DOCUMENT_H

#include "gate/evaluation.h"

/* Where the numbers come from; empty texts are left out. */
struct weir_gate_source {
    struct weir_str model;  /* the model's file */
    struct weir_str digest; /* of it, 64 hex digits */
    struct weir_str data;   /* the holdout's file */
    struct weir_str policy; /* the threshold policy, as written */
    size_t n_points_max;    /* of a curve, corners further apart are kept; 0: no bound */
};

/* Appends the document; curves are reduced to the points that a drawing needs unless is_full. Look
 * at weir_buf_ok afterwards. */
void weir_gate_document_append(struct weir_buf *buf, const struct weir_gate_evaluation *evaluation,
                               const struct weir_gate_source *source, bool is_full);

#endif
