/* SPDX-License-Identifier: MIT */
/* Two models on the same rows: which rows those are, and how sure a difference of numbers is. */
#include "base/macros.h"
#include "gate/align.h"
#include "gate/bootstrap.h"
#include "gate/compare.h"
#include "gate/rows.h"
#include "test_mem.h"
#include "test_random.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_ROWS = 400 };

/* A file of truths y, two scores a (the better one) and b with ties, two decisions as numbers, and
 * weights. */
static void write_rows(struct weir_test_tmp *tmp, char *path, size_t path_bytes)
{
    static char text[N_ROWS * 80];
    size_t n = 0;
    struct weir_test_random r;
    weir_test_random_init(&r, 11);
    n += (size_t)snprintf(text, sizeof text, "y,a,b,p_0,p_1,w\n");
    for (size_t i = 0; i < N_ROWS; i++) {
        bool y = weir_test_random_unit(&r) < .4;
        double common = weir_test_random_unit(&r) + (y ? .3 : 0);
        double a = common + .3 * weir_test_random_unit(&r);
        double b = floor(10 * (common + weir_test_random_unit(&r))) / 10;
        n += (size_t)snprintf(text + n, sizeof text - n, "%d,%.6f,%.1f,%.3f,%.3f,%d\n", y, a, b,
                              1 - common / 1.3, common / 1.3, (int)(1 + i % 3));
    }
    weir_test_tmp_write(tmp, "rows.csv", text, n);
    weir_test_tmp_path(tmp, "rows.csv", path, path_bytes);
}

static struct weir_gate_holdout read_rows(const char *path, const char *score, const char *weight)
{
    const struct weir_gate_holdout_opts opts = {
        .label = "y", .score_column = score, .weight = weight};
    struct weir_gate_holdout holdout;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_gate_holdout_read(&holdout, path, NULL, &opts, &err), WEIR_OK, "%s", err.msg);
    return holdout;
}

static struct weir_gate_evaluation evaluate(const struct weir_gate_holdout *holdout, double t)
{
    const struct weir_eval_policy policy = {.kind = WEIR_EVAL_POLICY_FIXED, .value = t};
    const struct weir_gate_evaluation_opts opts = {.policy = &policy};
    struct weir_gate_evaluation evaluation;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_gate_evaluation_make(&evaluation, holdout, &opts, &err), WEIR_OK, "%s",
                 err.msg);
    return evaluation;
}

static double placement(const struct weir_gate_holdout *h, size_t row)
{
    double below = 0;
    double n = 0;
    for (size_t i = 0; i < h->n; i++) {
        if (h->truths[i] == h->truths[row])
            continue;
        double d = h->truths[row] ? h->scores[row] - h->scores[i] : h->scores[i] - h->scores[row];
        below += d > 0 ? 1 : d == 0 ? .5 : 0;
        n++;
    }
    return below / n;
}

/* The variance of the difference of the areas as DeLong defines it. */
static double delong_variance(const struct weir_gate_holdout *a, const struct weir_gate_holdout *b)
{
    double variance = 0;
    for (uint32_t class = 0; class < 2; class ++) {
        double d[N_ROWS];
        double n = 0;
        double mean = 0;
        double square = 0;
        for (size_t i = 0; i < a->n; i++) {
            d[i] = a->truths[i] == class ? placement(a, i) - placement(b, i) : 0;
            mean += d[i];
            n += a->truths[i] == class;
        }
        mean /= n;
        for (size_t i = 0; i < a->n; i++)
            square += a->truths[i] == class ? (d[i] - mean) * (d[i] - mean) : 0;
        variance += square / (n - 1) / n;
    }
    return variance;
}

