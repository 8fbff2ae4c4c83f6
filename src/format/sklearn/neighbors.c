/* SPDX-License-Identifier: MIT */
/* sklearn.neighbors: KNeighborsClassifier and -Regressor, RadiusNeighborsClassifier and -Regressor.
 */
#include "model/neighbors.h"

#include "format/sklearn/build.h"

#include <math.h>

/* --- metric --- */

static enum weir_status read_power(const struct weir_value_at *at, double *out,
                                   struct weir_error *err)
{
    struct weir_value_at params, p;
    enum weir_status status = weir_value_attr(at, "effective_metric_params_", &params, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_value *w = weir_value_find_key(params.v, "w");
    if (w && !weir_value_is_none(w))
        return weir_value_fail(&params, WEIR_ERR_UNSUPPORTED, err,
                               "a metric with weights is not supported");
    status = weir_value_key(&params, "p", &p, err);
    if (status == WEIR_OK)
        status = weir_value_f64(&p, out, err);
    if (status == WEIR_OK && !(*out >= 1.0 && *out < 1e3))
        status = weir_value_fail(&p, WEIR_ERR_UNSUPPORTED, err, "is not from 1 to 1000");
    return status;
}

static enum weir_status read_metric(const struct weir_value_at *at,
                                    struct weir_model_search_opts *search, struct weir_error *err)
{
    static const struct {
        const char *name;
        enum weir_model_search_metric metric;
    } metrics[] = {
        {"euclidean", WEIR_MODEL_SEARCH_EUCLIDEAN}, {"l2", WEIR_MODEL_SEARCH_EUCLIDEAN},
        {"manhattan", WEIR_MODEL_SEARCH_MANHATTAN}, {"cityblock", WEIR_MODEL_SEARCH_MANHATTAN},
        {"l1", WEIR_MODEL_SEARCH_MANHATTAN},        {"chebyshev", WEIR_MODEL_SEARCH_CHEBYSHEV},
        {"infinity", WEIR_MODEL_SEARCH_CHEBYSHEV},  {"minkowski", WEIR_MODEL_SEARCH_MINKOWSKI},
        {"p", WEIR_MODEL_SEARCH_MINKOWSKI},         {"cosine", WEIR_MODEL_SEARCH_COSINE}};
    struct weir_value_at place;
    enum weir_status status = weir_value_attr(at, "effective_metric_", &place, err);
    if (status != WEIR_OK)
        return status;
    size_t i = 0;
    while (i < WEIR_ARRAY_LEN(metrics) && !weir_value_is_text(place.v, metrics[i].name))
        i++;
    if (i == WEIR_ARRAY_LEN(metrics))
        return weir_value_fail(&place, WEIR_ERR_UNSUPPORTED, err,
                               place.v->kind == WEIR_VALUE_TEXT
                                   ? "this metric is not supported"
                                   : "a metric that is a function is not supported");
    search->metric = metrics[i].metric;
    if (search->metric != WEIR_MODEL_SEARCH_MINKOWSKI)
        return WEIR_OK;
    status = read_power(at, &search->p, err);
    if (status == WEIR_OK && search->p == 1.0)
        search->metric = WEIR_MODEL_SEARCH_MANHATTAN;
    else if (status == WEIR_OK && search->p == 2.0)
        search->metric = WEIR_MODEL_SEARCH_EUCLIDEAN;
    return status;
}

/* --- tree --- */

/* Reads the nodes: structs of idx_start, idx_end, is_leaf, radius. */
static enum weir_status read_nodes(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct weir_model_search_opts *search, struct weir_error *err)
{
    struct weir_value_i64s start, end, leaf;
    struct weir_value_f64s radius;
    enum weir_status status = weir_value_field_i64s(at, "idx_start", s->temp, &start, err);
    if (status == WEIR_OK)
        status = weir_value_field_i64s(at, "idx_end", s->temp, &end, err);
    if (status == WEIR_OK)
        status = weir_value_field_i64s(at, "is_leaf", s->temp, &leaf, err);
    if (status == WEIR_OK)
        status = weir_value_field_f64s(at, "radius", s->temp, &radius, err);
    if (status != WEIR_OK)
        return status;
    size_t n = start.shape.n;
    struct weir_model_search_node *nodes = weir_arena_array(s->temp, n, sizeof *nodes);
    if (!nodes)
        return weir_format_sklearn_build_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (start.at[i] < 0 || start.at[i] > UINT32_MAX || end.at[i] < 0 || end.at[i] > UINT32_MAX)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "node %zu is out of range", i);
        nodes[i] = (struct weir_model_search_node){.start = (uint32_t)start.at[i],
                                                   .end = (uint32_t)end.at[i],
                                                   .is_leaf = leaf.at[i] != 0,
                                                   .radius = radius.at[i]};
    }
    search->nodes = nodes;
    search->n_nodes = n;
    return WEIR_OK;
}

