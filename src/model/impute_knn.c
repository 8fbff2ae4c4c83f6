/* SPDX-License-Identifier: MIT */
#include "model/impute.h"
#include "tensor/cell.h"

#include <math.h>
#include <string.h>

struct donor {
    double distance; /* NaN: shares no column */
    size_t row;
};

struct knn {
    struct weir_model_node node;
    double missing;
    const double *rows; /* n_rows × n_in, NaN: missing */
    size_t n_rows;
    uint32_t n_neighbors;
    bool is_weighted;
    bool takes_strangers;
    const double *means;  /* n_in */
    const bool *is_valid; /* n_in: some row has the column */
    const uint32_t *kept;
    uint32_t n_kept;
    const uint32_t *indicated;
    uint32_t n_indicated;
    size_t nearest_at; /* offset into scratch: n_neighbors donors */
    size_t input_at;
};

/* Fills the distances of a row to all rows of the training set. */
static void distances(const struct knn *m, const double *x, const bool *is_missing, double *out)
{
    size_t n = m->node.n_in;
    for (size_t i = 0; i < m->n_rows; i++) {
        const double *row = m->rows + i * n;
        double sum = 0.0;
        size_t n_shared = 0;
        for (size_t j = 0; j < n; j++) {
            if (is_missing[j] || isnan(row[j]))
                continue;
            sum += (x[j] - row[j]) * (x[j] - row[j]);
            n_shared++;
        }
        out[i] = n_shared ? sqrt(sum / (double)n_shared * (double)n) : (double)NAN;
    }
}

static bool is_nearer(double a, double b)
{
    return isnan(b) ? !isnan(a) : a < b;
}

/* Finds the nearest rows that have column j, nearest first; returns how many. */
static size_t find_nearest(const struct knn *m, const double *distance, uint32_t j,
                           struct donor *nearest)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_rows; i++) {
        if (isnan(m->rows[i * m->node.n_in + j]))
            continue;
        if (n == m->n_neighbors && !is_nearer(distance[i], nearest[n - 1].distance))
            continue;
        size_t at = n < m->n_neighbors ? n++ : n - 1;
        for (; at > 0 && is_nearer(distance[i], nearest[at - 1].distance); at--)
            nearest[at] = nearest[at - 1];
        nearest[at] = (struct donor){distance[i], i};
    }
    return n;
}

/* Returns what takes the place of a missing value in column j. */
static double fill(const struct knn *m, const double *distance, uint32_t j, struct donor *nearest)
{
    size_t n = find_nearest(m, distance, j, nearest);
    if (n == 0 || isnan(nearest[0].distance))
        return m->means[j];
    bool has_equal = nearest[0].distance == 0.0;
    double sum = 0.0;
    double weights = 0.0;
    for (size_t i = 0; i < n; i++) {
        double d = nearest[i].distance;
        double w = 1.0;
        if (m->is_weighted)
            w = isnan(d) ? 0.0 : has_equal ? (d == 0.0 ? 1.0 : 0.0) : 1.0 / d;
        else if (isnan(d) && !m->takes_strangers)
            w = 0.0;
        sum += w * m->rows[nearest[i].row * m->node.n_in + j];
        weights += w;
    }
    return sum / weights;
}

static void knn_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct knn *m = (const struct knn *)(const void *)node;
    double *distance = (double *)(void *)run->scratch;
    struct donor *nearest = (struct donor *)(void *)(run->scratch + m->nearest_at);
    size_t n = node->n_in;
    size_t stride;
    double *copy = (double *)(void *)(run->scratch + m->input_at);
    bool *is_missing = (bool *)(copy + n * WEIR_MODEL_BLOCK_ROWS);
    const double *x = weir_model_node_input_f64(run, n, copy, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    double marker = weir_model_node_round(m->missing, run->in.is_f32);
    for (size_t row = 0; row < run->n_rows; row++, x += stride) {
        bool any = false;
        for (size_t j = 0; j < n; j++) {
            is_missing[j] = weir_model_impute_is_missing(x[j], marker);
            any = any || (is_missing[j] && m->is_valid[j]);
        }
        if (any)
            distances(m, x, is_missing, distance);
        for (uint32_t k = 0; k < m->n_kept; k++) {
            uint32_t j = m->kept[k];
            double v = !m->is_valid[j] ? 0.0 : is_missing[j] ? fill(m, distance, j, nearest) : x[j];
            *out++ = weir_model_node_round(v, run->in.is_f32);
        }
        for (uint32_t k = 0; k < m->n_indicated; k++)
            *out++ = is_missing[m->indicated[k]] ? 1.0 : 0.0;
    }
}

