/* SPDX-License-Identifier: MIT */
/* Rows cut by columns: which rows are in which part, and what is the same on both sides. */
#include "base/macros.h"
#include "gate/align.h"
#include "gate/compare.h"
#include "gate/rows.h"
#include "gate/slice.h"
#include "test_mem.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static enum weir_status read_rows(const char *text, const char *const *specs, size_t n_specs,
                                  const char *score, struct weir_gate_holdout *holdout,
                                  struct weir_error *err)
{
    static struct weir_str slices[8];
    struct weir_gate_holdout_opts opts = {
        .label = "y", .score_column = score, .slices = slices, .n_slices = n_specs};
    struct weir_test_tmp tmp;
    char path[300];
    for (size_t i = 0; i < n_specs; i++)
        slices[i] = weir_str_c(specs[i]);
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "rows.csv", text, strlen(text));
    weir_test_tmp_path(&tmp, "rows.csv", path, sizeof path);
    enum weir_status status = weir_gate_holdout_read(holdout, path, NULL, &opts, err);
    weir_test_tmp_deinit(&tmp);
    return status;
}

/* Quantiles of 1, 2, 2, 2, 5, 8, 9 in three: 1, 2, 5, 9; of b: there is one value. */
static const char rows[] = "y,s,t,a,b,c:2\n"
                           "0,.1,.2,2,7,x\n1,.5,.2,1,7,x\n0,.3,.4,2,7,y\n1,.6,.1,9,7,x\n"
                           "1,.4,.9,,7,x\n0,.7,.3,5,7,z\n1,.8,.7,2,7,x\n0,.2,.5,8,7,x\n";

