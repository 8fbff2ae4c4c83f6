/* SPDX-License-Identifier: MIT */
#include "gate/plot_frame.h"

#include "base/macros.h"
#include "eval/normal.h"
#include "gate/html.h"

#include <math.h>
#include <stdio.h>

/* Room around the square for the axes' texts, in units. */
enum {
    LEFT = 56,
    TOP = 32,
    RIGHT = 16,
    BOTTOM = 48,
    KEY_HEIGHT = 18,
    KEY_LINE = 26, /* length of the line beside a key's name */
    SIDE = WEIR_GATE_PLOT_FRAME_SIDE,
    WIDTH = LEFT + SIDE + RIGHT,
    KEY_GAP = 8,
    KEY_CHARS_MIN = 6,
};

/* The width of a character of a key, on average. */
static const double KEY_CHAR = 6.6;

static const double probit_ticks[] = {.001, .01, .05, .2, .5, .8, .95, .99, .999};

void weir_gate_plot_frame_style(struct weir_buf *buf)
{
    /* Each colour has at least 3:1 against its background; dashes tell those apart that eyes or a
     * printer do not. */
    static const char *const light[WEIR_GATE_PLOT_FRAME_COLOURS] = {
        "#0b62c4", "#c2410c", "#0a7d55", "#a8327e", "#8a6100", "#0e7490",
        "#6d3fc0", "#7c4a3a", "#56606b", "#b3202c", "#1c2733"};
    static const char *const dark[WEIR_GATE_PLOT_FRAME_COLOURS] = {
        "#7fb2ff", "#ff9a5a", "#4fd1a1", "#f08cc9", "#e2b93b", "#5cc8e0",
        "#b79cff", "#d6a28f", "#b4bec9", "#ff8080", "#e4eaf0"};
    static const char *const dashes[WEIR_GATE_PLOT_FRAME_COLOURS] = {
        "none", "7 4", "2 3", "9 3 2 3", "none", "7 4", "2 3", "9 3 2 3", "none", "7 4", "none"};
    weir_buf_append_c(buf, ".plot{--grid:#dfe4ea;--soft:#75879a;--ink:#1c2733;--paper:#fff");
    for (int i = 0; i < WEIR_GATE_PLOT_FRAME_COLOURS; i++)
        weir_buf_printf(buf, ";--c%d:%s", i, light[i]);
    weir_buf_append_c(buf, "}@media screen and (prefers-color-scheme:dark){.plot{--grid:#2d3742;"
                           "--soft:#8496a8;--ink:#e4eaf0;--paper:#12171d");
    for (int i = 0; i < WEIR_GATE_PLOT_FRAME_COLOURS; i++)
        weir_buf_printf(buf, ";--c%d:%s", i, dark[i]);
    weir_buf_append_c(buf, "}}.plot text{fill:var(--ink);font:12px system-ui,sans-serif}"
                           ".plot .name{font-weight:600;font-size:14px}"
                           ".plot path{fill:none}.plot .grid{stroke:var(--grid)}"
                           ".plot .soft{stroke:var(--soft);stroke-dasharray:4 4}"
                           ".plot .line{stroke-width:2;stroke-linejoin:round}"
                           ".plot .bar{stroke-width:1.5}"
                           ".plot .mark{stroke:var(--paper);stroke-width:1.5}"
                           ".plot .dots{stroke-width:4.5;stroke-linecap:round}");
    for (int i = 0; i < WEIR_GATE_PLOT_FRAME_COLOURS; i++)
        weir_buf_printf(buf,
                        ".plot .c%d{stroke:var(--c%d)}.plot .mark.c%d,.plot .fill.c%d{fill:var("
                        "--c%d);stroke:var(--paper)}.plot .line.c%d{stroke-dasharray:%s}",
                        i, i, i, i, i, i, dashes[i]);
}

double weir_gate_plot_frame_step(double range, int n)
{
    weir_assert(n > 0);
    double power = pow(10, floor(log10(range / n)));
    for (int i = 0; i < 3; i++) {
        static const double times[] = {1, 2, 5};
        if (range / (power * times[i]) <= n)
            return power * times[i];
    }
    return 10 * power;
}

