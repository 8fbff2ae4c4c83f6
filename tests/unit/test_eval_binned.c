/* SPDX-License-Identifier: MIT */
/* Binned measures and exact sums, against the measures of all rows. */
#include "base/macros.h"
#include "eval/binned.h"
#include "eval/delong.h"
#include "eval/precision.h"
#include "eval/probability.h"
#include "eval/roc.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <float.h>
#include <math.h>

enum { BINS = 512, ROWS = 3000 };

struct rows {
    size_t n;
    double scores[ROWS];
    uint8_t y[ROWS];
};

/* Two classes apart by one logit, some rows on few values as trees give them. */
static void fill(struct rows *rows, struct weir_test_random *r, bool is_coarse)
{
    rows->n = 50 + weir_test_random_below(r, ROWS - 50);
    for (size_t i = 0; i < rows->n; i++) {
        double u = weir_test_random_unit(r) + weir_test_random_unit(r) + weir_test_random_unit(r);
        rows->y[i] = weir_test_random_below(r, 4) == 0;
        double logit = 3 * (u - 1.5) + (rows->y[i] ? 1 : 0);
        rows->scores[i] = 1 / (1 + exp(-logit));
        if (is_coarse)
            rows->scores[i] = floor(rows->scores[i] * 8) / 8;
    }
    rows->y[0] = 1;
    rows->y[1] = 0;
    rows->y[2] = 1;
    rows->y[3] = 0;
}

struct counts {
    uint64_t positives[BINS];
    uint64_t negatives[BINS];
    double first[BINS];
    bool is_mixed[BINS];
};

static struct weir_eval_binned count(struct counts *c, const struct rows *rows, bool knows_single)
{
    *c = (struct counts){0};
    for (size_t i = 0; i < rows->n; i++) {
        uint32_t b = weir_eval_binned_bin(rows->scores[i], WEIR_EVAL_BINNED_PROBABILITY, BINS);
        if (c->positives[b] + c->negatives[b] == 0)
            c->first[b] = rows->scores[i];
        c->is_mixed[b] = c->is_mixed[b] || c->first[b] != rows->scores[i];
        *(rows->y[i] ? &c->positives[b] : &c->negatives[b]) += 1;
    }
    return (struct weir_eval_binned){BINS, c->positives, c->negatives,
                                     knows_single ? c->is_mixed : NULL};
}

Test(eval_binned, bins_never_fall_with_the_score)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 11);
    for (int i = 0; i < 200000; i++) {
        double e = (double)weir_test_random_below(&r, 60) - 30;
        double a = weir_test_random_unit(&r) * exp(e);
        double b = i % 2 ? nextafter(a, 2 * a) : a * (1 + weir_test_random_unit(&r));
        cr_assert_leq(weir_eval_binned_bin(a, WEIR_EVAL_BINNED_MARGIN, BINS),
                      weir_eval_binned_bin(b, WEIR_EVAL_BINNED_MARGIN, BINS));
        cr_assert_geq(weir_eval_binned_bin(-a, WEIR_EVAL_BINNED_MARGIN, BINS),
                      weir_eval_binned_bin(-b, WEIR_EVAL_BINNED_MARGIN, BINS));
        a = fmin(a, 1);
        b = fmin(b, 1);
        cr_assert_leq(weir_eval_binned_bin(a, WEIR_EVAL_BINNED_PROBABILITY, BINS),
                      weir_eval_binned_bin(b, WEIR_EVAL_BINNED_PROBABILITY, BINS));
        cr_assert_geq(weir_eval_binned_bin(1 - a, WEIR_EVAL_BINNED_PROBABILITY, BINS),
                      weir_eval_binned_bin(1 - b, WEIR_EVAL_BINNED_PROBABILITY, BINS));
    }
    cr_assert_eq(weir_eval_binned_bin(0, WEIR_EVAL_BINNED_PROBABILITY, BINS), 0);
    cr_assert_eq(weir_eval_binned_bin(-0.0, WEIR_EVAL_BINNED_PROBABILITY, BINS), 0);
    cr_assert_eq(weir_eval_binned_bin(5e-324, WEIR_EVAL_BINNED_PROBABILITY, BINS), 1);
    cr_assert_eq(weir_eval_binned_bin(1, WEIR_EVAL_BINNED_PROBABILITY, BINS), BINS - 1);
    cr_assert_eq(weir_eval_binned_bin(1 - DBL_EPSILON, WEIR_EVAL_BINNED_PROBABILITY, BINS),
                 BINS - 2);
    cr_assert_eq(weir_eval_binned_bin((double)INFINITY, WEIR_EVAL_BINNED_MARGIN, BINS), BINS - 2);
    cr_assert_eq(weir_eval_binned_bin(-(double)INFINITY, WEIR_EVAL_BINNED_MARGIN, BINS), 1);
    cr_assert_eq(weir_eval_binned_bin(-0.0, WEIR_EVAL_BINNED_MARGIN, BINS),
                 weir_eval_binned_bin(0.0, WEIR_EVAL_BINNED_MARGIN, BINS));
}

