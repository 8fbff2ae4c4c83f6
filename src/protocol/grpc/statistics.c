/* SPDX-License-Identifier: MIT */
/* Triton's ModelStatistics. Times are nanoseconds; what is counted is in dialect.h. */
#include "protocol/grpc/pages.h"

/* Field numbers. */
enum {
    RESPONSE_STATS = 1,
    STATS_NAME = 1,
    STATS_VERSION = 2,
    STATS_LAST_MS = 3,
    STATS_ROWS = 4,
    STATS_BATCHES = 5,
    STATS_INFER = 6,
    STATS_SIZES = 7,
    STATS_MEMORY = 8,
    INFER_SUCCESS = 1,
    INFER_FAIL = 2,
    INFER_QUEUE = 3,
    INFER_INPUT = 4,
    INFER_RUN = 5,
    INFER_OUTPUT = 6,
    INFER_CACHE_HIT = 7,
    INFER_CACHE_MISS = 8,
    SIZE_ROWS = 1,
    SIZE_INPUT = 2,
    SIZE_RUN = 3,
    SIZE_OUTPUT = 4,
    MEMORY_TYPE = 1,
    MEMORY_BYTES = 3,
    DURATION_COUNT = 1,
    DURATION_NS = 2,
    REQUEST_NAME = 1,
    REQUEST_VERSION = 2,
};

/* Clients take every member for granted: empty ones are there too. */
static void put_duration(struct weir_buf *buf, uint32_t field, uint64_t count, uint64_t ns)
{
    size_t place = weir_codec_protobuf_begin(buf, field);
    weir_codec_protobuf_put_u64(buf, DURATION_COUNT, count);
    weir_codec_protobuf_put_u64(buf, DURATION_NS, ns);
    weir_codec_protobuf_end(buf, place);
}

static void put_sizes(struct weir_buf *buf, const struct weir_protocol_statistics *s)
{
    for (size_t i = 0; i < s->n_sizes; i++) {
        const struct weir_protocol_batch_size *size = &s->sizes[i];
        size_t place = weir_codec_protobuf_begin(buf, STATS_SIZES);
        weir_codec_protobuf_put_u64(buf, SIZE_ROWS, size->n_rows);
        put_duration(buf, SIZE_INPUT, size->count, size->decode_ns);
        put_duration(buf, SIZE_RUN, size->count, size->run_ns);
        put_duration(buf, SIZE_OUTPUT, size->count, size->encode_ns);
        weir_codec_protobuf_end(buf, place);
    }
}

static void put_version(const struct weir_protocol_grpc_page *page, struct weir_str name,
                        const struct weir_protocol_version *version)
{
    struct weir_protocol_statistics s = {.n_rows = 0};
    struct weir_buf *buf = page->buf;
    page->catalog->ops->statistics(page->catalog, version, &s);
    size_t stats = weir_codec_protobuf_begin(buf, RESPONSE_STATS);
    weir_codec_protobuf_put_text(buf, STATS_NAME, name);
    weir_protocol_grpc_pages_put_number_text(buf, STATS_VERSION, version->number);
    weir_codec_protobuf_put_u64(buf, STATS_LAST_MS, s.last_wall_ms);
    weir_codec_protobuf_put_u64(buf, STATS_ROWS, s.n_rows);
    weir_codec_protobuf_put_u64(buf, STATS_BATCHES, s.n_batches);
    size_t infer = weir_codec_protobuf_begin(buf, STATS_INFER);
    put_duration(buf, INFER_SUCCESS, s.success.count, s.success.ns);
    put_duration(buf, INFER_FAIL, s.fail.count, s.fail.ns);
    put_duration(buf, INFER_QUEUE, s.queue.count, s.queue.ns);
    put_duration(buf, INFER_INPUT, s.decode.count, s.decode.ns);
    put_duration(buf, INFER_RUN, s.run.count, s.run.ns);
    put_duration(buf, INFER_OUTPUT, s.encode.count, s.encode.ns);
    put_duration(buf, INFER_CACHE_HIT, 0, 0);
    put_duration(buf, INFER_CACHE_MISS, 0, 0);
    weir_codec_protobuf_end(buf, infer);
    put_sizes(buf, &s);
    size_t memory = weir_codec_protobuf_begin(buf, STATS_MEMORY);
    weir_codec_protobuf_put_text(buf, MEMORY_TYPE, WEIR_STR("CPU"));
    weir_codec_protobuf_put_u64(buf, MEMORY_BYTES, s.model_bytes);
    weir_codec_protobuf_end(buf, memory);
    weir_codec_protobuf_end(buf, stats);
}

enum weir_status weir_protocol_grpc_statistics_page(const struct weir_protocol_grpc_page *page)
{
    struct weir_protocol_target target;
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    if (!weir_protocol_grpc_pages_find_text(page->body, REQUEST_NAME, &target.model) ||
        !weir_protocol_grpc_pages_find_text(page->body, REQUEST_VERSION, &target.version))
        return weir_protocol_grpc_pages_fail(page);
    const struct weir_protocol_catalog *catalog = page->catalog;
    if (target.model.n > 0) {
        enum weir_status status = catalog->ops->find(catalog, &target, &model, &version, page->err);
        if (status == WEIR_OK && target.version.n > 0)
            put_version(page, model.name, &version);
        for (size_t v = 0; status == WEIR_OK && target.version.n == 0 && v < model.n_serving; v++) {
            catalog->ops->version(catalog, &model, v, &version);
            put_version(page, model.name, &version);
        }
        return status;
    }
    for (size_t i = 0; i < catalog->ops->n_models(catalog); i++) {
        catalog->ops->model(catalog, i, &model);
        for (size_t v = 0; v < model.n_serving; v++) {
            catalog->ops->version(catalog, &model, v, &version);
            put_version(page, model.name, &version);
        }
    }
    return WEIR_OK;
}
