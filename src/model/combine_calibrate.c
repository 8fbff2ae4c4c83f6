/* SPDX-License-Identifier: MIT */
/* Calibration: scores of members become probabilities through curves (Platt 1999; Zadrozny and
 * Elkan 2002) or a temperature (Guo et al. 2017). */
#include "model/combine_priv.h"
#include "model/head.h"

#include <math.h>
#include <string.h>

struct calibrate {
    struct weir_model_combine combine;
    const struct weir_model_combine_calibrator *calibrators;
    size_t n_classes;
    size_t part_at; /* offsets into scratch, after the sums: a member's scores, */
    size_t row_at;  /* and one row's probabilities */
};

/* Returns the value between points at t, as numpy.interp computes it; in float32 as scipy's
 * interp1d does. */
static double between(const struct weir_model_combine_curve *c, double t)
{
    if (c->n == 1)
        return c->y[0];
    size_t low = 0; /* x[low] <= t, for float32 x[low] < t */
    size_t high = c->n - 1;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (c->is_f32 ? c->x[mid] < t : c->x[mid] <= t)
            low = mid;
        else
            high = mid;
    }
    if (!c->is_f32 && t == c->x[low])
        return c->y[low];
    if (!c->is_f32 && t >= c->x[high])
        return c->y[high];
    bool is_f32 = c->is_f32;
    double rise = weir_model_node_round(c->y[high] - c->y[low], is_f32);
    double slope =
        weir_model_node_round(rise / weir_model_node_round(c->x[high] - c->x[low], is_f32), is_f32);
    double step =
        weir_model_node_round(slope * weir_model_node_round(t - c->x[low], is_f32), is_f32);
    return weir_model_node_round(step + c->y[low], is_f32);
}

static double curve_at(const struct weir_model_combine_curve *c, double t)
{
    if (c->kind == WEIR_MODEL_COMBINE_CURVE_SIGMOID)
        return weir_model_head_sigmoid(-(c->a * t + c->b));
    t = weir_model_node_round(t, c->is_f32);
    if (isnan(t))
        return t;
    return between(c, t < c->x_min ? c->x_min : t > c->x_max ? c->x_max : t);
}

/* The library refuses scores that an isotonic curve cannot take. */
static void check_score(const struct calibrate *c, const struct weir_model_combine_curve *curve,
                        size_t column, double score, struct weir_row_fault *fault)
{
    double t = weir_model_node_round(score, curve->is_f32);
    if (curve->kind != WEIR_MODEL_COMBINE_CURVE_ISOTONIC || isfinite(t) ||
        fault->kind != WEIR_FAULT_NONE)
        return;
    *fault = (struct weir_row_fault){.kind = isnan(t) ? WEIR_FAULT_NAN : WEIR_FAULT_INFINITE,
                                     .step = c->combine.node.step,
                                     .column = (uint32_t)column};
}

/* Makes the probabilities p of one row of a member from its scores. */
static void by_curves(const struct calibrate *c, const struct weir_model_combine_calibrator *by,
                      const double *scores, struct weir_row_fault *fault, double *p)
{
    size_t n = c->n_classes;
    memset(p, 0, n * sizeof *p);
    for (size_t i = 0; i < by->n_curves; i++) {
        check_score(c, &by->curves[i], i, scores[by->skip + i], fault);
        p[by->curves[i].cls] = curve_at(&by->curves[i], scores[by->skip + i]);
    }
    if (n == 2) {
        p[0] = 1.0 - p[1];
        return;
    }
    double sum = weir_model_head_sum(p, n, false);
    for (size_t k = 0; k < n; k++)
        p[k] = sum == 0.0 ? 1.0 / (double)n : p[k] / sum;
}

/* The library looks at all rows together to find whether scores are probabilities; here the output
 * they come from says so. */
static void by_temperature(const struct calibrate *c,
                           const struct weir_model_combine_calibrator *by, const double *scores,
                           double *p)
{
    static const double eps = 1e-12;
    size_t n = c->n_classes;
    bool is_proba = by->output == WEIR_OUTPUT_PREDICT_PROBA;
    if (is_proba && n == 2) {
        p[0] = log(1.0 - scores[1] + eps);
        p[1] = log(scores[1] + eps);
    } else if (n == 2) {
        p[0] = -scores[0];
        p[1] = scores[0];
    } else {
        for (size_t k = 0; k < n; k++)
            p[k] = is_proba ? log(scores[k] + eps) : scores[k];
    }
    for (size_t k = 0; k < n; k++)
        p[k] *= by->beta;
    double max = p[weir_model_head_argmax(p, n)];
    for (size_t k = 0; k < n; k++)
        p[k] = exp(p[k] - max);
    double sum = weir_model_head_sum(p, n, false);
    for (size_t k = 0; k < n; k++)
        p[k] /= sum;
}