/* Areas, precision and the variance of all rows against those of their bins: inside the bounds,
 * and equal where bins hold single scores. */
Test(eval_binned, the_exact_measures_are_within_the_bounds)
{
    static struct rows rows;
    static struct counts c;
    struct weir_test_random r;
    weir_test_random_init(&r, 5);
    for (int k = 0; k < 60; k++) {
        bool is_coarse = k % 3 == 0;
        fill(&rows, &r, is_coarse);
        struct weir_eval_binary all = {.n = rows.n, .scores = rows.scores, .is_positive = rows.y};
        struct weir_eval_sweep sweep;
        cr_assert_eq(weir_eval_sweep_init(&sweep, &all, test_mem(), NULL), WEIR_OK);
        double auc;
        double ap;
        double variance;
        cr_assert(weir_eval_roc_auc(&sweep, &auc));
        cr_assert(weir_eval_precision_average(&sweep, &ap));
        cr_assert(weir_eval_delong_variance(&sweep, &variance));
        struct weir_eval_binned binned = count(&c, &rows, k % 2 == 0);
        struct weir_eval_binned_bounds b;
        double v;
        cr_assert(weir_eval_binned_auc(&binned, &b));
        cr_assert(b.low - 1e-12 <= auc && auc <= b.high + 1e-12, "%g: %g %g", auc, b.low, b.high);
        cr_assert(is_coarse || b.high - b.low <= 0.02, "%g: %g %g", auc, b.low, b.high);
        cr_assert_leq(fabs(b.value - (b.low + b.high) / 2), 1e-12);
        if (is_coarse)
            cr_assert_leq(fabs(b.value - auc), 1e-12);
        if (is_coarse && k % 2 == 0)
            cr_assert_leq(b.high - b.low, 1e-12);
        cr_assert(weir_eval_binned_variance(&binned, &v));
        cr_assert_leq(fabs(v - variance), (is_coarse ? 1e-10 : 0.02) * variance);
        cr_assert(weir_eval_binned_average_precision(&binned, &b));
        cr_assert(b.low - 1e-12 <= ap && ap <= b.high + 1e-12, "%g: %g %g", ap, b.low, b.high);
        cr_assert(b.low - 1e-12 <= b.value && b.value <= b.high + 1e-12);
        weir_eval_sweep_deinit(&sweep);
    }
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(eval_binned, ten_rows_give_the_numbers_of_the_libraries)
{
    static const struct rows ten = {
        10, {.1, .4, .35, .8, .4, .4, .2, .9, .35, .8}, {0, 0, 1, 1, 0, 1, 0, 1, 1, 0}};
    static struct counts c;
    struct weir_eval_binned binned = count(&c, &ten, true);
    struct weir_eval_binned_bounds b;
    double v;
    cr_assert(weir_eval_binned_auc(&binned, &b));
    cr_assert_leq(fabs(b.value - .66), 1e-12);
    cr_assert_leq(b.high - b.low, 1e-12);
    cr_assert(weir_eval_binned_variance(&binned, &v));
    cr_assert_leq(fabs(v - .0362), 1e-12);
    cr_assert(weir_eval_binned_average_precision(&binned, &b));
    cr_assert_leq(fabs(b.low - .6833333333333333), 1e-12);
    cr_assert_leq(fabs(b.high - .6833333333333333), 1e-12);
    size_t first = weir_eval_binned_bin(.4, WEIR_EVAL_BINNED_PROBABILITY, BINS);
    struct weir_eval_binned_confusion m = weir_eval_binned_confusion(&binned, first);
    cr_assert(m.tn == 2 && m.fp == 3 && m.fn == 2 && m.tp == 3);
}

Test(eval_binned, a_class_without_rows_has_no_measures)
{
    static struct counts c;
    struct weir_eval_binned binned = {BINS, c.positives, c.negatives, NULL};
    struct weir_eval_binned_bounds b = {7, 7, 7};
    double v;
    cr_assert_not(weir_eval_binned_auc(&binned, &b));
    c.negatives[3] = 5;
    cr_assert_not(weir_eval_binned_auc(&binned, &b));
    cr_assert_not(weir_eval_binned_average_precision(&binned, &b));
    c.positives[4] = 1;
    cr_assert(weir_eval_binned_auc(&binned, &b));
    cr_assert_eq(b.low, 1);
    cr_assert_not(weir_eval_binned_variance(&binned, &v));
}

/* All rows' Brier score and the like, and the same sums after other rows came and went. */
Test(eval_binned, probabilities_add_up_and_go_without_a_trace)
{
    static struct rows rows;
    static struct rows others;
    static struct weir_eval_binned_calibration c;
    static struct weir_eval_binned_calibration before;
    static struct weir_eval_binned_calibration parts[2];
    static double p[2 * ROWS];
    static uint32_t truths[ROWS];
    struct weir_test_random r;
    weir_test_random_init(&r, 9);
    fill(&rows, &r, false);
    fill(&others, &r, false);
    for (size_t i = 0; i < rows.n; i++) {
        p[2 * i] = 1 - rows.scores[i];
        p[2 * i + 1] = rows.scores[i];
        truths[i] = rows.y[i];
        weir_eval_binned_calibration_add(&c, rows.scores[i], rows.y[i], false);
        weir_eval_binned_calibration_add(&parts[i % 2], rows.scores[i], rows.y[i], false);
    }
    struct weir_eval_probability_rows all = {rows.n, 2, p, truths, NULL};
    struct weir_eval_probability exact = weir_eval_probability_measure(&all);
    struct weir_eval_binned_probability got = weir_eval_binned_calibration_get(&c);
    struct weir_eval_probability_bin bins[10];
    double ece;
    double mce;
    enum weir_status status;
    (void)weir_eval_probability_calibrate(rows.scores, rows.y, NULL, rows.n, 10, false, bins, &ece,
                                          &mce, test_mem(), &status);
    cr_assert_eq(got.n, rows.n);
    cr_assert_leq(fabs(got.brier - exact.brier), 1e-12);
    cr_assert_leq(fabs(got.log_loss - exact.log_loss), 1e-12);
    cr_assert_leq(fabs(got.spiegelhalter_z - exact.spiegelhalter_z), 1e-9);
    cr_assert_leq(fabs(got.ece - ece), 1e-12);
    cr_assert_leq(fabs(got.mce - mce), 1e-12);

    weir_eval_binned_calibration_merge(&parts[0], &parts[1]);
    before = c;
    for (size_t i = 0; i < others.n; i++)
        weir_eval_binned_calibration_add(&c, others.scores[i], others.y[i], false);
    cr_assert_neq(weir_eval_exact_get(&c.squares), weir_eval_exact_get(&before.squares));
    for (size_t i = others.n; i-- > 0;)
        weir_eval_binned_calibration_add(&c, others.scores[i], others.y[i], true);
    const struct weir_eval_binned_calibration *same[] = {&c, &parts[0]};
    for (size_t k = 0; k < 2; k++) {
        cr_assert_arr_eq(same[k]->n, before.n, sizeof before.n);
        cr_assert_arr_eq(same[k]->n_positive, before.n_positive, sizeof before.n_positive);
        cr_assert_eq(weir_eval_exact_get(&same[k]->squares), weir_eval_exact_get(&before.squares));
        cr_assert_eq(weir_eval_exact_get(&same[k]->logs), weir_eval_exact_get(&before.logs));
        cr_assert_eq(weir_eval_exact_get(&same[k]->z_sum), weir_eval_exact_get(&before.z_sum));
        cr_assert_eq(weir_eval_exact_get(&same[k]->p[3]), weir_eval_exact_get(&before.p[3]));
    }
}

/* Numbers of all sizes, some of which a double's sum would lose. */
Test(eval_binned, exact_sums_lose_nothing)
{
    static const double hard[] = {1e308,  1,     1e-308, 5e-324,  -3.5,    1e16,
                                  -1e308, 1e-16, -1e16,  2.5e-12, DBL_MIN, -123456789.125};
    struct weir_eval_exact sum = {0};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(hard); i++)
        weir_eval_exact_add(&sum, hard[i]);
    cr_assert_leq(fabs(weir_eval_exact_get(&sum) - (1 - 3.5 + 1e-16 + 2.5e-12 - 123456789.125)),
                  2e-8);
    for (size_t i = 0; i + 1 < WEIR_ARRAY_LEN(hard); i++)
        weir_eval_exact_add(&sum, -hard[(i * 5 + 5) % WEIR_ARRAY_LEN(hard)]);
    /* All but the one at place (11 × 5 + 5) mod 12 = 0 are gone. */
    cr_assert_eq(weir_eval_exact_get(&sum), 1e308);
    weir_eval_exact_add(&sum, -1e308);
    cr_assert_eq(weir_eval_exact_get(&sum), 0);
    weir_eval_exact_add(&sum, -5e-324);
    cr_assert_eq(weir_eval_exact_get(&sum), -5e-324);
    for (int i = 0; i < 100000; i++)
        weir_eval_exact_add(&sum, 0.1);
    weir_eval_exact_add(&sum, 5e-324);
    cr_assert_eq(weir_eval_exact_get(&sum), 10000.000000000000555);
    struct weir_eval_exact other = sum;
    weir_eval_exact_merge(&sum, &other);
    cr_assert_eq(weir_eval_exact_get(&sum), 20000.00000000000111);
}
