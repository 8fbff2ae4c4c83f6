/* SPDX-License-Identifier: MIT */
/* Metrics, parameters and tags of a run, in batches within MLflow's limits: 1000 metrics, 100
 * parameters and 100 tags in one (MLflow's REST API, runs/log-batch). */
#ifndef WEIR_CLI_MLFLOW_BATCH_H
#define WEIR_CLI_MLFLOW_BATCH_H

#include "gate/report.h"

/* A kind of thing in a batch. */
enum weir_cli_mlflow_kind { WEIR_CLI_MLFLOW_METRIC, WEIR_CLI_MLFLOW_PARAM, WEIR_CLI_MLFLOW_TAG };
enum { WEIR_CLI_MLFLOW_KINDS = 3, WEIR_CLI_MLFLOW_BATCHES_MAX = 64 };

struct weir_cli_mlflow_batch {
    struct weir_buf items[WEIR_CLI_MLFLOW_KINDS]; /* elements of the array, with commas between */
    size_t n_items[WEIR_CLI_MLFLOW_KINDS];
};

struct weir_cli_mlflow_batches {
    struct weir_cli_mlflow_batch at[WEIR_CLI_MLFLOW_BATCHES_MAX];
    size_t n;
};

/* Gathers what is logged of a report; batches must be zeroed. label: the column of the truths.
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_cli_mlflow_batches_gather(struct weir_cli_mlflow_batches *batches,
                               const struct weir_gate_report *report, const char *label,
                               uint64_t timestamp_ms, struct weir_error *err);
void weir_cli_mlflow_batches_deinit(struct weir_cli_mlflow_batches *batches);

/* Appends batch i as members of an object that is open and has others: `,"metrics":[…],…`. */
void weir_cli_mlflow_batches_append(const struct weir_cli_mlflow_batches *batches, size_t i,
                                    struct weir_buf *out);

#endif