static void add_member(const struct calibrate *c, const struct weir_model_node_run *run, size_t i,
                       double *sums)
{
    const struct weir_model_combine_calibrator *by = &c->calibrators[i];
    size_t width = c->combine.members[i].node->n_out[by->output];
    double *scores = (double *)(void *)(run->scratch + c->part_at);
    double *p = (double *)(void *)(run->scratch + c->row_at);
    void *out[WEIR_OUTPUT_N] = {0};
    out[by->output] = scores;
    weir_model_combine_member_run(&c->combine, run, i, out);
    for (size_t row = 0; row < run->n_rows; row++) {
        if (by->is_temperature)
            by_temperature(c, by, scores + row * width, p);
        else
            by_curves(c, by, scores + row * width, &run->faults[row], p);
        for (size_t k = 0; k < c->n_classes; k++)
            sums[row * c->n_classes + k] += p[k] > 1.0 && p[k] <= 1.0 + 1e-5 ? 1.0 : p[k];
    }
}

static void calibrate_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct calibrate *c = (const struct calibrate *)(const void *)node;
    double *sums = (double *)(void *)run->scratch;
    size_t n = c->n_classes;
    weir_model_combine_check(&c->combine, run);
    memset(sums, 0, run->n_rows * n * sizeof *sums);
    for (size_t i = 0; i < c->combine.n; i++)
        add_member(c, run, i, sums);
    for (size_t i = 0; i < run->n_rows * n; i++)
        sums[i] /= (double)c->combine.n;
    if (run->out[WEIR_OUTPUT_PREDICT_PROBA])
        memcpy(run->out[WEIR_OUTPUT_PREDICT_PROBA], sums, run->n_rows * n * sizeof *sums);
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    for (size_t row = 0; labels && row < run->n_rows; row++)
        labels[row] = (int32_t)weir_model_head_argmax(sums + row * n, n);
}

/* --- building --- */

static enum weir_status check_calibrator(const struct weir_model_combine_calibrate_opts *opts,
                                         size_t i, struct weir_error *err)
{
    const struct weir_model_combine_calibrator *by = &opts->calibrators[i];
    size_t n = opts->base.members[i].node->n_out[by->output];
    size_t n_classes = opts->base.targets[0].n;
    bool is_one = by->output == WEIR_OUTPUT_DECISION_FUNCTION && n_classes == 2;
    bool fits = by->is_temperature ? n == (is_one ? 1 : n_classes)
                                   : by->n_curves > 0 && n == by->skip + by->n_curves;
    for (size_t k = 0; fits && !by->is_temperature && k < by->n_curves; k++)
        weir_assert(by->curves[k].cls < n_classes);
    return fits ? WEIR_OK
                : weir_error_set(err, WEIR_ERR_CORRUPT, "part %zu gives %zu scores for %zu curves",
                                 i, n, by->n_curves);
}

enum weir_status
weir_model_combine_calibrate_new(struct weir_model_builder *b,
                                 const struct weir_model_combine_calibrate_opts *opts,
                                 const struct weir_model_node **out, struct weir_error *err)
{
    size_t width = 1;
    for (size_t i = 0; i < opts->base.n; i++) {
        enum weir_status status = check_calibrator(opts, i, err);
        if (status != WEIR_OK)
            return status;
        width =
            weir_max_size(width, opts->base.members[i].node->n_out[opts->calibrators[i].output]);
    }
    size_t n = opts->base.targets[0].n;
    size_t part_at = weir_model_node_block_bytes(n);
    size_t row_at = part_at + weir_model_node_block_bytes(width);
    struct weir_model_combine_base how = {.opts = &opts->base,
                                          .node_bytes = sizeof(struct calibrate),
                                          .own_bytes =
                                              row_at + weir_model_node_align(n * sizeof(double))};
    void *made;
    enum weir_status status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct calibrate *c = made;
    struct weir_model_combine_calibrator *copy =
        weir_arena_array(b->arena, opts->base.n, sizeof *copy);
    if (!copy)
        return weir_model_builder_no_memory(b, err);
    memcpy(copy, opts->calibrators, opts->base.n * sizeof *copy);
    c->calibrators = copy;
    c->n_classes = n;
    c->part_at = part_at;
    c->row_at = row_at;
    struct weir_model_node *node = &c->combine.node;
    status = weir_model_builder_step(b, opts->base.name, false, &node->step, err);
    if (status != WEIR_OK)
        return status;
    node->run = calibrate_run;
    node->predicts_labels = true;
    node->n_out[WEIR_OUTPUT_PREDICT] = 1;
    node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = (uint32_t)n;
    node->is_vector = true;
    *out = node;
    return WEIR_OK;
}
