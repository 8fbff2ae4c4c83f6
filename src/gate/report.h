/* SPDX-License-Identifier: MIT */
/* An evaluation as one HTML file: nothing is fetched, nothing runs. */
#ifndef WEIR_GATE_REPORT_H
#define WEIR_GATE_REPORT_H

#include "gate/document.h"

/* Appends the page: key numbers, drawings, confusion matrix, thresholds, all numbers, classes.
 * Names of classes and files are escaped. */
void weir_gate_report_append(struct weir_buf *buf, const struct weir_gate_evaluation *evaluation,
                             const struct weir_gate_source *source);

#endif