/* Returns where on the axis a value lies: 0 to 1. */
static double place(const struct weir_gate_plot_axis *axis, double value)
{
    double v = fmin(fmax(value, axis->low), axis->high);
    if (!axis->is_probit)
        return (v - axis->low) / (axis->high - axis->low);
    double low = weir_eval_normal_quantile(axis->low);
    double high = weir_eval_normal_quantile(axis->high);
    return (weir_eval_normal_quantile(v) - low) / (high - low);
}

double weir_gate_plot_frame_x(const struct weir_gate_plot_frame *frame, double value)
{
    return LEFT + SIDE * place(&frame->x, value);
}

double weir_gate_plot_frame_y(const struct weir_gate_plot_frame *frame, double value)
{
    return TOP + SIDE * (1 - place(&frame->y, value));
}

/* --- axes ------------------------------------------------------------------------------------- */

static void put_tick(struct weir_buf *buf, const struct weir_gate_plot_axis *axis, double value)
{
    if (axis->is_probit)
        weir_buf_printf(buf, "%g%%", 100 * value);
    else
        weir_buf_printf(buf, "%g", fabs(value) < axis->step / 2 ? 0 : value);
}

static void tick_x(struct weir_gate_plot_frame *f, double value)
{
    double at = weir_gate_plot_frame_x(f, value);
    weir_buf_printf(f->buf,
                    "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%d\" "
                    "text-anchor=\"middle\">",
                    at, TOP, TOP + SIDE, at, TOP + SIDE + f->strip + 17);
    put_tick(f->buf, &f->x, value);
    weir_buf_append_c(f->buf, "</text>");
}

static void tick_y(struct weir_gate_plot_frame *f, double value)
{
    double at = weir_gate_plot_frame_y(f, value);
    weir_buf_printf(f->buf,
                    "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                    "text-anchor=\"end\">",
                    LEFT, at, LEFT + SIDE, LEFT - 7, at + 4);
    put_tick(f->buf, &f->y, value);
    weir_buf_append_c(f->buf, "</text>");
}

static void draw_ticks(struct weir_gate_plot_frame *f, const struct weir_gate_plot_axis *axis,
                       void (*tick)(struct weir_gate_plot_frame *f, double value))
{
    if (axis->is_probit) {
        for (size_t i = 0; i < WEIR_ARRAY_LEN(probit_ticks); i++) {
            if (probit_ticks[i] >= axis->low && probit_ticks[i] <= axis->high)
                tick(f, probit_ticks[i]);
        }
        return;
    }
    double first = ceil(axis->low / axis->step - 1e-9);
    double last = floor(axis->high / axis->step + 1e-9);
    for (double i = first; i <= last; i++)
        tick(f, i * axis->step);
}

void weir_gate_plot_frame_begin(struct weir_gate_plot_frame *frame, const char *fmt, ...)
{
    struct weir_gate_plot_frame *f = frame;
    struct weir_buf *buf = f->buf;
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); /* A cut description still is one. */
    va_end(args);
    f->key_columns = f->key_columns > 0 ? f->key_columns : 1;
    int n_lines = (int)(f->n_keys + (size_t)f->key_columns - 1) / f->key_columns;
    int height = TOP + SIDE + f->strip + BOTTOM + n_lines * KEY_HEIGHT;
    weir_buf_printf(buf,
                    "<svg class=\"plot\"%s viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                    "role=\"img\" aria-labelledby=\"%s-title %s-desc\"><title id=\"%s-title\">%s"
                    "</title><desc id=\"%s-desc\">%s</desc>",
                    f->is_alone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "", WIDTH, height,
                    WIDTH, height, f->id, f->id, f->id, f->title, f->id, text);
    if (f->is_alone) {
        weir_buf_append_c(buf, "<style>");
        weir_gate_plot_frame_style(buf);
        weir_buf_append_c(buf, ".plot{background:var(--paper)}</style>");
    }
    weir_buf_printf(buf, "<text class=\"name\" x=\"%d\" y=\"18\">%s</text>", LEFT, f->title);
    draw_ticks(f, &f->x, tick_x);
    draw_ticks(f, &f->y, tick_y);
    weir_buf_printf(buf,
                    "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text><text "
                    "text-anchor=\"middle\" transform=\"translate(13 %d) rotate(-90)\">%s</text>",
                    LEFT + SIDE / 2, TOP + SIDE + f->strip + 36, f->x.name, TOP + SIDE / 2,
                    f->y.name);
}

