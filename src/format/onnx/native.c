/* SPDX-License-Identifier: MIT */
#include "format/onnx/native.h"

#include "base/macros.h"
#include "format/onnx/pass.h"
#include "format/onnx/program.h"
#include "format/onnx/rewrite.h"
#include "format/onnx/svm.h"
#include "format/onnx/trees.h"
#include "model/chain.h"
#include "model/onnx_scores.h"

enum { NODES_MAX = 1024, STEPS_MAX = 8 };

static const char ML[] = "ai.onnx.ml";

/* A graph being recognised. */
struct native {
    const struct weir_format_onnx_graph *g;
    struct weir_model_builder *b;
    struct weir_arena *temp;
    struct weir_error *err;
    uint32_t n_features;
    bool is_used[NODES_MAX]; /* by node: it is understood */
    size_t n_used;
    const struct weir_model_node *steps[STEPS_MAX + 1];
    size_t n_steps;
    bool is_by_pair;                        /* the scores have no column for each class */
    bool is_map;                            /* the shares go through a ZipMap */
    bool divides_by_sum;                    /* a Normalizer stands behind the probabilities */
    struct weir_str label;                  /* the graph's output of labels; empty: none */
    struct weir_str shares;                 /* the graph's output of scores or probabilities */
    struct weir_labels *labels;             /* of the classes */
    struct weir_model_onnx_program program; /* behind the scores; n_results is 0: none */
};

/* --- the graph --- */

/* Finds the only node that reads a value; NULL: none, or several. */
static const struct weir_format_onnx_node *only_reader(const struct native *k,
                                                       struct weir_str value, size_t *n_readers)
{
    const struct weir_format_onnx_node *found = NULL;
    *n_readers = 0;
    for (size_t i = 0; i < k->g->n_nodes; i++)
        for (size_t j = 0; j < k->g->nodes[i].n_inputs; j++)
            if (weir_str_eq(k->g->nodes[i].inputs[j], value)) {
                found = &k->g->nodes[i];
                ++*n_readers;
            }
    return *n_readers == 1 ? found : NULL;
}

static bool is_output(const struct native *k, struct weir_str value)
{
    for (size_t i = 0; i < k->g->n_outputs; i++)
        if (weir_str_eq(k->g->outputs[i].name, value))
            return true;
    return false;
}

static void use(struct native *k, const struct weir_format_onnx_node *node)
{
    size_t i = (size_t)(node - k->g->nodes);
    k->n_used += !k->is_used[i];
    k->is_used[i] = true;
}

/* Follows a value through nodes that pass it on to the graph's output. *out is empty when nobody
 * reads the value; false: something else happens to it. */
static bool follow(struct native *k, struct weir_str value, int32_t type, bool is_shares,
                   struct weir_str *out)
{
    *out = weir_str_make(NULL, 0);
    for (;;) {
        size_t n_readers;
        const struct weir_format_onnx_node *node = only_reader(k, value, &n_readers);
        if (is_output(k, value)) {
            *out = value;
            return n_readers == 0;
        }
        if (n_readers == 0)
            return true;
        if (!node || k->is_used[node - k->g->nodes])
            return false;
        bool is_map = is_shares && k->labels && !k->is_by_pair &&
                      weir_format_onnx_node_is(node, ML, "ZipMap") && node->n_inputs == 1 &&
                      node->n_outputs == 1 && weir_format_onnx_pass_has_keys(node, k->labels);
        if (is_shares && !k->divides_by_sum && weir_format_onnx_pass_is_sum_normalizer(node))
            k->divides_by_sum = true;
        else if (!is_map && !weir_format_onnx_pass_plain(node, type))
            return false;
        use(k, node);
        value = node->outputs[0];
        if (is_map)
            return is_output(k, value) &&
                   (*out = value, k->is_map = true, only_reader(k, value, &n_readers) == NULL) &&
                   n_readers == 0;
    }
}

