/* SPDX-License-Identifier: MIT */
#include "gate/plot.h"

#include "base/macros.h"
#include "eval/rates.h"

#include <math.h>

/* A square of 300 units, with room for the axes' texts. */
enum { SIDE = 300, LEFT = 52, TOP = 32, WIDTH = 364, HEIGHT = 388, N_TICKS = 5 };

static const char *const names[] = {
#define NAME(code, name) name,
    WEIR_GATE_PLOT_MAP(NAME)
#undef NAME
};

const char *weir_gate_plot_name(enum weir_gate_plot plot)
{
    return names[plot];
}

bool weir_gate_plot_has(const struct weir_gate_evaluation *evaluation, enum weir_gate_plot plot)
{
    weir_assert(evaluation);
    const struct weir_eval_sweep *s = &evaluation->sweep;
    if (plot == WEIR_GATE_PLOT_CALIBRATION)
        return evaluation->n_bins > 0;
    return evaluation->has_sweep && s->positives > 0 &&
           (s->negatives > 0 || plot == WEIR_GATE_PLOT_PR);
}

void weir_gate_plot_style(struct weir_buf *buf)
{
    weir_buf_append_c(
        buf, ".plot{--line:#1f5fbf;--soft:#8aa0b8;--grid:#d9dfe6;--mark:#c2410c;--ink:#1c2733}"
             "@media(prefers-color-scheme:dark){.plot{--line:#7fb2ff;--soft:#7d8fa3;--grid:#333d48;"
             "--mark:#ff9a5a;--ink:#e4eaf0}}"
             ".plot text{fill:var(--ink);font:12px system-ui,sans-serif}"
             ".plot .name{font-weight:600;font-size:14px}"
             ".plot .grid{stroke:var(--grid);fill:none}"
             ".plot .soft{stroke:var(--soft);stroke-dasharray:4 4;fill:none}"
             ".plot .line{stroke:var(--line);stroke-width:2;fill:none}"
             ".plot .mark{stroke:var(--mark);stroke-width:2;fill:none}");
}

static double at_x(double x)
{
    return LEFT + x * SIDE;
}

static double at_y(double y)
{
    return TOP + (1 - y) * SIDE;
}

/* Opens the element and draws the axes. */
static void begin(struct weir_buf *buf, const char *id, const char *title, const char *x,
                  const char *y, bool is_alone)
{
    weir_buf_printf(buf,
                    "<svg class=\"plot\"%s viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                    "role=\"img\" aria-labelledby=\"%s-title %s-desc\"><title "
                    "id=\"%s-title\">%s</title>",
                    is_alone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "", WIDTH, HEIGHT, WIDTH,
                    HEIGHT, id, id, id, title);
    if (is_alone) {
        weir_buf_append_c(buf, "<style>");
        weir_gate_plot_style(buf);
        weir_buf_append_c(buf, "</style>");
    }
    weir_buf_printf(buf, "<text class=\"name\" x=\"%d\" y=\"18\">%s</text>", LEFT, title);
    for (int i = 0; i <= N_TICKS; i++) {
        double v = (double)i / N_TICKS;
        weir_buf_printf(buf,
                        "<path class=\"grid\" d=\"M%.1f %dV%dM%d %.1fH%d\"/><text x=\"%.1f\" "
                        "y=\"%d\" text-anchor=\"middle\">%.1f</text><text x=\"%d\" y=\"%.1f\" "
                        "text-anchor=\"end\">%.1f</text>",
                        at_x(v), TOP, TOP + SIDE, LEFT, at_y(v), LEFT + SIDE, at_x(v),
                        TOP + SIDE + 18, v, LEFT - 8, at_y(v) + 4, v);
    }
    weir_buf_printf(buf,
                    "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text><text "
                    "text-anchor=\"middle\" transform=\"translate(14 %d) rotate(-90)\">%s</text>",
                    LEFT + SIDE / 2, HEIGHT - 12, x, TOP + SIDE / 2, y);
}

static void diagonal(struct weir_buf *buf)
{
    weir_buf_printf(buf, "<path class=\"soft\" d=\"M%.1f %.1fL%.1f %.1f\"/>", at_x(0), at_y(0),
                    at_x(1), at_y(1));
}

/* A line that is being drawn. Of the points in one column of pixels the first, the last, the lowest
 * and the highest are kept: no more could be seen. */
struct pen {
    struct weir_buf *buf;
    long column;
    double first, low, high, last; /* y of the column's points */
    bool has_column;
    bool has_point;
};

static void put_point(struct pen *pen, double y)
{
    weir_buf_printf(pen->buf, "%c%ld %.1f", pen->has_point ? 'L' : 'M', pen->column, y);
    pen->has_point = true;
}

static void end_column(struct pen *pen)
{
    if (!pen->has_column)
        return;
    put_point(pen, pen->first);
    if (pen->low < fmin(pen->first, pen->last))
        put_point(pen, pen->low);
    if (pen->high > fmax(pen->first, pen->last))
        put_point(pen, pen->high);
    if (pen->last != pen->first)
        put_point(pen, pen->last);
}

