/* SPDX-License-Identifier: MIT */
/* Elements in binary form: v2's binary tensor data and gRPC's raw contents.
 *
 * Little-endian, row-major, without gaps; BOOL is a byte, true unless 0; BYTES are a 32-bit length
 * and as many bytes for each element. Nothing is aligned. Numbers are converted to what the model
 * takes as JSON's are: rounded once, refused where they do not fit. */
#ifndef WEIR_PROTOCOL_RAW_H
#define WEIR_PROTOCOL_RAW_H

#include "protocol/protocol_priv.h"

/* Some consecutive elements of an input; all of it, mostly. */
struct weir_protocol_raw {
    struct weir_str bytes; /* exactly those of the elements, borrowed */
    enum weir_dtype dtype; /* as the client declared it */
    bool is_bare;          /* BYTES: one element, without its length */
    uint64_t first;        /* the place of the first element in the input */
    uint64_t n_items;
    const char *place; /* for messages: "inputs[0].data" */
};

/* Checks that the bytes are exactly n_items elements; *text_bytes (may be NULL) is increased by the
 * room that they need in a sink where all of them are kept as texts: 0 but for BYTES.
 * WEIR_ERR_INVALID. O(n_items) for BYTES, else O(1). */
WEIR_MUST_USE enum weir_status weir_protocol_raw_check(const struct weir_protocol_raw *raw,
                                                       size_t *text_bytes, struct weir_error *err);

/* Takes the next element of BYTES from the beginning of *rest; false: it goes beyond it. */
bool weir_protocol_raw_take_text(const struct weir_protocol_raw *raw, struct weir_str *rest,
                                 struct weir_str *out);

/* Writes elements into the reserved rows of a matrix or a frame: all columns of each row (column
 * SIZE_MAX), or one. Checked before, and so is that columns of text are given BYTES. Of fill: spec,
 * sink, span, err and what messages say of the place (key or input). false: failed, err is set. */
WEIR_MUST_USE bool weir_protocol_raw_fill_rows(struct weir_protocol_fill *fill,
                                               const struct weir_protocol_raw *raw, size_t column);

/* Writes elements, checked before, as the elements of a model's input: raw->n_items of dtype from
 * `to` on, which is aligned for it; texts into the sink's room. BYTES to BYTES only. false: failed,
 * err is set. */
WEIR_MUST_USE bool weir_protocol_raw_fill_tensor(struct weir_sink *sink,
                                                 const struct weir_protocol_raw *raw,
                                                 enum weir_dtype dtype, char *to,
                                                 struct weir_error *err);

/* Returns the bytes of an output of rows in binary form, and appends them: the type is
 * weir_spec_output_dtype's. A number that its type cannot hold is the type's least one. */
uint64_t weir_protocol_raw_output_bytes(const struct weir_result *result, enum weir_output output);
void weir_protocol_raw_append_output(struct weir_buf *buf, const struct weir_result *result,
                                     enum weir_output output);

/* The same for a tensor, in its own type. */
uint64_t weir_protocol_raw_tensor_bytes(const struct weir_tensor *tensor);
void weir_protocol_raw_append_tensor(struct weir_buf *buf, const struct weir_tensor *tensor);

#endif
