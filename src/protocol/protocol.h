/* SPDX-License-Identifier: MIT */
/* Inference requests and answers: bytes ↔ rows. One folder for each dialect (dialect.h).
 *
 * A decoder reads a complete body, checks all of it, writes its rows straight into a sink
 * (tensor/sink.h) and fills a struct weir_protocol_call: all that is needed to write the answer, as
 * a plain value that can be copied to another thread. An encoder writes the answer from the call
 * and the result of a run.
 *
 * Statuses of decoders and what they mean for the client: WEIR_ERR_INVALID the request is wrong
 * (400), WEIR_ERR_LIMIT it is too large (413; nothing was done), WEIR_ERR_UNSUPPORTED it asks for
 * something that is not served (501), WEIR_ERR_NO_MEMORY (503); what the sink's reserve returns is
 * forwarded. Messages name the place: `inputs[0].data: row 3, column "age": expected a number, got
 * "x"`; rows and columns count from 0. At most 64 bytes of input are echoed, escaped. */
#ifndef WEIR_PROTOCOL_PROTOCOL_H
#define WEIR_PROTOCOL_PROTOCOL_H

#include "base/buf.h"
#include "codec/json.h"
#include "tensor/result.h"
#include "tensor/sink.h"
#include "tensor/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_PROTOCOL_ID_BYTES_MAX = 256, /* a request id as written in JSON, without quotes */
    WEIR_PROTOCOL_TOPS_MAX = 8,       /* outputs of one request that are answered as classes */
};

/* How TensorFlow Serving's "inputs" are answered: as there, as in KServe v1, or for both. */
enum weir_protocol_columns_answer {
    WEIR_PROTOCOL_COLUMNS_OUTPUTS,     /* {"outputs": …} */
    WEIR_PROTOCOL_COLUMNS_PREDICTIONS, /* {"predictions": […]} */
    WEIR_PROTOCOL_COLUMNS_BOTH,
};

/* What one request may ask for; past it WEIR_ERR_LIMIT before any work. */
struct weir_protocol_limits {
    uint64_t n_rows_max;
    uint64_t n_cells_max;      /* rows × features */
    uint64_t answer_bytes_max; /* an upper bound of the answer's size is compared */
    struct weir_codec_json_limits json;
    uint8_t columns_answer; /* enum weir_protocol_columns_answer */
};

#define WEIR_PROTOCOL_LIMITS_INIT                                                               \
    {                                                                                           \
        65536, 16u << 20, 64u << 20, WEIR_CODEC_JSON_LIMITS_INIT, WEIR_PROTOCOL_COLUMNS_OUTPUTS \
    }

/* A decoder's memory, kept from request to request. One for each thread that decodes. */
struct weir_protocol_decoder {
    struct weir_protocol_limits limits; /* may be changed between requests */
    struct weir_codec_json json;
    struct weir_protocol_columns *columns; /* feature names by hash, for named rows */
    struct weir_buf text;                  /* a text without its escapes */
    int32_t *map; /* map_cap: which of a table's columns is which of the model's */
    size_t map_cap;
    struct weir_buf lines; /* the values of a body's lines as one list */
    struct weir_mem *mem;
};

/* Makes a decoder. limits NULL: the defaults; mem NULL: the default allocator. Allocates nothing.
 */
void weir_protocol_decoder_init(struct weir_protocol_decoder *decoder,
                                const struct weir_protocol_limits *limits, struct weir_mem *mem);
void weir_protocol_decoder_deinit(struct weir_protocol_decoder *decoder);

enum weir_protocol_dialect {
    WEIR_PROTOCOL_FLASK, /* {"features": …} → {"prediction": …} */
    WEIR_PROTOCOL_V2,    /* Open Inference Protocol v2, REST */
    WEIR_PROTOCOL_GRPC,  /* services over gRPC: Open Inference Protocol v2, TensorFlow Serving */
    WEIR_PROTOCOL_TFSERVING, /* TensorFlow Serving's REST interface and KServe v1 */
    WEIR_PROTOCOL_MLFLOW,    /* /invocations: MLflow's scoring server, SageMaker's containers */
};

enum { WEIR_PROTOCOL_N = 5 }; /* enumerators of enum weir_protocol_dialect */

/* An output whose largest values are wanted with their classes (v2's "classification"). */
struct weir_protocol_top {
    uint8_t output; /* enum weir_output, or a tensor */
    uint32_t k;     /* how many, of each row; at least 1 */
};

