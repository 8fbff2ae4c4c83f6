/* SPDX-License-Identifier: MIT */
/* Metadata of the Open Inference Protocol v2. */
#include "base/clock.h"
#include "protocol/v2/v2_priv.h"

#include <time.h>

#ifndef WEIR_VERSION
#define WEIR_VERSION "unknown"
#endif

static void server_page(struct weir_buf *buf)
{
    /* Clients call what they find here: only what is served is listed. */
    weir_buf_append_c(buf, "{\"name\":\"weir\",\"version\":\"" WEIR_VERSION
                           "\",\"extensions\":[\"binary_tensor_data\",\"classification\","
                           "\"logging\",\"model_configuration\",\"model_repository\","
                           "\"model_repository(unload_dependents)\",\"parameters\","
                           "\"schedule_policy\",\"statistics\"]}");
}

static void write_texts(struct weir_buf *buf, const struct weir_str *texts, size_t n)
{
    weir_buf_append_byte(buf, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        weir_codec_json_append_text(buf, texts[i]);
    }
    weir_buf_append_byte(buf, ']');
}

/* Appends the beginning of a tensor up to its shape's '['. */
static void write_head(struct weir_buf *buf, bool *is_first, struct weir_str name,
                       enum weir_dtype dtype)
{
    if (!*is_first)
        weir_buf_append_byte(buf, ',');
    *is_first = false;
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, name);
    weir_buf_append_c(buf, ",\"datatype\":\"");
    weir_buf_append_c(buf, weir_dtype_name(dtype));
    weir_buf_append_c(buf, "\",\"shape\":[");
}

static void write_tensor(struct weir_buf *buf, bool *is_first, struct weir_str name,
                         enum weir_dtype dtype, bool is_vector, uint64_t n_columns)
{
    write_head(buf, is_first, name, dtype);
    weir_buf_append_c(buf, "-1");
    if (!is_vector) {
        weir_buf_append_byte(buf, ',');
        weir_buf_append_u64(buf, n_columns);
    }
    weir_buf_append_c(buf, "]}");
}

/* A graph's own inputs or outputs. */
static void write_infos(struct weir_buf *buf, const struct weir_tensor_info *infos, size_t n)
{
    bool is_first = true;
    for (size_t i = 0; i < n; i++) {
        write_head(buf, &is_first, weir_str_c(infos[i].name), infos[i].dtype);
        for (int32_t k = 0; k < infos[i].n_dims; k++) {
            if (k > 0)
                weir_buf_append_byte(buf, ',');
            weir_buf_append_i64(buf, infos[i].dims[k]);
        }
        if (infos[i].n_dims < 0)
            weir_buf_append_c(buf, "-1"); /* any number of dimensions: v2 has no word for it */
        weir_buf_append_c(buf, "]}");
    }
}

/* A frame's columns are inputs of their own, if they have names. */
static void write_columns(struct weir_buf *buf, const struct weir_spec *spec)
{
    bool is_first = true;
    if (!spec->feature_names) {
        write_tensor(buf, &is_first, WEIR_STR("input-0"), WEIR_BYTES, false, spec->n_features);
        return;
    }
    for (size_t i = 0; i < spec->n_features; i++)
        write_tensor(buf, &is_first, spec->feature_names[i],
                     spec->columns[i] == WEIR_COLUMN_NUMBER ? WEIR_F64 : WEIR_BYTES, false, 1);
}

static void write_outputs(struct weir_buf *buf, const struct weir_spec *spec, enum weir_dtype dtype)
{
    bool is_first = true;
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        enum weir_output output = (enum weir_output)i;
        const struct weir_spec_output *o = &spec->outputs[i];
        if (o->is_given)
            write_tensor(buf, &is_first,
                         o->alias.n > 0 ? o->alias : weir_str_c(weir_output_name(output)),
                         weir_spec_output_dtype(spec, output, dtype), o->is_vector, o->n_columns);
    }
}

static void write_tensors(struct weir_buf *buf, const struct weir_spec *spec)
{
    weir_buf_append_c(buf, ",\"inputs\":[");
    if (spec->form == WEIR_INPUT_TENSORS) {
        write_infos(buf, spec->tensors->inputs, spec->tensors->n_inputs);
        weir_buf_append_c(buf, "],\"outputs\":[");
        write_infos(buf, spec->tensors->outputs, spec->tensors->n_outputs);
        weir_buf_append_byte(buf, ']');
        return;
    }
    /* The type that loses nothing: what the model casts to at once, or double. */
    enum weir_dtype dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    bool is_first = true;
    if (spec->form == WEIR_INPUT_FRAME)
        write_columns(buf, spec);
    else
        write_tensor(buf, &is_first,
                     spec->input_name.n > 0 ? spec->input_name : WEIR_STR("input-0"), dtype, false,
                     spec->n_features);
    weir_buf_append_c(buf, "],\"outputs\":[");
    write_outputs(buf, spec, dtype);
    weir_buf_append_byte(buf, ']');
}

