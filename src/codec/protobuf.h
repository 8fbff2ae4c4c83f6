/* SPDX-License-Identifier: MIT */
/* The wire format of Protocol Buffers: fields in, fields out, no tree of objects between.
 *
 * A reader is a view of a message and gives one field after the other, as the bytes have them:
 * merging, defaults and what a number means are the caller's. Fields may come in any order and
 * several times; a packed field is one of type BYTES, whose elements weir_codec_protobuf_take_*
 * read. Groups, which proto3 does not have, are skipped whole. Nothing recurses, nothing is
 * allocated, and nothing is read beyond the view. Threads: any.
 * Source: protobuf.dev, "Encoding" (2023). */
#ifndef WEIR_CODEC_PROTOBUF_H
#define WEIR_CODEC_PROTOBUF_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WEIR_CODEC_PROTOBUF_GROUPS_MAX = 32, /* nested groups that are skipped; more are malformed */
};

enum weir_codec_protobuf_type {
    WEIR_CODEC_PROTOBUF_VARINT = 0, /* bool, enum, int32 … uint64 */
    WEIR_CODEC_PROTOBUF_I64 = 1,    /* double, fixed64 */
    WEIR_CODEC_PROTOBUF_BYTES = 2,  /* string, bytes, message, packed elements */
    WEIR_CODEC_PROTOBUF_I32 = 5,    /* float, fixed32 */
};

struct weir_codec_protobuf {
    struct weir_str rest; /* what was not read yet, borrowed */
    bool is_malformed;    /* reading ended before the view did */
};

struct weir_codec_protobuf_field {
    uint32_t number; /* 1 … 2^29 − 1 */
    enum weir_codec_protobuf_type type;
    uint64_t value;        /* but for BYTES: the bits, as they were sent */
    struct weir_str bytes; /* BYTES: a view into the message */
};

/* Makes a reader of a message's bytes. */
static inline struct weir_codec_protobuf weir_codec_protobuf_of(struct weir_str bytes)
{
    return (struct weir_codec_protobuf){bytes, false};
}

/* Takes the next field. false: there is none, or what follows is none (is_malformed). */
bool weir_codec_protobuf_next(struct weir_codec_protobuf *reader,
                              struct weir_codec_protobuf_field *out);

/* Returns the whole fields that a part of a message begins with; of one that is cut within a field,
 * without groups that stand just before it. */
struct weir_str weir_codec_protobuf_whole(struct weir_str part);

/* Takes an element from packed ones: a varint; false: cut, or longer than ten bytes. */
bool weir_codec_protobuf_take_varint(struct weir_str *rest, uint64_t *out);

/* Counts the varints in packed ones, those that are cut included; none is longer than n. O(n). */
size_t weir_codec_protobuf_count_varints(struct weir_str packed);

/* Returns the field's value as a float or double; the field is of type I32 or I64. */
float weir_codec_protobuf_f32(const struct weir_codec_protobuf_field *field);
double weir_codec_protobuf_f64(const struct weir_codec_protobuf_field *field);

/* --- writing; what is 0 or empty is left out, as proto3 does, unless said otherwise ----------- */

/* Appends a varint without a field's head. */
void weir_codec_protobuf_append_varint(struct weir_buf *buf, uint64_t v);

/* Appends a field of type VARINT: uint32, uint64, bool, enum; int32 and int64 by their 64 bits. */
void weir_codec_protobuf_put_u64(struct weir_buf *buf, uint32_t number, uint64_t v);
void weir_codec_protobuf_put_i64(struct weir_buf *buf, uint32_t number, int64_t v);

/* Appends a field of a oneof, a 0 too. */
void weir_codec_protobuf_put_u64_always(struct weir_buf *buf, uint32_t number, uint64_t v);

/* Appends a string or bytes; also as an element of a repeated field, where empty ones stay. */
void weir_codec_protobuf_put_text(struct weir_buf *buf, uint32_t number, struct weir_str text);
void weir_codec_protobuf_put_text_always(struct weir_buf *buf, uint32_t number,
                                         struct weir_str text);

/* Appends the head of a field of n bytes, which the caller appends after it. */
void weir_codec_protobuf_put_head(struct weir_buf *buf, uint32_t number, uint64_t n);

/* Begins a message (or packed elements) inside of the one that is written; what is appended until
 * the end belongs to it. Returns its place, for the end. An empty one stays. */
size_t weir_codec_protobuf_begin(struct weir_buf *buf, uint32_t number);
void weir_codec_protobuf_end(struct weir_buf *buf, size_t place);

/* Returns the bytes of a varint, 1 to 10. */
size_t weir_codec_protobuf_varint_bytes(uint64_t v);

#endif
