/* SPDX-License-Identifier: MIT */
#include "gate/plot.h"

#include "base/macros.h"
#include "eval/rates.h"
#include "gate/html.h"
#include "gate/plot_frame.h"
#include "gate/plot_priv.h"

#include <math.h>
#include <stdio.h>

enum { N_SIDES = 2, STRIP_HEIGHT = 70, STRIP_BINS = 20, NUMBER_BYTES = 96 };

static const struct {
    const char *name;
    const char *text;
} plots[] = {
#define ROW(code, name, text) {name, text},
    WEIR_GATE_PLOT_MAP(ROW)
#undef ROW
};

const char *weir_gate_plot_name(enum weir_gate_plot plot)
{
    return plots[plot].name;
}

const char *weir_gate_plot_text(const struct weir_gate_evaluation *evaluation,
                                enum weir_gate_plot plot)
{
    bool is_many = plot == WEIR_GATE_PLOT_ROC && !evaluation->has_sweep;
    return is_many ? "Each class against all others, with the area below its curve."
                   : plots[plot].text;
}

static bool has_curves(const struct weir_gate_evaluation *e)
{
    return e->has_sweep && e->sweep.positives > 0 && e->sweep.negatives > 0;
}

bool weir_gate_plot_has(const struct weir_gate_evaluation *evaluation, enum weir_gate_plot plot)
{
    weir_assert(evaluation);
    const struct weir_gate_holdout *h = evaluation->holdout;
    switch (plot) {
    case WEIR_GATE_PLOT_ROC:
        return has_curves(evaluation) ||
               ((h->task == WEIR_GATE_MULTICLASS || h->task == WEIR_GATE_MULTILABEL) && h->scores &&
                evaluation->classes && h->n > 0);
    case WEIR_GATE_PLOT_PR:
        return evaluation->has_sweep && evaluation->sweep.positives > 0;
    case WEIR_GATE_PLOT_CALIBRATION:
        return evaluation->n_bins > 0;
    case WEIR_GATE_PLOT_DET:
    case WEIR_GATE_PLOT_GAIN:
    case WEIR_GATE_PLOT_LIFT:
        return has_curves(evaluation);
    case WEIR_GATE_PLOT_PREDICTED:
    case WEIR_GATE_PLOT_ERRORS:
        return h->task == WEIR_GATE_REGRESSION && h->predictions && h->n > 0;
    }
    return false;
}

/* --- curves of two classes -------------------------------------------------------------------- */

/* A point of a sweep, from the counts at and above a threshold. */
struct point {
    double x, y;
};

typedef struct point point_fn(const struct weir_eval_sweep *s, double tp, double fp);

static struct point roc_point(const struct weir_eval_sweep *s, double tp, double fp)
{
    return (struct point){fp / s->negatives, tp / s->positives};
}

static struct point pr_point(const struct weir_eval_sweep *s, double tp, double fp)
{
    return (struct point){tp / s->positives, tp + fp > 0 ? tp / (tp + fp) : (double)NAN};
}

/* Rates of 0 have no place on the scale. */
static struct point det_point(const struct weir_eval_sweep *s, double tp, double fp)
{
    double fpr = fp / s->negatives;
    double fnr = 1 - tp / s->positives;
    bool is_placed = fpr > 0 && fpr < 1 && fnr > 0 && fnr < 1;
    return is_placed ? (struct point){fpr, fnr} : (struct point){(double)NAN, (double)NAN};
}

static struct point gain_point(const struct weir_eval_sweep *s, double tp, double fp)
{
    return (struct point){(tp + fp) / (s->positives + s->negatives), tp / s->positives};
}

static struct point lift_point(const struct weir_eval_sweep *s, double tp, double fp)
{
    struct point p = gain_point(s, tp, fp);
    return (struct point){p.x, p.x > 0 ? p.y / p.x : (double)NAN};
}

static void draw_curve(struct weir_gate_plot_frame *f, unsigned colour,
                       const struct weir_gate_evaluation *e, point_fn *point, bool from_origin)
{
    const struct weir_eval_sweep *s = &e->sweep;
    struct weir_gate_plot_pen pen = weir_gate_plot_frame_pen(f, colour);
    if (from_origin)
        weir_gate_plot_frame_draw(&pen, 0, 0);
    for (size_t g = 0; g < s->n_groups; g++) {
        struct point p = point(s, s->tp[g], s->fp[g]);
        weir_gate_plot_frame_draw(&pen, p.x, p.y);
    }
    weir_gate_plot_frame_lift(&pen);
}

