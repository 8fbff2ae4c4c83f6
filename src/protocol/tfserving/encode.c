/* SPDX-License-Identifier: MIT */
/* Answers: row by row, by output, or as results of classification and regression.
 *
 * One output is answered bare, several by their names. NaN and infinities are bare tokens, texts of
 * outputs whose name ends in "_bytes" are {"b64": "…"}, as TensorFlow Serving writes them. */
#include "codec/base64.h"
#include "protocol/tensors_priv.h"
#include "protocol/tfserving/tfserving_priv.h"

#include <string.h>

static const enum weir_codec_number_nonfinite TOKENS = WEIR_CODEC_NUMBER_NONFINITE_TOKEN;

uint64_t weir_protocol_tfserving_encode_answer_bytes(const struct weir_protocol_call *call,
                                                     const struct weir_spec *spec, uint64_t bytes)
{
    for (size_t i = 0; i < call->n_outputs && call->n_outputs > 1; i++)
        bytes += (uint64_t)call->n_rows * (32 + 6 * spec->outputs[call->outputs[i]].alias.n);
    if (call->form == WEIR_PROTOCOL_TFSERVING_CLASSES) {
        for (size_t k = 0; k < spec->targets[0].n; k++)
            bytes += call->n_rows * (spec->targets[0].json[k].n + UINT64_C(8));
    }
    return call->form == WEIR_PROTOCOL_TFSERVING_ROWS_AND_COLUMNS ? 2 * bytes : bytes;
}

/* Returns the first wanted tensor behind i; SIZE_MAX: none. */
static size_t next_tensor(const struct weir_result *result, uint64_t wanted, size_t i)
{
    for (i++; i < result->spec->tensors->n_outputs; i++) {
        if (wanted & UINT64_C(1) << i)
            return i;
    }
    return SIZE_MAX;
}

enum weir_status weir_protocol_tfserving_encode_check_tensors(const struct weir_protocol_call *call,
                                                              const struct weir_result *result,
                                                              uint64_t *bytes,
                                                              struct weir_error *err)
{
    if (call->form == WEIR_PROTOCOL_TFSERVING_COLUMNS)
        return WEIR_OK;
    size_t first = next_tensor(result, call->tensors, SIZE_MAX);
    uint64_t n_rows = result->tensors[first].dims[0];
    for (size_t i = first; i != SIZE_MAX; i = next_tensor(result, call->tensors, i)) {
        if (result->tensors[i].n_dims == 0 || result->tensors[i].dims[0] != n_rows)
            return weir_error_set(
                err, WEIR_ERR_INVALID,
                "the outputs have not the same number of rows: ask by \"inputs\"");
        *bytes += n_rows * (8 + 6 * strlen(result->spec->tensors->outputs[i].name));
    }
    if (call->form == WEIR_PROTOCOL_TFSERVING_ROWS_AND_COLUMNS)
        *bytes *= 2;
    return WEIR_OK;
}

static void write_name(struct weir_buf *buf, bool is_first, struct weir_str name)
{
    weir_buf_append_byte(buf, is_first ? '{' : ',');
    weir_codec_json_append_text(buf, name);
    weir_buf_append_byte(buf, ':');
}

/* --- tensors -------------------------------------------------------------------------------- */

/* Appends texts in base64, nested as the dimensions from `dim` on say; *i: the next. */
static void write_base64(struct weir_buf *buf, const struct weir_tensor *tensor, uint32_t dim,
                         uint64_t *i)
{
    if (dim == tensor->n_dims) {
        const struct weir_text *text = (const struct weir_text *)tensor->data + (*i)++;
        weir_buf_append_c(buf, "{\"b64\":\"");
        weir_codec_base64_encode(weir_str_make(text->at, text->n), buf);
        weir_buf_append_c(buf, "\"}");
        return;
    }
    weir_buf_append_byte(buf, '[');
    for (uint64_t k = 0; k < tensor->dims[dim]; k++) {
        if (k > 0)
            weir_buf_append_byte(buf, ',');
        write_base64(buf, tensor, dim + 1, i);
    }
    weir_buf_append_byte(buf, ']');
}

