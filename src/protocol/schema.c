/* SPDX-License-Identifier: MIT */
#include "protocol/schema.h"

#include "codec/json.h"

enum {
    FEATURES_MAX = 512, /* with more of them features are not described one by one */
    CLASSES_MAX = 128,  /* the same for classes */
};

/* Appends `"MODEL.name":`. */
static void begin(struct weir_buf *out, struct weir_str model, const char *name)
{
    weir_buf_append_byte(out, '"');
    weir_buf_append_str(out, model);
    weir_buf_append_byte(out, '.');
    weir_buf_append_c(out, name);
    weir_buf_append_c(out, "\":");
}

void weir_protocol_schema_ref(struct weir_buf *out, struct weir_str model, const char *name)
{
    weir_buf_append_c(out, "{\"$ref\":\"#/components/schemas/");
    weir_buf_append_str(out, model);
    weir_buf_append_byte(out, '.');
    weir_buf_append_c(out, name);
    weir_buf_append_c(out, "\"}");
}

/* --- rows ----------------------------------------------------------------------------------- */

/* Appends what a cell may be. */
static void put_cell(struct weir_buf *out, const struct weir_spec *spec, size_t column)
{
    switch (weir_spec_column(spec, column)) {
    case WEIR_COLUMN_TEXT:
        weir_buf_append_c(out, "{\"type\":[\"string\",\"null\"]}");
        return;
    case WEIR_COLUMN_MIXED:
        weir_buf_append_c(out, "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}");
        return;
    case WEIR_COLUMN_NUMBER:
        break;
    }
    weir_buf_append_c(out, spec->allows_nan ? "{\"type\":[\"number\",\"null\"]}"
                                            : "{\"type\":\"number\"}");
}

static void put_row(struct weir_buf *out, const struct weir_spec *spec)
{
    unsigned long long n = spec->n_features;
    weir_buf_printf(out, "{\"type\":\"array\",\"minItems\":%llu,\"maxItems\":%llu", n, n);
    if (!spec->columns && spec->n_features > 0) {
        weir_buf_append_c(out, ",\"items\":");
        put_cell(out, spec, 0);
    }
    if (spec->columns && spec->n_features <= FEATURES_MAX) {
        weir_buf_append_c(out, ",\"prefixItems\":[");
        for (size_t i = 0; i < spec->n_features; i++) {
            if (i > 0)
                weir_buf_append_byte(out, ',');
            put_cell(out, spec, i);
        }
        weir_buf_append_byte(out, ']');
    }
    weir_buf_append_c(out, "},");
}

/* Appends an object with a member for each feature: a cell, or a list of them. */
static void put_named(struct weir_buf *out, const struct weir_spec *spec, bool is_list)
{
    weir_buf_append_c(out, "{\"type\":\"object\",\"required\":[");
    for (size_t i = 0; i < spec->n_features; i++) {
        if (i > 0)
            weir_buf_append_byte(out, ',');
        weir_codec_json_append_text(out, spec->feature_names[i]);
    }
    weir_buf_append_c(out, "],\"properties\":{");
    for (size_t i = 0; i < spec->n_features; i++) {
        if (i > 0)
            weir_buf_append_byte(out, ',');
        weir_codec_json_append_text(out, spec->feature_names[i]);
        weir_buf_append_c(out, is_list ? ":{\"type\":\"array\",\"minItems\":1,\"items\":" : ":");
        put_cell(out, spec, i);
        if (is_list)
            weir_buf_append_byte(out, '}');
    }
    weir_buf_append_c(out, "}},");
}

static void put_rows(struct weir_buf *out, struct weir_str model, const struct weir_spec *spec)
{
    bool is_named = spec->feature_names && spec->n_features <= FEATURES_MAX;
    begin(out, model, "row");
    put_row(out, spec);
    if (is_named) {
        begin(out, model, "record");
        put_named(out, spec, false);
        begin(out, model, "columns");
        put_named(out, spec, true);
    }
    begin(out, model, "rows");
    weir_buf_append_c(out, "{\"anyOf\":[{\"type\":\"array\",\"minItems\":1,\"items\":");
    weir_protocol_schema_ref(out, model, "row");
    if (is_named) {
        weir_buf_append_c(out, "},{\"type\":\"array\",\"minItems\":1,\"items\":");
        weir_protocol_schema_ref(out, model, "record");
    }
    weir_buf_append_c(out, "}]},");
    if (!is_named) {
        begin(out, model, "columns");
        weir_protocol_schema_ref(out, model, "rows");
        weir_buf_append_byte(out, ',');
    }
}

/* --- outputs -------------------------------------------------------------------------------- */

