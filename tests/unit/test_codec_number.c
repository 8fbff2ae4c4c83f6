/* SPDX-License-Identifier: MIT */
/* Reading is compared with strtod and strtof of the C library, printing with both and with printf;
 * both run in the C locale here. */
#include "base/macros.h"
#include "codec/number.h"
#include "test_random.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static uint32_t bits_of_f32(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* Reads from a block of exactly the text's size, so that a sanitizer sees every overread. */
static void expect_as_strtod(const char *text)
{
    size_t n = strlen(text);
    char *exact = malloc(n);
    cr_assert(exact);
    memcpy(exact, text, n);
    double f64 = 0;
    float f32 = 0;
    cr_assert(weir_codec_number_read_f64(weir_str_make(exact, n), &f64), "%s", text);
    cr_assert(weir_codec_number_read_f32(weir_str_make(exact, n), &f32), "%s", text);
    free(exact);
    double want = strtod(text, NULL);
    float want32 = strtof(text, NULL);
    cr_assert_eq(bits_of(f64), bits_of(want), "%s: got %a, want %a", text, f64, want);
    cr_assert_eq(bits_of_f32(f32), bits_of_f32(want32), "%s: got %a, want %a", text, (double)f32,
                 (double)want32);
}

static const char *const hard[] = {
    "0",
    "-0",
    "0.0",
    "-0.0e5",
    "1",
    "0.1",
    "5e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "2.47032822920623272088284396434110686e-324",
    /* The largest subnormal, the smallest normal number, and between them. */
    "2.2250738585072011e-308",
    "2.2250738585072012e-308",
    "2.2250738585072014e-308",
    "2."
    "225073858507201136057409796709131975934819546351645648023426109724822222021076945516529523908"
    "13508e-308",
    /* The edge of infinity. */
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179775"
    "87"
    "2070963302864166928879109465555478519404026306574886715058206819089020007083836762738548458177"
    "11"
    "5317644757302700698555713669596228429148198608349364752927190741684443655107043427115596995080"
    "93"
    "042880",
    "1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179775"
    "87"
    "2070963302864166928879109465555478519404026306574886715058206819089020007083836762738548458177"
    "11"
    "5317644757302700698555713669596228429148198608349364752927190741684443655107043427115596995080"
    "93"
    "042879.9999",
    "1e308",
    "1e309",
    "1e400",
    "-1e400",
    "1e-400",
    "1e999999999999999999999",
    "1e-999999999999999",
    "0e999999999999999999999",
    "0.000000000000000000000000000000000000000000000e400",
    /* Whole numbers where doubles and floats begin to skip. */
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9007199254740994",
    "9007199254740995",
    "9007199254740993.0000000000000000000000000000000000000000001",
    "16777216",
    "16777217",
    "16777218",
    "16777219",
    "16777217.000000000000000000000000000001",
    "18446744073709551615",
    "18446744073709551616",
    "9999999999999999999",
    "10000000000000000000",
    "99999999999999999999",
    "9223372036854775807",
    "9223372036854775808",
    /* Half-way between two doubles, and a hair to either side. */
    "1.00000000000000011102230246251565404236316680908203125",
    "1.00000000000000011102230246251565404236316680908203124",
    "1.00000000000000011102230246251565404236316680908203126",
    "1.00000000000000033306690738754696212708950042724609375",
    /* Half-way between two floats; through a double the second would round down. */
    "1.000000059604644775390625",
    "1.00000005960464477539062500001",
    "1.00000017881393432617187499",
    "3.4028234663852886e38",
    "3.4028235677973366e38",
    "3.4028235677973365e38",
    "3.4e39",
    "1.401298464324817e-45",
    "7.006492321624085e-46",
    "7.006492321624086e-46",
    "1e-46",
    "1.1754943508222875e-38",
    "1.1754942807573643e-38",
    "1.17549431578e-38",
    /* Texts that broke well-known implementations. */
    "1.8254370818746402660437411213933955878019332885742187e0",
    "4.4501477170144023e-308",
    "6.631236846766476e-316",
    "3.237883913302901289588352412501532174863037669423108059901297049552"
    "3019706706765657868357425877995578606157765598382834355143910841531692526891905643964595773946"
    "18"
    "03868e-319",
    "6.9294956446009195e15",
    "2.3283064365386962890625e-10",
    "1e23",
    "8.442911973260991817129021e-309",
    "0."
    "000000000000000000000000000000000000000000000000000000000000000000000001234567890123456789012",
    "123456789012345678901234567890e-20",
    "7.8459735791271921e65",
    "3.571e266",
    "3.08984926168550152811"
    "e-32",
};

