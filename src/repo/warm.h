/* SPDX-License-Identifier: MIT */
/* Warming a model up: it answers synthetic rows before it answers anybody, and its cost is
 * measured. Threads: the loader. */
#ifndef WEIR_REPO_WARM_H
#define WEIR_REPO_WARM_H

#include "model/model.h"
#include <weir/error.h>

struct weir_repo_warm {
    double cost_ns, cost_row_ns; /* cost(n) = cost_ns + cost_row_ns × n, by thread CPU time */
};

/* Runs the model on synthetic rows (all cheap outputs), checks that the answers are finite and that
 * labels are classes, and fits the cost line from one row and from up to 64. Takes some 0.5 ms of
 * CPU or three runs, whichever is longer. Rows whose categories the model does not know say nothing
 * of it. Tensors are zeros, dimensions that vary 1; a model that does not run on those is not
 * refused, its cost stays unknown (zeros).
 * WEIR_ERR_INVALID: an answer is not finite, or no row is answered; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_repo_warm_run(const struct weir_model *model,
                                                  struct weir_repo_warm *out,
                                                  struct weir_error *err);

#endif
