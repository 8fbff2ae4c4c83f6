/* SPDX-License-Identifier: MIT */
/* Normal distributions with covariances: QuadraticDiscriminantAnalysis, GaussianMixture,
 * BayesianGaussianMixture, EllipticEnvelope. */
#include "format/sklearn/build.h"
#include "model/gauss.h"
#include "model/outlier.h"

#include <math.h>

/* --- QuadraticDiscriminantAnalysis --- */

/* Reads rotations_[i] (n × r) and scalings_[i] (r): the axes are rotations ÷ √scalings. */
static enum weir_status read_axes(struct weir_format_sklearn *s,
                                  const struct weir_value_at *rotations,
                                  const struct weir_value_at *scalings, size_t i, size_t n,
                                  struct weir_model_gauss_class *out, struct weir_error *err)
{
    struct weir_value_at rotation, scaling;
    struct weir_format_sklearn_matrix r, v;
    enum weir_status status = weir_value_item(rotations, i, &rotation, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix_at(s, &rotation, &r, err);
    if (status == WEIR_OK)
        status = weir_value_item(scalings, i, &scaling, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix_at(s, &scaling, &v, err);
    if (status != WEIR_OK)
        return status;
    if (r.is_flat || r.n_rows != n || v.n_rows != 1 || v.n_columns != r.n_columns)
        return weir_value_fail(&rotation, WEIR_ERR_CORRUPT, err, "does not fit the means");
    double sum = 0.0;
    for (size_t j = 0; j < r.n_columns; j++) {
        if (!(v.at[j] > 0.0))
            return weir_value_fail(&scaling, WEIR_ERR_UNSUPPORTED, err,
                                   "holds a variance that is not positive");
        sum += log(v.at[j]);
        double factor = pow(v.at[j], -0.5);
        for (size_t row = 0; row < n; row++)
            r.at[row * r.n_columns + j] *= factor;
    }
    out->constant = -0.5 * sum;
    out->axes = (struct weir_model_dense_view){r.at, 1, r.n_columns};
    out->n_axes = r.n_columns;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_mixture_qda(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    struct weir_format_sklearn_matrix mean;
    struct weir_labels *labels = NULL;
    struct weir_value_at rotations, scalings;
    double *prior = NULL;
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, "means_", &mean, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_classes(s, at, "classes_", mean.n_rows, &labels, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "priors_", mean.n_rows, &prior, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "rotations_", &rotations, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "scalings_", &scalings, err);
    if (status != WEIR_OK)
        return status;
    size_t k = mean.n_rows;
    if (weir_value_n(rotations.v) != k || weir_value_n(scalings.v) != k)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "rotations_ are not for %zu classes", k);
    struct weir_model_gauss_class *classes = weir_arena_zarray(s->temp, k, sizeof *classes);
    if (!classes)
        return weir_format_sklearn_build_no_memory(err);
    for (size_t i = 0; i < k; i++) {
        status = read_axes(s, &rotations, &scalings, i, mean.n_columns, &classes[i], err);
        if (status != WEIR_OK)
            return status;
        classes[i].mean = mean.at + i * mean.n_columns;
        classes[i].constant += log(prior[i]);
    }
    struct weir_model_gauss_opts opts = {
        .name = at->v->object->cls,
        .n_in = (uint32_t)mean.n_columns,
        .factor = -0.5,
        .classes = classes,
        .posterior = {.n_classes = (uint32_t)k, .gives_decision = true, .divides = true},
        .keeps_columns = s->keeps_columns,
        .targets = labels};
    return weir_model_gauss_new(s->b, &opts, out, err);
}

/* --- mixtures --- */

struct mixture {
    struct weir_format_sklearn_matrix mean;
    const double *factors; /* precisions_cholesky_ */
    enum { FULL, TIED, DIAG, SPHERICAL } type;
    bool is_f32;
    bool rounds; /* from 1.7 on distances are kept in the rows' type */
    struct weir_model_gauss_class *classes;
};

static enum weir_status read_mixture(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct mixture *m, struct weir_error *err)
{
    static const char *const names[] = {"full", "tied", "diag", "spherical"};
    struct weir_str name;
    struct weir_value_at place;
    struct weir_value_f64s factors;
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, "means_", &m->mean, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text(at, "covariance_type", &name, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "precisions_cholesky_", &place, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&place, s->temp, &factors, err);
    if (status != WEIR_OK)
        return status;
    size_t type = 0;
    while (type < WEIR_ARRAY_LEN(names) && !weir_str_eq_c(name, names[type]))
        type++;
    size_t k = m->mean.n_rows;
    size_t n = m->mean.n_columns;
    const size_t sizes[] = {k, 1, k, k};
    const size_t widths[] = {n * n, n * n, n, 1};
    if (type == WEIR_ARRAY_LEN(names))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "covariance_type is not known");
    if (factors.shape.n % widths[type] != 0 || factors.shape.n / widths[type] != sizes[type])
        return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "does not fit means_");
    if (!weir_format_sklearn_build_is_finite(factors.at, factors.shape.n))
        return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "holds NaN or infinity");
    m->factors = factors.at;
    m->is_f32 = m->mean.is_f32 && weir_format_sklearn_build_is_f32(place.v);
    m->type = type == 0 ? FULL : type == 1 ? TIED : type == 2 ? DIAG : SPHERICAL;
    m->rounds =
        (m->type == FULL || m->type == TIED) && s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 7);
    m->classes = weir_arena_zarray(s->temp, k, sizeof *m->classes);
    return m->classes ? WEIR_OK : weir_format_sklearn_build_no_memory(err);
}

