/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "codec/json.h"
#include "codec/json_rows.h"
#include "codec/number.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Scans a copy of exactly the text's size, so that a sanitizer sees every overread. */
static enum weir_status scan_copy(struct weir_codec_json *json, const char *text, size_t n,
                                  struct weir_error *err)
{
    char *exact = malloc(n ? n : 1);
    cr_assert(exact);
    if (n)
        memcpy(exact, text, n);
    enum weir_status status = weir_codec_json_scan(json, weir_str_make(exact, n), err);
    cr_assert_eq(json->root != NULL, status == WEIR_OK);
    free(exact);
    return status;
}

/* What must be accepted (y) and refused (n) by any reader of RFC 8259, and what we decide where it
 * leaves the choice. */
static const struct {
    char verdict;
    const char *text;
    size_t n; /* bytes; 0: up to the NUL */
} cases[] = {
    /* values alone */
    {'y', "0", 0},
    {'y', "-0", 0},
    {'y', "-1.5e-10", 0},
    {'y', "\"\"", 0},
    {'y', "\"a\"", 0},
    {'y', "true", 0},
    {'y', "false", 0},
    {'y', "null", 0},
    {'y', "[]", 0},
    {'y', "{}", 0},
    {'y', " \t\r\n[]\t ", 0},
    {'y', "123456789012345678901234567890", 0},
    {'y', "1e999", 0},
    /* arrays */
    {'y', "[1]", 0},
    {'y', "[1,2]", 0},
    {'y', "[ 1 , 2 ]", 0},
    {'y', "[[]   ]", 0},
    {'y', "[1,null,null,2]", 0},
    {'y', "[false]", 0},
    {'y', "[[[[]]]]", 0},
    {'y', "[1\n]", 0},
    {'y', "[\"\"]", 0},
    {'y', "[{}]", 0},
    {'n', "[", 0},
    {'n', "]", 0},
    {'n', "[,]", 0},
    {'n', "[1,]", 0},
    {'n', "[,1]", 0},
    {'n', "[1,,2]", 0},
    {'n', "[1 2]", 0},
    {'n', "[1;2]", 0},
    {'n', "[1}", 0},
    {'n', "[1]]", 0},
    {'n', "[1", 0},
    {'n', "[1,", 0},
    {'n', "[1,\n1\n,1", 0},
    {'n', "[[1]", 0},
    {'n', "[1]x", 0},
    {'n', "[3[4]]", 0},
    {'n', "[\"x\"", 0},
    {'n', "[\"\": 1]", 0},
    {'n', "[x", 0},
    {'n', "[-", 0},
    {'n', "[\x0c]", 0},
    {'n', "[\v1]", 0},
    {'n', "[*]", 0},
    {'n', "[1]\x00", 4},
    {'n', "\xef\xbb\xbf[]", 0},
    /* numbers */
    {'y', "[0e+1]", 0},
    {'y', "[0E1]", 0},
    {'y', "[1E-2]", 0},
    {'y', "[1.0]", 0},
    {'y', "[20e1]", 0},
    {'y', "[-0]", 0},
    {'y', "[123.456e78]", 0},
    {'y', "[1.5E+2]", 0},
    {'y', "[0.00000000000000000000000000000000000000000000001]", 0},
    {'n', "[-]", 0},
    {'n', "[+1]", 0},
    {'n', "[01]", 0},
    {'n', "[-01]", 0},
    {'n', "[1.]", 0},
    {'n', "[.1]", 0},
    {'n', "[-.1]", 0},
    {'n', "[1.e1]", 0},
    {'n', "[1e]", 0},
    {'n', "[1e+]", 0},
    {'n', "[1eE2]", 0},
    {'n', "[1.2.3]", 0},
    {'n', "[0x1]", 0},
    {'n', "[1+2]", 0},
    {'n', "[--1]", 0},
    {'n', "[1 000]", 0},
    {'n', "[0e]", 0},
    {'n', "[2.e+3]", 0},
    {'n', "[-a]", 0},
    {'n', "[1a]", 0},
    {'n', "[1-]", 0},
    {'n', "[00]", 0},
    {'n', "[1.0e]", 0},
    {'n', "[\xef\xbc\x91]", 0},
    {'n', "[-1.5.0,1]", 0},
    {'n', "[1..5,1]", 0},
    {'n', "[1.-5,1]", 0},
    {'n', "[1-5,1]", 0},
    /* tokens that are numbers only where allowed */
    {'n', "[NaN]", 0},
    {'n', "[Infinity]", 0},
    {'n', "[-Infinity]", 0},
    {'n', "[Inf]", 0},
    {'n', "[nan]", 0},
    {'n', "[-NaN]", 0},
    /* literals */
    {'n', "tru", 0},
    {'n', "[nul]", 0},
    {'n', "[truth]", 0},
    {'n', "[True]", 0},
    {'n', "[fals]", 0},
    {'n', "[FALSE]", 0},
    {'n', "[-true]", 0},
    {'n', "[nullx]", 0},
    {'n', "nulltrue", 0},
    /* strings */
    {'y', "\"\\u0041\\n\\t\\r\\b\\f\\/\\\\\\\"\"", 0},
    {'y', "\"\\u0000\"", 0},
    {'y', "\"\\ud834\\udd1e\"", 0},
    {'y', "\"\\uDBff\\uDFFF\"", 0},
    {'y', "\"\x7f\"", 0},
    {'y', "\"\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e\"", 0},
    {'y', "\"\xef\xbf\xbf\"", 0},
    {'y', "\"\xf4\x8f\xbf\xbf\"", 0},
    {'y', "\"\xee\x80\x80\"", 0},
    {'y', "\"\\u12aB\"", 0},
    {'y', "[\"a/b\",\"\xe2\x80\xa8\"]", 0},
    {'y', "\"0123456789abcdef0123456789\\n\"", 0},
    {'y', "\"\\ud800\"", 0}, /* lone surrogates: accepted, read as U+FFFD */
    {'y', "\"\\udc00\\ud800x\"", 0},
    {'n', "\"", 0},
    {'n', "\"a", 0},
    {'n', "\"\\\"", 0},
    {'n', "'a'", 0},
    {'n', "a", 0},
    {'n', "\"\\x41\"", 0},
    {'n', "\"\\u00\"", 0},
    {'n', "\"\\u00g0\"", 0},
    {'n', "\"\\U0041\"", 0},
    {'n', "\"\\", 0},
    {'n', "\"\\u", 0},
    {'n', "\"\\u123", 0},
    {'n', "\"\n\"", 0},
    {'n', "\"\t\"", 0},
    {'n', "\"\x1f\"", 0},
    {'n', "\"\x00\"", 3},
    {'n', "\"\\\x00\"", 4},
    {'n', "\"a\"b", 0},
    {'n', "\"0123456789abcdef0123456789abcdef\n\"", 0},
    /* UTF-8: cut, overlong, surrogates, beyond U+10FFFF */
    {'n', "\"\x80\"", 0},
    {'n', "\"\xc3\"", 0},
    {'n', "\"\xc0\xaf\"", 0},
    {'n', "\"\xc1\xbf\"", 0},
    {'n', "\"\xe0\x80\xaf\"", 0},
    {'n', "\"\xe2\x82\"", 0},
    {'n', "\"\xed\xa0\x80\"", 0},
    {'n', "\"\xf0\x80\x80\x80\"", 0},
    {'n', "\"\xf4\x90\x80\x80\"", 0},
    {'n', "\"\xf5\x80\"", 0},
    {'n', "\"\xff\"", 0},
    {'n', "\"\xc3", 0},
    {'n', "\"\xf0\x9d\x84", 0},
    {'n', "\"\xe9\"", 0},
    {'n', "[\xff]", 0},
    /* objects */
    {'y', "{\"a\":1}", 0},
    {'y', "{\"a\":1,\"b\":2}", 0},
    {'y', "{ \"a\" : [ ] }", 0},
    {'y', "{\"\":0}", 0},
    {'y', "{\"a\":{\"a\":{}}}", 0},
    {'y', "{\"\\u0000\":1,\"\":2}", 0},
    {'y', "{\"a\\u0041\":\"b\"}", 0},
    {'y', "[{\"a\":1},{\"a\":1}]", 0},
    {'n', "{", 0},
    {'n', "}", 0},
    {'n', "{,}", 0},
    {'n', "{\"a\"}", 0},
    {'n', "{\"a\":}", 0},
    {'n', "{\"a\":1,}", 0},
    {'n', "{\"a\" 1}", 0},
    {'n', "{\"a\"::1}", 0},
    {'n', "{a:1}", 0},
    {'n', "{'a':1}", 0},
    {'n', "{1:1}", 0},
    {'n', "{\"a\":1 \"b\":2}", 0},
    {'n', "{\"a\":1]", 0},
    {'n', "{\"a\":1", 0},
    {'n', "{\"a\"", 0},
    {'n', "{\"a\":", 0},
    {'n', "{\"a\",1}", 0},
    {'n', "{\"a\":1,,\"b\":2}", 0},
    {'n', "{\"a\":1}}", 0},
    {'n', "{\"a\":1}#", 0},
    {'n', "{\"a\":/**/1}", 0},
    {'n', "{[]:1}", 0},
    {'n', "{null:1}", 0},
    {'n', "{\"a\":tru}", 0},
    /* duplicate names: ours to decide */
    {'n', "{\"a\":1,\"a\":2}", 0},
    {'n', "{\"a\":1,\"\\u0061\":2}", 0},
    {'n', "{\"\\u0061\":1,\"a\":2}", 0},
    {'n', "{\"\\u0061b\":1,\"a\\u0062\":2}", 0},
    {'n', "{\"b\":{\"a\":1,\"a\":1}}", 0},
    {'n', "{\"a\":{\"b\":1},\"a\":1}", 0},
    /* nothing */
    {'n', "", 0},
    {'n', " ", 0},
    {'n', "\x00", 1},
};