Test(gate_slice, numbers_are_cut_at_their_quantiles)
{
    static const struct {
        const char *name;
        size_t n;
        double low, high;
    } parts[] = {
        {"a:3=1", 4, 1, 2}, {"a:3=2", 1, 2, 5},
        {"a:3=3", 2, 5, 9}, {"a:3=", 1, (double)NAN, (double)NAN},
        {"b:2=1", 8, 7, 7}, {"c:2=x", 6, (double)NAN, (double)NAN},
    };
    static const char *const specs[] = {"a:3", "b:2", "c:2"};
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_gate_holdout holdout;
    struct weir_gate_evaluation e;
    test_mem_install();
    cr_assert_eq(read_rows(rows, specs, 3, "s", &holdout, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(
        weir_gate_evaluation_make(&e, &holdout, &(struct weir_gate_evaluation_opts){0}, &err),
        WEIR_OK, "%s", err.msg);
    cr_assert_eq(e.n_slices, 8u);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(parts); i++) {
        const struct weir_gate_slice *s = weir_gate_slice_find(&e, weir_str_c(parts[i].name));
        cr_assert_not_null(s, "%s", parts[i].name);
        cr_assert_eq(s->rows.n, parts[i].n, "%s has %zu rows", parts[i].name, s->rows.n);
        cr_assert(isnan(parts[i].low) ? isnan(s->low) && isnan(s->high)
                                      : s->low == parts[i].low && s->high == parts[i].high,
                  "%s: %g to %g", parts[i].name, s->low, s->high);
    }
    struct weir_gate_slice alone;
    cr_assert_eq(weir_gate_slice_make(&alone, &e, WEIR_STR("a:3=1"), &err), WEIR_OK);
    cr_assert_eq(alone.rows.n, 4u);
    weir_gate_slice_deinit(&alone);
    cr_assert_eq(weir_gate_slice_make(&alone, &e, WEIR_STR("a:3=4"), &err), WEIR_ERR_NOT_FOUND);
    cr_assert_eq(weir_gate_slice_make(&alone, &e, WEIR_STR("a=1"), &err), WEIR_ERR_NOT_FOUND);
    cr_assert_eq(weir_gate_slice_make(&alone, &e, WEIR_STR("a:3"), &err), WEIR_ERR_NOT_FOUND);
    weir_gate_evaluation_deinit(&e);
    weir_gate_holdout_deinit(&holdout);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(gate_slice, both_sides_are_cut_alike)
{
    static const uint32_t some[] = {0, 2, 3, 4, 5, 7};
    static const char *const specs[] = {"a:3"};
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_gate_holdout sides[2];
    struct weir_gate_evaluation e[2];
    struct weir_gate_align align;
    static struct weir_gate_compare compare;
    test_mem_install();
    cr_assert_eq(read_rows(rows, specs, 1, "s", &sides[0], &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(read_rows(rows, specs, 1, "t", &sides[1], &err), WEIR_OK, "%s", err.msg);
    weir_gate_rows_keep(&sides[1], some, WEIR_ARRAY_LEN(some));
    sides[1].cuts[0].edges[1] = 4; /* as of other rows */
    cr_assert_eq(weir_gate_align(&sides[0], &sides[1], &align, &err), WEIR_OK, "%s", err.msg);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(
            weir_gate_evaluation_make(
                &e[i], &sides[i],
                &(struct weir_gate_evaluation_opts){.has_threshold = true, .threshold = .5}, &err),
            WEIR_OK, "%s", err.msg);
    cr_assert_eq(e[0].n_slices, e[1].n_slices);
    for (size_t i = 0; i < e[0].n_slices; i++) {
        const struct weir_gate_slice *a = &e[0].slices[i];
        const struct weir_gate_slice *b = weir_gate_slice_find(&e[1], a->name);
        cr_assert_eq(weir_gate_compare_make(&compare, &a->evaluation, &b->evaluation,
                                            &(struct weir_gate_compare_opts){0}, &err),
                     WEIR_OK, "%s", err.msg);
        cr_assert_eq(compare.n, a->rows.n);
        cr_assert(compare.has_decisions);
        cr_assert(a->low == b->low || (isnan(a->low) && isnan(b->low)));
    }
    for (size_t i = 0; i < 2; i++) {
        weir_gate_evaluation_deinit(&e[i]);
        weir_gate_holdout_deinit(&sides[i]);
    }
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(gate_slice, what_cuts_nothing_is_refused)
{
    static const struct {
        const char *spec;
        enum weir_status status;
        const char *what;
    } wrong[] = {
        {"d", WEIR_ERR_INVALID, "column \"d\" is missing"},
        {"a:1", WEIR_ERR_INVALID, "2 to 100 parts"},
        {"a:101", WEIR_ERR_INVALID, "2 to 100 parts"},
        {":3", WEIR_ERR_INVALID, "cuts nothing"},
        {"", WEIR_ERR_INVALID, "cuts nothing"},
        {"c:2:3", WEIR_ERR_INVALID, "row 1 (line 2), column \"c:2\": expected a number"},
    };
    struct weir_gate_holdout holdout;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(wrong); i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(read_rows(rows, &wrong[i].spec, 1, "s", &holdout, &err), wrong[i].status, "%s",
                     wrong[i].spec);
        cr_assert(strstr(err.msg, wrong[i].what), "%s: %s", wrong[i].spec, err.msg);
    }
}

Test(gate_slice, a_column_has_so_many_values_only)
{
    static char text[40000];
    static const char *const specs[] = {"id"};
    struct weir_gate_holdout holdout;
    struct weir_gate_evaluation e;
    for (size_t extra = 0; extra < 2; extra++) {
        struct weir_error err = WEIR_ERROR_INIT;
        size_t n = (size_t)snprintf(text, sizeof text, "y,s,id\n");
        for (size_t i = 0; i < WEIR_GATE_CUT_VALUES_MAX + extra; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%zu,%zu,k%zu\n", i % 2, i % 7, i);
        enum weir_status status = read_rows(text, specs, 1, "s", &holdout, &err);
        cr_assert_eq(status, extra ? WEIR_ERR_LIMIT : WEIR_OK, "%s", err.msg);
        cr_assert(extra == 0 || strstr(err.msg, "line 1002"), "%s", err.msg);
        if (extra)
            continue;
        cr_assert_eq(
            weir_gate_evaluation_make(&e, &holdout, &(struct weir_gate_evaluation_opts){0}, &err),
            WEIR_OK);
        cr_assert_eq(e.n_slices, (size_t)WEIR_GATE_SLICE_PARTS_MAX);
        cr_assert_eq(e.n_slices_left_out, (size_t)1000 - WEIR_GATE_SLICE_PARTS_MAX);
        weir_gate_evaluation_deinit(&e);
        weir_gate_holdout_deinit(&holdout);
    }
}
