/* SPDX-License-Identifier: MIT */
/* Measures of two classes, against numbers of scikit-learn and pROC and against their definitions.
 */
#include "base/macros.h"
#include "eval/delong.h"
#include "eval/gain.h"
#include "eval/precision.h"
#include "eval/probability.h"
#include "eval/roc.h"
#include "test_mem.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

/* Ten rows with ties, in both classes and across them. */
static const uint8_t y10[] = {0, 0, 1, 1, 0, 1, 0, 1, 1, 0};
static const double s10[] = {.1, .4, .35, .8, .4, .4, .2, .9, .35, .8};
static const double w10[] = {1, 2, 1, 1, .5, 1, 3, 1, 2, 1};

static void assert_near(double got, double expected, const char *what)
{
    cr_assert(fabs(got - expected) <= 1e-12 * fmax(1, fabs(expected)), "%s: %.17g, expected %.17g",
              what, got, expected);
}

static struct weir_eval_sweep sweep_of(const double *scores, const uint8_t *y, const double *w,
                                       size_t n)
{
    struct weir_eval_binary rows = {.n = n, .scores = scores, .is_positive = y, .weights = w};
    struct weir_eval_sweep sweep;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_eval_sweep_init(&sweep, &rows, test_mem(), &err), WEIR_OK, "%s", err.msg);
    return sweep;
}

Test(eval_binary, ten_rows_give_the_numbers_of_the_libraries)
{
    static const struct {
        const double *weights;
        double auc, ap;
    } rows[] = {{NULL, .66, .6833333333333333}, {w10, .7055555555555556, .6704903283850652}};
    double value;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_eval_sweep sweep = sweep_of(s10, y10, rows[i].weights, 10);
        cr_assert(weir_eval_roc_auc(&sweep, &value));
        assert_near(value, rows[i].auc, "auc");
        cr_assert(weir_eval_precision_average(&sweep, &value));
        assert_near(value, rows[i].ap, "average precision");
        cr_assert_eq(weir_eval_delong_variance(&sweep, &value), rows[i].weights == NULL);
        weir_eval_sweep_deinit(&sweep);
    }
    struct weir_eval_sweep sweep = sweep_of(s10, y10, NULL, 10);
    struct weir_eval_interval interval;
    cr_assert(weir_eval_roc_partial_auc(&sweep, .5, &value));
    assert_near(value, .6033333333333334, "partial auc");
    cr_assert(weir_eval_delong_variance(&sweep, &value));
    assert_near(value, .0362, "variance");
    cr_assert(weir_eval_delong_interval(.66, value, .05, false, &interval));
    assert_near(interval.low, .28709141963595514, "low");
    assert_near(interval.high, 1, "high");
    cr_assert(weir_eval_delong_interval(.66, value, .05, true, &interval));
    assert_near(log(interval.low / (1 - interval.low)) + log(interval.high / (1 - interval.high)),
                2 * log(.66 / .34), "middle of the logit interval");
    cr_assert(interval.low < .66 && interval.high < 1);
    static const double fpr[] = {0, .2, .6, .6, .8, 1};
    static const double tpr[] = {.2, .4, .6, 1, 1, 1};
    cr_assert_eq(sweep.n_groups, 6u);
    for (size_t g = 0; g < 6; g++) {
        assert_near(sweep.fp[g] / sweep.negatives, fpr[g], "fpr");
        assert_near(sweep.tp[g] / sweep.positives, tpr[g], "tpr");
    }
    size_t kept[6];
    cr_assert_eq(weir_eval_roc_corners(&sweep, kept), 5u);
    cr_assert_eq(kept[4], 5u);
    cr_assert_eq(kept[3], 3u);
    weir_eval_sweep_deinit(&sweep);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(eval_binary, probabilities_give_the_numbers_of_the_library)
{
    double p[20];
    uint32_t truths[10];
    for (size_t i = 0; i < 10; i++) {
        p[2 * i] = 1 - s10[i];
        p[2 * i + 1] = s10[i];
        truths[i] = y10[i];
    }
    struct weir_eval_probability_rows rows = {.n = 10, .n_classes = 2, .p = p, .truths = truths};
    struct weir_eval_probability m = weir_eval_probability_measure(&rows);
    assert_near(m.log_loss, .6304032274781665, "log loss");
    assert_near(m.brier, .2265, "brier");
    rows.weights = w10;
    m = weir_eval_probability_measure(&rows);
    assert_near(m.log_loss, .5967077269475375, "weighted log loss");
    assert_near(m.brier, .21092592592592596, "weighted brier");
    struct weir_eval_probability_bin bins[5];
    enum weir_status status;
    double ece;
    size_t n = weir_eval_probability_calibrate(s10, y10, NULL, 10, 5, false, bins, &ece, NULL,
                                               test_mem(), &status);
    static const double mean_p[] = {.15, .38, .8, .9};
    static const double mean_y[] = {0, .6, .5, 1};
    cr_assert_eq(n, 4u);
    for (size_t i = 0; i < n; i++) {
        assert_near(bins[i].mean_p, mean_p[i], "mean p");
        assert_near(bins[i].mean_y, mean_y[i], "mean y");
    }
    assert_near(ece, .2 * .15 + .5 * .22 + .2 * .3 + .1 * .1, "ece");
}