Test(gate_compare, areas_are_compared_by_delong_and_decisions_by_mcnemar)
{
    struct weir_test_tmp tmp;
    char path[300];
    struct weir_error err = WEIR_ERROR_INIT;
    test_mem_install();
    weir_test_tmp_init(&tmp);
    write_rows(&tmp, path, sizeof path);
    struct weir_gate_holdout a = read_rows(path, "a", NULL);
    struct weir_gate_holdout b = read_rows(path, "b", NULL);
    struct weir_gate_align align;
    cr_assert_eq(weir_gate_align(&a, &b, &align, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(align.n, (size_t)N_ROWS);
    cr_assert_eq(align.n_dropped[0] + align.n_dropped[1], 0u);
    struct weir_gate_evaluation candidate = evaluate(&a, .9);
    struct weir_gate_evaluation live = evaluate(&b, 1.2);
    const struct weir_gate_compare_opts opts = {.alpha = .1};
    static struct weir_gate_compare compare;
    cr_assert_eq(weir_gate_compare_make(&compare, &candidate, &live, &opts, &err), WEIR_OK, "%s",
                 err.msg);
    const struct weir_gate_delta *d = weir_gate_compare_find(&compare, WEIR_STR("roc_auc"));
    double se = sqrt(delong_variance(&a, &b));
    cr_assert(d->has_interval);
    cr_assert_str_eq(d->method, "delong");
    cr_assert(fabs(d->value - (d->candidate - d->live)) < 1e-12);
    cr_assert(fabs(d->se - se) < 1e-12, "%.17g and %.17g", d->se, se);
    cr_assert(fabs(d->low - (d->value - 1.6448536269514722 * se)) < 1e-12);
    cr_assert(fabs(d->high - (d->value + 1.6448536269514722 * se)) < 1e-12);
    cr_assert(fabs(d->p - erfc(fabs(d->value) / se / sqrt(2))) < 1e-12);
    size_t changed = 0;
    size_t gained = 0;
    for (size_t i = 0; i < a.n; i++) {
        bool one = a.scores[i] >= .9;
        bool other = b.scores[i] >= 1.2;
        changed += one != other;
        gained += one != other && one == (a.truths[i] == 1);
    }
    cr_assert(changed > WEIR_GATE_COMPARE_LINES_MAX);
    cr_assert_eq(compare.n_disagreements, changed);
    cr_assert_eq(compare.n_gained, gained);
    cr_assert_eq(compare.n_lost, changed - gained);
    cr_assert_eq(compare.n_lines, (size_t)WEIR_GATE_COMPARE_LINES_MAX);
    for (size_t i = 0; i < compare.n_lines; i++) {
        size_t row = compare.lines[i] - 2; /* a line of names comes first */
        cr_assert_neq(a.scores[row] >= .9, b.scores[row] >= 1.2);
        cr_assert(i >= compare.n_lost || (b.scores[row] >= 1.2) == (a.truths[row] == 1));
    }
    d = weir_gate_compare_find(&compare, WEIR_STR("accuracy"));
    cr_assert(fabs(d->value - ((double)gained - (double)(changed - gained)) / N_ROWS) < 1e-12);
    cr_assert(d->has_interval);
    cr_assert_eq(d->p, compare.p);
    d = weir_gate_compare_find(&compare, WEIR_STR("f1"));
    cr_assert(!d->has_interval && d->unsure);
    cr_assert_null(weir_gate_compare_find(&compare, WEIR_STR("f2")));
    weir_gate_evaluation_deinit(&candidate);
    weir_gate_evaluation_deinit(&live);
    weir_gate_holdout_deinit(&a);
    weir_gate_holdout_deinit(&b);
    weir_test_tmp_deinit(&tmp);
    cr_assert_eq(test_mem_n_live(), 0);
}

static bool go_on(void *ctx)
{
    return --*(int *)ctx > 0;
}

Test(gate_compare, other_numbers_are_compared_by_resampling)
{
    struct weir_test_tmp tmp;
    char path[300];
    struct weir_error err = WEIR_ERROR_INIT;
    test_mem_install();
    weir_test_tmp_init(&tmp);
    write_rows(&tmp, path, sizeof path);
    for (size_t is_weighted = 0; is_weighted < 2; is_weighted++) {
        const char *weight = is_weighted ? "w" : NULL;
        struct weir_gate_holdout a = read_rows(path, "a", weight);
        struct weir_gate_holdout b = read_rows(path, "b", weight);
        struct weir_gate_evaluation candidate = evaluate(&a, .9);
        struct weir_gate_evaluation live = evaluate(&b, 1.2);
        static struct weir_gate_compare c[3];
        for (size_t i = 0; i < 3; i++) {
            int left = 1000;
            struct weir_gate_compare_opts opts = {
                .n_replicates = 400, .seed = i / 2, .goes_on = go_on, .ctx = &left};
            cr_assert_eq(weir_gate_compare_make(&c[i], &candidate, &live, &opts, &err), WEIR_OK,
                         "%s", err.msg);
        }
        const struct weir_gate_delta *auc = weir_gate_compare_find(c, WEIR_STR("roc_auc"));
        cr_assert_str_eq(auc->method, is_weighted ? "bootstrap" : "delong");
        const struct weir_gate_delta *gini = weir_gate_compare_find(c, WEIR_STR("gini"));
        /* 400 draws know a standard error to about 4 %. */
        cr_assert(fabs(gini->se / 2 / auc->se - 1) < .15, "%g and %g", gini->se / 2, auc->se);
        for (size_t i = 0; i < c[0].n_deltas; i++) {
            const struct weir_gate_delta *d = &c[0].deltas[i];
            cr_assert(d->has_interval || isnan(d->value), "%s: %s", d->name, d->unsure);
            cr_assert(!d->has_interval || (d->low <= d->value && d->value <= d->high), "%s",
                      d->name);
            cr_assert(d->low == c[1].deltas[i].low && d->p == c[1].deltas[i].p, "%s", d->name);
        }
        cr_assert_neq(gini->low, weir_gate_compare_find(&c[2], WEIR_STR("gini"))->low);
        int left = 10;
        struct weir_gate_compare_opts opts = {.n_replicates = 400, .goes_on = go_on, .ctx = &left};
        cr_assert_eq(weir_gate_compare_make(&c[0], &candidate, &live, &opts, &err),
                     WEIR_ERR_CANCELED);
        cr_assert_eq(left, 0);
        cr_assert_eq(weir_gate_bootstrap_numbers(&candidate, &opts, &err), WEIR_ERR_CANCELED);
        opts.goes_on = NULL;
        double se = weir_gate_evaluation_find(&candidate, WEIR_STR("recall"))->se;
        cr_assert_eq(weir_gate_bootstrap_numbers(&candidate, &opts, &err), WEIR_OK);
        const struct weir_gate_metric *recall =
            weir_gate_evaluation_find(&candidate, WEIR_STR("recall"));
        cr_assert(recall->has_interval && strcmp(recall->method, "bootstrap") == 0);
        cr_assert(is_weighted || fabs(recall->se / se - 1) < .15, "%g and %g", recall->se, se);
        cr_assert_not(weir_gate_evaluation_find(&candidate, WEIR_STR("n_pos"))->has_interval);
        weir_gate_evaluation_deinit(&candidate);
        weir_gate_evaluation_deinit(&live);
        weir_gate_holdout_deinit(&a);
        weir_gate_holdout_deinit(&b);
    }
    weir_test_tmp_deinit(&tmp);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(gate_compare, the_same_model_is_surely_no_better)
{
    struct weir_test_tmp tmp;
    char path[300];
    struct weir_error err = WEIR_ERROR_INIT;
    weir_test_tmp_init(&tmp);
    write_rows(&tmp, path, sizeof path);
    struct weir_gate_holdout a = read_rows(path, "a", NULL);
    struct weir_gate_evaluation one = evaluate(&a, .9);
    struct weir_gate_evaluation two = evaluate(&a, .9);
    static struct weir_gate_compare compare;
    cr_assert_eq(
        weir_gate_compare_make(&compare, &one, &two, &(struct weir_gate_compare_opts){0}, &err),
        WEIR_OK, "%s", err.msg);
    const struct weir_gate_delta *d = weir_gate_compare_find(&compare, WEIR_STR("roc_auc"));
    cr_assert(d->has_interval && d->low == 0 && d->high == 0 && d->value == 0);
    cr_assert_eq(d->p, 1);
    cr_assert_eq(compare.n_disagreements, 0u);
    cr_assert_eq(compare.p, 1);
    weir_gate_evaluation_deinit(&one);
    weir_gate_evaluation_deinit(&two);
    weir_gate_holdout_deinit(&a);
    weir_test_tmp_deinit(&tmp);
}

Test(gate_compare, rows_that_one_side_lacks_are_left_out_on_both)
{
    static const uint32_t no_first[] = {1, 2, 3, 4, 5, 6};
    static const uint32_t no_third[] = {0, 1, 3, 4, 5};
    static const char text[] =
        "y,a,b\n0,1,2\n1,3,4\n,5,6\n1,7,8\n0,9,10\n\n1,11,12\n0,13,14\n0,15,16\n";
    struct weir_test_tmp tmp;
    char path[300];
    struct weir_error err = WEIR_ERROR_INIT;
    weir_test_tmp_init(&tmp);
    weir_test_tmp_write(&tmp, "rows.csv", text, sizeof text - 1);
    weir_test_tmp_path(&tmp, "rows.csv", path, sizeof path);
    struct weir_gate_holdout a = read_rows(path, "a", NULL);
    struct weir_gate_holdout b = read_rows(path, "b", NULL);
    cr_assert_eq(a.n, 7u);
    cr_assert_eq(a.n_unlabeled, 1u);
    weir_gate_rows_keep(&a, no_first, WEIR_ARRAY_LEN(no_first));
    weir_gate_rows_keep(&b, no_third, WEIR_ARRAY_LEN(no_third));
    struct weir_gate_align align;
    cr_assert_eq(weir_gate_align(&a, &b, &align, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(align.n, 4u);
    cr_assert_eq(align.n_dropped[0], 2u);
    cr_assert_eq(align.n_dropped[1], 1u);
    static const uint64_t lines[] = {3, 6, 8, 9};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(a.lines[i], lines[i], "line %d", (int)a.lines[i]);
        cr_assert_eq(b.lines[i], lines[i]);
        cr_assert_eq(a.scores[i] + 1, b.scores[i]);
    }
    b.digest[0] ^= 1;
    cr_assert_eq(weir_gate_align(&a, &b, &align, &err), WEIR_ERR_INVALID);
    weir_gate_holdout_deinit(&a);
    weir_gate_holdout_deinit(&b);
    weir_test_tmp_deinit(&tmp);
}

static bool stop(void *ctx, uint64_t bytes, uint64_t bytes_total, uint64_t n_rows)
{
    (void)bytes;
    (void)bytes_total;
    (void)n_rows;
    ++*(int *)ctx;
    return false;
}

Test(gate_compare, reading_is_bounded_and_can_be_stopped)
{
    struct weir_test_tmp tmp;
    char path[300];
    int n_told = 0;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_test_tmp_init(&tmp);
    write_rows(&tmp, path, sizeof path);
    struct weir_gate_holdout h;
    struct weir_gate_holdout_opts opts = {
        .label = "y", .score_column = "a", .progress = stop, .progress_ctx = &n_told};
    cr_assert_eq(weir_gate_holdout_read(&h, path, NULL, &opts, &err), WEIR_ERR_CANCELED);
    cr_assert_eq(n_told, 1);
    opts = (struct weir_gate_holdout_opts){.label = "y", .score_column = "a", .bytes_max = 2000};
    cr_assert_eq(weir_gate_holdout_read(&h, path, NULL, &opts, &err), WEIR_ERR_LIMIT);
    cr_assert(strstr(err.msg, "more than 100 rows, of 20 bytes each"), "%s", err.msg);
    struct weir_gate_holdout whole = read_rows(path, "a", NULL);
    opts = (struct weir_gate_holdout_opts){.label = "y", .score_column = "a", .n_rows_max = 7};
    cr_assert_eq(weir_gate_holdout_read(&h, path, NULL, &opts, &err), WEIR_OK);
    cr_assert_eq(h.n, 7u);
    cr_assert_str_eq(h.digest, whole.digest, "the digest is of the whole file");
    weir_gate_holdout_deinit(&h);
    weir_gate_holdout_deinit(&whole);
    weir_test_tmp_deinit(&tmp);
}
