/* SPDX-License-Identifier: MIT */
#include "format/onnx/tensor.h"

#include "base/macros.h"
#include "format/onnx/proto.h"

#include <limits.h>
#include <string.h>

/* By TensorProto.DataType. */
static const struct {
    const char *name;
    bool is_ours;
    enum weir_dtype dtype;
} types[] = {
    [0] = {"undefined", false, WEIR_F32},
    [1] = {"float", true, WEIR_F32},
    [2] = {"uint8", true, WEIR_U8},
    [3] = {"int8", true, WEIR_I8},
    [4] = {"uint16", true, WEIR_U16},
    [5] = {"int16", true, WEIR_I16},
    [6] = {"int32", true, WEIR_I32},
    [7] = {"int64", true, WEIR_I64},
    [8] = {"string", true, WEIR_BYTES},
    [9] = {"bool", true, WEIR_BOOL},
    [10] = {"float16", true, WEIR_F16},
    [11] = {"double", true, WEIR_F64},
    [12] = {"uint32", true, WEIR_U32},
    [13] = {"uint64", true, WEIR_U64},
    [14] = {"complex64", false, WEIR_F32},
    [15] = {"complex128", false, WEIR_F32},
    [16] = {"bfloat16", true, WEIR_BF16},
    [17] = {"float8e4m3fn", false, WEIR_F32},
    [18] = {"float8e4m3fnuz", false, WEIR_F32},
    [19] = {"float8e5m2", false, WEIR_F32},
    [20] = {"float8e5m2fnuz", false, WEIR_F32},
    [21] = {"uint4", false, WEIR_F32},
    [22] = {"int4", false, WEIR_F32},
    [23] = {"float4e2m1", false, WEIR_F32},
    [24] = {"float8e8m0", false, WEIR_F32},
    [25] = {"uint2", false, WEIR_F32},
    [26] = {"int2", false, WEIR_F32},
};

bool weir_format_onnx_tensor_dtype(int32_t type, enum weir_dtype *out)
{
    if (type < 0 || (size_t)type >= WEIR_ARRAY_LEN(types) || !types[type].is_ours)
        return false;
    *out = types[type].dtype;
    return true;
}

const char *weir_format_onnx_tensor_type_name(int32_t type)
{
    return type >= 0 && (size_t)type < WEIR_ARRAY_LEN(types) ? types[type].name : "unknown";
}

/* --- the head --- */

enum { /* TensorProto's fields */
       TENSOR_DIMS = 1,
       TENSOR_TYPE = 2,
       TENSOR_FLOATS = 4,
       TENSOR_INT32S = 5,
       TENSOR_STRINGS = 6,
       TENSOR_INT64S = 7,
       TENSOR_NAME = 8,
       TENSOR_RAW = 9,
       TENSOR_DOUBLES = 10,
       TENSOR_EXTERNAL = 13,
       TENSOR_LOCATION = 14,
};

static enum weir_status fail(const struct weir_format_onnx_tensor *t, enum weir_status code,
                             const char *what, struct weir_error *err)
{
    char name[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(err, code, "constant \"%s\" %s",
                          weir_str_echo(t->name, name, sizeof name), what);
}

/* Takes the values of one dims field: a varint, or several packed. */
static bool take_dims(const struct weir_format_onnx_field *f, int64_t *dims, uint32_t *n)
{
    struct weir_str rest = f->bytes;
    if (f->wire == WEIR_FORMAT_ONNX_WIRE_VARINT) {
        if (*n >= WEIR_FORMAT_ONNX_DIMS_MAX)
            return false;
        dims[(*n)++] = (int64_t)f->value;
        return true;
    }
    while (rest.n > 0) {
        uint64_t value;
        if (*n >= WEIR_FORMAT_ONNX_DIMS_MAX || !weir_format_onnx_proto_varint(&rest, &value))
            return false;
        dims[(*n)++] = (int64_t)value;
    }
    return true;
}

/* Reads a StringStringEntryProto of external_data. */
static void read_external(struct weir_format_onnx_tensor *t, struct weir_str bytes)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    struct weir_str key = {NULL, 0}, value = {NULL, 0};
    while (weir_format_onnx_proto_next(&p, &f)) {
        if (f.number == 1)
            key = f.bytes;
        else if (f.number == 2)
            value = f.bytes;
    }
    if (weir_str_eq_c(key, "location"))
        t->file = value;
}

enum weir_status weir_format_onnx_tensor_parse(struct weir_format_onnx_tensor *out,
                                               struct weir_str bytes, struct weir_arena *arena,
                                               struct weir_error *err)
{
    int64_t dims[WEIR_FORMAT_ONNX_DIMS_MAX];
    struct weir_format_onnx_tensor t = {.bytes = bytes, .n = 1};
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        if (f.number == TENSOR_DIMS && !take_dims(&f, dims, &t.n_dims))
            return fail(&t, WEIR_ERR_CORRUPT, "has impossible dimensions", err);
        if (f.number == TENSOR_TYPE)
            t.type = f.value > INT_MAX ? -1 : (int32_t)f.value;
        if (f.number == TENSOR_NAME)
            t.name = f.bytes;
        if (f.number == TENSOR_EXTERNAL)
            read_external(&t, f.bytes);
        if (f.number == TENSOR_LOCATION)
            t.is_external = f.value == 1;
    }
    if (p.is_bad)
        return fail(&t, WEIR_ERR_CORRUPT, "is cut", err);
    for (uint32_t i = 0; i < t.n_dims; i++)
        if (dims[i] < 0 || !weir_size_mul(t.n, (size_t)dims[i], &t.n))
            return fail(&t, WEIR_ERR_CORRUPT, "has impossible dimensions", err);
    int64_t *copy = weir_arena_array(arena, weir_max_size(t.n_dims, 1), sizeof *copy);
    if (!copy)
        return weir_error_set(err, WEIR_ERR_LIMIT, "no memory for what the file says");
    memcpy(copy, dims, t.n_dims * sizeof *copy);
    t.dims = copy;
    *out = t;
    return WEIR_OK;
}

