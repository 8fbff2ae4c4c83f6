/* SPDX-License-Identifier: MIT */
/* Flask-style rows for models of tensors.
 *
 *     {"features": [[[0.1, …], …], …]}          one input: a list of rows, nested as the input is
 *     {"features": {"ids": [[…]], "mask": …}}   several inputs, each a list of rows
 *     {"instances": [{"ids": […], "mask": …}]}  rows, each with all inputs
 *
 * One input may also be a single row, without the list around it. Shapes are told by the lists. */
#include "protocol/tensors_priv.h"

#include <string.h>

/* Finds the shape of nested lists by their first elements; false: too deep. */
static bool find_shape(const struct weir_codec_json *json, const char *value,
                       struct weir_tensors_shape *out)
{
    memset(out, 0, sizeof *out);
    while (*value == '[') {
        if (out->n_dims == WEIR_TENSOR_DIMS_MAX)
            return false;
        out->dims[out->n_dims++] = weir_codec_json_count(json, value);
        value = weir_codec_json_rows_first(value);
    }
    return true;
}

/* Puts one row's dimension before the others. */
static bool add_row(struct weir_tensors_shape *shape, uint64_t n_rows)
{
    if (shape->n_dims == WEIR_TENSOR_DIMS_MAX)
        return false;
    memmove(shape->dims + 1, shape->dims, shape->n_dims * sizeof shape->dims[0]);
    shape->dims[0] = n_rows;
    shape->n_dims++;
    return true;
}

static enum weir_status fail_depth(struct weir_protocol_tensors *t, const char *key)
{
    return weir_error_set(t->err, WEIR_ERR_INVALID, "%s: lists nested deeper than %d", key,
                          WEIR_TENSOR_DIMS_MAX);
}

/* Notes the shape of one input. */
static enum weir_status give(struct weir_protocol_tensors *t, size_t input, const char *value,
                             const char *key)
{
    struct weir_tensors_shape *shape = &t->shapes[input];
    const struct weir_tensor_info *info = &t->spec->tensors->inputs[input];
    if (!find_shape(&t->decoder->json, value, shape))
        return fail_depth(t, key);
    t->given |= UINT64_C(1) << input;
    bool is_row = info->n_dims > 0 && shape->n_dims + 1 == (uint32_t)info->n_dims &&
                  (info->dims[0] < 0 || info->dims[0] == 1);
    if (is_row && !t->is_strict && t->spec->tensors->n_inputs == 1 && add_row(shape, 1))
        t->call->is_single_row = true;
    return WEIR_OK;
}

static bool fill_input(struct weir_protocol_tensors *t, size_t input, const char *value,
                       const char *key, uint64_t row, bool is_row)
{
    struct weir_tensors_shape nesting = t->shapes[input];
    if (is_row) {
        nesting.n_dims--;
        memmove(nesting.dims, nesting.dims + 1, nesting.n_dims * sizeof nesting.dims[0]);
    }
    struct weir_protocol_tensors_from from = {
        .value = value,
        .place = key,
        .request = WEIR_F64,
        .nesting = &nesting,
        .n_items = 1,
        .dtype = t->spec->tensors->inputs[input].dtype,
    };
    for (uint32_t i = 0; i < nesting.n_dims; i++)
        from.n_items *= nesting.dims[i];
    from.to = t->base + t->offsets[input] + row * from.n_items * weir_tensor_item_bytes(from.dtype);
    return weir_protocol_tensors_fill(t, &from);
}

static enum weir_status find_member(struct weir_protocol_tensors *t, struct weir_str name,
                                    const char *key, size_t *input)
{
    if (weir_protocol_tensors_find(t, name, input))
        return WEIR_OK;
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(t->err, WEIR_ERR_INVALID, "%s: the model has no input \"%s\"", key,
                          weir_str_echo(name, echo, sizeof echo));
}

/* Notes the shapes of the members of an object; n_rows: rows that look like it, 0: it has the lists
 * of rows. */
