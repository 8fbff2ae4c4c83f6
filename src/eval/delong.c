/* SPDX-License-Identifier: MIT */
/* Each positive has a placement, the share of negatives below it (ties one half), and each negative
 * the share of positives above it. The area is the mean of either; its variance comes from theirs.
 * What is summed is 1 − placement, which is small where areas matter. */
#include "eval/delong.h"

#include "base/macros.h"
#include "eval/normal.h"

#include <math.h>

/* Sums of one class's placements. */
struct sums {
    double n;
    double sum;
    double squares;
};

static void add(struct sums *s, double value, double times)
{
    s->n += times;
    s->sum += value * times;
    s->squares += value * value * times;
}

/* Sample variance. */
static double variance_of(const struct sums *s)
{
    double v = (s->squares - s->sum * s->sum / s->n) / (s->n - 1);
    return v > 0 ? v : 0;
}

bool weir_eval_delong_variance(const struct weir_eval_sweep *sweep, double *out)
{
    weir_assert(sweep);
    if (sweep->is_weighted || sweep->n_positive < 2 || sweep->n_negative < 2)
        return false;
    struct sums positives = {0, 0, 0};
    struct sums negatives = {0, 0, 0};
    double tp = 0;
    double fp = 0;
    for (size_t g = 0; g < sweep->n_groups; g++) {
        double n_tp = sweep->tp[g] - tp;
        double n_fp = sweep->fp[g] - fp;
        /* Negatives above a positive, and positives not above a negative. */
        if (n_tp > 0)
            add(&positives, (fp + n_fp / 2) / sweep->negatives, n_tp);
        if (n_fp > 0)
            add(&negatives, (sweep->positives - tp - n_tp / 2) / sweep->positives, n_fp);
        tp = sweep->tp[g];
        fp = sweep->fp[g];
    }
    *out = variance_of(&positives) / positives.n + variance_of(&negatives) / negatives.n;
    return true;
}

bool weir_eval_delong_interval(double auc, double variance, double alpha, bool is_logit,
                               struct weir_eval_interval *out)
{
    double se = sqrt(variance);
    if (!(se > 0) || !(auc > 0) || !(auc < 1))
        return false;
    double z = weir_eval_normal_quantile(1 - alpha / 2);
    *out = (struct weir_eval_interval){.value = auc, .se = se};
    if (is_logit) {
        double at = log(auc / (1 - auc));
        double half = z * se / (auc * (1 - auc));
        out->low = 1 / (1 + exp(half - at));
        out->high = 1 / (1 + exp(-half - at));
    } else {
        out->low = fmax(0, auc - z * se);
        out->high = fmin(1, auc + z * se);
    }
    return true;
}

/* Writes 1 − placement of each of k rows, given by their indexes in rows. */
static void place(struct weir_eval_sort *sort, const double *scores, const uint8_t *is_positive,
                  const uint32_t *rows, size_t k, const double n[2], double *out)
{
    for (size_t i = 0; i < k; i++) {
        sort->keys[i] = weir_eval_sort_key(scores[rows[i]]);
        sort->values[i] = (uint32_t)i;
    }
    weir_eval_sort_run(sort, k);
    double above[2] = {0, 0};
    for (size_t from = 0; from < k;) {
        double in[2] = {0, 0};
        size_t to = from;
        for (; to < k && sort->keys[to] == sort->keys[from]; to++)
            in[is_positive[rows[sort->values[to]]] != 0]++;
        for (size_t i = from; i < to; i++) {
            size_t row = sort->values[i];
            out[row] = is_positive[rows[row]] ? (above[0] + in[0] / 2) / n[0]
                                              : (n[1] - above[1] - in[1] / 2) / n[1];
        }
        above[0] += in[0];
        above[1] += in[1];
        from = to;
    }
}

/* Adds up variances and covariance of the placements of both models. */
static void compare(const double *const places[2], const uint8_t *is_positive, const uint32_t *rows,
                    size_t k, const double n[2], struct weir_eval_delong_pair *out)
{
    double sum[2][2] = {{0, 0}, {0, 0}}; /* class, model */
    double square[2][3] = {{0, 0, 0}, {0, 0, 0}};
    for (size_t i = 0; i < k; i++) {
        size_t c = is_positive[rows[i]] != 0;
        sum[c][0] += places[0][i];
        sum[c][1] += places[1][i];
    }
    for (size_t i = 0; i < k; i++) {
        size_t c = is_positive[rows[i]] != 0;
        double a = places[0][i] - sum[c][0] / n[c];
        double b = places[1][i] - sum[c][1] / n[c];
        square[c][0] += a * a;
        square[c][1] += b * b;
        square[c][2] += a * b;
    }
    double part[3];
    for (size_t j = 0; j < 3; j++)
        part[j] = square[0][j] / (n[0] - 1) / n[0] + square[1][j] / (n[1] - 1) / n[1];
    out->auc[0] = 1 - sum[1][0] / n[1];
    out->auc[1] = 1 - sum[1][1] / n[1];
    out->variance[0] = part[0];
    out->variance[1] = part[1];
    out->covariance = part[2];
    out->difference = (sum[1][1] - sum[1][0]) / n[1];
    double variance = part[0] + part[1] - 2 * part[2];
    out->z = variance > 0 ? out->difference / sqrt(variance) : 0;
    out->p = 2 * weir_eval_normal_below(-fabs(out->z));
}

enum weir_status weir_eval_delong_compare(const double *const scores[2], const uint8_t *is_positive,
                                          size_t n, struct weir_eval_delong_pair *out,
                                          size_t *n_used, struct weir_mem *mem,
                                          struct weir_error *err)
{
    weir_assert(scores);
    weir_assert(out);
    struct weir_eval_sort sort;
    enum weir_status status = weir_eval_sort_init(&sort, n, mem, err);
    if (status != WEIR_OK)
        return status;
    uint32_t *rows = weir_mem_array(mem, n, sizeof *rows);
    double *places[2] = {weir_mem_array(mem, n, sizeof(double)),
                         weir_mem_array(mem, n, sizeof(double))};
    double counts[2] = {0, 0};
    size_t k = 0;
    if (!rows || !places[0] || !places[1]) {
        status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory to compare %zu rows", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(scores[0][i]) || !isfinite(scores[1][i]))
            continue;
        rows[k++] = (uint32_t)i;
        counts[is_positive[i] != 0]++;
    }
    *n_used = k;
    if (counts[0] < 2 || counts[1] < 2) {
        status = weir_error_set(err, WEIR_ERR_INVALID,
                                "a comparison needs two rows of each class at least");
        goto done;
    }
    for (size_t m = 0; m < 2; m++)
        place(&sort, scores[m], is_positive, rows, k, counts, places[m]);
    compare((const double *const[2]){places[0], places[1]}, is_positive, rows, k, counts, out);
done:
    weir_mem_free(mem, rows);
    weir_mem_free(mem, places[0]);
    weir_mem_free(mem, places[1]);
    weir_eval_sort_deinit(&sort);
    return status;
}
