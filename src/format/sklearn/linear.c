/* SPDX-License-Identifier: MIT */
/* sklearn.linear_model: X @ coef_.T + intercept_, and what becomes of it. */
#include "model/linear.h"

#include "format/sklearn/build.h"
#include "model/outlier.h"

/* What all linear models have. */
struct linear {
    const double *coef; /* n_scores × n_features, finite */
    size_t n_scores;    /* rows of coef_; 1 for one dimension */
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

static enum weir_status read_coef(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  struct linear *l, struct weir_error *err)
{
    struct weir_format_sklearn_matrix m;
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, "coef_", &m, err);
    if (status != WEIR_OK)
        return status;
    if (m.n_rows > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(at, WEIR_ERR_LIMIT, err, "more than %d scores",
                               WEIR_MODEL_COLUMNS_MAX);
    *l = (struct linear){.coef = m.at,
                         .n_scores = m.n_rows,
                         .n_features = m.n_columns,
                         .is_flat = m.is_flat,
                         .coef_is_f32 = m.is_f32};
    return WEIR_OK;
}

static enum weir_status read_linear(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct linear *l, struct weir_error *err)
{
    enum weir_status status = read_coef(s, at, l, err);
    return status == WEIR_OK ? read_intercept(s, at, l, err) : status;
}

static enum weir_status make(struct weir_format_sklearn *s, const struct weir_value_at *at,
                             struct linear *l, const struct weir_model_node **out,
                             struct weir_error *err)
{
    l->head.n_scores = (uint32_t)l->n_scores;
    struct weir_model_linear_opts opts = {.name = at->v->object->cls,
                                          .n_features = (uint32_t)l->n_features,
                                          .weights = l->coef,
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

static enum weir_status regressor(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  struct linear *l, const struct weir_model_node **out,
                                  struct weir_error *err)
{
    l->n_targets = l->n_scores;
    l->targets = weir_format_sklearn_build_targets(s, l->n_targets, err);
    if (!l->targets)
        return weir_model_builder_no_memory(s->b, err);
    return make(s, at, l, out, err);
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
    return regressor(s, at, &l, out, err);
}

/* Reads the labels of a classifier with n_scores scores: K classes have K, two have one.
 * RidgeClassifier kept them in its _label_binarizer only, until 1.3. */
static enum weir_status read_classes(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     size_t n_scores, struct weir_labels **out,
                                     struct weir_error *err)
{
    size_t n = n_scores == 1 ? 2 : n_scores;
    struct weir_value_at binarizer;
    if (weir_value_find(at->v, "classes_"))
        return weir_format_sklearn_build_classes(s, at, "classes_", n, out, err);
    enum weir_status status = weir_value_attr_opt(at, "_label_binarizer", &binarizer, err);
    if (status != WEIR_OK)
        return status;
    if (!binarizer.v)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "has no attribute classes_");
    return weir_format_sklearn_build_classes(s, &binarizer, "classes_", n, out, err);
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

/* --- classifiers without probabilities, and SGDClassifier --- */

/* What SGDClassifier makes of its scores: probabilities for some of its losses. */
static enum weir_status sgd_link(const struct weir_value_at *at, enum weir_model_link *out,
                                 size_t n_scores, struct weir_error *err)
{
    struct weir_str loss;
    enum weir_status status = weir_value_attr_text(at, "loss", &loss, err);
    if (status != WEIR_OK)
        return status;
    if (weir_str_eq_c(loss, "log") || weir_str_eq_c(loss, "log_loss"))
        *out = n_scores == 1 ? WEIR_MODEL_LINK_SIGMOID : WEIR_MODEL_LINK_SIGMOID_EACH;
    else
        *out = weir_str_eq_c(loss, "modified_huber") ? WEIR_MODEL_LINK_HUBER : WEIR_MODEL_LINK_NONE;
    return WEIR_OK;
}

static enum weir_status classifier(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct linear *l, const struct weir_model_node **out,
                                   struct weir_error *err)
{
    enum weir_status status = read_classes(s, at, l->n_scores, &l->targets, err);
    if (status != WEIR_OK)
        return status;
    l->n_targets = 1;
    return make(s, at, l, out, err);
}

enum weir_status weir_format_sklearn_linear_classifier(struct weir_format_sklearn *s,
                                                       const struct weir_value_at *at,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err)
{
    struct linear l;
    enum weir_status status = read_linear(s, at, &l, err);
    if (status != WEIR_OK)
        return status;
    l.head.link = WEIR_MODEL_LINK_NONE;
    return classifier(s, at, &l, out, err);
}

enum weir_status weir_format_sklearn_linear_sgd(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                const struct weir_model_node **out,
                                                struct weir_error *err)
{
    struct linear l;
    enum weir_status status = read_linear(s, at, &l, err);
    if (status == WEIR_OK)
        status = sgd_link(at, &l.head.link, l.n_scores, err);
    if (status != WEIR_OK)
        return status;
    l.head.zero_sum_is_uniform = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 9);
    return classifier(s, at, &l, out, err);
}

/* LinearDiscriminantAnalysis' classifier. */
enum weir_status weir_format_sklearn_linear_lda(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                const struct weir_model_node **out,
                                                struct weir_error *err)
{
    struct linear l;
    enum weir_status status = read_linear(s, at, &l, err);
    if (status != WEIR_OK)
        return status;
    l.head.link = l.n_scores == 1 ? WEIR_MODEL_LINK_SIGMOID : WEIR_MODEL_LINK_SOFTMAX;
    return classifier(s, at, &l, out, err);
}

/* Finds whether a RidgeClassifier was fitted on several labels for each row. */
static enum weir_status is_multilabel(const struct weir_value_at *at, bool *out,
                                      struct weir_error *err)
{
    struct weir_value_at binarizer;
    struct weir_str type = WEIR_STR("");
    enum weir_status status = weir_value_attr_opt(at, "_label_binarizer", &binarizer, err);
    if (status == WEIR_OK && binarizer.v)
        status = weir_value_attr_text_or(&binarizer, "y_type_", WEIR_STR(""), &type, err);
    *out = weir_str_starts(type, WEIR_STR("multilabel"));
    return status;
}

enum weir_status weir_format_sklearn_linear_ridge_classifier(struct weir_format_sklearn *s,
                                                             const struct weir_value_at *at,
                                                             const struct weir_model_node **out,
                                                             struct weir_error *err)
{
    bool is_multi = false;
    enum weir_status status = is_multilabel(at, &is_multi, err);
    if (status != WEIR_OK)
        return status;
    if (is_multi)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "was fitted on several labels for each row, which is not supported");
    return weir_format_sklearn_linear_classifier(s, at, out, err);
}

/* --- generalised linear models --- */

enum weir_status weir_format_sklearn_linear_glm(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                const struct weir_model_node **out,
                                                struct weir_error *err)
{
    struct linear l;
    enum weir_status status = read_linear(s, at, &l, err);
    if (status != WEIR_OK)
        return status;
    bool is_log = true; /* PoissonRegressor, GammaRegressor */
    if (weir_str_eq_c(at->v->object->cls, "TweedieRegressor")) {
        struct weir_str link;
        double power = 0.0;
        status = weir_value_attr_text_or(at, "link", WEIR_STR("auto"), &link, err);
        if (status == WEIR_OK)
            status = weir_value_attr_f64_or(at, "power", 0.0, &power, err);
        if (status != WEIR_OK)
            return status;
        is_log = weir_str_eq_c(link, "log") || (weir_str_eq_c(link, "auto") && power > 0.0);
        if (!is_log && !weir_str_eq_c(link, "identity") && !weir_str_eq_c(link, "auto"))
            return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "link is not known");
    }
    l.head.link = is_log ? WEIR_MODEL_LINK_EXP : WEIR_MODEL_LINK_NUMBER;
    return regressor(s, at, &l, out, err);
}

