/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "test_mem.h"

#include <criterion/criterion.h>

Test(base_buf, appends_of_all_kinds_add_up)
{
    struct weir_buf b = WEIR_BUF_INIT;
    weir_buf_append_c(&b, "n=");
    weir_buf_append_u64(&b, UINT64_MAX);
    weir_buf_append_byte(&b, ' ');
    weir_buf_append_i64(&b, INT64_MIN);
    weir_buf_printf(&b, " %s %d", "x", 7);
    cr_assert_str_eq(weir_buf_c(&b), "n=18446744073709551615 -9223372036854775808 x 7");
    weir_buf_deinit(&b);
}

Test(base_buf, an_append_without_memory_marks_the_buffer_and_keeps_the_rest)
{
    struct weir_buf b = {.mem = test_mem()};
    weir_buf_append_c(&b, "kept");
    test_mem_fail_at(1, false);
    char big[1000] = {0};
    weir_buf_append(&b, big, sizeof big);
    cr_assert_not(weir_buf_ok(&b));
    weir_buf_append_c(&b, "ignored");
    cr_assert_eq(b.n, 4);
    weir_buf_clear(&b);
    cr_assert(weir_buf_ok(&b));
    weir_buf_deinit(&b);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(base_buf, a_size_that_wraps_is_no_memory)
{
    struct weir_buf b = WEIR_BUF_INIT;
    weir_buf_append_c(&b, "x");
    cr_assert_eq(weir_buf_reserve(&b, SIZE_MAX), WEIR_ERR_NO_MEMORY);
    weir_buf_deinit(&b);
}
