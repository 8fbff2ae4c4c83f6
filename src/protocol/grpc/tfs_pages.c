/* SPDX-License-Identifier: MIT */
/* What TensorFlow Serving tells of a model: its signature, and the states of its versions. */
#include "base/macros.h"
#include "protocol/grpc/describe.h"
#include "protocol/grpc/tfs.h"

/* Field numbers. */
enum {
    METADATA_SPEC = 1,
    METADATA_MAP = 2,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    ANY_TYPE = 1,
    ANY_VALUE = 2,
    SIGNATURES = 1,
    SIGNATURE_INPUTS = 1,
    SIGNATURE_OUTPUTS = 2,
    SIGNATURE_METHOD = 3,
    INFO_NAME = 1,
    INFO_TYPE = 2,
    INFO_SHAPE = 3,
    SHAPE_DIM = 2,
    DIM_SIZE = 1,
    STATUS_VERSION = 1,
    VERSION_NUMBER = 1,
    VERSION_STATE = 2,
    VERSION_STATUS = 3,
    STATUS_CODE = 1,
    STATUS_TEXT = 2,
    CODE_UNKNOWN = 2,
};

/* Where tensors are told of. */
struct put_info {
    struct weir_buf *buf;
    uint32_t field;
};

static void put_info(void *ctx, struct weir_str name, enum weir_dtype dtype, const int64_t *dims,
                     size_t n_dims)
{
    const struct put_info *to = ctx;
    size_t entry = weir_codec_protobuf_begin(to->buf, to->field);
    weir_codec_protobuf_put_text(to->buf, ENTRY_KEY, name);
    size_t info = weir_codec_protobuf_begin(to->buf, ENTRY_VALUE);
    weir_codec_protobuf_put_text(to->buf, INFO_NAME, name);
    weir_codec_protobuf_put_u64(to->buf, INFO_TYPE, weir_protocol_grpc_tfs_types[dtype]);
    size_t shape = weir_codec_protobuf_begin(to->buf, INFO_SHAPE);
    for (size_t i = 0; i < n_dims; i++) {
        size_t dim = weir_codec_protobuf_begin(to->buf, SHAPE_DIM);
        weir_codec_protobuf_put_i64(to->buf, DIM_SIZE, dims[i]);
        weir_codec_protobuf_end(to->buf, dim);
    }
    weir_codec_protobuf_end(to->buf, shape);
    weir_codec_protobuf_end(to->buf, info);
    weir_codec_protobuf_end(to->buf, entry);
}

static void put_signature(struct weir_buf *buf, const struct weir_spec *spec)
{
    size_t entry = weir_codec_protobuf_begin(buf, SIGNATURES);
    weir_codec_protobuf_put_text(buf, ENTRY_KEY, WEIR_STR("serving_default"));
    size_t signature = weir_codec_protobuf_begin(buf, ENTRY_VALUE);
    weir_protocol_grpc_describe_inputs(spec, put_info, &(struct put_info){buf, SIGNATURE_INPUTS});
    weir_protocol_grpc_describe_outputs(spec, put_info, &(struct put_info){buf, SIGNATURE_OUTPUTS});
    weir_codec_protobuf_put_text(buf, SIGNATURE_METHOD, WEIR_STR("tensorflow/serving/predict"));
    weir_codec_protobuf_end(buf, signature);
    weir_codec_protobuf_end(buf, entry);
}

enum weir_status weir_protocol_grpc_tfs_metadata_page(const struct weir_protocol_grpc_page *page)
{
    char room[WEIR_PROTOCOL_GRPC_TFS_ROOM_BYTES];
    struct weir_protocol_target target;
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    struct weir_buf *buf = page->buf;
    enum weir_status status = weir_protocol_grpc_tfs_target(page->body, &target, room, page->err);
    if (status == WEIR_OK)
        status = page->catalog->ops->find(page->catalog, &target, &model, &version, page->err);
    if (status != WEIR_OK)
        return status;
    weir_protocol_grpc_tfs_put_spec(buf, METADATA_SPEC, model.name, version.number);
    size_t entry = weir_codec_protobuf_begin(buf, METADATA_MAP);
    weir_codec_protobuf_put_text(buf, ENTRY_KEY, WEIR_STR("signature_def"));
    size_t any = weir_codec_protobuf_begin(buf, ENTRY_VALUE);
    weir_codec_protobuf_put_text(
        buf, ANY_TYPE, WEIR_STR("type.googleapis.com/tensorflow.serving.SignatureDefMap"));
    size_t value = weir_codec_protobuf_begin(buf, ANY_VALUE);
    put_signature(buf, version.spec);
    weir_codec_protobuf_end(buf, value);
    weir_codec_protobuf_end(buf, any);
    weir_codec_protobuf_end(buf, entry);
    return WEIR_OK;
}

/* ModelVersionStatus.State for a state of ours. */
static uint64_t state_of(const struct weir_protocol_version *version)
{
    static const struct {
        const char *ours;
        uint64_t state;
    } states[] = {
        {"seen", 10}, {"settling", 10}, {"loading", 20}, {"checking", 20}, {"retiring", 40},
    };
    if (version->spec)
        return 30; /* AVAILABLE */
    for (size_t i = 0; i < WEIR_ARRAY_LEN(states); i++) {
        if (weir_str_eq_c(version->state, states[i].ours))
            return states[i].state;
    }
    return 50; /* END */
}

static void put_version(struct weir_buf *buf, const struct weir_protocol_version *version)
{
    bool is_failed = weir_str_eq_c(version->state, "failed");
    size_t place = weir_codec_protobuf_begin(buf, STATUS_VERSION);
    weir_codec_protobuf_put_u64(buf, VERSION_NUMBER, version->number);
    weir_codec_protobuf_put_u64(buf, VERSION_STATE, state_of(version));
    size_t status = weir_codec_protobuf_begin(buf, VERSION_STATUS);
    weir_codec_protobuf_put_u64(buf, STATUS_CODE, is_failed ? CODE_UNKNOWN : 0);
    if (is_failed)
        weir_codec_protobuf_put_text(buf, STATUS_TEXT, version->reason);
    weir_codec_protobuf_end(buf, status);
    weir_codec_protobuf_end(buf, place);
}

enum weir_status weir_protocol_grpc_tfs_status_page(const struct weir_protocol_grpc_page *page)
{
    char room[WEIR_PROTOCOL_GRPC_TFS_ROOM_BYTES];
    struct weir_protocol_target target;
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    const struct weir_protocol_catalog *catalog = page->catalog;
    enum weir_status status = weir_protocol_grpc_tfs_target(page->body, &target, room, page->err);
    if (status != WEIR_OK)
        return status;
    status = catalog->ops->find(catalog, &target, &model, &version, page->err);
    if (status != WEIR_OK && status != WEIR_ERR_BUSY)
        return status;
    if (status == WEIR_OK && target.version.n > 0) {
        put_version(page->buf, &version);
        return WEIR_OK;
    }
    for (size_t i = 0; i < model.n_versions; i++) {
        catalog->ops->version(catalog, &model, i, &version);
        put_version(page->buf, &version);
    }
    return WEIR_OK;
}