ParameterizedTestParameters(codec_json, grammar_is_exact)
{
    static size_t rows[WEIR_ARRAY_LEN(cases)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, codec_json, grammar_is_exact)
{
    struct weir_codec_json json;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_codec_json_init(&json, NULL, test_mem());
    const char *text = cases[*row].text;
    size_t n = cases[*row].n ? cases[*row].n : strlen(text);
    enum weir_status status = scan_copy(&json, text, n, &err);
    cr_assert_eq(status, cases[*row].verdict == 'y' ? WEIR_OK : WEIR_ERR_INVALID, "%s: %s", text,
                 err.msg);
    if (status != WEIR_OK)
        cr_assert_eq(strncmp(err.msg, "offset ", 7), 0, "%s", err.msg);
    /* The same inside more text: every scalar meets the wide loops, too. */
    char *wide = malloc(n + 200);
    cr_assert(wide);
    size_t n_wide = (size_t)snprintf(wide, 100, "[1.5,2, 30,-4.25,0,");
    memcpy(wide + n_wide, text, n);
    n_wide += n;
    n_wide += (size_t)snprintf(wide + n_wide, 100, "%80s]", ",7.5,8, 9,-0.5,11,12,13,14,15");
    enum weir_status inside = scan_copy(&json, wide, n_wide, &err);
    free(wide);
    if (cases[*row].verdict == 'y')
        cr_assert_eq(inside, WEIR_OK, "%s: %s", text, err.msg);
    weir_codec_json_deinit(&json);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(codec_json, every_cut_of_a_text_is_refused)
{
    static const char text[] =
        "{\"inputs\":[{\"name\":\"\\u00e9\xc3\xa9\",\"shape\":[2,3],\"data\":[[1.5,-2e-3,NaN],"
        "[Infinity,true,null]]},{\"data\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,"
        "22,"
        "23,24,25,26,27,28.5,29,30,31,32, 33, 34, 35]}]}";
    struct weir_codec_json_limits limits = WEIR_CODEC_JSON_LIMITS_INIT;
    limits.allows_nonfinite = true;
    struct weir_codec_json json;
    weir_codec_json_init(&json, &limits, test_mem());
    size_t n = sizeof text - 1;
    cr_assert_eq(scan_copy(&json, text, n, NULL), WEIR_OK);
    for (size_t cut = 0; cut < n; cut++)
        cr_assert_eq(scan_copy(&json, text, cut, NULL), WEIR_ERR_INVALID, "cut at %zu", cut);
    weir_codec_json_deinit(&json);
}

Test(codec_json, what_stands_behind_a_value_can_be_ignored)
{
    static const char *const texts[] = {"{\"a\":[1]}", "{\"a\":[1]} x", "{\"a\":[1]}}",
                                        "{\"a\":[1]}\xff"};
    struct weir_codec_json_limits limits = WEIR_CODEC_JSON_LIMITS_INIT;
    limits.ignores_tail = true;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        struct weir_codec_json json;
        weir_codec_json_init(&json, &limits, test_mem());
        cr_assert_eq(scan_copy(&json, texts[i], strlen(texts[i]), NULL), WEIR_OK, "%s", texts[i]);
        cr_assert_eq(json.end - json.start, 9);
        cr_assert_eq(scan_copy(&json, texts[i], 8, NULL), WEIR_ERR_INVALID);
        weir_codec_json_deinit(&json);
    }
}

static const struct {
    const char *text;
    const char *msg;
} messages[] = {
    {"{\"a\":1,\"b\" 2}", "offset 11: expected ':', got 2}"},
    {"[1,2", "offset 4: expected ',' or ']', got the end of the text"},
    {"{\"a\":\"x\"\"y\"}", "offset 8: expected ',' or '}', got \\x22y\\x22}"},
    {"[1.x]", "offset 3: expected a digit after the point, got x]"},
    {"[1] 2", "offset 4: expected the end of the text, got 2"},
    {"[\"abc]", "offset 1: a string that does not end"},
    {"[\"a\x01\"]", "offset 3: a control byte in a string"},
    {"[\"a\xff\"]", "offset 3: not UTF-8"},
    {"[1,nan]", "offset 3: expected a value, got nan]"},
    {"{1:2}", "offset 1: expected a name in quotes, got 1:2}"},
    {"[\"\\q\"]", "offset 2: expected an escape, got \\x5cq\\x22]"},
    {"{\"k\\n\":1,\"k\\u000a\":2}", "offset 9: the name \"k\\x5cu000a\" is there twice"},
};

ParameterizedTestParameters(codec_json, messages_name_the_place)
{
    static size_t rows[WEIR_ARRAY_LEN(messages)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, codec_json, messages_name_the_place)
{
    struct weir_codec_json json;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_codec_json_init(&json, NULL, test_mem());
    cr_assert_eq(scan_copy(&json, messages[*row].text, strlen(messages[*row].text), &err),
                 WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, messages[*row].msg, "got: %s", err.msg);
    weir_codec_json_deinit(&json);
}

/* Scans text with limits; returns the message, "" where it was accepted. */
static const char *scan_limited(const struct weir_codec_json_limits *limits, struct weir_buf *text)
{
    static struct weir_error err;
    struct weir_codec_json json;
    weir_codec_json_init(&json, limits, test_mem());
    err = (struct weir_error)WEIR_ERROR_INIT;
    enum weir_status status = scan_copy(&json, text->at, text->n, &err);
    cr_assert(status == WEIR_OK || status == WEIR_ERR_INVALID);
    weir_codec_json_deinit(&json);
    return err.msg;
}

Test(codec_json, depth_has_a_limit)
{
    struct weir_codec_json_limits limits = WEIR_CODEC_JSON_LIMITS_INIT;
    static const size_t depths[] = {63, 64, 65, 64000};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(depths); i++) {
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
        for (size_t k = 0; k < depths[i]; k++)
            weir_buf_append_c(&text, k % 2 ? "{\"a\":" : "[");
        weir_buf_append_c(&text, "1");
        for (size_t k = depths[i]; k-- > 0;)
            weir_buf_append_c(&text, k % 2 ? "}" : "]");
        const char *msg = scan_limited(&limits, &text);
        if (depths[i] <= 64)
            cr_assert_str_eq(msg, "");
        else
            cr_assert(strstr(msg, "more than 64 levels of arrays and objects"), "%s", msg);
    }
}

Test(codec_json, values_names_strings_and_numbers_have_limits)
{
    struct weir_codec_json_limits limits = WEIR_CODEC_JSON_LIMITS_INIT;
    limits.n_values_max = 101;
    limits.n_keys_max = 100;
    limits.string_bytes_max = 100;
    limits.number_bytes_max = 100;
    for (int n = 100; n <= 101; n++) {
        bool is_over = n > 100;
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
        for (int i = 0; i < n; i++)
            weir_buf_append_c(&text, i ? ",1" : "[1");
        weir_buf_append_c(&text, "]");
        cr_assert_eq(strstr(scan_limited(&limits, &text), "more than 101 values") != NULL, is_over);

        weir_buf_clear(&text);
        limits.n_values_max = 1000;
        for (int i = 0; i < n; i++)
            weir_buf_printf(&text, "%s\"%d\":1", i ? "," : "{", i);
        weir_buf_append_c(&text, "}");
        cr_assert_eq(strstr(scan_limited(&limits, &text), "more than 100 names in an object") !=
                         NULL,
                     is_over);
        limits.n_values_max = 101;

        weir_buf_clear(&text);
        weir_buf_printf(&text, "[\"%0*d\"]", n, 1);
        cr_assert_eq(strstr(scan_limited(&limits, &text), "more than 100 bytes in a string") !=
                         NULL,
                     is_over);

        weir_buf_clear(&text);
        weir_buf_printf(&text, "[0.%0*d,1,2,3]", n - 2, 1);
        cr_assert_eq(strstr(scan_limited(&limits, &text), "more than 100 bytes in a number") !=
                         NULL,
                     is_over);
    }
}

Test(codec_json, values_are_counted)
{
    struct weir_codec_json json;
    weir_codec_json_init(&json, NULL, test_mem());
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    for (int n = 1; n < 300; n++) {
        weir_buf_clear(&text);
        for (int i = 0; i < n; i++)
            weir_buf_append_c(&text, i == 0 ? "[1" : i % 7 == 0 ? ", -2.5" : i % 11 ? ",3" : ",[]");
        weir_buf_append_c(&text, "]");
        cr_assert_eq(weir_codec_json_scan(&json, weir_buf_str(&text), NULL), WEIR_OK);
        cr_assert_eq(json.n_values, (uint64_t)n + 1);
        cr_assert_eq(weir_codec_json_count(&json, json.root), (size_t)n);
    }
    weir_codec_json_deinit(&json);
}

Test(codec_json, many_names_are_told_apart)
{
    struct weir_codec_json json;
    weir_codec_json_init(&json, NULL, test_mem());
    static const int counts[] = {2, 12, 13, 100, 4096};
    for (size_t k = 0; k < WEIR_ARRAY_LEN(counts); k++) {
        for (int twice = 0; twice < 2; twice++) {
            WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
            weir_buf_append_c(&text, "[{\"in\":{\"name 0\":1}}");
            for (int i = 0; i < counts[k]; i++) {
                int name = twice && i == counts[k] - 1 ? counts[k] / 3 : i;
                weir_buf_printf(&text, "%s\"name %d\":{\"name 0\":{}}", i ? "," : ",{", name);
            }
            weir_buf_append_c(&text, "}]");
            struct weir_error err = WEIR_ERROR_INIT;
            cr_assert_eq(weir_codec_json_scan(&json, weir_buf_str(&text), &err),
                         twice ? WEIR_ERR_INVALID : WEIR_OK, "%d: %s", counts[k], err.msg);
        }
    }
    weir_codec_json_deinit(&json);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(codec_json, walkers_find_members_and_elements)
{
    /* Small and large, shallow and deep containers: with and without a noted end. */
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    weir_buf_append_c(&text, "{\"small\":[1,[2,{\"x\":\"]}\"}]],\"large\":[");
    for (int i = 0; i < 100; i++)
        weir_buf_printf(&text, "%s[%d,\"]\\\"\",{\"k\":[[[[[1%099d]]]]]}]", i ? " ,\n" : "", i, 1);
    weir_buf_append_c(&text, "] , \"text\" : \"a\\nb\",\"last\":-1.5e3}");
    struct weir_codec_json_limits limits = WEIR_CODEC_JSON_LIMITS_INIT;
    struct weir_codec_json json;
    weir_codec_json_init(&json, &limits, test_mem());
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_codec_json_scan(&json, weir_buf_str(&text), &err), WEIR_OK, "%s", err.msg);
    static const char *const names[] = {"small", "large", "text", "last"};
    static const size_t counts[] = {2, 100};
    struct weir_codec_json_iter it = weir_codec_json_iter(&json, json.root);
    struct weir_str name;
    const char *value;
    size_t n = 0;
    for (; weir_codec_json_next_member(&it, &name, &value); n++) {
        cr_assert(weir_codec_json_string_eq(name, weir_str_c(names[n])));
        if (n < 2)
            cr_assert_eq(weir_codec_json_count(&json, value), counts[n]);
        if (n == 1) {
            struct weir_codec_json_iter rows = weir_codec_json_iter(&json, value);
            const char *row;
            for (size_t i = 0; i < 100; i++) {
                cr_assert(weir_codec_json_next(&rows, &row));
                cr_assert_eq(weir_codec_json_count(&json, row), 3);
            }
            cr_assert_not(weir_codec_json_next(&rows, &row));
        }
    }
    cr_assert_eq(n, 4);
    cr_assert_eq(weir_codec_json_count(&json, json.root), 4);
    cr_assert(weir_str_eq_c(weir_codec_json_token(value, json.end), "-1.5e3"));
    weir_codec_json_deinit(&json);
    cr_assert_eq(test_mem_n_live(), 0);
}

static const struct {
    const char *written;
    const char *plain;
    size_t n; /* bytes of plain; 0: up to the NUL */
} texts[] = {
    {"abc", "abc", 0},
    {"", "", 0},
    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 0},
    {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac", 0},
    {"x\\uD834\\uDD1Ey", "x\xf0\x9d\x84\x9ey", 0},
    {"\\udbff\\udfff", "\xf4\x8f\xbf\xbf", 0},
    {"\\ud800", "\xef\xbf\xbd", 0},
    {"\\ud800\\u0041",
     "\xef\xbf\xbd"
     "A",
     0},
    {"\\udc00\\ud800", "\xef\xbf\xbd\xef\xbf\xbd", 0},
    {"\\ud800\\ud834\\udd1e", "\xef\xbf\xbd\xf0\x9d\x84\x9e", 0},
    {"a\\u0000b", "a\0b", 3},
    {"\xc3\xa9\\n", "\xc3\xa9\n", 0},
};

Test(codec_json, control_characters_of_every_kind_are_written_as_escapes)
{
    struct weir_buf written = WEIR_BUF_INIT;
    weir_codec_json_append_text(&written, WEIR_STR("\x1b\x7f\xc2\x80\xc2\x9b\xc2\xa0\xc3\x9b\xc2"));
    cr_assert_str_eq(weir_buf_c(&written),
                     "\"\\u001b\\u007f\\u0080\\u009b\xc2\xa0\xc3\x9b\xef\xbf\xbd\"");
    weir_buf_deinit(&written);
}

ParameterizedTestParameters(codec_json, escapes_are_understood)
{
    static size_t rows[WEIR_ARRAY_LEN(texts)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        rows[i] = i;
    return cr_make_param_array(size_t, rows, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *row, codec_json, escapes_are_understood)
{
    struct weir_str written = weir_str_c(texts[*row].written);
    struct weir_str plain =
        weir_str_make(texts[*row].plain, texts[*row].n ? texts[*row].n : strlen(texts[*row].plain));
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf buf = WEIR_BUF_INIT;
    weir_codec_json_unescape(written, &buf);
    cr_assert(weir_str_eq(weir_buf_str(&buf), plain), "%s", written.at);
    cr_assert(weir_codec_json_string_eq(written, plain), "%s", written.at);
    weir_buf_append_byte(&buf, 'x');
    cr_assert_not(weir_codec_json_string_eq(written, weir_buf_str(&buf)), "%s", written.at);
    if (plain.n > 0) {
        buf.at[0] ^= 1;
        buf.n = plain.n;
        cr_assert_not(weir_codec_json_string_eq(written, weir_buf_str(&buf)), "%s", written.at);
    }
}

Test(codec_json, written_text_reads_back)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 20260110);
    struct weir_codec_json json;
    weir_codec_json_init(&json, NULL, test_mem());
    for (size_t i = 0; i < 2000; i++) {
        char bytes[40];
        size_t n = weir_test_random_below(&r, sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)weir_test_random_below(&r, i % 2 ? 128 : 256);
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf written = WEIR_BUF_INIT;
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf plain = WEIR_BUF_INIT;
        weir_codec_json_append_text(&written, weir_str_make(bytes, n));
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(weir_codec_json_scan(&json, weir_buf_str(&written), &err), WEIR_OK,
                     "seed %" PRIu64 ": %s", r.seed, err.msg);
        weir_codec_json_unescape(weir_codec_json_string(json.root), &plain);
        if (i % 2)
            cr_assert(weir_str_eq(weir_buf_str(&plain), weir_str_make(bytes, n)), "seed %" PRIu64,
                      r.seed);
    }
    weir_codec_json_deinit(&json);
}

/* Goal: both passes agree with the C library on any mixture of number forms, at any offset. */
Test(codec_json, rows_are_read_as_strtod_reads_them)
{
    enum { N = 500 };
    static const char *const separators[] = {",", ", ", " ,", " , ", ",\n", ",  "};
    struct weir_test_random r;
    weir_test_random_init(&r, 20260111);
    struct weir_codec_json json;
    weir_codec_json_init(&json, NULL, test_mem());
    for (size_t round = 0; round < 200; round++) {
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
        double want[N];
        weir_buf_append_c(&text, "[");
        for (size_t i = 0; i < N; i++) {
            char number[64];
            double v = (weir_test_random_unit(&r) - 0.3) *
                       pow(10, (double)weir_test_random_below(&r, round % 3 ? 5 : 40) - 2);
            size_t form = round % 4 == 0 ? 3 : weir_test_random_below(&r, 10);
            if (form == 0)
                (void)snprintf(number, sizeof number, "%.17g", v);
            else if (form == 1)
                (void)snprintf(number, sizeof number, "%.5e", v);
            else if (form < 4)
                (void)snprintf(number, sizeof number, "%d", (int)(v * 100) % 1000);
            else
                (void)snprintf(number, sizeof number, "%.*f", (int)(form * 2), v);
            want[i] = strtod(number, NULL);
            weir_buf_printf(
                &text, "%s%s",
                i ? separators[round % 2 ? weir_test_random_below(&r, 6) : round % 4 / 2] : "",
                number);
        }
        weir_buf_append_c(&text, "]");
        cr_assert_eq(weir_codec_json_scan(&json, weir_buf_str(&text), NULL), WEIR_OK);
        cr_assert_eq(json.n_values, N + 1);
        double got[N + 1];
        float got_f32[N + 1];
        size_t n;
        const char *first = weir_codec_json_rows_first(json.root);
        const char *at = weir_codec_json_rows_read(&json, first, WEIR_CODEC_JSON_F64, got,
                                                   sizeof got[0], N + 1, &n);
        cr_assert_eq(n, N);
        cr_assert_eq(*at, ']');
        at = weir_codec_json_rows_read(&json, first, WEIR_CODEC_JSON_F32_BY_F64, got_f32,
                                       sizeof got_f32[0], N + 1, &n);
        cr_assert_eq(n, N);
        cr_assert_eq(*at, ']');
        for (size_t i = 0; i < N; i++) {
            cr_assert_eq(memcmp(&got[i], &want[i], sizeof got[i]), 0,
                         "seed %" PRIu64 ", round %zu, element %zu: %a is not %a", r.seed, round, i,
                         got[i], want[i]);
            cr_assert_eq(got_f32[i], (float)want[i]);
        }
        /* In pieces, it goes on where it stopped. */
        at = first;
        for (size_t i = 0; i < N; i += n) {
            size_t piece = 1 + weir_test_random_below(&r, 40);
            at = weir_codec_json_rows_read(&json, at, WEIR_CODEC_JSON_F64, got, sizeof got[0],
                                           piece, &n);
            cr_assert_eq(n, i + piece <= N ? piece : N - i);
            cr_assert_eq(memcmp(got, want + i, n * sizeof got[0]), 0);
        }
    }
    weir_codec_json_deinit(&json);
}

Test(codec_json, rows_stop_at_what_is_no_finite_number)
{
    struct weir_codec_json_limits limits = WEIR_CODEC_JSON_LIMITS_INIT;
    limits.allows_nonfinite = true;
    struct weir_codec_json json;
    weir_codec_json_init(&json, &limits, test_mem());
    static const struct {
        const char *text;
        char stop;
        size_t n;
    } rows[] = {
        {"[1,2,null,4]", 'n', 2},    {"[1 , -Infinity]", '-', 1}, {"[1,2,1e999,3]", '1', 2},
        {"[1,-1e999]", '-', 1},      {"[[1],2]", '[', 0},         {"[1,2,\"3\"]", '"', 2},
        {"[1,2,true]", 't', 2},      {"[1,NaN,2]", 'N', 1},       {"[]", ']', 0},
        {"[1,2,3,4,5,6,7]", '6', 5},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        double out[5];
        size_t n;
        cr_assert_eq(weir_codec_json_scan(&json, weir_str_c(rows[i].text), NULL), WEIR_OK);
        const char *at = weir_codec_json_rows_read(&json, weir_codec_json_rows_first(json.root),
                                                   WEIR_CODEC_JSON_F64, out, sizeof out[0], 5, &n);
        cr_assert_eq(n, rows[i].n, "%s", rows[i].text);
        cr_assert_eq(*at, rows[i].stop, "%s", rows[i].text);
    }
    float f32;
    size_t n;
    cr_assert_eq(weir_codec_json_scan(&json, WEIR_STR("[3.5e38]"), NULL), WEIR_OK);
    (void)weir_codec_json_rows_read(&json, weir_codec_json_rows_first(json.root),
                                    WEIR_CODEC_JSON_F32_BY_F64, &f32, sizeof f32, 1, &n);
    cr_assert_eq(n, 0, "a double that overflows float is not finite");
    weir_codec_json_deinit(&json);
}

Test(codec_json, running_out_of_memory_is_clean)
{
    static const char text[] = "{\"a\":[{\"\\u0061\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,"
                               "\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11,\"l\":12,\"m\":13}]}";
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        struct weir_codec_json json;
        weir_codec_json_init(&json, NULL, test_mem());
        test_mem_fail_at(n, false);
        enum weir_status status = weir_codec_json_scan(&json, weir_str_c(text), NULL);
        has_failed = test_mem_has_failed();
        cr_assert_eq(status, has_failed ? WEIR_ERR_NO_MEMORY : WEIR_OK);
        test_mem_fail_at(0, false);
        cr_assert_eq(weir_codec_json_scan(&json, weir_str_c(text), NULL), WEIR_OK);
        weir_codec_json_deinit(&json);
        cr_assert_eq(test_mem_n_live(), 0);
    }
}
