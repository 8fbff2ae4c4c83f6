/* SPDX-License-Identifier: MIT */
/* Answers of the Open Inference Protocol v2, in JSON: flat data, row-major. No output carries
 * "parameters": the C++ client takes them for a sign of binary data. */
#include "protocol/protocol_priv.h"

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

void weir_protocol_v2_encode(const struct weir_protocol_call *call,
                             const struct weir_protocol_source *source,
                             const struct weir_result *result, struct weir_buf *buf)
{
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
    for (size_t i = 0; i < call->n_outputs; i++) {
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        write_output(buf, result, (enum weir_output)call->outputs[i],
                     (call->by_alias & 1u << call->outputs[i]) != 0);
    }
    weir_buf_append_c(buf, "]}");
}
