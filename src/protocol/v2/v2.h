/* SPDX-License-Identifier: MIT */
/* The Open Inference Protocol v2 over REST. */
#ifndef WEIR_PROTOCOL_V2_V2_H
#define WEIR_PROTOCOL_V2_V2_H

#include "protocol/dialect.h"

extern const struct weir_protocol_ops weir_protocol_v2;

/* Reads an Open Inference Protocol v2 inference request in JSON into the sink and commits it: one
 * matrix under any name, or one input for each feature under its name. Datatype FP32 gives float32
 * rows, all others float64. Failures as above; binary tensors, shared memory and classification are
 * WEIR_ERR_UNSUPPORTED. */
WEIR_MUST_USE enum weir_status weir_protocol_v2_decode(struct weir_protocol_decoder *decoder,
                                                       const struct weir_spec *spec,
                                                       struct weir_str body, struct weir_sink *sink,
                                                       struct weir_protocol_call *call,
                                                       struct weir_error *err);

#endif
