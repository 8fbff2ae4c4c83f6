/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "cli/table.h"
#include "tensor/cell.h"
#include "test_sink.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <math.h>

struct row {
    const char *text;
    double value;
    bool is_number;
};

static const struct row rows[] = {
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

Test(cli_table, reads_numbers_as_tables_have_them)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        double got = 0;
        bool is_number = weir_cli_table_number(weir_str_c(rows[i].text), &got);
        cr_assert_eq(is_number, rows[i].is_number, "\"%s\"", rows[i].text);
        if (is_number && isnan(rows[i].value))
            cr_assert(isnan(got), "\"%s\"", rows[i].text);
        else if (is_number)
            cr_assert(got == rows[i].value, "\"%s\" is %g", rows[i].text, got);
    }
}

Test(cli_table, a_long_field_is_no_number)
{
    char text[1000];
    memset(text, '1', sizeof text);
    text[0] = '+';
    double got = 0;
    cr_assert_not(weir_cli_table_number(weir_str_make(text, sizeof text), &got));
}

Test(cli_table, columns_of_text_are_read_into_cells)
{
    static const char csv[] = "height,grade,city,age\n"
                              "1.5,7,\"Rome, \"\"IT\"\"\",30\n"
                              ",,,\n"
                              "2,b7,NA,NA\n";
    struct weir_test_tmp tmp;
    struct weir_cli_table table;
    struct weir_error err = WEIR_ERROR_INIT;
    const struct weir_cli_table_opts opts = {0};
    struct weir_spec spec = weir_test_spec_frame();
    char path[300];
    double cells[4][4]; /* age, city, grade, height */
    uint64_t lines[4];
    size_t n = 0;
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "rows.csv", csv, sizeof csv - 1);
    weir_test_tmp_path(&tmp, "rows.csv", path, sizeof path);
    cr_assert_eq(weir_cli_table_open(&table, path, &spec, &opts, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(weir_cli_table_read(&table, cells, WEIR_F64, 4, lines, &n, &err), WEIR_OK, "%s",
                 err.msg);
    cr_assert_eq(n, 3);
    cr_assert_eq(cells[0][0], 30);
    cr_assert(weir_str_eq_c(weir_cell_text(cells[0][1]), "Rome, \"IT\""));
    cr_assert_eq(cells[0][2], 7, "a number in a column of both is one");
    cr_assert_eq(cells[0][3], 1.5);
    cr_assert(weir_cell_is_number(cells[1][0]) && isnan(cells[1][0]));
    cr_assert(weir_cell_is_none(cells[1][1]));
    cr_assert(weir_cell_is_none(cells[1][2]));
    cr_assert(isnan(cells[2][0]));
    cr_assert(weir_str_eq_c(weir_cell_text(cells[2][1]), "NA"));
    cr_assert(weir_str_eq_c(weir_cell_text(cells[2][2]), "b7"));
    weir_cli_table_close(&table);
    weir_test_tmp_deinit(&tmp);
}
