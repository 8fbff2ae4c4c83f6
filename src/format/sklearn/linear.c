/* SPDX-License-Identifier: MIT */
/* sklearn.linear_model: X @ coef_.T + intercept_, and what becomes of it. */
#include "model/linear.h"

#include "format/sklearn/build.h"

/* What all linear models have. */
struct linear {
    struct weir_value_f64s coef; /* one or two dimensions, finite */
    size_t n_scores;             /* rows of coef_; 1 for one dimension */
    size_t n_features;
    double *intercept; /* n_scores */
    bool is_flat;      /* coef_ has one dimension: answers are a vector */
    bool coef_is_f32;
    bool intercept_is_f32;
    /* What the kind of estimator adds. */
    struct weir_model_head head;
    struct weir_labels *targets;
    size_t n_targets;
};

/* A scalar intercept serves all scores. One that is a plain number takes the type of the product.
 */
static enum weir_status read_intercept(struct weir_format_sklearn *s,
                                       const struct weir_value_at *at, struct linear *l,
                                       struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status = weir_value_attr(at, "intercept_", &place, err);
    struct weir_value_f64s values;
    if (status == WEIR_OK)
        status = weir_value_f64s(&place, s->temp, &values, err);
    if (status != WEIR_OK)
        return status;
    if (values.shape.n_dims > 1 || (values.shape.n != 1 && values.shape.n != l->n_scores))
        return weir_value_fail(&place, WEIR_ERR_INVALID, err, "expected %zu values, found %zu",
                               l->n_scores, values.shape.n);
    if (!weir_format_sklearn_build_is_finite(values.at, values.shape.n))
        return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "holds NaN or infinity");
    l->intercept = weir_arena_array(s->temp, l->n_scores, sizeof *l->intercept);
    if (!l->intercept)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    for (size_t i = 0; i < l->n_scores; i++)
        l->intercept[i] = values.at[values.shape.n == 1 ? 0 : i];
    l->intercept_is_f32 =
        weir_format_sklearn_build_is_f32(place.v) || !weir_format_sklearn_build_is_typed(place.v);
    return WEIR_OK;
}

/* Reads coef_, which sparsify() may have turned into a csr matrix of rows. */
static enum weir_status read_csr(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 struct weir_value_f64s *out, struct weir_error *err)
{
    struct weir_value_i64s shape, indices, indptr;
    struct weir_value_f64s data;
    enum weir_status status = weir_value_attr_i64s(at, "_shape", s->temp, &shape, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64s(at, "indices", s->temp, &indices, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64s(at, "indptr", s->temp, &indptr, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64s(at, "data", s->temp, &data, err);
    if (status != WEIR_OK)
        return status;
    if (shape.shape.n != 2 || shape.at[0] < 1 || shape.at[0] > WEIR_MODEL_COLUMNS_MAX ||
        shape.at[1] < 1 || shape.at[1] > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "not a matrix of rows");
    size_t n_rows = (size_t)shape.at[0];
    size_t n_columns = (size_t)shape.at[1];
    double *values = weir_arena_zarray(s->temp, n_rows * n_columns, sizeof *values);
    if (!values)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    if (indptr.shape.n != n_rows + 1 || indptr.at[0] != 0 || indices.shape.n != data.shape.n)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "its arrays do not fit together");
    for (size_t row = 0; row < n_rows; row++) {
        int64_t end = indptr.at[row + 1];
        if (end < indptr.at[row] || (uint64_t)end > data.shape.n)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "row %zu ends out of range", row);
        for (size_t i = (size_t)indptr.at[row]; i < (size_t)end; i++) {
            if (indices.at[i] < 0 || (uint64_t)indices.at[i] >= n_columns)
                return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "column %lld is out of range",
                                       (long long)indices.at[i]);
            values[row * n_columns + (size_t)indices.at[i]] += data.at[i];
        }
    }
    *out = (struct weir_value_f64s){
        .at = values, .shape = {.n_dims = 2, .dim = {n_rows, n_columns}, .n = n_rows * n_columns}};
    return WEIR_OK;
}

