/* SPDX-License-Identifier: MIT */
/* What the files of the warm-up share. */
#ifndef WEIR_REPO_WARM_PRIV_H
#define WEIR_REPO_WARM_PRIV_H

#include "repo/warm.h"

/* As weir_repo_warm_run, for a model of tensors. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_repo_warm_tensors(const struct weir_model *model,
                                                      struct weir_repo_warm *out,
                                                      struct weir_error *err);

#endif
