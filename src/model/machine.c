/* SPDX-License-Identifier: MIT */
#include "model/machine.h"

#include "model/head.h"

#include <math.h>
#include <string.h>

enum { CLASSES_MAX = 1024 };

/* One class of a classifier. */
struct part {
    struct weir_model_dense dual; /* n_classes − 1 weights for each of its points */
    size_t first;                 /* its first point */
    size_t n;                     /* how many it has, maybe none */
};

struct machine {
    struct weir_model_node node;
    struct weir_model_kernel kernel;
    size_t n_sums;
    struct weir_model_dense weights; /* regressors */
    const double *bias;
    size_t n_classes;
    size_t n_pairs;
    const struct part *parts; /* n_classes */
    const double *intercept;  /* n_pairs */
    const double *prob_a;
    const double *prob_b;
    bool is_one_vs_one;
    bool breaks_ties;
    size_t rows; /* run at once */
    /* offsets into scratch */
    size_t values_at; /* rows × n_points kernel values */
    size_t sums_at;   /* rows × n_classes × (n_classes − 1) sums */
    size_t work_at;   /* what one row needs */
};

static double *scratch_of(const struct weir_model_node_run *run, size_t at)
{
    return (double *)(void *)(run->scratch + at);
}

/* --- regressors --- */

static void run_sums(const struct machine *m, const struct weir_model_node_run *run, size_t row,
                     size_t n_rows, const double *values)
{
    double *out = (double *)run->out[WEIR_OUTPUT_PREDICT];
    if (!out)
        return;
    out += row * m->n_sums;
    weir_model_dense_run(&m->weights, values, m->kernel.n_points, n_rows, out, m->n_sums);
    for (size_t i = 0; i < n_rows * m->n_sums; i++)
        out[i] += m->bias[i % m->n_sums];
}

/* --- classifiers --- */

/* Fills the decisions of all pairs from the sums of one row: sums[i × (K − 1) + j] is what the
 * points of class i add with their weights j. */
static void decide_pairs(const struct machine *m, const double *sums, double *pairs)
{
    size_t k = m->n_classes;
    size_t p = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++, p++)
            pairs[p] = sums[i * (k - 1) + j - 1] + sums[j * (k - 1) + i] + m->intercept[p];
}

/* The class with the most votes, the first of equals. */
static int32_t vote(const struct machine *m, const double *pairs, double *votes)
{
    size_t p = 0;
    memset(votes, 0, m->n_classes * sizeof *votes);
    for (size_t i = 0; i < m->n_classes; i++)
        for (size_t j = i + 1; j < m->n_classes; j++, p++)
            votes[pairs[p] > 0.0 ? i : j] += 1.0;
    return (int32_t)weir_model_head_argmax(votes, m->n_classes);
}

/* One-vs-rest decisions from the pairs: votes, and sums of confidences scaled so that they only
 * break ties. sums: n_classes of work space. */
static void rest(const struct machine *m, const double *pairs, double *out, double *sums)
{
    size_t k = m->n_classes;
    memset(out, 0, k * sizeof *out);
    memset(sums, 0, k * sizeof *sums);
    size_t p = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++, p++) {
            double confidence = -pairs[p];
            sums[i] -= confidence;
            sums[j] += confidence;
            out[pairs[p] < 0.0 ? j : i] += 1.0;
        }
    for (size_t i = 0; i < k; i++)
        out[i] += sums[i] / (3.0 * (fabs(sums[i]) + 1.0));
}

/* Class probabilities p from those of the pairs, r[i × k + j] that of i against j, by the second
 * method of Wu, Lin and Weng (JMLR 2004). q: k × k + k of work space. */
