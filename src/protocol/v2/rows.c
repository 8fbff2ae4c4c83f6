/* SPDX-License-Identifier: MIT */
/* Inputs of v2 requests as rows of a matrix or a frame.
 *
 * Either there is one input, all columns, under any name; or one for each feature, under its name,
 * [n] or [n, 1]. The nesting of "data" does not matter: leaves are counted, row-major. */
#include "protocol/v2/v2_priv.h"

#include <stdio.h>
#include <string.h>

/* Fails because of a shape; n_columns 0: a column by itself was expected. */
static enum weir_status fail_shape(const struct weir_protocol_v2_request *r, size_t i,
                                   const struct weir_protocol_v2_input *in, size_t n_columns)
{
    char text[WEIR_ERROR_MSG_BYTES];
    size_t n = 0;
    if (n_columns > 0)
        n = (size_t)snprintf(text, sizeof text, "expected [n, %zu], got [", n_columns);
    else
        n = (size_t)snprintf(text, sizeof text, "expected [n] or [n, 1], got [");
    for (size_t k = 0; k < in->n_dims && n < sizeof text; k++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%llu", k ? ", " : "",
                              (unsigned long long)in->dims[k]);
    if (n < sizeof text)
        (void)snprintf(text + n, sizeof text - n, "]");
    return weir_protocol_v2_request_fail_at(r, "inputs", i, "shape", text);
}

/* Checks that columns may be written in a datatype. column: one; SIZE_MAX: all of them. */
static enum weir_status check_datatype(const struct weir_protocol_v2_request *r, size_t i,
                                       const struct weir_protocol_v2_input *in, size_t column)
{
    bool has_text;
    bool is_text;
    weir_protocol_columns_texts(r->spec, column, &has_text, &is_text);
    if (in->data && (in->dtype == WEIR_F16 || in->dtype == WEIR_BF16))
        return weir_protocol_v2_request_fail_at(r, "inputs", i, "datatype",
                                                "FP16 and BF16 cannot be written in JSON");
    if (in->dtype == WEIR_BYTES && !has_text)
        return weir_protocol_v2_request_fail_at(r, "inputs", i, "datatype",
                                                r->spec->columns
                                                    ? "the column takes numbers, not BYTES"
                                                    : "the model takes numbers, not BYTES");
    if (in->dtype != WEIR_BYTES && is_text)
        return weir_protocol_v2_request_fail_at(r, "inputs", i, "datatype",
                                                column == SIZE_MAX
                                                    ? "the model takes text: BYTES, or an "
                                                      "input for each column"
                                                    : "the column takes text: BYTES");
    return WEIR_OK;
}