ParameterizedTestParameters(codec_number, hard_texts_are_rounded_correctly)
{
    static size_t rows[WEIR_ARRAY_LEN(hard)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, codec_number, hard_texts_are_rounded_correctly)
{
    expect_as_strtod(hard[*row]);
}

/* Goal: digits beyond the 768th decide. Method: the exact half-way point above the smallest normal
 * number (768 significant digits), then one more digit behind many zeros. */
Test(codec_number, the_last_of_very_many_digits_decides)
{
    char text[4096];
    /* 2^-1075 · (2^53 + 1), written out by printf, which is exact. */
    long double half = ldexpl(9007199254740993.0L, -1075);
    int n = snprintf(text, sizeof text, "%.767Le", half);
    cr_assert(n > 767);
    expect_as_strtod(text);
    char *e = strchr(text, 'e');
    cr_assert(e);
    char exponent[16];
    (void)snprintf(exponent, sizeof exponent, "%s", e);
    memset(e, '0', 2000);
    (void)snprintf(e + 2000, 100, "1%s", exponent);
    expect_as_strtod(text);
    double up = 0;
    cr_assert(weir_codec_number_read_f64(weir_str_c(text), &up));
    cr_assert_eq(bits_of(up), UINT64_C(0x0010000000000001));
}

Test(codec_number, random_bits_survive_printing_and_reading)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 20260101);
    char text[64];
    for (size_t i = 0; i < 60000; i++) {
        uint64_t bits = weir_test_random_u64(&r);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        text[weir_codec_number_print_f64(text, v)] = 0;
        cr_assert_eq(bits_of(strtod(text, NULL)), bits, "seed %" PRIu64 ": %a is not %s", r.seed, v,
                     text);
        expect_as_strtod(text);
        (void)snprintf(text, sizeof text, "%.*g", (int)(1 + i % 25), v);
        expect_as_strtod(text);
    }
}

Test(codec_number, random_floats_survive_printing_and_reading)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 20260102);
    char text[64];
    for (size_t i = 0; i < 60000; i++) {
        uint32_t bits = (uint32_t)weir_test_random_u64(&r);
        float v;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        text[weir_codec_number_print_f32(text, v)] = 0;
        cr_assert_eq(bits_of_f32(strtof(text, NULL)), bits, "seed %" PRIu64 ": %a is not %s",
                     r.seed, (double)v, text);
        (void)snprintf(text, sizeof text, "%.*g", (int)(1 + i % 25), (double)v);
        expect_as_strtod(text);
    }
}

Test(codec_number, random_decimals_are_rounded_correctly)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 20260103);
    for (size_t i = 0; i < 60000; i++) {
        char text[128];
        size_t n = 0;
        if (i % 2)
            text[n++] = '-';
        size_t n_whole = 1 + weir_test_random_below(&r, 22);
        for (size_t k = 0; k < n_whole; k++)
            text[n++] = (char)('0' + (k == 0 && n_whole > 1 ? 1 + weir_test_random_below(&r, 9)
                                                            : weir_test_random_below(&r, 10)));
        text[n++] = '.';
        size_t n_fraction = 1 + weir_test_random_below(&r, 24);
        for (size_t k = 0; k < n_fraction; k++)
            text[n++] = (char)('0' + weir_test_random_below(&r, 10));
        (void)snprintf(text + n, sizeof text - n, "e%d",
                       (int)weir_test_random_below(&r, 720) - 360);
        if (i % 3 == 0)
            text[n] = 0;
        expect_as_strtod(text);
    }
}

