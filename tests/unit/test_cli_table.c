/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "cli/table.h"

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
