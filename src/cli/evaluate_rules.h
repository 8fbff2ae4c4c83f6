/* SPDX-License-Identifier: MIT */
/* Rules that weir evaluate judges: read from a file before the rows are, judged on what was
 * measured. */
#ifndef WEIR_CLI_EVALUATE_RULES_H
#define WEIR_CLI_EVALUATE_RULES_H

#include "gate/rulings.h"

struct weir_cli_evaluate_slice;

/* A file of rules; zeroed: there is none. */
struct weir_cli_evaluate_rules {
    bool has_rules;
    struct weir_gate_rules rules;
    bool has_judgement;
    struct weir_gate_rules_judgement judgement;
    struct weir_cli_evaluate_slice *slices; /* n_slices that rules name, owned */
    struct weir_gate_rules_part *parts;
    size_t n_slices;
};

/* Reads a file of rules. WEIR_ERR_NOT_FOUND, WEIR_ERR_IO: the file; WEIR_ERR_INVALID: it is not
 * rules, with file, line and column. */
WEIR_MUST_USE enum weir_status weir_cli_evaluate_rules_read(struct weir_cli_evaluate_rules *r,
                                                            const char *path,
                                                            struct weir_error *err);

/* Adds the columns of slices that rules name to those that rows are cut by, borrowed from the
 * rules. WEIR_ERR_LIMIT: more than there may be. */
WEIR_MUST_USE enum weir_status weir_cli_evaluate_rules_cut(const struct weir_cli_evaluate_rules *r,
                                                           struct weir_str *slices,
                                                           size_t *n_slices, size_t n_max,
                                                           struct weir_error *err);

/* Judges on what was measured of a model and a baseline (NULL: there is none). A slice without rows
 * is no failure: rules on it are unknown. */
WEIR_MUST_USE enum weir_status weir_cli_evaluate_rules_judge(
    struct weir_cli_evaluate_rules *r, const struct weir_gate_evaluation *model,
    const struct weir_gate_evaluation *baseline, const struct weir_gate_compare *compare,
    const struct weir_gate_compare_opts *opts, struct weir_error *err);

void weir_cli_evaluate_rules_deinit(struct weir_cli_evaluate_rules *r);

#endif
