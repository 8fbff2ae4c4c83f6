/* SPDX-License-Identifier: MIT */
/* What the decoders of v2 requests share: the request and the heads of its inputs. */
#ifndef WEIR_PROTOCOL_V2_PRIV_H
#define WEIR_PROTOCOL_V2_PRIV_H

#include "protocol/dialect.h"
#include "protocol/protocol_priv.h"
#include "protocol/raw.h"

enum { WEIR_PROTOCOL_V2_TIME_BYTES = 32, WEIR_PROTOCOL_V2_PLACE_BYTES = 48 };

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
    WEIR_PROTOCOL_V2_INDEX,
    WEIR_PROTOCOL_V2_CONFIG,
    WEIR_PROTOCOL_V2_STATISTICS,
    WEIR_PROTOCOL_V2_ALL_STATISTICS,
    WEIR_PROTOCOL_V2_LOGGING,
    WEIR_PROTOCOL_V2_TRACE,
    WEIR_PROTOCOL_V2_MEMORY_STATUS, /* of shared memory: of none */
    WEIR_PROTOCOL_V2_MEMORY_CHANGE,
    WEIR_PROTOCOL_V2_MEMORY_CLEAR,
    WEIR_PROTOCOL_V2_GENERATE,
};

/* The head of one input; its shape is checked for nothing but its own product. */
struct weir_protocol_v2_input {
    struct weir_str name; /* as written */
    enum weir_dtype dtype;
    uint64_t dims[WEIR_TENSOR_DIMS_MAX];
    size_t n_dims;
    uint64_t n_elements;
    const char *data;    /* a list; NULL: the elements are binary */
    struct weir_str raw; /* binary elements */
    bool is_bare;        /* one text without its length: the whole of a raw request */
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
    struct weir_str tail;  /* the binary elements of all inputs, one input after the other */
    struct weir_str *rest; /* what is left of it behind the inputs that were read */
    bool is_binary;        /* a head said where the JSON ends */
    bool wants_binary;     /* parameter binary_data_output */
};

static inline bool weir_protocol_v2_is_kind(const char *value, enum weir_codec_json_kind kind)
{
    return weir_codec_json_kind(value) == kind;
}

/* Fails at a member of the i-th element of a list: `inputs[3].shape: …`. */
enum weir_status weir_protocol_v2_request_fail_at(const struct weir_protocol_v2_request *r,
                                                  const char *list, size_t i, const char *member,
                                                  const char *what);

/* The same for a value of the wrong kind. */
enum weir_status weir_protocol_v2_request_fail_kind_at(const struct weir_protocol_v2_request *r,
                                                       const char *list, size_t i,
                                                       const char *member, const char *expected,
                                                       const char *value);

/* Fails at a member of the request: `inputs: expected a list, got 3`. */
enum weir_status weir_protocol_v2_request_fail_kind(const struct weir_protocol_v2_request *r,
                                                    const char *member, const char *expected,
                                                    const char *value);

/* Reads the members of the request but for the insides of inputs and outputs. */
WEIR_MUST_USE enum weir_status weir_protocol_v2_request_members(struct weir_protocol_v2_request *r);

/* What the parameters of an input or an output say. */
struct weir_protocol_v2_parameters {
    bool has_size;   /* binary_data_size */
    bool has_binary; /* binary_data */
    bool is_binary;
    bool has_k; /* classification */
    uint64_t size;
    uint64_t k;
};

/* Reads the parameters of the request; of the i-th tensor in a list ("inputs"). */
WEIR_MUST_USE enum weir_status weir_protocol_v2_parameters_read(struct weir_protocol_v2_request *r,
                                                                const char *value);
WEIR_MUST_USE enum weir_status
weir_protocol_v2_parameters_of_tensor(const struct weir_protocol_v2_request *r, const char *list,
                                      size_t i, const char *value,
                                      struct weir_protocol_v2_parameters *out);

/* Reads which outputs are asked for into the call. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_outputs_read(const struct weir_protocol_v2_request *r);

/* Begins with the first input again. */
static inline void weir_protocol_v2_request_rewind(const struct weir_protocol_v2_request *r)
{
    *r->rest = r->tail;
}

/* Reads the head of input i, and takes its binary elements; all inputs in order, from a rewind on.
 */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_request_input(const struct weir_protocol_v2_request *r, size_t i,
                               const char *value, struct weir_protocol_v2_input *in);

