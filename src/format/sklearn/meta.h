/* SPDX-License-Identifier: MIT */
/* What the builders of estimators made of estimators share. */
#ifndef WEIR_FORMAT_SKLEARN_META_H
#define WEIR_FORMAT_SKLEARN_META_H

#include "format/sklearn/build.h"
#include "model/combine.h"

/* The fitted parts of an estimator, in the build's temporary arena. */
struct weir_format_sklearn_meta_parts {
    struct weir_model_combine_member *at; /* n; columns and classes NULL until filled */
    size_t n;
};

/* Makes the nodes of a list of estimators (at least one). The text for people names the first and
 * how many there are. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_meta_parts(struct weir_format_sklearn *s, const struct weir_value_at *list,
                               struct weir_format_sklearn_meta_parts *out, struct weir_error *err);

/* Makes the node of one estimator, named in brackets in the text for people. keeps_columns: it
 * sees the columns of the whole. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_meta_part(struct weir_format_sklearn *s,
                                                             const struct weir_value_at *at,
                                                             bool keeps_columns,
                                                             const struct weir_model_node **out,
                                                             struct weir_error *err);

/* Finds which class of the whole each class of a part is: by its label, or, with by_index, the
 * part's labels being numbers 0 … n_classes − 1 themselves. *out is NULL when they are the same
 * classes in the same order; else in the model's arena. WEIR_ERR_CORRUPT: a label that is none;
 * WEIR_ERR_INVALID: no classifier of one target. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_meta_class_map(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   const struct weir_model_node *part,
                                   const struct weir_labels *classes, bool by_index,
                                   const uint32_t **out, struct weir_error *err);

/* Gives the labels of a target as numbers, in the model's arena: what predict of a classifier is
 * worth as a feature. WEIR_ERR_UNSUPPORTED: they are texts. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_meta_numbers(struct weir_format_sklearn *s,
                                                                const struct weir_value_at *at,
                                                                const struct weir_labels *labels,
                                                                const double **out,
                                                                struct weir_error *err);

/* Puts the place before an error of a constructor. */
enum weir_status weir_format_sklearn_meta_fail(const struct weir_value_at *at,
                                               enum weir_status status,
                                               const struct weir_error *reason,
                                               struct weir_error *err);

/* Begins the opts of a combined node: name, members, whether columns are the model's. The number
 * of columns is the first member's, or n_features_in_ when that member reads only some. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_meta_opts(struct weir_format_sklearn *s, const struct weir_value_at *at,
                              const struct weir_format_sklearn_meta_parts *parts,
                              struct weir_model_combine_opts *out, struct weir_error *err);

#endif
