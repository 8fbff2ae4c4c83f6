/* SPDX-License-Identifier: MIT */
/* Projections: partial least squares, PCA and its relatives, random projections. */
#include "model/project.h"

#include "format/sklearn/build.h"
#include "model/both.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* --- partial least squares (sklearn.cross_decomposition) --- */

/* Reads a matrix of n_features rows as points: its columns. */
static enum weir_status read_points(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    const char *name, size_t n_features,
                                    struct weir_format_sklearn_matrix *m, struct weir_error *err)
{
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, name, m, err);
    if (status != WEIR_OK)
        return status;
    if (m->is_flat || m->n_rows != n_features)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s has %zu rows, expected %zu", name,
                               m->n_rows, n_features);
    return WEIR_OK;
}

/* Finds the attribute that holds the coefficients, targets × features: coef_ changed its shape in
 * 1.3, and its private twin had the new one before. */
static const char *pls_coef(const struct weir_value_at *at)
{
    return weir_value_find(at->v, "_coef_") ? "_coef_" : "coef_";
}

/* Divides by what must not be zero. */
static enum weir_status check_divisor(const struct weir_value_at *at, const char *name,
                                      const double *values, size_t n, struct weir_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (values[i] == 0.0)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s holds 0", name);
    return WEIR_OK;
}

static enum weir_status pls_predict(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_model_project_opts *opts,
                                    const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_format_sklearn_matrix coef;
    double *bias = NULL;
    bool is_flat = false;
    const char *name = pls_coef(at);
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, name, &coef, err);
    if (status != WEIR_OK)
        return status;
    /* 1.0 and older have features × targets, and no intercept_. */
    if (!weir_value_find(at->v, "intercept_"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "was written by a version before 1.1, which is not supported");
    if (coef.n_columns != opts->n_in || coef.n_rows > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s has %zu columns, expected %u", name,
                               coef.n_columns, opts->n_in);
    status = weir_format_sklearn_build_vector(s, at, "intercept_", coef.n_rows, &bias, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "_predict_1d", false, &is_flat, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_project_opts predict = *opts;
    predict.output = WEIR_OUTPUT_PREDICT;
    predict.n_out = (uint32_t)coef.n_rows;
    predict.weights = (struct weir_model_dense_view){coef.at, coef.n_columns, 1};
    predict.bias = bias;
    predict.is_vector = is_flat && coef.n_rows == 1;
    predict.targets = weir_format_sklearn_build_targets(s, coef.n_rows, err);
    if (!predict.targets)
        return weir_model_builder_no_memory(s->b, err);
    /* The coefficients are for scaled columns until 1.4. */
    if (s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 5) && strcmp(name, "coef_") == 0)
        predict.scale = NULL;
    return weir_model_project_new(s->b, &predict, out, err);
}

enum weir_status weir_format_sklearn_project_pls(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    struct weir_format_sklearn_matrix mean, rotations;
    double *scale = NULL;
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, "_x_mean", &mean, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "_x_std", mean.n_columns, &scale, err);
    if (status == WEIR_OK)
        status = check_divisor(at, "_x_std", scale, mean.n_columns, err);
    if (status == WEIR_OK)
        status = read_points(s, at, "x_rotations_", mean.n_columns, &rotations, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_project_opts opts = {
        .name = at->v->object->cls,
        .n_in = (uint32_t)mean.n_columns,
        .n_out = (uint32_t)rotations.n_columns,
        .centre = mean.at,
        .scale = scale,
        .moves_in_place = true,
        .weights = {rotations.at, 1, rotations.n_columns},
        .output = WEIR_OUTPUT_TRANSFORM,
        .is_f32 = mean.is_f32 && rotations.is_f32,
        .keeps_columns = s->keeps_columns,
    };
    const struct weir_model_node *transform = NULL;
    const struct weir_model_node *predict = NULL;
    status = weir_model_project_new(s->b, &opts, &transform, err);
    if (status == WEIR_OK)
        status = pls_predict(s, at, &opts, &predict, err);
    if (status != WEIR_OK)
        return status;
    return weir_model_both_new(s->b, predict, transform, out, err);
}

/* --- components --- */

/* Reads components_, the points to project on, and mean_, which may be absent. */
static enum weir_status read_components(struct weir_format_sklearn *s,
                                        const struct weir_value_at *at, bool has_mean,
                                        struct weir_format_sklearn_matrix *components,
                                        double **mean, bool *is_f32, struct weir_error *err)
{
    enum weir_status status =
        weir_format_sklearn_build_matrix(s, at, "components_", components, err);
    if (status != WEIR_OK)
        return status;
    if (components->is_flat || components->n_rows > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_INVALID, err,
                               "components_ is not a matrix of as many rows as can be");
    *mean = NULL;
    *is_f32 = components->is_f32;
    const struct weir_value *found = weir_value_find(at->v, "mean_");
    if (!has_mean || !found || weir_value_is_none(found))
        return WEIR_OK;
    *is_f32 = *is_f32 && weir_format_sklearn_build_is_f32(found);
    return weir_format_sklearn_build_vector(s, at, "mean_", components->n_columns, mean, err);
}

static struct weir_model_project_opts transform_opts(const struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_format_sklearn_matrix *m)
{
    return (struct weir_model_project_opts){
        .name = at->v->object->cls,
        .n_in = (uint32_t)m->n_columns,
        .n_out = (uint32_t)m->n_rows,
        .weights = {m->at, m->n_columns, 1},
        .output = WEIR_OUTPUT_TRANSFORM,
        .is_f32 = m->is_f32,
        .keeps_columns = s->keeps_columns,
    };
}