/* --- the input --- */

/* Reads Scaler's parameters: one for all columns, or one for each; false: neither. */
static bool take_column_floats(struct native *k, const struct weir_format_onnx_node *node,
                               const char *name, float **out)
{
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, name);
    if (!a || a->kind != WEIR_FORMAT_ONNX_ATTR_FLOATS || (a->n != 1 && a->n != k->n_features))
        return false;
    *out = weir_arena_array(k->temp, k->n_features, sizeof **out);
    for (size_t j = 0; *out && j < k->n_features; j++)
        (*out)[j] = a->floats[a->n == 1 ? 0 : j];
    return *out != NULL;
}

static bool take_scaler(struct native *k, const struct weir_format_onnx_node *node,
                        enum weir_status *status)
{
    float *offset, *scale;
    if (!weir_format_onnx_node_is(node, ML, "Scaler") || node->n_outputs != 1 ||
        k->n_steps >= STEPS_MAX || !take_column_floats(k, node, "offset", &offset) ||
        !take_column_floats(k, node, "scale", &scale))
        return false;
    *status = weir_model_onnx_scores_scaler(k->b, k->n_features, offset, scale,
                                            &k->steps[k->n_steps], k->err);
    k->n_steps += *status == WEIR_OK;
    return true;
}

/* Follows the input through scalers to the node that computes scores; NULL: not of this form. */
static const struct weir_format_onnx_node *find_core(struct native *k, enum weir_status *status)
{
    struct weir_str value = k->g->inputs[0].name;
    for (;;) {
        size_t n_readers;
        const struct weir_format_onnx_node *node = only_reader(k, value, &n_readers);
        if (!node || is_output(k, value) || node->n_inputs != 1 || k->is_used[node - k->g->nodes])
            return NULL;
        use(k, node);
        if (!weir_format_onnx_pass_plain(node, WEIR_FORMAT_ONNX_FLOAT) &&
            !take_scaler(k, node, status))
            return node;
        if (*status != WEIR_OK)
            return NULL;
        value = node->outputs[0];
    }
}

static bool has_plain_input(struct native *k)
{
    const struct weir_format_onnx_graph *g = k->g;
    if (g->n_inputs != 1 || g->has_sparse || g->n_functions > 0 || g->n_nodes == 0 ||
        g->n_nodes > NODES_MAX)
        return false;
    const struct weir_format_onnx_value *x = &g->inputs[0];
    int64_t opset = weir_format_onnx_graph_opset(g, ML);
    if (x->kind != WEIR_FORMAT_ONNX_VALUE_TENSOR || x->type != WEIR_FORMAT_ONNX_FLOAT ||
        x->n_dims != 2 || x->dims[0] != -1 || x->dims[1] < 1 ||
        x->dims[1] > WEIR_MODEL_COLUMNS_MAX || (uint64_t)x->dims[1] > k->b->limits.n_features_max ||
        opset < 1 || opset > 4)
        return false;
    k->n_features = (uint32_t)x->dims[1];
    return true;
}

/* --- the scores --- */

/* Reads the classes of a classifier and follows its output of labels; false: not of this form. */
static bool take_labels(struct native *k, const struct weir_format_onnx_node *node,
                        const char *ints, enum weir_status *status)
{
    const struct weir_format_onnx_attr *i = weir_format_onnx_node_attr(node, ints);
    const struct weir_format_onnx_attr *s = weir_format_onnx_node_attr(node, "classlabels_strings");
    if ((i && i->n > 0) == (s && s->n > 0) || node->n_outputs != 2)
        return false;
    k->labels = weir_arena_zalloc(k->b->arena, sizeof *k->labels);
    if (!k->labels) {
        *status = weir_model_builder_no_memory(k->b, k->err);
        return true;
    }
    *status =
        weir_format_onnx_rewrite_labels(k->b, node, ints, "classlabels_strings", k->labels, k->err);
    if (*status != WEIR_OK)
        return true;
    int32_t type = k->labels->dtype == WEIR_I64 ? WEIR_FORMAT_ONNX_INT64 : WEIR_FORMAT_ONNX_STRING;
    return follow(k, node->outputs[0], type, false, &k->label);
}

