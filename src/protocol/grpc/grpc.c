/* SPDX-License-Identifier: MIT */
/* The dialect's table: its routes, and what answers them. */
#include "protocol/grpc/grpc.h"

#include "base/macros.h"
#include "codec/protobuf.h"
#include "protocol/grpc/infer.h"
#include "protocol/grpc/tfs.h"

#include <string.h>

/* Field numbers of ModelStreamInferResponse. */
enum { STREAM_ERROR = 1, STREAM_RESPONSE = 2 };

size_t weir_protocol_grpc_begin(struct weir_buf *buf)
{
    static const char head[WEIR_PROTOCOL_GRPC_FRAME_BYTES];
    weir_buf_append(buf, head, sizeof head);
    return buf->n;
}

void weir_protocol_grpc_end(struct weir_buf *buf, size_t place)
{
    if (!weir_buf_ok(buf))
        return;
    weir_assert(place >= WEIR_PROTOCOL_GRPC_FRAME_BYTES);
    weir_assert(place <= buf->n);
    uint32_t n = (uint32_t)weir_min_size(buf->n - place, UINT32_MAX);
    for (size_t i = 0; i < sizeof n; i++) /* the most significant byte comes first */
        buf->at[place - sizeof n + i] = (char)(n >> (8 * (sizeof n - 1 - i)));
}

void weir_protocol_grpc_end_coded(struct weir_buf *buf, size_t place)
{
    weir_protocol_grpc_end(buf, place);
    if (weir_buf_ok(buf))
        buf->at[place - WEIR_PROTOCOL_GRPC_FRAME_BYTES] = 1;
}

void weir_protocol_grpc_stream_error(struct weir_buf *buf, struct weir_str text)
{
    size_t place = weir_protocol_grpc_begin(buf);
    weir_codec_protobuf_put_text(buf, STREAM_ERROR, text);
    weir_protocol_grpc_end(buf, place);
}

#define ROUTE(service, method, act, action, flags)                                \
    {                                                                             \
        "/" service "/" method, WEIR_PROTOCOL_##act, WEIR_PROTOCOL_GRPC_##action, \
            WEIR_PROTOCOL_POST | (flags), NULL                                    \
    }
#define OIP(method, act, action, flags) \
    ROUTE("inference.GRPCInferenceService", method, act, action, flags)

static const struct weir_protocol_route routes[] = {
    OIP("ModelInfer", PREDICT, INFER, 0),
    OIP("ModelStreamInfer", PREDICT, STREAM_INFER, WEIR_PROTOCOL_STREAM),
    OIP("ServerLive", PAGE, LIVE, 0),
    OIP("ServerReady", PAGE, READY, 0),
    OIP("ServerMetadata", PAGE, SERVER, 0),
    OIP("ModelReady", PAGE, MODEL_READY, 0),
    OIP("ModelMetadata", PAGE, MODEL, 0),
    OIP("ModelConfig", PAGE, CONFIG, 0),
    OIP("ModelStatistics", PAGE, STATISTICS, 0),
    OIP("RepositoryIndex", PAGE, INDEX, 0),
    OIP("RepositoryModelLoad", LOAD, LOAD, WEIR_PROTOCOL_REPOSITORY),
    OIP("RepositoryModelUnload", UNLOAD, UNLOAD, WEIR_PROTOCOL_REPOSITORY),
    OIP("LogSettings", LOG, LOG, 0),
    OIP("TraceSetting", PAGE, TRACE, 0),
    OIP("SystemSharedMemoryStatus", PAGE, SHARED_NONE, 0),
    OIP("SystemSharedMemoryRegister", PAGE, SHARED_REGISTER, 0),
    OIP("SystemSharedMemoryUnregister", PAGE, SHARED_NONE, 0),
    OIP("CudaSharedMemoryStatus", PAGE, SHARED_NONE, 0),
    OIP("CudaSharedMemoryRegister", PAGE, SHARED_REGISTER, 0),
    OIP("CudaSharedMemoryUnregister", PAGE, SHARED_NONE, 0),
    ROUTE("tensorflow.serving.PredictionService", "Predict", PREDICT, TFS_PREDICT, 0),
    ROUTE("tensorflow.serving.PredictionService", "GetModelMetadata", PAGE, TFS_METADATA, 0),
    ROUTE("tensorflow.serving.ModelService", "GetModelStatus", PAGE, TFS_STATUS, 0),
    ROUTE("grpc.health.v1.Health", "Check", PAGE, HEALTH, 0),
    ROUTE("grpc.health.v1.Health", "Watch", WATCH, HEALTH_WATCH, WEIR_PROTOCOL_STREAM),
    ROUTE("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", PAGE, REFLECTION,
          WEIR_PROTOCOL_STREAM),
    ROUTE("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", PAGE, REFLECTION,
          WEIR_PROTOCOL_STREAM),
};

static enum weir_status target(const struct weir_protocol_head *head, struct weir_str body,
                               struct weir_protocol_target *target, struct weir_error *err)
{
    if (head->action == WEIR_PROTOCOL_GRPC_TFS_PREDICT)
        return weir_protocol_grpc_tfs_target(body, target, target->room, err);
    return weir_protocol_grpc_infer_target(body, &target->model, &target->version, err);
}

static enum weir_status decode(struct weir_protocol_decoder *decoder,
                               const struct weir_protocol_head *head, const struct weir_spec *spec,
                               struct weir_str body, struct weir_sink *sink,
                               struct weir_protocol_call *call, struct weir_error *err)
{
    /* Not the whole struct: the id's bytes are only read up to id_bytes. */
    memset(call, 0, offsetof(struct weir_protocol_call, id));
    enum weir_status status =
        head->action == WEIR_PROTOCOL_GRPC_TFS_PREDICT
            ? weir_protocol_grpc_tfs_decode(decoder, spec, body, sink, call, err)
            : weir_protocol_grpc_infer_decode(decoder, spec, body, sink, call, err);
    call->dialect = WEIR_PROTOCOL_GRPC;
    call->action = head->action;
    return status;
}

static void encode(const struct weir_protocol_call *call, const struct weir_protocol_source *source,
                   const struct weir_result *result, struct weir_protocol_answer *answer)
{
    size_t place = weir_protocol_grpc_begin(answer->body);
    answer->content_type = "application/grpc";
    if (call->action == WEIR_PROTOCOL_GRPC_STREAM_INFER) {
        size_t inner = weir_codec_protobuf_begin(answer->body, STREAM_RESPONSE);
        weir_protocol_grpc_infer_encode(call, source, result, answer->body);
        weir_codec_protobuf_end(answer->body, inner);
    } else if (call->action == WEIR_PROTOCOL_GRPC_TFS_PREDICT) {
        weir_protocol_grpc_tfs_encode(call, source, result, answer->body);
    } else {
        weir_protocol_grpc_infer_encode(call, source, result, answer->body);
    }
    weir_protocol_grpc_end(answer->body, place);
}

const struct weir_protocol_ops weir_protocol_grpc = {
    .name = "grpc",
    .routes = routes,
    .n_routes = WEIR_ARRAY_LEN(routes),
    .target = target,
    .decode = decode,
    .encode = encode,
    .page = weir_protocol_grpc_pages_write,
    .order = weir_protocol_grpc_pages_order,
};
