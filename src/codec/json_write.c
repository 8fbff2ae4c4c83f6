/* SPDX-License-Identifier: MIT */
#include "codec/json_write.h"

#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"

void weir_codec_json_write_key(struct weir_buf *buf, const char *name)
{
    weir_assert(buf && name);
    if (buf->n > 0 && buf->at[buf->n - 1] != '{')
        weir_buf_append_byte(buf, ',');
    weir_buf_append_byte(buf, '"');
    weir_buf_append_c(buf, name);
    weir_buf_append_c(buf, "\":");
}

void weir_codec_json_write_open(struct weir_buf *buf, const char *name, char bracket)
{
    weir_assert(buf && name && (bracket == '{' || bracket == '['));
    weir_codec_json_write_key(buf, name);
    weir_buf_append_byte(buf, bracket);
}

void weir_codec_json_write_number(struct weir_buf *buf, double v)
{
    weir_assert(buf);
    weir_codec_number_append_f64(buf, v, WEIR_CODEC_NUMBER_NONFINITE_NULL);
}

void weir_codec_json_write_f64(struct weir_buf *buf, const char *name, double v)
{
    weir_assert(buf && name);
    weir_codec_json_write_key(buf, name);
    weir_codec_json_write_number(buf, v);
}

void weir_codec_json_write_u64(struct weir_buf *buf, const char *name, uint64_t n)
{
    weir_assert(buf && name);
    weir_codec_json_write_key(buf, name);
    weir_buf_append_u64(buf, n);
}

void weir_codec_json_write_text(struct weir_buf *buf, const char *name, struct weir_str text)
{
    weir_assert(buf && name);
    weir_codec_json_write_key(buf, name);
    weir_codec_json_append_text(buf, text);
}

void weir_codec_json_write_pair(struct weir_buf *buf, const char *name, double low, double high)
{
    weir_assert(buf && name);
    weir_codec_json_write_open(buf, name, '[');
    weir_codec_json_write_number(buf, low);
    weir_buf_append_byte(buf, ',');
    weir_codec_json_write_number(buf, high);
    weir_buf_append_byte(buf, ']');
}

void weir_codec_json_write_bool(struct weir_buf *buf, const char *name, bool is_set)
{
    weir_assert(buf && name);
    weir_codec_json_write_key(buf, name);
    weir_buf_append_c(buf, is_set ? "true" : "false");
}
