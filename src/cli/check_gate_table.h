/* SPDX-License-Identifier: MIT */
/* What a gate found, as text for a terminal. */
#ifndef WEIR_CLI_CHECK_GATE_TABLE_H
#define WEIR_CLI_CHECK_GATE_TABLE_H

#include "gate/report.h"

/* Appends who was judged on what, each rule with what it came to and both sides' numbers, and the
 * numbers with their differences; headings between bold and plain, what failed between red and
 * plain. */
void weir_cli_check_gate_table(struct weir_buf *out, const struct weir_gate_report *report,
                               const char *bold, const char *red, const char *plain);

#endif
