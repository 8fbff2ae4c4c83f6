/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "table/table.h"
#include "tensor/cell.h"
#include "test_sink.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <math.h>
#include <sys/stat.h>

Test(table_table, columns_of_text_are_read_into_cells)
{
    static const char csv[] = "height,grade,city,age\n"
                              "1.5,7,\"Rome, \"\"IT\"\"\",30\n"
                              ",,,\n"
                              "2,b7,NA,NA\n";
    struct weir_test_tmp tmp;
    struct weir_table table;
    struct weir_error err = WEIR_ERROR_INIT;
    const struct weir_table_opts opts = {0};
    struct weir_spec spec = weir_test_spec_frame();
    char path[300];
    double cells[4][4]; /* age, city, grade, height */
    uint64_t lines[4];
    size_t n = 0;
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "rows.csv", csv, sizeof csv - 1);
    weir_test_tmp_path(&tmp, "rows.csv", path, sizeof path);
    cr_assert_eq(weir_table_open(&table, path, &spec, &opts, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(weir_table_read(&table, cells, WEIR_F64, 4, lines, &n, &err), WEIR_OK, "%s",
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
    weir_table_close(&table);
    weir_test_tmp_deinit(&tmp);
}

/* Opening a pipe that nobody writes to does not come back; neither does reading a device. */
Test(table_table, only_a_regular_file_where_one_is_wanted, .timeout = 20)
{
    struct weir_test_tmp tmp;
    struct weir_table table;
    struct weir_error err = WEIR_ERROR_INIT;
    const struct weir_table_opts opts = {.is_regular = true};
    struct weir_spec spec = weir_test_spec_frame();
    char path[300];
    weir_test_tmp_init(&tmp);
    weir_test_tmp_path(&tmp, "pipe", path, sizeof path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    const char *const others[] = {path, "/dev/zero", tmp.path};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(others); i++) {
        cr_assert_eq(weir_table_open(&table, others[i], &spec, &opts, &err), WEIR_ERR_INVALID);
        cr_assert_not_null(strstr(err.msg, "not a regular file"), "%s", err.msg);
    }
    weir_test_tmp_deinit(&tmp);
}
