/* SPDX-License-Identifier: MIT */
/* Classes by binary questions: one against the rest, one against one, error-correcting codes. */
#include "model/combine_priv.h"

#include <math.h>
#include <string.h>

struct rest {
    struct weir_model_combine combine;
    enum weir_model_combine_rest_form form;
    const struct weir_model_combine_score *scores;
    size_t n_scores;
    size_t n_classes; /* MOST, PAIRS, CODES */
    double threshold;
    bool last_of_equals;
    bool zero_sum_is_nan;
    const double *codes;
    size_t proba_at; /* offsets into scratch, after the scores: probabilities of class 1, */
    size_t label_at; /* PAIRS: answers to the questions, */
    size_t part_at;  /* one member's answers: scores or probabilities, */
    size_t pair_at;  /* and decisions where both are wanted; PAIRS: one row's sums */
};

/* Puts n values, stride apart, into column i of rows of n_scores. */
static void put_column(const struct rest *r, const struct weir_model_node_run *run, size_t i,
                       const double *x, size_t stride, double *out)
{
    for (size_t row = 0; row < run->n_rows; row++)
        out[row * r->n_scores + i] = x[row * stride];
}

static void put_constant(const struct rest *r, const struct weir_model_node_run *run, size_t i,
                         double value, double *out)
{
    for (size_t row = 0; out && row < run->n_rows; row++)
        out[row * r->n_scores + i] = value;
}

/* Fills the wanted of scores, probas and labels (n_rows × n_scores each; NULL: not wanted). */
static void ask(const struct rest *r, const struct weir_model_node_run *run, double *scores,
                double *probas, int32_t *labels)
{
    double *part_proba = (double *)(void *)(run->scratch + r->part_at);
    double *part_score = (double *)(void *)(run->scratch + r->pair_at);
    for (size_t i = 0; i < r->n_scores; i++) {
        const struct weir_model_combine_score *s = &r->scores[i];
        if (s->is_constant) {
            put_constant(r, run, i, s->value, scores);
            put_constant(r, run, i, s->value, probas);
            for (size_t row = 0; labels && row < run->n_rows; row++)
                labels[row * r->n_scores + i] = s->value > 0.5;
            continue;
        }
        int32_t part_label[WEIR_MODEL_BLOCK_ROWS];
        bool is_proba = s->output == WEIR_OUTPUT_PREDICT_PROBA;
        void *out[WEIR_OUTPUT_N] = {0};
        if (probas || (scores && is_proba))
            out[WEIR_OUTPUT_PREDICT_PROBA] = part_proba;
        if (scores && !is_proba)
            out[s->output] = part_score;
        if (labels)
            out[WEIR_OUTPUT_PREDICT] = part_label;
        weir_model_combine_member_run(&r->combine, run, s->member, out);
        if (probas)
            put_column(r, run, i, part_proba + 1, 2, probas);
        if (scores && is_proba)
            put_column(r, run, i, part_proba + 1, 2, scores);
        else if (scores)
            put_column(r, run, i, part_score, 1, scores);
        for (size_t row = 0; labels && row < run->n_rows; row++)
            labels[row * r->n_scores + i] = part_label[row];
    }
}

/* Returns the class with the largest score. */
static int32_t most(const struct rest *r, const double *scores)
{
    double max = -INFINITY;
    size_t best = 0;
    for (size_t k = 0; k < r->n_scores; k++) {
        if (scores[k] > max || (r->last_of_equals && scores[k] == max)) {
            max = scores[k];
            best = k;
        }
    }
    return (int32_t)best;
}

/* Makes the decision for each class from the answers to one row's pairs. */
static void decide_pairs(const struct rest *r, const double *scores, const int32_t *labels,
                         double *sums, double *out)
{
    size_t n = r->n_classes;
    memset(sums, 0, n * sizeof *sums);
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            sums[i] -= *scores;
            sums[j] += *scores;
            out[*labels ? j : i] += 1.0;
            scores++;
            labels++;
        }
    }
    for (size_t k = 0; k < n; k++)
        out[k] += sums[k] / (3.0 * (fabs(sums[k]) + 1.0));
}

