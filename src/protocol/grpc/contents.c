/* SPDX-License-Identifier: MIT */
/* The elements of an input: an element of raw_input_contents, or InferTensorContents.
 *
 * Typed contents are brought into binary form piece by piece: packed floats are it already, whole
 * numbers are unpacked through a small block, texts are pieces of their own. So both ways end in
 * protocol/raw.c, and nothing of the size of the input is allocated. A message that comes in parts
 * is read as if it were one. */
#include "protocol/grpc/infer_priv.h"

#include <string.h>

enum { INPUT_CONTENTS = 5, BLOCK_ITEMS = 256 };

/* How many elements the last value of a TensorProto may stand for: a body of a few bytes becomes so
 * many, perhaps on a loop. */
enum { REPEATED_MAX = 1 << 20, REPEATED_TEXTS_MAX = 1 << 16 };

/* The field of InferTensorContents by datatype; 0: none, it must be raw. */
static const uint8_t fields[] = {
    [WEIR_BOOL] = 1, [WEIR_U8] = 4,  [WEIR_U16] = 4, [WEIR_U32] = 4,   [WEIR_U64] = 5,
    [WEIR_I8] = 2,   [WEIR_I16] = 2, [WEIR_I32] = 2, [WEIR_I64] = 3,   [WEIR_F16] = 0,
    [WEIR_BF16] = 0, [WEIR_F32] = 6, [WEIR_F64] = 7, [WEIR_BYTES] = 8,
};
/* The fields of TensorProto. */
static const uint8_t proto_fields[] = {
    [WEIR_BOOL] = 11, [WEIR_U8] = 7,  [WEIR_U16] = 7, [WEIR_U32] = 16,  [WEIR_U64] = 17,
    [WEIR_I8] = 7,    [WEIR_I16] = 7, [WEIR_I32] = 7, [WEIR_I64] = 10,  [WEIR_F16] = 13,
    [WEIR_BF16] = 13, [WEIR_F32] = 5, [WEIR_F64] = 6, [WEIR_BYTES] = 8,
};
static const char *const field_names[] = {"",
                                          "bool_contents",
                                          "int_contents",
                                          "int64_contents",
                                          "uint_contents",
                                          "uint64_contents",
                                          "fp32_contents",
                                          "fp64_contents",
                                          "bytes_contents"};

/* The fields of the contents, one after the other. */
struct walk {
    struct weir_codec_protobuf input;
    struct weir_codec_protobuf contents;
};

static struct walk walk_of(const struct weir_protocol_grpc_request *r,
                           const struct weir_protocol_grpc_input *in)
{
    struct walk w = {.input = weir_codec_protobuf_of(in->message)};
    if (r->is_tensor_proto) { /* The values are in the tensor itself. */
        w.contents = w.input;
        w.input.rest.n = 0;
    }
    return w;
}

static bool walk_next(struct walk *w, struct weir_codec_protobuf_field *out)
{
    struct weir_codec_protobuf_field part;
    while (!weir_codec_protobuf_next(&w->contents, out)) {
        do {
            if (w->contents.is_malformed || !weir_codec_protobuf_next(&w->input, &part))
                return false;
        } while (part.number != INPUT_CONTENTS || part.type != WEIR_CODEC_PROTOBUF_BYTES);
        w->contents = weir_codec_protobuf_of(part.bytes);
    }
    return true;
}

static bool is_float(enum weir_dtype dtype)
{
    return dtype == WEIR_F32 || dtype == WEIR_F64;
}

/* Counts the elements in a field of the datatype's number. */
static uint64_t count_field(const struct weir_codec_protobuf_field *f, enum weir_dtype dtype,
                            size_t *text_bytes)
{
    bool is_packed = f->type == WEIR_CODEC_PROTOBUF_BYTES;
    if (dtype == WEIR_BYTES) {
        *text_bytes += is_packed ? weir_sink_text_bytes(f->bytes.n) : 0;
        return is_packed;
    }
    if (!is_float(dtype))
        return is_packed ? weir_codec_protobuf_count_varints(f->bytes)
                         : f->type == WEIR_CODEC_PROTOBUF_VARINT;
    if (is_packed)
        return f->bytes.n / weir_dtype_size(dtype);
    return f->type == (dtype == WEIR_F32 ? WEIR_CODEC_PROTOBUF_I32 : WEIR_CODEC_PROTOBUF_I64);
}

