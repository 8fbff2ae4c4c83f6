/* SPDX-License-Identifier: MIT */
/* sklearn.multiclass: one against the rest, one against one, output codes. */
#include "format/sklearn/meta.h"

/* The parts of a classifier that asks binary questions. */
struct questions {
    struct weir_format_sklearn_meta_parts parts; /* without those that always answer the same */
    struct weir_model_combine_score *scores;
    size_t n;
};

/* Reads what a _ConstantPredictor always answers. */
static enum weir_status read_constant(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                      struct weir_model_combine_score *out, struct weir_error *err)
{
    double *value;
    enum weir_status status = weir_format_sklearn_build_vector(s, at, "y_", 1, &value, err);
    if (status == WEIR_OK && value[0] != 0.0 && value[0] != 1.0)
        status = weir_value_fail(at, WEIR_ERR_CORRUPT, err, "y_ is neither 0 nor 1");
    if (status == WEIR_OK)
        *out = (struct weir_model_combine_score){.is_constant = true, .value = value[0]};
    return status;
}

/* Decides how a part answers its question: by its decision if it has one, else by its probability
 * of the second class; a regressor by what it predicts. */
static enum weir_output score_of(const struct weir_model_node *node)
{
    if (!node->predicts_labels)
        return WEIR_OUTPUT_PREDICT;
    return node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] > 0 ? WEIR_OUTPUT_DECISION_FUNCTION
                                                          : WEIR_OUTPUT_PREDICT_PROBA;
}

static enum weir_status read_questions(struct weir_format_sklearn *s,
                                       const struct weir_value_at *at, struct questions *q,
                                       struct weir_error *err)
{
    struct weir_value_at list;
    enum weir_status status = weir_value_attr(at, "estimators_", &list, err);
    if (status == WEIR_OK)
        status = weir_value_list(&list, &q->n, err);
    if (status != WEIR_OK)
        return status;
    q->scores = weir_arena_zarray(s->temp, q->n, sizeof *q->scores);
    q->parts.at = weir_arena_zarray(s->temp, q->n, sizeof *q->parts.at);
    q->parts.n = 0;
    if (!q->scores || !q->parts.at)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf unseen = WEIR_BUF_INIT;
    struct weir_buf *text = s->text;
    weir_buf_append_byte(text, '(');
    for (size_t i = 0; status == WEIR_OK && i < q->n; i++) {
        struct weir_value_at item;
        status = weir_value_item(&list, i, &item, err);
        if (status != WEIR_OK)
            break;
        if (weir_value_is_object(item.v, "_ConstantPredictor")) {
            status = read_constant(s, &item, &q->scores[i], err);
            continue;
        }
        uint32_t number = (uint32_t)q->parts.n++;
        status = weir_format_sklearn_node(s, &item, &q->parts.at[number].node, err);
        if (status == WEIR_OK)
            q->scores[i] = (struct weir_model_combine_score){
                .output = score_of(q->parts.at[number].node), .member = number};
        s->text = &unseen;
        weir_buf_clear(&unseen);
    }
    s->text = text;
    if (q->n > 1)
        weir_buf_printf(text, " and %zu more", q->n - 1);
    weir_buf_append_byte(text, ')');
    if (status == WEIR_OK && q->parts.n == 0)
        status =
            weir_value_fail(&list, WEIR_ERR_UNSUPPORTED, err, "no estimator depends on its input");
    return status;
}

/* Finds whether all questions are answered through an output; constants are. */
static bool all_give(const struct questions *q, enum weir_output output)
{
    for (size_t i = 0; i < q->parts.n; i++)
        if (q->parts.at[i].node->n_out[output] == 0)
            return false;
    return true;
}

static bool all_decide(const struct questions *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (!q->scores[i].is_constant && q->scores[i].output != WEIR_OUTPUT_DECISION_FUNCTION)
            return false;
    return true;
}

/* Decides above which score the answer is yes: by the first estimator. */
static double threshold_of(const struct questions *q)
{
    bool decides =
        !q->scores[0].is_constant && q->scores[0].output == WEIR_OUTPUT_DECISION_FUNCTION;
    return decides ? 0.0 : 0.5;
}