static enum weir_status read_linear(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct linear *l, struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status = weir_value_attr(at, "coef_", &place, err);
    if (status != WEIR_OK)
        return status;
    *l = (struct linear){.coef_is_f32 = weir_format_sklearn_build_is_f32(place.v)};
    bool is_csr =
        weir_value_is_object(place.v, "csr_matrix") || weir_value_is_object(place.v, "csr_array");
    status = is_csr ? read_csr(s, &place, &l->coef, err)
                    : weir_value_f64s(&place, s->temp, &l->coef, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_value_shape *shape = &l->coef.shape;
    l->is_flat = shape->n_dims == 1;
    if ((shape->n_dims != 1 && shape->n_dims != 2) || shape->n == 0)
        return weir_value_fail(&place, WEIR_ERR_INVALID, err,
                               "expected one or two dimensions, found %u", shape->n_dims);
    l->n_scores = l->is_flat ? 1 : shape->dim[0];
    l->n_features = l->is_flat ? shape->dim[0] : shape->dim[1];
    if (l->n_scores > WEIR_MODEL_COLUMNS_MAX || l->n_features > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(&place, WEIR_ERR_LIMIT, err, "more than %d columns",
                               WEIR_MODEL_COLUMNS_MAX);
    if (!weir_format_sklearn_build_is_finite(l->coef.at, shape->n))
        return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "holds NaN or infinity");
    return read_intercept(s, at, l, err);
}

static enum weir_status make(struct weir_format_sklearn *s, const struct weir_value_at *at,
                             struct linear *l, const struct weir_model_node **out,
                             struct weir_error *err)
{
    l->head.n_scores = (uint32_t)l->n_scores;
    struct weir_model_linear_opts opts = {.name = at->v->object->cls,
                                          .n_features = (uint32_t)l->n_features,
                                          .weights = l->coef.at,
                                          .bias = l->intercept,
                                          .weights_are_f32 = l->coef_is_f32,
                                          .bias_is_f32 = l->intercept_is_f32,
                                          .is_vector = l->is_flat,
                                          .keeps_columns = s->keeps_columns,
                                          .head = l->head,
                                          .targets = l->targets,
                                          .n_targets = l->n_targets};
    return weir_model_linear_new(s->b, &opts, out, err);
}

enum weir_status weir_format_sklearn_linear_regressor(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct linear l;
    enum weir_status status = read_linear(s, at, &l, err);
    if (status != WEIR_OK)
        return status;
    l.head.link = WEIR_MODEL_LINK_NUMBER;
    l.n_targets = l.n_scores;
    l.targets = weir_format_sklearn_build_targets(s, l.n_targets, err);
    if (!l.targets)
        return weir_model_builder_no_memory(s->b, err);
    return make(s, at, &l, out, err);
}

/* Reads classes_ of a classifier with n_scores scores: K classes have K, two may have one. */
static enum weir_status read_classes(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     size_t n_scores, struct weir_labels **out,
                                     struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status = weir_value_attr(at, "classes_", &place, err);
    struct weir_labels *labels = weir_format_sklearn_build_targets(s, 1, err);
    if (!labels)
        return weir_model_builder_no_memory(s->b, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_labels(s, &place, labels, err);
    if (status != WEIR_OK)
        return status;
    if (labels->n != (n_scores == 1 ? 2 : n_scores))
        return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "%zu labels for %zu rows of coef_",
                               labels->n, n_scores);
    *out = labels;
    return WEIR_OK;
}

/* Decides between one-vs-rest and multinomial probabilities as LogisticRegression.predict_proba
 * does. multi_class is gone from 1.8 on, where all that is left is what "auto" came to;
 * newton-cholesky was one-vs-rest until 1.6. */
static enum weir_status logistic_link(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                      size_t n_scores, enum weir_model_link *out,
                                      struct weir_error *err)
{
    struct weir_str mode, solver;
    enum weir_status status =
        weir_value_attr_text_or(at, "multi_class", WEIR_STR("auto"), &mode, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "solver", WEIR_STR("lbfgs"), &solver, err);
    if (status != WEIR_OK)
        return status;
    bool is_auto = weir_str_eq_c(mode, "auto") || weir_str_eq_c(mode, "deprecated");
    bool is_ovr = weir_str_eq_c(mode, "ovr") || weir_str_eq_c(mode, "warn");
    if (!is_auto && !is_ovr && !weir_str_eq_c(mode, "multinomial"))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "multi_class is not known");
    if (is_auto)
        is_ovr = n_scores == 1 || weir_str_eq_c(solver, "liblinear") ||
                 (weir_str_eq_c(solver, "newton-cholesky") &&
                  s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 6));
    if (n_scores == 1)
        *out = is_ovr ? WEIR_MODEL_LINK_SIGMOID : WEIR_MODEL_LINK_SOFTMAX_PAIR;
    else
        *out = is_ovr ? WEIR_MODEL_LINK_SIGMOID_EACH : WEIR_MODEL_LINK_SOFTMAX;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_linear_logistic(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    struct linear l;
    enum weir_status status = read_linear(s, at, &l, err);
    if (status == WEIR_OK && l.is_flat)
        status = weir_value_fail(at, WEIR_ERR_INVALID, err, "coef_ has one dimension");
    if (status == WEIR_OK)
        status = read_classes(s, at, l.n_scores, &l.targets, err);
    if (status == WEIR_OK)
        status = logistic_link(s, at, l.n_scores, &l.head.link, err);
    if (status != WEIR_OK)
        return status;
    l.n_targets = 1;
    l.head.zero_sum_is_uniform = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 9);
    return make(s, at, &l, out, err);
}
