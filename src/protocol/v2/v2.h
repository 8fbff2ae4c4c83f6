/* SPDX-License-Identifier: MIT */
/* The Open Inference Protocol v2 over REST. */
#ifndef WEIR_PROTOCOL_V2_V2_H
#define WEIR_PROTOCOL_V2_V2_H

#include "protocol/dialect.h"

/* As Triton's clients behind SageMaker and Vertex AI say it, where header fields of their own do
 * not pass: "application/vnd.sagemaker-triton.binary+json;json-header-size=N" (and vnd.vertex-ai-).
 * Finds N. false: the content type is none of them; *json_bytes is unchanged. N that is no number
 * is UINT64_MAX − 1, which no body has. */
bool weir_protocol_v2_media_length(struct weir_str content_type, uint64_t *json_bytes);

extern const struct weir_protocol_ops weir_protocol_v2;

/* Reads an Open Inference Protocol v2 inference request into the sink and commits it: one matrix
 * under any name, or one input for each feature under its name; for graphs their inputs. Datatype
 * FP32 gives float32 rows, all others float64. json_bytes: how much of the body is JSON, behind
 * which lie the binary tensors; UINT64_MAX: all of it, and no binary tensors may follow; 0: the
 * body is the elements of the model's one input. Failures as protocol.h says; shared memory is
 * WEIR_ERR_UNSUPPORTED. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_decode_parts(struct weir_protocol_decoder *decoder, const struct weir_spec *spec,
                              struct weir_str body, uint64_t json_bytes, struct weir_sink *sink,
                              struct weir_protocol_call *call, struct weir_error *err);

/* The same for a body that is all JSON. */
WEIR_MUST_USE enum weir_status weir_protocol_v2_decode(struct weir_protocol_decoder *decoder,
                                                       const struct weir_spec *spec,
                                                       struct weir_str body, struct weir_sink *sink,
                                                       struct weir_protocol_call *call,
                                                       struct weir_error *err);

#endif
