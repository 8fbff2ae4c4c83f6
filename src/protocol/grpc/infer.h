/* SPDX-License-Identifier: MIT */
/* ModelInferRequest and ModelInferResponse of inference.GRPCInferenceService (Open Inference
 * Protocol; Triton's grpc_service.proto), on their bytes. */
#ifndef WEIR_PROTOCOL_GRPC_INFER_H
#define WEIR_PROTOCOL_GRPC_INFER_H

#include "protocol/protocol.h"

/* Finds the model and version that a request names; views into body. WEIR_ERR_INVALID: it is no
 * such message. */
WEIR_MUST_USE enum weir_status weir_protocol_grpc_infer_target(struct weir_str body,
                                                               struct weir_str *model,
                                                               struct weir_str *version,
                                                               struct weir_error *err);

/* Reads a request into the sink and commits it: raw or typed contents, all datatypes, as rows (one
 * matrix under any name, or an input for each feature) or as tensors. FP32 gives float32 rows, all
 * others float64. Statuses as protocol.h says. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_infer_decode(struct weir_protocol_decoder *decoder, const struct weir_spec *spec,
                                struct weir_str body, struct weir_sink *sink,
                                struct weir_protocol_call *call, struct weir_error *err);

/* Appends the answer, always with raw_output_contents, which all clients read. */
void weir_protocol_grpc_infer_encode(const struct weir_protocol_call *call,
                                     const struct weir_protocol_source *source,
                                     const struct weir_result *result, struct weir_buf *buf);

#endif
