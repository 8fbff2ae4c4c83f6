/* SPDX-License-Identifier: MIT */
/* The dialect's table: its routes, and what answers them. */
#include "protocol/v2/v2.h"

#include "protocol/v2/v2_priv.h"

#include <string.h>

#define GET(pattern, action, summary)                                      \
    {                                                                      \
        pattern, WEIR_PROTOCOL_PAGE, WEIR_PROTOCOL_V2_##action, 0, summary \
    }
#define POST(pattern, act, action, flags, summary)                                             \
    {                                                                                          \
        pattern, WEIR_PROTOCOL_##act, WEIR_PROTOCOL_V2_##action, WEIR_PROTOCOL_POST | (flags), \
            summary                                                                            \
    }

#define ORDER (WEIR_PROTOCOL_REPOSITORY | WEIR_PROTOCOL_EMPTY_BODY)

#define EMPTY WEIR_PROTOCOL_EMPTY_BODY

/* The calls of a kind of shared memory: clients may ask, and clear what is not there. */
/* clang-format off */
#define MEMORY(prefix)                                                        \
    GET(prefix "/status", MEMORY_STATUS, NULL),                               \
    GET(prefix "/region/{r}/status", MEMORY_STATUS, NULL),                    \
    POST(prefix "/region/{r}/register", PAGE, MEMORY_CHANGE, EMPTY, NULL),    \
    POST(prefix "/region/{r}/unregister", PAGE, MEMORY_CLEAR, EMPTY, NULL),   \
    POST(prefix "/unregister", PAGE, MEMORY_CLEAR, EMPTY, NULL)
/* clang-format on */

static const struct weir_protocol_route routes[] = {
    POST("/v2/models/{m}/infer", PREDICT, INFER, 0, "Inference"),
    POST("/v2/models/{m}/versions/{v}/infer", PREDICT, INFER, 0, "Inference by a version"),
    GET("/v2/models/{m}/ready", MODEL_READY, "Whether a model serves"),
    GET("/v2/models/{m}/versions/{v}/ready", MODEL_READY, "Whether a version serves"),
    GET("/v2/models/{m}/config", CONFIG, "Configuration of a model as Triton shows it"),
    GET("/v2/models/{m}/versions/{v}/config", CONFIG, "Configuration of a version"),
    GET("/v2/models/{m}/stats", STATISTICS, "Statistics of a model"),
    GET("/v2/models/{m}/versions/{v}/stats", STATISTICS, "Statistics of a version"),
    GET("/v2/models/stats", ALL_STATISTICS, "Statistics of all models"),
    GET("/v2/models/{m}/trace/setting", TRACE, "Whether requests of a model are traced"),
    POST("/v2/models/{m}/trace/setting", PAGE, TRACE, EMPTY, "Refused, but for OFF"),
    POST("/v2/models/{m}/generate", PAGE, GENERATE, EMPTY, NULL),
    POST("/v2/models/{m}/generate_stream", PAGE, GENERATE, EMPTY, NULL),
    POST("/v2/models/{m}/versions/{v}/generate", PAGE, GENERATE, EMPTY, NULL),
    POST("/v2/models/{m}/versions/{v}/generate_stream", PAGE, GENERATE, EMPTY, NULL),
    GET("/v2/models/{m}", MODEL, "Metadata of a model"),
    GET("/v2/models/{m}/versions/{v}", MODEL, "Metadata of a version"),
    GET("/v2/models", MODELS, "Names of the models that serve"),
    POST("/v2/repository/index", PAGE, INDEX, EMPTY, "States of all models"),
    POST("/v2/repository/models/{m}/load", LOAD, LOAD, ORDER, "Load a model, and wait for it"),
    POST("/v2/repository/models/{m}/unload", UNLOAD, UNLOAD, ORDER, "Take a model from service"),
    GET("/v2/health/live", LIVE, "Whether the server lives"),
    GET("/v2/health/ready", READY, "Whether the server is ready"),
    GET("/v2/logging", LOGGING, "What is logged"),
    POST("/v2/logging", LOG, LOGGING, ORDER, "Change what is logged"),
    GET("/v2/trace/setting", TRACE, "Whether requests are traced"),
    POST("/v2/trace/setting", PAGE, TRACE, EMPTY, "Refused, but for OFF"),
    MEMORY("/v2/systemsharedmemory"),
    MEMORY("/v2/cudasharedmemory"),
    GET("/v2", SERVER, "Metadata of the server"),
};

/* How much of the body is JSON: Inference-Header-Content-Length. */
static int read_head(const struct weir_protocol_fields *fields, struct weir_protocol_head *head,
                     struct weir_error *err)
{
    struct weir_str text = fields->inference_length;
    char echo[WEIR_ECHO_BUF_BYTES];
    if (!text.at || weir_str_to_u64(text, UINT64_MAX - 1, &head->json_bytes))
        return 0;
    (void)weir_error_set(err, WEIR_ERR_INVALID,
                         "Inference-Header-Content-Length: expected a number of bytes, got \"%s\"",
                         weir_str_echo(text, echo, sizeof echo));
    return 400;
}

bool weir_protocol_v2_media_length(struct weir_str content_type, uint64_t *json_bytes)
{
    static const char *const media[] = {
        "application/vnd.sagemaker-triton.binary+json;json-header-size=",
        "application/vnd.vertex-ai-triton.binary+json;json-header-size=",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(media); i++) {
        size_t n = strlen(media[i]);
        if (!weir_str_starts(content_type, weir_str_make(media[i], n)))
            continue;
        struct weir_str text = weir_str_make(content_type.at + n, content_type.n - n);
        if (!weir_str_to_u64(text, UINT64_MAX - 1, json_bytes))
            *json_bytes = UINT64_MAX - 1;
        return true;
    }
    return false;
}

static enum weir_status decode(struct weir_protocol_decoder *decoder,
                               const struct weir_protocol_head *head, const struct weir_spec *spec,
                               struct weir_str body, struct weir_sink *sink,
                               struct weir_protocol_call *call, struct weir_error *err)
{
    return weir_protocol_v2_decode_parts(decoder, spec, body, head->json_bytes, sink, call, err);
}

/* Where the calls of the repository are routed, loading and unloading never come here. */
static int refuse(struct weir_str method, struct weir_str path, int status, struct weir_str text,
                  struct weir_buf *body)
{
    (void)text;
    if (status != 404 || !weir_str_eq_c(method, "POST") ||
        !weir_str_starts(path, WEIR_STR("/v2/repository/models/")) ||
        !(weir_str_ends(path, WEIR_STR("/load")) || weir_str_ends(path, WEIR_STR("/unload"))))
        return 0;
    weir_protocol_error(body, WEIR_STR("models are loaded and unloaded on the admin listener; "
                                       "repository_api: main allows it on this one, too"));
    return 404;
}

const struct weir_protocol_ops weir_protocol_v2 = {
    .name = "v2",
    .routes = routes,
    .n_routes = WEIR_ARRAY_LEN(routes),
    .read_head = read_head,
    .decode = decode,
    .encode = weir_protocol_v2_encode,
    .order = weir_protocol_v2_repository_order,
    .page = weir_protocol_v2_documents_page,
    .describe = weir_protocol_v2_describe,
    .schemas = weir_protocol_v2_describe_schemas,
    .refuse = refuse,
};
