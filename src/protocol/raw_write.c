/* SPDX-License-Identifier: MIT */
/* Results in binary form. */
#include "protocol/raw.h"

#include <math.h>
#include <string.h>

enum { LENGTH_BYTES = 4 }; /* of an element of BYTES */

static void append_text(struct weir_buf *buf, struct weir_str text)
{
    uint32_t n = (uint32_t)weir_min_size(text.n, UINT32_MAX);
    weir_buf_append(buf, &n, sizeof n);
    weir_buf_append(buf, text.at, n);
}

/* Returns a label as a text. */
static struct weir_str label_text(const struct weir_labels *labels, size_t label)
{
    return labels->dtype == WEIR_BYTES ? labels->text[label] : labels->json[label];
}

static const struct weir_labels *labels_at(const struct weir_result *result,
                                           enum weir_output output, size_t i, size_t *label)
{
    size_t target = i % result->spec->outputs[output].n_columns;
    int32_t index = ((const int32_t *)result->out[output])[i];
    weir_assert(target < result->spec->n_targets);
    weir_assert(index >= 0);
    weir_assert((size_t)index < result->spec->targets[target].n);
    *label = (size_t)index;
    return &result->spec->targets[target];
}

static size_t n_values(const struct weir_result *result, enum weir_output output)
{
    return result->n_rows * result->spec->outputs[output].n_columns;
}

uint64_t weir_protocol_raw_output_bytes(const struct weir_result *result, enum weir_output output)
{
    weir_assert(result);
    enum weir_dtype dtype = weir_spec_output_dtype(result->spec, output, result->batch_dtype);
    uint64_t n = n_values(result, output);
    if (dtype != WEIR_BYTES)
        return n * weir_dtype_size(dtype);
    uint64_t bytes = n * LENGTH_BYTES;
    for (size_t i = 0; i < n; i++) {
        size_t label;
        const struct weir_labels *labels = labels_at(result, output, i, &label);
        bytes += label_text(labels, label).n;
    }
    return bytes;
}

/* Writes a whole number that is held as a double; NaN is the least one, as casts of x86-64 make it.
 */
static int64_t whole_of(double v)
{
    return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

static void put_number(char *to, enum weir_dtype dtype, double v)
{
    float narrow = (float)v;
    int64_t whole = dtype == WEIR_F64 || dtype == WEIR_F32 ? 0 : whole_of(v);
    if (dtype == WEIR_F64)
        memcpy(to, &v, sizeof v);
    else if (dtype == WEIR_F32)
        memcpy(to, &narrow, sizeof narrow);
    else if (dtype == WEIR_BOOL)
        *to = v != 0;
    else
        memcpy(to, &whole, weir_dtype_size(dtype));
}

/* Writes a label that is no text. */
static void put_label(char *to, enum weir_dtype dtype, const struct weir_labels *labels,
                      size_t label)
{
    if (labels->dtype == WEIR_F64)
        put_number(to, dtype, labels->f64[label]);
    else if (dtype == WEIR_F64 || dtype == WEIR_F32)
        put_number(to, dtype, (double)labels->i64[label]);
    else
        memcpy(to, &labels->i64[label], weir_dtype_size(dtype));
}

static void append_labels(struct weir_buf *buf, const struct weir_result *result,
                          enum weir_output output, enum weir_dtype dtype)
{
    size_t n = n_values(result, output);
    for (size_t i = 0; i < n; i++) {
        size_t label;
        const struct weir_labels *labels = labels_at(result, output, i, &label);
        char item[sizeof(double)];
        if (dtype == WEIR_BYTES) {
            append_text(buf, label_text(labels, label));
            continue;
        }
        put_label(item, dtype, labels, label);
        weir_buf_append(buf, item, weir_dtype_size(dtype));
    }
}

void weir_protocol_raw_append_output(struct weir_buf *buf, const struct weir_result *result,
                                     enum weir_output output)
{
    weir_assert(result);
    weir_assert(result->out[output]);
    enum weir_dtype dtype = weir_spec_output_dtype(result->spec, output, result->batch_dtype);
    if (result->spec->outputs[output].storage == WEIR_STORAGE_LABEL) {
        append_labels(buf, result, output, dtype);
        return;
    }
    const double *values = result->out[output];
    size_t n = n_values(result, output);
    size_t size = weir_dtype_size(dtype);
    if (dtype == WEIR_F64) {
        weir_buf_append(buf, values, n * size);
        return;
    }
    if (weir_buf_reserve(buf, n * size) != WEIR_OK)
        return; /* The buffer says so. */
    for (size_t i = 0; i < n; i++)
        put_number(buf->at + buf->n + i * size, dtype, values[i]);
    buf->n += n * size;
}

uint64_t weir_protocol_raw_tensor_bytes(const struct weir_tensor *tensor)
{
    weir_assert(tensor);
    uint64_t n = weir_tensor_n_items(tensor);
    if (tensor->dtype != WEIR_BYTES)
        return n * weir_dtype_size(tensor->dtype);
    uint64_t bytes = n * LENGTH_BYTES;
    for (uint64_t i = 0; i < n; i++)
        bytes += ((const struct weir_text *)tensor->data)[i].n;
    return bytes;
}

void weir_protocol_raw_append_tensor(struct weir_buf *buf, const struct weir_tensor *tensor)
{
    weir_assert(tensor);
    uint64_t n = weir_tensor_n_items(tensor);
    if (tensor->dtype != WEIR_BYTES) {
        weir_buf_append(buf, tensor->data, (size_t)n * weir_dtype_size(tensor->dtype));
        return;
    }
    const struct weir_text *texts = tensor->data;
    for (uint64_t i = 0; i < n; i++)
        append_text(buf, weir_str_make(texts[i].at, texts[i].n));
}
