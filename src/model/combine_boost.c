/* SPDX-License-Identifier: MIT */
/* AdaBoost for classes: SAMME and SAMME.R (Zhu, Zou, Rosset and Hastie 2009). */
#include "model/combine_priv.h"
#include "model/head.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct boost {
    struct weir_model_combine combine;
    bool is_real;
    const double *weights;
    double miss;
    double divisor;
    size_t n_classes;
    size_t part_at; /* offset into scratch: one member's answer, after the sums */
};

static double round_to(double v, bool is_f32)
{
    return weir_model_node_round(v, is_f32);
}

/* Adds (K − 1) (log p − mean of log p) of one row; p is overwritten. */
static void add_real(const struct boost *b, double *p, bool is_f32, double *sum)
{
    size_t n = b->n_classes;
    double eps = is_f32 ? (double)FLT_EPSILON : DBL_EPSILON;
    for (size_t k = 0; k < n; k++)
        p[k] = round_to(log(p[k] < eps ? eps : p[k]), is_f32);
    double mean =
        round_to(round_to(1.0 / (double)n, is_f32) * weir_model_head_sum(p, n, is_f32), is_f32);
    for (size_t k = 0; k < n; k++) {
        double v = round_to((double)(n - 1) * round_to(p[k] - mean, is_f32), is_f32);
        sum[k] = round_to(sum[k] + v, is_f32);
    }
}

static void add_member(const struct boost *b, const struct weir_model_node_run *run, size_t i,
                       bool is_f32, double *sums)
{
    void *part = run->scratch + b->part_at;
    size_t n = b->n_classes;
    const uint32_t *classes = b->combine.members[i].classes;
    void *out[WEIR_OUTPUT_N] = {0};
    out[b->is_real ? WEIR_OUTPUT_PREDICT_PROBA : WEIR_OUTPUT_PREDICT] = part;
    weir_model_combine_member_run(&b->combine, run, i, out);
    for (size_t row = 0; row < run->n_rows; row++) {
        double *sum = sums + row * n;
        if (b->is_real) {
            add_real(b, (double *)part + row * n, is_f32, sum);
            continue;
        }
        size_t label = (size_t)((const int32_t *)part)[row];
        size_t hit = classes ? classes[label] : label;
        for (size_t k = 0; k < n; k++)
            sum[k] += k == hit ? b->weights[i] : b->miss * b->weights[i];
    }
}

/* Makes probabilities of the decision of one row: d has n_classes values, or one for two. */
static void softmax(const struct boost *b, const double *d, bool is_f32, double *p)
{
    size_t n = b->n_classes;
    if (n == 2) {
        p[0] = round_to(-d[0] / 2.0, is_f32);
        p[1] = round_to(d[0] / 2.0, is_f32);
    } else {
        for (size_t k = 0; k < n; k++)
            p[k] = round_to(d[k] / (double)(n - 1), is_f32);
    }
    double max = p[weir_model_head_argmax(p, n)];
    for (size_t k = 0; k < n; k++)
        p[k] = round_to(exp(round_to(p[k] - max, is_f32)), is_f32);
    double sum = weir_model_head_sum(p, n, is_f32);
    for (size_t k = 0; k < n; k++)
        p[k] = round_to(p[k] / sum, is_f32);
}

static void boost_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct boost *b = (const struct boost *)(const void *)node;
    double *sums = (double *)(void *)run->scratch;
    int32_t *predict = run->out[WEIR_OUTPUT_PREDICT];
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    double *decision = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    size_t n = b->n_classes;
    bool is_f32 = run->in.is_f32 && (node->follows_f32 & 1u << WEIR_OUTPUT_PREDICT_PROBA) != 0;
    weir_model_combine_check(&b->combine, run);
    memset(sums, 0, run->n_rows * n * sizeof *sums);
    for (size_t i = 0; i < b->combine.n; i++)
        add_member(b, run, i, is_f32, sums);
    for (size_t row = 0; row < run->n_rows; row++) {
        double *d = sums + row * n;
        for (size_t k = 0; k < n; k++)
            d[k] = round_to(d[k] / b->divisor, is_f32);
        if (n == 2)
            d[0] = round_to(d[1] - d[0], is_f32);
        if (predict)
            predict[row] = n == 2 ? d[0] > 0.0 : (int32_t)weir_model_head_argmax(d, n);
        if (decision)
            memcpy(decision + row * (n == 2 ? 1 : n), d, (n == 2 ? 1 : n) * sizeof *d);
        if (proba)
            softmax(b, d, is_f32, proba + row * n);
    }
}

enum weir_status weir_model_combine_boost_new(struct weir_model_builder *b,
                                              const struct weir_model_combine_boost_opts *opts,
                                              const struct weir_model_node **out,
                                              struct weir_error *err)
{
    size_t n = opts->base.targets[0].n;
    for (size_t i = 0; i < opts->base.n; i++) {
        const struct weir_model_combine_member *m = &opts->base.members[i];
        if (!m->node->predicts_labels || m->node->n_targets != 1 ||
            (opts->is_real && (m->classes || m->node->n_out[WEIR_OUTPUT_PREDICT_PROBA] != n)))
            return weir_error_set(err, WEIR_ERR_INVALID, "part %zu is no classifier of %zu classes",
                                  i, n);
    }
    if (n < 2)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "boosting of a single class");
    size_t part_at = weir_model_node_block_bytes(n);
    struct weir_model_combine_base how = {.opts = &opts->base,
                                          .node_bytes = sizeof(struct boost),
                                          .own_bytes = part_at + weir_model_node_block_bytes(n)};
    void *made;
    enum weir_status status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct boost *boost = made;
    boost->is_real = opts->is_real;
    boost->miss = opts->miss;
    boost->divisor = opts->divisor;
    boost->n_classes = n;
    boost->part_at = part_at;
    if (!opts->is_real) {
        boost->weights = weir_model_builder_doubles(b, opts->weights, opts->base.n);
        if (!boost->weights)
            return weir_model_builder_no_memory(b, err);
    }
    struct weir_model_node *node = &boost->combine.node;
    node->run = boost_run;
    node->predicts_labels = true;
    node->n_out[WEIR_OUTPUT_PREDICT] = 1;
    node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = (uint32_t)n;
    node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] = n == 2 ? 1 : (uint32_t)n;
    node->is_vector = true;
    node->is_decision_vector = n == 2;
    if (opts->is_real && weir_model_combine_follows_f32(&boost->combine, WEIR_OUTPUT_PREDICT_PROBA))
        node->follows_f32 = 1u << WEIR_OUTPUT_PREDICT_PROBA | 1u << WEIR_OUTPUT_DECISION_FUNCTION;
    *out = node;
    return WEIR_OK;
}
