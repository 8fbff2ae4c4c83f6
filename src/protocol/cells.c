/* SPDX-License-Identifier: MIT */
/* Values into the cells of a frame: numbers, texts, None.
 *
 * A text is written once, into the sink's room, whose size is bounded beforehand by the bytes of
 * JSON it comes from: escapes only ever get shorter, quotes and comma pay for part of the head. */
#include "codec/base64.h"
#include "codec/utf8.h"
#include "protocol/protocol_priv.h"
#include "tensor/cell.h"

#include <math.h>
#include <string.h>

enum { TEXT_OVERHEAD = 8 }; /* of a text beside its bytes: length, NUL, alignment */

static enum weir_column_kind kind_of(const struct weir_protocol_fill *fill, size_t column)
{
    return (enum weir_column_kind)fill->spec->columns[column];
}

size_t weir_protocol_cells_text_bytes(const struct weir_protocol_decoder *decoder,
                                      const struct weir_spec *spec, uint64_t n_rows, const char *at)
{
    if (!spec->columns)
        return 0;
    uint64_t n_columns = 0;
    for (size_t i = 0; i < spec->n_features; i++)
        n_columns += spec->columns[i] != WEIR_COLUMN_NUMBER;
    uint64_t n = n_rows * n_columns; /* both below 2^32 */
    n = n < decoder->json.n_values ? n : decoder->json.n_values;
    return (size_t)(decoder->json.end - at) + n * TEXT_OVERHEAD;
}

struct weir_cell_text *weir_protocol_cells_text(struct weir_protocol_fill *fill,
                                                struct weir_str written)
{
    struct weir_str plain = written;
    if (written.n > 0 && memchr(written.at, '\\', written.n)) {
        struct weir_buf *text = &fill->decoder->text;
        weir_buf_clear(text);
        weir_codec_json_unescape(written, text);
        if (!weir_buf_ok(text)) {
            fill->is_out_of_memory = true;
            return NULL;
        }
        plain = weir_buf_str(text);
    }
    struct weir_cell_text *to = weir_sink_take_text(fill->sink, plain.n);
    weir_assert(to); /* The room was reserved for all of them. */
    if (plain.n > 0)
        memcpy(to->at, plain.at, plain.n);
    return to;
}

bool weir_protocol_cells_is_b64(const struct weir_codec_json *json, const char *value,
                                struct weir_str *written)
{
    if (*value != '{')
        return false;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, value);
    struct weir_str name;
    const char *member;
    if (!weir_codec_json_next_member(&it, &name, &member) || *member != '"' || *it.at != '}' ||
        !weir_codec_json_string_eq(name, WEIR_STR("b64")))
        return false;
    *written = weir_codec_json_string(member);
    return true;
}

struct weir_cell_text *weir_protocol_cells_b64(struct weir_protocol_fill *fill,
                                               struct weir_str written)
{
    struct weir_buf *text = &fill->decoder->text;
    weir_buf_clear(text);
    if (memchr(written.n > 0 ? written.at : "", '\\',
               written.n)) { /* "\/" is a way to write '/'. */
        weir_codec_json_unescape(written, text);
        written = weir_buf_str(text);
    }
    size_t before = text->n;
    if (weir_buf_reserve(text, written.n) != WEIR_OK || !weir_buf_ok(text)) {
        fill->is_out_of_memory = true;
        return NULL;
    }
    if (before > 0)
        written = weir_str_make(text->at, before); /* Not moved any more while it is read. */
    if (!weir_codec_base64_decode(written, text))
        return NULL;
    size_t n = text->n - before;
    struct weir_cell_text *to = weir_sink_take_text(fill->sink, n);
    weir_assert(to); /* Bytes are fewer than their text. */
    if (n > 0)
        memcpy(to->at, text->at + before, n);
    return to;
}

enum weir_status weir_protocol_cells_missing(struct weir_protocol_fill *fill, size_t row,
                                             size_t column)
{
    if (!fill->spec->columns || kind_of(fill, column) == WEIR_COLUMN_NUMBER)
        return weir_protocol_fill_special(fill, "null", row, column);
    weir_protocol_fill_store(fill, row, column, weir_cell_none());
    return WEIR_OK;
}

