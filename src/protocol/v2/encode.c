/* SPDX-License-Identifier: MIT */
/* Answers of the Open Inference Protocol v2, in JSON: flat data, row-major. No output carries
 * "parameters": the C++ client takes them for a sign of binary data. */
#include "protocol/tensors_priv.h"
#include "protocol/v2/v2_priv.h"

/* Labels of different types in one tensor can only be texts. */
static bool is_text(const struct weir_result *result, enum weir_output output)
{
    return weir_spec_output_dtype(result->spec, output, result->batch_dtype) == WEIR_BYTES;
}

static void write_output(struct weir_buf *buf, const struct weir_result *result,
                         enum weir_output output, bool by_alias)
{
    const struct weir_spec_output *o = &result->spec->outputs[output];
    enum weir_dtype dtype = weir_spec_output_dtype(result->spec, output, result->batch_dtype);
    bool quotes_labels = is_text(result, output);
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, by_alias ? o->alias : weir_str_c(weir_output_name(output)));
    weir_buf_append_c(buf, ",\"datatype\":\"");
    weir_buf_append_c(buf, weir_dtype_name(dtype));
    weir_buf_append_c(buf, "\",\"shape\":[");
    weir_buf_append_u64(buf, result->n_rows);
    if (!o->is_vector) {
        weir_buf_append_byte(buf, ',');
        weir_buf_append_u64(buf, o->n_columns);
    }
    weir_buf_append_c(buf, "],\"data\":[");
    for (size_t row = 0; row < result->n_rows; row++) {
        for (size_t column = 0; column < o->n_columns; column++) {
            if (row > 0 || column > 0)
                weir_buf_append_byte(buf, ',');
            weir_protocol_write_value(buf, result, output, row, column,
                                      WEIR_CODEC_NUMBER_NONFINITE_TOKEN, quotes_labels);
        }
    }
    weir_buf_append_c(buf, "]}");
}

static void write_tensor(struct weir_buf *buf, const struct weir_result *result, size_t output)
{
    const struct weir_tensor *tensor = &result->tensors[output];
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, weir_str_c(result->spec->tensors->outputs[output].name));
    weir_buf_append_c(buf, ",\"datatype\":\"");
    weir_buf_append_c(buf, weir_dtype_name(tensor->dtype));
    weir_buf_append_c(buf, "\",\"shape\":[");
    for (uint32_t i = 0; i < tensor->n_dims; i++) {
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        weir_buf_append_u64(buf, tensor->dims[i]);
    }
    weir_buf_append_c(buf, "],\"data\":");
    weir_protocol_tensors_write(buf, tensor, false, WEIR_CODEC_NUMBER_NONFINITE_TOKEN);
    weir_buf_append_byte(buf, '}');
}

/* The tensors that were asked for, in the order of the graph. */
static void write_tensors(struct weir_buf *buf, const struct weir_result *result, uint64_t wanted)
{
    bool is_first = true;
    for (size_t i = 0; i < result->spec->tensors->n_outputs; i++) {
        if (!(wanted & UINT64_C(1) << i))
            continue;
        if (!is_first)
            weir_buf_append_byte(buf, ',');
        is_first = false;
        write_tensor(buf, result, i);
    }
}

void weir_protocol_v2_encode(const struct weir_protocol_call *call,
                             const struct weir_protocol_source *source,
                             const struct weir_result *result, struct weir_protocol_answer *answer)
{
    struct weir_buf *buf = answer->body;
    weir_assert(source);
    weir_buf_append_byte(buf, '{');
    if (call->id_bytes > 0) {
        weir_buf_append_c(buf, "\"id\":\"");
        weir_buf_append(buf, call->id, call->id_bytes);
        weir_buf_append_c(buf, "\",");
    }
    weir_buf_append_c(buf, "\"model_name\":");
    weir_codec_json_append_text(buf, source->model);
    weir_buf_append_c(buf, ",\"model_version\":");
    weir_codec_json_append_text(buf, source->version);
    weir_buf_append_c(buf, ",\"outputs\":[");
    if (call->tensors)
        write_tensors(buf, result, call->tensors);
    for (size_t i = 0; i < call->n_outputs; i++) {
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        write_output(buf, result, (enum weir_output)call->outputs[i],
                     (call->by_alias & 1u << call->outputs[i]) != 0);
    }
    weir_buf_append_c(buf, "]}");
}
