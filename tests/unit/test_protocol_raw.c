/* SPDX-License-Identifier: MIT */
/* Binary elements: each type into rows and tensors, what is refused, and results back to bytes. */
#include "base/macros.h"
#include "codec/half.h"
#include "protocol/raw.h"
#include "test_mem.h"
#include "test_sink.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct weir_test_sink sink;
    struct weir_protocol_fill fill;
    struct weir_error err;
    char *exact; /* the bytes, in a block of exactly their size and at an odd address */
};

static void bench_init(struct bench *b, const struct weir_spec *spec, enum weir_dtype dtype,
                       size_t n_rows, size_t text_bytes)
{
    memset(b, 0, sizeof *b);
    weir_test_sink_init(&b->sink);
    b->fill = (struct weir_protocol_fill){.spec = spec, .sink = &b->sink.sink, .err = &b->err};
    struct weir_sink_want want = {
        .n_rows = n_rows, .n_columns = spec->n_features, .dtype = dtype, .text_bytes = text_bytes};
    cr_assert_eq(weir_sink_reserve(&b->sink.sink, &want, &b->fill.span, NULL), WEIR_OK);
}

static void bench_deinit(struct bench *b)
{
    weir_test_sink_deinit(&b->sink);
    free(b->exact);
}

static struct weir_protocol_raw raw_of(struct bench *b, enum weir_dtype dtype, const void *bytes,
                                       size_t n_bytes, uint64_t n_items)
{
    free(b->exact);
    b->exact = malloc(n_bytes + 1);
    cr_assert(b->exact);
    memcpy(b->exact + 1, bytes, n_bytes);
    return (struct weir_protocol_raw){.bytes = weir_str_make(b->exact + 1, n_bytes),
                                      .dtype = dtype,
                                      .n_items = n_items,
                                      .place = "inputs[0].data"};
}

/* 2 × 2 elements of each type. */
static const struct {
    enum weir_dtype dtype;
    const char *bytes;
    size_t n_bytes;
    double values[4];
} numbers[] = {
    {WEIR_BOOL, "\0\1\2\0", 4, {0, 1, 1, 0}},
    {WEIR_U8, "\0\1\177\377", 4, {0, 1, 127, 255}},
    {WEIR_U16, "\1\0\0\1\377\377\0\0", 8, {1, 256, 65535, 0}},
    {WEIR_U32, "\1\0\0\0\0\0\0\1\377\377\377\377\2\0\0\0", 16, {1, 16777216, 4294967295.0, 2}},
    {WEIR_U64,
     "\1\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377\0\0\0\0\0\0\0\200\2\0\0\0\0\0\0\0",
     32,
     {1, 0x1p64, 0x1p63, 2}},
    {WEIR_I8, "\377\200\177\1", 4, {-1, -128, 127, 1}},
    {WEIR_I16, "\377\377\0\200\377\177\1\0", 8, {-1, -32768, 32767, 1}},
    {WEIR_I32, "\377\377\377\377\0\0\0\200\1\0\0\0\2\0\0\0", 16, {-1, -2147483648.0, 1, 2}},
    {WEIR_I64,
     "\377\377\377\377\377\377\377\377\0\0\0\0\0\0\0\200\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0",
     32,
     {-1, -0x1p63, 1, 2}},
    {WEIR_F16, "\0\74\0\300\1\0\377\173", 8, {1, -2, 0x1p-24, 65504}},
    {WEIR_BF16, "\200\77\0\300\100\100\0\0", 8, {1, -2, 3, 0}},
    {WEIR_F32, "\0\0\200\77\0\0\0\300\0\0\100\100\0\0\0\0", 16, {1, -2, 3, 0}},
    {WEIR_F64,
     "\0\0\0\0\0\0\360\77\0\0\0\0\0\0\0\300\0\0\0\0\0\0\10\100\0\0\0\0\0\0\0\0",
     32,
     {1, -2, 3, 0}},
};

