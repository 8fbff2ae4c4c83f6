/* SPDX-License-Identifier: MIT */
/* Elements of tensors as JSON. */
#include "codec/half.h"
#include "protocol/tensors_priv.h"

#include <string.h>

static uint64_t unsigned_at(const char *at, size_t size)
{
    uint64_t v = 0;
    memcpy(&v, at, size);
    return v;
}

static int64_t signed_at(const char *at, size_t size)
{
    size_t shift = 64 - 8 * size;
    return (int64_t)(unsigned_at(at, size) << shift) >> shift;
}

static void write_one(struct weir_buf *buf, const struct weir_tensor *tensor, uint64_t i,
                      enum weir_codec_number_nonfinite nonfinite)
{
    size_t size = weir_tensor_item_bytes(tensor->dtype);
    const char *at = (const char *)tensor->data + i * size;
    float narrow;
    double wide;
    struct weir_text text;
    switch (tensor->dtype) {
    case WEIR_BOOL:
        weir_buf_append_c(buf, *at ? "true" : "false");
        break;
    case WEIR_U8:
    case WEIR_U16:
    case WEIR_U32:
    case WEIR_U64:
        weir_buf_append_u64(buf, unsigned_at(at, size));
        break;
    case WEIR_I8:
    case WEIR_I16:
    case WEIR_I32:
    case WEIR_I64:
        weir_buf_append_i64(buf, signed_at(at, size));
        break;
    case WEIR_F16:
        weir_codec_number_append_f32(buf, weir_codec_half_value((uint16_t)unsigned_at(at, size)),
                                     nonfinite);
        break;
    case WEIR_BF16:
        weir_codec_number_append_f32(
            buf, weir_codec_half_brain_value((uint16_t)unsigned_at(at, size)), nonfinite);
        break;
    case WEIR_F32:
        memcpy(&narrow, at, sizeof narrow);
        weir_codec_number_append_f32(buf, narrow, nonfinite);
        break;
    case WEIR_F64:
        memcpy(&wide, at, sizeof wide);
        weir_codec_number_append_f64(buf, wide, nonfinite);
        break;
    case WEIR_BYTES:
        memcpy(&text, at, sizeof text);
        weir_codec_json_append_text(buf, weir_str_make(text.at, text.n));
        break;
    }
}

/* Writes the elements below one index of each of the first `dim` dimensions; *i: the next. At most
 * WEIR_TENSOR_DIMS_MAX deep. */
static void write_nested(struct weir_buf *buf, const struct weir_tensor *tensor, uint32_t dim,
                         uint64_t *i, enum weir_codec_number_nonfinite nonfinite)
{
    if (dim == tensor->n_dims) {
        write_one(buf, tensor, (*i)++, nonfinite);
        return;
    }
    weir_buf_append_byte(buf, '[');
    for (uint64_t k = 0; k < tensor->dims[dim]; k++) {
        if (k > 0)
            weir_buf_append_byte(buf, ',');
        write_nested(buf, tensor, dim + 1, i, nonfinite);
    }
    weir_buf_append_byte(buf, ']');
}

void weir_protocol_tensors_write(struct weir_buf *buf, const struct weir_tensor *tensor,
                                 bool is_nested, enum weir_codec_number_nonfinite nonfinite)
{
    uint64_t i = 0;
    if (is_nested) {
        write_nested(buf, tensor, 0, &i, nonfinite);
        return;
    }
    uint64_t n = weir_tensor_n_items(tensor);
    weir_buf_append_byte(buf, '[');
    for (; i < n; i++) {
        if (i > 0)
            weir_buf_append_byte(buf, ',');
        write_one(buf, tensor, i, nonfinite);
    }
    weir_buf_append_byte(buf, ']');
}