/* Fails unless the text has as many values at least as the shape says, or the binary elements are
 * exactly as many; *text_bytes is increased by the room that binary texts need. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_request_check_count(const struct weir_protocol_v2_request *r, size_t i,
                                     const struct weir_protocol_v2_input *in, size_t *text_bytes);

/* Fails if the inputs, all read now, leave some of the binary elements. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_request_check_rest(const struct weir_protocol_v2_request *r);

/* Describes the binary elements of input i; place has room for what messages say of it. */
struct weir_protocol_raw weir_protocol_v2_request_raw(const struct weir_protocol_v2_input *in,
                                                      size_t i,
                                                      char place[WEIR_PROTOCOL_V2_PLACE_BYTES]);

/* Makes the one input of a raw request: the body is its elements, one row, without any head. */
WEIR_MUST_USE enum weir_status weir_protocol_v2_bare_input(const struct weir_spec *spec,
                                                           struct weir_str body,
                                                           struct weir_protocol_v2_input *in,
                                                           struct weir_error *err);

/* Reads the inputs as the rows of a matrix or a frame, or as tensors, and commits them. bare: the
 * one input of a raw request; NULL: those of the request. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_rows_decode(const struct weir_protocol_v2_request *r,
                             const struct weir_protocol_v2_input *bare, struct weir_sink *sink);
WEIR_MUST_USE enum weir_status
weir_protocol_v2_tensors_decode(const struct weir_protocol_v2_request *r,
                                const struct weir_protocol_v2_input *bare, struct weir_sink *sink);

/* Writes the documents: the dialect's `page`. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_documents_page(const struct weir_protocol_question *question,
                                const struct weir_protocol_catalog *catalog,
                                struct weir_protocol_page *page, struct weir_error *err);

/* Write the configuration of a model, the statistics of versions that serve, the index of the
 * repository. Statuses as `page`. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_config_page(const struct weir_protocol_question *question,
                             const struct weir_protocol_catalog *catalog, struct weir_buf *buf,
                             struct weir_error *err);
WEIR_MUST_USE enum weir_status
weir_protocol_v2_statistics_page(const struct weir_protocol_question *question,
                                 const struct weir_protocol_catalog *catalog, struct weir_buf *buf,
                                 struct weir_error *err);
WEIR_MUST_USE enum weir_status
weir_protocol_v2_repository_index(const struct weir_protocol_question *question,
                                  const struct weir_protocol_catalog *catalog, struct weir_buf *buf,
                                  struct weir_error *err);

/* Scans the body of a call that may have none: json->root is NULL then, else an object. json is
 * initialised whatever comes of it, and the caller's to deinit. */
WEIR_MUST_USE enum weir_status weir_protocol_v2_repository_body(struct weir_codec_json *json,
                                                                struct weir_str body,
                                                                struct weir_error *err);

/* Reads an order: the dialect's `order`. */
WEIR_MUST_USE enum weir_status
weir_protocol_v2_repository_order(const struct weir_protocol_question *question,
                                  struct weir_protocol_order *out, struct weir_error *err);

/* The same for the settings of the log. */
WEIR_MUST_USE enum weir_status weir_protocol_v2_settings_order(const struct weir_codec_json *json,
                                                               struct weir_protocol_order *out,
                                                               struct weir_error *err);

/* Writes the settings of the log, and of tracing, which is always off; refuses with 501 to change
 * that, or what else is not served. */
void weir_protocol_v2_settings_logging(struct weir_buf *buf);
WEIR_MUST_USE enum weir_status
weir_protocol_v2_settings_trace(const struct weir_protocol_question *question,
                                const struct weir_protocol_catalog *catalog,
                                struct weir_protocol_page *page, struct weir_error *err);
void weir_protocol_v2_settings_refuse(enum weir_protocol_v2_action action,
                                      struct weir_protocol_page *page);

/* Writes the answer of an inference: the dialect's `encode`. */
void weir_protocol_v2_encode(const struct weir_protocol_call *call,
                             const struct weir_protocol_source *source,
                             const struct weir_result *result, struct weir_protocol_answer *answer);

/* ops->describe and ->schemas. */
void weir_protocol_v2_describe(const struct weir_protocol_route *route,
                               struct weir_protocol_description *d);
extern const char weir_protocol_v2_describe_schemas[];

#endif
