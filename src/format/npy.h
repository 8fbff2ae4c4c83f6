/* SPDX-License-Identifier: MIT */
/* numpy's own file format (.npy, versions 1 to 3): a Python literal that tells element type, order
 * and shape, then the elements. Arrays of objects are refused: they are pickles. */
#ifndef WEIR_FORMAT_NPY_H
#define WEIR_FORMAT_NPY_H

#include "format/pickle_priv.h"

/* Makes an array of the bytes of a .npy file, which must end with its last element and which the
 * array borrows. Errors are the machine's. */
WEIR_MUST_USE enum weir_status weir_format_npy_array(struct weir_format_pickle_machine *m,
                                                     struct weir_str bytes,
                                                     struct weir_value **out);

#endif