/* Makes the density of component i: log of the determinant of its precision's root, and the axes
 * along which a row is measured. */
static enum weir_status make_density(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     const struct mixture *m, size_t i, struct weir_error *err)
{
    size_t n = m->mean.n_columns;
    struct weir_model_gauss_class *c = &m->classes[i];
    double log_det = 0.0;
    c->mean = m->mean.at + i * n;
    if (m->type == FULL || m->type == TIED) {
        const double *a = m->factors + (m->type == FULL ? i * n * n : 0);
        for (size_t j = 0; j < n; j++)
            log_det += log(a[j * n + j]);
        c->axes = (struct weir_model_dense_view){a, 1, n};
        c->n_axes = n;
    } else {
        double *variance = weir_arena_array(s->temp, n, sizeof *variance);
        if (!variance)
            return weir_format_sklearn_build_no_memory(err);
        for (size_t j = 0; j < n; j++) {
            double root = m->factors[m->type == DIAG ? i * n + j : i];
            log_det += log(root);
            variance[j] = 1.0 / (root * root);
            if (!(variance[j] > 0.0) || !isfinite(variance[j]))
                log_det = (double)NAN;
        }
        c->variance = variance;
    }
    if (!isfinite(log_det))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                               "precisions_cholesky_ of component %zu is not positive", i);
    c->constant = log_det;
    return WEIR_OK;
}

