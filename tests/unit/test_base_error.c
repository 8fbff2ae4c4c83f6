/* SPDX-License-Identifier: MIT */
#include <weir/error.h>

#include <criterion/criterion.h>

#include <string.h>

Test(base_error, prefixes_go_before_the_reason)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_error_set(&err, WEIR_ERR_CORRUPT, "node %d: left child out of range", 4),
                 WEIR_ERR_CORRUPT);
    cr_assert_eq(weir_error_prefix(&err, "tree %d", 17), WEIR_ERR_CORRUPT);
    cr_assert_eq(weir_error_prefix(&err, "models/churn"), WEIR_ERR_CORRUPT);
    cr_assert_str_eq(err.msg, "models/churn: tree 17: node 4: left child out of range");
}

Test(base_error, long_messages_are_cut_not_overrun)
{
    struct weir_error err = WEIR_ERROR_INIT;
    char wide[1000];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    cr_assert_eq(weir_error_set(&err, WEIR_ERR_INVALID, "%s", wide), WEIR_ERR_INVALID);
    cr_assert_eq(strlen(err.msg), WEIR_ERROR_MSG_BYTES - 1);
    cr_assert_eq(weir_error_prefix(&err, "%s", wide), WEIR_ERR_INVALID);
    cr_assert_eq(strlen(err.msg), WEIR_ERROR_MSG_BYTES - 1);
}

Test(base_error, a_caller_may_pass_no_error)
{
    cr_assert_eq(weir_error_set(NULL, WEIR_ERR_IO, "x"), WEIR_ERR_IO);
    cr_assert_str_eq(weir_status_name(WEIR_ERR_LIMIT), "limit");
    cr_assert_str_eq(weir_status_name((enum weir_status)99), "unknown");
}
