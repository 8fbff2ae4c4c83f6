/* SPDX-License-Identifier: MIT */
/* Drawings of an evaluation as SVG: readable without scripts, in light and dark, with a title and a
 * description for those who do not see them. */
#ifndef WEIR_GATE_PLOT_H
#define WEIR_GATE_PLOT_H

#include "gate/evaluation.h"

/* What can be drawn: enumerator, name of its file. */
#define WEIR_GATE_PLOT_MAP(X) \
    X(ROC, "roc")             \
    X(PR, "pr")               \
    X(CALIBRATION, "calibration")

enum weir_gate_plot {
#define WEIR_GATE_PLOT_ENUM(code, name) WEIR_GATE_PLOT_##code,
    WEIR_GATE_PLOT_MAP(WEIR_GATE_PLOT_ENUM)
#undef WEIR_GATE_PLOT_ENUM
};

enum { WEIR_GATE_PLOT_N = WEIR_GATE_PLOT_CALIBRATION + 1 };

/* Returns the name of a drawing ("roc"), borrowed for ever. */
const char *weir_gate_plot_name(enum weir_gate_plot plot);

/* Finds whether the evaluation has what the drawing shows. */
bool weir_gate_plot_has(const struct weir_gate_evaluation *evaluation, enum weir_gate_plot plot);

/* Appends the drawing as an <svg> element. is_alone: with its colours and name space, for a file of
 * its own. */
void weir_gate_plot_append(struct weir_buf *buf, const struct weir_gate_evaluation *evaluation,
                           enum weir_gate_plot plot, bool is_alone);

/* Appends the style rules of drawings that are part of a page. */
void weir_gate_plot_style(struct weir_buf *buf);

#endif
