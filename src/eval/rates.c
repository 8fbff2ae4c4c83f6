/* SPDX-License-Identifier: MIT */
#include "eval/rates.h"

#include "base/macros.h"
#include "eval/normal.h"

#include <float.h>
#include <math.h>

/* The continued fraction of I_x(a, b), for x < (a + 1) / (a + b + 2). */
static double fraction(double x, double a, double b)
{
    double c = 1;
    double d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
    double value = d;
    for (int m = 1; m < 100000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int k = 0; k < 2; k++) {
            double term = k == 0 ? even : odd;
            d = 1 + term * d;
            d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
            c = 1 + term / c;
            c = fabs(c) < DBL_MIN ? DBL_MIN : c;
            value *= c * d;
        }
        if (fabs(c * d - 1) < 1e-16)
            break;
    }
    return value;
}

double weir_eval_rates_beta(double x, double a, double b)
{
    weir_assert(a > 0);
    weir_assert(b > 0);
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * fraction(x, a, b) / a;
    return 1 - front * fraction(1 - x, b, a) / b;
}

/* Returns the x with I_x(a, b) = p, by bisection: the function rises. */
static double beta_quantile(double p, double a, double b)
{
    double low = 0;
    double high = 1;
    for (int i = 0; i < 200 && high - low > 1e-17; i++) {
        double middle = low + (high - low) / 2;
        if (weir_eval_rates_beta(middle, a, b) < p)
            low = middle;
        else
            high = middle;
        if (middle == low + (high - low) / 2)
            break;
    }
    return low + (high - low) / 2;
}

struct weir_eval_rates_interval weir_eval_rates_wilson(uint64_t k, uint64_t n, double alpha)
{
    weir_assert(n > 0);
    weir_assert(k <= n);
    double z = weir_eval_normal_quantile(1 - alpha / 2);
    double p = (double)k / (double)n;
    double share = z * z / (double)n;
    double middle = (p + share / 2) / (1 + share);
    double half = z / (1 + share) * sqrt(p * (1 - p) / (double)n + share / (4 * (double)n));
    return (struct weir_eval_rates_interval){fmax(0, middle - half), fmin(1, middle + half)};
}

double weir_eval_rates_upper(uint64_t k, uint64_t n, double alpha)
{
    weir_assert(k <= n);
    return k == n ? 1 : beta_quantile(1 - alpha, (double)k + 1, (double)(n - k));
}

struct weir_eval_rates_interval weir_eval_rates_exact(uint64_t k, uint64_t n, double alpha)
{
    weir_assert(n > 0);
    double low = k == 0 ? 0 : beta_quantile(alpha / 2, (double)k, (double)(n - k) + 1);
    return (struct weir_eval_rates_interval){low, weir_eval_rates_upper(k, n, alpha / 2)};
}

double weir_eval_rates_mcnemar(uint64_t b, uint64_t c)
{
    uint64_t n = b + c;
    uint64_t least = b < c ? b : c;
    if (n == 0 || b == c)
        return 1;
    /* The binomial sum up to `least` of n halves. */
    return fmin(1, 2 * weir_eval_rates_beta(0.5, (double)(n - least), (double)least + 1));
}
