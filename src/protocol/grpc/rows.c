/* SPDX-License-Identifier: MIT */
/* Inputs of a request as rows or as tensors.
 *
 * Rows: either there is one input, all columns, under any name; or one for each feature, under its
 * name, [n] or [n, 1]. Tensors: each input under its name; the only one of a model under any. */
#include "protocol/grpc/infer_priv.h"
#include "protocol/tensors_priv.h"

#include <stdio.h>
#include <string.h>

/* Fails because of a shape; n_columns 0: a column by itself was expected. */
static enum weir_status fail_shape(const struct weir_protocol_grpc_request *r,
                                   const struct weir_protocol_grpc_input *in, size_t n_columns)
{
    char got[128];
    int64_t dims[WEIR_TENSOR_DIMS_MAX];
    for (size_t k = 0; k < in->n_dims; k++)
        dims[k] = (int64_t)in->dims[k];
    weir_tensors_dims_text(dims, in->n_dims, got, sizeof got);
    if (n_columns == 0)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: shape: expected [n] or [n, 1], got %s",
                              in->place, got);
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: shape: expected [n, %zu], got %s",
                          in->place, n_columns, got);
}

/* Checks that columns take a datatype. column: one; SIZE_MAX: all of them. */
static enum weir_status check_datatype(const struct weir_protocol_grpc_request *r,
                                       const struct weir_protocol_grpc_input *in, size_t column)
{
    bool has_text;
    bool is_text;
    weir_protocol_columns_texts(r->spec, column, &has_text, &is_text);
    if (in->dtype == WEIR_BYTES && !has_text)
        return weir_protocol_grpc_infer_fail(r, in, "the model takes numbers here, not BYTES");
    if (in->dtype != WEIR_BYTES && is_text)
        return weir_protocol_grpc_infer_fail(
            r, in,
            column == SIZE_MAX ? "the model takes text: BYTES, or an input for each "
                                 "column"
                               : "the column takes text: BYTES");
    return WEIR_OK;
}

/* Checks what all inputs of rows have in common. */
static enum weir_status check_input(const struct weir_protocol_grpc_request *r,
                                    const struct weir_protocol_grpc_input *in, size_t column,
                                    size_t *text_bytes)
{
    enum weir_status status = check_datatype(r, in, column);
    if (status != WEIR_OK)
        return status;
    return weir_protocol_grpc_contents_check(r, in, text_bytes);
}

/* Texts take room in frames only. */
static enum weir_status reserve(const struct weir_protocol_grpc_request *r, uint64_t n_rows,
                                size_t text_bytes, struct weir_protocol_fill *fill)
{
    return weir_protocol_fill_reserve(fill, r->call, n_rows, NULL,
                                      r->spec->columns ? text_bytes : 0);
}

/* Writes one input; on failure nothing stays reserved. */
static enum weir_status fill_input(const struct weir_protocol_grpc_request *r,
                                   const struct weir_protocol_grpc_input *in, size_t column,
                                   struct weir_protocol_fill *fill)
{
    struct weir_protocol_grpc_to to = {.fill = fill, .column = column, .err = r->err};
    fill->key = in->place;
    if (weir_protocol_grpc_contents_fill(r, in, &to))
        return WEIR_OK;
    weir_protocol_sink_rollback(r->sink, r->call);
    return WEIR_ERR_INVALID;
}

static enum weir_status decode_matrix(const struct weir_protocol_grpc_request *r,
                                      struct weir_protocol_fill *fill)
{
    struct weir_protocol_grpc_inputs it = weir_protocol_grpc_infer_inputs_of(r);
    struct weir_protocol_grpc_input in;
    size_t n_features = r->spec->n_features;
    size_t text_bytes = 0;
    enum weir_status status = weir_protocol_grpc_infer_inputs_next(&it, &in);
    if (status != WEIR_OK)
        return status;
    bool is_column = n_features == 1 && in.n_dims == 1;
    if (!is_column && (in.n_dims != 2 || in.dims[1] != n_features))
        return fail_shape(r, &in, n_features);
    status = check_input(r, &in, SIZE_MAX, &text_bytes);
    if (status != WEIR_OK)
        return status;
    r->call->request_dtype = in.dtype == WEIR_F32 ? WEIR_F32 : WEIR_F64;
    status = reserve(r, in.dims[0], text_bytes, fill);
    if (status == WEIR_OK)
        status = fill_input(r, &in, SIZE_MAX, fill);
    if (status == WEIR_OK)
        weir_protocol_sink_commit(r->sink, r->call);
    return status;
}

static enum weir_status find_column(const struct weir_protocol_grpc_request *r,
                                    const struct weir_protocol_grpc_input *in, size_t *column)
{
    int64_t found = weir_protocol_columns_find_plain(r->decoder, r->spec, in->name, in->i);
    if (found == WEIR_PROTOCOL_COLUMN_NONE) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: the model has no feature \"%s\"",
                              in->place, weir_str_echo(in->name, echo, sizeof echo));
    }
    *column = (size_t)found;
    return WEIR_OK;
}