ParameterizedTestParameters(protocol_raw, types_become_rows)
{
    static size_t rows[WEIR_ARRAY_LEN(numbers)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, protocol_raw, types_become_rows)
{
    struct weir_spec spec = weir_test_spec_regressor(2);
    for (int is_f32 = 0; is_f32 < 2; is_f32++) {
        for (int by_column = 0; by_column < 2; by_column++) {
            struct bench b;
            bench_init(&b, &spec, is_f32 ? WEIR_F32 : WEIR_F64, 2, 0);
            struct weir_protocol_raw raw =
                raw_of(&b, numbers[*row].dtype, numbers[*row].bytes, numbers[*row].n_bytes, 4);
            cr_assert_eq(weir_protocol_raw_check(&raw, NULL, &b.err), WEIR_OK);
            if (by_column) {
                raw.n_items = 2;
                raw.bytes.n /= 2;
                cr_assert(weir_protocol_raw_fill_rows(&b.fill, &raw, 0));
                raw.bytes.at += raw.bytes.n;
                cr_assert(weir_protocol_raw_fill_rows(&b.fill, &raw, 1));
            } else {
                cr_assert(weir_protocol_raw_fill_rows(&b.fill, &raw, SIZE_MAX));
            }
            for (size_t i = 0; i < 4; i++) {
                double v = numbers[*row].values[by_column ? i / 2 + 2 * (i % 2) : i];
                double got = weir_test_sink_at(&b.sink, i / 2, i % 2);
                cr_assert_eq(got, is_f32 ? (double)(float)v : v, "%s %zu: %g",
                             weir_dtype_name(numbers[*row].dtype), i, got);
            }
            bench_deinit(&b);
        }
    }
}

Test(protocol_raw, elements_come_in_pieces_and_in_columns_that_lie_apart)
{
    struct weir_spec spec = weir_test_spec_regressor(3);
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    struct bench b;
    bench_init(&b, &spec, WEIR_F32, 2, 0);
    b.fill.span.column_stride = 2 * sizeof(float); /* column-major */
    b.fill.span.row_stride = sizeof(float);
    b.sink.is_column_major = true;
    struct weir_protocol_raw raw = raw_of(&b, WEIR_F32, values, sizeof values, 6);
    for (size_t i = 0; i < 6; i += 2) {
        struct weir_protocol_raw piece = raw;
        piece.first = i;
        piece.n_items = 2;
        piece.bytes = weir_str_make(raw.bytes.at + i * sizeof(float), 2 * sizeof(float));
        cr_assert(weir_protocol_raw_fill_rows(&b.fill, &piece, SIZE_MAX));
    }
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(weir_test_sink_at(&b.sink, i / 3, i % 3), (double)values[i]);
    bench_deinit(&b);
}

Test(protocol_raw, missing_and_infinite_values_are_refused_with_their_place)
{
    static const struct {
        double values[4];
        enum weir_dtype dtype;
        const char *message;
    } cases[] = {
        {{1, 2, (double)NAN, 4},
         WEIR_F64,
         "inputs[0].data: row 1, column 0: NaN is a missing value, and this model refuses those"},
        {{1, -(double)INFINITY, 3, 4},
         WEIR_F64,
         "inputs[0].data: row 0, column 1: -infinity, or a number that is too large for float64"},
        {{1, 2, 3, 1e300},
         WEIR_F32,
         "inputs[0].data: row 1, column 1: infinity, or a number that is too large for float32"},
    };
    struct weir_spec spec = weir_test_spec_regressor(2);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct bench b;
        bench_init(&b, &spec, cases[i].dtype, 2, 0);
        struct weir_protocol_raw raw =
            raw_of(&b, WEIR_F64, cases[i].values, sizeof cases[i].values, 4);
        cr_assert_not(weir_protocol_raw_fill_rows(&b.fill, &raw, SIZE_MAX));
        cr_assert_str_eq(b.err.msg, cases[i].message);
        struct weir_spec lenient = spec;
        lenient.allows_nan = lenient.allows_inf = true;
        b.fill.spec = &lenient;
        cr_assert(weir_protocol_raw_fill_rows(&b.fill, &raw, SIZE_MAX));
        bench_deinit(&b);
    }
}

