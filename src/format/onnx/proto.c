/* SPDX-License-Identifier: MIT */
#include "format/onnx/proto.h"

#include <string.h>

bool weir_format_onnx_proto_varint(struct weir_str *rest, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < rest->n && i < 10; i++) {
        unsigned char c = (unsigned char)rest->at[i];
        if (i == 9 && c > 1)
            return false;
        value |= (uint64_t)(c & 0x7f) << (7 * i);
        if (!(c & 0x80)) {
            rest->at += i + 1;
            rest->n -= i + 1;
            *out = value;
            return true;
        }
    }
    return false;
}

/* Takes n bytes off the front as a little-endian number. */
static bool take_fixed(struct weir_str *rest, size_t n, uint64_t *out)
{
    if (rest->n < n)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)(unsigned char)rest->at[i] << (8 * i);
    rest->at += n;
    rest->n -= n;
    *out = value;
    return true;
}

static bool take_bytes(struct weir_str *rest, struct weir_str *out)
{
    uint64_t n;
    if (!weir_format_onnx_proto_varint(rest, &n) || n > rest->n)
        return false;
    *out = weir_str_make(rest->at, (size_t)n);
    rest->at += n;
    rest->n -= (size_t)n;
    return true;
}

static bool take_field(struct weir_str *rest, struct weir_format_onnx_field *f)
{
    uint64_t tag;
    if (!weir_format_onnx_proto_varint(rest, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return false;
    f->number = (uint32_t)(tag >> 3);
    f->bytes = weir_str_make(NULL, 0);
    f->value = 0;
    switch (tag & 7) {
    case WEIR_FORMAT_ONNX_WIRE_VARINT:
        f->wire = WEIR_FORMAT_ONNX_WIRE_VARINT;
        return weir_format_onnx_proto_varint(rest, &f->value);
    case WEIR_FORMAT_ONNX_WIRE_8:
        f->wire = WEIR_FORMAT_ONNX_WIRE_8;
        return take_fixed(rest, 8, &f->value);
    case WEIR_FORMAT_ONNX_WIRE_BYTES:
        f->wire = WEIR_FORMAT_ONNX_WIRE_BYTES;
        return take_bytes(rest, &f->bytes);
    case WEIR_FORMAT_ONNX_WIRE_4:
        f->wire = WEIR_FORMAT_ONNX_WIRE_4;
        return take_fixed(rest, 4, &f->value);
    default:
        return false;
    }
}

bool weir_format_onnx_proto_next(struct weir_format_onnx_proto *p,
                                 struct weir_format_onnx_field *out)
{
    if (p->is_bad || p->rest.n == 0)
        return false;
    const char *start = p->rest.at;
    if (!take_field(&p->rest, out)) {
        p->is_bad = true;
        return false;
    }
    out->whole = weir_str_make(start, (size_t)(p->rest.at - start));
    return true;
}

float weir_format_onnx_proto_float(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    float v;
    memcpy(&v, &narrow, sizeof v);
    return v;
}

double weir_format_onnx_proto_double(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

void weir_format_onnx_proto_put_varint(struct weir_buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        weir_buf_append_byte(out, (char)(unsigned char)(value | 0x80));
    weir_buf_append_byte(out, (char)(unsigned char)value);
}

void weir_format_onnx_proto_put_bytes(struct weir_buf *out, uint32_t number, struct weir_str bytes)
{
    weir_format_onnx_proto_put_varint(out, (uint64_t)number << 3 |
                                               (uint64_t)WEIR_FORMAT_ONNX_WIRE_BYTES);
    weir_format_onnx_proto_put_varint(out, bytes.n);
    weir_buf_append_str(out, bytes);
}

void weir_format_onnx_proto_put_u64(struct weir_buf *out, uint32_t number, uint64_t value)
{
    weir_format_onnx_proto_put_varint(out, (uint64_t)number << 3);
    weir_format_onnx_proto_put_varint(out, value);
}
