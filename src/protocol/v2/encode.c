/* SPDX-License-Identifier: MIT */
/* Answers of the Open Inference Protocol v2: JSON with flat data, row-major, and behind it the
 * elements of the outputs that were asked for in binary form. Only those carry "parameters": the
 * C++ client takes them for a sign of binary data. */
#include "protocol/tensors_priv.h"
#include "protocol/topk.h"
#include "protocol/v2/v2_priv.h"

/* One output on its way into the answer. */
struct output {
    const struct weir_result *result;
    size_t i; /* enum weir_output, or a tensor */
    bool is_binary;
    bool has_topk;
    bool by_alias;
    struct weir_protocol_topk topk;
};

static bool is_of_tensors(const struct output *o)
{
    return o->result->spec->tensors != NULL;
}

static enum weir_dtype dtype_of(const struct output *o)
{
    if (o->has_topk)
        return WEIR_BYTES;
    return is_of_tensors(o) ? o->result->tensors[o->i].dtype
                            : weir_spec_output_dtype(o->result->spec, (enum weir_output)o->i,
                                                     o->result->batch_dtype);
}

static void write_name(struct weir_buf *buf, const struct output *o)
{
    const struct weir_spec *spec = o->result->spec;
    weir_buf_append_c(buf, "{\"name\":");
    if (is_of_tensors(o))
        weir_codec_json_append_text(buf, weir_str_c(spec->tensors->outputs[o->i].name));
    else
        weir_codec_json_append_text(
            buf, o->by_alias ? spec->outputs[o->i].alias
                             : weir_str_c(weir_output_name((enum weir_output)o->i)));
    weir_buf_append_c(buf, ",\"datatype\":\"");
    weir_buf_append_c(buf, weir_dtype_name(dtype_of(o)));
    weir_buf_append_c(buf, "\",\"shape\":");
}

static void write_shape(struct weir_buf *buf, const struct output *o)
{
    if (o->has_topk) {
        weir_protocol_topk_append_shape(buf, &o->topk);
        return;
    }
    const struct weir_spec_output *rows = &o->result->spec->outputs[is_of_tensors(o) ? 0 : o->i];
    const struct weir_tensor *tensor = is_of_tensors(o) ? &o->result->tensors[o->i] : NULL;
    uint64_t dims[WEIR_TENSOR_DIMS_MAX] = {o->result->n_rows, rows->n_columns};
    size_t n_dims = tensor ? tensor->n_dims : rows->is_vector ? 1 : 2;
    weir_buf_append_byte(buf, '[');
    for (size_t k = 0; k < n_dims; k++) {
        if (k > 0)
            weir_buf_append_byte(buf, ',');
        weir_buf_append_u64(buf, tensor ? tensor->dims[k] : dims[k]);
    }
    weir_buf_append_byte(buf, ']');
}

static void write_rows(struct weir_buf *buf, const struct output *o)
{
    const struct weir_result *result = o->result;
    size_t n_columns = result->spec->outputs[o->i].n_columns;
    /* Labels of different types in one tensor can only be texts. */
    bool quotes_labels = dtype_of(o) == WEIR_BYTES;
    weir_buf_append_byte(buf, '[');
    for (size_t row = 0; row < result->n_rows; row++) {
        for (size_t column = 0; column < n_columns; column++) {
            if (row > 0 || column > 0)
                weir_buf_append_byte(buf, ',');
            weir_protocol_write_value(buf, result, (enum weir_output)o->i, row, column,
                                      WEIR_CODEC_NUMBER_NONFINITE_TOKEN, quotes_labels);
        }
    }
    weir_buf_append_byte(buf, ']');
}

/* Returns the bytes of a binary output. */
static uint64_t raw_bytes(const struct output *o, struct weir_mem *mem)
{
    if (o->has_topk) { /* They are made twice: there is no place to keep those of all outputs. */
        struct weir_buf texts = {.mem = mem};
        weir_protocol_topk_append_raw(&texts, &o->topk);
        size_t n = texts.n;
        weir_buf_deinit(&texts);
        return n;
    }
    return is_of_tensors(o) ? weir_protocol_raw_tensor_bytes(&o->result->tensors[o->i])
                            : weir_protocol_raw_output_bytes(o->result, (enum weir_output)o->i);
}

static void write_data(struct weir_buf *buf, const struct output *o)
{
    if (o->is_binary) {
        weir_buf_append_c(buf, ",\"parameters\":{\"binary_data_size\":");
        weir_buf_append_u64(buf, raw_bytes(o, buf->mem));
        weir_buf_append_byte(buf, '}');
        return;
    }
    weir_buf_append_c(buf, ",\"data\":");
    if (o->has_topk)
        weir_protocol_topk_append_json(buf, &o->topk);
    else if (is_of_tensors(o))
        weir_protocol_tensors_write(buf, &o->result->tensors[o->i], false,
                                    WEIR_CODEC_NUMBER_NONFINITE_TOKEN);
    else
        write_rows(buf, o);
}

static struct output output_of(const struct weir_protocol_call *call,
                               const struct weir_result *result, size_t place)
{
    bool is_tensor = call->tensors != 0;
    size_t i = is_tensor ? call->tensor_order[place] : call->outputs[place];
    struct output o = {.result = result, .i = i};
    o.is_binary = is_tensor ? (call->binary_tensors >> i & 1) != 0 : (call->binary >> i & 1) != 0;
    o.by_alias = !is_tensor && (call->by_alias >> i & 1) != 0;
    o.has_topk = call->n_tops > 0 && weir_protocol_topk_init(&o.topk, call, result, i);
    return o;
}

static void write_head(struct weir_buf *buf, const struct weir_protocol_call *call,
                       const struct weir_protocol_source *source)
{
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
}

/* Appends the elements of a binary output. */
static void append_raw(struct weir_buf *buf, const struct output *o)
{
    if (o->has_topk) {
        weir_protocol_topk_append_raw(buf, &o->topk);
    } else if (is_of_tensors(o)) {
        weir_protocol_raw_append_tensor(buf, &o->result->tensors[o->i]);
    } else {
        weir_protocol_raw_append_output(buf, o->result, (enum weir_output)o->i);
    }
}

void weir_protocol_v2_encode(const struct weir_protocol_call *call,
                             const struct weir_protocol_source *source,
                             const struct weir_result *result, struct weir_protocol_answer *answer)
{
    struct weir_buf *buf = answer->body;
    weir_assert(source);
    size_t begin = buf->n;
    size_t n = call->tensors ? call->n_tensors : call->n_outputs;
    bool is_binary = false;
    write_head(buf, call, source);
    for (size_t place = 0; place < n; place++) {
        struct output o = output_of(call, result, place);
        if (place > 0)
            weir_buf_append_byte(buf, ',');
        write_name(buf, &o);
        write_shape(buf, &o);
        write_data(buf, &o);
        weir_buf_append_byte(buf, '}');
        is_binary = is_binary || o.is_binary;
    }
    weir_buf_append_c(buf, "]}");
    if (!is_binary)
        return;
    answer->json_bytes = buf->n - begin;
    answer->content_type = "application/octet-stream";
    for (size_t place = 0; place < n; place++) {
        struct output o = output_of(call, result, place);
        if (o.is_binary)
            append_raw(buf, &o);
    }
}
