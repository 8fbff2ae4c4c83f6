/* SPDX-License-Identifier: MIT */
/* Drawings of predicted numbers. */
#include "base/macros.h"
#include "gate/plot_frame.h"
#include "gate/plot_priv.h"

#include <math.h>
#include <stdio.h>

enum {
    CELLS = 80,  /* along a side of the drawing; rows in one cell are one dot */
    SHADES = 4,  /* of a dot, by how many rows it stands for */
    N_BINS = 31, /* of errors; odd, so that one has 0 in its middle */
    N_SIDES = 2,
};

struct range {
    double low, high;
};

static void widen(struct range *r, double v)
{
    if (isfinite(v)) {
        r->low = fmin(r->low, v);
        r->high = fmax(r->high, v);
    }
}

/* Makes an axis whose ends are ticks. */
static struct weir_gate_plot_axis axis_over(const char *name, struct range r)
{
    if (!(r.low <= r.high))
        r = (struct range){0, 1};
    double room = r.high - r.low;
    if (!(room > 1e-9 * fmax(fabs(r.low), fabs(r.high)))) {
        room = fmax(fabs(r.low), 1) * .2;
        r = (struct range){r.low - room / 2, r.high + room / 2};
    }
    double step = weir_gate_plot_frame_step(room, 6);
    return (struct weir_gate_plot_axis){.name = name,
                                        .low = floor(r.low / step) * step,
                                        .high = ceil(r.high / step) * step,
                                        .step = step};
}

/* --- predictions against truths --------------------------------------------------------------- */

static size_t cell(const struct weir_gate_plot_axis *axis, double v)
{
    double at = (v - axis->low) / (axis->high - axis->low) * CELLS;
    return weir_min_size((size_t)fmax(at, 0), CELLS - 1);
}

/* Dots of one shade are one path of round ends. */
static void draw_dots(struct weir_gate_plot_frame *f, unsigned colour, const uint32_t *counts,
                      uint32_t most)
{
    for (int shade = 0; shade < SHADES; shade++) {
        bool is_begun = false;
        for (size_t i = 0; i < (size_t)CELLS * CELLS; i++) {
            double part = counts[i] == 0 ? -1 : most == 1 ? 1 : log(counts[i]) / log(most);
            if (part < 0 || weir_min_size((size_t)(part * SHADES), SHADES - 1) != (size_t)shade)
                continue;
            if (!is_begun)
                weir_buf_printf(f->buf, "<path class=\"dots c%u\" stroke-opacity=\"%.2f\" d=\"",
                                colour, .4 + .6 * (shade + 1) / SHADES);
            is_begun = true;
            double x = f->x.low + (f->x.high - f->x.low) * ((double)(i % CELLS) + .5) / CELLS;
            double y = f->y.low + (f->y.high - f->y.low) * ((double)(i / CELLS) + .5) / CELLS;
            weir_buf_printf(f->buf, "M%.0f %.0fh0", weir_gate_plot_frame_x(f, x),
                            weir_gate_plot_frame_y(f, y));
        }
        if (is_begun)
            weir_buf_append_c(f->buf, "\"/>");
    }
}

void weir_gate_plot_numbers_append_predicted(struct weir_buf *buf,
                                             const struct weir_gate_plot_sides *sides,
                                             bool is_alone)
{
    const struct weir_gate_evaluation *e = sides->evaluation;
    const struct weir_gate_holdout *h = e->holdout;
    struct range all = {INFINITY, -INFINITY};
    struct range truths = {INFINITY, -INFINITY};
    uint32_t *counts = weir_mem_zarray(e->mem, (size_t)CELLS * CELLS, sizeof *counts);
    uint32_t most = 1;
    if (!counts) {
        buf->failed = true;
        return;
    }
    for (size_t i = 0; i < h->n; i++) {
        widen(&truths, h->numbers[i]);
        widen(&all, h->numbers[i]);
        widen(&all, h->predictions[i]);
    }
    struct weir_gate_plot_frame f = {.buf = buf,
                                     .id = "predicted",
                                     .title = "Predictions and truths",
                                     .x = axis_over("truth", all),
                                     .y = axis_over("prediction", all),
                                     .is_alone = is_alone};
    weir_gate_plot_frame_begin(&f,
                               "Predictions against truths of %zu rows; truths are between %.6g "
                               "and %.6g.",
                               h->n, truths.low, truths.high);
    weir_gate_plot_frame_guide(&f, f.x.low, f.y.low, f.x.high, f.y.high);
    for (size_t i = 0; i < h->n; i++) {
        if (!isfinite(h->numbers[i]) || !isfinite(h->predictions[i]))
            continue;
        size_t at = cell(&f.y, h->predictions[i]) * CELLS + cell(&f.x, h->numbers[i]);
        most = counts[at]++ >= most ? counts[at] : most;
    }
    draw_dots(&f, 0, counts, most);
    weir_gate_plot_frame_end(&f);
    weir_mem_free(e->mem, counts);
}

