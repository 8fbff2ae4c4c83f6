/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "base/near.h"

#include <criterion/criterion.h>

Test(near, edits_are_counted)
{
    cr_assert_eq(weir_near_distance(WEIR_STR("ab"), WEIR_STR("ba")), 1);
    cr_assert_eq(weir_near_distance(WEIR_STR(""), WEIR_STR("abc")), 3);
    cr_assert_eq(weir_near_distance(WEIR_STR("max-batch"), WEIR_STR("max_batch")), 0);
}

Test(near, the_nearest_text_is_found_unless_all_are_far)
{
    static const char *const texts[] = {"holdout", "label", "rules"};
    size_t n = WEIR_ARRAY_LEN(texts);
    cr_assert_str_eq(weir_near_find(WEIR_STR("holdut"), texts, n), "holdout");
    cr_assert_str_eq(weir_near_find(WEIR_STR("lable"), texts, n), "label");
    cr_assert_null(weir_near_find(WEIR_STR("zzzzzzzz"), texts, n));
}
