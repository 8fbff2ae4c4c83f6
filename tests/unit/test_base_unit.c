/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/macros.h"
#include "base/unit.h"

#include <criterion/criterion.h>

Test(unit, times_need_a_unit)
{
    uint64_t v = 7;
    cr_assert(weir_unit_read_duration(WEIR_STR("1.5s"), &v));
    cr_assert_eq(v, 1500 * WEIR_NS_PER_MS);
    cr_assert(weir_unit_read_duration(WEIR_STR("0"), &v));
    cr_assert_eq(v, 0);
    cr_assert_not(weir_unit_read_duration(WEIR_STR("5"), &v));
    cr_assert_not(weir_unit_read_duration(WEIR_STR("0.0000000001s"), &v));
    cr_assert_not(weir_unit_read_duration(WEIR_STR("99999999999999999999s"), &v));
    cr_assert_eq(v, 0);
}

Test(unit, sizes_may_have_one)
{
    uint64_t v = 0;
    cr_assert(weir_unit_read_size(WEIR_STR("16MiB"), &v));
    cr_assert_eq(v, 16 << 20);
    cr_assert(weir_unit_read_size(WEIR_STR("17"), &v));
    cr_assert_eq(v, 17);
    cr_assert_not(weir_unit_read_size(WEIR_STR("17 apples"), &v));
}

Test(unit, writing_takes_the_largest_that_divides)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf b = WEIR_BUF_INIT;
    weir_unit_write_duration(90 * WEIR_NS_PER_S, &b);
    weir_buf_append_byte(&b, ' ');
    weir_unit_write_size(3 << 20, &b);
    weir_buf_append_byte(&b, ' ');
    weir_unit_write_duration(0, &b);
    cr_assert_str_eq(weir_buf_c(&b), "90s 3MiB 0s");
}