static void write_tensor(struct weir_buf *buf, const struct weir_tensor *tensor,
                         struct weir_str name)
{
    uint64_t i = 0;
    if (tensor->dtype == WEIR_BYTES && weir_str_ends(name, WEIR_STR("_bytes")))
        write_base64(buf, tensor, 0, &i);
    else
        weir_protocol_tensors_write(buf, tensor, true, TOKENS);
}

/* Returns the row of a tensor, without its first dimension. */
static struct weir_tensor row_of(const struct weir_tensor *tensor, uint64_t row)
{
    struct weir_tensor t = *tensor;
    t.n_dims--;
    memmove(t.dims, t.dims + 1, t.n_dims * sizeof t.dims[0]);
    t.data = (const char *)t.data + row * weir_tensor_n_items(&t) * weir_tensor_item_bytes(t.dtype);
    return t;
}

static void write_tensor_columns(struct weir_buf *buf, const struct weir_protocol_call *call,
                                 const struct weir_result *result)
{
    size_t first = next_tensor(result, call->tensors, SIZE_MAX);
    bool is_one = next_tensor(result, call->tensors, first) == SIZE_MAX;
    for (size_t i = first; i != SIZE_MAX; i = next_tensor(result, call->tensors, i)) {
        struct weir_str name = weir_str_c(result->spec->tensors->outputs[i].name);
        if (!is_one)
            write_name(buf, i == first, name);
        write_tensor(buf, &result->tensors[i], name);
    }
    if (!is_one)
        weir_buf_append_byte(buf, '}');
}

static void write_tensor_rows(struct weir_buf *buf, const struct weir_protocol_call *call,
                              const struct weir_result *result)
{
    size_t first = next_tensor(result, call->tensors, SIZE_MAX);
    bool is_one = next_tensor(result, call->tensors, first) == SIZE_MAX;
    weir_buf_append_byte(buf, '[');
    for (uint64_t row = 0; row < result->tensors[first].dims[0]; row++) {
        if (row > 0)
            weir_buf_append_byte(buf, ',');
        for (size_t i = first; i != SIZE_MAX; i = next_tensor(result, call->tensors, i)) {
            struct weir_str name = weir_str_c(result->spec->tensors->outputs[i].name);
            struct weir_tensor tensor = row_of(&result->tensors[i], row);
            if (!is_one)
                write_name(buf, i == first, name);
            write_tensor(buf, &tensor, name);
        }
        if (!is_one)
            weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, ']');
}

/* --- rows ----------------------------------------------------------------------------------- */

static struct weir_str output_name(const struct weir_protocol_call *call,
                                   const struct weir_result *result, size_t i)
{
    enum weir_output output = (enum weir_output)call->outputs[i];
    return call->by_alias & 1u << output ? result->spec->outputs[output].alias
                                         : weir_str_c(weir_output_name(output));
}

static void write_row(struct weir_buf *buf, const struct weir_result *result,
                      enum weir_output output, size_t row)
{
    const struct weir_spec_output *o = &result->spec->outputs[output];
    if (o->is_vector) {
        weir_protocol_write_value(buf, result, output, row, 0, TOKENS, false);
        return;
    }
    weir_buf_append_byte(buf, '[');
    for (size_t i = 0; i < o->n_columns; i++) {
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        weir_protocol_write_value(buf, result, output, row, i, TOKENS, false);
    }
    weir_buf_append_byte(buf, ']');
}

static void write_columns(struct weir_buf *buf, const struct weir_protocol_call *call,
                          const struct weir_result *result)
{
    for (size_t i = 0; i < call->n_outputs; i++) {
        if (call->n_outputs > 1)
            write_name(buf, i == 0, output_name(call, result, i));
        weir_buf_append_byte(buf, '[');
        for (size_t row = 0; row < result->n_rows; row++) {
            if (row > 0)
                weir_buf_append_byte(buf, ',');
            write_row(buf, result, (enum weir_output)call->outputs[i], row);
        }
        weir_buf_append_byte(buf, ']');
    }
    if (call->n_outputs > 1)
        weir_buf_append_byte(buf, '}');
}

