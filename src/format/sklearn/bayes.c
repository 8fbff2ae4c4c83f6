/* SPDX-License-Identifier: MIT */
/* sklearn.naive_bayes. */
#include "format/sklearn/build.h"
#include "model/gauss.h"
#include "model/head.h"
#include "model/naive.h"

#include <math.h>

/* Reads logarithms of probabilities: finite, or −infinity where a class never occurred. */
static enum weir_status read_logs(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  const char *name, size_t n, double **out, struct weir_error *err)
{
    enum weir_status status = weir_value_attr_matrix(at, name, n, SIZE_MAX, s->temp, out, err);
    for (size_t i = 0; status == WEIR_OK && i < n; i++)
        if (isnan((*out)[i]) || (*out)[i] == (double)INFINITY)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%s holds NaN or infinity", name);
    return status;
}

enum weir_status weir_format_sklearn_bayes_gaussian(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err)
{
    struct weir_format_sklearn_matrix mean, var;
    struct weir_labels *labels = NULL;
    double *prior = NULL;
    /* sigma_ until 0.24. */
    const char *name = weir_value_find(at->v, "var_") ? "var_" : "sigma_";
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, "theta_", &mean, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix(s, at, name, &var, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_classes(s, at, "classes_", mean.n_rows, &labels, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "class_prior_", mean.n_rows, &prior, err);
    if (status != WEIR_OK)
        return status;
    if (mean.is_flat || var.n_rows != mean.n_rows || var.n_columns != mean.n_columns)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "theta_ and %s differ in shape", name);
    bool prior_is_f32 = weir_format_sklearn_build_is_f32(weir_value_find(at->v, "class_prior_"));
    struct weir_model_gauss_class *classes =
        weir_arena_zarray(s->temp, mean.n_rows, sizeof *classes);
    double *logs = weir_arena_array(s->temp, mean.n_columns, sizeof *logs);
    /* From 1.8 on what is in float32 stays in it. */
    bool is_f32 = var.is_f32;
    if (!classes || !logs)
        return weir_format_sklearn_build_no_memory(err);
    for (size_t i = 0; i < mean.n_rows; i++) {
        const double *variance = var.at + i * mean.n_columns;
        for (size_t j = 0; j < mean.n_columns; j++) {
            if (!(variance[j] > 0.0))
                return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                       "%s holds a variance that is not positive", name);
            double two_pi = weir_model_node_round(2.0 * M_PI, is_f32);
            logs[j] = weir_model_node_round(two_pi * variance[j], is_f32);
            logs[j] = weir_model_node_round(log(logs[j]), is_f32);
        }
        double sum = weir_model_head_sum(logs, mean.n_columns, is_f32);
        double log_prior = weir_model_node_round(log(prior[i]), prior_is_f32);
        classes[i] = (struct weir_model_gauss_class){.mean = mean.at + i * mean.n_columns,
                                                     .constant = log_prior - 0.5 * sum,
                                                     .variance = variance};
    }
    struct weir_model_gauss_opts opts = {
        .name = at->v->object->cls,
        .n_in = (uint32_t)mean.n_columns,
        .factor = -0.5,
        .classes = classes,
        .posterior = {.n_classes = (uint32_t)mean.n_rows, .is_f32 = mean.is_f32 && var.is_f32},
        .keeps_columns = s->keeps_columns,
        .targets = labels};
    return weir_model_gauss_new(s->b, &opts, out, err);
}

/* What the three kinds over counts have. */
struct counts {
    struct weir_format_sklearn_matrix logs; /* feature_log_prob_ */
    struct weir_labels *labels;
    double *prior; /* class_log_prior_ */
};

static enum weir_status read_counts(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct counts *c, struct weir_error *err)
{
    enum weir_status status =
        weir_format_sklearn_build_matrix(s, at, "feature_log_prob_", &c->logs, err);
    if (status == WEIR_OK)
        status =
            weir_format_sklearn_build_classes(s, at, "classes_", c->logs.n_rows, &c->labels, err);
    if (status == WEIR_OK)
        status = read_logs(s, at, "class_log_prior_", c->logs.n_rows, &c->prior, err);
    if (status == WEIR_OK && c->logs.is_flat)
        status = weir_value_fail(at, WEIR_ERR_INVALID, err, "feature_log_prob_ is no matrix");
    return status;
}

