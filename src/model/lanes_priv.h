/* SPDX-License-Identifier: MIT */
/* The versions of lanes.h. NULL: not compiled in, for another architecture. */
#ifndef WEIR_MODEL_LANES_PRIV_H
#define WEIR_MODEL_LANES_PRIV_H

#include "model/lanes.h"

const struct weir_model_lanes *weir_model_lanes_avx512(void);
const struct weir_model_lanes *weir_model_lanes_avx2(void);
const struct weir_model_lanes *weir_model_lanes_portable(void);

#endif
