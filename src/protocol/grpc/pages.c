/* SPDX-License-Identifier: MIT */
/* Answers of inference.GRPCInferenceService about the server and its models. */
#include "protocol/grpc/pages.h"

#include "base/macros.h"
#include "codec/number.h"
#include "protocol/grpc/describe.h"
#include "protocol/grpc/tfs.h"

#ifndef WEIR_VERSION
#define WEIR_VERSION "unknown"
#endif

/* Field numbers. */
enum {
    NAME = 1,
    VERSION = 2,
    SERVER_EXTENSIONS = 3,
    MODEL_VERSIONS = 2,
    MODEL_PLATFORM = 3,
    MODEL_INPUTS = 4,
    MODEL_OUTPUTS = 5,
    MODEL_PROPERTIES = 6,
    TENSOR_NAME = 1,
    TENSOR_DATATYPE = 2,
    TENSOR_SHAPE = 3,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
};

/* --- reading --------------------------------------------------------------------------------- */

static bool find(struct weir_str message, uint32_t number, enum weir_codec_protobuf_type type,
                 struct weir_codec_protobuf_field *out)
{
    struct weir_codec_protobuf reader = weir_codec_protobuf_of(message);
    struct weir_codec_protobuf_field f;
    *out = (struct weir_codec_protobuf_field){.value = 0};
    while (weir_codec_protobuf_next(&reader, &f)) {
        if (f.number == number && f.type == type)
            *out = f;
    }
    return !reader.is_malformed;
}

bool weir_protocol_grpc_pages_find_text(struct weir_str message, uint32_t number,
                                        struct weir_str *out)
{
    struct weir_codec_protobuf_field f;
    bool is_fine = find(message, number, WEIR_CODEC_PROTOBUF_BYTES, &f);
    *out = f.bytes;
    return is_fine;
}

bool weir_protocol_grpc_pages_find_number(struct weir_str message, uint32_t number, uint64_t *out)
{
    struct weir_codec_protobuf_field f;
    bool is_fine = find(message, number, WEIR_CODEC_PROTOBUF_VARINT, &f);
    *out = f.value;
    return is_fine;
}

bool weir_protocol_grpc_pages_read_entry(struct weir_str bytes, struct weir_str *key,
                                         struct weir_str *value)
{
    return weir_protocol_grpc_pages_find_text(bytes, ENTRY_KEY, key) &&
           weir_protocol_grpc_pages_find_text(bytes, ENTRY_VALUE, value);
}

enum weir_status weir_protocol_grpc_pages_fail(const struct weir_protocol_grpc_page *page)
{
    return weir_error_set(page->err, WEIR_ERR_INVALID, "the message is malformed");
}

enum weir_status weir_protocol_grpc_pages_find_version(const struct weir_protocol_grpc_page *page,
                                                       struct weir_protocol_target *target,
                                                       struct weir_protocol_model *model,
                                                       struct weir_protocol_version *version)
{
    if (!weir_protocol_grpc_pages_find_text(page->body, NAME, &target->model) ||
        !weir_protocol_grpc_pages_find_text(page->body, VERSION, &target->version))
        return weir_protocol_grpc_pages_fail(page);
    return page->catalog->ops->find(page->catalog, target, model, version, page->err);
}

/* --- pages ----------------------------------------------------------------------------------- */

static void put_bool(struct weir_buf *buf, bool value)
{
    weir_codec_protobuf_put_u64(buf, 1, value);
}

static void server_page(struct weir_buf *buf)
{
    /* Clients call what they find here: only what is served is listed. */
    static const char *const extensions[] = {
        "classification",  "model_repository",    "model_repository(unload_dependents)",
        "schedule_policy", "model_configuration", "binary_tensor_data",
        "parameters",      "statistics",          "logging"};
    weir_codec_protobuf_put_text(buf, NAME, WEIR_STR("weir"));
    weir_codec_protobuf_put_text(buf, VERSION, WEIR_STR(WEIR_VERSION));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(extensions); i++)
        weir_codec_protobuf_put_text(buf, SERVER_EXTENSIONS, weir_str_c(extensions[i]));
}

