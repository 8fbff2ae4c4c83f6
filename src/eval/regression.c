/* SPDX-License-Identifier: MIT */
#include "eval/regression.h"

#include "base/macros.h"
#include "eval/sort.h"

#include <float.h>
#include <math.h>

static double weight_of(const struct weir_eval_regression_rows *rows, size_t i)
{
    return rows->weights ? rows->weights[i] : 1;
}

static bool counts(const struct weir_eval_regression_rows *rows, size_t i)
{
    return isfinite(rows->truths[i]) && isfinite(rows->predictions[i]) && weight_of(rows, i) > 0;
}

/* Sums of one pass. */
struct sums {
    double error, square, absolute, relative, pinball, poisson, gamma, truth;
};

static void add_row(const struct weir_eval_regression_rows *rows, size_t i, struct sums *s,
                    struct weir_eval_regression *out)
{
    double w = weight_of(rows, i);
    double y = rows->truths[i];
    double p = rows->predictions[i];
    double error = y - p;
    out->weight += w;
    out->n_used++;
    out->max_error = fmax(out->max_error, fabs(error));
    s->error += w * error;
    s->square += w * error * error;
    s->absolute += w * fabs(error);
    s->relative += w * fabs(error) / fmax(fabs(y), DBL_EPSILON);
    s->pinball += w * (error >= 0 ? rows->quantile * error : (rows->quantile - 1) * error);
    s->poisson += y >= 0 && p > 0 ? 2 * w * ((y > 0 ? y * log(y / p) : 0) - y + p) : (double)NAN;
    s->gamma += y > 0 && p > 0 ? 2 * w * (log(p / y) + y / p - 1) : (double)NAN;
    s->truth += w * y;
}

/* The median of the absolute errors: without weights the middle one, or the mean of the middle two;
 * with weights the least at which half of the weight is reached. */
static enum weir_status find_median(const struct weir_eval_regression_rows *rows,
                                    struct weir_eval_regression *out, struct weir_mem *mem)
{
    struct weir_eval_sort sort;
    enum weir_status status = weir_eval_sort_init(&sort, rows->n, mem, NULL);
    size_t n = 0;
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < rows->n; i++) {
        if (!counts(rows, i))
            continue;
        sort.keys[n] = weir_eval_sort_key(-fabs(rows->truths[i] - rows->predictions[i]));
        sort.values[n++] = (uint32_t)i;
    }
    weir_eval_sort_run(&sort, n); /* ascending errors */
    if (!rows->weights) {
        out->median_ae = -(weir_eval_sort_score(sort.keys[(n - 1) / 2]) +
                           weir_eval_sort_score(sort.keys[n / 2])) /
                         2;
    } else {
        double below = 0;
        size_t i = 0;
        do
            below += rows->weights[sort.values[i]];
        while (below < out->weight / 2 && ++i + 1 < n);
        out->median_ae = -weir_eval_sort_score(sort.keys[i]);
    }
    weir_eval_sort_deinit(&sort);
    return WEIR_OK;
}

/* R² and the explained variance, whose denominator is the spread of the truths. */
static void find_shares(const struct weir_eval_regression_rows *rows, const struct sums *s,
                        struct weir_eval_regression *out)
{
    double mean = s->truth / out->weight;
    double off = s->error / out->weight;
    double spread = 0;
    double scatter = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (!counts(rows, i))
            continue;
        double apart = rows->truths[i] - mean;
        double error = rows->truths[i] - rows->predictions[i] - off;
        spread += weight_of(rows, i) * apart * apart;
        scatter += weight_of(rows, i) * error * error;
    }
    if (spread > 0) {
        out->r2 = 1 - s->square / spread;
        out->explained_variance = 1 - scatter / spread;
    } else {
        out->r2 = s->square > 0 ? 0 : 1;
        out->explained_variance = scatter > 0 ? 0 : 1;
    }
    if (out->n_used < 2)
        out->r2 = NAN;
}

enum weir_status weir_eval_regression_measure(const struct weir_eval_regression_rows *rows,
                                              struct weir_eval_regression *out,
                                              struct weir_mem *mem)
{
    weir_assert(rows);
    weir_assert(out);
    struct sums s = {0};
    *out = (struct weir_eval_regression){.n_invalid = 0};
    for (size_t i = 0; i < rows->n; i++) {
        if (counts(rows, i))
            add_row(rows, i, &s, out);
        else
            out->n_invalid += weight_of(rows, i) > 0;
    }
    if (out->n_used == 0) {
        size_t n_invalid = out->n_invalid;
        *out = (struct weir_eval_regression){NAN, NAN, NAN, NAN, NAN, NAN, NAN,
                                             NAN, NAN, NAN, NAN, 0,   0,   n_invalid};
        return WEIR_OK;
    }
    out->mse = s.square / out->weight;
    out->rmse = sqrt(out->mse);
    out->mae = s.absolute / out->weight;
    out->mape = s.relative / out->weight;
    out->pinball = s.pinball / out->weight;
    out->poisson_deviance = s.poisson / out->weight;
    out->gamma_deviance = s.gamma / out->weight;
    find_shares(rows, &s, out);
    return find_median(rows, out, mem);
}