/* Finds what is decided: by the chosen threshold, or by the model. false: nothing is. */
static bool find_decisions(const struct weir_gate_evaluation *e, double *tp, double *fp)
{
    if (e->has_choice) {
        *tp = e->choice.tp;
        *fp = e->choice.fp;
        return true;
    }
    if (!e->has_confusion || e->confusion.n_classes != 2)
        return false;
    *tp = e->confusion.cells[3];
    *fp = e->confusion.cells[1];
    return true;
}

/* The intervals of both rates of the ROC curve's point. */
static void draw_rates(struct weir_gate_plot_frame *f, unsigned colour,
                       const struct weir_gate_evaluation *e, double tp, double fp)
{
    const struct weir_eval_sweep *s = &e->sweep;
    uint64_t n_p = s->n_positive;
    uint64_t n_n = s->n_negative;
    uint64_t k_p = (uint64_t)llround(tp);
    uint64_t k_n = (uint64_t)llround(fp);
    if (s->is_weighted || k_p > n_p || k_n > n_n)
        return;
    struct weir_eval_rates_interval up = weir_eval_rates_wilson(k_p, n_p, e->alpha);
    struct weir_eval_rates_interval sideways = weir_eval_rates_wilson(k_n, n_n, e->alpha);
    weir_gate_plot_frame_bar(f, colour, fp / s->negatives, up.low, up.high, false);
    weir_gate_plot_frame_bar(f, colour, tp / s->positives, sideways.low, sideways.high, true);
}

static void draw_decisions(struct weir_gate_plot_frame *f, unsigned colour,
                           const struct weir_gate_evaluation *e, point_fn *point)
{
    double tp = 0;
    double fp = 0;
    if (!find_decisions(e, &tp, &fp))
        return;
    struct point p = point(&e->sweep, tp, fp);
    if (isnan(p.x) || isnan(p.y))
        return;
    if (point == roc_point)
        draw_rates(f, colour, e, tp, fp);
    weir_gate_plot_frame_mark(f, colour, p.x, p.y,
                              "decisions: %s %.4g, %s %.4g; %.10g true positives, %.10g false",
                              f->x.name, p.x, f->y.name, p.y, tp, fp);
}

/* Writes "0.9375 [0.9136, 0.9551]", or nothing where there is no such number. */
static const char *put_value(char *out, const struct weir_gate_evaluation *e, const char *metric)
{
    const struct weir_gate_metric *m =
        metric ? weir_gate_evaluation_find(e, weir_str_c(metric)) : NULL;
    out[0] = 0;
    if (m && m->has_interval)
        (void)snprintf(out, NUMBER_BYTES, " %.4f [%.4f, %.4f]", m->value, m->low, m->high);
    else if (m && !isnan(m->value))
        (void)snprintf(out, NUMBER_BYTES, " %.4f", m->value);
    return out;
}

/* What a drawing of two classes is made of. */
struct form {
    const char *title, *x, *y;
    point_fn *point;
    const char *metric; /* in the key; NULL: none */
    const char *label;  /* of the metric, where one model is drawn */
    bool from_origin;
};

static const struct form forms[] = {
    [WEIR_GATE_PLOT_ROC] = {"ROC curve", "false positive rate", "true positive rate", roc_point,
                            "roc_auc", "area", true},
    [WEIR_GATE_PLOT_PR] = {"Precision and recall", "recall", "precision", pr_point,
                           "average_precision", "average precision", false},
    [WEIR_GATE_PLOT_DET] = {"Detection errors", "false positive rate", "false negative rate",
                            det_point, NULL, NULL, false},
    [WEIR_GATE_PLOT_GAIN] = {"Gain", "share of rows", "share of positives found", gain_point, NULL,
                             NULL, true},
    [WEIR_GATE_PLOT_LIFT] = {"Lift", "share of rows", "times the average", lift_point, NULL, NULL,
                             false},
};

static double largest_lift(const struct weir_gate_plot_sides *sides)
{
    double most = 1;
    const struct weir_gate_evaluation *both[N_SIDES] = {sides->evaluation, sides->other};
    for (int i = 0; i < N_SIDES; i++) {
        const struct weir_eval_sweep *s = both[i] ? &both[i]->sweep : NULL;
        for (size_t g = 0; s && g < s->n_groups; g++)
            most = fmax(most, lift_point(s, s->tp[g], s->fp[g]).y);
    }
    return most;
}

static void set_axes(struct weir_gate_plot_frame *f, const struct weir_gate_plot_sides *sides,
                     enum weir_gate_plot plot)
{
    f->x = (struct weir_gate_plot_axis){.name = forms[plot].x, .high = 1, .step = .2};
    f->y = (struct weir_gate_plot_axis){.name = forms[plot].y, .high = 1, .step = .2};
    if (plot == WEIR_GATE_PLOT_DET) {
        f->x.is_probit = f->y.is_probit = true;
        f->x.low = f->y.low = .001;
        f->x.high = f->y.high = .99;
    }
    if (plot == WEIR_GATE_PLOT_LIFT) {
        double most = largest_lift(sides);
        f->y.step = weir_gate_plot_frame_step(most, 6);
        f->y.high = ceil(most / f->y.step) * f->y.step;
    }
}