/* age, city, grade, height: number, text, mixed, number. */
#define FRAME_ROW \
    "\2\0\0\0"    \
    "42"          \
    "\4\0\0\0"    \
    "Oslo"        \
    "\1\0\0\0"    \
    "A"           \
    "\3\0\0\0"    \
    "1.5"

Test(protocol_raw, texts_become_cells)
{
    struct weir_spec spec = weir_test_spec_frame();
    size_t text_bytes = 0;
    struct bench b;
    bench_init(&b, &spec, WEIR_F64, 1, 256);
    struct weir_protocol_raw raw = raw_of(&b, WEIR_BYTES, FRAME_ROW, sizeof FRAME_ROW - 1, 4);
    cr_assert_eq(weir_protocol_raw_check(&raw, &text_bytes, &b.err), WEIR_OK);
    cr_assert_eq(text_bytes, weir_sink_text_bytes(2) + weir_sink_text_bytes(4) +
                                 weir_sink_text_bytes(1) + weir_sink_text_bytes(3));
    cr_assert(weir_protocol_raw_fill_rows(&b.fill, &raw, SIZE_MAX), "%s", b.err.msg);
    cr_assert_eq(weir_test_sink_at(&b.sink, 0, 0), 42.0);
    const double *cells = b.sink.rows;
    cr_assert(weir_cell_is_text(cells[1]));
    cr_assert(weir_str_eq(weir_cell_text(cells[1]), WEIR_STR("Oslo")));
    cr_assert(weir_cell_is_text(cells[2]));
    cr_assert_eq(cells[3], 1.5);
    bench_deinit(&b);
}

Test(protocol_raw, texts_that_cannot_be_cells_are_refused)
{
    static const struct {
        size_t column;
        const char *bytes;
        size_t n;
        const char *message;
    } cases[] = {
        {0, "\3\0\0\0abc", 7,
         "inputs[0].data: row 0, column \"age\": expected a number, got \"abc\""},
        {1, "\2\0\0\0\xc3\x28", 6, "inputs[0].data: row 0, column \"city\": the text is not UTF-8"},
    };
    struct weir_spec spec = weir_test_spec_frame();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct bench b;
        bench_init(&b, &spec, WEIR_F64, 1, 64);
        struct weir_protocol_raw raw = raw_of(&b, WEIR_BYTES, cases[i].bytes, cases[i].n, 1);
        cr_assert_eq(weir_protocol_raw_check(&raw, NULL, &b.err), WEIR_OK);
        cr_assert_not(weir_protocol_raw_fill_rows(&b.fill, &raw, cases[i].column));
        cr_assert_str_eq(b.err.msg, cases[i].message);
        bench_deinit(&b);
    }
}

Test(protocol_raw, no_client_can_forge_a_text_s_address)
{
    struct weir_spec spec = weir_test_spec_frame();
    double forged = weir_cell_from_bits(WEIR_CELL_TAG_TEXT << 48 | 0x1000);
    struct bench b;
    bench_init(&b, &spec, WEIR_F64, 1, 0);
    struct weir_protocol_raw raw = raw_of(&b, WEIR_F64, &forged, sizeof forged, 1);
    cr_assert(weir_protocol_raw_fill_rows(&b.fill, &raw, 2));
    cr_assert_not(weir_cell_is_text(((const double *)b.sink.rows)[2]));
    cr_assert(isnan(((const double *)b.sink.rows)[2]));
    bench_deinit(&b);
}

