/* SPDX-License-Identifier: MIT */
/* POST /invocations and what stands beside it: MLflow's scoring server (2.x and 3.x, the same
 * contract), and the containers of SageMaker, which share its paths. */
#ifndef WEIR_PROTOCOL_MLFLOW_MLFLOW_H
#define WEIR_PROTOCOL_MLFLOW_MLFLOW_H

#include "protocol/dialect.h"

/* The routes' actions. */
enum weir_protocol_mlflow_action {
    WEIR_PROTOCOL_MLFLOW_INVOCATIONS,
    WEIR_PROTOCOL_MLFLOW_PING,
    WEIR_PROTOCOL_MLFLOW_VERSION,
    WEIR_PROTOCOL_MLFLOW_EXECUTION, /* SageMaker's execution parameters */
};

extern const struct weir_protocol_ops weir_protocol_mlflow;

#endif
