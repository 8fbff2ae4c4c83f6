/* SPDX-License-Identifier: MIT */
#include "protocol/topk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Longest text without its label: a value of up to 25 bytes, an index, two colons. */
enum { TEXT_BYTES = 64, LENGTH_BYTES = 4 };

/* A value of a row on its way through the heap. */
struct place {
    double value; /* −∞ for NaN, which sorts behind it by its index */
    uint64_t index;
};

static bool is_sortable(enum weir_dtype dtype)
{
    return dtype != WEIR_BYTES && dtype != WEIR_F16 && dtype != WEIR_BF16;
}

enum weir_status weir_protocol_topk_add(struct weir_protocol_call *call,
                                        const struct weir_spec *spec, size_t output, uint64_t k,
                                        struct weir_error *err)
{
    enum weir_dtype dtype = spec->tensors
                                ? spec->tensors->outputs[output].dtype
                                : weir_spec_output_dtype(spec, (enum weir_output)output, WEIR_F64);
    if (k == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "classification: expected at least 1");
    if (!is_sortable(dtype))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "classification: not for outputs of datatype %s",
                              weir_dtype_name(dtype));
    for (size_t i = 0; i < call->n_tops; i++) {
        if (call->tops[i].output == output)
            return WEIR_OK; /* It was asked for before. */
    }
    if (call->n_tops == WEIR_PROTOCOL_TOPS_MAX)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "classification: of at most %d outputs",
                              WEIR_PROTOCOL_TOPS_MAX);
    call->tops[call->n_tops++] = (struct weir_protocol_top){
        .output = (uint8_t)output, .k = k < UINT32_MAX ? (uint32_t)k : UINT32_MAX};
    return WEIR_OK;
}

static void look_at_tensor(struct weir_protocol_topk *topk)
{
    const struct weir_tensors_spec *spec = topk->result->spec->tensors;
    const struct weir_tensor *tensor = &topk->result->tensors[topk->output];
    uint64_t n = weir_tensor_n_items(tensor);
    topk->is_batched = spec->is_batched && tensor->n_dims > 0;
    topk->n_rows = topk->is_batched ? tensor->dims[0] : 1;
    topk->n_values = topk->n_rows > 0 ? n / topk->n_rows : 0;
    topk->labels = spec->labels ? spec->labels[topk->output] : NULL;
    topk->dtype = tensor->dtype;
}

static void look_at_rows(struct weir_protocol_topk *topk)
{
    const struct weir_spec *spec = topk->result->spec;
    enum weir_output output = (enum weir_output)topk->output;
    topk->is_batched = true;
    topk->n_rows = topk->result->n_rows;
    topk->n_values = spec->outputs[output].n_columns;
    topk->labels = spec->n_targets == 1 ? &spec->targets[0] : NULL;
    topk->dtype = weir_spec_output_dtype(spec, output, topk->result->batch_dtype);
    if (spec->outputs[output].storage == WEIR_STORAGE_LABEL)
        topk->labels = NULL; /* The values are the labels. */
}

bool weir_protocol_topk_init(struct weir_protocol_topk *topk, const struct weir_protocol_call *call,
                             const struct weir_result *result, size_t output)
{
    weir_assert(call);
    size_t i = 0;
    while (i < call->n_tops && call->tops[i].output != output)
        i++;
    if (i == call->n_tops)
        return false;
    *topk = (struct weir_protocol_topk){.result = result, .output = output};
    if (result->spec->tensors)
        look_at_tensor(topk);
    else
        look_at_rows(topk);
    if (topk->labels && topk->labels->n != topk->n_values)
        topk->labels = NULL;
    topk->k = call->tops[i].k < topk->n_values ? call->tops[i].k : (uint32_t)topk->n_values;
    return true;
}

void weir_protocol_topk_append_shape(struct weir_buf *buf, const struct weir_protocol_topk *topk)
{
    weir_buf_append_byte(buf, '[');
    if (topk->is_batched) {
        weir_buf_append_u64(buf, topk->n_rows);
        weir_buf_append_byte(buf, ',');
    }
    weir_buf_append_u64(buf, topk->k);
    weir_buf_append_byte(buf, ']');
}

/* --- values ---------------------------------------------------------------------------------- */

