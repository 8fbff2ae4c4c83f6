/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "base/mem.h"
#include "codec/csv.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>

/* Records are written as "line:field|field;"; a field that was in quotes as 'field'. */
struct row {
    const char *label;
    const char *text;
    const char *records;
    const char *error; /* NULL: none */
};

static const struct row rows[] = {
    {"empty", "", "", NULL},
    {"one", "a,b\n", "1:a|b;", NULL},
    {"no_end_of_line", "a,b\nc,d", "1:a|b;2:c|d;", NULL},
    {"crlf", "a,b\r\nc,d\r\n", "1:a|b;2:c|d;", NULL},
    {"empty_fields", ",\n,,\n", "1:|;2:||;", NULL},
    {"separator_at_the_end", "a,", "1:a|;", NULL},
    {"byte_order_mark",
     "\xef\xbb\xbf"
     "a,b\n",
     "1:a|b;", NULL},
    {"quoted", "\"a,b\",\"c\"\"d\"\n", "1:'a,b'|'c\"d';", NULL},
    {"quoted_line_end", "\"a\r\nb\",c\nd,e\n", "1:'a\r\nb'|c;3:d|e;", NULL},
    {"quoted_empty", "\"\",\"\"\"\"", "1:''|'\"';", NULL},
    {"blank_lines", "\na\n\n\r\n  \nb\n\n \t", "2:a;6:b;", NULL},
    {"spaces_stay", " a , b \n", "1: a | b ;", NULL},
    {"open_quote", "a,b\nc,\"d\ne", "1:a|b;2:c",
     "line 2, column 2: the quoted field that begins here never ends"},
    {"quote_inside", "a,b\nc,d\"e\"\n", "1:a|b;2:c",
     "line 2, column 2: a quote inside an unquoted field"},
    {"after_quote", "\"a\"b,c\n", "", "line 1, column 1: text after the closing quote"},
    {"lone_return", "a,b\rc,d\n", "1:a",
     "line 1, column 2: a carriage return that is not followed by an end of line"},
    {"lone_return_at_the_end", "a\r", "",
     "line 1, column 1: a carriage return that is not followed by an end of line"},
};

ParameterizedTestParameters(codec_csv, reads)
{
    static size_t index[WEIR_ARRAY_LEN(rows)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *index, codec_csv, reads)
{
    const struct row *row = &rows[*index];
    struct weir_buf got = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    /* A copy without a NUL behind it, so that reading past the end is seen. */
    struct weir_str text = weir_str_c(row->text);
    char *copy = weir_mem_array(weir_mem_default(), text.n + 1, 1);
    cr_assert(copy);
    memcpy(copy, text.at, text.n);
    struct weir_codec_csv csv;
    struct weir_codec_csv_field field;
    weir_codec_csv_init(&csv, weir_str_make(copy, text.n), ',');
    bool is_first = true;
    while (weir_codec_csv_next(&csv, &field, &err) == WEIR_CODEC_CSV_FIELD) {
        char plain[64];
        const char *quote = field.is_quoted ? "'" : "";
        int n = (int)weir_codec_csv_unquote(&field, plain);
        cr_assert(weir_codec_csv_eq(&field, weir_str_make(plain, (size_t)n)));
        cr_assert_not(weir_codec_csv_eq(&field, WEIR_STR("something else")));
        if (is_first)
            weir_buf_printf(&got, "%d:", (int)csv.line);
        weir_buf_printf(&got, "%s%s%.*s%s%s", is_first ? "" : "|", quote, n, plain, quote,
                        field.is_last ? ";" : "");
        is_first = field.is_last;
    }
    cr_assert_str_eq(weir_buf_c(&got) ? weir_buf_c(&got) : "", row->records, "%s: %s", row->label,
                     weir_buf_c(&got));
    cr_assert_str_eq(err.msg, row->error ? row->error : "", "%s", row->label);
    weir_mem_free(weir_mem_default(), copy);
    weir_buf_deinit(&got);
}

Test(codec_csv, a_nul_byte_is_refused)
{
    struct weir_codec_csv csv;
    struct weir_codec_csv_field field;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_codec_csv_init(&csv, WEIR_STR("a\0b\n"), ',');
    cr_assert_eq(weir_codec_csv_next(&csv, &field, &err), WEIR_CODEC_CSV_BAD);
    cr_assert_str_eq(err.msg, "line 1, column 1: a NUL byte");
}

Test(codec_csv, what_is_written_is_read_back)
{
    static const char *const texts[] = {"",   "a",    "a,b", "a\"b", " a",
                                        "a ", "a\nb", "a\r", "\"",   "é"};
    struct weir_buf out = WEIR_BUF_INIT;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        weir_buf_append_c(&out, i ? "," : "");
        weir_codec_csv_put(&out, weir_str_c(texts[i]));
    }
    struct weir_codec_csv csv;
    struct weir_codec_csv_field field;
    weir_codec_csv_init(&csv, weir_buf_str(&out), ',');
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        cr_assert_eq(weir_codec_csv_next(&csv, &field, NULL), WEIR_CODEC_CSV_FIELD);
        cr_assert(weir_codec_csv_eq(&field, weir_str_c(texts[i])), "%s", texts[i]);
        cr_assert_eq(field.is_last, i + 1 == WEIR_ARRAY_LEN(texts));
    }
    cr_assert_eq(weir_codec_csv_next(&csv, &field, NULL), WEIR_CODEC_CSV_END);
    weir_buf_deinit(&out);
}

struct number_row {
    const char *text;
    double value;
    bool is_number;
};

static const struct number_row numbers[] = {
    {"0", 0, true},
    {"-1.5e3", -1500, true},
    {" 7 ", 7, true},
    {"\t2.5", 2.5, true},
    {"+1", 1, true},
    {".5", .5, true},
    {"5.", 5, true},
    {"-.5e-1", -.05, true},
    {"01", 1, true},
    {"0.1", 0.1, true},
    {"1e400", INFINITY, true},
    {"inf", INFINITY, true},
    {"-Infinity", -INFINITY, true},
    {"True", 1, true},
    {"false", 0, true},
    {"", NAN, true},
    {"   ", NAN, true},
    {"nan", NAN, true},
    {"NA", NAN, true},
    {"n/a", NAN, true},
    {"NULL", NAN, true},
    {"None", NAN, true},
    {"#N/A", NAN, true},
    {"-1.#IND", NAN, true},
    {"x", 0, false},
    {"1x", 0, false},
    {"1 2", 0, false},
    {"0x10", 0, false},
    {"1,5", 0, false},
    {"--1", 0, false},
    {"e", 0, false},
    {".", 0, false},
    {"+", 0, false},
    {"1e", 0, false},
    {"nan(1)", 0, false},
    {"infinit", 0, false},
};

Test(codec_csv, reads_numbers_as_tables_have_them)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(numbers); i++) {
        double got = 0;
        bool is_number = weir_codec_csv_number(weir_str_c(numbers[i].text), &got);
        cr_assert_eq(is_number, numbers[i].is_number, "\"%s\"", numbers[i].text);
        if (is_number && isnan(numbers[i].value))
            cr_assert(isnan(got), "\"%s\"", numbers[i].text);
        else if (is_number)
            cr_assert(got == numbers[i].value, "\"%s\" is %g", numbers[i].text, got);
    }
}

Test(codec_csv, a_long_field_is_no_number)
{
    char text[1000];
    memset(text, '1', sizeof text);
    text[0] = '+';
    double got = 0;
    cr_assert_not(weir_codec_csv_number(weir_str_make(text, sizeof text), &got));
}
