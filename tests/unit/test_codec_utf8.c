/* SPDX-License-Identifier: MIT */
#include "codec/utf8.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* Bytes, and how many of them are valid in each mode. */
static const struct {
    const char *label;
    struct weir_str bytes;
    size_t n_strict;
    size_t n_surrogatepass;
} rows[] = {
    {"empty", {"", 0}, 0, 0},
    {"ascii", {"abcdefghijkl", 12}, 12, 12},
    {"two, three, four bytes", {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, 9, 9},
    {"ascii, then cut", {"abcdefgh\xe2\x82", 10}, 8, 8},
    {"lone continuation", {"a\x80", 2}, 1, 1},
    {"overlong slash", {"\xc0\xaf", 2}, 0, 0},
    {"overlong three", {"\xe0\x80\xaf", 3}, 0, 0},
    {"overlong four", {"\xf0\x80\x80\xaf", 4}, 0, 0},
    {"surrogate", {"x\xed\xa0\x80", 4}, 1, 4},
    {"above U+10FFFF", {"\xf4\x90\x80\x80", 4}, 0, 0},
    {"U+10FFFF", {"\xf4\x8f\xbf\xbf", 4}, 4, 4},
    {"f5", {"\xf5\x80\x80\x80", 4}, 0, 0},
    {"bad third byte", {"\xe2\x82\x20", 3}, 0, 0},
    {"high byte inside eight",
     {"abc\xff"
      "efghijkl",
      12},
     3,
     3},
};

ParameterizedTestParameters(codec_utf8, rows_hold)
{
    static size_t index[sizeof rows / sizeof rows[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(size_t *row, codec_utf8, rows_hold)
{
    struct weir_str s = rows[*row].bytes;
    cr_expect_eq(weir_codec_utf8_valid_bytes(s, WEIR_CODEC_UTF8_STRICT), rows[*row].n_strict, "%s",
                 rows[*row].label);
    cr_expect_eq(weir_codec_utf8_valid_bytes(s, WEIR_CODEC_UTF8_SURROGATEPASS),
                 rows[*row].n_surrogatepass, "%s", rows[*row].label);
}

Test(codec_utf8, every_character_survives_encoding_and_decoding)
{
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        char bytes[4];
        size_t n = weir_codec_utf8_encode(c, bytes);
        cr_assert_gt(n, 0);
        bool is_surrogate = c >= 0xd800 && c < 0xe000;
        struct weir_str s = weir_str_make(bytes, n);
        cr_assert_eq(weir_codec_utf8_is_valid(s, WEIR_CODEC_UTF8_STRICT), !is_surrogate);
        cr_assert(weir_codec_utf8_is_valid(s, WEIR_CODEC_UTF8_SURROGATEPASS));
        uint32_t back = 0;
        cr_assert_eq(weir_codec_utf8_decode(s, &back), n);
        cr_assert_eq(back, c);
    }
    char bytes[4];
    cr_assert_eq(weir_codec_utf8_encode(0x110000, bytes), 0);
}