static enum weir_status finish_mixture(struct weir_format_sklearn *s,
                                       const struct weir_value_at *at, const struct mixture *m,
                                       const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_labels *labels = NULL;
    enum weir_status status = weir_format_sklearn_build_numbered(s, m->mean.n_rows, &labels, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_gauss_opts opts = {.name = at->v->object->cls,
                                         .n_in = (uint32_t)m->mean.n_columns,
                                         .factor = -0.5,
                                         .inner = (double)m->mean.n_columns * log(2.0 * M_PI),
                                         .rounds_inner = m->rounds,
                                         .classes = m->classes,
                                         .posterior = {.n_classes = (uint32_t)m->mean.n_rows,
                                                       .gives_samples = true,
                                                       .is_f32 = m->is_f32},
                                         .keeps_columns = s->keeps_columns,
                                         .targets = labels};
    return weir_model_gauss_new(s->b, &opts, out, err);
}

enum weir_status weir_format_sklearn_mixture_gaussian(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct mixture m;
    double *weights = NULL;
    enum weir_status status = read_mixture(s, at, &m, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "weights_", m.mean.n_rows, &weights, err);
    for (size_t i = 0; status == WEIR_OK && i < m.mean.n_rows; i++) {
        status = make_density(s, at, &m, i, err);
        m.classes[i].constant += log(weights[i]);
    }
    return status == WEIR_OK ? finish_mixture(s, at, &m, out, err) : status;
}

/* Returns the derivative of log Γ for x > 0: moved up to 10 and more, then its asymptotic series
 * (DLMF 5.11.2), whose first term left out is below 1e-17. */
static double digamma(double x)
{
    double sum = 0.0;
    for (; x < 10.0; x += 1.0)
        sum -= 1.0 / x;
    double y = 1.0 / (x * x);
    double series =
        y *
        (1.0 / 12 -
         y * (1.0 / 120 -
              y * (1.0 / 252 -
                   y * (1.0 / 240 - y * (1.0 / 132 - y * (691.0 / 32760 -
                                                          y * (1.0 / 12 - y * 3617.0 / 8160)))))));
    return sum + log(x) - 0.5 / x - series;
}

/* Reads the expected logarithms of the weights. */
static enum weir_status read_log_weights(struct weir_format_sklearn *s,
                                         const struct weir_value_at *at, size_t k, double **out,
                                         struct weir_error *err)
{
    struct weir_str type;
    struct weir_value_at place, item;
    double *a = NULL;
    *out = weir_arena_array(s->temp, k, sizeof **out);
    if (!*out)
        return weir_format_sklearn_build_no_memory(err);
    enum weir_status status =
        weir_value_attr_text(at, "weight_concentration_prior_type", &type, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_str_eq_c(type, "dirichlet_process")) {
        status = weir_format_sklearn_build_vector(s, at, "weight_concentration_", k, &a, err);
        double sum = 0.0;
        for (size_t i = 0; status == WEIR_OK && i < k; i++)
            sum += a[i];
        for (size_t i = 0; status == WEIR_OK && i < k; i++)
            (*out)[i] = digamma(a[i]) - digamma(sum);
        return status;
    }
    struct weir_format_sklearn_matrix part[2];
    status = weir_value_attr(at, "weight_concentration_", &place, err);
    for (size_t i = 0; status == WEIR_OK && i < 2; i++) {
        status = weir_value_item(&place, i, &item, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_build_matrix_at(s, &item, &part[i], err);
        if (status == WEIR_OK && (!part[i].is_flat || part[i].n_columns != k))
            status = weir_value_fail(&item, WEIR_ERR_CORRUPT, err, "is not for %zu components", k);
    }
    double before = 0.0;
    for (size_t i = 0; status == WEIR_OK && i < k; i++) {
        double one = part[0].at[i];
        double other = part[1].at[i];
        (*out)[i] = digamma(one) - digamma(one + other) + before;
        before += digamma(other) - digamma(one + other);
    }
    return status;
}

enum weir_status weir_format_sklearn_mixture_bayesian(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct mixture m;
    double *weights = NULL;
    double *precision = NULL;
    struct weir_format_sklearn_matrix freedom;
    enum weir_status status = read_mixture(s, at, &m, err);
    size_t k = status == WEIR_OK ? m.mean.n_rows : 0;
    if (status == WEIR_OK)
        status = read_log_weights(s, at, k, &weights, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "mean_precision_", k, &precision, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix(s, at, "degrees_of_freedom_", &freedom, err);
    if (status != WEIR_OK)
        return status;
    if (freedom.n_rows != 1 || (freedom.n_columns != k && freedom.n_columns != 1))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "degrees_of_freedom_ does not fit");
    size_t n = m.mean.n_columns;
    for (size_t i = 0; i < k; i++) {
        double f = freedom.at[freedom.n_columns == 1 ? 0 : i];
        if (!(f > (double)n - 1.0))
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "degrees_of_freedom_ is too small");
        status = make_density(s, at, &m, i, err);
        if (status != WEIR_OK)
            return status;
        double lambda = (double)n * log(2.0);
        for (size_t j = 0; j < n; j++)
            lambda += digamma(0.5 * (f - (double)j));
        m.classes[i].constant +=
            weights[i] - 0.5 * (double)n * log(f) + 0.5 * (lambda - (double)n / precision[i]);
        if (!isfinite(m.classes[i].constant))
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "component %zu has no density", i);
    }
    return finish_mixture(s, at, &m, out, err);
}

/* --- EllipticEnvelope --- */

/* Replaces a symmetric matrix by its lower triangular root; false: it is not positive definite. */
static bool cholesky(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            if (i == j && !(sum > 0.0))
                return false;
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            a[i * n + j] = 0.0;
    return true;
}

enum weir_status weir_format_sklearn_mixture_envelope(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct weir_format_sklearn_matrix precision;
    double *mean = NULL;
    double *offset = NULL;
    const struct weir_value *stored = weir_value_find(at->v, "precision_");
    if (!stored || weir_value_is_none(stored))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "was fitted with store_precision=False, which is not supported");
    enum weir_status status =
        weir_format_sklearn_build_matrix(s, at, "precision_", &precision, err);
    if (status != WEIR_OK)
        return status;
    size_t n = precision.n_columns;
    if (precision.n_rows != n)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "precision_ is not square");
    status = weir_format_sklearn_build_vector(s, at, "location_", n, &mean, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "offset_", 1, &offset, err);
    if (status != WEIR_OK)
        return status;
    if (!cholesky(precision.at, n))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "precision_ is not positive definite");
    struct weir_model_gauss_class one = {.mean = mean, .axes = {precision.at, 1, n}, .n_axes = n};
    struct weir_model_gauss_opts opts = {
        .name = at->v->object->cls,
        .n_in = (uint32_t)n,
        .factor = -1.0,
        .classes = &one,
        .posterior = {.n_classes = 1},
        .is_number = true,
        .keeps_columns = s->keeps_columns,
        .targets = weir_format_sklearn_build_targets(s, 1, err),
    };
    if (!opts.targets)
        return weir_model_builder_no_memory(s->b, err);
    const struct weir_model_node *inner = NULL;
    status = weir_model_gauss_new(s->b, &opts, &inner, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_outlier_opts outlier = {
        .inner = inner, .offset = offset[0], .ties_are_in = true};
    return weir_model_outlier_new(s->b, &outlier, out, err);
}
