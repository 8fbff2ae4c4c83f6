/* SPDX-License-Identifier: MIT */
/* Means: bagging, soft votes, averages of regressors. */
#include "model/combine_priv.h"
#include "model/head.h"

#include <string.h>

struct mean {
    struct weir_model_combine combine;
    bool is_classifier;
    bool votes;
    bool decides;
    bool begins_at_zero;
    bool stays_f64;
    bool transforms;
    uint32_t width;          /* columns of the mean */
    uint32_t decision_width; /* of that of decision_function */
    uint32_t transform_width;
    const double *weights; /* NULL: all alike */
    double divisor;
    size_t sum_at; /* offsets into scratch: the sum, one member's answer, its decision */
    size_t part_at;
    size_t decision_at;
};

/* Adds n values of one row of a member; is_first: the sums begin with them. */
static void add_row(const struct mean *m, size_t i, const double *x, size_t n, bool is_first,
                    bool is_f32, double *sum)
{
    const uint32_t *classes = m->combine.members[i].classes;
    for (size_t k = 0; k < n; k++) {
        double v = m->weights ? x[k] * m->weights[i] : x[k];
        double *to = &sum[classes ? classes[k] : k];
        *to = is_first ? v : weir_model_node_round(*to + v, is_f32);
    }
}

/* Adds what member i answered to all rows. width: columns of the sum. */
static void add_member(const struct mean *m, const struct weir_model_node_run *run, size_t i,
                       const double *x, size_t n, size_t width, bool is_f32, double *sum)
{
    bool is_first = i == 0 && !m->begins_at_zero;
    for (size_t row = 0; row < run->n_rows; row++)
        add_row(m, i, x + row * n, n, is_first, is_f32, sum + row * width);
}

/* Adds 1 to the class that member i predicts. */
static void add_votes(const struct mean *m, const struct weir_model_node_run *run, size_t i,
                      const int32_t *labels, double *sum)
{
    const uint32_t *classes = m->combine.members[i].classes;
    for (size_t row = 0; row < run->n_rows; row++) {
        size_t k = (size_t)labels[row];
        sum[row * m->width + (classes ? classes[k] : k)] += 1.0;
    }
}

static void divide(const struct mean *m, double *x, size_t n, bool is_f32)
{
    for (size_t i = 0; i < n; i++)
        x[i] = weir_model_node_round(x[i] / m->divisor, is_f32);
}

/* Copies n values of each row into columns first … of the transform. */
static void put_transform(const struct mean *m, const struct weir_model_node_run *run,
                          const double *x, size_t n, size_t first)
{
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    for (size_t row = 0; out && row < run->n_rows; row++)
        memcpy(out + row * m->transform_width + first, x + row * n, n * sizeof *out);
}

static enum weir_output answer_of(const struct mean *m)
{
    return m->is_classifier ? WEIR_OUTPUT_PREDICT_PROBA : WEIR_OUTPUT_PREDICT;
}

/* Adds all members; sum or decision NULL: not wanted. */
static void add_all(const struct mean *m, const struct weir_model_node_run *run, bool is_f32,
                    double *sum, double *decision, bool decision_is_f32)
{
    const struct weir_model_combine *c = &m->combine;
    void *part = run->scratch + m->part_at;
    void *part_decision = run->scratch + m->decision_at;
    size_t first = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct weir_model_node *node = c->members[i].node;
        enum weir_output answer = answer_of(m);
        bool is_vote = m->votes && node->n_out[answer] == 0;
        if (is_vote)
            answer = WEIR_OUTPUT_PREDICT;
        void *out[WEIR_OUTPUT_N] = {0};
        out[answer] = sum ? part : NULL;
        out[WEIR_OUTPUT_DECISION_FUNCTION] = decision ? part_decision : NULL;
        weir_model_combine_member_run(c, run, i, out);
        if (sum && is_vote)
            add_votes(m, run, i, part, sum);
        else if (sum)
            add_member(m, run, i, part, node->n_out[answer], m->width, is_f32, sum);
        if (sum && !is_vote)
            put_transform(m, run, part, node->n_out[answer], first);
        first += node->n_out[answer];
        if (decision)
            add_member(m, run, i, part_decision, m->decision_width, m->decision_width,
                       decision_is_f32, decision);
    }
}

static void mean_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct mean *m = (const struct mean *)(const void *)node;
    weir_model_combine_check(&m->combine, run);
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    double *decision = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    bool wants_sum =
        run->out[WEIR_OUTPUT_PREDICT] || proba || run->out[WEIR_OUTPUT_TRANSFORM] != NULL;
    double *sum = wants_sum ? (double *)(void *)(run->scratch + m->sum_at) : NULL;
    size_t n = run->n_rows * m->width;
    size_t n_decision = run->n_rows * m->decision_width;
    bool is_f32 = run->in.is_f32 && !m->stays_f64 && (node->follows_f32 & 1u << answer_of(m)) != 0;
    bool decision_is_f32 =
        run->in.is_f32 && (node->follows_f32 & 1u << WEIR_OUTPUT_DECISION_FUNCTION) != 0;
    if (sum)
        memset(sum, 0, n * sizeof *sum);
    if (decision)
        memset(decision, 0, n_decision * sizeof *decision);
    add_all(m, run, is_f32, sum, decision, decision_is_f32);
    if (decision)
        divide(m, decision, n_decision, decision_is_f32);
    if (!sum)
        return;
    divide(m, sum, n, is_f32);
    if (proba)
        memcpy(proba, sum, n * sizeof *sum);
    if (!m->is_classifier) {
        if (run->out[WEIR_OUTPUT_PREDICT])
            memcpy(run->out[WEIR_OUTPUT_PREDICT], sum, n * sizeof *sum);
        return;
    }
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    for (size_t row = 0; labels && row < run->n_rows; row++)
        labels[row] = (int32_t)weir_model_head_argmax(sum + row * m->width, m->width);
}

