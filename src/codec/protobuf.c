/* SPDX-License-Identifier: MIT */
#include "codec/protobuf.h"

#include "base/macros.h"

#include <string.h>

enum {
    VARINT_BYTES_MAX = 10,
    NUMBER_MAX = (1 << 29) - 1,
    /* wire types that are not shown to callers */
    GROUP_BEGIN = 3,
    GROUP_END = 4,
};

bool weir_codec_protobuf_take_varint(struct weir_str *rest, uint64_t *out)
{
    uint64_t v = 0;
    size_t n = weir_min_size(rest->n, VARINT_BYTES_MAX);
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)rest->at[i];
        v |= (uint64_t)(byte & 0x7f) << (7 * i); /* of the tenth byte only one bit is left */
        if (byte < 0x80) {
            *rest = weir_str_make(rest->at + i + 1, rest->n - i - 1);
            *out = v;
            return true;
        }
    }
    return false;
}

size_t weir_codec_protobuf_count_varints(struct weir_str packed)
{
    size_t n = 0;
    for (size_t i = 0; i < packed.n; i++)
        n += ((uint8_t)packed.at[i] & 0x80) == 0;
    return n + (packed.n > 0 && ((uint8_t)packed.at[packed.n - 1] & 0x80) != 0);
}

static bool take(struct weir_str *rest, size_t n, struct weir_str *out)
{
    if (n > rest->n)
        return false;
    *out = weir_str_make(rest->at, n);
    *rest = weir_str_make(rest->at ? rest->at + n : NULL, rest->n - n);
    return true;
}

/* Takes the number and the wire type of a field. */
static bool take_tag(struct weir_str *rest, uint32_t *number, uint32_t *type)
{
    uint64_t tag;
    if (!weir_codec_protobuf_take_varint(rest, &tag) || tag > UINT32_MAX)
        return false;
    *number = (uint32_t)(tag >> 3);
    *type = (uint32_t)(tag & 7);
    return *number > 0;
}

/* Takes what follows a tag that is none of a group. */
static bool take_value(struct weir_str *rest, uint32_t type, struct weir_codec_protobuf_field *out)
{
    struct weir_str bytes;
    uint64_t n;
    uint32_t narrow;
    switch (type) {
    case WEIR_CODEC_PROTOBUF_VARINT:
        return weir_codec_protobuf_take_varint(rest, &out->value);
    case WEIR_CODEC_PROTOBUF_I64:
        if (!take(rest, sizeof out->value, &bytes))
            return false;
        memcpy(&out->value, bytes.at, sizeof out->value);
        return true;
    case WEIR_CODEC_PROTOBUF_BYTES:
        return weir_codec_protobuf_take_varint(rest, &n) && n <= rest->n &&
               take(rest, (size_t)n, &out->bytes);
    case WEIR_CODEC_PROTOBUF_I32:
        if (!take(rest, sizeof narrow, &bytes))
            return false;
        memcpy(&narrow, bytes.at, sizeof narrow);
        out->value = narrow;
        return true;
    }
    return false;
}

/* Skips to the end of a group that has just begun, and of those inside. */
static bool skip_group(struct weir_str *rest, uint32_t number)
{
    uint32_t open[WEIR_CODEC_PROTOBUF_GROUPS_MAX] = {number};
    size_t depth = 1;
    while (depth > 0) {
        struct weir_codec_protobuf_field ignored;
        uint32_t type;
        if (!take_tag(rest, &number, &type))
            return false;
        if (type == GROUP_BEGIN) {
            if (depth == WEIR_ARRAY_LEN(open))
                return false;
            open[depth++] = number;
        } else if (type == GROUP_END) {
            if (open[--depth] != number)
                return false;
        } else if (!take_value(rest, type, &ignored)) {
            return false;
        }
    }
    return true;
}

bool weir_codec_protobuf_next(struct weir_codec_protobuf *reader,
                              struct weir_codec_protobuf_field *out)
{
    weir_assert(reader);
    weir_assert(out);
    while (!reader->is_malformed && reader->rest.n > 0) {
        uint32_t number = 0;
        uint32_t type = 0;
        bool is_fine = take_tag(&reader->rest, &number, &type);
        if (is_fine && type == GROUP_BEGIN && skip_group(&reader->rest, number))
            continue;
        if (is_fine && take_value(&reader->rest, type, out)) {
            out->number = number;
            out->type = (enum weir_codec_protobuf_type)type;
            return true;
        }
        reader->is_malformed = true;
    }
    return false;
}

