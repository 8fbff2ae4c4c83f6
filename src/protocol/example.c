/* SPDX-License-Identifier: MIT */
/* A body to try a model with. */
#include "base/macros.h"
#include "codec/json.h"
#include "protocol/protocol.h"

enum {
    NAMED_MAX = 8,     /* up to here a row is an object with names */
    VALUES_MAX = 2000, /* more are no example any more */
};

static void put_value(struct weir_buf *out, bool is_text)
{
    weir_buf_append_c(out, is_text ? "\"text\"" : "0");
}

static void put_row(struct weir_buf *out, const struct weir_spec *spec)
{
    bool is_named = spec->feature_names && spec->n_features <= NAMED_MAX;
    weir_buf_append_byte(out, is_named ? '{' : '[');
    for (size_t i = 0; i < spec->n_features; i++) {
        weir_buf_append_c(out, i ? ", " : "");
        if (is_named) {
            weir_codec_json_append_text(out, spec->feature_names[i]);
            weir_buf_append_c(out, ": ");
        }
        put_value(out, weir_spec_column(spec, i) != WEIR_COLUMN_NUMBER);
    }
    weir_buf_append_byte(out, is_named ? '}' : ']');
}

/* Appends lists from dimension `dim` on; at most WEIR_TENSOR_DIMS_MAX deep. */
static void put_lists(struct weir_buf *out, const struct weir_tensor_info *info, int32_t dim)
{
    if (dim >= info->n_dims) {
        put_value(out, info->dtype == WEIR_BYTES);
        return;
    }
    int64_t n = info->dims[dim] < 0 ? 1 : info->dims[dim];
    weir_buf_append_byte(out, '[');
    for (int64_t i = 0; i < n; i++) {
        weir_buf_append_c(out, i ? ", " : "");
        put_lists(out, info, dim + 1);
    }
    weir_buf_append_byte(out, ']');
}

static bool put_tensors(struct weir_buf *out, const struct weir_tensors_spec *spec)
{
    uint64_t n_all = 0;
    for (size_t i = 0; i < spec->n_inputs; i++) {
        struct weir_tensor t = {.n_dims = 0};
        for (int32_t k = 0; k < spec->inputs[i].n_dims; k++, t.n_dims++)
            t.dims[k] = spec->inputs[i].dims[k] < 0 ? 1 : (uint64_t)spec->inputs[i].dims[k];
        uint64_t n = weir_tensor_n_items(&t);
        if (n > VALUES_MAX || (n_all += n) > VALUES_MAX)
            return false;
    }
    if (spec->n_inputs == 1) {
        put_lists(out, &spec->inputs[0], 0);
        return true;
    }
    weir_buf_append_byte(out, '{');
    for (size_t i = 0; i < spec->n_inputs; i++) {
        weir_buf_append_c(out, i ? ", " : "");
        weir_codec_json_append_text(out, weir_str_c(spec->inputs[i].name));
        weir_buf_append_c(out, ": ");
        put_lists(out, &spec->inputs[i], 0);
    }
    weir_buf_append_byte(out, '}');
    return true;
}

bool weir_protocol_example_rows(struct weir_buf *out, const struct weir_spec *spec)
{
    weir_assert(spec);
    size_t n = out->n;
    bool is_made = spec->n_features <= VALUES_MAX;
    if (spec->form == WEIR_INPUT_TENSORS) {
        is_made = put_tensors(out, spec->tensors);
    } else if (is_made) {
        weir_buf_append_byte(out, '[');
        put_row(out, spec);
        weir_buf_append_byte(out, ']');
    }
    if (!is_made)
        out->n = n;
    return is_made;
}

bool weir_protocol_example(struct weir_buf *out, const struct weir_spec *spec)
{
    size_t n = out->n;
    weir_buf_append_c(out, "{\"features\": ");
    bool is_made = weir_protocol_example_rows(out, spec);
    if (is_made)
        weir_buf_append_byte(out, '}');
    else
        out->n = n;
    return is_made;
}
