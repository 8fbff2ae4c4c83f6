/* SPDX-License-Identifier: MIT */
/* TensorFlow Serving's PredictionService and ModelService: Predict, GetModelMetadata,
 * GetModelStatus. Inputs are named as the model's metadata names them; a signature is
 * "serving_default", or the name of an output. */
#ifndef WEIR_PROTOCOL_GRPC_TFS_H
#define WEIR_PROTOCOL_GRPC_TFS_H

#include "protocol/grpc/pages.h"

/* The numbers of tensorflow.DataType, by our types. */
extern const uint8_t weir_protocol_grpc_tfs_types[];

/* Finds the model and version that field 1 of a request, its ModelSpec, names. A version's number
 * is written into room. WEIR_ERR_INVALID: malformed. */
enum { WEIR_PROTOCOL_GRPC_TFS_ROOM_BYTES = 24 };
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_tfs_target(struct weir_str body, struct weir_protocol_target *target,
                              char room[WEIR_PROTOCOL_GRPC_TFS_ROOM_BYTES], struct weir_error *err);

/* Reads a PredictRequest into the sink, as weir_protocol_grpc_infer_decode does a
 * ModelInferRequest. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_tfs_decode(struct weir_protocol_decoder *decoder, const struct weir_spec *spec,
                              struct weir_str body, struct weir_sink *sink,
                              struct weir_protocol_call *call, struct weir_error *err);

/* Appends a PredictResponse; values are in the typed fields, where clients look for them. */
void weir_protocol_grpc_tfs_encode(const struct weir_protocol_call *call,
                                   const struct weir_protocol_source *source,
                                   const struct weir_result *result, struct weir_buf *buf);

/* Appends a ModelSpec as field `field`. */
void weir_protocol_grpc_tfs_put_spec(struct weir_buf *buf, uint32_t field, struct weir_str name,
                                     uint64_t version);

/* GetModelMetadata and GetModelStatus. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_tfs_metadata_page(const struct weir_protocol_grpc_page *page);
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_tfs_status_page(const struct weir_protocol_grpc_page *page);

#endif
