/* SPDX-License-Identifier: MIT */
/* numpy's element types, arrays and scalars as the pickle machine meets them: what numpy's own
 * __reduce__ and __setstate__ write (numpy 1.16 to 2.4). Element types that models do not need
 * (float16, complex, dates, subarrays) are kept by size only, so that a file that has one aside
 * still loads; numbers cannot be read out of them. */
#ifndef WEIR_FORMAT_NUMPY_H
#define WEIR_FORMAT_NUMPY_H

#include "format/pickle_priv.h"

enum { WEIR_FORMAT_NUMPY_ITEM_BYTES_MAX = 1 << 28 }; /* of one element */

/* Reads a code: a letter and a size in bytes ("f8"), for U in characters ("U12"). false: not such a
 * code, or a size that the kind does not have. */
bool weir_format_numpy_code(struct weir_str code, struct weir_value_dtype *out);

/* Turns an array without dimensions into the plain value it holds, which keeps its element type.
 * What is no single number or text (a struct, a date) stays an array. */
WEIR_MUST_USE enum weir_status weir_format_numpy_plain(struct weir_format_pickle_machine *m,
                                                       struct weir_value *v);

/* Makes an element type of numpy.dtype(code, align, copy); its state follows by BUILD. */
WEIR_MUST_USE enum weir_status weir_format_numpy_dtype(struct weir_format_pickle_machine *m,
                                                       const struct weir_value *args,
                                                       struct weir_value **out);

/* Gives an element type its state: byte order, size, fields. Refused once an array has it. */
WEIR_MUST_USE enum weir_status weir_format_numpy_dtype_build(struct weir_format_pickle_machine *m,
                                                             struct weir_value *dtype,
                                                             const struct weir_value *state);

/* Turns v, made by _reconstruct(ndarray, …), into the array that its state describes: (version,
 * shape, dtype, is_fortran, bytes or list). */
WEIR_MUST_USE enum weir_status weir_format_numpy_array_build(struct weir_format_pickle_machine *m,
                                                             struct weir_value *v,
                                                             const struct weir_value *state);

/* Makes an array of _frombuffer(bytes, dtype, shape, order[, axes]). */
WEIR_MUST_USE enum weir_status weir_format_numpy_frombuffer(struct weir_format_pickle_machine *m,
                                                            const struct weir_value *args,
                                                            struct weir_value **out);

/* Makes a plain value that keeps its element type, of scalar(dtype, bytes or object). */
WEIR_MUST_USE enum weir_status weir_format_numpy_scalar(struct weir_format_pickle_machine *m,
                                                        const struct weir_value *args,
                                                        struct weir_value **out);

/* How the elements of an array lie in its data. */
struct weir_format_numpy_layout {
    const struct weir_value *shape; /* a tuple of whole numbers */
    bool is_fortran;                /* the first dimension varies fastest */
    const struct weir_value *axes;  /* not NULL: data is row-major in shape; dimension i of the
                                       array is dimension axes[i] of shape */
};

/* Begins an array: checks dtype and layout, fills all but data and objects. */
WEIR_MUST_USE enum weir_status
weir_format_numpy_layout_array(struct weir_format_pickle_machine *m, struct weir_value *dtype,
                               const struct weir_format_numpy_layout *layout,
                               struct weir_value_array **out);

#endif