struct weir_str weir_codec_protobuf_whole(struct weir_str part)
{
    struct weir_codec_protobuf reader = weir_codec_protobuf_of(part);
    struct weir_codec_protobuf_field f;
    struct weir_str rest;
    do {
        rest = reader.rest;
    } while (weir_codec_protobuf_next(&reader, &f));
    return reader.is_malformed ? weir_str_make(part.at, part.n - rest.n) : part;
}

float weir_codec_protobuf_f32(const struct weir_codec_protobuf_field *field)
{
    uint32_t bits = (uint32_t)field->value;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

double weir_codec_protobuf_f64(const struct weir_codec_protobuf_field *field)
{
    double v;
    memcpy(&v, &field->value, sizeof v);
    return v;
}

/* --- writing --------------------------------------------------------------------------------- */

static size_t put_varint(char *to, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        to[n++] = (char)(v | 0x80);
    to[n++] = (char)v;
    return n;
}

size_t weir_codec_protobuf_varint_bytes(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

void weir_codec_protobuf_append_varint(struct weir_buf *buf, uint64_t v)
{
    char bytes[VARINT_BYTES_MAX];
    weir_buf_append(buf, bytes, put_varint(bytes, v));
}

static void append_tag(struct weir_buf *buf, uint32_t number, enum weir_codec_protobuf_type type)
{
    weir_assert(number > 0);
    weir_assert(number <= NUMBER_MAX);
    weir_codec_protobuf_append_varint(buf, number << 3 | (uint32_t)type);
}

void weir_codec_protobuf_put_u64_always(struct weir_buf *buf, uint32_t number, uint64_t v)
{
    append_tag(buf, number, WEIR_CODEC_PROTOBUF_VARINT);
    weir_codec_protobuf_append_varint(buf, v);
}

void weir_codec_protobuf_put_u64(struct weir_buf *buf, uint32_t number, uint64_t v)
{
    if (v != 0)
        weir_codec_protobuf_put_u64_always(buf, number, v);
}

void weir_codec_protobuf_put_i64(struct weir_buf *buf, uint32_t number, int64_t v)
{
    weir_codec_protobuf_put_u64(buf, number, (uint64_t)v);
}

void weir_codec_protobuf_put_head(struct weir_buf *buf, uint32_t number, uint64_t n)
{
    append_tag(buf, number, WEIR_CODEC_PROTOBUF_BYTES);
    weir_codec_protobuf_append_varint(buf, n);
}

void weir_codec_protobuf_put_text_always(struct weir_buf *buf, uint32_t number,
                                         struct weir_str text)
{
    weir_codec_protobuf_put_head(buf, number, text.n);
    weir_buf_append_str(buf, text);
}

void weir_codec_protobuf_put_text(struct weir_buf *buf, uint32_t number, struct weir_str text)
{
    if (text.n > 0)
        weir_codec_protobuf_put_text_always(buf, number, text);
}

size_t weir_codec_protobuf_begin(struct weir_buf *buf, uint32_t number)
{
    weir_codec_protobuf_put_head(buf, number, 0); /* one byte, enough for most lengths */
    return buf->n;
}

void weir_codec_protobuf_end(struct weir_buf *buf, size_t place)
{
    if (!weir_buf_ok(buf))
        return;
    weir_assert(place > 0);
    weir_assert(place <= buf->n);
    size_t n = buf->n - place;
    char bytes[VARINT_BYTES_MAX] = {0};
    size_t n_more = put_varint(bytes, n) - 1;
    if (n_more > 0) {
        weir_buf_append(buf, bytes, n_more); /* room; the contents do not matter */
        if (!weir_buf_ok(buf))
            return;
        memmove(buf->at + place + n_more, buf->at + place, n);
    }
    memcpy(buf->at + place - 1, bytes, n_more + 1);
}