/* The same, and follows its output of scores. */
static bool take_classes(struct native *k, const struct weir_format_onnx_node *node,
                         const char *ints, enum weir_status *status)
{
    return take_labels(k, node, ints, status) &&
           (*status != WEIR_OK ||
            follow(k, node->outputs[1], WEIR_FORMAT_ONNX_FLOAT, true, &k->shares));
}

/* Follows raw scores, n for each row, through what passes them on or through arithmetic on their
 * columns; false: something else happens to them. */
static bool follow_raw(struct native *k, struct weir_str value, size_t n, enum weir_status *status)
{
    const struct native before = *k;
    if (follow(k, value, WEIR_FORMAT_ONNX_FLOAT, true, &k->shares) && !k->divides_by_sum)
        return true;
    *k = before;
    if (n > WEIR_MODEL_COLUMNS_MAX)
        return false;
    *status = weir_format_onnx_program_compile(k->g, k->temp, value, (uint32_t)n, k->is_used,
                                               &k->program, &k->shares, k->err);
    k->n_used = 0;
    for (size_t i = 0; i < k->g->n_nodes; i++)
        k->n_used += k->is_used[i];
    return *status == WEIR_OK && k->program.n_results > 0;
}

/* Finds whether all of the graph was understood. */
static bool is_complete(const struct native *k)
{
    size_t n_outputs = (k->label.n > 0) + (size_t)(k->shares.n > 0);
    return k->n_used == k->g->n_nodes && n_outputs == k->g->n_outputs && n_outputs > 0;
}

static void name_outputs(struct native *k, enum weir_output output)
{
    struct weir_spec *spec = k->b->spec;
    if (k->label.n > 0)
        spec->outputs[WEIR_OUTPUT_PREDICT].alias = weir_arena_str(k->b->arena, k->label);
    if (k->shares.n > 0)
        spec->outputs[output].alias = weir_arena_str(k->b->arena, k->shares);
    spec->outputs[output].is_map = k->is_map;
}

/* Counts the last step, and puts the program behind it. */
static enum weir_status add_step(struct native *k, enum weir_status status, enum weir_output output)
{
    const struct weir_model_node **last = &k->steps[k->n_steps++];
    if (status != WEIR_OK || k->program.n_results == 0)
        return status;
    return weir_model_onnx_program_new(k->b, *last, output, &k->program, last, k->err);
}

static enum weir_status put_scores(struct native *k, const struct weir_model_node *scores,
                                   enum weir_model_onnx_rule rule,
                                   enum weir_model_onnx_transform transform, bool is_raw)
{
    enum weir_output output = is_raw ? WEIR_OUTPUT_DECISION_FUNCTION : WEIR_OUTPUT_PREDICT_PROBA;
    const struct weir_model_onnx_scores_opts opts = {
        .scores = scores,
        .rule = rule,
        .transform = transform,
        .divides_by_sum = k->divides_by_sum,
        .gives_labels = k->label.n > 0,
        .output = k->shares.n > 0 ? output : WEIR_OUTPUT_PREDICT,
        .targets = k->labels,
    };
    name_outputs(k, output);
    return add_step(k, weir_model_onnx_scores_new(k->b, &opts, &k->steps[k->n_steps], k->err),
                    output);
}

/* Each of these: true when the node is of this kind and *status says how it went; nothing was
 * recognised when *status is WEIR_OK and no step was added. */
