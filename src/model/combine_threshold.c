/* SPDX-License-Identifier: MIT */
#include "model/combine_priv.h"

#include <string.h>

struct threshold {
    struct weir_model_combine combine;
    struct weir_model_combine_threshold_opts opts;
};

static void threshold_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct threshold *t = (const struct threshold *)(const void *)node;
    int32_t *labels = run->out[WEIR_OUTPUT_PREDICT];
    bool is_proba = t->opts.output == WEIR_OUTPUT_PREDICT_PROBA;
    void *out[WEIR_OUTPUT_N];
    memcpy(out, run->out, sizeof out);
    out[WEIR_OUTPUT_PREDICT] = NULL;
    if (labels && !out[t->opts.output])
        out[t->opts.output] = run->scratch;
    weir_model_combine_member_run(&t->combine, run, 0, out);
    const double *scores = out[t->opts.output];
    for (size_t row = 0; labels && row < run->n_rows; row++) {
        double s = is_proba ? scores[2 * row + t->opts.positive]
                            : (t->opts.positive == 1 ? scores[row] : -1.0 * scores[row]);
        uint32_t other = 1 - t->opts.positive;
        labels[row] = (int32_t)(s >= t->opts.threshold ? t->opts.positive : other);
    }
}

enum weir_status
weir_model_combine_threshold_new(struct weir_model_builder *b,
                                 const struct weir_model_combine_threshold_opts *opts,
                                 const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->base.n == 1);
    weir_assert(opts->positive < 2);
    const struct weir_model_node *member = opts->base.members[0].node;
    if (!member->predicts_labels || member->n_targets != 1 || member->targets[0].n != 2 ||
        member->n_out[opts->output] != (opts->output == WEIR_OUTPUT_PREDICT_PROBA ? 2 : 1))
        return weir_error_set(err, WEIR_ERR_INVALID, "its estimator gives no %s of two classes",
                              weir_output_name(opts->output));
    struct weir_model_combine_base how = {.opts = &opts->base,
                                          .node_bytes = sizeof(struct threshold),
                                          .own_bytes = weir_model_node_block_bytes(2)};
    void *made;
    enum weir_status status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct threshold *t = made;
    t->opts = *opts;
    struct weir_model_node *node = &t->combine.node;
    node->run = threshold_run;
    node->predicts_labels = true;
    node->n_out[WEIR_OUTPUT_PREDICT] = 1;
    static const enum weir_output same[] = {WEIR_OUTPUT_PREDICT_PROBA,
                                            WEIR_OUTPUT_DECISION_FUNCTION};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(same); i++)
        node->n_out[same[i]] = member->n_out[same[i]];
    node->is_vector = true;
    node->is_decision_vector = member->is_decision_vector;
    node->follows_f32 = member->follows_f32 & ~(1u << WEIR_OUTPUT_PREDICT);
    *out = node;
    return WEIR_OK;
}