static void couple(const double *r, double *p, double *q, size_t k)
{
    double *qp = q + k * k;
    for (size_t t = 0; t < k; t++) {
        p[t] = 1.0 / (double)k;
        q[t * k + t] = 0.0;
        for (size_t j = 0; j < k; j++) {
            if (j == t)
                continue;
            q[t * k + t] += r[j * k + t] * r[j * k + t];
            q[t * k + j] = -r[j * k + t] * r[t * k + j];
        }
    }
    size_t n_rounds = weir_max_size(100, k);
    double eps = 0.005 / (double)k;
    for (size_t round = 0; round < n_rounds; round++) {
        double all = 0.0;
        for (size_t t = 0; t < k; t++) {
            qp[t] = 0.0;
            for (size_t j = 0; j < k; j++)
                qp[t] += q[t * k + j] * p[j];
            all += p[t] * qp[t];
        }
        double error = 0.0;
        for (size_t t = 0; t < k; t++)
            error = fmax(error, fabs(qp[t] - all));
        if (error < eps)
            break;
        for (size_t t = 0; t < k; t++) {
            double diff = (-qp[t] + all) / q[t * k + t];
            p[t] += diff;
            all = (all + diff * (diff * q[t * k + t] + 2.0 * qp[t])) / (1.0 + diff) / (1.0 + diff);
            for (size_t j = 0; j < k; j++) {
                qp[j] = (qp[j] + diff * q[t * k + j]) / (1.0 + diff);
                p[j] /= 1.0 + diff;
            }
        }
    }
}

/* 1 / (1 + e^f), written so that neither form loses digits. */
static double platt(double f)
{
    return f >= 0.0 ? exp(-f) / (1.0 + exp(-f)) : 1.0 / (1.0 + exp(f));
}

static void probabilities(const struct machine *m, const double *pairs, double *p, double *work)
{
    size_t k = m->n_classes;
    double *r = work;
    size_t pair = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++, pair++) {
            double one = platt(pairs[pair] * m->prob_a[pair] + m->prob_b[pair]);
            one = fmin(fmax(one, 1e-7), 1.0 - 1e-7);
            r[i * k + j] = one;
            r[j * k + i] = 1.0 - one;
        }
    couple(r, p, work + k * k, k);
}

static void classify(const struct machine *m, const struct weir_model_node_run *run, size_t row,
                     const double *sums)
{
    size_t k = m->n_classes;
    int32_t *label = run->out[WEIR_OUTPUT_PREDICT];
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    double *decision = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    double *pairs = scratch_of(run, m->work_at);
    double *work = pairs + m->n_pairs;
    decide_pairs(m, sums, pairs);
    if (label && m->breaks_ties) {
        rest(m, pairs, work, work + k);
        label[row] = (int32_t)weir_model_head_argmax(work, k);
    } else if (label) {
        label[row] = vote(m, pairs, work);
    }
    if (decision && k == 2)
        decision[row] = -pairs[0];
    else if (decision && m->is_one_vs_one)
        memcpy(decision + row * m->n_pairs, pairs, m->n_pairs * sizeof *pairs);
    else if (decision)
        rest(m, pairs, decision + row * k, work);
    if (proba)
        probabilities(m, pairs, proba + row * k, work);
}

static void run_classes(const struct machine *m, const struct weir_model_node_run *run, size_t row,
                        size_t n_rows, const double *values)
{
    double *sums = scratch_of(run, m->sums_at);
    size_t k = m->n_classes;
    size_t width = k * (k - 1);
    memset(sums, 0, n_rows * width * sizeof *sums);
    for (size_t i = 0; i < k; i++)
        if (m->parts[i].n > 0)
            weir_model_dense_run(&m->parts[i].dual, values + m->parts[i].first, m->kernel.n_points,
                                 n_rows, sums + i * (k - 1), width);
    for (size_t i = 0; i < n_rows; i++)
        classify(m, run, row + i, sums + i * width);
}

static void machine_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct machine *m = (const struct machine *)(const void *)node;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    double *values = scratch_of(run, m->values_at);
    for (size_t row = 0; row < run->n_rows; row += m->rows) {
        size_t n = weir_min_size(m->rows, run->n_rows - row);
        weir_model_kernel_run(&m->kernel, x + row * stride, stride, n, values);
        if (m->n_sums > 0)
            run_sums(m, run, row, n, values);
        else
            run_classes(m, run, row, n, values);
    }
}

/* --- making --- */