static enum weir_status check_typed(const struct weir_protocol_grpc_request *r,
                                    const struct weir_protocol_grpc_input *in, size_t *text_bytes)
{
    uint8_t number = fields[in->dtype];
    struct walk w = walk_of(r, in);
    struct weir_codec_protobuf_field f;
    uint64_t n = 0;
    bool has_any = false;
    while (walk_next(&w, &f)) {
        bool is_packed = f.type == WEIR_CODEC_PROTOBUF_BYTES;
        if (f.number >= WEIR_ARRAY_LEN(field_names) ||
            (is_packed && f.bytes.n == 0 && f.number != fields[WEIR_BYTES]))
            continue;
        has_any = true;
        if (f.number != number)
            return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: %s in %s", in->place,
                                  weir_dtype_name(in->dtype), field_names[f.number]);
        if (is_packed && is_float(in->dtype) && f.bytes.n % weir_dtype_size(in->dtype) != 0)
            return weir_protocol_grpc_infer_fail(r, in,
                                                 "contents: cut in the middle of an element");
        n += count_field(&f, in->dtype, text_bytes);
    }
    if (w.contents.is_malformed)
        return weir_protocol_grpc_infer_fail(r, in, "contents: malformed");
    if (number == 0)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: %s must be in raw_input_contents",
                              in->place, weir_dtype_name(in->dtype));
    if (!has_any && in->n_elements > 0)
        return weir_protocol_grpc_infer_fail(r, in, "neither contents nor raw_input_contents");
    if (n != in->n_elements)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "%s: %llu elements for the %llu of the shape", in->place,
                              (unsigned long long)n, (unsigned long long)in->n_elements);
    return WEIR_OK;
}

/* As above, for the values of a TensorProto: there may be fewer than the shape says; the last one
 * is repeated then (tensorflow/core/framework/tensor.proto). */
static enum weir_status check_proto(const struct weir_protocol_grpc_request *r,
                                    const struct weir_protocol_grpc_input *in, size_t *text_bytes)
{
    struct walk w = walk_of(r, in);
    struct weir_codec_protobuf_field f;
    uint64_t n = 0;
    size_t last_bytes = 0;
    while (walk_next(&w, &f)) {
        if (f.number != proto_fields[in->dtype])
            continue;
        if (f.type == WEIR_CODEC_PROTOBUF_BYTES && is_float(in->dtype) &&
            f.bytes.n % weir_dtype_size(in->dtype) != 0)
            return weir_protocol_grpc_infer_fail(r, in, "values: cut in the middle of an element");
        last_bytes = weir_sink_text_bytes(f.bytes.n);
        n += count_field(&f, in->dtype, text_bytes);
    }
    if (n > in->n_elements || (n == 0 && in->n_elements > 0))
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: %llu values for the %llu of the shape",
                              in->place, (unsigned long long)n, (unsigned long long)in->n_elements);
    uint64_t n_max = in->dtype == WEIR_BYTES ? REPEATED_TEXTS_MAX : REPEATED_MAX;
    if (in->n_elements - n > n_max)
        return weir_error_set(r->err, WEIR_ERR_LIMIT,
                              "%s: one value for more than %llu elements; they must be written out",
                              in->place, (unsigned long long)n_max);
    if (in->dtype == WEIR_BYTES)
        *text_bytes += (size_t)(in->n_elements - n) * last_bytes;
    return WEIR_OK;
}

static struct weir_protocol_raw raw_of(const struct weir_protocol_grpc_input *in,
                                       struct weir_str bytes)
{
    return (struct weir_protocol_raw){
        .bytes = bytes, .dtype = in->dtype, .n_items = in->n_elements, .place = in->place};
}

