/* SPDX-License-Identifier: MIT */
#include "protocol/protocol.h"

#include "protocol/flask/flask.h"
#include "protocol/grpc/grpc.h"
#include "protocol/mlflow/mlflow.h"
#include "protocol/protocol_priv.h"
#include "protocol/tfserving/tfserving.h"
#include "protocol/v2/v2.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void weir_protocol_decoder_init(struct weir_protocol_decoder *decoder,
                                const struct weir_protocol_limits *limits, struct weir_mem *mem)
{
    static const struct weir_protocol_limits defaults = WEIR_PROTOCOL_LIMITS_INIT;
    weir_assert(decoder);
    *decoder = (struct weir_protocol_decoder){
        .limits = limits ? *limits : defaults,
        .mem = mem ? mem : weir_mem_default(),
    };
    decoder->text.mem = decoder->mem;
    decoder->lines.mem = decoder->mem;
    weir_codec_json_init(&decoder->json, &decoder->limits.json, decoder->mem);
}

void weir_protocol_decoder_deinit(struct weir_protocol_decoder *decoder)
{
    weir_assert(decoder);
    if (!decoder->mem)
        return;
    weir_protocol_columns_free(decoder);
    weir_buf_deinit(&decoder->text);
    weir_buf_deinit(&decoder->lines);
    weir_mem_free(decoder->mem, decoder->map);
    weir_codec_json_deinit(&decoder->json);
    *decoder = (struct weir_protocol_decoder){0};
}

/* Returns the bytes of the longest label of a target. */
static uint64_t label_bytes_max(const struct weir_labels *labels)
{
    size_t n = 4;
    for (size_t i = 0; i < labels->n; i++)
        n = weir_max_size(n, labels->json[i].n);
    return n;
}

/* Returns the bytes of the k largest values of a row with their classes. */
static uint64_t top_bytes_max(const struct weir_spec *spec, const struct weir_spec_output *o,
                              uint32_t k)
{
    uint64_t n = k < o->n_columns ? k : o->n_columns;
    return n * (64 + (spec->n_targets > 0 ? label_bytes_max(&spec->targets[0]) : 0));
}

uint64_t weir_protocol_tensors_bytes(const struct weir_result *result, uint64_t wanted)
{
    const struct weir_tensors_spec *spec = result->spec->tensors;
    uint64_t bytes = 512;
    for (size_t i = 0; i < spec->n_outputs; i++) {
        const struct weir_tensor *t = &result->tensors[i];
        if (!(wanted & UINT64_C(1) << i))
            continue;
        uint64_t n = weir_tensor_n_items(t);
        bytes += 512 + 6 * strlen(spec->outputs[i].name) + n * (25 + 2 * (uint64_t)t->n_dims);
        for (uint64_t k = 0; t->dtype == WEIR_BYTES && k < n; k++)
            bytes += 6 * ((const struct weir_text *)t->data)[k].n;
    }
    return bytes;
}

enum weir_status weir_protocol_check_tensors(const struct weir_protocol_limits *limits,
                                             const struct weir_protocol_call *call,
                                             const struct weir_result *result,
                                             struct weir_error *err)
{
    uint64_t bytes = weir_protocol_tensors_bytes(result, call->tensors);
    const struct weir_protocol_ops *ops = weir_protocol_ops_of(call->dialect);
    if (ops->check_tensors) {
        enum weir_status status = ops->check_tensors(call, result, &bytes, err);
        if (status != WEIR_OK)
            return status;
    }
    if (bytes > limits->answer_bytes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT,
                              "the answer would have more bytes than are sent");
    return WEIR_OK;
}

uint64_t weir_protocol_answer_bytes(const struct weir_protocol_call *call,
                                    const struct weir_spec *spec)
{
    weir_assert(call);
    weir_assert(spec);
    /* Names and brackets; a model's name and version are bounded by WEIR_NAME_BYTES_MAX. */
    uint64_t bytes = 512 + call->id_bytes;
    for (size_t i = 0; i < call->n_outputs; i++) {
        const struct weir_spec_output *o = &spec->outputs[call->outputs[i]];
        uint64_t row = 2;
        if (o->storage == WEIR_STORAGE_LABEL) {
            for (size_t t = 0; t < spec->n_targets; t++)
                row += label_bytes_max(&spec->targets[t]) + 3;
        } else {
            /* A double has up to 24 bytes, and a comma. */
            row += (uint64_t)o->n_columns * 25;
        }
        for (size_t t = 0; t < call->n_tops; t++) {
            if (call->tops[t].output == call->outputs[i])
                row += top_bytes_max(spec, o, call->tops[t].k);
        }
        bytes += 256 + 6 * o->alias.n + row * call->n_rows;
    }
    const struct weir_protocol_ops *ops = weir_protocol_ops_of(call->dialect);
    return ops->answer_bytes ? ops->answer_bytes(call, spec, bytes) : bytes;
}

