/* SPDX-License-Identifier: MIT */
/* What the files of this dialect share. */
#ifndef WEIR_PROTOCOL_TFSERVING_TFSERVING_PRIV_H
#define WEIR_PROTOCOL_TFSERVING_TFSERVING_PRIV_H

#include "protocol/protocol_priv.h"
#include "protocol/tfserving/tfserving.h"

/* What a route asks for. */
enum weir_protocol_tfserving_action {
    WEIR_PROTOCOL_TFSERVING_PREDICT,
    WEIR_PROTOCOL_TFSERVING_CLASSIFY,
    WEIR_PROTOCOL_TFSERVING_REGRESS,
    WEIR_PROTOCOL_TFSERVING_ALIVE,
    WEIR_PROTOCOL_TFSERVING_MODELS,
    WEIR_PROTOCOL_TFSERVING_STATUS,
    WEIR_PROTOCOL_TFSERVING_METADATA,
    WEIR_PROTOCOL_TFSERVING_EXPLAIN,
};

/* How an answer is written: call->form. */
enum weir_protocol_tfserving_form {
    WEIR_PROTOCOL_TFSERVING_ROWS,             /* {"predictions": a list, an entry for each row} */
    WEIR_PROTOCOL_TFSERVING_COLUMNS,          /* {"outputs": a tensor, or tensors by name} */
    WEIR_PROTOCOL_TFSERVING_ROWS_AND_COLUMNS, /* both */
    WEIR_PROTOCOL_TFSERVING_CLASSES,          /* {"results": [[[label, score], …], …]} */
    WEIR_PROTOCOL_TFSERVING_VALUES,           /* {"results": [value, …]} */
};

/* A request while it is read. */
struct weir_protocol_tfserving_request {
    struct weir_protocol_decoder *decoder;
    const struct weir_spec *spec;
    struct weir_sink *sink;
    struct weir_protocol_call *call;
    struct weir_error *err;
    /* Values of the members; NULL: not there. */
    const char *instances;
    const char *inputs;
    const char *examples;
    const char *context;
    const char *signature;
};

/* The text of TensorFlow Serving for a signature that nobody named. */
#define WEIR_PROTOCOL_TFSERVING_DEFAULT        "serving_default"
#define WEIR_PROTOCOL_TFSERVING_CLASSIFICATION "classification"
#define WEIR_PROTOCOL_TFSERVING_REGRESSION     "regression"

/* Finds whether rows can be classified (one target with probabilities), or given a value each (one
 * number). */
bool weir_protocol_tfserving_request_classifies(const struct weir_spec *spec);
bool weir_protocol_tfserving_request_regresses(const struct weir_spec *spec);

/* Reads the rows of "instances" or "inputs" of a matrix or frame into the sink and commits them.
 * key: for messages. */
WEIR_MUST_USE enum weir_status
weir_protocol_tfserving_rows(const struct weir_protocol_tfserving_request *r, const char *value,
                             const char *key);

/* Checks the limits and reserves n_rows rows of a matrix or frame whose values stand in the JSON
 * from `at` on. more_text_bytes: room for texts that are written more than once. */
WEIR_MUST_USE enum weir_status
weir_protocol_tfserving_rows_reserve(const struct weir_protocol_tfserving_request *r,
                                     struct weir_protocol_fill *fill, uint64_t n_rows,
                                     const char *at, size_t more_text_bytes);

/* Commits, or rolls back and says why. */
WEIR_MUST_USE enum weir_status
weir_protocol_tfserving_rows_finish(const struct weir_protocol_tfserving_request *r,
                                    const struct weir_protocol_fill *fill, bool is_filled);

/* Reads "examples" and "context" into the sink and commits them. */
WEIR_MUST_USE enum weir_status
weir_protocol_tfserving_examples(const struct weir_protocol_tfserving_request *r);

/* Adds to a bound of an answer's bytes what this dialect writes beside the values. */
uint64_t weir_protocol_tfserving_encode_answer_bytes(const struct weir_protocol_call *call,
                                                     const struct weir_spec *spec, uint64_t bytes);

/* The same for tensors. WEIR_ERR_INVALID: they cannot be answered row by row. */
WEIR_MUST_USE enum weir_status
weir_protocol_tfserving_encode_check_tensors(const struct weir_protocol_call *call,
                                             const struct weir_result *result, uint64_t *bytes,
                                             struct weir_error *err);

/* ops->describe and ->schemas. */
void weir_protocol_tfserving_describe(const struct weir_protocol_route *route,
                                      struct weir_protocol_description *d);
extern const char weir_protocol_tfserving_describe_schemas[];

/* ops->decode, ->encode, ->page. */
WEIR_MUST_USE enum weir_status weir_protocol_tfserving_request_decode(
    struct weir_protocol_decoder *decoder, const struct weir_protocol_head *head,
    const struct weir_spec *spec, struct weir_str body, struct weir_sink *sink,
    struct weir_protocol_call *call, struct weir_error *err);
void weir_protocol_tfserving_encode(const struct weir_protocol_call *call,
                                    const struct weir_protocol_source *source,
                                    const struct weir_result *result,
                                    struct weir_protocol_answer *answer);
WEIR_MUST_USE enum weir_status
weir_protocol_tfserving_documents_page(const struct weir_protocol_question *question,
                                       const struct weir_protocol_catalog *catalog,
                                       struct weir_protocol_page *page, struct weir_error *err);

#endif