/* --- others --- */

enum weir_status weir_format_sklearn_linear_ransac(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    struct weir_value_at inner;
    enum weir_status status = weir_value_attr(at, "estimator_", &inner, err);
    weir_buf_append_byte(s->text, '(');
    if (status == WEIR_OK)
        status = weir_format_sklearn_node(s, &inner, out, err);
    weir_buf_append_byte(s->text, ')');
    return status;
}

/* SGDOneClassSVM: coef_ and offset_; decision_function = x w − offset_. */
enum weir_status weir_format_sklearn_linear_one_class(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct linear l;
    double *offset = NULL;
    enum weir_status status = read_coef(s, at, &l, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "offset_", 1, &offset, err);
    if (status != WEIR_OK)
        return status;
    if (l.n_scores != 1)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "coef_ has more than one row");
    double none = 0.0;
    l.intercept = &none;
    l.intercept_is_f32 = weir_format_sklearn_build_is_f32(weir_value_find(at->v, "offset_"));
    l.head.link = WEIR_MODEL_LINK_NUMBER;
    const struct weir_model_node *inner = NULL;
    status = regressor(s, at, &l, &inner, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_outlier_opts opts = {
        .inner = inner, .offset = offset[0], .comes_back = true, .ties_are_in = true};
    return weir_model_outlier_new(s->b, &opts, out, err);
}