/* Makes bias = −mean · components: from 1.5 on PCA centres after the projection. In float32 when
 * both are, whatever the rows. */
static double *centre_after(struct weir_format_sklearn *s,
                            const struct weir_format_sklearn_matrix *m, const double *mean,
                            bool is_f32)
{
    double *bias = weir_arena_zarray(s->temp, m->n_rows, sizeof *bias);
    for (size_t i = 0; bias && i < m->n_rows; i++)
        for (size_t j = 0; j < m->n_columns; j++)
            bias[i] -= mean[j] * m->at[i * m->n_columns + j];
    for (size_t i = 0; bias && i < m->n_rows; i++)
        bias[i] = weir_model_node_round(bias[i], is_f32);
    return bias;
}

/* Reads what a whitening PCA divides by. From 1.5 on it is at least the smallest step at 1. */
static enum weir_status read_whiten(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    size_t n, bool is_f32, double **out, struct weir_error *err)
{
    bool whitens = false;
    enum weir_status status = weir_value_attr_bool_or(at, "whiten", false, &whitens, err);
    *out = NULL;
    if (status != WEIR_OK || !whitens)
        return status;
    double *scale = NULL;
    status = weir_format_sklearn_build_vector(s, at, "explained_variance_", n, &scale, err);
    if (status != WEIR_OK)
        return status;
    double least = 0.0;
    if (s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 5))
        least = is_f32 ? (double)FLT_EPSILON : DBL_EPSILON;
    for (size_t i = 0; i < n; i++) {
        scale[i] = fmax(sqrt(fmax(scale[i], 0.0)), least);
        if (scale[i] == 0.0)
            return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                   "component %zu has no variance to divide by", i);
    }
    *out = scale;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_project_pca(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    struct weir_format_sklearn_matrix m;
    double *mean = NULL;
    double *whiten = NULL;
    bool is_f32 = false;
    enum weir_status status = read_components(s, at, true, &m, &mean, &is_f32, err);
    if (status == WEIR_OK)
        status = read_whiten(s, at, m.n_rows, is_f32, &whiten, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_project_opts opts = transform_opts(s, at, &m);
    opts.divisor = whiten;
    opts.is_f32 = is_f32;
    if (mean && s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 5)) {
        opts.bias = centre_after(s, &m, mean, is_f32);
        if (!opts.bias)
            return weir_format_sklearn_build_no_memory(err);
    } else {
        opts.centre = mean;
    }
    return weir_model_project_new(s->b, &opts, out, err);
}

/* TruncatedSVD and the random projections: X · componentsᵀ. */
enum weir_status weir_format_sklearn_project_plain(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    struct weir_format_sklearn_matrix m;
    double *mean = NULL;
    bool is_f32 = false;
    enum weir_status status = read_components(s, at, false, &m, &mean, &is_f32, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_project_opts opts = transform_opts(s, at, &m);
    return weir_model_project_new(s->b, &opts, out, err);
}

/* FastICA: centred when it whitens. whiten=False has no mean_. */
enum weir_status weir_format_sklearn_project_ica(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    struct weir_format_sklearn_matrix m;
    double *mean = NULL;
    bool is_f32 = false;
    enum weir_status status = read_components(s, at, true, &m, &mean, &is_f32, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_project_opts opts = transform_opts(s, at, &m);
    opts.centre = mean;
    opts.moves_in_place = true;
    opts.is_f32 = is_f32;
    return weir_model_project_new(s->b, &opts, out, err);
}

/* LinearDiscriminantAnalysis: a linear classifier that also projects on its discriminants, unless
 * it was solved by least squares. */
enum weir_status weir_format_sklearn_project_lda(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    const struct weir_model_node *classifier = NULL;
    const struct weir_model_node *transform = NULL;
    struct weir_format_sklearn_matrix m;
    struct weir_str solver;
    double *mean = NULL;
    int64_t n_out = 0;
    enum weir_status status = weir_format_sklearn_linear_lda(s, at, &classifier, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "solver", WEIR_STR("svd"), &solver, err);
    if (status != WEIR_OK)
        return status;
    if (weir_str_eq_c(solver, "lsqr")) {
        *out = classifier;
        return WEIR_OK;
    }
    status = read_points(s, at, "scalings_", classifier->n_in, &m, err);
    if (status == WEIR_OK && weir_str_eq_c(solver, "svd"))
        status = weir_format_sklearn_build_vector(s, at, "xbar_", m.n_rows, &mean, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64(at, "_max_components", &n_out, err);
    if (status != WEIR_OK)
        return status;
    if (n_out < 1) {
        *out = classifier;
        return WEIR_OK;
    }
    if ((uint64_t)n_out > m.n_columns)
        n_out = (int64_t)m.n_columns;
    struct weir_model_project_opts opts = {
        .name = at->v->object->cls,
        .n_in = (uint32_t)m.n_rows,
        .n_out = (uint32_t)n_out,
        .centre = mean,
        .weights = {m.at, 1, m.n_columns},
        .output = WEIR_OUTPUT_TRANSFORM,
        .is_f32 = m.is_f32,
        .keeps_columns = s->keeps_columns,
    };
    status = weir_model_project_new(s->b, &opts, &transform, err);
    return status == WEIR_OK ? weir_model_both_new(s->b, classifier, transform, out, err) : status;
}