enum weir_status weir_protocol_check_size(const struct weir_protocol_decoder *decoder,
                                          const struct weir_spec *spec,
                                          const struct weir_protocol_call *call, uint64_t n_rows,
                                          struct weir_error *err)
{
    const struct weir_protocol_limits *l = &decoder->limits;
    uint64_t n_cells;
    if (n_rows > l->n_rows_max || n_rows > UINT32_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "%llu rows; one request may have %llu",
                              (unsigned long long)n_rows, (unsigned long long)l->n_rows_max);
    if (__builtin_mul_overflow(n_rows, spec->n_features, &n_cells) || n_cells > l->n_cells_max)
        return weir_error_set(
            err, WEIR_ERR_LIMIT, "%llu rows of %zu values; one request may have %llu values",
            (unsigned long long)n_rows, spec->n_features, (unsigned long long)l->n_cells_max);
    struct weir_protocol_call sized;
    sized.dialect = call->dialect;
    sized.form = call->form;
    sized.id_bytes = call->id_bytes;
    sized.n_rows = (uint32_t)n_rows;
    sized.n_outputs = call->n_outputs;
    memcpy(sized.outputs, call->outputs, sizeof sized.outputs);
    sized.n_tops = call->n_tops;
    memcpy(sized.tops, call->tops, call->n_tops * sizeof *call->tops);
    uint64_t bytes = weir_protocol_answer_bytes(&sized, spec);
    if (bytes > l->answer_bytes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT,
                              "the answer could have %llu bytes; at most %llu are sent",
                              (unsigned long long)bytes, (unsigned long long)l->answer_bytes_max);
    return WEIR_OK;
}

enum weir_status weir_protocol_no_output(const struct weir_spec *spec, struct weir_str place,
                                         struct weir_str name, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    char given[128];
    size_t n = 0;
    weir_str_echo(name, echo, sizeof echo);
    given[0] = 0;
    for (size_t i = 0; spec->tensors && i < spec->tensors->n_outputs && n < sizeof given; i++)
        n += (size_t)snprintf(given + n, sizeof given - n, "%s%s", n ? ", " : "",
                              spec->tensors->outputs[i].name);
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        if (spec->outputs[i].is_given && n < sizeof given)
            n += (size_t)snprintf(given + n, sizeof given - n, "%s%s", n ? ", " : "",
                                  weir_output_name((enum weir_output)i));
    }
    return weir_error_set(err, WEIR_ERR_INVALID, "%.*s%sthe model has no output \"%s\"; it has %s",
                          WEIR_STR_ARG(place), place.n ? ": " : "", echo, given);
}

void weir_protocol_add_output(struct weir_protocol_call *call, enum weir_output output)
{
    uint32_t bit = (uint32_t)1 << output;
    if (call->wanted & bit)
        return;
    weir_assert(call->n_outputs < WEIR_OUTPUT_N);
    call->wanted |= bit;
    call->outputs[call->n_outputs++] = (uint8_t)output;
}

void weir_protocol_add_tensor(struct weir_protocol_call *call, size_t output)
{
    uint64_t bit = UINT64_C(1) << output;
    if (call->tensors & bit)
        return;
    weir_assert(call->n_tensors < WEIR_TENSORS_MAX);
    call->tensors |= bit;
    call->tensor_order[call->n_tensors++] = (uint8_t)output;
}

void weir_protocol_add_defaults(struct weir_protocol_call *call, const struct weir_spec *spec)
{
    if (spec->tensors) {
        for (size_t i = 0; i < spec->tensors->n_outputs; i++)
            weir_protocol_add_tensor(call, i);
        return;
    }
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        if (spec->outputs[i].is_given && spec->outputs[i].alias.n > 0) {
            weir_protocol_add_output(call, (enum weir_output)i);
            call->by_alias |= 1u << i;
        }
    }
    if (call->n_outputs == 0)
        weir_protocol_add_output(call, weir_spec_default_output(spec));
}

bool weir_protocol_add_named(struct weir_protocol_call *call, const struct weir_spec *spec,
                             struct weir_str name, size_t *out)
{
    size_t tensor;
    if (spec->tensors) {
        if (!weir_tensors_find_output(spec->tensors, name, &tensor))
            return false;
        weir_protocol_add_tensor(call, tensor);
        return true;
    }
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        const struct weir_spec_output *o = &spec->outputs[i];
        bool is_alias = o->alias.n > 0 && weir_str_eq(name, o->alias);
        if (!o->is_given ||
            (!is_alias && !weir_str_eq_c(name, weir_output_name((enum weir_output)i))))
            continue;
        weir_protocol_add_output(call, (enum weir_output)i);
        if (is_alias)
            call->by_alias |= 1u << i;
        if (out)
            *out = i;
        return true;
    }
    return false;
}

