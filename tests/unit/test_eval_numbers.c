/* SPDX-License-Identifier: MIT */
/* Regression, distributions and policies, against numbers of scikit-learn 1.9.1 and SciPy. */
#include "base/macros.h"
#include "eval/normal.h"
#include "eval/policy.h"
#include "eval/rates.h"
#include "eval/regression.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

static void assert_near(double got, double expected, const char *what)
{
    cr_assert(fabs(got - expected) <= 1e-12 * fmax(1, fabs(expected)), "%s: %.17g, expected %.17g",
              what, got, expected);
}

static const double truths[] = {3., -.5, 2, 7, 4.25, 1, 0.5};
static const double predictions[] = {2.5, 0.0, 2, 8, 4, 1.5, .25};
static const double weights[] = {1, 2, 1, 1, .5, 1, 3};

Test(eval_numbers, errors_give_the_numbers_of_the_library)
{
    static const struct {
        const double *weights;
        double mse, mae, median, mape, r2, variance, pinball, poisson, gamma;
    } cases[] = {
        {NULL, 0.26785714285714285, 0.42857142857142855, 0.5, 0.33833533413365346,
         0.9519890260631001, 0.9556470050297211, 0.2571428571428572, 0.1467052763833512,
         0.30028432614597617},
        {weights, 0.23355263157894737, 0.40789473684210525, 0.5, 0.4567300604452307,
         0.9533702039405462, 0.9561700656757691, 0.2394736842105263, 0.17190120145162519,
         0.43018397719040075},
    };
    double y[7];
    double p[7];
    for (size_t i = 0; i < 7; i++) {
        y[i] = fabs(truths[i]) + .1;
        p[i] = fabs(predictions[i]) + .2;
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_eval_regression_rows rows = {.n = 7,
                                                 .truths = truths,
                                                 .predictions = predictions,
                                                 .weights = cases[i].weights,
                                                 .quantile = .2};
        struct weir_eval_regression m;
        cr_assert_eq(weir_eval_regression_measure(&rows, &m, test_mem()), WEIR_OK);
        assert_near(m.mse, cases[i].mse, "mse");
        assert_near(m.rmse, sqrt(cases[i].mse), "rmse");
        assert_near(m.mae, cases[i].mae, "mae");
        assert_near(m.median_ae, cases[i].median, "median");
        assert_near(m.mape, cases[i].mape, "mape");
        assert_near(m.r2, cases[i].r2, "r2");
        assert_near(m.explained_variance, cases[i].variance, "explained variance");
        assert_near(m.pinball, cases[i].pinball, "pinball");
        cr_assert(isnan(m.poisson_deviance) && isnan(m.gamma_deviance));
        rows.truths = y;
        rows.predictions = p;
        cr_assert_eq(weir_eval_regression_measure(&rows, &m, test_mem()), WEIR_OK);
        assert_near(m.poisson_deviance, cases[i].poisson, "poisson deviance");
        assert_near(m.gamma_deviance, cases[i].gamma, "gamma deviance");
    }
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(eval_numbers, rows_without_numbers_are_counted)
{
    double y[] = {1, NAN, 3};
    double p[] = {1, 2, INFINITY};
    struct weir_eval_regression_rows rows = {.n = 3, .truths = y, .predictions = p};
    struct weir_eval_regression m;
    cr_assert_eq(weir_eval_regression_measure(&rows, &m, test_mem()), WEIR_OK);
    cr_assert_eq(m.n_invalid, 2u);
    cr_assert_eq(m.mae, 0);
    cr_assert(isnan(m.r2));
    rows.n = 0;
    cr_assert_eq(weir_eval_regression_measure(&rows, &m, test_mem()), WEIR_OK);
    cr_assert(isnan(m.mse) && isnan(m.median_ae));
}

Test(eval_numbers, distributions_are_those_of_scipy)
{
    static const double normal[][2] = {{1e-300, -37.0470962993612}, {1e-10, -6.361340902404056},
                                       {.001, -3.090232306167813},  {.025, -1.9599639845400545},
                                       {.3, -0.5244005127080409},   {.5, 0},
                                       {.975, 1.959963984540054},   {.9999, 3.719016485455709}};
    static const double beta[][4] = {{.3, 2, 5, 0.5798250000000003},
                                     {.9, 50, 3, 0.09663328513725222},
                                     {.5, 1000, 1001, 0.5089195055729272},
                                     {1e-5, .5, .5, 0.0020131718394753874},
                                     {.05, 12, 389, 0.980953969292611}};
    static const struct {
        uint64_t k, n;
        double exact[2], wilson[2];
    } rates[] = {
        {0, 10, {0.0, 0.30849710781876294}, {0.0, 0.27753279986288926}},
        {12,
         400,
         {0.015595552999727917, 0.05181721543063941},
         {0.01724302096514305, 0.051698535709095675}},
        {10, 10, {0.6915028921812371, 1.0}, {0.7224672001371109, 1.0}},
        {3,
         50,
         {0.01254858783533406, 0.1654819466037729},
         {0.020614970348973957, 0.1621709168883817}},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(normal); i++)
        assert_near(weir_eval_normal_quantile(normal[i][0]), normal[i][1], "quantile");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(beta); i++)
        assert_near(weir_eval_rates_beta(beta[i][0], beta[i][1], beta[i][2]), beta[i][3], "beta");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rates); i++) {
        struct weir_eval_rates_interval exact = weir_eval_rates_exact(rates[i].k, rates[i].n, .05);
        struct weir_eval_rates_interval wilson =
            weir_eval_rates_wilson(rates[i].k, rates[i].n, .05);
        assert_near(exact.low, rates[i].exact[0], "low");
        assert_near(exact.high, rates[i].exact[1], "high");
        assert_near(wilson.low, rates[i].wilson[0], "low");
        assert_near(wilson.high, rates[i].wilson[1], "high");
    }
    assert_near(weir_eval_rates_upper(463, 10000, .05), 0.049905622903108425, "upper");
    assert_near(weir_eval_rates_mcnemar(3, 9), 0.14599609375, "mcnemar");
    assert_near(weir_eval_rates_mcnemar(0, 5), 0.0625, "mcnemar");
    assert_near(weir_eval_rates_mcnemar(10, 11), 1, "mcnemar");
}

