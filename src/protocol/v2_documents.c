/* SPDX-License-Identifier: MIT */
/* Metadata of the Open Inference Protocol v2. */
#include "protocol/protocol_priv.h"

#ifndef WEIR_VERSION
#define WEIR_VERSION "unknown"
#endif

void weir_protocol_v2_server(struct weir_buf *buf)
{
    /* Clients call what they find here: only what is served is listed. */
    weir_buf_append_c(buf, "{\"name\":\"weir\",\"version\":\"" WEIR_VERSION
                           "\",\"extensions\":[\"parameters\"]}");
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

void weir_protocol_v2_models(struct weir_buf *buf, const struct weir_str *names, size_t n)
{
    weir_buf_append_c(buf, "{\"models\":");
    write_texts(buf, names, n);
    weir_buf_append_byte(buf, '}');
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
        const struct weir_labels *labels = &spec->targets[t];
        if (t > 0)
            weir_buf_append_byte(buf, ',');
        weir_buf_append_byte(buf, '[');
        for (size_t i = 0; i < labels->n; i++) {
            if (i > 0)
                weir_buf_append_byte(buf, ',');
            weir_buf_append_str(buf, labels->json[i]);
        }
        weir_buf_append_byte(buf, ']');
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

void weir_protocol_v2_model(struct weir_buf *buf, const struct weir_protocol_model *model)
{
    weir_assert(model);
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, model->name);
    weir_buf_append_c(buf, ",\"versions\":");
    write_texts(buf, model->versions, model->n_versions);
    weir_buf_append_c(buf, ",\"platform\":");
    weir_codec_json_append_text(buf, model->spec ? model->spec->platform : WEIR_STR(""));
    if (model->spec)
        write_tensors(buf, model->spec);
    else
        weir_buf_append_c(buf, ",\"inputs\":[],\"outputs\":[]");
    weir_buf_append_c(buf, ",\"parameters\":{");
    bool is_first = true;
    write_member(buf, &is_first, "version", model->version);
    write_member(buf, &is_first, "digest", model->digest);
    write_member(buf, &is_first, "file", model->file);
    write_member(buf, &is_first, "state", model->state);
    if (model->spec)
        write_origin(buf, &is_first, model->spec);
    if (model->failed_reason.n > 0) {
        weir_buf_append_c(buf, is_first ? "\"last_failure\":{" : ",\"last_failure\":{");
        is_first = true;
        write_member(buf, &is_first, "file", model->failed_file);
        write_member(buf, &is_first, "reason", model->failed_reason);
        write_member(buf, &is_first, "since", model->failed_since);
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_c(buf, "}}");
}
