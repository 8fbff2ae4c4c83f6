/* SPDX-License-Identifier: MIT */
#include "model/project.h"

#include <string.h>

struct project {
    struct weir_model_node node;
    struct weir_model_dense weights;
    const double *centre;  /* n_in or NULL */
    const double *scale;   /* n_in or NULL */
    const double *bias;    /* n_out or NULL */
    const double *divisor; /* n_out or NULL */
    enum weir_output output;
    bool is_f32;
    bool moves_in_place;
    size_t moved_at; /* offset into scratch of the rows after centre and scale */
};

/* Returns the rows after centre and scale. */
static const double *move(const struct project *p, const struct weir_model_node_run *run,
                          const double *x, size_t *stride)
{
    if (!p->centre && !p->scale)
        return x;
    size_t n = p->node.n_in;
    bool is_f32 = p->moves_in_place && run->in.is_f32;
    double *moved = (double *)(void *)(run->scratch + p->moved_at);
    for (size_t row = 0; row < run->n_rows; row++) {
        const double *from = x + row * *stride;
        double *to = moved + row * n;
        for (size_t j = 0; j < n; j++)
            to[j] = p->centre ? weir_model_node_round(from[j] - p->centre[j], is_f32) : from[j];
        for (size_t j = 0; p->scale && j < n; j++)
            to[j] = weir_model_node_round(to[j] / p->scale[j], is_f32);
    }
    *stride = n;
    return moved;
}

static void project_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct project *p = (const struct project *)(const void *)node;
    size_t stride;
    const double *x = weir_model_node_input_f64(run, node->n_in, run->scratch, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    double *out = run->out[p->output];
    if (!out)
        return;
    x = move(p, run, x, &stride);
    size_t n = node->n_out[p->output];
    weir_model_dense_run(&p->weights, x, stride, run->n_rows, out, n);
    bool is_f32 = p->is_f32 && run->in.is_f32;
    if (!p->bias && !p->divisor && !is_f32)
        return;
    for (size_t row = 0; row < run->n_rows; row++)
        for (size_t i = 0; i < n; i++) {
            double v = out[row * n + i];
            v = p->bias ? v + p->bias[i] : v;
            v = p->divisor ? v / p->divisor[i] : v;
            out[row * n + i] = weir_model_node_round(v, is_f32);
        }
}

/* Copies n values unless there are none; *failed on no memory. */
static const double *copy(struct weir_model_builder *b, const double *values, size_t n,
                          bool *failed)
{
    const double *kept = values ? weir_model_builder_doubles(b, values, n) : NULL;
    *failed = *failed || (values && !kept);
    return kept;
}

enum weir_status weir_model_project_new(struct weir_model_builder *b,
                                        const struct weir_model_project_opts *opts,
                                        const struct weir_model_node **out, struct weir_error *err)
{
    if (opts->n_in > WEIR_MODEL_COLUMNS_MAX || opts->n_out > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct project *p = weir_model_builder_node(b, sizeof *p);
    if (!p)
        return weir_model_builder_no_memory(b, err);
    enum weir_status status = weir_model_dense_init(&p->weights, b, WEIR_MODEL_LANES_DOT,
                                                    opts->n_in, opts->n_out, opts->weights, err);
    if (status != WEIR_OK)
        return status;
    bool failed = false;
    p->centre = copy(b, opts->centre, opts->n_in, &failed);
    p->scale = copy(b, opts->scale, opts->n_in, &failed);
    p->bias = copy(b, opts->bias, opts->n_out, &failed);
    p->divisor = copy(b, opts->divisor, opts->n_out, &failed);
    if (failed)
        return weir_model_builder_no_memory(b, err);
    p->output = opts->output;
    p->is_f32 = opts->is_f32;
    p->moves_in_place = opts->moves_in_place;
    p->moved_at = weir_model_node_block_bytes(opts->n_in);
    struct weir_model_node *node = &p->node;
    node->run = project_run;
    node->n_in = opts->n_in;
    node->n_out[opts->output] = opts->n_out;
    node->follows_f32 = opts->is_f32 ? 1u << opts->output : 0;
    node->is_vector = opts->is_vector;
    if (opts->output == WEIR_OUTPUT_PREDICT) {
        node->targets = opts->targets;
        node->n_targets = opts->n_out;
    }
    node->depth = 1;
    node->scratch_bytes = 2 * p->moved_at;
    status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}
