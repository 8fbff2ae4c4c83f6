/* SPDX-License-Identifier: MIT */
/* The dialect's table: its routes, and what answers them. */
#include "protocol/v2/v2.h"

#include "protocol/v2/v2_priv.h"

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

static const struct weir_protocol_route routes[] = {
    POST("/v2/models/{m}/infer", PREDICT, INFER, 0, "Inference"),
    POST("/v2/models/{m}/versions/{v}/infer", PREDICT, INFER, 0, "Inference by a version"),
    GET("/v2/models/{m}/ready", MODEL_READY, "Whether a model serves"),
    GET("/v2/models/{m}/versions/{v}/ready", MODEL_READY, "Whether a version serves"),
    GET("/v2/models/{m}", MODEL, "Metadata of a model"),
    GET("/v2/models/{m}/versions/{v}", MODEL, "Metadata of a version"),
    GET("/v2/models", MODELS, "Names of the models that serve"),
    POST("/v2/repository/models/{m}/load", LOAD, LOAD, ORDER, "Load a model, and wait for it"),
    POST("/v2/repository/models/{m}/unload", UNLOAD, UNLOAD, ORDER, "Take a model from service"),
    GET("/v2/health/live", LIVE, "Whether the server lives"),
    GET("/v2/health/ready", READY, "Whether the server is ready"),
    GET("/v2", SERVER, "Metadata of the server"),
};

static enum weir_status decode(struct weir_protocol_decoder *decoder,
                               const struct weir_protocol_head *head, const struct weir_spec *spec,
                               struct weir_str body, struct weir_sink *sink,
                               struct weir_protocol_call *call, struct weir_error *err)
{
    (void)head;
    return weir_protocol_v2_decode(decoder, spec, body, sink, call, err);
}

const struct weir_protocol_ops weir_protocol_v2 = {
    .name = "v2",
    .routes = routes,
    .n_routes = WEIR_ARRAY_LEN(routes),
    .decode = decode,
    .encode = weir_protocol_v2_encode,
    .page = weir_protocol_v2_documents_page,
    .describe = weir_protocol_v2_describe,
    .schemas = weir_protocol_v2_schemas,
};