/* Reads _tree: a tuple of the points, their order, the nodes and the bounds. */
static enum weir_status read_tree(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  struct weir_model_search_opts *search, struct weir_error *err)
{
    struct weir_value_at tree, item;
    struct weir_value_i64s order;
    struct weir_value_f64s bounds;
    enum weir_status status = weir_value_attr(at, "_tree", &tree, err);
    if (status != WEIR_OK)
        return status;
    if (tree.v->kind != WEIR_VALUE_OBJECT || !tree.v->object->state)
        return weir_value_fail(&tree, WEIR_ERR_INVALID, err, "is not a tree of points");
    struct weir_value_at state = tree;
    state.v = tree.v->object->state;
    status = weir_value_item(&state, 1, &item, err);
    if (status == WEIR_OK)
        status = weir_value_i64s(&item, s->temp, &order, err);
    if (status == WEIR_OK)
        status = weir_value_item(&state, 2, &item, err);
    if (status == WEIR_OK)
        status = read_nodes(s, &item, search, err);
    if (status == WEIR_OK)
        status = weir_value_item(&state, 3, &item, err);
    if (status == WEIR_OK)
        status = weir_value_f64s(&item, s->temp, &bounds, err);
    if (status != WEIR_OK)
        return status;
    size_t width = (search->tree == WEIR_MODEL_SEARCH_KD ? 2 : 1) * (size_t)search->n_in;
    if (order.shape.n != search->n_points || bounds.shape.n % width != 0 ||
        bounds.shape.n / width != search->n_nodes)
        return weir_value_fail(&state, WEIR_ERR_CORRUPT, err, "the tree's arrays do not fit");
    if (!weir_format_sklearn_build_is_finite(bounds.at, bounds.shape.n))
        return weir_value_fail(&item, WEIR_ERR_CORRUPT, err, "holds NaN or infinity");
    search->order = order.at;
    search->bounds = bounds.at;
    return WEIR_OK;
}

static enum weir_status read_search(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_model_search_opts *search, struct weir_error *err)
{
    struct weir_format_sklearn_matrix points;
    struct weir_str method;
    enum weir_status status = read_metric(at, search, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix(s, at, "_fit_X", &points, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text(at, "_fit_method", &method, err);
    if (status != WEIR_OK)
        return status;
    if (points.is_flat)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "_fit_X is no matrix");
    search->n_in = (uint32_t)points.n_columns;
    search->n_points = points.n_rows;
    search->points = points.at;
    if (weir_str_eq_c(method, "kd_tree"))
        search->tree = WEIR_MODEL_SEARCH_KD;
    else if (weir_str_eq_c(method, "ball_tree"))
        search->tree = WEIR_MODEL_SEARCH_BALL;
    else if (weir_str_eq_c(method, "brute"))
        search->tree = WEIR_MODEL_SEARCH_BRUTE;
    else
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "_fit_method is not known");
    if (search->tree == WEIR_MODEL_SEARCH_BRUTE)
        return WEIR_OK;
    if (search->metric == WEIR_MODEL_SEARCH_COSINE)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "there are no trees for cosines");
    return read_tree(s, at, search, err);
}

