/* SPDX-License-Identifier: MIT */
/* Stacks: what the members answer, side by side, is what the last node reads. */
#include "model/combine_priv.h"

#include <string.h>

struct stack {
    struct weir_model_combine combine;
    const struct weir_model_combine_piece *pieces;
    bool passes;
    bool first_of_each;
    const struct weir_model_node *last;
    uint32_t width;  /* columns that the last node reads */
    bool stays_f32;  /* all of them are floats for float rows */
    size_t part_at;  /* offsets into scratch: one member's answer, */
    size_t proba_at; /* predict_proba of the last node where not all of it is given, */
    size_t last_at;  /* and what the last node needs */
};

/* Returns the columns that piece i adds. */
static uint32_t piece_width(const struct weir_model_combine_member *m,
                            const struct weir_model_combine_piece *p)
{
    return m->node->n_out[p->output] - p->skip;
}

/* Puts what member i answered into columns first … of the rows of the last node. */
static void put_piece(const struct stack *s, const struct weir_model_node_run *run, size_t i,
                      size_t first, double *rows)
{
    const struct weir_model_combine_piece *p = &s->pieces[i];
    const struct weir_model_node *node = s->combine.members[i].node;
    size_t n = node->n_out[p->output];
    void *part = run->scratch + s->part_at;
    void *out[WEIR_OUTPUT_N] = {0};
    out[p->output] = part;
    weir_model_combine_member_run(&s->combine, run, i, out);
    for (size_t row = 0; row < run->n_rows; row++) {
        double *to = rows + row * s->width + first;
        if (p->values)
            to[0] = p->values[((const int32_t *)part)[row]];
        else
            memcpy(to, (const double *)part + row * n + p->skip, (n - p->skip) * sizeof *to);
    }
}

static void put_rows(const struct stack *s, const struct weir_model_node_run *run, size_t first,
                     double *rows)
{
    size_t n = s->combine.node.n_in;
    for (size_t row = 0; row < run->n_rows; row++) {
        double *to = rows + row * s->width + first;
        if (run->in.storage == WEIR_F64) {
            memcpy(to, (const double *)run->in.at + row * run->in.stride, n * sizeof *to);
            continue;
        }
        const float *x = (const float *)run->in.at + row * run->in.stride;
        for (size_t k = 0; k < n; k++)
            to[k] = (double)x[k];
    }
}

/* Gives the first class of each target. */
static void put_firsts(const struct stack *s, const struct weir_model_node_run *run,
                       const double *from, double *out)
{
    size_t n = s->last->n_out[WEIR_OUTPUT_PREDICT_PROBA];
    for (size_t row = 0; row < run->n_rows; row++) {
        const double *at = from + row * n;
        for (size_t t = 0; t < s->last->n_targets; t++) {
            *out++ = *at;
            at += s->last->targets[t].n;
        }
    }
}

static void stack_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct stack *s = (const struct stack *)(const void *)node;
    double *rows = (double *)(void *)run->scratch;
    size_t first = 0;
    for (size_t i = 0; i < s->combine.n; i++) {
        put_piece(s, run, i, first, rows);
        first += piece_width(&s->combine.members[i], &s->pieces[i]);
    }
    if (s->passes)
        put_rows(s, run, first, rows);
    if (run->out[WEIR_OUTPUT_TRANSFORM])
        memcpy(run->out[WEIR_OUTPUT_TRANSFORM], rows, run->n_rows * s->width * sizeof *rows);
    struct weir_model_node_run last = {.n_rows = run->n_rows,
                                       .in = {.at = rows,
                                              .stride = s->width,
                                              .storage = WEIR_F64,
                                              .is_f32 = run->in.is_f32 && s->stays_f32},
                                       .faults = run->faults,
                                       .scratch = run->scratch + s->last_at};
    bool is_wanted = false;
    for (size_t o = 0; o < WEIR_OUTPUT_N; o++) {
        last.out[o] = o == WEIR_OUTPUT_TRANSFORM ? NULL : run->out[o];
        is_wanted = is_wanted || last.out[o];
    }
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    if (s->first_of_each && proba)
        last.out[WEIR_OUTPUT_PREDICT_PROBA] = run->scratch + s->proba_at;
    if (is_wanted)
        s->last->run(s->last, &last);
    if (s->first_of_each && proba)
        put_firsts(s, run, last.out[WEIR_OUTPUT_PREDICT_PROBA], proba);
}

