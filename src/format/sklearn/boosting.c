/* SPDX-License-Identifier: MIT */
/* sklearn.ensemble._gb: GradientBoosting. The trees of all stages, row by row of estimators_, are
 * one forest that adds learning_rate × value (the product first) to what init_ begins with. */
#include "format/sklearn/meta.h"
#include "format/sklearn/tree.h"

#include <float.h>

/* What is to be built. */
struct boosting {
    bool is_classifier;
    bool is_exponential;
    size_t n_stages;
    size_t n_sums; /* trees in a stage: 1, or the classes */
    double learning_rate;
    struct weir_format_sklearn_tree_shape shape;
    struct weir_labels *targets;
    struct weir_model_combine_start_opts start; /* node NULL: constants */
    const double *constants;                    /* n_sums; NULL: zeros, or a node says */
};

static enum weir_status read_members(const struct weir_value_at *at, struct boosting *g,
                                     struct weir_value_at *members, struct weir_error *err)
{
    struct weir_value_shape shape;
    enum weir_status status = weir_value_attr(at, "estimators_", members, err);
    if (status == WEIR_OK)
        status = weir_value_shape(members, &shape, err);
    if (status != WEIR_OK)
        return status;
    if (shape.n_dims != 2 || shape.n == 0 || shape.dim[1] > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(members, WEIR_ERR_INVALID, err, "expected stages × trees");
    g->n_stages = shape.dim[0];
    g->n_sums = shape.dim[1];
    return WEIR_OK;
}

static enum weir_status read_targets(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct boosting *g, struct weir_error *err)
{
    if (!g->is_classifier) {
        g->targets = weir_format_sklearn_build_targets(s, 1, err);
        if (!g->targets)
            return weir_model_builder_no_memory(s->b, err);
        return g->n_sums == 1
                   ? WEIR_OK
                   : weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%zu trees in a stage", g->n_sums);
    }
    enum weir_status status =
        weir_format_sklearn_build_classes(s, at, "classes_", 0, &g->targets, err);
    if (status == WEIR_OK && g->n_sums != (g->targets->n == 2 ? 1 : g->targets->n))
        status = weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%zu trees in a stage for %zu classes",
                                 g->n_sums, g->targets->n);
    return status;
}

/* Reads what decides about the trees' sums. */
static enum weir_status read_boosting(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                      struct boosting *g, struct weir_value_at *members,
                                      struct weir_error *err)
{
    *g = (struct boosting){.is_classifier =
                               weir_str_ends(at->v->object->cls, WEIR_STR("Classifier"))};
    struct weir_str loss;
    size_t n_features;
    enum weir_status status = read_members(at, g, members, err);
    if (status == WEIR_OK)
        status = weir_value_attr_f64(at, "learning_rate", &g->learning_rate, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text(at, "loss", &loss, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_n_features(at, &n_features, err);
    if (status == WEIR_OK)
        status = read_targets(s, at, g, err);
    if (status != WEIR_OK)
        return status;
    if (n_features == 0)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "n_features_in_ is missing");
    if (!weir_format_sklearn_build_is_finite(&g->learning_rate, 1))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "learning_rate is not finite");
    static const char *const known[] = {"deviance", "log_loss",      "exponential",    "ls",
                                        "lad",      "squared_error", "absolute_error", "huber",
                                        "quantile"};
    bool is_known = false;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(known); i++)
        is_known = is_known || weir_str_eq_c(loss, known[i]);
    if (!is_known)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "loss is not known");
    g->is_exponential = g->is_classifier && weir_str_eq_c(loss, "exponential");
    if (g->is_exponential && g->n_sums != 1)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "exponential loss of %zu classes",
                               g->targets->n);
    struct weir_labels *numbers = weir_format_sklearn_build_targets(s, 1, err);
    if (!numbers)
        return weir_model_builder_no_memory(s->b, err);
    g->shape = (struct weir_format_sklearn_tree_shape){
        .n_features = n_features, .n_targets = 1, .n_sums = 1, .targets = numbers};
    return WEIR_OK;
}

/* --- how it begins --- */

/* The clip of probabilities had float32's precision until 1.8; raw scores of several classes were
 * not centred until 1.4. */
static void tell_link(const struct weir_format_sklearn *s, struct boosting *g)
{
    bool is_new = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 4);
    g->start.n_sums = (uint32_t)g->n_sums;
    g->start.eps =
        s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 8) ? DBL_EPSILON : (double)FLT_EPSILON;
    g->start.stays_f32 = !is_new;
    if (!g->is_classifier)
        g->start.link = WEIR_MODEL_COMBINE_LINK_IDENTITY;
    else if (g->is_exponential)
        g->start.link = WEIR_MODEL_COMBINE_LINK_LOGIT_HALF;
    else if (g->n_sums == 1)
        g->start.link = WEIR_MODEL_COMBINE_LINK_LOGIT;
    else
        g->start.link = is_new ? WEIR_MODEL_COMBINE_LINK_LOG_MEAN : WEIR_MODEL_COMBINE_LINK_LOG;
}