static bool take_tree_classifier(struct native *k, const struct weir_format_onnx_node *node,
                                 enum weir_status *status)
{
    enum weir_model_onnx_transform transform;
    struct weir_format_onnx_trees trees;
    if (!weir_format_onnx_node_is(node, ML, "TreeEnsembleClassifier"))
        return false;
    if (!weir_format_onnx_pass_transform(node, &transform) ||
        !take_classes(k, node, "classlabels_int64s", status) || *status != WEIR_OK ||
        !is_complete(k) || k->divides_by_sum)
        return true;
    size_t n = k->labels->n;
    *status = weir_format_onnx_trees_read(k->b, k->temp, node, k->n_features, "class", (uint32_t)n,
                                          &trees, k->err);
    if (*status != WEIR_OK || !trees.scores)
        return true;
    if (n > 2) {
        if (!trees.is_one_class && trees.has_all_scores)
            *status = put_scores(k, trees.scores, WEIR_MODEL_ONNX_RULE_LARGEST, transform,
                                 transform == WEIR_MODEL_ONNX_TRANSFORM_NONE && !trees.is_positive);
        return true;
    }
    /* With two classes the library's rules for leaves of class 1, or of both, are its own. */
    if (n != 2 || !trees.is_one_class || trees.the_class != 0 || !trees.has_all_scores)
        return true;
    enum weir_model_onnx_rule rule =
        trees.is_positive ? WEIR_MODEL_ONNX_RULE_SHARE : WEIR_MODEL_ONNX_RULE_SIGN;
    *status = put_scores(k, trees.scores, rule, transform,
                         !trees.is_positive && transform != WEIR_MODEL_ONNX_TRANSFORM_LOGISTIC);
    return true;
}

static bool take_tree_regressor(struct native *k, const struct weir_format_onnx_node *node,
                                enum weir_status *status)
{
    enum weir_model_onnx_transform transform;
    struct weir_format_onnx_trees trees;
    int64_t n = weir_format_onnx_node_int(node, "n_targets", 1);
    if (!weir_format_onnx_node_is(node, ML, "TreeEnsembleRegressor"))
        return false;
    /* For one target the library ignores SOFTMAX and LOGISTIC; they are not guessed at. */
    if (!weir_format_onnx_pass_transform(node, &transform) ||
        transform != WEIR_MODEL_ONNX_TRANSFORM_NONE || n < 1 || n > WEIR_MODEL_COLUMNS_MAX ||
        node->n_outputs != 1 ||
        !follow(k, node->outputs[0], WEIR_FORMAT_ONNX_FLOAT, false, &k->shares) || !is_complete(k))
        return true;
    *status = weir_format_onnx_trees_read(k->b, k->temp, node, k->n_features, "target", (uint32_t)n,
                                          &trees, k->err);
    /* A target that no tree speaks of for a row is answered as 0, without its base. */
    if (*status != WEIR_OK || !trees.scores || trees.n_scores != (uint64_t)n ||
        (trees.has_bases && !trees.has_all_scores))
        return true;
    k->b->spec->outputs[WEIR_OUTPUT_PREDICT].alias = weir_arena_str(k->b->arena, k->shares);
    k->steps[k->n_steps++] = trees.scores;
    return true;
}

