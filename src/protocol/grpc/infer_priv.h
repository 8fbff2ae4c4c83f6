/* SPDX-License-Identifier: MIT */
/* What the readers of ModelInferRequest share: the request and the heads of its inputs. */
#ifndef WEIR_PROTOCOL_GRPC_INFER_PRIV_H
#define WEIR_PROTOCOL_GRPC_INFER_PRIV_H

#include "codec/protobuf.h"
#include "protocol/raw.h"

/* A request as it is read. */
struct weir_protocol_grpc_request {
    struct weir_protocol_decoder *decoder;
    const struct weir_spec *spec;
    struct weir_sink *sink;
    struct weir_protocol_call *call;
    struct weir_error *err;
    struct weir_str body;
    size_t n_inputs;
    size_t n_raw;         /* elements of raw_input_contents: 0, or one for each input */
    bool is_tensor_proto; /* TensorFlow Serving: inputs are entries of a map of TensorProto */
};

/* An InferInputTensor and where its elements are. */
struct weir_protocol_grpc_input {
    size_t i; /* its place among the inputs */
    struct weir_str name;
    enum weir_dtype dtype;
    uint64_t dims[WEIR_TENSOR_DIMS_MAX];
    size_t n_dims;
    uint64_t n_elements;     /* the product of the dimensions */
    struct weir_str message; /* itself, with its contents */
    struct weir_str raw;     /* its element of raw_input_contents, or its tensor_content */
    bool has_raw;
    char place[32]; /* "inputs[3]", for messages */
};

/* The inputs one after the other, each with its raw contents. */
struct weir_protocol_grpc_inputs {
    const struct weir_protocol_grpc_request *request;
    struct weir_codec_protobuf heads;
    struct weir_codec_protobuf raws;
    size_t n; /* taken */
};

/* Where elements go. */
struct weir_protocol_grpc_to {
    struct weir_protocol_fill *fill; /* rows; NULL: a tensor */
    size_t column;                   /* of rows; SIZE_MAX: all */
    struct weir_sink *sink;          /* tensor: where texts go, */
    enum weir_dtype dtype;           /* its type, */
    char *at;                        /* and its elements */
    struct weir_error *err;
};

/* Fails at an input: `inputs[3]: …`. Returns WEIR_ERR_INVALID. */
enum weir_status weir_protocol_grpc_infer_fail(const struct weir_protocol_grpc_request *r,
                                               const struct weir_protocol_grpc_input *in,
                                               const char *what);

/* Begins with the first input. */
struct weir_protocol_grpc_inputs
weir_protocol_grpc_infer_inputs_of(const struct weir_protocol_grpc_request *r);

/* Takes the head of the next input, which is there: name, datatype, shape. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_infer_inputs_next(struct weir_protocol_grpc_inputs *it,
                                     struct weir_protocol_grpc_input *in);

/* Checks that an input has exactly the elements of its shape, in one of the two ways, and adds the
 * room that its texts need. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_contents_check(const struct weir_protocol_grpc_request *r,
                                  const struct weir_protocol_grpc_input *in, size_t *text_bytes);

/* Writes the elements of an input that was checked; false: failed, err is set. */
WEIR_MUST_USE bool weir_protocol_grpc_contents_fill(const struct weir_protocol_grpc_request *r,
                                                    const struct weir_protocol_grpc_input *in,
                                                    const struct weir_protocol_grpc_to *to);

/* Reads the inputs as the rows of a matrix or a frame, or as tensors, and commits them. */
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_rows_decode(const struct weir_protocol_grpc_request *r);
WEIR_MUST_USE enum weir_status
weir_protocol_grpc_rows_decode_tensors(const struct weir_protocol_grpc_request *r);

#endif
