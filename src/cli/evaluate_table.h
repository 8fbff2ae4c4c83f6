/* SPDX-License-Identifier: MIT */
/* An evaluation as text for a terminal. */
#ifndef WEIR_CLI_EVALUATE_TABLE_H
#define WEIR_CLI_EVALUATE_TABLE_H

#include "gate/report.h"

/* Appends headings (between bold and plain), rows, numbers, the confusion matrix, the classes, and
 * differences to a baseline. */
void weir_cli_evaluate_table(struct weir_buf *out, const struct weir_gate_report *report,
                             const char *bold, const char *plain);

/* Appends how many rows of a file did not count, and why: "; 1 refused (row 6: …)"; live names the
 * other model. */
void weir_cli_evaluate_table_left_out(struct weir_buf *out, const struct weir_gate_report *report,
                                      const char *live);

#endif
