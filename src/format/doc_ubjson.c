/* SPDX-License-Identifier: MIT */
/* Documents in UBJSON, draft 12: a marker, then big-endian bytes. Every length is compared with the
 * bytes that are left before it is used.
 *
 *     {  key, value … }      key: a whole number's marker, the length, the bytes
 *     [  value … ]    [ # count values    [ $ marker # count bytes      the last two without ']'
 *     S  length bytes   i U I l L   whole numbers   d D floats   C a character   T F Z */
#include "base/macros.h"
#include "format/doc_priv.h"
#include "tensor/cell.h"

#include <math.h>

/* --- bytes --- */

static size_t left(const struct weir_format_doc *doc)
{
    return (size_t)(doc->end - doc->at);
}

static enum weir_status ends(struct weir_format_doc *doc, struct weir_error *err)
{
    return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "the file ends here");
}

/* Bytes of a value of this type; 0: it is none of fixed size. */
static size_t type_bytes(char type)
{
    switch (type) {
    case 'i':
    case 'U':
    case 'C':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    }
    return 0;
}

static bool is_float_type(char type)
{
    return type == 'd' || type == 'D';
}

static uint64_t load(const char *at, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | (unsigned char)at[i];
    return v;
}

static int64_t load_whole(const char *at, char type)
{
    switch (type) {
    case 'i':
        return (int8_t)*at;
    case 'I':
        return (int16_t)load(at, 2);
    case 'l':
        return (int32_t)load(at, 4);
    case 'L':
        return (int64_t)load(at, 8);
    }
    return (unsigned char)*at; /* U, C */
}

static double load_float(const char *at, char type)
{
    if (type == 'd') {
        uint32_t bits = (uint32_t)load(at, 4);
        float f;
        memcpy(&f, &bits, sizeof f);
        return weir_cell_number((double)f);
    }
    uint64_t bits = load(at, 8);
    double d;
    memcpy(&d, &bits, sizeof d);
    return weir_cell_number(d);
}

/* Reads a whole number with its marker. */
static enum weir_status read_whole(struct weir_format_doc *doc, int64_t *out,
                                   struct weir_error *err)
{
    size_t n = left(doc) ? type_bytes(*doc->at) : 0;
    if (n == 0 || is_float_type(*doc->at))
        return weir_format_doc_expected(doc, "a whole number", err);
    if (left(doc) < 1 + n)
        return ends(doc, err);
    *out = load_whole(doc->at + 1, *doc->at);
    doc->at += 1 + n;
    return WEIR_OK;
}

/* Reads a length of text and the text. */
static enum weir_status read_bytes(struct weir_format_doc *doc, struct weir_str *out,
                                   struct weir_error *err)
{
    int64_t n = 0;
    enum weir_status status = read_whole(doc, &n, err);
    if (status != WEIR_OK)
        return status;
    if (n < 0 || (uint64_t)n > left(doc))
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "a text of %lld bytes does not fit",
                                    (long long)n);
    *out = weir_str_make(doc->at, (size_t)n);
    doc->at += n;
    return WEIR_OK;
}

/* What stands behind a '['. */
struct head {
    char type;      /* of all elements; 0: each has its own marker */
    bool has_count; /* else ']' ends it */
    bool is_closed; /* that was met */
    uint64_t count;
};

static enum weir_status read_head(struct weir_format_doc *doc, struct head *head,
                                  struct weir_error *err)
{
    *head = (struct head){0, false, false, 0};
    doc->at++;
    if (left(doc) >= 2 && *doc->at == '$') {
        head->type = doc->at[1];
        doc->at += 2;
        if (type_bytes(head->type) == 0)
            return weir_format_doc_expected(doc, "an array of numbers", err);
        if (left(doc) == 0 || *doc->at != '#')
            return weir_format_doc_expected(doc, "a count", err);
    }
    if (left(doc) == 0)
        return ends(doc, err);
    if (*doc->at != '#')
        return WEIR_OK;
    doc->at++;
    int64_t n = 0;
    enum weir_status status = read_whole(doc, &n, err);
    if (status != WEIR_OK)
        return status;
    /* An element has a byte at least. */
    size_t size = head->type ? type_bytes(head->type) : 1;
    if (n < 0 || (uint64_t)n > left(doc) / size)
        return weir_format_doc_fail(doc, WEIR_ERR_CORRUPT, err, "%lld elements do not fit",
                                    (long long)n);
    head->has_count = true;
    head->count = (uint64_t)n;
    return WEIR_OK;
}

/* Finds whether an array of single elements goes on; steps over its ']'. */
static bool goes_on(struct weir_format_doc *doc, struct head *head, size_t i)
{
    if (head->has_count)
        return i < head->count;
    if (left(doc) > 0 && *doc->at != ']')
        return true;
    head->is_closed = left(doc) > 0;
    doc->at += head->is_closed;
    return false;
}

