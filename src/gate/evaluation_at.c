/* SPDX-License-Identifier: MIT */
/* Numbers as rules ask for them: of a class, at a threshold, at a rate. */
#include "base/macros.h"
#include "eval/gain.h"
#include "eval/multiclass.h"
#include "eval/precision.h"
#include "eval/roc.h"
#include "gate/evaluation_priv.h"
#include "gate/labels.h"

#include <math.h>

static void undefined(struct weir_gate_metric *m, const char *why)
{
    m->value = (double)NAN;
    m->why = why;
}

/* Writes a value; where it is not defined, why. */
static void define(struct weir_gate_metric *m, bool is_defined, double value, const char *why)
{
    m->value = is_defined ? value : (double)NAN;
    m->why = is_defined && !isnan(value) ? NULL : why;
}

/* Finds a class by its label; false: there is none. */
static bool find_class(const struct weir_gate_holdout *h, struct weir_str name, size_t *out)
{
    for (size_t k = 0; k < h->n_classes; k++) {
        if (!weir_gate_labels_alike(h->classes[k], name))
            continue;
        *out = k;
        return true;
    }
    return false;
}

/* --- at a rate, a share, a k ------------------------------------------------------------------ */

static void put_top_k(const struct weir_gate_evaluation *e, double k, struct weir_gate_metric *m)
{
    const struct weir_gate_holdout *h = e->holdout;
    struct weir_eval_multiclass_rows rows = {.n = h->n,
                                             .n_classes = h->n_classes,
                                             .scores = h->scores,
                                             .truths = h->truths,
                                             .weights = h->weights};
    if (h->task != WEIR_GATE_MULTICLASS || !h->scores)
        undefined(m, "only with scores of more than two classes");
    else if (e->n_invalid > 0)
        undefined(m, "a row has scores that are not finite");
    else if (!(k >= 1) || k != floor(k) || k > (double)h->n_classes)
        undefined(m, "k must be a whole number from 1 to the number of classes");
    else
        define(m, h->n > 0, weir_eval_multiclass_top_k(&rows, (size_t)k), "no rows");
}

/* Reads an operating point off the sweep. */
static void put_point(const struct weir_gate_evaluation *e, double at, struct weir_gate_metric *m)
{
    static const char missing[] = "a class that it needs has no rows";
    const struct weir_eval_sweep *s = &e->sweep;
    double v = 0;
    if (!e->has_sweep) {
        undefined(m, "only with scores of two classes");
        return;
    }
    bool is_share = at > 0 && at <= 1;
    if (!is_share && !(at == 0 && m->id == WEIR_GATE_METRIC_RECALL_AT_FPR)) {
        undefined(m, "the number after @ must be above 0 and at most 1");
        return;
    }
    bool is_defined;
    if (m->id == WEIR_GATE_METRIC_PARTIAL_AUC)
        is_defined = weir_eval_roc_partial_auc(s, at, &v);
    else if (m->id == WEIR_GATE_METRIC_RECALL_AT_FPR)
        is_defined = weir_eval_gain_recall_at_fpr(s, at, &v);
    else if (m->id == WEIR_GATE_METRIC_RECALL_AT_PRECISION)
        is_defined = weir_eval_gain_recall_at_precision(s, at, &v);
    else
        is_defined = weir_eval_gain_at(s, at, &v);
    define(m, is_defined, m->id == WEIR_GATE_METRIC_LIFT_AT ? v / at : v, missing);
}

/* --- at a threshold --------------------------------------------------------------------------- */

/* Returns what a row is decided by for class k. */
static double score_of(const struct weir_gate_holdout *h, size_t row, size_t k)
{
    if (h->labels)
        return h->scores[row * h->n_classes + k];
    return h->p ? h->p[row * h->n_classes + k] : h->scores[row];
}

static bool is_of(const struct weir_gate_holdout *h, size_t row, size_t k)
{
    return h->labels ? h->labels[row * h->n_classes + k] != 0 : h->truths[row] == k;
}

/* Measures the decisions "class k when its score is at least t". */
static enum weir_status put_threshold(const struct weir_gate_evaluation *e, size_t k, double t,
                                      struct weir_gate_metric *m, struct weir_error *err)
{
    const struct weir_gate_holdout *h = e->holdout;
    struct weir_eval_confusion confusion;
    if (!h->p && !h->labels && (h->task != WEIR_GATE_BINARY || !h->scores || k != 1)) {
        undefined(m, "a threshold needs probabilities, or scores of the positive class");
        return WEIR_OK;
    }
    if (weir_eval_confusion_init(&confusion, 2, e->mem) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < h->n; i++) {
        if (weir_gate_evaluation_has_row(h, i))
            weir_eval_confusion_add(&confusion, is_of(h, i, k), score_of(h, i, k) >= t,
                                    h->weights ? h->weights[i] : 1);
    }
    weir_gate_evaluation_put_decided(m, &confusion, 1, e->opts.fbeta, e->alpha, h->weights != NULL);
    weir_eval_confusion_deinit(&confusion);
    return WEIR_OK;
}

/* --- of a class ------------------------------------------------------------------------------- */