enum weir_status weir_protocol_grpc_contents_check(const struct weir_protocol_grpc_request *r,
                                                   const struct weir_protocol_grpc_input *in,
                                                   size_t *text_bytes)
{
    struct weir_codec_protobuf_field f;
    struct walk w = walk_of(r, in);
    if (r->is_tensor_proto && !in->has_raw)
        return check_proto(r, in, text_bytes);
    if (!in->has_raw)
        return check_typed(r, in, text_bytes);
    if (r->is_tensor_proto && in->dtype == WEIR_BYTES)
        return weir_protocol_grpc_infer_fail(r, in, "texts in tensor_content");
    if (!r->is_tensor_proto && walk_next(&w, &f))
        return weir_protocol_grpc_infer_fail(r, in, "contents beside raw_input_contents");
    struct weir_protocol_raw raw = raw_of(in, in->raw);
    return weir_protocol_raw_check(&raw, text_bytes, r->err);
}

/* --- filling --------------------------------------------------------------------------------- */

static bool put(const struct weir_protocol_grpc_to *to, const struct weir_protocol_raw *raw)
{
    if (to->fill)
        return weir_protocol_raw_fill_rows(to->fill, raw, to->column);
    char *at = to->at + raw->first * weir_tensor_item_bytes(to->dtype);
    return weir_protocol_raw_fill_tensor(to->sink, raw, to->dtype, at, to->err);
}

/* Writes a varint as an element; false: it is out of the type's range. Fields of 32 bits are cut to
 * them, as all readers do. */
static bool narrow(uint64_t v, enum weir_dtype dtype, char *out)
{
    size_t size = weir_dtype_size(dtype);
    bool fits = true;
    if (dtype == WEIR_BOOL) {
        v = v != 0;
    } else if (dtype == WEIR_I8 || dtype == WEIR_I16) {
        int32_t i = (int32_t)(uint32_t)v;
        fits = dtype == WEIR_I8 ? i == (int8_t)i : i == (int16_t)i;
    } else if (dtype == WEIR_U8 || dtype == WEIR_U16) {
        fits = ((uint32_t)v >> 8 * size) == 0;
    }
    memcpy(out, &v, size);
    return fits;
}

/* Unpacks varints and writes them, from element *first on. */
static bool put_varints(const struct weir_protocol_grpc_to *to,
                        const struct weir_protocol_grpc_input *in, struct weir_str rest,
                        uint64_t *first)
{
    size_t size = weir_dtype_size(in->dtype);
    char block[BLOCK_ITEMS * sizeof(uint64_t)];
    while (rest.n > 0) {
        struct weir_protocol_raw raw = raw_of(in, weir_str_make(block, 0));
        raw.first = *first;
        raw.n_items = 0;
        while (rest.n > 0 && raw.n_items < BLOCK_ITEMS) {
            uint64_t v;
            const char *what = weir_codec_protobuf_take_varint(&rest, &v) ? NULL : "is malformed";
            if (!what && !narrow(v, in->dtype, block + raw.n_items * size))
                what = "is out of the range of the datatype";
            if (what) {
                (void)weir_error_set(to->err, WEIR_ERR_INVALID, "%s: element %llu %s", in->place,
                                     (unsigned long long)(*first + raw.n_items), what);
                return false;
            }
            raw.n_items++;
        }
        raw.bytes.n = (size_t)raw.n_items * size;
        *first += raw.n_items;
        if (!put(to, &raw))
            return false;
    }
    return true;
}

/* Writes the elements of one field, from element *first on. */
static bool put_field(const struct weir_protocol_grpc_to *to,
                      const struct weir_protocol_grpc_input *in,
                      const struct weir_codec_protobuf_field *f, uint64_t *first)
{
    size_t unused = 0;
    struct weir_protocol_raw raw = raw_of(in, f->bytes);
    raw.first = *first;
    raw.n_items = count_field(f, in->dtype, &unused);
    raw.is_bare = in->dtype == WEIR_BYTES;
    if (raw.n_items == 0)
        return true;
    if (f->type == WEIR_CODEC_PROTOBUF_BYTES && !raw.is_bare && !is_float(in->dtype))
        return put_varints(to, in, f->bytes, first);
    char one[sizeof f->value];
    if (f->type != WEIR_CODEC_PROTOBUF_BYTES) {
        raw.bytes = weir_str_make(one, weir_dtype_size(in->dtype));
        if (is_float(in->dtype)) {
            memcpy(one, &f->value, sizeof one);
        } else if (!narrow(f->value, in->dtype, one)) {
            (void)weir_error_set(to->err, WEIR_ERR_INVALID,
                                 "%s: element %llu is out of the range of the datatype", in->place,
                                 (unsigned long long)raw.first);
            return false;
        }
    }
    *first += raw.n_items;
    return put(to, &raw);
}

