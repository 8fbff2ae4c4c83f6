/* SPDX-License-Identifier: MIT */
/* Triton's classification extension: of each row the largest values of an output, with their
 * places and labels, as texts: "0.900000:2:virginica", without the last part where there are no
 * labels. Values in descending order, the earlier of equal ones first, NaN last. The row is that of
 * the batch; an output of a model that does not batch is one row. */
#ifndef WEIR_PROTOCOL_TOPK_H
#define WEIR_PROTOCOL_TOPK_H

#include "protocol/protocol_priv.h"

/* An output that is to be written so. */
struct weir_protocol_topk {
    const struct weir_result *result;
    size_t output;                    /* enum weir_output, or a tensor where the spec has them */
    uint32_t k;                       /* at most n_values */
    uint64_t n_rows;                  /* 1 where the model does not batch */
    uint64_t n_values;                /* of each row */
    bool is_batched;                  /* its shape is [n_rows, k], else [k] */
    const struct weir_labels *labels; /* n_values of them; NULL: none */
    enum weir_dtype dtype;            /* of the values */
};

/* Notes that the k > 0 largest of an output are wanted. WEIR_ERR_INVALID: its values are not of a
 * type that can be sorted, or k is 0; WEIR_ERR_UNSUPPORTED: for too many outputs. */
WEIR_MUST_USE enum weir_status weir_protocol_topk_add(struct weir_protocol_call *call,
                                                      const struct weir_spec *spec, size_t output,
                                                      uint64_t k, struct weir_error *err);

/* Finds whether classes of an output are wanted, and looks at the result for them. */
bool weir_protocol_topk_init(struct weir_protocol_topk *topk, const struct weir_protocol_call *call,
                             const struct weir_result *result, size_t output);

/* Appends the shape, "[2,3]"; the texts as a list in JSON; the texts as binary elements of BYTES.
 * Without memory the buffer says so. O(n + k log n) for each row, 16 bytes of scratch a value. */
void weir_protocol_topk_append_shape(struct weir_buf *buf, const struct weir_protocol_topk *topk);
void weir_protocol_topk_append_json(struct weir_buf *buf, const struct weir_protocol_topk *topk);
void weir_protocol_topk_append_raw(struct weir_buf *buf, const struct weir_protocol_topk *topk);

#endif