/* --- building --- */

static enum weir_status measure(const struct weir_model_combine_stack_opts *opts, size_t *width,
                                size_t *part, struct weir_error *err)
{
    *width = opts->passes ? opts->base.n_in : 0;
    *part = 1;
    for (size_t i = 0; i < opts->base.n; i++) {
        const struct weir_model_combine_piece *p = &opts->pieces[i];
        const struct weir_model_combine_member *m = &opts->base.members[i];
        size_t n = m->node->n_out[p->output];
        if (n <= p->skip)
            return weir_error_set(err, WEIR_ERR_INVALID, "part %zu gives no %s", i,
                                  weir_output_name(p->output));
        bool is_label = p->output == WEIR_OUTPUT_PREDICT && m->node->predicts_labels;
        if (is_label != (p->values != NULL) || (is_label && n != 1))
            return weir_error_set(err, WEIR_ERR_INVALID, "part %zu predicts %s", i,
                                  is_label ? "labels" : "numbers");
        *part = weir_max_size(*part, n);
        *width += n - p->skip;
    }
    if (*width != opts->last->n_in)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "the parts give %zu columns, the final estimator takes %u", *width,
                              opts->last->n_in);
    if (opts->last->columns)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "the final estimator takes text");
    return WEIR_OK;
}

static void describe(struct stack *s, const struct weir_model_combine_stack_opts *opts)
{
    struct weir_model_node *node = &s->combine.node;
    const struct weir_model_node *last = opts->last;
    memcpy(node->n_out, last->n_out, sizeof node->n_out);
    node->n_out[WEIR_OUTPUT_TRANSFORM] = s->width;
    if (s->first_of_each)
        node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = (uint32_t)last->n_targets;
    node->predicts_labels = last->predicts_labels;
    node->is_vector = last->is_vector;
    node->is_decision_vector = last->is_decision_vector;
    node->follows_f32 = 0;
    if (s->stays_f32)
        node->follows_f32 = last->follows_f32 | 1u << WEIR_OUTPUT_TRANSFORM;
}

enum weir_status weir_model_combine_stack_new(struct weir_model_builder *b,
                                              const struct weir_model_combine_stack_opts *opts,
                                              const struct weir_model_node **out,
                                              struct weir_error *err)
{
    size_t width, part;
    enum weir_status status = measure(opts, &width, &part, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_model_node *last = opts->last;
    size_t part_at = weir_model_node_block_bytes(width);
    size_t proba_at = part_at + weir_model_node_block_bytes(part);
    size_t last_at = proba_at;
    if (opts->first_of_each)
        last_at += weir_model_node_block_bytes(last->n_out[WEIR_OUTPUT_PREDICT_PROBA]);
    struct weir_model_combine_base how = {.opts = &opts->base,
                                          .node_bytes = sizeof(struct stack),
                                          .own_bytes = last_at + last->scratch_bytes,
                                          .reads_input = opts->passes};
    void *made;
    status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    if (last->depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "estimators are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    struct stack *s = made;
    struct weir_model_combine_piece *pieces =
        weir_arena_array(b->arena, opts->base.n, sizeof *pieces);
    if (!pieces)
        return weir_model_builder_no_memory(b, err);
    memcpy(pieces, opts->pieces, opts->base.n * sizeof *pieces);
    s->pieces = pieces;
    s->passes = opts->passes;
    s->first_of_each = opts->first_of_each;
    s->last = last;
    s->width = (uint32_t)width;
    s->part_at = part_at;
    s->proba_at = proba_at;
    s->last_at = last_at;
    s->stays_f32 = true;
    for (size_t i = 0; i < opts->base.n; i++)
        s->stays_f32 = s->stays_f32 && !pieces[i].values &&
                       (opts->base.members[i].node->follows_f32 & 1u << pieces[i].output) != 0;
    struct weir_model_node *node = &s->combine.node;
    node->run = stack_run;
    if (last->depth >= node->depth)
        node->depth = (uint16_t)(last->depth + 1);
    describe(s, opts);
    *out = node;
    return WEIR_OK;
}
