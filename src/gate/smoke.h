/* SPDX-License-Identifier: MIT */
/* A few rows that a model must answer, and what it must answer to them: JSON.
 *
 *     {"rows": [{"age": 41, "country": "CN"}, [52, "DE"]],
 *      "expected": {"predict": [1, 0], "predict_proba": [[0.2, 0.8], null]},
 *      "tolerance": 1e-6}
 *
 * A row is an object with all features by name, or an array in their order; null is a missing
 * value. Outputs are those of <weir/spec.h>; each has one value for each row, null for "whatever".
 * Labels must be equal, numbers within tolerance × max(1, |expected|); without a tolerance 1e-6.
 * Whether anything is expected or not, every row must be answered, with finite numbers. */
#ifndef WEIR_GATE_SMOKE_H
#define WEIR_GATE_SMOKE_H

#include "model/model.h"

enum { WEIR_GATE_SMOKE_ROWS_MAX = 10000 };

/* Checks a text as far as it can be without a model. WEIR_ERR_INVALID: not JSON, not of the form
 * above; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_smoke_scan(struct weir_str text, struct weir_error *err);

/* Has a model answer. WEIR_ERR_INVALID: it refuses a row, has no such feature or output, or answers
 * something else; the message names the first row (from 1), output and both values.
 * WEIR_ERR_UNSUPPORTED: it takes tensors; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_smoke_check(const struct weir_model *model,
                                                     struct weir_str text, struct weir_error *err);

#endif