/* Counts the digits of a printed number without leading and trailing zeros. */
static int n_significant(const char *text)
{
    int n = 0;
    int n_zeros = 0;
    for (const char *p = text; *p && *p != 'e'; p++) {
        if (*p == '0' && n > 0) {
            n_zeros++;
        } else if (*p >= '1' && *p <= '9') {
            n += n_zeros + 1;
            n_zeros = 0;
        }
    }
    return n;
}

Test(codec_number, no_shorter_text_would_do_and_none_as_short_is_nearer)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 20260104);
    for (size_t i = 0; i < 10000; i++) {
        uint64_t bits = weir_test_random_u64(&r);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v) || v == 0)
            continue;
        char text[64];
        char other[64];
        text[weir_codec_number_print_f64(text, v)] = 0;
        int n = n_significant(text);
        if (n > 1) {
            (void)snprintf(other, sizeof other, "%.*e", n - 2, v);
            cr_assert_neq(strtod(other, NULL), v, "%s would do for %s", other, text);
        }
        /* printf rounds exactly: with as many digits it gives the nearest text. */
        (void)snprintf(other, sizeof other, "%.*e", n - 1, v);
        if (strtod(other, NULL) == v)
            cr_assert_eq(strtold(other, NULL), strtold(text, NULL), "%s is nearer than %s", other,
                         text);
    }
}

