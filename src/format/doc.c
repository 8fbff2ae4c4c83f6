/* SPDX-License-Identifier: MIT */
/* The part of a document that is the same in both grammars: tables of members, the way to the value
 * at hand, arrays on their way from scratch memory into the arena. */
#include "format/doc.h"

#include "base/clock.h"
#include "base/macros.h"
#include "format/doc_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { PLACE_BYTES_MAX = 160, FIELDS_MAX = 32 };

enum weir_status weir_format_doc_init(struct weir_format_doc *doc, struct weir_str bytes,
                                      bool is_ubjson, struct weir_arena *arena,
                                      uint64_t deadline_ns, struct weir_error *err)
{
    *doc = (struct weir_format_doc){.at = bytes.at,
                                    .end = bytes.at + bytes.n,
                                    .is_ubjson = is_ubjson,
                                    .arena = arena,
                                    .deadline_ns = deadline_ns};
    const struct weir_codec_json_limits limits = {.depth_max = WEIR_CODEC_JSON_DEPTH_CAP,
                                                  .n_keys_max = 1u << 20,
                                                  .n_values_max = UINT64_MAX,
                                                  .string_bytes_max = SIZE_MAX,
                                                  .number_bytes_max = 512,
                                                  .allows_nonfinite = true};
    weir_codec_json_init(&doc->json, &limits, NULL);
    if (is_ubjson)
        return WEIR_OK;
    struct weir_error reason = WEIR_ERROR_INIT;
    enum weir_status status = weir_codec_json_scan(&doc->json, bytes, &reason);
    doc->at = doc->json.root;
    if (status == WEIR_OK)
        return status;
    return weir_error_set(err, status == WEIR_ERR_INVALID ? WEIR_ERR_CORRUPT : status, "JSON: %s",
                          reason.msg);
}

void weir_format_doc_deinit(struct weir_format_doc *doc)
{
    weir_codec_json_deinit(&doc->json);
    weir_buf_deinit(&doc->scratch);
}

static void append_place(const struct weir_format_doc *doc, struct weir_buf *out)
{
    for (uint32_t i = 0; i < doc->n_steps; i++) {
        const struct weir_format_doc_step *step = &doc->path[i];
        char echo[WEIR_ECHO_BUF_BYTES];
        if (step->name.at)
            weir_buf_printf(out, "%s%s", out->n ? "." : "",
                            weir_str_echo(step->name, echo, sizeof echo));
        else
            weir_buf_printf(out, "[%zu]", step->index);
    }
}

enum weir_status weir_format_doc_fail(const struct weir_format_doc *doc, enum weir_status code,
                                      struct weir_error *err, const char *fmt, ...)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf place = WEIR_BUF_INIT;
    append_place(doc, &place);
    const char *text = weir_buf_c(&place);
    size_t cut = place.n > PLACE_BYTES_MAX ? place.n - PLACE_BYTES_MAX : 0;
    char reason[WEIR_ERROR_MSG_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    return weir_error_set(err, code, "%s%s%s%s", cut ? "..." : "", text ? text + cut : "",
                          place.n ? ": " : "", reason);
}

enum weir_status weir_format_doc_expected(struct weir_format_doc *doc, const char *what,
                                          struct weir_error *err)
{
    return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "expected %s", what);
}

enum weir_status weir_format_doc_enter(struct weir_format_doc *doc, struct weir_error *err)
{
    if (doc->n_steps == WEIR_FORMAT_DOC_DEPTH_MAX)
        return weir_format_doc_fail(doc, WEIR_ERR_LIMIT, err, "nested deeper than %d",
                                    WEIR_FORMAT_DOC_DEPTH_MAX);
    doc->path[doc->n_steps++] = (struct weir_format_doc_step){{NULL, 0}, 0};
    return WEIR_OK;
}

static enum weir_status no_memory(struct weir_format_doc *doc, struct weir_error *err)
{
    return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
}

/* --- single values --- */

