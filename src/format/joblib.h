/* SPDX-License-Identifier: MIT */
/* Arrays as joblib (0.10 and later) writes them: a small object in the pickle, and after the opcode
 * that gives it its state the array's bytes, in the middle of the stream. */
#ifndef WEIR_FORMAT_JOBLIB_H
#define WEIR_FORMAT_JOBLIB_H

#include "format/pickle_priv.h"

/* Reads the array that follows at m's cursor; wrapper: the object with its state. *out: the array.
 * An array of objects is a whole pickle of its own, read by a machine of its own under the same
 * rules. */
WEIR_MUST_USE enum weir_status weir_format_joblib_array(struct weir_format_pickle_machine *m,
                                                        const struct weir_value *wrapper,
                                                        struct weir_value **out);

#endif
