/* SPDX-License-Identifier: MIT */
/* An evaluation as text for a terminal. */
#ifndef WEIR_CLI_EVALUATE_TABLE_H
#define WEIR_CLI_EVALUATE_TABLE_H

#include "gate/document.h"

/* Appends headings (between bold and plain), rows, numbers, the confusion matrix, the classes. */
void weir_cli_evaluate_table(struct weir_buf *out, const struct weir_gate_evaluation *evaluation,
                             const struct weir_gate_source *source, const char *bold,
                             const char *plain);

#endif