/* Writes the leaves of one input. column: where a single column goes; SIZE_MAX: all columns. */
static bool fill_input(struct weir_protocol_fill *fill, const struct weir_protocol_v2_input *in,
                       size_t column)
{
    const struct weir_codec_json *json = &fill->decoder->json;
    if (!in->data) {
        char place[WEIR_PROTOCOL_V2_PLACE_BYTES];
        struct weir_protocol_raw raw = weir_protocol_v2_request_raw(in, fill->input, place);
        return weir_protocol_raw_fill_rows(fill, &raw, column);
    }
    size_t n_columns = column == SIZE_MAX ? fill->spec->n_features : 1;
    size_t stride = column == SIZE_MAX ? fill->span.column_stride : fill->span.row_stride;
    bool is_text = in->dtype == WEIR_BYTES;
    bool is_whole = !is_text && in->dtype != WEIR_F32 && in->dtype != WEIR_F64;
    fill->takes_number_texts = is_text;
    fill->takes_bools = in->dtype == WEIR_BOOL;
    weir_protocol_fill_choose(fill, is_text ? WEIR_F64 : in->dtype);
    size_t depth = 1;
    uint64_t i = 0;
    const char *at = weir_codec_json_rows_first(in->data);
    while (depth > 0) {
        if (*at == '[') {
            depth++;
            at = weir_codec_json_rows_first(at);
            continue;
        }
        if (*at == ']') {
            if (--depth > 0)
                at = weir_codec_json_rows_after(at + 1);
            continue;
        }
        if (i == in->n_elements)
            break;
        size_t row = (size_t)(i / n_columns);
        size_t c = column == SIZE_MAX ? (size_t)(i % n_columns) : column;
        size_t n = 0;
        if (!is_whole && !is_text) {
            size_t n_run = column == SIZE_MAX ? n_columns - c : (size_t)(in->n_elements - i);
            void *to = (char *)fill->span.base + row * fill->span.row_stride +
                       c * fill->span.column_stride;
            at = weir_codec_json_rows_read(json, at, fill->element, to, stride, n_run, &n);
            i += n;
        }
        if (n == 0) {
            at = is_text    ? weir_protocol_cells_fill(fill, at, row, c)
                 : is_whole ? weir_protocol_fill_whole(fill, at, row, c)
                            : weir_protocol_fill_cell(fill, at, row, c);
            i++;
        }
        if (!at)
            return false;
    }
    if (depth > 0 || i < in->n_elements) {
        (void)weir_error_set(fill->err, WEIR_ERR_INVALID,
                             "inputs[%zu].data: %s than the %llu values of the shape", fill->input,
                             depth > 0 ? "more" : "fewer", (unsigned long long)in->n_elements);
        return false;
    }
    return true;
}

static enum weir_status fail_fill(const struct weir_protocol_fill *fill)
{
    return fill->is_out_of_memory ? weir_error_set(fill->err, WEIR_ERR_NO_MEMORY, "out of memory")
                                  : WEIR_ERR_INVALID;
}

static enum weir_status decode_matrix(const struct weir_protocol_v2_request *r,
                                      const struct weir_protocol_v2_input *in,
                                      struct weir_sink *sink, struct weir_protocol_fill *fill)
{
    size_t n_features = r->spec->n_features;
    size_t text_bytes = 0;
    bool is_column = n_features == 1 && in->n_dims == 1;
    if (!is_column && (in->n_dims != 2 || in->dims[1] != n_features))
        return fail_shape(r, 0, in, n_features);
    enum weir_status status = check_datatype(r, 0, in, SIZE_MAX);
    if (status == WEIR_OK)
        status = weir_protocol_v2_request_check_count(r, 0, in, &text_bytes);
    if (status != WEIR_OK)
        return status;
    r->call->request_dtype = in->dtype == WEIR_F32 ? WEIR_F32 : WEIR_F64;
    status = weir_protocol_fill_reserve(fill, r->call, in->dims[0], r->inputs, text_bytes);
    if (status != WEIR_OK)
        return status;
    fill->input = 0;
    if (!fill_input(fill, in, SIZE_MAX)) {
        weir_protocol_sink_rollback(sink, r->call);
        return fail_fill(fill);
    }
    weir_protocol_sink_commit(sink, r->call);
    return WEIR_OK;
}

/* Finds the column that an input's name means; each may be given once in a round. */
static enum weir_status find_column(const struct weir_protocol_v2_request *r, size_t i,
                                    const struct weir_protocol_v2_input *in, size_t *column)
{
    int64_t found = weir_protocol_columns_find(r->decoder, r->spec, in->name, i);
    if (found == WEIR_PROTOCOL_COLUMN_NO_MEMORY)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (found == WEIR_PROTOCOL_COLUMN_NONE) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "inputs[%zu].name: the model has no feature \"%s\"", i,
                              weir_str_echo(in->name, echo, sizeof echo));
    }
    *column = (size_t)found;
    return WEIR_OK;
}

