/* SPDX-License-Identifier: MIT */
/* Raw requests of Triton's binary tensor data extension: without JSON, the body is the elements of
 * the model's one input, and the batch is one row. */
#include "protocol/v2/v2_priv.h"

#include <string.h>

static enum weir_status fail_inputs(struct weir_error *err, size_t n)
{
    return weir_error_set(err, WEIR_ERR_INVALID,
                          "a request without JSON is for models of one input; this one has %zu", n);
}

/* Counts the elements in the body; the size of an element that has none of its own is all of it. */
static enum weir_status count(struct weir_protocol_v2_input *in, uint64_t *n,
                              struct weir_error *err)
{
    size_t size = weir_dtype_size(in->dtype);
    *n = 1;
    in->is_bare = size == 0;
    if (size == 0)
        return WEIR_OK;
    *n = in->raw.n / size;
    if (in->raw.n % size != 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "%zu bytes are no whole number of %s",
                              in->raw.n, weir_dtype_name(in->dtype));
    return WEIR_OK;
}

/* The dimensions of a tensor: the batch is 1, and at most one other is found from the bytes. */
static enum weir_status shape_tensor(const struct weir_tensors_spec *spec,
                                     struct weir_protocol_v2_input *in, uint64_t n,
                                     struct weir_error *err)
{
    const struct weir_tensor_info *info = &spec->inputs[0];
    uint64_t known = 1;
    size_t unknown = SIZE_MAX;
    if (info->n_dims < 0)
        return weir_error_set(
            err, WEIR_ERR_INVALID,
            "a request without JSON has no shape, which this model's input needs");
    in->n_dims = (size_t)info->n_dims;
    for (size_t k = 0; k < in->n_dims; k++) {
        bool is_batch = k == 0 && spec->is_batched;
        in->dims[k] = is_batch || info->dims[k] < 0 ? 1 : (uint64_t)info->dims[k];
        if (!is_batch && info->dims[k] < 0 && unknown != SIZE_MAX)
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "a request without JSON leaves several dimensions open");
        if (!is_batch && info->dims[k] < 0)
            unknown = k;
        if (__builtin_mul_overflow(known, in->dims[k], &known))
            known = 0;
    }
    if (unknown != SIZE_MAX && known > 0)
        in->dims[unknown] = n / known;
    in->n_elements = unknown == SIZE_MAX ? known : known * (known > 0 ? n / known : 0);
    if (in->n_elements != n)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "%llu values of %s do not fill the shape of the model's input",
                              (unsigned long long)n, weir_dtype_name(in->dtype));
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_bare_input(const struct weir_spec *spec, struct weir_str body,
                                             struct weir_protocol_v2_input *in,
                                             struct weir_error *err)
{
    uint64_t n;
    memset(in, 0, sizeof *in);
    in->raw = body;
    if (spec->tensors && spec->tensors->n_inputs != 1)
        return fail_inputs(err, spec->tensors->n_inputs);
    if (spec->columns && spec->n_features != 1)
        return fail_inputs(err, spec->n_features);
    /* The type is that of the metadata. */
    if (spec->tensors)
        in->dtype = spec->tensors->inputs[0].dtype;
    else if (spec->columns && spec->columns[0] != WEIR_COLUMN_NUMBER)
        in->dtype = WEIR_BYTES;
    else
        in->dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    enum weir_status status = count(in, &n, err);
    if (status != WEIR_OK || spec->tensors)
        return status == WEIR_OK ? shape_tensor(spec->tensors, in, n, err) : status;
    in->n_dims = 2;
    in->dims[0] = 1;
    in->dims[1] = spec->n_features;
    in->n_elements = spec->n_features;
    if (n != spec->n_features)
        return weir_error_set(err, WEIR_ERR_INVALID, "%llu values of %s, where the model takes %zu",
                              (unsigned long long)n, weir_dtype_name(in->dtype), spec->n_features);
    return WEIR_OK;
}
