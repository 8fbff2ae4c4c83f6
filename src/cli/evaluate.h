/* SPDX-License-Identifier: MIT */
/* weir evaluate: what it is asked, and its steps. */
#ifndef WEIR_CLI_EVALUATE_H
#define WEIR_CLI_EVALUATE_H

#include "cli/mlflow_log.h"
#include "cli/progress.h"
#include "gate/compare.h"
#include "gate/report.h"

/* What the command line says; texts are borrowed from it. */
struct weir_cli_evaluate {
    const char *model;    /* NULL: scores are in the file */
    const char *baseline; /* a second model; NULL: none */
    const char *data;
    const char *rules; /* a file of rules; NULL: none */
    const char *policy_text;
    struct weir_eval_policy policy;
    struct weir_gate_holdout_opts holdout;
    struct weir_str labels[WEIR_GATE_MULTILABEL_MAX]; /* what holdout.labels are */
    struct weir_str slices[WEIR_GATE_CUTS_MAX];       /* what holdout.slices are */
    struct weir_gate_evaluation_opts evaluation;
    struct weir_gate_compare_opts compare;
    enum weir_cli_progress_mode progress;
    bool has_full_curves;
    bool is_json;
    const char *html; /* where the report goes; NULL: nowhere */
    const char *svg;  /* the folder of drawings; NULL: none */
    struct weir_cli_mlflow_opts mlflow;
};

/* What the command ends with beside the exits of all commands. */
enum { WEIR_CLI_EVALUATE_EXIT_FAIL = 3, WEIR_CLI_EVALUATE_EXIT_INCONCLUSIVE = 4 };

/* Reads, measures, compares, judges and writes all that is asked for; the request gets the columns
 * that rules cut by. Returns what the process ends with; what failed has been said. */
int weir_cli_evaluate_run(struct weir_cli_evaluate *request);

/* Writes the files that are asked for, then the table or document to standard output. */
WEIR_MUST_USE enum weir_status weir_cli_evaluate_write(const struct weir_cli_evaluate *request,
                                                       const struct weir_gate_report *report,
                                                       struct weir_error *err);

/* Logs to the tracking server that is asked for. */
WEIR_MUST_USE enum weir_status weir_cli_evaluate_log(const struct weir_cli_evaluate *request,
                                                     const struct weir_gate_report *report,
                                                     struct weir_error *err);

/* Appends the document: of the model an eval/1, and of a baseline in it "baseline", "delta" and
 * "disagreements", of rules "rules" and "verdict". */
void weir_cli_evaluate_document(struct weir_buf *out, const struct weir_gate_report *report,
                                bool has_full_curves);

#endif
