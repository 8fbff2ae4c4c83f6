/* SPDX-License-Identifier: MIT */
#include "eval/multiclass.h"

#include "base/macros.h"
#include "eval/roc.h"

#include <math.h>

/* Room for one ranking, and who uses it. */
struct ranking {
    double *scores;
    uint8_t *is_positive;
    double *weights; /* NULL: none */
    size_t n;
    struct weir_mem *mem;
    struct weir_error *err;
};

static enum weir_status ranking_init(struct ranking *r, size_t n, bool is_weighted,
                                     struct weir_mem *mem, struct weir_error *err)
{
    *r = (struct ranking){.mem = mem, .err = err};
    r->scores = weir_mem_array(mem, n, sizeof *r->scores);
    r->is_positive = weir_mem_array(mem, n, sizeof *r->is_positive);
    r->weights = is_weighted ? weir_mem_array(mem, n, sizeof *r->weights) : NULL;
    if (r->scores && r->is_positive && (r->weights || !is_weighted))
        return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory to rank %zu scores", n);
}

static void ranking_deinit(struct ranking *r)
{
    weir_mem_free(r->mem, r->scores);
    weir_mem_free(r->mem, r->is_positive);
    weir_mem_free(r->mem, r->weights);
}

static void put(struct ranking *r, double score, bool is_positive, double weight)
{
    r->scores[r->n] = score;
    r->is_positive[r->n] = is_positive;
    if (r->weights)
        r->weights[r->n] = weight;
    r->n++;
}

/* Ranks what was put; *out is NaN where the area is undefined. The room is empty afterwards. */
static enum weir_status rank(struct ranking *r, double *out)
{
    struct weir_eval_binary rows = {
        .n = r->n, .scores = r->scores, .is_positive = r->is_positive, .weights = r->weights};
    struct weir_eval_sweep sweep;
    r->n = 0;
    enum weir_status status = weir_eval_sweep_init(&sweep, &rows, r->mem, r->err);
    if (status != WEIR_OK)
        return status;
    if (!weir_eval_roc_auc(&sweep, out))
        *out = (double)NAN;
    weir_eval_sweep_deinit(&sweep);
    return WEIR_OK;
}

static double weight_of(const struct weir_eval_multiclass_rows *rows, size_t i)
{
    return rows->weights ? rows->weights[i] : 1;
}

static double score_of(const struct weir_eval_multiclass_rows *rows, size_t i, size_t k)
{
    return rows->scores[i * rows->n_classes + k];
}

static enum weir_status against_rest(const struct weir_eval_multiclass_rows *rows,
                                     struct ranking *r, double *by_class,
                                     struct weir_eval_multiclass *out)
{
    double sum = 0;
    double weighted = 0;
    double weights = 0;
    size_t n_defined = 0;
    for (size_t k = 0; k < rows->n_classes; k++) {
        double support = 0;
        for (size_t i = 0; i < rows->n; i++) {
            bool is_positive = rows->truths[i] == k;
            put(r, score_of(rows, i, k), is_positive, weight_of(rows, i));
            support += is_positive ? weight_of(rows, i) : 0;
        }
        enum weir_status status = rank(r, &by_class[k]);
        if (status != WEIR_OK)
            return status;
        weighted += support > 0 ? support * by_class[k] : 0;
        weights += support;
        if (isnan(by_class[k]))
            continue;
        sum += by_class[k];
        n_defined++;
    }
    out->ovr_macro = n_defined == rows->n_classes ? sum / (double)n_defined : (double)NAN;
    out->ovr_macro_present = n_defined > 0 ? sum / (double)n_defined : (double)NAN;
    out->ovr_weighted = weights > 0 ? weighted / weights : (double)NAN;
    return WEIR_OK;
}

static enum weir_status all_together(const struct weir_eval_multiclass_rows *rows, double *out,
                                     struct weir_mem *mem, struct weir_error *err)
{
    struct ranking r;
    size_t n;
    if (!weir_size_mul(rows->n, rows->n_classes, &n))
        return weir_error_set(err, WEIR_ERR_LIMIT, "too many scores");
    enum weir_status status = ranking_init(&r, n, rows->weights != NULL, mem, err);
    for (size_t i = 0; status == WEIR_OK && i < n; i++)
        put(&r, rows->scores[i], rows->truths[i / rows->n_classes] == i % rows->n_classes,
            weight_of(rows, i / rows->n_classes));
    if (status == WEIR_OK)
        status = rank(&r, out);
    ranking_deinit(&r);
    return status;
}

/* The mean of both directions of a pair of classes. *n: their rows. */
static enum weir_status pair_auc(const struct weir_eval_multiclass_rows *rows, struct ranking *r,
                                 size_t a, size_t b, double *out, size_t *n)
{
    double sum = 0;
    for (size_t direction = 0; direction < 2; direction++) {
        size_t k = direction == 0 ? a : b;
        double auc;
        for (size_t i = 0; i < rows->n; i++) {
            if (rows->truths[i] == a || rows->truths[i] == b)
                put(r, score_of(rows, i, k), rows->truths[i] == k, 1);
        }
        *n = r->n;
        enum weir_status status = rank(r, &auc);
        if (status != WEIR_OK)
            return status;
        sum += auc;
    }
    *out = sum / 2;
    return WEIR_OK;
}

static enum weir_status against_each(const struct weir_eval_multiclass_rows *rows,
                                     struct ranking *r, struct weir_eval_multiclass *out)
{
    double sum = 0;
    double weighted = 0;
    double weights = 0;
    for (size_t a = 0; a < rows->n_classes; a++) {
        for (size_t b = a + 1; b < rows->n_classes; b++) {
            double auc;
            size_t n;
            enum weir_status status = pair_auc(rows, r, a, b, &auc, &n);
            if (status != WEIR_OK)
                return status;
            sum += auc;
            weighted += auc * (double)n;
            weights += (double)n;
        }
    }
    double n_pairs = (double)rows->n_classes * (double)(rows->n_classes - 1) / 2;
    out->ovo_macro = sum / n_pairs;
    out->ovo_weighted = weighted / weights;
    return WEIR_OK;
}

enum weir_status weir_eval_multiclass_auc(const struct weir_eval_multiclass_rows *rows,
                                          double *by_class, struct weir_eval_multiclass *out,
                                          struct weir_mem *mem, struct weir_error *err)
{
    weir_assert(rows);
    weir_assert(rows->n_classes >= 2);
    weir_assert(out);
    struct ranking r;
    out->ovo_macro = (double)NAN;
    out->ovo_weighted = (double)NAN;
    enum weir_status status = ranking_init(&r, rows->n, rows->weights != NULL, mem, err);
    if (status == WEIR_OK)
        status = against_rest(rows, &r, by_class, out);
    if (status == WEIR_OK)
        status = all_together(rows, &out->ovr_micro, mem, err);
    if (status == WEIR_OK && !rows->weights)
        status = against_each(rows, &r, out);
    ranking_deinit(&r);
    return status;
}
