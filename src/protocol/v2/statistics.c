/* SPDX-License-Identifier: MIT */
/* Triton's statistics extension: what the versions that serve have done. perf_analyzer reads every
 * member of inference_stats without asking whether it is there. */
#include "protocol/v2/v2_priv.h"

static void write_duration(struct weir_buf *buf, const char *name, uint64_t count, uint64_t ns)
{
    weir_buf_printf(buf, "\"%s\":{\"count\":%llu,\"ns\":%llu}", name, (unsigned long long)count,
                    (unsigned long long)ns);
}

static void write_member(struct weir_buf *buf, const char *name,
                         const struct weir_protocol_duration *d)
{
    write_duration(buf, name, d->count, d->ns);
    weir_buf_append_byte(buf, ',');
}

static void write_sizes(struct weir_buf *buf, const struct weir_protocol_statistics *s)
{
    for (size_t i = 0; i < s->n_sizes; i++) {
        const struct weir_protocol_batch_size *size = &s->sizes[i];
        weir_buf_printf(buf, "%s{\"batch_size\":%llu,", i > 0 ? "," : "",
                        (unsigned long long)size->n_rows);
        write_duration(buf, "compute_input", size->count, size->decode_ns);
        weir_buf_append_byte(buf, ',');
        write_duration(buf, "compute_infer", size->count, size->run_ns);
        weir_buf_append_byte(buf, ',');
        write_duration(buf, "compute_output", size->count, size->encode_ns);
        weir_buf_append_byte(buf, '}');
    }
}

static void write_version(struct weir_buf *buf, bool *is_first, struct weir_str model,
                          const struct weir_protocol_version *version,
                          const struct weir_protocol_catalog *catalog)
{
    struct weir_protocol_statistics s;
    catalog->ops->statistics(catalog, version, &s);
    weir_buf_append_c(buf, *is_first ? "{\"name\":" : ",{\"name\":");
    *is_first = false;
    weir_codec_json_append_text(buf, model);
    weir_buf_printf(buf,
                    ",\"version\":\"%llu\",\"last_inference\":%llu,\"inference_count\":%llu,"
                    "\"execution_count\":%llu,\"inference_stats\":{",
                    (unsigned long long)version->number, (unsigned long long)s.last_wall_ms,
                    (unsigned long long)s.n_rows, (unsigned long long)s.n_batches);
    write_member(buf, "success", &s.success);
    write_member(buf, "fail", &s.fail);
    write_member(buf, "queue", &s.queue);
    write_member(buf, "compute_input", &s.decode);
    write_member(buf, "compute_infer", &s.run);
    write_member(buf, "compute_output", &s.encode);
    /* There is no cache. */
    weir_buf_append_c(buf, "\"cache_hit\":{\"count\":0,\"ns\":0},\"cache_miss\":{\"count\":0,"
                           "\"ns\":0}},\"response_stats\":{},\"batch_stats\":[");
    write_sizes(buf, &s);
    weir_buf_printf(buf, "],\"memory_usage\":[{\"type\":\"CPU\",\"id\":0,\"byte_size\":%llu}]}",
                    (unsigned long long)s.model_bytes);
}

/* All versions of a model that serve. */
static void write_model(struct weir_buf *buf, bool *is_first,
                        const struct weir_protocol_model *model,
                        const struct weir_protocol_catalog *catalog)
{
    for (size_t i = 0; i < model->n_serving; i++) {
        struct weir_protocol_version version;
        catalog->ops->version(catalog, model, i, &version);
        write_version(buf, is_first, model->name, &version, catalog);
    }
}

enum weir_status weir_protocol_v2_statistics_page(const struct weir_protocol_question *question,
                                                  const struct weir_protocol_catalog *catalog,
                                                  struct weir_buf *buf, struct weir_error *err)
{
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    bool is_first = true;
    bool is_of_all = question->route->action == WEIR_PROTOCOL_V2_ALL_STATISTICS;
    if (!is_of_all) {
        enum weir_status status =
            catalog->ops->find(catalog, &question->target, &model, &version, err);
        if (status != WEIR_OK)
            return status;
    }
    weir_buf_append_c(buf, "{\"model_stats\":[");
    if (!is_of_all && question->target.version.n > 0) {
        write_version(buf, &is_first, model.name, &version, catalog);
    } else if (!is_of_all) {
        write_model(buf, &is_first, &model, catalog);
    }
    for (size_t i = 0; is_of_all && i < catalog->ops->n_models(catalog); i++) {
        catalog->ops->model(catalog, i, &model);
        write_model(buf, &is_first, &model, catalog);
    }
    weir_buf_append_c(buf, "]}");
    return WEIR_OK;
}
