/* SPDX-License-Identifier: MIT */
/* Numbers of any width on their way from a file into a model. */
#ifndef WEIR_FORMAT_VALUE_PRIV_H
#define WEIR_FORMAT_VALUE_PRIV_H

#include "format/value.h"

struct weir_value_number {
    char kind; /* 'i', 'u' (above INT64_MAX only) or 'f' */
    union {
        int64_t i;
        uint64_t u;
        double f;
    };
};

/* Reads a number out of a single value or an array of one element; false: it is none. */
bool weir_value_number(const struct weir_value *v, struct weir_value_number *out);

/* Reads one element (not aligned) of kind b, i, u or f; false: another kind or a width that is not
 * known. */
bool weir_value_number_decode(const struct weir_value_dtype *dtype, const char *at,
                              struct weir_value_number *out);

/* Reads an integer beyond 64 signed bits; false: it does not fit 64 unsigned bits either. */
bool weir_value_number_bigint(struct weir_str bytes, struct weir_value_number *out);

/* Converts: rounding to nearest; false: not a whole number, or out of range. */
double weir_value_number_f64(struct weir_value_number x);
float weir_value_number_f32(struct weir_value_number x);
bool weir_value_number_i64(struct weir_value_number x, int64_t *out);

/* A walk over the elements of an array in row-major order. */
struct weir_value_cursor {
    const struct weir_value_array *array;
    size_t offset; /* of the current element, in elements */
    size_t index[WEIR_VALUE_DIMS_MAX];
};

/* Stands on the first element; the array must have one. */
void weir_value_cursor_init(struct weir_value_cursor *c, const struct weir_value_array *array);

/* Moves on; after the last element it is on the first again. */
void weir_value_cursor_next(struct weir_value_cursor *c);

/* Returns where element i, counted row-major, lies, in elements. i < array->n. */
size_t weir_value_cursor_offset(const struct weir_value_array *array, size_t i);

#endif
