/* SPDX-License-Identifier: MIT */
#include "model/naive.h"

#include "model/dense.h"

struct table {
    const double *values; /* n categories times n_classes */
    uint32_t n;
};

struct naive {
    struct weir_model_node node;
    struct weir_model_posterior posterior;
    const double *constants;
    struct weir_model_dense weights;
    const struct table *tables; /* NULL: weights */
    bool binarizes;
    double threshold;
    size_t scores_at; /* offsets into scratch */
    size_t binary_at;
};

static const double *binarize(const struct naive *m, const struct weir_model_node_run *run,
                              const double *x, size_t *stride)
{
    size_t n = m->node.n_in;
    double *out = (double *)(void *)(run->scratch + m->binary_at);
    for (size_t row = 0; row < run->n_rows; row++)
        for (size_t j = 0; j < n; j++)
            out[row * n + j] = x[row * *stride + j] > m->threshold ? 1.0 : 0.0;
    *stride = n;
    return out;
}

/* Adds the tables' values of one row to its scores. */
static void look_up(const struct naive *m, const double *x, struct weir_row_fault *fault,
                    double *scores)
{
    size_t k = m->posterior.n_classes;
    for (size_t j = 0; j < m->node.n_in; j++) {
        const struct table *t = &m->tables[j];
        /* Cut to a whole number as numpy's astype(int) does: towards zero. */
        if (!(x[j] > -1.0) || !(x[j] < (double)t->n)) {
            if (fault->kind == WEIR_FAULT_NONE)
                *fault = (struct weir_row_fault){
                    .kind = WEIR_FAULT_CATEGORY, .step = m->node.step, .column = (uint32_t)j};
            continue;
        }
        const double *values = t->values + (size_t)x[j] * k;
        for (size_t i = 0; i < k; i++)
            scores[i] += values[i];
    }
}

static void naive_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct naive *m = (const struct naive *)(const void *)node;
    size_t k = m->posterior.n_classes;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    double *scores = (double *)(void *)(run->scratch + m->scores_at);
    if (m->tables) {
        for (size_t row = 0; row < run->n_rows; row++) {
            for (size_t i = 0; i < k; i++)
                scores[row * k + i] = 0.0;
            look_up(m, x + row * stride, &run->faults[row], scores + row * k);
        }
    } else {
        if (m->binarizes)
            x = binarize(m, run, x, &stride);
        weir_model_dense_run(&m->weights, x, stride, run->n_rows, scores, k);
    }
    for (size_t i = 0; i < run->n_rows * k; i++)
        scores[i] += m->constants[i % k];
    weir_model_posterior_apply(&m->posterior, run, scores);
}

/* Copies the tables, the values of all classes for one category side by side. */
static enum weir_status make_tables(struct naive *m, struct weir_model_builder *b,
                                    const struct weir_model_naive_opts *opts,
                                    struct weir_error *err)
{
    size_t k = opts->n_classes;
    struct table *tables = weir_arena_zarray(b->arena, opts->n_in, sizeof *tables);
    if (!tables)
        return weir_model_builder_no_memory(b, err);
    for (size_t j = 0; j < opts->n_in; j++) {
        size_t n = opts->n_categories[j];
        double *values = weir_arena_array(b->arena, n * k, sizeof *values);
        if (!values)
            return weir_model_builder_no_memory(b, err);
        for (size_t i = 0; i < n * k; i++)
            values[i] = opts->tables[j][i % k * n + i / k];
        tables[j] = (struct table){values, opts->n_categories[j]};
    }
    m->tables = tables;
    return WEIR_OK;
}

enum weir_status weir_model_naive_new(struct weir_model_builder *b,
                                      const struct weir_model_naive_opts *opts,
                                      const struct weir_model_node **out, struct weir_error *err)
{
    if (opts->n_classes > WEIR_MODEL_COLUMNS_MAX || opts->n_in > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct naive *m = weir_model_builder_node(b, sizeof *m);
    if (!m)
        return weir_model_builder_no_memory(b, err);
    m->constants = weir_model_builder_doubles(b, opts->constants, opts->n_classes);
    if (!m->constants)
        return weir_model_builder_no_memory(b, err);
    enum weir_status status =
        opts->weights ? weir_model_dense_rows(&m->weights, b, WEIR_MODEL_LANES_DOT, opts->n_in,
                                              opts->n_classes, opts->weights, err)
                      : make_tables(m, b, opts, err);
    if (status != WEIR_OK)
        return status;
    m->posterior = (struct weir_model_posterior){.n_classes = opts->n_classes};
    m->binarizes = opts->binarizes;
    m->threshold = opts->threshold;
    m->scores_at = weir_model_node_block_bytes(opts->n_in);
    m->binary_at = m->scores_at + weir_model_node_block_bytes(opts->n_classes);
    struct weir_model_node *node = &m->node;
    weir_model_posterior_describe(&m->posterior, node);
    node->run = naive_run;
    node->n_in = opts->n_in;
    node->targets = opts->targets;
    node->n_targets = 1;
    node->depth = 1;
    node->scratch_bytes = m->binary_at + weir_model_node_block_bytes(opts->n_in);
    status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}
