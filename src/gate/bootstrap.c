/* SPDX-License-Identifier: MIT */
#include "gate/bootstrap.h"

#include "base/macros.h"
#include "eval/resample.h"
#include "gate/rows.h"

#include <math.h>

enum { UNDEFINED_SHARE = 20 }; /* one of so many draws may leave a number undefined */

/* One side of a draw. */
struct side {
    const struct weir_gate_evaluation *whole;
    struct weir_gate_evaluation_opts opts;
    struct weir_gate_holdout rows; /* those drawn */
    bool has_rows;
};

struct work {
    size_t n_sides;
    struct side sides[2];
    struct weir_eval_resample resample;
    uint32_t *rows;
    size_t n_draws;
    double *values; /* n_numbers × n_draws: of one side, or the difference of two */
    size_t n_numbers;
    const struct weir_gate_compare_opts *opts;
    struct weir_error *err;
};

static enum weir_status no_memory(const struct work *w)
{
    return weir_error_set(w->err, WEIR_ERR_NO_MEMORY, "no memory for a bootstrap");
}

static enum weir_status start(struct work *w, const struct weir_gate_evaluation *const wholes[2])
{
    const struct weir_gate_holdout *h = wholes[0]->holdout;
    struct weir_mem *mem = weir_mem_default();
    weir_assert(w->opts->n_replicates > 0);
    weir_assert(w->opts->n_replicates <= WEIR_GATE_REPLICATES_MAX);
    w->n_draws = w->opts->n_replicates;
    w->rows = weir_mem_array(mem, weir_max_size(h->n, 1), sizeof *w->rows);
    w->values = weir_mem_array(mem, weir_max_size(w->n_numbers, 1) * w->n_draws, sizeof(double));
    if (!w->rows || !w->values ||
        weir_eval_resample_init(&w->resample, h->truths, h->n, weir_max_size(h->n_classes, 1),
                                w->opts->seed, mem) != WEIR_OK)
        return no_memory(w);
    for (size_t i = 0; i < h->n; i++)
        w->rows[i] = (uint32_t)i;
    for (size_t s = 0; s < w->n_sides; s++) {
        struct side *side = &w->sides[s];
        side->whole = wholes[s];
        side->opts = wholes[s]->opts;
        side->opts.is_bare = true;
        if (wholes[s]->has_choice) {
            side->opts.has_threshold = true;
            side->opts.threshold = wholes[s]->choice.threshold;
        }
        if (weir_gate_rows_gather(&side->rows, wholes[s]->holdout, w->rows, h->n) != WEIR_OK)
            return no_memory(w);
        side->has_rows = true;
    }
    return WEIR_OK;
}

static void end(struct work *w)
{
    for (size_t s = 0; s < w->n_sides; s++) {
        if (w->sides[s].has_rows)
            weir_gate_holdout_deinit(&w->sides[s].rows);
    }
    if (w->resample.mem)
        weir_eval_resample_deinit(&w->resample);
    weir_mem_free(weir_mem_default(), w->rows);
    weir_mem_free(weir_mem_default(), w->values);
}

/* Measures both sides on one draw; names[i] is the number that row i of the values is of. */
static enum weir_status draw(struct work *w, size_t at, const char *const *names)
{
    for (size_t s = 0; s < w->n_sides; s++) {
        struct side *side = &w->sides[s];
        struct weir_gate_evaluation e;
        weir_gate_rows_refill(&side->rows, side->whole->holdout, w->rows, w->resample.n);
        enum weir_status status = weir_gate_evaluation_make(&e, &side->rows, &side->opts, w->err);
        if (status != WEIR_OK)
            return status;
        for (size_t i = 0; i < w->n_numbers; i++) {
            const struct weir_gate_metric *m = weir_gate_evaluation_find(&e, weir_str_c(names[i]));
            double value = m ? m->value : (double)NAN;
            double *to = &w->values[i * w->n_draws + at];
            *to = s == 0 ? value : *to - value;
        }
        weir_gate_evaluation_deinit(&e);
    }
    return WEIR_OK;
}

