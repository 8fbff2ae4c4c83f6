/* SPDX-License-Identifier: MIT */
/* sklearn.svm's kernel machines (SVC, NuSVC, SVR, NuSVR, OneClassSVM), as libsvm stores them: the
 * attributes that begin with an underscore. Those without have other signs for two classes. Kernel
 * ridge regression, which is the same sum. */
#include "format/sklearn/build.h"
#include "model/machine.h"
#include "model/outlier.h"

#include <math.h>

struct svm {
    struct weir_model_machine_opts opts;
    struct weir_format_sklearn_matrix dual;
    size_t n_points;
};

/* Gives the kernel of a name. */
static enum weir_status kernel_kind(const struct weir_value_at *at,
                                    enum weir_model_kernel_kind *out, struct weir_error *err)
{
    static const struct {
        const char *name;
        enum weir_model_kernel_kind kind;
    } kinds[] = {
        {"linear", WEIR_MODEL_KERNEL_LINEAR},      {"poly", WEIR_MODEL_KERNEL_POLY},
        {"polynomial", WEIR_MODEL_KERNEL_POLY},    {"rbf", WEIR_MODEL_KERNEL_RBF},
        {"sigmoid", WEIR_MODEL_KERNEL_SIGMOID},    {"laplacian", WEIR_MODEL_KERNEL_LAPLACIAN},
        {"precomputed", WEIR_MODEL_KERNEL_COLUMNS}};
    struct weir_value_at place;
    enum weir_status status = weir_value_attr(at, "kernel", &place, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++)
        if (weir_value_is_text(place.v, kinds[i].name)) {
            *out = kinds[i].kind;
            return WEIR_OK;
        }
    return weir_value_fail(&place, WEIR_ERR_UNSUPPORTED, err,
                           place.v->kind == WEIR_VALUE_TEXT
                               ? "this kernel is not supported"
                               : "a kernel that is a function is not supported");
}

static enum weir_status read_finite(const struct weir_value_at *at, const char *name, double def,
                                    double *out, struct weir_error *err)
{
    enum weir_status status = weir_value_attr_f64_or(at, name, def, out, err);
    if (status == WEIR_OK && !isfinite(*out))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s is not finite", name);
    return status;
}

/* A machine fitted on kernel values looks its own up in the row: one for each row it was fitted on.
 */
static enum weir_status read_columns(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct svm *v, struct weir_error *err)
{
    struct weir_value_i64s support, shape;
    enum weir_status status = weir_value_attr_i64s(at, "support_", s->temp, &support, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64s(at, "shape_fit_", s->temp, &shape, err);
    if (status != WEIR_OK)
        return status;
    if (shape.shape.n != 2 || shape.at[1] < 1 || shape.at[1] > WEIR_MODEL_COLUMNS_MAX ||
        support.shape.n == 0)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "shape_fit_ is not a matrix's");
    uint32_t *columns = weir_arena_array(s->temp, support.shape.n, sizeof *columns);
    if (!columns)
        return weir_format_sklearn_build_no_memory(err);
    for (size_t i = 0; i < support.shape.n; i++) {
        if (support.at[i] < 0 || support.at[i] >= shape.at[1])
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "support_[%zu] is out of range", i);
        columns[i] = (uint32_t)support.at[i];
    }
    v->opts.kernel.columns = columns;
    v->opts.kernel.n_in = (uint32_t)shape.at[1];
    v->n_points = support.shape.n;
    return WEIR_OK;
}

static enum weir_status read_kernel(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct svm *v, struct weir_error *err)
{
    struct weir_model_kernel_opts *k = &v->opts.kernel;
    enum weir_status status = kernel_kind(at, &k->kind, err);
    if (status == WEIR_OK && k->kind == WEIR_MODEL_KERNEL_LAPLACIAN)
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "this kernel is not supported");
    if (status == WEIR_OK)
        status = read_finite(at, "_gamma", 0.0, &k->gamma, err);
    if (status == WEIR_OK)
        status = read_finite(at, "coef0", 0.0, &k->coef0, err);
    if (status == WEIR_OK)
        status = read_finite(at, "degree", 3.0, &k->degree, err);
    if (status != WEIR_OK)
        return status;
    if (k->kind == WEIR_MODEL_KERNEL_POLY &&
        (k->degree < 0.0 || k->degree > 1e6 || k->degree != floor(k->degree)))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "degree is not a whole number");
    if (k->kind == WEIR_MODEL_KERNEL_COLUMNS) {
        status = read_columns(s, at, v, err);
    } else {
        struct weir_format_sklearn_matrix points;
        status = weir_format_sklearn_build_matrix(s, at, "support_vectors_", &points, err);
        if (status != WEIR_OK)
            return status;
        if (points.is_flat)
            return weir_value_fail(at, WEIR_ERR_INVALID, err, "support_vectors_ is no matrix");
        k->points = points.at;
        k->n_in = (uint32_t)points.n_columns;
        v->n_points = points.n_rows;
    }
    k->n_points = v->n_points;
    return status;
}

