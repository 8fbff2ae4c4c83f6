/* SPDX-License-Identifier: MIT */
#include "gate/compare.h"

#include "base/macros.h"
#include "eval/delong.h"
#include "eval/normal.h"
#include "eval/rates.h"
#include "gate/bootstrap.h"

#include <math.h>
#include <string.h>

/* A comparison while it is made. */
struct work {
    struct weir_gate_compare *out;
    const struct weir_gate_evaluation *candidate;
    const struct weir_gate_evaluation *live;
    const struct weir_gate_compare_opts *opts;
    struct weir_mem *mem;
    struct weir_error *err;
};

/* --- values ----------------------------------------------------------------------------------- */

static void add_deltas(struct work *w)
{
    struct weir_gate_compare *c = w->out;
    for (size_t i = 0; i < w->candidate->n_metrics; i++) {
        const struct weir_gate_metric *ours = &w->candidate->metrics[i];
        const struct weir_gate_metric *theirs =
            weir_gate_evaluation_find(w->live, weir_str_c(ours->name));
        unsigned traits = weir_gate_metric_kind(ours->id)->traits;
        if (!theirs || traits & (WEIR_GATE_METRIC_IS_COUNT | WEIR_GATE_METRIC_OF_ROWS))
            continue;
        c->deltas[c->n_deltas++] = (struct weir_gate_delta){
            .name = ours->name,
            .candidate = ours->value,
            .live = theirs->value,
            .value = ours->value - theirs->value,
            .why = ours->why ? ours->why : theirs->why,
            .unsure = "no interval was asked for; it takes a bootstrap",
        };
    }
}

static struct weir_gate_delta *find(struct weir_gate_compare *c, const char *name)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        if (strcmp(c->deltas[i].name, name) == 0)
            return &c->deltas[i];
    }
    return NULL;
}

/* Writes the interval of a difference that is about normal. Without a variance it is that of no
 * difference at all, or there is none. */
static void put_interval(const struct work *w, struct weir_gate_delta *d, double se, double p,
                         const char *method)
{
    double half = weir_eval_normal_quantile(1 - w->out->alpha / 2) * se;
    if (!(se > 0) && d->value != 0) {
        d->unsure = "the difference has no variance on these rows";
        return;
    }
    d->has_interval = true;
    d->unsure = NULL;
    d->se = se;
    d->low = fmax(-1, d->value - half);
    d->high = fmin(1, d->value + half);
    d->p = p;
    d->method = method;
}

/* --- areas ------------------------------------------------------------------------------------ */

static enum weir_status compare_areas(struct work *w)
{
    const struct weir_gate_holdout *h = w->candidate->holdout;
    struct weir_gate_delta *d = find(w->out, "roc_auc");
    struct weir_eval_delong_pair pair;
    const double *const scores[2] = {h->scores, w->live->holdout->scores};
    size_t n_used;
    if (!d || isnan(d->value))
        return WEIR_OK;
    if (h->weights) {
        d->unsure = "DeLong's method knows no weights; it takes a bootstrap";
        return WEIR_OK;
    }
    uint8_t *is_positive = weir_mem_array(w->mem, weir_max_size(h->n, 1), 1);
    if (!is_positive)
        return weir_error_set(w->err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < h->n; i++)
        is_positive[i] = h->truths[i] == 1;
    enum weir_status status =
        weir_eval_delong_compare(scores, is_positive, h->n, &pair, &n_used, w->mem, w->err);
    weir_mem_free(w->mem, is_positive);
    if (status == WEIR_ERR_INVALID) {
        d->unsure = "a class has fewer than two rows with scores";
        return WEIR_OK;
    }
    if (status != WEIR_OK)
        return status;
    /* Of the rows that both have scored: there the difference is paired. */
    d->candidate = pair.auc[0];
    d->live = pair.auc[1];
    d->value = pair.difference;
    double variance = pair.variance[0] + pair.variance[1] - 2 * pair.covariance;
    put_interval(w, d, variance > 0 ? sqrt(variance) : 0, pair.p, "delong");
    return WEIR_OK;
}

/* --- decisions -------------------------------------------------------------------------------- */

/* Keeps the line of a row; one that was lost comes before those that were not. */
static void keep_line(struct weir_gate_compare *c, size_t *n_lost, uint64_t line, bool is_lost)
{
    size_t at = is_lost ? *n_lost : c->n_lines;
    if (at == WEIR_GATE_COMPARE_LINES_MAX)
        return;
    size_t n = weir_min_size(c->n_lines + 1, WEIR_GATE_COMPARE_LINES_MAX);
    memmove(c->lines + at + 1, c->lines + at, (n - at - 1) * sizeof *c->lines);
    c->lines[at] = line;
    c->n_lines = n;
    *n_lost += is_lost;
}

/* Counts rows of which only one side is right: among all of them, or those of one class of two. */
struct changes {
    size_t n; /* rows looked at */
    size_t gained;
    size_t lost;
};