/* Makes the product of a linear operator. *out is NULL when its attributes are not of this form. */
static enum weir_status make_linear(struct native *k, const struct weir_format_onnx_node *node,
                                    size_t n_scores, const struct weir_model_node **out)
{
    const struct weir_format_onnx_attr *w = weir_format_onnx_node_attr(node, "coefficients");
    const struct weir_format_onnx_attr *c = weir_format_onnx_node_attr(node, "intercepts");
    size_t n;
    *out = NULL;
    if (!w || w->kind != WEIR_FORMAT_ONNX_ATTR_FLOATS || n_scores == 0 ||
        !weir_size_mul(n_scores, k->n_features, &n) || w->n != n ||
        (c && (c->kind != WEIR_FORMAT_ONNX_ATTR_FLOATS || c->n != n_scores)))
        return WEIR_OK;
    double *weights = weir_arena_array(k->temp, n, sizeof *weights);
    double *intercepts = weir_arena_zarray(k->temp, n_scores, sizeof *intercepts);
    if (!weights || !intercepts)
        return weir_error_set(k->err, WEIR_ERR_LIMIT, "no memory for what the file says");
    for (size_t i = 0; i < n; i++)
        weights[i] = (double)w->floats[i];
    for (size_t i = 0; c && i < n_scores; i++)
        intercepts[i] = (double)c->floats[i];
    const struct weir_model_onnx_linear_opts opts = {.n_features = k->n_features,
                                                     .n_scores = (uint32_t)n_scores,
                                                     .weights = weights,
                                                     .intercepts = intercepts};
    return weir_model_onnx_scores_linear(k->b, &opts, out, k->err);
}

static bool take_linear_classifier(struct native *k, const struct weir_format_onnx_node *node,
                                   enum weir_status *status)
{
    enum weir_model_onnx_transform transform;
    const struct weir_model_node *scores;
    if (!weir_format_onnx_node_is(node, ML, "LinearClassifier"))
        return false;
    if (!weir_format_onnx_pass_transform(node, &transform) ||
        !take_labels(k, node, "classlabels_ints", status) || *status != WEIR_OK || k->labels->n < 2)
        return true;
    bool is_raw = transform == WEIR_MODEL_ONNX_TRANSFORM_NONE;
    bool is_followed = is_raw
                           ? follow_raw(k, node->outputs[1], k->labels->n, status)
                           : follow(k, node->outputs[1], WEIR_FORMAT_ONNX_FLOAT, true, &k->shares);
    if (!is_followed || !is_complete(k))
        return true;
    const struct weir_format_onnx_attr *w = weir_format_onnx_node_attr(node, "coefficients");
    const struct weir_format_onnx_attr *c = weir_format_onnx_node_attr(node, "intercepts");
    bool is_row = is_raw && k->labels->n == 2 && w && w->n == k->n_features && c && c->n == 1;
    *status = make_linear(k, node, is_row ? 1 : k->labels->n, &scores);
    if (*status == WEIR_OK && scores)
        *status = put_scores(
            k, scores, is_row ? WEIR_MODEL_ONNX_RULE_ROW : WEIR_MODEL_ONNX_RULE_LARGEST, transform,
            transform == WEIR_MODEL_ONNX_TRANSFORM_NONE && !k->divides_by_sum);
    return true;
}

static bool take_linear_regressor(struct native *k, const struct weir_format_onnx_node *node,
                                  enum weir_status *status)
{
    enum weir_model_onnx_transform transform;
    const struct weir_model_node *scores;
    int64_t n = weir_format_onnx_node_int(node, "targets", 1);
    if (!weir_format_onnx_node_is(node, ML, "LinearRegressor"))
        return false;
    if (!weir_format_onnx_pass_transform(node, &transform) ||
        transform != WEIR_MODEL_ONNX_TRANSFORM_NONE || n < 1 || n > WEIR_MODEL_COLUMNS_MAX ||
        node->n_outputs != 1 ||
        !follow(k, node->outputs[0], WEIR_FORMAT_ONNX_FLOAT, false, &k->shares) || !is_complete(k))
        return true;
    *status = make_linear(k, node, (size_t)n, &scores);
    if (*status != WEIR_OK || !scores)
        return true;
    k->b->spec->outputs[WEIR_OUTPUT_PREDICT].alias = weir_arena_str(k->b->arena, k->shares);
    k->steps[k->n_steps++] = scores;
    return true;
}

/* --- support vector machines --- */