static void draw_guides(struct weir_gate_plot_frame *f, const struct weir_eval_sweep *s,
                        enum weir_gate_plot plot)
{
    double share = s->positives / (s->positives + s->negatives);
    if (plot == WEIR_GATE_PLOT_ROC || plot == WEIR_GATE_PLOT_GAIN)
        weir_gate_plot_frame_guide(f, 0, 0, 1, 1);
    if (plot == WEIR_GATE_PLOT_GAIN)
        weir_gate_plot_frame_guide(f, 0, 0, share, 1);
    if (plot == WEIR_GATE_PLOT_PR)
        weir_gate_plot_frame_guide(f, 0, share, 1, share);
    if (plot == WEIR_GATE_PLOT_DET)
        weir_gate_plot_frame_guide(f, .01, .99, .99, .01);
    if (plot == WEIR_GATE_PLOT_LIFT)
        weir_gate_plot_frame_guide(f, 0, 1, 1, 1);
}

static void put_keys(struct weir_gate_plot_frame *f, const struct weir_gate_plot_sides *sides,
                     const char *metric, const char *label)
{
    char text[NUMBER_BYTES];
    if (f->n_keys == 0)
        return;
    weir_gate_plot_frame_key(f, 0, sides->other ? sides->name : weir_str_c(label), "%s",
                             put_value(text, sides->evaluation, metric));
    if (sides->other)
        weir_gate_plot_frame_key(f, 1, sides->other_name, "%s",
                                 put_value(text, sides->other, metric));
}

static void append_curves(struct weir_buf *buf, const struct weir_gate_plot_sides *sides,
                          enum weir_gate_plot plot, bool is_alone)
{
    const struct form *form = &forms[plot];
    const struct weir_gate_evaluation *both[N_SIDES] = {sides->evaluation, sides->other};
    const struct weir_eval_sweep *s = &sides->evaluation->sweep;
    char text[N_SIDES][NUMBER_BYTES] = {"", ""};
    struct weir_gate_plot_frame f = {.buf = buf,
                                     .id = weir_gate_plot_name(plot),
                                     .title = form->title,
                                     .n_keys = sides->other   ? 2
                                               : form->metric ? 1
                                                              : 0,
                                     .is_alone = is_alone};
    set_axes(&f, sides, plot);
    for (int i = 0; i < N_SIDES && form->metric && both[i]; i++)
        (void)put_value(text[i], both[i], form->metric);
    weir_gate_plot_frame_begin(
        &f, "%s against %s, of %zu positive and %zu negative rows.%s%s%s%s%s.", form->y, form->x,
        s->n_positive, s->n_negative, form->metric ? " The " : "", form->metric ? form->label : "",
        form->metric ? " is" : "", text[0], sides->other && form->metric ? ", of the other" : "");
    draw_guides(&f, s, plot);
    for (int i = N_SIDES - 1; i >= 0; i--) { /* The judged one on top. */
        if (both[i] && weir_gate_plot_has(both[i], plot)) {
            draw_curve(&f, (unsigned)i, both[i], form->point, form->from_origin);
            draw_decisions(&f, (unsigned)i, both[i], form->point);
        }
    }
    put_keys(&f, sides, form->metric, form->label ? form->label : "");
    weir_gate_plot_frame_end(&f);
}

/* --- calibration ------------------------------------------------------------------------------ */

/* Each bin with the interval of its rate, where rows have no weights. */
static void draw_bins(struct weir_gate_plot_frame *f, unsigned colour,
                      const struct weir_gate_evaluation *e)
{
    struct weir_gate_plot_pen pen = weir_gate_plot_frame_pen(f, colour);
    for (size_t i = 0; i < e->n_bins; i++)
        weir_gate_plot_frame_draw(&pen, e->bins[i].mean_p, e->bins[i].mean_y);
    weir_gate_plot_frame_lift(&pen);
    for (size_t i = 0; i < e->n_bins; i++) {
        const struct weir_eval_probability_bin *bin = &e->bins[i];
        if (!e->holdout->weights) {
            uint64_t k = (uint64_t)llround(bin->mean_y * (double)bin->n);
            struct weir_eval_rates_interval w = weir_eval_rates_wilson(k, bin->n, e->alpha);
            weir_gate_plot_frame_bar(f, colour, bin->mean_p, w.low, w.high, false);
        }
        weir_gate_plot_frame_mark(f, colour, bin->mean_p, bin->mean_y,
                                  "%zu rows given %.3g, %.3g of them positive", bin->n, bin->mean_p,
                                  bin->mean_y);
    }
}

