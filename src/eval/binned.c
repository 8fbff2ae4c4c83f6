/* SPDX-License-Identifier: MIT */
#include "eval/binned.h"

#include "base/macros.h"

#include <float.h>
#include <math.h>

#define MARGIN_SCALE 2.0

/* Each operation is rounded to nearest and so never falls where its argument rises; the bin does
 * not either. No library function is used whose rounding is its own. */
uint32_t weir_eval_binned_bin(double score, enum weir_eval_binned_space space, uint32_t n_bins)
{
    weir_debug_assert(!isnan(score));
    weir_debug_assert(n_bins >= 4);
    double u; /* 0 … 1 */
    if (space == WEIR_EVAL_BINNED_PROBABILITY) {
        if (score <= 0)
            return 0;
        if (score >= 1)
            return n_bins - 1;
        /* (w − 1) / (w + 1) is tanh(logit / 8) for the eighth root of the squared odds. */
        double w = sqrt(sqrt(score / (1 - score)));
        u = 1 - 1 / (1 + w);
    } else if (score >= 0) {
        u = 1 - 0.5 * (MARGIN_SCALE / (MARGIN_SCALE + score));
    } else {
        u = 0.5 * (MARGIN_SCALE / (MARGIN_SCALE - score));
    }
    uint32_t bin = 1 + (uint32_t)(u * (n_bins - 2));
    return bin < n_bins - 1 ? bin : n_bins - 2;
}

static void totals(const struct weir_eval_binned *binned, double *positives, double *negatives)
{
    uint64_t p = 0;
    uint64_t n = 0;
    for (size_t b = 0; b < binned->n_bins; b++) {
        p += binned->positives[b];
        n += binned->negatives[b];
    }
    *positives = (double)p;
    *negatives = (double)n;
}

bool weir_eval_binned_auc(const struct weir_eval_binned *binned,
                          struct weir_eval_binned_bounds *out)
{
    weir_assert(binned);
    double p_all;
    double n_all;
    totals(binned, &p_all, &n_all);
    if (p_all == 0 || n_all == 0)
        return false;
    /* Halves of pairs, exact up to 2^53 of them in a bin and beyond that to the sum's rounding. */
    long double below = 0;
    long double won = 0;
    long double open = 0;
    for (size_t b = 0; b < binned->n_bins; b++) {
        long double p = (long double)binned->positives[b];
        long double n = (long double)binned->negatives[b];
        won += p * (2 * below + n);
        if (!binned->is_mixed || binned->is_mixed[b])
            open += p * n;
        below += n;
    }
    long double pairs = 2 * (long double)p_all * (long double)n_all;
    out->value = (double)(won / pairs);
    out->low = (double)((won - open) / pairs);
    out->high = (double)((won + open) / pairs);
    return true;
}

bool weir_eval_binned_variance(const struct weir_eval_binned *binned, double *out)
{
    weir_assert(binned);
    double m;
    double n;
    totals(binned, &m, &n);
    if (m < 2 || n < 2)
        return false;
    /* Of each positive the share of negatives it lies above, V10; of each negative the share of
     * positives that lie above it, V01: DeLong 1988. Two passes: means, then squares. */
    struct weir_eval_binned_bounds auc;
    (void)weir_eval_binned_auc(binned, &auc); /* Both classes are there. */
    double below_n = 0;
    double below_p = 0;
    double s10 = 0;
    double s01 = 0;
    for (size_t b = 0; b < binned->n_bins; b++) {
        double tp = (double)binned->positives[b];
        double tn = (double)binned->negatives[b];
        double v10 = (below_n + tn / 2) / n - auc.value;
        double v01 = 1 - (below_p + tp / 2) / m - auc.value;
        s10 += tp * v10 * v10;
        s01 += tn * v01 * v01;
        below_n += tn;
        below_p += tp;
    }
    *out = s10 / (m - 1) / m + s01 / (n - 1) / n;
    return true;
}

bool weir_eval_binned_average_precision(const struct weir_eval_binned *binned,
                                        struct weir_eval_binned_bounds *out)
{
    weir_assert(binned);
    double p_all;
    double n_all;
    totals(binned, &p_all, &n_all);
    if (p_all == 0)
        return false;
    struct weir_eval_binned_bounds sum = {0};
    double tp = 0;
    double fp = 0;
    for (size_t b = binned->n_bins; b-- > 0;) {
        double p = (double)binned->positives[b];
        double n = (double)binned->negatives[b];
        double tied = p > 0 ? p * (tp + p) / (tp + p + fp + n) : 0;
        bool is_open = p > 0 && (!binned->is_mixed || binned->is_mixed[b]);
        double low = 0;
        /* At worst all negatives first, then the positives one by one; at best all positives first,
         * tied, for a group counts with the precision at its end. */
        for (double j = 1; is_open && j <= p; j++)
            low += (tp + j) / (tp + fp + n + j);
        sum.value += tied;
        sum.low += is_open ? low : tied;
        sum.high += is_open ? p * (tp + p) / (tp + p + fp) : tied;
        tp += p;
        fp += n;
    }
    out->value = sum.value / p_all;
    out->low = sum.low / p_all;
    out->high = sum.high / p_all;
    return true;
}