/* Writes the last element of a field from element first on to the end. It was written before, so it
 * is in range. Numbers go in blocks: there may be many of them in a small body, on a loop. */
static bool put_repeated(const struct weir_protocol_grpc_to *to,
                         const struct weir_protocol_grpc_input *in,
                         const struct weir_codec_protobuf_field *last, uint64_t first)
{
    char block[BLOCK_ITEMS * sizeof(uint64_t)];
    uint64_t value = last->value;
    bool ok = true;
    while (in->dtype == WEIR_BYTES && ok && first < in->n_elements)
        ok = put_field(to, in, last, &first);
    if (first == in->n_elements || !ok)
        return ok;
    size_t size = weir_dtype_size(in->dtype);
    if (last->type == WEIR_CODEC_PROTOBUF_BYTES && is_float(in->dtype)) {
        memcpy(&value, last->bytes.at, size);
    } else if (last->type == WEIR_CODEC_PROTOBUF_BYTES) {
        struct weir_str rest = last->bytes;
        ok = weir_codec_protobuf_take_varint(&rest, &value);
    }
    for (size_t i = 0; i < BLOCK_ITEMS && ok; i++) {
        if (is_float(in->dtype))
            memcpy(block + i * size, &value, size);
        else
            ok = narrow(value, in->dtype, block + i * size);
    }
    weir_assert(ok);
    while (first < in->n_elements) {
        struct weir_protocol_raw raw = raw_of(in, weir_str_make(block, 0));
        raw.first = first;
        raw.n_items = in->n_elements - first < BLOCK_ITEMS ? in->n_elements - first : BLOCK_ITEMS;
        raw.bytes.n = (size_t)raw.n_items * size;
        first += raw.n_items;
        if (!put(to, &raw))
            return false;
    }
    return true;
}

/* Makes a field that holds only its last element. */
static void take_last(struct weir_codec_protobuf_field *f, enum weir_dtype dtype)
{
    if (f->type != WEIR_CODEC_PROTOBUF_BYTES || dtype == WEIR_BYTES || f->bytes.n == 0)
        return;
    size_t size = is_float(dtype) ? weir_dtype_size(dtype) : 1;
    while (!is_float(dtype) && size < f->bytes.n &&
           ((uint8_t)f->bytes.at[f->bytes.n - size - 1] & 0x80) != 0)
        size++;
    f->bytes = weir_str_make(f->bytes.at + f->bytes.n - size, size);
}

bool weir_protocol_grpc_contents_fill(const struct weir_protocol_grpc_request *r,
                                      const struct weir_protocol_grpc_input *in,
                                      const struct weir_protocol_grpc_to *to)
{
    if (in->has_raw) {
        struct weir_protocol_raw raw = raw_of(in, in->raw);
        return put(to, &raw);
    }
    struct walk w = walk_of(r, in);
    struct weir_codec_protobuf_field f;
    struct weir_codec_protobuf_field last = {.number = 0};
    uint8_t number = r->is_tensor_proto ? proto_fields[in->dtype] : fields[in->dtype];
    uint64_t first = 0;
    while (walk_next(&w, &f)) {
        if (f.number != number)
            continue;
        if (!put_field(to, in, &f, &first))
            return false;
        if (f.type != WEIR_CODEC_PROTOBUF_BYTES || f.bytes.n > 0 || in->dtype == WEIR_BYTES)
            last = f;
    }
    take_last(&last, in->dtype);
    return put_repeated(to, in, &last, first);
}
