/* SPDX-License-Identifier: MIT */
#include "metric/selection.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

enum { REQUESTS, DEPTH, ROWS, N_FAMILIES };

static const struct weir_metric_family families[N_FAMILIES] = {
    [REQUESTS] = {"t_requests_total",
                  WEIR_METRIC_COUNTER,
                  WEIR_METRIC_UNIT_NONE,
                  "Requests.",
                  {"model", "version", "code"}},
    [DEPTH] = {"t_depth", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "Rows that wait.", {"loop"}},
    [ROWS] = {"t_rows",
              WEIR_METRIC_HISTOGRAM,
              WEIR_METRIC_UNIT_NONE,
              "Rows of a batch.",
              {"model", "version"}},
};

static struct weir_metric_registry *r;
static struct weir_buf page;

static void count(const char *model, const char *version, const char *code, uint64_t n)
{
    struct weir_str values[] = {weir_str_c(model), weir_str_c(version), weir_str_c(code)};
    weir_metric_counter_add(weir_metric_registry_counter(r, 0, REQUESTS, values), n);
}

static void setup(void)
{
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_metric_registry_new(&r, families, N_FAMILIES, 2, 100, test_mem(), &err),
                 WEIR_OK, "%s", err.msg);
    page = (struct weir_buf){.mem = test_mem()};
    count("a", "1", "200", 5);
    count("a", "2", "200", 7);
    count("a", "2", "503", 1);
    count("b", "1", "200", 11);
    struct weir_str loop = WEIR_STR("0");
    weir_metric_gauge_set(weir_metric_registry_gauge(r, 1, DEPTH, &loop), -3);
    for (int i = 0; i < 3; i++) {
        struct weir_str of[] = {i < 2 ? WEIR_STR("a") : WEIR_STR("b"), WEIR_STR("1")};
        weir_metric_histogram_add(weir_metric_registry_histogram(r, (uint32_t)i % 2, ROWS, of),
                                  (uint64_t)i + 1);
    }
}

static void teardown(void)
{
    weir_buf_deinit(&page);
    weir_metric_registry_free(r);
    cr_assert_eq(test_mem_n_live(), 0);
}

static const char *expose(const struct weir_metric_selection *selection)
{
    weir_buf_clear(&page);
    weir_metric_selection_expose(selection, r, &page);
    const char *text = weir_buf_c(&page);
    cr_assert_not_null(text);
    return text;
}

TestSuite(metric_selection, .init = setup, .fini = teardown, .timeout = 10);

Test(metric_selection, without_names_it_is_the_whole_page)
{
    struct weir_buf whole = {.mem = test_mem()};
    weir_metric_registry_expose(r, &whole);
    cr_assert_str_eq(expose(&(struct weir_metric_selection){.n_names = 0}), weir_buf_c(&whole));
    cr_assert_not_null(strstr(weir_buf_c(&whole), "t_depth{loop=\"0\"} -3\n"));
    weir_buf_deinit(&whole);
}

Test(metric_selection, families_are_named_and_keep_their_order)
{
    const struct weir_metric_selection selection = {
        .names = {WEIR_STR("t_depth"), WEIR_STR("t_requests_total"), WEIR_STR("t_other")},
        .n_names = 3};
    cr_assert_str_eq(expose(&selection),
                     "# HELP t_requests_total Requests.\n# TYPE t_requests_total counter\n"
                     "t_requests_total{model=\"a\",version=\"1\",code=\"200\"} 5\n"
                     "t_requests_total{model=\"a\",version=\"2\",code=\"200\"} 7\n"
                     "t_requests_total{model=\"a\",version=\"2\",code=\"503\"} 1\n"
                     "t_requests_total{model=\"b\",version=\"1\",code=\"200\"} 11\n"
                     "# HELP t_depth Rows that wait.\n# TYPE t_depth gauge\n"
                     "t_depth{loop=\"0\"} -3\n");
}

