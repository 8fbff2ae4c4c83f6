/* SPDX-License-Identifier: MIT */
/* Drift measures against scipy 1.17.1 and against simulations. */
#include "base/macros.h"
#include "eval/drift.h"
#include "test_random.h"

#include <criterion/criterion.h>

#include <math.h>

static void assert_near(double got, double expected, double within, const char *what)
{
    cr_assert(fabs(got - expected) <= within * fabs(expected), "%s: %.17g, expected %.17g", what,
              got, expected);
}

/* scipy.stats.chi2.ppf. */
Test(eval_drift, quantiles_of_chi2_are_those_of_scipy)
{
    static const struct {
        double df, p, x;
    } rows[] = {
        {1, .99, 6.6348966010212145}, {9, .99, 21.665994333461924},  {9, .95, 16.918977604620448},
        {30, .99, 50.89218131151707}, {60, .999, 99.60723306984946}, {2, .5, 1.386294361119891},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        assert_near(weir_eval_drift_chi2_quantile(rows[i].df, rows[i].p), rows[i].x, 1e-10, "x");
}

/* The mean radius of scikit-learn's breast cancer data: rows 0-284 against 285-568, by deciles of
 * the former. */
Test(eval_drift, a_real_feature_gives_the_known_numbers)
{
    static const uint64_t e[] = {29, 29, 29, 28, 28, 28, 28, 29, 28, 29};
    static const uint64_t a[] = {34, 36, 44, 38, 24, 35, 17, 18, 9, 29};
    assert_near(weir_eval_drift_psi(e, a, 10), .1552704256575271, 1e-12, "psi");
    assert_near(weir_eval_drift_psi(a, e, 10), .1552704256575271, 1e-12, "psi, turned round");
    assert_near(weir_eval_drift_psi_guard(285, 284, 10, .95), .1189386985054242, 1e-9, "guard");
    struct weir_eval_drift_ks ks = weir_eval_drift_ks(e, a, 10);
    cr_assert_leq(ks.low, .15002470966147763);
    cr_assert_geq(ks.high, .15002470966147763);
}

/* kstwo.sf(D, round(nm/(n+m))). */
Test(eval_drift, p_of_ks_is_near_the_exact_one)
{
    static const struct {
        double d;
        uint64_t n, m;
        double p;
    } rows[] = {
        {.06927, 5000, 3000, 2.8769598592770183e-08},
        {.15002470966147763, 285, 284, .0029621719774},
        {.1, 100, 100, .6623112704658186},
        {.3, 30, 40, .0747594901851486},
        {.02, 1000, 1000, .9859871786857471},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        assert_near(weir_eval_drift_ks_p(rows[i].d, rows[i].n, rows[i].m), rows[i].p,
                    rows[i].p < .1 ? .2 : .03, "p");
    cr_assert_lt(weir_eval_drift_ks_p(.06927, 5000, 3000), 1e-7);
    cr_assert_eq(weir_eval_drift_ks_p(0, 10, 10), 1);
    cr_assert_eq(weir_eval_drift_ks_p(.5, 0, 10), 1);
    cr_assert_lt(fabs(weir_eval_drift_ks_p(1.1801 / 10.1311, 200, 200) -
                      weir_eval_drift_ks_p(1.1799 / 10.1311, 200, 200)),
                 1e-3); /* Both series meet. */
}

/* Without a change PSI is below its guard as often as its level says. */
Test(eval_drift, the_guard_holds_when_nothing_has_changed)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 3);
    enum { TIMES = 2000, N = 800, M = 300, B = 10 };
    double guard = weir_eval_drift_psi_guard(N, M, B, .95);
    int above = 0;
    for (int k = 0; k < TIMES; k++) {
        uint64_t e[B] = {0};
        uint64_t a[B] = {0};
        for (int i = 0; i < N; i++)
            e[weir_test_random_below(&r, B)]++;
        for (int i = 0; i < M; i++)
            a[weir_test_random_below(&r, B)]++;
        above += weir_eval_drift_psi(e, a, B) > guard;
    }
    cr_assert(above > TIMES * 3 / 100 && above < TIMES * 7 / 100, "%d of %d, seed %llu", above,
              TIMES, (unsigned long long)r.seed);
}

static size_t n_up_to(const double *v, size_t n, double x)
{
    size_t c = 0;
    for (size_t i = 0; i < n; i++)
        c += v[i] <= x;
    return c;
}

/* Random samples, their distance computed from all values. */
Test(eval_drift, the_distance_is_within_its_bounds)
{
    struct weir_test_random r;
    weir_test_random_init(&r, 4);
    enum { N = 300, M = 200, B = 20 };
    for (int k = 0; k < 50; k++) {
        double x[N];
        double y[M];
        uint64_t e[B] = {0};
        uint64_t a[B] = {0};
        for (int i = 0; i < N; i++) {
            x[i] = weir_test_random_unit(&r);
            e[(int)(x[i] * B)]++;
        }
        for (int i = 0; i < M; i++) {
            y[i] = k % 2 ? weir_test_random_unit(&r) : sqrt(weir_test_random_unit(&r));
            a[(int)(y[i] * B)]++;
        }
        double d = 0;
        for (int i = 0; i < N + M; i++) {
            double at = i < N ? x[i] : y[i - N];
            d = fmax(d, fabs((double)n_up_to(x, N, at) / N - (double)n_up_to(y, M, at) / M));
        }
        struct weir_eval_drift_ks ks = weir_eval_drift_ks(e, a, B);
        cr_assert(ks.low <= d + 1e-12 && d <= ks.high + 1e-12, "%g: %g %g", d, ks.low, ks.high);
    }
}

Test(eval_drift, nothing_to_compare_is_no_drift)
{
    static const uint64_t none[3];
    static const uint64_t some[] = {1, 2, 3};
    cr_assert_eq(weir_eval_drift_psi(none, some, 3), 0);
    cr_assert_eq(weir_eval_drift_psi(some, none, 3), 0);
    cr_assert_eq(weir_eval_drift_ks(some, none, 3).high, 0);
    cr_assert(isinf(weir_eval_drift_psi_guard(0, 5, 3, .99)));
    cr_assert(isinf(weir_eval_drift_psi_guard(5, 5, 1, .99)));
}