static double tensor_value(const struct weir_tensor *tensor, uint64_t i)
{
    size_t size = weir_tensor_item_bytes(tensor->dtype);
    const char *at = (const char *)tensor->data + i * size;
    float narrow;
    double wide;
    uint64_t u = 0;
    if (tensor->dtype == WEIR_F64) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    if (tensor->dtype == WEIR_F32) {
        memcpy(&narrow, at, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&u, at, size);
    size_t shift = 64 - 8 * size;
    bool is_signed = tensor->dtype == WEIR_I8 || tensor->dtype == WEIR_I16 ||
                     tensor->dtype == WEIR_I32 || tensor->dtype == WEIR_I64;
    return is_signed ? (double)((int64_t)(u << shift) >> shift) : (double)u;
}

static double rows_value(const struct weir_protocol_topk *topk, uint64_t i)
{
    const struct weir_spec *spec = topk->result->spec;
    const void *out = topk->result->out[topk->output];
    if (spec->outputs[topk->output].storage != WEIR_STORAGE_LABEL)
        return ((const double *)out)[i];
    const struct weir_labels *labels = &spec->targets[i % topk->n_values];
    int32_t label = ((const int32_t *)out)[i];
    if (labels->f64)
        return labels->f64[label];
    return labels->i64 ? (double)labels->i64[label] : (double)label;
}

static double value_at(const struct weir_protocol_topk *topk, uint64_t row, uint64_t index)
{
    uint64_t i = row * topk->n_values + index;
    return topk->result->spec->tensors ? tensor_value(&topk->result->tensors[topk->output], i)
                                       : rows_value(topk, i);
}

/* Writes value:index without the label. Whole numbers above 2^53 are rounded, as they were for the
 * comparison. */
static int write_place(const struct weir_protocol_topk *topk, double value, uint64_t index,
                       char text[TEXT_BYTES])
{
    bool is_float = topk->dtype == WEIR_F32 || topk->dtype == WEIR_F64;
    unsigned long long i = (unsigned long long)index;
    int n;
    if (!is_float)
        n = snprintf(text, TEXT_BYTES, "%.0f:%llu", value, i);
    else if (fabs(value) < 1e15)
        n = snprintf(text, TEXT_BYTES, "%.6f:%llu", value, i);
    else /* As a fixed point it could fill a line. */
        n = snprintf(text, TEXT_BYTES, "%.17g:%llu", value, i);
    weir_assert(n > 0);
    weir_assert(n < TEXT_BYTES);
    return n;
}

static struct weir_str label_of(const struct weir_protocol_topk *topk, uint64_t index)
{
    if (!topk->labels)
        return weir_str_make(NULL, 0);
    return topk->labels->text ? topk->labels->text[index] : topk->labels->json[index];
}

/* --- sorting --------------------------------------------------------------------------------- */

static bool is_before(const struct place *a, const struct place *b)
{
    return a->value > b->value || (a->value == b->value && a->index < b->index);
}

static void sift(struct place *heap, uint64_t n, uint64_t i)
{
    for (;;) {
        uint64_t child = 2 * i + 1;
        if (child >= n)
            return;
        if (child + 1 < n && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &heap[i]))
            return;
        struct place moved = heap[i];
        heap[i] = heap[child];
        heap[child] = moved;
        i = child;
    }
}

/* Puts the places of a row into a heap whose first is the largest. */
static void fill_heap(const struct weir_protocol_topk *topk, uint64_t row, struct place *heap)
{
    uint64_t n = topk->n_values;
    for (uint64_t i = 0; i < n; i++) {
        double v = value_at(topk, row, i);
        heap[i] = (struct place){isnan(v) ? (double)-INFINITY : v, isnan(v) ? n + i : i};
    }
    for (uint64_t i = n / 2; i > 0; i--)
        sift(heap, n, i - 1);
}

static struct place take_first(struct place *heap, uint64_t *n)
{
    struct place first = heap[0];
    heap[0] = heap[--*n];
    sift(heap, *n, 0);
    return first;
}

/* --- writing --------------------------------------------------------------------------------- */

static void append_one(struct weir_buf *buf, const struct weir_protocol_topk *topk, uint64_t row,
                       uint64_t index, bool is_raw)
{
    char text[TEXT_BYTES];
    struct weir_str label = label_of(topk, index);
    size_t n = (size_t)write_place(topk, value_at(topk, row, index), index, text);
    if (is_raw) {
        uint32_t bytes = (uint32_t)(n + (topk->labels ? 1 + label.n : 0));
        weir_buf_append(buf, &bytes, LENGTH_BYTES);
        weir_buf_append(buf, text, n);
        if (topk->labels)
            weir_buf_append_byte(buf, ':');
        weir_buf_append_str(buf, label);
        return;
    }
    weir_buf_append_byte(buf, '"');
    weir_buf_append(buf, text, n);
    if (topk->labels)
        weir_buf_append_byte(buf, ':');
    weir_codec_json_append_escaped(buf, label);
    weir_buf_append_byte(buf, '"');
}

static void append_all(struct weir_buf *buf, const struct weir_protocol_topk *topk, bool is_raw)
{
    struct weir_mem *mem = buf->mem ? buf->mem : weir_mem_default();
    struct place *heap = weir_mem_array(mem, (size_t)topk->n_values, sizeof *heap);
    if (!heap) {
        buf->failed = true;
        return;
    }
    bool is_first = true;
    for (uint64_t row = 0; row < topk->n_rows; row++) {
        uint64_t n = topk->n_values;
        fill_heap(topk, row, heap);
        for (uint32_t i = 0; i < topk->k; i++) {
            struct place p = take_first(heap, &n);
            if (!is_raw && !is_first)
                weir_buf_append_byte(buf, ',');
            is_first = false;
            append_one(buf, topk, row, p.index % topk->n_values, is_raw);
        }
    }
    weir_mem_free(mem, heap);
}

void weir_protocol_topk_append_json(struct weir_buf *buf, const struct weir_protocol_topk *topk)
{
    weir_buf_append_byte(buf, '[');
    if (topk->k > 0)
        append_all(buf, topk, false);
    weir_buf_append_byte(buf, ']');
}

void weir_protocol_topk_append_raw(struct weir_buf *buf, const struct weir_protocol_topk *topk)
{
    if (topk->k > 0)
        append_all(buf, topk, true);
}
