/* SPDX-License-Identifier: MIT */
/* Models that take and give named tensors: their spec, and how they are run.
 *
 * A request gives every input once. Where the model batches (is_batched), dimension 0 of every
 * input and output is the same number of rows and no row's answer depends on another; then requests
 * whose other dimensions and wanted outputs are equal may be run together: each is a *block*. Where
 * it does not, a request is a run of its own.
 *
 * Nothing here knows what computes. The model's side of a run is struct weir_model_tensors_ops
 * (model/builder.h). */
#ifndef WEIR_TENSOR_TENSORS_H
#define WEIR_TENSOR_TENSORS_H

#include "base/str.h"
#include <weir/tensor.h>

struct weir_labels;

/* What a model takes and gives; in the model's arena, constant. Names are unique among the inputs
 * and among the outputs; element types are those of the model, clients' numbers are converted. */
struct weir_tensors_spec {
    size_t n_inputs; /* 1 … WEIR_TENSORS_MAX */
    const struct weir_tensor_info *inputs;
    size_t n_outputs; /* 1 … WEIR_TENSORS_MAX */
    const struct weir_tensor_info *outputs;
    /* By output: the meaning of the entries of the last dimension (the keys of a ZipMap), NULL:
     * none; NULL for all. */
    const struct weir_labels *const *labels;
    bool is_batched; /* see above; dims[0] of all inputs and outputs is −1 then */
};

/* The dimensions of one input of one request. */
struct weir_tensors_shape {
    uint32_t n_dims;
    uint64_t dims[WEIR_TENSOR_DIMS_MAX]; /* the unused ones are 0 */
};

/* One run of the model on the blocks of one or more requests. */
struct weir_tensors_run {
    size_t n_blocks; /* at least 1; exactly 1 unless the model batches */
    size_t n_rows;   /* of all blocks; 1 where the model does not batch */
    /* n_inputs × n_blocks: block b of input i is [i × n_blocks + b], borrowed during the run. All
     * blocks of an input have the spec's element type, as many dimensions, and the same ones but
     * for dims[0]; block b of every input has the same dims[0]. Static dimensions of the spec
     * hold. Data is aligned to the element (to 64 bytes where a batch begins). */
    const struct weir_tensor *blocks;
    uint64_t wanted; /* set of 1 << output; at least one */
    /* Filled for every wanted output: all rows in the order of the blocks. dtype is the spec's. */
    struct weir_tensor out[WEIR_TENSORS_MAX];
    void *held; /* the model's own: what the outputs live in until the release; NULL before */
};

/* Finds an input or output by its name; false: none. */
bool weir_tensors_find_input(const struct weir_tensors_spec *spec, struct weir_str name,
                             size_t *out);
bool weir_tensors_find_output(const struct weir_tensors_spec *spec, struct weir_str name,
                              size_t *out);

/* Returns the set of all outputs. */
static inline uint64_t weir_tensors_all_outputs(const struct weir_tensors_spec *spec)
{
    return spec->n_outputs >= 64 ? UINT64_MAX : (UINT64_C(1) << spec->n_outputs) - 1;
}

/* Checks a request's dimensions of input i against the spec. WEIR_ERR_INVALID: "input "x":
 * expected shape [-1, 3], got [2, 4]"; WEIR_ERR_LIMIT: more elements than can be addressed. */
WEIR_MUST_USE enum weir_status weir_tensors_check_shape(const struct weir_tensors_spec *spec,
                                                        size_t i,
                                                        const struct weir_tensors_shape *shape,
                                                        struct weir_error *err);

/* Computes where the inputs of a request lie in its piece of memory: offsets[i] for each input, in
 * descending order of alignment, without gaps but at the end. shapes: n_inputs, checked before.
 * *row_bytes: the bytes of one row of all inputs where the model batches (dims[0] of every shape is
 * n_rows), else of the whole request (n_rows is 1). The piece has n_rows × *row_bytes bytes and
 * begins at a multiple of the largest element's alignment whatever row it begins at. offsets may be
 * NULL. false: it does not fit a size. */
bool weir_tensors_layout(const struct weir_tensors_spec *spec,
                         const struct weir_tensors_shape *shapes, uint64_t n_rows, size_t *offsets,
                         size_t *row_bytes);

/* Writes dimensions as "[-1, 3]" for a message. out gets at most cap − 1 bytes and a NUL. */
void weir_tensors_dims_text(const int64_t *dims, size_t n_dims, char *out, size_t cap);

#endif
