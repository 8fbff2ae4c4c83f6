/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "cli/progress.h"

#include <criterion/criterion.h>

Test(cli_progress, half_way)
{
    char line[160];
    weir_cli_progress_text(line, sizeof line, "rows", 50, 100, 1234567, 10 * WEIR_NS_PER_S);
    cr_assert_str_eq(
        line, "[===============>              ]  50 %  1,234,567 rows  123,456/s  0:10 left");
}

Test(cli_progress, begin_and_end)
{
    char line[160];
    weir_cli_progress_text(line, sizeof line, "rows", 0, 100, 0, 0);
    cr_assert_str_eq(line, "[>                             ]   0 %  0 rows  0/s");
    weir_cli_progress_text(line, sizeof line, "rows", 101, 100, 10, WEIR_NS_PER_S);
    cr_assert_str_eq(line, "[==============================] 100 %  10 rows  10/s");
}

Test(cli_progress, unknown_total)
{
    char line[160];
    weir_cli_progress_text(line, sizeof line, "rows", 7, 0, 1000, WEIR_NS_PER_S / 2);
    cr_assert_str_eq(line, "1,000 rows  2,000/s");
}

Test(cli_progress, a_small_buffer_cuts)
{
    char line[10];
    weir_cli_progress_text(line, sizeof line, "rows", 50, 100, 1, WEIR_NS_PER_S);
    cr_assert_eq(strlen(line), 9);
}

Test(cli_progress, nothing_is_drawn_without_a_terminal)
{
    struct weir_cli_progress p;
    weir_cli_progress_init(&p, "rows", 0);
    p.is_shown = false;
    weir_cli_progress_step(&p, 1, 2, 1, 10 * WEIR_NS_PER_S);
    cr_assert_eq(p.n_drawn, 0);
}