/* Reads all heads: equal numbers of rows, every feature exactly once. */
static enum weir_status check_columns(const struct weir_protocol_grpc_request *r, uint64_t *n_rows,
                                      size_t *text_bytes)
{
    struct weir_protocol_grpc_inputs it = weir_protocol_grpc_infer_inputs_of(r);
    size_t column = 0;
    bool is_f32 = true;
    for (size_t i = 0; i < r->n_inputs; i++) {
        struct weir_protocol_grpc_input in;
        enum weir_status status = weir_protocol_grpc_infer_inputs_next(&it, &in);
        if (status == WEIR_OK)
            status = find_column(r, &in, &column);
        if (status != WEIR_OK)
            return status;
        if (!weir_protocol_columns_mark(r->decoder, column, 1))
            return weir_protocol_grpc_infer_fail(r, &in, "this feature is there twice");
        if (in.n_dims == 0 || in.n_dims > 2 || (in.n_dims == 2 && in.dims[1] != 1))
            return fail_shape(r, &in, 0);
        status = check_input(r, &in, column, text_bytes);
        if (status != WEIR_OK)
            return status;
        if (i > 0 && in.dims[0] != *n_rows)
            return weir_protocol_grpc_infer_fail(r, &in, "shape: not as many rows as inputs[0]");
        *n_rows = in.dims[0];
        is_f32 = is_f32 && in.dtype == WEIR_F32;
    }
    r->call->request_dtype = is_f32 ? WEIR_F32 : WEIR_F64;
    return weir_protocol_columns_complete(r->decoder, r->spec, r->err);
}

static enum weir_status decode_columns(const struct weir_protocol_grpc_request *r,
                                       struct weir_protocol_fill *fill)
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
        status = reserve(r, n_rows, text_bytes, fill);
    struct weir_protocol_grpc_inputs it = weir_protocol_grpc_infer_inputs_of(r);
    for (size_t i = 0; status == WEIR_OK && i < r->n_inputs; i++) {
        struct weir_protocol_grpc_input in;
        size_t column = 0;
        status = weir_protocol_grpc_infer_inputs_next(&it, &in);
        weir_assert(status == WEIR_OK); /* It was read before. */
        status = find_column(r, &in, &column);
        weir_assert(status == WEIR_OK);
        status = fill_input(r, &in, column, fill);
    }
    if (status == WEIR_OK)
        weir_protocol_columns_leave_out(fill, 0, (size_t)n_rows, 1);
    if (status == WEIR_OK)
        weir_protocol_sink_commit(r->sink, r->call);
    return status;
}

enum weir_status weir_protocol_grpc_rows_decode(const struct weir_protocol_grpc_request *r)
{
    struct weir_protocol_fill fill = {
        .decoder = r->decoder, .spec = r->spec, .sink = r->sink, .err = r->err};
    return r->n_inputs == 1 ? decode_matrix(r, &fill) : decode_columns(r, &fill);
}

/* --- tensors --------------------------------------------------------------------------------- */

/* Takes the next head and finds which of the model's inputs it is. */
static enum weir_status next_tensor(const struct weir_protocol_grpc_request *r,
                                    struct weir_protocol_grpc_inputs *it,
                                    struct weir_protocol_grpc_input *in, size_t *input)
{
    const struct weir_tensors_spec *spec = r->spec->tensors;
    enum weir_status status = weir_protocol_grpc_infer_inputs_next(it, in);
    if (status != WEIR_OK)
        return status;
    *input = 0;
    if (!weir_tensors_find_input(spec, in->name, input) &&
        (spec->n_inputs > 1 || r->n_inputs > 1)) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: the model has no input \"%s\"",
                              in->place, weir_str_echo(in->name, echo, sizeof echo));
    }
    return WEIR_OK;
}

static enum weir_status read_shapes(const struct weir_protocol_grpc_request *r,
                                    struct weir_protocol_tensors *t, size_t *text_bytes)
{
    struct weir_protocol_grpc_inputs it = weir_protocol_grpc_infer_inputs_of(r);
    for (size_t i = 0; i < r->n_inputs; i++) {
        struct weir_protocol_grpc_input in;
        size_t input;
        enum weir_status status = next_tensor(r, &it, &in, &input);
        if (status != WEIR_OK)
            return status;
        enum weir_dtype dtype = r->spec->tensors->inputs[input].dtype;
        if ((in.dtype == WEIR_BYTES) != (dtype == WEIR_BYTES))
            return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: the model takes %s, not %s",
                                  in.place, weir_dtype_name(dtype), weir_dtype_name(in.dtype));
        if (t->given & UINT64_C(1) << input)
            return weir_protocol_grpc_infer_fail(r, &in, "this input is there twice");
        t->given |= UINT64_C(1) << input;
        t->shapes[input].n_dims = (uint32_t)in.n_dims;
        memcpy(t->shapes[input].dims, in.dims, in.n_dims * sizeof in.dims[0]);
        status = weir_protocol_grpc_contents_check(r, &in, text_bytes);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

enum weir_status weir_protocol_grpc_rows_decode_tensors(const struct weir_protocol_grpc_request *r)
{
    struct weir_protocol_tensors t;
    size_t text_bytes = 0;
    weir_protocol_tensors_init(&t, r->decoder, r->spec, r->sink, r->call, r->err);
    t.takes_none = true;
    enum weir_status status = read_shapes(r, &t, &text_bytes);
    if (status == WEIR_OK)
        status = weir_protocol_tensors_reserve_for(&t, text_bytes);
    if (status != WEIR_OK)
        return status;
    struct weir_protocol_grpc_inputs it = weir_protocol_grpc_infer_inputs_of(r);
    for (size_t i = 0; i < r->n_inputs; i++) {
        struct weir_protocol_grpc_input in;
        size_t input = 0;
        status = next_tensor(r, &it, &in, &input);
        weir_assert(status == WEIR_OK); /* It was read before. */
        struct weir_protocol_grpc_to to = {.sink = r->sink,
                                           .dtype = r->spec->tensors->inputs[input].dtype,
                                           .at = t.base + t.offsets[input],
                                           .err = r->err};
        if (!weir_protocol_grpc_contents_fill(r, &in, &to)) {
            weir_protocol_sink_rollback(r->sink, r->call);
            return WEIR_ERR_INVALID;
        }
    }
    weir_protocol_sink_commit(r->sink, r->call);
    return WEIR_OK;
}
