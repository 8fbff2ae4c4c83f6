/* SPDX-License-Identifier: MIT */
/* Several targets: a member for each, alone or in a chain. */
#include "model/combine_priv.h"

#include <string.h>

/* --- one for each --- */

struct multi {
    struct weir_model_combine combine;
    bool has_proba;
};

/* Copies n values of each row, of size bytes each, into columns first … of out. */
static void put(const struct weir_model_node_run *run, const void *x, size_t n, size_t size,
                void *out, size_t width, size_t first)
{
    for (size_t row = 0; row < run->n_rows; row++)
        memcpy((char *)out + (row * width + first) * size, (const char *)x + row * n * size,
               n * size);
}

static void multi_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct multi *m = (const struct multi *)(const void *)node;
    const struct weir_model_combine *c = &m->combine;
    void *predict = run->out[WEIR_OUTPUT_PREDICT];
    void *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    size_t size = node->predicts_labels ? sizeof(int32_t) : sizeof(double);
    size_t n_predict = node->n_out[WEIR_OUTPUT_PREDICT];
    size_t n_proba = node->n_out[WEIR_OUTPUT_PREDICT_PROBA];
    void *part = run->scratch;
    void *part_proba = run->scratch + weir_model_node_block_bytes(1);
    size_t first = 0;
    for (size_t i = 0; i < c->n; i++) {
        void *out[WEIR_OUTPUT_N] = {0};
        out[WEIR_OUTPUT_PREDICT] = predict ? part : NULL;
        out[WEIR_OUTPUT_PREDICT_PROBA] = proba ? part_proba : NULL;
        weir_model_combine_member_run(c, run, i, out);
        if (predict)
            put(run, part, 1, size, predict, n_predict, i);
        size_t n = c->members[i].node->n_out[WEIR_OUTPUT_PREDICT_PROBA];
        if (proba)
            put(run, part_proba, n, sizeof(double), proba, n_proba, first);
        first += n;
    }
}

enum weir_status weir_model_combine_multi_new(struct weir_model_builder *b,
                                              const struct weir_model_combine_opts *opts,
                                              bool has_proba, const struct weir_model_node **out,
                                              struct weir_error *err)
{
    size_t n_proba = 0;
    bool is_label = opts->members[0].node->predicts_labels;
    for (size_t i = 0; i < opts->n; i++) {
        const struct weir_model_node *node = opts->members[i].node;
        if (node->n_out[WEIR_OUTPUT_PREDICT] != 1 || node->predicts_labels != is_label)
            return weir_error_set(err, WEIR_ERR_INVALID, "part %zu does not predict one target", i);
        n_proba += node->n_out[WEIR_OUTPUT_PREDICT_PROBA];
    }
    if (opts->n > WEIR_MODEL_COLUMNS_MAX || n_proba > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    size_t width = weir_model_combine_width(opts, WEIR_OUTPUT_PREDICT_PROBA);
    struct weir_model_combine_base how = {.opts = opts,
                                          .node_bytes = sizeof(struct multi),
                                          .own_bytes = weir_model_node_block_bytes(1) +
                                                       weir_model_node_block_bytes(width)};
    void *made;
    enum weir_status status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct multi *m = made;
    struct weir_model_node *node = &m->combine.node;
    m->has_proba = has_proba;
    node->run = multi_run;
    node->predicts_labels = is_label;
    node->n_out[WEIR_OUTPUT_PREDICT] = (uint32_t)opts->n;
    node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = has_proba ? (uint32_t)n_proba : 0;
    if (weir_model_combine_follows_f32(&m->combine, WEIR_OUTPUT_PREDICT))
        node->follows_f32 |= 1u << WEIR_OUTPUT_PREDICT;
    if (weir_model_combine_follows_f32(&m->combine, WEIR_OUTPUT_PREDICT_PROBA))
        node->follows_f32 |= 1u << WEIR_OUTPUT_PREDICT_PROBA;
    *out = node;
    return WEIR_OK;
}

/* --- in a chain --- */

struct links {
    struct weir_model_combine combine;
    const uint32_t *order;
    enum weir_output appends;
    const double *const *values;
    size_t stride;   /* columns of the last member */
    size_t part_at;  /* offsets into scratch, after the growing rows: predictions, */
    size_t proba_at; /* probabilities, */
    size_t score_at; /* and decisions of one member */
};

/* Copies the rows to where they grow. The chain puts zeros of float64 beside them: from here on
 * they are no floats any more. */
static void begin_rows(const struct links *l, const struct weir_model_node_run *run, double *rows)
{
    size_t n = l->combine.node.n_in;
    for (size_t row = 0; row < run->n_rows; row++) {
        double *to = rows + row * l->stride;
        if (run->in.storage == WEIR_F64) {
            memcpy(to, (const double *)run->in.at + row * run->in.stride, n * sizeof *to);
            continue;
        }
        const float *x = (const float *)run->in.at + row * run->in.stride;
        for (size_t k = 0; k < n; k++)
            to[k] = (double)x[k];
    }
}

/* Where one member answered. */
struct answers {
    const void *predict;
    const double *proba;
    const double *score;
};

/* Gives the answers of member i, and appends what the next ones read. */
static void put_link(const struct links *l, const struct weir_model_node_run *run, size_t i,
                     const struct answers *a, double *rows)
{
    const struct weir_model_node *node = &l->combine.node;
    size_t n = l->combine.n;
    size_t column = l->order[i];
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    double *score = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    for (size_t row = 0; row < run->n_rows; row++) {
        double v = 0.0;
        if (node->predicts_labels) {
            int32_t label = ((const int32_t *)a->predict)[row];
            v = l->values[i][label];
            if (run->out[WEIR_OUTPUT_PREDICT])
                ((int32_t *)run->out[WEIR_OUTPUT_PREDICT])[row * n + column] = label;
        } else {
            v = ((const double *)a->predict)[row];
            if (run->out[WEIR_OUTPUT_PREDICT])
                ((double *)run->out[WEIR_OUTPUT_PREDICT])[row * n + column] = v;
        }
        if (proba)
            proba[row * n + column] = a->proba[2 * row + 1];
        if (score)
            score[row * n + column] = a->score[row];
        if (l->appends == WEIR_OUTPUT_PREDICT_PROBA)
            v = a->proba[2 * row + 1];
        else if (l->appends == WEIR_OUTPUT_DECISION_FUNCTION)
            v = a->score[row];
        if (i + 1 < n)
            rows[row * l->stride + node->n_in + i] = v;
    }
}

static void links_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct links *l = (const struct links *)(const void *)node;
    const struct weir_model_combine *c = &l->combine;
    weir_model_combine_check(c, run);
    double *rows = (double *)(void *)run->scratch;
    begin_rows(l, run, rows);
    struct weir_model_node_run grown = *run;
    grown.in = (struct weir_model_matrix){.at = rows, .stride = l->stride, .storage = WEIR_F64};
    bool wants_proba =
        run->out[WEIR_OUTPUT_PREDICT_PROBA] || l->appends == WEIR_OUTPUT_PREDICT_PROBA;
    bool wants_score =
        run->out[WEIR_OUTPUT_DECISION_FUNCTION] || l->appends == WEIR_OUTPUT_DECISION_FUNCTION;
    for (size_t i = 0; i < c->n; i++) {
        void *out[WEIR_OUTPUT_N] = {0};
        out[WEIR_OUTPUT_PREDICT] = run->scratch + l->part_at;
        if (wants_proba)
            out[WEIR_OUTPUT_PREDICT_PROBA] = run->scratch + l->proba_at;
        if (wants_score)
            out[WEIR_OUTPUT_DECISION_FUNCTION] = run->scratch + l->score_at;
        weir_model_combine_member_run(c, &grown, i, out);
        struct answers a = {.predict = out[WEIR_OUTPUT_PREDICT],
                            .proba = out[WEIR_OUTPUT_PREDICT_PROBA],
                            .score = out[WEIR_OUTPUT_DECISION_FUNCTION]};
        put_link(l, run, i, &a, rows);
    }
}