Test(metric_selection, one_model_leaves_out_the_others_but_nothing_without_a_model)
{
    const struct weir_metric_selection selection = {
        .names = {WEIR_STR("t_depth"), WEIR_STR("t_requests_total")},
        .n_names = 2,
        .model = WEIR_STR("b")};
    const char *text = expose(&selection);
    cr_assert_null(strstr(text, "model=\"a\""), "%s", text);
    cr_assert_not_null(strstr(text, "{model=\"b\",version=\"1\",code=\"200\"} 11\n"), "%s", text);
    cr_assert_not_null(strstr(text, "t_depth{loop=\"0\"} -3\n"), "%s", text);
}

Test(metric_selection, a_sum_is_over_models_and_versions_alone)
{
    const struct weir_metric_selection selection = {
        .names = {WEIR_STR("t_rows"), WEIR_STR("t_requests_total")},
        .is_summed = {true, true},
        .n_names = 2,
        .model = WEIR_STR("b")}; /* Not of families that are summed. */
    const char *text = expose(&selection);
    cr_assert_not_null(strstr(text,
                              "# TYPE t_requests_total counter\n"
                              "t_requests_total{model=\"\",version=\"\",code=\"200\"} 23\n"
                              "t_requests_total{model=\"\",version=\"\",code=\"503\"} 1\n# HELP"),
                       "%s", text);
    cr_assert_not_null(strstr(text, "t_rows_bucket{model=\"\",version=\"\",le=\"2\"} 2\n"), "%s",
                       text);
    cr_assert_not_null(strstr(text, "t_rows_sum{model=\"\",version=\"\"} 6\n"), "%s", text);
    cr_assert_not_null(strstr(text, "t_rows_count{model=\"\",version=\"\"} 3\n"), "%s", text);
}

Test(metric_selection, a_sum_has_as_many_groups_as_there_are)
{
    char code[16];
    for (int i = 0; i < 40; i++) {
        (void)snprintf(code, sizeof code, "%d", 600 + i);
        count("a", "1", code, 1);
        count("b", "9", code, 1);
    }
    const struct weir_metric_selection selection = {
        .names = {WEIR_STR("t_requests_total")}, .is_summed = {true}, .n_names = 1};
    const char *text = expose(&selection);
    cr_assert_not_null(strstr(text, "code=\"600\"} 2\n"), "%s", text);
    cr_assert_not_null(strstr(text, "code=\"639\"} 2\n"), "%s", text);
}

Test(metric_selection, a_text_is_cut_by_families)
{
    const char *text = "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n"
                       "# HELP b B.\n# TYPE b gauge\nb{x=\"a_total\"} 2\nb 3\n"
                       "# HELP c C.\n# TYPE c gauge\nc 4";
    const struct weir_metric_selection b = {.names = {WEIR_STR("b")}, .n_names = 1};
    const struct weir_metric_selection all = {.n_names = 0};
    weir_metric_selection_cut(&b, weir_str_c(text), &page);
    cr_assert_str_eq(weir_buf_c(&page), "# HELP b B.\n# TYPE b gauge\nb{x=\"a_total\"} 2\nb 3\n");
    weir_buf_clear(&page);
    weir_metric_selection_cut(&all, weir_str_c(text), &page);
    cr_assert_str_eq(weir_buf_c(&page), text);
}

Test(metric_selection, no_memory_is_told_by_the_buffer)
{
    const struct weir_metric_selection selection = {
        .names = {WEIR_STR("t_rows")}, .is_summed = {true}, .n_names = 1};
    for (uint64_t n = 1;; n++) {
        weir_buf_deinit(&page);
        test_mem_fail_at(n, false);
        weir_metric_selection_expose(&selection, r, &page);
        test_mem_fail_at(0, false);
        if (weir_buf_ok(&page))
            break;
        cr_assert_lt(n, 100);
    }
}
