/* SPDX-License-Identifier: MIT */
#include "model/neighbors.h"

#include "model/head.h"

#include <math.h>
#include <string.h>

enum { ROWS_AT_ONCE = 32 }; /* their distances to some points stay in L2 */

struct neighbors {
    struct weir_model_node node;
    const struct weir_model_search *search;
    size_t k;
    double radius;
    bool by_distance;
    bool numbers_are_f32;
    size_t n_targets;
    const int32_t *classes; /* n_points × n_targets */
    const double *numbers;
    const int32_t *outliers;
    size_t n_sums; /* of all targets' classes, or the targets */
    /* offsets into scratch */
    size_t found_at;
    size_t points_at;
    size_t sums_at;
    size_t counts_at;
    size_t search_at;
};

/* What is added up for some rows. */
struct sums {
    const struct neighbors *m;
    double *sums;    /* rows × n_sums */
    double *weights; /* rows: Σ of weights */
    double *near;    /* rows: points at distance 0, until which others count */
};

/* Adds a point's classes or numbers to a row's sums. */
static void add_point(const struct neighbors *m, double *sums, int32_t point, double weight)
{
    size_t first = 0;
    for (size_t t = 0; t < m->n_targets; t++) {
        size_t at = (size_t)point * m->n_targets + t;
        if (m->classes) {
            sums[first + (size_t)m->classes[at]] += weight;
            first += m->node.targets[t].n;
        } else {
            sums[t] += m->numbers[at] * weight;
        }
    }
}

static void clear_row(const struct sums *s, size_t row)
{
    memset(s->sums + row * s->m->n_sums, 0, s->m->n_sums * sizeof(double));
    s->weights[row] = 0.0;
}

static void count(void *ctx, size_t row, int32_t point, double distance)
{
    const struct sums *s = ctx;
    double weight = 1.0;
    if (s->m->by_distance) {
        bool is_here = isinf(1.0 / distance);
        if (is_here && s->near[row] == 0.0)
            clear_row(s, row); /* what was added so far does not count */
        if (is_here)
            s->near[row] += 1.0;
        else if (s->near[row] > 0.0)
            return;
        weight = is_here ? 1.0 : 1.0 / distance;
    }
    add_point(s->m, s->sums + row * s->m->n_sums, point, weight);
    s->weights[row] += weight;
}

/* --- answers --- */

/* Means in the order in which numpy adds them, for one target without weights. */
static double plain_mean(const struct neighbors *m, const int32_t *points, double *work)
{
    for (size_t i = 0; i < m->k; i++)
        work[i] = m->numbers[points[i]];
    double sum = weir_model_head_sum(work, m->k, m->numbers_are_f32);
    return weir_model_node_round(sum / (double)m->k, m->numbers_are_f32);
}

static void answer_numbers(const struct neighbors *m, const struct weir_model_node_run *run,
                           size_t row, const double *sums, double weights)
{
    double *out = run->out[WEIR_OUTPUT_PREDICT];
    for (size_t t = 0; out && t < m->n_targets; t++)
        out[row * m->n_targets + t] =
            weights == 0.0 ? (double)NAN
                           : weir_model_node_round(sums[t] / weights, m->numbers_are_f32);
}

/* A row without points within the radius. */
static void answer_alone(const struct neighbors *m, const struct weir_model_node_run *run,
                         size_t row, double *sums)
{
    if (!m->outliers) {
        if (run->faults[row].kind == WEIR_FAULT_NONE)
            run->faults[row] =
                (struct weir_row_fault){.kind = WEIR_FAULT_ALONE, .step = m->node.step};
        return;
    }
    size_t first = 0;
    for (size_t t = 0; t < m->n_targets; t++) {
        sums[first + (size_t)m->outliers[t]] = 1.0;
        first += m->node.targets[t].n;
    }
}

static void answer_classes(const struct neighbors *m, const struct weir_model_node_run *run,
                           size_t row, double *sums, double weights)
{
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    if (weights == 0.0 && (m->k == 0 || m->by_distance))
        answer_alone(m, run, row, sums);
    size_t first = 0;
    for (size_t t = 0; t < m->n_targets; t++) {
        size_t n = m->node.targets[t].n;
        if (labels)
            labels[row * m->n_targets + t] = (int32_t)weir_model_head_argmax(sums + first, n);
        double whole = 0.0;
        for (size_t i = 0; proba && i < n; i++)
            whole += sums[first + i];
        for (size_t i = 0; proba && i < n; i++)
            proba[row * m->n_sums + first + i] = sums[first + i] / whole;
        first += n;
    }
}