/* How many rows were given which probability, positives above negatives. */
static void draw_strip(struct weir_gate_plot_frame *f, const struct weir_gate_evaluation *e)
{
    const struct weir_gate_holdout *h = e->holdout;
    size_t counts[2][STRIP_BINS] = {{0}};
    size_t most = 1;
    for (size_t i = 0; i < h->n; i++) {
        double p = h->p[2 * i + 1];
        if (p >= 0 && p <= 1)
            counts[h->truths[i] == 1][weir_min_size((size_t)(p * STRIP_BINS), STRIP_BINS - 1)]++;
    }
    for (int b = 0; b < STRIP_BINS; b++)
        most = weir_max_size(most, counts[0][b] + counts[1][b]);
    double bottom = weir_gate_plot_frame_y(f, 0) + f->strip;
    for (int b = 0; b < STRIP_BINS; b++) {
        double left = weir_gate_plot_frame_x(f, (double)b / STRIP_BINS) + .5;
        double width = (double)WEIR_GATE_PLOT_FRAME_SIDE / STRIP_BINS - 1;
        double at = bottom;
        for (int is_positive = 0; is_positive < 2; is_positive++) {
            double height = (f->strip - 14.) * (double)counts[is_positive][b] / (double)most;
            at -= height;
            if (height > 0)
                weir_buf_printf(f->buf,
                                "<rect class=\"fill %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                                "height=\"%.2f\"><title>%zu %s rows given %g to %g</title></rect>",
                                is_positive ? "c0" : "c8", left, at, width, height,
                                counts[is_positive][b], is_positive ? "positive" : "negative",
                                (double)b / STRIP_BINS, (b + 1.) / STRIP_BINS);
        }
    }
    weir_buf_printf(f->buf, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%zu</text>",
                    weir_gate_plot_frame_x(f, 0) - 7, bottom - f->strip + 18, most);
}

static void append_calibration(struct weir_buf *buf, const struct weir_gate_plot_sides *sides,
                               bool is_alone)
{
    const struct weir_gate_evaluation *e = sides->evaluation;
    const struct weir_gate_evaluation *other =
        sides->other && sides->other->n_bins > 0 ? sides->other : NULL;
    struct weir_gate_plot_sides shown = *sides;
    char text[NUMBER_BYTES];
    struct weir_gate_plot_frame f = {
        .buf = buf,
        .id = "calibration",
        .title = "Calibration",
        .x = {.name = "probability of the positive class", .high = 1, .step = .2},
        .y = {.name = "share of positives", .high = 1, .step = .2},
        .strip = STRIP_HEIGHT,
        .n_keys = other ? 2 : 1,
        .is_alone = is_alone};
    shown.other = other;
    weir_gate_plot_frame_begin(&f,
                               "How often rows are positive against the probability they were "
                               "given, in %zu bins; the expected error is%s.",
                               e->n_bins, put_value(text, e, "ece"));
    weir_gate_plot_frame_guide(&f, 0, 0, 1, 1);
    if (other)
        draw_bins(&f, 1, other);
    draw_bins(&f, 0, e);
    draw_strip(&f, e);
    put_keys(&f, &shown, "ece", "expected error");
    weir_gate_plot_frame_end(&f);
}

void weir_gate_plot_append(struct weir_buf *buf, const struct weir_gate_plot_sides *sides,
                           enum weir_gate_plot plot, bool is_alone)
{
    weir_assert(sides);
    weir_assert(weir_gate_plot_has(sides->evaluation, plot));
    switch (plot) {
    case WEIR_GATE_PLOT_ROC:
        if (!sides->evaluation->has_sweep) {
            weir_gate_plot_classes_append(buf, sides->evaluation, is_alone);
            break;
        }
        append_curves(buf, sides, plot, is_alone);
        break;
    case WEIR_GATE_PLOT_PR:
    case WEIR_GATE_PLOT_DET:
    case WEIR_GATE_PLOT_GAIN:
    case WEIR_GATE_PLOT_LIFT:
        append_curves(buf, sides, plot, is_alone);
        break;
    case WEIR_GATE_PLOT_CALIBRATION:
        append_calibration(buf, sides, is_alone);
        break;
    case WEIR_GATE_PLOT_PREDICTED:
        weir_gate_plot_numbers_append_predicted(buf, sides, is_alone);
        break;
    case WEIR_GATE_PLOT_ERRORS:
        weir_gate_plot_numbers_append_errors(buf, sides, is_alone);
        break;
    }
}
