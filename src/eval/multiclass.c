/* SPDX-License-Identifier: MIT */
#include "eval/multiclass.h"

#include "base/macros.h"
#include "eval/precision.h"
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

/* Ranks what was put; what is undefined is NaN. The room is empty afterwards. */
static enum weir_status rank(struct ranking *r, struct weir_eval_multiclass_class *out)
{
    struct weir_eval_binary rows = {
        .n = r->n, .scores = r->scores, .is_positive = r->is_positive, .weights = r->weights};
    struct weir_eval_sweep sweep;
    r->n = 0;
    enum weir_status status = weir_eval_sweep_init(&sweep, &rows, r->mem, r->err);
    if (status != WEIR_OK)
        return status;
    if (!weir_eval_roc_auc(&sweep, &out->auc))
        out->auc = (double)NAN;
    if (!weir_eval_precision_average(&sweep, &out->average_precision) || !(sweep.positives > 0))
        out->average_precision = (double)NAN;
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

/* A mean of the classes' numbers while it is taken. */
struct mean {
    double sum;
    double weighted;
    size_t n_defined;
};

static void add(struct mean *m, double value, double support)
{
    m->weighted += support > 0 ? support * value : 0;
    m->sum += isnan(value) ? 0 : value;
    m->n_defined += isnan(value) ? 0 : 1;
}

static enum weir_status against_rest(const struct weir_eval_multiclass_rows *rows,
                                     struct ranking *r, struct weir_eval_multiclass_class *by_class,
                                     struct weir_eval_multiclass *out)
{
    struct mean auc = {0, 0, 0};
    struct mean ap = {0, 0, 0};
    double n = (double)rows->n_classes;
    double weights = 0;
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
        add(&auc, by_class[k].auc, support);
        add(&ap, by_class[k].average_precision, support);
        weights += support;
    }
    out->ovr_macro = auc.n_defined == rows->n_classes ? auc.sum / n : (double)NAN;
    out->ovr_macro_present = auc.n_defined > 0 ? auc.sum / (double)auc.n_defined : (double)NAN;
    out->ovr_weighted = weights > 0 ? auc.weighted / weights : (double)NAN;
    out->ap_macro = ap.n_defined == rows->n_classes ? ap.sum / n : (double)NAN;
    out->ap_weighted = weights > 0 ? ap.weighted / weights : (double)NAN;
    return WEIR_OK;
}

static enum weir_status all_together(const struct weir_eval_multiclass_rows *rows,
                                     struct weir_eval_multiclass_class *out, struct weir_mem *mem,
                                     struct weir_error *err)
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

/* The rows of each class side by side: those of class k are order[starts[k] … starts[k + 1]). */
static void gather(const struct weir_eval_multiclass_rows *rows, uint32_t *starts, uint32_t *order)
{
    size_t k = rows->n_classes;
    for (size_t i = 0; i < rows->n; i++)
        starts[rows->truths[i] + 1]++;
    for (size_t c = 0; c < k; c++)
        starts[c + 1] += starts[c];
    for (size_t i = 0; i < rows->n; i++)
        order[starts[rows->truths[i]]++] = (uint32_t)i;
    for (size_t c = k; c > 0; c--)
        starts[c] = starts[c - 1];
    starts[0] = 0;
}

/* The mean of both directions of a pair of classes. */
static enum weir_status pair_auc(const struct weir_eval_multiclass_rows *rows, struct ranking *r,
                                 const uint32_t *starts, const uint32_t *order,
                                 const size_t classes[2], double *out)
{
    double sum = 0;
    for (size_t direction = 0; direction < 2; direction++) {
        struct weir_eval_multiclass_class found;
        size_t k = classes[direction];
        for (size_t c = 0; c < 2; c++) {
            for (size_t i = starts[classes[c]]; i < starts[classes[c] + 1]; i++)
                put(r, score_of(rows, order[i], k), c == direction, 1);
        }
        enum weir_status status = rank(r, &found);
        if (status != WEIR_OK)
            return status;
        sum += found.auc;
    }
    *out = sum / 2;
    return WEIR_OK;
}

static enum weir_status each_pair(const struct weir_eval_multiclass_rows *rows, struct ranking *r,
                                  const uint32_t *starts, const uint32_t *order,
                                  struct weir_eval_multiclass *out)
{
    double sum = 0;
    double weighted = 0;
    double weights = 0;
    for (size_t a = 0; a < rows->n_classes; a++) {
        for (size_t b = a + 1; b < rows->n_classes; b++) {
            double auc;
            double n = (double)(starts[a + 1] - starts[a]) + (double)(starts[b + 1] - starts[b]);
            enum weir_status status =
                pair_auc(rows, r, starts, order, (const size_t[2]){a, b}, &auc);
            if (status != WEIR_OK)
                return status;
            sum += auc;
            weighted += auc * n;
            weights += n;
        }
    }
    out->ovo_macro = sum / ((double)rows->n_classes * (double)(rows->n_classes - 1) / 2);
    out->ovo_weighted = weighted / weights;
    return WEIR_OK;
}

static enum weir_status against_each(const struct weir_eval_multiclass_rows *rows,
                                     struct ranking *r, struct weir_eval_multiclass *out,
                                     struct weir_mem *mem)
{
    uint32_t *starts = weir_mem_zarray(mem, rows->n_classes + 1, sizeof *starts);
    uint32_t *order = weir_mem_array(mem, weir_max_size(rows->n, 1), sizeof *order);
    enum weir_status status = WEIR_ERR_NO_MEMORY;
    if (starts && order) {
        gather(rows, starts, order);
        status = each_pair(rows, r, starts, order, out);
    } else {
        (void)weir_error_set(r->err, status, "no memory to rank pairs of classes");
    }
    weir_mem_free(mem, starts);
    weir_mem_free(mem, order);
    return status;
}

enum weir_status weir_eval_multiclass_auc(const struct weir_eval_multiclass_rows *rows,
                                          struct weir_eval_multiclass_class *by_class,
                                          struct weir_eval_multiclass *out, struct weir_mem *mem,
                                          struct weir_error *err)
{
    weir_assert(rows);
    weir_assert(rows->n_classes >= 2);
    weir_assert(out);
    struct ranking r;
    struct weir_eval_multiclass_class micro = {(double)NAN, (double)NAN};
    out->ovo_macro = (double)NAN;
    out->ovo_weighted = (double)NAN;
    enum weir_status status = ranking_init(&r, rows->n, rows->weights != NULL, mem, err);
    if (status == WEIR_OK)
        status = against_rest(rows, &r, by_class, out);
    if (status == WEIR_OK)
        status = all_together(rows, &micro, mem, err);
    out->ovr_micro = micro.auc;
    out->ap_micro = micro.average_precision;
    if (status == WEIR_OK && !rows->weights)
        status = against_each(rows, &r, out, mem);
    ranking_deinit(&r);
    return status;
}

double weir_eval_multiclass_top_k(const struct weir_eval_multiclass_rows *rows, size_t k)
{
    weir_assert(rows);
    double hits = 0;
    double weights = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const double *scores = rows->scores + i * rows->n_classes;
        size_t truth = rows->truths[i];
        size_t n_before = 0;
        for (size_t c = 0; c < rows->n_classes; c++)
            n_before += scores[c] > scores[truth] || (scores[c] == scores[truth] && c > truth);
        hits += n_before < k ? weight_of(rows, i) : 0;
        weights += weight_of(rows, i);
    }
    return weights > 0 ? hits / weights : (double)NAN;
}
