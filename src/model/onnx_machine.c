/* SPDX-License-Identifier: MIT */
#include "model/onnx_machine.h"

#include "base/macros.h"

#include <math.h>
#include <string.h>

enum {
    CLASSES_MAX = 256,
    LANES = 16,       /* points whose kernels are summed side by side, each in its own order */
    ROUNDS_MAX = 100, /* of the coupling of probabilities */
    POINTS_MAX = 1 << 24,
};

struct machine {
    struct weir_model_node node;
    enum weir_model_kernel_kind kind;
    float gamma, coef0, degree;
    size_t n_points, n_padded; /* a multiple of LANES */
    const float *points;       /* n_padded / LANES tiles of n_features × LANES */
    size_t n_classes, n_pairs;
    const size_t *starts; /* n_classes + 1 */
    const float *coefs, *rho, *prob_a, *prob_b;
    enum weir_output output;
    size_t work_at;
};

/* --- kernels --- */

static void sum_squares(const struct machine *m, const float *x, const float *tile, float *out)
{
    float sums[LANES] = {0.0f};
    for (size_t j = 0; j < m->node.n_in; j++, tile += LANES)
        for (size_t i = 0; i < LANES; i++) {
            float diff = x[j] - tile[i];
            sums[i] += diff * diff;
        }
    memcpy(out, sums, sizeof sums);
}

static void sum_products(const struct machine *m, const float *x, const float *tile, double *out)
{
    double sums[LANES] = {0.0};
    for (size_t j = 0; j < m->node.n_in; j++, tile += LANES)
        for (size_t i = 0; i < LANES; i++)
            sums[i] += (double)x[j] * (double)tile[i];
    memcpy(out, sums, sizeof sums);
}

static float power(float v, float degree)
{
    return degree == 2.0f ? v * v : degree == 3.0f ? v * v * v : powf(v, degree);
}

/* Fills the kernel values of one row. values: n_padded. */
static void fill_kernels(const struct machine *m, const float *x, float *values)
{
    for (size_t at = 0; at < m->n_padded; at += LANES) {
        const float *tile = m->points + at * m->node.n_in;
        double sums[LANES];
        if (m->kind == WEIR_MODEL_KERNEL_RBF) {
            sum_squares(m, x, tile, values + at);
            for (size_t i = at; i < at + LANES; i++)
                values[i] = expf(-m->gamma * values[i]);
            continue;
        }
        sum_products(m, x, tile, sums);
        for (size_t i = 0; i < LANES; i++) {
            float v = (float)((double)m->gamma * sums[i] + (double)m->coef0);
            values[at + i] = m->kind == WEIR_MODEL_KERNEL_LINEAR ? (float)sums[i]
                             : m->kind == WEIR_MODEL_KERNEL_POLY ? power(v, m->degree)
                                                                 : tanhf(v);
        }
    }
}

/* Adds the products of a class's kernels and one row of coefficients to a sum. */
static double add_class(const struct machine *m, size_t c, size_t row, const float *values,
                        double sum)
{
    const float *coefs = m->coefs + row * m->n_points;
    for (size_t i = m->starts[c]; i < m->starts[c + 1]; i++) {
        float product = coefs[i] * values[i];
        sum += (double)product;
    }
    return sum;
}

/* --- probabilities --- */

/* 1 − 1 / (1 + e^−v), by the library's form of it. */
static float platt(float v)
{
    float p = 1.0f / (1.0f + expf(-fabsf(v)));
    return 1.0f - (v < 0.0f ? 1.0f - p : p);
}

/* Class probabilities p from those of the pairs, r[i × k + j] that of i against j (Wu, Lin and
 * Weng, JMLR 2004, second method) in float32. q: k × k + k of work space. */