static bool take_svm_classifier(struct native *k, const struct weir_format_onnx_node *node,
                                enum weir_status *status)
{
    if (!weir_format_onnx_node_is(node, ML, "SVMClassifier"))
        return false;
    if (!take_labels(k, node, "classlabels_ints", status) || *status != WEIR_OK)
        return true;
    size_t n = k->labels->n;
    struct weir_model_onnx_machine_opts opts = {.n_features = k->n_features, .n_classes = n};
    if (n < 2 || !weir_format_onnx_svm_read(node, &opts))
        return true;
    k->is_by_pair = !opts.prob_a && n > 2;
    bool is_followed = opts.prob_a
                           ? follow(k, node->outputs[1], WEIR_FORMAT_ONNX_FLOAT, true, &k->shares)
                           : follow_raw(k, node->outputs[1], n > 2 ? n * (n - 1) / 2 : n, status);
    if (!is_followed || k->divides_by_sum || !is_complete(k))
        return true;
    enum weir_output output =
        opts.prob_a ? WEIR_OUTPUT_PREDICT_PROBA : WEIR_OUTPUT_DECISION_FUNCTION;
    opts.gives_labels = k->label.n > 0;
    opts.output = k->shares.n > 0 ? output : WEIR_OUTPUT_PREDICT;
    opts.targets = k->labels;
    name_outputs(k, output);
    *status = add_step(k, weir_model_onnx_machine_new(k->b, &opts, &k->steps[k->n_steps], k->err),
                       output);
    return true;
}

static bool take_svm_regressor(struct native *k, const struct weir_format_onnx_node *node,
                               enum weir_status *status)
{
    struct weir_model_onnx_machine_opts opts = {.n_features = k->n_features};
    if (!weir_format_onnx_node_is(node, ML, "SVMRegressor"))
        return false;
    if (node->n_outputs != 1 || !weir_format_onnx_svm_read(node, &opts) ||
        !follow(k, node->outputs[0], WEIR_FORMAT_ONNX_FLOAT, false, &k->shares) || !is_complete(k))
        return true;
    opts.targets = weir_arena_zalloc(k->b->arena, sizeof *opts.targets);
    if (!opts.targets) {
        *status = weir_model_builder_no_memory(k->b, k->err);
        return true;
    }
    name_outputs(k, WEIR_OUTPUT_PREDICT);
    *status = add_step(k, weir_model_onnx_machine_new(k->b, &opts, &k->steps[k->n_steps], k->err),
                       WEIR_OUTPUT_PREDICT);
    return true;
}

/* --- the whole --- */

static enum weir_status take_core(struct native *k, const struct weir_format_onnx_node *core)
{
    enum weir_status status = WEIR_OK;
    if (!take_tree_classifier(k, core, &status) && !take_tree_regressor(k, core, &status) &&
        !take_linear_classifier(k, core, &status) && !take_svm_classifier(k, core, &status) &&
        !take_svm_regressor(k, core, &status))
        (void)take_linear_regressor(k, core, &status); /* else it is none of them */
    return status;
}

enum weir_status weir_format_onnx_native_build(const struct weir_format_onnx_graph *g,
                                               struct weir_model_builder *b,
                                               struct weir_arena *temp,
                                               const struct weir_model_node **out,
                                               struct weir_error *err)
{
    weir_assert(g);
    weir_assert(b);
    struct native k = {.g = g, .b = b, .temp = temp, .err = err};
    enum weir_status status = WEIR_OK;
    *out = NULL;
    const struct weir_format_onnx_node *core = has_plain_input(&k) ? find_core(&k, &status) : NULL;
    if (status != WEIR_OK || !core)
        return status;
    size_t n_before = k.n_steps;
    status = take_core(&k, core);
    if (status != WEIR_OK || k.n_steps == n_before)
        return status;
    status = weir_model_chain_new(b, k.steps, k.n_steps, out, err);
    if (status != WEIR_OK)
        return status;
    b->spec->input_name = weir_arena_str(b->arena, g->inputs[0].name);
    return b->spec->input_name.at ? WEIR_OK : weir_model_builder_no_memory(b, err);
}