Test(protocol_raw, bytes_must_be_exactly_those_of_the_elements)
{
    static const struct {
        enum weir_dtype dtype;
        const char *bytes;
        size_t n;
        uint64_t n_items;
        bool is_bare;
        bool is_right;
    } cases[] = {
        {WEIR_F32, "\0\0\0\0", 4, 1, false, true},
        {WEIR_F32, "\0\0\0\0", 4, 2, false, false},
        {WEIR_F32, "\0\0\0\0", 3, 1, false, false},
        {WEIR_F32, "", 0, 0, false, true},
        {WEIR_F64, "", 0, UINT64_MAX / 4, false, false}, /* the product overflows */
        {WEIR_BYTES, "\1\0\0\0a\0\0\0\0", 9, 2, false, true},
        {WEIR_BYTES, "\1\0\0\0a\0\0\0\0", 9, 1, false, false}, /* something is left */
        {WEIR_BYTES, "\1\0\0\0a", 5, 2, false, false},
        {WEIR_BYTES, "\2\0\0\0a", 5, 1, false, false}, /* beyond the end */
        {WEIR_BYTES, "\377\377\377\377a", 5, 1, false, false},
        {WEIR_BYTES, "\0\0\0", 3, 1, false, false},
        {WEIR_BYTES, "\2\0\0\0a", 5, 1, true, true},
        {WEIR_BYTES, "", 0, 1, true, true},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        char *exact = malloc(cases[i].n + !cases[i].n);
        memcpy(exact, cases[i].bytes, cases[i].n);
        struct weir_protocol_raw raw = {.bytes = weir_str_make(exact, cases[i].n),
                                        .dtype = cases[i].dtype,
                                        .is_bare = cases[i].is_bare,
                                        .n_items = cases[i].n_items,
                                        .place = "inputs[0].data"};
        enum weir_status status = weir_protocol_raw_check(&raw, NULL, &err);
        cr_assert_eq(status == WEIR_OK, cases[i].is_right, "case %zu: %s", i, err.msg);
        free(exact);
    }
}

/* From one type to another: 0 what cannot be. */
static const struct {
    enum weir_dtype from;
    double value;
    enum weir_dtype to;
    bool fits;
} conversions[] = {
    {WEIR_F64, 3, WEIR_I64, true},
    {WEIR_F64, 3.5, WEIR_I64, false},
    {WEIR_F64, -1, WEIR_U8, false},
    {WEIR_F64, 255, WEIR_U8, true},
    {WEIR_F64, 256, WEIR_U8, false},
    {WEIR_I64, -129, WEIR_I8, false},
    {WEIR_I64, -128, WEIR_I8, true},
    {WEIR_I64, 128, WEIR_I8, false},
    {WEIR_I64, 1, WEIR_BOOL, true},
    {WEIR_I64, 2, WEIR_BOOL, false},
    {WEIR_F64, 1e39, WEIR_F32, false},
    {WEIR_F64, 65519, WEIR_F16, true},
    {WEIR_F64, 65520, WEIR_F16, false},
    {WEIR_F64, 1e39, WEIR_BF16, false},
    {WEIR_F32, 0x1p63, WEIR_U64, true},
    {WEIR_F32, 0x1p63, WEIR_I64, false},
    {WEIR_F32, 0x1p64, WEIR_U64, false},
    {WEIR_F32, -0x1p63, WEIR_I64, true},
    {WEIR_F64, (double)NAN, WEIR_F32, true},
    {WEIR_F64, (double)INFINITY, WEIR_F16, true},
    {WEIR_F64, (double)NAN, WEIR_I32, false},
    {WEIR_BOOL, 1, WEIR_F32, true},
};

static void put(char *to, enum weir_dtype dtype, double v)
{
    float narrow = (float)v;
    int64_t whole = dtype == WEIR_I64 || dtype == WEIR_BOOL ? (int64_t)v : 0;
    memcpy(to,
           dtype == WEIR_F64   ? (void *)&v
           : dtype == WEIR_F32 ? (void *)&narrow
                               : (void *)&whole,
           weir_dtype_size(dtype));
}

