/* SPDX-License-Identifier: MIT */
/* Inference requests and answers: bytes ↔ rows. One file for each wire format.
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
};

/* What one request may ask for; past it WEIR_ERR_LIMIT before any work. */
struct weir_protocol_limits {
    uint64_t n_rows_max;
    uint64_t n_cells_max;      /* rows × features */
    uint64_t answer_bytes_max; /* an upper bound of the answer's size is compared */
    struct weir_codec_json_limits json;
};

#define WEIR_PROTOCOL_LIMITS_INIT                                \
    {                                                            \
        65536, 16u << 20, 64u << 20, WEIR_CODEC_JSON_LIMITS_INIT \
    }

/* A decoder's memory, kept from request to request. One for each thread that decodes. */
struct weir_protocol_decoder {
    struct weir_protocol_limits limits; /* may be changed between requests */
    struct weir_codec_json json;
    struct weir_protocol_columns *columns; /* feature names by hash, for named rows */
    struct weir_buf text;                  /* a text without its escapes */
    struct weir_mem *mem;
};

/* Makes a decoder. limits NULL: the defaults; mem NULL: the default allocator. Allocates nothing.
 */
void weir_protocol_decoder_init(struct weir_protocol_decoder *decoder,
                                const struct weir_protocol_limits *limits, struct weir_mem *mem);
void weir_protocol_decoder_deinit(struct weir_protocol_decoder *decoder);

enum weir_protocol_dialect {
    WEIR_PROTOCOL_FLASK, /* {"features": …} → {"prediction": …} */
    WEIR_PROTOCOL_V2,    /* Open Inference Protocol v2, JSON */
};

/* All that the answer to a request needs. Plain data, no pointers. */
struct weir_protocol_call {
    enum weir_protocol_dialect dialect;
    enum weir_dtype request_dtype; /* F32 where the client sent float32, else F64 */
    uint32_t n_rows;
    uint32_t wanted;                /* set of 1u << enum weir_output, as committed to the sink */
    uint32_t by_alias;              /* those of them that were asked for by their alias */
    uint64_t tensors;               /* set of 1 << output: the tensors wanted; 0: rows */
    uint32_t n_ignored;             /* extra names in named rows, for a counter; saturates */
    uint8_t n_outputs;              /* outputs in the answer, at least 1 */
    uint8_t outputs[WEIR_OUTPUT_N]; /* enum weir_output each, in the answer's order */
    bool is_transform;              /* the route was that of transform: so is the answer's key */
    bool is_scores;                 /* the same for score_samples */
    bool is_x;                      /* the body's key was "x": the answer's is "y" */
    bool is_single_row;             /* one row, not in a list of rows */
    bool has_timeout;               /* v2 parameter "timeout" was given and is not 0 */
    uint64_t timeout_ns;            /* queue time the client allows */
    uint64_t priority;              /* v2 parameter; 0: none given */
    uint16_t id_bytes;              /* 0: none */
    char id[WEIR_PROTOCOL_ID_BYTES_MAX]; /* as written in the request, escapes included */
};

/* Reads a Flask-style body: `{"features": rows}` (also instances, data, input, inputs, X, x) into
 * the sink and commits it. rows: a list of lists, one flat list, a list of objects by feature name,
 * or one such object; null is a missing value, true and false are 1 and 0; other members are
 * ignored. Columns that hold text take strings, and one column of text also a list of strings, a
 * row each, or a single string. asked: PREDICT means the default output (transform for a
 * transformer).
 * On failure nothing stays in the sink and *call is undefined. */
WEIR_MUST_USE enum weir_status
weir_protocol_flask_decode(struct weir_protocol_decoder *decoder, const struct weir_spec *spec,
                           enum weir_output asked, struct weir_str body, struct weir_sink *sink,
                           struct weir_protocol_call *call, struct weir_error *err);

/* Reads an Open Inference Protocol v2 inference request in JSON into the sink and commits it: one
 * matrix under any name, or one input for each feature under its name. Datatype FP32 gives float32
 * rows, all others float64. Failures as above; binary tensors, shared memory and classification are
 * WEIR_ERR_UNSUPPORTED. */
WEIR_MUST_USE enum weir_status weir_protocol_v2_decode(struct weir_protocol_decoder *decoder,
                                                       const struct weir_spec *spec,
                                                       struct weir_str body, struct weir_sink *sink,
                                                       struct weir_protocol_call *call,
                                                       struct weir_error *err);

/* The model and version that an answer names. */
struct weir_protocol_source {
    struct weir_str model;
    struct weir_str version;
};

/* Appends the answer's body. result: exactly call->n_rows rows, with every output of call->wanted.
 * Flask style writes NaN and infinities as null, v2 as bare tokens. Allocates nothing but buf's
 * growth, look at weir_buf_ok afterwards. Runs on: any thread. */
void weir_protocol_encode(const struct weir_protocol_call *call,
                          const struct weir_protocol_source *source,
                          const struct weir_result *result, struct weir_buf *buf);

/* Returns the same for tensors, whose sizes are known only after the run. */
uint64_t weir_protocol_tensors_bytes(const struct weir_result *result, uint64_t wanted);

/* Returns an upper bound of the answer's body in bytes, but for tensors; also a good first size for
 * its buffer. */
uint64_t weir_protocol_answer_bytes(const struct weir_protocol_call *call,
                                    const struct weir_spec *spec);

/* Appends a Flask-style body to try a model with: one row of zeros and texts. false: it would be
 * too long to read, nothing was appended. */
bool weir_protocol_example(struct weir_buf *out, const struct weir_spec *spec);

/* --- documents: JSON bodies that are not predictions --- */

/* Appends {"error": text}, the body of every error on every route. */
void weir_protocol_error(struct weir_buf *buf, struct weir_str text);

/* Appends {"live":true}, {"ready":true,"live":true}, {"name":…,"ready":true}. */
void weir_protocol_live(struct weir_buf *buf);
void weir_protocol_ready(struct weir_buf *buf);
void weir_protocol_model_ready(struct weir_buf *buf, struct weir_str model);

/* Appends {"status":"alive"}, the body of "/". */
void weir_protocol_alive(struct weir_buf *buf);

/* Appends the v2 server metadata: name, version, extensions. */
void weir_protocol_v2_server(struct weir_buf *buf);

/* Appends {"models":[…]}. */
void weir_protocol_v2_models(struct weir_buf *buf, const struct weir_str *names, size_t n);

/* What the metadata of a model says beside its spec; empty texts are left out. */
struct weir_protocol_model {
    struct weir_str name;
    const struct weir_str *versions; /* ready ones, or the one that was asked for */
    size_t n_versions;
    struct weir_str version;      /* the one described */
    struct weir_str digest;       /* hex, of its file */
    struct weir_str file;         /* its name below the repository, never an absolute path */
    const struct weir_spec *spec; /* NULL: no version is live; inputs and outputs are empty then */
    struct weir_str state;        /* "ready", "orphaned", … */
    /* A newer file that could not be served: which, why and where, since when (RFC 3339). */
    struct weir_str failed_file;
    struct weir_str failed_reason;
    struct weir_str failed_since;
};

/* Appends the v2 metadata of a model: name, versions, platform, inputs, outputs, and under
 * "parameters" what we add: version, digest, file, state, estimator, library, library_version,
 * feature_names, classes (a list for each target where there are several), last_failure. */
void weir_protocol_v2_model(struct weir_buf *buf, const struct weir_protocol_model *model);

#endif
