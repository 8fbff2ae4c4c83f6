/* SPDX-License-Identifier: MIT */
/* Triton's ModelConfig (model_config.proto): what its tools read of a model that is not theirs. */
#include "protocol/grpc/describe.h"
#include "protocol/grpc/pages.h"

/* Field numbers. */
enum {
    RESPONSE_CONFIG = 1,
    CONFIG_NAME = 1,
    CONFIG_PLATFORM = 2,
    CONFIG_VERSION_POLICY = 3,
    CONFIG_MAX_BATCH_SIZE = 4,
    CONFIG_INPUT = 5,
    CONFIG_OUTPUT = 6,
    CONFIG_INSTANCE_GROUP = 7,
    CONFIG_DYNAMIC_BATCHING = 11,
    CONFIG_BACKEND = 17,
    POLICY_LATEST = 1,
    LATEST_NUM_VERSIONS = 1,
    TENSOR_NAME = 1,
    TENSOR_TYPE = 2,
    INPUT_DIMS = 4,
    OUTPUT_DIMS = 3,
    GROUP_NAME = 1,
    GROUP_COUNT = 2,
    GROUP_KIND = 4,
    KIND_CPU = 2,
    BATCHING_DELAY_US = 2,
};

/* enum DataType. */
static const uint8_t types[] = {
    [WEIR_BOOL] = 1, [WEIR_U8] = 2,   [WEIR_U16] = 3,    [WEIR_U32] = 4,   [WEIR_U64] = 5,
    [WEIR_I8] = 6,   [WEIR_I16] = 7,  [WEIR_I32] = 8,    [WEIR_I64] = 9,   [WEIR_F16] = 10,
    [WEIR_F32] = 11, [WEIR_F64] = 12, [WEIR_BYTES] = 13, [WEIR_BF16] = 14,
};

/* Where tensors are told of. */
struct put_tensor {
    struct weir_buf *buf;
    uint32_t field;
    uint32_t dims_field;
    bool is_batched; /* the first dimension is not told then */
};

static void put_tensor(void *ctx, struct weir_str name, enum weir_dtype dtype, const int64_t *dims,
                       size_t n_dims)
{
    const struct put_tensor *to = ctx;
    size_t first = to->is_batched && n_dims > 0 ? 1 : 0;
    size_t tensor = weir_codec_protobuf_begin(to->buf, to->field);
    weir_codec_protobuf_put_text(to->buf, TENSOR_NAME, name);
    weir_codec_protobuf_put_u64(to->buf, TENSOR_TYPE, types[dtype]);
    size_t place = weir_codec_protobuf_begin(to->buf, to->dims_field);
    for (size_t i = first; i < n_dims; i++)
        weir_codec_protobuf_append_varint(to->buf, (uint64_t)dims[i]);
    if (first == n_dims)
        weir_codec_protobuf_append_varint(to->buf, 1); /* It may not be empty. */
    weir_codec_protobuf_end(to->buf, place);
    weir_codec_protobuf_end(to->buf, tensor);
}

enum weir_status weir_protocol_grpc_config_page(const struct weir_protocol_grpc_page *page)
{
    struct weir_protocol_target target;
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    enum weir_status status =
        weir_protocol_grpc_pages_find_version(page, &target, &model, &version);
    if (status != WEIR_OK)
        return status;
    struct weir_buf *buf = page->buf;
    size_t config = weir_codec_protobuf_begin(buf, RESPONSE_CONFIG);
    weir_codec_protobuf_put_text(buf, CONFIG_NAME, model.name);
    weir_codec_protobuf_put_text(buf, CONFIG_PLATFORM, version.spec->platform);
    size_t policy = weir_codec_protobuf_begin(buf, CONFIG_VERSION_POLICY);
    size_t latest = weir_codec_protobuf_begin(buf, POLICY_LATEST);
    weir_codec_protobuf_put_u64(buf, LATEST_NUM_VERSIONS, 1);
    weir_codec_protobuf_end(buf, latest);
    weir_codec_protobuf_end(buf, policy);
    weir_codec_protobuf_put_u64(buf, CONFIG_MAX_BATCH_SIZE, version.max_batch_size);
    struct put_tensor to = {buf, CONFIG_INPUT, INPUT_DIMS, version.max_batch_size > 0};
    weir_protocol_grpc_describe_inputs(version.spec, put_tensor, &to);
    to.field = CONFIG_OUTPUT;
    to.dims_field = OUTPUT_DIMS;
    weir_protocol_grpc_describe_outputs(version.spec, put_tensor, &to);
    size_t group = weir_codec_protobuf_begin(buf, CONFIG_INSTANCE_GROUP);
    weir_codec_protobuf_put_text(buf, GROUP_NAME, model.name);
    weir_codec_protobuf_put_u64(buf, GROUP_COUNT, version.n_workers);
    weir_codec_protobuf_put_u64(buf, GROUP_KIND, KIND_CPU);
    weir_codec_protobuf_end(buf, group);
    if (version.max_batch_size > 0) {
        size_t batching = weir_codec_protobuf_begin(buf, CONFIG_DYNAMIC_BATCHING);
        weir_codec_protobuf_put_u64(buf, BATCHING_DELAY_US, version.queue_delay_ns / 1000);
        weir_codec_protobuf_end(buf, batching);
    }
    weir_codec_protobuf_put_text(buf, CONFIG_BACKEND, WEIR_STR("weir"));
    weir_codec_protobuf_end(buf, config);
    return WEIR_OK;
}
