/* SPDX-License-Identifier: MIT */
/* What the text format and its linter ask of names, units and label values.
 *
 * https://prometheus.io/docs/instrumenting/writing_exporters/ and the checks of "promtool check
 * metrics". Pure. */
#ifndef WEIR_METRIC_RULES_H
#define WEIR_METRIC_RULES_H

#include "metric/text.h"
#include <weir/error.h>

enum { WEIR_METRIC_LABEL_BYTES_MAX = 256 };

/* Checks a table of families: names, help, units in names, labels, nothing twice. WEIR_ERR_INVALID:
 * err names the family and what is wrong with it. */
WEIR_MUST_USE enum weir_status weir_metric_rules_check(const struct weir_metric_family *families,
                                                       size_t n, struct weir_error *err);

/* Copies a label value into out (WEIR_METRIC_LABEL_BYTES_MAX bytes): what is not UTF-8 (RFC 3629)
 * becomes '?', and a longer one is cut between characters. Returns the bytes written. */
size_t weir_metric_rules_clean_label(struct weir_str s, char *out);

#endif
