/* SPDX-License-Identifier: MIT */
/* The configuration of a model as Triton's model configuration extension shows it: the JSON form of
 * its ModelConfig message, names in snake case, defaults written out, 64-bit numbers as numbers. */
#include "base/clock.h"
#include "codec/number.h"
#include "protocol/v2/v2_priv.h"

#include <math.h>

/* Returns the name of an element type in Triton's configurations. */
static const char *type_name(enum weir_dtype dtype)
{
    switch (dtype) {
    case WEIR_BOOL:
        return "TYPE_BOOL";
    case WEIR_U8:
        return "TYPE_UINT8";
    case WEIR_U16:
        return "TYPE_UINT16";
    case WEIR_U32:
        return "TYPE_UINT32";
    case WEIR_U64:
        return "TYPE_UINT64";
    case WEIR_I8:
        return "TYPE_INT8";
    case WEIR_I16:
        return "TYPE_INT16";
    case WEIR_I32:
        return "TYPE_INT32";
    case WEIR_I64:
        return "TYPE_INT64";
    case WEIR_F16:
        return "TYPE_FP16";
    case WEIR_BF16:
        return "TYPE_BF16";
    case WEIR_F32:
        return "TYPE_FP32";
    case WEIR_F64:
        return "TYPE_FP64";
    case WEIR_BYTES:
        return "TYPE_STRING";
    }
    return "TYPE_INVALID";
}

static void write_name(struct weir_buf *buf, bool *is_first, struct weir_str name,
                       enum weir_dtype dtype)
{
    if (!*is_first)
        weir_buf_append_byte(buf, ',');
    *is_first = false;
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, name);
    weir_buf_append_c(buf, ",\"data_type\":\"");
    weir_buf_append_c(buf, type_name(dtype));
    weir_buf_append_byte(buf, '"');
}

/* What follows the dimensions. */
static void end_tensor(struct weir_buf *buf, bool is_input)
{
    weir_buf_append_c(buf, is_input ? ",\"is_shape_tensor\":false,\"allow_ragged_batch\":false,"
                                      "\"optional\":false,\"is_non_linear_format_io\":false}"
                                    : ",\"label_filename\":\"\",\"is_shape_tensor\":false,"
                                      "\"is_non_linear_format_io\":false}");
}

static void begin_dims(struct weir_buf *buf, bool is_input)
{
    weir_buf_append_c(buf, is_input ? ",\"format\":\"FORMAT_NONE\",\"dims\":[" : ",\"dims\":[");
}

/* A column or all of them. */
static void write_input(struct weir_buf *buf, bool *is_first, struct weir_str name,
                        enum weir_dtype dtype, uint64_t n_columns)
{
    write_name(buf, is_first, name, dtype);
    begin_dims(buf, true);
    weir_buf_append_u64(buf, n_columns);
    weir_buf_append_byte(buf, ']');
    end_tensor(buf, true);
}

static void write_inputs(struct weir_buf *buf, const struct weir_spec *spec)
{
    bool is_first = true;
    if (spec->form == WEIR_INPUT_FRAME && spec->feature_names) {
        for (size_t i = 0; i < spec->n_features; i++)
            write_input(buf, &is_first, spec->feature_names[i],
                        spec->columns[i] == WEIR_COLUMN_NUMBER ? WEIR_F64 : WEIR_BYTES, 1);
        return;
    }
    enum weir_dtype dtype =
        spec->form == WEIR_INPUT_FRAME ? WEIR_BYTES : weir_spec_batch_dtype(spec, WEIR_F64);
    write_input(buf, &is_first, spec->input_name.n > 0 ? spec->input_name : WEIR_STR("input-0"),
                dtype, spec->n_features);
}

static void write_outputs(struct weir_buf *buf, const struct weir_spec *spec)
{
    bool is_first = true;
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        const struct weir_spec_output *o = &spec->outputs[i];
        if (!o->is_given)
            continue;
        enum weir_dtype dtype = weir_spec_output_dtype(spec, (enum weir_output)i,
                                                       weir_spec_batch_dtype(spec, WEIR_F64));
        write_name(buf, &is_first,
                   o->alias.n > 0 ? o->alias : weir_str_c(weir_output_name((enum weir_output)i)),
                   dtype);
        begin_dims(buf, false);
        weir_buf_append_u64(buf, o->is_vector ? 1 : o->n_columns);
        /* A vector has no dimension but the batch, which dims cannot say. */
        weir_buf_append_c(buf, o->is_vector ? "],\"reshape\":{\"shape\":[]}" : "]");
        end_tensor(buf, false);
    }
}

/* A graph's own inputs or outputs; dims are without the batch. */
static void write_infos(struct weir_buf *buf, const struct weir_tensor_info *infos, size_t n,
                        bool is_batched, bool is_input)
{
    bool is_first = true;
    for (size_t i = 0; i < n; i++) {
        int32_t from = is_batched ? 1 : 0;
        bool is_empty = infos[i].n_dims >= 0 && infos[i].n_dims <= from;
        write_name(buf, &is_first, weir_str_c(infos[i].name), infos[i].dtype);
        begin_dims(buf, is_input);
        if (is_empty)
            weir_buf_append_byte(buf, '1');
        if (infos[i].n_dims < 0) /* Any number: Triton has no word for it. */
            weir_buf_append_c(buf, "-1");
        for (int32_t k = from; k < infos[i].n_dims; k++) {
            if (k > from)
                weir_buf_append_byte(buf, ',');
            weir_buf_append_i64(buf, infos[i].dims[k]);
        }
        weir_buf_append_c(buf, is_empty ? "],\"reshape\":{\"shape\":[]}" : "]");
        end_tensor(buf, is_input);
    }
}