static enum weir_status model_ready_page(const struct weir_protocol_grpc_page *page)
{
    struct weir_protocol_target target;
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    enum weir_status status =
        weir_protocol_grpc_pages_find_version(page, &target, &model, &version);
    if (status != WEIR_OK && status != WEIR_ERR_NOT_FOUND && status != WEIR_ERR_BUSY)
        return status;
    put_bool(page->buf, status == WEIR_OK);
    return WEIR_OK;
}

void weir_protocol_grpc_pages_put_number_text(struct weir_buf *buf, uint32_t field, uint64_t number)
{
    char digits[WEIR_CODEC_NUMBER_BYTES_MAX];
    size_t n = weir_codec_number_print_u64(digits, number);
    weir_codec_protobuf_put_text_always(buf, field, weir_str_make(digits, n));
}

/* Where tensors are told of. */
struct put_tensor {
    struct weir_buf *buf;
    uint32_t field;
};

static void put_tensor(void *ctx, struct weir_str name, enum weir_dtype dtype, const int64_t *dims,
                       size_t n_dims)
{
    const struct put_tensor *to = ctx;
    size_t tensor = weir_codec_protobuf_begin(to->buf, to->field);
    weir_codec_protobuf_put_text(to->buf, TENSOR_NAME, name);
    weir_codec_protobuf_put_text(to->buf, TENSOR_DATATYPE, weir_str_c(weir_dtype_name(dtype)));
    if (n_dims > 0) {
        size_t shape = weir_codec_protobuf_begin(to->buf, TENSOR_SHAPE);
        for (size_t i = 0; i < n_dims; i++)
            weir_codec_protobuf_append_varint(to->buf, (uint64_t)dims[i]);
        weir_codec_protobuf_end(to->buf, shape);
    }
    weir_codec_protobuf_end(to->buf, tensor);
}

static void put_property(struct weir_buf *buf, const char *key, struct weir_str value)
{
    if (value.n == 0)
        return;
    size_t entry = weir_codec_protobuf_begin(buf, MODEL_PROPERTIES);
    weir_codec_protobuf_put_text(buf, ENTRY_KEY, weir_str_c(key));
    weir_codec_protobuf_put_text(buf, ENTRY_VALUE, value);
    weir_codec_protobuf_end(buf, entry);
}

static void put_versions(const struct weir_protocol_grpc_page *page,
                         const struct weir_protocol_model *model,
                         const struct weir_protocol_version *version, bool is_one)
{
    if (is_one)
        weir_protocol_grpc_pages_put_number_text(page->buf, MODEL_VERSIONS, version->number);
    for (size_t i = 0; !is_one && i < model->n_serving; i++) {
        struct weir_protocol_version v;
        page->catalog->ops->version(page->catalog, model, i, &v);
        weir_protocol_grpc_pages_put_number_text(page->buf, MODEL_VERSIONS, v.number);
    }
}

static enum weir_status model_page(const struct weir_protocol_grpc_page *page)
{
    struct weir_protocol_target target;
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    enum weir_status status =
        weir_protocol_grpc_pages_find_version(page, &target, &model, &version);
    if (status != WEIR_OK)
        return status;
    const struct weir_spec *spec = version.spec;
    struct weir_buf *buf = page->buf;
    weir_codec_protobuf_put_text(buf, NAME, model.name);
    put_versions(page, &model, &version, target.version.n > 0);
    weir_codec_protobuf_put_text(buf, MODEL_PLATFORM, spec->platform);
    weir_protocol_grpc_describe_inputs(spec, put_tensor, &(struct put_tensor){buf, MODEL_INPUTS});
    weir_protocol_grpc_describe_outputs(spec, put_tensor, &(struct put_tensor){buf, MODEL_OUTPUTS});
    put_property(buf, "estimator", spec->estimator);
    put_property(buf, "library", spec->library);
    put_property(buf, "library_version", spec->library_version);
    put_property(buf, "digest", version.digest);
    put_property(buf, "file", version.file);
    return WEIR_OK;
}

