/* SPDX-License-Identifier: MIT */
/* Tensors: what models of form WEIR_INPUT_TENSORS take and give (ONNX graphs, mostly).
 *
 * Plain structs; who owns what they point to is said where they are used. Threads: any. */
#ifndef WEIR_TENSOR_H
#define WEIR_TENSOR_H

#include <weir/spec.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WEIR_TENSOR_DIMS_MAX = 8, /* dimensions of a tensor */
    WEIR_TENSORS_MAX = 64,    /* inputs, and outputs, of a model */
};

/* One element of a tensor of WEIR_BYTES: n bytes, with a NUL behind them that is not counted. */
struct weir_text {
    const char *at;
    size_t n;
};

/* A tensor: dims[0] × … × dims[n_dims − 1] elements at data, row-major, without gaps, aligned to
 * the element's size; n_dims 0: one element. BOOL: a byte, 0 or 1; F16: IEEE binary16; BF16: the
 * upper half of a float; BYTES: struct weir_text. */
struct weir_tensor {
    enum weir_dtype dtype;
    uint32_t n_dims;
    uint64_t dims[WEIR_TENSOR_DIMS_MAX]; /* the unused ones are 0 */
    const void *data;
};

/* What a model says about an input or an output; texts are NUL-terminated and live as long as the
 * model. */
struct weir_tensor_info {
    const char *name;
    enum weir_dtype dtype;
    int32_t n_dims;                              /* −1: any number, known only after a run */
    int64_t dims[WEIR_TENSOR_DIMS_MAX];          /* −1: any size */
    const char *dim_names[WEIR_TENSOR_DIMS_MAX]; /* of sizes that vary ("batch"); NULL: none */
};

/* Returns the bytes of one element in memory: the type's size, or that of struct weir_text. */
WEIR_API size_t weir_tensor_item_bytes(enum weir_dtype dtype);

/* Returns the number of elements, 1 for no dimensions; UINT64_MAX: more than fit 64 bits. */
WEIR_API uint64_t weir_tensor_n_items(const struct weir_tensor *tensor);

/* Returns how many inputs and outputs a model of form WEIR_INPUT_TENSORS has (0 for other forms),
 * and what is known about each (i below that number), borrowed from the model. */
WEIR_API size_t weir_spec_n_tensor_inputs(const struct weir_spec *spec);
WEIR_API const struct weir_tensor_info *weir_spec_tensor_input(const struct weir_spec *spec,
                                                               size_t i);
WEIR_API size_t weir_spec_n_tensor_outputs(const struct weir_spec *spec);
WEIR_API const struct weir_tensor_info *weir_spec_tensor_output(const struct weir_spec *spec,
                                                                size_t i);

/* Finds whether dimension 0 of every input and output is one batch, whose rows do not know of each
 * other. */
WEIR_API bool weir_spec_is_batched(const struct weir_spec *spec);

#ifdef __cplusplus
}
#endif

#endif