/* Sees that an array without a count was closed before the bytes ended. */
static enum weir_status check_closed(struct weir_format_doc *doc, const struct head *head,
                                     struct weir_error *err)
{
    if (head->has_count || head->is_closed)
        return WEIR_OK;
    return ends(doc, err);
}

/* --- skipping --- */

static enum weir_status skip_value(struct weir_format_doc *doc, uint32_t depth,
                                   struct weir_error *err);

static enum weir_status skip_array(struct weir_format_doc *doc, uint32_t depth,
                                   struct weir_error *err)
{
    struct head head;
    enum weir_status status = read_head(doc, &head, err);
    if (status != WEIR_OK)
        return status;
    if (head.type) {
        doc->at += head.count * type_bytes(head.type);
        return WEIR_OK;
    }
    for (size_t i = 0; goes_on(doc, &head, i); i++) {
        status = skip_value(doc, depth + 1, err);
        if (status != WEIR_OK)
            return status;
    }
    return check_closed(doc, &head, err);
}

static enum weir_status skip_object(struct weir_format_doc *doc, uint32_t depth,
                                    struct weir_error *err)
{
    struct weir_str name;
    doc->at++;
    while (left(doc) > 0 && *doc->at != '}') {
        enum weir_status status = read_bytes(doc, &name, err);
        if (status == WEIR_OK)
            status = skip_value(doc, depth + 1, err);
        if (status != WEIR_OK)
            return status;
    }
    if (left(doc) == 0)
        return ends(doc, err);
    doc->at++;
    return WEIR_OK;
}

/* depth: levels above; bounds the recursion. */
static enum weir_status skip_value(struct weir_format_doc *doc, uint32_t depth,
                                   struct weir_error *err)
{
    struct weir_str text;
    if (depth > WEIR_FORMAT_DOC_DEPTH_MAX)
        return weir_format_doc_fail(doc, WEIR_ERR_LIMIT, err, "nested deeper than %d",
                                    WEIR_FORMAT_DOC_DEPTH_MAX);
    if (left(doc) == 0)
        return ends(doc, err);
    switch (*doc->at) {
    case '{':
        return skip_object(doc, depth, err);
    case '[':
        return skip_array(doc, depth, err);
    case 'S':
        doc->at++;
        return read_bytes(doc, &text, err);
    case 'T':
    case 'F':
    case 'Z':
        doc->at++;
        return WEIR_OK;
    }
    size_t n = type_bytes(*doc->at);
    if (n == 0)
        return weir_format_doc_expected(doc, "a value", err);
    if (left(doc) < 1 + n)
        return ends(doc, err);
    doc->at += 1 + n;
    return WEIR_OK;
}

enum weir_status weir_format_doc_ubjson_skip(struct weir_format_doc *doc, struct weir_error *err)
{
    return skip_value(doc, doc->n_steps, err);
}

/* --- values --- */

enum weir_status weir_format_doc_ubjson_text(struct weir_format_doc *doc, struct weir_str *out,
                                             struct weir_error *err)
{
    struct weir_str text;
    if (left(doc) == 0 || *doc->at != 'S')
        return weir_format_doc_expected(doc, "a text", err);
    doc->at++;
    enum weir_status status = read_bytes(doc, &text, err);
    if (status != WEIR_OK)
        return status;
    *out = weir_arena_str(doc->arena, text);
    if (!out->at)
        return weir_format_doc_fail(doc, WEIR_ERR_NO_MEMORY, err, "no memory for the load");
    return WEIR_OK;
}

enum weir_status weir_format_doc_ubjson_number(struct weir_format_doc *doc, bool is_whole,
                                               int64_t *i, double *f, struct weir_error *err)
{
    size_t n = left(doc) ? type_bytes(*doc->at) : 0;
    if (is_whole || n == 0 || !is_float_type(*doc->at)) {
        enum weir_status status = read_whole(doc, i, err);
        if (status == WEIR_OK && !is_whole)
            *f = (double)*i;
        return status;
    }
    if (left(doc) < 1 + n)
        return ends(doc, err);
    *f = load_float(doc->at + 1, *doc->at);
    doc->at += 1 + n;
    return WEIR_OK;
}

/* Keeps one number; false: it does not fit the element. */
static bool put_number(struct weir_format_doc *doc, enum weir_format_doc_element element,
                       const char *at, char type)
{
    if (!is_float_type(type))
        return weir_format_doc_put_i64(doc, element, load_whole(at, type));
    double v = load_float(at, type);
    if (element == WEIR_FORMAT_DOC_F32)
        weir_buf_append(&doc->scratch, &(float){(float)v}, sizeof(float));
    else if (element == WEIR_FORMAT_DOC_F64)
        weir_buf_append(&doc->scratch, &v, sizeof v);
    else
        return false;
    return true;
}