static void draw_to(struct pen *pen, double x, double y)
{
    long column = lround(at_x(x));
    double at = at_y(y);
    if (!pen->has_column || column != pen->column) {
        end_column(pen);
        pen->column = column;
        pen->first = pen->low = pen->high = at;
        pen->has_column = true;
    }
    pen->low = fmin(pen->low, at);
    pen->high = fmax(pen->high, at);
    pen->last = at;
}

static struct pen pen_down(struct weir_buf *buf)
{
    weir_buf_append_c(buf, "<path class=\"line\" d=\"");
    return (struct pen){.buf = buf};
}

static void pen_up(struct pen *pen)
{
    end_column(pen);
    weir_buf_append_c(pen->buf, "\"/>");
}

static void mark(struct weir_buf *buf, double x, double y)
{
    weir_buf_printf(buf, "<circle class=\"mark\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>", at_x(x),
                    at_y(y));
}

static void draw_roc(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    const struct weir_eval_sweep *s = &e->sweep;
    const struct weir_gate_metric *auc = weir_gate_evaluation_find(e, WEIR_STR("roc_auc"));
    weir_buf_printf(buf,
                    "<desc id=\"roc-desc\">The share of positives found against the share of "
                    "negatives taken for positives; the area below is %.4f.</desc>",
                    auc->value);
    diagonal(buf);
    struct pen pen = pen_down(buf);
    draw_to(&pen, 0, 0);
    for (size_t g = 0; g < s->n_groups; g++)
        draw_to(&pen, s->fp[g] / s->negatives, s->tp[g] / s->positives);
    pen_up(&pen);
    if (e->has_choice)
        mark(buf, e->choice.fp / s->negatives, e->choice.tp / s->positives);
}

static void draw_pr(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    const struct weir_eval_sweep *s = &e->sweep;
    const struct weir_gate_metric *ap = weir_gate_evaluation_find(e, WEIR_STR("average_precision"));
    double prevalence = s->positives / (s->positives + s->negatives);
    weir_buf_printf(buf,
                    "<desc id=\"pr-desc\">Precision against recall; the average precision is %.4f, "
                    "the share of positives %.4f.</desc><path class=\"soft\" d=\"M%d %.1fH%d\"/>",
                    ap->value, prevalence, LEFT, at_y(prevalence), LEFT + SIDE);
    struct pen pen = pen_down(buf);
    for (size_t g = 0; g < s->n_groups; g++)
        draw_to(&pen, s->tp[g] / s->positives, s->tp[g] / (s->tp[g] + s->fp[g]));
    pen_up(&pen);
    if (e->has_choice && e->choice.tp + e->choice.fp > 0)
        mark(buf, e->choice.tp / s->positives, e->choice.tp / (e->choice.tp + e->choice.fp));
}

/* Each bin with the interval of its rate, where rows have no weights. */
static void draw_calibration(struct weir_buf *buf, const struct weir_gate_evaluation *e)
{
    const struct weir_gate_metric *ece = weir_gate_evaluation_find(e, WEIR_STR("ece"));
    weir_buf_printf(buf,
                    "<desc id=\"calibration-desc\">How often rows are positive against the "
                    "probability they were given, in %zu bins; the expected error is %.4f.</desc>",
                    e->n_bins, ece->value);
    diagonal(buf);
    for (size_t i = 0; i < e->n_bins; i++) {
        const struct weir_eval_probability_bin *bin = &e->bins[i];
        if (!e->holdout->weights) {
            uint64_t k = (uint64_t)llround(bin->mean_y * (double)bin->n);
            struct weir_eval_rates_interval w = weir_eval_rates_wilson(k, bin->n, e->alpha);
            weir_buf_printf(buf, "<path class=\"mark\" d=\"M%.1f %.1fV%.1f\"/>", at_x(bin->mean_p),
                            at_y(w.low), at_y(w.high));
        }
        mark(buf, bin->mean_p, bin->mean_y);
    }
    struct pen pen = pen_down(buf);
    for (size_t i = 0; i < e->n_bins; i++)
        draw_to(&pen, e->bins[i].mean_p, e->bins[i].mean_y);
    pen_up(&pen);
}

void weir_gate_plot_append(struct weir_buf *buf, const struct weir_gate_evaluation *evaluation,
                           enum weir_gate_plot plot, bool is_alone)
{
    weir_assert(weir_gate_plot_has(evaluation, plot));
    switch (plot) {
    case WEIR_GATE_PLOT_ROC:
        begin(buf, "roc", "ROC curve", "false positive rate", "true positive rate", is_alone);
        draw_roc(buf, evaluation);
        break;
    case WEIR_GATE_PLOT_PR:
        begin(buf, "pr", "Precision and recall", "recall", "precision", is_alone);
        draw_pr(buf, evaluation);
        break;
    case WEIR_GATE_PLOT_CALIBRATION:
        begin(buf, "calibration", "Calibration", "mean probability", "share of positives",
              is_alone);
        draw_calibration(buf, evaluation);
        break;
    }
    weir_buf_append_c(buf, "</svg>");
}
