/* SPDX-License-Identifier: MIT */
/* What the selectors share: how important an estimator finds each of its columns. */
#ifndef WEIR_FORMAT_SKLEARN_SELECT_H
#define WEIR_FORMAT_SKLEARN_SELECT_H

#include "format/sklearn/transform.h"

/* Computes the importances of a fitted estimator's columns: the absolute values of coef_, of
 * several rows their norm of the given order (1, 2 or infinity); or the shares of its trees in what
 * they make purer (Breiman 2001, as scikit-learn's feature_importances_). *out: *n values in
 * s->temp. WEIR_ERR_UNSUPPORTED: an estimator with neither. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_select_importances(struct weir_format_sklearn *s,
                                       const struct weir_value_at *estimator, double order,
                                       double **out, size_t *n, struct weir_error *err);

#endif