enum weir_status weir_format_doc_skip(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err)
{
    (void)out;
    return doc->is_ubjson ? weir_format_doc_ubjson_skip(doc, err)
                          : weir_format_doc_json_skip(doc, err);
}

enum weir_status weir_format_doc_mark(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err)
{
    *(const char **)out = doc->at;
    return weir_format_doc_skip(doc, NULL, err);
}

enum weir_status weir_format_doc_again(struct weir_format_doc *doc, const char *mark,
                                       weir_format_doc_fn *fn, void *out, struct weir_error *err)
{
    const char *at = doc->at;
    doc->at = mark;
    enum weir_status status = fn(doc, out, err);
    doc->at = at;
    return status;
}

/* Tries the kinds one after the other: doubles would take whole numbers too. */
enum weir_status weir_format_doc_labels(struct weir_format_doc *doc, void *out,
                                        struct weir_error *err)
{
    struct weir_format_doc_labels *labels = out;
    const struct {
        char kind;
        weir_format_doc_fn *read;
        void *to;
    } kinds[] = {
        {'i', weir_format_doc_i64s, &labels->ints},
        {'f', weir_format_doc_f64s, &labels->floats},
        {'U', weir_format_doc_texts, &labels->texts},
    };
    const char *mark;
    uint32_t n_steps = doc->n_steps;
    enum weir_status status = weir_format_doc_mark(doc, (void *)&mark, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++) {
        status = weir_format_doc_again(doc, mark, kinds[i].read, kinds[i].to, NULL);
        doc->n_steps = n_steps;
        if (status == WEIR_OK) {
            labels->kind = kinds[i].kind;
            return WEIR_OK;
        }
        if (status != WEIR_ERR_CORRUPT)
            return weir_format_doc_fail(doc, status, err, "cannot be read");
    }
    return weir_format_doc_fail(doc, WEIR_ERR_UNSUPPORTED, err,
                                "labels are not all whole numbers, all numbers or all texts");
}

enum weir_status weir_format_doc_text(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err)
{
    return doc->is_ubjson ? weir_format_doc_ubjson_text(doc, out, err)
                          : weir_format_doc_json_text(doc, out, err);
}

static enum weir_status read_number(struct weir_format_doc *doc, bool is_whole, int64_t *i,
                                    double *f, struct weir_error *err)
{
    return doc->is_ubjson ? weir_format_doc_ubjson_number(doc, is_whole, i, f, err)
                          : weir_format_doc_json_number(doc, is_whole, i, f, err);
}

enum weir_status weir_format_doc_i64(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    double f;
    return read_number(doc, true, out, &f, err);
}

enum weir_status weir_format_doc_f64(struct weir_format_doc *doc, void *out, struct weir_error *err)
{
    int64_t i;
    return read_number(doc, false, &i, out, err);
}

enum weir_status weir_format_doc_text_i64(struct weir_format_doc *doc, void *out,
                                          struct weir_error *err)
{
    if (!weir_format_doc_is_text(doc))
        return weir_format_doc_i64(doc, out, err);
    struct weir_str text;
    enum weir_status status = weir_format_doc_text(doc, &text, err);
    if (status != WEIR_OK)
        return status;
    bool is_negative = text.n > 0 && text.at[0] == '-';
    uint64_t v;
    if (!weir_str_to_u64(weir_str_make(text.at + is_negative, text.n - is_negative), INT64_MAX, &v))
        return weir_format_doc_expected(doc, "a whole number", err);
    *(int64_t *)out = is_negative ? -(int64_t)v : (int64_t)v;
    return WEIR_OK;
}

/* --- arrays of numbers --- */

size_t weir_format_doc_element_bytes(enum weir_format_doc_element element)
{
    switch (element) {
    case WEIR_FORMAT_DOC_F32:
    case WEIR_FORMAT_DOC_I32:
        return 4;
    case WEIR_FORMAT_DOC_F64:
    case WEIR_FORMAT_DOC_I64:
        return 8;
    case WEIR_FORMAT_DOC_FLAG:
        break;
    }
    return 1;
}

