/* SPDX-License-Identifier: MIT */
/* Elements of tensors: JSON values into memory of any element type.
 *
 * The types are the model's. What the client sends is converted if nothing is lost but digits of a
 * float: whole numbers must be whole and in range, texts are only texts. */
#include "codec/half.h"
#include "protocol/tensors_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void weir_protocol_tensors_init(struct weir_protocol_tensors *t,
                                struct weir_protocol_decoder *decoder, const struct weir_spec *spec,
                                struct weir_sink *sink, struct weir_protocol_call *call,
                                struct weir_error *err)
{
    t->decoder = decoder;
    t->spec = spec;
    t->call = call;
    t->sink = sink;
    t->err = err;
    t->given = 0;
    t->takes_none = false;
    t->base = NULL;
    t->takes_b64 = false;
    t->is_strict = false;
    t->ignores_extra = false;
    memset(t->shapes, 0, spec->tensors->n_inputs * sizeof *t->shapes);
}

bool weir_protocol_tensors_find(const struct weir_protocol_tensors *t, struct weir_str written,
                                size_t *out)
{
    const struct weir_tensors_spec *spec = t->spec->tensors;
    for (size_t i = 0; i < spec->n_inputs; i++) {
        if (weir_codec_json_string_eq(written, weir_str_c(spec->inputs[i].name))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static uint64_t n_items(const struct weir_tensors_shape *shape)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < shape->n_dims; i++)
        n *= shape->dims[i]; /* weir_tensors_check_shape saw to it that it fits */
    return n;
}

/* Checks every input and finds the number of rows and of elements. */
static enum weir_status check(struct weir_protocol_tensors *t, uint64_t *n_rows, uint64_t *n_cells)
{
    const struct weir_tensors_spec *spec = t->spec->tensors;
    *n_rows = 1;
    *n_cells = 0;
    for (size_t i = 0; i < spec->n_inputs; i++) {
        if (!(t->given & UINT64_C(1) << i))
            return weir_error_set(t->err, WEIR_ERR_INVALID, "input \"%.64s\" is missing",
                                  spec->inputs[i].name);
        const struct weir_tensors_shape *shape = &t->shapes[i];
        enum weir_status status = weir_tensors_check_shape(spec, i, shape, t->err);
        if (status != WEIR_OK)
            return status;
        if (spec->is_batched && shape->dims[0] == 0 && !t->takes_none)
            return weir_error_set(t->err, WEIR_ERR_INVALID, "input \"%.64s\": no rows",
                                  spec->inputs[i].name);
        if (spec->is_batched && shape->dims[0] != t->shapes[0].dims[0])
            return weir_error_set(t->err, WEIR_ERR_INVALID,
                                  "input \"%.64s\" has not as many rows as \"%.64s\"",
                                  spec->inputs[i].name, spec->inputs[0].name);
        if (__builtin_add_overflow(*n_cells, n_items(shape), n_cells))
            *n_cells = UINT64_MAX;
    }
    if (spec->is_batched)
        *n_rows = t->shapes[0].dims[0];
    return WEIR_OK;
}

static char nothing[1]; /* where a request of no rows would be written */

enum weir_status weir_protocol_tensors_reserve_for(struct weir_protocol_tensors *t,
                                                   size_t text_bytes)
{
    const struct weir_tensors_spec *spec = t->spec->tensors;
    const struct weir_protocol_limits *l = &t->decoder->limits;
    uint64_t n_rows;
    uint64_t n_cells;
    enum weir_status status = check(t, &n_rows, &n_cells);
    if (status != WEIR_OK)
        return status;
    if (n_rows > l->n_rows_max || n_rows > UINT32_MAX)
        return weir_error_set(t->err, WEIR_ERR_LIMIT, "%llu rows; one request may have %llu",
                              (unsigned long long)n_rows, (unsigned long long)l->n_rows_max);
    if (n_cells > l->n_cells_max)
        return weir_error_set(t->err, WEIR_ERR_LIMIT, "%llu values; one request may have %llu",
                              (unsigned long long)n_cells, (unsigned long long)l->n_cells_max);
    t->call->n_rows = (uint32_t)n_rows;
    if (n_rows == 0) {
        memset(t->offsets, 0, sizeof t->offsets);
        t->base = nothing;
        return WEIR_OK;
    }
    struct weir_sink_tensors tensors = {
        .spec = spec, .shapes = t->shapes, .wanted = t->call->tensors};
    if (!weir_tensors_layout(spec, t->shapes, n_rows, t->offsets, &tensors.row_bytes))
        return weir_error_set(t->err, WEIR_ERR_LIMIT, "the inputs are too large");
    struct weir_sink_want want = {.n_rows = (size_t)n_rows,
                                  .dtype = WEIR_F64,
                                  .text_bytes = text_bytes,
                                  .priority = t->call->priority,
                                  .queue_timeout_ns = t->call->timeout_ns,
                                  .tensors = &tensors};
    struct weir_sink_span span;
    status = weir_sink_reserve(t->sink, &want, &span, t->err);
    t->base = status == WEIR_OK ? span.base : NULL;
    return status;
}

enum weir_status weir_protocol_tensors_reserve(struct weir_protocol_tensors *t, const char *json,
                                               uint64_t raw, size_t raw_text_bytes)
{
    const struct weir_tensors_spec *spec = t->spec->tensors;
    uint64_t n_values = t->decoder->json.n_values;
    uint64_t n_rows;
    uint64_t n_cells;
    enum weir_status status = check(t, &n_rows, &n_cells);
    if (status != WEIR_OK)
        return status;
    uint64_t n_json = 0; /* elements that must be in it */
    uint64_t n_texts = 0;
    for (size_t i = 0; i < spec->n_inputs; i++) {
        if (raw & UINT64_C(1) << i)
            continue;
        if (__builtin_add_overflow(n_json, n_items(&t->shapes[i]), &n_json))
            n_json = UINT64_MAX;
        if (spec->inputs[i].dtype == WEIR_BYTES)
            n_texts += weir_min_size(n_items(&t->shapes[i]), n_values);
    }
    if (n_cells <= t->decoder->limits.n_cells_max && n_json > n_values)
        return weir_error_set(t->err, WEIR_ERR_INVALID,
                              "fewer than the %llu values of the inputs' shapes",
                              (unsigned long long)n_json);
    size_t text_bytes = raw_text_bytes;
    if (n_texts > 0)
        text_bytes += n_texts * weir_sink_text_bytes(0) + (size_t)(t->decoder->json.end - json);
    return weir_protocol_tensors_reserve_for(t, text_bytes);
}

static bool fail(struct weir_protocol_tensors *t, const struct weir_protocol_tensors_from *from,
                 uint64_t i, const char *expected, const char *at)
{
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    (void)weir_error_set(t->err, WEIR_ERR_INVALID, "%s: element %llu: expected %s, got %s",
                         from->place, (unsigned long long)i, expected,
                         weir_codec_json_echo(&t->decoder->json, at, echo, sizeof echo));
    return false;
}

static void put_float(char *to, enum weir_dtype dtype, double v)
{
    float narrow = (float)v;
    uint16_t half = dtype == WEIR_F16    ? weir_codec_half_of(v)
                    : dtype == WEIR_BF16 ? weir_codec_half_brain_of(v)
                                         : 0;
    if (dtype == WEIR_F64)
        memcpy(to, &v, sizeof v);
    else if (dtype == WEIR_F32)
        memcpy(to, &narrow, sizeof narrow);
    else
        memcpy(to, &half, sizeof half);
}

static bool is_float(enum weir_dtype dtype)
{
    return dtype == WEIR_F32 || dtype == WEIR_F64 || dtype == WEIR_F16 || dtype == WEIR_BF16;
}

/* Writes a float that the fast reader left, or one of the small types. */
static bool fill_float(struct weir_protocol_tensors *t,
                       const struct weir_protocol_tensors_from *from, const char *at, uint64_t i,
                       char *to)
{
    double v = (double)NAN;
    switch (weir_codec_json_kind(at)) {
    case WEIR_CODEC_JSON_NUMBER:
        (void)weir_codec_number_read_f64(weir_codec_json_token(at, t->decoder->json.end), &v);
        if (isinf(v) || (from->dtype == WEIR_F32 && isinf((float)v)) ||
            (from->dtype == WEIR_F16 && fabs(v) >= 65520.0))
            return fail(t, from, i, "a number in the range of the type", at);
        break;
    case WEIR_CODEC_JSON_NONFINITE:
        (void)weir_codec_number_read_nonfinite(weir_codec_json_token(at, t->decoder->json.end), &v);
        break;
    case WEIR_CODEC_JSON_NULL:
        break;
    case WEIR_CODEC_JSON_TRUE:
    case WEIR_CODEC_JSON_FALSE:
        v = *at == 't' ? 1 : 0;
        break;
    case WEIR_CODEC_JSON_STRING:
    case WEIR_CODEC_JSON_ARRAY:
    case WEIR_CODEC_JSON_OBJECT:
        return fail(t, from, i, "a number", at);
    }
    put_float(to, from->dtype, v);
    return true;
}

static bool fill_whole(struct weir_protocol_tensors *t,
                       const struct weir_protocol_tensors_from *from, const char *at, uint64_t i,
                       char *to)
{
    int64_t v = 0;
    uint64_t u = *at == 't';
    bool fits = from->dtype == WEIR_BOOL && (*at == 't' || *at == 'f');
    if (!fits && weir_codec_json_kind(at) == WEIR_CODEC_JSON_NUMBER) {
        struct weir_str token = weir_codec_json_token(at, t->decoder->json.end);
        fits =
            weir_protocol_fill_read_whole(token, from->dtype, &v, &u) == WEIR_CODEC_NUMBER_INT_OK;
        if (*at == '-')
            u = (uint64_t)v;
    }
    if (!fits) {
        char expected[48];
        (void)snprintf(expected, sizeof expected, "%s",
                       from->dtype == WEIR_BOOL ? "true or false" : "a whole number");
        if (from->dtype != WEIR_BOOL)
            (void)snprintf(expected, sizeof expected, "a whole number in the range of %s",
                           weir_dtype_name(from->dtype));
        return fail(t, from, i, expected, at);
    }
    memcpy(to, &u, weir_dtype_size(from->dtype)); /* Little-endian: the low bytes come first. */
    return true;
}

static bool fill_text(struct weir_protocol_tensors *t,
                      const struct weir_protocol_tensors_from *from, const char *at, uint64_t i,
                      char *to)
{
    struct weir_str written;
    bool is_b64 = t->takes_b64 && weir_protocol_cells_is_b64(&t->decoder->json, at, &written);
    if (!is_b64 && weir_codec_json_kind(at) != WEIR_CODEC_JSON_STRING)
        return fail(t, from, i, "a text", at);
    struct weir_protocol_fill fill = {.decoder = t->decoder, .sink = t->sink};
    const struct weir_cell_text *text =
        is_b64 ? weir_protocol_cells_b64(&fill, written)
               : weir_protocol_cells_text(&fill, weir_codec_json_string(at));
    if (!text && !fill.is_out_of_memory)
        return fail(t, from, i, "base64 in \"b64\"", at);
    if (!text) {
        (void)weir_error_set(t->err, WEIR_ERR_NO_MEMORY, "out of memory");
        return false;
    }
    struct weir_text item = {text->at, text->n};
    memcpy(to, &item, sizeof item);
    return true;
}

static bool fill_one(struct weir_protocol_tensors *t, const struct weir_protocol_tensors_from *from,
                     const char *at, uint64_t i, char *to)
{
    if (from->dtype == WEIR_BYTES)
        return fill_text(t, from, at, i, to);
    return is_float(from->dtype) ? fill_float(t, from, at, i, to) : fill_whole(t, from, at, i, to);
}

/* Reads as many plain numbers as there are, for the common types. */
static const char *fill_run(struct weir_protocol_tensors *t,
                            const struct weir_protocol_tensors_from *from, const char *at,
                            uint64_t i, size_t *n)
{
    *n = 0;
    if (from->dtype != WEIR_F32 && from->dtype != WEIR_F64)
        return at;
    /* A library that is given doubles reads doubles and casts; one that is given floats floats. */
    bool is_f32 = from->request == WEIR_F32;
    enum weir_codec_json_element element =
        from->dtype == WEIR_F64 ? (is_f32 ? WEIR_CODEC_JSON_F64_BY_F32 : WEIR_CODEC_JSON_F64)
                                : (is_f32 ? WEIR_CODEC_JSON_F32 : WEIR_CODEC_JSON_F32_BY_F64);
    size_t size = weir_dtype_size(from->dtype);
    return weir_codec_json_rows_read(&t->decoder->json, at, element, from->to + i * size, size,
                                     (size_t)(from->n_items - i), n);
}

static bool fail_nesting(struct weir_protocol_tensors *t,
                         const struct weir_protocol_tensors_from *from)
{
    char text[96];
    int64_t dims[WEIR_TENSOR_DIMS_MAX] = {0};
    for (uint32_t k = 0; k < from->nesting->n_dims; k++)
        dims[k] = (int64_t)from->nesting->dims[k];
    weir_tensors_dims_text(dims, from->nesting->n_dims, text, sizeof text);
    (void)weir_error_set(t->err, WEIR_ERR_INVALID,
                         "%s: the lists are not nested evenly: the first ones are of shape %s",
                         from->place, text);
    return false;
}

static bool fail_count(struct weir_protocol_tensors *t,
                       const struct weir_protocol_tensors_from *from, bool has_more)
{
    (void)weir_error_set(t->err, WEIR_ERR_INVALID, "%s: %s than the %llu values of the shape",
                         from->place, has_more ? "more" : "fewer",
                         (unsigned long long)from->n_items);
    return false;
}

bool weir_protocol_tensors_fill(struct weir_protocol_tensors *t,
                                const struct weir_protocol_tensors_from *from)
{
    const struct weir_tensors_shape *nesting = from->nesting;
    size_t size = weir_tensor_item_bytes(from->dtype);
    if (*from->value != '[')
        return nesting && nesting->n_dims == 0 ? fill_one(t, from, from->value, 0, from->to)
                                               : fail(t, from, 0, "a list", from->value);
    uint64_t counts[WEIR_TENSOR_DIMS_MAX] = {0}; /* in the lists that are open; strict only */
    size_t depth = 0;
    uint64_t i = 0;
    const char *at = from->value;
    do {
        size_t n = 0;
        if (*at == '[') {
            if (nesting && depth == nesting->n_dims)
                return fail_nesting(t, from);
            if (nesting)
                counts[depth] = 0;
            depth++;
            at = weir_codec_json_rows_first(at);
            continue;
        }
        if (*at == ']') {
            if (nesting && counts[depth - 1] != nesting->dims[depth - 1])
                return fail_nesting(t, from);
            depth--;
            if (nesting && depth > 0)
                counts[depth - 1]++;
            if (depth > 0)
                at = weir_codec_json_rows_after(at + 1);
            continue;
        }
        if (nesting && depth != nesting->n_dims)
            return fail_nesting(t, from);
        if (i == from->n_items)
            return nesting ? fail_nesting(t, from) : fail_count(t, from, true);
        at = fill_run(t, from, at, i, &n);
        if (n == 0) {
            if (!fill_one(t, from, at, i, from->to + i * size))
                return false;
            at = weir_codec_json_rows_after(weir_codec_json_skip(&t->decoder->json, at));
            n = 1;
        }
        i += n;
        if (nesting)
            counts[depth - 1] += n;
    } while (depth > 0);
    return i == from->n_items || fail_count(t, from, false);
}