/* --- building --- */

/* Checks that member i answers what is averaged, in the width of the whole. */
static enum weir_status check_member(const struct weir_model_combine_mean_opts *opts, size_t i,
                                     uint32_t width, struct weir_error *err)
{
    const struct weir_model_node *node = opts->base.members[i].node;
    const uint32_t *classes = opts->base.members[i].classes;
    uint32_t n = node->n_out[opts->is_classifier ? WEIR_OUTPUT_PREDICT_PROBA : WEIR_OUTPUT_PREDICT];
    if (opts->is_classifier && (node->n_targets != 1 || !node->predicts_labels))
        return weir_error_set(err, WEIR_ERR_INVALID, "part %zu is no classifier of one target", i);
    if (!opts->is_classifier && node->predicts_labels)
        return weir_error_set(err, WEIR_ERR_INVALID, "part %zu is no regressor", i);
    bool is_vote = opts->is_classifier && opts->votes && n == 0;
    if (is_vote)
        n = (uint32_t)node->targets[0].n;
    if (n == 0 || (classes ? n > width : n != width))
        return weir_error_set(err, WEIR_ERR_INVALID, "part %zu answers %u columns, not %u", i, n,
                              width);
    for (uint32_t k = 0; classes && k < n; k++)
        weir_assert(classes[k] < width);
    if (opts->decides && node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] !=
                             opts->base.members[0].node->n_out[WEIR_OUTPUT_DECISION_FUNCTION])
        return weir_error_set(err, WEIR_ERR_INVALID, "part %zu decides in another form", i);
    return WEIR_OK;
}

/* Fills the outputs. */
static void describe(struct mean *m, const struct weir_model_combine_mean_opts *opts)
{
    struct weir_model_node *node = &m->combine.node;
    const struct weir_model_node *first = opts->base.members[0].node;
    node->predicts_labels = m->is_classifier;
    node->n_out[WEIR_OUTPUT_PREDICT] = m->is_classifier ? 1 : m->width;
    node->is_vector = m->is_classifier || first->is_vector;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = m->transforms ? m->transform_width : 0;
    uint32_t follows = 0;
    if (m->is_classifier)
        node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = m->width;
    if (m->decides) {
        node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] = m->decision_width;
        node->is_decision_vector = first->is_decision_vector;
        if (weir_model_combine_follows_f32(&m->combine, WEIR_OUTPUT_DECISION_FUNCTION))
            follows |= 1u << WEIR_OUTPUT_DECISION_FUNCTION;
    }
    if (weir_model_combine_follows_f32(&m->combine, answer_of(m))) {
        follows |= m->stays_f64 ? 0 : 1u << answer_of(m);
        follows |= 1u << WEIR_OUTPUT_TRANSFORM;
    }
    node->follows_f32 = follows;
}

enum weir_status weir_model_combine_mean_new(struct weir_model_builder *b,
                                             const struct weir_model_combine_mean_opts *opts,
                                             const struct weir_model_node **out,
                                             struct weir_error *err)
{
    const struct weir_model_combine_opts *base = &opts->base;
    uint32_t width = opts->is_classifier ? (uint32_t)base->targets[0].n
                                         : base->members[0].node->n_out[WEIR_OUTPUT_PREDICT];
    size_t transform_width = 0;
    for (size_t i = 0; i < base->n; i++) {
        enum weir_status status = check_member(opts, i, width, err);
        if (status != WEIR_OK)
            return status;
        transform_width += width;
    }
    uint32_t decision_width = base->members[0].node->n_out[WEIR_OUTPUT_DECISION_FUNCTION];
    if (transform_width > WEIR_MODEL_COLUMNS_MAX && opts->transforms)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    size_t block = weir_model_node_block_bytes(width);
    size_t own = 2 * block + (opts->decides ? weir_model_node_block_bytes(decision_width) : 0);
    struct weir_model_combine_base how = {
        .opts = base, .node_bytes = sizeof(struct mean), .own_bytes = own};
    void *made;
    enum weir_status status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct mean *m = made;
    m->is_classifier = opts->is_classifier;
    m->votes = opts->votes;
    m->decides = opts->decides;
    m->begins_at_zero = opts->begins_at_zero || opts->votes;
    m->stays_f64 = opts->stays_f64;
    m->transforms = opts->transforms;
    m->width = width;
    m->decision_width = decision_width;
    m->transform_width = (uint32_t)transform_width;
    m->divisor = opts->divisor;
    m->part_at = block;
    m->decision_at = 2 * block;
    if (opts->weights) {
        m->weights = weir_model_builder_doubles(b, opts->weights, base->n);
        if (!m->weights)
            return weir_model_builder_no_memory(b, err);
    }
    m->combine.node.run = mean_run;
    describe(m, opts);
    *out = &m->combine.node;
    return WEIR_OK;
}