static enum weir_status check_link(const struct weir_model_combine_links_opts *opts, size_t i,
                                   struct weir_error *err)
{
    const struct weir_model_node *node = opts->base.members[i].node;
    bool needs_proba = opts->has_proba || opts->appends == WEIR_OUTPUT_PREDICT_PROBA;
    bool needs_score = opts->has_decision || opts->appends == WEIR_OUTPUT_DECISION_FUNCTION;
    weir_assert(opts->order[i] < opts->base.n);
    if (node->n_out[WEIR_OUTPUT_PREDICT] != 1 || node->predicts_labels != (opts->values != NULL))
        return weir_error_set(err, WEIR_ERR_INVALID, "part %zu does not predict one target", i);
    if (needs_proba && node->n_out[WEIR_OUTPUT_PREDICT_PROBA] != 2)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "part %zu: probabilities of %u classes in a chain", i,
                              node->n_out[WEIR_OUTPUT_PREDICT_PROBA]);
    if (needs_score && node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] != 1)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "part %zu: %u decisions in a chain", i,
                              node->n_out[WEIR_OUTPUT_DECISION_FUNCTION]);
    return WEIR_OK;
}

enum weir_status weir_model_combine_links_new(struct weir_model_builder *b,
                                              const struct weir_model_combine_links_opts *opts,
                                              const struct weir_model_node **out,
                                              struct weir_error *err)
{
    const struct weir_model_combine_opts *base = &opts->base;
    for (size_t i = 0; i < base->n; i++) {
        enum weir_status status = check_link(opts, i, err);
        if (status != WEIR_OK)
            return status;
    }
    size_t stride = (size_t)base->n_in + base->n - 1;
    if (stride > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    size_t part_at = weir_model_node_block_bytes(stride);
    size_t proba_at = part_at + weir_model_node_block_bytes(1);
    size_t score_at = proba_at + weir_model_node_block_bytes(2);
    struct weir_model_combine_base how = {.opts = base,
                                          .node_bytes = sizeof(struct links),
                                          .own_bytes = score_at + weir_model_node_block_bytes(1),
                                          .reads_input = true,
                                          .grows = true};
    void *made;
    enum weir_status status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct links *l = made;
    uint32_t *order = weir_arena_array(b->arena, base->n, sizeof *order);
    if (!order)
        return weir_model_builder_no_memory(b, err);
    memcpy(order, opts->order, base->n * sizeof *order);
    l->order = order;
    l->appends = opts->appends;
    l->values = opts->values;
    l->stride = stride;
    l->part_at = part_at;
    l->proba_at = proba_at;
    l->score_at = score_at;
    struct weir_model_node *node = &l->combine.node;
    node->run = links_run;
    node->predicts_labels = opts->values != NULL;
    node->n_out[WEIR_OUTPUT_PREDICT] = (uint32_t)base->n;
    node->n_out[WEIR_OUTPUT_PREDICT_PROBA] = opts->has_proba ? (uint32_t)base->n : 0;
    node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] = opts->has_decision ? (uint32_t)base->n : 0;
    *out = node;
    return WEIR_OK;
}