static void couple(const float *r, float *p, float *q, size_t k)
{
    float *qp = q + k * k;
    float eps = 0.005f / (float)k;
    for (size_t t = 0; t < k; t++) {
        p[t] = 1.0f / (float)k;
        q[t * k + t] = 0.0f;
        for (size_t j = 0; j < k; j++) {
            if (j == t)
                continue;
            q[t * k + t] += r[j * k + t] * r[j * k + t];
            q[t * k + j] = j < t ? q[j * k + t] : -r[j * k + t] * r[t * k + j];
        }
    }
    for (size_t round = 0; round < ROUNDS_MAX; round++) {
        float all = 0.0f, error = 0.0f;
        for (size_t t = 0; t < k; t++) {
            qp[t] = 0.0f;
            for (size_t j = 0; j < k; j++)
                qp[t] += q[t * k + j] * p[j];
            all += p[t] * qp[t];
        }
        for (size_t t = 0; t < k; t++)
            if (fabsf(qp[t] - all) > error)
                error = fabsf(qp[t] - all);
        if (error < eps)
            return;
        for (size_t t = 0; t < k; t++) {
            float diff = (-qp[t] + all) / q[t * k + t];
            p[t] += diff;
            all =
                (all + diff * (diff * q[t * k + t] + 2.0f * qp[t])) / (1.0f + diff) / (1.0f + diff);
            for (size_t j = 0; j < k; j++) {
                qp[j] = (qp[j] + diff * q[t * k + j]) / (1.0f + diff);
                p[j] /= 1.0f + diff;
            }
        }
    }
}

/* Fills p from the decisions of all pairs. work: 2 k² + k. */
static void fill_probabilities(const struct machine *m, const float *pairs, float *p, float *work)
{
    size_t k = m->n_classes, pair = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++, pair++) {
            float v = platt(pairs[pair] * m->prob_a[pair] + m->prob_b[pair]);
            v = v < 1e-7f ? 1e-7f : v;
            v = v > 1.0f - 1e-7f ? 1.0f - 1e-7f : v;
            work[i * k + j] = v;
            work[j * k + i] = 1.0f - v;
        }
    couple(work, p, work + k * k, k);
}

/* --- running --- */

/* The first of the largest of n values; what is NaN is never larger. */
static size_t largest_of(const float *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (v[i] > v[best])
            best = i;
    return best;
}

static void run_row(const struct machine *m, const struct weir_model_node_run *run, size_t row,
                    const float *values, float *work)
{
    size_t k = m->n_classes, pair = 0;
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    double *out = m->output == WEIR_OUTPUT_PREDICT ? NULL : run->out[m->output];
    float *pairs = work, *votes = pairs + m->n_pairs, *p = votes + k;
    memset(votes, 0, k * sizeof *votes);
    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++, pair++) {
            double sum = add_class(m, i, j - 1, values, 0.0);
            sum = add_class(m, j, i, values, sum) + (double)m->rho[pair];
            pairs[pair] = (float)sum;
            votes[sum > 0.0 ? i : j] += 1.0f;
        }
    size_t n = m->node.n_out[m->output];
    if (labels)
        labels[row] = (int32_t)largest_of(votes, k);
    if (!out)
        return;
    if (m->prob_a) {
        fill_probabilities(m, pairs, p, p + k);
        for (size_t i = 0; i < n; i++)
            out[row * n + i] = (double)p[i];
        return;
    }
    if (k == 2) {
        out[row * 2] = (double)-pairs[0];
        out[row * 2 + 1] = (double)pairs[0];
    } else {
        for (size_t i = 0; i < n; i++)
            out[row * n + i] = (double)pairs[i];
    }
}

static void machine_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct machine *m = (const struct machine *)(const void *)node;
    size_t stride;
    const float *x = weir_model_node_input_f32(run, node->n_in, run->scratch, &stride);
    float *values = (float *)(void *)(run->scratch + weir_model_node_block_bytes(node->n_in));
    float *work = (float *)(void *)(run->scratch + m->work_at);
    double *number = run->out[WEIR_OUTPUT_PREDICT];
    for (size_t row = 0; row < run->n_rows; row++) {
        fill_kernels(m, x + row * stride, values);
        if (m->n_classes > 0)
            run_row(m, run, row, values, work);
        else if (number)
            number[row] = (double)(float)(add_class(m, 0, 0, values, 0.0) + (double)m->rho[0]);
    }
}

/* --- making --- */

/* Copies n floats into the arena; NULL: no memory. */
static const float *copy(struct weir_model_builder *b, const float *from, size_t n)
{
    float *out = weir_arena_array(b->arena, n, sizeof *out);
    if (out)
        memcpy(out, from, n * sizeof *out);
    return out;
}