/* Ranks the rows of two classes for the negative one: by the scores turned round. */
static enum weir_status put_negative(const struct weir_gate_evaluation *e,
                                     struct weir_gate_metric *m, struct weir_error *err)
{
    const struct weir_gate_holdout *h = e->holdout;
    struct weir_eval_sweep sweep;
    double v = 0;
    size_t n = weir_max_size(h->n, 1);
    double *scores = weir_mem_array(e->mem, n, sizeof *scores);
    uint8_t *is_positive = weir_mem_array(e->mem, n, 1);
    enum weir_status status = WEIR_ERR_NO_MEMORY;
    if (scores && is_positive) {
        for (size_t i = 0; i < h->n; i++) {
            scores[i] = -h->scores[i];
            is_positive[i] = h->truths[i] == 0;
        }
        struct weir_eval_binary rows = {
            .n = h->n, .scores = scores, .is_positive = is_positive, .weights = h->weights};
        status = weir_eval_sweep_init(&sweep, &rows, e->mem, err);
    } else {
        (void)weir_error_set(err, status, "out of memory");
    }
    if (status == WEIR_OK) {
        bool is_defined = weir_eval_precision_average(&sweep, &v) && sweep.positives > 0;
        define(m, is_defined, v, "no row of the class is there");
        weir_eval_sweep_deinit(&sweep);
    }
    weir_mem_free(e->mem, scores);
    weir_mem_free(e->mem, is_positive);
    return status;
}

/* Reads a number of a label off its counts. */
static enum weir_status put_label(const struct weir_gate_evaluation *e, size_t k,
                                  struct weir_gate_metric *m, struct weir_error *err)
{
    const struct weir_eval_confusion_class *c = &e->classes[k].counts;
    struct weir_eval_confusion confusion;
    if (weir_eval_confusion_init(&confusion, 2, e->mem) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_eval_confusion_add(&confusion, 1, 1, c->tp);
    weir_eval_confusion_add(&confusion, 0, 1, c->fp);
    weir_eval_confusion_add(&confusion, 1, 0, c->fn);
    weir_eval_confusion_add(&confusion, 0, 0, c->tn);
    weir_gate_evaluation_put_decided(m, &confusion, 1, e->opts.fbeta, e->alpha,
                                     e->holdout->weights != NULL);
    weir_eval_confusion_deinit(&confusion);
    return WEIR_OK;
}

static enum weir_status put_class(const struct weir_gate_evaluation *e, size_t k,
                                  struct weir_gate_metric *m, struct weir_error *err)
{
    const struct weir_gate_holdout *h = e->holdout;
    bool is_auc = m->id == WEIR_GATE_METRIC_ROC_AUC;
    bool is_ap = m->id == WEIR_GATE_METRIC_AVERAGE_PRECISION;
    if (h->labels && !is_auc && !is_ap)
        return put_label(e, k, m, err);
    if (!is_auc && !is_ap) {
        if (e->has_confusion)
            weir_gate_evaluation_put_decided(m, &e->confusion, k, e->opts.fbeta, e->alpha,
                                             h->weights != NULL);
        else
            undefined(m, "nothing is decided of these rows");
        return WEIR_OK;
    }
    if (!h->scores) {
        undefined(m, "the rows have no scores");
        return WEIR_OK;
    }
    if (h->task == WEIR_GATE_BINARY && (is_auc || k == 1)) {
        /* The area of one class is that of the other. */
        const struct weir_gate_metric *known = weir_gate_evaluation_find(e, weir_str_c(m->name));
        *m = *known;
        return WEIR_OK;
    }
    if (h->task == WEIR_GATE_BINARY)
        return put_negative(e, m, err);
    define(m, true, is_auc ? e->classes[k].roc_auc : e->classes[k].average_precision,
           "the class has no rows, or all");
    return WEIR_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

enum weir_status weir_gate_evaluation_at(const struct weir_gate_evaluation *evaluation,
                                         const struct weir_gate_evaluation_ask *ask,
                                         struct weir_gate_metric *out, struct weir_error *err)
{
    weir_assert(evaluation);
    weir_assert(ask);
    weir_assert(out);
    const struct weir_gate_evaluation *e = evaluation;
    const struct weir_gate_holdout *h = e->holdout;
    struct weir_gate_metric m = {.value = (double)NAN};
    const struct weir_gate_metric_kind *kind = weir_gate_metric_find(ask->metric, &m.id);
    const struct weir_gate_metric *known = weir_gate_evaluation_find(e, ask->metric);
    bool has_class = ask->class_name.n > 0;
    bool is_classes = h->task != WEIR_GATE_REGRESSION;
    size_t k = 1;
    enum weir_status status = WEIR_OK;
    m.name = kind ? kind->name : "";
    if (!kind)
        undefined(&m, "there is no number of this name");
    else if (has_class && (!is_classes || !(kind->traits & WEIR_GATE_METRIC_BY_CLASS)))
        undefined(&m, "it is not a number of one class");
    else if (has_class && !find_class(h, ask->class_name, &k))
        undefined(&m, "there is no class of this name");
    else if (!ask->has_at && (kind->traits & WEIR_GATE_METRIC_NEEDS_AT))
        undefined(&m, "it needs a number behind @");
    else if (ask->has_at && m.id == WEIR_GATE_METRIC_TOP_K_ACCURACY)
        put_top_k(e, ask->at, &m);
    else if (ask->has_at && (kind->traits & WEIR_GATE_METRIC_NEEDS_AT))
        put_point(e, ask->at, &m);
    else if (ask->has_at && !(kind->traits & WEIR_GATE_METRIC_BY_THRESHOLD))
        undefined(&m, "it does not depend on a threshold");
    else if (ask->has_at && (!is_classes || ((h->n_classes != 2 || h->labels) && !has_class)))
        undefined(&m, "a threshold needs two classes, or one of them named");
    else if (ask->has_at)
        status = put_threshold(e, k, ask->at, &m, err);
    else if (has_class)
        status = put_class(e, k, &m, err);
    else if (known)
        m = *known;
    else
        undefined(&m, "these rows do not have it");
    if (status == WEIR_OK)
        *out = m;
    return status;
}
