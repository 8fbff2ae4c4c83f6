/* SPDX-License-Identifier: MIT */
/* The dialect's table: its routes, and what answers them. */
#include "protocol/tfserving/tfserving.h"

#include "protocol/tfserving/tfserving_priv.h"

#include <stdio.h>

#define MODEL  "/v1/models/{m}"
/* OpenVINO's clients ask for it where no version is named; no version here has this number. */
#define NEWEST MODEL "/versions/0"
#define NUMBER MODEL "/versions/{v#}"
#define LABEL  MODEL "/labels/{l}"

#define GET(pattern, action, summary)                                                         \
    {                                                                                         \
        pattern, WEIR_PROTOCOL_PAGE, WEIR_PROTOCOL_TFSERVING_##action, WEIR_PROTOCOL_NO_CASE, \
            summary                                                                           \
    }
#define POST(pattern, act, action, flags, summary)                        \
    {                                                                     \
        pattern, WEIR_PROTOCOL_##act, WEIR_PROTOCOL_TFSERVING_##action,   \
            WEIR_PROTOCOL_POST | WEIR_PROTOCOL_NO_CASE | (flags), summary \
    }
/* A call of a model, of its versions, and of its labels. */
#define CALLS(method, action, summary)                                        \
    POST(MODEL ":" method, PREDICT, action, 0, summary),                      \
        POST(NEWEST ":" method, PREDICT, action, 0, NULL),                    \
        POST(NUMBER ":" method, PREDICT, action, 0, summary " by a version"), \
        POST(LABEL ":" method, PREDICT, action, 0, summary " by the version of a label")

static const struct weir_protocol_route routes[] = {
    CALLS("predict", PREDICT, "Predictions for rows or columns"),
    CALLS("classify", CLASSIFY, "Classes and scores for examples"),
    CALLS("regress", REGRESS, "Values for examples"),
    POST(MODEL ":explain", PAGE, EXPLAIN, WEIR_PROTOCOL_EMPTY_BODY, "Explanations: not served"),
    GET(MODEL, STATUS, "States of a model's versions"),
    GET(NEWEST, STATUS, NULL),
    GET(NUMBER, STATUS, "State of a version"),
    GET(LABEL, STATUS, "State of the version of a label"),
    GET(MODEL "/metadata", METADATA, "What a model takes and gives"),
    GET(NEWEST "/metadata", METADATA, NULL),
    GET(NUMBER "/metadata", METADATA, "What a version takes and gives"),
    GET(LABEL "/metadata", METADATA, "What the version of a label takes and gives"),
    GET("/v1/models", MODELS, "Names of the models that serve"),
    GET("/", ALIVE, "Whether the server lives"),
};

/* TensorFlow Serving knows no 404 and 405 for paths below its own. */
static int refuse(struct weir_str method, struct weir_str path, int status, struct weir_str text,
                  struct weir_buf *body)
{
    (void)text;
    if ((status != 404 && status != 405) || path.n < 4 ||
        !weir_str_eq_nocase(weir_str_make(path.at, 4), WEIR_STR("/v1/")))
        return 0;
    char echo[WEIR_ECHO_BUF_BYTES];
    char line[WEIR_ECHO_BUF_BYTES + 48];
    int n = snprintf(line, sizeof line, "Malformed request: %.*s %s", WEIR_STR_ARG(method),
                     weir_str_echo(path, echo, sizeof echo));
    weir_protocol_error(body, weir_str_make(line, (size_t)n));
    return 400;
}

/* A label that is not there, and a number that no version can have, are wrong requests there. */
static enum weir_status no_version(struct weir_str version)
{
    uint64_t number;
    return weir_str_to_u64(version, INT64_MAX, &number) ? WEIR_ERR_NOT_FOUND : WEIR_ERR_INVALID;
}

const struct weir_protocol_ops weir_protocol_tfserving = {
    .name = "tfserving",
    .routes = routes,
    .n_routes = WEIR_ARRAY_LEN(routes),
    .decode = weir_protocol_tfserving_request_decode,
    .answer_bytes = weir_protocol_tfserving_encode_answer_bytes,
    .check_tensors = weir_protocol_tfserving_encode_check_tensors,
    .encode = weir_protocol_tfserving_encode,
    .page = weir_protocol_tfserving_documents_page,
    .describe = weir_protocol_tfserving_describe,
    .schemas = weir_protocol_tfserving_describe_schemas,
    .refuse = refuse,
    .no_version = no_version,
};
