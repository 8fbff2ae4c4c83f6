/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <criterion/criterion.h>

Test(base_str, numbers_are_digits_only_and_bounded)
{
    uint64_t v = 7;
    cr_assert(weir_str_to_u64(WEIR_STR("18446744073709551615"), UINT64_MAX, &v));
    cr_assert_eq(v, UINT64_MAX);
    cr_assert_not(weir_str_to_u64(WEIR_STR("18446744073709551616"), UINT64_MAX, &v));
    cr_assert_not(weir_str_to_u64(WEIR_STR("+1"), 10, &v));
    cr_assert_not(weir_str_to_u64(WEIR_STR(""), 10, &v));
    cr_assert_not(weir_str_to_u64(WEIR_STR("11"), 10, &v));
    cr_assert_eq(v, UINT64_MAX, "a failed parse must leave the result alone");
}

Test(base_str, echo_shows_at_most_64_escaped_bytes)
{
    char out[WEIR_ECHO_BUF_BYTES];
    char wide[80];
    memset(wide, '\n', sizeof wide);
    weir_str_echo(weir_str_make(wide, sizeof wide), out, sizeof out);
    cr_assert_eq(strlen(out), 64 * 4 + 3);
    cr_assert_str_eq(out + 64 * 4, "...");
    cr_assert_str_eq(weir_str_echo(WEIR_STR("a\"b"), out, sizeof out), "a\\x22b");
}

Test(base_str, names_keep_to_the_alphabet)
{
    cr_assert(weir_str_is_name(WEIR_STR("churn-2.v_1")));
    cr_assert_not(weir_str_is_name(WEIR_STR(".hidden")));
    cr_assert_not(weir_str_is_name(WEIR_STR("a/b")));
    cr_assert_not(weir_str_is_name(WEIR_STR("")));
}

Test(base_str, split_walks_all_parts)
{
    struct weir_str rest = WEIR_STR("a,,b");
    cr_assert(weir_str_eq_c(weir_str_split(&rest, ','), "a"));
    cr_assert(weir_str_eq_c(weir_str_split(&rest, ','), ""));
    cr_assert(weir_str_eq_c(weir_str_split(&rest, ','), "b"));
    cr_assert_null(rest.at);
}
