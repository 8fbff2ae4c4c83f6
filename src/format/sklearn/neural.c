/* SPDX-License-Identifier: MIT */
/* sklearn.neural_network: MLPClassifier, MLPRegressor. */
#include "format/sklearn/build.h"
#include "model/network.h"

struct mlp {
    struct weir_model_network_layer *layers;
    size_t n_layers;
    bool is_f32;
    enum weir_model_network_curve hidden;
    enum weir_model_network_curve last;
};

static enum weir_status read_curve(const struct weir_value_at *at, const char *name,
                                   enum weir_model_network_curve *out, struct weir_error *err)
{
    static const char *const names[] = {"identity", "relu", "tanh", "logistic", "softmax", "exp"};
    struct weir_str text;
    enum weir_status status = weir_value_attr_text(at, name, &text, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (weir_str_eq_c(text, names[i])) {
            *out = (enum weir_model_network_curve)i;
            return WEIR_OK;
        }
    return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "%s is not known", name);
}

static enum weir_status read_layer(struct weir_format_sklearn *s, const struct weir_value_at *coefs,
                                   const struct weir_value_at *intercepts, size_t i, struct mlp *m,
                                   struct weir_error *err)
{
    struct weir_value_at coef, intercept;
    struct weir_format_sklearn_matrix weights, bias;
    enum weir_status status = weir_value_item(coefs, i, &coef, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix_at(s, &coef, &weights, err);
    if (status == WEIR_OK)
        status = weir_value_item(intercepts, i, &intercept, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix_at(s, &intercept, &bias, err);
    if (status != WEIR_OK)
        return status;
    if (weights.is_flat || (i > 0 && weights.n_rows != m->layers[i - 1].n_out) ||
        weights.n_rows > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(&coef, WEIR_ERR_CORRUPT, err, "does not fit the layer before it");
    if (bias.n_rows != 1 || bias.n_columns != weights.n_columns)
        return weir_value_fail(&intercept, WEIR_ERR_CORRUPT, err, "expected %zu values, found %zu",
                               weights.n_columns, bias.n_columns);
    m->layers[i] = (struct weir_model_network_layer){
        .n_in = (uint32_t)weights.n_rows,
        .n_out = (uint32_t)weights.n_columns,
        .weights = {weights.at, 1, weights.n_columns},
        .bias = bias.at,
    };
    m->is_f32 = m->is_f32 && weights.is_f32 && bias.is_f32;
    return WEIR_OK;
}

static enum weir_status read_mlp(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 struct mlp *m, struct weir_error *err)
{
    struct weir_value_at coefs, intercepts;
    size_t n_intercepts = 0;
    *m = (struct mlp){.is_f32 = true};
    enum weir_status status = weir_value_attr(at, "coefs_", &coefs, err);
    if (status == WEIR_OK)
        status = weir_value_list(&coefs, &m->n_layers, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "intercepts_", &intercepts, err);
    if (status == WEIR_OK)
        status = weir_value_list(&intercepts, &n_intercepts, err);
    if (status == WEIR_OK)
        status = read_curve(at, "activation", &m->hidden, err);
    if (status == WEIR_OK)
        status = read_curve(at, "out_activation_", &m->last, err);
    if (status != WEIR_OK)
        return status;
    if (m->n_layers == 0 || n_intercepts != m->n_layers)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%zu coefs_ and %zu intercepts_",
                               m->n_layers, n_intercepts);
    if (m->hidden == WEIR_MODEL_NETWORK_SOFTMAX || m->hidden == WEIR_MODEL_NETWORK_EXP)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "activation is not known");
    m->layers = weir_arena_zarray(s->temp, m->n_layers, sizeof *m->layers);
    if (!m->layers)
        return weir_format_sklearn_build_no_memory(err);
    for (size_t i = 0; i < m->n_layers && status == WEIR_OK; i++)
        status = read_layer(s, &coefs, &intercepts, i, m, err);
    return status;
}

static enum weir_status make(struct weir_format_sklearn *s, const struct weir_value_at *at,
                             const struct mlp *m, enum weir_model_network_use use,
                             const struct weir_labels *targets, const struct weir_model_node **out,
                             struct weir_error *err)
{
    struct weir_model_network_opts opts = {
        .name = at->v->object->cls,
        .layers = m->layers,
        .n_layers = m->n_layers,
        .hidden = m->hidden,
        .last = m->last,
        .use = use,
        .is_f32 = m->is_f32,
        .keeps_columns = s->keeps_columns,
        .targets = targets,
    };
    return weir_model_network_new(s->b, &opts, out, err);
}

enum weir_status weir_format_sklearn_neural_regressor(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct mlp m;
    enum weir_status status = read_mlp(s, at, &m, err);
    if (status != WEIR_OK)
        return status;
    struct weir_labels *targets =
        weir_format_sklearn_build_targets(s, m.layers[m.n_layers - 1].n_out, err);
    if (!targets)
        return weir_model_builder_no_memory(s->b, err);
    return make(s, at, &m, WEIR_MODEL_NETWORK_NUMBERS, targets, out, err);
}

/* Several labels for each row: one target of 0 and 1 for each. */
static enum weir_status flags(struct weir_format_sklearn *s, const struct weir_value_at *at,
                              const struct mlp *m, const struct weir_model_node **out,
                              struct weir_error *err)
{
    static const int64_t values[] = {0, 1};
    size_t n = m->layers[m->n_layers - 1].n_out;
    struct weir_labels *targets = weir_format_sklearn_build_targets(s, n, err);
    if (!targets)
        return weir_model_builder_no_memory(s->b, err);
    if (m->last != WEIR_MODEL_NETWORK_LOGISTIC)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "out_activation_ is not logistic");
    for (size_t i = 0; i < n; i++) {
        enum weir_status status =
            weir_model_builder_labels(s->b, &targets[i], WEIR_I64, 2, values, err);
        if (status != WEIR_OK)
            return status;
    }
    return make(s, at, m, WEIR_MODEL_NETWORK_FLAGS, targets, out, err);
}

enum weir_status weir_format_sklearn_neural_classifier(struct weir_format_sklearn *s,
                                                       const struct weir_value_at *at,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err)
{
    struct mlp m;
    struct weir_value_at binarizer;
    struct weir_str type;
    struct weir_labels *labels = NULL;
    enum weir_status status = read_mlp(s, at, &m, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "_label_binarizer", &binarizer, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(&binarizer, "y_type_", WEIR_STR(""), &type, err);
    if (status != WEIR_OK)
        return status;
    if (weir_str_starts(type, WEIR_STR("multilabel")))
        return flags(s, at, &m, out, err);
    size_t n = m.layers[m.n_layers - 1].n_out;
    status =
        weir_format_sklearn_build_classes(s, &binarizer, "classes_", n == 1 ? 2 : n, &labels, err);
    if (status != WEIR_OK)
        return status;
    if (m.last != (n == 1 ? WEIR_MODEL_NETWORK_LOGISTIC : WEIR_MODEL_NETWORK_SOFTMAX))
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "out_activation_ does not fit %zu values",
                               n);
    return make(s, at, &m, WEIR_MODEL_NETWORK_CLASSES, labels, out, err);
}
