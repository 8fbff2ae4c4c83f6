/* SPDX-License-Identifier: MIT */
/* Drawings that have files of their own. Each appends a whole element. */
#ifndef WEIR_GATE_PLOT_PRIV_H
#define WEIR_GATE_PLOT_PRIV_H

#include "gate/plot.h"

/* Draws the curve of each class against the rest; of more than ten the best and the worst five, and
 * the one of all columns ranked together. */
void weir_gate_plot_classes_append(struct weir_buf *buf, const struct weir_gate_evaluation *e,
                                   bool is_alone);

/* Draw predicted numbers: against the truths, and their errors. */
void weir_gate_plot_numbers_append_predicted(struct weir_buf *buf,
                                             const struct weir_gate_plot_sides *sides,
                                             bool is_alone);
void weir_gate_plot_numbers_append_errors(struct weir_buf *buf,
                                          const struct weir_gate_plot_sides *sides, bool is_alone);

#endif
