/* SPDX-License-Identifier: MIT */
/* An evaluation as a run of an MLflow tracking server: parameters, metrics, the holdout as its
 * dataset, and as artifacts the report (report.html) and the document (evaluation.json).
 *
 * Numbers have the names of MLflow's own evaluators where these have them (accuracy_score,
 * precision_recall_auc, …), others their own. What is undefined is no metric but a tag
 * "undefined.NAME" with the reason. */
#ifndef WEIR_CLI_MLFLOW_LOG_H
#define WEIR_CLI_MLFLOW_LOG_H

#include "gate/report.h"

struct weir_cli_mlflow_opts {
    const char *url;        /* "http://HOST[:PORT][/PREFIX]"; NULL: nothing is logged */
    const char *experiment; /* NULL: "weir/" and the model's name */
    const char *run_name;   /* NULL: the model's name and the beginning of its digest */
    const char *label;      /* the column of the truths, for the parameters */
};

/* Logs a run and says on standard error where it is. html, json: the artifacts' bytes, which a
 * server that does not take artifacts does not get; that is said and no failure. A run that could
 * not be logged whole is marked as failed. Statuses of weir_cli_mlflow_client_call;
 * WEIR_ERR_INVALID: the experiment is deleted, or an answer is not what it should be. */
WEIR_MUST_USE enum weir_status weir_cli_mlflow_log(const struct weir_cli_mlflow_opts *opts,
                                                   const struct weir_gate_report *report,
                                                   struct weir_str html, struct weir_str json,
                                                   struct weir_error *err);

#endif