/* Writes the text that {"b64": "…"} stands for; false: failed. */
static bool store_b64(struct weir_protocol_fill *fill, struct weir_str written, size_t row,
                      size_t column)
{
    struct weir_cell_text *text = weir_protocol_cells_b64(fill, written);
    if (!text && fill->is_out_of_memory)
        return false;
    if (!text ||
        !weir_codec_utf8_is_valid(weir_str_make(text->at, text->n), WEIR_CODEC_UTF8_STRICT)) {
        (void)weir_protocol_fill_cell_error(fill, row, column, "\"b64\" is not %s",
                                            text ? "a text in UTF-8" : "base64");
        return false;
    }
    weir_protocol_fill_store(fill, row, column, weir_cell_from_text(text));
    return true;
}

const char *weir_protocol_cells_fill(struct weir_protocol_fill *fill, const char *at, size_t row,
                                     size_t column)
{
    const struct weir_codec_json *json = &fill->decoder->json;
    enum weir_codec_json_kind kind = weir_codec_json_kind(at);
    enum weir_column_kind takes = kind_of(fill, column);
    struct weir_str base64;
    if (kind == WEIR_CODEC_JSON_OBJECT && fill->takes_b64 && takes != WEIR_COLUMN_NUMBER &&
        weir_protocol_cells_is_b64(json, at, &base64))
        return store_b64(fill, base64, row, column)
                   ? weir_codec_json_rows_after(weir_codec_json_skip(json, at))
                   : NULL;
    if (kind == WEIR_CODEC_JSON_STRING) {
        if (takes == WEIR_COLUMN_NUMBER) {
            if (weir_protocol_fill_number_text(fill, at, row, column) != WEIR_OK)
                return NULL;
        } else {
            struct weir_cell_text *text =
                weir_protocol_cells_text(fill, weir_codec_json_string(at));
            if (!text)
                return NULL;
            weir_protocol_fill_store(fill, row, column, weir_cell_from_text(text));
        }
        return weir_codec_json_rows_after(weir_codec_json_skip(json, at));
    }
    /* A data frame's missing text is NaN as often as None. */
    bool is_missing = kind == WEIR_CODEC_JSON_NULL || (kind == WEIR_CODEC_JSON_NONFINITE &&
                                                       *at == 'N' && takes == WEIR_COLUMN_TEXT);
    if (is_missing && takes != WEIR_COLUMN_NUMBER) {
        weir_protocol_fill_store(fill, row, column, weir_cell_none());
        return weir_codec_json_rows_after(weir_codec_json_skip(json, at));
    }
    if (takes == WEIR_COLUMN_TEXT) {
        char echo[WEIR_CODEC_JSON_ECHO_BYTES];
        (void)weir_protocol_fill_cell_error(fill, row, column, "expected a text, got %s",
                                            weir_codec_json_echo(json, at, echo, sizeof echo));
        return NULL;
    }
    if (kind == WEIR_CODEC_JSON_NUMBER) {
        size_t n;
        void *to = (char *)fill->span.base + row * fill->span.row_stride +
                   column * fill->span.column_stride;
        const char *next = weir_codec_json_rows_read(json, at, fill->element, to, 0, 1, &n);
        if (n == 1)
            return next;
    }
    return weir_protocol_fill_cell(fill, at, row, column);
}

const char *weir_protocol_cells_fill_row(struct weir_protocol_fill *fill, const char *array,
                                         size_t row)
{
    const struct weir_codec_json *json = &fill->decoder->json;
    size_t n_columns = fill->spec->n_features;
    size_t column = 0;
    const char *at = weir_codec_json_rows_first(array);
    while (column < n_columns && *at != ']') {
        size_t end = column; /* of the columns from here on that take numbers */
        while (end < n_columns && kind_of(fill, end) != WEIR_COLUMN_TEXT)
            end++;
        size_t n = 0;
        if (end > column) {
            char *to = (char *)fill->span.base + row * fill->span.row_stride +
                       column * fill->span.column_stride;
            at = weir_codec_json_rows_read(json, at, fill->element, to, fill->span.column_stride,
                                           end - column, &n);
            column += n;
        }
        if (n > 0)
            continue;
        at = weir_protocol_cells_fill(fill, at, row, column++);
        if (!at)
            return NULL;
    }
    if (WEIR_UNLIKELY(column != n_columns || *at != ']')) {
        (void)weir_protocol_fill_row_error(fill, row, "expected %zu value%s, got %zu", n_columns,
                                           n_columns == 1 ? "" : "s",
                                           weir_codec_json_count(json, array));
        return NULL;
    }
    return at;
}
