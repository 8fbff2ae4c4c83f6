/* SPDX-License-Identifier: MIT */
/* What the decoders of v2 requests share: the request and the heads of its inputs. */
#ifndef WEIR_PROTOCOL_V2_PRIV_H
#define WEIR_PROTOCOL_V2_PRIV_H

#include "protocol/dialect.h"
#include "protocol/protocol_priv.h"

enum { WEIR_PROTOCOL_V2_TIME_BYTES = 32 };

/* What the routes are for. */
enum weir_protocol_v2_action {
    WEIR_PROTOCOL_V2_INFER,
    WEIR_PROTOCOL_V2_SERVER,
    WEIR_PROTOCOL_V2_LIVE,
    WEIR_PROTOCOL_V2_READY,
    WEIR_PROTOCOL_V2_MODELS,
    WEIR_PROTOCOL_V2_MODEL,
    WEIR_PROTOCOL_V2_MODEL_READY,
    WEIR_PROTOCOL_V2_LOAD,
    WEIR_PROTOCOL_V2_UNLOAD,
};

/* The head of one input; its shape is checked for nothing but its own product. */
struct weir_protocol_v2_input {
    struct weir_str name; /* as written */
    enum weir_dtype dtype;
    uint64_t dims[WEIR_TENSOR_DIMS_MAX];
    size_t n_dims;
    uint64_t n_elements;
    const char *data; /* a list */
};

/* A request as it is read. */
struct weir_protocol_v2_request {
    struct weir_protocol_decoder *decoder;
    const struct weir_codec_json *json;
    const struct weir_spec *spec;
    struct weir_protocol_call *call;
    struct weir_error *err;
    const char *inputs; /* values; NULL: not there */
    const char *outputs;
};

static inline bool weir_protocol_v2_is_kind(const char *value, enum weir_codec_json_kind kind)
{
    return weir_codec_json_kind(value) == kind;
}

/* Fails at a member of the i-th element of a list: `inputs[3].shape: …`. */
enum weir_status weir_protocol_v2_request_fail_at(const struct weir_protocol_v2_request *r,
                                                  const char *list, size_t i, const char *member,
                                                  const char *what);

/* Fails at a member of the request: `inputs: expected a list, got 3`. */
enum weir_status weir_protocol_v2_request_fail_kind(const struct weir_protocol_v2_request *r,
                                                    const char *member, const char *expected,
                                                    const char *value);

/* Reads the members of the request but for the insides of inputs and outputs. */
WEIR_MUST_USE enum weir_status weir_protocol_v2_request_members(struct weir_protocol_v2_request *r);

/* Reads which outputs are asked for into the call. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_request_outputs(const struct weir_protocol_v2_request *r);

/* Reads the head of input i. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_request_input(const struct weir_protocol_v2_request *r, size_t i,
                               const char *value, struct weir_protocol_v2_input *in);

/* Fails unless the text has as many values at least as the shape says. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_request_check_count(const struct weir_protocol_v2_request *r, size_t i,
                                     const struct weir_protocol_v2_input *in);

/* Reads the inputs as the rows of a matrix or a frame, or as tensors, and commits them. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_rows_decode(const struct weir_protocol_v2_request *r, struct weir_sink *sink);
WEIR_MUST_USE enum weir_status
weir_protocol_v2_tensors_decode(const struct weir_protocol_v2_request *r, struct weir_sink *sink);

/* Writes the documents: the dialect's `page`. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_documents_page(const struct weir_protocol_question *question,
                                const struct weir_protocol_catalog *catalog,
                                struct weir_protocol_page *page, struct weir_error *err);

/* Writes the answer of an inference: the dialect's `encode`. */
void weir_protocol_v2_encode(const struct weir_protocol_call *call,
                             const struct weir_protocol_source *source,
                             const struct weir_result *result, struct weir_protocol_answer *answer);

/* ops->describe and ->schemas. */
void weir_protocol_v2_describe(const struct weir_protocol_route *route,
                               struct weir_protocol_description *d);
extern const char weir_protocol_v2_schemas[];

#endif