uint32_t weir_protocol_costly(const struct weir_spec *spec, uint32_t wanted)
{
    uint32_t costly = 0;
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        uint32_t bit = (uint32_t)1 << i;
        if ((wanted & bit) && spec->outputs[i].is_costly)
            costly |= bit;
    }
    return costly;
}

static void write_label(struct weir_buf *buf, const struct weir_result *result, size_t target,
                        int32_t label, bool quotes_labels)
{
    weir_assert(target < result->spec->n_targets);
    const struct weir_labels *labels = &result->spec->targets[target];
    weir_assert(label >= 0);
    weir_assert((size_t)label < labels->n);
    bool quotes = quotes_labels && labels->dtype != WEIR_BYTES;
    if (quotes)
        weir_buf_append_byte(buf, '"');
    weir_buf_append_str(buf, labels->json[label]);
    if (quotes)
        weir_buf_append_byte(buf, '"');
}

void weir_protocol_write_value(struct weir_buf *buf, const struct weir_result *result,
                               enum weir_output output, size_t row, size_t column,
                               enum weir_codec_number_nonfinite nonfinite, bool quotes_labels)
{
    const struct weir_spec_output *o = &result->spec->outputs[output];
    size_t i = row * o->n_columns + column;
    if (o->storage == WEIR_STORAGE_LABEL) {
        write_label(buf, result, column, ((const int32_t *)result->out[output])[i], quotes_labels);
        return;
    }
    double v = ((const double *)result->out[output])[i];
    if (o->follows_f32 && result->batch_dtype == WEIR_F32)
        weir_codec_number_append_f32(buf, (float)v, nonfinite);
    else if (o->dtype == WEIR_F32)
        weir_codec_number_append_f32(buf, (float)v, nonfinite);
    else if (o->dtype == WEIR_F64 || !isfinite(v))
        weir_codec_number_append_f64(buf, v, nonfinite);
    else if (o->dtype == WEIR_BOOL)
        weir_buf_append_c(buf, v != 0 ? "true" : "false");
    else
        weir_buf_append_i64(buf, (int64_t)v);
}

void weir_protocol_write_labels(struct weir_buf *buf, const struct weir_labels *labels)
{
    weir_buf_append_byte(buf, '[');
    for (size_t i = 0; i < labels->n; i++) {
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        weir_buf_append_str(buf, labels->json[i]);
    }
    weir_buf_append_byte(buf, ']');
}

/* The dialects, by their number. */
static const struct weir_protocol_ops *const dialects[WEIR_PROTOCOL_N] = {
    [WEIR_PROTOCOL_FLASK] = &weir_protocol_flask,
    [WEIR_PROTOCOL_V2] = &weir_protocol_v2,
    [WEIR_PROTOCOL_GRPC] = &weir_protocol_grpc,
    [WEIR_PROTOCOL_TFSERVING] = &weir_protocol_tfserving,
    [WEIR_PROTOCOL_MLFLOW] = &weir_protocol_mlflow,
};

const struct weir_protocol_ops *weir_protocol_ops_of(enum weir_protocol_dialect dialect)
{
    weir_assert((size_t)dialect < WEIR_PROTOCOL_N);
    return dialects[dialect];
}

enum weir_status weir_protocol_decode(struct weir_protocol_decoder *decoder,
                                      const struct weir_protocol_head *head,
                                      const struct weir_spec *spec, struct weir_str body,
                                      struct weir_sink *sink, struct weir_protocol_call *call,
                                      struct weir_error *err)
{
    weir_assert(head);
    return weir_protocol_ops_of(head->dialect)->decode(decoder, head, spec, body, sink, call, err);
}

void weir_protocol_encode(const struct weir_protocol_call *call,
                          const struct weir_protocol_source *source,
                          const struct weir_result *result, struct weir_protocol_answer *answer)
{
    weir_assert(call);
    weir_assert(result);
    weir_assert(result->n_rows == call->n_rows);
    weir_protocol_ops_of(call->dialect)->encode(call, source, result, answer);
}

void weir_protocol_error(struct weir_buf *buf, struct weir_str text)
{
    weir_buf_append_c(buf, "{\"error\":");
    weir_codec_json_append_text(buf, text);
    weir_buf_append_byte(buf, '}');
}

void weir_protocol_write_models(struct weir_buf *buf, const struct weir_protocol_catalog *catalog)
{
    bool is_first = true;
    weir_buf_append_c(buf, "{\"models\":[");
    for (size_t i = 0; i < catalog->ops->n_models(catalog); i++) {
        struct weir_protocol_model model;
        catalog->ops->model(catalog, i, &model);
        if (model.n_serving == 0)
            continue;
        if (!is_first)
            weir_buf_append_byte(buf, ',');
        is_first = false;
        weir_codec_json_append_text(buf, model.name);
    }
    weir_buf_append_c(buf, "]}");
}
