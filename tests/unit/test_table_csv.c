/* SPDX-License-Identifier: MIT */
/* Every text is read in pieces of every size from one byte on: a cut may fall anywhere. */
#include "base/macros.h"
#include "table/csv.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

struct source {
    struct weir_str rest;
    size_t piece;
};

static enum weir_status read_piece(void *ctx, char *out, size_t n, size_t *n_read,
                                   struct weir_error *err)
{
    struct source *s = ctx;
    (void)err;
    *n_read = weir_min_size(weir_min_size(n, s->piece), s->rest.n);
    if (*n_read > 0)
        memcpy(out, s->rest.at, *n_read);
    s->rest.at += *n_read;
    s->rest.n -= *n_read;
    return WEIR_OK;
}

/* Records are written as "line:field|field;". */
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
    {"mixed_ends", "a\nb\r\nc", "1:a;2:b;3:c;", NULL},
    {"empty_fields", ",\n,,\n", "1:|;2:||;", NULL},
    {"byte_order_mark",
     "\xef\xbb\xbf"
     "a,b\n",
     "1:a|b;", NULL},
    {"byte_order_mark_and_quote", "\xef\xbb\xbf\"a\",b\n", "1:a|b;", NULL},
    {"quoted", "\"a,b\",\"c\"\"d\"\n", "1:a,b|c\"d;", NULL},
    {"quoted_line_end", "\"a\r\nb\",c\nd,e\n", "1:a\r\nb|c;3:d|e;", NULL},
    {"quoted_empty", "\"\",\"\"\n", "1:|;", NULL},
    {"quoted_at_the_end", "\"a\"", "1:a;", NULL},
    {"only_quotes", "\"\"\"\"\n", "1:\";", NULL},
    {"blank_lines", "\na,b\n\n\r\nc,d\n\n", "2:a|b;5:c|d;", NULL},
    {"blank_line_of_one_column", "a\n\nb\n", "1:a;2:;3:b;", NULL},
    {"spaces_stay", " a , b \n", "1: a | b ;", NULL},
    {"lines_of_spaces", "a,b\n  \nc,d\n \t", "1:a|b;3:c|d;", NULL},
    {"spaces_in_one_column", "a\n  \nb\n", "1:a;2:  ;3:b;", NULL},
    {"utf8", "é,日本\n", "1:é|日本;", NULL},
    {"open_quote", "a,b\nc,\"d\ne", "1:a|b;",
     "line 2, column 2: the quoted field that begins here never ends"},
    {"quote_inside", "a,b\nc,d\"e\"\n", "1:a|b;",
     "line 2, column 2: a quote inside an unquoted field"},
    {"after_quote", "\"a\"b,c\n", "", "line 1, column 1: text after the closing quote"},
    {"lone_return", "a,b\rc,d\n", "",
     "line 1, column 2: a carriage return that is not followed by an end of line"},
};

static void read_all(const struct row *row, size_t piece, struct weir_buf *got,
                     struct weir_error *err)
{
    struct source source = {weir_str_c(row->text), piece};
    struct weir_table_csv csv;
    weir_table_csv_init(&csv, ',', read_piece, &source);
    for (;;) {
        enum weir_table_csv_result result = weir_table_csv_next(&csv, err);
        if (result != WEIR_TABLE_CSV_RECORD)
            break;
        weir_buf_printf(got, "%d:", (int)csv.line);
        for (size_t i = 0; i < csv.n_fields; i++)
            weir_buf_printf(got, "%s%.*s", i ? "|" : "", WEIR_STR_ARG(csv.fields[i]));
        weir_buf_append_byte(got, ';');
    }
    weir_table_csv_deinit(&csv);
}

ParameterizedTestParameters(table_csv, reads)
{
    static size_t index[WEIR_ARRAY_LEN(rows)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, WEIR_ARRAY_LEN(rows));
}

ParameterizedTest(size_t *index, table_csv, reads)
{
    const struct row *row = &rows[*index];
    for (size_t piece = 1; piece <= strlen(row->text) + 1; piece++) {
        struct weir_buf got = WEIR_BUF_INIT;
        struct weir_error err = WEIR_ERROR_INIT;
        read_all(row, piece, &got, &err);
        cr_assert_str_eq(weir_buf_c(&got), row->records, "%s in pieces of %zu: %s", row->label,
                         piece, weir_buf_c(&got));
        cr_assert_str_eq(err.msg, row->error ? row->error : "", "%s", row->label);
        weir_buf_deinit(&got);
    }
}

static enum weir_status read_nul(void *ctx, char *out, size_t n, size_t *n_read,
                                 struct weir_error *err)
{
    bool *is_done = ctx;
    (void)n;
    (void)err;
    *n_read = *is_done ? 0 : 4;
    memcpy(out, "a\0b\n", 4);
    *is_done = true;
    return WEIR_OK;
}

Test(table_csv, a_nul_byte_is_refused)
{
    bool is_done = false;
    struct weir_table_csv csv;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_table_csv_init(&csv, ',', read_nul, &is_done);
    cr_assert_eq(weir_table_csv_next(&csv, &err), WEIR_TABLE_CSV_BAD);
    cr_assert_str_eq(err.msg, "line 1, column 1: a NUL byte");
    weir_table_csv_deinit(&csv);
}

/* Endless bytes without an end of line. */
static enum weir_status read_endless(void *ctx, char *out, size_t n, size_t *n_read,
                                     struct weir_error *err)
{
    (void)err;
    memset(out, *(const char *)ctx, n);
    *n_read = n;
    return WEIR_OK;
}

Test(table_csv, an_endless_record_meets_its_limit)
{
    struct weir_table_csv csv;
    struct weir_error err = WEIR_ERROR_INIT;
    char x = 'x';
    weir_table_csv_init(&csv, ',', read_endless, &x);
    cr_assert_eq(weir_table_csv_next(&csv, &err), WEIR_TABLE_CSV_BAD);
    cr_assert_eq(err.code, WEIR_ERR_LIMIT);
    cr_assert_str_eq(err.msg, "line 1: the record is longer than 16777216 bytes");
    weir_table_csv_deinit(&csv);
}

Test(table_csv, too_many_columns_meet_their_limit)
{
    struct weir_buf text = WEIR_BUF_INIT;
    for (size_t i = 0; i < WEIR_TABLE_CSV_FIELDS_MAX; i++)
        weir_buf_append_byte(&text, ',');
    weir_buf_append_byte(&text, '\n');
    struct source source = {weir_buf_str(&text), text.n};
    struct weir_table_csv csv;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_table_csv_init(&csv, ',', read_piece, &source);
    cr_assert_eq(weir_table_csv_next(&csv, &err), WEIR_TABLE_CSV_BAD);
    cr_assert_str_eq(err.msg, "line 1: more than 65536 columns");
    weir_table_csv_deinit(&csv);
    weir_buf_deinit(&text);
}
