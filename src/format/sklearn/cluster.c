/* SPDX-License-Identifier: MIT */
/* Centres: KMeans and its relatives, Birch, NearestCentroid. */
#include "format/sklearn/build.h"
#include "model/both.h"
#include "model/centers.h"
#include "model/gauss.h"

#include <math.h>

static struct weir_model_centers_opts center_opts(const struct weir_format_sklearn *s,
                                                  const struct weir_value_at *at,
                                                  const struct weir_format_sklearn_matrix *m)
{
    return (struct weir_model_centers_opts){.name = at->v->object->cls,
                                            .n_in = (uint32_t)m->n_columns,
                                            .n_centers = m->n_rows,
                                            .centers = m->at,
                                            .metric = WEIR_MODEL_LANES_SQUARES,
                                            .is_f32 = m->is_f32,
                                            .keeps_columns = s->keeps_columns};
}

static enum weir_status numbered(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 bool transforms, const struct weir_model_node **out,
                                 struct weir_error *err)
{
    struct weir_format_sklearn_matrix m;
    struct weir_labels *labels = NULL;
    enum weir_status status = weir_format_sklearn_build_matrix(s, at, "cluster_centers_", &m, err);
    if (status == WEIR_OK && m.is_flat)
        status = weir_value_fail(at, WEIR_ERR_INVALID, err, "cluster_centers_ is no matrix");
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_numbered(s, m.n_rows, &labels, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_centers_opts opts = center_opts(s, at, &m);
    opts.targets = labels;
    opts.transforms = transforms;
    return weir_model_centers_new(s->b, &opts, out, err);
}

/* KMeans, MiniBatchKMeans */
enum weir_status weir_format_sklearn_cluster_kmeans(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node **out,
                                                    struct weir_error *err)
{
    return numbered(s, at, true, out, err);
}

/* MeanShift, AffinityPropagation */
enum weir_status weir_format_sklearn_cluster_nearest(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    return numbered(s, at, false, out, err);
}

/* Birch: the nearest subcluster's label. */
enum weir_status weir_format_sklearn_cluster_birch(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    struct weir_format_sklearn_matrix m;
    struct weir_value_i64s numbers;
    struct weir_labels *labels = NULL;
    enum weir_status status =
        weir_format_sklearn_build_matrix(s, at, "subcluster_centers_", &m, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64s(at, "subcluster_labels_", s->temp, &numbers, err);
    if (status != WEIR_OK)
        return status;
    if (m.is_flat || numbers.shape.n != m.n_rows)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                               "subcluster_labels_ has %zu values for %zu centres", numbers.shape.n,
                               m.n_rows);
    int32_t *map = weir_arena_array(s->temp, m.n_rows, sizeof *map);
    if (!map)
        return weir_format_sklearn_build_no_memory(err);
    int64_t most = 0;
    for (size_t i = 0; i < m.n_rows; i++) {
        if (numbers.at[i] < 0 || (uint64_t)numbers.at[i] >= m.n_rows)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                                   "subcluster_labels_[%zu] is out of range", i);
        map[i] = (int32_t)numbers.at[i];
        most = numbers.at[i] > most ? numbers.at[i] : most;
    }
    status = weir_format_sklearn_build_numbered(s, (size_t)most + 1, &labels, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_centers_opts opts = center_opts(s, at, &m);
    opts.labels = map;
    opts.targets = labels;
    opts.transforms = true;
    return weir_model_centers_new(s->b, &opts, out, err);
}

/* --- NearestCentroid --- */

struct centroids {
    struct weir_format_sklearn_matrix centers;
    struct weir_labels *labels;
    bool is_manhattan;
};

/* From 1.6 on classes have priors, and columns a spread, from which decisions and probabilities are
 * made; they decide predict unless all priors are equal. */
static enum weir_status make_discriminant(struct weir_format_sklearn *s,
                                          const struct weir_value_at *at, const struct centroids *c,
                                          bool *decides, const struct weir_model_node **out,
                                          struct weir_error *err)
{
    size_t k = c->centers.n_rows;
    size_t n = c->centers.n_columns;
    double *prior = NULL;
    double *spread = NULL;
    enum weir_status status =
        weir_format_sklearn_build_vector(s, at, "class_prior_", k, &prior, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_vector(s, at, "within_class_std_dev_", n, &spread, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_gauss_class *classes = weir_arena_zarray(s->temp, k, sizeof *classes);
    if (!classes)
        return weir_format_sklearn_build_no_memory(err);
    double even = 1.0 / (double)k;
    *decides = false;
    for (size_t i = 0; i < k; i++)
        *decides = *decides || !(fabs(prior[i] - even) <= 1e-8 + 1e-5 * even);
    for (size_t j = 0; j < n; j++)
        spread[j] = spread[j] == 0.0 ? 1.0 : spread[j] * spread[j];
    for (size_t i = 0; i < k; i++)
        classes[i] = (struct weir_model_gauss_class){
            .mean = c->centers.at + i * n, .constant = 2.0 * log(prior[i]), .variance = spread};
    struct weir_model_gauss_opts opts = {
        .name = at->v->object->cls,
        .n_in = (uint32_t)n,
        .factor = -1.0,
        .classes = classes,
        .posterior = {.n_classes = (uint32_t)k, .gives_decision = true, .divides = true},
        .keeps_columns = s->keeps_columns,
        .targets = c->labels};
    return weir_model_gauss_new(s->b, &opts, out, err);
}

enum weir_status weir_format_sklearn_cluster_centroid(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct centroids c;
    struct weir_str metric;
    enum weir_status status =
        weir_format_sklearn_build_matrix(s, at, "centroids_", &c.centers, err);
    if (status == WEIR_OK)
        status =
            weir_format_sklearn_build_classes(s, at, "classes_", c.centers.n_rows, &c.labels, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text_or(at, "metric", WEIR_STR("euclidean"), &metric, err);
    if (status != WEIR_OK)
        return status;
    c.is_manhattan = weir_str_eq_c(metric, "manhattan");
    if (c.centers.is_flat || (!c.is_manhattan && !weir_str_eq_c(metric, "euclidean")))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "metric is not supported");
    const struct weir_model_node *discriminant = NULL;
    bool decides = false;
    if (weir_value_find(at->v, "class_prior_")) {
        status = make_discriminant(s, at, &c, &decides, &discriminant, err);
        if (status != WEIR_OK)
            return status;
    }
    if (decides && c.is_manhattan)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "priors with metric=\"manhattan\" are not supported");
    if (decides) {
        *out = discriminant;
        return WEIR_OK;
    }
    struct weir_model_centers_opts opts = center_opts(s, at, &c.centers);
    opts.metric = c.is_manhattan ? WEIR_MODEL_LANES_ABS : WEIR_MODEL_LANES_SQUARES;
    opts.targets = c.labels;
    const struct weir_model_node *nearest = NULL;
    status = weir_model_centers_new(s->b, &opts, &nearest, err);
    if (status != WEIR_OK)
        return status;
    if (discriminant && !c.is_manhattan)
        return weir_model_both_new(s->b, nearest, discriminant, out, err);
    *out = nearest;
    return WEIR_OK;
}