static enum weir_status write_page(const struct weir_protocol_grpc_page *page)
{
    struct weir_str reason;
    switch (page->action) {
    case WEIR_PROTOCOL_GRPC_LIVE:
        put_bool(page->buf, true);
        return WEIR_OK;
    case WEIR_PROTOCOL_GRPC_READY:
        put_bool(page->buf, page->catalog->ops->is_ready(page->catalog, &reason));
        return WEIR_OK;
    case WEIR_PROTOCOL_GRPC_SERVER:
        server_page(page->buf);
        return WEIR_OK;
    case WEIR_PROTOCOL_GRPC_MODEL_READY:
        return model_ready_page(page);
    case WEIR_PROTOCOL_GRPC_MODEL:
        return model_page(page);
    case WEIR_PROTOCOL_GRPC_CONFIG:
        return weir_protocol_grpc_config_page(page);
    case WEIR_PROTOCOL_GRPC_STATISTICS:
        return weir_protocol_grpc_statistics_page(page);
    case WEIR_PROTOCOL_GRPC_INDEX:
        return weir_protocol_grpc_repository_index_page(page);
    case WEIR_PROTOCOL_GRPC_LOAD:
    case WEIR_PROTOCOL_GRPC_UNLOAD:
        weir_protocol_grpc_repository_done_page(page);
        return WEIR_OK;
    case WEIR_PROTOCOL_GRPC_LOG:
        weir_protocol_grpc_settings_log_page(page);
        return WEIR_OK;
    case WEIR_PROTOCOL_GRPC_TRACE:
        return weir_protocol_grpc_settings_trace_page(page);
    case WEIR_PROTOCOL_GRPC_SHARED_NONE:
        return WEIR_OK; /* There are no regions: nothing to tell, nothing to forget. */
    case WEIR_PROTOCOL_GRPC_SHARED_REGISTER:
        return weir_error_set(page->err, WEIR_ERR_UNSUPPORTED, "shared memory is not served");
    case WEIR_PROTOCOL_GRPC_HEALTH:
    case WEIR_PROTOCOL_GRPC_HEALTH_WATCH:
        return weir_protocol_grpc_health_page(page);
    case WEIR_PROTOCOL_GRPC_REFLECTION:
        return weir_protocol_grpc_reflection_page(page);
    case WEIR_PROTOCOL_GRPC_TFS_METADATA:
        return weir_protocol_grpc_tfs_metadata_page(page);
    case WEIR_PROTOCOL_GRPC_TFS_STATUS:
        return weir_protocol_grpc_tfs_status_page(page);
    case WEIR_PROTOCOL_GRPC_TFS_PREDICT:
    case WEIR_PROTOCOL_GRPC_INFER:
    case WEIR_PROTOCOL_GRPC_STREAM_INFER:
        break;
    }
    return weir_error_set(page->err, WEIR_ERR_INTERNAL, "not a page");
}

enum weir_status weir_protocol_grpc_pages_write(const struct weir_protocol_question *question,
                                                const struct weir_protocol_catalog *catalog,
                                                struct weir_protocol_page *out,
                                                struct weir_error *err)
{
    struct weir_protocol_grpc_page page = {
        .action = (enum weir_protocol_grpc_action)question->route->action,
        .body = question->body,
        .model = question->target.model,
        .catalog = catalog,
        .buf = out->body,
        .err = err,
    };
    size_t place = weir_protocol_grpc_begin(out->body);
    enum weir_status status = write_page(&page);
    weir_protocol_grpc_end(out->body, place);
    return status;
}

enum weir_status weir_protocol_grpc_pages_order(const struct weir_protocol_question *question,
                                                struct weir_protocol_order *out,
                                                struct weir_error *err)
{
    return question->route->action == WEIR_PROTOCOL_GRPC_LOG
               ? weir_protocol_grpc_settings_order_log(question->body, out, err)
               : weir_protocol_grpc_repository_order(question->body, out, err);
}