static enum weir_status give_members(struct weir_protocol_tensors *t, const char *object,
                                     const char *key, uint64_t n_rows)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(&t->decoder->json, object);
    struct weir_str name;
    const char *value;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        size_t input;
        if (t->ignores_extra && n_rows == 0 && !weir_protocol_tensors_find(t, name, &input))
            continue;
        enum weir_status status = find_member(t, name, key, &input);
        if (status != WEIR_OK)
            return status;
        t->given |= UINT64_C(1) << input;
        if (!find_shape(&t->decoder->json, value, &t->shapes[input]) ||
            (n_rows > 0 && !add_row(&t->shapes[input], n_rows)))
            return fail_depth(t, key);
    }
    return WEIR_OK;
}

/* Writes the members of one object. */
static bool fill_members(struct weir_protocol_tensors *t, const char *object, const char *key,
                         uint64_t row, bool is_row)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(&t->decoder->json, object);
    struct weir_str name;
    const char *value;
    uint64_t given = 0;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        size_t input;
        if (t->ignores_extra && !is_row && !weir_protocol_tensors_find(t, name, &input))
            continue;
        if (find_member(t, name, key, &input) != WEIR_OK ||
            !fill_input(t, input, value, key, row, is_row))
            return false;
        given |= UINT64_C(1) << input;
    }
    if (given != t->given) {
        (void)weir_error_set(t->err, WEIR_ERR_INVALID, "%s: row %llu: an input is missing", key,
                             (unsigned long long)row);
        return false;
    }
    return true;
}

static bool fill_records(struct weir_protocol_tensors *t, const char *rows, const char *key)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(&t->decoder->json, rows);
    const char *value;
    for (uint64_t row = 0; weir_codec_json_next(&it, &value); row++) {
        if (*value != '{') {
            (void)weir_error_set(t->err, WEIR_ERR_INVALID,
                                 "%s: row %llu: expected an object as in row 0", key,
                                 (unsigned long long)row);
            return false;
        }
        if (!fill_members(t, value, key, row, true))
            return false;
    }
    return true;
}

/* Finds whether a value is inputs by name, not a text in base64. */
static bool is_members(const struct weir_protocol_tensors *t, const char *value)
{
    struct weir_str written;
    return *value == '{' &&
           !(t->takes_b64 && weir_protocol_cells_is_b64(&t->decoder->json, value, &written));
}

enum weir_status weir_protocol_flask_tensors(struct weir_protocol_tensors *t, const char *rows,
                                             const char *key)
{
    bool is_object = is_members(t, rows);
    bool is_records = *rows == '[' && is_members(t, weir_codec_json_rows_first(rows));
    enum weir_status status;
    if (is_records)
        status = give_members(t, weir_codec_json_rows_first(rows), key,
                              weir_codec_json_count(&t->decoder->json, rows));
    else if (is_object)
        status = give_members(t, rows, key, 0);
    else if (t->spec->tensors->n_inputs == 1)
        status = give(t, 0, rows, key);
    else
        status = weir_error_set(t->err, WEIR_ERR_INVALID,
                                "%s: the model has %zu inputs: expected an object of lists by name",
                                key, t->spec->tensors->n_inputs);
    if (status == WEIR_OK)
        status = weir_protocol_tensors_reserve(t, rows, 0, 0);
    if (status != WEIR_OK)
        return status;
    bool is_row = t->call->is_single_row;
    bool is_filled = is_records  ? fill_records(t, rows, key)
                     : is_object ? fill_members(t, rows, key, 0, false)
                                 : fill_input(t, 0, rows, key, 0, is_row);
    if (is_filled) {
        weir_sink_commit(t->sink, 0);
        return WEIR_OK;
    }
    weir_sink_rollback(t->sink);
    return t->err && t->err->code == WEIR_ERR_NO_MEMORY ? WEIR_ERR_NO_MEMORY : WEIR_ERR_INVALID;
}
