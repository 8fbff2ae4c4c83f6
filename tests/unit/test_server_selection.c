/* SPDX-License-Identifier: MIT */
#include "server/selection.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <string.h>

static struct weir_metric_selection selection;
static struct weir_buf room;
static struct weir_error err;

static void setup(void)
{
    room = (struct weir_buf){.mem = test_mem()};
}

static void teardown(void)
{
    weir_buf_deinit(&room);
    cr_assert_eq(test_mem_n_live(), 0);
}

static enum weir_status parse(const char *query)
{
    weir_buf_clear(&room);
    return weir_server_selection_read(&selection, weir_str_c(query), &room, &err);
}

TestSuite(server_selection, .init = setup, .fini = teardown, .timeout = 10);

Test(server_selection, families_sums_and_a_model_are_read)
{
    cr_assert_eq(parse("name[]=a_total&sum%5B%5D=b&model=a%20b%26c&&"), WEIR_ERR_INVALID);
    cr_assert_eq(parse("name[]=a_total&sum%5B%5D=b&model=a%20b%26c"), WEIR_OK, "%s", err.msg);
    cr_assert_eq(selection.n_names, 2);
    cr_assert(weir_str_eq_c(selection.names[0], "a_total"));
    cr_assert(!selection.is_summed[0]);
    cr_assert(weir_str_eq_c(selection.names[1], "b"));
    cr_assert(selection.is_summed[1]);
    cr_assert(weir_str_eq_c(selection.model, "a b&c"));
}

Test(server_selection, no_query_is_everything)
{
    cr_assert_eq(parse(""), WEIR_OK);
    cr_assert_eq(selection.n_names, 0);
    cr_assert_eq(selection.model.n, 0);
}

Test(server_selection, what_is_not_known_is_refused_by_name)
{
    cr_assert_eq(parse("names=a"), WEIR_ERR_INVALID);
    cr_assert_not_null(strstr(err.msg, "names"), "%s", err.msg);
    char query[WEIR_METRIC_SELECTION_NAMES_MAX * 10 + 16] = "";
    for (int i = 0; i < WEIR_METRIC_SELECTION_NAMES_MAX; i++)
        strncat(query, i > 0 ? "&name[]=a" : "name[]=a", 10);
    cr_assert_eq(parse(query), WEIR_OK, "%s", err.msg);
    strncat(query, "&sum[]=a", 10);
    cr_assert_eq(parse(query), WEIR_ERR_INVALID);
}