/* Copies a typed array whose elements have the width that is wanted, turning their bytes. */
static bool put_turned(struct weir_format_doc *doc, enum weir_format_doc_element element, char type,
                       size_t n)
{
    bool is_same = (element == WEIR_FORMAT_DOC_F32 && type == 'd') ||
                   (element == WEIR_FORMAT_DOC_I32 && type == 'l');
    if (!is_same || weir_buf_reserve(&doc->scratch, n * 4) != WEIR_OK)
        return false;
    char *to = doc->scratch.at + doc->scratch.n;
    for (size_t i = 0; i < n; i++) {
        uint32_t v = (uint32_t)load(doc->at + 4 * i, 4);
        memcpy(to + 4 * i, &v, 4);
    }
    doc->scratch.n += n * 4;
    return true;
}

static enum weir_status wrong_numbers(struct weir_format_doc *doc,
                                      enum weir_format_doc_element element, struct weir_error *err)
{
    const char *what = element == WEIR_FORMAT_DOC_FLAG ? "zeros and ones"
                       : element == WEIR_FORMAT_DOC_F32 || element == WEIR_FORMAT_DOC_F64
                           ? "numbers"
                           : "whole numbers";
    return weir_format_doc_expected(doc, what, err);
}

/* Reads an element with a marker of its own. */
static enum weir_status read_marked(struct weir_format_doc *doc,
                                    enum weir_format_doc_element element, struct weir_error *err)
{
    if (left(doc) == 0)
        return ends(doc, err);
    char type = *doc->at;
    if (element == WEIR_FORMAT_DOC_FLAG && (type == 'T' || type == 'F')) {
        doc->at++;
        (void)weir_format_doc_put_i64(doc, element, type == 'T');
        return WEIR_OK;
    }
    size_t size = type_bytes(type);
    if (size == 0)
        return wrong_numbers(doc, element, err);
    if (left(doc) < 1 + size)
        return ends(doc, err);
    if (!put_number(doc, element, doc->at + 1, type))
        return wrong_numbers(doc, element, err);
    doc->at += 1 + size;
    return WEIR_OK;
}

enum weir_status weir_format_doc_ubjson_numbers(struct weir_format_doc *doc,
                                                enum weir_format_doc_element element,
                                                struct weir_error *err)
{
    struct head head;
    if (!weir_format_doc_is_array(doc))
        return weir_format_doc_expected(doc, "an array of numbers", err);
    enum weir_status status = read_head(doc, &head, err);
    if (status != WEIR_OK)
        return status;
    if (head.type) {
        size_t size = type_bytes(head.type);
        if (!put_turned(doc, element, head.type, head.count))
            for (size_t i = 0; i < head.count; i++)
                if (!put_number(doc, element, doc->at + i * size, head.type))
                    return wrong_numbers(doc, element, err);
        doc->at += head.count * size;
        return WEIR_OK;
    }
    for (size_t i = 0; goes_on(doc, &head, i); i++) {
        status = read_marked(doc, element, err);
        if (status != WEIR_OK)
            return status;
    }
    return check_closed(doc, &head, err);
}

/* --- objects and arrays --- */

enum weir_status weir_format_doc_ubjson_members(struct weir_format_doc *doc,
                                                weir_format_doc_member_fn *fn, void *ctx,
                                                struct weir_error *err)
{
    enum weir_status status = weir_format_doc_enter(doc, err);
    if (status != WEIR_OK)
        return status;
    doc->at++;
    while (left(doc) > 0 && *doc->at != '}') {
        struct weir_str name = {"", 0};
        doc->path[doc->n_steps - 1].name = WEIR_STR("");
        status = read_bytes(doc, &name, err);
        if (status != WEIR_OK)
            return status;
        doc->path[doc->n_steps - 1].name = name;
        status = fn(doc, ctx, name, err);
        if (status != WEIR_OK)
            return status;
    }
    if (left(doc) == 0)
        return ends(doc, err);
    doc->n_steps--;
    doc->at++;
    return WEIR_OK;
}

enum weir_status weir_format_doc_ubjson_array(struct weir_format_doc *doc,
                                              weir_format_doc_element_fn *fn, void *ctx,
                                              struct weir_error *err)
{
    struct head head;
    enum weir_status status = weir_format_doc_enter(doc, err);
    if (status == WEIR_OK)
        status = read_head(doc, &head, err);
    if (status != WEIR_OK)
        return status;
    if (head.type && head.count > 0)
        return weir_format_doc_expected(doc, "an array without a type", err);
    for (size_t i = 0; goes_on(doc, &head, i); i++) {
        doc->path[doc->n_steps - 1].index = i;
        status = fn(doc, ctx, i, err);
        if (status != WEIR_OK)
            return status;
    }
    doc->n_steps--;
    return check_closed(doc, &head, err);
}