/* Reads all heads: equal numbers of rows, every feature exactly once. */
static enum weir_status check_columns(const struct weir_protocol_v2_request *r, uint64_t *n_rows,
                                      size_t *text_bytes)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->inputs);
    const char *value;
    size_t column;
    bool is_f32 = true;
    for (size_t i = 0; weir_codec_json_next(&it, &value); i++) {
        struct weir_protocol_v2_input in;
        enum weir_status status = weir_protocol_v2_request_input(r, i, value, &in);
        if (status == WEIR_OK)
            status = find_column(r, i, &in, &column);
        if (status != WEIR_OK)
            return status;
        if (!weir_protocol_columns_mark(r->decoder, column, 1))
            return weir_protocol_v2_request_fail_at(r, "inputs", i, "name",
                                                    "this feature is there twice");
        if (in.n_dims == 0 || in.n_dims > 2 || (in.n_dims == 2 && in.dims[1] != 1))
            return fail_shape(r, i, &in, 0);
        status = check_datatype(r, i, &in, column);
        if (status == WEIR_OK)
            status = weir_protocol_v2_request_check_count(r, i, &in, text_bytes);
        if (status != WEIR_OK)
            return status;
        if (i > 0 && in.dims[0] != *n_rows)
            return weir_protocol_v2_request_fail_at(r, "inputs", i, "shape",
                                                    "not as many rows as inputs[0]");
        *n_rows = in.dims[0];
        is_f32 = is_f32 && in.dtype == WEIR_F32;
    }
    r->call->request_dtype = is_f32 ? WEIR_F32 : WEIR_F64;
    enum weir_status status = weir_protocol_columns_complete(r->decoder, r->spec, r->err);
    return status == WEIR_OK ? weir_protocol_v2_request_check_rest(r) : status;
}

static enum weir_status decode_columns(const struct weir_protocol_v2_request *r,
                                       struct weir_sink *sink, struct weir_protocol_fill *fill)
{
    if (!r->spec->feature_names)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "inputs: expected one of shape [n, %zu]; this model was fitted "
                              "without feature names",
                              r->spec->n_features);
    enum weir_status status = weir_protocol_columns_start(r->decoder, r->spec, r->err);
    uint64_t n_rows = 0;
    size_t text_bytes = 0;
    if (status == WEIR_OK)
        status = check_columns(r, &n_rows, &text_bytes);
    if (status == WEIR_OK)
        status = weir_protocol_fill_reserve(fill, r->call, n_rows, r->inputs, text_bytes);
    if (status != WEIR_OK)
        return status;
    weir_protocol_v2_request_rewind(r);
    struct weir_codec_json_iter it = weir_codec_json_iter(r->json, r->inputs);
    const char *value;
    for (size_t i = 0; weir_codec_json_next(&it, &value); i++) {
        struct weir_protocol_v2_input in;
        size_t column = 0;
        status = weir_protocol_v2_request_input(r, i, value, &in);
        if (status == WEIR_OK)
            status = find_column(r, i, &in, &column);
        fill->input = i;
        if (status == WEIR_OK && !fill_input(fill, &in, column))
            status = fail_fill(fill);
        if (status != WEIR_OK) {
            weir_protocol_sink_rollback(sink, r->call);
            return status;
        }
    }
    weir_protocol_columns_leave_out(fill, 0, (size_t)n_rows, 1);
    weir_protocol_sink_commit(sink, r->call);
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_rows_decode(const struct weir_protocol_v2_request *r,
                                              const struct weir_protocol_v2_input *bare,
                                              struct weir_sink *sink)
{
    struct weir_protocol_fill fill = {
        .decoder = r->decoder, .spec = r->spec, .sink = sink, .err = r->err};
    struct weir_protocol_v2_input in;
    if (bare)
        return decode_matrix(r, bare, sink, &fill);
    if (weir_codec_json_count(r->json, r->inputs) > 1)
        return decode_columns(r, sink, &fill);
    enum weir_status status =
        weir_protocol_v2_request_input(r, 0, weir_codec_json_rows_first(r->inputs), &in);
    if (status == WEIR_OK)
        status = weir_protocol_v2_request_check_rest(r);
    return status == WEIR_OK ? decode_matrix(r, &in, sink, &fill) : status;
}