static enum weir_status read_svm(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 struct svm *v, struct weir_error *err)
{
    *v = (struct svm){.opts = {.name = at->v->object->cls, .keeps_columns = s->keeps_columns}};
    enum weir_status status = read_kernel(s, at, v, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix(s, at, "_dual_coef_", &v->dual, err);
    if (status != WEIR_OK)
        return status;
    if (v->dual.n_columns != v->n_points)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                               "_dual_coef_ is for %zu points, but there are %zu",
                               v->dual.n_columns, v->n_points);
    return WEIR_OK;
}

/* The sums of SVR and its relatives. */
static enum weir_status read_sum(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 const struct weir_model_node **out, struct weir_error *err)
{
    struct svm v;
    double *bias = NULL;
    enum weir_status status = read_svm(s, at, &v, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "_intercept_", 1, &bias, err);
    if (status != WEIR_OK)
        return status;
    if (v.dual.n_rows != 1)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "_dual_coef_ has %zu rows, expected 1",
                               v.dual.n_rows);
    v.opts.n_sums = 1;
    v.opts.weights = v.dual.at;
    v.opts.bias = bias;
    v.opts.is_vector = true;
    v.opts.targets = weir_format_sklearn_build_targets(s, 1, err);
    if (!v.opts.targets)
        return weir_model_builder_no_memory(s->b, err);
    return weir_model_machine_new(s->b, &v.opts, out, err);
}

enum weir_status weir_format_sklearn_svm_regressor(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    return read_sum(s, at, out, err);
}

enum weir_status weir_format_sklearn_svm_one_class(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    const struct weir_model_node *inner = NULL;
    double *offset = NULL;
    enum weir_status status = read_sum(s, at, &inner, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "offset_", 1, &offset, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_outlier_opts opts = {
        .inner = inner, .offset = offset[0], .gives_decision = true};
    return weir_model_outlier_new(s->b, &opts, out, err);
}

/* Reads how many points each class has; they add up to all. */
static enum weir_status read_support(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct svm *v, struct weir_error *err)
{
    struct weir_value_i64s n_support;
    size_t k = v->opts.n_classes;
    const char *name = weir_value_find(at->v, "_n_support") ? "_n_support" : "n_support_";
    enum weir_status status = weir_value_attr_i64s(at, name, s->temp, &n_support, err);
    if (status != WEIR_OK)
        return status;
    size_t *n = weir_arena_array(s->temp, k, sizeof *n);
    if (!n)
        return weir_format_sklearn_build_no_memory(err);
    size_t left = v->n_points;
    if (n_support.shape.n != k)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s has %zu values for %zu classes", name,
                               n_support.shape.n, k);
    for (size_t i = 0; i < k; i++) {
        if (n_support.at[i] < 0 || (uint64_t)n_support.at[i] > left)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s does not add up to the points",
                                   name);
        n[i] = (size_t)n_support.at[i];
        left -= n[i];
    }
    if (left != 0)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s does not add up to the points", name);
    v->opts.n_support = n;
    return WEIR_OK;
}

/* Reads the parameters of Platt's sigmoids; absent or empty without probabilities. */
static enum weir_status read_platt(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct svm *v, size_t n_pairs, struct weir_error *err)
{
    static const char *const names[2][2] = {{"_probA", "_probB"}, {"probA_", "probB_"}};
    const char *const *name = weir_value_find(at->v, "_probA") ? names[0] : names[1];
    struct weir_value_at place;
    struct weir_value_shape shape;
    double *values[2] = {NULL, NULL};
    for (size_t i = 0; i < 2; i++) {
        enum weir_status status = weir_value_attr_opt(at, name[i], &place, err);
        if (status != WEIR_OK || !place.v)
            return status;
        status = weir_value_shape(&place, &shape, err);
        if (status != WEIR_OK || shape.n == 0)
            return status;
        status = weir_format_sklearn_build_vector(s, at, name[i], n_pairs, &values[i], err);
        if (status != WEIR_OK)
            return status;
    }
    v->opts.prob_a = values[0];
    v->opts.prob_b = values[1];
    return WEIR_OK;
}

