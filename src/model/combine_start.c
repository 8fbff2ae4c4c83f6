/* SPDX-License-Identifier: MIT */
/* Where boosting begins when another estimator says so. */
#include "model/combine_priv.h"
#include "model/head.h"

#include <math.h>
#include <string.h>

struct start {
    struct weir_model_combine combine;
    struct weir_model_combine_start_opts opts;
    size_t part_at; /* offset into scratch: the estimator's answer, after the rows as floats */
};

static double round_to(double v, bool is_f32)
{
    return weir_model_node_round(v, is_f32);
}

static double cut(const struct weir_model_combine_start_opts *opts, double p)
{
    return p < opts->eps ? opts->eps : p > 1.0 - opts->eps ? 1.0 - opts->eps : p;
}

static double logit(double p, bool is_f32)
{
    double odds = round_to(p / round_to(1.0 - p, is_f32), is_f32);
    return round_to(log(odds), is_f32);
}

void weir_model_combine_start_link(const struct weir_model_combine_start_opts *opts,
                                   const double *p, size_t n, bool is_f32, double *out)
{
    is_f32 = is_f32 && opts->stays_f32;
    double mean = 0.0;
    switch (opts->link) {
    case WEIR_MODEL_COMBINE_LINK_IDENTITY:
        memcpy(out, p, n * sizeof *out);
        return;
    case WEIR_MODEL_COMBINE_LINK_LOGIT:
        out[0] = logit(cut(opts, p[1]), is_f32);
        return;
    case WEIR_MODEL_COMBINE_LINK_LOGIT_HALF:
        out[0] = round_to(0.5 * logit(cut(opts, p[1]), is_f32), is_f32);
        return;
    case WEIR_MODEL_COMBINE_LINK_LOG:
        for (size_t k = 0; k < n; k++)
            out[k] = round_to(log(cut(opts, p[k])), is_f32);
        return;
    case WEIR_MODEL_COMBINE_LINK_LOG_MEAN:
        for (size_t k = 0; k < n; k++)
            out[k] = log(cut(opts, p[k]));
        mean = exp(weir_model_head_sum(out, n, false) / (double)n);
        for (size_t k = 0; k < n; k++)
            out[k] = log(cut(opts, p[k]) / mean);
        return;
    }
}

static void start_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct start *s = (const struct start *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    enum weir_output output = s->opts.link == WEIR_MODEL_COMBINE_LINK_IDENTITY
                                  ? WEIR_OUTPUT_PREDICT
                                  : WEIR_OUTPUT_PREDICT_PROBA;
    size_t stride;
    const float *x = weir_model_node_input_f32(run, node->n_in, run->scratch, &stride);
    struct weir_model_node_run part = *run;
    part.in =
        (struct weir_model_matrix){.at = x, .stride = stride, .storage = WEIR_F32, .is_f32 = true};
    double *answers = (double *)(void *)(run->scratch + s->part_at);
    void *parts[WEIR_OUTPUT_N] = {0};
    parts[output] = answers;
    weir_model_combine_member_run(&s->combine, &part, 0, parts);
    size_t n = s->opts.node->n_out[output];
    bool is_f32 = weir_model_combine_is_f32(&s->combine, &part, 0, output);
    for (size_t row = 0; out && row < run->n_rows; row++)
        weir_model_combine_start_link(&s->opts, answers + row * n, n, is_f32,
                                      out + row * s->opts.n_sums);
}

enum weir_status weir_model_combine_start_new(struct weir_model_builder *b,
                                              const struct weir_model_combine_start_opts *opts,
                                              const struct weir_model_node **out,
                                              struct weir_error *err)
{
    const struct weir_model_node *part = opts->node;
    bool is_number = opts->link == WEIR_MODEL_COMBINE_LINK_IDENTITY;
    bool is_logit = opts->link == WEIR_MODEL_COMBINE_LINK_LOGIT ||
                    opts->link == WEIR_MODEL_COMBINE_LINK_LOGIT_HALF;
    uint32_t n = part->n_out[is_number ? WEIR_OUTPUT_PREDICT : WEIR_OUTPUT_PREDICT_PROBA];
    if (n != (is_logit ? 2 : opts->n_sums) || (is_number && part->predicts_labels))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "the init estimator answers %u columns, not %u", n,
                              is_logit ? 2 : opts->n_sums);
    struct weir_model_combine_member member = {.node = part};
    struct weir_model_combine_opts base = {
        .name = WEIR_STR("init"), .n_in = part->n_in, .members = &member, .n = 1, .checks = true};
    size_t part_at = weir_model_node_block_bytes(part->n_in);
    struct weir_model_combine_base how = {.opts = &base,
                                          .node_bytes = sizeof(struct start),
                                          .own_bytes = part_at + weir_model_node_block_bytes(n)};
    void *made;
    enum weir_status status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct start *s = made;
    s->opts = *opts;
    s->part_at = part_at;
    s->combine.node.run = start_run;
    s->combine.node.n_out[WEIR_OUTPUT_TRANSFORM] = opts->n_sums;
    *out = &s->combine.node;
    return WEIR_OK;
}
