/* SPDX-License-Identifier: MIT */
/* What drawings are made of: a square with two axes, lines thinned to what can be seen, marks, and
 * keys below that say what is what. Colours are classes of the style sheet, "c0" to "c10", so that
 * a page decides about light and dark: c0 is the judged model, c1 the one it is compared with, c10
 * has the colour of texts. */
#ifndef WEIR_GATE_PLOT_FRAME_H
#define WEIR_GATE_PLOT_FRAME_H

#include "base/buf.h"
#include "base/macros.h"

enum { WEIR_GATE_PLOT_FRAME_COLOURS = 11, WEIR_GATE_PLOT_FRAME_SIDE = 320 };

struct weir_gate_plot_axis {
    const char *name;
    double low, high; /* what its ends stand for, low < high */
    double step;      /* between two ticks */
    bool is_probit;   /* shares on the scale of the normal distribution's quantiles */
};

/* A drawing while it is made. */
struct weir_gate_plot_frame {
    struct weir_buf *buf;
    const char *id;    /* unique on the page; begins the ids of its parts */
    const char *title; /* as it is; NULL: none is drawn */
    struct weir_gate_plot_axis x, y;
    int strip;        /* units of height kept below the axes for another drawing */
    size_t n_keys;    /* keys that there will be, */
    int key_columns;  /* in so many columns; 0: 1 */
    bool is_alone;    /* a file of its own: with name space and style */
    size_t keys_used; /* 0 at the beginning */
};

/* Opens the element and draws the axes. The description is for those who do not see the drawing;
 * it is taken as it is. */
void weir_gate_plot_frame_begin(struct weir_gate_plot_frame *frame, const char *fmt, ...)
    WEIR_PRINTF(2, 3);
void weir_gate_plot_frame_end(struct weir_gate_plot_frame *frame);

/* Return where a value lies, in units of the drawing; a value outside of the axis lies at its end.
 */
double weir_gate_plot_frame_x(const struct weir_gate_plot_frame *frame, double value);
double weir_gate_plot_frame_y(const struct weir_gate_plot_frame *frame, double value);

/* Draws a straight line between two points, as what is only there to compare with. */
void weir_gate_plot_frame_guide(struct weir_gate_plot_frame *frame, double x0, double y0, double x1,
                                double y1);

/* A line that is being drawn. Of the points in one column of units the first, the last, the lowest
 * and the highest are kept: no more could be seen. */
struct weir_gate_plot_pen {
    struct weir_gate_plot_frame *frame;
    long column;
    double first, low, high, last; /* of the column's points */
    bool has_column;
    bool has_point;
};

/* Begins a line of a colour; points follow in their order; NaN coordinates are left out. */
struct weir_gate_plot_pen weir_gate_plot_frame_pen(struct weir_gate_plot_frame *frame,
                                                   unsigned colour);
void weir_gate_plot_frame_draw(struct weir_gate_plot_pen *pen, double x, double y);
void weir_gate_plot_frame_lift(struct weir_gate_plot_pen *pen);

/* Draws a point; text (as it is) is shown where a pointer rests on it. */
void weir_gate_plot_frame_mark(struct weir_gate_plot_frame *frame, unsigned colour, double x,
                               double y, const char *fmt, ...) WEIR_PRINTF(5, 6);

/* Draws what a point may be off: from low to high upwards, or sideways. */
void weir_gate_plot_frame_bar(struct weir_gate_plot_frame *frame, unsigned colour, double at,
                              double low, double high, bool is_sideways);

/* Writes the next key: a line of the colour and its name, escaped and cut here, with what follows
 * the name as it is. */
void weir_gate_plot_frame_key(struct weir_gate_plot_frame *frame, unsigned colour,
                              struct weir_str name, const char *fmt, ...) WEIR_PRINTF(4, 5);

/* Appends the style rules of drawings that are part of a page. */
void weir_gate_plot_frame_style(struct weir_buf *buf);

/* Returns a step of 1, 2 or 5 times a power of ten that parts a range into at most n. */
double weir_gate_plot_frame_step(double range, int n);

#endif