static void write_tensors(struct weir_buf *buf, const struct weir_spec *spec)
{
    weir_buf_append_c(buf, ",\"input\":[");
    if (spec->tensors)
        write_infos(buf, spec->tensors->inputs, spec->tensors->n_inputs, spec->tensors->is_batched,
                    true);
    else
        write_inputs(buf, spec);
    weir_buf_append_c(buf, "],\"output\":[");
    if (spec->tensors)
        write_infos(buf, spec->tensors->outputs, spec->tensors->n_outputs,
                    spec->tensors->is_batched, false);
    else
        write_outputs(buf, spec);
    weir_buf_append_c(buf, "],\"batch_input\":[],\"batch_output\":[]");
}

/* The part of the platform before its first underscore: "sklearn" of "sklearn_pickle". */
static struct weir_str backend_of(struct weir_str platform)
{
    size_t n = 0;
    while (n < platform.n && platform.at[n] != '_')
        n++;
    return weir_str_make(platform.at, n);
}

static struct weir_str base_name(struct weir_str path)
{
    size_t at = path.n;
    while (at > 0 && path.at[at - 1] != '/')
        at--;
    return weir_str_make(path.at ? path.at + at : NULL, path.n - at);
}

static void write_policy(struct weir_buf *buf, const struct weir_protocol_model *model,
                         const struct weir_protocol_catalog *catalog)
{
    weir_buf_append_c(buf, ",\"version_policy\":{\"specific\":{\"versions\":[");
    for (size_t i = 0; i < model->n_serving; i++) {
        struct weir_protocol_version v;
        catalog->ops->version(catalog, model, i, &v);
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        weir_buf_append_u64(buf, v.number);
    }
    weir_buf_append_c(buf, "]}}");
}

static void write_batching(struct weir_buf *buf, const struct weir_protocol_version *version)
{
    if (version->max_batch_size == 0)
        return;
    weir_buf_append_c(buf, ",\"dynamic_batching\":{\"preferred_batch_size\":[");
    weir_buf_append_u64(buf, version->max_batch_size);
    weir_buf_append_c(buf, "],\"max_queue_delay_microseconds\":");
    weir_buf_append_u64(buf, version->queue_delay_ns / WEIR_NS_PER_US);
    weir_buf_append_c(buf, ",\"preserve_ordering\":false,\"priority_levels\":");
    weir_buf_append_u64(buf, version->n_priority_levels);
    weir_buf_append_c(buf, ",\"default_priority_level\":");
    weir_buf_append_u64(buf, version->default_priority_level);
    weir_buf_append_c(buf, ",\"priority_queue_policy\":{}}");
}

static void write_parameter(struct weir_buf *buf, const char *name, struct weir_str value)
{
    weir_buf_printf(buf, "\"%s\":{\"string_value\":", name);
    weir_codec_json_append_text(buf, value);
    weir_buf_append_byte(buf, '}');
}

/* How labels are decided, as parameters of the configuration: texts. */
static void write_threshold(struct weir_buf *buf, const struct weir_protocol_version *version)
{
    const struct weir_tensor_threshold *t = version->threshold;
    char room[WEIR_CODEC_NUMBER_BYTES_MAX];
    struct weir_str value = isinf(t->value)
                                ? weir_str_c(t->value > 0 ? "Infinity" : "-Infinity")
                                : weir_str_make(room, weir_codec_number_print_f64(room, t->value));
    write_parameter(buf, "threshold", value);
    weir_buf_append_byte(buf, ',');
    write_parameter(buf, "threshold_score", weir_str_c(weir_output_name(t->score)));
    weir_buf_append_byte(buf, ',');
    const struct weir_labels *labels = &version->spec->targets[0];
    write_parameter(buf, "threshold_positive",
                    labels->text ? labels->text[t->positive] : labels->json[t->positive]);
}

enum weir_status weir_protocol_v2_config_page(const struct weir_protocol_question *question,
                                              const struct weir_protocol_catalog *catalog,
                                              struct weir_buf *buf, struct weir_error *err)
{
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    enum weir_status status = catalog->ops->find(catalog, &question->target, &model, &version, err);
    if (status != WEIR_OK)
        return status;
    struct weir_str platform = version.spec->platform;
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, model.name);
    weir_buf_append_c(buf, ",\"platform\":");
    weir_codec_json_append_text(buf, platform);
    weir_buf_append_c(buf, ",\"backend\":");
    weir_codec_json_append_text(buf, backend_of(platform));
    weir_buf_append_c(buf, ",\"runtime\":\"\"");
    write_policy(buf, &model, catalog);
    weir_buf_append_c(buf, ",\"max_batch_size\":");
    weir_buf_append_u64(buf, version.max_batch_size);
    write_tensors(buf, version.spec);
    weir_buf_append_c(buf, ",\"instance_group\":[{\"name\":");
    weir_codec_json_append_text(buf, model.name);
    weir_buf_append_c(buf, ",\"kind\":\"KIND_CPU\",\"count\":");
    weir_buf_append_u64(buf, version.n_workers);
    weir_buf_append_c(buf, ",\"gpus\":[],\"secondary_devices\":[],\"profile\":[],\"passive\":false,"
                           "\"host_policy\":\"\"}],\"default_model_filename\":");
    weir_codec_json_append_text(buf, base_name(version.file));
    weir_buf_append_c(buf, ",\"cc_model_filenames\":{},\"metric_tags\":{},\"parameters\":{");
    if (version.threshold)
        write_threshold(buf, &version);
    weir_buf_append_c(buf,
                      "},\"model_warmup\":[],\"model_transaction_policy\":{\"decoupled\":false}");
    write_batching(buf, &version);
    weir_buf_append_byte(buf, '}');
    return WEIR_OK;
}