struct weir_eval_binned_confusion weir_eval_binned_confusion(const struct weir_eval_binned *binned,
                                                             size_t first)
{
    weir_assert(binned);
    struct weir_eval_binned_confusion c = {0};
    for (size_t b = 0; b < binned->n_bins; b++) {
        if (b >= first) {
            c.tp += binned->positives[b];
            c.fp += binned->negatives[b];
        } else {
            c.fn += binned->positives[b];
            c.tn += binned->negatives[b];
        }
    }
    return c;
}

/* --- probabilities --------------------------------------------------------------------------- */

/* Edges as weir_eval_probability_calibrate has them. */
static size_t calibration_bin(double p)
{
    size_t b = 0;
    while (b + 1 < WEIR_EVAL_BINNED_CALIBRATION_BINS &&
           p > (double)(b + 1) / WEIR_EVAL_BINNED_CALIBRATION_BINS)
        b++;
    return b;
}

void weir_eval_binned_calibration_add(struct weir_eval_binned_calibration *c, double p,
                                      bool is_positive, bool is_taken_away)
{
    weir_assert(c);
    weir_assert(p >= 0);
    weir_assert(p <= 1);
    size_t b = calibration_bin(p);
    double y = is_positive ? 1 : 0;
    double q = is_positive ? p : 1 - p;
    int64_t one = is_taken_away ? -1 : 1;
    double sign = (double)one;
    if (q < DBL_EPSILON)
        q = DBL_EPSILON;
    if (q > 1 - DBL_EPSILON)
        q = 1 - DBL_EPSILON;
    c->n[b] += one;
    c->n_positive[b] += is_positive ? one : 0;
    weir_eval_exact_add(&c->p[b], sign * p);
    weir_eval_exact_add(&c->squares, sign * ((p - y) * (p - y)));
    weir_eval_exact_add(&c->logs, sign * -log(q));
    weir_eval_exact_add(&c->z_sum, sign * ((y - p) * (1 - 2 * p)));
    weir_eval_exact_add(&c->z_variance, sign * ((1 - 2 * p) * (1 - 2 * p) * (p * (1 - p))));
}

void weir_eval_binned_calibration_merge(struct weir_eval_binned_calibration *c,
                                        const struct weir_eval_binned_calibration *other)
{
    weir_assert(c);
    for (size_t b = 0; b < WEIR_EVAL_BINNED_CALIBRATION_BINS; b++) {
        if (other->n[b] == 0)
            continue;
        c->n[b] += other->n[b];
        c->n_positive[b] += other->n_positive[b];
        weir_eval_exact_merge(&c->p[b], &other->p[b]);
    }
    weir_eval_exact_merge(&c->squares, &other->squares);
    weir_eval_exact_merge(&c->logs, &other->logs);
    weir_eval_exact_merge(&c->z_sum, &other->z_sum);
    weir_eval_exact_merge(&c->z_variance, &other->z_variance);
}

struct weir_eval_binned_probability
weir_eval_binned_calibration_get(const struct weir_eval_binned_calibration *c)
{
    weir_assert(c);
    struct weir_eval_binned_probability out = {0};
    double gaps = 0;
    for (size_t b = 0; b < WEIR_EVAL_BINNED_CALIBRATION_BINS; b++) {
        if (c->n[b] <= 0)
            continue;
        double n = (double)c->n[b];
        double gap = fabs((double)c->n_positive[b] / n - weir_eval_exact_get(&c->p[b]) / n);
        gaps += n * gap;
        out.mce = gap > out.mce ? gap : out.mce;
        out.n += (uint64_t)c->n[b];
    }
    double n = (double)out.n;
    double variance = weir_eval_exact_get(&c->z_variance);
    out.brier = weir_eval_exact_get(&c->squares) / n;
    out.log_loss = weir_eval_exact_get(&c->logs) / n;
    out.ece = gaps / n;
    out.spiegelhalter_z =
        variance > 0 ? weir_eval_exact_get(&c->z_sum) / sqrt(variance) : (double)NAN;
    return out;
}