bool weir_format_doc_put_i64(struct weir_format_doc *doc, enum weir_format_doc_element element,
                             int64_t v)
{
    struct weir_buf *to = &doc->scratch;
    switch (element) {
    case WEIR_FORMAT_DOC_F32: {
        float f = (float)v;
        weir_buf_append(to, &f, sizeof f);
        return true;
    }
    case WEIR_FORMAT_DOC_F64: {
        double f = (double)v;
        weir_buf_append(to, &f, sizeof f);
        return true;
    }
    case WEIR_FORMAT_DOC_I64:
        weir_buf_append(to, &v, sizeof v);
        return true;
    case WEIR_FORMAT_DOC_I32: {
        int32_t i = (int32_t)v;
        weir_buf_append(to, &i, sizeof i);
        return i == v;
    }
    case WEIR_FORMAT_DOC_FLAG:
        break;
    }
    weir_buf_append_byte(to, (char)v);
    return v == 0 || v == 1;
}

/* Reads an array of numbers and gives its copy in the arena. */
static enum weir_status read_numbers(struct weir_format_doc *doc,
                                     enum weir_format_doc_element element, void **at, size_t *n,
                                     struct weir_error *err)
{
    weir_buf_clear(&doc->scratch);
    enum weir_status status = doc->is_ubjson ? weir_format_doc_ubjson_numbers(doc, element, err)
                                             : weir_format_doc_json_numbers(doc, element, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_buf_ok(&doc->scratch))
        return no_memory(doc, err);
    *at = weir_arena_alloc(doc->arena, weir_max_size(doc->scratch.n, 1));
    if (!*at)
        return no_memory(doc, err);
    if (doc->scratch.n > 0)
        memcpy(*at, doc->scratch.at, doc->scratch.n);
    *n = doc->scratch.n / weir_format_doc_element_bytes(element);
    return WEIR_OK;
}

enum weir_status weir_format_doc_f32s(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err)
{
    struct weir_format_doc_f32s *a = out;
    void *at = NULL;
    enum weir_status status = read_numbers(doc, WEIR_FORMAT_DOC_F32, &at, &a->n, err);
    a->at = at;
    return status;
}

enum weir_status weir_format_doc_f64s(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err)
{
    struct weir_format_doc_f64s *a = out;
    void *at = NULL;
    enum weir_status status = read_numbers(doc, WEIR_FORMAT_DOC_F64, &at, &a->n, err);
    a->at = at;
    return status;
}

enum weir_status weir_format_doc_i64s(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err)
{
    struct weir_format_doc_i64s *a = out;
    void *at = NULL;
    enum weir_status status = read_numbers(doc, WEIR_FORMAT_DOC_I64, &at, &a->n, err);
    a->at = at;
    return status;
}

enum weir_status weir_format_doc_i32s(struct weir_format_doc *doc, void *out,
                                      struct weir_error *err)
{
    struct weir_format_doc_i32s *a = out;
    void *at = NULL;
    enum weir_status status = read_numbers(doc, WEIR_FORMAT_DOC_I32, &at, &a->n, err);
    a->at = at;
    return status;
}

enum weir_status weir_format_doc_flags(struct weir_format_doc *doc, void *out,
                                       struct weir_error *err)
{
    struct weir_format_doc_flags *a = out;
    void *at = NULL;
    enum weir_status status = read_numbers(doc, WEIR_FORMAT_DOC_FLAG, &at, &a->n, err);
    a->at = at;
    return status;
}

/* --- objects and arrays --- */

enum weir_status weir_format_doc_members(struct weir_format_doc *doc, weir_format_doc_member_fn *fn,
                                         void *ctx, struct weir_error *err)
{
    if (!weir_format_doc_is_object(doc))
        return weir_format_doc_expected(doc, "an object", err);
    return doc->is_ubjson ? weir_format_doc_ubjson_members(doc, fn, ctx, err)
                          : weir_format_doc_json_members(doc, fn, ctx, err);
}