/* The definition: pairs of a positive and a negative. */
static double auc_by_pairs(const double *s, const uint8_t *y, const double *w, size_t n)
{
    double sum = 0;
    double all = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            if (!y[i] || y[j])
                continue;
            double weight = w ? w[i] * w[j] : 1;
            all += weight;
            sum += s[i] > s[j] ? weight : s[i] == s[j] ? weight / 2 : 0;
        }
    }
    return sum / all;
}

Test(eval_binary, areas_are_what_their_definition_says)
{
    struct weir_test_random random;
    weir_test_random_init(&random, 7);
    for (size_t round = 0; round < 200; round++) {
        size_t n = 2 + weir_test_random_below(&random, 60);
        double s[64];
        double w[64];
        uint8_t y[64];
        for (size_t i = 0; i < n; i++) {
            s[i] =
                (double)(weir_test_random_below(&random, 9)) / 4 - 1; /* ties, −0 is one of them */
            s[i] = s[i] == 0 && i % 2 ? -0.0 : s[i];
            w[i] = (double)(weir_test_random_below(&random, 4)) / 2;
            y[i] = (uint8_t)(i < 2 ? i : weir_test_random_below(&random, 2));
        }
        w[0] = w[1] = 1;
        for (size_t k = 0; k < 2; k++) {
            const double *weights = k ? w : NULL;
            struct weir_eval_sweep sweep = sweep_of(s, y, weights, n);
            double auc;
            cr_assert(weir_eval_roc_auc(&sweep, &auc));
            assert_near(auc, auc_by_pairs(s, y, weights, n), "auc");
            weir_eval_sweep_deinit(&sweep);
        }
    }
}

Test(eval_binary, two_models_are_compared_as_their_own_intervals_say)
{
    struct weir_test_random random;
    weir_test_random_init(&random, 11);
    enum { N = 500 };
    static double s[2][N];
    static uint8_t y[N];
    for (size_t i = 0; i < N; i++) {
        y[i] = (uint8_t)(weir_test_random_below(&random, 3) == 0);
        for (size_t m = 0; m < 2; m++)
            s[m][i] = (double)(weir_test_random_below(&random, 100)) +
                      (y[i] ? 20.0 + 10.0 * (double)m : 0);
    }
    struct weir_eval_delong_pair pair;
    size_t n_used;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_eval_delong_compare((const double *const[2]){s[0], s[1]}, y, N, &pair,
                                          &n_used, test_mem(), &err),
                 WEIR_OK);
    cr_assert_eq(n_used, (size_t)N);
    for (size_t m = 0; m < 2; m++) {
        struct weir_eval_sweep sweep = sweep_of(s[m], y, NULL, N);
        double auc;
        double variance;
        cr_assert(weir_eval_roc_auc(&sweep, &auc));
        cr_assert(weir_eval_delong_variance(&sweep, &variance));
        assert_near(pair.auc[m], auc, "auc");
        assert_near(pair.variance[m], variance, "variance");
        weir_eval_sweep_deinit(&sweep);
    }
    cr_assert(pair.z < 0 && pair.p < 1 && fabs(pair.covariance) < pair.variance[0]);
    cr_assert_eq(weir_eval_delong_compare((const double *const[2]){s[0], s[0]}, y, N, &pair,
                                          &n_used, test_mem(), &err),
                 WEIR_OK);
    assert_near(pair.z, 0, "z of a model and itself");
    assert_near(pair.p, 1, "p of a model and itself");
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(eval_binary, rows_that_cannot_be_ranked_are_named_or_counted)
{
    double s[] = {.1, NAN, .3, INFINITY, .2};
    double w[] = {1, 1, 1, 1, 0};
    uint8_t y[] = {0, 1, 1, 0, 1};
    struct weir_eval_sweep sweep = sweep_of(s, y, w, 5);
    cr_assert_eq(sweep.n_invalid, 2u);
    cr_assert_eq(sweep.n_groups, 2u);
    weir_eval_sweep_deinit(&sweep);
    struct weir_eval_binary rows = {.n = 5, .scores = s, .is_positive = y, .weights = w};
    struct weir_error err = WEIR_ERROR_INIT;
    w[2] = -1;
    cr_assert_eq(weir_eval_sweep_init(&sweep, &rows, test_mem(), &err), WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "row 2: a weight of -1; it must be finite and at least 0");
    cr_assert_eq(test_mem_n_live(), 0);
    uint8_t ones[] = {1, 1};
    double value;
    sweep = sweep_of(s10, ones, NULL, 2);
    cr_assert_not(weir_eval_roc_auc(&sweep, &value));
    weir_eval_sweep_deinit(&sweep);
}