static enum weir_status keep(struct machine *m, struct weir_model_builder *b,
                             const struct weir_model_onnx_machine_opts *opts,
                             struct weir_error *err)
{
    size_t f = opts->n_features, n_parts = weir_max_size(m->n_classes, 1);
    size_t n_rho = weir_max_size(m->n_pairs, 1), n_values;
    if (!weir_size_mul(m->n_padded, f, &n_values))
        return weir_error_set(err, WEIR_ERR_LIMIT, "too many support vectors");
    float *points = weir_arena_zarray(b->arena, n_values, sizeof *points);
    size_t *starts = weir_arena_zarray(b->arena, n_parts + 1, sizeof *starts);
    if (!points || !starts)
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < m->n_points; i++)
        for (size_t j = 0; j < f; j++)
            points[i / LANES * LANES * f + j * LANES + i % LANES] = opts->points[i * f + j];
    starts[n_parts] = m->n_points;
    for (size_t i = 0; i < m->n_classes; i++)
        starts[i + 1] = starts[i] + (size_t)opts->n_support[i];
    weir_assert(starts[n_parts] == m->n_points);
    m->points = points;
    m->starts = starts;
    m->coefs = copy(b, opts->coefs, m->n_points * (m->n_classes > 0 ? m->n_classes - 1 : 1));
    m->rho = copy(b, opts->rho, n_rho);
    bool failed = !m->coefs || !m->rho;
    if (opts->prob_a) {
        m->prob_a = copy(b, opts->prob_a, n_rho);
        m->prob_b = copy(b, opts->prob_b, n_rho);
        failed = failed || !m->prob_a || !m->prob_b;
    }
    return failed ? weir_model_builder_no_memory(b, err) : WEIR_OK;
}

static void describe(struct machine *m, const struct weir_model_onnx_machine_opts *opts)
{
    struct weir_model_node *node = &m->node;
    size_t k = m->n_classes;
    node->run = machine_run;
    node->n_in = opts->n_features;
    node->takes_f32 = true;
    node->allows_nan = true;
    node->allows_inf = true;
    node->depth = 1;
    node->n_targets = 1;
    node->targets = opts->targets;
    if (k == 0) {
        node->n_out[WEIR_OUTPUT_PREDICT] = 1;
        node->follows_f32 = 1u << WEIR_OUTPUT_PREDICT;
    } else {
        node->n_out[WEIR_OUTPUT_PREDICT] = opts->gives_labels ? 1 : 0;
        node->predicts_labels = opts->gives_labels;
        node->is_vector = opts->gives_labels;
    }
    if (k > 0 && opts->output != WEIR_OUTPUT_PREDICT) {
        node->n_out[opts->output] = (uint32_t)(opts->prob_a || k == 2 ? k : m->n_pairs);
        node->follows_f32 = 1u << opts->output;
    }
    m->work_at = weir_model_node_block_bytes(node->n_in) +
                 weir_model_node_align(m->n_padded * sizeof(float));
    node->scratch_bytes =
        m->work_at + weir_model_node_align((m->n_pairs + 3 * k + 2 * k * k) * sizeof(float));
}

enum weir_status weir_model_onnx_machine_new(struct weir_model_builder *b,
                                             const struct weir_model_onnx_machine_opts *opts,
                                             const struct weir_model_node **out,
                                             struct weir_error *err)
{
    weir_assert(opts->n_points > 0);
    weir_assert(opts->n_classes != 1);
    if (opts->n_classes > CLASSES_MAX || opts->n_points > POINTS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d classes or %d support vectors",
                              CLASSES_MAX, POINTS_MAX);
    struct machine *m = weir_model_builder_node(b, sizeof *m);
    if (!m)
        return weir_model_builder_no_memory(b, err);
    m->kind = opts->kind;
    m->gamma = opts->gamma;
    m->coef0 = opts->coef0;
    m->degree = opts->degree;
    m->n_points = opts->n_points;
    m->n_padded = (opts->n_points + LANES - 1) / LANES * LANES;
    m->n_classes = opts->n_classes;
    m->n_pairs = opts->n_classes > 0 ? opts->n_classes * (opts->n_classes - 1) / 2 : 0;
    m->output = opts->output;
    enum weir_status status = keep(m, b, opts, err);
    if (status != WEIR_OK)
        return status;
    describe(m, opts);
    *out = &m->node;
    return WEIR_OK;
}
