/* SPDX-License-Identifier: MIT */
/* Whether a model may take another's place without its clients noticing more than other numbers. */
#ifndef WEIR_GATE_SIGNATURE_H
#define WEIR_GATE_SIGNATURE_H

#include "gate/gate_file.h"
#include "tensor/spec.h"
#include <weir/error.h>

/* Compares what two models take and give. WEIR_ERR_INVALID: a request that the live one answers
 * could be refused by the candidate or answered in another form: fewer, more, other or otherwise
 * ordered features, other kinds of columns, other classes or targets, an output that is missing;
 * COMPATIBLE: one of those that estimators of all kinds have (predict, predict_proba), or any if
 * the live version has none of these. The message says which. A candidate that gives more outputs
 * is fine, as is one with names for features that had none. likeness is not ANY. */
WEIR_MUST_USE enum weir_status weir_gate_signature_check(const struct weir_spec *candidate,
                                                         const struct weir_spec *live,
                                                         enum weir_gate_likeness likeness,
                                                         struct weir_error *err);

#endif
