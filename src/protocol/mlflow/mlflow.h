/* SPDX-License-Identifier: MIT */
/* POST /invocations and what stands beside it: MLflow's scoring server (2.x and 3.x, the same
 * contract), and the containers of SageMaker, which share its paths. */
#ifndef WEIR_PROTOCOL_MLFLOW_MLFLOW_H
#define WEIR_PROTOCOL_MLFLOW_MLFLOW_H

#include "protocol/dialect.h"

extern const struct weir_protocol_ops weir_protocol_mlflow;

#endif