static enum weir_status make_parts(struct machine *m, struct weir_model_builder *b,
                                   const struct weir_model_machine_opts *opts,
                                   struct weir_error *err)
{
    size_t k = opts->n_classes;
    size_t n_points = opts->kernel.n_points;
    struct part *parts = weir_arena_zarray(b->arena, k, sizeof *parts);
    if (!parts)
        return weir_model_builder_no_memory(b, err);
    size_t first = 0;
    for (size_t i = 0; i < k; i++) {
        parts[i].first = first;
        parts[i].n = opts->n_support[i];
        first += parts[i].n;
        if (parts[i].n == 0)
            continue;
        struct weir_model_dense_view view = {opts->dual + parts[i].first, n_points, 1};
        enum weir_status status = weir_model_dense_init(&parts[i].dual, b, WEIR_MODEL_LANES_DOT,
                                                        (uint32_t)parts[i].n, k - 1, view, err);
        if (status != WEIR_OK)
            return status;
    }
    weir_assert(first == n_points);
    m->parts = parts;
    m->intercept = weir_model_builder_doubles(b, opts->intercept, m->n_pairs);
    bool failed = !m->intercept;
    if (opts->prob_a) {
        m->prob_a = weir_model_builder_doubles(b, opts->prob_a, m->n_pairs);
        m->prob_b = weir_model_builder_doubles(b, opts->prob_b, m->n_pairs);
        failed = failed || !m->prob_a || !m->prob_b;
    }
    return failed ? weir_model_builder_no_memory(b, err) : WEIR_OK;
}

static void describe(struct machine *m, const struct weir_model_machine_opts *opts)
{
    struct weir_model_node *node = &m->node;
    size_t k = opts->n_classes;
    node->run = machine_run;
    node->n_in = opts->kernel.n_in;
    node->depth = 1;
    node->targets = opts->targets;
    m->rows = weir_model_kernel_rows(&m->kernel);
    m->values_at = weir_model_node_block_bytes(node->n_in);
    m->sums_at =
        m->values_at + weir_model_node_align(m->rows * m->kernel.n_points * sizeof(double));
    m->work_at = m->sums_at;
    node->scratch_bytes = m->sums_at;
    if (opts->n_sums > 0) {
        node->n_out[WEIR_OUTPUT_PREDICT] = (uint32_t)opts->n_sums;
        node->is_vector = opts->is_vector;
        node->n_targets = opts->n_sums;
        return;
    }
    node->predicts_labels = true;
    node->is_vector = true;
    node->is_decision_vector = k == 2;
    node->n_targets = 1;
    node->n_out[WEIR_OUTPUT_PREDICT] = 1;
    node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] = (uint32_t)(k == 2                ? 1
                                                            : opts->is_one_vs_one ? m->n_pairs
                                                                                  : k);
    node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = opts->prob_a ? (uint32_t)k : 0;
    m->work_at = m->sums_at + weir_model_node_align(m->rows * k * (k - 1) * sizeof(double));
    node->scratch_bytes =
        m->work_at + weir_model_node_align((m->n_pairs + 2 * k * k + 2 * k) * sizeof(double));
}

enum weir_status weir_model_machine_new(struct weir_model_builder *b,
                                        const struct weir_model_machine_opts *opts,
                                        const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->n_sums > 0 || opts->n_classes >= 2);
    if (opts->n_classes > CLASSES_MAX || opts->n_sums > WEIR_MODEL_COLUMNS_MAX ||
        opts->kernel.n_points > UINT32_MAX || opts->kernel.n_in > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d classes or too many columns",
                              CLASSES_MAX);
    struct machine *m = weir_model_builder_node(b, sizeof *m);
    if (!m)
        return weir_model_builder_no_memory(b, err);
    enum weir_status status = weir_model_kernel_init(&m->kernel, b, &opts->kernel, err);
    if (status != WEIR_OK)
        return status;
    m->n_sums = opts->n_sums;
    m->n_classes = opts->n_classes;
    m->n_pairs = opts->n_sums > 0 ? 0 : opts->n_classes * (opts->n_classes - 1) / 2;
    m->is_one_vs_one = opts->is_one_vs_one;
    m->breaks_ties = opts->breaks_ties;
    if (opts->n_sums > 0) {
        m->bias = weir_model_builder_doubles(b, opts->bias, opts->n_sums);
        if (!m->bias)
            return weir_model_builder_no_memory(b, err);
        status = weir_model_dense_rows(&m->weights, b, WEIR_MODEL_LANES_DOT,
                                       (uint32_t)opts->kernel.n_points, opts->n_sums, opts->weights,
                                       err);
    } else {
        status = make_parts(m, b, opts, err);
    }
    if (status != WEIR_OK)
        return status;
    describe(m, opts);
    status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &m->node.step, err);
    if (status == WEIR_OK)
        *out = &m->node;
    return status;
}
