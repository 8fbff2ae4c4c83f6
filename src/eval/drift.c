/* SPDX-License-Identifier: MIT */
#include "eval/drift.h"

#include "base/macros.h"

#include <float.h>
#include <math.h>

enum { STEPS_MAX = 500 };

static uint64_t total(const uint64_t *counts, size_t n)
{
    uint64_t sum = 0;
    for (size_t b = 0; b < n; b++)
        sum += counts[b];
    return sum;
}

double weir_eval_drift_psi(const uint64_t *reference, const uint64_t *current, size_t n_bins)
{
    double n = (double)total(reference, n_bins);
    double m = (double)total(current, n_bins);
    double half = (double)n_bins / 2;
    double psi = 0;
    if (n == 0 || m == 0)
        return 0;
    for (size_t b = 0; b < n_bins; b++) {
        double e = ((double)reference[b] + 0.5) / (n + half);
        double a = ((double)current[b] + 0.5) / (m + half);
        psi += (a - e) * log(a / e);
    }
    return psi;
}

/* The regularised lower incomplete gamma function P(a, x): its series for small x (Abramowitz and
 * Stegun 6.5.29), else Lentz's continued fraction of the rest (6.5.31). */
static double gamma_below(double a, double x)
{
    if (x <= 0)
        return 0;
    double scale = exp(-x + a * log(x) - lgamma(a));
    if (x < a + 1) {
        double term = 1 / a;
        double sum = term;
        for (double k = a + 1; term > sum * DBL_EPSILON; k++) {
            term *= x / k;
            sum += term;
        }
        return sum * scale;
    }
    double b = x + 1 - a;
    double c = 1 / DBL_MIN;
    double d = 1 / b;
    double h = d;
    for (int i = 1; i < STEPS_MAX; i++) {
        double an = -i * (i - a);
        b += 2;
        d = an * d + b;
        d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
        c = b + an / c;
        c = fabs(c) < DBL_MIN ? DBL_MIN : c;
        h *= d * c;
        if (fabs(d * c - 1) < DBL_EPSILON)
            break;
    }
    return 1 - h * scale;
}

double weir_eval_drift_chi2_quantile(double df, double p)
{
    weir_assert(df > 0);
    weir_assert(p > 0);
    weir_assert(p < 1);
    double low = 0;
    double high = df + 10;
    while (gamma_below(df / 2, high / 2) < p)
        high *= 2;
    for (int i = 0; i < STEPS_MAX && high - low > 1e-12 * high; i++) {
        double middle = low + (high - low) / 2;
        if (gamma_below(df / 2, middle / 2) < p)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

double weir_eval_drift_psi_guard(uint64_t n, uint64_t m, size_t n_bins, double level)
{
    if (n == 0 || m == 0 || n_bins < 2)
        return (double)INFINITY;
    return (1 / (double)n + 1 / (double)m) *
           weir_eval_drift_chi2_quantile((double)(n_bins - 1), level);
}

struct weir_eval_drift_ks weir_eval_drift_ks(const uint64_t *reference, const uint64_t *current,
                                             size_t n_bins)
{
    struct weir_eval_drift_ks out = {0};
    double n = (double)total(reference, n_bins);
    double m = (double)total(current, n_bins);
    uint64_t below_n = 0;
    uint64_t below_m = 0;
    if (n == 0 || m == 0)
        return out;
    for (size_t b = 0; b < n_bins; b++) {
        double d = (double)below_n / n - (double)below_m / m;
        out.high = fmax(out.high, fmax(d + (double)reference[b] / n, -d + (double)current[b] / m));
        below_n += reference[b];
        below_m += current[b];
        out.low = fmax(out.low, fabs((double)below_n / n - (double)below_m / m));
    }
    return out;
}

double weir_eval_drift_ks_p(double d, uint64_t n, uint64_t m)
{
    if (n == 0 || m == 0 || d <= 0)
        return 1;
    double root = sqrt((double)n * ((double)m / ((double)n + (double)m)));
    double lambda = (root + 0.12 + 0.11 / root) * d;
    double sum = 0;
    if (lambda < 1.18) { /* Where the alternating series would need many terms. */
        double y = exp(-M_PI * M_PI / (8 * lambda * lambda));
        for (int k = 1; k < 8; k += 2)
            sum += pow(y, k * k);
        return fmax(0, 1 - sqrt(2 * M_PI) / lambda * sum);
    }
    for (int k = 1; k < 20; k++)
        sum += (k % 2 ? 2 : -2) * exp(-2 * k * k * lambda * lambda);
    return fmin(1, fmax(0, sum));
}
