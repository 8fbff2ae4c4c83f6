/* SPDX-License-Identifier: MIT */
/* Writing value trees out, for comparing what two files say. */
#ifndef WEIR_TESTS_LIB_TEST_VALUE_H
#define WEIR_TESTS_LIB_TEST_VALUE_H

#include "base/buf.h"
#include "format/value.h"

/* Appends all of v: kinds, contents, element types, arrays element by element in row-major order
 * (so that equal arrays in different memory orders look equal). Shared parts are written each time;
 * deeper than 64 levels is "...". */
void test_value_dump(struct weir_buf *out, const struct weir_value *v);

#endif