static struct changes count_changes(const struct work *w, bool of_class, uint32_t class_index)
{
    const struct weir_gate_holdout *h = w->candidate->holdout;
    struct changes c = {0, 0, 0};
    for (size_t i = 0; i < h->n; i++) {
        bool ours = w->candidate->decisions[i] == h->truths[i];
        bool theirs = w->live->decisions[i] == h->truths[i];
        if (of_class && h->truths[i] != class_index)
            continue;
        c.n++;
        c.gained += ours && !theirs;
        c.lost += theirs && !ours;
    }
    return c;
}

/* Writes the interval of a difference of two shares of the same rows, and McNemar's p. */
static void put_changes(const struct work *w, const char *name, const struct changes *c)
{
    struct weir_gate_delta *d = find(w->out, name);
    double n = (double)c->n;
    double apart = (double)c->gained - (double)c->lost;
    if (!d || isnan(d->value))
        return;
    if (w->candidate->holdout->weights) {
        d->unsure = "McNemar's test knows no weights; it takes a bootstrap";
        return;
    }
    if (w->candidate->n_invalid + w->live->n_invalid > 0) {
        d->unsure = "a row has scores that are not finite";
        return;
    }
    double square = (double)(c->gained + c->lost) - apart * apart / n;
    put_interval(w, d, sqrt(fmax(0, square)) / n, weir_eval_rates_mcnemar(c->gained, c->lost),
                 "mcnemar");
}

static void compare_decisions(struct work *w)
{
    const struct weir_gate_holdout *h = w->candidate->holdout;
    const uint32_t *ours = w->candidate->decisions;
    const uint32_t *theirs = w->live->decisions;
    struct weir_gate_compare *c = w->out;
    size_t n_lost = 0;
    if (!ours || !theirs)
        return;
    c->has_decisions = true;
    for (size_t i = 0; i < h->n; i++) {
        if (ours[i] == theirs[i])
            continue;
        bool is_lost = theirs[i] == h->truths[i];
        c->n_disagreements++;
        keep_line(c, &n_lost, h->lines ? h->lines[i] : i + 1, is_lost);
    }
    struct changes all = count_changes(w, false, 0);
    c->n_gained = all.gained;
    c->n_lost = all.lost;
    c->p = weir_eval_rates_mcnemar(all.gained, all.lost);
    put_changes(w, "accuracy", &all);
    if (h->task != WEIR_GATE_BINARY)
        return;
    struct changes positive = count_changes(w, true, 1);
    struct changes negative = count_changes(w, true, 0);
    put_changes(w, "recall", &positive);
    put_changes(w, "fnr", &positive);
    put_changes(w, "specificity", &negative);
    put_changes(w, "fpr", &negative);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Tells whether both are of the same rows: their number, their lines, their truths. */
static bool are_paired(const struct weir_gate_holdout *a, const struct weir_gate_holdout *b)
{
    size_t n = a->n;
    if (n != b->n || a->task != b->task || a->n_classes != b->n_classes ||
        !a->weights != !b->weights)
        return false;
    return (!a->lines || !b->lines || memcmp(a->lines, b->lines, n * sizeof *a->lines) == 0) &&
           (!a->truths || memcmp(a->truths, b->truths, n * sizeof *a->truths) == 0) &&
           (!a->labels || memcmp(a->labels, b->labels, n * a->n_classes) == 0) &&
           (!a->numbers || memcmp(a->numbers, b->numbers, n * sizeof *a->numbers) == 0);
}

enum weir_status weir_gate_compare_make(struct weir_gate_compare *out,
                                        const struct weir_gate_evaluation *candidate,
                                        const struct weir_gate_evaluation *live,
                                        const struct weir_gate_compare_opts *opts,
                                        struct weir_error *err)
{
    weir_assert(out);
    weir_assert(candidate);
    weir_assert(live);
    weir_assert(opts);
    if (!are_paired(candidate->holdout, live->holdout))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "the two models were not judged on the same rows");
    struct weir_gate_compare made = {.alpha = opts->alpha > 0 ? opts->alpha : .05,
                                     .n = candidate->holdout->n};
    struct work w = {.out = &made,
                     .candidate = candidate,
                     .live = live,
                     .opts = opts,
                     .mem = weir_mem_default(),
                     .err = err};
    add_deltas(&w);
    enum weir_status status = WEIR_OK;
    if (candidate->has_sweep && live->has_sweep)
        status = compare_areas(&w);
    compare_decisions(&w);
    if (status == WEIR_OK && opts->n_replicates > 0)
        status = weir_gate_bootstrap_deltas(&made, candidate, live, opts, err);
    if (status == WEIR_OK)
        *out = made;
    return status;
}

const struct weir_gate_delta *weir_gate_compare_find(const struct weir_gate_compare *compare,
                                                     struct weir_str name)
{
    weir_assert(compare);
    for (size_t i = 0; i < compare->n_deltas; i++) {
        if (weir_str_eq_c(name, compare->deltas[i].name))
            return &compare->deltas[i];
    }
    return NULL;
}
