/* SPDX-License-Identifier: MIT */
/* A transformer that also predicts: an estimator behind it reads what it gives (RFE). */
#ifndef WEIR_MODEL_TEE_H
#define WEIR_MODEL_TEE_H

#include "model/builder.h"

/* Makes a node with the `transform` of one node and all other outputs of another; both read the
 * same columns. WEIR_ERR_NO_MEMORY; WEIR_ERR_INVALID: they do not; WEIR_ERR_LIMIT: nested too deep.
 */
WEIR_MUST_USE enum weir_status weir_model_tee_new(struct weir_model_builder *b,
                                                  const struct weir_model_node *transformer,
                                                  const struct weir_model_node *predictor,
                                                  const struct weir_model_node **out,
                                                  struct weir_error *err);

#endif
