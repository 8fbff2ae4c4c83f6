/* SPDX-License-Identifier: MIT */
/* Chains: each node's `transform` is the next node's input; the last one gives the answers. */
#ifndef WEIR_MODEL_CHAIN_H
#define WEIR_MODEL_CHAIN_H

#include "model/builder.h"

/* Makes a node of n > 0 nodes, each but the last with a `transform` as wide as the next one's
 * input. nodes is copied. One node alone is returned as it is. WEIR_ERR_NO_MEMORY;
 * WEIR_ERR_INVALID: widths differ, or a node before the last transforms nothing; WEIR_ERR_LIMIT:
 * nested too deep. */
WEIR_MUST_USE enum weir_status weir_model_chain_new(struct weir_model_builder *b,
                                                    const struct weir_model_node *const *nodes,
                                                    size_t n, const struct weir_model_node **out,
                                                    struct weir_error *err);

#endif