/* --- errors ----------------------------------------------------------------------------------- */

struct errors {
    size_t counts[N_BINS];
    size_t most;
};

static double half_range(const struct weir_gate_holdout *h)
{
    double most = 0;
    for (size_t i = 0; i < h->n; i++) {
        double error = h->predictions[i] - h->numbers[i];
        most = isfinite(error) ? fmax(most, fabs(error)) : most;
    }
    return most;
}

static void count(struct errors *errors, const struct weir_gate_holdout *h, double half)
{
    for (size_t i = 0; i < h->n; i++) {
        double error = h->predictions[i] - h->numbers[i];
        if (!isfinite(error))
            continue;
        double at = (error + half) / (2 * half) * N_BINS;
        size_t bin = weir_min_size((size_t)fmax(at, 0), N_BINS - 1);
        errors->most = weir_max_size(errors->most, ++errors->counts[bin]);
    }
}

static void draw_errors(struct weir_gate_plot_frame *f, unsigned colour,
                        const struct errors *errors, double half)
{
    struct weir_gate_plot_pen pen = weir_gate_plot_frame_pen(f, colour);
    weir_gate_plot_frame_draw(&pen, -half, 0);
    for (int b = 0; b < N_BINS; b++) {
        weir_gate_plot_frame_draw(&pen, -half + 2 * half * b / N_BINS, (double)errors->counts[b]);
        weir_gate_plot_frame_draw(&pen, -half + 2 * half * (b + 1) / N_BINS,
                                  (double)errors->counts[b]);
    }
    weir_gate_plot_frame_draw(&pen, half, 0);
    weir_gate_plot_frame_lift(&pen);
}

void weir_gate_plot_numbers_append_errors(struct weir_buf *buf,
                                          const struct weir_gate_plot_sides *sides, bool is_alone)
{
    const struct weir_gate_evaluation *both[N_SIDES] = {sides->evaluation, sides->other};
    struct errors errors[N_SIDES] = {{.most = 1}, {.most = 1}};
    double half = half_range(both[0]->holdout);
    if (sides->other)
        half = fmax(half, half_range(both[1]->holdout));
    half = half > 0 ? half : 1;
    for (int i = 0; i < N_SIDES && both[i]; i++)
        count(&errors[i], both[i]->holdout, half);
    size_t most = weir_max_size(errors[0].most, errors[1].most);
    struct weir_gate_plot_frame f = {
        .buf = buf,
        .id = "errors",
        .title = "Errors",
        .x = axis_over("prediction − truth", (struct range){-half, half}),
        .y = axis_over("rows", (struct range){0, (double)most}),
        .n_keys = sides->other ? 2 : 0,
        .is_alone = is_alone};
    weir_gate_plot_frame_begin(&f,
                               "How many of %zu rows are off by how much; the largest error is "
                               "%.6g.",
                               both[0]->holdout->n, half_range(both[0]->holdout));
    weir_gate_plot_frame_guide(&f, 0, 0, 0, f.y.high);
    for (int i = N_SIDES - 1; i >= 0; i--) {
        if (both[i])
            draw_errors(&f, (unsigned)i, &errors[i], half);
    }
    if (sides->other) {
        weir_gate_plot_frame_key(&f, 0, sides->name, "%s", "");
        weir_gate_plot_frame_key(&f, 1, sides->other_name, "%s", "");
    }
    weir_gate_plot_frame_end(&f);
}