static size_t argmax(const double *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static void run_pairs(const struct rest *r, const struct weir_model_node_run *run, double *scores)
{
    int32_t *answers = (int32_t *)(void *)(run->scratch + r->label_at);
    double *sums = (double *)(void *)(run->scratch + r->pair_at);
    double *decided = sums + r->n_classes;
    int32_t *predict = run->out[WEIR_OUTPUT_PREDICT];
    double *decision = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    size_t n = r->n_classes;
    ask(r, run, scores, NULL, answers);
    for (size_t row = 0; row < run->n_rows; row++) {
        decide_pairs(r, scores + row * r->n_scores, answers + row * r->n_scores, sums, decided);
        if (n == 2) {
            if (decision)
                decision[row] = decided[1];
            if (predict)
                predict[row] = decided[1] > r->threshold;
            continue;
        }
        if (decision)
            memcpy(decision + row * n, decided, n * sizeof *decided);
        if (predict)
            predict[row] = (int32_t)argmax(decided, n);
    }
}

/* Returns the class whose code is nearest to the scores of a row, the first of equals. */
static int32_t nearest(const struct rest *r, const double *scores)
{
    double min = INFINITY;
    size_t best = 0;
    for (size_t k = 0; k < r->n_classes; k++) {
        const double *code = r->codes + k * r->n_scores;
        double sum = 0.0;
        for (size_t i = 0; i < r->n_scores; i++)
            sum += (scores[i] - code[i]) * (scores[i] - code[i]);
        if (sum < min) {
            min = sum;
            best = k;
        }
    }
    return (int32_t)best;
}

static void put_predict(const struct rest *r, const struct weir_model_node_run *run,
                        const double *scores)
{
    int32_t *predict = run->out[WEIR_OUTPUT_PREDICT];
    size_t n = r->n_scores;
    for (size_t row = 0; predict && row < run->n_rows; row++, scores += n) {
        if (r->form == WEIR_MODEL_COMBINE_REST_MOST)
            predict[row] = most(r, scores);
        else if (r->form == WEIR_MODEL_COMBINE_REST_CODES)
            predict[row] = nearest(r, scores);
        else
            for (size_t i = 0; i < n; i++)
                predict[row * n + i] = scores[i] > r->threshold;
    }
}

/* Gives the probabilities of one row. */
static void put_proba(const struct rest *r, const double *p, bool is_f32, double *out)
{
    if (r->form == WEIR_MODEL_COMBINE_REST_ONE) {
        /* The library divides by the sum here too, which is 1 up to its last bit. */
        double rest = weir_model_node_round(1.0 - p[0], is_f32);
        double sum = weir_model_node_round(rest + p[0], is_f32);
        out[0] = weir_model_node_round(rest / sum, is_f32);
        out[1] = weir_model_node_round(p[0] / sum, is_f32);
        return;
    }
    memcpy(out, p, r->n_scores * sizeof *out);
    if (r->form != WEIR_MODEL_COMBINE_REST_MOST)
        return;
    double sum = p[0];
    for (size_t k = 1; k < r->n_scores; k++)
        sum = weir_model_node_round(sum + p[k], is_f32);
    if (sum == 0.0 && !r->zero_sum_is_nan)
        return;
    for (size_t k = 0; k < r->n_scores; k++)
        out[k] = weir_model_node_round(p[k] / sum, is_f32);
}

static void rest_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct rest *r = (const struct rest *)(const void *)node;
    double *scores = (double *)(void *)run->scratch;
    double *proba = run->out[WEIR_OUTPUT_PREDICT_PROBA];
    double *decision = run->out[WEIR_OUTPUT_DECISION_FUNCTION];
    weir_model_combine_check(&r->combine, run);
    if (r->form == WEIR_MODEL_COMBINE_REST_PAIRS) {
        run_pairs(r, run, scores);
        return;
    }
    double *probas = proba ? (double *)(void *)(run->scratch + r->proba_at) : NULL;
    bool wants_scores = run->out[WEIR_OUTPUT_PREDICT] || decision;
    ask(r, run, wants_scores ? scores : NULL, probas, NULL);
    if (wants_scores)
        put_predict(r, run, scores);
    if (decision)
        memcpy(decision, scores, run->n_rows * r->n_scores * sizeof *scores);
    bool is_f32 = run->in.is_f32 && (node->follows_f32 & 1u << WEIR_OUTPUT_PREDICT_PROBA) != 0;
    for (size_t row = 0; proba && row < run->n_rows; row++)
        put_proba(r, probas + row * r->n_scores, is_f32,
                  proba + row * node->n_out[WEIR_OUTPUT_PREDICT_PROBA]);
}

