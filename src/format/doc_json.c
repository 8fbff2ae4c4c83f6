/* SPDX-License-Identifier: MIT */
/* Documents in JSON. The scanner has proved grammar and UTF-8, so a value is read where it lies;
 * after a value doc->at is behind it, after a member or element at the next. */
#include "base/macros.h"
#include "codec/json_rows.h"
#include "codec/number.h"
#include "format/doc_priv.h"

enum { CHUNK_N = 1024, INT_DIGITS_MAX = 18 };

enum weir_status weir_format_doc_json_skip(struct weir_format_doc *doc, struct weir_error *err)
{
    (void)err;
    doc->at = weir_codec_json_skip(&doc->json, doc->at);
    return WEIR_OK;
}

enum weir_status weir_format_doc_json_text(struct weir_format_doc *doc, struct weir_str *out,
                                           struct weir_error *err)
{
    if (*doc->at != '"')
        return weir_format_doc_expected(doc, "a text", err);
    struct weir_str written = weir_codec_json_string(doc->at);
    doc->at = written.at + written.n + 1;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf plain = WEIR_BUF_INIT;
    if (written.n > 0 && memchr(written.at, '\\', written.n)) {
        weir_codec_json_unescape(written, &plain);
        written = weir_buf_str(&plain);
    }
    *out = weir_arena_str(doc->arena, written);
    if (!out->at || !weir_buf_ok(&plain))
        return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
    return WEIR_OK;
}

enum weir_status weir_format_doc_json_number(struct weir_format_doc *doc, bool is_whole, int64_t *i,
                                             double *f, struct weir_error *err)
{
    struct weir_str token = weir_codec_json_token(doc->at, doc->end);
    double v;
    bool is_number = weir_codec_number_read_f64(token, &v);
    if (is_whole) {
        if (!is_number || weir_codec_number_read_i64(token, i) != WEIR_CODEC_NUMBER_INT_OK)
            return weir_format_doc_expected(doc, "a whole number", err);
    } else {
        if (!is_number && !weir_codec_number_read_nonfinite(token, &v))
            return weir_format_doc_expected(doc, "a number", err);
        *f = v;
    }
    doc->at = token.at + token.n;
    return WEIR_OK;
}

/* Reads one whole number (or, for flags, true or false) into the scratch memory. *p: its first
 * byte, then the next element or ']'. */
static bool take_int(struct weir_format_doc *doc, enum weir_format_doc_element element,
                     const char **p)
{
    const char *q = *p;
    bool is_negative = *q == '-';
    q += is_negative;
    const char *first = q;
    int64_t v = 0;
    while ((unsigned char)(*q - '0') < 10 && q - first < INT_DIGITS_MAX)
        v = v * 10 + (*q++ - '0');
    if (WEIR_LIKELY(q > first && (*q == ',' || *q == ']'))) {
        *p = *q == ',' && q[1] > ' ' ? q + 1 : weir_codec_json_rows_after(q);
        return weir_format_doc_put_i64(doc, element, is_negative ? -v : v);
    }
    struct weir_str token = weir_codec_json_token(*p, doc->end);
    if (element == WEIR_FORMAT_DOC_FLAG && (*token.at == 't' || *token.at == 'f')) {
        v = *token.at == 't';
    } else {
        double f;
        if (!weir_codec_number_read_f64(token, &f) ||
            weir_codec_number_read_i64(token, &v) != WEIR_CODEC_NUMBER_INT_OK)
            return false;
    }
    *p = weir_codec_json_rows_after(token.at + token.n);
    return weir_format_doc_put_i64(doc, element, v);
}

/* Reads floats chunk by chunk, and the tokens between them. */
static enum weir_status read_floats(struct weir_format_doc *doc, bool is_f32,
                                    struct weir_error *err)
{
    struct weir_buf *to = &doc->scratch;
    size_t size = is_f32 ? sizeof(float) : sizeof(double);
    const char *p = weir_codec_json_rows_first(doc->at);
    while (*p != ']') {
        size_t n;
        if (weir_buf_reserve(to, CHUNK_N * size) != WEIR_OK)
            return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
        p = weir_codec_json_rows_read(&doc->json, p,
                                      is_f32 ? WEIR_CODEC_JSON_F32 : WEIR_CODEC_JSON_F64,
                                      to->at + to->n, size, CHUNK_N, &n);
        to->n += n * size;
        if (n == CHUNK_N || *p == ']')
            continue;
        struct weir_str token = weir_codec_json_token(p, doc->end);
        double v;
        if (!weir_codec_number_read_nonfinite(token, &v))
            return weir_format_doc_expected(doc, is_f32 ? "float32 numbers" : "numbers", err);
        if (is_f32)
            weir_buf_append(to, &(float){(float)v}, sizeof(float));
        else
            weir_buf_append(to, &v, sizeof v);
        p = weir_codec_json_rows_after(token.at + token.n);
    }
    doc->at = p + 1;
    return WEIR_OK;
}

enum weir_status weir_format_doc_json_numbers(struct weir_format_doc *doc,
                                              enum weir_format_doc_element element,
                                              struct weir_error *err)
{
    if (*doc->at != '[')
        return weir_format_doc_expected(doc, "an array of numbers", err);
    if (element == WEIR_FORMAT_DOC_F32 || element == WEIR_FORMAT_DOC_F64)
        return read_floats(doc, element == WEIR_FORMAT_DOC_F32, err);
    const char *p = weir_codec_json_rows_first(doc->at);
    while (*p != ']')
        if (!take_int(doc, element, &p))
            return weir_format_doc_expected(
                doc, element == WEIR_FORMAT_DOC_FLAG ? "zeros and ones" : "whole numbers", err);
    doc->at = p + 1;
    return WEIR_OK;
}

enum weir_status weir_format_doc_json_members(struct weir_format_doc *doc,
                                              weir_format_doc_member_fn *fn, void *ctx,
                                              struct weir_error *err)
{
    enum weir_status status = weir_format_doc_enter(doc, err);
    if (status != WEIR_OK)
        return status;
    const char *p = weir_codec_json_rows_first(doc->at);
    while (*p != '}') {
        struct weir_str name = weir_codec_json_string(p);
        doc->path[doc->n_steps - 1].name = name.n ? name : weir_str_make("", 0);
        doc->at = weir_codec_json_rows_member(name);
        status = fn(doc, ctx, name, err);
        if (status != WEIR_OK)
            return status;
        p = weir_codec_json_rows_after(doc->at);
    }
    doc->n_steps--;
    doc->at = p + 1;
    return WEIR_OK;
}

enum weir_status weir_format_doc_json_array(struct weir_format_doc *doc,
                                            weir_format_doc_element_fn *fn, void *ctx,
                                            struct weir_error *err)
{
    enum weir_status status = weir_format_doc_enter(doc, err);
    if (status != WEIR_OK)
        return status;
    const char *p = weir_codec_json_rows_first(doc->at);
    for (size_t i = 0; *p != ']'; i++) {
        doc->path[doc->n_steps - 1].index = i;
        doc->at = p;
        status = fn(doc, ctx, i, err);
        if (status != WEIR_OK)
            return status;
        p = weir_codec_json_rows_after(doc->at);
    }
    doc->n_steps--;
    doc->at = p + 1;
    return WEIR_OK;
}
