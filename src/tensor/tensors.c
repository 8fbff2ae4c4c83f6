/* SPDX-License-Identifier: MIT */
#include "tensor/tensors.h"

#include "base/macros.h"
#include "base/mem.h"
#include "tensor/spec.h"

#include <stdio.h>

/* Requests begin at multiples of this in a batch of several inputs: the largest alignment of an
 * element. */
enum { PIECE_ALIGN = 8 };

_Static_assert(_Alignof(struct weir_text) <= PIECE_ALIGN, "texts fit the alignment of a piece");

size_t weir_tensor_item_bytes(enum weir_dtype dtype)
{
    return dtype == WEIR_BYTES ? sizeof(struct weir_text) : weir_dtype_size(dtype);
}

uint64_t weir_tensor_n_items(const struct weir_tensor *tensor)
{
    weir_assert(tensor);
    weir_assert(tensor->n_dims <= WEIR_TENSOR_DIMS_MAX);
    uint64_t n = 1;
    bool overflows = false;
    for (uint32_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] == 0)
            return 0;
        overflows |= __builtin_mul_overflow(n, tensor->dims[i], &n);
    }
    return overflows ? UINT64_MAX : n;
}

static const struct weir_tensors_spec *tensors_of(const struct weir_spec *spec)
{
    weir_assert(spec);
    return spec->tensors;
}

size_t weir_spec_n_tensor_inputs(const struct weir_spec *spec)
{
    return tensors_of(spec) ? tensors_of(spec)->n_inputs : 0;
}

const struct weir_tensor_info *weir_spec_tensor_input(const struct weir_spec *spec, size_t i)
{
    weir_assert(i < weir_spec_n_tensor_inputs(spec));
    return &tensors_of(spec)->inputs[i];
}

size_t weir_spec_n_tensor_outputs(const struct weir_spec *spec)
{
    return tensors_of(spec) ? tensors_of(spec)->n_outputs : 0;
}

const struct weir_tensor_info *weir_spec_tensor_output(const struct weir_spec *spec, size_t i)
{
    weir_assert(i < weir_spec_n_tensor_outputs(spec));
    return &tensors_of(spec)->outputs[i];
}

bool weir_spec_is_batched(const struct weir_spec *spec)
{
    return tensors_of(spec) ? tensors_of(spec)->is_batched : true;
}

static bool find(const struct weir_tensor_info *infos, size_t n, struct weir_str name, size_t *out)
{
    for (size_t i = 0; i < n; i++) {
        if (weir_str_eq_c(name, infos[i].name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool weir_tensors_find_input(const struct weir_tensors_spec *spec, struct weir_str name,
                             size_t *out)
{
    weir_assert(spec);
    return find(spec->inputs, spec->n_inputs, name, out);
}

bool weir_tensors_find_output(const struct weir_tensors_spec *spec, struct weir_str name,
                              size_t *out)
{
    weir_assert(spec);
    return find(spec->outputs, spec->n_outputs, name, out);
}

void weir_tensors_dims_text(const int64_t *dims, size_t n_dims, char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "[");
    for (size_t i = 0; i < n_dims && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%lld", i > 0 ? ", " : "", (long long)dims[i]);
    if (n < cap)
        (void)snprintf(out + n, cap - n, "]");
}

static bool fits(const struct weir_tensor_info *info, const struct weir_tensors_shape *shape)
{
    if (info->n_dims < 0)
        return true;
    if (shape->n_dims != (uint32_t)info->n_dims)
        return false;
    for (uint32_t i = 0; i < shape->n_dims; i++) {
        if (info->dims[i] >= 0 && shape->dims[i] != (uint64_t)info->dims[i])
            return false;
    }
    return true;
}

/* Multiplies; false: more than fit. */
static bool piece_bytes(const struct weir_tensor_info *info, const struct weir_tensors_shape *shape,
                        size_t *out)
{
    struct weir_tensor tensor = {.n_dims = shape->n_dims};
    for (uint32_t i = 0; i < shape->n_dims; i++)
        tensor.dims[i] = shape->dims[i];
    uint64_t n = weir_tensor_n_items(&tensor);
    return n <= INT64_MAX && weir_size_mul((size_t)n, weir_tensor_item_bytes(info->dtype), out) &&
           *out <= SIZE_MAX / 2;
}

enum weir_status weir_tensors_check_shape(const struct weir_tensors_spec *spec, size_t i,
                                          const struct weir_tensors_shape *shape,
                                          struct weir_error *err)
{
    weir_assert(spec);
    weir_assert(i < spec->n_inputs);
    weir_assert(shape->n_dims <= WEIR_TENSOR_DIMS_MAX);
    const struct weir_tensor_info *info = &spec->inputs[i];
    size_t bytes;
    if (fits(info, shape))
        return piece_bytes(info, shape, &bytes)
                   ? WEIR_OK
                   : weir_error_set(err, WEIR_ERR_LIMIT, "input \"%.64s\": too many elements",
                                    info->name);
    char expected[96];
    char got[96];
    int64_t dims[WEIR_TENSOR_DIMS_MAX] = {0};
    for (uint32_t k = 0; k < shape->n_dims; k++)
        dims[k] = shape->dims[k] <= INT64_MAX ? (int64_t)shape->dims[k] : INT64_MAX;
    weir_tensors_dims_text(info->dims, (size_t)info->n_dims, expected, sizeof expected);
    weir_tensors_dims_text(dims, shape->n_dims, got, sizeof got);
    return weir_error_set(err, WEIR_ERR_INVALID, "input \"%.64s\": expected shape %s, got %s",
                          info->name, expected, got);
}

/* Returns the alignment of an element: 8, 4, 2 or 1. */
static size_t align_of(const struct weir_tensor_info *info)
{
    return weir_min_size(weir_tensor_item_bytes(info->dtype), PIECE_ALIGN);
}

bool weir_tensors_layout(const struct weir_tensors_spec *spec,
                         const struct weir_tensors_shape *shapes, uint64_t n_rows, size_t *offsets,
                         size_t *row_bytes)
{
    weir_assert(spec);
    weir_assert(n_rows > 0);
    size_t at = 0;
    for (size_t align = PIECE_ALIGN; align > 0; align /= 2) {
        for (size_t i = 0; i < spec->n_inputs; i++) {
            size_t bytes;
            if (align_of(&spec->inputs[i]) != align)
                continue;
            if (offsets)
                offsets[i] = at;
            if (!piece_bytes(&spec->inputs[i], &shapes[i], &bytes) ||
                !weir_size_add(at, bytes, &at))
                return false;
        }
    }
    /* One input needs no gap between requests, and is one block then. */
    size_t row = at / n_rows;
    size_t align = spec->n_inputs == 1 ? 1 : PIECE_ALIGN;
    *row_bytes = (row + align - 1) & ~(align - 1);
    return *row_bytes >= row;
}