void weir_gate_plot_frame_end(struct weir_gate_plot_frame *frame)
{
    weir_assert(frame->keys_used <= frame->n_keys);
    weir_buf_append_c(frame->buf, "</svg>");
}

/* --- what is drawn ---------------------------------------------------------------------------- */

void weir_gate_plot_frame_guide(struct weir_gate_plot_frame *frame, double x0, double y0, double x1,
                                double y1)
{
    weir_buf_printf(frame->buf, "<path class=\"soft\" d=\"M%.1f %.1fL%.1f %.1f\"/>",
                    weir_gate_plot_frame_x(frame, x0), weir_gate_plot_frame_y(frame, y0),
                    weir_gate_plot_frame_x(frame, x1), weir_gate_plot_frame_y(frame, y1));
}

struct weir_gate_plot_pen weir_gate_plot_frame_pen(struct weir_gate_plot_frame *frame,
                                                   unsigned colour)
{
    weir_assert(colour < WEIR_GATE_PLOT_FRAME_COLOURS);
    weir_buf_printf(frame->buf, "<path class=\"line c%u\" d=\"", colour);
    return (struct weir_gate_plot_pen){.frame = frame};
}

static void put_point(struct weir_gate_plot_pen *pen, double y)
{
    weir_buf_printf(pen->frame->buf, "%c%ld %.1f", pen->has_point ? 'L' : 'M', pen->column, y);
    pen->has_point = true;
}

static void end_column(struct weir_gate_plot_pen *pen)
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

void weir_gate_plot_frame_draw(struct weir_gate_plot_pen *pen, double x, double y)
{
    if (isnan(x) || isnan(y))
        return;
    long column = lround(weir_gate_plot_frame_x(pen->frame, x));
    double at = weir_gate_plot_frame_y(pen->frame, y);
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

void weir_gate_plot_frame_lift(struct weir_gate_plot_pen *pen)
{
    end_column(pen);
    weir_buf_append_c(pen->frame->buf, "\"/>");
}

void weir_gate_plot_frame_mark(struct weir_gate_plot_frame *frame, unsigned colour, double x,
                               double y, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    weir_buf_printf(frame->buf,
                    "<circle class=\"mark c%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>%s</title>"
                    "</circle>",
                    colour, weir_gate_plot_frame_x(frame, x), weir_gate_plot_frame_y(frame, y),
                    text);
}

void weir_gate_plot_frame_bar(struct weir_gate_plot_frame *frame, unsigned colour, double at,
                              double low, double high, bool is_sideways)
{
    if (is_sideways)
        weir_buf_printf(frame->buf, "<path class=\"bar c%u\" d=\"M%.1f %.1fH%.1f\"/>", colour,
                        weir_gate_plot_frame_x(frame, low), weir_gate_plot_frame_y(frame, at),
                        weir_gate_plot_frame_x(frame, high));
    else
        weir_buf_printf(frame->buf, "<path class=\"bar c%u\" d=\"M%.1f %.1fV%.1f\"/>", colour,
                        weir_gate_plot_frame_x(frame, at), weir_gate_plot_frame_y(frame, low),
                        weir_gate_plot_frame_y(frame, high));
}

void weir_gate_plot_frame_key(struct weir_gate_plot_frame *frame, unsigned colour,
                              struct weir_str name, const char *fmt, ...)
{
    weir_assert(frame->keys_used < frame->n_keys);
    int column = (int)frame->keys_used % frame->key_columns;
    int line = (int)frame->keys_used++ / frame->key_columns;
    int x = LEFT + column * (SIDE / frame->key_columns);
    int y = TOP + SIDE + frame->strip + BOTTOM + line * KEY_HEIGHT + 8;
    char text[128];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    weir_buf_printf(frame->buf,
                    "<path class=\"line c%u\" d=\"M%d %dh%d\"/><text x=\"%d\" y=\"%d\">", colour, x,
                    y - 4, KEY_LINE, x + KEY_LINE + KEY_GAP, y);
    double room = (double)SIDE / frame->key_columns - KEY_LINE - 2 * KEY_GAP;
    size_t n_chars = (size_t)(room / KEY_CHAR);
    size_t n_text = strlen(text);
    weir_gate_html_text_cut(frame->buf, name,
                            n_chars > n_text + KEY_CHARS_MIN ? n_chars - n_text : KEY_CHARS_MIN);
    weir_buf_printf(frame->buf, "%s</text>", text);
}
