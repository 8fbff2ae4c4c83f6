/* SPDX-License-Identifier: MIT */
/* Category numbers as scikit-learn before 1.2 read them: a double cast to an unsigned byte. */
#ifndef WEIR_MODEL_BYTE_H
#define WEIR_MODEL_BYTE_H

#include "model/builder.h"

/* Makes a node whose `transform` gives its columns, but negative numbers of those flagged in
 * is_category (n_columns, copied) as what x86-64's conversion makes of them: truncated toward
 * zero, modulo 256; 0 for what is no int32. NaN stays. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_byte_new(struct weir_model_builder *b, uint32_t n_columns,
                                                   const bool *is_category, bool keeps_columns,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err);

#endif