/* Reads what predict and decision_function make of the pairs. */
static enum weir_status read_shape(const struct weir_value_at *at, struct svm *v,
                                   struct weir_error *err)
{
    struct weir_str shape;
    bool breaks_ties = false;
    enum weir_status status =
        weir_value_attr_text_or(at, "decision_function_shape", WEIR_STR("ovr"), &shape, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "break_ties", false, &breaks_ties, err);
    if (status != WEIR_OK)
        return status;
    v->opts.is_one_vs_one = weir_str_eq_c(shape, "ovo");
    if (!v->opts.is_one_vs_one && !weir_str_eq_c(shape, "ovr"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "decision_function_shape is not known");
    if (breaks_ties && v->opts.is_one_vs_one)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "break_ties with decision_function_shape=\"ovo\" cannot predict");
    v->opts.breaks_ties = breaks_ties && v->opts.n_classes > 2;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_svm_classifier(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err)
{
    struct svm v;
    struct weir_labels *labels = NULL;
    double *intercept = NULL;
    enum weir_status status = read_svm(s, at, &v, err);
    if (status != WEIR_OK)
        return status;
    v.opts.n_classes = v.dual.n_rows + 1;
    size_t n_pairs;
    if (!weir_size_mul(v.opts.n_classes, v.dual.n_rows, &n_pairs))
        return weir_value_fail(at, WEIR_ERR_LIMIT, err, "too many classes");
    n_pairs /= 2;
    status = weir_format_sklearn_build_classes(s, at, "classes_", v.opts.n_classes, &labels, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "_intercept_", n_pairs, &intercept, err);
    if (status == WEIR_OK)
        status = read_support(s, at, &v, err);
    if (status == WEIR_OK)
        status = read_platt(s, at, &v, n_pairs, err);
    if (status == WEIR_OK)
        status = read_shape(at, &v, err);
    if (status != WEIR_OK)
        return status;
    v.opts.dual = v.dual.at;
    v.opts.intercept = intercept;
    v.opts.targets = labels;
    return weir_model_machine_new(s->b, &v.opts, out, err);
}

/* --- kernel ridge regression (sklearn.kernel_ridge) --- */

/* gamma None: 1 / columns, as sklearn.metrics.pairwise has it. */
static enum weir_status read_pairwise(const struct weir_value_at *at,
                                      struct weir_model_kernel_opts *k, struct weir_error *err)
{
    enum weir_status status = kernel_kind(at, &k->kind, err);
    if (status == WEIR_OK)
        status = read_finite(at, "gamma", 1.0 / (double)k->n_in, &k->gamma, err);
    if (status == WEIR_OK)
        status = read_finite(at, "coef0", 1.0, &k->coef0, err);
    if (status == WEIR_OK)
        status = read_finite(at, "degree", 3.0, &k->degree, err);
    return status;
}

enum weir_status weir_format_sklearn_svm_ridge(struct weir_format_sklearn *s,
                                               const struct weir_value_at *at,
                                               const struct weir_model_node **out,
                                               struct weir_error *err)
{
    struct weir_format_sklearn_matrix points, dual;
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, "X_fit_", &points, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix(s, at, "dual_coef_", &dual, err);
    if (status != WEIR_OK)
        return status;
    size_t n_sums = dual.is_flat ? 1 : dual.n_columns;
    size_t n_dual = dual.is_flat ? dual.n_columns : dual.n_rows;
    if (points.is_flat || n_dual != points.n_rows)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "dual_coef_ is for %zu points, not %zu",
                               n_dual, points.n_rows);
    struct weir_model_machine_opts opts = {
        .name = at->v->object->cls,
        .keeps_columns = s->keeps_columns,
        .kernel = {.n_in = (uint32_t)points.n_columns,
                   .n_points = points.n_rows,
                   .points = points.at},
        .n_sums = n_sums,
        .is_vector = dual.is_flat,
        .targets = weir_format_sklearn_build_targets(s, n_sums, err),
    };
    double *weights = weir_arena_array(s->temp, n_sums * n_dual, sizeof *weights);
    double *bias = weir_arena_zarray(s->temp, n_sums, sizeof *bias);
    if (!weights || !bias)
        return weir_format_sklearn_build_no_memory(err);
    if (!opts.targets)
        return weir_model_builder_no_memory(s->b, err);
    for (size_t i = 0; i < n_sums * n_dual; i++)
        weights[i] = dual.at[i % n_dual * n_sums + i / n_dual];
    opts.weights = weights;
    opts.bias = bias;
    status = read_pairwise(at, &opts.kernel, err);
    if (status == WEIR_OK && opts.kernel.kind == WEIR_MODEL_KERNEL_COLUMNS)
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                 "a precomputed kernel is not supported here");
    if (status == WEIR_OK && (points.is_f32 || dual.is_f32))
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                 "was fitted on float32, which is not supported here");
    return status == WEIR_OK ? weir_model_machine_new(s->b, &opts, out, err) : status;
}