Test(eval_binary, operating_points_are_read_off_the_sweep)
{
    static const struct {
        const char *label;
        double share, gain;
    } gains[] = {{"the first group", .1, .2},  {"inside the second", .2, .3},
                 {"its end", .3, .4},          {"inside the third", .5, .8 / 1.5},
                 {"all of them", 1, 1},        {"nothing", 0, 0},
                 {"more than there is", 2, 1}, {"inside the fourth", .7, .8}};
    struct weir_eval_sweep s = sweep_of(s10, y10, NULL, 10);
    double v;
    size_t group;
    size_t first;
    size_t last;
    bool has_infinity;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(gains); i++) {
        cr_assert(weir_eval_gain_at(&s, gains[i].share, &v));
        assert_near(v, gains[i].gain, gains[i].label);
    }
    cr_assert(weir_eval_gain_ks(&s, &v, &group));
    assert_near(v, .4, "Kolmogorov and Smirnov's distance");
    cr_assert_eq(s.thresholds[group], .35);
    cr_assert(weir_eval_gain_recall_at_fpr(&s, .59, &v));
    assert_near(v, .4, "recall before the next false positives");
    cr_assert(weir_eval_gain_recall_at_fpr(&s, 0, &v));
    assert_near(v, .2, "recall without a false positive");
    cr_assert(weir_eval_gain_recall_at_precision(&s, .6, &v));
    assert_near(v, 1, "the last threshold that is precise enough");
    cr_assert(weir_eval_gain_recall_at_precision(&s, .9, &v));
    assert_near(v, .2, "only the first is");
    cr_assert(weir_eval_gain_det(&s, &has_infinity, &first, &last));
    cr_assert(!has_infinity && first == 0 && last == 4);
    weir_eval_sweep_deinit(&s);
    static const uint8_t turned[] = {1, 1, 0, 0, 1, 0, 1, 0, 0, 1};
    s = sweep_of(s10, turned, NULL, 10);
    cr_assert(weir_eval_gain_det(&s, &has_infinity, &first, &last));
    cr_assert(has_infinity && first == 0 && last == 6);
    weir_eval_sweep_deinit(&s);
    static const uint8_t none[10];
    s = sweep_of(s10, none, NULL, 10);
    cr_assert(!weir_eval_gain_at(&s, .5, &v));
    cr_assert(!weir_eval_gain_ks(&s, &v, NULL));
    cr_assert(!weir_eval_gain_det(&s, &has_infinity, &first, &last));
    weir_eval_sweep_deinit(&s);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(eval_binary, the_parts_of_the_brier_score_add_up)
{
    for (size_t i = 0; i < 2; i++) {
        const double *w = i == 0 ? NULL : w10;
        struct weir_eval_sweep s = sweep_of(s10, y10, w, 10);
        struct weir_eval_gain_brier parts;
        double brier = 0;
        double all = 0;
        for (size_t k = 0; k < 10; k++) {
            brier += (w ? w[k] : 1) * (s10[k] - y10[k]) * (s10[k] - y10[k]);
            all += w ? w[k] : 1;
        }
        cr_assert(weir_eval_gain_brier(&s, &parts));
        assert_near(parts.reliability - parts.resolution + parts.uncertainty, brier / all, "sum");
        weir_eval_sweep_deinit(&s);
    }
}