/* --- what all four have --- */

static enum weir_status read_weights(const struct weir_value_at *at, bool *by_distance,
                                     struct weir_error *err)
{
    const struct weir_value *v = weir_value_find(at->v, "weights");
    *by_distance = v && weir_value_is_text(v, "distance");
    if (*by_distance || !v || weir_value_is_none(v) || weir_value_is_text(v, "uniform"))
        return WEIR_OK;
    return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                           "weights that are a function are not supported");
}

static enum weir_status read_common(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_model_neighbors_opts *opts, struct weir_error *err)
{
    *opts = (struct weir_model_neighbors_opts){.name = at->v->object->cls,
                                               .keeps_columns = s->keeps_columns};
    bool is_radius = weir_str_starts(at->v->object->cls, WEIR_STR("Radius"));
    enum weir_status status = read_search(s, at, &opts->search, err);
    if (status == WEIR_OK)
        status = read_weights(at, &opts->by_distance, err);
    if (status != WEIR_OK)
        return status;
    if (is_radius) {
        status = weir_value_attr_f64(at, "radius", &opts->radius, err);
        if (status == WEIR_OK && !(opts->radius >= 0.0 && isfinite(opts->radius)))
            status = weir_value_fail(at, WEIR_ERR_CORRUPT, err, "radius is not a distance");
        return status;
    }
    struct weir_value_at place;
    int64_t k = 0;
    status = weir_value_attr(at, "n_neighbors", &place, err);
    if (status == WEIR_OK)
        status = weir_value_i64_in(&place, 1, (int64_t)opts->search.n_points, &k, err);
    opts->k = (size_t)k;
    return status;
}

enum weir_status weir_format_sklearn_neighbors_regressor(struct weir_format_sklearn *s,
                                                         const struct weir_value_at *at,
                                                         const struct weir_model_node **out,
                                                         struct weir_error *err)
{
    struct weir_model_neighbors_opts opts;
    struct weir_format_sklearn_matrix y;
    enum weir_status status = read_common(s, at, &opts, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_matrix(s, at, "_y", &y, err);
    if (status != WEIR_OK)
        return status;
    size_t n = y.is_flat ? y.n_columns : y.n_rows;
    size_t n_targets = y.is_flat ? 1 : y.n_columns;
    if (n != opts.search.n_points)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "_y has %zu rows, expected %zu", n,
                               opts.search.n_points);
    if (y.is_f32)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "was fitted on float32 targets, which is not supported");
    opts.n_targets = (uint32_t)n_targets;
    opts.numbers = y.at;
    opts.is_vector = y.is_flat;
    opts.targets = weir_format_sklearn_build_targets(s, n_targets, err);
    if (!opts.targets)
        return weir_model_builder_no_memory(s->b, err);
    return weir_model_neighbors_new(s->b, &opts, out, err);
}

/* --- classifiers --- */

