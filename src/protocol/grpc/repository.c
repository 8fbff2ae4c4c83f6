/* SPDX-License-Identifier: MIT */
/* The model repository: what there is, and what is to be loaded or unloaded.
 *
 * Triton and KServe have these calls under one name with different numbers: Triton's model is field
 * 2, after a repository; KServe's is field 1, and its answers say what was done. */
#include "base/macros.h"
#include "protocol/grpc/pages.h"

/* Field numbers. */
enum {
    INDEX_REPOSITORY = 1,
    INDEX_READY = 2,
    INDEX_MODELS = 1,
    MODEL_NAME = 1,
    MODEL_VERSION = 2,
    MODEL_STATE = 3,
    MODEL_REASON = 4,
    ORDER_FIRST = 1, /* Triton: repository_name; KServe: model_name */
    ORDER_MODEL = 2,
    ORDER_PARAMETERS = 3,
    DONE_MODEL = 1, /* KServe */
    DONE_IS_DONE = 2,
};

/* Triton's word for a state of ours. */
static const char *state_of(const struct weir_protocol_version *version)
{
    static const struct {
        const char *ours;
        const char *state;
    } states[] = {
        {"seen", "LOADING"},     {"settling", "LOADING"},   {"loading", "LOADING"},
        {"checking", "LOADING"}, {"retiring", "UNLOADING"},
    };
    if (version->spec)
        return "READY";
    for (size_t i = 0; i < WEIR_ARRAY_LEN(states); i++) {
        if (weir_str_eq_c(version->state, states[i].ours))
            return states[i].state;
    }
    return "UNAVAILABLE";
}

static void put_version(struct weir_buf *buf, struct weir_str name,
                        const struct weir_protocol_version *version)
{
    size_t model = weir_codec_protobuf_begin(buf, INDEX_MODELS);
    weir_codec_protobuf_put_text(buf, MODEL_NAME, name);
    if (version->number > 0)
        weir_protocol_grpc_pages_put_number_text(buf, MODEL_VERSION, version->number);
    weir_codec_protobuf_put_text(buf, MODEL_STATE, weir_str_c(state_of(version)));
    if (!version->spec)
        weir_codec_protobuf_put_text(buf, MODEL_REASON, version->reason);
    weir_codec_protobuf_end(buf, model);
}

enum weir_status
weir_protocol_grpc_repository_index_page(const struct weir_protocol_grpc_page *page)
{
    const struct weir_protocol_catalog *catalog = page->catalog;
    struct weir_str repository;
    uint64_t is_ready_only;
    if (!weir_protocol_grpc_pages_find_text(page->body, INDEX_REPOSITORY, &repository) ||
        !weir_protocol_grpc_pages_find_number(page->body, INDEX_READY, &is_ready_only))
        return weir_protocol_grpc_pages_fail(page);
    if (repository.n > 0)
        return weir_error_set(page->err, WEIR_ERR_UNSUPPORTED,
                              "repository_name: there is one repository, without a name");
    for (size_t i = 0; i < catalog->ops->n_models(catalog); i++) {
        struct weir_protocol_model model;
        catalog->ops->model(catalog, i, &model);
        for (size_t v = 0; v < (is_ready_only ? model.n_serving : model.n_versions); v++) {
            struct weir_protocol_version version;
            catalog->ops->version(catalog, &model, v, &version);
            put_version(page->buf, model.name, &version);
        }
    }
    return WEIR_OK;
}

void weir_protocol_grpc_repository_done_page(const struct weir_protocol_grpc_page *page)
{
    weir_codec_protobuf_put_text(page->buf, DONE_MODEL, page->model);
    weir_codec_protobuf_put_u64(page->buf, DONE_IS_DONE, 1);
}

enum weir_status weir_protocol_grpc_repository_order(struct weir_str body,
                                                     struct weir_protocol_order *out,
                                                     struct weir_error *err)
{
    struct weir_codec_protobuf message = weir_codec_protobuf_of(body);
    struct weir_codec_protobuf_field f;
    struct weir_str first = {NULL, 0};
    struct weir_str model = {NULL, 0};
    while (weir_codec_protobuf_next(&message, &f)) {
        struct weir_str key;
        struct weir_str value;
        if (f.type != WEIR_CODEC_PROTOBUF_BYTES)
            continue;
        if (f.number == ORDER_FIRST)
            first = f.bytes;
        if (f.number == ORDER_MODEL)
            model = f.bytes;
        if (f.number != ORDER_PARAMETERS)
            continue;
        if (!weir_protocol_grpc_pages_read_entry(f.bytes, &key, &value))
            message.is_malformed = true;
        else if (weir_str_eq_c(key, "config") || weir_str_starts(key, WEIR_STR("file:")))
            return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                  "parameters.%.*s: models are loaded from their files as they are",
                                  WEIR_STR_ARG(weir_str_make(key.at, weir_min_size(key.n, 64))));
    }
    if (message.is_malformed)
        return weir_error_set(err, WEIR_ERR_INVALID, "the message is malformed");
    if (model.n > 0 && first.n > 0)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "repository_name: there is one repository, without a name");
    out->model = model.n > 0 ? model : first;
    if (out->model.n == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "model_name is missing");
    return WEIR_OK;
}