static struct weir_model_naive_opts count_opts(const struct weir_format_sklearn *s,
                                               const struct weir_value_at *at,
                                               const struct counts *c)
{
    return (struct weir_model_naive_opts){.name = at->v->object->cls,
                                          .n_in = (uint32_t)c->logs.n_columns,
                                          .n_classes = (uint32_t)c->logs.n_rows,
                                          .constants = c->prior,
                                          .weights = c->logs.at,
                                          .keeps_columns = s->keeps_columns,
                                          .targets = c->labels};
}

enum weir_status weir_format_sklearn_bayes_multinomial(struct weir_format_sklearn *s,
                                                       const struct weir_value_at *at,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err)
{
    struct counts c;
    enum weir_status status = read_counts(s, at, &c, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_naive_opts opts = count_opts(s, at, &c);
    return weir_model_naive_new(s->b, &opts, out, err);
}

/* ComplementNB: its weights have the sign turned already; the prior counts only for one class. */
enum weir_status weir_format_sklearn_bayes_complement(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct counts c;
    enum weir_status status = read_counts(s, at, &c, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; c.logs.n_rows > 1 && i < c.logs.n_rows; i++)
        c.prior[i] = 0.0;
    struct weir_model_naive_opts opts = count_opts(s, at, &c);
    return weir_model_naive_new(s->b, &opts, out, err);
}

/* BernoulliNB: log p where a value is 1, log (1 − p) where it is 0. */
enum weir_status weir_format_sklearn_bayes_bernoulli(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    struct counts c;
    double threshold = 0.0;
    enum weir_status status = read_counts(s, at, &c, err);
    /* binarize: None turns it off. */
    const struct weir_value *binarize = weir_value_find(at->v, "binarize");
    bool binarizes = binarize && !weir_value_is_none(binarize);
    if (status == WEIR_OK && binarizes)
        status = weir_value_attr_f64(at, "binarize", &threshold, err);
    if (status != WEIR_OK)
        return status;
    size_t n = c.logs.n_columns;
    for (size_t i = 0; i < c.logs.n_rows; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < n; j++) {
            double no = log(1.0 - exp(c.logs.at[i * n + j]));
            if (!isfinite(no))
                return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                       "a column was always 1 in class %zu, without smoothing", i);
            c.logs.at[i * n + j] -= no;
            sum += no;
        }
        c.prior[i] += sum;
    }
    struct weir_model_naive_opts opts = count_opts(s, at, &c);
    opts.binarizes = binarizes;
    opts.threshold = threshold;
    return weir_model_naive_new(s->b, &opts, out, err);
}

enum weir_status weir_format_sklearn_bayes_categorical(struct weir_format_sklearn *s,
                                                       const struct weir_value_at *at,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err)
{
    struct weir_value_at list, item;
    struct weir_labels *labels = NULL;
    double *prior = NULL;
    size_t n;
    enum weir_status status = weir_value_attr(at, "feature_log_prob_", &list, err);
    if (status == WEIR_OK)
        status = weir_value_list(&list, &n, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_classes(s, at, "classes_", 0, &labels, err);
    if (status == WEIR_OK)
        status = read_logs(s, at, "class_log_prior_", labels->n, &prior, err);
    if (status != WEIR_OK)
        return status;
    const double **tables = weir_arena_array(s->temp, n, sizeof *tables);
    uint32_t *n_categories = weir_arena_array(s->temp, n, sizeof *n_categories);
    if (!tables || !n_categories)
        return weir_format_sklearn_build_no_memory(err);
    if (n == 0 || n > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(&list, WEIR_ERR_INVALID, err, "holds %zu tables", n);
    for (size_t i = 0; i < n; i++) {
        struct weir_format_sklearn_matrix m;
        status = weir_value_item(&list, i, &item, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_build_matrix_at(s, &item, &m, err);
        if (status != WEIR_OK)
            return status;
        if (m.is_flat || m.n_rows != labels->n)
            return weir_value_fail(&item, WEIR_ERR_CORRUPT, err, "has %zu rows for %zu classes",
                                   m.n_rows, labels->n);
        tables[i] = m.at;
        n_categories[i] = (uint32_t)m.n_columns;
    }
    struct weir_model_naive_opts opts = {.name = at->v->object->cls,
                                         .n_in = (uint32_t)n,
                                         .n_classes = (uint32_t)labels->n,
                                         .constants = prior,
                                         .tables = tables,
                                         .n_categories = n_categories,
                                         .keeps_columns = s->keeps_columns,
                                         .targets = labels};
    return weir_model_naive_new(s->b, &opts, out, err);
}