/* Reads classes_: the labels of one target, or a list with those of each. */
static enum weir_status read_labels(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    bool is_list, struct weir_labels **out, size_t *n_targets,
                                    struct weir_error *err)
{
    struct weir_value_at list, item;
    *n_targets = 1;
    if (!is_list)
        return weir_format_sklearn_build_classes(s, at, "classes_", 0, out, err);
    enum weir_status status = weir_value_attr(at, "classes_", &list, err);
    if (status == WEIR_OK)
        status = weir_value_list(&list, n_targets, err);
    if (status != WEIR_OK)
        return status;
    if (*n_targets == 0 || *n_targets > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(&list, WEIR_ERR_INVALID, err, "holds %zu targets", *n_targets);
    *out = weir_format_sklearn_build_targets(s, *n_targets, err);
    if (!*out)
        return weir_model_builder_no_memory(s->b, err);
    for (size_t i = 0; i < *n_targets && status == WEIR_OK; i++) {
        status = weir_value_item(&list, i, &item, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_build_labels(s, &item, &(*out)[i], err);
    }
    return status;
}

static enum weir_status read_classes(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct weir_model_neighbors_opts *opts, struct weir_error *err)
{
    struct weir_value_i64s y;
    struct weir_labels *labels = NULL;
    size_t n_targets;
    bool is_list = false;
    enum weir_status status = weir_value_attr_bool_or(at, "outputs_2d_", false, &is_list, err);
    if (status == WEIR_OK)
        status = read_labels(s, at, is_list, &labels, &n_targets, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64s(at, "_y", s->temp, &y, err);
    if (status != WEIR_OK)
        return status;
    if (y.shape.n % n_targets != 0 || y.shape.n / n_targets != opts->search.n_points)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "_y has %zu values for %zu points",
                               y.shape.n, opts->search.n_points);
    int32_t *classes = weir_arena_array(s->temp, y.shape.n, sizeof *classes);
    if (!classes)
        return weir_format_sklearn_build_no_memory(err);
    for (size_t i = 0; i < y.shape.n; i++) {
        if (y.at[i] < 0 || (uint64_t)y.at[i] >= labels[i % n_targets].n)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "_y[%zu] is no class", i);
        classes[i] = (int32_t)y.at[i];
    }
    opts->classes = classes;
    opts->n_targets = (uint32_t)n_targets;
    opts->is_vector = !is_list;
    opts->targets = labels;
    return WEIR_OK;
}

/* Finds the class of a label; labels->n: none. */
static size_t find_label(const struct weir_labels *labels, const struct weir_value *v,
                         const struct weir_value_at *at)
{
    struct weir_value_at place = *at;
    place.v = v;
    for (size_t i = 0; i < labels->n; i++) {
        double number = 0.0;
        bool is_it = labels->dtype == WEIR_BYTES
                         ? v->kind == WEIR_VALUE_TEXT && weir_str_eq(v->text, labels->text[i])
                         : weir_value_f64(&place, &number, NULL) == WEIR_OK &&
                               number == (labels->dtype == WEIR_F64 ? labels->f64[i]
                                                                    : (double)labels->i64[i]);
        if (is_it)
            return i;
    }
    return labels->n;
}

/* Reads what rows without points within the radius are; without outlier_label_ they are refused. */
static enum weir_status read_outliers(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                      struct weir_model_neighbors_opts *opts,
                                      struct weir_error *err)
{
    struct weir_value_at list;
    struct weir_value one;
    enum weir_status status = weir_value_attr_opt(at, "outlier_label_", &list, err);
    if (status != WEIR_OK || !list.v)
        return status;
    int32_t *outliers = weir_arena_array(s->temp, opts->n_targets, sizeof *outliers);
    if (!outliers)
        return weir_format_sklearn_build_no_memory(err);
    for (size_t t = 0; t < opts->n_targets; t++) {
        status = weir_value_element(&list, t, s->temp, &one, err);
        if (status != WEIR_OK)
            return status;
        size_t found = find_label(&opts->targets[t], &one, &list);
        if (found == opts->targets[t].n)
            return weir_value_fail(&list, WEIR_ERR_UNSUPPORTED, err,
                                   "a label that was not there in training is not supported");
        outliers[t] = (int32_t)found;
    }
    opts->outliers = outliers;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_neighbors_classifier(struct weir_format_sklearn *s,
                                                          const struct weir_value_at *at,
                                                          const struct weir_model_node **out,
                                                          struct weir_error *err)
{
    struct weir_model_neighbors_opts opts;
    enum weir_status status = read_common(s, at, &opts, err);
    if (status == WEIR_OK)
        status = read_classes(s, at, &opts, err);
    if (status == WEIR_OK && opts.k == 0)
        status = read_outliers(s, at, &opts, err);
    return status == WEIR_OK ? weir_model_neighbors_new(s->b, &opts, out, err) : status;
}
