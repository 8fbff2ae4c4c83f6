/* SPDX-License-Identifier: MIT */
/* The ROC curves of more than two classes: each class against the rest. */
#include "base/macros.h"
#include "gate/plot_frame.h"
#include "gate/plot_priv.h"

#include <math.h>
#include <stdio.h>

enum {
    ALL_MAX = 10, /* all classes are drawn up to this many */
    BEST = 5,     /* of more only so many, */
    WORST = 5,    /* and so many */
};

#define MICRO SIZE_MAX /* stands for all columns ranked together */

/* Curves that are drawn. */
struct choice {
    size_t classes[ALL_MAX + 1];
    size_t n;
};

/* Chooses classes in the order of their areas, of many the ends; undefined ones are left out. */
static bool choose(const struct weir_gate_evaluation *e, struct choice *out)
{
    size_t n = e->holdout->n_classes;
    size_t *order = weir_mem_array(e->mem, n, sizeof *order);
    size_t n_defined = 0;
    if (!order)
        return false;
    for (size_t k = 0; k < n; k++) {
        double auc = e->classes[k].roc_auc;
        size_t at = n_defined;
        if (isnan(auc))
            continue;
        n_defined++;
        for (; at > 0 && e->classes[order[at - 1]].roc_auc < auc; at--)
            order[at] = order[at - 1];
        order[at] = k;
    }
    bool is_all = n_defined <= ALL_MAX;
    out->n = 0;
    for (size_t i = 0; i < n_defined; i++) {
        if (is_all || i < BEST || i >= n_defined - WORST)
            out->classes[out->n++] = order[i];
    }
    if (!is_all)
        out->classes[out->n++] = MICRO;
    weir_mem_free(e->mem, order);
    return true;
}

/* The columns of one curve; micro: of all. */
static bool rank(const struct weir_gate_evaluation *e, size_t class_index,
                 struct weir_eval_sweep *sweep)
{
    const struct weir_gate_holdout *h = e->holdout;
    size_t k = h->n_classes;
    size_t n = class_index == MICRO ? h->n * k : h->n;
    double *scores = weir_mem_array(e->mem, weir_max_size(n, 1), sizeof *scores);
    double *weights =
        h->weights ? weir_mem_array(e->mem, weir_max_size(n, 1), sizeof *weights) : NULL;
    uint8_t *is_positive = weir_mem_array(e->mem, weir_max_size(n, 1), 1);
    bool is_ok = scores && is_positive && (!h->weights || weights);
    for (size_t i = 0; is_ok && i < n; i++) {
        size_t row = class_index == MICRO ? i / k : i;
        size_t column = class_index == MICRO ? i % k : class_index;
        scores[i] = h->scores[row * k + column];
        is_positive[i] = h->labels ? h->labels[row * k + column] : h->truths[row] == column;
        if (weights)
            weights[i] = h->weights[row];
    }
    struct weir_eval_binary rows = {
        .n = n, .scores = scores, .is_positive = is_positive, .weights = weights};
    is_ok = is_ok && weir_eval_sweep_init(sweep, &rows, e->mem, NULL) == WEIR_OK;
    weir_mem_free(e->mem, scores);
    weir_mem_free(e->mem, weights);
    weir_mem_free(e->mem, is_positive);
    return is_ok;
}

static void draw(struct weir_gate_plot_frame *f, const struct weir_gate_evaluation *e,
                 size_t class_index, unsigned colour)
{
    struct weir_eval_sweep s;
    if (!rank(e, class_index, &s)) {
        f->buf->failed = true; /* The only reason is memory: the evaluation ranked these before. */
        return;
    }
    if (s.positives > 0 && s.negatives > 0) {
        struct weir_gate_plot_pen pen = weir_gate_plot_frame_pen(f, colour);
        weir_gate_plot_frame_draw(&pen, 0, 0);
        for (size_t g = 0; g < s.n_groups; g++)
            weir_gate_plot_frame_draw(&pen, s.fp[g] / s.negatives, s.tp[g] / s.positives);
        weir_gate_plot_frame_lift(&pen);
    }
    weir_eval_sweep_deinit(&s);
}

/* Returns an average of the areas: of classes against the rest, or of several labels. */
static double average(const struct weir_gate_evaluation *e, bool is_micro)
{
    bool has_labels = e->holdout->task == WEIR_GATE_MULTILABEL;
    const char *name = has_labels ? (is_micro ? "roc_auc_micro" : "roc_auc_macro")
                       : is_micro ? "roc_auc_ovr_micro"
                                  : "roc_auc_ovr_macro";
    const struct weir_gate_metric *m = weir_gate_evaluation_find(e, weir_str_c(name));
    return m ? m->value : (double)NAN;
}

void weir_gate_plot_classes_append(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                                   bool is_alone)
{
    struct choice shown;
    if (!choose(e, &shown)) {
        buf->failed = true;
        return;
    }
    bool is_all = shown.n == 0 || shown.classes[shown.n - 1] != MICRO;
    struct weir_gate_plot_frame f = {.buf = buf,
                                     .id = "roc",
                                     .title = is_all ? "ROC curves, each class against the rest"
                                                     : "ROC curves: 5 best and 5 worst classes",
                                     .x = {.name = "false positive rate", .high = 1, .step = .2},
                                     .y = {.name = "true positive rate", .high = 1, .step = .2},
                                     .n_keys = shown.n,
                                     .key_columns = shown.n > 3 ? 2 : 1,
                                     .is_alone = is_alone};
    weir_gate_plot_frame_begin(&f,
                               "True positive rate against false positive rate, of each class "
                               "against the rest. The mean of the areas of the %zu classes is "
                               "%.4f; all columns ranked together, %.4f.",
                               e->holdout->n_classes, average(e, false), average(e, true));
    weir_gate_plot_frame_guide(&f, 0, 0, 1, 1);
    for (size_t i = shown.n; i-- > 0;) /* The best on top. */
        draw(&f, e, shown.classes[i], (unsigned)(i % WEIR_GATE_PLOT_FRAME_COLOURS));
    for (size_t i = 0; i < shown.n; i++) {
        size_t k = shown.classes[i];
        bool is_micro = k == MICRO;
        weir_gate_plot_frame_key(&f, (unsigned)(i % WEIR_GATE_PLOT_FRAME_COLOURS),
                                 is_micro ? WEIR_STR("micro") : e->holdout->classes[k], " %.4f",
                                 is_micro ? average(e, true) : e->classes[k].roc_auc);
    }
    weir_gate_plot_frame_end(&f);
}