/* Appends what one value of an output may be. */
static void put_value(struct weir_buf *out, const struct weir_spec *spec, enum weir_output output)
{
    const struct weir_spec_output *o = &spec->outputs[output];
    const struct weir_labels *labels = &spec->targets[0];
    if (o->storage == WEIR_STORAGE_LABEL && spec->n_targets == 1 && labels->n <= CLASSES_MAX) {
        weir_buf_append_c(out, "{\"enum\":[");
        for (size_t i = 0; i < labels->n; i++) {
            if (i > 0)
                weir_buf_append_byte(out, ',');
            weir_buf_append_str(out, labels->json[i]);
        }
        weir_buf_append_c(out, "]}");
        return;
    }
    if (o->storage == WEIR_STORAGE_LABEL)
        weir_buf_append_c(out, "{\"type\":[\"string\",\"number\",\"boolean\"]}");
    else if (o->dtype == WEIR_BOOL)
        weir_buf_append_c(out, "{\"type\":[\"boolean\",\"null\"]}");
    else /* NaN and infinities are null in Flask style. */
        weir_buf_append_c(out, "{\"type\":[\"number\",\"null\"]}");
}

static void put_outputs(struct weir_buf *out, struct weir_str model, const struct weir_spec *spec)
{
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        enum weir_output output = (enum weir_output)i;
        const struct weir_spec_output *o = &spec->outputs[i];
        if (!o->is_given)
            continue;
        begin(out, model, weir_output_name(output));
        if (!o->is_vector)
            weir_buf_printf(out, "{\"type\":\"array\",\"minItems\":%u,\"maxItems\":%u,\"items\":",
                            o->n_columns, o->n_columns);
        put_value(out, spec, output);
        weir_buf_append_c(out, o->is_vector ? "," : "},");
    }
}

/* --- tensors -------------------------------------------------------------------------------- */

/* Appends what an element may be. */
static const char *element_text(enum weir_dtype dtype)
{
    switch (dtype) {
    case WEIR_BOOL:
        return "{\"type\":\"boolean\"}";
    case WEIR_U8:
    case WEIR_U16:
    case WEIR_U32:
    case WEIR_U64:
        return "{\"type\":\"integer\",\"minimum\":0}";
    case WEIR_I8:
    case WEIR_I16:
    case WEIR_I32:
    case WEIR_I64:
        return "{\"type\":\"integer\"}";
    case WEIR_BYTES:
        return "{\"type\":\"string\"}";
    case WEIR_F16:
    case WEIR_BF16:
    case WEIR_F32:
    case WEIR_F64:
        break;
    }
    return "{\"type\":[\"number\",\"null\"]}";
}

static void put_tensor(struct weir_buf *out, const struct weir_tensor_info *info)
{
    for (int32_t i = 0; i < info->n_dims; i++) {
        weir_buf_append_c(out, "{\"type\":\"array\",");
        if (info->dims[i] >= 0)
            weir_buf_printf(out, "\"minItems\":%lld,\"maxItems\":%lld,", (long long)info->dims[i],
                            (long long)info->dims[i]);
        weir_buf_append_c(out, "\"items\":");
    }
    weir_buf_append_c(out, info->n_dims < 0 ? "{}" : element_text(info->dtype));
    for (int32_t i = 0; i < info->n_dims; i++)
        weir_buf_append_byte(out, '}');
}

/* Appends an object with a member for each. */
static void put_infos(struct weir_buf *out, const struct weir_tensor_info *infos, size_t n)
{
    weir_buf_append_c(out, "{\"type\":\"object\",\"required\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            weir_buf_append_byte(out, ',');
        weir_codec_json_append_text(out, weir_str_c(infos[i].name));
    }
    weir_buf_append_c(out, "],\"properties\":{");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            weir_buf_append_byte(out, ',');
        weir_codec_json_append_text(out, weir_str_c(infos[i].name));
        weir_buf_append_byte(out, ':');
        put_tensor(out, &infos[i]);
    }
    weir_buf_append_c(out, "}}");
}

static void put_tensors(struct weir_buf *out, struct weir_str model,
                        const struct weir_tensors_spec *spec)
{
    begin(out, model, "rows");
    if (spec->n_inputs == 1)
        put_tensor(out, &spec->inputs[0]);
    else
        put_infos(out, spec->inputs, spec->n_inputs);
    weir_buf_append_byte(out, ',');
    begin(out, model, "columns");
    weir_protocol_schema_ref(out, model, "rows");
    weir_buf_append_byte(out, ',');
    begin(out, model, "outputs");
    put_infos(out, spec->outputs, spec->n_outputs);
    weir_buf_append_byte(out, ',');
    begin(out, model, "output.0");
    put_tensor(out, &spec->outputs[0]);
    weir_buf_append_byte(out, ',');
}

void weir_protocol_schema_components(struct weir_buf *out, struct weir_str model,
                                     const struct weir_spec *spec)
{
    if (spec->form == WEIR_INPUT_TENSORS) {
        put_tensors(out, model, spec->tensors);
        return;
    }
    put_rows(out, model, spec);
    put_outputs(out, model, spec);
}