/* Appends a member with a text unless that is empty; *is_first: no member was written yet. */
static void write_member(struct weir_buf *buf, bool *is_first, const char *name,
                         struct weir_str text)
{
    if (text.n == 0)
        return;
    if (!*is_first)
        weir_buf_append_byte(buf, ',');
    *is_first = false;
    weir_buf_append_byte(buf, '"');
    weir_buf_append_c(buf, name);
    weir_buf_append_c(buf, "\":");
    weir_codec_json_append_text(buf, text);
}

static void write_classes(struct weir_buf *buf, const struct weir_spec *spec)
{
    for (size_t t = 0; t < spec->n_targets; t++) {
        if (t > 0)
            weir_buf_append_byte(buf, ',');
        weir_protocol_write_labels(buf, &spec->targets[t]);
    }
}

static bool has_classes(const struct weir_spec *spec)
{
    for (size_t t = 0; t < spec->n_targets; t++) {
        if (spec->targets[t].n > 0)
            return true;
    }
    return false;
}

/* Appends what the spec tells beside its tensors. */
static void write_origin(struct weir_buf *buf, bool *is_first, const struct weir_spec *spec)
{
    write_member(buf, is_first, "estimator", spec->estimator);
    write_member(buf, is_first, "library", spec->library);
    write_member(buf, is_first, "library_version", spec->library_version);
    if (spec->feature_names) {
        weir_buf_append_c(buf, *is_first ? "\"feature_names\":" : ",\"feature_names\":");
        *is_first = false;
        write_texts(buf, spec->feature_names, spec->n_features);
    }
    if (has_classes(spec)) {
        weir_buf_append_c(buf, *is_first ? "\"classes\":" : ",\"classes\":");
        *is_first = false;
        if (spec->n_targets > 1)
            weir_buf_append_byte(buf, '[');
        write_classes(buf, spec);
        if (spec->n_targets > 1)
            weir_buf_append_byte(buf, ']');
    }
}

/* Writes a wall-clock time as RFC 3339 in UTC. */
static struct weir_str time_text(uint64_t wall_ns, char room[WEIR_PROTOCOL_V2_TIME_BYTES])
{
    time_t s = (time_t)(wall_ns / WEIR_NS_PER_S);
    struct tm tm;
    (void)gmtime_r(&s, &tm); /* Cannot fail for the present. */
    return weir_str_make(room,
                         strftime(room, WEIR_PROTOCOL_V2_TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm));
}

/* Appends how labels are decided. */
static void write_threshold(struct weir_buf *buf, const struct weir_protocol_version *version)
{
    const struct weir_tensor_threshold *t = version->threshold;
    bool is_first = false;
    weir_buf_append_c(buf, ",\"threshold\":{\"value\":");
    weir_codec_number_append_f64(buf, t->value, WEIR_CODEC_NUMBER_NONFINITE_NULL);
    write_member(buf, &is_first, "score", weir_str_c(weir_output_name(t->score)));
    weir_buf_append_c(buf, ",\"positive\":");
    weir_buf_append_str(buf, weir_tensor_threshold_positive(t, version->spec));
    write_member(buf, &is_first, "origin", weir_str_c(t->origin));
    weir_buf_append_byte(buf, '}');
}

/* What failed most recently of a model. */
static void write_failure(struct weir_buf *buf, bool is_first,
                          const struct weir_protocol_model *model,
                          const struct weir_protocol_catalog *catalog)
{
    for (size_t i = model->n_serving; i < model->n_versions; i++) {
        struct weir_protocol_version v;
        char room[WEIR_PROTOCOL_V2_TIME_BYTES];
        catalog->ops->version(catalog, model, i, &v);
        if (!weir_str_eq(v.state, WEIR_STR("failed")) && !weir_str_eq(v.state, WEIR_STR("held")))
            continue;
        weir_buf_append_c(buf, is_first ? "\"last_failure\":{" : ",\"last_failure\":{");
        is_first = true;
        write_member(buf, &is_first, "file", v.file);
        write_member(buf, &is_first, "reason", v.reason);
        write_member(buf, &is_first, "since", time_text(v.since_wall_ns, room));
        weir_buf_append_byte(buf, '}');
        return;
    }
}

/* Versions are texts in this protocol. */
static void write_number(struct weir_buf *buf, uint64_t number)
{
    weir_buf_append_byte(buf, '"');
    weir_buf_append_u64(buf, number);
    weir_buf_append_byte(buf, '"');
}

/* The numbers of the versions that serve, or of the one that was asked for. */
static void write_versions(struct weir_buf *buf, const struct weir_protocol_model *model,
                           const struct weir_protocol_version *version, bool is_one,
                           const struct weir_protocol_catalog *catalog)
{
    weir_buf_append_byte(buf, '[');
    if (is_one)
        write_number(buf, version->number);
    for (size_t i = 0; !is_one && i < model->n_serving; i++) {
        struct weir_protocol_version v;
        catalog->ops->version(catalog, model, i, &v);
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        write_number(buf, v.number);
    }
    weir_buf_append_byte(buf, ']');
}