/* All that the answer to a request needs. Plain data, no pointers. */
struct weir_protocol_call {
    enum weir_protocol_dialect dialect;
    enum weir_dtype request_dtype;  /* F32 where the client sent float32, else F64 */
    uint32_t n_rows;                /* 0: nothing was committed, the answer needs no run */
    uint32_t wanted;                /* set of 1u << enum weir_output, as committed to the sink */
    uint32_t by_alias;              /* those of them that were asked for by their alias */
    uint64_t tensors;               /* set of 1 << output: the tensors wanted; 0: rows */
    uint32_t binary;                /* v2: those of `wanted` that are answered in binary form, */
    uint64_t binary_tensors;        /* and those of `tensors` */
    uint8_t n_tops;                 /* of tops */
    uint8_t n_tensors;              /* of tensor_order */
    uint32_t n_ignored;             /* extra names in named rows, for a counter; saturates */
    uint8_t form;                   /* the dialect's own: how the answer is written */
    uint8_t n_outputs;              /* outputs in the answer, at least 1 */
    uint8_t outputs[WEIR_OUTPUT_N]; /* enum weir_output each, in the answer's order */
    uint8_t action;                 /* gRPC: of the route */
    bool is_transform;              /* the route was that of transform: so is the answer's key */
    bool is_scores;                 /* the same for score_samples */
    bool is_x;                      /* the body's key was "x": the answer's is "y" */
    bool is_instances;              /* it was "instances": the answer's is "predictions" */
    bool is_single_row;             /* one row, not in a list of rows */
    bool is_frame;                  /* MLflow: the rows came as a data frame */
    uint8_t media;                  /* the dialect's own: how the answer is written */
    uint64_t timeout_ns; /* how long it may wait for its run, as the client asks; 0: any */
    uint64_t priority;   /* as the client asks, 1: the highest; 0: none given */
    uint16_t id_bytes;   /* 0: none */
    char id[WEIR_PROTOCOL_ID_BYTES_MAX];    /* as written in the request, escapes included */
    uint8_t tensor_order[WEIR_TENSORS_MAX]; /* the members of `tensors` in the order asked for */
    struct weir_protocol_top tops[WEIR_PROTOCOL_TOPS_MAX];
};

/* The model and version that an answer names. */
struct weir_protocol_source {
    struct weir_str model;
    struct weir_str version;
};

/* An answer that is written. */
struct weir_protocol_answer {
    struct weir_buf *body;    /* appended to */
    const char *content_type; /* a literal; NULL at first: application/json. One that ends with '='
                                 is sent with json_bytes behind it */
    uint64_t json_bytes;      /* v2: bytes of the body's JSON where tensors follow it; 0 at first */
};

/* Appends the answer of the call's dialect. result: exactly call->n_rows rows, with every output of
 * call->wanted. Flask style writes NaN and infinities as null, others as bare tokens. Allocates
 * nothing but the body's growth, look at weir_buf_ok afterwards. Runs on: any thread. */
void weir_protocol_encode(const struct weir_protocol_call *call,
                          const struct weir_protocol_source *source,
                          const struct weir_result *result, struct weir_protocol_answer *answer);

/* Returns the same for tensors, whose sizes are known only after the run. */
uint64_t weir_protocol_tensors_bytes(const struct weir_result *result, uint64_t wanted);

/* Finds whether the tensors of a result can be answered as the call asks. WEIR_ERR_INVALID: an
 * entry for each row is asked for, but the outputs have not the same number of them;
 * WEIR_ERR_LIMIT: more bytes than are sent. */
WEIR_MUST_USE enum weir_status
weir_protocol_check_tensors(const struct weir_protocol_limits *limits,
                            const struct weir_protocol_call *call, const struct weir_result *result,
                            struct weir_error *err);

/* Returns an upper bound of the answer's body in bytes, but for tensors; also a good first size for
 * its buffer. */
uint64_t weir_protocol_answer_bytes(const struct weir_protocol_call *call,
                                    const struct weir_spec *spec);

/* Appends a Flask-style body to try a model with: one row of zeros and texts. false: it would be
 * too long to read, nothing was appended. */
bool weir_protocol_example(struct weir_buf *out, const struct weir_spec *spec);

/* Appends the value of such a body's one member. */
bool weir_protocol_example_rows(struct weir_buf *out, const struct weir_spec *spec);

/* Appends {"error": text}, the body of an error of every dialect without a form of its own. */
void weir_protocol_error(struct weir_buf *buf, struct weir_str text);

#endif