/* Describes the columns of the training set: which have a value, and their means. */
static bool describe_columns(struct weir_model_builder *b,
                             const struct weir_model_impute_knn_opts *opts, struct knn *m)
{
    uint32_t n = opts->n_columns;
    double *means = weir_arena_array(b->arena, n, sizeof *means);
    bool *is_valid = weir_arena_zarray(b->arena, n, sizeof *is_valid);
    uint32_t *kept = weir_arena_array(b->arena, n, sizeof *kept);
    uint32_t *indicated = weir_arena_array(b->arena, opts->n_indicated, sizeof *indicated);
    if (!means || !is_valid || !kept || !indicated)
        return false;
    for (uint32_t j = 0; j < n; j++) {
        double sum = 0.0;
        size_t count = 0;
        for (size_t i = 0; i < opts->n_rows; i++) {
            double v = m->rows[i * n + j];
            sum += isnan(v) ? 0.0 : v;
            count += isnan(v) ? 0 : 1;
        }
        is_valid[j] = count > 0;
        means[j] = count > 0 ? sum / (double)count : 0.0;
        if (is_valid[j] || opts->keeps_empty)
            kept[m->n_kept++] = j;
    }
    for (uint32_t k = 0; k < opts->n_indicated; k++) {
        weir_assert(opts->indicated[k] < n);
        indicated[k] = opts->indicated[k];
    }
    m->means = means;
    m->is_valid = is_valid;
    m->kept = kept;
    m->indicated = indicated;
    m->n_indicated = opts->n_indicated;
    return true;
}

enum weir_status weir_model_impute_knn_new(struct weir_model_builder *b,
                                           const struct weir_model_impute_knn_opts *opts,
                                           const struct weir_model_node **out,
                                           struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    weir_assert(opts->n_rows > 0);
    weir_assert(opts->n_neighbors > 0);
    size_t n_values;
    if (opts->n_columns > WEIR_MODEL_COLUMNS_MAX || opts->n_indicated > opts->n_columns ||
        !weir_size_mul(opts->n_rows, opts->n_columns, &n_values))
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct knn *m = weir_model_builder_node(b, sizeof *m);
    double *rows = weir_model_builder_doubles(b, opts->rows, n_values);
    if (!m || !rows)
        return weir_model_builder_no_memory(b, err);
    m->rows = rows;
    m->n_rows = opts->n_rows;
    if (!describe_columns(b, opts, m))
        return weir_model_builder_no_memory(b, err);
    if (m->n_kept + m->n_indicated == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "gives no column");
    m->missing = opts->missing;
    m->n_neighbors = opts->n_neighbors < opts->n_rows ? opts->n_neighbors : (uint32_t)opts->n_rows;
    m->is_weighted = opts->is_weighted;
    m->takes_strangers = opts->takes_strangers;
    m->nearest_at = weir_model_node_align(opts->n_rows * sizeof(double));
    m->input_at = m->nearest_at + weir_model_node_align(m->n_neighbors * sizeof(struct donor));
    struct weir_model_node *node = &m->node;
    node->run = knn_run;
    node->n_in = opts->n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = m->n_kept + m->n_indicated;
    node->allows_nan = isnan(opts->missing);
    node->keeps_columns = m->n_kept == node->n_in && m->n_indicated == 0;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->depth = 1;
    node->scratch_bytes = m->input_at + weir_model_node_block_bytes(opts->n_columns) +
                          weir_model_node_align(opts->n_columns * sizeof(bool));
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}