static void run_rows(const struct neighbors *m, const struct weir_model_node_run *run, size_t row,
                     size_t n_rows, const double *x, size_t stride)
{
    double *distances = (double *)(void *)(run->scratch + m->found_at);
    struct weir_model_search_found found = {distances,
                                            (int32_t *)(void *)(run->scratch + m->points_at)};
    double *counts = (double *)(void *)(run->scratch + m->counts_at);
    struct sums s = {.m = m,
                     .sums = (double *)(void *)(run->scratch + m->sums_at),
                     .weights = counts,
                     .near = counts + ROWS_AT_ONCE};
    memset(s.sums, 0, n_rows * m->n_sums * sizeof *s.sums);
    memset(counts, 0, 2 * ROWS_AT_ONCE * sizeof *counts);
    char *scratch = run->scratch + m->search_at;
    if (m->k > 0) {
        weir_model_search_nearest(m->search, x, stride, n_rows, m->k, found, scratch);
        for (size_t i = 0; i < n_rows * m->k; i++)
            count(&s, i / m->k, found.points[i], distances[i]);
    } else {
        weir_model_search_scan(m->search, x, stride, n_rows, m->radius, count, &s, scratch);
    }
    bool is_plain = !m->classes && m->k > 0 && !m->by_distance && m->n_targets == 1;
    for (size_t i = 0; i < n_rows; i++) {
        double *sums = s.sums + i * m->n_sums;
        if (m->classes) {
            answer_classes(m, run, row + i, sums, s.weights[i]);
            continue;
        }
        if (is_plain) {
            sums[0] = plain_mean(m, found.points + i * m->k, distances + i * m->k);
            s.weights[i] = 1.0;
        }
        answer_numbers(m, run, row + i, sums, s.weights[i]);
    }
}

static void neighbors_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct neighbors *m = (const struct neighbors *)(const void *)node;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    for (size_t row = 0; row < run->n_rows; row += ROWS_AT_ONCE) {
        size_t n = weir_min_size(ROWS_AT_ONCE, run->n_rows - row);
        run_rows(m, run, row, n, x + row * stride, stride);
    }
}

/* --- making --- */

static const int32_t *copy(struct weir_model_builder *b, const int32_t *values, size_t n,
                           bool *failed)
{
    int32_t *kept = values ? weir_arena_array(b->arena, n, sizeof *kept) : NULL;
    *failed = *failed || (values && !kept);
    if (kept && n > 0)
        memcpy(kept, values, n * sizeof *kept);
    return kept;
}

static void describe(struct neighbors *m, const struct weir_model_neighbors_opts *opts)
{
    struct weir_model_node *node = &m->node;
    node->run = neighbors_run;
    node->n_in = opts->search.n_in;
    node->predicts_labels = opts->classes != NULL;
    node->is_vector = opts->is_vector;
    node->n_out[WEIR_OUTPUT_PREDICT] = opts->n_targets;
    node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = opts->classes ? (uint32_t)m->n_sums : 0;
    node->depth = 1;
    size_t k = weir_max_size(opts->k, 1);
    m->found_at = weir_model_node_block_bytes(node->n_in);
    m->points_at = m->found_at + weir_model_node_align(ROWS_AT_ONCE * k * sizeof(double));
    m->sums_at = m->points_at + weir_model_node_align(ROWS_AT_ONCE * k * sizeof(int32_t));
    m->counts_at = m->sums_at + weir_model_node_align(ROWS_AT_ONCE * m->n_sums * sizeof(double));
    m->search_at = m->counts_at + weir_model_node_align(2 * ROWS_AT_ONCE * sizeof(double));
    node->scratch_bytes = m->search_at + weir_model_search_scratch_bytes(m->search, opts->k);
}

enum weir_status weir_model_neighbors_new(struct weir_model_builder *b,
                                          const struct weir_model_neighbors_opts *opts,
                                          const struct weir_model_node **out,
                                          struct weir_error *err)
{
    size_t n_values = opts->search.n_points * opts->n_targets;
    weir_assert(opts->n_targets > 0);
    weir_assert(opts->k <= opts->search.n_points);
    struct neighbors *m = weir_model_builder_node(b, sizeof *m);
    struct weir_model_search *search = NULL;
    if (!m)
        return weir_model_builder_no_memory(b, err);
    enum weir_status status = weir_model_search_new(b, &opts->search, &search, err);
    if (status != WEIR_OK)
        return status;
    m->search = search;
    m->k = opts->k;
    m->radius = opts->radius;
    m->by_distance = opts->by_distance;
    m->numbers_are_f32 = opts->numbers_are_f32;
    m->n_targets = opts->n_targets;
    bool failed = false;
    m->classes = copy(b, opts->classes, n_values, &failed);
    m->outliers = copy(b, opts->outliers, opts->n_targets, &failed);
    if (opts->numbers) {
        m->numbers = weir_model_builder_doubles(b, opts->numbers, n_values);
        failed = failed || !m->numbers;
    }
    if (failed)
        return weir_model_builder_no_memory(b, err);
    m->node.targets = opts->targets;
    m->node.n_targets = opts->n_targets;
    m->n_sums = opts->classes ? 0 : opts->n_targets;
    for (size_t t = 0; opts->classes && t < opts->n_targets; t++)
        m->n_sums += opts->targets[t].n;
    if (m->n_sums > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    describe(m, opts);
    status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &m->node.step, err);
    if (status == WEIR_OK)
        *out = &m->node;
    return status;
}