/* --- building --- */

static enum weir_status check_score(const struct weir_model_combine_rest_opts *opts, size_t i,
                                    struct weir_error *err)
{
    const struct weir_model_combine_score *s = &opts->scores[i];
    if (s->is_constant)
        return WEIR_OK;
    weir_assert(s->member < opts->base.n);
    const struct weir_model_node *node = opts->base.members[s->member].node;
    bool is_number = s->output == WEIR_OUTPUT_PREDICT;
    uint32_t n = node->n_out[s->output];
    if (n != (s->output == WEIR_OUTPUT_PREDICT_PROBA ? 2 : 1) ||
        (is_number && node->predicts_labels))
        return weir_error_set(err, WEIR_ERR_INVALID, "part %u answers no question of two classes",
                              s->member);
    if (opts->has_proba && node->n_out[WEIR_OUTPUT_PREDICT_PROBA] != 2)
        return weir_error_set(err, WEIR_ERR_INVALID, "part %u has no two probabilities", s->member);
    if (opts->has_decision && opts->form != WEIR_MODEL_COMBINE_REST_PAIRS &&
        s->output != WEIR_OUTPUT_DECISION_FUNCTION)
        return weir_error_set(err, WEIR_ERR_INVALID, "part %u does not decide", s->member);
    if (opts->form == WEIR_MODEL_COMBINE_REST_PAIRS &&
        (!node->predicts_labels || node->n_out[WEIR_OUTPUT_PREDICT] != 1 ||
         node->targets[0].n != 2))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "part %u is no classifier of two classes",
                              s->member);
    return WEIR_OK;
}

static enum weir_status check_form(const struct weir_model_combine_rest_opts *opts,
                                   struct weir_error *err)
{
    size_t n = opts->base.targets[0].n;
    bool fits = true;
    switch (opts->form) {
    case WEIR_MODEL_COMBINE_REST_ONE:
        fits = opts->n_scores == 1 && n == 2;
        break;
    case WEIR_MODEL_COMBINE_REST_MOST:
        fits = opts->n_scores == n;
        break;
    case WEIR_MODEL_COMBINE_REST_EACH:
        fits = opts->n_scores == opts->base.n_targets;
        break;
    case WEIR_MODEL_COMBINE_REST_PAIRS:
        fits = n >= 2 && opts->n_scores == n * (n - 1) / 2;
        break;
    case WEIR_MODEL_COMBINE_REST_CODES:
        weir_assert(opts->codes);
        break;
    }
    if (!fits || opts->n_scores == 0 || opts->n_scores > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "%zu parts for %zu classes", opts->n_scores,
                              n);
    return WEIR_OK;
}