static double get(const char *at, enum weir_dtype dtype)
{
    double wide;
    float narrow;
    uint16_t half;
    uint64_t u = 0;
    size_t size = weir_dtype_size(dtype);
    memcpy(&u, at, size);
    memcpy(&wide, &u, sizeof wide);
    memcpy(&narrow, &u, sizeof narrow);
    memcpy(&half, &u, sizeof half);
    if (dtype == WEIR_F64)
        return wide;
    if (dtype == WEIR_F32)
        return (double)narrow;
    if (dtype == WEIR_F16)
        return (double)weir_codec_half_value(half);
    if (dtype == WEIR_BF16)
        return (double)weir_codec_half_brain_value(half);
    bool is_signed =
        dtype == WEIR_I8 || dtype == WEIR_I16 || dtype == WEIR_I32 || dtype == WEIR_I64;
    return is_signed ? (double)((int64_t)(u << (64 - 8 * size)) >> (64 - 8 * size)) : (double)u;
}

Test(protocol_raw, numbers_become_the_model_s_type_where_they_fit)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(conversions); i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        char from[8];
        char to[8] = {0};
        put(from, conversions[i].from, conversions[i].value);
        struct weir_protocol_raw raw = {
            .bytes = weir_str_make(from, weir_dtype_size(conversions[i].from)),
            .dtype = conversions[i].from,
            .n_items = 1,
            .place = "inputs[0].data"};
        bool fits = weir_protocol_raw_fill_tensor(NULL, &raw, conversions[i].to, to, &err);
        cr_assert_eq(fits, conversions[i].fits, "case %zu: %s", i, err.msg);
        double v = conversions[i].value;
        if (conversions[i].to == WEIR_F16 && isfinite(v))
            v = 65504;
        if (fits)
            cr_assert(get(to, conversions[i].to) == v || isnan(v), "case %zu", i);
        else
            cr_assert(strstr(err.msg, "inputs[0].data: element 0: "), "case %zu: %s", i, err.msg);
    }
}

Test(protocol_raw, all_types_are_copied_into_their_own)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(numbers); i++) {
        char to[32];
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_protocol_raw raw = {.bytes =
                                            weir_str_make(numbers[i].bytes, numbers[i].n_bytes),
                                        .dtype = numbers[i].dtype,
                                        .n_items = 4,
                                        .place = "x"};
        cr_assert(weir_protocol_raw_fill_tensor(NULL, &raw, numbers[i].dtype, to, &err));
        for (size_t k = 0; k < 4; k++)
            cr_assert_eq(get(to + k * weir_dtype_size(numbers[i].dtype), numbers[i].dtype),
                         numbers[i].values[k]);
    }
}

Test(protocol_raw, texts_become_elements_of_a_tensor)
{
    struct weir_spec spec = weir_test_spec_frame();
    struct bench b;
    bench_init(&b, &spec, WEIR_F64, 1, 2 * weir_sink_text_bytes(2));
    struct weir_protocol_raw raw = raw_of(&b, WEIR_BYTES, "\2\0\0\0hi\2\0\0\0\xff\0", 12, 2);
    struct weir_text to[2];
    cr_assert(weir_protocol_raw_fill_tensor(&b.sink.sink, &raw, WEIR_BYTES, (char *)to, NULL));
    cr_assert_eq(to[0].n, 2);
    cr_assert_eq(memcmp(to[0].at, "hi", 3), 0);
    cr_assert_eq(to[1].n, 2);
    cr_assert_eq(memcmp(to[1].at, "\xff\0", 3), 0);
    bench_deinit(&b);
}

/* --- results --------------------------------------------------------------------------------- */

