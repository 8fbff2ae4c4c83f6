/* SPDX-License-Identifier: MIT */
/* Numbers of any width and byte order; the order of an array's elements. */
#include "base/macros.h"
#include "format/value_priv.h"
#include "tensor/cell.h"

#include <math.h>

/* Reads n bytes (1 to 8) as an unsigned number. */
static uint64_t load_bits(const char *at, uint32_t n, bool is_big_endian)
{
    const unsigned char *p = (const unsigned char *)at;
    uint64_t x = 0;
    for (uint32_t i = 0; i < n; i++)
        x |= (uint64_t)p[is_big_endian ? n - 1 - i : i] << (8 * i);
    return x;
}

static bool decode_float(uint64_t bits, uint32_t itemsize, struct weir_value_number *out)
{
    out->kind = 'f';
    if (itemsize == 8) {
        memcpy(&out->f, &bits, sizeof out->f);
        return true;
    }
    if (itemsize != 4)
        return false;
    uint32_t bits32 = (uint32_t)bits;
    float f;
    memcpy(&f, &bits32, sizeof f);
    out->f = (double)f;
    return true;
}

static struct weir_value_number make_unsigned(uint64_t bits)
{
    if (bits <= INT64_MAX)
        return (struct weir_value_number){.kind = 'i', .i = (int64_t)bits};
    return (struct weir_value_number){.kind = 'u', .u = bits};
}

bool weir_value_number_decode(const struct weir_value_dtype *dtype, const char *at,
                              struct weir_value_number *out)
{
    uint32_t n = dtype->itemsize;
    if (n != 1 && n != 2 && n != 4 && n != 8)
        return false;
    uint64_t bits = load_bits(at, n, dtype->is_big_endian);
    switch (dtype->kind) {
    case 'b':
        *out = (struct weir_value_number){.kind = 'i', .i = bits != 0};
        return true;
    case 'i': {
        unsigned shift = 64 - 8 * n;
        *out = (struct weir_value_number){.kind = 'i', .i = (int64_t)(bits << shift) >> shift};
        return true;
    }
    case 'u':
        *out = make_unsigned(bits);
        return true;
    case 'f':
        return decode_float(bits, n, out);
    default: /* not an enum: U, S, O and V hold no numbers */
        return false;
    }
}

bool weir_value_number_bigint(struct weir_str bytes, struct weir_value_number *out)
{
    if (bytes.n != 9 || bytes.at[8] != 0)
        return false;
    *out = make_unsigned(load_bits(bytes.at, 8, false));
    return true;
}

double weir_value_number_f64(struct weir_value_number x)
{
    if (x.kind == 'f') /* Whatever a file calls NaN: its payload may be no cell's tag. */
        return weir_cell_number(x.f);
    return x.kind == 'u' ? (double)x.u : (double)x.i;
}

float weir_value_number_f32(struct weir_value_number x)
{
    /* Integers go straight to float: through double they could be rounded twice. */
    if (x.kind == 'f')
        return (float)weir_cell_number(x.f);
    return x.kind == 'u' ? (float)x.u : (float)x.i;
}

bool weir_value_number_i64(struct weir_value_number x, int64_t *out)
{
    if (x.kind == 'u')
        return false;
    if (x.kind == 'i') {
        *out = x.i;
        return true;
    }
    /* −2^63 is a double, 2^63 is the first one too large; NaN fails the first comparison. */
    if (!(x.f >= -0x1p63 && x.f < 0x1p63) || trunc(x.f) != x.f)
        return false;
    *out = (int64_t)x.f;
    return true;
}

void weir_value_cursor_init(struct weir_value_cursor *c, const struct weir_value_array *array)
{
    c->array = array;
    c->offset = 0;
    for (uint32_t d = 0; d < array->n_dims; d++)
        c->index[d] = 0;
}

void weir_value_cursor_next(struct weir_value_cursor *c)
{
    const struct weir_value_array *array = c->array;
    for (uint32_t d = array->n_dims; d > 0; d--) {
        c->offset += array->stride[d - 1];
        if (++c->index[d - 1] < array->shape[d - 1])
            return;
        c->offset -= array->stride[d - 1] * array->shape[d - 1];
        c->index[d - 1] = 0;
    }
}

size_t weir_value_cursor_offset(const struct weir_value_array *array, size_t i)
{
    weir_assert(i < array->n);
    if (array->is_row_major)
        return i;
    size_t offset = 0;
    for (uint32_t d = array->n_dims; d > 0; d--) {
        offset += i % array->shape[d - 1] * array->stride[d - 1];
        i /= array->shape[d - 1];
    }
    return offset;
}