static void write_rows(struct weir_buf *buf, const struct weir_protocol_call *call,
                       const struct weir_result *result)
{
    weir_buf_append_byte(buf, '[');
    for (size_t row = 0; row < result->n_rows; row++) {
        if (row > 0)
            weir_buf_append_byte(buf, ',');
        for (size_t i = 0; i < call->n_outputs; i++) {
            if (call->n_outputs > 1)
                write_name(buf, i == 0, output_name(call, result, i));
            write_row(buf, result, (enum weir_output)call->outputs[i], row);
        }
        if (call->n_outputs > 1)
            weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, ']');
}

/* Labels are texts here, whatever the classes are. */
static void write_classes(struct weir_buf *buf, const struct weir_result *result)
{
    const struct weir_labels *labels = &result->spec->targets[0];
    weir_buf_append_byte(buf, '[');
    for (size_t row = 0; row < result->n_rows; row++) {
        weir_buf_append_c(buf, row > 0 ? ",[" : "[");
        for (size_t k = 0; k < labels->n; k++) {
            const char *quote = labels->dtype == WEIR_BYTES ? "" : "\"";
            weir_buf_append_c(buf, k > 0 ? ",[" : "[");
            weir_buf_append_c(buf, quote);
            weir_buf_append_str(buf, labels->json[k]);
            weir_buf_append_c(buf, quote);
            weir_buf_append_byte(buf, ',');
            weir_protocol_write_value(buf, result, WEIR_OUTPUT_PREDICT_PROBA, row, k, TOKENS,
                                      false);
            weir_buf_append_byte(buf, ']');
        }
        weir_buf_append_byte(buf, ']');
    }
    weir_buf_append_byte(buf, ']');
}

/* Returns the first value of each row, also of an output of one column. */
static void write_values(struct weir_buf *buf, const struct weir_result *result)
{
    weir_buf_append_byte(buf, '[');
    for (size_t row = 0; row < result->n_rows; row++) {
        if (row > 0)
            weir_buf_append_byte(buf, ',');
        weir_protocol_write_value(buf, result, WEIR_OUTPUT_PREDICT, row, 0, TOKENS, false);
    }
    weir_buf_append_byte(buf, ']');
}

static void write_predictions(struct weir_buf *buf, const struct weir_protocol_call *call,
                              const struct weir_result *result)
{
    if (call->form != WEIR_PROTOCOL_TFSERVING_COLUMNS) {
        weir_buf_append_c(buf, "{\"predictions\":");
        if (call->tensors)
            write_tensor_rows(buf, call, result);
        else
            write_rows(buf, call, result);
    }
    if (call->form != WEIR_PROTOCOL_TFSERVING_ROWS) {
        weir_buf_append_byte(buf, call->form == WEIR_PROTOCOL_TFSERVING_COLUMNS ? '{' : ',');
        weir_buf_append_c(buf, "\"outputs\":");
        if (call->tensors)
            write_tensor_columns(buf, call, result);
        else
            write_columns(buf, call, result);
    }
    weir_buf_append_byte(buf, '}');
}

void weir_protocol_tfserving_encode(const struct weir_protocol_call *call,
                                    const struct weir_protocol_source *source,
                                    const struct weir_result *result,
                                    struct weir_protocol_answer *answer)
{
    struct weir_buf *buf = answer->body;
    (void)source; /* The header lines name model and version. */
    switch ((enum weir_protocol_tfserving_form)call->form) {
    case WEIR_PROTOCOL_TFSERVING_ROWS:
    case WEIR_PROTOCOL_TFSERVING_COLUMNS:
    case WEIR_PROTOCOL_TFSERVING_ROWS_AND_COLUMNS:
        write_predictions(buf, call, result);
        return;
    case WEIR_PROTOCOL_TFSERVING_CLASSES:
    case WEIR_PROTOCOL_TFSERVING_VALUES:
        break;
    }
    weir_buf_append_c(buf, "{\"results\":");
    if (call->form == WEIR_PROTOCOL_TFSERVING_CLASSES)
        write_classes(buf, result);
    else
        write_values(buf, result);
    weir_buf_append_byte(buf, '}');
}