static void expect_output(const struct weir_result *result, enum weir_output output,
                          const void *bytes, size_t n)
{
    struct weir_buf buf = {.mem = test_mem()};
    weir_protocol_raw_append_output(&buf, result, output);
    cr_assert(weir_buf_ok(&buf));
    cr_assert_eq(buf.n, n);
    cr_assert_eq(memcmp(buf.at, bytes, n), 0);
    cr_assert_eq(weir_protocol_raw_output_bytes(result, output), n);
    weir_buf_deinit(&buf);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(protocol_raw, labels_are_answered_in_their_type)
{
    static const int64_t codes[] = {-1, 7};
    static const double halves[] = {0.5, 1.5};
    static const int32_t predicted[] = {1, 0};
    static const struct weir_str json[] = {{"-1", 2}, {"7", 1}};
    struct weir_labels labels = {
        .dtype = WEIR_I64, .n = 2, .i64 = codes, .f64 = halves, .json = json};
    struct weir_spec spec = weir_test_spec_iris();
    struct weir_result result = {
        .spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2, .out = {predicted}};
    expect_output(&result, WEIR_OUTPUT_PREDICT, "\12\0\0\0versicolor\6\0\0\0setosa", 24);
    spec.targets = &labels;
    spec.outputs[WEIR_OUTPUT_PREDICT].dtype = WEIR_I64;
    expect_output(&result, WEIR_OUTPUT_PREDICT, "\7\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377",
                  16);
    labels.dtype = spec.outputs[WEIR_OUTPUT_PREDICT].dtype = WEIR_F64;
    expect_output(&result, WEIR_OUTPUT_PREDICT, (const double[]){1.5, 0.5}, 16);
    static const int64_t bools[] = {0, 1};
    labels.i64 = bools;
    labels.dtype = spec.outputs[WEIR_OUTPUT_PREDICT].dtype = WEIR_BOOL;
    expect_output(&result, WEIR_OUTPUT_PREDICT, "\1\0", 2);
    /* Targets of several types are answered as texts. */
    labels.dtype = WEIR_I64;
    spec.outputs[WEIR_OUTPUT_PREDICT].dtype = WEIR_BYTES;
    expect_output(&result, WEIR_OUTPUT_PREDICT,
                  "\1\0\0\0"
                  "7"
                  "\2\0\0\0-1",
                  11);
}

Test(protocol_raw, numbers_are_answered_in_the_type_of_the_output)
{
    static const double values[] = {1.5, -2};
    struct weir_spec spec = weir_test_spec_regressor(2);
    struct weir_result result = {
        .spec = &spec, .batch_dtype = WEIR_F64, .n_rows = 2, .out = {values}};
    expect_output(&result, WEIR_OUTPUT_PREDICT, values, 16);
    result.batch_dtype = WEIR_F32;
    expect_output(&result, WEIR_OUTPUT_PREDICT, (const float[]){1.5f, -2}, 8);
    spec.outputs[WEIR_OUTPUT_PREDICT].follows_f32 = false;
    spec.outputs[WEIR_OUTPUT_PREDICT].dtype = WEIR_I64;
    expect_output(&result, WEIR_OUTPUT_PREDICT, (const int64_t[]){1, -2}, 16);
}

Test(protocol_raw, tensors_are_answered_in_their_type)
{
    static const struct weir_text texts[] = {{"h\xc3\xa9", 3}, {"b", 1}};
    struct weir_buf buf = {.mem = test_mem()};
    struct weir_tensor tensor = {.dtype = WEIR_BYTES, .n_dims = 1, .dims = {2}, .data = texts};
    weir_protocol_raw_append_tensor(&buf, &tensor);
    cr_assert_eq(weir_protocol_raw_tensor_bytes(&tensor), 12);
    cr_assert_eq(buf.n, 12);
    cr_assert_eq(memcmp(buf.at, "\3\0\0\0h\xc3\xa9\1\0\0\0b", 12), 0);
    weir_buf_clear(&buf);
    tensor = (struct weir_tensor){.dtype = WEIR_U16, .n_dims = 2, .dims = {1, 2}, .data = "\1\0\2"};
    weir_protocol_raw_append_tensor(&buf, &tensor);
    cr_assert_eq(buf.n, 4);
    cr_assert_eq(memcmp(buf.at, "\1\0\2\0", 4), 0);
    cr_assert_eq(weir_protocol_raw_tensor_bytes(&tensor), 4);
    weir_buf_deinit(&buf);
}