/* Reads the classes, and of how many labels a row may have, from label_binarizer_. */
static enum weir_status rest_classes(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     size_t n_questions, struct weir_model_combine_rest_opts *opts,
                                     struct weir_error *err)
{
    struct weir_value_at binarizer;
    struct weir_str kind;
    enum weir_status status = weir_value_attr(at, "label_binarizer_", &binarizer, err);
    if (status == WEIR_OK)
        status = weir_value_attr_text(&binarizer, "y_type_", &kind, err);
    if (status != WEIR_OK)
        return status;
    opts->base.n_targets = 1;
    if (weir_str_starts(kind, WEIR_STR("multilabel"))) {
        static const int64_t no_yes[] = {0, 1};
        struct weir_labels *targets = weir_format_sklearn_build_targets(s, n_questions, err);
        if (!targets)
            return weir_model_builder_no_memory(s->b, err);
        for (size_t i = 0; status == WEIR_OK && i < n_questions; i++)
            status = weir_model_builder_labels(s->b, &targets[i], WEIR_I64, 2, no_yes, err);
        opts->form = WEIR_MODEL_COMBINE_REST_EACH;
        opts->base.targets = targets;
        opts->base.n_targets = n_questions;
        return status;
    }
    bool is_binary = weir_str_eq_c(kind, "binary");
    if (!is_binary && !weir_str_eq_c(kind, "multiclass"))
        return weir_value_fail(&binarizer, WEIR_ERR_UNSUPPORTED, err, "y_type_ is not known");
    opts->form = is_binary ? WEIR_MODEL_COMBINE_REST_ONE : WEIR_MODEL_COMBINE_REST_MOST;
    struct weir_labels *classes = NULL;
    status = weir_format_sklearn_build_classes(s, &binarizer, "classes_", 0, &classes, err);
    opts->base.targets = classes;
    return status;
}

static enum weir_status begin(struct weir_format_sklearn *s, const struct weir_value_at *at,
                              struct questions *q, struct weir_model_combine_rest_opts *opts,
                              struct weir_error *err)
{
    enum weir_status status = read_questions(s, at, q, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_meta_opts(s, at, &q->parts, &opts->base, err);
    if (status != WEIR_OK)
        return status;
    opts->scores = q->scores;
    opts->n_scores = q->n;
    opts->threshold = threshold_of(q);
    return WEIR_OK;
}

static enum weir_status end(struct weir_format_sklearn *s, const struct weir_value_at *at,
                            const struct weir_model_combine_rest_opts *opts,
                            const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_error reason = WEIR_ERROR_INIT;
    enum weir_status status = weir_model_combine_rest_new(s->b, opts, out, &reason);
    return weir_format_sklearn_meta_fail(at, status, &reason, err);
}

enum weir_status weir_format_sklearn_meta_one_vs_rest(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct questions q;
    struct weir_model_combine_rest_opts opts = {
        .last_of_equals = s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 8),
        .zero_sum_is_nan = s->version < WEIR_FORMAT_SKLEARN_VERSION(1, 7)};
    enum weir_status status = begin(s, at, &q, &opts, err);
    if (status == WEIR_OK)
        status = rest_classes(s, at, q.n, &opts, err);
    if (status != WEIR_OK)
        return status;
    opts.has_proba = all_give(&q, WEIR_OUTPUT_PREDICT_PROBA);
    opts.has_decision = all_decide(&q);
    return end(s, at, &opts, out, err);
}

enum weir_status weir_format_sklearn_meta_one_vs_one(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    struct questions q;
    struct weir_model_combine_rest_opts opts = {.form = WEIR_MODEL_COMBINE_REST_PAIRS,
                                                .has_decision = true};
    struct weir_value_at indices;
    struct weir_labels *classes;
    enum weir_status status = begin(s, at, &q, &opts, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_classes(s, at, "classes_", 0, &classes, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "pairwise_indices_", &indices, err);
    if (status != WEIR_OK)
        return status;
    if (indices.v)
        return weir_value_fail(&indices, WEIR_ERR_UNSUPPORTED, err,
                               "kernels that are computed by the caller");
    opts.base.checks = true; /* it takes numbers only, but leaves NaN to its parts */
    opts.base.allows_nan = true;
    opts.base.allows_inf = true;
    opts.base.targets = classes;
    opts.base.n_targets = 1;
    return end(s, at, &opts, out, err);
}

enum weir_status weir_format_sklearn_meta_output_code(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct questions q;
    struct weir_model_combine_rest_opts opts = {.form = WEIR_MODEL_COMBINE_REST_CODES};
    struct weir_labels *classes;
    double *codes;
    enum weir_status status = begin(s, at, &q, &opts, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_build_classes(s, at, "classes_", 0, &classes, err);
    if (status == WEIR_OK)
        status = weir_value_attr_matrix(at, "code_book_", classes->n, q.n, s->temp, &codes, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_format_sklearn_build_is_finite(codes, classes->n * q.n))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "code_book_ holds NaN or infinity");
    opts.codes = codes;
    opts.base.targets = classes;
    opts.base.n_targets = 1;
    return end(s, at, &opts, out, err);
}