/* The two dummies that are the default answer the same to every row; *is_one: at is one of them. */
static enum weir_status read_dummy(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct boosting *g, bool *is_one, struct weir_error *err)
{
    struct weir_str strategy;
    double *values;
    *is_one = false;
    bool is_regressor = weir_value_is_object(at->v, "DummyRegressor") && !g->is_classifier;
    bool is_classifier = weir_value_is_object(at->v, "DummyClassifier") && g->is_classifier;
    if (!is_regressor && !is_classifier)
        return WEIR_OK;
    enum weir_status status =
        weir_value_attr_text_or(at, "strategy", WEIR_STR("prior"), &strategy, err);
    if (status != WEIR_OK || (is_classifier && !weir_str_eq_c(strategy, "prior")))
        return status;
    size_t n = is_classifier ? g->targets->n : 1;
    status = weir_format_sklearn_build_vector(s, at, is_classifier ? "class_prior_" : "constant_",
                                              n, &values, err);
    if (status != WEIR_OK)
        return status;
    double *constants = weir_arena_array(s->temp, g->n_sums, sizeof *constants);
    if (!constants)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    weir_model_combine_start_link(&g->start, values, n, false, constants);
    g->constants = constants;
    *is_one = true;
    return WEIR_OK;
}

static enum weir_status read_start(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct boosting *g, const struct weir_model_node **out,
                                   struct weir_error *err)
{
    struct weir_value_at init;
    bool is_dummy;
    const uint32_t *map = NULL;
    *out = NULL;
    tell_link(s, g);
    enum weir_status status = weir_value_attr(at, "init_", &init, err);
    if (status != WEIR_OK || weir_value_is_text(init.v, "zero"))
        return status;
    status = read_dummy(s, &init, g, &is_dummy, err);
    if (status != WEIR_OK || is_dummy)
        return status;
    status = weir_format_sklearn_meta_part(s, &init, true, &g->start.node, err);
    if (status == WEIR_OK && g->is_classifier) {
        /* It was fitted on class numbers. */
        status = weir_format_sklearn_meta_class_map(s, &init, g->start.node, g->targets, true, &map,
                                                    err);
        if (status == WEIR_OK && map)
            status = weir_value_fail(&init, WEIR_ERR_CORRUPT, err, "it has other classes");
    }
    if (status == WEIR_OK && g->start.node->n_in != g->shape.n_features)
        status = weir_value_fail(&init, WEIR_ERR_CORRUPT, err, "it takes %u columns, not %zu",
                                 g->start.node->n_in, g->shape.n_features);
    if (status != WEIR_OK)
        return status;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_model_combine_start_new(s->b, &g->start, out, &reason);
    return weir_format_sklearn_meta_fail(&init, status, &reason, err);
}

/* --- the forest --- */

static struct weir_model_head head_of(const struct weir_format_sklearn *s, const struct boosting *g)
{
    struct weir_model_head head = {.link = WEIR_MODEL_LINK_NUMBER, .n_scores = (uint32_t)g->n_sums};
    bool is_new = s->version >= WEIR_FORMAT_SKLEARN_VERSION(1, 4);
    if (!g->is_classifier)
        return head;
    if (g->n_sums > 1)
        head.link = is_new ? WEIR_MODEL_LINK_SOFTMAX : WEIR_MODEL_LINK_SOFTMAX_LOG;
    else
        head.link = g->is_exponential ? WEIR_MODEL_LINK_SIGMOID_TWICE : WEIR_MODEL_LINK_SIGMOID;
    head.ties_are_up = is_new || g->is_exponential;
    head.predicts_share = !is_new && !g->is_exponential;
    return head;
}

static enum weir_status add_trees(struct weir_format_sklearn *s,
                                  const struct weir_value_at *members, const struct boosting *g,
                                  struct weir_model_forest_builder *forest, struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, s->temp->mem, s->temp->bytes_max);
    for (size_t i = 0; i < g->n_stages * g->n_sums; i++) {
        struct weir_value_at member, at;
        struct weir_format_sklearn_tree tree;
        weir_arena_reset(&temp);
        enum weir_status status = weir_format_sklearn_tree_member(members, i, &member, &at, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_tree_read(s, &at, &g->shape, &temp, &tree, err);
        if (status != WEIR_OK)
            return status;
        for (size_t k = 0; k < tree.n_values; k++)
            tree.values[k] *= g->learning_rate;
        status = weir_format_sklearn_tree_add(&at, &tree, (uint32_t)(i % g->n_sums), forest, err);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_boosting_gradient(struct weir_format_sklearn *s,
                                                       const struct weir_value_at *at,
                                                       const struct weir_model_node **out,
                                                       struct weir_error *err)
{
    struct boosting g;
    struct weir_value_at members;
    const struct weir_model_node *start;
    struct weir_model_forest_builder *forest;
    enum weir_status status = read_boosting(s, at, &g, &members, err);
    if (status == WEIR_OK)
        status = read_start(s, at, &g, &start, err);
    if (status != WEIR_OK)
        return status;
    struct weir_model_head head = head_of(s, &g);
    struct weir_model_forest_opts opts = {.name = at->v->object->cls,
                                          .n_features = (uint32_t)g.shape.n_features,
                                          .input = WEIR_F32,
                                          .sum = WEIR_F64,
                                          .n_sums = (uint32_t)g.n_sums,
                                          .width = 1,
                                          .start = g.constants,
                                          .start_node = start,
                                          .gives_leaves = true,
                                          .keeps_columns = s->keeps_columns,
                                          .heads = &head,
                                          .n_heads = 1,
                                          .is_vector = true,
                                          .targets = g.targets,
                                          .n_targets = 1};
    status = weir_model_forest_begin(s->b, &opts, &forest, err);
    if (status == WEIR_OK)
        status = add_trees(s, &members, &g, forest, err);
    return status == WEIR_OK ? weir_model_forest_end(forest, out, err) : status;
}
