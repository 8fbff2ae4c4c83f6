/* SPDX-License-Identifier: MIT */
/* Drawings of an evaluation as SVG: readable without scripts, in light and dark, with a title and a
 * description for those who do not see them. A second evaluation of the same rows is drawn over the
 * first. */
#ifndef WEIR_GATE_PLOT_H
#define WEIR_GATE_PLOT_H

#include "gate/evaluation.h"

/* What can be drawn: enumerator, name of its file, what it tells. */
#define WEIR_GATE_PLOT_MAP(X)                                                                     \
    X(ROC, "roc",                                                                                 \
      "The share of positives found against the share of negatives taken for them. A point is "   \
      "what is decided, with 95% intervals of both rates where rows have no weights.")            \
    X(PR, "pr", "The dashed line is the share of positives: what guessing reaches.")              \
    X(CALIBRATION, "calibration",                                                                 \
      "How often rows are positive that were given a probability, with 95% intervals where rows " \
      "have no weights; below, how many rows were given it.")                                     \
    X(DET, "det", "The two kinds of error against each other; chance is the falling diagonal.")   \
    X(GAIN, "gain",                                                                               \
      "The share of positives among the rows with the largest scores; the steep dashed line "     \
      "is a perfect ranking.")                                                                    \
    X(LIFT, "lift", "How many times more positives than among all rows.")                         \
    X(PREDICTED, "predicted", "Each row; the diagonal is where predictions are right.")           \
    X(ERRORS, "errors", "How far predictions are off, prediction minus truth.")

enum weir_gate_plot {
#define WEIR_GATE_PLOT_ENUM(code, ...) WEIR_GATE_PLOT_##code,
    WEIR_GATE_PLOT_MAP(WEIR_GATE_PLOT_ENUM)
#undef WEIR_GATE_PLOT_ENUM
};

enum { WEIR_GATE_PLOT_N = WEIR_GATE_PLOT_ERRORS + 1 };

/* Whose curves are drawn. */
struct weir_gate_plot_sides {
    const struct weir_gate_evaluation *evaluation;
    const struct weir_gate_evaluation *other; /* of the same rows; NULL: there is none */
    struct weir_str name;                     /* of the first: "candidate"; used beside another */
    struct weir_str other_name;
};

/* Return the name of a drawing ("roc"), and a sentence about that of an evaluation; borrowed for
 * ever. */
const char *weir_gate_plot_name(enum weir_gate_plot plot);
const char *weir_gate_plot_text(const struct weir_gate_evaluation *evaluation,
                                enum weir_gate_plot plot);

/* Finds whether the evaluation has what the drawing shows. */
bool weir_gate_plot_has(const struct weir_gate_evaluation *evaluation, enum weir_gate_plot plot);

/* Appends the drawing as an <svg> element. is_alone: with its colours and name space, for a file of
 * its own. Curves of many classes are ranked here: 24 bytes a row of scratch. */
void weir_gate_plot_append(struct weir_buf *buf, const struct weir_gate_plot_sides *sides,
                           enum weir_gate_plot plot, bool is_alone);

#endif