enum weir_status weir_format_doc_array(struct weir_format_doc *doc, weir_format_doc_element_fn *fn,
                                       void *ctx, struct weir_error *err)
{
    if (!weir_format_doc_is_array(doc))
        return weir_format_doc_expected(doc, "an array", err);
    if (doc->deadline_ns != 0 && weir_clock_ns() >= doc->deadline_ns)
        return weir_format_doc_fail(doc, WEIR_ERR_TIMEOUT, err, "the load takes too long");
    return doc->is_ubjson ? weir_format_doc_ubjson_array(doc, fn, ctx, err)
                          : weir_format_doc_json_array(doc, fn, ctx, err);
}

/* An object that is read by a table. */
struct by_table {
    const struct weir_format_doc_field *fields;
    size_t n_fields;
    char *target;
    uint32_t seen; /* by field */
};

static enum weir_status table_member(struct weir_format_doc *doc, void *ctx, struct weir_str name,
                                     struct weir_error *err)
{
    struct by_table *t = ctx;
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct weir_format_doc_field *field = &t->fields[i];
        if (!weir_str_eq_c(name, field->name))
            continue;
        if (t->seen & 1u << i)
            return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "occurs twice");
        t->seen |= 1u << i;
        return field->read(doc, t->target + field->offset, err);
    }
    return weir_format_doc_skip(doc, NULL, err);
}

enum weir_status weir_format_doc_object(struct weir_format_doc *doc,
                                        const struct weir_format_doc_field *fields, size_t n_fields,
                                        void *target, struct weir_error *err)
{
    weir_assert(n_fields <= FIELDS_MAX);
    struct by_table t = {.fields = fields, .n_fields = n_fields, .target = target};
    enum weir_status status = weir_format_doc_members(doc, table_member, &t, err);
    for (size_t i = 0; status == WEIR_OK && i < n_fields; i++)
        if (fields[i].is_needed && !(t.seen & 1u << i))
            status = weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "has no %s", fields[i].name);
    return status;
}

static enum weir_status text_element(struct weir_format_doc *doc, void *ctx, size_t i,
                                     struct weir_error *err)
{
    (void)i;
    (void)ctx;
    struct weir_str text;
    enum weir_status status = weir_format_doc_text(doc, &text, err);
    if (status == WEIR_OK)
        weir_buf_append(&doc->scratch, &text, sizeof text);
    return status;
}

enum weir_status weir_format_doc_texts(struct weir_format_doc *doc, void *out,
                                       struct weir_error *err)
{
    struct weir_format_doc_texts *a = out;
    weir_buf_clear(&doc->scratch);
    enum weir_status status = weir_format_doc_array(doc, text_element, NULL, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_buf_ok(&doc->scratch))
        return no_memory(doc, err);
    a->n = doc->scratch.n / sizeof *a->at;
    a->at = weir_arena_array(doc->arena, weir_max_size(a->n, 1), sizeof *a->at);
    if (!a->at)
        return no_memory(doc, err);
    if (a->n > 0)
        memcpy(a->at, doc->scratch.at, doc->scratch.n);
    return WEIR_OK;
}

bool weir_format_doc_is_object(const struct weir_format_doc *doc)
{
    return doc->at < doc->end && *doc->at == '{';
}

bool weir_format_doc_is_array(const struct weir_format_doc *doc)
{
    return doc->at < doc->end && *doc->at == '[';
}

bool weir_format_doc_is_text(const struct weir_format_doc *doc)
{
    return doc->at < doc->end && *doc->at == (doc->is_ubjson ? 'S' : '"');
}

bool weir_format_doc_is_null(const struct weir_format_doc *doc)
{
    return doc->at < doc->end && *doc->at == (doc->is_ubjson ? 'Z' : 'n');
}