/* The v2 metadata of a model, and under "parameters" what we add: version, digest, file, state,
 * estimator, library, library_version, feature_names, classes (a list for each target where there
 * are several), threshold, last_failure. */
static void model_page(struct weir_buf *buf, const struct weir_protocol_model *model,
                       const struct weir_protocol_version *version, bool is_one,
                       const struct weir_protocol_catalog *catalog)
{
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, model->name);
    weir_buf_append_c(buf, ",\"versions\":");
    write_versions(buf, model, version, is_one, catalog);
    weir_buf_append_c(buf, ",\"platform\":");
    weir_codec_json_append_text(buf, version->spec ? version->spec->platform : WEIR_STR(""));
    if (version->spec)
        write_tensors(buf, version->spec);
    else
        weir_buf_append_c(buf, ",\"inputs\":[],\"outputs\":[]");
    weir_buf_append_c(buf, ",\"parameters\":{");
    bool is_first = true;
    if (version->spec) {
        weir_buf_append_c(buf, "\"version\":");
        write_number(buf, version->number);
        is_first = false;
        write_member(buf, &is_first, "digest", version->digest);
        write_member(buf, &is_first, "file", version->file);
    }
    write_member(buf, &is_first, "state", version->state);
    if (version->spec)
        write_origin(buf, &is_first, version->spec);
    if (version->spec && version->threshold)
        write_threshold(buf, version);
    write_failure(buf, is_first, model, catalog);
    weir_buf_append_c(buf, "}}");
}

static enum weir_status answer_model(const struct weir_protocol_question *question,
                                     const struct weir_protocol_catalog *catalog,
                                     struct weir_buf *buf, struct weir_error *err)
{
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    enum weir_status status = catalog->ops->find(catalog, &question->target, &model, &version, err);
    bool is_metadata = question->route->action == WEIR_PROTOCOL_V2_MODEL;
    bool is_one = question->target.version.n > 0;
    /* A model that is known but not served is described, with the reason. */
    if (is_metadata && (status == WEIR_OK || status == WEIR_ERR_BUSY)) {
        model_page(buf, &model, &version, is_one && status == WEIR_OK, catalog);
        return WEIR_OK;
    }
    if (status != WEIR_OK)
        return status;
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, model.name);
    weir_buf_append_c(buf, ",\"ready\":true}");
    return WEIR_OK;
}

static void write_done(struct weir_buf *buf, struct weir_str model, const char *what)
{
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, model);
    weir_buf_printf(buf, ",\"%s\":true}", what);
}

enum weir_status weir_protocol_v2_documents_page(const struct weir_protocol_question *question,
                                                 const struct weir_protocol_catalog *catalog,
                                                 struct weir_protocol_page *page,
                                                 struct weir_error *err)
{
    struct weir_str reason;
    switch ((enum weir_protocol_v2_action)question->route->action) {
    case WEIR_PROTOCOL_V2_SERVER:
        server_page(page->body);
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_LIVE:
        weir_buf_append_c(page->body, "{\"live\":true}");
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_READY:
        if (!catalog->ops->is_ready(catalog, &reason))
            return weir_error_set(err, WEIR_ERR_BUSY, "%.*s", WEIR_STR_ARG(reason));
        weir_buf_append_c(page->body, "{\"ready\":true,\"live\":true}");
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_MODELS:
        weir_protocol_write_models(page->body, catalog);
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_MODEL:
    case WEIR_PROTOCOL_V2_MODEL_READY:
        return answer_model(question, catalog, page->body, err);
    case WEIR_PROTOCOL_V2_LOAD:
        write_done(page->body, question->target.model, "load");
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_UNLOAD:
        write_done(page->body, question->target.model, "unload");
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_INDEX:
        return weir_protocol_v2_repository_index(question, catalog, page->body, err);
    case WEIR_PROTOCOL_V2_CONFIG:
        return weir_protocol_v2_config_page(question, catalog, page->body, err);
    case WEIR_PROTOCOL_V2_STATISTICS:
    case WEIR_PROTOCOL_V2_ALL_STATISTICS:
        return weir_protocol_v2_statistics_page(question, catalog, page->body, err);
    case WEIR_PROTOCOL_V2_LOGGING:
        weir_protocol_v2_settings_logging(page->body);
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_TRACE:
        return weir_protocol_v2_settings_trace(question, catalog, page, err);
    case WEIR_PROTOCOL_V2_MEMORY_STATUS:
        weir_buf_append_c(page->body, "[]");
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_MEMORY_CLEAR: /* There is none to be unregistered. */
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_MEMORY_CHANGE:
    case WEIR_PROTOCOL_V2_GENERATE:
        weir_protocol_v2_settings_refuse((enum weir_protocol_v2_action)question->route->action,
                                         page);
        return WEIR_OK;
    case WEIR_PROTOCOL_V2_INFER:
        break;
    }
    return weir_error_set(err, WEIR_ERR_INTERNAL, "not a page");
}
