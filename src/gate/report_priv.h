/* SPDX-License-Identifier: MIT */
/* Parts of the report that have files of their own. Each appends its sections, or nothing. */
#ifndef WEIR_GATE_REPORT_PRIV_H
#define WEIR_GATE_REPORT_PRIV_H

#include "gate/report.h"

void weir_gate_report_style_append(struct weir_buf *buf);

void weir_gate_report_rules_append(struct weir_buf *buf, const struct weir_gate_report *r);
void weir_gate_report_slices_append(struct weir_buf *buf, const struct weir_gate_report *r);
void weir_gate_report_slices_append_folds(struct weir_buf *buf, const struct weir_gate_report *r);
void weir_gate_report_compare_append(struct weir_buf *buf, const struct weir_gate_report *r);

void weir_gate_report_tables_append_confusion(struct weir_buf *buf,
                                              const struct weir_gate_report *r);
void weir_gate_report_tables_append_thresholds(struct weir_buf *buf,
                                               const struct weir_gate_report *r);
void weir_gate_report_tables_append_numbers(struct weir_buf *buf, const struct weir_gate_report *r);
void weir_gate_report_tables_append_classes(struct weir_buf *buf, const struct weir_gate_report *r);

#endif