static bool rest_alloc(struct weir_model_builder *b, struct rest *r,
                       const struct weir_model_combine_rest_opts *opts)
{
    struct weir_model_combine_score *scores =
        weir_arena_array(b->arena, opts->n_scores, sizeof *scores);
    if (!scores)
        return false;
    memcpy(scores, opts->scores, opts->n_scores * sizeof *scores);
    r->scores = scores;
    r->codes = opts->codes;
    if (opts->codes)
        r->codes =
            weir_model_builder_doubles(b, opts->codes, opts->base.targets[0].n * opts->n_scores);
    return r->codes || !opts->codes;
}

static void describe(struct rest *r, const struct weir_model_combine_rest_opts *opts)
{
    struct weir_model_node *node = &r->combine.node;
    size_t n = opts->n_scores;
    bool has_constants = false;
    for (size_t i = 0; i < n; i++)
        has_constants = has_constants || opts->scores[i].is_constant;
    bool is_each = opts->form == WEIR_MODEL_COMBINE_REST_EACH;
    bool is_pairs = opts->form == WEIR_MODEL_COMBINE_REST_PAIRS;
    node->predicts_labels = true;
    node->n_out[WEIR_OUTPUT_PREDICT] = is_each ? (uint32_t)n : 1;
    node->is_vector = !is_each;
    if (opts->has_proba)
        node->n_out[WEIR_OUTPUT_PREDICT_PROBA] =
            opts->form == WEIR_MODEL_COMBINE_REST_ONE ? 2 : (uint32_t)n;
    size_t n_decisions = is_pairs && r->n_classes > 2 ? r->n_classes : is_pairs ? 1 : n;
    if (opts->has_decision)
        node->n_out[WEIR_OUTPUT_DECISION_FUNCTION] = (uint32_t)n_decisions;
    node->is_decision_vector =
        opts->form == WEIR_MODEL_COMBINE_REST_ONE || (is_pairs && r->n_classes == 2);
    if (has_constants || is_pairs)
        return;
    if (weir_model_combine_follows_f32(&r->combine, WEIR_OUTPUT_PREDICT_PROBA))
        node->follows_f32 |= 1u << WEIR_OUTPUT_PREDICT_PROBA;
    if (weir_model_combine_follows_f32(&r->combine, WEIR_OUTPUT_DECISION_FUNCTION))
        node->follows_f32 |= 1u << WEIR_OUTPUT_DECISION_FUNCTION;
}

enum weir_status weir_model_combine_rest_new(struct weir_model_builder *b,
                                             const struct weir_model_combine_rest_opts *opts,
                                             const struct weir_model_node **out,
                                             struct weir_error *err)
{
    enum weir_status status = check_form(opts, err);
    for (size_t i = 0; status == WEIR_OK && i < opts->n_scores; i++)
        status = check_score(opts, i, err);
    if (status != WEIR_OK)
        return status;
    size_t n_classes = opts->base.targets[0].n;
    size_t rows = weir_model_node_block_bytes(opts->n_scores);
    size_t pair_bytes = weir_model_node_align(2 * n_classes * sizeof(double));
    size_t part_at = 3 * rows;
    size_t pair_at = part_at + weir_model_node_block_bytes(2);
    struct weir_model_combine_base how = {
        .opts = &opts->base,
        .node_bytes = sizeof(struct rest),
        .own_bytes = pair_at + weir_max_size(weir_model_node_block_bytes(1), pair_bytes)};
    void *made;
    status = weir_model_combine_init(b, &how, &made, err);
    if (status != WEIR_OK)
        return status;
    struct rest *r = made;
    if (!rest_alloc(b, r, opts))
        return weir_model_builder_no_memory(b, err);
    r->form = opts->form;
    r->n_scores = opts->n_scores;
    r->n_classes = n_classes;
    r->threshold = opts->threshold;
    r->last_of_equals = opts->last_of_equals;
    r->zero_sum_is_nan = opts->zero_sum_is_nan;
    r->proba_at = rows;
    r->label_at = 2 * rows;
    r->part_at = part_at;
    r->pair_at = pair_at;
    r->combine.node.run = rest_run;
    describe(r, opts);
    *out = &r->combine.node;
    return WEIR_OK;
}