static const struct {
    double v;
    const char *text;
} printed[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {1.0, "1.0"},
    {2.0, "2.0"},
    {-17.0, "-17.0"},
    {0.1, "0.1"},
    {0.3, "0.3"},
    {1.0 / 3.0, "0.3333333333333333"},
    {2.0 / 3.0, "0.6666666666666666"},
    {100.0, "100.0"},
    {1e15, "1000000000000000.0"},
    {9007199254740992.0, "9007199254740992.0"},
    {9007199254740994.0, "9007199254740994.0"},
    {1e16, "1e+16"},
    {1.2345678901234568e16, "1.2345678901234568e+16"},
    {9999999999999998.0, "9999999999999998.0"},
    {0.0001, "0.0001"},
    {0.00012345, "0.00012345"},
    {0.00001, "1e-05"},
    {1.5e-5, "1.5e-05"},
    {1e22, "1e+22"},
    {1e23, "1e+23"},
    {123456.789, "123456.789"},
    {5e-324, "5e-324"},
    {2.2250738585072014e-308, "2.2250738585072014e-308"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {-1.7976931348623157e308, "-1.7976931348623157e+308"},
    {4.35, "4.35"},
    {(double)0.1F, "0.10000000149011612"},
};

ParameterizedTestParameters(codec_number, doubles_print_as_python_does)
{
    static size_t rows[WEIR_ARRAY_LEN(printed)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, codec_number, doubles_print_as_python_does)
{
    char text[64];
    size_t n = weir_codec_number_print_f64(text, printed[*row].v);
    text[n] = 0;
    cr_assert_str_eq(text, printed[*row].text);
    cr_assert_lt(n, WEIR_CODEC_NUMBER_BYTES_MAX);
}

static const struct {
    float v;
    const char *text;
} printed_f32[] = {
    {0.0F, "0.0"},
    {-0.0F, "-0.0"},
    {2.0F, "2.0"},
    {0.1F, "0.1"},
    {0.3F, "0.3"},
    {1.0F / 3.0F, "0.33333334"},
    {16777216.0F, "16777216.0"},
    {123456792.0F, "123456790.0"},
    {1e10F, "10000000000.0"},
    {1e16F, "1e+16"},
    {1e-5F, "1e-05"},
    {3.4028235e38F, "3.4028235e+38"},
    {1.1754944e-38F, "1.1754944e-38"},
    {1e-45F, "1e-45"},
    {8388608.0F, "8388608.0"},
    {33554432.0F, "33554432.0"},
};

ParameterizedTestParameters(codec_number, floats_print_in_their_own_shortest_form)
{
    static size_t rows[WEIR_ARRAY_LEN(printed_f32)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, codec_number, floats_print_in_their_own_shortest_form)
{
    char text[64];
    text[weir_codec_number_print_f32(text, printed_f32[*row].v)] = 0;
    cr_assert_str_eq(text, printed_f32[*row].text);
}

static const struct {
    const char *text;
    size_t span; /* bytes that are a number */
} spans[] = {
    {"", 0},         {"-", 0},      {"+1", 0},    {"01", 1},      {"-01", 2},   {"1.", 0},
    {".5", 0},       {"1.5", 3},    {"1e", 0},    {"1e+", 0},     {"1e+5", 4},  {"1E-05x", 5},
    {"-0", 2},       {"1.2.3", 3},  {"1,2", 1},   {"NaN", 0},     {"0x10", 1},  {" 1", 0},
    {"1 ", 1},       {"-1.5e3", 6}, {"1e5.5", 3}, {"--1", 0},     {"1-1", 1},   {"0e0", 3},
    {"Infinity", 0}, {"1_000", 1},  {"-.5", 0},   {"1.5e+-3", 0}, {"12345", 5}, {"0.0.0", 3},
};

ParameterizedTestParameters(codec_number, only_json_numbers_are_read)
{
    static size_t rows[WEIR_ARRAY_LEN(spans)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, codec_number, only_json_numbers_are_read)
{
    struct weir_str s = weir_str_c(spans[*row].text);
    cr_assert_eq(weir_codec_number_span(s), spans[*row].span, "%s", s.at);
    double f64 = 7;
    float f32 = 7;
    bool is_number = s.n > 0 && spans[*row].span == s.n;
    cr_assert_eq(weir_codec_number_read_f64(s, &f64), is_number, "%s", s.at);
    cr_assert_eq(weir_codec_number_read_f32(s, &f32), is_number, "%s", s.at);
    if (!is_number) {
        cr_assert_eq(f64, 7, "a failure leaves the result alone");
        cr_assert_eq(f32, 7, "a failure leaves the result alone");
    }
}

static const struct {
    const char *text;
    enum weir_codec_number_int i64, u64;
    int64_t value; /* where i64 is OK; the bits of the unsigned value else */
} wholes[] = {
    {"0", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_OK, 0},
    {"-0", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_OK, 0},
    {"0.000e-99999999999", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_OK, 0},
    {"3.0", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_OK, 3},
    {"3e2", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_OK, 300},
    {"1234.500e1", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_OK, 12345},
    {"12300e-2", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_OK, 123},
    {"-5", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_RANGE, -5},
    {"3.5", WEIR_CODEC_NUMBER_INT_FRACTION, WEIR_CODEC_NUMBER_INT_FRACTION, 0},
    {"1e-1", WEIR_CODEC_NUMBER_INT_FRACTION, WEIR_CODEC_NUMBER_INT_FRACTION, 0},
    {"1e-99999999999999999999", WEIR_CODEC_NUMBER_INT_FRACTION, WEIR_CODEC_NUMBER_INT_FRACTION, 0},
    {"123456789012345678901234567890.5", WEIR_CODEC_NUMBER_INT_FRACTION,
     WEIR_CODEC_NUMBER_INT_FRACTION, 0},
    {"9223372036854775807", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_OK, INT64_MAX},
    {"9223372036854775808", WEIR_CODEC_NUMBER_INT_RANGE, WEIR_CODEC_NUMBER_INT_OK, INT64_MIN},
    {"-9223372036854775808", WEIR_CODEC_NUMBER_INT_OK, WEIR_CODEC_NUMBER_INT_RANGE, INT64_MIN},
    {"-9223372036854775809", WEIR_CODEC_NUMBER_INT_RANGE, WEIR_CODEC_NUMBER_INT_RANGE, 0},
    {"18446744073709551615", WEIR_CODEC_NUMBER_INT_RANGE, WEIR_CODEC_NUMBER_INT_OK, -1},
    {"18446744073709551616", WEIR_CODEC_NUMBER_INT_RANGE, WEIR_CODEC_NUMBER_INT_RANGE, 0},
    {"1844674407370955161500e-2", WEIR_CODEC_NUMBER_INT_RANGE, WEIR_CODEC_NUMBER_INT_OK, -1},
    {"1e19", WEIR_CODEC_NUMBER_INT_RANGE, WEIR_CODEC_NUMBER_INT_OK,
     (int64_t)UINT64_C(10000000000000000000)},
    {"1e20", WEIR_CODEC_NUMBER_INT_RANGE, WEIR_CODEC_NUMBER_INT_RANGE, 0},
    {"1e99999999999", WEIR_CODEC_NUMBER_INT_RANGE, WEIR_CODEC_NUMBER_INT_RANGE, 0},
};

ParameterizedTestParameters(codec_number, whole_numbers_are_exact_or_refused)
{
    static size_t rows[WEIR_ARRAY_LEN(wholes)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, codec_number, whole_numbers_are_exact_or_refused)
{
    struct weir_str s = weir_str_c(wholes[*row].text);
    int64_t i64 = 77;
    uint64_t u64 = 77;
    cr_assert_eq(weir_codec_number_read_i64(s, &i64), wholes[*row].i64, "%s", s.at);
    cr_assert_eq(weir_codec_number_read_u64(s, &u64), wholes[*row].u64, "%s", s.at);
    int64_t value = wholes[*row].value;
    cr_assert_eq(i64, wholes[*row].i64 == WEIR_CODEC_NUMBER_INT_OK ? value : 77, "%s", s.at);
    cr_assert_eq(u64, wholes[*row].u64 == WEIR_CODEC_NUMBER_INT_OK ? (uint64_t)value : 77, "%s",
                 s.at);
}

Test(codec_number, whole_numbers_print_in_full)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 20260105);
    for (size_t i = 0; i < 20000; i++) {
        uint64_t v = weir_test_random_u64(&r) >> (i % 65 < 64 ? i % 65 : 63);
        if (i < 20)
            v = i < 10 ? i : UINT64_MAX - i;
        char text[WEIR_CODEC_NUMBER_BYTES_MAX];
        char want[32];
        text[weir_codec_number_print_u64(text, v)] = 0;
        (void)snprintf(want, sizeof want, "%" PRIu64, v);
        cr_assert_str_eq(text, want);
        text[weir_codec_number_print_i64(text, (int64_t)v)] = 0;
        (void)snprintf(want, sizeof want, "%" PRId64, (int64_t)v);
        cr_assert_str_eq(text, want);
    }
}

Test(codec_number, powers_of_ten_print_at_every_length)
{
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10) {
        char text[WEIR_CODEC_NUMBER_BYTES_MAX];
        cr_assert_eq(weir_codec_number_print_u64(text, power), (size_t)i + 1);
        if (i > 0)
            cr_assert_eq(weir_codec_number_print_u64(text, power - 1), (size_t)i);
    }
}

Test(codec_number, nonfinite_values_are_null_or_tokens)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    for (int i = 0; i < 2; i++) {
        enum weir_codec_number_nonfinite how =
            i ? WEIR_CODEC_NUMBER_NONFINITE_TOKEN : WEIR_CODEC_NUMBER_NONFINITE_NULL;
        weir_codec_number_append_f64(&buf, (double)NAN, how);
        weir_buf_append_byte(&buf, ' ');
        weir_codec_number_append_f64(&buf, -(double)INFINITY, how);
        weir_buf_append_byte(&buf, ' ');
        weir_codec_number_append_f32(&buf, INFINITY, how);
        weir_buf_append_byte(&buf, ' ');
        weir_codec_number_append_f32(&buf, 0.25F, how);
        weir_buf_append_byte(&buf, ' ');
    }
    cr_assert_str_eq(weir_buf_c(&buf), "null null null 0.25 NaN -Infinity Infinity 0.25 ");
}

Test(codec_number, nonfinite_tokens_are_read)
{
    double v = 0;
    cr_assert(weir_codec_number_read_nonfinite(WEIR_STR("NaN"), &v) && isnan(v));
    cr_assert(weir_codec_number_read_nonfinite(WEIR_STR("Infinity"), &v) && v > DBL_MAX);
    cr_assert(weir_codec_number_read_nonfinite(WEIR_STR("-Inf"), &v) && v < -DBL_MAX);
    v = 3;
    cr_assert_not(weir_codec_number_read_nonfinite(WEIR_STR("nan"), &v));
    cr_assert_not(weir_codec_number_read_nonfinite(WEIR_STR("Infinit"), &v));
    cr_assert_eq(v, 3);
}
