/* SPDX-License-Identifier: MIT */
/* The wire form of protocol buffers, read without a schema compiler and without copies.
 *
 * A message is a run of fields: a tag (number × 8 + wire type, a varint), then a varint, eight or
 * four bytes, or a length and as many bytes. A cursor walks the fields of one message; messages
 * inside are cursors over the field's bytes. Nothing is read beyond the message's end, whatever the
 * bytes say. Source: protobuf.dev, "Encoding". Groups (wire types 3 and 4), which ONNX never used,
 * are refused. */
#ifndef WEIR_FORMAT_ONNX_PROTO_H
#define WEIR_FORMAT_ONNX_PROTO_H

#include "base/buf.h"
#include "base/str.h"

enum weir_format_onnx_wire {
    WEIR_FORMAT_ONNX_WIRE_VARINT = 0,
    WEIR_FORMAT_ONNX_WIRE_8 = 1,
    WEIR_FORMAT_ONNX_WIRE_BYTES = 2,
    WEIR_FORMAT_ONNX_WIRE_4 = 5,
};

/* What is left of a message. */
struct weir_format_onnx_proto {
    struct weir_str rest;
    bool is_bad; /* the bytes are no message: the walk ended early */
};

/* One field; bytes point into the message. */
struct weir_format_onnx_field {
    uint32_t number; /* at least 1 */
    enum weir_format_onnx_wire wire;
    uint64_t value;        /* VARINT, 8 and 4 bytes: the bits, little-endian */
    struct weir_str bytes; /* BYTES: the contents; empty else */
    struct weir_str whole; /* the field with its tag, for copying */
};

/* Begins the walk over a message; bytes are borrowed. */
static inline struct weir_format_onnx_proto weir_format_onnx_proto_of(struct weir_str bytes)
{
    return (struct weir_format_onnx_proto){.rest = bytes, .is_bad = false};
}

/* Steps to the next field; false: the end, or p->is_bad. */
bool weir_format_onnx_proto_next(struct weir_format_onnx_proto *p,
                                 struct weir_format_onnx_field *out);

/* Reads one varint off the front of *rest; false: it is cut or longer than 64 bits. */
bool weir_format_onnx_proto_varint(struct weir_str *rest, uint64_t *out);

/* Returns the bits of a 4-byte field as a float, of an 8-byte field as a double. */
float weir_format_onnx_proto_float(uint64_t bits);
double weir_format_onnx_proto_double(uint64_t bits);

/* Appends a varint, and a field of bytes: tag, length, contents. */
void weir_format_onnx_proto_put_varint(struct weir_buf *out, uint64_t value);
void weir_format_onnx_proto_put_bytes(struct weir_buf *out, uint32_t number, struct weir_str bytes);
/* Appends a varint field. */
void weir_format_onnx_proto_put_u64(struct weir_buf *out, uint32_t number, uint64_t value);

#endif