/* Negatives 0 … 99 but for every tenth below 50; a threshold of 50 keeps 45 of 45 … */
static struct weir_eval_sweep ladder(double *scores, uint8_t *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        scores[i] = (double)i;
        y[i] = i >= n / 2 ? i % 10 != 0 : i % 10 == 0;
    }
    struct weir_eval_binary rows = {.n = n, .scores = scores, .is_positive = y};
    struct weir_eval_sweep sweep;
    cr_assert_eq(weir_eval_sweep_init(&sweep, &rows, test_mem(), NULL), WEIR_OK);
    return sweep;
}

Test(eval_numbers, policies_choose_what_they_say)
{
    static const struct {
        const char *policy;
        double observed, tp, fp;
    } rows[] = {
        {"youden", 51, 45, 4},
        {"f1", 51, 45, 4},
        {"mcc", 51, 45, 4},
        {"fpr<=0.04", 71, 27, 2},
        {"tpr>=0.9", 51, 45, 4},
        {"recall>=1", 0, 50, 50},
        {"precision>=0.95", 91, 9, 0},
        {"cost:fp=1,fn=1", 51, 45, 4},
        {"top:10%", 90, 9, 1},
        {"fixed:80", 80, 18, 2},
        {"fbeta:2", 51, 45, 4},
    };
    double scores[100];
    uint8_t y[100];
    struct weir_eval_sweep sweep = ladder(scores, y, 100);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_eval_policy policy;
        struct weir_eval_policy_choice choice;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(weir_eval_policy_read(weir_str_c(rows[i].policy), &policy, &err), WEIR_OK);
        cr_assert_eq(weir_eval_policy_choose(&policy, &sweep, &choice, &err), WEIR_OK, "%s: %s",
                     rows[i].policy, err.msg);
        cr_assert_eq(choice.observed, rows[i].observed, "%s: %g", rows[i].policy, choice.observed);
        cr_assert_eq(choice.tp, rows[i].tp, "%s: %g", rows[i].policy, choice.tp);
        cr_assert_eq(choice.fp, rows[i].fp, "%s: %g", rows[i].policy, choice.fp);
        cr_assert_eq(choice.tp + choice.fn, 50);
        cr_assert_eq(choice.fp + choice.tn, 50);
    }
    struct weir_eval_policy policy;
    struct weir_eval_policy_choice choice;
    struct weir_error err = WEIR_ERROR_INIT;
    /* 0 of 50 says only that the rate is below 5.8 % with a confidence of 95 %. */
    cr_assert_eq(weir_eval_policy_read(WEIR_STR("fpr<=0.05@95%"), &policy, &err), WEIR_OK);
    cr_assert_eq(weir_eval_policy_choose(&policy, &sweep, &choice, &err), WEIR_ERR_INVALID);
    cr_assert_str_eq(err.msg, "no threshold meets the policy");
    cr_assert_eq(weir_eval_policy_read(WEIR_STR("fpr<=0.06@95%"), &policy, &err), WEIR_OK);
    cr_assert_eq(weir_eval_policy_choose(&policy, &sweep, &choice, &err), WEIR_OK);
    cr_assert_eq(choice.fp, 0);
    cr_assert_eq(choice.observed, 91);
    cr_assert_eq(choice.threshold, 90.5);
    weir_eval_sweep_deinit(&sweep);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(eval_numbers, what_is_no_policy_is_refused)
{
    static const char *const texts[] = {"",        "best",        "fpr<=2",          "fpr<=0.1@5",
                                        "fixed:x", "cost:fp=1",   "cost:fp=-1,fn=2", "top:0%",
                                        "f1 ",     "precision>=", "fbeta:0"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        struct weir_eval_policy policy;
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_eq(weir_eval_policy_read(weir_str_c(texts[i]), &policy, &err), WEIR_ERR_INVALID,
                     "%s", texts[i]);
        cr_assert(strstr(err.msg, "fpr<=X"), "%s", err.msg);
    }
}
