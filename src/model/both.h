/* SPDX-License-Identifier: MIT */
/* Two nodes over the same input, each with outputs of its own: a classifier that also transforms.
 */
#ifndef WEIR_MODEL_BOTH_H
#define WEIR_MODEL_BOTH_H

#include "model/builder.h"

/* Makes a node that gives the outputs of first, and those of second that first does not give; input
 * rules, targets and the kind of predict are first's. Both take as many columns.
 * WEIR_ERR_NO_MEMORY; WEIR_ERR_LIMIT: nested too deep. */
WEIR_MUST_USE enum weir_status weir_model_both_new(struct weir_model_builder *b,
                                                   const struct weir_model_node *first,
                                                   const struct weir_model_node *second,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err);

#endif