static enum weir_status run(struct work *w, const struct weir_gate_evaluation *const wholes[2],
                            const char *const *names)
{
    enum weir_status status = start(w, wholes);
    for (size_t i = 0; i < w->n_draws && status == WEIR_OK; i++) {
        if (w->opts->goes_on && !w->opts->goes_on(w->opts->ctx))
            return weir_error_set(w->err, WEIR_ERR_CANCELED, "stopped after %zu resamples", i);
        weir_eval_resample_draw(&w->resample, i, w->rows);
        status = draw(w, i, names);
    }
    return status;
}

/* Summarises what was drawn of one number; false: too often undefined. */
static bool summarise(struct work *w, size_t i, double alpha,
                      struct weir_eval_resample_summary *out)
{
    *out = weir_eval_resample_summary(&w->values[i * w->n_draws], w->n_draws, alpha);
    return out->n_defined >= 2 && (w->n_draws - out->n_defined) * UNDEFINED_SHARE <= w->n_draws;
}

enum weir_status weir_gate_bootstrap_numbers(struct weir_gate_evaluation *evaluation,
                                             const struct weir_gate_compare_opts *opts,
                                             struct weir_error *err)
{
    weir_assert(evaluation);
    weir_assert(opts);
    const char *names[WEIR_GATE_METRICS_MAX];
    struct weir_gate_metric *metrics[WEIR_GATE_METRICS_MAX];
    const struct weir_gate_evaluation *const wholes[2] = {evaluation, NULL};
    struct work w = {.n_sides = 1, .opts = opts, .err = err};
    for (size_t i = 0; i < evaluation->n_metrics; i++) {
        struct weir_gate_metric *m = &evaluation->metrics[i];
        unsigned traits = weir_gate_metric_kind(m->id)->traits;
        if (isnan(m->value) || traits & (WEIR_GATE_METRIC_IS_COUNT | WEIR_GATE_METRIC_OF_ROWS))
            continue;
        metrics[w.n_numbers] = m;
        names[w.n_numbers++] = m->name;
    }
    enum weir_status status = run(&w, wholes, names);
    for (size_t i = 0; i < w.n_numbers && status == WEIR_OK; i++) {
        struct weir_eval_resample_summary s;
        struct weir_gate_metric *m = metrics[i];
        m->has_interval = summarise(&w, i, evaluation->alpha, &s);
        m->se = s.se;
        m->low = s.low;
        m->high = s.high;
        m->method = "bootstrap";
        m->has_wald = false;
    }
    end(&w);
    return status;
}

enum weir_status weir_gate_bootstrap_deltas(struct weir_gate_compare *compare,
                                            const struct weir_gate_evaluation *candidate,
                                            const struct weir_gate_evaluation *live,
                                            const struct weir_gate_compare_opts *opts,
                                            struct weir_error *err)
{
    weir_assert(compare);
    weir_assert(opts);
    const char *names[WEIR_GATE_METRICS_MAX];
    struct weir_gate_delta *deltas[WEIR_GATE_METRICS_MAX];
    const struct weir_gate_evaluation *const wholes[2] = {candidate, live};
    struct work w = {.n_sides = 2, .opts = opts, .err = err};
    for (size_t i = 0; i < compare->n_deltas; i++) {
        if (compare->deltas[i].has_interval || isnan(compare->deltas[i].value))
            continue;
        deltas[w.n_numbers] = &compare->deltas[i];
        names[w.n_numbers++] = compare->deltas[i].name;
    }
    if (w.n_numbers == 0)
        return WEIR_OK;
    enum weir_status status = run(&w, wholes, names);
    for (size_t i = 0; i < w.n_numbers && status == WEIR_OK; i++) {
        struct weir_eval_resample_summary s;
        struct weir_gate_delta *d = deltas[i];
        d->has_interval = summarise(&w, i, compare->alpha, &s);
        d->unsure = d->has_interval ? NULL : "too many resamples leave it undefined";
        d->se = s.se;
        d->low = s.low;
        d->high = s.high;
        d->p = s.p;
        d->method = "bootstrap";
    }
    end(&w);
    return status;
}