/* --- the values --- */

static size_t raw_size(int32_t type)
{
    switch (type) {
    case WEIR_FORMAT_ONNX_FLOAT:
    case WEIR_FORMAT_ONNX_INT32:
        return 4;
    case WEIR_FORMAT_ONNX_INT64:
    case WEIR_FORMAT_ONNX_DOUBLE:
        return 8;
    case WEIR_FORMAT_ONNX_BOOL:
        return 1;
    default:
        return 0;
    }
}

/* The field in which values of a type are listed when they are not raw. */
static uint32_t list_field(int32_t type)
{
    switch (type) {
    case WEIR_FORMAT_ONNX_FLOAT:
        return TENSOR_FLOATS;
    case WEIR_FORMAT_ONNX_DOUBLE:
        return TENSOR_DOUBLES;
    case WEIR_FORMAT_ONNX_INT64:
        return TENSOR_INT64S;
    default:
        return TENSOR_INT32S;
    }
}

/* One value of a type from its little-endian bits. */
static double value_of(int32_t type, uint64_t bits)
{
    switch (type) {
    case WEIR_FORMAT_ONNX_FLOAT:
        return (double)weir_format_onnx_proto_float(bits);
    case WEIR_FORMAT_ONNX_DOUBLE:
        return weir_format_onnx_proto_double(bits);
    case WEIR_FORMAT_ONNX_INT32:
        return (double)(int32_t)(uint32_t)bits;
    default:
        return (double)(int64_t)bits;
    }
}

static uint64_t bits_at(const char *at, size_t size)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return bits;
}

/* Takes the values of one list field; false: it is cut, or there are more than n. */
static bool take_values(const struct weir_format_onnx_tensor *t,
                        const struct weir_format_onnx_field *f, double *out, size_t *n)
{
    if (f->wire != WEIR_FORMAT_ONNX_WIRE_BYTES) {
        if (*n >= t->n)
            return false;
        out[(*n)++] = value_of(t->type, f->value);
        return true;
    }
    bool is_fixed = t->type == WEIR_FORMAT_ONNX_FLOAT || t->type == WEIR_FORMAT_ONNX_DOUBLE;
    struct weir_str rest = f->bytes;
    while (rest.n > 0) {
        uint64_t bits;
        size_t size = raw_size(t->type);
        if (*n >= t->n || (is_fixed && rest.n < size))
            return false;
        if (is_fixed) {
            bits = bits_at(rest.at, size);
            rest = weir_str_make(rest.at + size, rest.n - size);
        } else if (!weir_format_onnx_proto_varint(&rest, &bits)) {
            return false;
        }
        out[(*n)++] = value_of(t->type, bits);
    }
    return true;
}

/* Takes raw data: all values in one field. */
static bool take_raw(const struct weir_format_onnx_tensor *t, struct weir_str raw, double *out,
                     size_t *n)
{
    size_t size = raw_size(t->type);
    if (raw.n % size != 0 || raw.n / size != t->n || *n != 0)
        return false;
    for (size_t i = 0; i < t->n; i++)
        out[i] = value_of(t->type, bits_at(raw.at + i * size, size));
    *n = t->n;
    return true;
}

enum weir_status weir_format_onnx_tensor_values(const struct weir_format_onnx_tensor *tensor,
                                                struct weir_arena *arena, double **out,
                                                struct weir_error *err)
{
    weir_assert(tensor);
    weir_assert(out);
    if (tensor->is_external || raw_size(tensor->type) == 0)
        return fail(tensor, WEIR_ERR_UNSUPPORTED, "is not numbers inside the file", err);
    /* Every value takes at least one byte of the file. */
    if (tensor->n > tensor->bytes.n)
        return fail(tensor, WEIR_ERR_CORRUPT, "has fewer values than its shape says", err);
    double *values = weir_arena_array(arena, weir_max_size(tensor->n, 1), sizeof *values);
    if (!values)
        return weir_error_set(err, WEIR_ERR_LIMIT, "no memory for what the file says");
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(tensor->bytes);
    struct weir_format_onnx_field f;
    size_t n = 0;
    bool ok = true;
    while (ok && weir_format_onnx_proto_next(&p, &f)) {
        if (f.number == TENSOR_RAW && f.bytes.n > 0)
            ok = take_raw(tensor, f.bytes, values, &n);
        else if (f.number == list_field(tensor->type))
            ok = take_values(tensor, &f, values, &n);
    }
    if (!ok || p.is_bad || n != tensor->n)
        return fail(tensor, WEIR_ERR_CORRUPT, "does not have the values its shape says", err);
    *out = values;
    return WEIR_OK;
}
